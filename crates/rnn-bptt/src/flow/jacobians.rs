//! The Jacobians of all steps for one sequence, and their products.

use super::spectrum::{Graded, radius, singular_values};
use crate::bptt::Direction;
use ndarray::Array2;

/// `Jₜ = ∂sₜ/∂sₜ₋₁` at every step of one sequence, from [`Lane::jacobians`](super::Lane::jacobians).
///
/// The state is all its arrays one after another: `h`, or `(h, c)` in an LSTM. In the reverse direction `sₜ₋₁` is the state that comes
/// from `t + 1`.
///
/// Singular values come from a one-sided Jacobi iteration: those of one Jacobian to within a few `ε` of the largest, and better where
/// columns or rows of different size make them small. Those of products come from a factored form in which what is small is not lost
/// beside what is large (see [`Jacobians::ln_product_singular_values`]). Spectral radii are Gelfand's limit, by
/// [`gradus_linalg::spectral_radius`]. Each costs some `S³` operations a step, with a factor of dozens for singular values.
///
/// # Examples
/// ```
/// use gradus_rnn_bptt::{Rnn, Tape, flow::GradientFlow, ndarray::{Array2, Array3, array}};
/// use rand::{SeedableRng, rngs::StdRng};
/// # fn main() -> gradus_nn_layers::Result<()> {
/// let mut rnn: Rnn<f64> = Rnn::new(1, 2, &mut StdRng::seed_from_u64(1)).relu().without_bias();
/// rnn.cells[0].weight_ih = array![[1.0], [1.0]].into();
/// rnn.cells[0].weight_hh = array![[0.5, 0.0], [0.0, 0.25]].into();
/// let x = Tape::inference().input(Array3::ones((3, 1, 1)));
/// let flow = GradientFlow::of(&rnn, &x, None, |output, _| Ok(output.sum()))?;
/// let jacobians = flow.lanes[0].jacobians(0)?;
/// assert_eq!(jacobians.matrices[1], array![[0.5, 0.0], [0.0, 0.25]]);
/// assert!((jacobians.spectral_radii()[1] - 0.5).abs() < 1e-14);
/// assert_eq!(jacobians.singular_values().row(1), array![0.5, 0.25]);
/// let back_to_first = jacobians.ln_product_singular_values().row(0).mapv(f64::exp); // of ∂s₂/∂s₀
/// assert!((back_to_first - array![0.25, 0.0625]).iter().all(|x| x.abs() < 1e-14));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Jacobians {
    /// The sequence of the batch.
    pub sequence: usize,
    /// The way in which the sequence is read.
    pub direction: Direction,
    /// `Jₜ` at every step, `(S, S)` each; a row for each number of `sₜ`, a column for each of the state before.
    pub matrices: Vec<Array2<f64>>,
}

impl Jacobians {
    /// The spectral radius `ρ(Jₜ)` at every step: below 1 a state repeated at that step is forgotten, above 1 it grows. NaN for a
    /// Jacobian that is not finite.
    #[must_use]
    #[inline] // compiled where it is used: CONTRIBUTING, "What few programs call"
    pub fn spectral_radii(&self) -> Vec<f64> {
        self.matrices.iter().map(|matrix| radius(matrix)).collect()
    }

    /// The singular values of `Jₜ` at every step, from the largest, `(T, S)`.
    #[must_use]
    #[inline]
    pub fn singular_values(&self) -> Array2<f64> {
        rows(self.size(), self.matrices.iter().map(|matrix| singular_values(matrix)).collect())
    }

    /// The logarithms of the singular values of `∂s_T/∂sₜ = J_T ⋯ Jₜ₊₁` for every `t`, from the largest, `(T, S)`. At the step that is read
    /// last it is the identity, and they are 0. `−∞` stands for a singular value of 0.
    ///
    /// They are right far below `ε` times the largest, and far below what an `f64` can hold: the product is kept as `Q D R` with `D`
    /// diagonal and `R` well-conditioned.
    #[must_use]
    #[inline]
    pub fn ln_product_singular_values(&self) -> Array2<f64> {
        let mut product = Graded::identity(self.size());
        let mut found = Vec::with_capacity(self.matrices.len());
        for jacobian in self.last_first() {
            found.push(product.ln_singular_values());
            product.times(jacobian);
        }
        if self.direction == Direction::Forward {
            found.reverse();
        }
        rows(self.size(), found)
    }

    /// The product `∂s_T/∂sₜ = J_T ⋯ Jₜ₊₁` divided by `eˡⁿ`, and `ln`, so that neither vanishes nor overflows. `None` past the last step.
    #[must_use]
    #[inline]
    pub fn product(&self, t: usize) -> Option<(Array2<f64>, f64)> {
        let back = match self.direction {
            Direction::Forward => self.matrices.len().checked_sub(t + 1)?,
            Direction::Reverse => (t < self.matrices.len()).then_some(t)?,
        };
        let (mut product, mut ln) = (Array2::eye(self.size()), 0.0);
        for jacobian in self.last_first().take(back) {
            product = product.dot(jacobian);
            let largest = product.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
            if largest > 0.0 && largest.is_finite() {
                product /= largest;
                ln += largest.ln();
            }
        }
        Some((product, ln))
    }

    /// From the step that is read last.
    #[inline]
    fn last_first(&self) -> Box<dyn Iterator<Item = &Array2<f64>> + '_> {
        match self.direction {
            Direction::Forward => Box::new(self.matrices.iter().rev()),
            Direction::Reverse => Box::new(self.matrices.iter()),
        }
    }

    #[inline]
    fn size(&self) -> usize {
        self.matrices.first().map_or(0, Array2::nrows)
    }
}

#[inline]
fn rows(width: usize, rows: Vec<Vec<f64>>) -> Array2<f64> {
    let height = rows.len();
    Array2::from_shape_vec((height, width), rows.concat()).expect("a row has a number for each of the state")
}
