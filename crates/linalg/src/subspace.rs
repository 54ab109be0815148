//! Projections onto hyperplanes and subspaces, and orthonormal bases.

use crate::{Error, Real, Result, l2_norm, matvec, rows};
use ndarray::{Array1, Array2, ArrayRef1, ArrayRef2, Axis};

/// The point of a hyperplane nearest to a vector.
///
/// ```text
/// the hyperplane  { z : n · z = b }        p = x − (n · x − b) / (n · n) · n
/// ```
///
/// The step from `x` to `p` is along the normal `n`; with `b` 0 the plane goes through the origin.
///
/// # Examples
/// ```
/// use gradus_linalg::{ndarray::array, project_onto_hyperplane};
/// let p = project_onto_hyperplane(&array![2.0, 3.0], &array![0.0, 5.0], 5.0)?; // the line at height 1
/// assert_eq!(p, array![2.0, 1.0]);
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
///
/// # Errors
/// [`Error::ShapesDiffer`] if the lengths differ, [`Error::ZeroVector`] if the normal is zero.
pub fn project_onto_hyperplane<F: Real>(x: &ArrayRef1<F>, normal: &ArrayRef1<F>, offset: F) -> Result<Array1<F>> {
    const OPERATION: &str = "project_onto_hyperplane";
    if x.len() != normal.len() {
        let (left, right) = (x.shape().to_vec(), normal.shape().to_vec());
        return Err(Error::ShapesDiffer { operation: OPERATION, left, right });
    }
    let length = l2_norm(normal);
    if length == F::zero() {
        return Err(Error::ZeroVector { operation: OPERATION, operand: "normal" });
    }
    let unit = normal.mapv(|n| n / length);
    let height = crate::dot(x, &unit)? - offset / length;
    Ok(x.iter().zip(&unit).map(|(&x, &u)| x - height * u).collect())
}

/// The point of a subspace nearest to a vector: the subspace is all that the columns of a matrix span.
///
/// ```text
/// p = Q Qᵀ x,  Q an orthonormal basis of the columns (Gram–Schmidt)
/// ```
///
/// What is left, `x − p`, is orthogonal to each column.
///
/// # Shapes
/// `x (n)`, `columns (n, k)`, result `(n)`
///
/// # Examples
/// ```
/// use gradus_linalg::{ndarray::array, project_onto_subspace};
/// let plane = array![[1.0, 1.0], [0.0, 2.0], [0.0, 0.0]]; // spanned by (1, 0, 0) and (1, 2, 0)
/// let p = project_onto_subspace(&array![3.0, 4.0, 5.0], &plane)?;
/// assert_eq!(p, array![3.0, 4.0, 0.0]);
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
///
/// # Errors
/// [`Error::InnerDimensions`] if the columns are not as long as the vector, [`Error::Dependent`] as in [`gram_schmidt`].
pub fn project_onto_subspace<F: Real>(x: &ArrayRef1<F>, columns: &ArrayRef2<F>) -> Result<Array1<F>> {
    if columns.nrows() != x.len() {
        let (left, right) = (vec![1, x.len()], columns.shape().to_vec());
        return Err(Error::InnerDimensions { operation: "project_onto_subspace", left, right });
    }
    let basis = orthonormal("project_onto_subspace", columns)?;
    matvec(&basis, &matvec(&basis.t(), x)?)
}

/// An orthonormal basis of what the columns of a matrix span, by the modified Gram–Schmidt process.
///
/// ```text
/// for each column aⱼ:  v ← aⱼ;  twice:  v ← v − (qᵢ · v) qᵢ for each i < j;  qⱼ = v / ‖v‖
/// ```
///
/// Taking the projections away a second time makes the basis orthogonal to the last digits, however nearly dependent the columns
/// are (Kahan: "twice is enough"). The first `j` vectors of the basis span what the first `j` columns do.
///
/// # Shapes
/// `columns (n, k)`, result `(n, k)`
///
/// # Examples
/// ```
/// use gradus_linalg::{gram_schmidt, ndarray::array};
/// let q = gram_schmidt(&array![[3.0, 1.0], [0.0, 2.0]])?;
/// assert_eq!(q, array![[1.0, 0.0], [0.0, 1.0]]);
/// let error = gram_schmidt(&array![[1.0, 2.0], [1.0, 2.0]]).unwrap_err();
/// assert!(error.to_string().starts_with("gram_schmidt: vector 1 is dependent on those before it"));
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
///
/// # Errors
/// [`Error::Dependent`] for the first column of which, up to rounding, nothing is left: it is zero, or a combination of those
/// before it.
///
/// # References
/// Å. Björck, *Numerics of Gram–Schmidt orthogonalization*, Linear Algebra and its Applications 197, 1994; B. N. Parlett, *The
/// Symmetric Eigenvalue Problem*, 1980, §6.9.
pub fn gram_schmidt<F: Real>(columns: &ArrayRef2<F>) -> Result<Array2<F>> {
    orthonormal("gram_schmidt", columns)
}

fn orthonormal<F: Real>(operation: &'static str, columns: &ArrayRef2<F>) -> Result<Array2<F>> {
    // Vectors lie along rows while they are worked on.
    let mut basis = columns.t().as_standard_layout().into_owned();
    let n = F::from_f64(columns.nrows() as f64);
    for j in 0..basis.nrows() {
        let (before, mut rest) = basis.view_mut().split_at(Axis(0), j);
        let mut v = rest.row_mut(0);
        let length = l2_norm(&v);
        let error = |rest: F| Error::Dependent { operation, index: j, rest: rest.to_f64() };
        if length == F::zero() {
            return Err(error(F::zero()));
        }
        v.mapv_inplace(|x| x / length);
        for _ in 0..2 {
            for q in before.rows() {
                let (q, v) = (q.as_slice(), v.as_slice_mut());
                let (q, v) = q.zip(v).expect("rows of a row-major matrix are slices");
                let part = rows::dot(q, v);
                v.iter_mut().zip(q).for_each(|(v, &q)| *v -= part * q);
            }
        }
        let left = l2_norm(&v);
        if left.is_nan() || left <= n * F::EPSILON {
            return Err(error(left));
        }
        v.mapv_inplace(|x| x / left);
    }
    Ok(basis.reversed_axes())
}
