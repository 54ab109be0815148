//! Linear regression: the oldest model that is fitted, by every way of fitting it.

mod closed;
mod coordinate;
mod descent;

pub use descent::Sgd;

use crate::decompose::{LeastSquares, finite, matrix};
use crate::{Error, Factorize, Real, Result, l2_norm, singular_values};
use ndarray::{Array1, Array2, ArrayRef1, ArrayRef2, Axis};
use rand::Rng;
use std::fmt::{self, Display, Formatter};

/// How [`LinearRegression::fit`] finds the coefficients.
///
/// All minimize the same function but for what they add to it; the intercept `b` is never penalized.
///
/// ```text
/// 1/(2n) Σ (w·xᵢ + b − yᵢ)²                                  least squares, gradient descent
///                           + α/2 ‖w‖₂²                      ridge
///                           + α ‖w‖₁                         lasso
///                           + α (r ‖w‖₁ + (1 − r)/2 ‖w‖₂²)   elastic net, r the L1 ratio
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Solver {
    /// In closed form; see [`lstsq`](crate::lstsq) for what tells the three ways apart.
    LeastSquares(LeastSquares),
    /// In closed form, `w = (XᵀX/n + α I)⁻¹ Xᵀy/n`, as least squares of `X` with the rows of `√(n α) I` below it.
    ///
    /// scikit-learn's `Ridge` does not divide by `n`: its `alpha` is `n` times this one.
    Ridge {
        /// `α ≥ 0`.
        alpha: f64,
    },
    /// By coordinate descent: one coefficient at a time, to the minimum, which is a soft threshold.
    ElasticNet {
        /// `α ≥ 0`.
        alpha: f64,
        /// `r` from 0 (ridge) to 1 (lasso).
        l1_ratio: f64,
    },
    /// `w ← w − lr ∇`, from 0, on all samples at each step.
    ///
    /// It converges for `lr < 2/λmax` only, with `λ` the eigenvalues of the curvature `XᵀX/n` of the centred data, and the error
    /// along an eigenvector shrinks by `|1 − lr λ|` a step: the condition number `λmax/λmin` is how slow it must be.
    GradientDescent {
        /// The step; `None` is `2 / (λmax + λmin)`, the best of constant steps.
        lr: Option<f64>,
        /// Ends where the gradient is this share of that at the start.
        tolerance: f64,
        /// Gives up after so many steps.
        most: usize,
    },
}

/// Linear regression, fitted: `y ≈ w·x + b`.
///
/// `{}` prints the formula, `R²`, the condition number and the largest stable step of gradient descent; and a warning where the
/// condition number of `XᵀX/n` reaches `1/ε`, so that half of the digits of the coefficients are lost or more.
///
/// # Examples
/// ```
/// use gradus_linalg::ndarray::array;
/// use gradus_linalg::{LeastSquares, LinearRegression, Solver};
///
/// let x = array![[0.0, 1.0], [1.0, 0.0], [2.0, 1.0], [3.0, 0.0], [4.0, 2.0]];
/// let y = array![4.0, 3.0, 8.0, 7.0, 12.0]; // 1 + 2 x₁ + 3 x₂, the last off by 3
/// let fit = LinearRegression::fit(&x, &y, Solver::LeastSquares(LeastSquares::Qr))?;
/// assert_eq!(fit.to_string(), "\
/// y ≈ 2.0000 + 1.6000 x1 + 2.0000 x2
/// least squares by qr: R² = 0.976378
/// XᵀX/n: condition number 4.6, largest stable step 2/λmax = 0.95073");
///
/// let descent = Solver::GradientDescent { lr: None, tolerance: 1e-12, most: 1000 };
/// let same = LinearRegression::fit(&x, &y, descent)?;
/// assert!((&same.coefficients - &fit.coefficients).iter().all(|e: &f64| e.abs() < 1e-11));
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
///
/// # References
/// T. Hastie, R. Tibshirani, J. Friedman, *The Elements of Statistical Learning*, 2nd ed., 2009, §3.2 and §3.4,
/// <https://hastie.su.domains/ElemStatLearn/>
#[derive(Debug, Clone)]
pub struct LinearRegression<F = f32> {
    /// `w`, one for each feature, `(d,)`.
    pub coefficients: Array1<F>,
    /// `b`.
    pub intercept: F,
    /// `yᵢ − w·xᵢ − b`, `(n,)`.
    pub residuals: Array1<F>,
    /// `R² = 1 − Σ residuals² / Σ (yᵢ − ȳ)²`: the share of the variance of `y` that the model explains.
    pub r_squared: F,
    /// The condition number `λmax/λmin` of the curvature `XᵀX/n`; infinite where features depend on each other linearly.
    pub condition: f64,
    /// `2/λmax`: from this step on, gradient descent diverges.
    pub max_step: f64,
    /// Steps, sweeps or epochs that it took; 0 for a closed form.
    pub iterations: usize,
    method: &'static str,
}

