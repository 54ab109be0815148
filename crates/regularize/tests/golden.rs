//! What PyTorch computes, family by family.

use gradus_autograd::{Real, Tape, Value};
use gradus_nn_layers::{Buffer, Layer, Module, Parameter};
use gradus_regularize::BatchNorm;
use gradus_testing::golden::{self, Case};
use gradus_testing::{Float, Tolerance, close};
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::error::Error;

type Outcome = Result<(), Box<dyn Error>>;

#[test]
fn norm() {
    golden::check_only("norm", &["batch_norm1d", "batch_norm2d"], &[], |case| match case.op.as_str() {
        "batch_norm1d" => {
            batch_norm::<1, f64>(case, Tolerance::F64)?;
            batch_norm::<1, f32>(case, Tolerance::F32)
        }
        "batch_norm2d" => {
            batch_norm::<2, f64>(case, Tolerance::F64)?;
            batch_norm::<2, f32>(case, Tolerance::F32)
        }
        _ => case.unknown(),
    });
}

fn batch_norm<const R: usize, F: Real + Float>(case: &Case, tolerance: Tolerance) -> Outcome {
    let training = case.bool("training");
    let tape = if training { Tape::training(&mut StdRng::seed_from_u64(0)) } else { Tape::recording() };
    let x = tape.variable(case.input_as::<F>("x"));
    let buffer = |name| Some(Buffer::from(case.input_as::<F>(name)));
    let layer = BatchNorm::<R, F> {
        weight: case.try_input_as::<F>("weight").map(Parameter::from),
        bias: case.try_input_as::<F>("bias").map(Parameter::from),
        running_mean: buffer("running_mean"),
        running_var: buffer("running_var"),
        ..BatchNorm::new(x.shape()[1]).eps(case.f64("eps")).momentum(case.f64("momentum"))
    };
    let y = layer.forward(&x)?;
    close(&**y.value(), &case.output("y"), tolerance, "y")?;
    let gradients = y.backward_with(case.cotangent_as::<F>("y"))?;
    let compare = |name: &str, found: Option<&Value<F>>| {
        let expected = case.grad(name).ok_or("the case has no gradient")?;
        close(&**found.ok_or("no gradient")?, &expected, tolerance, &format!("gradient of {name}"))?;
        Ok::<_, Box<dyn Error>>(())
    };
    compare("x", gradients.get(&x))?;
    for (name, parameter) in layer.parameters() {
        compare(&name, gradients.get(parameter))?;
    }
    for (name, buffer) in layer.buffers() {
        let update = gradients.update_of(buffer.id());
        if name == "num_batches_tracked" {
            assert_eq!(update.is_some(), training);
        } else if let Some(update) = update {
            close(&**update, &case.output(&format!("{name}_new")), tolerance, &name)?;
        } else {
            assert!(!training, "{name} was not noted");
        }
    }
    Ok(())
}
