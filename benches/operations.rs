//! Single operations, forward and backward: `cargo bench -p gradus-benches`.

use criterion::{Criterion, criterion_group, criterion_main};
use gradus::linalg::gemm;
use gradus::ndarray::{Array1, Array2, ArrayD, IxDyn};
use gradus::prelude::*;
use std::hint::black_box;

/// Numbers between −1 and 1 that look irregular.
fn numbers(shape: &[usize]) -> ArrayD<f32> {
    let n = shape.iter().product::<usize>();
    let part = |i: usize| ((i + 1) as f64 * 0.618_033_988_749_894_9).fract() as f32;
    ArrayD::from_shape_vec(IxDyn(shape), (0..n).map(|i| 2.0 * part(i) - 1.0).collect())
        .unwrap_or_else(|error| panic!("{error}"))
}

fn matrix(rows: usize, columns: usize) -> Array2<f32> {
    numbers(&[rows, columns]).into_dimensionality().unwrap_or_else(|error| panic!("{error}"))
}

fn products(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("product");
    for (m, k, n) in [(4, 16, 16), (64, 64, 64), (128, 784, 512), (512, 512, 512)] {
        let (a, b, bt) = (matrix(m, k), matrix(k, n), matrix(n, k));
        let mut c = matrix(m, n);
        group.bench_function(format!("{m}x{k} · {k}x{n}"), |bencher| {
            bencher.iter(|| gemm(1.0, &a, &b, 0.0, black_box(&mut c)));
        });
        group.bench_function(format!("{m}x{k} · ({n}x{k})ᵀ"), |bencher| {
            bencher.iter(|| gemm(1.0, &a, &bt.t(), 0.0, black_box(&mut c)));
        });
    }
}

fn recording(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("recording");
    group.bench_function("tanh of 4 numbers", |bencher| {
        let value: Value = numbers(&[4]).into();
        bencher.iter(|| {
            let tape = Tape::recording();
            let mut x = tape.variable(value.clone());
            for _ in 0..100 {
                x = x.tanh();
            }
            black_box(x)
        });
    });
}

fn elementwise(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("a million numbers");
    let x: Value = numbers(&[1000, 1000]).into();
    let row: Value = numbers(&[1000]).into();
    let mut unary = |name: &str, f: fn(&Var) -> Var| {
        group.bench_function(name, |bencher| bencher.iter(|| f(&Tape::inference().input(x.clone()))));
        group.bench_function(format!("{name}, forward and backward"), |bencher| {
            bencher.iter(|| f(&Tape::recording().variable(x.clone())).sum().backward());
        });
    };
    unary("relu", Var::relu);
    unary("tanh", Var::tanh);
    unary("sigmoid", Var::sigmoid);
    unary("exp", Var::exp);
    group.bench_function("add a row", |bencher| {
        bencher.iter(|| {
            let tape = Tape::inference();
            tape.input(x.clone()).try_add(&tape.input(row.clone()))
        });
    });
}

fn losses(criterion: &mut Criterion) {
    let logits: Value = numbers(&[4096, 1000]).into();
    let labels: Array1<usize> = (0..4096).map(|i| i * 7 % 1000).collect();
    criterion.bench_function("cross-entropy of 4096 x 1000, forward and backward", |bencher| {
        bencher.iter(|| {
            let loss = Tape::recording().variable(logits.clone()).cross_entropy(&labels)?;
            Ok::<_, Error>(loss.backward()?)
        });
    });
}

criterion_group!(benches, products, recording, elementwise, losses);
criterion_main!(benches);
