//! A layer that is not trained, and the shortest weights on top of it.

use crate::Error;
use crate::ensemble::{Learner, Model, Samples};
use crate::error::hold;
use gradus_linalg::{Factorize, LeastSquares, Real, lstsq, matmul};
use gradus_nn_layers::{Result, init};
use ndarray::{Array1, Array2, ArrayRef2, Axis};
use rand::Rng;

/// Regression on random ReLU features: a network of one hidden layer, whose first weights stay as they were drawn and whose last ones are found by
/// least squares. Of the many that fit equally well, the shortest.
///
/// ```text
/// φⱼ(x) = max(0, wⱼ · x / √D + bⱼ)      wⱼ, bⱼ ~ N(0, 1), j = 1 … P
/// θ     = argmin ‖√w (Φ θ − y)‖₂,   of several the one with the least ‖θ‖₂
/// ```
///
/// It shows **double descent**. Up to `P = N` features the test error falls and rises again, as that of a model which over-fits. At `P = N`
/// there is just one way through all samples, noise included, and it takes huge weights. Beyond there are many, and the shortest of more is
/// the tamer: the test error falls a second time, often below its first minimum, though the training error is 0 all the way.
///
/// The kinks `wⱼ · x / √D = − bⱼ` lie among samples of mean 0 and deviation 1. Of inputs that are smaller, or of few dimensions, many features are linear
/// or 0 on all samples, say little that is new, and the peak is blurred towards more features than samples.
///
/// The same random stream gives the first features of a larger model to a smaller one, so that a
/// [`validation_curve`](crate::validation::validation_curve) over `P` only ever adds features.
///
/// For values. Needs the feature `decompose`.
///
/// # Errors
/// `fit` returns [`Error::HyperParameter`] for no features; [`Error::Targets`] for classes.
///
/// # Examples
/// ```
/// use gradus_nn_layers::init;
/// use gradus_regularize::RandomFeatures;
/// use gradus_regularize::ensemble::{Samples, prediction_error};
/// use gradus_regularize::ndarray::{Array1, Array2};
/// use gradus_regularize::validation::{Split, validation_curve};
/// use rand::{RngExt, SeedableRng, rngs::StdRng};
///
/// let rng = &mut StdRng::seed_from_u64(7);
/// let x: Array2<f64> = init::normal((300, 10), 0.0, 1.0, rng);
/// let y = Array1::from_shape_fn(300, |i| x[[i, 0]] - x[[i, 1]] + 2.0 * rng.random::<f64>() - 1.0);
/// let samples = Samples::values(x, y)?;
/// // Twenty samples to train on, drawn eight times.
/// let splits: Vec<Split> =
///     (0..8).map(|k| Split { train: (20 * k..20 * k + 20).collect(), test: (160..300).collect() }).collect();
/// let curve = validation_curve(|&p| RandomFeatures::new(p), &[5, 20, 200], &samples, &splits, rng, prediction_error)?;
/// let [few, as_many, more] = [0, 1, 2].map(|place| curve.points()[place].test.mean());
/// assert!(as_many > 5.0 * few && more < 0.5 * few);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// - A. Rahimi, B. Recht, *Random features for large-scale kernel machines*, NIPS 2007,
///   <https://papers.nips.cc/paper/3182-random-features-for-large-scale-kernel-machines>
/// - M. Belkin, D. Hsu, S. Ma, S. Mandal, *Reconciling modern machine-learning practice and the classical bias–variance trade-off*,
///   PNAS 116(32), 2019, <https://arxiv.org/abs/1812.11118>
/// - S. Mei, A. Montanari, *The generalization error of random features regression*, CPAM 75(4), 2022, <https://arxiv.org/abs/1908.05355>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RandomFeatures {
    features: usize,
}

impl RandomFeatures {
    /// So many features.
    #[must_use]
    pub fn new(features: usize) -> Self {
        Self { features }
    }
}

/// What [`RandomFeatures`] fits.
#[derive(Debug, Clone, PartialEq)]
pub struct RandomFeatureRegression<F: Real = f32> {
    hidden: Hidden<F>,
    theta: Array1<F>,
}

impl<F: Real> RandomFeatureRegression<F> {
    /// The weights `θ`, `(P,)`.
    #[must_use]
    pub fn theta(&self) -> &Array1<F> {
        &self.theta
    }

    /// The features `Φ` of each row, `(N, P)`.
    ///
    /// # Errors
    /// [`Error::Features`] for another number of columns than it was fitted to.
    pub fn features(&self, x: &ArrayRef2<F>) -> Result<Array2<F>> {
        let (found, expected) = (x.ncols(), self.hidden.weight.ncols());
        if found != expected {
            return Err(Error::Features { operation: "random features", found, expected }.into());
        }
        self.hidden.features(x)
    }
}

/// The layer that is not trained.
#[derive(Debug, Clone, PartialEq)]
struct Hidden<F: Real> {
    /// `(P, D)`, with `1/√D` in it.
    weight: Array2<F>,
    /// `(P,)`.
    bias: Array1<F>,
}

impl<F: Real> Hidden<F> {
    /// Feature by feature, so that more of them leave the first ones as they are.
    fn draw(features: usize, inputs: usize, mut rng: &mut dyn Rng) -> Self {
        let drawn: Array2<F> = init::normal((features, inputs + 1), 0.0, 1.0, &mut rng);
        let (weight, bias) = drawn.view().split_at(Axis(1), inputs);
        let scale = F::from_f64(init::inverse_sqrt(inputs));
        Self { weight: weight.mapv(|w| w * scale), bias: bias.remove_axis(Axis(1)).to_owned() }
    }

    fn features(&self, x: &ArrayRef2<F>) -> Result<Array2<F>> {
        let z = matmul(x, &self.weight.t())? + &self.bias;
        Ok(z.mapv_into(|z| if z > F::zero() { z } else { F::zero() }))
    }
}

impl<F: Factorize> Learner<F> for RandomFeatures {
    type Model = RandomFeatureRegression<F>;

    fn fit(&self, samples: &Samples<F>, rng: &mut dyn Rng) -> Result<Self::Model> {
        hold(self.features > 0, "random features", "features", 0.0, "at least 1")?;
        let hidden = Hidden::draw(self.features, samples.features(), rng);
        let root = samples.weights().mapv(F::sqrt);
        let y = &root * &samples.y()?.view();
        let phi = hidden.features(samples.x())? * root.insert_axis(Axis(1));
        let theta = lstsq(&phi, &y, LeastSquares::Svd { rcond: None })?;
        Ok(RandomFeatureRegression { hidden, theta })
    }
}

impl<F: Real> Model<F> for RandomFeatureRegression<F> {
    fn predict(&self, x: &ArrayRef2<F>) -> Result<Array2<F>> {
        Ok(matmul(&self.features(x)?, &self.theta.view().insert_axis(Axis(1)))?)
    }
}
