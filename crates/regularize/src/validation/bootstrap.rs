//! How far a number that was computed from data may be off, found by drawing from the data again.

use crate::error::hold;
use crate::statistics::{deviation, mean};
use crate::{Error, Result};
use gradus_linalg::Real;
use rand::{Rng, RngExt};

/// `n` samples drawn with replacement, and those that were not drawn.
///
/// A sample is left out with probability `(1 − 1/n)ⁿ`, which tends to `1/e`: 63.2 % of the samples are drawn, on average.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resample {
    /// The indices drawn, in the order of drawing.
    pub drawn: Vec<usize>,
    /// The indices not drawn, which ascend: a model fitted on those drawn can be tested on them.
    pub out_of_bag: Vec<usize>,
}

/// Draws `n` of `n` samples with replacement.
///
/// # Errors
/// [`Error::HyperParameter`] for no samples.
///
/// # Examples
/// ```
/// use gradus_regularize::validation::resample;
/// use rand::{SeedableRng, rngs::StdRng};
/// let resample = resample(10_000, &mut StdRng::seed_from_u64(7))?;
/// assert_eq!(resample.drawn.len(), 10_000);
/// assert!((resample.out_of_bag.len() as f64 / 10_000.0 - (-1.0_f64).exp()).abs() < 0.01);
/// # Ok::<(), gradus_regularize::Error>(())
/// ```
pub fn resample(n: usize, rng: &mut (impl Rng + ?Sized)) -> Result<Resample> {
    hold(n > 0, "resample", "n", n as f64, "at least 1")?;
    Ok(Resample::of(n, (0..n).map(|_| rng.random_range(0..n)).collect()))
}

impl Resample {
    /// Of indices drawn from `0..n`.
    pub(crate) fn of(n: usize, drawn: Vec<usize>) -> Self {
        let mut left_out = vec![true; n];
        drawn.iter().for_each(|&i| left_out[i] = false);
        Self { drawn, out_of_bag: (0..n).filter(|&i| left_out[i]).collect() }
    }
}

/// A metric of the data and its values on many resamples, from which confidence intervals follow.
///
/// With the estimate `t`, quantiles `q` of the replicates (linear between neighbours), and `1 − 2α` the confidence:
///
/// ```text
/// percentile   q(α)               q(1 − α)
/// basic        2 t − q(1 − α)     2 t − q(α)
/// BCa          q(a(α))            q(a(1 − α))
///
///   a(p)  = Φ(z₀ + (z₀ + Φ⁻¹(p)) / (1 − A (z₀ + Φ⁻¹(p))))
///   z₀    = Φ⁻¹(share of replicates below t, ties counted half)            bias
///   A     = Σ dᵢ³ / (6 (Σ dᵢ²)^{3/2}),  dᵢ = mean of the t₍ᵢ₎ − t₍ᵢ₎       acceleration; t₍ᵢ₎ is t without sample i
/// ```
///
/// | interval | right for | error of the coverage |
/// | --- | --- | --- |
/// | percentile | metrics without bias and skew | `1/√n` on each side |
/// | basic | metrics whose error does not depend on their size | `1/√n` on each side |
/// | BCa | nearly all smooth metrics, not the smallest samples | `1/n` on each side |
///
/// # Examples
/// ```
/// use gradus_regularize::{Error, validation::Bootstrap};
/// use rand::{SeedableRng, rngs::StdRng};
/// let x: Vec<f64> = (0..50).map(f64::from).collect();
/// let mean = |samples: &[usize]| Ok::<_, Error>(samples.iter().map(|&i| x[i]).sum::<f64>() / samples.len() as f64);
/// let bootstrap = Bootstrap::draw(50, 1000, &mut StdRng::seed_from_u64(7), mean)?;
/// let (low, high) = bootstrap.bca(0.95, 50, mean)?;
/// assert!(low < 24.5 && 24.5 < high);
/// # Ok::<(), Error>(())
/// ```
///
/// # References
/// - B. Efron, *Bootstrap methods: another look at the jackknife*, Annals of Statistics 7(1), 1979,
///   <https://doi.org/10.1214/aos/1176344552>
/// - B. Efron, *Better bootstrap confidence intervals*, JASA 82, 1987, <https://doi.org/10.1080/01621459.1987.10478410>
#[derive(Debug, Clone, PartialEq)]
pub struct Bootstrap {
    estimate: f64,
    /// From the smallest on.
    replicates: Vec<f64>,
}

impl Bootstrap {
    /// Asks for the metric of all `n` samples, and of each of so many resamples.
    ///
    /// # Errors
    /// [`Error::HyperParameter`] for no samples or no resamples; [`Error::Score`] for a metric that is not finite; those of the metric.
    pub fn draw<E: From<Error>>(
        n: usize,
        resamples: usize,
        rng: &mut (impl Rng + ?Sized),
        mut metric: impl FnMut(&[usize]) -> Result<f64, E>,
    ) -> Result<Self, E> {
        hold(n > 0, "bootstrap", "n", n as f64, "at least 1")?;
        let estimate = metric(&(0..n).collect::<Vec<_>>())?;
        let mut replicates = Vec::new();
        for _ in 0..resamples {
            replicates.push(metric(&resample(n, rng)?.drawn)?);
        }
        Ok(Self::of(estimate, replicates)?)
    }

