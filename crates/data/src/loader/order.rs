//! Which sample comes when.

use crate::{Error, Result, Streams};
use rand::seq::SliceRandom;
use rand::{Rng, RngExt};

/// The order of an epoch.
pub(super) enum Order {
    Sequential,
    Shuffled,
    /// The samples of each class.
    Stratified(Vec<Vec<usize>>),
    /// Sums of the weights up to each sample.
    Weighted {
        sums: Vec<f64>,
        samples: usize,
    },
}

impl Order {
    pub(super) fn stratified(labels: Vec<usize>, len: usize) -> Result<Self> {
        if labels.len() != len {
            return Err(Error::SamplerLength { what: "labels", found: labels.len(), len });
        }
        // By sorting, for a label may be any number.
        let mut samples: Vec<usize> = (0..len).collect();
        samples.sort_by_key(|&i| labels[i]);
        Ok(Self::Stratified(samples.chunk_by(|&i, &j| labels[i] == labels[j]).map(<[_]>::to_vec).collect()))
    }

    pub(super) fn weighted(weights: &[f64], samples: usize, len: usize) -> Result<Self> {
        if weights.len() != len {
            return Err(Error::SamplerLength { what: "weights", found: weights.len(), len });
        }
        if let Some((position, &found)) = weights.iter().enumerate().find(|(_, w)| !(w.is_finite() && **w >= 0.0)) {
            return Err(Error::Weight { position, found });
        }
        let largest = weights.iter().copied().fold(0.0, f64::max);
        if samples > 0 && largest == 0.0 {
            return Err(Error::Weight { position: 0, found: 0.0 });
        }
        // Relative to the largest, so that the sum of large weights does not overflow.
        let sums = weights.iter().scan(0.0, |sum, weight| {
            *sum += weight / largest;
            Some(*sum)
        });
        Ok(Self::Weighted { sums: sums.collect(), samples })
    }

    /// Samples in an epoch.
    pub(super) fn len(&self, data: usize) -> usize {
        match self {
            Self::Weighted { samples, .. } => *samples,
            _ => data,
        }
    }

    pub(super) fn draw(&self, data: usize, rng: &mut impl Rng) -> Vec<usize> {
        match self {
            Self::Sequential => (0..data).collect(),
            Self::Shuffled => {
                let mut order: Vec<usize> = (0..data).collect();
                order.shuffle(rng);
                order
            }
            Self::Stratified(classes) => {
                let mut keyed = Vec::with_capacity(data);
                for class in classes {
                    let mut class = class.clone();
                    class.shuffle(rng);
                    let begin: f64 = rng.random();
                    let n = class.len() as f64;
                    keyed.extend(class.into_iter().enumerate().map(|(i, sample)| ((i as f64 + begin) / n, sample)));
                }
                keyed.sort_by(|(a, _), (b, _)| a.total_cmp(b));
                keyed.into_iter().map(|(_, sample)| sample).collect()
            }
            Self::Weighted { sums, samples } => {
                let total = sums.last().copied().unwrap_or(0.0);
                // A draw that rounding lifts to the total belongs to the last sample of any weight.
                let last = sums.partition_point(|&sum| sum < total);
                let mut draw = |_| {
                    let place = rng.random::<f64>() * total;
                    sums.partition_point(|&sum| sum <= place).min(last)
                };
                (0..*samples).map(&mut draw).collect()
            }
        }
    }

    pub(super) fn fingerprint(&self) -> u64 {
        let numbers = |name, numbers: &mut dyn Iterator<Item = u64>| {
            numbers.fold(Streams::new(0).child(name), |streams, number| streams.at(number)).key()
        };
        match self {
            Self::Sequential => 0,
            Self::Shuffled => 1,
            Self::Stratified(classes) => {
                numbers("stratified", &mut classes.iter().flat_map(|class| [class.len(), class[0]]).map(|n| n as u64))
            }
            Self::Weighted { sums, samples } => {
                numbers("weighted", &mut sums.iter().map(|sum| sum.to_bits()).chain([*samples as u64]))
            }
        }
    }
}
