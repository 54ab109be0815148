//! Safetensors: a state dict that comes back when it is written, or an error.
#![no_main]

use gradus_nn_layers::StateDict;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(read) = StateDict::<f64>::from_bytes(bytes) else { return };
    // A name that the format keeps for itself cannot be written.
    let Ok(once) = read.to_bytes() else { return };
    assert_eq!(StateDict::<f64>::from_bytes(&once).unwrap().to_bytes().unwrap(), once);
});
