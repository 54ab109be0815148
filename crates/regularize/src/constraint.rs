//! Constraints on the parameters: projections to be applied after the optimizer's step.
//!
//! A penalty pulls; a constraint holds. After a step that has left the allowed set, the parameter goes to the nearest point of it.
//!
//! ```
//! use gradus_nn_layers::{Layer, Linear, Tape, ndarray::{Axis, array}};
//! use gradus_optim::{Optimizer, Sgd};
//! use gradus_regularize::{Constraint, penalty::all_but_biases};
//! use rand::{SeedableRng, rngs::StdRng};
//!
//! let mut model: Linear = Linear::new(2, 3, &mut StdRng::seed_from_u64(7));
//! let mut sgd = Sgd::new(0.5);
//! for _ in 0..20 {
//!     let loss = model.forward(&Tape::recording().input(array![[3.0, -2.0]]))?.add_scalar(-9.0).square().mean();
//!     sgd.step(&mut model, &loss.backward()?)?;
//!     Constraint::MaxNorm(1.0).project(&mut model, all_but_biases)?;
//! }
//! let norms = model.weight.value().map_axis(Axis(1), |w| w.dot(&w).sqrt());
//! assert!(norms.iter().all(|norm| *norm < 1.0 + 1e-6));
//! # Ok::<(), gradus_nn_layers::Error>(())
//! ```

use crate::error::hold;
use crate::{Error, Result};
use gradus_linalg::Real;
use gradus_linalg::elementwise::map_in_place;
use gradus_nn_layers::{ItemMut, Module, Parameter};
use ndarray::{ArrayRef, Axis, Dimension, IxDyn};

/// A set that parameters are to stay in.
///
/// | set | the nearest point of it |
/// | --- | --- |
/// | `MaxNorm(c)`: each row `‖wᵢ‖₂ ≤ c` | `wᵢ · min(1, c/‖wᵢ‖₂)`, a row being the weights into one unit: all that share an index of the first axis |
/// | `L2Ball(r)`: `‖w‖₂ ≤ r` | `w · min(1, r/‖w‖₂)`, for the parameter as a whole |
/// | `L1Ball(r)`: `‖w‖₁ ≤ r` | `sign(w) max(abs w − θ, 0)`, with the `θ` for which the norm is `r` |
/// | `MaxBall(r)`: `‖w‖∞ ≤ r` | `w` clipped to `−r … r` |
/// | `NonNegative` | `max(w, 0)` |
///
/// What is in the set stays as it is, bit for bit.
///
/// # References
/// - N. Srivastava et al., *Dropout*, JMLR 15, 2014, section 5.1 (max-norm), <https://jmlr.org/papers/v15/srivastava14a.html>
/// - J. Duchi, S. Shalev-Shwartz, Y. Singer, T. Chandra, *Efficient projections onto the l1-ball for learning in high dimensions*, ICML 2008,
///   <https://doi.org/10.1145/1390156.1390191>
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Constraint {
    /// Each row's Euclidean norm is at most this: rows share an index of the first axis.
    MaxNorm(f64),
    /// The parameter's Euclidean norm is at most this.
    L2Ball(f64),
    /// The sum of absolute values is at most this.
    L1Ball(f64),
    /// No absolute value is above this.
    MaxBall(f64),
    /// No number is below 0.
    NonNegative,
}

const OPERATION: &str = "constraint";

impl Constraint {
    /// Puts every trainable parameter whose name `which` picks where the constraint allows, the shortest way.
    ///
    /// # Errors
    /// [`Error::HyperParameter`] if the radius is negative or not finite; [`Error::NothingPicked`]. The model is then as it was.
    pub fn project<F: Real>(self, model: &mut dyn Module<F>, which: impl Fn(&str) -> bool) -> Result<()> {
        if let Self::MaxNorm(radius) | Self::L2Ball(radius) | Self::L1Ball(radius) | Self::MaxBall(radius) = self {
            let fits = radius.is_finite() && radius >= 0.0;
            hold(fits, OPERATION, "radius", radius, "finite and not negative")?;
        }
        let (mut picked, mut names) = (false, Vec::new());
        model.visit_mut(&mut |name, item| match item {
            ItemMut::Parameter(parameter) if parameter.is_trainable() => {
                if which(name) {
                    picked = true;
                    self.project_one(parameter);
                } else if !picked {
                    names.push(name.to_owned());
                }
            }
            _ => {}
        });
        if picked { Ok(()) } else { Err(Error::NothingPicked { operation: OPERATION, names }) }
    }

    fn project_one<F: Real>(self, parameter: &mut Parameter<F>) {
        let inside = match self {
            Self::MaxNorm(_) => false,
            Self::L2Ball(r) => l2(parameter.value()) <= r,
            Self::L1Ball(r) => parameter.value().iter().map(|w| w.to_f64().abs()).sum::<f64>() <= r,
            Self::MaxBall(r) => parameter.value().iter().all(|w| w.to_f64().abs() <= r),
            Self::NonNegative => parameter.value().iter().all(|w| *w >= F::zero()),
        };
        if inside {
            return; // memory that others share is not copied
        }
        let w = parameter.value_mut();
        match self {
            Self::MaxNorm(r) if w.ndim() == 0 => shrink(w, r),
            Self::MaxNorm(r) => w.axis_iter_mut(Axis(0)).for_each(|mut row| shrink(&mut row, r)),
            Self::L2Ball(r) => shrink(w, r),
            Self::L1Ball(r) => {
                let threshold = F::from_f64(threshold(w, r));
                map_in_place(w, |w| {
                    let rest = w.abs() - threshold;
                    if rest <= F::zero() {
                        F::zero()
                    } else if w < F::zero() {
                        -rest
                    } else {
                        rest
                    }
                });
            }
            Self::MaxBall(r) => {
                let r = F::from_f64(r);
                map_in_place(w, |w| {
                    if w > r {
                        r
                    } else if w < -r {
                        -r
                    } else {
                        w
                    }
                });
            }
            Self::NonNegative => map_in_place(w, |w| if w < F::zero() { F::zero() } else { w }),
        }
    }
}

fn l2<F: Real, D: Dimension>(w: &ArrayRef<F, D>) -> f64 {
    w.iter().map(|w| w.to_f64().powi(2)).sum::<f64>().sqrt()
}

fn shrink<F: Real>(w: &mut ArrayRef<F, IxDyn>, radius: f64) {
    let norm = l2(w);
    if norm > radius {
        let factor = F::from_f64(radius / norm);
        w.iter_mut().for_each(|w| *w *= factor);
    }
}

/// The `θ` for which `Σ max(|w| − θ, 0)` is the radius: the largest are walked from above until the rest would be cut off.
fn threshold<F: Real>(w: &ArrayRef<F, IxDyn>, radius: f64) -> f64 {
    let mut sizes: Vec<f64> = w.iter().map(|w| w.to_f64().abs()).collect();
    sizes.sort_unstable_by(|a, b| b.total_cmp(a));
    let (mut sum, mut threshold) = (0.0, 0.0);
    for (i, &size) in sizes.iter().enumerate() {
        sum += size;
        let candidate = (sum - radius) / (i + 1) as f64;
        if size <= candidate {
            break;
        }
        threshold = candidate;
    }
    threshold
}
