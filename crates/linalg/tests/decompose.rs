//! Laws of decompositions, solvers and linear regression, and what they say of bad input.

use gradus_linalg::ndarray::{Array1, Array2, Axis, array, concatenate, s};
use gradus_linalg::{
    Error, LeastSquares, LinearRegression, MatrixNorm, Sgd, Solver, Triangle, cholesky, cond, det, eigenvalues,
    elimination_steps, householder_steps, inverse, largest_singular_value, lstsq, lu, matrix_norm, pinv,
    power_iteration, qr, rank, singular_values, slogdet, solve, solve_triangular, spectral_radius, svd,
    symmetric_eigen, trace,
};
use gradus_testing::strategies::matrix;
use gradus_testing::{Tolerance, assert_close};
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

const SVD: LeastSquares = LeastSquares::Svd { rcond: None };

/// Roundings of a backward stable algorithm, on elements up to about 1.
const TOLERANCE: Tolerance = Tolerance { absolute: 1e-12, relative: 0.0, of_largest: 1e-13 };

fn any_shape() -> impl Strategy<Value = Array2<f64>> {
    (1..12_usize, 1..12_usize).prop_flat_map(|(m, n)| matrix(m, n))
}

/// Squares large enough to go through more than one block of columns, seldom.
fn square() -> impl Strategy<Value = Array2<f64>> {
    prop_oneof![8 => 1..12_usize, 1 => 45..110_usize].prop_flat_map(|n| matrix(n, n))
}

/// A matrix without full rank.
fn deficient() -> impl Strategy<Value = Array2<f64>> {
    (2..8_usize, 2..8_usize).prop_flat_map(|(m, n)| {
        (1..m.min(n)).prop_flat_map(move |rank| (matrix(m, rank), matrix(rank, n)).prop_map(|(a, b)| a.dot(&b)))
    })
}

/// Well-conditioned least squares: identities below random rows.
fn regression() -> impl Strategy<Value = (Array2<f64>, Array2<f64>)> {
    (1..6_usize, 1..12_usize).prop_flat_map(|(n, more)| {
        (matrix(more, n), matrix(more + n, 2))
            .prop_map(move |(a, b)| (concatenate![Axis(0), a, 2.0 * Array2::<f64>::eye(n)], b))
    })
}

fn identity(n: usize) -> Array2<f64> {
    Array2::eye(n)
}

