//! Products of arrays of any rank: each is brought to the form of a matrix product, and the engine does the work.
//!
//! ```text
//! outer      Cᵢⱼ = xᵢ yⱼ               a product over an inner axis of length 1
//! matvec     yᵢ = Σ Aᵢⱼ xⱼ              a product with a matrix of one column
//! batched    Cₙᵢⱼ = Σ Aₙᵢₖ Bₙₖⱼ         a product for each n
//! tensordot  sums over pairs of axes    the axes summed over count as one, and so do the others
//! einsum     whatever its letters say   two operands at a time, each pair a batch of products
//! ```
//!
//! Strides are arbitrary. An operand is copied only where the axes that must count as one do not lie behind each other in
//! memory.

mod batched;
mod einsum;
mod pair;
mod vectors;

pub use batched::{gemm_batched, matmul_batched};
pub use einsum::{einsum, einsum_into};
pub use pair::{tensordot, tensordot_into};
pub use vectors::{matvec, matvec_into, outer, outer_into};
