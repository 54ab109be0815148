//! The operation: what deep learning calls convolution, as products with patches.

use crate::geometry::{Axis, Geometry, count};
use crate::patches::{Tap, gather, scatter, taps, volume};
use crate::{Error, Result};
use gradus_autograd::{Real, Slots, Value, Var};
use gradus_linalg::simd::vectorized;
use gradus_linalg::{elementwise, memory};
use ndarray::{ArrayView2, ArrayViewMut2, IxDyn};
use std::ops::Range;

/// Convolution in `R` axes of space: at each of its places, the inner product of the kernel with what lies under it.
///
/// What deep learning calls convolution is the *cross-correlation* of signal processing: the kernel is not flipped. So this is, and
/// [`cross_correlate`](crate::cross_correlate) is its true name; [`convolve`](crate::convolve) flips the kernel. Written for one axis, with `x`
/// zero outside:
///
/// ```text
/// y[n, o, p] = b[o] + Σ_c Σ_k W[o, c, k] · x[n, c, p · stride + k · dilation − padding]
///
/// dx[n, c, i] = Σ_o Σ_{p, k: p · stride + k · dilation − padding = i} W[o, c, k] · dy[n, o, p]
/// dW[o, c, k] = Σ_n Σ_p dy[n, o, p] · x[n, c, p · stride + k · dilation − padding]
/// db[o]       = Σ_n Σ_p dy[n, o, p]
/// ```
///
/// With the patches of an image as a matrix `P`, whose row `(c, k)` is what number `k` of the kernel sees of channel `c`, these are products:
/// `Y = W P`, `dW = dY Pᵀ`, and `dx` is `Wᵀ dY` with each number added to the place that it came from. `P` is built for a single image
/// at a time (a few, where they are small), and a kernel of 1 that moves in steps of 1 needs none: `P = x`.
///
/// With `groups`, the channels are cut into so many equal parts, and each part of the output sees the same part of the input
/// only; with as many groups as channels the convolution is *depthwise*.
///
/// # Shapes
/// - `x (N, C, …)`, with `R` axes after the channels
/// - `weight (out_channels, C / groups, …)`, the last `R` axes as in `geometry`
/// - `bias (out_channels,)`
/// - result `(N, out_channels, …)`, the last `R` axes as [`Geometry::output_size`] says
///
/// # Examples
/// Differences of neighbours, then their sum over a window:
/// ```
/// use gradus_conv::{Geometry, Tape, conv, ndarray::array};
/// let tape = Tape::<f64>::recording();
/// let x = tape.variable(array![[[1.0, 2.0, 4.0, 8.0]]]);
/// let weight = tape.variable(array![[[-1.0, 1.0]]]);
/// let y = conv(&x, &weight, None, &Geometry::<1>::new(2), 1)?;
/// assert_eq!(y.value(), &array![[[1.0, 2.0, 4.0]]]);
///
/// let gradients = y.sum().backward()?;
/// assert_eq!(gradients.get(&weight).unwrap(), &array![[[7.0, 14.0]]]);
/// assert_eq!(gradients.get(&x).unwrap(), &array![[[-1.0, 0.0, 0.0, 1.0]]]);
/// # Ok::<(), gradus_conv::Error>(())
/// ```
///
/// # Errors
/// [`Error::Rank`], [`Error::Channels`], [`Error::Groups`] and [`Error::Parameter`] where shapes do not fit; the errors of
/// [`Geometry::output_size`]; [`Error::TooLarge`] if memory cannot hold the result; variables of different tapes.
///
/// # References
/// Y. LeCun et al., *Backpropagation applied to handwritten zip code recognition*, 1989; Y. LeCun, L. Bottou, Y. Bengio, P. Haffner,
/// *Gradient-based learning applied to document recognition*, 1998; K. Chellapilla, S. Puri, P. Simard, *High performance
/// convolutional neural networks for document processing*, 2006 (the product with patches).
#[doc(alias = "conv1d")]
#[doc(alias = "conv2d")]
#[doc(alias = "conv3d")]
#[track_caller]
pub fn conv<const R: usize, F: Real>(
    x: &Var<F>,
    weight: &Var<F>,
    bias: Option<&Var<F>>,
    geometry: &Geometry<R>,
    groups: usize,
) -> Result<Var<F>> {
    let operation = name::<R>();
    let (tape, on_other_tape) = (x.tape(), |v: &&Var<F>| !v.tape().is(x.tape()));
    if [Some(weight), bias].iter().flatten().any(on_other_tape) {
        return Err(gradus_autograd::Error::ForeignVar { operation }.into());
    }
    check_parameters(geometry, weight.shape(), bias.map(Var::shape), groups)?;
    let (plan, out_shape) = Plan::new::<F, R>(x.shape(), weight.shape(), geometry, groups)?;

    let x_value = x.value().clone().into_standard_layout();
    let w_value = weight.value().clone().into_standard_layout();
    let b_value = bias.map(|bias| bias.value().clone().into_standard_layout());
    let mut y = Value::unspecified(IxDyn(&out_shape));
    plan.forward(slice(&x_value), slice(&w_value), b_value.as_ref().map(slice), slice_mut(&mut y));

    // Only what a gradient is made of is kept.
    let saved_x = weight.needs_gradient().then_some(x_value);
    let saved_w = x.needs_gradient().then_some(w_value);
    let backward = move |dy: Value<F>, slots: &mut Slots<'_, F>| {
        let dy = dy.into_standard_layout();
        if slots.needs(2) {
            slots.add(2, plan.bias_gradient(slice(&dy)));
        }
        if let Some(x) = &saved_x {
            slots.accumulate(1, |dw, beta| {
                let dw = dw.into_slice().expect("gradients are row-major");
                plan.weight_gradient(slice(x), slice(&dy), beta, dw);
            });
        }
        if let Some(w) = &saved_w {
            slots.accumulate(0, |dx, beta| {
                let dx = dx.into_slice().expect("gradients are row-major");
                plan.input_gradient(slice(w), slice(&dy), beta, dx);
            });
        }
    };
    Ok(match bias {
        Some(bias) => tape.record_into(operation, [x, weight, bias], y, backward),
        None => tape.record_into(operation, [x, weight], y, backward),
    })
}

