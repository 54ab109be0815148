//! Where the readers of arrays read from: plain or compressed, in no more memory than the file really fills.

use crate::element::{ByteOrder, Number, read_up_to};
use crate::{Error, Result};
use flate2::read::MultiGzDecoder;
use gradus_linalg::ndarray::{ArrayD, IxDyn, ShapeBuilder};
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// The most that is unpacked from a compressed file, in bytes. A file of a few megabytes can unpack to a thousand times as much,
/// so its own size is no bound worth the name.
pub(crate) const UNPACKED_LIMIT: u64 = 4 << 30;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// A stream of one array and what errors need to know about it.
pub(crate) struct Source<'a> {
    reader: Box<dyn Read + 'a>,
    /// What errors call the file.
    pub(crate) path: &'a Path,
    /// What errors call the format.
    format: &'static str,
    packing: Packing,
    /// Bytes that the file is said to have, 0 if unknown.
    size: u64,
}

/// How a stream is stored, and the most that it may unpack to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    Plain,
    Gzip,
    /// A member of a zip archive.
    #[cfg_attr(not(feature = "npz"), allow(dead_code))]
    Zip {
        limit: u64,
    },
}

impl<'a> Source<'a> {
    /// A file, plain or gzip; which of the two its first bytes tell.
    pub(crate) fn open(path: &'a Path, format: &'static str) -> Result<Self> {
        let error = |source| Error::Io { operation: "read", path: path.into(), source };
        let file = File::open(path).map_err(error)?;
        // Only a hint: devices and pipes say 0, and a file may change while it is read.
        let size = file.metadata().map_err(error)?.len();
        Self::new(file, path, format, size)
    }

    /// Looks at the first bytes, to read on from a plain or from an unpacked stream.
    pub(crate) fn new(mut reader: impl Read + 'a, path: &'a Path, format: &'static str, size: u64) -> Result<Self> {
        let mut head = [0; 2];
        let n = read_up_to(&mut reader, &mut head).map_err(|source| Error::Io {
            operation: "read",
            path: path.into(),
            source,
        })?;
        let whole = io::Cursor::new(head).take(n as u64).chain(reader);
        Ok(if head == GZIP_MAGIC {
            Self { reader: Box::new(MultiGzDecoder::new(whole)), path, format, packing: Packing::Gzip, size: 0 }
        } else {
            Self { reader: Box::new(whole), path, format, packing: Packing::Plain, size }
        })
    }

    /// The member of an archive.
    #[cfg(feature = "npz")]
    pub(crate) fn member(reader: impl Read + 'a, path: &'a Path, format: &'static str, limit: u64) -> Self {
        Self { reader: Box::new(reader), path, format, packing: Packing::Zip { limit }, size: 0 }
    }

    pub(crate) fn is_plain(&self) -> bool {
        self.packing == Packing::Plain
    }

    fn error(&self, source: io::Error) -> Error {
        let damaged = [ErrorKind::InvalidInput, ErrorKind::InvalidData, ErrorKind::UnexpectedEof];
        match self.packing {
            Packing::Gzip if damaged.contains(&source.kind()) => Error::Gzip { path: self.path.into(), source },
            Packing::Zip { .. } => Error::Archive { path: self.path.into(), source },
            _ => Error::Io { operation: "read", path: self.path.into(), source },
        }
    }

    pub(crate) fn truncated(&self, part: &'static str, expected: usize, found: usize) -> Error {
        Error::Truncated {
            format: self.format,
            path: self.path.into(),
            part,
            expected: expected as u64,
            found: found as u64,
        }
    }

    /// Reads until the buffer is full or the stream ends; how many bytes there were.
    pub(crate) fn fill(&mut self, buffer: &mut [u8]) -> Result<usize> {
        read_up_to(&mut self.reader, buffer).map_err(|source| self.error(source))
    }

    /// At most so many bytes, fewer if the stream ends.
    pub(crate) fn up_to(&mut self, count: usize) -> Result<Vec<u8>> {
        let read = u8::read(&mut self.reader, count, 0, ByteOrder::Little);
        read.map(|(bytes, _)| bytes).map_err(|source| self.error(source))
    }

    /// Reads the array to which the header belongs, behind which nothing may come.
    pub(crate) fn array<T: Number>(&mut self, shape: &[usize], row_major: bool, order: ByteOrder) -> Result<ArrayD<T>> {
        let expected = self.payload_len(T::NAME, T::SIZE, shape)?;
        let hint = usize::try_from(self.size).unwrap_or(usize::MAX);
        let (numbers, read) =
            T::read(&mut self.reader, expected / T::SIZE, hint, order).map_err(|source| self.error(source))?;
        if read < expected {
            return Err(self.truncated("array", expected, read));
        }
        if self.fill(&mut [0])? > 0 {
            return Err(self.trailing(shape, expected));
        }
        let array = ArrayD::from_shape_vec(IxDyn(shape).set_f(!row_major), numbers)
            .expect("as many numbers were read as the shape takes");
        Ok(if row_major { array } else { array.as_standard_layout().into_owned() })
    }

    pub(crate) fn trailing(&self, shape: &[usize], expected: usize) -> Error {
        Error::TrailingBytes {
            format: self.format,
            path: self.path.into(),
            shape: shape.to_vec(),
            expected: expected as u64,
        }
    }

    /// Bytes that the array takes, if there can be such an array.
    pub(crate) fn payload_len(&self, element: &'static str, size: usize, shape: &[usize]) -> Result<usize> {
        let addressable = isize::MAX as usize;
        let limit = match self.packing {
            Packing::Plain => addressable as u64,
            Packing::Gzip => UNPACKED_LIMIT,
            Packing::Zip { limit } => limit,
        };
        // An axis of length 0 leaves nothing to read, but the other axes must still be countable.
        shape
            .iter()
            .try_fold(size, |bytes, &n| bytes.checked_mul(n.max(1)))
            .filter(|&bytes| bytes < addressable)
            .map(|bytes| if shape.contains(&0) { 0 } else { bytes })
            .filter(|&bytes| bytes as u64 <= limit)
            .ok_or_else(|| Error::TooLarge {
                format: self.format,
                path: self.path.into(),
                shape: shape.to_vec(),
                element,
                limit,
                compressed: !self.is_plain(),
            })
    }
}
