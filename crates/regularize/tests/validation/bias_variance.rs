//! The decomposition of the squared error.

use gradus_regularize::ensemble::{Bagging, Learner, Samples};
use gradus_regularize::tree::DecisionTree;
use gradus_regularize::{BiasVariance, ErrorParts, bias_variance, zero_one_bias_variance};
use ndarray::{Array1, Array2, ArrayRef2};
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

fn uniform(shape: (usize, usize), rng: &mut dyn Rng) -> Array2<f64> {
    Array2::from_shape_simple_fn(shape, || rng.random())
}

/// Predicts the mean of its samples, plus what it is told.
fn mean_plus(offset: f64) -> impl Learner<f64> {
    move |samples: &Samples<f64>, _: &mut dyn Rng| {
        let y = samples.y()?.mean().unwrap() + offset;
        Ok(move |x: &ArrayRef2<f64>| Ok(Array2::from_elem((x.nrows(), 1), y)))
    }
}

/// Of samples with a uniform error, noise is 1/12, variance of the mean of ten is 1/120, and bias is the offset.
#[test]
fn the_parts_are_what_theory_says() {
    let rng = &mut rng(1);
    let (rounds, draws) = (4000, 4000);
    let draw =
        |rng: &mut dyn Rng| Ok(Samples::values(Array2::zeros((10, 1)), uniform((1, 10), rng).row(0).to_owned())?);
    let targets = uniform((draws, 1), rng);
    let found = bias_variance(&mean_plus(0.5), rounds, draw, &Array2::zeros((1, 1)), &targets, rng).unwrap();
    let parts = found.mean();
    // Six standard deviations: of a variance of n uniform numbers √(4/5 n) of itself, of n nearly normal ones √(2/n).
    let within =
        |x: f64, expected: f64, relative: f64| assert!((x / expected - 1.0).abs() < 6.0 * relative, "{x}, {expected}");
    within(parts.noise, 1.0 / 12.0, (0.8 / draws as f64).sqrt());
    within(parts.variance, 1.0 / 120.0, (2.0 / rounds as f64).sqrt());
    // The bias is off by the errors of both means.
    let error = (1.0 / 12.0 / draws as f64 + 1.0 / 120.0 / rounds as f64).sqrt();
    assert!((parts.bias_squared.sqrt() - 0.5).abs() < 6.0 * error);
    assert!((found.mean_model()[0] - 1.0).abs() < 6.0 * (1.0 / 120.0 / rounds as f64).sqrt());
}

#[test]
fn one_round_has_no_variance_and_one_target_no_noise() {
    let samples = Samples::values(Array2::zeros((2, 1)), Array1::from(vec![1.0, 3.0])).unwrap();
    let once = |rounds, draws| {
        let targets = Array2::from_elem((draws, 1), 5.0);
        bias_variance(&mean_plus(0.0), rounds, |_| Ok(samples.clone()), &Array2::zeros((1, 1)), &targets, &mut rng(1))
            .unwrap()
            .points()[0]
    };
    for (rounds, draws) in [(1, 1), (1, 3), (3, 1)] {
        let parts = once(rounds, draws);
        assert_eq!((parts.error, parts.noise, parts.bias_squared, parts.variance), (9.0, 0.0, 9.0, 0.0));
    }
}

/// On 30 samples of sin 2x with noise.
fn of_a_sine(learner: &impl Learner<f64>) -> ErrorParts {
    let rng = &mut rng(3);
    let x = Array2::from_shape_fn((15, 1), |(i, _)| i as f64 / 5.0);
    let truth = |x: f64| (2.0 * x).sin();
    let draw = |rng: &mut dyn Rng| {
        let x = uniform((30, 1), rng) * 3.0;
        let y = Array1::from_shape_fn(30, |i| truth(x[[i, 0]]) + rng.random::<f64>() - 0.5);
        Ok(Samples::values(x, y)?)
    };
    let targets = Array2::from_shape_fn((1, 15), |(_, i)| truth(x[[i, 0]]));
    bias_variance(learner, 40, draw, &x, &targets, rng).unwrap().mean()
}

/// A bagged tree has less variance than a tree, and the same bias, about.
#[test]
fn bagging_takes_variance_away() {
    let tree = of_a_sine(&DecisionTree::new());
    let bagged = of_a_sine(&Bagging::new(DecisionTree::new(), 15));
    assert!(bagged.variance < 0.7 * tree.variance, "{bagged:?} {tree:?}");
    assert!(bagged.bias_squared < 0.3 * bagged.error && bagged.error < tree.error, "{bagged:?} {tree:?}");
}

