//! Training, validation and test error followed together.

use gradus_regularize::{EpochLosses, Finding, GeneralizationGap, Verdict};

/// Validation turns at epoch 12, test at 14: who chooses by the test chooses later, and by luck.
fn run(with_validation: bool) -> GeneralizationGap {
    let mut gap = GeneralizationGap::new();
    for epoch in 0..40 {
        let t = epoch as f64;
        let train = 0.2 + (-t / 2.0).exp() + 0.1 * (1.0 - t / 40.0);
        let test = train + 0.1 + 0.02 * (t - 14.0).max(0.0);
        let losses = EpochLosses::new(epoch, train, test);
        let validation = train + 0.12 + 0.02 * (t - 12.0).max(0.0);
        gap.observe(if with_validation { losses.validation(validation, None) } else { losses }).unwrap();
    }
    gap
}

#[test]
fn verdicts_go_by_the_validation_loss_and_since_when_is_told_of_each() {
    let gap = run(true);
    let verdicts: Vec<Verdict> = gap.findings().iter().map(|finding| finding.verdict).collect();
    assert_eq!(verdicts, [Verdict::UnderFit, Verdict::Fit, Verdict::OverFit]);
    let since: Vec<usize> = gap.findings().iter().map(|finding| finding.since).collect();
    assert!(since[0] == 0 && since[1] < 13 && since[2] > 12, "{since:?}");
    assert_eq!(gap.finding(), gap.findings().pop());
    let later = run(false).finding().unwrap();
    assert!(later.verdict == Verdict::OverFit && later.since == since[2] + 2, "{later:?}, {since:?}");
}

#[test]
fn the_best_epoch_is_that_of_the_validation_loss_and_its_test_loss_goes_along() {
    let best = *run(true).best().unwrap();
    assert_eq!(best.losses.epoch, 12);
    assert_eq!(run(false).best().unwrap().losses.epoch, 14);
    assert!((best.losses.test_loss - best.losses.train_loss - 0.1).abs() < 1e-12);
    assert_eq!(best.losses.unseen_loss(), best.losses.validation_loss.unwrap());
    let losses = EpochLosses::new(1, 0.1, 0.2).validation(0.15, 0.9).accuracies(0.95, 0.85);
    assert_eq!((losses.validation_accuracy, losses.unseen_loss()), (Some(0.9), 0.15));
}

#[test]
fn nothing_observed_has_no_findings() {
    assert_eq!(GeneralizationGap::new().findings(), []);
    let mut gap = GeneralizationGap::new();
    gap.observe(EpochLosses::new(3, 1.0, 1.0)).unwrap();
    assert_eq!(gap.findings(), [Finding { verdict: Verdict::UnderFit, since: 3 }]);
}
