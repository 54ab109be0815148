//! Laws of the learning-rate schedules, and how an optimizer follows them.

#![allow(clippy::unwrap_used)] // also in the helpers of the tests

use crate::table::{Custom, Model, run};
use gradus_optim::schedule::{
    Constant, CosineAnnealing, CosineWarmRestarts, Cyclic, Exponential, InverseSqrt, Linear, MultiStep, OneCycle,
    Polynomial, ReduceOnPlateau, StepDecay,
};
use gradus_optim::{
    Adam, AsClosure, ClosureOptimizer, Error, Evaluation, Groups, Lbfgs, OneEvaluation, Optimizer, Sam, Schedule, Sgd,
};
use proptest::prelude::*;

#[test]
fn schedules_are_checked() {
    let nan = f64::NAN;
    let bad: Vec<(Box<dyn Schedule>, &str)> = vec![
        (Box::new(Constant::new(nan)), "constant: lr NaN"),
        (Box::new(CosineAnnealing::new(0.1, 0)), "cosine annealing: steps 0"),
        (Box::new(CosineAnnealing::new(0.1, 5).floor(-1.0)), "cosine annealing: floor -1"),
        (Box::new(Exponential::new(0.1, nan)), "exponential: gamma NaN"),
        (Box::new(Linear::new(0.1, nan, 0).warm_up(3)), "linear: end NaN"),
        (Box::new(StepDecay::new(-0.1, 2, 0.5)), "step decay: lr -0.1"),
        (Box::new(MultiStep::new(0.1, [3, 1], nan)), "multi-step: gamma NaN"),
        (Box::new(Polynomial::new(0.1, 0, 1.0)), "polynomial: steps 0"),
        (Box::new(Polynomial::new(0.1, 5, -1.0)), "polynomial: power -1"),
        (Box::new(InverseSqrt::new(0.1, 0)), "inverse square root: shift 0"),
        (Box::new(CosineWarmRestarts::new(0.1, 0)), "cosine warm restarts: steps 0"),
        (Box::new(CosineWarmRestarts::new(0.1, 5).growth(0)), "cosine warm restarts: growth 0"),
        (Box::new(OneCycle::new(0.1, 0)), "one cycle: steps 0"),
        (Box::new(OneCycle::new(0.1, 5).pct_start(1.5)), "one cycle: pct_start 1.5"),
        (Box::new(OneCycle::new(0.1, 5).div_factor(0.0)), "one cycle: div_factor 0: must be finite and above 0"),
        (Box::new(OneCycle::new(0.1, 5).momenta(0.5, 1.0)), "one cycle: max_momentum 1"),
        (Box::new(Cyclic::new(0.1, nan, 5)), "cyclic: max_lr NaN"),
        (Box::new(Cyclic::new(0.1, 0.2, 0)), "cyclic: step_size_up 0"),
        (Box::new(Cyclic::new(0.1, 0.2, 5).exp_range(-1.0)), "cyclic: gamma -1"),
    ];
    for (schedule, expected) in bad {
        let message = schedule.validate().unwrap_err().to_string();
        assert!(message.starts_with(expected), "{message}");
        let _ = schedule.lr(10); // no panic either
    }
}

#[test]
fn a_plateau_is_checked_and_takes_no_metric_that_is_none() {
    let message = |plateau: ReduceOnPlateau| plateau.validate().unwrap_err().to_string();
    assert_eq!(
        message(ReduceOnPlateau::new(0.1).factor(1.0)),
        "reduce on plateau: factor 1: must be at least 0 and less than 1"
    );
    assert!(message(ReduceOnPlateau::new(-0.1)).contains("lr -0.1"));
    assert!(message(ReduceOnPlateau::new(0.1).absolute_threshold(-1.0)).contains("threshold -1"));
    let mut plateau = ReduceOnPlateau::new(0.1).max().patience(0);
    assert_eq!(plateau.observe(0.5).unwrap(), 0.1);
    let before = plateau.state();
    assert_eq!(
        plateau.observe(f64::NAN).unwrap_err().to_string(),
        "reduce on plateau: the metric is NaN: must be a number"
    );
    let mut bad = before;
    bad.lr = f64::INFINITY;
    assert!(plateau.restore(bad).is_err());
    assert_eq!(plateau.state(), before);
    assert!((plateau.observe(0.5).unwrap() - 0.01).abs() < 1e-15);
}

