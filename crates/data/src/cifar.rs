//! CIFAR-10 in its binary version.

use crate::{Error, Labelled, Result};
use gradus_linalg::ndarray::Array4;
use std::fs;
use std::path::Path;

const CLASSES: usize = 10;
const SHAPE: [usize; 3] = [3, 32, 32];
const PIXELS: usize = 3 * 32 * 32;
const RECORD: usize = 1 + PIXELS;

/// Training and test images from the folder `cifar-10-batches-bin`: colour photographs of 32×32 pixels in ten classes.
///
/// ```text
/// data_batch_1.bin … data_batch_5.bin, test_batch.bin        record = label, 1024 red, 1024 green, 1024 blue
/// ```
///
/// As floats all of it takes 740 MB; [`Windows::raw`](crate::Windows::raw) leaves it on disk.
///
/// # Examples
/// ```
/// use gradus_data::Cifar10;
///
/// # let folder = std::env::temp_dir().join(format!("gradus-data-cifar-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder).unwrap();
/// # for name in ["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"] {
/// #     std::fs::write(folder.join(format!("{name}.bin")), vec![3; 2 * 3073]).unwrap();
/// # }
/// let cifar = Cifar10::read(&folder)?;
/// let [images, channels, rows, columns] = *cifar.train.inputs().shape() else { unreachable!() };
/// # assert_eq!((images, cifar.test.len(), cifar.train.labels()[0]), (10, 2, 3));
/// assert_eq!((channels, rows, columns), (3, 32, 32)); // as convolutions want it, from 0 to 1
/// assert_eq!(Cifar10::CLASSES[cifar.train.labels()[0]], "cat");
/// # std::fs::remove_dir_all(&folder).unwrap();
/// # Ok::<(), gradus_data::Error>(())
/// ```
///
/// # References
/// A. Krizhevsky, *Learning Multiple Layers of Features from Tiny Images*, 2009, <https://www.cs.toronto.edu/~kriz/cifar.html>
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Cifar10 {
    /// The five batches to train on, one after the other: inputs `(N, 3, 32, 32)` from 0 to 1, labels 0 to 9.
    pub train: Labelled<f32>,
    /// What to test on, of the same form.
    pub test: Labelled<f32>,
}

impl Cifar10 {
    /// The names of the classes.
    pub const CLASSES: [&str; CLASSES] =
        ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

    /// Reads the folder.
    ///
    /// # Errors
    /// - [`Error::Io`] if a file cannot be read.
    /// - [`Error::NotCifar`] if a file holds no whole number of images, or none.
    /// - [`Error::LabelInFile`] if a label is 10 or more.
    pub fn read(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        let train: Vec<String> = (1..=5).map(|batch| format!("data_batch_{batch}.bin")).collect();
        Ok(Self { train: labelled(folder, &train)?, test: labelled(folder, &["test_batch.bin".into()])? })
    }
}

fn labelled(folder: &Path, names: &[String]) -> Result<Labelled<f32>> {
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for name in names {
        let path = folder.join(name);
        let bytes = fs::read(&path).map_err(|source| Error::Io { operation: "cifar10", path: path.clone(), source })?;
        let records = bytes.chunks_exact(RECORD);
        if bytes.is_empty() || !records.remainder().is_empty() {
            return Err(Error::NotCifar { path, bytes: bytes.len() });
        }
        pixels.reserve(records.len() * PIXELS);
        for (position, record) in records.enumerate() {
            let label = usize::from(record[0]);
            if label >= CLASSES {
                return Err(Error::LabelInFile { operation: "cifar10", path, position, label, classes: CLASSES });
            }
            labels.push(label);
            pixels.extend(record[1..].iter().map(|&pixel| f32::from(pixel) / 255.0));
        }
    }
    let [channels, rows, columns] = SHAPE;
    let inputs = Array4::from_shape_vec((labels.len(), channels, rows, columns), pixels)
        .expect("each record has as many pixels as an image");
    Labelled::new(inputs, labels, CLASSES)
}
