//! Mini-batches of any data set: in an order drawn from a seed, prepared in the background, to be continued anywhere.

mod collate;
mod epoch;
mod order;

pub use collate::{Collate, PaddedBatch, pad_sequences};
pub use epoch::{Epoch, Position};

use crate::{BatchSize, Dataset, Error, Result, Streams};
use order::Order;
use rand::rngs::StdRng;
use std::fmt;
use std::sync::Arc;

/// Serves the samples of a [`Dataset`] in mini-batches, epoch after epoch.
///
/// Everything random is a function of the seed, the epoch and the place of a sample in it, and of nothing else:
///
/// ```text
/// order(epoch)                 from the stream  shuffle, epoch
/// transform(epoch, place)      from the stream  augmentation, epoch, place
/// batch transform(epoch, b)    from the stream  batch augmentation, epoch, b
/// ```
///
/// So the batches are the same for any number of [`workers`](Self::workers), and any batch of any epoch can be had without those
/// before it: a [`Position`] of three numbers is all that must be saved to continue in the middle of an epoch.
///
/// # Examples
/// ```
/// use gradus_data::{Digits, Loader};
///
/// let loader = Loader::new(Digits::embedded(), 64)?.shuffled().seed(7).workers(1);
/// for epoch in 0..2 {
///     for batch in loader.epoch(epoch)? {
///         let (images, labels) = batch?;
///         assert_eq!(images.shape(), [labels.len(), 64]);
///     }
/// }
/// # Ok::<(), gradus_data::Error>(())
/// ```
///
/// Continued in the middle of an epoch:
///
/// ```
/// use gradus_data::{Loader, Samples};
///
/// let loader = Loader::new(Samples((0..100_usize).collect::<Vec<_>>()), 8)?.shuffled().seed(7);
/// let mut epoch = loader.epoch(3)?;
/// epoch.nth(4).transpose()?;
/// let saved = epoch.position();
/// let rest: Vec<_> = epoch.collect::<Result<_, _>>()?;
/// assert_eq!(loader.resume(saved)?.collect::<Result<Vec<_>, _>>()?, rest);
/// # Ok::<(), gradus_data::Error>(())
/// ```
pub struct Loader<D: Dataset, B> {
    recipe: Recipe<D, B>,
    workers: usize,
    prefetch: usize,
}

/// How a batch is made: all that the workers share.
struct Recipe<D: Dataset, B> {
    data: Arc<D>,
    size: usize,
    order: Arc<Order>,
    drop_last: bool,
    seed: u64,
    transform: Option<Arc<Transform<D::Sample>>>,
    collate: Arc<CollateFn<D::Sample, B>>,
    batch_transform: Option<Arc<Transform<B>>>,
}

type Transform<S> = dyn Fn(S, &mut StdRng) -> Result<S> + Send + Sync;
type CollateFn<S, B> = dyn Fn(Vec<S>) -> Result<B> + Send + Sync;

impl<D> Loader<D, <D::Sample as Collate>::Batch>
where
    D: Dataset + Send + Sync + 'static,
    D::Sample: Collate + Send + 'static,
{
    /// A loader of batches of `size` samples in order, put together as [`Collate`] says, without background threads, with seed 0.
    ///
    /// # Errors
    /// [`Error::BatchSize`] if the size is 0.
    pub fn new(data: D, size: usize) -> Result<Self> {
        Self::with_collate(data, size, D::Sample::collate)
    }
}

