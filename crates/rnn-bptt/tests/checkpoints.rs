//! Checkpointed back-propagation through time: the gradients of the whole, in the memory of its root.

use gradus_autograd::Peak;
use gradus_rnn_bptt::ndarray::{Array2, Array3};
use gradus_rnn_bptt::{
    Cell, Error, Gru, Lstm, LstmState, Module, Recurrent, Result, Rnn, RnnCell, State, Tape, Value, Var, checkpointed,
    checkpointed_state,
};
use gradus_testing::{Tolerance, assert_close};
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

const EXACT: Tolerance = Tolerance { absolute: 1e-12, relative: 1e-12, of_largest: 0.0 };

fn rng() -> StdRng {
    StdRng::seed_from_u64(3)
}

fn draw(shape: (usize, usize, usize), seed: u64) -> Array3<f64> {
    let mut rng = StdRng::seed_from_u64(seed);
    Array3::from_shape_simple_fn(shape, || rng.random_range(-1.0..1.0))
}

/// Outputs, last state and every gradient of a loss of both; `None` segments is the layer itself.
fn found<C: Cell<Float = f64> + 'static>(
    recurrent: &Recurrent<C>,
    segments: Option<usize>,
    given: bool,
) -> Vec<(String, Value<f64>)> {
    let (steps, batch) = (13, 3);
    let tape = Tape::recording();
    let x = tape.variable(draw((steps, batch, 2), 1));
    let sizes = recurrent.cells[0].state_sizes();
    let parts = sizes.iter().map(|&size| tape.variable(draw((recurrent.cells.len(), batch, size), 2)));
    let first = C::State::from_parts(parts.collect()).unwrap();
    let state = given.then_some(&first);
    let (output, last) = match segments {
        Some(segments) => checkpointed(recurrent, &x, state, segments).unwrap(),
        None => recurrent.forward_with(&x, state).unwrap(),
    };
    let mut values = vec![("output".to_owned(), output.value().clone())];
    let mut loss = (&output * tape.input(draw((steps, batch, output.shape()[2]), 3))).sum();
    for part in last.parts() {
        values.push(("last".into(), part.value().clone()));
        loss = loss + (part.square() * 0.5).sum();
    }
    let gradients = loss.backward().unwrap();
    values.push(("dx".into(), gradients.get(&x).unwrap().clone()));
    if given {
        values.extend(first.parts().into_iter().map(|part| ("d first".into(), gradients.get(part).unwrap().clone())));
    }
    for (name, parameter) in recurrent.parameters() {
        values.push((name, gradients.get(parameter).unwrap().clone()));
    }
    values
}

fn same_as_the_whole<C: Cell<Float = f64> + 'static>(recurrent: &Recurrent<C>) {
    for given in [false, true] {
        let whole = found(recurrent, None, given);
        for segments in [1, 2, 4, 12, 13] {
            let pieces = found(recurrent, Some(segments), given);
            assert_eq!(pieces.len(), whole.len());
            for ((name, found), (_, expected)) in pieces.iter().zip(&whole) {
                assert_close(&**found, &**expected, EXACT, &format!("{segments} segments: {name}"));
                if segments == 1 {
                    assert_eq!(found, expected, "one segment has the bits of the whole: {name}");
                }
            }
        }
    }
}

#[test]
fn gradients_are_those_of_the_whole() {
    same_as_the_whole(&Rnn::new(2, 4, &mut rng()).layers(2, &mut rng()));
    same_as_the_whole(&Lstm::new(2, 3, &mut rng()).layers(2, &mut rng()));
    same_as_the_whole(&Gru::new(2, 3, &mut rng()));
}

