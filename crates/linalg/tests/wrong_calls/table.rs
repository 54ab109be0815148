//! The calls: each function, with whatever arguments were drawn.

use super::Arguments;
use gradus_linalg::ndarray::{Array1, Array2, ArrayD, ArrayViewD};
use gradus_linalg::statistics::{correlation, covariance, mean, standardize, variance};
use gradus_linalg::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

type Call = fn(&Arguments) -> Result<()>;

fn which(a: &Arguments) -> Norm {
    [Norm::L0, Norm::L1, Norm::L2, Norm::Max, Norm::Min, Norm::Lp(a.number)][a.axis % 6]
}

fn views(arrays: &[ArrayD<f64>]) -> Vec<ArrayViewD<'_, f64>> {
    arrays.iter().map(|x| x.view()).collect()
}

/// Square, if the flag says so.
fn square(a: &Arguments) -> Array2<f64> {
    if a.flag { a.symmetric() } else { a.matrix(0) }
}

fn way(a: &Arguments) -> LeastSquares {
    [
        LeastSquares::NormalEquations,
        LeastSquares::Qr,
        LeastSquares::Svd { rcond: Some(a.number) },
        LeastSquares::Svd { rcond: None },
    ][a.axis % 4]
}

/// Calls that run on purpose for long are given few steps.
fn few(a: &Arguments) -> usize {
    a.axis.min(50)
}

fn done<T>(result: Result<T>) -> Result<()> {
    result.map(drop)
}

fn fine<T>(_: T) -> Result<()> {
    Ok(())
}

