//! Chapters 4 and 5: a recurrent cell, forward and through time.

use super::{Draw, gradient, largest};
use crate::Answer;
use crate::exercises::e10_rnn_forward::RnnWeights;
use crate::exercises::e11_bptt::RnnGradients;
use crate::grader::{Checked, Fault, Grading, Input, compare};
use gradus::autograd::{Tape, Var};
use gradus::ndarray::{Array2, Array3, Ix3, array};
use gradus::rnn_bptt::{Nonlinearity, Sweep, bptt as library};

/// Inputs, first states and weights.
fn inputs(draw: &mut Draw) -> Vec<(Array3<f64>, Array2<f64>, RnnWeights)> {
    let one = |ih: f64, hh: f64, bias: f64| RnnWeights {
        weight_ih: array![[ih]],
        weight_hh: array![[hh]],
        bias: array![bias],
    };
    let mut inputs = vec![
        (array![[[1.0]]], array![[0.0]], one(0.5, 1.0, 0.0)),
        (array![[[1.0]], [[0.0]]], array![[0.0]], one(0.5, 2.0, 0.0)),
        (array![[[0.0]], [[0.0]], [[0.0]]], array![[0.5]], one(1.0, 1.0, 0.25)),
        (Array3::zeros((3, 1, 1)), Array2::zeros((1, 1)), one(0.0, 0.0, 0.0)),
    ];
    // Steps, samples, features, states. Large weights saturate tanh, so that gradients vanish.
    for ([steps, samples, features, states], scale) in [
        ([1, 1, 1, 1], 1.0),
        ([1, 3, 2, 3], 1.0),
        ([3, 1, 1, 3], 1.0),
        ([2, 2, 3, 1], 1.0),
        ([5, 3, 2, 3], 1.0),
        ([9, 1, 3, 5], 0.5),
        ([7, 2, 3, 3], 30.0),
        ([4, 3, 3, 3], 1e-6),
    ] {
        let weights = RnnWeights {
            weight_ih: draw.array((states, features)) * scale,
            weight_hh: draw.array((states, states)) * scale,
            bias: draw.array(states) * scale,
        };
        inputs.push((draw.array((steps, samples, features)), draw.array((samples, states)), weights));
    }
    inputs
}

/// The cell on a tape.
struct OnTape {
    x: Var<f64>,
    h0: Var<f64>,
    weights: library::Weights<f64>,
    bias: Var<f64>,
    states: Var<f64>,
}

impl OnTape {
    fn new(x: &Array3<f64>, h0: &Array2<f64>, weights: &RnnWeights) -> Result<Self, Fault> {
        let tape = Tape::recording();
        let (x, h0, bias) = (tape.variable(x.clone()), tape.variable(h0.clone()), tape.variable(weights.bias.clone()));
        let weights = library::Weights {
            weight_ih: tape.variable(weights.weight_ih.clone()),
            weight_hh: tape.variable(weights.weight_hh.clone()),
            bias_ih: Some(bias.clone()),
            bias_hh: None,
        };
        let (states, _) = library::rnn(&x, Some(&h0), &weights, Nonlinearity::Tanh, &Sweep::default())?;
        Ok(Self { x, h0, weights, bias, states })
    }
}

fn shown(x: &Array3<f64>, h0: &Array2<f64>, weights: &RnnWeights) -> Input {
    let input = Input::new().array("x", x).array("h0", h0);
    let input = input.array("weight_ih", &weights.weight_ih).array("weight_hh", &weights.weight_hh);
    input.array("bias", &weights.bias)
}

/// Grades `rnn-forward`.
///
/// # Errors
/// What is wrong first.
pub fn rnn_forward(
    grading: &mut Grading<'_>,
    answer: impl Fn(&Array3<f64>, &Array2<f64>, &RnnWeights) -> Answer<Array3<f64>>,
) -> Checked {
    for (x, h0, weights) in inputs(&mut Draw::new(10)) {
        let states = OnTape::new(&x, &h0, &weights)?.states;
        let same = |found: Array3<f64>| compare("h", &found, states.value(), 0.0);
        grading.input(&shown(&x, &h0, &weights), || answer(&x, &h0, &weights), same)?;
    }
    Ok(())
}

/// Grades `bptt`.
///
/// # Errors
/// What is wrong first.
pub fn bptt(
    grading: &mut Grading<'_>,
    answer: impl Fn(&Array3<f64>, &Array2<f64>, &RnnWeights, &Array3<f64>, &Array3<f64>) -> Answer<RnnGradients>,
) -> Checked {
    let mut draw = Draw::new(11);
    for (at, (x, h0, weights)) in inputs(&mut draw).into_iter().enumerate() {
        let on_tape = OnTape::new(&x, &h0, &weights)?;
        let h = on_tape.states.value().clone().into_array().into_dimensionality::<Ix3>()?;
        // A loss of the last state alone first, then of all.
        let mut dh = Array3::zeros(h.dim());
        if at < 4 {
            dh.outer_iter_mut().next_back().into_iter().for_each(|mut last| last.fill(1.0));
        } else {
            dh = draw.array(h.dim());
        }
        let gradients = on_tape.states.backward_with(dh.clone())?;
        let of = |variable: &Var<f64>| gradient(&gradients, variable);
        let [dx, dh0, dbias] = [of(&on_tape.x)?, of(&on_tape.h0)?, of(&on_tape.bias)?];
        let [dweight_ih, dweight_hh] = [of(&on_tape.weights.weight_ih)?, of(&on_tape.weights.weight_hh)?];

        // Where tanh is saturated, 1 − h² has lost its digits: it is right to the last digits of 1.
        let delta = largest(&dh);
        let (of_x, of_h) = (delta * largest(&weights.weight_ih), delta * largest(&weights.weight_hh));
        let compare_all = |found: RnnGradients| {
            compare("dx", &found.dx, dx, of_x)?;
            compare("dh0", &found.dh0, dh0, of_h)?;
            compare("dweight_ih", &found.dweight_ih, dweight_ih, delta * largest(&x))?;
            compare("dweight_hh", &found.dweight_hh, dweight_hh, delta)?;
            compare("dbias", &found.dbias, dbias, delta)
        };
        let input = shown(&x, &h0, &weights).array("h", &h).array("dh", &dh);
        grading.input(&input, || answer(&x, &h0, &weights, &h, &dh), compare_all)?;
    }
    Ok(())
}
