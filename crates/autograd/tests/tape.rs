//! What users rely on of the tape itself.

use gradus_autograd::ndarray::{ArrayD, array};
use gradus_autograd::{Error, Leaf, LeafId, Tape, Value, Var};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

struct Weight {
    id: LeafId,
    value: Value<f64>,
}

impl Weight {
    fn new(x: f64) -> Self {
        Self { id: LeafId::fresh(), value: array![x, 2.0 * x].into() }
    }
}

impl Leaf for Weight {
    type Scalar = f64;
    fn id(&self) -> LeafId {
        self.id
    }
    fn value(&self) -> &Value<f64> {
        &self.value
    }
}

#[test]
fn a_million_chained_operations_run_backward_and_drop() {
    for backward in [true, false] {
        let tape = Tape::recording();
        let x = tape.variable(1.0);
        let mut y = x.clone();
        for _ in 0..if cfg!(miri) { 1_000 } else { 1_000_000 } {
            y = y + 1.0;
        }
        if backward {
            assert_eq!(y.backward().unwrap().get(&x).unwrap().first(), Some(&1.0));
        }
    }
}

#[test]
fn binding_a_parameter_twice_gives_one_variable_and_the_sum_of_gradients() {
    let (tape, w) = (Tape::recording(), Weight::new(3.0));
    let loss = (tape.parameter(&w) * tape.parameter(&w)).sum();
    let gradients = loss.backward().unwrap();
    assert_eq!(gradients.len(), 1);
    assert_eq!(**gradients.get(&w).unwrap(), array![6.0, 12.0].into_dyn());
}

#[test]
fn backward_lets_go_of_a_parameter_so_that_it_can_change_in_place() {
    let mut w = Weight::new(3.0);
    let before = w.value.as_ptr();
    let tape = Tape::recording();
    let loss = tape.parameter(&w).square().sum();
    let gradients = loss.backward().unwrap();
    let gradient = gradients.get(&w).unwrap().clone();
    *w.value -= &*gradient;
    assert_eq!(w.value.as_ptr(), before, "the update copied the parameter");
    assert_eq!(**w.value, array![-3.0, -6.0].into_dyn());
}

#[test]
fn a_dropped_variable_frees_its_memory_unless_an_entry_saved_it() {
    let tape = Tape::recording();
    let x = tape.variable(array![1.0, 2.0]);
    let sum = &x + 1.0; // adding a number saves nothing
    let memory = sum.value().as_ptr();
    drop(sum);
    let reused = Value::<f64>::unspecified(2);
    assert_eq!(reused.as_ptr(), memory, "the memory was not free");
}

#[test]
fn an_operator_reuses_the_memory_it_consumes() {
    let tape = Tape::recording();
    let x = tape.variable(array![1.0, 2.0]);
    let a = &x + 1.0;
    let memory = a.value().as_ptr();
    let b = a + &x;
    assert_eq!(b.value().as_ptr(), memory);
    assert_eq!(**b.value(), array![3.0, 5.0].into_dyn());
}

#[test]
fn inference_records_nothing_and_constants_need_no_gradient() {
    let tape = Tape::<f64>::inference();
    let y = tape.variable(array![1.0]).exp();
    assert!(tape.is_empty() && !y.needs_gradient());
    assert!(matches!(y.backward(), Err(Error::NotRecorded)));
    let tape = Tape::<f64>::recording();
    assert!(!tape.input(array![1.0]).exp().needs_gradient());
    assert!(tape.is_empty());
}

#[test]
fn a_walked_tape_records_nothing_more() {
    let tape = Tape::recording();
    let x = tape.variable(2.0);
    let gradients = x.square().backward().unwrap();
    let later = tape.variable(5.0);
    assert!(gradients.get(&later).is_none(), "another variable's gradient");
    assert!(tape.is_empty() && !tape.is_recording() && !x.exp().needs_gradient());
}

#[test]
fn a_foreign_operand_is_an_error_the_second_time_too() {
    let (tape, other) = (Tape::<f64>::recording(), Tape::<f64>::recording());
    let far = (0..9).fold(other.variable(1.0), |x, _| x + 1.0);
    let sum = tape.record("mixed", [&tape.variable(1.0), &far], Value::scalar(2.0), |dy| [dy.clone(), dy]);
    assert!(matches!(sum.backward(), Err(Error::ForeignVar { operation: "mixed" })));
    assert!(matches!(sum.backward(), Err(Error::Spent)));
}

#[test]
fn the_random_stream_may_use_the_tape() {
    let seed = &mut StdRng::seed_from_u64(3);
    let tape = Tape::<f64>::training(seed);
    let (entries, nested) = tape.random(|_| (tape.len(), tape.random(|_| ()))).unwrap();
    assert_eq!((entries, nested), (0, None));
    let draw = |tape: &Tape<f64>| tape.random(|rng| rng.random::<u64>());
    let [a, b] = [1, 1].map(|seed| Tape::training(&mut StdRng::seed_from_u64(seed)));
    assert_eq!((draw(&a), draw(&a)), (draw(&b), draw(&b)), "one seed, two streams");
    assert_ne!(draw(&a), draw(&tape));
}

#[test]
fn gradients_that_meet_in_shared_memory_are_added() {
    // A residual connection hands one cotangent to two inputs; each adds to it in its own memory.
    let step = || {
        let tape = Tape::recording();
        let x = tape.variable(Value::full(1000, 2.0));
        let mut y = &x + &x.square();
        y = &y + &y.sin() + y.tanh();
        let gradients = (&y + &y).sum().backward().unwrap();
        gradients.get(&x).and_then(|dx| dx.first().copied())
    };
    let expected = 2.0 * 5.0 * (1.0 + 6f64.cos() + 1.0 - 6f64.tanh().powi(2));
    for _ in 0..3 {
        assert!((step().unwrap() - expected).abs() < 1e-12, "{:?}, expected {expected}", step());
    }
}

