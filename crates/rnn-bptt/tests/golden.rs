//! Recurrent layers against PyTorch.

use std::error::Error;

use gradus_autograd::{Gradients, Leaf, concatenate, stack};
use gradus_rnn_bptt::ndarray::Axis;
use gradus_rnn_bptt::{Cell, Module, Real, Rnn, RnnCell, Tape, Value, Var};
use gradus_testing::golden::{Case, check};
use gradus_testing::{Float, close, close_scalar};
use rand::SeedableRng;
use rand::rngs::StdRng;

type Outcome = Result<(), Box<dyn Error>>;

/// Runs a family of which single cases are missing, by their names; the list only ever shrinks.
fn check_but(family: &str, missing_cases: &[&str], run: impl Fn(&Case) -> Outcome) {
    let mut met = Vec::new();
    check(family, &[], |case| {
        let Some(&name) = missing_cases.iter().find(|name| **name == case.name) else { return run(case) };
        met.push(name);
        match run(case) {
            Ok(()) => Err("listed as missing, but it agrees: take it off the list".into()),
            Err(_) => Ok(()),
        }
    });
    let unknown: Vec<_> = missing_cases.iter().filter(|name| !met.contains(name)).collect();
    assert!(unknown.is_empty(), "golden {family}: {unknown:?} listed as missing, but no such case");
}

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

#[test]
fn rnn() {
    check("rnn", &["lstm", "gru"], |case| {
        run_rnn::<f64>(case)?;
        run_rnn::<f32>(case)
    });
}

fn run_rnn<F: Real + Float>(case: &Case) -> Outcome {
    let mut rng = StdRng::seed_from_u64(0);
    let mut rnn = Rnn::<F>::new(case.usize("input_size"), case.usize("hidden_size"), &mut rng)
        .layers(case.usize("num_layers"), &mut rng);
    if case.bool("bidirectional") {
        rnn = rnn.bidirectional(&mut rng);
    }
    if case.bool("batch_first") {
        rnn = rnn.batch_first();
    }
    if !case.bool("bias") {
        rnn = rnn.without_bias();
    }
    match case.op.as_str() {
        "rnn_tanh" => {}
        "rnn_relu" => rnn = rnn.relu(),
        _ => return case.unknown(),
    }
    load(case, &mut rnn);

    let tape = Tape::<F>::recording();
    let x = tape.variable(case.input_as::<F>("x"));
    let h0 = case.try_input_as::<F>("h0").map(|h0| tape.variable(h0));
    let (y, h_n) = if case.has_input("lengths") {
        let lengths: Vec<usize> = case.classes("lengths").into_iter().collect();
        rnn.forward_padded(&x, &lengths, h0.as_ref())?
    } else {
        rnn.forward_with(&x, h0.as_ref())?
    };
    close(&***y.value(), &case.output("y"), F::TOLERANCE, "y")?;
    close(&***h_n.value(), &case.output("h_n"), F::TOLERANCE, "h_n")?;
    let weighted = |v: &Var<F>, name: &str| (v * tape.input(case.cotangent_as::<F>(name))).sum();
    let gradients = (weighted(&y, "y") + weighted(&h_n, "h_n")).backward()?;
    close_gradient(case, "x", gradients.get(&x))?;
    if let Some(h0) = &h0 {
        close_gradient(case, "h0", gradients.get(h0))?;
    }
    close_gradients(case, &rnn, &gradients)
}

const MISSING_BPTT: [&str; 6] = [
    "bptt_lstm_many_to_one",
    "bptt_lstm_many_to_many",
    "bptt_lstm_truncated",
    "bptt_gru_many_to_one",
    "bptt_gru_many_to_many",
    "bptt_gru_truncated",
];

#[test]
fn bptt() {
    check_but("bptt", &MISSING_BPTT, |case| {
        if case.op != "bptt" {
            return case.unknown();
        }
        run_bptt::<f64>(case)?;
        run_bptt::<f32>(case)
    });
}

