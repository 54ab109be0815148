//! Laws of the optimizers that ask for the loss themselves, and of the state of all.

#![allow(clippy::unwrap_used)] // also in the helpers of the tests

use gradus_autograd::Error as TapeError;
use gradus_nn_layers::{Buffer, Error as LayerError, Module, Parameter, Result, Tape};
use gradus_optim::{Adam, ClosureOptimizer, Error, Evaluation, Lbfgs, Optimizer, Real, Sam, Sgd};
use ndarray::{Array1, ArrayD, arr1, array};
use proptest::prelude::*;
use std::cell::Cell;

/// `Σ aᵢ wᵢ²/2 + cos wᵢ`
fn wave(a: &[f64], w: &Parameter<f64>) -> Result<Evaluation<f64>> {
    let w = Tape::recording().parameter(w);
    let bowl = w.square().try_mul(&w.tape().input(arr1(a)))?.mul_scalar(0.5);
    Evaluation::of(&bowl.try_add(&w.cos())?.sum())
}

/// `Σ aᵢ (wᵢ − 1)²`
fn bowl<F: Real>(a: &[F], w: &Parameter<F>) -> Result<Evaluation<F>> {
    let w = Tape::recording().parameter(w);
    Evaluation::of(&w.add_scalar(-F::one()).square().try_mul(&w.tape().input(arr1(a)))?.sum())
}

fn bits(w: &Parameter<f64>) -> Vec<u64> {
    w.value().iter().map(|w| w.to_bits()).collect()
}

prop_compose! {
    fn problem()(n in 1_usize..6)(
        x in prop::collection::vec(-3.0..3.0, n),
        a in prop::collection::vec(0.1..2.0, n),
        lr in 0.001..0.3,
        rho in 0.01..0.5,
    ) -> (Vec<f64>, Vec<f64>, f64, f64) {
        (x, a, lr, rho)
    }
}

proptest! {
    #![proptest_config(gradus_testing::proptest_cases(50))]

    #[test]
    fn sam_of_radius_zero_is_its_base((x, a, lr, _) in problem(), adaptive in any::<bool>()) {
        let (mut ours, mut plain) = (Parameter::new(arr1(&x)), Parameter::new(arr1(&x)));
        let sam = Sam::new(Adam::new(lr), 0.0);
        let (mut sam, mut adam) = (if adaptive { sam.adaptive() } else { sam }, Adam::new(lr));
        for _ in 0..8 {
            let loss = sam.step_with(&mut ours, |w| wave(&a, w)).unwrap();
            let evaluation = wave(&a, &plain).unwrap();
            prop_assert_eq!(loss, evaluation.loss);
            adam.step(&mut plain, &evaluation.gradients).unwrap();
        }
        prop_assert_eq!(bits(&ours), bits(&plain));
        prop_assert_eq!(sam.state(), adam.state());
    }

    /// By the formula, each step from where the one before has led. Near a point of rest the direction of the gradient is
    /// that of its rounding: there is nothing to compare.
    #[test]
    fn sam_takes_the_gradient_of_the_worst_point((x, a, lr, rho) in problem(), adaptive in any::<bool>()) {
        let mut w = Parameter::new(arr1(&x));
        let sam = Sam::new(Sgd::new(lr), rho);
        let mut sam = if adaptive { sam.adaptive() } else { sam };
        let a_ = arr1(&a);
        for _ in 0..5 {
            let theta: Array1<f64> = w.value().iter().copied().collect();
            let slope = |x: &Array1<f64>| x * &a_ - x.mapv(f64::sin);
            let g = slope(&theta);
            let size = if adaptive { theta.mapv(f64::abs) } else { Array1::ones(theta.len()) };
            let norm = (&g * &size).mapv(|x| x * x).sum().sqrt();
            if norm < 1e-3 {
                break;
            }
            sam.step_with(&mut w, |w| wave(&a, w)).unwrap();
            let worst = &theta + &(&size * &size * &g * (rho / (norm + 1e-12)));
            let expected = &theta - &(slope(&worst) * lr);
            let close = gradus_testing::close(&**w.value(), &expected, gradus_testing::Tolerance::F64, "w");
            prop_assert!(close.is_ok(), "{close:?}");
        }
    }

    /// With a line search that is nearly exact on a quadratic, a few iterations more than there are numbers are enough.
    #[test]
    fn lbfgs_finds_the_minimum_of_a_quadratic((x, a, ..) in problem()) {
        for lbfgs in [Lbfgs::new(1.0).strong_wolfe(), Lbfgs::new(1.0)] {
            let (mut w, mut lbfgs) = (Parameter::new(arr1(&x)), lbfgs.tolerance_change(1e-15));
            for _ in 0..3 {
                lbfgs.step_with(&mut w, |w| bowl(&a, w)).unwrap();
            }
            for w in w.value().iter() {
                prop_assert!((w - 1.0).abs() < 1e-5, "{w}");
            }
        }
        let a: Vec<f32> = a.iter().map(|&a| a as f32).collect();
        let mut w = Parameter::new(arr1(&x).mapv(|x| x as f32));
        let mut lbfgs = Lbfgs::new(1.0).strong_wolfe();
        for _ in 0..3 {
            lbfgs.step_with(&mut w, |w| bowl(&a, w)).unwrap();
        }
        prop_assert!(w.value().iter().all(|w| (w - 1.0).abs() < 1e-2), "{:?}", w.value());
    }

    /// The line search never ends higher than it began.
    #[test]
    fn with_a_line_search_the_loss_never_rises((x, a, ..) in problem()) {
        let (mut w, mut lbfgs) = (Parameter::new(arr1(&x)), Lbfgs::new(1.0).strong_wolfe().max_iter(1));
        let mut last = f64::INFINITY;
        for _ in 0..10 {
            let loss = lbfgs.step_with(&mut w, |w| wave(&a, w)).unwrap();
            prop_assert!(loss <= last, "{loss} after {last}");
            last = loss;
        }
    }

    /// In `f32` the scalars, computed in `f64`, come back from the saved arrays.
    #[test]
    fn a_restored_lbfgs_walks_on_in_the_same_bits_in_f32((x, a, ..) in problem(), wolfe in any::<bool>()) {
        let make = || {
            let lbfgs = Lbfgs::<f32>::new(0.7).max_iter(2).history_size(3);
            if wolfe { lbfgs.strong_wolfe() } else { lbfgs }
        };
        let a: Vec<f32> = a.iter().map(|&a| a as f32).collect();
        let (mut w, mut lbfgs) = (Parameter::new(arr1(&x).mapv(|x| x as f32)), make());
        let run = |lbfgs: &mut Lbfgs<f32>, w: &mut Parameter<f32>| {
            for _ in 0..4 {
                lbfgs.step_with(w, |w| bowl(&a, w)).unwrap();
            }
        };
        run(&mut lbfgs, &mut w);
        let (mut other, mut resumed) = (w.clone(), make());
        resumed.restore(lbfgs.state()).unwrap();
        run(&mut lbfgs, &mut w);
        run(&mut resumed, &mut other);
        prop_assert_eq!(w.value(), other.value());
        prop_assert_eq!(lbfgs.state(), resumed.state());
    }
}

