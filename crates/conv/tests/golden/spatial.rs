//! Against PyTorch.

use gradus_conv::{
    Conv, Geometry, Interpolation, Layer, Padding, PaddingMode, Real, Tape, Target, Var, convolve, fold, pad,
    pixel_shuffle, pixel_unshuffle, unfold, upsample,
};
use gradus_testing::golden::{self, Case};
use gradus_testing::{Float, close};
use std::error::Error;

type Outcome = Result<(), Box<dyn Error>>;
type Wrong = Box<dyn Error>;

/// Compares the result and every gradient of an operation on the case's inputs.
fn compare<F: Real + Float>(case: &Case, operation: impl Fn(&[Var<F>]) -> Result<Var<F>, Wrong>) -> Outcome {
    let tape = Tape::recording();
    let names: Vec<&str> = case.input_names().collect();
    let inputs: Vec<Var<F>> = names.iter().map(|name| tape.variable(case.input_as::<F>(name))).collect();
    let y = operation(&inputs)?;
    close(&**y.value(), &case.output("y"), F::TOLERANCE, "y")?;
    let gradients = y.backward_with(case.cotangent_as::<F>("y"))?;
    for (name, input) in names.iter().zip(&inputs) {
        let expected = case.grad(name).ok_or("the case has no gradient")?;
        let gradient = gradients.get(input).ok_or("no gradient")?;
        close(&**gradient, &expected, F::TOLERANCE, &format!("gradient of {name}"))?;
    }
    Ok(())
}

fn each<const R: usize>(case: &Case, name: &str) -> Result<[usize; R], Wrong> {
    Ok(case.usizes(name).as_slice().try_into()?)
}

fn widths<const R: usize>(case: &Case) -> Result<[(usize, usize); R], Wrong> {
    let pairs: Vec<_> = case.table("widths").iter().map(|pair| (pair[0] as usize, pair[1] as usize)).collect();
    Ok(pairs.as_slice().try_into()?)
}

fn mode(name: &str) -> Result<PaddingMode, Wrong> {
    let modes = [PaddingMode::Zeros, PaddingMode::Reflect, PaddingMode::Replicate, PaddingMode::Circular];
    modes.into_iter().find(|mode| mode.to_string() == name).ok_or_else(|| format!("no mode {name}").into())
}

fn geometry<const R: usize>(case: &Case, kernel_size: [usize; R]) -> Result<Geometry<R>, Wrong> {
    let geometry = Geometry::new(kernel_size).stride(each(case, "stride")?).dilation(each(case, "dilation")?);
    Ok(if case.try_usizes("padding").is_some() { geometry.padding(each(case, "padding")?) } else { geometry })
}

/// The layer with the case's weight and bias, its parameters then being inputs of the case.
fn convolution<const R: usize, F: Real + Float>(case: &Case) -> Outcome {
    let padding = match case.try_str("padding") {
        Some("same") => Padding::Same,
        _ => Padding::Explicit(widths::<R>(case)?),
    };
    let (weight, bias) = (case.input_as::<F>("weight"), case.input_as::<F>("bias"));
    let layer = Conv::<R, F>::from_parts(weight, Some(bias.into()), case.usize("groups"))?;
    let layer = layer.stride(each(case, "stride")?).padding(padding).dilation(each(case, "dilation")?);
    let layer = layer.padding_mode(mode(case.str("padding_mode"))?);

    let tape = Tape::recording();
    let x = tape.variable(case.input_as::<F>("x"));
    let y = layer.forward(&x)?;
    close(&**y.value(), &case.output("y"), F::TOLERANCE, "y")?;
    let gradients = y.backward_with(case.cotangent_as::<F>("y"))?;
    let bias = layer.bias.as_ref().ok_or("no bias")?;
    // The bias gets the sum of the cotangents, which may cancel: its scale is theirs.
    let largest = case.cotangent("y").iter().fold(0.0_f64, |largest, dy| largest.max(dy.abs()));
    let operands = [
        ("x", gradients.get(&x), F::TOLERANCE),
        ("weight", gradients.get(&layer.weight), F::TOLERANCE),
        ("bias", gradients.get(bias), F::TOLERANCE.at_scale(largest)),
    ];
    for (name, gradient, tolerance) in operands {
        let expected = case.grad(name).ok_or("the case has no gradient")?;
        close(&**gradient.ok_or("no gradient")?, &expected, tolerance, &format!("gradient of {name}"))?;
    }
    Ok(())
}

