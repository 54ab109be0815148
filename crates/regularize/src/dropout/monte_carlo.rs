//! What the spread of predictions under dropout tells.

use crate::Error;
use crate::error::hold;
use gradus_autograd::{Real, Tape, Value};
use gradus_nn_layers::{Layer, Result};
use ndarray::{Array1, Array2, ArrayD, Ix2};
use rand::Rng;

/// Monte Carlo dropout: predicts several times with dropout at work, and takes the spread of the predictions as the model's uncertainty.
///
/// ```text
/// yₜ = f(x; maskₜ)                  t = 1 … T
/// mean = Σ yₜ / T,  variance = Σ (yₜ − mean)² / (T − 1)
/// ```
///
/// A network with dropout is a sample of an approximate posterior over networks (Gal & Ghahramani): where the data leave open what the
/// function is, the samples disagree. [`classify`](Self::classify) tells that from the noise in the data by the mutual information.
///
/// The passes run on tapes for training, whose random streams follow from `rng`: dropout and noise are at work. So would batch
/// statistics be; a model with running statistics is refused, and [`BatchNorm::fold_into`](crate::BatchNorm::fold_into) takes them out of
/// it.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Linear, Tanh, ndarray::array, sequential};
/// use gradus_regularize::{Dropout, McDropout};
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let mut rng = StdRng::seed_from_u64(7);
/// let model = sequential![Linear::<f64>::new(1, 64, &mut rng), Tanh, Dropout::new(0.2), Linear::new(64, 1, &mut rng)];
/// let predicted = McDropout::new(50).predict(&model, array![[0.0], [5.0]], &mut rng)?;
/// assert_eq!(predicted.mean.shape(), [2, 1]);
/// assert!(predicted.variance[[1, 0]] > predicted.variance[[0, 0]]); // far from 0 more depends on the weights
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// Y. Gal, Z. Ghahramani, *Dropout as a Bayesian approximation*, ICML 2016, <https://arxiv.org/abs/1506.02142>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct McDropout {
    /// The number `T` of passes: at least 2.
    pub passes: usize,
}

/// A prediction with its spread.
#[derive(Debug, Clone, PartialEq)]
pub struct Uncertain<F: Real = f32> {
    /// The mean over the passes.
    pub mean: ArrayD<F>,
    /// The variance over the passes, divided by `T − 1`.
    pub variance: ArrayD<F>,
}

/// Predicted probabilities of classes with their uncertainty, in nats.
///
/// ```text
/// p̄ = Σ pₜ / T
/// predictive entropy   H(p̄)  = − Σₖ p̄ₖ ln p̄ₖ                  all uncertainty
/// expected entropy     Σ H(pₜ) / T                              that of the data: no pass is sure
/// mutual information   H(p̄) − Σ H(pₜ) / T                      that of the model: the passes disagree
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct UncertainClasses<F: Real = f32> {
    /// The mean of the probabilities over the passes, `(N, K)`.
    pub probabilities: Array2<F>,
    /// The variance of the probabilities over the passes, `(N, K)`.
    pub variance: Array2<F>,
    /// The entropy of the mean probabilities, `(N,)`: 0 to `ln K`.
    pub predictive_entropy: Array1<F>,
    /// The mean of the passes' entropies, `(N,)`.
    pub expected_entropy: Array1<F>,
    /// The difference of the two, `(N,)`: at least 0.
    pub mutual_information: Array1<F>,
}

const OPERATION: &str = "mc_dropout";

impl McDropout {
    /// Predicts in so many passes.
    #[must_use]
    pub fn new(passes: usize) -> Self {
        Self { passes }
    }

