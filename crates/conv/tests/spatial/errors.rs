//! What is refused, and in which words.

use gradus_conv::ndarray::{ArrayD, IxDyn};
use gradus_conv::{
    Conv2d, Error, Geometry, Interpolation, Padding, PaddingMode, Result, Tape, Target, Var, convolve, fold, pad,
    pixel_shuffle, pixel_unshuffle, unfold, upsample,
};
use gradus_testing::refuses;
use rand::SeedableRng;
use rand::rngs::StdRng;

fn x(shape: &[usize]) -> Var<f32> {
    Tape::inference().input(ArrayD::zeros(IxDyn(shape)))
}

fn to<const R: usize>(shape: &[usize], target: Target<R>) -> Result<Var<f32>> {
    upsample(&x(shape), target, Interpolation::Nearest)
}

#[test]
fn padding() {
    let widths = [(1, 1), (4, 2)];
    refuses!(pad(&x(&[1, 1, 4, 4]), widths, PaddingMode::Reflect), Error::PadWidth { .. },
        @"pad: axis 1: reflect padding 4 and 2 of size 4: the edge is not repeated, so at most size − 1 = 4 − 1 = 3 would fit");
    refuses!(pad(&x(&[1, 1, 4, 3]), widths, PaddingMode::Circular), Error::PadWidth { .. },
        @"pad: axis 1: circular padding 4 and 2 of size 3: the other end has 3 numbers: at most 3 would fit");
    refuses!(pad(&x(&[1, 1, 4, 0]), widths, PaddingMode::Replicate), Error::PadWidth { .. },
        @"pad: axis 1: replicate padding 4 and 2 of size 0: there is no number to repeat");
    refuses!(pad(&x(&[1, 4, 4]), widths, PaddingMode::Zeros), Error::Rank { .. },
        @"pad: input [1, 4, 4] has 3 axes; it needs 4, (N, C, …): batch, channels, and 2 in space");
    refuses!(pad(&x(&[1, 1, 4]), [(usize::MAX, 0)], PaddingMode::Zeros), Error::TooLarge { .. },
        @"pad: padded size, the sum of [18446744073709551615, 4, 0]: more than memory can hold");
    refuses!(pad(&x(&[1, 1, 4]), [(usize::MAX / 2, 0)], PaddingMode::Replicate), Error::TooLarge { .. },
        @"pad: result of shape [1, 1, 9223372036854775811]: more than memory can hold");
}

#[test]
fn the_layer() {
    let layer: Conv2d = Conv2d::new(3, 4, 3, &mut StdRng::seed_from_u64(3));
    refuses!(layer.clone().padding(Padding::Same).stride((2, 1)).validate(), Error::SameStride { .. },
        @"conv2d: stride = [2, 1] with the padding `same`: the output would be ⌊(size − 1) / stride⌋ + 1 long and not size; a stride of 1 would fit, or explicit padding");
    refuses!(layer.clone().padding(Padding::Same).stride((0, 1)).validate(), Error::Zero { .. },
        @"conv2d: stride = [0, 1]: 0 is no stride; at least 1 would fit");
    refuses!(layer.clone().padding(Padding::Same).dilation(0).validate(), Error::Zero { .. },
        @"conv2d: dilation = [0, 0]: 0 is no dilation; at least 1 would fit");
    refuses!(layer.groups(2, &mut StdRng::seed_from_u64(3)), Error::Groups { .. },
        @"conv2d: 3 input channels in 2 groups: 3 = 2 · 1 + 1; a multiple of 2 would fit");
    refuses!(convolve(&x(&[1, 3, 4, 4]), &x(&[3]), None, &Geometry::<2>::new(3), 1), Error::Parameter { .. },
        @"conv2d: weight [3]: it needs 4 axes, (out_channels, in_channels / groups, …)");
}

