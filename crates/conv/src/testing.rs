//! Checks that any convolution must pass, for those who write their own.
//!
//! Geometries are drawn at random, with what one forgets among them: strides that leave a rest, padding on one side only, padding wider than the kernel,
//! dilation, groups, kernels of one number and as large as the input, batches of no image, inputs that do not lie row by row. The same
//! come in every run.

use crate::{Geometry, Result};
use gradus_autograd::Tape;
use gradus_autograd::testing::Draw;
use gradus_linalg::FamilyError;
use gradus_nn_layers::{Layer, testing};
use ndarray::{ArrayD, Dimension, IxDyn, indices};
use std::error::Error as StdError;

/// How many convolutions are drawn.
const CASES: usize = 100;

/// What a convolution was asked for, its parameters included.
#[derive(Debug, Clone)]
pub struct Setting<const R: usize> {
    /// How the kernel moves.
    pub geometry: Geometry<R>,
    /// Into how many parts the channels are cut, each of which sees itself only.
    pub groups: usize,
    /// Kernels, `(out_channels, in_channels / groups, …)`.
    pub weight: ArrayD<f64>,
    /// Bias, `(out_channels,)`, if there is one.
    pub bias: Option<ArrayD<f64>>,
}

/// A convolution that is not what its setting says.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Of no geometry that was drawn was there such a layer.
    #[error("convolution: not one of {drawn} settings was taken; is there a layer for the simplest of them?")]
    NothingChecked {
        /// How many settings were drawn.
        drawn: usize,
    },
    /// The result has another shape.
    #[error("convolution: {setting}: input {input:?} gives {found:?}; it should give {expected:?}")]
    Shape {
        /// The geometry, the groups and the shape of the weight.
        setting: String,
        /// The shape of the input.
        input: Vec<usize>,
        /// The shape of the result.
        found: Vec<usize>,
        /// The shape that the geometry says.
        expected: Vec<usize>,
    },
    /// A number of the result is another one than the definition gives.
    #[error(
        "convolution: {setting}: input {input:?}: at {at:?} it gives {found:e}; the sum by its definition is {expected:e}"
    )]
    Number {
        /// The geometry, the groups and the shape of the weight.
        setting: String,
        /// The shape of the input.
        input: Vec<usize>,
        /// Where in the result.
        at: Vec<usize>,
        /// What the layer gives.
        found: f64,
        /// What the definition gives.
        expected: f64,
    },
    /// An input that fits the setting is refused, or a gradient is wrong.
    #[error("convolution: {setting}: input {input:?}: {source}")]
    Failed {
        /// The geometry, the groups and the shape of the weight.
        setting: String,
        /// The shape of the input.
        input: Vec<usize>,
        /// What the layer, or the comparison of its gradients, returned.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// An input that does not fit is taken.
    #[error("convolution: {setting}: input {input:?} is taken; it should be refused: {why}")]
    Taken {
        /// The geometry, the groups and the shape of the weight.
        setting: String,
        /// The shape of the input.
        input: Vec<usize>,
        /// What does not fit.
        why: &'static str,
    },
}

impl FamilyError for Fault {}

impl<const R: usize> Setting<R> {
    /// The convolution by its definition, one sum after the other.
    ///
    /// ```text
    /// y[n, o, p] = b[o] + Σ_c Σ_k W[o, c, k] · x[n, c, p · stride + k · dilation − before]
    /// ```
    ///
    /// # Errors
    /// Those of [`Geometry::output_size`].
    ///
    /// # Panics
    /// If `x` has not the axes and the channels that the weight asks for.
    pub fn by_definition(&self, x: &ArrayD<f64>) -> Result<ArrayD<f64>> {
        let Self { geometry, groups, weight, bias } = self;
        let (outputs, inputs) = (weight.shape()[0], weight.shape()[1]);
        let size: [usize; R] = std::array::from_fn(|axis| x.shape()[2 + axis]);
        let out = geometry.output_size(size)?;
        let shape = [&[x.shape()[0], outputs], &out[..]].concat();
        let mut y = ArrayD::zeros(IxDyn(&shape));
        let mut place = vec![0; 2 + R];
        for (at, y) in y.indexed_iter_mut() {
            let (image, output, p) = (at[0], at[1], &at.slice()[2..]);
            let first = output / (outputs / groups) * inputs; // the first channel of its group
            *y = bias.as_ref().map_or(0.0, |bias| bias[[output]]);
            for channel in 0..inputs {
                (place[0], place[1]) = (image, first + channel);
                for k in indices(IxDyn(&geometry.kernel_size)) {
                    let inside = (0..R).all(|axis| {
                        let ahead = p[axis] * geometry.stride[axis] + k[axis] * geometry.dilation[axis];
                        let i = ahead.checked_sub(geometry.padding[axis].0).filter(|&i| i < size[axis]);
                        place[2 + axis] = i.unwrap_or(0);
                        i.is_some()
                    });
                    if inside {
                        *y += weight[&[&[output, channel], k.slice()].concat()[..]] * x[&place[..]];
                    }
                }
            }
        }
        Ok(y)
    }

