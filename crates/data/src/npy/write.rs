//! Writing NPY.

use super::{Header, NpyArray};
use crate::element::ByteOrder;
use crate::{Error, Result};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// NumPy's limit.
const MOST_AXES: usize = 64;

impl NpyArray {
    /// Writes an NPY file, over an older one if there is one: version 1, little-endian, in row-major order.
    ///
    /// # Errors
    /// - [`Error::Unwritable`] if the array has more axes than NumPy knows.
    /// - [`Error::Io`] if the file cannot be created or written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        self.check(path)?; // before an older file is lost
        let file = File::create(path).map_err(|source| Error::Io { operation: "write", path: path.into(), source })?;
        self.write_to(file, path)
    }

    /// Writes NPY anywhere; `name` is what errors call it. There is no need to buffer the writer.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn write_to(&self, mut writer: impl Write, name: impl AsRef<Path>) -> Result<()> {
        let path = name.as_ref();
        self.check(path)?;
        let written = self.write_parts(&mut writer).and_then(|()| writer.flush());
        written.map_err(|source| Error::Io { operation: "write", path: path.into(), source })
    }

    pub(super) fn check(&self, path: &Path) -> Result<()> {
        if self.shape().len() <= MOST_AXES {
            return Ok(());
        }
        let limit = "NumPy has at most 64 axes";
        Err(Error::Unwritable { path: path.into(), shape: self.shape().to_vec(), limit })
    }

    pub(super) fn write_parts(&self, writer: &mut impl Write) -> io::Result<()> {
        writer.write_all(&Header::write(self.element_type(), self.shape()))?;
        self.encode(ByteOrder::Little, |bytes| writer.write_all(bytes))
    }
}
