//! Singular values, of a matrix and of a long product of matrices.

use gradus_linalg::{rows, spectral_radius};
use ndarray::{Array2, ArrayRef2, Axis};

/// The largest modulus of an eigenvalue; NaN for a matrix with elements that are not finite, 0 for one without elements.
#[inline] // compiled where it is used: CONTRIBUTING, "What few programs call"
pub(super) fn radius(a: &ArrayRef2<f64>) -> f64 {
    match a.is_empty() {
        true => 0.0,
        false => spectral_radius(a).unwrap_or(f64::NAN),
    }
}

/// The Euclidean norm of the numbers, whose squares may be too large or small for an `f64`. NaN if one is NaN.
#[inline]
pub(super) fn norm(numbers: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = numbers.clone().map(f64::abs).fold(0.0, |most, x| if x.is_nan() || x > most { x } else { most });
    if largest == 0.0 || !largest.is_finite() {
        return largest;
    }
    largest * numbers.map(|x| (x / largest).powi(2)).sum::<f64>().sqrt()
}

/// The singular values of a matrix, from the largest, by one-sided Jacobi: its rows are turned in pairs until all are orthogonal; what
/// they then have for lengths are the singular values.
///
/// ```text
/// rows a, b with |a| ≥ |b|:   cos = a·b / (|a| |b|),  ζ = (|b|/|a| − |a|/|b|) / (2 cos),  t = sign ζ / (|ζ| + √(1 + ζ²))
/// c = 1/√(1 + t²), s = c t:   a ← c a − s b,   b ← s a + c b
/// ```
///
/// Where only the lengths of the rows make a singular value small, it has as many right digits as the largest (J. Demmel,
/// K. Veselić, *Jacobi's method is more accurate than QR*, 1992); so rows are kept as directions and lengths apart.
#[inline]
pub(super) fn singular_values(a: &ArrayRef2<f64>) -> Vec<f64> {
    const SWEEPS: usize = 60;
    if a.iter().any(|x| !x.is_finite()) {
        return vec![f64::NAN; a.nrows().min(a.ncols())];
    }
    // One row for each singular value, and no more.
    let a = if a.nrows() > a.ncols() { a.t() } else { a.view() };
    let mut directions: Vec<Vec<f64>> = a.rows().into_iter().map(|row| row.to_vec()).collect();
    let mut lengths: Vec<f64> = directions.iter_mut().map(|row| normalize(row)).collect();
    let small = f64::EPSILON * (a.nrows() as f64).max(4.0);
    for _ in 0..SWEEPS {
        let mut turned = false;
        for p in 0..lengths.len() {
            for q in p + 1..lengths.len() {
                let (large, less) = if lengths[p] >= lengths[q] { (p, q) } else { (q, p) };
                let ratio = lengths[less] / lengths[large];
                let cos = rows::dot(&directions[p], &directions[q]);
                if cos.abs() <= small || ratio.is_nan() || ratio == 0.0 {
                    continue;
                }
                turned = true;
                let zeta = (ratio - 1.0 / ratio) / (2.0 * cos);
                let t = zeta.signum() / (zeta.abs() + zeta.hypot(1.0));
                let c = 1.0 / t.hypot(1.0);
                let s = c * t;
                let (head, tail) = directions.split_at_mut(q);
                let (a, b) = (&mut head[p], &mut tail[0]);
                let (a, b) = if large == p { (a, b) } else { (b, a) };
                // The longer row's new length is a sum of positive numbers, since s has the sign of −cos.
                let longer = (c * c + (s * ratio).powi(2) - 2.0 * c * s * ratio * cos).sqrt();
                let (from_a, from_b) = (c / longer, s * ratio / longer);
                for (a, b) in a.iter_mut().zip(b.iter_mut()) {
                    (*a, *b) = (from_a * *a - from_b * *b, s / ratio * *a + c * *b);
                }
                lengths[large] *= longer;
                lengths[less] *= normalize(&mut directions[less]);
            }
        }
        lengths.iter_mut().zip(&mut directions).for_each(|(length, row)| *length *= normalize(row));
        if !turned {
            break;
        }
    }
    lengths.sort_by(|a, b| b.total_cmp(a));
    lengths
}

/// Makes the length 1 and returns what it was.
#[inline]
fn normalize(row: &mut [f64]) -> f64 {
    let square = rows::dot(row, row);
    let fits = (1e-200..1e200).contains(&square);
    let length = if fits { square.sqrt() } else { norm(row.iter().copied()) };
    if length > 0.0 {
        row.iter_mut().for_each(|x| *x /= length);
    }
    length
}

