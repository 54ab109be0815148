//! Learning curves, validation curves.

use gradus_nn_layers::Result;
use gradus_regularize::ensemble::{Model, Samples, prediction_error};
use gradus_regularize::tree::DecisionTree;
use gradus_regularize::validation::{
    Split, TimeSeriesSplit, group_k_fold, k_fold, learning_curve, leave_one_out, repeated_k_fold, stratified_k_fold,
    validation_curve,
};
use ndarray::{Array1, Array2, ArrayRef2, array};
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use std::cell::RefCell;
use std::collections::BTreeSet;

fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

fn numbered(n: usize) -> Samples<f64> {
    Samples::values(Array2::from_shape_fn((n, 1), |(i, _)| i as f64), Array1::from_shape_fn(n, |i| i as f64)).unwrap()
}

fn mean(samples: &Samples<f64>, _: &mut dyn Rng) -> Result<impl Model<f64> + use<>> {
    let mean = samples.y()?.mean().unwrap();
    Ok(move |x: &ArrayRef2<f64>| Ok(Array2::from_elem((x.nrows(), 1), mean)))
}

#[test]
fn sizes_are_nested_and_the_random_numbers_are_the_same() {
    let seen = RefCell::new(Vec::new());
    let learner = |samples: &Samples<f64>, rng: &mut dyn Rng| {
        let rows: BTreeSet<usize> = samples.y()?.iter().map(|&y| y as usize).collect();
        seen.borrow_mut().push((rows, rng.random::<u64>()));
        mean(samples, rng)
    };
    let splits = k_fold(12, 3).unwrap();
    let curve = learning_curve(&learner, &numbered(12), &splits, &[2, 5, 8], &mut rng(1), prediction_error).unwrap();
    assert!(curve.points().iter().map(|point| point.at).eq([2, 5, 8]));
    let seen = seen.borrow();
    for (split, Split { train, .. }) in splits.iter().enumerate() {
        let [(two, a), (five, b), (all, c)] = [0, 1, 2].map(|size| seen[3 * size + split].clone());
        assert_eq!((two.len(), five.len()), (2, 5));
        assert!(two.is_subset(&five) && five.is_subset(&all) && all.iter().eq(train));
        assert!(a == b && b == c);
    }
}

/// Of the mean of all samples but those tested on, errors are known.
#[test]
fn errors_are_those_of_the_parts() {
    let splits = k_fold(4, 2).unwrap();
    let curve = learning_curve(&mean, &numbered(4), &splits, &[2], &mut rng(1), prediction_error).unwrap();
    let point = &curve.points()[0];
    assert_eq!((point.train.values(), point.test.values()), (&[0.25, 0.25][..], &[4.25, 4.25][..]));
    assert_eq!(point.gap(), 4.0);
    assert_eq!(
        curve.to_string(),
        "| at | train error | test error | gap |\n| --: | --: | --: | --: |\n| 2 | 0.2500 | 4.2500 | 4.0000 |\n"
    );
}

#[test]
fn any_splits_will_do() {
    let labels = Array1::from_shape_fn(12, |i| i % 2);
    let x = Array2::from_shape_fn((12, 1), |(i, _)| (i % 2) as f64);
    let samples = Samples::classes(x, labels.clone(), 2).unwrap();
    let all = [
        stratified_k_fold(&labels, 3).unwrap(),
        group_k_fold(&Array1::from_shape_fn(12, |i| i / 3), 2).unwrap(),
        leave_one_out(12).unwrap(),
        repeated_k_fold(12, 4, 2, &mut rng(1)).unwrap(),
        TimeSeriesSplit::new(2).split(12).unwrap(),
    ];
    for splits in all {
        let tree = |&depth: &usize| DecisionTree::new().max_depth(depth);
        let curve = validation_curve(tree, &[0, 1], &samples, &splits, &mut rng(1), prediction_error).unwrap();
        let [blind, seeing] = [0, 1].map(|place| &curve.points()[place]);
        assert_eq!((seeing.test.values().len(), seeing.test.mean(), seeing.train.mean()), (splits.len(), 0.0, 0.0));
        assert!(blind.test.mean() > 0.0);
        assert_eq!(curve.best().at, 1);
    }
}

#[test]
fn the_simplest_of_equals_within_a_standard_error() {
    let splits = k_fold(4, 2).unwrap();
    let error = |at: f64, test: [f64; 2]| (at, test);
    let errors = [error(1.0, [9.0, 9.0]), error(2.0, [3.5, 2.7]), error(3.0, [2.0, 4.0]), error(4.0, [5.0, 5.0])];
    let learner = |&(at, test): &(f64, [f64; 2])| {
        move |samples: &Samples<f64>, _: &mut dyn Rng| {
            let error = test[usize::from(samples.y()?[0] < 1.0)] * at / at;
            Ok(move |x: &ArrayRef2<f64>| Ok(x.mapv(|x| x + error.sqrt())))
        }
    };
    let curve = validation_curve(learner, &errors, &numbered(4), &splits, &mut rng(1), prediction_error).unwrap();
    assert_eq!((curve.best().at.0, curve.within_one_standard_error().at.0), (3.0, 2.0));
    let one = validation_curve(learner, &errors, &numbered(4), &splits[..1], &mut rng(1), prediction_error).unwrap();
    assert_eq!(one.within_one_standard_error(), one.best());
}

/// A model that predicts the mean errs by σ² (1 + 1/n) on unseen samples, and by σ² (1 − 1/n) on seen ones.
#[test]
fn the_mean_has_a_known_learning_curve() {
    let rng = &mut rng(5);
    let n = 4000;
    let y = Array1::from_shape_simple_fn(n, || rng.random::<f64>());
    let samples = Samples::values(Array2::zeros((n, 1)), y).unwrap();
    // Each split trains on samples of its own.
    let splits: Vec<Split> = (0..100)
        .map(|k| Split { train: (20 * k..20 * k + 20).collect(), test: (2000 + 20 * k..2020 + 20 * k).collect() })
        .collect();
    let curve = learning_curve(&mean, &samples, &splits, &[1, 2, 10, 20], rng, prediction_error).unwrap();
    for point in curve.points() {
        let (n, variance) = (point.at as f64, 1.0 / 12.0);
        for (scores, expected) in
            [(&point.test, variance * (1.0 + 1.0 / n)), (&point.train, variance * (1.0 - 1.0 / n))]
        {
            // Splits are independent: five standard errors.
            let most = 5.0 * scores.standard_error().unwrap() + 1e-12;
            assert!((scores.mean() - expected).abs() < most, "{n}: {}, {expected}", scores.mean());
        }
    }
}

#[test]
fn errors_of_classes_and_values_are_weighed() {
    let says_one = |x: &ArrayRef2<f64>| Ok(Array2::from_shape_fn((x.nrows(), 2), |(_, k)| k as f64));
    let samples = Samples::classes(array![[0.0], [0.0], [0.0]], array![0, 1, 1], 2).unwrap();
    assert_eq!(prediction_error(&says_one, &samples.weighted(array![2.0, 1.0, 1.0]).unwrap()).unwrap(), 0.5);
    let same = |x: &ArrayRef2<f32>| Ok(x.to_owned());
    let samples = Samples::values(array![[0.0_f32], [1.0]], array![2.0, 1.0]).unwrap();
    assert_eq!(prediction_error(&same, &samples.weighted(array![1.0, 3.0]).unwrap()).unwrap(), 1.0);
}
