//! State dicts as NumPy's `.npz`: a zip archive with one `.npy` file for each array.

mod npy;

use super::budget::Budget;
use super::zip::{Archive, Checks, Writer};
use super::{StateDict, disk};
use crate::{Error, Result};
use gradus_autograd::Real;
use std::path::Path;

const ENDING: &str = ".npy";

impl<F: Real> StateDict<F> {
    /// The state dict as the bytes of an `.npz` file, as `numpy.savez(path, **arrays)` writes it: stored, row-major,
    /// `<f4` for `f32`, else `<f8`. The same arrays give the same bytes. Needs the feature `interop`.
    ///
    /// # Examples
    /// ```
    /// use gradus_nn_layers::{StateDict, ndarray::array};
    /// let dict: StateDict = [("weight", array![[1.0, 2.0]].into_dyn())].into_iter().collect();
    /// let read = StateDict::<f32>::from_npz(&dict.to_npz()?)?;
    /// assert_eq!(read.get("weight"), dict.get("weight"));
    /// # Ok::<(), gradus_nn_layers::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Member`] if a name is longer than the format allows (65531 bytes).
    pub fn to_npz(&self) -> Result<Vec<u8>> {
        let mut archive = Writer::default();
        for (name, array) in self.iter() {
            archive.member(&format!("{name}{ENDING}"), |bytes| npy::write(array, bytes))?;
        }
        Ok(archive.finish())
    }

    /// Reads the bytes of an `.npz` file, as `numpy.savez` and `numpy.savez_compressed` write it.
    ///
    /// Floats of 16, 32 and 64 bits, integers and truth values, in either byte order and in C or Fortran order, become
    /// the nearest numbers of type `F`. The order is the file's. Checksums are compared. The memory used is bounded by
    /// the file's size: 100 bytes for each of its own and 64 MiB. Needs the feature `interop`.
    ///
    /// Format: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.
    ///
    /// # Errors
    /// [`Error::Archive`] and [`Error::Member`] if the bytes are no whole zip archive, [`Error::Npy`] if a member is no
    /// `.npy` file, [`Error::Tensor`] if its numbers are of another type, [`Error::SameName`] if two members have one
    /// name, [`Error::TooLarge`] if it unpacks to more than its size makes likely.
    pub fn from_npz(bytes: &[u8]) -> Result<Self> {
        let (archive, mut budget) = (Archive::read(bytes)?, Budget::of(bytes.len()));
        let mut dict = Self::new();
        for member in &archive.members {
            let Some(name) = member.name.strip_suffix(ENDING) else {
                let reason = "its name does not end in .npy".to_owned();
                return Err(Error::Npy { name: member.name.to_owned(), reason });
            };
            let contents = member.contents(Checks::Compared, &mut budget)?;
            dict.insert(name, npy::read(name, &contents, &mut budget)?);
        }
        Ok(dict)
    }

    /// Writes an `.npz` file: see [`StateDict::to_npz`]. The path holds the old contents or the new ones, whole. Needs
    /// the feature `interop`.
    ///
    /// # Errors
    /// [`Error::File`], which names the file, and those of [`StateDict::to_npz`].
    pub fn save_npz(&self, path: impl AsRef<Path>) -> Result<()> {
        disk::save(path.as_ref(), &self.to_npz()?)
    }

    /// Reads an `.npz` file: see [`StateDict::from_npz`]. Needs the feature `interop`.
    ///
    /// # Errors
    /// [`Error::File`] if the file cannot be read, [`Error::InFile`] if it is not what it should be; both name it.
    pub fn load_npz(path: impl AsRef<Path>) -> Result<Self> {
        disk::load(path.as_ref(), Self::from_npz)
    }
}
