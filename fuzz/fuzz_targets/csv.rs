//! CSV: columns of one length and an encoder that fits them, or an error.
//!
//! The first byte of the input chooses the options.
#![no_main]

use gradus_data::{Csv, Features, Fill};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((&options, bytes)) = input.split_first() else { return };
    let mut csv = Csv::new().delimiter([b',', b';', b'\t', b'"'][usize::from(options & 3)]);
    if options & 4 != 0 {
        csv = csv.without_header();
    }
    if options & 8 != 0 {
        csv = csv.missing(["-999", "?"]);
    }
    if options & 16 != 0 {
        csv = csv.number("b");
    }
    if options & 32 != 0 {
        csv = csv.text("a");
    }
    let Ok(table) = csv.read_from(bytes, "fuzzed") else { return };
    let names: Vec<String> = table.names().map(String::from).collect();
    assert!(table.rows() * names.len() <= bytes.len() + 1);
    for name in &names {
        let missing = table.texts(name).unwrap().filter(Option::is_none).count();
        let categories = table.categories(name).unwrap();
        assert!(missing + categories.len() <= table.rows());
        assert_eq!(table.labels(name).is_ok(), missing == 0);
        match table.numbers(name) {
            Ok(numbers) => assert_eq!(numbers.iter().filter(|x| x.is_nan()).count(), missing),
            Err(error) => assert!(!table.is_numeric(name).unwrap() && !error.to_string().is_empty()),
        }
    }
    let Some(name) = names.first() else { return };
    let features = if table.is_numeric(name).unwrap() {
        Features::new().number_or(name, Fill::Median)
    } else {
        Features::new().one_hot(name).unknown_as_zeros()
    };
    if let Ok(encoder) = features.fit(&table) {
        assert_eq!(encoder.encode::<f32>(&table).unwrap().dim(), (table.rows(), encoder.width()));
    }
});
