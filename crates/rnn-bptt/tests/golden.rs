//! Recurrent layers against PyTorch.

use std::error::Error;

use gradus_autograd::{Gradients, Leaf, concatenate, stack};
use gradus_rnn_bptt::ndarray::Axis;
use gradus_rnn_bptt::{
    Cell, Gru, GruCell, Lstm, LstmCell, Module, Real, Recurrent, Rnn, RnnCell, State, Tape, Value, Var,
};
use gradus_testing::golden::{Case, check};
use gradus_testing::{Float, close, close_scalar};
use rand::SeedableRng;
use rand::rngs::StdRng;

type Outcome = Result<(), Box<dyn Error>>;

/// Compares a gradient with the case's, for an input that gets one there.
fn close_gradient<F: Real + Float>(case: &Case, input: &str, gradient: Option<&Value<F>>) -> Outcome {
    let Some(expected) = case.grad(input) else { return Ok(()) };
    let gradient = gradient.ok_or_else(|| format!("no gradient of {input}"))?;
    Ok(close(&***gradient, &expected, F::TOLERANCE, &format!("d{input}"))?)
}

/// Puts the case's values in the place of a module's parameters, found there by their own names.
fn load<F: Real + Float>(case: &Case, module: &mut impl Module<F>) {
    module.visit_mut(&mut |name, item| {
        if let gradus_nn_layers::ItemMut::Parameter(parameter) = item {
            parameter.value_mut().assign(&case.input_as::<F>(name));
        }
    });
}

fn close_gradients<F: Real + Float>(case: &Case, module: &impl Module<F>, gradients: &Gradients<F>) -> Outcome {
    let parameters = module.parameters();
    let inputs = case.input_names().filter(|name| name.contains("weight_") || name.contains("bias_")).count();
    if inputs != parameters.len() {
        return Err(format!("{} parameters, {inputs} in the case", parameters.len()).into());
    }
    parameters.into_iter().try_for_each(|(name, parameter)| close_gradient(case, &name, gradients.get(parameter)))
}

/// The names of the arrays of a state, in the order of its parts, as the cases have them.
const STATES: [&str; 2] = ["h", "c"];

#[test]
fn rnn() {
    check("rnn", &[], |case| {
        run_rnn::<f64>(case)?;
        run_rnn::<f32>(case)
    });
}

fn run_rnn<F: Real + Float>(case: &Case) -> Outcome {
    let mut rng = StdRng::seed_from_u64(0);
    let (input, hidden) = (case.usize("input_size"), case.usize("hidden_size"));
    macro_rules! run {
        ($layer:expr) => {
            run_layer(case, if case.bool("bias") { $layer } else { $layer.without_bias() })
        };
    }
    match case.op.as_str() {
        "rnn_tanh" => run!(Rnn::<F>::new(input, hidden, &mut rng)),
        "rnn_relu" => run!(Rnn::<F>::new(input, hidden, &mut rng).relu()),
        "lstm" => run!(Lstm::<F>::new(input, hidden, &mut rng)),
        "gru" => run!(Gru::<F>::new(input, hidden, &mut rng)),
        _ => case.unknown(),
    }
}

fn run_layer<C: Cell>(case: &Case, layer: Recurrent<C>) -> Outcome
where
    C::Float: Float,
{
    let tolerance = <C::Float as Float>::TOLERANCE;
    let mut rng = StdRng::seed_from_u64(0);
    let mut layer = layer.layers(case.usize("num_layers"), &mut rng);
    if case.bool("bidirectional") {
        layer = layer.bidirectional(&mut rng);
    }
    if case.bool("batch_first") {
        layer = layer.batch_first();
    }
    load(case, &mut layer);

    let tape = Tape::recording();
    let x = tape.variable(case.input_as::<C::Float>("x"));
    let state = first_state::<C>(case, &tape);
    let (y, last) = if case.has_input("lengths") {
        let lengths: Vec<usize> = case.classes("lengths").into_iter().collect();
        layer.forward_padded(&x, &lengths, state.as_ref())?
    } else {
        layer.forward_with(&x, state.as_ref())?
    };
    let weighted = |v: &Var<C::Float>, name: &str| (v * tape.input(case.cotangent_as::<C::Float>(name))).sum();
    close(&***y.value(), &case.output("y"), tolerance, "y")?;
    let mut loss = weighted(&y, "y");
    for (part, name) in last.parts().into_iter().zip(STATES) {
        let name = format!("{name}_n");
        close(&***part.value(), &case.output(&name), tolerance, &name)?;
        loss = loss + weighted(part, &name);
    }
    let gradients = loss.backward()?;
    close_gradient(case, "x", gradients.get(&x))?;
    close_state_gradients(case, state.as_ref(), &gradients)?;
    close_gradients(case, &layer, &gradients)
}

/// The state `h0`, `c0` of a case that has one.
fn first_state<C: Cell>(case: &Case, tape: &Tape<C::Float>) -> Option<C::State>
where
    C::Float: Float,
{
    let parts = STATES.iter().filter_map(|name| case.try_input_as::<C::Float>(&format!("{name}0")));
    C::State::from_parts(parts.map(|part| tape.variable(part)).collect())
}

fn close_state_gradients<S: State>(case: &Case, state: Option<&S>, gradients: &Gradients<S::Float>) -> Outcome
where
    S::Float: Float,
{
    let parts = state.into_iter().flat_map(State::parts).zip(STATES);
    parts.into_iter().try_for_each(|(part, name)| close_gradient(case, &format!("{name}0"), gradients.get(part)))
}

