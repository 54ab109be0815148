//! A checkpoint as rank 0 sends it to the others: the path's length and bytes, and the bytes of the file.

use super::{Checkpoint, CheckpointError, Found};
use crate::{Error, Result};
use gradus_autograd::Real;
use std::path::PathBuf;

pub(super) fn to_bytes<F: Real>(found: Found<F>) -> Vec<u8> {
    let path = found.path.to_string_lossy().into_owned().into_bytes();
    [&(path.len() as u64).to_le_bytes(), &path[..], &found.checkpoint.to_bytes()].concat()
}

/// What [`to_bytes`] made; nothing if there was no checkpoint.
pub(super) fn from_bytes<F: Real>(bytes: &[u8]) -> Result<Option<(Checkpoint<F>, PathBuf)>> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let path_and_rest = bytes.split_first_chunk().and_then(|(length, rest)| {
        let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
        rest.split_at_checked(length)
    });
    let Some((path, rest)) = path_and_rest else {
        let (section, left) = ("what rank 0 has sent".to_owned(), bytes.len());
        return Err(Error::Checkpoint {
            path: PathBuf::new(),
            source: CheckpointError::Cut { section, needed: 8, left },
        });
    };
    let path = PathBuf::from(String::from_utf8_lossy(path).into_owned());
    match Checkpoint::from_bytes(rest) {
        Ok(checkpoint) => Ok(Some((checkpoint, path))),
        Err(source) => Err(Error::Checkpoint { path, source }),
    }
}