    fn describe(&self) -> String {
        let Geometry { kernel_size, stride, padding, dilation, .. } = self.geometry;
        let bias = if self.bias.is_some() { "with" } else { "without" };
        format!(
            "kernel {kernel_size:?}, stride {stride:?}, padding {padding:?}, dilation {dilation:?}, groups {}, weight {:?}, {bias} bias",
            self.groups,
            self.weight.shape()
        )
    }

    fn draw(draw: &mut Draw, case: usize) -> (Self, Vec<usize>) {
        let simple = case.is_multiple_of(4); // steps of 1, no dilation, no groups: what every convolution has
        let (mut geometry, mut shape) = (Geometry::new(1), Vec::new());
        let (kernels, dilations) = if R < 3 { (4, 3) } else { (2, 2) }; // volumes grow fast, and each number is moved
        for axis in 0..R {
            let kernel = 1 + draw.below(kernels);
            let dilation = if simple { 1 } else { 1 + draw.below(dilations) };
            let padding = if simple { [kernel / 2; 2] } else { [draw.below(4), draw.below(3)] };
            let extent = dilation * (kernel - 1) + 1;
            geometry.kernel_size[axis] = kernel;
            geometry.dilation[axis] = dilation;
            geometry.stride[axis] = if simple { 1 } else { 1 + draw.below(3) };
            geometry.padding[axis] = padding.into();
            shape.push((extent + draw.below(4)).saturating_sub(padding[0] + padding[1]).max(1));
        }
        let groups = if simple { 1 } else { 1 + draw.below(3) };
        let (inputs, outputs) = (1 + draw.below(2), groups * (1 + draw.below(2)));
        let images = if case % 10 == 9 { 0 } else { 1 + draw.below(2) };
        let weight = draw.array(&[&[outputs, inputs], &geometry.kernel_size[..]].concat(), -1.0, 1.0);
        let bias = (!case.is_multiple_of(3)).then(|| draw.array(&[outputs], -1.0, 1.0));
        let x = [vec![images, groups * inputs], shape].concat();
        (Self { geometry, groups, weight, bias }, x)
    }
}

