//! Reflections that make a matrix triangular.

use super::check::{self, RightSide};
use super::library::{self, Factorize};
use crate::Result;
use ndarray::{Array, Array2, ArrayRef, ArrayRef2, ShapeBuilder, s};
use std::marker::PhantomData;

/// `A = Q R`: what [`qr`] returns.
#[derive(Debug, Clone)]
pub struct Qr<F> {
    mirrors: Mirrors,
    scalar: PhantomData<F>,
}

/// The reflections and what they make of the matrix, as the library keeps them.
#[derive(Debug, Clone)]
pub(super) struct Mirrors {
    /// `R / scale` on and above the diagonal; below it the mirrors' normals.
    factors: Array2<f64>,
    /// How the reflections of a block go together into one product.
    coefficients: Array2<f64>,
    /// What the matrix was divided by.
    scale: f64,
}

/// QR decomposition `A = Q R` by Householder reflections: `Q` with orthonormal columns, `R` upper triangular.
///
/// ```text
/// H = I − τ v vᵀ        maps a column x to β e₁,  β = −sign(x₁) ‖x‖,  v = (x − β e₁) / (x₁ − β),  τ = (β − x₁) / β
/// H_k … H₂ H₁ A = R     so  Q = H₁ H₂ … H_k
/// ```
///
/// The sign of `β` makes `x₁ − β` a sum and not a difference, so nothing cancels. `Q` is orthogonal to working precision
/// whatever the condition of `A`, which Gram–Schmidt cannot say of itself. Signs are those of LAPACK: an element of
/// R's diagonal may be negative.
///
/// # Shapes
/// `A (m, n)`, `Q (m, k)`, `R (k, n)` with `k = min(m, n)`
///
/// # Examples
/// ```
/// use gradus_linalg::{ndarray::array, qr};
/// let f = qr(&array![[3.0, 1.0], [4.0, 2.0]])?;
/// let (q, r) = (f.q(), f.r());
/// assert!((r[[0, 0]] + 5.0_f64).abs() < 1e-15); // the length of the first column, mirrored
/// assert!((&q.dot(&r) - &array![[3.0, 1.0], [4.0, 2.0]]).iter().all(|e| e.abs() < 1e-15));
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
///
/// # Errors
/// [`Error::EmptyMatrix`](crate::Error::EmptyMatrix), [`Error::NotFinite`](crate::Error::NotFinite).
///
/// # References
/// L. N. Trefethen, D. Bau, *Numerical Linear Algebra*, 1997, lecture 10; A. S. Householder, *Unitary Triangularization
/// of a Nonsymmetric Matrix*, 1958, <https://doi.org/10.1145/320941.320947>
pub fn qr<F: Factorize>(a: &ArrayRef2<F>) -> Result<Qr<F>> {
    check::matrix("qr", a)?;
    Ok(Qr { mirrors: Mirrors::of(a), scalar: PhantomData })
}

impl<F: Factorize> Qr<F> {
    /// `Q`, with orthonormal columns, `(m, min(m, n))`.
    #[must_use]
    pub fn q(&self) -> Array2<F> {
        let mut q = Array2::zeros((self.mirrors.factors.nrows(), self.mirrors.size()).f());
        q.diag_mut().fill(1.0);
        self.mirrors.reflect(&mut q, false);
        library::narrow(&q, 1.0)
    }

    /// `R`, upper triangular, `(min(m, n), n)`.
    #[must_use]
    pub fn r(&self) -> Array2<F> {
        library::narrow(&self.mirrors.r(), self.mirrors.scale)
    }

    /// `Qᵀ b`, without building `Q`, `(min(m, n),)` or `(min(m, n), k)`.
    ///
    /// # Errors
    /// [`Error::RightSide`](crate::Error::RightSide), [`Error::NotFinite`](crate::Error::NotFinite).
    pub fn q_transpose_times<D: RightSide>(&self, b: &ArrayRef<F, D>) -> Result<Array<F, D>> {
        let mut b = library::widen(&check::right_side("q_transpose_times", self.mirrors.factors.shape(), b)?);
        self.mirrors.reflect(&mut b, true);
        Ok(D::restore(library::narrow(&b.slice(s![..self.mirrors.size(), ..]), 1.0)))
    }
}

impl Mirrors {
    /// Those of a matrix that has been checked.
    pub(super) fn of<F: Factorize>(a: &ArrayRef2<F>) -> Self {
        let (mut factors, scale) = library::scaled(a);
        let coefficients = library::qr(&mut factors);
        Self { factors, coefficients, scale }
    }

    /// `R / scale`
    pub(super) fn r(&self) -> Array2<f64> {
        let shape = (self.size(), self.factors.ncols());
        Array2::from_shape_fn(shape, |(i, j)| if i <= j { self.factors[[i, j]] } else { 0.0 })
    }

    pub(super) fn scale(&self) -> f64 {
        self.scale
    }

    /// `X ← Q X`, or `X ← Qᵀ X` if `transposed`, by the square `Q`.
    pub(super) fn reflect(&self, x: &mut Array2<f64>, transposed: bool) {
        library::reflect(&self.factors, &self.coefficients, x, transposed);
    }

    fn size(&self) -> usize {
        self.coefficients.ncols()
    }
}
