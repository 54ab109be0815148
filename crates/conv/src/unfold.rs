//! The patches under a moving window as columns of a matrix, and back: im2col and col2im.

use crate::correlation::{slice, slice_mut};
use crate::geometry::{Axis, Geometry, PerAxis, count};
use crate::patches::{Tap, gather, scatter, taps, volume};
use crate::shape::{Planes, describe, no_parameters};
use crate::{Error, Result};
use gradus_autograd::{Real, Value, Var};
use gradus_linalg::memory;
use gradus_nn_layers::{Description, Layer};
use ndarray::IxDyn;

const UNFOLD: &str = "unfold";
const FOLD: &str = "fold";

/// Writes what a window sees at each of its places into a column: im2col.
///
/// ```text
/// y[n, (c, k), p] = x[n, c, p · stride + k · dilation − padding]        0 where that is outside
/// dx = fold(dy)
///
///    a b c d                  a b c      number 0 of the window as it moves
///    kernel 2        →        b c d      number 1
/// ```
///
/// A convolution is then a product, `Y = W · unfold(x)`; [`conv`](crate::conv) does the same without building the matrix for a whole batch, which has
/// the kernel's size times as many numbers as `x`.
///
/// # Shapes
/// - `x (N, C, …)`, with `R` axes after the channels
/// - result `(N, C · ∏ kernel, L)`, a row for each channel and each number of the window, a column for each of its
///   `L = ∏ out` places, both in row-major order
///
/// # Examples
/// ```
/// use gradus_conv::{Geometry, Tape, ndarray::array, unfold};
/// let tape = Tape::<f64>::recording();
/// let x = tape.variable(array![[[1.0, 2.0, 3.0, 4.0]]]);
/// let y = unfold(&x, &Geometry::<1>::new(2))?;
/// assert_eq!(y.value(), &array![[[1.0, 2.0, 3.0], [2.0, 3.0, 4.0]]]);
/// assert_eq!(y.sum().backward()?.get(&x).unwrap(), &array![[[1.0, 2.0, 2.0, 1.0]]]); // how many windows see it
/// # Ok::<(), gradus_conv::Error>(())
/// ```
///
/// # Errors
/// [`Error::Rank`]; the errors of [`Geometry::output_size`]; [`Error::TooLarge`] if memory cannot hold the result.
///
/// # References
/// K. Chellapilla, S. Puri, P. Simard, *High performance convolutional neural networks for document processing*, 2006.
#[doc(alias = "im2col")]
#[track_caller]
pub fn unfold<const R: usize, F: Real>(x: &Var<F>, geometry: &Geometry<R>) -> Result<Var<F>> {
    let patches = Patches::under(UNFOLD, x.shape(), geometry)?;
    let shape = patches.matrix_shape::<F>(UNFOLD, x.shape()[0], x.shape()[1])?;
    let patches = patches.with_taps();
    let x_value = x.value().clone().into_standard_layout();
    let mut y = Value::unspecified(IxDyn(&shape));
    patches.unfold(slice(&x_value), F::zero(), slice_mut(&mut y));
    Ok(x.tape().record_into(UNFOLD, [x], y, move |dy, slots| {
        let dy = dy.into_standard_layout();
        slots.accumulate(0, |dx, beta| {
            patches.fold(slice(&dy), beta, dx.into_slice().expect("gradients are row-major"));
        });
    }))
}

