//! How a perceptron's learning ended.

use std::fmt;

/// What [`Perceptron::fit`](crate::Perceptron::fit) did.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PerceptronFit {
    /// The mistakes in each pass over the samples.
    pub mistakes_by_pass: Vec<usize>,
    /// How it ended.
    pub convergence: Convergence,
}

impl PerceptronFit {
    /// All mistakes; each was an update of the weights.
    #[must_use]
    pub fn mistakes(&self) -> usize {
        self.mistakes_by_pass.iter().sum()
    }
}

/// How a perceptron's learning ended.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Convergence {
    /// A pass was without mistakes: the weights separate the classes.
    ///
    /// Novikoff's theorem: let a vector `u` of length 1 be on the right side of all samples `(x, 1)` by `γ` at least, and none of
    /// these be longer than `R`. After `m` mistakes from weights 0,
    ///
    /// ```text
    /// u · w ≥ m γ,    for each update adds t u · (x, 1) ≥ γ
    /// ‖w‖² ≤ m R²,    for each adds ‖(x, 1)‖² + 2 t w · (x, 1), where the latter, at a mistake, is not above 0
    /// m γ ≤ u · w ≤ ‖w‖ ≤ √m R,   so   m ≤ (R/γ)²
    /// ```
    ///
    /// It holds for every `u` that separates, for the one that was found, too. One with a larger margin gives a tighter bound:
    /// [`Perceptron::margin`](crate::Perceptron::margin).
    Separated {
        /// The margin `γ` of the weights that were found.
        margin: f64,
        /// `(R/γ)²`, which the mistakes do not exceed.
        bound: f64,
    },
    /// The weights after the last pass are those of an earlier one to the bit: with more passes it would go round for ever.
    ///
    /// What a round adds to the weights is then 0, a sum of samples with whole numbers that are not all 0 as factors:
    ///
    /// ```text
    /// Σ mᵢ tᵢ (xᵢ, 1) = 0
    /// ```
    ///
    /// That no line separates the classes follows at once: were `u` on the right side of all, `Σ mᵢ tᵢ u · (xᵢ, 1)` would be a sum
    /// of positive numbers and yet 0. (By Gordan's theorem of 1873 there always is either such a line or such a sum.)
    Cycles {
        /// Passes in a round.
        period: usize,
        /// The mistakes `mᵢ` at each sample in a round.
        multiplicities: Vec<usize>,
        /// A bound on the length of the sum `Σ mᵢ tᵢ (xᵢ, 1)`, which counts what rounding takes from it. 0, as whole numbers
        /// give it, proves that no line separates the classes; another number says that something was lost to rounding, and
        /// proves nothing.
        residual: f64,
    },
    /// Neither within the passes that were allowed, or the weights grew beyond the largest number.
    Undecided,
}

impl fmt::Display for PerceptronFit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |n: usize, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
        let passes = plural(self.mistakes_by_pass.len(), "pass", "passes");
        let mistakes = plural(self.mistakes(), "mistake", "mistakes");
        match &self.convergence {
            Convergence::Separated { margin, bound } => {
                write!(
                    f,
                    "separated after {passes} and {mistakes}; with a margin of {margin:.3} at most {bound:.1} are possible"
                )
            }
            Convergence::Cycles { period, residual, .. } => {
                let period = plural(*period, "pass", "passes");
                write!(f, "after {passes} and {mistakes} the weights are those of {period} before, and so for ever; ")?;
                match *residual {
                    0.0 => f.write_str("the updates of a round cancel, so no line separates the classes"),
                    residual => {
                        write!(f, "the updates of a round leave {residual:e}, lost to rounding, so a line may be there")
                    }
                }
            }
            Convergence::Undecided => write!(f, "undecided after {passes} and {mistakes}"),
        }
    }
}