#[test]
fn an_evaluation_that_fails_leaves_the_parameters() {
    let failing = |calls: &Cell<u32>, at: u32| {
        calls.set(calls.get() + 1);
        if calls.get() == at {
            Err(LayerError::from(TapeError::NonFiniteLoss { loss: f64::NAN, cause: None }))
        } else {
            Ok(())
        }
    };
    // SAM climbs first, L-BFGS goes a step.
    let optimizers: [Box<dyn ClosureOptimizer<f64>>; 2] =
        [Box::new(Sam::new(Sgd::new(0.1), 0.5)), Box::new(Lbfgs::new(0.1))];
    for mut optimizer in optimizers {
        for at in [1, 2] {
            let (mut w, calls) = (Parameter::new(array![3.0, -0.7]), Cell::new(0));
            let before = bits(&w);
            let outcome = optimizer.step_with(&mut w, |w| {
                failing(&calls, at)?;
                wave(&[1.0, 2.0], w)
            });
            assert!(matches!(outcome.unwrap_err().source_as(), Some(TapeError::NonFiniteLoss { .. })));
            assert_eq!((bits(&w), calls.get()), (before, at));
            assert_eq!(optimizer.state().slots, []);
        }
    }
}

/// A first trial at which the loss overflows is a reason to come closer.
#[test]
fn a_line_search_turns_back_from_where_the_loss_is_not_finite() {
    let mut w = Parameter::new(array![0.5]);
    let mut lbfgs = Lbfgs::new(1e6).strong_wolfe().max_iter(1);
    let evaluate = |w: &Parameter<f64>| {
        let w = Tape::recording().parameter(w);
        Evaluation::of(&w.exp().try_sub(&w.mul_scalar(3.0))?.square().exp().sum())
    };
    let before = lbfgs.step_with(&mut w, evaluate).unwrap();
    let after = evaluate(&w).unwrap().loss;
    assert!(after.is_finite() && after <= before, "{after} after {before}");
}

#[test]
fn gradients_that_are_not_finite_are_refused() {
    let nan = |w: &Parameter<f64>| {
        let gradients = Tape::recording().parameter(w).backward_with(array![f64::NAN, 1.0])?;
        Ok(Evaluation { loss: 1.0, gradients })
    };
    let optimizers: [(Box<dyn ClosureOptimizer<f64>>, &str); 2] = [
        (Box::new(Sam::new(Sgd::new(0.1), 0.5)), "sam: the norm of the gradients is NaN; a gradient is not finite"),
        (Box::new(Lbfgs::new(0.1)), "lbfgs: the norm of the gradients is NaN; a gradient is not finite"),
    ];
    for (mut optimizer, expected) in optimizers {
        let mut w = Parameter::new(array![1.0, 2.0]);
        assert_eq!(optimizer.step_with(&mut w, nan).unwrap_err().to_string(), expected);
        assert_eq!(w.value(), &array![1.0, 2.0]);
    }
}

