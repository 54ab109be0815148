//! Where wrong classes come from.

use super::{check, refit};
use crate::Error;
use crate::ensemble::{Learner, Model, Samples, fits, winners};
use crate::error::hold;
use crate::statistics::mean;
use gradus_linalg::Real;
use gradus_nn_layers::Result;
use ndarray::{Array1, Array2, ArrayRef2};
use rand::Rng;

/// An expected share of wrong classes and its parts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ZeroOneParts {
    /// `P(h ≠ t)`, over targets and models.
    pub error: f64,
    /// `c₁ N`: what the noise adds, or takes away where models that are wrong are right by chance.
    pub noise: f64,
    /// `B`: 1 where the main prediction is not the likeliest class; of several points, the share of these.
    pub bias: f64,
    /// `V` where the main prediction is right: the variance that hurts.
    pub unbiased_variance: f64,
    /// `P(h = y* | h ≠ m) V` where it is not: the variance that helps.
    pub biased_variance: f64,
}

impl ZeroOneParts {
    /// `error − noise − bias − unbiased variance + biased variance`, which only rounding makes other than 0.
    #[must_use]
    pub fn remainder(&self) -> f64 {
        self.error - self.noise - self.bias - self.unbiased_variance + self.biased_variance
    }
}

/// What [`zero_one_bias_variance`] finds.
#[derive(Debug, Clone, PartialEq)]
pub struct ZeroOneBiasVariance {
    points: Vec<ZeroOneParts>,
    main: Array1<usize>,
}

impl ZeroOneBiasVariance {
    /// The parts at each point.
    #[must_use]
    pub fn points(&self) -> &[ZeroOneParts] {
        &self.points
    }

    /// The class that most models predict at each point, the first of equals, `(N,)`.
    #[must_use]
    pub fn main_prediction(&self) -> &Array1<usize> {
        &self.main
    }

    /// The mean over the points, part by part.
    #[must_use]
    pub fn mean(&self) -> ZeroOneParts {
        let mean = |part: fn(&ZeroOneParts) -> f64| mean(self.points.iter().map(part));
        ZeroOneParts {
            error: mean(|parts| parts.error),
            noise: mean(|parts| parts.noise),
            bias: mean(|parts| parts.bias),
            unbiased_variance: mean(|parts| parts.unbiased_variance),
            biased_variance: mean(|parts| parts.biased_variance),
        }
    }
}

