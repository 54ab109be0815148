//! Decompositions: a matrix written as a product of simpler ones, and what can be done with it then.
//!
//! ```text
//! P A = L U          lu                any square matrix        2/3 n³       solve, det, inverse
//! A = L Lᵀ           cholesky          symmetric, definite      1/3 n³       solve, det; the test for definiteness
//! A = Q R            qr                any matrix               2 n²(m−n/3)  least squares
//! A = V Λ Vᵀ         symmetric_eigen   symmetric                ~ 9 n³       curvature: step sizes, condition
//! A = U Σ Vᵀ         svd               any matrix               ~ 20 m n²    rank, pseudo-inverse, all norms
//! ```
//!
//! The factors are found by the library faer, behind the feature `decompose`, through `library.rs` alone. What is made of them is here, a short
//! file each. All are backward stable: the result is that of a matrix that differs from the given one by a few roundings
//! (Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., 2002). How far the answer then is from the true one
//! is a matter of the condition number.
//!
//! What takes no more than products and a loop is for any [`Real`](crate::Real) and without a feature: triangular systems, power iteration and the
//! spectral radius, the trace, and elimination and reflections shown step by step.

mod check;
#[cfg(feature = "decompose")]
mod cholesky;
#[cfg(feature = "decompose")]
mod condition;
#[cfg(feature = "decompose")]
mod conditioning;
#[cfg(feature = "decompose")]
mod eigen;
#[cfg(feature = "decompose")]
mod eigenvalues;
#[cfg(feature = "decompose")]
mod least_squares;
#[cfg(feature = "decompose")]
mod library;
#[cfg(feature = "decompose")]
mod lu;
#[cfg(feature = "decompose")]
mod matrix_norm;
mod power;
#[cfg(feature = "decompose")]
mod qr;
#[cfg(feature = "decompose")]
mod svd;
mod trace;
mod triangular;
mod work;

pub use check::RightSide;
pub use power::{Dominant, largest_singular_value, power_iteration, spectral_radius};
pub use trace::trace;
pub use triangular::{Triangle, solve_triangular};
pub use work::{Work, WorkStep, elimination_steps, householder_steps};

#[cfg(feature = "decompose")]
pub use self::{
    cholesky::{Cholesky, cholesky},
    conditioning::{Conditioning, conditioning},
    eigen::{SymmetricEigen, symmetric_eigen},
    eigenvalues::eigenvalues,
    least_squares::{LeastSquares, lstsq},
    library::Factorize,
    lu::{Lu, det, inverse, lu, slogdet, solve},
    matrix_norm::{MatrixNorm, matrix_norm},
    qr::{Qr, qr},
    svd::{Svd, cond, pinv, rank, singular_values, svd},
};

#[cfg(feature = "decompose")]
pub(crate) use check::{finite, matrix, nonnegative, positive};