impl<D, B> Loader<D, B>
where
    D: Dataset + Send + Sync + 'static,
    D::Sample: Send + 'static,
    B: Send + 'static,
{
    /// As [`new`](Self::new), with a function of your own that puts samples together, for instance with [`pad_sequences`].
    ///
    /// # Errors
    /// [`Error::BatchSize`] if the size is 0.
    pub fn with_collate(
        data: D,
        size: usize,
        collate: impl Fn(Vec<D::Sample>) -> Result<B> + Send + Sync + 'static,
    ) -> Result<Self> {
        let size = BatchSize::new(size)?.get();
        let recipe = Recipe {
            data: Arc::new(data),
            size,
            order: Arc::new(Order::Sequential),
            drop_last: false,
            seed: 0,
            transform: None,
            collate: Arc::new(collate),
            batch_transform: None,
        };
        Ok(Self { recipe, workers: 0, prefetch: 2 })
    }

    /// Every epoch in an order of its own, each order equally likely.
    #[must_use]
    pub fn shuffled(self) -> Self {
        self.change(|recipe| recipe.order = Arc::new(Order::Shuffled))
    }

    /// Shuffled so that every batch has about the classes' shares of the whole: the samples of each class are spread evenly over the
    /// epoch, from a random beginning. `labels` has the class of each sample, as [`Labelled::labels`](crate::Labelled::labels) does.
    ///
    /// # Errors
    /// [`Error::SamplerLength`] if there are more or fewer labels than samples.
    pub fn stratified(self, labels: impl IntoIterator<Item = usize>) -> Result<Self> {
        let order = Order::stratified(labels.into_iter().collect(), self.recipe.data.len())?;
        Ok(self.change(|recipe| recipe.order = Arc::new(order)))
    }

    /// Each epoch draws `samples` times, with replacement, sample `i` with probability `wᵢ / Σ w`.
    ///
    /// # Errors
    /// - [`Error::SamplerLength`] if there are more or fewer weights than samples.
    /// - [`Error::Weight`] if a weight is negative or not finite, or if none is above 0.
    pub fn weighted(self, weights: &[f64], samples: usize) -> Result<Self> {
        let order = Order::weighted(weights, samples, self.recipe.data.len())?;
        Ok(self.change(|recipe| recipe.order = Arc::new(order)))
    }

    /// Leaves out the last batch if it would be smaller than the others.
    #[must_use]
    pub fn drop_last(self) -> Self {
        self.change(|recipe| recipe.drop_last = true)
    }

    /// The seed of the order and of the transforms.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        self.change(|recipe| recipe.seed = seed)
    }

    /// Changes each sample when it is loaded, for instance by augmentation. The generator is the sample's own: it depends on seed, epoch and
    /// place alone. A second transform comes after the first.
    #[must_use]
    pub fn transform(
        self,
        transform: impl Fn(D::Sample, &mut StdRng) -> Result<D::Sample> + Send + Sync + 'static,
    ) -> Self {
        self.change(|recipe| {
            recipe.transform = Some(then(recipe.transform.take(), transform));
        })
    }

    /// Changes each batch when it has been put together, in the background as well: for what mixes samples, such as mixup. The generator is the
    /// batch's own: it depends on seed, epoch and the batch's number alone. A second transform comes after the first.
    ///
    /// ```
    /// use gradus_data::{Digits, Loader};
    /// use rand::RngExt;
    ///
    /// let loader = Loader::new(Digits::embedded(), 64)?.transform_batch(|(images, labels), rng| {
    ///     let brightness = rng.random_range(0.8..1.2);
    ///     Ok((images * brightness, labels))
    /// });
    /// # assert!(loader.epoch(0)?.next().is_some_and(|batch| batch.is_ok()));
    /// # Ok::<(), gradus_data::Error>(())
    /// ```
    #[must_use]
    pub fn transform_batch(self, transform: impl Fn(B, &mut StdRng) -> Result<B> + Send + Sync + 'static) -> Self {
        self.change(|recipe| {
            recipe.batch_transform = Some(then(recipe.batch_transform.take(), transform));
        })
    }

    /// Background threads that prepare batches while the caller works; 0, the default, prepares each when it is asked for.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// How many finished batches each worker may have waiting, 2 by default and at least 1. Memory is bounded by
    /// `workers · (prefetch + 1)` batches.
    #[must_use]
    pub fn prefetch(mut self, batches: usize) -> Self {
        self.prefetch = batches.max(1);
        self
    }

    /// The data set.
    #[must_use]
    pub fn dataset(&self) -> &D {
        &self.recipe.data
    }

    /// Batches in an epoch.
    #[must_use]
    pub fn len(&self) -> usize {
        self.recipe.batches()
    }

    /// Whether an epoch has no batch.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The batches of an epoch, from its first.
    ///
    /// # Errors
    /// [`Error::Workers`] if the operating system refuses a thread.
    pub fn epoch(&self, epoch: u64) -> Result<Epoch<D, B>> {
        self.resume(Position { epoch, batch: 0, fingerprint: self.recipe.fingerprint() })
    }

    /// The batches from a saved position on: the same as if there had been no stop.
    ///
    /// # Errors
    /// - [`Error::Position`] if it was saved by a loader with another seed, batch size, order or number of samples, or lies beyond the epoch's end.
    /// - [`Error::Workers`] if the operating system refuses a thread.
    pub fn resume(&self, position: Position) -> Result<Epoch<D, B>> {
        let fits = position.fingerprint == self.recipe.fingerprint() && position.batch <= self.len() as u64;
        if !fits {
            return Err(Error::Position { epoch: position.epoch, batch: position.batch, batches: self.len() });
        }
        Epoch::new(Arc::new(self.recipe.clone()), position, self.workers, self.prefetch)
    }

    fn change(mut self, change: impl FnOnce(&mut Recipe<D, B>)) -> Self {
        change(&mut self.recipe);
        self
    }
}

