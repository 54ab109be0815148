//! Synchronous data-parallel training over a [`Communicator`].

mod buckets;
mod checks;
mod compression;

pub use compression::Compression;

use crate::{Communicator, Error, Numbers, Pending, Result};
use buckets::{Buckets, Flight};
use compression::{Counted, Dense, Sender};
use gradus_autograd::{Gradients, LeafId, Real, Value};
use gradus_nn_layers::Module;
use gradus_train::{Ranks, Result as TrainResult, Start, gradients_from};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Trains a model on all ranks of a communicator, as [`Trainer::ranks`](gradus_train::Trainer::ranks) takes it.
///
/// Every rank runs the same program, and takes its rows of every mini-batch. Of `N` ranks, the gradient of a step is
///
/// ```text
/// g = Σᵣ nᵣ/n gᵣ          of nᵣ of the batch's n samples on rank r; added up in the order of the ranks
/// ```
///
/// so that a run has the bits of one rank with [`Trainer::accumulate(N)`](gradus_train::Trainer::accumulate), and to rounding those of one rank
/// with the whole batch. With [`compression`](Self::compression) it has the same bits on all ranks, wherever they run, but no longer those of
/// one. Gradients travel in buckets while the backward pass goes on; what is left to wait for when it has ended is [`exposed`](Self::exposed).
///
/// Before the first step every rank is checked to have the same model, data, seed, settings and version; then all get rank 0's parameters.
///
/// Running statistics of batch normalization are averaged by the ranks' shares of the batch after every step. The statistics by which a batch is
/// normalized are each rank's own, as in PyTorch without `SyncBatchNorm`.
///
/// # Examples
/// Two ranks, threads of this process:
/// ```
/// use gradus_distributed::{DataParallel, Group, Threads};
/// use gradus_data::Digits;
/// use gradus_nn_layers::Linear;
/// use gradus_optim::Adam;
/// use gradus_train::{History, Result, Trainer};
/// use rand::{SeedableRng, rngs::StdRng};
///
/// fn train(group: Group) -> Result<History> {
///     let mut rng = StdRng::seed_from_u64(7);
///     let (train, test) = Digits::embedded().split(0.8, &mut rng)?;
///     let mut model = Linear::new(64, 10, &mut rng);
///     let mut ranks = DataParallel::new(&group);
///     let mut trainer = Trainer::new(3).batch_size(32).ranks(&mut ranks);
///     trainer.run(&mut model, &mut Adam::new(1e-2), &train, &test, &mut rng)
/// }
///
/// for history in Threads::run(2, train) {
///     assert!(history?.epochs[2].test_accuracy > 0.9);
/// }
/// # Ok::<(), gradus_train::Error>(())
/// ```
///
/// # References
/// S. Li and others, *PyTorch Distributed: Experiences on Accelerating Data Parallel Training*, VLDB 2020,
/// <https://doi.org/10.14778/3415478.3415530>
#[derive(Debug)]
pub struct DataParallel<'c, F: Real = f32> {
    communicator: &'c dyn Communicator,
    settings: Settings,
    buckets: Buckets,
    sender: Sender<'c, F>,
    /// Buffers of the model, whose updates are averaged.
    averaged: Vec<(LeafId, Vec<usize>)>,
    /// The gradients of the step that is being computed.
    flight: Option<Flight<F>>,
    /// What went wrong while the backward pass went on; told when it has ended.
    fault: Option<Error>,
    exposed: Duration,
}

/// Averaged updates of buffers.
type Updates<F> = Vec<(LeafId, Value<F>)>;

/// What must be the same on all ranks.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Settings {
    bucket_bytes: usize,
    compression: Compression,
}

impl<'c, F: Real> DataParallel<'c, F> {
    /// Buckets of 1 MiB, without compression.
    #[must_use]
    pub fn new(communicator: &'c dyn Communicator) -> Self {
        let method = Box::new(Dense { numbers: Numbers::with_capacity::<F> });
        Self {
            communicator,
            settings: Settings { bucket_bytes: 1 << 20, compression: Compression::None },
            buckets: Buckets::default(),
            sender: Sender { method, communicator: Counted::new(communicator) },
            averaged: Vec::new(),
            flight: None,
            fault: None,
            exposed: Duration::ZERO,
        }
    }

    /// Gradients travel in buckets of at most so many bytes, unless one parameter has more; 0 gives every parameter a bucket of its own.
    #[must_use]
    pub fn bucket_bytes(mut self, bytes: usize) -> Self {
        self.settings.bucket_bytes = bytes;
        self
    }