proptest! {
    #[test]
    fn lu_and_what_follows_from_it(a in square()) {
        let f = lu(&a)?;
        assert_close(&f.p().dot(&a), &f.l().dot(&f.u()), TOLERANCE, "P A = L U");
        prop_assert!(f.l().iter().all(|l| l.abs() <= 1.0));
        let (sign, ln) = slogdet(&a)?;
        prop_assert!((sign * ln.exp() - det(&a)?).abs() <= 1e-9 * det(&a)?.abs());

        let true_condition = cond(&a)?;
        prop_assume!(true_condition < 1e6);
        let x = inverse(&a)?;
        let n = a.nrows();
        assert_close(&a.dot(&x), &identity(n), TOLERANCE.at_scale(true_condition * 10.0), "A A⁻¹");
        // κ₁ and κ₂ differ by √n on either side; the estimate may be low by a small factor.
        let (estimate, spread) = (f.condition(), n as f64);
        prop_assert!(estimate <= spread * true_condition * 1.000_001 && 10.0 * spread * estimate >= true_condition);
        let exact = matrix_norm(&a, MatrixNorm::One)? * matrix_norm(&x, MatrixNorm::One)?;
        prop_assert!(estimate <= exact * (1.0 + 1e-9) && estimate * 10.0 >= exact, "{} of {}", estimate, exact);
    }

    #[test]
    fn residuals_of_solutions_are_small((a, b) in square().prop_flat_map(|a| { let n = a.nrows(); (Just(a), matrix(n, 3)) })) {
        prop_assume!(cond(&a)? < 1e12);
        let x = solve(&a, &b)?;
        let size = x.iter().fold(1.0, |m: f64, x| m.max(x.abs()));
        // Small whatever the condition number: it is the error of x that grows with it.
        assert_close(&a.dot(&x), &b, TOLERANCE.at_scale(size * a.nrows() as f64 * 10.0), "A x");
        prop_assert_eq!(solve(&a, &b.column(1))?.len(), a.nrows());
    }

    #[test]
    fn triangles(a in square()) {
        let n = a.nrows();
        let dominant = &a / n as f64 + 2.0 * identity(n);
        for triangle in [Triangle::Lower, Triangle::Upper] {
            let keep = |i: usize, j: usize| if triangle == Triangle::Lower { i >= j } else { i <= j };
            let t = Array2::from_shape_fn((n, n), |(i, j)| if keep(i, j) { dominant[[i, j]] } else { 0.0 });
            let x = solve_triangular(&dominant, triangle, &a)?; // the other half is not read
            assert_close(&t.dot(&x), &a, TOLERANCE, "T x");
        }
    }

    #[test]
    fn qr_of_any_matrix(a in any_shape()) {
        let f = qr(&a)?;
        let (q, r) = (f.q(), f.r());
        assert_close(&q.dot(&r), &a, TOLERANCE, "Q R");
        assert_close(&q.t().dot(&q), &identity(q.ncols()), TOLERANCE, "QᵀQ");
        assert_close(&f.q_transpose_times(&a)?, &r, TOLERANCE, "QᵀA");
        prop_assert!(r.indexed_iter().all(|((i, j), &r)| i <= j || r == 0.0));
    }

    #[test]
    fn qr_keeps_what_is_small_beside_its_column(a in any_shape(), small in 1e-12..1e-6_f64) {
        let mut a = a;
        a.slice_mut(s![1.., ..]).mapv_inplace(|x| small * x);
        let f = qr(&a)?;
        let product = f.q().dot(&f.r());
        prop_assert!((&product - &a).iter().all(|e| e.abs() < 1e-14));
    }

    #[test]
    fn cholesky_of_a_definite_matrix(a in square()) {
        let n = a.nrows();
        let definite = a.dot(&a.t()) / n as f64 + identity(n);
        let f = cholesky(&definite)?;
        assert_close(&f.l().dot(&f.l().t()), &definite, TOLERANCE, "L Lᵀ");
        assert_close(&definite.dot(&f.solve(&a)?), &a, TOLERANCE.at_scale(100.0), "A x");
        prop_assert!((f.det().ln() - slogdet(&definite)?.1).abs() < 1e-9);
    }

    #[test]
    fn svd_of_any_matrix(a in prop_oneof![any_shape(), deficient(), square()]) {
        let f = svd(&a)?;
        let sigma = Array2::from_diag(&f.singular_values);
        assert_close(&f.u.dot(&sigma).dot(&f.vt), &a, TOLERANCE, "U Σ Vᵀ");
        assert_close(&f.u.t().dot(&f.u), &identity(f.u.ncols()), TOLERANCE, "UᵀU");
        assert_close(&f.vt.dot(&f.vt.t()), &identity(f.vt.nrows()), TOLERANCE, "VᵀV");
        prop_assert!(f.singular_values.iter().zip(f.singular_values.iter().skip(1)).all(|(x, y)| x >= y && *y >= 0.0));
        // Norms in two ways.
        let frobenius = matrix_norm(&a, MatrixNorm::Frobenius)?;
        prop_assert!((f.singular_values.dot(&f.singular_values).sqrt() - frobenius).abs() < 1e-12 * (1.0 + frobenius));
        prop_assert!(matrix_norm(&a, MatrixNorm::Spectral)? <= frobenius * (1.0 + 1e-14));
        prop_assert!(frobenius <= matrix_norm(&a, MatrixNorm::Nuclear)? * (1.0 + 1e-14));
    }

    #[test]
    fn the_four_equations_of_penrose(a in prop_oneof![any_shape(), deficient()]) {
        let rcond = Some(1e-10);
        let f = svd(&a)?;
        // No singular value near the border, where rounding decides the rank.
        prop_assume!(f.singular_values.iter().all(|s| *s < 1e-13 * f.singular_values[0] || *s > 1e-4 * f.singular_values[0]));
        let p = pinv(&a, rcond)?;
        let tolerance = TOLERANCE.at_scale(1e5);
        assert_close(&a.dot(&p).dot(&a), &a, tolerance, "A A⁺ A");
        let size = p.iter().fold(1.0, |most: f64, x| most.max(x.abs()));
        assert_close(&p.dot(&a).dot(&p), &p, tolerance.at_scale(1e5 * size), "A⁺ A A⁺");
        assert_close(&a.dot(&p).t(), &a.dot(&p), tolerance, "(A A⁺)ᵀ");
        assert_close(&p.dot(&a).t(), &p.dot(&a), tolerance, "(A⁺ A)ᵀ");
    }

    #[test]
    fn small_singular_values_keep_their_digits(a in (3..8_usize).prop_flat_map(|n| matrix(n, n)), exponent in 1..7_i32) {
        // Columns of very different size: A D has the singular values of a matrix that is nearly diagonal.
        let n = a.nrows();
        let near = &a * 1e-3 + identity(n);
        let scale = Array1::from_shape_fn(n, |j| 10.0_f64.powi(-exponent * j as i32 / 2));
        let found = singular_values(&(&near * &scale))?;
        // The product of all is |det|, which elimination finds with small relative error here.
        let ln: f64 = found.iter().map(|s| s.ln()).sum();
        prop_assert!((ln - slogdet(&near)?.1 - scale.mapv(f64::ln).sum()).abs() < 1e-12);
    }

    #[test]
    fn symmetric_eigenvalues(a in square()) {
        let a = &a + &a.t();
        let f = symmetric_eigen(&a)?;
        let product = f.vectors.dot(&Array2::from_diag(&f.values)).dot(&f.vectors.t());
        let tolerance = TOLERANCE.at_scale(10.0 * a.nrows() as f64);
        assert_close(&product, &a, tolerance, "V Λ Vᵀ");
        assert_close(&f.vectors.t().dot(&f.vectors), &identity(a.nrows()), tolerance, "VᵀV");
        prop_assert!((f.values.sum() - trace(&a)?).abs() < 1e-11 * (1.0 + a.nrows() as f64));
        // The general algorithm finds the same.
        let mut general: Vec<f64> = eigenvalues(&a)?.iter().map(|z| z.re).collect();
        general.sort_by(f64::total_cmp);
        assert_close(&Array1::from(general), &f.values, tolerance, "eigenvalues");
    }

    #[test]
    fn eigenvalues_by_their_sums(a in square()) {
        let found = eigenvalues(&a)?;
        let n = a.nrows() as f64;
        prop_assert_eq!(found.len(), a.nrows());
        prop_assert!((found.iter().map(|z| z.re).sum::<f64>() - trace(&a)?).abs() < 1e-11 * n);
        prop_assert!(found.iter().map(|z| z.im).sum::<f64>().abs() < 1e-11 * n);
        let squares: f64 = found.iter().map(|z| (z * z).re).sum();
        prop_assert!((squares - trace(&a.dot(&a))?).abs() < 1e-10 * n * n);
        let radius = spectral_radius(&a)?;
        // Where eigenvalues nearly coincide each of the two ways can be off by a root of ε.
        prop_assert!((radius - found[0].norm()).abs() < 1e-4 * (1.0 + radius), "{} {}", radius, found[0]);
    }

    #[test]
    fn the_largest_without_the_others(a in any_shape()) {
        let exact = singular_values(&a)?;
        prop_assume!(exact.len() == 1 || exact[1] < 0.9 * exact[0]);
        let found = largest_singular_value(&a, 1e-9, 10_000)?;
        prop_assert!((found - exact[0]).abs() < 1e-12 * exact[0]);
        let gram = a.t().dot(&a);
        let dominant = power_iteration(&gram, 1e-9, 10_000)?;
        prop_assert!((dominant.value - exact[0] * exact[0]).abs() < 1e-11 * dominant.value);
        prop_assert!((spectral_radius(&gram)? / dominant.value - 1.0).abs() < 1e-11);
    }

    #[test]
    fn least_squares_three_ways((a, b) in regression()) {
        let x = lstsq(&a, &b, LeastSquares::Qr)?;
        assert_close(&lstsq(&a, &b, LeastSquares::NormalEquations)?, &x, TOLERANCE.at_scale(100.0), "normal equations");
        assert_close(&lstsq(&a, &b, SVD)?, &x, TOLERANCE.at_scale(10.0), "svd");
        assert_close(&a.t().dot(&(a.dot(&x) - &b)), &Array2::<f64>::zeros(x.dim()), TOLERANCE.at_scale(100.0), "Aᵀ r = 0");
        // And of fewer rows than columns, the shortest solution.
        let b = b.slice(s![..a.ncols(), ..]);
        let x = lstsq(&a.t(), &b, LeastSquares::Qr)?;
        assert_close(&a.t().dot(&x), &b, TOLERANCE.at_scale(100.0), "Aᵀ x");
        assert_close(&lstsq(&a.t(), &b, LeastSquares::NormalEquations)?, &x, TOLERANCE.at_scale(100.0), "normal equations");
        assert_close(&lstsq(&a.t(), &b, SVD)?, &x, TOLERANCE.at_scale(100.0), "svd");
    }

    #[test]
    fn regressions_agree((x, b) in regression()) {
        let x = concatenate![Axis(0), x, -2.0 * Array2::<f64>::eye(x.ncols())]; // well-conditioned also when centred
        let y = concatenate![Axis(0), b.column(0), b.slice(s![..x.ncols(), 1])];
        let exact = LinearRegression::fit(&x, &y, Solver::LeastSquares(LeastSquares::Qr))?;
        let descent = Solver::GradientDescent { lr: None, tolerance: 1e-13, most: 100_000 };
        let none = Solver::ElasticNet { alpha: 0.0, l1_ratio: 0.5 };
        for solver in [Solver::LeastSquares(LeastSquares::NormalEquations), Solver::LeastSquares(SVD),
            Solver::Ridge { alpha: 0.0 }, none, descent] {
            let fit = LinearRegression::fit(&x, &y, solver)?;
            assert_close(&fit.coefficients, &exact.coefficients, Tolerance::F64, "coefficients");
            prop_assert!((fit.intercept - exact.intercept).abs() < 1e-10);
            assert_close(&(fit.predict(&x)? + &fit.residuals), &y, Tolerance::F64, "prediction + residual");
        }
        let ridge = LinearRegression::fit(&x, &y, Solver::Ridge { alpha: 0.3 })?;
        let net = LinearRegression::fit(&x, &y, Solver::ElasticNet { alpha: 0.3, l1_ratio: 0.0 })?;
        assert_close(&net.coefficients, &ridge.coefficients, Tolerance::F64, "ridge");
        prop_assert!(ridge.coefficients.dot(&ridge.coefficients) <= exact.coefficients.dot(&exact.coefficients) + 1e-12);
        prop_assert!(ridge.r_squared <= exact.r_squared + 1e-12);

        let sgd = Sgd { epochs: 2000, batch_size: 4, lr: None };
        let fit = LinearRegression::fit_sgd(&x, &y, &sgd, &mut StdRng::seed_from_u64(3))?;
        assert_close(&fit.coefficients, &exact.coefficients, Tolerance { absolute: 1e-4, relative: 0.0, of_largest: 0.0 }, "sgd");
    }

    #[test]
    fn work_ends_at_the_factors(a in any_shape()) {
        let reflected = householder_steps(&a)?;
        assert_close(&reflected.result().slice(s![..a.nrows().min(a.ncols()), ..]), &qr(&a)?.r(), TOLERANCE, "R");
        let square = a.slice(s![..a.nrows().min(a.ncols()), ..a.nrows().min(a.ncols())]);
        assert_close(elimination_steps(&square)?.result(), &lu(&square)?.u(), TOLERANCE, "U");
    }
}

