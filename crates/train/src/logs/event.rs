//! TensorBoard's event files: protocol buffers in records with checksums.
//!
//! ```text
//! record      length u64, masked CRC-32C of it u32, bytes, masked CRC-32C of them u32      all little-endian
//! field       key: number · 8 + wire type; then a varint (0), 8 bytes (1), 4 bytes (5), or a varint length and bytes (2)
//!
//! Event       1 wall_time f64   2 step   3 file_version text   5 summary   7 session_log
//! SessionLog  1 status (1: start)
//! Summary     1 value, once or more
//! Value       1 tag text   2 simple_value f32   4 image   5 histogram
//! Image       1 height   2 width   3 colour space (1: grey, 3: RGB)   4 PNG
//! Histogram   1 min   2 max   3 number   4 sum   5 sum of squares (all f64)   6 right ends [f64]   7 counts [f64]
//! ```
//!
//! The formats are those of TensorFlow's `event.proto`, `summary.proto` and `record_writer.h`,
//! <https://github.com/tensorflow/tensorflow/tree/master/tensorflow/core>; the encoding is <https://protobuf.dev/programming-guides/encoding/>.

/// A message of a protocol buffer, as far as it is written.
#[derive(Debug, Default)]
pub(super) struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut x: u64) {
        while x >= 0x80 {
            self.0.push(x as u8 | 0x80);
            x >>= 7;
        }
        self.0.push(x as u8);
    }

    fn key(&mut self, field: u64, wire: u64) {
        self.varint(field << 3 | wire);
    }

    pub(super) fn number(mut self, field: u64, x: u64) -> Self {
        self.key(field, 0);
        self.varint(x);
        self
    }

    pub(super) fn f64(mut self, field: u64, x: f64) -> Self {
        self.key(field, 1);
        self.0.extend(x.to_le_bytes());
        self
    }

    pub(super) fn f32(mut self, field: u64, x: f32) -> Self {
        self.key(field, 5);
        self.0.extend(x.to_le_bytes());
        self
    }

    pub(super) fn bytes(mut self, field: u64, bytes: &[u8]) -> Self {
        self.key(field, 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn message(self, field: u64, message: &Self) -> Self {
        self.bytes(field, &message.0)
    }

    pub(super) fn f64s(self, field: u64, numbers: &[f64]) -> Self {
        let bytes: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.bytes(field, &bytes)
    }

    /// The message as a record of a file.
    pub(super) fn record(&self) -> Vec<u8> {
        let length = (self.0.len() as u64).to_le_bytes();
        let (of_length, of_bytes) = (masked(&length).to_le_bytes(), masked(&self.0).to_le_bytes());
        [&length[..], &of_length, &self.0, &of_bytes].concat()
    }
}

/// So that the checksum of bytes which hold checksums is no special one.
fn masked(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32C (Castagnoli), <https://www.rfc-editor.org/rfc/rfc3720#appendix-B.4>.
fn crc32c(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let (mut table, mut i) = ([0; 256], 0);
        while i < 256 {
            let (mut crc, mut bit) = (i as u32, 0);
            while bit < 8 {
                crc = if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
                bit += 1;
            }
            table[i] = crc;
            i += 1;
        }
        table
    };
    !bytes.iter().fold(!0, |crc, &byte| crc >> 8 ^ TABLE[(crc as u8 ^ byte) as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        // RFC 3720, B.4, and the usual check value.
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn fields_are_those_of_the_standard() {
        assert_eq!(Message::default().number(1, 150).0, [0x08, 0x96, 0x01]);
        assert_eq!(Message::default().bytes(2, b"testing").0, *b"\x12\x07testing");
        assert_eq!(Message::default().message(3, &Message::default().number(1, 150)).0, [0x1a, 3, 0x08, 0x96, 0x01]);
    }
}
