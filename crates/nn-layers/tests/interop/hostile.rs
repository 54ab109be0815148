//! Pickles and archives that nobody should write.

use super::pickles::{pickle, tensor, text, whole};
use super::zips::{self, zip};
use gradus_nn_layers::{Error, Result, StateDict};

fn read(pickle: &[u8]) -> Result<StateDict<f32>> {
    StateDict::from_pt(&zip(&[("m/data.pkl", pickle), ("m/data/0", &1_f32.to_le_bytes())]))
}

fn refused(pickle: &[u8]) -> String {
    read(pickle).expect_err("this is hostile").to_string()
}

#[test]
fn the_pickles_of_these_tests_are_sound() {
    let dict = read(&pickle(&[b"}", &text("w")[..], &tensor(1, 0, &[1, 1], &[7, 1]), b"s"].concat())).unwrap();
    assert_eq!(dict.get("w").unwrap().shape(), [1, 1]);
    assert_eq!(read(&pickle(&tensor(1, 0, &[], &[]))).unwrap().get("").unwrap().first(), Some(&1.0));
    assert!(read(&pickle(b"N")).unwrap().is_empty());
    assert_eq!(read(&pickle(&tensor(1, 0, &[3, 2], &[0, 0]))).unwrap().get("").unwrap().len(), 6);
}

#[test]
fn nothing_is_run() {
    for (global, opcodes) in [
        ("os.system", &b"cos\nsystem\n(X\x04\x00\x00\x00ruintR"[..]),
        ("builtins.eval", b"\x8c\x08builtins\x8c\x04eval\x93)R"),
        ("torch.load", b"ctorch\nload\n)R"),
        ("torch.nn.modules.linear.Linear", b"ctorch.nn.modules.linear\nLinear\n)\x81}b"),
        ("collections.OrderedDict.__init__", b"ccollections\nOrderedDict.__init__\n)R"),
    ] {
        let error = read(&pickle(opcodes)).unwrap_err();
        assert!(matches!(&error, Error::Global { name } if name == global), "{error}");
    }
}

#[test]
fn opcodes_that_do_not_fit_are_errors_that_say_where() {
    for (opcodes, message) in [
        (&b""[..], "pt: data.pkl, byte 2: the stack is empty here"),
        (b"(N0000", "pt: data.pkl, byte 6: the stack is empty here"),
        (b"(R", "pt: data.pkl, byte 3: the stack is empty here"),
        (b"N(\x85", "pt: data.pkl, byte 4: the stack is empty here"),
        (b"t", "pt: data.pkl, byte 2: there is no mark on the stack"),
        (b"(Ntu", "pt: data.pkl, byte 5: there is no mark on the stack"),
        (b"}(Nu", "pt: data.pkl, byte 5: a key without a value"),
        (b"NNR", "pt: data.pkl, byte 4: the opcode does not fit what is on the stack"),
        (b"]NNs", "pt: data.pkl, byte 5: the opcode does not fit what is on the stack"),
        (b"}Na", "pt: data.pkl, byte 4: the opcode does not fit what is on the stack"),
        (b"N}b", "pt: data.pkl, byte 4: the opcode does not fit what is on the stack"),
        (b"h\x07", "pt: data.pkl, byte 2: it asks for what it did not put in its memo"),
        (b"X\xff\xff\xff\xffab", "pt: data.pkl, byte 2: it ends in the middle"),
        (b"\x8d\xff\xff\xff\xff\xff\xff\xff\xffab", "pt: data.pkl, byte 2: it ends in the middle"),
        (b"\x8b\xff\xff\xff\x7f", "pt: data.pkl, byte 2: it ends in the middle"),
        (b"\x8c\x01\xff", "pt: data.pkl, byte 2: a text that is not UTF-8"),
        (b"\x80\x09", "pt: data.pkl, byte 2: a pickle of another protocol than 2 to 5"),
        (b"I42\n", "pt: data.pkl, byte 2: opcode 0x49, which no state dict needs"),
        (b"ctorch\nFloatStorage\n)R", "pt: data.pkl, byte 23: a call with arguments that do not fit"),
        (b"ctorch._utils\n_rebuild_tensor_v2\n)R", "pt: data.pkl, byte 36: a call with arguments that do not fit"),
        (b")Q", "pt: data.pkl, byte 3: a persistent id that is no storage's"),
    ] {
        assert_eq!(refused(&pickle(opcodes)), message, "{opcodes:?}");
    }
}

