//! Checkpoints: one that is written as it was read, or an error.
//!
//! Checksums keep damage away from what stands behind them, and with it the fuzzer. So each input is read a second time, with checksums that
//! belong to it.
#![no_main]

use gradus_train::Checkpoint;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    read(bytes);
    let mut sealed = bytes.to_vec();
    seal(&mut sealed);
    read(&sealed);
});

fn read(bytes: &[u8]) {
    let Ok(checkpoint) = Checkpoint::<f32>::from_bytes(bytes) else { return };
    let once = checkpoint.to_bytes();
    assert_eq!(Checkpoint::<f32>::from_bytes(&once).unwrap().to_bytes(), once);
}

/// Puts the right checksum behind the header and behind each section, as far as the lengths in the file lead.
///
/// ```text
/// "GRADUSCP"  version u32  sections u32  crc u32        name (length u32, bytes)  length u64  bytes  crc u32        …
/// ```
fn seal(bytes: &mut [u8]) -> Option<()> {
    const HEADER: usize = 16;
    let put = |bytes: &mut [u8], start: usize, end: usize| {
        let crc = crc32fast::hash(bytes.get(start..end)?).to_le_bytes();
        bytes.get_mut(end..end + 4)?.copy_from_slice(&crc);
        Some(end + 4)
    };
    let number = |bytes: &[u8], at: usize, width: usize| {
        let mut number = [0; 8];
        number[..width].copy_from_slice(bytes.get(at..at.checked_add(width)?)?);
        usize::try_from(u64::from_le_bytes(number)).ok()
    };
    let mut start = put(bytes, 0, HEADER)?;
    loop {
        let length = start.checked_add(4)?.checked_add(number(bytes, start, 4)?)?;
        let end = length.checked_add(8)?.checked_add(number(bytes, length, 8)?)?;
        start = put(bytes, start, end.min(bytes.len()))?;
    }
}
