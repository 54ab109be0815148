//! What may be asked of an attention, and the attention of one function.

use super::heads::Layout;
use super::record::record;
use crate::{Error, Result};
use gradus_autograd::{Real, Value, Var};
use gradus_linalg::elementwise::broadcast_shape;
use ndarray::{ArcArray, Array, Axis, Dimension, IxDyn};

/// Which keys a query may see, and how the scores are scaled.
///
/// All of the masks hold at once: a key counts only if every one of them lets it.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Attention, Tape, ndarray::array, scaled_dot_product_attention};
/// let tape = Tape::<f64>::recording();
/// let (q, v) = (tape.variable(array![[0.0], [0.0]]), tape.variable(array![[1.0], [3.0]]));
/// let y = scaled_dot_product_attention(&q, &q, &v, &Attention::new())?;
/// assert_eq!(y.value(), &array![[2.0], [2.0]]); // all scores are equal: the mean of the values
/// let y = scaled_dot_product_attention(&q, &q, &v, &Attention::new().causal())?;
/// assert_eq!(y.value(), &array![[1.0], [2.0]]); // the first sees only itself
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Attention<F: Real = f32> {
    pub(super) causal: bool,
    pub(super) need_weights: bool,
    scale: Option<f64>,
    pub(super) masks: Vec<ArcArray<bool, IxDyn>>,
    pub(super) additive: Option<Value<F>>,
}

impl<F: Real> Default for Attention<F> {
    fn default() -> Self {
        Self { causal: false, need_weights: false, scale: None, masks: Vec::new(), additive: None }
    }
}

impl<F: Real> Attention<F> {
    /// Every query sees every key.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Query `i` sees the keys up to `i`: no position sees what comes after it. Both are counted from the first, also
    /// where there are more of one, as in PyTorch. Keys that no query of a block sees are not even computed.
    #[must_use]
    pub fn causal(mut self) -> Self {
        self.causal = true;
        self
    }

    /// A mask that is true where a query may see a key, and that broadcasts to the scores, `(…, L, S)`; with several
    /// heads, to `(…, H, L, S)`. PyTorch's function reads a mask so, too; its layer reads it the other way round.
    #[must_use]
    pub fn mask<D: Dimension>(mut self, may_attend: Array<bool, D>) -> Self {
        self.masks.push(may_attend.into_dyn().into_shared());
        self
    }

    /// A mask `(N, S)` that is true where a key is padding, and is not to be seen by any query of its sample; or `(S)`,
    /// without samples. For inputs with heads: it broadcasts to their scores, `(N, H, L, S)`.
    #[must_use]
    pub fn key_padding_mask<D: Dimension>(self, is_padding: Array<bool, D>) -> Self {
        let may_attend = is_padding.mapv_into(|padding| !padding).into_dyn();
        let last = may_attend.ndim().saturating_sub(1);
        self.mask(may_attend.insert_axis(Axis(last)).insert_axis(Axis(last)))
    }

    /// Numbers that are added to the scores, and that broadcast to them; −∞ hides a key. They get no gradient.
    #[must_use]
    pub fn additive_mask<D: Dimension>(mut self, mask: Array<F, D>) -> Self {
        self.additive = Some(mask.into());
        self
    }

    /// What the scores are multiplied by: 1/√E by default, with E features of a query.
    #[must_use]
    pub fn scale(mut self, scale: f64) -> Self {
        self.scale = Some(scale);
        self
    }

    /// Asks a [`MultiheadAttention`](crate::MultiheadAttention) for the weights, too, with which it adds up the values: their mean over the
    /// heads. They take memory for every pair of a query and a key, which is otherwise not used.
    #[must_use]
    pub fn need_weights(mut self) -> Self {
        self.need_weights = true;
        self
    }

