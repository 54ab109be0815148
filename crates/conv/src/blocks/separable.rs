//! Convolutions that look at space and at channels one after the other.

use crate::{Conv, Padding, PerAxis};
use gradus_autograd::{Real, Var};
use gradus_nn_layers::{Description, Layer, Module, Result};
use rand::Rng;

impl<const R: usize, F: Real> Conv<R, F> {
    /// A convolution with a kernel of size 1, also called pointwise: at each place by itself, a [`Linear`](gradus_nn_layers::Linear)
    /// map of its channels.
    ///
    /// # Panics
    /// If memory cannot hold the weight.
    ///
    /// # Examples
    /// ```
    /// use gradus_conv::Conv2d;
    /// use rand::{SeedableRng, rngs::StdRng};
    /// let layer: Conv2d = Conv2d::pointwise(64, 16, &mut StdRng::seed_from_u64(7));
    /// assert_eq!(layer.weight.shape(), [16, 64, 1, 1]);
    /// ```
    ///
    /// # References
    /// M. Lin, Q. Chen, S. Yan, *Network in network*, 2013, <https://arxiv.org/abs/1312.4400>
    pub fn pointwise(in_channels: usize, out_channels: usize, rng: &mut (impl Rng + ?Sized)) -> Self {
        Self::new(in_channels, out_channels, 1, rng)
    }

    /// A convolution of each channel by itself, also called depthwise: as many groups as channels.
    ///
    /// # Errors
    /// [`Error::Zero`](crate::Error::Zero) if there are no channels.
    ///
    /// # Examples
    /// ```
    /// use gradus_conv::Conv2d;
    /// use rand::{SeedableRng, rngs::StdRng};
    /// let layer: Conv2d = Conv2d::depthwise(8, 3, &mut StdRng::seed_from_u64(7))?.padding(1);
    /// assert_eq!(layer.weight.shape(), [8, 1, 3, 3]);
    /// # Ok::<(), gradus_conv::Error>(())
    /// ```
    pub fn depthwise(
        channels: usize,
        kernel_size: impl Into<PerAxis<R>>,
        rng: &mut (impl Rng + ?Sized),
    ) -> crate::Result<Self> {
        // Drawn for one input channel, which the groups then make as many as there are: no large weight is drawn in vain.
        let drawn = Self::new(1, channels, kernel_size, rng);
        if channels == 0 {
            return Err(crate::Error::Zero { operation: "depthwise convolution", name: "channels", value: vec![0] });
        }
        let mut layer = drawn;
        layer.groups = channels;
        Ok(layer)
    }
}

/// A convolution in two steps: each channel by itself, then at each place the channels.
///
/// ```text
/// y[n, o, p] = b[o] + Σ_c W₁[o, c] · Σ_k W₀[c, k] · x[n, c, p · stride + k · dilation − padding]
/// ```
///
/// A convolution whose kernels are products, `W[o, c, k] = W₁[o, c] · W₀[c, k]`: for 3 × 3 kernels and many channels it has a ninth of
/// the weights and multiply–adds. The bias is that of the second step.
///
/// # Shapes
/// - input: `(N, in_channels, …)` with `R` axes after the channels
/// - output: `(N, out_channels, …)`, as of [`Conv`]
///
/// # Examples
/// ```
/// use gradus_conv::{Layer, Module, Tape, blocks::SeparableConv, ndarray::Array4};
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let layer: SeparableConv<2> = SeparableConv::new(32, 64, 3, &mut StdRng::seed_from_u64(7))?.stride(2).padding(1);
/// assert_eq!(layer.count_parameters(), 32 * 9 + 32 * 64 + 64);
/// let y = layer.forward(&Tape::inference().input(Array4::zeros((4, 32, 16, 16))))?;
/// assert_eq!(y.shape(), [4, 64, 8, 8]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// - L. Sifre, *Rigid-motion scattering for image classification*, 2014, <https://www.di.ens.fr/data/publications/papers/phd_sifre.pdf>
/// - F. Chollet, *Xception: deep learning with depthwise separable convolutions*, 2016, <https://arxiv.org/abs/1610.02357>
#[derive(Debug, Clone, Module)]
pub struct SeparableConv<const R: usize, F: Real = f32> {
    /// The convolution of each channel by itself, `W₀`.
    pub depthwise: Conv<R, F>,
    /// The convolution of the channels at each place, `W₁` and `b`.
    pub pointwise: Conv<R, F>,
}

impl<const R: usize, F: Real> SeparableConv<R, F> {
    /// Draws both weights by PyTorch's rule for convolutions. Stride and dilation are 1, padding is 0.
    ///
    /// # Errors
    /// [`Error::Zero`](crate::Error::Zero) if there are no input channels.
    pub fn new(
        in_channels: usize,
        out_channels: usize,
        kernel_size: impl Into<PerAxis<R>>,
        rng: &mut (impl Rng + ?Sized),
    ) -> crate::Result<Self> {
        let depthwise = Conv::depthwise(in_channels, kernel_size, rng)?.without_bias();
        Ok(Self { depthwise, pointwise: Conv::pointwise(in_channels, out_channels, rng) })
    }

    /// Sets the distance between two places of the kernel.
    #[must_use]
    pub fn stride(self, stride: impl Into<PerAxis<R>>) -> Self {
        Self { depthwise: self.depthwise.stride(stride), ..self }
    }

    /// Sets how many zeros the input is continued by on each side.
    #[must_use]
    pub fn padding(self, padding: impl Into<Padding<R>>) -> Self {
        Self { depthwise: self.depthwise.padding(padding), ..self }
    }

    /// Sets the distance between two numbers under the kernel.
    #[must_use]
    pub fn dilation(self, dilation: impl Into<PerAxis<R>>) -> Self {
        Self { depthwise: self.depthwise.dilation(dilation), ..self }
    }

    /// Leaves the bias out.
    #[must_use]
    pub fn without_bias(self) -> Self {
        Self { pointwise: self.pointwise.without_bias(), ..self }
    }
}

impl<const R: usize, F: Real> Layer<F> for SeparableConv<R, F> {
    /// # Errors
    /// As [`conv`](crate::conv).
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        self.pointwise.forward(&self.depthwise.forward(x)?)
    }

    fn describe(&self, input: &[usize]) -> Result<Description> {
        Description::in_sequence(self, "SeparableConv", input, self.stages())
    }

    fn stages(&self) -> Vec<(&str, &dyn Layer<F>)> {
        vec![("depthwise", &self.depthwise), ("pointwise", &self.pointwise)]
    }
}
