//! Pickles by hand.

/// The opcodes of a text.
pub(crate) fn text(text: &str) -> Vec<u8> {
    [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
}

pub(crate) fn whole(number: i64) -> Vec<u8> {
    [&[0x8a, 8][..], &number.to_le_bytes()].concat()
}

/// The opcodes of a tensor in storage 0, which has one number.
pub(crate) fn tensor(length: i64, offset: i64, sizes: &[i64], strides: &[i64]) -> Vec<u8> {
    let tuple =
        |numbers: &[i64]| [b"(", &numbers.iter().flat_map(|n| whole(*n)).collect::<Vec<_>>()[..], b"t"].concat();
    let storage =
        [b"(", &text("storage")[..], b"ctorch\nFloatStorage\n", &text("0"), &text("cpu"), &whole(length), b"tQ"];
    let rest = [&whole(offset)[..], &tuple(sizes), &tuple(strides), b"\x89NtR"];
    [b"ctorch._utils\n_rebuild_tensor_v2\n(", &storage.concat()[..], &rest.concat()].concat()
}

/// A whole pickle that leaves this.
pub(crate) fn pickle(opcodes: &[u8]) -> Vec<u8> {
    [b"\x80\x02", opcodes, b"."].concat()
}
