//! Where a function has no slope, or an infinite one: what the way back takes there, operation by operation, as their
//! documentation says.
//!
//! PyTorch takes the same, number for number.

use gradus_autograd::ndarray::{ArrayD, array};
use gradus_autograd::{Jet, Real, Result, Tape, Var, choose, fused};

const INFINITY: f64 = f64::INFINITY;

/// The gradient of the sum of `f` at these numbers.
fn slopes(x: &[f64], f: impl Fn(&Var<f64>) -> Result<Var<f64>>) -> Vec<f64> {
    let x = Tape::recording().variable(ArrayD::from_shape_vec(vec![x.len()], x.to_vec()).unwrap());
    let y = f(&x).unwrap();
    let gradients = y.backward_with(ArrayD::ones(y.shape())).unwrap();
    gradients.get(&x).unwrap().iter().copied().collect()
}

/// The gradients of the sum of `f(a, b)`.
fn two(a: f64, b: f64, f: impl Fn(&Var<f64>, &Var<f64>) -> Result<Var<f64>>) -> (f64, f64) {
    let tape = Tape::recording();
    let (a, b) = (tape.variable(a), tape.variable(b));
    let gradients = f(&a, &b).unwrap().backward_with(ArrayD::ones(vec![])).unwrap();
    (gradients.get(&a).unwrap()[[]], gradients.get(&b).unwrap()[[]])
}