fn flipped<const R: usize, F: Real + Float>(case: &Case) -> Outcome {
    let kernel_size: [usize; R] = case.input("weight").shape()[2..].try_into()?;
    let geometry = geometry(case, kernel_size)?;
    compare::<F>(case, |inputs| Ok(convolve(&inputs[0], &inputs[1], inputs.get(2), &geometry, case.usize("groups"))?))
}

fn padding<const R: usize, F: Real + Float>(case: &Case) -> Outcome {
    let (widths, mode) = (widths::<R>(case)?, mode(case.str("mode"))?);
    compare::<F>(case, |inputs| Ok(pad(&inputs[0], widths, mode)?))
}

/// Of the given kind; a single factor is one for all axes.
fn interpolation<const R: usize, F: Real + Float>(case: &Case, kind: &str) -> Outcome {
    let align_corners = case.try_bool("align_corners") == Some(true);
    let mode = match kind {
        "nearest" => Interpolation::Nearest,
        "nearest-exact" => Interpolation::NearestExact,
        "linear" | "bilinear" | "trilinear" => Interpolation::Linear { align_corners },
        "bicubic" => Interpolation::Cubic { align_corners },
        _ => return case.unknown(),
    };
    let target: Target<R> = match case.try_usizes("size") {
        Some(_) => Target::Size(each::<R>(case, "size")?),
        None => match case.f64s("scale_factor").as_slice() {
            &[factor] => Target::factor(factor),
            factors => Target::Factor(factors.try_into()?),
        },
    };
    compare::<F>(case, |inputs| Ok(upsample(&inputs[0], target, mode)?))
}

fn unfolding<const R: usize, F: Real + Float>(case: &Case) -> Outcome {
    let geometry = geometry::<R>(case, each(case, "kernel_size")?)?;
    compare::<F>(case, |inputs| Ok(unfold(&inputs[0], &geometry)?))
}

fn folding<const R: usize, F: Real + Float>(case: &Case) -> Outcome {
    let geometry = geometry::<R>(case, each(case, "kernel_size")?)?;
    let size = each(case, "output_size")?;
    compare::<F>(case, |inputs| Ok(fold(&inputs[0], size, &geometry)?))
}

fn shuffling<F: Real + Float>(case: &Case) -> Outcome {
    let factor = case.usize("factor");
    compare::<F>(case, |inputs| Ok(pixel_shuffle(&inputs[0], factor)?))
}

fn unshuffling<F: Real + Float>(case: &Case) -> Outcome {
    let factor = case.usize("factor");
    compare::<F>(case, |inputs| Ok(pixel_unshuffle(&inputs[0], factor)?))
}

/// Both precisions, for the rank that the input has, and the first failure.
macro_rules! both {
    ($function:ident, $case:expr $(, $more:expr)?) => {
        match $case.input("x").ndim() - 2 {
            1 => $function::<1, f64>($case $(, $more)?).and_then(|()| $function::<1, f32>($case $(, $more)?)),
            2 => $function::<2, f64>($case $(, $more)?).and_then(|()| $function::<2, f32>($case $(, $more)?)),
            3 => $function::<3, f64>($case $(, $more)?).and_then(|()| $function::<3, f32>($case $(, $more)?)),
            rank => Err(format!("rank {rank}").into()),
        }
    };
}

fn run(case: &Case) -> Outcome {
    match case.op.as_str() {
        "conv1d" | "conv2d" | "conv3d" => both!(convolution, case),
        "convolve1d" | "convolve2d" | "convolve3d" => both!(flipped, case),
        "pad" => both!(padding, case),
        "interpolate" => both!(interpolation, case, case.str("mode")),
        "upsample_nearest" => both!(interpolation, case, "nearest"),
        "upsample_bilinear" => both!(interpolation, case, "bilinear"),
        "unfold" => unfolding::<2, f64>(case).and_then(|()| unfolding::<2, f32>(case)),
        "fold" => folding::<2, f64>(case).and_then(|()| folding::<2, f32>(case)),
        "pixel_shuffle" => shuffling::<f64>(case).and_then(|()| shuffling::<f32>(case)),
        "pixel_unshuffle" => unshuffling::<f64>(case).and_then(|()| unshuffling::<f32>(case)),
        _ => case.unknown(),
    }
}

#[test]
fn resampling() {
    golden::check("resample", &[], run);
}

#[test]
fn spatial() {
    golden::check("spatial", &[], run);
}
