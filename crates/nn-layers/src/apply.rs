//! Layers without parameters that are no activation: reshaping, doing nothing, any function.

use crate::{Description, Error, Layer, Module, Result, Walk, WalkMut};
use gradus_autograd::{Real, Var};

/// Every axis after the first as one: `(N, C, H, W)` becomes `(N, C·H·W)`.
///
/// To begin at another axis, `Apply::new(|x: &Var| Ok(x.flatten_from(2)?))`.
///
/// # Shapes
/// - input: `(N, …)` with at least one axis after the first
/// - output: `(N, features)`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flatten;

impl<F: Real> Layer<F> for Flatten {
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        Ok(x.flatten_from(1)?)
    }

    fn describe(&self, input: &[usize]) -> Result<Description> {
        let [samples, others @ ..] = input else { return Err(no_axis_after_the_first(input)) };
        if others.is_empty() {
            return Err(no_axis_after_the_first(input));
        }
        let features = others.iter().fold(1_usize, |n, &len| n.saturating_mul(len));
        Ok(Description::of::<F>(self, "Flatten", &[*samples, features]).activation_bytes(0)) // the same memory
    }
}

fn no_axis_after_the_first(input: &[usize]) -> Error {
    let (shape, expected) = (input.to_vec(), "an input with an axis after the first, (N, …), would fit");
    Error::UnfitShape { operation: "flatten", shape, expected }
}

/// The input as it is: a place holder where a layer is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Identity;

impl<F: Real> Layer<F> for Identity {
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        Ok(x.clone())
    }

    fn describe(&self, input: &[usize]) -> Result<Description> {
        Ok(Description::of::<F>(self, "Identity", input).activation_bytes(0)) // the same memory
    }
}

/// Any function of a variable as a layer.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Apply, Layer, Tape, Var, ndarray::array};
/// let double = Apply::new(|x: &Var| Ok(x * 2.0));
/// let y = double.forward(&Tape::inference().input(array![1.0, 2.0]))?;
/// assert_eq!(y.value(), &array![2.0, 4.0]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct Apply<C>(C);

impl<C> Apply<C> {
    /// The layer whose forward pass is `function`.
    pub fn new<F: Real>(function: C) -> Self
    where
        C: Fn(&Var<F>) -> Result<Var<F>> + Send + Sync,
    {
        Self(function)
    }
}

impl<F: Real, C: Fn(&Var<F>) -> Result<Var<F>> + Send + Sync> Layer<F> for Apply<C> {
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        (self.0)(x)
    }
}

impl<C> std::fmt::Debug for Apply<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Apply")
    }
}

macro_rules! no_parameters {
    ($([$($generic:ident)?] $type:ty),+) => {
        $(#[diagnostic::do_not_recommend]
        impl<F: Real $(, $generic)?> Module<F> for $type {
            fn walk<'module>(&'module self, _: &mut Walk<'module, '_, F>) {}
            fn walk_mut<'module>(&'module mut self, _: &mut WalkMut<'module, '_, F>) {}
        })+
    };
}

no_parameters!([] Flatten, [] Identity, [C] Apply<C>);
