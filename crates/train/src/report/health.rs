//! The gradients of a run as a table of layers by epochs.

use crate::{GradientRecord, History};

/// No more columns can be told apart.
const COLUMNS: usize = 60;

/// Layers (rows) by epochs (columns).
#[derive(Debug, Default)]
pub(super) struct Grid {
    pub(super) layers: Vec<String>,
    /// The first and the last epoch of each column.
    pub(super) epochs: Vec<(usize, usize)>,
    /// `cells[layer][column]`; `None` where nothing was looked at.
    pub(super) cells: Vec<Vec<Option<Cell>>>,
}

/// All that was seen of a layer in the epochs of a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cell {
    /// `‖g‖`, the root of the mean square over the steps.
    pub(super) norm: f64,
    /// `‖g‖ / ‖w‖`.
    pub(super) ratio: f64,
    /// The share of the gradient's numbers that are 0.
    pub(super) zeros: f64,
    /// Whether a number was NaN or infinite.
    pub(super) not_finite: bool,
}

/// Sums over the parameters and the steps of a cell.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    last_step: u64,
    steps: f64,
    squares: f64,
    weight_squares: f64,
    zeros: f64,
    numbers: f64,
    not_finite: bool,
}

impl Grid {
    pub(super) fn of(history: &History) -> Self {
        let mut layers: Vec<String> = Vec::new();
        let mut epochs: Vec<usize> = Vec::new();
        for record in &history.gradients {
            if !layers.iter().any(|layer| layer == record.layer()) {
                layers.push(record.layer().to_owned());
            }
            if epochs.last() != Some(&record.epoch) {
                epochs.push(record.epoch);
            }
        }
        epochs.sort_unstable();
        epochs.dedup();
        let width = epochs.len().div_ceil(COLUMNS).max(1);
        let columns: Vec<(usize, usize)> =
            epochs.chunks(width).map(|chunk| (chunk[0], chunk[chunk.len() - 1])).collect();
        let mut sums = vec![vec![Sums::default(); columns.len()]; layers.len()];
        for record in &history.gradients {
            let layer = layers.iter().position(|layer| layer == record.layer());
            let column = columns.partition_point(|&(_, last)| last < record.epoch);
            if let Some(layer) = layer {
                sums[layer][column].add(record);
            }
        }
        let cells = sums.into_iter().map(|row| row.into_iter().map(Sums::cell).collect()).collect();
        Self { layers, epochs: columns, cells }
    }
}

impl Sums {
    fn add(&mut self, record: &GradientRecord) {
        if self.last_step != record.step {
            self.last_step = record.step;
            self.steps += 1.0;
        }
        self.squares += record.norm * record.norm;
        self.weight_squares += record.weight_norm * record.weight_norm;
        self.zeros += record.zeros * record.numbers as f64;
        self.numbers += record.numbers as f64;
        self.not_finite |= record.not_finite > 0.0 || !record.norm.is_finite();
    }

    fn cell(self) -> Option<Cell> {
        let mean = |squares: f64| (squares / self.steps).sqrt();
        (self.steps > 0.0).then(|| Cell {
            norm: mean(self.squares),
            ratio: mean(self.squares) / mean(self.weight_squares),
            zeros: if self.numbers > 0.0 { self.zeros / self.numbers } else { 0.0 },
            not_finite: self.not_finite,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradus_nn_layers::Verdict;

    fn record(epoch: usize, step: u64, parameter: &str, norm: f64) -> GradientRecord {
        GradientRecord {
            epoch,
            step,
            parameter: parameter.to_owned(),
            numbers: 4,
            norm,
            weight_norm: 1.0,
            zeros: 0.25,
            not_finite: 0.0,
            verdict: Verdict::Healthy,
        }
    }

    #[test]
    fn parameters_become_layers_and_steps_a_mean() {
        let gradients = vec![
            record(1, 1, "a.weight", 3.0),
            record(1, 1, "a.bias", 4.0),
            record(1, 2, "a.weight", 0.0),
            record(1, 2, "a.bias", 0.0),
            record(3, 5, "a.weight", f64::NAN),
            record(3, 5, "b", 2.0),
        ];
        let grid = Grid::of(&History { gradients, ..History::default() });
        assert_eq!((grid.layers, grid.epochs), (vec!["a".to_owned(), "b".to_owned()], vec![(1, 1), (3, 3)]));
        let cell = grid.cells[0][0].unwrap();
        assert!((cell.norm - 12.5_f64.sqrt()).abs() < 1e-12, "{cell:?}"); // (25 + 0) / 2
        assert!((cell.ratio - 12.5_f64.sqrt() / 2_f64.sqrt()).abs() < 1e-12 && cell.zeros == 0.25, "{cell:?}");
        assert!(grid.cells[0][1].unwrap().not_finite && grid.cells[1][0].is_none());
        assert_eq!(grid.cells[1][1].unwrap().norm, 2.0);
    }

    #[test]
    fn many_epochs_share_columns() {
        let gradients = (1..=1000).map(|epoch| record(epoch, epoch as u64, "w", 2.0)).collect();
        let grid = Grid::of(&History { gradients, ..History::default() });
        assert!(grid.epochs.len() <= COLUMNS && grid.epochs[0] == (1, 17) && grid.epochs.last().unwrap().1 == 1000);
        assert!(grid.cells[0].iter().all(|cell| cell.unwrap().norm == 2.0));
        assert!(Grid::of(&History::default()).layers.is_empty());
    }
}
