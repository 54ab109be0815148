//! The tests of this crate, one program.

mod datasets;
mod errors;
mod files;
mod generators;
mod images;
mod loading;
mod mnist;
mod npy;
mod properties;
mod tables;
mod windows;
