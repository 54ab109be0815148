//! Numbers on their way between ranks.

mod bf16;
mod element;

pub(crate) use element::Element;

use crate::{Bytes, Error, Result};
use gradus_linalg::Real;
use std::ops::Range;

/// Numbers that are turned into bytes at once: as many as stay near the core.
const PIECE: usize = 1024;

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
#[derive(Debug, Clone)]
pub struct Numbers {
    pub(crate) element: Element,
    /// The first ones: parts that came from other ranks, each where it was received. To put them together would cost a copy.
    pub(crate) parts: Vec<Bytes>,
    /// The others.
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
        Ok(Self::empty(element, capacity))
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
        Self::empty(Element::Bf16, capacity)
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
        self.extend_with(values, |value| value)
    }

    /// Appends `of` each value.
    pub(crate) fn extend_with<F: Real>(&mut self, values: &[F], of: impl Fn(F) -> F) -> Result<()> {
        self.check::<F>()?;
        let bytes = &mut self.bytes;
        // `to_f64` and back changes no bit of an `f32`, and is not there once the compiler has seen both.
        match self.element {
            Element::Bf16 => extend(bytes, values, |value| bf16::round(of(value).to_f64() as f32)),
            Element::F32 => extend(bytes, values, |value| (of(value).to_f64() as f32).to_le_bytes()),
            Element::F64 => extend(bytes, values, |value| of(value).to_f64().to_le_bytes()),
        }
        Ok(())
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.stretches().map(<[u8]>::len).sum::<usize>() / self.element.size()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Those of `range`, in order.
    ///
    /// # Errors
    ///
    /// [`Error::OtherElement`] if they are of another type, [`Error::Range`] if there are not as many.
    pub fn values<F: Real>(&self, range: Range<usize>) -> Result<impl ExactSizeIterator<Item = F>> {
        self.check_range(range.clone())?;
        let mut values = vec![F::zero(); range.len()];
        self.copy_to(&mut values, range.start)?;
        Ok(values.into_iter())
    }

    /// Copies as many as `values` has, from number `start` on.
    pub(crate) fn copy_to<F: Real>(&self, values: &mut [F], start: usize) -> Result<()> {
        self.check::<F>()?;
        self.check_range(start..start + values.len())?;
        let size = self.element.size();
        let (mut rest, mut skip) = (values, start * size);
        for stretch in self.stretches() {
            let bytes = &stretch[skip.min(stretch.len())..];
            skip -= stretch.len() - bytes.len();
            let (values, others) = rest.split_at_mut(rest.len().min(bytes.len() / size));
            rest = others;
            match self.element {
                Element::Bf16 => read(values, bytes, |bytes| bf16::widen(bytes).into()),
                Element::F32 => read(values, bytes, |bytes| f32::from_le_bytes(bytes).into()),
                Element::F64 => read(values, bytes, f64::from_le_bytes),
            }
        }
        Ok(())
    }

    /// All of them.
    ///
    /// # Errors
    ///
    /// [`Error::OtherElement`] if they are of another type.
    pub fn to_vec<F: Real>(&self) -> Result<Vec<F>> {
        Ok(self.values(0..self.len())?.collect())
    }

    /// Numbers of parts that came from other ranks.
    pub(crate) fn of_parts(element: Element, parts: Vec<Bytes>) -> Self {
        Self { element, parts, bytes: Vec::new() }
    }

    fn empty(element: Element, capacity: usize) -> Self {
        Self { element, parts: Vec::new(), bytes: Vec::with_capacity(capacity * element.size()) }
    }

    /// All bytes, in order.
    pub(crate) fn stretches(&self) -> impl Iterator<Item = &[u8]> {
        self.parts.iter().map(|part| &part[..]).chain([&self.bytes[..]])
    }

    /// All bytes as one; copied if there are parts.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        if self.parts.is_empty() { self.bytes } else { self.stretches().collect::<Vec<_>>().concat() }
    }

    fn check_range(&self, Range { start, end }: Range<usize>) -> Result<()> {
        let len = self.len();
        if start > end || end > len { Err(Error::Range { start, end, len }) } else { Ok(()) }
    }

    fn check<F: Real>(&self) -> Result<()> {
        let element = self.element.name();
        match Element::of::<F>()? {
            asked if asked == self.element || self.element == Element::Bf16 => Ok(()),
            asked => Err(Error::OtherElement { element, found: asked.name() }),
        }
    }
}

/// Numbers are equal that are the same bytes of the same type, whatever their parts.
impl PartialEq for Numbers {
    fn eq(&self, other: &Self) -> bool {
        self.element == other.element && self.stretches().flatten().eq(other.stretches().flatten())
    }
}

/// Appends the bytes of each value. Those of a piece are put together first: bytes that are written once are not cleared before.
fn extend<F: Real, const N: usize>(bytes: &mut Vec<u8>, values: &[F], of: impl Fn(F) -> [u8; N]) {
    let mut piece = [[0; N]; PIECE];
    for values in values.chunks(PIECE) {
        piece.iter_mut().zip(values).for_each(|(bytes, value)| *bytes = of(*value));
        bytes.extend_from_slice(piece[..values.len()].as_flattened());
    }
}

/// Chunks of a length that the compiler knows become vector instructions.
fn read<F: Real, const N: usize>(values: &mut [F], bytes: &[u8], number: impl Fn([u8; N]) -> f64) {
    values.iter_mut().zip(bytes.as_chunks().0).for_each(|(value, bytes)| *value = F::from_f64(number(*bytes)));
}
