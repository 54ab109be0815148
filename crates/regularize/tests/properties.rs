//! What regularizers promise.

#![allow(clippy::unwrap_used)] // also in the helpers of the tests

use gradus_autograd::{Gradients, Tape, gradcheck};
use gradus_nn_layers::{Buffer, CrossEntropy, Layer, Linear, Module, Parameter};
use gradus_optim::{Adam, AdamW, Optimizer, Sgd};
use gradus_regularize::penalty::{self, all_but_biases};
use gradus_regularize::{
    Decision, Dropout, EarlyStopping, EpochLosses, Error, Finding, GeneralizationGap, Verdict, smooth_labels,
};
use gradus_testing::{Tolerance, assert_close, close};
use ndarray::{Array1, Array2, ArrayD, Axis, IxDyn, arr1, array};
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

fn training(seed: u64) -> Tape<f64> {
    Tape::training(&mut StdRng::seed_from_u64(seed))
}

fn linear(seed: u64) -> Linear<f64> {
    Linear::new(3, 2, &mut StdRng::seed_from_u64(seed))
}

mod dropout {
    use super::*;

    #[test]
    fn the_share_dropped_is_p_and_the_mean_stays() {
        const N: usize = 200_000;
        for (seed, p) in [(1, 0.1), (2, 0.5), (3, 0.9), (4, 0.999)] {
            let y = Dropout::new(p).forward(&training(seed).input(Array1::ones(N))).unwrap();
            let dropped = y.value().iter().filter(|&&y| y == 0.0).count() as f64;
            // Within 5 standard deviations of the binomial distribution.
            let (n, deviation) = (N as f64, (N as f64 * p * (1.0 - p)).sqrt());
            assert!((dropped - n * p).abs() < 5.0 * deviation, "p = {p}: {dropped} of {N} dropped");
            assert!((y.value().sum() - n).abs() < 5.0 * deviation / (1.0 - p), "p = {p}: sum {}", y.value().sum());
            assert!(y.value().iter().all(|&y| y == 0.0 || y == 1.0 / (1.0 - p)));
        }
    }

    /// Neighbours, and the same place under two seeds, are dropped together as often as independent ones.
    #[test]
    fn places_are_independent() {
        const N: usize = 100_000;
        let kept = |seed| -> Vec<bool> {
            let y = Dropout::new(0.5).forward(&training(seed).input(Array1::ones(N))).unwrap();
            y.value().iter().map(|&y| y != 0.0).collect()
        };
        let (a, b) = (kept(1), kept(2));
        let agree = |pairs: &mut dyn Iterator<Item = (&bool, &bool)>| pairs.filter(|(x, y)| x == y).count() as f64;
        let deviation = (N as f64).sqrt() / 2.0;
        for lag in [1, 2, 8, 16, 1024] {
            let count = agree(&mut a.iter().zip(&a[lag..]));
            assert!((count - (N - lag) as f64 / 2.0).abs() < 5.0 * deviation, "lag {lag}: {count}");
        }
        assert!((agree(&mut a.iter().zip(&b)) - N as f64 / 2.0).abs() < 5.0 * deviation);
    }

    #[test]
    fn the_same_seed_gives_the_same_mask_and_two_layers_different_ones() {
        let two = |seed| {
            let tape = training(seed);
            let x = tape.input(Array1::ones(100));
            let layer = Dropout::new(0.5);
            (layer.forward(&x).unwrap().value().clone(), layer.forward(&x).unwrap().value().clone())
        };
        assert_eq!(two(7), two(7));
        assert_ne!(two(7).0, two(7).1);
        assert_ne!(two(7).0, two(8).0);
    }

    #[test]
    fn outside_training_it_is_the_identity() {
        for tape in [Tape::<f64>::inference(), Tape::recording()] {
            let x = tape.variable(array![1.0, f64::NAN, -3.0]);
            let y = Dropout::new(0.9).forward(&x).unwrap();
            assert_eq!(y.value().as_ptr(), x.value().as_ptr());
        }
        let x = training(1).variable(array![1.0]);
        assert_eq!(Dropout::new(0.0).forward(&x).unwrap().value(), x.value());
    }

