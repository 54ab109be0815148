#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod backward;
mod checkpoint;
mod derivatives;
mod dual;
mod error;
mod explain;
mod flow;
mod formulas;
mod function;
mod fused;
pub mod gradcheck;
mod gradients;
mod hooks;
mod leaf;
mod memory;
mod observe;
mod ops;
mod peak;
mod record;
mod render;
mod steps;
mod tape;
pub mod testing;
mod value;
mod var;
mod watch;

pub use backward::Slots;
pub use checkpoint::checkpoint;
pub use derivatives::{hessian, hvp, jacobian, jvp, vjp};
pub use dual::Dual;
pub use error::{Error, Result};
pub use explain::{Explanation, explain};
pub use flow::{Flow, FlowReport};
pub use formulas::Formula;
pub use function::Function;
#[doc(hidden)]
pub use function::Outcome;
pub use fused::{Jet, fused, fused_sum};
pub use gradcheck::gradcheck;
pub use gradients::{Gradients, Key};
pub use gradus_linalg::{Real, ndarray};
pub use leaf::{Leaf, LeafId};
pub use memory::{Held, Memory};
pub use observe::Observed;
pub use ops::{choose, concatenate, stack};
pub use peak::{Alive, Moment, Pass, Peak};
pub use steps::{Step, StepInput, Steps};
pub use tape::Tape;
pub use value::Value;
pub use var::Var;
pub use watch::{NonFinite, Operand};