/// The name that the operation has on the tape and in errors.
pub(crate) const fn name<const R: usize>() -> &'static str {
    match R {
        1 => "conv1d",
        2 => "conv2d",
        3 => "conv3d",
        _ => "conv",
    }
}

/// What must hold whatever the input is.
pub(crate) fn check_parameters<const R: usize>(
    geometry: &Geometry<R>,
    weight: &[usize],
    bias: Option<&[usize]>,
    groups: usize,
) -> Result<()> {
    let operation = name::<R>();
    geometry.check(operation)?;
    if groups == 0 {
        return Err(Error::Zero { operation, name: "groups", value: vec![0] });
    }
    let mismatch = |parameter, found: &[usize], expected| {
        let found = found.to_vec();
        Err(Error::Parameter { operation, parameter, found, expected })
    };
    let [out_channels, _, kernel @ ..] = weight else {
        return mismatch("weight", weight, format!("it needs {} axes, (out_channels, in_channels / groups, …)", R + 2));
    };
    if *kernel != geometry.kernel_size {
        let expected =
            format!("the kernel is of size {:?}; the axes after the second would have it", geometry.kernel_size);
        return mismatch("weight", weight, expected);
    }
    if out_channels % groups != 0 {
        return Err(Error::Groups { operation, name: "output channels", channels: *out_channels, groups });
    }
    match bias {
        Some(bias) if bias != [*out_channels] => {
            mismatch("bias", bias, format!("the weight has {out_channels} output channels; [{out_channels}] would fit"))
        }
        _ => Ok(()),
    }
}

