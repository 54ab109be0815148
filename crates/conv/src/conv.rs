//! The convolutional layer.

use crate::correlation::{self, check_parameters, name};
use crate::pad::{pad, padded_shape};
use crate::shape::describe;
use crate::{Error, Geometry, Padding, PaddingMode, PerAxis, Result};
use gradus_autograd::{Real, Var};
use gradus_nn_layers::{Description, Layer, Module, Parameter, init};
use ndarray::IxDyn;
use rand::Rng;

/// Convolution over `R` axes in space, which is [cross-correlation](crate::cross_correlate): the kernel is not flipped.
///
/// ```text
/// y[n, o, p] = b[o] + Σ_c Σ_k W[o, c, k] · x[n, c, p · stride + k · dilation − padding]
/// ```
///
/// The gradients stand at [`conv`](crate::conv), the operation that this layer owns the parameters of. Settings are
/// checked when the layer is used, or by [`Conv::validate`], so that they can be chained.
///
/// Beyond the edges lie zeros, which the operation leaves out by itself; by another [`PaddingMode`] the input is [padded](crate::pad()) before.
///
/// # Shapes
/// - input: `(N, in_channels, …)` with `R` axes after the channels: `(N, C, H, W)` for [`Conv2d`]
/// - output: `(N, out_channels, …)`, along each axis `⌊(before + size + after − dilation · (kernel − 1) − 1) / stride⌋ + 1`
///
/// # Examples
/// ```
/// use gradus_conv::{Conv2d, Layer, Tape, ndarray::Array4};
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let mut rng = StdRng::seed_from_u64(7);
/// let layer: Conv2d = Conv2d::new(3, 16, (3, 5), &mut rng).stride(2).padding((1, 2)).without_bias();
/// let y = layer.forward(&Tape::inference().input(Array4::zeros((8, 3, 32, 32))))?;
/// assert_eq!(y.shape(), [8, 16, 16, 16]);
///
/// use gradus_conv::{Padding, PaddingMode};
/// let ring: Conv2d = Conv2d::new(3, 16, 4, &mut rng).padding(Padding::Same).padding_mode(PaddingMode::Circular);
/// assert_eq!(ring.geometry.padding, [(1, 2), (1, 2)]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// As of [`conv`](crate::conv).
#[derive(Debug, Clone, Module)]
pub struct Conv<const R: usize, F: Real = f32> {
    /// Kernels `W`, `(out_channels, in_channels / groups, …)`.
    pub weight: Parameter<F>,
    /// Bias `b`, `(out_channels,)`.
    pub bias: Option<Parameter<F>>,
    /// How the kernel moves.
    #[module(skip)]
    pub geometry: Geometry<R>,
    /// What lies beyond the edges.
    #[module(skip)]
    pub padding_mode: PaddingMode,
    /// Whether the padding follows from the kernel and the dilation.
    #[module(skip)]
    same: bool,
    /// Into how many parts the channels are cut, each of which sees itself only.
    #[module(skip)]
    pub groups: usize,
}

/// Convolution over one axis, of sequences `(N, C, L)`.
pub type Conv1d<F = f32> = Conv<1, F>;
/// Convolution over two axes, of images `(N, C, H, W)`.
pub type Conv2d<F = f32> = Conv<2, F>;
/// Convolution over three axes, of volumes `(N, C, D, H, W)`.
pub type Conv3d<F = f32> = Conv<3, F>;

