//! Blocks of convolutions: residual, bottleneck, separable, pointwise.
//!
//! They differ in how many numbers it takes to look at 3 × 3 places of `c` channels and to make `c` channels of them
//! (weights of the convolutions, without normalization and bias):
//!
//! | block | weights | c = 64 | c = 256 |
//! | --- | --- | ---: | ---: |
//! | 3 × 3 convolution | `9 c²` | 36,864 | 589,824 |
//! | 1 × 1 convolution ([`Conv::pointwise`](crate::Conv::pointwise)), which looks at one place | `c²` | 4,096 | 65,536 |
//! | 3 × 3 depthwise convolution ([`Conv::depthwise`](crate::Conv::depthwise)), which mixes no channels | `9 c` | 576 | 2,304 |
//! | [`SeparableConv`]: the two one after the other | `9 c + c²` | 4,672 | 67,840 |
//! | [`BasicBlock`]: two 3 × 3 convolutions | `18 c²` | 73,728 | 1,179,648 |
//! | [`BottleneckBlock`] of width `c / 4`: 1 × 1, 3 × 3, 1 × 1 | `17/16 c²` | 4,352 | 69,632 |
//!
//! With many channels a separable convolution and a bottleneck take a ninth of what the 3 × 3 convolution takes. The multiply–adds
//! shrink by as much (each weight is used once at each place), the bytes of the activations do not: see
//! [`Cost::intensity`](crate::Cost::intensity).
//!
//! The residual blocks are generic over their normalization `N`, any [`Layer`](crate::Layer). Their constructors take a closure from a
//! number of channels to the layer: `|c| BatchNorm2d::new(c)`, or `|_| Identity` for none.

mod basic;
mod bottleneck;
mod separable;
mod shortcut;

pub use basic::BasicBlock;
pub use bottleneck::BottleneckBlock;
pub use separable::SeparableConv;
pub use shortcut::{Downsample, Shortcut};

use crate::Conv2d;
use gradus_autograd::Real;
use gradus_nn_layers::init::{self, Fan, Nonlinearity};
use ndarray::Ix4;
use rand::Rng;

/// A convolution without bias before a normalization: as large a result as the input, or one of every `stride`.
///
/// The weights are drawn by He's rule for the way back, as torchvision's residual networks are.
pub(crate) fn conv<F: Real>(
    (in_channels, out_channels): (usize, usize),
    kernel_size: usize,
    stride: usize,
    rng: &mut (impl Rng + ?Sized),
) -> Conv2d<F> {
    let shape = Ix4(out_channels, in_channels, kernel_size, kernel_size);
    let weight =
        init::kaiming_normal(shape, Fan::Out, Nonlinearity::Relu, rng).expect("a weight with axes in space has fans");
    let conv = Conv2d::from_parts(weight, None, 1).expect("the weight has four axes, and its kernel is not empty");
    conv.stride(stride).padding(kernel_size / 2)
}
