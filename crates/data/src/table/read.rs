//! Reading CSV.

use super::{Column, MISSING, Table, Values, number};
use crate::windows::CsvRows;
use crate::{Error, Result};
use csv::ByteRecord;
use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

/// The most columns that are read. Each takes about a hundred bytes before its first value, and a file that is nothing but
/// commas would otherwise take a hundred times its size.
const MOST_COLUMNS: usize = 1 << 16;

/// What a column is said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Text,
}

/// How a CSV file is to be read: delimiter, header, which texts stand for a missing value, and the type of each column.
///
/// A column is one of numbers if all its fields are finite numbers or missing, else of text. Where that is not to be guessed,
/// declare it: [`number`](Self::number) turns a mistyped number into an error with its line and column, and
/// [`text`](Self::text) keeps the zeros in front of a postal code. Fields are trimmed; quotes are those of RFC 4180; a file
/// must be UTF-8 where it holds text.
///
/// | option | default |
/// | --- | --- |
/// | `delimiter` | `,` |
/// | header | the first line |
/// | `missing` | the empty field, `NA`, `N/A`, `NaN`, `nan`, `null` |
///
/// Memory is bounded by the file's size: a number takes 8 bytes (up to 16 while its column grows), and a field at least one byte of file.
///
/// # Examples
/// ```
/// use gradus_data::Csv;
///
/// let text = "1;2\n3;four\n";
/// let csv = Csv::new().delimiter(b';').without_header().number("1").number("2");
/// assert_eq!(
///     csv.read_from(text.as_bytes(), "n.csv").unwrap_err().to_string(),
///     "read csv: n.csv, line 2, column 2: \"four\": a number should stand here"
/// );
/// ```
///
/// # References
/// Y. Shafranovich, *Common Format and MIME Type for Comma-Separated Values (CSV) Files*, RFC 4180, 2005, <https://www.rfc-editor.org/rfc/rfc4180>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Csv {
    delimiter: u8,
    header: bool,
    missing: Vec<String>,
    kinds: Vec<(String, Kind)>,
}

impl Default for Csv {
    fn default() -> Self {
        Self::new()
    }
}

impl Csv {
    /// The defaults of the table above.
    #[must_use]
    pub fn new() -> Self {
        let missing = ["", "NA", "N/A", "NaN", "nan", "null"].map(String::from).to_vec();
        Self { delimiter: b',', header: true, missing, kinds: Vec::new() }
    }

    /// The byte between two fields, such as `b';'` or `b'\t'`.
    #[must_use]
    pub fn delimiter(mut self, delimiter: u8) -> Self {
        self.delimiter = delimiter;
        self
    }

    /// The first line is a row, too. Columns are then named by their places: `"1"`, `"2"` and so on.
    #[must_use]
    pub fn without_header(mut self) -> Self {
        self.header = false;
        self
    }

    /// The texts that stand for a missing value, in place of the default ones.
    #[must_use]
    pub fn missing<S: Into<String>>(mut self, texts: impl IntoIterator<Item = S>) -> Self {
        self.missing = texts.into_iter().map(Into::into).collect();
        self
    }

    /// Declares that a column holds numbers: any other field that is not missing is an error.
    #[must_use]
    pub fn number(mut self, name: impl Into<String>) -> Self {
        self.kinds.push((name.into(), Kind::Number));
        self
    }

    /// Declares that a column holds text, whatever it looks like.
    #[must_use]
    pub fn text(mut self, name: impl Into<String>) -> Self {
        self.kinds.push((name.into(), Kind::Text));
        self
    }

