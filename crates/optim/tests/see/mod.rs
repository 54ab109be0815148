//! What is shown of an optimization, against answers that are known.

#![allow(clippy::unwrap_used)] // also in the helpers of the tests

mod explained;
mod looking;
mod race;
mod sharpness;
mod steps;

use gradus_linalg::Real;
use gradus_nn_layers::{Buffer, Module, Parameter, Result, Tape, Var};
use ndarray::{ArrayD, IxDyn, arr1};

/// A network of one hidden layer, with a buffer and a frozen parameter, over any number type.
#[derive(Module, Clone)]
struct Net<F: Real> {
    hidden: Parameter<F>,
    bias: Parameter<F>,
    out: Parameter<F>,
    scale: Parameter<F>,
    mean: Buffer<F>,
}

fn numbers<F: Real>(shape: &[usize], phase: f64) -> ArrayD<F> {
    let mut i = phase;
    ArrayD::from_shape_simple_fn(IxDyn(shape), || {
        i += 1.0;
        F::from_f64((i * 1.3).sin())
    })
}

impl<F: Real> Net<F> {
    fn new() -> Self {
        let mut scale: Parameter<F> = numbers(&[1], 0.4).into();
        scale.set_trainable(false);
        Self {
            hidden: numbers(&[3, 4], 0.0).into(),
            bias: numbers(&[4], 0.1).into(),
            out: numbers(&[4, 2], 0.2).into(),
            scale,
            mean: numbers(&[2], 0.3).into(),
        }
    }

    fn loss(&self, step: u64) -> Result<Var<F>> {
        let tape = Tape::recording();
        let x = tape.input(numbers::<F>(&[5, 3], step as f64));
        let hidden = x.matmul(&tape.parameter(&self.hidden))?.try_add(&tape.parameter(&self.bias))?.tanh();
        let y = hidden.matmul(&tape.parameter(&self.out))?.try_mul(&tape.parameter(&self.scale))?;
        tape.update(self.mean.id(), numbers::<F>(&[2], step as f64));
        Ok(y.try_sub(&tape.input(numbers::<F>(&[5, 2], 7.0)))?.square().mean())
    }
}

/// Every bit of parameters and buffers.
fn bits<F: Real>(model: &dyn Module<F>) -> Vec<u64> {
    let parameters = model.parameters().into_iter().flat_map(|(_, p)| p.value().iter().map(|x| x.to_f64().to_bits()));
    let buffers = model.buffers().into_iter().flat_map(|(_, b)| b.value().iter().map(|x| x.to_f64().to_bits()));
    parameters.chain(buffers).collect()
}

/// `Σ aᵢ wᵢ² / 2`: the Hessian is the diagonal `a`.
fn quadratic<F: Real>(w: &Parameter<F>, a: &[f64]) -> Result<Var<F>> {
    let tape = Tape::recording();
    let a = tape.input(arr1(a).mapv(|a| F::from_f64(0.5 * a)));
    Ok(tape.parameter(w).square().try_mul(&a)?.sum())
}
