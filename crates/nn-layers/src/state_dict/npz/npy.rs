//! One `.npy` file: a magic string, a header that is a Python dict literal, and the numbers.
//!
//! ```text
//! \x93NUMPY  major  minor  header length (2 bytes in version 1, 4 in 2 and 3)
//! {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
//! ```

use super::super::budget::Budget;
use super::super::element::{self, Element, FITTING, Order, READABLE};
use crate::{Error, Result};
use gradus_autograd::{Real, Value};
use ndarray::{ArrayD, IxDyn, ShapeBuilder};

const MAGIC: [u8; 6] = *b"\x93NUMPY";
/// Where the numbers begin is a multiple of this, so that they can be mapped into memory.
const ALIGNMENT: usize = 64;

/// Appends an array as a `.npy` file of version 1, or 2 if its header is longer than 64 KiB.
pub(super) fn write<F: Real>(array: &Value<F>, bytes: &mut Vec<u8>) {
    let descr = if element::written::<F>() == Element::F32 { "<f4" } else { "<f8" };
    let mut shape: String = array.shape().iter().map(|size| format!("{size}, ")).collect();
    if array.ndim() > 1 {
        shape.truncate(shape.len() - 2); // a tuple of one keeps its comma
    }
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({}), }}", shape.trim_end());
    let padded = |before: usize| (before + header.len() + 1).next_multiple_of(ALIGNMENT) - before;
    let (version, before) = if u16::try_from(padded(10)).is_ok() { (1, 10) } else { (2, 12) };
    let length = padded(before);
    header.extend(std::iter::repeat_n(' ', length - header.len() - 1));
    header.push('\n');
    bytes.extend(MAGIC);
    bytes.extend([version, 0]);
    bytes.extend(&(length as u64).to_le_bytes()[..before - 8]);
    bytes.extend(header.as_bytes());
    element::write(array, bytes);
}

/// Reads a `.npy` file, which is the member `name` of an archive.
pub(super) fn read<F: Real>(name: &str, bytes: &[u8], budget: &mut Budget) -> Result<Value<F>> {
    let fault = |reason: String| Error::Npy { name: name.to_owned(), reason };
    let (header, data) = split(bytes).map_err(|reason| fault(reason.to_owned()))?;
    let header = Header::parse(header).map_err(|reason| fault(reason.to_owned()))?;
    let unreadable = |expected| Error::Tensor {
        format: "npz",
        name: name.to_owned(),
        dtype: header.descr.to_owned(),
        shape: header.shape.clone().into(),
        expected,
    };
    let (element, order) = element_of(header.descr).ok_or_else(|| unreadable(READABLE))?;
    let length = header.shape.iter().try_fold(1_usize, |length, &size| length.checked_mul(size));
    let size = length.and_then(|length| length.checked_mul(element.size())).ok_or_else(|| unreadable(FITTING))?;
    if size != data.len() {
        return Err(fault(format!(
            "shape {:?} of {} needs {size} bytes; it has {}",
            header.shape,
            header.descr,
            data.len()
        )));
    }
    budget.spend(name, (data.len() / element.size() * size_of::<F>()) as u64)?;
    let numbers = element.read(data, order);
    let shape = IxDyn(&header.shape).set_f(header.fortran_order);
    let array = ArrayD::from_shape_vec(shape, numbers).map_err(|_| unreadable(FITTING))?;
    Ok(array.into())
}

/// The header's text and the numbers' bytes.
fn split(bytes: &[u8]) -> Result<(&str, &[u8]), &'static str> {
    const SHORT: &str = "it is shorter than its header";
    let bytes = bytes.strip_prefix(&MAGIC).ok_or("it does not begin with the magic string of .npy files")?;
    let (&[major, _], bytes) = bytes.split_first_chunk().ok_or(SHORT)?;
    let (length, bytes) = match major {
        1 => bytes.split_first_chunk().map(|(length, rest)| (u16::from_le_bytes(*length).into(), rest)),
        2 | 3 => bytes.split_first_chunk().map(|(length, rest)| (u32::from_le_bytes(*length), rest)),
        _ => return Err("it is of another version than 1, 2 and 3"),
    }
    .ok_or(SHORT)?;
    let length = usize::try_from(length).map_err(|_| SHORT)?;
    let (header, data) = bytes.split_at_checked(length).ok_or(SHORT)?;
    Ok((std::str::from_utf8(header).map_err(|_| "its header is not UTF-8")?, data))
}