/// Adds each number of a matrix of patches to the place of an array that [`unfold`] would take it from: col2im.
///
/// ```text
/// y[n, c, i] = Σ x[n, (c, k), p] over all k, p with p · stride + k · dilation − padding = i
/// dx = unfold(dy)
/// ```
///
/// It is the adjoint of `unfold`, ⟨unfold(a), b⟩ = ⟨a, fold(b)⟩, and not its inverse: where windows overlap, `fold(unfold(x))` is `x` times
/// the number of windows that see it.
///
/// # Shapes
/// - `x (N, C · ∏ kernel, L)`, as `unfold` gives it for an array with `output_size` in space
/// - result `(N, C, …)`, the last `R` axes as in `output_size`
///
/// # Examples
/// ```
/// use gradus_conv::{Geometry, Tape, fold, ndarray::array};
/// let x = Tape::<f64>::inference().input(array![[[1.0, 2.0, 3.0], [2.0, 3.0, 4.0]]]);
/// assert_eq!(fold(&x, [4], &Geometry::<1>::new(2))?.value(), &array![[[1.0, 4.0, 6.0, 4.0]]]);
/// # Ok::<(), gradus_conv::Error>(())
/// ```
///
/// # Errors
/// [`Error::Columns`] if `x` is not such a matrix; the errors of [`Geometry::output_size`]; [`Error::TooLarge`] if memory cannot hold the
/// result.
///
/// # References
/// As of [`unfold`].
#[doc(alias = "col2im")]
#[track_caller]
pub fn fold<const R: usize, F: Real>(
    x: &Var<F>,
    output_size: impl Into<PerAxis<R>>,
    geometry: &Geometry<R>,
) -> Result<Var<F>> {
    let (patches, shape) = folded::<R, F>(x.shape(), output_size.into(), geometry)?;
    let patches = patches.with_taps();
    let x_value = x.value().clone().into_standard_layout();
    let mut y = Value::unspecified(IxDyn(&shape));
    patches.fold(slice(&x_value), F::zero(), slice_mut(&mut y));
    Ok(x.tape().record_into(FOLD, [x], y, move |dy, slots| {
        let dy = dy.into_standard_layout();
        slots.accumulate(0, |dx, beta| {
            patches.unfold(slice(&dy), beta, dx.into_slice().expect("gradients are row-major"));
        });
    }))
}

/// The patches of an array of this shape in space, and the shape of the array.
fn folded<const R: usize, F: Real>(
    x: &[usize],
    PerAxis(output_size): PerAxis<R>,
    geometry: &Geometry<R>,
) -> Result<(Patches, Vec<usize>)> {
    let axes = geometry.axes(FOLD, &output_size)?;
    let block = checked_volume(FOLD, "kernel of size", &geometry.kernel_size)?;
    let out: Vec<usize> = axes.iter().map(|axis| axis.out).collect();
    let places = checked_volume(FOLD, "places", &out)?;
    let images = match *x {
        [images, rows, columns] if rows.is_multiple_of(block) && columns == places => images,
        _ => {
            let kernel_size = geometry.kernel_size.to_vec();
            return Err(Error::Columns { operation: FOLD, found: x.to_vec(), kernel_size, places: out });
        }
    };
    let mut shape = vec![images, x[1] / block];
    shape.extend(output_size);
    count::<F>(FOLD, "result of shape", &shape)?;
    Ok((Patches { planes: images.saturating_mul(x[1] / block), axes, taps: Vec::new() }, shape))
}

fn checked_volume(operation: &'static str, what: &'static str, sizes: &[usize]) -> Result<usize> {
    let volume = sizes.iter().try_fold(1_usize, |n, &size| n.checked_mul(size));
    volume.ok_or_else(|| Error::TooLarge { operation, what, sizes: sizes.to_vec() })
}

/// The patches under a window in each channel of each image.
struct Patches {
    planes: usize,
    axes: Vec<Axis>,
    /// The numbers of the window.
    taps: Vec<Tap>,
}

impl Patches {
    fn under<const R: usize>(operation: &'static str, x: &[usize], geometry: &Geometry<R>) -> Result<Self> {
        let planes = Planes::of(operation, x, R)?;
        Ok(Self { planes: planes.number, axes: geometry.axes(operation, planes.size)?, taps: Vec::new() })
    }

    /// The shape of the matrix, if there can be one.
    fn matrix_shape<F: Real>(&self, operation: &'static str, images: usize, channels: usize) -> Result<[usize; 3]> {
        let (kernel, out): (Vec<_>, Vec<_>) = self.axes.iter().map(|axis| (axis.kernel_size, axis.out)).unzip();
        let what = "matrix of patches";
        let rows = checked_volume(operation, what, &[&[channels], &kernel[..]].concat())?;
        let columns = checked_volume(operation, what, &out)?;
        count::<F>(operation, what, &[images, rows, columns])?;
        Ok([images, rows, columns])
    }

    /// Lists the numbers of the window, where there is something under it.
    fn with_taps(self) -> Self {
        let taps = if self.planes > 0 { taps(&self.axes) } else { Vec::new() };
        Self { taps, ..self }
    }

