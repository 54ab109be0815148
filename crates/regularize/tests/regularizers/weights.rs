//! Penalties, constraints and reparametrized weights.

use super::{linear, rng, training};
use gradus_autograd::{Gradients, Tape};
use gradus_linalg::largest_singular_value;
use gradus_nn_layers::{Layer, Linear, Module, Parameter, Tanh, sequential, testing};
use gradus_optim::{Adam, AdamW, Optimizer, Sgd};
use gradus_regularize::penalty::{self, all_but_biases};
use gradus_regularize::{Constraint, SpectralNorm, WeightNorm};
use gradus_testing::{Tolerance, assert_close};
use ndarray::{Array1, Array2, ArrayD, Axis, IxDyn, array};
use proptest::prelude::*;

fn every(_: &str) -> bool {
    true
}

#[test]
fn the_elastic_net_is_the_sum_of_both_penalties() {
    let model = linear(3, 2, 1);
    for share in [0.0, 0.3, 1.0] {
        let tape = Tape::recording();
        let whole = penalty::elastic_net(&tape, &model, all_but_biases, 0.7, share).unwrap();
        let l1 = penalty::l1(&tape, &model, all_but_biases, 0.7 * share).unwrap();
        let parts = l1 + &penalty::l2(&tape, &model, all_but_biases, 0.7 * (1.0 - share)).unwrap();
        assert!((whole.item().unwrap() - parts.item().unwrap()).abs() < 1e-12);
        let gradient = |loss: &gradus_autograd::Var<f64>, tape: &Tape<f64>| {
            let _ = tape;
            (***loss.backward().unwrap().get(&model.weight).unwrap()).to_owned()
        };
        let whole = gradient(&whole, &tape);
        let tape = Tape::recording();
        let l1 = penalty::l1(&tape, &model, all_but_biases, 0.7 * share).unwrap();
        let parts = l1 + &penalty::l2(&tape, &model, all_but_biases, 0.7 * (1.0 - share)).unwrap();
        assert_close(&whole, &gradient(&parts, &tape), Tolerance::F64, "gradient");
    }
}

/// Weights whose gradient is noise alone, of sizes from 0.01 to 100: how much of each is left after some hundred steps.
fn left_of(mut optimizer: impl Optimizer<f64>, penalty: Option<f64>, steps: usize) -> Array1<f64> {
    let sizes = Array1::from_shape_fn(5, |i| 10_f64.powi(i as i32 - 2));
    let mut w: Parameter<f64> = Array1::ones(5).into();
    for step in 0..steps {
        let tape = Tape::recording();
        let variable = tape.parameter(&w);
        let sign = if step % 2 == 0 { 1.0 } else { -1.0 };
        let noise = variable.try_mul(&tape.input(&sizes * sign)).unwrap().sum();
        let loss = match penalty {
            Some(strength) => noise + &penalty::l2(&tape, &w, every, strength).unwrap(),
            None => noise,
        };
        optimizer.step(&mut w, &loss.backward().unwrap()).unwrap();
    }
    w.value().iter().copied().collect()
}

/// What the documentation says of penalty and decay, measured.
#[test]
fn under_adam_the_penalty_spares_weights_with_noisy_gradients_and_decay_does_not() {
    let (lr, strength, steps) = (1e-3, 0.1, 1000);
    let decayed = (1.0_f64 - lr * strength).powi(steps as i32);
    let adamw = left_of(AdamW::new(lr).weight_decay(strength), None, steps);
    let adam = left_of(Adam::new(lr), Some(strength), steps);
    // Decoupled: the same share of each, whatever its gradients; the noise moves a weight by some steps of lr.
    assert!(adamw.iter().all(|w| (w - decayed).abs() < 5.0 * lr), "{adamw}");
    // The penalty: what the noise leaves of the pull falls as 1 / its size.
    assert!(adam[0] < 0.5, "{adam}");
    let lost = adam.mapv(|w| 1.0 - w);
    assert!(lost[3] < 0.1 * lost[1] && (adam[4] - 1.0).abs() < 5.0 * lr, "{adam}");
    // Plain gradient descent: the same.
    let sgd = left_of(Sgd::new(lr), Some(strength), steps);
    assert!((sgd[0] - decayed).abs() < 1e-4, "{sgd} {decayed}");
}

mod constraints {
    use super::*;

    fn projected(constraint: Constraint, w: &ArrayD<f64>) -> ArrayD<f64> {
        let mut parameter: Parameter<f64> = w.clone().into();
        constraint.project(&mut parameter, every).unwrap();
        (***parameter.value()).to_owned()
    }

    /// Whether the set holds a point, to within rounding.
    fn holds(constraint: Constraint, w: &ArrayD<f64>) -> bool {
        const MORE: f64 = 1.0 + 1e-12;
        let norm = |w: &mut dyn Iterator<Item = &f64>| w.map(|w| w * w).sum::<f64>().sqrt();
        match constraint {
            Constraint::MaxNorm(r) => w.axis_iter(Axis(0)).all(|row| norm(&mut row.iter()) <= r * MORE),
            Constraint::L2Ball(r) => norm(&mut w.iter()) <= r * MORE,
            Constraint::L1Ball(r) => w.iter().map(|w| w.abs()).sum::<f64>() <= r * MORE + 1e-300,
            Constraint::MaxBall(r) => w.iter().all(|w| w.abs() <= r),
            Constraint::NonNegative => w.iter().all(|w| *w >= 0.0),
        }
    }

