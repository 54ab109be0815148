//! LSTM and GRU, written out, against the unrolled tape and against differences.

use gradus_autograd::{gradcheck, stack};
use gradus_rnn_bptt::bptt::{self, Direction, Weights};
use gradus_rnn_bptt::ndarray::{Array2, Array3, ArrayD, Axis};
use gradus_rnn_bptt::{
    Cell, Error, Gru, GruCell, LstmCell, LstmState, Module, Recurrent, Reset, Result, RnnCell, State, Sweep, Tape,
    Value, Var, unroll,
};
use gradus_testing::{Tolerance, close};
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// 1e-10, of the number itself where that is above 1.
const EXACT: Tolerance = Tolerance { absolute: 1e-10, relative: 1e-10, of_largest: 0.0 };

/// A sweep of one cell and data for it, drawn from a seed.
#[derive(Debug, Clone)]
struct Setting {
    steps: usize,
    batch: usize,
    input: usize,
    hidden: usize,
    lengths: Option<Vec<usize>>,
    direction: Direction,
    bias: bool,
    state: bool,
    seed: u64,
}

fn settings() -> impl Strategy<Value = Setting> {
    let steps = prop_oneof![1 => 1..=2_usize, 6 => 3..=20_usize, 1 => 64..=64_usize];
    let sizes = (steps, 1..=9_usize, 1..=4_usize, 1..=9_usize);
    let lengths = prop::option::of(prop::collection::vec(any::<prop::sample::Index>(), 9));
    let flags = (any::<bool>(), prop::bool::weighted(0.8), prop::bool::weighted(0.8), any::<u64>());
    (sizes, lengths, flags).prop_map(|((steps, batch, input, hidden), lengths, (reverse, bias, state, seed))| Setting {
        lengths: lengths.map(|all| all[..batch].iter().map(|length| 1 + length.index(steps)).collect()),
        direction: if reverse { Direction::Reverse } else { Direction::Forward },
        ..Setting { steps, batch, input, hidden, lengths: None, direction: Direction::Forward, bias, state, seed }
    })
}

/// What a pass computes: outputs, last states, and the gradients of input, state and parameters.
type Found = Vec<(String, ArrayD<f64>)>;

