//! Decompositions where libraries fail: singular matrices, the ends of the range, odd shapes and strides, structure.

use gradus_linalg::ndarray::{Array1, Array2, ArrayView2, array, s};
use gradus_linalg::{
    Error, Factorize, LeastSquares, cholesky, cond, det, eigenvalues, inverse, lstsq, lu, matmul, pinv, qr, rank,
    singular_values, slogdet, solve, svd, symmetric_eigen,
};
use gradus_testing::{Tolerance, assert_close};
use proptest::prelude::*;

/// Roundings of a backward stable algorithm, on elements up to 1.
const TOLERANCE: Tolerance = Tolerance { absolute: 1e-13, relative: 0.0, of_largest: 1e-13 };

/// Integers, zeros, powers of ten: what random matrices never are and people's matrices often.
fn structured(m: usize, n: usize) -> impl Strategy<Value = Array2<f64>> {
    let element = prop_oneof![
        prop::collection::vec(-2..=2_i32, m * n).prop_map(|v| v.into_iter().map(f64::from).collect::<Vec<_>>()),
        prop::collection::vec((any::<bool>(), -19..=19_i32), m * n)
            .prop_map(|v| v.into_iter().map(|(s, e)| if s { 10.0_f64.powi(e) } else { -10.0_f64.powi(e) }).collect()),
        prop::collection::vec(prop_oneof![Just(0.0), -1.0..1.0_f64], m * n),
        prop::collection::vec(prop_oneof![Just(1.0), Just(-1e-9), Just(1.0 + 1e-15)], m * n),
    ];
    element.prop_map(move |v| Array2::from_shape_vec((m, n), v).expect("as many"))
}

/// The same, divided by the largest element, so that tolerances are absolute.
fn to_one(a: Array2<f64>) -> Array2<f64> {
    let largest = a.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    if largest > 0.0 { a / largest } else { a }
}

proptest! {
    #![proptest_config(gradus_testing::proptest_cases(1000))]

    #[test]
    fn matrices_of_simple_structure(a in (1..7_usize, 1..7_usize).prop_flat_map(|(m, n)| structured(m, n))) {
        let a = to_one(a);
        let f = svd(&a)?;
        let k = f.singular_values.len();
        assert_close(&f.u.dot(&Array2::from_diag(&f.singular_values)).dot(&f.vt), &a, TOLERANCE, "U Σ Vᵀ");
        assert_close(&f.u.t().dot(&f.u), &Array2::<f64>::eye(k), TOLERANCE, "UᵀU");
        assert_close(&f.vt.dot(&f.vt.t()), &Array2::<f64>::eye(k), TOLERANCE, "VᵀV");
        assert_close(&singular_values(&a)?, &f.singular_values, TOLERANCE, "singular values alone");
        let f = qr(&a)?;
        assert_close(&f.q().dot(&f.r()), &a, TOLERANCE, "Q R");
        assert_close(&f.q().t().dot(&f.q()), &Array2::<f64>::eye(k), TOLERANCE, "QᵀQ");
    }

    #[test]
    fn squares_of_simple_structure(a in (1..7_usize).prop_flat_map(|n| structured(n, n))) {
        let a = to_one(a);
        let n = a.nrows();
        let f = lu(&a)?;
        assert_close(&f.l().dot(&f.u()), &f.p().dot(&a), TOLERANCE, "P A = L U");
        let found = eigenvalues(&a)?;
        prop_assert!((found.iter().map(|z| z.re).sum::<f64>() - a.diag().sum()).abs() < 1e-13 * n as f64);
        let squares: f64 = found.iter().map(|z| (z * z).re).sum();
        prop_assert!((squares - a.dot(&a).diag().sum()).abs() < 1e-13 * (n * n) as f64);
        let symmetric = &a + &a.t();
        let f = symmetric_eigen(&symmetric)?;
        assert_close(&f.vectors.dot(&Array2::from_diag(&f.values)).dot(&f.vectors.t()), &symmetric, TOLERANCE, "V Λ Vᵀ");
    }
}

