//! NPZ by both of its readers: arrays no larger than the file can hold, or an error.
#![no_main]

use gradus_data::Npz;
use gradus_nn_layers::StateDict;
use libfuzzer_sys::fuzz_target;
use std::io::Cursor;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(npz) = Npz::read_from(Cursor::new(bytes), "fuzzed") {
        let arrays = npz.names().filter_map(|name| npz.get(name).ok());
        let elements: usize =
            arrays.map(|array| array.shape().iter().product::<usize>() * array.element_type().size()).sum();
        assert!(elements <= 1032 * bytes.len());
    }
    let _ = StateDict::<f32>::from_npz(bytes);
});
