//! Splits, scores, resamples.

use gradus_regularize::Error;
use gradus_regularize::validation::{
    Bootstrap, Split, TimeSeriesSplit, cross_validate, group_k_fold, hold_out, k_fold, leave_one_out, nested,
    nested_cross_validate, repeated_k_fold, resample, stratified_hold_out, stratified_k_fold,
};
use gradus_testing::refuses;
use ndarray::array;
use rand::SeedableRng;
use rand::rngs::StdRng;

#[test]
fn folds() {
    let rng = &mut StdRng::seed_from_u64(7);
    refuses!(k_fold(10, 1), Error::HyperParameter { .. }, @"k_fold: k 1: must be at least 2");
    refuses!(k_fold(3, 5), Error::TooManyFolds { .. }, @"k_fold: 5 folds of 3 samples: each fold needs at least one; at most 3 folds would fit");
    refuses!(leave_one_out(1), Error::TooManyFolds { .. }, @"leave_one_out: 2 folds of 1 samples: each fold needs at least one; at least 2 samples would fit");
    refuses!(repeated_k_fold(4, 2, 0, rng), Error::HyperParameter { .. }, @"repeated_k_fold: times 0: must be at least 1");
    refuses!(group_k_fold(&array![3, 3, 5], 3), Error::TooManyFolds { .. }, @"group_k_fold: 3 folds of 2 groups: each fold needs at least one; at most 2 folds would fit");
    refuses!(group_k_fold(&array![], 2), Error::TooManyFolds { .. }, @"group_k_fold: 2 folds of 0 groups: each fold needs at least one; at least 2 groups would fit");
    refuses!(stratified_k_fold(&array![0, 0, 0, 4, 4], 3), Error::AbsentClass { .. }, @"stratified_k_fold: class 4, with 2 samples, would be absent from a test fold; more samples of it, or larger or fewer parts, would fit");
}

#[test]
fn parts() {
    let rng = &mut StdRng::seed_from_u64(7);
    refuses!(hold_out(10, 1.0, rng), Error::HyperParameter { .. }, @"hold_out: test_share 1: must be between 0 and 1");
    refuses!(hold_out(3, 0.1, rng), Error::EmptyPart { .. }, @"hold_out: 3 samples, test_share 0.1: no sample would be left to test on; another share or more samples would fit");
    refuses!(hold_out(3, 0.9, rng), Error::EmptyPart { .. }, @"hold_out: 3 samples, test_share 0.9: no sample would be left to train on; another share or more samples would fit");
    refuses!(stratified_hold_out(&array![0, 0, 0, 0, 1], 0.2, rng), Error::AbsentClass { .. }, @"stratified_hold_out: class 1, with 1 samples, would be absent from the test part; more samples of it, or larger or fewer parts, would fit");
    refuses!(TimeSeriesSplit::new(3).gap(4).test_size(2).split(10), Error::TooShort { .. }, @"time_series_split: 10 samples: 3 tests of 2 and a gap of 4 leave none to train on; more than 10 samples would fit");
    refuses!(TimeSeriesSplit::new(2).max_train_size(0).split(10), Error::HyperParameter { .. }, @"time_series_split: max_train_size 0: must be at least 1");
    refuses!(TimeSeriesSplit::new(usize::MAX).split(10), Error::TooShort { .. }, @"time_series_split: 10 samples: 18446744073709551615 tests of 1 and a gap of 0 leave none to train on; more than 18446744073709551615 samples would fit");
    let outside = Split { train: vec![0], test: vec![7] };
    refuses!(outside.check_classes(&array![0, 1]), Error::IndexOutside { .. }, @"check_classes: index 7: there are 2 samples, so it must be less than that");
    refuses!(nested(k_fold(4, 2).unwrap(), |_| k_fold(4, 2)), Error::IndexOutside { .. }, @"nested: index 2: there are 2 samples, so it must be less than that");
}

#[test]
fn scores() {
    refuses!(cross_validate(&[], |_| Ok::<_, Error>(0.0)), Error::NoSplits { .. }, @"cross_validate: no splits: at least one would fit");
    let splits = k_fold(4, 2).unwrap();
    refuses!(cross_validate(&splits, |split| Ok::<_, Error>(0.0 / split.train[0] as f64)), Error::Score { .. }, @"cross_validate: score NaN of split 1: must be a finite number");
    let splits = nested(splits, |train| k_fold(train.len(), 2)).unwrap();
    refuses!(nested_cross_validate(&splits, &[] as &[u8], |_, _| Ok::<_, Error>(0.0)), Error::HyperParameter { .. }, @"nested_cross_validate: settings 0: must be at least 1");
}

#[test]
fn resamples() {
    let rng = &mut StdRng::seed_from_u64(7);
    refuses!(resample(0, rng), Error::HyperParameter { .. }, @"resample: n 0: must be at least 1");
    refuses!(Bootstrap::draw(3, 0, rng, |_| Ok::<_, Error>(0.0)), Error::HyperParameter { .. }, @"bootstrap: resamples 0: must be at least 1");
    refuses!(Bootstrap::of(1.0, vec![1.0, f64::NAN]), Error::Score { .. }, @"bootstrap: score NaN of resample 1: must be a finite number");
    let bootstrap = Bootstrap::of(1.0, vec![2.0, 3.0]).unwrap();
    refuses!(bootstrap.percentile(95.0), Error::HyperParameter { .. }, @"bootstrap: confidence 95: must be between 0 and 1");
    refuses!(bootstrap.bca(0.9, 1, |_| Ok::<_, Error>(0.0)), Error::HyperParameter { .. }, @"bca: n 1: must be at least 2");
    refuses!(bootstrap.bca(0.9, 4, |_| Ok::<_, Error>(0.0)), Error::OneSided { .. }, @"bca: the estimate 1 lies outside all 2 resamples, so that its bias has no measure; more resamples or the percentile interval would fit");
}