impl<F: Factorize> LinearRegression<F> {
    /// Fits the model to samples: the rows of `x`, and a target for each.
    ///
    /// # Shapes
    /// `x (n, d)`, `y (n,)`
    ///
    /// # Errors
    /// [`Error::Singular`] from least squares where features depend on each other linearly; [`Error::Step`] for a step that diverges;
    /// [`Error::NoConvergence`]; [`Error::Setting`]; [`Error::RightSide`], [`Error::EmptyMatrix`], [`Error::NotFinite`].
    pub fn fit(x: &ArrayRef2<F>, y: &ArrayRef1<F>, solver: Solver) -> Result<Self> {
        let data = Centred::new(x, y)?;
        let (coefficients, iterations, method) = match solver {
            Solver::LeastSquares(way) => closed::least_squares(&data, way)?,
            Solver::Ridge { alpha } => closed::ridge(&data, alpha)?,
            Solver::ElasticNet { alpha, l1_ratio } => coordinate::descent(&data, alpha, l1_ratio)?,
            Solver::GradientDescent { lr, tolerance, most } => descent::full(&data, lr, tolerance, most)?,
        };
        Ok(data.finish(coefficients, iterations, method))
    }

    /// Fits the model by stochastic gradient descent on mini-batches, in an order drawn from `rng`.
    ///
    /// # Shapes
    /// `x (n, d)`, `y (n,)`
    ///
    /// # Examples
    /// ```
    /// use gradus_linalg::ndarray::{Array1, Array2};
    /// use gradus_linalg::{LeastSquares, LinearRegression, Sgd, Solver};
    /// use rand::{SeedableRng, rngs::StdRng};
    ///
    /// let x = Array2::from_shape_fn((60, 2), |(i, j)| ((i * (3 + 4 * j)) as f64).sin());
    /// let y = Array1::from_shape_fn(60, |i| 1.0 + 2.0 * x[[i, 0]] - x[[i, 1]] + 0.1 * (7.0 * i as f64).cos());
    /// let sgd = LinearRegression::fit_sgd(&x, &y, &Sgd::default(), &mut StdRng::seed_from_u64(1))?;
    /// let exact = LinearRegression::fit(&x, &y, Solver::LeastSquares(LeastSquares::Qr))?;
    /// assert!((&sgd.coefficients - &exact.coefficients).iter().all(|e: &f64| e.abs() < 1e-4));
    /// # Ok::<(), gradus_linalg::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`fit`](Self::fit).
    pub fn fit_sgd(x: &ArrayRef2<F>, y: &ArrayRef1<F>, sgd: &Sgd, rng: &mut (impl Rng + ?Sized)) -> Result<Self> {
        let data = Centred::new(x, y)?;
        let coefficients = sgd.run(&data, rng)?;
        Ok(data.finish(coefficients, sgd.epochs, "stochastic gradient descent"))
    }

    /// `w·x + b` for each row of `x`.
    ///
    /// # Shapes
    /// `x (n, d)`, result `(n,)`
    ///
    /// # Errors
    /// [`Error::InnerDimensions`] if `x` has not `d` columns.
    pub fn predict(&self, x: &ArrayRef2<F>) -> Result<Array1<F>> {
        if x.ncols() != self.coefficients.len() {
            let (left, right) = (x.shape().to_vec(), vec![self.coefficients.len(), 1]);
            return Err(Error::InnerDimensions { operation: "predict", left, right });
        }
        Ok(times(x, &self.coefficients).mapv_into(|y| y + self.intercept))
    }
}

