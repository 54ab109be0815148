//! What the initializers promise of the arrays that they return.

use gradus_nn_layers::ndarray::{Array1, Array2, Array3, Array4, ArrayD, IxDyn, array};
use gradus_nn_layers::{Error, Real, init};
use gradus_testing::{Tolerance, assert_close};
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

proptest! {
    #[test]
    fn orthogonal_rows_or_columns_are_orthonormal_times_the_gain(
        shape in proptest::collection::vec(0..6_usize, 2..5), gain in -3.0..3.0_f64, seed in any::<u64>(),
    ) {
        let w: ArrayD<f64> = init::orthogonal(shape.as_slice(), gain, &mut rng(seed)).unwrap();
        prop_assert_eq!(w.shape(), &shape[..]);
        let (rows, columns) = (shape[0], shape[1..].iter().product::<usize>());
        let w = w.into_shape_with_order((rows, columns)).unwrap();
        let product = if rows <= columns { w.dot(&w.t()) } else { w.t().dot(&w) };
        let expected = Array2::<f64>::eye(rows.min(columns)) * (gain * gain);
        assert_close(&product, &expected, Tolerance::F64, "W Wᵀ");
    }

    #[test]
    fn truncated_normal_stays_within_its_bounds(
        mean in -5.0..5.0_f64, std in 0.01..10.0_f64, low in -30.0..30.0_f64, width in 1e-6..40.0_f64, seed in any::<u64>(),
    ) {
        let high = low + width;
        let w: Array1<f64> = init::truncated_normal(50, mean, std, low, high, &mut rng(seed)).unwrap();
        prop_assert!(w.iter().all(|w| (low..=high).contains(w)));
        let w: Array1<f32> = init::truncated_normal(50, mean, std, low, high, &mut rng(seed)).unwrap();
        prop_assert!(w.iter().all(|w| (low as f32..=high as f32).contains(w)));
    }

    #[test]
    fn each_column_of_a_sparse_weight_has_the_zeros_it_should(
        rows in 0..12_usize, columns in 0..6_usize, sparsity in 0.0..=1.0_f64, seed in any::<u64>(),
    ) {
        let w: Array2<f64> = init::sparse((rows, columns), sparsity, 0.1, &mut rng(seed)).unwrap();
        prop_assert_eq!(w.dim(), (rows, columns));
        let zeros = (sparsity * rows as f64).ceil() as usize;
        for column in w.columns() {
            prop_assert_eq!(column.iter().filter(|w| **w == 0.0).count(), zeros);
        }
    }
}

/// Mean and variance of the truncated normal distribution, by the trapezoidal rule over its density.
fn moments(mean: f64, std: f64, low: f64, high: f64) -> (f64, f64) {
    let (a, b) = (low.max(mean - 12.0 * std), high.min(low.max(mean) + 12.0 * std));
    let steps = 200_000;
    let [mut mass, mut first, mut second] = [0.0; 3];
    // Relative to the density's largest value in the interval, so that far tails do not underflow.
    let top = (mean.clamp(a, b) - mean) / std;
    for i in 0..=steps {
        let x = a + (b - a) * f64::from(i) / f64::from(steps);
        let z = (x - mean) / std;
        let weight = ((top * top - z * z) / 2.0).exp() * if i == 0 || i == steps { 0.5 } else { 1.0 };
        mass += weight;
        first += weight * (x - a);
        second += weight * (x - a) * (x - a);
    }
    let first = first / mass;
    (a + first, second / mass - first * first)
}

#[test]
fn truncated_normal_has_the_moments_of_its_density() {
    // One case for each way of drawing: the whole, evenly from the middle, the tail, evenly from a narrow tail, the left tail.
    let cases = [
        (0.0, 1.0, -2.0, 2.0),
        (1.0, 2.0, -1.0, f64::INFINITY),
        (0.0, 1.0, -0.5, 1.0),
        (0.0, 1.0, 3.0, f64::INFINITY),
        (0.0, 1.0, 3.0, 3.1),
        (5.0, 0.5, f64::NEG_INFINITY, 3.0),
        (0.0, 1.0, -9.0, -8.0),
        (0.0, 1.0, 0.0, 1.0),
    ];
    for (mean, std, low, high) in cases {
        let n = 40_000;
        let w: Array1<f64> = init::truncated_normal(n, mean, std, low, high, &mut rng(3)).unwrap();
        let (expected_mean, expected_variance) = moments(mean, std, low, high);
        let m = w.sum() / n as f64;
        let v = w.mapv(|w| (w - m).powi(2)).sum() / n as f64;
        let case = format!("{mean} {std} [{low}, {high}]");
        // The mean of n samples is right to std/√n; five times that is allowed, and for the variance 5 %.
        assert!(
            (m - expected_mean).abs() < 5.0 * (expected_variance / n as f64).sqrt(),
            "{case}: {m}, {expected_mean}"
        );
        assert!((v / expected_variance - 1.0).abs() < 0.05, "{case}: {v}, {expected_variance}");
    }
}

#[test]
fn a_tail_however_far_out_is_no_trouble() {
    for low in [1e3, 1e7, 1e100, 1e300] {
        for high in [low * (1.0 + 1e-15), 2.0 * low, f64::INFINITY] {
            let w: Array1<f64> = init::truncated_normal(5, 0.0, 1.0, low, high, &mut rng(1)).unwrap();
            assert!(w.iter().all(|w| (low..=high).contains(w) && w.is_finite()), "{low} {high}: {w}");
        }
    }
    assert!(init::truncated_normal::<f64, _>(5, 0.0, 1e-10, 1e300, 2e300, &mut rng(1)).is_err());
}

