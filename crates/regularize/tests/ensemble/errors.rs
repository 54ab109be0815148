//! What does not fit is refused by name.

use gradus_nn_layers::Linear;
use gradus_regularize::Error;
use gradus_regularize::ensemble::{
    AdaBoost, Bagging, Ensemble, GradientBoosting, Learner, Model, Samples, SeedEnsemble, Snapshots, Stacking, Vote,
    Voting,
};
use gradus_regularize::tree::DecisionTree;
use gradus_testing::refuses;
use ndarray::{Array1, Array2, ArrayRef2, array};
use rand::{Rng, SeedableRng, rngs::StdRng};

fn rng() -> StdRng {
    StdRng::seed_from_u64(0)
}

/// The error of this crate in another's.
fn own<T>(result: Result<T, gradus_nn_layers::Error>) -> Result<(), String> {
    result.map(|_| ()).map_err(|error| error.source_as::<Error>().map_or_else(|| panic!("{error}"), Error::to_string))
}

fn says<T>(result: Result<T, gradus_nn_layers::Error>, message: &str) {
    assert_eq!(own(result).unwrap_err(), message);
}

fn values() -> Samples<f64> {
    Samples::values(array![[0.0], [1.0]], array![0.0, 1.0]).unwrap()
}

fn classes() -> Samples<f64> {
    Samples::classes(array![[0.0], [0.0]], array![0, 1], 2).unwrap()
}

#[test]
fn samples() {
    let x = array![[0.0, 1.0], [2.0, 3.0]];
    refuses!(Samples::<f64>::values(Array2::zeros((0, 2)), Array1::zeros(0)), Error::NoSamples { .. }, @"samples: no samples of positive weight: at least one would fit");
    refuses!(Samples::values(x.clone(), array![1.0]), Error::Lengths { .. }, @"samples: 1 values for 2 samples: there must be one for each");
    refuses!(Samples::values(array![[0.0], [f64::NAN]], array![1.0, 2.0]), Error::NotFinite { .. }, @"samples: feature NaN at [1, 0]: must be finite; fill in what is missing, or leave the row out");
    refuses!(Samples::classes(x.clone(), array![0, 2], 2), Error::Label { .. }, @"samples: label 2 at 1: classes go from 0 to 1");
    refuses!(Samples::classes(x.clone(), array![0, 0], 0), Error::HyperParameter { .. }, @"samples: classes 0: must be at least 1");
    refuses!(values().weighted(array![1.0, -1.0]), Error::Weight { .. }, @"samples: weight -1 at 1: must be finite and not negative");
    refuses!(values().weighted(array![0.0, 0.0]), Error::NoWeight { .. }, @"samples: every weight is 0: at least one must be positive");
    refuses!(values().select(&[0, 2]), Error::Row { .. }, @"samples: row 2: there are 2 rows, counted from 0");
    refuses!(values().labels(), Error::Targets { .. }, @"labels: the targets are values: classes would fit");
}

#[test]
fn learners() {
    let (v, c, stump) = (values(), classes(), DecisionTree::stump());
    says(Bagging::new(stump, 0).fit(&v, &mut rng()), "bagging: learners 0: must be at least 1");
    says(SeedEnsemble::new(stump, 0).fit(&v, &mut rng()), "seed ensemble: learners 0: must be at least 1");
    says(Voting::new(vec![]).fit(&v, &mut rng()), "voting: learners 0: must be at least 1");
    says(Stacking::new(vec![], Box::new(stump)).fit(&v, &mut rng()), "stacking: learners 0: must be at least 1");
    says(AdaBoost::new(stump, 0).fit(&c, &mut rng()), "adaboost: learners 0: must be at least 1");
    says(GradientBoosting::trees(0).fit(&v, &mut rng()), "gradient boosting: stages 0: must be at least 1");
    says(Bagging::new(stump, 1).share(0.0).fit(&v, &mut rng()), "bagging: share 0: must be above 0, at most 1");
    says(AdaBoost::new(stump, 1).fit(&v, &mut rng()), "adaboost: the targets are values: classes would fit");
    says(
        AdaBoost::new(stump, 1).fit(&c, &mut rng()),
        "adaboost: learner 0 is wrong on the share 0.500 of the weight, as guessing one of 2 classes would be: a stronger learner would fit, one that heeds the weights",
    );
    let hard = Voting::new(vec![Box::new(stump)]).vote(Vote::Hard);
    says(hard.fit(&v, &mut rng()), "hard vote: the targets are values: classes would fit");
    says(
        Bagging::new(stump.min_samples_leaf(0), 1).fit(&v, &mut rng()),
        "bagging: learner 0: decision tree: min_samples_leaf 0: must be at least 1",
    );
    let tree = stump.fit(&v, &mut rng()).unwrap();
    says(tree.predict(&array![[0.0, 1.0]]), "decision tree: 2 features: the model was fitted to 1");
    assert!(own(tree.predict(&array![[f64::NAN]])).unwrap_err().contains("feature NaN at [0, 0]"));
    let wide = |_: &Samples<f64>, _: &mut dyn Rng| Ok(|x: &ArrayRef2<f64>| Ok(Array2::zeros((x.nrows(), 2))));
    says(
        GradientBoosting::new(wide, 1).fit(&v, &mut rng()),
        "gradient boosting: predictions [2, 2]: they must be [2, 1], a row for each sample, a column for each output",
    );
    assert!(Ensemble::<DecisionTree>::new(vec![]).is_err());
}

#[test]
fn snapshots() {
    let mut model: Linear<f64> = Linear::new(1, 1, &mut rng());
    let mut snapshots = Snapshots::new(1);
    let none = snapshots.predict(&mut model, |_| Ok(Array2::zeros((1, 1)))).unwrap_err().to_string();
    assert_eq!(none, "snapshots: snapshots 0: must be at least 1; observe the steps of a whole cycle first");
    assert!(Snapshots::<f64>::new(0).observe(0, &model).is_err());
    snapshots.push(&Linear::<f64>::new(2, 1, &mut rng()));
    let error = snapshots.predict(&mut model, |_| Ok(Array2::zeros((1, 1)))).unwrap_err();
    assert!(error.to_string().starts_with("snapshots: snapshot 0 does not fit the model: "), "{error}");
}
