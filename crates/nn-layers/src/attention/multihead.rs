//! Several attentions side by side, between linear maps.

use super::heads::Layout;
use super::options::Attention;
use super::record::record;
use crate::{Error, Layer, Linear, Module, Parameter, Result, init};
use gradus_autograd::{Real, Var};
use rand::Rng;

/// Multi-head attention: queries, keys and values mapped to several narrow heads, each of which attends by itself, and
/// their outputs mapped back.
///
/// ```text
/// headₕ = softmax(Qₕ Kₕᵀ / √D + mask) Vₕ,    Q = query W_qᵀ + b_q,  K = key W_kᵀ + b_k,  V = value W_vᵀ + b_v
/// y = [head₁ … head_H] W_oᵀ + b_o,           Qₕ, Kₕ, Vₕ: columns h D … (h + 1) D,  D = embed_dim / H
/// ```
///
/// As a [`Layer`] it is self-attention: query, key and value are its input. The heads are views of the maps' results; all
/// of them are one entry of the tape, as [`scaled_dot_product_attention`](crate::scaled_dot_product_attention), whose
/// gradient is given there.
///
/// The names, shapes and initial values of the parameters are those of PyTorch's `MultiheadAttention` with
/// `batch_first=True`. A [mask](Attention::mask) is true where a query may see a key, which PyTorch's layer reads the other
/// way round. A query all of whose keys are hidden gathers nothing: its heads are 0, where PyTorch's weights are NaN.
///
/// # Shapes
/// - query: `(N, L, embed_dim)`, key: `(N, S, kdim)`, value: `(N, S, vdim)`; or without `N`, or with more such axes
/// - output: `(N, L, embed_dim)`; weights: `(N, L, S)`
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Attention, Layer, MultiheadAttention, Tape, ndarray::{Array3, array}};
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let layer: MultiheadAttention = MultiheadAttention::new(8, 2, &mut StdRng::seed_from_u64(7))?;
/// let tape = Tape::recording();
/// let x = tape.input(Array3::ones((2, 3, 8)));
/// assert_eq!(layer.forward(&x)?.shape(), [2, 3, 8]);
///
/// let padding = array![[false, false, true], [false, true, true]];
/// let (y, weights) = layer.self_attention(&x, &Attention::new().key_padding_mask(padding).need_weights())?;
/// assert_eq!(weights.unwrap().value().as_slice().unwrap()[..3], [0.5, 0.5, 0.0]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// A. Vaswani et al., *Attention is all you need*, 2017, section 3.2.2, <https://arxiv.org/abs/1706.03762>
#[derive(Debug, Clone, Module)]
pub struct MultiheadAttention<F: Real = f32> {
    /// `W_q`, `W_k` and `W_v` one below the other, `(3 · embed_dim, embed_dim)`, where all inputs are as wide.
    pub in_proj_weight: Option<Parameter<F>>,
    /// `W_q`, `(embed_dim, embed_dim)`, where keys or values have a width of their own.
    pub q_proj_weight: Option<Parameter<F>>,
    /// `W_k`, `(embed_dim, kdim)`, in the same case.
    pub k_proj_weight: Option<Parameter<F>>,
    /// `W_v`, `(embed_dim, vdim)`, in the same case.
    pub v_proj_weight: Option<Parameter<F>>,
    /// `b_q`, `b_k` and `b_v` one behind the other, `(3 · embed_dim,)`; starts as zeros.
    pub in_proj_bias: Option<Parameter<F>>,
    /// `W_o` and `b_o`; the bias starts as zeros.
    pub out_proj: Linear<F>,
    /// The number of heads, which divides `embed_dim`.
    pub num_heads: usize,
    /// Whether each position sees only itself and those before it, whatever the options of a call say.
    pub causal: bool,
}

const NAME: &str = "multihead_attention";

