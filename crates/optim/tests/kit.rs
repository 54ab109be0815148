//! Every optimizer of the crate passes the kit for optimizers, and the kit finds what breaks its laws.

use crate::table::{ALL, Custom, Rule};
use gradus_optim::ndarray::{ArrayViewD, ArrayViewMutD};
use gradus_optim::testing::check_optimizer;
use gradus_optim::{Adam, Error, Optimizer, OptimizerState, Result, Sgd, State, fused};

#[test]
fn every_optimizer_passes() {
    for &(name, lr, make) in ALL {
        if matches!(make(lr), Rule::Asking(_)) {
            continue; // it needs the loss, of which the kit gives gradients alone
        }
        let boxed = |lr| match make(lr) {
            Rule::Given(optimizer) => optimizer,
            Rule::Asking(_) => unreachable!("the rule is the same at every rate"),
        };
        if let Err(error) = check_optimizer::<f64, _>(boxed, lr) {
            panic!("{name}: {error}");
        }
    }
    check_optimizer::<f32, _>(|lr| Sgd::new(lr).momentum(0.9), 0.05).unwrap();
}

/// The law that an optimizer breaks.
fn broken<O: Optimizer<f64>>(make: impl Fn(f64) -> O, lr: f64) -> &'static str {
    match check_optimizer(make, lr) {
        Err(Error::Law { law, .. }) => law,
        other => panic!("{other:?}"),
    }
}

/// Momentum, with one fault.
struct Faulty {
    lr: f64,
    state: State<f64>,
    fault: Fault,
}

#[derive(PartialEq, Clone, Copy)]
enum Fault {
    None,
    ForgetsItsState,
    TakesTheRateAlone,
    MovesAtRateZero,
    KeepsOneVelocity,
    GoesByMemory,
    ChecksNothing,
}

impl Faulty {
    fn with(fault: Fault) -> impl Fn(f64) -> Self {
        move |lr| Self { lr, state: State::new("faulty", &["velocity"]), fault }
    }
}

impl Optimizer<f64> for Faulty {
    fn update(&mut self, name: &str, mut param: ArrayViewMutD<'_, f64>, grad: ArrayViewD<'_, f64>) -> Result<()> {
        if self.fault == Fault::GoesByMemory && !param.is_standard_layout() {
            return Ok(());
        }
        let one_for_all = self.fault == Fault::KeepsOneVelocity && param.ndim() > 0;
        if one_for_all && param.len() == 2 {
            // The vector is pushed by what the matrix has left.
            let matrix = self.state.at("w", &[2, 2])?.arrays::<1>()[0].sum();
            param.mapv_inplace(|p| p - 0.02 * self.lr * matrix);
        }
        let lr = if self.fault == Fault::MovesAtRateZero { self.lr + 1e-3 } else { self.lr };
        let slot = self.state.at(name, param.shape())?;
        fused(param, grad, slot.arrays(), |p, g, [velocity]| {
            *velocity = 0.5 * *velocity + g;
            *p -= lr * *velocity;
        });
        Ok(())
    }
    fn lr(&self) -> f64 {
        self.lr
    }
    fn set_lr(&mut self, lr: f64) {
        self.lr = lr;
    }
    fn validate(&self) -> Result<()> {
        if self.fault == Fault::ChecksNothing { Ok(()) } else { Sgd::<f64>::new(self.lr).validate() }
    }
    fn state(&self) -> OptimizerState<f64> {
        let slots = if self.fault == Fault::ForgetsItsState { Vec::new() } else { self.state.save() };
        OptimizerState { lr: self.lr, slots }
    }
    fn restore(&mut self, state: OptimizerState<f64>) -> Result<()> {
        if self.fault == Fault::TakesTheRateAlone {
            self.lr = state.lr;
        }
        self.state.load(state.slots)?;
        self.lr = state.lr;
        Ok(())
    }
}

#[test]
fn faults_are_found() {
    check_optimizer(Faulty::with(Fault::None), 0.05).unwrap();
    assert_eq!(broken(Sgd::new, 1e-6), "the loss of a convex quadratic falls below a hundredth within 1,000 steps");
    for (fault, law) in [
        (Fault::ForgetsItsState, "a state that is saved and restored goes on in the same bits"),
        (Fault::TakesTheRateAlone, "a state that another rule saved is refused, and nothing is changed"),
        (Fault::MovesAtRateZero, "a learning rate of 0 moves nothing"),
        (Fault::KeepsOneVelocity, "the order of parameters does not matter"),
        (Fault::GoesByMemory, "arrays of any size and layout are as good as any"),
        (Fault::ChecksNothing, "a learning rate out of range is an error that names it, before anything moves"),
    ] {
        assert_eq!(broken(Faulty::with(fault), 0.05), law);
    }
    assert_eq!(broken(|_| Custom, 0.1), "`lr` is what `set_lr` has set, and the state holds it");

    // No two of them are the same.
    let made = std::cell::Cell::new(0.0);
    let varies = |lr: f64| {
        made.set(made.get() + 1e-6);
        Adam::new(lr).eps(made.get())
    };
    assert_eq!(broken(varies, 0.05), "the same steps give the same bits");
}

#[test]
fn the_message_names_the_law_and_what_was_found() {
    let error = check_optimizer::<f64, _>(Faulty::with(Fault::MovesAtRateZero), 0.05).unwrap_err();
    assert_eq!(
        error.to_string(),
        "optimizer: a learning rate of 0 moves nothing: this one breaks it: parameters have moved in 3 steps"
    );
}
