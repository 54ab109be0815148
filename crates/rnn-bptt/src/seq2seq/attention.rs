//! How well each place of a source goes with a query.

use gradus_autograd::{Real, Var};
use gradus_nn_layers::{Error, Layer, Linear, Module, Result, Walk, WalkMut};
use rand::Rng;
use std::fmt::Debug;

/// A score for each place of a source, for what is asked now.
///
/// ```text
/// eₜ = score(q, mₜ)        aₜ = exp eₜ / Σₛ exp eₛ  over the places that are no padding        c = Σₜ aₜ mₜ
/// ```
///
/// An attention of your own says the scores; masking, softmax and the weighted sum are the [decoder](super::Decoder)'s.
pub trait Attend<F: Real>: Module<F> + Clone + Debug + Send + Sync {
    /// The part of the scores that depends on the memory alone, computed once for all queries: `(T, N, M) → (T, N, K)`.
    ///
    /// # Errors
    /// If the memory does not fit.
    fn keys(&self, memory: &Var<F>) -> Result<Var<F>>;

    /// The scores of a query `(N, Q)` for keys `(T, N, K)`: `(T, N)`.
    ///
    /// # Errors
    /// If the query does not fit.
    fn scores(&self, query: &Var<F>, keys: &Var<F>) -> Result<Var<F>>;
}

/// Additive attention: a small network of query and memory. Query and memory may have any sizes.
///
/// ```text
/// score(q, m) = vᵀ tanh(W q + U m)
/// ```
///
/// # References
/// D. Bahdanau, K. Cho, Y. Bengio, [*Neural machine translation by jointly learning to align and
/// translate*](https://arxiv.org/abs/1409.0473), ICLR 2015.
#[derive(Debug, Clone, Module)]
pub struct AdditiveAttention<F: Real = f32> {
    /// `W (attention_size, query_size)`.
    pub query: Linear<F>,
    /// `U (attention_size, memory_size)`.
    pub memory: Linear<F>,
    /// `vᵀ (1, attention_size)`.
    pub score: Linear<F>,
}

impl<F: Real> AdditiveAttention<F> {
    /// Draws `W`, `U` and `v` as [`Linear::without_bias`] does.
    pub fn new(query_size: usize, memory_size: usize, attention_size: usize, rng: &mut (impl Rng + ?Sized)) -> Self {
        Self {
            query: Linear::without_bias(query_size, attention_size, rng),
            memory: Linear::without_bias(memory_size, attention_size, rng),
            score: Linear::without_bias(attention_size, 1, rng),
        }
    }
}

impl<F: Real> Attend<F> for AdditiveAttention<F> {
    fn keys(&self, memory: &Var<F>) -> Result<Var<F>> {
        self.memory.forward(memory)
    }

    fn scores(&self, query: &Var<F>, keys: &Var<F>) -> Result<Var<F>> {
        let both = keys.try_add(&self.query.forward(query)?)?; // the query at every place
        Ok(self.score.forward(&both.tanh())?.squeeze(-1)?)
    }
}

/// Dot-product attention: query and memory have the same size, and nothing is learnt here.
///
/// ```text
/// score(q, m) = qᵀ m
/// ```
///
/// # References
/// M.-T. Luong, H. Pham, C. D. Manning, [*Effective approaches to attention-based neural machine
/// translation*](https://arxiv.org/abs/1508.04025), EMNLP 2015, section 3.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DotAttention;

impl<F: Real> Module<F> for DotAttention {
    fn walk<'module>(&'module self, _: &mut Walk<'module, '_, F>) {}
    fn walk_mut<'module>(&'module mut self, _: &mut WalkMut<'module, '_, F>) {}
}

impl<F: Real> Attend<F> for DotAttention {
    fn keys(&self, memory: &Var<F>) -> Result<Var<F>> {
        Ok(memory.clone())
    }

    fn scores(&self, query: &Var<F>, keys: &Var<F>) -> Result<Var<F>> {
        dot("dot attention", query, keys)
    }
}

/// Dot-product attention with a matrix in between, for sizes that differ. Luong calls it general.
///
/// ```text
/// score(q, m) = qᵀ W m
/// ```
///
/// # References
/// As [`DotAttention`].
#[derive(Debug, Clone, Module)]
pub struct GeneralAttention<F: Real = f32> {
    /// `W (query_size, memory_size)`.
    pub memory: Linear<F>,
}

impl<F: Real> GeneralAttention<F> {
    /// Draws `W` as [`Linear::without_bias`] does.
    pub fn new(query_size: usize, memory_size: usize, rng: &mut (impl Rng + ?Sized)) -> Self {
        Self { memory: Linear::without_bias(memory_size, query_size, rng) }
    }
}

impl<F: Real> Attend<F> for GeneralAttention<F> {
    fn keys(&self, memory: &Var<F>) -> Result<Var<F>> {
        self.memory.forward(memory)
    }

    fn scores(&self, query: &Var<F>, keys: &Var<F>) -> Result<Var<F>> {
        dot("general attention", query, keys)
    }
}

/// `qᵀ k` at every place.
#[track_caller]
fn dot<F: Real>(layer: &'static str, query: &Var<F>, keys: &Var<F>) -> Result<Var<F>> {
    let expected = keys.shape().last().copied().unwrap_or(0);
    if query.shape().last() != Some(&expected) {
        return Err(Error::Features { layer, expected, input: query.shape().to_vec() });
    }
    Ok(keys.try_mul(query)?.sum_axes(&[-1], false)?)
}