#[test]
fn tensors_beyond_their_storage_are_errors() {
    let reach = "an offset, sizes and strides that stay within its storage would fit";
    for (offset, sizes, strides) in [
        (1, &[1][..], &[1][..]),
        (0, &[2], &[1]),
        (i64::MAX, &[], &[]),
        (0, &[2, 2], &[i64::MAX, i64::MAX]),
        (0, &[i64::MAX, i64::MAX], &[0, 0]),
    ] {
        let message = refused(&pickle(&tensor(1, offset, sizes, strides)));
        assert_eq!(message, format!("pt: tensor `` of type FloatStorage and shape {sizes:?}: {reach}"));
    }
    let message = refused(&pickle(&tensor(1, 0, &[0, i64::MAX, i64::MAX], &[1, 1, 1])));
    assert!(message.ends_with("a shape whose other axes multiply to a size in memory would fit"), "{message}");
    for pickle in
        [pickle(&tensor(1, -1, &[], &[])), pickle(&tensor(1, 0, &[1], &[])), pickle(&tensor(1, 0, &[0; 65], &[0; 65]))]
    {
        assert!(refused(&pickle).contains("a tensor whose offset, sizes and strides are not whole numbers from 0"));
    }
    // A storage that says it has more than there is, or less.
    assert_eq!(
        refused(&pickle(&tensor(1 << 40, 0, &[1 << 40], &[1]))),
        "zip: member `m/data/0`: it has 4 bytes; data.pkl says 1099511627776 of FloatStorage"
    );
    assert!(refused(&pickle(&tensor(0, 0, &[0], &[1]))).contains("it has 4 bytes; data.pkl says 0 of"));
    let nowhere = StateDict::<f32>::from_pt(&zip(&[("m/data.pkl", &pickle(&tensor(1, 0, &[], &[])))]));
    assert_eq!(nowhere.unwrap_err().to_string(), "zip: member `m/data/0`: it is missing, and a tensor is a view of it");
}

#[test]
fn repeating_a_small_storage_is_bounded() {
    let message = refused(&pickle(&tensor(1, 0, &[1 << 40], &[0])));
    // 23 opcodes of 100 bytes, and a name; the limit is 64 MiB and 100 bytes for each of the file.
    let file = zip(&[("m/data.pkl", &pickle(&tensor(1, 0, &[1 << 40], &[0]))), ("m/data/0", &[0; 4])]).len();
    let limit = (64 << 20) + 100 * file;
    assert_eq!(
        message,
        format!(
            "``: 4398046511104 bytes more, after 2332: a file of {file} bytes may unpack to {limit}; if it is no zip \
             bomb, write it without compression, and expanded tensors as clones"
        )
    );
    // Many views, each of which alone would do.
    let mut opcodes = b"](".to_vec();
    for i in 0..20 {
        opcodes.extend(tensor(1, 0, &[1 << 20, 1 + i], &[0, 0]));
    }
    opcodes.extend(b"e");
    assert!(matches!(read(&pickle(&opcodes)), Err(Error::TooLarge { .. })));
}

#[test]
fn nesting_and_loops_are_errors() {
    let deep = |depth: usize| pickle(&["]".repeat(depth), "a".repeat(depth - 1)].concat().into_bytes());
    assert!(read(&deep(64)).unwrap().is_empty());
    assert!(refused(&deep(65)).ends_with(": containers are nested deeper than 64"));
    assert!(refused(&deep(1_000_000)).ends_with(": containers are nested deeper than 64"));
    // A list that holds itself; a dict that holds itself by way of a list.
    assert_eq!(refused(&pickle(b"]q\x00h\x00a")), "pt: at `0`: a container that holds itself");
    let dict = [b"}q\x00", &text("a")[..], b"]h\x00as"].concat();
    assert_eq!(refused(&pickle(&dict)), "pt: at `a.0`: a container that holds itself");
    // Each list holds the last one twice: 2⁶⁰ ways to the innermost.
    let mut twice = b"]q\x00".to_vec();
    for _ in 0..60 {
        twice.extend(b"](h\x00h\x00eq\x00");
    }
    assert!(refused(&pickle(&twice)).ends_with(": the same containers are held too often"));
}

#[test]
fn tensors_need_names_and_each_its_own() {
    let tensor = tensor(1, 0, &[], &[]);
    let under = |key: &[u8]| pickle(&[b"}", key, &tensor, b"s"].concat());
    assert_eq!(refused(&under(b"N")), "pt: at `?`: a tensor under a key that is neither text nor a whole number");
    assert!(read(&under(&whole(-3))).unwrap().get("-3").is_some());
    let (inner, outer) = (text("b"), [text("a"), text("a.b")]);
    let same = pickle(&[b"}", &outer[0][..], b"}", &inner, &tensor, b"s", b"s", &outer[1], &tensor, b"s"].concat());
    assert_eq!(refused(&same), "state dict: two arrays are named `a.b`; give each a name of its own");
}

