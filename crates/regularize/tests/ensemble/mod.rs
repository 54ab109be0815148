//! Trees and ensembles.

mod laws;
mod scikit_learn;
