//! Laws of projections, bases and statistics.

use gradus_linalg::ndarray::{Array1, Array2, Axis};
use gradus_linalg::statistics::{correlation, covariance, mean, standardize, variance};
use gradus_linalg::{dot, gram_schmidt, l2_norm, matmul, project, project_onto_hyperplane, project_onto_subspace};
use gradus_testing::strategies::matrix;
use gradus_testing::{Tolerance, assert_close};
use proptest::prelude::*;

/// Tall matrices of any layout, and a vector as long as a column.
fn tall() -> impl Strategy<Value = (Array2<f64>, Array1<f64>)> {
    (1..6_usize, 0..8_usize)
        .prop_flat_map(|(k, more)| (matrix(k + more, k), matrix(k + more, 1).prop_map(|x| x.column(0).to_owned())))
}

/// Observations in rows, at least two.
fn data() -> impl Strategy<Value = Array2<f64>> {
    (2..40_usize, 1..6_usize).prop_flat_map(|(n, p)| matrix(n, p))
}

proptest! {
    #[test]
    fn a_basis_is_orthonormal_and_spans_the_columns((columns, _) in tall()) {
        let q = match gram_schmidt(&columns) {
            Ok(q) => q,
            Err(_) => return Err(TestCaseError::reject("dependent columns")),
        };
        let identity = Array2::<f64>::eye(q.ncols());
        prop_assert!((matmul(&q.t(), &q)? - &identity).iter().all(|e: &f64| e.abs() < 1e-14));
        // R is triangular, and Q R gives the columns back.
        let r = matmul(&q.t(), &columns)?;
        prop_assert!(r.indexed_iter().all(|((i, j), r)| i <= j || r.abs() < 1e-13));
        assert_close(&matmul(&q, &r)?, &columns, Tolerance::F64, "Q R");
    }

    #[test]
    fn nearly_dependent_columns_give_an_orthogonal_basis((columns, _) in tall(), exponent in 1..13_i32) {
        let mut columns = columns;
        let tiny = 10.0_f64.powi(-exponent);
        let first = columns.column(0).to_owned();
        for mut column in columns.columns_mut().into_iter().skip(1) {
            column.zip_mut_with(&first, |x, &first| *x = first + tiny * *x);
        }
        if let Ok(q) = gram_schmidt(&columns) {
            prop_assert!((matmul(&q.t(), &q)? - Array2::<f64>::eye(q.ncols())).iter().all(|e: &f64| e.abs() < 1e-14));
        }
    }

    #[test]
    fn a_projection_leaves_what_is_orthogonal((columns, x) in tall(), offset in -1.0..1.0_f64) {
        if let Ok(p) = project_onto_subspace(&x, &columns) {
            let rest = &x - &p;
            for column in columns.columns() {
                prop_assert!(dot(&rest, &column)?.abs() < 1e-13 * (1.0 + l2_norm(&x)));
            }
            prop_assert!(l2_norm(&(&project_onto_subspace(&p, &columns)? - &p)) < 1e-13 * (1.0 + l2_norm(&x)));
        }
        let normal = columns.column(0);
        prop_assume!(l2_norm(&normal) > 1e-3);
        let p = project_onto_hyperplane(&x, &normal, offset)?;
        prop_assert!((dot(&p, &normal)? - offset).abs() < 1e-12);
        // With a plane through the origin, it is what the projection onto the normal leaves.
        let through = project_onto_hyperplane(&x, &normal, 0.0)?;
        prop_assert!(l2_norm(&(&through - &(&x - &project(&x, &normal)?))) < 1e-13);
    }

    #[test]
    fn moments_by_their_definitions(x in data(), correction in 0..2_usize) {
        let n = x.nrows() as f64;
        let m = x.sum_axis(Axis(0)) / n;
        assert_close(&mean(&x, 0)?, &m, Tolerance::F64, "mean");
        let centred = &x - &m;
        let c = centred.t().dot(&centred) / (n - correction as f64);
        let found = covariance(&x, correction)?;
        assert_close(&found, &c, Tolerance::F64, "covariance");
        prop_assert_eq!(&found, &found.t());
        assert_close(&variance(&x, 0, correction)?, &c.diag(), Tolerance::F64, "variance");
        assert_close(&variance(&x.t(), 1, correction)?, &c.diag(), Tolerance::F64, "variance, the other axis");
        let r = correlation(&x)?;
        for ((i, j), &r) in r.indexed_iter() {
            prop_assert!(r.is_nan() || r.abs() <= 1.0);
            let by_covariance = c[[i, j]] / (c[[i, i]] * c[[j, j]]).sqrt();
            prop_assert!(r.is_nan() || (r - by_covariance).abs() < 1e-9);
        }
    }

    #[test]
    fn statistics_do_not_see_the_origin(x in data(), shift in -1e6..1e6_f64) {
        let shifted = &x + shift;
        assert_close(&covariance(&shifted, 1)?.mapv(|c| c + 1.0), &covariance(&x, 1)?.mapv(|c| c + 1.0), Tolerance { relative: 1e-8, ..Tolerance::F64 }, "covariance");
    }

    #[test]
    fn standardized_columns_have_mean_0_and_deviation_1(x in data()) {
        let (z, by) = standardize(&x)?;
        prop_assert!(mean(&z, 0)?.iter().all(|m| m.abs() < 1e-12));
        for (v, s) in variance(&z, 0, 0)?.iter().zip(&by.scale) {
            prop_assert!((v - 1.0).abs() < 1e-9 || *v == 0.0, "{} {}", v, s);
        }
        assert_close(&by.invert(&z)?, &x, Tolerance::F64, "and back");
        prop_assert_eq!(by.apply(&x)?, z);
    }
}

#[test]
fn columns_that_span_too_little() {
    assert!(correlation(&Array2::<f64>::ones((1, 2))).unwrap().iter().all(|r| r.is_nan()));
    assert!(gram_schmidt(&Array2::<f64>::ones((1, 2))).is_err());
    assert!(gram_schmidt(&Array2::from_elem((2, 1), f64::NAN)).is_err());
}
