//! One step after the other: sampling from a model that tells the next token, and searching for its likeliest answer.
//!
//! - [`Sampler`]: a token from logits, by temperature, top-k and top-p;
//! - [`Generate`]: token after token, each read by the model before the next is drawn;
//! - [`beam_search`]: the likeliest sequences;
//! - [`CharModel`]: a recurrent language model;
//! - [`perplexity`], [`bits_per_character`]: how good it is.

mod beam;
mod char_model;
mod sampler;
mod score;
mod sequence;

pub use beam::{BeamSearch, Hypothesis, beam_search};
pub use char_model::CharModel;
pub use sampler::Sampler;
pub use score::{bits_per_character, perplexity};
pub use sequence::Generate;
