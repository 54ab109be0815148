//! What wrong calls are told.

use gradus_distributed::{Bytes, Communicator, Error, Group, Numbers, Result, Threads};
use std::sync::Arc;

fn alone() -> Group {
    let endpoint = Threads::endpoints(1).pop().unwrap();
    Group::start(move || Ok(endpoint)).unwrap()
}

fn told<T: std::fmt::Debug>(result: Result<T>, text: &str) {
    assert_eq!(result.unwrap_err().to_string(), text);
}

#[test]
fn messages_name_the_values_and_what_would_fit() {
    let group = alone();
    told(group.broadcast(3, vec![]), "broadcast: root 3: the group has 1 ranks, counted from 0");
    told(group.gather(1, vec![]), "gather: root 1: the group has 1 ranks, counted from 0");
    let mut numbers = Numbers::from_slice(&[1.0_f32, 2.0]).unwrap();
    told(numbers.to_vec::<f64>(), "numbers: f64: these are f32; read and extend them as f32");
    told(numbers.extend_from_slice(&[1.0_f64]), "numbers: f64: these are f32; read and extend them as f32");
    let range = |range| numbers.values::<f32>(range).map(|values| values.len());
    told(range(1..3), "numbers: from 1 to 3: there are 2, counted from 0; the end is not below the start");
    #[expect(clippy::reversed_empty_ranges, reason = "it is the wrong call")]
    let reversed = range(2..1);
    told(reversed, "numbers: from 2 to 1: there are 2, counted from 0; the end is not below the start");
    assert_eq!(range(2..2), Ok(0));
    let lengths = Err::<(), _>(Error::Lengths { lengths: vec![3, 4] });
    told(lengths, "all_reduce: ranks 0 to 1 give [3, 4] numbers: each must give equally many");
    told(
        Err::<(), _>(Error::RankLost { rank: 2, seconds: 5.04 }),
        "rank 2: it is gone, its last sign of life 5.0 s ago: \
         the run needs all its ranks; start it again, from its last checkpoint",
    );
    told(
        Err::<(), _>(Error::MpiMissing { rank: 1, size: 4 }),
        "mpi: this is rank 1 of 4 under mpirun, and the program has been built without MPI: \
         build it with the feature `mpi`",
    );
}

#[test]
fn a_program_that_mpirun_has_not_started_is_a_group_of_one() {
    let group = Group::mpi().unwrap();
    assert_eq!((group.rank(), group.size()), (0, 1));
    assert_eq!(group.all_gather(vec![3]), Ok(vec![vec![3]]));
}

#[test]
fn a_wrong_root_is_refused_before_anything_is_sent() {
    let results = Threads::run(3, |group: Group| {
        assert!(matches!(group.broadcast(3, vec![]), Err(Error::Root { root: 3, size: 3, .. })));
        group.barrier()
    });
    assert!(results.iter().all(Result::is_ok));
}

#[test]
fn a_transport_that_cannot_be_had_gives_its_error() {
    let group = Group::start(|| Err::<Threads, _>(Error::MpiTwice));
    assert_eq!(group.unwrap_err(), Error::MpiTwice);
}

#[test]
fn a_transport_that_panics_ends_the_operations_with_an_error() {
    let group = Group::start(|| -> Result<Threads> { panic!("a broken transport") });
    assert_eq!(group.unwrap_err(), Error::Ended { rank: 0 });
}

#[test]
fn a_rank_alone_has_what_it_gives() {
    let group = alone();
    let numbers = Numbers::from_slice(&[1.5_f32, -2.0]).unwrap();
    assert_eq!(group.all_reduce(numbers.clone()), Ok(numbers));
    assert_eq!(group.broadcast(0, vec![7]), Ok(vec![7]));
    assert_eq!(group.gather(0, vec![7]), Ok(Some(vec![vec![7]])));
    assert_eq!(group.all_gather(vec![]), Ok(vec![vec![]]));
    assert_eq!(group.barrier(), Ok(()));
    assert_eq!((group.rank(), group.size()), (0, 1));
}

#[test]
fn numbers_keep_their_bits() {
    let odd = [f32::NAN, f32::INFINITY, -0.0, f32::MIN_POSITIVE / 3.0, 1.0 / 3.0];
    let kept = Numbers::from_slice(&odd).unwrap().to_vec::<f32>().unwrap();
    assert!(kept.iter().map(|x| x.to_bits()).eq(odd.iter().map(|x| x.to_bits())));
    let empty = Numbers::with_capacity::<f64>(10).unwrap();
    assert!(empty.is_empty() && empty.to_vec::<f64>() == Ok(vec![]));
}

#[test]
fn bytes_are_copied_only_where_they_are_a_part_or_shared() {
    let whole = Bytes::from(vec![1, 2, 3]);
    let address = whole.as_ptr();
    let own = whole.into_vec();
    assert_eq!(own.as_ptr(), address);
    let shared = Arc::new(own);
    assert_eq!(Bytes::part(&shared, 1..3).into_vec(), [2, 3]);
    assert_eq!(&Bytes::part(&shared, 0..3)[..], &shared[..]);
}