#[test]
fn the_lasso_finds_the_features_that_count() {
    let x = Array2::from_shape_fn((50, 5), |(i, j)| ((i * (2 * j + 3) + j) as f64).sin());
    let y = Array1::from_shape_fn(50, |i| 4.0 + 3.0 * x[[i, 1]] - 2.0 * x[[i, 3]]);
    let fit = LinearRegression::fit(&x, &y, Solver::ElasticNet { alpha: 0.1, l1_ratio: 1.0 }).unwrap();
    let zero: Vec<bool> = fit.coefficients.iter().map(|&w| w == 0.0).collect();
    assert_eq!(zero, [true, false, true, false, true], "{fit}");
    // What makes it a minimum: the gradient is α where a coefficient is not 0, and no larger elsewhere.
    let centred = &x - &x.mean_axis(Axis(0)).unwrap();
    for (x, &w) in centred.columns().into_iter().zip(&fit.coefficients) {
        let slope = x.dot(&fit.residuals) / 50.0;
        assert!(if w == 0.0 { slope.abs() <= 0.1 } else { (slope - 0.1 * w.signum()).abs() < 1e-12 }, "{slope} at {w}");
    }
}

#[test]
fn an_ill_conditioned_matrix_tells_the_three_ways_apart() {
    // Läuchli's matrix: 1 + δ² is 1 in f64, and AᵀA is singular.
    let delta = 1e-9;
    let a = array![[1.0, 1.0], [delta, 0.0], [0.0, delta]];
    let b = a.dot(&array![1.0, 2.0]);
    let worst = |x: Array1<f64>| (x - array![1.0, 2.0]).iter().fold(0.0, |m: f64, e| m.max(e.abs()));
    assert!(
        matches!(lstsq(&a, &b, LeastSquares::NormalEquations), Err(Error::Singular { condition, .. }) if condition > 1e17)
    );
    assert!(worst(lstsq(&a, &b, LeastSquares::Qr).unwrap()) < 1e-6);
    assert!(worst(lstsq(&a, &b, SVD).unwrap()) < 1e-6);
    // Of no full rank at all: only the SVD answers, with the shortest solution.
    let flat = array![[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]];
    assert!(matches!(lstsq(&flat, &b, LeastSquares::Qr), Err(Error::Singular { .. })));
    let x = lstsq(&flat, &array![2.0, 2.0, 2.0], SVD).unwrap();
    assert!(worst(x + array![0.0, 1.0]) < 1e-14);
}

