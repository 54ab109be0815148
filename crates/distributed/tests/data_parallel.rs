//! N ranks give the training of one: to the bit that of one rank which accumulates N parts, and to rounding that of the whole batch.

use gradus_autograd::{Var, ndarray::ArrayD};
use gradus_data::{Digits, Labelled};
use gradus_distributed::{Communicator, DataParallel, Group, Threads};
use gradus_nn_layers::{Layer, Linear, Losses, Module, Result as LayerResult, StateDict};
use gradus_optim::{Adam, Sgd};
use gradus_regularize::{BatchNorm1d, Dropout};
use gradus_train::{Error as TrainError, History, Trainer};
use proptest::prelude::*;
use rand::{SeedableRng, rngs::StdRng};

#[derive(Module)]
struct Mlp {
    hidden: Linear,
    norm: Option<BatchNorm1d>,
    dropout: Dropout,
    out: Linear,
}

impl Mlp {
    fn new(units: usize, norm: bool, dropout: f64, rng: &mut StdRng) -> Self {
        Self {
            hidden: Linear::new(64, units, rng),
            norm: norm.then(|| BatchNorm1d::new(units)),
            dropout: Dropout::new(dropout),
            out: Linear::new(units, 10, rng),
        }
    }
}

impl Layer for Mlp {
    fn forward(&self, x: &Var) -> LayerResult<Var> {
        let hidden = self.hidden.forward(x)?;
        let hidden = self.norm.as_ref().map_or(Ok(hidden.clone()), |norm| norm.forward(&hidden))?;
        self.out.forward(&self.dropout.forward(&hidden.relu())?)
    }
}

#[derive(Debug, Clone, Copy)]
struct Setting {
    samples: usize,
    batch_size: usize,
    bucket_bytes: usize,
    dropout: f64,
    norm: bool,
    seed: u64,
}

type Trained = (StateDict, History);

/// Trains with what `set` adds to the trainer.
fn train<'a>(setting: Setting, set: impl FnOnce(Trainer<'a>) -> Trainer<'a>) -> Result<Trained, TrainError> {
    let mut rng = StdRng::seed_from_u64(setting.seed);
    let (train, test) = data(setting.samples);
    let mut model = Mlp::new(13, setting.norm, setting.dropout, &mut rng);
    let trainer = Trainer::new(2).batch_size(setting.batch_size).clip_norm(0.5);
    let history = set(trainer).run(&mut model, &mut Adam::new(1e-2), &train, &test, &mut rng)?;
    Ok((model.state_dict(), history))
}

fn data(samples: usize) -> (Labelled, Labelled) {
    let (train, rest) = Digits::embedded().split_at(samples).unwrap();
    (train, rest.split_at(50).unwrap().0)
}

fn on_ranks(ranks: usize, setting: Setting) -> Vec<Result<Trained, TrainError>> {
    Threads::run(ranks, move |group: Group| {
        let mut ranks = DataParallel::new(&group).bucket_bytes(setting.bucket_bytes);
        train(setting, |trainer| trainer.ranks(&mut ranks))
    })
}

fn arrays(state: &StateDict) -> Vec<(String, ArrayD<f32>)> {
    state.iter().map(|(name, value)| (name.to_owned(), value.to_owned().into_array())).collect()
}

