//! Splits of indices, and what runs over them.

use gradus_regularize::validation::{
    Split, TimeSeriesSplit, cross_validate, group_k_fold, hold_out, k_fold, leave_one_out, nested,
    nested_cross_validate, repeated_k_fold, repeated_stratified_k_fold, shuffled_k_fold, shuffled_stratified_k_fold,
    stratified_hold_out, stratified_k_fold,
};
use gradus_regularize::{Error, Result};
use ndarray::{Array1, arr1, array};
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::collections::BTreeSet;

fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

fn tests(splits: &[Split]) -> Vec<&[usize]> {
    splits.iter().map(|split| &*split.test).collect()
}

/// What scikit-learn 1.9.1 gives, by `tests/fixtures/splits.py`.
mod scikit_learn {
    use super::*;

    #[test]
    fn in_order() {
        assert_eq!(tests(&k_fold(10, 3).unwrap()), [&[0, 1, 2, 3][..], &[4, 5, 6], &[7, 8, 9]]);
        let loo = leave_one_out(3).unwrap();
        assert_eq!(tests(&loo), [[0], [1], [2]]);
        assert_eq!(loo[1].train, [0, 2]);
    }

    #[test]
    fn stratified() {
        let labels = array![2, 0, 0, 1, 2, 0, 1, 1, 0, 2, 0, 0, 1];
        let splits = stratified_k_fold(&labels, 3).unwrap();
        assert_eq!(tests(&splits), [&[0, 1, 2, 3, 6][..], &[4, 5, 7, 8], &[9, 10, 11, 12]]);
        let labels = array![5, 5, 3, 3, 3, 5, 3, 3, 3, 5, 5];
        let splits = stratified_k_fold(&labels, 4).unwrap();
        assert_eq!(tests(&splits), [&[0, 1, 2][..], &[3, 4, 5], &[6, 7, 9], &[8, 10]]);
    }

    #[test]
    fn grouped() {
        let groups = array![7, 1, 1, 3, 3, 3, 9, 9, 1, 4, 4, 4, 2, 8, 8];
        let splits = group_k_fold(&groups, 3).unwrap();
        assert_eq!(tests(&splits), [[6, 7, 9, 10, 11], [3, 4, 5, 13, 14], [0, 1, 2, 8, 12]]);
        let splits = group_k_fold(&array![0, 0, 1, 1, 2, 2, 3, 3, 4, 4], 2).unwrap();
        assert_eq!(tests(&splits), [&[0, 1, 4, 5, 8, 9][..], &[2, 3, 6, 7]]);
    }

    #[test]
    fn in_time() {
        let check = |series: TimeSeriesSplit, n, expected: &[(&[usize], &[usize])]| {
            let splits = series.split(n).unwrap();
            let found: Vec<_> = splits.iter().map(|split| (&*split.train, &*split.test)).collect();
            assert_eq!(found, expected);
        };
        check(
            TimeSeriesSplit::new(3),
            11,
            &[(&[0, 1, 2, 3, 4], &[5, 6]), (&[0, 1, 2, 3, 4, 5, 6], &[7, 8]), (&[0, 1, 2, 3, 4, 5, 6, 7, 8], &[9, 10])],
        );
        check(
            TimeSeriesSplit::new(3).gap(2),
            12,
            &[(&[0], &[3, 4, 5]), (&[0, 1, 2, 3], &[6, 7, 8]), (&[0, 1, 2, 3, 4, 5, 6], &[9, 10, 11])],
        );
        check(
            TimeSeriesSplit::new(2).test_size(3).gap(1).max_train_size(4),
            12,
            &[(&[1, 2, 3, 4], &[6, 7, 8]), (&[4, 5, 6, 7], &[9, 10, 11])],
        );
    }
}

/// The same seed gives the same splits, now and later.
#[test]
fn seeds_hold() {
    let split = hold_out(8, 0.25, &mut rng(7)).unwrap();
    assert_eq!(split, hold_out(8, 0.25, &mut rng(7)).unwrap());
    assert_eq!(split.test, [1, 3]);
    assert_eq!(tests(&shuffled_k_fold(6, 2, &mut rng(7)).unwrap()), [[1, 3, 4], [0, 2, 5]]);
    assert_ne!(shuffled_k_fold(30, 3, &mut rng(1)).unwrap(), shuffled_k_fold(30, 3, &mut rng(2)).unwrap());
}

#[test]
fn repetitions_differ() {
    let splits = repeated_k_fold(30, 3, 2, &mut rng(7)).unwrap();
    assert_eq!(splits.len(), 6);
    assert_ne!(splits[..3], splits[3..]);
    let labels = Array1::from_shape_fn(30, |i| i % 3);
    let splits = repeated_stratified_k_fold(&labels, 3, 2, &mut rng(7)).unwrap();
    assert_eq!(splits.len(), 6);
    assert_ne!(splits[..3], splits[3..]);
}