/// Step by step on the tape, which shows the gradient of every state; then the same in pieces by the written-out layer.
fn run_bptt<F: Real + Float>(case: &Case) -> Outcome {
    let weight = case.input_as::<F>("weight_ih");
    let (input, hidden) = (weight.shape()[1], case.input("h0").shape()[1]);
    let mut cell = RnnCell::<F>::new(input, hidden, &mut StdRng::seed_from_u64(0));
    match case.str("cell") {
        "tanh" => {}
        "relu" => cell = cell.relu(),
        other => return Err(format!("no cell of kind {other}").into()),
    }
    load(case, &mut cell);
    let steps = case.usize("steps");
    let piece = case.try_usize("truncate").unwrap_or(steps);

    let tape = Tape::<F>::recording();
    let network = Network::new(case, &tape);
    let mut states = Vec::new();
    let mut h = network.h0.clone();
    for t in 0..steps {
        if t > 0 && t % piece == 0 {
            h = h.detach();
        }
        h = cell.step(&network.x.select(0, t)?, &h)?;
        h.retain_gradient();
        states.push(h.clone());
    }
    let gradients = network.finish(case, &stack(0, &states.iter().collect::<Vec<_>>())?, &cell)?;
    let (dh, dh_norm) = (case.output("dh"), case.output("dh_norm"));
    // In f32 a step's gradient is compared with the largest of all steps.
    let tolerance = F::TOLERANCE.at_scale(dh.iter().fold(0.0, |m: f64, g| m.max(g.abs())));
    for (t, h) in states.iter().enumerate() {
        let zero = Value::zeros(h.value().raw_dim());
        let gradient = gradients.get(h).unwrap_or(&zero);
        close(&***gradient, &dh.index_axis(Axis(0), t), tolerance, &format!("dh at {t}"))?;
        let norm = gradient.iter().map(|g| Real::to_f64(*g).powi(2)).sum::<f64>().sqrt();
        close_scalar(<F as Float>::from_f64(norm), dh_norm[[t]], tolerance, &format!("dh_norm at {t}"))?;
    }

    let mut layer = Rnn::<F>::new(input, hidden, &mut StdRng::seed_from_u64(0));
    layer.cells = vec![cell];
    let tape = Tape::<F>::recording();
    let network = Network::new(case, &tape);
    let mut state = network.h0.unsqueeze(0)?;
    let mut outputs = Vec::new();
    for start in (0..steps).step_by(piece) {
        let x = network.x.slice_axis(0, start..steps.min(start + piece), 1)?;
        let (output, h_n) = layer.forward_with(&x, Some(&state))?;
        outputs.push(output);
        state = h_n.detach();
    }
    network.finish(case, &concatenate(0, &outputs.iter().collect::<Vec<_>>())?, &layer.cells[0])?;
    Ok(())
}

/// What stands around the cell in a case of `bptt`.
struct Network<F: Real> {
    x: Var<F>,
    h0: Var<F>,
    head_weight: Var<F>,
    head_bias: Var<F>,
    target: Var<F>,
}

impl<F: Real + Float> Network<F> {
    fn new(case: &Case, tape: &Tape<F>) -> Self {
        let variable = |name| tape.variable(case.input_as::<F>(name));
        Self {
            x: variable("x"),
            h0: variable("h0"),
            head_weight: variable("head.weight"),
            head_bias: variable("head.bias"),
            target: tape.input(case.input_as::<F>("target")),
        }
    }

    /// Head, loss and gradients, compared with the case's; `h (T, N, H)` are the states.
    fn finish(&self, case: &Case, h: &Var<F>, cell: &RnnCell<F>) -> Result<Gradients<F>, Box<dyn Error>> {
        close(&***h.value(), &case.output("h"), F::TOLERANCE, "h")?;
        let read = if case.bool("every_step") { h.clone() } else { h.select(0, h.shape()[0] - 1)? };
        let y = read.affine(&self.head_weight, Some(&self.head_bias))?;
        close(&***y.value(), &case.output("y"), F::TOLERANCE, "y")?;
        let loss = y.try_sub(&self.target)?.square().mean();
        close(&***loss.value(), &case.output("loss"), F::TOLERANCE, "loss")?;
        let gradients = loss.backward()?;
        let own =
            [("x", &self.x), ("h0", &self.h0), ("head.weight", &self.head_weight), ("head.bias", &self.head_bias)];
        for (name, variable) in own {
            close_gradient(case, name, gradients.get(variable))?;
        }
        for (name, parameter) in cell.parameters() {
            close_gradient(case, &name, gradients.get_id(parameter.id()))?;
        }
        Ok(gradients)
    }
}