    /// Reads a file.
    ///
    /// # Errors
    /// - [`Error::Io`] if the file cannot be opened or read.
    /// - [`Error::EmptyTable`] if it has no line.
    /// - [`Error::DuplicateColumn`], [`Error::Columns`] if two columns have one name, or if there are too many.
    /// - [`Error::NoColumn`] if a declared column is not there.
    /// - [`Error::Fields`] if a row is longer or shorter than the first line.
    /// - [`Error::Field`] if a field of a declared column is no number, or text is not UTF-8.
    pub fn read(&self, path: impl AsRef<Path>) -> Result<Table> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|source| Error::Io { operation: "read", path: path.into(), source })?;
        self.parse(&bytes, path)
    }

    /// Reads CSV from anywhere to its end; `name` is what errors call it.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_from(&self, mut reader: impl Read, name: impl AsRef<Path>) -> Result<Table> {
        let path = name.as_ref();
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).map_err(|source| Error::Io { operation: "read", path: path.into(), source })?;
        self.parse(&bytes, path)
    }

    fn parse(&self, bytes: &[u8], path: &Path) -> Result<Table> {
        let names = self.names(bytes, path)?;
        self.check_declared(&names, path)?;
        let mut builders: Vec<Builder> = names.iter().map(|name| Builder::new(self.kind(name))).collect();
        let lines = self.pass(bytes, path, &mut builders)?;
        // A column that turned out to be text after it began with numbers is read again, now as text.
        let mut again: Vec<Builder> = builders.iter().map(Builder::again).collect();
        if again.iter().any(|builder| !matches!(builder, Builder::Done)) {
            self.pass(bytes, path, &mut again)?;
        }
        let columns = names.into_iter().zip(builders.into_iter().zip(again)).map(|(name, (first, again))| {
            let values = again.values().or_else(|| first.values()).expect("a column that failed is read again as text");
            Column { name, values }
        });
        Ok(Table { path: path.into(), columns: columns.collect(), lines })
    }

    /// The rows of a file that stays on disk, as a [`Dataset`](crate::Dataset) of numbers; columns declared as [`text`](Self::text) are left
    /// out.
    ///
    /// ```
    /// use gradus_data::{Csv, Dataset};
    ///
    /// # let path = std::env::temp_dir().join(format!("gradus-data-rows-{}.csv", std::process::id()));
    /// # std::fs::write(&path, "x,y,note\n1,2.5,a\n3,NA,b\n").unwrap();
    /// let rows = Csv::new().text("note").rows(&path)?;
    /// assert_eq!((rows.len(), rows.names().collect::<Vec<_>>()), (2, vec!["x", "y"]));
    /// assert!(rows.get(1)?[[0]] == 3.0 && rows.get(1)?[[1]].is_nan());
    /// # std::fs::remove_file(&path).unwrap();
    /// # Ok::<(), gradus_data::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`read`](Self::read), but that a field that is no number is found when its row is asked for.
    pub fn rows(&self, path: impl AsRef<Path>) -> Result<CsvRows> {
        CsvRows::open(self, path.as_ref().into())
    }

    pub(crate) fn builder(&self) -> csv::ReaderBuilder {
        let mut builder = csv::ReaderBuilder::new();
        builder.delimiter(self.delimiter).has_headers(false).flexible(true);
        builder
    }

    pub(crate) fn has_header(&self) -> bool {
        self.header
    }

    /// Which columns are to be numbers: all that were not declared as text.
    pub(crate) fn numeric(&self, names: &[String], path: &Path) -> Result<Vec<bool>> {
        self.check_declared(names, path)?;
        Ok(names.iter().map(|name| self.kind(name) != Some(Kind::Text)).collect())
    }

    fn check_declared(&self, names: &[String], path: &Path) -> Result<()> {
        match self.kinds.iter().find(|(name, _)| !names.contains(name)) {
            Some((name, _)) => Err(Error::NoColumn { path: path.into(), name: name.clone(), known: names.to_vec() }),
            None => Ok(()),
        }
    }

    /// The last word on a column counts.
    fn kind(&self, name: &str) -> Option<Kind> {
        self.kinds.iter().rev().find(|(of, _)| of == name).map(|&(_, kind)| kind)
    }

    /// The numbers of a row, NaN where one is missing.
    pub(crate) fn row(&self, record: &ByteRecord, numbers: &[bool], path: &Path) -> Result<Vec<f64>> {
        self.check_width(record, numbers.len(), path)?;
        let missing = self.missing_texts();
        let number = |(place, field)| {
            missing.number(field).ok_or_else(|| field_error(path, line_of(record), place, field, NUMBER))
        };
        record.iter().enumerate().filter(|&(place, _)| numbers[place]).map(number).collect()
    }

    pub(crate) fn check_width(&self, record: &ByteRecord, expected: usize, path: &Path) -> Result<()> {
        if record.len() == expected {
            return Ok(());
        }
        Err(Error::Fields { path: path.into(), line: line_of(record) as usize, found: record.len(), expected })
    }

    fn missing_texts(&self) -> Missing<'_> {
        let has_numbers = self.missing.iter().any(|text| number::parse(text.as_bytes()).is_some());
        Missing { all: &self.missing, has_numbers }
    }

    fn names(&self, bytes: &[u8], path: &Path) -> Result<Vec<String>> {
        let mut first = ByteRecord::new();
        if !next_record(&mut self.builder().from_reader(bytes), &mut first, path)? {
            return Err(Error::EmptyTable { path: path.into() });
        }
        self.names_of(&first, path)
    }

    /// The columns' names, by the first line of a file.
    pub(crate) fn names_of(&self, first: &ByteRecord, path: &Path) -> Result<Vec<String>> {
        if first.len() > MOST_COLUMNS {
            return Err(Error::Columns { path: path.into(), found: first.len(), limit: MOST_COLUMNS });
        }
        if !self.header {
            return Ok((1..=first.len()).map(|place| place.to_string()).collect());
        }
        let mut seen = HashMap::new();
        let mut names = Vec::with_capacity(first.len());
        for (place, name) in first.iter().enumerate() {
            let name = utf8(name, path, line_of(first), place)?;
            if let Some(before) = seen.insert(name, place) {
                return Err(Error::DuplicateColumn {
                    path: path.into(),
                    name: name.into(),
                    columns: [before + 1, place + 1],
                });
            }
            names.push(name.into());
        }
        Ok(names)
    }

    /// Reads all rows into the columns that still want them; the line of each row.
    fn pass(&self, bytes: &[u8], path: &Path, builders: &mut [Builder]) -> Result<Vec<u64>> {
        let mut reader = self.builder().from_reader(bytes);
        let mut record = ByteRecord::new();
        let mut lines = Vec::new();
        let missing = self.missing_texts();
        if self.header {
            next_record(&mut reader, &mut record, path)?;
        }
        while next_record(&mut reader, &mut record, path)? {
            let line = line_of(&record);
            self.check_width(&record, builders.len(), path)?;
            for (place, (field, builder)) in record.iter().zip(&mut *builders).enumerate() {
                builder
                    .push(field, lines.len(), &missing)
                    .map_err(|expected| field_error(path, line, place, field, expected))?;
            }
            lines.push(line);
        }
        Ok(lines)
    }
}