/// One transform, then another.
fn then<S: 'static>(
    first: Option<Arc<Transform<S>>>,
    next: impl Fn(S, &mut StdRng) -> Result<S> + Send + Sync + 'static,
) -> Arc<Transform<S>> {
    match first {
        None => Arc::new(next),
        Some(first) => Arc::new(move |sample, rng| next(first(sample, rng)?, rng)),
    }
}

/// Its parts are shared: an epoch keeps the recipe that it began with.
impl<D: Dataset, B> Clone for Recipe<D, B> {
    fn clone(&self) -> Self {
        Self {
            data: Arc::clone(&self.data),
            order: Arc::clone(&self.order),
            transform: self.transform.clone(),
            collate: Arc::clone(&self.collate),
            batch_transform: self.batch_transform.clone(),
            ..*self
        }
    }
}

impl<D: Dataset, B> Recipe<D, B> {
    fn samples(&self) -> usize {
        self.order.len(self.data.len())
    }

    fn batches(&self) -> usize {
        let samples = self.samples();
        if self.drop_last { samples / self.size } else { samples.div_ceil(self.size) }
    }

    /// What the batches depend on, but for the samples themselves.
    fn fingerprint(&self) -> u64 {
        [self.data.len(), self.size, usize::from(self.drop_last)]
            .into_iter()
            .fold(Streams::new(self.seed), |streams, number| streams.at(number as u64))
            .at(self.order.fingerprint())
            .key()
    }

    fn order(&self, epoch: u64) -> Vec<usize> {
        self.order.draw(self.data.len(), &mut Streams::new(self.seed).numbered("shuffle", epoch))
    }

    fn batch(&self, order: &[usize], epoch: u64, batch: usize) -> Result<B> {
        let start = batch * self.size;
        let end = (start + self.size).min(order.len());
        let streams = Streams::new(self.seed);
        let own = streams.child("augmentation").at(epoch);
        let load = |place: usize| {
            let sample = self.data.get(order[place])?;
            match &self.transform {
                Some(transform) => transform(sample, &mut own.at(place as u64).rng()),
                None => Ok(sample),
            }
        };
        let made = (self.collate)((start..end).map(load).collect::<Result<_>>()?)?;
        match &self.batch_transform {
            Some(transform) => {
                transform(made, &mut streams.child("batch augmentation").at(epoch).at(batch as u64).rng())
            }
            None => Ok(made),
        }
    }
}

impl<D: Dataset, B> fmt::Debug for Loader<D, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loader")
            .field("samples", &self.recipe.data.len())
            .field("size", &self.recipe.size)
            .field("seed", &self.recipe.seed)
            .field("drop_last", &self.recipe.drop_last)
            .field("workers", &self.workers)
            .field("prefetch", &self.prefetch)
            .finish_non_exhaustive()
    }
}
