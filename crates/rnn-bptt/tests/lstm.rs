//! A cell of one's own with a state of two arrays: an LSTM in the fewest words, each step on the tape.

use gradus_nn_layers::{Linear, Parameter};
use gradus_rnn_bptt::{Cell, Layer, Module, Real, Result, State, Var};
use rand::Rng;

/// ```text
/// i, f, g, o = W (x, h) + b        c′ = σ(f) ∘ c + σ(i) ∘ tanh g        h′ = σ(o) ∘ tanh c′
/// ```
#[derive(Debug, Clone, Module)]
pub(crate) struct Gated<F: Real = f32> {
    all: Linear<F>,
}

#[derive(Debug, Clone)]
pub(crate) struct GatedState<F: Real> {
    h: Var<F>,
    c: Var<F>,
}

impl<F: Real> State for GatedState<F> {
    type Float = F;

    fn parts(&self) -> Vec<&Var<F>> {
        vec![&self.h, &self.c]
    }

    fn from_parts(parts: Vec<Var<F>>) -> Option<Self> {
        let [h, c] = parts.try_into().ok()?;
        Some(Self { h, c })
    }

    fn hidden(&self) -> &Var<F> {
        &self.h
    }
}

impl<F: Real> Gated<F> {
    pub(crate) fn new(input_size: usize, units: usize, rng: &mut (impl Rng + ?Sized)) -> Self {
        let mut all = Linear::new(input_size + units, 4 * units, rng);
        if let Some(bias) = &mut all.bias {
            bias.value_mut().iter_mut().skip(units).take(units).for_each(|b| *b = F::one()); // remember at first
        }
        Self { all }
    }
}

impl<F: Real> Cell for Gated<F> {
    type Float = F;
    type State = GatedState<F>;
    const NAME: &'static str = "gated";

    fn input_size(&self) -> usize {
        self.all.in_features() - self.state_sizes()[0]
    }

    fn state_sizes(&self) -> Vec<usize> {
        vec![self.all.out_features() / 4; 2]
    }

    fn alike(&self, input_size: usize, rng: &mut (impl Rng + ?Sized)) -> Self {
        Self::new(input_size, self.state_sizes()[0], rng)
    }

    fn named(&self) -> Vec<(&'static str, &Parameter<F>)> {
        vec![("weight", &self.all.weight)].into_iter().chain(self.all.bias.iter().map(|bias| ("bias", bias))).collect()
    }

    fn named_mut(&mut self) -> Vec<(&'static str, &mut Parameter<F>)> {
        let Linear { weight, bias } = &mut self.all;
        vec![("weight", weight)].into_iter().chain(bias.iter_mut().map(|bias| ("bias", bias))).collect()
    }

    fn step(&self, x: &Var<F>, state: &GatedState<F>) -> Result<GatedState<F>> {
        let both = gradus_autograd::concatenate(-1, &[x, &state.h])?;
        let gates = self.all.forward(&both).unwrap().split(-1, &[self.state_sizes()[0]; 4])?;
        let c = gates[1].sigmoid() * &state.c + gates[0].sigmoid() * gates[2].tanh();
        let h = gates[3].sigmoid() * c.tanh();
        Ok(GatedState { h, c })
    }
}
