//! Batches from a loader, and batches in parts.

use super::checkpoints::{Temporary, bits};
use gradus_data::{Dataset, Labelled, Loader};
use gradus_nn_layers::{Linear, Relu, Sequential};
use gradus_optim::Adam;
use gradus_regularize::Dropout;
use gradus_train::{Callback, Error, Every, Source, StepRecord, Trainer};
use ndarray::{Array2, ArrayD};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::sync::atomic::{AtomicBool, Ordering};

fn samples(n: usize) -> Labelled<f64> {
    let mut rng = StdRng::seed_from_u64(11);
    let number = |(i, _): (usize, usize)| rng.random_range(-1.0..1.0) + 0.5 * (i % 2) as f64;
    Labelled::new(Array2::from_shape_fn((n, 3), number), (0..n).map(|i| i % 2).collect::<Vec<_>>(), 2).unwrap()
}

fn network(dropout: f64) -> Sequential<f64> {
    let mut rng = StdRng::seed_from_u64(5);
    Sequential::new()
        .push(Linear::new(3, 6, &mut rng))
        .push(Relu)
        .push(Dropout::new(dropout))
        .push(Linear::new(6, 2, &mut rng))
}

type Fed = Loader<Labelled<f64>, (ArrayD<f64>, ndarray::Array1<usize>)>;

/// Shuffled, with noise as augmentation.
fn loader(data: &Labelled<f64>, seed: u64, workers: usize) -> Fed {
    let noisy = |(x, label): (ArrayD<f64>, usize), rng: &mut StdRng| {
        Ok((x.mapv_into(|x| x + rng.random_range(-0.1..0.1)), label))
    };
    Loader::new(data.clone(), 6).unwrap().shuffled().seed(seed).transform(noisy).workers(workers)
}

fn trained(trainer: Trainer<'_, f64>, train: &impl Source<f64>, dropout: f64) -> Result<Vec<u64>, Error> {
    let (mut trainer, mut model) = (trainer, network(dropout));
    let mut rng = StdRng::seed_from_u64(2);
    trainer.run(&mut model, &mut Adam::new(0.05), train, &samples(9), &mut rng)?;
    Ok(bits(&model))
}

#[test]
fn a_loader_feeds_in_the_same_bits_with_any_number_of_workers_and_from_any_step() {
    let data = samples(23);
    let whole = trained(Trainer::new(3), &loader(&data, 1, 0), 0.3).unwrap();
    assert_eq!(trained(Trainer::new(3), &loader(&data, 1, 2), 0.3).unwrap(), whole);
    assert_ne!(trained(Trainer::new(3), &loader(&data, 2, 0), 0.3).unwrap(), whole);
    struct StopAt<'a>(u64, &'a AtomicBool);
    impl Callback for StopAt<'_> {
        fn step(&mut self, step: &StepRecord) {
            self.1.store(step.step == self.0, Ordering::Relaxed);
        }
    }
    for step in [1, 4, 6, 11] {
        let (folder, flag) = (Temporary::new(), AtomicBool::new(false));
        let mut stop = StopAt(step, &flag);
        let first = Trainer::new(3).checkpoint(&folder.0, Every::Epochs(9)).stop_when(&flag).callback(&mut stop);
        let error = trained(first, &loader(&data, 1, 1), 0.3).unwrap_err();
        assert!(matches!(error, Error::Interrupted { step: stopped, .. } if stopped == step), "{error}");
        let again = || Trainer::new(3).checkpoint(&folder.0, Every::Epochs(9)).resume();
        // A loader in another order, or none, is no continuation.
        let error = trained(again(), &loader(&data, 2, 1), 0.3).unwrap_err();
        assert!(matches!(&error, Error::OtherRun { what, .. } if what.starts_with("loader")), "{error}");
        assert!(matches!(trained(again(), &data, 0.3), Err(Error::OtherRun { .. })));
        assert_eq!(trained(again(), &loader(&data, 1, 2), 0.3).unwrap(), whole, "stopped after step {step}");
    }
}

#[test]
fn a_loader_that_gives_nothing_or_fails_is_an_error() {
    let none = Loader::new(samples(5), 6).unwrap().drop_last();
    assert!(matches!(trained(Trainer::new(1), &none, 0.0), Err(Error::NoSamples { set: "training", .. })));
    let fails = Loader::new(
        samples(8).mapped(|(x, label)| {
            let broken = gradus_data::Error::NoSampleAxis;
            if label == 1 { Err(broken) } else { Ok((x, label)) }
        }),
        4,
    );
    assert!(matches!(trained(Trainer::new(1), &fails.unwrap(), 0.0), Err(Error::Data(_))));
}

#[test]
fn shards_give_the_same_bits_on_any_number_of_threads() {
    let data = samples(40);
    let parallel = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let trainer = || Trainer::new(2).batch_size(13).clip_norm(0.5).data_parallel(4);
        pool.install(|| trained(trainer(), &data, 0.3)).unwrap()
    };
    let in_turn = trained(Trainer::new(2).batch_size(13).clip_norm(0.5).accumulate(4), &data, 0.3).unwrap();
    for threads in [1, 2, 3] {
        assert_eq!(parallel(threads), in_turn, "{threads} threads");
    }
    let error = trained(Trainer::new(1).data_parallel(0), &data, 0.0).unwrap_err();
    assert_eq!(error.to_string(), "training: the number of parts of a batch is 0: must be at least 1");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

    /// The gradient of a batch is that of its parts; without dropout nothing else depends on them.
    #[test]
    fn parts_make_the_whole(n in 1_usize..30, batch_size in 1_usize..20, parts in 1_usize..9) {
        let data = samples(n);
        let run = |parts: Option<usize>| {
            let (mut model, mut losses) = (network(0.0), Losses::default());
            let mut trainer = Trainer::new(1).batch_size(batch_size).callback(&mut losses);
            if let Some(parts) = parts {
                trainer = trainer.accumulate(parts);
            }
            trainer.run(&mut model, &mut gradus_optim::Sgd::new(0.1), &data, &data, &mut StdRng::seed_from_u64(2)).unwrap();
            drop(trainer);
            let numbers: Vec<f64> = bits(&model).into_iter().map(f64::from_bits).collect();
            (numbers, losses.0)
        };
        let (whole, losses) = run(None);
        let (in_parts, losses_in_parts) = run(Some(parts));
        for (a, b) in whole.iter().zip(&in_parts).chain(losses.iter().zip(&losses_in_parts)) {
            prop_assert!((a - b).abs() < 1e-12, "{a} {b}");
        }
        prop_assert_eq!(run(Some(1)), (whole, losses));
    }
}

#[derive(Default)]
struct Losses(Vec<f64>);

impl Callback for Losses {
    fn step(&mut self, step: &StepRecord) {
        self.0.extend([step.loss, step.accuracy]);
    }
}
