//! A sequence step by step on the tape, which differentiates the steps by itself.

use super::{Cell, Sweep, check_input, check_mask};
use crate::bptt::{Order, check_symbols};
use crate::{Result, State};
use gradus_autograd::{Error as AutogradError, Var, choose, stack};
use ndarray::{Array2, Array3};

/// A cell over a whole sequence, each step a handful of entries on the tape: back-propagation through time without a line
/// about it. It is the sweep of a cell that has none of its own, and the judge of those that have.
///
/// # Shapes
/// `x (T, N, input_size)` or, with [symbols](Sweep::symbols), `(symbols, input_size)`; states `(N, size)`, outputs `(T, N, output_size)`
///
/// # Examples
/// ```
/// use gradus_rnn_bptt::{Cell, RnnCell, Sweep, Tape, unroll, ndarray::Array3};
/// use rand::{SeedableRng, rngs::StdRng};
/// let cell: RnnCell<f64> = RnnCell::new(3, 5, &mut StdRng::seed_from_u64(1));
/// let x = Tape::recording().input(Array3::ones((7, 2, 3)));
/// let (outputs, last) = unroll(&cell, &x, None, &Sweep::default())?;
/// assert_eq!(outputs.select(0, 6)?.value(), last.value());
/// # Ok::<(), gradus_rnn_bptt::Error>(())
/// ```
///
/// # Errors
/// As [`Cell::sweep`].
#[track_caller]
pub fn unroll<C: Cell>(
    cell: &C,
    x: &Var<C::Float>,
    state: Option<&C::State>,
    how: &Sweep<'_, C::Float>,
) -> Result<(Var<C::Float>, C::State)> {
    let operation = C::NAME;
    let (steps, batch) = check_input(cell, x.shape(), how.symbols)?;
    if let Some(symbols) = how.symbols {
        check_symbols(operation, x.shape(), symbols)?;
        let rows = x.index_select(0, &symbols.iter().copied().collect::<Vec<_>>())?;
        let rows = rows.reshape(&[steps, batch, cell.input_size()])?;
        return unroll(cell, &rows, state, &Sweep { symbols: None, ..how.clone() });
    }
    check_mask(operation, how.mask, batch, cell.output_size())?;
    let mut state = state.cloned().unwrap_or_else(|| cell.zero_state(x.tape(), batch));
    if state.parts().into_iter().chain(how.mask).any(|other| !other.tape().is(x.tape())) {
        return Err(AutogradError::ForeignVar { operation }.into());
    }
    let order = Order::new(operation, steps, batch, how.lengths, how.direction)?;
    let x = if order.is_padded() {
        // NaN in the padding times a gradient of 0 would be NaN.
        let mut padding = Array3::from_elem((steps, batch, 1), false);
        for t in 0..steps {
            order.padding(t).for_each(|sequence| padding[[t, sequence, 0]] = true);
        }
        x.masked_fill(&padding, 0.0)?
    } else {
        x.clone()
    };

    let mut outputs = vec![None; steps];
    for t in order.times() {
        let x = x.select(0, t)?;
        let after = match how.mask {
            Some(mask) => cell.step_masked(&x, &state, mask)?,
            None => cell.step(&x, &state)?,
        };
        let mut padding = Array2::from_elem((batch, 1), false);
        order.padding(t).for_each(|sequence| padding[[sequence, 0]] = true);
        if padding.iter().any(|&padding| padding) {
            outputs[t] = Some(after.hidden().masked_fill(&padding, 0.0)?);
            // A sequence that has not begun, or is over, stays in its state.
            let mut before = state.parts().into_iter();
            state = after.try_mapped(|after| {
                let before = before.next().expect("two states of one cell have as many arrays");
                choose(&padding, before, after)
            })?;
        } else {
            outputs[t] = Some(after.hidden().clone());
            state = after;
        }
    }
    Ok((stack(0, &outputs.iter().flatten().collect::<Vec<_>>())?, state))
}
