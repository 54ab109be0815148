//! Convolution and pooling against PyTorch.

use gradus_conv::{Geometry, Real, Tape, Var, conv, conv_transpose, max_pool};
use gradus_testing::golden::{self, Case};
use gradus_testing::{Float, Tolerance, close};
use std::error::Error;

type Outcome = Result<(), Box<dyn Error>>;

const MISSING_POOL: &[&str] = &[
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "avg_pool1d",
    "avg_pool2d",
];

/// Both precisions, and the first failure.
macro_rules! both {
    ($function:ident, $rank:literal, $case:expr) => {
        $function::<$rank, f64>($case, Tolerance::F64).and_then(|()| $function::<$rank, f32>($case, Tolerance::F32))
    };
}

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

fn transposed(case: &Case) -> Outcome {
    match case.op.as_str() {
        "conv_transpose1d" => both!(transposed_convolution, 1, case),
        "conv_transpose2d" => both!(transposed_convolution, 2, case),
        "conv_transpose3d" => both!(transposed_convolution, 3, case),
        _ => case.unknown(),
    }
}

fn transposed_convolution<const R: usize, F: Real + Float>(case: &Case, tolerance: Tolerance) -> Outcome {
    let geometry = geometry::<R>(case, &case.input("weight").shape()[2..])?;
    let output_padding = <[usize; R]>::try_from(case.usizes("output_padding").as_slice())?;
    compare::<F>(case, tolerance, |inputs| {
        conv_transpose(&inputs[0], &inputs[1], inputs.get(2), &geometry, output_padding, case.usize("groups"))
    })
}

fn pooling<const R: usize, F: Real + Float>(case: &Case, tolerance: Tolerance) -> Outcome {
    let geometry = geometry::<R>(case, &case.usizes("kernel_size"))?;
    compare::<F>(case, tolerance, |inputs| max_pool(&inputs[0], &geometry))
}

#[test]
fn convolutions() {
    golden::check("conv", &[], |case| match case.op.as_str() {
        "conv1d" => both!(convolution, 1, case),
        "conv2d" => both!(convolution, 2, case),
        "conv3d" => both!(convolution, 3, case),
        _ => transposed(case),
    });
}

/// A folder written before there was this family has none of it.
#[test]
fn transposed_convolutions() {
    if std::env::var_os("GRADUS_GOLDEN").is_none() || golden::path("conv_transpose.safetensors").exists() {
        golden::check("conv_transpose", &[], transposed);
    }
}

#[test]
fn poolings() {
    golden::check("pool", MISSING_POOL, |case| match case.op.as_str() {
        "max_pool1d" => both!(pooling, 1, case),
        "max_pool2d" => both!(pooling, 2, case),
        _ => case.unknown(),
    });
}

#[test]
fn resampling() {
    golden::none_yet("resample", &["upsample_nearest", "upsample_bilinear", "unfold", "fold"]);
}
