//! A form that is linear in each of two inputs.

use crate::{Error, Module, Parameter, Result, init};
use gradus_autograd::{Real, Var};
use rand::Rng;

/// Bilinear form of the last axes of two inputs.
///
/// ```text
/// yₖ = Σᵢⱼ x₁ᵢ Wₖᵢⱼ x₂ⱼ + bₖ
/// dx₁ᵢ = Σₖⱼ dyₖ Wₖᵢⱼ x₂ⱼ,  dx₂ⱼ = Σₖᵢ dyₖ Wₖᵢⱼ x₁ᵢ,  dWₖᵢⱼ = Σ dyₖ x₁ᵢ x₂ⱼ,  db = Σ dy over all axes but the last
/// ```
///
/// Computed as the linear map of all products `x₁ᵢ x₂ⱼ`, which is one matrix product. It is no
/// [`Layer`](crate::Layer), having two inputs.
///
/// # Shapes
/// - inputs: `(…, in1_features)` and `(…, in2_features)`, with the same axes before the last
/// - output: `(…, out_features)`
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Bilinear, Tape, ndarray::array};
/// let layer: Bilinear = Bilinear::from_parts(array![[[1.0, 0.0], [0.0, -1.0]]], Some(array![0.5].into()))?;
/// let tape = Tape::recording();
/// let (a, b) = (tape.variable(array![[3.0, 2.0]]), tape.variable(array![[5.0, 4.0]]));
/// assert_eq!(layer.forward(&a, &b)?.value(), &array![[7.5]]); // 3 · 5 − 2 · 4 + 0.5
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
#[derive(Debug, Clone, Module)]
pub struct Bilinear<F: Real = f32> {
    /// Weights `W`, `(out_features, in1_features, in2_features)`.
    pub weight: Parameter<F>,
    /// Bias `b`, `(out_features,)`.
    pub bias: Option<Parameter<F>>,
}

const NAME: &str = "bilinear";
const RANK: &str = "three, (out_features, in1_features, in2_features),";

impl<F: Real> Bilinear<F> {
    /// Draws `W` and `b` from `U(−k, k)`, `k = 1/√in1_features`.
    pub fn new(in1_features: usize, in2_features: usize, out_features: usize, rng: &mut (impl Rng + ?Sized)) -> Self {
        let weight = Self::without_bias(in1_features, in2_features, out_features, rng).weight;
        let bias = init::uniform(out_features, init::inverse_sqrt(in1_features), rng);
        Self { weight, bias: Some(bias.into()) }
    }

    /// As [`Bilinear::new`], with no bias.
    pub fn without_bias(
        in1_features: usize,
        in2_features: usize,
        out_features: usize,
        rng: &mut (impl Rng + ?Sized),
    ) -> Self {
        let shape = (out_features, in1_features, in2_features);
        Self { weight: init::uniform(shape, init::inverse_sqrt(in1_features), rng).into(), bias: None }
    }

    /// A form of this weight and bias.
    ///
    /// # Errors
    /// [`Error::ParameterRank`] if the weight has not three axes; [`Error::ParameterShape`] if the bias does not fit it.
    pub fn from_parts(weight: impl Into<Parameter<F>>, bias: Option<Parameter<F>>) -> Result<Self> {
        let layer = Self { weight: weight.into(), bias };
        let [out_features, ..] = layer.sizes()?;
        if let Some(bias) = &layer.bias
            && bias.shape() != [out_features]
        {
            let (found, expected) = (bias.shape().to_vec(), vec![out_features]);
            return Err(Error::ParameterShape { layer: NAME, parameter: "bias", found, expected });
        }
        Ok(layer)
    }

    /// The form of two inputs.
    ///
    /// # Errors
    /// [`Error::Features`] if a last axis is not as long as the weight asks for, [`Error::Shapes`] if the axes before differ,
    /// [`Error::ParameterRank`].
    #[track_caller]
    pub fn forward(&self, x1: &Var<F>, x2: &Var<F>) -> Result<Var<F>> {
        let [out_features, in1, in2] = self.sizes()?;
        for (x, expected) in [(x1, in1), (x2, in2)] {
            if x.shape().last() != Some(&expected) {
                return Err(Error::Features { layer: NAME, expected, input: x.shape().to_vec() });
            }
        }
        let batch = &x1.shape()[..x1.shape().len() - 1];
        if *batch != x2.shape()[..x2.shape().len() - 1] {
            let (left, right) = (x1.shape().to_vec(), x2.shape().to_vec());
            let expected = "the axes before the last must be the same";
            return Err(Error::Shapes { layer: NAME, left, right, expected });
        }
        let products = x1.unsqueeze(-1)?.try_mul(&x2.unsqueeze(-2)?)?;
        let products = products.reshape(&[batch, &[in1 * in2]].concat())?;
        let tape = x1.tape();
        let weight = tape.parameter(&self.weight).reshape(&[out_features, in1 * in2])?;
        let bias = self.bias.as_ref().map(|bias| tape.parameter(bias));
        Ok(products.affine(&weight, bias.as_ref())?)
    }

    /// The weight's three sizes.
    fn sizes(&self) -> Result<[usize; 3]> {
        self.weight.shape().try_into().map_err(|_| {
            let found = self.weight.shape().to_vec();
            Error::ParameterRank { layer: NAME, parameter: "weight", found, expected: RANK }
        })
    }
}