fn losses(history: &History) -> Vec<(f64, f64, f64)> {
    history.epochs.iter().map(|epoch| (epoch.train_loss, epoch.test_loss, epoch.test_accuracy)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn ranks_have_the_bits_of_one_that_accumulates(
        ranks in 1..=8_usize,
        samples in 8..70_usize,
        batch_size in 1..40_usize,
        bucket_bytes in prop_oneof![Just(0), Just(100), Just(3000), Just(1 << 20)],
        dropout in prop_oneof![Just(0.0), Just(0.3)],
        seed in 0..1000_u64,
    ) {
        let setting = Setting { samples, batch_size, bucket_bytes, dropout, norm: false, seed };
        let (expected, history) = train(setting, |trainer| trainer.accumulate(ranks)).unwrap();
        for trained in on_ranks(ranks, setting) {
            let (state, of_rank) = trained.unwrap();
            prop_assert_eq!(arrays(&state), arrays(&expected));
            prop_assert_eq!(losses(&of_rank), losses(&history));
        }
    }

    #[test]
    fn ranks_train_as_one_on_the_whole_batch(ranks in 2..=5_usize, batch_size in 5..40_usize, seed in 0..1000_u64) {
        let setting = Setting { samples: 60, batch_size, bucket_bytes: 1000, dropout: 0.0, norm: false, seed };
        let (expected, _) = train(setting, |trainer| trainer).unwrap();
        for trained in on_ranks(ranks, setting) {
            for ((name, array), (_, expected)) in arrays(&trained.unwrap().0).iter().zip(arrays(&expected)) {
                let far = array.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                prop_assert!(far < 2e-3, "{}: {}", name, far); // Adam divides rounding errors by small second moments
            }
        }
    }
}

#[test]
fn all_ranks_end_with_the_same_running_statistics() {
    let setting = Setting { samples: 60, batch_size: 20, bucket_bytes: 1000, dropout: 0.0, norm: true, seed: 1 };
    let trained: Vec<_> = on_ranks(3, setting).into_iter().map(Result::unwrap).collect();
    assert!(trained.iter().all(|(state, _)| arrays(state) == arrays(&trained[0].0)));
    let mean = trained[0].0.get("norm.running_mean").unwrap();
    assert!(mean.iter().any(|x| *x != 0.0));
}

/// What the error of each rank says if rank 1 has another setting, or model.
fn errors_if_rank_1(change: impl Fn(&mut Setting) + Sync, units: usize) -> Vec<String> {
    let setting = Setting { samples: 40, batch_size: 10, bucket_bytes: 1000, dropout: 0.0, norm: false, seed: 1 };
    let results = Threads::run(3, |group: Group| {
        let (mut setting, mut own) = (setting, 13);
        if group.rank() == 1 {
            change(&mut setting);
            own = units;
        }
        let mut rng = StdRng::seed_from_u64(setting.seed);
        let (train, test) = data(setting.samples);
        let mut model = Mlp::new(own, setting.norm, 0.0, &mut rng);
        let mut ranks = DataParallel::new(&group).bucket_bytes(setting.bucket_bytes);
        let mut trainer = Trainer::new(1).batch_size(setting.batch_size).ranks(&mut ranks);
        trainer.run(&mut model, &mut Sgd::new(0.1), &train, &test, &mut rng).map(drop)
    });
    results.into_iter().map(|result| result.unwrap_err().to_string()).collect()
}

#[test]
fn ranks_that_do_not_fit_together_are_named_on_all_of_them_before_the_first_step() {
    let cases = [
        (errors_if_rank_1(|setting| setting.seed = 2, 13), "its seed is "),
        (errors_if_rank_1(|setting| setting.batch_size = 20, 13), "its batch size is 20, and rank 0's is 10"),
        (
            errors_if_rank_1(|setting| setting.samples = 41, 13),
            "its number of training samples is 41, and rank 0's is 40",
        ),
        (
            errors_if_rank_1(|setting| setting.bucket_bytes = 7, 13),
            "its bucket size is 7 bytes, and rank 0's is 1000 bytes",
        ),
        (
            errors_if_rank_1(|_| (), 14),
            "its parameter is hidden.weight [14, 64], trained, and rank 0's is hidden.weight [13, 64], trained",
        ),
        (
            errors_if_rank_1(|setting| setting.norm = true, 13),
            "its parameter is norm.weight [13], trained, and rank 0's is out.weight",
        ),
    ];
    for (errors, expected) in cases {
        assert!(errors.iter().all(|error| error.starts_with("rank 1: ") && error.contains(expected)), "{errors:?}");
    }
}

#[test]
fn every_rank_gets_the_parameters_of_rank_0() {
    let states = Threads::run(3, |group: Group| {
        let mut rng = StdRng::seed_from_u64(7);
        let (train, test) = data(40);
        let mut model = Mlp::new(13, true, 0.0, &mut StdRng::seed_from_u64(group.rank() as u64));
        let mut ranks = DataParallel::new(&group);
        let mut trainer = Trainer::new(1).batch_size(10).ranks(&mut ranks);
        trainer.run(&mut model, &mut Sgd::new(0.1), &train, &test, &mut rng).unwrap();
        drop(trainer);
        assert!(ranks.exposed().as_nanos() > 0);
        Ok::<_, TrainError>(arrays(&model.state_dict()))
    });
    let states: Vec<_> = states.into_iter().map(Result::unwrap).collect();
    assert!(states.iter().all(|state| *state == states[0]));
}

#[test]
fn a_rank_that_ends_in_training_is_named_by_the_others() {
    let results = Threads::run(3, |group: Group| {
        let mut rng = StdRng::seed_from_u64(7);
        let (train, test) = data(40);
        let mut model = Mlp::new(13, false, 0.0, &mut rng);
        let mut ranks = DataParallel::new(&group);
        let loss_of = group.rank();
        let mut trainer = Trainer::new(1).batch_size(10).ranks(&mut ranks).loss(move |logits, labels| {
            if loss_of == 2 {
                return Err(gradus_nn_layers::Error::Source("the sensor is gone".into()));
            }
            logits.cross_entropy(labels)
        });
        trainer.run(&mut model, &mut Sgd::new(0.1), &train, &test, &mut rng).map(drop)
    });
    let errors: Vec<_> = results.into_iter().map(|result| result.unwrap_err().to_string()).collect();
    assert!(errors[2].contains("the sensor is gone"), "{errors:?}");
    assert!(errors[..2].iter().all(|error| error.contains("rank 2")), "{errors:?}");
}
