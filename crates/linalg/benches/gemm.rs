//! GFLOP/s of the product engine on squares and on the shapes of training.
//!
//! ```text
//! cargo bench -p gradus-linalg --bench gemm -- [--threads 1|2|…] [--f64] [--training] [PART OF A NAME]
//! ```
//!
//! `--training` takes the three products of a linear layer for many sizes instead; `benches/beside_torch.py` lays them beside
//! PyTorch's.
//!
//! Each line is the median of several rounds in which all shapes take turns, so that a disturbance of the machine falls
//! on all alike. Pin a run on one thread to a core (`taskset -c 0`).

use gradus_linalg::ndarray::{Array2, ArrayView2};
use gradus_linalg::{Real, gemm};
use std::hint::black_box;
use std::time::Instant;

/// `(m, k) · (k, n)`, with `t` for an operand that lies in memory transposed.
#[rustfmt::skip]
const SHAPES: &[(&str, usize, usize, usize, &str)] = &[
    ("square", 64, 64, 64, ""), ("square", 256, 256, 256, ""), ("square", 512, 512, 512, ""),
    ("square", 1024, 1024, 1024, ""), ("square", 2048, 2048, 2048, ""),
    ("linear forward", 128, 784, 512, "b"), ("linear forward", 128, 512, 256, "b"), ("linear forward", 128, 256, 10, "b"),
    ("linear forward", 32, 1024, 256, "b"), ("linear forward", 64, 784, 512, "b"), ("linear forward", 256, 784, 512, "b"),
    ("linear forward", 32, 100, 100, "b"),
    ("input gradient", 128, 512, 784, ""), ("input gradient", 128, 256, 512, ""), ("input gradient", 128, 10, 256, ""),
    ("input gradient", 32, 256, 1024, ""),
    ("weight gradient", 512, 128, 784, "a"), ("weight gradient", 256, 128, 512, "a"), ("weight gradient", 10, 128, 256, "a"),
    ("weight gradient", 256, 32, 1024, "a"), ("weight gradient", 784, 128, 512, "a"),
    ("both transposed", 128, 512, 256, "ab"), ("both transposed", 512, 512, 512, "ab"),
    ("small", 4, 2, 16, ""), ("small", 4, 16, 16, ""), ("small", 4, 16, 16, "b"), ("small", 32, 32, 32, ""),
    ("vector", 32, 100, 1, ""), ("vector", 1, 784, 512, "b"), ("vector", 1, 784, 512, ""), ("vector", 784, 512, 1, ""),
];

/// Rows of a batch, features that go in and come out.
const TRAINING: ([usize; 4], [(usize, usize); 7]) =
    ([32, 64, 128, 256], [(64, 64), (64, 256), (256, 64), (256, 256), (256, 1024), (1024, 256), (1024, 1024)]);

/// What a linear layer multiplies: `x Wᵀ`, `dy W` and `dyᵀ x`.
fn training_shapes() -> Vec<(&'static str, usize, usize, usize, &'static str)> {
    let (batches, layers) = TRAINING;
    let of_layer = |rows, (input, output)| {
        [
            ("linear forward", rows, input, output, "b"),
            ("input gradient", rows, output, input, ""),
            ("weight gradient", output, rows, input, "a"),
        ]
    };
    batches.iter().flat_map(|&rows| layers.iter().flat_map(move |&layer| of_layer(rows, layer))).collect()
}

struct Product<F> {
    name: String,
    a: Array2<F>,
    b: Array2<F>,
    c: Array2<F>,
    transposed: (bool, bool),
    flops: f64,
    seconds: Vec<f64>,
}

impl<F: Real> Product<F> {
    fn new(&(kind, m, k, n, transposed): &(&str, usize, usize, usize, &str)) -> Self {
        let transposed = (transposed.contains('a'), transposed.contains('b'));
        let matrix = |rows: usize, columns: usize, turned: bool| {
            let shape = if turned { (columns, rows) } else { (rows, columns) };
            Array2::from_shape_fn(shape, |(i, j)| F::from_f64(((31 * i + 17 * j) % 29) as f64 / 29.0 - 0.5))
        };
        let mark = |turned: bool| if turned { "ᵀ" } else { "" };
        Self {
            name: format!("{kind} ({m}×{k}{})·({k}×{n}{})", mark(transposed.0), mark(transposed.1)),
            a: matrix(m, k, transposed.0),
            b: matrix(k, n, transposed.1),
            c: Array2::zeros((m, n)),
            transposed,
            flops: 2.0 * (m * n * k) as f64,
            seconds: Vec::new(),
        }
    }

    /// Times about five milliseconds of products, and keeps the time of one. The first is not counted: it finds the caches
    /// full of another product's numbers.
    fn round(&mut self) {
        fn turn<F>(x: &Array2<F>, turned: bool) -> ArrayView2<'_, F> {
            if turned { x.t() } else { x.view() }
        }
        let (a, b) = (turn(&self.a, self.transposed.0), turn(&self.b, self.transposed.1));
        let repeats = ((0.005 * 5e10 / self.flops) as usize).clamp(1, 100_000);
        let mut multiply = || gemm(F::one(), &a, &b, F::zero(), black_box(&mut self.c)).expect("the shapes fit");
        multiply();
        let start = Instant::now();
        (0..repeats).for_each(|_| multiply());
        self.seconds.push(start.elapsed().as_secs_f64() / repeats as f64);
    }

    fn median(&mut self) -> f64 {
        self.seconds.sort_by(f64::total_cmp);
        self.seconds[self.seconds.len() / 2]
    }
}

fn run<F: Real>(shapes: &[(&str, usize, usize, usize, &str)], filter: &str) {
    let mut products: Vec<_> = shapes.iter().map(Product::<F>::new).filter(|p| p.name.contains(filter)).collect();
    for _ in 0..15 {
        products.iter_mut().for_each(Product::round);
    }
    for product in &mut products {
        let seconds = product.median();
        println!("{:<45} {:8.1} GFLOP/s {:12.2} µs", product.name, product.flops / seconds * 1e-9, seconds * 1e6);
    }
}

fn main() {
    let (mut threads, mut wide, mut shapes, mut filter) = (1, false, SHAPES.to_vec(), String::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--bench" => {} // from cargo
            "--f64" => wide = true,
            "--training" => shapes = training_shapes(),
            "--threads" => match arguments.next().map(|n| n.parse()) {
                Some(Ok(n)) => threads = n,
                _ => return eprintln!("--threads: give a number"),
            },
            _ => filter = argument,
        }
    }
    let run = || if wide { run::<f64>(&shapes, &filter) } else { run::<f32>(&shapes, &filter) };
    #[cfg(feature = "rayon")]
    match rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
        Ok(pool) => pool.install(run),
        Err(error) => eprintln!("no pool of {threads} threads: {error}"),
    }
    #[cfg(not(feature = "rayon"))]
    if threads == 1 { run() } else { eprintln!("this build has no threads: enable the feature `rayon`") }
}
