//! Different learners, one vote.

use super::combine::check_weights;
use super::learner::fit_at;
use super::{BoxLearner, Ensemble, Learner, Model, Samples, Targets, Vote, draw};
use crate::Error;
use crate::error::hold;
use gradus_linalg::Real;
use gradus_nn_layers::Result;
use rand::Rng;
use std::fmt;

/// Voting: different learners, each fitted to all samples; the mean or the majority predicts, see [`Ensemble`].
///
/// A hard vote asks only which class each finds likeliest; a soft one asks how sure it is, and trusts the answer: it is the better
/// where probabilities are calibrated.
///
/// # Errors
/// `fit` returns [`Error::HyperParameter`] for no learners; [`Error::Targets`] for a hard vote on values; [`Error::Count`],
/// [`Error::Weight`], [`Error::NoWeight`] for weights that do not fit; [`Error::Learner`] with the error of a learner that fails.
///
/// # Examples
/// ```
/// use gradus_regularize::ensemble::{Learner, Model, Samples, Vote, Voting};
/// use gradus_regularize::{ndarray::array, tree::DecisionTree};
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let x = array![[0.0], [1.0], [2.0], [3.0]];
/// let samples = Samples::classes(x.clone(), array![0, 0, 1, 0], 2)?;
/// let voting = Voting::new(vec![Box::new(DecisionTree::stump()), Box::new(DecisionTree::new())]).vote(Vote::Soft);
/// let model = voting.fit(&samples, &mut StdRng::seed_from_u64(7))?;
/// assert_eq!(model.predict(&x)?, array![[1.0, 0.0], [1.0, 0.0], [0.25, 0.75], [0.75, 0.25]]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// J. Kittler, M. Hatef, R. P. W. Duin, J. Matas, *On combining classifiers*, IEEE PAMI 20(3), 1998,
/// <https://doi.org/10.1109/34.667881>
pub struct Voting<F: Real = f32> {
    learners: Vec<BoxLearner<F>>,
    weights: Option<Vec<f64>>,
    vote: Vote,
}

impl<F: Real> Voting<F> {
    /// These learners, of equal weight, by soft vote.
    #[must_use]
    pub fn new(learners: Vec<BoxLearner<F>>) -> Self {
        Self { learners, weights: None, vote: Vote::Soft }
    }

    /// Combines by this vote.
    #[must_use]
    pub fn vote(self, vote: Vote) -> Self {
        Self { vote, ..self }
    }

    /// Gives the learners these weights.
    #[must_use]
    pub fn weights(self, weights: Vec<f64>) -> Self {
        Self { weights: Some(weights), ..self }
    }
}

impl<F: Real> fmt::Debug for Voting<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Voting");
        shown.field("learners", &self.learners.len()).field("weights", &self.weights).field("vote", &self.vote).finish()
    }
}

impl<F: Real> Learner<F> for Voting<F> {
    type Model = Ensemble<Box<dyn Model<F>>>;

    fn fit(&self, samples: &Samples<F>, rng: &mut dyn Rng) -> Result<Self::Model> {
        const NAME: &str = "voting";
        hold(!self.learners.is_empty(), NAME, "learners", 0.0, "at least 1")?;
        if let Some(weights) = &self.weights {
            check_weights(NAME, weights, self.learners.len())?;
        }
        if let (Vote::Hard, Targets::Values(_)) = (self.vote, samples.targets()) {
            return Err(Error::Targets { operation: "hard vote", found: "values", expected: "classes" }.into());
        }
        let models = fit_each(&self.learners, samples, rng, NAME)?;
        let ensemble = Ensemble::new(models)?.vote(self.vote);
        Ok(match &self.weights {
            Some(weights) => ensemble.weighted(weights.clone())?,
            None => ensemble,
        })
    }
}

/// Fits each learner to the samples, with a stream of its own.
pub(super) fn fit_each<F: Real>(
    learners: &[BoxLearner<F>],
    samples: &Samples<F>,
    rng: &mut dyn Rng,
    operation: &'static str,
) -> Result<Vec<Box<dyn Model<F>>>> {
    let fit = |(place, learner)| fit_at(learner, samples, &mut draw::child(rng), operation, place);
    learners.iter().enumerate().map(fit).collect()
}
