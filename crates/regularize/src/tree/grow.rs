//! From the root down.

use super::fitted::{Node, Split, Tree};
use super::impurity::{Described, describe};
use super::{DecisionTree, split};
use crate::ensemble::{Samples, Targets};
use gradus_linalg::Real;
use rand::Rng;

/// Grows a tree. The nodes still to be looked at lie on a stack of our own: a tree may be as deep as there are rows.
pub(super) fn grow<F: Real>(settings: &DecisionTree, samples: &Samples<F>, rng: &mut dyn Rng) -> Tree<F> {
    let heavy = |row: &usize| samples.weights()[*row] > F::zero();
    let mut tree = Tree { nodes: Vec::new(), features: samples.features(), outputs: samples.outputs() };
    let pure = negligible(samples);
    // Rows, depth, and whose right child it is; a left child follows its parent at once.
    let mut open = vec![((0..samples.len()).filter(heavy).collect::<Vec<_>>(), 0, None)];
    while let Some((rows, depth, right_of)) = open.pop() {
        let place = tree.nodes.len();
        if let Some(parent) = right_of {
            let parent: &mut Node<F> = &mut tree.nodes[parent];
            if let Some(split) = &mut parent.split {
                split.right = place;
            }
        }
        let Described { value, weight, impurity } = describe(samples, settings.impurity, &rows);
        let may_split = settings.max_depth.is_none_or(|most| depth < most)
            && rows.len() >= settings.min_samples_split
            && impurity > pure;
        let question = if may_split { split::best(settings, samples, &rows, rng) } else { None };
        let value = value.into_iter().map(F::from_f64).collect();
        let mut node = Node { split: None, value, samples: rows.len(), weight, impurity };
        if let Some(question) = question {
            // The place of the right child is put in when it is reached.
            node.split =
                Some(Split { feature: question.feature, threshold: question.threshold, left: place + 1, right: place });
            open.push((question.right, depth + 1, Some(place)));
            open.push((question.left, depth + 1, None));
        }
        tree.nodes.push(node);
    }
    tree
}

/// The impurity that rounding alone makes.
fn negligible<F: Real>(samples: &Samples<F>) -> f64 {
    match samples.targets() {
        Targets::Classes { .. } => f64::EPSILON,
        Targets::Values(y) => {
            let largest = y.iter().fold(0.0_f64, |most, y| most.max(y.to_f64().abs()));
            (F::EPSILON.to_f64() * largest).powi(2)
        }
    }
}
