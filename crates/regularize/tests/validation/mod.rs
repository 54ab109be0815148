//! The study of generalization.

mod bootstrap;
mod splits;
