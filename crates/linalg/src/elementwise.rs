//! Element-by-element loops over arrays of any shape, with broadcasting.
//!
//! Every loop runs over plain slices: a shape is first reduced to the few axes along which the operands really move
//! apart, so that the innermost loop is long and the compiler can vectorize it.
//!
//! A function of more than a few steps should be a closure marked `#[inline(always)]` that owns what it needs (`move`): one
//! that the compiler leaves outside the loop is not vectorized, and takes up to fifty times as long.
//!
//! ```
//! use gradus_linalg::{Real, elementwise::map, ndarray::array};
//! let p = 2.5_f32;
//! let y = map(
//!     &array![1.0, 4.0],
//!     #[inline(always)]
//!     move |x| x.powf(p),
//! );
//! assert_eq!(y, array![1.0, 32.0]);
//! ```

mod plan;
mod sum;

pub(crate) use sum::{LANES, sum_lanes, sum_pairs};
pub use sum::{LEAF, sum_into, sum_slice, sum_to};

use crate::parallel::for_pieces;
use crate::simd::vectorized;
use crate::{Error, Real, Result, memory};
use ndarray::{Array, ArrayD, ArrayRef, CowArray, Dimension, IxDyn};
use plan::Plan;

/// The shape that two shapes broadcast to: axes are matched from the last, and an axis of length 1 is repeated.
///
/// # Errors
/// [`Error::Broadcast`] if two axes differ and neither is 1.
///
/// # Examples
/// ```
/// use gradus_linalg::elementwise::broadcast_shape;
/// assert_eq!(broadcast_shape("add", &[8, 1, 3], &[5, 1])?, [8, 5, 3]);
/// assert!(broadcast_shape("add", &[8, 3], &[4]).is_err());
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
///
/// # References
/// NumPy's rules, <https://numpy.org/doc/stable/user/basics.broadcasting.html>
pub fn broadcast_shape(operation: &'static str, left: &[usize], right: &[usize]) -> Result<Vec<usize>> {
    let rank = left.len().max(right.len());
    let axis = |shape: &[usize], i: usize| (i + shape.len()).checked_sub(rank).map_or(1, |i| shape[i]);
    (0..rank)
        .map(|i| match (axis(left, i), axis(right, i)) {
            (a, b) if a == b || b == 1 => Ok(a),
            (1, b) => Ok(b),
            _ => Err(Error::Broadcast { operation, left: left.to_vec(), right: right.to_vec() }),
        })
        .collect()
}

/// `y = f(x)`, into recycled memory in row-major order.
pub fn map<F: Real, D: Dimension>(x: &ArrayRef<F, D>, f: impl Fn(F) -> F + Sync) -> ndarray::Array<F, D> {
    let mut y = memory::array(x.raw_dim());
    map_into(x, &mut y, f);
    y
}

/// `y ← f(x)`.
///
/// # Panics
/// If the shapes differ, or `y` is not in row-major order.
pub fn map_into<F: Real, D: Dimension>(x: &ArrayRef<F, D>, y: &mut ArrayRef<F, D>, f: impl Fn(F) -> F + Sync) {
    assert_eq!(x.shape(), y.shape(), "map_into: the shapes differ");
    let x = x.as_standard_layout();
    let x = x.as_slice().expect("a standard layout is a slice");
    // `f` is called in one place, in a plain loop: so the compiler inlines it, however long, and can vectorize it.
    for_pieces(y.as_slice_mut().expect(ROW_MAJOR), [x], |y, [x]| {
        vectorized(
            #[inline(always)]
            || {
                for (y, &x) in y.iter_mut().zip(x) {
                    *y = f(x);
                }
            },
        );
    });
}

/// `y ← eˣ`, in the same bits as by [`map_into`], and as fast as memory where no number is so large that the power is near to
/// infinity or to zero.
///
/// # Panics
/// If the shapes differ, or `y` is not in row-major order.
///
/// # Examples
/// ```
/// use gradus_linalg::{elementwise::exp_into, ndarray::array};
/// let mut y = array![0.0, 0.0];
/// exp_into(&array![0.0, 1.0], &mut y);
/// assert_eq!(y, array![1.0, std::f64::consts::E]);
/// ```
pub fn exp_into<F: Real, D: Dimension>(x: &ArrayRef<F, D>, y: &mut ArrayRef<F, D>) {
    assert_eq!(x.shape(), y.shape(), "exp_into: the shapes differ");
    let x = x.as_standard_layout();
    let x = x.as_slice().expect("a standard layout is a slice");
    for_pieces(y.as_slice_mut().expect(ROW_MAJOR), [x], |y, [x]| {
        vectorized(
            #[inline(always)]
            || F::exp_each(x, y),
        );
    });
}

