//! The gradient's way through time against the tape, differences, closed forms and PyTorch.

use gradus_autograd::{Error as AutogradError, Leaf, stack};
use gradus_nn_layers::{Parameter, Result, init};
use gradus_rnn_bptt::flow::{Advice, Figure, GateActivity, Gated, GradientFlow, Verdict};
use gradus_rnn_bptt::ndarray::{Array2, Array3, ArrayD, Axis, IxDyn, array};
use gradus_rnn_bptt::{
    Cell, Error, Gru, GruCell, Lstm, LstmCell, Module, Recurrent, Rnn, RnnCell, State, Tape, Value, Var,
};
use gradus_testing::golden::{Case, check};
use gradus_testing::{Tolerance, assert_close, close, close_scalar};
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

const EXACT: Tolerance = Tolerance { absolute: 1e-11, relative: 1e-10, of_largest: 0.0 };

fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

fn draw(shape: &[usize], seed: u64) -> ArrayD<f64> {
    let mut rng = rng(seed);
    ArrayD::from_shape_simple_fn(shape, || rng.random_range(-1.0..1.0))
}

/// A cell with a state of two arrays of different sizes.
///
/// ```text
/// m′ = m / 2 + tanh(x Wᵢₕᵀ + h Wₕₕᵀ)        h′ = tanh(m′ Wₘₕᵀ)
/// ```
#[derive(Debug, Clone, Module)]
#[module(float = f64)]
struct Pair {
    weight_ih: Parameter<f64>,
    weight_hh: Parameter<f64>,
    weight_mh: Parameter<f64>,
}

#[derive(Clone)]
struct Two(Vec<Var<f64>>);

impl State for Two {
    type Float = f64;
    fn parts(&self) -> Vec<&Var<f64>> {
        self.0.iter().collect()
    }
    fn from_parts(parts: Vec<Var<f64>>) -> Option<Self> {
        (parts.len() == 2).then_some(Self(parts))
    }
    fn hidden(&self) -> &Var<f64> {
        &self.0[0]
    }
}

impl Pair {
    fn new(input: usize, rng: &mut (impl Rng + ?Sized)) -> Self {
        let mut draw = |shape: (usize, usize)| init::uniform(shape, 0.9, rng).into();
        Self { weight_ih: draw((3, input)), weight_hh: draw((3, 2)), weight_mh: draw((2, 3)) }
    }
}

impl Cell for Pair {
    type Float = f64;
    type State = Two;
    const NAME: &'static str = "pair";
    fn input_size(&self) -> usize {
        self.weight_ih.shape()[1]
    }
    fn state_sizes(&self) -> Vec<usize> {
        vec![2, 3]
    }
    fn alike(&self, input_size: usize, rng: &mut (impl Rng + ?Sized)) -> Self {
        Self::new(input_size, rng)
    }
    fn named(&self) -> Vec<(&'static str, &Parameter<f64>)> {
        vec![("weight_ih", &self.weight_ih), ("weight_hh", &self.weight_hh), ("weight_mh", &self.weight_mh)]
    }
    fn named_mut(&mut self) -> Vec<(&'static str, &mut Parameter<f64>)> {
        let Self { weight_ih, weight_hh, weight_mh } = self;
        vec![("weight_ih", weight_ih), ("weight_hh", weight_hh), ("weight_mh", weight_mh)]
    }
    fn step(&self, x: &Var<f64>, state: &Two) -> gradus_rnn_bptt::Result<Two> {
        let tape = x.tape();
        let from_input = x.affine(&tape.parameter(&self.weight_ih), None)?;
        let from_state = state.0[0].affine(&tape.parameter(&self.weight_hh), None)?;
        let m = state.0[1].mul_scalar(0.5).try_add(&from_input.try_add(&from_state)?.tanh())?;
        Ok(Two(vec![m.affine(&tape.parameter(&self.weight_mh), None)?.tanh(), m]))
    }
}

/// A loss of every output and of the last state, whose weights are drawn.
fn loss<S: State<Float = f64>>(output: &Var<f64>, last: &S, seed: u64) -> Result<Var<f64>> {
    let tape = output.tape();
    let weighted = |v: &Var<f64>, seed| (v * tape.input(draw(v.shape(), seed))).sum();
    let mut total = weighted(output, seed).square();
    for (i, part) in last.parts().into_iter().enumerate() {
        total = total.try_add(&weighted(part, seed + 1 + i as u64))?;
    }
    Ok(total)
}