/// A way to go over a sequence.
type Way<C> = fn(&C, &Var<f64>, Option<&<C as Cell>::State>, &Sweep<'_, f64>) -> Result<(Var<f64>, <C as Cell>::State)>;

/// The outputs and gradients of a loss that depends on the outputs, on the last states, or on both.
fn run<C: Cell<Float = f64>>(setting: &Setting, cell: &C, way: Way<C>, of_outputs: bool, of_states: bool) -> Found {
    let &Setting { steps, batch, input, direction, .. } = setting;
    let lengths = setting.lengths.as_deref();
    let mut rng = StdRng::seed_from_u64(!setting.seed);
    let mut draw = |shape: &[usize]| ArrayD::from_shape_simple_fn(shape, || rng.random_range(-1.0..1.0));
    let tape = Tape::recording();
    let mut x = draw(&[steps, batch, input]);
    for (sequence, &length) in lengths.unwrap_or(&[]).iter().enumerate() {
        x.slice_each_axis_mut(|axis| match axis.axis.index() {
            0 => (length..).into(),
            1 => (sequence..sequence + 1).into(),
            _ => (..).into(),
        })
        .fill(f64::NAN);
    }
    let x = tape.variable(x);
    let state =
        C::State::from_parts(cell.state_sizes().iter().map(|&size| tape.variable(draw(&[batch, size]))).collect());
    let state = state.filter(|_| setting.state);
    let (outputs, last) = way(cell, &x, state.as_ref(), &Sweep { direction, lengths, ..Sweep::default() }).unwrap();

    let mut weighted = |y: &Var<f64>, counts: bool| {
        let weights = tape.input(draw(y.shape()));
        counts.then(|| (y * weights).sum())
    };
    let mut losses = vec![weighted(&outputs, of_outputs)];
    losses.extend(last.parts().into_iter().map(|part| weighted(part, of_states)));
    let gradients = losses.into_iter().flatten().reduce(|a, b| a + b).unwrap().backward().unwrap();

    let gradient = |gradient: Option<&Value<f64>>, shape: &[usize]| {
        gradient.map_or_else(|| ArrayD::zeros(shape), |gradient| gradient.clone().into_array())
    };
    let mut found = vec![("outputs".to_owned(), outputs.value().clone().into_array())];
    found.extend(last.parts().into_iter().map(|part| ("last".to_owned(), part.value().clone().into_array())));
    found.push(("x".to_owned(), gradient(gradients.get(&x), x.shape())));
    for part in state.iter().flat_map(State::parts) {
        found.push(("state".to_owned(), gradient(gradients.get(part), part.shape())));
    }
    for (name, parameter) in cell.parameters() {
        found.push((name, gradient(gradients.get(parameter), parameter.shape())));
    }
    found
}

const LOSSES: [(bool, bool); 3] = [(true, false), (false, true), (true, true)];

fn same(got: &Found, expected: &Found, what: &str) -> Result<(), TestCaseError> {
    prop_assert_eq!(got.len(), expected.len());
    for ((name, got), (_, expected)) in got.iter().zip(expected) {
        close(got, expected, EXACT, &format!("{what}: {name}")).map_err(TestCaseError::fail)?;
    }
    Ok(())
}

fn written_out_equals_unrolled<C: Cell<Float = f64>>(setting: &Setting, cell: &C) -> Result<(), TestCaseError> {
    for (of_outputs, of_states) in LOSSES {
        let written = run(setting, cell, C::sweep, of_outputs, of_states);
        let unrolled = run(setting, cell, unroll, of_outputs, of_states);
        same(&written, &unrolled, &format!("{} {of_outputs} {of_states}", C::NAME))?;
    }
    Ok(())
}

fn lstm(setting: &Setting) -> LstmCell<f64> {
    let cell = LstmCell::new(setting.input, setting.hidden, &mut StdRng::seed_from_u64(setting.seed));
    if setting.bias { cell } else { cell.without_bias() }
}

fn gru(setting: &Setting, reset: Reset) -> GruCell<f64> {
    let cell = GruCell::new(setting.input, setting.hidden, &mut StdRng::seed_from_u64(setting.seed));
    let cell = if setting.bias { cell } else { cell.without_bias() };
    if reset == Reset::Before { cell.reset_before() } else { cell }
}

proptest! {
    #![proptest_config(gradus_testing::proptest_cases(64))]

    #[test]
    fn an_lstm_written_out_equals_the_unrolled_tape(setting in settings()) {
        written_out_equals_unrolled(&setting, &lstm(&setting))?;
    }

    #[test]
    fn a_gru_written_out_equals_the_unrolled_tape(setting in settings()) {
        written_out_equals_unrolled(&setting, &gru(&setting, Reset::After))?;
        written_out_equals_unrolled(&setting, &gru(&setting, Reset::Before))?;
    }
}

/// Each sequence of a padded batch alone, with its own length and no padding.
fn padded_equals_alone<C: Cell<Float = f64>>(setting: &Setting, cell: &C) -> Result<(), TestCaseError> {
    let Some(lengths) = &setting.lengths else { return Ok(()) };
    let mut rng = StdRng::seed_from_u64(setting.seed);
    let x = Array3::from_shape_simple_fn((setting.steps, setting.batch, setting.input), || rng.random_range(-1.0..1.0));
    let tape = Tape::inference();
    let how = Sweep { direction: setting.direction, lengths: Some(lengths), ..Sweep::default() };
    let (together, last) = cell.sweep(&tape.input(x.clone()), None, &how).unwrap();
    for (sequence, &length) in lengths.iter().enumerate() {
        let own = tape.input(x.clone()).slice_axis(0, 0..length, 1).unwrap();
        let own = own.slice_axis(1, sequence..sequence + 1, 1).unwrap();
        let (alone, alone_last) = cell.sweep(&own, None, &Sweep { lengths: None, ..how.clone() }).unwrap();
        let part = together.slice_axis(1, sequence..sequence + 1, 1).unwrap();
        let (part, rest) =
            (part.slice_axis(0, 0..length, 1).unwrap(), part.slice_axis(0, length..setting.steps, 1).unwrap());
        prop_assert!(rest.value().iter().all(|&y| y == 0.0));
        close(&***part.value(), &***alone.value(), EXACT, "outputs").map_err(TestCaseError::fail)?;
        for (last, alone) in last.parts().into_iter().zip(alone_last.parts()) {
            let last = last.slice_axis(0, sequence..sequence + 1, 1).unwrap();
            close(&***last.value(), &***alone.value(), EXACT, "last").map_err(TestCaseError::fail)?;
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(gradus_testing::proptest_cases(32))]

    #[test]
    fn padded_equals_each_sequence_alone(setting in settings()) {
        padded_equals_alone(&setting, &lstm(&setting))?;
        padded_equals_alone(&setting, &gru(&setting, Reset::After))?;
        padded_equals_alone(&setting, &gru(&setting, Reset::Before))?;
    }
}

proptest! {
    #![proptest_config(gradus_testing::proptest_cases(12))]

    #[test]
    fn gradients_are_those_of_differences(
        (steps, batch, input, hidden) in (3..=5_usize, 1..=3_usize, 1..=3_usize, 1..=3_usize),
        reverse: bool,
        seed: u64,
    ) {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut draw = |shape: &[usize]| ArrayD::from_shape_simple_fn(shape, || rng.random_range(-1.0..1.0));
        let direction = if reverse { Direction::Reverse } else { Direction::Forward };
        let how = Sweep { direction, ..Sweep::default() };
        for gates in [3, 4] {
            let rows = gates * hidden;
            let inputs = [
                draw(&[steps, batch, input]),
                draw(&[batch, hidden]),
                draw(&[batch, hidden]),
                draw(&[rows, input]),
                draw(&[rows, hidden]),
                draw(&[rows]),
                draw(&[rows]),
            ];
            // All that comes out, in one array: what the check weighs is then a loss of outputs and states.
            let check = |reset: Option<Reset>| gradcheck(|v: &[Var<f64>]| -> Result<Var<f64>> {
                let (weight_ih, weight_hh) = (v[3].clone(), v[4].clone());
                let weights = Weights { weight_ih, weight_hh, bias_ih: Some(v[5].clone()), bias_hh: Some(v[6].clone()) };
                let (outputs, last) = match reset {
                    None => {
                        let state = LstmState { h: v[1].clone(), c: v[2].clone() };
                        let (outputs, last) = bptt::lstm(&v[0], Some(&state), &weights, &how)?;
                        (outputs, vec![last.h, last.c])
                    }
                    Some(reset) => {
                        let (outputs, last) = bptt::gru(&v[0], Some(&v[1]), &weights, reset, &how)?;
                        (outputs, vec![last.try_mul(&v[2])?])
                    }
                };
                let last = stack(0, &last.iter().collect::<Vec<_>>())?;
                Ok(gradus_autograd::concatenate(0, &[&outputs, &last])?)
            }, &inputs).map_err(|e| TestCaseError::fail(e.to_string()));
            if gates == 4 {
                check(None)?;
            } else {
                check(Some(Reset::After))?;
                check(Some(Reset::Before))?;
            }
        }
    }
}

/// So many rows that the way back is taken in two pieces, of sequences that end in either.
#[test]
fn pieces_of_the_way_back_are_the_unrolled_tape() {
    for direction in [Direction::Forward, Direction::Reverse] {
        let (steps, batch, input, hidden) = (40, 33, 2, 64);
        let lengths = Some((0..batch).map(|sequence| steps - sequence).collect());
        let setting = Setting { steps, batch, input, hidden, lengths, direction, bias: true, state: true, seed: 6 };
        written_out_equals_unrolled(&setting, &lstm(&setting)).unwrap();
        for reset in [Reset::After, Reset::Before] {
            written_out_equals_unrolled(&setting, &gru(&setting, reset)).unwrap();
        }
    }
}

/// Large enough that threads share the sequences, unevenly.
#[test]
fn the_same_bits_at_any_number_of_threads() {
    let setting = Setting {
        steps: 40,
        batch: 19,
        input: 5,
        hidden: 48,
        lengths: Some((0..19).map(|sequence| 40 - 2 * sequence).collect()),
        direction: Direction::Forward,
        bias: true,
        state: true,
        seed: 4,
    };
    let (lstm, gru, other) = (lstm(&setting), gru(&setting, Reset::After), gru(&setting, Reset::Before));
    let on = |threads: usize| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| {
            let mut found = run(&setting, &lstm, LstmCell::sweep, true, true);
            found.extend(run(&setting, &gru, GruCell::sweep, true, true));
            found.extend(run(&setting, &other, GruCell::sweep, true, true));
            found
        })
    };
    let one = on(1);
    assert!(one == on(2) && one == on(3));
    assert!(one.iter().all(|(_, found)| found.iter().all(|x| x.is_finite())));
}

