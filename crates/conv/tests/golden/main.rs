//! Convolution and pooling against PyTorch.

mod spatial;

use gradus_conv::{
    Geometry, PerAxis, Real, Tape, Var, adaptive_avg_pool, adaptive_max_pool, avg_pool, conv, conv_transpose, max_pool,
};
use gradus_testing::golden::{self, Case};
use gradus_testing::{Float, Tolerance, close};
use std::error::Error;

type Outcome = Result<(), Box<dyn Error>>;

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
    let geometry = geometry.padding(each(&case.usizes("padding"))?);
    let dilates = !case.op.starts_with("avg_pool"); // which knows no dilation
    let geometry = if dilates { geometry.dilation(each(&case.usizes("dilation"))?) } else { geometry };
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

fn averaging<const R: usize, F: Real + Float>(case: &Case, tolerance: Tolerance) -> Outcome {
    let geometry = geometry::<R>(case, &case.usizes("kernel_size"))?;
    let include = case.try_bool("count_include_pad").ok_or("the case does not say whether padding counts")?;
    compare::<F>(case, tolerance, |inputs| avg_pool(&inputs[0], &geometry, include, None))
}

fn adaptive<const R: usize, F: Real + Float>(case: &Case, tolerance: Tolerance) -> Outcome {
    let size = PerAxis(<[usize; R]>::try_from(&case.usizes("output_size")[..])?);
    compare::<F>(case, tolerance, |inputs| {
        let x = &inputs[0];
        if case.op.contains("max") { adaptive_max_pool(x, size) } else { adaptive_avg_pool(x, size) }
    })
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

#[test]
fn transposed_convolutions() {
    golden::check_if_there("conv_transpose", &[], transposed);
}

#[test]
fn poolings() {
    golden::check("pool", &[], |case| match case.op.as_str() {
        "max_pool1d" => both!(pooling, 1, case),
        "max_pool2d" => both!(pooling, 2, case),
        "avg_pool1d" => both!(averaging, 1, case),
        "avg_pool2d" => both!(averaging, 2, case),
        "adaptive_avg_pool1d" | "adaptive_max_pool1d" => both!(adaptive, 1, case),
        "adaptive_avg_pool2d" | "adaptive_max_pool2d" => both!(adaptive, 2, case),
        _ => case.unknown(),
    });
}