/// The shape of the result, for a layer that describes itself; the parameters have been checked.
pub(crate) fn output_shape<F: Real, const R: usize>(
    x: &[usize],
    weight: &[usize],
    geometry: &Geometry<R>,
    groups: usize,
) -> Result<Vec<usize>> {
    Ok(Plan::new::<F, R>(x, weight, geometry, groups)?.1)
}

/// The sizes of a convolution, and how it is divided into products.
struct Plan {
    axes: Vec<Axis>,
    images: usize,
    groups: usize,
    /// Channels of one group, in the input and in the output.
    inputs: usize,
    outputs: usize,
    /// Numbers of one channel of the input, of the kernel and of the output.
    pixels: usize,
    taps: Vec<Tap>,
    places: usize,
    /// Whether the patches of an image are the image.
    pointwise: bool,
    /// How many images share one product.
    together: usize,
}

/// Columns that a product should have, for the tiles of its result to be well filled: small images are put together.
const COLUMNS: usize = 512;

impl Plan {
    /// The plan and the shape of the result; the parameters have been checked.
    fn new<F: Real, const R: usize>(
        x: &[usize],
        weight: &[usize],
        geometry: &Geometry<R>,
        groups: usize,
    ) -> Result<(Self, Vec<usize>)> {
        let operation = name::<R>();
        let (&[images, in_channels, ref size @ ..], &[out_channels, inputs, ..]) = (x, weight) else {
            return Err(Error::Rank { operation, found: x.to_vec(), rank: R });
        };
        if size.len() != R {
            return Err(Error::Rank { operation, found: x.to_vec(), rank: R });
        }
        if in_channels % groups != 0 {
            return Err(Error::Groups { operation, name: "input channels", channels: in_channels, groups });
        }
        if in_channels / groups != inputs {
            return Err(Error::Channels { operation, input: x.to_vec(), weight: weight.to_vec(), groups });
        }
        let axes = geometry.axes(operation, size)?;
        let mut out_shape = vec![images, out_channels];
        out_shape.extend(axes.iter().map(|axis| axis.out));
        count::<F>(operation, "result of shape", &out_shape)?;
        let places = volume(&axes, |axis| axis.out);
        let numbers = volume(&axes, |axis| axis.kernel_size);
        let still = |axis: &Axis| axis.extent == 1 && axis.stride == 1 && axis.out == axis.size;
        let pointwise = axes.iter().all(still);
        let together = if pointwise { 1 } else { (COLUMNS / places).clamp(1, images.max(1)) };
        count::<F>(operation, "matrix of patches", &[inputs.max(out_channels / groups), numbers, together, places])?;
        let (pixels, outputs, taps) = (volume(&axes, |axis| axis.size), out_channels / groups, taps(&axes));
        let plan = Self { axes, images, groups, inputs, outputs, pixels, taps, places, pointwise, together };
        Ok((plan, out_shape))
    }

    /// `Y = W P + b`, image by image and group by group.
    fn forward<F: Real>(&self, x: &[F], w: &[F], bias: Option<&[F]>, y: &mut [F]) {
        let mut patches = self.buffer(self.depth());
        let mut sums = if self.together > 1 { self.buffer(self.outputs) } else { Vec::new() };
        let beta = if bias.is_some() { F::one() } else { F::zero() };
        for (images, group) in self.portions() {
            let columns = images.len() * self.places;
            let p = self.patches(x, &images, group, &mut patches);
            let w = matrix(&w[self.weights(group)], self.outputs, self.depth());
            let bias = bias.map(|bias| &bias[group * self.outputs..][..self.outputs]);
            if images.len() == 1 {
                let y = &mut y[self.output(images.start, group)];
                if let Some(bias) = bias {
                    y.chunks_exact_mut(self.places).zip(bias).for_each(|(row, &b)| row.fill(b));
                }
                F::gemm(F::one(), w, p, beta, matrix_mut(y, self.outputs, columns));
            } else {
                let sums = &mut sums[..self.outputs * columns];
                F::gemm(F::one(), w, p, F::zero(), matrix_mut(sums, self.outputs, columns));
                for (channel, row) in sums.chunks_exact(columns).enumerate() {
                    let b = bias.map_or_else(F::zero, |bias| bias[channel]);
                    for (image, sums) in images.clone().zip(row.chunks_exact(self.places)) {
                        let y = &mut y[self.output(image, group)][channel * self.places..][..self.places];
                        vectorized(
                            #[inline(always)]
                            || y.iter_mut().zip(sums).for_each(|(y, &sum)| *y = sum + b),
                        );
                    }
                }
            }
        }
        memory::give(patches);
        memory::give(sums);
    }

