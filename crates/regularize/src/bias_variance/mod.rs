//! Where the error of a learner comes from.

mod zero_one;

pub use zero_one::{ZeroOneBiasVariance, ZeroOneParts, zero_one_bias_variance};

use crate::Error;
use crate::ensemble::{Learner, Model, Samples};
use crate::error::{KNOWN, finite, hold};
use crate::statistics::mean;
use gradus_linalg::Real;
use gradus_nn_layers::Result;
use ndarray::{Array1, Array2, ArrayRef2};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// An expected squared error and its three parts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ErrorParts {
    /// `E (y − h(x))²`, over targets and models.
    pub error: f64,
    /// `E (y − ȳ)²`: what no model can foresee.
    pub noise: f64,
    /// `(ȳ − h̄)²`: how far the mean model is off.
    pub bias_squared: f64,
    /// `E (h(x) − h̄)²`: how much the model depends on the samples that it happened to see.
    pub variance: f64,
}

impl ErrorParts {
    /// `error − noise − bias² − variance`, which only rounding makes other than 0.
    #[must_use]
    pub fn remainder(&self) -> f64 {
        self.error - self.noise - self.bias_squared - self.variance
    }
}

/// What [`bias_variance`] finds.
#[derive(Debug, Clone, PartialEq)]
pub struct BiasVariance {
    points: Vec<ErrorParts>,
    mean_model: Array1<f64>,
}

impl BiasVariance {
    /// The parts at each point.
    #[must_use]
    pub fn points(&self) -> &[ErrorParts] {
        &self.points
    }

    /// What the models predict at each point on average, `h̄`, `(N,)`.
    #[must_use]
    pub fn mean_model(&self) -> &Array1<f64> {
        &self.mean_model
    }

    /// The mean over the points, part by part.
    #[must_use]
    pub fn mean(&self) -> ErrorParts {
        let mean = |part: fn(&ErrorParts) -> f64| mean(self.points.iter().map(part));
        ErrorParts {
            error: mean(|parts| parts.error),
            noise: mean(|parts| parts.noise),
            bias_squared: mean(|parts| parts.bias_squared),
            variance: mean(|parts| parts.variance),
        }
    }
}

