//! Logs hold every step once, also of runs that stopped and were killed, and TensorBoard's own format.

use super::checkpoints::{StopAt, Temporary, samples};
use gradus_nn_layers::Linear;
use gradus_optim::Sgd;
use gradus_train::metrics::Accuracy;
use gradus_train::{Callback, Every, Log, TensorBoard, Trainer};
use rand::{SeedableRng, rngs::StdRng};
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// Two epochs of four steps; stops at one of them.
fn run(folder: &Path, stop: Option<u64>, log: &mut dyn Callback) {
    let (data, test) = samples(32).split_at(23).unwrap();
    let (mut rng, flag) = (StdRng::seed_from_u64(3), AtomicBool::new(false));
    let mut model = Linear::new(3, 2, &mut rng);
    let mut stop_at = StopAt(stop.unwrap_or(0), &flag);
    let mut trainer = Trainer::new(2)
        .batch_size(6)
        .metric(Accuracy)
        .metric(("a \"name\", quoted", |_: &_| Ok(f64::NAN)))
        .checkpoint(folder, Every::Epochs(9))
        .resume()
        .stop_when(&flag)
        .callback(log)
        .callback(&mut stop_at);
    let result = trainer.run(&mut model, &mut Sgd::new(0.1), &data, &test, &mut rng);
    assert_eq!(result.is_err(), stop.is_some());
}

/// Without the seconds, which differ.
fn read(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.ends_with('\n'));
    let line = |line: &str| match line.find("seconds") {
        Some(at) => line[..at].to_owned(),
        None => line.to_owned(),
    };
    text.lines().map(line).collect()
}

#[test]
fn text_logs_go_on_without_doubled_lines() {
    for (name, new) in [("a/log.jsonl", Log::json_lines as fn(_) -> _), ("a/log.csv", Log::csv)] {
        let [whole, stopped] = [Temporary::new(), Temporary::new()];
        let new = |folder: &Temporary| -> Log { new(folder.0.join(name)) };
        run(&whole.0.join("run"), None, &mut new(&whole));
        let expected = read(&whole.0.join(name));
        for stop in [Some(2), Some(4), Some(7)] {
            run(&stopped.0.join("run"), stop, &mut new(&stopped));
            // What a run that was killed had done since its checkpoint, and half a line.
            let path = stopped.0.join(name);
            let mut text = std::fs::read_to_string(&path).unwrap();
            text.push_str(if name.ends_with("csv") {
                "8,2,loss,0.5\n8,2,lo"
            } else {
                "{\"step\":8,\"epoch\":2}\n{\"st"
            });
            std::fs::write(&path, text).unwrap();
        }
        let mut log = new(&stopped);
        run(&stopped.0.join("run"), None, &mut log);
        assert!(log.error().is_none());
        assert_eq!(read(&stopped.0.join(name)), expected);
        // A new run begins the file anew.
        run(&stopped.0.join("other"), None, &mut log);
        assert_eq!(read(&stopped.0.join(name)), expected);
        // Eight steps, two epochs, two metrics each.
        let lines = if name.ends_with("csv") { 1 + 8 * 3 + 2 * (5 + 2) } else { 8 + 2 * (1 + 2) };
        assert_eq!(expected.len(), lines);
    }
}

#[test]
fn a_log_that_cannot_be_written_says_why_and_training_goes_on() {
    let folder = Temporary::new();
    std::fs::create_dir_all(&folder.0).unwrap();
    std::fs::write(folder.0.join("file"), "").unwrap();
    let mut log = Log::csv(folder.0.join("file/log.csv"));
    run(&folder.0.join("run"), None, &mut log);
    assert!(log.error().is_some());
    let mut board = TensorBoard::new(folder.0.join("file/board"));
    run(&folder.0.join("other"), None, &mut board);
    assert!(board.error().is_some());
}

/// A field of a protocol buffer.
#[derive(Debug, Clone)]
enum Field<'a> {
    Number(u64),
    F64(f64),
    F32(f32),
    Bytes(&'a [u8]),
}

