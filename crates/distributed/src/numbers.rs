//! Numbers on their way between ranks.

use crate::{Error, Result};
use gradus_linalg::Real;
use std::any::{TypeId, type_name};
use std::ops::Range;

/// What numbers are on the wire. The values are part of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Element {
    F32 = 4,
    F64 = 8,
}

impl Element {
    fn of<F: Real>() -> Result<Self> {
        match TypeId::of::<F>() {
            id if id == TypeId::of::<f32>() => Ok(Self::F32),
            id if id == TypeId::of::<f64>() => Ok(Self::F64),
            _ => Err(Error::Element { found: type_name::<F>() }),
        }
    }

    /// Bytes of one number.
    pub(crate) fn size(self) -> usize {
        self as usize
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F64 => "f64",
        }
    }

    /// `sum ← sum + terms`, number by number.
    pub(crate) fn add(self, sum: &mut [u8], terms: &[u8]) {
        // Chunks of a length that the compiler knows become vector instructions.
        match self {
            Self::F32 => {
                let (sum, terms) = (sum.as_chunks_mut::<4>().0, terms.as_chunks::<4>().0);
                for (sum, term) in sum.iter_mut().zip(terms) {
                    *sum = (f32::from_le_bytes(*sum) + f32::from_le_bytes(*term)).to_le_bytes();
                }
            }
            Self::F64 => {
                let (sum, terms) = (sum.as_chunks_mut::<8>().0, terms.as_chunks::<8>().0);
                for (sum, term) in sum.iter_mut().zip(terms) {
                    *sum = (f64::from_le_bytes(*sum) + f64::from_le_bytes(*term)).to_le_bytes();
                }
            }
        }
    }
}

/// Numbers of `f32` or `f64` as they go between ranks: their bytes, little-endian.
///
/// Gradients are copied into it once; the collectives add up the bytes where they are.
///
/// # Examples
///
/// ```
/// use gradus_distributed::Numbers;
///
/// let mut numbers = Numbers::from_slice(&[1.0_f32, 2.0])?;
/// numbers.extend_from_slice(&[3.0_f32])?;
/// assert_eq!(numbers.len(), 3);
/// assert_eq!(numbers.values::<f32>(1..3)?.collect::<Vec<_>>(), [2.0, 3.0]);
/// assert!(numbers.to_vec::<f64>().is_err());
/// # Ok::<(), gradus_distributed::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Numbers {
    pub(crate) element: Element,
    pub(crate) bytes: Vec<u8>,
}

impl Numbers {
    /// None yet, with room for `capacity` of them.
    ///
    /// # Errors
    ///
    /// [`Error::Element`] for a type other than `f32` and `f64`.
    pub fn with_capacity<F: Real>(capacity: usize) -> Result<Self> {
        let element = Element::of::<F>()?;
        Ok(Self { element, bytes: Vec::with_capacity(capacity * element.size()) })
    }

    /// A copy of `values`.
    ///
    /// # Errors
    ///
    /// [`Error::Element`] for a type other than `f32` and `f64`.
    pub fn from_slice<F: Real>(values: &[F]) -> Result<Self> {
        let mut numbers = Self::with_capacity::<F>(values.len())?;
        numbers.extend_from_slice(values)?;
        Ok(numbers)
    }

    /// Appends `values`.
    ///
    /// # Errors
    ///
    /// [`Error::OtherElement`] if the numbers so far are of another type.
    pub fn extend_from_slice<F: Real>(&mut self, values: &[F]) -> Result<()> {
        self.check::<F>()?;
        let start = self.bytes.len();
        self.bytes.resize(start + values.len() * self.element.size(), 0);
        // `to_f64` and back changes no bit of an `f32`, and is not there once the compiler has seen both.
        match self.element {
            Element::F32 => {
                for (bytes, value) in self.bytes[start..].as_chunks_mut::<4>().0.iter_mut().zip(values) {
                    *bytes = (value.to_f64() as f32).to_le_bytes();
                }
            }
            Element::F64 => {
                for (bytes, value) in self.bytes[start..].as_chunks_mut::<8>().0.iter_mut().zip(values) {
                    *bytes = value.to_f64().to_le_bytes();
                }
            }
        }
        Ok(())
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len() / self.element.size()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Those of `range`, in order.
    ///
    /// # Errors
    ///
    /// [`Error::OtherElement`] if they are of another type, [`Error::Range`] if there are not as many.
    pub fn values<F: Real>(&self, range: Range<usize>) -> Result<impl ExactSizeIterator<Item = F>> {
        self.check::<F>()?;
        let (Range { start, end }, len, size) = (range, self.len(), self.element.size());
        if start > end || end > len {
            return Err(Error::Range { start, end, len });
        }
        Ok(self.bytes[start * size..end * size].chunks_exact(size).map(|bytes| {
            F::from_f64(match *bytes {
                [a, b, c, d] => f32::from_le_bytes([a, b, c, d]).into(),
                [a, b, c, d, e, f, g, h] => f64::from_le_bytes([a, b, c, d, e, f, g, h]),
                _ => unreachable!("an element has 4 or 8 bytes"),
            })
        }))
    }

    /// All of them.
    ///
    /// # Errors
    ///
    /// [`Error::OtherElement`] if they are of another type.
    pub fn to_vec<F: Real>(&self) -> Result<Vec<F>> {
        Ok(self.values(0..self.len())?.collect())
    }

    fn check<F: Real>(&self) -> Result<()> {
        let element = self.element.name();
        match Element::of::<F>()? {
            asked if asked == self.element => Ok(()),
            asked => Err(Error::OtherElement { element, found: asked.name() }),
        }
    }
}
