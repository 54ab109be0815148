//! Norms: how long a vector is.

use crate::elementwise::sum_pairs;
use crate::{Error, Real, Result};
use ndarray::{ArrayRef, Dimension};

/// Which norm.
///
/// The *unit ball* of a norm, all vectors no longer than 1, shows its character. In the plane it is
///
/// ```text
///    p < 1        p = 1         p = 2         p = 5        p = ∞
///      .            .            .-.          .---.        +---+
///     ) (          / \          /   \        /     \       |   |
///   <     >       <   >        (     )       |     |       |   |
///     ) (          \ /          \   /        \     /       |   |
///      '            '            '-'          '---'        +---+
///  not convex    a diamond     a circle                   a square
/// ```
///
/// The corners of the diamond lie on the axes, where coordinates are 0: that is why an L1 penalty makes weights exactly
/// zero and an L2 penalty only small. Below `p = 1` the ball is no longer convex, and the triangle inequality fails.
///
/// [`picture::norm_balls`](crate::picture::norm_balls) draws them to scale.
///
/// # References
/// S. Boyd, L. Vandenberghe, *Convex Optimization*, 2004, appendix A.1.2, <https://web.stanford.edu/~boyd/cvxbook/>
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Norm {
    /// The number of elements that are not 0; no norm in the strict sense, but called so. Its ball of radius 1 is the axes themselves.
    L0,
    /// `Σ |xᵢ|`. Its ball is the cross-polytope: a diamond, in space an octahedron, with its corners on the axes.
    L1,
    /// `√(Σ xᵢ²)`, the Euclidean length. Its ball is round, the same from all sides.
    L2,
    /// `(Σ |xᵢ|ᵖ)^(1/p)` for any `p > 0`; a norm only for `p ≥ 1`. Its ball lies between diamond and cube, and within the diamond for `p < 1`.
    Lp(f64),
    /// `max |xᵢ|`, the limit of `Lp` for `p → ∞`. Its ball is the cube with its faces across the axes.
    Max,
    /// `min |xᵢ|`, the limit of `Lp` for `p → −∞`; no norm in the strict sense. Its "ball" is a strip around each axis and has no end.
    Min,
}

/// The norm of an array, taken as one long vector. Of an empty one it is 0.
///
/// # Examples
/// ```
/// use gradus_linalg::{Norm, norm, ndarray::array};
/// let x = array![3.0, -4.0];
/// assert_eq!(norm(&x, Norm::L1)?, 7.0);
/// assert_eq!(norm(&x, Norm::L2)?, 5.0);
/// assert_eq!(norm(&x, Norm::Max)?, 4.0);
/// assert!(norm(&x, Norm::Lp(-1.0)).is_err());
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
///
/// # Errors
/// [`Error::Order`] for [`Norm::Lp`] with a `p` that is not greater than 0.
pub fn norm<F: Real, D: Dimension>(x: &ArrayRef<F, D>, which: Norm) -> Result<F> {
    Ok(match which {
        Norm::L0 => l0_norm(x),
        Norm::L1 => l1_norm(x),
        Norm::L2 => l2_norm(x),
        Norm::Lp(p) => lp_norm(x, p)?,
        Norm::Max => max_norm(x),
        Norm::Min => min_norm(x),
    })
}

/// The number of elements that are not 0.
///
/// # Examples
/// ```
/// # use gradus_linalg::{l0_norm, ndarray::array};
/// assert_eq!(l0_norm(&array![0.0, 2.0, 0.0, -1.0]), 2.0);
/// ```
#[must_use]
pub fn l0_norm<F: Real, D: Dimension>(x: &ArrayRef<F, D>) -> F {
    sum(x, |x| if x == F::zero() { F::zero() } else { F::one() })
}

/// `‖x‖₁ = Σ |xᵢ|`
///
/// # Examples
/// ```
/// # use gradus_linalg::{l1_norm, ndarray::array};
/// assert_eq!(l1_norm(&array![1.0, -2.0]), 3.0);
/// ```
#[must_use]
pub fn l1_norm<F: Real, D: Dimension>(x: &ArrayRef<F, D>) -> F {
    sum(x, F::abs)
}

