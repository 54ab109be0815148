//! Laws, and what happens to bad input.

use gradus_autograd::gradcheck;
use gradus_nn_layers::ndarray::{Array1, Array2, ArrayD, Axis, Dimension, IxDyn, arr0, array};
use gradus_nn_layers::{
    BceWithLogits, CrossEntropy, Embedding, Error, Flatten, Hinge, Huber, Identity, KlDivergence, L1, Layer, Linear,
    Losses, Module, Mse, MultiMargin, Nll, Parameter, Reduction, Result, Sequential, Sigmoid, SmoothL1, Tanh, Tape,
    Var, init, sequential, testing,
};
use gradus_testing::{Tolerance, assert_close, strategies};
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

/// Logits `(N, K, …)` in any layout, labels `(N, …)`, and a number to draw options from.
fn classification() -> impl Strategy<Value = (ArrayD<f64>, ArrayD<usize>)> {
    (1..5_usize, 1..5_usize, prop_oneof![Just(vec![]), Just(vec![2]), Just(vec![2, 3])]).prop_flat_map(
        |(n, k, rest)| {
            let shape: Vec<usize> = [n, k].into_iter().chain(rest.clone()).collect();
            let samples: Vec<usize> = [n].into_iter().chain(rest).collect();
            let count = samples.iter().product::<usize>();
            let labels = proptest::collection::vec(0..k, count);
            let labels = labels.prop_map(move |l| ArrayD::from_shape_vec(IxDyn(&samples), l).expect("one for each"));
            (strategies::strided(&shape, -3.0..3.0), labels)
        },
    )
}

fn reduction() -> impl Strategy<Value = Reduction> {
    prop_oneof![Just(Reduction::None), Just(Reduction::Mean), Just(Reduction::Sum)]
}

