//! Reading NPY.

use super::{Header, NpyArray};
use crate::Result;
use crate::source::Source;
use std::io::Read;
use std::path::Path;

impl NpyArray {
    /// Reads an NPY file of version 1, 2 or 3, as `numpy.save` writes it, in either byte order; in row-major order, also if the file is in
    /// Fortran order. What gzip has made of one is read, too.
    ///
    /// Memory follows what the file holds, never what its header claims: a file takes about its own size (twice that in Fortran order), a
    /// gzip file about what it unpacks to, up to twice while it grows, and no more than 4 GiB.
    ///
    /// # Errors
    /// - [`Error::Io`](crate::Error::Io) if the file cannot be opened or read.
    /// - [`Error::NotNpy`](crate::Error::NotNpy), [`Error::NpyVersion`](crate::Error::NpyVersion),
    ///   [`Error::NpyHeader`](crate::Error::NpyHeader) if it is no NPY file.
    /// - [`Error::NpyType`](crate::Error::NpyType) if its elements are of another type: complex or half floats, texts, objects.
    /// - [`Error::Truncated`](crate::Error::Truncated), [`Error::TrailingBytes`](crate::Error::TrailingBytes),
    ///   [`Error::TooLarge`](crate::Error::TooLarge) if header and file do not agree.
    /// - [`Error::Gzip`](crate::Error::Gzip) if compressed data is damaged.
    #[inline] // compiled where it is used: CONTRIBUTING, "What few programs call"
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        Self::from_source(Source::open(path.as_ref(), "npy")?)
    }

    /// Reads NPY from anywhere to its end; `name` is what errors call it.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_from(reader: impl Read, name: impl AsRef<Path>) -> Result<Self> {
        Self::from_source(Source::new(reader, name.as_ref(), "npy", 0)?)
    }

    #[inline]
    pub(super) fn from_source(mut source: Source<'_>) -> Result<Self> {
        let Header { element, order, fortran_order, shape, .. } = Header::read(&mut source)?;
        Self::decode(element, order, &shape, !fortran_order, &mut source)
    }
}
