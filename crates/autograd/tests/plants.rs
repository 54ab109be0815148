//! Numbers that are not finite, planted in random networks, on the way there or on the way back: the report names the
//! operation, the line of the call and the first place.

use gradus_autograd::ndarray::{ArrayD, IxDyn};
use gradus_autograd::testing::Draw;
use gradus_autograd::{Error, Tape, Value, Var};
use std::panic::Location;

/// How many networks each plant is tried in.
const NETWORKS: usize = 40;

/// What a report must say, and says.
#[derive(Debug, PartialEq)]
struct Found {
    operation: &'static str,
    line: u32,
    index: Vec<usize>,
}

/// A layer that neither lets numbers and slopes vanish nor grow.
fn layer(draw: &mut Draw, x: Var<f64>) -> Var<f64> {
    let (kind, columns) = (draw.below(8), x.shape()[1]);
    let mut weight = |shape: &[usize]| x.tape().variable(draw.array(shape, 0.3, 0.9));
    match kind {
        0 => x.tanh(),
        1 => x.sin(),
        2 => x * 0.7,
        3 => x.transpose(0, 1).expect("it has two axes"),
        4 => x.tanh().exp(),
        5 => x.flip(&[0]).expect("it has two axes"),
        6 => &x + &weight(&[columns]),
        _ => x.matmul(&weight(&[columns, 3])).expect("the lengths are equal").tanh(),
    }
}

/// One or more places of an array, in the order of rows.
fn places(draw: &mut Draw, shape: &[usize]) -> Vec<Vec<usize>> {
    let columns = shape[1];
    let mut flat: Vec<usize> = (0..1 + draw.below(3)).map(|_| draw.below(shape[0] * columns)).collect();
    flat.sort_unstable();
    flat.iter().map(|i| vec![i / columns, i % columns]).collect()
}

/// An array that is `other` but at the places.
fn array(x: &Var<f64>, places: &[Vec<usize>], here: f64, other: f64) -> ArrayD<f64> {
    let mut c = ArrayD::from_elem(x.shape(), other);
    places.iter().for_each(|place| c[IxDyn(place)] = here);
    c
}

/// A constant that is `other` but at the places.
fn with(x: &Var<f64>, places: &[Vec<usize>], here: f64, other: f64) -> Var<f64> {
    x.tape().input(array(x, places, here, other))
}

/// A value, and the operation and line that a report must name.
type Planted = (Var<f64>, &'static str, u32);

/// Something that goes wrong at the places, and there alone.
type Plant = fn(&Var<f64>, &[Vec<usize>]) -> Planted;

#[rustfmt::skip] // a call and its `line!()` stay on one line
const FORWARD: [Plant; 7] = [
    |x, at| { let c = with(x, at, 0.0, 1.0); ((x.square() + 1.0) / &c, "div", line!()) },
    |x, at| { let c = with(x, at, -9.0, 9.0); ((x.tanh() + &c).ln(), "ln", line!()) },
    |x, at| { let c = with(x, at, -9.0, 9.0); ((x.tanh() + &c).pow(0.5), "pow", line!()) },
    |x, at| { let c = with(x, at, 1000.0, 1.0); ((x.tanh() + &c).exp(), "exp", line!()) },
    |x, at| { let c = with(x, at, 1e200, 1.0); ((x.tanh() + &c).square(), "square", line!()) },
    |x, at| { let c = with(x, at, 1e300, 1.0); ((x.tanh() + &c) * 1e10, "mul_scalar", line!()) },
    |x, at| { let c = array(x, at, f64::NAN, 1.0); (x.tape().record("own", [x], c, |dy| [dy]), "own", line!()) },
];

#[rustfmt::skip] // a call and its `line!()` stay on one line
const BACKWARD: [Plant; 4] = [
    |x, at| { let c = with(x, at, 0.0, 1.0); (((x.square() + 1.0) * &c).sqrt(), "sqrt", line!()) },
    |x, at| { let c = with(x, at, 0.0, 1.0); (((x.square() + 1.0) * &c).pow(0.3), "pow", line!()) },
    // The slopes grow, though the numbers vanish and come again.
    |x, at| { let c = with(x, at, 1e-200, 1.0); let y = x * &c * &c; (y / &c, "div", line!()).over(&c) },
    |x, at| { let c = array(x, at, f64::INFINITY, 1.0); (x.tape().record("own", [x], x.value().clone(), move |dy| [Value::from(dy.into_array() * &c)]), "own", line!()) },
];

trait Over {
    /// Divided once more, in another line than the one that is to blame.
    fn over(self, c: &Var<f64>) -> Planted;
}

impl Over for Planted {
    fn over(self, c: &Var<f64>) -> Planted {
        (self.0 / c, self.1, self.2)
    }
}

/// A random network with a plant in it: its loss, and what a report must say.
fn network(draw: &mut Draw, plant: Plant) -> (Var<f64>, Found) {
    let tape = Tape::recording().watch_finite();
    let mut x = tape.variable(draw.array(&[2, 4], -1.0, 1.0));
    for _ in 0..draw.below(6) {
        x = layer(draw, x);
    }
    let places = places(draw, x.shape());
    let (mut x, operation, line) = plant(&x, &places);
    for _ in 0..draw.below(6) {
        x = layer(draw, x);
    }
    (x.sum(), Found { operation, line, index: places[0].clone() })
}

fn found(operation: &'static str, location: &Location<'_>, index: &[usize]) -> Found {
    assert_eq!(location.file(), file!());
    Found { operation, line: location.line(), index: index.to_vec() }
}

#[test]
fn on_the_way_there() {
    let mut draw = Draw::new(3);
    for plant in FORWARD {
        for _ in 0..NETWORKS {
            let (loss, expected) = network(&mut draw, plant);
            let cause = loss.tape().non_finite().expect("something was planted");
            assert_eq!(found(cause.operation, cause.location, &cause.index), expected, "{cause}");
            // The loss may be finite all the same: tanh of infinity is 1.
            if let Err(error) = loss.backward()
                && let Error::NonFiniteLoss { cause: named, .. } = error
            {
                assert_eq!(named.map(|named| named.to_string()), Some(cause.to_string()));
            }
        }
    }
}

#[test]
fn on_the_way_back() {
    let mut draw = Draw::new(4);
    for plant in BACKWARD {
        for _ in 0..NETWORKS {
            let (loss, expected) = network(&mut draw, plant);
            assert_eq!(loss.tape().non_finite(), None);
            let error = loss.backward().expect_err("something was planted");
            let Error::NonFiniteGradient { operation, location, input: 0, ref index, .. } = error else {
                panic!("{error}, not {expected:?}")
            };
            assert_eq!(found(operation, location, index), expected, "{error}");
        }
    }
}