    /// The scale for so many features, and all masks checked against the scores.
    pub(super) fn check(&self, layer: &'static str, features: usize, scores: &[usize]) -> Result<F> {
        let masks = self.masks.iter().map(|mask| mask.shape());
        for mask in masks.chain(self.additive.iter().map(|mask| mask.shape())) {
            if broadcast_shape(layer, mask, scores).ok().as_deref() != Some(scores) {
                return Err(Error::Mask { layer, mask: mask.to_vec(), scores: scores.to_vec() });
            }
        }
        let value = self.scale.unwrap_or_else(|| 1.0 / (features.max(1) as f64).sqrt());
        if !value.is_finite() {
            let expected = "a finite number would fit";
            return Err(Error::HyperParameter { operation: layer, name: "scale", value, expected });
        }
        Ok(F::from_f64(value))
    }
}

/// Scaled dot-product attention: each query's mean of the values, weighted by how well their keys match it.
///
/// ```text
/// P = softmax(scale Q Kᵀ + mask),  Y = P V                     softmax over the keys
/// dV = Pᵀ dY,  dP = dY Vᵀ,  dS = P ∘ (dP − rowsum(P ∘ dP)),  dQ = scale dS K,  dK = scale dSᵀ Q
/// ```
///
/// One entry of the tape. It keeps Q, K and V and none of the L·S probabilities: these are made in blocks of queries that
/// stay in cache, and made again on the way back. Matrices and heads are divided among threads.
///
/// A query all of whose keys are masked has the output 0, and gives no gradient, as in PyTorch.
///
/// # Shapes
/// - query: `(…, L, E)`, key: `(…, S, E)`, value: `(…, S, V)`; the axes before the last two broadcast
/// - output: `(…, L, V)`
///
/// # Errors
/// [`Error::Attention`] if the shapes do not belong together, [`Error::Mask`] if a mask does not fit, [`Error::HyperParameter`]
/// for a scale that is not finite.
///
/// # Examples
/// See [`Attention`].
///
/// # References
/// A. Vaswani et al., *Attention is all you need*, 2017, section 3.2.1, <https://arxiv.org/abs/1706.03762>;
/// T. Dao et al., *FlashAttention*, 2022 (blocks that are computed again), <https://arxiv.org/abs/2205.14135>
#[track_caller]
pub fn scaled_dot_product_attention<F: Real>(
    query: &Var<F>,
    key: &Var<F>,
    value: &Var<F>,
    options: &Attention<F>,
) -> Result<Var<F>> {
    const NAME: &str = "scaled_dot_product_attention";
    let wrong = |expected| {
        let [query, key, value] = [query, key, value].map(|x| x.shape().into());
        Err(Error::Attention { layer: NAME, query, key, value, expected })
    };
    let inputs = [query, key, value];
    if inputs.iter().any(|x| x.shape().len() < 2) {
        return wrong("each needs at least two axes, positions and features");
    }
    let matrix = |x: &Var<F>| (x.shape()[x.shape().len() - 2], x.shape()[x.shape().len() - 1]);
    if matrix(query).1 != matrix(key).1 {
        return wrong("queries and keys need as many features");
    }
    if matrix(key).0 != matrix(value).0 {
        return wrong("there has to be a value for each key");
    }
    let leading = |x: &Var<F>| x.shape()[..x.shape().len() - 2].to_vec();
    let all = broadcast_shape(NAME, &leading(query), &leading(key));
    let Ok(all) = all.and_then(|both| broadcast_shape(NAME, &both, &leading(value))) else {
        return wrong("the axes before the last two, counted from the last, must be equal or 1");
    };
    let mut repeated = inputs.map(Var::clone);
    for x in &mut repeated {
        if leading(x) != all {
            let (rows, columns) = matrix(x);
            let shape: Vec<usize> = all.iter().copied().chain([rows, columns]).collect();
            *x = x.broadcast_to(&shape)?;
        }
    }
    let [q, k, v] = &repeated;
    Ok(record(NAME, &[q, k, v], Layout::Matrices, options, false)?.0)
}
