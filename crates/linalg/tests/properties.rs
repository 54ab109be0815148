//! Laws of norms, vectors, products and element-wise loops.

use gradus_linalg::elementwise::{
    broadcast_shape, map, map_in_place, sum_slice, sum_to, update, update2, zip, zip_in_place,
};
use gradus_linalg::ndarray::{Array1, Array2, ArrayD, Axis, Dimension, IxDyn};
use gradus_linalg::{
    Norm, angle, cosine_similarity, distance, dot, gemm, gemm_packed, l1_norm, l2_norm, lp_norm, matmul, max_norm,
    norm, project,
};
use gradus_testing::strategies::{any_layout, array, broadcast_shapes, matrix, product_sizes, shape, strided};
use gradus_testing::{Tolerance, assert_close};
use proptest::prelude::*;

/// Two vectors of one length, 1 to 40.
fn pairs() -> impl Strategy<Value = (Array1<f64>, Array1<f64>)> {
    (1..40_usize).prop_flat_map(|n| {
        let vector = || strided(&[n], -2.0..2.0).prop_map(|x| x.into_dimensionality().expect("one axis"));
        (vector(), vector())
    })
}

/// The orders for which the triangle inequality holds.
fn norms() -> impl Strategy<Value = Norm> {
    prop_oneof![Just(Norm::L1), Just(Norm::L2), Just(Norm::Max), (1.0..8.0_f64).prop_map(Norm::Lp)]
}

/// A product's operands and its old destination.
fn products() -> impl Strategy<Value = (Array2<f64>, Array2<f64>, Array2<f64>)> {
    product_sizes(40).prop_flat_map(|(m, k, n)| (matrix(m, k), matrix(k, n), matrix(m, n)))
}

/// The product as its definition has it.
fn plain(a: &Array2<f64>, b: &Array2<f64>) -> Array2<f64> {
    Array2::from_shape_fn((a.nrows(), b.ncols()), |(i, j)| (0..a.ncols()).map(|p| a[[i, p]] * b[[p, j]]).sum())
}

/// The element of an array that broadcasting puts at `index` of a larger shape.
fn broadcast_at(x: &ArrayD<f64>, index: &[usize]) -> f64 {
    let own: Vec<usize> = x
        .shape()
        .iter()
        .zip(&index[index.len() - x.ndim()..])
        .map(|(&size, &i)| if size == 1 { 0 } else { i })
        .collect();
    x[IxDyn(&own)]
}