#[test]
fn archives_that_lie_are_errors() {
    let good = pickle(&tensor(1, 0, &[], &[]));
    let number = 1_f32.to_le_bytes();
    let archive = |members: &[(&str, &[u8])]| StateDict::<f32>::from_pt(&zip(members)).unwrap_err().to_string();
    let at_end = "; is the file complete, and an .npz or .pt file?";
    assert!(
        archive(&[("a/data.pkl", &good), ("b/data.pkl", &good)])
            .ends_with(&format!("two folders with a data.pkl{at_end}"))
    );
    assert!(
        archive(&[("a/b/data.pkl", &good)])
            .ends_with(&format!("no data.pkl in it, so torch.save did not write it{at_end}"))
    );
    assert!(archive(&[("a/data.pkl", &good), ("a/constants.pkl", b"")]).contains("a TorchScript archive"));
    assert!(archive(&[("a/data.pkl", &good), ("a/byteorder", b"middle")]).ends_with("neither `little` nor `big`"));
    assert!(archive(&[("a/data.pkl", &good), ("a/data.pkl", &good)]).starts_with("state dict: two arrays are named"));

    let bytes = zip(&[("m/data.pkl", &good), ("m/data/0", &number)]);
    let entry = bytes.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    let with = |changes: &[(usize, u8)]| {
        let mut bytes = bytes.clone();
        changes.iter().for_each(|&(at, byte)| bytes[at] = byte);
        StateDict::<f32>::from_pt(&bytes).unwrap_err().to_string()
    };
    assert!(with(&[(entry + 8, 1)]).contains("a member is encrypted"));
    assert!(with(&[(entry + 10, 99)]).contains("compressed by another method than deflate"));
    assert!(with(&[(entry + 24, 99)]).contains("a stored member has two sizes"));
    assert!(with(&[(entry + 45, 99)]).contains("a member is not where the directory says"));
    assert!(with(&[(entry + 46, b'n')]).contains("a member's header says other than the directory"));
    assert!(with(&[(bytes.len() - 18, 1)]).contains("it is spread over several files"));
    assert!(with(&[(bytes.len() - 6, 99)]).contains("the directory is not where its end says"));
    assert!(
        with(&[(bytes.len() - 14, 3), (bytes.len() - 12, 3)]).contains("the directory is shorter than its members")
    );
    assert!(with(&[(bytes.len() - 14, 1), (bytes.len() - 12, 1)]).contains("the directory is longer than its members"));
    // The first member reaches over the second.
    let second = bytes.windows(4).rposition(|window| window == b"PK\x03\x04").unwrap();
    let [low, high] = (second as u16).to_le_bytes();
    let sizes = [(entry + 20, low), (entry + 21, high), (entry + 24, low), (entry + 25, high)];
    assert!(with(&sizes).contains("members overlap"));
}

#[test]
fn deflated_members_are_as_large_as_they_say_and_no_bombs() {
    let read = |bytes: &[u8]| StateDict::<f32>::from_npz(bytes).map_err(|error| error.to_string());
    let header = format!("{:<117}\n", "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }");
    let good = [b"\x93NUMPY\x01\x00\x76\x00", header.as_bytes(), &1_f32.to_le_bytes()].concat();
    let size = good.len() as u32;
    assert_eq!(read(&zips::deflated(&good, size)).unwrap().get("x").unwrap().first(), Some(&1.0));
    for (claimed, found) in [(size - 1, "more"), (0, "more"), (size + 1, "fewer"), (60 << 20, "fewer")] {
        let message = format!("zip: member `x.npy`: its header says {claimed} bytes, it has {found}");
        assert_eq!(read(&zips::deflated(&good, claimed)).unwrap_err(), message);
    }
    assert!(
        read(&zips::deflated(&good, 3 << 30))
            .unwrap_err()
            .starts_with("`x.npy`: 3221225472 bytes more, after 0: a file of ")
    );
    let bomb = zips::deflated(&vec![0; 80 << 20], 80 << 20);
    assert!(bomb.len() < 100_000);
    assert!(read(&bomb).unwrap_err().contains("if it is no zip bomb"));
    let mut wrong = zips::member(&good);
    let number = wrong.windows(4).position(|window| window == 1_f32.to_le_bytes()).unwrap();
    wrong[number] = 1;
    let message = "zip: member `x.npy`: its contents do not have the checksum that its header says";
    assert_eq!(read(&wrong).unwrap_err(), message);
}
