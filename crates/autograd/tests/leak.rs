//! Nothing of a tape outlives its last variable, whatever was recorded and whether or not it was walked.

use gradus_autograd::ndarray::array;
use gradus_autograd::{Error, Tape, Value, Var, checkpoint, choose, concatenate, fused, stack};
use std::rc::Rc;

type Operation = fn(&Var<f64>) -> Result<Var<f64>, Error>;

/// Every built-in operation, on a square of positive numbers.
const OPERATIONS: &[Operation] = &[
    |x| Ok(x + x),
    |x| Ok(x - x.exp()),
    |x| Ok(x * x),
    |x| Ok(x / x.exp()),
    |x| Ok(x + 1.0),
    |x| Ok(x - 1.0),
    |x| Ok(x * 2.0),
    |x| Ok(x / 2.0),
    |x| Ok(-x),
    |x| x.maximum(x),
    |x| x.minimum(x),
    |x| x.pow_var(x),
    |x| Ok(x.pow(3.0)),
    |x| Ok(x.pow(0.5)),
    |x| Ok(x.exp()),
    |x| Ok(x.ln()),
    |x| Ok(x.sqrt()),
    |x| Ok(x.square()),
    |x| Ok(x.abs()),
    |x| Ok(x.sin()),
    |x| Ok(x.cos()),
    |x| Ok(x.erf()),
    |x| Ok(x.clamp(0.2, 0.7)),
    |x| Ok(x.tanh()),
    |x| Ok(x.sigmoid()),
    |x| Ok(x.relu()),
    |x| Ok(x.leaky_relu(0.1)),
    |x| Ok(x.elu(1.0)),
    |x| Ok(x.gelu()),
    |x| Ok(x.gelu_tanh()),
    |x| Ok(x.silu()),
    |x| Ok(x.softplus(1.0, 20.0)),
    |x| Ok(x.sum()),
    |x| Ok(x.mean()),
    |x| x.sum_axes(&[0], false),
    |x| x.mean_axes(&[0], false),
    |x| x.prod(&[0], false),
    |x| x.cumsum(0),
    |x| x.amax(&[0], false),
    |x| x.amin(&[0], false),
    |x| Ok(x.max_axis(0, false)?.0),
    |x| Ok(x.min_axis(0, false)?.0),
    |x| x.variance(&[0], 1, false),
    |x| x.standard_deviation(&[0], 1, false),
    |x| x.norm(2.0, &[0], false),
    |x| x.softmax(0),
    |x| x.log_softmax(0),
    |x| x.logsumexp(&[0], false),
    |x| x.matmul(x),
    |x| x.select(0, 0)?.outer(&x.select(0, 1)?),
    |x| x.affine(x, Some(&x.select(0, 0)?)),
    |x| x.affine(x, None),
    |x| x.reshape(&[4]),
    |x| x.flatten_from(0),
    |x| x.permute(&[1, 0]),
    |x| x.transpose(0, 1),
    |x| x.unsqueeze(0)?.squeeze(0),
    |x| x.flip(&[0]),
    |x| x.broadcast_to(&[3, 2, 2]),
    |x| x.pad(&[(1, 0), (0, 1)], 0.0),
    |x| x.slice_axis(0, 0..1, 1),
    |x| x.index_select(0, &[1, 1]),
    |x| x.gather(0, &array![[0, 1]]),
    |x| Ok(x.split(0, &[1, 1])?.remove(0)),
    |x| x.tril(0),
    |x| x.triu(0),
    |x| x.masked_fill(&array![true, false], 0.0),
    |x| choose(&array![true, false], x, x),
    |x| concatenate(0, &[x, x]),
    |x| stack(0, &[x, x]),
    |x| fused([x, x], |[a, b]| a * b),
    |x| checkpoint(&[x], |x| Ok::<_, Error>(x[0].exp())),
];

/// Records an operation between two that hold a token: it is free when the tape is.
fn record(operation: Operation, token: &Rc<()>) -> Var<f64> {
    let tape = Tape::recording().watch_finite();
    let x = tape.variable(array![[0.9, 0.2], [0.4, 0.6]]);
    let held = Rc::clone(token);
    let x = tape.record("first", [&x], x.value().clone(), move |dy| {
        drop(held);
        [dy]
    });
    let y = operation(&x).unwrap_or_else(|error| panic!("{error}"));
    let held = Rc::clone(token);
    y.on_gradient(move |_| drop(held));
    y.sum()
}

#[test]
fn nothing_is_alive_after_a_drop_or_a_walk() {
    for (i, &operation) in OPERATIONS.iter().enumerate() {
        let token = Rc::new(());
        let loss = record(operation, &token);
        assert_eq!(Rc::strong_count(&token), 3);
        drop(loss);
        assert_eq!(Rc::strong_count(&token), 1, "operation {i}, dropped unwalked");

        let loss = record(operation, &token);
        let gradients = loss.backward().unwrap_or_else(|error| panic!("operation {i}: {error}"));
        assert_eq!(Rc::strong_count(&token), 1, "operation {i}, walked");
        drop((loss, gradients));

        let loss = record(operation, &token);
        let mut steps = loss.backward_steps().unwrap_or_else(|error| panic!("operation {i}: {error}"));
        assert!(steps.next().is_some());
        drop((loss, steps));
        assert_eq!(Rc::strong_count(&token), 1, "operation {i}, left in the middle of a walk");
    }
}

#[test]
fn every_operation_has_its_formula() {
    for (i, &operation) in OPERATIONS.iter().enumerate() {
        let x = Tape::recording().variable(array![[0.9, 0.2], [0.4, 0.6]]);
        let text = operation(&x).unwrap_or_else(|error| panic!("{error}")).sum().explain().unwrap().to_string();
        assert_eq!(text.contains(")ᵀ ∂L/∂"), text.contains("checkpoint("), "operation {i}: {text}");
    }
}

#[test]
fn the_memory_of_a_step_is_free_after_it() {
    let step = || {
        let tape = Tape::<f64>::recording();
        let x = tape.variable(Value::full(5000, 0.5));
        let loss = (x.exp() * x.tanh()).sum();
        let memory = loss.tape().clone().take_apart();
        drop((x, loss));
        memory.held()
    };
    // What the product saved of its operands, `exp` and `tanh` saved, too.
    assert_eq!([step(), step()], [80_000, 80_000]);
}
