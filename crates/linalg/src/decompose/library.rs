//! The library that factors matrices: all that this crate asks of faer, in one place.
//!
//! Every call is in `f64`, on one thread, and on elements whose largest is from 1 to 4.

use crate::{Real, max_norm};
use faer::diag::DiagMut;
use faer::dyn_stack::{MemBuffer, MemStack, StackReq};
use faer::linalg::{cholesky::llt, evd, householder, lu::partial_pivoting, qr::no_pivoting, svd};
use faer::{Conj, MatMut, MatRef, Par};
use ndarray::{Array1, Array2, ArrayRef, ArrayRef2, Dimension, ShapeBuilder};
use num_complex::Complex;

/// A scalar whose matrices can be factored: `f32` and `f64`.
///
/// The library computes in `f64`; the factors are rounded to the scalar once, at the end, so that those of an `f32` matrix
/// are right to all the digits that its condition allows. That asks of a scalar that [`Real::to_f64`] tells all of it. It does
/// of any plain floating-point number, and for one of yours an empty `impl` is enough; it does not of a dual number,
/// whose derivative would be lost.
pub trait Factorize: Real {}

impl Factorize for f32 {}
impl Factorize for f64 {}

/// The matrix in column-major `f64`, divided by the power of four that brings its largest element into `[1, 4)`; and that power.
///
/// Squares then neither overflow nor vanish, and as only exponents change, nothing is rounded. The root of a power of four is exact, too.
pub(super) fn scaled<F: Factorize>(a: &ArrayRef2<F>) -> (Array2<f64>, f64) {
    // Subnormal numbers count as the smallest normal one. An odd biased exponent is an even power of two.
    let exponent = (max_norm(a).to_f64().to_bits() >> 52).max(1);
    let scale = f64::from_bits((exponent - 1 + exponent % 2) << 52);
    let mut scaled = Array2::zeros(a.raw_dim().f());
    scaled.zip_mut_with(a, |to, x| *to = x.to_f64() / scale);
    (scaled, scale)
}

/// The same numbers in `f64`.
pub(super) fn widen<F: Factorize, D: Dimension>(a: &ArrayRef<F, D>) -> ndarray::Array<f64, D> {
    a.map(|x| x.to_f64())
}

/// The numbers times `scale`, rounded to the scalar, in row-major memory.
pub(super) fn narrow<F: Factorize, D: Dimension>(a: &ArrayRef<f64, D>, scale: f64) -> ndarray::Array<F, D> {
    let mut narrow = ndarray::Array::zeros(a.raw_dim());
    narrow.zip_mut_with(a, |to, &x| *to = F::from_f64(x * scale));
    narrow
}

/// Iterations after which the library gives up on a problem of size `n`.
pub(super) fn iterations(n: usize) -> usize {
    n.saturating_mul(n).saturating_mul(32)
}

/// `P A = L U` in the place of a square `A`; row `i` of `P A` is row `order[i]` of `A`. Where a pivot is 0, what follows is not finite.
pub(super) fn lu(a: &mut Array2<f64>) -> Vec<usize> {
    let n = a.nrows();
    let (mut order, mut inverse) = (vec![0_usize; n], vec![0_usize; n]);
    let request = partial_pivoting::factor::lu_in_place_scratch::<usize, f64>(n, n, Par::Seq, Default::default());
    with_memory(request, |memory| {
        let a = of_mut(a);
        partial_pivoting::factor::lu_in_place(a, &mut order, &mut inverse, Par::Seq, memory, Default::default());
    });
    order
}

/// `L` of `A = L Lᵀ` in the lower half of the place of `A`, of which only that half is read; else the pivot that is not positive.
pub(super) fn cholesky(a: &mut Array2<f64>) -> Result<(), usize> {
    let request = llt::factor::cholesky_in_place_scratch::<f64>(a.nrows(), Par::Seq, Default::default());
    with_memory(request, |memory| {
        let result =
            llt::factor::cholesky_in_place(of_mut(a), Default::default(), Par::Seq, memory, Default::default());
        result.map(drop).map_err(|llt::factor::LltError::NonPositivePivot { index }| index)
    })
}

/// `R` on and above the diagonal of the place of `A`, the normals of the mirrors below it; returns the mirrors' coefficients.
pub(super) fn qr(a: &mut Array2<f64>) -> Array2<f64> {
    let (m, n) = a.dim();
    let block = no_pivoting::factor::recommended_block_size::<f64>(m, n);
    let mut coefficients = Array2::zeros((block, m.min(n)).f());
    let request = no_pivoting::factor::qr_in_place_scratch::<f64>(m, n, block, Par::Seq, Default::default());
    with_memory(request, |memory| {
        let (a, coefficients) = (of_mut(a), of_mut(&mut coefficients));
        no_pivoting::factor::qr_in_place(a, coefficients, Par::Seq, memory, Default::default());
    });
    coefficients
}

