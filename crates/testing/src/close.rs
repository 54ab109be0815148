//! When two arrays count as equal: one decision for all crates.

use std::fmt::Debug;

use ndarray::{ArrayRef, Dimension};

use crate::Float;

/// How far a number may lie from its reference.
///
/// ```text
/// |got − expected| ≤ absolute + relative · |expected| + of_largest · maxᵢ |expectedᵢ|
/// ```
///
/// NaN must meet NaN, and an infinity the same infinity, whatever the tolerance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    /// Allowed whatever the reference.
    pub absolute: f64,
    /// Share of the reference element.
    pub relative: f64,
    /// Share of the largest finite element of the reference array.
    pub of_largest: f64,
}

impl Tolerance {
    /// For results in `f64`: 1e-11 absolute plus 1e-10 relative.
    pub const F64: Self = Self { absolute: 1e-11, relative: 1e-10, of_largest: 0.0 };

    /// For results in `f32`: 1e-5 of the largest value.
    pub const F32: Self = Self { absolute: 0.0, relative: 0.0, of_largest: 1e-5 };

    /// Nothing but equality (0 and −0 are equal).
    pub const EXACT: Self = Self { absolute: 0.0, relative: 0.0, of_largest: 0.0 };

    /// The same tolerance where the result is a difference of larger terms: `scale` is the size of those terms,
    /// and counts as if it were one more element of the reference.
    ///
    /// A gradient that is zero because ones cancel is, in `f32`, zero to within 1e-5 of one and not of itself.
    #[must_use]
    pub fn at_scale(self, scale: f64) -> Self {
        Self { absolute: self.absolute + self.of_largest * scale.abs(), ..self }
    }

    /// The same tolerance where the reference, itself computed in `f64`, is made of differences of numbers `condition` times as
    /// large as they: of so many units in the last place of its largest value it cannot be sure.
    ///
    /// Deviations from the mean of numbers near a million that are spread by one are of condition 1e6. PyTorch's, and the
    /// gradients made of them, are off by up to 1e-10; one compared them with exact fractions.
    #[must_use]
    pub fn at_condition(self, condition: f64) -> Self {
        Self { of_largest: self.of_largest + 2.0 * f64::EPSILON * condition, ..self }
    }

    /// What the difference may be for one element.
    fn allowed(&self, expected: f64, largest: f64) -> f64 {
        self.absolute + self.relative * expected.abs() + self.of_largest * largest
    }
}

/// Compares an array with its reference, element by element.
///
/// # Examples
///
/// ```
/// use gradus_testing::{Tolerance, close};
/// use ndarray::array;
///
/// assert!(close(&array![1.0 + 1e-12, 2.0], &array![1.0, 2.0], Tolerance::F64, "y").is_ok());
/// let message = close(&array![1.0, 2.5], &array![1.0, 2.0], Tolerance::F64, "y").unwrap_err();
/// assert!(message.starts_with("y: 1 of 2 elements differ; worst at [1]: got 2.5, expected 2"));
/// ```
///
/// # Errors
/// If the shapes differ or an element lies outside the tolerance; the message names the worst element.
pub fn close<G, E, D1, D2>(
    got: &ArrayRef<G, D1>,
    expected: &ArrayRef<E, D2>,
    tolerance: Tolerance,
    what: &str,
) -> Result<(), String>
where
    G: Float,
    E: Float,
    D1: Dimension,
    D2: Dimension,
{
    if got.shape() != expected.shape() {
        return Err(format!("{what}: shape {:?}, expected {:?}", got.shape(), expected.shape()));
    }
    let largest = expected.iter().map(|e| e.to_f64().abs()).filter(|e| e.is_finite()).fold(0.0, f64::max);
    let (got, expected) = (got.view().into_dyn(), expected.view().into_dyn());

    let mut wrong = 0;
    let mut worst = (1.0, 0);
    for (place, (g, e)) in got.iter().zip(&expected).enumerate() {
        let excess = excess(g.to_f64(), e.to_f64(), tolerance, largest);
        if excess > 1.0 {
            wrong += 1;
            if excess > worst.0 {
                worst = (excess, place);
            }
        }
    }
    if wrong == 0 {
        return Ok(());
    }
    let (index, (g, e)) = got
        .indexed_iter()
        .map(|(index, g)| (index.as_array_view().to_vec(), *g))
        .zip(&expected)
        .map(|((index, g), e)| (index, (g.to_f64(), e.to_f64())))
        .nth(worst.1)
        .expect("the worst element was met in the same order above");
    Err(format!(
        "{what}: {wrong} of {} elements differ; worst at {index:?}: got {g}, expected {e} (difference {:.3e}, allowed {:.3e})",
        got.len(),
        (g - e).abs(),
        tolerance.allowed(e, largest),
    ))
}

/// The difference in units of what is allowed; infinite where a NaN or an infinity is not matched.
fn excess(got: f64, expected: f64, tolerance: Tolerance, largest: f64) -> f64 {
    if got == expected || (got.is_nan() && expected.is_nan()) {
        0.0
    } else if !got.is_finite() || !expected.is_finite() {
        f64::INFINITY
    } else {
        // Nothing allowed: 0/0 cannot occur, equality was settled above.
        (got - expected).abs() / tolerance.allowed(expected, largest)
    }
}

