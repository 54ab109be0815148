//! The layer of transposed convolution.

use crate::transposed::{check_parameters, conv_transpose, name, output_shape};
use crate::{Error, Geometry, PerAxis, Result};
use gradus_autograd::{Real, Var};
use gradus_nn_layers::{Description, Layer, Module, Parameter, init};
use ndarray::IxDyn;
use rand::Rng;

/// Transposed convolution over `R` axes in space: each number of the input puts the kernel, times itself, into the output.
///
/// ```text
/// y[n, o, p · stride + k · dilation − padding] += W[c, o, k] · x[n, c, p]      over all c, p and k, from y = b[o]
/// ```
///
/// What it is the transpose of, and its gradients, stand at [`conv_transpose`](crate::conv_transpose()), the operation that this layer owns the
/// parameters of. It makes larger what a [`Conv`](crate::Conv) of the same settings made smaller: decoders and generators use it. Settings are checked
/// when the layer is used, or by [`ConvTranspose::validate`], so that they can be chained.
///
/// Where the kernel is no multiple of the stride, neighbours of the output are sums of different numbers of terms, which shows as a chequered pattern.
///
/// # Shapes
/// - input: `(N, in_channels, …)` with `R` axes after the channels: `(N, C, H, W)` for [`ConvTranspose2d`]
/// - output: `(N, out_channels, …)`, along each axis `(size − 1) · stride − 2 · padding + dilation · (kernel − 1) + 1 + output_padding`
///
/// # Examples
/// ```
/// use gradus_conv::{Conv2d, ConvTranspose2d, Layer, Tape, ndarray::Array4};
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let mut rng = StdRng::seed_from_u64(7);
/// let down: Conv2d = Conv2d::new(3, 16, 3, &mut rng).stride(2).padding(1);
/// let up: ConvTranspose2d = ConvTranspose2d::new(16, 3, 3, &mut rng).stride(2).padding(1).output_padding(1);
/// let x = Tape::inference().input(Array4::zeros((8, 3, 32, 32)));
/// let small = down.forward(&x)?;
/// assert_eq!(small.shape(), [8, 16, 16, 16]);
/// assert_eq!(up.forward(&small)?.shape(), [8, 3, 32, 32]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// As of [`conv_transpose`](crate::conv_transpose()); A. Odena, V. Dumoulin, C. Olah, *Deconvolution and checkerboard artifacts*, 2016,
/// <https://doi.org/10.23915/distill.00003>.
#[derive(Debug, Clone, Module)]
pub struct ConvTranspose<const R: usize, F: Real = f32> {
    /// Kernels `W`, `(in_channels, out_channels / groups, …)`.
    pub weight: Parameter<F>,
    /// Bias `b`, `(out_channels,)`.
    pub bias: Option<Parameter<F>>,
    /// How the kernel of the convolution moves that this is the transpose of.
    #[module(skip)]
    pub geometry: Geometry<R>,
    /// By how much the output is longer at its end.
    #[module(skip)]
    pub output_padding: [usize; R],
    /// Into how many parts the channels are cut, each of which sees itself only.
    #[module(skip)]
    pub groups: usize,
}

/// Transposed convolution over one axis, of sequences `(N, C, L)`.
pub type ConvTranspose1d<F = f32> = ConvTranspose<1, F>;
/// Transposed convolution over two axes, of images `(N, C, H, W)`.
pub type ConvTranspose2d<F = f32> = ConvTranspose<2, F>;
/// Transposed convolution over three axes, of volumes `(N, C, D, H, W)`.
pub type ConvTranspose3d<F = f32> = ConvTranspose<3, F>;

impl<const R: usize, F: Real> ConvTranspose<R, F> {
    /// Draws `W` and `b` from `U(−k, k)`, `k = 1/√(out_channels · kernel_size)`, PyTorch's rule, which takes the weight's second axis for the
    /// inputs. Stride and dilation are 1, padding and output padding are 0.
    ///
    /// # Panics
    /// If memory cannot hold the weight.
    pub fn new(
        in_channels: usize,
        out_channels: usize,
        kernel_size: impl Into<PerAxis<R>>,
        rng: &mut (impl Rng + ?Sized),
    ) -> Self {
        let geometry = Geometry::new(kernel_size);
        let (weight, bias) = Self::draw(in_channels, out_channels, 1, &geometry, rng);
        Self { weight, bias: Some(bias), geometry, output_padding: [0; R], groups: 1 }
    }

    /// The parameters of `groups` groups that make `outputs` channels each.
    fn draw(
        in_channels: usize,
        outputs: usize,
        groups: usize,
        geometry: &Geometry<R>,
        rng: &mut (impl Rng + ?Sized),
    ) -> (Parameter<F>, Parameter<F>) {
        let mut shape = vec![in_channels, outputs];
        shape.extend(geometry.kernel_size);
        let bound = init::inverse_sqrt(shape[1..].iter().fold(1, |n, &size| n.saturating_mul(size)));
        (init::uniform(IxDyn(&shape), bound, rng).into(), init::uniform(outputs * groups, bound, rng).into())
    }

