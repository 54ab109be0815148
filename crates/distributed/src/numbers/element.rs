//! What numbers are on the wire, and how they are added up there.

use super::bf16;
use crate::{Bytes, Error, Result};
use gradus_linalg::Real;
use std::any::{TypeId, type_name};

/// What numbers are on the wire. The values are part of the protocol: the bytes of one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Element {
    Bf16 = 2,
    F32 = 4,
    F64 = 8,
}

impl Element {
    pub(super) fn of<F: Real>() -> Result<Self> {
        match TypeId::of::<F>() {
            id if id == TypeId::of::<f32>() => Ok(Self::F32),
            id if id == TypeId::of::<f64>() => Ok(Self::F64),
            _ => Err(Error::Element { found: type_name::<F>() }),
        }
    }

    /// That of so many bytes, if there is one.
    pub(crate) fn of_size(bytes: u8) -> Option<Self> {
        [Self::Bf16, Self::F32, Self::F64].into_iter().find(|element| element.size() == usize::from(bytes))
    }

    /// Bytes of one number.
    pub(crate) fn size(self) -> usize {
        self as usize
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bf16 => "bf16",
            Self::F32 => "f32",
            Self::F64 => "f64",
        }
    }

    /// `((x₀ + x₁) + x₂) + …`, number by number, of terms that are as many in each message.
    pub(crate) fn sum(self, terms: impl IntoIterator<Item = Bytes>) -> Vec<u8> {
        let mut terms = terms.into_iter();
        match self {
            Self::Bf16 => bf16::sum(terms),
            Self::F32 => sum(&mut terms, |x, y| (f32::from_le_bytes(x) + f32::from_le_bytes(y)).to_le_bytes()),
            Self::F64 => sum(&mut terms, |x, y| (f64::from_le_bytes(x) + f64::from_le_bytes(y)).to_le_bytes()),
        }
    }
}

/// Chunks of a length that the compiler knows become vector instructions.
fn sum<const N: usize>(terms: &mut dyn Iterator<Item = Bytes>, add: impl Fn([u8; N], [u8; N]) -> [u8; N]) -> Vec<u8> {
    let Some(first) = terms.next() else { return Vec::new() };
    let mut sum = match (first.try_into_vec(), terms.next()) {
        (Ok(first), None) => return first,
        (Err(first), None) => return first.to_vec(),
        (Ok(mut sum), Some(second)) => {
            add_to(&mut sum, &second, &add);
            sum
        }
        // The first sum goes into memory of its own at once, without a copy of the first term.
        (Err(first), Some(second)) => {
            let terms = first.as_chunks().0.iter().zip(second.as_chunks().0);
            terms.map(|(x, y)| add(*x, *y)).collect::<Vec<_>>().into_flattened()
        }
    };
    terms.for_each(|term| add_to(&mut sum, &term, &add));
    sum
}

/// `sum ← sum + terms`.
fn add_to<const N: usize>(sum: &mut [u8], terms: &[u8], add: impl Fn([u8; N], [u8; N]) -> [u8; N]) {
    for (sum, term) in sum.as_chunks_mut().0.iter_mut().zip(terms.as_chunks().0) {
        *sum = add(*sum, *term);
    }
}
