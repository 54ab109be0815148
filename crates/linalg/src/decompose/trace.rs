//! The trace.

use crate::{Error, Real, Result};
use ndarray::ArrayRef2;

/// The trace `Σ aᵢᵢ`, which is also the sum of the eigenvalues.
///
/// # Examples
/// ```
/// use gradus_linalg::{ndarray::array, trace};
/// assert_eq!(trace(&array![[1.0, 2.0], [3.0, 4.0]])?, 5.0);
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
///
/// # Errors
/// [`Error::NotSquare`].
pub fn trace<F: Real>(a: &ArrayRef2<F>) -> Result<F> {
    if a.nrows() != a.ncols() {
        return Err(Error::NotSquare { operation: "trace", shape: a.shape().to_vec() });
    }
    Ok(a.diag().iter().copied().sum())
}