/// A sequence that is alone: threads share the units of each step, unevenly.
#[test]
fn the_same_bits_at_any_number_of_threads_that_share_a_step() {
    for (direction, state) in [(Direction::Forward, true), (Direction::Reverse, false)] {
        let (steps, batch, input, hidden) = (64, 1, 3, 131);
        let setting = Setting { steps, batch, input, hidden, lengths: None, direction, bias: true, state, seed: 5 };
        let lstm = lstm(&setting);
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| run(&setting, &lstm, LstmCell::sweep, true, true))
        };
        let one = on(1);
        assert!(one == on(2) && one == on(3), "{direction:?}");
    }
}

/// A gradient that has shrunk beyond use is 0 and never a subnormal number, which is a hundred times slower to compute with.
#[test]
fn a_vanished_gradient_is_zero() {
    let mut rng = StdRng::seed_from_u64(2);
    no_subnormals(RnnCell::<f32>::new(2, 6, &mut rng));
    no_subnormals(LstmCell::<f32>::new(2, 6, &mut rng));
    no_subnormals(GruCell::<f32>::new(2, 6, &mut rng));
    no_subnormals(GruCell::<f32>::new(2, 6, &mut rng).reset_before());
}

fn no_subnormals<C: Cell<Float = f32>>(cell: C) {
    let tape = Tape::recording();
    let x = tape.variable(Array3::from_shape_fn((600, 3, 2), |(t, n, i)| ((t + 2 * n + 5 * i) % 7) as f32 - 3.0));
    let last = Recurrent::of(cell).last(&x).unwrap();
    let gradients = last.square().sum().backward().unwrap();
    let dx = gradients.get(&x).unwrap();
    assert!(dx.iter().all(|dx| dx.is_normal() || *dx == 0.0));
    assert!(dx.index_axis(Axis(0), 0).iter().all(|&dx| dx == 0.0));
    assert!(dx.index_axis(Axis(0), 599).iter().all(|&dx| dx != 0.0));
}

