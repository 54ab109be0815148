//! Truncated back-propagation through time: which gradients, from which states, in how much memory.

use gradus_autograd::{Gradients, Peak};
use gradus_nn_layers::{Linear, Losses};
use gradus_rnn_bptt::ndarray::{Array2, Array3, Slice};
use gradus_rnn_bptt::{ClipLog, Error, Layer, Module, Pass, Passes, Rnn, Start, State, Tape, Tbptt, Var};
use gradus_testing::{Tolerance, assert_close};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::ops::Range;

const EXACT: Tolerance = Tolerance { absolute: 1e-12, relative: 1e-12, of_largest: 0.0 };

/// Two recurrent layers and a head, with data for a number of steps.
struct Case {
    rnn: Rnn<f64>,
    head: Linear<f64>,
    x: Array3<f64>,
    target: Array3<f64>,
    state: Array3<f64>,
}

type Parts = gradus_nn_layers::Result<(Var<f64>, Var<f64>)>;

impl Case {
    fn new(steps: usize) -> Self {
        let mut rng = StdRng::seed_from_u64(5);
        let rnn = Rnn::new(2, 4, &mut rng).layers(2, &mut rng);
        let head = Linear::new(4, 3, &mut rng);
        let mut draw = |shape| Array3::from_shape_simple_fn(shape, || rng.random_range(-1.0..1.0));
        let (x, target, state) = (draw((steps, 3, 2)), draw((steps, 3, 3)), draw((2, 3, 4)));
        Self { rnn, head, x, target, state }
    }

    fn run(&self, tape: &Tape<f64>, steps: Range<usize>, state: Option<&Var<f64>>) -> Parts {
        let x = self.x.slice_axis(gradus_rnn_bptt::ndarray::Axis(0), Slice::from(steps));
        Ok(self.rnn.forward_with(&tape.input(x.to_owned()), state)?)
    }

    /// A sum, so that those of pieces add up to that of the whole.
    fn loss(&self, outputs: &Var<f64>, steps: Range<usize>) -> gradus_nn_layers::Result<Var<f64>> {
        let target = self.target.slice_axis(gradus_rnn_bptt::ndarray::Axis(0), Slice::from(steps));
        let y = self.head.forward(outputs)?;
        Ok((y.try_sub(&outputs.tape().input(target.to_owned()))?).square().sum())
    }

    fn advance(&self, passes: &mut Passes<'_, Var<f64>>) -> Option<Pass<f64>> {
        let run = |tape: &Tape<f64>, steps, state: Option<&Var<f64>>| self.run(tape, steps, state);
        passes.advance(Tape::recording, run, |outputs, steps| self.loss(outputs, steps)).unwrap()
    }

    fn all(&self, tbptt: Tbptt, given: bool) -> Vec<Pass<f64>> {
        let state = Tape::inference().input(self.state.clone());
        let steps = self.x.dim().0;
        let mut passes = if given { tbptt.from_state(steps, &state) } else { tbptt.from_zero(steps) };
        std::iter::from_fn(|| self.advance(&mut passes)).collect()
    }

    /// The definition, on one tape: all steps up to the window, the cut, the window, the loss of the counted steps.
    fn defined(&self, window: &Range<usize>, counted: &Range<usize>, given: bool) -> (f64, Gradients<f64>) {
        let tape = Tape::recording();
        let mut state = given.then(|| tape.input(self.state.clone()));
        if window.start > 0 {
            state = Some(self.run(&tape, 0..window.start, state.as_ref()).unwrap().1.cut());
        }
        let (outputs, _) = self.run(&tape, window.clone(), state.as_ref()).unwrap();
        let (from, to) = (counted.start - window.start, counted.end - window.start);
        let outputs = outputs.slice_axis(0, from..to, 1).unwrap();
        let loss = self.loss(&outputs, counted.clone()).unwrap();
        (loss.item().unwrap(), loss.backward().unwrap())
    }

    fn parameters(&self) -> Vec<(String, &gradus_nn_layers::Parameter<f64>)> {
        self.rnn.parameters().into_iter().chain(self.head.parameters()).collect()
    }

    fn close(&self, found: &Gradients<f64>, expected: &Gradients<f64>, what: &str) {
        assert_eq!(found.len(), expected.len(), "{what}");
        for (name, parameter) in self.parameters() {
            let (found, expected) = (found.get(parameter).unwrap(), expected.get(parameter).unwrap());
            assert_close(&**found, &**expected, EXACT, &format!("{what}: {name}"));
        }
    }
}

