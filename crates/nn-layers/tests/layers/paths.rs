//! An error of a layer deep inside a model says which layer it is, by its name in the state dict, what it is, what it was given
//! and takes, and what would help.

use super::rng;
use gradus_nn_layers::ndarray::ArrayD;
use gradus_nn_layers::{
    Apply, Attention, Error, Flatten, GroupNorm, Layer, LayerNorm, Linear, Module, Parallel, Real, Relu, Residual,
    Result, Sequential, Tape, TransformerBlock, Var, sequential, summary,
};
use gradus_testing::refuses;

fn linear<F: Real>(inputs: usize, outputs: usize) -> Linear<F> {
    Linear::new(inputs, outputs, &mut rng(1))
}

/// A model of one's own, whose forward pass names its parts.
#[derive(Module)]
struct Classifier<F: Real = f32> {
    encoder: Sequential<F>,
    blocks: Vec<Linear<F>>,
    #[module(rename = "classifier")]
    head: Linear<F>,
}

impl<F: Real> Layer<F> for Classifier<F> {
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        let mut x = self.encoder.forward_at("encoder", x)?;
        for (i, block) in self.blocks.iter().enumerate() {
            x = block.forward_at(&format!("blocks.{i}"), &x)?;
        }
        self.head.forward_at("classifier", &x)
    }
}

/// The same, with widths to choose.
fn classifier<F: Real>(inner: usize, block: usize, head: usize) -> Classifier<F> {
    let body: Sequential<F> = sequential![linear(6, 8), Relu, "fc1" => linear(inner, 6)];
    Classifier {
        encoder: sequential![Flatten, Relu, Residual::new(body)],
        blocks: vec![linear(6, 6), linear(block, 6)],
        head: linear(head, 2),
    }
}

fn run<F: Real>(layer: &dyn Layer<F>, shape: &[usize]) -> Result<Var<F>> {
    layer.forward(&Tape::recording().input(ArrayD::zeros(shape)))
}

#[test]
fn a_deep_layer_is_named_as_in_the_state_dict() {
    let model = classifier::<f32>(784, 6, 6);
    refuses!(
        run(&model, &[5, 2, 3]),
        Error::InLayer { .. },
        @"layer `encoder.2.body.fc1`: linear: input [5, 8]: its last axis is 8 long; this layer takes 784 features on the last axis, (…, 784); Linear::new(8, …) would take it"
    );
    refuses!(
        run(&classifier::<f64>(8, 7, 6), &[5, 2, 3]),
        Error::InLayer { .. },
        @"layer `blocks.1`: linear: input [5, 6]: its last axis is 6 long; this layer takes 7 features on the last axis, (…, 7); Linear::new(6, …) would take it"
    );
    refuses!(
        run(&classifier::<f32>(8, 6, 5), &[5, 6]),
        Error::InLayer { .. },
        @"layer `classifier`: linear: input [5, 6]: its last axis is 6 long; this layer takes 5 features on the last axis, (…, 5); transpose the input, to [6, 5]?"
    );

    // The path leads to the parameters; the layer's own error, with its values, is the source and the innermost.
    let Err(error) = run(&model, &[5, 2, 3]) else { panic!("it was not refused") };
    let Error::InLayer { path, kind, input, source } = &error else { panic!("{error:?}") };
    assert!(model.parameter(&format!("{path}.weight")).is_ok());
    assert_eq!((*kind, input.as_slice()), ("Linear", &[5, 8][..]));
    assert!(matches!(**source, Error::Features { layer: "linear", expected: 784, .. }));
    assert!(matches!(error.innermost(), Error::Features { input, .. } if *input == [5, 8]));
    let source = std::error::Error::source(&error).expect("it has one").to_string();
    assert!(error.to_string().ends_with(&source));

    // Without data, too, and where the layer is behind a box and an option.
    let deep: Box<dyn Layer> = Box::new(Some(model));
    let dry = summary(&Sequential::new().push(deep), &[5, 2, 3]).unwrap_err().to_string();
    assert!(dry.starts_with("layer `0.encoder.2.body.fc1`: linear: input [5, 8]: "), "{dry}");
}