#[test]
fn variants_and_masks_take_the_steps_one_by_one() {
    let mut rng = StdRng::seed_from_u64(1);
    let tape = Tape::recording();
    let x = tape.input(Array3::from_elem((4, 2, 3), 0.5));
    let mask = tape.input(Array2::from_elem((2, 5), 0.5));
    let masked = Sweep { mask: Some(&mask), ..Sweep::default() };
    let cell = LstmCell::<f64>::new(3, 5, &mut rng);
    let equal = |(a, a_last): (Var<f64>, LstmState<f64>), (b, b_last): (Var<f64>, LstmState<f64>)| {
        assert_eq!((a.value(), a_last.c.value()), (b.value(), b_last.c.value()));
    };
    equal(cell.sweep(&x, None, &masked).unwrap(), unroll(&cell, &x, None, &masked).unwrap());
    let peephole = cell.clone().peephole(&mut rng);
    equal(
        peephole.sweep(&x, None, &Sweep::default()).unwrap(),
        unroll(&peephole, &x, None, &Sweep::default()).unwrap(),
    );
    let narrow = cell.clone().projection(2, &mut rng);
    let (outputs, last) = narrow.sweep(&x, None, &Sweep::default()).unwrap();
    assert_eq!((outputs.shape(), last.c.shape()), (&[4, 2, 2][..], &[2, 5][..]));
    let gru = GruCell::<f64>::new(3, 5, &mut rng);
    let (a, b) = (gru.sweep(&x, None, &masked).unwrap().0, unroll(&gru, &x, None, &masked).unwrap().0);
    assert_eq!(a.value(), b.value());
    for error in [
        bptt::lstm(&x, None, &cell.weights(&tape), &masked).unwrap_err(),
        bptt::gru(&x, None, &gru.weights(&tape), Reset::After, &masked).unwrap_err(),
    ] {
        assert!(matches!(error, Error::NoMask { .. }));
        assert!(
            error
                .to_string()
                .contains("the written-out sweep takes no mask; the cell's own sweep takes the steps one by one")
        );
    }
}

