//! What a layer's `forward` can fail with, wherever the layer comes from.

use gradus_linalg::FamilyError;

/// An error of a layer, a loss or a state dict.
///
/// This is what [`Layer::forward`](crate::Layer::forward) returns, so it can carry any other crate's error: whatever
/// implements [`FamilyError`] converts into [`Error::Source`] with `?`.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Error, Result, Tape, ndarray::array};
/// fn f() -> Result<()> {
///     let tape = Tape::<f32>::recording();
///     tape.input(array![1.0]).matmul(&tape.input(array![1.0, 2.0]))?;
///     Ok(())
/// }
/// assert!(f().unwrap_err().to_string().contains("inner dimensions differ"));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An error of another crate.
    #[error(transparent)]
    Source(Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// The error of another crate that this carries, if it is of type `E`.
    #[must_use]
    pub fn source_as<E: FamilyError>(&self) -> Option<&E> {
        match self {
            Self::Source(source) => source.downcast_ref(),
            #[allow(unreachable_patterns)] // more variants are to come
            _ => None,
        }
    }
}

impl<E: FamilyError> From<E> for Error {
    fn from(error: E) -> Self {
        Self::Source(Box::new(error))
    }
}

/// What layers return.
pub type Result<T, E = Error> = std::result::Result<T, E>;
