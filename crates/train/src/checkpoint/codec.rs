//! The bytes of a checkpoint: sections with checksums, and what stands in them.
//!
//! All numbers are little-endian. A text is its length (`u32`) and its UTF-8 bytes; a list is its length (`u32`) and its items.
//!
//! ```text
//! file     "GRADUSCP"  version u32  number of sections u32  crc u32 of these 16 bytes  sections
//! section  name text   length u64   bytes                   crc u32 of name, length and bytes
//! array    name text   type u8 (4: f32, 8: f64)  axes u32  lengths u64 …  elements in row-major order
//! ```
//!
//! The checksum is CRC-32 (IEEE 802.3): it finds every change of up to 32 bits in a row, and one in 2³² of the others escapes it.

use super::CheckpointError;
use gradus_autograd::Real;
use ndarray::{ArrayD, ArrayRef, IxDyn};
use std::any::{Any, TypeId};

const MAGIC: &[u8; 8] = b"GRADUSCP";
pub(super) const VERSION: u32 = 1;

type Result<T, E = CheckpointError> = std::result::Result<T, E>;

/// Writes the fields of a section.
#[derive(Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn u8(&mut self, x: u8) {
        self.0.push(x);
    }

    pub(super) fn u32(&mut self, x: u32) {
        self.0.extend_from_slice(&x.to_le_bytes());
    }

    pub(super) fn u64(&mut self, x: u64) {
        self.0.extend_from_slice(&x.to_le_bytes());
    }

    pub(super) fn f64(&mut self, x: f64) {
        self.0.extend_from_slice(&x.to_le_bytes());
    }

    pub(super) fn count(&mut self, n: usize) {
        self.u32(u32::try_from(n).expect("no list of a checkpoint has four thousand million items"));
    }

    pub(super) fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    pub(super) fn array<F: Real>(&mut self, name: &str, array: &ArrayRef<F, IxDyn>) {
        self.text(name);
        let size = size_of_element::<F>();
        self.u8(size as u8);
        self.count(array.ndim());
        array.shape().iter().for_each(|&axis| self.u64(axis as u64));
        let start = self.0.len();
        self.0.resize(start + array.len() * size, 0);
        let bytes = &mut self.0[start..];
        match array.as_slice() {
            Some(numbers) => put(numbers.iter(), bytes),
            None => put(array.iter(), bytes),
        }
    }
}

/// Writes numbers one behind the other.
fn put<'a, F: Real>(numbers: impl Iterator<Item = &'a F>, bytes: &mut [u8]) {
    if size_of_element::<F>() == 4 {
        for (bytes, x) in bytes.as_chunks_mut().0.iter_mut().zip(numbers) {
            let x = (x as &dyn Any).downcast_ref::<f32>().expect("only f32 takes four bytes");
            *bytes = x.to_le_bytes();
        }
    } else {
        for (bytes, x) in bytes.as_chunks_mut().0.iter_mut().zip(numbers) {
            *bytes = x.to_f64().to_le_bytes();
        }
    }
}

/// Bytes of a number of type `F` in a file: 4 for `f32`, and for all others 8, as `f64`.
fn size_of_element<F: Real>() -> usize {
    if TypeId::of::<F>() == TypeId::of::<f32>() { 4 } else { 8 }
}

/// Begins a file.
pub(super) fn header(sections: u32) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&sections.to_le_bytes());
    let crc = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

/// What stands around a section: name and length before it, the checksum behind it.
pub(super) fn frame(name: &str, section: &Writer) -> (Vec<u8>, [u8; 4]) {
    let mut before = Writer::default();
    before.text(name);
    before.u64(section.0.len() as u64);
    let mut crc = crc32fast::Hasher::new();
    crc.update(&before.0);
    crc.update(&section.0);
    (before.0, crc.finalize().to_le_bytes())
}

impl Writer {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Takes the sections of a file apart; every byte of it has then been looked at.
pub(super) fn sections(bytes: &[u8]) -> Result<Vec<(&str, Reader<'_>)>> {
    let mut file = Reader { rest: bytes, section: "the header" };
    if !bytes.starts_with(MAGIC) {
        let found = String::from_utf8_lossy(&bytes[..bytes.len().min(MAGIC.len())]).into_owned();
        return Err(CheckpointError::Magic { found });
    }
    file.take(MAGIC.len() as u64)?;
    let (version, count) = (file.u32()?, file.u32()?);
    let expected = file.u32()?;
    check_crc("the header", crc32fast::hash(&bytes[..16]), expected)?;
    if !(1..=VERSION).contains(&version) {
        return Err(CheckpointError::Version { found: version, newest: VERSION });
    }
    let mut sections = Vec::new();
    for _ in 0..count {
        let start = file.rest;
        file.section = "the head of a section";
        let name = file.text()?;
        file.section = name;
        let length = file.u64()?;
        let payload = file.take(length)?;
        let framed = &start[..start.len() - file.rest.len()];
        let expected = file.u32()?;
        check_crc(name, crc32fast::hash(framed), expected)?;
        sections.push((name, Reader { rest: payload, section: name }));
    }
    match file.rest.len() {
        0 => Ok(sections),
        bytes => Err(CheckpointError::Trailing { bytes }),
    }
}

fn check_crc(section: &str, found: u32, expected: u32) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(CheckpointError::Checksum { section: section.to_owned(), found, expected })
}

