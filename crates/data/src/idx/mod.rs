//! IDX, the file format of MNIST: a type, a shape, and the elements.
//!
//! ```text
//! 00 00 | type code | number of axes | each axis as 4 bytes | elements, the last axis running fastest
//! ```
//!
//! Numbers of more than one byte are big-endian.

mod read;
mod write;

pub use write::Encoding;

use gradus_linalg::Real;
use gradus_linalg::ndarray::{Array, ArrayD, Dimension};
use std::fmt;

/// An element as it stands in a file.
trait Element: Copy {
    /// Takes the bytes of whole elements apart.
    fn decode(bytes: Vec<u8>) -> Vec<Self>;
    /// Adds the element's bytes.
    fn encode(self, bytes: &mut Vec<u8>);
}

/// Bytes are elements already: nothing is copied, which is most of the reading speed for images.
impl Element for u8 {
    fn decode(bytes: Vec<u8>) -> Vec<Self> {
        bytes
    }

    fn encode(self, bytes: &mut Vec<u8>) {
        bytes.push(self);
    }
}

macro_rules! big_endian {
    ($($element:ident)+) => {$(
        impl Element for $element {
            fn decode(bytes: Vec<u8>) -> Vec<Self> {
                let (elements, _) = bytes.as_chunks();
                elements.iter().map(|&element| Self::from_be_bytes(element)).collect()
            }

            fn encode(self, bytes: &mut Vec<u8>) {
                bytes.extend(self.to_be_bytes());
            }
        }
    )+};
}

big_endian!(i8 i16 i32 f32 f64);

/// Writes out what differs from type to type, once for all of it.
macro_rules! element_types {
    ($($variant:ident, $element:ident, $code:literal, $doc:literal;)+) => {
        /// The type of the elements of an IDX file.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ElementType {
            $(#[doc = $doc] $variant,)+
        }

        impl ElementType {
            /// Every type that the format knows.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The third byte of the file.
            #[must_use]
            pub fn code(self) -> u8 {
                match self {
                    $(Self::$variant => $code,)+
                }
            }

            /// Bytes that an element takes.
            #[must_use]
            pub fn size(self) -> usize {
                match self {
                    $(Self::$variant => size_of::<$element>(),)+
                }
            }
        }

        impl fmt::Display for ElementType {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$variant => stringify!($element),)+
                })
            }
        }

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
        #[derive(Debug, Clone, PartialEq)]
        pub enum IdxArray {
            $(#[doc = $doc] $variant(ArrayD<$element>),)+
        }

        impl IdxArray {
            /// The type of the elements.
            #[must_use]
            pub fn element_type(&self) -> ElementType {
                match self {
                    $(Self::$variant(_) => ElementType::$variant,)+
                }
            }

            /// The length of each axis.
            #[must_use]
            pub fn shape(&self) -> &[usize] {
                match self {
                    $(Self::$variant(array) => array.shape(),)+
                }
            }

            /// The elements as floats, as near as the float type allows.
            #[must_use]
            pub fn to_floats<F: Real>(&self) -> ArrayD<F> {
                match self {
                    $(Self::$variant(array) => array.mapv(|element| F::from_f64(element.into())),)+
                }
            }

            /// Every element's bytes in the order of the file, in pieces of about 64 kB.
            fn encode<E>(&self, mut write: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
                const PIECE: usize = 1 << 16;
                let mut bytes = Vec::with_capacity(PIECE);
                match self {
                    $(Self::$variant(array) => for &element in array {
                        if bytes.len() + size_of::<$element>() > PIECE {
                            write(&bytes)?;
                            bytes.clear();
                        }
                        element.encode(&mut bytes);
                    })+
                }
                write(&bytes)
            }

            /// An array from the bytes of exactly as many elements as its shape has.
            fn decode(element: ElementType, shape: &[usize], bytes: Vec<u8>) -> Self {
                match element {
                    $(ElementType::$variant => Self::$variant(
                        ArrayD::from_shape_vec(shape, Element::decode(bytes))
                            .expect("as many bytes were read as the shape takes"),
                    ),)+
                }
            }
        }

        $(
            impl<D: Dimension> From<Array<$element, D>> for IdxArray {
                fn from(array: Array<$element, D>) -> Self {
                    Self::$variant(array.into_dyn())
                }
            }
        )+
    };
}

element_types! {
    U8, u8, 0x08, "Unsigned bytes, code 0x08: images and labels.";
    I8, i8, 0x09, "Signed bytes, code 0x09.";
    I16, i16, 0x0b, "Integers of 2 bytes, code 0x0B.";
    I32, i32, 0x0c, "Integers of 4 bytes, code 0x0C.";
    F32, f32, 0x0d, "Floats of 4 bytes, code 0x0D.";
    F64, f64, 0x0e, "Floats of 8 bytes, code 0x0E.";
}

impl ElementType {
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
