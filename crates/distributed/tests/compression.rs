//! What compression keeps of the laws, and what it does to training.

use gradus_autograd::Var;
use gradus_data::{Digits, Labelled};
use gradus_distributed::{Communicator, Compression, DataParallel, Error, Group, Numbers, Threads};
use gradus_nn_layers::{Layer, Linear, Module, Result as LayerResult, StateDict};
use gradus_optim::Adam;
use gradus_train::{Error as TrainError, History, Result as TrainResult, Trainer};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng, rngs::StdRng};

/// Numbers of any size and sign, so that roundings and the order of sums are seen.
pub(crate) fn numbers(seed: u64, rank: usize, len: usize) -> Vec<f32> {
    let mut rng = StdRng::seed_from_u64(seed * 1000 + rank as u64);
    (0..len).map(|_| (rng.random::<f32>() - 0.5) * 10_f32.powi(rng.random_range(-4..5))).collect()
}

/// The nearest bfloat16 by its definition: a multiple of the power of two that is the last place of a number with 8 binary digits.
fn nearest(x: f32) -> f32 {
    if x == 0.0 {
        return x;
    }
    let place = 2_f64.powi(f64::from(x).abs().log2().floor() as i32 - 7);
    ((f64::from(x) / place).round_ties_even() * place) as f32
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_sum_in_bf16_is_that_of_f32_in_the_order_of_the_ranks_rounded_once(
        ranks in 1..=8_usize,
        len in 0..40_usize,
        seed in 0..1000_u64,
    ) {
        let sums = Threads::run(ranks, |group: Group| {
            let mut own = Numbers::bf16(len);
            own.extend_from_slice(&numbers(seed, group.rank(), len))?;
            group.all_reduce(own)?.to_vec::<f32>()
        });
        let terms = |rank| numbers(seed, rank, len).into_iter().map(nearest);
        let mut expected: Vec<f32> = terms(0).collect();
        (1..ranks).for_each(|rank| expected.iter_mut().zip(terms(rank)).for_each(|(sum, x)| *sum += x));
        let bits = |numbers: Vec<f32>| numbers.into_iter().map(f32::to_bits).collect::<Vec<_>>();
        let expected = bits(expected.into_iter().map(nearest).collect());
        for sum in sums {
            prop_assert_eq!(&bits(sum.unwrap()), &expected);
        }
    }

    #[test]
    fn sums_and_all_gathers_under_way_come_back_each_its_own(ranks in 1..=8_usize, len in 0..30_usize) {
        let results = Threads::run(ranks, |group: Group| {
            let own = |i: usize| vec![(group.rank() * 10 + i) as u8; len * (group.rank() + i) % 50];
            let first = group.start_all_gather(own(1));
            let sum = group.start_all_reduce(Numbers::from_slice(&vec![1.0_f32; len])?);
            let second = group.start_all_gather(own(2));
            Ok::<_, Error>((second.wait()?, sum.wait()?.to_vec::<f32>()?, first.wait()?))
        });
        let all = |i: usize| (0..ranks).map(|r| vec![(r * 10 + i) as u8; len * (r + i) % 50]).collect::<Vec<_>>();
        for result in results {
            prop_assert_eq!(result.unwrap(), (all(2), vec![ranks as f32; len], all(1)));
        }
    }
}

#[test]
fn bf16_is_read_and_extended_as_either_type() {
    let mut numbers = Numbers::bf16(2);
    numbers.extend_from_slice(&[1.5_f32]).unwrap();
    numbers.extend_from_slice(&[f64::NAN, -1e300]).unwrap();
    assert_eq!(numbers.len(), 3);
    let values = numbers.to_vec::<f64>().unwrap();
    assert!(values[0] == 1.5 && values[1].is_nan() && values[2] == f64::NEG_INFINITY);
}

#[derive(Module)]
struct Mlp {
    hidden: Linear,
    out: Linear,
}

impl Layer for Mlp {
    fn forward(&self, x: &Var) -> LayerResult<Var> {
        self.out.forward(&self.hidden.forward(x)?.relu())
    }
}

#[derive(Debug, Clone, Copy)]
struct Setting {
    compression: Compression,
    samples: usize,
    batch_size: usize,
    bucket_bytes: usize,
    epochs: usize,
    seed: u64,
}

