//! The geometry of vectors: inner product, angle, distance, projection.

use crate::elementwise::{self, sum_pairs};
use crate::{Error, Norm, Real, Result, l2_norm, norm};
use ndarray::{Array, Array1, ArrayD, ArrayRef, ArrayRef1, Axis, Dimension, RemoveAxis, Zip};

/// Inner product `x · y = Σ xᵢ yᵢ`.
///
/// It is summed in a tree that depends on the length alone: the error grows with the logarithm of the length, and the
/// bits are always the same.
///
/// # Examples
/// ```
/// # use gradus_linalg::{dot, ndarray::array};
/// assert_eq!(dot(&array![1.0, 2.0], &array![3.0, 4.0])?, 11.0);
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
///
/// # Errors
/// [`Error::ShapesDiffer`] if the lengths differ.
pub fn dot<F: Real>(x: &ArrayRef1<F>, y: &ArrayRef1<F>) -> Result<F> {
    same_shape("dot", x, y)?;
    Ok(inner(x, y))
}

/// The angle between two vectors, from 0 to π.
///
/// ```text
/// θ = arccos(x · y / (‖x‖ ‖y‖))
/// ```
///
/// It is computed from the chord between the unit vectors, `‖x/‖x‖ − y/‖y‖‖ = 2 sin(θ/2)`: near 0 and π the arc cosine
/// would lose half of the digits.
///
/// # Examples
/// ```
/// # use gradus_linalg::{angle, ndarray::array};
/// let right = angle(&array![2.0, 0.0], &array![0.0, 3.0])?;
/// assert!((right - std::f64::consts::FRAC_PI_2).abs() < 1e-15);
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
///
/// # Errors
/// [`Error::ShapesDiffer`] if the lengths differ, [`Error::ZeroVector`] if either vector is zero.
///
/// # References
/// W. Kahan, *How Futile are Mindless Assessments of Roundoff in Floating-Point Computation?*, 2006, §12,
/// <https://people.eecs.berkeley.edu/~wkahan/Mindless.pdf>
pub fn angle<F: Real>(x: &ArrayRef1<F>, y: &ArrayRef1<F>) -> Result<F> {
    same_shape("angle", x, y)?;
    let (x, y) = (unit("angle", "left", x)?, unit("angle", "right", y)?);
    let (half, pi) = (F::from_f64(0.5), F::from_f64(std::f64::consts::PI));
    // arcsin(c) = π/2 − arccos(c), so twice it is π − 2 arccos(c); rounding may carry the chord beyond its range.
    let twice_arcsin = |chord: F| pi - F::from_f64(2.0) * (chord * half).minimum(F::one()).acos();
    Ok(if inner(&x, &y) >= F::zero() {
        twice_arcsin(l2_norm(&(&x - &y)))
    } else {
        pi - twice_arcsin(l2_norm(&(&x + &y)))
    })
}

/// The cosine of the angle between two vectors, from −1 to 1.
///
/// ```text
/// cos θ = x · y / (‖x‖ ‖y‖)
/// ```
///
/// # Examples
/// ```
/// # use gradus_linalg::{cosine_similarity, ndarray::array};
/// assert_eq!(cosine_similarity(&array![1.0, 0.0], &array![-2.0, 0.0])?, -1.0);
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
///
/// # Errors
/// [`Error::ShapesDiffer`] if the lengths differ, [`Error::ZeroVector`] if either vector is zero.
pub fn cosine_similarity<F: Real>(x: &ArrayRef1<F>, y: &ArrayRef1<F>) -> Result<F> {
    same_shape("cosine_similarity", x, y)?;
    let (x, y) = (unit("cosine_similarity", "left", x)?, unit("cosine_similarity", "right", y)?);
    Ok(inner(&x, &y).maximum(-F::one()).minimum(F::one()))
}

/// Cosine similarities of the vectors that lie along an axis of two arrays.
///
/// ```text
/// x · y / (max(‖x‖, ε) max(‖y‖, ε))
/// ```
///
/// `eps` keeps a zero vector from dividing by 0: its similarity to anything is 0. PyTorch's default is `1e-8`.
///
/// # Shapes
/// The result has the arrays' shape without the axis.
///
/// # Examples
/// ```
/// # use gradus_linalg::{cosine_similarity_along, ndarray::array};
/// let x = array![[3.0, 4.0], [0.0, 0.0]];
/// let y = array![[6.0, 8.0], [1.0, 1.0]];
/// assert_eq!(cosine_similarity_along(&x, &y, 1, 1e-8)?, array![1.0, 0.0]);
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
///
/// # Errors
/// [`Error::ShapesDiffer`] or [`Error::Axis`].
pub fn cosine_similarity_along<F: Real, D: RemoveAxis>(
    x: &ArrayRef<F, D>,
    y: &ArrayRef<F, D>,
    axis: usize,
    eps: f64,
) -> Result<Array<F, D::Smaller>> {
    same_shape("cosine_similarity_along", x, y)?;
    if axis >= x.ndim() {
        return Err(Error::Axis { operation: "cosine_similarity_along", axis, shape: x.shape().to_vec() });
    }
    let eps = F::from_f64(eps);
    let scaled = |x: &ArrayRef1<F>| {
        let length = l2_norm(x).maximum(eps);
        if length == F::zero() { x.to_owned() } else { x.mapv(|x| x / length) }
    };
    Ok(Zip::from(x.lanes(Axis(axis))).and(y.lanes(Axis(axis))).map_collect(|x, y| inner(&scaled(&x), &scaled(&y))))
}

