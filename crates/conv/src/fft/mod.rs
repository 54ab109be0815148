//! Convolution as a product of spectra.

mod transform;

use crate::correlation::{Plan, check_parameters, name};
use crate::geometry::{self, Geometry, count};
use crate::{Error, Result};
use gradus_autograd::Real;
use gradus_linalg::memory;
use gradus_linalg::simd::vectorized;
use ndarray::{ArrayBase, ArrayD, ArrayRef, ArrayViewD, ArrayViewMutD, Axis, Dimension, IxDyn, RawData, Slice};
use transform::{Spectrum, Transform};

/// The result of [`conv`](crate::conv()), by the convolution theorem: where a kernel is large, with fewer products.
///
/// The Fourier transform takes a cross-correlation to a product, frequency by frequency:
///
/// ```text
/// y[p] = Σ_k w[k] x[p + k]        ⇔        Y[f] = conj(W[f]) · X[f]        (of a convolution proper: W[f] · X[f])
/// ```
///
/// The theorem is of sequences that go round: `p + k` is taken modulo `n`. So input and kernel are written into zeros, `n` of them along each axis, a power
/// of two that is no less than the padded input; no place of the window then reaches around. Channels are summed before the way back, which is taken
/// once for each output channel:
///
/// ```text
/// Y[o, f] = Σ_c conj(W[o, c, f]) · X[c, f]
/// ```
///
/// Padding is where the input is written, dilation where the kernel's numbers are. The result has every place in steps of 1; a stride keeps
/// some of them, and the work for the others is lost.
///
/// # Cost
/// A kernel of `k × k` on an image of `s × s` takes `k² s²` products for each pair of channels. Here, with `n ≥ s + k − 1`, it takes some
/// `n²` for each pair, and `n² log₂ n` for each channel and each pair's kernel: the kernel's size has gone, but for `n`. The kernels' spectra are made once for all images of a batch. Measured on one core
/// of a processor with AVX-512 (`cargo bench -p gradus-conv --bench algorithms`), in milliseconds, `f32`, one image of 64 × 64, 8 → 8 channels, padded to
/// keep its size:
///
/// ```text
/// kernel                       3       7      15      31
/// nested loops              0.37     2.0     8.5      31
/// patches and product      0.079    0.77     4.4      49
/// conv, read in place       0.10    0.46     2.0     8.6
/// spectra                    3.9     4.3     4.0     4.3
/// ```
///
/// So spectra pay beyond some 20 numbers along each axis; below, a product near the processor's peak does more terms in less time. (At 31 the matrix of
/// patches no longer fits into the cache. With 8 channels, half of the lanes of `conv` are idle.)
///
/// # Precision
/// Errors are relative to the largest numbers of an image's result, not to each: some `log₂ n` units in the last place of these. And a number that is not
/// finite reaches every number of the result.
///
/// # Shapes
/// As of [`conv`](crate::conv()).
///
/// # Examples
/// ```
/// use gradus_conv::{Geometry, conv_fft, ndarray::array};
/// let (x, weight) = (array![[[1.0_f64, 2.0, 4.0, 8.0]]], array![[[-1.0, 1.0]]]);
/// let y = conv_fft(&x, &weight, &Geometry::<1>::new(2), 1)?;
/// for (y, expected) in y.iter().zip([1.0, 2.0, 4.0]) {
///     assert!((y - expected).abs() < 1e-12);
/// }
/// # Ok::<(), gradus_conv::Error>(())
/// ```
///
/// # Errors
/// As of [`conv`](crate::conv()); [`Error::TooLarge`] also if memory cannot hold the spectra.
///
/// # References
/// M. Mathieu, M. Henaff, Y. LeCun, *Fast training of convolutional networks through FFTs*, 2013, <https://arxiv.org/abs/1312.5851>;
/// W. Press et al., *Numerical recipes*, 3rd edition, 2007, section 13.1.
#[doc(alias = "fftconvolve")]
pub fn conv_fft<const R: usize, F: Real, D1: Dimension, D2: Dimension>(
    x: &ArrayRef<F, D1>,
    weight: &ArrayRef<F, D2>,
    geometry: &Geometry<R>,
    groups: usize,
) -> Result<ArrayD<F>> {
    let operation = name::<R>();
    check_parameters(geometry, weight.shape(), None, groups)?;
    let (_, y_shape) = Plan::new::<F, R>(x.shape(), weight.shape(), geometry, groups)?;
    let (x, weight) = (x.view().into_dyn(), weight.view().into_dyn());
    if R == 0 {
        // The transform needs an axis: one of size 1.
        let y = conv_fft(&x.insert_axis(Axis(2)), &weight.insert_axis(Axis(2)), &Geometry::<1>::new(1), groups)?;
        return Ok(y.index_axis_move(Axis(2), 0));
    }
    let mut y = ArrayD::zeros(IxDyn(&y_shape));
    if y.is_empty() || weight.is_empty() {
        return Ok(y); // no channels: sums of nothing
    }

    let windows = geometry.axes(operation, &x.shape()[2..])?;
    let sizes = sizes(operation, &windows)?;
    let (channels, out_channels, inputs) = (x.len_of(Axis(1)), weight.len_of(Axis(0)), weight.len_of(Axis(1)));
    let lanes = channels.max(inputs.saturating_mul(out_channels));
    count::<F>(operation, "spectra of a size, their two parts, and their number", &[&sizes[..], &[2, lanes]].concat())?;
    let transform = Transform::new(&sizes);
    let zeros = |lanes: &[usize]| {
        let mut array = memory::array(IxDyn(&[&sizes[..], lanes].concat()));
        array.fill(F::zero());
        array
    };

    // Side by side, as (input channel of a group, output channel).
    let mut kernels = zeros(&[inputs, out_channels]);
    let mut numbers = kernels.view_mut();
    for (axis, window) in windows.iter().enumerate() {
        numbers.slice_axis_inplace(Axis(axis), every(window.dilation, window.kernel_size));
    }
    numbers.assign(&last(last(weight, 1), 0));
    let extent = columns(&windows, |window| window.extent);
    let spectra = transform.forward(row_major(&kernels), inputs * out_channels, extent);
    memory::give_array(kernels);

    let mut signal = zeros(&[channels]);
    let end = columns(&windows, |window| window.before + window.size);
    let seen = columns(&windows, |window| (window.out - 1) * window.stride + 1);
    let shape = [&sizes[..], &[out_channels]].concat();
    let scale = F::one() / F::from_f64(transform.numbers() as f64);
    for (image, y) in x.outer_iter().zip(y.outer_iter_mut()) {
        write_padded(last(image, 0), signal.view_mut(), &windows);
        let image = transform.forward(row_major(&signal), channels, end);
        let products = product(&spectra, &image, [groups, inputs, out_channels / groups]);
        image.give();
        let sums = transform.back(products, out_channels, seen);
        let places = ArrayViewD::from_shape(IxDyn(&shape), &sums);
        let mut places = places.expect("a sum for each number and lane");
        for (axis, window) in windows.iter().enumerate() {
            places.slice_axis_inplace(Axis(axis), every(window.stride, window.out));
        }
        last(y, 0).zip_mut_with(&places, |y, &sum| *y = sum * scale);
        memory::give(sums);
    }
    spectra.give();
    memory::give_array(signal);
    Ok(y)
}

