//! What compression of gradients does to the result: two networks on 1,797 handwritten digits, over 2 and 4 ranks, each from several
//! seeds. Prints the table of `docs/compression.md`.
//!
//! ```text
//! cargo run --release -p gradus-distributed --example compression
//! cargo run --release -p gradus-distributed --example compression -- 20     # seeds
//! cargo run --release -p gradus-distributed --example compression -- time   # what a step costs where bytes cost nothing
//! ```

use gradus_autograd::{Gradients, Leaf, LeafId, Value, Var};
use gradus_conv::{Conv2d, MaxPool2d};
use gradus_data::Digits;
use gradus_distributed::{Communicator, Compression, DataParallel, Group, Threads};
use gradus_nn_layers::{Layer, Linear, Module, Result as LayerResult};
use gradus_optim::{Adam, Optimizer, Sgd};
use gradus_train::{Ranks, Result, Start, Trainer, gradients_from};
use rand::{SeedableRng, rngs::StdRng};
use std::env;
use std::error::Error;
use std::time::Instant;

const EPOCHS: usize = 20;
const BATCH: usize = 64;
/// Small, so that these small networks have several.
const BUCKET: usize = 32 << 10;

/// What becomes of the gradients on their way.
#[derive(Debug, Clone, Copy)]
enum Way {
    Library(Compression),
    /// Top-k that drops what it does not send.
    Forgetful(f64),
}

const WAYS: [(&str, Way); 5] = [
    ("none", Way::Library(Compression::None)),
    ("bf16", Way::Library(Compression::Bf16)),
    ("top-k 10 %", Way::Library(Compression::TopK { share: 0.1 })),
    ("top-k 1 %", Way::Library(Compression::TopK { share: 0.01 })),
    ("top-k 1 %, nothing kept", Way::Forgetful(0.01)),
];

#[derive(Debug, Clone, Copy)]
enum Net {
    Mlp,
    Cnn,
}

/// What a run came to.
struct Outcome {
    loss: f64,
    accuracy: f64,
    /// Of a rank in a step.
    bytes: f64,
}

fn main() -> std::result::Result<(), Box<dyn Error>> {
    let seeds = match env::args().nth(1) {
        Some(word) if word == "time" => return Ok(time()?),
        Some(seeds) => seeds.parse::<u64>()?.max(2), // for a deviation
        None => 5,
    };
    println!(
        "| network | ranks | compression | bytes a step | of all | training loss | test accuracy, % | against none |"
    );
    println!("| --- | --- | --- | ---: | ---: | --- | --- | --- |");
    for (name, net) in [("MLP, SGD", Net::Mlp), ("CNN, Adam", Net::Cnn)] {
        for ranks in [2, 4] {
            let (mut all, mut uncompressed) = (None, None);
            for (way_name, way) in WAYS {
                let outcomes = (0..seeds)
                    .map(|seed| Threads::run(ranks, |group| train(&group, net, way, seed)).swap_remove(0))
                    .collect::<Result<Vec<_>>>()?;
                let of = |number: fn(&Outcome) -> f64| outcomes.iter().map(number).collect::<Vec<_>>();
                let bytes = outcomes[0].bytes;
                let sent = match way {
                    Way::Library(_) => format!("{bytes:.0} | {:.1} %", 100.0 * bytes / *all.get_or_insert(bytes)),
                    Way::Forgetful(_) => "as above |".into(),
                };
                let accuracies = of(|outcome| 100.0 * outcome.accuracy);
                let first = uncompressed.get_or_insert_with(|| accuracies.clone());
                let differences: Vec<f64> = accuracies.iter().zip(first).map(|(x, first)| x - *first).collect();
                println!(
                    "| {name} | {ranks} | {way_name} | {sent} | {} | {} | {} |",
                    spread(&of(|outcome| outcome.loss), 3),
                    spread(&accuracies, 1),
                    spread(&differences, 1)
                );
            }
        }
    }
    Ok(())
}

fn train(group: &Group, net: Net, way: Way, seed: u64) -> Result<Outcome> {
    let mut rng = StdRng::seed_from_u64(seed);
    let (train, test) = Digits::embedded().split(0.8, &mut rng)?;
    let [train, test] = match net {
        Net::Mlp => [train, test],
        Net::Cnn => [train.reshape_inputs(&[1, 8, 8])?, test.reshape_inputs(&[1, 8, 8])?],
    };
    let (mut model, mut optimizer): (Box<dyn Layer>, Box<dyn Optimizer>) = match net {
        Net::Mlp => (Box::new(Mlp::new(&mut rng)), Box::new(Sgd::new(0.05).momentum(0.9))),
        Net::Cnn => (Box::new(Cnn::new(&mut rng)), Box::new(Adam::new(2e-3))),
    };
    let data_parallel = DataParallel::new(group).bucket_bytes(BUCKET);
    let mut run = |ranks: &mut dyn Ranks| {
        let mut trainer = Trainer::new(EPOCHS).batch_size(BATCH).ranks(ranks);
        trainer.run(&mut *model, &mut *optimizer, &train, &test, &mut rng)
    };
    let (history, sent) = match way {
        Way::Library(compression) => {
            let mut ranks = data_parallel.compression(compression);
            (run(&mut ranks)?, ranks.sent_bytes())
        }
        Way::Forgetful(share) => (run(&mut Forgetful { ranks: data_parallel, share })?, 0),
    };
    let steps = EPOCHS * train.len().div_ceil(BATCH);
    let last = &history.epochs[EPOCHS - 1];
    Ok(Outcome { loss: last.train_loss, accuracy: last.test_accuracy, bytes: sent as f64 / steps as f64 })
}