#[test]
fn bptt() {
    check("bptt", &[], |case| {
        if case.op != "bptt" {
            return case.unknown();
        }
        run_bptt::<f64>(case)?;
        run_bptt::<f32>(case)
    });
}

fn run_bptt<F: Real + Float>(case: &Case) -> Outcome {
    let weight = case.input_as::<F>("weight_ih");
    let (input, hidden) = (weight.shape()[1], case.input("h0").shape()[1]);
    let mut rng = StdRng::seed_from_u64(0);
    match case.str("cell") {
        "tanh" => run_cell(case, RnnCell::<F>::new(input, hidden, &mut rng)),
        "relu" => run_cell(case, RnnCell::<F>::new(input, hidden, &mut rng).relu()),
        "lstm" => run_cell(case, LstmCell::<F>::new(input, hidden, &mut rng)),
        "gru" => run_cell(case, GruCell::<F>::new(input, hidden, &mut rng)),
        other => Err(format!("no cell of kind {other}").into()),
    }
}

/// Step by step on the tape, which shows the gradient of every state; then the same in pieces by the written-out layer.
fn run_cell<C: Cell>(case: &Case, mut cell: C) -> Outcome
where
    C::Float: Float,
{
    load(case, &mut cell);
    let steps = case.usize("steps");
    let piece = case.try_usize("truncate").unwrap_or(steps);

    let tape = Tape::recording();
    let network = Network::<C>::new(case, &tape)?;
    let mut states = Vec::new();
    let mut state = network.state.clone();
    for t in 0..steps {
        if t > 0 && t % piece == 0 {
            state = state.cut();
        }
        state = cell.step(&network.x.select(0, t)?, &state)?;
        state.parts().into_iter().for_each(Var::retain_gradient);
        states.push(state.clone());
    }
    let hidden: Vec<_> = states.iter().map(State::hidden).collect();
    let gradients = network.finish(case, &stack(0, &hidden)?, &cell)?;
    for (place, name) in STATES.into_iter().enumerate().take(network.state.parts().len()) {
        let expected = case.output(&format!("d{name}"));
        // In f32 a step's gradient is compared with the largest of all steps.
        let largest = expected.iter().fold(0.0, |m: f64, g| m.max(g.abs()));
        let tolerance = <C::Float as Float>::TOLERANCE.at_scale(largest);
        for (t, state) in states.iter().enumerate() {
            let part = state.parts()[place];
            let zero = Value::zeros(part.value().raw_dim());
            let gradient = gradients.get(part).unwrap_or(&zero);
            close(&***gradient, &expected.index_axis(Axis(0), t), tolerance, &format!("d{name} at {t}"))?;
            if place == 0 {
                let norm = gradient.iter().map(|g| Real::to_f64(*g).powi(2)).sum::<f64>().sqrt();
                let expected = case.output("dh_norm")[[t]];
                close_scalar(<C::Float as Float>::from_f64(norm), expected, tolerance, &format!("dh_norm at {t}"))?;
            }
        }
    }

    let layer = Recurrent::of(cell);
    let tape = Tape::recording();
    let network = Network::<C>::new(case, &tape)?;
    let mut state = network.state.try_mapped(|part| part.unsqueeze(0))?;
    let mut outputs = Vec::new();
    for start in (0..steps).step_by(piece) {
        let x = network.x.slice_axis(0, start..steps.min(start + piece), 1)?;
        let (output, last) = layer.forward_with(&x, Some(&state))?;
        outputs.push(output);
        state = last.cut();
    }
    network.finish(case, &concatenate(0, &outputs.iter().collect::<Vec<_>>())?, &layer.cells[0])?;
    Ok(())
}

/// What stands around the cell in a case of `bptt`.
struct Network<C: Cell> {
    x: Var<C::Float>,
    state: C::State,
    head_weight: Var<C::Float>,
    head_bias: Var<C::Float>,
    target: Var<C::Float>,
}

impl<C: Cell> Network<C>
where
    C::Float: Float,
{
    fn new(case: &Case, tape: &Tape<C::Float>) -> Result<Self, Box<dyn Error>> {
        let variable = |name| tape.variable(case.input_as::<C::Float>(name));
        Ok(Self {
            x: variable("x"),
            state: first_state::<C>(case, tape).ok_or("the case's state is of another kind")?,
            head_weight: variable("head.weight"),
            head_bias: variable("head.bias"),
            target: tape.input(case.input_as::<C::Float>("target")),
        })
    }

    /// Head, loss and gradients, compared with the case's; `h (T, N, H)` are the states.
    fn finish(&self, case: &Case, h: &Var<C::Float>, cell: &C) -> Result<Gradients<C::Float>, Box<dyn Error>> {
        let tolerance = <C::Float as Float>::TOLERANCE;
        close(&***h.value(), &case.output("h"), tolerance, "h")?;
        let read = if case.bool("every_step") { h.clone() } else { h.select(0, h.shape()[0] - 1)? };
        let y = read.affine(&self.head_weight, Some(&self.head_bias))?;
        close(&***y.value(), &case.output("y"), tolerance, "y")?;
        let loss = y.try_sub(&self.target)?.square().mean();
        close(&***loss.value(), &case.output("loss"), tolerance, "loss")?;
        let gradients = loss.backward()?;
        let own = [("x", &self.x), ("head.weight", &self.head_weight), ("head.bias", &self.head_bias)];
        for (name, variable) in own {
            close_gradient(case, name, gradients.get(variable))?;
        }
        close_state_gradients(case, Some(&self.state), &gradients)?;
        for (name, parameter) in cell.parameters() {
            close_gradient(case, &name, gradients.get_id(parameter.id()))?;
        }
        Ok(gradients)
    }
}