/// The sizes of the transform: along each axis the window's last place is reached, and it reaches around nowhere.
fn sizes(operation: &'static str, windows: &[geometry::Axis]) -> Result<Vec<usize>> {
    let size = |window: &geometry::Axis| {
        let needed = needed(window).and_then(|needed| needed.max(2).checked_next_power_of_two());
        let sizes = || vec![window.out - 1, window.stride, window.extent];
        needed.ok_or_else(|| Error::TooLarge { operation, what: "places, stride and kernel", sizes: sizes() })
    };
    windows.iter().map(size).collect()
}

/// What the windows see, from the begin of the padding to the end of the last.
fn needed(window: &geometry::Axis) -> Option<usize> {
    (window.out - 1).checked_mul(window.stride)?.checked_add(window.extent)
}

/// Writes an input `(…, lanes)` behind its padding, as far as a window sees it.
fn write_padded<F: Real>(mut input: ArrayViewD<'_, F>, mut signal: ArrayViewMutD<'_, F>, windows: &[geometry::Axis]) {
    for (axis, window) in windows.iter().enumerate() {
        let seen = needed(window).unwrap_or(usize::MAX).saturating_sub(window.before).min(window.size);
        let start = if seen > 0 { window.before } else { 0 };
        input.slice_axis_inplace(Axis(axis), Slice::from(..seen));
        signal.slice_axis_inplace(Axis(axis), Slice::from(start..start + seen));
    }
    signal.assign(&input);
}

/// The numbers along the second axis, if there is one, that are not zeros, or that are wanted.
fn columns(windows: &[geometry::Axis], numbers: impl Fn(&geometry::Axis) -> usize) -> usize {
    windows.get(1).map_or(1, numbers)
}

/// So many numbers, `step` apart.
fn every(step: usize, numbers: usize) -> Slice {
    // Of a single number the next one may be anywhere.
    let step = if numbers > 1 { step } else { 1 };
    let signed = |n: usize| isize::try_from(n).expect("the transform has memory for it");
    Slice { start: 0, end: Some(signed((numbers - 1) * step + 1)), step: signed(step) }
}

/// The array with an axis moved to the end.
fn last<S: RawData<Elem = F>, F>(array: ArrayBase<S, IxDyn>, axis: usize) -> ArrayBase<S, IxDyn> {
    let mut order: Vec<usize> = (0..array.ndim()).filter(|&other| other != axis).collect();
    order.push(axis);
    array.permuted_axes(order)
}

/// `Y[f, o] = Σ_c conj(W[f, c, o]) X[f, c]`, in each group for itself; the sizes are groups, input and output channels of each.
fn product<F: Real>(w: &Spectrum<F>, x: &Spectrum<F>, [groups, inputs, outputs]: [usize; 3]) -> Spectrum<F> {
    let (channels, out_channels) = (groups * inputs, groups * outputs);
    let frequencies = x.re.len() / channels;
    let zeros = || {
        let mut numbers = memory::take(frequencies * out_channels);
        numbers.fill(F::zero());
        numbers
    };
    let mut y = Spectrum { re: zeros(), im: zeros() };
    vectorized(
        #[inline(always)]
        || {
            for f in 0..frequencies {
                for channel in 0..channels {
                    let (group, c) = (channel / inputs, channel % inputs);
                    let (x_re, x_im) = (x.re[f * channels + channel], x.im[f * channels + channel]);
                    let of_y = f * out_channels + group * outputs..f * out_channels + (group + 1) * outputs;
                    let of_w = (f * inputs + c) * out_channels + group * outputs;
                    let w = w.re[of_w..][..outputs].iter().zip(&w.im[of_w..][..outputs]);
                    let y = y.re[of_y.clone()].iter_mut().zip(&mut y.im[of_y]);
                    for ((y_re, y_im), (&w_re, &w_im)) in y.zip(w) {
                        *y_re += w_re * x_re + w_im * x_im;
                        *y_im += w_re * x_im - w_im * x_re;
                    }
                }
            }
        },
    );
    y
}

fn row_major<F>(array: &ArrayD<F>) -> &[F] {
    array.as_slice().expect("fresh memory is row-major")
}