/// Domingos' decomposition of the share of wrong classes, as an experiment like [`bias_variance`](super::bias_variance).
///
/// ```text
/// y* = the commonest target      m = the commonest prediction, the main one
/// N  = P(t ≠ y*)    B = [m ≠ y*]    V = P(h ≠ m)
///
/// P(h ≠ t)  =  c₁ N + B + c₂ V
///   c₁ = P(h = y*) − P(h ≠ y*) P(h = t | h ≠ y*, t ≠ y*)
///   c₂ = 1 where B = 0,   −P(h = y* | h ≠ m) where B = 1
/// ```
///
/// Unlike the squared error, variance helps where there is bias: a model that is wrong in the main is right only when it strays. As every model
/// meets every target, the parts add up to the error to rounding.
///
/// # Shapes
/// - x: `(N, D)`, the points
/// - targets: `(T, N)`, in each row a class for each point
///
/// # Errors
/// As [`bias_variance`](super::bias_variance); [`Error::Label`] for a target that the models have no output for.
///
/// # Examples
/// ```
/// use gradus_regularize::ensemble::Samples;
/// use gradus_regularize::ndarray::{Array1, Array2};
/// use gradus_regularize::{tree::DecisionTree, zero_one_bias_variance};
/// use rand::{Rng, SeedableRng, rngs::StdRng};
///
/// // A short interval: no stump makes less mistakes than to leave it out, whatever it saw.
/// let x = Array2::from_shape_fn((30, 1), |(i, _)| i as f64);
/// let labels = Array1::from_shape_fn(30, |i| usize::from((12..19).contains(&i)));
/// let samples = Samples::classes(x.clone(), labels.clone(), 2)?;
/// let targets = labels.insert_axis(gradus_regularize::ndarray::Axis(0));
/// let draw = |rng: &mut dyn Rng| Ok(samples.bootstrap(rng)?);
/// let rng = &mut StdRng::seed_from_u64(7);
/// let stump = zero_one_bias_variance(&DecisionTree::stump(), 100, draw, &x, &targets, rng)?.mean();
/// let deep = zero_one_bias_variance(&DecisionTree::new(), 100, draw, &x, &targets, rng)?.mean();
/// assert_eq!((stump.bias, deep.bias), (7.0 / 30.0, 0.0));
/// assert!(deep.error == deep.unbiased_variance && stump.error > 2.0 * deep.error);
/// assert!(stump.remainder().abs() < 1e-12);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// P. Domingos, *A unified bias-variance decomposition and its applications*, ICML 2000,
/// <https://homes.cs.washington.edu/~pedrod/papers/mlc00a.pdf>
pub fn zero_one_bias_variance<F: Real, L: Learner<F>>(
    learner: &L,
    rounds: usize,
    mut draw: impl FnMut(&mut dyn Rng) -> Result<Samples<F>>,
    x: &ArrayRef2<F>,
    targets: &ArrayRef2<usize>,
    rng: &mut dyn Rng,
) -> Result<ZeroOneBiasVariance> {
    const OPERATION: &str = "zero_one_bias_variance";
    hold(rounds > 0, OPERATION, "rounds", 0.0, "at least 1")?;
    check(OPERATION, x, targets.dim())?;
    let mut votes = Array2::<usize>::zeros((x.nrows(), 0));
    for _ in 0..rounds {
        let y = refit(learner, &mut draw, rng)?.predict(x)?;
        if votes.ncols() == 0 {
            votes = Array2::zeros((x.nrows(), y.ncols()));
        }
        fits(OPERATION, &y, x.nrows(), votes.ncols())?;
        winners(&y).iter().enumerate().for_each(|(point, &class)| votes[[point, class]] += 1);
    }
    let classes = votes.ncols();
    if let Some((position, &label)) = targets.iter().enumerate().find(|(_, label)| **label >= classes) {
        return Err(Error::Label { operation: OPERATION, label, position, classes }.into());
    }
    // Counted first and divided once: shares that are summed up are not quite 1 in the end.
    let points = votes.rows().into_iter().zip(targets.columns()).map(|(votes, targets)| {
        let mut count = vec![0_usize; classes];
        targets.iter().for_each(|&class| count[class] += 1);
        parts(&shares(&votes.to_vec()), &shares(&count))
    });
    let (points, main) = points.unzip::<_, _, Vec<_>, Vec<_>>();
    Ok(ZeroOneBiasVariance { points, main: main.into() })
}

fn shares(count: &[usize]) -> Vec<f64> {
    let all: usize = count.iter().sum();
    count.iter().map(|&count| count as f64 / all as f64).collect()
}

/// From the shares of each class among predictions and targets; and the main prediction.
fn parts(h: &[f64], t: &[f64]) -> (ZeroOneParts, usize) {
    let commonest =
        |shares: &[f64]| (0..shares.len()).fold(0, |best, k| if shares[k] > shares[best] { k } else { best });
    let (main, optimal) = (commonest(h), commonest(t));
    let others = |shares: &[f64], but: usize| (0..shares.len()).filter(|&k| k != but).map(|k| shares[k]).sum::<f64>();
    let error = h.iter().zip(t).map(|(h, t)| h * (1.0 - t)).sum();
    // P(h ≠ y*) P(t ≠ y*) P(h = t | both) is the chance that both are the same class, and not y*.
    let same: f64 = (0..h.len()).filter(|&k| k != optimal).map(|k| h[k] * t[k]).sum();
    let noise = h[optimal] * others(t, optimal) - same;
    let variance = others(h, main);
    let biased = main != optimal;
    let (bias, unbiased_variance, biased_variance) = if biased { (1.0, 0.0, h[optimal]) } else { (0.0, variance, 0.0) };
    (ZeroOneParts { error, noise, bias, unbiased_variance, biased_variance }, main)
}