#[test]
fn a_singular_matrix_has_factors() {
    let twice = |n: usize| Array2::from_shape_fn((n, n), |(i, j)| ((i * j) % 7) as f64 + (i / 2) as f64);
    let cases = [
        Array2::zeros((3, 3)),
        Array2::ones((5, 5)),
        array![[0.0, 1.0], [0.0, 0.0]],
        array![[0.0, 1.0, 2.0], [0.0, 0.0, 3.0], [0.0, 4.0, 5.0]],
        array![[0.0]],
        twice(40),
    ];
    for a in cases {
        let f = lu(&a).unwrap();
        assert_close(&f.l().dot(&f.u()), &f.p().dot(&a), TOLERANCE, "P A = L U");
        assert!(det(&a).unwrap().abs() < 1e-9, "{a}");
        assert!(slogdet(&a).unwrap().1 < -20.0, "{a}");
        let b = Array1::ones(a.nrows());
        let Err(Error::Singular { operation: "solve", condition }) = solve(&a, &b) else { panic!("{a}") };
        assert!(condition > 1e15, "{condition:e}");
        assert!(matches!(inverse(&a), Err(Error::Singular { operation: "inverse", .. })));
    }
}

#[test]
fn columns_rows_and_single_numbers() {
    let row = array![[3.0, 0.0, -4.0]];
    for a in [row.view(), row.t()] {
        let f = svd(&a).unwrap();
        assert_close(&f.singular_values, &array![5.0], TOLERANCE, "length");
        assert_close(&matmul(&(f.u * 5.0), &f.vt).unwrap(), &a, TOLERANCE, "U Σ Vᵀ");
        let f = qr(&a).unwrap();
        assert_close(&f.q().dot(&f.r()), &a, TOLERANCE, "Q R");
        assert_close(&pinv(&a, None).unwrap(), &(&a.t() / 25.0), TOLERANCE, "A⁺");
        assert_eq!((rank(&a, None).unwrap(), cond(&a).unwrap()), (1, 1.0));
        let shortest = lstsq(&a, &Array1::ones(a.nrows()), LeastSquares::Qr).unwrap();
        assert_close(&a.t().dot(&(a.dot(&shortest) - 1.0)), &Array1::<f64>::zeros(a.ncols()), TOLERANCE, "Aᵀ r");
    }
    let one = array![[-2.0]];
    assert_eq!(inverse(&one).unwrap(), array![[-0.5]]);
    assert_eq!(det(&one).unwrap(), -2.0);
    assert_eq!(eigenvalues(&one).unwrap()[0].re, -2.0);
    assert_eq!(symmetric_eigen(&one).unwrap().values, array![-2.0]);
    assert_eq!(singular_values(&one).unwrap(), array![2.0]);
    assert_close(&cholesky(&-one).unwrap().l(), &array![[2.0_f64.sqrt()]], TOLERANCE, "√2");
}

#[test]
fn nothing_at_all_is_an_error() {
    for shape in [(0, 0), (0, 3), (3, 0)] {
        let a = Array2::<f64>::zeros(shape);
        let b = Array1::zeros(shape.0);
        let results = [
            svd(&a).map(drop),
            qr(&a).map(drop),
            pinv(&a, None).map(drop),
            rank(&a, None).map(drop),
            lstsq(&a, &b, LeastSquares::NormalEquations).map(drop),
        ];
        assert!(results.iter().all(|r| matches!(r, Err(Error::EmptyMatrix { .. }))), "{results:?}");
    }
    let a = Array2::<f64>::zeros((0, 0));
    let results = [lu(&a).map(drop), cholesky(&a).map(drop), eigenvalues(&a).map(drop), symmetric_eigen(&a).map(drop)];
    assert!(results.iter().all(|r| matches!(r, Err(Error::EmptyMatrix { .. }))), "{results:?}");
}

