//! CSV files: types, missing values, encoders, and what is wrong with a file.

#![allow(clippy::unwrap_used)] // the helpers are tests, too

use gradus_data::{Csv, EncodedColumn, Encoder, Error, Features, Fill, Labelled, Result, Standardize, Table};
use gradus_linalg::ndarray::{Array2, array};
use proptest::prelude::*;

fn read(text: &str) -> Result<Table> {
    Csv::new().read_from(text.as_bytes(), "file.csv")
}

fn refused(csv: &Csv, text: &str) -> String {
    csv.read_from(text.as_bytes(), "file.csv").unwrap_err().to_string()
}

#[test]
fn types_are_found_and_can_be_declared() {
    let text = "\u{feff}zip, age ,\"full name\"\n00123,31,\"Lovelace, Ada\"\n\n45678,NA,\"said \"\"hi\"\"\"\n";
    let table = read(text).unwrap();
    assert_eq!(table.names().collect::<Vec<_>>(), ["zip", "age", "full name"]);
    assert_eq!((table.rows(), table.numbers("zip").unwrap()), (2, &[123., 45678.][..]));
    assert!(table.numbers("age").unwrap()[1].is_nan() && table.is_numeric("age").unwrap());
    let names: Vec<_> = table.texts("full name").unwrap().map(|text| text.unwrap().into_owned()).collect();
    assert_eq!(names, ["Lovelace, Ada", "said \"hi\""]);

    let table = Csv::new().text("zip").read_from(text.as_bytes(), "file.csv").unwrap();
    assert_eq!(table.texts("zip").unwrap().next().unwrap().as_deref(), Some("00123"));
    assert_eq!(table.categories("zip").unwrap(), ["00123", "45678"]);
}

#[test]
fn a_column_that_turns_to_text_late_keeps_its_first_fields() {
    let table = read("id,code\n1,007\n2,\n3,x1\n4,007\n").unwrap();
    let codes: Vec<_> = table.texts("code").unwrap().map(|text| text.map(String::from)).collect();
    assert_eq!(codes, [Some("007".into()), None, Some("x1".into()), Some("007".into())]);
    assert_eq!(table.numbers("id").unwrap(), [1., 2., 3., 4.]);
    assert_eq!(
        table.numbers("code").unwrap_err().to_string(),
        "table: file.csv: column \"code\" holds text, first \"x1\" in line 4; numbers are needed"
    );
}

#[test]
fn missing_texts_may_look_like_numbers() {
    let csv = Csv::new().missing(["-999", "?"]);
    let table = csv.read_from("a,b\n-999,x\n5,?\n".as_bytes(), "file.csv").unwrap();
    assert!(table.numbers("a").unwrap()[0].is_nan());
    assert_eq!(table.texts("b").unwrap().nth(1), Some(None));
    assert_eq!(
        table.labels("b").unwrap_err().to_string(),
        "encode: file.csv, line 3, column b: the value is missing; leave the row out, or say what stands for it"
    );
}

#[test]
fn labels_of_numbers_and_of_text() {
    let table = read("digit,kind\n10,b\n9,a\n10,a\n-0,b\n").unwrap();
    assert_eq!(table.labels("digit").unwrap(), (vec![2, 1, 2, 0], vec!["0".into(), "9".into(), "10".into()]));
    let (labels, classes) = table.labels("kind").unwrap();
    assert_eq!((labels, classes.as_slice()), (vec![1, 0, 0, 1], &["a".into(), "b".into()][..]));
    assert_eq!(
        read("kind\na\nc\n").unwrap().labels_as("kind", &classes).unwrap_err().to_string(),
        "encode: file.csv, line 3, column kind: \"c\" is no known category; known are \"a\", \"b\""
    );
}