    /// A layer of this weight and bias, with the size of the kernel that the weight has.
    ///
    /// # Errors
    /// [`Error::Parameter`] if the weight has another number of axes than `R + 2` or the bias does not fit it; [`Error::Groups`] and
    /// [`Error::Zero`].
    ///
    /// # Examples
    /// ```
    /// use gradus_conv::{ConvTranspose2d, ndarray::Array4};
    /// let layer: ConvTranspose2d = ConvTranspose2d::from_parts(Array4::ones((6, 2, 3, 3)), None, 3)?;
    /// assert_eq!((layer.in_channels(), layer.out_channels()), (6, 6));
    /// # Ok::<(), gradus_conv::Error>(())
    /// ```
    pub fn from_parts(weight: impl Into<Parameter<F>>, bias: Option<Parameter<F>>, groups: usize) -> Result<Self> {
        let weight = weight.into();
        let kernel = weight.shape().get(2..).and_then(|kernel| <[usize; R]>::try_from(kernel).ok());
        let Some(kernel_size) = kernel else {
            let (found, expected) =
                (weight.shape().to_vec(), format!("it needs {} axes, (in_channels, out_channels / groups, …)", R + 2));
            return Err(Error::Parameter { operation: name::<R>(), parameter: "weight", found, expected });
        };
        let layer = Self { weight, bias, geometry: Geometry::new(kernel_size), output_padding: [0; R], groups };
        layer.validate()?;
        Ok(layer)
    }

    /// Sets the distance between two kernels in the output.
    #[must_use]
    pub fn stride(self, stride: impl Into<PerAxis<R>>) -> Self {
        Self { geometry: self.geometry.stride(stride), ..self }
    }

    /// Sets how much of the output is taken away on each side.
    #[must_use]
    pub fn padding(self, padding: impl Into<PerAxis<R>>) -> Self {
        Self { geometry: self.geometry.padding(padding), ..self }
    }

    /// Sets by how much the output is longer at its end: below the stride, or below the dilation.
    #[must_use]
    pub fn output_padding(self, output_padding: impl Into<PerAxis<R>>) -> Self {
        Self { output_padding: output_padding.into().0, ..self }
    }

    /// Sets the distance between two numbers of a kernel in the output.
    #[must_use]
    pub fn dilation(self, dilation: impl Into<PerAxis<R>>) -> Self {
        Self { geometry: self.geometry.dilation(dilation), ..self }
    }

    /// Leaves the bias out.
    #[must_use]
    pub fn without_bias(self) -> Self {
        Self { bias: None, ..self }
    }

    /// Cuts the channels into groups, each of which sees itself only, and draws the parameters anew: the weight becomes smaller.
    ///
    /// # Errors
    /// [`Error::Zero`], or [`Error::Groups`] if the groups do not divide both numbers of channels.
    ///
    /// # Examples
    /// ```
    /// use gradus_conv::ConvTranspose2d;
    /// use rand::{SeedableRng, rngs::StdRng};
    /// let mut rng = StdRng::seed_from_u64(7);
    /// let layer: ConvTranspose2d = ConvTranspose2d::new(8, 4, 3, &mut rng).groups(2, &mut rng)?;
    /// assert_eq!(layer.weight.shape(), [8, 2, 3, 3]);
    /// # Ok::<(), gradus_conv::Error>(())
    /// ```
    pub fn groups(self, groups: usize, rng: &mut (impl Rng + ?Sized)) -> Result<Self> {
        let operation = name::<R>();
        if groups == 0 {
            return Err(Error::Zero { operation, name: "groups", value: vec![0] });
        }
        let (inputs, outputs) = (self.in_channels(), self.out_channels());
        for (name, channels) in [("input channels", inputs), ("output channels", outputs)] {
            if channels % groups != 0 {
                return Err(Error::Groups { operation, name, channels, groups });
            }
        }
        let (weight, bias) = Self::draw(inputs, outputs / groups, groups, &self.geometry, rng);
        Ok(Self { weight, bias: self.bias.is_some().then_some(bias), groups, ..self })
    }

    /// The number of channels that go in.
    #[must_use]
    pub fn in_channels(&self) -> usize {
        self.weight.shape().first().copied().unwrap_or(0)
    }

    /// The number of channels that come out.
    #[must_use]
    pub fn out_channels(&self) -> usize {
        self.weight.shape().get(1).map_or(0, |outputs| outputs.saturating_mul(self.groups))
    }

    /// Checks the settings without an input.
    ///
    /// # Errors
    /// [`Error::Zero`], [`Error::Parameter`], [`Error::Groups`], [`Error::OutputPadding`].
    pub fn validate(&self) -> Result<()> {
        check_parameters(&self.geometry, self.weight.shape(), self.bias.as_ref().map(Parameter::shape), self.groups)?;
        self.geometry.check_output_padding(name::<R>(), self.output_padding)
    }
}

impl<const R: usize, F: Real> Layer<F> for ConvTranspose<R, F> {
    /// # Errors
    /// As [`conv_transpose`](crate::conv_transpose()).
    fn forward(&self, x: &Var<F>) -> gradus_nn_layers::Result<Var<F>> {
        let tape = x.tape();
        let (weight, bias) = (tape.parameter(&self.weight), self.bias.as_ref().map(|bias| tape.parameter(bias)));
        Ok(conv_transpose(x, &weight, bias.as_ref(), &self.geometry, self.output_padding, self.groups)?)
    }

    /// Each number of the input meets each number of its channel's kernels; those that padding takes away are counted, too.
    fn describe(&self, input: &[usize]) -> gradus_nn_layers::Result<Description> {
        check_parameters(&self.geometry, self.weight.shape(), self.bias.as_ref().map(Parameter::shape), self.groups)?;
        let weight = self.weight.shape();
        let output = output_shape::<F, R>(input, weight, &self.geometry, self.output_padding, self.groups)?;
        let product = |sizes: &[usize]| sizes.iter().fold(1_u64, |n, &size| n.saturating_mul(size as u64));
        let terms = product(input).saturating_mul(product(&self.weight.shape()[1..]));
        let kind = match R {
            1 => "ConvTranspose1d",
            2 => "ConvTranspose2d",
            3 => "ConvTranspose3d",
            _ => "ConvTranspose",
        };
        Ok(Description::of(self, kind, &output).multiply_adds(terms))
    }
}
