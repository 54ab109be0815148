//! How fast files are read: `cargo bench -p gradus-data --bench reading -- [FOLDER]`.
//!
//! Writes IDX and NPY files of 256 MB and two CSV files, and reads each ten times, from the operating system's cache after the first time; the best
//! of the ten counts. In a folder that is named the files stay, for `reading_beside_polars.py`.

use gradus_data::{Csv, Dataset, Encoding, IdxArray, NpyArray, Result, Windows};
use gradus_linalg::ndarray::Array2;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{env, fs, process};

const BYTES: usize = 256 << 20;
const PIXELS: usize = 28 * 28;

fn main() -> Result<(), Box<dyn Error>> {
    // Cargo adds `--bench`.
    let named = env::args().skip(1).find(|argument| !argument.starts_with("--")).map(PathBuf::from);
    let folder =
        named.clone().unwrap_or_else(|| env::temp_dir().join(format!("gradus-data-reading-{}", process::id())));
    fs::create_dir_all(&folder)?;
    let measured = measure(&folder);
    if named.is_none() {
        fs::remove_dir_all(&folder)?;
    }
    measured
}

fn measure(folder: &Path) -> Result<(), Box<dyn Error>> {
    let path = folder.join("bytes.idx");
    IdxArray::from(Array2::<u8>::ones((BYTES / PIXELS, PIXELS))).write(&path, Encoding::Plain)?;
    report("IDX, u8", &path, || Ok(IdxArray::read(&path)?.shape()[0]))?;
    report("IDX, u8, in windows", &path, || {
        let windows = Windows::<u8>::idx(&path)?;
        (0..windows.len()).try_for_each(|i| windows.get(i).map(drop))?;
        Ok(windows.len())
    })?;
    fs::remove_file(&path)?;

    let path = folder.join("floats");
    let floats = Array2::<f32>::ones((BYTES / 4 / PIXELS, PIXELS));
    IdxArray::from(floats.clone()).write(&path, Encoding::Plain)?;
    report("IDX, f32", &path, || Ok(IdxArray::read(&path)?.shape()[0]))?;
    NpyArray::from(floats).write(&path)?;
    report("NPY, f32", &path, || Ok(NpyArray::read(&path)?.shape()[0]))?;
    fs::remove_file(&path)?;

    let rng = &mut StdRng::seed_from_u64(1);
    let short =
        csv(&folder.join("short.csv"), 700_000, |text, _| write!(text, "{:.4}", rng.random_range(-30.0..30.0)))?;
    let mixed = csv(&folder.join("mixed.csv"), 280_000, |text, column| match column {
        0..5 => write!(text, "{}", rng.random_range(-3.0..3.0)),
        5..7 => write!(text, "{}", rng.random_range(0..100_000)),
        _ => write!(text, "{:.3}", rng.random_range(-1e3..1e3)),
    })?;
    for (name, path) in [("numbers of 4 places", short), ("floats of all digits and shorter", mixed)] {
        report(&format!("CSV, {name}"), &path, || Ok(Csv::new().read(&path)?.rows()))?;
        report(&format!("CSV, {name}, row by row"), &path, || {
            let rows = Csv::new().rows(&path)?;
            (0..rows.len()).try_for_each(|i| rows.get(i).map(drop))?;
            Ok(rows.len())
        })?;
    }
    Ok(())
}

/// Ten columns of numbers.
fn csv(
    path: &Path,
    rows: usize,
    mut number: impl FnMut(&mut String, usize) -> std::fmt::Result,
) -> Result<PathBuf, Box<dyn Error>> {
    let mut text = String::from("a,b,c,d,e,f,g,h,i,j\n");
    for _ in 0..rows {
        for column in 0..10 {
            number(&mut text, column)?;
            text.push(if column < 9 { ',' } else { '\n' });
        }
    }
    fs::write(path, text)?;
    Ok(path.into())
}

fn report(what: &str, path: &Path, read: impl Fn() -> Result<usize>) -> Result<(), Box<dyn Error>> {
    let bytes = fs::metadata(path)?.len() as f64;
    let (mut best, mut rows) = (Duration::MAX, 0);
    for _ in 0..10 {
        let start = Instant::now();
        rows = read()?;
        best = best.min(start.elapsed());
    }
    let seconds = best.as_secs_f64();
    println!("{what}: {rows} rows, {:.0} MB in {seconds:.3} s, {:.2} GB/s", bytes / 1e6, bytes / seconds / 1e9);
    Ok(())
}
