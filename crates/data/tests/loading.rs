//! The loader: the same batches for any number of workers, and from any position on.

#![allow(clippy::unwrap_used)] // the helpers are tests, too

use gradus_data::{Collate, Dataset, Error, Labelled, Loader, Result, Samples, pad_sequences};
use gradus_linalg::ndarray::{Array1, Array2, ArrayD, array};
use proptest::prelude::*;
use rand::RngExt;
use std::panic::{AssertUnwindSafe, catch_unwind};

fn numbers(n: usize) -> Samples<Vec<usize>> {
    Samples((0..n).collect())
}

fn flat(batches: impl Iterator<Item = Result<Array1<usize>>>) -> Vec<usize> {
    batches.flat_map(Result::unwrap).collect()
}

/// Adds to each sample a number that the transform drew.
fn noisy(n: usize, size: usize) -> Loader<Samples<Vec<usize>>, Array1<usize>> {
    let loader = Loader::new(numbers(n), size).unwrap().shuffled().seed(5);
    loader.transform(|x, rng| Ok(1000 * x + rng.random_range(0..1000)))
}

proptest! {
    #![proptest_config(gradus_testing::proptest_cases(40))]

    #[test]
    fn workers_change_nothing(n in 0_usize..60, size in 1_usize..20, epoch: u64, prefetch in 0_usize..4) {
        let alone = flat(noisy(n, size).epoch(epoch).unwrap());
        for workers in [1, 2, 5] {
            let loader = noisy(n, size).workers(workers).prefetch(prefetch);
            prop_assert_eq!(&flat(loader.epoch(epoch).unwrap()), &alone);
        }
        let mut seen: Vec<usize> = alone.iter().map(|x| x / 1000).collect();
        seen.sort_unstable();
        prop_assert_eq!(seen, (0..n).collect::<Vec<_>>());
    }

    #[test]
    fn resumed_is_never_stopped(n in 1_usize..60, size in 1_usize..20, stop in 0_usize..60, workers in 0_usize..3) {
        let loader = noisy(n, size).workers(workers);
        let all = flat(loader.epoch(2).unwrap());
        let mut epoch = loader.epoch(2).unwrap();
        let before = flat(epoch.by_ref().take(stop));
        let position = epoch.position();
        drop(epoch);
        // A new process: another loader of the same make.
        let after = flat(noisy(n, size).workers(2 - workers).resume(position).unwrap());
        prop_assert_eq!([before, after].concat(), all);
    }

    #[test]
    fn stratified_batches_hold_each_class_in_its_share(a in 1_usize..40, b in 1_usize..40, size in 1_usize..20, seed: u64) {
        let labels: Vec<usize> = (0..a + b).map(|i| usize::from(i >= a)).collect();
        let loader = Loader::new(Samples(labels.clone()), size).unwrap().seed(seed).stratified(labels).unwrap();
        for batch in loader.epoch(0).unwrap() {
            let batch = batch.unwrap();
            let expected = batch.len() as f64 * b as f64 / (a + b) as f64;
            prop_assert!((batch.sum() as f64 - expected).abs() < 2.0 + 1e-9, "{batch} of {a} and {b}");
        }
        prop_assert_eq!(flat(loader.epoch(0).unwrap()).len(), a + b);
    }
}

#[test]
fn epochs_and_seeds_differ_and_nothing_else_does() {
    let order = |seed, epoch| flat(Loader::new(numbers(50), 7).unwrap().shuffled().seed(seed).epoch(epoch).unwrap());
    assert_eq!(order(1, 0), order(1, 0));
    assert_ne!(order(1, 0), order(1, 1));
    assert_ne!(order(1, 0), order(2, 0));
    // A transform draws from another stream: the order stays.
    let plain = flat(Loader::new(numbers(50), 7).unwrap().shuffled().seed(5).epoch(0).unwrap());
    assert_eq!(flat(noisy(50, 7).epoch(0).unwrap()).iter().map(|x| x / 1000).collect::<Vec<_>>(), plain);
}

#[test]
fn a_batch_has_a_stream_of_its_own() {
    let batches = |workers| {
        let loader = noisy(50, 7).workers(workers);
        let loader = loader.transform_batch(|batch, rng| Ok(batch * 1000 + rng.random_range(0..1000)));
        flat(loader.transform_batch(|batch, _| Ok(batch + 1)).epoch(3).unwrap())
    };
    assert_eq!(batches(0), batches(3));
    // The samples' own streams are as they were.
    let plain = flat(noisy(50, 7).epoch(3).unwrap());
    assert_eq!(batches(0).iter().map(|x| x / 1000).collect::<Vec<_>>(), plain);
    let drawn: Vec<usize> = batches(2).iter().map(|x| x % 1000).collect();
    assert!(drawn.chunks(7).all(|batch| batch.iter().all(|x| *x == batch[0])) && drawn[0] != drawn[7]);
}

#[test]
fn sizes_and_drop_last() {
    let loader = Loader::new(numbers(10), 4).unwrap();
    assert_eq!((loader.len(), loader.is_empty(), loader.dataset().len()), (3, false, 10));
    assert_eq!(flat(loader.epoch(0).unwrap()), (0..10).collect::<Vec<_>>());
    let loader = loader.drop_last();
    assert_eq!((loader.len(), flat(loader.epoch(0).unwrap())), (2, (0..8).collect()));
    assert_eq!(Loader::new(numbers(0), 4).unwrap().workers(3).epoch(0).unwrap().count(), 0);
    assert_eq!(Loader::new(numbers(1), 0).unwrap_err().to_string(), "batch size 0: a mini-batch has at least 1 sample");
}

