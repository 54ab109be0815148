//! What the reports say of models of which the answer is known.

use gradus_autograd::Flow;
use gradus_nn_layers::ndarray::{Array1, ArrayD, IxDyn, array};
use gradus_nn_layers::{
    Apply, Error, Flatten, Gradients, Identity, Layer, Linear, Module, Parameter, Real, Relu, Result, Sequential,
    Sigmoid, Signal, Summary, Tanh, Tape, TransformerBlock, Var, Verdict, health, init, sequential, signal_propagation,
    summary,
};
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

fn linear<F: Real>(inputs: usize, outputs: usize) -> Linear<F> {
    Linear::new(inputs, outputs, &mut rng(1))
}

#[derive(Module)]
struct Mlp<F: Real = f32> {
    hidden: Linear<F>,
    out: Linear<F>,
}

impl<F: Real> Layer<F> for Mlp<F> {
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        self.out.forward(&self.hidden.forward(x)?.relu())
    }
}

fn mlp<F: Real>() -> Mlp<F> {
    Mlp { hidden: linear(6, 4), out: linear(4, 3) }
}

/// Each row as its path, kind and output.
fn rows(summary: &Summary) -> Vec<(String, String, Vec<usize>)> {
    let row = |row: &gradus_nn_layers::SummaryRow| {
        (row.path.clone(), row.description.kind.clone(), row.description.output.clone())
    };
    summary.rows.iter().map(row).collect()
}

#[test]
fn a_summary_of_layers_that_describe_themselves_is_exact() {
    let mut model: Sequential<f64> = sequential![
        Flatten,
        "encoder" => sequential![linear::<f64>(6, 4), Tanh],
        Identity,
        Some(Linear::without_bias(4, 3, &mut rng(1))),
        None::<Linear<f64>>,
    ];
    model.freeze("encoder.**").unwrap();
    let summary = summary(&model, &[5, 2, 3]).unwrap();
    assert!(!summary.total.dry_run);
    let expected = [
        ("0", "Flatten", vec![5, 6]),
        ("encoder.0", "Linear", vec![5, 4]),
        ("encoder.1", "Tanh", vec![5, 4]),
        ("2", "Identity", vec![5, 4]),
        ("3", "Linear", vec![5, 3]),
        ("4", "None", vec![5, 3]),
    ];
    assert_eq!(rows(&summary), expected.map(|(path, kind, output)| (path.to_owned(), kind.to_owned(), output)));
    assert_eq!(summary.total.multiply_adds, Some(5 * (6 * 4 + 4 * 3)));
    assert_eq!(summary.total.activation_bytes, 8 * (5 * 4 + 5 * 4 + 5 * 3));
    assert_eq!((summary.total.parameters, summary.total.trainable), (28 + 12, 12));
    assert_eq!(
        summary.to_string(),
        "\
layer                 output  parameters  multiply–adds  activation bytes
input              [5, 2, 3]
0: Flatten            [5, 6]           0              0                 0
encoder.0: Linear     [5, 4]          28            120               160
encoder.1: Tanh       [5, 4]           0              0               160
2: Identity           [5, 4]           0              0                 0
3: Linear             [5, 3]          12             60               120
4: None               [5, 3]           0              0                 0
total                 [5, 3]          40            180               440
28 parameters are frozen
"
    );
}

#[test]
fn a_model_that_does_not_describe_itself_is_run_on_zeros() {
    let summary = summary(&mlp::<f32>(), &[32, 6]).unwrap();
    assert!(summary.total.dry_run);
    assert_eq!(summary.total.kind, "Mlp");
    let expected = [("hidden", "affine", vec![32, 4]), ("", "relu", vec![32, 4]), ("out", "affine", vec![32, 3])];
    assert_eq!(rows(&summary), expected.map(|(path, kind, output)| (path.to_owned(), kind.to_owned(), output)));
    let parameters: Vec<_> = summary.rows.iter().map(|row| row.description.parameters).collect();
    assert_eq!(parameters, [28, 0, 15]);
    assert_eq!(summary.total.multiply_adds, Some(32 * (24 + 12)));
    assert_eq!(summary.total.activation_bytes, 4 * 32 * (4 + 4 + 3));
    let text = summary.to_string();
    assert!(text.contains("hidden: affine *") && text.ends_with("* found by a dry run on zeros\n"), "{text}");
}

