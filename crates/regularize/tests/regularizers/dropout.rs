//! Dropout's kin.

use super::{linear, rng, training};
use gradus_autograd::{Tape, gradcheck};
use gradus_nn_layers::{Apply, Layer, Linear, Module, Residual, Selu, Sequential, Tanh, sequential};
use gradus_regularize::{
    AlphaDropout, DropConnect, Dropout, Dropout1d, Dropout2d, Dropout3d, McDropout, StochasticDepth,
};
use gradus_testing::{Tolerance, assert_close, close};
use ndarray::{Array1, Array2, Array3, Array4, Array5, ArrayD, Axis, array};
use proptest::prelude::*;

/// Within 6 deviations: missed once in 5 · 10⁸.
const WIDE: f64 = 6.0;

#[test]
fn channels_are_dropped_whole_and_the_expectation_stays() {
    let p = 0.3;
    let layers: [(&dyn Layer<f64>, ArrayD<f64>); 4] = [
        (&Dropout1d::new(p), Array3::ones((40, 50, 3)).into_dyn()),
        (&Dropout2d::new(p), Array4::ones((40, 50, 2, 3)).into_dyn()),
        (&Dropout3d::new(p), Array5::ones((40, 50, 2, 1, 2)).into_dyn()),
        (&Dropout2d::new(p), Array3::ones((2000, 2, 2)).into_dyn()), // without a batch
    ];
    for (layer, x) in layers {
        let y = layer.forward(&training(1).input(x)).unwrap().value().clone().into_array();
        let channels = y.len() / 2000;
        let channels = y.into_shape_with_order((2000, channels)).unwrap();
        assert!(
            channels.rows().into_iter().all(|c| c.iter().all(|&y| y == c[0] && (y == 0.0 || y == 1.0 / (1.0 - p))))
        );
        let kept = channels.rows().into_iter().filter(|c| c[0] != 0.0).count() as f64;
        assert!((kept - 2000.0 * (1.0 - p)).abs() < WIDE * (2000.0 * p * (1.0 - p)).sqrt(), "{}: {kept}", layer.kind());
    }
    assert!(Layer::<f64>::forward(&Dropout2d::new(0.5), &Tape::inference().input(array![[1.0]])).is_err());
}

#[test]
fn alpha_dropout_keeps_mean_and_variance_through_a_selu_network() {
    const N: usize = 40_000;
    let x: Array1<f64> = gradus_nn_layers::init::normal(N, 0.0, 1.0, &mut rng(1));
    for p in [0.05, 0.3, 0.7] {
        let y = AlphaDropout::new(p).forward(&training(2).input(x.clone())).unwrap();
        let (mean, n) = (y.value().sum() / N as f64, N as f64);
        let variance = y.value().iter().map(|y| (y - mean).powi(2)).sum::<f64>() / n;
        // The fourth moment is below 20 for all of these.
        assert!(
            mean.abs() < WIDE / n.sqrt() && (variance - 1.0).abs() < WIDE * (20.0 / n).sqrt(),
            "{p}: {mean} {variance}"
        );
        let plain = Dropout::new(p).forward(&training(2).input(x.clone())).unwrap();
        let plain = plain.value().iter().map(|y| y * y).sum::<f64>() / n;
        assert!(plain > 1.0 / (1.0 - p) - 0.15);
    }
    // At −∞, SELU gives what alpha dropout puts in.
    let selu = Layer::<f64>::forward(&Selu, &Tape::inference().input(array![-1e3])).unwrap().value()[[0]];
    let dropped = AlphaDropout::new(0.5).forward(&training(1).input(Array1::from_elem(64, selu))).unwrap();
    let values: Vec<f64> = dropped.value().iter().copied().collect();
    assert!(values.iter().all(|y| (y - values[0]).abs() < 1e-12));
}

#[test]
fn stochastic_depth_drops_by_sample_or_by_batch() {
    let branch = || Apply::new(|x: &gradus_autograd::Var<f64>| Ok(x * 3.0));
    let x = Array2::ones((500, 4));
    let by_sample = Residual::new(StochasticDepth::new(branch(), 0.4));
    let y = by_sample.forward(&training(1).input(x.clone())).unwrap();
    let dropped = y.value().axis_iter(Axis(0)).filter(|row| row.iter().all(|&y| y == 1.0)).count() as f64;
    let kept = y.value().axis_iter(Axis(0)).filter(|row| row.iter().all(|&y| y == 1.0 + 3.0 / 0.6)).count() as f64;
    assert_eq!(dropped + kept, 500.0);
    assert!((dropped - 200.0).abs() < WIDE * (500.0_f64 * 0.4 * 0.6).sqrt());

    let by_batch = Residual::new(StochasticDepth::new(branch(), 0.4).by_batch());
    let firsts: Vec<f64> = (0..60)
        .map(|seed| {
            let y = by_batch.forward(&training(seed).input(x.clone())).unwrap();
            assert!(y.value().iter().all(|&other| other == y.value()[[0, 0]]));
            y.value()[[0, 0]]
        })
        .collect();
    assert!(firsts.contains(&1.0) && firsts.contains(&(1.0 + 3.0 / 0.6)));
    assert_eq!(by_batch.forward(&Tape::inference().input(x)).unwrap().value()[[0, 0]], 4.0);
    let named = Residual::new(StochasticDepth::new(linear(2, 2, 1), 0.1));
    assert_eq!(Module::<f64>::parameters(&named)[0].0, "body.weight");
}

