//! The header of an NPY file.

use super::NpyType;
use crate::element::ByteOrder;
use crate::source::Source;
use crate::{Error, Result};

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// The longest header that is read, as long as version 1 allows. NumPy itself reads no more than 10,000 bytes of one that it does not trust.
const LONGEST: usize = u16::MAX as usize;
/// Where the elements begin is a multiple of this, so that a file can be mapped into memory.
const ALIGNMENT: usize = 64;

/// What the header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) element: NpyType,
    pub(crate) order: ByteOrder,
    pub(crate) fortran_order: bool,
    pub(crate) shape: Vec<usize>,
    /// Bytes in front of the elements.
    pub(crate) len: usize,
}

impl Header {
    /// Reads from the beginning of a file to its elements.
    pub(crate) fn read(source: &mut Source<'_>) -> Result<Self> {
        let mut magic = [0; 8];
        let n = source.fill(&mut magic)?;
        if !magic.starts_with(MAGIC) {
            return Err(Error::NotNpy { path: source.path.into(), found: magic[..n.min(MAGIC.len())].to_vec() });
        }
        let width = match magic[MAGIC.len()] {
            1 => 2,
            2 | 3 => 4,
            major => return Err(Error::NpyVersion { path: source.path.into(), major }),
        };
        let mut length = [0; 4];
        let before = magic.len() + width;
        let n = n + source.fill(&mut length[..width])?;
        if n < before {
            return Err(source.truncated("header", before, n));
        }
        let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
        let fault = |reason| Error::NpyHeader { path: source.path.into(), reason };
        if length > LONGEST {
            return Err(fault("a header of more than 65535 bytes is not read"));
        }
        let text = source.up_to(length)?;
        if text.len() < length {
            return Err(source.truncated("header", before + length, before + text.len()));
        }
        let fault = |reason| Error::NpyHeader { path: source.path.into(), reason };
        let text = std::str::from_utf8(&text).map_err(|_| fault("its header is not UTF-8"))?;
        let dict = Dict::parse(text).map_err(fault)?;
        let (element, order) = NpyType::from_descr(dict.descr)
            .ok_or_else(|| Error::NpyType { path: source.path.into(), descr: dict.descr.into() })?;
        Ok(Self { element, order, fortran_order: dict.fortran_order, shape: dict.shape, len: before + length })
    }

    /// The bytes in front of the elements of a row-major array.
    pub(super) fn write(element: NpyType, shape: &[usize]) -> Vec<u8> {
        let order = if element.size() == 1 { '|' } else { '<' };
        // A tuple of one has a comma behind it.
        let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
        let sizes = sizes.join(", ") + if shape.len() == 1 { "," } else { "" };
        let descr = element.descr();
        let mut text = format!("{{'descr': '{order}{descr}', 'fortran_order': False, 'shape': ({sizes}), }}");
        let before = MAGIC.len() + 4;
        let end = (before + text.len() + 1).next_multiple_of(ALIGNMENT);
        text.extend(std::iter::repeat_n(' ', end - before - text.len() - 1));
        text.push('\n');
        let length = u16::try_from(text.len()).expect("64 axes take less than 2 kB");
        [MAGIC, &[1, 0][..], &length.to_le_bytes(), text.as_bytes()].concat()
    }
}

/// The dict as it stands in the header.
#[derive(Debug, PartialEq, Eq)]
struct Dict<'a> {
    descr: &'a str,
    fortran_order: bool,
    shape: Vec<usize>,
}

const NO_DICT: &str = "its header is no dict of descr, fortran_order and shape";

impl<'a> Dict<'a> {
    fn parse(text: &'a str) -> Result<Self, &'static str> {
        let inner = text.trim().strip_prefix('{').and_then(|text| text.strip_suffix('}')).ok_or(NO_DICT)?;
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        let mut rest = inner.trim();
        while !rest.is_empty() {
            let (key, behind) = quoted(rest).ok_or(NO_DICT)?;
            let (value, behind) = value(behind.strip_prefix(':').ok_or(NO_DICT)?.trim_start()).ok_or(NO_DICT)?;
            let twice = match key {
                "descr" => descr.replace(type_name(value)).is_some(),
                "fortran_order" => fortran_order.replace(truth(value)?).is_some(),
                "shape" => shape.replace(sizes(value)?).is_some(),
                _ => return Err(NO_DICT),
            };
            if twice {
                return Err("its header has a key twice");
            }
            rest = match behind.strip_prefix(',') {
                Some(behind) => behind.trim_start(),
                None if behind.is_empty() => behind,
                None => return Err(NO_DICT),
            };
        }
        match (descr, fortran_order, shape) {
            (Some(descr), Some(fortran_order), Some(shape)) => Ok(Self { descr, fortran_order, shape }),
            _ => Err(NO_DICT),
        }
    }
}

/// A text in quotes, and what is behind it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let (inner, behind) = text[1..].split_once(quote)?;
    Some((inner, behind.trim_start()))
}

