//! Which step comes when: the two directions, and sequences of different lengths in one batch.

use crate::Result;
use crate::packed::check_lengths;
use ndarray::Slice;

/// The way in which a layer reads a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Direction {
    /// From the first step to the last.
    #[default]
    Forward,
    /// From the last step to the first. The output at `t` still stands at `t`, and the final state is that at the first.
    Reverse,
}

/// The order in which the steps of a batch of sequences are taken.
///
/// The sequences lie in an array of `steps` steps, each from its beginning on; what lies behind the end of a shorter one is padding.
/// A sweep goes over all steps, and a sequence takes part in it at its own steps.
pub(crate) struct Order {
    pub(crate) steps: usize,
    direction: Direction,
    lengths: Option<Box<[usize]>>,
}

impl Order {
    pub(crate) fn new(
        operation: &'static str,
        steps: usize,
        batch: usize,
        lengths: Option<&[usize]>,
        direction: Direction,
    ) -> Result<Self> {
        if let Some(lengths) = lengths {
            check_lengths(operation, lengths, steps, batch)?;
        }
        Ok(Self { steps, direction, lengths: lengths.map(Box::from) })
    }

    /// The times in the order in which the sweep comes by.
    pub(crate) fn times(&self) -> impl DoubleEndedIterator<Item = usize> + use<> {
        let (steps, direction) = (self.steps, self.direction);
        (0..steps).map(move |step| match direction {
            Direction::Forward => step,
            Direction::Reverse => steps - 1 - step,
        })
    }

    /// The time of a sequence's first step.
    pub(crate) fn first(&self, sequence: usize) -> usize {
        match self.direction {
            Direction::Forward => 0,
            Direction::Reverse => self.end(sequence),
        }
    }

    /// The time of a sequence's last step.
    pub(crate) fn last(&self, sequence: usize) -> usize {
        match self.direction {
            Direction::Forward => self.end(sequence),
            Direction::Reverse => 0,
        }
    }

    /// The largest time of a sequence, whatever the direction.
    fn end(&self, sequence: usize) -> usize {
        self.lengths.as_ref().map_or(self.steps, |lengths| lengths[sequence]) - 1
    }

    /// The sequences that are padding at this time.
    pub(crate) fn padding(&self, t: usize) -> impl Iterator<Item = usize> {
        let lengths = self.lengths.as_deref().unwrap_or(&[]);
        lengths.iter().enumerate().filter(move |&(_, &length)| length <= t).map(|(sequence, _)| sequence)
    }

    /// Whether a sequence is padding at this time.
    pub(crate) fn is_padding(&self, t: usize, sequence: usize) -> bool {
        self.lengths.as_ref().is_some_and(|lengths| lengths[sequence] <= t)
    }

    /// Whether there may be padding.
    pub(crate) fn is_padded(&self) -> bool {
        self.lengths.is_some()
    }

    /// The times of all steps of the sweep but its first, and the times of the steps before them.
    pub(crate) fn shifted(&self) -> (Slice, Slice) {
        let (head, tail) = (Slice::from(..self.steps - 1), Slice::from(1..));
        match self.direction {
            Direction::Forward => (tail, head),
            Direction::Reverse => (head, tail),
        }
    }
}