/// Reads the fields of a section. It takes memory for nothing that is not there.
#[derive(Clone)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    section: &'a str,
}

impl<'a> Reader<'a> {
    pub(super) fn fault(&self, reason: impl Into<String>) -> CheckpointError {
        CheckpointError::Content { section: self.section.to_owned(), reason: reason.into() }
    }

    fn take(&mut self, n: u64) -> Result<&'a [u8]> {
        let cut = || CheckpointError::Cut { section: self.section.to_owned(), needed: n, left: self.rest.len() };
        let n = usize::try_from(n).map_err(|_| cut())?;
        let (taken, rest) = self.rest.split_at_checked(n).ok_or_else(cut)?;
        self.rest = rest;
        Ok(taken)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N as u64)?);
        Ok(bytes)
    }

    pub(super) fn u8(&mut self) -> Result<u8> {
        Ok(self.fixed::<1>()?[0])
    }

    pub(super) fn u32(&mut self) -> Result<u32> {
        self.fixed().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64> {
        self.fixed().map(u64::from_le_bytes)
    }

    pub(super) fn f64(&mut self) -> Result<f64> {
        self.fixed().map(f64::from_le_bytes)
    }

    pub(super) fn usize(&mut self) -> Result<usize> {
        let found = self.u64()?;
        usize::try_from(found).map_err(|_| self.fault(format!("{found} is no size in memory")))
    }

    pub(super) fn bool(&mut self) -> Result<bool> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            found => Err(self.fault(format!("{found} stands where 0 or 1 should"))),
        }
    }

    pub(super) fn text(&mut self) -> Result<&'a str> {
        let length = self.u32()?;
        let bytes = self.take(length.into())?;
        std::str::from_utf8(bytes).map_err(|error| self.fault(format!("a name is not UTF-8: {error}")))
    }

    /// So many items; each takes at least a byte, so that a false count ends with the bytes.
    pub(super) fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let count = self.u32()?;
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(item(self)?);
        }
        Ok(items)
    }

    pub(super) fn array<F: Real>(&mut self) -> Result<(String, ArrayD<F>)> {
        let name = self.text()?.to_owned();
        let size = match self.u8()? {
            size @ (4 | 8) => usize::from(size),
            found => return Err(self.fault(format!("{name}: no numbers take {found} bytes; 4 and 8 are known"))),
        };
        if size != size_of_element::<F>() {
            let type_of = |size| if size == 4 { "f32" } else { "f64" };
            let section = self.section.to_owned();
            let (found, expected) = (type_of(size), type_of(size_of_element::<F>()));
            return Err(CheckpointError::Element { section, name, found, expected });
        }
        let shape = self.list(Self::usize)?;
        let elements = shape.iter().try_fold(size as u64, |n, &axis| n.checked_mul(axis as u64));
        let bytes = match elements {
            Some(bytes) => self.take(bytes)?,
            None => return Err(self.fault(format!("{name}: {shape:?} is no size in memory"))),
        };
        ArrayD::from_shape_vec(IxDyn(&shape), numbers(bytes))
            .map(|array| (name.clone(), array))
            .map_err(|_| self.fault(format!("{name}: {shape:?} is no size in memory")))
    }

    /// The section has been read to its end.
    pub(super) fn end(&self) -> Result<()> {
        match self.rest.len() {
            0 => Ok(()),
            more => Err(self.fault(format!("{more} bytes follow that mean nothing"))),
        }
    }
}

fn numbers<F: Real>(bytes: &[u8]) -> Vec<F> {
    if size_of_element::<F>() == 4 {
        let numbers: Vec<f32> = bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
        let same: Box<dyn Any> = Box::new(numbers);
        return *same.downcast().expect("only f32 takes four bytes");
    }
    bytes.as_chunks().0.iter().map(|&bytes| F::from_f64(f64::from_le_bytes(bytes))).collect()
}
