//! Trees and ensembles.

use super::own;
use gradus_nn_layers::Linear;
use gradus_regularize::Error;
use gradus_regularize::ensemble::{
    AdaBoost, Bagging, BoxLearner, Ensemble, GradientBoosting, Learner, Model, Samples, SeedEnsemble, Snapshots,
    Stacking, Vote, Voting,
};
use gradus_regularize::tree::DecisionTree;
use gradus_testing::refuses;
use ndarray::{Array1, Array2, ArrayRef2, array};
use rand::{Rng, SeedableRng, rngs::StdRng};

fn rng() -> StdRng {
    StdRng::seed_from_u64(0)
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
    refuses!(Samples::values(x.clone(), array![1.0]), Error::Count { .. }, @"samples: 1 values for 2 samples: there must be one for each");
    refuses!(Samples::values(array![[0.0], [f64::NAN]], array![1.0, 2.0]), Error::Element { .. }, @"samples: feature NaN at [1, 0]: must be finite; fill in what is missing, or leave the row out");
    refuses!(Samples::classes(x.clone(), array![0, 2], 2), Error::Label { .. }, @"samples: label 2 at 1: classes go from 0 to 1");
    refuses!(Samples::classes(x.clone(), array![0, 0], 0), Error::HyperParameter { .. }, @"samples: classes 0: must be at least 1");
    refuses!(values().weighted(array![1.0, -1.0]), Error::Weight { .. }, @"samples: weight -1 at 1: must be finite and not negative");
    refuses!(values().weighted(array![0.0, 0.0]), Error::NoWeight { .. }, @"samples: every weight is 0: at least one must be positive");
    refuses!(values().select(&[0, 2]), Error::IndexOutside { .. }, @"samples: index 2: there are 2 samples, so it must be less than that");
    refuses!(values().labels(), Error::Targets { .. }, @"labels: the targets are values: classes would fit");
}

#[test]
fn learners() {
    let (v, c, stump) = (values(), classes(), DecisionTree::stump());
    refuses!(own(Bagging::new(stump, 0).fit(&v, &mut rng())), Error::HyperParameter { .. }, @"bagging: learners 0: must be at least 1");
    refuses!(own(SeedEnsemble::new(stump, 0).fit(&v, &mut rng())), Error::HyperParameter { .. }, @"seed ensemble: learners 0: must be at least 1");
    refuses!(own(Voting::new(vec![]).fit(&v, &mut rng())), Error::HyperParameter { .. }, @"voting: learners 0: must be at least 1");
    refuses!(own(AdaBoost::new(stump, 0).fit(&c, &mut rng())), Error::HyperParameter { .. }, @"adaboost: learners 0: must be at least 1");
    refuses!(own(GradientBoosting::trees(0).fit(&v, &mut rng())), Error::HyperParameter { .. }, @"gradient boosting: stages 0: must be at least 1");
    refuses!(own(Bagging::new(stump, 1).share(0.0).fit(&v, &mut rng())), Error::HyperParameter { .. }, @"bagging: share 0: must be above 0, at most 1");
    refuses!(own(Bagging::new(stump, 1).fit_drawn(&v, &[], &mut rng())), Error::HyperParameter { .. }, @"bagging: learners 0: must be at least 1");
    refuses!(own(Bagging::new(stump, 1).fit_drawn(&v, &[vec![0, 2]], &mut rng())), Error::IndexOutside { .. }, @"bagging: index 2: there are 2 samples, so it must be less than that");
    refuses!(own(Bagging::new(stump, 1).fit_drawn(&v, &[vec![]], &mut rng())), Error::NoSamples { .. }, @"samples: no samples of positive weight: at least one would fit");
    refuses!(own(AdaBoost::new(stump, 1).fit(&v, &mut rng())), Error::Targets { .. }, @"adaboost: the targets are values: classes would fit");
    refuses!(own(AdaBoost::new(stump, 1).fit(&c, &mut rng())), Error::NoBetterThanChance { .. }, @"adaboost: learner 0 is wrong on the share 0.500 of the weight, as guessing one of 2 classes would be: a stronger learner would fit, one that heeds the weights");
    let hard = Voting::new(vec![Box::new(stump)]).vote(Vote::Hard);
    refuses!(own(hard.fit(&v, &mut rng())), Error::Targets { .. }, @"hard vote: the targets are values: classes would fit");
    refuses!(own(Bagging::new(stump.min_samples_leaf(0), 1).fit(&v, &mut rng())), Error::Learner { .. }, @"bagging: learner 0: decision tree: min_samples_leaf 0: must be at least 1");
    let tree = stump.fit(&v, &mut rng()).unwrap();
    refuses!(own(tree.predict(&array![[0.0, 1.0]])), Error::Features { .. }, @"decision tree: 2 features: the model was fitted to 1");
    refuses!(own(tree.predict(&array![[f64::NAN]])), Error::Element { .. }, @"decision tree: feature NaN at [0, 0]: must be finite; fill in what is missing, or leave the row out");
    let wide = |_: &Samples<f64>, _: &mut dyn Rng| Ok(|x: &ArrayRef2<f64>| Ok(Array2::zeros((x.nrows(), 2))));
    refuses!(own(GradientBoosting::new(wide, 1).fit(&v, &mut rng())), Error::Outputs { .. }, @"gradient boosting: predictions [2, 2]: they must be [2, 1], a row for each sample, a column for each output");
    refuses!(Ensemble::<DecisionTree>::new(vec![]), Error::HyperParameter { .. }, @"ensemble: models 0: must be at least 1");
}

#[test]
fn stacks() {
    let stack =
        |learners: Vec<BoxLearner<f64>>, folds| Stacking::new(learners, Box::new(DecisionTree::stump())).folds(folds);
    let one = || -> Vec<BoxLearner<f64>> { vec![Box::new(DecisionTree::stump())] };
    refuses!(own(stack(vec![], 2).fit(&values(), &mut rng())), Error::HyperParameter { .. }, @"stacking: learners 0: must be at least 1");
    refuses!(own(stack(one(), 3).fit(&values(), &mut rng())), Error::TooManyFolds { .. }, @"shuffled_k_fold: 3 folds of 2 samples: each fold needs at least one; at most 2 folds would fit");
    refuses!(own(stack(one(), 2).fit(&classes(), &mut rng())), Error::AbsentClass { .. }, @"shuffled_stratified_k_fold: class 0, with 1 samples, would be absent from a test fold; more samples of it, or larger or fewer parts, would fit");
}

#[test]
fn snapshots() {
    let mut model: Linear<f64> = Linear::new(1, 1, &mut rng());
    let mut snapshots = Snapshots::new(1);
    let output = |_: &Linear<f64>| Ok(Array2::zeros((1, 1)));
    refuses!(snapshots.predict(&mut model, output), Error::HyperParameter { .. }, @"snapshots: snapshots 0: must be at least 1; observe the steps of a whole cycle first");
    refuses!(Snapshots::<f64>::new(0).observe(0, &model), Error::HyperParameter { .. }, @"snapshots: period 0: must be at least 1");
    snapshots.push(&Linear::<f64>::new(2, 1, &mut rng()));
    refuses!(snapshots.predict(&mut model, output), Error::Snapshot { .. }, @"snapshots: snapshot 0 does not fit the model: load_state_dict: 1 of the model's 2 arrays match; another shape: weight (model [1, 1], state dict [1, 2])");
}
