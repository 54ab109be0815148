//! The format: it keeps every bit, old files load, and no bytes make it panic.

use super::*;
use gradus_nn_layers::{StateDict, Verdict};
use gradus_optim::{OptimizerState, SavedSlot};
use gradus_train::{BestSoFar, CheckpointError, GradientRecord, History, MetricRecord, Position};
use ndarray::{ArrayD, IxDyn, array};
use rand::RngExt;
use std::time::{Duration, Instant};

/// What the fixture holds.
fn example() -> Checkpoint<f64> {
    let arrays = |x: f64| -> StateDict<f64> {
        [
            ("0.weight", array![[x, -0.0], [1e-310, 0.1]].into_dyn()),
            ("0.bias", array![f64::INFINITY].into_dyn()),
            ("steps", ArrayD::from_elem(IxDyn(&[]), 3.0)),
            ("none", ArrayD::zeros(IxDyn(&[2, 0]))),
        ]
        .into_iter()
        .collect()
    };
    let record = |epoch, test_loss| EpochRecord {
        epoch,
        train_loss: 0.25,
        train_accuracy: 0.75,
        test_loss,
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
    Checkpoint {
        model: arrays(1.0),
        optimizer: OptimizerState { lr: 1e-3, slots: vec![slot] },
        position: Position { epoch: 3, step: 9, batch: 1, batch_size: 6, samples: 23, test_samples: 9 },
        seed: 0x0123_4567_89ab_cdef,
        history: History {
            epochs: vec![record(1, 0.5), record(2, 0.625)],
            kept_epoch: 2,
            samples: 23,
            ..History::default()
        },
        seconds: 3.25,
        best: Some(BestSoFar { epoch: 1, metric: 0.5, weights: arrays(0.5) }),
        loader: None,
    }
}

/// With the sections that a file need not have.
fn with_metrics() -> Checkpoint<f64> {
    let mut checkpoint = example();
    let record = |name: &str, value| MetricRecord { epoch: 1, name: name.to_owned(), value };
    checkpoint.history.metrics = vec![record("F1 (macro)", 0.1), record("√", f64::NEG_INFINITY)];
    let gradient = |step, verdict| GradientRecord {
        epoch: 1,
        step,
        parameter: "0.weight".to_owned(),
        numbers: 12,
        norm: 0.1,
        weight_norm: 1e-310,
        zeros: 0.25,
        not_finite: 0.0,
        verdict,
    };
    let verdicts = [Verdict::Healthy, Verdict::Vanishing, Verdict::Exploding, Verdict::NotFinite, Verdict::Missing];
    let others = [Verdict::Frozen, Verdict::Dead, Verdict::Saturated, Verdict::SmallUpdate, Verdict::LargeUpdate];
    checkpoint.history.gradients = (1..).zip(verdicts.into_iter().chain(others)).map(|(i, v)| gradient(i, v)).collect();
    checkpoint.loader = Some(0xfedc_ba98);
    checkpoint
}

#[test]
fn metrics_gradients_and_the_loader_come_back() {
    let (written, read) = (with_metrics(), Checkpoint::from_bytes(&with_metrics().to_bytes()).unwrap());
    assert_eq!((text(&read), read.loader), (text(&written), written.loader));
}

/// All of it as text: `f64`'s shortest text is exact.
fn text(checkpoint: &Checkpoint<f64>) -> String {
    let arrays =
        |dict: &StateDict<f64>| dict.iter().map(|(name, array)| format!("{name} {array:?}")).collect::<Vec<_>>();
    let best = checkpoint.best.as_ref().map(|best| (best.epoch, best.metric, arrays(&best.weights)));
    let Checkpoint { model, optimizer, position, seed, history, seconds, .. } = checkpoint;
    format!("{:?} {optimizer:?} {position:?} {seed} {history:?} {seconds} {best:?}", arrays(model))
}

const VERSION_1: &[u8] = include_bytes!("version-1.ckpt");

#[test]
fn a_file_of_version_1_loads_for_ever() {
    assert_eq!(text(&Checkpoint::from_bytes(VERSION_1).unwrap()), text(&example()));
    assert_eq!(example().to_bytes(), VERSION_1, "another format needs another version");
}

#[test]
fn every_bit_comes_back_in_both_types() {
    let nan = f64::from_bits(0x7ff8_0000_dead_beef);
    let mut checkpoint = example();
    checkpoint.model.insert("nan", array![nan, -nan].into_dyn());
    checkpoint.best = None;
    let read = Checkpoint::<f64>::from_bytes(&checkpoint.to_bytes()).unwrap();
    let bits_of = |dict: &StateDict<f64>| dict.get("nan").unwrap().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits_of(&read.model), bits_of(&checkpoint.model));
    assert_eq!(text(&read), text(&checkpoint));

    let transposed = array![[1.0_f32, 2.0, f32::MIN_POSITIVE], [4.0, 5.0, -0.0]].reversed_axes().into_dyn();
    let small = Checkpoint::<f32> {
        model: [("w", transposed.clone())].into_iter().collect(),
        optimizer: OptimizerState { lr: 0.1, slots: Vec::new() },
        position: checkpoint.position,
        seed: 1,
        history: History::default(),
        seconds: 0.0,
        best: None,
        loader: None,
    };
    let read = Checkpoint::<f32>::from_bytes(&small.to_bytes()).unwrap();
    assert_eq!(read.model.get("w").unwrap(), &transposed);
    let error = Checkpoint::<f64>::from_bytes(&small.to_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "model: w holds numbers of type f32; this model's are f64");
}