    #[test]
    fn what_is_dropped_is_zero_whatever_it_was() {
        let y = Dropout::new(0.5).forward(&training(3).input(Array1::from_elem(64, f64::INFINITY))).unwrap();
        assert!(y.value().iter().all(|&y| y == 0.0 || y == f64::INFINITY));
        assert!(y.value().iter().any(|&y| y == 0.0));
    }

    #[test]
    fn p_is_checked_on_every_tape() {
        for p in [1.0, -0.1, 2.0, f64::NAN] {
            for tape in [training(1), Tape::inference()] {
                let error = Dropout::new(p).forward(&tape.input(array![1.0])).unwrap_err();
                let Some(Error::HyperParameter { field: "p", .. }) = error.source_as::<Error>() else {
                    panic!("{error}")
                };
                assert_eq!(error.to_string(), format!("dropout: p {p}: must be at least 0 and less than 1"));
            }
        }
    }

    proptest! {
        #![proptest_config(gradus_testing::proptest_cases(100))]

        /// The layer is linear once the mask is drawn: `y = m x` and `dx = m dy`, in any layout.
        #[test]
        fn the_gradient_is_the_mask(rows in 0_usize..6, columns in 0_usize..20, p in 0.01..0.95, seed: u64, turned: bool) {
            let x = Array2::from_shape_fn((columns, rows), |(i, j)| 1.0 + (i + 31 * j) as f64);
            let x = if turned { x.reversed_axes() } else { x.reversed_axes().as_standard_layout().into_owned() };
            let run = |x: &Array2<f64>, dy: &Array2<f64>| {
                let tape = training(seed);
                let x = tape.variable(x.clone());
                let y = Dropout::new(p).forward(&x).unwrap();
                (y.value().clone(), y.backward_with(dy.clone()).unwrap().get(&x).unwrap().clone())
            };
            let dy = x.mapv(|x| 2.0 - x);
            let (y, dx) = run(&x, &dy);
            let (mask, _) = run(&Array2::ones((rows, columns)), &dy);
            close(&**y, &(x.into_dyn() * &**mask), Tolerance::F64, "y").map_err(TestCaseError::fail)?;
            close(&**dx, &(dy.into_dyn() * &**mask), Tolerance::F64, "dx").map_err(TestCaseError::fail)?;
        }
    }
}

mod penalties {
    use super::*;

    /// The gradients of a loss that is not the same for all weights, with or without a penalty.
    fn gradients(model: &Linear<f64>, strength: Option<f64>) -> Gradients<f64> {
        let tape = Tape::recording();
        let x = tape.input(array![[1.0, -0.2, 0.5], [0.5, 2.0, -1.5]]);
        let loss = model.forward(&x).unwrap().tanh().square().sum();
        match strength {
            Some(strength) => loss + &penalty::l2(&tape, model, |_: &str| true, strength).unwrap(),
            None => loss,
        }
        .backward()
        .unwrap()
    }

    fn train(mut optimizer: impl Optimizer<f64>, strength: Option<f64>) -> ArrayD<f64> {
        let mut model = linear(3);
        for _ in 0..20 {
            let gradients = gradients(&model, strength);
            optimizer.step(&mut model, &gradients).unwrap();
        }
        (***model.weight.value()).to_owned()
    }

    #[test]
    fn the_penalty_is_decoupled_decay_under_sgd_and_not_under_adam() {
        let (lr, strength) = (0.05, 0.3);
        // SGD: the penalty shrinks each weight by lr · λ, beside the step.
        let penalized = train(Sgd::new(lr), Some(strength));
        let mut decayed = linear(3);
        for _ in 0..20 {
            let gradients = gradients(&decayed, None);
            for parameter in [&mut decayed.weight, decayed.bias.as_mut().unwrap()] {
                let gradient = (***gradients.get(parameter).unwrap()).to_owned();
                parameter.value_mut().zip_mut_with(&gradient, |w, g| *w = (1.0 - lr * strength) * *w - lr * g);
            }
        }
        assert_close(&penalized, &**decayed.weight.value(), Tolerance::F64, "sgd");
        assert_close(&penalized, &train(Sgd::new(lr).weight_decay(strength), None), Tolerance::F64, "weight_decay");

        // Adam: the same penalty is the optimizer's coupled decay, and far from the decoupled one.
        let coupled = train(Adam::new(lr), Some(strength));
        assert_close(&coupled, &train(Adam::new(lr).weight_decay(strength), None), Tolerance::F64, "adam");
        let decoupled = train(AdamW::new(lr).weight_decay(strength), None);
        assert!((&coupled - &decoupled).iter().any(|d| d.abs() > 0.05), "{coupled} {decoupled}");
    }

