//! Activation functions as layers, for [`Sequential`](crate::Sequential).

use crate::{Description, Layer, Module, Result, Walk, WalkMut};
use gradus_autograd::{Real, Var};

/// A layer without parameters that calls a method of [`Var`].
macro_rules! activation {
    ($(#[doc = $doc:literal])+ $type:ident => $method:ident) => {
        $(#[doc = $doc])+
        ///
        /// # Shapes
        /// Any; the output has the shape of the input.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct $type;

        #[diagnostic::do_not_recommend]
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
    };
}

activation! {
    /// Rectified linear unit: [`Var::relu`].
    ///
    /// ```text
    /// y = max(x, 0)        dx = dy where x > 0, else 0
    /// ```
    Relu => relu
}

activation! {
    /// Hyperbolic tangent: [`Var::tanh`].
    ///
    /// ```text
    /// y = tanh x        dx = (1 − y²) · dy
    /// ```
    Tanh => tanh
}

activation! {
    /// Logistic sigmoid: [`Var::sigmoid`].
    ///
    /// ```text
    /// y = 1 / (1 + e⁻ˣ)        dx = y (1 − y) · dy
    /// ```
    Sigmoid => sigmoid
}
