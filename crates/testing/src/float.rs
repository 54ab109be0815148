//! The two float types that golden data can be read as.

use std::fmt::{Debug, Display};

use crate::Tolerance;

/// A float type in which a crate under test computes: `f32` or `f64`.
///
/// It stands in for linalg's `Real`, which this crate, being further left, cannot name.
pub trait Float: Copy + Debug + Display + PartialEq + 'static {
    /// How close a result in this type must come to a reference in `f64`.
    const TOLERANCE: Tolerance;

    /// Rounds to this type.
    fn from_f64(x: f64) -> Self;

    /// Widens to `f64`, which loses nothing.
    fn to_f64(self) -> f64;
}

impl Float for f32 {
    const TOLERANCE: Tolerance = Tolerance::F32;

    fn from_f64(x: f64) -> Self {
        x as f32
    }

    fn to_f64(self) -> f64 {
        f64::from(self)
    }
}

impl Float for f64 {
    const TOLERANCE: Tolerance = Tolerance::F64;

    fn from_f64(x: f64) -> Self {
        x
    }

    fn to_f64(self) -> f64 {
        self
    }
}
