//! How often a decoder in training reads the truth.

use crate::{Error, Result};

/// Scheduled sampling: the probability with which the decoder reads the true token before, rather than its own, falls
/// as training goes on.
///
/// Always the truth is teacher forcing: each step learns from a beginning without a fault. In use, a beginning is the
/// decoder's own, faults and all, of a kind that it has never seen. With `i` the number of training steps done:
///
/// ```text
/// linear           εᵢ = max(ε, k − c i)
/// exponential      εᵢ = kⁱ,                   k < 1
/// inverse sigmoid  εᵢ = k / (k + exp(i / k)), k ≥ 1
/// ```
///
/// # Examples
/// ```
/// use gradus_rnn_bptt::seq2seq::ScheduledSampling;
/// let linear = ScheduledSampling::linear(1.0, 0.001, 0.25)?;
/// assert_eq!([0, 500, 5000].map(|i| linear.probability(i)), [1.0, 0.5, 0.25]);
/// # Ok::<(), gradus_rnn_bptt::Error>(())
/// ```
///
/// # References
/// S. Bengio, O. Vinyals, N. Jaitly, N. Shazeer, [*Scheduled sampling for sequence prediction with recurrent neural
/// networks*](https://arxiv.org/abs/1506.03099), NIPS 2015, section 2.4.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScheduledSampling(Decay);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Decay {
    Linear { start: f64, slope: f64, floor: f64 },
    Exponential { k: f64 },
    InverseSigmoid { k: f64 },
}

const OPERATION: &str = "scheduled sampling";

impl ScheduledSampling {
    /// From `start` down by `slope` a step, to `floor` and no further.
    ///
    /// # Errors
    /// [`Error::Setting`] for a start or a floor that is no probability, or a slope that is negative or not finite.
    pub fn linear(start: f64, slope: f64, floor: f64) -> Result<Self> {
        probability(OPERATION, "start", start)?;
        probability(OPERATION, "floor", floor)?;
        let expected = "a finite number of at least 0 would fit";
        within(slope >= 0.0 && slope.is_finite(), OPERATION, "slope", slope, expected)?;
        Ok(Self(Decay::Linear { start, slope, floor }))
    }

    /// By the factor `k` a step.
    ///
    /// # Errors
    /// [`Error::Setting`] for a factor that is not between 0 and 1.
    pub fn exponential(k: f64) -> Result<Self> {
        within(k > 0.0 && k < 1.0, OPERATION, "k", k, "a factor above 0 and below 1 would fit")?;
        Ok(Self(Decay::Exponential { k }))
    }

    /// Slowly, then fast, then slowly: half after `k ln k` steps.
    ///
    /// # Errors
    /// [`Error::Setting`] for a `k` below 1 or not finite.
    pub fn inverse_sigmoid(k: f64) -> Result<Self> {
        within(k >= 1.0 && k.is_finite(), OPERATION, "k", k, "a finite number of at least 1 would fit")?;
        Ok(Self(Decay::InverseSigmoid { k }))
    }

    /// The probability of the truth after so many training steps.
    #[must_use]
    pub fn probability(&self, step: usize) -> f64 {
        let i = step as f64;
        match self.0 {
            Decay::Linear { start, slope, floor } => floor.max(start - slope * i),
            Decay::Exponential { k } => k.powf(i),
            Decay::InverseSigmoid { k } => k / (k + (i / k).exp()),
        }
    }
}

/// That a setting is a probability.
pub(super) fn probability(operation: &'static str, name: &'static str, value: f64) -> Result<()> {
    within((0.0..=1.0).contains(&value), operation, name, value, "a probability from 0 to 1 would fit")
}

fn within(fits: bool, operation: &'static str, name: &'static str, value: f64, expected: &'static str) -> Result<()> {
    if fits { Ok(()) } else { Err(Error::Setting { operation, name, value, expected }) }
}
