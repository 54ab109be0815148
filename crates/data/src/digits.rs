//! Handwritten digits that travel with the crate.

use crate::{Error, Labelled, Result};
use flate2::read::GzDecoder;
use gradus_linalg::ndarray::Array2;
use std::io::Read;
use std::path::Path;

/// Rows and columns of an image.
const SIDE: usize = 8;
/// The largest value of a pixel.
const INK: u8 = 16;
const CLASSES: u8 = 10;
const FILE: &str = "digits/digits.csv.gz";

/// The 1,797 handwritten digits of 8×8 pixels that this crate carries.
///
/// They need no file and no network, and a small network learns them in seconds.
///
/// # References
/// E. Alpaydin and C. Kaynak, *Optical Recognition of Handwritten Digits*, UCI Machine Learning Repository, 1998,
/// <https://doi.org/10.24432/C50P49>, licensed under CC BY 4.0. Here pixels are scaled from 0–16 to 0–1.
#[derive(Debug, Clone, Copy)]
pub struct Digits;

impl Digits {
    /// The digits in the order of their file, pixels from 0 (paper) to 1 (ink).
    ///
    /// Each call unpacks them anew, which takes a few milliseconds.
    ///
    /// # Shapes
    /// - inputs: `(1797, 64)`, each image from its top left to its bottom right pixel;
    ///   [`reshape_inputs`](Labelled::reshape_inputs)`(&[1, 8, 8])` for convolutions, `(&[8, 8])` for row after row
    /// - labels: `(1797,)`, 0 to 9
    ///
    /// # Examples
    /// ```
    /// use gradus_data::Digits;
    ///
    /// let digits = Digits::embedded();
    /// assert_eq!(digits.inputs().shape(), [1797, 64]);
    /// assert_eq!(digits.classes(), 10);
    /// ```
    #[must_use]
    pub fn embedded() -> Labelled<f32> {
        let packed = include_bytes!("../digits/digits.csv.gz");
        parse(packed).expect("the file is part of the crate, and a test reads it")
    }
}

/// Reads lines of 64 pixels and a label.
fn parse(packed: &[u8]) -> Result<Labelled<f32>> {
    let path = Path::new(FILE);
    let mut text = String::new();
    GzDecoder::new(packed).read_to_string(&mut text).map_err(|source| Error::Gzip { path: path.into(), source })?;

    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for (number, line) in text.lines().enumerate() {
        let fields: Vec<&str> = line.split(',').collect();
        if fields.len() != SIDE * SIDE + 1 {
            return Err(Error::Fields {
                path: path.into(),
                line: number + 1,
                found: fields.len(),
                expected: SIDE * SIDE + 1,
            });
        }
        for (column, field) in fields.into_iter().enumerate() {
            let is_pixel = column < SIDE * SIDE;
            let (largest, expected) =
                if is_pixel { (INK, "a pixel from 0 to 16") } else { (CLASSES - 1, "a digit from 0 to 9") };
            let value = field.parse().ok().filter(|&value: &u8| value <= largest).ok_or_else(|| Error::Field {
                path: path.into(),
                line: number + 1,
                column: column + 1,
                found: field.into(),
                expected,
            })?;
            if is_pixel {
                pixels.push(f32::from(value) / f32::from(INK));
            } else {
                labels.push(usize::from(value));
            }
        }
    }
    let images = Array2::from_shape_vec((labels.len(), SIDE * SIDE), pixels)
        .expect("each line gave as many pixels as an image has, and a label");
    Labelled::new(images, labels, CLASSES.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    fn packed(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn embedded_digits_are_whole() {
        let digits = Digits::embedded();
        assert_eq!(digits.inputs().shape(), [1797, 64]);
        let mut counts = [0; 10];
        digits.labels().iter().for_each(|&label| counts[label] += 1);
        assert_eq!(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
        // The first image is a 0: paper in its corners and in its middle, sixteenths of ink elsewhere.
        let first = digits.inputs().outer_iter().next().unwrap();
        let row: Vec<f32> = first.iter().skip(8).take(8).map(|&x| 16.0 * x).collect();
        assert_eq!((digits.labels()[0], row), (0, vec![0., 0., 13., 15., 10., 15., 5., 0.]));
        assert!(digits.inputs().iter().all(|x| (0.0..=1.0).contains(x)));
    }

    #[test]
    fn a_damaged_table_is_named_by_line_and_column() {
        let line = format!("{}3\n", "0,".repeat(64));
        assert_eq!(parse(&packed(&line)).unwrap().labels()[0], 3);
        for (text, message) in [
            (line.clone() + "1,2\n", "read csv: digits/digits.csv.gz, line 2: 2 fields; there should be 65"),
            (
                line.replacen('0', "17", 1),
                "read csv: digits/digits.csv.gz, line 1, column 1: \"17\": a pixel from 0 to 16 should stand here",
            ),
            (
                line.replace('3', "ten"),
                "read csv: digits/digits.csv.gz, line 1, column 65: \"ten\": a digit from 0 to 9 should stand here",
            ),
        ] {
            assert_eq!(parse(&packed(&text)).unwrap_err().to_string(), message);
        }
        let whole = packed(&line);
        assert!(matches!(parse(&whole[..whole.len() - 9]), Err(Error::Gzip { .. })));
    }
}