/// A matrix with all of its numbers at an end of the range, against the same near 1.
fn scaled<F: Factorize>(scale: f64, tolerance: Tolerance) -> Result<(), Error> {
    let near = array![[4.0, 1.0, -2.0], [1.0, 3.0, 0.5], [-2.0, 0.5, 5.0]]; // definite
    let exact = F::from_f64(scale).to_f64();
    let a = near.mapv(|x| F::from_f64(x * scale));
    let near = a.mapv(|x| x.to_f64() / exact);
    let relative = |x: F| x.to_f64() / exact;
    let f = svd(&a)?;
    assert_close(&f.singular_values.mapv(relative), &singular_values(&near)?, tolerance, "singular values");
    assert_close(&f.u.mapv(|x| x.to_f64().abs()), &svd(&near)?.u.mapv(f64::abs), tolerance, "U");
    let f = symmetric_eigen(&a)?;
    assert_close(&f.values.mapv(relative), &symmetric_eigen(&near)?.values, tolerance, "symmetric");
    let found = eigenvalues(&a)?.mapv(|z| relative(z.re));
    assert_close(&found, &eigenvalues(&near)?.mapv(|z| z.re), tolerance, "eigenvalues");
    let f = lu(&a)?;
    assert_close(&f.l().mapv(|x| x.to_f64()), &lu(&near)?.l(), tolerance, "L");
    assert_close(&f.u().mapv(relative), &lu(&near)?.u(), tolerance, "U of L U");
    assert_close(&qr(&a)?.r().mapv(relative), &qr(&near)?.r(), tolerance, "R");
    let l = cholesky(&a)?.l().mapv(|x| x.to_f64() / exact.sqrt());
    assert_close(&l, &cholesky(&near)?.l(), tolerance, "Cholesky");
    let x = solve(&a, &a.column(1))?.mapv(|x| x.to_f64());
    assert_close(&x, &array![0.0, 1.0, 0.0], tolerance, "solve");
    for method in [LeastSquares::NormalEquations, LeastSquares::Qr, LeastSquares::Svd { rcond: None }] {
        let x = lstsq(&a, &a.column(2), method)?.mapv(|x| x.to_f64());
        assert_close(&x, &array![0.0, 0.0, 1.0], tolerance, "lstsq");
    }
    assert!((cond(&a)? / cond(&near)? - 1.0).abs() < 1e-13);
    Ok(())
}

#[test]
fn the_ends_of_the_range() {
    let double = Tolerance { absolute: 1e-13, relative: 0.0, of_largest: 0.0 };
    for scale in [1e-305, 1e-200, 1.0, 1e200, 1e307] {
        scaled::<f64>(scale, double).unwrap();
    }
    // Each result is rounded once.
    let single = Tolerance { absolute: 3e-7, relative: 1.2e-7, of_largest: 0.0 };
    for scale in [1e-37, 1.0, 1e37] {
        scaled::<f32>(scale, single).unwrap();
    }
    // Subnormal numbers have few digits to lose: these are powers of two.
    let tiny = f64::from_bits(1);
    let a = array![[2.0 * tiny, 0.0], [0.0, tiny]];
    assert_eq!(singular_values(&a).unwrap(), array![2.0 * tiny, tiny]);
    assert_eq!(cond(&a).unwrap(), 2.0);
    assert_eq!(solve(&a, &array![4.0 * tiny, 3.0 * tiny]).unwrap(), array![2.0, 3.0]);
}

#[test]
fn views_of_any_strides() {
    let large = Array2::from_shape_fn((12, 14), |(i, j)| ((3 * i * i + 5 * i * j + 7 * j + 1) as f64).sin());
    let views: [ArrayView2<'_, f64>; 4] = [
        large.slice(s![2..8, 3..9]),
        large.slice(s![..;2, ..12;2]),
        large.slice(s![..6;-1, ..6]),
        large.slice(s![..6, 4..10]).reversed_axes(),
    ];
    for view in views {
        let plain = view.as_standard_layout().into_owned();
        let b = view.column(2);
        assert_eq!(lu(&view).unwrap().u(), lu(&plain).unwrap().u());
        assert_eq!(qr(&view).unwrap().r(), qr(&plain).unwrap().r());
        assert_eq!(svd(&view).unwrap().u, svd(&plain).unwrap().u);
        assert_eq!(eigenvalues(&view).unwrap(), eigenvalues(&plain).unwrap());
        assert_eq!(solve(&view, &b).unwrap(), solve(&plain, &b.to_owned()).unwrap());
        let wide = view.slice(s![..3, ..]);
        let x = lstsq(&wide, &b.slice(s![..3]), LeastSquares::Qr).unwrap();
        assert_close(&wide.dot(&x), &b.slice(s![..3]), TOLERANCE, "A x");
    }
}

