//! Calibration.

use super::rng;
use gradus_regularize::calibration::{Bins, Reliability, Temperature, classwise_error};
use gradus_testing::{Tolerance, assert_close};
use ndarray::{Array1, Array2, array};
use proptest::prelude::*;
use rand::RngExt;

/// Labels drawn from the probabilities themselves: calibrated by construction.
fn calibrated(n: usize, classes: usize, seed: u64) -> (Array2<f64>, Array1<usize>) {
    let mut rng = rng(seed);
    let logits = Array2::from_shape_simple_fn((n, classes), || 4.0 * rng.random::<f64>() - 2.0);
    let p = Temperature { value: 1.0 }.probabilities(&logits).unwrap();
    let labels = p
        .rows()
        .into_iter()
        .map(|row| {
            let mut rest = rng.random::<f64>();
            row.iter()
                .position(|p| {
                    rest -= p;
                    rest < 0.0
                })
                .unwrap_or(classes - 1)
        })
        .collect();
    (logits, labels)
}

#[test]
fn what_is_calibrated_has_little_error_and_needs_no_temperature() {
    let (logits, labels) = calibrated(4000, 3, 1);
    let p = Temperature { value: 1.0 }.probabilities(&logits).unwrap();
    for bins in [Bins::EqualWidth(10), Bins::EqualMass(10)] {
        let diagram = Reliability::of(&p, &labels, bins).unwrap();
        assert!(diagram.expected_error() < 0.06 && diagram.expected_error() <= diagram.largest_error() + 1e-15);
        assert!(classwise_error(&p, &labels, bins).unwrap() < 0.06);
        let sure = Temperature { value: 0.2 }.probabilities(&logits).unwrap();
        assert!(Reliability::of(&sure, &labels, bins).unwrap().expected_error() > 0.2);
    }
    assert!((Temperature::fit(&logits, &labels).unwrap().value - 1.0).abs() < 0.15);
    // Logits that are five times as large need five times the temperature, exactly.
    let [one, five] = [1.0, 5.0].map(|factor| Temperature::fit(&(factor * &logits), &labels).unwrap().value);
    assert!((five / one - 5.0).abs() < 1e-9);
}

proptest! {
    #![proptest_config(gradus_testing::proptest_cases(60))]

    /// The fitted temperature is the best there is; it lowers the loss and changes no prediction.
    #[test]
    fn temperature_lowers_the_loss_and_changes_no_prediction(seed: u64, n in 1_usize..40, other in 0.01..50.0_f64, factor in 0.1..10.0_f64) {
        let mut draw = rng(seed);
        let logits = Array2::from_shape_simple_fn((n, 4), || factor * (2.0 * draw.random::<f64>() - 1.0));
        let labels: Array1<usize> = (0..n).map(|_| draw.random_range(0..4)).collect();
        let fitted = Temperature::fit(&logits, &labels).unwrap();
        let nll = |temperature: Temperature| temperature.nll(&logits, &labels).unwrap();
        let at = |value| nll(Temperature { value });
        prop_assert!(nll(fitted) <= at(1.0) + 1e-12);
        prop_assert!(nll(fitted) <= at(other) + 1e-12);
        prop_assert!((1e-3 * (1.0 - 1e-9)..=1e3 * (1.0 + 1e-9)).contains(&fitted.value));
        let best = |p: &Array2<f64>| -> Vec<usize> {
            p.rows().into_iter().map(|row| (0..4).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap()).collect()
        };
        prop_assert_eq!(best(&fitted.scale(&logits).unwrap()), best(&logits));
    }

    /// Bins hold every sample once, in order, and equal mass is equal to within one.
    #[test]
    fn bins_hold_everything_once(seed: u64, n in 1_usize..60, bins in 1_usize..12) {
        let mut draw = rng(seed);
        let judged: Vec<(f64, bool)> = (0..n).map(|_| ((10.0 * draw.random::<f64>()).round() / 10.0, draw.random::<f64>() < 0.5)).collect();
        for kind in [Bins::EqualWidth(bins), Bins::EqualMass(bins)] {
            let diagram = Reliability::of_confidences(judged.clone(), kind).unwrap();
            prop_assert_eq!(diagram.bins().iter().map(|bin| bin.count).sum::<usize>(), n);
            let right: f64 = diagram.bins().iter().map(|bin| bin.accuracy * bin.count as f64).sum();
            prop_assert!((right - judged.iter().filter(|(_, right)| *right).count() as f64).abs() < 1e-9);
            for bin in diagram.bins().iter().filter(|bin| bin.count > 0) {
                prop_assert!(bin.low <= bin.confidence + 1e-12 && bin.confidence <= bin.high + 1e-12);
            }
        }
        let masses = Reliability::of_confidences(judged.clone(), Bins::EqualMass(bins)).unwrap();
        let counts: Vec<usize> = masses.bins().iter().map(|bin| bin.count).collect();
        prop_assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1);
        // With one bin it is |mean confidence − accuracy|.
        let one = Reliability::of_confidences(judged.clone(), Bins::EqualWidth(1)).unwrap();
        let gap = judged.iter().map(|&(p, right)| p - f64::from(u8::from(right))).sum::<f64>() / n as f64;
        prop_assert!((one.expected_error() - gap.abs()).abs() < 1e-12);
    }
}

#[test]
fn extremes_keep_their_bounds() {
    // All right: as sure as may be. All wrong: as unsure as may be.
    let logits = array![[1.0, 0.0], [0.0, 1.0]];
    assert!((Temperature::fit(&logits, &array![0, 1]).unwrap().value - 1e-3).abs() < 1e-9);
    assert!((Temperature::fit(&logits, &array![1, 0]).unwrap().value - 1e3).abs() < 1e-3);
    // Equal logits, or huge ones: whatever it is, it is a number.
    assert!(Temperature::fit(&array![[2.0, 2.0]], &array![0]).unwrap().value.is_finite());
    let huge = Temperature::fit(&array![[1e300, -1e300], [1e300, -1e300], [-1.0, 1.0]], &array![0, 1, 0]).unwrap();
    assert!(huge.value.is_finite());
    let p = Temperature { value: 1.0 }.probabilities(&array![[1e4_f32, 0.0], [-1e4, 0.0]]).unwrap();
    assert_close(&p, &array![[1.0_f32, 0.0], [0.0, 1.0]], Tolerance::F32, "extreme");
    let border = Reliability::of_confidences([(0.0, false), (0.5, true), (1.0, true)], Bins::EqualWidth(2)).unwrap();
    assert_eq!(border.bins().iter().map(|bin| bin.count).collect::<Vec<_>>(), [2, 1]);
}

#[test]
fn the_picture_has_a_bar_and_a_gap_for_each_bin() {
    let diagram =
        Reliability::of_confidences([(0.55, true), (0.65, false), (0.95, true)], Bins::EqualWidth(10)).unwrap();
    let svg = diagram.to_svg("network < teacher");
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{svg}");
    assert!(svg.contains("network &lt; teacher"));
    assert_eq!(svg.matches("fill-opacity=\"0.9\"").count(), 3);
    // Of one bin the model is too sure, of two not sure enough.
    assert_eq!(svg.matches("fill-opacity=\"0.55\"").count(), 1);
    assert_eq!(svg.matches("fill-opacity=\"1\"").count(), 2);
    assert_eq!(svg.matches(">1</text>").count(), 3 + 2, "the samples of each bin, and two ticks: {svg}");
    assert!(svg.contains("expected error") && !svg.contains("NaN"));
}
