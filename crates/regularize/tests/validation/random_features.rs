//! Double descent.

use gradus_nn_layers::init;
use gradus_regularize::RandomFeatures;
use gradus_regularize::ensemble::{Learner, Model, Samples, prediction_error};
use gradus_regularize::validation::{Split, validation_curve};
use ndarray::{Array1, Array2, array};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

fn noisy(n: usize, rng: &mut StdRng) -> Samples<f64> {
    let x: Array2<f64> = init::normal((n, 10), 0.0, 1.0, rng);
    let y = Array1::from_shape_fn(n, |i| x[[i, 0]] - x[[i, 1]] + 2.0 * rng.random::<f64>() - 1.0);
    Samples::values(x, y).unwrap()
}

#[test]
fn the_test_error_peaks_where_there_are_as_many_features_as_samples() {
    let rng = &mut rng(7);
    let samples = noisy(580, rng);
    let splits: Vec<Split> =
        (0..21).map(|k| Split { train: (20 * k..20 * k + 20).collect(), test: (420..580).collect() }).collect();
    let sizes = [2, 5, 10, 20, 40, 80, 200];
    let curve =
        validation_curve(|&p| RandomFeatures::new(p), &sizes, &samples, &splits, rng, prediction_error).unwrap();
    // Medians: at the peak a single split may have any error.
    let test = |place: usize| {
        let mut errors = curve.points()[place].test.values().to_vec();
        errors.sort_by(f64::total_cmp);
        errors[10]
    };
    let peak = test(3);
    assert!((0..sizes.len()).filter(|&place| place != 3).all(|place| test(place) < 0.5 * peak), "{curve}");
    // It falls a second time, and lower than the first.
    assert!(test(4) > test(5) && test(5) > test(6) && (0..3).all(|place| test(6) < test(place)), "{curve}");
    let train: Vec<f64> = curve.points().iter().map(|point| point.train.mean()).collect();
    assert!(train.is_sorted_by(|a, b| a > b || *b < 1e-9) && train[4..].iter().all(|&error| error < 1e-9), "{curve}");
}

#[test]
fn of_all_weights_that_fit_the_shortest() {
    let samples = noisy(6, &mut rng(1));
    let model = RandomFeatures::new(20).fit(&samples, &mut rng(2)).unwrap();
    let phi = model.features(samples.x()).unwrap();
    // The shortest solution is a combination of the rows: θ = Φᵀ a, with Φ Φᵀ a = y.
    let a = gradus_linalg::solve(&phi.dot(&phi.t()), samples.y().unwrap()).unwrap();
    let expected = phi.t().dot(&a);
    assert!(model.theta().iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-9));
    // Fewer features are the first of more.
    let few = RandomFeatures::new(5).fit(&samples, &mut rng(2)).unwrap().features(samples.x()).unwrap();
    assert!((0..5).all(|j| few.column(j) == phi.column(j)));
}

#[test]
fn a_weight_counts_like_copies_and_zero_like_absence() {
    let plain = noisy(8, &mut rng(3));
    let weighted = plain.clone().weighted(array![1.0, 2.0, 0.0, 1.0, 3.0, 1.0, 1.0, 1.0]).unwrap();
    let copied = plain.select(&[0, 1, 1, 3, 4, 4, 4, 5, 6, 7]).unwrap();
    let [a, b] = [&weighted, &copied].map(|s| RandomFeatures::new(3).fit(s, &mut rng(4)).unwrap());
    let (a, b) = (a.predict(plain.x()).unwrap(), b.predict(plain.x()).unwrap());
    assert!((a - b).iter().all(|difference| difference.abs() < 1e-12));
}

#[test]
fn single_precision_and_a_single_sample() {
    let samples = Samples::values(array![[1.0_f32, 2.0]], array![3.0]).unwrap();
    let model = RandomFeatures::new(9).fit(&samples, &mut rng(1)).unwrap();
    assert!((model.predict_values(&array![[1.0, 2.0]]).unwrap()[0] - 3.0).abs() < 1e-5);
}
