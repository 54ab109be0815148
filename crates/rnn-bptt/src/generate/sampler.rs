//! A token drawn from logits.

use crate::{Error, Result};
use gradus_autograd::Real;
use rand::{Rng, RngExt};

/// How a token is drawn from the logits of a model.
///
/// ```text
/// pₖ = exp(xₖ / τ) / Σⱼ exp(xⱼ / τ)
/// ```
///
/// over the classes that are left: of all, the `top_k` likeliest; of these, the likeliest whose probabilities add up to
/// at least `top_p` (nucleus sampling), one at least. A temperature `τ` below 1 makes the likely likelier; at 0 the
/// likeliest is taken, of equal ones the first, and no number is drawn.
///
/// # Examples
/// ```
/// use gradus_rnn_bptt::generate::Sampler;
/// use rand::{SeedableRng, rngs::StdRng};
/// let logits = [0.1_f32, 2.0, 1.0, -3.0];
/// let rng = &mut StdRng::seed_from_u64(1);
/// assert_eq!(Sampler::greedy().sample(&logits, rng)?, 1);
/// let sampler = Sampler::new(0.8).top_k(2);
/// assert!((0..100).all(|_| [1, 2].contains(&sampler.sample(&logits, rng).unwrap())));
/// # Ok::<(), gradus_rnn_bptt::Error>(())
/// ```
///
/// # References
/// A. Fan, M. Lewis, Y. Dauphin, [*Hierarchical neural story generation*](https://arxiv.org/abs/1805.04833), ACL 2018
/// (top-k); A. Holtzman et al., [*The curious case of neural text degeneration*](https://arxiv.org/abs/1904.09751),
/// ICLR 2020 (top-p).
#[derive(Debug, Clone, PartialEq)]
pub struct Sampler {
    /// The temperature `τ`, at least 0.
    pub temperature: f64,
    /// How many classes are left, at least 1; more than there are leave all.
    pub top_k: Option<usize>,
    /// The probability that the classes left have together, above 0 and at most 1.
    pub top_p: Option<f64>,
}

impl Default for Sampler {
    /// From all classes at a temperature of 1.
    fn default() -> Self {
        Self::new(1.0)
    }
}

impl Sampler {
    /// From all classes at this temperature.
    #[must_use]
    pub fn new(temperature: f64) -> Self {
        Self { temperature, top_k: None, top_p: None }
    }

    /// Always the likeliest class.
    #[must_use]
    pub fn greedy() -> Self {
        Self::new(0.0)
    }

    /// From so many classes, the likeliest.
    #[must_use]
    pub fn top_k(mut self, classes: usize) -> Self {
        self.top_k = Some(classes);
        self
    }

    /// From the likeliest classes that have this probability together.
    #[must_use]
    pub fn top_p(mut self, share: f64) -> Self {
        self.top_p = Some(share);
        self
    }

    /// Whether the settings are in range.
    ///
    /// # Errors
    /// [`Error::Setting`] names the one that is not.
    pub fn check(&self) -> Result<()> {
        let error = |name, value, expected| Err(Error::Setting { operation: "sampler", name, value, expected });
        if !(self.temperature >= 0.0 && self.temperature.is_finite()) {
            return error("temperature", self.temperature, "a finite number of at least 0 would fit");
        }
        if self.top_k == Some(0) {
            return error("top_k", 0.0, "one class at least has to be left");
        }
        match self.top_p {
            Some(top_p) if !(top_p > 0.0 && top_p <= 1.0) => {
                error("top_p", top_p, "a probability above 0 and at most 1 would fit")
            }
            _ => Ok(()),
        }
    }

    /// The classes that are left with their probabilities, the likeliest first.
    ///
    /// # Errors
    /// As [`Sampler::check`], and [`Error::NoLogits`] or [`Error::NotFinite`] for logits that make no distribution.
    pub fn probabilities<F: Real>(&self, logits: &[F]) -> Result<Vec<(usize, f64)>> {
        self.check()?;
        let logits = finite("sampler", logits)?;
        let mut ranked: Vec<_> = logits.into_iter().enumerate().collect();
        ranked.sort_by(|(_, a), (_, b)| b.total_cmp(a)); // stable: of equal ones the first stays first
        let left = if self.temperature == 0.0 { 1 } else { self.top_k.unwrap_or(usize::MAX) };
        ranked.truncate(left);
        let largest = ranked[0].1;
        if self.temperature > 0.0 {
            ranked.iter_mut().for_each(|(_, x)| *x = ((*x - largest) / self.temperature).exp());
        } else {
            ranked[0].1 = 1.0;
        }
        normalize(&mut ranked);
        if let Some(top_p) = self.top_p {
            let mut sum = 0.0;
            let within = ranked.iter().position(|&(_, p)| {
                sum += p;
                sum >= top_p
            });
            ranked.truncate(within.map_or(ranked.len(), |last| last + 1));
            normalize(&mut ranked);
        }
        Ok(ranked)
    }

    /// A class drawn.
    ///
    /// # Errors
    /// As [`Sampler::probabilities`].
    pub fn sample<F: Real>(&self, logits: &[F], rng: &mut (impl Rng + ?Sized)) -> Result<usize> {
        let ranked = self.probabilities(logits)?;
        if let [(class, _)] = ranked[..] {
            return Ok(class);
        }
        let mut drawn: f64 = rng.random();
        let hit = ranked.iter().find(|&&(_, p)| {
            drawn -= p;
            drawn < 0.0
        });
        Ok(hit.unwrap_or(&ranked[0]).0) // the sum of the shares may round to a little less than 1
    }
}

fn normalize(ranked: &mut [(usize, f64)]) {
    let sum: f64 = ranked.iter().map(|&(_, p)| p).sum();
    ranked.iter_mut().for_each(|(_, p)| *p /= sum);
}

/// Logits as `f64`, once it is known that each is finite and that there are some.
pub(super) fn finite<F: Real>(operation: &'static str, logits: &[F]) -> Result<Vec<f64>> {
    if logits.is_empty() {
        return Err(Error::NoLogits { operation });
    }
    let number = |(place, x): (usize, &F)| {
        let value = x.to_f64();
        if value.is_finite() { Ok(value) } else { Err(Error::NotFinite { operation, place, value }) }
    };
    logits.iter().enumerate().map(number).collect()
}