/// NumPy's name of a type: byte order, kind, size in bytes.
fn element_of(descr: &str) -> Option<(Element, Order)> {
    let (order, kind) = descr.split_at_checked(1)?;
    let element = match kind {
        "f2" => Element::F16,
        "f4" => Element::F32,
        "f8" => Element::F64,
        "i1" => Element::I8,
        "i2" => Element::I16,
        "i4" => Element::I32,
        "i8" => Element::I64,
        "u1" => Element::U8,
        "u2" => Element::U16,
        "u4" => Element::U32,
        "u8" => Element::U64,
        "b1" => Element::Bool,
        _ => return None,
    };
    match order {
        "<" => Some((element, Order::Little)),
        ">" => Some((element, Order::Big)),
        "|" if element.size() == 1 => Some((element, Order::Little)),
        _ => None,
    }
}

struct Header<'a> {
    descr: &'a str,
    fortran_order: bool,
    shape: Vec<usize>,
}

impl<'a> Header<'a> {
    /// Reads the dict literal: three keys in any order.
    fn parse(text: &'a str) -> Result<Self, &'static str> {
        const BAD: &str = "its header is no dict of 'descr', 'fortran_order' and 'shape'";
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        let mut rest = Literal(text.trim());
        rest.take("{").ok_or(BAD)?;
        while rest.take("}").is_none() {
            let key = rest.text().ok_or(BAD)?;
            rest.take(":").ok_or(BAD)?;
            let new = match key {
                "descr" => descr.replace(rest.descr().ok_or(BAD)?).is_none(),
                "fortran_order" => fortran_order.replace(rest.truth().ok_or(BAD)?).is_none(),
                "shape" => shape.replace(rest.shape().ok_or("its header has no shape of whole numbers")?).is_none(),
                _ => false,
            };
            if !new || (rest.take(",").is_none() && !rest.0.starts_with('}')) {
                return Err(BAD);
            }
        }
        match (descr, fortran_order, shape, rest.0) {
            (Some(descr), Some(fortran_order), Some(shape), "") => Ok(Self { descr, fortran_order, shape }),
            _ => Err(BAD),
        }
    }
}

/// The rest of a Python literal.
struct Literal<'a>(&'a str);

impl<'a> Literal<'a> {
    /// Takes this token and the blanks behind it.
    fn take(&mut self, token: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(token)?.trim_start();
        Some(())
    }

    fn text(&mut self) -> Option<&'a str> {
        let quote = self.0.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let (text, rest) = self.0[1..].split_once(quote)?;
        self.0 = rest.trim_start();
        Some(text)
    }

    /// A type's name; a structured type is a list, which is taken as it stands, for the error that names it.
    fn descr(&mut self) -> Option<&'a str> {
        if !self.0.starts_with('[') {
            return self.text();
        }
        let (list, rest) = self.0.split_at(self.0.rfind(']')? + 1);
        self.0 = rest.trim_start();
        Some(list)
    }

    fn truth(&mut self) -> Option<bool> {
        match self.take("True") {
            Some(()) => Some(true),
            None => self.take("False").map(|()| false),
        }
    }

    fn shape(&mut self) -> Option<Vec<usize>> {
        self.take("(")?;
        let (tuple, rest) = self.0.split_once(')')?;
        self.0 = rest.trim_start();
        let tuple = tuple.trim();
        if tuple.is_empty() {
            return Some(Vec::new());
        }
        // NumPy on Python 2 wrote `(3L, 4L)`.
        let size = |size: &str| size.trim().trim_end_matches('L').parse().ok();
        tuple.strip_suffix(',').unwrap_or(tuple).split(',').map(size).collect()
    }
}