#[test]
fn classes_are_looked_for() {
    let labels = array![0, 0, 1, 1];
    let split = |train: &[usize], test: &[usize]| Split { train: train.to_vec(), test: test.to_vec() };
    split(&[0, 2], &[1, 3]).check_classes(&labels).unwrap();
    let absent = |split: Split| match split.check_classes(&labels).unwrap_err() {
        Error::AbsentClass { class, part, .. } => (class, part),
        other => panic!("{other}"),
    };
    assert_eq!(absent(split(&[0, 2, 3], &[1])), (1, "the test part"));
    assert_eq!(absent(split(&[0], &[1, 2, 3])), (1, "the training part"));
}

#[test]
fn scores_are_numbers_and_errors_come_through() {
    let splits = k_fold(4, 2).unwrap();
    let one = cross_validate(&splits[..1], |_| Ok::<_, Error>(2.0)).unwrap();
    assert_eq!((one.mean(), one.standard_deviation(), one.standard_error()), (2.0, None, None));
    assert_eq!(one.to_string(), "2.0000 (k = 1)");
    let two = cross_validate(&splits, |split| Ok::<_, Error>(split.test[0] as f64)).unwrap();
    assert_eq!((two.values(), two.mean()), (&[0.0, 2.0][..], 1.0));
    assert!((two.standard_deviation().unwrap() - 2.0_f64.sqrt()).abs() < 1e-15);
    assert!((two.standard_error().unwrap() - 1.0).abs() < 1e-15);
    let error = cross_validate(&splits, |_| Err(Error::NoSplits { operation: "mine" })).unwrap_err();
    assert!(matches!(error, Error::NoSplits { operation: "mine" }));
}

/// A setting that wins by luck inside does not bring its luck outside.
#[test]
fn the_outer_score_has_no_part_in_the_choice() {
    let splits = nested(k_fold(12, 3).unwrap(), |train| k_fold(train.len(), 2)).unwrap();
    let seen = std::cell::RefCell::new(Vec::new());
    let (choices, scores) = nested_cross_validate(&splits, &["a", "b"], |&setting, split| {
        seen.borrow_mut().push((setting, split.clone()));
        // b is better on few samples, and worse on many.
        Ok::<_, Error>(match (setting, split.train.len()) {
            ("b", 4) => 2.0,
            ("b", 8) => 0.0,
            _ => 1.0,
        })
    })
    .unwrap();
    assert_eq!(scores.values(), [0.0; 3]);
    assert!(choices.iter().all(|choice| (choice.setting, choice.inner, choice.outer) == (1, 2.0, 0.0)));
    assert_eq!(seen.borrow().len(), 3 * (2 * 2 + 1));
    for NestedParts { outer, inner } in splits.iter().map(NestedParts::of) {
        assert!(inner.iter().all(|sample| outer.contains(sample)));
    }
}

struct NestedParts {
    outer: BTreeSet<usize>,
    inner: BTreeSet<usize>,
}

impl NestedParts {
    fn of(split: &gradus_regularize::validation::NestedSplit) -> Self {
        let inner = split.inner.iter().flat_map(|split| split.train.iter().chain(&split.test));
        Self { outer: split.outer.train.iter().copied().collect(), inner: inner.copied().collect() }
    }
}

/// How often each sample is tested on; and that train and test make up all samples, in order.
fn tested(n: usize, splits: &[Split]) -> Vec<usize> {
    let mut times = vec![0; n];
    for Split { train, test } in splits {
        assert!(train.is_sorted() && test.is_sorted() && !train.is_empty() && !test.is_empty());
        let mut all: Vec<usize> = train.iter().chain(test).copied().collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..n));
        test.iter().for_each(|&i| times[i] += 1);
    }
    times
}

/// Least and most of how many of a kind stand in the test parts.
fn spread(splits: &[Split], is: impl Fn(usize) -> bool) -> usize {
    let counts = splits.iter().map(|split| split.test.iter().filter(|&&i| is(i)).count());
    counts.clone().max().unwrap() - counts.min().unwrap()
}

fn all_refused(results: impl IntoIterator<Item = Result<Vec<Split>>>) -> bool {
    results.into_iter().all(|result| result.is_err())
}

