//! Laws that hold for every optimizer, and those of single ones.

#![allow(clippy::unwrap_used)] // also in the helpers of the tests

use crate::table::{ALL, Custom, Model, run};
use gradus_autograd::Tape;
use gradus_nn_layers::{Buffer, Module, Parameter};
use gradus_optim::schedule::CosineAnnealing;
use gradus_optim::{Adam, AdamW, Error, Groups, Optimizer, OptimizerState, Schedule, Sgd};
use gradus_testing::{Tolerance, assert_close};
use ndarray::{ArrayD, arr1, array};
use proptest::prelude::*;

#[test]
fn every_optimizer_finds_the_minimum_of_a_quadratic() {
    for &(name, lr, make) in ALL {
        let (mut model, mut optimizer) = (Model::new(), make(lr));
        // Adam's steps do not shrink with the gradient: without annealing it would hover at some distance.
        let schedule = CosineAnnealing::new(lr, 1500);
        for step in 0..1500 {
            optimizer.set_lr(schedule.lr(step));
            optimizer.run(&mut model, 1);
        }
        let loss = model.quadratic().1;
        assert!(loss < 1e-8, "{name}: the loss is {loss}");
    }
}

#[test]
fn a_restored_optimizer_walks_on_in_the_same_bits() {
    for &(name, lr, make) in ALL {
        let (mut model, mut optimizer) = (Model::new(), make(lr));
        optimizer.run(&mut model, 7);
        optimizer.set_lr(lr / 2.0);
        let (state, w, b) = (optimizer.state(), model.w.value().clone(), model.b.value().clone());
        optimizer.run(&mut model, 7);

        let (mut other, mut resumed) = (Model { w: Parameter::new(w), b: Parameter::new(b) }, make(lr));
        resumed.restore(state.clone()).unwrap();
        assert_eq!(resumed.state(), state, "{name}");
        resumed.run(&mut other, 7);
        assert_eq!(model.bits(), other.bits(), "{name}");
    }
}

#[test]
fn a_state_survives_its_way_through_another_optimizer_of_the_kind() {
    for &(name, lr, make) in ALL {
        let (mut model, mut optimizer) = (Model::new(), make(lr));
        optimizer.run(&mut model, 5);
        let state = optimizer.state();
        let mut other = make(lr);
        other.run(&mut Model::new(), 3);
        other.restore(state.clone()).unwrap();
        assert_eq!(other.state(), state, "{name}");
        let empty = make(lr).state();
        other.restore(empty.clone()).unwrap();
        assert_eq!(other.state(), empty, "{name}");
    }
}

#[test]
fn a_count_of_steps_at_its_end_is_no_end() {
    for &(name, lr, make) in ALL {
        let (mut model, mut optimizer) = (Model::new(), make(lr));
        optimizer.run(&mut model, 2);
        let mut state = optimizer.state();
        state.slots.iter_mut().for_each(|slot| slot.steps = u64::MAX);
        optimizer.restore(state).unwrap();
        optimizer.run(&mut model, 2);
        assert!(model.quadratic().1.is_finite(), "{name}");
    }
}

#[test]
fn arrays_of_no_and_of_one_number_are_fine() {
    for &(name, lr, make) in ALL {
        let empty = Parameter::<f64>::new(ArrayD::zeros(vec![0, 3]));
        let mut model = (empty, Parameter::new(ArrayD::ones(vec![])), Parameter::new(ArrayD::ones(vec![1, 1])));
        let mut optimizer = make(lr);
        for _ in 0..3 {
            let tape = Tape::recording();
            let sums = [tape.parameter(&model.0), tape.parameter(&model.1), tape.parameter(&model.2)].map(|p| p.sum());
            let loss = sums.into_iter().reduce(|a, b| a + &b).unwrap();
            optimizer.step(&mut model, &loss.backward().unwrap()).unwrap();
        }
        let moved = [&model.1, &model.2].map(|p| *p.value().first().unwrap());
        assert!(moved.iter().all(|x| x.is_finite() && *x < 1.0), "{name}: {moved:?}");
    }
}

#[test]
fn a_zero_rate_moves_nothing() {
    for &(name, lr, make) in ALL {
        let (mut model, mut optimizer) = (Model::new(), make(lr));
        optimizer.set_lr(0.0);
        optimizer.run(&mut model, 3);
        assert_eq!(model.bits(), Model::new().bits(), "{name}");
    }
}

