//! What a recurrent layer makes of a shape.

use super::Recurrent;
use crate::{Cell, Result};
use gradus_nn_layers::Description;

/// The name of a layer in reports: that of its type, for the cells of this crate.
pub(super) fn kind<C: Cell>() -> &'static str {
    match C::NAME {
        "rnn" => "Rnn",
        "lstm" => "Lstm",
        "gru" => "Gru",
        "layer_norm_rnn" => "LayerNormRnn",
        "layer_norm_lstm" => "LayerNormLstm",
        "layer_norm_gru" => "LayerNormGru",
        other => other,
    }
}

impl<C: Cell> Recurrent<C> {
    /// Sizes and costs for an input of this shape, one part for each layer: both directions of a layer are one.
    ///
    /// Products are counted for all steps, as of sequences without padding. Bytes are those of what the steps make and keep, of the
    /// outputs of two directions side by side, and of the last states.
    pub(super) fn description(&self, input: &[usize]) -> Result<Description> {
        let (steps, batch) = self.check(input)?;
        let of_axes = |features: usize| match self.batch_first {
            true => [batch, steps, features],
            false => [steps, batch, features],
        };
        let mut parts: Vec<Description> = Vec::new();
        for cells in self.cells.chunks(self.directions()) {
            let sum = |number: fn(&C) -> u64| cells.iter().map(number).fold(0, u64::saturating_add);
            let width = cells.iter().map(Cell::output_size).sum();
            let states = sum(|cell| cell.state_sizes().iter().sum::<usize>() as u64);
            let copied = if cells.len() > 1 { width as u64 } else { 0 };
            let each_step = sum(|cell| cell.activations() as u64).saturating_add(copied);
            let sequences = batch as u64;
            let times = |number: u64| number.saturating_mul(sequences).saturating_mul(steps as u64);
            let numbers = times(each_step).saturating_add(states.saturating_mul(sequences));
            let mut part = Description::of(&cells[0], kind::<C>(), &of_axes(width))
                .multiply_adds(times(sum(Cell::multiply_adds)))
                .activation_bytes(numbers.saturating_mul(size_of::<C::Float>() as u64));
            for cell in &cells[1..] {
                part.parameters += cell.count_parameters();
                part.trainable += cell.count_trainable();
            }
            parts.push(part);
        }
        if parts.len() == 1 {
            return Ok(parts.remove(0));
        }
        let mut whole =
            Description::of(self, kind::<C>(), &parts.last().map_or(Vec::new(), |part| part.output.clone()));
        let all = |number: fn(&Description) -> u64| parts.iter().map(number).fold(0, u64::saturating_add);
        whole = whole.multiply_adds(all(|part| part.multiply_adds.unwrap_or(0)));
        whole = whole.activation_bytes(all(|part| part.activation_bytes));
        whole.parts = parts.into_iter().enumerate().map(|(layer, part)| (format!("l{layer}"), part)).collect();
        Ok(whole)
    }
}