proptest! {
    #[test]
    fn gradients_of_linear_are_right(
        (n, i, o) in strategies::product_sizes(5), bias in any::<bool>(), seed in any::<u64>(), rank in 1..4_usize,
    ) {
        let shape = match rank { 1 => vec![i], 2 => vec![n, i], _ => vec![2, n, i] };
        let mut layer = if bias { Linear::new(i, o, &mut rng(seed)) } else { Linear::without_bias(i, o, &mut rng(seed)) };
        let x: ArrayD<f64> = init::normal(shape.as_slice(), 0.0, 1.0, &mut rng(seed ^ 1));
        testing::check_layer(&mut layer, &x).map_err(|error| TestCaseError::fail(error.to_string()))?;
    }

    #[test]
    fn gradients_of_a_sequential_are_right(n in 1..4_usize, seed in any::<u64>()) {
        let mut model: Sequential<f64> = sequential![
            Flatten, Linear::new(6, 4, &mut rng(seed)), Tanh, Identity, Linear::new(4, 3, &mut rng(seed ^ 1)), Sigmoid,
        ];
        let x: ArrayD<f64> = init::normal([n, 2, 3].as_slice(), 0.0, 1.0, &mut rng(seed ^ 2));
        let report = testing::check_layer(&mut model, &x).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(report.checked, 6 * n + 28 + 15);
    }

    #[test]
    fn gradients_of_cross_entropy_are_right_with_every_option(
        (logits, labels) in classification(), reduction in reduction(),
        smoothing in prop_oneof![Just(0.0), 0.0..1.0_f64], weighted in any::<bool>(), ignored in prop_oneof![Just(None), (1..5_usize).prop_map(Some)],
    ) {
        let classes = logits.shape()[1];
        let mut loss = CrossEntropy::new().reduction(reduction).label_smoothing(smoothing);
        if weighted {
            loss = loss.weight((0..classes).map(|k| 0.5 + k as f64).collect::<Vec<_>>());
        }
        if let Some(label) = ignored {
            loss = loss.ignore_index(label);
        }
        let all_ignored = labels.iter().all(|label| Some(*label) == ignored);
        let checked = gradcheck(|x| loss.loss(&x[0], &labels), std::slice::from_ref(&logits));
        if all_ignored && reduction == Reduction::Mean {
            prop_assert!(checked.unwrap_err().to_string().contains("every label is ignored"));
        } else {
            prop_assert!(checked.is_ok(), "{checked:?}");
        }
        let target = logits.mapv(|x| x.abs());
        let soft = gradcheck(|x| loss.loss_soft(&x[0], &target), std::slice::from_ref(&logits));
        prop_assert!(soft.is_ok(), "{soft:?}");
    }

    #[test]
    fn gradients_of_losses_of_classes_are_right((logits, labels) in classification(), reduction in reduction()) {
        let weights: Vec<f64> = (0..logits.shape()[1]).map(|k| 0.5 + k as f64).collect();
        let nll = Nll::new().weight(weights).reduction(reduction);
        let checked = gradcheck(|x| nll.loss(&x[0], &labels), std::slice::from_ref(&logits));
        prop_assert!(checked.is_ok(), "{checked:?}");
        // With distinct scores and an odd margin, none lies on the kink.
        let distinct = Array1::from_iter((0..logits.len()).map(|i| (i * 7 % 101) as f64 * 0.05));
        let scores = distinct.into_shape_with_order(logits.raw_dim()).unwrap();
        let margin = MultiMargin::new(1.0123).reduction(reduction);
        let checked = gradcheck(|x| margin.loss(&x[0], &labels), &[scores]);
        prop_assert!(checked.is_ok(), "{checked:?}");
    }

    #[test]
    fn gradients_of_losses_of_numbers_are_right(
        (x, t) in strategies::nonempty_shape().prop_flat_map(|shape| {
            (strategies::array(&shape, 0.1..0.9), strategies::away_from_zero(&shape, -2.0..2.0)).prop_flat_map(|(t, d)| {
                let x = &t + &d;
                (strategies::any_layout(x), Just(t))
            })
        }),
        reduction in reduction(),
    ) {
        type Loss = Box<dyn Fn(&[Var<f64>]) -> Result<Var<f64>>>;
        let losses: Vec<(&str, Loss)> = vec![
            ("mse", Box::new(move |v| Mse::new().reduction(reduction).loss(&v[0], &v[1]))),
            ("l1", Box::new(move |v| L1::new().reduction(reduction).loss(&v[0], &v[1]))),
            ("huber", Box::new(move |v| Huber::new(2.5).reduction(reduction).loss(&v[0], &v[1]))),
            ("smooth_l1", Box::new(move |v| SmoothL1::new(2.5).reduction(reduction).loss(&v[0], &v[1]))),
            ("bce_with_logits", Box::new(move |v| {
                let loss = BceWithLogits::new().pos_weight(arr0(3.0)).weight(arr0(0.5)).reduction(reduction);
                loss.loss(&v[0], &v[1])
            })),
            ("hinge", Box::new(move |v| Hinge::new().squared().reduction(reduction).loss(&v[0], &v[1]))),
            ("kl_div", Box::new(move |v| KlDivergence::new().reduction(reduction).loss(&v[0], &v[1]))),
            ("kl_div batch", Box::new(|v| KlDivergence::new().log_target().batch_mean().loss(&v[0], &v[1]))),
        ];
        for (name, loss) in losses {
            if name == "kl_div batch" && x.ndim() == 0 {
                continue;
            }
            let checked = gradcheck(loss, &[x.clone(), t.clone()]);
            prop_assert!(checked.is_ok(), "{name}: {checked:?}");
        }
    }

    #[test]
    fn fused_cross_entropy_is_log_softmax_and_likelihood((logits, labels) in classification(), smoothing in 0.0..1.0_f64) {
        let tape = Tape::<f64>::recording();
        let x = tape.variable(logits);
        let fused = CrossEntropy::new().loss(&x, &labels).unwrap();
        let unfused = x.log_softmax(1).unwrap().nll(&labels).unwrap();
        assert_close(&**fused.value(), &**unfused.value(), Tolerance::F64, "loss");
        // A label is the distribution that has 1 there; smoothing does the same to both.
        let one_hot = ArrayD::from_shape_fn(x.value().raw_dim(), |index| {
            let mut sample = index.slice().to_vec();
            let class = sample.remove(1);
            f64::from(labels[&sample[..]] == class)
        });
        let loss = CrossEntropy::new().reduction(Reduction::None).label_smoothing(smoothing);
        let (hard, soft) = (loss.loss(&x, &labels).unwrap(), loss.loss_soft(&x, &one_hot).unwrap());
        assert_close(&**hard.value(), &**soft.value(), Tolerance::F64, "smoothed loss");
    }

    #[test]
    fn a_gradient_of_cross_entropy_adds_up_to_zero_over_the_classes((logits, labels) in classification()) {
        let tape = Tape::<f64>::recording();
        let x = tape.variable(logits);
        let gradients = x.cross_entropy(&labels).unwrap().backward().unwrap();
        let sums = gradients.get(&x).unwrap().sum_axis(Axis(1));
        prop_assert!(sums.iter().all(|sum| sum.abs() < 1e-14));
    }

    #[test]
    fn an_embedding_is_a_product_with_one_hot_rows(
        indices in proptest::collection::vec(0..5_usize, 0..7), seed in any::<u64>(),
    ) {
        let layer: Embedding<f64> = Embedding::new(5, 3, &mut rng(seed));
        let one_hot = Array2::from_shape_fn((indices.len(), 5), |(i, k)| f64::from(indices[i] == k));
        let tape = Tape::recording();
        let looked_up = layer.forward(&tape, &Array1::from(indices)).unwrap();
        let product = tape.input(one_hot.clone()).matmul(&tape.parameter(&layer.weight)).unwrap();
        assert_close(&**looked_up.value(), &**product.value(), Tolerance::EXACT, "rows");
        let cotangent: Array2<f64> = init::normal((one_hot.nrows(), 3), 0.0, 1.0, &mut rng(seed));
        let gradients = looked_up.backward_with(cotangent.clone()).unwrap();
        assert_close(&**gradients.get(&layer.weight).unwrap(), &one_hot.t().dot(&cotangent), Tolerance::F64, "gradient");
    }
}

