//! When gradients are looked at, and what is seen.

use crate::checkpoints::{Temporary, samples};
use gradus_nn_layers::{Linear, Relu, Sequential};
use gradus_optim::Adam;
use gradus_train::{Callback, Every, GradientRecord, History, Trainer};
use ndarray::Dimension;
use rand::{SeedableRng, rngs::StdRng};

/// Gradients as a callback is told them.
#[derive(Default)]
struct Gradients(Vec<GradientRecord>);

impl Callback for Gradients {
    fn gradient(&mut self, gradient: &GradientRecord) {
        self.0.push(gradient.clone());
    }
}

fn net() -> Sequential<f64> {
    let mut rng = StdRng::seed_from_u64(3);
    Sequential::new().push(Linear::new(3, 4, &mut rng)).push(Relu).push(Linear::new(4, 2, &mut rng))
}

#[test]
fn gradients_are_looked_at_when_they_should_be() {
    let (data, test) = samples(32).split_at(23).unwrap();
    let run = |trainer: Trainer<'_, f64>| {
        let mut trainer = trainer.batch_size(6);
        trainer.run(&mut net(), &mut Adam::new(0.01), &data, &test, &mut StdRng::seed_from_u64(1))
    };
    assert_eq!(run(Trainer::new(2)).unwrap().gradients, []);
    let mut told = Gradients::default();
    let history = run(Trainer::new(4).gradient_health(Every::Epochs(2)).callback(&mut told)).unwrap();
    let seen: Vec<_> = history.gradients.iter().map(|r| (r.epoch, r.step, r.parameter.as_str(), r.numbers)).collect();
    let parameters = [("0.weight", 12), ("0.bias", 4), ("2.weight", 8), ("2.bias", 2)];
    let expected =
        [(2, 8), (4, 16)].into_iter().flat_map(|(epoch, step)| parameters.map(|(name, n)| (epoch, step, name, n)));
    assert_eq!(seen, expected.collect::<Vec<_>>());
    assert_eq!(told.0, history.gradients);
    assert!(
        history.gradients.iter().all(|r| r.norm > 0.0 && r.weight_norm > 0.0 && r.ratio() == r.norm / r.weight_norm)
    );
    // Clipping comes after the look, and a look changes nothing.
    let clipped = run(Trainer::new(1).gradient_health(Every::Steps(3)).clip_norm(1e-3)).unwrap();
    assert_eq!(clipped.gradients.iter().map(|r| r.step).collect::<Vec<_>>(), [3; 4]);
    let norm = clipped.gradients.iter().map(|r| r.norm * r.norm).sum::<f64>().sqrt();
    assert!(norm > 1e-2, "{norm}");
    let losses = |history: History| history.epochs.into_iter().map(|r| r.test_loss.to_bits()).collect::<Vec<_>>();
    assert_eq!(losses(history), losses(run(Trainer::new(4)).unwrap()));
    let message = run(Trainer::new(1).gradient_health(Every::Steps(0))).unwrap_err().to_string();
    assert_eq!(message, "training: gradient_health is every 0: must be at least every step or every epoch");
}

#[test]
fn gradients_go_through_checkpoints() {
    let (data, test) = samples(32).split_at(23).unwrap();
    let run = |epochs, folder: Option<&Temporary>| {
        let mut trainer = Trainer::new(epochs).batch_size(6).gradient_health(Every::Steps(3));
        if let Some(folder) = folder {
            trainer = trainer.checkpoint(folder.0.clone(), Every::Steps(1)).resume();
        }
        trainer.run(&mut net(), &mut Adam::new(0.01), &data, &test, &mut StdRng::seed_from_u64(1)).unwrap()
    };
    let folder = Temporary::new();
    run(2, Some(&folder));
    let resumed = run(4, Some(&folder));
    assert_eq!(resumed.gradients, run(4, None).gradients);
    assert_eq!((resumed.gradients.len(), resumed.samples), (5 * 4, 23));
}

