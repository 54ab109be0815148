//! What an exercise returns.

use std::fmt;

/// What a function to fill in returns: `Ok` of the answer, or [`NotDone`] until there is one.
pub type Answer<T> = Result<T, NotDone>;

/// Says that an exercise is not done yet. Every exercise starts with it.
///
/// # Examples
/// ```
/// use gradus_exercises::{Answer, NotDone};
/// fn half(x: f64) -> Answer<f64> {
///     if x < 0.0 { Err(NotDone) } else { Ok(x / 2.0) }
/// }
/// assert_eq!(half(3.0), Ok(1.5));
/// assert_eq!(half(-3.0).unwrap_err().to_string(), "not done yet");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotDone;

impl fmt::Display for NotDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not done yet")
    }
}

impl std::error::Error for NotDone {}
