//! Vectors and matrices against PyTorch.

use gradus_linalg::ndarray::{self, ArrayD, Ix1, Ix2};
use gradus_linalg::{
    Factorize, LeastSquares, MatrixNorm, Norm, Real, Triangle, cholesky, cond, cosine_similarity,
    cosine_similarity_along, det, dot, inverse, lstsq, matrix_norm, norm, pinv, qr, rank, singular_values, slogdet,
    solve, solve_triangular, svd, symmetric_eigen, trace,
};
use gradus_testing::golden::{Case, check};
use gradus_testing::{Float, close, close_scalar, equal};
use std::error::Error;

#[test]
fn linalg() {
    check("linalg", &[], |case| {
        run::<f64>(case)?;
        // Squares of 1e200 are beyond f32, and so are the numbers themselves.
        if case.name == "vector_norm_huge" { Ok(()) } else { run::<f32>(case) }
    });
}

fn run<F: Factorize + Float>(case: &Case) -> Result<(), Box<dyn Error>> {
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
        _ => decompositions::<F>(case),
    }
}

fn decompositions<F: Factorize + Float>(case: &Case) -> Result<(), Box<dyn Error>> {
    let a = case.input_as::<F>("a").into_dimensionality::<Ix2>()?;
    if case.op == "matrix_rank" {
        let rank = rank(&a, rcond::<F>(case))? as i64;
        return Ok(equal(&ndarray::arr0(rank).into_dyn(), &case.ints("rank"), "rank")?);
    }
    // In `f32`, an error in the data of 1e-5 can grow by the condition number; `f64` makes no use of this scale.
    let f = svd(&a)?;
    let kept = f.rank(rcond::<F>(case)).max(1) - 1;
    let condition = Real::to_f64(f.singular_values[0]) / Real::to_f64(f.singular_values[kept]).max(f64::MIN_POSITIVE);
    let expected = case.output(case.output_names().last().ok_or("no output")?);
    let scale = condition * expected.iter().fold(0.0, |most: f64, y| most.max(y.abs()));
    let close = |y: ArrayD<F>| Ok(close(&y, &expected, F::TOLERANCE.at_scale(scale), "y")?);
    let close_scalar = |y: F| close(ndarray::arr0(y).into_dyn());
    match case.op.as_str() {
        "matrix_norm" => close_scalar(matrix_norm(
            &a,
            match case.str("ord") {
                "fro" => MatrixNorm::Frobenius,
                "nuc" => MatrixNorm::Nuclear,
                "2" => MatrixNorm::Spectral,
                "-2" => MatrixNorm::SmallestSingular,
                "1" => MatrixNorm::One,
                "-1" => MatrixNorm::MinusOne,
                "inf" => MatrixNorm::Infinity,
                "-inf" => MatrixNorm::MinusInfinity,
                other => return Err(format!("order {other}").into()),
            },
        )?),
        "trace" => close_scalar(trace(&a)?),
        "solve" => {
            let b = case.input_as::<F>("b");
            close(match b.ndim() {
                1 => solve(&a, &b.into_dimensionality::<Ix1>()?)?.into_dyn(),
                _ => solve(&a, &b.into_dimensionality::<Ix2>()?)?.into_dyn(),
            })
        }
        "inv" => close(inverse(&a)?.into_dyn()),
        "det" => close_scalar(det(&a)?),
        "slogdet" => {
            let (sign, ln) = slogdet(&a)?;
            equal(&ndarray::arr0(Real::to_f64(sign)), &case.output("sign"), "sign")?;
            Ok(gradus_testing::close_scalar(ln, expected[[]], F::TOLERANCE.at_scale(condition), "y")?)
        }
        "solve_triangular" => {
            let triangle = if case.bool("upper") { Triangle::Upper } else { Triangle::Lower };
            let b = case.input_as::<F>("b").into_dimensionality::<Ix2>()?;
            close(solve_triangular(&a, triangle, &b)?.into_dyn())
        }
        "cholesky" => close(cholesky(&a)?.l().into_dyn()),
        "eigvalsh" => close(symmetric_eigen(&a)?.values.into_dyn()),
        "svdvals" => close(singular_values(&a)?.into_dyn()),
        "pinv" => close(pinv(&a, rcond::<F>(case))?.into_dyn()),
        "lstsq" => {
            let b = case.input_as::<F>("b").into_dimensionality::<Ix2>()?;
            close(lstsq(&a, &b, LeastSquares::Svd { rcond: rcond::<F>(case) })?.into_dyn())?;
            if kept + 1 == a.nrows().min(a.ncols()) && f.singular_values[0] > F::zero() {
                close(lstsq(&a, &b, LeastSquares::Qr)?.into_dyn())?;
                close(lstsq(&a, &b, LeastSquares::NormalEquations)?.into_dyn())?;
            }
            Ok(())
        }
        "qr_r_abs" => close(qr(&a)?.r().mapv(Real::abs).into_dyn()),
        "cond" => close_scalar(Real::from_f64(cond(&a)?)),
        _ => case.unknown(),
    }
}

/// Where a singular value counts as 0; the cases' own limit lies below what `f32` can tell from 0.
fn rcond<F: Real>(case: &Case) -> Option<f64> {
    case.try_f64("rtol").filter(|&rtol| rtol > Real::to_f64(F::EPSILON))
}

fn scalar<F: Real + Float>(case: &Case, y: F) -> Result<(), Box<dyn Error>> {
    let expected = case.output("y").first().copied().ok_or("no output")?;
    Ok(close_scalar(y, expected, F::TOLERANCE, "y")?)
}
