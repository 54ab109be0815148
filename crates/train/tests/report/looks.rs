//! How the pages look in a browser: on a phone and on a desk, by day and by night.

use super::browser::{Browser, field, find};
use super::*;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Elements that stick out of the page, but for those that scroll within themselves.
const STICKING_OUT: &str =
    "[...document.querySelectorAll('body *')].filter(e => !e.closest('.wide') || e.matches('.wide'))
    .filter(e => e.getBoundingClientRect().right > WIDTH + 1)
    .map(e => e.tagName + ' ' + (e.className.baseVal ?? e.className)).slice(0, 5).join(', ')";

/// Text that is smaller than 10.5 pixels, of the elements that are shown.
const TOO_SMALL: &str = "[...document.querySelectorAll('body *')]
    .filter(e => [...e.childNodes].some(n => n.nodeType == 3 && n.data.trim()) && e.getClientRects().length)
    .filter(e => parseFloat(getComputedStyle(e).fontSize) * (e.ownerSVGElement ? e.getScreenCTM().a : 1) < 10.5)
    .map(e => e.tagName + ' ' + e.textContent.slice(0, 20)).slice(0, 5).join(', ')";

/// Text whose contrast with what lies behind it is below 4.5 (WCAG 2.2, level AA).
const TOO_FAINT: &str = "(() => {
    const parse = text => (text.match(/[0-9.]+/g) || []).map(Number);
    const over = (top, below) => { const a = top[3] ?? 1; return [0, 1, 2].map(i => a * top[i] + (1 - a) * below[i]); };
    const ground = e => e ? over(parse(getComputedStyle(e).backgroundColor), ground(e.parentElement)) : [255, 255, 255];
    const light = c => { const [r, g, b] = c.map(x => x / 255).map(x => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
    const contrast = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
    return [...document.querySelectorAll('body *')]
        .filter(e => [...e.childNodes].some(n => n.nodeType == 3 && n.data.trim()) && e.getClientRects().length)
        .map(e => { const s = getComputedStyle(e), behind = ground(e);
            return [e, contrast(over(parse(e.ownerSVGElement ? s.fill : s.color), behind), behind)]; })
        .filter(([e, c]) => !(c >= 4.5)).map(([e, c]) => e.tagName + ' ' + e.className + ' ' + e.textContent.slice(0, 20) + ' ' + c.toFixed(2))
        .slice(0, 5).join(', ');
})()";

/// What a switch shows: which views of charts are there, before and behind it.
const SWITCHED: &str = "(() => {
    const shown = what => [...document.querySelectorAll(what)].every(e => getComputedStyle(e).display == 'block');
    const before = [shown('.charts .linear'), shown('.charts .log')];
    document.getElementById('log').click();
    return [...before, shown('.charts .linear'), shown('.charts .log')].join(' ');
})()";

/// Captured output is shown of failing tests alone; this is to be seen.
#[expect(clippy::explicit_write, reason = "eprintln! is captured")]
fn say(line: &str) {
    writeln!(std::io::stderr(), "{line}").unwrap();
}

/// A page's name, its file, and what writes it.
type Page = (&'static str, &'static str, fn(&Temporary));

