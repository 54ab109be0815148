//! Top-k step by step: what is sent, and what becomes of what is not.

use crate::compression::numbers;
use gradus_autograd::{Gradients, Leaf, LeafId, Value, ndarray::Array1};
use gradus_distributed::{Communicator, Compression, DataParallel, Group, Threads};
use gradus_nn_layers::{Module, Parameter};
use gradus_train::{Ranks, Result as TrainResult, Start, gradients_from};
use proptest::prelude::*;

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