    #[test]
    fn biases_and_frozen_parameters_can_stay_out() {
        let mut model = (linear(1), linear(2));
        model.set_trainable(false, &|name| name.starts_with("1."));
        let tape = Tape::recording();
        let y = penalty::l2(&tape, &model, all_but_biases, 2.0).unwrap();
        let squares = model.0.weight.value().iter().map(|w| w * w).sum::<f64>();
        assert!((y.item().unwrap() - squares).abs() < 1e-12);
        let gradients = y.backward().unwrap();
        assert_eq!(gradients.len(), 1);
        assert!(gradients.get(&model.0.weight).is_some());

        for (name, picked) in
            [("fc.weight", true), ("fc.bias", false), ("rnn.bias_hh_l0", false), ("bias", false), ("unbiased", true)]
        {
            assert_eq!(all_but_biases(name), picked, "{name}");
        }
    }

    #[test]
    fn one_entry_for_all_parameters_and_none_without_a_tape_that_records() {
        let model = (linear(1), linear(2));
        let tape = Tape::recording();
        let _y = penalty::l1(&tape, &model, |_: &str| true, 0.1).unwrap();
        assert_eq!(tape.len(), 4 + 1);
        let tape = Tape::inference();
        assert!(penalty::l1(&tape, &model, |_: &str| true, 0.1).unwrap().item().unwrap() > 0.0);
        assert!(tape.is_empty());
    }

    #[test]
    fn a_shared_weight_is_used_twice_and_bound_once() {
        let w: Parameter<f64> = array![1.0, -2.0].into();
        let tape = Tape::recording();
        let loss = tape.parameter(&w).sum() + &penalty::l2(&tape, &w, |_: &str| true, 0.5).unwrap();
        assert_eq!(loss.backward().unwrap().get(&w).unwrap(), &array![1.5, 0.0]);
    }

    #[test]
    fn bad_settings_are_named() {
        let tape = Tape::recording();
        let error = penalty::l2(&tape, &linear(1), |_: &str| true, f64::NAN).unwrap_err();
        assert_eq!(error.to_string(), "l2 penalty: strength NaN: must be finite and not negative");
        assert!(penalty::l1(&tape, &linear(1), |_: &str| true, -1.0).is_err());
        let error = penalty::l1(&tape, &linear(1), |name: &str| name == "w", 0.1).unwrap_err();
        let expected =
            "l1 penalty: none of the model's trainable parameters was picked; their names are [\"weight\", \"bias\"]";
        assert_eq!(error.to_string(), expected);
    }

    proptest! {
        #![proptest_config(gradus_testing::proptest_cases(100))]

        #[test]
        fn against_differences(
            a in prop::collection::vec(prop_oneof![-2.0..-0.1, 0.1..2.0], 0..12),
            b in prop::collection::vec(prop_oneof![-2.0..-0.1, 0.1..2.0], 1..4),
            strength in 0.0..2.0,
        ) {
            let inputs = [arr1(&a).into_dyn(), arr1(&b).into_dyn()];
            for penalty in [penalty::l1_of, penalty::l2_of] {
                // The first one twice: its gradients add up.
                gradcheck(|x| penalty(x[0].tape(), &[&x[0], &x[1], &x[0]], strength), &inputs)
                    .map_err(|error| TestCaseError::fail(error.to_string()))?;
            }
        }

        #[test]
        fn values_are_sums(x in prop::collection::vec(-2.0..2.0, 0..3000), strength in 0.0..2.0) {
            let (tape, x) = (Tape::recording(), arr1(&x).into_dyn());
            let sums = [x.mapv(|x| x * x).sum() * strength / 2.0, x.mapv(f64::abs).sum() * strength];
            let x = tape.variable(x);
            let penalties = [penalty::l2_of(&tape, &[&x], strength), penalty::l1_of(&tape, &[&x], strength)];
            for (penalty, sum) in penalties.into_iter().zip(sums) {
                let value = penalty.unwrap().item().unwrap();
                prop_assert!((value - sum).abs() <= 1e-10 + 1e-9 * sum, "{value} {sum}");
            }
        }
    }
}