struct Trained {
    state: StateDict,
    history: History,
    sent: u64,
}

impl Trained {
    fn values(&self) -> Vec<f32> {
        self.state.iter().flat_map(|(_, value)| value.iter().copied().collect::<Vec<_>>()).collect()
    }

    fn bits(&self) -> Vec<u32> {
        self.values().into_iter().map(f32::to_bits).collect()
    }
}

fn data(samples: usize) -> (Labelled, Labelled) {
    let (train, rest) = Digits::embedded().split_at(samples).unwrap();
    (train, rest.split_at(200).unwrap().0)
}

fn train(group: &Group, setting: Setting) -> TrainResult<Trained> {
    let mut rng = StdRng::seed_from_u64(setting.seed);
    let (train, test) = data(setting.samples);
    let mut model = Mlp { hidden: Linear::new(64, 13, &mut rng), out: Linear::new(13, 10, &mut rng) };
    let mut ranks = DataParallel::new(group).bucket_bytes(setting.bucket_bytes).compression(setting.compression);
    let mut trainer = Trainer::new(setting.epochs).batch_size(setting.batch_size).ranks(&mut ranks);
    let history = trainer.run(&mut model, &mut Adam::new(1e-2), &train, &test, &mut rng)?;
    drop(trainer);
    Ok(Trained { state: model.state_dict(), history, sent: ranks.sent_bytes() })
}

fn on_ranks(ranks: usize, setting: Setting) -> Vec<TrainResult<Trained>> {
    Threads::run(ranks, |group: Group| train(&group, setting))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn all_ranks_have_the_same_bits_run_after_run(
        ranks in 1..=8_usize,
        samples in 8..70_usize,
        batch_size in 1..40_usize,
        bucket_bytes in prop_oneof![Just(0), Just(100), Just(3000), Just(1 << 20)],
        compression in prop_oneof![
            Just(Compression::Bf16),
            (0.001..=1.0_f64).prop_map(|share| Compression::TopK { share }),
        ],
        seed in 0..1000_u64,
    ) {
        let setting = Setting { compression, samples, batch_size, bucket_bytes, epochs: 2, seed };
        let first = on_ranks(ranks, setting).swap_remove(0).unwrap();
        for trained in on_ranks(ranks, setting) {
            prop_assert_eq!(trained.unwrap().bits(), first.bits());
        }
    }

    #[test]
    fn top_k_of_everything_is_no_compression(ranks in 1..=8_usize, batch_size in 5..40_usize, seed in 0..1000_u64) {
        let [none, all] = [Compression::None, Compression::TopK { share: 1.0 }].map(|compression| {
            let setting = Setting { compression, samples: 60, batch_size, bucket_bytes: 1000, epochs: 2, seed };
            on_ranks(ranks, setting).swap_remove(0).unwrap()
        });
        prop_assert_eq!(none.values(), all.values()); // zeros may have another sign
    }

    #[test]
    fn bf16_has_the_same_bits_in_buckets_of_any_size(ranks in 1..=5_usize, bucket_bytes in 0..5000_usize) {
        let [one, other] = [1 << 20, bucket_bytes].map(|bucket_bytes| {
            let compression = Compression::Bf16;
            let setting = Setting { compression, samples: 60, batch_size: 17, bucket_bytes, epochs: 2, seed: 1 };
            on_ranks(ranks, setting).swap_remove(0).unwrap().bits()
        });
        prop_assert_eq!(one, other);
    }
}

