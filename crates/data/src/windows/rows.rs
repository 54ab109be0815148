//! The rows of a CSV file that stays on disk.

use crate::table::Csv;
use crate::{Dataset, Error, Result};
use csv::{ByteRecord, Position, Reader};
use gradus_linalg::ndarray::{Array1, ArrayD};
use std::fmt;
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// The most places of the file that are remembered.
const MOST_MARKS: usize = 4096;

/// The rows of a CSV file that stays on disk: made by [`Csv::rows`].
///
/// A sample is the numbers `(columns,)` of a row, NaN where one is missing; columns that were declared as text are left out. The file is read
/// once when it is opened, to count the rows and to remember where every `k`-th of them begins: at most 4,096 places, 100 kB, so that `k`
/// grows with the file. Rows one after the other are read on from where the last one ended; any other is looked up from the place before
/// it. Besides the places, memory is that of the reader's buffer (64 KiB) and of the longest row.
pub struct CsvRows {
    path: PathBuf,
    csv: Csv,
    names: Vec<String>,
    /// Which columns are numbers.
    numbers: Vec<bool>,
    marks: Marks,
    state: Mutex<State>,
}

struct State {
    reader: Reader<File>,
    record: ByteRecord,
    /// The row that comes next.
    next: usize,
}

/// Where every `step`-th row begins.
struct Marks {
    places: Vec<Position>,
    step: usize,
    rows: usize,
}

impl Marks {
    fn push(&mut self, place: Position) {
        if self.rows.is_multiple_of(self.step) {
            if self.places.len() == MOST_MARKS {
                let mut row = 0;
                self.places.retain(|_| {
                    row += 1;
                    row % 2 == 1
                });
                self.step *= 2;
            }
            self.places.push(place);
        }
        self.rows += 1;
    }
}

impl CsvRows {
    pub(crate) fn open(csv: &Csv, path: PathBuf) -> Result<Self> {
        let file = File::open(&path).map_err(|source| Error::Io { operation: "read", path: path.clone(), source })?;
        let mut reader = csv.builder().buffer_capacity(1 << 16).from_reader(file);
        let mut record = ByteRecord::new();
        if !crate::table::next_record(&mut reader, &mut record, &path)? {
            return Err(Error::EmptyTable { path });
        }
        let names = csv.names_of(&record, &path)?;
        let numbers = csv.numeric(&names, &path)?;
        let mut marks = Marks { places: Vec::new(), step: 1, rows: 0 };
        let mut more =
            if csv.has_header() { crate::table::next_record(&mut reader, &mut record, &path)? } else { true };
        while more {
            csv.check_width(&record, names.len(), &path)?;
            marks.push(record.position().expect("a record that was read has a place").clone());
            more = crate::table::next_record(&mut reader, &mut record, &path)?;
        }
        let state = Mutex::new(State { reader, record, next: usize::MAX });
        Ok(Self { path, csv: csv.clone(), names, numbers, marks, state })
    }

    /// The names of the columns that a sample has.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().zip(&self.numbers).filter(|(_, number)| **number).map(|(name, _)| name.as_str())
    }
}

impl Dataset for CsvRows {
    type Sample = ArrayD<f64>;

    fn len(&self) -> usize {
        self.marks.rows
    }

    fn get(&self, index: usize) -> Result<ArrayD<f64>> {
        Error::check_sample(index, self.len())?;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { reader, record, next } = &mut *state;
        let mark = index / self.marks.step;
        // Reading on is shorter unless the row lies behind, or beyond the next place.
        let mut row = *next;
        *next = usize::MAX; // where an error leaves the reader is not known
        if row > index || row < mark * self.marks.step {
            let place = self.marks.places[mark].clone();
            reader.seek(place).map_err(|error| Error::Io {
                operation: "read csv",
                path: self.path.clone(),
                source: error.into(),
            })?;
            row = mark * self.marks.step;
        }
        for row in row..=index {
            if !crate::table::next_record(reader, record, &self.path)? {
                return Err(Error::Sample { index: row, len: row }); // the file was cut short meanwhile
            }
        }
        let numbers = self.csv.row(record, &self.numbers, &self.path)?;
        *next = index + 1;
        Ok(Array1::from(numbers).into_dyn())
    }
}

impl fmt::Debug for CsvRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsvRows")
            .field("path", &self.path)
            .field("rows", &self.marks.rows)
            .field("columns", &self.names)
            .finish_non_exhaustive()
    }
}