/// A value as it is written, and what is behind it: up to the next comma that is in no bracket and no quotes.
fn value(text: &str) -> Option<(&str, &str)> {
    let (mut depth, mut inside) = (0_usize, None);
    let end = text.char_indices().find_map(|(place, c)| {
        match (inside, c) {
            (Some(quote), c) if c == quote => inside = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => inside = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth = depth.checked_sub(1)?,
            (None, ',') if depth == 0 => return Some(place),
            _ => {}
        }
        None
    });
    let (value, behind) = text.split_at(end.unwrap_or(text.len()));
    (depth == 0 && inside.is_none()).then(|| (value.trim(), behind))
}

/// The name of a type; what is written otherwise, as types of several fields are, stands for itself in the error.
fn type_name(value: &str) -> &str {
    quoted(value).filter(|(_, behind)| behind.is_empty()).map_or(value, |(name, _)| name)
}

fn truth(value: &str) -> Result<bool, &'static str> {
    match value {
        "True" => Ok(true),
        "False" => Ok(false),
        _ => Err("fortran_order is neither True nor False"),
    }
}

fn sizes(value: &str) -> Result<Vec<usize>, &'static str> {
    const NO_SHAPE: &str = "shape is no tuple of whole numbers";
    let inner = value.strip_prefix('(').and_then(|value| value.strip_suffix(')')).ok_or(NO_SHAPE)?.trim();
    if inner.is_empty() {
        return Ok(Vec::new());
    }
    // NumPy on Python 2 wrote `(3L, 4L)`.
    let size = |size: &str| {
        let digits = size.trim();
        digits.strip_suffix('L').unwrap_or(digits).parse().map_err(|_| NO_SHAPE)
    };
    match inner.strip_suffix(',') {
        Some(inner) => inner.split(',').map(size).collect(),
        // `(3)` is a number, not a tuple.
        None if !inner.contains(',') => Err(NO_SHAPE),
        None => inner.split(',').map(size).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dicts_in_every_spelling() {
        let parsed = |shape: &[usize]| Ok(Dict { descr: "<f4", fortran_order: false, shape: shape.to_vec() });
        for (text, shape) in [
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }   \n", &[3, 4][..]),
            ("{\"shape\":(3,),\"descr\":\"<f4\",\"fortran_order\":False}", &[3]),
            ("{'descr' : '<f4' , 'fortran_order': False, 'shape': ( 3L , 4L , ) }", &[3, 4]),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (), }", &[]),
        ] {
            assert_eq!(Dict::parse(text), parsed(shape), "{text}");
        }
        let fields =
            Dict::parse("{'descr': [('a,}', '<f4'), ('b', '<i2', (2,))], 'fortran_order': True, 'shape': (1,)}");
        assert_eq!(fields.unwrap().descr, "[('a,}', '<f4'), ('b', '<i2', (2,))]");
    }

    #[test]
    fn what_is_no_header() {
        let with = |shape: &str| {
            Dict::parse(&format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}")).unwrap_err()
        };
        for shape in
            ["(3)", "(-1,)", "3", "(a,)", "(3,,)", "(1.5, 2)", "(99999999999999999999,)", "[3, 4]", "(,)", "None"]
        {
            assert_eq!(with(shape), "shape is no tuple of whole numbers", "{shape}");
        }
        for text in [
            "",
            "{",
            "{}",
            "(3,)",
            "{'descr': '<f4'}",
            "{'a': 1}",
            "{'descr' '<f4'}",
            "{'descr': (}",
            "{'descr': ')",
            "{,}",
        ] {
            assert_eq!(Dict::parse(text), Err(NO_DICT), "{text}");
        }
        assert_eq!(Dict::parse("{'shape': (3,), 'shape': (3,)}"), Err("its header has a key twice"));
        assert_eq!(Dict::parse("{'fortran_order': 1}"), Err("fortran_order is neither True nor False"));
    }
}