#[test]
fn single_precision_loses_nothing_but_the_last_rounding() {
    // κ = 1e5: plain f32 would lose five of its seven digits.
    let a = Array2::from_shape_fn((20, 4), |(i, j)| ((i + 1) as f32 / 20.0).powi(j as i32) + 1e-3 * (i * j) as f32);
    let wide = a.mapv(f64::from);
    let found = singular_values(&a).unwrap().mapv(f64::from);
    let exact = singular_values(&wide).unwrap();
    assert!(found.iter().zip(&exact).all(|(x, y)| (x / y - 1.0).abs() < 6e-8), "{found} {exact}");
    let truth = array![1.0_f32, -2.0, 3.0, 0.5];
    let b = wide.dot(&truth.mapv(f64::from));
    let close = |x: Array1<f64>| (x - truth.mapv(f64::from)).iter().all(|e| e.abs() < 1e-6);
    for method in [LeastSquares::NormalEquations, LeastSquares::Qr, LeastSquares::Svd { rcond: None }] {
        assert!(close(lstsq(&wide, &b, method).unwrap()));
        // The same with data rounded to f32: the error is theirs alone, and the same for all three.
        let rounded = b.mapv(|x| x as f32);
        let x = lstsq(&a, &rounded, method).unwrap();
        let best = lstsq(&wide, &rounded.mapv(f64::from), LeastSquares::Qr).unwrap();
        assert!(x.iter().zip(&best).all(|(&x, &y)| (f64::from(x) - y).abs() < 1e-6), "{x} {best}");
    }
}

#[test]
fn normal_equations_lose_twice_the_digits() {
    // Twice as many rows of the Hilbert matrix as columns: κ from 10² to 10⁷.
    let mut shares = Vec::new();
    for n in 3..=6 {
        let a = Array2::from_shape_fn((2 * n, n), |(i, j)| 1.0 / (i + j + 1) as f64);
        let truth = Array1::from_shape_fn(n, |i| 1.0 + i as f64);
        let b = a.dot(&truth);
        let digits_of_condition = cond(&a).unwrap().log10();
        let lost = |method| {
            let x = lstsq(&a, &b, method).unwrap();
            let error = (&x - &truth).iter().zip(&truth).map(|(e, t)| (e / t).abs()).fold(0.0, f64::max);
            (error / f64::EPSILON).max(1.0).log10() / digits_of_condition
        };
        let (normal, qr, svd) =
            (lost(LeastSquares::NormalEquations), lost(LeastSquares::Qr), lost(LeastSquares::Svd { rcond: None }));
        assert!(normal < 2.2, "{n}: {normal} of the digits of κ");
        assert!(qr < 1.1 && svd < 1.1, "{n}: {qr} {svd} of the digits of κ");
        shares.push(normal);
    }
    // A single system may be lucky in its roundings; four are not.
    let mean = shares.iter().sum::<f64>() / shares.len() as f64;
    assert!(mean > 1.4, "{mean} of the digits of κ: {shares:?}");
}

#[test]
fn large_enough_for_every_block() {
    // Beyond the sizes at which the library and the triangular solver go by blocks and by halves.
    let n = 150;
    let a = Array2::from_shape_fn((n, n), |(i, j)| ((7 * i * i + 13 * j + 3 * i * j) as f64).sin());
    let x = Array2::from_shape_fn((n, 3), |(i, j)| ((i + 2 * j) as f64).cos());
    let b = a.dot(&x);
    let tolerance = TOLERANCE.at_scale(cond(&a).unwrap());
    assert_close(&solve(&a, &b).unwrap(), &x, tolerance, "solve");
    assert_close(&solve(&a, &b.column(0)).unwrap(), &x.column(0), tolerance, "solve of one column");
    assert_close(&inverse(&a).unwrap().dot(&a), &Array2::<f64>::eye(n), tolerance, "A⁻¹ A");
    let definite = a.dot(&a.t()) / n as f64 + Array2::<f64>::eye(n);
    assert_close(&definite.dot(&cholesky(&definite).unwrap().solve(&b).unwrap()), &b, TOLERANCE.at_scale(1e3), "A x");
    let f = svd(&a).unwrap();
    assert_close(&f.u.dot(&Array2::from_diag(&f.singular_values)).dot(&f.vt), &a, TOLERANCE.at_scale(100.0), "U Σ Vᵀ");
    let not = &definite - &(2.0 * Array2::<f64>::eye(n));
    let Err(Error::NotPositiveDefinite { row, pivot, .. }) = cholesky(&not) else { panic!() };
    assert!(row < n && pivot <= 0.0, "{row} {pivot}");
}