impl<F: Real> Display for LinearRegression<F> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "y ≈ {:.4}", self.intercept)?;
        for (i, &w) in self.coefficients.iter().enumerate() {
            let sign = if w < F::zero() { '−' } else { '+' };
            write!(f, " {sign} {:.4} x{}", w.abs(), i + 1)?;
        }
        write!(f, "\n{}: R² = {:.6}", self.method, self.r_squared)?;
        if self.iterations > 0 {
            write!(f, " after {} iterations", self.iterations)?;
        }
        write!(f, "\nXᵀX/n: condition number ")?;
        if self.condition < 1e4 {
            write!(f, "{:.1}", self.condition)?
        } else {
            write!(f, "{:.1e}", self.condition)?
        }
        write!(f, ", largest stable step 2/λmax = {:.5}", self.max_step)?;
        // κ(XᵀX) = κ(X)²
        if self.condition * F::EPSILON.to_f64() >= 1.0 {
            let left = (-F::EPSILON.to_f64().log10() - 0.5 * self.condition.log10()).max(0.0);
            write!(f, "\nwarning: features nearly depend on each other: coefficients have about {left:.0} digits")?;
        }
        Ok(())
    }
}

/// The data with their means taken off, which leaves the intercept out of the problem, and makes it better conditioned.
struct Centred<F> {
    x: Array2<F>,
    y: Array1<F>,
    means: Array1<F>,
    mean: F,
    /// Largest and smallest eigenvalue of `XᵀX/n`.
    curvature: (f64, f64),
}

impl<F: Factorize> Centred<F> {
    fn new(x: &ArrayRef2<F>, y: &ArrayRef1<F>) -> Result<Self> {
        const OPERATION: &str = "linear_regression";
        matrix(OPERATION, x)?;
        if x.nrows() != y.len() {
            return Err(Error::RightSide {
                operation: OPERATION,
                matrix: x.shape().to_vec(),
                right: y.shape().to_vec(),
            });
        }
        finite(OPERATION, y)?;
        let means: Array1<F> = x.axis_iter(Axis(1)).map(|column| mean(&column)).collect();
        let x = x.to_owned() - &means;
        let singular = singular_values(&x)?;
        let n = x.nrows() as f64;
        let eigenvalue = |sigma: F| sigma.to_f64() * sigma.to_f64() / n;
        // With more features than samples the rest of the eigenvalues are 0.
        let least = if x.nrows() < x.ncols() { 0.0 } else { eigenvalue(singular[x.ncols() - 1]) };
        let curvature = (eigenvalue(singular[0]), least);
        let mean = mean(y);
        Ok(Self { x, y: y.mapv(|y| y - mean), means, mean, curvature })
    }

    fn finish(self, w: Array1<F>, iterations: usize, method: &'static str) -> LinearRegression<F> {
        let intercept = self.mean - self.means.iter().zip(&w).map(|(&mean, &w)| mean * w).sum::<F>();
        // From centred data: where the means are large, the plain formula would cancel.
        let residuals = &self.y - &times(&self.x, &w);
        let (rest, total) = (l2_norm(&residuals), l2_norm(&self.y));
        let r_squared = if total > F::zero() {
            F::one() - (rest / total) * (rest / total)
        } else if rest == F::zero() {
            F::one()
        } else {
            F::zero()
        };
        let (largest, least) = self.curvature;
        LinearRegression {
            coefficients: w,
            intercept,
            residuals,
            r_squared,
            condition: if least > 0.0 { largest / least } else { f64::INFINITY },
            max_step: 2.0 / largest,
            iterations,
            method,
        }
    }
}

/// The mean in two passes: the second takes off what rounding left.
fn mean<F: Real>(x: &ArrayRef1<F>) -> F {
    let n = F::from_f64(x.len() as f64);
    let first = x.iter().copied().sum::<F>() / n;
    first + x.iter().map(|&x| x - first).sum::<F>() / n
}

/// `A x`
fn times<F: Real>(a: &ArrayRef2<F>, x: &ArrayRef1<F>) -> Array1<F> {
    a.rows().into_iter().map(|row| row.iter().zip(x).map(|(&a, &x)| a * x).sum()).collect()
}
