//! A recurrent layer over packed sequences.

use super::Recurrent;
use crate::cell::check_sequence;
use crate::{Cell, Error, PackedSequence, Result, pack_padded, pad_packed};

impl<C: Cell> Recurrent<C> {
    /// As [`Recurrent::forward_padded`], for sequences without their padding: packed outputs from packed inputs. The states are in
    /// the order in which the sequences were given to [`pack_padded`], whatever the order in the package.
    ///
    /// The result is that of each sequence by itself. The sweep is that of a padded batch: packing saves memory between
    /// layers, and work in what is done to each row of the [data](PackedSequence::data), not in here.
    ///
    /// # Examples
    /// ```
    /// use gradus_rnn_bptt::{Gru, Tape, pack_padded, pad_packed, ndarray::Array3};
    /// use rand::{SeedableRng, rngs::StdRng};
    /// let gru: Gru = Gru::new(3, 8, &mut StdRng::seed_from_u64(1));
    /// let x = Tape::inference().input(Array3::ones((5, 2, 3)));
    /// let (output, h_n) = gru.forward_packed(&pack_padded(&x, &[2, 5])?, None)?;
    /// assert_eq!((output.data().shape(), h_n.shape()), (&[7, 8][..], &[1, 2, 8][..]));
    /// let (padded, lengths) = pad_packed(&output, None)?;
    /// assert_eq!((padded.shape(), lengths), (&[5, 2, 8][..], vec![2, 5]));
    /// # Ok::<(), gradus_rnn_bptt::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Recurrent::forward_with`].
    #[track_caller]
    pub fn forward_packed(
        &self,
        packed: &PackedSequence<C::Float>,
        state: Option<&C::State>,
    ) -> Result<(PackedSequence<C::Float>, C::State)> {
        let (operation, cells, directions) = (C::NAME, self.cells.len(), self.directions());
        let Some(first) = self.cells.first().filter(|_| cells % directions == 0) else {
            return Err(Error::Layers { operation, cells, directions });
        };
        let (x, lengths) = pad_packed(packed, None)?;
        check_sequence(first, x.shape()).map_err(|error| error.of_input(packed.data().shape()))?;
        let (output, state) = self.sweep_in_time(x, None, Some(&lengths), state)?;
        Ok((pack_padded(&output, &lengths)?, state))
    }
}
