//! Back-propagation through time before three judges: the unrolled tape, the formulas in plain loops, and real-time recurrent
//! learning.

use crate::hand::{Hand, through_time};
use gradus_autograd::Gradients;
use gradus_rnn_bptt::ndarray::{Array2, Array3, ArrayD, Axis, Slice, concatenate};
use gradus_rnn_bptt::{
    Cell, Error, GruCell, LstmCell, Module, Result, RnnCell, Rtrl, State, Sweep, Tape, Value, Var, unroll,
};
use gradus_testing::{Tolerance, assert_close};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// 1e-10, of the number itself where that is above 1.
const EXACT: Tolerance = Tolerance { absolute: 1e-10, relative: 1e-10, of_largest: 0.0 };

/// Three sequences, their first state, and the weights of every state's features in the loss.
struct Data {
    x: Array3<f64>,
    /// All arrays of the state side by side, `(1, N, S)`.
    first: Array3<f64>,
    /// `(T, N, S)`.
    ds: Array3<f64>,
    sizes: Vec<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Loss {
    /// Many-to-one: the last state, with all its arrays.
    Last,
    /// Many-to-many: every output.
    Every,
    Both,
}

impl Data {
    fn new<C: Cell<Float = f64>>(cell: &C, steps: usize, loss: Loss) -> Self {
        let mut rng = StdRng::seed_from_u64(steps as u64);
        let mut draw = |shape| Array3::from_shape_simple_fn(shape, || rng.random_range(-1.0..1.0));
        let sizes = cell.state_sizes();
        let width: usize = sizes.iter().sum();
        let (x, first) = (draw((steps, 3, cell.input_size())), draw((1, 3, width)));
        let mut ds = draw((steps, 3, width));
        for ((t, _, feature), ds) in ds.indexed_iter_mut() {
            let (is_last, is_output) = (t == steps - 1, feature < sizes[0]);
            let counts = match loss {
                Loss::Last => is_last,
                Loss::Every => is_output,
                Loss::Both => is_last || is_output,
            };
            *ds *= f64::from(u8::from(counts));
        }
        Self { x, first, ds, sizes }
    }

    fn parts(&self, whole: &Array3<f64>) -> Vec<Array3<f64>> {
        let mut from = 0;
        let part = |&size: &usize| {
            from += size;
            whole.slice_axis(Axis(2), Slice::from(from - size..from)).to_owned()
        };
        self.sizes.iter().map(part).collect()
    }

