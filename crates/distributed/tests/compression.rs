//! What compression keeps of the laws, and what becomes of what is not sent.

use gradus_autograd::{Gradients, Leaf, LeafId, Value, Var, ndarray::Array1};
use gradus_data::{Digits, Labelled};
use gradus_distributed::{Communicator, Compression, DataParallel, Error, Group, Numbers, Threads};
use gradus_nn_layers::{Layer, Linear, Module, Parameter, Result as LayerResult, StateDict};
use gradus_optim::Adam;
use gradus_train::{Error as TrainError, History, Ranks, Result as TrainResult, Start, Trainer, gradients_from};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng, rngs::StdRng};

/// Numbers of any size and sign, so that roundings and the order of sums are seen.
fn numbers(seed: u64, rank: usize, len: usize) -> Vec<f32> {
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

// Steps by hand: what goes in, and what comes out.

#[derive(Module)]
struct Two {
    a: Parameter,
    b: Parameter,
}

const LENS: [usize; 2] = [7, 5];

/// A run's steps on one rank.
struct Steps<'c> {
    model: Two,
    ids: [LeafId; 2],
    ranks: DataParallel<'c>,
    rank: usize,
    size: usize,
}

impl Steps<'_> {
    fn begin(&mut self) -> TrainResult<()> {
        let start = Start {
            seed: 1,
            samples: 8,
            test_samples: 8,
            batch_size: 8,
            epochs: 1,
            data: 0,
            test_data: 0,
            checkpoint: None,
        };
        self.ranks.begin(&mut self.model, &start)
    }

    /// The gradients of both parameters, none of which has to be there.
    fn gradients(&self, gradients: [Option<Vec<f32>>; 2]) -> Gradients {
        let pairs = self.ids.into_iter().zip(gradients);
        let there = pairs.filter_map(|(id, gradient)| Some((id, Value::from(Array1::from(gradient?)))));
        gradients_from(there, []).unwrap()
    }

    fn add_up(&mut self, mut gradients: Gradients, share: f64) -> TrainResult<[Option<Vec<f32>>; 2]> {
        self.ranks.add_up(&mut gradients, share, &mut [0.0])?;
        Ok(self.ids.map(|id| gradients.get_id(id).map(|sum| sum.iter().copied().collect())))
    }

    /// A step in which all ranks have as many rows.
    fn step(&mut self, gradients: [Option<Vec<f32>>; 2]) -> [Option<Vec<f32>>; 2] {
        self.add_up(self.gradients(gradients), 1.0 / self.size as f64).unwrap()
    }

    /// What comes in steps without gradients of their own: what was kept, until nothing is.
    fn rest(&mut self) -> Vec<f32> {
        let mut rest = vec![0.0; LENS[0] + LENS[1]];
        loop {
            let sums = joined(&self.step(LENS.map(|len| Some(vec![0.0; len]))));
            if sums.iter().all(|x| *x == 0.0) {
                return rest;
            }
            rest.iter_mut().zip(sums).for_each(|(rest, x)| *rest += x);
        }
    }
}

fn joined(sums: &[Option<Vec<f32>>; 2]) -> Vec<f32> {
    sums.iter().flat_map(|sum| sum.clone().unwrap()).collect()
}

fn split(numbers: &[f32]) -> [Option<Vec<f32>>; 2] {
    [Some(numbers[..LENS[0]].to_vec()), Some(numbers[LENS[0]..].to_vec())]
}

/// What every rank's program returns.
fn steps<T: Send>(
    ranks: usize,
    (share, bucket_bytes): (f64, usize),
    program: impl Fn(Steps<'_>) -> TrainResult<T> + Sync,
) -> Vec<T> {
    let results = Threads::run(ranks, |group: Group| {
        let [a, b] = LENS.map(|len| Parameter::from(Array1::zeros(len)));
        let ranks = DataParallel::new(&group).compression(Compression::TopK { share }).bucket_bytes(bucket_bytes);
        let (ids, rank, size) = ([a.id(), b.id()], group.rank(), group.size());
        let mut steps = Steps { model: Two { a, b }, ids, ranks, rank, size };
        steps.begin()?;
        program(steps)
    });
    results.into_iter().map(TrainResult::unwrap).collect()
}

fn close(found: &[f32], expected: &[f32]) -> bool {
    let size = expected.iter().fold(1e-3_f32, |size, x| size.max(x.abs()));
    found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| (a - b).abs() <= 1e-5 * size)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_applied_and_what_is_kept_is_all_there_was(
        ranks in 1..=8_usize,
        share in 0.01..=1.0_f64,
        bucket_bytes in prop_oneof![Just(0), Just(1000)],
        count in 1..6_u64,
        seed in 0..1000_u64,
    ) {
        let len = LENS[0] + LENS[1];
        let of_step = |step: u64, rank| numbers(seed * 10 + step, rank, len);
        let all = steps(ranks, (share, bucket_bytes), |mut steps| {
            let mut applied = vec![0.0; len];
            let mut add = |sums: Vec<f32>| applied.iter_mut().zip(sums).for_each(|(sum, x)| *sum += x);
            (0..count).for_each(|step| add(joined(&steps.step(split(&of_step(step, steps.rank))))));
            add(steps.rest());
            Ok(applied)
        });
        let mut expected = vec![0.0; len];
        for (step, rank) in (0..count).flat_map(|step| (0..ranks).map(move |rank| (step, rank))) {
            expected.iter_mut().zip(of_step(step, rank)).for_each(|(sum, x)| *sum += x / ranks as f32);
        }
        prop_assert!(close(&all[0], &expected), "{:?} {:?}", all[0], expected);
        prop_assert!(all.iter().all(|applied| applied == &all[0]));
    }
}

