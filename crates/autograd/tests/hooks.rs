//! Hooks, checkpoints, reports: what they do and what they refuse.

use gradus_autograd::ndarray::{ArrayD, IxDyn, array};
use gradus_autograd::{Error, Flow, Gradients, Leaf, LeafId, Tape, Value, Var, checkpoint};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

struct Weight {
    id: LeafId,
    value: Value<f32>,
    frozen: bool,
}

impl Weight {
    fn new(n: usize, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let value = ArrayD::from_shape_fn(IxDyn(&[n, n]), |_| rng.random_range(-1.0..1.0));
        Self { id: LeafId::fresh(), value: value.into(), frozen: false }
    }
}

impl Leaf for Weight {
    type Scalar = f32;
    fn id(&self) -> LeafId {
        self.id
    }
    fn value(&self) -> &Value<f32> {
        &self.value
    }
    fn needs_gradient(&self) -> bool {
        !self.frozen
    }
}

#[test]
fn a_hook_runs_once_when_the_gradient_is_complete() {
    let tape = Tape::<f64>::recording();
    let x = tape.variable(array![1.0, 2.0]);
    let y = x.square();
    let seen = Rc::new(RefCell::new(Vec::new()));
    for name in ["first", "second"] {
        let seen = Rc::clone(&seen);
        y.on_gradient(move |dy| seen.borrow_mut().push((name, dy.sum())));
    }
    let loss = (&y + &y.exp() + &y * &y).sum(); // dy = 1 + e^y + 2 y
    let expected = 2.0 + 1f64.exp() + 4f64.exp() + 10.0;
    let unused = x.exp();
    unused.on_gradient(|_| panic!("no gradient flows here"));
    loss.backward().unwrap();
    assert_eq!(*seen.borrow(), [("first", expected), ("second", expected)]);
    tape.inference_hook();
}

trait InferenceHook {
    fn inference_hook(&self);
}

impl InferenceHook for Tape<f64> {
    fn inference_hook(&self) {
        let x = Tape::<f64>::inference().variable(1.0);
        x.on_gradient(|_| panic!("nothing is recorded"));
    }
}

#[test]
fn a_replaced_gradient_flows_on_and_is_kept() {
    let tape = Tape::<f64>::recording();
    let x = tape.variable(array![1.0, 2.0]);
    let y = x.square();
    y.retain_gradient();
    y.map_gradient(|dy| dy.mapv(|g| 10.0 * g).into());
    y.map_gradient(|dy| dy.mapv(|g| g + 1.0).into());
    x.map_gradient(|dx| dx.mapv(|g| -g).into());
    let gradients = y.sum().backward().unwrap();
    assert_eq!(gradients.get(&y).unwrap(), &array![11.0, 11.0].into_dyn());
    assert_eq!(gradients.get(&x).unwrap(), &array![-22.0, -44.0].into_dyn());
}

#[test]
fn a_hook_that_changes_the_shape_is_refused() {
    let x = Tape::<f64>::recording().variable(array![1.0, 2.0]);
    let y = x.square();
    y.map_gradient(|_| Value::scalar(1.0));
    let error = y.sum().backward().unwrap_err();
    assert!(
        matches!(&error, Error::HookShape { operation: "square", expected, found, .. } if expected == &[2] && found.is_empty())
    );
    let message = error.to_string();
    let end = "returned a gradient of shape []; it must keep the shape [2]";
    assert!(message.starts_with("backward: a hook on the result of square (") && message.ends_with(end), "{message}");
}

/// Dropout with a half, as a layer would do it.
fn dropout(x: &Var<f32>) -> Var<f32> {
    let Some(mask) = x.tape().random(|rng| x.value().mapv(|_| if rng.random_bool(0.5) { 2.0 } else { 0.0 })) else {
        return x.clone();
    };
    x * &x.tape().input(mask)
}

/// A block that uses its input and two parameters several times, one of them outside, too.
fn block(x: &Var<f32>, [a, b]: &[Rc<Weight>; 2]) -> Result<Var<f32>, Error> {
    let (w, v) = (x.tape().parameter(&**a), x.tape().parameter(&**b));
    let y = dropout(&x.matmul(&w)?.tanh());
    let z = y.matmul(&v)?.sigmoid() + x;
    Ok(dropout(&z.matmul(&w)?.tanh().exp()) * &z.sigmoid())
}

