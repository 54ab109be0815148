//! Brackets within brackets.

use super::{Batch, Target, Task, at_least, one_hot};
use crate::Result;
use gradus_autograd::Real;
use ndarray::Array2;
use rand::{Rng, RngExt};

/// Dyck languages: brackets of several kinds are opened and closed, and at every step the question is which one is open.
///
/// ```text
/// reads    (  [  ]  (  )  )  [        says    ( [ ( ( ( – [
/// ```
///
/// With `K` kinds and a depth of at most `D`: where nothing is open, a bracket is opened; at depth `D` the innermost is
/// closed; else both are equally likely, and so are the kinds. Inputs are one-hot, `2K` features, the opening brackets
/// first. Every step has a target: class 0 where nothing is open, else the kind of the innermost open bracket, from 1.
/// The loss is the mean cross-entropy. It tells whether a network keeps a stack, which is more than a counter: after a
/// bracket is closed, the one below it is asked for.
///
/// # Scores
/// - [baseline](Task::baseline): the best function of the present bracket. After one that opens the answer is its kind,
///   and costs nothing; after one that closes, nothing is open with a probability `p` that follows from the depths'
///   distribution, and else all kinds are equally likely: `P(close) (h(p) + (1 − p) ln K)` nats, `h` the entropy of a
///   coin;
/// - [solved](Task::solved): a tenth of it;
/// - measured with 50 steps and two kinds: an Elman network of 32 tanh units (Adam at 2e-3, gradient's norm clipped to
///   1, 3,000 batches of 32) reaches 0.002 nats at a depth of 4, 0.043 at 8 and 0.047 at 16, where the baselines are
///   0.52, 0.49 and 0.47; an LSTM in the same setting reaches 0.016 at 16. It is the depth that makes it hard, not the
///   length.
///
/// # Examples
/// ```
/// use gradus_rnn_bptt::tasks::{Brackets, Task};
/// // At a depth of 1 every second step closes, and then nothing is open: no memory is needed.
/// assert_eq!(Brackets::new(20, 2, 1)?.baseline(), 0.0);
/// assert!(Brackets::new(20, 2, 8)?.baseline() > 0.4);
/// # Ok::<(), gradus_rnn_bptt::Error>(())
/// ```
///
/// # References
/// M. Suzgun, S. Gehrmann, Y. Belinkov, S. M. Shieber, [*Memory-augmented recurrent neural networks can learn
/// generalized Dyck languages*](https://arxiv.org/abs/1911.03329), 2019; J. Hewitt, M. Hahn, S. Ganguli, P. Liang, C.
/// D. Manning, [*RNNs can generate bounded hierarchical languages with optimal
/// memory*](https://arxiv.org/abs/2010.07515), EMNLP 2020.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brackets {
    steps: usize,
    kinds: usize,
    depth: usize,
}

impl Brackets {
    /// Sequences of this many steps, of so many kinds of brackets, nested so deep at most.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) for one of them being 0.
    pub fn new(steps: usize, kinds: usize, depth: usize) -> Result<Self> {
        let steps = at_least(1, "brackets", "steps", steps, "a sequence has at least 1 step")?;
        let kinds = at_least(1, "brackets", "kinds", kinds, "there is at least 1 kind of brackets")?;
        let depth = at_least(1, "brackets", "depth", depth, "what is opened has a depth of at least 1")?;
        Ok(Self { steps, kinds, depth })
    }

    /// The shares of steps at which a bracket is closed, and at which the last open one is.
    fn closing(&self) -> (f64, f64) {
        let mut at = vec![0.0; self.depth + 1]; // the probability of each depth
        at[0] = 1.0;
        let (mut closes, mut empties) = (0.0, 0.0);
        for _ in 0..self.steps {
            let mut after = vec![0.0; self.depth + 1];
            for (depth, &p) in at.iter().enumerate() {
                let close = self.close(depth);
                if depth > 0 {
                    after[depth - 1] += p * close;
                    closes += p * close;
                }
                if depth < self.depth {
                    after[depth + 1] += p * (1.0 - close);
                }
            }
            empties += at[1] * self.close(1);
            at = after;
        }
        (closes / self.steps as f64, empties / self.steps as f64)
    }

    /// The probability that a bracket is closed at this depth.
    fn close(&self, depth: usize) -> f64 {
        match depth {
            0 => 0.0,
            depth if depth == self.depth => 1.0,
            _ => 0.5,
        }
    }
}

impl Task for Brackets {
    fn input_size(&self) -> usize {
        2 * self.kinds
    }

    fn output_size(&self) -> usize {
        self.kinds + 1
    }

    fn steps(&self) -> usize {
        self.steps
    }

    fn every_step(&self) -> bool {
        true
    }

    fn batch<F: Real>(&self, sequences: usize, rng: &mut (impl Rng + ?Sized)) -> Batch<F> {
        let mut read = Array2::zeros((self.steps, sequences));
        let mut say = Array2::zeros((self.steps, sequences));
        for n in 0..sequences {
            let mut open = Vec::with_capacity(self.depth);
            for t in 0..self.steps {
                let close = rng.random_bool(self.close(open.len()));
                read[[t, n]] = match open.pop_if(|_| close) {
                    Some(kind) => self.kinds + kind,
                    None => {
                        open.push(rng.random_range(..self.kinds));
                        open[open.len() - 1]
                    }
                };
                say[[t, n]] = open.last().map_or(0, |kind| kind + 1);
            }
        }
        let input = one_hot(self.steps, sequences, 2 * self.kinds, |t, n| read[[t, n]]);
        Batch { input, target: Target::Classes(say.into_dyn()) }
    }

    /// `P(close) (h(p) + (1 − p) ln K)`, `p = P(nothing is open | close)`.
    fn baseline(&self) -> f64 {
        let (closes, empties) = self.closing();
        if closes == 0.0 {
            return 0.0; // one step, which opens
        }
        let p = empties / closes;
        let part = |p: f64| if p > 0.0 { -p * p.ln() } else { 0.0 };
        closes * (part(p) + part(1.0 - p) + (1.0 - p) * (self.kinds as f64).ln())
    }

    fn solved(&self) -> f64 {
        self.baseline() / 10.0
    }

    /// No length: what has to be kept is bounded by the depth.
    fn rnn_horizon(&self) -> Option<usize> {
        None
    }
}
