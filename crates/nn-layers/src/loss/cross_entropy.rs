//! Softmax and cross-entropy as one operation.

use super::lanes::Lanes;
use super::{Reduction, class_options, reduction_option};
use crate::{Error, Result};
use gradus_autograd::{Real, Var};
use gradus_linalg::elementwise::sum_slice;
use gradus_linalg::simd;
use ndarray::{ArrayRef, Dimension};

/// Cross-entropy between the softmax of logits and a target: class numbers or distributions over the classes.
///
/// ```text
/// ℓ = − Σ wₖ tₖ ln pₖ,    pₖ = e^(xₖ − m) / Σ e^(xⱼ − m),  m = max xⱼ
///   = (Σ wₖ tₖ) ln Σ e^(xⱼ − m) − Σ wₖ tₖ (xₖ − m)
/// dxₖ = (pₖ Σ wⱼ tⱼ − wₖ tₖ) · dℓ                      without weights: (softmax − target) · dℓ
/// ```
///
/// For a label `y`, `t` is 1 at `y` and 0 elsewhere, and of the weights only `w_y` counts. Label smoothing ε mixes the
/// uniform distribution in: `t ← (1 − ε) t + ε/K`, where for a label, as in PyTorch, the first part is weighted by `w_y`
/// and the second by each class's own weight.
///
/// # Numerics
/// Softmax, then logarithm, then the entropy, each by itself, fails at extreme logits: an exponential overflows or a
/// probability rounds to 0, whose logarithm is −∞, and the gradient is NaN. In one formula neither can happen, the
/// logarithm of the exponential being known. The forward pass writes the gradient for `dℓ = 1` while each row is in
/// cache; the backward pass hands it over as it is, or multiplied by the cotangent. Nothing else is kept, and on a tape that
/// does not record not even that.
///
/// # Reduction
/// The mean over labels is weighted, `Σ ℓ / Σ w_y` over the labels that are not ignored; the mean over distributions is
/// over the number of samples. With [`Reduction::None`] the loss of an ignored label is 0.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{CrossEntropy, Reduction, Tape, ndarray::array};
/// let tape = Tape::<f32>::recording();
/// let logits = tape.variable(array![[1.0, -1.0, 0.0], [1e4, 0.0, -1e4]]);
/// let loss = CrossEntropy::new().reduction(Reduction::None).ignore_index(0);
/// let each = loss.loss(&logits, &array![0, 1])?;
/// assert_eq!(each.value(), &array![0.0, 1e4]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// The parts by themselves, which are right at moderate logits, and at extreme ones are not:
/// ```
/// use gradus_nn_layers::{Losses, Result, Tape, Var, ndarray::{Array1, array}};
/// fn unfused(logits: &Var<f64>, labels: &Array1<usize>) -> Result<Var<f64>> {
///     logits.softmax(1)?.ln().nll(labels)
/// }
/// let tape = Tape::recording();
/// let (moderate, extreme) = (tape.input(array![[1.0, -1.0]]), tape.input(array![[1e4, -1e4]]));
/// let difference = unfused(&moderate, &array![1])?.item().unwrap() - moderate.cross_entropy(&array![1])?.item().unwrap();
/// assert!(difference.abs() < 1e-15);
/// assert_eq!(extreme.softmax(1)?.value(), &array![[1.0, 0.0]]); // e^(−20,000) is 0 in any float: the logit is lost,
/// assert_eq!(unfused(&extreme, &array![1])?.item(), Some(f64::INFINITY)); // and ln 0 does not bring it back
/// assert_eq!(extreme.cross_entropy(&array![1])?.item(), Some(2e4)); // ln(e^0 + e^(−20,000)) − (−20,000)
///
/// // On the way back the unfused gradient is 0 · (1/0) = NaN.
/// let tape = Tape::recording();
/// let x = tape.variable(array![[1e4, -1e4]]);
/// let gradients = unfused(&x, &array![1])?.backward_with(gradus_nn_layers::ndarray::arr0(1.0))?;
/// assert!(gradients.get(&x).unwrap().iter().any(|dx| dx.is_nan()));
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// I. Goodfellow, Y. Bengio, A. Courville, *Deep Learning*, 2016, section 6.2.2.3;
/// C. Szegedy et al., *Rethinking the Inception architecture*, 2016, section 7 (label smoothing), <https://arxiv.org/abs/1512.00567>
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CrossEntropy {
    reduction: Reduction,
    label_smoothing: f64,
    weight: Option<Vec<f64>>,
    ignore_index: Option<usize>,
}

