#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod backward;
mod derivatives;
mod dual;
mod error;
mod function;
pub mod gradcheck;
mod gradients;
mod leaf;
mod ops;
mod record;
mod tape;
pub mod testing;
mod value;
mod var;

pub use backward::Slots;
pub use derivatives::{hessian, hvp, jacobian, jvp, vjp};
pub use dual::Dual;
pub use error::{Error, Result};
pub use function::Function;
#[doc(hidden)]
pub use function::Outcome;
pub use gradcheck::gradcheck;
pub use gradients::{Gradients, Key};
pub use gradus_linalg::{Real, ndarray};
pub use leaf::{Leaf, LeafId};
pub use ops::{choose, concatenate, stack};
pub use tape::{NonFinite, Tape};
pub use value::Value;
pub use var::Var;
