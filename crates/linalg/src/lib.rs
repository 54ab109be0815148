#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(unsafe_code)] // allowed only in the kernels, each use with its reason

pub use ndarray;
#[cfg(feature = "decompose")]
pub use num_complex;
pub use num_traits;

mod contraction;
mod decompose;
pub mod elementwise;
mod engine;
mod error;
mod functions;
pub mod memory;
mod norm;
pub mod parallel;
pub mod picture;
mod product;
mod real;
#[cfg(feature = "decompose")]
mod regression;
pub mod rows;
pub mod simd;
pub mod statistics;
mod subspace;
pub mod testing;
mod vector;

pub use contraction::{
    einsum, einsum_into, gemm_batched, matmul_batched, matvec, matvec_into, outer, outer_into, tensordot,
    tensordot_into,
};
#[cfg(feature = "decompose")]
pub use decompose::{
    Cholesky, Conditioning, Factorize, LeastSquares, Lu, MatrixNorm, Qr, Svd, SymmetricEigen, cholesky, cond,
    conditioning, det, eigenvalues, inverse, lstsq, lu, matrix_norm, pinv, qr, rank, singular_values, slogdet, solve,
    svd, symmetric_eigen,
};
pub use decompose::{
    Dominant, RightSide, Triangle, Work, WorkStep, elimination_steps, householder_steps, largest_singular_value,
    power_iteration, solve_triangular, spectral_radius, trace,
};
pub use engine::{Gathered, Offsets, Pack, Packed};
pub use error::{Error, FamilyError, Result};
pub use norm::{Norm, l0_norm, l1_norm, l2_norm, lp_norm, max_norm, min_norm, norm};
pub use product::{gemm, gemm_add, gemm_gathered, gemm_packed, matmul};
pub use real::Real;
#[cfg(feature = "decompose")]
pub use regression::{LinearRegression, Sgd, Solver};
pub use subspace::{gram_schmidt, project_onto_hyperplane, project_onto_subspace};
pub use vector::{angle, cosine_similarity, cosine_similarity_along, distance, dot, project};
