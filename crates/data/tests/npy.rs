//! NPY and NPZ: what is written is read back, what NumPy wrote is read, what is wrong with a file is named.

#![allow(clippy::unwrap_used)] // the helpers are tests, too

use crate::files::{npy_file, npy_of_each_type, npy_with_header};
use gradus_data::{Error, NpyArray, NpyType, Npz};
use gradus_linalg::ndarray::{Array1, ArrayD, array};
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::io::Cursor;

fn header(descr: &str, fortran: bool, shape: &str) -> String {
    let fortran = if fortran { "True" } else { "False" };
    format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n")
}

fn read(bytes: &[u8]) -> Result<NpyArray, String> {
    NpyArray::read_from(bytes, "file").map_err(|error| error.to_string())
}

proptest! {
    #[test]
    fn npy_reads_what_it_wrote(shape in prop::collection::vec(0_usize..5, 0..5), seed: u64) {
        for array in npy_of_each_type(&shape, &mut StdRng::seed_from_u64(seed)) {
            let bytes = npy_file(&array);
            prop_assert_eq!(bytes.len() % 64, shape.iter().product::<usize>() * array.element_type().size() % 64);
            prop_assert_eq!(&read(&bytes).unwrap(), &array);
            // In the other order of axes and of bytes, and in every version.
            let NpyArray::I32(numbers) = &array else { continue };
            let (transposed, shape) = (numbers.t().iter().flat_map(|x| x.to_be_bytes()).collect::<Vec<_>>(), numbers.shape());
            let shape: String = shape.iter().map(|n| format!("{n}, ")).collect();
            for version in [1, 2, 3] {
                let bytes = npy_with_header(version, &header(">i4", true, &format!("({shape})")), &transposed);
                prop_assert_eq!(&read(&bytes).unwrap(), &array);
            }
        }
    }
}

proptest! {
    #![proptest_config(gradus_testing::proptest_cases(20))]

    #[test]
    fn npz_reads_what_it_wrote(shape in prop::collection::vec(0_usize..5, 0..4), seed: u64) {
        let arrays = npy_of_each_type(&shape, &mut StdRng::seed_from_u64(seed));
        let npz: Npz = arrays.into_iter().map(|array| (array.element_type().name(), array)).collect();
        let mut stored = Vec::new();
        npz.write_to(Cursor::new(&mut stored), "memory").unwrap();
        prop_assert_eq!(&Npz::read_from(Cursor::new(&stored), "memory").unwrap(), &npz);
        let mut again = Vec::new();
        npz.write_to(Cursor::new(&mut again), "memory").unwrap();
        prop_assert_eq!(stored, again);
    }
}

#[test]
fn bytes_as_numpy_writes_them() {
    // np.save(f, np.array([[1, 2], [3, -1]], '<i2'))
    let mut expected = b"\x93NUMPY\x01\x00\x76\x00{'descr': '<i2', 'fortran_order': False, 'shape': (2, 2), }".to_vec();
    expected.resize(127, b' ');
    expected.extend(b"\n\x01\x00\x02\x00\x03\x00\xff\xff");
    assert_eq!(npy_file(&array![[1_i16, 2], [3, -1]].into()), expected);
    // A view in another order is written in its own.
    assert_eq!(npy_file(&array![[1_i16, 3], [2, -1]].reversed_axes().into()), expected);
    // np.float64(0.5), np.array([True, False]) and an empty array.
    assert_eq!(read(&npy_with_header(1, &header("<f8", false, "()"), &0.5_f64.to_le_bytes())).unwrap().shape(), [0; 0]);
    let truth = read(&npy_with_header(1, &header("|b1", false, "(2,)"), &[1, 0])).unwrap();
    assert_eq!((truth.to_labels().unwrap(), &truth), (vec![1, 0], &array![true, false].into()));
    assert_eq!(read(&npy_with_header(1, &header("<f4", true, "(0, 3)"), &[])).unwrap().shape(), [0, 3]);
}

#[test]
fn floats_and_labels() {
    let large = NpyArray::from(array![u64::MAX, 1 << 53]);
    assert_eq!(large.to_floats::<f64>(), array![18446744073709551616.0, 9007199254740992.0].into_dyn());
    assert_eq!(
        large.to_labels().unwrap_err().to_string(),
        "labels: 18446744073709552000 at position 0: a label is a whole number from 0"
    );
    assert_eq!(NpyArray::from(array![[3_i64, 0], [1, 2]].reversed_axes()).to_labels().unwrap(), [3, 1, 0, 2]);
    for bad in [array![-1.0], array![0.5], array![f64::NAN], array![f64::INFINITY]] {
        assert!(matches!(NpyArray::from(bad).to_labels(), Err(Error::NotLabel { position: 0, .. })));
    }
    assert_eq!(NpyType::ALL.len(), 11);
}

