//! What does not fit is refused, with the arithmetic.

use gradus_conv::ndarray::ArrayD;
use gradus_conv::{
    AdaptiveAvgPool2d, AdaptiveMaxPool1d, AvgPool1d, AvgPool2d, Error, GlobalAvgPool, GlobalMaxPool, LpPool2d,
    MaxPool2d, MaxPool3d, MaxUnpool1d, MaxUnpool2d, Result, Tape, Var, adaptive_avg_pool, avg_pool, global_avg_pool,
    lp_pool, max_pool,
};
use gradus_testing::refuses;

fn zeros(shape: &[usize]) -> Var<f32> {
    Tape::inference().input(ArrayD::zeros(shape))
}

fn max(layer: MaxPool2d, shape: &[usize]) -> Result<Var<f32>> {
    max_pool(&zeros(shape), &layer.geometry)
}

fn avg(layer: AvgPool2d, shape: &[usize]) -> Result<Var<f32>> {
    avg_pool(&zeros(shape), &layer.geometry, layer.count_include_pad, layer.divisor_override)
}

#[test]
fn windows_that_do_not_fit() {
    let shape = [2, 3, 8, 8];
    refuses!(max(MaxPool2d::new(0), &shape), Error::Zero { .. }, @"max_pool2d: kernel_size = [0, 0]: 0 is no kernel_size; at least 1 would fit");
    refuses!(avg(AvgPool2d::new(2).stride((1, 0)), &shape), Error::Zero { .. }, @"avg_pool2d: stride = [1, 0]: 0 is no stride; at least 1 would fit");
    refuses!(avg(AvgPool2d::new(2).divisor_override(0), &shape), Error::Zero { .. }, @"avg_pool2d: divisor_override = [0]: 0 is no divisor_override; at least 1 would fit");
    refuses!(avg(AvgPool2d::new(3).padding((1, 2)), &shape), Error::PoolPadding { .. }, @"avg_pool2d: axis 1: padding 2 and 2 beside a window that spans 3: at most half of it, 1, would fit");
    refuses!(max(MaxPool2d::new(9), &shape), Error::KernelTooLarge { .. }, @"max_pool2d: axis 0: the kernel spans dilation · (kernel − 1) + 1 = 1 · (9 − 1) + 1 = 9, the padded input 0 + 8 + 0 = 8: 9 > 8; it lacks 1 of padding, or of size");
    refuses!(max(MaxPool2d::new(2).padding(1).dilation(3), &[2, 3, 2, 2]), Error::EmptyWindow { .. }, @"max_pool2d: axis 0: window 0 begins at 0 · 2 − 1 and steps by 3: it misses all 2 of the input, and nothing has neither maximum nor average; less padding or dilation would fit");
    refuses!(avg(AvgPool2d::new(2), &[3, 8, 8]), Error::Rank { .. }, @"avg_pool2d: input [3, 8, 8] has 3 axes; it needs 4, (N, C, …): batch, channels, and 2 in space");
    refuses!(avg(AvgPool2d::new(2).padding(1), &[2, 3, 0, 4]), Error::EmptyWindow { .. }, @"avg_pool2d: axis 0: window 0 begins at 0 · 2 − 1 and steps by 1: it misses all 0 of the input, and nothing has neither maximum nor average; less padding or dilation would fit");
    refuses!(lp_pool(&zeros(&shape), 0.0, &LpPool2d::new(0.0, 2).geometry), Error::Norm { .. }, @"lp_pool2d: p = 0: (Σ xᵖ)^(1/p) is no norm; a finite number above 0 would fit");
}

