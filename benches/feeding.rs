//! What it costs to feed a network, and what dividing a batch among threads brings.
//!
//! ```sh
//! cargo bench -p gradus-benches --bench feeding
//! ```
//!
//! The first part trains the network of the workload `cnn` on one thread: on batches that lie in memory, and on those of a loader that shifts and
//! turns each image on one thread in the background. The second divides the batches of three networks into shards, side by side on the
//! threads of a pool, beside the same network whose operations share the threads. Epochs take turns; each line is the median.

use gradus::data::Loader;
use gradus::ndarray::{Array4, ArrayD, Ix3};
use gradus::nn_layers::Apply;
use gradus::prelude::*;
use gradus::regularize::augment::{Compose, Rotate, Shift, Transform};
use gradus_benches::models::Cnn;
use std::time::Instant;

type Outcome<T = ()> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;
type Sample = (ArrayD<f32>, usize);

const ROUNDS: usize = 9;
const BATCH: usize = 64;

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn images(n: usize) -> Outcome<Labelled> {
    let pixel = |(n, _, i, j): (usize, usize, usize, usize)| (((n * 7 + i * 3 + j * 5) % 17) as f32) / 17.0;
    Ok(Labelled::new(Array4::from_shape_fn((n, 1, 28, 28), pixel), (0..n).map(|n| n % 10).collect::<Vec<_>>(), 10)?)
}

fn step(model: &mut Cnn, adam: &mut Adam, (x, labels): (ArrayD<f32>, gradus::ndarray::Array1<usize>)) -> Outcome {
    let tape = Tape::recording();
    let gradients = model.forward(&tape.input(x))?.cross_entropy(&labels)?.backward()?;
    Ok(adam.step(model, &gradients)?)
}

fn loader() -> Outcome {
    let data = images(40 * BATCH)?;
    let batches: Vec<_> = data.batches(BATCH).collect();
    let transform = Compose::new().then(Shift::new(2, 2)).then(Rotate::new(10.0));
    let augment = move |(image, label): Sample, rng: &mut StdRng| {
        let image = image.into_dimensionality::<Ix3>().expect("images have three axes");
        let image = transform.apply(image.view(), rng).expect("the settings are sound");
        Ok((image.into_dyn(), label))
    };
    let loader = Loader::new(data, BATCH)?.shuffled().seed(7).transform(augment).workers(1);
    let alone = Instant::now();
    let prepared = loader.epoch(0)?.count();
    let alone = alone.elapsed().as_secs_f64() / prepared as f64;

    let mut rng = StdRng::seed_from_u64(7);
    let (mut model, mut adam) = (Cnn::new(&mut rng), Adam::new(1e-3));
    let (mut from_memory, mut from_loader) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS as u64 {
        let start = Instant::now();
        for (x, labels) in &batches {
            step(&mut model, &mut adam, (x.clone(), labels.clone()))?;
        }
        from_memory.push(start.elapsed().as_secs_f64() / batches.len() as f64);
        let start = Instant::now();
        for batch in loader.epoch(round)? {
            step(&mut model, &mut adam, batch?)?;
        }
        from_loader.push(start.elapsed().as_secs_f64() / batches.len() as f64);
    }
    let (memory, fed) = (median(from_memory), median(from_loader));
    println!("cnn from memory: {:.3} ms a step", memory * 1e3);
    println!(
        "cnn from a loader, shifted and turned on a second thread: {:.3} ms, {:.3} of that",
        fed * 1e3,
        fed / memory
    );
    println!("the loader by itself: {:.3} ms a batch", alone * 1e3);
    Ok(())
}

type Network = (&'static str, Labelled, fn(&mut StdRng) -> Sequential);

fn networks() -> Outcome<[Network; 3]> {
    let digits = Digits::embedded();
    let perceptron =
        |rng: &mut StdRng| Sequential::new().push(Linear::new(64, 128, rng)).push(Relu).push(Linear::new(128, 10, rng));
    let reader = |rng: &mut StdRng| {
        Sequential::new()
            .push(Rnn::new(8, 64, rng).batch_first())
            .push(Apply::new(|x: &Var| Ok(x.select(1, 7)?)))
            .push(Linear::new(64, 10, rng))
    };
    let convolutions = |rng: &mut StdRng| {
        Sequential::new()
            .push(Conv2d::new(1, 32, 3, rng).padding(1))
            .push(Relu)
            .push(Conv2d::new(32, 64, 3, rng).padding(1))
            .push(Relu)
            .push(MaxPool2d::new(2))
            .push(Flatten)
            .push(Linear::new(1024, 10, rng))
    };
    Ok([
        ("perceptron", digits.clone(), perceptron),
        ("recurrent", digits.clone().reshape_inputs(&[8, 8])?, reader),
        ("convolutions", digits.reshape_inputs(&[1, 8, 8])?, convolutions),
    ])
}

/// Seconds of an epoch on so many threads, in so many shards; none shares the threads within the operations.
fn epoch(network: &Network, threads: usize, shards: Option<usize>) -> Outcome<f64> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let (_, data, new) = network;
    let test = data.split_at(64)?.0;
    pool.install(|| {
        let mut rng = StdRng::seed_from_u64(7);
        let (mut model, mut sgd) = (new(&mut rng), Sgd::new(0.05));
        let mut trainer = Trainer::new(1).batch_size(BATCH);
        if let Some(shards) = shards {
            trainer = trainer.data_parallel(shards);
        }
        let start = Instant::now();
        trainer.run(&mut model, &mut sgd, data, &test, &mut rng)?;
        Ok(start.elapsed().as_secs_f64())
    })
}

fn shards() -> Outcome {
    println!(
        "\n| one epoch of digits, ms | 1 thread | 2 threads | 2 shards, 1 thread | 2 shards, 2 threads | 4 shards, 2 threads |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    for network in networks()? {
        let ways = [(1, None), (2, None), (1, Some(2)), (2, Some(2)), (2, Some(4))];
        let mut times = ways.map(|_| Vec::new());
        for _ in 0..ROUNDS {
            for (times, (threads, shards)) in times.iter_mut().zip(ways) {
                times.push(epoch(&network, threads, shards)?);
            }
        }
        let [a, b, c, d, e] = times.map(|times| 1e3 * median(times));
        println!("| {} | {a:.1} | {b:.1} | {c:.1} | {d:.1} | {e:.1} |", network.0);
    }
    Ok(())
}

fn main() -> Outcome {
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    one.install(loader)?;
    shards()
}
