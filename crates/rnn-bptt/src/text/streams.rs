//! A long text, read by several readers at once, piece after piece.

use crate::{Error, Result};
use ndarray::{Array2, Axis};

/// A text as the batches of truncated back-propagation through time.
///
/// The text is cut into `N` streams of equal length, one for each sequence of the batch, and the streams into pieces of
/// `k` steps. A piece goes on where the one before ended, so that the state is carried from piece to piece, and cut off
/// from the gradient. Targets are the inputs shifted by one:
///
/// ```text
/// abcdefghijklm, N = 2, k = 4        inputs  abcd  ef      targets  bcde  fg
///                                            ghij  kl               hijk  lm
/// ```
///
/// Every character is an input once and in its order, but for the last, which has no next one, and the less than `N`
/// before it that would make one stream longer than the others; [`Streams::unused`] counts these. The last piece may be
/// shorter than `k`.
///
/// # Examples
/// ```
/// use gradus_rnn_bptt::ndarray::array;
/// use gradus_rnn_bptt::text::{Streams, Vocabulary};
/// let text = "abcdefghijklm";
/// let tokens = Vocabulary::of(text)?.encode(text)?;
/// let streams = Streams::new(&tokens, 2, 4)?;
/// let pieces: Vec<_> = streams.iter().collect();
/// assert_eq!(pieces.len(), 2);
/// assert_eq!(pieces[0].inputs, array![[0, 6], [1, 7], [2, 8], [3, 9]]); // (time, batch)
/// assert_eq!(pieces[1].targets, array![[5, 11], [6, 12]]);
/// # Ok::<(), gradus_rnn_bptt::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Streams {
    /// One stream a row, of inputs and a last target.
    rows: Array2<usize>,
    k: usize,
    unused: usize,
}

/// A piece of all streams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// What the model reads, `(T, N)`.
    pub inputs: Array2<usize>,
    /// The next character of each, `(T, N)`.
    pub targets: Array2<usize>,
}

impl Streams {
    /// `batch` streams of these tokens in pieces of `k` steps.
    ///
    /// # Errors
    /// [`Error::Setting`] for a batch or a `k` of 0; [`Error::ShortText`] for a text that has not one step for each stream.
    pub fn new(tokens: &[usize], batch: usize, k: usize) -> Result<Self> {
        let operation = "streams";
        Error::at_least(1, operation, "batch", batch, "at least 1 sequence would fit")?;
        Error::at_least(1, operation, "k", k, "a piece has at least 1 step")?;
        let steps = tokens.len().saturating_sub(1) / batch;
        if steps == 0 {
            return Err(Error::ShortText { operation, length: tokens.len(), batch });
        }
        // A stream's last target is the first input of the next stream.
        let rows = Array2::from_shape_fn((batch, steps + 1), |(n, t)| tokens[n * steps + t]);
        Ok(Self { rows, k, unused: tokens.len() - 1 - batch * steps })
    }

    /// The pieces, from the beginning of the streams to their end.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Piece> + '_ {
        let steps = self.steps();
        let piece = move |place: usize| {
            let (from, to) = (place * self.k, steps.min(place.saturating_add(1).saturating_mul(self.k)));
            let part = |from: usize, to: usize| {
                self.rows.slice_axis(Axis(1), (from..to).into()).reversed_axes().as_standard_layout().into_owned()
            };
            Piece { inputs: part(from, to), targets: part(from + 1, to + 1) }
        };
        (0..steps.div_ceil(self.k)).map(piece)
    }

    /// The number of steps of each stream.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.rows.ncols() - 1
    }

    /// The number of characters near the end of the text that have a next one and are no input: less than the batch.
    #[must_use]
    pub fn unused(&self) -> usize {
        self.unused
    }
}

/// The beginning of a text to train on, and the rest to validate on.
///
/// The two are whole stretches of the text and not drawn from it: a character is easily told from its neighbours.
///
/// # Examples
/// ```
/// use gradus_rnn_bptt::text::split;
/// let (training, validation) = split(&[3, 1, 4, 1, 5], 0.8)?;
/// assert_eq!((training, validation), (&[3, 1, 4, 1][..], &[5][..]));
/// # Ok::<(), gradus_rnn_bptt::Error>(())
/// ```
///
/// # Errors
/// [`Error::Setting`] for a share that is not between 0 and 1, or with which one of the parts would be empty.
pub fn split(tokens: &[usize], training_share: f64) -> Result<(&[usize], &[usize])> {
    let error =
        |expected| Error::Setting { operation: "split", name: "training_share", value: training_share, expected };
    if !(training_share > 0.0 && training_share < 1.0) {
        return Err(error("a share between 0 and 1 would fit"));
    }
    let middle = (tokens.len() as f64 * training_share).round() as usize;
    if middle == 0 || middle >= tokens.len() {
        return Err(error("with it one of the two parts of so short a text would be empty"));
    }
    Ok(tokens.split_at(middle))
}
