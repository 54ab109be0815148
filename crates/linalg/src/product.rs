//! Matrix products with their shapes checked.

use crate::{Error, Gathered, Pack, Packed, Real, Result, memory};
use ndarray::{Array2, ArrayRef2, ArrayView2, ArrayViewMut2};

/// General matrix product `C ← α A B + β C`, into existing memory.
///
/// Any strides will do: pass `a.t()` for a transpose, nothing is copied. With `beta` 0 the old values of `c` are not
/// read, so that NaN in them does not matter.
///
/// # Shapes
/// `A (m, k)`, `B (k, n)`, `C (m, n)`
///
/// # Errors
/// [`Error::InnerDimensions`] or [`Error::Destination`] where the shapes do not fit.
///
/// # Examples
/// ```
/// use gradus_linalg::{gemm, ndarray::array};
/// let a = array![[1.0, 2.0], [3.0, 4.0]];
/// let mut c = array![[1.0, 1.0], [1.0, 1.0]];
/// gemm(1.0, &a, &a.t(), 10.0, &mut c)?;
/// assert_eq!(c, array![[15.0, 21.0], [21.0, 35.0]]);
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
pub fn gemm<F: Real>(alpha: F, a: &ArrayRef2<F>, b: &ArrayRef2<F>, beta: F, c: &mut ArrayRef2<F>) -> Result<()> {
    check_inner("gemm", a, b)?;
    if c.dim() != (a.nrows(), b.ncols()) {
        let (expected, found) = (vec![a.nrows(), b.ncols()], c.shape().to_vec());
        return Err(Error::Destination { operation: "gemm", expected, found });
    }
    F::gemm(alpha, a.view(), b.view(), beta, c.view_mut());
    Ok(())
}

/// Matrix product with something added, `C ← α A B + β D`, into existing memory whose old values are not read.
///
/// `D` is added to each tile of the product while that is in registers: a bias costs no pass over memory of its own. With
/// `beta` 0 it is not read.
///
/// # Shapes
/// `A (m, k)`, `B (k, n)`, `C` and `D` `(m, n)`; a view of a broadcast row will do for `D`
///
/// # Errors
/// [`Error::InnerDimensions`] or [`Error::Destination`] where the shapes do not fit.
///
/// # Examples
/// ```
/// use gradus_linalg::{gemm_add, ndarray::{Array2, array}};
/// let (x, w, bias) = (array![[1.0, 2.0], [3.0, 4.0]], array![[1.0], [1.0]], array![[10.0]]);
/// let mut y = Array2::zeros((2, 1));
/// gemm_add(1.0, &x, &w, 1.0, &bias.broadcast((2, 1)).expect("one row for all"), &mut y)?;
/// assert_eq!(y, array![[13.0], [17.0]]);
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
pub fn gemm_add<F: Real>(
    alpha: F,
    a: &ArrayRef2<F>,
    b: &ArrayRef2<F>,
    beta: F,
    d: &ArrayRef2<F>,
    c: &mut ArrayRef2<F>,
) -> Result<()> {
    check_inner("gemm_add", a, b)?;
    for found in [d.dim(), c.dim()] {
        if found != (a.nrows(), b.ncols()) {
            let (expected, found) = (vec![a.nrows(), b.ncols()], vec![found.0, found.1]);
            return Err(Error::Destination { operation: "gemm_add", expected, found });
        }
    }
    F::gemm_add(alpha, a.view(), b.view(), beta, d.view(), c.view_mut());
    Ok(())
}

/// Matrix product `A B` into new memory.
///
/// # Shapes
/// `A (m, k)`, `B (k, n)`, result `(m, n)`
///
/// # Errors
/// [`Error::InnerDimensions`] if the inner dimensions differ.
///
/// # Examples
/// ```
/// use gradus_linalg::{matmul, ndarray::array};
/// let c = matmul(&array![[1.0, 2.0]], &array![[3.0], [4.0]])?;
/// assert_eq!(c, array![[11.0]]);
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
pub fn matmul<F: Real>(a: &ArrayRef2<F>, b: &ArrayRef2<F>) -> Result<Array2<F>> {
    check_inner("matmul", a, b)?;
    let mut c = memory::array((a.nrows(), b.ncols()));
    F::gemm(F::one(), a.view(), b.view(), F::zero(), c.view_mut());
    Ok(c)
}

/// General matrix product `C ← α A B + β C` of operands that [pack](Pack) themselves.
///
/// The left operand's lines are the rows of `A`, the right one's the columns of `B`: to multiply by a matrix, pass
/// `&b.t()`. Arrays, too, can be given: `&a.view()`.
///
/// # Shapes
/// left: `m` lines of depth `k`; right: `n` lines of depth `k`; `C (m, n)`
///
/// # Errors
/// [`Error::InnerDimensions`] or [`Error::Destination`] where the shapes do not fit.
///
/// # Examples
/// See [`Pack`].
pub fn gemm_packed<F: Real>(
    alpha: F,
    left: &dyn Pack<F>,
    right: &dyn Pack<F>,
    beta: F,
    c: &mut ArrayRef2<F>,
) -> Result<()> {
    let (m, n, k) = (left.lines(), right.lines(), left.depth());
    if right.depth() != k {
        let (left, right) = (vec![m, k], vec![right.depth(), n]);
        return Err(Error::InnerDimensions { operation: "gemm_packed", left, right });
    }
    if c.dim() != (m, n) {
        let (expected, found) = (vec![m, n], c.shape().to_vec());
        return Err(Error::Destination { operation: "gemm_packed", expected, found });
    }
    F::gemm_packed(alpha, left, right, beta, c.view_mut());
    Ok(())
}

