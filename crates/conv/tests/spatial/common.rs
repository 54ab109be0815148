//! What the laws of padding and resampling share with those of windows.

use gradus_conv::ndarray::{self, ArrayD, Dimension, IxDyn};
use gradus_conv::{PaddingMode, Var};
use gradus_testing::{Tolerance, close};
use proptest::prelude::*;
use proptest::sample::select;

pub(crate) type Outcome = Result<(), TestCaseError>;

/// One number for each of three axes, of which a rank takes the first.
pub(crate) fn three<T: std::fmt::Debug + Clone>(each: impl Strategy<Value = T>) -> impl Strategy<Value = [T; 3]> {
    prop::array::uniform3(each)
}

pub(crate) fn first<const R: usize, T: Copy>(three: [T; 3]) -> [T; R] {
    std::array::from_fn(|axis| three[axis])
}

/// Calls a function of the rank with arguments.
macro_rules! of_rank {
    ($rank:expr, $function:ident($($argument:expr),*)) => {
        match $rank {
            1 => $function::<1>($($argument),*),
            2 => $function::<2>($($argument),*),
            _ => $function::<3>($($argument),*),
        }
    };
}
pub(crate) use of_rank;

/// Numbers that differ from place to place, of the same values for the same seed.
pub(crate) fn numbers(shape: &[usize], seed: u32) -> ArrayD<f64> {
    let mut state = f64::from(seed);
    ArrayD::from_shape_simple_fn(IxDyn(shape), || {
        state = (state * 1.3 + 0.7) % 9.1;
        state.sin()
    })
}

pub(crate) fn agree(y: &Var<f64>, expected: &ArrayD<f64>) -> Outcome {
    close(&**y.value(), expected, Tolerance::F64, "y").map_err(TestCaseError::fail)
}

pub(crate) fn array(x: &Var<f64>) -> ArrayD<f64> {
    (**x.value()).to_owned()
}

/// Every index of this shape, in row-major order.
pub(crate) fn indices(shape: &[usize]) -> impl Iterator<Item = Vec<usize>> {
    ndarray::indices(IxDyn(shape)).into_iter().map(|index| index.as_array_view().to_vec())
}

/// What stands at a position that may be outside.
pub(crate) fn at(x: &ArrayD<f64>, lead: &[usize], position: &[isize], mode: PaddingMode) -> f64 {
    let mut index = lead.to_vec();
    for (axis, &position) in position.iter().enumerate() {
        let size = x.shape()[lead.len() + axis] as isize;
        let mut i = position;
        while !(0..size).contains(&i) {
            i = match mode {
                PaddingMode::Reflect if i < 0 => -i,
                PaddingMode::Reflect => 2 * (size - 1) - i,
                PaddingMode::Replicate => i.clamp(0, size - 1),
                PaddingMode::Circular if i < 0 => i + size,
                PaddingMode::Circular => i - size,
                _ => return 0.0,
            };
        }
        index.push(i as usize);
    }
    x[&index[..]]
}

pub(crate) fn modes() -> impl Strategy<Value = PaddingMode> {
    select(vec![PaddingMode::Zeros, PaddingMode::Reflect, PaddingMode::Replicate, PaddingMode::Circular])
}

/// As much of the widths as the mode allows.
pub(crate) fn within<const R: usize>(
    size: [usize; R],
    widths: [(usize, usize); R],
    mode: PaddingMode,
) -> [(usize, usize); R] {
    std::array::from_fn(|axis| {
        let most = match mode {
            PaddingMode::Reflect => size[axis] - 1,
            PaddingMode::Circular => size[axis],
            _ => usize::MAX,
        };
        (widths[axis].0.min(most), widths[axis].1.min(most))
    })
}

/// Values and their order in memory: the axes of an array as they are, or in reverse.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    seed: u32,
    reversed: bool,
}

impl Layout {
    pub(crate) fn array(self, shape: &[usize]) -> ArrayD<f64> {
        if self.reversed {
            let shape: Vec<usize> = shape.iter().rev().copied().collect();
            numbers(&shape, self.seed).reversed_axes()
        } else {
            numbers(shape, self.seed)
        }
    }
}

pub(crate) fn layouts() -> impl Strategy<Value = Layout> {
    (1..1000_u32, any::<bool>()).prop_map(|(seed, reversed)| Layout { seed, reversed })
}
