//! Sequence to sequence: one network reads, another writes and looks back at what was read.
//!
//! - [`Encoder`]: a source sequence as one state for each of its places;
//! - [`Attend`]: how well a place of the source goes with what is being written: [`AdditiveAttention`],
//!   [`DotAttention`], [`GeneralAttention`];
//! - [`Decoder`]: the target, token after token;
//! - [`ScheduledSampling`]: how often training shows the decoder the truth, and how often its own words.
//!
//! # Examples
//! ```
//! use gradus_rnn_bptt::ndarray::array;
//! use gradus_rnn_bptt::seq2seq::{AdditiveAttention, Decoder, Encoder, ScheduledSampling};
//! use gradus_rnn_bptt::{Recurrent, RnnCell, Tape};
//! use rand::{SeedableRng, rngs::StdRng};
//! let rng = &mut StdRng::seed_from_u64(1);
//! // A source of 10 tokens, read in two directions: 2 · 16 features at each of its places.
//! let reader = Recurrent::of(RnnCell::<f32>::new(8, 16, rng)).bidirectional(rng);
//! let encoder = Encoder::new(10, reader, rng)?;
//! // A target of 12 tokens. The decoder reads a token's 8 features beside the 32 of the source.
//! let writer = Recurrent::of(RnnCell::new(8 + 32, 16, rng));
//! let decoder = Decoder::new(12, writer, AdditiveAttention::new(16, 32, 20, rng), 32, rng)?;
//!
//! let tape = Tape::recording();
//! let source = array![[1, 4], [2, 5], [3, 0]]; // (time, batch); the second is one shorter
//! let encoded = encoder.forward(&tape, &source, Some(&[3, 2]))?;
//! let target = array![[7, 8], [9, 11], [11, 11]];
//! let teacher = ScheduledSampling::inverse_sigmoid(500.0)?.probability(1000);
//! let decoded = decoder.forward(&encoded, 0, &target, teacher, rng)?;
//! assert_eq!(decoded.logits.shape(), [3, 2, 12]);
//! assert_eq!(decoded.weights.shape(), [3, 2, 3]); // (target's time, batch, source's time)
//! let gradients = decoded.loss(&target, None)?.backward()?; // and an optimizer's step
//!
//! let written = decoder.greedy(&encoded, 0, 11, 20)?;
//! assert_eq!(written.len(), 2);
//! # Ok::<(), gradus_nn_layers::Error>(())
//! ```
//!
//! # References
//! I. Sutskever, O. Vinyals, Q. V. Le, [*Sequence to sequence learning with neural
//! networks*](https://arxiv.org/abs/1409.3215), NIPS 2014; D. Bahdanau, K. Cho, Y. Bengio, [*Neural machine translation
//! by jointly learning to align and translate*](https://arxiv.org/abs/1409.0473), ICLR 2015; M.-T. Luong, H. Pham, C.
//! D. Manning, [*Effective approaches to attention-based neural machine
//! translation*](https://arxiv.org/abs/1508.04025), EMNLP 2015.

mod attention;
mod decoder;
mod encoder;
mod scheduled;
mod write;

pub use attention::{AdditiveAttention, Attend, DotAttention, GeneralAttention};
pub use decoder::{Decoded, Decoder, DecoderState, DecoderStep};
pub use encoder::{Encoded, Encoder};
pub use scheduled::ScheduledSampling;