    /// Mean and variance of the model's outputs for `x`.
    ///
    /// # Errors
    /// What the model's `forward` returns; [`Error::HyperParameter`] for less than 2 passes; [`Error::RunningStatistics`].
    pub fn predict<F: Real>(
        &self,
        model: &(impl Layer<F> + ?Sized),
        x: impl Into<Value<F>>,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Uncertain<F>> {
        let mut spread = Spread::default();
        self.each(model, x.into(), rng, |y| {
            spread.take(y);
            Ok(())
        })?;
        Ok(spread.finish())
    }

    /// Mean probabilities and their uncertainty, for a model whose outputs for `x` are the logits of classes, `(N, K)`.
    ///
    /// # Errors
    /// As [`predict`](Self::predict), and [`Error::InputAxes`] if the outputs are not `(N, K)`.
    pub fn classify<F: Real>(
        &self,
        model: &(impl Layer<F> + ?Sized),
        x: impl Into<Value<F>>,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<UncertainClasses<F>> {
        let (mut spread, mut entropies) = (Spread::default(), Spread::default());
        self.each(model, x.into(), rng, |logits| {
            let probabilities = softmax(logits)?;
            entropies.take(&entropy(&probabilities).into_dyn());
            spread.take(&probabilities.into_dyn());
            Ok(())
        })?;
        let matrix = |x: ArrayD<F>| x.into_dimensionality::<Ix2>().expect("each pass was a matrix");
        let Uncertain { mean, variance } = spread.finish();
        let (probabilities, variance) = (matrix(mean), matrix(variance));
        let predictive_entropy = entropy(&probabilities);
        let expected_entropy = Array1::from_iter(entropies.finish().mean);
        // The entropy is concave, so that only rounding makes the difference negative.
        let difference = &predictive_entropy - &expected_entropy;
        let mutual_information = difference.mapv_into(|x| if x < F::zero() { F::zero() } else { x });
        Ok(UncertainClasses { probabilities, variance, predictive_entropy, expected_entropy, mutual_information })
    }

    fn each<F: Real>(
        &self,
        model: &(impl Layer<F> + ?Sized),
        x: Value<F>,
        rng: &mut (impl Rng + ?Sized),
        mut take: impl FnMut(&ArrayD<F>) -> Result<()>,
    ) -> Result<()> {
        hold(self.passes >= 2, OPERATION, "passes", self.passes as f64, "at least 2")?;
        let statistics = model.buffers().into_iter().map(|(name, _)| name).find(|name| name.ends_with("running_mean"));
        if let Some(buffer) = statistics {
            return Err(Error::RunningStatistics { operation: OPERATION, buffer }.into());
        }
        for _ in 0..self.passes {
            let y = model.forward(&Tape::training(rng).input(x.clone()))?.value().clone();
            take(&y.into_array())?;
        }
        Ok(())
    }
}

/// Mean and variance of arrays that come one after the other, by Welford's recursion.
struct Spread<F> {
    seen: usize,
    mean: ArrayD<F>,
    squares: ArrayD<F>,
}

impl<F: Real> Default for Spread<F> {
    fn default() -> Self {
        Self { seen: 0, mean: ArrayD::zeros(vec![0]), squares: ArrayD::zeros(vec![0]) }
    }
}

impl<F: Real> Spread<F> {
    fn take(&mut self, x: &ArrayD<F>) {
        self.seen += 1;
        if self.seen == 1 {
            (self.mean, self.squares) = (x.clone(), ArrayD::zeros(x.raw_dim()));
            return;
        }
        let share = F::from_f64(1.0 / self.seen as f64);
        ndarray::Zip::from(&mut self.mean).and(&mut self.squares).and(x).for_each(|mean, squares, &x| {
            let off = x - *mean;
            *mean += share * off;
            *squares += off * (x - *mean);
        });
    }

    fn finish(self) -> Uncertain<F> {
        let share = F::from_f64(1.0 / (self.seen.max(2) - 1) as f64);
        Uncertain { mean: self.mean, variance: self.squares.mapv_into(|squares| squares * share) }
    }
}

fn softmax<F: Real>(logits: &ArrayD<F>) -> Result<Array2<F>> {
    let input = logits.shape().to_vec();
    let Ok(logits) = logits.clone().into_dimensionality::<Ix2>() else {
        let expected = "a model whose outputs are logits (N, K)";
        return Err(Error::InputAxes { operation: OPERATION, input, expected }.into());
    };
    let softmax = Tape::inference().input(logits).softmax(1)?.value().clone();
    Ok(softmax.into_array().into_dimensionality::<Ix2>().expect("softmax keeps the shape"))
}

/// `− Σ pₖ ln pₖ` of each row.
fn entropy<F: Real>(p: &Array2<F>) -> Array1<F> {
    p.rows().into_iter().map(|row| row.iter().filter(|p| **p > F::zero()).map(|&p| -p * p.ln()).sum()).collect()
}
