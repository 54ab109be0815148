//! As much of the zip format as archives of arrays need: members stored or deflated, zip64, checksums.
//!
//! A zip file is its members one after the other, each behind a local header, and then a directory of them all, which is
//! found from the file's end:
//!
//! ```text
//! [local header, name, data]…  [directory entry, name]…  [zip64 end, locator]  end
//! ```
//!
//! PKWARE, *APPNOTE.TXT - .ZIP File Format Specification*,
//! <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>.

mod read;
mod write;

pub(super) use read::{Archive, Checks};
pub(super) use write::Writer;

const LOCAL: [u8; 4] = *b"PK\x03\x04";
const ENTRY: [u8; 4] = *b"PK\x01\x02";
const END: [u8; 4] = *b"PK\x05\x06";
const END64: [u8; 4] = *b"PK\x06\x06";
const LOCATOR64: [u8; 4] = *b"PK\x06\x07";

/// Sizes of the records, without names, extra fields and comments.
const LOCAL_SIZE: usize = 30;
const ENTRY_SIZE: usize = 46;
const END_SIZE: usize = 22;
const END64_SIZE: usize = 56;
const LOCATOR64_SIZE: usize = 20;

/// The extra field with sizes of 64 bits; a size or offset of 32 bits that reads all ones is found there.
const EXTRA64: u16 = 1;
const IN_EXTRA: u32 = u32::MAX;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// The checksum of a member's contents.
fn crc(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}
