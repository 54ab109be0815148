//! The tests of this crate, one program.

mod datasets;
mod mnist;
mod mutations;
mod properties;
mod tables;