/// Checks a layer that is a convolution over `R` axes in space: its results against the definition, its gradients with respect to input and
/// parameters against central differences, and that it refuses what does not fit.
///
/// `make` gives the layer of a setting, with the weight and the bias that are in it, or nothing if there is none: of a layer that knows no
/// groups, for those with groups. Results must agree with the definition to 1e-10 relative plus 1e-11 absolute. What must be refused, by an error and
/// not by a panic: an input with an axis too few, with a channel too many, and one that is smaller than the kernel. Returns how many settings the layer took.
///
/// # Errors
/// [`Fault`] names the setting and the input at which the layer fails.
///
/// # Examples
/// ```
/// use gradus_conv::testing::{Fault, check_convolution};
/// use gradus_conv::{Conv, Conv2d};
///
/// let all = check_convolution::<2, Conv2d<f64>>(|setting| {
///     let bias = setting.bias.clone().map(Into::into);
///     let mut layer = Conv::from_parts(setting.weight.clone(), bias, setting.groups).expect("the setting fits");
///     layer.geometry = setting.geometry;
///     Some(layer)
/// })?;
/// assert_eq!(all, 100);
///
/// // One that forgets to move in strides:
/// let error = check_convolution::<1, Conv<1, f64>>(|setting| {
///     let bias = setting.bias.clone().map(Into::into);
///     let mut layer = Conv::from_parts(setting.weight.clone(), bias, setting.groups).expect("the setting fits");
///     layer.geometry = setting.geometry.stride(1);
///     Some(layer)
/// });
/// assert!(matches!(error, Err(Fault::Shape { .. })));
/// # Ok::<(), Fault>(())
/// ```
pub fn check_convolution<const R: usize, L: Layer<f64>>(
    make: impl Fn(&Setting<R>) -> Option<L>,
) -> Result<usize, Fault> {
    let (mut draw, mut taken) = (Draw::new(0), 0);
    for case in 0..CASES {
        let (setting, input) = Setting::<R>::draw(&mut draw, case);
        let x = draw.array(&input, -1.0, 1.0);
        let Some(mut layer) = make(&setting) else { continue };
        check_setting(&setting, &mut layer, &x)?;
        taken += 1;
    }
    if taken == 0 { Err(Fault::NothingChecked { drawn: CASES }) } else { Ok(taken) }
}

fn check_setting<const R: usize>(
    setting: &Setting<R>,
    layer: &mut impl Layer<f64>,
    x: &ArrayD<f64>,
) -> Result<(), Fault> {
    let (text, input) = (|| setting.describe(), || x.shape().to_vec());
    let failed = |source: Box<dyn StdError + Send + Sync>| Fault::Failed { setting: text(), input: input(), source };
    let exact = setting.by_definition(x).map_err(|error| failed(error.into()))?;
    let forward = |layer: &dyn Layer<f64>, x: &ArrayD<f64>| layer.forward(&Tape::inference().input(x.clone()));
    let y = forward(layer, x).map_err(|error| failed(error.into()))?;
    if y.shape() != exact.shape() {
        let (found, expected) = (y.shape().to_vec(), exact.shape().to_vec());
        return Err(Fault::Shape { setting: text(), input: input(), found, expected });
    }
    for ((at, &expected), &found) in exact.indexed_iter().zip(y.value().iter()) {
        // So written that NaN fails.
        let close = (found - expected).abs() <= 1e-10 * expected.abs() + 1e-11;
        if !close {
            return Err(Fault::Number { setting: text(), input: input(), at: at.slice().to_vec(), found, expected });
        }
    }
    testing::check_layer(layer, x).map_err(|error| failed(error.into()))?;
    let [images, channels] = [x.shape()[0], x.shape()[1]];
    let large = &x.shape()[2..];
    for (shape, why) in [
        ([&[channels], large].concat(), "it has no axis of images"),
        ([&[images, channels + 1], large].concat(), "it has a channel too many"),
        ([&[images, channels], &setting.too_small()[..]].concat(), "the kernel is larger, also with the padding"),
    ] {
        let fits = setting.padded_fits(&shape);
        if !fits && forward(layer, &ArrayD::zeros(IxDyn(&shape))).is_ok() {
            return Err(Fault::Taken { setting: text(), input: shape, why });
        }
    }
    Ok(())
}

impl<const R: usize> Setting<R> {
    /// A size into which the kernel does not fit, if there is one: along the first axis, what padding alone leaves it to lack.
    fn too_small(&self) -> [usize; R] {
        let geometry = &self.geometry;
        std::array::from_fn(|axis| {
            let extent = geometry.dilation[axis] * (geometry.kernel_size[axis] - 1) + 1;
            let (before, after) = geometry.padding[axis];
            (extent - 1).saturating_sub(before + after)
        })
    }

    /// Whether an input of this shape is one that the setting takes.
    fn padded_fits(&self, shape: &[usize]) -> bool {
        let channels = self.weight.shape()[1] * self.groups;
        let Some(size) = shape.get(2..).and_then(|size| <[usize; R]>::try_from(size).ok()) else { return false };
        shape[1] == channels && self.geometry.output_size(size).is_ok()
    }
}
