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

use crate::parallel::{for_pieces, join};
use crate::simd::vectorized;
use crate::{Error, Real, Result, memory};
use ndarray::{ArrayD, ArrayRef, CowArray, Dimension, IxDyn};

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
    match x.as_slice_memory_order_mut() {
        Some(x) => for_pieces(x, [], |x, []| {
            vectorized(
                #[inline(always)]
                || {
                    for x in x {
                        *x = f(*x);
                    }
                },
            );
        }),
        None => {
            let y = map(x, f);
            x.assign(&y);
            memory::give_array(y);
        }
    }
}

/// `x ← f(x, y)` for arrays of the same shape.
///
/// # Panics
/// If the shapes differ.
pub fn update<F: Real, D: Dimension>(x: &mut ArrayRef<F, D>, y: &ArrayRef<F, D>, f: impl Fn(F, F) -> F + Sync) {
    assert_eq!(x.shape(), y.shape(), "update: the shapes differ");
    match (x.as_slice_mut(), y.as_slice()) {
        (Some(x), Some(y)) => for_pieces(x, [y], |x, [y]| {
            vectorized(
                #[inline(always)]
                || {
                    for (x, &y) in x.iter_mut().zip(y) {
                        *x = f(*x, y);
                    }
                },
            );
        }),
        _ => x.zip_mut_with(y, |x, &y| *x = f(*x, y)),
    }
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
    match (x.as_slice_mut(), y.as_slice(), z.as_slice()) {
        (Some(x), Some(y), Some(z)) => for_pieces(x, [y, z], |x, [y, z]| {
            vectorized(
                #[inline(always)]
                || {
                    for ((x, &y), &z) in x.iter_mut().zip(y).zip(z) {
                        *x = f(*x, y, z);
                    }
                },
            );
        }),
        _ => ndarray::Zip::from(x).and(y).and(z).for_each(|x, &y, &z| *x = f(*x, y, z)),
    }
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
    plan.run(|n, at, [i, j], moves| {
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
    let shape = x.raw_dim();
    let Some(xs) = x.as_slice_mut() else {
        let y = y.broadcast(shape).expect("the shapes have been checked");
        x.zip_mut_with(&y, |x, &y| *x = f(*x, y));
        return Ok(());
    };
    let ys = slice(&y);
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
        return Ok(());
    }
    Plan::new(shape.slice(), [y.shape()]).run(|n, at, [j], [y_moves]| {
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
    Ok(())
}

/// Adds up an array over the axes along which `shape` was broadcast to it: the transpose of broadcasting.
///
/// # Panics
/// If `shape` does not broadcast to the shape of `x`.
#[must_use]
pub fn sum_to<F: Real>(x: &ArrayRef<F, IxDyn>, shape: &[usize]) -> ArrayD<F> {
    let mut sum = memory::array(IxDyn(shape));
    sum_into(x, &mut sum);
    sum
}

/// As [`sum_to`], into memory that is there.
///
/// # Panics
/// If the shape of `sum` does not broadcast to the shape of `x`, or `sum` is not in row-major order.
pub fn sum_into<F: Real>(x: &ArrayRef<F, IxDyn>, sum: &mut ArrayRef<F, IxDyn>) {
    let x = x.as_standard_layout();
    let xs = slice(&x);
    if let Some([sum]) = sum.as_slice_mut() {
        *sum = sum_slice(xs);
        return;
    }
    // Rows added up, as for the gradient of a bias: there is no need to plan.
    let plan = (!x.shape().ends_with(sum.shape())).then(|| Plan::new(x.shape(), [sum.shape()]));
    let sums = sum.as_slice_mut().expect(ROW_MAJOR);
    sums.fill(F::zero());
    let Some(plan) = plan else {
        for row in xs.chunks_exact(sums.len().max(1)) {
            vectorized(
                #[inline(always)]
                || {
                    for (s, &x) in sums.iter_mut().zip(row) {
                        *s += x;
                    }
                },
            );
        }
        return;
    };
    plan.run(|n, at, [j], [moves]| {
        let x = &xs[at..at + n];
        if moves {
            let sums = &mut sums[j..j + n];
            vectorized(
                #[inline(always)]
                || {
                    for (s, &x) in sums.iter_mut().zip(x) {
                        *s += x;
                    }
                },
            );
        } else {
            sums[j] += sum_slice(x);
        }
    });
}

/// Up to this length a sum is made of running sums; above it, of the sums of two halves, `(len / 2)` rounded up to a
/// multiple of this and the rest.
pub const LEAF: usize = 1024;
/// Running sums: short chains of additions, and one vector register of `f32`.
pub(crate) const LANES: usize = 16;

/// The sum of a slice in a fixed tree, which depends on the length alone: the error grows with the logarithm of the
/// length, and the result has the same bits however the work is divided.
#[must_use]
pub fn sum_slice<F: Real>(x: &[F]) -> F {
    if x.len() > LEAF {
        let half = (x.len() / 2).next_multiple_of(LEAF);
        let (left, right) = join(x.len(), || sum_slice(&x[..half]), || sum_slice(&x[half..]));
        return left + right;
    }
    vectorized(
        #[inline(always)]
        || {
            let mut lanes = [F::zero(); LANES];
            let chunks = x.chunks_exact(LANES);
            let rest = chunks.remainder();
            for chunk in chunks {
                for (lane, &x) in lanes.iter_mut().zip(chunk) {
                    *lane += x;
                }
            }
            for (lane, &x) in lanes.iter_mut().zip(rest) {
                *lane += x;
            }
            sum_lanes(lanes)
        },
    )
}

/// `Σ f(xᵢ, yᵢ)` of two slices of the same length, in the fixed tree of [`sum_slice`].
pub(crate) fn sum_pairs<F: Real>(x: &[F], y: &[F], f: &impl Fn(F, F) -> F) -> F {
    if x.len() > LEAF {
        let half = (x.len() / 2).next_multiple_of(LEAF);
        return sum_pairs(&x[..half], &y[..half], f) + sum_pairs(&x[half..], &y[half..], f);
    }
    vectorized(
        #[inline(always)]
        || {
            let mut lanes = [F::zero(); LANES];
            let (xs, ys) = (x.chunks_exact(LANES), y.chunks_exact(LANES));
            let rest = xs.remainder().iter().zip(ys.remainder());
            for (x, y) in xs.zip(ys) {
                for (lane, (&x, &y)) in lanes.iter_mut().zip(x.iter().zip(y)) {
                    *lane += f(x, y);
                }
            }
            for (lane, (&x, &y)) in lanes.iter_mut().zip(rest) {
                *lane += f(x, y);
            }
            sum_lanes(lanes)
        },
    )
}

/// The sum of the lanes, halves onto halves.
#[inline(always)]
pub(crate) fn sum_lanes<F: Real>(mut lanes: [F; LANES]) -> F {
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            let upper = lanes[i + width];
            lanes[i] += upper;
        }
        width /= 2;
    }
    lanes[0]
}

const ROW_MAJOR: &str = "fresh memory is row-major, and so is what the caller gives";

fn slice<'a, F>(x: &'a CowArray<'_, F, IxDyn>) -> &'a [F] {
    x.as_slice().expect("a standard layout is a slice")
}

/// A walk over a row-major shape in runs as long as possible, with the places of `N` operands that broadcast to it.
struct Plan<const N: usize> {
    /// Lengths and, for each operand, strides, from the outermost to the innermost axis.
    axes: Vec<(usize, [usize; N])>,
}

impl<const N: usize> Plan<N> {
    fn new(shape: &[usize], operands: [&[usize]; N]) -> Self {
        let mut axes: Vec<(usize, [usize; N])> = Vec::with_capacity(shape.len());
        let mut steps = [1; N]; // elements of each operand in the axes seen so far
        for (from_last, &length) in shape.iter().rev().enumerate() {
            if length == 1 {
                continue;
            }
            let strides = std::array::from_fn(|k| {
                let own = operands[k].len().checked_sub(from_last + 1).map_or(1, |i| operands[k][i]);
                let stride = if own == 1 { 0 } else { steps[k] };
                steps[k] *= own;
                stride
            });
            match axes.last_mut() {
                // This axis goes on where the one inside it ends, for every operand: they are one longer axis.
                Some((inner, inner_strides)) if (0..N).all(|k| strides[k] == inner_strides[k] * *inner) => {
                    *inner *= length;
                }
                _ => axes.push((length, strides)),
            }
        }
        axes.reverse();
        Self { axes }
    }

    /// Calls `f(run length, position, positions of the operands, whether each operand moves along the run)`.
    fn run(&self, mut f: impl FnMut(usize, usize, [usize; N], [bool; N])) {
        let Some((&(length, strides), outer)) = self.axes.split_last() else {
            return f(1, 0, [0; N], [false; N]);
        };
        let moves = strides.map(|stride| stride != 0);
        let runs: usize = outer.iter().map(|&(length, _)| length).product();
        if length == 0 {
            return;
        }
        let mut counters = vec![0; outer.len()];
        let mut places = [0; N];
        for run in 0..runs {
            f(length, run * length, places, moves);
            for (counter, &(length, strides)) in counters.iter_mut().zip(outer).rev() {
                *counter += 1;
                for (place, stride) in places.iter_mut().zip(strides) {
                    *place += stride;
                }
                if *counter < length {
                    break;
                }
                *counter = 0;
                for (place, stride) in places.iter_mut().zip(strides) {
                    *place -= stride * length;
                }
            }
        }
    }
}