#[test]
fn buffers_take_what_was_noted_at_the_parameters_own_point() {
    #[derive(Module)]
    #[module(float = f64)]
    struct Watched {
        w: Parameter<f64>,
        seen: Buffer<f64>,
    }
    let optimizers: [Box<dyn ClosureOptimizer<f64>>; 2] =
        [Box::new(Sam::new(Sgd::new(0.1), 0.5)), Box::new(Lbfgs::new(1.0).strong_wolfe())];
    for mut optimizer in optimizers {
        let mut model = Watched { w: array![3.0].into(), seen: array![0.0].into() };
        let evaluate = |model: &Watched| {
            let tape = Tape::recording();
            tape.update(model.seen.id(), model.w.value().mapv(|w| w));
            Evaluation::of(&tape.parameter(&model.w).square().sum())
        };
        optimizer.step_with(&mut model, evaluate).unwrap();
        assert_eq!(model.seen.value(), &array![3.0]);
        assert!(model.w.value()[[0]] < 3.0);
    }
}

#[test]
fn a_frozen_parameter_stays() {
    let mut pair = (Parameter::new(array![2.0]), Parameter::new(array![5.0, 6.0]), Parameter::new(array![3.0]));
    pair.1.set_trainable(false);
    let mut lbfgs = Lbfgs::new(1.0).strong_wolfe();
    lbfgs
        .step_with(&mut pair, |(x, y, z)| {
            let tape = Tape::recording();
            let sums = [x, y, z].map(|p| tape.parameter(p).square().sum());
            Evaluation::of(&sums.into_iter().reduce(|a, b| a + &b).unwrap())
        })
        .unwrap();
    assert_eq!(pair.1.value(), &array![5.0, 6.0]);
    assert!(pair.0.value()[[0]].abs() < 1e-5 && pair.2.value()[[0]].abs() < 1e-5);
}

#[test]
fn lbfgs_refuses_what_is_not_its_own() {
    let mut lbfgs = Lbfgs::<f64>::new(1.0).max_iter(2);
    let mut w = Parameter::new(array![3.0, -1.0]);
    lbfgs.step_with(&mut w, |w| bowl(&[1.0, 2.0], w)).unwrap();
    let state = lbfgs.state();

    let mut longer = Parameter::new(array![1.0, 2.0, 3.0]);
    let error = lbfgs.step_with(&mut longer, |w| bowl(&[1.0; 3], w)).unwrap_err();
    let expected = "lbfgs: *: the parameter has shape [3], the optimizer's state [2]; is it another model's?";
    assert_eq!(error.to_string(), expected);

    let refused = |lbfgs: &mut Lbfgs<f64>, change: &dyn Fn(&mut Vec<gradus_optim::SavedSlot<f64>>)| {
        let mut state = state.clone();
        change(&mut state.slots);
        let error = lbfgs.restore(state.clone()).unwrap_err();
        assert!(matches!(error, Error::StateArrays { .. }), "{error}");
        error.to_string()
    };
    let message = refused(&mut lbfgs, &|slots| slots[0].rule = "adam".into());
    assert!(message.starts_with("lbfgs: restore: *: needs lbfgs with [\"d\", \"t\", \"prev_flat_grad\""), "{message}");
    refused(&mut lbfgs, &|slots| slots.push(slots[0].clone()));
    refused(&mut lbfgs, &|slots| slots[0].arrays.truncate(3));
    refused(&mut lbfgs, &|slots| slots[0].arrays[0].0 = "e".into());
    for array in 0..5 {
        refused(&mut lbfgs, &|slots| slots[0].arrays[array].1 = ArrayD::zeros(vec![1, 5]));
    }
    assert_eq!(lbfgs.state(), state);
}

#[test]
fn hyper_parameters_are_named_with_value_and_range() {
    let lbfgs = || Lbfgs::<f64>::new(1.0);
    let refused: Vec<(Box<dyn ClosureOptimizer<f64>>, &str)> = vec![
        (Box::new(Lbfgs::new(-1.0)), "lbfgs: lr -1: must be finite and not negative"),
        (Box::new(lbfgs().max_iter(0)), "lbfgs: max_iter 0: must be at least 1"),
        (Box::new(lbfgs().max_eval(0)), "lbfgs: max_eval 0: must be at least 1"),
        (Box::new(lbfgs().tolerance_grad(-1.0)), "lbfgs: tolerance_grad -1: must be finite and not negative"),
        (Box::new(lbfgs().tolerance_change(f64::NAN)), "lbfgs: tolerance_change NaN: must be finite and not negative"),
        (Box::new(lbfgs().history_size(0)), "lbfgs: history_size 0: must be at least 1"),
        (Box::new(Sam::new(Sgd::new(0.1), -0.1)), "sam: rho -0.1: must be finite and not negative"),
        (Box::new(Sam::new(Sgd::new(f64::NAN), 0.1)), "sgd: lr NaN: must be finite and not negative"),
    ];
    for (mut optimizer, expected) in refused {
        let mut w = Parameter::new(array![1.0]);
        let error = optimizer.step_with(&mut w, |_| panic!("nothing is evaluated")).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}
