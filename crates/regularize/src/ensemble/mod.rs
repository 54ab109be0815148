//! Many models instead of one, over any learner: trees, networks and linear models alike.
//!
//! A [`Learner`] fits a [`Model`] to [`Samples`]; a closure is one. Every ensemble here takes learners and is a learner itself, so that
//! they go into each other.
//!
//! | ensemble | models differ by | are combined by | helps against |
//! | --- | --- | --- | --- |
//! | [`Bagging`] | the bootstrap sample they saw | the mean | variance |
//! | [`SeedEnsemble`] | their random stream | the mean | variance |
//! | [`Snapshots`] | the minimum that one training run passed through | the mean | variance, for the price of one run |
//! | [`Voting`] | what they are | the mean, or the majority | the weakness of each |
//! | [`Stacking`] | what they are | one more learner | the weakness of each |
//! | [`AdaBoost`] | the weights of the samples | a weighted majority | bias |
//! | [`GradientBoosting`] | the residuals they were fitted to | the sum | bias |
//!
//! # Examples
//! ```
//! use gradus_regularize::ensemble::{AdaBoost, Learner, Model, Samples};
//! use gradus_regularize::ndarray::{Array1, Array2};
//! use gradus_regularize::tree::DecisionTree;
//! use rand::{SeedableRng, rngs::StdRng};
//!
//! // Which points lie in a disc? One question cannot tell; the votes of forty can, nearly.
//! let x = Array2::from_shape_fn((121, 2), |(i, j)| (if j == 0 { i / 11 } else { i % 11 }) as f64 / 5.0 - 1.0);
//! let labels: Array1<usize> = x.rows().into_iter().map(|p| usize::from(p[0] * p[0] + p[1] * p[1] < 0.6)).collect();
//! let samples = Samples::classes(x.clone(), labels.clone(), 2)?;
//! let mut rng = StdRng::seed_from_u64(7);
//! let right = |model: &dyn Model<f64>| -> gradus_nn_layers::Result<usize> {
//!     Ok(model.predict_classes(&x)?.iter().zip(&labels).filter(|(a, b)| a == b).count())
//! };
//! assert!(right(&DecisionTree::stump().fit(&samples, &mut rng)?)? < 90);
//! assert!(right(&AdaBoost::new(DecisionTree::stump(), 40).fit(&samples, &mut rng)?)? > 105);
//! # Ok::<(), gradus_nn_layers::Error>(())
//! ```

mod adaboost;
mod bagging;
mod boosted;
mod combine;
mod draw;
mod gradient;
mod learner;
mod loss;
mod network;
mod samples;
mod seeds;
mod snapshots;
mod stacking;
mod voting;

pub use adaboost::{AdaBoost, AdaBoosted};
pub use bagging::{Bagged, Bagging, OutOfBag};
pub use boosted::GradientBoosted;
pub use combine::{Ensemble, Vote};
pub use gradient::GradientBoosting;
pub use learner::{AnyLearner, BoxLearner, Learner, Model, prediction_error};
pub(crate) use learner::{fits, winners};
pub use network::Network;
pub use samples::{Samples, Targets};
pub use seeds::SeedEnsemble;
pub use snapshots::Snapshots;
pub use stacking::{Stacked, Stacking};
pub use voting::Voting;