    /// The first state on a tape, as variables.
    fn state<S: State<Float = f64>>(&self, tape: &Tape<f64>) -> S {
        let parts = self.parts(&self.first).into_iter().map(|part| tape.variable(part.remove_axis(Axis(0))));
        S::from_parts(parts.collect()).unwrap()
    }
}

/// What a pass computes, by name.
type Found = Vec<(String, ArrayD<f64>)>;

type Swept<C> = Result<(Var<f64>, <C as Cell>::State)>;

/// A sweep on a tape.
fn on_tape<C: Cell<Float = f64>>(cell: &C, data: &Data, sweep: impl FnOnce(&Var<f64>, &C::State) -> Swept<C>) -> Found {
    let tape = Tape::recording();
    let (x, first) = (tape.variable(data.x.clone()), data.state::<C::State>(&tape));
    let (output, last) = sweep(&x, &first).unwrap();
    // Of the last step the output counts as part of the last state.
    let ds = data.parts(&data.ds);
    let steps = data.x.dim().0;
    let mut of_outputs = ds[0].clone();
    of_outputs.index_axis_mut(Axis(0), steps - 1).fill(0.0);
    let mut loss = (&output * tape.input(of_outputs)).sum();
    for (part, ds) in last.parts().into_iter().zip(&ds) {
        loss = loss + (part * tape.input(ds.index_axis(Axis(0), steps - 1).to_owned())).sum();
    }
    let gradients = loss.backward().unwrap();
    let mut found: Found = vec![
        ("output".into(), output.value().clone().into_array()),
        ("last".into(), beside(&last.parts().into_iter().map(Var::value).collect::<Vec<_>>())),
        ("dx".into(), gradients.get(&x).unwrap().clone().into_array()),
        (
            "d first".into(),
            beside(&first.parts().into_iter().map(|part| gradients.get(part).unwrap()).collect::<Vec<_>>()),
        ),
    ];
    found.extend(of_parameters(cell, &gradients));
    found
}

fn beside(parts: &[&Value<f64>]) -> ArrayD<f64> {
    concatenate(Axis(1), &parts.iter().map(|part| part.view()).collect::<Vec<_>>()).unwrap()
}

fn of_parameters<C: Cell<Float = f64>>(cell: &C, gradients: &Gradients<f64>) -> Found {
    let of = |(name, parameter): (String, _)| {
        let gradient: Option<&Value<f64>> = gradients.get::<gradus_nn_layers::Parameter<f64>>(parameter);
        (name, gradient.unwrap().clone().into_array())
    };
    cell.parameters().into_iter().map(of).collect()
}

fn by_hand(cell: &impl Hand, data: &Data) -> Found {
    let (states, dx, dfirst, slopes) = through_time(cell, &data.x, &data.first, &data.ds);
    let last = states.index_axis(Axis(0), data.x.dim().0 - 1).to_owned();
    let mut found: Found = vec![
        ("output".into(), data.parts(&states)[0].clone().into_dyn()),
        ("last".into(), last.into_dyn()),
        ("dx".into(), dx.into_dyn()),
        ("d first".into(), dfirst.remove_axis(Axis(0)).into_dyn()),
    ];
    found.extend(slopes.named().into_iter().map(|(name, array)| (name.to_owned(), array)));
    found
}

/// The parameters' gradients alone: nothing else has a way back.
fn in_real_time<C: Cell<Float = f64>>(cell: &C, data: &Data) -> Found {
    let mut rtrl = Rtrl::from_state(cell, &data.state(&Tape::inference())).unwrap();
    let mut sum: Option<Gradients<f64>> = None;
    let ds = data.parts(&data.ds);
    for (t, x) in data.x.outer_iter().enumerate() {
        rtrl.step(cell, x.to_owned()).unwrap();
        let of_step = rtrl.gradients(cell, |state| {
            let parts = state.parts().into_iter().zip(&ds);
            let of_part = |(part, ds): (&Var<f64>, &Array3<f64>)| {
                (part * part.tape().input(ds.index_axis(Axis(0), t).to_owned())).sum()
            };
            Ok(parts.map(of_part).reduce(|sum, part| sum + part).unwrap())
        });
        sum = Some(match sum.take() {
            Some(sum) => sum + of_step.unwrap(),
            None => of_step.unwrap(),
        });
    }
    assert_eq!(rtrl.steps(), data.x.dim().0);
    of_parameters(cell, &sum.unwrap())
}

fn same(found: &Found, expected: &Found, what: &str) {
    for (name, found) in found {
        let expected = &expected.iter().find(|(other, _)| other == name).unwrap().1;
        assert_close(found, expected, EXACT, &format!("{what}: {name}"));
    }
}

const LENGTHS: [usize; 7] = [1, 2, 3, 4, 9, 31, 64];

/// The three judges agree with the written-out sweep, many-to-one and many-to-many.
fn judged<C: Cell<Float = f64> + Hand>(cell: &C, what: &str) {
    for steps in LENGTHS {
        for loss in [Loss::Last, Loss::Every, Loss::Both] {
            let what = format!("{what}, {steps} steps, {loss:?}");
            let data = Data::new(cell, steps, loss);
            let written_out = on_tape(cell, &data, |x, first| cell.sweep(x, Some(first), &Sweep::default()));
            let unrolled = on_tape(cell, &data, |x, first| unroll(cell, x, Some(first), &Sweep::default()));
            same(&written_out, &unrolled, &format!("{what}: unrolled"));
            same(&written_out, &by_hand(cell, &data), &format!("{what}: by hand"));
            // Its gradients of long sequences are sums over steps: those of both losses tell as much as each.
            if steps < 10 || loss == Loss::Both {
                same(&in_real_time(cell, &data), &written_out, &format!("{what}: in real time"));
            }
        }
    }
}

fn rng() -> StdRng {
    StdRng::seed_from_u64(11)
}

#[test]
fn an_elman_network() {
    judged(&RnnCell::new(2, 3, &mut rng()), "tanh");
    judged(&RnnCell::new(2, 3, &mut rng()).relu(), "relu");
}

#[test]
fn an_lstm() {
    judged(&LstmCell::new(2, 3, &mut rng()), "lstm");
}

#[test]
fn a_gru_of_either_convention() {
    judged(&GruCell::new(2, 3, &mut rng()), "reset after");
    judged(&GruCell::new(2, 3, &mut rng()).reset_before(), "reset before");
}

/// Variants for which there are no plain loops: the tape and real-time recurrent learning are judges enough.
#[test]
fn an_lstm_with_peepholes_and_a_projection() {
    let cell = LstmCell::new(2, 3, &mut rng()).projection(2, &mut rng()).peephole(&mut rng());
    for steps in [1, 3, 17] {
        let data = Data::new(&cell, steps, Loss::Both);
        let written_out = on_tape(&cell, &data, |x, first| cell.sweep(x, Some(first), &Sweep::default()));
        let unrolled = on_tape(&cell, &data, |x, first| unroll(&cell, x, Some(first), &Sweep::default()));
        same(&written_out, &unrolled, "unrolled");
        same(&in_real_time(&cell, &data), &written_out, "in real time");
    }
}

/// The reset gate's place is a matter of substance: the same weights, two functions.
#[test]
fn the_two_grus_differ() {
    let after = GruCell::<f64>::new(2, 3, &mut rng());
    let data = Data::new(&after, 5, Loss::Last);
    let before = after.clone().reset_before();
    let [after, before] = [&after, &before].map(|cell| by_hand(cell, &data).swap_remove(1).1);
    assert!(after.iter().zip(&before).any(|(a, b)| (a - b).abs() > 1e-3));
}

#[test]
fn a_head_gets_its_gradient_beside_the_cell() {
    let cell = RnnCell::<f64>::new(2, 3, &mut rng());
    let head = gradus_nn_layers::Linear::<f64>::new(3, 2, &mut rng());
    let data = Data::new(&cell, 6, Loss::Last);
    use gradus_rnn_bptt::Layer;
    let mut rtrl = Rtrl::from_zero(&cell, 3);
    for x in data.x.outer_iter() {
        rtrl.step(&cell, x.to_owned()).unwrap();
    }
    let forward = rtrl.gradients(&cell, |h| Ok(head.forward(h)?.square().sum())).unwrap();
    let x = Tape::recording().input(data.x);
    let (_, last) = cell.sweep(&x, None, &Sweep::default()).unwrap();
    let back = head.forward(&last).unwrap().square().sum().backward().unwrap();
    assert_eq!((forward.len(), back.len()), (6, 6));
    for (name, parameter) in cell.parameters().into_iter().chain(head.parameters()) {
        assert_close(&**forward.get(parameter).unwrap(), &**back.get(parameter).unwrap(), EXACT, &name);
    }
    assert_eq!(rtrl.state(x.tape()).value().shape(), [3, 3]);
    assert_eq!(rtrl.sensitivity().dim(), (3, 3, 6 + 9 + 3 + 3));
}

#[test]
fn frozen_parameters_have_no_gradient_in_real_time() {
    let mut cell = RnnCell::<f64>::new(2, 3, &mut rng());
    cell.weight_hh.set_trainable(false);
    let data = Data::new(&cell, 4, Loss::Last);
    let run = |cell: &RnnCell<f64>| {
        let mut rtrl = Rtrl::from_zero(cell, 3);
        data.x.outer_iter().for_each(|x| rtrl.step(cell, x.to_owned()).unwrap());
        rtrl.gradients(cell, |h| Ok(h.square().sum())).unwrap()
    };
    let gradients = run(&cell);
    assert!(gradients.get(&cell.weight_hh).is_none() && gradients.get(&cell.weight_ih).is_some());
    cell.set_trainable(false, &|_| true);
    assert!(run(&cell).is_empty());
}

#[test]
fn what_does_not_fit_is_said() {
    let cell = RnnCell::<f64>::new(2, 3, &mut rng());
    let tape = Tape::inference();
    let error = Rtrl::from_state(&cell, &tape.input(Array2::zeros((3, 4)))).unwrap_err();
    assert_eq!(error.to_string(), "rtrl: state [3, 4]: this layer and input need (batch, size) = [3, 3]");
    let mut rtrl = Rtrl::from_zero(&cell, 3);
    let error = |rtrl: &mut Rtrl<_>, cell, x: ArrayD<f64>| rtrl.step(cell, x).unwrap_err().to_string();
    assert_eq!(
        error(&mut rtrl, &cell, ArrayD::zeros(vec![2])),
        "rtrl: input [2] has 1 axes; it needs 2 axes, (batch, input_size)"
    );
    assert_eq!(
        error(&mut rtrl, &cell, ArrayD::zeros(vec![2, 2])),
        "rtrl: state [3, 3]: this layer and input need (batch, size) = [2, 3]"
    );
    assert!(error(&mut rtrl, &cell, ArrayD::zeros(vec![3, 5])).contains("the layer takes 2"));
    let other = RnnCell::new(2, 4, &mut rng());
    assert_eq!(
        error(&mut rtrl, &other, ArrayD::zeros(vec![3, 2])),
        "rtrl: state [3, 3, 21]: this layer and input need (batch, state, parameters) = [3, 4, 32]"
    );
    assert!(matches!(rtrl.step(&other, Array2::zeros((3, 2))), Err(Error::State { .. })));
    assert_eq!(rtrl.steps(), 0);
}