#[test]
fn each_pass_is_what_the_definition_says() {
    let case = Case::new(17);
    for (k1, k2) in [(1, 1), (4, 4), (3, 8), (2, 7), (1, 5), (5, 3), (7, 1), (6, 17), (4, 100), (100, 6)] {
        for given in [false, true] {
            let what = format!("k1 {k1}, k2 {k2}, state {given}");
            let mut end = 0;
            for pass in case.all(Tbptt::new(k1, k2).unwrap(), given) {
                let before = end;
                end = (end + k1).min(17);
                assert_eq!(pass.window, end.saturating_sub(k2)..end, "{what}");
                assert_eq!(pass.counted, before.max(pass.window.start)..end, "{what}");
                let start = if pass.window.start > 0 || given { Start::Carried } else { Start::Zero };
                assert_eq!(pass.start, start, "{what}");
                let (loss, gradients) = case.defined(&pass.window, &pass.counted, given);
                assert!((pass.loss - loss).abs() < 1e-12 * loss, "{what}");
                case.close(&pass.gradients, &gradients, &what);
            }
            assert_eq!(end, 17, "{what}");
        }
    }
}

#[test]
fn untruncated_it_has_the_bits_of_the_whole() {
    let case = Case::new(40);
    for given in [false, true] {
        for (k1, k2) in [(40, 40), (41, 1000), (usize::MAX, usize::MAX)] {
            let passes = case.all(Tbptt::new(k1, k2).unwrap(), given);
            let [pass] = &passes[..] else { panic!("{} passes", passes.len()) };
            let (loss, whole) = case.defined(&(0..40), &(0..40), given);
            assert_eq!(pass.loss.to_bits(), loss.to_bits());
            for (name, parameter) in case.parameters() {
                let (found, expected) = (pass.gradients.get(parameter).unwrap(), whole.get(parameter).unwrap());
                let equal = found.iter().zip(expected.iter()).all(|(a, b)| a.to_bits() == b.to_bits());
                assert!(equal, "{name}");
            }
        }
    }
}

#[test]
fn with_windows_over_everything_the_passes_add_up_to_the_whole() {
    let case = Case::new(23);
    let (_, whole) = case.defined(&(0..23), &(0..23), true);
    for k1 in [1, 5, 22, 23] {
        let passes = case.all(Tbptt::new(k1, 23).unwrap(), true).into_iter();
        let sum = passes.map(|pass| pass.gradients).reduce(|sum, gradients| sum + gradients).unwrap();
        case.close(&sum, &whole, &format!("k1 {k1}"));
    }
}

#[test]
fn the_state_goes_on_and_is_never_reset() {
    let case = Case::new(30);
    let tape = Tape::inference();
    let (_, end) = case.run(&tape, 0..30, None).unwrap();
    for (k1, k2) in [(7, 7), (7, 20), (7, 3), (30, 1)] {
        let mut passes = Tbptt::new(k1, k2).unwrap().from_zero(30);
        assert!(passes.state().is_none());
        while case.advance(&mut passes).is_some() {
            let (_, expected) = case.run(&tape, 0..passes.done(), None).unwrap();
            let state = passes.state().unwrap();
            assert!(!state.needs_gradient());
            assert_close(&**state.value(), &**expected.value(), EXACT, "carried");
        }
        assert_close(&**passes.state().unwrap().value(), &**end.value(), EXACT, "last");
        assert!(case.advance(&mut passes).is_none(), "a run that is over stays over");
    }
    // Another run goes on from there: twice 15 steps are 30.
    let tbptt = Tbptt::in_pieces(5).unwrap();
    let mut first = tbptt.from_zero(15);
    while case.advance(&mut first).is_some() {}
    let second = Case { x: case.x.slice_axis(gradus_rnn_bptt::ndarray::Axis(0), (15..).into()).to_owned(), ..case };
    let mut rest = tbptt.from_state(15, first.state().unwrap());
    while second.advance(&mut rest).is_some() {}
    assert_close(&**rest.state().unwrap().value(), &**end.value(), EXACT, "two runs");
}

#[test]
fn an_error_leaves_the_run_where_it_was() {
    let case = Case::new(20);
    let mut passes = Tbptt::new(4, 10).unwrap().from_zero(20);
    let mut found = Vec::new();
    for pass in 0..5 {
        let run = |tape: &Tape<f64>, steps, state: Option<&Var<f64>>| case.run(tape, steps, state);
        let failing = passes.advance(Tape::recording, run, |outputs, _| {
            Ok(outputs.tape().input(Array2::zeros((1, 1))).matmul(&outputs.tape().input(Array2::zeros((2, 2))))?)
        });
        assert!(failing.unwrap_err().to_string().contains("inner dimensions differ"));
        let not_scalar = passes.advance(Tape::recording, run, |outputs, _| Ok(outputs.clone()));
        assert!(not_scalar.is_err());
        assert_eq!(passes.done(), 4 * pass);
        found.push(case.advance(&mut passes).unwrap());
    }
    for (found, expected) in found.iter().zip(case.all(Tbptt::new(4, 10).unwrap(), false)) {
        assert_eq!(found.loss.to_bits(), expected.loss.to_bits());
    }
}