#[test]
fn updates_happen_in_place() {
    for &(name, lr, make) in ALL {
        let (mut model, mut optimizer) = (Model::new(), make(lr));
        let place = (model.w.value().as_ptr(), model.b.value().as_ptr());
        optimizer.run(&mut model, 3);
        assert_eq!((model.w.value().as_ptr(), model.b.value().as_ptr()), place, "{name}");
    }
}

#[test]
fn a_bad_learning_rate_is_refused_before_anything_moves() {
    for &(name, lr, make) in ALL {
        for bad in [f64::NAN, -1.0, f64::INFINITY] {
            let (mut model, mut optimizer) = (Model::new(), make(lr));
            optimizer.set_lr(bad);
            let gradients = model.quadratic().0;
            let error = optimizer.step(&mut model, &gradients).unwrap_err();
            assert!(matches!(error, Error::HyperParameter { field: "lr", .. }), "{name}: {error}");
            assert_eq!(model.bits(), Model::new().bits(), "{name}");
        }
    }
}

#[test]
fn hyper_parameters_are_named_with_value_and_range() {
    let message = |optimizer: &dyn Optimizer<f64>| optimizer.validate().unwrap_err().to_string();
    for (optimizer, expected) in [
        (Box::new(Adam::new(f64::NAN)) as Box<dyn Optimizer<f64>>, "adam: lr NaN: must be finite and not negative"),
        (Box::new(Adam::new(0.1).betas(1.0, 0.9)), "adam: beta1 1: must be at least 0 and less than 1"),
        (Box::new(Adam::new(0.1).betas(0.9, -0.1)), "adam: beta2 -0.1: must be at least 0 and less than 1"),
        (Box::new(AdamW::new(0.1).eps(-1e-8)), "adamw: eps -0.00000001: must be finite and not negative"),
        (
            Box::new(AdamW::new(0.1).weight_decay(f64::INFINITY)),
            "adamw: weight_decay inf: must be finite and not negative",
        ),
        (Box::new(Sgd::new(-0.1)), "sgd: lr -0.1: must be finite and not negative"),
        (Box::new(Sgd::new(0.1).momentum(1.5)), "sgd: momentum 1.5: must be at least 0 and less than 1"),
        (Box::new(Sgd::new(0.1).dampening(f64::NAN)), "sgd: dampening NaN: must be between 0 and 1"),
        (
            Box::new(Sgd::new(0.1).nesterov()),
            "sgd: nesterov with momentum 0 and dampening 0: needs momentum above 0 and dampening 0",
        ),
        (
            Box::new(Groups::new(Sgd::new(0.1)).with(|_| true, Sgd::new(0.1).weight_decay(-1.0))),
            "sgd: weight_decay -1: must be finite and not negative",
        ),
    ] {
        assert_eq!(message(&*optimizer), expected);
    }
}

#[test]
fn gradients_of_another_model_are_refused() {
    let mut model = Model::new();
    let gradients = Model::new().quadratic().0;
    let error = Sgd::new(0.1).step(&mut model, &gradients).unwrap_err();
    assert_eq!(error, Error::NoGradient { parameters: 2, gradients: 2 });
}

#[test]
fn frozen_parameters_stay() {
    for &(name, lr, make) in ALL {
        let (mut model, mut optimizer) = (Model::new(), make(lr));
        let gradients = model.quadratic().0;
        model.set_trainable(false, &|name| name == "w"); // after the gradients were taken
        optimizer.step(&mut model, &gradients).unwrap();
        assert_eq!(model.w.value(), Model::new().w.value(), "{name}");
        assert_ne!(model.b.value(), Model::new().b.value(), "{name}");
        optimizer.run(&mut model, 2);
        assert_eq!(model.w.value(), Model::new().w.value(), "{name}");
    }
}

#[test]
fn a_parameter_of_another_shape_is_refused() {
    for &(name, lr, make) in ALL {
        let (mut model, mut optimizer) = (Model::new(), make(lr));
        let gradients = model.quadratic().0;
        *model.w.value_mut() = arr1(&[1.0, 2.0, 3.0]).into_dyn().into_shared();
        let error = optimizer.step(&mut model, &gradients).unwrap_err();
        let expected = "step: w: the parameter has shape [3], its gradient [2, 2]";
        assert_eq!(error.to_string(), expected, "{name}");
    }
    let mut adam = Adam::new(0.1);
    run(&mut adam, &mut Model::new(), 1);
    let mut smaller = Model { w: array![[1.0, 2.0]].into(), b: array![1.0].into() };
    let gradients = smaller.quadratic().0;
    assert!(matches!(adam.step(&mut smaller, &gradients), Err(Error::StateShape { .. })));
}

