//! IDX, the file format of MNIST: a type, a shape, and the elements.
//!
//! ```text
//! 00 00 | type code | number of axes | each axis as 4 bytes | elements, the last axis running fastest
//! ```
//!
//! Numbers of more than one byte are big-endian.

mod read;
mod write;

pub(crate) use read::header;
pub use write::Encoding;

use crate::element::array_of_types;

array_of_types! {
    /// The type of the elements of an IDX file.
    ElementType;

    /// What an IDX file holds: an array of any number of axes, of one of six types.
    ///
    /// # Examples
    /// ```
    /// use gradus_data::{Encoding, IdxArray};
    /// use gradus_linalg::ndarray::array;
    ///
    /// let written = IdxArray::from(array![[1_i16, -2], [3, 4]]);
    /// let mut file = Vec::new();
    /// written.write_to(&mut file, Encoding::Gzip, "numbers.gz")?;
    /// assert_eq!(IdxArray::read_from(file.as_slice(), "numbers.gz")?, written);
    /// # Ok::<(), gradus_data::Error>(())
    /// ```
    ///
    /// # References
    /// Y. LeCun, C. Cortes and C. Burges, *The MNIST database of handwritten digits*, 1998, "The IDX file format"
    IdxArray;

    U8, u8, "Unsigned bytes, code 0x08: images and labels.";
    I8, i8, "Signed bytes, code 0x09.";
    I16, i16, "Integers of 2 bytes, code 0x0B.";
    I32, i32, "Integers of 4 bytes, code 0x0C.";
    F32, f32, "Floats of 4 bytes, code 0x0D.";
    F64, f64, "Floats of 8 bytes, code 0x0E.";
}

impl ElementType {
    /// The third byte of the file.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::U8 => 0x08,
            Self::I8 => 0x09,
            Self::I16 => 0x0b,
            Self::I32 => 0x0c,
            Self::F32 => 0x0d,
            Self::F64 => 0x0e,
        }
    }

    /// The type that has this code, if any has.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|element| element.code() == code)
    }

    /// All codes and types, for the error message.
    pub(crate) fn list() -> String {
        Self::ALL.iter().map(|element| format!("0x{:02x} {element}", element.code())).collect::<Vec<_>>().join(", ")
    }
}
