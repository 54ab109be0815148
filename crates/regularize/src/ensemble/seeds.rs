//! The same learner, again and again.

use super::learner::fit_at;
use super::{Ensemble, Learner, Samples, draw};
use crate::error::hold;
use gradus_linalg::Real;
use gradus_nn_layers::Result;
use rand::Rng;

/// A seed ensemble: one learner fitted several times to the same samples, each time with a random stream of its own; the mean predicts.
///
/// For learners that draw: networks, with their initial weights and their order of batches. Where they agree is what the data say; where
/// they differ ([`Ensemble::spread`]) is chance.
///
/// # Errors
/// `fit` returns [`Error::HyperParameter`](crate::Error::HyperParameter) for no learners,
/// [`Error::Learner`](crate::Error::Learner) with the error of a learner that fails.
///
/// # Examples
/// ```
/// use gradus_regularize::ensemble::{Learner, Model, Samples, SeedEnsemble};
/// use gradus_regularize::{ndarray::array, tree::DecisionTree};
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let samples = Samples::values(array![[1.0, 5.0], [2.0, 8.0], [3.0, 7.0]], array![1.0, 2.0, 4.0])?;
/// let trees = SeedEnsemble::new(DecisionTree::stump().max_features(1), 20);
/// let model = trees.fit(&samples, &mut StdRng::seed_from_u64(7))?;
/// assert_eq!(model.models().len(), 20);
/// assert!(model.spread(&array![[2.0, 8.0]])?[[0, 0]] > 0.1);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// B. Lakshminarayanan, A. Pritzel, C. Blundell, *Simple and scalable predictive uncertainty estimation using deep ensembles*,
/// NeurIPS 2017, <https://arxiv.org/abs/1612.01474>
#[derive(Debug, Clone, PartialEq)]
pub struct SeedEnsemble<L> {
    learner: L,
    learners: usize,
}

impl<L> SeedEnsemble<L> {
    /// So many fits of the learner.
    #[must_use]
    pub fn new(learner: L, learners: usize) -> Self {
        Self { learner, learners }
    }
}

impl<F: Real, L: Learner<F>> Learner<F> for SeedEnsemble<L> {
    type Model = Ensemble<L::Model>;

    fn fit(&self, samples: &Samples<F>, rng: &mut dyn Rng) -> Result<Self::Model> {
        const NAME: &str = "seed ensemble";
        hold(self.learners > 0, NAME, "learners", 0.0, "at least 1")?;
        let fit = |place| fit_at(&self.learner, samples, &mut draw::child(rng), NAME, place);
        Ok(Ensemble::new((0..self.learners).map(fit).collect::<Result<Vec<_>>>()?)?)
    }
}
