//! State dicts as safetensors, in memory and in files.

use super::StateDict;
use crate::{Error, Result};
use gradus_autograd::{Real, Value};
use ndarray::{ArrayD, IxDyn};
use safetensors::tensor::{Dtype, SafeTensors, TensorView, View};
use std::any::TypeId;
use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

impl<F: Real> StateDict<F> {
    /// The state dict in the safetensors format: `F64` for `f64`, `F32` for `f32`, and `F64` for any other number type,
    /// of which that is the part that a file can hold.
    ///
    /// # Errors
    /// [`Error::Safetensors`] if the names are more than the format allows (100 MB).
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        // Libraries around PyTorch look for this mark.
        let metadata = Some(std::iter::once(("format".to_owned(), "pt".to_owned())).collect());
        let tensors = self.iter().map(|(name, array)| (name, Tensor(array)));
        safetensors::serialize(tensors, metadata)
            .map_err(|error| Error::Safetensors { bytes: 0, reason: error.to_string() })
    }

    /// Reads the safetensors format. Floating-point numbers of 16, 32 and 64 bits, integers and truth values become the
    /// nearest numbers of type `F`. The arrays are ordered by name; the memory used is a small multiple of the bytes'.
    ///
    /// # Errors
    /// [`Error::Safetensors`] if the bytes are not complete or not in the format, [`Error::Tensor`] if one of the
    /// tensors is of another type.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let fault = |reason: String| Error::Safetensors { bytes: bytes.len(), reason };
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
        let path = path.as_ref();
        let bytes = self.to_bytes()?;
        replace(path, &bytes).map_err(|source| Error::File { operation: "save", path: path.to_owned(), source })
    }

    /// Reads a safetensors file: see [`StateDict::from_bytes`].
    ///
    /// # Errors
    /// [`Error::File`] if the file cannot be read, [`Error::InFile`] if it is not what it should be; both name it.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let bytes =
            read_file(path).map_err(|source| Error::File { operation: "load", path: path.to_owned(), source })?;
        Self::from_bytes(&bytes).map_err(|source| Error::InFile { path: path.to_owned(), source: Box::new(source) })
    }
}

/// An array as the safetensors crate wants to see it.
struct Tensor<'a, F: Real>(&'a Value<F>);

impl<F: Real> View for Tensor<'_, F> {
    fn dtype(&self) -> Dtype {
        if TypeId::of::<F>() == TypeId::of::<f32>() { Dtype::F32 } else { Dtype::F64 }
    }

    fn shape(&self) -> &[usize] {
        self.0.shape()
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let numbers = self.0.iter().map(|x| x.to_f64());
        match self.dtype() {
            Dtype::F32 => numbers.flat_map(|x| (x as f32).to_le_bytes()).collect(), // exact: it came from an f32
            _ => numbers.flat_map(f64::to_le_bytes).collect(),
        }
    }

    fn data_len(&self) -> usize {
        self.0.len() * if self.dtype() == Dtype::F32 { 4 } else { 8 }
    }
}

fn read<F: Real>(name: String, tensor: &TensorView<'_>) -> Result<Value<F>> {
    let data = tensor.data();
    let numbers = match tensor.dtype() {
        Dtype::F32 => numbers(data, |bytes| f64::from(f32::from_le_bytes(bytes))),
        Dtype::F64 => numbers(data, f64::from_le_bytes),
        Dtype::F16 => numbers(data, |bytes| half(u16::from_le_bytes(bytes))),
        // The upper half of an f32.
        Dtype::BF16 => numbers(data, |bytes| f64::from(f32::from_bits(u32::from(u16::from_le_bytes(bytes)) << 16))),
        Dtype::I64 => numbers(data, |bytes| i64::from_le_bytes(bytes) as f64),
        Dtype::U64 => numbers(data, |bytes| u64::from_le_bytes(bytes) as f64),
        Dtype::I32 => numbers(data, |bytes| f64::from(i32::from_le_bytes(bytes))),
        Dtype::U32 => numbers(data, |bytes| f64::from(u32::from_le_bytes(bytes))),
        Dtype::I16 => numbers(data, |bytes| f64::from(i16::from_le_bytes(bytes))),
        Dtype::U16 => numbers(data, |bytes| f64::from(u16::from_le_bytes(bytes))),
        Dtype::I8 => numbers(data, |[byte]: [u8; 1]| f64::from(byte as i8)),
        Dtype::U8 | Dtype::BOOL => numbers(data, |[byte]: [u8; 1]| f64::from(byte)),
        _ => {
            let expected = "floats of 16, 32 or 64 bits, integers and truth values can be read";
            return Err(unreadable(name, tensor, expected));
        }
    };
    // An axis of length 0 lets a shape claim anything for the others.
    let array = ArrayD::from_shape_vec(IxDyn(tensor.shape()), numbers);
    Ok(array
        .map_err(|_| unreadable(name, tensor, "a shape whose other axes multiply to a size in memory would fit"))?
        .into())
}

fn unreadable(name: String, tensor: &TensorView<'_>, expected: &'static str) -> Error {
    Error::Tensor { name, dtype: tensor.dtype().to_string(), shape: tensor.shape().to_vec(), expected }
}

fn numbers<F: Real, const N: usize>(data: &[u8], number: impl Fn([u8; N]) -> f64) -> Vec<F> {
    data.as_chunks().0.iter().map(|&bytes| F::from_f64(number(bytes))).collect()
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

/// The bytes of a regular file, as many as it has: a device or a pipe might never end.
fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "this is no regular file"));
    }
    let length = metadata.len();
    let mut bytes = Vec::new();
    let capacity = usize::try_from(length).map_err(|_| io::ErrorKind::OutOfMemory)?;
    bytes.try_reserve_exact(capacity).map_err(|_| io::ErrorKind::OutOfMemory)?;
    File::open(path)?.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Puts these bytes in the place of the file.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "this names a folder, not a file"));
    };
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let mut temporary = std::ffi::OsString::from(".");
    temporary.push(name);
    temporary.push(format!(".{}.{}.part", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
    let temporary = folder.join(temporary);
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        drop(file);
        std::fs::rename(&temporary, path)
    })();
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary); // the first error is the one to tell
        return written;
    }
    // The rename itself reaches the disk with its folder; not every system lets a folder be opened for that.
    let _ = File::open(&folder).and_then(|folder| folder.sync_all());
    Ok(())
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