#[test]
fn compressed_training_learns_and_sends_as_many_bytes_as_its_formula_says() {
    let (samples, batch_size, epochs) = (1500, 50, 6);
    let steps = (samples / batch_size * epochs) as u64;
    // Weights and biases of both layers, in one bucket, with a word for each on whether it is there.
    let (len, words) = (64 * 13 + 13 + 13 * 10 + 10_u64, 4);
    for ranks in [2, 4] {
        let mut uncompressed = None;
        let sent_of_pairs = |share: f64| (ranks - 1) * (words + 8 * (share * len as f64).ceil() as u64);
        for (compression, sent, worse) in [
            (Compression::None, 2 * 4 * (len + words) * (ranks - 1), 0.0),
            (Compression::Bf16, 2 * 2 * (len + words) * (ranks - 1), 0.02),
            (Compression::TopK { share: 0.1 }, sent_of_pairs(0.1), 0.03),
            (Compression::TopK { share: 0.01 }, sent_of_pairs(0.01), 0.15),
        ] {
            let setting = Setting { compression, samples, batch_size, bucket_bytes: 1 << 20, epochs, seed: 7 };
            let trained: Vec<_> = on_ranks(ranks as usize, setting).into_iter().map(TrainResult::unwrap).collect();
            let found = trained[0].history.epochs[epochs - 1].test_accuracy;
            let expected = *uncompressed.get_or_insert(found);
            assert!(expected > 0.8 && found >= expected - worse, "{ranks} {compression}: {found}");
            let all: u64 = trained.iter().map(|trained| trained.sent).sum();
            let expected = match compression {
                // Of all ranks together, for their parts may differ by a number.
                Compression::None | Compression::Bf16 => sent * steps,
                Compression::TopK { .. } => ranks * sent * steps,
            };
            assert_eq!(all, expected, "{ranks} {compression}");
        }
    }
}

#[test]
fn shares_that_do_not_fit_are_refused_on_all_ranks() {
    for share in [0.0, -0.1, 1.000001, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let compression = Compression::TopK { share };
        let setting = Setting { compression, samples: 40, batch_size: 10, bucket_bytes: 1000, epochs: 1, seed: 1 };
        for result in on_ranks(3, setting) {
            let Err(TrainError::Ranks(error)) = result.map(drop) else { panic!("share {share} is taken") };
            assert!(error.downcast_ref::<Error>().is_some_and(|error| matches!(error, Error::Share { .. })));
            let expected = format!("compression: top-k with a share of {share}: it must be above 0 and at most 1");
            assert_eq!(error.to_string(), expected);
        }
    }
    assert_eq!(
        Error::TopKNumbers { numbers: 5_000_000_000 }.to_string(),
        "compression: top-k of a bucket of 5000000000 numbers: its indices count to 4294967295; \
         smaller buckets, smaller parameters or no top-k would fit"
    );
}

#[test]
fn ranks_with_another_compression_are_named_on_all_of_them() {
    let top_k = Compression::TopK { share: 0.01 };
    for (first, other, expected) in [
        (Compression::None, Compression::Bf16, "rank 2: its compression is bf16, and rank 0's is none"),
        (Compression::Bf16, top_k, "rank 2: its compression is top-k with a share of 0.01, and rank 0's is bf16"),
        (Compression::TopK { share: 0.1 }, top_k, "of 0.01, and rank 0's is top-k with a share of 0.1: "),
    ] {
        let results = Threads::run(3, |group: Group| {
            let compression = if group.rank() == 2 { other } else { first };
            let setting = Setting { compression, samples: 40, batch_size: 10, bucket_bytes: 1000, epochs: 1, seed: 1 };
            train(&group, setting).map(drop)
        });
        let errors: Vec<_> = results.into_iter().map(|result| result.unwrap_err().to_string()).collect();
        assert!(errors.iter().all(|error| error.contains(expected)), "{errors:?}");
    }
}

#[test]
fn networks_of_f64_are_compressed_too() {
    for compression in [Compression::Bf16, Compression::TopK { share: 0.1 }] {
        let results = Threads::run(2, |group: Group| -> TrainResult<f64> {
            let mut rng = StdRng::seed_from_u64(7);
            let digits = Digits::embedded();
            let labels = digits.labels().to_owned();
            let digits: Labelled<f64> = Labelled::new(digits.inputs().mapv(f64::from), labels, 10)?;
            let (train, test) = digits.split_at(1500)?;
            let mut model: Linear<f64> = Linear::new(64, 10, &mut rng);
            let mut ranks = DataParallel::new(&group).compression(compression);
            let mut trainer = Trainer::new(3).batch_size(32).ranks(&mut ranks);
            let history = trainer.run(&mut model, &mut Adam::new(1e-2), &train, &test, &mut rng)?;
            Ok(history.epochs[2].test_accuracy)
        });
        for accuracy in results {
            assert!(accuracy.unwrap() > 0.85, "{compression}");
        }
    }
}
