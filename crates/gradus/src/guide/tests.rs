//! The rendered chapters are those that were written.

use std::fs;
use std::path::{Path, PathBuf};

/// What rendering leaves as it is: the text without formulas and pictures; and the formulas and pictures by their sources.
fn parts(text: &str, rendered: bool) -> (String, Vec<String>) {
    let (mut plain, mut sources, mut rest) = (String::new(), Vec::new(), text);
    let mut code = false;
    while !rest.is_empty() {
        let starts: &[&str] = match (code, rendered) {
            (true, _) => &["```"],
            (false, true) => &["```", "`", "<math", "<img", "<div", "</div>"],
            (false, false) => &["```", "`", "$$", "$", "!["],
        };
        let found = starts.iter().filter_map(|start| rest.find(start).map(|at| (at, *start)));
        let Some((at, start)) = found.min_by_key(|&(at, start)| (at, usize::MAX - start.len())) else { break };
        plain.push_str(&rest[..at]);
        rest = &rest[at + start.len()..];
        let between = |open: &str, close: &str, text: &str| -> (String, usize) {
            let from = text.find(open).expect("a part is whole") + open.len();
            let to = from + text[from..].find(close).expect("a part is whole");
            (text[from..to].to_owned(), to + close.len())
        };
        match start {
            "```" => {
                code = !code;
                plain.push_str(start);
            }
            "`" => {
                let (inside, end) = between("", "`", rest);
                plain.push_str(&inside);
                rest = &rest[end..];
            }
            "$$" | "$" => {
                let (tex, end) = between("", start, rest);
                sources.push(tex.trim().to_owned());
                rest = &rest[end..];
            }
            "![" => {
                let (alt, end) = between("", "](", rest);
                sources.push(alt);
                rest = &rest[end..];
                rest = &rest[between("", ")", rest).1..];
            }
            "<math" => {
                sources.push(unescaped(&between("alttext=\"", "\"", rest).0));
                rest = &rest[between("", "</math>", rest).1..];
            }
            "<div" => rest = &rest[between("", ">", rest).1..],
            "</div>" => {}
            _ => {
                sources.push(unescaped(&between("alt=\"", "\"", rest).0));
                rest = &rest[between("", ">", rest).1..];
            }
        }
    }
    plain.push_str(rest);
    (plain, sources)
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

fn chapters(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    files.sort();
    files
}

#[test]
fn every_chapter_is_rendered_as_it_was_written() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("guide");
    // The published crate has the rendered chapters alone.
    for language in ["en", "ko"].into_iter().filter(|language| guide.join(language).exists()) {
        let written = chapters(&guide.join(language));
        assert!(!written.is_empty());
        for path in written {
            let name = path.file_name().expect("a file has a name");
            let read =
                |path: PathBuf| fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let rendered = parts(&read(guide.join("rendered").join(language).join(name)), true);
            let again = "`node crates/gradus/guide/render.mjs` renders it again";
            assert!(parts(&read(path.clone()), false) == rendered, "{}: {again}", path.display());
        }
    }
}

#[test]
fn both_languages_have_the_same_code() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("guide/rendered");
    let code = |language: &str| -> Vec<Vec<String>> {
        let blocks = |path: &PathBuf| {
            let text = fs::read_to_string(path).expect("a chapter can be read");
            text.split("```").skip(1).step_by(2).map(str::to_owned).collect()
        };
        chapters(&guide.join(language)).iter().map(blocks).collect()
    };
    assert_eq!(code("en"), code("ko"));
}
