//! What users rely on of the training loop.

use gradus_autograd::{Value, Var};
use gradus_data::{Digits, Labelled};
use gradus_nn_layers::{Layer, Linear, Module, Relu, Result as LayerResult, Sequential};
use gradus_optim::{Adam, Sgd};
use gradus_regularize::EarlyStopping;
use gradus_train::{Callback, EpochRecord, Error, Report, StepRecord, Trainer, accuracy, evaluate};
use ndarray::{Array2, array};
use rand::{SeedableRng, rngs::StdRng};

/// Two well-separated clouds.
fn clouds(n: usize) -> Labelled<f64> {
    let inputs = Array2::from_shape_fn((n, 2), |(i, j)| {
        let jitter = ((i * 2 + j) as f64 * 0.618).fract() - 0.5;
        if i % 2 == 0 { 2.0 + jitter } else { -2.0 + jitter }
    });
    Labelled::new(inputs, (0..n).map(|i| i % 2).collect::<Vec<_>>(), 2).unwrap()
}

fn mlp(rng: &mut StdRng) -> Sequential<f64> {
    Sequential::new().push(Linear::new(2, 8, rng)).push(Relu).push(Linear::new(8, 2, rng))
}

#[test]
fn the_same_seed_gives_the_same_bits() {
    let run = || {
        let mut rng = StdRng::seed_from_u64(3);
        let (train, test) = Digits::embedded().split(0.5, &mut rng).unwrap();
        let mut model = Linear::new(64, 10, &mut rng);
        let history = Trainer::new(2).run(&mut model, &mut Adam::new(1e-2), &train, &test, &mut rng).unwrap();
        let losses: Vec<_> = history.epochs.iter().map(|r| (r.train_loss.to_bits(), r.test_loss.to_bits())).collect();
        (losses, model.weight.value().clone())
    };
    let (first, second) = (run(), run());
    assert_eq!(first.0, second.0);
    assert!(first.1 == second.1);
}

#[test]
fn a_network_learns_and_the_callbacks_are_told() {
    #[derive(Default)]
    struct Told {
        started: Option<(usize, usize)>,
        steps: Vec<u64>,
        epochs: Vec<usize>,
        finished: bool,
    }
    impl Callback for Told {
        fn start(&mut self, epochs: usize, steps: usize) {
            self.started = Some((epochs, steps));
        }
        fn step(&mut self, step: &StepRecord) {
            self.steps.push(step.step);
        }
        fn epoch(&mut self, epoch: &EpochRecord) {
            self.epochs.push(epoch.epoch);
        }
        fn finish(&mut self) {
            self.finished = true;
        }
    }
    let mut rng = StdRng::seed_from_u64(1);
    let (mut model, mut told) = (mlp(&mut rng), Told::default());
    let history = Trainer::new(5)
        .batch_size(16)
        .callback(&mut told)
        .run(&mut model, &mut Adam::new(1e-2), &clouds(100), &clouds(40), &mut rng)
        .unwrap();
    assert_eq!(told.started, Some((5, 7)));
    assert_eq!(told.steps, (1..=35).collect::<Vec<_>>());
    assert_eq!((told.epochs, told.finished), ((1..=5).collect(), true));
    assert_eq!(history.kept_epoch, 5);
    assert!(history.epochs[4].train_loss < 0.5 * history.epochs[0].train_loss);
    assert_eq!(accuracy(&model, &clouds(40)).unwrap(), 1.0);
}

/// Turns its input into NaN once it has been asked often enough.
#[derive(Module)]
#[module(float = f64)]
struct Failing {
    linear: Linear<f64>,
    #[module(skip)]
    passes: std::sync::atomic::AtomicUsize,
    fails_at: usize,
}

impl Layer<f64> for Failing {
    fn forward(&self, x: &Var<f64>) -> LayerResult<Var<f64>> {
        let y = self.linear.forward(x)?;
        if !x.tape().is_training() {
            return Ok(y);
        }
        let pass = self.passes.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
        Ok(if pass >= self.fails_at { (y - 1e9).ln() } else { y })
    }
}