#[test]
fn what_cannot_be_is_said() {
    for (k1, k2) in [(0, 5), (5, 0), (0, 0)] {
        let rest = "a backward pass comes every k1 steps and goes through the last k2; each is at least 1";
        let error = Tbptt::new(k1, k2).unwrap_err();
        assert!(matches!(error, Error::Truncation { .. }));
        assert_eq!(error.to_string(), format!("tbptt: k1 = {k1}, k2 = {k2}: {rest}"));
    }
    assert!(Tbptt::in_pieces(0).is_err());
    let tbptt = Tbptt::new(3, 5).unwrap();
    assert_eq!((tbptt.k1(), tbptt.k2()), (3, 5));
    let case = Case::new(3);
    let mut none: Passes<'_, Var<f64>> = tbptt.from_zero(0);
    let run = |tape: &Tape<f64>, steps, state: Option<&Var<f64>>| case.run(tape, steps, state);
    let error = none.advance(Tape::recording, run, |y, steps| case.loss(y, steps)).unwrap_err();
    assert_eq!(error.to_string(), "tbptt: input [0] has no time steps; a sequence has at least one");
    // A state of another batch: the layer says so.
    let mut wrong = tbptt.from_state(3, &Tape::inference().input(Array3::zeros((2, 5, 4))));
    let error = wrong.advance(Tape::recording, run, |y, steps| case.loss(y, steps)).unwrap_err();
    assert!(error.to_string().contains("state [2, 5, 4]"), "{error}");
}

#[test]
fn gradients_are_clipped_and_written_down() {
    let case = Case::new(24);
    let mut log = ClipLog::new(0.5).unwrap();
    let mut passes = Tbptt::in_pieces(6).unwrap().from_zero(24).clipped(&mut log);
    while let Some(pass) = case.advance(&mut passes) {
        assert!(pass.gradients.norm() <= 0.5);
    }
    assert_eq!((log.steps(), log.clipped()), (4, 4));
}

#[test]
fn dropout_is_drawn_for_every_step() {
    let case = Case::new(12);
    let mut tapes = 0;
    let mut rng = StdRng::seed_from_u64(1);
    let mut passes = Tbptt::new(6, 2).unwrap().from_zero(12);
    let mut covered = vec![];
    while passes
        .advance(
            || {
                tapes += 1;
                Tape::training(&mut rng)
            },
            |tape, steps, state| {
                assert!(tape.is_training());
                covered.extend(steps.clone());
                case.run(tape, steps, state)
            },
            |y, steps| case.loss(y, steps),
        )
        .unwrap()
        .is_some()
    {}
    assert_eq!(covered, (0..12).collect::<Vec<_>>());
    assert_eq!(tapes, 6); // runs of 2 steps, each on its tape
}

/// The most that a run over so many steps holds in arrays.
fn peak(tbptt: Tbptt, steps: usize) -> usize {
    let mut rng = StdRng::seed_from_u64(1);
    let (rnn, head) = (Rnn::<f32>::new(3, 8, &mut rng), Linear::<f32>::new(8, 2, &mut rng));
    let (_, peak) = Peak::of(|| {
        let mut passes = tbptt.from_zero(steps);
        while passes
            .advance(
                Tape::recording,
                |tape, steps, state| Ok(rnn.forward_with(&tape.input(Array3::ones((steps.len(), 2, 3))), state)?),
                |y, steps| head.forward(y)?.mse(&y.tape().input(Array3::zeros((steps.len(), 2, 2)))),
            )
            .unwrap()
            .is_some()
        {}
    });
    peak.bytes
}

#[test]
fn memory_is_that_of_k2_steps() {
    for (k1, k2) in [(64, 64), (16, 64), (64, 16)] {
        let tbptt = Tbptt::new(k1, k2).unwrap();
        assert_eq!(peak(tbptt, 320), peak(tbptt, 3200), "k1 {k1}, k2 {k2}");
    }
    // And it is k2 that it follows.
    let of = |k2| peak(Tbptt::new(64, k2).unwrap(), 1024) as f64;
    let doubled = of(128) / of(64);
    assert!((1.5..2.1).contains(&doubled), "{doubled}");
    assert!(of(8) < of(64) / 4.0);
}
