//! Mean, variance, covariance, correlation and standardization of data, along an axis.
//!
//! All take two passes: first the mean, then what is left of it. The one-pass formula `E[x²] − E[x]²` subtracts two large numbers
//! and can lose every digit. Sums run in the fixed tree of [`rows::sum`], whatever the strides.

use crate::{Error, Real, Result, memory, rows};
use ndarray::{Array, Array1, Array2, ArrayRef, ArrayRef1, ArrayRef2, Axis, RemoveAxis};

/// The mean along an axis, `m = Σ xᵢ / n`.
///
/// # Shapes
/// The result has the array's shape without the axis.
///
/// # Errors
/// [`Error::Axis`] if the axis is not there, [`Error::Observations`] if it is empty.
///
/// # Examples
/// ```
/// use gradus_linalg::{ndarray::array, statistics::mean};
/// assert_eq!(mean(&array![[1.0, 2.0], [3.0, 6.0]], 0)?, array![2.0, 4.0]);
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
pub fn mean<F: Real, D: RemoveAxis>(x: &ArrayRef<F, D>, axis: usize) -> Result<Array<F, D::Smaller>> {
    along("mean", x, axis, 1, rows::mean)
}

/// The variance along an axis.
///
/// ```text
/// s² = Σ (xᵢ − m)² / (n − correction),  m = Σ xᵢ / n
/// ```
///
/// `correction` 0 is the variance of the numbers themselves; 1 (Bessel's) estimates that of what they were drawn from.
///
/// # Errors
/// [`Error::Axis`] if the axis is not there, [`Error::Observations`] if it is no longer than `correction`.
///
/// # Examples
/// ```
/// use gradus_linalg::{ndarray::array, statistics::variance};
/// assert_eq!(variance(&array![1e9, 1e9 + 2.0], 0, 1)?, gradus_linalg::ndarray::arr0(2.0));
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
///
/// # References
/// T. F. Chan, G. H. Golub, R. J. LeVeque, *Algorithms for computing the sample variance*, The American Statistician 37, 1983.
pub fn variance<F: Real, D: RemoveAxis>(
    x: &ArrayRef<F, D>,
    axis: usize,
    correction: usize,
) -> Result<Array<F, D::Smaller>> {
    along("variance", x, axis, correction.saturating_add(1), |row| rows::variance(row, correction))
}

/// The covariances of variables, of which a matrix holds one in each column and an observation in each row.
///
/// ```text
/// Cⱼₖ = Σᵢ (xᵢⱼ − mⱼ)(xᵢₖ − mₖ) / (n − correction)
/// ```
///
/// # Shapes
/// `x (n, p)`, result `(p, p)`
///
/// # Errors
/// [`Error::Observations`] if there are no more rows than `correction`.
///
/// # Examples
/// ```
/// use gradus_linalg::{ndarray::array, statistics::covariance};
/// let x = array![[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]];
/// assert_eq!(covariance(&x, 1)?, array![[1.0, 2.0], [2.0, 4.0]]);
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
pub fn covariance<F: Real>(x: &ArrayRef2<F>, correction: usize) -> Result<Array2<F>> {
    observations("covariance", x.nrows(), correction.saturating_add(1))?;
    let centred = centred(x)?;
    let scale = F::one() / count::<F>(x.nrows() - correction);
    let mut c = memory::array((x.ncols(), x.ncols()));
    F::gemm(scale, centred.t(), centred.view(), F::zero(), c.view_mut());
    memory::give_array(centred);
    // Symmetric to the last bit, whichever way the product went.
    for i in 0..c.nrows() {
        for j in 0..i {
            c[[i, j]] = c[[j, i]];
        }
    }
    Ok(c)
}

/// Pearson's correlations of variables, from −1 to 1; layout as for [`covariance`].
///
/// ```text
/// Rⱼₖ = Cⱼₖ / √(Cⱼⱼ Cₖₖ)
/// ```
///
/// A variable that does not vary has no correlation: NaN, as 0/0.
///
/// # Errors
/// [`Error::Observations`] if there are no rows.
///
/// # Examples
/// ```
/// use gradus_linalg::{ndarray::array, statistics::correlation};
/// let x = array![[0.0, 3.0], [0.0, -3.0], [4.0, 0.0], [-4.0, 0.0]];
/// assert_eq!(correlation(&x)?, array![[1.0, 0.0], [0.0, 1.0]]);
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
pub fn correlation<F: Real>(x: &ArrayRef2<F>) -> Result<Array2<F>> {
    observations("correlation", x.nrows(), 1)?;
    let mut centred = centred(x)?;
    for mut column in centred.columns_mut() {
        let length = crate::l2_norm(&column);
        column.mapv_inplace(|x| x / length);
    }
    let mut r = memory::array((x.ncols(), x.ncols()));
    F::gemm(F::one(), centred.t(), centred.view(), F::zero(), r.view_mut());
    memory::give_array(centred);
    for i in 0..r.nrows() {
        if !r[[i, i]].is_nan() {
            r[[i, i]] = F::one();
        }
        for j in 0..i {
            // Rounding may carry a product of unit vectors past 1.
            let bounded = r[[j, i]].maximum(-F::one()).minimum(F::one());
            (r[[i, j]], r[[j, i]]) = (bounded, bounded);
        }
    }
    Ok(r)
}