fn run(kind: &str, weights: &[Rc<Weight>; 2]) -> Result<(Var<f32>, Var<f32>), Error> {
    let tape = Tape::training(&mut StdRng::seed_from_u64(5));
    let x = tape.variable(Weight::new(6, 9).value);
    let outside = x.matmul(&tape.parameter(&*weights[1]))?;
    let start = dropout(&outside);
    let (one, two) = (weights.clone(), weights.clone());
    let twice = move |x: &Var<f32>, again: bool| {
        let weights = two.clone();
        let y = block(x, &two)?;
        if again { checkpoint(&[&y], move |y| block(&y[0], &weights)) } else { block(&y, &weights) }
    };
    let y = match kind {
        "plain" => twice(&start, false)?,
        "one" => {
            let y = checkpoint(&[&start], move |x| block(&x[0], &one))?;
            block(&y, weights)?
        }
        "two" => checkpoint(&[&start], move |x| twice(&x[0], false))?,
        _ => checkpoint(&[&start], move |x| twice(&x[0], true))?,
    };
    let y = dropout(&y); // the random streams go on where they would have
    assert!(y.value().iter().any(|&y| y == 0.0) && y.value().iter().any(|&y| y != 0.0));
    let loss = (&y + &tape.parameter(&*weights[0])).square().mean() + &outside.mean() + &x.sum();
    Ok((loss, x))
}

fn all(gradients: &Gradients<f32>, x: &Var<f32>, weights: &[Rc<Weight>; 2]) -> [Option<Value<f32>>; 3] {
    [gradients.get(x), gradients.get(&*weights[0]), gradients.get(&*weights[1])].map(Option::<&_>::cloned)
}

#[test]
fn a_checkpoint_changes_no_bit() {
    let weights = [Rc::new(Weight::new(6, 1)), Rc::new(Weight::new(6, 2))];
    let (loss, x) = run("plain", &weights).unwrap();
    let expected = (loss.item(), all(&loss.backward().unwrap(), &x, &weights));
    assert!(expected.1.iter().all(Option::is_some));
    for kind in ["one", "two", "nested"] {
        let (loss, x) = run(kind, &weights).unwrap();
        let found = (loss.item(), all(&loss.backward().unwrap(), &x, &weights));
        assert_eq!(found, expected, "{kind}");
    }
    assert_eq!(Rc::strong_count(&weights[0]), 1, "the walk has let go of the blocks");
}

#[test]
fn a_checkpoint_holds_its_inputs_alone() {
    let held = |checkpointed: bool| {
        let tape = Tape::<f32>::recording();
        let mut y = tape.variable(Value::full(1000, 0.5));
        for _ in 0..4 {
            let chain = |x: &Var<f32>| (0..10).fold(x.clone(), |x, _| x.tanh().sigmoid());
            y = if checkpointed {
                checkpoint(&[&y], move |x| Ok::<_, Error>(chain(&x[0]))).unwrap()
            } else {
                chain(&y)
            };
        }
        let loss = y.sum();
        drop(y);
        let memory = loss.tape().clone().take_apart();
        assert!(matches!(loss.backward(), Err(Error::Spent)));
        (memory.held(), memory.to_string())
    };
    // Each operation keeps its result; each block its input.
    assert_eq!(held(false).0, 4 * 10 * 2 * 4000);
    let (bytes, table) = held(true);
    assert_eq!(bytes, 4 * 4000);
    assert!(
        table.starts_with("16000 bytes held by 6 entries, which take ") && table.contains("checkpoint at "),
        "{table}"
    );
}

#[test]
fn memory_is_told_by_operation_and_line() {
    let tape = Tape::<f64>::recording();
    let w = tape.variable(Value::full(50, 0.5));
    let y = (0..3).fold(w.clone(), |y, _| y.exp()) * &w; // one line, three entries, and a product
    let kept = y.sin();
    let loss = kept.cos().sum();
    drop(y);
    let memory = tape.take_apart();
    let rows: Vec<_> = memory.rows.iter().map(|row| (row.operation, row.entries, row.held, row.shared)).collect();
    // The product shares what it saved with the last exponential, which saved it first, and with `w`.
    let expected = [
        ("exp", 3, 1200, 0),
        ("sin", 1, 400, 0),
        ("variable", 1, 0, 0),
        ("mul", 1, 0, 800),
        ("cos", 1, 0, 400),
        ("sum", 1, 0, 0),
    ];
    assert_eq!(rows, expected);
    assert_eq!(memory.held(), 1600);
    drop((w, kept, loss));
}

