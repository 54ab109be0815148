//! Random geometries over any number of axes, and the definitions, loop by loop.

use gradus_conv::ndarray::{ArrayD, Dimension, IxDyn};
use gradus_conv::{Geometry, Tape, conv};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// A convolution: what a window sees of an input, and how many channels there are.
#[derive(Debug, Clone)]
pub(crate) struct Setting<const R: usize> {
    pub(crate) geometry: Geometry<R>,
    /// Of the input that the window moves over.
    pub(crate) size: [usize; R],
    pub(crate) images: usize,
    pub(crate) groups: usize,
    /// Channels of each group, in and out.
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    pub(crate) seed: u64,
}

/// Kernels to 4, strides and dilations to 3, padding to 2 on either side, up to 2 groups of 2 channels; sizes of 1 among all.
pub(crate) fn settings<const R: usize>() -> impl Strategy<Value = Setting<R>> {
    let largest = if R == 3 { 3 } else { 4_usize };
    let axis = (1..=largest, 1..=3_usize, (0..=2_usize, 0..=2_usize), 1..=3_usize, 0..=largest);
    let counts = (1..=2_usize, 1..=2_usize, 1..=2_usize, 1..=2_usize);
    (vec(axis, R), counts, any::<u64>()).prop_map(|(axes, (images, groups, inputs, outputs), seed)| {
        let geometry = Geometry::new(std::array::from_fn(|i| axes[i].0)).stride(std::array::from_fn(|i| axes[i].1));
        let mut geometry = geometry.dilation(std::array::from_fn(|i| axes[i].3));
        geometry.padding = std::array::from_fn(|i| axes[i].2);
        let size = std::array::from_fn(|i| {
            let (before, after) = geometry.padding[i];
            (extent(&geometry)[i] + axes[i].4).saturating_sub(before + after).max(1)
        });
        Setting { geometry, size, images, groups, inputs, outputs, seed }
    })
}

impl<const R: usize> Setting<R> {
    pub(crate) fn x_shape(&self) -> Vec<usize> {
        [&[self.images, self.groups * self.inputs], &self.size[..]].concat()
    }

    pub(crate) fn weight_shape(&self) -> Vec<usize> {
        [&[self.groups * self.outputs, self.inputs], &self.geometry.kernel_size[..]].concat()
    }

    pub(crate) fn out(&self) -> [usize; R] {
        self.geometry.output_size(self.size).expect("the settings fit")
    }

    pub(crate) fn y_shape(&self) -> Vec<usize> {
        [&[self.images, self.groups * self.outputs], &self.out()[..]].concat()
    }

    /// An array of this shape; one of three seeds gives another memory layout.
    pub(crate) fn random(&self, number: u64, shape: &[usize]) -> ArrayD<f64> {
        let mut rng = StdRng::seed_from_u64(self.seed.wrapping_add(number));
        let mut draw = || rng.random::<f64>() * 2.0 - 1.0;
        if self.seed.wrapping_add(number).is_multiple_of(3) {
            let turned: Vec<usize> = shape.iter().rev().copied().collect();
            return ArrayD::from_shape_simple_fn(turned, draw).reversed_axes();
        }
        ArrayD::from_shape_simple_fn(shape, &mut draw)
    }
}

/// What the dilated kernel spans.
pub(crate) fn extent<const R: usize>(geometry: &Geometry<R>) -> [usize; R] {
    std::array::from_fn(|axis| geometry.dilation[axis] * (geometry.kernel_size[axis] - 1) + 1)
}

/// Runs a law on so many cases.
pub(crate) fn hold<T: std::fmt::Debug>(
    cases: u32,
    strategy: impl Strategy<Value = T>,
    law: impl Fn(T) -> Result<(), Box<dyn std::error::Error>>,
) {
    let config = ProptestConfig { failure_persistence: None, ..gradus_testing::proptest_cases(cases) };
    let outcome = TestRunner::new(config)
        .run(&strategy, |case| law(case).map_err(|error| TestCaseError::fail(error.to_string())));
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

/// The plain operation.
pub(crate) fn correlate<const R: usize>(
    x: &ArrayD<f64>,
    weight: &ArrayD<f64>,
    geometry: &Geometry<R>,
    groups: usize,
) -> ArrayD<f64> {
    let tape = Tape::inference();
    let y =
        conv(&tape.input(x.clone()), &tape.input(weight.clone()), None, geometry, groups).expect("the operands fit");
    y.value().clone().into_array()
}

/// Transposed convolution as its first sentence has it: each number of the input puts the kernel, times itself, into the result.
pub(crate) fn nested_loops<const R: usize>(
    x: &ArrayD<f64>,
    weight: &ArrayD<f64>,
    bias: Option<&ArrayD<f64>>,
    geometry: &Geometry<R>,
    out: [usize; R],
    groups: usize,
) -> ArrayD<f64> {
    let (inputs, outputs) = (weight.shape()[0] / groups, weight.shape()[1]);
    let mut y = ArrayD::zeros(IxDyn(&[&[x.shape()[0], groups * outputs], &out[..]].concat()));
    for (at, y) in y.indexed_iter_mut() {
        *y = bias.map_or(0.0, |bias| bias[[at[1]]]);
    }
    for (from, x) in x.indexed_iter() {
        for (at, w) in weight.indexed_iter().filter(|(at, _)| at[0] == from[1]) {
            let position = |axis: usize| {
                let ahead = from[2 + axis] * geometry.stride[axis] + at[2 + axis] * geometry.dilation[axis];
                ahead.checked_sub(geometry.padding[axis].0).filter(|&i| i < out[axis])
            };
            let Some(place) = (0..R).map(position).collect::<Option<Vec<_>>>() else { continue };
            let channel = from[1] / inputs * outputs + at[1];
            y[IxDyn(&[&[from[0], channel], &place[..]].concat()).slice()] += w * x;
        }
    }
    y
}
