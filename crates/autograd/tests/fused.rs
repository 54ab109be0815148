//! Chains in one pass: the same numbers as the operations one by one.

use gradus_autograd::ndarray::{ArrayD, IxDyn, array};
use gradus_autograd::{Error, Jet, Tape, Value, Var, fused, fused_sum, gradcheck};

type Chain = fn(&Var<f64>, &Var<f64>) -> Result<Var<f64>, Error>;

fn numbers(shape: &[usize], scale: f64) -> ArrayD<f64> {
    let mut i = 0_u64;
    ArrayD::from_shape_simple_fn(IxDyn(shape), || {
        i += 1;
        scale * (((i * 7919) % 97) as f64 / 48.5 - 1.0)
    })
}

#[test]
fn a_chain_has_the_numbers_of_its_operations() {
    let (x, y) = (numbers(&[300, 7], 2.0), numbers(&[300, 7], 3.0));
    let run = |f: Chain| {
        let tape = Tape::recording();
        let (x, y) = (tape.variable(x.clone()), tape.variable(y.clone()));
        let z = f(&x, &y).unwrap();
        let gradients = z.square().sum().backward().unwrap();
        [z.value().clone(), gradients.get(&x).unwrap().clone(), gradients.get(&y).unwrap().clone()]
    };
    let one = run(|x, y| fused([x, y], |[x, y]| x.tanh() * y.sigmoid() + (-x.square()).exp()));
    let many = run(|x, y| Ok(x.tanh() * y.sigmoid() + (-x.square()).exp()));
    for (one, many) in one.iter().zip(&many) {
        for (a, b) in one.iter().zip(many.iter()) {
            assert!((a - b).abs() <= 1e-14 * (1.0 + b.abs()), "{a} and {b}");
        }
    }
}

#[test]
fn each_function_against_differences_with_broadcast_and_strided_operands() {
    let all = |[x, y]: [Jet<f64, 2>; 2]| {
        let (z, p) = (x * y - x / (y.square() + 1.0), x.square() + 0.5);
        z.sin() + p.ln() * p.sqrt() - y.cos() * 0.5 + (x.abs() + 1.0).powi(-3) / 2.0 + z.relu()
            - z.exp() * y.tanh().sigmoid()
    };
    for shapes in [[&[2, 3][..], &[2, 3]], [&[2, 1], &[3]], [&[], &[2, 2]], [&[0], &[1]], [&[1], &[1]]] {
        let inputs = [numbers(shapes[0], 1.0), numbers(shapes[1], 1.3) + 0.01];
        gradcheck(|x: &[Var<f64>]| fused([&x[0], &x[1]], all), &inputs).unwrap();
    }
    let turned = |x: &[Var<f64>]| fused([&x[0].transpose(0, 1)?, &x[1]], all);
    gradcheck(turned, &[numbers(&[3, 2], 1.0), numbers(&[2, 3], 1.1)]).unwrap();
}

#[test]
fn the_sum_of_a_chain_has_the_bits_of_the_sum_after_it() {
    for len in [0, 1, 63, 1024, 1025, 5000, 300_001] {
        let (x, y) = (numbers(&[len], 2.0), numbers(&[len], 3.0));
        let run = |sum: Chain, factor: f64| {
            let tape = Tape::recording();
            let (x, y) = (tape.variable(x.clone()), tape.variable(y.clone()));
            let loss = sum(&x, &y).unwrap() * factor;
            let gradients = loss.backward().unwrap();
            (loss.item(), gradients.get(&x).unwrap().clone(), gradients.get(&y).unwrap().clone())
        };
        for factor in [1.0, -0.7] {
            let one = run(|x, y| fused_sum([x, y], |[x, y]| x.tanh() * y + y.sin()), factor);
            let two = run(|x, y| Ok(fused([x, y], |[x, y]| x.tanh() * y + y.sin())?.sum()), factor);
            assert_eq!(one, two, "{len}");
        }
    }
}

#[test]
fn an_infinite_slope_stays_with_its_input() {
    let tape = Tape::<f64>::recording();
    let (x, y) = (tape.variable(array![0.0, 4.0]), tape.variable(array![1.0, 1.0]));
    let gradients = fused([&x, &y], |[x, y]| x.sqrt() + y).unwrap().sum().backward().unwrap();
    assert_eq!(gradients.get(&x).unwrap(), &array![f64::INFINITY, 0.25].into_dyn());
    assert_eq!(gradients.get(&y).unwrap(), &array![1.0, 1.0].into_dyn());
}

#[test]
fn mistakes_are_typed_errors() {
    let tape = Tape::<f64>::recording();
    let (x, y) = (tape.variable(array![1.0, 2.0]), tape.variable(array![1.0, 2.0, 3.0]));
    let error = fused([&x, &y], |[x, y]| x + y).unwrap_err();
    assert_eq!(error.to_string(), x.try_add(&y).unwrap_err().to_string().replace("add", "fused"));
    assert!(matches!(fused([], |[]: [Jet<f64, 0>; 0]| Jet::constant(1.0)), Err(Error::Empty { operation: "fused" })));
    let foreign = Tape::recording().variable(Value::scalar(1.0));
    assert!(matches!(fused([&x, &foreign], |[x, y]| x + y), Err(Error::ForeignVar { operation: "fused" })));
    let constant = fused([&x, &y.slice_axis(0, 0..2, 1).unwrap().detach()], |[x, y]| x * y).unwrap();
    assert_eq!(constant.sum().backward().unwrap().get(&x).unwrap(), &array![1.0, 2.0].into_dyn());
}
