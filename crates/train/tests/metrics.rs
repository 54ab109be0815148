//! Metrics agree with scikit-learn's, and a trainer follows them.

use gradus_data::Digits;
use gradus_nn_layers::Linear;
use gradus_optim::Adam;
use gradus_train::metrics::{
    Accuracy, Auroc, Average, F1, Metric, Perplexity, Precision, Predictions, Recall, TopK, auroc, mae, r2, rmse,
};
use gradus_train::{Callback, ConfusionMatrix, EpochRecord, MetricRecord, Trainer};
use ndarray::{Array2, array};
use proptest::prelude::*;
use rand::{SeedableRng, rngs::StdRng};
use std::collections::HashMap;

/// The lines of `scikit_learn.py`.
fn fixtures() -> HashMap<&'static str, Vec<f64>> {
    let lines = include_str!("fixtures/scikit_learn.txt").lines().skip(1);
    lines
        .map(|line| {
            let mut words = line.split(' ');
            (words.next().unwrap(), words.map(|number| number.parse().unwrap()).collect())
        })
        .collect()
}

fn close(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() <= 1e-13, "{what}: {found}, and scikit-learn says {expected}");
}

#[test]
fn classification_agrees_with_scikit_learn() {
    let fixtures = fixtures();
    for case in ["all", "absent", "ties"] {
        let of = |name: &str| fixtures.get(format!("{case}.{name}").as_str()).cloned();
        let labels: Vec<usize> = of("labels").unwrap().into_iter().map(|label| label as usize).collect();
        let scores = Array2::from_shape_vec((labels.len(), 5), of("scores").unwrap()).unwrap();
        let predictions = Predictions::new(scores, labels).unwrap();
        let confusion = ConfusionMatrix::of(&predictions);
        let counts: Vec<f64> = confusion.counts.iter().map(|n| *n as f64).collect();
        assert_eq!(counts, of("confusion").unwrap());
        let check = |metric: &dyn Metric, name: &str| {
            let Some(expected) = of(name) else { return };
            close(metric.measure(&predictions).unwrap(), expected[0], &format!("{case}: {}", metric.name()));
        };
        check(&Accuracy, "accuracy");
        check(&Perplexity, "perplexity");
        (1..=5).for_each(|k| check(&TopK(k), &format!("top{k}")));
        for (average, name) in [(Average::Micro, "micro"), (Average::Macro, "macro"), (Average::Weighted, "weighted")] {
            check(&Precision(average), &format!("precision.{name}"));
            check(&Recall(average), &format!("recall.{name}"));
            check(&F1(average), &format!("f1.{name}"));
            check(&Auroc(average), &format!("auroc.{name}"));
        }
        for class in 0..5 {
            for (metric, name) in [
                (&Precision(Average::Class(class)) as &dyn Metric, "precision"),
                (&Recall(Average::Class(class)), "recall"),
                (&F1(Average::Class(class)), "f1"),
                (&Auroc(Average::Class(class)), "auroc"),
            ] {
                let Some(expected) = of(name) else { continue };
                close(metric.measure(&predictions).unwrap(), expected[class], &format!("{case}: {}", metric.name()));
            }
        }
    }
}

#[test]
fn regression_agrees_with_scikit_learn() {
    let fixtures = fixtures();
    let (predicted, target) = (&fixtures["predicted"], &fixtures["target"]);
    close(r2(predicted, target).unwrap(), fixtures["r2"][0], "R²");
    close(mae(predicted, target).unwrap(), fixtures["mae"][0], "MAE");
    close(rmse(predicted, target).unwrap(), fixtures["rmse"][0], "RMSE");
    // Of targets that are all equal: as scikit-learn defines it.
    assert_eq!(r2(&[2.0_f32, 2.0], &[2.0, 2.0]).unwrap(), 1.0);
    assert_eq!(r2(&[2.0, 2.5], &[2.0, 2.0]).unwrap(), 0.0);
}

