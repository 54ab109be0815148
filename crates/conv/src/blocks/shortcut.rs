//! The path by a residual block, where input and output differ in shape.

use super::conv;
use crate::Conv2d;
use crate::cost::ADD;
use gradus_autograd::{Real, Var};
use gradus_nn_layers::{Description, Error, Identity, Layer, Module, Relu, Result};
use rand::Rng;

/// What the shortcut of a residual block does where stride or channels change: the options of He et al. 2015, §4.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Shortcut {
    /// Option A: every `stride`-th pixel, and channels of zeros beside those that there are. It has no parameters.
    Pad,
    /// Option B: a 1 × 1 convolution of that stride, and a normalization. This is what PyTorch's torchvision does.
    #[default]
    Project,
}

/// The shortcut of a residual block where stride or channels change.
///
/// The parameters have torchvision's names below `downsample`: `0.weight` is the convolution's, `1.…` the normalization's.
#[derive(Debug, Clone, Module)]
#[allow(clippy::large_enum_variant, reason = "a network has a few, and each beside a block of megabytes")]
pub enum Downsample<N, F: Real = f32> {
    /// `norm(conv(x))`: a 1 × 1 convolution, and a normalization if there is one.
    Project(Conv2d<F>, Option<N>),
    /// Every `stride`-th pixel of every `stride`-th row, with `before` and `after` channels of zeros beside those that there are.
    Pad {
        /// The distance between two pixels that are kept.
        #[module(skip)]
        stride: usize,
        /// How many channels of zeros go before.
        #[module(skip)]
        before: usize,
        /// How many follow.
        #[module(skip)]
        after: usize,
    },
}

impl<N, F: Real> Downsample<N, F> {
    /// None where the identity does: the stride is 1, and the channels stay.
    ///
    /// Padding cannot take channels away: where they become fewer, it is a projection all the same.
    pub(super) fn new(
        shortcut: Shortcut,
        (inputs, outputs): (usize, usize),
        stride: usize,
        norm: impl FnOnce(usize) -> N,
        rng: &mut (impl Rng + ?Sized),
    ) -> Option<Self> {
        if stride == 1 && inputs == outputs {
            return None;
        }
        match (shortcut, outputs.checked_sub(inputs)) {
            (Shortcut::Pad, Some(more)) => Some(Self::Pad { stride, before: more / 2, after: more - more / 2 }),
            _ => Some(Self::Project(conv((inputs, outputs), 1, stride, rng), Some(norm(outputs)))),
        }
    }
}

impl<N: Layer<F>, F: Real> Layer<F> for Downsample<N, F> {
    /// # Errors
    /// What the layers return; of a padding, an error of the operations on the tape for an input without axes in
    /// space or a stride of 0.
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        match self {
            Self::Project(conv, norm) => norm.forward(&conv.forward(x)?),
            &Self::Pad { stride, before, after } => {
                let size = |axis: usize| x.shape().get(axis).copied().unwrap_or(0);
                let kept = x.slice_axis(2, 0..size(2), stride)?.slice_axis(3, 0..size(3), stride)?;
                Ok(kept.pad(&[(0, 0), (before, after), (0, 0), (0, 0)], 0.0)?)
            }
        }
    }

    fn describe(&self, input: &[usize]) -> Result<Description> {
        match self {
            Self::Project(conv, norm) => {
                let stages: [(&str, &dyn Layer<F>); 2] = [("0", conv), ("1", norm)];
                Description::in_sequence(
                    self,
                    "Downsample",
                    input,
                    stages.into_iter().take(1 + usize::from(norm.is_some())),
                )
            }
            Self::Pad { stride, before, after } => {
                let mut output = input.to_vec();
                for (axis, len) in output.iter_mut().enumerate() {
                    *len = match axis {
                        0 => *len,
                        1 => len.saturating_add(*before).saturating_add(*after),
                        _ => len.div_ceil((*stride).max(1)),
                    };
                }
                Ok(Description::of(self, "Pad", &output))
            }
        }
    }
}

/// `relu(s(x) + f(x))`, the end of a residual block.
pub(super) fn join<N: Layer<F>, F: Real>(
    block: &'static str,
    downsample: Option<&Downsample<N, F>>,
    x: &Var<F>,
    body: &Var<F>,
) -> Result<Var<F>> {
    let past = downsample.map_or_else(|| Ok(x.clone()), |shortcut| shortcut.forward(x))?;
    if past.shape() != body.shape() {
        let (left, right) = (past.shape().to_vec(), body.shape().to_vec());
        let expected = "the shortcut and the convolutions must end in the same shape; give a downsample that projects";
        return Err(Error::Shapes { layer: block, left, right, expected });
    }
    Ok(past.try_add(body)?.relu())
}

/// Of a residual block: its convolutions one after the other, its shortcut, and their sum.
pub(super) fn describe<N: Layer<F>, F: Real>(
    block: &impl Module<F>,
    kind: &str,
    input: &[usize],
    body: Vec<(&str, &dyn Layer<F>)>,
    downsample: Option<&Downsample<N, F>>,
) -> Result<Description> {
    let mut whole = Description::in_sequence(block, kind, input, body)?;
    let shortcut = downsample.map(|shortcut| shortcut.describe(input)).transpose()?;
    let sum = Description::of::<F>(&Identity, ADD, &whole.output);
    let relu = Layer::<F>::describe(&Relu, &whole.output)?;
    let shortcut = shortcut.map(|shortcut| ("downsample", shortcut));
    for (name, part) in shortcut.into_iter().chain([("add", sum), ("relu", relu)]) {
        whole.multiply_adds = whole.multiply_adds.zip(part.multiply_adds).map(|(sum, n)| sum.saturating_add(n));
        whole.activation_bytes = whole.activation_bytes.saturating_add(part.activation_bytes);
        whole.dry_run |= part.dry_run;
        whole.parts.push((name.to_owned(), part));
    }
    Ok(whole)
}
