//! Mini-batches.

use crate::{BatchSize, Labelled};
use gradus_linalg::ndarray::{Array1, ArrayD};
use gradus_linalg::{Real, memory};
use rand::Rng;
use rand::seq::SliceRandom;
use std::iter::FusedIterator;

/// Mini-batches of a data set, each `(inputs, labels)`: made by [`Labelled::batches`].
///
/// An iterator that knows its length: `len()` is the number of batches still to come. The inputs of a batch are copied
/// into [recycled memory](gradus_linalg::memory), so that a training loop which gives it back allocates nothing.
///
/// # Shapes
/// - inputs: `(B, …)`, where `B` is the batch size, or less in the last batch
/// - labels: `(B,)`
#[derive(Debug, Clone)]
pub struct Batches<'a, F = f32> {
    data: &'a Labelled<F>,
    size: usize,
    /// Which sample comes when; in order if there is none.
    order: Option<Vec<usize>>,
    /// Samples that have been handed out.
    position: usize,
    drop_last: bool,
}

impl<'a, F: Real> Batches<'a, F> {
    pub(crate) fn new(data: &'a Labelled<F>, size: BatchSize) -> Self {
        Self { data, size: size.get(), order: None, position: 0, drop_last: false }
    }

    /// Brings the samples into random order, every order equally likely.
    ///
    /// The order is drawn at once, so that `rng` is free again for the body of the loop. The same seed draws the same order.
    #[must_use]
    pub fn shuffled(mut self, rng: &mut (impl Rng + ?Sized)) -> Self {
        let mut order = self.order.unwrap_or_else(|| (0..self.data.len()).collect());
        order[self.position..].shuffle(rng);
        self.order = Some(order);
        self
    }

    /// Leaves out the last batch if it would be smaller than the others.
    #[must_use]
    pub fn drop_last(mut self) -> Self {
        self.drop_last = true;
        self
    }

    /// The number of batches still to come.
    fn remaining(&self) -> usize {
        let samples = self.data.len() - self.position;
        if self.drop_last { samples / self.size } else { samples.div_ceil(self.size) }
    }
}

impl<F: Real> Iterator for Batches<'_, F> {
    type Item = (ArrayD<F>, Array1<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.remaining() == 0 {
            return None;
        }
        let start = self.position;
        let n = self.size.min(self.data.len() - start);
        self.position = start + n;

        let shape = self.data.shape_of(n);
        let per_sample: usize = self.data.sample_shape().iter().product();
        let mut inputs = memory::take(n * per_sample);
        let labels = match &self.order {
            Some(order) => {
                let order = &order[start..][..n];
                self.data.copy_samples(order, &mut inputs);
                order.iter().map(|&i| self.data.labels()[i]).collect()
            }
            None => {
                inputs.copy_from_slice(&self.data.numbers()[start * per_sample..][..n * per_sample]);
                self.data.labels().iter().skip(start).take(n).copied().collect()
            }
        };
        let inputs = ArrayD::from_shape_vec(shape, inputs).expect("the memory was taken for this shape");
        Some((inputs, labels))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.remaining(), Some(self.remaining()))
    }
}

impl<F: Real> ExactSizeIterator for Batches<'_, F> {}
impl<F: Real> FusedIterator for Batches<'_, F> {}

#[cfg(test)]
mod tests {
    use super::*;
    use gradus_linalg::ndarray::array;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    fn five() -> Labelled<f64> {
        Labelled::new(array![[0., 1.], [10., 11.], [20., 21.], [30., 31.], [40., 41.]], vec![0, 1, 2, 3, 4], 5).unwrap()
    }

    #[test]
    fn in_order_the_last_batch_is_smaller() {
        let set = five();
        let mut batches = set.batches(2);
        assert_eq!(batches.len(), 3);
        assert_eq!(batches.next(), Some((array![[0., 1.], [10., 11.]].into_dyn(), array![0, 1])));
        assert_eq!(batches.len(), 2);
        assert_eq!(batches.next(), Some((array![[20., 21.], [30., 31.]].into_dyn(), array![2, 3])));
        assert_eq!(batches.next(), Some((array![[40., 41.]].into_dyn(), array![4])));
        assert_eq!((batches.len(), batches.next(), batches.next()), (0, None, None));
    }

    #[test]
    fn drop_last_leaves_out_only_a_smaller_batch() {
        let set = five();
        assert_eq!(set.batches(2).drop_last().len(), 2);
        assert_eq!(set.batches(2).drop_last().flat_map(|(_, labels)| labels).collect::<Vec<_>>(), [0, 1, 2, 3]);
        assert_eq!(set.batches(5).drop_last().len(), 1);
        assert_eq!(set.batches(6).drop_last().count(), 0);
    }

    #[test]
    fn extreme_sizes_still_give_every_sample_once() {
        let set = five();
        assert_eq!(set.batches(usize::MAX).map(|(x, _)| x).collect::<Vec<_>>(), [set.inputs().clone()]);
        assert_eq!(set.batches(0).len(), 5);
        assert_eq!(set.batches(0).flat_map(|(_, labels)| labels).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        assert_eq!(BatchSize::new(0).unwrap_err().to_string(), "batch size 0: a mini-batch has at least 1 sample");
    }

    #[test]
    fn inputs_stay_with_their_labels_and_the_generator_is_free_again() {
        let set = five();
        let mut rng = StdRng::seed_from_u64(1);
        let mut seen = Vec::new();
        for (inputs, labels) in set.batches(2).shuffled(&mut rng) {
            let _free = &mut rng;
            for (input, &label) in inputs.outer_iter().zip(&labels) {
                assert_eq!(input, array![10. * label as f64, 10. * label as f64 + 1.].into_dyn());
                seen.push(label);
            }
        }
        assert_ne!(seen, [0, 1, 2, 3, 4]);
        seen.sort_unstable();
        assert_eq!(seen, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn shuffling_midway_keeps_what_was_handed_out() {
        let set = five();
        let mut batches = set.batches(2);
        batches.next();
        let mut rest: Vec<usize> =
            batches.shuffled(&mut StdRng::seed_from_u64(2)).flat_map(|(_, labels)| labels).collect();
        rest.sort_unstable();
        assert_eq!(rest, [2, 3, 4]);
    }
}
