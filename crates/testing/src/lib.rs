#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod calls;
pub mod close;
pub mod golden;
pub mod refusals;
pub mod strategies;

mod cases;
mod float;

pub use cases::proptest_cases;
pub use close::{Tolerance, assert_close, close, close_scalar, equal};
pub use float::Float;
#[doc(hidden)]
pub use insta;
