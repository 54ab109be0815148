//! One tensor of a safetensors file, in the types that golden data has.

use ndarray::{ArrayD, IxDyn};
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use crate::Float;

/// An array of one of the four types.
#[derive(Debug, Clone)]
pub(super) enum Tensor {
    F64(ArrayD<f64>),
    F32(ArrayD<f32>),
    I64(ArrayD<i64>),
    Bool(ArrayD<bool>),
}

impl Tensor {
    /// Decodes a view of a file.
    pub(super) fn read(view: &TensorView<'_>) -> Result<Self, String> {
        let (shape, bytes) = (view.shape(), view.data());
        match view.dtype() {
            Dtype::F64 => decode(shape, bytes, f64::from_le_bytes).map(Self::F64),
            Dtype::F32 => decode(shape, bytes, f32::from_le_bytes).map(Self::F32),
            Dtype::I64 => decode(shape, bytes, i64::from_le_bytes).map(Self::I64),
            Dtype::BOOL => decode(shape, bytes, |[byte]: [u8; 1]| byte != 0).map(Self::Bool),
            other => Err(format!("element type {other:?}; golden data has F64, F32, I64 and BOOL")),
        }
    }

    /// The element type's name, as the golden data's README has it.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::F64(_) => "f64",
            Self::F32(_) => "f32",
            Self::I64(_) => "i64",
            Self::Bool(_) => "BOOL",
        }
    }

    /// The values as floats of type `F`, or the name of the type that they have instead.
    pub(super) fn floats<F: Float>(&self) -> Result<ArrayD<F>, &'static str> {
        match self {
            Self::F64(array) => Ok(array.mapv(F::from_f64)),
            Self::F32(array) => Ok(array.mapv(|x| F::from_f64(f64::from(x)))),
            other => Err(other.kind()),
        }
    }
}

/// Reads little-endian elements of `N` bytes each.
fn decode<T, const N: usize>(shape: &[usize], bytes: &[u8], read: impl Fn([u8; N]) -> T) -> Result<ArrayD<T>, String> {
    let (elements, rest) = bytes.as_chunks::<N>();
    if !rest.is_empty() {
        return Err(format!("{} bytes are no multiple of {N}", bytes.len()));
    }
    ArrayD::from_shape_vec(IxDyn(shape), elements.iter().map(|&element| read(element)).collect())
        .map_err(|error| error.to_string())
}