#[test]
fn frozen_weights_do_not_hide_the_work() {
    let mut model = mlp::<f64>();
    model.freeze("**").unwrap();
    let summary = summary(&model, &[32, 6]).unwrap();
    assert_eq!(summary.total.multiply_adds, Some(32 * (24 + 12)));
    assert_eq!((summary.total.parameters, summary.total.trainable), (43, 0));
}

#[test]
fn a_parameter_used_again_and_again_counts_once() {
    #[derive(Module)]
    struct Twice(Linear);
    impl Layer for Twice {
        fn forward(&self, x: &Var) -> Result<Var> {
            self.0.forward(&self.0.forward(&self.0.forward(x)?)?)
        }
    }
    let summary = summary(&Twice(linear(4, 4)), &[8, 4]).unwrap();
    let found: Vec<_> = summary.rows.iter().map(|row| (row.path.as_str(), row.description.parameters)).collect();
    assert_eq!(found, [("0", 20), ("0", 0), ("0", 0)]);
    assert_eq!(summary.total.parameters, 20);
}

#[test]
fn shapes_of_a_dry_run_grow_with_the_batch_wherever_it_is() {
    let swapped = Apply::new(|x: &Var| Ok(x.permute(&[1, 0])?.exp()));
    assert_eq!(summary(&swapped, &[1000, 3]).unwrap().total.output, [3, 1000]);
    assert_eq!(summary(&swapped, &[0, 3]).unwrap().total.output, [3, 0]);
    let mean = Apply::new(|x: &Var| Ok(x.sum_axes(&[0], true)?));
    assert_eq!(summary(&mean, &[1000, 3]).unwrap().total.output, [1, 3]);
    // This one takes a batch of 8 only.
    let fixed = Apply::new(|x: &Var| Ok(x.reshape(&[4, 6])?));
    assert_eq!(summary(&fixed, &[8, 3]).unwrap().total.output, [4, 6]);
    assert!(summary(&fixed, &[9, 3]).is_err());
    let constant = Apply::new(|x: &Var| Ok(x.tape().input(array![1.0, 2.0])));
    let summary = summary(&constant, &[3]).unwrap();
    assert_eq!((summary.total.output, summary.total.multiply_adds), (vec![2], None));
}

#[test]
fn a_shape_that_does_not_fit_names_the_layer() {
    let inner: Sequential = sequential![linear(6, 4), Relu, "head" => linear(5, 3)];
    let model: Sequential = sequential![Flatten, "body" => inner];
    let error = summary(&model, &[7, 2, 3]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "layer `body.head`: linear: input [7, 4]: its last axis is 4 long; this layer takes 5 features on the last axis, (…, 5); Linear::new(4, …) would take it"
    );
    assert!(matches!(error, Error::InLayer { path, input, .. } if path == "body.head" && input == [7, 4]));
    let error = signal_propagation(&model, &[7, 2, 3], &mut rng(1)).unwrap_err().to_string();
    assert!(error.starts_with("layer `body.head`: linear: input [7, 4]: "), "{error}");
    let error = summary(&model, &[7]).unwrap_err().to_string();
    assert_eq!(error, "layer `0`: flatten: shape [7]: an input with an axis after the first, (N, …), would fit");
    let error = summary(&mlp::<f32>(), &[7, 2]).unwrap_err().to_string();
    assert!(error.starts_with("linear: input [7, 2]"), "{error}");
}

#[test]
fn sizes_without_bound_are_no_trouble() {
    let model: Sequential = sequential![linear(6, 4), Relu];
    assert_eq!(summary(&model, &[usize::MAX, 6]).unwrap().total.multiply_adds, Some(u64::MAX));
    assert_eq!(summary(&model, &[0, 6]).unwrap().total.multiply_adds, Some(0));
    let apply = Apply::new(|x: &Var| Ok(x.exp()));
    let error = summary(&apply, &[2, usize::MAX]).unwrap_err().to_string();
    assert!(error.ends_with("a shape whose elements fit into memory would fit"), "{error}");
    let empty: Sequential = sequential![];
    assert_eq!(summary(&empty, &[2]).unwrap().total.output, [2]);
}