#[test]
fn lecun_weights_have_one_over_fan_in_for_their_variance() {
    let uniform: Array2<f64> = init::lecun_uniform((300, 200), &mut rng(3)).unwrap();
    let normal: Array2<f64> = init::lecun_normal((300, 200), &mut rng(3)).unwrap();
    for w in [uniform, normal] {
        let variance = w.mapv(|w| w * w).sum() / w.len() as f64;
        assert!((variance * 200.0 - 1.0).abs() < 0.03, "{variance}");
    }
}

#[test]
fn orthogonal_matrices_are_drawn_evenly() {
    // Of all rotations and mirrors of the plane, half are rotations, and no direction is preferred.
    let (mut rotations, mut sum) = (0, [0.0; 2]);
    for seed in 0..2000 {
        let w: Array2<f64> = init::orthogonal((2, 2), 1.0, &mut rng(seed)).unwrap();
        rotations += usize::from(w[[0, 0]] * w[[1, 1]] - w[[0, 1]] * w[[1, 0]] > 0.0);
        sum = [sum[0] + w[[0, 0]], sum[1] + w[[1, 0]]];
    }
    assert!((900..1100).contains(&rotations), "{rotations}");
    assert!(sum.iter().all(|s| s.abs() < 5.0 * 1000_f64.sqrt()), "{sum:?}");
}

#[test]
fn an_f32_weight_is_the_rounded_f64_one() {
    fn draw<F: Real>() -> Vec<ArrayD<F>> {
        vec![
            init::orthogonal(IxDyn(&[3, 2, 2]), 0.5, &mut rng(1)).unwrap(),
            init::truncated_normal(IxDyn(&[3, 2]), 0.0, 1.0, -1.0, 2.0, &mut rng(1)).unwrap(),
            init::sparse((4, 3), 0.5, 1.0, &mut rng(1)).unwrap().into_dyn(),
            init::lecun_normal(IxDyn(&[3, 2]), &mut rng(1)).unwrap(),
        ]
    }
    for (narrow, wide) in draw::<f32>().into_iter().zip(draw::<f64>()) {
        assert_eq!(narrow, wide.mapv(|w| w as f32));
    }
}

#[test]
fn identities_hand_on_what_fits() {
    assert_eq!(init::eye::<f32>((3, 2)), array![[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]);
    // Two groups of two channels out and one in.
    let w: Array3<f64> = init::dirac((4, 1, 2), 2).unwrap();
    assert_eq!(w, array![[[0.0, 1.0]], [[0.0, 0.0]], [[0.0, 1.0]], [[0.0, 0.0]]]);
    let w: Array4<f64> = init::dirac((2, 3, 3, 3), 1).unwrap();
    assert_eq!((w[[0, 0, 1, 1]], w[[1, 1, 1, 1]], w.sum()), (1.0, 1.0, 2.0));
    for shape in [(0, 3, 3), (3, 0, 3), (3, 3, 0)] {
        assert_eq!(init::dirac::<f64, _>(shape, 1).unwrap().sum(), 0.0);
    }
}

#[test]
fn bad_arguments_are_named() {
    let message = |result: Result<ArrayD<f64>, Error>| result.unwrap_err().to_string();
    let shape = |shape: &[usize]| IxDyn(shape);
    let rng = &mut rng(1);
    let table = [
        (
            message(init::orthogonal(shape(&[5]), 1.0, rng)),
            "orthogonal: shape [5]: at least two axes, (out, in, kernel…), would fit",
        ),
        (
            message(init::orthogonal(shape(&[]), 1.0, rng)),
            "orthogonal: shape []: at least two axes, (out, in, kernel…), would fit",
        ),
        (message(init::orthogonal(shape(&[2, 2]), f64::NAN, rng)), "orthogonal: gain = NaN: a finite number would fit"),
        (
            message(init::dirac(shape(&[2, 2]), 1)),
            "dirac: shape [2, 2]: at least three axes, (out, in, kernel…), would fit",
        ),
        (message(init::dirac(shape(&[2, 2, 3]), 0)), "dirac: groups = 0: at least one group would fit"),
        (
            message(init::dirac(shape(&[3, 2, 3]), 2)),
            "dirac: shape [3, 2, 3]: a number of channels out, the first axis, that the groups divide would fit",
        ),
        (
            message(init::sparse((2, 2), 1.5, 1.0, rng).map(|w| w.into_dyn())),
            "sparse: sparsity = 1.5: a share from 0 to 1 would fit",
        ),
        (
            message(init::sparse((2, 2), 0.5, -1.0, rng).map(|w| w.into_dyn())),
            "sparse: std = -1: a finite number of at least 0 would fit",
        ),
        (
            message(init::truncated_normal(shape(&[2]), f64::INFINITY, 1.0, 0.0, 1.0, rng)),
            "truncated_normal: mean = inf: a finite number would fit",
        ),
        (
            message(init::truncated_normal(shape(&[2]), 0.0, 0.0, 0.0, 1.0, rng)),
            "truncated_normal: std = 0: a finite number above 0 would fit",
        ),
        (
            message(init::truncated_normal(shape(&[2]), 0.0, 1.0, 1.0, 1.0, rng)),
            "truncated_normal: low = 1: a number below `high` would fit",
        ),
        (
            message(init::lecun_normal(shape(&[2]), rng)),
            "fans: weight of shape [2]: fan-in and fan-out need at least two axes, (out, in, kernel…)",
        ),
    ];
    for (found, expected) in table {
        assert_eq!(found, expected);
    }
}