#[test]
fn stable_at_both_ends_of_the_range() {
    let tape = Tape::<f32>::recording();
    let large = tape.variable(array![3e38_f32, 4e37]);
    assert!(large.norm(2.0, &[0], false).unwrap().item().unwrap().is_finite());
    let small = tape.variable(array![3e-30_f32, 4e-30]);
    assert!((small.norm(2.0, &[0], false).unwrap().item().unwrap() / 5e-30 - 1.0).abs() < 1e-6);
    let far = tape.variable(array![1e4_f32, 1e4 + 1.0, 1e4 + 2.0]);
    assert!((far.variance(&[0], 0, false).unwrap().item().unwrap() - 2.0 / 3.0).abs() < 1e-6);
    for x in [f32::INFINITY, f32::MAX, -f32::MAX, f32::NEG_INFINITY] {
        let v = Tape::recording().variable(array![x]);
        let y = v.gelu() + v.gelu_tanh() + v.silu();
        assert!(!y.item().unwrap().is_nan(), "{x}");
        let slope = y.backward_with(array![1.0]).unwrap().get(&v).and_then(|dx| dx.first().copied());
        assert_eq!(slope, Some(if x > 0.0 { 3.0 } else { 0.0 }), "{x}");
    }
}

#[test]
fn detach_stops_the_gradient() {
    let tape = Tape::recording();
    let x = tape.variable(3.0);
    let y = &x * &x.detach();
    assert_eq!(y.backward().unwrap().get(&x).unwrap().first(), Some(&3.0));
}

#[test]
fn the_gradient_of_an_intermediate_value_is_kept_on_request() {
    let tape = Tape::recording();
    let x = tape.variable(2.0);
    let (kept, not_kept) = (x.square(), x.exp());
    kept.retain_gradient();
    let loss = &kept * &kept + &not_kept;
    let gradients = loss.backward().unwrap();
    assert_eq!(gradients.get(&kept).unwrap().first(), Some(&8.0));
    assert!(gradients.get(&not_kept).is_none());
}

#[test]
fn mistakes_are_typed_errors() {
    let (tape, other) = (Tape::<f64>::recording(), Tape::<f64>::recording());
    let (x, y) = (tape.variable(array![1.0, 2.0]), other.variable(array![1.0, 2.0]));
    assert!(matches!(x.try_add(&y), Err(Error::ForeignVar { operation: "add" })));
    assert!(matches!(x.backward(), Err(Error::NotScalar { .. })));
    let loss = x.sum();
    loss.backward().unwrap();
    assert!(matches!(loss.backward(), Err(Error::Spent)));
    // `record` returns no Result: backward reports the foreign operand.
    let tape = Tape::<f64>::recording();
    let x = tape.variable(1.0);
    let sum = tape.record("mixed", [&x, &y], Value::scalar(2.0), |dy| [dy.clone(), dy]);
    assert!(matches!(sum.backward(), Err(Error::ForeignVar { operation: "mixed" })));
}

#[test]
fn a_wrong_rule_is_named_with_its_line() {
    let tape = Tape::<f64>::recording();
    let x = tape.variable(array![1.0, 2.0]);
    let y = tape.record("wrong", [&x], Value::scalar(1.0), |dy| [dy]);
    let message = y.backward().unwrap_err().to_string();
    assert!(message.contains("wrong") && message.contains("tape.rs") && message.contains("[2]"), "{message}");
}

#[test]
fn a_loss_that_is_not_finite_names_its_operation() {
    let tape = Tape::<f64>::recording().watch_finite();
    let x = tape.variable(array![1.0, 0.0]);
    let loss = x.ln().sum();
    let error = loss.backward().unwrap_err();
    let Error::NonFiniteLoss { cause: Some(cause), .. } = &error else { panic!("{error}") };
    assert_eq!((cause.operation, &cause.index[..], cause.value), ("ln", &[1][..], f64::NEG_INFINITY));
    assert!(error.to_string().contains("ln"), "{error}");
}

#[test]
fn several_outputs_share_one_rule() {
    // (x², x³) as one entry; the loss uses only one, then both.
    let powers = |x: &Var<f64>| {
        let v = x.item().unwrap();
        x.tape().record_many("powers", &[x], vec![(v * v).into(), (v * v * v).into()], move |dys, slots| {
            let dy = |i: usize| dys[i].as_ref().and_then(|dy| dy.first().copied()).unwrap_or(0.0);
            slots.add(0, 2.0 * v * dy(0) + 3.0 * v * v * dy(1));
        })
    };
    for (used, expected) in [([true, true], 16.0), ([true, false], 4.0), ([false, true], 12.0)] {
        let tape = Tape::recording();
        let x = tape.variable(2.0);
        let outputs = powers(&x);
        let mut loss = tape.input(0.0);
        for (output, used) in outputs.iter().zip(used) {
            if used {
                loss = loss + output;
            }
        }
        assert_eq!(loss.backward().unwrap().get(&x).unwrap().first(), Some(&expected), "{used:?}");
    }
}

#[test]
fn gradients_add_up_and_scale() {
    let w = Weight::new(1.0);
    let pass = || {
        let tape = Tape::recording();
        tape.parameter(&w).square().sum().backward().unwrap()
    };
    let mut sum = pass() + pass();
    sum.scale(0.5);
    let expected: ArrayD<f64> = array![2.0, 4.0].into_dyn();
    assert_eq!(**sum.get(&w).unwrap(), expected);
    assert!((sum.norm() - 20f64.sqrt()).abs() < 1e-12);
}
