//! What lies past the ends of sequences, and losses that leave it out.

use crate::packed::check_lengths;
use crate::{Error, Result};
use gradus_autograd::{Real, Var};
use ndarray::{Array2, ArrayD, IxDyn};

/// Where sequences of these lengths, of a batch of so many steps, are padding: true there. With the batch first it is the
/// transpose, `padding_mask(…)?.reversed_axes()`.
///
/// # Shapes
/// `(steps, N)` for `N` lengths
///
/// # Examples
/// ```
/// use gradus_rnn_bptt::{ndarray::array, padding_mask};
/// assert_eq!(padding_mask(&[1, 3], 3)?, array![[false, false], [true, false], [true, false]]);
/// # Ok::<(), gradus_rnn_bptt::Error>(())
/// ```
///
/// # Errors
/// [`Error::Length`] for a length of 0 or of more than the steps.
pub fn padding_mask(lengths: &[usize], steps: usize) -> Result<Array2<bool>> {
    check_lengths("padding_mask", lengths, steps, lengths.len())?;
    Ok(Array2::from_shape_fn((steps, lengths.len()), |(t, sequence)| t >= lengths[sequence]))
}

/// The mean over the real steps of a batch of sequences, the padding left out: a loss that is the same with and without padding.
///
/// ```text
/// L = Σₙ Σₜ lₜₙ / Σₙ lengthₙ  over t < lengthₙ        dlₜₙ = dL / Σₙ lengthₙ for t < lengthₙ, else 0
/// ```
///
/// A mean over all places would count the padding, and be smaller the more of it there is. Each real step counts alike, so
/// that a long sequence counts for more than a short one. What the padding holds, be it NaN, has no influence.
///
/// A loss of single steps comes from one without reduction, or elementwise. For class labels, padding that bears the label of
/// [`CrossEntropy::ignore_index`](gradus_nn_layers::CrossEntropy::ignore_index) does the same; for anything else, so does the loss of
/// [packed](crate::PackedSequence) data.
///
/// # Shapes
/// `losses (T, N, …)`, `N` lengths from 1 to `T`; further axes are averaged over, too
///
/// # Examples
/// ```
/// use gradus_rnn_bptt::{Tape, masked_mean, ndarray::array};
/// let losses = Tape::recording().variable(array![[1.0, 2.0], [f64::NAN, 6.0]]);
/// let mean = masked_mean(&losses, &[1, 2])?;
/// assert_eq!(mean.item(), Some(3.0));
/// let third = 1.0 / 3.0;
/// assert_eq!(mean.backward()?.get(&losses).unwrap(), &array![[third, third], [0.0, third]]);
/// # Ok::<(), gradus_rnn_bptt::Error>(())
/// ```
///
/// # Errors
/// [`Error::InputRank`], [`Error::Lengths`] or [`Error::Length`] if losses and lengths do not go together, [`Error::NoSteps`] if there
/// is nothing to take a mean of.
#[track_caller]
pub fn masked_mean<F: Real>(losses: &Var<F>, lengths: &[usize]) -> Result<Var<F>> {
    let operation = "masked_mean";
    let shape = losses.shape();
    let &[steps, batch, ref others @ ..] = shape else {
        return Err(Error::InputRank { operation, found: shape.to_vec(), expected: "(time, batch)" });
    };
    check_lengths(operation, lengths, steps, batch)?;
    let count = lengths.iter().sum::<usize>() * others.iter().product::<usize>();
    if count == 0 {
        return Err(Error::NoSteps { operation, found: shape.to_vec() });
    }
    let mut mask_shape = vec![1; shape.len()];
    (mask_shape[0], mask_shape[1]) = (steps, batch);
    let mask = ArrayD::from_shape_fn(IxDyn(&mask_shape), |at| at[0] >= lengths[at[1]]);
    Ok(losses.masked_fill(&mask, 0.0)?.sum().mul_scalar(F::from_f64(1.0 / count as f64)))
}
