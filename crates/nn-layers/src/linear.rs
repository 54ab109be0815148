//! Fully connected layer.

use crate::{Description, Error, Layer, Module, Parameter, Result, init, report};
use gradus_autograd::{Real, Var};
use rand::Rng;

/// Affine map of the last axis.
///
/// ```text
/// y = x Wᵀ + b        dx = dy W,  dW = dyᵀ x,  db = Σ dy over all axes but the last
/// ```
///
/// # Shapes
/// - input: `(…, in_features)`, any number of axes before the last, also none
/// - output: `(…, out_features)`
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Layer, Linear, Tape, ndarray::Array2};
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let layer: Linear = Linear::new(64, 10, &mut StdRng::seed_from_u64(7));
/// let tape = Tape::recording();
/// let y = layer.forward(&tape.input(Array2::zeros((32, 64))))?;
/// assert_eq!(y.shape(), [32, 10]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
#[derive(Debug, Clone, Module)]
pub struct Linear<F: Real = f32> {
    /// Weights `W`, `(out_features, in_features)`.
    pub weight: Parameter<F>,
    /// Bias `b`, `(out_features,)`.
    pub bias: Option<Parameter<F>>,
}

const NAME: &str = "linear";

impl<F: Real> Linear<F> {
    /// Draws `W` and `b` from `U(−k, k)`, `k = 1/√in_features`.
    pub fn new(in_features: usize, out_features: usize, rng: &mut (impl Rng + ?Sized)) -> Self {
        let weight = Self::without_bias(in_features, out_features, rng).weight;
        let bias = init::uniform(out_features, init::inverse_sqrt(in_features), rng);
        Self { weight, bias: Some(bias.into()) }
    }

    /// As [`Linear::new`], with no bias: `y = x Wᵀ`.
    pub fn without_bias(in_features: usize, out_features: usize, rng: &mut (impl Rng + ?Sized)) -> Self {
        let weight = init::uniform((out_features, in_features), init::inverse_sqrt(in_features), rng);
        Self { weight: weight.into(), bias: None }
    }

    /// A layer of this weight and bias.
    ///
    /// # Errors
    /// [`Error::ParameterRank`] if the weight is no matrix; [`Error::ParameterShape`] if the bias does not fit it.
    ///
    /// # Examples
    /// ```
    /// use gradus_nn_layers::{Linear, ndarray::array};
    /// let layer: Linear = Linear::from_parts(array![[1.0, 2.0]], Some(array![0.5].into()))?;
    /// assert_eq!((layer.in_features(), layer.out_features()), (2, 1));
    /// # Ok::<(), gradus_nn_layers::Error>(())
    /// ```
    pub fn from_parts(weight: impl Into<Parameter<F>>, bias: Option<Parameter<F>>) -> Result<Self> {
        let weight = weight.into();
        let &[out_features, _] = weight.shape() else {
            let found = weight.shape().to_vec();
            let expected = "two, (out_features, in_features),";
            return Err(Error::ParameterRank { layer: NAME, parameter: "weight", found, expected });
        };
        if let Some(bias) = &bias
            && bias.shape() != [out_features]
        {
            let (found, expected) = (bias.shape().to_vec(), vec![out_features]);
            return Err(Error::ParameterShape { layer: NAME, parameter: "bias", found, expected });
        }
        Ok(Self { weight, bias })
    }

    /// The number of features that go in.
    #[must_use]
    pub fn in_features(&self) -> usize {
        self.weight.shape().get(1).copied().unwrap_or(0)
    }

    /// The number of features that come out.
    #[must_use]
    pub fn out_features(&self) -> usize {
        self.weight.shape().first().copied().unwrap_or(0)
    }
}

impl<F: Real> Layer<F> for Linear<F> {
    /// # Errors
    /// [`Error::Features`] if the last axis of `x` is not `in_features` long.
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        let expected = self.in_features();
        if x.shape().last() != Some(&expected) {
            return Err(Error::Features { layer: NAME, expected, input: x.shape().to_vec() });
        }
        let tape = x.tape();
        let bias = self.bias.as_ref().map(|b| tape.parameter(b));
        Ok(x.affine(&tape.parameter(&self.weight), bias.as_ref())?) // one entry: x Wᵀ + b, no transposed copy of W
    }

    fn describe(&self, input: &[usize]) -> Result<Description> {
        let expected = self.in_features();
        let Some((_, others)) = input.split_last().filter(|(last, _)| **last == expected) else {
            return Err(Error::Features { layer: NAME, expected, input: input.to_vec() });
        };
        let output = [others, &[self.out_features()]].concat();
        let terms = report::size(&output).saturating_mul(expected as u64);
        Ok(Description::of(self, "Linear", &output).multiply_adds(terms))
    }
}
