//! The tests of this crate, one program.

mod datasets;
mod generators;
mod images;
mod loading;
mod mnist;
mod mutations;
mod npy;
mod properties;
mod tables;
mod windows;