    /// `dW ← Σ dY Pᵀ + β dW`; the sum runs over the images in their order.
    fn weight_gradient<F: Real>(&self, x: &[F], dy: &[F], beta: F, dw: &mut [F]) {
        if self.images == 0 && beta == F::zero() {
            dw.fill(F::zero());
        }
        let mut patches = self.buffer(self.depth());
        let mut gathered = if self.together > 1 { self.buffer(self.outputs) } else { Vec::new() };
        for (images, group) in self.portions() {
            let beta = if images.start == 0 { beta } else { F::one() };
            let p = self.patches(x, &images, group, &mut patches);
            let dy = self.rows(dy, &images, group, &mut gathered);
            let dw = matrix_mut(&mut dw[self.weights(group)], self.outputs, self.depth());
            F::gemm(F::one(), dy, p.reversed_axes(), beta, dw);
        }
        memory::give(patches);
        memory::give(gathered);
    }

    /// `dx ← col2im(Wᵀ dY) + β dx`.
    fn input_gradient<F: Real>(&self, w: &[F], dy: &[F], beta: F, dx: &mut [F]) {
        if beta == F::zero() && !self.pointwise {
            dx.fill(F::zero());
        }
        let mut patches = self.buffer(self.depth());
        let mut gathered = if self.together > 1 { self.buffer(self.outputs) } else { Vec::new() };
        for (images, group) in self.portions() {
            let columns = images.len() * self.places;
            let dy = self.rows(dy, &images, group, &mut gathered);
            let wt = matrix(&w[self.weights(group)], self.outputs, self.depth()).reversed_axes();
            if self.pointwise {
                let dx = &mut dx[self.input(images.start, group)];
                F::gemm(F::one(), wt, dy, beta, matrix_mut(dx, self.inputs, columns));
                continue;
            }
            let patches = &mut patches[..self.depth() * columns];
            F::gemm(F::one(), wt, dy, F::zero(), matrix_mut(patches, self.depth(), columns));
            self.each_row(columns, patches, |channel, tap, row| {
                for (image, seen) in images.clone().zip(row.chunks_exact_mut(self.places)) {
                    let plane = &mut dx[self.input(image, group)][channel * self.pixels..][..self.pixels];
                    scatter(&self.axes, tap, seen, plane);
                }
            });
        }
        memory::give(patches);
        memory::give(gathered);
    }

    /// `db = Σ dY`, over images and places.
    fn bias_gradient<F: Real>(&self, dy: &[F]) -> Value<F> {
        let mut db = Value::zeros(IxDyn(&[self.groups * self.outputs]));
        let sums = slice_mut(&mut db);
        for image in dy.chunks_exact(self.places * sums.len().max(1)) {
            for (sum, row) in sums.iter_mut().zip(image.chunks_exact(self.places)) {
                *sum += elementwise::sum_slice(row);
            }
        }
        db
    }

