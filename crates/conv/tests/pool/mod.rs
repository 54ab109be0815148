//! Pooling as a user meets it, and its laws over random geometries.

mod laws;
mod layers;
mod loops;
mod refusals;