/// Says a class at random, with these chances.
fn says(chances: [f64; 3]) -> impl Learner<f64> {
    move |_: &Samples<f64>, rng: &mut dyn Rng| {
        let u: f64 = rng.random();
        let class = if u < chances[0] {
            0
        } else if u < chances[0] + chances[1] {
            1
        } else {
            2
        };
        Ok(move |x: &ArrayRef2<f64>| {
            Ok(Array2::from_shape_fn((x.nrows(), 3), |(_, k)| f64::from(u8::from(k == class))))
        })
    }
}

/// Where the main prediction is right, variance hurts; where it is not, it helps.
#[test]
fn variance_helps_where_there_is_bias() {
    let samples = Samples::classes(Array2::zeros((1, 1)), Array1::zeros(1), 3).unwrap();
    let x = Array2::zeros((1, 1));
    let parts = |chances, target: usize| {
        let targets = Array2::from_elem((1, 1), target);
        let found =
            zero_one_bias_variance(&says(chances), 100, |_| Ok(samples.clone()), &x, &targets, &mut rng(1)).unwrap();
        assert_eq!(found.main_prediction()[0], 0);
        found.mean()
    };
    let right = parts([0.7, 0.3, 0.0], 0);
    assert_eq!((right.bias, right.noise, right.biased_variance), (0.0, 0.0, 0.0));
    assert!((right.error - right.unbiased_variance).abs() < 1e-12 && right.error > 0.1);
    let wrong = parts([0.7, 0.3, 0.0], 1);
    assert_eq!((wrong.bias, wrong.noise, wrong.unbiased_variance), (1.0, 0.0, 0.0));
    assert!((wrong.error - (1.0 - wrong.biased_variance)).abs() < 1e-12 && wrong.error < 0.9);
    assert_eq!(parts([1.0, 0.0, 0.0], 2).error, 1.0);
}

fn add_up(found: &BiasVariance) -> std::result::Result<(), TestCaseError> {
    for parts in found.points().iter().chain([&found.mean()]) {
        prop_assert!(parts.remainder().abs() <= 1e-12 * parts.error.max(1.0), "{parts:?}");
        prop_assert!(parts.noise >= 0.0 && parts.bias_squared >= 0.0 && parts.variance >= 0.0);
    }
    Ok(())
}

proptest! {
    #![proptest_config(gradus_testing::proptest_cases(24))]

    /// By resampling and refitting, of whatever scale and however far from 0.
    #[test]
    fn the_parts_add_up(seed: u64, n in 2_usize..12, points in 1_usize..6, rounds in 1_usize..9, draws in 1_usize..7, scale in -3_i32..6, offset in -1e6..1e6) {
        let rng = &mut rng(seed);
        let scale = 10.0_f64.powi(scale);
        let data = Samples::values(uniform((n, 2), rng), uniform((1, n), rng).row(0).mapv(|y| offset + scale * y)).unwrap();
        let x = uniform((points, 2), rng);
        let targets = uniform((draws, points), rng).mapv(|y| offset + scale * y);
        let draw = |rng: &mut dyn Rng| Ok(data.bootstrap(rng)?);
        let found = bias_variance(&DecisionTree::new(), rounds, draw, &x, &targets, rng).unwrap();
        add_up(&found)?;
    }

    #[test]
    fn the_parts_of_wrong_classes_add_up(seed: u64, a in 0.0..1.0, b in 0.0..1.0, rounds in 1_usize..12, draws in 1_usize..9) {
        let rng = &mut rng(seed);
        let samples = Samples::classes(Array2::zeros((1, 1)), Array1::zeros(1), 3).unwrap();
        let targets = Array2::from_shape_simple_fn((draws, 4), || (3.0 * rng.random::<f64>()) as usize);
        let chances = [a * b, a * (1.0 - b), 1.0 - a];
        let x = Array2::zeros((4, 1));
        let found = zero_one_bias_variance(&says(chances), rounds, |_| Ok(samples.clone()), &x, &targets, rng).unwrap();
        for parts in found.points().iter().chain([&found.mean()]) {
            prop_assert!(parts.remainder().abs() <= 1e-12, "{parts:?}");
            prop_assert!(parts.unbiased_variance >= 0.0 && parts.biased_variance >= 0.0);
        }
    }
}