mod smoothing {
    use super::*;

    #[test]
    fn bad_input_is_named() {
        let error = smooth_labels::<f64>(&array![0, 1, 4], 4, 0.1).unwrap_err();
        assert_eq!(error.to_string(), "smooth_labels: label 4 at 2: classes go from 0 to 3");
        assert!(smooth_labels::<f64>(&array![0], 0, 0.1).is_err());
        for eps in [-0.1, 1.1, f64::NAN] {
            assert!(matches!(
                smooth_labels::<f64>(&array![0], 4, eps),
                Err(Error::HyperParameter { field: "eps", .. })
            ));
        }
        assert_eq!(smooth_labels::<f64>(&array![], 4, 0.1).unwrap().shape(), [0, 4]);
    }

    proptest! {
        #![proptest_config(gradus_testing::proptest_cases(100))]

        #[test]
        fn as_a_soft_target_it_is_the_loss_with_smoothing(
            (classes, labels) in (2_usize..7).prop_flat_map(|k| (Just(k), prop::collection::vec(0..k, 1..9))),
            eps in 0.0..=1.0,
            seed: u64,
        ) {
            let labels = arr1(&labels);
            let target = smooth_labels::<f64>(&labels, classes, eps).unwrap();
            close(&target.sum_axis(Axis(1)), &Array1::<f64>::ones(labels.len()), Tolerance::F64, "sum")
                .map_err(TestCaseError::fail)?;
            let layer = Linear::<f64>::new(classes, classes, &mut StdRng::seed_from_u64(seed));
            let run = |soft: bool| {
                let tape = Tape::recording();
                let logits = layer.forward(&tape.input(target.mapv(|t| 10.0 * t))).unwrap();
                let loss = if soft {
                    CrossEntropy::new().loss_soft(&logits, &target)
                } else {
                    CrossEntropy::new().label_smoothing(eps).loss(&logits, &labels)
                };
                let loss = loss.unwrap();
                (loss.item().unwrap(), loss.backward().unwrap().get(&layer.weight).unwrap().clone())
            };
            let ((soft, d_soft), (own, d_own)) = (run(true), run(false));
            prop_assert!((soft - own).abs() <= 1e-10 + 1e-9 * own.abs(), "{soft} {own}");
            close(&**d_soft, &**d_own, Tolerance::F64, "dw").map_err(TestCaseError::fail)?;
        }
    }
}

mod early_stopping {
    use super::*;

    #[derive(Module)]
    #[module(float = f64)]
    struct Model {
        w: Parameter<f64>,
        running_mean: Buffer<f64>,
    }

    fn model() -> Model {
        Model { w: array![0.0, 0.0].into(), running_mean: array![0.0].into() }
    }

    /// Runs epochs 1, 2, … with these metrics on a model that holds the number of the epoch, until the stop.
    fn run(mut stopping: EarlyStopping<f64>, metrics: &[f64]) -> (usize, EarlyStopping<f64>, Model) {
        let mut model = model();
        for (epoch, &metric) in (1..).zip(metrics) {
            model.w.value_mut().fill(epoch as f64);
            model.running_mean.value_mut().fill(-(epoch as f64));
            if stopping.observe(epoch, metric, &model).unwrap() == Decision::Stop {
                return (epoch, stopping, model);
            }
        }
        (metrics.len(), stopping, model)
    }

