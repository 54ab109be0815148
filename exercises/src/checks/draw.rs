//! Random arrays.

use gradus::ndarray::{Array, IntoDimension};
use gradus::rand::rngs::StdRng;
use gradus::rand::{RngExt, SeedableRng};

/// Draws numbers, the same from the same seed.
pub(super) struct Draw(StdRng);

impl Draw {
    pub(super) fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// An array of numbers between −1 and 1.
    pub(super) fn array<S: IntoDimension>(&mut self, shape: S) -> Array<f64, S::Dim> {
        Array::from_shape_simple_fn(shape.into_dimension(), || self.0.random_range(-1.0..1.0))
    }

    /// A number between the two.
    pub(super) fn number(&mut self, low: f64, high: f64) -> f64 {
        self.0.random_range(low..high)
    }

    /// A whole number from 0 to `below` − 1.
    pub(super) fn index(&mut self, below: usize) -> usize {
        self.0.random_range(0..below)
    }
}
