//! Whole files of random arrays, for tests that read, damage or leave them on disk.

#![allow(clippy::unwrap_used)] // the helpers are tests, too

use gradus_data::{Encoding, IdxArray, NpyArray};
use gradus_linalg::ndarray::ArrayD;
use rand::{Rng, RngExt};

/// An array of random bits for each of the six types.
pub(crate) fn idx_of_each_type(shape: &[usize], rng: &mut impl Rng) -> [IdxArray; 6] {
    [
        ArrayD::from_shape_simple_fn(shape, || rng.random::<u8>()).into(),
        ArrayD::from_shape_simple_fn(shape, || rng.random::<i8>()).into(),
        ArrayD::from_shape_simple_fn(shape, || rng.random::<i16>()).into(),
        ArrayD::from_shape_simple_fn(shape, || rng.random::<i32>()).into(),
        ArrayD::from_shape_simple_fn(shape, || rng.random::<f32>() - 0.5).into(),
        ArrayD::from_shape_simple_fn(shape, || rng.random::<f64>() - 0.5).into(),
    ]
}

pub(crate) fn idx_file(array: &IdxArray, encoding: Encoding) -> Vec<u8> {
    let mut bytes = Vec::new();
    array.write_to(&mut bytes, encoding, "memory").unwrap();
    bytes
}

/// An array of random bits for each of the types.
pub(crate) fn npy_of_each_type(shape: &[usize], rng: &mut impl Rng) -> [NpyArray; 11] {
    [
        ArrayD::from_shape_simple_fn(shape, || rng.random::<bool>()).into(),
        ArrayD::from_shape_simple_fn(shape, || rng.random::<u8>()).into(),
        ArrayD::from_shape_simple_fn(shape, || rng.random::<u16>()).into(),
        ArrayD::from_shape_simple_fn(shape, || rng.random::<u32>()).into(),
        ArrayD::from_shape_simple_fn(shape, || rng.random::<u64>()).into(),
        ArrayD::from_shape_simple_fn(shape, || rng.random::<i8>()).into(),
        ArrayD::from_shape_simple_fn(shape, || rng.random::<i16>()).into(),
        ArrayD::from_shape_simple_fn(shape, || rng.random::<i32>()).into(),
        ArrayD::from_shape_simple_fn(shape, || rng.random::<i64>()).into(),
        ArrayD::from_shape_simple_fn(shape, || rng.random::<f32>() - 0.5).into(),
        ArrayD::from_shape_simple_fn(shape, || rng.random::<f64>() - 0.5).into(),
    ]
}

pub(crate) fn npy_file(array: &NpyArray) -> Vec<u8> {
    let mut bytes = Vec::new();
    array.write_to(&mut bytes, "memory").unwrap();
    bytes
}

/// A file of any version with this header.
pub(crate) fn npy_with_header(version: u8, header: &str, elements: &[u8]) -> Vec<u8> {
    let length = header.len() as u32;
    let length = &length.to_le_bytes()[..if version == 1 { 2 } else { 4 }];
    [b"\x93NUMPY", &[version, 0][..], length, header.as_bytes(), elements].concat()
}
