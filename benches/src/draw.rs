//! The numbers that every contestant starts from.
//!
//! Weights and inputs come from no library's generator, so that a contestant in any language draws the same ones.
//! Element `i` (from 0, row-major) of the tensor called KEY is
//!
//! ```text
//! s = FNV-1a 64 of KEY's bytes
//! z = splitmix64 of s + (i + 1) · 0x9e3779b97f4a7c15
//! u = (z >> 40) / 2²⁴                       a real number: (2u − 1) · bound;  a class: z mod classes
//! ```

use gradus::ndarray::{Array, Array1, ArrayD, Dimension, ShapeBuilder};
use gradus::nn_layers::ItemMut;
use gradus::prelude::*;

fn bits(key: &str) -> impl Iterator<Item = u64> {
    let hash = |s: u64, byte: u8| (s ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3);
    let seed = key.bytes().fold(0xCBF2_9CE4_8422_2325, hash);
    (1..).map(move |i: u64| {
        let mut z = seed.wrapping_add(i.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    })
}

/// Numbers in `[-bound, bound)`.
///
/// # Panics
/// Never: as many numbers are drawn as the shape holds.
#[must_use]
pub fn reals<F: Real, D: Dimension>(key: &str, shape: impl ShapeBuilder<Dim = D>, bound: f64) -> Array<F, D> {
    let shape = shape.into_shape_with_order();
    let real = |z: u64| (2.0 * ((z >> 40) as f64 / f64::from(1 << 24)) - 1.0) * bound;
    let numbers = bits(key).take(shape.size()).map(|z| F::from_f64(real(z))).collect();
    Array::from_shape_vec(shape, numbers).expect("one number was drawn for each element")
}

/// Classes below `count`.
#[must_use]
pub fn classes(key: &str, n: usize, count: u64) -> Array1<usize> {
    bits(key).take(n).map(|z| (z % count) as usize).collect()
}

/// Draws every parameter anew, under the names and shapes of the contract: weights within 1/√(fan in), biases zero, scales of a
/// normalization one.
pub fn parameters(name: &str, model: &mut dyn Module) {
    model.visit_mut(&mut |path, item| {
        if let ItemMut::Parameter(parameter) = item {
            let shape = parameter.shape().to_vec();
            let drawn: ArrayD<f32> = match &shape[..] {
                [_, inputs @ ..] if !inputs.is_empty() => {
                    let fan_in: usize = inputs.iter().product();
                    reals(&format!("{name}/{path}"), shape, (fan_in as f64).powf(-0.5))
                }
                _ if path.contains("bn") && path.ends_with("weight") => ArrayD::ones(shape),
                _ => ArrayD::zeros(shape),
            };
            parameter.value_mut().assign(&drawn);
        }
    });
}
