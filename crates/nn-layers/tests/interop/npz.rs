//! NumPy's `.npz`.

use super::{bits64, fixture, fixture_bytes, zips};
use gradus_nn_layers::ndarray::{ArrayD, IxDyn, ShapeBuilder, array};
use gradus_nn_layers::{Error, Real, Result, StateDict};
use proptest::prelude::*;

#[test]
fn what_numpy_writes_is_read() {
    let dict = StateDict::<f64>::load_npz(fixture("numpy.npz")).unwrap();
    assert_eq!(dict.get("plain").unwrap(), &array![[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]);
    assert_eq!(dict.get("a.b.c").unwrap().shape(), &[] as &[usize]);
    assert_eq!(dict.get("a.b.c").unwrap().first(), Some(&2.5));
    assert_eq!(dict.get("empty").unwrap().shape(), [0, 3]);
    assert_eq!(dict.get("bool").unwrap(), &array![1.0, 0.0]);
    let rows = ArrayD::from_shape_vec(IxDyn(&[2, 3, 4]), (0..24).map(f64::from).collect()).unwrap();
    assert_eq!(dict.get("fortran").unwrap(), &rows);
    for kind in ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"] {
        for order in ["<", ">"] {
            assert_eq!(
                dict.get(&format!("{order}{kind}")).unwrap(),
                &array![[1.0, 2.0], [100.0, 0.0]],
                "{order}{kind}"
            );
        }
    }
    let compressed = StateDict::<f64>::load_npz(fixture("numpy_compressed.npz")).unwrap();
    assert_eq!(bits64(&compressed), bits64(&dict));
    let versions = StateDict::<f32>::load_npz(fixture("versions.npz")).unwrap();
    assert_eq!(versions.names().collect::<Vec<_>>(), ["v1", "v2", "v3"]);
    assert_eq!(versions.get("v3").unwrap(), &array![1.0, 3.0]);
}

#[test]
fn other_types_are_errors_that_name_them() {
    for (name, dtype) in [
        ("complex.npz", "<c8"),
        ("text.npz", "<U1"),
        ("object.npz", "|O"),
        ("record.npz", "[('a', '<f4'), ('b', '<i2')]"),
    ] {
        let error = StateDict::<f32>::from_npz(&fixture_bytes(name)).unwrap_err();
        assert!(matches!(&error, Error::Tensor { format: "npz", dtype: found, .. } if found == dtype), "{error}");
        assert!(error.to_string().starts_with(&format!("npz: tensor `x` of type {dtype} and shape [")), "{error}");
    }
}

fn round_trip<F: Real>(dict: &StateDict<F>) -> Result<StateDict<F>> {
    StateDict::from_npz(&dict.to_npz()?)
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        arrays in proptest::collection::vec((".{0,12}", proptest::collection::vec(0..4_usize, 0..5), any::<u32>()), 0..5),
    ) {
        let mut dict = StateDict::<f32>::new();
        let mut dict64 = StateDict::<f64>::new();
        for (name, shape, bits) in arrays {
            let mut next = bits;
            let mut number = || { next = next.wrapping_mul(1_664_525).wrapping_add(1_013_904_223); f32::from_bits(next) };
            let array = ArrayD::from_shape_simple_fn(IxDyn(&shape), &mut number);
            dict64.insert(name.clone(), array.mapv(f64::from));
            dict.insert(name, array.reversed_axes()); // strided in memory
        }
        let read = round_trip(&dict).unwrap();
        prop_assert_eq!(read.names().collect::<Vec<_>>(), dict.names().collect::<Vec<_>>());
        prop_assert_eq!(super::bits(&read), super::bits(&dict));
        prop_assert_eq!(bits64(&round_trip(&dict64).unwrap()), bits64(&dict64));
        let read = StateDict::<f32>::from_bytes(&dict.to_bytes().unwrap()).unwrap();
        prop_assert_eq!(super::bits(&read), super::bits(&dict), "safetensors");
    }
}

proptest! {
    /// Sizes that fit the data in either order, or do not.
    #[test]
    fn a_header_is_as_large_as_the_data_or_refused(
        shape in proptest::collection::vec(0..4_usize, 0..4), fortran in any::<bool>(), more in -1..2_i64,
    ) {
        let count = shape.iter().product::<usize>() as i64 + more;
        let data: Vec<u8> = (0..count.max(0)).flat_map(|i| (i as f32).to_le_bytes()).collect();
        let sizes: String = shape.iter().map(|size| format!("{size},")).collect();
        let order = if fortran { "True" } else { "False" };
        let header = format!("{{'descr': '<f4', 'fortran_order': {order}, 'shape': ({sizes})}}");
        let read = StateDict::<f32>::from_npz(&zips::member(&npy(&header, &data)));
        if count < 0 || more == 0 {
            let read = read.unwrap();
            let numbers: Vec<f32> = (0..count.max(0)).map(|i| i as f32).collect();
            let right = ArrayD::from_shape_vec(IxDyn(&shape).set_f(fortran), numbers).unwrap();
            prop_assert_eq!(read.get("x").unwrap(), &right);
        } else {
            prop_assert!(matches!(read, Err(Error::Npy { .. })), "{:?}", read);
        }
    }
}

