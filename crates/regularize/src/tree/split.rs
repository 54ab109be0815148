//! The best question at a node.

use super::DecisionTree;
use super::impurity::Tally;
use crate::ensemble::Samples;
use gradus_linalg::Real;
use rand::Rng;
use rand::seq::SliceRandom;

/// A question and how its answers part the rows.
pub(super) struct Question<F> {
    pub(super) feature: usize,
    pub(super) threshold: F,
    pub(super) left: Vec<usize>,
    pub(super) right: Vec<usize>,
}

/// The question that leaves the least impurity; none if every feature is constant, or no leaf would be large enough.
pub(super) fn best<F: Real>(
    settings: &DecisionTree,
    samples: &Samples<F>,
    rows: &[usize],
    rng: &mut dyn Rng,
) -> Option<Question<F>> {
    let mut features: Vec<usize> = (0..samples.features()).collect();
    let wanted = settings.max_features.map_or(features.len(), |most| most.min(features.len()));
    if wanted < features.len() {
        features.shuffle(rng);
    }
    let none = Tally::empty(samples, settings.impurity, rows);
    let all = none.with(samples, rows);
    let mut best: Option<(f64, usize, usize, Vec<usize>)> = None;
    for (looked_at, &feature) in features.iter().enumerate() {
        if looked_at >= wanted && best.is_some() {
            break;
        }
        let order = sorted(samples, feature, rows);
        if let Some((gain, cut)) = scan(settings, samples, feature, &order, (none.clone(), all.clone()))
            && best.as_ref().is_none_or(|(most, ..)| gain > *most)
        {
            best = Some((gain, feature, cut, order));
        }
    }
    best.map(|(_, feature, cut, mut left)| {
        let right = left.split_off(cut);
        let (low, high) = (samples.x()[[left[cut - 1], feature]], samples.x()[[right[0], feature]]);
        Question { feature, threshold: between(low, high), left, right }
    })
}

/// The rows in the order of a feature; of equal ones, in their own.
fn sorted<F: Real>(samples: &Samples<F>, feature: usize, rows: &[usize]) -> Vec<usize> {
    let mut order: Vec<(f64, usize)> = rows.iter().map(|&row| (samples.x()[[row, feature]].to_f64(), row)).collect();
    // Adding 0 makes −0 the 0 that it is equal to.
    order.sort_unstable_by(|(a, i), (b, j)| (a + 0.0).total_cmp(&(b + 0.0)).then(i.cmp(j)));
    order.into_iter().map(|(_, row)| row).collect()
}

/// The largest purity over the places where sorted rows can be cut in two, and the place.
fn scan<F: Real>(
    settings: &DecisionTree,
    samples: &Samples<F>,
    feature: usize,
    order: &[usize],
    (mut left, mut right): (Tally, Tally),
) -> Option<(f64, usize)> {
    let mut best: Option<(f64, usize)> = None;
    for cut in 1..order.len() {
        let row = order[cut - 1];
        left.add(samples, row, 1.0);
        right.add(samples, row, -1.0);
        let apart = samples.x()[[row, feature]] < samples.x()[[order[cut], feature]];
        if !apart || cut.min(order.len() - cut) < settings.min_samples_leaf {
            continue;
        }
        let purity = left.purity() + right.purity();
        if best.is_none_or(|(most, _)| purity > most) {
            best = Some((purity, cut));
        }
    }
    best
}

/// Half-way from `low` to `high`, but never `high` itself, which belongs on the other side.
fn between<F: Real>(low: F, high: F) -> F {
    let middle = F::from_f64(low.to_f64() / 2.0 + high.to_f64() / 2.0);
    if middle < high { middle } else { low }
}
