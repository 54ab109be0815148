#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod answer;
pub mod catalogue;
pub mod checks;
pub mod exercises;
pub mod grader;
pub mod hints;
pub mod solutions;

pub use answer::{Answer, NotDone};