#[test]
fn what_is_wrong_with_a_file_is_named() {
    let csv = Csv::new();
    assert_eq!(refused(&csv, ""), "read csv: file.csv: the file has no line; a header or a row should stand there");
    assert_eq!(refused(&csv, "a,b\n1,2\n\"x\ny\",2\n3\n"), "read csv: file.csv, line 5: 1 fields; there should be 2");
    assert_eq!(refused(&csv, "a,b\n1,2,3\n"), "read csv: file.csv, line 2: 3 fields; there should be 2");
    assert_eq!(
        refused(&csv, "a,b,a\n"),
        "read csv: file.csv: columns 1 and 3 are both named \"a\": each column needs a name of its own"
    );
    assert_eq!(
        refused(&csv, &",".repeat(70_000)),
        "read csv: file.csv: 70001 columns; at most 65536 are read; is the delimiter right?"
    );
    assert_eq!(
        refused(&csv.clone().number("b"), "a,b\n1,2\n3,1O\n"),
        "read csv: file.csv, line 3, column 2: \"1O\": a number should stand here"
    );
    assert_eq!(refused(&csv.clone().text("c"), "a,b\n"), "table: file.csv: no column \"c\"; there are \"a\", \"b\"");
    let latin1 = csv.read_from(&b"a\nM\xfcller\n"[..], "file.csv").unwrap_err().to_string();
    assert_eq!(latin1, "read csv: file.csv, line 2, column 1: \"M\u{fffd}ller\": text in UTF-8 should stand here");
    let error = csv.read("no/such/file.csv").unwrap_err().to_string();
    assert!(error.starts_with("read: no/such/file.csv: "), "{error}");
}

#[test]
fn headers_without_rows_and_rows_without_header() {
    let table = read("a,b\n").unwrap();
    assert_eq!((table.rows(), table.numbers("b").unwrap().len()), (0, 0));
    assert_eq!(table.categories("a").unwrap(), Vec::<String>::new());
    let table = Csv::new().without_header().delimiter(b'\t').read_from("1\t2\n3\t4".as_bytes(), "f").unwrap();
    assert_eq!((table.numbers("1").unwrap(), table.numbers("2").unwrap()), (&[1., 3.][..], &[2., 4.][..]));
}

#[test]
fn encoders_fill_and_refuse() {
    let train = read("x,port\n1,Rome\n,Oslo\n2,\n9,Rome\n").unwrap();
    let fills = [(Fill::Mean, 4.0), (Fill::Median, 2.0), (Fill::Value(-1.0), -1.0)];
    for (fill, expected) in fills {
        let encoder = Features::new().number_or("x", fill).fit(&train).unwrap();
        assert_eq!(encoder.encode::<f64>(&train).unwrap(), array![[1.], [expected], [2.], [9.]]);
        assert_eq!(encoder.columns, [EncodedColumn::Number { name: "x".into(), fill: Some(expected) }]);
    }
    let message = |features: Features| {
        features.fit(&train).and_then(|encoder| encoder.encode::<f32>(&train)).unwrap_err().to_string()
    };
    let missing = |line, name| {
        format!(
            "encode: file.csv, line {line}, column {name}: the value is missing; leave the row out, or say what stands for it"
        )
    };
    assert_eq!(message(Features::new().number("x")), missing(3, "x"));
    assert_eq!(message(Features::new().one_hot("port")), missing(4, "port"));
    assert_eq!(
        message(Features::new().number_or("x", Fill::Value(f64::NAN))),
        "number_or: NaN in sample 0, feature 0, counted from 0: finite numbers are needed"
    );
    assert_eq!(
        message(Features::new().ordinal("port", ["Rome"])),
        "encode: file.csv, line 3, column port: \"Oslo\" is no known category; known is \"Rome\""
    );

    let encoder = Features::new().one_hot("port").unknown_as_zeros().fit(&train).unwrap();
    let later = read("port\nBonn\n\nOslo\n").unwrap();
    assert_eq!(encoder.encode::<f32>(&later).unwrap(), array![[0., 0.], [1., 0.]]);
    assert_eq!((encoder.width(), encoder.names()), (2, vec!["port=Oslo".into(), "port=Rome".into()]));

    let none = read("x,y\nNA,1\n").unwrap();
    assert_eq!(
        Features::new().one_hot("x").fit(&none).unwrap_err().to_string(),
        "fit: file.csv: every value of column \"x\" is missing: there is nothing to learn from"
    );
    let nothing = Encoder { columns: vec![] };
    assert_eq!(nothing.encode::<f32>(&none).unwrap().dim(), (1, 0));
}

