//! MNIST and the data sets that come in its files.

use crate::{Error, IdxArray, Labelled, Result};
use gradus_linalg::ndarray::{Array, Array1, Array3, Dimension};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

const CLASSES: usize = 10;
/// Where only test images are there, one in five of them is held out to test on, but no more than this.
const HELD_OUT: usize = 2_000;

/// Training and test images from a folder of IDX files named as MNIST's are.
///
/// Fashion-MNIST, KMNIST and others come under the same names. The files, each plain or with `.gz` behind its name:
///
/// ```text
/// train-images-idx3-ubyte  train-labels-idx1-ubyte
/// t10k-images-idx3-ubyte   t10k-labels-idx1-ubyte
/// ```
///
/// Where the two `train` files are not there, the last 2,000 of the 10,000 test images (the last fifth, where they are
/// fewer) are held out to test on, and the others are what to train on; [`held_out`](Self::held_out) says so.
///
/// # Examples
/// ```
/// use gradus_data::{Encoding, IdxArray, Mnist};
/// use gradus_linalg::ndarray::{Array1, Array3};
///
/// # let folder = std::env::temp_dir().join(format!("gradus-data-mnist-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder).unwrap();
/// // Ten images in the place of MNIST's.
/// IdxArray::from(Array3::<u8>::zeros((10, 28, 28))).write(folder.join("t10k-images-idx3-ubyte.gz"), Encoding::Gzip)?;
/// IdxArray::from(Array1::<u8>::zeros(10)).write(folder.join("t10k-labels-idx1-ubyte"), Encoding::Plain)?;
///
/// let mnist = Mnist::read(&folder)?;
/// assert_eq!(mnist.train.inputs().shape(), [8, 784]);
/// assert_eq!(mnist.to_string(), "8 training and 2 test images of 28x28 pixels, the test images held out from the t10k files");
///
/// let [rows, columns] = mnist.image_size;
/// let images = mnist.train.reshape_inputs(&[1, rows, columns])?; // for convolutions
/// # std::fs::remove_dir_all(&folder).unwrap();
/// # Ok::<(), gradus_data::Error>(())
/// ```
///
/// # References
/// Y. LeCun, C. Cortes and C. Burges, *The MNIST database of handwritten digits*, 1998
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Mnist {
    /// What to train on: inputs `(N, rows · columns)` from 0 to 1, labels 0 to 9.
    pub train: Labelled<f32>,
    /// What to test on, of the same form.
    pub test: Labelled<f32>,
    /// Rows and columns of an image, for [`reshape_inputs`](Labelled::reshape_inputs).
    pub image_size: [usize; 2],
    /// Whether the folder has no training files, and `test` was held out from its test files.
    pub held_out: bool,
}

impl Mnist {
    /// Reads the folder.
    ///
    /// # Errors
    /// - [`Error::Io`] if the folder or a file cannot be read; [`Error::MissingFile`] if a file is missing.
    /// - The errors of [`IdxArray::read`] if a file is no whole IDX file.
    /// - [`Error::NotMnist`] if a file holds anything but bytes: images `(N, rows, columns)`, labels `(N,)`, none of them empty.
    /// - [`Error::MnistLengths`], [`Error::LabelInFile`], [`Error::ImageSizes`] if files do not fit together.
    /// - [`Error::EmptyPart`] if there is but one image to train and test on.
    pub fn read(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        // First of all, so that a folder that is not there is not taken for one that lacks a file.
        fs::read_dir(folder).map_err(|source| Error::Io { operation: "mnist", path: folder.into(), source })?;

        let own =
            find(folder, "train-images-idx3-ubyte").is_some() || find(folder, "train-labels-idx1-ubyte").is_some();
        let (test, image_size) = read_pair(folder, "t10k")?;
        if own {
            let (train, train_size) = read_pair(folder, "train")?;
            if train_size != image_size {
                return Err(Error::ImageSizes { folder: folder.into(), train: train_size, test: image_size });
            }
            Ok(Self { train, test, image_size, held_out: false })
        } else {
            let held_out = (test.len() / 5).clamp(1, HELD_OUT);
            let (train, test) = test.split_at(test.len() - held_out)?;
            Ok(Self { train, test, image_size, held_out: true })
        }
    }
}

impl fmt::Display for Mnist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [rows, columns] = self.image_size;
        let (train, test) = (self.train.len(), self.test.len());
        write!(f, "{train} training and {test} test images of {rows}x{columns} pixels")?;
        if self.held_out { f.write_str(", the test images held out from the t10k files") } else { Ok(()) }
    }
}

/// Images and labels whose file names begin alike.
#[inline] // compiled where it is used: CONTRIBUTING, "What few programs call"
fn read_pair(folder: &Path, set: &str) -> Result<(Labelled<f32>, [usize; 2])> {
    let path = |name: String| find(folder, &name).ok_or(Error::MissingFile { folder: folder.into(), name });
    let images_path = path(format!("{set}-images-idx3-ubyte"))?;
    let labels_path = path(format!("{set}-labels-idx1-ubyte"))?;

    let images = read_images(&images_path)?;
    let labels = read_labels(&labels_path)?;
    let (n, rows, columns) = images.dim();
    if n != labels.len() {
        return Err(Error::MnistLengths { images_path, images: n, labels_path, labels: labels.len() });
    }
    let pixels = images
        .mapv(|pixel| f32::from(pixel) / 255.0)
        .into_shape_with_order((n, rows * columns))
        .expect("an array just read is in row-major order");
    Ok((Labelled::new(pixels, labels, CLASSES)?, [rows, columns]))
}

/// The file of this name, plain or compressed.
fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    [folder.join(name), folder.join(format!("{name}.gz"))].into_iter().find(|path| path.exists())
}

#[inline]
fn read_images(path: &Path) -> Result<Array3<u8>> {
    read_bytes(path, "images are bytes (u8) of shape [images, rows, columns], none of them 0")
}

#[inline]
fn read_labels(path: &Path) -> Result<Array1<usize>> {
    let labels: Array1<u8> = read_bytes(path, "labels are bytes (u8) of shape [labels], at least one")?;
    let labels = labels.mapv(usize::from);
    match labels.iter().enumerate().find(|&(_, &label)| label >= CLASSES) {
        Some((position, &label)) => {
            Err(Error::LabelInFile { operation: "mnist", path: path.into(), position, label, classes: CLASSES })
        }
        None => Ok(labels),
    }
}

/// An array of bytes that has the number of axes asked for, and at least one element.
#[inline]
fn read_bytes<D: Dimension>(path: &Path, expected: &'static str) -> Result<Array<u8, D>> {
    let array = IdxArray::read(path)?;
    let (found, shape) = (array.element_type(), array.shape().to_vec());
    let bytes = match array {
        IdxArray::U8(bytes) if !bytes.is_empty() => bytes.into_dimensionality().ok(),
        _ => None,
    };
    bytes.ok_or_else(|| Error::NotMnist { path: path.into(), found, shape, expected })
}
