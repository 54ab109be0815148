//! Looks at a model: what it is made of, how signals go through it, and how its gradients are.

mod description;
mod entries;
mod health;
mod propagation;
mod regions;
mod summary;
mod table;
mod verdict;

pub use description::Description;
pub(crate) use description::{size, type_name};
pub use health::{Health, ParameterHealth, health};
pub use propagation::{Moments, Propagation, Signal, signal_propagation};
pub use regions::{DecisionRegions, decision_regions};
pub use summary::{Summary, SummaryRow, summary};
pub use verdict::Verdict;