#[test]
fn batch_first_and_what_is_frozen() {
    let mut lstm: Lstm<f64> = Lstm::new(2, 3, &mut rng()).batch_first();
    lstm.set_trainable(false, &|name| name.starts_with("bias"));
    let run = |segments: Option<usize>| {
        let x = Tape::recording().input(draw((3, 13, 2), 1));
        let (output, _) = match segments {
            Some(segments) => checkpointed(&lstm, &x, None, segments).unwrap(),
            None => lstm.forward_with(&x, None).unwrap(),
        };
        (output.value().clone(), output.square().sum().backward().unwrap())
    };
    let ((output, pieces), (expected, whole)) = (run(Some(4)), run(None));
    assert_close(&*output, &*expected, EXACT, "output");
    assert_eq!((pieces.len(), whole.len()), (2, 2));
    for (id, gradient) in whole.iter() {
        assert_close(&**pieces.get_id(id).unwrap(), &**gradient, EXACT, "gradient");
    }
    let x = Tape::inference().input(draw((3, 13, 2), 1));
    assert_eq!(checkpointed(&lstm, &x, None, 4).unwrap().0.value(), &expected);
    assert!(x.tape().is_empty());
}

#[test]
fn parameters_are_let_go_of() {
    let mut rnn: Rnn = Rnn::new(2, 3, &mut rng());
    let before = rnn.cells[0].weight_hh.value().as_ptr();
    let x = Tape::recording().input(Array3::ones((6, 2, 2)));
    let state = checkpointed_state(&rnn, &x, None, 3).unwrap();
    let gradients = state.sum().backward().unwrap();
    assert_eq!(gradients.len(), 4);
    rnn.cells[0].weight_hh.value_mut().map_inplace(|w| *w += 1.0);
    assert_eq!(rnn.cells[0].weight_hh.value().as_ptr(), before, "changed in place");
}

/// A cell of one's own that drops parts of its state in training, anew at each step.
#[derive(Debug, Clone, Module)]
#[module(float = f64)]
struct Forgetful(RnnCell<f64>);

impl Cell for Forgetful {
    type Float = f64;
    type State = Var<f64>;
    const NAME: &'static str = "forgetful";

    fn input_size(&self) -> usize {
        self.0.input_size()
    }

    fn state_sizes(&self) -> Vec<usize> {
        self.0.state_sizes()
    }

    fn alike(&self, input_size: usize, rng: &mut (impl Rng + ?Sized)) -> Self {
        Self(self.0.alike(input_size, rng))
    }

    fn step(&self, x: &Var<f64>, h: &Var<f64>) -> Result<Var<f64>> {
        let after = self.0.step(x, h)?;
        let mask = x.tape().random(|rng| Array2::from_shape_simple_fn((3, 4), || f64::from(rng.random_bool(0.5))));
        Ok(match mask {
            Some(mask) => after.try_mul(&x.tape().input(mask))?,
            None => after,
        })
    }
}

#[test]
fn what_was_dropped_is_dropped_again() {
    let mut recurrent = Recurrent::of(Forgetful(RnnCell::new(2, 4, &mut rng())));
    let loss = |recurrent: &Recurrent<Forgetful>, seed: u64| {
        let x = Tape::training(&mut StdRng::seed_from_u64(seed)).input(draw((12, 3, 2), 1));
        checkpointed(recurrent, &x, None, 4).unwrap().0.square().sum()
    };
    assert_ne!(loss(&recurrent, 1).item(), loss(&recurrent, 2).item());
    let gradients = loss(&recurrent, 1).backward().unwrap();
    let found = gradients.get(&recurrent.cells[0].0.weight_hh).unwrap().clone();
    for place in [[0, 1], [3, 2]] {
        let mut at = |shift: f64| {
            recurrent.cells[0].0.weight_hh.value_mut()[place] += shift;
            let loss = loss(&recurrent, 1).item().unwrap();
            recurrent.cells[0].0.weight_hh.value_mut()[place] -= shift;
            loss
        };
        let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
        assert!((slope - found[place]).abs() < 1e-8, "{slope}, not {}", found[place]);
    }
}