#[test]
fn every_block_names_its_parts() {
    let side_by_side = || Parallel::<f32>::sum().push(Relu).push_named("wide", linear(4, 3));
    refuses!(
        run(&sequential!["mix" => side_by_side()] as &Sequential, &[2, 3]),
        Error::InLayer { .. },
        @"layer `mix.wide`: linear: input [2, 3]: its last axis is 3 long; this layer takes 4 features on the last axis, (…, 4); Linear::new(3, …) would take it"
    );
    refuses!(
        run(&sequential!["mix" => side_by_side()] as &Sequential, &[2, 4]),
        Error::InLayer { .. },
        @"layer `mix`: parallel: shapes [2, 4] and [2, 3]: branches that are added must end in the same shape; Parallel::concatenate needs only the other axes alike"
    );
    let residual = Residual::with_shortcut(linear::<f32>(4, 3), linear::<f32>(5, 3));
    refuses!(
        run(&sequential![residual] as &Sequential, &[1, 4, 1]),
        Error::InLayer { .. },
        @"layer `0.shortcut`: linear: input [1, 4, 1]: its last axis is 1 long; this layer takes 5 features on the last axis, (…, 5); Linear::new(1, …) would take it"
    );
    refuses!(
        run(&sequential![Residual::new(linear::<f32>(4, 3))] as &Sequential, &[2, 4]),
        Error::InLayer { .. },
        @"layer `0`: residual: shapes [2, 4] and [2, 3]: the shortcut and the body must end in the same shape; give a shortcut that projects"
    );

    // Each part of a transformer's block, given a wrong shape by the one before it.
    let block = || TransformerBlock::<f32>::new(4, 2, 8, &mut rng(1)).unwrap();
    let path = |block: TransformerBlock<f32>| match run(&sequential!["h" => block] as &Sequential, &[2, 3, 4]) {
        Err(Error::InLayer { path, .. }) => path,
        other => panic!("{:?}", other.map(|y| y.shape().to_vec())),
    };
    assert_eq!(path(TransformerBlock { norm1: LayerNorm::new(5), ..block() }), "h.norm1");
    assert_eq!(path(TransformerBlock { norm2: LayerNorm::new(5), ..block() }), "h.norm2");
    assert_eq!(path(TransformerBlock { linear1: linear(5, 8), ..block() }), "h.linear1");
    assert_eq!(path(TransformerBlock { linear2: linear(5, 4), ..block() }), "h.linear2");
    let wrong = TransformerBlock::new(6, 2, 8, &mut rng(1)).unwrap().self_attn;
    assert_eq!(path(TransformerBlock { self_attn: wrong, ..block() }), "h.self_attn");
    let mut wrong = block();
    wrong.self_attn.out_proj = linear(5, 4);
    assert_eq!(path(wrong), "h.self_attn.out_proj");
    refuses!(
        block().forward_masked(&Tape::recording().input(ArrayD::zeros(vec![2, 4, 3])), &Attention::new()),
        Error::InLayer { .. },
        @"layer `norm1`: layer_norm: input [2, 4, 3]: this layer normalizes over [4]; the last axes should be these; its axis 1 is 4 long: permute the axes so that it comes last?"
    );
}

#[test]
fn what_the_message_of_the_layer_lacks_is_added() {
    let product = Apply::new(|x: &Var| Ok(x.permute(&[1, 0])?.matmul(&x.permute(&[1, 0])?)?));
    refuses!(
        run(&sequential![Relu, "square" => product] as &Sequential, &[2, 3]),
        Error::InLayer { .. },
        @"layer `square` (Apply), given [2, 3]: matmul: [3, 2] · [3, 2]: inner dimensions differ (2 and 3); transpose the right-hand side?"
    );
    let images = sequential!["norm" => GroupNorm::<f32>::new(2, 6).unwrap()];
    refuses!(
        run(&images as &Sequential, &[2, 8, 8, 6]),
        Error::InLayer { .. },
        @"layer `norm`: group_norm: input [2, 8, 8, 6]: this layer takes 6 channels on the second axis, and at least 2 axes; its axis 3 is 6 long: permute the axes so that it comes second?"
    );
    let error = run(&sequential![linear::<f32>(784, 10)] as &Sequential, &[32, 1, 28, 28]).unwrap_err().to_string();
    assert_eq!(
        error,
        "layer `0`: linear: input [32, 1, 28, 28]: its last axis is 28 long; this layer takes 784 features on the last axis, (…, 784); a Flatten before it makes [32, 784] of it"
    );
    // Another crate's error is found in a model as outside of one.
    let error = run(&sequential![Flatten] as &Sequential, &[]).unwrap_err();
    assert!(error.source_as::<gradus_autograd::Error>().is_some(), "{error:?}");
}
