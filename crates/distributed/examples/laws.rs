//! The laws of the collective operations over the ranks that `mpirun` has started, and what becomes of them when a rank
//! is killed.
//!
//! ```text
//! cargo build -p gradus-distributed --features mpi --example laws
//! mpirun -n 4 target/debug/examples/laws            # checks the operations, prints the bits of a sum
//! mpirun -n 2 target/debug/examples/laws time       # how long it takes to add up 4 MB
//! mpirun --enable-recovery -n 4 target/debug/examples/laws lost 2   # rank 2 kills itself
//! ```
//!
//! `laws threads 4` is the same with 4 threads of one process, `laws time 2` measures there.

use gradus_distributed::{Communicator, Error, Group, Numbers, Threads};
use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, process, thread};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Longer than a rank may be silent.
const LONG: Duration = Duration::from_secs(6);

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => laws(&Group::mpi()?, LONG),
        ["threads", ranks] => Threads::run(ranks.parse()?, |group| laws(&group, Duration::ZERO)).into_iter().collect(),
        ["time"] => time(&Group::mpi()?),
        ["time", ranks] => Threads::run(ranks.parse()?, |group| time(&group)).into_iter().collect(),
        ["lost", rank] => lost(&Group::mpi()?, rank.parse()?),
        ["twice"] => twice(),
        _ => Err("laws [threads RANKS | time [RANKS] | lost RANK | twice]".into()),
    }
}

/// A number of any size, so that the order of a sum is seen in its last bits.
fn number(rank: usize, index: usize) -> f64 {
    let mixed = (rank as u64 * 1_000_003 + index as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((mixed >> 12) as f64 / (1_u64 << 52) as f64 - 0.5) * 10_f64.powi((mixed % 13) as i32 - 6)
}

/// The last rank comes to the barrier after the others, by `late`.
fn laws(group: &dyn Communicator, late: Duration) -> Result<(), Failure> {
    let (rank, size) = (group.rank(), group.size());
    let mut bits = 0_u64;
    // None, fewer than ranks, odd; and more than MPI sends before the receiver is ready.
    for len in [0, 1, 3, 1001, 300_001] {
        let values = |rank: usize| (0..len).map(move |index| number(rank, index));
        let sum = group.all_reduce(Numbers::from_slice(&values(rank).collect::<Vec<_>>())?)?.to_vec::<f64>()?;
        let narrow: Vec<f32> = values(rank).map(|x| x as f32).collect();
        let narrow = group.all_reduce(Numbers::from_slice(&narrow)?)?.to_vec::<f32>()?;
        for index in 0..len {
            let expected = (1..size).fold(number(0, index), |sum, rank| sum + number(rank, index));
            assert_eq!(sum[index].to_bits(), expected.to_bits(), "number {index} of {len}");
            let expected = (1..size).fold(number(0, index) as f32, |sum, rank| sum + number(rank, index) as f32);
            assert_eq!(narrow[index].to_bits(), expected.to_bits(), "number {index} of {len}, in f32");
            bits = bits.rotate_left(1) ^ sum[index].to_bits() ^ u64::from(narrow[index].to_bits());
        }
    }

    let own = |rank: usize| vec![rank as u8; rank * 70_000 % 200_001];
    let everyone: Vec<Vec<u8>> = (0..size).map(own).collect();
    assert!(group.all_gather(own(rank))? == everyone);
    for root in 0..size {
        assert!(group.broadcast(root, own(rank))? == own(root), "from rank {root}");
        assert!(group.gather(root, own(rank))? == (rank == root).then(|| everyone.clone()), "to rank {root}");
    }

    let pending: Result<Vec<_>, Error> =
        (0..20).map(|i| Ok(group.start_all_reduce(Numbers::from_slice(&vec![i as f32; 10_000])?))).collect();
    for (i, sum) in pending?.into_iter().enumerate() {
        assert!(sum.wait()?.to_vec::<f32>()? == vec![(i * size) as f32; 10_000], "sum {i}");
    }

    let lengths: Vec<usize> = (0..size).map(|rank| 5 + rank % 2).collect();
    let different = group.all_reduce(Numbers::from_slice(&vec![1.0; lengths[rank]])?);
    assert!(size == 1 || different == Err(Error::Lengths { lengths }));

    if size > 1 && rank == size - 1 {
        thread::sleep(late);
    }
    let come = Instant::now();
    group.barrier()?;
    // The others came to it a little later than this one went to sleep.
    let held = rank == size - 1 || come.elapsed() > late.mul_f64(0.8);
    assert!(held, "the barrier holds");
    if rank == 0 {
        println!("{size} ranks, bits {bits:016x}");
    }
    Ok(())
}

fn time(group: &dyn Communicator) -> Result<(), Failure> {
    let numbers = Numbers::from_slice(&vec![1.0_f32; 1 << 20])?;
    let mut times = Vec::new();
    for _ in 0..40 {
        let numbers = numbers.clone();
        group.barrier()?;
        let begun = Instant::now();
        let _ = group.all_reduce(numbers)?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    if group.rank() == 0 {
        println!("4 MB over {} ranks: median {:.2} ms, best {:.2} ms", group.size(), times[20], times[0]);
    }
    Ok(())
}

fn lost(group: &dyn Communicator, gone: usize) -> Result<(), Failure> {
    group.barrier()?;
    let numbers = Numbers::from_slice(&vec![1.0_f32; 1 << 20])?;
    let begun = Instant::now();
    if group.rank() == gone {
        let _ = group.start_all_reduce(numbers.clone());
        Command::new("kill").args(["-KILL", &process::id().to_string()]).status()?;
        thread::sleep(Duration::from_secs(60));
    }
    loop {
        match group.all_reduce(numbers.clone()) {
            Ok(_) => {}
            Err(Error::RankLost { rank, .. }) => {
                println!("rank {} lost rank {rank} after {:.1} s", group.rank(), begun.elapsed().as_secs_f64());
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn twice() -> Result<(), Failure> {
    let group = Group::mpi()?;
    assert_eq!(Group::mpi().map(|_| ()), Err(Error::MpiTwice));
    drop(group);
    assert_eq!(Group::mpi().map(|_| ()), Err(Error::MpiTwice), "nor after it has been finalized");
    println!("once");
    Ok(())
}