reduction_option!(CrossEntropy);
class_options!(CrossEntropy);

const NAME: &str = "cross_entropy";

impl CrossEntropy {
    /// The mean, without smoothing, weights or an ignored label.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The share ε of the target that is spread evenly over all classes, from 0 (the default) to 1.
    #[must_use]
    pub fn label_smoothing(mut self, share: f64) -> Self {
        self.label_smoothing = share;
        self
    }

    /// The loss of these logits for these labels.
    ///
    /// # Shapes
    /// logits `(N, K)`, labels `(N)`; or logits `(N, K, …)`, labels `(N, …)`; or logits `(K)` and one label of no axes
    ///
    /// # Errors
    /// [`Error::LabelOutOfRange`], [`Error::LabelShape`], [`Error::EmptyBatch`], [`Error::WeightLength`],
    /// [`Error::HyperParameter`], and [`Error::NothingCounts`] for a mean over labels that are all ignored.
    #[track_caller]
    pub fn loss<F: Real, D: Dimension>(&self, logits: &Var<F>, labels: &ArrayRef<usize, D>) -> Result<Var<F>> {
        let lanes = Lanes::new(NAME, logits.shape())?;
        let smoothing = self.smoothing()?;
        let labels = lanes.labels(labels, self.ignore_index)?;
        let weights = lanes.weights::<F>(self.weight.as_deref())?;
        let weights = weights.as_deref();
        let scale = match self.reduction {
            Reduction::Mean => lanes.one_over_weights(&labels, weights)?,
            _ => F::one(),
        };
        let spread = F::from_f64(smoothing / lanes.classes as f64);
        let all = match weights {
            Some(weights) => weights.iter().copied().sum(),
            None => F::from_f64(lanes.classes as f64),
        };
        let kept = F::from_f64(1.0 - smoothing);
        Ok(self.fused(logits, lanes, scale, |lane, row, e| {
            let Some(label) = labels[lane] else {
                e.fill(F::zero());
                return F::zero();
            };
            let at_label = kept * weights.map_or(F::one(), |weights| weights[label]);
            let mut loss = at_label * row.surprise(label);
            let factor = (at_label + spread * all) * scale * row.per_sum;
            if smoothing == 0.0 {
                simd::vectorized(
                    #[inline(always)]
                    || e.iter_mut().for_each(|e| *e *= factor),
                );
            } else {
                // Neither term is negative, so nothing cancels.
                loss += spread * (all * row.ln_sum - row.weighted_sum(weights));
                let share = spread * scale;
                simd::vectorized(
                    #[inline(always)]
                    || match weights {
                        None => e.iter_mut().for_each(|e| *e = *e * factor - share),
                        Some(weights) => e.iter_mut().zip(weights).for_each(|(e, &w)| *e = *e * factor - share * w),
                    },
                );
            }
            e[label] -= at_label * scale;
            loss
        }))
    }

