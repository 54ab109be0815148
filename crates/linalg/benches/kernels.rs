//! Times of the vectorized functions on a million numbers, beside the rate at which memory is copied.
//!
//! ```sh
//! taskset -c 0 cargo bench -p gradus-linalg --bench kernels
//! cargo bench -p gradus-linalg --bench kernels -- --threads 2
//! ```
//!
//! Each figure is the one that an eighth of the rounds beat: on a machine with other work, the rest measures that.

use gradus_linalg::elementwise::{exp_into, map};
use gradus_linalg::ndarray::Array1;
use gradus_linalg::{Real, memory, rows};
use std::hint::black_box;
use std::time::Instant;

const LEN: usize = 1_000_000;
const ROUNDS: usize = 200;

fn time(name: &str, bytes: usize, mut f: impl FnMut()) {
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            f();
            start.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let time = times[ROUNDS / 8];
    println!("{name:>24}  {:8.1} µs  {:6.1} GB/s", time * 1e6, bytes as f64 / time / 1e9);
}

fn run<F: Real>(float: &str) {
    let x = Array1::from_shape_fn(LEN, |i| F::from_f64((i as f64 * 0.618_033_988_75).fract() * 8.0 - 4.0));
    let mut y = vec![F::zero(); LEN];
    let both = 2 * LEN * size_of::<F>();
    let xs = x.as_slice().expect("a vector of its own is a slice");
    time(&format!("copy {float}"), both, || black_box(&mut y).copy_from_slice(black_box(xs)));
    time(&format!("exp {float}"), both, || {
        let mut y = memory::array(x.raw_dim());
        exp_into(black_box(&x), &mut y);
        memory::give_array(black_box(y));
    });
    time(&format!("tanh {float}"), both, || memory::give_array(black_box(map(black_box(&x), F::tanh))));
    time(&format!("sigmoid {float}"), both, || memory::give_array(black_box(map(black_box(&x), F::sigmoid))));
    time(&format!("erf {float}"), both, || {
        memory::give_array(black_box(map(
            black_box(&x),
            #[inline(always)]
            |x| x.erf(),
        )))
    });
    time(&format!("sqrt |x| {float}"), both, || memory::give_array(black_box(map(black_box(&x), |x| x.abs().sqrt()))));
    let power = F::from_f64(2.7);
    time(&format!("|x|^2.7 {float}"), both, || {
        memory::give_array(black_box(map(
            black_box(&x),
            #[inline(always)]
            move |x| x.abs().powf(power),
        )));
    });
    time(&format!("ln |x| {float}"), both, || memory::give_array(black_box(map(black_box(&x), |x| x.abs().ln()))));
    for len in [10, 1000, LEN] {
        let name = |what: &str| format!("{what} rows of {len} {float}");
        time(&name("softmax"), both, || rows::softmax(len, black_box(xs), black_box(&mut y)));
        time(&name("log_softmax"), both, || rows::log_softmax(len, black_box(xs), black_box(&mut y)));
    }
    time(&format!("log_sum_exp {float}"), both / 2, || {
        black_box(rows::log_sum_exp(black_box(xs)));
    });
    time(&format!("sum {float}"), both / 2, || {
        black_box(rows::sum(black_box(xs)));
    });
    time(&format!("max {float}"), both / 2, || {
        black_box(rows::max(black_box(xs)));
    });
    time(&format!("variance {float}"), both / 2, || {
        black_box(rows::variance(black_box(xs), 0));
    });
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip_while(|argument| argument != "--threads").collect();
    let threads = match arguments.get(1).map(|n| n.parse()) {
        None if arguments.is_empty() => 1,
        Some(Ok(n)) => n,
        _ => return eprintln!("--threads: give a number"),
    };
    let run = || {
        run::<f32>("f32");
        run::<f64>("f64");
    };
    #[cfg(feature = "rayon")]
    match rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
        Ok(pool) => pool.install(run),
        Err(error) => eprintln!("no pool of {threads} threads: {error}"),
    }
    #[cfg(not(feature = "rayon"))]
    if threads == 1 { run() } else { eprintln!("this build has no threads: enable the feature `rayon`") }
}
