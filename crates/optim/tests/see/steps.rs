//! What happens to gradients before a step, and whom weight decay spares.

use super::Net;
use gradus_autograd::Leaf;
use gradus_nn_layers::{Parameter, Tape};
use gradus_optim::{Clipper, decays, without_decay};
use ndarray::array;

#[test]
fn a_clipper_counts() {
    let w: Parameter<f64> = array![1.0].into();
    let mut clipper = Clipper::new(2.0);
    for (g, after) in [(1.0, 1.0), (-4.0, -2.0), (2.0, 2.0), (8.0, 2.0)] {
        let mut gradients = Tape::recording().parameter(&w).backward_with(array![g]).unwrap();
        assert_eq!(clipper.clip(&mut gradients).unwrap(), f64::abs(g));
        assert!((gradients.get(&w).unwrap()[[0]] - after).abs() < 1e-5);
    }
    assert_eq!((clipper.steps(), clipper.clipped(), clipper.share(), clipper.largest()), (4, 2, 0.5, 8.0));
    let mut bad = Tape::recording().parameter(&w).backward_with(array![f64::NAN]).unwrap();
    assert!(clipper.clip(&mut bad).is_err());
    assert_eq!(clipper.steps(), 4);
    assert_eq!(
        Clipper::new(-1.0).validate().unwrap_err().to_string(),
        "clipper: max_norm -1: must be finite and not negative"
    );
    assert_eq!(Clipper::new(1.0).share(), 0.0);
}

#[test]
fn decay_is_for_weights() {
    for (name, shape, expected) in [
        ("weight", &[2, 2][..], true),
        ("", &[2, 2], true),
        ("conv1.weight", &[8, 3, 3, 3], true),
        ("lstm.weight_hh_l0", &[8, 2], true),
        ("encoder.0.lnear.weight", &[2, 2], true),
        ("fc.bias", &[2], false),
        ("attention.bias_k", &[1, 1, 4], false),
        ("ln_1.weight", &[2, 2], false),
        ("BatchNorm.weight", &[2], false),
        ("temperature", &[], false),
    ] {
        assert_eq!(decays(name, shape), expected, "{name}");
    }
    let net = Net::<f64>::new();
    let spared = without_decay(&net);
    assert_eq!(["hidden", "bias", "out", "scale", "other"].map(spared), [false, true, false, true, false]);
}

/// Gradients of micro-batches, added and scaled, are those of the whole batch.
#[test]
fn accumulated_gradients_are_those_of_the_whole() {
    let net = Net::<f64>::new();
    let each = |step| net.loss(step).unwrap().backward().unwrap();
    let mut sum = each(0) + each(1);
    sum.scale(0.5);
    let whole = net.loss(0).unwrap().backward().unwrap();
    let other = each(1);
    for id in [net.hidden.id(), net.out.id()] {
        let mean = (&**whole.get_id(id).unwrap() + &**other.get_id(id).unwrap()) * 0.5;
        assert!(sum.get_id(id).unwrap().iter().zip(&mean).all(|(a, b)| (a - b).abs() < 1e-15));
    }
}
