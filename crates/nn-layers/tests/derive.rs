//! `#[derive(Module)]` on everything that a model is made of.

use gradus_nn_layers::ndarray::array;
use gradus_nn_layers::{
    Apply, Buffer, Layer, Linear, Module, Parameter, Real, Relu, Result, Sequential, Tape, Var, sequential,
};
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::marker::PhantomData;

fn names<F: Real>(module: &(impl Module<F> + ?Sized)) -> Vec<String> {
    let mut names = Vec::new();
    module.visit(&mut |name, _| names.push(name.to_owned()));
    names
}

fn linear<F: Real>(features: usize) -> Linear<F> {
    Linear::without_bias(features, features, &mut StdRng::seed_from_u64(1))
}

#[derive(Debug, Clone, Module)]
struct Net<F: Real = f32> {
    first: Linear<F>,
    #[module(rename = "body")]
    blocks: Vec<Residual<Linear<F>, F>>,
    pair: (Parameter<F>, Option<Linear<F>>),
    heads: [Linear<F>; 2],
    mean: Buffer<F>,
    r#type: Parameter<F>,
    dropout: f64,
    #[module(skip)]
    _ignored: std::time::Duration,
}

#[derive(Debug, Clone, Module)]
struct Residual<L, F: Real> {
    inner: L,
    number: PhantomData<F>,
}

fn net<F: Real>() -> Net<F> {
    let residual = || Residual { inner: linear(2), number: PhantomData };
    Net {
        first: linear(2),
        blocks: vec![residual(), residual()],
        pair: (Parameter::new(F::one()), None),
        heads: [linear(2), linear(2)],
        mean: Buffer::new(F::zero()),
        r#type: Parameter::new(F::one()),
        dropout: 0.5,
        _ignored: std::time::Duration::ZERO,
    }
}

#[test]
fn names_are_paths_through_the_fields() {
    let expected = [
        "first.weight",
        "body.0.inner.weight",
        "body.1.inner.weight",
        "pair.0",
        "heads.0.weight",
        "heads.1.weight",
        "mean",
        "type",
    ];
    assert_eq!(names::<f32>(&net::<f32>()), expected);
    assert_eq!(names::<f64>(&net::<f64>()), expected);
    assert_eq!(net::<f32>().dropout, 0.5);
    let buffers: Vec<_> = net::<f32>().buffers().into_iter().map(|(name, _)| name).collect();
    assert_eq!(buffers, ["mean"]);
    let mut with_option = net::<f32>();
    with_option.pair.1 = Some(linear(2));
    assert_eq!(names::<f32>(&with_option)[4], "pair.1.weight");
}

#[test]
fn walking_to_change_meets_the_same_in_the_same_order() {
    let mut net = net::<f32>();
    let seen = names::<f32>(&net);
    let mut seen_mut = Vec::new();
    net.visit_mut(&mut |name, _| seen_mut.push(name.to_owned()));
    assert_eq!(seen, seen_mut);
    net.set_trainable(false, &|name| name.starts_with("body."));
    let frozen: Vec<_> =
        net.parameters().into_iter().filter(|(_, p)| !p.is_trainable()).map(|(name, _)| name).collect();
    assert_eq!(frozen, ["body.0.inner.weight", "body.1.inner.weight"]);
}

#[derive(Module)]
struct Pair(Linear, Option<Parameter>);

#[derive(Module)]
struct Nothing;

#[derive(Module)]
struct Boxed {
    layers: Vec<Box<dyn Layer>>,
    last: Option<Box<dyn Layer>>,
    nested: Box<Pair>,
}

#[test]
fn tuple_structs_unit_structs_and_boxes() {
    let pair = || Pair(linear(2), Some(array![1.0].into()));
    assert_eq!(names(&pair()), ["0.weight", "1"]);
    assert_eq!(names(&Nothing), [""; 0]);
    let boxed = Boxed {
        layers: vec![Box::new(linear(2)), Box::new(Relu), Box::new(sequential![linear::<f32>(2)])],
        last: Some(Box::new(linear(1))),
        nested: Box::new(pair()),
    };
    assert_eq!(names(&boxed), ["layers.0.weight", "layers.2.0.weight", "last.weight", "nested.0.weight", "nested.1"]);
    let object: &dyn Module = &boxed;
    assert_eq!(names(object), names(&boxed));
    assert_eq!(object.count_parameters(), 4 + 4 + 1 + 4 + 1);
}

