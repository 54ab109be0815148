//! Which step comes when: the two directions, and sequences of different lengths in one batch.

use crate::Result;
use crate::packed::check_lengths;
use std::ops::Range;

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

    /// The time of the step that the sweep takes before this one.
    pub(crate) fn before(&self, t: usize) -> Option<usize> {
        match self.direction {
            Direction::Forward => t.checked_sub(1),
            Direction::Reverse => Some(t + 1).filter(|&before| before < self.steps),
        }
    }

    /// The time of the step that the sweep takes after this one.
    pub(crate) fn after(&self, t: usize) -> Option<usize> {
        match self.direction {
            Direction::Forward => Some(t + 1).filter(|&after| after < self.steps),
            Direction::Reverse => t.checked_sub(1),
        }
    }

    /// Of these times those that some step of the sweep comes before, and the times of the steps before them.
    pub(crate) fn shifted(&self, times: &Range<usize>) -> (Range<usize>, Range<usize>) {
        let (start, end) = (times.start, times.end);
        match self.direction {
            Direction::Forward => (start.max(1)..end, start.max(1) - 1..end - 1),
            Direction::Reverse => (start..end.min(self.steps - 1), start + 1..(end + 1).min(self.steps)),
        }
    }

    /// Pieces of so many times, that of the sweep's last steps first, and in each the last step first.
    pub(crate) fn pieces_back(&self, each: usize) -> impl Iterator<Item = Piece> + use<> {
        let (steps, direction) = (self.steps, self.direction);
        (0..steps).step_by(each).map(move |start| {
            let end = start.saturating_add(each).min(steps);
            let times = match direction {
                Direction::Forward => steps - end..steps - start,
                Direction::Reverse => start..end,
            };
            Piece { times, direction }
        })
    }
}

/// Consecutive steps of a backward sweep.
pub(crate) struct Piece {
    pub(crate) times: Range<usize>,
    direction: Direction,
}

impl Piece {
    /// The time that the sweep takes last.
    pub(crate) fn last(&self) -> usize {
        match self.direction {
            Direction::Forward => self.times.end - 1,
            Direction::Reverse => self.times.start,
        }
    }

    /// The times, the sweep's last first.
    pub(crate) fn back(&self) -> impl Iterator<Item = usize> + use<> {
        let (times, direction) = (self.times.clone(), self.direction);
        (0..times.len()).map(move |step| match direction {
            Direction::Forward => times.end - 1 - step,
            Direction::Reverse => times.start + step,
        })
    }
}