/// Stacked, bidirectional, batch first: everything that the layer's own backward pass finds, the flow finds.
fn agrees_with_the_layer<C: Cell<Float = f64>>(cell: C) {
    let layer = Recurrent::of(cell).layers(2, &mut rng(5)).bidirectional(&mut rng(6)).batch_first();
    let (batch, steps) = (3, 5);
    let x = draw(&[batch, steps, layer.cells[0].input_size()], 1);
    let given = |tape: &Tape<f64>| layer.zero_state(tape, batch).mapped(|part| tape.variable(draw(part.shape(), 2)));

    let tape = Tape::recording();
    let (x_var, state) = (tape.variable(x.clone()), given(&tape));
    let (output, last) = layer.forward_with(&x_var, Some(&state)).unwrap();
    let expected_loss = loss(&output, &last, 7).unwrap();
    let expected = expected_loss.backward().unwrap();

    let tape = Tape::inference();
    let flow = GradientFlow::of(&layer, &tape.input(x), Some(&given(&tape)), |y, s| loss(y, s, 7)).unwrap();
    close_scalar(flow.loss, expected_loss.item().unwrap(), EXACT, "loss").unwrap();
    let mut dx = flow.input.clone();
    dx.swap_axes(0, 1);
    assert_close(&dx.into_dyn(), &expected.get(&x_var).unwrap().view(), EXACT, "dx");
    let shares: Vec<_> = flow.lanes.iter().flat_map(|lane| &lane.shares).collect();
    let parameters = layer.parameters();
    assert_eq!(shares.len(), parameters.len());
    for (shares, (name, parameter)) in shares.into_iter().zip(parameters) {
        assert_eq!(shares.name, name);
        let gradient = expected.get(parameter).unwrap();
        assert_close(&shares.total, &gradient.view().to_owned(), EXACT, &name);
    }
    for lane in &flow.lanes {
        let mut sums: Vec<_> = lane.shares.iter().map(|shares| ArrayD::<f64>::zeros(shares.total.raw_dim())).collect();
        for t in 0..steps {
            for ((sum, (name, share)), shares) in sums.iter_mut().zip(lane.share(t).unwrap()).zip(&lane.shares) {
                assert_eq!(name, shares.name);
                let length = |x: &ArrayD<f64>| x.iter().map(|x| x * x).sum::<f64>().sqrt();
                let dot: f64 = share.iter().zip(&shares.total).map(|(a, b)| a * b).sum();
                close_scalar(shares.norms[t], length(&share), EXACT, "norm").unwrap();
                let cosine = dot / length(&share) / length(&shares.total);
                close_scalar(shares.cosines[t], cosine, EXACT, "cosine").unwrap();
                *sum += &share;
            }
        }
        for (sum, shares) in sums.iter().zip(&lane.shares) {
            assert_close(sum, &shares.total, EXACT, &shares.name);
        }
    }
}

#[test]
fn shares_add_up_to_the_gradient_of_the_layer() {
    agrees_with_the_layer(RnnCell::<f64>::new(3, 4, &mut rng(3)));
    agrees_with_the_layer(Pair::new(3, &mut rng(4)));
    agrees_with_the_layer(LstmCell::<f64>::new(3, 4, &mut rng(5)).projection(2, &mut rng(6)).peephole(&mut rng(7)));
    agrees_with_the_layer(GruCell::<f64>::new(3, 4, &mut rng(8)));
}

