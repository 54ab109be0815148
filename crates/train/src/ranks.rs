//! A run that is spread over several processes.

use crate::{Error, Every, Result};
use gradus_autograd::ndarray::arr0;
use gradus_autograd::{Gradients, Leaf, LeafId, Real, Tape, Value};
use gradus_nn_layers::Module;

/// The other ranks of a run that is spread over several processes, or threads: synchronous data-parallel training.
///
/// Every rank runs the same program, with a model of its own, and takes its rows of every mini-batch.
/// [`Trainer::ranks`](crate::Trainer::ranks) is the one line that says so; who moves the bytes, and how, is the implementor's affair.
/// Every rank calls the same methods in the same order, so that each may wait for the others; [`gradient`](Self::gradient) alone is
/// called as often as a rank has something to tell.
///
/// # Examples
/// One rank alone, of which a run has the bits of one without ranks:
/// ```
/// use gradus_autograd::{Gradients, LeafId, Value};
/// use gradus_data::Digits;
/// use gradus_nn_layers::{Linear, Module};
/// use gradus_optim::Adam;
/// use gradus_train::{Ranks, Result, Start, Trainer};
/// use rand::{SeedableRng, rngs::StdRng};
///
/// struct Alone;
///
/// impl Ranks<f32> for Alone {
///     fn rank(&self) -> usize {
///         0
///     }
///     fn size(&self) -> usize {
///         1
///     }
///     fn broadcast(&mut self, _: &mut Vec<u8>) -> Result<()> {
///         Ok(())
///     }
///     fn all_gather(&mut self, bytes: &[u8]) -> Result<Vec<Vec<u8>>> {
///         Ok(vec![bytes.to_vec()])
///     }
///     fn begin(&mut self, _: &mut dyn Module<f32>, start: &Start) -> Result<()> {
///         println!("{} samples in batches of {}", start.samples, start.batch_size);
///         Ok(())
///     }
///     fn gradient(&mut self, _: LeafId, _: &Value<f32>, _: f64) {}
///     fn add_up(&mut self, gradients: &mut Gradients<f32>, share: f64, _: &mut [f64]) -> Result<()> {
///         gradients.scale(share); // which is 1, unless there was a fault
///         Ok(())
///     }
/// }
///
/// let run = |trainer: Trainer| {
///     let (mut trainer, mut rng) = (trainer, StdRng::seed_from_u64(7));
///     let (train, test) = Digits::embedded().split_at(300)?;
///     let mut model = Linear::new(64, 10, &mut rng);
///     trainer.run(&mut model, &mut Adam::new(1e-2), &train, &test, &mut rng)?;
///     Ok::<_, gradus_train::Error>(model)
/// };
/// let (a, b) = (run(Trainer::new(1).ranks(&mut Alone))?, run(Trainer::new(1))?);
/// assert!(a.weight.value() == b.weight.value());
/// # Ok::<(), gradus_train::Error>(())
/// ```
pub trait Ranks<F: Real = f32> {
    /// Which of the ranks this is, from 0.
    fn rank(&self) -> usize;

    /// How many there are.
    fn size(&self) -> usize;

    /// Rank 0's bytes, on every rank, whatever was in `bytes` there: a checkpoint, a word that it has been written.
    ///
    /// # Errors
    /// If a rank cannot be reached: [`Error::Ranks`].
    fn broadcast(&mut self, bytes: &mut Vec<u8>) -> Result<()>;

    /// Everyone's bytes, in the order of the ranks, on every rank. They may be none, and of another length on each.
    ///
    /// # Errors
    /// If a rank cannot be reached: [`Error::Ranks`].
    fn all_gather(&mut self, bytes: &[u8]) -> Result<Vec<Vec<u8>>>;

    /// Called once a run, before anything is trained or resumed, when the ranks have told each other that their settings are in
    /// order ([`all_gather`](Self::all_gather)). The place to make sure that every rank trains the same model on the same data, and to
    /// note which parameters there are: their [`LeafId`]s may differ from rank to rank, and their order does not.
    ///
    /// # Errors
    /// If the ranks do not fit together.
    fn begin(&mut self, model: &mut dyn Module<F>, start: &Start) -> Result<()>;

    /// A parameter's gradient on this rank's rows is complete, and the backward pass goes on: time to send it. It is not yet
    /// multiplied by this rank's share of the batch.
    ///
    /// It is told of the gradients of a batch in the order of [`Var::backward_each`](gradus_autograd::Var::backward_each), and of none
    /// if the rank has no rows or looks at them in parts ([`Trainer::accumulate`](crate::Trainer::accumulate)): so
    /// [`add_up`](Self::add_up) is to take what has not been told of.
    fn gradient(&mut self, id: LeafId, gradient: &Value<F>, share: f64);