#[test]
fn standardization_is_that_of_the_training_data() {
    let train = array![[1.0_f32, 5.0, 1e6], [3.0, 5.0, 1e6 + 2.0]];
    let fitted = Standardize::fit(&train).unwrap();
    assert_eq!((fitted.mean(), fitted.deviation()), (&[2.0, 5.0, 1e6 + 1.0][..], &[1.0, 1.0, 1.0][..]));
    let data = Labelled::new(train, vec![0, 1], 2).unwrap();
    assert_eq!(fitted.apply_to(data).unwrap().inputs(), &array![[-1., 0., -1.], [1., 0., 1.]].into_dyn());

    let message = |error: Error| error.to_string();
    assert_eq!(
        message(fitted.apply(array![[1.0]]).unwrap_err()),
        "standardize: 1 features in a sample, fitted to 3: apply it to data of the same kind"
    );
    assert_eq!(
        message(Standardize::fit(&Array2::<f32>::zeros((0, 3))).unwrap_err()),
        "standardize: the data have no sample; at least 1 is needed"
    );
    assert_eq!(
        message(Standardize::fit(&array![[1.0, 2.0], [3.0, f64::INFINITY]]).unwrap_err()),
        "standardize: inf in sample 1, feature 1, counted from 0: finite numbers are needed"
    );
    assert_eq!(
        message(Standardize::from_parts(vec![0.], vec![]).unwrap_err()),
        "standardize: 1 means and 0 deviations: each feature needs one of both"
    );
    assert_eq!(
        message(Standardize::from_parts(vec![0., 1.], vec![1., 0.]).unwrap_err()),
        "standardize: feature 1 has mean 1 and deviation 0: means are finite, deviations finite and above 0"
    );
    let hollow = Standardize::fit(&Array2::<f32>::zeros((2, 0))).unwrap();
    assert_eq!(hollow.apply(Array2::<f32>::zeros((5, 0))).unwrap().dim(), (5, 0));
}

proptest! {
    #[test]
    fn numbers_come_back(rows in prop::collection::vec(prop::collection::vec(prop::num::f64::NORMAL | prop::num::f64::ZERO, 3), 1..20)) {
        let mut text = String::from("a,b,c\n");
        for row in &rows {
            text += &format!("{},{:e},{}\r\n", row[0], row[1], row[2] as i16);
        }
        let table = Csv::new().number("a").number("b").number("c").read_from(text.as_bytes(), "memory").unwrap();
        for (i, row) in rows.iter().enumerate() {
            prop_assert_eq!(table.numbers("a").unwrap()[i].to_bits(), row[0].to_bits());
            prop_assert_eq!(table.numbers("b").unwrap()[i].to_bits(), row[1].to_bits());
            prop_assert_eq!(table.numbers("c").unwrap()[i], f64::from(row[2] as i16));
        }
    }

    #[test]
    fn texts_come_back(rows in prop::collection::vec("[a-z ,\"\n]{1,6}", 1..20)) {
        let text: String = rows.iter().map(|row| format!("\"{}\"\n", row.replace('"', "\"\""))).collect();
        let table = Csv::new().without_header().missing(["none"]).text("1").read_from(text.as_bytes(), "memory").unwrap();
        let read: Vec<String> = table.texts("1").unwrap().map(|text| text.unwrap().into_owned()).collect();
        prop_assert_eq!(read, rows.iter().map(|row| row.trim_ascii().to_string()).collect::<Vec<_>>());
    }

    #[test]
    fn standardized_data_have_mean_0_and_variance_1(rows in prop::collection::vec(-1e3_f64..1e3, 2..40), shift in -1e3_f64..1e3) {
        let data = Array2::from_shape_fn((rows.len(), 2), |(i, j)| rows[i] * (j + 1) as f64 + shift);
        let fitted = Standardize::fit(&data).unwrap();
        let x = fitted.apply(data.clone()).unwrap();
        for column in x.columns() {
            let mean = column.sum() / rows.len() as f64;
            let variance = column.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / rows.len() as f64;
            prop_assert!(mean.abs() < 1e-8 && (variance - 1.0).abs() < 1e-8, "{mean} {variance}");
        }
        let back = fitted.invert(x).unwrap();
        prop_assert!(back.iter().zip(&data).all(|(a, b)| (a - b).abs() <= 1e-9));
        prop_assert_eq!(Standardize::from_parts(fitted.mean().to_vec(), fitted.deviation().to_vec()).unwrap(), fitted);
    }
}
