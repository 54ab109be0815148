//! A tree that was grown.

use crate::Error;
use crate::ensemble::Model;
use crate::error::{KNOWN, finite};
use gradus_linalg::Real;
use gradus_nn_layers::Result;
use ndarray::{Array1, Array2, ArrayRef1, ArrayRef2, Axis};
use std::fmt;

/// A fitted decision tree, of [`DecisionTree`](super::DecisionTree).
///
/// # Examples
/// ```
/// use gradus_regularize::ensemble::{Learner, Model, Samples};
/// use gradus_regularize::{ndarray::array, tree::DecisionTree};
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let samples = Samples::values(array![[1.0], [2.0], [3.0], [4.0]], array![1.0, 1.0, 5.0, 6.0])?;
/// let tree = DecisionTree::new().max_depth(2).fit(&samples, &mut StdRng::seed_from_u64(0))?;
/// assert_eq!(tree.predict_values(&array![[-7.0], [2.5], [9.0]])?, array![1.0, 1.0, 6.0]);
/// assert_eq!(tree.to_string(), "\
/// x0 ≤ 2.5
///   [1], 2 samples
/// else
///   x0 ≤ 3.5
///     [5], 1 sample
///   else
///     [6], 1 sample
/// ");
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Tree<F: Real = f32> {
    pub(super) nodes: Vec<Node<F>>,
    pub(super) features: usize,
    pub(super) outputs: usize,
}

/// A node of a [`Tree`].
#[derive(Debug, Clone, PartialEq)]
pub struct Node<F: Real = f32> {
    /// What is asked here; none at a leaf.
    pub split: Option<Split<F>>,
    /// The share of each class, or the mean, of the rows that came here.
    pub value: Vec<F>,
    /// How many rows of the fit came here.
    pub samples: usize,
    /// Their weight.
    pub weight: f64,
    /// How mixed their targets are.
    pub impurity: f64,
}

/// A question, and the nodes that its answers lead to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Split<F: Real = f32> {
    /// The column that is looked at.
    pub feature: usize,
    /// Rows whose number is at most this go left.
    pub threshold: F,
    /// The place of the left node.
    pub left: usize,
    /// The place of the right node.
    pub right: usize,
}

impl<F: Real> Tree<F> {
    /// All nodes: the root first, each followed by all that is left below it and then by all that is right.
    #[must_use]
    pub fn nodes(&self) -> &[Node<F>] {
        &self.nodes
    }

    /// The number of leaves.
    #[must_use]
    pub fn leaves(&self) -> usize {
        self.nodes.iter().filter(|node| node.split.is_none()).count()
    }

    /// The number of questions on the longest path.
    #[must_use]
    pub fn depth(&self) -> usize {
        let mut depths = vec![0; self.nodes.len()];
        for (place, node) in self.nodes.iter().enumerate() {
            if let Some(split) = node.split {
                depths[split.left] = depths[place] + 1;
                depths[split.right] = depths[place] + 1;
            }
        }
        depths.into_iter().max().unwrap_or(0)
    }

    /// The place in [`nodes`](Self::nodes) of the leaf that each row comes to, `(N,)`.
    ///
    /// # Errors
    /// [`Error::Features`] for another number of columns than the tree was fitted to; [`Error::Element`].
    pub fn apply(&self, x: &ArrayRef2<F>) -> crate::Result<Array1<usize>> {
        let (found, expected) = (x.ncols(), self.features);
        if found != expected {
            return Err(Error::Features { operation: "decision tree", found, expected });
        }
        finite("decision tree", "feature", x, KNOWN)?;
        Ok(x.rows().into_iter().map(|row| self.leaf(&row)).collect())
    }

    /// How much of the impurity each feature took away, as a share of all that was taken, `(D,)`; all 0 of a tree that is one leaf.
    ///
    /// ```text
    /// of feature f:  Σ over its splits (W I − W_L I_L − W_R I_R),  divided by the sum over all features
    /// ```
    ///
    /// # References
    /// Breiman et al. 1984, section 5.3
    #[must_use]
    pub fn feature_importances(&self) -> Array1<f64> {
        let mut taken = Array1::zeros(self.features);
        let mass = |node: &Node<F>| node.weight * node.impurity;
        for node in &self.nodes {
            if let Some(split) = node.split {
                taken[split.feature] += mass(node) - mass(&self.nodes[split.left]) - mass(&self.nodes[split.right]);
            }
        }
        let total = taken.sum();
        if total > 0.0 { taken / total } else { taken }
    }

    fn leaf(&self, row: &ArrayRef1<F>) -> usize {
        let mut place = 0;
        while let Some(split) = self.nodes[place].split {
            place = if row[split.feature] <= split.threshold { split.left } else { split.right };
        }
        place
    }
}

impl<F: Real> Model<F> for Tree<F> {
    fn predict(&self, x: &ArrayRef2<F>) -> Result<Array2<F>> {
        let mut y = Array2::zeros((x.nrows(), self.outputs));
        for (mut row, &leaf) in y.axis_iter_mut(Axis(0)).zip(&self.apply(x)?) {
            row.iter_mut().zip(&self.nodes[leaf].value).for_each(|(y, &value)| *y = value);
        }
        Ok(y)
    }

    fn refit_regions(&mut self, x: &ArrayRef2<F>, value: &mut dyn FnMut(&[usize]) -> F) -> Result<()> {
        let mut rows_of = vec![Vec::new(); self.nodes.len()];
        for (row, &leaf) in self.apply(x)?.iter().enumerate() {
            rows_of[leaf].push(row);
        }
        for (node, rows) in self.nodes.iter_mut().zip(&rows_of).filter(|(_, rows)| !rows.is_empty()) {
            node.value.fill(value(rows));
        }
        Ok(())
    }
}

impl<F: Real> fmt::Display for Tree<F> {
    /// The questions, one on a line, with what follows from them indented.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut open = vec![(0, 0, false)];
        while let Some((place, depth, is_else)) = open.pop() {
            if is_else {
                writeln!(f, "{}else", "  ".repeat(depth - 1))?;
            }
            let node = &self.nodes[place];
            let indent = "  ".repeat(depth);
            if let Some(split) = node.split {
                writeln!(f, "{indent}x{} ≤ {}", split.feature, split.threshold)?;
                open.push((split.right, depth + 1, true));
                open.push((split.left, depth + 1, false));
            } else {
                let value: Vec<String> = node.value.iter().map(F::to_string).collect();
                let plural = if node.samples == 1 { "" } else { "s" };
                writeln!(f, "{indent}[{}], {} sample{plural}", value.join(", "), node.samples)?;
            }
        }
        Ok(())
    }
}
