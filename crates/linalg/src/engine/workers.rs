//! Threads: a large product is cut into cells of `C`, and each is a product of its own.
//!
//! A cell sums over the whole of its terms, so no thread adds to another's numbers, and how the cells are cut changes no
//! bit of the result.

use super::team::in_phases;
use std::ops::Range;

/// How `C` is cut.
#[derive(Debug)]
pub(super) struct Grid {
    m: usize,
    n: usize,
    /// Rows and columns of a cell.
    cell: (usize, usize),
    threads: usize,
}

/// Multiplications below which starting another thread costs more than it saves; Miri meets the threads on fewer.
#[cfg(feature = "rayon")]
const WORTH_THREADS: usize = if cfg!(miri) { 1 << 12 } else { 1 << 20 };
/// Multiplications in a cell, if there are to be several for each thread.
#[cfg(feature = "rayon")]
const CELL: usize = 1 << 24;

impl Grid {
    /// Cells for the threads of the current rayon pool, or the whole product as one; `unit` is the size of a tile.
    pub(super) fn new(m: usize, n: usize, k: usize, unit: (usize, usize)) -> Self {
        #[cfg(feature = "rayon")]
        {
            // Of a matrix times a vector each number is used once: to fetch them takes as long as several multiplications.
            const FETCHED: usize = 8;
            let work = m * n * k * if m.min(n) == 1 { FETCHED } else { 1 };
            let threads = Self::threads(work);
            if threads > 1 {
                // Several cells for each thread, so that one held up elsewhere does not keep the others waiting.
                let each = (work / threads / CELL).next_power_of_two().clamp(1, 4);
                return Self { m, n, cell: cut(m, n, threads * each, unit), threads };
            }
        }
        let _ = (k, unit);
        Self { m, n, cell: (m, n), threads: 1 }
    }

    /// How many threads share so many multiplications.
    pub(super) fn threads(work: usize) -> usize {
        #[cfg(feature = "rayon")]
        if work >= WORTH_THREADS {
            return rayon::current_num_threads();
        }
        let _ = work;
        1
    }

    /// How many cells there are.
    pub(super) fn cells(&self) -> usize {
        self.m.div_ceil(self.cell.0) * self.n.div_ceil(self.cell.1)
    }

    /// The rows and columns of a cell.
    pub(super) fn cell(&self, number: usize) -> (Range<usize>, Range<usize>) {
        let Self { m, n, cell: (rows, columns), .. } = *self;
        let across = n.div_ceil(columns);
        let (i, j) = (number / across * rows, number % across * columns);
        (i..m.min(i + rows), j..n.min(j + columns))
    }

    /// Calls `f` with the rows and columns of each cell.
    pub(super) fn for_each(&self, f: impl Fn(Range<usize>, Range<usize>) + Sync + Send) {
        in_phases(self.threads, [self.cells()].into_iter(), |_, number| {
            let (rows, columns) = self.cell(number);
            f(rows, columns);
        });
    }
}

/// The size of about `cells` equal cells that costs least: the largest cell keeps its thread busy longest, and the
/// more bands and strips there are, the more often the operands are packed.
#[cfg(feature = "rayon")]
fn cut(m: usize, n: usize, cells: usize, (mr, nr): (usize, usize)) -> (usize, usize) {
    /// Multiplications that take as long as packing one number.
    const PACKING: usize = 6;
    let cell = |bands: usize| {
        let strips = cells / bands;
        (m.div_ceil(bands).next_multiple_of(mr), n.div_ceil(strips).next_multiple_of(nr))
    };
    (1..=cells)
        .filter(|bands| cells.is_multiple_of(*bands))
        .map(cell)
        .min_by_key(|&(rows, columns)| rows * columns + PACKING * (rows + columns))
        .unwrap_or((m, n))
}