/// Peepholes and projection beside the same written with variables in the place of the parameters.
#[test]
fn the_variants_are_their_formulas() {
    let mut rng = StdRng::seed_from_u64(5);
    let cell = LstmCell::<f64>::new(2, 3, &mut rng).peephole(&mut rng).projection(2, &mut rng);
    let tape = Tape::recording();
    let mut draw = |shape| tape.variable(Array2::from_shape_simple_fn(shape, || rng.random_range(-1.0..1.0)));
    let (x, h0, c0) = (draw((4, 2)), draw((4, 2)), draw((4, 3)));
    let w: Vec<Var<f64>> = cell.parameters().into_iter().map(|(_, parameter)| tape.parameter(parameter)).collect();
    let (mut h, mut c, mut state) = (h0.clone(), c0.clone(), LstmState { h: h0, c: c0 });
    for _ in 0..3 {
        state = cell.step(&x, &state).unwrap();
        let sums = x.affine(&w[0], Some(&w[2])).unwrap() + h.affine(&w[1], Some(&w[3])).unwrap();
        let [i, f, g, o]: [Var<f64>; 4] = sums.split(1, &[3; 4]).unwrap().try_into().unwrap();
        let p = |gate: usize| w[5].select(0, gate).unwrap();
        let (i, f) = ((i + &c * p(0)).sigmoid(), (f + &c * p(1)).sigmoid());
        c = f * &c + i * g.tanh();
        h = ((o + &c * p(2)).sigmoid() * c.tanh()).affine(&w[4], None).unwrap();
    }
    close(&***state.h.value(), &***h.value(), EXACT, "h").unwrap();
    close(&***state.c.value(), &***c.value(), EXACT, "c").unwrap();
}

