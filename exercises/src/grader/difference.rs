//! Where an answer first differs from the library.

use super::show;
use gradus::ndarray::{ArrayRef, Dimension};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a number may be off, as a share of the number expected.
const RELATIVE: f64 = 1e-10;

/// What a number may be off besides, as a share of the largest number of the array or of the terms that it is a sum of.
/// A number that is 0 because terms cancel is 0 only to their last digits.
const OF_LARGEST: f64 = 1e-11;

/// What a comparison returns: nothing if all is the same.
pub type Same = Result<(), Box<Difference>>;

/// Where an answer first differs from what the library computes. Numbers are kept as text, which keeps infinities and NaN.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Difference {
    /// An array is not of the shape expected.
    Shape {
        /// What the array is called.
        output: String,
        /// The shape that it should have.
        expected: Vec<usize>,
        /// The shape that it has.
        found: Vec<usize>,
    },
    /// A number is not the one expected.
    Number {
        /// What the array is called.
        output: String,
        /// Where in the array the number stands: the first in row-major order that is wrong.
        index: Vec<usize>,
        /// The number that the library computes.
        expected: String,
        /// The number that the answer has.
        found: String,
        /// `|found − expected| / |expected|`; infinite if the expected number is 0.
        relative_error: String,
        /// How many numbers of the array are wrong, and how many there are.
        wrong: (usize, usize),
        /// The factor, if all numbers of the array are wrong by the same one and it has at least two that are not 0.
        factor: Option<String>,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape { output, expected, found } => {
                write!(f, "{output} has the shape {}, expected {}", show::sizes(found), show::sizes(expected))
            }
            Self::Number { output, index, expected, found, relative_error, wrong: (wrong, of), factor } => {
                let index: Vec<_> = index.iter().map(usize::to_string).collect();
                let place = if index.is_empty() { output.clone() } else { format!("{output}[{}]", index.join(", ")) };
                write!(f, "{place}: expected {expected}, found {found}, relative error {relative_error}")?;
                if *of > 1 {
                    write!(f, "; {wrong} of {of} numbers differ")?;
                }
                match factor {
                    Some(factor) => write!(f, ", all by the factor {factor}"),
                    None => Ok(()),
                }
            }
        }
    }
}

/// Compares what an answer has found with what the library computes: to 1e-10 of each number, plus 1e-11 of the largest or of
/// `terms`, the size of the terms that the numbers are sums of, where they may cancel (0 where they cannot).
///
/// # Errors
/// The first [`Difference`], in row-major order.
///
/// # Examples
/// ```
/// use gradus::ndarray::array;
/// use gradus_exercises::grader::compare;
/// let wrong = compare("dx", &array![1.0, 4.0], &array![1.0, 2.0], 0.0).unwrap_err();
/// assert_eq!(wrong.to_string(), "dx[1]: expected 2.0, found 4.0, relative error 1.0e0; 1 of 2 numbers differ");
/// ```
pub fn compare<D: Dimension>(
    output: &str,
    found: &ArrayRef<f64, D>,
    expected: &ArrayRef<f64, impl Dimension>,
    terms: f64,
) -> Same {
    let output = output.to_owned();
    if found.shape() != expected.shape() {
        let (expected, found) = (expected.shape().to_vec(), found.shape().to_vec());
        return Err(Box::new(Difference::Shape { output, expected, found }));
    }
    let largest = expected.iter().map(|x| x.abs()).filter(|x| x.is_finite()).fold(terms.abs(), f64::max);
    let pairs = || found.iter().copied().zip(expected.iter().copied());
    let differs = |(found, expected): (f64, f64)| {
        // Equal infinities have no difference that is a number. A NaN is within nothing.
        let within = (found - expected).abs() <= RELATIVE * expected.abs() + OF_LARGEST * largest;
        found != expected && !(within && found.is_finite() && expected.is_finite())
    };
    let Some(first) = pairs().position(differs) else { return Ok(()) };
    let (one_found, one_expected) = pairs().nth(first).expect("a position of this iterator");
    let wrong = pairs().filter(|&pair| differs(pair)).count();
    Err(Box::new(Difference::Number {
        output,
        index: place(expected.shape(), first),
        expected: format!("{one_expected:?}"),
        found: format!("{one_found:?}"),
        relative_error: format!("{:.1e}", ((one_found - one_expected) / one_expected).abs()),
        wrong: (wrong, expected.len()),
        factor: factor(pairs()).map(|factor| format!("{factor:.6}")),
    }))
}

