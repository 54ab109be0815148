//! What PyTorch computes, family by family.

use gradus_nn_layers::init::{self, Fan, Fans, Nonlinearity};
use gradus_nn_layers::ndarray::{Array1, ArrayD, Axis, Ix1};
use gradus_nn_layers::{
    Attention, GroupNorm, InstanceNorm, LayerNorm, Module, MultiheadAttention, RmsNorm, scaled_dot_product_attention,
};
use gradus_nn_layers::{
    Bce, BceWithLogits, CrossEntropy, Embedding, Hinge, Huber, KlDivergence, L1, Layer, Linear, Mse, MultiMargin, Nll,
    Parameter, Real, Reduction, SmoothL1, StateDict, Tape, Value, Var,
};
use gradus_testing::golden::{self, Case};
use gradus_testing::{Float, Tolerance, close, close_scalar};
use rand::SeedableRng;
use rand::rngs::StdRng;

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[test]
fn linear() {
    golden::check("linear", &[], |case| {
        linear_case::<f64>(case)?;
        linear_case::<f32>(case)
    });
}

fn linear_case<F: Real + Float>(case: &Case) -> Outcome {
    let tape = Tape::<F>::recording();
    let weight: Parameter<F> = case.input_as("weight").into();
    match case.op.as_str() {
        "linear" => {
            let bias = case.try_input_as::<F>("bias").map(Parameter::from);
            let layer = Linear::from_parts(weight, bias)?;
            assert_eq!(layer.in_features(), case.usize("in_features"));
            assert_eq!(layer.out_features(), case.usize("out_features"));
            let x = tape.variable(case.input_as::<F>("x"));
            let y = layer.forward(&x)?;
            close(&**y.value(), &case.output("y"), F::TOLERANCE, "y")?;
            let gradients = y.backward_with(case.cotangent_as::<F>("y"))?;
            gradient(case, "x", gradients.get(&x))?;
            gradient(case, "weight", gradients.get(&layer.weight))?;
            match &layer.bias {
                Some(bias) => gradient(case, "bias", gradients.get(bias)),
                None => Ok(()),
            }
        }
        "embedding" => {
            let mut layer = Embedding::from_parts(weight)?;
            let rows = case.usize("num_embeddings") as isize;
            layer.padding_idx = case.try_isize("padding_idx").map(|row| row.rem_euclid(rows) as usize);
            let y = layer.forward(&tape, &case.classes("index"))?;
            close(&**y.value(), &case.output("y"), F::TOLERANCE, "y")?;
            let gradients = y.backward_with(case.cotangent_as::<F>("y"))?;
            gradient(case, "weight", gradients.get(&layer.weight))
        }
        _ => case.unknown(),
    }
}

fn gradient<F: Real + Float>(case: &Case, input: &str, got: Option<&Value<F>>) -> Outcome {
    let Some(expected) = case.grad(input) else { return Ok(()) };
    let got = got.ok_or_else(|| format!("no gradient of {input}"))?;
    Ok(close(&**got, &expected, F::TOLERANCE.at_scale(1.0), &format!("gradient of {input}"))?)
}

#[test]
fn losses() {
    golden::check("losses", &[], |case| {
        loss_case::<f64>(case)?;
        loss_case::<f32>(case)
    });
}