/// `x ← f(x)`.
pub fn map_in_place<F: Real, D: Dimension>(x: &mut ArrayRef<F, D>, f: impl Fn(F) -> F + Sync) {
    let mut copy = x.as_slice_memory_order().is_none().then(|| row_major(x));
    let xs = match &mut copy {
        Some(copy) => copy.as_slice_mut(),
        None => x.as_slice_memory_order_mut(),
    };
    for_pieces(xs.expect(ROW_MAJOR), [], |x, []| {
        vectorized(
            #[inline(always)]
            || {
                for x in x {
                    *x = f(*x);
                }
            },
        );
    });
    put_back(copy, x);
}

/// `x ← f(x, y)` for arrays of the same shape.
///
/// # Panics
/// If the shapes differ.
pub fn update<F: Real, D: Dimension>(x: &mut ArrayRef<F, D>, y: &ArrayRef<F, D>, f: impl Fn(F, F) -> F + Sync) {
    assert_eq!(x.shape(), y.shape(), "update: the shapes differ");
    let (mut copy, y) = (copy_to_write(x), y.as_standard_layout());
    for_pieces(written(x, &mut copy), [slice(&y)], |x, [y]| {
        vectorized(
            #[inline(always)]
            || {
                for (x, &y) in x.iter_mut().zip(y) {
                    *x = f(*x, y);
                }
            },
        );
    });
    put_back(copy, x);
}

/// `x ← f(x, y, z)` for arrays of the same shape.
///
/// # Panics
/// If the shapes differ.
pub fn update2<F: Real, D: Dimension>(
    x: &mut ArrayRef<F, D>,
    y: &ArrayRef<F, D>,
    z: &ArrayRef<F, D>,
    f: impl Fn(F, F, F) -> F + Sync,
) {
    assert!(x.shape() == y.shape() && y.shape() == z.shape(), "update2: the shapes differ");
    let (mut copy, y, z) = (copy_to_write(x), y.as_standard_layout(), z.as_standard_layout());
    for_pieces(written(x, &mut copy), [slice(&y), slice(&z)], |x, [y, z]| {
        vectorized(
            #[inline(always)]
            || {
                for ((x, &y), &z) in x.iter_mut().zip(y).zip(z) {
                    *x = f(*x, y, z);
                }
            },
        );
    });
    put_back(copy, x);
}

/// `z = f(x, y)` with broadcasting.
///
/// # Errors
/// [`Error::Broadcast`], which names `operation`, if the shapes do not fit.
///
/// # Examples
/// ```
/// use gradus_linalg::{elementwise::zip, ndarray::array};
/// let outer = zip("add", &array![[1.0], [2.0]].into_dyn(), &array![10.0, 20.0].into_dyn(), |x, y| x + y)?;
/// assert_eq!(outer, array![[11.0, 21.0], [12.0, 22.0]].into_dyn());
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
pub fn zip<F: Real>(
    operation: &'static str,
    x: &ArrayRef<F, IxDyn>,
    y: &ArrayRef<F, IxDyn>,
    f: impl Fn(F, F) -> F + Sync,
) -> Result<ArrayD<F>> {
    let shape = broadcast_shape(operation, x.shape(), y.shape())?;
    let mut z = memory::array(IxDyn(&shape));
    zip_into(x, y, &mut z, f);
    Ok(z)
}

