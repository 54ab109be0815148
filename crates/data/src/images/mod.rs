//! Images in folders, one folder for each class.

mod resize;

use crate::{Dataset, Error, Result};
use gradus_linalg::ndarray::{Array3, ArrayD, Axis, concatenate};
use png::{ColorType, Decoder, Transformations};
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// Deflate packs at most this many bytes into one.
const DEFLATE_RATIO: u64 = 1032;

/// The PNG images of a folder that has a folder for each class. Needs the feature `images`.
///
/// ```text
/// pets/cat/001.png  pets/cat/002.png  pets/dog/a.png        classes cat, dog; samples in the order of these names
/// ```
///
/// Only the names are in memory: an image is read when its sample is asked for, so that the [`Loader`](crate::Loader)'s workers decode in the
/// background. A sample is `(image, class)`, the image `(channels, rows, columns)` of numbers from 0 to 1. Palettes, grey images,
/// interlaced ones and those of 16 bits become the same form; transparency is dropped.
///
/// | setting | default | else |
/// | --- | --- | --- |
/// | channels | 3: red, green, blue | [`grayscale`](Self::grayscale): 1 |
/// | size | that of the first image; another size is an error | [`resized`](Self::resized): any, brought to one size |
///
/// # Examples
/// ```
/// use gradus_data::{ImageFolder, Loader};
///
/// # let folder = std::env::temp_dir().join(format!("gradus-data-images-{}", std::process::id()));
/// # for (class, shade) in [("cat", 0), ("dog", 255)] {
/// #     std::fs::create_dir_all(folder.join(class)).unwrap();
/// #     let mut encoder = png::Encoder::new(std::fs::File::create(folder.join(class).join("1.png")).unwrap(), 4, 4);
/// #     encoder.set_color(png::ColorType::Grayscale);
/// #     encoder.write_header().unwrap().write_image_data(&[shade; 16]).unwrap();
/// # }
/// let pets = ImageFolder::open(&folder)?.grayscale().resized([8, 8])?;
/// assert_eq!(pets.classes(), ["cat", "dog"]);
/// let labels = pets.labels();
/// let loader = Loader::new(pets, 2)?.stratified(labels)?.workers(1);
/// for batch in loader.epoch(0)? {
///     let (images, labels) = batch?;
///     assert_eq!((images.shape(), labels.len()), (&[2, 1, 8, 8][..], 2));
/// }
/// # std::fs::remove_dir_all(&folder).unwrap();
/// # Ok::<(), gradus_data::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ImageFolder {
    classes: Vec<String>,
    files: Vec<(PathBuf, usize)>,
    grayscale: bool,
    size: Size,
}

/// What happens to the size of an image.
#[derive(Debug, Clone, Copy)]
enum Size {
    /// It must be this one.
    Of([usize; 2]),
    /// It becomes this one.
    Resized([usize; 2]),
}

impl ImageFolder {
    /// Looks which classes and images there are, and how large the first image is.
    ///
    /// Classes are the folders in this folder, images the files in them whose names end in `.png`, both sorted by name. Names that begin with a
    /// dot are left out.
    ///
    /// # Errors
    /// - [`Error::Io`] if a folder cannot be read; [`Error::Image`] if the first image is none.
    /// - [`Error::NotImageFolder`] if there is no class, or a class has no image.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        let (mut classes, mut files) = (Vec::new(), Vec::new());
        for class in sorted(folder)?.into_iter().filter(|path| path.is_dir()) {
            let images: Vec<PathBuf> = sorted(&class)?.into_iter().filter(|path| is_png(path)).collect();
            if images.is_empty() {
                return Err(Error::NotImageFolder {
                    folder: class,
                    reason: "no file in it ends in .png; a class needs at least one image",
                });
            }
            files.extend(images.into_iter().map(|image| (image, classes.len())));
            classes.push(class.file_name().unwrap_or_default().to_string_lossy().into_owned());
        }
        let Some((first, _)) = files.first() else {
            return Err(Error::NotImageFolder {
                folder: folder.into(),
                reason: "no folder in it; one for each class is needed",
            });
        };
        let size = Size::Of(size_of(first)?);
        Ok(Self { classes, files, grayscale: false, size })
    }

    /// One channel of brightness, `0.299 R + 0.587 G + 0.114 B`, in place of three of colours.
    #[must_use]
    pub fn grayscale(mut self) -> Self {
        self.grayscale = true;
        self
    }

    /// Brings every image to this number of rows and columns, by linear interpolation where it grows and by a weighted mean of all the pixels it
    /// covers where it shrinks.
    ///
    /// # Errors
    /// [`Error::Setting`] for 0 rows or columns.
    pub fn resized(mut self, size: [usize; 2]) -> Result<Self> {
        for (setting, found) in [("rows", size[0]), ("columns", size[1])] {
            if found == 0 {
                return Err(Error::Setting { operation: "resized", setting, found: 0.0, expected: "at least 1" });
            }
        }
        self.size = Size::Resized(size);
        Ok(self)
    }

    /// The names of the classes, sorted.
    #[must_use]
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The class of each sample, for [`Loader::stratified`](crate::Loader::stratified).
    #[must_use]
    pub fn labels(&self) -> Vec<usize> {
        self.files.iter().map(|&(_, class)| class).collect()
    }

    /// The file of a sample.
    ///
    /// # Errors
    /// [`Error::Sample`] if there is no such sample.
    pub fn path(&self, index: usize) -> Result<&Path> {
        Error::check_sample(index, self.files.len())?;
        Ok(&self.files[index].0)
    }
}