    #[test]
    fn it_stops_after_patience_and_restores_the_best() {
        for (stopping, metrics, last, best) in [
            (EarlyStopping::new(2), vec![3.0, 2.0, 2.5, 2.0, 1.0], 4, 2),
            (EarlyStopping::new(3), vec![3.0, 2.0, 2.5, 2.0, 1.0], 5, 5),
            (EarlyStopping::new(1), vec![3.0, 2.0, 2.0, 1.0], 3, 2),
            (EarlyStopping::new(2).min_delta(0.5), vec![3.0, 2.75, 2.5, 1.0], 3, 1),
            (EarlyStopping::new(2).min_delta(0.5), vec![3.0, 2.75, 2.25, 1.0], 4, 4),
            (EarlyStopping::new(2).maximize(), vec![0.5, 0.7, 0.6, 0.7, 0.9], 4, 2),
            (EarlyStopping::new(2), vec![f64::INFINITY, f64::INFINITY, 5.0], 3, 3),
        ] {
            let (stopped, stopping, mut model) = run(stopping, &metrics);
            assert_eq!((stopped, stopping.best_epoch()), (last, Some(best)), "{metrics:?}");
            assert_eq!(stopping.best_metric(), Some(metrics[best - 1]));
            assert_eq!(stopping.restore_best(&mut model).unwrap(), Some(best));
            assert_eq!(model.w.value(), &array![best as f64, best as f64]);
            assert_eq!(model.running_mean.value(), &array![-(best as f64)]);
        }
    }

    #[test]
    fn what_is_kept_is_untouched_by_the_training_that_follows() {
        let (mut model, mut stopping) = (model(), EarlyStopping::new(5));
        stopping.observe(1, 1.0, &model).unwrap();
        for _ in 0..3 {
            let tape = Tape::recording();
            let loss = tape.parameter(&model.w).add_scalar(-1.0).square().sum();
            Sgd::new(0.1).step(&mut model, &loss.backward().unwrap()).unwrap();
        }
        assert!(model.w.value()[[0]] > 0.4);
        stopping.restore_best(&mut model).unwrap();
        assert_eq!(model.w.value(), &array![0.0, 0.0]);
        // And training goes on from there, the kept weights still apart.
        model.w.value_mut().fill(9.0);
        assert_eq!(stopping.best_weights().unwrap().get("w").unwrap(), &array![0.0, 0.0]);
    }

    #[test]
    fn bad_input_is_an_error_and_nothing_is_kept() {
        let mut stopping = EarlyStopping::new(2);
        stopping.observe(1, 0.5, &model()).unwrap();
        let error = stopping.observe(2, f64::NAN, &model()).unwrap_err();
        assert_eq!(error.to_string(), "early stopping: metric NaN at epoch 2: must be a number");
        assert_eq!(stopping.best_epoch(), Some(1));
        for (stopping, expected) in [
            (EarlyStopping::new(0), "early stopping: patience 0: must be at least 1"),
            (EarlyStopping::new(1).min_delta(-1.0), "early stopping: min_delta -1: must be finite and not negative"),
        ] {
            let error = stopping.clone().observe(1, 0.5, &model()).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
        let mut other: Parameter<f64> = array![7.0].into();
        let error = stopping.restore_best(&mut other).unwrap_err();
        assert!(matches!(error, Error::Restore { epoch: 1, .. }), "{error}");
        assert_eq!(other.value(), &array![7.0]);
        assert_eq!(EarlyStopping::<f64>::new(1).restore_best(&mut other).unwrap(), None);
    }
}

mod gap {
    use super::*;

    fn judge(gap: GeneralizationGap, losses: impl IntoIterator<Item = (f64, f64)>) -> GeneralizationGap {
        (1..).zip(losses).fold(gap, |mut gap, (epoch, (train, test))| {
            gap.observe(EpochLosses::new(epoch, train, test)).unwrap();
            gap
        })
    }

    fn found(gap: &GeneralizationGap) -> (Verdict, usize) {
        let Finding { verdict, since } = gap.finding().unwrap();
        (verdict, since)
    }

