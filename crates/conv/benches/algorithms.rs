//! One convolution by four algorithms, over the size of its kernel: from which size on spectra pay.
//!
//! An image of 64 × 64, 8 → 8 channels, padded to keep its size, `f32`, one thread. The nested loops are the definition, with the row of the result as
//! the innermost, which the compiler turns into vectors, and windows cut at the edge beforehand. The table of the four stands in the documentation of
//! `conv_fft`.

#![allow(missing_docs)] // of what the macros below make

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gradus_conv::ndarray::{Array4, ArrayD};
use gradus_conv::{Geometry, Tape, Value, conv, conv_fft, unfold};
use gradus_linalg::matmul;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::hint::black_box;

const SIZE: usize = 64;
const CHANNELS: usize = 8;

/// The definition, for an odd kernel and a padding of half of it.
fn nested_loops(x: &[f32], weight: &[f32], kernel: usize, y: &mut [f32]) {
    y.fill(0.0);
    let (plane, padding) = (SIZE * SIZE, kernel / 2);
    // The places at which number k of the kernel lies over the image.
    let reach = |k: usize| padding.saturating_sub(k)..SIZE.min(SIZE + padding - k);
    for (o, y) in y.chunks_exact_mut(plane).enumerate() {
        for (c, x) in x.chunks_exact(plane).enumerate() {
            for kh in 0..kernel {
                for kw in 0..kernel {
                    let w = weight[((o * CHANNELS + c) * kernel + kh) * kernel + kw];
                    let columns = reach(kw);
                    for row in reach(kh) {
                        let x = &x[(row + kh - padding) * SIZE + columns.start + kw - padding..];
                        let y = &mut y[row * SIZE..][columns.clone()];
                        y.iter_mut().zip(x).for_each(|(y, x)| *y += w * x);
                    }
                }
            }
        }
    }
}

fn benches(criterion: &mut Criterion) {
    let mut rng = StdRng::seed_from_u64(1);
    let mut group = criterion.benchmark_group("conv2d_8x64x64_to_8");
    for kernel in [3, 7, 15, 31] {
        let mut random = |shape| Array4::from_shape_simple_fn(shape, || rng.random::<f32>() - 0.5);
        let x = random((1, CHANNELS, SIZE, SIZE));
        let weight = random((CHANNELS, CHANNELS, kernel, kernel));
        let geometry = Geometry::<2>::new(kernel).padding(kernel / 2);
        let (x_value, w_value): (Value, Value) = (x.clone().into(), weight.clone().into());
        let product = || {
            let tape = Tape::inference();
            let (x, weight) = (tape.input(x_value.clone()), tape.input(w_value.clone()));
            conv(&x, &weight, None, &geometry, 1).expect("the shapes fit").value().clone()
        };
        let patches = || {
            let patches = unfold(&Tape::inference().input(x_value.clone()), &geometry).expect("the window fits");
            let patches = patches.value().to_shape((CHANNELS * kernel * kernel, SIZE * SIZE)).expect("one image");
            let weight = weight.to_shape((CHANNELS, CHANNELS * kernel * kernel)).expect("row-major");
            matmul(&weight, &patches).expect("the shapes fit")
        };
        let spectra = || conv_fft(&x, &weight, &geometry, 1).expect("the shapes fit");
        let (x_slice, w_slice) = (x.as_slice().expect("row-major"), weight.as_slice().expect("row-major"));
        let mut y = ArrayD::zeros(vec![1, CHANNELS, SIZE, SIZE]);

        // All four compute the same.
        nested_loops(x_slice, w_slice, kernel, y.as_slice_mut().expect("row-major"));
        let (in_place, patched, spectral) = (product(), patches().into_dyn(), spectra());
        for others in [in_place.iter(), patched.iter(), spectral.iter()] {
            for (loops, other) in y.iter().zip(others) {
                assert!((loops - other).abs() < 1e-3, "{loops}, {other}");
            }
        }

        group.throughput(Throughput::Elements((2 * CHANNELS * CHANNELS * kernel * kernel * SIZE * SIZE) as u64));
        group.bench_function(BenchmarkId::new("nested_loops", kernel), |bencher| {
            bencher.iter(|| nested_loops(black_box(x_slice), w_slice, kernel, y.as_slice_mut().expect("row-major")));
        });
        group.bench_function(BenchmarkId::new("patches_and_product", kernel), |bencher| {
            bencher.iter(|| black_box(patches()));
        });
        group.bench_function(BenchmarkId::new("read_in_place", kernel), |bencher| {
            bencher.iter(|| black_box(product()));
        });
        group.bench_function(BenchmarkId::new("spectra", kernel), |bencher| bencher.iter(|| black_box(spectra())));
    }
}

criterion_group!(all, benches);
criterion_main!(all);
