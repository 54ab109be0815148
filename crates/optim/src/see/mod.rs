//! Optimization made visible: paths over contour lines, the rate range test, slices of the loss, sharpness, each step in
//! numbers.
//!
//! All of it goes through the [`Optimizer`](crate::Optimizer) trait, so that any rule fits. Pictures are SVG text: write it to a file
//! and open it in a browser. What looks at a model leaves it as it was, bit for bit.
//!
//! | question | answer |
//! | --- | --- |
//! | which way does a rule take? | [`Trajectories`] over a function of [`surface`] |
//! | which learning rate? | [`RangeTest`] |
//! | how does the loss look around here? | [`Direction`], [`slice`](slice()), [`plane`] |
//! | how curved is it, and is the rate too high for that? | [`Sharpness`] |
//! | what did this step compute? | [`Explained`] |
//! | which optimizer learns fastest? | [`race`](crate::race) |

mod adam;
mod change;
mod explained;
mod keep;
mod landscape;
mod lines;
mod log;
mod normal;
mod range_test;
mod sharpness;
pub mod surface;
mod trajectories;

pub use crate::plot::contour;
pub use change::{Change, Remembered};
pub(crate) use change::{number, term};
pub use explained::{Explained, Explanation};
pub use landscape::{Direction, Plane, Slice, plane, slice};
pub use log::{StepLog, StepRow};
pub use range_test::{RangeCurve, RangeTest};
pub use sharpness::{Curvature, Sharpness, SharpnessCurve, SharpnessPoint};
pub use trajectories::{Trajectories, Walk};

pub(crate) use keep::item;
