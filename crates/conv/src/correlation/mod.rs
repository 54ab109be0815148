//! The operation: what deep learning calls convolution, and the choice of how it is computed.

mod after;
mod depthwise;
mod direct;
mod layout;
mod products;

use crate::geometry::{Axis, Geometry, count};
use crate::patches::volume;
use crate::{Error, Result};
use after::{After, Cotangent, Kept, Windows};
use depthwise::Depthwise;
use direct::Direct;
use gradus_autograd::{Real, Slots, Value, Var};
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
/// `Y = W P`, `dW = dY Pᵀ`, and `dx` is `Wᵀ dY` with each number added to the place that it came from. `P` is never written: the product
/// reads the image through a table of offsets ([`gemm_gathered`](gradus_linalg::gemm_gathered)).
///
/// With `groups`, the channels are cut into so many equal parts, and each part of the output sees the same part of the input
/// only; with as many groups as channels the convolution is *depthwise*. Groups of few channels are not multiplied as
/// matrices: their sums run along the places of a row.
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
    with(x, weight, bias, geometry, groups, |_| After::Nothing)
}

/// [`conv`], then ReLU: the same numbers, of which half need not be written and read again.
///
/// ```text
/// y = max(conv(x), 0)        the gradients are those of conv, with dy where y > 0 and 0 elsewhere
/// ```
///
/// # Shapes
/// As of [`conv`].
///
/// # Errors
/// As of [`conv`].
///
/// # Examples
/// ```
/// use gradus_conv::{Geometry, Tape, conv_relu, ndarray::array};
/// let tape = Tape::<f64>::recording();
/// let (x, weight) = (tape.input(array![[[1.0, 2.0, 4.0, 3.0]]]), tape.variable(array![[[-1.0, 1.0]]]));
/// let y = conv_relu(&x, &weight, None, &Geometry::<1>::new(2), 1)?;
/// assert_eq!(y.value(), &array![[[1.0, 2.0, 0.0]]]);
/// assert_eq!(y.sum().backward()?.get(&weight).unwrap(), &array![[[3.0, 6.0]]]);
/// # Ok::<(), gradus_conv::Error>(())
/// ```
#[track_caller]
pub fn conv_relu<const R: usize, F: Real>(
    x: &Var<F>,
    weight: &Var<F>,
    bias: Option<&Var<F>>,
    geometry: &Geometry<R>,
    groups: usize,
) -> Result<Var<F>> {
    with(x, weight, bias, geometry, groups, |_| After::Relu)
}

/// [`conv`], then ReLU, then [`max_pool`](crate::max_pool): the stage of which convolutional networks were built from the beginning.
///
/// ```text
/// y = max over each window of max(conv(x), 0)
/// ```
///
/// Where windows lie side by side over one or two axes, each image is pooled while its sums are in the cache, and what lies between
/// convolution and pooling, which is most of such a network's memory, is never kept. With other windows, it is [`conv_relu`] and
/// `max_pool`, one after the other.
///
/// # Shapes
/// As of [`conv`] and [`max_pool`](crate::max_pool).
///
/// # Errors
/// As of both.
///
/// # Examples
/// ```
/// use gradus_conv::{Geometry, Tape, conv_relu_max_pool, ndarray::array};
/// let tape = Tape::<f64>::recording();
/// let (x, weight) = (tape.input(array![[[1.0, 2.0, 4.0, 3.0, 2.0]]]), tape.variable(array![[[-1.0, 1.0]]]));
/// let (window, pool) = (Geometry::<1>::new(2), Geometry::<1>::new(2).stride(2));
/// let y = conv_relu_max_pool(&x, &weight, None, &window, 1, &pool)?;
/// assert_eq!(y.value(), &array![[[2.0, 0.0]]]);
/// assert_eq!(y.sum().backward()?.get(&weight).unwrap(), &array![[[2.0, 4.0]]]); // where the 2 came from
/// # Ok::<(), gradus_conv::Error>(())
/// ```
///
/// # References
/// Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, *Gradient-based learning applied to document recognition*, 1998; A. Krizhevsky, I. Sutskever,
/// G. Hinton, *ImageNet classification with deep convolutional neural networks*, 2012.
#[track_caller]
pub fn conv_relu_max_pool<const R: usize, F: Real>(
    x: &Var<F>,
    weight: &Var<F>,
    bias: Option<&Var<F>>,
    geometry: &Geometry<R>,
    groups: usize,
    pool: &Geometry<R>,
) -> Result<Var<F>> {
    let side_by_side = pool.stride == pool.kernel_size
        && pool.padding == [(0, 0); R]
        && pool.dilation == [1; R]
        && !pool.ceil_mode
        && (1..=2).contains(&R)
        && (1..=255).contains(&pool.kernel_size.iter().fold(1, |n: usize, &size| n.saturating_mul(size)));
    if !side_by_side {
        return crate::max_pool(&conv_relu(x, weight, bias, geometry, groups)?, pool);
    }
    if let Some(size) = x.shape().get(2..).and_then(|size| <[usize; R]>::try_from(size).ok()) {
        pool.axes("max_pool", &geometry.output_size(size)?)?;
    }
    let in_rows = |sizes: &[usize]| if let [rows, columns] = *sizes { [rows, columns] } else { [1, sizes[0]] };
    with(x, weight, bias, geometry, groups, |sums| {
        After::ReluPool(Windows { plane: in_rows(sums), window: in_rows(&pool.kernel_size) })
    })
}