/// One lane in one direction: gradients of the states, the part that is carried, and Jacobians, against the unrolled tape.
fn agrees_with_the_tape<C: Cell<Float = f64>>(cell: C) {
    let (steps, batch, sequence) = (6, 3, 2);
    let x = draw(&[steps, batch, cell.input_size()], 1);
    let layer = Recurrent::of(cell);
    let cell = &layer.cells[0];
    let tape = Tape::inference();
    let last_loss = |y: &Var<f64>, s: &C::State| loss(y, s, 9);
    let flow = GradientFlow::of(&layer, &tape.input(x.clone()), None, last_loss).unwrap().judged_by(sequence).unwrap();
    let lane = &flow.lanes[0];

    // Every part of every state as a variable that retains its gradient.
    let unrolled = |cut: Option<usize>| {
        let tape = Tape::recording();
        let x = tape.input(x.clone());
        let mut states = vec![cell.zero_state(&tape, batch).mapped(|part| tape.variable(part.value().clone()))];
        for t in 0..steps {
            let after = cell.step(&x.select(0, t).unwrap(), states.last().unwrap()).unwrap();
            let after = if cut == Some(t) { after.mapped(|part| tape.variable(part.value().clone())) } else { after };
            after.parts().into_iter().for_each(Var::retain_gradient);
            states.push(after);
        }
        states
    };
    let states = unrolled(None);
    let output = stack(0, &states[1..].iter().map(State::hidden).collect::<Vec<_>>()).unwrap();
    let last = states[steps].mapped(|part| part.unsqueeze(0).unwrap());
    let gradients = loss(&output, &last, 9).unwrap().backward().unwrap();
    for (t, state) in states[1..].iter().enumerate() {
        let mut squares = 0.0;
        for (part, found) in state.parts().into_iter().zip(&lane.states) {
            let expected = gradients.get(part).unwrap();
            close(&found.gradients.index_axis(Axis(0), t).into_dyn(), &expected.view(), EXACT, &found.name).unwrap();
            let square: f64 = expected.iter().map(|g| g * g).sum();
            close_scalar(found.norms[t], square.sqrt(), EXACT, "norm").unwrap();
            squares += square;
        }
        if lane.states.len() == 1 {
            close_scalar(lane.norms[t], squares.sqrt(), EXACT, "norm of the state").unwrap();
        }
    }

    // Row i of ∂s_T/∂s_t: the gradient of number i of the last state.
    let jacobians = lane.jacobians(sequence).unwrap();
    let sizes = cell.state_sizes();
    let size: usize = sizes.iter().sum();
    for from in 0..steps {
        let mut expected = Array2::<f64>::zeros((size, size));
        let mut single = Array2::<f64>::zeros((size, size));
        for i in 0..size {
            // To the last state, and to the one after.
            for (rows, to) in [(&mut expected, steps), (&mut single, from + 1)] {
                let states = unrolled(from.checked_sub(1));
                let (mut part, mut place) = (0, i);
                while place >= sizes[part] {
                    place -= sizes[part];
                    part += 1;
                }
                let number = states[to].parts()[part].select(0, sequence).unwrap().select(0, place).unwrap();
                let gradients = number.backward().unwrap();
                let mut column = 0;
                for part in states[from].parts() {
                    let gradient =
                        gradients.get(part).map_or_else(|| Value::zeros(part.value().raw_dim()), Clone::clone);
                    for &g in gradient.index_axis(Axis(0), sequence) {
                        rows[[i, column]] = g;
                        column += 1;
                    }
                }
            }
        }
        assert_close(&jacobians.matrices[from], &single, EXACT, "a Jacobian");
        let back = steps - from;
        let norm = expected.iter().map(|x| x * x).sum::<f64>().sqrt();
        close_scalar(lane.ln_gains[back].exp(), norm / (size as f64).sqrt(), EXACT, "gain").unwrap();
        if from > 0 {
            let (product, ln) = jacobians.product(from - 1).unwrap();
            assert_close(&(product * ln.exp()), &expected, EXACT, "a product of Jacobians");
            let ln = jacobians.ln_product_singular_values();
            let squares: f64 = ln.row(from - 1).iter().map(|ln| (2.0 * ln).exp()).sum();
            close_scalar(squares.sqrt(), norm, EXACT, "singular values of the product").unwrap();
        }
    }
    let (identity, ln) = jacobians.product(steps - 1).unwrap();
    assert_eq!((identity, ln), (Array2::eye(size), 0.0));
    assert!(jacobians.product(steps).is_none());
    for (t, (radius, values)) in
        jacobians.spectral_radii().iter().zip(jacobians.singular_values().outer_iter()).enumerate()
    {
        assert!(*radius <= values[0] * (1.0 + 1e-12), "{t}: an eigenvalue beyond the largest singular value");
        let norm: f64 = jacobians.matrices[t].iter().map(|x| x * x).sum();
        close_scalar(values.iter().map(|x| x * x).sum::<f64>(), norm, EXACT, "singular values").unwrap();
    }

    // A Jacobian by central differences.
    let t = 3;
    let step = |state: &[ArrayD<f64>]| -> Vec<f64> {
        let tape = Tape::inference();
        let x = tape.input(x.index_axis(Axis(0), t).index_axis(Axis(0), sequence).insert_axis(Axis(0)).to_owned());
        let state = C::State::from_parts(state.iter().map(|part| tape.input(part.clone())).collect()).unwrap();
        let after = cell.step(&x, &state).unwrap();
        after.parts().iter().flat_map(|part| part.value().iter().copied().collect::<Vec<_>>()).collect()
    };
    let at = |part: &Var<f64>| part.value().index_axis(Axis(0), sequence).insert_axis(Axis(0)).to_owned();
    let before: Vec<_> = states[t].parts().into_iter().map(at).collect();
    let mut column = 0;
    for part in 0..before.len() {
        for place in 0..before[part].len() {
            let moved = |by: f64| {
                let mut state = before.clone();
                state[part][[0, place]] += by;
                step(&state)
            };
            let (more, less) = (moved(1e-5), moved(-1e-5));
            for i in 0..size {
                let difference = (more[i] - less[i]) / 2e-5;
                assert!((jacobians.matrices[t][[i, column]] - difference).abs() < 1e-9, "{i} by {column}");
            }
            column += 1;
        }
    }
}