#[test]
fn a_block_that_fails_again_is_a_typed_error() {
    let fails_later = || {
        let runs = Cell::new(0);
        move |x: &[Var<f64>]| {
            runs.set(runs.get() + 1);
            if runs.get() > 1 { x[0].reshape(&[7]) } else { Ok(x[0].exp()) }
        }
    };
    let x = Tape::<f64>::recording().variable(array![1.0, 2.0]);
    let error = checkpoint(&[&x], fails_later()).unwrap().sum().backward().unwrap_err();
    assert!(matches!(&error, Error::Checkpoint { .. }), "{error}");
    let message = error.to_string();
    assert!(
        message.ends_with(
            "the block failed when it ran again: reshape: [2] has 2 elements, [7] has 7; the numbers must be equal"
        ),
        "{message}"
    );

    let runs = Cell::new(0);
    let x = Tape::<f64>::recording().variable(array![1.0, 2.0]);
    let changing = move |x: &[Var<f64>]| {
        runs.set(runs.get() + 1);
        Ok::<_, Error>(if runs.get() > 1 { x[0].sum() } else { x[0].exp() })
    };
    let error = checkpoint(&[&x], changing).unwrap().sum().backward().unwrap_err();
    assert!(matches!(&error, Error::CheckpointShape { expected, found, .. } if expected == &[2] && found.is_empty()));

    let tape = Tape::<f64>::recording();
    let (x, foreign) = (tape.variable(1.0), tape.variable(2.0));
    let brings = move |x: &[Var<f64>]| x[0].try_mul(&foreign);
    assert!(matches!(checkpoint(&[&x], brings), Err(Error::ForeignVar { .. })));
    assert!(matches!(checkpoint(&[], |x: &[Var<f64>]| Ok::<_, Error>(x[0].clone())), Err(Error::Empty { .. })));
}

#[test]
fn a_checkpoint_of_special_blocks() {
    let tape = Tape::<f64>::recording();
    let (x, data) = (tape.variable(array![1.0, 2.0]), tape.input(array![5.0, 7.0]));
    // Handed through; the same variable twice; a constant; a result without a gradient.
    let through = checkpoint(&[&x], |x| Ok::<_, Error>(x[0].clone())).unwrap();
    let product = checkpoint(&[&x, &x, &data], |x| Ok::<_, Error>(&x[0] * &x[1] * &x[2])).unwrap();
    let constant = checkpoint(&[&x], |x| Ok::<_, Error>(x[0].detach().exp())).unwrap();
    assert!(!checkpoint(&[&data], |x| Ok::<_, Error>(x[0].exp())).unwrap().needs_gradient());
    let gradients = (through * 3.0 + product + constant).sum().backward().unwrap();
    assert_eq!(gradients.get(&x).unwrap(), &array![3.0 + 10.0, 3.0 + 28.0].into_dyn());
}

#[test]
fn parameters_without_a_gradient_and_why() {
    let names = ["arrives", "half", "zero", "aside", "cut", "unused", "frozen"];
    let mut weights = [1, 2, 3, 4, 5, 6, 7].map(|seed| Weight::new(2, seed));
    weights[6].frozen = true;
    let tape = Tape::recording();
    let [arrives, half, zero, aside, cut] = [0, 1, 2, 3, 4].map(|i| tape.parameter(&weights[i]));
    let _ = aside.exp();
    let line = line!() + 1;
    let detached = cut.exp().sin().detach();
    let masked = half.masked_fill(&array![true, false], 0.0).unwrap();
    let loss = (arrives * detached + masked + zero * 0.0 + tape.parameter(&weights[6])).sum();
    let late = Weight::new(2, 8);
    let _ = tape.parameter(&late); // bound after the loss
    let report = loss.backward().unwrap().report(names.into_iter().zip(&weights).chain([("late", &late)]));
    let flows: Vec<_> = report.rows.iter().map(|(_, flow)| *flow).collect();
    assert!(matches!(flows[0], Flow::Arrived { norm, zeros: 0.0 } if norm > 0.0));
    assert!(matches!(flows[1], Flow::Arrived { zeros: 0.5, .. }));
    assert_eq!(
        [flows[2], flows[3], flows[5], flows[6], flows[7]],
        [Flow::Zero, Flow::NoPath, Flow::Unused, Flow::Frozen, Flow::NoPath]
    );
    assert!(matches!(flows[4], Flow::Detached { location } if location.line() == line && location.file() == file!()));
    let missing: Vec<_> = report.missing().map(|(name, _)| name).collect();
    assert_eq!(missing, ["zero", "aside", "cut", "unused", "late"]);
    let table = report.to_string();
    assert!(table.contains("half     norm 1.414e0, 50.0 % exactly 0\n"), "{table}");
    assert!(table.contains("aside    no gradient: on the tape, but the loss does not depend on it\n"), "{table}");
}

