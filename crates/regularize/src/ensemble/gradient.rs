//! Boosting by residuals.

use super::learner::{fit_at, fits};
use super::loss::Loss;
use super::{GradientBoosted, Learner, Model, Samples, draw};
use crate::error::hold;
use crate::tree::DecisionTree;
use gradus_linalg::Real;
use gradus_nn_layers::Result;
use ndarray::{Array1, Array2, Axis};
use rand::Rng;

/// Gradient boosting: each learner is fitted to what the sum of those before it leaves unexplained.
///
/// ```text
/// f₀ = the best constant;  for each stage m, on a share of the rows:
///   r  = − ∂L/∂f                 the residuals
///   hₘ = the learner, fitted to r
///   of a tree, each leaf R:  γ = Σ_R w r / Σ_R w p (1 − p)  in place of its mean   (classes alone)
///   f ← f + lr · hₘ
///
/// values:       L = (y − f)²/2               r = y − f
/// two classes:  L = ln(1 + eᶠ) − y f         r = y − p, p = σ(f)
/// K classes:    L = ln Σ exp fₖ − f_label    rₖ = yₖ − pₖ, a learner for each class; γ times (K − 1)/K
/// ```
///
/// Descent on the loss, where a step is a function and not a vector. Small trees and a small `lr` over many stages generalize
/// best; `subsample` below 1 (stochastic gradient boosting) makes the stages differ. The learner must predict values: a tree, or any
/// other that takes [`Samples::values`].
///
/// | setting | means | default | range |
/// | --- | --- | --- | --- |
/// | `stages` | the number of steps | | at least 1 |
/// | `lr` | how far each step goes | 0.1 | above 0, finite |
/// | `subsample` | rows drawn for each stage, without replacement | 1 | above 0, at most 1 |
///
/// # Errors
/// `fit` returns [`Error::HyperParameter`](crate::Error::HyperParameter) for a setting out of its range;
/// [`Error::Learner`](crate::Error::Learner) with the error of a learner that fails;
/// [`Error::Element`](crate::Error::Element) if `lr` is so large that the residuals overflow.
///
/// # Examples
/// ```
/// use gradus_regularize::ensemble::{GradientBoosting, Learner, Model, Samples};
/// use gradus_regularize::ndarray::{Array1, Array2};
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let x = Array2::from_shape_fn((40, 1), |(i, _)| i as f64 / 8.0);
/// let y = Array1::from_shape_fn(40, |i| x[[i, 0]].sin());
/// let samples = Samples::values(x.clone(), y.clone())?;
/// let model = GradientBoosting::trees(50).fit(&samples, &mut StdRng::seed_from_u64(7))?;
/// let errors: Vec<f64> = model
///     .staged_predict(&x)
///     .map(|f| Ok((f?.column(0).to_owned() - &y).mapv(|e| e * e).mean().unwrap()))
///     .collect::<gradus_nn_layers::Result<_>>()?;
/// assert!(errors.is_sorted_by(|a, b| a >= b) && errors[49] < 1e-3);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// - J. H. Friedman, *Greedy function approximation: a gradient boosting machine*, Annals of Statistics 29(5), 2001,
///   <https://doi.org/10.1214/aos/1013203451>
/// - J. H. Friedman, *Stochastic gradient boosting*, Computational Statistics & Data Analysis 38(4), 2002,
///   <https://doi.org/10.1016/S0167-9473(01)00065-2> (`subsample`)
#[derive(Debug, Clone, PartialEq)]
pub struct GradientBoosting<L = DecisionTree> {
    learner: L,
    stages: usize,
    lr: f64,
    subsample: f64,
}

const NAME: &str = "gradient boosting";

impl GradientBoosting {
    /// So many stages of trees three questions deep.
    #[must_use]
    pub fn trees(stages: usize) -> Self {
        Self::new(DecisionTree::new().max_depth(3), stages)
    }
}

impl<L> GradientBoosting<L> {
    /// So many stages of the learner.
    #[must_use]
    pub fn new(learner: L, stages: usize) -> Self {
        Self { learner, stages, lr: 0.1, subsample: 1.0 }
    }

    /// Shrinks each step.
    #[must_use]
    pub fn lr(self, lr: f64) -> Self {
        Self { lr, ..self }
    }

    /// Draws this share of the rows for each stage.
    #[must_use]
    pub fn subsample(self, subsample: f64) -> Self {
        Self { subsample, ..self }
    }

    /// The rows of a stage; some of them have weight.
    fn draw(&self, weights: &Array1<f64>, rng: &mut dyn Rng) -> Vec<usize> {
        let n = weights.len();
        let wanted = ((self.subsample * n as f64) as usize).clamp(1, n);
        if wanted == n {
            return (0..n).collect();
        }
        loop {
            let mut rows = rand::seq::index::sample(rng, n, wanted).into_vec();
            if rows.iter().any(|&row| weights[row] > 0.0) {
                rows.sort_unstable();
                return rows;
            }
        }
    }
}

impl<F: Real, L: Learner<F>> Learner<F> for GradientBoosting<L> {
    type Model = GradientBoosted<L::Model>;

    fn fit(&self, samples: &Samples<F>, rng: &mut dyn Rng) -> Result<Self::Model> {
        hold(self.stages > 0, NAME, "stages", 0.0, "at least 1")?;
        hold(self.lr.is_finite() && self.lr > 0.0, NAME, "lr", self.lr, "above 0 and finite")?;
        let subsample = self.subsample;
        hold(subsample > 0.0 && subsample <= 1.0, NAME, "subsample", subsample, "above 0, at most 1")?;
        let loss = Loss::of(samples);
        let (targets, weights) = (loss.targets(samples), samples.weights().mapv(Real::to_f64));
        let start = loss.start(&targets, &weights);
        let mut scores = Array2::from_shape_fn(targets.dim(), |(_, k)| start[k]);
        let mut stages = Vec::with_capacity(self.stages);
        for place in 0..self.stages {
            let mut rng = draw::child(rng);
            let rows = self.draw(&weights, &mut rng);
            let residuals = loss.residuals(&targets, &scores);
            let mut stage = Vec::with_capacity(loss.scores());
            for k in 0..loss.scores() {
                let r = residuals.column(k);
                let drawn = samples.clone().with_values(r.mapv(F::from_f64))?.select(&rows)?;
                let mut model = fit_at(&self.learner, &drawn, &mut rng, NAME, place)?;
                if loss != Loss::Squared {
                    model.refit_regions(drawn.x(), &mut |within| {
                        let those = within.iter().map(|&at| rows[at]);
                        let step = loss.newton(those.map(|row| (targets[[row, k]], r[row], weights[row])));
                        F::from_f64(step.unwrap_or(0.0))
                    })?;
                }
                let h = model.predict(samples.x())?;
                fits(NAME, &h, samples.len(), 1)?;
                scores.column_mut(k).zip_mut_with(&h.index_axis(Axis(1), 0), |f, h| *f += self.lr * h.to_f64());
                stage.push(model);
            }
            stages.push(stage);
        }
        Ok(GradientBoosted { loss, start, lr: self.lr, stages })
    }
}