#[test]
fn output_sizes_that_do_not_fit() {
    refuses!(adaptive_avg_pool::<2, _>(&zeros(&[2, 3, 8, 8]), (3, 0)), Error::Zero { .. }, @"adaptive_avg_pool2d: output_size = [3, 0]: 0 is no output_size; at least 1 would fit");
    refuses!(adaptive_avg_pool::<2, _>(&zeros(&[2, 3, 8]), 2), Error::Rank { .. }, @"adaptive_avg_pool2d: input [2, 3, 8] has 3 axes; it needs 4, (N, C, …): batch, channels, and 2 in space");
    refuses!(adaptive_avg_pool::<2, _>(&zeros(&[2, 3, 8, 0]), 2), Error::EmptyAxis { .. }, @"adaptive_avg_pool2d: input [2, 3, 8, 0]: axis 1 in space has size 0: window 0 would span ⌊0 · 0 / 2⌋ to ⌈1 · 0 / 2⌉, which is nothing; a size of at least 1 would fit");
    refuses!(global_avg_pool(&zeros(&[2, 3, 0]), false), Error::EmptyAxis { .. }, @"global_avg_pool: input [2, 3, 0]: axis 0 in space has size 0: window 0 would span ⌊0 · 0 / 1⌋ to ⌈1 · 0 / 1⌉, which is nothing; a size of at least 1 would fit");
    refuses!(global_avg_pool(&zeros(&[2, 3]), false), Error::Rank { .. }, @"global_avg_pool: input [2, 3] has 2 axes; it needs 3, (N, C, …): batch, channels, and 1 in space");
    refuses!(adaptive_avg_pool::<1, _>(&zeros(&[2, 3, 4]), usize::MAX), Error::TooLarge { .. }, @"adaptive_avg_pool1d: windows [4, 18446744073709551615]: more than memory can hold");
    assert!(matches!(adaptive_avg_pool::<1, _>(&zeros(&[2, 3, 1]), usize::MAX / 16), Err(Error::TooLarge { .. })));
}

#[test]
fn unpooling_that_does_not_fit() {
    let indices = |shape: &[usize], index: usize| ArrayD::from_elem(shape, index);
    let x = zeros(&[1, 1, 3]);
    let layer = MaxUnpool1d::new(2);
    refuses!(layer.forward(&x, &indices(&[1, 1, 3], 6)), Error::IndexOutOfRange { .. }, @"max_unpool1d: index 6 at [0, 0, 0]: a channel of size [6] has 6 positions; 0 to 5 would fit");
    refuses!(layer.forward(&x, &indices(&[1, 1, 2], 0)), Error::Parameter { .. }, @"max_unpool1d: indices [1, 1, 2]: an index for each number of the input, [1, 1, 3], would fit");
    refuses!(layer.forward_to(&x, &indices(&[1, 1, 3], 0), 8), Error::UnpoolSize { .. }, @"max_unpool1d: axis 0: (size − 1) · stride + extent − before − after = (3 − 1) · 2 + 2 − 0 − 0 = 6, and 8 is asked for; 5 to 7 would fit");
    refuses!(layer.stride(0).forward(&x, &indices(&[1, 1, 3], 0)), Error::Zero { .. }, @"max_unpool1d: stride = [0]: 0 is no stride; at least 1 would fit");
    refuses!(layer.padding(2).forward(&x, &indices(&[1, 1, 3], 0)), Error::PoolPadding { .. }, @"max_unpool1d: axis 0: padding 2 and 2 beside a window that spans 2: at most half of it, 1, would fit");
    refuses!(MaxUnpool2d::new(2).forward(&x, &indices(&[1, 1, 3], 0)), Error::Rank { .. }, @"max_unpool2d: input [1, 1, 3] has 3 axes; it needs 4, (N, C, …): batch, channels, and 2 in space");
    refuses!(MaxUnpool1d::new(usize::MAX).forward(&x, &indices(&[1, 1, 3], 0)), Error::TooLarge { .. }, @"max_unpool1d: (size, stride, dilation, kernel) [3, 18446744073709551615, 1, 18446744073709551615]: more than memory can hold");
}

#[test]
fn settings_are_checked_without_an_input() {
    assert!(MaxPool3d::new(2).validate().is_ok() && MaxPool3d::new((1, 0, 2)).validate().is_err());
    assert!(AvgPool1d::new(2).validate().is_ok() && AvgPool1d::new(2).divisor_override(0).validate().is_err());
    assert!(AdaptiveAvgPool2d::new(2).validate().is_ok() && AdaptiveMaxPool1d::new(0).validate().is_err());
    assert!(LpPool2d::new(1.5, 2).validate().is_ok() && LpPool2d::new(f64::NAN, 2).validate().is_err());
    assert!(MaxUnpool1d::new(2).validate().is_ok() && MaxUnpool1d::new(0).validate().is_err());
    assert_eq!((GlobalAvgPool::new(true).keep_dims, GlobalMaxPool::new(false).keep_dims), (true, false));
}