proptest! {
    #![proptest_config(gradus_testing::proptest_cases(100))]

    #[test]
    fn every_index_is_in_exactly_one_test_fold(n in 0_usize..60, k in 0_usize..12, seed: u64) {
        let results = [k_fold(n, k), shuffled_k_fold(n, k, &mut rng(seed))];
        if k < 2 || k > n {
            prop_assert!(all_refused(results));
            return Ok(());
        }
        for splits in results {
            let splits = splits.unwrap();
            prop_assert_eq!(splits.len(), k);
            prop_assert!(tested(n, &splits).iter().all(|&times| times == 1));
            prop_assert!(spread(&splits, |_| true) <= 1);
        }
        let splits = repeated_k_fold(n, k, 3, &mut rng(seed)).unwrap();
        prop_assert!(tested(n, &splits).iter().all(|&times| times == 3));
    }

    #[test]
    fn strata_are_kept_to_within_one(labels in prop::collection::vec(0_usize..4, 1..60), k in 2_usize..6, seed: u64) {
        let n = labels.len();
        let count = |class| labels.iter().filter(|&&label| label == class).count();
        let array = arr1(&labels);
        let results = [stratified_k_fold(&array, k), shuffled_stratified_k_fold(&array, k, &mut rng(seed))];
        if k > n || (0..4).any(|class| (1..k).contains(&count(class))) {
            prop_assert!(all_refused(results));
            return Ok(());
        }
        for splits in results {
            let splits = splits.unwrap();
            prop_assert!(tested(n, &splits).iter().all(|&times| times == 1));
            prop_assert!(spread(&splits, |_| true) <= 1);
            for class in 0..4 {
                prop_assert!(spread(&splits, |i| labels[i] == class) <= 1);
            }
            for split in splits {
                split.check_classes(&array).unwrap();
            }
        }
    }

    #[test]
    fn a_held_out_part_keeps_its_strata(
        labels in prop::collection::vec(0_usize..4, 0..60),
        share in 0.05_f64..0.95,
        seed: u64,
    ) {
        let (n, array) = (labels.len(), arr1(&labels));
        if let Ok(split) = hold_out(n, share, &mut rng(seed)) {
            prop_assert_eq!(split.test.len(), (share * n as f64).round() as usize);
            tested(n, &[split]);
        } else {
            let tests = (share * n as f64).round() as usize;
            prop_assert!(tests == 0 || tests == n);
        }
        if let Ok(split) = stratified_hold_out(&array, share, &mut rng(seed)) {
            prop_assert_eq!(split.test.len(), (share * n as f64).round() as usize);
            for class in 0..4 {
                let of = |part: &mut dyn Iterator<Item = &usize>| part.filter(|&&i| labels[i] == class).count() as f64;
                let exact = share * of(&mut (0..n).collect::<Vec<_>>().iter());
                prop_assert!((of(&mut split.test.iter()) - exact).abs() <= 1.0 + 1e-9);
            }
            split.check_classes(&array).unwrap();
            tested(n, &[split]);
        }
    }

    #[test]
    fn groups_are_never_parted(groups in prop::collection::vec(0_usize..9, 0..60), k in 2_usize..6) {
        let distinct = groups.iter().collect::<BTreeSet<_>>().len();
        let result = group_k_fold(&arr1(&groups), k);
        if k > distinct {
            let refused = matches!(result, Err(Error::TooManyFolds { found, of: "groups", .. }) if found == distinct);
            prop_assert!(refused);
            return Ok(());
        }
        let splits = result.unwrap();
        prop_assert!(tested(groups.len(), &splits).iter().all(|&times| times == 1));
        for Split { train, test } in &splits {
            prop_assert!(train.iter().all(|&i| test.iter().all(|&j| groups[i] != groups[j])));
        }
    }

    #[test]
    fn time_goes_forward(
        n in 0_usize..60,
        k in 2_usize..6,
        test_size in prop::option::of(1_usize..5),
        gap in 0_usize..5,
        most in prop::option::of(1_usize..9),
    ) {
        let mut series = TimeSeriesSplit::new(k).gap(gap);
        series = test_size.map_or(series, |samples| series.test_size(samples));
        series = most.map_or(series, |samples| series.max_train_size(samples));
        let Ok(splits) = series.split(n) else {
            prop_assert!(n <= k * test_size.unwrap_or((n / (k + 1)).max(1)) + gap);
            return Ok(());
        };
        prop_assert_eq!(splits.len(), k);
        prop_assert_eq!(splits[k - 1].test.last(), Some(&(n - 1)));
        for pair in splits.windows(2) {
            prop_assert_eq!(pair[0].test.last().unwrap() + 1, pair[1].test[0]);
        }
        for Split { train, test } in &splits {
            prop_assert_eq!(train.last().unwrap() + 1 + gap, test[0]);
            prop_assert!(train.len() <= most.unwrap_or(n));
            prop_assert!(most.is_some() || train[0] == 0);
            prop_assert!(train.windows(2).chain(test.windows(2)).all(|pair| pair[0] + 1 == pair[1]));
        }
    }
}