/// `z ← f(x, y)`, with `x` and `y` broadcast to the shape of `z`.
///
/// # Panics
/// If `z` has not the shape that `x` and `y` broadcast to, or is not in row-major order.
pub fn zip_into<F: Real>(
    x: &ArrayRef<F, IxDyn>,
    y: &ArrayRef<F, IxDyn>,
    z: &mut ArrayRef<F, IxDyn>,
    f: impl Fn(F, F) -> F + Sync,
) {
    let (x, y) = (x.as_standard_layout(), y.as_standard_layout());
    let (xs, ys) = (slice(&x), slice(&y));
    let plan = (x.shape() != z.shape() || y.shape() != z.shape()).then(|| {
        let fits = broadcast_shape("zip_into", x.shape(), y.shape()).is_ok_and(|shape| shape == z.shape());
        assert!(fits, "zip_into: {:?} and {:?} do not broadcast to {:?}", x.shape(), y.shape(), z.shape());
        Plan::new(z.shape(), [x.shape(), y.shape()])
    });
    let zs = z.as_slice_mut().expect(ROW_MAJOR);
    if xs.len() == zs.len() && ys.len() == zs.len() {
        for_pieces(zs, [xs, ys], |z, [x, y]| {
            vectorized(
                #[inline(always)]
                || {
                    for ((z, &x), &y) in z.iter_mut().zip(x).zip(y) {
                        *z = f(x, y);
                    }
                },
            );
        });
        return;
    }
    let plan = plan.expect("operands of fewer numbers than the result have another shape");
    plan.run(&mut |n, at, [i, j], moves| {
        let z = &mut zs[at..at + n];
        vectorized(
            #[inline(always)]
            || match moves {
                [true, true] => {
                    for ((z, &x), &y) in z.iter_mut().zip(&xs[i..i + n]).zip(&ys[j..j + n]) {
                        *z = f(x, y);
                    }
                }
                [true, false] => {
                    let y = ys[j];
                    for (z, &x) in z.iter_mut().zip(&xs[i..i + n]) {
                        *z = f(x, y);
                    }
                }
                [false, true] => {
                    let x = xs[i];
                    for (z, &y) in z.iter_mut().zip(&ys[j..j + n]) {
                        *z = f(x, y);
                    }
                }
                [false, false] => z.fill(f(xs[i], ys[j])),
            },
        );
    });
}

/// `x ← f(x, y)`, with `y` broadcast to the shape of `x`.
///
/// # Errors
/// [`Error::Broadcast`] if `y` does not broadcast to the shape of `x`.
pub fn zip_in_place<F: Real>(
    operation: &'static str,
    x: &mut ArrayRef<F, IxDyn>,
    y: &ArrayRef<F, IxDyn>,
    f: impl Fn(F, F) -> F + Sync,
) -> Result<()> {
    if x.shape() != y.shape() && broadcast_shape(operation, x.shape(), y.shape())? != x.shape() {
        return Err(Error::Broadcast { operation, left: x.shape().to_vec(), right: y.shape().to_vec() });
    }
    let y = y.as_standard_layout();
    let (shape, ys) = (x.raw_dim(), slice(&y));
    let mut copy = copy_to_write(x);
    let xs = written(x, &mut copy);
    if ys.len() == xs.len() {
        for_pieces(xs, [ys], |x, [y]| {
            vectorized(
                #[inline(always)]
                || {
                    for (x, &y) in x.iter_mut().zip(y) {
                        *x = f(*x, y);
                    }
                },
            );
        });
    } else {
        Plan::new(shape.slice(), [y.shape()]).run(&mut |n, at, [j], [y_moves]| {
            let x = &mut xs[at..at + n];
            vectorized(
                #[inline(always)]
                || {
                    if y_moves {
                        for (x, &y) in x.iter_mut().zip(&ys[j..j + n]) {
                            *x = f(*x, y);
                        }
                    } else {
                        let y = ys[j];
                        for x in x {
                            *x = f(*x, y);
                        }
                    }
                },
            );
        });
    }
    put_back(copy, x);
    Ok(())
}

const ROW_MAJOR: &str = "fresh memory is row-major, and so is what the caller gives";

/// In row-major order, in recycled memory.
fn row_major<F: Real, D: Dimension>(x: &ArrayRef<F, D>) -> Array<F, D> {
    let mut copy = memory::array(x.raw_dim());
    copy.assign(x);
    copy
}

/// A copy to write to in place of an array that is not in row-major order.
fn copy_to_write<F: Real, D: Dimension>(x: &ArrayRef<F, D>) -> Option<Array<F, D>> {
    (!x.is_standard_layout()).then(|| row_major(x))
}

/// The numbers of `x` or of its copy.
fn written<'a, F, D: Dimension>(x: &'a mut ArrayRef<F, D>, copy: &'a mut Option<Array<F, D>>) -> &'a mut [F] {
    let numbers = match copy {
        Some(copy) => copy.as_slice_mut(),
        None => x.as_slice_mut(),
    };
    numbers.expect(ROW_MAJOR)
}

fn put_back<F: Real, D: Dimension>(copy: Option<Array<F, D>>, x: &mut ArrayRef<F, D>) {
    if let Some(copy) = copy {
        x.assign(&copy);
        memory::give_array(copy);
    }
}

fn slice<'a, F, D: Dimension>(x: &'a CowArray<'_, F, D>) -> &'a [F] {
    x.as_slice().expect("a standard layout is a slice")
}
