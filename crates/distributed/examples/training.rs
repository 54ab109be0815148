//! Whole trainings over the ranks that `mpirun` has started: their bits, and what becomes of one whose rank is killed.
//!
//! ```text
//! cargo build -p gradus-distributed --features mpi --example training
//! mpirun -n 4 target/debug/examples/training              # trains three networks, prints their bits
//! target/debug/examples/training threads 4                # the same with 4 threads of one process
//! target/debug/examples/training accumulate 4             # the same with one rank that takes each batch in 4 parts
//! mpirun --enable-recovery -n 3 target/debug/examples/training lose 2 folder   # rank 2 kills itself in the second epoch
//! mpirun -n 2 target/debug/examples/training resume folder                     # and two ranks finish what it began
//! ```
//!
//! The networks: a plain one, for which it is also checked that one rank with the whole batch trains the same to rounding; one with
//! dropout; and one with batch normalization. Of this one the running statistics, and so the losses in use, are those of ranks alone: ranks average
//! theirs, and one rank that accumulates goes over its parts one after the other. Each has a line for its parameters, and one for all the rest.

use gradus_autograd::Var;
use gradus_data::{Digits, Labelled};
use gradus_distributed::{Communicator, DataParallel, Group, Threads};
use gradus_nn_layers::{Layer, Linear, Losses, Module, Result as LayerResult};
use gradus_optim::Adam;
use gradus_regularize::{BatchNorm1d, Dropout};
use gradus_train::{Error as TrainError, Every, History, Trainer};
use rand::{SeedableRng, rngs::StdRng};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{env, process, thread};

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => on_ranks(&Group::mpi()?),
        ["threads", ranks] => Threads::run(ranks.parse()?, |group| on_ranks(&group)).into_iter().collect(),
        ["accumulate", parts] => in_parts(parts.parse()?),
        ["lose", rank, folder] => lose(&Group::mpi()?, rank.parse()?, folder.as_ref()),
        ["resume", folder] => resume(&Group::mpi()?, folder.as_ref()),
        _ => Err("training [threads RANKS | accumulate PARTS | lose RANK FOLDER | resume FOLDER]".into()),
    }
}

#[derive(Module)]
struct Mlp {
    hidden: Linear,
    norm: Option<BatchNorm1d>,
    dropout: Dropout,
    out: Linear,
}

