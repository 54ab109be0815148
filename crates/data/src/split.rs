//! Two parts of one data set: to train on, and to judge by.

use crate::{Error, Labelled, Result};
use gradus_linalg::Real;
use rand::Rng;
use rand::seq::SliceRandom;

impl<F: Real> Labelled<F> {
    /// Shuffles the samples and parts them in two: `fraction` of them, rounded to whole samples, and the rest.
    ///
    /// ```
    /// use gradus_data::Digits;
    /// use rand::{SeedableRng, rngs::StdRng};
    ///
    /// let (train, test) = Digits::embedded().split(0.8, &mut StdRng::seed_from_u64(7))?;
    /// assert_eq!((train.len(), test.len()), (1438, 359));
    /// # Ok::<(), gradus_data::Error>(())
    /// ```
    ///
    /// # Errors
    /// - [`Error::Fraction`] if the fraction is not between 0 and 1, or NaN.
    /// - [`Error::EmptyPart`] if one of the parts would have no sample.
    pub fn split(&self, fraction: f64, rng: &mut (impl Rng + ?Sized)) -> Result<(Self, Self)> {
        if !(fraction > 0.0 && fraction < 1.0) {
            return Err(Error::Fraction { found: fraction });
        }
        let first = (self.len() as f64 * fraction).round() as usize;
        self.check_parts("split", first)?;
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.shuffle(rng);
        let (left, right) = order.split_at(first);
        Ok((self.select(left)?, self.select(right)?))
    }

    /// The first `n` samples and the rest, in order: for data whose authors say which part to test on.
    ///
    /// # Errors
    /// [`Error::EmptyPart`] if one of the parts would have no sample, or `n` is larger than the number of samples.
    pub fn split_at(&self, n: usize) -> Result<(Self, Self)> {
        self.check_parts("split_at", n)?;
        let order: Vec<usize> = (0..self.len()).collect();
        let (left, right) = order.split_at(n);
        Ok((self.select(left)?, self.select(right)?))
    }

    fn check_parts(&self, operation: &'static str, first: usize) -> Result<()> {
        if first == 0 || first >= self.len() {
            return Err(Error::EmptyPart { operation, first, len: self.len() });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradus_linalg::ndarray::array;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    #[test]
    fn split_at_keeps_the_order() {
        let set = Labelled::new(array![0., 1., 2.], vec![0, 1, 2], 3).unwrap();
        let (first, rest) = set.split_at(2).unwrap();
        assert_eq!((first.inputs(), first.labels()), (&array![0., 1.].into_dyn(), &array![0, 1]));
        assert_eq!((rest.inputs(), rest.labels()), (&array![2.].into_dyn(), &array![2]));
    }

    #[test]
    fn parts_without_samples_are_errors() {
        let set = Labelled::new(array![0., 1., 2.], vec![0, 1, 2], 3).unwrap();
        for n in [0, 3, usize::MAX] {
            assert!(matches!(set.split_at(n), Err(Error::EmptyPart { len: 3, .. })));
        }
        let mut rng = StdRng::seed_from_u64(0);
        for fraction in [0.0, 1.0, -0.5, 1.5, f64::NAN, f64::INFINITY] {
            assert!(matches!(set.split(fraction, &mut rng), Err(Error::Fraction { .. })));
        }
        assert_eq!(
            set.split(0.9, &mut rng).unwrap_err().to_string(),
            "split: 3 of 3 samples to the first part: one side would be empty; 1 to 2 would fit"
        );
        let one = set.select(&[0]).unwrap();
        assert!(one.split(0.5, &mut rng).unwrap_err().to_string().ends_with("a split takes at least 2 samples"));
    }
}
