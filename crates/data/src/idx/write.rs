//! Writing IDX.

use super::IdxArray;
use crate::element::ByteOrder;
use crate::{Error, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// How a file is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// As it is.
    #[default]
    Plain,
    /// Compressed; the same array gives the same bytes, for no time stamp is written.
    Gzip,
}

impl IdxArray {
    /// Writes an IDX file, over an older one if there is one.
    ///
    /// # Errors
    /// - [`Error::Unwritable`] if the format has no room for the shape.
    /// - [`Error::Io`] if the file cannot be created or written.
    pub fn write(&self, path: impl AsRef<Path>, encoding: Encoding) -> Result<()> {
        let path = path.as_ref();
        self.header(path)?; // before an older file is lost
        let file = File::create(path).map_err(|source| Error::Io { operation: "write", path: path.into(), source })?;
        self.write_to(file, encoding, path)
    }

    /// Writes IDX anywhere; `name` is what errors call it. There is no need to buffer the writer.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn write_to(&self, writer: impl Write, encoding: Encoding, name: impl AsRef<Path>) -> Result<()> {
        let path = name.as_ref();
        let header = self.header(path)?;
        let written = match encoding {
            Encoding::Plain => self.write_parts(&header, writer).map(drop),
            Encoding::Gzip => self
                .write_parts(&header, GzEncoder::new(writer, Compression::default()))
                .and_then(|encoder| encoder.finish()?.flush()),
        };
        written.map_err(|source| Error::Io { operation: "write", path: path.into(), source })
    }

    fn write_parts<W: Write>(&self, header: &[u8], mut writer: W) -> io::Result<W> {
        writer.write_all(header)?;
        self.encode(ByteOrder::Big, |bytes| writer.write_all(bytes))?;
        writer.flush()?;
        Ok(writer)
    }

    fn header(&self, path: &Path) -> Result<Vec<u8>> {
        let limit = "IDX has at most 255 axes of at most 4294967295 elements";
        let unwritable = || Error::Unwritable { path: path.into(), shape: self.shape().to_vec(), limit };
        let axes = u8::try_from(self.shape().len()).map_err(|_| unwritable())?;
        let mut header = vec![0, 0, self.element_type().code(), axes];
        for &n in self.shape() {
            header.extend(u32::try_from(n).map_err(|_| unwritable())?.to_be_bytes());
        }
        Ok(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradus_linalg::ndarray::{ArrayD, array};

    #[test]
    fn bytes_by_hand() {
        let mut file = Vec::new();
        // Transposed: the order in the file is that of the axes, not that of memory.
        let array = IdxArray::from(array![[1_i32, 2], [3, -1]].reversed_axes());
        array.write_to(&mut file, Encoding::Plain, "file").unwrap();
        let header = [0, 0, 0x0c, 2, 0, 0, 0, 2, 0, 0, 0, 2];
        let elements = [0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 2, 255, 255, 255, 255];
        assert_eq!(file, [&header[..], &elements[..]].concat());
    }

    #[test]
    fn shapes_that_idx_cannot_hold() {
        let write = |shape: Vec<usize>| {
            IdxArray::from(ArrayD::<u8>::zeros(shape)).write_to(io::sink(), Encoding::Plain, "file").unwrap_err()
        };
        assert_eq!(
            write(vec![1 << 33, 0]).to_string(),
            "write: file: shape [8589934592, 0]: IDX has at most 255 axes of at most 4294967295 elements"
        );
        assert!(matches!(write(vec![1; 256]), Error::Unwritable { .. }));
    }

    #[test]
    fn a_writer_that_fails_is_an_error() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        for encoding in [Encoding::Plain, Encoding::Gzip] {
            let error = IdxArray::from(array![1_u8]).write_to(Full, encoding, "file").unwrap_err();
            assert!(matches!(error, Error::Io { operation: "write", .. }), "{error}");
        }
    }
}