#[test]
fn what_is_wrong_with_npy_is_named() {
    let refused = |bytes: &[u8]| read(bytes).unwrap_err();
    assert_eq!(
        refused(b"PK\x03\x04"),
        "read npy: file: begins with [50, 4b, 03, 04]: an NPY file begins with the byte 93, \"NUMPY\" and a version"
    );
    assert_eq!(refused(b"\x93NUMPY\x04\x00"), "read npy: file: version 4; known are 1, 2 and 3");
    let good = npy_with_header(1, &header("<i2", false, "(3,)"), &[0; 6]);
    for (cut, part, takes) in [(9, "header", 10), (20, "header", good.len() - 6), (good.len() - 2, "array", 6)] {
        let found = if part == "array" { 4 } else { cut };
        assert_eq!(
            refused(&good[..cut]),
            format!(
                "read npy: file: the {part} takes {takes} bytes, the file has {found} of them; it is cut short or its header is wrong"
            )
        );
    }
    assert_eq!(
        refused(&[&good[..], &[0]].concat()),
        "read npy: file: the elements of shape [3] take 6 bytes, and more bytes follow"
    );
    assert_eq!(
        refused(&npy_with_header(1, "{'descr': '<f4'}", &[])),
        "read npy: file: its header is no dict of descr, fortran_order and shape; a header is {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }"
    );
    assert!(refused(&npy_with_header(1, "\u{ff}", &[])).contains("no dict"));
    assert!(refused(&[&b"\x93NUMPY\x01\x00\x01\x00\xff"[..]].concat()).contains("its header is not UTF-8"));
    assert!(refused(b"\x93NUMPY\x02\x00\xff\xff\xff\xff{").contains("more than 65535 bytes is not read"));
    for descr in ["<f2", "<c8", "|O", "<U5", "=f4", "|f4", "f4", ""] {
        let message = refused(&npy_with_header(1, &header(descr, false, "(3,)"), &[0; 6]));
        assert!(message.starts_with(&format!("read npy: file: elements of type {descr}; read are bool")), "{message}");
    }
    let fields = "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}";
    assert!(refused(&npy_with_header(1, fields, &[0; 4])).contains("elements of type [('a', '<f4')]; "));
    // 128 bytes that claim 2⁶⁰ elements, and what cannot be counted.
    let claim = npy_with_header(1, &header("<f8", false, "(1073741824, 1073741824)"), &[0; 64]);
    assert!(
        refused(&claim).contains("the array takes 9223372036854775808 bytes")
            || refused(&claim).contains("memory can address")
    );
    let claim = npy_with_header(1, &header("|u1", false, "(1073741824, 1073741824)"), &[0; 64]);
    assert!(refused(&claim).contains("the array takes 1152921504606846976 bytes, the file has 64"));
    assert_eq!(
        NpyArray::from(ArrayD::<u8>::zeros(vec![1; 65])).write_to(Vec::new(), "f").unwrap_err().to_string(),
        format!("write: f: shape {:?}: NumPy has at most 64 axes", [1; 65])
    );
    assert!(matches!(NpyArray::read("no/such/file"), Err(Error::Io { .. })));
}

#[test]
fn what_is_wrong_with_npz_is_named() {
    let refused = |bytes: &[u8]| Npz::read_from(Cursor::new(bytes), "data.npz").unwrap_err().to_string();
    assert!(refused(b"nothing of the kind").starts_with("read npz: data.npz: "));
    let mut npz = Npz::new();
    npz.insert("x", Array1::<f32>::zeros(3).into());
    npz.insert("y", array![1_u8].into());
    npz.insert("x", array![2.0_f32].into());
    assert_eq!(npz.names().collect::<Vec<_>>(), ["x", "y"]);
    let mut bytes = Vec::new();
    npz.write_to(Cursor::new(&mut bytes), "data.npz").unwrap();
    // In the elements of x: the checksum tells.
    let place = bytes.windows(4).position(|window| window == 2.0_f32.to_le_bytes()).unwrap();
    bytes[place] ^= 1;
    let message = refused(&bytes);
    assert!(message.starts_with("read npz: data.npz/x.npy: ") && message.contains("checksum"), "{message}");
    bytes[place] ^= 1;
    let name = bytes.windows(5).rposition(|window| window == b"y.npy").unwrap();
    bytes[name + 2] = b'N';
    assert!(Npz::read_from(Cursor::new(&bytes), "data.npz").is_err());
    // A member that unpacks to more than its file could hold.
    let path = std::env::temp_dir().join(format!("gradus-data-npz-{}", std::process::id()));
    let zeros: Npz = [("zeros", NpyArray::from(Array1::<u8>::zeros(100_000)))].into_iter().collect();
    zeros.write_compressed(&path).unwrap();
    assert!(std::fs::metadata(&path).unwrap().len() < 1000);
    assert_eq!(Npz::read(&path).unwrap(), zeros);
    zeros.write(&path).unwrap();
    assert_eq!(Npz::read(&path).unwrap(), zeros);
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(Npz::read(&path), Err(Error::Io { .. })));
}
