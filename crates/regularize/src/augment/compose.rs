//! Transforms, one after the other, now and then, and over a batch.

use super::probability;
use crate::{Error, Result};
use gradus_linalg::Real;
use gradus_linalg::parallel::for_each_part;
use ndarray::{Array, ArrayView, Axis, Dimension, RemoveAxis};
use rand::{Rng, RngExt};
use std::fmt;

/// A random change of a sample.
///
/// All that is random comes from the generator: the same state of it, the same result. An image is `(C, H, W)`.
pub trait Transform<F: Real, D: Dimension> {
    /// The sample, changed.
    ///
    /// # Errors
    /// If a setting is out of range, or the sample does not fit.
    fn apply(&self, x: ArrayView<'_, F, D>, rng: &mut dyn Rng) -> Result<Array<F, D>>;
}

impl<F: Real, D: Dimension, T: Transform<F, D> + ?Sized> Transform<F, D> for Box<T> {
    fn apply(&self, x: ArrayView<'_, F, D>, rng: &mut dyn Rng) -> Result<Array<F, D>> {
        (**self).apply(x, rng)
    }
}

/// Transforms one after the other; without any, the identity.
pub struct Compose<F: Real, D: Dimension> {
    transforms: Vec<Box<dyn Transform<F, D> + Send + Sync>>,
}

impl<F: Real, D: Dimension> Compose<F, D> {
    /// No transform yet.
    #[must_use]
    pub fn new() -> Self {
        Self { transforms: Vec::new() }
    }

    /// With one more at the end.
    #[must_use]
    pub fn then(mut self, transform: impl Transform<F, D> + Send + Sync + 'static) -> Self {
        self.transforms.push(Box::new(transform));
        self
    }
}

impl<F: Real, D: Dimension> Default for Compose<F, D> {
    fn default() -> Self {
        Self::new()
    }
}

impl<F: Real, D: Dimension> fmt::Debug for Compose<F, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compose").field("transforms", &self.transforms.len()).finish()
    }
}

impl<F: Real, D: Dimension> Transform<F, D> for Compose<F, D> {
    fn apply(&self, x: ArrayView<'_, F, D>, rng: &mut dyn Rng) -> Result<Array<F, D>> {
        let Some((first, others)) = self.transforms.split_first() else { return Ok(x.to_owned()) };
        others.iter().try_fold(first.apply(x, rng)?, |x, transform| transform.apply(x.view(), rng))
    }
}

/// A transform that is applied with probability `p`, and else leaves the sample as it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Maybe<T> {
    /// The transform.
    pub transform: T,
    /// The probability with which it is applied.
    pub p: f64,
}

impl<T> Maybe<T> {
    /// Applies the transform with probability `p`.
    pub fn new(transform: T, p: f64) -> Self {
        Self { transform, p }
    }
}

impl<F: Real, D: Dimension, T: Transform<F, D>> Transform<F, D> for Maybe<T> {
    fn apply(&self, x: ArrayView<'_, F, D>, rng: &mut dyn Rng) -> Result<Array<F, D>> {
        probability("maybe", self.p)?;
        if rng.random::<f64>() < self.p { self.transform.apply(x, rng) } else { Ok(x.to_owned()) }
    }
}

/// A sample that is yet to be made, or what became of it.
type Outcome<F, D> = Option<Result<Array<F, D>>>;

/// The transform of every sample of a batch, each with a generator of its own, on the threads of the current pool.
///
/// # Shapes
/// - batch: `(N, …)`, samples of any shape
/// - output: `(N, …)` with the shape that the transform gives them, the same for all
///
/// # Errors
/// That of the first sample that has one, and [`Error::Lengths`] if two come out in different shapes.
pub fn each<F: Real, D: Dimension + RemoveAxis, R: Rng>(
    transform: &(impl Transform<F, D::Smaller> + Sync + ?Sized),
    batch: ArrayView<'_, F, D>,
    rng: impl Fn(usize) -> R + Sync,
) -> Result<Array<F, D>>
where
    D::Smaller: Dimension<Larger = D>,
{
    /// What a number costs on its way, in multiplications.
    const STEPS: usize = 32;
    let mut samples: Vec<Outcome<F, D::Smaller>> = (0..batch.len_of(Axis(0))).map(|_| None).collect();
    let parts: Vec<_> = samples.iter_mut().zip(batch.axis_iter(Axis(0))).enumerate().collect();
    for_each_part(STEPS * batch.len(), parts, |(i, (sample, x))| *sample = Some(transform.apply(x, &mut rng(i))));
    let samples: Vec<_> = samples.into_iter().flatten().collect::<Result<_>>()?;
    let Some(first) = samples.first() else { return Ok(batch.to_owned()) };
    if let Some(other) = samples.iter().find(|other| other.shape() != first.shape()) {
        let (left, right) = (first.shape().to_vec(), other.shape().to_vec());
        let expected = "the samples of a batch must come out in one shape";
        return Err(Error::Lengths { operation: "each", left, right, expected });
    }
    let views: Vec<_> = samples.iter().map(|sample| sample.view()).collect();
    Ok(ndarray::stack(Axis(0), &views).expect("the shapes are the same"))
}
