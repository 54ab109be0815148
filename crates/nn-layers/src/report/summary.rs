//! A model's layers in a table.

use super::{Description, table};
use crate::{Layer, Result};
use gradus_autograd::Real;
use std::fmt;

/// The layers of a model with what they make of a shape: see [`summary`].
///
/// `Display` prints an aligned table.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// The shape of the input.
    pub input: Vec<usize>,
    /// One for each layer, in the order in which they run; those that consist of others are not among them.
    pub rows: Vec<SummaryRow>,
    /// The model as a whole, parameters included that no row has.
    pub total: Description,
}

/// One layer of a [`Summary`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SummaryRow {
    /// The names on the way to the layer, joined by dots; empty for the model itself and for operations that belong
    /// to none of its layers.
    pub path: String,
    /// The layer.
    pub description: Description,
}

/// A table of a model's layers with the shapes of their outputs, parameters, multiply–adds and bytes of activations.
///
/// Nothing is computed where layers [describe themselves](Layer::describe), which those of this crate do: the answer
/// is exact and at once, for a batch of any size. Other layers are run on zeros, one or two samples large; their
/// rows, one for each operation, bear an asterisk.
///
/// # Shapes
/// - `input`: as `forward` takes it, the batch included, `(N, …)`
///
/// # Errors
/// [`Error::InLayer`](crate::Error::InLayer) names the layer that a shape does not fit, and what would; whatever a
/// layer's forward pass returns.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Flatten, Linear, Relu, Sequential, sequential, summary};
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let mut rng = StdRng::seed_from_u64(7);
/// let model: Sequential =
///     sequential![Flatten, "hidden" => Linear::new(784, 128, &mut rng), Relu, "out" => Linear::new(128, 10, &mut rng)];
/// let summary = summary(&model, &[32, 28, 28])?;
/// println!("{summary}");
/// assert_eq!(summary.total.output, [32, 10]);
/// assert_eq!(summary.total.parameters, 101_770);
/// assert_eq!(summary.total.multiply_adds, Some(32 * (784 * 128 + 128 * 10)));
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
/// It prints
/// ```text
/// layer                 output  parameters  multiply–adds  activation bytes
/// input           [32, 28, 28]
/// 0: Flatten         [32, 784]           0              0                 0
/// hidden: Linear     [32, 128]     100,480      3,211,264            16,384
/// 2: Relu            [32, 128]           0              0            16,384
/// out: Linear         [32, 10]       1,290         40,960             1,280
/// total               [32, 10]     101,770      3,252,224            34,048
/// ```
pub fn summary<F: Real>(model: &(impl Layer<F> + ?Sized), input: &[usize]) -> Result<Summary> {
    let total = model.describe(input)?;
    let mut rows = Vec::new();
    flatten("", &total, &mut rows);
    Ok(Summary { input: input.to_vec(), rows, total })
}

fn flatten(path: &str, description: &Description, rows: &mut Vec<SummaryRow>) {
    if description.parts.is_empty() {
        rows.push(SummaryRow { path: path.to_owned(), description: description.clone() });
    }
    for (name, part) in &description.parts {
        let dot = if path.is_empty() || name.is_empty() { "" } else { "." };
        flatten(&format!("{path}{dot}{name}"), part, rows);
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |name: String, d: &Description| {
            [
                format!("{name}{}", if d.dry_run { " *" } else { "" }),
                format!("{:?}", d.output),
                table::count(d.parameters),
                table::or_dash(d.multiply_adds, table::count),
                table::count(d.activation_bytes),
            ]
        };
        let mut lines = vec![["layer", "output", "parameters", "multiply–adds", "activation bytes"].map(str::to_owned)];
        lines.push(["input".to_owned(), format!("{:?}", self.input), String::new(), String::new(), String::new()]);
        for SummaryRow { path, description } in &self.rows {
            let colon = if path.is_empty() { "" } else { ": " };
            lines.push(row(format!("{path}{colon}{}", description.kind), description));
        }
        lines.push(row("total".to_owned(), &self.total));
        table::write(f, &lines)?;
        let frozen = self.total.parameters - self.total.trainable.min(self.total.parameters);
        if frozen > 0 {
            writeln!(f, "{} parameters are frozen", table::count(frozen))?;
        }
        if self.total.dry_run {
            writeln!(f, "* found by a dry run on zeros")?;
        }
        Ok(())
    }
}