#[test]
fn drop_connect_keeps_the_expectation_and_drops_by_name() {
    let layer = DropConnect::new(linear(6, 5, 1), 0.4);
    let x = array![[1.0, -2.0, 0.5, 3.0, 1.5, -1.0]];
    let whole = layer.forward(&Tape::inference().input(x.clone())).unwrap();
    const TIMES: u64 = 4000;
    let mut sum = Array2::zeros((1, 5));
    for seed in 0..TIMES {
        sum += &**layer.forward(&training(seed).input(x.clone())).unwrap().value();
    }
    let mean = sum / TIMES as f64;
    // Each product w x has variance (w x)² p / (1 − p).
    let w = layer.layer.weight.value();
    for unit in 0..5 {
        let variance: f64 = (0..6).map(|j| (w[[unit, j]] * x[[0, j]]).powi(2) * 0.4 / 0.6).sum();
        let band = WIDE * (variance / TIMES as f64).sqrt();
        assert!((mean[[0, unit]] - whole.value()[[0, unit]]).abs() < band);
    }
    // The bias alone: with zeros as input nothing else is left.
    let only_bias = DropConnect::new(linear(6, 5, 1), 0.5).of("bias");
    let y = only_bias.forward(&training(3).input(Array2::zeros((1, 6)))).unwrap();
    let bias = only_bias.layer.bias.as_ref().unwrap().value();
    assert!((0..5).all(|i| y.value()[[0, i]] == 0.0 || (y.value()[[0, i]] - 2.0 * bias[[i]]).abs() < 1e-15));
    assert_eq!(Module::<f64>::parameters(&layer)[0].0, "weight");
    let frozen = {
        let mut layer = layer.clone();
        layer.set_trainable(false, &|_| true);
        layer
    };
    let tape = training(1);
    let input = tape.variable(x);
    let gradients = frozen.forward(&input).unwrap().sum().backward().unwrap();
    assert!(gradients.get(&input).is_some() && gradients.is_empty());
}

/// A recurrent layer inside: several parameters, of which some are dropped from.
#[test]
fn what_is_dropped_gets_no_gradient() {
    let layer = DropConnect::new(linear(7, 9, 1), 0.5);
    let x = array![[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]];
    let gradient = |dy: f64| {
        let y = layer.forward(&training(5).input(x.clone())).unwrap();
        let gradients = y.backward_with(Array2::from_elem((1, 9), dy)).unwrap();
        (***gradients.get(&layer.layer.weight).unwrap()).to_owned()
    };
    let dw = gradient(1.0);
    assert!(dw.indexed_iter().all(|(at, &dw)| dw == 0.0 || (dw - 2.0 * x[[0, at[1]]]).abs() < 1e-12));
    let zeros = dw.iter().filter(|dw| **dw == 0.0).count();
    assert!((3..60).contains(&zeros), "{zeros}");
    assert_close(&gradient(2.0), &(2.0 * &dw), Tolerance::F64, "linear in dy");
}

mod monte_carlo {
    use super::*;

    fn model() -> Sequential<f64> {
        sequential![Linear::new(3, 16, &mut rng(1)), Tanh, Dropout::new(0.5), Linear::new(16, 4, &mut rng(2))]
    }

    #[test]
    fn without_dropout_nothing_is_uncertain_about_the_model() {
        let model = sequential![Linear::<f64>::new(3, 4, &mut rng(1))];
        let x = array![[1.0, 2.0, -1.0]];
        let found = McDropout::new(7).classify(&model, x.clone(), &mut rng(2)).unwrap();
        assert!(found.variance.iter().all(|v| *v < 1e-30) && found.mutual_information.iter().all(|i| *i < 1e-14));
        let softmax = model.forward(&Tape::inference().input(x)).unwrap().softmax(1).unwrap();
        assert_close(&found.probabilities.into_dyn(), &**softmax.value(), Tolerance::F64, "probabilities");
    }