    /// Adds up over the ranks, once for each evaluation of a batch, and leaves on every rank
    ///
    /// ```text
    /// gradients   Σ share · gradient, over the ranks that have one; one that no rank has is there on none
    /// updates     Σ share · value, of all that is noted by Tape::update: running statistics, say
    /// numbers     Σ number, of each of the numbers
    /// ```
    ///
    /// The shares add up to 1, unless a rank has a fault: then what is left in `gradients` is not looked at, and the ranks at
    /// fault come with a share of 0 and no gradients, whatever they have told of. Ranks without rows come so, too. The numbers are as
    /// many on every rank, and there are few of them. [`gradients_from`] puts gradients together.
    ///
    /// # Errors
    /// If a rank cannot be reached: [`Error::Ranks`].
    fn add_up(&mut self, gradients: &mut Gradients<F>, share: f64, numbers: &mut [f64]) -> Result<()>;
}

/// What a run begins with, as one rank has it: it must be the same on all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// What all random numbers of the run are derived from: the order of the samples, dropout.
    pub seed: u64,
    /// The number of training samples.
    pub samples: usize,
    /// The number of test samples.
    pub test_samples: usize,
    /// Samples a step, over all ranks; 0 if the source has a batch size of its own.
    pub batch_size: usize,
    /// The number of epochs.
    pub epochs: usize,
    /// [`Source::checksum`](crate::Source::checksum) of the training samples.
    pub data: u64,
    /// That of the test samples.
    pub test_data: u64,
    /// When checkpoints are written, if they are.
    pub checkpoint: Option<Every>,
}

/// Gradients and updates put together from arrays, as if a backward pass had returned them: what [`Ranks::add_up`] leaves where
/// a rank lacks a gradient that another has.
///
/// # Errors
/// Those of the tape.
///
/// # Panics
/// If a gradient comes twice, with two shapes; of one shape, they are added up.
///
/// # Examples
/// ```
/// use gradus_autograd::Leaf;
/// use gradus_nn_layers::{Parameter, ndarray::array};
/// use gradus_train::gradients_from;
///
/// let (weight, mean): (Parameter<f64>, Parameter<f64>) = (array![1.0, 2.0].into(), array![0.5].into());
/// let gradients =
///     gradients_from([(weight.id(), array![3.0, 4.0].into())], [(mean.id(), array![0.6].into())])?;
/// assert_eq!(gradients.get(&weight).unwrap(), &array![3.0, 4.0].into_dyn());
/// assert_eq!(gradients.update_of(mean.id()).unwrap(), &array![0.6].into_dyn());
/// # Ok::<(), gradus_train::Error>(())
/// ```
pub fn gradients_from<F: Real>(
    gradients: impl IntoIterator<Item = (LeafId, Value<F>)>,
    updates: impl IntoIterator<Item = (LeafId, Value<F>)>,
) -> Result<Gradients<F>> {
    let tape = Tape::recording();
    updates.into_iter().for_each(|(id, value)| tape.update(id, value));
    let nothing = tape.variable(arr0(F::zero())).backward()?;
    gradients.into_iter().try_fold(nothing, |sum, (id, value)| {
        // The walk from a parameter to itself returns what it began with.
        let alone = Tape::recording().parameter(&Whole { id, value: value.clone() }).backward_with(value)?;
        Ok(sum + alone)
    })
}

/// A parameter of which nothing but the shape counts.
struct Whole<F: Real> {
    id: LeafId,
    value: Value<F>,
}

impl<F: Real> Leaf for Whole<F> {
    type Scalar = F;

    fn id(&self) -> LeafId {
        self.id
    }

    fn value(&self) -> &Value<F> {
        &self.value
    }
}

/// The ranks for as long as they are needed. (An `Option` does not shorten what the trait object may borrow by itself.)
pub(crate) fn reborrow<'r, F: Real>(ranks: &'r mut Option<&mut (dyn Ranks<F> + '_)>) -> Option<&'r mut dyn Ranks<F>> {
    match ranks {
        Some(ranks) => Some(&mut **ranks),
        None => None,
    }
}

/// Refuses ranks that cannot share these samples.
pub(crate) fn check<F: Real>(ranks: &dyn Ranks<F>, samples: usize) -> Result<()> {
    let (rank, size) = (ranks.rank(), ranks.size());
    if rank >= size {
        let value = format!("{rank} of {size}");
        return Err(Error::Setting { setting: "the rank", value, expected: "must be below the number of ranks" });
    }
    if samples < size {
        return Err(Error::FewerSamplesThanRanks { samples, ranks: size });
    }
    Ok(())
}
