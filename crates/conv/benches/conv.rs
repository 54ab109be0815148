//! Convolution and pooling on the shapes of a small network for digits.
//!
//! Throughput counts a multiplication and its addition as two operations: `Gelem/s` are GFLOP/s. The backward figures are
//! of the whole step, forward included; the first layer's input needs no gradient.

#![allow(missing_docs)] // of what the macros below make

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gradus_conv::ndarray::Array4;
use gradus_conv::{Conv2d, Layer, MaxPool2d, Tape, Value};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::hint::black_box;

fn images(shape: (usize, usize, usize, usize), rng: &mut StdRng) -> Value {
    Array4::from_shape_simple_fn(shape, || rng.random::<f32>() - 0.5).into()
}

fn step(layer: &impl Layer, x: &Value, dy: &Value, input_gradient: bool) {
    let tape = Tape::recording();
    let x = if input_gradient { tape.variable(x.clone()) } else { tape.input(x.clone()) };
    let y = layer.forward(&x).expect("the shapes fit");
    black_box(y.backward_with(dy.clone()).expect("the tape records"));
}

fn benches(criterion: &mut Criterion) {
    let mut rng = StdRng::seed_from_u64(1);
    for (name, channels, out_channels, size, kernel) in [
        ("1x28x28_to_32", 1, 32, 28, 3),
        ("32x14x14_to_64", 32, 64, 14, 3),
        ("32x4x4_to_32", 32, 32, 4, 3),
        ("64x14x14_to_64_pointwise", 64, 64, 14, 1),
    ] {
        let layer: Conv2d = Conv2d::new(channels, out_channels, kernel, &mut rng).padding(kernel / 2);
        let x = images((64, channels, size, size), &mut rng);
        let dy = images((64, out_channels, size, size), &mut rng);
        let flops = (2 * 64 * out_channels * channels * kernel * kernel * size * size) as u64;
        let mut group = criterion.benchmark_group(format!("conv2d_{name}"));
        group.throughput(Throughput::Elements(flops));
        group.bench_function("forward", |bencher| {
            bencher.iter(|| black_box(layer.forward(&Tape::inference().input(x.clone())).expect("the shapes fit")));
        });
        group.throughput(Throughput::Elements(2 * flops));
        group.bench_function("forward_weight", |bencher| bencher.iter(|| step(&layer, &x, &dy, false)));
        group.throughput(Throughput::Elements(3 * flops));
        group.bench_function("forward_weight_input", |bencher| bencher.iter(|| step(&layer, &x, &dy, true)));
    }

    let pool = MaxPool2d::new(2);
    let x = images((64, 32, 28, 28), &mut rng);
    let dy = images((64, 32, 14, 14), &mut rng);
    let mut group = criterion.benchmark_group("max_pool2d_32x28x28");
    group.throughput(Throughput::Bytes((x.len() * 4) as u64));
    group.bench_function("forward", |bencher| {
        bencher.iter(|| black_box(pool.forward(&Tape::inference().input(x.clone())).expect("the shapes fit")));
    });
    group.bench_function("forward_backward", |bencher| bencher.iter(|| step(&pool, &x, &dy, true)));
}

criterion_group!(all, benches);
criterion_main!(all);