/// Two samples of seven positions of eight features, two heads, sixteen hidden units.
#[test]
fn the_work_of_attention_is_counted() {
    let block: TransformerBlock = TransformerBlock::new(8, 2, 16, &mut rng(1)).unwrap();
    let summary = summary(&block, &[2, 7, 8]).unwrap();
    let (maps, attention, mlp) = (4 * 8 * 8, 2 * 7 * 8, 2 * 8 * 16); // for each position
    assert_eq!(summary.total.multiply_adds, Some(2 * 7 * (maps + attention + mlp)));
    assert_eq!(summary.total.output, [2, 7, 8]);
    assert_eq!(summary.total.parameters, block.count_parameters());
}

proptest! {
    #[test]
    fn what_layers_say_of_themselves_is_what_they_do(
        shape in proptest::collection::vec(0..4_usize, 1..4), features in 0..4_usize, outputs in 0..4_usize,
    ) {
        let shape = [&shape[..], &[features]].concat();
        let layers: Vec<Box<dyn Layer<f64>>> = vec![
            Box::new(linear::<f64>(features, outputs)),
            Box::new(Flatten),
            Box::new(Identity),
            Box::new(Relu),
            Box::new(Sigmoid),
            Box::new(Tanh),
            Box::new(sequential![linear::<f64>(features, outputs), Tanh, Flatten]),
        ];
        for layer in layers {
            let y = layer.forward(&Tape::inference().input(ArrayD::zeros(IxDyn(&shape)))).unwrap();
            let described = layer.describe(&shape).unwrap();
            prop_assert_eq!(&described.output, y.shape());
            prop_assert!(!described.dry_run);
        }
    }

    #[test]
    fn orthogonal_layers_hand_on_what_comes(depth in 1..20_usize, seed in any::<u64>()) {
        let mut model: Sequential<f64> = Sequential::new();
        for _ in 0..depth {
            let weight = init::orthogonal((16, 16), 1.0, &mut rng(seed)).unwrap();
            model = model.push(Linear::from_parts(weight, None).unwrap());
        }
        let report = signal_propagation(&model, &[4, 16], &mut rng(seed ^ 1)).unwrap();
        prop_assert_eq!(report.rows.len(), depth + 1);
        let (first, last) = (report.rows[0].activation.unwrap().rms(), report.rows[depth].gradient.unwrap().rms());
        for row in &report.rows {
            prop_assert!((row.activation.unwrap().rms() / first - 1.0).abs() < 1e-10);
            prop_assert!((row.gradient.unwrap().rms() / last - 1.0).abs() < 1e-10);
        }
        prop_assert_eq!(report.verdict(), Verdict::Healthy);
    }
}

/// Ten square layers of this deviation, in units of 1/√width.
fn deep<F: Real>(scale: f64) -> Sequential<F> {
    let mut model = Sequential::new();
    for seed in 0..10 {
        let weight = init::normal((64, 64), 0.0, scale / 8.0, &mut rng(seed));
        model = model.push(Linear::from_parts(weight, None).expect("the weight is a matrix"));
    }
    model
}

#[test]
fn variances_grow_by_fan_times_variance_of_the_weights() {
    for (scale, verdict) in [(1.0, Verdict::Healthy), (0.5, Verdict::Vanishing), (2.0, Verdict::Exploding)] {
        let report = signal_propagation(&deep::<f64>(scale), &[200, 64], &mut rng(20)).unwrap();
        assert_eq!(report.verdict(), verdict, "{report}");
        for depth in 1..=10 {
            let expected = (scale * scale).powi(depth as i32);
            let found = report.rows[depth].activation.unwrap().variance / expected;
            assert!((0.5..2.0).contains(&found), "{scale} {depth}: {found}");
            let found = report.rows[10 - depth].gradient.unwrap().variance / expected;
            assert!((0.5..2.0).contains(&found), "{scale} {depth}: {found}");
        }
        let single = signal_propagation(&deep::<f32>(scale), &[200, 64], &mut rng(20)).unwrap();
        assert_eq!(single.verdict(), verdict);
        let text = report.to_string();
        assert!(text.starts_with("       activation mean") && text.ends_with(&format!("{verdict}\n")), "{text}");
        assert_eq!(text.lines().count(), 13);
    }
}

