//! Files of one array or of several.

use crate::files::{idx_file, npy_with_header};
use gradus_data::{Encoding, Error, IdxArray, NpyArray, Npz, Result};
use gradus_linalg::ndarray::{ArrayD, array};
use gradus_testing::refuses;
use std::io::{self, Cursor, Read};

fn idx(bytes: &[u8]) -> Result<IdxArray> {
    IdxArray::read_from(bytes, "data.idx")
}

fn npy(descr: &str, shape: &str, elements: &[u8]) -> Result<NpyArray> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    NpyArray::read_from(npy_with_header(1, &header, elements).as_slice(), "data.npy")
}

/// A disk that goes away.
struct Gone;

impl Read for Gone {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("the disk is gone"))
    }
}

#[test]
fn idx_files() {
    refuses!(IdxArray::read_from(Gone, "data.idx"), Error::Io { .. }, @"read: data.idx: the disk is gone");
    refuses!(idx(b"\x7fELF"), Error::NotIdx { .. }, @"read idx: data.idx: begins with [7f, 45, 4c, 46]: an IDX file begins with two zero bytes, a type code and the number of axes");
    refuses!(idx(&[0, 0, 0x0a, 1]), Error::TypeCode { .. }, @"read idx: data.idx: type code 0x0a is unknown; known are 0x08 u8, 0x09 i8, 0x0b i16, 0x0c i32, 0x0d f32, 0x0e f64");
    refuses!(idx(&[0, 0, 8, 1, 0, 0]), Error::Truncated { .. }, @"read idx: data.idx: the header takes 8 bytes, the file has 6 of them; it is cut short or its header is wrong");
    refuses!(idx(&[0, 0, 8, 1, 0, 0, 0, 3, 1]), Error::Truncated { .. }, @"read idx: data.idx: the array takes 3 bytes, the file has 1 of them; it is cut short or its header is wrong");
    refuses!(idx(&[0, 0, 8, 1, 0, 0, 0, 1, 1, 2]), Error::TrailingBytes { .. }, @"read idx: data.idx: the elements of shape [1] take 1 bytes, and more bytes follow");
    refuses!(idx(&[0, 0, 0x0e, 2, 0x80, 0, 0, 0, 0x80, 0, 0, 0]), Error::TooLarge { .. }, @"read idx: data.idx: the header claims shape [2147483648, 2147483648] of f64, more than the 9223372036854775807 bytes that memory can address");
    let packed = idx_file(&array![1_u8, 2].into(), Encoding::Gzip);
    refuses!(idx(&packed[..packed.len() - 9]), Error::Gzip { .. }, @"read: data.idx: the gzip data is damaged: incomplete deflate stream; compress or fetch the file again");
    let many_axes = IdxArray::from(ArrayD::<u8>::zeros(vec![1; 256]));
    let Err(Error::Unwritable { limit, .. }) = many_axes.write_to(Vec::new(), Encoding::Plain, "data.idx") else {
        panic!("256 axes were written");
    };
    refuses!(Err::<(), _>(Error::Unwritable { path: "data.idx".into(), shape: vec![1, 1], limit }), Error::Unwritable { .. }, @"write: data.idx: shape [1, 1]: IDX has at most 255 axes of at most 4294967295 elements");
}

#[test]
fn npy_files() {
    refuses!(NpyArray::read_from(&b"PK\x03\x04"[..], "data.npy"), Error::NotNpy { .. }, @"read npy: data.npy: begins with [50, 4b, 03, 04]: an NPY file begins with the byte 93, \"NUMPY\" and a version");
    refuses!(NpyArray::read_from(&b"\x93NUMPY\x04\x00"[..], "data.npy"), Error::NpyVersion { .. }, @"read npy: data.npy: version 4; known are 1, 2 and 3");
    refuses!(npy("<f4", "(3)", &[]), Error::NpyHeader { .. }, @"read npy: data.npy: shape is no tuple of whole numbers; a header is {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }");
    refuses!(npy("<c8", "(3,)", &[]), Error::NpyType { .. }, @"read npy: data.npy: elements of type <c8; read are bool and integers and floats of 1, 2, 4 and 8 bytes but for f2, as `array.astype('f4')` gives");
    refuses!(npy("<f4", "(3,)", &[0; 8]), Error::Truncated { .. }, @"read npy: data.npy: the array takes 12 bytes, the file has 8 of them; it is cut short or its header is wrong");
    refuses!(npy("<f4", "(1,)", &[0; 8]), Error::TrailingBytes { .. }, @"read npy: data.npy: the elements of shape [1] take 4 bytes, and more bytes follow");
    refuses!(npy("<f8", "(4294967296, 4294967296)", &[0; 8]), Error::TooLarge { .. }, @"read npy: data.npy: the header claims shape [4294967296, 4294967296] of f64, more than the 9223372036854775807 bytes that memory can address");
}

#[test]
fn npz_files() {
    let mut npz = Npz::new();
    npz.insert("x", array![1.0_f32, 2.0].into());
    refuses!(npz.get("y"), Error::NoArray { .. }, @"npz: no array \"y\"; there is \"x\"");
    refuses!(Npz::new().get("y"), Error::NoArray { .. }, @"npz: no array \"y\"; there are none");
    let mut bytes = Vec::new();
    npz.write_to(Cursor::new(&mut bytes), "data.npz").unwrap();
    let two = bytes.windows(4).position(|window| window == 2.0_f32.to_le_bytes()).unwrap();
    bytes[two] ^= 1;
    refuses!(Npz::read_from(Cursor::new(&bytes), "data.npz"), Error::Archive { .. }, @"read npz: data.npz/x.npy: Invalid checksum");
    refuses!(Npz::read_from(Cursor::new(b"PK"), "data.npz"), Error::Archive { .. }, @"read npz: data.npz: invalid Zip archive: Could not find EOCD");
}
