//! How far a matrix can be trusted: condition number and rank, with a warning.

use super::library::Factorize;
use super::svd;
use crate::{Error, Result};
use ndarray::ArrayRef2;
use std::fmt::{self, Display, Formatter};

/// What [`conditioning`] finds. `{}` prints it, with the warning if there is one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conditioning {
    /// `κ₂ = σ₁ / σₖ`; infinite for a matrix without full rank.
    pub condition: f64,
    /// The number of singular values above `max(m, n) ε σ₁`.
    pub rank: usize,
    /// What the rank is at most, `min(m, n)`.
    pub full_rank: usize,
    /// From this condition number on there is a warning.
    pub warn_at: f64,
    /// Digits that the scalar has: 15.7 in `f64`, 6.9 in `f32`.
    pub digits: f64,
}

impl Conditioning {
    /// Whether the rank is less than full, or the condition number at the threshold or beyond.
    #[must_use]
    pub fn is_ill(&self) -> bool {
        self.rank < self.full_rank || self.condition >= self.warn_at
    }

    /// Digits of a solution that are left: those of the scalar less those of the condition number, `log₁₀ κ`.
    #[must_use]
    pub fn digits_left(&self) -> f64 {
        (self.digits - self.condition.log10()).max(0.0)
    }
}

impl Display for Conditioning {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "condition number {:.1e}, rank {} of {}", self.condition, self.rank, self.full_rank)?;
        if self.rank < self.full_rank {
            return write!(f, "; warning: rows or columns depend on each other; a solution is not unique, or is none");
        }
        if self.is_ill() {
            let (left, all) = (self.digits_left(), self.digits);
            write!(f, "; warning: at {:.1e} or beyond: about {left:.0} of {all:.0} digits are left", self.warn_at)?;
        }
        Ok(())
    }
}

/// Condition number and rank of a matrix, with a warning from a threshold on.
///
/// `None` is `1/√ε`, 7·10⁷ in `f64` and 3·10³ in `f32`: there half the digits are lost, and all of them where `A` is squared,
/// as normal equations do.
///
/// # Examples
/// ```
/// use gradus_linalg::{conditioning, ndarray::array};
/// let a = array![[1.0, 1.0], [1.0, 1.0 + 1e-9]];
/// let found = conditioning(&a, None)?;
/// assert!(found.is_ill());
/// assert_eq!(
///     found.to_string(),
///     "condition number 4.0e9, rank 2 of 2; warning: at 6.7e7 or beyond: about 6 of 16 digits are left"
/// );
/// assert!(!conditioning(&a, Some(1e12))?.is_ill());
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
///
/// # Errors
/// As [`svd`](crate::svd); [`Error::Setting`] for a threshold below 1 or NaN.
pub fn conditioning<F: Factorize>(a: &ArrayRef2<F>, warn_at: Option<f64>) -> Result<Conditioning> {
    const OPERATION: &str = "conditioning";
    if let Some(value) = warn_at.filter(|at| at.is_nan() || *at < 1.0) {
        return Err(Error::Setting { operation: OPERATION, name: "warn_at", value, fits: "1 or more" });
    }
    let values = svd::values(OPERATION, a)?;
    let epsilon = F::EPSILON.to_f64();
    Ok(Conditioning {
        condition: svd::condition(&values),
        rank: svd::count(&values, svd::usual_rcond::<F>(a.dim())),
        full_rank: values.len(),
        warn_at: warn_at.unwrap_or(1.0 / epsilon.sqrt()),
        digits: -epsilon.log10(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn what_it_says() {
        let say = |a: ndarray::Array2<f64>| conditioning(&a, None).unwrap().to_string();
        assert_eq!(say(array![[4.0, 0.0], [0.0, 1.0]]), "condition number 4.0e0, rank 2 of 2");
        assert_eq!(
            say(array![[1.0, 0.0], [0.0, 0.0]]),
            "condition number inf, rank 1 of 2; \
             warning: rows or columns depend on each other; a solution is not unique, or is none"
        );
        let single = conditioning(&array![[1.0_f32, 0.0], [0.0, 1e-4]], None).unwrap();
        assert!(single.is_ill() && (single.digits_left() - 2.9).abs() < 0.1, "{single}");
        assert!(matches!(conditioning(&array![[1.0]], Some(0.5)), Err(Error::Setting { name: "warn_at", .. })));
    }
}