#[test]
fn the_pages_are_good_in_a_browser() {
    let Some(path) = find() else {
        return say("skipped: the report's looks: no Chromium on the path; GRADUS_CHROMIUM=FILE names one");
    };
    let Some(mut browser) = Browser::start(&path) else {
        let answers = format!("{} does not answer", path.display());
        assert!(std::env::var_os("GRADUS_CHROMIUM").is_none(), "{answers}");
        return say(&format!("skipped: the report's looks: {answers}"));
    };
    let pictures = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("report");
    fs::create_dir_all(&pictures).unwrap();
    let folder = Temporary::new();
    faults_are_found(&mut browser, &folder);
    let pages: [Page; 6] = [
        ("usual", "report.html", |folder| drop(usual(folder))),
        ("comparison", "comparison.html", |folder| drop(comparison(folder))),
        ("hostile", "report.html", |folder| drop(hostile(folder, 1000, 100, 20))),
        ("names", "report.html", |folder| drop(hostile(folder, 12, 6, 3))),
        ("one-epoch", "report.html", |folder| drop(hostile(folder, 1, 2, 1))),
        ("empty", "report.html", |folder| {
            drop(Report::new("Nothing yet", &History::default()).write(&folder.0).unwrap());
        }),
    ];
    for (i, (name, file, write)) in pages.into_iter().enumerate() {
        write(&folder);
        let page = folder.0.join(file).canonicalize().unwrap();
        let all = [(375, false), (375, true), (1280, false), (1280, true)];
        // The usual ones in all four ways, the others in two.
        for (width, dark) in all.into_iter().filter(|(width, dark)| i < 2 || (*width == 375) == *dark) {
            look(&mut browser, &page, (width, dark), &pictures, name);
        }
    }
    say(&format!("pictures of the report: {}", pictures.display()));
}

/// What is wrong with the page that is open.
fn faults(browser: &mut Browser, page: &Path, width: u32) -> Vec<String> {
    let mut faults = Vec::new();
    let widths = browser.evaluate("innerWidth + ' ' + document.documentElement.scrollWidth");
    if widths != format!("{width} {width}") {
        faults.push(format!("it is wider than the screen: {widths}"));
    }
    // With all folds open, so that there is most to see.
    browser.evaluate("document.querySelectorAll('details').forEach(e => e.open = true), ''");
    for (what, script) in [("sticks out", STICKING_OUT), ("is too small", TOO_SMALL), ("is too faint", TOO_FAINT)] {
        let found = browser.evaluate(&script.replace("WIDTH", &width.to_string()));
        if !found.is_empty() {
            faults.push(format!("{what}: {found}"));
        }
    }
    let own = format!("file://{}", page.display());
    for event in &browser.events {
        let kind = field(event, "method").unwrap_or_default();
        if ["Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"].contains(&kind.as_str()) {
            faults.push(format!("the console says: {event}"));
        }
        if kind == "Network.requestWillBeSent" {
            let url = field(event, "url").unwrap_or_default();
            if url != own && !url.starts_with("data:") {
                faults.push(format!("it asks for {url}"));
            }
        }
    }
    if !browser.events.iter().any(|event| event.contains("Network.requestWillBeSent")) {
        faults.push("events are lost".to_owned());
    }
    faults
}

/// The checks bite: a page with one of each fault.
fn faults_are_found(browser: &mut Browser, folder: &Temporary) {
    fs::create_dir_all(&folder.0).unwrap();
    let page = folder.0.canonicalize().unwrap().join("bad.html");
    let body = "<body style='margin:0'><p style='width:500px'>wide</p><p style='font-size:8px'>small</p>\
                <p style='color:#999'>faint</p><img src='none.png' alt=''><script>console.log('said')</script>";
    fs::write(&page, format!("<!doctype html><meta name='viewport' content='width=device-width'>{body}")).unwrap();
    browser.open(&page, 375, false);
    let found = faults(browser, &page, 375).join("\n");
    for fault in ["wider", "sticks out: P", "too small: P small", "too faint: P  faint", "said", "none.png"] {
        assert!(found.contains(fault), "{fault} is not among\n{found}");
    }
}

fn look(browser: &mut Browser, page: &Path, (width, dark): (u32, bool), pictures: &Path, name: &str) {
    let scheme = if dark { "dark" } else { "light" };
    let case = format!("{name}, {width} pixels, {scheme}");
    browser.open(page, width, dark);
    browser.screenshot(&pictures.join(format!("{name}-{width}-{scheme}.png")), width);
    if browser.evaluate("document.getElementById('log') ? 'yes' : 'no'") == "yes" {
        assert_eq!(browser.evaluate(SWITCHED), "true false false true", "{case}");
        if width > 1000 && ["usual", "comparison"].contains(&name) {
            browser.screenshot(&pictures.join(format!("{name}-{width}-{scheme}-log.png")), width);
        }
    }
    assert_eq!(faults(browser, page, width), [""; 0], "{case}");
}
