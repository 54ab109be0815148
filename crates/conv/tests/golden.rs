//! Convolution and pooling against PyTorch.

use gradus_conv::{Geometry, Real, Tape, Var, conv, max_pool};
use gradus_testing::golden::{self, Case};
use gradus_testing::{Float, Tolerance, close};
use std::error::Error;

type Outcome = Result<(), Box<dyn Error>>;

const MISSING_CONV: &[&str] = &["conv_transpose1d", "conv_transpose2d"];

const MISSING_POOL: &[&str] = &[
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "avg_pool1d",
    "avg_pool2d",
];

/// The geometry that a case describes.
fn geometry<const R: usize>(case: &Case, kernel_size: &[usize]) -> Result<Geometry<R>, Box<dyn Error>> {
    let each = |sizes: &[usize]| <[usize; R]>::try_from(sizes);
    let geometry = Geometry::new(each(kernel_size)?).stride(each(&case.usizes("stride"))?);
    let geometry = geometry.padding(each(&case.usizes("padding"))?).dilation(each(&case.usizes("dilation"))?);
    Ok(if case.try_bool("ceil_mode") == Some(true) { geometry.ceil_mode() } else { geometry })
}

/// Compares the result and every gradient of an operation on the case's inputs.
fn compare<F: Real + Float>(
    case: &Case,
    tolerance: Tolerance,
    operation: impl Fn(&[Var<F>]) -> gradus_conv::Result<Var<F>>,
) -> Outcome {
    let tape = Tape::recording();
    let names: Vec<&str> = case.input_names().collect();
    let inputs: Vec<Var<F>> = names.iter().map(|name| tape.variable(case.input_as::<F>(name))).collect();
    let y = operation(&inputs)?;
    close(&**y.value(), &case.output("y"), tolerance, "y")?;
    let gradients = y.backward_with(case.cotangent_as::<F>("y"))?;
    for (name, input) in names.iter().zip(&inputs) {
        let expected = case.grad(name).ok_or("the case has no gradient")?;
        close(&**gradients.get(input).ok_or("no gradient")?, &expected, tolerance, &format!("gradient of {name}"))?;
    }
    Ok(())
}

fn convolution<const R: usize, F: Real + Float>(case: &Case, tolerance: Tolerance) -> Outcome {
    let geometry = geometry::<R>(case, &case.input("weight").shape()[2..])?;
    let groups = case.usize("groups");
    compare::<F>(case, tolerance, |inputs| conv(&inputs[0], &inputs[1], inputs.get(2), &geometry, groups))
}

fn pooling<const R: usize, F: Real + Float>(case: &Case, tolerance: Tolerance) -> Outcome {
    let geometry = geometry::<R>(case, &case.usizes("kernel_size"))?;
    compare::<F>(case, tolerance, |inputs| max_pool(&inputs[0], &geometry))
}

/// Both precisions, and the first failure.
macro_rules! both {
    ($function:ident, $rank:literal, $case:expr) => {
        $function::<$rank, f64>($case, Tolerance::F64).and_then(|()| $function::<$rank, f32>($case, Tolerance::F32))
    };
}

#[test]
fn convolutions() {
    golden::check("conv", MISSING_CONV, |case| match case.op.as_str() {
        "conv1d" => both!(convolution, 1, case),
        "conv2d" => both!(convolution, 2, case),
        "conv3d" => both!(convolution, 3, case),
        _ => case.unknown(),
    });
}

#[test]
fn poolings() {
    golden::check("pool", MISSING_POOL, |case| match case.op.as_str() {
        "max_pool1d" => both!(pooling, 1, case),
        "max_pool2d" => both!(pooling, 2, case),
        _ => case.unknown(),
    });
}
