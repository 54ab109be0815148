//! Convolution and pooling on the shapes of a small network for digits.
//!
//! Throughput counts a multiplication and its addition as two operations: `Gelem/s` are GFLOP/s. The backward figures are
//! of the whole step, forward included; the first layer's input needs no gradient.

#![allow(missing_docs)] // of what the macros below make

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use gradus_conv::ndarray::Array4;
use gradus_conv::{AvgPool2d, Conv2d, GlobalAvgPool, Layer, MaxPool2d, Tape, Value};
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

    pooling(criterion, &mut rng);
}

/// Pooling is bound by memory: throughput counts the bytes of the input, which a copy of the same size reads and writes.
fn pooling(criterion: &mut Criterion, rng: &mut StdRng) {
    for (name, channels, size) in [("32x28x28", 32, 28), ("64x14x14", 64, 14)] {
        let x = images((64, channels, size, size), rng);
        let layers: [(&str, Box<dyn Layer>); 4] = [
            ("max_pool2d_2", Box::new(MaxPool2d::new(2))),
            ("avg_pool2d_2", Box::new(AvgPool2d::new(2))),
            ("max_pool2d_3_stride_2", Box::new(MaxPool2d::new(3).stride(2).padding(1))),
            ("global_avg_pool", Box::new(GlobalAvgPool::new(true))),
        ];
        let mut group = criterion.benchmark_group(format!("pool_{name}"));
        group.throughput(Throughput::Bytes((x.len() * 4) as u64));
        let mut copy = x.as_slice().expect("row-major").to_vec();
        group.bench_function("copy", |bencher| {
            bencher.iter(|| black_box(&mut copy).copy_from_slice(black_box(&x).as_slice().expect("row-major")));
        });
        for (kind, layer) in &layers {
            let forward = |tape: &Tape, x: &Value| layer.forward(&tape.variable(x.clone())).expect("the shapes fit");
            let dy = images(dimensions(forward(&Tape::inference(), &x).shape()), rng);
            group.bench_function(format!("{kind}_forward"), |bencher| {
                bencher.iter(|| black_box(forward(&Tape::inference(), &x)));
            });
            group.bench_function(format!("{kind}_forward_recorded"), |bencher| {
                bencher.iter(|| black_box(forward(&Tape::recording(), &x)));
            });
            group.bench_function(format!("{kind}_backward"), |bencher| {
                let y = || forward(&Tape::recording(), &x);
                let backward = |y: gradus_conv::Var| y.backward_with(dy.clone()).expect("the tape records");
                bencher.iter_batched(y, backward, BatchSize::PerIteration);
            });
        }
    }
}

fn dimensions(shape: &[usize]) -> (usize, usize, usize, usize) {
    (shape[0], shape[1], shape[2], shape[3])
}

criterion_group!(all, benches);
criterion_main!(all);