#[test]
fn a_file_is_replaced_whole() {
    let folder = Temporary::new();
    std::fs::create_dir_all(&folder.0).unwrap();
    let path = folder.0.join("run.ckpt");
    example().save(&path).unwrap();
    example().save(&path).unwrap();
    assert_eq!(text(&Checkpoint::load(&path).unwrap()), text(&example()));
    assert_eq!(folder.names(), ["run.ckpt"]);
    let error = Checkpoint::<f64>::load(folder.0.join("none.ckpt")).unwrap_err();
    assert!(without(&folder.0, &error).starts_with("checkpoint: read FOLDER/none.ckpt: "), "{error}");
    std::fs::write(&path, "PK\u{3}\u{4} and so on").unwrap();
    assert_eq!(
        without(&folder.0, &Checkpoint::<f64>::load(&path).unwrap_err()),
        "checkpoint: FOLDER/run.ckpt: no checkpoint: it begins with \"PK\\u{3}\\u{4} and\" instead of \"GRADUSCP\""
    );
}

/// The sections of a file that is whole.
fn sections(mut bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut take = |n: usize| {
        let (taken, rest) = bytes.split_at(n);
        bytes = rest;
        taken
    };
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |n, &byte| n << 8 | usize::from(byte));
    take(12);
    let count = number(take(4));
    take(4);
    let mut sections = Vec::new();
    for _ in 0..count {
        let length = number(take(4));
        let name = String::from_utf8(take(length).to_vec()).unwrap();
        let length = number(take(8));
        sections.push((name, take(length).to_vec()));
        take(4);
    }
    sections
}

/// A file of these sections, with the checksums that belong to them.
fn sealed(version: u32, sections: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = b"GRADUSCP".to_vec();
    bytes.extend(version.to_le_bytes());
    bytes.extend((sections.len() as u32).to_le_bytes());
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    for (name, section) in sections {
        let start = bytes.len();
        bytes.extend((name.len() as u32).to_le_bytes());
        bytes.extend(name.as_bytes());
        bytes.extend((section.len() as u64).to_le_bytes());
        bytes.extend(section);
        bytes.extend(crc32fast::hash(&bytes[start..]).to_le_bytes());
    }
    bytes
}

/// One of the things that happen to files, and that somebody does to them on purpose.
fn mutate(bytes: &mut Vec<u8>, rng: &mut StdRng) {
    if bytes.is_empty() {
        bytes.push(rng.random());
        return;
    }
    let at = rng.random_range(0..bytes.len());
    let end = rng.random_range(at..=bytes.len().min(at + 40));
    let field = [0, 1, 1 << 31, u32::MAX.into(), 1 << 60, 1 << 63, u64::MAX][rng.random_range(0..7)];
    match rng.random_range(0..7) {
        0 => bytes[at] ^= 1 << rng.random_range(0..8),
        1 => bytes[at] = rng.random(),
        2 => bytes.truncate(at),
        3 => drop(bytes.drain(at..end)),
        4 => {
            let again = bytes[at..end].to_vec();
            bytes.splice(at..at, again);
        }
        5 => bytes[at..].iter_mut().zip(field.to_le_bytes()).for_each(|(byte, new)| *byte = new),
        _ => bytes[at..].iter_mut().zip((field as u32).to_le_bytes()).for_each(|(byte, new)| *byte = new),
    }
}

