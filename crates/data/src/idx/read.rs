//! Reading IDX, plain or compressed.

use super::{ElementType, IdxArray};
use crate::element::ByteOrder;
use crate::source::Source;
use crate::{Error, Result};
use std::io::Read;
use std::path::Path;

impl IdxArray {
    /// Reads an IDX file, plain or gzip; which of the two its first bytes tell, whatever its name.
    ///
    /// Memory follows what the file holds, never what its header claims: a plain file takes about its own size, a gzip file about what it
    /// unpacks to, up to twice while it grows. A gzip file whose header claims more than 4 GiB is refused; unpacked, it may be as
    /// large as memory allows, and larger in [`Windows`](crate::Windows).
    ///
    /// # Errors
    /// - [`Error::Io`] if the file cannot be opened or read.
    /// - [`Error::NotIdx`], [`Error::TypeCode`] if it is no IDX file.
    /// - [`Error::Truncated`], [`Error::TrailingBytes`], [`Error::TooLarge`] if header and file do not agree.
    /// - [`Error::Gzip`] if compressed data is damaged.
    #[inline] // compiled where it is used: CONTRIBUTING, "What few programs call"
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        read(Source::open(path.as_ref(), "idx")?)
    }

    /// Reads IDX, plain or gzip, from anywhere to its end; `name` is what errors call it.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    #[inline]
    pub fn read_from(reader: impl Read, name: impl AsRef<Path>) -> Result<Self> {
        read(Source::new(reader, name.as_ref(), "idx", 0)?)
    }
}

#[inline]
fn read(mut source: Source<'_>) -> Result<IdxArray> {
    let (element, shape) = header(&mut source)?;
    IdxArray::decode(element, ByteOrder::Big, &shape, true, &mut source)
}

