//! The memory that reading takes: a multiple of the file's size, whatever the file claims.

#[path = "interop/pickles.rs"]
mod pickles;
#[path = "interop/zips.rs"]
mod zips;

use gradus_nn_layers::{Result, StateDict};
use pickles::{pickle, tensor, text, whole};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// All bytes that were allocated meanwhile, also those that were given back.
fn allocated<T>(run: impl FnOnce() -> T) -> usize {
    let region = Region::new(COUNTED);
    drop(run());
    region.change().bytes_allocated
}

fn pt(pickle: &[u8]) -> Vec<u8> {
    zips::zip(&[("m/data.pkl", pickle), ("m/data/0", &1_f32.to_le_bytes())])
}

/// A state dict `{"w": …}` of this tensor.
fn one(tensor: &[u8]) -> Vec<u8> {
    pt(&pickle(&[b"}", &text("w")[..], tensor, b"s"].concat()))
}

/// One test: what others allocate at the same time would be counted, too.
#[test]
fn claims_cost_nothing_and_bombs_are_bounded() {
    let npz = |shape: &str| {
        let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
        zips::member(&[b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes()].concat())
    };
    let mut safetensors = u64::MAX.to_le_bytes().to_vec();
    safetensors.extend(b"{}");
    let header = br#"{"w":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4398046511104]}}"#;
    let lying = [&(header.len() as u64).to_le_bytes()[..], header, &[0; 8]].concat();
    let mut members = zips::member(b"x");
    let end = members.len() - 14;
    members[end..end + 4].fill(0xff);

    type Read = fn(&[u8]) -> Result<StateDict<f32>>;
    let claims: Vec<(&str, Read, Vec<u8>)> = vec![
        ("safetensors, length of the header", StateDict::from_bytes, safetensors),
        ("safetensors, shape", StateDict::from_bytes, lying),
        ("npz, shape", StateDict::from_npz, npz("(1099511627776,)")),
        ("npz, members", StateDict::from_npz, members),
        ("npz, deflated", StateDict::from_npz, zips::deflated(b"x", 60 << 20)),
        ("pt, storage", StateDict::from_pt, one(&tensor(1 << 40, 0, &[1 << 40], &[1]))),
        ("pt, repeated", StateDict::from_pt, one(&tensor(1, 0, &[1 << 40], &[0]))),
        ("pt, text", StateDict::from_pt, pt(b"\x80\x02X\xff\xff\xff\xff")),
        ("pt, memo", StateDict::from_pt, pt(&pickle(b"Nr\xff\xff\xff\xff"))),
        ("pt, whole number", StateDict::from_pt, pt(&pickle(&whole(i64::MAX)))),
    ];
    for (name, read, bytes) in claims {
        let allocated = allocated(|| read(&bytes));
        // The inflater's window alone takes 64 KiB.
        assert!(allocated < 128 << 10, "{name}: {allocated} bytes for a file of {}", bytes.len());
    }

    let mut shared = b"]q\x00".to_vec();
    for _ in 0..60 {
        shared.extend(b"](h\x00h\x00eq\x00");
    }
    let long = [b"]q\x00(", &[b"}", &text(&"k".repeat(100_000))[..], b"q\x01", b"]s"].concat()[..]].concat();
    let long = [&long[..], &b"}h\x01]s".repeat(100_000), b"e"].concat();
    let bombs: Vec<(&str, Read, Vec<u8>)> = vec![
        ("deflated zeros", StateDict::from_npz, zips::deflated(&vec![0; 80 << 20], 80 << 20)),
        ("lists that hold a list twice", StateDict::from_pt, pt(&pickle(&shared))),
        ("a long key very often", StateDict::from_pt, pt(&pickle(&long))),
        ("empty dicts", StateDict::from_pt, pt(&pickle(&b"}".repeat(1 << 20)))),
        ("empty dicts, deep", StateDict::from_pt, pt(&pickle(&b"(".repeat(1 << 20)))),
        ("tuples of one", StateDict::from_pt, pt(&pickle(&[b"N", &b"\x85".repeat(1 << 20)[..]].concat()))),
        ("a memo", StateDict::from_pt, pt(&pickle(&[b"N", &b"\x94".repeat(1 << 20)[..]].concat()))),
    ];
    for (name, read, bytes) in bombs {
        let most = (64 << 20) + 100 * bytes.len();
        let allocated = allocated(|| read(&bytes));
        assert!(allocated < most, "{name}: {allocated} bytes for a file of {}", bytes.len());
    }
}
