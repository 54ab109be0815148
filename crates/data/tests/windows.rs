//! Files that stay on disk, and text in windows.

#![allow(clippy::unwrap_used)] // the helpers are tests, too

use crate::files::{idx_file, idx_of_each_type, npy_file, npy_with_header};
use gradus_data::{
    Cifar10, Csv, CsvRows, Dataset, Encoding, Error, IdxArray, Loader, NpyArray, Text, Vocabulary, Windows,
};
use gradus_linalg::ndarray::{ArrayD, Axis, array};
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::path::{Path, PathBuf};
use std::{env, fs, process};

/// A file that goes away with the test.
pub(crate) struct Temporary(PathBuf);

impl Temporary {
    pub(crate) fn new(test: &str, bytes: &[u8]) -> Self {
        let path = env::temp_dir().join(format!("gradus-data-{}-{test}", process::id()));
        fs::write(&path, bytes).unwrap();
        Self(path)
    }
}

impl AsRef<Path> for Temporary {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn message<T: std::fmt::Debug>(result: Result<T, Error>, file: &Temporary) -> String {
    result.unwrap_err().to_string().replace(&file.0.display().to_string(), "file")
}

/// Indices in order, then at random, then in order again.
fn places(len: usize, seed: u64) -> Vec<usize> {
    let mut rng = StdRng::seed_from_u64(seed);
    let random = (0..if len == 0 { 0 } else { 2 * len }).map(|_| rng.random_range(0..len));
    (0..len).chain(random.collect::<Vec<_>>()).chain(0..len).collect()
}

proptest! {
    #![proptest_config(gradus_testing::proptest_cases(30))]

    #[test]
    fn windows_give_what_memory_would(len in 0_usize..40, sample in prop::collection::vec(0_usize..4, 0..3), buffer in 0_usize..200, seed: u64) {
        let shape = [&[len][..], &sample].concat();
        let mut rng = StdRng::seed_from_u64(seed);
        let [.., idx] = idx_of_each_type(&shape, &mut rng);
        let IdxArray::F64(expected) = &idx else { unreachable!() };
        let files = [
            Temporary::new("idx", &idx_file(&idx, Encoding::Plain)),
            Temporary::new("npy", &npy_file(&NpyArray::from(expected.clone()))),
            Temporary::new("raw", &expected.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<_>>()),
        ];
        let mut all = vec![Windows::<f64>::idx(&files[0]).unwrap(), Windows::npy(&files[1]).unwrap()];
        if !sample.contains(&0) {
            all.push(Windows::raw(&files[2], &sample).unwrap());
        }
        for windows in all {
            let windows = windows.buffer(buffer);
            prop_assert_eq!((windows.len(), windows.sample_shape()), (len, &sample[..]));
            for place in places(len, seed) {
                prop_assert_eq!(windows.get(place).unwrap(), expected.index_axis(Axis(0), place));
            }
            prop_assert!(windows.get(len).is_err());
        }
    }

    #[test]
    fn rows_give_what_the_table_does(rows in prop::collection::vec((-1e3_f64..1e3, any::<i16>(), "[a-z\n\"]{0,4}"), 0..40), header: bool, seed: u64) {
        let mut text = String::from(if header { "x,y,note\n" } else { "" });
        for (x, y, note) in &rows {
            text += &format!("{x},{y},\"{}\"\r\n", note.replace('"', "\"\""));
        }
        if text.is_empty() {
            return Ok(());
        }
        let csv = if header { Csv::new().text("note") } else { Csv::new().without_header().text("3") };
        let file = Temporary::new("rows", text.as_bytes());
        let lazy = csv.rows(&file).unwrap();
        let names: Vec<String> = lazy.names().map(String::from).collect();
        let table = csv.read(&file).unwrap();
        let columns = [table.numbers(&names[0]).unwrap(), table.numbers(&names[1]).unwrap()];
        prop_assert_eq!((lazy.len(), names.len()), (rows.len(), 2));
        for place in places(rows.len(), seed) {
            prop_assert_eq!(lazy.get(place).unwrap(), array![columns[0][place], columns[1][place]].into_dyn());
        }
    }

    #[test]
    fn text_windows_cover_the_text(len in 2_usize..60, length in 1_usize..20, stride in 1_usize..20) {
        let tokens: Vec<usize> = (0..len).collect();
        let text = Text::tokens(&tokens, len).unwrap();
        let windows = text.windows(length, stride);
        if len <= length {
            prop_assert_eq!(
                windows.unwrap_err().to_string(),
                format!("windows: a text of {len} tokens: a window of {length} and the token behind it take {}", length + 1)
            );
            return Ok(());
        }
        let windows = windows.unwrap();
        let last = (windows.len() - 1) * stride + length;
        prop_assert!(last < len && last + stride >= len);
        for i in 0..windows.len() {
            let (input, target) = windows.get(i).unwrap();
            prop_assert_eq!(input.as_slice().unwrap(), &tokens[i * stride..i * stride + length]);
            prop_assert_eq!(target, input + 1);
        }
        prop_assert!(windows.get(windows.len()).is_err());
    }
}

#[test]
fn more_rows_than_places_are_remembered() {
    let text: String = (0..10_000).map(|i| format!("{i}\n")).collect();
    let file = Temporary::new("many-rows", text.as_bytes());
    let rows = Csv::new().without_header().rows(&file).unwrap();
    for place in (0..10_000).step_by(17).chain((0..10_000).rev().step_by(301)) {
        assert_eq!(rows.get(place).unwrap()[[0]], place as f64);
    }
}

#[test]
fn what_rows_refuse() {
    let rows = |text: &str| -> (Temporary, Result<CsvRows, Error>) {
        let file = Temporary::new("bad-rows", text.as_bytes());
        let rows = Csv::new().rows(&file);
        (file, rows)
    };
    let (file, result) = rows("a,b\n1,2\n3\n");
    assert_eq!(message(result, &file), "read csv: file, line 3: 1 fields; there should be 2");
    let (file, result) = rows("");
    assert!(message(result, &file).contains("the file has no line"));
    let (file, result) = rows("a,b\n1,2\n3,x\n5,6\n");
    let result = result.unwrap();
    assert_eq!(message(result.get(1), &file), "read csv: file, line 3, column 2: \"x\": a number should stand here");
    assert_eq!(result.get(2).unwrap(), array![5., 6.].into_dyn());
    assert_eq!(message(result.get(3), &file), "get: sample 3: the data has 3 samples, counted from 0");
    assert!(matches!(Csv::new().text("c").rows(&file), Err(Error::NoColumn { .. })));
    assert!(matches!(Csv::new().rows("no/such/file"), Err(Error::Io { .. })));
}

#[test]
fn what_windows_refuse() {
    let array = IdxArray::from(array![[1_u8, 2], [3, 4]]);
    let idx = Temporary::new("refused-idx", &idx_file(&array, Encoding::Plain));
    assert_eq!(message(Windows::<f32>::idx(&idx), &idx), "windows: file: holds u8; f32 was asked for");
    fs::write(&idx, idx_file(&array, Encoding::Gzip)).unwrap();
    assert_eq!(
        message(Windows::<u8>::idx(&idx), &idx),
        "windows: file: it is compressed, and has no places to jump to; unpack it first"
    );
    // 12 bytes of header and 4 of elements, of which some are missing or too many.
    let bytes = idx_file(&array, Encoding::Plain);
    fs::write(&idx, &bytes[..15]).unwrap();
    assert!(message(Windows::<u8>::idx(&idx), &idx).contains("the array takes 4 bytes, the file has 3 of them"));
    fs::write(&idx, [&bytes[..], &[0]].concat()).unwrap();
    assert!(message(Windows::<u8>::idx(&idx), &idx).contains("take 4 bytes, and more bytes follow"));
    fs::write(&idx, [0, 0, 8, 0, 7]).unwrap();
    assert!(matches!(Windows::<u8>::idx(&idx), Err(Error::NoSampleAxis)));

    let fortran = npy_with_header(1, "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 2)}", &[0; 4]);
    let file = Temporary::new("refused-npy", &fortran);
    assert!(message(Windows::<u8>::npy(&file), &file).starts_with("windows: file: it is in Fortran order"));
    assert_eq!(
        message(Windows::<u16>::raw(&file, &[3]), &file),
        format!(
            "windows: file: {0} bytes: a sample takes 6 bytes, and {1} are left over",
            fortran.len(),
            fortran.len() % 6
        )
    );
    for shape in [&[0][..], &[usize::MAX, 2]] {
        assert!(matches!(Windows::<u8>::raw(&file, shape), Err(Error::NoWindows { .. })));
    }
    let windows = Windows::<u8>::raw(&file, &[1]).unwrap().buffer(4);
    fs::write(&file, [0; 8]).unwrap(); // it shrinks while it is open
    assert!(windows.get(3).is_ok() && matches!(windows.get(20), Err(Error::Io { .. })) && windows.get(3).is_ok());
}

#[test]
fn many_threads_may_ask_at_once() {
    let file = Temporary::new("threads", &(0..250).collect::<Vec<u8>>());
    let data = Windows::<u8>::raw(&file, &[]).unwrap().buffer(16).mapped(|byte| Ok(usize::from(byte[[]])));
    let loader = Loader::new(data, 7).unwrap().shuffled().workers(3);
    let mut seen: Vec<usize> = loader.epoch(0).unwrap().flat_map(|batch| batch.unwrap().to_vec()).collect();
    seen.sort_unstable();
    assert_eq!(seen, (0..250).collect::<Vec<_>>());
}

#[test]
fn text_as_bytes_and_characters() {
    let text = "Ohm: Ω";
    assert_eq!((Text::bytes(text.as_bytes()).len(), Text::bytes(b"").is_empty()), (7, true));
    let vocabulary = Vocabulary::of(text).unwrap();
    let tokens = Text::characters(text, &vocabulary).unwrap();
    assert_eq!((tokens.len(), tokens.kinds()), (6, 6));
    let (input, _) = tokens.windows(4, 1).unwrap().get(0).unwrap();
    assert_eq!(vocabulary.decode(input.as_slice().unwrap()).unwrap(), "Ohm:");
    assert!(matches!(Text::characters("Ωm²", &vocabulary), Err(Error::Vocabulary(_))));
    assert_eq!(
        Text::tokens(&[0, 5], 5).unwrap_err().to_string(),
        "text: token 5 at position 1: with 5 kinds every token is below 5"
    );
    assert_eq!(tokens.windows(0, 1).unwrap_err().to_string(), "windows: length 0: it must be at least 1");
    assert_eq!(tokens.windows(1, 0).unwrap_err().to_string(), "windows: stride 0: it must be at least 1");
    assert!(matches!(tokens.windows(usize::MAX, 1), Err(Error::ShortText { .. })));
    let loader = Loader::new(tokens.windows(3, 1).unwrap(), 2).unwrap();
    let (inputs, targets) = loader.epoch(0).unwrap().next().unwrap().unwrap();
    assert_eq!((inputs.shape(), targets.shape()), (&[2, 3][..], &[2, 3][..]));
}

#[test]
fn cifar_files() {
    let folder = env::temp_dir().join(format!("gradus-data-{}-cifar", process::id()));
    fs::create_dir_all(&folder).unwrap();
    let record = |label: u8, pixel: u8| [&[label][..], &[pixel; 3072]].concat();
    for batch in 1..=5_u8 {
        let bytes = [record(batch, 0), record(batch + 1, 255)].concat();
        fs::write(folder.join(format!("data_batch_{batch}.bin")), bytes).unwrap();
    }
    let refused = || Cifar10::read(&folder).unwrap_err().to_string().replace(&folder.display().to_string(), "folder");
    assert!(refused().starts_with("cifar10: folder/test_batch.bin: "));
    fs::write(folder.join("test_batch.bin"), record(9, 51)).unwrap();
    let cifar = Cifar10::read(&folder).unwrap();
    assert_eq!(cifar.train.labels().to_vec(), [1, 2, 2, 3, 3, 4, 4, 5, 5, 6]);
    assert_eq!((cifar.train.inputs().shape(), cifar.train.inputs().sum()), (&[10, 3, 32, 32][..], 5.0 * 3072.0));
    assert_eq!(cifar.test.inputs()[[0, 2, 31, 31]], 0.2);
    fs::write(folder.join("test_batch.bin"), record(10, 0)).unwrap();
    assert_eq!(
        refused(),
        "cifar10: folder/test_batch.bin: label 10 at position 0: with 10 classes every label is below 10"
    );
    for bytes in [0, 3072] {
        fs::write(folder.join("test_batch.bin"), vec![0; bytes]).unwrap();
        assert_eq!(
            refused(),
            format!(
                "cifar10: folder/test_batch.bin: {bytes} bytes: an image and its label take 3073, and a file holds at least one"
            )
        );
    }
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn samples_keep_their_shape() {
    let numbers = ArrayD::from_shape_fn(vec![3, 2, 2], |i| (i[0] * 4 + i[1] * 2 + i[2]) as i64);
    let file = Temporary::new("shape", &npy_file(&NpyArray::from(numbers)));
    let windows = Windows::<i64>::npy(&file).unwrap();
    assert_eq!(windows.get(2).unwrap(), array![[8, 9], [10, 11]].into_dyn());
    let batches = Loader::new(windows, 2).unwrap();
    assert_eq!(batches.epoch(0).unwrap().next().unwrap().unwrap().shape(), [2, 2, 2]);
}