/// A convolution and what follows its sums, of a plane of the size given to `after`.
#[track_caller]
fn with<const R: usize, F: Real>(
    x: &Var<F>,
    weight: &Var<F>,
    bias: Option<&Var<F>>,
    geometry: &Geometry<R>,
    groups: usize,
    after: impl FnOnce(&[usize]) -> After,
) -> Result<Var<F>> {
    let operation = name::<R>();
    let (tape, on_other_tape) = (x.tape(), |v: &&Var<F>| !v.tape().is(x.tape()));
    if [Some(weight), bias].iter().flatten().any(on_other_tape) {
        return Err(gradus_autograd::Error::ForeignVar { operation }.into());
    }
    check_parameters(geometry, weight.shape(), bias.map(Var::shape), groups)?;
    let (plan, mut out_shape) = Plan::new::<F, R>(x.shape(), weight.shape(), geometry, groups)?;
    let after = after(&out_shape[2..]);
    let recorded = match after {
        After::Nothing => operation,
        After::Relu => "conv_relu",
        After::ReluPool(windows) => {
            let out = windows.out();
            out_shape[2..].copy_from_slice(&out[2 - R..]);
            "conv_relu_max_pool"
        }
    };

    let x_value = x.value().clone().into_standard_layout();
    let w_value = weight.value().clone().into_standard_layout();
    let b_value = bias.map(|bias| bias.value().clone().into_standard_layout());
    let mut y = Value::unspecified(IxDyn(&out_shape));
    let needs = [x, weight].into_iter().chain(bias).any(Var::needs_gradient);
    let mut winners = vec![0; if needs && after.is_apart() { y.len() } else { 0 }];
    let parameters = (slice(&w_value), b_value.as_ref().map(slice));
    plan.forward_and(slice(&x_value), parameters, after, slice_mut(&mut y), &mut winners);

    // Only what a gradient is made of is kept.
    let saved_x = weight.needs_gradient().then_some(x_value);
    let saved_w = x.needs_gradient().then_some(w_value);
    let saved_y = (needs && after != After::Nothing).then(|| y.clone());
    let backward = move |dy: Value<F>, slots: &mut Slots<'_, F>| {
        let dy = dy.into_standard_layout();
        let kept = match (after, &saved_y) {
            (After::ReluPool(windows), Some(y)) => Kept::Winners(windows, &winners, slice(y)),
            (After::Relu, Some(y)) => Kept::Result(slice(y)),
            _ => Kept::Nothing,
        };
        let dy = Cotangent { dy: slice(&dy), kept };
        if slots.needs(2) {
            slots.add(2, plan.bias_gradient_of(&dy));
        }
        if let Some(x) = &saved_x {
            slots.accumulate(1, |dw, beta| {
                let dw = dw.into_slice().expect("gradients are row-major");
                plan.weight_gradient_of(slice(x), &dy, beta, dw);
            });
        }
        if let Some(w) = &saved_w {
            slots.accumulate(0, |dx, beta| {
                let dx = dx.into_slice().expect("gradients are row-major");
                plan.input_gradient_of(slice(w), &dy, beta, dx);
            });
        }
    };
    Ok(match bias {
        Some(bias) => tape.record_into(recorded, [x, weight, bias], y, backward),
        None => tape.record_into(recorded, [x, weight], y, backward),
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

/// The axes and the shape of the result; the parameters have been checked.
fn output<F: Real, const R: usize>(
    x: &[usize],
    weight: &[usize],
    geometry: &Geometry<R>,
    groups: usize,
) -> Result<(Vec<Axis>, Vec<usize>)> {
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
    let spanned: Vec<usize> = [in_channels].into_iter().chain(axes.iter().map(Axis::spanned)).collect();
    count::<F>(operation, "image with its padding, of shape", &spanned)?;
    Ok((axes, out_shape))
}

/// The shape of the result, for a layer that describes itself; the parameters have been checked.
pub(crate) fn output_shape<F: Real, const R: usize>(
    x: &[usize],
    weight: &[usize],
    geometry: &Geometry<R>,
    groups: usize,
) -> Result<Vec<usize>> {
    Ok(output::<F, R>(x, weight, geometry, groups)?.1)
}

/// The sizes of a convolution.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The axes in space; of a kernel of 1 that moves in steps of 1, one axis of all places.
    axes: Vec<Axis>,
    images: usize,
    groups: usize,
    /// Channels of one group, in the input and in the output.
    inputs: usize,
    outputs: usize,
    /// Numbers of one channel of the input, of the kernel and of the output.
    pixels: usize,
    taps: usize,
    places: usize,
    direct: Direct,
    /// The other way, for the products in which groups have few channels.
    depthwise: Depthwise,
}

impl Plan {
    /// The plan and the shape of the result; the parameters have been checked.
    pub(crate) fn new<F: Real, const R: usize>(
        x: &[usize],
        weight: &[usize],
        geometry: &Geometry<R>,
        groups: usize,
    ) -> Result<(Self, Vec<usize>)> {
        let (mut axes, out_shape) = output::<F, R>(x, weight, geometry, groups)?;
        let (&[images, ..], &[out_channels, inputs, ..]) = (x, weight) else {
            unreachable!("the shapes have been checked")
        };
        let (pixels, places) = (volume(&axes, |axis| axis.size), volume(&axes, |axis| axis.out));
        if axes.iter().all(|axis| axis.extent == 1 && axis.stride == 1 && axis.out == axis.size) {
            axes = Geometry::<1>::new(1).axes(name::<R>(), &[pixels])?;
        }
        let (outputs, taps) = (out_channels / groups, volume(&axes, |axis| axis.kernel_size));
        let direct = Direct::new(&axes, inputs);
        let depthwise = Depthwise::new(&axes, inputs, outputs);
        Ok((Self { axes, images, groups, inputs, outputs, pixels, taps, places, direct, depthwise }, out_shape))
    }

    /// `Y = W P + b`.
    pub(crate) fn forward<F: Real>(&self, x: &[F], w: &[F], bias: Option<&[F]>, y: &mut [F]) {
        self.forward_and(x, (w, bias), After::Nothing, y, &mut []);
    }

    /// `Y = W P + b`, and what follows.
    pub(crate) fn forward_and<F: Real>(
        &self,
        x: &[F],
        (w, bias): (&[F], Option<&[F]>),
        after: After,
        y: &mut [F],
        winners: &mut [u8],
    ) {
        if y.is_empty() {
            return;
        }
        if !x.is_empty() && self.is_pointwise() && !after.is_apart() {
            self.pointwise(x, w, bias, y);
            if after == After::Relu {
                after::relu(y);
            }
            return;
        }
        if !x.is_empty() {
            if let (Some(seen), false) = (&self.depthwise.seen, after.is_apart()) {
                return seen.forward(self, x, (w, bias), after == After::Relu, y);
            }
            return self.direct.forward(self, x, (w, bias), after, y, winners);
        }
        // There is nothing but padding: all numbers of a channel are its bias.
        let planes = y.chunks_exact_mut(after.places(self.places)).enumerate();
        planes.for_each(|(i, y)| y.fill(bias.map_or(F::zero(), |bias| bias[i % bias.len()])));
        if after != After::Nothing {
            after::relu(y);
        }
        // Alike over the plane: which of its rows of channels a mark stands for makes no difference.
        let channels = self.outputs;
        for (i, winner) in winners.iter_mut().enumerate() {
            let bias = bias.map_or(F::zero(), |bias| {
                bias[i / (channels * after.places(self.places)) % self.groups * channels + i % channels]
            });
            *winner = if bias > F::zero() { 0 } else { u8::MAX };
        }
    }

    /// `dW ← Σ dY Pᵀ + β dW`.
    pub(crate) fn weight_gradient<F: Real>(&self, x: &[F], dy: &[F], beta: F, dw: &mut [F]) {
        self.weight_gradient_of(x, &Cotangent { dy, kept: Kept::Nothing }, beta, dw);
    }

    fn weight_gradient_of<F: Real>(&self, x: &[F], dy: &Cotangent<'_, F>, beta: F, dw: &mut [F]) {
        if !x.is_empty() && !dw.is_empty() {
            if let (Some(seen), None) = (&self.depthwise.seen, dy.windows()) {
                return seen.weight_gradient(self, x, dy, beta, dw);
            }
            return self.direct.weight_gradient(self, x, dy, beta, dw);
        }
        dw.iter_mut().for_each(|dw| *dw = if beta.is_zero() { F::zero() } else { beta * *dw });
    }

    /// `dx ← Σ_k W_kᵀ dY + β dx`.
    pub(crate) fn input_gradient<F: Real>(&self, w: &[F], dy: &[F], beta: F, dx: &mut [F]) {
        self.input_gradient_of(w, &Cotangent { dy, kept: Kept::Nothing }, beta, dx);
    }

    fn input_gradient_of<F: Real>(&self, w: &[F], dy: &Cotangent<'_, F>, beta: F, dx: &mut [F]) {
        if !dx.is_empty() && self.outputs > 0 {
            return match (dy.kept, &self.depthwise.spread) {
                (Kept::Nothing, _) if self.is_pointwise() => self.pointwise_input_gradient(w, dy.dy, beta, dx),
                (Kept::Nothing, _) if self.has_few_inputs() && self.outputs >= products::MANY => {
                    self.input_gradient_by_taps(w, dy.dy, beta, dx);
                }
                (Kept::Nothing | Kept::Result(_), Some(spread)) => spread.input_gradient(self, w, dy, beta, dx),
                (Kept::Nothing, _) if self.has_few_inputs() => self.input_gradient_by_taps(w, dy.dy, beta, dx),
                _ => self.direct.input_gradient(self, w, dy, beta, dx),
            };
        }
        dx.iter_mut().for_each(|dx| *dx = if beta.is_zero() { F::zero() } else { beta * *dx });
    }

    /// `db = Σ dY`, over images and places.
    fn bias_gradient_of<F: Real>(&self, dy: &Cotangent<'_, F>) -> Value<F> {
        let channels = self.groups * self.outputs;
        let mut db = Value::zeros(IxDyn(&[channels]));
        let len = dy.dy.len() / (self.images * channels).max(1);
        let mut room: Vec<F> = memory::take(if dy.is_plain() { 0 } else { channels * len });
        for image in 0..self.images {
            let dy = dy.image(image, channels * len, &mut room);
            for (sum, plane) in slice_mut(&mut db).iter_mut().zip(dy.chunks_exact(len.max(1))) {
                *sum += elementwise::sum_slice(plane);
            }
        }
        memory::give(room);
        db
    }

    /// Room for the gradient of an image's sums, if it is not given as it is.
    fn room_for_sums<F: Real>(&self, dy: &Cotangent<'_, F>) -> Vec<F> {
        let of_windows = dy.windows().map(|(windows, _)| self.outputs * windows.places());
        let of_relu = if dy.is_plain() { 0 } else { self.groups * self.outputs * self.places };
        memory::take(of_windows.unwrap_or(of_relu))
    }

    /// Terms of each sum of the output.
    fn depth(&self) -> usize {
        self.inputs * self.taps
    }

    /// Multiplications of each of the three products.
    fn multiplications(&self) -> usize {
        [self.images, self.places, self.groups, self.outputs, self.depth()].into_iter().fold(1, usize::saturating_mul)
    }

    /// Where the weight of a group lies.
    fn weights(&self, group: usize) -> Range<usize> {
        let len = self.outputs * self.depth();
        group * len..(group + 1) * len
    }

    /// The bias of a group.
    fn bias<'a, F>(&self, bias: Option<&'a [F]>, group: usize) -> Option<&'a [F]> {
        bias.map(|bias| &bias[group * self.outputs..][..self.outputs])
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