#[test]
fn stages_are_looked_between_at_any_depth_and_of_other_models_the_tape() {
    let model: Sequential = sequential![linear(6, 6), "body" => sequential![Tanh, "mlp" => mlp::<f32>()]];
    let names = |model: &dyn Layer| -> Vec<String> {
        let report = signal_propagation(model, &[50, 6], &mut rng(1)).unwrap();
        report.rows.into_iter().map(|row| row.name).collect()
    };
    assert_eq!(names(&model), ["input", "0", "body.0", "body.mlp"]);
    let found = names(&mlp::<f32>());
    let starts = ["input", "hidden: affine at ", "relu at ", "out: affine at ", "output"];
    assert_eq!(found.len(), starts.len());
    assert!(found.iter().zip(starts).all(|(name, start)| name.starts_with(start)), "{found:?}");
    let report = signal_propagation(&mlp::<f32>(), &[50, 6], &mut rng(1)).unwrap();
    assert!(report.rows.iter().all(|row| row.gradient.is_some()));
    // What arrives at the last operation is what was sent back.
    assert_eq!(report.rows[3].gradient, report.rows[4].gradient);
}

/// The layers of a stack one after the other with `tanh` between, in a struct that does not say what its stages are.
#[derive(Module)]
struct TanhStack<F: Real> {
    layers: Vec<Linear<F>>,
}

impl<F: Real> Layer<F> for TanhStack<F> {
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        self.layers.iter().try_fold(x.clone(), |x, layer| Ok(layer.forward(&x)?.tanh()))
    }
}

/// Ten layers of a width of 64 with weights of this deviation, in units of 1/√width.
fn tanh_stack<F: Real>(scale: f64) -> TanhStack<F> {
    let layer = |seed| Linear::from_parts(init::normal((64, 64), 0.0, scale / 8.0, &mut rng(seed)), None);
    TanhStack { layers: (0..10).map(layer).collect::<Result<_>>().expect("the weights are matrices") }
}

#[test]
fn a_stack_without_stages_is_seen_to_vanish_layer_by_layer() {
    fn check<F: Real>() {
        let report = signal_propagation(&tanh_stack::<F>(0.1), &[200, 64], &mut rng(20)).unwrap();
        assert_eq!(report.verdict(), Verdict::Vanishing, "{report}");
        assert_eq!(report.rows.len(), 1 + 2 * 10 + 1);
        for depth in 1..=10 {
            // So near to 0, tanh hands on what comes: each layer leaves 64 · (0.1/8)² = 1/100 of the variance.
            let [affine, tanh] = [&report.rows[2 * depth - 1], &report.rows[2 * depth]];
            assert!(affine.name.starts_with(&format!("layers.{}: affine at ", depth - 1)), "{}", affine.name);
            assert!(tanh.name.starts_with("tanh at "), "{}", tanh.name);
            for row in [affine, tanh] {
                let found = row.activation.unwrap();
                let share = found.variance / 0.01_f64.powi(depth as i32);
                assert!((0.5..2.0).contains(&share), "{depth}: {share}");
                assert!(found.mean.abs() < 0.1 * found.rms(), "{depth}: {found:?}");
                // A root mean square of 1/10 after the first layer is still well; of 1/1000 after the third it is not.
                if depth >= 3 {
                    assert_eq!(row.verdict(), Verdict::Vanishing);
                }
            }
        }
    }
    check::<f64>();
    check::<f32>();
}

#[test]
fn with_and_without_stages_the_numbers_are_the_same() {
    fn check<F: Real>(scale: f64) {
        let whole = tanh_stack::<F>(scale);
        let staged = whole.layers.iter().fold(Sequential::new(), |model, layer| model.push(layer.clone()).push(Tanh));
        let staged = signal_propagation(&staged, &[20, 64], &mut rng(20)).unwrap();
        let whole = signal_propagation(&whole, &[20, 64], &mut rng(20)).unwrap();
        // Every bit, and what the rows say of them; the last operation's is also the output's.
        let numbers = |row: &Signal| (row.activation, row.gradient, row.verdict());
        let (output, rows) = whole.rows.split_last().unwrap();
        assert_eq!(rows.iter().map(numbers).collect::<Vec<_>>(), staged.rows.iter().map(numbers).collect::<Vec<_>>());
        assert_eq!(Some(numbers(output)), staged.rows.last().map(numbers));
        assert_eq!(whole.verdict(), staged.verdict());
    }
    for scale in [0.1, 1.0, 3.0] {
        check::<f64>(scale);
        check::<f32>(scale);
    }
}

