//! Symbols to be said again after a long blank.

use super::{Batch, Target, Task, at_least, one_hot};
use crate::Result;
use gradus_autograd::Real;
use ndarray::Array2;
use rand::{Rng, RngExt};

/// The copying memory problem: some symbols, a long blank, a sign, and then the symbols are to be said again in their
/// order.
///
/// ```text
/// input    s₁ … s_S   – … – (T − 1 blanks)   ▸   – … – (S blanks)
/// target   – … – (T + S blanks)                  s₁ … s_S
/// ```
///
/// `S` symbols out of `K`, 10 out of 8 by default, so that an input has `T + 2S` steps. Inputs are one-hot, `K + 2`
/// features: the symbols, the blank, the sign. Every step has a target, one of the `K + 1` classes of symbols and
/// blank. The loss is the mean cross-entropy. It tells whether several things can be kept at once over a distance,
/// while nothing happens.
///
/// # Scores
/// - [baseline](Task::baseline): blanks where blanks are due, and at the `S` last steps every symbol equally likely:
///   `S ln K / (T + 2S)` nats, with the default `10 ln 8 / (T + 20)`;
/// - [solved](Task::solved): a tenth of it, which with `K = 8` is a mean of 0.2 nats a symbol: a wrong
///   one costs at least `ln 2`, so that at least seven of ten are right;
/// - measured with 3 symbols out of 4: an Elman network of 32 tanh units (Adam at 2e-3, gradient's norm clipped to 1,
///   3,000 batches of 32) reaches 0.0005 nats at a delay of 1, where the baseline is 0.594, and 0.233 of 0.378 at 5,
///   and at 20 it stays at the baseline of 0.160; an LSTM in the same setting is at 0.098 there.
///
/// # Examples
/// ```
/// use gradus_rnn_bptt::tasks::{CopyMemory, Task};
/// let task = CopyMemory::new(100)?;
/// assert_eq!((task.steps(), task.input_size(), task.output_size()), (120, 10, 9));
/// assert!((task.baseline() - 10.0 * 8_f64.ln() / 120.0).abs() < 1e-12);
/// # Ok::<(), gradus_rnn_bptt::Error>(())
/// ```
///
/// # References
/// S. Hochreiter, J. Schmidhuber, [*Long short-term memory*](https://doi.org/10.1162/neco.1997.9.8.1735), Neural
/// Computation 9(8), 1997; in the form here M. Arjovsky, A. Shah, Y. Bengio, [*Unitary evolution recurrent neural
/// networks*](https://arxiv.org/abs/1511.06464), ICML 2016, section 4.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyMemory {
    delay: usize,
    symbols: usize,
    alphabet: usize,
}

impl CopyMemory {
    /// 10 symbols out of 8 over a delay of `T` steps.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) for a delay of 0.
    pub fn new(delay: usize) -> Result<Self> {
        Self::of(delay, 10, 8)
    }

    /// This many symbols out of an alphabet of this many.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) for a delay or a number of symbols of 0, and an alphabet of less than 2.
    pub fn of(delay: usize, symbols: usize, alphabet: usize) -> Result<Self> {
        let delay = at_least(1, "copy memory", "delay", delay, "the sign takes one step, so at least 1")?;
        let symbols = at_least(1, "copy memory", "symbols", symbols, "there is something to remember, so at least 1")?;
        let alphabet =
            at_least(2, "copy memory", "alphabet", alphabet, "one letter needs no memory, so at least 2 letters")?;
        Ok(Self { delay, symbols, alphabet })
    }
}

impl Task for CopyMemory {
    fn input_size(&self) -> usize {
        self.alphabet + 2
    }

    fn output_size(&self) -> usize {
        self.alphabet + 1
    }

    fn steps(&self) -> usize {
        self.delay + 2 * self.symbols
    }

    fn every_step(&self) -> bool {
        true
    }

    fn batch<F: Real>(&self, sequences: usize, rng: &mut (impl Rng + ?Sized)) -> Batch<F> {
        let (steps, blank, sign) = (self.steps(), self.alphabet, self.alphabet + 1);
        let symbols = Array2::from_shape_simple_fn((self.symbols, sequences), || rng.random_range(..self.alphabet));
        let read = |t: usize, n: usize| match t {
            t if t < self.symbols => symbols[[t, n]],
            t if t + 1 == self.delay + self.symbols => sign,
            _ => blank,
        };
        let say = |(t, n): (usize, usize)| match t.checked_sub(self.delay + self.symbols) {
            Some(place) => symbols[[place, n]],
            None => blank,
        };
        let target = Array2::from_shape_fn((steps, sequences), say);
        Batch { input: one_hot(steps, sequences, sign + 1, read), target: Target::Classes(target.into_dyn()) }
    }

    /// `S ln K / (T + 2S)`.
    fn baseline(&self) -> f64 {
        self.symbols as f64 * (self.alphabet as f64).ln() / self.steps() as f64
    }

    fn solved(&self) -> f64 {
        self.baseline() / 10.0
    }

    /// A delay of 20, measured with 3 symbols out of 4.
    fn rnn_horizon(&self) -> Option<usize> {
        Some(20)
    }
}
