//! Reading: the directory first, every claim of it against what the file has; then members, one at a time.

use super::super::budget::Budget;
use super::{
    DEFLATED, END, END_SIZE, END64, END64_SIZE, ENTRY, ENTRY_SIZE, EXTRA64, IN_EXTRA, LOCAL, LOCAL_SIZE, LOCATOR64,
    LOCATOR64_SIZE, STORED, crc,
};
use crate::{Error, Result};
use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Read;

/// An archive whose directory has been read and found true.
#[derive(Debug)]
pub(in super::super) struct Archive<'a> {
    pub(in super::super) members: Vec<Member<'a>>,
    places: HashMap<&'a str, usize>,
}

/// A member of an archive.
#[derive(Debug)]
pub(in super::super) struct Member<'a> {
    pub(in super::super) name: &'a str,
    data: &'a [u8],
    deflated: bool,
    size: u64,
    crc: u32,
    /// Where the local header begins.
    start: usize,
    end: usize,
}

/// Whether checksums are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Checks {
    Compared,
    /// The writer did not compute any.
    Absent,
}

impl<'a> Archive<'a> {
    pub(in super::super) fn read(bytes: &'a [u8]) -> Result<Self> {
        let fault = |reason: &'static str| Error::Archive { bytes: bytes.len(), reason };
        let directory = directory(bytes).map_err(fault)?;
        let mut rest = directory.bytes;
        // A file of 50 bytes may claim 2⁶⁴ members: nothing is reserved for them.
        let mut members = Vec::new();
        for _ in 0..directory.members {
            members.push(member(bytes, directory.start, &mut rest).map_err(fault)?);
        }
        if !rest.is_empty() {
            return Err(fault("the directory is longer than its members"));
        }
        let mut places = HashMap::new();
        if let Some(twice) = members.iter().enumerate().find(|(i, m)| places.insert(m.name, *i).is_some()) {
            return Err(Error::SameName { name: twice.1.name.to_owned() });
        }
        // Members that overlap would let a small file hold very much.
        let mut ranges: Vec<_> = members.iter().map(|member| (member.start, member.end)).collect();
        ranges.sort_unstable();
        if ranges.windows(2).any(|pair| pair[0].1 > pair[1].0) {
            return Err(fault("members overlap"));
        }
        Ok(Self { members, places })
    }

    pub(in super::super) fn get(&self, name: &str) -> Option<&Member<'a>> {
        Some(&self.members[*self.places.get(name)?])
    }

    /// Absent if every checksum is 0.
    pub(in super::super) fn checks(&self) -> Checks {
        if self.members.iter().all(|member| member.crc == 0) { Checks::Absent } else { Checks::Compared }
    }
}

impl<'a> Member<'a> {
    /// Its contents.
    pub(in super::super) fn contents(&self, checks: Checks, budget: &mut Budget) -> Result<Cow<'a, [u8]>> {
        let fault = |reason: String| Error::Member { name: self.name.to_owned(), reason };
        let contents: Cow<'a, [u8]> = if self.deflated {
            budget.spend(self.name, self.size)?;
            // It grows as the data come, whatever the header claims, and no further than one byte beyond that.
            let mut contents = Vec::new();
            flate2::read::DeflateDecoder::new(self.data)
                .take(self.size.saturating_add(1))
                .read_to_end(&mut contents)
                .map_err(|error| fault(error.to_string()))?;
            if contents.len() as u64 != self.size {
                let found = if contents.len() as u64 > self.size { "more" } else { "fewer" };
                return Err(fault(format!("its header says {} bytes, it has {found}", self.size)));
            }
            contents.into()
        } else {
            self.data.into()
        };
        if checks == Checks::Compared && crc(&contents) != self.crc {
            return Err(fault("its contents do not have the checksum that its header says".to_owned()));
        }
        Ok(contents)
    }
}

struct Directory<'a> {
    start: usize,
    bytes: &'a [u8],
    members: u64,
}

type Checked<T> = std::result::Result<T, &'static str>;