/// The bias–variance–noise decomposition of the squared error, as an experiment: draws samples and fits a model again and again, and holds every model
/// against every target.
///
/// ```text
/// models   h₁ … h_R, each fitted to samples of its own      h̄ = Σ h_r(x) / R
/// targets  y₁ … y_T at each point x                         ȳ = Σ y_t / T
///
/// Σ (y_t − h_r)² / R T   =   Σ (y_t − ȳ)² / T   +   (ȳ − h̄)²   +   Σ (h_r − h̄)² / R
///       error                     noise              bias²            variance
/// ```
///
/// Since every model meets every target, the mixed terms cancel in the sums themselves and not only on average: the parts add up to the
/// error whatever `R` and `T` are, to rounding. As estimates of the expectations they have errors of their own: `bias²` is too large by
/// `variance/R + noise/T`, on average, and `variance` and `noise` too small by as much.
///
/// `draw` gives the samples of a round. Where the truth is known it makes new ones; where all there is is one data set, it resamples it, and the
/// points are held out:
///
/// ```text
/// |rng| Ok(train.bootstrap(rng)?)
/// ```
///
/// For classes there is [`zero_one_bias_variance`]. With one target for each point (`T = 1`) noise cannot be told from bias, and counts as bias.
///
/// # Shapes
/// - x: `(N, D)`, the points
/// - targets: `(T, N)`, in each row a target for each point
///
/// # Errors
/// [`Error::HyperParameter`] for no rounds or no targets; [`Error::NoSamples`] for no points; [`Error::Count`] for another number of targets than
/// points; [`Error::Element`] for a target or a prediction; [`Error::Outputs`] for a model that predicts classes; those of `draw` and of the learner.
///
/// # Examples
/// A stump is the same, nearly, whatever it saw; a deep tree is right on average:
/// ```
/// use gradus_regularize::ensemble::Samples;
/// use gradus_regularize::ndarray::{Array1, Array2};
/// use gradus_regularize::{bias_variance, tree::DecisionTree};
/// use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};
///
/// // y = x² + e, e uniform between −½ and ½: a noise of 1/12
/// let x = Array2::from_shape_fn((20, 1), |(i, _)| i as f64 / 10.0 - 1.0);
/// let noisy = |rng: &mut dyn Rng| Array1::from_shape_fn(20, |i| x[[i, 0]].powi(2) + rng.random::<f64>() - 0.5);
/// let rng = &mut StdRng::seed_from_u64(7);
/// let targets = Array2::from_shape_fn((200, 20), |(_, i)| x[[i, 0]].powi(2) + rng.random::<f64>() - 0.5);
/// let parts = |tree, rng: &mut StdRng| {
///     let draw = |rng: &mut dyn Rng| Ok(Samples::values(x.clone(), noisy(rng))?);
///     Ok::<_, gradus_nn_layers::Error>(bias_variance(&tree, 100, draw, &x, &targets, rng)?.mean())
/// };
/// let (stump, deep) = (parts(DecisionTree::stump(), rng)?, parts(DecisionTree::new(), rng)?);
/// assert!((stump.noise - 1.0 / 12.0).abs() < 0.01);
/// assert!(stump.bias_squared > 10.0 * deep.bias_squared && stump.variance < deep.variance);
/// assert!(stump.remainder().abs() < 1e-12 && deep.remainder().abs() < 1e-12);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// S. Geman, E. Bienenstock, R. Doursat, *Neural networks and the bias/variance dilemma*, Neural Computation 4(1), 1992,
/// <https://doi.org/10.1162/neco.1992.4.1.1>
pub fn bias_variance<F: Real, L: Learner<F>>(
    learner: &L,
    rounds: usize,
    mut draw: impl FnMut(&mut dyn Rng) -> Result<Samples<F>>,
    x: &ArrayRef2<F>,
    targets: &ArrayRef2<F>,
    rng: &mut dyn Rng,
) -> Result<BiasVariance> {
    const OPERATION: &str = "bias_variance";
    hold(rounds > 0, OPERATION, "rounds", 0.0, "at least 1")?;
    check(OPERATION, x, targets.dim())?;
    finite(OPERATION, "target", targets, KNOWN)?;
    let targets = targets.mapv(Real::to_f64);
    let mut models = Array2::zeros((rounds, x.nrows()));
    for mut row in models.rows_mut() {
        let h = refit(learner, &mut draw, rng)?.predict_values(x)?;
        row.iter_mut().zip(&h).for_each(|(to, h)| *to = h.to_f64());
    }
    finite(OPERATION, "prediction", &models, "finite")?;
    let parts = models.columns().into_iter().zip(targets.columns()).map(|(h, y)| parts(&h.to_vec(), &y.to_vec()));
    let (points, mean_model) = parts.unzip::<_, _, Vec<_>, Vec<_>>();
    Ok(BiasVariance { points, mean_model: mean_model.into() })
}

/// Refuses no points, no targets, and another number of targets than points.
fn check<F: Real>(operation: &'static str, x: &ArrayRef2<F>, (draws, found): (usize, usize)) -> crate::Result<()> {
    let rows = x.nrows();
    if rows == 0 {
        return Err(Error::NoSamples { operation });
    }
    if found != rows {
        return Err(Error::Count { operation, field: "targets", rows, found });
    }
    hold(draws > 0, operation, "targets of each point", 0.0, "at least 1")
}

/// The model of one round, by a stream of its own: how much a fit draws does not change what the next one is given.
fn refit<F: Real, L: Learner<F>>(
    learner: &L,
    draw: &mut dyn FnMut(&mut dyn Rng) -> Result<Samples<F>>,
    rng: &mut dyn Rng,
) -> Result<L::Model> {
    let mut rng = StdRng::seed_from_u64(rng.next_u64());
    let samples = draw(&mut rng)?;
    learner.fit(&samples, &mut rng)
}

/// The parts at one point, and the mean model there.
fn parts(h: &[f64], y: &[f64]) -> (ErrorParts, f64) {
    // Measured from a target: means and squares of numbers far from 0 would cost the digits.
    let origin = y[0];
    let from_origin = |x: &[f64]| x.iter().map(|x| x - origin).collect::<Vec<_>>();
    let (h, y) = (from_origin(h), from_origin(y));
    let (mean_h, mean_y) = (mean(h.iter().copied()), mean(y.iter().copied()));
    let error = mean(y.iter().flat_map(|y| h.iter().map(move |h| (y - h).powi(2))));
    let noise = mean(y.iter().map(|y| (y - mean_y).powi(2)));
    let variance = mean(h.iter().map(|h| (h - mean_h).powi(2)));
    (ErrorParts { error, noise, bias_squared: (mean_y - mean_h).powi(2), variance }, origin + mean_h)
}