#[test]
fn the_state_of_another_optimizer_is_refused_and_nothing_changes() {
    let mut momentum = Sgd::new(0.1).momentum(0.9);
    run(&mut momentum, &mut Model::new(), 1);
    for &(name, lr, make) in ALL.iter().filter(|(name, ..)| !name.starts_with("sgd")) {
        let mut optimizer = make(lr);
        optimizer.run(&mut Model::new(), 2);
        let before = optimizer.state();
        let error = optimizer.restore(momentum.state()).unwrap_err();
        assert!(matches!(error, Error::StateArrays { .. }), "{name}: {error}");
        assert_eq!(optimizer.state(), before, "{name}");
    }
    let mut custom = Custom;
    let state = OptimizerState { lr: 0.1, ..momentum.state() };
    assert_eq!(
        Optimizer::<f64>::restore(&mut custom, state).unwrap_err().to_string(),
        "restore: the state remembers w, this optimizer nothing"
    );
}

#[test]
fn an_optimizer_of_ones_own_works_behind_every_pointer() {
    let (mut plain, mut boxed, mut model) = (Model::new(), Model::new(), Model::new());
    run(&mut Custom, &mut model, 5);
    run(&mut Sgd::new(0.1), &mut plain, 5);
    let mut custom: Box<dyn Optimizer<f64>> = Box::new(Custom);
    run(&mut custom, &mut boxed, 5);
    assert_close(&**model.w.value(), &**plain.w.value(), Tolerance::F64, "w");
    assert_eq!(model.bits(), boxed.bits());
}

#[test]
fn buffers_take_their_noted_values() {
    #[derive(Module)]
    #[module(float = f64)]
    struct WithMean {
        w: Parameter<f64>,
        running_mean: Buffer<f64>,
    }
    let mut model = WithMean { w: array![1.0].into(), running_mean: array![0.0, 0.0].into() };
    let step = |model: &mut WithMean, mean: ArrayD<f64>| {
        let tape = Tape::recording();
        let loss = tape.parameter(&model.w).sum();
        tape.update(model.running_mean.id(), mean);
        Sgd::new(0.1).step(model, &loss.backward().unwrap())
    };
    step(&mut model, array![1.0, 2.0].into_dyn()).unwrap();
    assert_eq!(model.running_mean.value(), &array![1.0, 2.0]);
    assert_eq!(
        step(&mut model, array![1.0].into_dyn()).unwrap_err().to_string(),
        "step: running_mean: the buffer has shape [2], its new value [1]"
    );
}

#[test]
fn decay_can_leave_biases_out() {
    let gradients = |model: &Model| {
        let tape = Tape::recording();
        let loss = tape.parameter(&model.w).sum().mul_scalar(0.0) + &tape.parameter(&model.b).sum().mul_scalar(0.0);
        loss.backward().unwrap()
    };
    let mut model = Model::new();
    let mut groups =
        Groups::new(AdamW::new(0.1).weight_decay(1.0)).with(|n| n == "b", AdamW::new(0.1).weight_decay(0.0));
    let grads = gradients(&model);
    groups.step(&mut model, &grads).unwrap();
    assert_close(&**model.w.value(), &(&**Model::new().w.value() * 0.9), Tolerance::F64, "w");
    assert_eq!(model.b.value(), Model::new().b.value());
}

/// The walk of one parameter under given gradients, each computed at the point reached by `gradient`.
fn walk(
    mut optimizer: impl Optimizer<f64>,
    start: &[f64],
    steps: usize,
    gradient: impl Fn(&[f64]) -> Vec<f64>,
) -> Vec<f64> {
    let mut p = arr1(start).into_dyn();
    for _ in 0..steps {
        let g = arr1(&gradient(p.as_slice().unwrap())).into_dyn();
        optimizer.update("p", p.view_mut(), g.view()).unwrap();
    }
    p.into_iter().collect()
}

/// The gradient of a smooth function with nothing special about it: `Σ aᵢ xᵢ²/2 + cos xᵢ`.
fn gradient(a: &[f64], x: &[f64]) -> Vec<f64> {
    x.iter().zip(a).map(|(x, a)| a * x - x.sin()).collect()
}

fn close(a: &[f64], b: &[f64]) -> Result<(), TestCaseError> {
    gradus_testing::close(&arr1(a), &arr1(b), Tolerance::F64, "x").map_err(TestCaseError::fail)
}