#[test]
fn a_loss_that_is_not_finite_stops_training_and_the_last_good_weights_are_kept() {
    let mut rng = StdRng::seed_from_u64(1);
    let linear = Linear::new(2, 2, &mut rng);
    let start = linear.weight.value().clone();
    // Ten steps an epoch: the first epoch ends well, the thirteenth step does not.
    let mut model = Failing { linear, passes: 0.into(), fails_at: 13 };
    #[derive(Default)]
    struct LastEpoch(Option<EpochRecord>);
    impl Callback for LastEpoch {
        fn epoch(&mut self, epoch: &EpochRecord) {
            self.0 = Some(*epoch);
        }
    }
    let (mut last, data) = (LastEpoch::default(), clouds(100));
    let error = Trainer::new(3)
        .batch_size(10)
        .callback(&mut last)
        .run(&mut model, &mut Sgd::new(0.1), &data, &data, &mut rng)
        .unwrap_err();
    let message = error.to_string();
    let Error::NonFiniteLoss { epoch: 2, step: 13, cause: Some(cause), .. } = error else { panic!("{message}") };
    assert_eq!(cause.operation, "ln");
    assert!(message.contains("step 13") && message.contains("ln") && message.contains("end of epoch 1"), "{message}");
    assert!(*model.linear.weight.value() != start, "the first epoch's updates are lost");
    assert_eq!(evaluate(&model, &data).unwrap().loss, last.0.unwrap().test_loss);
}

#[test]
fn a_gradient_that_is_not_finite_is_named_before_it_spoils_the_weights() {
    #[derive(Module)]
    #[module(float = f64)]
    struct BadBackward(Linear<f64>);
    impl Layer<f64> for BadBackward {
        fn forward(&self, x: &Var<f64>) -> LayerResult<Var<f64>> {
            let y = self.0.forward(x)?;
            let value: Value<f64> = y.value().clone();
            Ok(x.tape().record("bad", [&y], value, |mut dy| {
                dy.fill(f64::INFINITY);
                [dy]
            }))
        }
    }
    let mut rng = StdRng::seed_from_u64(1);
    let mut model = BadBackward(Linear::new(2, 2, &mut rng));
    let start = model.0.weight.value().clone();
    let data = clouds(20);
    let error = Trainer::new(1).run(&mut model, &mut Sgd::new(0.1), &data, &data, &mut rng).unwrap_err();
    assert!(
        matches!(&error, Error::NonFiniteGradient { step: 1, parameter, .. } if parameter == "0.weight"),
        "{error}"
    );
    assert!(*model.0.weight.value() == start);
}

#[test]
fn early_stopping_gives_back_the_best_weights() {
    let mut rng = StdRng::seed_from_u64(5);
    let (train, test) = Digits::embedded().split_at(60).unwrap(); // so few that it over-fits
    let mut model =
        Sequential::new().push(Linear::new(64, 64, &mut rng)).push(Relu).push(Linear::new(64, 10, &mut rng));
    let history = Trainer::new(200)
        .batch_size(20)
        .early_stopping(EarlyStopping::new(5))
        .run(&mut model, &mut Adam::new(1e-2), &train, &test, &mut rng)
        .unwrap();
    assert!(history.stopped_early && history.epochs.len() < 200);
    let best = history.epochs.iter().min_by(|a, b| a.test_loss.total_cmp(&b.test_loss)).unwrap();
    assert_eq!(history.kept_epoch, best.epoch);
    assert_eq!(evaluate(&model, &test).unwrap().loss, best.test_loss);
    assert!(history.to_string().contains("kept"));
}

#[test]
fn settings_that_cannot_work_are_refused_before_the_first_batch() {
    let data = clouds(20);
    let run = |trainer: &mut Trainer<'_, f64>, lr: f64| {
        let mut rng = StdRng::seed_from_u64(1);
        let mut model = mlp(&mut rng);
        let error = trainer.run(&mut model, &mut Sgd::new(lr), &data, &data, &mut rng).unwrap_err();
        error.to_string()
    };
    assert!(run(&mut Trainer::new(1).batch_size(0), 0.1).contains("batch size 0"));
    assert!(run(&mut Trainer::new(1), f64::NAN).contains("lr NaN"));
    assert!(run(&mut Trainer::new(1).clip_norm(-1.0), 0.1).contains("clip_norm is -1"));
    let none: Labelled<f64> = data.select(&[]).unwrap();
    let mut rng = StdRng::seed_from_u64(1);
    let mut model = mlp(&mut rng);
    let error = Trainer::new(1).run(&mut model, &mut Sgd::new(0.1), &data, &none, &mut rng).unwrap_err();
    assert!(matches!(error, Error::NoSamples { set: "test", .. }), "{error}");
}

