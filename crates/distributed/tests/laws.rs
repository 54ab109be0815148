//! What the collective operations return, for any number of ranks.

use gradus_distributed::{Communicator, Error, Group, Numbers, Result, Threads};
use proptest::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// What every rank returns; all must be well.
fn run<T: Send>(ranks: usize, program: impl Fn(Group) -> Result<T> + Sync) -> Vec<T> {
    Threads::run(ranks, program).into_iter().map(|result| result.unwrap()).collect()
}

/// A number of any size, so that the order of a sum is seen in its last bits.
fn number(rank: usize, index: usize) -> f64 {
    let mixed = (rank as u64 * 1_000_003 + index as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((mixed >> 12) as f64 / (1_u64 << 52) as f64 - 0.5) * 10_f64.powi((mixed % 13) as i32 - 6)
}

fn numbers_f64(rank: usize, len: usize) -> Vec<f64> {
    (0..len).map(|index| number(rank, index)).collect()
}

fn numbers_f32(rank: usize, len: usize) -> Vec<f32> {
    (0..len).map(|index| number(rank, index) as f32).collect()
}

/// Different for each rank.
fn bytes(rank: usize, len: usize) -> Vec<u8> {
    (0..len).map(|index| (rank * 31 + index) as u8).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_sum_is_that_in_the_order_of_the_ranks(ranks in 1..=8_usize, len in 0..200_usize) {
        let sums = run(ranks, |group| {
            let sum = group.all_reduce(Numbers::from_slice(&numbers_f64(group.rank(), len))?)?.to_vec::<f64>()?;
            let narrow = group.all_reduce(Numbers::from_slice(&numbers_f32(group.rank(), len))?)?.to_vec::<f32>()?;
            Ok((sum, narrow))
        });
        let (mut expected, mut narrow) = (numbers_f64(0, len), numbers_f32(0, len));
        for rank in 1..ranks {
            expected.iter_mut().zip(numbers_f64(rank, len)).for_each(|(sum, x)| *sum += x);
            narrow.iter_mut().zip(numbers_f32(rank, len)).for_each(|(sum, x)| *sum += x);
        }
        for (sum, sum_narrow) in sums {
            prop_assert!(sum.iter().map(|x| x.to_bits()).eq(expected.iter().map(|x| x.to_bits())));
            prop_assert!(sum_narrow.iter().map(|x| x.to_bits()).eq(narrow.iter().map(|x| x.to_bits())));
        }
    }

    #[test]
    fn several_sums_under_way_come_back_each_its_own(
        ranks in 1..=8_usize,
        lens in prop::collection::vec(0..80_usize, 1..6),
    ) {
        let all = run(ranks, |group| {
            let own = |len| Numbers::from_slice(&numbers_f64(group.rank() + len, len));
            let start = |&len: &usize| Ok(group.start_all_reduce(own(len)?));
            let pending = lens.iter().map(start).collect::<Result<Vec<_>>>()?;
            // In the reverse order, for none depends on who waits for it.
            let mut sums = Vec::new();
            for sum in pending.into_iter().rev() {
                sums.insert(0, sum.wait()?);
            }
            for (len, sum) in lens.iter().zip(&sums) {
                let alone = group.all_reduce(own(*len)?)?;
                assert_eq!(sum, &alone);
            }
            Ok(sums)
        });
        prop_assert!(all.iter().all(|sums| sums == &all[0]));
    }

    #[test]
    fn every_rank_has_the_roots_bytes(ranks in 1..=8_usize, root in 0..8_usize, len in 0..100_usize) {
        let root = root % ranks;
        // The others do not know how many there are.
        let all = run(ranks, |group| {
            let rank = group.rank();
            group.broadcast(root, bytes(rank, if rank == root { len } else { 3 }))
        });
        prop_assert!(all.iter().all(|found| *found == bytes(root, len)));
    }

    #[test]
    fn bytes_of_different_lengths_are_gathered_in_order(
        lens in prop::collection::vec(0..50_usize, 1..=8),
        root in 0..8_usize,
    ) {
        let ranks = lens.len();
        let root = root % ranks;
        let expected: Vec<Vec<u8>> = lens.iter().enumerate().map(|(rank, &len)| bytes(rank, len)).collect();
        let all = run(ranks, |group| {
            let own = bytes(group.rank(), lens[group.rank()]);
            Ok((group.all_gather(own.clone())?, group.gather(root, own)?))
        });
        for (rank, (everyone, at_root)) in all.into_iter().enumerate() {
            prop_assert_eq!(&everyone, &expected);
            prop_assert_eq!(at_root, (rank == root).then(|| expected.clone()));
        }
    }

    #[test]
    fn different_lengths_are_told_to_all_who_then_go_on(mut lens in prop::collection::vec(0..80_usize, 2..=8)) {
        lens[0] = 80;
        let all = run(lens.len(), |group| {
            let failed = group.all_reduce(Numbers::from_slice(&numbers_f64(group.rank(), lens[group.rank()]))?);
            Ok((failed, group.all_reduce(Numbers::from_slice(&[1.0])?)?.to_vec::<f64>()?))
        });
        for (failed, after) in all {
            prop_assert_eq!(failed, Err(Error::Lengths { lengths: lens.clone() }));
            prop_assert_eq!(after, [lens.len() as f64]);
        }
    }
}

#[test]
fn nobody_passes_a_barrier_before_all_have_come() {
    for ranks in 1..=8 {
        let come = AtomicUsize::new(0);
        run(ranks, |group| {
            for round in 1..=20 {
                if group.rank() == round % ranks {
                    thread::sleep(Duration::from_millis(1));
                }
                come.fetch_add(1, Ordering::SeqCst);
                group.barrier()?;
                assert!(come.load(Ordering::SeqCst) >= round * ranks);
            }
            Ok(())
        });
    }
}

#[test]
fn a_sum_that_nobody_waits_for_is_added_up_all_the_same() {
    let sums = run(3, |group| {
        let pending = group.start_all_reduce(Numbers::from_slice(&[1.0_f32])?);
        if group.rank() == 1 {
            drop(pending);
            return Ok(vec![3.0]);
        }
        pending.wait()?.to_vec::<f32>()
    });
    assert_eq!(sums, vec![vec![3.0]; 3]);
}

#[test]
fn a_sum_begins_with_rank_0_and_not_with_zero() {
    let sums = run(2, |group| group.all_reduce(Numbers::from_slice(&[-0.0_f64])?)?.to_vec::<f64>());
    assert!(sums.iter().all(|sum| sum[0].to_bits() == (-0.0_f64).to_bits()));
}

#[test]
fn several_threads_may_share_a_group() {
    run(2, |group| {
        thread::scope(|scope| {
            let sum = scope.spawn(|| group.all_reduce(Numbers::from_slice(&[2.0_f64])?)?.to_vec::<f64>());
            assert_eq!(sum.join().expect("it does not panic")?, [4.0]);
            Ok(())
        })
    });
}

#[test]
fn no_ranks_give_no_results() {
    assert!(Threads::run(0, |group: Group| group.barrier()).is_empty());
}

#[test]
fn a_sum_is_read_extended_and_added_up_again_wherever_its_parts_came_from() {
    let len = 101;
    for (rank, (middle, twice)) in run(3, |group| {
        let mut sum = group.all_reduce(Numbers::from_slice(&vec![group.rank() as f64; len])?)?;
        let same = Numbers::from_slice(&vec![3.0_f64; len])?;
        assert!(sum == same && sum != Numbers::from_slice(&vec![3.0_f64; len - 1])?);
        let middle: Vec<f64> = sum.values(30..80)?.collect();
        sum.extend_from_slice(&[7.0_f64])?;
        assert_eq!((sum.len(), sum.values::<f64>(len - 1..len + 1)?.collect()), (len + 1, vec![3.0, 7.0]));
        Ok((middle, group.all_reduce(sum)?.to_vec::<f64>()?))
    })
    .into_iter()
    .enumerate()
    {
        assert_eq!(middle, [3.0; 50], "on rank {rank}");
        assert!(twice[..len] == [9.0; 101] && twice[len..] == [21.0], "on rank {rank}: {twice:?}");
    }
}
