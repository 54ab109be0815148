//! Decompositions: a matrix written as a product of simpler ones, and what can be done with it then.
//!
//! ```text
//! P A = L U          lu                any square matrix        2/3 n³       solve, det, inverse
//! A = L Lᵀ           cholesky          symmetric, definite      1/3 n³       solve, det; the test for definiteness
//! A = Q R            qr                any matrix               2 n²(m−n/3)  least squares
//! A = V Λ Vᵀ         symmetric_eigen   symmetric                ~ 30 n³      curvature: step sizes, condition
//! A = U Σ Vᵀ         svd               any matrix               ~ 30 m n²    rank, pseudo-inverse, all norms
//! ```
//!
//! Each is its textbook algorithm in a file of its own, generic over [`Real`](crate::Real), and backward stable: the result is that
//! of a matrix that differs from the given one by a few roundings (Higham, *Accuracy and Stability of Numerical
//! Algorithms*, 2nd ed., 2002). How far the answer then is from the true one is a matter of the condition number.

mod check;
mod cholesky;
mod condition;
mod eigen;
mod eigenvalues;
mod least_squares;
mod lu;
mod matrix_norm;
mod power;
mod qr;
mod svd;
mod triangular;
mod work;

pub use check::RightSide;
pub use cholesky::{Cholesky, cholesky};
pub use eigen::{SymmetricEigen, symmetric_eigen};
pub use eigenvalues::eigenvalues;
pub use least_squares::{LeastSquares, lstsq};
pub use lu::{Lu, det, inverse, lu, slogdet, solve};
pub use matrix_norm::{MatrixNorm, matrix_norm, trace};
pub use power::{Dominant, largest_singular_value, power_iteration, spectral_radius};
pub use qr::{Qr, qr};
pub use svd::{Svd, cond, pinv, rank, singular_values, svd};
pub use triangular::{Triangle, solve_triangular};
pub use work::{Work, WorkStep, elimination_steps, householder_steps};

pub(crate) use check::{finite, matrix, nonnegative, positive};