#[test]
fn an_evaluation_counts_and_ranks() {
    /// Logits given outright.
    #[derive(Module)]
    #[module(float = f64)]
    struct Echo;
    impl Layer<f64> for Echo {
        fn forward(&self, x: &Var<f64>) -> LayerResult<Var<f64>> {
            Ok(x.clone())
        }
    }
    let logits = array![[3.0, 0.0], [1.0, 0.0], [0.0, 5.0], [4.0, 0.0]];
    let data = Labelled::new(logits, vec![0, 1, 1, 1], 2).unwrap();
    let evaluation = evaluate(&Echo, &data).unwrap();
    assert_eq!(evaluation.accuracy, 0.5);
    assert_eq!(evaluation.confusion.counts, array![[1, 0], [2, 1]]);
    let samples: Vec<_> = evaluation.mistakes.iter().map(|m| (m.sample, m.label, m.predicted)).collect();
    assert_eq!(samples, [(3, 1, 0), (1, 1, 0)], "the most confident mistake comes first");
    let loss = |right: f64, wrong: f64| (1.0 + (wrong - right).exp()).ln();
    let expected = (loss(3.0, 0.0) + loss(0.0, 1.0) + loss(5.0, 0.0) + loss(0.0, 4.0)) / 4.0;
    assert!((evaluation.loss - expected).abs() < 1e-12);
    // Three classes where the model knows two.
    let three = Labelled::new(array![[1.0, 2.0]], vec![2], 3).unwrap();
    let error = evaluate(&Echo, &three).unwrap_err();
    assert!(error.to_string().contains("[1, 2]") && error.to_string().contains("[1, 3]"), "{error}");
}

#[test]
fn the_report_has_everything_and_needs_nothing() {
    let mut rng = StdRng::seed_from_u64(1);
    let (train, test) = Digits::embedded().split_at(200).unwrap();
    let mut model = Linear::new(64, 10, &mut rng);
    let history = Trainer::new(2).run(&mut model, &mut Adam::new(1e-2), &train, &test, &mut rng).unwrap();
    let evaluation = evaluate(&model, &test).unwrap();
    let folder = std::env::temp_dir().join(format!("gradus-train-report-{}", std::process::id()));
    let report = Report::new("<Digits>", &history)
        .evaluation(&evaluation)
        .draw_mistakes(&test, 8, 8)
        .unwrap()
        .model(&model)
        .setting("seed", 1);
    let page = std::fs::read_to_string(report.write(&folder).unwrap()).unwrap();
    for part in [
        "&lt;Digits&gt;",
        "Confusion matrix",
        "The worst mistakes",
        "aria-label=\"a sample of class ",
        "650",
        "weight",
        "seed",
    ] {
        assert!(page.contains(part), "{part} is not in the report");
    }
    let samples = page.matches("aria-label=\"a sample of class ").count();
    assert_eq!(page.matches("<svg").count() - samples, 8, "four charts on two scales");
    assert!(!page.contains("http://") || page.matches("http://").count() == page.matches("http://www.w3.org").count());
    for file in ["loss.svg", "accuracy.svg", "gap.svg", "learning-rate.svg"] {
        assert!(std::fs::read_to_string(folder.join(file)).unwrap().starts_with("<svg"));
    }
    // A folder that cannot be made is named.
    let error = report.write(folder.join("report.html")).unwrap_err();
    assert!(error.to_string().contains("report.html"), "{error}");
    std::fs::remove_dir_all(folder).unwrap();
    // Samples of another size are refused.
    let report = Report::new("x", &history).evaluation(&evaluation);
    assert!(matches!(report.draw_mistakes(&test, 7, 8), Err(Error::Picture { .. })));
}

#[test]
fn early_stopping_watches_any_metric() {
    use gradus_train::metrics::Predictions;
    let data = clouds(40);
    // The metrics are made up, so that it is known which epoch is the best.
    let scripted = |values: &'static [f64]| {
        let calls = std::cell::Cell::new(0);
        move |_: &Predictions| {
            calls.set(calls.get() + 1);
            // The first call is the check before the run.
            Ok::<_, Error>(values[(calls.get() - 1usize).saturating_sub(1)])
        }
    };
    const RISES: &[f64] = &[0.1, 0.7, 0.9, 0.8, 0.85, 0.1, 0.1, 0.1];
    for (stopping, kept, ran) in [(EarlyStopping::new(2).maximize(), 3, 5), (EarlyStopping::new(2), 1, 3)] {
        let mut rng = StdRng::seed_from_u64(1);
        let history = Trainer::new(8)
            .metric(("another", scripted(&[0.0; 8])))
            .early_stopping_on(("watched", scripted(RISES)), stopping)
            .run(&mut mlp(&mut rng), &mut Adam::new(1e-2), &data, &data, &mut rng)
            .unwrap();
        assert_eq!((history.kept_epoch, history.epochs.len(), history.stopped_early), (kept, ran, true));
        assert_eq!(history.metrics.iter().filter(|m| m.name == "watched").count(), ran);
    }
    let mut rng = StdRng::seed_from_u64(1);
    let error = Trainer::new(3)
        .early_stopping_on(("watched", scripted(&[0.5, f64::NAN, 0.5])), EarlyStopping::new(2))
        .run(&mut mlp(&mut rng), &mut Adam::new(1e-2), &data, &data, &mut rng)
        .unwrap_err();
    assert!(error.to_string().contains("NaN") && error.to_string().contains("epoch 2"), "{error}");
}
