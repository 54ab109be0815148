//! The network that writes, left to itself.

use super::decoder::likeliest;
use super::{Attend, Decoder, DecoderState, DecoderStep, Encoded};
use crate::generate::{BeamSearch, Hypothesis};
use crate::{Cell, Error};
use gradus_autograd::Real;
use gradus_nn_layers::Result;

impl<C: Cell, A: Attend<C::Float>> Decoder<C, A> {
    /// What it writes if it takes the likeliest token each time, until `end`, which is left out, or at most so many tokens.
    ///
    /// # Errors
    /// As [`Decoder::step`]; [`Error::NotFinite`] for logits that are infinite or NaN.
    #[track_caller]
    pub fn greedy(
        &self,
        encoded: &Encoded<C::State>,
        start: usize,
        end: usize,
        max_len: usize,
    ) -> Result<Vec<Vec<usize>>> {
        let mut state = self.start(encoded)?;
        let sequences = encoded.memory.shape()[1];
        let (mut read, mut over) = (vec![start; sequences], vec![false; sequences]);
        let mut written = vec![Vec::new(); sequences];
        for _ in 0..max_len {
            let DecoderStep { logits, after, .. } = self.step(&read, &state, encoded)?;
            if let Some((place, x)) = logits.value().iter().enumerate().find(|(_, x)| !x.is_finite()) {
                let (place, value) = (place % self.head.out_features(), x.to_f64());
                return Err(Error::NotFinite { operation: "greedy", place, value }.into());
            }
            read = likeliest(&logits);
            for (n, &token) in read.iter().enumerate() {
                over[n] |= token == end;
                if !over[n] {
                    written[n].push(token);
                }
            }
            if over.iter().all(|&over| over) {
                break;
            }
            state = after;
        }
        Ok(written)
    }

    /// The likeliest targets of one source, by [`BeamSearch`]; `search.end` is their last token, unless they were cut off.
    ///
    /// # Errors
    /// [`Error::Setting`] for a source of more than one sequence, and as [`BeamSearch::search`] and [`Decoder::step`].
    #[track_caller]
    pub fn beam(
        &self,
        encoded: &Encoded<C::State>,
        start: usize,
        search: &BeamSearch,
    ) -> Result<Vec<Hypothesis<DecoderState<C::State>>>> {
        let begin = self.start(encoded)?;
        let sequences = encoded.memory.shape()[1];
        if sequences != 1 {
            let (operation, name, expected) = ("beam search", "batch", "one sequence at a time is searched for");
            return Err(Error::Setting { operation, name, value: sequences as f64, expected }.into());
        }
        search.search(begin, |tokens, state| {
            let DecoderStep { logits, after, .. } =
                self.step(&[tokens.last().copied().unwrap_or(start)], state, encoded)?;
            Ok((logits.value().iter().copied().collect::<Vec<C::Float>>(), after))
        })
    }
}