    proptest! {
        #![proptest_config(gradus_testing::proptest_cases(100))]

        /// A projection onto a convex set: in it, again the same, and nothing in it is nearer, which is to say
        /// `(w − Pw) · (z − Pw) ≤ 0` for every `z` of the set.
        #[test]
        fn are_projections(
            w in proptest::collection::vec(-3.0..3.0_f64, 12),
            z in proptest::collection::vec(-3.0..3.0_f64, 12),
            r in 0.0..4.0_f64,
        ) {
            let shaped = |w: Vec<f64>| ArrayD::from_shape_vec(IxDyn(&[3, 4]), w).unwrap();
            let (w, z) = (shaped(w), shaped(z));
            for constraint in [
                Constraint::MaxNorm(r), Constraint::L2Ball(r), Constraint::L1Ball(r), Constraint::MaxBall(r),
                Constraint::NonNegative,
            ] {
                let p = projected(constraint, &w);
                prop_assert!(holds(constraint, &p), "{constraint:?}: {p}");
                assert_close(&projected(constraint, &p), &p, Tolerance::F64, "again");
                let other = projected(constraint, &z);
                let inner = ((&w - &p) * (&other - &p)).sum();
                prop_assert!(inner <= 1e-12, "{constraint:?}: {inner}");
            }
        }
    }

    #[test]
    fn hold_by_name_and_leave_what_is_inside() {
        let mut model = sequential![Linear::<f64>::new(3, 4, &mut rng(1)), Tanh, Linear::new(4, 2, &mut rng(2))];
        let before = model.state_dict();
        Constraint::MaxNorm(1e-3).project(&mut model, |name| name == "2.weight").unwrap();
        for (name, value) in model.state_dict().iter() {
            assert_eq!(value == before.get(name).unwrap(), name != "2.weight", "{name}");
        }
        let pointer = model.parameter("0.weight").unwrap().value().as_ptr();
        Constraint::L2Ball(1e3).project(&mut model, every).unwrap();
        assert_eq!(model.parameter("0.weight").unwrap().value().as_ptr(), pointer);
        for shape in [vec![], vec![0], vec![0, 3], vec![1]] {
            for constraint in [Constraint::MaxNorm(0.5), Constraint::L1Ball(0.5), Constraint::L2Ball(0.0)] {
                projected(constraint, &ArrayD::ones(shape.clone()));
            }
        }
    }
}

#[test]
fn weight_norm_begins_as_the_layer_and_its_gradient_is_orthogonal() {
    for axis in [Some(0), Some(1), None] {
        let layer = linear(4, 3, 1);
        let x = array![[0.3, -0.2, 0.9, 1.1], [1.0, 0.0, -1.0, 0.5]];
        let before = layer.forward(&Tape::inference().input(x.clone())).unwrap();
        let mut layer = WeightNorm::along(layer, "weight", axis).unwrap();
        let y = layer.forward(&training(1).input(x.clone())).unwrap();
        assert_close(&**y.value(), &**before.value(), Tolerance::F64, "as before");
        let gradients: Gradients<f64> = y.square().sum().backward().unwrap();
        let (v, dv) = (&layer.layer.weight, gradients.get(&layer.layer.weight).unwrap());
        assert!((&***v.value() * &***dv).sum().abs() < 1e-12);
        testing::check_layer(&mut layer, &x.into_dyn()).unwrap();
        let names: Vec<_> = Module::<f64>::parameters(&layer).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["parametrizations.weight.original0", "parametrizations.weight.original1", "bias"]);
    }
    assert!(WeightNorm::new(linear(2, 2, 1), "wieght").is_err());
    assert!(WeightNorm::along(linear(2, 2, 1), "weight", Some(2)).is_err());
}

#[test]
fn the_largest_singular_value_is_one_and_training_keeps_it_there() {
    let mut layer = SpectralNorm::new(linear(5, 4, 3), "weight", &mut rng(1)).unwrap();
    // The effective weight is what the layer makes of the unit vectors.
    let effective = |layer: &SpectralNorm<Linear<f64>, f64>| -> Array2<f64> {
        let at = |x: Array2<f64>| layer.forward(&Tape::inference().input(x)).unwrap().value().clone().into_array();
        let (of_units, of_zero) = (at(Array2::eye(5)), at(Array2::zeros((5, 5))));
        (of_units - of_zero).into_dimensionality().unwrap()
    };
    let largest = |w: &Array2<f64>| largest_singular_value(w, 1e-12, 100_000).unwrap();
    assert!((largest(&effective(&layer)) - 1.0).abs() < 0.05); // after 15 iterations
    let mut sgd = Sgd::new(0.05);
    let x = Array2::from_shape_fn((6, 5), |(i, j)| ((i * 7 + j * 3) % 5) as f64 - 2.0);
    for seed in 0..60 {
        let tape = training(seed);
        let loss = layer.forward(&tape.input(x.clone())).unwrap().add_scalar(-1.0).square().mean();
        sgd.step(&mut layer, &loss.backward().unwrap()).unwrap();
    }
    assert!((largest(&effective(&layer)) - 1.0).abs() < 1e-2, "{}", largest(&effective(&layer)));
    // With many iterations on a weight that stands still, exactly.
    layer.power_iterations = 400;
    let tape = training(1);
    let gradients = layer.forward(&tape.input(x.clone())).unwrap().sum().backward().unwrap();
    for buffer in [&mut layer.u, &mut layer.v] {
        let new = gradients.update_of(buffer.id()).unwrap().clone();
        buffer.value_mut().assign(&**new);
    }
    assert!((largest(&effective(&layer)) - 1.0).abs() < 1e-10);
    testing::check_layer(&mut layer, &x.into_dyn()).unwrap();
}
