//! Where the text comes from.

use std::io;
use std::path::{Path, PathBuf};
use std::{fmt::Display, fs};

/// The file's text, or the project's own source.
pub(crate) fn read(file: Option<&Path>) -> Result<String, String> {
    let fault = |path: &Path, error: &dyn Display| format!("text: {}: {error}", path.display());
    match file {
        Some(path) => fs::read_to_string(path).map_err(|error| fault(path, &error)),
        None => {
            let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
            let mut text = String::new();
            for path in sources(&crates).map_err(|error| fault(&crates, &error))? {
                text += &fs::read_to_string(&path).map_err(|error| fault(&path, &error))?;
            }
            Ok(text)
        }
    }
}

/// The Rust files of a folder and of the folders in it, in the order of their names, so that the text is the same everywhere.
fn sources(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            found.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(found)
}