#[test]
fn what_is_not_finite_names_its_operands() {
    let tape = Tape::<f64>::recording().watch_finite();
    let (a, b) = (tape.variable(array![[1.0, 2.0], [3.0, 4.0]]), tape.input(array![5.0, 0.0]));
    let _ = a / &b; // the memory of `a` is used again
    let cause = tape.non_finite().unwrap();
    assert_eq!((cause.operation, &cause.index[..]), ("div", &[0, 1][..]));
    assert_eq!((cause.operands[0].at, cause.operands[1].at), (Some(2.0), Some(0.0)));
    assert!(cause.to_string().ends_with("produced inf at [0, 1] of [2, 2], from 2 and 0"), "{cause}");

    let tape = Tape::<f32>::recording().watch_finite();
    let a = tape.variable(Value::full((2, 3), 1e30));
    let _ = a.matmul(&tape.input(Value::full((3, 4), 1e20))).unwrap();
    let end = "produced inf at [0, 0] of [2, 4], from [2, 3] with magnitudes up to 1e30 and [3, 4] with magnitudes up to 1e20";
    let cause = tape.non_finite().unwrap();
    assert!(
        cause.operands[0].at.is_none() && (cause.operands[0].largest / 1e30 - 1.0).abs() < 1e-6,
        "{cause}, not {end}"
    );
}

