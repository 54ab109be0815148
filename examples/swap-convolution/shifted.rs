//! The layer: a convolution as a sum of products, one for each place of the kernel.
//!
//! Number `k` of the kernel sees the whole input, shifted. What it adds to the output is a product of matrices, channels by channels:
//!
//! ```text
//! Y = Σ_k W_k X_k        X_k (channels, images · places): what number k sees as the kernel moves
//!
//! dW_k = dY_k X_kᵀ       dX_k = W_kᵀ dY_k, added to where X_k was taken from
//! ```
//!
//! The library's own gathers all `k` into one product. Here nine small ones are made of a kernel of 3 × 3, and no patch is held twice.
//!
//! # References
//! A. Vasudevan, A. Anderson, D. Gregg, *Parallel multi channel convolution using general matrix multiplication*, 2017,
//! <https://arxiv.org/abs/1704.04428> (kn2row)

use gradus::conv::Geometry;
use gradus::linalg::{FamilyError, matmul};
use gradus::ndarray::{Array2, Array4, ArrayView4, ArrayViewMut4, Ix4, s};
use gradus::prelude::*;
use std::fmt;
use std::ops::Range;

/// A convolution of images `(N, C, H, W)`, whose parameters have PyTorch's names and shapes.
#[derive(Module)]
pub(crate) struct ShiftedConv2d<F: Real = f32> {
    /// Kernels, `(out_channels, in_channels / groups, height, width)`.
    pub(crate) weight: Parameter<F>,
    /// Bias, `(out_channels,)`.
    pub(crate) bias: Option<Parameter<F>>,
    #[module(skip)]
    pub(crate) geometry: Geometry<2>,
    #[module(skip)]
    pub(crate) groups: usize,
}

impl<F: Real> Layer<F> for ShiftedConv2d<F> {
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        let tape = x.tape();
        let w = tape.parameter(&self.weight);
        let channels = w.shape()[1] * self.groups;
        let &[images, found, height, width] = x.shape() else { return Err(Unfit::new(channels, x).into()) };
        if found != channels {
            return Err(Unfit::new(channels, x).into());
        }
        let out = self.geometry.output_size([height, width])?;
        let shifts = self.shifts([height, width], out);
        let groups = self.groups;

        let mut y = Array4::zeros((images, w.shape()[0], out[0], out[1]));
        let (x_value, w_value) = (x.value().clone(), w.value().clone());
        for shift in &shifts {
            for group in shift.in_groups(groups, w.shape()) {
                let x_k = group.inputs.columns(view(&x_value));
                group.outputs.add(y.view_mut(), product(&group.weights(view(&w_value)), &x_k));
            }
        }
        let y = tape.record("shifted convolution", [x, &w], y, move |dy| {
            let (x, w, dy) = (view(&x_value), view(&w_value), view(&dy));
            let (mut dx, mut dw) = (Array4::zeros(x.dim()), Array4::zeros(w.dim()));
            for shift in &shifts {
                for group in shift.in_groups(groups, w.shape()) {
                    let (x_k, dy_k) = (group.inputs.columns(x), group.outputs.columns(dy));
                    group.weights_mut(&mut dw).assign(&product(&dy_k, &x_k.reversed_axes()));
                    group.inputs.add(dx.view_mut(), product(&group.weights(w).reversed_axes(), &dy_k));
                }
            }
            [Value::from(dx), Value::from(dw)]
        });
        match &self.bias {
            Some(bias) => Ok(y.try_add(&tape.parameter(bias).reshape(&[w.shape()[0], 1, 1])?)?),
            None => Ok(y),
        }
    }
}

fn view<F: Real>(x: &Value<F>) -> ArrayView4<'_, F> {
    x.view().into_dimensionality::<Ix4>().expect("the forward pass has seen four axes")
}

fn product<F: Real>(a: &gradus::ndarray::ArrayRef2<F>, b: &gradus::ndarray::ArrayRef2<F>) -> Array2<F> {
    matmul(a, b).expect("both are of the same channels, or of the same places")
}

/// Part of an array of images: some channels, and of the places along both axes a first one, an end and a step.
struct Part {
    channels: Range<usize>,
    places: [(Range<usize>, usize); 2],
}