    /// Gradients are made smaller before they are sent. A share that does not fit is told when a run begins,
    /// as [`Error::Share`](crate::Error::Share).
    ///
    /// # Examples
    /// ```
    /// use gradus_distributed::{Compression, DataParallel, Group, Result, Threads};
    ///
    /// fn program(group: Group) -> Result<u64> {
    ///     let ranks: DataParallel = DataParallel::new(&group).compression(Compression::Bf16);
    ///     // … Trainer::ranks(&mut ranks) …
    ///     Ok(ranks.sent_bytes())
    /// }
    /// assert_eq!(Threads::run(2, program), [Ok(0), Ok(0)]);
    /// ```
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.settings.compression = compression;
        self
    }

    /// How many bytes of gradients this rank has sent to others, in all steps: what stands in the messages, compressed or not, without their
    /// headers, the checks, and the few numbers of training itself. It is counted as a [`Group`](crate::Group) sends them.
    ///
    /// Of `m` bytes of gradients and `N` ranks these are about `2 m (N − 1) / N` in a step, half of it with [`Compression::Bf16`]; with
    /// [`Compression::TopK`] they are `N − 1` times the rank's own message.
    ///
    /// # Examples
    /// ```
    /// use gradus_distributed::{Communicator, DataParallel, Group, Result, Threads};
    ///
    /// fn program(group: Group) -> Result<u64> {
    ///     let ranks: DataParallel = DataParallel::new(&group);
    ///     Ok(ranks.sent_bytes())
    /// }
    /// assert_eq!(Threads::run(2, program), [Ok(0), Ok(0)]); // nothing has been trained
    /// ```
    #[must_use]
    pub fn sent_bytes(&self) -> u64 {
        self.sender.communicator.sent()
    }

    /// How long this rank has waited for others' gradients after its backward passes had ended: the time not hidden behind them, of all steps.
    #[must_use]
    pub fn exposed(&self) -> Duration {
        self.exposed
    }

    /// The numbers, the share, and the updates of the buffers with a word for each on whether there is one.
    fn tail(&self, gradients: &Gradients<F>, share: f64, numbers: &[f64]) -> Result<Numbers> {
        let mut tail = Numbers::from_slice(numbers)?;
        tail.extend_from_slice(&[share])?;
        for (id, shape) in &self.averaged {
            let update = gradients.update_of(*id).filter(|_| share > 0.0);
            tail.extend_from_slice(&[if update.is_some() { share } else { 0.0 }])?;
            let len = shape.iter().product();
            let values: Vec<f64> = match update {
                Some(update) => update.iter().map(|x| share * x.to_f64()).collect(),
                None => vec![0.0; len],
            };
            tail.extend_from_slice(&values)?;
        }
        Ok(tail)
    }

    /// Waits for the sums of [`tail`](Self::tail): puts those of the numbers in their place, and returns that of the shares, and the averaged updates.
    fn averages(&self, tail: Pending, numbers: &mut [f64]) -> Result<(f64, Updates<F>)> {
        let tail = tail.wait()?;
        let mut at = numbers.len();
        for (number, sum) in numbers.iter_mut().zip(tail.values::<f64>(0..at)?) {
            *number = sum;
        }
        let shares = tail.values::<f64>(at..at + 1)?.sum();
        at += 1;
        let mut updates = Vec::new();
        for (id, shape) in &self.averaged {
            let len: usize = shape.iter().product();
            let share: f64 = tail.values::<f64>(at..at + 1)?.sum();
            if share > 0.0 {
                let sum: Value<f64> = buckets::array(&tail, at + 1, shape)?;
                updates.push((*id, sum.mapv(|x| F::from_f64(x / share)).into()));
            }
            at += 1 + len;
        }
        Ok((shares, updates))
    }
}

/// Puts sums and updates into the gradients; a sum is added as it is where only other ranks had a gradient.
fn put<F: Real>(
    gradients: &mut Gradients<F>,
    mut sums: HashMap<LeafId, Value<F>>,
    updates: Updates<F>,
) -> TrainResult<()> {
    for (id, gradient) in gradients.iter_mut() {
        if let Some(sum) = sums.remove(&id) {
            *gradient = sum;
        }
    }
    if !sums.is_empty() || !updates.is_empty() {
        let own = std::mem::replace(gradients, gradients_from([], [])?);
        *gradients = own + gradients_from(sums, updates)?;
    }
    Ok(())
}

impl<F: Real> Ranks<F> for DataParallel<'_, F> {
    fn rank(&self) -> usize {
        self.communicator.rank()
    }

    fn size(&self) -> usize {
        self.communicator.size()
    }

    fn broadcast(&mut self, bytes: &mut Vec<u8>) -> TrainResult<()> {
        *bytes = self.communicator.broadcast(0, std::mem::take(bytes))?;
        Ok(())
    }

    fn all_gather(&mut self, bytes: &[u8]) -> TrainResult<Vec<Vec<u8>>> {
        Ok(self.communicator.all_gather(bytes.to_vec())?)
    }

    fn begin(&mut self, model: &mut dyn Module<F>, start: &Start) -> TrainResult<()> {
        checks::same_run(self.communicator, model, start, &self.settings)?;
        checks::same_values(self.communicator, model)?;
        self.buckets = Buckets::new::<F>(&checks::trained(model), self.settings.bucket_bytes);
        self.sender.method = self.settings.compression.method(&self.buckets)?;
        self.averaged = checks::buffers(model);
        (self.flight, self.fault) = (None, None);
        Ok(())
    }

    fn gradient(&mut self, id: LeafId, gradient: &Value<F>, share: f64) {
        let flight = self.flight.get_or_insert_with(|| Flight::new(&self.buckets, share));
        if self.fault.is_none()
            && let Err(error) = flight.take(&self.buckets, &mut self.sender, (id, gradient))
        {
            self.fault = Some(error);
        }
    }

    fn add_up(&mut self, gradients: &mut Gradients<F>, share: f64, numbers: &mut [f64]) -> TrainResult<()> {
        if let Some(fault) = self.fault.take() {
            return Err(fault.into());
        }
        let mut flight = self.flight.take().unwrap_or_else(|| Flight::new(&self.buckets, share));
        for (id, gradient) in gradients.iter() {
            flight.take(&self.buckets, &mut self.sender, (id, gradient))?;
        }
        flight.leave_all(&self.buckets, &mut self.sender)?;
        let tail = self.communicator.start_all_reduce(self.tail(gradients, share, numbers)?);
        let begun = Instant::now();
        let sums = flight.arrive(&self.buckets)?;
        let (shares, updates) = self.averages(tail, numbers)?;
        self.exposed += begun.elapsed();
        // They add up to 1, unless a rank has a fault and comes with none; rounding is far less than one row of a batch.
        if shares > 1.0 - 1e-9 {
            self.sender.method.taken();
        }
        put(gradients, sums, updates)
    }
}
