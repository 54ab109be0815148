//! Links within the repository lead to files that are there, and to headings that are in them.

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn links_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    texts(&root, &mut files);
    assert!(files.len() > 20, "{} texts found below {}", files.len(), root.display());
    let broken: Vec<String> = files.iter().flat_map(|file| broken_links(file)).collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn a_broken_link_is_found() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("links");
    fs::create_dir_all(&folder).expect("the folder for tests can be written");
    let file = folder.join("one.md");
    let text = "# Over `here`, and there\n[a](one.md) [b](#over-here-and-there) [c](none.md) [d](one.md#none) [e](crate::Item)\n\
                [f](https://example.org/none.md)\n`[g](none.md)`\n```text\n[h](none.md)\n```\n";
    fs::write(&file, text).expect("the folder for tests can be written");
    let broken = broken_links(&file);
    assert_eq!(broken.len(), 2, "{broken:?}");
    assert!(broken[0].ends_with("none.md") && broken[1].ends_with("one.md#none"), "{broken:?}");
}

/// Every Markdown file below a folder, but for what is built or fetched.
fn texts(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder can be read").flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let kind = entry.file_type().expect("a file is of some kind");
        if kind.is_dir() && ![".git", "target", "node_modules"].contains(&name.to_string_lossy().as_ref()) {
            texts(&path, found);
        } else if kind.is_file() && path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

/// `file: link` for each link of this file that leads nowhere. Addresses on the web are not asked for, items of the crates are rustdoc's to find.
fn broken_links(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).expect("a text can be read");
    let folder = file.parent().unwrap_or(Path::new("."));
    let leads = |link: &str| {
        let (path, heading) = link.split_once('#').unwrap_or((link, ""));
        let target = if path.is_empty() { file.to_owned() } else { folder.join(path) };
        // A chapter of the guide names its own pictures alone.
        let drawn = folder.join("../pictures").join(file.file_stem().unwrap_or_default()).join(path);
        let has = |text: String| {
            prose(&text).lines().filter(|line| line.starts_with('#')).any(|line| anchor(line) == heading)
        };
        (target.exists() || drawn.is_file()) && (heading.is_empty() || fs::read_to_string(target).is_ok_and(has))
    };
    let prose = prose(&text);
    let links = prose.split("](").skip(1).filter_map(|rest| rest.split([')', ' ', '\n']).next());
    let of_files = links.filter(|link| !link.contains("::") && !link.contains(':') && link.contains(['/', '.', '#']));
    of_files.filter(|link| !leads(link)).map(|link| format!("{}: {link}", file.display())).collect()
}

/// The text without blocks of code; headings keep the words of inline code, everything else loses them.
fn prose(text: &str) -> String {
    let mut prose = String::new();
    for line in text.split("```").step_by(2).flat_map(str::lines) {
        let parts = line.split('`').enumerate();
        prose.extend(parts.filter(|(place, _)| line.starts_with('#') || place % 2 == 0).map(|(_, part)| part));
        prose.push('\n');
    }
    prose
}

/// The address that a heading has: in small letters, a hyphen for each space, without punctuation.
fn anchor(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    words
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}
