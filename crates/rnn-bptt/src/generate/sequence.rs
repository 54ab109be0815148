//! Token after token.

use super::Sampler;
use crate::Error;
use gradus_autograd::Real;
use rand::Rng;

/// One-to-many: tokens without an end, each drawn from what the model says after it has read all before it.
///
/// The model is a function: a token and the state before it (none at the beginning) in, the logits of the next token
/// and the state after it out. The priming tokens are read first; the iterator gives those that follow. After an error
/// it ends.
///
/// # Examples
/// A model that has no need of a state: after each number comes the next one, in a circle.
/// ```
/// use gradus_rnn_bptt::{Error, generate::{Generate, Sampler}};
/// use rand::{SeedableRng, rngs::StdRng};
/// let next = |token: usize, _: Option<()>| {
///     let mut logits = [0.0_f32; 5];
///     logits[(token + 1) % 5] = 9.0;
///     Ok::<_, Error>((logits.to_vec(), ()))
/// };
/// let circle = Generate::new(&[2], Sampler::greedy(), StdRng::seed_from_u64(1), next)?;
/// let tokens: Vec<usize> = circle.take(6).collect::<Result<_, _>>()?;
/// assert_eq!(tokens, [3, 4, 0, 1, 2, 3]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct Generate<M, S, F, R> {
    model: M,
    sampler: Sampler,
    rng: R,
    /// What the model said last, and the state that it gave with it; nothing after an error.
    last: Option<(Vec<F>, S)>,
    /// The token drawn from it, which the model reads when another one is asked for.
    drawn: Option<usize>,
}

impl<M, S, F, R, E> Generate<M, S, F, R>
where
    M: FnMut(usize, Option<S>) -> Result<(Vec<F>, S), E>,
    F: Real,
    R: Rng,
    E: From<Error>,
{
    /// Reads the priming tokens.
    ///
    /// # Errors
    /// [`Error::NoPrime`] if there are none, [`Error::Setting`] for a sampler whose settings are out of range, and the
    /// model's own.
    pub fn new(prime: &[usize], sampler: Sampler, rng: R, mut model: M) -> Result<Self, E> {
        sampler.check()?;
        let (&first, rest) = prime.split_first().ok_or(Error::NoPrime { operation: "generate" })?;
        let mut last = model(first, None)?;
        for &token in rest {
            last = model(token, Some(last.1))?;
        }
        Ok(Self { model, sampler, rng, last: Some(last), drawn: None })
    }
}

impl<M, S, F, R, E> Iterator for Generate<M, S, F, R>
where
    M: FnMut(usize, Option<S>) -> Result<(Vec<F>, S), E>,
    F: Real,
    R: Rng,
    E: From<Error>,
{
    type Item = Result<usize, E>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut last = self.last.take()?;
        if let Some(token) = self.drawn {
            last = match (self.model)(token, Some(last.1)) {
                Ok(said) => said,
                Err(error) => return Some(Err(error)),
            };
        }
        let token = match self.sampler.sample(&last.0, &mut self.rng) {
            Ok(token) => token,
            Err(error) => return Some(Err(error.into())),
        };
        (self.last, self.drawn) = (Some(last), Some(token));
        Some(Ok(token))
    }
}