    #[test]
    fn entropies_are_ordered() {
        let x = Array2::from_shape_fn((20, 3), |(i, j)| (i as f64 - 10.0) * (j as f64 - 1.0) / 2.0);
        let found = McDropout::new(30).classify(&model(), x.clone(), &mut rng(2)).unwrap();
        for i in 0..20 {
            let [whole, expected] = [found.predictive_entropy[i], found.expected_entropy[i]];
            assert!(expected > 0.0 && expected <= whole + 1e-12 && whole <= 4_f64.ln() + 1e-12);
            assert!((found.mutual_information[i] - (whole - expected)).abs() < 1e-12);
            assert!((found.probabilities.row(i).sum() - 1.0).abs() < 1e-12);
        }
        assert_eq!(found, McDropout::new(30).classify(&model(), x, &mut rng(2)).unwrap());
    }

    #[test]
    fn mean_and_variance_are_those_of_the_passes() {
        let (model, x) = (model(), array![[1.0, -1.0, 0.5]]);
        let found = McDropout::new(9).predict(&model, x.clone(), &mut rng(4)).unwrap();
        let mut rng = rng(4);
        let passes: Vec<ArrayD<f64>> = (0..9)
            .map(|_| model.forward(&Tape::training(&mut rng).input(x.clone())).unwrap().value().clone().into_array())
            .collect();
        let passes = ndarray::stack(Axis(0), &passes.iter().map(|p| p.view()).collect::<Vec<_>>()).unwrap();
        assert_close(&found.mean, &passes.mean_axis(Axis(0)).unwrap(), Tolerance::F64, "mean");
        assert_close(&found.variance, &passes.var_axis(Axis(0), 1.0), Tolerance::F64, "variance");
    }
}

proptest! {
    #![proptest_config(gradus_testing::proptest_cases(40))]

    /// Once the mask is drawn, these layers are affine: `dx` does not depend on `x`, and central differences agree.
    #[test]
    fn gradients_are_right(seed: u64, p in 0.05..0.9, n in 1_usize..4) {
        let x = Array3::from_shape_fn((n, 2, 3), |(i, j, k)| (i + 2 * j) as f64 - 0.7 * k as f64).into_dyn();
        let layers: [Box<dyn Layer<f64>>; 4] = [
            Box::new(AlphaDropout::new(p)),
            Box::new(Dropout1d::new(p)),
            Box::new(StochasticDepth::new(Tanh, p)),
            Box::new(DropConnect::new(linear(3, 2, seed), p)),
        ];
        for layer in layers {
            let run = |x: &ArrayD<f64>| {
                let tape = training(seed);
                let x = tape.variable(x.clone());
                (layer.forward(&x).unwrap(), x)
            };
            let (y, input) = run(&x);
            let dy = ArrayD::from_shape_fn(y.shape(), |at| 1.0 + at[0] as f64 - 0.3 * at[1] as f64);
            let dx = y.backward_with(dy.clone()).unwrap().get(&input).unwrap().clone();
            let step = 1e-5;
            for (at, dx) in dx.indexed_iter() {
                let shifted = |by: f64| { let mut x = x.clone(); x[&at] += by; (&**run(&x).0.value() * &dy).sum() };
                let numeric = (shifted(step) - shifted(-step)) / (2.0 * step);
                prop_assert!((numeric - dx).abs() < 1e-7 * (1.0 + dx.abs()), "{}: {numeric} {dx}", layer.kind());
            }
        }
    }

    /// A layout that is not row-major is dropped from as any other.
    #[test]
    fn layouts_do_not_matter(seed: u64, p in 0.05..0.9) {
        let x = Array3::from_shape_fn((3, 4, 5), |(i, j, k)| (i * 20 + j * 5 + k) as f64);
        let turned = x.clone().permuted_axes([2, 1, 0]).as_standard_layout().into_owned().permuted_axes([2, 1, 0]);
        for layer in [&Dropout1d::new(p) as &dyn Layer<f64>, &AlphaDropout::new(p), &Dropout::new(p)] {
            let run = |x: Array3<f64>| layer.forward(&training(seed).input(x)).unwrap().value().clone();
            close(&**run(x.clone()), &**run(turned.clone()), Tolerance::F64, "layout").map_err(TestCaseError::fail)?;
        }
    }
}

#[test]
fn gradcheck_through_a_substituted_layer() {
    let layer = DropConnect::new(linear(3, 2, 1), 0.5);
    let x = array![[0.3, -0.2, 0.9]].into_dyn();
    gradcheck(|x| layer.forward(&x[0]), &[x]).unwrap();
}
