//! Attention: every position of a sequence gathers from all others what matters to it.
//!
//! - `options`: what may be asked of an attention, and the function;
//! - `head`: one head, forward and backward, in blocks of queries;
//! - `heads`: where the matrices of each head lie, and the walk over them;
//! - `record`: all heads as one entry of the tape;
//! - `multihead`, `transformer`: the layers.

mod head;
mod heads;
mod multihead;
mod options;
mod record;
mod transformer;

pub use multihead::MultiheadAttention;
pub use options::{Attention, scaled_dot_product_attention};
pub use transformer::TransformerBlock;
