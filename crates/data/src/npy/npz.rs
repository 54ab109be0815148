//! NPZ: several NPY files in a zip archive.

use super::NpyArray;
use crate::source::{Source, UNPACKED_LIMIT};
use crate::{Error, Result};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, Write};
use std::path::{Path, PathBuf};
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

const ENDING: &str = ".npy";
/// Deflate packs at most this many bytes into one.
const DEFLATE_RATIO: u64 = 1032;

/// Named arrays, as `numpy.savez` and `numpy.savez_compressed` write them. Needs the feature `npz`.
///
/// State dicts of models have a reader of their own in `gradus-nn-layers`, which brings every array to the model's type.
///
/// # Examples
/// ```
/// use gradus_data::{NpyArray, Npz};
/// use gradus_linalg::ndarray::array;
/// use std::io::Cursor;
///
/// let mut written = Npz::new();
/// written.insert("x_train", array![[0.5_f32, 1.0], [0.0, 0.25]].into());
/// written.insert("y_train", array![1_i64, 0].into());
/// let mut file = Vec::new();
/// written.write_to(Cursor::new(&mut file), "data.npz")?; // or write("data.npz")
///
/// let read = Npz::read_from(Cursor::new(file), "data.npz")?; // or read("data.npz")
/// assert_eq!(read.names().collect::<Vec<_>>(), ["x_train", "y_train"]);
/// assert_eq!(read.get("y_train")?.to_labels()?, [1, 0]);
/// assert_eq!(read.get("z").unwrap_err().to_string(), r#"npz: no array "z"; there are "x_train", "y_train""#);
/// # Ok::<(), gradus_data::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Npz {
    arrays: Vec<(String, NpyArray)>,
}

impl Npz {
    /// No arrays.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads all arrays of a file.
    ///
    /// Memory follows what the file holds: 1,032 times its size, which is what deflate can pack into it, is the most that is unpacked, and
    /// no more than 4 GiB in all.
    ///
    /// # Errors
    /// - [`Error::Io`] if the file cannot be opened.
    /// - [`Error::Archive`] if it is no whole zip archive, or a member is damaged.
    /// - The errors of [`NpyArray::read`], with the member's name behind that of the file.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|source| Error::Io { operation: "read", path: path.into(), source })?;
        Self::read_from(BufReader::new(file), path)
    }

    /// Reads the arrays of a file that is anywhere; `name` is what errors call it.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_from(mut reader: impl Read + Seek, name: impl AsRef<Path>) -> Result<Self> {
        let path = name.as_ref();
        let size = reader.seek(io::SeekFrom::End(0));
        let size = size.map_err(|source| Error::Io { operation: "read", path: path.into(), source })?;
        let mut left = size.saturating_mul(DEFLATE_RATIO).min(UNPACKED_LIMIT);
        let mut archive = ZipArchive::new(reader).map_err(|error| fault(path.into(), error))?;
        let mut npz = Self::new();
        for place in 0..archive.len() {
            let member = archive.by_index(place).map_err(|error| fault(path.into(), error))?;
            let file = member.name().map_err(|error| fault(path.into(), error))?.into_owned();
            let member_path = path.join(&file);
            let Some(name) = file.strip_suffix(ENDING) else {
                let source = io::Error::new(io::ErrorKind::InvalidData, "a member's name does not end in .npy");
                return Err(Error::Archive { path: member_path, source });
            };
            let array = NpyArray::from_source(Source::member(member, &member_path, "npy", left))?;
            // Members that overlap would let a small file hold very much.
            let bytes = array.shape().iter().product::<usize>() as u64 * array.element_type().size() as u64;
            left = left.saturating_sub(bytes);
            npz.insert(name, array);
        }
        Ok(npz)
    }

    /// The names, in the order of the file.
    #[must_use]
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.arrays.iter().map(|(name, _)| name.as_str())
    }

    /// The array of this name.
    ///
    /// # Errors
    /// [`Error::NoArray`] if there is none.
    pub fn get(&self, name: &str) -> Result<&NpyArray> {
        self.arrays
            .iter()
            .find(|(of, _)| of == name)
            .map(|(_, array)| array)
            .ok_or_else(|| Error::NoArray { name: name.into(), known: self.names().map(String::from).collect() })
    }

    /// Adds an array behind the others, or puts it in the place of the one that had its name.
    pub fn insert(&mut self, name: impl Into<String>, array: NpyArray) {
        let name = name.into();
        match self.arrays.iter_mut().find(|(of, _)| *of == name) {
            Some((_, old)) => *old = array,
            None => self.arrays.push((name, array)),
        }
    }

    /// Writes a file, over an older one if there is one, as `numpy.savez` does.
    ///
    /// # Errors
    /// - [`Error::Unwritable`] if an array has more axes than NumPy knows.
    /// - [`Error::Io`] if the file cannot be created; [`Error::Archive`] if it cannot be written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        self.pack(create(path)?, path, CompressionMethod::Stored)
    }

    /// Writes a compressed file, over an older one if there is one, as `numpy.savez_compressed` does.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn write_compressed(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        self.pack(create(path)?, path, CompressionMethod::Deflated)
    }

    /// Writes to anywhere, not compressed; `name` is what errors call it.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn write_to(&self, writer: impl Write + Seek, name: impl AsRef<Path>) -> Result<()> {
        self.pack(writer, name.as_ref(), CompressionMethod::Stored)
    }

    fn pack(&self, writer: impl Write + Seek, path: &Path, method: CompressionMethod) -> Result<()> {
        let mut archive = ZipWriter::new(writer);
        for (name, array) in &self.arrays {
            let member = path.join(name);
            array.check(&member)?;
            // Sizes of 64 bits for all that could need them. The time is that of the format's beginning: the same arrays give the same bytes.
            let large = array.shape().iter().product::<usize>() >= (u32::MAX / 16) as usize;
            let options = SimpleFileOptions::DEFAULT.compression_method(method).large_file(large);
            archive.start_file(format!("{name}{ENDING}"), options).map_err(|error| fault(member.clone(), error))?;
            array.write_parts(&mut archive).map_err(|source| Error::Archive { path: member, source })?;
        }
        let written = archive.finish().map_err(|error| fault(path.into(), error))?.flush();
        written.map_err(|source| Error::Archive { path: path.into(), source })
    }
}

impl<S: Into<String>> FromIterator<(S, NpyArray)> for Npz {
    fn from_iter<I: IntoIterator<Item = (S, NpyArray)>>(arrays: I) -> Self {
        let mut npz = Self::new();
        arrays.into_iter().for_each(|(name, array)| npz.insert(name, array));
        npz
    }
}

fn create(path: &Path) -> Result<File> {
    File::create(path).map_err(|source| Error::Io { operation: "write", path: path.into(), source })
}

fn fault(path: PathBuf, error: ZipError) -> Error {
    Error::Archive { path, source: error.into() }
}
