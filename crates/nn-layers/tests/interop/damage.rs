//! Files that were good once: cut off anywhere, or with one byte changed. A model never gets half of one.

use super::{bits, fixture_bytes};
use gradus_nn_layers::{Linear, Module, Result, StateDict, ndarray::array};
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

type Read = fn(&[u8]) -> Result<StateDict<f32>>;

/// A small file of each format with its reader, and whether a checksum covers its numbers and shapes.
fn files() -> Vec<(&'static str, Vec<u8>, Read, bool)> {
    let linear: Linear = Linear::new(3, 2, &mut StdRng::seed_from_u64(7));
    let dict = linear.state_dict();
    vec![
        ("safetensors", dict.to_bytes().expect("it has plain names"), StateDict::from_bytes, false),
        ("npz", dict.to_npz().expect("they are short"), StateDict::from_npz, true),
        ("numpy_compressed", fixture_bytes("numpy_compressed.npz"), StateDict::from_npz, true),
        ("pt", fixture_bytes("linear.pt"), StateDict::from_pt, true),
        ("no_checksums", fixture_bytes("no_checksums.pt"), StateDict::from_pt, false),
    ]
}

#[test]
fn a_file_that_is_cut_off_is_an_error() {
    for (name, bytes, read, _) in files() {
        assert!(read(&bytes).is_ok(), "{name}");
        for length in 0..bytes.len() {
            assert!(read(&bytes[..length]).is_err(), "{name}: {length} of {} bytes", bytes.len());
        }
    }
}

#[test]
fn a_changed_byte_is_an_error_or_changes_nothing() {
    for (name, bytes, read, checked) in files() {
        let right = bits(&read(&bytes).unwrap());
        for at in 0..bytes.len() {
            for flip in [0x01, 0xff] {
                let mut bytes = bytes.clone();
                bytes[at] ^= flip;
                if let Ok(dict) = read(&bytes)
                    && checked
                {
                    assert_eq!(bits(&dict), right, "{name}: byte {at} ^ {flip:#x}");
                }
            }
        }
    }
}

#[test]
fn a_model_gets_all_of_a_file_or_nothing() {
    let mut model: Linear = Linear::new(3, 2, &mut StdRng::seed_from_u64(1));
    let before = bits(&model.state_dict());
    let good = StateDict::from_pt(&fixture_bytes("linear.pt")).unwrap();
    let without = good.clone().renamed(|name| (name != "bias").then(|| name.to_owned())).unwrap();
    let mut more = good.clone();
    more.insert("scale", array![1.0]);
    let mut other = good.clone();
    other.insert("bias", array![1.0, 2.0, 3.0]);
    for (dict, wrong) in [
        (without, "1 of the model's 2 arrays match; missing: bias"),
        (more, "2 of the model's 2 arrays match; unexpected: scale"),
        (other, "1 of the model's 2 arrays match; another shape: bias (model [2], state dict [3])"),
    ] {
        for read in [
            StateDict::from_npz(&dict.to_npz().unwrap()).unwrap(),
            StateDict::from_bytes(&dict.to_bytes().unwrap()).unwrap(),
        ] {
            assert_eq!(model.load_state_dict(&read).unwrap_err().to_string(), format!("load_state_dict: {wrong}"));
            assert_eq!(bits(&model.state_dict()), before);
        }
    }
    model.load_state_dict(&good).unwrap();
    assert_eq!(bits(&model.state_dict()), bits(&good));
}

proptest! {
    /// Whatever the bytes are: a state dict or an error, and no panic.
    #[test]
    fn several_changes_are_survived(
        file in 0..5_usize, changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        cut in any::<Option<prop::sample::Index>>(),
    ) {
        let (_, mut bytes, read, _) = files().swap_remove(file);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            let cut = cut.index(bytes.len());
            bytes.drain(cut..(cut + 7).min(bytes.len()));
        }
        let _ = read(&bytes);
    }

    /// A pickle of any opcodes, in an archive without checksums.
    #[test]
    fn any_pickle_is_survived(
        opcodes in proptest::collection::vec(
            prop_oneof![
                prop::sample::select(&b"().]}a2e0s1utldNKqhRbQcX\x85\x86\x87\x88\x8a\x8c\x8f\x90\x93\x94"[..]), any::<u8>(),
            ],
            0..200,
        ),
    ) {
        let _ = StateDict::<f32>::from_pt(&super::zips::zip(&[("m/data.pkl", &opcodes), ("m/data/0", &[0; 4])]));
    }

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for (_, _, read, _) in files() {
            prop_assert!(read(&bytes).is_err());
        }
    }
}