/// The transpose of a product of matrices, in a form that does not lose what is small beside what is large:
///
/// ```text
/// Pᵀ = Q D R · e^ln        Q orthogonal,  D diagonal and falling,  R well-conditioned
/// ```
///
/// Multiplied out, every singular value below `ε σ₁` would be noise after a few dozen factors. Here a further factor `A` goes into
/// `(Aᵀ Q) D = Q′ R′ Π`, by QR with column pivoting, in which columns of different size never mix; `D′` is the diagonal of
/// `R′`, and `D′⁻¹ R′ Π R` the new `R`. What is more than 300 decades below the largest counts as 0.
///
/// # References
/// E. Y. Loh, J. E. Gubernatis, *Stable numerical simulations of models of interacting electrons*, 1992; J. Demmel et al., *Computing
/// the singular value decomposition with high relative accuracy*, 1999, <https://doi.org/10.1016/S0024-3795(99)00134-2>
pub(super) struct Graded {
    q: Array2<f64>,
    d: Vec<f64>,
    r: Array2<f64>,
    ln: f64,
}

impl Graded {
    /// The product of no matrices.
    #[inline]
    pub(super) fn identity(size: usize) -> Self {
        Self { q: Array2::eye(size), d: vec![1.0; size], r: Array2::eye(size), ln: 0.0 }
    }

    /// `P ← P A`
    #[inline]
    pub(super) fn times(&mut self, a: &ArrayRef2<f64>) {
        let mut columns = self.q.t().dot(a); // as rows
        for (mut column, &d) in columns.rows_mut().into_iter().zip(&self.d) {
            column *= d;
        }
        let Pivoted { q, mut r, order } = pivoted_qr(columns);
        let scale = r.get([0, 0]).map_or(0.0, |x| x.abs());
        if scale == 0.0 || !scale.is_finite() {
            self.ln = if scale == 0.0 { f64::NEG_INFINITY } else { f64::NAN };
            return;
        }
        self.ln += scale.ln();
        for (i, mut row) in r.rows_mut().into_iter().enumerate() {
            let pivot = row[i].abs();
            self.d[i] = pivot / scale;
            if pivot > 0.0 {
                row /= pivot;
            }
        }
        self.r = r.dot(&self.r.select(Axis(0), &order));
        self.q = q;
    }

    /// Natural logarithms of the singular values, from the largest.
    #[inline]
    pub(super) fn ln_singular_values(&self) -> Vec<f64> {
        if !self.ln.is_finite() {
            return vec![self.ln; self.d.len()];
        }
        let mut dr = self.r.clone();
        for (mut row, &d) in dr.rows_mut().into_iter().zip(&self.d) {
            row *= d;
        }
        singular_values(&dr).into_iter().map(|value| value.ln() + self.ln).collect()
    }
}

/// `C Π = Q R`
struct Pivoted {
    q: Array2<f64>,
    r: Array2<f64>,
    /// Which column of `C` is the first, the second … of `C Π`.
    order: Vec<usize>,
}

/// QR by Householder's reflections of a square matrix, whose columns are given as rows; the longest column that is left comes next.
#[inline]
fn pivoted_qr(columns: Array2<f64>) -> Pivoted {
    const CONTIGUOUS: &str = "rows of a row-major matrix are slices";
    let mut columns = columns.as_standard_layout().into_owned();
    let n = columns.nrows();
    let mut order: Vec<usize> = (0..n).collect();
    let mut reflections = Vec::with_capacity(n);
    let mut r = Array2::zeros((n, n));
    for k in 0..n {
        let rest = |j: usize| norm(columns.row(j).iter().skip(k).copied());
        let (mut longest, mut length) = (k, rest(k));
        for j in k + 1..n {
            let other = rest(j);
            if other > length {
                (longest, length) = (j, other);
            }
        }
        order.swap(k, longest);
        for i in 0..n {
            columns.swap([k, i], [longest, i]);
            r.swap([i, k], [i, longest]); // what is above the diagonal is there already
        }
        if length == 0.0 {
            break;
        }
        // H = I − v vᵀ / (1 + |x₁|) with v = x + sign(x₁) e₁ takes x, of length 1, to −sign(x₁) e₁.
        let mut v: Vec<f64> = columns.row(k).iter().skip(k).map(|x| x / length).collect();
        let sign = 1.0_f64.copysign(v[0]);
        let over = 1.0 + v[0].abs();
        v[0] += sign;
        r[[k, k]] = -sign * length;
        for j in k + 1..n {
            let mut row = columns.row_mut(j);
            let column = row.as_slice_mut().expect(CONTIGUOUS);
            reflect(&v, over, &mut column[k..]);
            r[[k, j]] = column[k];
        }
        reflections.push((v, over));
    }
    let mut q = Array2::eye(n); // columns as rows
    for (k, (v, over)) in reflections.iter().enumerate().rev() {
        for mut column in q.rows_mut() {
            reflect(v, *over, &mut column.as_slice_mut().expect(CONTIGUOUS)[k..]);
        }
    }
    Pivoted { q: q.reversed_axes(), r, order }
}

