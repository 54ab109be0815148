//! State dicts from and to other libraries: what PyTorch and NumPy really write, and what nobody should.
//!
//! `fixtures.py` made the files in `fixtures`; `with_pytorch.py` goes both ways with the libraries that are installed.

mod damage;
mod hostile;
mod npz;
mod pickles;
mod pt;
mod zips;

use gradus_nn_layers::StateDict;
use std::path::PathBuf;

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/interop/fixtures").join(name)
}

fn fixture_bytes(name: &str) -> Vec<u8> {
    std::fs::read(fixture(name)).expect("the fixture is there")
}

/// Names, shapes and bits, by name.
fn bits(dict: &StateDict<f32>) -> Vec<(String, Vec<usize>, Vec<u32>)> {
    let entry = |(name, array): (&str, &gradus_nn_layers::Value)| {
        (name.to_owned(), array.shape().to_vec(), array.iter().map(|x| x.to_bits()).collect())
    };
    let mut bits: Vec<_> = dict.iter().map(entry).collect();
    bits.sort();
    bits
}

/// As [`bits`], of `f64`.
fn bits64(dict: &StateDict<f64>) -> Vec<(String, Vec<usize>, Vec<u64>)> {
    let entry = |(name, array): (&str, &gradus_nn_layers::Value<f64>)| {
        (name.to_owned(), array.shape().to_vec(), array.iter().map(|x| x.to_bits()).collect())
    };
    let mut bits: Vec<_> = dict.iter().map(entry).collect();
    bits.sort();
    bits
}