#[test]
fn cross_entropy_is_right_where_its_parts_by_themselves_are_not() {
    let logits = array![[1e4, -1e4, 0.0], [-1e4, 1e4, 1e4]];
    let labels = array![1, 1];
    let tape = Tape::<f64>::recording();
    let x = tape.variable(logits.clone());
    let loss = CrossEntropy::new().reduction(Reduction::Sum).loss(&x, &labels).unwrap();
    assert_eq!(loss.item(), Some(2e4 + 2_f64.ln()));
    let gradients = loss.backward().unwrap();
    assert_eq!(gradients.get(&x).unwrap(), &array![[1.0, -1.0, 0.0], [0.0, -0.5, 0.5]]);

    // The same in single precision.
    let tape = Tape::<f32>::recording();
    let x = tape.variable(logits.mapv(|x| x as f32));
    let gradients = x.cross_entropy(&labels).unwrap().backward().unwrap();
    assert!(gradients.get(&x).unwrap().iter().all(|g| g.is_finite()));

    // Softmax, then logarithm: the probability of label 1 is e^(−20,000), which is 0 in any float, and ln 0 = −∞.
    let tape = Tape::<f64>::recording();
    let x = tape.variable(logits.clone());
    let unfused = x.softmax(1).unwrap().ln().nll(&labels).unwrap();
    assert_eq!(unfused.item(), Some(f64::INFINITY));

    // And without the shift by the maximum not even the softmax is a number: e^10,000 = ∞, and ∞/∞ is none.
    let x = tape.variable(logits);
    let e = x.exp();
    let naive = e.try_div(&e.sum_axes(&[1], true).unwrap()).unwrap();
    assert!(naive.value()[[0, 0]].is_nan());
}

