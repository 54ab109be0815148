//! Tables: columns with names, of numbers or of text.

mod features;
mod number;
mod read;
mod standardize;

pub use features::{EncodedColumn, Encoder, Features, Fill};
pub use read::Csv;
pub(crate) use read::next_record;
pub use standardize::Standardize;

use crate::{Error, Result};
use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// The code of a missing text.
const MISSING: u32 = u32::MAX;

/// A table that a [`Csv`] file holds: named columns of equal length.
///
/// # Examples
/// ```
/// use gradus_data::Csv;
///
/// let text = "size,kind\n1.5,cat\n,dog\n2.5,cat\n";
/// let table = Csv::new().read_from(text.as_bytes(), "pets.csv")?;
/// assert_eq!((table.rows(), table.names().collect::<Vec<_>>()), (3, vec!["size", "kind"]));
///
/// let sizes = table.numbers("size")?;
/// assert!(sizes[0] == 1.5 && sizes[1].is_nan()); // a missing number is NaN
/// let (labels, classes) = table.labels("kind")?;
/// assert_eq!((labels, classes), (vec![0, 1, 0], vec!["cat".into(), "dog".into()]));
/// # Ok::<(), gradus_data::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    path: PathBuf,
    columns: Vec<Column>,
    /// The line of the file at which each row begins, for messages.
    lines: Vec<u64>,
}

/// A column of a [`Table`].
#[derive(Debug, Clone, PartialEq)]
struct Column {
    name: String,
    values: Values,
}

#[derive(Debug, Clone, PartialEq)]
enum Values {
    /// NaN where one is missing.
    Numbers(Vec<f64>),
    /// Each row's place in the list of texts, which are in the order of their first rows; [`MISSING`] where one is missing.
    /// A text that comes a thousand times is kept once.
    Text {
        codes: Vec<u32>,
        texts: Vec<String>,
        /// The row that made this a column of text, if it was not declared as one.
        because: Option<usize>,
    },
}

impl Table {
    /// The number of rows, the header not counted.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.lines.len()
    }

    /// The names of the columns, from left to right.
    #[must_use]
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// Whether a column holds numbers.
    ///
    /// # Errors
    /// [`Error::NoColumn`] if there is none of this name.
    pub fn is_numeric(&self, name: &str) -> Result<bool> {
        Ok(matches!(self.column(name)?.values, Values::Numbers(_)))
    }

    /// A column of numbers, NaN where one is missing.
    ///
    /// # Errors
    /// - [`Error::NoColumn`] if there is none of this name.
    /// - [`Error::NotNumbers`] if it holds text; the message names the first line where it does.
    pub fn numbers(&self, name: &str) -> Result<&[f64]> {
        match &self.column(name)?.values {
            Values::Numbers(numbers) => Ok(numbers),
            Values::Text { codes, texts, because } => {
                let row = because.or_else(|| codes.iter().position(|&code| code != MISSING));
                Err(Error::NotNumbers {
                    path: self.path.clone(),
                    name: name.into(),
                    line: row.map(|row| self.lines[row]),
                    found: row.and_then(|row| texts.get(codes[row] as usize)).cloned().unwrap_or_default(),
                })
            }
        }
    }

    /// A column as text, `None` where a value is missing. Numbers are written as Rust writes them.
    ///
    /// # Errors
    /// [`Error::NoColumn`] if there is none of this name.
    pub fn texts(&self, name: &str) -> Result<impl ExactSizeIterator<Item = Option<Cow<'_, str>>>> {
        let column = self.column(name)?;
        Ok((0..self.rows()).map(|row| column.values.text(row)))
    }

    /// The different values of a column, in ascending order: numbers by size, texts by their bytes.
    ///
    /// # Errors
    /// [`Error::NoColumn`] if there is none of this name.
    pub fn categories(&self, name: &str) -> Result<Vec<String>> {
        Ok(match &self.column(name)?.values {
            Values::Numbers(numbers) => {
                let mut numbers: Vec<f64> = numbers.iter().copied().filter(|x| !x.is_nan()).map(|x| x + 0.0).collect();
                numbers.sort_unstable_by(f64::total_cmp);
                numbers.dedup();
                numbers.iter().map(f64::to_string).collect()
            }
            Values::Text { texts, .. } => {
                let mut texts = texts.clone();
                texts.sort_unstable();
                texts
            }
        })
    }

    /// A column as classes: each row's class, and the classes in ascending order.
    ///
    /// # Errors
    /// - [`Error::NoColumn`] if there is none of this name.
    /// - [`Error::MissingValue`] if a row has none.
    pub fn labels(&self, name: &str) -> Result<(Vec<usize>, Vec<String>)> {
        let classes = self.categories(name)?;
        Ok((self.labels_as(name, &classes)?, classes))
    }

    /// A column as classes that are known already, from the training data.
    ///
    /// # Errors
    /// As [`labels`](Self::labels), and [`Error::UnknownCategory`] if a row's value is none of the classes.
    pub fn labels_as(&self, name: &str, classes: &[String]) -> Result<Vec<usize>> {
        let places = self.places(name, classes)?;
        places
            .into_iter()
            .enumerate()
            .map(|(row, place)| match place {
                Place::Of(place) => Ok(place),
                Place::Missing => Err(self.missing(name, row)),
                Place::Unknown => Err(self.unknown(name, row, classes)),
            })
            .collect()
    }

    fn column(&self, name: &str) -> Result<&Column> {
        self.columns.iter().find(|column| column.name == name).ok_or_else(|| Error::NoColumn {
            path: self.path.clone(),
            name: name.into(),
            known: self.names().map(String::from).collect(),
        })
    }

    /// Where in a list of categories each row's value stands.
    fn places(&self, name: &str, categories: &[String]) -> Result<Vec<Place>> {
        let place = |text: &str| match categories.iter().position(|category| category == text) {
            Some(place) => Place::Of(place),
            None => Place::Unknown,
        };
        Ok(match &self.column(name)?.values {
            // Each different text is looked for once.
            Values::Text { codes, texts, .. } => {
                let places: Vec<Place> = texts.iter().map(|text| place(text)).collect();
                codes.iter().map(|&code| places.get(code as usize).copied().unwrap_or(Place::Missing)).collect()
            }
            values @ Values::Numbers(_) => {
                (0..self.rows()).map(|row| values.text(row).map_or(Place::Missing, |text| place(&text))).collect()
            }
        })
    }

    fn missing(&self, name: &str, row: usize) -> Error {
        Error::MissingValue { path: self.path.clone(), line: self.lines[row], name: name.into() }
    }

    fn unknown(&self, name: &str, row: usize, known: &[String]) -> Error {
        let found = self.column(name).ok().and_then(|column| column.values.text(row)).unwrap_or_default().into_owned();
        Error::UnknownCategory {
            path: self.path.clone(),
            line: self.lines[row],
            name: name.into(),
            found,
            known: known.to_vec(),
        }
    }

    /// What errors call the file.
    fn path(&self) -> &Path {
        &self.path
    }
}

/// Where a value stands in a list of categories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Of(usize),
    Missing,
    Unknown,
}

impl Values {
    fn text(&self, row: usize) -> Option<Cow<'_, str>> {
        match self {
            // Adding 0 turns −0 into 0: they are one category.
            Self::Numbers(numbers) => {
                numbers.get(row).filter(|x| !x.is_nan()).map(|x| Cow::Owned((x + 0.0).to_string()))
            }
            Self::Text { codes, texts, .. } => {
                texts.get(*codes.get(row)? as usize).map(|text| Cow::Borrowed(text.as_str()))
            }
        }
    }
}