/// Compares one number with its reference.
///
/// # Errors
/// If it lies outside the tolerance.
pub fn close_scalar<G: Float, E: Float>(got: G, expected: E, tolerance: Tolerance, what: &str) -> Result<(), String> {
    close(&ndarray::arr0(got), &ndarray::arr0(expected), tolerance, what)
}

/// Compares arrays that have no tolerance: indices, masks, lengths.
///
/// # Errors
/// If the shapes or any two elements differ; the message names the first.
pub fn equal<T, D1, D2>(got: &ArrayRef<T, D1>, expected: &ArrayRef<T, D2>, what: &str) -> Result<(), String>
where
    T: PartialEq + Debug,
    D1: Dimension,
    D2: Dimension,
{
    if got.shape() != expected.shape() {
        return Err(format!("{what}: shape {:?}, expected {:?}", got.shape(), expected.shape()));
    }
    let (got, expected) = (got.view().into_dyn(), expected.view().into_dyn());
    match got.indexed_iter().zip(&expected).find(|((_, g), e)| g != e) {
        None => Ok(()),
        Some(((index, g), e)) => Err(format!("{what}: at {:?}: got {g:?}, expected {e:?}", index.slice())),
    }
}

/// [`close`], as an assertion.
///
/// # Panics
/// With the message of [`close`] if the arrays differ.
#[track_caller]
pub fn assert_close<G, E, D1, D2>(got: &ArrayRef<G, D1>, expected: &ArrayRef<E, D2>, tolerance: Tolerance, what: &str)
where
    G: Float,
    E: Float,
    D1: Dimension,
    D2: Dimension,
{
    if let Err(message) = close(got, expected, tolerance, what) {
        panic!("{message}");
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, arr0, array};

    use super::*;

    #[test]
    fn the_limit_lies_where_the_formula_says() {
        assert!(close_scalar(1e6 + 0.9e-4, 1e6, Tolerance::F64, "y").is_ok());
        assert!(close_scalar(1e6 + 1.1e-4, 1e6, Tolerance::F64, "y").is_err());
        assert!(close_scalar(0.9e-11, 0.0, Tolerance::F64, "y").is_ok());
        assert!(close_scalar(1.1e-11, 0.0, Tolerance::F64, "y").is_err());
        assert!(close_scalar(f64::MIN_POSITIVE, 0.0, Tolerance::EXACT, "y").is_err());
        assert!(close_scalar(-0.0, 0.0, Tolerance::EXACT, "y").is_ok());
        let conditioned = Tolerance::F64.at_condition(1e6);
        assert!(close_scalar(1.0 + 5e-10, 1.0, conditioned, "y").is_ok());
        assert!(close_scalar(1.0 + 6e-10, 1.0, conditioned, "y").is_err());
    }

    #[test]
    fn f32_is_measured_against_the_largest_value() {
        let expected = array![1.0, 1000.0, f64::INFINITY];
        assert!(close(&array![1.009_f32, 1000.0, f32::INFINITY], &expected, Tolerance::F32, "y").is_ok());
        assert!(close(&array![1.011_f32, 1000.0, f32::INFINITY], &expected, Tolerance::F32, "y").is_err());
        assert!(close(&array![1e-8_f32], &array![0.0], Tolerance::F32, "y").is_err());
        assert!(close(&array![1e-8_f32], &array![0.0], Tolerance::F32.at_scale(1.0), "y").is_ok());
    }

    #[test]
    fn nan_and_infinities_match_only_themselves() {
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        assert!(close(&array![nan, inf, -inf], &array![nan, inf, -inf], Tolerance::F64, "y").is_ok());
        for (got, expected) in [(nan, 1.0), (1.0, nan), (inf, 1.0), (1.0, inf), (inf, -inf), (nan, inf), (inf, nan)] {
            assert!(close_scalar(got, expected, Tolerance::F64, "y").is_err(), "{got} passed for {expected}");
            assert!(close_scalar(got as f32, expected, Tolerance::F32, "y").is_err(), "{got} passed for {expected}");
        }
    }

    #[test]
    fn shapes_must_match_even_without_elements() {
        let message = close(&Array2::<f64>::zeros((0, 3)), &Array2::<f64>::zeros((3, 0)), Tolerance::F64, "y");
        assert_eq!(message, Err("y: shape [0, 3], expected [3, 0]".into()));
        assert!(close(&arr0(1.0), &array![1.0], Tolerance::F64, "y").is_err());
        assert!(equal(&array![1, 2], &array![[1, 2]], "y").is_err());
    }

    #[test]
    fn the_message_names_the_worst_element() {
        let got = array![[1.0, 2.1], [3.0, 9.0]];
        let message = close(&got, &array![[1.0, 2.0], [3.0, 4.0]], Tolerance::F64, "y").unwrap_err();
        assert!(message.starts_with("y: 2 of 4 elements differ; worst at [1, 1]: got 9, expected 4 "), "{message}");
        // The layout in memory does not matter.
        let transposed = close(&got.t(), &array![[1.0, 3.0], [2.0, 4.0]], Tolerance::F64, "y").unwrap_err();
        assert_eq!(message, transposed);
        assert_eq!(equal(&array![1, 2], &array![1, 3], "y"), Err("y: at [1]: got 2, expected 3".into()));
    }

    #[test]
    #[should_panic(expected = "y: 1 of 1 elements differ")]
    fn the_assertion_panics() {
        assert_close(&array![1.0], &array![2.0], Tolerance::F64, "y");
    }
}
