//! Files with random damage: every reader gives a value or an error that names the file, never a panic, within a second, and in memory that
//! follows what the file really holds.

#![allow(clippy::unwrap_used)] // the helpers are tests, too

mod files;

use files::{idx_file, idx_of_each_type, npy_file, npy_of_each_type, npy_with_header};
use gradus_data::{Csv, Dataset, Encoding, Error, Features, Fill, IdxArray, ImageFolder, NpyArray, Npz};
use gradus_linalg::ndarray::ArrayD;
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::io::{Cursor, Read, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{env, fs, process};

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Damaged files of each format.
const MUTATIONS: usize = 10_000;

/// Deflate packs at most this many bytes into one.
const DEFLATE_RATIO: usize = 1032;

/// One test at a time: what others allocate meanwhile would be counted, too.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is read, in less than a second and with so many bytes allocated for each of the file's, those counted that were given back. The first part
/// of the bound is what buffers and the inflater's window take, whatever the file.
fn bounded<T>(file: &[u8], per_byte: usize, read: impl Fn() -> T) -> T {
    let most = (256 << 10) + per_byte * file.len();
    let region = Region::new(COUNTED);
    let start = Instant::now();
    let value = read();
    let (allocated, seconds) = (region.change().bytes_allocated, start.elapsed());
    assert!(allocated <= most, "{allocated} bytes were allocated for a file of {}", file.len());
    if seconds > Duration::from_secs(1) {
        // A reader that hangs does so again; a machine that was busy does not.
        let start = Instant::now();
        let value = read();
        assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
        return value;
    }
    value
}

/// What stands in headers of NPY, and what does not.
const HEADER_BYTES: &[u8] = b"0123456789'\"(){}[],:<>=|bfiuOTFL \x00\xff";

/// Flips, cuts or inserts at a random place, one to four times.
fn mutate(bytes: &mut Vec<u8>, rng: &mut impl Rng) {
    for _ in 0..rng.random_range(1..=4) {
        let place = rng.random_range(0..=bytes.len());
        match rng.random_range(0..6) {
            0 if place < bytes.len() => bytes[place] ^= 1 << rng.random_range(0..8),
            1 if place < bytes.len() => bytes[place] = rng.random(),
            // The header, where a wrong byte does most.
            2 if bytes.len() > 12 => bytes[rng.random_range(0..12)] = rng.random(),
            3 => bytes.truncate(place),
            // A length that cannot be.
            4 => {
                let length =
                    [0, 1 << 31, u32::MAX.into(), 1 << 60, 1 << 63, u64::MAX][rng.random_range(0..6)].to_be_bytes();
                let length = if rng.random() { &length[4..] } else { &length[..] };
                bytes[place..].iter_mut().zip(length).for_each(|(byte, new)| *byte = *new);
            }
            _ => {
                let more: Vec<u8> = (0..rng.random_range(1..40)).map(|_| rng.random()).collect();
                bytes.splice(place..place, more);
            }
        }
    }
}

#[test]
fn mutated_idx_gives_an_array_or_an_error() {
    let _alone = alone();
    let mut rng = StdRng::seed_from_u64(20);
    let mut errors = [0; 6];
    let mut whole = 0;
    for round in 0..MUTATIONS {
        let shape: Vec<usize> = (0..rng.random_range(0..4)).map(|_| rng.random_range(1..8)).collect();
        let encoding = if round % 2 == 0 { Encoding::Plain } else { Encoding::Gzip };
        let array = &idx_of_each_type(&shape, &mut rng)[round / 2 % 6];
        let mut bytes = idx_file(array, encoding);
        mutate(&mut bytes, &mut rng);

        match bounded(&bytes, 64, || IdxArray::read_from(bytes.as_slice(), "mutated")) {
            Ok(array) => {
                whole += 1;
                let elements: usize = array.shape().iter().product();
                let packed = bytes.starts_with(&[0x1f, 0x8b]);
                assert!(elements * array.element_type().size() <= bytes.len() * if packed { DEFLATE_RATIO } else { 1 });
            }
            Err(error) => {
                let kind = match error {
                    Error::NotIdx { .. } => 0,
                    Error::TypeCode { .. } => 1,
                    Error::Truncated { .. } => 2,
                    Error::TrailingBytes { .. } => 3,
                    Error::TooLarge { .. } => 4,
                    Error::Gzip { .. } => 5,
                    other => panic!("not an error of reading IDX from memory: {other}"),
                };
                errors[kind] += 1;
                assert!(error.to_string().contains(": mutated: "), "{error}");
            }
        }
    }
    // Or else the mutations would test nothing.
    assert!(whole > 0 && errors.iter().all(|&n| n > 0), "{whole} whole, errors {errors:?}");
}

#[test]
fn mutated_npy_gives_an_array_or_an_error() {
    let _alone = alone();
    let mut rng = StdRng::seed_from_u64(22);
    let (mut whole, mut errors) = (0, [0; 6]);
    for round in 0..MUTATIONS {
        let shape: Vec<usize> = (0..rng.random_range(0..4)).map(|_| rng.random_range(1..6)).collect();
        let array = &npy_of_each_type(&shape, &mut rng)[round % 11];
        let mut bytes = npy_file(array);
        match round % 3 {
            0 => mutate(&mut bytes, &mut rng),
            // The header alone, a byte of it after the other, by what stands in headers.
            _ => {
                for _ in 0..rng.random_range(1..4) {
                    let place = rng.random_range(6..bytes.len().min(70));
                    bytes[place] = HEADER_BYTES[rng.random_range(0..HEADER_BYTES.len())];
                }
            }
        }
        match bounded(&bytes, 64, || NpyArray::read_from(bytes.as_slice(), "mutated")) {
            Ok(array) => {
                whole += 1;
                assert!(array.shape().iter().product::<usize>() * array.element_type().size() <= bytes.len());
            }
            Err(error) => {
                let kind = match error {
                    Error::NotNpy { .. } => 0,
                    Error::NpyVersion { .. } => 1,
                    Error::NpyHeader { .. } => 2,
                    Error::NpyType { .. } => 3,
                    Error::Truncated { .. } => 4,
                    Error::TrailingBytes { .. } => 5,
                    Error::TooLarge { .. } | Error::Gzip { .. } => continue,
                    other => panic!("not an error of reading NPY from memory: {other}"),
                };
                errors[kind] += 1;
                assert!(error.to_string().contains(": mutated: "), "{error}");
            }
        }
    }
    assert!(whole > 0 && errors.iter().all(|&n| n > 0), "{whole} whole, errors {errors:?}");
}

#[test]
fn mutated_npz_gives_arrays_or_an_error() {
    let _alone = alone();
    let mut rng = StdRng::seed_from_u64(23);
    let npz: Npz = npy_of_each_type(&[2, 3], &mut rng).into_iter().map(|a| (a.element_type().name(), a)).collect();
    let npz: Npz = npz.names().take(3).map(|name| (name, npz.get(name).unwrap().clone())).collect();
    let mut file = Vec::new();
    npz.write_to(Cursor::new(&mut file), "memory").unwrap();
    let (mut whole, mut damaged) = (0, 0);
    for round in 0..MUTATIONS {
        let mut bytes = file.clone();
        if round % 2 == 0 {
            mutate(&mut bytes, &mut rng);
        } else {
            // The directory at the end.
            let place = bytes.len() - rng.random_range(1..200);
            bytes[place] = rng.random();
        }
        match bounded(&bytes, 64, || Npz::read_from(Cursor::new(&bytes), "mutated")) {
            Ok(_) => whole += 1,
            Err(error) => {
                damaged += usize::from(matches!(error, Error::Archive { .. }));
                assert!(error.to_string().contains(": mutated"), "{error}");
            }
        }
    }
    assert!(whole > 0 && damaged > 0, "{whole} whole, {damaged} damaged");
}

#[test]
fn mutated_csv_gives_a_table_or_an_error() {
    let _alone = alone();
    let mut rng = StdRng::seed_from_u64(21);
    let texts = [
        "a,b,c\n1,2.5,cat\n-3,NA,dog\n4e3,,cat\n",
        "a,b,c\n1,\"2\",\"c,at\"\n7,8,\"d\"\"og\"\n",
        "a,b,c\n0.123456789012345678,1e-300,\n,,\n",
    ];
    let csv = Csv::new().number("b");
    let (mut whole, mut errors) = (0, [0; 5]);
    for round in 0..MUTATIONS {
        let mut bytes = texts[round % texts.len()].as_bytes().to_vec();
        mutate(&mut bytes, &mut rng);
        match bounded(&bytes, 64, || csv.read_from(bytes.as_slice(), "mutated")) {
            Ok(table) => {
                whole += 1;
                assert!(table.rows() * table.names().len() <= bytes.len() + 1);
                for name in table.names() {
                    assert_eq!(table.texts(name).unwrap().len(), table.rows());
                }
                let features = Features::new().number_or("b", Fill::Mean).one_hot("c").unknown_as_zeros();
                if let Ok(encoder) = features.fit(&table) {
                    assert_eq!(encoder.encode::<f32>(&table).unwrap().dim(), (table.rows(), encoder.width()));
                }
            }
            Err(error) => {
                let kind = match error {
                    Error::EmptyTable { .. } => 0,
                    Error::DuplicateColumn { .. } => 1,
                    Error::NoColumn { .. } => 2,
                    Error::Fields { .. } => 3,
                    Error::Field { .. } => 4,
                    other => panic!("not an error of reading CSV from memory: {other}"),
                };
                errors[kind] += 1;
                assert!(error.to_string().contains(": mutated"), "{error}");
            }
        }
    }
    assert!(whole > 0 && errors.iter().all(|&n| n > 0), "{whole} whole, errors {errors:?}");
}

/// A checksum behind each part of a PNG that belongs to it, as far as the lengths in the file lead.
fn seal_png(bytes: &mut [u8]) {
    let mut start = 8;
    while let Some(length) = bytes.get(start..start + 4) {
        let length = length.iter().fold(0, |n, &byte| n << 8 | usize::from(byte));
        let Some(part) = bytes.get(start + 4..start + 8 + length) else { return };
        let mut crc = flate2::Crc::new();
        crc.update(part);
        start += 8 + length;
        let Some(place) = bytes.get_mut(start..start + 4) else { return };
        place.copy_from_slice(&crc.sum().to_be_bytes());
        start += 4;
    }
}

#[test]
fn mutated_png_gives_an_image_or_an_error() {
    let _alone = alone();
    let mut rng = StdRng::seed_from_u64(24);
    let kinds = [
        (png::ColorType::Grayscale, png::BitDepth::One, 2),
        (png::ColorType::Indexed, png::BitDepth::Two, 3),
        (png::ColorType::Rgb, png::BitDepth::Eight, 27),
        (png::ColorType::Rgba, png::BitDepth::Sixteen, 72),
        (png::ColorType::GrayscaleAlpha, png::BitDepth::Eight, 18),
    ];
    let images = kinds.map(|(colour, depth, row)| {
        let (mut bytes, width) = (Vec::new(), 9);
        let mut encoder = png::Encoder::new(&mut bytes, width, 5);
        encoder.set_color(colour);
        encoder.set_depth(depth);
        if colour == png::ColorType::Indexed {
            encoder.set_palette(vec![7; 12]);
        }
        let pixels: Vec<u8> = (0..5 * row).map(|_| rng.random()).collect();
        encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
        bytes
    });
    let folder = env::temp_dir().join(format!("gradus-data-damaged-{}", process::id()));
    let path = folder.join("class/1.png");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let (mut whole, mut damaged) = (0, 0);
    for round in 0..MUTATIONS {
        let mut bytes = images[round % images.len()].clone();
        mutate(&mut bytes, &mut rng);
        if rng.random() {
            seal_png(&mut bytes);
        }
        // A new file each time: over an old one ext4 writes through to the disk.
        fs::write(&path, &bytes).unwrap();
        // Its header is believed as far as deflate could pack what it claims: a bit a pixel, which becomes a byte.
        match bounded(&bytes, 16 * DEFLATE_RATIO, || ImageFolder::open(&folder).and_then(|images| images.get(0))) {
            Ok((image, class)) => {
                whole += 1;
                assert!(class == 0 && image.iter().all(|x| (0.0..=1.0).contains(x)));
            }
            Err(error) => {
                damaged += usize::from(matches!(error, Error::Image { .. }));
                assert!(error.to_string().contains("class/1.png"), "{error}");
            }
        }
        fs::remove_file(&path).unwrap();
    }
    fs::remove_dir_all(&folder).unwrap();
    assert!(whole > 0 && damaged > 0, "{whole} whole, {damaged} damaged");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    flate2::read::GzEncoder::new(bytes, flate2::Compression::best()).read_to_end(&mut packed).unwrap();
    packed
}

#[test]
fn claims_cost_nothing() {
    let _alone = alone();
    let npy = |shape: &str| {
        let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
        npy_with_header(1, &header, &[0; 8])
    };
    let tera = npy("(1048576, 1048576)");
    let mut npz = Vec::new();
    let mut archive = zip::ZipWriter::new(Cursor::new(&mut npz));
    archive.start_file("x.npy", zip::write::SimpleFileOptions::DEFAULT).unwrap();
    archive.write_all(&tera).unwrap();
    archive.finish().unwrap();
    let mut members = npz.clone();
    let end = members.len() - 14;
    members[end..end + 4].fill(0xff);
    // 64 bytes for 2⁶⁰ elements.
    let mut idx = vec![0, 0, 8, 2, 0x40, 0, 0, 0, 0x40, 0, 0, 0];
    idx.resize(64, 0);

    type Reader = fn(&[u8]) -> Result<(), Error>;
    let read_idx: Reader = |bytes| IdxArray::read_from(bytes, "claim").map(drop);
    let read_npy: Reader = |bytes| NpyArray::read_from(bytes, "claim").map(drop);
    let read_npz: Reader = |bytes| Npz::read_from(Cursor::new(bytes), "claim").map(drop);
    let read_csv: Reader = |bytes| Csv::new().read_from(bytes, "claim").map(drop);
    let claims: Vec<(&str, Reader, Vec<u8>)> = vec![
        ("idx, shape", read_idx, idx.clone()),
        ("idx, axes", read_idx, [&[0, 0, 14, 255][..], &[255; 1020]].concat()),
        ("idx, packed", read_idx, gzip(&[&[0, 0, 14, 1, 8, 0, 0, 0][..], &[0; 64]].concat())),
        ("npy, shape", read_npy, tera.clone()),
        ("npy, header", read_npy, [&b"\x93NUMPY\x02\x00\xff\xff\x00\x00"[..], b"{"].concat()),
        ("npy, brackets", read_npy, npy(&"(".repeat(60_000))),
        ("npy, packed", read_npy, gzip(&npy("(268435456,)"))),
        ("npz, shape", read_npz, npz),
        ("npz, members", read_npz, members),
        ("csv, commas", read_csv, b",".repeat(1 << 16)),
    ];
    for (name, read, bytes) in claims {
        assert!(bounded(&bytes, 64, || read(&bytes)).is_err(), "{name}");
    }
}

/// A megabyte of zeros in a thousand bytes, and the same thousand bytes under two hundred names.
#[test]
fn members_that_overlap_are_counted_together() {
    let _alone = alone();
    let mut bytes = Vec::new();
    let mut archive = zip::ZipWriter::new(Cursor::new(&mut bytes));
    archive.start_file("000.npy", zip::write::SimpleFileOptions::DEFAULT).unwrap();
    archive.write_all(&npy_file(&ArrayD::<u8>::zeros(vec![1 << 20]).into())).unwrap();
    archive.finish().unwrap();
    let find = |magic: &[u8]| bytes.windows(4).rposition(|window| window == magic).unwrap();
    let (directory, end) = (find(b"PK\x01\x02"), find(b"PK\x05\x06"));
    let (entry, mut tail) = (bytes[directory..end].to_vec(), bytes[end..].to_vec());
    bytes.truncate(directory);
    let mut size = 0_u32;
    for name in 0..200 {
        let mut entry = entry.clone();
        entry[46..49].copy_from_slice(format!("{name:03}").as_bytes());
        size += entry.len() as u32;
        bytes.extend(entry);
    }
    tail[8..12].copy_from_slice(&[200, 0, 200, 0]);
    tail[12..16].copy_from_slice(&size.to_le_bytes());
    bytes.extend(tail);

    let region = Region::new(COUNTED);
    let result = Npz::read_from(Cursor::new(&bytes), "bomb");
    let (allocated, most) = (region.change().bytes_allocated, 3 * DEFLATE_RATIO * bytes.len());
    assert!(allocated < most, "{allocated} bytes were allocated for a file of {}", bytes.len());
    assert!(matches!(result, Err(Error::TooLarge { .. } | Error::Archive { .. })));
}