/// The look within training says what `health` says, which is slower and has no epochs.
#[test]
fn a_look_says_what_health_says() {
    use gradus_nn_layers::{Layer, Module, Parameter, Tape, health};
    use rand::RngExt;
    let mut rng = StdRng::seed_from_u64(1);
    let mut verdicts = std::collections::BTreeSet::new();
    for case in 0..300 {
        let shapes = [vec![5, 7], vec![7], vec![3, 2, 4], vec![1, 40], vec![33], vec![]];
        let mut gradient_of = Vec::new();
        let parameters = shapes.into_iter().enumerate().map(|(i, shape)| {
            let scale = 10_f64.powi(rng.random_range(-7..4));
            let (dead, faint) = (rng.random_range(0..3), rng.random_range(0..3));
            let special = [f64::NAN, f64::INFINITY, 0.0][rng.random_range(0..3)];
            let rare = rng.random_range(0..12) == 0;
            let g = ndarray::ArrayD::from_shape_fn(shape.clone(), |at| {
                let unit = at.slice().first().copied().unwrap_or(0);
                let size = if dead > 0 && unit % (dead + 1) < dead {
                    0.0
                } else if faint > 0 && unit % (faint + 1) < faint {
                    1e-5
                } else {
                    1.0
                };
                if rare && unit == 0 { special } else { size * scale * rng.random_range(-1.0..1.0) }
            });
            gradient_of.push(g);
            let mut parameter =
                Parameter::<f64>::from(ndarray::ArrayD::from_shape_simple_fn(shape, || rng.random_range(-1.0..1.0)));
            parameter.set_trainable((case + i) % 11 != 0);
            parameter
        });
        let parameters: Vec<_> = parameters.collect();
        #[derive(Module)]
        #[module(float = f64)]
        struct All(Vec<Parameter<f64>>);
        impl Layer<f64> for All {
            fn forward(&self, x: &gradus_autograd::Var<f64>) -> gradus_nn_layers::Result<gradus_autograd::Var<f64>> {
                Ok(x.clone())
            }
        }
        let model = All(parameters);
        let tape = Tape::recording();
        let x = tape.input(ndarray::arr0(0.0).into_dyn());
        let y = model.0.iter().zip(gradient_of).skip(case % 3).fold(x, |sum, (parameter, g)| {
            let w = tape.parameter(parameter);
            sum + tape.record("given", [&w], ndarray::arr0(1.0).into_dyn(), move |_| [gradus_autograd::Value::from(g)])
        });
        let gradients = y.backward().unwrap();
        let expected = health(&model, &gradients).rows;
        let expected = expected.into_iter().filter(|row| model.parameter(&row.name).unwrap().is_trainable());
        let seen = GradientRecord::of(&model, &gradients, 1, 1);
        for (row, record) in expected.zip(&seen) {
            assert_eq!(
                (&record.parameter, record.verdict),
                (&row.name, row.verdict),
                "case {case}: {row:?} {record:?}"
            );
            let near = |a: f64, b: f64| a == b || (a - b).abs() <= 1e-12 * b.abs() || (a.is_nan() && b.is_nan());
            assert!(near(record.norm, row.gradient_norm.unwrap_or(0.0)), "case {case}: {row:?} {record:?}");
            assert!(
                near(record.weight_norm, row.weight_norm) && near(record.zeros, row.zeros.unwrap_or(1.0)),
                "{row:?} {record:?}"
            );
            assert_eq!(record.not_finite > 0.0, !record.norm.is_finite());
            verdicts.insert(record.verdict.to_string());
        }
        assert_eq!(seen.len(), model.parameters().iter().filter(|(_, parameter)| parameter.is_trainable()).count());
    }
    assert!(verdicts.len() >= 6, "{verdicts:?}");
}

/// `cargo test --release -p gradus-train --test suite what_a_look_costs -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn what_a_look_costs() {
    let mut rng = StdRng::seed_from_u64(1);
    let (train, test) = gradus_data::Digits::embedded().split(0.8, &mut rng).unwrap();
    let mut best = [f64::INFINITY; 3];
    for _ in 0..7 {
        for (best, every) in best.iter_mut().zip([None, Some(Every::Epochs(1)), Some(Every::Steps(1))]) {
            let mut rng = StdRng::seed_from_u64(1);
            let mut model = Sequential::new().push(Linear::new(64, 512, &mut rng)).push(Relu);
            model = model.push(Linear::new(512, 512, &mut rng)).push(Relu).push(Linear::new(512, 10, &mut rng));
            let mut trainer = Trainer::new(4).batch_size(64);
            if let Some(every) = every {
                trainer = trainer.gradient_health(every);
            }
            let history = trainer.run(&mut model, &mut Adam::new(1e-3), &train, &test, &mut rng).unwrap();
            *best = best.min(history.epochs[3].seconds);
        }
    }
    println!(
        "4 epochs of 23 steps: {:.4} s without, {:.4} s with a look an epoch, {:.4} s with one a step",
        best[0], best[1], best[2]
    );
}