/// The distance `‖x − y‖` in any norm.
///
/// # Examples
/// ```
/// # use gradus_linalg::{Norm, distance, ndarray::array};
/// let (x, y) = (array![1.0, 1.0], array![4.0, 5.0]);
/// assert_eq!(distance(&x, &y, Norm::L2)?, 5.0);
/// assert_eq!(distance(&x, &y, Norm::L1)?, 7.0); // along the streets of Manhattan
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
///
/// # Errors
/// [`Error::ShapesDiffer`]; [`Error::Order`] as in [`norm`].
pub fn distance<F: Real, D: Dimension>(x: &ArrayRef<F, D>, y: &ArrayRef<F, D>, which: Norm) -> Result<F> {
    same_shape("distance", x, y)?;
    let difference: ArrayD<F> = elementwise::zip("distance", &x.view().into_dyn(), &y.view().into_dyn(), |x, y| x - y)?;
    let distance = norm(&difference, which);
    crate::memory::give_array(difference);
    distance
}

/// The projection of a vector onto the line along another: the point of that line nearest to it.
///
/// ```text
/// p = (x · y / y · y) y
/// ```
///
/// What is left, `x − p`, is orthogonal to `y`.
///
/// # Examples
/// ```
/// # use gradus_linalg::{project, ndarray::array};
/// assert_eq!(project(&array![2.0, 3.0], &array![10.0, 0.0])?, array![2.0, 0.0]);
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
///
/// # Errors
/// [`Error::ShapesDiffer`] if the lengths differ, [`Error::ZeroVector`] if `onto` is zero.
pub fn project<F: Real>(x: &ArrayRef1<F>, onto: &ArrayRef1<F>) -> Result<Array1<F>> {
    same_shape("project", x, onto)?;
    let mut direction = unit("project", "right", onto)?;
    let length = inner(x, &direction);
    direction.mapv_inplace(|u| length * u);
    Ok(direction)
}

/// `x / ‖x‖`, also where `‖x‖²` would overflow or vanish.
fn unit<F: Real>(operation: &'static str, operand: &'static str, x: &ArrayRef1<F>) -> Result<Array1<F>> {
    let most = crate::max_norm(x);
    if most == F::zero() {
        return Err(Error::ZeroVector { operation, operand });
    }
    let scaled = x.mapv(|x| x / most);
    let length = l2_norm(&scaled);
    Ok(scaled.mapv_into(|x| x / length))
}

/// The inner product of vectors whose lengths have been compared.
fn inner<F: Real>(x: &ArrayRef1<F>, y: &ArrayRef1<F>) -> F {
    let (x, y) = (x.as_standard_layout(), y.as_standard_layout());
    let slice = "a standard layout is a slice";
    sum_pairs(x.as_slice().expect(slice), y.as_slice().expect(slice), &|x, y| x * y)
}

fn same_shape<F, D: Dimension>(operation: &'static str, x: &ArrayRef<F, D>, y: &ArrayRef<F, D>) -> Result<()> {
    if x.shape() == y.shape() {
        return Ok(());
    }
    Err(Error::ShapesDiffer { operation, left: x.shape().to_vec(), right: y.shape().to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use std::f64::consts::PI;

    #[test]
    fn angles_near_the_ends_keep_their_digits() {
        for tiny in [1e-3, 1e-6, 1e-9, 1e-12] {
            let (x, y): (Array1<f64>, _) = (array![1.0, 0.0], array![1.0, tiny]);
            assert!((angle(&x, &y).unwrap() - tiny.atan()).abs() < 1e-15);
            assert!((angle(&x, &-y).unwrap() - (PI - tiny.atan())).abs() < 1e-15);
        }
    }

    #[test]
    fn lengths_beyond_the_range_of_squares() {
        let (x, y) = (array![3e200, 4e200], array![3e-200, 4e-200]);
        assert!((cosine_similarity(&x, &y).unwrap() - 1.0).abs() < 1e-15);
        assert!((project(&y, &x).unwrap() / &y - 1.0).iter().all(|e| e.abs() < 1e-15));
    }
}
