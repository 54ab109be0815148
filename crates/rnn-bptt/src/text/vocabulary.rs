//! Characters as numbers and back.

use crate::{Error, Result};
use std::collections::BTreeSet;

/// The characters of a text, sorted and numbered from 0.
///
/// Sorted, so that two texts of the same characters have the same numbers.
///
/// # Examples
/// ```
/// use gradus_rnn_bptt::text::Vocabulary;
/// let vocabulary = Vocabulary::of("hello world")?;
/// assert_eq!(vocabulary.characters().iter().collect::<String>(), " dehlorw");
/// assert_eq!(vocabulary.encode("hold")?, [3, 5, 4, 1]);
/// assert_eq!(vocabulary.decode(&[3, 5, 4, 1])?, "hold");
/// assert_eq!(
///     vocabulary.encode("how?").unwrap_err().to_string(),
///     "encode: '?' at character 3: not among the 8 characters of the vocabulary"
/// );
/// # Ok::<(), gradus_rnn_bptt::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vocabulary {
    characters: Vec<char>,
}

impl Vocabulary {
    /// The characters of this text.
    ///
    /// # Errors
    /// [`Error::EmptyText`]; [`Error::OneCharacter`] for a text of one distinct character, of which there is nothing to
    /// be learnt.
    pub fn of(text: &str) -> Result<Self> {
        let characters: Vec<char> = text.chars().collect::<BTreeSet<_>>().into_iter().collect();
        match characters[..] {
            [] => Err(Error::EmptyText { operation: "vocabulary" }),
            [character] => {
                Err(Error::OneCharacter { operation: "vocabulary", character, length: text.chars().count() })
            }
            _ => Ok(Self { characters }),
        }
    }

    /// The characters in the order of their numbers. As a text they give the same vocabulary back: what to save beside
    /// a model.
    #[must_use]
    pub fn characters(&self) -> &[char] {
        &self.characters
    }

    /// The number of characters, at least 2.
    #[must_use]
    #[allow(clippy::len_without_is_empty)] // it is never empty
    pub fn len(&self) -> usize {
        self.characters.len()
    }

    /// The number of each character of a text.
    ///
    /// # Errors
    /// [`Error::UnknownCharacter`] names the first that the vocabulary does not have, and its place.
    pub fn encode(&self, text: &str) -> Result<Vec<usize>> {
        let number = |(place, character)| {
            self.characters.binary_search(&character).map_err(|_| Error::UnknownCharacter {
                operation: "encode",
                character,
                place,
                known: self.len(),
            })
        };
        text.chars().enumerate().map(number).collect()
    }

    /// The text of these numbers.
    ///
    /// # Errors
    /// [`Error::UnknownToken`] names the first number that is no character's, and its place.
    pub fn decode(&self, tokens: &[usize]) -> Result<String> {
        let character = |(place, &token): (usize, &usize)| {
            let found = self.characters.get(token).copied();
            found.ok_or(Error::UnknownToken { operation: "decode", token, place, known: self.len() })
        };
        tokens.iter().enumerate().map(character).collect()
    }
}