#[test]
fn ten_thousand_damaged_files_give_errors() {
    let (mut rng, mut slowest) = (StdRng::seed_from_u64(1), Duration::ZERO);
    let files = [VERSION_1.to_vec(), with_metrics().to_bytes()];
    files.iter().for_each(|file| assert_eq!(sealed(1, &sections(file)), *file));
    let parts = files.each_ref().map(|file| sections(file));
    let mut accepted = 0;
    for i in 0..10_000 {
        let resealed = i % 2 == 0;
        let bytes = if resealed {
            // Checksums that belong to the damage: what stands behind them has to hold by itself.
            let mut parts = parts[i / 2 % 2].clone();
            let part = rng.random_range(0..parts.len());
            mutate(&mut parts[part].1, &mut rng);
            sealed(1, &parts)
        } else {
            let mut bytes = files[i / 2 % 2].clone();
            mutate(&mut bytes, &mut rng);
            bytes
        };
        let clock = Instant::now();
        let read = Checkpoint::<f64>::from_bytes(&bytes);
        slowest = slowest.max(clock.elapsed());
        match read {
            // A number that has changed is still a number; what is read is what would be written.
            Ok(read) if resealed => {
                accepted += 1;
                assert_eq!(read.to_bytes(), bytes);
            }
            Ok(_) => assert_eq!(bytes, files[i / 2 % 2], "damage {i} was not noticed"),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    assert!((500..4500).contains(&accepted), "{accepted} files were accepted");
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
}

#[test]
fn every_kind_of_damage_has_its_name() {
    let parts = sections(VERSION_1);
    let error = |bytes: &[u8]| Checkpoint::<f64>::from_bytes(bytes).unwrap_err();
    let message = |bytes: &[u8]| error(bytes).to_string();
    assert_eq!(message(b""), "no checkpoint: it begins with \"\" instead of \"GRADUSCP\"");
    assert_eq!(
        message(&sealed(2, &parts)),
        "format version 2: this version of gradus-train reads 1 to 1; a newer one would read it"
    );
    assert!(matches!(error(&sealed(0, &parts)), CheckpointError::Version { found: 0, .. }));
    assert_eq!(
        message(&VERSION_1[..VERSION_1.len() - 10]),
        format!(
            "best: {} bytes should follow, and {} are left: the file has been cut",
            parts[5].1.len(),
            parts[5].1.len() - 6
        )
    );
    let mut flipped = VERSION_1.to_vec();
    flipped[40] ^= 1;
    assert!(message(&flipped).starts_with("model: the checksum is "), "{}", message(&flipped));
    assert!(message(&flipped).ends_with(": the file has been damaged"));
    assert_eq!(message(&[VERSION_1, b"more"].concat()), "4 bytes follow behind the last section");
    assert_eq!(message(&sealed(1, &parts[1..])), "there is no section model");
    let twice = [&parts[..], &parts[..1]].concat();
    assert_eq!(message(&sealed(1, &twice)), "model: it is there twice, the second time as section 7");
    let changed = |section: usize, change: &dyn Fn(&mut Vec<u8>)| {
        let mut parts = parts.clone();
        change(&mut parts[section].1);
        message(&sealed(1, &parts))
    };
    assert_eq!(changed(3, &|bytes| bytes.push(0)), "streams: 1 bytes follow that mean nothing");
    assert_eq!(changed(5, &|bytes| bytes[0] = 2), "best: 2 stands where 0 or 1 should");
    // The first array of the model: count 4, length of the name 4, name 8, type 1, axes 4, lengths 8 each.
    assert_eq!(changed(0, &|bytes| bytes[16] = 2), "model: 0.weight: no numbers take 2 bytes; 4 and 8 are known");
    assert_eq!(
        changed(0, &|bytes| bytes[8] = 0xff),
        "model: a name is not UTF-8: invalid utf-8 sequence of 1 bytes from index 0"
    );
    let claim = |axis: u64| move |bytes: &mut Vec<u8>| bytes[21..29].copy_from_slice(&axis.to_le_bytes());
    let left = parts[0].1.len() - 37;
    assert_eq!(
        changed(0, &claim(1 << 58)),
        format!("model: {} bytes should follow, and {left} are left: the file has been cut", 1_u64 << 62)
    );
    assert_eq!(changed(0, &claim(u64::MAX)), "model: 0.weight: [18446744073709551615, 2] is no size in memory");
    let mut named = parts.clone();
    named[2].0 = "place".into();
    assert_eq!(message(&sealed(1, &named)), "place: no section of a checkpoint is named \"place\"");
}

/// `cargo test --release -p gradus-train --test suite ten_million -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn ten_million_parameters() {
    let array = || ArrayD::<f32>::from_shape_fn(IxDyn(&[2500, 4000]), |at| (at[0] * 4000 + at[1]) as f32);
    let slot = SavedSlot {
        parameter: "w".into(),
        rule: "Adam".into(),
        steps: 1,
        arrays: vec![("exp_avg".into(), array()), ("exp_avg_sq".into(), array())],
    };
    let (Checkpoint { position, history, .. }, folder) = (example(), Temporary::new());
    std::fs::create_dir_all(&folder.0).unwrap();
    let model = [("w", array())].into_iter().collect();
    let optimizer = OptimizerState { lr: 0.1, slots: vec![slot] };
    let checkpoint =
        Checkpoint { model, optimizer, position, seed: 1, history, seconds: 0.0, best: None, loader: None };
    let path = folder.0.join("large.ckpt");
    for _ in 0..5 {
        let clock = Instant::now();
        let bytes = checkpoint.to_bytes().len();
        let encoded = clock.elapsed();
        let clock = Instant::now();
        checkpoint.save(&path).unwrap();
        let saved = clock.elapsed();
        let clock = Instant::now();
        Checkpoint::<f32>::load(&path).unwrap();
        println!("{bytes} bytes: to bytes {encoded:?}, save {saved:?}, load {:?}", clock.elapsed());
    }
}
