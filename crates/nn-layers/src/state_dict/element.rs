//! The numbers in files: their types, and how their bytes become numbers of a model.

use gradus_autograd::{Real, Value};
use ndarray::{ArrayD, IxDyn};
use std::any::{Any, TypeId};

/// A type of numbers that files hold and a state dict can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Element {
    F16,
    BF16,
    F32,
    F64,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    Bool,
}

/// What the error for any other type says.
pub(super) const READABLE: &str = "floats of 16, 32 or 64 bits, integers and truth values can be read";

/// What the error for a shape says that an axis of length 0 lets claim anything for the other axes.
pub(super) const FITTING: &str = "a shape whose other axes multiply to a size in memory would fit";

/// In which order a number's bytes stand in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    #[cfg(feature = "interop")]
    Big,
}

impl Element {
    /// Bytes of one number.
    pub(super) fn size(self) -> usize {
        match self {
            Self::I8 | Self::U8 | Self::Bool => 1,
            Self::F16 | Self::BF16 | Self::I16 | Self::U16 => 2,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F64 | Self::I64 | Self::U64 => 8,
        }
    }

    /// The nearest numbers of type `F`; an `f32` or `f64` that is `F` already keeps every bit.
    pub(super) fn read<F: Real>(self, data: &[u8], order: Order) -> Vec<F> {
        match self {
            Self::F32 => match order {
                Order::Little => same_or_nearest(data, f32::from_le_bytes),
                #[cfg(feature = "interop")]
                Order::Big => same_or_nearest(data, f32::from_be_bytes),
            },
            Self::F64 => match order {
                Order::Little => same_or_nearest(data, f64::from_le_bytes),
                #[cfg(feature = "interop")]
                Order::Big => same_or_nearest(data, f64::from_be_bytes),
            },
            Self::F16 => numbers(data, order, |bytes| half(u16::from_le_bytes(bytes))),
            // The upper half of an f32.
            Self::BF16 => {
                numbers(data, order, |bytes| f64::from(f32::from_bits(u32::from(u16::from_le_bytes(bytes)) << 16)))
            }
            Self::I64 => numbers(data, order, |bytes| i64::from_le_bytes(bytes) as f64),
            Self::U64 => numbers(data, order, |bytes| u64::from_le_bytes(bytes) as f64),
            Self::I32 => numbers(data, order, |bytes| f64::from(i32::from_le_bytes(bytes))),
            Self::U32 => numbers(data, order, |bytes| f64::from(u32::from_le_bytes(bytes))),
            Self::I16 => numbers(data, order, |bytes| f64::from(i16::from_le_bytes(bytes))),
            Self::U16 => numbers(data, order, |bytes| f64::from(u16::from_le_bytes(bytes))),
            Self::I8 => numbers(data, order, |[byte]: [u8; 1]| f64::from(byte as i8)),
            Self::U8 => numbers(data, order, |[byte]: [u8; 1]| f64::from(byte)),
            Self::Bool => numbers(data, order, |[byte]: [u8; 1]| f64::from(u8::from(byte != 0))),
        }
    }
}

/// Numbers whose type may be `F` itself.
fn same_or_nearest<F: Real, T: Real + Into<f64>, const N: usize>(data: &[u8], number: impl Fn([u8; N]) -> T) -> Vec<F> {
    let chunks = data.as_chunks().0.iter();
    if TypeId::of::<F>() == TypeId::of::<T>() {
        let same: Box<dyn Any> = Box::new(chunks.map(|&bytes| number(bytes)).collect::<Vec<T>>());
        return *same.downcast().expect("the types were compared");
    }
    chunks.map(|&bytes| F::from_f64(number(bytes).into())).collect()
}

/// Numbers of other types than `F`, by way of `f64`; `number` takes little-endian bytes.
fn numbers<F: Real, const N: usize>(data: &[u8], order: Order, number: impl Fn([u8; N]) -> f64) -> Vec<F> {
    let chunks = data.as_chunks().0.iter();
    match order {
        Order::Little => chunks.map(|&bytes| F::from_f64(number(bytes))).collect(),
        #[cfg(feature = "interop")]
        Order::Big => chunks
            .map(|&(mut bytes)| {
                bytes.reverse();
                F::from_f64(number(bytes))
            })
            .collect(),
    }
}

/// The type that a state dict's numbers are written as: `F32` for `f32`, else `F64`.
pub(super) fn written<F: Real>() -> Element {
    if TypeId::of::<F>() == TypeId::of::<f32>() { Element::F32 } else { Element::F64 }
}

/// Appends the numbers of an array in row-major order, little-endian, as [`written`] says.
pub(super) fn write<F: Real>(array: &Value<F>, bytes: &mut Vec<u8>) {
    bytes.reserve(array.len() * written::<F>().size());
    for x in array.iter() {
        match (x as &dyn Any).downcast_ref::<f32>() {
            Some(x) => bytes.extend_from_slice(&x.to_le_bytes()),
            None => bytes.extend_from_slice(&x.to_f64().to_le_bytes()),
        }
    }
}

/// An array of this shape, if the shape has as many elements as there are numbers, and is a size in memory at all.
pub(super) fn shaped<F: Real>(shape: &[usize], numbers: Vec<F>) -> Option<Value<F>> {
    Some(ArrayD::from_shape_vec(IxDyn(shape), numbers).ok()?.into())
}

/// IEEE 754 binary16: 1 sign bit, 5 of the exponent, 10 of the fraction.
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    sign * match exponent {
        0 => fraction * 2_f64.powi(-24), // subnormal
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1024.0 + fraction) * 2_f64.powi(exponent - 25),
    }
}

#[cfg(test)]
mod tests {
    use super::half;

    #[test]
    fn half_precision_numbers() {
        for (bits, value) in [
            (0x0000, 0.0),
            (0x8000, -0.0),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0001, 2_f64.powi(-24)),
            (0x0400, 2_f64.powi(-14)),
            (0x3555, 0.333_251_953_125),
            (0xfc00, f64::NEG_INFINITY),
        ] {
            assert_eq!(half(bits), value, "{bits:#x}");
        }
        assert!(half(0x7e00).is_nan());
    }
}
