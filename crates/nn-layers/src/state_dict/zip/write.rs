//! Writing: every member stored as it is. Weights hardly compress, and stored ones can be mapped into memory.

use super::{END, END64, END64_SIZE, ENTRY, EXTRA64, IN_EXTRA, LOCAL, LOCATOR64, STORED, crc};
use crate::{Error, Result};

/// An archive that is being written.
#[derive(Debug, Default)]
pub(in super::super) struct Writer {
    bytes: Vec<u8>,
    directory: Vec<u8>,
    members: u64,
}

/// The version of the format that a reader must know: 4.5, for zip64.
const VERSION: u16 = 45;
/// The name is UTF-8.
const UTF8: u16 = 1 << 11;
/// 1980-01-01, the earliest date there is: the same arrays give the same bytes.
const DATE: u16 = 0x21;

impl Writer {
    /// Appends a member, which `write` appends to the bytes it is given.
    ///
    /// # Errors
    /// [`Error::Member`] if the name is longer than the format allows.
    pub(in super::super) fn member(&mut self, name: &str, write: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
        let Ok(name_length) = u16::try_from(name.len()) else {
            let reason = format!("a name of {} bytes: at most {} would fit", name.len(), u16::MAX);
            return Err(Error::Member { name: name.chars().take(40).collect(), reason });
        };
        let local = self.bytes.len();
        // Sizes of 64 bits for every member: its size is known only when it has been written.
        self.bytes.extend(LOCAL);
        push16(&mut self.bytes, &[VERSION, UTF8, STORED, 0, DATE]);
        let crc_at = self.bytes.len();
        push32(&mut self.bytes, &[0, IN_EXTRA, IN_EXTRA]);
        push16(&mut self.bytes, &[name_length, 20]);
        self.bytes.extend(name.as_bytes());
        push16(&mut self.bytes, &[EXTRA64, 16]);
        let sizes_at = self.bytes.len();
        push64(&mut self.bytes, &[0, 0]);
        let data = self.bytes.len();
        write(&mut self.bytes);

        let (crc, size) = (crc(&self.bytes[data..]), (self.bytes.len() - data) as u64);
        self.bytes[crc_at..crc_at + 4].copy_from_slice(&crc.to_le_bytes());
        for at in [sizes_at, sizes_at + 8] {
            self.bytes[at..at + 8].copy_from_slice(&size.to_le_bytes());
        }

        self.directory.extend(ENTRY);
        push16(&mut self.directory, &[VERSION, VERSION, UTF8, STORED, 0, DATE]);
        push32(&mut self.directory, &[crc, IN_EXTRA, IN_EXTRA]);
        push16(&mut self.directory, &[name_length, 28, 0, 0, 0]); // no comment, first disk, no attributes
        push32(&mut self.directory, &[0, IN_EXTRA]);
        self.directory.extend(name.as_bytes());
        push16(&mut self.directory, &[EXTRA64, 24]);
        push64(&mut self.directory, &[size, size, local as u64]);
        self.members += 1;
        Ok(())
    }

    /// The archive, whole.
    pub(in super::super) fn finish(mut self) -> Vec<u8> {
        let (start, size) = (self.bytes.len() as u64, self.directory.len() as u64);
        let bytes = &mut self.bytes;
        bytes.append(&mut self.directory);
        let end64 = bytes.len() as u64;
        let few = u16::try_from(self.members).unwrap_or(u16::MAX);
        let (start32, size32) = (u32::try_from(start), u32::try_from(size));
        if few == u16::MAX || start32.is_err() || size32.is_err() {
            bytes.extend(END64);
            push64(bytes, &[END64_SIZE as u64 - 12]); // counted from behind this number
            push16(bytes, &[VERSION, VERSION]);
            push32(bytes, &[0, 0]);
            push64(bytes, &[self.members, self.members, size, start]);
            bytes.extend(LOCATOR64);
            push32(bytes, &[0]);
            push64(bytes, &[end64]);
            push32(bytes, &[1]);
        }
        bytes.extend(END);
        push16(bytes, &[0, 0, few, few]);
        push32(bytes, &[size32.unwrap_or(IN_EXTRA), start32.unwrap_or(IN_EXTRA)]);
        push16(bytes, &[0]);
        self.bytes
    }
}

fn push16(bytes: &mut Vec<u8>, numbers: &[u16]) {
    bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}

fn push32(bytes: &mut Vec<u8>, numbers: &[u32]) {
    bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}

fn push64(bytes: &mut Vec<u8>, numbers: &[u64]) {
    bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}
