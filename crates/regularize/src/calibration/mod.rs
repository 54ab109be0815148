//! Calibration: of the predictions made with confidence 0.8, are 80 % right?
//!
//! | item | tells |
//! | --- | --- |
//! | [`Reliability`] | accuracy beside confidence, bin by bin, as data and as a picture; the expected and the largest calibration error |
//! | [`classwise_error`] | the same for the probability of every class, not of the predicted one alone |
//! | [`Temperature`] | one number that brings logits to the right confidence, and changes no prediction |
//!
//! ```
//! use gradus_nn_layers::ndarray::array;
//! use gradus_regularize::calibration::{Bins, Reliability, Temperature};
//!
//! // Always 0.98 sure, and right three times in four.
//! let logits = array![[4.0, 0.0], [4.0, 0.0], [0.0, 4.0], [0.0, 4.0]];
//! let labels = array![0, 0, 1, 0];
//! let temperature = Temperature::fit(&logits, &labels)?;
//! assert!((temperature.value - 4.0 / 3_f64.ln()).abs() < 1e-9); // so that e^(4/T) = 3: three to one
//! let before = Reliability::of(&temperature.with(1.0).probabilities(&logits)?, &labels, Bins::EqualWidth(10))?;
//! let after = Reliability::of(&temperature.probabilities(&logits)?, &labels, Bins::EqualWidth(10))?;
//! assert!(before.expected_error() > 0.2 && after.expected_error() < 1e-9);
//! # Ok::<(), gradus_regularize::Error>(())
//! ```
//!
//! # References
//! - C. Guo, G. Pleiss, Y. Sun, K. Weinberger, *On calibration of modern neural networks*, ICML 2017, <https://arxiv.org/abs/1706.04599>
//! - A. Niculescu-Mizil, R. Caruana, *Predicting good probabilities with supervised learning*, ICML 2005,
//!   <https://doi.org/10.1145/1102351.1102430>
//! - J. Nixon, M. Dusenberry, L. Zhang, G. Jerfel, D. Tran, *Measuring calibration in deep learning*, 2019,
//!   <https://arxiv.org/abs/1904.01685> (classwise, bins of equal mass)

mod bins;
mod picture;
mod temperature;

pub use bins::{Bin, Bins, Reliability, classwise_error};
pub use temperature::Temperature;

use crate::{Error, Result};
use gradus_linalg::Real;
use ndarray::{ArrayRef1, ArrayRef2};

/// Refuses rows and labels that do not belong together.
fn check<F: Real>(operation: &'static str, rows: &ArrayRef2<F>, labels: &ArrayRef1<usize>) -> Result<()> {
    if rows.nrows() != labels.len() {
        let (left, right) = (rows.shape().to_vec(), labels.shape().to_vec());
        return Err(Error::Lengths { operation, left, right, expected: "each row (N, K) needs a label (N,)" });
    }
    if labels.is_empty() {
        return Err(Error::Nothing { operation, what: "samples" });
    }
    let classes = rows.ncols();
    match labels.iter().enumerate().find(|(_, label)| **label >= classes) {
        Some((position, &label)) => Err(Error::Label { operation, label, position, classes }),
        None => Ok(()),
    }
}