#[test]
fn a_class_that_the_target_rules_out_may_have_a_logit_of_minus_infinity() {
    let tape = Tape::<f64>::recording();
    let x = tape.variable(array![0.0, f64::NEG_INFINITY, 0.0]);
    let loss = x.cross_entropy_soft(&array![0.5, 0.0, 0.5]).unwrap();
    assert_eq!(loss.item(), Some(2_f64.ln()));
    assert_eq!(loss.backward().unwrap().get(&x).unwrap(), &array![0.0, 0.0, 0.0]);
}

#[test]
fn cross_entropy_is_one_entry_and_none_where_nothing_is_recorded() {
    let tape = Tape::<f32>::recording();
    let x = tape.variable(array![[1.0, 2.0]]);
    let before = tape.len();
    let loss = x.cross_entropy(&array![1]).unwrap();
    assert_eq!(tape.len(), before + 1);
    let tape = Tape::<f32>::inference();
    let without = tape.input(array![[1.0, 2.0]]).cross_entropy(&array![1]).unwrap();
    assert!(tape.is_empty());
    assert_eq!(without.item(), loss.item());
}

#[test]
fn a_loss_in_a_sum_gives_its_gradient_its_share() {
    let tape = Tape::<f64>::recording();
    let x = tape.variable(array![[0.0, 0.0]]);
    let loss = x.cross_entropy(&array![1]).unwrap() * 3.0 + x.cross_entropy(&array![0]).unwrap();
    assert_eq!(loss.backward().unwrap().get(&x).unwrap(), &array![[1.0, -1.0]]);
}

#[test]
fn a_clone_is_another_model_in_the_same_memory() {
    let original: Linear<f64> = Linear::new(3, 2, &mut rng(1));
    let mut clone = original.clone();
    assert_eq!(original.weight.value().as_ptr(), clone.weight.value().as_ptr());
    let tape = Tape::recording();
    let x = tape.input(array![1.0, 2.0, 3.0]);
    let gradients = original.forward(&x).unwrap().sum().backward().unwrap();
    assert!(gradients.get(&original.weight).is_some());
    assert!(gradients.get(&clone.weight).is_none());
    clone.weight.value_mut().fill(0.0);
    assert!(original.weight.value().iter().any(|w| *w != 0.0));
}

#[test]
fn models_can_be_sent_and_shared() {
    fn check<T: Send + Sync>() {}
    check::<Linear>();
    check::<Sequential<f64>>();
    check::<Embedding>();
    check::<CrossEntropy>();
    check::<Parameter>();
    check::<gradus_nn_layers::StateDict>();
    check::<Error>();
}

#[test]
fn padding_gets_no_gradient_and_starts_as_zeros() {
    let layer = Embedding::<f64>::new(3, 2, &mut rng(1)).with_padding(0).unwrap();
    assert_eq!(layer.weight.value().index_axis(Axis(0), 0), array![0.0, 0.0].into_dyn());
    let y = layer.forward(&Tape::recording(), &array![0, 1, 0]).unwrap();
    let gradients = y.sum().backward().unwrap();
    assert_eq!(gradients.get(&layer.weight).unwrap(), &array![[0.0, 0.0], [1.0, 1.0], [0.0, 0.0]]);
}

