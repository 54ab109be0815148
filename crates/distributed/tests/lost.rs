//! Ranks that are gone, silent, slow, or in another operation.

use gradus_distributed::{Bytes, Communicator, Error, Group, Leaving, Numbers, Result, Threads, Transport};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

fn names(result: &Result<Numbers>, gone: usize) -> bool {
    matches!(result, Err(Error::RankLost { rank, .. }) if *rank == gone)
}

fn sum(group: &Group) -> Result<Numbers> {
    group.all_reduce(Numbers::from_slice(&[1.0_f64; 10])?)
}

#[test]
fn a_rank_that_returns_is_named_at_once() {
    for ranks in 2..=5 {
        for gone in 0..ranks {
            let begun = Instant::now();
            let results = Threads::run(ranks, |group: Group| {
                sum(&group)?;
                if group.rank() == gone { Ok(Vec::new()) } else { Ok::<_, Error>(vec![sum(&group), sum(&group)]) }
            });
            assert!(begun.elapsed() < Duration::from_secs(4), "it does not take the deadline");
            for (rank, result) in results.into_iter().enumerate() {
                // Also the operations after the first that failed.
                let sums = result.unwrap();
                assert!(rank == gone || sums.iter().all(|sum| names(sum, gone)), "rank {rank} of {ranks}: {sums:?}");
            }
        }
    }
}

#[test]
fn a_rank_that_panics_is_named_by_those_who_wait_for_others_too() {
    // Rank 2 comes when ranks 0 and 3 have their answers.
    let answered = Barrier::new(3);
    let results = Threads::run(4, |group: Group| {
        match group.rank() {
            1 => panic!("rank {} has had enough", 1),
            2 => drop(answered.wait()),
            _ => {}
        }
        let found = sum(&group);
        if group.rank() != 2 {
            answered.wait();
        }
        Ok::<_, Error>(found)
    });
    let panicked = Error::Panicked { rank: 1, message: "rank 1 has had enough".into() };
    assert_eq!(results[1].as_ref().err(), Some(&panicked));
    for rank in [0, 2, 3] {
        let found = results[rank].as_ref().unwrap();
        assert!(names(found, 1), "rank {rank}: {found:?}");
    }
}

#[test]
fn what_all_have_sent_is_added_up_though_others_have_lost_a_rank_since() {
    let mut endpoints = Threads::endpoints(3);
    let mut slow = endpoints.remove(2);
    let threads: Vec<_> = endpoints
        .into_iter()
        .map(|mut endpoint| {
            thread::spawn(move || {
                let other = 1 - endpoint.rank();
                endpoint.exchange(vec![(2, Bytes::from(vec![7])), (other, Bytes::from(vec![8]))], &[other]).unwrap();
                endpoint.leave(if other == 0 { Leaving::Done } else { Leaving::Lost(1) });
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let received = slow.exchange(Vec::new(), &[0, 1]).unwrap();
    assert!(received.iter().all(|bytes| bytes[..] == [7]));
    // What rank 0 no longer sends, it would have sent but for rank 1; and rank 2 need not wait until it wants something.
    assert!(matches!(slow.exchange(Vec::new(), &[0]), Err(Error::RankLost { rank: 1, .. })));
    assert!(matches!(slow.beat(), Err(Error::RankLost { rank: 1, .. })));
}

/// Ranks whose deadline is short; `silent` has an endpoint, and nobody who serves it.
fn with_a_silent_rank(ranks: usize, silent: usize, deadline: Duration) -> Vec<(Result<Numbers>, Duration)> {
    let mut endpoints = Threads::endpoints(ranks);
    let kept = endpoints.remove(silent);
    let begun = Instant::now();
    let threads: Vec<_> = endpoints
        .into_iter()
        .map(|endpoint| {
            thread::spawn(move || {
                let group = Group::start(move || Ok(endpoint.with_deadline(deadline)))?;
                Ok::<_, Error>((sum(&group), begun.elapsed()))
            })
        })
        .collect();
    let results = threads.into_iter().map(|thread| thread.join().unwrap().unwrap()).collect();
    drop(kept);
    results
}

#[test]
fn a_silent_rank_is_named_after_the_deadline() {
    let deadline = Duration::from_millis(500);
    for (found, waited) in with_a_silent_rank(3, 1, deadline) {
        assert!(matches!(found, Err(Error::RankLost { rank: 1, seconds }) if seconds >= 0.4), "{found:?}");
        assert!(waited >= Duration::from_millis(400) && waited < deadline * 10, "{waited:?}");
    }
}

#[test]
fn a_rank_that_computes_for_longer_than_the_deadline_is_waited_for() {
    let deadline = Duration::from_millis(200);
    let threads: Vec<_> = Threads::endpoints(3)
        .into_iter()
        .map(|endpoint| {
            thread::spawn(move || {
                let group = Group::start(move || Ok(endpoint.with_deadline(deadline)))?;
                for round in 0..2 {
                    if group.rank() == round {
                        thread::sleep(deadline * 4);
                    }
                    sum(&group)?;
                }
                Ok::<_, Error>(())
            })
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), Ok(()));
    }
}

#[test]
fn a_rank_in_another_operation_is_named_and_nobody_hangs() {
    for ranks in 2..=5 {
        for stray in 0..ranks {
            let results =
                Threads::run(
                    ranks,
                    |group: Group| {
                        if group.rank() == stray { group.barrier() } else { sum(&group).map(drop) }
                    },
                );
            for (rank, result) in results.iter().enumerate() {
                let told = match result {
                    Err(Error::Calls { rank: other, .. }) => *other == stray || rank == stray,
                    Err(Error::RankLost { .. }) => true,
                    _ => false,
                };
                assert!(told, "rank {rank} of {ranks}: {result:?}");
            }
            assert!(results.iter().any(|result| matches!(result, Err(Error::Calls { .. }))));
        }
    }
}

#[test]
fn numbers_of_different_types_are_not_added() {
    let results = Threads::run(2, |group: Group| match group.rank() {
        0 => group.all_reduce(Numbers::from_slice(&[1.0_f32; 4])?),
        _ => group.all_reduce(Numbers::from_slice(&[1.0_f64; 2])?),
    });
    let expected = "all_reduce of 4 f32: rank 1 is in all_reduce of 2 f64: \
        all ranks must call the same operations in the same order";
    assert_eq!(results[0].as_ref().unwrap_err().to_string(), expected);
    assert!(matches!(results[1], Err(Error::Calls { rank: 0, .. } | Error::RankLost { rank: 0, .. })));
}
