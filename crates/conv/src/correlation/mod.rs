//! The operation: what deep learning calls convolution.
//!
//! Read on in this order: `plan`, the sizes and the choice of a way for each product; `direct`, windows read from the image itself, and `layout`, how an
//! image lies in memory with its margin, and `phase`, for `dx` of larger steps; `after`, what is done with sums while they are in the cache; then the special cases, `products` and
//! `depthwise`.

mod after;
mod depthwise;
mod direct;
mod layout;
mod phase;
mod plan;
mod products;
mod winograd;

use crate::{Error, Geometry, Result};
use after::{After, Cotangent, Kept, Windows};
use gradus_autograd::{Real, Slots, Value, Var};
use ndarray::{ArrayView2, ArrayViewMut2, IxDyn};
pub(crate) use plan::{Plan, counted_output_shape, output_shape};
use winograd::Wanted;

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
        if let (Some(x), Some(w), Some(winograd)) = (&saved_x, &saved_w, plan.shared_way()) {
            let mut dw = Value::unspecified(w.raw_dim());
            slots.accumulate(0, |dx, beta| {
                let weight = Wanted { of: slice(x), beta: F::zero(), to: slice_mut(&mut dw) };
                let dx = dx.into_slice().expect("gradients are row-major");
                winograd.gradients(&plan, &dy, Some(weight), Some(Wanted { of: slice(w), beta, to: dx }));
            });
            return slots.add(1, dw);
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
    let axes = "(out_channels, in_channels / groups, …)";
    let [out_channels, _] = check_weight(operation, geometry, weight, groups, (axes, "output channels"))?;
    match bias {
        Some(bias) if bias != [out_channels] => {
            let expected = format!("the weight has {out_channels} output channels; [{out_channels}] would fit");
            Err(Error::Parameter { operation, parameter: "bias", found: bias.to_vec(), expected })
        }
        _ => Ok(()),
    }
}

/// What must hold of a weight, whose axes mean `axes`, and of the groups, which divide the `first` of them: its first two sizes.
pub(crate) fn check_weight<const R: usize>(
    operation: &'static str,
    geometry: &Geometry<R>,
    weight: &[usize],
    groups: usize,
    (axes, first): (&str, &'static str),
) -> Result<[usize; 2]> {
    geometry.check(operation)?;
    if groups == 0 {
        return Err(Error::Zero { operation, name: "groups", value: vec![0] });
    }
    let mismatch =
        |expected| Err(Error::Parameter { operation, parameter: "weight", found: weight.to_vec(), expected });
    let [channels, others, kernel @ ..] = weight else {
        return mismatch(format!("it needs {} axes, {axes}", R + 2));
    };
    if *kernel != geometry.kernel_size {
        return mismatch(format!(
            "the kernel is of size {:?}; the axes after the second would have it",
            geometry.kernel_size
        ));
    }
    if channels % groups != 0 {
        return Err(Error::Groups { operation, name: first, channels: *channels, groups });
    }
    Ok([*channels, *others])
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