/// Bytes that the tape holds before the way back, and bytes of all arrays at most, for a loss of the last state.
fn memory(lstm: &Lstm<f32>, steps: usize, segments: Option<usize>) -> (usize, usize) {
    let input = Value::from(Array3::<f32>::ones((steps, 2, 3))); // as long as it is, and not counted
    let run = |tape: &Tape| {
        let x = tape.input(input.clone());
        match segments {
            Some(segments) => checkpointed_state(lstm, &x, None, segments).unwrap(),
            None => lstm.forward_with(&x, None).unwrap().1,
        }
    };
    let tape = Tape::recording();
    drop(run(&tape));
    let held = tape.take_apart().held();
    let (gradients, peak) = Peak::of(|| run(&Tape::recording()).h.square().sum().backward());
    assert_eq!(gradients.unwrap().len(), 4);
    (held, peak.bytes)
}

#[test]
fn memory_grows_as_the_root() {
    let lstm = Lstm::new(3, 8, &mut rng());
    let mut before = None;
    for steps in [64_usize, 256, 1024, 4096] {
        let (held, peak) = memory(&lstm, steps, Some(steps.isqrt()));
        let (whole_held, whole_peak) = memory(&lstm, steps, None);
        println!("T = {steps:>4}: held {held:>7} of {whole_held:>8}, at most {peak:>8} of {whole_peak:>8}");
        // The states at the borders, h and c of 8 numbers for 2 sequences; the last state is nobody's past.
        assert_eq!(held, (steps.isqrt() - 1) * 2 * 2 * 8 * 4);
        if let Some(before) = before.replace(peak) {
            assert!(
                peak as f64 <= 2.1 * before as f64,
                "four times the steps, twice the memory: {peak} after {before}"
            );
        }
        assert!(peak * steps.isqrt() < whole_peak * 8, "{peak} of {whole_peak} at {steps} steps");
    }
}

#[test]
fn what_does_not_fit_is_said() {
    let lstm: Lstm = Lstm::new(3, 4, &mut rng());
    let tape = Tape::recording();
    let x = tape.input(Array3::zeros((9, 2, 3)));
    let error = |lstm: &Lstm, x: &gradus_rnn_bptt::Var, segments| checkpointed(lstm, x, None, segments).unwrap_err();
    for segments in [0, 10] {
        let found = error(&lstm, &x, segments);
        assert!(matches!(found, Error::Segments { .. }));
        let rest = "from 1 to 9 would fit; about 3 take least memory";
        assert_eq!(
            found.to_string(),
            format!("checkpointed: {segments} segments of an input [9, 2, 3] of 9 steps: {rest}")
        );
    }
    let both = lstm.clone().bidirectional(&mut rng());
    assert_eq!(
        error(&both, &x, 3).to_string(),
        "checkpointed: layers in two directions read what comes after, too; layers in one direction would fit"
    );
    assert!(error(&lstm, &tape.input(Array2::zeros((9, 3))), 3).to_string().contains("has 2 axes"));
    assert!(error(&lstm, &tape.input(Array3::zeros((0, 2, 3))), 3).to_string().contains("no time steps"));
    let features = error(&lstm, &tape.input(Array3::zeros((9, 2, 5))), 3).to_string();
    assert!(features.contains("input [9, 2, 5]: the last axis has 5 features"), "{features}");
    let part = |tape: &Tape, batch| tape.input(Array3::zeros((1, batch, 4)));
    let state = |tape: &Tape, batch| LstmState { h: part(tape, batch), c: part(tape, batch) };
    let foreign = checkpointed(&lstm, &x, Some(&state(&Tape::recording(), 2)), 3).unwrap_err();
    assert!(foreign.to_string().contains("different tapes"), "{foreign}");
    let wrong = checkpointed(&lstm, &x, Some(&state(&tape, 5)), 3).unwrap_err();
    assert!(wrong.to_string().contains("state [1, 5, 4]"), "{wrong}");
}