#[test]
fn all_results_of_an_operation_count_and_an_infinity_that_passes_is_no_fault() {
    // The same numbers as they are and shifted by 2: together of mean 1, and of variance 1 more.
    let two = Apply::new(|x: &Var<f64>| {
        let values = vec![x.value().clone(), x.value().mapv(|x| x + 2.0).into()];
        let both = x.tape().record_many("two", &[x], values, |dys, slots| {
            dys.into_iter().flatten().for_each(|dy| slots.add(0, dy));
        });
        Ok(&both[0] + &both[1])
    });
    let report = signal_propagation(&two, &[50, 4], &mut rng(1)).unwrap();
    let [input, both] = [0, 1].map(|row| report.rows[row].activation.unwrap());
    assert!(report.rows[1].name.starts_with("two at "), "{report}");
    assert!((both.mean - (input.mean + 1.0)).abs() < 1e-12 && (both.variance - (input.variance + 1.0)).abs() < 1e-12);
    assert_eq!(report.rows.len(), 4);

    let masked = Apply::new(|x: &Var<f64>| {
        Ok(x.masked_fill(&array![false, false, false, true], f64::NEG_INFINITY)?.softmax(-1)?)
    });
    let report = signal_propagation(&masked, &[50, 4], &mut rng(1)).unwrap();
    assert!(!report.rows[1].activation.unwrap().rms().is_finite());
    assert_eq!(report.verdict(), Verdict::Healthy, "{report}");
    let naive = Apply::new(|x: &Var<f64>| {
        let powers = (x * 1e4).exp();
        Ok(&powers / &(&powers + 1.0))
    });
    assert_eq!(signal_propagation(&naive, &[50, 4], &mut rng(1)).unwrap().verdict(), Verdict::NotFinite);
}

#[test]
fn what_is_cut_off_or_not_finite_is_seen() {
    let verdict = |model: &dyn Layer<f64>| signal_propagation(model, &[50, 4], &mut rng(1)).unwrap().verdict();
    let cut: Sequential<f64> = sequential![linear(4, 4), Apply::new(|x: &Var<f64>| Ok(x.detach())), linear(4, 4)];
    assert_eq!(verdict(&cut), Verdict::Vanishing);
    assert_eq!(verdict(&Apply::new(|x: &Var<f64>| Ok(x.detach()))), Verdict::Vanishing);
    let infinite: Sequential<f64> = sequential![Apply::new(|x: &Var<f64>| Ok((x * 1e4).exp()))];
    assert_eq!(verdict(&infinite), Verdict::NotFinite);
    let error = signal_propagation(&cut, &[0, 4], &mut rng(1)).unwrap_err().to_string();
    assert_eq!(error, "signal_propagation: shape [0, 4]: at least one element would fit");
    let error = signal_propagation(&cut, &[usize::MAX, 4], &mut rng(1)).unwrap_err().to_string();
    assert!(error.ends_with("a shape whose elements fit into memory would fit"), "{error}");
}

/// Gradients that are these numbers.
fn gradients<F: Real>(model: &[Parameter<F>], gradients: &[ArrayD<f64>]) -> Gradients<F> {
    let tape = Tape::recording();
    let mut loss = tape.input(Array1::from_elem(1, F::zero())).sum();
    for (parameter, gradient) in model.iter().zip(gradients) {
        let gradient = tape.input(gradient.mapv(F::from_f64));
        loss = loss + (&tape.parameter(parameter) * &gradient).sum();
    }
    loss.backward().expect("the loss is a number")
}

fn matrix(rows: &[[f64; 2]]) -> ArrayD<f64> {
    ArrayD::from_shape_fn(IxDyn(&[rows.len(), 2]), |index| rows[index[0]][index[1]])
}

fn parameters<F: Real>(weights: &[ArrayD<f64>]) -> Vec<Parameter<F>> {
    weights.iter().map(|w| w.mapv(F::from_f64).into()).collect()
}

