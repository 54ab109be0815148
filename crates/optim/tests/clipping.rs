//! Laws of gradient clipping.

#![allow(clippy::unwrap_used)] // also in the helpers of the tests

use crate::table::Model;
use gradus_autograd::Tape;
use gradus_nn_layers::Parameter;
use gradus_optim::{Error, clip_global_norm, clip_norm, clip_value};
use gradus_testing::{Tolerance, close};
use ndarray::{arr1, array};
use proptest::prelude::*;

#[test]
fn gradients_that_are_not_finite_are_not_clipped() {
    for bad in [f64::NAN, f64::INFINITY] {
        let w: Parameter<f64> = array![1.0, 1.0].into();
        let tape = Tape::recording();
        let mut gradients = tape.parameter(&w).backward_with(array![bad, 1.0]).unwrap();
        for p in [1.0, 2.0, 3.0, f64::INFINITY] {
            assert!(matches!(clip_norm(&mut gradients, 1.0, p), Err(Error::NonFiniteNorm { .. })), "{bad}, {p}");
        }
        assert_eq!(gradients.get(&w).unwrap()[[1]], 1.0);
    }
}

#[test]
fn bounds_of_clipping_are_checked() {
    let mut gradients = Model::new().quadratic().0;
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(clip_global_norm(&mut gradients, bad).is_err());
        assert!(clip_value(&mut gradients, bad).is_err());
    }
    assert!(clip_norm(&mut gradients, 1.0, 0.5).is_err());
    assert!(clip_norm(&mut gradients, 1.0, f64::NAN).is_err());
}

proptest! {
    #![proptest_config(gradus_testing::proptest_cases(100))]

    #[test]
    fn clipping_keeps_the_direction_and_holds_the_bound(
        x in prop::collection::vec(-3.0..3.0, 1..6),
        max_norm in 0.001..0.3,
        p in prop_oneof![Just(1.0), Just(2.0), Just(3.5), Just(f64::INFINITY)],
    ) {
        let w = Parameter::<f64>::new(arr1(&x));
        let gradients = Tape::recording().parameter(&w).backward_with(arr1(&x)).unwrap();
        let mut clipped = gradients.clone();
        let before = clip_norm(&mut clipped, max_norm, p).unwrap();
        let after = clip_norm(&mut clipped.clone(), max_norm, p).unwrap();
        prop_assert!(after <= max_norm.min(before) * (1.0 + 1e-12), "{before} {after} {max_norm}");
        let factor = if before > 0.0 { after / before } else { 1.0 };
        let (got, expected) = (clipped.get(&w).unwrap(), &**gradients.get(&w).unwrap() * factor);
        let outcome = close(&**got, &expected, Tolerance::F64, "g");
        prop_assert!(outcome.is_ok(), "{outcome:?}");
    }
}