#[inline]
fn reflect(v: &[f64], over: f64, x: &mut [f64]) {
    let part = rows::dot(v, x) / over;
    x.iter_mut().zip(v).for_each(|(x, v)| *x -= part * v);
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array1, array};
    use rand::{RngExt, SeedableRng, rngs::StdRng};

    fn near(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() <= 1e-12 * expected.abs().max(1e-300), "{found} {expected}");
        }
    }

    fn random(n: usize, seed: u64) -> Array2<f64> {
        let mut rng = StdRng::seed_from_u64(seed);
        Array2::from_shape_simple_fn((n, n), || rng.random_range(-1.0..1.0))
    }

    #[test]
    fn singular_values_in_closed_form() {
        assert_eq!(singular_values(&Array2::from_diag(&array![-2.0, 5.0, 0.0, 1e-200])), [5.0, 2.0, 1e-200, 0.0]);
        let (sin, cos) = 0.7_f64.sin_cos();
        near(&singular_values(&array![[3.0 * cos, -3.0 * sin], [3.0 * sin, 3.0 * cos]]), &[3.0, 3.0]);
        assert_eq!(singular_values(&array![[0.0, 4.0, 0.0], [0.0, 0.0, 2.0], [0.0, 0.0, 0.0]]), [4.0, 2.0, 0.0]);
        near(&singular_values(&array![[3.0, 0.0], [4.0, 5.0]]), &[45.0_f64.sqrt(), 5.0_f64.sqrt()]);
        near(&singular_values(&array![[1.0, 2.0, 2.0]]), &[3.0]);
        near(&singular_values(&array![[1.0], [2.0], [2.0]]), &[3.0]);
        assert!(singular_values(&Array2::zeros((0, 0))).is_empty());
        assert!(singular_values(&array![[f64::NAN]])[0].is_nan());
        // Of very different lengths, and yet every digit: [1, 1; 0, 1e-150] has a product of 1e-150 and a sum of squares of 2.
        near(&singular_values(&array![[1.0, 1.0], [0.0, 1e-150]]), &[2.0_f64.sqrt(), 1e-150 / 2.0_f64.sqrt()]);
    }

    #[test]
    fn singular_values_have_the_sums_that_they_must() {
        let a = random(12, 1);
        let values = singular_values(&a);
        let squares: f64 = a.iter().map(|x| x * x).sum();
        assert!((values.iter().map(|x| x * x).sum::<f64>() - squares).abs() < 1e-12);
        let b = a.t().dot(&a);
        near(&singular_values(&b), &values.iter().map(|x| x * x).collect::<Vec<_>>());
    }

    #[test]
    fn pivoted_qr_gives_the_matrix_back() {
        let mut c = random(7, 2);
        c.row_mut(3).fill(0.0);
        c.column_mut(2).mapv_inplace(|x| 1e-200 * x);
        let Pivoted { q, r, order } = pivoted_qr(c.t().to_owned());
        assert!((q.t().dot(&q) - Array2::<f64>::eye(7)).iter().all(|x| x.abs() < 1e-14));
        let product = q.dot(&r);
        for (k, &j) in order.iter().enumerate() {
            let length = norm(c.column(j).iter().copied());
            let off = norm((&product.column(k) - &c.column(j)).iter().copied());
            assert!(off <= 1e-13 * length, "{j}: {off}");
        }
    }

    #[test]
    fn a_long_product_keeps_its_small_singular_values() {
        let a: Array2<f64> = Array2::from_diag(&array![1.1, 0.5, 0.1]);
        let turn = {
            let Pivoted { q, .. } = pivoted_qr(random(3, 3));
            q
        };
        let a = turn.dot(&a).dot(&turn.t());
        let mut product = Graded::identity(3);
        (0..200).for_each(|_| product.times(&a));
        let expected = Array1::from(vec![1.1_f64, 0.5, 0.1]).mapv(|x| 200.0 * x.ln());
        for (found, expected) in product.ln_singular_values().into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-10 * expected.abs(), "{found} {expected}");
        }
        let mut none = Graded::identity(2);
        (0..3).for_each(|_| none.times(&array![[0.0, 1.0], [0.0, 0.0]]));
        assert_eq!(none.ln_singular_values(), [f64::NEG_INFINITY; 2]);
        let mut half = Graded::identity(2);
        (0..3).for_each(|_| half.times(&array![[2.0, 0.0], [0.0, 0.0]]));
        let found = half.ln_singular_values();
        assert!((found[0] - 8.0_f64.ln()).abs() < 1e-14 && found[1] == f64::NEG_INFINITY);
    }

    #[test]
    fn a_short_product_is_the_product() {
        let factors: Vec<_> = (0..5).map(|seed| random(6, seed)).collect();
        let mut product = Graded::identity(6);
        factors.iter().for_each(|a| product.times(a));
        let plain = factors.iter().fold(Array2::<f64>::eye(6), |p, a| p.dot(a));
        for (found, expected) in product.ln_singular_values().into_iter().zip(singular_values(&plain)) {
            assert!((found - expected.ln()).abs() < 1e-9, "{found} {expected}");
        }
        assert_eq!(radius(&Array2::zeros((0, 0))), 0.0);
        near(&[radius(&array![[0.0, -2.0], [2.0, 0.0]])], &[2.0]);
        assert!(radius(&array![[f64::INFINITY]]).is_nan());
    }
}
