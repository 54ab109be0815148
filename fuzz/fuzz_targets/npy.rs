//! NPY: an array no larger than the file can hold, which comes back when it is written, or an error.
#![no_main]

use gradus_data::NpyArray;
use libfuzzer_sys::fuzz_target;

fn written(array: &NpyArray) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    // NumPy's limit of 64 axes is one for writing alone.
    array.write_to(&mut bytes, "written").ok().map(|()| bytes)
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(array) = NpyArray::read_from(bytes, "fuzzed") else { return };
    let elements = array.shape().iter().product::<usize>() * array.element_type().size();
    assert!(elements <= 1032 * bytes.len());
    if let Some(once) = written(&array) {
        // Bytes are compared, for a NaN is no other's equal.
        assert_eq!(written(&NpyArray::read_from(once.as_slice(), "again").unwrap()), Some(once));
    }
});
