//! PyTorch's `.pt`.

use super::pickles::{pickle, tensor};
use super::{bits, bits64, fixture, fixture_bytes, zips};
use gradus_nn_layers::{Error, Layer, Linear, Module, Sequential, StateDict, Tanh, Tape, ndarray::array, sequential};
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

#[test]
fn what_pytorch_writes_is_read() {
    for name in ["linear", "checkpoint", "protocol4", "no_checksums", "views", "types"] {
        let read = StateDict::<f32>::load_pt(fixture(&format!("{name}.pt"))).unwrap();
        let right = StateDict::<f32>::load(fixture(&format!("{name}.safetensors"))).unwrap();
        assert_eq!(bits(&read), bits(&right), "{name}");
        let read = StateDict::<f64>::load_pt(fixture(&format!("{name}.pt"))).unwrap();
        let right = StateDict::<f64>::load(fixture(&format!("{name}.safetensors"))).unwrap();
        assert_eq!(bits64(&read), bits64(&right), "{name}");
    }
    let big_endian = StateDict::load_pt(fixture("big_endian.pt")).unwrap();
    assert_eq!(bits(&big_endian), bits(&StateDict::load(fixture("linear.safetensors")).unwrap()));
}

#[test]
fn a_checkpoint_loads_into_a_model() {
    let checkpoint = StateDict::load_pt(fixture("checkpoint.pt")).unwrap();
    let mut rng = StdRng::seed_from_u64(1);
    let mut model: Sequential = sequential![Linear::new(3, 4, &mut rng), Tanh, Linear::new(4, 2, &mut rng)];
    model.load_state_dict(&checkpoint.part("model")).unwrap();
    assert_eq!(model.state_dict().get("2.bias"), checkpoint.get("model.2.bias"));
    assert_eq!(checkpoint.get("optimizer.state.0.step").unwrap().first(), Some(&1.0));
    assert_eq!(checkpoint.get("history.1.0").unwrap().first(), Some(&0.5));
    let y = model.forward(&Tape::inference().input(array![[1.0, 2.0, 3.0]])).unwrap();
    assert_eq!(y.shape(), [1, 2]);
    // Names in the file's order, which is the model's.
    let names: Vec<_> = checkpoint.names().take(4).collect();
    assert_eq!(names, ["model.0.weight", "model.0.bias", "model.2.weight", "model.2.bias"]);
}

#[test]
fn the_same_view_shares_memory_and_others_do_not() {
    let views = StateDict::<f32>::load_pt(fixture("views.pt")).unwrap();
    let start = |name| views.get(name).unwrap().as_ptr();
    assert_eq!(start("whole"), start("tied"));
    assert_ne!(start("whole"), start("slice"));
}

#[test]
fn what_is_no_state_dict_is_refused_by_name() {
    for (name, message) in [
        (
            "model.pt",
            "pt: data.pkl asks for `torch.nn.modules.linear.Linear`: only tensors in plain containers are read, and \
             nothing is run; torch.save(model.state_dict(), path) writes such a file",
        ),
        (
            "legacy.pt",
            "pt: this is a file of torch.save as before PyTorch 1.6, which is no zip archive; load it in PyTorch and save \
             it again",
        ),
        (
            "complex.pt",
            "pt: tensor `c` of type ComplexFloatStorage and shape [2]: floats of 16, 32 or 64 bits, integers and truth \
             values can be read",
        ),
        (
            "negative.pt",
            "pt: data.pkl, byte 172: a tensor that stands for its negative or its conjugate; save its \
             resolve_neg().resolve_conj()",
        ),
        (
            "numpy.npz",
            "zip: 7048 bytes: no data.pkl in it, so torch.save did not write it; is the file complete, and an .npz or .pt file?",
        ),
    ] {
        assert_eq!(StateDict::<f32>::from_pt(&fixture_bytes(name)).unwrap_err().to_string(), message, "{name}");
    }
    let error = StateDict::<f32>::load_pt(fixture("model.pt")).unwrap_err();
    assert!(
        matches!(&error, Error::InFile { path, source } if path == &fixture("model.pt") && matches!(**source, Error::Global { .. }))
    );
    // The tar format, which was before that.
    let mut tar = vec![0; 512];
    tar[257..262].copy_from_slice(b"ustar");
    assert!(matches!(StateDict::<f32>::from_pt(&tar), Err(Error::LegacyPt)));
    let message = StateDict::<f32>::from_npz(&fixture_bytes("linear.pt")).unwrap_err().to_string();
    assert_eq!(message, "npz: `linear/data.pkl`: its name does not end in .npy");
}

/// Every index of a shape, the last axis fastest.
fn indices(shape: &[usize]) -> Vec<Vec<usize>> {
    shape.iter().fold(vec![Vec::new()], |indices, &size| {
        let longer = |index: &Vec<usize>| (0..size).map(|i| [&index[..], &[i]].concat()).collect::<Vec<_>>();
        indices.iter().flat_map(longer).collect()
    })
}

proptest! {
    /// Any offset, sizes and strides: element `i` is number `offset + Σ iₖ sₖ` of the storage, or all is an error.
    #[test]
    fn a_tensor_is_a_view_of_its_storage(
        length in 0..30_usize, offset in 0..8_usize,
        axes in proptest::collection::vec((0..4_usize, 0..7_usize), 0..4),
    ) {
        let (shape, strides): (Vec<usize>, Vec<usize>) = axes.into_iter().unzip();
        let numbers: Vec<u8> = (0..length).flat_map(|i| (i as f32).to_le_bytes()).collect();
        let signed = |sizes: &[usize]| sizes.iter().map(|&size| size as i64).collect::<Vec<_>>();
        let pickle = pickle(&tensor(length as i64, offset as i64, &signed(&shape), &signed(&strides)));
        let read = StateDict::<f32>::from_pt(&zips::zip(&[("m/data.pkl", &pickle), ("m/data/0", &numbers)]));
        let place = |index: &Vec<usize>| offset + index.iter().zip(&strides).map(|(i, stride)| i * stride).sum::<usize>();
        let places: Vec<usize> = indices(&shape).iter().map(place).collect();
        if places.iter().any(|&place| place >= length) {
            prop_assert!(matches!(read, Err(Error::Tensor { format: "pt", .. })), "{:?}", read);
        } else {
            let read = read.unwrap();
            let array = read.get("").unwrap();
            prop_assert_eq!(array.shape(), &shape[..]);
            prop_assert!(array.iter().copied().eq(places.iter().map(|&place| place as f32)));
        }
    }
}
