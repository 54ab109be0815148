//! Images in class folders, small ones made for each test.

#![allow(clippy::unwrap_used)] // the helpers are tests, too

use gradus_data::{Dataset, Error, ImageFolder, Loader};
use gradus_linalg::ndarray::array;
use png::{BitDepth, ColorType};
use std::path::{Path, PathBuf};
use std::{env, fs, process};

/// A folder that goes away with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = env::temp_dir().join(format!("gradus-data-{}-images-{test}", process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn image(self, name: &str, [rows, columns]: [u32; 2], colour: ColorType, depth: BitDepth, bytes: &[u8]) -> Self {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut encoder = png::Encoder::new(fs::File::create(path).unwrap(), columns, rows);
        encoder.set_color(colour);
        encoder.set_depth(depth);
        if colour == ColorType::Indexed {
            encoder.set_palette(vec![255, 0, 0, 0, 51, 102]);
        }
        encoder.write_header().unwrap().write_image_data(bytes).unwrap();
        self
    }

    fn grey(self, name: &str, size: [u32; 2]) -> Self {
        let bytes = vec![51; (size[0] * size[1]) as usize];
        self.image(name, size, ColorType::Grayscale, BitDepth::Eight, &bytes)
    }

    fn error(&self, result: Result<impl Sized, Error>) -> String {
        result.err().unwrap().to_string().replace(&self.0.display().to_string(), "folder")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn every_kind_of_png_becomes_one() {
    let folder = Folder::new("kinds")
        .image("a/1.png", [1, 2], ColorType::Rgb, BitDepth::Eight, &[255, 0, 0, 0, 51, 102])
        .image("a/2.PNG", [1, 2], ColorType::Indexed, BitDepth::One, &[0b0100_0000])
        .image("b/1.png", [1, 2], ColorType::Rgba, BitDepth::Eight, &[255, 0, 0, 9, 0, 51, 102, 0])
        .image("b/2.png", [1, 2], ColorType::Rgb, BitDepth::Sixteen, &[255, 255, 0, 0, 0, 0, 0, 0, 51, 51, 102, 102])
        .image("c/1.png", [1, 2], ColorType::Grayscale, BitDepth::Two, &[0b1100_0000])
        .image("c/2.png", [1, 2], ColorType::GrayscaleAlpha, BitDepth::Eight, &[255, 7, 0, 7]);
    fs::write(folder.0.join("a/readme.txt"), "no image").unwrap();
    fs::create_dir(folder.0.join(".hidden")).unwrap();
    let images = ImageFolder::open(&folder.0).unwrap();
    assert_eq!((images.len(), images.classes().len(), images.labels()), (6, 3, vec![0, 0, 1, 1, 2, 2]));
    assert_eq!(images.path(5).unwrap(), Path::new(&folder.0).join("c/2.png"));
    let colours = array![[[1.0_f32, 0.0]], [[0.0, 0.2]], [[0.0, 0.4]]].into_dyn();
    for i in 0..4 {
        assert_eq!(images.get(i).unwrap(), (colours.clone(), i / 2), "image {i}");
    }
    for i in 4..6 {
        assert_eq!(images.get(i).unwrap().0, array![[[1.0_f32, 0.0]], [[1.0, 0.0]], [[1.0, 0.0]]].into_dyn());
    }
    assert!(images.get(6).is_err() && images.path(6).is_err());
    let grey = images.grayscale();
    let (image, _) = grey.get(0).unwrap();
    assert!((image[[0, 0, 0]] - 0.299).abs() < 1e-6 && (image[[0, 0, 1]] - 0.163).abs() < 1e-6);
    assert_eq!(grey.get(5).unwrap().0, array![[[1.0_f32, 0.0]]].into_dyn());
}

#[test]
fn sizes_that_differ() {
    let folder = Folder::new("sizes").grey("a/1.png", [4, 6]).grey("a/2.png", [5, 3]).grey("b/1.png", [4, 6]);
    let images = ImageFolder::open(&folder.0).unwrap().grayscale();
    assert!(images.get(0).is_ok() && images.get(2).is_ok());
    assert_eq!(
        folder.error(images.get(1)),
        "images: folder/a/2.png: [5, 3] rows and columns, others [4, 6]; `resized` brings all to one size"
    );
    assert_eq!(folder.error(images.clone().resized([0, 3])), "resized: rows 0: it must be at least 1");
    let loader = Loader::new(images.resized([3, 2]).unwrap(), 3).unwrap();
    let (batch, labels) = loader.epoch(0).unwrap().next().unwrap().unwrap();
    assert_eq!((batch.shape(), labels.to_vec()), (&[3, 1, 3, 2][..], vec![0, 0, 1]));
    assert!(batch.iter().all(|x| (x - 0.2).abs() < 1e-6));
}

#[test]
fn folders_that_are_none() {
    let folder = Folder::new("none");
    assert_eq!(
        folder.error(ImageFolder::open(&folder.0)),
        "images: folder: no folder in it; one for each class is needed"
    );
    let folder = folder.grey("a/1.png", [1, 1]);
    fs::create_dir(folder.0.join("b")).unwrap();
    assert_eq!(
        folder.error(ImageFolder::open(&folder.0)),
        "images: folder/b: no file in it ends in .png; a class needs at least one image"
    );
    fs::remove_dir(folder.0.join("b")).unwrap();
    // A header that claims 2³¹ − 1 rows and columns, with its checksum.
    let mut bytes = fs::read(folder.0.join("a/1.png")).unwrap();
    bytes[16..24].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
    let mut crc = flate2::Crc::new();
    crc.update(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&crc.sum().to_be_bytes());
    let open = |bytes: &[u8]| {
        fs::write(folder.0.join("a/1.png"), bytes).unwrap();
        folder.error(ImageFolder::open(&folder.0))
    };
    let message = open(&bytes);
    assert!(message.starts_with("images: folder/a/1.png: "), "{message}");
    assert!(open(b"no image").starts_with("images: folder/a/1.png: "));
    assert!(matches!(ImageFolder::open("no/such/folder"), Err(Error::Io { .. })));
}