/// What [`standardize`] took from each column and divided it by, to do the same to other data: a test set is standardized with
/// the numbers of the training set.
#[derive(Debug, Clone, PartialEq)]
pub struct Standardization<F = f32> {
    /// The columns' means.
    pub mean: Array1<F>,
    /// The columns' standard deviations; 1 where one is 0, so that a column that does not vary becomes 0.
    pub scale: Array1<F>,
}

/// Brings each column to mean 0 and standard deviation 1.
///
/// ```text
/// zᵢⱼ = (xᵢⱼ − mⱼ) / sⱼ,  sⱼ² = Σᵢ (xᵢⱼ − mⱼ)² / n
/// ```
///
/// # Errors
/// [`Error::Observations`] if there are no rows.
///
/// # Examples
/// ```
/// use gradus_linalg::{ndarray::array, statistics::standardize};
/// let (z, by) = standardize(&array![[1.0, 5.0], [3.0, 5.0]])?;
/// assert_eq!(z, array![[-1.0, 0.0], [1.0, 0.0]]);
/// assert_eq!(by.apply(&array![[5.0, 6.0]])?, array![[3.0, 1.0]]);
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
pub fn standardize<F: Real>(x: &ArrayRef2<F>) -> Result<(Array2<F>, Standardization<F>)> {
    let mean = along("standardize", x, 0, 1, rows::mean)?;
    let scale = along("standardize", x, 0, 1, |row| {
        let deviation = rows::variance(row, 0).maximum(F::zero()).sqrt();
        if deviation == F::zero() { F::one() } else { deviation }
    })?;
    let by = Standardization { mean, scale };
    Ok((by.apply(x)?, by))
}

impl<F: Real> Standardization<F> {
    /// `(x − mean) / scale`
    ///
    /// # Errors
    /// [`Error::Broadcast`] if `x` has another number of columns.
    pub fn apply(&self, x: &ArrayRef2<F>) -> Result<Array2<F>> {
        self.fits("standardize", x)?;
        let centred = with_row(x, &self.mean, |x, mean| x - mean);
        Ok(with_row(&centred, &self.scale, |x, scale| x / scale))
    }

    /// `z · scale + mean`, back to the units of the data.
    ///
    /// # Errors
    /// [`Error::Broadcast`] if `z` has another number of columns.
    pub fn invert(&self, z: &ArrayRef2<F>) -> Result<Array2<F>> {
        self.fits("standardize, inverted", z)?;
        let scaled = with_row(z, &self.scale, |z, scale| z * scale);
        Ok(with_row(&scaled, &self.mean, |z, mean| z + mean))
    }

    fn fits(&self, operation: &'static str, x: &ArrayRef2<F>) -> Result<()> {
        if x.ncols() == self.mean.len() {
            return Ok(());
        }
        Err(Error::Broadcast { operation, left: x.shape().to_vec(), right: vec![self.mean.len()] })
    }
}

/// A matrix without its columns' means. What rounding left of them is taken away, too.
fn centred<F: Real>(x: &ArrayRef2<F>) -> Result<Array2<F>> {
    let centred = with_row(x, &mean(x, 0)?, |x, mean| x - mean);
    let rest = mean(&centred, 0)?;
    Ok(with_row(&centred, &rest, |x, rest| x - rest))
}

/// `f` of each element and the one of `row` in its column.
fn with_row<F: Real>(x: &ArrayRef2<F>, row: &ArrayRef1<F>, f: impl Fn(F, F) -> F) -> Array2<F> {
    let mut y = x.to_owned();
    for mut line in y.rows_mut() {
        line.zip_mut_with(row, |x, &r| *x = f(*x, r));
    }
    y
}

fn along<F: Real, D: RemoveAxis>(
    operation: &'static str,
    x: &ArrayRef<F, D>,
    axis: usize,
    least: usize,
    f: impl Fn(&[F]) -> F,
) -> Result<Array<F, D::Smaller>> {
    if axis >= x.ndim() {
        return Err(Error::Axis { operation, axis, shape: x.shape().to_vec() });
    }
    observations(operation, x.shape()[axis], least)?;
    let mut buffer = memory::take(x.shape()[axis]);
    let y = x.map_axis(Axis(axis), |lane| match lane.as_slice() {
        Some(lane) => f(lane),
        None => {
            buffer.iter_mut().zip(lane).for_each(|(b, &x)| *b = x);
            f(&buffer)
        }
    });
    memory::give(buffer);
    Ok(y)
}

fn observations(operation: &'static str, found: usize, least: usize) -> Result<()> {
    if found >= least { Ok(()) } else { Err(Error::Observations { operation, found, least }) }
}

fn count<F: Real>(n: usize) -> F {
    F::from_f64(n as f64)
}
