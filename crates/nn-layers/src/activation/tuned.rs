//! Activations with settings, which [`Default`] sets as PyTorch does.

use super::Activations;
use crate::{Description, Error, Layer, Module, Result, Walk, WalkMut};
use gradus_autograd::{Real, Var};

/// A layer without parameters whose settings are checked and passed to a method of [`Var`].
macro_rules! activation {
    (
        $(#[doc = $doc:literal])+
        $type:ident { $($(#[doc = $field_doc:literal])+ $field:ident: $number:ty = $default:expr),+ }
        |$layer:ident, $x:ident| $forward:expr
    ) => {
        $(#[doc = $doc])+
        ///
        /// # Shapes
        /// Any; the output has the shape of the input.
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub struct $type {
            $($(#[doc = $field_doc])+ pub $field: $number,)+
        }

        impl Default for $type {
            fn default() -> Self {
                Self { $($field: $default),+ }
            }
        }

        #[diagnostic::do_not_recommend] // or every error about modules would list them all
        impl<F: Real> Module<F> for $type {
            fn walk<'module>(&'module self, _: &mut Walk<'module, '_, F>) {}
            fn walk_mut<'module>(&'module mut self, _: &mut WalkMut<'module, '_, F>) {}
        }

        impl<F: Real> Layer<F> for $type {
            fn forward(&self, $x: &Var<F>) -> Result<Var<F>> {
                let $layer = self;
                $forward
            }
            fn describe(&self, input: &[usize]) -> Result<Description> {
                Ok(Description::of::<F>(self, stringify!($type), input))
            }
        }
    };
}

activation! {
    /// Rectified linear unit with a slope on the left: [`Var::leaky_relu`].
    ///
    /// ```text
    /// y = x where x > 0, else slope · x
    /// ```
    LeakyRelu {
        /// The slope on the left; 0.01 by default.
        negative_slope: f64 = 0.01
    }
    |layer, x| Ok(x.leaky_relu(layer.negative_slope))
}

activation! {
    /// Exponential linear unit: [`Var::elu`].
    ///
    /// ```text
    /// y = x where x > 0, else α (eˣ − 1)
    /// ```
    Elu {
        /// What it goes to on the left, but for the sign; 1 by default.
        alpha: f64 = 1.0
    }
    |layer, x| Ok(x.elu(layer.alpha))
}

activation! {
    /// Continuously differentiable exponential linear unit: [`Activations::celu`].
    ///
    /// ```text
    /// y = x where x > 0, else α (e^(x/α) − 1)
    /// ```
    Celu {
        /// What it goes to on the left, but for the sign; above 0, and 1 by default.
        alpha: f64 = 1.0
    }
    |layer, x| Ok(x.celu(positive("celu", "alpha", layer.alpha)?))
}

activation! {
    /// A smooth rectified linear unit: [`Var::softplus`].
    ///
    /// ```text
    /// y = ln(1 + e^βx) / β,  and x where βx > threshold
    /// ```
    Softplus {
        /// How sharp the bend is; above 0, and 1 by default.
        beta: f64 = 1.0,
        /// Where it becomes x; 20 by default.
        threshold: f64 = 20.0
    }
    |layer, x| Ok(x.softplus(positive("softplus", "beta", layer.beta)?, layer.threshold))
}

activation! {
    /// The hyperbolic tangent in three straight pieces: [`Var::clamp`].
    ///
    /// ```text
    /// y = min(max(x, min), max)        dx = dy where min < x < max, else 0
    /// ```
    ///
    /// # Examples
    /// ```
    /// use gradus_nn_layers::{Hardtanh, Layer, Tape, ndarray::array};
    /// let y = Hardtanh::default().forward(&Tape::inference().input(array![-2.0_f32, 0.5, 2.0]))?;
    /// assert_eq!(y.value(), &array![-1.0, 0.5, 1.0]);
    /// # Ok::<(), gradus_nn_layers::Error>(())
    /// ```
    Hardtanh {
        /// The floor; −1 by default.
        min_val: f64 = -1.0,
        /// The ceiling, above the floor; 1 by default.
        max_val: f64 = 1.0
    }
    |layer, x| {
        if layer.min_val < layer.max_val {
            return Ok(x.clamp(layer.min_val, layer.max_val));
        }
        let (name, expected) = ("max_val", "a number above min_val would fit");
        Err(Error::HyperParameter { operation: "hardtanh", name, value: layer.max_val, expected })
    }
}

activation! {
    /// x, and 0 where it is small: [`Activations::hardshrink`].
    ///
    /// ```text
    /// y = x where |x| > λ, else 0
    /// ```
    Hardshrink {
        /// What counts as small; at least 0, and 0.5 by default.
        lambda: f64 = 0.5
    }
    |layer, x| Ok(x.hardshrink(not_negative("hardshrink", "lambda", layer.lambda)?))
}

activation! {
    /// x brought nearer to 0, and 0 where it is small: [`Activations::softshrink`].
    ///
    /// ```text
    /// y = x − λ sign(x) where |x| > λ, else 0
    /// ```
    Softshrink {
        /// By how much; at least 0, and 0.5 by default.
        lambda: f64 = 0.5
    }
    |layer, x| Ok(x.softshrink(not_negative("softshrink", "lambda", layer.lambda)?))
}

activation! {
    /// Softmax along an axis: [`Var::softmax`]. Before a cross-entropy it is too much: that takes the logits.
    ///
    /// ```text
    /// yᵢ = e^xᵢ / Σ e^xⱼ
    /// ```
    Softmax {
        /// The axis, from the end if below 0; the last by default.
        axis: isize = -1
    }
    |layer, x| Ok(x.softmax(layer.axis)?)
}

activation! {
    /// Logarithm of the softmax along an axis: [`Var::log_softmax`].
    ///
    /// ```text
    /// yᵢ = xᵢ − ln Σ e^xⱼ
    /// ```
    LogSoftmax {
        /// The axis, from the end if below 0; the last by default.
        axis: isize = -1
    }
    |layer, x| Ok(x.log_softmax(layer.axis)?)
}

fn positive(operation: &'static str, name: &'static str, value: f64) -> Result<f64> {
    if value > 0.0 && value.is_finite() {
        return Ok(value);
    }
    Err(Error::HyperParameter { operation, name, value, expected: "a finite number above 0 would fit" })
}

fn not_negative(operation: &'static str, name: &'static str, value: f64) -> Result<f64> {
    if value >= 0.0 && value.is_finite() {
        return Ok(value);
    }
    Err(Error::HyperParameter { operation, name, value, expected: "a finite number of at least 0 would fit" })
}