#[test]
fn single_precision() {
    let a =
        Array2::from_shape_fn((20, 20), |(i, j)| if i == j { 3.0_f32 } else { ((i * 7 + j * 3) as f32).sin() / 4.0 });
    let x = Array1::from_shape_fn(20, |i| i as f32 / 10.0);
    let b = a.dot(&x);
    assert!((solve(&a, &b).unwrap() - &x).iter().all(|e| e.abs() < 1e-5));
    assert!((lstsq(&a, &b, SVD).unwrap() - &x).iter().all(|e| e.abs() < 1e-5));
    assert!((symmetric_eigen(&(&a + &a.t())).unwrap().values.sum() - 120.0).abs() < 1e-3);
    assert_eq!(rank(&a, None).unwrap(), 20);
    let zero = Array2::<f32>::zeros((3, 2));
    assert_eq!(rank(&zero, None).unwrap(), 0);
    assert_eq!(pinv(&zero, None).unwrap(), Array2::<f32>::zeros((2, 3)));
}

#[test]
fn sizes_far_from_one() {
    for scale in [1e-160, 1e160] {
        let a: Array2<f64> = array![[2.0, 1.0], [1.0, 3.0]] * scale;
        assert!((cond(&a).unwrap() - 2.618_033_988_749_895).abs() < 1e-14);
        assert!((symmetric_eigen(&a).unwrap().values[1] / scale - 3.618_033_988_749_895).abs() < 1e-14);
        assert!((eigenvalues(&a).unwrap()[0].re / scale - 3.618_033_988_749_895).abs() < 1e-14);
        let b = array![3.0, 4.0];
        assert!((solve(&a, &b).unwrap() * scale - array![1.0, 1.0]).iter().all(|e: &f64| e.abs() < 1e-15));
    }
}

