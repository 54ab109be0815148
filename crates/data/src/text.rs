//! Text as numbers, and windows of it.

use crate::{Dataset, Error, Result};
use gradus_linalg::ndarray::{Array1, ArrayD};
use std::sync::Arc;

/// A text as tokens: numbers below the number of [`kinds`](Self::kinds), such as bytes, characters or words.
///
/// What numbers the characters is the `Vocabulary` of `gradus-rnn-bptt`: a model needs it to write text, long after the data are gone, so that it
/// belongs there, and is the same here (behind the feature `text`, which `Text::characters` needs). Bytes need none.
///
/// | model reads | data |
/// | --- | --- |
/// | windows in any order, each from a state of zero | [`windows`](Self::windows), through a [`Loader`](crate::Loader) |
/// | the whole text in its order, the state carried on (truncated back-propagation) | `gradus_rnn_bptt::text::Streams` over the same tokens |
///
/// # Examples
/// ```
/// use gradus_data::{Dataset, Text};
/// use gradus_linalg::ndarray::array;
///
/// let text = Text::bytes(b"hello world");
/// let windows = text.windows(4, 2)?;
/// assert_eq!(windows.len(), 4); // hell, llo_, o_wo, worl
/// let (input, target) = windows.get(1)?;
/// assert_eq!(input, array![108, 108, 111, 32].into_dyn()); // "llo "
/// assert_eq!(target, array![108, 111, 32, 119].into_dyn()); // "lo w", each the next one
/// # Ok::<(), gradus_data::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Half the memory of `usize`, and more kinds than there are characters.
    tokens: Arc<[u32]>,
    kinds: usize,
}

impl Text {
    /// Each byte a token, of 256 kinds: any text in any encoding, and no token unknown.
    #[must_use]
    pub fn bytes(text: &[u8]) -> Self {
        Self { tokens: text.iter().map(|&byte| byte.into()).collect(), kinds: 256 }
    }

    /// Tokens that were numbered elsewhere.
    ///
    /// # Errors
    /// [`Error::Token`] if one is not below `kinds`, or not below 2³².
    pub fn tokens(tokens: &[usize], kinds: usize) -> Result<Self> {
        let token = |(position, &token): (usize, &usize)| {
            let fits = u32::try_from(token).ok().filter(|_| token < kinds);
            fits.ok_or(Error::Token { position, token, kinds })
        };
        Ok(Self { tokens: tokens.iter().enumerate().map(token).collect::<Result<_>>()?, kinds })
    }

    /// Each character a token, as a vocabulary numbers them: that of the training text, for all texts. Needs the feature `text`.
    ///
    /// ```
    /// use gradus_data::{Text, Vocabulary};
    ///
    /// let book = "to be or not to be";
    /// let vocabulary = Vocabulary::of(book)?;
    /// let train = Text::characters(book, &vocabulary)?;
    /// assert_eq!((train.len(), train.kinds()), (18, 7));
    /// assert_eq!(
    ///     Text::characters("to be!", &vocabulary).unwrap_err().to_string(),
    ///     "encode: '!' at character 5: not among the 7 characters of the vocabulary"
    /// );
    /// # Ok::<(), gradus_data::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Vocabulary`] names the first character that the vocabulary does not have, and its place.
    #[cfg(feature = "text")]
    pub fn characters(text: &str, vocabulary: &gradus_rnn_bptt::text::Vocabulary) -> Result<Self> {
        Self::tokens(&vocabulary.encode(text)?, vocabulary.len())
    }

    /// The number of tokens.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether there is no token.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The number of kinds of tokens.
    #[must_use]
    pub fn kinds(&self) -> usize {
        self.kinds
    }

    /// Windows of `length` tokens, each beginning `stride` tokens after the one before, with the tokens one further on as targets.
    ///
    /// The text is shared with the windows, not copied.
    ///
    /// # Errors
    /// - [`Error::Setting`] for a length or a stride of 0.
    /// - [`Error::ShortText`] if not even one window and the token behind it fit.
    pub fn windows(&self, length: usize, stride: usize) -> Result<TextWindows> {
        for (setting, found) in [("length", length), ("stride", stride)] {
            if found == 0 {
                return Err(Error::Setting { operation: "windows", setting, found: 0.0, expected: "at least 1" });
            }
        }
        if self.len() <= length {
            return Err(Error::ShortText { tokens: self.len(), length });
        }
        Ok(TextWindows { tokens: Arc::clone(&self.tokens), length, stride })
    }
}

/// Windows of a text: made by [`Text::windows`].
///
/// ```text
/// sample i: input s[i·stride .. i·stride + T], target s[i·stride + 1 .. i·stride + T + 1]        ⌊(N − 1 − T) / stride⌋ + 1 samples
/// ```
///
/// A batch is `(B, T)` each; recurrent layers read `(T, B)`, which is its transpose.
#[derive(Debug, Clone)]
pub struct TextWindows {
    tokens: Arc<[u32]>,
    length: usize,
    stride: usize,
}

impl Dataset for TextWindows {
    type Sample = (ArrayD<usize>, ArrayD<usize>);

    fn len(&self) -> usize {
        (self.tokens.len() - 1 - self.length) / self.stride + 1
    }

    fn get(&self, index: usize) -> Result<Self::Sample> {
        Error::check_sample(index, self.len())?;
        let start = index * self.stride;
        let part = |from: usize| {
            let tokens = self.tokens[from..from + self.length].iter().map(|&token| token as usize);
            Array1::from_iter(tokens).into_dyn()
        };
        Ok((part(start), part(start + 1)))
    }
}
