//! The likeliest sequences, several of them followed at a time.

use super::sampler::finite;
use crate::{Error, Result};
use gradus_autograd::Real;

/// A sequence that a search has found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hypothesis<S> {
    /// Its tokens, the end with them if it was reached.
    pub tokens: Vec<usize>,
    /// `ln P(tokens)`.
    pub log_probability: f64,
    /// What it is ranked by: [`log_probability`](Self::log_probability) over the length penalty.
    pub score: f64,
    /// Whether it came to its end; else it was cut off at the largest length.
    pub finished: bool,
    /// The model's state after the last step that was taken.
    pub state: S,
}

/// Beam search: of all sequences that are one token longer than those followed so far, the `width` likeliest are
/// followed further.
///
/// A sequence that reaches its end takes no further part and keeps its place in the results. They are ranked by
///
/// ```text
/// score = ln P / lp,  lp = ((5 + length) / 6)^α
/// ```
///
/// With the length penalty `α = 0`, the default, by probability alone, which favours short ones; 0.6 to 1 are usual in
/// translation. A width of 1 is greedy search; one that leaves no sequence out is exhaustive. The search stops as soon
/// as nothing that is still followed can get among the `width` best.
///
/// # Examples
/// Greedy search takes the likelier first step, and misses the likelier pair:
/// ```
/// use gradus_rnn_bptt::{Error, generate::BeamSearch};
/// let model = |tokens: &[usize], _: &()| {
///     let p: [f64; 3] = match tokens {
///         [] => [0.6, 0.4, 1e-9],
///         [0] => [0.5, 0.49, 0.01],
///         _ => [0.9, 0.09, 0.01],
///     };
///     Ok::<_, Error>((p.map(f64::ln).to_vec(), ()))
/// };
/// let best = |width| Ok::<_, Error>(BeamSearch::new(width, 2, 2).search((), model)?.swap_remove(0).tokens);
/// assert_eq!(best(1)?, [0, 0]);
/// assert_eq!(best(2)?, [1, 0]);
/// # Ok::<(), Error>(())
/// ```
///
/// # References
/// A. Graves, [*Sequence transduction with recurrent neural networks*](https://arxiv.org/abs/1211.3711), 2012; the
/// length penalty is that of Y. Wu et al., [*Google's neural machine translation
/// system*](https://arxiv.org/abs/1609.08144), 2016, section 7.
#[derive(Debug, Clone, PartialEq)]
pub struct BeamSearch {
    /// How many sequences are followed, and how many are found at most; at least 1.
    pub width: usize,
    /// The largest number of tokens, the end among them; at least 1.
    pub max_len: usize,
    /// The token that ends a sequence.
    pub end: usize,
    /// The exponent `α`, at least 0.
    pub length_penalty: f64,
}

/// The `width` best sequences by [`BeamSearch`] without a length penalty, from the state `start`.
///
/// # Errors
/// As [`BeamSearch::search`].
pub fn beam_search<S: Clone, F: Real, E: From<Error>>(
    start: S,
    width: usize,
    max_len: usize,
    end: usize,
    step: impl FnMut(&[usize], &S) -> Result<(Vec<F>, S), E>,
) -> Result<Vec<Hypothesis<S>>, E> {
    BeamSearch::new(width, max_len, end).search(start, step)
}

impl BeamSearch {
    /// A search without a length penalty.
    #[must_use]
    pub fn new(width: usize, max_len: usize, end: usize) -> Self {
        Self { width, max_len, end, length_penalty: 0.0 }
    }

    /// Ranked with this exponent `α`.
    #[must_use]
    pub fn length_penalty(mut self, alpha: f64) -> Self {
        self.length_penalty = alpha;
        self
    }