#[test]
fn settings_can_change_while_an_epoch_runs() {
    let loader = Loader::new(numbers(10), 3).unwrap().workers(1);
    let running = loader.epoch(0).unwrap();
    let shuffled = loader.shuffled();
    assert_eq!(flat(running), (0..10).collect::<Vec<_>>());
    assert_ne!(flat(shuffled.epoch(0).unwrap()), (0..10).collect::<Vec<_>>());
}

#[test]
fn weights_are_probabilities() {
    let loader = Loader::new(numbers(4), 100).unwrap().weighted(&[0., 1., 3., 0.], 10_000).unwrap().seed(1);
    let mut counts = [0_usize; 4];
    flat(loader.epoch(0).unwrap()).into_iter().for_each(|i| counts[i] += 1);
    // Binomial, with standard deviation 43.
    assert!(counts[0] == 0 && counts[3] == 0 && counts[1].abs_diff(2500) < 200, "{counts:?}");

    let message = |weights: &[f64]| Loader::new(numbers(2), 1).unwrap().weighted(weights, 1).unwrap_err().to_string();
    assert_eq!(message(&[1.]), "loader: 1 weights for 2 samples: each sample needs one");
    assert_eq!(
        message(&[1., -2.]),
        "loader: weight -2 at position 1: weights are finite, not negative, and one of them is above 0"
    );
    assert!(message(&[0., 0.]).starts_with("loader: weight 0 at position 0: "));
    assert_eq!(
        Loader::new(numbers(2), 1).unwrap().stratified([0]).unwrap_err().to_string(),
        "loader: 1 labels for 2 samples: each sample needs one"
    );
}

#[test]
fn a_position_belongs_to_its_loader() {
    let position = noisy(20, 4).epoch(1).unwrap().position();
    let others = [noisy(21, 4), noisy(20, 5), noisy(20, 4).seed(6), noisy(20, 4).drop_last()];
    for other in others {
        assert!(matches!(other.resume(position), Err(Error::Position { .. })));
    }
    let beyond = gradus_data::Position { batch: 6, ..position };
    assert_eq!(
        noisy(20, 4).resume(beyond).unwrap_err().to_string(),
        "loader: epoch 1, batch 6: the position was saved by a loader with another seed, batch size, order or data set, or lies beyond the 5 batches of an epoch"
    );
}

#[test]
fn an_error_comes_in_its_place_and_ends_the_epoch() {
    for workers in [0, 1, 3] {
        let data = numbers(20).mapped(|i| if i == 9 { Err(Error::Sample { index: 9, len: 0 }) } else { Ok(i) });
        let mut epoch = Loader::new(data, 4).unwrap().workers(workers).epoch(0).unwrap();
        assert!(epoch.next().unwrap().is_ok() && epoch.next().unwrap().is_ok());
        assert!(matches!(epoch.next(), Some(Err(Error::Sample { index: 9, .. }))));
        assert!(epoch.next().is_none());
        assert_eq!(epoch.position().batch, 2);
    }
}

#[test]
fn a_panic_in_a_worker_is_the_callers() {
    let data = numbers(20).mapped(|i| if i == 9 { panic!("sample nine") } else { Ok(i) });
    let mut epoch = Loader::new(data, 4).unwrap().workers(2).epoch(0).unwrap();
    assert!(epoch.next().is_some() && epoch.next().is_some());
    let cause = catch_unwind(AssertUnwindSafe(|| epoch.next())).unwrap_err();
    assert_eq!(cause.downcast_ref(), Some(&"sample nine"));
}

#[test]
fn labelled_data_come_as_from_batches() {
    let data = Labelled::new(Array2::from_shape_fn((7, 2), |(i, j)| (2 * i + j) as f32), vec![0, 1, 0, 1, 0, 1, 0], 2)
        .unwrap();
    let loaded: Vec<_> =
        Loader::new(data.clone(), 3).unwrap().workers(2).epoch(0).unwrap().map(Result::unwrap).collect();
    assert_eq!(loaded, data.batches(3).collect::<Vec<_>>());
}

#[test]
fn what_cannot_be_put_together() {
    let ragged = vec![array![1., 2.].into_dyn(), array![1.].into_dyn()];
    assert_eq!(
        Collate::collate(ragged.clone()).unwrap_err().to_string(),
        "collate: sample 1 of the batch has shape [1], the first [2]: bring them to one shape, or pad sequences"
    );
    let loader = Loader::with_collate(Samples(ragged), 2, |sequences| pad_sequences(&sequences, -1.0)).unwrap();
    let batch = loader.epoch(0).unwrap().next().unwrap().unwrap();
    assert_eq!((batch.values, batch.lengths), (array![[1., 2.], [1., -1.]].into_dyn(), array![2, 1]));
    let steps = [ArrayD::<f32>::zeros(vec![2, 3]), ArrayD::zeros(vec![1, 4])];
    assert!(matches!(pad_sequences(&steps, 0.0), Err(Error::Ragged { position: 1, .. })));
    assert!(matches!(pad_sequences(&[ArrayD::<f32>::zeros(vec![])], 0.0), Err(Error::NoSampleAxis)));
    assert_eq!(pad_sequences::<f32>(&[], 0.0).unwrap().mask().dim(), (0, 0));
    let hollow = pad_sequences(&[ArrayD::<f32>::zeros(vec![0, 3])], 0.0).unwrap();
    assert_eq!(hollow.values.shape(), [1, 0, 3]);
}