#[test]
fn functions_of_one_number() {
    type Row = (&'static str, fn(&Var<f64>) -> Var<f64>, f64, f64);
    #[rustfmt::skip]
    let rows: &[Row] = &[
        // name, function, where, the slope there
        ("relu", |x| x.relu(), 0.0, 0.0),
        ("relu", |x| x.relu(), -0.0, 0.0),
        ("leaky_relu", |x| x.leaky_relu(0.1), 0.0, 0.1),
        ("elu", |x| x.elu(0.7), 0.0, 0.7),
        ("abs", |x| x.abs(), 0.0, 0.0),
        ("clamp, low end", |x| x.clamp(-1.0, 2.0), -1.0, 0.0),
        ("clamp, high end", |x| x.clamp(-1.0, 2.0), 2.0, 0.0),
        ("clamp, low above high", |x| x.clamp(2.0, -1.0), 0.0, 0.0),
        ("sqrt", |x| x.sqrt(), 0.0, INFINITY),
        ("ln", |x| x.ln(), 0.0, INFINITY),
        ("pow 1/2", |x| x.pow(0.5), 0.0, INFINITY),
        ("pow 0", |x| x.pow(0.0), 0.0, 0.0),
        ("pow 1", |x| x.pow(1.0), 0.0, 1.0),
        ("pow 2", |x| x.pow(2.0), 0.0, 0.0),
        ("pow 3/2", |x| x.pow(1.5), 0.0, 0.0),
        ("pow 21", |x| x.pow(21.0), 0.0, 0.0),
        ("pow −1", |x| x.pow(-1.0), 0.0, -INFINITY),
        ("softplus at its threshold", |x| x.softplus(2.0, 1.0), 0.5, 1.0 / (1.0 + (-1.0_f64).exp())),
        ("1 / x", |x| x.tape().input(1.0) / x, 0.0, -INFINITY),
    ];
    for &(name, f, at, slope) in rows {
        assert_eq!(slopes(&[at], |x| Ok(f(x))), [slope], "{name} at {at}");
    }
}

#[test]
fn two_numbers_that_are_equal_share() {
    assert_eq!(two(1.0, 1.0, |a, b| a.maximum(b)), (0.5, 0.5));
    assert_eq!(two(1.0, 1.0, |a, b| a.minimum(b)), (0.5, 0.5));
    assert_eq!(two(0.0, -0.0, |a, b| a.maximum(b)), (0.5, 0.5));
}

#[test]
fn powers_of_zero() {
    assert_eq!(two(0.0, 2.0, |a, b| a.pow_var(b)), (0.0, 0.0));
    assert_eq!(two(0.0, 1.0, |a, b| a.pow_var(b)), (1.0, 0.0));
    assert_eq!(two(0.0, 0.0, |a, b| a.pow_var(b)), (0.0, 0.0));
    assert_eq!(two(0.0, 0.5, |a, b| a.pow_var(b)), (INFINITY, 0.0));
    assert_eq!(two(3.0, 0.0, |a, b| a.pow_var(b)), (0.0, Real::ln(3.0_f64)));
}

#[test]
fn ties_of_extremes() {
    let x = [1.0, 5.0, 5.0, 5.0, 0.0];
    let third = 1.0 / 3.0;
    assert_eq!(slopes(&x, |x| x.amax(&[0], false)), [0.0, third, third, third, 0.0]);
    assert_eq!(slopes(&[2.0, 1.0, 1.0], |x| x.amin(&[0], true)), [0.0, 0.5, 0.5]);
    // Along one axis, the first takes all.
    assert_eq!(slopes(&x, |x| Ok(x.max_axis(0, false)?.0)), [0.0, 1.0, 0.0, 0.0, 0.0]);
    assert_eq!(slopes(&[2.0, 1.0, 1.0], |x| Ok(x.min_axis(0, false)?.0)), [0.0, 1.0, 0.0]);
}

#[test]
fn norms() {
    for p in [0.5, 1.0, 2.0, 3.0, INFINITY, -INFINITY, -1.0] {
        assert_eq!(slopes(&[0.0, 0.0], |x| x.norm(p, &[0], false)), [0.0, 0.0], "p = {p} at the origin");
    }
    assert_eq!(slopes(&[0.0, -2.0], |x| x.norm(1.0, &[0], false)), [0.0, -1.0]);
    assert_eq!(slopes(&[-3.0, 3.0, 1.0], |x| x.norm(INFINITY, &[0], false)), [-0.5, 0.5, 0.0]);
}

#[test]
fn what_does_not_vary_has_a_deviation_with_slope_zero() {
    assert_eq!(slopes(&[2.0, 2.0], |x| x.standard_deviation(&[0], 0, false)), [0.0, 0.0]);
    assert_eq!(slopes(&[2.0, 2.0], |x| x.variance(&[0], 0, false)), [0.0, 0.0]);
}

#[test]
fn products_with_zeros() {
    assert_eq!(slopes(&[2.0, 0.0, 3.0], |x| x.prod(&[0], false)), [0.0, 6.0, 0.0]);
    assert_eq!(slopes(&[0.0, 0.0, 3.0], |x| x.prod(&[0], false)), [0.0, 0.0, 0.0]);
}

/// What is not chosen has no say, however bad it is.
#[test]
fn masks_keep_infinite_slopes_out() {
    let safe = |x: &Var<f64>| choose(&array![true, false], &x.sqrt(), &x.tape().input(0.0));
    assert_eq!(slopes(&[4.0, 9.0], safe), [0.25, 0.0]);
    assert_eq!(slopes(&[1.0, -INFINITY], |x| x.softmax(0)?.select(0, 0)), [0.0, 0.0]);
    assert_eq!(slopes(&[1.0, 2.0], |x| x.masked_fill(&array![false, true], f64::NAN)), [1.0, 0.0]);
}

/// A chain in one pass takes at each kink what its operations take.
#[test]
fn fused_chains_take_the_same() {
    type Pair = (&'static str, fn(&Var<f64>) -> Var<f64>, fn(Jet<f64, 1>) -> Jet<f64, 1>);
    let pairs: &[Pair] = &[
        ("relu", |x| x.relu(), |x| x.relu()),
        ("abs", |x| x.abs(), |x| x.abs()),
        ("sqrt", |x| x.sqrt(), |x| x.sqrt()),
        ("ln", |x| x.ln(), |x| x.ln()),
    ];
    for (name, f, jet) in pairs {
        let jet = *jet;
        assert_eq!(slopes(&[0.0], |x| Ok(f(x))), slopes(&[0.0], |x| fused([x], move |[x]| jet(x))), "{name}");
    }
}
