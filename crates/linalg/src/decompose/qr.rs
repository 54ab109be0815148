//! Reflections that make a matrix triangular.

use super::check::{self, RightSide};
use super::triangular::subtract;
use crate::{Real, Result, l2_norm};
use ndarray::{Array, Array2, ArrayRef, ArrayRef2, s};

/// `A = Q R`: what [`qr`] returns.
#[derive(Debug, Clone)]
pub struct Qr<F> {
    /// `R` on and above the diagonal; below it the mirrors' normals `v`, whose first element is 1 and not kept.
    factors: Array2<F>,
    /// `τ` of each reflection `I − τ v vᵀ`.
    tau: Vec<F>,
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
pub fn qr<F: Real>(a: &ArrayRef2<F>) -> Result<Qr<F>> {
    check::matrix("qr", a)?;
    Ok(factorize(a))
}

/// [`qr`] of a matrix that has been checked.
pub(super) fn factorize<F: Real>(a: &ArrayRef2<F>) -> Qr<F> {
    let mut factors = a.as_standard_layout().into_owned();
    let (m, n) = factors.dim();
    let mut tau = Vec::with_capacity(m.min(n));
    let mut normal = vec![F::zero(); m];
    let mut products = vec![F::zero(); n];
    for k in 0..m.min(n) {
        let (t, beta) = reflector(&factors.slice(s![k.., k]), &mut normal[k..]);
        tau.push(t);
        let rows = factors.as_slice_mut().expect("made row-major above");
        reflect(t, &normal[k..], &mut rows[k * n..], n, k + 1, &mut products);
        rows[k * n + k] = beta;
        for (i, &v) in normal.iter().enumerate().skip(k + 1) {
            rows[i * n + k] = v;
        }
    }
    Qr { factors, tau }
}

/// The reflection `I − τ v vᵀ` that maps `x` to `β e₁`: writes `v`, with `v₁ = 1`, and returns `τ` and `β`.
pub(super) fn reflector<F: Real>(x: &ndarray::ArrayRef1<F>, v: &mut [F]) -> (F, F) {
    let (first, length) = (x[0], l2_norm(x));
    v[0] = F::one();
    // Asked of the elements: next to a large first one, the others are lost in the length.
    if x.iter().skip(1).all(|&x| x == F::zero()) {
        v[1..].fill(F::zero()); // along e₁ already: nothing to mirror
        return (F::zero(), first);
    }
    let beta = if first > F::zero() { -length } else { length };
    v.iter_mut().zip(x).skip(1).for_each(|(v, &x)| *v = x / (first - beta));
    ((beta - first) / beta, beta)
}

/// `A ← (I − τ v vᵀ) A` on the columns of a row-major matrix from `from` on.
fn reflect<F: Real>(tau: F, v: &[F], rows: &mut [F], width: usize, from: usize, products: &mut [F]) {
    if tau == F::zero() || from >= width {
        return;
    }
    let products = &mut products[from..width];
    products.fill(F::zero());
    for (&v, row) in v.iter().zip(rows.chunks_exact(width)) {
        subtract(products, -v, &row[from..]);
    }
    for (&v, row) in v.iter().zip(rows.chunks_exact_mut(width)) {
        subtract(&mut row[from..], tau * v, products);
    }
}

impl<F: Real> Qr<F> {
    /// `Q`, with orthonormal columns, `(m, min(m, n))`.
    #[must_use]
    pub fn q(&self) -> Array2<F> {
        let mut q = Array2::zeros((self.factors.nrows(), self.tau.len()));
        q.diag_mut().fill(F::one());
        self.apply(&mut q, true);
        q
    }

    /// `R`, upper triangular, `(min(m, n), n)`.
    #[must_use]
    pub fn r(&self) -> Array2<F> {
        let shape = (self.tau.len(), self.factors.ncols());
        Array2::from_shape_fn(shape, |(i, j)| if i <= j { self.factors[[i, j]] } else { F::zero() })
    }

    /// `Qᵀ b`, without building `Q`, `(min(m, n),)` or `(min(m, n), k)`.
    ///
    /// # Errors
    /// [`Error::RightSide`](crate::Error::RightSide), [`Error::NotFinite`](crate::Error::NotFinite).
    pub fn q_transpose_times<D: RightSide>(&self, b: &ArrayRef<F, D>) -> Result<Array<F, D>> {
        let mut b = check::right_side("q_transpose_times", &self.factors, b)?;
        self.apply(&mut b, false);
        Ok(D::restore(b.slice(s![..self.tau.len(), ..]).to_owned()))
    }

    /// `X ← H₁ … H_k X` if `reverse`, which is `Q` times `X`; else `X ← H_k … H₁ X`, which is `Qᵀ` times `X`. Row-major `X`.
    pub(super) fn apply(&self, x: &mut Array2<F>, reverse: bool) {
        let (m, width) = x.dim();
        let rows = x.as_slice_mut().expect("made row-major by the callers");
        let mut normal = vec![F::zero(); m];
        let mut products = vec![F::zero(); width];
        let count = self.tau.len();
        for step in 0..count {
            let k = if reverse { count - 1 - step } else { step };
            normal[k] = F::one();
            normal[k + 1..].iter_mut().zip(self.factors.slice(s![k + 1.., k])).for_each(|(to, &v)| *to = v);
            reflect(self.tau[k], &normal[k..], &mut rows[k * width..], width, 0, &mut products);
        }
    }
}
