//! Cross-correlation and convolution, each under its own name.
//!
//! ```text
//! x         a b c d e            the same numbers under both
//!
//! kernel    u v w                as it stands:   y[1] = a u + b v + c w        cross-correlation
//!           w v u                flipped:        y[1] = a w + b v + c u        convolution
//! ```

use crate::correlation::{check_parameters, conv};
use crate::{Geometry, Result};
use gradus_autograd::{Real, Var};

/// Cross-correlation: at each place, the inner product of the kernel, as it stands, with what lies under it. It is [`conv`] under the name that
/// signal processing has for it.
///
/// ```text
/// y[n, o, p] = b[o] + Σ_c Σ_k W[o, c, k] · x[n, c, p · stride + k · dilation − padding]
/// ```
///
/// Where an input looks like the kernel, the result is large: a kernel is a template. Its mirror image is what [`convolve`] slides.
///
/// # Shapes
/// As of [`conv`].
///
/// # Examples
/// A step upwards is found where it is:
/// ```
/// use gradus_conv::{Geometry, Tape, cross_correlate, ndarray::array};
/// let tape = Tape::<f64>::inference();
/// let x = tape.input(array![[[0.0, 0.0, 1.0, 1.0, 0.0]]]);
/// let step = tape.input(array![[[-1.0, 1.0]]]);
/// let y = cross_correlate(&x, &step, None, &Geometry::<1>::new(2), 1)?;
/// assert_eq!(y.value(), &array![[[0.0, 1.0, 0.0, -1.0]]]);
/// # Ok::<(), gradus_conv::Error>(())
/// ```
///
/// # Errors
/// As [`conv`].
#[track_caller]
pub fn cross_correlate<const R: usize, F: Real>(
    x: &Var<F>,
    weight: &Var<F>,
    bias: Option<&Var<F>>,
    geometry: &Geometry<R>,
    groups: usize,
) -> Result<Var<F>> {
    conv(x, weight, bias, geometry, groups)
}

/// Convolution in the sense of mathematics: cross-correlation with the kernel flipped along every axis in space.
///
/// ```text
/// y[n, o, p] = b[o] + Σ_c Σ_k W[o, c, k] · x[n, c, p · stride + (kernel − 1 − k) · dilation − padding]
///
/// convolve(x, W) = cross_correlate(x, flip(W))
/// ```
///
/// In two dimensions the flip is a turn by 180°:
///
/// ```text
/// W   1 2 3        flip(W)   9 8 7
///     4 5 6                  6 5 4
///     7 8 9                  3 2 1
/// ```
///
/// With a padding of `kernel − 1` and a stride of 1 it is the *full* convolution `(x ∗ w)[p] = Σ_k w[k] x[p − k]`, in which `x` and `w` may change
/// places: the product of polynomials, the distribution of a sum. Cross-correlation is not commutative, since it flips the result when they
/// do. To a network that learns its kernels it is all the same: it learns them flipped.
///
/// # Shapes
/// As of [`conv`].
///
/// # Examples
/// `(1 + 2 t)(3 + 4 t + 5 t²) = 3 + 10 t + 13 t² + 10 t³`:
/// ```
/// use gradus_conv::{Geometry, Tape, convolve, ndarray::array};
/// let tape = Tape::<f64>::inference();
/// let (a, b) = (tape.input(array![[[1.0, 2.0]]]), tape.input(array![[[3.0, 4.0, 5.0]]]));
/// let product = convolve(&b, &a, None, &Geometry::<1>::new(2).padding(1), 1)?;
/// assert_eq!(product.value(), &array![[[3.0, 10.0, 13.0, 10.0]]]);
/// assert_eq!(convolve(&a, &b, None, &Geometry::<1>::new(3).padding(2), 1)?.value(), product.value());
/// # Ok::<(), gradus_conv::Error>(())
/// ```
///
/// # Errors
/// As [`conv`].
///
/// # References
/// V. Dumoulin, F. Visin, *A guide to convolution arithmetic for deep learning*, 2016, <https://arxiv.org/abs/1603.07285>; I. Goodfellow, Y. Bengio,
/// A. Courville, *Deep Learning*, 2016, section 9.1, <https://www.deeplearningbook.org>
#[track_caller]
pub fn convolve<const R: usize, F: Real>(
    x: &Var<F>,
    weight: &Var<F>,
    bias: Option<&Var<F>>,
    geometry: &Geometry<R>,
    groups: usize,
) -> Result<Var<F>> {
    check_parameters(geometry, weight.shape(), bias.map(Var::shape), groups)?; // so that there are axes to flip
    let in_space: Vec<isize> = (2..R + 2).map(|axis| axis as isize).collect();
    conv(x, &weight.flip(&in_space)?, bias, geometry, groups)
}
