//! Vectors and matrices against PyTorch.

use gradus_linalg::ndarray::{ArrayD, Ix1, Ix2};
use gradus_linalg::{Norm, Real, cosine_similarity, cosine_similarity_along, dot, norm};
use gradus_testing::golden::{Case, check};
use gradus_testing::{Float, close, close_scalar};
use std::error::Error;

/// What the crate should have and has not yet.
const MISSING: [&str; 15] = [
    "matrix_norm",
    "trace",
    "solve",
    "inv",
    "det",
    "slogdet",
    "solve_triangular",
    "cholesky",
    "eigvalsh",
    "svdvals",
    "pinv",
    "matrix_rank",
    "lstsq",
    "qr_r_abs",
    "cond",
];

#[test]
fn linalg() {
    check("linalg", &MISSING, |case| {
        run::<f64>(case)?;
        // Squares of 1e200 are beyond f32, and so are the numbers themselves.
        if case.name == "vector_norm_huge" { Ok(()) } else { run::<f32>(case) }
    });
}

fn run<F: Real + Float>(case: &Case) -> Result<(), Box<dyn Error>> {
    let vector = |name: &str| case.input_as::<F>(name).into_dimensionality::<Ix1>();
    match case.op.as_str() {
        "vector_norm" => {
            let which = match case.f64("p") {
                0.0 => Norm::L0,
                1.0 => Norm::L1,
                2.0 => Norm::L2,
                f64::INFINITY => Norm::Max,
                f64::NEG_INFINITY => Norm::Min,
                p => Norm::Lp(p),
            };
            scalar(case, norm(&case.input_as::<F>("x"), which)?)
        }
        "dot" => scalar(case, dot(&vector("a")?, &vector("b")?)?),
        "cosine_similarity" => {
            let (a, b) = (case.input_as::<F>("a"), case.input_as::<F>("b"));
            let (axis, eps) = (case.usize("axis"), case.f64("eps"));
            let y: ArrayD<F> = if a.ndim() == 1 {
                let (a, b) = (vector("a")?, vector("b")?);
                scalar(case, cosine_similarity(&a, &b)?)?;
                cosine_similarity_along(&a, &b, axis, eps)?.into_dyn()
            } else {
                let (a, b) = (a.into_dimensionality::<Ix2>()?, b.into_dimensionality::<Ix2>()?);
                cosine_similarity_along(&a, &b, axis, eps)?.into_dyn()
            };
            Ok(close(&y, &case.output("y"), F::TOLERANCE, "y")?)
        }
        _ => case.unknown(),
    }
}

fn scalar<F: Real + Float>(case: &Case, y: F) -> Result<(), Box<dyn Error>> {
    let expected = case.output("y").first().copied().ok_or("no output")?;
    Ok(close_scalar(y, expected, F::TOLERANCE, "y")?)
}