/// Matrix product `C ← α A B + β D` with a left operand that is read through a table, as the patches of an image are, and a
/// right one that has been packed.
///
/// ```text
/// A[r · lines + i, p] = data[starts[r] + i · line + offsets[p]]
/// ```
///
/// `C` may have any strides, and without `D` is its own: `C ← α A B + β C`. A row of numbers to be added to each row of the
/// product is a `D` that is broadcast from it.
///
/// # Shapes
/// `A`: `m` lines of depth `k`; `B`: `n` lines of depth `k`; `C` and `D` `(m, n)`
///
/// # Errors
/// [`Error::InnerDimensions`] or [`Error::Destination`] where the shapes do not fit.
///
/// # Examples
/// Sums of a window of three numbers, and their differences, as it moves over a signal: no window is ever written down.
/// ```
/// use gradus_linalg::{Gathered, Offsets, Packed, gemm_gathered, ndarray::{Array2, array}};
/// let signal = [1.0, 2.0, 4.0, 8.0, 16.0];
/// let window = Offsets::new([0, 1, 2]);
/// let windows = Gathered::new(&signal, &[0], (3, 1), &window).expect("three windows fit in the signal");
/// let weights = array![[1.0, 1.0, 1.0], [-1.0, 0.0, 1.0]]; // a line each
/// let mut c = Array2::zeros((3, 2));
/// gemm_gathered(1.0, &windows, &Packed::new(&weights.view()), 0.0, None, &mut c)?;
/// assert_eq!(c, array![[7.0, 3.0], [14.0, 6.0], [28.0, 12.0]]);
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
pub fn gemm_gathered<F: Real>(
    alpha: F,
    a: &Gathered<'_, F>,
    b: &Packed<F>,
    beta: F,
    d: Option<&ArrayRef2<F>>,
    c: &mut ArrayRef2<F>,
) -> Result<()> {
    let (m, n) = (a.lines(), b.lines());
    if a.depth() != b.depth() {
        let (left, right) = (vec![m, a.depth()], vec![b.depth(), n]);
        return Err(Error::InnerDimensions { operation: "gemm_gathered", left, right });
    }
    for shape in [Some(c.shape()), d.map(|d| d.shape())].into_iter().flatten() {
        if shape != [m, n] {
            let (expected, found) = (vec![m, n], shape.to_vec());
            return Err(Error::Destination { operation: "gemm_gathered", expected, found });
        }
    }
    F::gemm_gathered(alpha, a, b, beta, d.map(|d| d.view()), c.view_mut());
    Ok(())
}

/// As its definition has it, for scalars without an engine.
pub(crate) fn gathered<F: Real>(
    alpha: F,
    a: &Gathered<'_, F>,
    b: &Packed<F>,
    beta: F,
    d: Option<ArrayView2<'_, F>>,
    mut c: ArrayViewMut2<'_, F>,
) {
    if let Some(d) = d.filter(|_| !beta.is_zero()) {
        c.assign(&d);
    }
    for (row, mut c) in c.rows_mut().into_iter().enumerate() {
        let place = a.starts[row / a.lines] + row % a.lines * a.line;
        for (j, c) in c.iter_mut().enumerate() {
            let mut sum = F::zero();
            for (p, offset) in a.offsets.as_slice().iter().enumerate() {
                sum += a.data[place + offset] * b.at(j, p);
            }
            *c = if beta.is_zero() { alpha * sum } else { alpha * sum + beta * *c };
        }
    }
}

fn check_inner<F>(operation: &'static str, a: &ArrayRef2<F>, b: &ArrayRef2<F>) -> Result<()> {
    if a.ncols() == b.nrows() {
        return Ok(());
    }
    Err(Error::InnerDimensions { operation, left: a.shape().to_vec(), right: b.shape().to_vec() })
}

/// The product as its definition has it, for scalars without an engine.
pub(crate) fn plain<F: Real>(
    alpha: F,
    a: ArrayView2<'_, F>,
    b: ArrayView2<'_, F>,
    beta: F,
    mut c: ArrayViewMut2<'_, F>,
) {
    if beta == F::zero() {
        c.fill(F::zero());
    } else if beta != F::one() {
        c.mapv_inplace(|x| beta * x);
    }
    for (a_row, mut c_row) in a.rows().into_iter().zip(c.rows_mut()) {
        for (&a_ik, b_row) in a_row.iter().zip(b.rows()) {
            let factor = alpha * a_ik;
            c_row.zip_mut_with(&b_row, |c, &b| *c += factor * b);
        }
    }
}

/// The product of operands that pack themselves, for scalars without an engine: each is written out as a matrix first.
pub(crate) fn unpacked<F: Real>(alpha: F, left: &dyn Pack<F>, right: &dyn Pack<F>, beta: F, c: ArrayViewMut2<'_, F>) {
    let whole = |operand: &dyn Pack<F>| {
        let (lines, depth) = (operand.lines(), operand.depth());
        let mut matrix: Array2<F> = memory::array((depth, lines));
        if lines * depth > 0 {
            let panel = matrix.as_slice_mut().expect("fresh memory is row-major");
            operand.pack(0..lines, 0..depth, lines, panel);
        }
        matrix
    };
    let (a, b) = (whole(left), whole(right));
    F::gemm(alpha, a.t(), b.view(), beta, c);
    memory::give_array(a);
    memory::give_array(b);
}