#[test]
fn gradients_and_jacobians_are_those_of_the_unrolled_tape() {
    agrees_with_the_tape(RnnCell::<f64>::new(2, 3, &mut rng(3)));
    agrees_with_the_tape(RnnCell::<f64>::new(2, 3, &mut rng(4)).relu());
    agrees_with_the_tape(Pair::new(2, &mut rng(5)));
    agrees_with_the_tape(LstmCell::<f64>::new(2, 3, &mut rng(6)));
    agrees_with_the_tape(LstmCell::<f64>::new(2, 3, &mut rng(7)).projection(2, &mut rng(8)).peephole(&mut rng(9)));
    agrees_with_the_tape(GruCell::<f64>::new(2, 3, &mut rng(10)));
    agrees_with_the_tape(GruCell::<f64>::new(2, 3, &mut rng(11)).reset_before());
}

/// `relu(W h + x)` with inputs that keep the state positive: linear, so that each Jacobian is `W`.
fn linear(weight: Array2<f64>, steps: usize) -> (Rnn<f64>, Var<f64>) {
    let size = weight.nrows();
    let mut rnn = Rnn::new(size, size, &mut rng(1)).relu().without_bias();
    rnn.cells[0].weight_ih = Array2::eye(size).into();
    rnn.cells[0].weight_hh = weight.into();
    let x = Tape::inference().input(Array3::from_elem((steps, 1, size), 1.0));
    (rnn, x)
}

#[test]
fn verdicts_on_networks_that_are_built_for_them() {
    let many_to_one = |y: &Var<f64>, _: &Var<f64>| Ok(y.select(0, y.shape()[0] - 1)?.sum());
    let many_to_many = |y: &Var<f64>, _: &Var<f64>| Ok(y.sum());
    let permutation = array![[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]];
    for every in [false, true] {
        let of = |rnn: &Rnn<f64>, x: &Var<f64>| {
            GradientFlow::of(rnn, x, None, |y, s| if every { many_to_many(y, s) } else { many_to_one(y, s) }).unwrap()
        };
        let gain = |gain: f64, steps: usize| {
            let (rnn, x) = linear(&permutation * gain, steps);
            let flow = of(&rnn, &x);
            let lane = &flow.lanes[0];
            for (k, ln) in lane.ln_gains.iter().enumerate() {
                close_scalar(*ln, k as f64 * gain.ln(), EXACT, "ln gain").unwrap();
            }
            let jacobians = lane.jacobians(0).unwrap();
            assert!(jacobians.spectral_radii().iter().all(|radius| (radius - gain).abs() < 1e-13));
            assert!(jacobians.singular_values().iter().all(|value| (value - gain).abs() < 1e-14));
            flow.diagnosis()
        };
        let half = gain(0.5, 30);
        assert_eq!((half.verdict, half.horizon), (Verdict::Vanishing, 7.0));
        let more = gain(1.5, 30);
        assert_eq!((more.verdict, more.horizon), (Verdict::Exploding, 12.0));
        assert_eq!(gain(1.0, 30).verdict, Verdict::Healthy);

        // tanh with an orthogonal matrix of gain 1/2, and nearly linear with gain 1.
        for (scale, input, verdict) in [(0.5, 1.0, Verdict::Vanishing), (1.0, 1e-3, Verdict::Healthy)] {
            let mut rnn = Rnn::<f64>::new(2, 8, &mut rng(1)).without_bias();
            rnn.cells[0].weight_hh = (init::orthogonal((8, 8), scale, &mut rng(2)).unwrap()).into();
            let x = Tape::inference().input(draw(&[40, 2, 2], 3) * input);
            let flow = of(&rnn, &x);
            assert_eq!(flow.diagnosis().verdict, verdict);
            // With a loss at every step the norms alone would not tell.
            let lane = &flow.lanes[0];
            let first = lane.norms[0] / lane.norms[39];
            assert_eq!(first < 0.01, !every && verdict == Verdict::Vanishing, "{first}");
        }
    }
}

