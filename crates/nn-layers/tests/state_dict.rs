//! State dicts: what is saved is loaded, and what does not fit changes nothing.

use gradus_nn_layers::ndarray::array;
use gradus_nn_layers::{Buffer, Error, Linear, Module, StateDict};
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::path::PathBuf;

#[derive(Debug, Clone, Module)]
struct Net {
    hidden: Linear,
    out: Linear,
    mean: Buffer,
}

fn net(seed: u64) -> Net {
    let mut rng = StdRng::seed_from_u64(seed);
    let (hidden, out) = (Linear::new(4, 3, &mut rng), Linear::without_bias(3, 2, &mut rng));
    Net { hidden, out, mean: Buffer::new(array![seed as f32, -0.0, f32::MIN_POSITIVE / 2.0]) }
}

fn same(a: &Net, b: &Net) -> bool {
    let (a, b) = (a.state_dict(), b.state_dict());
    a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a == b)
}

/// A folder of this test's own, emptied.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("state_dict_{name}"));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("the test folder can be made");
    folder
}

#[test]
fn what_is_saved_is_loaded() {
    let path = folder("round_trip").join("model.safetensors");
    let trained = net(1);
    trained.state_dict().save(&path).unwrap();
    net(2).state_dict().save(&path).unwrap(); // over an older file
    trained.state_dict().save(&path).unwrap();
    let mut other = net(3);
    other.load_state_dict(&StateDict::load(&path).unwrap()).unwrap();
    assert!(same(&other, &trained));
    // The sign of a zero and subnormal numbers are kept too.
    assert!(other.mean.value().iter().map(|x| x.to_bits()).eq(trained.mean.value().iter().map(|x| x.to_bits())));
    let left: Vec<_> = std::fs::read_dir(path.parent().unwrap()).unwrap().collect();
    assert_eq!(left.len(), 1, "only the file itself is left: {left:?}");
}

#[test]
fn a_state_dict_is_a_snapshot_and_no_copy() {
    let mut model = net(1);
    let dict = model.state_dict();
    assert_eq!(dict.get("hidden.weight").unwrap().as_ptr(), model.hidden.weight.value().as_ptr());
    let before = model.clone();
    model.hidden.weight.value_mut().fill(7.0);
    model.load_state_dict(&dict).unwrap();
    assert!(same(&model, &before));
    assert_eq!(dict.get("hidden.weight").unwrap().as_ptr(), model.hidden.weight.value().as_ptr());
    let object: &mut dyn Module = &mut model;
    object.load_state_dict(&dict).unwrap();
    assert!(object.load_matching(&dict).is_complete());
}

#[test]
fn a_dict_of_another_model_changes_nothing_and_says_all_that_is_wrong() {
    let trained = net(1).state_dict();
    let renamed = trained.renamed(|name| Some(name.replace("hidden.weight", "hiden.weight"))).unwrap();
    let mut dict: StateDict = renamed.renamed(|name| (name != "mean").then(|| name.to_owned())).unwrap();
    dict.insert("out.weight", array![[1.0, 2.0]]);
    dict.insert("zzz", 0.0);
    let mut model = net(2);
    let error = model.load_state_dict(&dict).unwrap_err();
    assert_eq!(
        error.to_string(),
        "load_state_dict: 1 of the model's 4 arrays match; missing: hidden.weight (like hiden.weight?), mean; \
         unexpected: hiden.weight (like hidden.weight?), zzz; another shape: out.weight (model [2, 3], state dict [1, 2])"
    );
    assert!(same(&model, &net(2)), "something was loaded");
    let Error::StateDict(report) = error else { panic!("{error}") };
    assert_eq!(report.matched, ["hidden.bias"]);

    assert_eq!(model.load_matching(&dict), report);
    assert_eq!(model.hidden.bias.as_ref().unwrap().value(), net(1).hidden.bias.unwrap().value());
    assert_eq!(model.hidden.weight.value(), net(2).hidden.weight.value());
}

#[test]
fn long_lists_are_cut() {
    let dict: StateDict = (0..5000).map(|i| (format!("layer.{i}.weight"), 0.0)).collect();
    let message = net(1).load_state_dict(&dict).unwrap_err().to_string();
    assert!(message.contains("and 4992 more") && message.len() < 2000, "{message}");
}

