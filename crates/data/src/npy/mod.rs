//! NPY, NumPy's file format of one array: a header that is written as Python writes a dict, and the elements.
//!
//! ```text
//! 93 "NUMPY" | major, minor | header's length in 2 bytes (version 1) or 4 (2 and 3) | header | elements
//! {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
//! ```

mod header;
#[cfg(feature = "npz")]
mod npz;
mod read;
mod write;

pub(crate) use header::Header;
#[cfg(feature = "npz")]
pub use npz::Npz;

use crate::element::{ByteOrder, array_of_types};

array_of_types! {
    /// The type of the elements of an NPY file.
    NpyType;

    /// What an NPY file holds: an array of any number of axes, of truth values, integers or floats.
    ///
    /// Of several arrays, as `numpy.savez` writes them, there is `Npz`, behind the feature `npz`.
    ///
    /// # Examples
    /// ```
    /// use gradus_data::NpyArray;
    /// use gradus_linalg::ndarray::array;
    ///
    /// let written = NpyArray::from(array![[0.5_f32, -2.0], [3.0, 4.0]]);
    /// let mut file = Vec::new();
    /// written.write_to(&mut file, "weights.npy")?;
    /// let read = NpyArray::read_from(file.as_slice(), "weights.npy")?;
    /// assert_eq!(read, written);
    /// assert_eq!(read.to_floats::<f64>(), array![[0.5, -2.0], [3.0, 4.0]].into_dyn());
    /// # Ok::<(), gradus_data::Error>(())
    /// ```
    ///
    /// Inputs and labels, as they lie beside each other in many data sets:
    ///
    /// ```
    /// # use gradus_data::{Labelled, NpyArray};
    /// # use gradus_linalg::ndarray::array;
    /// # let (x, y) = (NpyArray::from(array![[1.0, 2.0], [3.0, 4.0]]), NpyArray::from(array![1_i64, 0]));
    /// // let (x, y) = (NpyArray::read("x.npy")?, NpyArray::read("y.npy")?);
    /// let data: Labelled = Labelled::new(x.to_floats(), y.to_labels()?, 2)?;
    /// # Ok::<(), gradus_data::Error>(())
    /// ```
    ///
    /// # References
    /// *NEP 1 – A Simple File Format for NumPy Arrays*, <https://numpy.org/neps/nep-0001-npy-format.html>
    NpyArray;

    Bool, bool, "Truth values, `?`.";
    U8, u8, "Unsigned bytes, `u1`.";
    U16, u16, "Unsigned integers of 2 bytes, `u2`.";
    U32, u32, "Unsigned integers of 4 bytes, `u4`.";
    U64, u64, "Unsigned integers of 8 bytes, `u8`.";
    I8, i8, "Signed bytes, `i1`.";
    I16, i16, "Integers of 2 bytes, `i2`.";
    I32, i32, "Integers of 4 bytes, `i4`.";
    I64, i64, "Integers of 8 bytes, `i8`: what NumPy makes of whole numbers unless asked.";
    F32, f32, "Floats of 4 bytes, `f4`.";
    F64, f64, "Floats of 8 bytes, `f8`.";
}

impl NpyType {
    /// NumPy's name of the type without the byte order: a kind, and the number of bytes.
    fn descr(self) -> &'static str {
        match self {
            Self::Bool => "b1",
            Self::U8 => "u1",
            Self::U16 => "u2",
            Self::U32 => "u4",
            Self::U64 => "u8",
            Self::I8 => "i1",
            Self::I16 => "i2",
            Self::I32 => "i4",
            Self::I64 => "i8",
            Self::F32 => "f4",
            Self::F64 => "f8",
        }
    }

    /// The type and byte order that NumPy's name says, such as `<f4`.
    fn from_descr(descr: &str) -> Option<(Self, ByteOrder)> {
        let (order, name) = descr.split_at_checked(1)?;
        let element = Self::ALL.iter().copied().find(|element| element.descr() == name)?;
        match order {
            "<" => Some((element, ByteOrder::Little)),
            ">" => Some((element, ByteOrder::Big)),
            "|" if element.size() == 1 => Some((element, ByteOrder::Little)),
            _ => None,
        }
    }
}
