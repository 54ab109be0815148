//! A chapter of the course as a program: what it says, what it draws, and what it checks at its end.

use crate::png::png;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// What a chapter's program has to show: printed as it comes, and a page at the end.
///
/// # Examples
/// ```
/// # fn main() -> Result<(), String> {
/// let folder = std::env::temp_dir().join(format!("gradus-chapter-{}", std::process::id()));
/// let mut chapter = gradus_course::Chapter::new("00", "Sums", &folder);
/// chapter.section("One and one");
/// chapter.say(format!("1 + 1 = {}", 1 + 1));
/// chapter.figure("circle", "A circle.", r##"<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><circle cx="4" cy="4" r="4"/></svg>"##)?;
/// chapter.check("the sum is 2", 1 + 1 == 2);
/// chapter.finish()?;
/// assert!(folder.join("index.html").exists() && folder.join("circle.png").exists());
/// # std::fs::remove_dir_all(folder).unwrap();
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Chapter {
    title: String,
    folder: PathBuf,
    body: String,
    failed: Vec<String>,
    checks: usize,
}

impl Chapter {
    /// A chapter whose pictures and page go to this folder.
    #[must_use]
    pub fn new(number: &str, title: &str, folder: &Path) -> Self {
        let title = format!("{number} · {title}");
        println!("{title}\n");
        Self { title, folder: folder.to_owned(), body: String::new(), failed: Vec::new(), checks: 0 }
    }

    /// A heading.
    pub fn section(&mut self, heading: &str) {
        println!("\n## {heading}");
        self.push(format_args!("<h2>{}</h2>\n", escaped(heading)));
    }

    /// A paragraph, or lines that keep their places: a table, a few numbers.
    pub fn say(&mut self, text: impl AsRef<str>) {
        let text = text.as_ref().trim_end();
        println!("{text}");
        let element = if text.contains('\n') { "pre" } else { "p" };
        self.push(format_args!("<{element}>{}</{element}>\n", escaped(text)));
    }

    /// A picture: `name.svg` and `name.png` in the folder, and on the page with its caption.
    ///
    /// # Errors
    /// One line that names the file, if it cannot be written.
    pub fn figure(&mut self, name: &str, caption: &str, svg: &str) -> Result<(), String> {
        let path = self.folder.join(name).with_extension("svg");
        write(&path, svg.as_bytes())?;
        write(&path.with_extension("png"), &png(svg)?)?;
        println!("picture: {}", path.display());
        self.push(format_args!(
            "<figure>{}<figcaption>{}</figcaption></figure>\n",
            svg.trim_start_matches(|c| c != '<'),
            escaped(caption)
        ));
        Ok(())
    }

    /// Notes whether something that the chapter says is so.
    pub fn check(&mut self, what: &str, holds: bool) {
        self.checks += 1;
        println!("{} {what}", if holds { "✓" } else { "✗" });
        self.push(format_args!("<p class=check>{} {}</p>\n", if holds { "✓" } else { "✗" }, escaped(what)));
        if !holds {
            self.failed.push(what.to_owned());
        }
    }

    /// Writes the page.
    ///
    /// # Errors
    /// One line that names what was checked and is not so, or the file that cannot be written.
    pub fn finish(self) -> Result<(), String> {
        let path = self.folder.join("index.html");
        let title = escaped(&self.title);
        let page = format!(
            "<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n<meta name=viewport content=\"width=device-width\">\n\
             <title>{title}</title>\n<style>{}</style>\n<h1>{title}</h1>\n{}</html>\n",
            include_str!("chapter.css"),
            self.body
        );
        write(&path, page.as_bytes())?;
        println!("\npage: {}", path.display());
        if self.failed.is_empty() {
            println!("all {} checks hold", self.checks);
            Ok(())
        } else {
            Err(format!("{} of {} checks fail: {}", self.failed.len(), self.checks, self.failed.join("; ")))
        }
    }

    fn push(&mut self, text: std::fmt::Arguments<'_>) {
        self.body.write_fmt(text).expect("a string takes all that is written");
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let written: io::Result<()> = fs::create_dir_all(folder).and_then(|()| fs::write(path, bytes));
    written.map_err(|error| format!("{}: {error}", path.display()))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
