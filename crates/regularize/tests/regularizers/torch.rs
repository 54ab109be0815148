//! What PyTorch computes. `tests/torch/generate.py` writes the numbers.

use super::{rng, training};
use gradus_autograd::{Tape, Value};
use gradus_conv::{Conv2d, ConvTranspose2d};
use gradus_nn_layers::{Layer, Linear, Module, Sequential, StateDict, sequential};
use gradus_regularize::augment::resample;
use gradus_regularize::calibration::Temperature;
use gradus_regularize::{AlphaDropout, BatchNorm1d, Ema, SpectralNorm, Swa, WeightNorm, update_batch_norm};
use gradus_testing::{Tolerance, assert_close};
use ndarray::{Array1, Array2, Ix2, Ix3};

fn numbers() -> StateDict<f64> {
    StateDict::load(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/torch/numbers.safetensors")).unwrap()
}

fn same(found: &Value<f64>, expected: &Value<f64>, what: &str) {
    assert_close(&**found, &***expected, Tolerance::F64, what);
}

/// All of a state dict, by the same names.
fn same_state(found: &StateDict<f64>, expected: &StateDict<f64>) {
    let names = |dict: &StateDict<f64>| {
        let mut names: Vec<_> = dict.names().map(str::to_owned).collect();
        names.sort();
        names
    };
    assert_eq!(names(found), names(expected));
    expected.iter().for_each(|(name, value)| same(found.get(name).unwrap(), value, name));
}

#[test]
fn averages_of_weights() {
    let numbers = numbers().part("averages");
    let fresh =
        || -> Sequential<f64> { sequential![Linear::new(3, 4, &mut rng(1)), BatchNorm1d::new(4).momentum(0.3)] };
    let (mut model, mut swa, mut ema) = (fresh(), Swa::new(), Ema::new(0.9));
    for step in 0..5 {
        model.load_state_dict(&numbers.part(&format!("step{step}"))).unwrap();
        swa.update(&model).unwrap();
        ema.update(&model).unwrap();
    }
    assert_eq!((swa.models(), ema.updates()), (5, 5));
    same_state(&ema.state_dict().unwrap(), &numbers.part("ema"));
    same_state(&swa.state_dict().unwrap(), &numbers.part("swa"));
    let mut mean = fresh();
    swa.apply_to(&mut mean).unwrap();
    let batches = (0..3).map(|i| numbers.get(&format!("batch{i}")).unwrap().clone());
    update_batch_norm(&mut mean, batches, &mut rng(1)).unwrap();
    same_state(&mean.state_dict(), &numbers.part("swa_with_statistics"));
}

/// State, output and gradients of a layer; in training, its buffers afterwards.
fn layer(name: &str, layer: &mut dyn Layer<f64>) {
    let numbers = numbers().part(name);
    layer.load_state_dict(&numbers.part("state")).unwrap();
    let tape = if name.ends_with("use") { Tape::recording() } else { training(1) };
    let x = tape.variable(numbers.get("x").unwrap().clone());
    let y = layer.forward(&x).unwrap();
    same(y.value(), numbers.get("y").unwrap(), name);
    let gradients = y.backward_with(numbers.get("dy").unwrap().clone()).unwrap();
    same(gradients.get(&x).unwrap(), numbers.get("dx").unwrap(), name);
    let found = layer.parameters().into_iter().map(|(name, p)| (name, gradients.get(p).unwrap().clone())).collect();
    same_state(&found, &numbers.part("gradient"));
    let after =
        layer.buffers().into_iter().map(|(name, b)| (name, gradients.update_of(b.id()).unwrap_or(b.value()).clone()));
    same_state(&after.collect(), &numbers.part("after"));
}

#[test]
fn weight_normalization() {
    for (name, axis) in [("0", Some(0)), ("1", Some(1)), ("all", None)] {
        let linear = Linear::new(3, 4, &mut rng(1));
        layer(&format!("weight_norm_{name}"), &mut WeightNorm::along(linear, "weight", axis).unwrap());
    }
    layer("weight_norm_conv", &mut WeightNorm::new(Conv2d::new(2, 3, 2, &mut rng(1)), "weight").unwrap());
}

#[test]
fn spectral_normalization() {
    let rng = &mut rng(1);
    for word in ["train", "use"] {
        let linear = Linear::new(3, 4, rng);
        layer(&format!("spectral_norm_{word}"), &mut SpectralNorm::new(linear, "weight", rng).unwrap());
        let conv = Conv2d::new(2, 3, 2, rng);
        layer(&format!("spectral_norm_conv_{word}"), &mut SpectralNorm::new(conv, "weight", rng).unwrap());
        let transposed = ConvTranspose2d::new(2, 3, 2, rng);
        let mut transposed = SpectralNorm::along(transposed, "weight", 1, rng).unwrap().power_iterations(3);
        layer(&format!("spectral_norm_transposed_{word}"), &mut transposed);
    }
}

#[test]
fn alpha_dropout() {
    for p in ["0.1", "0.5"] {
        let y = AlphaDropout::new(p.parse().unwrap()).forward(&training(1).input(Array1::from_elem(1000, 3.0)));
        let mut found = y.unwrap().value().iter().copied().collect::<Vec<f64>>();
        found.sort_by(f64::total_cmp);
        found.dedup();
        same(&Array1::from(found).into(), numbers().get(&format!("alpha_dropout_{p}")).unwrap(), p);
    }
}

#[test]
fn bilinear_sampling() {
    let numbers = numbers().part("resample");
    let array = |name| (***numbers.get(name).unwrap()).to_owned().into_dimensionality::<Ix3>().unwrap();
    let at = array("at");
    let found = resample(array("image").view(), [6, 7], 0.0, |y, x| [0, 1].map(|i| at[[y as usize, x as usize, i]]));
    same(&found.into(), numbers.get("y").unwrap(), "resample");
}

#[test]
fn temperature() {
    let numbers = numbers().part("temperature");
    let logits: Array2<f64> = (***numbers.get("logits").unwrap()).to_owned().into_dimensionality::<Ix2>().unwrap();
    let labels: Array1<usize> = numbers.get("labels").unwrap().iter().map(|&label| label as usize).collect();
    let found = Temperature::fit(&logits, &labels).unwrap().value;
    let expected = numbers.get("value").unwrap()[[0]];
    // Where the loss is flat, a minimum of it is found to the root of what its rounding allows.
    assert!((found - expected).abs() < 1e-7 * expected, "{found} {expected}");
}