/// What every message says: what was asked, what was found, what would fit.
#[test]
fn messages() {
    let tape = Tape::<f64>::recording();
    let x = |shape: &[usize]| tape.input(ArrayD::zeros(shape));
    let linear: Linear<f64> = Linear::new(4, 2, &mut rng(1));
    let (five, none) = (x(&[8, 5]), x(&[]));
    let logits = x(&[2, 3]);
    let embedding: Embedding<f64> = Embedding::new(3, 2, &mut rng(1));
    let weighted = CrossEntropy::new().weight([1.0, 2.0]);
    let bad_weight = CrossEntropy::new().weight([1.0, -2.0, f64::NAN]);
    let all_ignored = CrossEntropy::new().ignore_index(0).loss(&logits, &array![0, 0]);
    let table = [
        (
            linear.forward(&five),
            "linear: input [8, 5]: its last axis is 5 long; this layer takes 4 features on the last axis, (…, 4); Linear::new(5, …) would take it",
        ),
        (
            linear.forward(&none),
            "linear: input []: it has no axes; this layer takes 4 features on the last axis, (…, 4); a sample of shape [4] would fit",
        ),
        (
            logits.cross_entropy(&array![0, 3]),
            "cross_entropy: label 3 at [1]: there are 3 classes, so labels lie below 3",
        ),
        (
            logits.cross_entropy(&array![[0], [1]]),
            "cross_entropy: logits [2, 3], labels [2, 1]: labels of shape [2] would fit",
        ),
        (
            x(&[0, 3]).cross_entropy(&Array1::zeros(0)),
            "cross_entropy: input of shape [0, 3]: it holds nothing to compute a loss of; give at least one sample",
        ),
        (
            all_ignored,
            "cross_entropy: mean over 2 samples: every label is ignored or of weight 0; keep one that counts, or use the sum",
        ),
        (
            weighted.loss(&logits, &array![0, 1]),
            "cross_entropy: 2 class weights for 3 classes: give one weight for each class",
        ),
        (
            bad_weight.loss(&logits, &array![0, 1]),
            "cross_entropy: weight = -2: class weights are finite and at least 0",
        ),
        (
            CrossEntropy::new().label_smoothing(1.5).loss(&logits, &array![0, 1]),
            "cross_entropy: label_smoothing = 1.5: a share from 0 to 1 would fit",
        ),
        (
            x(&[2, 1]).mse(&x(&[2])),
            "mse: prediction [2, 1], target [2]: the shapes differ; nothing is broadcast in a loss",
        ),
        (logits.huber(&logits, f64::NAN), "huber: delta = NaN: a finite number above 0 would fit"),
        (
            BceWithLogits::new().pos_weight(array![1.0, 2.0]).loss(&logits, &logits),
            "bce_with_logits: [2, 3] and [2] do not broadcast: axes, counted from the last, must be equal or 1",
        ),
        (
            embedding.forward(&tape, &array![[0, 1], [2, 7]]),
            "embedding: index 7 at [1, 1]: the table has 3 rows, so indices lie below 3",
        ),
    ];
    for (result, message) in table {
        assert_eq!(result.unwrap_err().to_string(), message);
    }
    let wrong = Linear::<f64>::from_parts(array![1.0], None).unwrap_err().to_string();
    assert_eq!(wrong, "linear: weight of shape [1]: it has 1 axes; two, (out_features, in_features), would fit");
    let wrong = Linear::<f64>::from_parts(array![[1.0], [2.0]], Some(array![1.0].into())).unwrap_err().to_string();
    assert_eq!(wrong, "linear: bias of shape [1]: the other parameters ask for [2]");
}

/// Scales by a parameter, and takes twice that for its gradient.
#[derive(Module)]
#[module(float = f64)]
struct Wrong {
    factor: Parameter<f64>,
}

impl Layer<f64> for Wrong {
    fn forward(&self, x: &Var<f64>) -> Result<Var<f64>> {
        let factor = x.tape().parameter(&self.factor);
        let y = x.value().mapv(|x| x * self.factor.value()[[]]);
        let (x_value, f) = (x.value().clone(), self.factor.value()[[]]);
        Ok(x.tape().record("wrong", [x, &factor], y, move |dy| {
            let df = 2.0 * (&*dy * &*x_value).sum();
            [dy.mapv(|dy| dy * f).into(), gradus_nn_layers::Value::scalar(df)]
        }))
    }
}

#[test]
fn a_wrong_gradient_of_a_parameter_is_found_and_the_layer_left_as_it_was() {
    let mut layer = Wrong { factor: Parameter::new(3.0) };
    let error = testing::check_layer(&mut layer, &array![1.0, 2.0].into_dyn()).unwrap_err();
    assert!(error.to_string().starts_with("gradcheck: factor at []: backward says "), "{error}");
    assert_eq!(layer.factor.value()[[]], 3.0);
}