    /// The images and the group of each product.
    fn portions(&self) -> impl Iterator<Item = (Range<usize>, usize)> + use<'_> {
        let starts = (0..self.images).step_by(self.together);
        let images = starts.map(|first| first..self.images.min(first + self.together));
        images.flat_map(|images| (0..self.groups).map(move |group| (images.clone(), group)))
    }

    /// The patches of some images, `(inputs · taps, images · places)`.
    fn patches<'a, F: Real>(
        &self,
        x: &'a [F],
        images: &Range<usize>,
        group: usize,
        buffer: &'a mut [F],
    ) -> ArrayView2<'a, F> {
        let columns = images.len() * self.places;
        if self.pointwise {
            return matrix(&x[self.input(images.start, group)], self.inputs, columns);
        }
        let buffer = &mut buffer[..self.depth() * columns];
        self.each_row(columns, buffer, |channel, tap, row| {
            for (image, seen) in images.clone().zip(row.chunks_exact_mut(self.places)) {
                let plane = &x[self.input(image, group)][channel * self.pixels..][..self.pixels];
                gather(&self.axes, tap, plane, seen);
            }
        });
        matrix(buffer, self.depth(), columns)
    }

    /// Calls `f` with each row of a matrix of patches, its channel and its number of the kernel.
    fn each_row<F>(&self, columns: usize, patches: &mut [F], mut f: impl FnMut(usize, &Tap, &mut [F])) {
        let rows = (0..self.inputs).flat_map(|channel| self.taps.iter().map(move |tap| (channel, tap)));
        rows.zip(patches.chunks_exact_mut(columns)).for_each(|((channel, tap), row)| f(channel, tap, row));
    }

    /// The output channels of some images side by side, `(outputs, images · places)`.
    fn rows<'a, F: Real>(
        &self,
        dy: &'a [F],
        images: &Range<usize>,
        group: usize,
        buffer: &'a mut [F],
    ) -> ArrayView2<'a, F> {
        let columns = images.len() * self.places;
        if images.len() == 1 {
            return matrix(&dy[self.output(images.start, group)], self.outputs, columns);
        }
        let buffer = &mut buffer[..self.outputs * columns];
        for (channel, row) in buffer.chunks_exact_mut(columns).enumerate() {
            for (image, part) in images.clone().zip(row.chunks_exact_mut(self.places)) {
                part.copy_from_slice(&dy[self.output(image, group)][channel * self.places..][..self.places]);
            }
        }
        matrix(buffer, self.outputs, columns)
    }

    /// Terms of each sum: the rows of the patches.
    fn depth(&self) -> usize {
        self.inputs * self.taps.len()
    }

    /// Memory for a matrix with the columns of one product.
    fn buffer<F: Real>(&self, rows: usize) -> Vec<F> {
        if self.pointwise { Vec::new() } else { memory::take(rows * self.together * self.places) }
    }

    /// Where the channels of a group lie in the input, the output and the weight.
    fn input(&self, image: usize, group: usize) -> Range<usize> {
        let len = self.inputs * self.pixels;
        let start = (image * self.groups + group) * len;
        start..start + len
    }

    fn output(&self, image: usize, group: usize) -> Range<usize> {
        let len = self.outputs * self.places;
        let start = (image * self.groups + group) * len;
        start..start + len
    }

    fn weights(&self, group: usize) -> Range<usize> {
        let len = self.outputs * self.depth();
        group * len..(group + 1) * len
    }
}

fn matrix<F>(x: &[F], rows: usize, columns: usize) -> ArrayView2<'_, F> {
    ArrayView2::from_shape((rows, columns), x).expect("the slice is as long as the plan says")
}

fn matrix_mut<F>(x: &mut [F], rows: usize, columns: usize) -> ArrayViewMut2<'_, F> {
    ArrayViewMut2::from_shape((rows, columns), x).expect("the slice is as long as the plan says")
}

pub(crate) fn slice<F: Real>(x: &Value<F>) -> &[F] {
    x.as_slice().expect("the value is in standard layout")
}

pub(crate) fn slice_mut<F: Real>(x: &mut Value<F>) -> &mut [F] {
    x.as_slice_mut().expect("fresh memory is row-major")
}