#[test]
fn the_part_that_is_carried() {
    let (rnn, x) = linear(array![[0.5]], 4);
    let flow = GradientFlow::of(&rnn, &x, None, |y, _| Ok(y.sum())).unwrap();
    let lane = &flow.lanes[0];
    assert_eq!(lane.norms, [1.875, 1.75, 1.5, 1.0]);
    assert_eq!(lane.carried, [0.875, 0.75, 0.5, 0.0]);
    // ∂L/∂w = Σ λₜ hₜ₋₁ with h = 1, 1.5, 1.75
    assert_eq!(lane.shares[1].name, "weight_hh_l0");
    assert_eq!(lane.shares[1].norms, [0.0, 1.75, 2.25, 1.75]);
    assert_eq!((lane.shares[1].cosines[0], &lane.shares[1].cosines[1..]), (0.0, &[1.0; 3][..]));
    assert_eq!(lane.share(2).unwrap()[1].1, ArrayD::from_elem(IxDyn(&[1, 1]), 2.25));
}

#[test]
fn the_reverse_direction_forgets_the_end() {
    let (rnn, x) = linear(array![[0.5]], 12);
    let rnn = rnn.bidirectional(&mut rng(1));
    let mut both = rnn.clone();
    both.cells[1] = both.cells[0].clone();
    let flow = GradientFlow::of(&both, &x, None, |_, last| Ok(last.sum())).unwrap();
    let [forward, reverse] = &flow.lanes[..] else { panic!("two lanes") };
    assert_eq!((forward.name.as_str(), reverse.name.as_str()), ("l0", "l0_reverse"));
    assert_eq!((forward.norms[11], forward.norms[10]), (1.0, 0.5));
    assert_eq!((reverse.norms[0], reverse.norms[1]), (1.0, 0.5));
    assert_eq!(forward.ln_gains, reverse.ln_gains);
    let (forward, reverse) = (forward.jacobians(0).unwrap(), reverse.jacobians(0).unwrap());
    let (there, back) = (forward.ln_product_singular_values(), reverse.ln_product_singular_values());
    assert!((0..12).all(|t| (there[[t, 0]] - back[[11 - t, 0]]).abs() < 1e-14));
    assert_eq!(reverse.product(3).unwrap().1, 0.125_f64.ln());
}

#[test]
fn frozen_parameters_have_no_share_and_single_precision_will_do() {
    let mut rnn = Rnn::<f32>::new(2, 3, &mut rng(1));
    rnn.set_trainable(false, &|name| name.starts_with("bias"));
    let x = Tape::inference().input(Array3::ones((5, 2, 2)));
    let flow = GradientFlow::of(&rnn, &x, None, |y, _| Ok(y.square().mean())).unwrap();
    assert_eq!(flow.lanes[0].shares.len(), 2);
    let tape = Tape::recording();
    let gradients =
        rnn.forward_with(&tape.input(Array3::ones((5, 2, 2))), None).unwrap().0.square().mean().backward().unwrap();
    let found = &flow.lanes[0].shares[1].total;
    let expected = gradients.get_id(rnn.cells[0].weight_hh.id()).unwrap();
    assert!(found.iter().zip(expected.iter()).all(|(a, b)| (a - b).abs() < 1e-6));
}

