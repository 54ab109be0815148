//! Where mini-batches come from.

use crate::Result;
use gradus_autograd::Real;
use gradus_data::{Collate, Dataset, Labelled, Loader, Position};
use ndarray::{Array1, ArrayD, Axis, Slice};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use std::ops::Range;

/// The mini-batches of an epoch: inputs `(B, …)` and labels `(B,)`.
pub type Batches<'s, F> = Box<dyn Iterator<Item = Result<(ArrayD<F>, Array1<usize>)>> + 's>;

/// Rows of the mini-batches of an epoch.
pub type PartBatches<'s, F> = Box<dyn Iterator<Item = Result<Rows<F>>> + 's>;

/// Some samples of a mini-batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows<F: Real = f32> {
    /// Their inputs, `(B, …)`.
    pub inputs: ArrayD<F>,
    /// Their labels, `(B,)`.
    pub labels: Array1<usize>,
    /// The samples of the whole batch.
    pub batch: usize,
}

/// One of several parts of a mini-batch, whose sizes differ by at most one.
///
/// # Examples
/// ```
/// use gradus_train::Part;
///
/// let rows = |batch| [0, 1, 2].map(|index| Part { index, count: 3 }.rows(batch).unwrap_or(0..0));
/// assert_eq!(rows(7), [0..2, 2..4, 4..7]);
/// assert_eq!(rows(2), [0..1, 1..2, 0..0]); // two samples are two parts
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Which part, from 0.
    pub index: usize,
    /// How many there are.
    pub count: usize,
}

impl Part {
    /// Its rows in a batch of `n` samples. There are no more parts than samples: of those beyond `n` it is `None`.
    #[must_use]
    pub fn rows(self, n: usize) -> Option<Range<usize>> {
        let (i, count) = (self.index, self.count.min(n));
        (i < count).then(|| i * n / count..(i + 1) * n / count)
    }
}

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

    /// This part of each of the [`batches`](Self::batches), for one of several ranks. Unless a source does better, the whole batch
    /// is gathered and the rest of it dropped.
    ///
    /// # Errors
    /// Those of [`batches`](Self::batches).
    fn part_batches(
        &self,
        epoch: usize,
        from: usize,
        batch_size: usize,
        rng: StdRng,
        part: Part,
    ) -> Result<PartBatches<'_, F>> {
        let cut = move |batch| {
            let (inputs, labels): (ArrayD<F>, Array1<usize>) = batch?;
            let batch = labels.len();
            let rows = Slice::from(part.rows(batch).unwrap_or(0..0));
            let inputs = inputs.slice_axis(Axis(0), rows).to_owned();
            Ok(Rows { inputs, labels: labels.slice_axis(Axis(0), rows).to_owned(), batch })
        };
        Ok(Box::new(self.batches(epoch, from, batch_size, rng)?.map(cut)))
    }

    /// What tells the samples from others, so that ranks which read different ones are found: a number that is the same for the
    /// same samples. Unless a source does better, its [`fingerprint`](Self::fingerprint).
    ///
    /// # Errors
    /// If it cannot be found out.
    fn checksum(&self) -> Result<u64> {
        Ok(self.fingerprint()?.unwrap_or_default())
    }

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

    fn part_batches(
        &self,
        _: usize,
        from: usize,
        batch_size: usize,
        mut rng: StdRng,
        part: Part,
    ) -> Result<PartBatches<'_, F>> {
        // The order in which `Batches::shuffled` brings them.
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.shuffle(&mut rng);
        let steps = self.len().div_ceil(batch_size);
        Ok(Box::new((from..steps).map(move |step| {
            let start = step * batch_size;
            let batch = batch_size.min(order.len() - start);
            let rows = part.rows(batch).unwrap_or(0..0);
            let (inputs, labels, _) = self.select(&order[start..][rows])?.into_parts();
            Ok(Rows { inputs, labels, batch })
        })))
    }

    /// CRC-32 of the inputs and of the labels.
    fn checksum(&self) -> Result<u64> {
        let inputs = crc(self.inputs().iter().map(|x| x.to_f64().to_le_bytes()));
        let labels = crc(self.labels().iter().map(|&label| (label as u64).to_le_bytes()));
        Ok(u64::from(inputs) << 32 | u64::from(labels))
    }

    fn select(&self, places: &[usize], _: usize) -> Result<Labelled<F>> {
        Ok(self.select(places)?)
    }
}

/// The checksum of numbers, a few thousand at a time: the fastest way to it takes many bytes at once.
fn crc(numbers: impl Iterator<Item = [u8; 8]>) -> u32 {
    let (mut crc, mut bytes) = (crc32fast::Hasher::new(), Vec::with_capacity(1 << 16));
    for number in numbers {
        bytes.extend_from_slice(&number);
        if bytes.len() == 1 << 16 {
            crc.update(&bytes);
            bytes.clear();
        }
    }
    crc.update(&bytes);
    crc.finalize()
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
