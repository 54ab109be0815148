//! Decision trees: a few questions of the form "is this feature at most that?", and an answer at the end of each path.
//!
//! Small trees are what boosting is made of, and deep ones what bagging is made of: quick to fit, good at what a linear model
//! cannot see, and unstable enough that many of them are better than one.
//!
//! # References
//! L. Breiman, J. H. Friedman, R. A. Olshen, C. J. Stone, *Classification and regression trees*, Wadsworth, 1984

mod fitted;
mod grow;
mod impurity;
mod split;

pub use fitted::{Node, Split, Tree};
pub use impurity::Impurity;

use crate::ensemble::{Learner, Samples};
use crate::error::hold;
use gradus_linalg::Real;
use gradus_nn_layers::Result;
use rand::Rng;

/// Grows a decision tree: CART, without pruning.
///
/// ```text
/// of the rows at a node, of weight W, a split makes L (feature ≤ threshold) and R, of weights W_L and W_R:
/// choose feature and threshold with the largest   W I − W_L I_L − W_R I_R
///
/// classes:  Gini     I = Σₖ pₖ (1 − pₖ)      pₖ: the share of class k in the weight
///           entropy  I = − Σₖ pₖ ln pₖ
/// values:   I = Σ wᵢ (yᵢ − ȳ)² / W           the weighted variance
/// a leaf predicts   p, or ȳ
/// ```
///
/// Thresholds lie half-way between neighbouring values. Of equally good splits the one with the first feature, and of it the lowest
/// threshold, is taken. A node is split as long as it is impure, even if no split makes it purer at once: exclusive-or needs that.
/// Rows of weight 0 are left out.
///
/// | setting | means | default | range |
/// | --- | --- | --- | --- |
/// | `max_depth` | questions on a path | no bound | |
/// | `min_samples_split` | rows that a node needs in order to be split | 2 | at least 2 |
/// | `min_samples_leaf` | rows that a leaf has at least | 1 | at least 1 |
/// | `impurity` | Gini or entropy, where there are classes | Gini | |
/// | `max_features` | features that are looked at for a split, drawn anew for each | all | at least 1 |
///
/// Only `max_features` draws random numbers; with it, [`Bagging`](crate::ensemble::Bagging) of trees is a random forest.
///
/// # Errors
/// `fit` returns [`Error::HyperParameter`](crate::Error::HyperParameter) for a setting out of its range.
///
/// # Examples
/// ```
/// use gradus_regularize::ensemble::{Learner, Model, Samples};
/// use gradus_regularize::{ndarray::array, tree::DecisionTree};
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let x = array![[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
/// let xor = Samples::classes(x.clone(), array![0, 1, 1, 0], 2)?;
/// let tree = DecisionTree::new().max_depth(2).fit(&xor, &mut StdRng::seed_from_u64(0))?;
/// assert_eq!(tree.predict_classes(&x)?, array![0, 1, 1, 0]);
/// assert_eq!((tree.depth(), tree.leaves()), (2, 4));
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// - L. Breiman, J. H. Friedman, R. A. Olshen, C. J. Stone, *Classification and regression trees*, Wadsworth, 1984
/// - L. Breiman, *Random forests*, Machine Learning 45, 2001, <https://doi.org/10.1023/A:1010933404324> (`max_features`)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecisionTree {
    max_depth: Option<usize>,
    min_samples_split: usize,
    min_samples_leaf: usize,
    impurity: Impurity,
    max_features: Option<usize>,
}

impl DecisionTree {
    /// A tree that grows until its leaves are pure.
    #[must_use]
    pub fn new() -> Self {
        Self {
            max_depth: None,
            min_samples_split: 2,
            min_samples_leaf: 1,
            impurity: Impurity::Gini,
            max_features: None,
        }
    }

    /// A tree of one question: the weak learner of boosting.
    ///
    /// # References
    /// W. Iba, P. Langley, *Induction of one-level decision trees*, ICML 1992
    #[must_use]
    pub fn stump() -> Self {
        Self::new().max_depth(1)
    }

    /// At most so many questions on a path; with 0 the tree is one leaf.
    #[must_use]
    pub fn max_depth(self, max_depth: usize) -> Self {
        Self { max_depth: Some(max_depth), ..self }
    }

    /// Only nodes of at least so many rows are split.
    #[must_use]
    pub fn min_samples_split(self, min_samples_split: usize) -> Self {
        Self { min_samples_split, ..self }
    }

    /// Leaves have at least so many rows.
    #[must_use]
    pub fn min_samples_leaf(self, min_samples_leaf: usize) -> Self {
        Self { min_samples_leaf, ..self }
    }

    /// How the impurity of classes is measured.
    #[must_use]
    pub fn impurity(self, impurity: Impurity) -> Self {
        Self { impurity, ..self }
    }

    /// Looks at so many features for each split, drawn at random; at more if all of them are constant there.
    #[must_use]
    pub fn max_features(self, max_features: usize) -> Self {
        Self { max_features: Some(max_features), ..self }
    }

    /// Checks the settings; `fit` does so too.
    ///
    /// # Errors
    /// [`Error::HyperParameter`](crate::Error::HyperParameter) names the field, its value and what would fit.
    pub fn validate(&self) -> crate::Result<()> {
        let held = |field, value: usize, least: usize, expected| {
            hold(value >= least, "decision tree", field, value as f64, expected)
        };
        held("min_samples_split", self.min_samples_split, 2, "at least 2")?;
        held("min_samples_leaf", self.min_samples_leaf, 1, "at least 1")?;
        held("max_features", self.max_features.unwrap_or(1), 1, "at least 1")
    }
}

impl Default for DecisionTree {
    fn default() -> Self {
        Self::new()
    }
}

impl<F: Real> Learner<F> for DecisionTree {
    type Model = Tree<F>;

    fn fit(&self, samples: &Samples<F>, rng: &mut dyn Rng) -> Result<Tree<F>> {
        self.validate()?;
        Ok(grow::grow(self, samples, rng))
    }
}