#[test]
fn the_same_arrays_give_the_same_bytes_and_numbers_aligned() {
    let dict: StateDict = [("w", array![1.0, 2.0])].into_iter().collect();
    let bytes = dict.to_npz().unwrap();
    assert_eq!(bytes, dict.clone().to_npz().unwrap());
    let start = bytes.windows(6).position(|window| window == b"\x93NUMPY").unwrap();
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
    assert_eq!(&bytes[start + 10..][..header.len()], header.as_bytes());
    assert_eq!(&bytes[start + 128..][..8], [1_f32.to_le_bytes(), 2_f32.to_le_bytes()].concat());
}

#[test]
fn a_name_that_is_too_long_is_an_error() {
    let dict: StateDict = [("x".repeat(65_532), array![1.0])].into_iter().collect();
    let error = dict.to_npz().unwrap_err();
    let x = "x".repeat(40);
    assert_eq!(error.to_string(), format!("zip: member `{x}`: a name of 65536 bytes: at most 65535 would fit"));
}

/// More members than a directory without 64-bit numbers can count.
#[test]
fn very_many_arrays_are_written_and_read() {
    let dict: StateDict = (0..65_600).map(|i| (format!("{i}"), array![i as f32])).collect();
    let read = round_trip(&dict).unwrap();
    assert_eq!(read.len(), 65_600);
    assert_eq!(read.get("65599").unwrap(), &array![65_599.0]);
}

/// A member with this header and these bytes behind it.
fn npy(header: &str, data: &[u8]) -> Vec<u8> {
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), data].concat()
}

/// What is wrong with an `.npz` of one member.
fn refused(contents: &[u8]) -> String {
    let bytes = zips::member(contents);
    StateDict::<f32>::from_npz(&bytes).expect_err("this is wrong").to_string()
}

#[test]
fn headers_are_read_in_any_order_and_spacing() {
    for header in [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }",
        "{\"shape\":(1,2),\"fortran_order\":True,\"descr\":\"<f4\"}\n",
        "{ 'shape' : ( 1L , 2L, ) , 'descr' : '<f4' , 'fortran_order' : False }  \n",
    ] {
        let bytes = zips::member(&npy(header, &[0, 0, 128, 63, 0, 0, 0, 64]));
        let dict = StateDict::<f32>::from_npz(&bytes).unwrap();
        assert_eq!(dict.get("x").unwrap(), &array![[1.0, 2.0]], "{header}");
    }
}

#[test]
fn headers_that_lie_are_errors() {
    const BAD: &str = "npz: `x`: its header is no dict of 'descr', 'fortran_order' and 'shape'";
    const SHAPE: &str = "npz: `x`: its header has no shape of whole numbers";
    for (header, message) in [
        ("", BAD),
        ("{", BAD),
        ("{}", BAD),
        ("{'descr': '<f4', 'fortran_order': False}", BAD),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'more': 1}", BAD),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'shape': (2,)}", BAD),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} + 1", BAD),
        ("{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}", BAD),
        ("{'descr': '<f4' 'fortran_order': False, 'shape': (2,)}", BAD),
        ("{'descr': [[[[[[, 'fortran_order': False, 'shape': (2,)}", BAD),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}", SHAPE),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (2", SHAPE),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", SHAPE),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': 2}", SHAPE),
        (
            "{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}",
            "npz: `x`: shape [3] of <f4 needs 12 bytes; it has 8",
        ),
        (
            "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,)}",
            "npz: `x`: shape [1000000000000] of <f4 needs 4000000000000 bytes; it has 8",
        ),
        (
            "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}",
            "npz: tensor `x` of type <f4 and shape [4294967296, 4294967296]: \
             a shape whose other axes multiply to a size in memory would fit",
        ),
        (
            "{'descr': '|f4', 'fortran_order': False, 'shape': (2,)}",
            "npz: tensor `x` of type |f4 and shape [2]: floats of 16, 32 or 64 bits, integers and truth values can be read",
        ),
    ] {
        assert_eq!(refused(&npy(header, &[0; 8])), message, "{header}");
    }
    // An axis of length 0 does not let the others claim the world.
    let header = "{'descr': '<f4', 'fortran_order': True, 'shape': (0, 4611686018427387904, 16)}";
    assert!(refused(&npy(header, &[])).contains("would fit"));
    for (contents, message) in [
        (&b""[..], "npz: `x`: it does not begin with the magic string of .npy files"),
        (b"\x93NUMPY\x01\x00", "npz: `x`: it is shorter than its header"),
        (b"\x93NUMPY\x01\x00\x09\x00{}", "npz: `x`: it is shorter than its header"),
        (b"\x93NUMPY\x04\x00\x00\x00", "npz: `x`: it is of another version than 1, 2 and 3"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff", "npz: `x`: it is shorter than its header"),
        (b"\x93NUMPY\x01\x00\x01\x00\xff", "npz: `x`: its header is not UTF-8"),
    ] {
        assert_eq!(refused(contents), message);
    }
    let message = StateDict::<f32>::from_npz(&zips::zip(&[("read me", b"")])).unwrap_err().to_string();
    assert_eq!(message, "npz: `read me`: its name does not end in .npy");
}