fn loss_case<F: Real + Float>(case: &Case) -> Outcome {
    let reduction = match case.str("reduction") {
        "none" => Reduction::None,
        "sum" => Reduction::Sum,
        _ => Reduction::Mean,
    };
    let tape = Tape::<F>::recording();
    let x = tape.variable(case.input_as::<F>("x"));
    // Class numbers have no gradient; PyTorch's -100, which is no class, is here the largest number.
    let labels = || case.ints("target").mapv(|label| usize::try_from(label).unwrap_or(usize::MAX));
    let ignored = case.try_isize("ignore_index").map(|label| usize::try_from(label).unwrap_or(usize::MAX));
    let class_weights: Option<Vec<f64>> = case.try_input("weight").map(|w| w.iter().copied().collect());
    if case.kind("target") == "i64" {
        let y = match case.op.as_str() {
            "cross_entropy" => {
                let loss = with(CrossEntropy::new(), class_weights, CrossEntropy::weight);
                let loss = with(loss, ignored, CrossEntropy::ignore_index);
                let loss = with(loss, case.try_f64("label_smoothing"), CrossEntropy::label_smoothing);
                loss.reduction(reduction).loss(&x, &labels())?
            }
            "nll_loss" => {
                let loss = with(with(Nll::new(), class_weights, Nll::weight), ignored, Nll::ignore_index);
                loss.reduction(reduction).loss(&x, &labels())?
            }
            "multi_margin_loss" => {
                assert_eq!(case.usize("p"), 1);
                MultiMargin::new(case.f64("margin")).reduction(reduction).loss(&x, &labels())?
            }
            _ => return case.unknown(),
        };
        return loss_agrees(case, &x, None, &y);
    }
    let target = tape.variable(case.input_as::<F>("target"));
    let y = match case.op.as_str() {
        "cross_entropy" => {
            let loss = with(CrossEntropy::new(), class_weights, CrossEntropy::weight);
            let loss = with(loss, case.try_f64("label_smoothing"), CrossEntropy::label_smoothing);
            loss.reduction(reduction).loss_soft(&x, &case.input_as::<F>("target"))?
        }
        "mse_loss" => Mse::new().reduction(reduction).loss(&x, &target)?,
        "l1_loss" => L1::new().reduction(reduction).loss(&x, &target)?,
        "smooth_l1_loss" => SmoothL1::new(case.f64("beta")).reduction(reduction).loss(&x, &target)?,
        "huber_loss" => Huber::new(case.f64("delta")).reduction(reduction).loss(&x, &target)?,
        "bce_with_logits" => {
            let loss = with(BceWithLogits::new(), case.try_input("weight"), BceWithLogits::weight);
            let loss = with(loss, case.try_input("pos_weight"), BceWithLogits::pos_weight);
            loss.reduction(reduction).loss(&x, &target)?
        }
        "bce_loss" => Bce::new().reduction(reduction).loss(&x, &target)?,
        "hinge_loss" => {
            let loss = if case.usize("power") == 2 { Hinge::new().squared() } else { Hinge::new() };
            loss.reduction(reduction).loss(&x, &target)?
        }
        "kl_div" => {
            let loss = if case.bool("log_target") { KlDivergence::new().log_target() } else { KlDivergence::new() };
            let loss = if case.str("reduction") == "batchmean" { loss.batch_mean() } else { loss };
            loss.reduction(reduction).loss(&x, &target)?
        }
        _ => return case.unknown(),
    };
    loss_agrees(case, &x, Some(&target), &y)
}

/// The option, if the case gives it.
fn with<L, V>(loss: L, value: Option<V>, option: impl Fn(L, V) -> L) -> L {
    match value {
        Some(value) => option(loss, value),
        None => loss,
    }
}

fn loss_agrees<F: Real + Float>(case: &Case, x: &Var<F>, target: Option<&Var<F>>, y: &Var<F>) -> Outcome {
    close(&**y.value(), &case.output("y"), F::TOLERANCE, "y")?;
    let gradients = y.backward_with(case.cotangent_as::<F>("y"))?;
    gradient(case, "x", gradients.get(x))?;
    match target {
        Some(target) => gradient(case, "target", gradients.get(target)),
        None => Ok(()),
    }
}

#[test]
fn init() {
    golden::check("init", &[], |case| {
        let number = |name: &str| case.output(name).first().copied().unwrap_or(f64::NAN);
        let nonlinearity = |slope: Option<f64>| match case.str("nonlinearity") {
            "linear" | "conv2d" => Nonlinearity::Linear,
            "sigmoid" => Nonlinearity::Sigmoid,
            "tanh" => Nonlinearity::Tanh,
            "relu" => Nonlinearity::Relu,
            "leaky_relu" => Nonlinearity::LeakyRelu { slope: slope.unwrap_or(0.01) },
            "selu" => Nonlinearity::Selu,
            other => panic!("no gain of {other}"),
        };
        let (std, bound) = match case.op.as_str() {
            "gain" => {
                let gain = nonlinearity(case.try_f64("param")).gain();
                return Ok(close_scalar(gain, number("gain"), Tolerance::F64, "gain")?);
            }
            "xavier" => {
                let (shape, gain) = (case.usizes("shape"), case.f64("gain"));
                (init::xavier_std(&shape, gain)?, init::xavier_bound(&shape, gain)?)
            }
            "kaiming" => {
                let shape = case.usizes("shape");
                let fan = if case.str("mode") == "fan_in" { Fan::In } else { Fan::Out };
                let nonlinearity = nonlinearity(case.try_f64("a"));
                (init::kaiming_std(&shape, fan, nonlinearity)?, init::kaiming_bound(&shape, fan, nonlinearity)?)
            }
            _ => return case.unknown(),
        };
        let Fans { fan_in, fan_out } = init::fans(&case.usizes("shape"))?;
        assert_eq!((fan_in as f64, fan_out as f64), (number("fan_in"), number("fan_out")));
        close_scalar(std, number("std"), Tolerance::F64, "std")?;
        Ok(close_scalar(bound, number("bound"), Tolerance::F64, "bound")?)
    });
}