proptest! {
    #[test]
    fn the_triangle_inequality((x, y) in pairs(), which in norms()) {
        let sum = norm(&(&x + &y), which)?;
        prop_assert!(sum <= (norm(&x, which)? + norm(&y, which)?) * (1.0 + 1e-13));
        // Distances are norms: the way over a third point is no shorter.
        let zero = Array1::zeros(x.len());
        prop_assert!(distance(&x, &y, which)? <= (distance(&x, &zero, which)? + distance(&zero, &y, which)?) * (1.0 + 1e-13));
    }

    #[test]
    fn homogeneity((x, _) in pairs(), which in norms(), c in -3.0..3.0_f64) {
        let (left, right) = (norm(&(c * &x), which)?, c.abs() * norm(&x, which)?);
        prop_assert!((left - right).abs() <= 1e-13 * right, "{left} {right}");
    }

    #[test]
    fn homogeneity_over_the_whole_range((x, _) in pairs(), p in 0.3..8.0_f64, exponent in -300..300_i32) {
        let c = 10.0_f64.powi(exponent);
        for which in [Norm::L1, Norm::L2, Norm::Max, Norm::Lp(p)] {
            let (left, right) = (norm(&(c * &x), which)? / c, norm(&x, which)?);
            prop_assert!((left - right).abs() <= 1e-12 * right, "{which:?}: {left} {right}");
        }
    }

    #[test]
    fn norms_by_their_definitions((x, _) in pairs(), p in 0.3..8.0_f64) {
        let close = |found: f64, wanted: f64| (found - wanted).abs() <= 1e-12 * wanted;
        prop_assert!(close(l1_norm(&x), x.iter().map(|x| x.abs()).sum()));
        prop_assert!(close(l2_norm(&x), x.iter().map(|x| x * x).sum::<f64>().sqrt()));
        prop_assert!(close(lp_norm(&x, p)?, x.iter().map(|x| x.abs().powf(p)).sum::<f64>().powf(1.0 / p)));
        prop_assert!(close(max_norm(&x), x.iter().fold(0.0, |m, x| x.abs().max(m))));
    }

    #[test]
    fn the_cauchy_schwarz_inequality((x, y) in pairs()) {
        prop_assert!(dot(&x, &y)?.abs() <= l2_norm(&x) * l2_norm(&y) * (1.0 + 1e-14));
    }

    #[test]
    fn the_cosine_is_that_of_the_angle((x, y) in pairs()) {
        let (cosine, angle) = (cosine_similarity(&x, &y)?, angle(&x, &y)?);
        prop_assert!((angle.cos() - cosine).abs() < 1e-14);
        prop_assert!((cosine - dot(&x, &y)? / (l2_norm(&x) * l2_norm(&y))).abs() < 1e-14);
    }

    #[test]
    fn a_projection_leaves_the_orthogonal_rest((x, y) in pairs()) {
        let p = project(&x, &y)?;
        prop_assert!(dot(&(&x - &p), &y)?.abs() <= 1e-13 * l2_norm(&x) * l2_norm(&y));
        prop_assert!(distance(&project(&p, &y)?, &p, Norm::L2)? <= 1e-14 * l2_norm(&x));
    }

    #[test]
    fn products_by_their_definition((a, b, c) in products(), alpha in -2.0..2.0_f64, beta in -2.0..2.0_f64) {
        let plain = plain(&a, &b);
        let tolerance = Tolerance::F64;
        assert_close(&matmul(&a, &b)?, &plain, tolerance, "A B");
        let mut out = c.clone();
        gemm(alpha, &a, &b, beta, &mut out)?;
        assert_close(&out, &(alpha * &plain + beta * &c), tolerance, "α A B + β C");
        out.assign(&c);
        gemm_packed(alpha, &a.view(), &b.t(), beta, &mut out)?;
        assert_close(&out, &(alpha * &plain + beta * &c), tolerance, "α A B + β C, packed");
        out.fill(f64::NAN);
        gemm(1.0, &a, &b, 0.0, &mut out)?;
        assert_close(&out, &plain, tolerance, "A B over NaN");
    }

    #[test]
    fn the_transpose_of_a_product((a, b, _) in products()) {
        assert_close(&matmul(&b.t(), &a.t())?, &matmul(&a, &b)?.t(), Tolerance::F64, "(A B)ᵀ");
    }

    #[test]
    fn zip_is_the_loop_over_indices(
        (x, y) in broadcast_shapes()
            .prop_flat_map(|(a, b)| (array(&a, -1.0..1.0).prop_flat_map(any_layout), array(&b, -1.0..1.0).prop_flat_map(any_layout)))
    ) {
        let f = |x: f64, y: f64| 2.0 * x - y;
        let shape = broadcast_shape("test", x.shape(), y.shape())?;
        let wanted = ArrayD::from_shape_fn(IxDyn(&shape), |i| f(broadcast_at(&x, i.slice()), broadcast_at(&y, i.slice())));
        prop_assert_eq!(&zip("test", &x, &y, f)?, &wanted);
        let mut z = x.broadcast(IxDyn(&shape)).expect("it is the shape of the broadcast").to_owned();
        zip_in_place("test", &mut z, &y, f)?;
        prop_assert_eq!(z, wanted);
    }

    #[test]
    fn map_keeps_places(x in shape().prop_flat_map(|s| strided(&s, -1.0..1.0))) {
        prop_assert_eq!(map(&x, |x| x * 3.0), x.mapv(|x| x * 3.0));
    }

    /// However what is written to lies in memory: with gaps, turned over, backwards.
    #[test]
    fn loops_in_place_are_those_over_indices(
        [x, y, z] in shape().prop_flat_map(|s| prop::array::uniform3(strided(&s, -1.0..1.0))),
    ) {
        let wanted = |f: fn(f64, f64, f64) -> f64| ArrayD::from_shape_fn(x.raw_dim(), |i| f(x[&i], y[&i], z[&i]));
        let mut mapped = x.clone();
        map_in_place(&mut mapped, |x| x * 3.0);
        prop_assert_eq!(mapped, wanted(|x, _, _| x * 3.0));
        let mut updated = x.clone();
        update(&mut updated, &y, |x, y| 2.0 * x - y);
        prop_assert_eq!(updated, wanted(|x, y, _| 2.0 * x - y));
        let mut updated = x.clone();
        update2(&mut updated, &y, &z, |x, y, z| x * y - z);
        prop_assert_eq!(updated, wanted(|x, y, z| x * y - z));
        let mut zipped = x.clone();
        zip_in_place("test", &mut zipped, &y, |x, y| 2.0 * x - y)?;
        prop_assert_eq!(zipped, wanted(|x, y, _| 2.0 * x - y));
    }

    #[test]
    fn sum_to_is_the_loop_over_indices(
        (small, x) in broadcast_shapes().prop_flat_map(|(a, b)| {
            let large = broadcast_shape("test", &a, &b).expect("they broadcast");
            (Just(b), strided(&large, -1.0..1.0))
        })
    ) {
        let mut wanted = ArrayD::<f64>::zeros(IxDyn(&small));
        for (index, &value) in x.indexed_iter() {
            let at: Vec<usize> = small
                .iter()
                .zip(&index.slice()[x.ndim() - small.len()..])
                .map(|(&size, &i)| if size == 1 { 0 } else { i })
                .collect();
            wanted[IxDyn(&at)] += value;
        }
        assert_close(&sum_to(&x, &small), &wanted, Tolerance::F64, "sum");
    }

    #[test]
    fn broadcasting_and_sum_to_are_adjoint(
        (x, y) in broadcast_shapes().prop_flat_map(|(a, b)| {
            let large = broadcast_shape("test", &a, &b).expect("they broadcast");
            (array(&a, -1.0..1.0), array(&large, -1.0..1.0))
        })
    ) {
        // ⟨broadcast(x), y⟩ = ⟨x, sum_to(y)⟩
        let broadcast = zip("test", &x, &y, |x, _| x)?;
        let (left, right) = ((&broadcast * &y).sum(), (&x * &sum_to(&y, x.shape())).sum());
        prop_assert!((left - right).abs() < 1e-12, "{left} {right}");
    }

    #[test]
    fn the_sum_in_a_tree_is_a_sum(n in 0..5000_usize) {
        let numbers: Vec<f64> = (0..n).map(|i| i as f64).collect();
        prop_assert_eq!(sum_slice(&numbers), (n * n.saturating_sub(1) / 2) as f64); // whole numbers are exact
    }
}

#[test]
fn nothing_has_length_zero() {
    let empty = Array1::<f64>::zeros(0);
    for which in [Norm::L0, Norm::L1, Norm::L2, Norm::Lp(0.5), Norm::Max, Norm::Min] {
        assert_eq!(norm(&empty, which), Ok(0.0));
    }
    assert_eq!(dot(&empty, &empty), Ok(0.0));
}

#[test]
fn faults_are_not_hidden() {
    for x in [f64::NAN, f64::INFINITY] {
        let x = Array1::from(vec![1.0, x, 2.0]);
        for which in [Norm::L1, Norm::L2, Norm::Lp(0.5), Norm::Max] {
            assert!(!norm(&x, which).expect("a proper order").is_finite(), "{which:?}");
        }
    }
    for p in [0.0, -1.0, f64::NAN, f64::NEG_INFINITY] {
        assert!(lp_norm(&Array1::<f64>::ones(2), p).is_err());
    }
    let columns = Array2::<f64>::zeros((2, 3));
    assert!(gradus_linalg::cosine_similarity_along(&columns, &columns, 2, 1e-8).is_err());
    assert!(columns.sum_axis(Axis(0)).iter().all(|&x| x == 0.0));
}