#[test]
fn what_does_not_fit_is_said() {
    let rnn = Rnn::<f64>::new(2, 3, &mut rng(1));
    let tape = Tape::inference();
    let sum = |y: &Var<f64>, _: &Var<f64>| Ok(y.sum());
    let x = |shape: (usize, usize, usize)| tape.input(Array3::<f64>::ones(shape));
    let message = |rnn: &Rnn<f64>, x: Var<f64>| GradientFlow::of(rnn, &x, None, sum).unwrap_err().to_string();
    assert_eq!(message(&rnn, x((0, 2, 2))), "rnn: input [0, 2, 2] has no time steps; a sequence has at least one");
    assert!(message(&rnn, x((4, 2, 5))).contains("the last axis has 5 features; the layer takes 2"));
    assert_eq!(message(&rnn, x((4, 0, 2))), "gradient_flow: sequence 0 of a batch of 0; it must be less than that");
    assert_eq!(
        message(&Rnn::new(2, 0, &mut rng(1)), x((4, 2, 2))),
        "gradient_flow: the cells have a state of 0 features; must have at least one"
    );
    let wrong = tape.input(Array3::zeros((1, 2, 7)));
    let state = GradientFlow::of(&rnn, &x((4, 2, 2)), Some(&wrong), sum).unwrap_err();
    assert!(matches!(state.source_as::<Error>(), Some(Error::State { .. })), "{state}");

    let flow = GradientFlow::of(&rnn, &x((4, 2, 2)), None, sum).unwrap();
    let lane = &flow.lanes[0];
    assert_eq!(lane.share(4).unwrap_err().to_string(), "share: step 4 of a sequence of 4; it must be less than that");
    let sequence = lane.jacobians(2).unwrap_err();
    assert_eq!(sequence.to_string(), "jacobians: sequence 2 of a batch of 2; it must be less than that");
    assert!(matches!(flow.clone().judged_by(2), Err(Error::FlowSequence { sequence: 2, batch: 2, .. })));
    let every = GradientFlow::of(&rnn, &x((4, 2, 2)), None, |y, _| Ok(y.clone())).unwrap_err();
    assert!(matches!(every.source_as::<AutogradError>(), Some(AutogradError::NotScalar { .. })), "{every}");
    let nan = GradientFlow::of(&rnn, &x((4, 2, 2)), None, |y, _| Ok(y.mul_scalar(f64::NAN).sum())).unwrap_err();
    assert!(matches!(nan.source_as::<AutogradError>(), Some(AutogradError::NonFiniteLoss { .. })), "{nan}");
    // A loss that reads nothing has no gradient, and the product is what it is.
    let none = GradientFlow::of(&rnn, &x((4, 2, 2)), None, |y, _| Ok(y.mul_scalar(0.0).sum())).unwrap();
    assert!(none.lanes[0].norms.iter().all(|&norm| norm == 0.0));
    assert_eq!(none.lanes[0].ln_gains, lane.ln_gains);
}

/// The norms of the states' gradients in PyTorch, also where back-propagation is truncated.
#[test]
fn norms_are_those_of_pytorch() {
    check("bptt", &[], |case| {
        let sizes = (case.input("weight_ih").shape()[1], case.input("h0").shape()[1]);
        match case.str("cell") {
            "tanh" => norms(case, RnnCell::<f64>::new(sizes.0, sizes.1, &mut rng(0))),
            "relu" => norms(case, RnnCell::<f64>::new(sizes.0, sizes.1, &mut rng(0)).relu()),
            "lstm" => norms(case, LstmCell::<f64>::new(sizes.0, sizes.1, &mut rng(0))),
            "gru" => norms(case, GruCell::<f64>::new(sizes.0, sizes.1, &mut rng(0))),
            other => Err(format!("no cell of kind {other}").into()),
        }
    });
}

