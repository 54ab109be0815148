//! The tests of this crate, one program.

mod datasets;
mod generators;
mod loading;
mod mnist;
mod mutations;
mod properties;
mod tables;
