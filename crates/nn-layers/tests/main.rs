//! The tests that share one program: what they have in common of the crate's generic code is compiled once.

#![allow(clippy::unwrap_used)] // also in the helpers of the tests

mod derive;
mod init;
mod interop;
mod layers;
mod module;
mod perceptron;
mod properties;
mod regions;
mod reports;
mod state_dict;
