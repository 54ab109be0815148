//! Kernels over rows, each against its definition.

use gradus_linalg::ndarray::aview1;
use gradus_linalg::rows;
use gradus_testing::{Tolerance, assert_close};
use proptest::prelude::*;

/// Rows short and long: below and above a vector, and above the leaf of the sum's tree.
fn row() -> impl Strategy<Value = Vec<f64>> {
    prop_oneof![4 => 0..70_usize, 1 => 1000..3000_usize].prop_flat_map(|n| prop::collection::vec(-30.0..30.0_f64, n))
}

fn close(found: f64, expected: f64) {
    assert_close(&aview1(&[found]), &aview1(&[expected]), Tolerance::F64, "row");
}

proptest! {
    #[test]
    fn sums(x in row()) {
        close(rows::sum(&x), x.iter().sum());
        close(rows::sum_of(&x, f64::exp), x.iter().map(|x| x.exp()).sum());
        close(rows::dot(&x, &x), x.iter().map(|x| x * x).sum());
        prop_assert_eq!(rows::sum_of(&x, |x| x).to_bits(), rows::sum(&x).to_bits());
    }

    #[test]
    fn moments(x in row(), offset in -1e6..1e6_f64) {
        prop_assume!(!x.is_empty());
        let n = x.len() as f64;
        let mean = x.iter().sum::<f64>() / n;
        let variance = x.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
        close(rows::mean(&x), mean);
        close(rows::variance(&x, 0), variance);
        // The variance does not see where zero is.
        let shifted: Vec<f64> = x.iter().map(|x| x + offset).collect();
        prop_assert!((rows::variance(&shifted, 0) - variance).abs() <= 1e-8 * (1.0 + variance));
        if x.len() > 1 {
            close(rows::variance(&x, 1), variance * n / (n - 1.0));
        }
    }

    #[test]
    fn extremes(x in row(), at in any::<prop::sample::Index>()) {
        prop_assert_eq!(rows::max(&x), x.iter().copied().fold(f64::NEG_INFINITY, f64::max));
        prop_assert_eq!(rows::min(&x), x.iter().copied().fold(f64::INFINITY, f64::min));
        if !x.is_empty() {
            let mut x = x;
            let i = at.index(x.len());
            x[i] = f64::NAN;
            prop_assert!(rows::max(&x).is_nan() && rows::min(&x).is_nan());
            prop_assert!(rows::log_sum_exp(&x).is_nan() && rows::sum(&x).is_nan());
        }
    }

    #[test]
    fn softmax_and_its_kin(x in row(), count in 1..4_usize, shift in -1e3..1e3_f64) {
        prop_assume!(!x.is_empty());
        let n = x.len();
        let sum: f64 = x.iter().map(|x| x.exp()).sum();
        let expected: Vec<f64> = x.iter().map(|x| x.exp() / sum).collect();
        let many: Vec<f64> = (0..count).flat_map(|_| x.iter().map(|x| x + shift)).collect();
        let (mut y, mut log) = (vec![0.0; count * n], vec![0.0; count * n]);
        rows::softmax(n, &many, &mut y);
        rows::log_softmax(n, &many, &mut log);
        for (y, log) in y.chunks(n).zip(log.chunks(n)) {
            let tolerance = Tolerance::F64;
            assert_close(&aview1(y), &aview1(&expected), tolerance, "softmax");
            let logs: Vec<f64> = x.iter().map(|x| x - sum.ln()).collect();
            assert_close(&aview1(log), &aview1(&logs), tolerance, "log_softmax");
        }
        close(rows::log_sum_exp(&x), sum.ln());

        // Gradients by their formulae.
        let dy: Vec<f64> = many.iter().map(|x| (3.0 * x).sin()).collect();
        let (mut dx, mut dx_log) = (dy.clone(), dy.clone());
        rows::softmax_backward(n, &y, &mut dx);
        rows::log_softmax_backward(n, &log, &mut dx_log);
        for i in 0..count * n {
            let row = i / n * n..i / n * n + n;
            let inner: f64 = y[row.clone()].iter().zip(&dy[row.clone()]).map(|(y, dy)| y * dy).sum();
            let all: f64 = dy[row].iter().sum();
            prop_assert!((dx[i] - y[i] * (dy[i] - inner)).abs() < 1e-12);
            prop_assert!((dx_log[i] - (dy[i] - log[i].exp() * all)).abs() < 1e-10);
        }
    }
}

#[test]
fn empty_and_infinite_rows() {
    let (inf, none): (f64, [f64; 0]) = (f64::INFINITY, []);
    assert_eq!((rows::sum(&none), rows::max(&none), rows::min(&none)), (0.0, -inf, inf));
    assert!(rows::mean(&none).is_nan() && rows::variance(&none, 0).is_nan());
    assert_eq!(
        [rows::log_sum_exp(&none), rows::log_sum_exp(&[-inf, -inf]), rows::log_sum_exp(&[0.0, inf])],
        [-inf, -inf, inf]
    );
    assert_eq!(rows::log_sum_exp(&[-inf, 2.0]), 2.0);
    rows::softmax(0, &none, &mut []);
    let mut y = [0.0; 2];
    rows::softmax(2, &[-inf, 1.0], &mut y);
    assert_eq!(y, [0.0, 1.0]);
    rows::log_softmax(2, &[-inf, 1.0], &mut y);
    assert_eq!(y, [-inf, 0.0]);
    for row in [[-inf, -inf], [inf, 0.0], [f64::NAN, 0.0]] {
        rows::softmax(2, &row, &mut y);
        assert!(y.iter().all(|y| y.is_nan()));
    }
}
