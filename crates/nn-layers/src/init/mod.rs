//! Where training starts: the values that parameters are drawn from.
//!
//! A layer keeps the variance of what flows through it if its weights have a variance of about `1/fan`, the fan being the
//! number of terms in each sum: of inputs on the way forward, of outputs on the way back. Xavier's rule splits the
//! difference between the two, Kaiming's takes one of them and makes up for what the activation takes away.
//!
//! | function | draws | source |
//! | --- | --- | --- |
//! | [`constant`], [`zeros`], [`ones`], [`eye`], [`dirac`] | nothing | |
//! | [`uniform`], [`normal`], [`truncated_normal`] | from the distribution that they name | |
//! | [`xavier_uniform`], [`xavier_normal`] | variance `2 gain² / (fan_in + fan_out)` | Glorot & Bengio 2010 |
//! | [`kaiming_uniform`], [`kaiming_normal`] | variance `gain² / fan` | He et al. 2015 |
//! | [`lecun_uniform`], [`lecun_normal`] | variance `1 / fan_in` | LeCun et al. 1998 |
//! | [`orthogonal`] | orthonormal rows or columns | Saxe et al. 2014 |
//! | [`sparse`] | columns that are mostly 0 | Martens 2010 |
//!
//! All functions return plain arrays, which convert into a [`Parameter`](crate::Parameter) with `into()`, and draw in
//! `f64` in row-major order, so that an `f32` model starts from the rounded values of its `f64` twin.
//!
//! # Examples
//! ```
//! use gradus_nn_layers::{Linear, init, ndarray::Array1};
//! use rand::{SeedableRng, rngs::StdRng};
//!
//! let mut rng = StdRng::seed_from_u64(7);
//! let weight = init::kaiming_normal((128, 64), init::Fan::In, init::Nonlinearity::Relu, &mut rng)?;
//! let layer: Linear = Linear::from_parts(weight, Some(init::zeros(128).into()))?;
//! # assert_eq!(layer.in_features(), 64);
//! # let _: Array1<f32> = init::zeros(3);
//! # Ok::<(), gradus_nn_layers::Error>(())
//! ```
//!
//! # References
//! - X. Glorot, Y. Bengio, *Understanding the difficulty of training deep feedforward neural networks*, 2010
//! - K. He, X. Zhang, S. Ren, J. Sun, *Delving deep into rectifiers*, 2015, <https://arxiv.org/abs/1502.01852>

mod fans;
mod kaiming;
mod lecun;
mod nonlinearity;
mod orthogonal;
mod patterns;
mod plain;
mod truncated;
mod xavier;

use fans::per_root;
pub use fans::{Fans, fans};
pub use kaiming::{Fan, kaiming_bound, kaiming_normal, kaiming_std, kaiming_uniform};
pub use lecun::{lecun_normal, lecun_uniform};
pub use nonlinearity::Nonlinearity;
pub use orthogonal::orthogonal;
pub use patterns::{dirac, eye, sparse};
pub use plain::{constant, inverse_sqrt, normal, ones, uniform, uniform_between, zeros};
pub use truncated::truncated_normal;
pub use xavier::{xavier_bound, xavier_normal, xavier_std, xavier_uniform};

use crate::{Error, Result};

/// Refuses a hyper-parameter that fails its condition.
fn check(operation: &'static str, name: &'static str, value: f64, fits: bool, expected: &'static str) -> Result<()> {
    if fits { Ok(()) } else { Err(Error::HyperParameter { operation, name, value, expected }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array1, Array2};
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    #[test]
    fn samples_have_the_moments_they_should() {
        let mut rng = StdRng::seed_from_u64(3);
        let moments = |w: &Array2<f64>| {
            let mean = w.sum() / w.len() as f64;
            (mean, (w.mapv(|w| (w - mean).powi(2)).sum() / w.len() as f64).sqrt())
        };
        let shape = (300, 200);
        let relu = Nonlinearity::Relu;
        let drawn = [
            (uniform(shape, 0.6, &mut rng), 0.0, 0.6 / 3_f64.sqrt()),
            (normal(shape, 0.5, 2.0, &mut rng), 0.5, 2.0),
            (xavier_uniform(shape, 1.5, &mut rng).unwrap(), 0.0, 1.5 * (2.0 / 500_f64).sqrt()),
            (xavier_normal(shape, 1.5, &mut rng).unwrap(), 0.0, 1.5 * (2.0 / 500_f64).sqrt()),
            (kaiming_uniform(shape, Fan::In, relu, &mut rng).unwrap(), 0.0, 0.1),
            (kaiming_normal(shape, Fan::Out, relu, &mut rng).unwrap(), 0.0, (2.0 / 300_f64).sqrt()),
        ];
        for (i, (w, mean, std)) in drawn.iter().enumerate() {
            // 60,000 samples: the mean is right to std/245, the deviation to about 0.3 %; five times that is allowed.
            let (m, s) = moments(w);
            assert!((m - mean).abs() < 5.0 * std / 245.0, "{i}: mean {m}, expected {mean}");
            assert!((s / std - 1.0).abs() < 0.015, "{i}: deviation {s}, expected {std}");
        }
    }

    #[test]
    fn an_f32_model_starts_from_the_rounded_values_of_its_f64_twin() {
        let wide: Array1<f64> = normal(5, 0.0, 1.0, &mut StdRng::seed_from_u64(3));
        let narrow: Array1<f32> = normal(5, 0.0, 1.0, &mut StdRng::seed_from_u64(3));
        assert_eq!(narrow, wide.mapv(|x| x as f32));
    }

    #[test]
    fn bad_arguments_are_named() {
        assert_eq!(
            fans(&[5]).unwrap_err().to_string(),
            "fans: weight of shape [5]: fan-in and fan-out need at least two axes, (out, in, kernel…)"
        );
        let message = xavier_std(&[5, 5], f64::NAN).unwrap_err().to_string();
        assert_eq!(message, "xavier: gain = NaN: a finite number of at least 0 would fit");
    }

    #[test]
    fn weights_without_elements_are_no_trouble() {
        let w: Array2<f32> =
            kaiming_uniform((5, 0), Fan::In, Nonlinearity::Relu, &mut StdRng::seed_from_u64(3)).unwrap();
        assert_eq!(w.dim(), (5, 0));
        assert_eq!(inverse_sqrt(0), 0.0);
    }
}