impl<F: Real> MultiheadAttention<F> {
    /// For inputs that are all `embed_dim` wide: weights by Xavier's uniform distribution, those of `out_proj` from
    /// `U(−k, k)`, `k = 1/√embed_dim`.
    ///
    /// # Errors
    /// [`Error::Uneven`] if the heads do not divide `embed_dim`.
    pub fn new(embed_dim: usize, num_heads: usize, rng: &mut (impl Rng + ?Sized)) -> Result<Self> {
        let weight = init::xavier_uniform((embed_dim.saturating_mul(3), embed_dim), 1.0, rng);
        Self::with(embed_dim, num_heads, Some(weight?.into()), [None, None, None], rng)
    }

    /// For keys of `kdim` and values of `vdim` features.
    ///
    /// # Errors
    /// As [`MultiheadAttention::new`].
    pub fn with_widths(
        embed_dim: usize,
        num_heads: usize,
        kdim: usize,
        vdim: usize,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Self> {
        let mut draw = |width| Ok::<_, Error>(Some(init::xavier_uniform((embed_dim, width), 1.0, rng)?.into()));
        let weights = [draw(embed_dim)?, draw(kdim)?, draw(vdim)?];
        Self::with(embed_dim, num_heads, None, weights, rng)
    }

    fn with(
        embed_dim: usize,
        num_heads: usize,
        in_proj_weight: Option<Parameter<F>>,
        [q_proj_weight, k_proj_weight, v_proj_weight]: [Option<Parameter<F>>; 3],
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Self> {
        check_heads(embed_dim, num_heads)?;
        let out_proj =
            Linear { bias: Some(init::zeros(embed_dim).into()), ..Linear::without_bias(embed_dim, embed_dim, rng) };
        let in_proj_bias = Some(init::zeros(3 * embed_dim).into());
        let causal = false;
        Ok(Self {
            in_proj_weight,
            q_proj_weight,
            k_proj_weight,
            v_proj_weight,
            in_proj_bias,
            out_proj,
            num_heads,
            causal,
        })
    }

    /// The same without any bias.
    #[must_use]
    pub fn without_bias(mut self) -> Self {
        (self.in_proj_bias, self.out_proj.bias) = (None, None);
        self
    }

    /// The same, [causal](Attention::causal) in every call.
    #[must_use]
    pub fn causal(mut self) -> Self {
        self.causal = true;
        self
    }

    /// The width of the queries and of the output.
    #[must_use]
    pub fn embed_dim(&self) -> usize {
        self.out_proj.out_features()
    }

    /// The attention of a sequence to itself, and the weights if the options [ask for them](Attention::need_weights).
    ///
    /// # Errors
    /// [`Error::Features`] and [`Error::Attention`] if the input does not fit, [`Error::Mask`] if a mask does not,
    /// [`Error::ParameterShape`], [`Error::Uneven`], [`Error::HyperParameter`] for a scale that is not finite.
    #[track_caller]
    pub fn self_attention(&self, x: &Var<F>, options: &Attention<F>) -> Result<(Var<F>, Option<Var<F>>)> {
        let Some(weight) = &self.in_proj_weight else { return self.cross_attention(x, x, x, options) };
        let width = self.check()?;
        check_input(x, width)?;
        check_shape("in_proj_weight", weight, &[3 * width, width])?;
        let tape = x.tape();
        let bias = self.in_proj_bias.as_ref().map(|bias| tape.parameter(bias));
        let packed = x.affine(&tape.parameter(weight), bias.as_ref())?; // Q, K and V by one product
        self.finish(&[&packed], Layout::Packed(self.num_heads), options)
    }

    /// The attention of queries to other things, and the weights if the options [ask for them](Attention::need_weights).
    ///
    /// # Errors
    /// As [`MultiheadAttention::self_attention`].
    #[track_caller]
    pub fn cross_attention(
        &self,
        query: &Var<F>,
        key: &Var<F>,
        value: &Var<F>,
        options: &Attention<F>,
    ) -> Result<(Var<F>, Option<Var<F>>)> {
        let width = self.check()?;
        let inputs = [query, key, value];
        let own = [&self.q_proj_weight, &self.k_proj_weight, &self.v_proj_weight];
        let mut projected = Vec::with_capacity(3);
        for (i, (x, own)) in inputs.into_iter().zip(own).enumerate() {
            let tape = x.tape();
            let rows = i * width..(i + 1) * width;
            let weight = match (&self.in_proj_weight, own) {
                (Some(all), _) => {
                    check_shape("in_proj_weight", all, &[3 * width, width])?;
                    tape.parameter(all).slice_axis(0, rows.clone(), 1)?
                }
                (None, Some(own)) => {
                    let name = ["q_proj_weight", "k_proj_weight", "v_proj_weight"][i];
                    let features = own.shape().get(1).copied().unwrap_or(width);
                    check_shape(name, own, &[width, features])?;
                    tape.parameter(own)
                }
                (None, None) => {
                    let (found, expected) = (Vec::new(), vec![3 * width, width]);
                    return Err(Error::ParameterShape { layer: NAME, parameter: "in_proj_weight", found, expected });
                }
            };
            check_input(x, weight.shape()[1])?;
            let bias = self.in_proj_bias.as_ref().map(|bias| tape.parameter(bias).slice_axis(0, rows, 1));
            projected.push(x.affine(&weight, bias.transpose()?.as_ref())?);
        }
        let batch = |x: &Var<F>| x.shape()[..x.shape().len() - 2].to_vec();
        let length = |x: &Var<F>| x.shape()[x.shape().len() - 2];
        if batch(query) != batch(key) || batch(query) != batch(value) || length(key) != length(value) {
            let [query, key, value] = inputs.map(|x| x.shape().into());
            let expected = "(N, L, embed_dim), (N, S, kdim) and (N, S, vdim) would fit";
            return Err(Error::Attention { layer: NAME, query, key, value, expected });
        }
        self.finish(&projected.iter().collect::<Vec<_>>(), Layout::Heads(self.num_heads), options)
    }

    /// What follows the maps of the inputs.
    #[track_caller]
    fn finish(&self, inputs: &[&Var<F>], layout: Layout, options: &Attention<F>) -> Result<(Var<F>, Option<Var<F>>)> {
        let options = if self.causal { &options.clone().causal() } else { options };
        let (heads, weights) = record(NAME, inputs, layout, options, options.need_weights)?;
        let mean = weights.map(|weights| weights.mean_axes(&[-3], false)).transpose()?;
        Ok((self.out_proj.forward_at("out_proj", &heads)?, mean))
    }

    /// The width, of which each head gets its share; and the bias has to be three times as long.
    fn check(&self) -> Result<usize> {
        let width = self.embed_dim();
        check_heads(width, self.num_heads)?;
        if let Some(bias) = &self.in_proj_bias {
            check_shape("in_proj_bias", bias, &[3 * width])?;
        }
        Ok(width)
    }
}

impl<F: Real> Layer<F> for MultiheadAttention<F> {
    /// Self-attention without masks, but for the layer's own `causal`.
    ///
    /// # Errors
    /// As [`MultiheadAttention::self_attention`].
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        Ok(self.self_attention(x, &Attention::new())?.0)
    }
}

fn check_heads(count: usize, parts: usize) -> Result<()> {
    if parts > 0 && count.is_multiple_of(parts) {
        return Ok(());
    }
    Err(Error::Uneven { layer: NAME, what: "features", count, into: "heads", parts })
}

fn check_shape<F: Real>(name: &'static str, parameter: &Parameter<F>, expected: &[usize]) -> Result<()> {
    if parameter.shape() == expected {
        return Ok(());
    }
    let (found, expected) = (parameter.shape().to_vec(), expected.to_vec());
    Err(Error::ParameterShape { layer: NAME, parameter: name, found, expected })
}

/// Positions and features, of which there have to be so many.
fn check_input<F: Real>(x: &Var<F>, expected: usize) -> Result<()> {
    match x.shape() {
        [.., _, features] if *features == expected => Ok(()),
        [_] => {
            let [query, key, value] = [(); 3].map(|()| x.shape().into());
            let expected = "each needs at least two axes, positions and features";
            Err(Error::Attention { layer: NAME, query, key, value, expected })
        }
        input => Err(Error::Features { layer: NAME, expected, input: input.to_vec() }),
    }
}
