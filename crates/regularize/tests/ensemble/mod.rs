//! Trees and ensembles.

mod errors;
mod laws;
mod scikit_learn;