#[test]
fn the_largest_are_sent_of_equal_ones_the_first_and_the_rest_later() {
    // Three of twelve; in the bucket the last parameter comes first.
    let a = vec![1.0, -4.0, 0.0, 0.0, 0.0, 0.0, 0.5];
    let b = vec![2.0, -2.0, 2.0, 0.0, 0.0];
    let all = steps(1, (0.25, 1000), |mut steps| {
        let first = steps.step([Some(a.clone()), Some(b.clone())]);
        let second = steps.step([Some(vec![0.0; 7]), Some(vec![0.5; 5])]);
        Ok([joined(&first), joined(&second)])
    });
    let mut first = vec![0.0; 12];
    (first[1], first[7], first[8]) = (-4.0, 2.0, -2.0);
    let mut second = vec![0.0; 12];
    // 2.0 was kept and 0.5 comes to it; then 1.0; then 0.5, of which the first is the second parameter's.
    (second[9], second[0], second[7]) = (2.5, 1.0, 0.5);
    assert_eq!(all, [[first, second]]);
}

#[test]
fn a_step_that_is_refused_changes_nothing_of_what_is_kept() {
    let given = |rank: usize| numbers(3, rank, 12);
    let all = steps(3, (0.1, 0), |mut steps| {
        let mut applied = joined(&steps.step(split(&given(steps.rank))));
        // Rank 1 finds out that its gradients are no numbers when some have left already.
        if steps.rank == 1 {
            steps.ranks.gradient(steps.ids[1], &Array1::from(vec![f32::NAN; 5]).into(), 1.0 / 3.0);
            steps.add_up(steps.gradients([None, None]), 0.0)?;
        } else {
            steps.add_up(steps.gradients(split(&[1e6; 12])), 1.0 / 3.0)?;
        }
        let rest = steps.rest();
        applied.iter_mut().zip(rest).for_each(|(sum, x)| *sum += x);
        Ok(applied)
    });
    let mut expected = vec![0.0; 12];
    (0..3).for_each(|rank| expected.iter_mut().zip(given(rank)).for_each(|(sum, x)| *sum += x / 3.0));
    assert!(all.iter().all(|applied| close(applied, &expected)), "{all:?} {expected:?}");
}

#[test]
fn what_is_no_number_is_seen_by_all_and_not_kept() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let all = steps(2, (0.01, 1000), |mut steps| {
            let mut own = vec![1e30; 12];
            if steps.rank == 1 {
                (own[4], own[6], own[9]) = (bad, bad, bad);
            }
            let seen = joined(&steps.step(split(&own))).iter().any(|x| !x.is_finite());
            Ok((seen, steps.rest()))
        });
        assert!(all.iter().all(|(seen, rest)| *seen && rest.iter().all(|x| x.is_finite())), "{bad}: {all:?}");
    }
}

#[test]
fn a_gradient_that_no_rank_has_is_there_on_none_and_what_is_kept_of_it_waits() {
    for bucket_bytes in [0, 1000] {
        let all = steps(2, (0.1, bucket_bytes), |mut steps| {
            let first = joined(&steps.step([Some(vec![3.0; 7]), Some(vec![2.0; 5])]));
            let second = steps.step([None, Some(vec![0.0; 5])]);
            let third = steps.step([(steps.rank == 1).then(|| vec![0.0; 7]), None]);
            let none = steps.step([None, None]);
            let there = [&second, &third, &none].map(|sums| sums.each_ref().map(Option::is_some));
            assert_eq!(there, [[false, true], [true, false], [false, false]]);
            let mut applied = first;
            applied[7..].iter_mut().zip(second[1].as_ref().unwrap()).for_each(|(sum, x)| *sum += x);
            applied.iter_mut().zip(third[0].as_ref().unwrap()).for_each(|(sum, x)| *sum += x);
            applied.iter_mut().zip(steps.rest()).for_each(|(sum, x)| *sum += x);
            Ok(applied)
        });
        let expected: Vec<f32> = [vec![3.0; 7], vec![2.0; 5]].concat();
        assert!(all.iter().all(|applied| close(applied, &expected)), "{all:?}");
    }
}

#[test]
fn a_run_begins_with_nothing_kept() {
    let all = steps(2, (0.1, 1000), |mut steps| {
        steps.step(split(&[1.0; 12]));
        steps.begin()?;
        Ok(steps.rest())
    });
    assert_eq!(all, vec![vec![0.0; 12]; 2]);
}

#[test]
fn a_rank_in_another_all_gather_is_named() {
    for other in [vec![], vec![1, 1, 255, 255, 255, 255, 0, 0, 0, 0], vec![1; 7]] {
        let errors = steps(2, (1.0, 1000), |mut steps| {
            if steps.rank == 1 {
                return steps.ranks.all_gather(&other).map(|_| String::new());
            }
            Ok(steps.add_up(steps.gradients(split(&[1.0; 12])), 0.5).unwrap_err().to_string())
        });
        assert!(errors[0].contains("rank 1 is in an all_gather of "), "{errors:?}");
    }
}

// Training.

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
