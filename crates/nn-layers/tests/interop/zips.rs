//! Zip archives as these tests need them.

use std::io::Write;

/// A zip archive of stored members, without checksums: as PyTorch writes it on request.
pub(crate) fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (name, data) in members {
        let (size, length, start) = (data.len() as u32, name.len() as u16, bytes.len() as u32);
        let sizes = [[0; 4], size.to_le_bytes(), size.to_le_bytes()].concat();
        bytes.extend([b"PK\x03\x04", &[20, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &sizes].concat());
        bytes.extend([&length.to_le_bytes()[..], &[0, 0], name.as_bytes(), data].concat());
        directory.extend([b"PK\x01\x02", &[20, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &sizes].concat());
        directory.extend([&length.to_le_bytes()[..], &[0; 12], &start.to_le_bytes(), name.as_bytes()].concat());
    }
    let (count, size, start) = (members.len() as u16, directory.len() as u32, bytes.len() as u32);
    bytes.extend(directory);
    bytes.extend([b"PK\x05\x06", &[0; 4][..], &count.to_le_bytes(), &count.to_le_bytes()].concat());
    bytes.extend([&size.to_le_bytes()[..], &start.to_le_bytes(), &[0, 0]].concat());
    bytes
}

/// An `.npz` of the one member `x.npy`, with its checksum.
pub(crate) fn member(contents: &[u8]) -> Vec<u8> {
    let mut bytes = zip(&[("x.npy", contents)]);
    let entry = entry(&bytes);
    bytes[entry + 16..][..4].copy_from_slice(&crc(contents).to_le_bytes());
    bytes
}

/// The same, deflated, with a directory that says it has this size.
pub(crate) fn deflated(contents: &[u8], size: u32) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(contents).expect("memory takes everything");
    let mut bytes = zip(&[("x.npy", &encoder.finish().expect("memory takes everything"))]);
    let entry = entry(&bytes);
    (bytes[8], bytes[entry + 10]) = (8, 8);
    bytes[entry + 16..][..4].copy_from_slice(&crc(contents).to_le_bytes());
    bytes[entry + 24..][..4].copy_from_slice(&size.to_le_bytes());
    bytes
}

fn entry(bytes: &[u8]) -> usize {
    bytes.windows(4).rposition(|window| window == b"PK\x01\x02").expect("an archive has a directory")
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}