impl Dataset for ImageFolder {
    type Sample = (ArrayD<f32>, usize);

    fn len(&self) -> usize {
        self.files.len()
    }

    fn get(&self, index: usize) -> Result<Self::Sample> {
        Error::check_sample(index, self.files.len())?;
        let (path, class) = &self.files[index];
        let image = read(path, self.grayscale)?;
        let (_, rows, columns) = image.dim();
        let image = match self.size {
            Size::Of(expected) if expected != [rows, columns] => {
                return Err(Error::ImageSize { path: path.clone(), found: [rows, columns], expected });
            }
            Size::Of(_) => image,
            Size::Resized(size) => resize::resize(&image, size),
        };
        Ok((image.into_dyn(), *class))
    }
}

/// What is in a folder, by name.
fn sorted(folder: &Path) -> Result<Vec<PathBuf>> {
    let error = |source| Error::Io { operation: "images", path: folder.into(), source };
    let entries = fs::read_dir(folder).map_err(error)?;
    let mut paths =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>().map_err(error)?;
    paths.retain(|path| !path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")));
    paths.sort();
    Ok(paths)
}

fn is_png(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png")) && path.is_file()
}

fn fault(path: &Path) -> impl Fn(png::DecodingError) -> Error {
    move |error| Error::Image { path: path.into(), reason: error.to_string() }
}

/// A decoder that has read all up to the pixels, and found that the file can hold as many as it claims.
fn decoder(path: &Path) -> Result<png::Reader<BufReader<File>>> {
    let error = |source| Error::Io { operation: "images", path: path.into(), source };
    let file = File::open(path).map_err(error)?;
    let bytes = file.metadata().map_err(error)?.len();
    let mut decoder = Decoder::new(BufReader::new(file));
    decoder.set_transformations(Transformations::normalize_to_color8());
    let reader = decoder.read_info().map_err(fault(path))?;
    let claimed = reader.info().raw_bytes() as u64;
    if claimed > bytes.saturating_mul(DEFLATE_RATIO) {
        let reason = format!("its header claims {claimed} bytes of pixels, more than a file of {bytes} bytes can hold");
        return Err(Error::Image { path: path.into(), reason });
    }
    Ok(reader)
}

/// Rows and columns, by the header.
fn size_of(path: &Path) -> Result<[usize; 2]> {
    let reader = decoder(path)?;
    Ok([reader.info().height as usize, reader.info().width as usize])
}

/// The image as `(channels, rows, columns)` from 0 to 1.
fn read(path: &Path, grayscale: bool) -> Result<Array3<f32>> {
    let mut reader = decoder(path)?;
    let size = reader.output_buffer_size().ok_or_else(|| Error::Image {
        path: path.into(),
        reason: "it has more pixels than memory can address".into(),
    })?;
    let mut bytes = vec![0; size];
    let frame = reader.next_frame(&mut bytes).map_err(fault(path))?;
    let samples = match frame.color_type {
        ColorType::Grayscale => 1,
        ColorType::GrayscaleAlpha => 2,
        ColorType::Rgb => 3,
        ColorType::Rgba => 4,
        ColorType::Indexed => unreachable!("the decoder expands palettes"),
    };
    let (rows, columns) = (frame.height as usize, frame.width as usize);
    let colour = samples > 2;
    let at = |channel: usize, i: usize, j: usize| {
        let pixel = &bytes[i * frame.line_size + j * samples..][..samples];
        f32::from(pixel[if colour { channel } else { 0 }]) / 255.0
    };
    Ok(match (grayscale, colour) {
        (false, true) => Array3::from_shape_fn((3, rows, columns), |(c, i, j)| at(c, i, j)),
        (true, true) => Array3::from_shape_fn((1, rows, columns), |(_, i, j)| {
            0.299 * at(0, i, j) + 0.587 * at(1, i, j) + 0.114 * at(2, i, j)
        }),
        (true, false) => Array3::from_shape_fn((1, rows, columns), |(_, i, j)| at(0, i, j)),
        (false, false) => {
            let grey = Array3::from_shape_fn((1, rows, columns), |(_, i, j)| at(0, i, j));
            concatenate(Axis(0), &[grey.view(); 3]).expect("the three are one")
        }
    })
}
