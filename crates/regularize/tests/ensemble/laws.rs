//! What ensembles promise.

use gradus_nn_layers::Linear;
use gradus_regularize::ensemble::{
    AdaBoost, Bagging, GradientBoosting, Learner, Model, Network, Samples, Snapshots, Stacking,
};
use gradus_regularize::tree::DecisionTree;
use ndarray::{Array1, Array2, ArrayRef2, array};
use proptest::prelude::*;
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::sync::{Arc, Mutex};

fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

/// Says 1 of rows that it was fitted to, else 0; rows are told by their only feature.
fn memory(samples: &Samples<f64>, _: &mut dyn Rng) -> gradus_nn_layers::Result<impl Model<f64> + use<>> {
    let seen: Vec<f64> = samples.x().iter().copied().collect();
    Ok(move |x: &ArrayRef2<f64>| Ok(x.mapv(|x| if seen.contains(&x) { 1.0 } else { 0.0 })))
}

fn numbered(n: usize) -> Samples<f64> {
    Samples::values(Array2::from_shape_fn((n, 1), |(i, _)| i as f64), Array1::from_shape_fn(n, |i| i as f64)).unwrap()
}

#[test]
fn stacking_shows_the_last_learner_no_prediction_of_a_row_that_was_seen() {
    let shown = Arc::new(Mutex::new(Vec::new()));
    let seen = shown.clone();
    let last = move |samples: &Samples<f64>, _: &mut dyn Rng| {
        seen.lock().unwrap().extend(samples.x().iter().copied());
        Ok(|x: &ArrayRef2<f64>| Ok(x.to_owned()))
    };
    let stacking = Stacking::new(vec![Box::new(memory)], Box::new(last)).folds(3);
    let model = stacking.fit(&numbered(11), &mut rng(1)).unwrap();
    assert_eq!(*shown.lock().unwrap(), vec![0.0; 11]);
    assert!(model.predict(numbered(11).x()).unwrap().iter().all(|&y| y == 1.0)); // in use, by models that saw all
}

#[test]
fn out_of_bag_predictions_are_of_models_that_did_not_see_the_row() {
    let bagged = Bagging::new(memory, 20).fit(&numbered(30), &mut rng(2)).unwrap();
    assert!(bagged.out_of_bag().predictions().iter().all(|&y| y == 0.0));
    // A row is missed by about 20/e models.
    let mean = bagged.out_of_bag().models().sum() as f64 / 30.0;
    assert!((mean - 20.0 * (-1.0_f64).exp()).abs() < 1.5, "{mean}");
    let all = Bagging::new(memory, 3).without_replacement().fit(&numbered(4), &mut rng(2)).unwrap();
    assert_eq!(all.out_of_bag().score(), None);
}

#[test]
fn snapshots_are_of_the_minima_and_leave_the_model_as_it_was() {
    let mut model: Linear<f64> = Linear::new(1, 1, &mut rng(3));
    let mut snapshots = Snapshots::new(2);
    for step in 0..5 {
        model.weight.value_mut().fill(step as f64);
        model.bias.as_mut().unwrap().value_mut().fill(0.0);
        assert_eq!(snapshots.observe(step, &model).unwrap(), step % 2 == 1);
    }
    let x = array![[1.0], [2.0]];
    let mean = snapshots.predict(&mut model, |m| Network::regressor(m.clone()).predict(&x)).unwrap();
    assert_eq!(mean, array![[2.0], [4.0]]);
    assert_eq!(model.weight.value(), &array![[4.0]]);
    assert_eq!(snapshots.ensemble(&model, Network::regressor).unwrap().predict(&x).unwrap(), mean);
}

#[test]
fn any_learner_can_be_boosted() {
    let constant = |samples: &Samples<f64>, _: &mut dyn Rng| {
        let mean = samples.y()?.mean().unwrap();
        Ok(move |x: &ArrayRef2<f64>| Ok(Array2::from_elem((x.nrows(), 1), mean)))
    };
    let model = GradientBoosting::new(constant, 3).fit(&numbered(5), &mut rng(1)).unwrap();
    assert_eq!(model.predict_values(&array![[9.0]]).unwrap(), array![2.0]);
}

proptest! {
    #![proptest_config(gradus_testing::proptest_cases(24))]

    #[test]
    fn a_weight_counts_like_copies_and_zero_like_absence(seed: u64, weights in prop::collection::vec(0_usize..3, 12)) {
        prop_assume!(weights.iter().any(|w| *w > 0));
        let mut rng = rng(seed);
        let x = Array2::from_shape_simple_fn((12, 2), || (rng.next_u32() % 1000) as f64);
        let labels = Array1::from_shape_simple_fn(12, || rng.next_u32() as usize % 3);
        let plain = Samples::classes(x.clone(), labels, 3).unwrap();
        let rows: Vec<usize> = (0..12).flat_map(|row| vec![row; weights[row]]).collect();
        let tree = DecisionTree::new().max_depth(3);
        let copied = tree.fit(&plain.select(&rows).unwrap(), &mut rng).unwrap();
        let weighted = plain.weighted(Array1::from(weights).mapv(|w| w as f64)).unwrap();
        prop_assert_eq!(tree.fit(&weighted, &mut rng).unwrap().predict(&x).unwrap(), copied.predict(&x).unwrap());
    }

    #[test]
    fn boosting_lowers_the_training_loss_and_repeats(seed: u64, lr in 0.05..1.0) {
        let mut draw = rng(seed);
        let x = Array2::from_shape_simple_fn((20, 2), || (draw.next_u32() % 100) as f64);
        let y = Array1::from_shape_simple_fn(20, || (draw.next_u32() % 100) as f64 / 10.0);
        let samples = Samples::values(x.clone(), y.clone()).unwrap();
        let boost = GradientBoosting::new(DecisionTree::stump(), 8).lr(lr);
        let model = boost.fit(&samples, &mut rng(seed)).unwrap();
        let losses: Vec<f64> = model.staged_predict(&x)
            .map(|f| (&f.unwrap().column(0) - &y).mapv(|e| e * e).sum()).collect();
        prop_assert!(losses.is_sorted_by(|a, b| *b <= a * (1.0 + 1e-12)), "{losses:?}");
        let sampled = boost.subsample(0.5);
        let twice = [0, 1].map(|_| sampled.fit(&samples, &mut rng(seed)).unwrap().predict(&x).unwrap());
        prop_assert_eq!(&twice[0], &twice[1]);
        let labels = y.mapv(|y| usize::from(y > 5.0));
        if let Ok(model) = AdaBoost::new(DecisionTree::stump(), 5)
            .fit(&Samples::classes(x.clone(), labels, 2).unwrap(), &mut rng(seed))
        {
            prop_assert!(model.predict(&x).unwrap().rows().into_iter().all(|p| (p.sum() - 1.0).abs() < 1e-12));
        }
    }
}