prop_compose! {
    fn problem()(n in 1_usize..6)(
        x in prop::collection::vec(-3.0..3.0, n),
        a in prop::collection::vec(0.1..2.0, n),
        lr in 0.001..0.3,
        momentum in 0.05..0.95,
        decay in 0.01..0.5,
    ) -> (Vec<f64>, Vec<f64>, f64, f64, f64) {
        (x, a, lr, momentum, decay)
    }
}

proptest! {
    #![proptest_config(gradus_testing::proptest_cases(100))]

    #[test]
    fn momentum_zero_is_plain_descent((x, a, lr, _, decay) in problem()) {
        let plain = walk(Sgd::new(lr).weight_decay(decay), &x, 8, |x| gradient(&a, x));
        let zero = walk(Sgd::new(lr).weight_decay(decay).momentum(0.0), &x, 8, |x| gradient(&a, x));
        prop_assert_eq!(&plain, &zero);
        // Nearly none is nearly that, through the code that remembers.
        close(&walk(Sgd::new(lr).weight_decay(decay).momentum(1e-300), &x, 8, |x| gradient(&a, x)), &plain)?;
    }

    /// Nesterov takes the gradient at the point ahead; ours is the same walk, seen from the points ahead.
    #[test]
    fn both_forms_of_nesterov_agree((x, a, lr, mu, _) in problem()) {
        let ours = walk(Sgd::new(lr).momentum(mu).nesterov(), &x, 8, |x| gradient(&a, x));
        let (mut theta, mut v) = (x.clone(), vec![0.0; x.len()]);
        let ahead = |theta: &[f64], v: &[f64]| -> Vec<f64> { theta.iter().zip(v).map(|(t, v)| t + mu * v).collect() };
        for _ in 0..8 {
            let g = gradient(&a, &ahead(&theta, &v));
            for ((theta, v), g) in theta.iter_mut().zip(&mut v).zip(g) {
                *v = mu * *v - lr * g;
                *theta += *v;
            }
        }
        close(&ours, &ahead(&theta, &v))?;
    }

    /// While the rate does not change, it may stand inside the velocity or outside.
    #[test]
    fn both_forms_of_momentum_agree((x, a, lr, mu, _) in problem()) {
        let ours = walk(Sgd::new(lr).momentum(mu), &x, 8, |x| gradient(&a, x));
        let (mut theta, mut v) = (x.clone(), vec![0.0; x.len()]);
        for _ in 0..8 {
            let g = gradient(&a, &theta);
            for ((theta, v), g) in theta.iter_mut().zip(&mut v).zip(g) {
                *v = mu * *v - lr * g;
                *theta += *v;
            }
        }
        close(&ours, &theta)?;
    }

    #[test]
    fn a_penalty_in_the_loss_is_weight_decay((x, a, lr, mu, decay) in problem()) {
        let with_penalty = |x: &[f64]| -> Vec<f64> {
            gradient(&a, x).iter().zip(x).map(|(g, x)| g + decay * x).collect()
        };
        let plain = |x: &[f64]| gradient(&a, x);
        close(&walk(Sgd::new(lr), &x, 8, with_penalty), &walk(Sgd::new(lr).weight_decay(decay), &x, 8, plain))?;
        let sgd = Sgd::new(lr).momentum(mu).nesterov();
        close(&walk(sgd.clone(), &x, 8, with_penalty), &walk(sgd.weight_decay(decay), &x, 8, plain))?;
        let adam = Adam::new(lr);
        close(&walk(adam.clone(), &x, 8, with_penalty), &walk(adam.weight_decay(decay), &x, 8, plain))?;
    }

    #[test]
    fn without_decay_adamw_is_adam((x, a, lr, _, _) in problem()) {
        let adam = walk(Adam::new(lr), &x, 8, |x| gradient(&a, x));
        prop_assert_eq!(adam, walk(AdamW::new(lr).weight_decay(0.0), &x, 8, |x| gradient(&a, x)));
    }

    /// Without ε, Adam does not see how large the gradients are.
    #[test]
    fn adam_is_blind_to_the_scale_of_the_loss((x, a, lr, _, _) in problem()) {
        let adam = || Adam::new(lr).eps(0.0);
        let plain = walk(adam(), &x, 8, |x| gradient(&a, x));
        close(&plain, &walk(adam(), &x, 8, |x| gradient(&a, x).iter().map(|g| g * 1024.0).collect()))?;
    }
}
