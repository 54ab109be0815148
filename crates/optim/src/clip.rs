//! Gradients held within bounds.

use crate::{Error, Result, hyper};
use gradus_autograd::Gradients;
use gradus_linalg::simd::vectorized;
use gradus_linalg::{Real, elementwise};

/// Scales all gradients together so that their Euclidean norm, taken as one vector, is at most `max_norm`. Returns the
/// norm before.
///
/// ```text
/// g ← g · min(1, max_norm / (‖g‖ + 1e-6))
/// ```
///
/// The direction stays; only a step that is too long becomes shorter. Exploding gradients, of recurrent networks above
/// all, do no harm then. The 1e-6 is PyTorch's.
///
/// # Errors
/// [`Error::HyperParameter`] if `max_norm` is negative or not finite; [`Error::NonFiniteNorm`] if the norm is not
/// finite, with the gradients as they were.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Parameter, Tape, ndarray::array};
/// use gradus_optim::clip_global_norm;
/// let w: Parameter<f64> = array![1.5, 2.0].into();
/// let mut gradients = Tape::recording().parameter(&w).square().sum().backward()?;
/// assert_eq!(clip_global_norm(&mut gradients, 1.0)?, 5.0); // the gradient was (3, 4)
/// assert!((gradients.norm() - 1.0).abs() < 1e-6);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// R. Pascanu, T. Mikolov, Y. Bengio, *On the difficulty of training recurrent neural networks*, ICML 2013, Algorithm 1,
/// <https://arxiv.org/abs/1211.5063>
pub fn clip_global_norm<F: Real>(gradients: &mut Gradients<F>, max_norm: f64) -> Result<f64> {
    clip("clip_global_norm", gradients, max_norm, 2.0)
}

/// As [`clip_global_norm`], with the norm of order `p`: 1, 2, any number of at least 1, or infinity for the largest
/// absolute value.
///
/// # Errors
/// As [`clip_global_norm`], and [`Error::HyperParameter`] if `p` is less than 1 or NaN.
pub fn clip_norm<F: Real>(gradients: &mut Gradients<F>, max_norm: f64, p: f64) -> Result<f64> {
    hyper::hold(p >= 1.0, "clip_norm", "p", p, "at least 1, or infinite")?;
    clip("clip_norm", gradients, max_norm, p)
}

/// Cuts every number of every gradient to the range from `−limit` to `limit`.
///
/// This turns the direction of the step; [`clip_global_norm`] does not. NaN stays NaN.
///
/// # Errors
/// [`Error::HyperParameter`] if `limit` is negative or not finite.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Parameter, Tape, ndarray::array};
/// use gradus_optim::clip_value;
/// let w: Parameter = array![1.5, -0.25].into();
/// let mut gradients = Tape::recording().parameter(&w).square().sum().backward()?;
/// clip_value(&mut gradients, 1.0)?;
/// assert_eq!(gradients.get(&w).unwrap(), &array![1.0, -0.5]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
pub fn clip_value<F: Real>(gradients: &mut Gradients<F>, limit: f64) -> Result<()> {
    hyper::not_negative("clip_value", "limit", limit)?;
    let limit = F::from_f64(limit);
    for (_, gradient) in gradients.iter_mut() {
        elementwise::map_in_place(gradient, |g| {
            if g > limit {
                limit
            } else if g < -limit {
                -limit
            } else {
                g
            }
        });
    }
    Ok(())
}

fn clip<F: Real>(operation: &'static str, gradients: &mut Gradients<F>, max_norm: f64, p: f64) -> Result<f64> {
    hyper::not_negative(operation, "max_norm", max_norm)?;
    let norm = norm(gradients, p);
    if !norm.is_finite() {
        return Err(Error::NonFiniteNorm { operation, norm });
    }
    let factor = max_norm / (norm + 1e-6);
    if factor < 1.0 {
        gradients.scale(factor);
    }
    Ok(norm)
}

/// The norm of order `p` of all gradients as one vector.
fn norm<F: Real>(gradients: &Gradients<F>, p: f64) -> f64 {
    let all = gradients.iter().map(|(_, gradient)| gradient);
    if p == 2.0 {
        all.map(|g| fold(g, |g| g * g, |a, b| a + b)).sum::<f64>().sqrt()
    } else if p == 1.0 {
        all.map(|g| fold(g, f64::abs, |a, b| a + b)).sum()
    } else if p == f64::INFINITY {
        // `maximum` keeps a NaN, which `max` would drop.
        all.map(|g| fold(g, f64::abs, Real::maximum)).fold(0.0, Real::maximum)
    } else {
        all.map(|g| fold(g, |g| g.abs().powf(p), |a, b| a + b)).sum::<f64>().powf(p.recip())
    }
}

/// `f` of every number, joined in 16 chains whose order depends on nothing but the length. Squares of f32 are summed in
/// f64, where they neither overflow nor vanish.
fn fold<F: Real>(gradient: &gradus_autograd::Value<F>, f: impl Fn(f64) -> f64, join: impl Fn(f64, f64) -> f64) -> f64 {
    let Some(gradient) = gradient.as_slice_memory_order() else {
        return gradient.iter().fold(0.0, |sum, g| join(sum, f(g.to_f64())));
    };
    vectorized(
        #[inline(always)]
        || {
            let mut lanes = [0.0; 16];
            let chunks = gradient.chunks_exact(16);
            let rest = chunks.remainder();
            for chunk in chunks {
                for (lane, g) in lanes.iter_mut().zip(chunk) {
                    *lane = join(*lane, f(g.to_f64()));
                }
            }
            for (lane, g) in lanes.iter_mut().zip(rest) {
                *lane = join(*lane, f(g.to_f64()));
            }
            lanes.into_iter().fold(0.0, join)
        },
    )
}
