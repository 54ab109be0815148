//! Which parameters weight decay is meant for.

use gradus_autograd::Real;
use gradus_nn_layers::Module;
use std::collections::HashSet;

/// Whether weight decay is meant for a parameter of this name and shape: for weights, not for biases nor for the scales
/// and shifts of normalization.
///
/// A weight multiplies many inputs, and pulling it towards 0 makes the function smoother. A bias shifts, a scale of
/// normalization sets the size of a signal: to pull them towards 0 restrains nothing that overfits.
///
/// ```text
/// decays  ⟺  two or more axes,  last part of the name not bias…,  part before it not of normalization
/// ```
///
/// Biases and scales have one axis nearly always, so the shape decides; the name decides for the few that have more
/// (`LayerNorm` over two axes). Of normalization are parts that contain `norm`, and `bn` and `ln` with a number or without.
///
/// # Examples
/// ```
/// use gradus_optim::decays;
/// assert!(decays("hidden.weight", &[128, 784]));
/// assert!(!decays("hidden.bias", &[128]));
/// assert!(!decays("lstm.bias_ih_l0", &[512]));
/// assert!(!decays("norm1.weight", &[28, 28]) && !decays("block.3.bn2.weight", &[64]));
/// ```
///
/// # References
/// I. Goodfellow, Y. Bengio, A. Courville, *Deep Learning*, 2016, section 7.1, <https://www.deeplearningbook.org>;
/// X. Jia et al., *Highly scalable deep learning training system with mixed-precision*, 2018, section 3.2,
/// <https://arxiv.org/abs/1807.11205>
#[must_use]
pub fn decays(name: &str, shape: &[usize]) -> bool {
    let mut parts = name.rsplit('.');
    let is_bias = parts.next().is_some_and(|last| last.starts_with("bias"));
    shape.len() >= 2 && !is_bias && !parts.next().is_some_and(is_normalization)
}

fn is_normalization(part: &str) -> bool {
    let part = part.to_ascii_lowercase();
    let stem = part.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
    part.contains("norm") || stem == "bn" || stem == "ln"
}

/// A predicate for [`Groups::with`](crate::Groups::with) that takes the parameters of this model for which weight decay is
/// not meant, by [`decays`].
///
/// A group sees names alone. So the model is walked once, here, where shapes are at hand; the predicate owns the
/// names that it has found, and knows no parameter that the model gets later.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Module, Parameter, Tape, ndarray::array};
/// use gradus_optim::{AdamW, Groups, without_decay};
///
/// #[derive(Module)]
/// struct Affine {
///     weight: Parameter,
///     bias: Parameter,
/// }
/// let model = Affine { weight: array![[1.0, 2.0]].into(), bias: array![0.0].into() };
/// let optimizer = Groups::<f32>::new(AdamW::new(1e-3).weight_decay(0.1))
///     .with(without_decay(&model), AdamW::new(1e-3).weight_decay(0.0));
/// # let takes = without_decay(&model);
/// # assert!(takes("bias") && !takes("weight"));
/// ```
pub fn without_decay<F: Real>(model: &dyn Module<F>) -> impl Fn(&str) -> bool + Send + use<F> {
    let parameters = model.parameters().into_iter();
    let spared = parameters.filter(|(name, parameter)| !decays(name, parameter.shape())).map(|(name, _)| name);
    let spared: HashSet<String> = spared.collect();
    move |name| spared.contains(name)
}