/// The index of the number that stands at this place in row-major order.
fn place(shape: &[usize], mut at: usize) -> Vec<usize> {
    let mut index: Vec<_> = shape
        .iter()
        .rev()
        .map(|&size| {
            let index = at % size;
            at /= size;
            index
        })
        .collect();
    index.reverse();
    index
}

/// The factor by which all numbers are wrong, if it is the same and two numbers or more tell.
fn factor(pairs: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let mut told: Vec<f64> = Vec::new();
    for (found, expected) in pairs.filter(|&pair| pair != (0.0, 0.0)) {
        told.push(found / expected);
    }
    let first = *told.first().filter(|first| first.is_finite() && **first != 0.0)?;
    (told.len() > 1 && told.iter().all(|factor| (factor - first).abs() <= 1e-8 * first.abs())).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradus::ndarray::{Array2, arr0, array};

    fn says(found: f64, expected: f64) -> Option<String> {
        compare("y", &arr0(found), &arr0(expected), 0.0).err().map(|difference| difference.to_string())
    }

    #[test]
    fn the_tolerance_is_relative() {
        assert_eq!(says(1e-200 * (1.0 + 5e-11), 1e-200), None);
        assert_eq!(says(1e200 * (1.0 + 5e-11), 1e200), None);
        assert!(says(1e-200 * (1.0 + 2e-10), 1e-200).is_some());
        assert!(says(0.0, 1e-200).is_some());
    }

    #[test]
    fn what_is_not_finite_equals_only_itself() {
        assert_eq!(says(f64::INFINITY, f64::INFINITY), None);
        assert!(says(f64::NAN, 1.0).is_some_and(|text| text == "y: expected 1.0, found NaN, relative error NaN"));
        assert!(says(f64::INFINITY, 1.0).is_some());
        assert!(says(1.0, f64::INFINITY).is_some());
        assert!(says(f64::NEG_INFINITY, f64::INFINITY).is_some());
        assert!(says(1e-30, 0.0).is_some_and(|text| text.ends_with("relative error inf")));
    }

    #[test]
    fn terms_that_cancel_widen_the_tolerance() {
        assert!(compare("y", &arr0(1e-14), &arr0(0.0), 1.0).is_ok());
        assert!(compare("y", &arr0(1e-14), &arr0(0.0), 1e-5).is_err());
    }

    #[test]
    fn the_first_difference_has_its_index() {
        let (found, expected) = (array![[1.0, 2.0, 3.0], [4.0, 0.0, 0.0]], array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
        let difference = compare("dw", &found, &expected, 0.0).unwrap_err();
        let text = "dw[1, 1]: expected 5.0, found 0.0, relative error 1.0e0; 2 of 6 numbers differ";
        assert_eq!(difference.to_string(), text);
    }

    #[test]
    fn one_factor_for_all_is_told() {
        let difference = compare("dw", &array![1.0, -2.0, 0.0], &array![2.0, -4.0, 0.0], 0.0).unwrap_err();
        let text =
            "dw[0]: expected 2.0, found 1.0, relative error 5.0e-1; 2 of 3 numbers differ, all by the factor 0.500000";
        assert_eq!(difference.to_string(), text);
    }

    #[test]
    fn a_shape_that_differs_is_told() {
        let difference = compare("dw", &Array2::zeros((2, 3)), &Array2::<f64>::zeros((3, 2)), 0.0).unwrap_err();
        assert_eq!(difference.to_string(), "dw has the shape (2, 3), expected (3, 2)");
    }
}
