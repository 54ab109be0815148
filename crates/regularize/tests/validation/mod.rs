//! The study of generalization.

mod splits;
