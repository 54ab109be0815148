//! How fast files are read: `cargo run --release -p gradus-data --example reading -- [file.csv]`.
//!
//! Writes 256 MB of IDX and NPY to the temporary folder and reads each five times, from the operating system's cache after the first time; then
//! the CSV file, if one is named. The best of the five counts.

use gradus_data::{Csv, Dataset, Encoding, IdxArray, NpyArray, Windows};
use gradus_linalg::ndarray::Array2;
use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};
use std::{env, fs, process};

const BYTES: usize = 256 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    if let Some(csv) = env::args().nth(1) {
        report("csv", Path::new(&csv), |path| Ok(Csv::new().read(path)?.rows()))?;
        report("csv, row by row", Path::new(&csv), |path| {
            let rows = Csv::new().rows(path)?;
            (0..rows.len()).try_for_each(|i| rows.get(i).map(drop))?;
            Ok(rows.len())
        })?;
        return Ok(());
    }
    let path = env::temp_dir().join(format!("gradus-data-reading-{}", process::id()));
    IdxArray::from(Array2::<u8>::ones((BYTES / 784, 784))).write(&path, Encoding::Plain)?;
    report("idx u8", &path, |path| Ok(IdxArray::read(path)?.shape()[0]))?;
    report("idx u8, in windows", &path, |path| {
        let windows = Windows::<u8>::idx(path)?;
        (0..windows.len()).try_for_each(|i| windows.get(i).map(drop))?;
        Ok(windows.len())
    })?;
    let floats = Array2::<f32>::ones((BYTES / 4 / 784, 784));
    IdxArray::from(floats.clone()).write(&path, Encoding::Plain)?;
    report("idx f32", &path, |path| Ok(IdxArray::read(path)?.shape()[0]))?;
    NpyArray::from(floats).write(&path)?;
    report("npy f32", &path, |path| Ok(NpyArray::read(path)?.shape()[0]))?;
    fs::remove_file(&path)?;
    Ok(())
}

fn report(
    what: &str,
    path: &Path,
    read: impl Fn(&Path) -> Result<usize, gradus_data::Error>,
) -> Result<(), Box<dyn Error>> {
    let bytes = fs::metadata(path)?.len() as f64;
    let (mut best, mut rows) = (Duration::MAX, 0);
    for _ in 0..5 {
        let start = Instant::now();
        rows = read(path)?;
        best = best.min(start.elapsed());
    }
    let seconds = best.as_secs_f64();
    println!("{what}: {rows} samples, {:.0} MB in {seconds:.3} s, {:.2} GB/s", bytes / 1e6, bytes / seconds / 1e9);
    Ok(())
}
