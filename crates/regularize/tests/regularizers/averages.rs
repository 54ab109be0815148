//! Averages of weights.

use super::rng;
use gradus_autograd::Tape;
use gradus_nn_layers::{Layer, Linear, Module, Parameter, Sequential, sequential};
use gradus_regularize::{BatchNorm1d, BatchNorm2d, Dropout, Ema, Error, Swa, update_batch_norm};
use gradus_testing::{Tolerance, assert_close};
use ndarray::{Array1, Array2, Array4, Axis, array};
use proptest::prelude::*;

fn value(parameter: &Parameter<f64>) -> Array1<f64> {
    parameter.value().iter().copied().collect()
}

proptest! {
    #![proptest_config(gradus_testing::proptest_cases(60))]

    /// The stochastic average is the mean; the moving one the sum with its weights.
    #[test]
    fn averages_are_what_they_say(steps in proptest::collection::vec([-9.0..9.0_f64, -9.0..9.0], 1..12), decay in 0.0..0.999) {
        let (mut model, mut swa): (Parameter<f64>, _) = (array![0.0, 0.0].into(), Swa::new());
        let mut emas = [Ema::new(decay), Ema::new(decay).bias_correction(), Ema::new(decay).warm_up(), Ema::new(decay).warm_up().bias_correction()];
        for step in &steps {
            model.value_mut().assign(&Array1::from(step.to_vec()).into_dyn());
            swa.update(&model).unwrap();
            emas.iter_mut().for_each(|ema| ema.update(&model).unwrap());
        }
        let at = |i: usize| Array1::from(steps[i].to_vec());
        let n = steps.len();
        let mean = (0..n).map(at).reduce(|a, b| a + b).unwrap() / n as f64;
        swa.apply_to(&mut model).unwrap();
        assert_close(&value(&model), &mean, Tolerance::F64, "swa");
        for (which, ema) in emas.iter().enumerate() {
            let decay = |t: usize| if which < 2 { decay } else { decay.min((1.0 + t as f64) / (10.0 + t as f64)) };
            let first = if which % 2 == 0 { 1.0 } else { 1.0 - decay(0) };
            let (mut expected, mut weight) = (at(0) * first, first);
            for t in 1..n {
                expected = decay(t) * expected + (1.0 - decay(t)) * at(t);
                weight = decay(t) * weight + 1.0 - decay(t);
            }
            ema.apply_to(&mut model).unwrap();
            assert_close(&value(&model), &(expected / weight), Tolerance::F64, "ema");
        }
    }
}

#[test]
fn an_average_shares_nothing_with_the_model() {
    let mut model: Parameter<f64> = array![1.0].into();
    let (mut swa, mut ema) = (Swa::new(), Ema::new(0.5));
    swa.update(&model).unwrap();
    ema.update(&model).unwrap();
    model.value_mut().fill(100.0);
    assert_eq!(swa.state_dict().unwrap().get("").unwrap()[[0]], 1.0);
    assert_eq!(ema.state_dict().unwrap().get("").unwrap()[[0]], 1.0);
}

#[test]
fn another_model_is_refused_and_changes_nothing() {
    let model = |outputs| -> Sequential<f64> { sequential![Linear::new(2, outputs, &mut rng(1))] };
    let mut swa = Swa::new();
    assert!(matches!(swa.state_dict(), Err(Error::NothingAveraged { .. })));
    swa.update(&model(3)).unwrap();
    assert!(matches!(swa.update(&model(4)), Err(Error::OtherModel { .. })));
    assert!(matches!(swa.update(&linear_only()), Err(Error::OtherModel { .. })));
    assert_eq!(swa.models(), 1);
    let mut other = model(4);
    let before = other.state_dict();
    assert!(swa.apply_to(&mut other).is_err());
    assert_eq!(other.state_dict().get("0.weight"), before.get("0.weight"));
}

fn linear_only() -> Linear<f64> {
    Linear::new(2, 3, &mut rng(1))
}

#[test]
fn statistics_are_the_means_of_the_batches_whatever_the_momentum() {
    let batches: Vec<Array4<f64>> = (0..3)
        .map(|b| Array4::from_shape_fn((2, 3, 2, 2), |(i, j, k, l)| ((i * 5 + j * 7 + k * 3 + l + b * 11) % 13) as f64))
        .collect();
    for momentum in [0.1, 0.9, 1.0] {
        let mut model: Sequential<f64> = sequential![BatchNorm2d::new(3).momentum(momentum), Dropout::new(0.3)];
        update_batch_norm(&mut model, batches.clone(), &mut rng(1)).unwrap();
        let lanes = |b: &Array4<f64>| {
            b.view()
                .permuted_axes([1, 0, 2, 3])
                .as_standard_layout()
                .into_owned()
                .into_shape_with_order((3, 8))
                .unwrap()
        };
        let mean = batches.iter().map(|b| lanes(b).mean_axis(Axis(1)).unwrap()).reduce(|a, b| a + b).unwrap() / 3.0;
        let var = batches.iter().map(|b| lanes(b).var_axis(Axis(1), 1.0)).reduce(|a, b| a + b).unwrap() / 3.0;
        let state = model.state_dict();
        assert_close(&***state.get("0.running_mean").unwrap(), &mean.into_dyn(), Tolerance::F64, "mean");
        assert_close(&***state.get("0.running_var").unwrap(), &var.into_dyn(), Tolerance::F64, "variance");
        assert_eq!(state.get("0.num_batches_tracked").unwrap().sum(), 3.0);
    }
    // What fails leaves the model as it was.
    let mut model = BatchNorm1d::<f64>::new(2);
    assert!(update_batch_norm(&mut model, [Array2::ones((1, 2))], &mut rng(1)).is_err());
    assert!(update_batch_norm(&mut model, Vec::<Array2<f64>>::new(), &mut rng(1)).is_err());
    assert_eq!(model.running_mean.as_ref().unwrap().value(), &array![0.0, 0.0].into_dyn());
    let y = model.forward(&Tape::inference().input(array![[1.0, 2.0]])).unwrap();
    assert!(y.value().iter().all(|y| y.is_finite()));
}