impl<const R: usize, F: Real> Conv<R, F> {
    /// Draws `W` and `b` from `U(−k, k)`, `k = 1/√(in_channels · kernel_size)`, PyTorch's rule. Stride and dilation are 1, padding is 0.
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
        let (weight, bias) = Self::draw(in_channels, out_channels, &geometry, rng);
        Self { weight, bias: Some(bias), geometry, padding_mode: PaddingMode::Zeros, same: false, groups: 1 }
    }

    fn draw(
        inputs: usize,
        out_channels: usize,
        geometry: &Geometry<R>,
        rng: &mut (impl Rng + ?Sized),
    ) -> (Parameter<F>, Parameter<F>) {
        let mut shape = vec![out_channels, inputs];
        shape.extend(geometry.kernel_size);
        let bound = init::inverse_sqrt(shape[1..].iter().fold(1, |n, &size| n.saturating_mul(size)));
        (init::uniform(IxDyn(&shape), bound, rng).into(), init::uniform(out_channels, bound, rng).into())
    }

    /// A layer of this weight and bias, with the size of the kernel that the weight has.
    ///
    /// # Errors
    /// [`Error::Parameter`] if the weight has another number of axes than `R + 2` or the bias does not fit it; [`Error::Groups`] and
    /// [`Error::Zero`].
    ///
    /// # Examples
    /// ```
    /// use gradus_conv::{Conv2d, ndarray::Array4};
    /// let depthwise: Conv2d = Conv2d::from_parts(Array4::ones((6, 1, 3, 3)), None, 6)?;
    /// assert_eq!(depthwise.in_channels(), 6);
    /// # Ok::<(), gradus_conv::Error>(())
    /// ```
    pub fn from_parts(weight: impl Into<Parameter<F>>, bias: Option<Parameter<F>>, groups: usize) -> Result<Self> {
        let weight = weight.into();
        let kernel_size = weight.shape().get(2..).and_then(|kernel| <[usize; R]>::try_from(kernel).ok());
        let Some(kernel_size) = kernel_size else {
            let (found, expected) =
                (weight.shape().to_vec(), format!("it needs {} axes, (out_channels, in_channels / groups, …)", R + 2));
            return Err(Error::Parameter { operation: name::<R>(), parameter: "weight", found, expected });
        };
        let geometry = Geometry::new(kernel_size);
        let layer = Self { weight, bias, geometry, padding_mode: PaddingMode::Zeros, same: false, groups };
        layer.validate()?;
        Ok(layer)
    }

    /// Sets the distance between two places of the kernel.
    #[must_use]
    pub fn stride(self, stride: impl Into<PerAxis<R>>) -> Self {
        Self { geometry: self.geometry.stride(stride), ..self }
    }

    /// Sets how far the input is continued: by one number for all sides, by one for each axis, by a pair (before, after) for each, or
    /// as [`Padding`] says.
    #[must_use]
    pub fn padding(self, padding: impl Into<Padding<R>>) -> Self {
        let (same, geometry) = match padding.into() {
            Padding::Same => (true, self.geometry.same_padding()),
            Padding::Valid => (false, self.geometry.padding(0)),
            Padding::Explicit(each) => (false, self.geometry.padding_each(each)),
        };
        Self { same, geometry, ..self }
    }

    /// Sets what the input is continued by; default zeros.
    #[must_use]
    pub fn padding_mode(self, padding_mode: PaddingMode) -> Self {
        Self { padding_mode, ..self }
    }

    /// Sets the distance between two numbers under the kernel.
    #[must_use]
    pub fn dilation(self, dilation: impl Into<PerAxis<R>>) -> Self {
        let geometry = self.geometry.dilation(dilation);
        Self { geometry: if self.same { geometry.same_padding() } else { geometry }, ..self }
    }

    /// Leaves the bias out.
    #[must_use]
    pub fn without_bias(self) -> Self {
        Self { bias: None, ..self }
    }

    /// Cuts the channels into groups, each of which sees itself only, and draws the parameters anew: the weight becomes
    /// smaller.
    ///
    /// # Errors
    /// [`Error::Zero`], or [`Error::Groups`] if the groups do not divide both numbers of channels.
    ///
    /// # Examples
    /// ```
    /// use gradus_conv::Conv2d;
    /// use rand::{SeedableRng, rngs::StdRng};
    /// let mut rng = StdRng::seed_from_u64(7);
    /// let depthwise: Conv2d = Conv2d::new(8, 8, 3, &mut rng).padding(1).groups(8, &mut rng)?;
    /// assert_eq!(depthwise.weight.shape(), [8, 1, 3, 3]);
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
        let (weight, bias) = Self::draw(inputs / groups, outputs, &self.geometry, rng);
        Ok(Self { weight, bias: self.bias.is_some().then_some(bias), groups, ..self })
    }

    /// The number of channels that go in.
    #[must_use]
    pub fn in_channels(&self) -> usize {
        self.weight.shape().get(1).map_or(0, |inputs| inputs.saturating_mul(self.groups))
    }

    /// The number of channels that come out.
    #[must_use]
    pub fn out_channels(&self) -> usize {
        self.weight.shape().first().copied().unwrap_or(0)
    }

    /// The geometry over an input that has been padded before, if it has to be: zeros need no copy of it.
    fn padded_before(&self) -> Option<Geometry<R>> {
        let copied = self.padding_mode != PaddingMode::Zeros && self.geometry.padding != [(0, 0); R];
        copied.then(|| self.geometry.padding(0))
    }

    /// What the operation is applied to.
    #[track_caller]
    pub(crate) fn operands(&self, x: &Var<F>) -> Result<Operands<R, F>> {
        self.validate()?;
        let tape = x.tape();
        let (weight, bias) = (tape.parameter(&self.weight), self.bias.as_ref().map(|bias| tape.parameter(bias)));
        let (x, geometry) = match self.padded_before() {
            Some(geometry) => (pad(x, self.geometry.padding, self.padding_mode)?, geometry),
            None => (x.clone(), self.geometry),
        };
        Ok(Operands { x, weight, bias, geometry })
    }

    /// Checks the settings without an input.
    ///
    /// # Errors
    /// [`Error::Zero`], [`Error::Parameter`], [`Error::Groups`]; [`Error::SameStride`].
    pub fn validate(&self) -> Result<()> {
        if self.same && self.geometry.stride != [1; R] && !self.geometry.stride.contains(&0) {
            return Err(Error::SameStride { operation: name::<R>(), stride: self.geometry.stride.to_vec() });
        }
        check_parameters(&self.geometry, self.weight.shape(), self.bias.as_ref().map(Parameter::shape), self.groups)
    }
}