impl Part {
    fn slice<'a, F>(&self, x: ArrayView4<'a, F>) -> ArrayView4<'a, F> {
        let [(rows, down), (columns, right)] = self.places.clone();
        x.slice_move(s![.., self.channels.clone(), rows;down, columns;right]).permuted_axes([1, 0, 2, 3])
    }

    /// The numbers as a matrix `(channels, images · places)`.
    fn columns<F: Real>(&self, x: ArrayView4<'_, F>) -> Array2<F> {
        let part = self.slice(x);
        let (channels, places) = (part.dim().0, part.len() / part.dim().0.max(1));
        let numbers = part.iter().copied().collect();
        Array2::from_shape_vec((channels, places), numbers).expect("as many numbers as the part has")
    }

    /// Adds such a matrix to the numbers.
    fn add<F: Real>(&self, x: ArrayViewMut4<'_, F>, columns: Array2<F>) {
        let [(rows, down), (across, right)] = self.places.clone();
        let part = x.slice_move(s![.., self.channels.clone(), rows;down, across;right]);
        part.permuted_axes([1, 0, 2, 3]).iter_mut().zip(columns).for_each(|(x, c)| *x += c);
    }
}

/// Number `at` of the kernel: what it sees as the kernel moves, and the outputs to which it adds.
struct Shift {
    at: [usize; 2],
    seen: [(Range<usize>, usize); 2],
    outputs: [(Range<usize>, usize); 2],
}

/// One group of channels of a shift.
struct Group {
    at: [usize; 2],
    inputs: Part,
    outputs: Part,
}

impl Shift {
    fn in_groups(&self, groups: usize, weight: &[usize]) -> impl Iterator<Item = Group> {
        let (outputs, inputs) = (weight[0] / groups, weight[1]);
        (0..groups).map(move |group| Group {
            at: self.at,
            inputs: Part { channels: group * inputs..(group + 1) * inputs, places: self.seen.clone() },
            outputs: Part { channels: group * outputs..(group + 1) * outputs, places: self.outputs.clone() },
        })
    }
}

impl Group {
    fn weights<'a, F>(&self, w: ArrayView4<'a, F>) -> gradus::ndarray::ArrayView2<'a, F> {
        w.slice_move(s![self.outputs.channels.clone(), .., self.at[0], self.at[1]])
    }

    fn weights_mut<'a, F>(&self, w: &'a mut Array4<F>) -> gradus::ndarray::ArrayViewMut2<'a, F> {
        w.slice_mut(s![self.outputs.channels.clone(), .., self.at[0], self.at[1]])
    }
}

impl<F: Real> ShiftedConv2d<F> {
    /// Every number of the kernel that sees anything.
    fn shifts(&self, size: [usize; 2], out: [usize; 2]) -> Vec<Shift> {
        let [height, width] = self.geometry.kernel_size;
        let places = (0..height).flat_map(|h| (0..width).map(move |w| [h, w]));
        let shift = |at: [usize; 2]| {
            let [rows, columns] = [0, 1].map(|axis| self.overlap(axis, at[axis], size[axis], out[axis]));
            let ((seen_rows, out_rows), (seen_columns, out_columns)) = (rows?, columns?);
            let [down, right] = self.geometry.stride;
            let (seen, outputs) = ([(seen_rows, down), (seen_columns, right)], [(out_rows, 1), (out_columns, 1)]);
            Some(Shift { at, seen, outputs })
        };
        places.filter_map(shift).collect()
    }

    /// Along one axis: the numbers that number `k` of the kernel sees, a stride apart, and the outputs where it does.
    fn overlap(&self, axis: usize, k: usize, size: usize, out: usize) -> Option<(Range<usize>, Range<usize>)> {
        let (stride, before) = (self.geometry.stride[axis], self.geometry.padding[axis].0);
        let ahead = k * self.geometry.dilation[axis];
        let first = before.saturating_sub(ahead).div_ceil(stride);
        let end = (size + before).checked_sub(ahead + 1).map_or(0, |last| last / stride + 1).min(out);
        let seen = |output: usize| output * stride + ahead - before;
        (first < end).then(|| (seen(first)..seen(end - 1) + 1, first..end))
    }
}

/// An input that the layer does not take.
#[derive(Debug)]
struct Unfit {
    channels: usize,
    input: Vec<usize>,
}

impl Unfit {
    fn new<F: Real>(channels: usize, x: &Var<F>) -> Self {
        Self { channels, input: x.shape().to_vec() }
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { channels, input } = self;
        write!(f, "shifted convolution: input {input:?}: this layer takes (N, {channels}, H, W)")
    }
}

impl std::error::Error for Unfit {}
impl FamilyError for Unfit {}
