//! Decompositions, solvers and regression.

use gradus_linalg::ndarray::{Array1, Array2, array};
use gradus_linalg::{
    Error, LeastSquares, LinearRegression, Sgd, Solver, Triangle, cholesky, det, eigenvalues, inverse, lstsq, lu,
    power_iteration, qr, solve, solve_triangular, svd, symmetric_eigen, trace,
};
use gradus_testing::refuses;
use rand::SeedableRng;
use rand::rngs::StdRng;

#[test]
fn matrices_of_another_form() {
    let wide = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
    refuses!(det(&wide), Error::NotSquare { .. }, @"det: a matrix of shape [2, 3]: must be square");
    refuses!(trace(&wide), Error::NotSquare { .. }, @"trace: a matrix of shape [2, 3]: must be square");
    refuses!(eigenvalues(&wide), Error::NotSquare { .. }, @"eigenvalues: a matrix of shape [2, 3]: must be square");
    refuses!(lu(&Array2::<f64>::zeros((0, 0))), Error::EmptyMatrix { .. }, @"lu: a matrix of shape [0, 0] has no elements; must have at least one row and one column");
    refuses!(svd(&array![[1.0, 2.0], [f64::NAN, 4.0]]), Error::NotFinite { .. }, @"svd: element [1, 0] is NaN: all elements must be finite");
    refuses!(qr(&array![[f64::INFINITY]]), Error::NotFinite { .. }, @"qr: element [0, 0] is inf: all elements must be finite");
    refuses!(cholesky(&array![[1.0, 2.0], [3.0, 4.0]]), Error::NotSymmetric { .. }, @"cholesky: elements [0, 1] = 2 and [1, 0] = 3 differ: the matrix must be symmetric");
    refuses!(symmetric_eigen(&array![[1.0, 2.0], [3.0, 4.0]]), Error::NotSymmetric { .. }, @"symmetric_eigen: elements [0, 1] = 2 and [1, 0] = 3 differ: the matrix must be symmetric");
    refuses!(cholesky(&array![[1.0, 2.0], [2.0, 1.0]]), Error::NotPositiveDefinite { row: 1, .. }, @"cholesky: pivot 1 is -3e0: the matrix is not positive definite; lu takes any square matrix");
}

#[test]
fn systems_without_an_answer() {
    let square = array![[2.0, 1.0], [1.0, 3.0]];
    refuses!(solve(&square, &array![1.0, 2.0, 3.0]), Error::RightSide { .. }, @"solve: a matrix of shape [2, 2] and a right-hand side of shape [3]: the numbers of rows differ (2 and 3)");
    refuses!(solve(&array![[1.0, 1.0], [1.0, 1.0]], &array![1.0, 2.0]), Error::Singular { .. }, @"solve: the matrix is singular to working precision: its condition number is inf; pinv, or lstsq by svd, gives the solution of least norm");
    refuses!(inverse(&array![[1.0, 1.0], [1.0, 1.0 + 1e-16]]), Error::Singular { .. }, @"inverse: the matrix is singular to working precision: its condition number is inf; pinv, or lstsq by svd, gives the solution of least norm");
    let lower = array![[1.0, 0.0], [1.0, 0.0]];
    refuses!(solve_triangular(&lower, Triangle::Lower, &array![1.0, 2.0]), Error::Singular { .. }, @"solve_triangular: the matrix is singular to working precision: its condition number is inf; pinv, or lstsq by svd, gives the solution of least norm");
    refuses!(power_iteration(&array![[0.0, -1.0], [1.0, 0.0]], 1e-9, 100), Error::NoConvergence { .. }, @"power_iteration: no convergence in 100 iterations");
    refuses!(power_iteration(&square, 0.0, 100), Error::Setting { .. }, @"power_iteration: tolerance = 0: must be a finite number greater than 0");
    let svd = LeastSquares::Svd { rcond: Some(-1.0) };
    refuses!(lstsq(&square, &array![1.0, 2.0], svd), Error::Setting { .. }, @"lstsq: rcond = -1: must be 0 or more");
}

#[test]
fn regressions() {
    let (x, y) = (array![[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]], array![1.0, 2.0, 3.0]);
    let fit = |solver| LinearRegression::fit(&x, &y, solver);
    let descent = |lr| fit(Solver::GradientDescent { lr: Some(lr), tolerance: 1e-9, most: 10 });
    refuses!(descent(1.0), Error::Step { .. }, @"gradient_descent: lr = 1: gradient descent diverges; must be less than 2/λmax = 0.6000000000000001");
    refuses!(descent(-1.0), Error::Setting { .. }, @"gradient_descent: lr = -1: must be a finite number greater than 0");
    refuses!(descent(1e-3), Error::NoConvergence { .. }, @"gradient_descent: no convergence in 10 iterations");
    refuses!(fit(Solver::Ridge { alpha: f64::NAN }), Error::Setting { .. }, @"ridge: alpha = NaN: must be a finite number, 0 or greater");
    refuses!(fit(Solver::ElasticNet { alpha: 1.0, l1_ratio: 2.0 }), Error::Setting { .. }, @"elastic_net: l1_ratio = 2: must be from 0 to 1");
    let sgd = Sgd { batch_size: 0, ..Sgd::default() };
    refuses!(LinearRegression::fit_sgd(&x, &y, &sgd, &mut StdRng::seed_from_u64(0)), Error::Setting { .. }, @"sgd: batch_size = 0: must be at least 1");
    let ridge = Solver::Ridge { alpha: 1.0 };
    refuses!(LinearRegression::fit(&x, &Array1::ones(1), ridge), Error::RightSide { .. }, @"linear_regression: a matrix of shape [3, 2] and a right-hand side of shape [1]: the numbers of rows differ (3 and 1)");
    refuses!(fit(ridge).unwrap().predict(&array![[1.0, 2.0, 3.0]]), Error::InnerDimensions { .. }, @"predict: [1, 3] · [2, 1]: inner dimensions differ (3 and 2)");
}