    /// Of an estimate and replicates that were found elsewhere: by resampling whole groups, say.
    ///
    /// # Errors
    /// [`Error::HyperParameter`] for no replicates or an estimate that is not finite; [`Error::Score`] for a replicate that is not.
    pub fn of(estimate: f64, mut replicates: Vec<f64>) -> Result<Self> {
        hold(estimate.is_finite(), "bootstrap", "estimate", estimate, "finite")?;
        hold(!replicates.is_empty(), "bootstrap", "resamples", 0.0, "at least 1")?;
        finite("resample", &replicates)?;
        replicates.sort_by(f64::total_cmp);
        Ok(Self { estimate, replicates })
    }

    /// The metric of the data.
    #[must_use]
    pub fn estimate(&self) -> f64 {
        self.estimate
    }

    /// The metric of the resamples, from the smallest on.
    #[must_use]
    pub fn replicates(&self) -> &[f64] {
        &self.replicates
    }

    /// How far the replicates are from the estimate, on average: that far is the estimate from the truth, presumably.
    #[must_use]
    pub fn bias(&self) -> f64 {
        mean(self.replicates.iter().copied()) - self.estimate
    }

    /// The standard deviation of the replicates, with `B − 1`; `None` for a single one.
    #[must_use]
    pub fn standard_error(&self) -> Option<f64> {
        deviation(&self.replicates)
    }

    /// The percentile interval.
    ///
    /// # Errors
    /// [`Error::HyperParameter`] for a confidence that is not between 0 and 1.
    pub fn percentile(&self, confidence: f64) -> Result<(f64, f64)> {
        let tail = tail(confidence)?;
        Ok((self.quantile(tail), self.quantile(1.0 - tail)))
    }

    /// The basic interval: the percentile interval mirrored at the estimate.
    ///
    /// # Errors
    /// As [`percentile`](Self::percentile).
    pub fn basic(&self, confidence: f64) -> Result<(f64, f64)> {
        let (low, high) = self.percentile(confidence)?;
        Ok((2.0 * self.estimate - high, 2.0 * self.estimate - low))
    }

    /// The bias-corrected and accelerated interval. Asks for the metric `n` times more, each time without one of the samples.
    ///
    /// # Errors
    /// [`Error::HyperParameter`] for a confidence that is not between 0 and 1 or less than 2 samples; [`Error::OneSided`] if all replicates
    /// lie on one side of the estimate; [`Error::Score`]; those of the metric.
    pub fn bca<E: From<Error>>(
        &self,
        confidence: f64,
        n: usize,
        mut metric: impl FnMut(&[usize]) -> Result<f64, E>,
    ) -> Result<(f64, f64), E> {
        let tail = tail(confidence)?;
        hold(n >= 2, "bca", "n", n as f64, "at least 2")?;
        let below = self.replicates.partition_point(|&t| t < self.estimate);
        let up_to = self.replicates.partition_point(|&t| t <= self.estimate);
        let share = (below + up_to) as f64 / (2 * self.replicates.len()) as f64;
        if share == 0.0 || share == 1.0 {
            let (estimate, resamples) = (self.estimate, self.replicates.len());
            return Err(Error::OneSided { operation: "bca", estimate, resamples }.into());
        }
        let mut without = Vec::with_capacity(n);
        for left_out in 0..n {
            without.push(metric(&(0..n).filter(|&i| i != left_out).collect::<Vec<_>>())?);
        }
        finite("data without sample", &without)?;
        let centre = mean(without.iter().copied());
        let power = |exponent| without.iter().map(|t| (centre - t).powi(exponent)).sum::<f64>();
        let squares = power(2);
        // A metric that no single sample changes has no skew.
        let acceleration = if squares == 0.0 { 0.0 } else { power(3) / (6.0 * squares.powf(1.5)) };
        let bias = normal_quantile(share);
        let moved = |p: f64| {
            let z = bias + normal_quantile(p);
            normal(bias + z / (1.0 - acceleration * z))
        };
        Ok((self.quantile(moved(tail)), self.quantile(moved(1.0 - tail))))
    }

    /// Linear between the replicates at `p (B − 1)`, as NumPy's default.
    fn quantile(&self, p: f64) -> f64 {
        let last = self.replicates.len() - 1;
        let place = p.clamp(0.0, 1.0) * last as f64;
        let (low, share) = ((place as usize).min(last), place.fract());
        let (low, high) = (self.replicates[low], self.replicates[(low + 1).min(last)]);
        low + share * (high - low)
    }
}

fn tail(confidence: f64) -> Result<f64> {
    hold(confidence > 0.0 && confidence < 1.0, "bootstrap", "confidence", confidence, "between 0 and 1")?;
    Ok((1.0 - confidence) / 2.0)
}

fn finite(of: &'static str, values: &[f64]) -> Result<()> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(place) => Err(Error::Score { operation: "bootstrap", of, place, value: values[place] }),
        None => Ok(()),
    }
}

/// `Φ(z)`, the share of the standard normal distribution up to `z`.
fn normal(z: f64) -> f64 {
    0.5 * Real::erfc(-z / std::f64::consts::SQRT_2)
}

/// `Φ⁻¹(p)` for `p` between 0 and 1, by halving: `Φ` rises, and 64 halvings of (−40, 40) leave nothing.
fn normal_quantile(p: f64) -> f64 {
    let (mut low, mut high) = (-40.0, 40.0);
    for _ in 0..64 {
        let middle = 0.5 * (low + high);
        if normal(middle) < p { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::{normal, normal_quantile};

    #[test]
    fn quantiles_of_the_normal_distribution() {
        for (p, z) in [(0.5, 0.0), (0.975, 1.959963984540054), (0.05, -1.6448536269514722), (1e-10, -6.361340902404056)]
        {
            assert!((normal_quantile(p) - z).abs() < 1e-12, "{p}");
            assert!((normal(z) / p - 1.0).abs() < 1e-12, "{p}");
        }
    }
}