#[test]
fn what_does_not_fit_is_named() {
    let wide = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
    let square = array![[2.0, 1.0], [1.0, 3.0]];
    let empty = Array2::<f64>::zeros((0, 0));
    let nan = array![[1.0, 2.0], [f64::NAN, 4.0]];
    let messages = [
        (det(&wide).map(drop), "det: a matrix of shape [2, 3]: must be square"),
        (trace(&wide).map(drop), "trace: a matrix of shape [2, 3]: must be square"),
        (
            lu(&empty).map(drop),
            "lu: a matrix of shape [0, 0] has no elements; must have at least one row and one column",
        ),
        (svd(&nan).map(drop), "svd: element [1, 0] is NaN: all elements must be finite"),
        (
            qr(&(1.0 / &Array2::<f64>::zeros((1, 1)))).map(drop),
            "qr: element [0, 0] is inf: all elements must be finite",
        ),
        (
            cholesky(&array![[1.0, 2.0], [3.0, 4.0]]).map(drop),
            "cholesky: elements [0, 1] = 2 and [1, 0] = 3 differ: the matrix must be symmetric",
        ),
        (
            solve(&square, &array![1.0, 2.0, 3.0]).map(drop),
            "solve: a matrix of shape [2, 2] and a right-hand side of shape [3]: the numbers of rows differ (2 and 3)",
        ),
        (
            inverse(&array![[1.0, 1.0], [1.0, 1.0 + 1e-16]]).map(drop),
            "inverse: the matrix is singular to working precision: its condition number is inf; \
             pinv, or lstsq by svd, gives the solution of least norm",
        ),
        (
            solve_triangular(&array![[1.0, 0.0], [1.0, 0.0]], Triangle::Lower, &array![1.0, 2.0]).map(drop),
            "solve_triangular: the matrix is singular to working precision: its condition number is inf; \
             pinv, or lstsq by svd, gives the solution of least norm",
        ),
        (
            power_iteration(&array![[0.0, -1.0], [1.0, 0.0]], 1e-9, 100).map(drop),
            "power_iteration: no convergence in 100 iterations",
        ),
        (
            power_iteration(&square, 0.0, 100).map(drop),
            "power_iteration: tolerance = 0: must be a finite number greater than 0",
        ),
        (
            lstsq(&wide, &array![1.0, 2.0], LeastSquares::Svd { rcond: Some(-1.0) }).map(drop),
            "lstsq: rcond = -1: must be 0 or more",
        ),
    ];
    for (result, message) in messages {
        assert_eq!(result.unwrap_err().to_string(), message);
    }
}