#[test]
fn norms_ratios_and_shares_are_right() {
    fn check<F: Real>() {
        let model: Vec<Parameter<F>> =
            parameters(&[matrix(&[[3.0, 0.0], [0.0, 4.0], [0.0, 0.0]]), array![0.0].into_dyn()]);
        let gradients = gradients(&model, &[matrix(&[[6.0, 0.0], [0.0, 0.0], [8.0, 0.001]]), array![2.0].into_dyn()]);
        let report = health(&model, &gradients);
        let row = &report.rows[0];
        assert_eq!((row.name.as_str(), row.shape.as_slice(), row.weight_norm), ("0", &[3, 2][..], 5.0));
        assert!((row.gradient_norm.unwrap() - 10.0).abs() < 1e-6);
        assert!((row.ratio.unwrap() - 2.0).abs() < 1e-6);
        assert_eq!((row.zeros, row.dead, row.saturated), (Some(0.5), Some(1.0 / 3.0), Some(0.0)));
        assert_eq!(row.verdict, Verdict::Healthy);
        let bias = &report.rows[1];
        assert_eq!(
            (bias.gradient_norm, bias.ratio, bias.dead, bias.verdict),
            (Some(2.0), None, None, Verdict::Healthy)
        );
        assert_eq!(report.unwell().count(), 0);
    }
    check::<f64>();
    check::<f32>();
}

#[test]
fn each_verdict_has_its_sign() {
    let one = [[1.0, 1.0], [1.0, 1.0]];
    let verdict = |weight: &[[f64; 2]], gradient: &[[f64; 2]]| {
        // The second parameter is what the first is compared with.
        let model: Vec<Parameter<f64>> = parameters(&[matrix(weight), matrix(&one)]);
        health(&model, &gradients(&model, &[matrix(gradient), matrix(&one)])).rows[0].verdict
    };
    assert_eq!(verdict(&one, &one), Verdict::Healthy);
    assert_eq!(verdict(&one, &[[0.0, 0.0], [0.0, 0.0]]), Verdict::Missing);
    assert_eq!(verdict(&one, &[[0.0, 0.0], [1.0, 0.0]]), Verdict::Dead);
    assert_eq!(verdict(&one, &[[1e-5, 0.0], [1.0, 0.0]]), Verdict::Saturated);
    assert_eq!(verdict(&one, &[[1e-5, 1e-5], [1e-5, 1e-5]]), Verdict::Vanishing);
    assert_eq!(verdict(&one, &[[200.0, 200.0], [200.0, 200.0]]), Verdict::Exploding);

    let mut model: Vec<Parameter<f64>> = parameters(&[matrix(&one), matrix(&one), matrix(&one)]);
    model.freeze("1").unwrap();
    let gradients = gradients(&model[..2], &[matrix(&one), matrix(&one)]);
    model[0].value_mut().fill(f64::NAN);
    let report = health(&model, &gradients);
    let verdicts: Vec<_> = report.rows.iter().map(|row| row.verdict).collect();
    assert_eq!(verdicts, [Verdict::NotFinite, Verdict::Frozen, Verdict::Missing]);
    assert_eq!(report.rows[2].flow, Flow::Unused);
    let unwell: Vec<_> = report.unwell().map(|row| row.name.as_str()).collect();
    assert_eq!(unwell, ["0", "2"]);
    let text = report.to_string();
    assert!(
        text.starts_with("parameter   shape") && text.ends_with("2: no gradient: never put on the tape\n"),
        "{text}"
    );
}

#[test]
fn an_update_is_compared_with_the_weights() {
    let one = matrix(&[[1.0, 1.0], [1.0, 1.0]]);
    for (step, verdict) in [(1e-3, Verdict::Healthy), (1e-6, Verdict::SmallUpdate), (0.5, Verdict::LargeUpdate)] {
        let before: Vec<Parameter<f64>> = parameters(&[one.clone(), array![0.0].into_dyn()]);
        let gradients = gradients(&before, &[one.clone(), array![1.0].into_dyn()]);
        let mut after = before.clone();
        after.map_parameters(&mut |_, parameter| parameter.value_mut().mapv_inplace(|w| w - step));
        let report = health(&before, &gradients).with_update(&before, &after);
        assert!((report.rows[0].update_ratio.unwrap() / step - 1.0).abs() < 1e-6);
        assert_eq!(report.rows[0].verdict, verdict);
        assert_eq!((report.rows[1].update_ratio, report.rows[1].verdict), (None, Verdict::Healthy));
    }
}

#[test]
fn nothing_has_nothing_to_report() {
    let model: Vec<Parameter<f64>> = parameters(&[matrix(&[])]);
    let report = health(&model, &gradients(&model, &[matrix(&[])]));
    assert_eq!((report.rows[0].ratio, report.rows[0].zeros, report.rows[0].dead), (None, None, None));
    let none: [Parameter<f64>; 0] = [];
    assert!(health(&none, &gradients(&model, &[matrix(&[])])).rows.is_empty());
}
