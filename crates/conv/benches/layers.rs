//! The layers of two small networks, and others of their kind, one by one: forward, input gradient, weight gradient.
//!
//! ```sh
//! taskset -c 0 cargo bench -p gradus-conv --bench layers
//! cargo bench -p gradus-conv --bench layers -- --threads 2
//! ```
//!
//! Of each, the time, the GFLOP/s (a multiplication and its addition are two operations) and the GB/s of the arrays that must be read and
//! written. Each figure is the one that a third of the rounds beat.

use gradus_conv::ndarray::{ArrayD, IxDyn};
use gradus_conv::{Geometry, Tape, Value, conv, input_gradient, weight_gradient};
use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

/// Name, images, channels, output channels, size, kernel, stride, groups.
type Shape = (&'static str, usize, usize, usize, usize, usize, usize, usize);

const LAYERS: [Shape; 12] = [
    ("first of a network for digits", 64, 1, 32, 28, 3, 1, 1),
    ("second", 64, 32, 64, 14, 3, 1, 1),
    ("first of a residual network", 32, 3, 32, 32, 3, 1, 1),
    ("its blocks at 32 × 32", 32, 32, 32, 32, 3, 1, 1),
    ("on to 16 × 16", 32, 32, 64, 32, 3, 2, 1),
    ("its blocks at 16 × 16", 32, 64, 64, 16, 3, 1, 1),
    ("projection, 1 × 1", 32, 32, 64, 32, 1, 2, 1),
    ("pointwise, 1 × 1", 32, 64, 64, 16, 1, 1, 1),
    ("5 × 5", 32, 32, 32, 16, 5, 1, 1),
    ("128 channels at 8 × 8", 32, 128, 128, 8, 3, 1, 1),
    ("256 channels at 7 × 7", 32, 256, 256, 7, 3, 1, 1),
    ("depthwise", 32, 64, 64, 16, 3, 1, 64),
];

const ROUNDS: usize = 21;

/// The time that a third of the rounds beat.
fn time(mut f: impl FnMut() -> Result<Value, Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    f()?;
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        black_box(f()?);
        times.push(start.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    Ok(times[ROUNDS / 3])
}

fn numbers(shape: &[usize]) -> Value {
    let mut i = 0_u32;
    ArrayD::from_shape_simple_fn(IxDyn(shape), || {
        i = i.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (i >> 8) as f32 / 16_777_216.0 - 0.5
    })
    .into()
}

fn layer((name, images, channels, outputs, size, kernel, stride, groups): Shape) -> Result<(), Box<dyn Error>> {
    let geometry = Geometry::<2>::new(kernel).padding(kernel / 2).stride(stride);
    let [out, _] = geometry.output_size([size, size])?;
    let x = numbers(&[images, channels, size, size]);
    let weight = numbers(&[outputs, channels / groups, kernel, kernel]);
    let dy = numbers(&[images, outputs, out, out]);
    let operations = (2 * dy.len() * channels / groups * kernel * kernel) as f64;
    let bytes = (4 * (x.len() + weight.len() + dy.len())) as f64;
    let forward = time(|| {
        let tape = Tape::inference();
        let (x, weight) = (tape.input(x.clone()), tape.input(weight.clone()));
        Ok(conv(&x, &weight, None, &geometry, groups)?.value().clone())
    })?;
    let of_input = time(|| Ok(input_gradient(x.shape(), &*weight, &*dy, &geometry, groups)?.into()))?;
    let of_weight = time(|| Ok(weight_gradient(&*x, weight.shape(), &*dy, &geometry, groups)?.into()))?;
    println!("{name} ({images}, {channels}, {size}, {size}) → {outputs}, {kernel} × {kernel}, stride {stride}");
    for (what, time) in [("forward", forward), ("input gradient", of_input), ("weight gradient", of_weight)] {
        let rate = operations / time / 1e9;
        println!("{what:>18} {:8.0} µs {rate:6.1} GFLOP/s {:6.1} GB/s", time * 1e6, bytes / time / 1e9);
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--threads").skip(1);
    let threads = arguments.next().map_or(Ok(1), |threads| threads.parse())?;
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
    LAYERS.into_iter().try_for_each(layer)
}