impl<'a> Field<'a> {
    fn bytes(&self) -> &'a [u8] {
        let Self::Bytes(bytes) = self else { panic!("{self:?}") };
        bytes
    }
    fn number(&self) -> u64 {
        let Self::Number(number) = self else { panic!("{self:?}") };
        *number
    }
    fn f64(&self) -> f64 {
        let Self::F64(number) = self else { panic!("{self:?}") };
        *number
    }
    fn f64s(&self) -> Vec<f64> {
        self.bytes().chunks_exact(8).map(|bytes| f64::from_le_bytes(bytes.try_into().unwrap())).collect()
    }
}

/// A reader by the books, not by the writer.
fn fields(mut bytes: &[u8]) -> Vec<(u64, Field<'_>)> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let end = bytes.iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
        let (number, rest) = bytes.split_at(end);
        *bytes = rest;
        number.iter().rev().fold(0, |x, &byte| x << 7 | u64::from(byte & 0x7f))
    }
    fn take<'a>(bytes: &mut &'a [u8], n: usize) -> &'a [u8] {
        let (taken, rest) = bytes.split_at(n);
        *bytes = rest;
        taken
    }
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let field = match key & 7 {
            0 => Field::Number(varint(&mut bytes)),
            1 => Field::F64(f64::from_le_bytes(take(&mut bytes, 8).try_into().unwrap())),
            5 => Field::F32(f32::from_le_bytes(take(&mut bytes, 4).try_into().unwrap())),
            2 => {
                let length = varint(&mut bytes) as usize;
                Field::Bytes(take(&mut bytes, length))
            }
            wire => panic!("wire type {wire}"),
        };
        fields.push((key >> 3, field));
    }
    fields
}

fn field<'a>(fields: &[(u64, Field<'a>)], number: u64) -> Option<Field<'a>> {
    fields.iter().find(|(n, _)| *n == number).map(|(_, field)| field.clone())
}

/// CRC-32C a bit at a time, and the mask.
fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
        }
    }
    (!crc).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// The events of a file, its checksums checked.
fn records(mut file: &[u8]) -> Vec<&[u8]> {
    let mut records = Vec::new();
    while !file.is_empty() {
        let u32_at = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
        let length = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
        assert_eq!(u32_at(8), checksum(&file[..8]));
        assert_eq!(u32_at(12 + length), checksum(&file[12..12 + length]));
        records.push(&file[12..12 + length]);
        file = &file[16 + length..];
    }
    records
}

/// `(step, tag, value)` of the scalars of a folder, as TensorBoard shows them: what a later file begins anew is left out.
fn scalars(folder: &Path) -> Vec<(u64, String, f32)> {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut scalars: Vec<(u64, String, f32)> = Vec::new();
    for path in files {
        assert!(path.to_str().unwrap().contains("tfevents"));
        let bytes = std::fs::read(path).unwrap();
        for (place, record) in records(&bytes).into_iter().enumerate() {
            let event = fields(record);
            assert!(field(&event, 1).unwrap().f64() > 1.6e9);
            let step = field(&event, 2).unwrap().number();
            if place == 0 {
                assert_eq!(field(&event, 3).unwrap().bytes(), b"brain.Event:2");
            } else if place == 1 {
                assert_eq!(field(&fields(field(&event, 7).unwrap().bytes()), 1).unwrap().number(), 1);
                scalars.retain(|(before, ..)| *before < step);
            } else {
                let value = fields(field(&fields(field(&event, 5).unwrap().bytes()), 1).unwrap().bytes());
                let tag = String::from_utf8(field(&value, 1).unwrap().bytes().to_vec()).unwrap();
                if let Some(Field::F32(number)) = field(&value, 2) {
                    scalars.push((step, tag, number));
                }
            }
        }
    }
    scalars.retain(|(_, tag, _)| tag != "seconds");
    scalars
}