#[test]
fn what_is_not_defined_says_why() {
    let predictions = |rows: Array2<f64>, labels: Vec<usize>| Predictions::new(rows, labels);
    let two = predictions(array![[-0.1, -2.0, -4.0], [-2.0, -0.1, -4.0]], vec![0, 1]).unwrap();
    let errors = [
        predictions(Array2::zeros((0, 3)), vec![]).unwrap_err(),
        predictions(Array2::zeros((2, 3)), vec![0, 3]).unwrap_err(),
        auroc(&[0.5], &[true, false]).unwrap_err(),
        auroc(&[0.5, f64::NAN], &[true, false]).unwrap_err(),
        auroc(&[0.5, 1.0], &[true, true]).unwrap_err(),
        Auroc(Average::Macro).measure(&two).unwrap_err(),
        Auroc(Average::Class(3)).measure(&two).unwrap_err(),
        F1(Average::Class(3)).measure(&two).unwrap_err(),
        TopK(0).measure(&two).unwrap_err(),
        TopK(4).measure(&two).unwrap_err(),
        r2(&[1.0], &[1.0]).unwrap_err(),
        mae::<f32>(&[], &[]).unwrap_err(),
        rmse(&[1.0], &[1.0, 2.0]).unwrap_err(),
        ConfusionMatrix { counts: Array2::zeros((2, 2)) }.f1().average(Average::Macro).unwrap_err(),
    ];
    let messages: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        messages,
        [
            "predictions: 0 labels for 0 samples; each of one or more has one",
            "predictions: label 3 at position 1: with 3 classes every label is below 3",
            "AUROC: 1 scores for 2 samples; each has one",
            "AUROC: the score at position 1 is NaN, which has no place in an order",
            "AUROC: 2 positive and 0 negative samples; it takes one of each",
            "AUROC: class 2: 0 positive and 2 negative samples; it takes one of each",
            "AUROC: class 3: with 3 classes it is below 3",
            "average: class 3: with 3 classes it is below 3",
            "top-k accuracy: k is 0: with 3 classes it is from 1 to 3",
            "top-k accuracy: k is 4: with 3 classes it is from 1 to 3",
            "R²: 1 predictions for 1 targets; it takes one for each, and at least 2",
            "MAE: 0 predictions for 0 targets; it takes one for each, and at least 1",
            "RMSE: 1 predictions for 2 targets; it takes one for each, and at least 1",
            "average: there is no sample",
        ]
    );
}

#[test]
fn a_trainer_follows_metrics() {
    #[derive(Default)]
    struct Told(Vec<MetricRecord>, usize);
    impl Callback for Told {
        fn metric(&mut self, metric: &MetricRecord) {
            assert_eq!(metric.epoch, self.1 + 1, "the metrics of an epoch come before it");
            self.0.push(metric.clone());
        }
        fn epoch(&mut self, epoch: &EpochRecord) {
            self.1 = epoch.epoch;
        }
    }
    let mut rng = StdRng::seed_from_u64(3);
    let (train, test) = Digits::embedded().split_at(300).unwrap();
    let mut model = Linear::new(64, 10, &mut rng);
    let mut told = Told::default();
    let mut trainer = Trainer::new(2)
        .metric(Accuracy)
        .metric(Perplexity)
        .metric(("ones", |predictions: &Predictions| {
            Ok(predictions.labels().iter().filter(|l| **l == 1).count() as f64)
        }))
        .callback(&mut told);
    let history = trainer.run(&mut model, &mut Adam::new(1e-2), &train, &test, &mut rng).unwrap();
    drop(trainer);
    assert_eq!(told.0, history.metrics);
    let of = |name: &str| history.metrics.iter().filter(|m| m.name == name).map(|m| m.value).collect::<Vec<_>>();
    assert_eq!(of("accuracy"), history.epochs.iter().map(|epoch| epoch.test_accuracy).collect::<Vec<_>>());
    for (perplexity, epoch) in of("perplexity").iter().zip(&history.epochs) {
        assert!((perplexity - epoch.test_loss.exp()).abs() < 1e-9 * perplexity);
    }
    assert_eq!(of("ones").len(), 2);
    // One that is not defined on the test samples is refused before the first batch.
    let zeros: Vec<usize> = (0..test.len()).filter(|&i| test.labels()[i] == 0).collect();
    let (before, zeros) = (model.weight.value().clone(), test.select(&zeros).unwrap());
    let mut trainer = Trainer::new(1).metric(Auroc(Average::Macro));
    let error = trainer.run(&mut model, &mut Adam::new(1e-2), &train, &zeros, &mut rng).unwrap_err();
    assert!(error.to_string().starts_with("AUROC: class 0: "), "{error}");
    assert!(*model.weight.value() == before);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn auroc_is_the_share_of_pairs_in_order(samples in prop::collection::vec((-3_i8..4, any::<bool>()), 2..40)) {
        let (scores, mut positive): (Vec<f64>, Vec<bool>) = samples.into_iter().map(|(s, p)| (f64::from(s), p)).unzip();
        (positive[0], positive[1]) = (true, false);
        let (mut won, mut pairs) = (0.0, 0.0);
        for (a, _) in scores.iter().zip(&positive).filter(|(_, p)| **p) {
            for (b, _) in scores.iter().zip(&positive).filter(|(_, p)| !**p) {
                won += if a > b { 1.0 } else if a == b { 0.5 } else { 0.0 };
                pairs += 1.0;
            }
        }
        prop_assert_eq!(auroc(&scores, &positive).unwrap(), won / pairs);
        // The other way around; and by any increasing function.
        let turned: Vec<f64> = scores.iter().map(|s| -s).collect();
        prop_assert!((auroc(&turned, &positive).unwrap() - (1.0 - won / pairs)).abs() < 1e-12);
        let cubed: Vec<f64> = scores.iter().map(|s| s * s * s - 7.0).collect();
        prop_assert_eq!(auroc(&cubed, &positive).unwrap(), won / pairs);
    }
}