/// A type parameter that no walked field is made of need not be a module.
#[derive(Module)]
#[module(float = f64)]
struct Activated<L, A> {
    layer: L,
    #[module(skip)]
    activation: A,
}

impl<L: Layer<f64>, A: Fn(&Var<f64>) -> Var<f64> + Send + Sync> Layer<f64> for Activated<L, A> {
    fn forward(&self, x: &Var<f64>) -> Result<Var<f64>> {
        Ok((self.activation)(&self.layer.forward(x)?))
    }
}

#[test]
fn a_layer_over_a_layer_and_a_function() {
    let model = Activated { layer: linear::<f64>(2), activation: |x: &Var<f64>| x.square() };
    assert_eq!(names(&model), ["layer.weight"]);
    let y = model.forward(&Tape::inference().input(array![1.0, 0.0])).unwrap();
    assert!(y.value().iter().all(|y| *y >= 0.0));
}

#[test]
fn sequential_names_layers_by_place_or_as_told() {
    let model: Sequential = sequential![
        linear(2),
        Relu,
        "fc1" => linear(2),
        Apply::new(|x: &Var| Ok(x * 2.0)),
        "inner" => sequential![linear::<f32>(2), "last" => linear(2)],
    ];
    assert_eq!(names(&model), ["0.weight", "fc1.weight", "inner.0.weight", "inner.last.weight"]);
    assert_eq!(model.len(), 5);
    assert!(sequential![Relu].push(linear::<f64>(1)).iter().map(|(name, _)| name.to_owned()).eq(["0", "1"]));
    assert_eq!(format!("{model:?}").matches("weight [2, 2]").count(), 4);
    let empty: Sequential = sequential![];
    let x = Tape::inference().input(array![1.0, -1.0]);
    assert!(empty.is_empty());
    assert_eq!(empty.forward(&x).unwrap().value(), x.value());
}

#[test]
#[should_panic(expected = "sequential: layer name \"1\": it is taken")]
fn a_name_in_a_sequential_is_given_once() {
    let _ = Sequential::<f32>::new().push_named("1", Relu).push(Relu);
}

/// One of several kinds of block.
#[derive(Module)]
enum Block<F: Real = f32> {
    Plain(Linear<F>, Parameter<F>),
    Gated {
        value: Linear<F>,
        #[module(rename = "gate_proj")]
        gate: Linear<F>,
        #[module(skip)]
        _ignored: std::time::Duration,
    },
    Boxed(Box<dyn Layer<F>>),
    Nothing,
}

#[test]
fn of_an_enum_the_fields_of_the_variant_at_hand_are_walked() {
    let plain: Block<f64> = Block::Plain(linear(2), array![1.0].into());
    assert_eq!(names(&plain), ["0.weight", "1"]);
    let gated: Block = Block::Gated { value: linear(2), gate: linear(1), _ignored: std::time::Duration::ZERO };
    assert_eq!(names(&gated), ["value.weight", "gate_proj.weight"]);
    assert_eq!(names::<f32>(&Block::Nothing), [""; 0]);
    let mut blocks = vec![gated, Block::Boxed(Box::new(sequential![Relu, linear::<f32>(2)])), Block::Nothing];
    let expected = ["0.value.weight", "0.gate_proj.weight", "1.0.1.weight"];
    assert_eq!(names(&blocks), expected);
    let mut seen = Vec::new();
    blocks.visit_mut(&mut |name, _| seen.push(name.to_owned()));
    assert_eq!(seen, expected);
}

#[derive(Module)]
#[module(float = f64)]
enum Never {}

#[derive(Module)]
struct Bounded<const N: usize, L, F = f32>
where
    L: Layer<F> + Clone,
    F: Real,
{
    stages: [Vec<L>; N],
    never: Option<Box<dyn Layer<F>>>,
    #[module(skip)]
    name: &'static str,
}

#[derive(Module)]
struct Impossible {
    #[module(skip)]
    _never: Option<Never>,
    weight: Parameter,
}

#[test]
fn generics_with_bounds_constants_and_where_clauses() {
    let stages = [vec![linear::<f64>(2)], vec![], vec![linear(1), linear(1)]];
    let bounded = Bounded { stages, never: None, name: "trunk" };
    assert_eq!(names(&bounded), ["stages.0.0.weight", "stages.2.0.weight", "stages.2.1.weight"]);
    assert_eq!(bounded.name, "trunk");
    assert_eq!(names(&Impossible { _never: None, weight: array![1.0].into() }), ["weight"]);
}