/// A `state_dict` that PyTorch has saved has its names and shapes, and becomes a layer.
#[test]
fn state_dicts_of_pytorch() {
    for name in ["model_cnn_state_dict", "model_lstm_state_dict"] {
        let dict = StateDict::<f32>::load(golden::path(&format!("{name}.safetensors"))).unwrap();
        let expected = golden::state_dict(name);
        assert!(dict.names().eq(expected.keys()), "{dict:?}");
        for (name, array) in dict.iter() {
            close(&**array, &expected[name], Tolerance::EXACT, name).unwrap();
        }
        // Written and read again, it is the same; also by way of another float type.
        let again = StateDict::<f32>::from_bytes(&dict.to_bytes().unwrap()).unwrap();
        let wide = StateDict::<f64>::from_bytes(&dict.to_bytes().unwrap()).unwrap();
        let narrow = StateDict::<f32>::from_bytes(&wide.to_bytes().unwrap()).unwrap();
        for (name, array) in dict.iter() {
            assert_eq!(again.get(name), Some(array));
            assert_eq!(narrow.get(name), Some(array));
        }
    }
    let dict = StateDict::<f32>::load(golden::path("model_cnn_state_dict.safetensors")).unwrap();
    let layer = Linear::from_parts(array(&dict, "fc2.weight"), Some(array(&dict, "fc2.bias").into())).unwrap();
    let ones: Array1<f32> = init::ones(layer.in_features());
    let y = layer.forward(&Tape::inference().input(ones)).unwrap();
    let sums = array(&dict, "fc2.weight").sum_axis(Axis(1)) + &array(&dict, "fc2.bias");
    close(
        &y.value().view().into_dimensionality::<Ix1>().unwrap(),
        &sums.into_dimensionality::<Ix1>().unwrap(),
        Tolerance::F32,
        "y",
    )
    .unwrap();
}

fn array(dict: &StateDict<f32>, name: &str) -> ArrayD<f32> {
    dict.get(name).expect("the published model has it").clone().into_array()
}

#[test]
fn norm() {
    let ops = ["layer_norm", "rms_norm", "group_norm", "instance_norm"];
    golden::check_only("norm", &ops, &[], |case| {
        norm_case::<f64>(case)?;
        norm_case::<f32>(case)
    });
}

fn norm_case<F: Real + Float>(case: &Case) -> Outcome {
    let (weight, bias) = (parameter::<F>(case, "weight"), parameter::<F>(case, "bias"));
    let x = Tape::<F>::recording().variable(case.input_as::<F>("x"));
    let (channels, eps) = (x.shape()[1], case.f64("eps"));
    let parameters: Vec<_> = [("weight", &weight), ("bias", &bias)].into_iter().filter(|(_, p)| p.is_some()).collect();
    let layer: Box<dyn Layer<F>> = match case.op.as_str() {
        "layer_norm" => {
            let shape = case.usizes("normalized_shape");
            Box::new(LayerNorm { weight: weight.clone(), bias: bias.clone(), ..LayerNorm::new(shape) }.eps(eps))
        }
        "rms_norm" => {
            let shape = case.usizes("normalized_shape");
            Box::new(RmsNorm { weight: weight.clone(), ..RmsNorm::new(shape) }.eps(eps))
        }
        "group_norm" => {
            let layer = GroupNorm::new(case.usize("num_groups"), channels)?;
            Box::new(GroupNorm { weight: weight.clone(), bias: bias.clone(), ..layer }.eps(eps))
        }
        "instance_norm" => {
            let layer = InstanceNorm::new(channels);
            Box::new(InstanceNorm { weight: weight.clone(), bias: bias.clone(), ..layer }.eps(eps))
        }
        _ => return case.unknown(),
    };
    let y = layer.forward(&x)?;
    close(&**y.value(), &case.output("y"), F::TOLERANCE, "y")?;
    let gradients = y.backward_with(case.cotangent_as::<F>("y"))?;
    gradient(case, "x", gradients.get(&x))?;
    assert_eq!(layer.parameters().len(), parameters.len());
    for (name, parameter) in layer.parameters() {
        gradient(case, &name, gradients.get(parameter))?;
    }
    Ok(())
}

