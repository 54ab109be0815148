//! State dicts as safetensors, in memory and in files.

use super::element::{self, Element, FITTING, Order, READABLE};
use super::{StateDict, disk};
use crate::{Error, Result};
use ::safetensors::tensor::{Dtype, SafeTensors, TensorView, View};
use gradus_autograd::{Real, Value};
use std::borrow::Cow;
use std::path::Path;

impl<F: Real> StateDict<F> {
    /// The state dict in the safetensors format: `F64` for `f64`, `F32` for `f32`, and `F64` for any other number type,
    /// of which that is the part that a file can hold.
    ///
    /// # Errors
    /// [`Error::Safetensors`] if the names are more than the format allows (100 MB), or one of them is `__metadata__`.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        if self.get("__metadata__").is_some() {
            let reason = "an array is named `__metadata__`, a name that the format keeps for itself".to_owned();
            return Err(Error::Safetensors { bytes: 0, reason });
        }
        // Libraries around PyTorch look for this mark.
        let metadata = Some(std::iter::once(("format".to_owned(), "pt".to_owned())).collect());
        let tensors = self.iter().map(|(name, array)| (name, Tensor(array)));
        ::safetensors::serialize(tensors, metadata)
            .map_err(|error| Error::Safetensors { bytes: 0, reason: error.to_string() })
    }

    /// Reads the safetensors format. Floating-point numbers of 16, 32 and 64 bits, integers and truth values become the
    /// nearest numbers of type `F`. The arrays are ordered by name; the memory used is a small multiple of the bytes'.
    ///
    /// # Errors
    /// [`Error::Safetensors`] if the bytes are not complete or not in the format, [`Error::Tensor`] if one of the
    /// tensors is of another type.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let fault = |reason: String| {
            let zip = bytes.starts_with(b"PK");
            let reason =
                if zip { format!("{reason} (a zip archive: from_npz or from_pt may read it)") } else { reason };
            Error::Safetensors { bytes: bytes.len(), reason }
        };
        let file = SafeTensors::deserialize(bytes).map_err(|error| fault(error.to_string()))?;
        let mut tensors = file.tensors();
        tensors.sort_by(|(a, _), (b, _)| a.cmp(b));
        tensors.into_iter().map(|(name, tensor)| Ok((name.clone(), read(name, &tensor)?))).collect()
    }

    /// Writes a safetensors file. The file is written under another name in the same folder, brought to disk, and then
    /// renamed: whatever happens, the path holds the old contents or the new ones, whole.
    ///
    /// # Errors
    /// [`Error::File`], which names the file.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        disk::save(path.as_ref(), &self.to_bytes()?)
    }

    /// Reads a safetensors file: see [`StateDict::from_bytes`].
    ///
    /// # Errors
    /// [`Error::File`] if the file cannot be read, [`Error::InFile`] if it is not what it should be; both name it.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        disk::load(path.as_ref(), Self::from_bytes)
    }
}

/// An array as the safetensors crate wants to see it.
struct Tensor<'a, F: Real>(&'a Value<F>);

impl<F: Real> View for Tensor<'_, F> {
    fn dtype(&self) -> Dtype {
        if element::written::<F>() == Element::F32 { Dtype::F32 } else { Dtype::F64 }
    }

    fn shape(&self) -> &[usize] {
        self.0.shape()
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let mut bytes = Vec::new();
        element::write(self.0, &mut bytes);
        bytes.into()
    }

    fn data_len(&self) -> usize {
        self.0.len() * element::written::<F>().size()
    }
}

fn read<F: Real>(name: String, tensor: &TensorView<'_>) -> Result<Value<F>> {
    let array = match element_of(tensor.dtype()) {
        None => Err(READABLE),
        Some(element) => element::shaped(tensor.shape(), element.read(tensor.data(), Order::Little)).ok_or(FITTING),
    };
    array.map_err(|expected| Error::Tensor {
        format: "safetensors",
        name,
        dtype: tensor.dtype().to_string(),
        shape: tensor.shape().into(),
        expected,
    })
}

fn element_of(dtype: Dtype) -> Option<Element> {
    Some(match dtype {
        Dtype::F16 => Element::F16,
        Dtype::BF16 => Element::BF16,
        Dtype::F32 => Element::F32,
        Dtype::F64 => Element::F64,
        Dtype::I8 => Element::I8,
        Dtype::I16 => Element::I16,
        Dtype::I32 => Element::I32,
        Dtype::I64 => Element::I64,
        Dtype::U8 => Element::U8,
        Dtype::U16 => Element::U16,
        Dtype::U32 => Element::U32,
        Dtype::U64 => Element::U64,
        Dtype::BOOL => Element::Bool,
        _ => return None,
    })
}
