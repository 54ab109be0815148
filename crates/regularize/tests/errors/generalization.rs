//! Curves, the decomposition, random features, the gap.

use super::own;
use gradus_regularize::ensemble::{Learner, Model, Samples, prediction_error};
use gradus_regularize::tree::DecisionTree;
use gradus_regularize::validation::{Split, k_fold, learning_curve, validation_curve};
use gradus_regularize::{EpochLosses, Error, GeneralizationGap, RandomFeatures, bias_variance, zero_one_bias_variance};
use gradus_testing::refuses;
use ndarray::{Array2, ArrayRef2, array};
use rand::{Rng, SeedableRng, rngs::StdRng};

fn rng() -> StdRng {
    StdRng::seed_from_u64(0)
}

fn samples() -> Samples<f64> {
    Samples::values(array![[0.0], [1.0], [2.0], [3.0]], array![0.0, 1.0, 2.0, 3.0]).unwrap()
}

#[test]
fn curves() {
    let splits = k_fold(4, 2).unwrap();
    let learning = |splits: &[Split], sizes: &[usize]| {
        own(learning_curve(&DecisionTree::stump(), &samples(), splits, sizes, &mut rng(), prediction_error))
    };
    refuses!(learning(&splits, &[]), Error::HyperParameter { .. }, @"learning_curve: sizes 0: must be at least 1");
    refuses!(learning(&splits, &[1, 0]), Error::HyperParameter { .. }, @"learning_curve: size 0: must be at least 1");
    refuses!(learning(&splits, &[1, 3]), Error::TooFewToTrain { .. }, @"learning_curve: size 3: split 0 has 2 samples to train on, so it must be at most that");
    refuses!(learning(&[], &[1]), Error::NoSplits { .. }, @"learning_curve: no splits: at least one would fit");
    let outside = [Split { train: vec![0, 9], test: vec![1] }];
    refuses!(learning(&outside, &[2]), Error::IndexOutside { .. }, @"samples: index 9: there are 4 samples, so it must be less than that");
    let validation = |settings: &[usize]| {
        let tree = |&depth: &usize| DecisionTree::new().max_depth(depth);
        own(validation_curve(tree, settings, &samples(), &splits, &mut rng(), |_, _| Ok(f64::NAN)))
    };
    refuses!(validation(&[]), Error::HyperParameter { .. }, @"validation_curve: settings 0: must be at least 1");
    refuses!(validation(&[1]), Error::Score { .. }, @"validation_curve: score NaN of split 0: must be a finite number");
    let wide = |x: &ArrayRef2<f64>| Ok(Array2::zeros((x.nrows(), 2)));
    refuses!(own(prediction_error(&wide, &samples())), Error::Outputs { .. }, @"prediction_error: predictions [4, 2]: they must be [4, 1], a row for each sample, a column for each output");
}

#[test]
fn decompositions() {
    let tree = DecisionTree::stump();
    let decompose = |rounds, x: Array2<f64>, targets: Array2<f64>| {
        own(bias_variance(&tree, rounds, |_| Ok(samples()), &x, &targets, &mut rng()))
    };
    refuses!(decompose(0, array![[0.0]], array![[0.0]]), Error::HyperParameter { .. }, @"bias_variance: rounds 0: must be at least 1");
    refuses!(decompose(1, array![[0.0]], Array2::zeros((0, 1))), Error::HyperParameter { .. }, @"bias_variance: targets of each point 0: must be at least 1");
    refuses!(decompose(1, Array2::zeros((0, 1)), Array2::zeros((1, 0))), Error::NoSamples { .. }, @"bias_variance: no samples of positive weight: at least one would fit");
    refuses!(decompose(1, array![[0.0]], array![[0.0, 1.0]]), Error::Count { .. }, @"bias_variance: 2 targets for 1 samples: there must be one for each");
    refuses!(decompose(1, array![[0.0]], array![[f64::INFINITY]]), Error::Element { .. }, @"bias_variance: target inf at [0, 0]: must be finite; fill in what is missing, or leave the row out");
    let nothing = |_: &Samples<f64>, _: &mut dyn Rng| Ok(|x: &ArrayRef2<f64>| Ok(x * f64::NAN));
    let found = bias_variance(&nothing, 1, |_| Ok(samples()), &array![[1.0]], &array![[1.0]], &mut rng());
    refuses!(own(found), Error::Element { .. }, @"bias_variance: prediction NaN at [0, 0]: must be finite");
}

#[test]
fn decompositions_of_classes() {
    let samples = Samples::classes(array![[0.0], [1.0]], array![0, 1], 2).unwrap();
    let decompose = |rounds, targets: Array2<usize>| {
        let draw = |_: &mut dyn Rng| Ok(samples.clone());
        own(zero_one_bias_variance(&DecisionTree::stump(), rounds, draw, &array![[0.0]], &targets, &mut rng()))
    };
    refuses!(decompose(0, array![[0]]), Error::HyperParameter { .. }, @"zero_one_bias_variance: rounds 0: must be at least 1");
    refuses!(decompose(1, array![[0], [2]]), Error::Label { .. }, @"zero_one_bias_variance: label 2 at 1: classes go from 0 to 1");
}

#[test]
fn random_features() {
    refuses!(own(RandomFeatures::new(0).fit(&samples(), &mut rng())), Error::HyperParameter { .. }, @"random features: features 0: must be at least 1");
    let classes = Samples::classes(array![[0.0]], array![0], 1).unwrap();
    refuses!(own(RandomFeatures::new(1).fit(&classes, &mut rng())), Error::Targets { .. }, @"y: the targets are classes: values would fit");
    let model = RandomFeatures::new(2).fit(&samples(), &mut rng()).unwrap();
    refuses!(own(model.predict(&array![[1.0, 2.0]])), Error::Features { .. }, @"random features: 2 features: the model was fitted to 1");
}

#[test]
fn gaps() {
    let mut gap = GeneralizationGap::new();
    refuses!(gap.observe(EpochLosses::new(2, 1.0, 1.0).validation(f64::NAN, None)), Error::NotANumber { .. }, @"generalization gap: validation_loss NaN at epoch 2: must be a number");
    gap.observe(EpochLosses::new(2, 1.0, 1.0).validation(1.0, None)).unwrap();
    refuses!(gap.observe(EpochLosses::new(3, 1.0, 1.0)), Error::MixedLosses { .. }, @"generalization gap: epoch 3 has no validation loss, unlike those before: all epochs or none of them must have one");
}
