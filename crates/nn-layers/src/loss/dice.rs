//! How much two sets overlap.

use super::{Reduction, not_negative, reduce, reduction_option};
use crate::{Error, Result};
use gradus_autograd::{Real, Var};

/// Dice loss of probabilities: one minus the share that prediction and target have in common, for each sample.
///
/// ```text
/// ℓ = 1 − (2 I + s) / (P + T + s),    I = Σ p t,  P = Σ p,  T = Σ t   over all axes but the first
/// dp = − (2 t − (2 I + s) / (P + T + s)) / (P + T + s) · dℓ
/// ```
///
/// For images most of which are background: what is neither predicted nor there does not enter. `s` keeps it from 0/0
/// where nothing is either. [`squared`](Self::squared) takes `P = Σ p²` and `T = Σ t²`, as V-Net does.
///
/// # Shapes
/// Probabilities and target `(N, …)`; losses `(N)`.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Dice, Tape, ndarray::array};
/// let tape = Tape::<f64>::recording();
/// let (p, t) = (tape.variable(array![[1.0, 1.0, 0.0]]), tape.input(array![[1.0, 0.0, 0.0]]));
/// let loss = Dice::new().smooth(0.0).loss(&p, &t)?;
/// assert!((loss.item().unwrap() - 1.0 / 3.0).abs() < 1e-15); // 1 − 2/3
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// F. Milletari, N. Navab, S.-A. Ahmadi, *V-Net*, 2016, <https://arxiv.org/abs/1606.04797>
#[derive(Debug, Clone, PartialEq)]
pub struct Dice {
    reduction: Reduction,
    smooth: f64,
    squared: bool,
}

reduction_option!(Dice);

impl Default for Dice {
    fn default() -> Self {
        Self { reduction: Reduction::default(), smooth: 1.0, squared: false }
    }
}

impl Dice {
    /// The mean, with `s` = 1.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What is added above and below, at least 0; 1 by default.
    #[must_use]
    pub fn smooth(mut self, smooth: f64) -> Self {
        self.smooth = smooth;
        self
    }

    /// With the sums of the squares below.
    #[must_use]
    pub fn squared(mut self) -> Self {
        self.squared = true;
        self
    }

    /// The loss of these probabilities.
    ///
    /// # Errors
    /// [`Error::Target`] if the shapes differ, [`Error::EmptyBatch`], also if there is no axis of samples,
    /// [`Error::HyperParameter`].
    #[track_caller]
    pub fn loss<F: Real>(&self, probabilities: &Var<F>, target: &Var<F>) -> Result<Var<F>> {
        const NAME: &str = "dice";
        let smooth = F::from_f64(not_negative(NAME, "smooth", self.smooth)?);
        let shape = probabilities.shape();
        if shape != target.shape() {
            let (prediction, target) = (shape.to_vec(), target.shape().to_vec());
            return Err(Error::Target { loss: NAME, prediction, target });
        }
        let [samples, numbers @ ..] = shape else { return Err(Error::EmptyBatch { loss: NAME, shape: Vec::new() }) };
        if probabilities.value().is_empty() {
            return Err(Error::EmptyBatch { loss: NAME, shape: shape.to_vec() });
        }
        let rows = [*samples, numbers.iter().product()];
        let (p, t) = (probabilities.reshape(&rows)?, target.reshape(&rows)?);
        let sum = |x: &Var<F>| x.sum_axes(&[1], false);
        let common = sum(&p.try_mul(&t)?)?.mul_scalar(F::from_f64(2.0)).add_scalar(smooth);
        let all = if self.squared { sum(&p.square())? + sum(&t.square())? } else { sum(&p)? + sum(&t)? };
        let share = common.try_div(&all.add_scalar(smooth))?;
        Ok(reduce(share.mul_scalar(-F::one()).add_scalar(F::one()), self.reduction))
    }
}