/// The mean, and the standard deviation.
fn spread(numbers: &[f64], digits: usize) -> String {
    let len = numbers.len() as f64;
    let mean = numbers.iter().sum::<f64>() / len;
    let squares: f64 = numbers.iter().map(|x| (x - mean).powi(2)).sum();
    format!("{mean:.digits$} ± {:.digits$}", (squares / (len - 1.0)).sqrt())
}

/// Times the sum of a million gradients over two threads, which send nothing but addresses: what is left is what compression costs.
fn time() -> Result<()> {
    let mut rng = StdRng::seed_from_u64(7);
    let matrix = |rng: &mut StdRng| -> Linear { Linear::new(1000, 1000, rng) };
    let gradient = matrix(&mut rng).weight.value().clone();
    for (name, way) in WAYS {
        let Way::Library(compression) = way else { continue };
        let program = |group: Group| -> Result<Vec<f64>> {
            let mut model = matrix(&mut StdRng::seed_from_u64(7));
            let mut ranks = DataParallel::new(&group).compression(compression);
            let (seed, samples, batch_size, epochs) = (7, 2, 2, 1);
            let start =
                Start { seed, samples, test_samples: 0, batch_size, epochs, data: 0, test_data: 0, checkpoint: None };
            ranks.begin(&mut model, &start)?;
            let mut times = Vec::new();
            for _ in 0..100 {
                let mut gradients = gradients_from([(model.weight.id(), gradient.clone())], [])?;
                group.barrier()?;
                let begun = Instant::now();
                ranks.add_up(&mut gradients, 0.5, &mut [])?;
                times.push(begun.elapsed().as_secs_f64() * 1e3);
            }
            times.sort_by(f64::total_cmp);
            Ok(times)
        };
        let times = Threads::run(2, program).swap_remove(0)?;
        println!("{name}: median {:.1} ms, best {:.1} ms", times[50], times[0]);
    }
    Ok(())
}

#[derive(Module)]
struct Mlp {
    fc1: Linear,
    fc2: Linear,
    out: Linear,
}

impl Mlp {
    fn new(rng: &mut StdRng) -> Self {
        Self { fc1: Linear::new(64, 128, rng), fc2: Linear::new(128, 128, rng), out: Linear::new(128, 10, rng) }
    }
}

impl Layer for Mlp {
    fn forward(&self, x: &Var) -> LayerResult<Var> {
        let x = self.fc1.forward(x)?.relu();
        self.out.forward(&self.fc2.forward(&x)?.relu())
    }
}

#[derive(Module)]
struct Cnn {
    conv1: Conv2d,
    conv2: Conv2d,
    pool: MaxPool2d,
    fc: Linear,
    out: Linear,
}

impl Cnn {
    fn new(rng: &mut StdRng) -> Self {
        Self {
            conv1: Conv2d::new(1, 8, 3, rng).padding(1),
            conv2: Conv2d::new(8, 16, 3, rng).padding(1),
            pool: MaxPool2d::new(2),
            fc: Linear::new(16 * 4 * 4, 64, rng),
            out: Linear::new(64, 10, rng),
        }
    }
}

impl Layer for Cnn {
    fn forward(&self, x: &Var) -> LayerResult<Var> {
        let x = self.conv2.forward_relu_pooled(&self.conv1.forward_relu(x)?, &self.pool)?;
        self.out.forward(&self.fc.forward(&x.flatten_from(1)?)?.relu())
    }
}

/// Of every parameter's gradient the largest share alone goes into the sum, and the rest is lost.
struct Forgetful<'c> {
    ranks: DataParallel<'c>,
    share: f64,
}

impl Ranks for Forgetful<'_> {
    fn rank(&self) -> usize {
        self.ranks.rank()
    }

    fn size(&self) -> usize {
        self.ranks.size()
    }

    fn broadcast(&mut self, bytes: &mut Vec<u8>) -> Result<()> {
        self.ranks.broadcast(bytes)
    }

    fn all_gather(&mut self, bytes: &[u8]) -> Result<Vec<Vec<u8>>> {
        self.ranks.all_gather(bytes)
    }

    fn begin(&mut self, model: &mut dyn Module, start: &Start) -> Result<()> {
        self.ranks.begin(model, start)
    }

    /// They are sent when all are there.
    fn gradient(&mut self, _: LeafId, _: &Value, _: f64) {}

    fn add_up(&mut self, gradients: &mut Gradients, share: f64, numbers: &mut [f64]) -> Result<()> {
        for (_, gradient) in gradients.iter_mut() {
            let mut magnitudes: Vec<f32> = gradient.iter().map(|x| x.abs()).collect();
            let count = ((self.share * magnitudes.len() as f64).ceil() as usize).max(1);
            magnitudes.sort_unstable_by(|a, b| b.total_cmp(a));
            let least = magnitudes[count - 1];
            *gradient = gradient.mapv(|x| if x.abs() >= least { x } else { 0.0 }).into();
        }
        self.ranks.add_up(gradients, share, numbers)
    }
}