    /// The loss of these logits for distributions over the classes: numbers of at least 0 that add up to 1 along the
    /// class axis, which is not checked.
    ///
    /// # Shapes
    /// logits and target `(N, K)`, `(N, K, …)` or `(K)`
    ///
    /// # Errors
    /// [`Error::Target`] if the shapes differ, [`Error::EmptyBatch`], [`Error::WeightLength`], [`Error::HyperParameter`].
    #[track_caller]
    pub fn loss_soft<F: Real, D: Dimension>(&self, logits: &Var<F>, target: &ArrayRef<F, D>) -> Result<Var<F>> {
        let lanes = Lanes::new(NAME, logits.shape())?;
        let smoothing = self.smoothing()?;
        if target.shape() != logits.shape() {
            let (prediction, target) = (logits.shape().to_vec(), target.shape().to_vec());
            return Err(Error::Target { loss: NAME, prediction, target });
        }
        let weights = lanes.weights::<F>(self.weight.as_deref())?;
        let target = target.as_standard_layout();
        let targets = target.as_slice().expect("a standard layout is a slice");
        let scale = match self.reduction {
            Reduction::Mean => F::one() / F::from_f64(lanes.count as f64),
            _ => F::one(),
        };
        let (kept, spread) = (F::from_f64(1.0 - smoothing), F::from_f64(smoothing / lanes.classes as f64));
        let places = lanes.clone();
        Ok(self.fused(logits, lanes, scale, |lane, row, e| {
            let start = places.start(lane);
            let share = |k: usize| {
                let share = kept * targets[start + k * places.inner] + spread;
                weights.as_ref().map_or(share, |weights| weights[k] * share)
            };
            let (mut loss, mut all) = (F::zero(), F::zero());
            for k in 0..e.len() {
                let share = share(k);
                all += share;
                // A class that the target rules out may have a logit of −∞.
                if share != F::zero() {
                    loss += share * row.surprise(k);
                }
            }
            let factor = all * scale * row.per_sum;
            e.iter_mut().enumerate().for_each(|(k, e)| *e = *e * factor - share(k) * scale);
            loss
        }))
    }

    fn smoothing(&self) -> Result<f64> {
        let value = self.label_smoothing;
        if (0.0..=1.0).contains(&value) {
            return Ok(value);
        }
        let (name, expected) = ("label_smoothing", "a share from 0 to 1 would fit");
        Err(Error::HyperParameter { operation: NAME, name, value, expected })
    }

    /// Records the loss of all lanes. For each, `finish(lane, row, e)` gets the exponentials `e` of all `xₖ − m`, turns
    /// them into the gradient times `scale`, and returns the loss.
    #[track_caller]
    fn fused<F: Real>(
        &self,
        logits: &Var<F>,
        lanes: Lanes,
        scale: F,
        finish: impl Fn(usize, &Row<'_, F>, &mut [F]) -> F + Sync,
    ) -> Var<F> {
        lanes.record(logits, self.reduction, scale, |lane, x, e| {
            let max = max_slice(x);
            simd::vectorized(
                #[inline(always)]
                || e.iter_mut().zip(x).for_each(|(e, &x)| *e = (x - max).exp()),
            );
            let sum = sum_slice(e);
            finish(lane, &Row { x, max, ln_sum: sum.ln(), per_sum: F::one() / sum }, e)
        })
    }
}

/// The logits of one sample.
struct Row<'a, F> {
    x: &'a [F],
    max: F,
    /// `ln Σ e^(xⱼ − m)`
    ln_sum: F,
    /// `1 / Σ e^(xⱼ − m)`
    per_sum: F,
}

impl<F: Real> Row<'_, F> {
    /// `− ln pₖ`
    #[inline]
    fn surprise(&self, k: usize) -> F {
        self.ln_sum - (self.x[k] - self.max)
    }

    /// `Σ wₖ (xₖ − m)`
    fn weighted_sum(&self, weights: Option<&[F]>) -> F {
        let max = self.max;
        simd::vectorized(
            #[inline(always)]
            || {
                let mut sums = [F::zero(); LANES];
                for (i, chunk) in self.x.chunks(LANES).enumerate() {
                    match weights.map(|weights| &weights[i * LANES..]) {
                        None => sums.iter_mut().zip(chunk).for_each(|(sum, &x)| *sum += x - max),
                        Some(weights) => {
                            sums.iter_mut().zip(chunk).zip(weights).for_each(|((sum, &x), &w)| *sum += w * (x - max));
                        }
                    }
                }
                sum_slice(&sums)
            },
        )
    }
}

/// Running sums and maxima side by side, which the compiler turns into vectors.
const LANES: usize = 16;

/// The largest number; NaN if there is one.
fn max_slice<F: Real>(x: &[F]) -> F {
    simd::vectorized(
        #[inline(always)]
        || {
            let (chunks, rest) = x.as_chunks::<LANES>();
            let mut maxima = [-F::INFINITY; LANES];
            for chunk in chunks {
                maxima.iter_mut().zip(chunk).for_each(|(m, &x)| *m = m.maximum(x));
            }
            rest.iter().zip(&mut maxima).for_each(|(&x, m)| *m = m.maximum(x));
            maxima.into_iter().fold(-F::INFINITY, F::maximum)
        },
    )
}
