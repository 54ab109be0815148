//! The block that transformers are stacks of.

use super::multihead::MultiheadAttention;
use super::options::Attention;
use crate::{Layer, LayerNorm, Linear, Module, Result};
use gradus_autograd::{Real, Var};
use rand::Rng;

/// A pre-norm transformer block: self-attention and a small network for each position, each beside a path that goes by it.
///
/// ```text
/// h = x + attention(norm₁(x))
/// y = h + W₂ gelu(W₁ norm₂(h) + b₁) + b₂
/// ```
///
/// What is normalized is the input of each branch and not their sum: the path past them is the identity from the first block
/// to the last, so that gradients arrive undiminished and the training needs no warm-up.
///
/// The parameters' names are those of PyTorch's `TransformerEncoderLayer` with `norm_first=True`, `activation="gelu"`,
/// `batch_first=True`. There is no dropout in it.
///
/// # Shapes
/// - input: `(N, L, embed_dim)`, or without `N`
/// - output: as the input
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Layer, Module, Tape, TransformerBlock, ndarray::Array3};
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let block: TransformerBlock = TransformerBlock::new(8, 2, 32, &mut StdRng::seed_from_u64(7))?.causal();
/// let y = block.forward(&Tape::inference().input(Array3::ones((2, 5, 8))))?;
/// assert_eq!(y.shape(), [2, 5, 8]);
/// assert_eq!(block.parameters()[0].0, "self_attn.in_proj_weight");
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// A. Vaswani et al., *Attention is all you need*, 2017, <https://arxiv.org/abs/1706.03762>;
/// R. Xiong et al., *On layer normalization in the transformer architecture*, 2020, <https://arxiv.org/abs/2002.04745>;
/// D. Hendrycks, K. Gimpel, *Gaussian error linear units*, 2016, <https://arxiv.org/abs/1606.08415>
#[derive(Debug, Clone, Module)]
pub struct TransformerBlock<F: Real = f32> {
    /// The attention.
    pub self_attn: MultiheadAttention<F>,
    /// `W₁` and `b₁`, from `embed_dim` to the width of the hidden layer.
    pub linear1: Linear<F>,
    /// `W₂` and `b₂`, back again.
    pub linear2: Linear<F>,
    /// The normalization before the attention.
    pub norm1: LayerNorm<F>,
    /// The normalization before the small network.
    pub norm2: LayerNorm<F>,
}

impl<F: Real> TransformerBlock<F> {
    /// A block of this width, with so many heads and hidden units; four times as many as the width are usual.
    ///
    /// # Errors
    /// As [`MultiheadAttention::new`].
    pub fn new(embed_dim: usize, num_heads: usize, hidden: usize, rng: &mut (impl Rng + ?Sized)) -> Result<Self> {
        Ok(Self {
            self_attn: MultiheadAttention::new(embed_dim, num_heads, rng)?,
            linear1: Linear::new(embed_dim, hidden, rng),
            linear2: Linear::new(hidden, embed_dim, rng),
            norm1: LayerNorm::new(embed_dim),
            norm2: LayerNorm::new(embed_dim),
        })
    }

    /// The same, in which each position sees only itself and those before it.
    #[must_use]
    pub fn causal(mut self) -> Self {
        self.self_attn.causal = true;
        self
    }

    /// The output where the attention is restricted by these masks.
    ///
    /// # Errors
    /// As [`MultiheadAttention::self_attention`], [`LayerNorm`] and [`Linear`], in an [`Error::InLayer`](crate::Error::InLayer).
    #[track_caller]
    pub fn forward_masked(&self, x: &Var<F>, options: &Attention<F>) -> Result<Var<F>> {
        let normalized = self.norm1.forward_at("norm1", x)?;
        let attended = self.self_attn.self_attention(&normalized, options);
        let (attended, _) = attended
            .map_err(|error| error.in_layer("self_attn", Layer::<F>::kind(&self.self_attn), normalized.shape()))?;
        let h = x.try_add(&attended)?;
        let hidden = self.linear1.forward_at("linear1", &self.norm2.forward_at("norm2", &h)?)?.gelu();
        Ok(h.try_add(&self.linear2.forward_at("linear2", &hidden)?)?)
    }
}

impl<F: Real> Layer<F> for TransformerBlock<F> {
    /// # Errors
    /// As [`TransformerBlock::forward_masked`].
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        self.forward_masked(x, &Attention::new())
    }
}
