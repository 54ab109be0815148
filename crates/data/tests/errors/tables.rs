//! Tables, and the encoders that are fitted to them.

use gradus_data::{Csv, Error, Features, Fill, Result, Table};
use gradus_testing::refuses;

fn read(text: &str) -> Result<Table> {
    Csv::new().number("x").read_from(text.as_bytes(), "data.csv")
}

#[test]
fn files() {
    refuses!(read(""), Error::EmptyTable { .. }, @"read csv: data.csv: the file has no line; a header or a row should stand there");
    refuses!(read("x,y\n1,2\n3\n"), Error::Fields { .. }, @"read csv: data.csv, line 3: 1 fields; there should be 2");
    refuses!(read("x,y\n1,2\n3O,4\n"), Error::Field { .. }, @"read csv: data.csv, line 3, column 1: \"3O\": a number should stand here");
    refuses!(Csv::new().read_from(&b"a\nM\xfcller\n"[..], "data.csv"), Error::Field { .. }, @"read csv: data.csv, line 2, column 1: \"M�ller\": text in UTF-8 should stand here");
    refuses!(read("x,y,x\n"), Error::DuplicateColumn { .. }, @"read csv: data.csv: columns 1 and 3 are both named \"x\": each column needs a name of its own");
    refuses!(read(&",".repeat(1 << 16)), Error::Columns { .. }, @"read csv: data.csv: 65537 columns; at most 65536 are read; is the delimiter right?");
    refuses!(read("y,z\n1,2\n"), Error::NoColumn { .. }, @"table: data.csv: no column \"x\"; there are \"y\", \"z\"");
}

#[test]
fn columns() {
    let table = read("x,kind,none\n1,cat,\n,dog,\n").unwrap();
    refuses!(table.numbers("kind"), Error::NotNumbers { .. }, @"table: data.csv: column \"kind\" holds text, first \"cat\" in line 2; numbers are needed");
    refuses!(table.labels("x"), Error::MissingValue { .. }, @"encode: data.csv, line 3, column x: the value is missing; leave the row out, or say what stands for it");
    refuses!(table.labels_as("kind", &["cat".into(), "cow".into()]), Error::UnknownCategory { .. }, @"encode: data.csv, line 3, column kind: \"dog\" is no known category; known are \"cat\", \"cow\"");
    refuses!(Features::new().number_or("none", Fill::Mean).fit(&table), Error::NothingToLearn { .. }, @"fit: data.csv: every value of column \"none\" is missing: there is nothing to learn from");
    refuses!(Features::new().one_hot("colour").fit(&table), Error::NoColumn { .. }, @"table: data.csv: no column \"colour\"; there are \"x\", \"kind\", \"none\"");
}