fn norms<C: Cell<Float = f64>>(case: &Case, mut cell: C) -> std::result::Result<(), Box<dyn std::error::Error>> {
    for (name, parameter) in cell.named_mut() {
        parameter.value_mut().assign(&case.input_as::<f64>(name));
    }
    let layer = Recurrent::of(cell);
    let tape = Tape::inference();
    let given: Vec<_> = ["h0", "c0"].into_iter().filter_map(|name| case.try_input_as::<f64>(name)).collect();
    let parts = given.into_iter().map(|part| tape.input(part).unsqueeze(0)).collect::<std::result::Result<_, _>>()?;
    let mut state = C::State::from_parts(parts).ok_or("another state")?;
    let (x, target) = (tape.input(case.input_as::<f64>("x")), case.input_as::<f64>("target"));
    let (steps, every) = (case.usize("steps"), case.bool("every_step"));
    let piece = case.try_usize("truncate").unwrap_or(steps);
    let expected = case.output("dh_norm");
    for start in (0..steps).step_by(piece) {
        let end = steps.min(start + piece);
        let x = x.slice_axis(0, start..end, 1)?;
        let flow = GradientFlow::of(&layer, &x, Some(&state), |output, _| {
            let tape = output.tape();
            let head = |name| tape.input(case.input_as::<f64>(name));
            let y = output.affine(&head("head.weight"), Some(&head("head.bias")))?;
            let target = tape.input(target.clone());
            let squares = match (every, end == steps) {
                (true, _) => y.try_sub(&target.slice_axis(0, start..end, 1)?)?.square(),
                (false, true) => y.select(0, end - start - 1)?.try_sub(&target)?.square(),
                (false, false) => y.mul_scalar(0.0),
            };
            Ok(squares.sum().mul_scalar(1.0 / target.value().len() as f64))
        })?;
        for (t, &norm) in flow.lanes[0].states[0].norms.iter().enumerate() {
            close_scalar(norm, expected[[start + t]], EXACT, &format!("dh_norm at {}", start + t))?;
        }
        state = layer.forward_with(&x, Some(&state))?.1;
    }
    Ok(())
}

/// A forget gate that is open keeps the memory's gradient, one that is half closed halves it at each step.
#[test]
fn the_forget_gate_rules_the_verdict() {
    let x = Tape::inference().input(draw(&[60, 2, 2], 1));
    let diagnosis = |bias: f64| {
        let mut lstm = Lstm::<f64>::new(2, 6, &mut rng(1));
        let weights = lstm.cells[0].bias_hh.as_mut().unwrap().value_mut();
        (6..12).for_each(|unit| weights[[unit]] += bias);
        let flow = GradientFlow::of(&lstm, &x, None, |y, _| Ok(y.sum())).unwrap();
        assert_eq!(flow.lanes[0].states.len(), 2);
        (flow.diagnosis(), flow.advice())
    };
    let (as_drawn, advice) = diagnosis(0.0);
    assert_eq!(as_drawn.verdict, Verdict::Vanishing);
    assert!((0.3..0.9).contains(&as_drawn.factor), "{as_drawn}");
    let Advice::ForgetBias { bias, steps: 60 } = advice[0] else { panic!("{advice:?}") };
    let (raised, advice) = diagnosis(bias);
    assert_eq!((raised.verdict, advice), (Verdict::Healthy, vec![Advice::Keep]), "{raised}");
    assert!((0.9..1.01).contains(&raised.factor), "{raised}");
}

#[test]
fn gates_are_those_that_the_step_uses() {
    let tape = Tape::inference();
    let x = tape.input(draw(&[4, 3], 1));
    let lstm = LstmCell::<f64>::new(3, 5, &mut rng(2)).peephole(&mut rng(3));
    let state = lstm.zero_state(&tape, 4).mapped(|part| tape.input(draw(part.shape(), 4)));
    let gates = lstm.gates(&x, &state).unwrap();
    let after = lstm.step(&x, &state).unwrap();
    let (f, o) = (&gates[1], &gates[2]);
    assert_close(&**(o * after.c.tanh()).value(), &after.h.value().view(), EXACT, "h = o tanh c");
    // c = f c₋ + i g: what is added is i g, with |g| < 1.
    let added = &after.c - f * &state.c;
    assert!(added.value().iter().zip(gates[0].value().iter()).all(|(added, i)| added.abs() < *i));

    for gru in [GruCell::<f64>::new(3, 5, &mut rng(5)), GruCell::new(3, 5, &mut rng(6)).reset_before()] {
        let h = tape.input(draw(&[4, 5], 7));
        let z = &gru.gates(&x, &h).unwrap()[1];
        // h′ − z h = (1 − z) n, with |n| < 1
        let rest = gru.step(&x, &h).unwrap() - z * &h;
        assert!(rest.value().iter().zip(z.value().iter()).all(|(rest, z)| rest.abs() < 1.0 - z));
        assert!(gru.gates(&h, &h).is_err());
    }
}