/// Finds the directory from the end of the file.
fn directory(bytes: &[u8]) -> Checked<Directory<'_>> {
    let last = bytes.len().checked_sub(END_SIZE).ok_or("too short")?;
    // Behind the end record stands a comment of up to 64 KiB.
    let is_end = |&at: &usize| {
        bytes[at..].starts_with(&END) && usize::from(u16_at(bytes, at + 20)) == bytes.len() - at - END_SIZE
    };
    let end = (last.saturating_sub(usize::from(u16::MAX))..=last).rev().find(is_end);
    let end = end.ok_or("no directory at its end")?;
    let locator = end.checked_sub(LOCATOR64_SIZE).filter(|&at| bytes[at..].starts_with(&LOCATOR64));
    let (disks, members, size, start, directory_end) = match locator {
        None => {
            let disks = [4, 6].map(|at| u16_at(bytes, end + at) != 0);
            let members = [8, 10].map(|at| u64::from(u16_at(bytes, end + at)));
            let (size, start) = (u32_at(bytes, end + 12), u32_at(bytes, end + 16));
            (disks, members, size.into(), start.into(), end)
        }
        Some(locator) => {
            let end64 = usize::try_from(u64_at(bytes, locator + 8)).ok();
            let end64 = end64.filter(|&at| at.checked_add(END64_SIZE).is_some_and(|end| end <= locator));
            let end64 = end64.filter(|&at| bytes[at..].starts_with(&END64));
            let end64 = end64.ok_or("the zip64 end is not where it should be")?;
            let disks = [16, 20].map(|at| u32_at(bytes, end64 + at) != 0);
            let members = [24, 32].map(|at| u64_at(bytes, end64 + at));
            (disks, members, u64_at(bytes, end64 + 40), u64_at(bytes, end64 + 48), end64)
        }
    };
    if disks != [false; 2] || members[0] != members[1] {
        return Err("it is spread over several files");
    }
    let start = usize::try_from(start).ok().filter(|&start| start <= directory_end);
    let start = start.filter(|&start| (directory_end - start) as u64 == size);
    let start = start.ok_or("the directory is not where its end says")?;
    Ok(Directory { start, bytes: &bytes[start..directory_end], members: members[0] })
}

/// Reads the next entry of the directory, and the local header that it points to.
fn member<'a>(bytes: &'a [u8], directory: usize, rest: &mut &'a [u8]) -> Checked<Member<'a>> {
    const SHORT: &str = "the directory is shorter than its members";
    let entry = rest.split_off(..ENTRY_SIZE).ok_or(SHORT)?;
    if !entry.starts_with(&ENTRY) {
        return Err("an entry of the directory does not begin as one");
    }
    let mut part = |at| rest.split_off(..usize::from(u16_at(entry, at))).ok_or(SHORT);
    let (name, extra, _comment) = (part(28)?, part(30)?, part(32)?);
    if u16_at(entry, 8) & 1 != 0 {
        return Err("a member is encrypted");
    }
    let (mut packed, mut size, mut start) =
        (u64::from(u32_at(entry, 20)), u64::from(u32_at(entry, 24)), u64::from(u32_at(entry, 42)));
    sizes64(extra, [&mut size, &mut packed, &mut start])?;
    let deflated = match u16_at(entry, 10) {
        STORED if packed == size => false,
        STORED => return Err("a stored member has two sizes"),
        DEFLATED => true,
        _ => return Err("a member is compressed by another method than deflate"),
    };

    let outside = "a member is not where the directory says";
    let start = usize::try_from(start).map_err(|_| outside)?;
    let mut local = bytes[..directory].get(start..).ok_or(outside)?;
    let header = local.split_off(..LOCAL_SIZE).filter(|header| header.starts_with(&LOCAL)).ok_or(outside)?;
    let mut part = |length: usize| local.split_off(..length).ok_or(outside);
    let local_name = part(usize::from(u16_at(header, 26)))?;
    part(usize::from(u16_at(header, 28)))?;
    let data = part(usize::try_from(packed).map_err(|_| outside)?)?;
    let end = directory - local.len();
    if local_name != name || u16_at(header, 8) != u16_at(entry, 10) {
        return Err("a member's header says other than the directory");
    }
    let name = std::str::from_utf8(name).map_err(|_| "a member's name is not UTF-8")?;
    Ok(Member { name, data, deflated, size, crc: u32_at(entry, 16), start, end })
}

/// Takes those of the sizes that did not fit 32 bits from the zip64 field, in this order.
fn sizes64(mut extra: &[u8], sizes: [&mut u64; 3]) -> Checked<()> {
    if sizes.iter().all(|size| **size != u64::from(IN_EXTRA)) {
        return Ok(());
    }
    const MISSING: &str = "a member's size of 64 bits is missing";
    while let Some(header) = extra.split_off(..4) {
        let mut field = extra.split_off(..usize::from(u16_at(header, 2))).ok_or(MISSING)?;
        if u16_at(header, 0) == EXTRA64 {
            for size in sizes.into_iter().filter(|size| **size == u64::from(IN_EXTRA)) {
                *size = u64_at(field.split_off(..8).ok_or(MISSING)?, 0);
            }
            return Ok(());
        }
    }
    Err(MISSING)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(array_at(bytes, at))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, at))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array_at(bytes, at))
}

/// Bytes of a record whose size has been compared already.
fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    *bytes[at..].first_chunk().expect("the record is as long as its kind says")
}
