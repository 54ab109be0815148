//! Numbers on their way between ranks.

mod bf16;
mod element;

pub(crate) use element::Element;

use crate::{Error, Result};
use gradus_linalg::Real;
use std::ops::Range;

/// Numbers of `f32`, `f64` or [bfloat16](Self::bf16) as they go between ranks: their bytes, little-endian.
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

    /// None yet, with room for `capacity` of them, which travel as bfloat16: in two bytes each, with the range of `f32` and 8 binary
    /// digits.
    ///
    /// They are extended by and read as `f32` or `f64`. What is put in is rounded to the nearest, ties to even (`f64` by way of `f32`):
    /// `x (1 + δ)` with `|δ| ≤ 2⁻⁸`. An [`all_reduce`](crate::Communicator::all_reduce) adds them up in `f32`, in the order of the ranks,
    /// and rounds the sum once.
    ///
    /// # Examples
    /// ```
    /// use gradus_distributed::Numbers;
    ///
    /// let mut numbers = Numbers::bf16(3);
    /// numbers.extend_from_slice(&[1.0_f32, 257.0, f32::NAN])?; // between 256 and 258 there is nothing
    /// let values = numbers.to_vec::<f32>()?;
    /// assert!(values[..2] == [1.0, 256.0] && values[2].is_nan());
    /// # Ok::<(), gradus_distributed::Error>(())
    /// ```
    ///
    /// # References
    /// D. Kalamkar and others, *A Study of BFLOAT16 for Deep Learning Training*, 2019, <https://arxiv.org/abs/1905.12322>
    #[must_use]
    pub fn bf16(capacity: usize) -> Self {
        let element = Element::Bf16;
        Self { element, bytes: Vec::with_capacity(capacity * element.size()) }
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
            Element::Bf16 => {
                for (bytes, value) in self.bytes[start..].as_chunks_mut::<2>().0.iter_mut().zip(values) {
                    *bytes = bf16::round(value.to_f64() as f32);
                }
            }
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
                [a, b] => bf16::widen([a, b]).into(),
                [a, b, c, d] => f32::from_le_bytes([a, b, c, d]).into(),
                [a, b, c, d, e, f, g, h] => f64::from_le_bytes([a, b, c, d, e, f, g, h]),
                _ => unreachable!("an element has 2, 4 or 8 bytes"),
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
            asked if asked == self.element || self.element == Element::Bf16 => Ok(()),
            asked => Err(Error::OtherElement { element, found: asked.name() }),
        }
    }
}
