//! Clipping that keeps count.

use crate::{Result, clip_global_norm, hyper};
use gradus_autograd::Gradients;
use gradus_linalg::Real;

/// [`clip_global_norm`] before every step, with a count of how often it cut.
///
/// The bound is right if it cuts seldom: one that cuts at every step has become the learning rate, one that never cuts
/// may as well be left out. The largest norm tells where to look.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Parameter, Tape, ndarray::array};
/// use gradus_optim::{Clipper, Optimizer, Sgd};
///
/// let mut w: Parameter<f64> = array![1.5, 2.0].into();
/// let (mut clipper, mut sgd) = (Clipper::new(1.0), Sgd::new(0.5));
/// for expected in [5.0, 4.0, 3.0] {
///     let mut gradients = Tape::recording().parameter(&w).square().sum().backward()?;
///     let norm = clipper.clip(&mut gradients)?; // of the gradient as it was
///     assert!((norm - expected).abs() < 1e-5);
///     sgd.step(&mut w, &gradients)?; // half a unit long, whatever the gradient
/// }
/// assert_eq!((clipper.steps(), clipper.clipped(), clipper.largest()), (3, 3, 5.0));
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Clipper {
    max_norm: f64,
    steps: u64,
    clipped: u64,
    largest: f64,
}

impl Clipper {
    /// A bound on the Euclidean norm of all gradients together.
    #[must_use]
    pub fn new(max_norm: f64) -> Self {
        Self { max_norm, steps: 0, clipped: 0, largest: 0.0 }
    }

    /// Clips the gradients of one step, and returns their norm before.
    ///
    /// # Errors
    /// As [`clip_global_norm`]; the step is not counted then.
    pub fn clip<F: Real>(&mut self, gradients: &mut Gradients<F>) -> Result<f64> {
        let norm = clip_global_norm(gradients, self.max_norm)?;
        self.steps += 1;
        self.clipped += u64::from(norm > self.max_norm);
        self.largest = self.largest.max(norm);
        Ok(norm)
    }

    /// The steps so far.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The steps among them whose gradients were longer than the bound.
    #[must_use]
    pub fn clipped(&self) -> u64 {
        self.clipped
    }

    /// The share of the steps that were clipped; 0 before the first.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.clipped as f64 / self.steps.max(1) as f64
    }

    /// The largest norm before clipping; 0 before the first step.
    #[must_use]
    pub fn largest(&self) -> f64 {
        self.largest
    }

    /// Checks the bound, as a training loop does before the first batch.
    ///
    /// # Errors
    /// [`Error::HyperParameter`](crate::Error::HyperParameter) if it is negative or not finite.
    pub fn validate(&self) -> Result<()> {
        hyper::not_negative("clipper", "max_norm", self.max_norm)
    }
}