impl Mlp {
    fn new(norm: bool, dropout: f64, rng: &mut StdRng) -> Self {
        Self {
            hidden: Linear::new(64, 24, rng),
            norm: norm.then(|| BatchNorm1d::new(24)),
            dropout: Dropout::new(dropout),
            out: Linear::new(24, 10, rng),
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

struct Setting {
    name: &'static str,
    /// In batches of 30: the last has 3, of which a fourth rank has none; or 13, for each rank's statistics need some.
    samples: usize,
    norm: bool,
    dropout: f64,
}

const SETTINGS: [Setting; 3] = [
    Setting { name: "plain", samples: 93, norm: false, dropout: 0.0 },
    Setting { name: "dropout", samples: 93, norm: false, dropout: 0.3 },
    Setting { name: "normalized", samples: 103, norm: true, dropout: 0.3 },
];

type Trained = (Mlp, History);

/// Trains with what `set` adds to the trainer.
fn train<'a>(setting: &Setting, set: impl FnOnce(Trainer<'a>) -> Trainer<'a>) -> Result<Trained, TrainError> {
    let mut rng = StdRng::seed_from_u64(7);
    let (train, rest) = Digits::embedded().split_at(setting.samples)?;
    let (test, _): (Labelled, _) = rest.split_at(101)?;
    let mut model = Mlp::new(setting.norm, setting.dropout, &mut rng);
    let trainer = Trainer::new(3).batch_size(30).clip_norm(0.5);
    let history = set(trainer).run(&mut model, &mut Adam::new(1e-2), &train, &test, &mut rng)?;
    Ok((model, history))
}

fn mixed(bits: impl IntoIterator<Item = u64>) -> u64 {
    bits.into_iter().fold(0, |sum: u64, bits| sum.rotate_left(7).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ bits)
}

/// The bits of the parameters, and those of the buffers and of the history.
fn lines(setting: &Setting, (model, history): &Trained) -> String {
    let parameters = model.parameters().into_iter().flat_map(|(_, parameter)| parameter.value().iter());
    let parameters = mixed(parameters.map(|x| u64::from(x.to_bits())));
    let buffers = model.buffers().into_iter().flat_map(|(_, buffer)| buffer.value().iter());
    let buffers = buffers.map(|x| u64::from(x.to_bits()));
    let epochs = history.epochs.iter().flat_map(|epoch| {
        [epoch.train_loss, epoch.train_accuracy, epoch.test_loss, epoch.test_accuracy, epoch.lr].map(f64::to_bits)
    });
    let rest = mixed(buffers.chain(epochs));
    format!("{0}, parameters: {parameters:016x}\n{0}, history: {rest:016x}\n", setting.name)
}

fn on_ranks(group: &dyn Communicator) -> Result<(), Failure> {
    for setting in &SETTINGS {
        // Small, so that there are several.
        let mut ranks = DataParallel::new(group).bucket_bytes(3000);
        let trained = train(setting, |trainer| trainer.ranks(&mut ranks))?;
        let lines = lines(setting, &trained);
        let all = group.all_gather(lines.clone().into_bytes())?;
        assert!(all.iter().all(|other| *other == all[0]), "{}: ranks end with different bits", setting.name);
        if setting.dropout == 0.0 {
            near_the_whole_batch(setting, &trained)?;
        }
        if group.rank() == 0 {
            print!("{lines}");
        }
    }
    Ok(())
}

/// Adam divides by the root of second moments, of which small ones are mostly rounding errors.
fn near_the_whole_batch(setting: &Setting, (model, _): &Trained) -> Result<(), Failure> {
    let (whole, _) = train(setting, |trainer| trainer)?;
    for ((name, parameter), (_, whole)) in model.parameters().into_iter().zip(whole.parameters()) {
        let pairs = parameter.value().iter().zip(whole.value().iter());
        let far = pairs.map(|(x, y)| (x - y).abs()).fold(0.0, f32::max);
        assert!(far < 2e-3, "{name} is {far} from what one rank trains on the whole batch");
    }
    Ok(())
}

fn in_parts(parts: usize) -> Result<(), Failure> {
    for setting in &SETTINGS {
        print!("{}", lines(setting, &train(setting, |trainer| trainer.accumulate(parts))?));
    }
    Ok(())
}

/// Trains for four epochs of 22 steps, saves every five steps, and goes on from what is saved.
fn saved<'a>(
    ranks: &'a mut DataParallel<'_>,
    folder: &Path,
    set: impl FnOnce(Trainer<'a>) -> Trainer<'a>,
) -> Result<History, TrainError> {
    let mut rng = StdRng::seed_from_u64(7);
    let (train, test) = Digits::embedded().split_at(1400)?;
    let mut model = Mlp::new(true, 0.1, &mut rng);
    let trainer = Trainer::new(4).batch_size(64).checkpoint(folder, Every::Steps(5)).resume().ranks(ranks);
    set(trainer).run(&mut model, &mut Adam::new(1e-2), &train, &test, &mut rng)
}

/// The rank `gone` kills itself in its 33rd step, the 11th of the second epoch.
fn lose(group: &dyn Communicator, gone: usize, folder: &Path) -> Result<(), Failure> {
    let rank = group.rank();
    let steps = Arc::new(Mutex::new((0, Instant::now())));
    let counted = Arc::clone(&steps);
    let mut ranks = DataParallel::new(group);
    let ended = saved(&mut ranks, folder, |trainer| {
        trainer.loss(move |logits, labels| {
            let mut steps = counted.lock().unwrap_or_else(PoisonError::into_inner);
            *steps = (steps.0 + 1, Instant::now());
            if rank == gone && steps.0 == 33 {
                let kill = Command::new("kill").args(["-KILL", &process::id().to_string()]).status();
                kill.map_err(|error| gradus_nn_layers::Error::Source(error.into()))?;
                thread::sleep(Duration::from_secs(60));
            }
            logits.cross_entropy(labels)
        })
    });
    let (_, last) = *steps.lock().unwrap_or_else(PoisonError::into_inner);
    match ended {
        Ok(_) => Err("training ended with all ranks".into()),
        Err(error) => {
            println!("rank {rank} after {:.1} s: {error}", last.elapsed().as_secs_f64());
            Ok(())
        }
    }
}

fn resume(group: &dyn Communicator, folder: &Path) -> Result<(), Failure> {
    let history = saved(&mut DataParallel::new(group), folder, |trainer| trainer)?;
    if group.rank() == 0 {
        let last = history.epochs.last().ok_or("no epoch was trained")?;
        println!("{} epochs, accuracy {:.3}", history.epochs.len(), last.test_accuracy);
    }
    Ok(())
}
