//! Files with random damage: every reader gives a value or an error that names the file, never a panic.

#![allow(clippy::unwrap_used)] // the helpers are tests, too

use crate::npy;
use crate::properties::{file, of_each_type};
use gradus_data::{Csv, Encoding, Error, Features, Fill, IdxArray, NpyArray, Npz};
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

/// Damaged files of each format.
const MUTATIONS: usize = 10_000;

/// What stands in headers of NPY, and what does not.
const HEADER_BYTES: &[u8] = b"0123456789'\"(){}[],:<>=|bfiuOTFL \x00\xff";

/// Flips, cuts or inserts at a random place, one to four times.
fn mutate(bytes: &mut Vec<u8>, rng: &mut impl Rng) {
    for _ in 0..rng.random_range(1..=4) {
        let place = rng.random_range(0..=bytes.len());
        match rng.random_range(0..5) {
            0 if place < bytes.len() => bytes[place] ^= 1 << rng.random_range(0..8),
            1 if place < bytes.len() => bytes[place] = rng.random(),
            // The header, where a wrong byte does most.
            2 if bytes.len() > 12 => bytes[rng.random_range(0..12)] = rng.random(),
            3 => bytes.truncate(place),
            _ => {
                let more: Vec<u8> = (0..rng.random_range(1..40)).map(|_| rng.random()).collect();
                bytes.splice(place..place, more);
            }
        }
    }
}

#[test]
fn mutated_idx_gives_an_array_or_an_error() {
    let mut rng = StdRng::seed_from_u64(20);
    let mut errors = [0; 6];
    let mut whole = 0;
    for round in 0..MUTATIONS {
        let shape: Vec<usize> = (0..rng.random_range(0..4)).map(|_| rng.random_range(1..8)).collect();
        let encoding = if round % 2 == 0 { Encoding::Plain } else { Encoding::Gzip };
        let array = &of_each_type(&shape, &mut rng)[round / 2 % 6];
        let mut bytes = file(array, encoding);
        mutate(&mut bytes, &mut rng);

        match IdxArray::read_from(bytes.as_slice(), "mutated") {
            Ok(array) => {
                whole += 1;
                let elements: usize = array.shape().iter().product();
                // Deflate packs at most 1032 bytes into one; a plain file is what it is.
                let most = bytes.len() * if bytes.starts_with(&[0x1f, 0x8b]) { 1032 } else { 1 };
                assert!(elements * array.element_type().size() <= most);
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
    let mut rng = StdRng::seed_from_u64(22);
    let (mut whole, mut errors) = (0, [0; 6]);
    for round in 0..MUTATIONS {
        let shape: Vec<usize> = (0..rng.random_range(0..4)).map(|_| rng.random_range(1..6)).collect();
        let array = &npy::of_each_type(&shape, &mut rng)[round % 11];
        let mut bytes = npy::file(array);
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
        match NpyArray::read_from(bytes.as_slice(), "mutated") {
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
    let mut rng = StdRng::seed_from_u64(23);
    let npz: Npz = npy::of_each_type(&[2, 3], &mut rng).into_iter().map(|a| (a.element_type().name(), a)).collect();
    let npz: Npz = npz.names().take(3).map(|name| (name, npz.get(name).unwrap().clone())).collect();
    let mut file = Vec::new();
    npz.write_to(std::io::Cursor::new(&mut file), "memory").unwrap();
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
        match Npz::read_from(std::io::Cursor::new(&bytes), "mutated") {
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
        match csv.read_from(bytes.as_slice(), "mutated") {
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
