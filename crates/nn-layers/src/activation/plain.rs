//! Activations without a setting.

use super::Activations;
use crate::{Description, Layer, Module, Result, Walk, WalkMut};
use gradus_autograd::{Real, Var};

/// A layer without parameters that calls a method of [`Var`].
macro_rules! activation {
    ($($(#[doc = $doc:literal])+ $type:ident => $method:ident;)+) => {$(
        $(#[doc = $doc])+
        ///
        /// # Shapes
        /// Any; the output has the shape of the input.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct $type;

        #[diagnostic::do_not_recommend] // or every error about modules would list them all
        impl<F: Real> Module<F> for $type {
            fn walk<'module>(&'module self, _: &mut Walk<'module, '_, F>) {}
            fn walk_mut<'module>(&'module mut self, _: &mut WalkMut<'module, '_, F>) {}
        }

        impl<F: Real> Layer<F> for $type {
            fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
                Ok(x.$method())
            }
            fn describe(&self, input: &[usize]) -> Result<Description> {
                Ok(Description::of::<F>(self, stringify!($type), input))
            }
        }
    )+};
}

activation! {
    /// Rectified linear unit: [`Var::relu`].
    ///
    /// ```text
    /// y = max(x, 0)        dx = dy where x > 0, else 0
    /// ```
    Relu => relu;

    /// Hyperbolic tangent: [`Var::tanh`].
    ///
    /// ```text
    /// y = tanh x        dx = (1 − y²) · dy
    /// ```
    Tanh => tanh;

    /// Logistic sigmoid: [`Var::sigmoid`].
    ///
    /// ```text
    /// y = 1 / (1 + e⁻ˣ)        dx = y (1 − y) · dy
    /// ```
    Sigmoid => sigmoid;

    /// Gaussian error linear unit: [`Var::gelu`].
    ///
    /// ```text
    /// y = x Φ(x)        dx = (Φ(x) + x φ(x)) · dy
    /// ```
    Gelu => gelu;

    /// Gaussian error linear unit with a hyperbolic tangent in place of the error function: [`Var::gelu_tanh`].
    ///
    /// ```text
    /// y = x/2 (1 + tanh(√(2/π) (x + 0.044715 x³)))
    /// ```
    GeluTanh => gelu_tanh;

    /// Sigmoid linear unit, or swish: [`Var::silu`].
    ///
    /// ```text
    /// y = x σ(x)        dx = σ (1 + x (1 − σ)) · dy
    /// ```
    Silu => silu;

    /// Scaled exponential linear unit: [`Activations::selu`]. Its weights are to be drawn with the gain of
    /// [`Nonlinearity::Selu`](crate::init::Nonlinearity::Selu).
    ///
    /// ```text
    /// y = λ x where x > 0, else λ α (eˣ − 1)
    /// ```
    Selu => selu;

    /// Smooth, and below 0 on the left: [`Activations::mish`].
    ///
    /// ```text
    /// y = x tanh(ln(1 + eˣ))
    /// ```
    Mish => mish;

    /// The sigmoid in three straight pieces: [`Activations::hardsigmoid`].
    ///
    /// ```text
    /// y = min(max(x + 3, 0), 6) / 6
    /// ```
    Hardsigmoid => hardsigmoid;

    /// Swish without an exponential: [`Activations::hardswish`].
    ///
    /// ```text
    /// y = x min(max(x + 3, 0), 6) / 6
    /// ```
    Hardswish => hardswish;

    /// Rectified linear unit with a ceiling: [`Activations::relu6`].
    ///
    /// ```text
    /// y = min(max(x, 0), 6)
    /// ```
    Relu6 => relu6;

    /// A slower hyperbolic tangent: [`Activations::softsign`].
    ///
    /// ```text
    /// y = x / (1 + |x|)
    /// ```
    Softsign => softsign;

    /// What the hyperbolic tangent leaves: [`Activations::tanhshrink`].
    ///
    /// ```text
    /// y = x − tanh x
    /// ```
    Tanhshrink => tanhshrink;

    /// Logarithm of the sigmoid: [`Activations::log_sigmoid`].
    ///
    /// ```text
    /// y = −ln(1 + e⁻ˣ)
    /// ```
    LogSigmoid => log_sigmoid;
}