#[test]
fn tensorboard_shows_every_step_once() {
    let [whole, stopped] = [Temporary::new(), Temporary::new()];
    run(&whole.0.join("run"), None, &mut TensorBoard::new(whole.0.join("board")));
    let expected = scalars(&whole.0.join("board"));
    assert_eq!(expected.len(), 8 * 3 + 2 * (4 + 2));
    for stop in [Some(2), Some(4), Some(7)] {
        let mut board = TensorBoard::new(stopped.0.join("board"));
        run(&stopped.0.join("run"), stop, &mut board);
        board.scalar("loss", 8, 0.5); // of a run that was killed later
    }
    run(&stopped.0.join("run"), None, &mut TensorBoard::new(stopped.0.join("board")));
    let text = |scalars: Vec<(u64, String, f32)>| format!("{scalars:?}"); // NaN is NaN
    assert_eq!(text(scalars(&stopped.0.join("board"))), text(expected));
}

#[test]
fn histograms_and_images_are_what_they_show() {
    let folder = Temporary::new();
    let mut board = TensorBoard::new(&folder.0);
    board.histogram("h", 5, [1.0, 2.0, 4.0, 4.0, f64::NAN, f64::INFINITY]);
    board.histogram("none", 6, []);
    board.histogram("one", 7, [3.0]);
    board.histogram("wide", 8, [-f64::MAX, f64::MAX]);
    board.image("i", 9, &[0.0, 1.0, 0.5, 1.0, 0.0, 0.25], 2, 3).unwrap();
    assert!(board.image("i", 9, &[0.0; 5], 2, 3).is_err());
    let path = std::fs::read_dir(&folder.0).unwrap().next().unwrap().unwrap().path();
    let bytes = std::fs::read(path).unwrap();
    let value = |record: &'static [u8]| {
        let value = field(&fields(field(&fields(record), 5).unwrap().bytes()), 1).unwrap();
        fields(value.bytes())
    };
    let records = records(bytes.leak());
    assert_eq!(records.len(), 2 + 5);
    for (record, (low, high, n, sum)) in records[2..].iter().zip([
        (1.0, 4.0, 4.0, 11.0),
        (0.0, 0.0, 0.0, 0.0),
        (3.0, 3.0, 1.0, 3.0),
        (-f64::MAX, f64::MAX, 2.0, 0.0),
    ]) {
        let value = value(record);
        let histogram = fields(field(&value, 5).unwrap().bytes());
        let number = |at| field(&histogram, at).unwrap().f64();
        assert_eq!([number(1), number(2), number(3), number(4)], [low, high, n, sum]);
        let (ends, counts) = (field(&histogram, 6).unwrap().f64s(), field(&histogram, 7).unwrap().f64s());
        assert_eq!((ends.len(), counts.iter().sum::<f64>(), *ends.last().unwrap()), (30, n, high));
        assert!(ends.is_sorted(), "{ends:?}");
        if n == 4.0 {
            assert_eq!(number(5), 37.0);
            let places: Vec<_> = counts.iter().enumerate().filter(|(_, c)| **c > 0.0).map(|(i, c)| (i, *c)).collect();
            assert_eq!(places, [(0, 1.0), (10, 1.0), (29, 2.0)]);
        }
    }
    let image = fields(field(&value(records[6]), 4).unwrap().bytes());
    let number = |at| field(&image, at).unwrap().number();
    assert_eq!([number(1), number(2), number(3)], [2, 3, 1]);
    assert!(field(&image, 4).unwrap().bytes().starts_with(b"\x89PNG"));
}

/// `GRADUS_BOARD=folder cargo test -p gradus-train --test suite write_a_board -- --ignored`, and then
/// `python tests/fixtures/read_board.py folder` reads it by TensorBoard itself.
#[test]
#[ignore = "for TensorBoard to read"]
fn write_a_board() {
    let folder = std::path::PathBuf::from(std::env::var("GRADUS_BOARD").unwrap());
    run(&folder.join("run"), Some(6), &mut TensorBoard::new(folder.join("board")));
    let mut board = TensorBoard::new(folder.join("board"));
    run(&folder.join("run"), None, &mut board);
    board.histogram("weights", 8, (0..1000).map(|i| (f64::from(i) * 0.7).sin()));
    board.image("picture", 8, &[0.0, 1.0, 0.5, 1.0, 0.0, 0.25], 2, 3).unwrap();
}