    /// The rows of the matrix that a plane has, and the places of each.
    fn sizes(&self) -> (usize, usize) {
        (volume(&self.axes, |axis| axis.size), volume(&self.axes, |axis| axis.out))
    }

    /// `matrix ← im2col(x) + β matrix`.
    fn unfold<F: Real>(&self, x: &[F], beta: F, matrix: &mut [F]) {
        let (pixels, places) = self.sizes();
        let mut seen = if beta == F::zero() { Vec::new() } else { memory::take(places) };
        for plane in 0..self.planes {
            let x = &x[plane * pixels..][..pixels];
            for (k, tap) in self.taps.iter().enumerate() {
                let row = &mut matrix[(plane * self.taps.len() + k) * places..][..places];
                if beta == F::zero() {
                    gather(&self.axes, tap, x, row);
                } else {
                    gather(&self.axes, tap, x, &mut seen);
                    row.iter_mut().zip(&seen).for_each(|(sum, &x)| *sum += x);
                }
            }
        }
        memory::give(seen);
    }

    /// `x ← col2im(matrix) + β x`.
    fn fold<F: Real>(&self, matrix: &[F], beta: F, x: &mut [F]) {
        let (pixels, places) = self.sizes();
        if beta == F::zero() {
            x.fill(F::zero());
        }
        let mut seen = memory::take(if self.planes > 0 { places } else { 0 });
        for plane in 0..self.planes {
            let x = &mut x[plane * pixels..][..pixels];
            for (k, tap) in self.taps.iter().enumerate() {
                seen.copy_from_slice(&matrix[(plane * self.taps.len() + k) * places..][..places]);
                scatter(&self.axes, tap, &mut seen, x);
            }
        }
        memory::give(seen);
    }
}

/// The patches under a window as a layer: see [`unfold`].
///
/// # Examples
/// ```
/// use gradus_conv::{Geometry, Layer, Tape, Unfold, ndarray::Array4};
/// let layer = Unfold { geometry: Geometry::<2>::new(3).padding(1) };
/// let x = Tape::<f32>::inference().input(Array4::zeros((2, 3, 5, 7)));
/// assert_eq!(layer.forward(&x)?.shape(), [2, 3 * 9, 5 * 7]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfold<const R: usize = 2> {
    /// How the window moves.
    pub geometry: Geometry<R>,
}

/// Patches back into an array, as a layer: see [`fold`].
///
/// # Examples
/// ```
/// use gradus_conv::{Fold, Geometry, Layer, Tape, ndarray::Array3};
/// let layer = Fold { output_size: [5, 7], geometry: Geometry::<2>::new(3).padding(1) };
/// let x = Tape::<f32>::inference().input(Array3::zeros((2, 3 * 9, 5 * 7)));
/// assert_eq!(layer.forward(&x)?.shape(), [2, 3, 5, 7]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fold<const R: usize = 2> {
    /// The size of the array.
    pub output_size: [usize; R],
    /// How the window moves over it.
    pub geometry: Geometry<R>,
}

no_parameters!([const R: usize] Unfold<R>, [const R: usize] Fold<R>);

impl<const R: usize, F: Real> Layer<F> for Unfold<R> {
    /// # Errors
    /// As [`unfold`].
    fn forward(&self, x: &Var<F>) -> gradus_nn_layers::Result<Var<F>> {
        Ok(unfold(x, &self.geometry)?)
    }

    fn describe(&self, input: &[usize]) -> gradus_nn_layers::Result<Description> {
        let patches = Patches::under(UNFOLD, input, &self.geometry)?;
        let output = patches.matrix_shape::<F>(UNFOLD, input[0], input[1])?;
        Ok(describe::<F>(self, "Unfold", R, &output))
    }
}

impl<const R: usize, F: Real> Layer<F> for Fold<R> {
    /// # Errors
    /// As [`fold`].
    fn forward(&self, x: &Var<F>) -> gradus_nn_layers::Result<Var<F>> {
        Ok(fold(x, self.output_size, &self.geometry)?)
    }

    fn describe(&self, input: &[usize]) -> gradus_nn_layers::Result<Description> {
        let (_, output) = folded::<R, F>(input, self.output_size.into(), &self.geometry)?;
        Ok(describe::<F>(self, "Fold", R, &output))
    }
}
