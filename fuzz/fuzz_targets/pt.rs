//! State dicts that PyTorch saved, a pickle in a zip archive: a state dict or an error, and nothing is run.
#![no_main]

use gradus_nn_layers::StateDict;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = StateDict::<f32>::from_pt(bytes);
});