#[test]
fn regressions_that_cannot_be_are_named() {
    let (x, y) = (array![[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]], array![1.0, 2.0, 3.0]);
    let fit = |solver| LinearRegression::fit(&x, &y, solver).unwrap_err().to_string();
    let descent = |lr| fit(Solver::GradientDescent { lr: Some(lr), tolerance: 1e-9, most: 10 });
    assert!(
        fit(Solver::LeastSquares(LeastSquares::Qr))
            .starts_with("lstsq by qr: the matrix is singular to working precision"),
    );
    assert_eq!(
        descent(1.0),
        "gradient_descent: lr = 1: gradient descent diverges; must be less than 2/λmax = 0.6000000000000001"
    );
    assert_eq!(descent(-1.0), "gradient_descent: lr = -1: must be a finite number greater than 0");
    assert_eq!(descent(1e-3), "gradient_descent: no convergence in 10 iterations");
    assert_eq!(fit(Solver::Ridge { alpha: f64::NAN }), "ridge: alpha = NaN: must be a finite number, 0 or greater");
    assert_eq!(fit(Solver::ElasticNet { alpha: 1.0, l1_ratio: 2.0 }), "elastic_net: l1_ratio = 2: must be from 0 to 1");
    let error =
        LinearRegression::fit_sgd(&x, &y, &Sgd { batch_size: 0, ..Sgd::default() }, &mut StdRng::seed_from_u64(0));
    assert_eq!(error.unwrap_err().to_string(), "sgd: batch_size = 0: must be at least 1");
    let error = LinearRegression::fit(&x, &array![1.0], Solver::Ridge { alpha: 1.0 }).unwrap_err();
    assert_eq!(
        error.to_string(),
        "linear_regression: a matrix of shape [3, 2] and a right-hand side of shape [1]: the numbers of rows differ (3 and 1)"
    );
    // Ridge and the SVD answer all the same.
    let fit = LinearRegression::fit(&x, &y, Solver::LeastSquares(SVD)).unwrap();
    assert!((fit.coefficients - array![0.2, 0.4]).iter().all(|e: &f64| e.abs() < 1e-14));
    assert_eq!(fit.r_squared, 1.0);
    let ridge = LinearRegression::fit(&x, &y, Solver::Ridge { alpha: 1e-3 }).unwrap();
    assert_eq!(
        ridge.predict(&array![[1.0, 2.0, 3.0]]).unwrap_err().to_string(),
        "predict: [1, 3] · [2, 1]: inner dimensions differ (3 and 2)"
    );
}