#[test]
fn wrong_shapes_are_said() {
    let mut rng = StdRng::seed_from_u64(1);
    let tape = Tape::recording();
    let x = tape.input(Array3::zeros((4, 2, 3)));
    let part = |rows: usize, columns: usize| tape.input(Array2::<f64>::zeros((rows, columns)));
    let lstm = LstmCell::<f64>::new(3, 5, &mut rng);
    let of_lstm = |h: Var<f64>, c: Var<f64>| {
        lstm.sweep(&x, Some(&LstmState { h, c }), &Sweep::default()).unwrap_err().to_string()
    };
    assert_eq!(
        of_lstm(part(2, 4), part(2, 5)),
        "lstm: state [2, 4]: this layer and input need h (batch, hidden_size) = [2, 5]"
    );
    assert_eq!(
        of_lstm(part(2, 5), part(3, 5)),
        "lstm: state [3, 5]: this layer and input need c (batch, hidden_size) = [2, 5]"
    );
    let foreign = Tape::recording().input(Array2::zeros((2, 5)));
    assert!(of_lstm(part(2, 5), foreign).contains("different tapes"));

    let mut gru = GruCell::<f64>::new(3, 5, &mut rng);
    let of_gru = |gru: &GruCell<f64>, h: Var<f64>| gru.sweep(&x, Some(&h), &Sweep::default()).unwrap_err().to_string();
    assert_eq!(of_gru(&gru, part(1, 5)), "gru: state [1, 5]: this layer and input need (batch, hidden_size) = [2, 5]");
    let short = Sweep { lengths: Some(&[4, 0]), ..Sweep::default() };
    let message = gru.sweep(&x, None, &short).unwrap_err().to_string();
    assert_eq!(message, "gru: sequence 1 has length 0; lengths go from 1 to the input's 4 steps");
    gru.weight_ih = Array2::zeros((20, 3)).into();
    assert_eq!(of_gru(&gru, part(2, 5)), "gru: weight_ih [20, 3]: with the other parameters it must be [15, 3]");

    let stacked = Gru::<f64>::new(3, 5, &mut rng).layers(2, &mut rng);
    let state = tape.input(Array3::zeros((1, 2, 5)));
    let message = stacked.forward_with(&x, Some(&state)).unwrap_err().to_string();
    assert_eq!(message, "gru: state [1, 2, 5]: this layer and input need (layers, batch, hidden_size) = [2, 2, 5]");
}

#[test]
fn no_sequences_and_no_features_are_fine() {
    let mut rng = StdRng::seed_from_u64(1);
    for (batch, input, hidden) in [(0, 2, 3), (2, 0, 3), (2, 2, 0)] {
        let x = Array3::<f64>::ones((4, batch, input));
        empty(&Recurrent::of(LstmCell::new(input, hidden, &mut rng)), &x);
        empty(&Recurrent::of(GruCell::new(input, hidden, &mut rng)), &x);
        empty(&Recurrent::of(GruCell::new(input, hidden, &mut rng).reset_before()), &x);
    }
}

fn empty<C: Cell<Float = f64>>(layer: &Recurrent<C>, x: &Array3<f64>) {
    let tape = Tape::recording();
    let x = tape.variable(x.clone());
    let (outputs, _) = layer.forward_with(&x, Some(&layer.zero_state(&tape, x.shape()[1]))).unwrap();
    assert_eq!(outputs.shape(), [4, x.shape()[1], layer.cells[0].output_size()]);
    assert_eq!(outputs.sum().backward().unwrap().get(&x).unwrap().shape(), x.shape());
}

#[test]
fn one_entry_a_layer_however_long_the_sequence() {
    let mut rng = StdRng::seed_from_u64(1);
    let (lstm, gru) = (LstmCell::<f64>::new(2, 3, &mut rng), GruCell::<f64>::new(2, 3, &mut rng));
    let entries = |steps: usize| {
        let tape = Tape::recording();
        lstm.sweep(&tape.input(Array3::ones((steps, 2, 2))), None, &Sweep::default()).unwrap();
        let of_lstm = tape.len();
        gru.sweep(&tape.input(Array3::ones((steps, 2, 2))), None, &Sweep::default()).unwrap();
        (of_lstm, tape.len() - of_lstm)
    };
    // Four parameters; outputs and last state, of one array or two.
    assert_eq!((entries(3), entries(300)), ((7, 6), (7, 6)));
}