/// The next record, if there is one.
pub(crate) fn next_record<R: Read>(reader: &mut csv::Reader<R>, record: &mut ByteRecord, path: &Path) -> Result<bool> {
    reader.read_byte_record(record).map_err(|error| Error::Io {
        operation: "read csv",
        path: path.into(),
        source: error.into(),
    })
}

fn line_of(record: &ByteRecord) -> u64 {
    record.position().map_or(1, csv::Position::line)
}

fn utf8<'a>(field: &'a [u8], path: &Path, line: u64, place: usize) -> Result<&'a str> {
    std::str::from_utf8(field.trim_ascii()).map_err(|_| field_error(path, line, place, field, UTF8))
}

fn field_error(path: &Path, line: u64, place: usize, found: &[u8], expected: &'static str) -> Error {
    Error::Field {
        path: path.into(),
        line: line as usize,
        column: place + 1,
        found: String::from_utf8_lossy(found).into_owned(),
        expected,
    }
}

const UTF8: &str = "text in UTF-8";
const NUMBER: &str = "a number";

/// The texts that stand for a missing value.
struct Missing<'a> {
    all: &'a [String],
    /// Whether some of them look like numbers, such as −999: only then is a number compared with them.
    has_numbers: bool,
}

impl Missing<'_> {
    fn is(&self, field: &[u8]) -> bool {
        self.all.iter().any(|text| text.as_bytes() == field.trim_ascii())
    }

    /// The number that a field is, NaN if it stands for a missing one.
    fn number(&self, field: &[u8]) -> Option<f64> {
        match number::parse(field) {
            Some(_) if self.has_numbers && self.is(field) => Some(f64::NAN),
            None if self.is(field) => Some(f64::NAN),
            number => number,
        }
    }
}

/// A column while it is read.
enum Builder {
    Numbers {
        numbers: Vec<f64>,
        declared: bool,
    },
    Text {
        codes: Vec<u32>,
        places: HashMap<String, u32>,
        because: Option<usize>,
    },
    /// The row that is no number.
    Failed(usize),
    /// Nothing to do in this pass.
    Done,
}

impl Builder {
    fn new(kind: Option<Kind>) -> Self {
        match kind {
            Some(Kind::Text) => Self::text(None),
            kind => Self::Numbers { numbers: Vec::new(), declared: kind.is_some() },
        }
    }

    fn text(because: Option<usize>) -> Self {
        Self::Text { codes: Vec::new(), places: HashMap::new(), because }
    }

    fn again(&self) -> Self {
        match self {
            Self::Failed(row) => Self::text(Some(*row)),
            _ => Self::Done,
        }
    }

    /// Takes a field, or says what should stand there.
    fn push(&mut self, field: &[u8], row: usize, missing: &Missing<'_>) -> Result<(), &'static str> {
        match self {
            Self::Numbers { numbers, declared } => match missing.number(field) {
                Some(x) => numbers.push(x),
                None if *declared => return Err(NUMBER),
                None if numbers.is_empty() => {
                    *self = Self::text(Some(row));
                    return self.push(field, row, missing);
                }
                None => *self = Self::Failed(row),
            },
            Self::Text { codes, places, .. } => {
                if missing.is(field) {
                    codes.push(MISSING);
                    return Ok(());
                }
                let text = std::str::from_utf8(field.trim_ascii()).map_err(|_| UTF8)?;
                let code = match places.get(text) {
                    Some(&code) => code,
                    None => {
                        let code = u32::try_from(places.len()).ok().filter(|&code| code != MISSING);
                        let code = code.ok_or("one of at most 4294967295 different texts")?;
                        places.insert(text.into(), code);
                        code
                    }
                };
                codes.push(code);
            }
            Self::Failed(_) | Self::Done => {}
        }
        Ok(())
    }

    fn values(self) -> Option<Values> {
        match self {
            Self::Numbers { numbers, .. } => Some(Values::Numbers(numbers)),
            Self::Text { codes, places, because } => {
                let mut texts = vec![String::new(); places.len()];
                places.into_iter().for_each(|(text, code)| texts[code as usize] = text);
                Some(Values::Text { codes, texts, because })
            }
            Self::Failed(_) | Self::Done => None,
        }
    }
}
