//! Where mini-batches come from.

use crate::Result;
use gradus_autograd::Real;
use gradus_data::{Collate, Dataset, Labelled, Loader, Position};
use ndarray::{Array1, ArrayD};
use rand::rngs::StdRng;

/// The mini-batches of an epoch: inputs `(B, …)` and labels `(B,)`.
pub type Batches<'s, F> = Box<dyn Iterator<Item = Result<(ArrayD<F>, Array1<usize>)>> + 's>;

/// Where a [`Trainer`](crate::Trainer)'s mini-batches come from.
///
/// | source | batch size and order | from the middle of an epoch |
/// | --- | --- | --- |
/// | [`Labelled`] | the trainer's; shuffled anew each epoch, from the run's seed | skips what has been |
/// | [`Loader`] | its own, with its seed, transforms and threads | the loader's [`Position`] |
///
/// A loader's next epoch is begun before the model is evaluated, so that its threads work meanwhile. That its settings are those of
/// the run that a checkpoint is of is checked when the run resumes.
///
/// # Examples
/// ```
/// use gradus_data::{Digits, Loader};
/// use gradus_nn_layers::Linear;
/// use gradus_optim::Adam;
/// use gradus_train::Trainer;
/// use rand::{RngExt, SeedableRng, rngs::StdRng};
///
/// let mut rng = StdRng::seed_from_u64(7);
/// let (train, test) = Digits::embedded().split(0.8, &mut rng)?;
/// let noisy = |(image, label): (ndarray::ArrayD<f32>, usize), rng: &mut StdRng| {
///     Ok((image.mapv_into(|x| x + rng.random_range(-0.1..0.1)), label))
/// };
/// let loader = Loader::new(train, 32)?.shuffled().seed(7).transform(noisy).workers(1);
/// let mut model = Linear::new(64, 10, &mut rng);
/// let history = Trainer::new(2).run(&mut model, &mut Adam::new(1e-2), &loader, &test, &mut rng)?;
/// assert!(history.epochs[1].test_accuracy > 0.8);
/// # Ok::<(), gradus_train::Error>(())
/// ```
pub trait Source<F: Real> {
    /// The number of samples.
    fn samples(&self) -> usize;

    /// The trainer's batch size, or 0 if the source has one of its own.
    fn batch_size(&self, trainers: usize) -> usize;

    /// The mini-batches in an epoch.
    fn steps(&self, batch_size: usize) -> usize;

    /// What tells sources with settings of their own apart.
    ///
    /// # Errors
    /// If it cannot be found out.
    fn fingerprint(&self) -> Result<Option<u64>>;

    /// The batches of an epoch, counted from 1, from the batch `from` on, counted from 0. The same call gives the same batches.
    ///
    /// # Errors
    /// If there are none to be had.
    fn batches(&self, epoch: usize, from: usize, batch_size: usize, rng: StdRng) -> Result<Batches<'_, F>>;

    /// The samples at some places, as they are without augmentation.
    ///
    /// # Errors
    /// If a sample cannot be read.
    fn select(&self, places: &[usize], classes: usize) -> Result<Labelled<F>>;
}

impl<F: Real> Source<F> for Labelled<F> {
    fn samples(&self) -> usize {
        self.len()
    }

    fn batch_size(&self, trainers: usize) -> usize {
        trainers
    }

    fn steps(&self, batch_size: usize) -> usize {
        self.len().div_ceil(batch_size)
    }

    fn fingerprint(&self) -> Result<Option<u64>> {
        Ok(None)
    }

    fn batches(&self, _: usize, from: usize, batch_size: usize, mut rng: StdRng) -> Result<Batches<'_, F>> {
        Ok(Box::new(self.batches(batch_size).shuffled(&mut rng).skip(from).map(Ok)))
    }

    fn select(&self, places: &[usize], _: usize) -> Result<Labelled<F>> {
        Ok(self.select(places)?)
    }
}

impl<F, D> Source<F> for Loader<D, (ArrayD<F>, Array1<usize>)>
where
    F: Real,
    D: Dataset<Sample = (ArrayD<F>, usize)> + Send + Sync + 'static,
{
    fn samples(&self) -> usize {
        self.dataset().len()
    }

    fn batch_size(&self, _: usize) -> usize {
        0
    }

    fn steps(&self, _: usize) -> usize {
        self.len()
    }

    fn fingerprint(&self) -> Result<Option<u64>> {
        Ok(Some(self.epoch(0)?.position().fingerprint))
    }

    fn batches(&self, epoch: usize, from: usize, _: usize, _: StdRng) -> Result<Batches<'_, F>> {
        let mut batches = self.epoch(epoch as u64 - 1)?;
        if from > 0 {
            batches = self.resume(Position { batch: from as u64, ..batches.position() })?;
        }
        Ok(Box::new(batches.map(|batch| Ok(batch?))))
    }

    fn select(&self, places: &[usize], classes: usize) -> Result<Labelled<F>> {
        let samples = places.iter().map(|&place| self.dataset().get(place)).collect::<gradus_data::Result<_>>()?;
        let (inputs, labels) = <(ArrayD<F>, usize)>::collate(samples)?;
        Ok(Labelled::new(inputs, labels, classes)?)
    }
}
