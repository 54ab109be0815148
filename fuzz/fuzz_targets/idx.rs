//! IDX, plain or gzip: an array no larger than the file can hold, which is written as it was read, or an error.
#![no_main]

use gradus_data::{Encoding, IdxArray};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(array) = IdxArray::read_from(bytes, "fuzzed") else { return };
    let elements = array.shape().iter().product::<usize>() * array.element_type().size();
    if bytes.starts_with(&[0x1f, 0x8b]) {
        assert!(elements <= 1032 * bytes.len());
        return;
    }
    let mut written = Vec::new();
    array.write_to(&mut written, Encoding::Plain, "written").unwrap();
    assert_eq!(written, bytes);
});