#[test]
fn incomplete_and_lying_bytes_are_errors() {
    let bytes = net(1).state_dict().to_bytes().unwrap();
    for length in 0..bytes.len() {
        let error = StateDict::<f32>::from_bytes(&bytes[..length]).unwrap_err();
        assert!(matches!(error, Error::Safetensors { bytes, .. } if bytes == length), "{length}: {error}");
    }
    let file = |header: &str, data: &[u8]| {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        StateDict::<f32>::from_bytes(&bytes).map_err(|error| error.to_string())
    };
    let good = file(r#"{"w":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}"#, &2.5_f64.to_le_bytes()).unwrap();
    assert_eq!(good.get("w").unwrap(), &array![2.5]);
    let bf16 = file(r#"{"w":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}"#, &[0x80, 0x3f, 0, 0xc0]).unwrap();
    assert_eq!(bf16.get("w").unwrap(), &array![1.0, -2.0]);
    let counter = file(r#"{"n":{"dtype":"I64","shape":[],"data_offsets":[0,8]}}"#, &(-3_i64).to_le_bytes()).unwrap();
    assert_eq!(counter.get("n").unwrap().first(), Some(&-3.0));

    // More in the header than in the file; a size that overflows; an empty array that claims the world.
    for (header, data) in [
        (r#"{"w":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4000000000000]}}"#, 4),
        (r#"{"w":{"dtype":"F32","shape":[4611686018427387904,8],"data_offsets":[0,4]}}"#, 4),
        (r#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, 4),
        (r#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 8),
        (r#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#, 4),
        (r#"{"w":{"dtype":"Q7","shape":[1],"data_offsets":[0,4]}}"#, 4),
        ("[[[[[[[[", 0),
    ] {
        let error = file(header, &vec![0; data]).unwrap_err();
        assert!(error.starts_with("safetensors: "), "{header}: {error}");
    }
    let empty = r#"{"w":{"dtype":"F32","shape":[0,4611686018427387904,16],"data_offsets":[0,0]}}"#;
    assert!(file(empty, &[]).unwrap_err().starts_with("safetensors: "));
    let message = file(r#"{"w":{"dtype":"C64","shape":[1],"data_offsets":[0,8]}}"#, &[0; 8]).unwrap_err();
    assert_eq!(
        message,
        "safetensors: tensor `w` of type C64 and shape [1]: floats of 16, 32 or 64 bits, integers and truth values can be read"
    );
    let mut huge = u64::MAX.to_le_bytes().to_vec();
    huge.extend([0; 8]);
    assert!(StateDict::<f32>::from_bytes(&huge).is_err());
}

#[test]
fn errors_name_the_file() {
    let folder = folder("errors");
    let path = folder.join("nothing.safetensors");
    let message = StateDict::<f32>::load(&path).unwrap_err().to_string();
    assert!(message.starts_with(&format!("load: {}: ", path.display())), "{message}");
    let message = StateDict::<f32>::load(&folder).unwrap_err().to_string();
    assert_eq!(message, format!("load: {}: this is no regular file", folder.display()));
    std::fs::write(&path, b"no safetensors").unwrap();
    let message = StateDict::<f32>::load(&path).unwrap_err().to_string();
    assert!(message.starts_with(&format!("{}: safetensors: 14 bytes: ", path.display())), "{message}");

    let nowhere = folder.join("no such folder").join("model.safetensors");
    let message = net(1).state_dict().save(&nowhere).unwrap_err().to_string();
    assert!(message.starts_with(&format!("save: {}: ", nowhere.display())), "{message}");
    // A folder cannot be replaced by a file; what was written beside it is gone again.
    let taken = folder.join("taken");
    std::fs::create_dir_all(taken.join("full")).unwrap();
    assert!(net(1).state_dict().save(&taken).is_err());
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 2);
}

#[test]
fn weights_of_another_model_are_renamed() {
    let trained = net(1);
    let theirs =
        trained.state_dict().renamed(|name| Some(format!("module.{}", name.replace("hidden", "fc1")))).unwrap();
    let mut model = net(2);
    assert!(model.load_state_dict(&theirs).is_err());
    let ours = theirs.part("module").renamed(|name| Some(name.replace("fc1", "hidden"))).unwrap();
    model.load_state_dict(&ours).unwrap();
    assert!(same(&model, &trained));
    // A name that is but the beginning of another is no part.
    assert!(theirs.part("mod").is_empty() && theirs.part("").is_empty());
    let message = ours.renamed(|name| Some(name.replace("hidden.", "").replace("out.", ""))).unwrap_err().to_string();
    assert_eq!(message, "state dict: two arrays are named `weight`; give each a name of its own");
}

#[test]
fn the_name_that_safetensors_keeps_for_itself_is_an_error() {
    let dict: StateDict = [("__metadata__", array![1.0])].into_iter().collect();
    let message = dict.to_bytes().unwrap_err().to_string();
    assert!(message.starts_with("safetensors: 0 bytes: an array is named `__metadata__`, a name that"), "{message}");
}
