//! Files that stay on disk, and folders of files.

use crate::files::{idx_file, npy_file};
use gradus_data::{Cifar10, Dataset, Encoding, Error, IdxArray, ImageFolder, Mnist, Windows};
use gradus_linalg::ndarray::{Array1, Array3, array};
use std::path::PathBuf;
use std::{env, fs, process};

/// A folder that goes away with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = env::temp_dir().join(format!("gradus-data-{}-errors-{test}", process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn with(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    fn idx(&self, name: &str, array: impl Into<IdxArray>) -> PathBuf {
        self.with(name, &idx_file(&array.into(), Encoding::Plain))
    }

    fn png(&self, name: &str, [rows, columns]: [u32; 2]) {
        let path = self.with(name, &[]);
        let mut encoder = png::Encoder::new(fs::File::create(path).unwrap(), columns, rows);
        encoder.set_color(png::ColorType::Grayscale);
        let pixels = vec![0; (rows * columns) as usize];
        encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// As `refuses!` of `gradus_testing`, with `folder` where the message names the folder.
macro_rules! folder_refuses {
    ($folder:expr, $result:expr, $variant:pat, @$message:literal $(,)?) => {{
        let Err(error) = $result else { panic!("{} was not refused", stringify!($result)) };
        assert!(matches!(&error, $variant), "{error:?} is not {}", stringify!($variant));
        let message = error.to_string().replace(&$folder.0.display().to_string(), "folder");
        gradus_testing::insta::assert_snapshot!(message, @$message);
    }};
}

#[test]
fn windows_of_files() {
    let folder = Folder::new("windows");
    let idx = folder.idx("bytes", array![[1_u8, 2, 3]]);
    folder_refuses!(folder, Windows::<f32>::idx(&idx), Error::OtherElement { .. }, @"windows: folder/bytes: holds u8; f32 was asked for");
    let packed = folder.with("packed", &idx_file(&array![1_u8].into(), Encoding::Gzip));
    folder_refuses!(folder, Windows::<u8>::idx(&packed), Error::NoWindows { .. }, @"windows: folder/packed: it is compressed, and has no places to jump to; unpack it first");
    folder_refuses!(folder, Windows::<u16>::raw(&idx, &[4]), Error::PartialSample { .. }, @"windows: folder/bytes: 15 bytes: a sample takes 8 bytes, and 7 are left over");
    folder_refuses!(folder, Windows::<u16>::raw(&idx, &[0]), Error::NoWindows { .. }, @"windows: folder/bytes: a sample needs at least one number, and no more than memory can address");
    let number = folder.with("number", &npy_file(&gradus_linalg::ndarray::arr0(1_u8).into()));
    folder_refuses!(folder, Windows::<u8>::npy(&number), Error::NoSampleAxis, @"labelled: the inputs have shape []: the first axis numbers the samples, so there must be one");
}

#[test]
fn folders_of_images() {
    let folder = Folder::new("images");
    folder_refuses!(folder, ImageFolder::open(&folder.0), Error::NotImageFolder { .. }, @"images: folder: no folder in it; one for each class is needed");
    folder.png("cat/1.png", [2, 3]);
    folder.png("cat/2.png", [4, 3]);
    folder_refuses!(folder, ImageFolder::open(&folder.0).unwrap().get(1), Error::ImageSize { .. }, @"images: folder/cat/2.png: [4, 3] rows and columns, others [2, 3]; `resized` brings all to one size");
    folder_refuses!(folder, ImageFolder::open(&folder.0).unwrap().resized([0, 3]), Error::Setting { .. }, @"resized: rows 0: it must be at least 1");
    folder.with("cat/1.png", b"GIF89a, no PNG");
    folder_refuses!(folder, ImageFolder::open(&folder.0), Error::Image { .. }, @"images: folder/cat/1.png: Invalid PNG signature.");
}

#[test]
fn cifar() {
    let folder = Folder::new("cifar");
    for batch in 1..=5 {
        folder.with(&format!("data_batch_{batch}.bin"), &[1; 3073]);
    }
    folder.with("test_batch.bin", &[1; 3072]);
    folder_refuses!(folder, Cifar10::read(&folder.0), Error::NotCifar { .. }, @"cifar10: folder/test_batch.bin: 3072 bytes: an image and its label take 3073, and a file holds at least one");
    folder.with("test_batch.bin", &[10; 3073]);
    folder_refuses!(folder, Cifar10::read(&folder.0), Error::LabelInFile { .. }, @"cifar10: folder/test_batch.bin: label 10 at position 0: with 10 classes every label is below 10");
}

#[test]
fn mnist() {
    let folder = Folder::new("mnist");
    let [images, labels] = ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];
    folder_refuses!(folder, Mnist::read(&folder.0), Error::MissingFile { .. }, @"mnist: folder: no t10k-images-idx3-ubyte and no t10k-images-idx3-ubyte.gz; needed are t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, and for MNIST's own split the same two that begin with train");
    folder.idx(images, array![1_u8, 2]);
    folder.idx(labels, array![1_u8, 2]);
    folder_refuses!(folder, Mnist::read(&folder.0), Error::NotMnist { .. }, @"mnist: folder/t10k-images-idx3-ubyte: holds u8 of shape [2]; images are bytes (u8) of shape [images, rows, columns], none of them 0");
    folder.idx(images, Array3::<u8>::zeros((3, 2, 2)));
    folder_refuses!(folder, Mnist::read(&folder.0), Error::MnistLengths { .. }, @"mnist: folder/t10k-images-idx3-ubyte has 3 images, folder/t10k-labels-idx1-ubyte has 2 labels: each image needs one label");
    folder.idx(labels, array![1_u8, 2, 10]);
    folder_refuses!(folder, Mnist::read(&folder.0), Error::LabelInFile { .. }, @"mnist: folder/t10k-labels-idx1-ubyte: label 10 at position 2: with 10 classes every label is below 10");
    folder.idx(labels, Array1::<u8>::zeros(3));
    folder.idx("train-images-idx3-ubyte", Array3::<u8>::zeros((3, 2, 4)));
    folder.idx("train-labels-idx1-ubyte", Array1::<u8>::zeros(3));
    folder_refuses!(folder, Mnist::read(&folder.0), Error::ImageSizes { .. }, @"mnist: folder: training images of [2, 4] pixels, test images of [2, 2]: one network needs one size");
}
