//! How long and which way each step was.

use crate::plot::{Axis, Pen, Plot, significant};
use std::fmt;

/// One parameter's step.
#[derive(Debug, Clone, PartialEq)]
pub struct StepRow {
    /// The parameter's updates before this one.
    pub step: u64,
    /// The parameter's name.
    pub parameter: String,
    /// `‖Δθ‖ / ‖θ‖`: about 10⁻³ is usual; far more forgets, far less learns nothing.
    pub ratio: f64,
    /// `‖Δθ‖ / ‖g‖`: the rate with which plain descent would have gone as far.
    pub effective_lr: f64,
    /// `−Δθ · g / (‖Δθ‖ ‖g‖)`: 1 if the step went straight against the gradient, 0 across, less than 0 uphill.
    pub cosine: f64,
}

/// A row for each update of each parameter, in order. Where a norm that divides is 0, the number is 0.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StepLog {
    rows: Vec<StepRow>,
}

impl StepLog {
    pub(super) fn push(&mut self, row: StepRow) {
        self.rows.push(row);
    }

    /// All rows.
    #[must_use]
    pub fn rows(&self) -> &[StepRow] {
        &self.rows
    }

    /// The last row of each parameter, in the order in which the parameters were first met.
    #[must_use]
    pub fn last(&self) -> Vec<&StepRow> {
        let mut last: Vec<&StepRow> = Vec::new();
        for row in &self.rows {
            match last.iter_mut().find(|known| known.parameter == row.parameter) {
                Some(known) => *known = row,
                None => last.push(row),
            }
        }
        last
    }

    /// The ratio of update to weight against the step, a curve for each parameter.
    #[must_use]
    #[inline] // compiled where it is used: CONTRIBUTING, "What few programs call"
    pub fn to_svg(&self) -> String {
        let x = Axis::linear("step", self.rows.iter().map(|row| row.step as f64));
        let y = Axis::logarithmic("‖Δθ‖ / ‖θ‖", self.rows.iter().map(|row| row.ratio));
        let mut plot = Plot::new("update / weight", x, y);
        for (i, last) in self.last().into_iter().enumerate() {
            let own = self.rows.iter().filter(|row| row.parameter == last.parameter);
            plot.curve(Some(&last.parameter), own.map(|row| [row.step as f64, row.ratio]), Pen::of(i));
        }
        plot.finish()
    }
}

/// The last row of each parameter.
impl fmt::Display for StepLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = ["parameter", "step", "update / weight", "effective lr", "cosine"].map(str::to_owned);
        let rows = self.last().into_iter().map(|row| {
            let numbers = [row.ratio, row.effective_lr, row.cosine].map(|x| significant(x, 3));
            let [ratio, lr, cosine] = numbers;
            [row.parameter.clone(), row.step.to_string(), ratio, lr, cosine]
        });
        crate::race::write_table(f, header, &rows.collect::<Vec<_>>())
    }
}
