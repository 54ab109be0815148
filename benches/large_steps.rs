//! Two steps that move much memory: Adam on ten million parameters, and attention forward and backward.
//!
//! ```sh
//! cargo bench -p gradus-benches --bench large_steps -- --threads 1
//! python3 benches/large_steps_beside_torch.py PATH-OF-THE-PROGRAM --threads 1     # in turns with PyTorch
//! ```
//!
//! Each line is the median of the rounds.

use gradus::ndarray::{ArrayD, IxDyn};
use gradus::nn_layers::{Attention, scaled_dot_product_attention};
use gradus::prelude::*;
use std::time::Instant;

type Outcome<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

const ROUNDS: usize = 31;
const PARAMETERS: usize = 10_000_000;
/// Batch, heads, positions, features of a head: 512 features in all.
const HEADS: [usize; 4] = [8, 8, 256, 64];

fn median(name: &str, mut round: impl FnMut() -> Outcome<f64>) -> Outcome {
    let mut times = (0..ROUNDS).map(|_| round()).collect::<Outcome<Vec<_>>>()?;
    times.sort_by(f64::total_cmp);
    println!("{name}: {:.3} ms", times[ROUNDS / 2] * 1e3);
    Ok(())
}

fn adam() -> Outcome {
    let (mut parameter, gradient) = ([0.5, 0.1]).map(|x| ArrayD::<f32>::from_elem(IxDyn(&[PARAMETERS]), x)).into();
    let mut adam = Adam::<f32>::new(1e-3);
    median("adam", || {
        let start = Instant::now();
        adam.update("weight", parameter.view_mut(), gradient.view())?;
        Ok(start.elapsed().as_secs_f64())
    })
}

fn attention(name: &str, options: &Attention<f32>) -> Outcome {
    let numbers = |step: f64| {
        let numbers = (0..HEADS.iter().product::<usize>()).map(|i| ((i as f64 * step).fract() - 0.5) as f32);
        ArrayD::from_shape_vec(IxDyn(&HEADS), numbers.collect())
    };
    let inputs = [numbers(0.618_034)?, numbers(0.414_214)?, numbers(0.732_051)?];
    let cotangent = numbers(0.236_068)?;
    median(name, || {
        let tape = Tape::recording();
        let [q, k, v] = inputs.each_ref().map(|x| tape.variable(x.clone()));
        let cotangent = cotangent.clone();
        let start = Instant::now();
        let gradients = scaled_dot_product_attention(&q, &k, &v, options)?.backward_with(cotangent)?;
        let time = start.elapsed().as_secs_f64();
        drop(gradients);
        Ok(time)
    })
}

fn main() -> Outcome {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--threads").skip(1);
    let threads = arguments.next().map_or(Ok(1), |threads| threads.parse())?;
    rayon::ThreadPoolBuilder::new().num_threads(threads).build()?.install(|| {
        adam()
            .and_then(|()| attention("attention", &Attention::new()))
            .and_then(|()| attention("causal attention", &Attention::new().causal()))
            .map_err(|error| error.to_string())
    })?;
    Ok(())
}