/// The type and the length of each axis.
pub(crate) fn header(source: &mut Source<'_>) -> Result<(ElementType, Vec<usize>)> {
    let mut magic = [0; 4];
    let n = source.fill(&mut magic)?;
    if magic[..2] != [0, 0] {
        return Err(Error::NotIdx { path: source.path.into(), found: magic[..n].to_vec() });
    }
    if n < magic.len() {
        return Err(source.truncated("header", magic.len(), n));
    }
    let [_, _, code, axes] = magic;
    let element = ElementType::from_code(code).ok_or_else(|| Error::TypeCode { path: source.path.into(), code })?;

    let mut lengths = vec![[0; 4]; axes.into()];
    let bytes = lengths.as_flattened_mut();
    let expected = bytes.len();
    let n = source.fill(bytes)?;
    if n < expected {
        return Err(source.truncated("header", magic.len() + expected, magic.len() + n));
    }
    // A length that does not fit a small machine's `usize` is far more than its memory.
    let length = |bytes| usize::try_from(u32::from_be_bytes(bytes)).unwrap_or(usize::MAX);
    Ok((element, lengths.into_iter().map(length).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Encoding;
    use crate::element::Number;
    use flate2::read::MultiGzDecoder;
    use gradus_linalg::ndarray::{ArrayD, array};

    fn message(bytes: &[u8]) -> String {
        IdxArray::read_from(bytes, "file").unwrap_err().to_string()
    }

    #[test]
    fn bytes_by_hand() {
        let file = [0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255];
        let read = IdxArray::read_from(&file[..], "file").unwrap();
        assert_eq!(read, array![[1_u8, 2, 3], [4, 5, 255]].into());
        assert_eq!(read.to_floats::<f32>(), array![[1., 2., 3.], [4., 5., 255.]].into_dyn());

        let file = [0, 0, 0x0b, 1, 0, 0, 0, 2, 0, 1, 0xff, 0xfe];
        assert_eq!(IdxArray::read_from(&file[..], "file").unwrap(), array![1_i16, -2].into());

        // No axis at all: one number. An axis of length 0: none.
        assert_eq!(IdxArray::read_from(&[0, 0, 8, 0, 7][..], "file").unwrap(), ArrayD::from_elem(vec![], 7_u8).into());
        let none = IdxArray::read_from(&[0, 0, 8, 1, 0, 0, 0, 0][..], "file").unwrap();
        assert_eq!(none.shape(), [0]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(
            message(b"\x7fELF...."),
            "read idx: file: begins with [7f, 45, 4c, 46]: an IDX file begins with two zero bytes, a type code and the number of axes"
        );
        assert_eq!(
            message(&[0, 0, 0x0a, 1]),
            "read idx: file: type code 0x0a is unknown; known are 0x08 u8, 0x09 i8, 0x0b i16, 0x0c i32, 0x0d f32, 0x0e f64"
        );
        for (cut, complaint) in [
            (0, "the header takes 4 bytes, the file has 0"),
            (3, "the header takes 4 bytes, the file has 3"),
            (7, "the header takes 8 bytes, the file has 7"),
            (9, "the array takes 3 bytes, the file has 1"),
        ] {
            let message = message(&[0, 0, 8, 1, 0, 0, 0, 3, 1, 2, 3][..cut]);
            assert_eq!(message, format!("read idx: file: {complaint} of them; it is cut short or its header is wrong"));
        }
        assert_eq!(
            message(&[0, 0, 8, 1, 0, 0, 0, 3, 1, 2, 3, 4]),
            "read idx: file: the elements of shape [3] take 3 bytes, and more bytes follow"
        );
    }

    #[test]
    fn a_header_that_claims_the_world_costs_nothing() {
        // 64 bytes that claim 2^60 elements.
        let mut file = vec![0, 0, 8, 2, 0x40, 0, 0, 0, 0x40, 0, 0, 0];
        file.resize(64, 0);
        assert_eq!(
            message(&file),
            "read idx: file: the array takes 1152921504606846976 bytes, the file has 52 of them; it is cut short or its header is wrong"
        );
        for hint in [0, 52, 64] {
            let (bytes, _) = u8::read(&mut &file[12..], 1 << 60, hint, ByteOrder::Big).unwrap();
            assert_eq!(bytes.len(), 52);
            assert!(bytes.capacity() <= 128, "{} bytes for 52", bytes.capacity());
            let (floats, read) = f64::read(&mut &file[12..], 1 << 57, hint, ByteOrder::Big).unwrap();
            assert!(floats.len() == 6 && read == 52 && floats.capacity() <= 16);
        }
        // 2^62 elements of 8 bytes cannot be counted, nor can they beside an axis of length 0.
        let huge = [0, 0, 0x0e, 2, 0x80, 0, 0, 0, 0x80, 0, 0, 0];
        assert!(message(&huge).ends_with("more than the 9223372036854775807 bytes that memory can address"));
        let hollow = [0, 0, 0x0e, 3, 0, 0, 0, 0, 0x80, 0, 0, 0, 0x80, 0, 0, 0];
        assert!(matches!(IdxArray::read_from(&hollow[..], "file"), Err(Error::TooLarge { .. })));
    }

    #[test]
    fn compressed_files_are_bounded_too() {
        let gzip = |bytes: &[u8]| {
            let mut encoder = flate2::read::GzEncoder::new(bytes, flate2::Compression::fast());
            let mut packed = Vec::new();
            encoder.read_to_end(&mut packed).unwrap();
            packed
        };
        // The claim of 2 GiB is allowed, but memory follows the 1 MB that is there.
        let claim = [&[0, 0, 8, 1, 0x80, 0, 0, 0][..], &vec![0; 1 << 20]].concat();
        assert!(message(&gzip(&claim)).contains("takes 2147483648 bytes, the file has 1048576"));
        // A bomb: the reader stops one byte after the claim, a thousandth of what would come out.
        let bomb = [&[0, 0, 8, 1, 0, 0, 0, 9][..], &vec![0; 1 << 20]].concat();
        assert!(message(&gzip(&bomb)).contains("take 9 bytes, and more bytes follow"));
        let (bytes, _) = u8::read(&mut MultiGzDecoder::new(gzip(&bomb).as_slice()), 10, 0, ByteOrder::Big).unwrap();
        assert!((bytes.len(), bytes.capacity() <= 64) == (10, true));
        let claim = gzip(&[0, 0, 8, 2, 0, 2, 0, 0, 0, 2, 0, 0]);
        assert!(
            message(&claim).ends_with("unpacked from a compressed file; unpack it first, a plain file may be larger")
        );
    }

    #[test]
    fn damaged_gzip_is_named() {
        let mut packed = Vec::new();
        IdxArray::from(array![1_u8, 2, 3]).write_to(&mut packed, Encoding::Gzip, "file").unwrap();
        assert!(IdxArray::read_from(packed.as_slice(), "file").is_ok());
        let n = packed.len();
        assert!(matches!(IdxArray::read_from(&packed[..n - 1], "file"), Err(Error::Gzip { .. })));
        packed[n - 6] ^= 1; // in the checksum
        assert!(matches!(IdxArray::read_from(packed.as_slice(), "file"), Err(Error::Gzip { .. })));
    }

    #[test]
    fn a_missing_file_is_named() {
        let message = IdxArray::read("no/such/file").unwrap_err().to_string();
        assert!(message.starts_with("read: no/such/file: "), "{message}");
    }
}
