//! Everything but the golden cases and the laws of back-propagation, as one program: each program costs a build.

#![allow(clippy::unwrap_used)] // also in the helpers of the tests

mod adam;
mod cells;
mod checkpoints;
mod drivers;
mod flow;
mod gated;
mod generate;
mod hand;
mod judges;
mod layers;
mod seq2seq;
mod symbols;
mod tasks;
mod text;
mod truncated;