/// What an observer saw: places, operations, and the sums of the values.
type Seen = Rc<RefCell<Vec<(usize, &'static str, f64)>>>;

/// A tape with a list of what its observer sees.
fn observed(tape: Tape<f64>) -> (Tape<f64>, Seen) {
    let seen = Seen::default();
    let note = Rc::clone(&seen);
    let tape = tape.observed(move |new| note.borrow_mut().push((new.place, new.operation, new.value.sum())));
    (tape, seen)
}

#[test]
fn an_observer_sees_the_value_of_each_entry_and_nothing_else() {
    let (tape, seen) = observed(Tape::recording());
    let x = tape.variable(array![1.0, 2.0]);
    let data = tape.input(array![3.0, 4.0]);
    let _ = &data * &data; // of data alone: no entry
    let y = (&x * &data).square();
    let parts = y.split(0, &[1, 1]).unwrap();
    let block = checkpoint(&[&parts[1]], |x| Ok::<_, Error>(x[0].sqrt().square())).unwrap();
    let both = tape.record_many("both", &[&block], vec![block.value().clone(), Value::scalar(5.0)], |dys, slots| {
        dys.into_iter().take(1).flatten().for_each(|dy| slots.add(0, dy));
    });
    let _ = both[0].detach().exp();
    let expected = seen.borrow().clone();
    assert_eq!(expected.len(), tape.len());
    assert!(expected.iter().map(|seen| seen.0).eq(0..tape.len()), "{expected:?}");
    let names: Vec<_> = expected.iter().map(|&(_, operation, sum)| (operation, sum)).collect();
    assert_eq!(names[..3], [("variable", 3.0), ("mul", 11.0), ("square", 73.0)]);
    assert_eq!(names[names.len() - 3..], [("checkpoint", 64.0), ("both", 64.0), ("both", 5.0)]);

    // The places are those of the steps back, in which the block runs again on a tape of its own.
    let loss = both[0].sum();
    for step in loss.backward_steps().unwrap() {
        let step = step.unwrap();
        assert_eq!(seen.borrow()[step.place].1, step.operation);
    }
    assert_eq!(seen.borrow().len(), expected.len() + 1);

    let (tape, seen) = observed(Tape::inference());
    let _ = tape.variable(array![1.0]).exp();
    assert!(seen.borrow().is_empty());
}

#[test]
fn an_observer_changes_nothing_and_is_let_go_by_backward_or_a_second_one() {
    let pass = |tape: Tape<f64>| {
        let x = tape.variable(array![0.3, -0.7]);
        let gradients = ((&x * 3.0).tanh() + &x.exp()).sum().backward().unwrap();
        gradients.get(&x).unwrap().mapv(f64::to_bits)
    };
    let (tape, seen) = observed(Tape::recording());
    let kept = tape.clone();
    assert_eq!(pass(tape), pass(Tape::recording()));
    assert_eq!((Rc::strong_count(&seen), kept.is_recording()), (1, false));
    let (tape, first) = observed(Tape::recording());
    let (tape, second) = observed(tape);
    assert_eq!((Rc::strong_count(&first), Rc::strong_count(&second)), (1, 2));
    drop(tape);
    assert_eq!(Rc::strong_count(&second), 1);
}

#[test]
fn an_observer_may_use_the_tape_which_records_nothing_meanwhile() {
    let tape = Tape::<f32>::recording();
    let (inner, calls) = (tape.clone(), Rc::new(Cell::new(0)));
    let weights: Vec<_> = (0..3).map(|seed| Weight::new(2, seed)).collect();
    let used: Vec<_> = (0..3).map(|seed| Weight::new(2, seed)).collect();
    let count = Rc::clone(&calls);
    let tape = tape.observed(move |new| {
        count.set(count.get() + 1);
        let bound = used
            .iter()
            .map(|weight| inner.parameter(weight))
            .fold(inner.variable(new.value.clone()), |a, b| a + b.sum());
        assert!(!bound.needs_gradient() && !inner.is_recording());
    });
    let loss = weights.iter().map(|weight| tape.parameter(weight).square().sum()).reduce(|a, b| a + b).unwrap();
    assert_eq!((calls.get(), tape.len()), (11, 11));
    let gradients = loss.backward().unwrap();
    assert!(weights.iter().all(|weight| gradients.get(weight).is_some()));

    // Walked back from within, it is spent, as after any walk.
    let tape = Tape::<f64>::recording();
    let x = tape.variable(array![1.0, 2.0]);
    let (loss, gradients) = (RefCell::new(Some(x.square().sum())), Rc::new(RefCell::new(None)));
    let found = Rc::clone(&gradients);
    let tape = tape.observed(move |_| {
        if let Some(loss) = loss.take() {
            found.replace(Some(loss.backward()));
        }
    });
    let parts = tape.record_many("two", &[&x], vec![Value::scalar(1.0), Value::scalar(2.0)], |_, _| {});
    assert_eq!((tape.is_recording(), parts[1].needs_gradient()), (false, false));
    let gradients = gradients.take().unwrap().unwrap();
    assert_eq!(**gradients.get(&x).unwrap(), array![2.0, 4.0].into_dyn());
    assert!(matches!(parts[0].sum().backward(), Err(Error::Spent | Error::NotRecorded)));
}

/// Every weight's gradient, once, when all its uses have been added up, and not in the order in which the weights were made.
#[test]
fn each_parameter_is_told_of_when_its_gradient_is_complete() {
    let [early, twice, frozen, unused] = [0, 1, 2, 3].map(|seed| Weight::new(3, seed));
    let frozen = Weight { frozen: true, ..frozen };
    let loss = || {
        let tape = Tape::recording();
        let x = tape.input(ArrayD::from_elem(IxDyn(&[2, 3]), 0.5));
        let [a, b, c, _] = [&early, &twice, &frozen, &unused].map(|weight| tape.parameter(weight));
        let first = x.matmul(&b).unwrap().matmul(&a).unwrap().tanh();
        checkpoint(&[&first, &b, &c], |x| x[0].matmul(&x[1])?.matmul(&x[2])).unwrap().square().sum()
    };
    let mut told = Vec::new();
    let gradients = loss().backward_each(|id, gradient| told.push((id, gradient.clone()))).unwrap();
    let (order, expected) = (told.iter().map(|(id, _)| *id).collect::<Vec<_>>(), loss().backward().unwrap());
    assert_eq!(order, [twice.id, early.id], "`twice` was bound after `early`");
    for (id, gradient) in told {
        assert_eq!(expected.get_id(id), Some(&gradient));
        assert_eq!(gradients.get_id(id), Some(&gradient));
    }
    assert_eq!(gradients.len(), 2);
}

#[test]
fn nobody_is_told_of_a_loss_that_has_no_gradient() {
    let weight = Weight::new(2, 0);
    let tape = Tape::recording();
    let y = tape.parameter(&weight).square();
    let error = y.backward_each(|_, _| panic!("nothing can be complete")).unwrap_err();
    assert!(matches!(error, Error::NotScalar { .. }), "{error}");
}
