//! The inputs that each exercise is graded on, and what the library computes for them.
//!
//! Small inputs come first, since the first that is wrong is the one that a learner looks at: numbers to check by hand, then
//! sizes of 1, odd sizes, zeros, very large and very small numbers, and random draws. The draws are the same each time.

mod attention;
mod convolution;
mod draw;
mod norms;
mod optimization;
mod recurrent;
mod regularization;
mod training;

pub use attention::attention;
pub use convolution::{convolution, convolution_backward};
pub use norms::{l2_norm, lp_norm, regression_gradient};
pub use optimization::{adam, gradient_step};
pub use recurrent::{bptt, rnn_forward};
pub use regularization::dropout;
pub use training::{cross_entropy_gradient, linear_backward, softmax_backward};

use crate::grader::Fault;
use draw::Draw;
use gradus::autograd::{Gradients, Value, Var};
use gradus::ndarray::{ArrayRef, Dimension};

/// The gradient of a variable of the tape.
fn gradient<'g>(gradients: &'g Gradients<f64>, of: &Var<f64>) -> Result<&'g Value<f64>, Fault> {
    gradients.get(of).ok_or_else(|| Fault::Library("the library has no gradient for a variable".to_owned()))
}

/// `max |xᵢ|`
fn largest<D: Dimension>(x: &ArrayRef<f64, D>) -> f64 {
    gradus::linalg::max_norm(x)
}