#[rustfmt::skip]
pub(crate) const CALLS: &[(&str, Call)] = &[
    // Vectors
    ("dot", |a| done(dot(&a.vector(0), &a.vector(1)))),
    ("angle", |a| done(angle(&a.vector(0), &a.vector(1)))),
    ("cosine_similarity", |a| done(cosine_similarity(&a.vector(0), &a.vector(1)))),
    ("cosine_similarity_along", |a| done(cosine_similarity_along(&a.matrix(0), &a.matrix(1), a.axis, a.number))),
    ("distance", |a| done(distance(&a.array(0), &a.array(1), which(a)))),
    ("project", |a| done(project(&a.vector(0), &a.vector(1)))),
    ("project_onto_hyperplane", |a| done(project_onto_hyperplane(&a.vector(0), &a.vector(1), a.number))),
    ("project_onto_subspace", |a| done(project_onto_subspace(&a.vector(0), &a.matrix(1)))),
    ("gram_schmidt", |a| done(gram_schmidt(&a.matrix(0)))),
    ("norm", |a| done(norm(&a.array(0), which(a)))),
    ("l0_norm", |a| fine(l0_norm(&a.array(0)))),
    ("l1_norm", |a| fine(l1_norm(&a.array(0)))),
    ("l2_norm", |a| fine(l2_norm(&a.array(0)))),
    ("lp_norm", |a| done(lp_norm(&a.array(0), a.number))),
    ("max_norm", |a| fine(max_norm(&a.array(0)))),
    ("min_norm", |a| fine(min_norm(&a.array(0)))),
    ("norm_balls", |a| done(picture::norm_balls(&[which(a), Norm::L1]))),
    ("projection", |a| done(picture::projection(&a.vector(0), &a.vector(1)))),
    // Statistics
    ("mean", |a| done(mean(&a.array(0), a.axis))),
    ("variance", |a| done(variance(&a.array(0), a.axes[0].first().copied().unwrap_or(0), a.axis))),
    ("covariance", |a| done(covariance(&a.matrix(0), a.axis))),
    ("correlation", |a| done(correlation(&a.matrix(0)))),
    ("standardize", |a| {
        let (_, by) = standardize(&a.matrix(0))?;
        by.apply(&a.matrix(1))?;
        done(by.invert(&a.matrix(1)))
    }),
    // Elements
    ("broadcast_shape", |a| done(elementwise::broadcast_shape("add", a.array(0).shape(), a.array(1).shape()))),
    ("zip", |a| done(elementwise::zip("add", &a.array(0), &a.array(1), |x, y| x + y))),
    ("zip_in_place", |a| elementwise::zip_in_place("add", &mut a.array(0), &a.array(1), |x, y| x + y)),
    // Products
    ("matmul", |a| done(matmul(&a.matrix(0), &a.matrix(1)))),
    ("gemm", |a| gemm(a.number, &a.matrix(0), &a.matrix(1), 0.5, &mut a.matrix(2))),
    ("gemm_add", |a| gemm_add(a.number, &a.matrix(0), &a.matrix(1), 0.5, &a.matrix(2), &mut a.matrix(2))),
    ("gemm_packed", |a| gemm_packed(a.number, &a.matrix(0).view(), &a.matrix(1).view(), 0.0, &mut a.matrix(2))),
    ("gemm_gathered", |a| {
        let (data, offsets) = (a.array(0).into_raw_vec_and_offset().0, Offsets::new(a.axes[0].clone()));
        let d = a.flag.then(|| a.matrix(2));
        match Gathered::new(&data, &a.axes[1], (a.axis, few(a)), &offsets) {
            Some(left) if left.lines() < 1000 => {
                gemm_gathered(a.number, &left, &Packed::new(&a.matrix(1).view()), 0.5, d.as_deref(), &mut a.matrix(2))
            }
            _ => Ok(()),
        }
    }),
    ("matvec", |a| done(matvec(&a.matrix(0), &a.vector(1)))),
    ("matvec_into", |a| matvec_into(a.number, &a.matrix(0), &a.vector(1), 0.0, &mut a.vector(2))),
    ("outer", |a| fine(outer(&a.vector(0), &a.vector(1)))),
    ("outer_into", |a| outer_into(a.number, &a.vector(0), &a.vector(1), 1.0, &mut a.matrix(2))),
    ("matmul_batched", |a| done(matmul_batched(&a.array(0), &a.array(1)))),
    ("gemm_batched", |a| gemm_batched(a.number, &a.array(0), &a.array(1), 0.0, &mut a.array(2))),
    ("tensordot", |a| done(tensordot(&a.array(0), &a.array(1), &a.axes[0], &a.axes[1]))),
    ("tensordot_into", |a| {
        tensordot_into(a.number, &a.array(0), &a.array(1), &a.axes[0], &a.axes[1], 0.0, &mut a.array(2))
    }),
    ("einsum", |a| done(einsum(&a.text, &views(&[a.array(0), a.array(1), a.array(2)][..few(a).min(3)])))),
    ("einsum_into", |a| einsum_into(a.number, &a.text, &views(&[a.array(0), a.array(1)]), 0.0, &mut a.array(2))),
    // Decompositions and solvers
    ("lu", |a| {
        let f = lu(&square(a))?;
        fine((f.l(), f.u(), f.p(), f.det(), f.slogdet(), f.condition()))?;
        f.inverse()?;
        done(f.solve(&a.matrix(1)))
    }),
    ("qr", |a| {
        let f = qr(&a.matrix(0))?;
        fine((f.q(), f.r()))?;
        done(f.q_transpose_times(&a.vector(1)))
    }),
    ("cholesky", |a| {
        let mut definite = square(a);
        definite.diag_mut().mapv_inplace(|x| x + 9.0);
        let f = cholesky(&definite)?;
        fine((f.l(), f.det()))?;
        done(f.solve(&a.vector(1)))
    }),
    ("svd", |a| {
        let f = svd(&a.matrix(0))?;
        fine((f.rank(Some(a.number)), f.condition(), f.pinv(Some(a.number)), f.pinv(None)))
    }),
    ("symmetric_eigen", |a| done(symmetric_eigen(&square(a)))),
    ("eigenvalues", |a| done(eigenvalues(&square(a)))),
    ("singular_values", |a| done(singular_values(&a.matrix(0)))),
    ("solve", |a| done(solve(&square(a), &a.vector(1)))),
    ("inverse", |a| done(inverse(&square(a)))),
    ("det", |a| done(det(&square(a)))),
    ("slogdet", |a| done(slogdet(&square(a)))),
    ("solve_triangular", |a| {
        let triangle = if a.flag { Triangle::Lower } else { Triangle::Upper };
        done(solve_triangular(&a.matrix(0), triangle, &a.matrix(1)))
    }),
    ("lstsq", |a| done(lstsq(&a.matrix(0), &a.vector(1), way(a)))),
    ("pinv", |a| done(pinv(&a.matrix(0), a.flag.then_some(a.number)))),
    ("rank", |a| done(rank(&a.matrix(0), a.flag.then_some(a.number)))),
    ("cond", |a| done(cond(&a.matrix(0)))),
    ("conditioning", |a| done(conditioning(&a.matrix(0), a.flag.then_some(a.number)))),
    ("trace", |a| done(trace(&square(a)))),
    ("matrix_norm", |a| {
        use MatrixNorm::*;
        done(matrix_norm(&a.matrix(0), [Frobenius, Nuclear, Spectral, SmallestSingular, One, MinusOne][a.axis % 6]))
    }),
    ("power_iteration", |a| done(power_iteration(&square(a), a.number, few(a)))),
    ("largest_singular_value", |a| done(largest_singular_value(&a.matrix(0), a.number, few(a)))),
    ("spectral_radius", |a| done(spectral_radius(&square(a)))),
    ("elimination_steps", |a| done(elimination_steps(&a.matrix(0)))),
    ("householder_steps", |a| done(householder_steps(&a.matrix(0)))),
    // Regression
    ("LinearRegression::fit", |a| {
        let solvers = [
            Solver::LeastSquares(way(a)),
            Solver::Ridge { alpha: a.number },
            Solver::ElasticNet { alpha: a.number, l1_ratio: a.number / 2.0 },
            Solver::GradientDescent { lr: a.flag.then_some(a.number), tolerance: a.number.abs(), most: few(a) },
        ];
        let fit = LinearRegression::fit(&a.matrix(0), &a.vector(1), solvers[a.axes[0].len() + usize::from(a.flag)])?;
        fine(fit.to_string())?;
        done(fit.predict(&a.matrix(2)))
    }),
    ("LinearRegression::fit_sgd", |a| {
        let sgd = Sgd { lr: a.flag.then_some(a.number), batch_size: a.axis, epochs: few(a) };
        let (x, y): (Array2<f64>, Array1<f64>) = (a.matrix(0), a.vector(0));
        done(LinearRegression::fit_sgd(&x, &y, &sgd, &mut StdRng::seed_from_u64(1)))
    }),
];
