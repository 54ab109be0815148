//! Text for character models: characters as numbers, and a long text cut into pieces for truncated back-propagation.

mod streams;
mod vocabulary;

pub use streams::{Piece, Streams, split};
pub use vocabulary::Vocabulary;
