//! Finding, changing, freezing and counting a model's parameters by name.

use gradus_nn_layers::ndarray::array;
use gradus_nn_layers::{Buffer, Linear, Module, Parameter, Real, Relu, Sequential, Tape, sequential};
use rand::SeedableRng;
use rand::rngs::StdRng;

#[derive(Module)]
struct Model<F: Real = f32> {
    encoder: Sequential<F>,
    mean: Buffer<F>,
    head: Option<Linear<F>>,
}

fn model<F: Real>() -> Model<F> {
    let mut rng = StdRng::seed_from_u64(1);
    Model {
        encoder: sequential![Linear::new(3, 2, &mut rng), Relu, Linear::new(2, 2, &mut rng)],
        mean: array![F::zero(), F::one()].into(),
        head: None,
    }
}

fn frozen(model: &Model) -> Vec<String> {
    model.parameters().into_iter().filter(|(_, p)| !p.is_trainable()).map(|(name, _)| name).collect()
}

#[test]
fn patterns_freeze_and_thaw() {
    let mut model: Model = model();
    assert_eq!(model.freeze("encoder.*.weight").unwrap(), 2);
    assert_eq!(frozen(&model), ["encoder.0.weight", "encoder.2.weight"]);
    assert_eq!(model.unfreeze("**.2.*").unwrap(), 2);
    assert_eq!(frozen(&model), ["encoder.0.weight"]);
    let tape = Tape::recording();
    let x = tape.input(array![[1.0, 2.0, 3.0]]);
    let gradients = gradus_nn_layers::Layer::forward(&model.encoder, &x).unwrap().sum().backward().unwrap();
    assert!(gradients.get(model.parameter("encoder.0.weight").unwrap()).is_none());
    assert!(gradients.get(model.parameter("encoder.2.weight").unwrap()).is_some());
}

#[test]
fn counts_are_of_numbers_and_keep_buffers_apart() {
    let mut model: Model<f64> = model();
    assert_eq!((model.count_parameters(), model.count_trainable(), model.count_buffers()), (14, 14, 2));
    model.freeze("encoder.0.*").unwrap();
    assert_eq!((model.count_parameters(), model.count_trainable(), model.count_buffers()), (14, 6, 2));
    let nothing: &dyn Module = &Relu;
    assert_eq!((nothing.count_parameters(), nothing.count_trainable(), nothing.count_buffers()), (0, 0, 0));
}

#[test]
fn one_parameter_is_found_by_its_name() {
    let model: Model = model();
    assert_eq!(model.parameter("encoder.2.weight").unwrap().shape(), [2, 2]);
    let error = model.parameter("mean").unwrap_err().to_string(); // a buffer
    assert_eq!(
        error,
        "parameter: `mean`: no parameter is called so; there are `encoder.0.weight`, `encoder.0.bias`, `encoder.2.weight`, `encoder.2.bias`"
    );
    let many: Vec<Parameter> = (0..10).map(|_| Parameter::new(1.0)).collect();
    let error = many.parameter("10").unwrap_err().to_string();
    assert!(error.ends_with("`7` and 2 more"), "{error}");
    let error = Module::<f32>::parameter(&Relu, "weight").unwrap_err().to_string();
    assert_eq!(error, "parameter: `weight`: no parameter is called so; there are no parameters");
    assert!(model.parameters_matching("head.**").is_empty());
    assert_eq!(model.parameters_matching("**.bias").len(), 2);
}

#[test]
fn a_pattern_that_matches_nothing_is_an_error_and_changes_nothing() {
    let mut model: Model = model();
    let error = model.freeze("head.*").unwrap_err().to_string();
    assert!(error.starts_with("freeze: `head.*`: no parameter is called so; there are `encoder.0.weight`"), "{error}");
    assert!(model.unfreeze("encoder").unwrap_err().to_string().starts_with("unfreeze: `encoder`"));
    assert_eq!(frozen(&model), [""; 0]);
}

#[test]
fn mapping_changes_values_in_place_and_leaves_buffers_and_identities() {
    let mut model: Model = model();
    let gradients = {
        let tape = Tape::recording();
        let loss = tape.parameter(model.parameter("encoder.0.weight").unwrap()).sum();
        loss.backward().unwrap()
    };
    let mut seen = Vec::new();
    model.map_parameters(&mut |name, parameter| {
        seen.push(name.to_owned());
        parameter.value_mut().fill(2.0);
    });
    assert_eq!(seen, ["encoder.0.weight", "encoder.0.bias", "encoder.2.weight", "encoder.2.bias"]);
    assert!(model.parameters().iter().all(|(_, p)| p.value().iter().all(|w| *w == 2.0)));
    assert_eq!(model.mean.value(), &array![0.0, 1.0]);
    assert!(gradients.get(model.parameter("encoder.0.weight").unwrap()).is_some());
}