/// The operands of the operation.
pub(crate) struct Operands<const R: usize, F: Real> {
    /// The input, padded where padding is not of zeros.
    pub(crate) x: Var<F>,
    pub(crate) weight: Var<F>,
    pub(crate) bias: Option<Var<F>>,
    /// What is left of the geometry.
    pub(crate) geometry: Geometry<R>,
}

impl<const R: usize, F: Real> Layer<F> for Conv<R, F> {
    /// # Errors
    /// As [`conv`](crate::conv), as [`pad`](crate::pad()) if the padding is not of zeros, and [`Error::SameStride`].
    fn forward(&self, x: &Var<F>) -> gradus_nn_layers::Result<Var<F>> {
        let Operands { x, weight, bias, geometry } = self.operands(x)?;
        Ok(correlation::conv(&x, &weight, bias.as_ref(), &geometry, self.groups)?)
    }

    fn describe(&self, input: &[usize]) -> gradus_nn_layers::Result<Description> {
        self.validate()?;
        let shape = |x: &[usize], geometry| {
            correlation::counted_output_shape::<F, R>(x, self.weight.shape(), geometry, self.groups)
        };
        let numbers = |shape: &[usize]| shape.iter().fold(1_u64, |n, &size| n.saturating_mul(size as u64));
        let (output, padded) = match self.padded_before() {
            Some(geometry) => {
                let padded = padded_shape::<R, F>(input, self.geometry.padding, self.padding_mode)?;
                (shape(&padded, &geometry)?, numbers(&padded))
            }
            None => (shape(input, &self.geometry)?, 0),
        };
        // Padding counts: what is multiplied by zeros is multiplied.
        let terms = numbers(&self.weight.shape()[1..]);
        let bytes = padded.saturating_add(numbers(&output)).saturating_mul(size_of::<F>() as u64);
        let description = describe::<F>(self, "Conv", R, &output);
        Ok(description.multiply_adds(numbers(&output).saturating_mul(terms)).activation_bytes(bytes))
    }
}
