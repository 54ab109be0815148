//! The study of generalization.

mod bias_variance;
mod bootstrap;
mod curve;
mod gap;
mod random_features;
mod splits;
