//! How good a language model is, in units that people speak of.

/// The number of tokens between which a model hesitates on average: `exp` of its mean cross-entropy in nats.
///
/// 1 is certainty; the size of the vocabulary is what guessing gives.
///
/// # Examples
/// ```
/// use gradus_rnn_bptt::generate::perplexity;
/// assert!((perplexity(65_f64.ln()) - 65.0).abs() < 1e-12);
/// ```
#[must_use]
pub fn perplexity(mean_cross_entropy: f64) -> f64 {
    mean_cross_entropy.exp()
}

/// A mean cross-entropy in bits, from nats: `L / ln 2`. The text, coded by the model, would take so many bits a character.
///
/// # Examples
/// ```
/// use gradus_rnn_bptt::generate::bits_per_character;
/// assert!((bits_per_character(8_f64.ln()) - 3.0).abs() < 1e-12);
/// ```
#[must_use]
pub fn bits_per_character(mean_cross_entropy: f64) -> f64 {
    mean_cross_entropy / std::f64::consts::LN_2
}