fn parameter<F: Real + Float>(case: &Case, name: &str) -> Option<Parameter<F>> {
    case.try_input_as::<F>(name).map(Parameter::from)
}

#[test]
fn attention() {
    golden::check("attention", &[], |case| match case.op.as_str() {
        "sdpa" => {
            sdpa_case::<f64>(case)?;
            sdpa_case::<f32>(case)
        }
        "multihead_attention" => {
            multihead_case::<f64>(case)?;
            multihead_case::<f32>(case)
        }
        _ => case.unknown(),
    });
}

fn sdpa_case<F: Real + Float>(case: &Case) -> Outcome {
    let tape = Tape::<F>::recording();
    let [q, k, v] = ["q", "k", "v"].map(|name| tape.variable(case.input_as::<F>(name)));
    let options = with(Attention::new(), case.try_f64("scale"), Attention::scale);
    let options = if case.bool("is_causal") { options.causal() } else { options };
    let options = match case.has_input("mask").then(|| case.kind("mask")) {
        Some("BOOL") => options.mask(case.bools("mask")),
        Some(_) => options.additive_mask(case.input_as::<F>("mask")),
        None => options,
    };
    let y = scaled_dot_product_attention(&q, &k, &v, &options)?;
    close(&**y.value(), &case.output("y"), F::TOLERANCE, "y")?;
    let gradients = y.backward_with(case.cotangent_as::<F>("y"))?;
    gradient(case, "q", gradients.get(&q))?;
    gradient(case, "k", gradients.get(&k))?;
    gradient(case, "v", gradients.get(&v))
}

fn multihead_case<F: Real + Float>(case: &Case) -> Outcome {
    let (embed_dim, num_heads) = (case.usize("embed_dim"), case.usize("num_heads"));
    let rng = &mut StdRng::seed_from_u64(1);
    let mut layer = match case.try_usize("kdim") {
        Some(kdim) => MultiheadAttention::<F>::with_widths(embed_dim, num_heads, kdim, case.usize("vdim"), rng)?,
        None => MultiheadAttention::new(embed_dim, num_heads, rng)?,
    };
    layer = if case.bool("bias") { layer } else { layer.without_bias() };
    // The parameters have PyTorch's names and shapes: a state dict of the case's inputs loads as it is.
    let names: Vec<String> = layer.parameters().into_iter().map(|(name, _)| name).collect();
    let mut dict = StateDict::new();
    for name in &names {
        dict.insert(name, case.input_as::<F>(name));
    }
    layer.load_state_dict(&dict)?;

    let tape = Tape::<F>::recording();
    let query = tape.variable(case.input_as::<F>("query"));
    let mut options = Attention::new();
    if case.has_input("attn_mask") {
        options = options.mask(case.bools("attn_mask").mapv(|hidden| !hidden));
    }
    if case.has_input("key_padding_mask") {
        options = options.key_padding_mask(case.bools("key_padding_mask"));
    }
    let other = |name: &str| case.try_input_as::<F>(name).map(|x| tape.variable(x));
    let (key, value) = (other("key"), other("value"));
    let attend = |options: &Attention<F>| match (&key, &value) {
        (Some(key), Some(value)) => layer.cross_attention(&query, key, value, options),
        _ => layer.self_attention(&query, options),
    };
    assert!(attend(&options)?.1.is_none());
    let (y, weights) = attend(&options.need_weights())?;
    close(&**y.value(), &case.output("y"), F::TOLERANCE, "y")?;
    close(&**weights.ok_or("no weights")?.value(), &case.output("attention"), F::TOLERANCE, "attention")?;
    let gradients = y.backward_with(case.cotangent_as::<F>("y"))?;
    gradient(case, "query", gradients.get(&query))?;
    for (name, input) in [("key", &key), ("value", &value)] {
        if let Some(input) = input {
            gradient(case, name, gradients.get(input))?;
        }
    }
    for (name, parameter) in layer.parameters() {
        gradient(case, &name, gradients.get(parameter))?;
    }
    Ok(())
}