    /// At most `width` sequences, the best first.
    ///
    /// `step` is the model: it gets the tokens of a sequence so far, none at the beginning, and the state that it gave
    /// with them, and says the logits of the next token and the next state.
    ///
    /// # Errors
    /// [`Error::Setting`] for a width or a largest length of 0 and a length penalty that is negative or not finite;
    /// [`Error::NoLogits`] or [`Error::NotFinite`] for logits that make no distribution; the model's own.
    pub fn search<S: Clone, F: Real, E: From<Error>>(
        &self,
        start: S,
        mut step: impl FnMut(&[usize], &S) -> Result<(Vec<F>, S), E>,
    ) -> Result<Vec<Hypothesis<S>>, E> {
        self.check()?;
        let mut found: Vec<Hypothesis<S>> = Vec::new();
        let mut live = vec![self.hypothesis(Vec::new(), 0.0, start)];
        for _ in 0..self.max_len {
            // What each of the live ones would become by each token, the likeliest first.
            let mut states = Vec::with_capacity(live.len());
            let mut candidates = Vec::new();
            for (parent, hypothesis) in live.iter().enumerate() {
                let (logits, state) = step(&hypothesis.tokens, &hypothesis.state)?;
                let log_probabilities = log_softmax(finite("beam search", &logits)?);
                let all = log_probabilities.into_iter().enumerate();
                candidates.extend(all.map(|(token, p)| (hypothesis.log_probability + p, parent, token)));
                states.push(state);
            }
            candidates.sort_by(|(a, ..), (b, ..)| b.total_cmp(a)); // stable: of equal ones the first stays first
            candidates.truncate(self.width);
            let mut after = Vec::with_capacity(candidates.len());
            for (log_probability, parent, token) in candidates {
                let tokens = [&live[parent].tokens[..], &[token]].concat();
                let hypothesis = self.hypothesis(tokens, log_probability, states[parent].clone());
                if hypothesis.finished { found.push(hypothesis) } else { after.push(hypothesis) }
            }
            live = after;
            rank(&mut found);
            found.truncate(self.width);
            if live.iter().all(|hypothesis| self.is_beaten(hypothesis, &found)) {
                live.clear();
                break;
            }
        }
        found.append(&mut live);
        rank(&mut found);
        found.truncate(self.width);
        Ok(found)
    }

    fn check(&self) -> Result<()> {
        let operation = "beam search";
        Error::at_least(1, operation, "width", self.width, "at least 1 sequence has to be followed")?;
        Error::at_least(1, operation, "max_len", self.max_len, "a sequence has at least 1 token")?;
        let value = self.length_penalty;
        if value >= 0.0 && value.is_finite() {
            return Ok(());
        }
        Err(Error::Setting {
            operation,
            name: "length_penalty",
            value,
            expected: "a finite number of at least 0 would fit",
        })
    }

    fn hypothesis<S>(&self, tokens: Vec<usize>, log_probability: f64, state: S) -> Hypothesis<S> {
        let (score, finished) = (log_probability / self.penalty(tokens.len()), tokens.last() == Some(&self.end));
        Hypothesis { tokens, log_probability, score, finished, state }
    }

    fn penalty(&self, length: usize) -> f64 {
        ((5.0 + length as f64) / 6.0).powf(self.length_penalty)
    }

    /// Whether nothing that begins so can get among the best: its probability only falls, and no penalty is larger than
    /// that of the largest length.
    fn is_beaten<S>(&self, live: &Hypothesis<S>, found: &[Hypothesis<S>]) -> bool {
        let best = live.log_probability / self.penalty(self.max_len);
        found.len() >= self.width && found.iter().all(|found| found.score >= best)
    }
}

/// The best first; of equal ones, the one found first.
fn rank<S>(found: &mut [Hypothesis<S>]) {
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
}

/// `xₖ − ln Σ exp xⱼ`.
fn log_softmax(mut x: Vec<f64>) -> Vec<f64> {
    let max = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let ln_sum = x.iter().map(|x| (x - max).exp()).sum::<f64>().ln();
    x.iter_mut().for_each(|x| *x -= max + ln_sum);
    x
}
