//! The cell that learns in these tests.

use gradus_rnn_bptt::{LstmCell, Real};
use rand::Rng;

/// An LSTM that remembers at first: its forget gates begin open.
pub(crate) fn lstm<F: Real>(input_size: usize, units: usize, rng: &mut (impl Rng + ?Sized)) -> LstmCell<F> {
    let mut cell = LstmCell::new(input_size, units, rng);
    for bias in cell.bias_ih.iter_mut().chain(&mut cell.bias_hh) {
        bias.value_mut().fill(F::zero());
    }
    if let Some(bias) = &mut cell.bias_ih {
        bias.value_mut().iter_mut().skip(units).take(units).for_each(|b| *b = F::one());
    }
    cell
}