#[test]
fn a_schedule_moves_the_momentum_where_there_is_one() {
    let cycle = OneCycle::new(0.1, 10).momenta(0.5, 0.75);
    let walk = |optimizer: &mut dyn Optimizer<f64>, schedule: Option<&dyn Schedule>| {
        let mut model = Model::new();
        for step in 0..10 {
            if let Some(schedule) = schedule {
                optimizer.follow(schedule, step).unwrap();
            } else {
                optimizer.set_lr(cycle.lr(step));
            }
            run(optimizer, &mut model, 1);
        }
        model.bits()
    };
    // A schedule of constant momentum is the optimizer with that momentum.
    let constant = cycle.momenta(0.5, 0.5);
    let plain = walk(&mut Sgd::new(0.1).momentum(0.5), None);
    assert_eq!(walk(&mut Sgd::new(0.1).momentum(0.9), Some(&constant)), plain);
    assert_ne!(walk(&mut Sgd::new(0.1).momentum(0.9), Some(&cycle)), plain);
    let adam = walk(&mut Adam::new(0.1).betas(0.5, 0.999), None);
    assert_eq!(walk(&mut Adam::new(0.1), Some(&constant)), adam);
    // In groups, whoever has one.
    let mut groups = Groups::new(Sgd::new(0.1).momentum(0.9)).with(|name| name == "b", Custom);
    assert_eq!(Optimizer::<f64>::set_momentum(&mut groups, 0.5), Ok(()));
    let error = Optimizer::<f64>::follow(&mut Custom, &cycle, 0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "set_momentum: 0.75: this optimizer has no momentum to set; leave it out of the schedule by without_momentum()?"
    );
    // Warmed up and followed by another, the momentum stays with its schedule.
    let joined = cycle.warm_up(5).then(15, Constant::new(0.1));
    assert_eq!([0, 5, 14, 15].map(|step| joined.momentum(step)), [Some(0.75), Some(0.75), Some(0.75), None]);
}

/// Of a rule that asks for the loss, it is the base optimizer's momentum.
#[test]
fn sam_of_radius_zero_follows_as_its_base_does() {
    fn walk<Kind>(mut optimizer: impl AsClosure<f64, Kind>) -> Vec<u64> {
        let (mut model, cycle) = (Model::new(), OneCycle::new(0.1, 10));
        let mut optimizer = optimizer.as_closure();
        for step in 0..10 {
            optimizer.follow(&cycle, step).unwrap();
            let evaluate = |model: &Model| {
                let (gradients, loss) = model.quadratic();
                Ok(Evaluation { loss, gradients })
            };
            optimizer.step_with(&mut model, evaluate).unwrap();
        }
        assert_eq!(optimizer.lr(), cycle.lr(9));
        model.bits()
    }
    assert_eq!(walk(Sam::new(Sgd::new(0.1).momentum(0.9), 0.0)), walk(Sgd::new(0.1).momentum(0.9)));
    let boxed: Box<dyn ClosureOptimizer<f64>> = Box::new(Sam::new(Adam::new(0.1), 0.0));
    assert_eq!(walk(boxed), walk(OneEvaluation(Adam::new(0.1))));
    let error = Lbfgs::<f64>::new(0.5).follow(&OneCycle::new(0.1, 10), 0).unwrap_err();
    assert!(matches!(error, Error::NoMomentum { .. }), "{error}");
}

proptest! {
    #![proptest_config(gradus_testing::proptest_cases(100))]

    #[test]
    fn schedules_stay_within_their_bounds(lr in 0.01..1.0, part in 0.0..1.0, steps in 1_u64..50, rise in 0_u64..20, step in 0_u64..80) {
        let floor = lr * part;
        let cosine = CosineAnnealing::new(lr, steps).floor(floor);
        let rate = cosine.lr(step);
        prop_assert!(rate >= floor - 1e-12 && rate <= lr + 1e-12);
        if step < steps {
            prop_assert!(cosine.lr(step + 1) <= rate);
        }
        let restarts = CosineWarmRestarts::new(lr, steps).floor(floor);
        prop_assert_eq!(restarts.lr(step), restarts.lr(step + steps));
        prop_assert!(restarts.growth(3).lr(step) <= lr + 1e-12);
        let all: [Box<dyn Schedule>; 6] = [
            Box::new(Polynomial::new(lr, steps, 3.0 * part).floor(floor)),
            Box::new(Cyclic::new(floor, lr, steps).step_size_down(rise + 1)),
            Box::new(Cyclic::new(floor, lr, steps).triangular2()),
            Box::new(Cyclic::new(floor, lr, steps).exp_range(part)),
            Box::new(OneCycle::new(lr, steps).pct_start(part)),
            Box::new(InverseSqrt::new(lr, steps)),
        ];
        for (i, schedule) in all.iter().enumerate() {
            let rate = schedule.lr(step);
            prop_assert!(rate >= if i < 4 { floor - 1e-12 } else { 0.0 } && rate <= lr + 1e-12, "{}: {}", i, rate);
            prop_assert!(schedule.momentum(step).is_none_or(|momentum| (0.79..0.96).contains(&momentum)));
            prop_assert_eq!(schedule.warm_up(rise).lr(step + rise), rate);
        }
        let warmed = cosine.warm_up(rise);
        prop_assert!(warmed.lr(step) > 0.0);
        prop_assert_eq!(warmed.lr(step + rise), rate);
        if step < rise {
            prop_assert!(warmed.lr(step) < warmed.lr(step + 1));
        }
    }
}