/// `X ← Q X`, or `Qᵀ X` if `transposed`, by the square `Q` whose mirrors [`qr`] has found.
pub(super) fn reflect(factors: &Array2<f64>, coefficients: &Array2<f64>, x: &mut Array2<f64>, transposed: bool) {
    let (mirrors, coefficients) = (of(factors).subcols(0, coefficients.ncols()), of(coefficients));
    let (m, block, width) = (mirrors.nrows(), coefficients.nrows(), x.ncols());
    if transposed {
        let request = householder::apply_block_householder_sequence_transpose_on_the_left_in_place_scratch::<f64>(
            m, block, width,
        );
        with_memory(request, |memory| {
            householder::apply_block_householder_sequence_transpose_on_the_left_in_place_with_conj(
                mirrors,
                coefficients,
                Conj::No,
                of_mut(x),
                Par::Seq,
                memory,
            );
        });
    } else {
        let request =
            householder::apply_block_householder_sequence_on_the_left_in_place_scratch::<f64>(m, block, width);
        with_memory(request, |memory| {
            householder::apply_block_householder_sequence_on_the_left_in_place_with_conj(
                mirrors,
                coefficients,
                Conj::No,
                of_mut(x),
                Par::Seq,
                memory,
            );
        });
    }
}

/// `U`, the singular values in descending order, and `V`; none without convergence.
pub(super) fn svd(a: &Array2<f64>) -> Option<(Array2<f64>, Array1<f64>, Array2<f64>)> {
    let ((m, n), size) = (a.dim(), a.nrows().min(a.ncols()));
    let (mut u, mut v) = (Array2::zeros((m, size).f()), Array2::zeros((n, size).f()));
    let values = svd_into(a, Some((&mut u, &mut v)))?;
    all_finite(&u).then_some(())?;
    all_finite(&v).then_some((u, values, v))
}

/// The singular values alone.
pub(super) fn singular_values(a: &Array2<f64>) -> Option<Array1<f64>> {
    svd_into(a, None)
}

fn svd_into(a: &Array2<f64>, vectors: Option<(&mut Array2<f64>, &mut Array2<f64>)>) -> Option<Array1<f64>> {
    let (m, n) = a.dim();
    let mut values = vec![0.0; m.min(n)];
    let wanted = if vectors.is_some() { svd::ComputeSvdVectors::Thin } else { svd::ComputeSvdVectors::No };
    let request = svd::svd_scratch::<f64>(m, n, wanted, wanted, Par::Seq, Default::default());
    let (u, v) = vectors.map(|(u, v)| (of_mut(u), of_mut(v))).unzip();
    with_memory(request, |memory| {
        svd::svd(of(a), DiagMut::from_slice_mut(&mut values), u, v, Par::Seq, memory, Default::default()).ok()
    })?;
    finite(values)
}

/// Eigenvalues in ascending order, and eigenvectors as columns, of a symmetric matrix of which only the lower half is read.
pub(super) fn symmetric_eigen(a: &Array2<f64>) -> Option<(Array1<f64>, Array2<f64>)> {
    let n = a.nrows();
    let (mut values, mut vectors) = (vec![0.0; n], Array2::zeros((n, n).f()));
    let wanted = evd::ComputeEigenvectors::Yes;
    let request = evd::self_adjoint_evd_scratch::<f64>(n, wanted, Par::Seq, Default::default());
    with_memory(request, |memory| {
        let (values, vectors) = (DiagMut::from_slice_mut(&mut values), Some(of_mut(&mut vectors)));
        evd::self_adjoint_evd(of(a), values, vectors, Par::Seq, memory, Default::default()).ok()
    })?;
    all_finite(&vectors).then_some((finite(values)?, vectors))
}

/// The eigenvalues of a square matrix.
pub(super) fn eigenvalues(a: &Array2<f64>) -> Option<Vec<Complex<f64>>> {
    let n = a.nrows();
    let (mut re, mut im) = (vec![0.0; n], vec![0.0; n]);
    let no = evd::ComputeEigenvectors::No;
    let request = evd::evd_scratch::<f64>(n, no, no, Par::Seq, Default::default());
    with_memory(request, |memory| {
        let (re, im) = (DiagMut::from_slice_mut(&mut re), DiagMut::from_slice_mut(&mut im));
        evd::evd_real(of(a), re, im, None, None, Par::Seq, memory, Default::default()).ok()
    })?;
    Some(finite(re)?.iter().zip(finite(im)?).map(|(&re, im)| Complex::new(re, im)).collect())
}

/// Of finite input, anything else would be an iteration that went astray.
fn finite(values: Vec<f64>) -> Option<Array1<f64>> {
    let values = Array1::from(values);
    all_finite(&values).then_some(values)
}

/// No number is infinite or NaN.
pub(super) fn all_finite<D: Dimension>(a: &ArrayRef<f64, D>) -> bool {
    a.iter().all(|x| x.is_finite())
}

fn with_memory<T>(request: StackReq, call: impl FnOnce(&mut MemStack) -> T) -> T {
    call(MemStack::new(&mut MemBuffer::new(request)))
}

fn of(a: &Array2<f64>) -> MatRef<'_, f64> {
    let (m, n) = a.dim();
    match (a.as_slice(), a.t().to_slice()) {
        (Some(rows), _) => MatRef::from_row_major_slice(rows, m, n),
        (None, Some(columns)) => MatRef::from_column_major_slice(columns, m, n),
        (None, None) => unreachable!("whole arrays only are given to the library"),
    }
}

fn of_mut(a: &mut Array2<f64>) -> MatMut<'_, f64> {
    let (m, n) = a.dim();
    if a.is_standard_layout() {
        let rows = a.as_slice_mut().expect("asked above");
        return MatMut::from_row_major_slice_mut(rows, m, n);
    }
    let columns = a.view_mut().reversed_axes().into_slice().expect("whole arrays only are given to the library");
    MatMut::from_column_major_slice_mut(columns, m, n)
}