#[test]
fn interpolation() {
    refuses!(to(&[1, 1, 4], Target::size((2, 2))), Error::Rank { .. },
        @"upsample: input [1, 1, 4] has 3 axes; it needs 4, (N, C, …): batch, channels, and 2 in space");
    refuses!(to(&[1, 1, 4, 4], Target::size((2, 0))), Error::Zero { .. },
        @"upsample: size = [2, 0]: 0 is no size; at least 1 would fit");
    refuses!(to(&[1, 1, 4, 4], Target::Factor([2.0, -1.0])), Error::Factor { .. },
        @"upsample: factor = [2.0, -1.0]: a finite number above 0 would fit along each axis");
    assert!(matches!(to(&[1, 1, 4], Target::<1>::factor(f64::NAN)), Err(Error::Factor { .. })));
    assert!(matches!(to(&[1, 1, 4], Target::<1>::factor(f64::INFINITY)), Err(Error::Factor { .. })));
    refuses!(to(&[1, 1, 4, 3], Target::<2>::factor(0.25)), Error::EmptyOutput { .. },
        @"upsample: axis 1: ⌊size · factor⌋ = ⌊3 · 0.25⌋ = 0: nothing would be left; a factor of at least 1 / 3 would fit");
    refuses!(to(&[1, 1, 4, 0], Target::size((2, 2))), Error::NothingBetween { .. },
        @"upsample: axis 1: the input is of size 0: there is nothing to interpolate between; at least 1 would fit");
    refuses!(to(&[1, 1, 4], Target::<1>::factor(1e300)), Error::TooLarge { .. },
        @"upsample: result of shape [1, 1, 18446744073709551615]: more than memory can hold");
}

#[test]
fn shuffling() {
    refuses!(pixel_shuffle(&x(&[1, 6, 4, 4]), 2), Error::Multiple { .. },
        @"pixel_shuffle: channels 6 = 4 · 1 + 2: a multiple of 4 would fit");
    refuses!(pixel_unshuffle(&x(&[1, 6, 4, 5]), 2), Error::Multiple { .. },
        @"pixel_unshuffle: size 5 = 2 · 2 + 1: a multiple of 2 would fit");
    refuses!(pixel_shuffle(&x(&[1, 6, 4, 4]), 0), Error::Zero { .. },
        @"pixel_shuffle: factor = [0]: 0 is no factor; at least 1 would fit");
    refuses!(pixel_unshuffle(&x(&[1, 6]), 2), Error::Rank { .. },
        @"pixel_unshuffle: input [1, 6] has 2 axes; it needs 3, (N, C, …): batch, channels, and 1 in space");
    refuses!(pixel_shuffle(&x(&[1, 6, 4, 4]), usize::MAX), Error::TooLarge { .. },
        @"pixel_shuffle: block of size [18446744073709551615, 18446744073709551615]: more than memory can hold");
    refuses!(pixel_shuffle(&x(&[1, 0, 4]), usize::MAX), Error::TooLarge { .. },
        @"pixel_shuffle: blocks of shape [1, 0, 18446744073709551615, 4]: more than memory can hold");
}

#[test]
fn patches() {
    refuses!(unfold(&x(&[1, 2, 3, 3]), &Geometry::<2>::new((2, 4))), Error::KernelTooLarge { .. },
        @"unfold: axis 1: the kernel spans dilation · (kernel − 1) + 1 = 1 · (4 − 1) + 1 = 4, the padded input 0 + 3 + 0 = 3: 4 > 3; it lacks 1 of padding, or of size");
    refuses!(unfold(&x(&[1, 2, 3]), &Geometry::<2>::new(2)), Error::Rank { .. },
        @"unfold: input [1, 2, 3] has 3 axes; it needs 4, (N, C, …): batch, channels, and 2 in space");
    refuses!(unfold(&x(&[1, 2, 3]), &Geometry::<1>::new(1 << 33).padding(1 << 33)), Error::TooLarge { .. },
        @"unfold: matrix of patches [1, 17179869184, 8589934596]: more than memory can hold");
    refuses!(fold(&x(&[1, 9, 4]), [4, 5], &Geometry::<2>::new(3)), Error::Columns { .. },
        @"fold: input [1, 9, 4]: it needs 3 axes, (N, C · ∏ kernel, L): rows a multiple of the 9 numbers of the kernel [3, 3], columns the 6 places [2, 3]");
    assert!(matches!(fold(&x(&[1, 8, 6]), [4, 5], &Geometry::<2>::new(3)), Err(Error::Columns { .. })));
    assert!(matches!(fold(&x(&[9, 6]), [4, 5], &Geometry::<2>::new(3)), Err(Error::Columns { .. })));
    assert!(matches!(fold(&x(&[1, 9, 6]), [4, 5], &Geometry::<2>::new(3).stride(0)), Err(Error::Zero { .. })));
}