    #[test]
    fn still_learning_is_under_fit() {
        let gap = judge(GeneralizationGap::new(), (0..20).map(|t| (0.8_f64.powi(t), 0.8_f64.powi(t) + 0.1)));
        assert_eq!(found(&gap), (Verdict::UnderFit, 1));
        assert!(gap.records().iter().all(|record| (record.losses.gap() - 0.1).abs() < 1e-12));
    }

    #[test]
    fn settled_is_fit_unless_the_loss_is_not_acceptable() {
        let losses = || (0..30).map(|t| (0.2 + 0.5_f64.powi(t), 0.3 + 0.5_f64.powi(t)));
        let gap = judge(GeneralizationGap::new(), losses());
        // Train losses 0.2 + 2⁻ᵗ: the mean of five exceeds the last by 2⁻ᵗ (31/5 − 1), which is less than 5 % of it from
        // 2⁻ᵗ < 0.01 / 5.15 on: t = 10, the eleventh epoch.
        assert_eq!(found(&gap), (Verdict::Fit, 11));
        assert_eq!(found(&judge(GeneralizationGap::new().acceptable(0.1), losses())), (Verdict::UnderFit, 1));
        assert_eq!(gap.finding().unwrap().to_string(), "fit since epoch 11");
    }

    #[test]
    fn better_on_seen_and_worse_on_unseen_is_over_fit() {
        let losses = [(1.0, 1.1), (0.8, 0.9), (0.6, 0.8), (0.5, 0.82), (0.4, 0.86), (0.3, 1.0)];
        let gap = judge(GeneralizationGap::new(), losses);
        assert_eq!(found(&gap), (Verdict::OverFit, 5)); // 0.82 is within 5 % of 0.8
        assert_eq!(gap.best().unwrap().losses.epoch, 3);
        let last = gap.records().last().unwrap();
        assert!((last.losses.gap() - 0.7).abs() < 1e-12 && (last.rise - 0.25).abs() < 1e-12);
        assert_eq!(found(&judge(GeneralizationGap::new().tolerance(0.2), losses)), (Verdict::OverFit, 6));
    }

    #[test]
    fn worse_on_both_is_not_over_fit() {
        let gap = judge(GeneralizationGap::new(), [(0.5, 0.6), (2.0, 2.5)]);
        assert_eq!(found(&gap).0, Verdict::UnderFit);
    }

    #[test]
    fn accuracies_have_a_gap_too() {
        let losses = EpochLosses::new(1, 0.1, 0.2).accuracies(0.75, 0.5);
        assert_eq!(losses.accuracy_gap(), Some(0.25));
        assert_eq!(EpochLosses::new(1, 0.1, 0.2).accuracy_gap(), None);
    }

    #[test]
    fn zero_and_infinite_losses_are_judged_and_nan_is_refused() {
        let mut gap = judge(GeneralizationGap::new(), [(f64::INFINITY, f64::INFINITY), (1.0, 0.0), (0.0, 0.0)]);
        assert!(gap.records().iter().all(|record| !record.rise.is_nan()));
        let error = gap.observe(EpochLosses::new(4, f64::NAN, 0.1)).unwrap_err();
        assert_eq!(error.to_string(), "generalization gap: train_loss NaN at epoch 4: must be a number");
        assert_eq!(gap.records().len(), 3);
        assert!(GeneralizationGap::new().strip(1).observe(EpochLosses::new(1, 0.1, 0.1)).is_err());
        assert!(GeneralizationGap::new().tolerance(f64::NAN).observe(EpochLosses::new(1, 0.1, 0.1)).is_err());
        assert_eq!(GeneralizationGap::new().finding(), None);
    }
}

#[test]
fn a_model_with_dropout_has_only_its_layers_parameters() {
    let model = (linear(1), Dropout::new(0.5));
    let names: Vec<_> = Module::<f64>::parameters(&model).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["0.weight", "0.bias"]);
    let x = ArrayD::<f64>::zeros(IxDyn(&[0, 3]));
    let y = model.1.forward(&training(1).variable(x)).unwrap();
    assert_eq!(y.shape(), [0, 3]);
}
