//! The perceptron: one unit with a threshold, and the first rule by which a machine learned from its mistakes.

mod convergence;
mod samples;

pub use convergence::{Convergence, PerceptronFit};
use samples::Samples;

use crate::{Layer, Linear, Module, Result};
use gradus_autograd::{Real, Var};
use ndarray::{Array1, Array2, ArrayRef1, ArrayRef2};

/// Rosenblatt's perceptron: a weighted sum with a threshold, which tells two classes apart by a line, a plane, a hyperplane.
///
/// ```text
/// class = 1 if w · x + b > 0, else 0
///
/// at each mistake:   w ← w + t x,   b ← b + t,   t = 1 for a sample of class 1, −1 for one of class 0
/// ```
///
/// The rule asks for no gradient: the step has none to give. A sample on the right side changes nothing; one on the wrong
/// side, or on the line itself, is added to the weights or taken from them, which turns the line towards it. A factor before
/// the step would only stretch the weights, since they begin at 0, and move no line; there is none.
///
/// Where a line separates the classes, the rule finds one after finitely many mistakes (see [`Convergence::Separated`]).
/// Where none does, it never comes to rest. The smallest such case is exclusive or, of which two inputs suffice: two layers
/// have it, one has not.
///
/// As a [`Layer`] it gives the sum before the threshold, `w · x + b`, which is what
/// [`decision_regions`](crate::decision_regions()) draws.
///
/// # Shapes
/// - input: `(…, in_features)`
/// - output: `(…, 1)`
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Convergence, Perceptron, ndarray::array};
///
/// let x = array![[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
/// let mut and: Perceptron = Perceptron::new(2);
/// let fit = and.fit(&x, &array![0, 0, 0, 1], 100)?;
/// assert!(matches!(fit.convergence, Convergence::Separated { bound, .. } if fit.mistakes() as f64 <= bound));
///
/// let fit = Perceptron::new(2).fit(&x, &array![0, 1, 1, 0], 100)?;
/// assert!(matches!(fit.convergence, Convergence::Cycles { residual: 0.0, .. }));
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// F. Rosenblatt, *The perceptron: a probabilistic model for information storage and organization in the brain*,
/// Psychological Review 65, 1958, <https://doi.org/10.1037/h0042519>;
/// A. B. J. Novikoff, *On convergence proofs on perceptrons*, Symposium on the Mathematical Theory of Automata 12, 1962
/// (the bound); M. Minsky, S. Papert, *Perceptrons*, 1969, <https://doi.org/10.7551/mitpress/11301.001.0001> (exclusive or,
/// and the cycling)
#[derive(Debug, Clone, Module)]
pub struct Perceptron<F: Real = f32> {
    /// The weights `w`, `(1, in_features)`, and `b`, which is minus the threshold.
    pub unit: Linear<F>,
}

impl<F: Real> Perceptron<F> {
    /// All weights 0.
    #[must_use]
    pub fn new(in_features: usize) -> Self {
        let bias = Array1::zeros(1).into();
        Self { unit: Linear { weight: Array2::zeros((1, in_features)).into(), bias: Some(bias) } }
    }

    /// Learns by the perceptron's rule, from weights 0, in passes over the samples in their order, until a pass is without
    /// mistakes, the weights come back to what they were after an earlier pass, or there have been `max_passes`.
    ///
    /// What follows a pass depends on the weights alone, so weights that come back come back for ever; they are found by
    /// Brent's method, which keeps one earlier state of them and not all.
    ///
    /// # Shapes
    /// - `x`: `(N, in_features)`
    /// - `labels`: `(N)`, each 0 or 1
    ///
    /// # Errors
    /// [`Error::Features`](crate::Error::Features), [`Error::LabelShape`](crate::Error::LabelShape) or
    /// [`Error::LabelOutOfRange`](crate::Error::LabelOutOfRange) for samples or labels that do not fit,
    /// [`Error::EmptyBatch`](crate::Error::EmptyBatch) if there are none, [`Error::TargetValue`](crate::Error::TargetValue) for an
    /// input that is not finite. The weights are then as before.
    ///
    /// # References
    /// R. P. Brent, *An improved Monte Carlo factorization algorithm*, BIT 20, 1980, <https://doi.org/10.1007/BF01933190>
    pub fn fit(&mut self, x: &ArrayRef2<F>, labels: &ArrayRef1<usize>, max_passes: usize) -> Result<PerceptronFit> {
        let inputs = self.unit.in_features();
        let samples = Samples::new(inputs, x, labels)?;
        let mut weights = vec![F::zero(); inputs + 1];
        let fit = samples.learn(&mut weights, max_passes);
        let bias = Array1::from_elem(1, weights[inputs]);
        weights.truncate(inputs);
        let weight = Array2::from_shape_vec((1, inputs), weights).expect("there is a weight for each input");
        *self.unit.weight.value_mut() = weight.into_dyn().into();
        match &mut self.unit.bias {
            Some(old) => *old.value_mut() = bias.into_dyn().into(),
            none => *none = Some(bias.into()),
        }
        Ok(fit)
    }

    /// How well these weights separate the samples: the margin γ, and the bound `(R/γ)²` on the mistakes of any perceptron that
    /// learns them from weights 0; none if they do not separate them.
    ///
    /// ```text
    /// γ = min t (w · x + b) / ‖(w, b)‖        R = max ‖(x, 1)‖
    /// ```
    ///
    /// # Errors
    /// As [`Perceptron::fit`].
    ///
    /// # Examples
    /// ```
    /// use gradus_nn_layers::{Linear, Perceptron, ndarray::array};
    /// let unit: Linear<f64> = Linear::from_parts(array![[2.0, 2.0]], Some(array![-3.0].into()))?;
    /// let x = array![[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
    /// let (margin, bound) = Perceptron { unit }.margin(&x, &array![0, 0, 0, 1])?.expect("a line between them");
    /// assert!((margin - 1.0 / 17_f64.sqrt()).abs() < 1e-12 && (bound - 3.0 * 17.0).abs() < 1e-12);
    /// # Ok::<(), gradus_nn_layers::Error>(())
    /// ```
    pub fn margin(&self, x: &ArrayRef2<F>, labels: &ArrayRef1<usize>) -> Result<Option<(f64, f64)>> {
        let samples = Samples::new(self.unit.in_features(), x, labels)?;
        let bias = self.unit.bias.as_ref().and_then(|bias| bias.value().first().copied());
        let weight = self.unit.weight.value().iter().copied();
        Ok(samples.margin(&weight.chain([bias.unwrap_or_else(F::zero)]).collect::<Vec<_>>()))
    }
}

impl<F: Real> Layer<F> for Perceptron<F> {
    /// # Errors
    /// [`Error::Features`](crate::Error::Features) if the last axis of `x` is not `in_features` long.
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        self.unit.forward_at("unit", x)
    }
}
