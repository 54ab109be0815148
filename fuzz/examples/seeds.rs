//! Writes small whole files of each format to `corpus/`, for the fuzzer to begin with: `cargo run --example seeds`.

use gradus_data::{Encoding, IdxArray, NpyArray, Npz};
use gradus_linalg::ndarray::{ArrayD, array};
use gradus_nn_layers::StateDict;
use gradus_optim::{OptimizerState, SavedSlot};
use gradus_train::{BestSoFar, Checkpoint, EpochRecord, History, MetricRecord, Position};
use std::error::Error;
use std::io::Cursor;
use std::path::Path;
use std::{env, fs};

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

fn main() -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let put = |target: &str, name: &str, bytes: &[u8]| {
        let folder = folder.join("corpus").join(target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(name), bytes)
    };

    let bytes = array![[1_u8, 2, 3], [4, 5, 255]];
    let floats = array![[0.5_f32, -1.0, f32::NAN], [1e-40, 3.0, f32::INFINITY]];
    for (name, array) in [
        ("u8", IdxArray::from(bytes.clone())),
        ("i16", array![1_i16, -2].into()),
        ("f32", floats.clone().into()),
        ("number", ArrayD::from_elem(vec![], 7.0).into()),
        ("none", ArrayD::<i32>::zeros(vec![2, 0]).into()),
    ] {
        for (ending, encoding) in [("idx", Encoding::Plain), ("idx.gz", Encoding::Gzip)] {
            let mut file = Vec::new();
            array.write_to(&mut file, encoding, "memory")?;
            put("idx", &format!("{name}.{ending}"), &file)?;
        }
    }

    let arrays: Vec<(&str, NpyArray)> = vec![
        ("u8", bytes.into()),
        ("f32", floats.into()),
        ("bool", array![true, false].into()),
        ("i64", ArrayD::from_elem(vec![1, 1, 1, 2], -1_i64).into()),
    ];
    for (name, array) in &arrays {
        let mut file = Vec::new();
        array.write_to(&mut file, "memory")?;
        put("npy", name, &file)?;
    }
    let fortran = b"{\"shape\": (2L, 2L,), 'fortran_order': True, 'descr': '>i2'}";
    let version_2 = [b"\x93NUMPY\x02\x00", &(fortran.len() as u32).to_le_bytes()[..], fortran, &[0; 8]].concat();
    put("npy", "fortran", &version_2)?;

    let npz: Npz = arrays.into_iter().collect();
    let mut file = Vec::new();
    npz.write_to(Cursor::new(&mut file), "memory")?;
    put("npz", "stored", &file)?;
    let path = env::temp_dir().join(format!("gradus-fuzz-{}.npz", std::process::id()));
    npz.write_compressed(&path)?;
    put("npz", "deflated", &fs::read(&path)?)?;
    fs::remove_file(&path)?;

    for (i, text) in [
        "\0a,b,c\n1,2.5,cat\n-3,NA,dog\n4e3,,cat\n",
        "\0a,b,c\r\n1,\"2\",\"c,at\"\r\n7,8,\"d\"\"og\"\r\n",
        "\u{1}\u{feff}a;b\n0.123456789012345678;1e-300\n\n ;\n",
        "\u{6}1\t2\n3\tfour\n",
        "\u{8}a,b\n-999,x\n5,?\n",
        "\u{30}a,b\n007,1\nx1,\n",
    ]
    .into_iter()
    .enumerate()
    {
        put("csv", &i.to_string(), text.as_bytes())?;
    }

    let weights = || -> StateDict<f32> {
        [
            ("0.weight", array![[1.0, -0.0], [1e-40, 0.1]].into_dyn()),
            ("0.bias", array![f32::INFINITY].into_dyn()),
            ("steps", ArrayD::from_elem(vec![], 3.0)),
            ("none", ArrayD::zeros(vec![2, 0])),
        ]
        .into_iter()
        .collect()
    };
    put("safetensors", "f32", &weights().to_bytes()?)?;
    let doubles: StateDict<f64> = [("w", array![0.5, f64::NAN].into_dyn())].into_iter().collect();
    put("safetensors", "f64", &doubles.to_bytes()?)?;
    let header = br#"{"__metadata__":{"format":"pt"},"w":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]},"n":{"dtype":"I64","shape":[],"data_offsets":[4,12]}}"#;
    let other = [&(header.len() as u64).to_le_bytes()[..], header, &[0; 12]].concat();
    put("safetensors", "other", &other)?;

    let record = EpochRecord {
        epoch: 1,
        train_loss: 0.25,
        train_accuracy: 0.75,
        test_loss: 0.5,
        test_accuracy: 0.5,
        lr: 1e-3,
        seconds: 1.5,
    };
    let slot = SavedSlot {
        parameter: "0.weight".into(),
        rule: "Adam".into(),
        steps: 9,
        arrays: vec![("exp_avg".into(), array![[1.0, 2.0], [3.0, 4.0]].into_dyn())],
    };
    let mut checkpoint = Checkpoint {
        model: weights(),
        optimizer: OptimizerState { lr: 1e-3, slots: vec![slot] },
        position: Position { epoch: 3, step: 9, batch: 1, batch_size: 6, samples: 23, test_samples: 9 },
        seed: 7,
        history: History { epochs: vec![record], kept_epoch: 1, ..History::default() },
        seconds: 3.25,
        best: None,
        loader: None,
    };
    put("checkpoint", "plain", &checkpoint.to_bytes())?;
    checkpoint.best = Some(BestSoFar { epoch: 1, metric: 0.5, weights: weights() });
    checkpoint.loader = Some(8);
    checkpoint.history.metrics = vec![MetricRecord { epoch: 1, name: "F1".into(), value: 0.1 }];
    put("checkpoint", "everything", &checkpoint.to_bytes())?;

    // What PyTorch and NumPy wrote lies with the tests of the readers of state dicts.
    let fixtures = folder.join("../crates/nn-layers/tests/interop/fixtures");
    for file in fs::read_dir(fixtures)? {
        let path = file?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for target in ["pt", "npz"] {
            if name.ends_with(&format!(".{target}")) {
                put(target, &name, &fs::read(&path)?)?;
            }
        }
    }
    Ok(())
}