/// `‖x‖₂ = √(Σ xᵢ²)`, right also where a square would overflow or vanish.
///
/// # Examples
/// ```
/// # use gradus_linalg::{l2_norm, ndarray::array};
/// assert_eq!(l2_norm(&array![3.0, 4.0]), 5.0);
/// let huge: f64 = l2_norm(&array![3e200, 4e200]);
/// assert!((huge / 5e200 - 1.0).abs() < 1e-15);
/// ```
#[must_use]
pub fn l2_norm<F: Real, D: Dimension>(x: &ArrayRef<F, D>) -> F {
    /// Above this sum of squares, what squares too small for the float type could add to it is not felt.
    const SAFE: f64 = 1e-30;
    let squares = sum(x, |x| x * x);
    if squares.is_finite() && squares > F::from_f64(SAFE) {
        return squares.sqrt();
    }
    scaled(x, |sum| sum.sqrt(), |x| x * x)
}

/// `‖x‖ₚ = (Σ |xᵢ|ᵖ)^(1/p)`
///
/// # Examples
/// ```
/// # use gradus_linalg::{lp_norm, ndarray::array};
/// let x = array![8.0_f64, 1.0];
/// assert!((lp_norm(&x, 3.0)? - 513.0_f64.cbrt()).abs() < 1e-14);
/// assert!((lp_norm(&array![4.0_f64, 9.0], 0.5)? - 25.0).abs() < 1e-13);
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
///
/// # Errors
/// [`Error::Order`] if `p` is not greater than 0.
pub fn lp_norm<F: Real, D: Dimension>(x: &ArrayRef<F, D>, p: f64) -> Result<F> {
    if p == 1.0 {
        Ok(l1_norm(x))
    } else if p == 2.0 {
        Ok(l2_norm(x))
    } else if p == f64::INFINITY {
        Ok(max_norm(x))
    } else if p > 0.0 {
        let (power, root) = (F::from_f64(p), F::from_f64(1.0 / p));
        Ok(scaled(x, |sum| sum.powf(root), |x| if x == F::zero() { x } else { x.powf(power) }))
    } else {
        Err(Error::Order { operation: "lp_norm", p })
    }
}

/// `‖x‖∞ = max |xᵢ|`
///
/// # Examples
/// ```
/// # use gradus_linalg::{max_norm, ndarray::array};
/// assert_eq!(max_norm(&array![1.0, -2.0]), 2.0);
/// ```
#[must_use]
pub fn max_norm<F: Real, D: Dimension>(x: &ArrayRef<F, D>) -> F {
    x.iter().fold(F::zero(), |most, x| most.maximum(x.abs()))
}

/// `min |xᵢ|`; 0 for an empty array.
///
/// # Examples
/// ```
/// # use gradus_linalg::{min_norm, ndarray::array};
/// assert_eq!(min_norm(&array![1.0, -2.0]), 1.0);
/// ```
#[must_use]
pub fn min_norm<F: Real, D: Dimension>(x: &ArrayRef<F, D>) -> F {
    x.iter().map(|x| x.abs()).reduce(F::minimum).unwrap_or(F::zero())
}

/// `m · root(Σ f(|xᵢ| / m))` with `m = max |xᵢ|`: no term is greater than 1, and one is 1.
fn scaled<F: Real, D: Dimension>(x: &ArrayRef<F, D>, root: impl Fn(F) -> F, f: impl Fn(F) -> F) -> F {
    let m = max_norm(x);
    if m == F::zero() || !m.is_finite() {
        return m;
    }
    m * root(sum(x, |x| f(x.abs() / m)))
}

/// `Σ f(xᵢ)` in a tree that depends on the length alone.
fn sum<F: Real, D: Dimension>(x: &ArrayRef<F, D>, f: impl Fn(F) -> F) -> F {
    let x = x.as_standard_layout();
    let x = x.as_slice().expect("a standard layout is a slice");
    sum_pairs(x, x, &|x, _| f(x))
}