#[test]
fn gate_activity_over_a_sequence() {
    let mut gru = Gru::<f32>::new(2, 3, &mut rng(1)).layers(2, &mut rng(2)).bidirectional(&mut rng(3)).batch_first();
    let shut = gru.cells[1].bias_ih.as_mut().unwrap().value_mut();
    (shut[[3]], shut[[4]], shut[[5]]) = (100.0, 100.0, -100.0); // update gates of three units
    let tape = Tape::inference();
    let x = tape.input(Array3::<f32>::ones((2, 9, 2)));
    let activity = GateActivity::of(&gru, &x, None).unwrap();
    let names: Vec<_> = activity.lanes.iter().map(|lane| lane.name.as_str()).collect();
    assert_eq!(names, ["l0", "l0_reverse", "l1", "l1_reverse"]);
    let z = &activity.lanes[1].gates[1];
    assert_eq!((z.name, z.values.dim(), z.means.len()), ("z", (9, 2, 3), 9));
    for t in 0..9 {
        let near = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-6, "{found}");
        near(z.means[t], 2.0 / 3.0);
        near(z.closed[t], 1.0 / 3.0);
        near(z.open[t], 2.0 / 3.0);
        near(z.saturated()[t], 1.0);
    }
    let svg = activity.lanes[1].to_svg(1, &[0, 2]).unwrap();
    assert!(svg.contains("gates of l0_reverse, sequence 1") && svg.contains("z, units"), "{svg}");
    assert_eq!(svg.matches("class=\"frame\"").count(), 2);
    assert_eq!(activity.lanes[0].figure().curves().len(), 4);

    let message = |sequence, units: &[usize]| activity.lanes[0].to_svg(sequence, units).unwrap_err().to_string();
    assert_eq!(message(2, &[0]), "gate_activity: sequence 2 of a batch of 2; it must be less than that");
    assert_eq!(message(0, &[1, 3]), "gate_activity: unit 3 of a layer of 3; give at least one, each less than that");
    assert_eq!(message(0, &[]), "gate_activity: unit 3 of a layer of 3; give at least one, each less than that");
    let none = GateActivity::of(&gru, &tape.input(Array3::zeros((0, 9, 2))), None).unwrap_err().to_string();
    assert_eq!(none, "gate_activity: sequence 0 of a batch of 0; it must be less than that");
    assert!(GateActivity::of(&gru, &tape.input(Array3::zeros((2, 0, 2))), None).is_err());
}

#[test]
fn tables_and_pictures() {
    let x = Tape::inference().input(draw(&[40, 2, 2], 1));
    let last = |y: &Var<f64>| Ok(y.select(0, 39)?.square().mean());
    let lstm = Lstm::<f64>::new(2, 6, &mut rng(1)).layers(2, &mut rng(2)).bidirectional(&mut rng(3));
    let lstm = GradientFlow::of(&lstm, &x, None, |y, _| last(y)).unwrap();
    let rnn = GradientFlow::of(&Rnn::<f64>::new(2, 6, &mut rng(4)), &x, None, |y, _| last(y)).unwrap();
    let table = rnn.to_string();
    let lines: Vec<_> = table.lines().collect();
    assert!(lines[0].starts_with("gradient flow of rnn: loss 0."), "{table}");
    assert!(lines[1].starts_with("l0: vanishing: factor 0."), "{table}");
    assert!(table.contains("     t   |dL/dh|   carried       gain   weight_hh     cos"), "{table}");
    assert!(table.contains("    39") && table.contains("1.00e0") && table.contains("k2 = "), "{table}");
    for text in [table, lstm.to_string(), lstm.to_text(), rnn.to_text()] {
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }
    assert!(lstm.to_string().contains("|dL/dc|") && lstm.to_string().contains("l1_reverse: "));
    assert_eq!(lstm.to_svg().matches("class=\"curve\"").count(), 8);
    for name in ["l0 h", "l0_reverse c", "l1_reverse h"] {
        assert!(lstm.to_svg().contains(&format!(">{name}<")), "{name}");
    }
    for figure in [Figure::gradients("both"), Figure::gains("both")] {
        let figure = figure.with("LSTM", &lstm).with("RNN", &rnn);
        let both = figure.to_svg();
        assert!(both.contains(">LSTM<") && both.contains(">RNN<") && !both.contains("NaN") && !both.contains("inf"));
        assert_eq!(figure.curves()[1].name, "RNN");
    }
}
