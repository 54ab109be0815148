//! Folders of IDX files under MNIST's names, small ones made for each test.

#![allow(clippy::unwrap_used)] // the helpers are tests, too

use gradus_data::{Encoding, Error, IdxArray, Mnist};
use gradus_linalg::ndarray::{Array1, Array3};
use std::path::{Path, PathBuf};
use std::{env, fs, process};

/// A folder that goes away with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = env::temp_dir().join(format!("gradus-data-{}-{test}", process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Writes images of 2×3 pixels, the first one white and the others black, and labels 0, 1, … 9, 0, …
    fn with(self, set: &str, n: usize, encoding: Encoding) -> Self {
        let images = Array3::from_shape_fn((n, 2, 3), |(i, ..)| if i == 0 { 255_u8 } else { 0 });
        self.images(set, images, encoding).labels(set, Array1::from_iter((0..n).map(|i| (i % 10) as u8)), encoding)
    }

    fn images(self, set: &str, images: impl Into<IdxArray>, encoding: Encoding) -> Self {
        self.file(&format!("{set}-images-idx3-ubyte"), images.into(), encoding)
    }

    fn labels(self, set: &str, labels: impl Into<IdxArray>, encoding: Encoding) -> Self {
        self.file(&format!("{set}-labels-idx1-ubyte"), labels.into(), encoding)
    }

    fn file(self, name: &str, array: IdxArray, encoding: Encoding) -> Self {
        let end = if encoding == Encoding::Gzip { ".gz" } else { "" };
        array.write(self.0.join(format!("{name}{end}")), encoding).unwrap();
        self
    }

    fn error(&self) -> String {
        Mnist::read(&self.0).unwrap_err().to_string().replace(&self.0.display().to_string(), "folder")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn both_parts() {
    let folder = Folder::new("both").with("train", 30, Encoding::Gzip).with("t10k", 20, Encoding::Plain);
    let mnist = Mnist::read(&folder.0).unwrap();
    assert_eq!((mnist.train.len(), mnist.test.len(), mnist.held_out), (30, 20, false));
    assert_eq!((mnist.train.sample_shape(), mnist.image_size), (&[6][..], [2, 3]));
    assert_eq!(mnist.train.inputs().iter().copied().sum::<f32>(), 6.0);
    assert_eq!((mnist.train.labels()[13], mnist.train.classes()), (3, 10));
    assert_eq!(mnist.to_string(), "30 training and 20 test images of 2x3 pixels");
}

#[test]
fn test_files_alone_are_parted() {
    let folder = Folder::new("alone").with("t10k", 10_000, Encoding::Plain);
    let mnist = Mnist::read(&folder.0).unwrap();
    assert_eq!((mnist.train.len(), mnist.test.len(), mnist.held_out), (8_000, 2_000, true));
    assert_eq!(mnist.train.inputs()[[0, 0]], 1.0); // the first image is for training
    assert_eq!(mnist.test.inputs().iter().copied().sum::<f32>(), 0.0);

    for (n, train) in [(20_000, 18_000), (12, 10), (2, 1)] {
        let mnist = Mnist::read(&Folder::new("alone-too").with("t10k", n, Encoding::Plain).0).unwrap();
        assert_eq!((mnist.train.len(), mnist.test.len()), (train, n - train));
    }
    let one = Folder::new("one").with("t10k", 1, Encoding::Plain);
    assert!(matches!(Mnist::read(&one.0), Err(Error::EmptyPart { len: 1, .. })));
}

#[test]
fn missing_files() {
    let needed = "needed are t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, and for MNIST's own split the same two that begin with train";
    let none = |name: &str| format!("mnist: folder: no {name} and no {name}.gz; {needed}");
    assert_eq!(Folder::new("empty").error(), none("t10k-images-idx3-ubyte"));

    let half = Folder::new("half").images("t10k", Array3::<u8>::zeros((4, 2, 3)), Encoding::Plain);
    assert_eq!(half.error(), none("t10k-labels-idx1-ubyte"));

    // A training set that lacks its labels is not silently replaced by test images.
    let half = Folder::new("half-train").with("t10k", 4, Encoding::Plain);
    let half = half.images("train", Array3::<u8>::zeros((4, 2, 3)), Encoding::Plain);
    assert_eq!(half.error(), none("train-labels-idx1-ubyte"));

    let error = Mnist::read(Path::new("no/such/folder")).unwrap_err().to_string();
    assert!(error.starts_with("mnist: no/such/folder: "), "{error}");
}

#[test]
fn files_that_do_not_fit_together() {
    let zeros = |n| Array3::<u8>::zeros((n, 2, 3));
    let folder = Folder::new("numbers").images("t10k", zeros(5), Encoding::Gzip);
    let folder = folder.labels("t10k", Array1::<u8>::zeros(4), Encoding::Plain);
    assert_eq!(
        folder.error(),
        "mnist: folder/t10k-images-idx3-ubyte.gz has 5 images, folder/t10k-labels-idx1-ubyte has 4 labels: each image needs one label"
    );

    let folder = Folder::new("label").images("t10k", zeros(3), Encoding::Plain);
    let folder = folder.labels("t10k", Array1::from(vec![9_u8, 0, 10]), Encoding::Plain);
    assert_eq!(
        folder.error(),
        "mnist: folder/t10k-labels-idx1-ubyte: label 10 at position 2: with 10 classes every label is below 10"
    );

    let folder = Folder::new("sizes").with("t10k", 4, Encoding::Plain);
    let folder = folder.images("train", Array3::<u8>::zeros((4, 3, 3)), Encoding::Plain);
    let folder = folder.labels("train", Array1::<u8>::zeros(4), Encoding::Plain);
    assert_eq!(
        folder.error(),
        "mnist: folder: training images of [3, 3] pixels, test images of [2, 3]: one network needs one size"
    );
}

#[test]
fn files_of_another_kind() {
    let images = "images are bytes (u8) of shape [images, rows, columns], none of them 0";
    let wrong: [(IdxArray, String); 3] = [
        (Array3::<f32>::zeros((4, 2, 3)).into(), format!("holds f32 of shape [4, 2, 3]; {images}")),
        (Array1::<u8>::zeros(4).into(), format!("holds u8 of shape [4]; {images}")),
        (Array3::<u8>::zeros((4, 0, 3)).into(), format!("holds u8 of shape [4, 0, 3]; {images}")),
    ];
    for (array, complaint) in wrong {
        let folder = Folder::new("kind").with("t10k", 4, Encoding::Plain).images("t10k", array, Encoding::Plain);
        assert_eq!(folder.error(), format!("mnist: folder/t10k-images-idx3-ubyte: {complaint}"));
    }

    let folder = Folder::new("damaged").with("t10k", 4, Encoding::Plain);
    let path = folder.0.join("t10k-images-idx3-ubyte");
    let mut bytes = fs::read(&path).unwrap();
    bytes.pop();
    fs::write(&path, &bytes).unwrap();
    assert_eq!(
        folder.error(),
        "read idx: folder/t10k-images-idx3-ubyte: the array takes 24 bytes, the file has 23 of them; it is cut short or its header is wrong"
    );
}
