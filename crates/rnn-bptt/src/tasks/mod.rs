//! Toy tasks with known scores: what a recurrent network can and cannot learn, at any length.
//!
//! Each draws its sequences afresh from a generator, so that there is no data set and no overfitting: what is learnt is
//! the rule. Each knows two scores. [`Task::baseline`] is that of a guess without a memory, computed by a formula; a
//! network that stays there has learnt nothing that needs the past. [`Task::solved`] is a score that only who has
//! learnt the rule gets below, and that a network of this crate does get below.
//!
//! | task | reads | says | needs | baseline |
//! | --- | --- | --- | --- | --- |
//! | [`Adding`] | numbers, two of them marked | the sum of the two, at the end | real numbers kept | `1/6` |
//! | [`CopyMemory`] | symbols, then a long blank | the symbols again | symbols kept in order | `S ln K / (T + 2S)` |
//! | [`Parity`] | bits | whether the ones are odd in number | one bit kept exactly | about `ln 2` |
//! | [`Sine`] | a sine | its next value | the value before | `½ sin² ω` |
//! | [`Brackets`] | brackets opened and closed | the one that is open | a stack | an entropy |
//!
//! # How far a plain network gets
//! [`Task::rnn_horizon`] is a length at which an Elman network was seen to stay at the baseline. It is measured, by the
//! test `tasks::how_far_a_plain_network_gets` in the crate's repository, with the setting that each task's page states.
//! More units, other weights to start with or more patience move it; the vanishing gradient behind it does not go away.
//!
//! # Examples
//! ```
//! use gradus_rnn_bptt::tasks::{Adding, Task};
//! use gradus_rnn_bptt::{Layer, Rnn, Tape};
//! use gradus_nn_layers::Linear;
//! use rand::{SeedableRng, rngs::StdRng};
//! let mut rng = StdRng::seed_from_u64(1);
//! let task = Adding::new(50)?;
//! let rnn: Rnn = Rnn::new(task.input_size(), 32, &mut rng);
//! let head: Linear = Linear::new(32, task.output_size(), &mut rng);
//!
//! let batch = task.batch(64, &mut rng);
//! let x = Tape::recording().input(batch.input.clone());
//! let loss = batch.loss(&head.forward(&rnn.last(&x)?)?)?;
//! assert!(f64::from(loss.item().unwrap()) > task.solved());
//! let gradients = loss.backward()?;
//! # Ok::<(), gradus_nn_layers::Error>(())
//! ```

mod adding;
mod brackets;
mod copy_memory;
mod parity;
mod sine;

pub use adding::Adding;
pub use brackets::Brackets;
pub use copy_memory::CopyMemory;
pub use parity::Parity;
pub use sine::Sine;

use crate::{Result, each_place};
use gradus_autograd::{Real, Var};
use gradus_nn_layers::{CrossEntropy, Losses, Result as LayerResult};
use ndarray::{Array3, ArrayD, Axis};
use rand::Rng;

/// Sequences drawn from a rule that a recurrent network is to find.
pub trait Task {
    /// The number of features of a step.
    fn input_size(&self) -> usize;

    /// The number of features that the network puts out.
    fn output_size(&self) -> usize;

    /// The number of steps of an input.
    fn steps(&self) -> usize;

    /// Whether every step has a target (many-to-many), or the last alone (many-to-one).
    fn every_step(&self) -> bool;

    /// This many sequences, drawn afresh.
    ///
    /// # Shapes
    /// input `(T, N, input_size)`; the target's as its variant says, with a first axis `T` if every step has one
    fn batch<F: Real>(&self, sequences: usize, rng: &mut (impl Rng + ?Sized)) -> Batch<F>;

    /// The loss of a guess without a memory: the task's page has its formula.
    fn baseline(&self) -> f64;

    /// A loss that only a network which has found the rule gets below.
    fn solved(&self) -> f64;

    /// A length, as the task's constructor takes it, at which an Elman network was seen to stay at the baseline: see
    /// the task's page for how it was measured. None if no length was.
    fn rnn_horizon(&self) -> Option<usize>;
}

/// Sequences of a task, and what is to be said of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch<F: Real = f32> {
    /// What the network reads, `(T, N, input_size)`.
    pub input: Array3<F>,
    /// What it is to say.
    pub target: Target<F>,
}

/// What a network is to say, and with it the loss that judges it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Target<F: Real = f32> {
    /// Numbers, `(…, output_size)`; the loss is the mean squared error.
    Values(ArrayD<F>),
    /// Zeros and ones, `(…, 1)`, of which the network puts out logits; the loss is the binary cross-entropy in nats.
    Bits(ArrayD<F>),
    /// Classes, `(…)`, of which the network puts out logits `(…, output_size)`; the loss is the cross-entropy in nats.
    Classes(ArrayD<usize>),
}

impl<F: Real> Batch<F> {
    /// The loss of an output, a mean over sequences and steps: what to minimize, and what the task's scores are about.
    ///
    /// # Errors
    /// If the output has another shape than the task's target needs.
    #[track_caller]
    pub fn loss(&self, output: &Var<F>) -> LayerResult<Var<F>> {
        match &self.target {
            Target::Values(target) => output.mse(&output.tape().input(target.clone())),
            Target::Bits(target) => output.bce_with_logits(&output.tape().input(target.clone())),
            Target::Classes(labels) => each_place::cross_entropy(&CrossEntropy::new(), output, labels),
        }
    }

    /// The share of answers that are right, between 0 and 1; of numbers, which are never quite right, none.
    ///
    /// # Errors
    /// As [`Batch::loss`].
    pub fn accuracy(&self, output: &Var<F>) -> LayerResult<Option<f64>> {
        self.loss(output)?;
        let share = |right: usize, all: usize| Some(right as f64 / all as f64);
        Ok(match &self.target {
            Target::Values(_) => None,
            Target::Bits(target) => {
                let right =
                    target.iter().zip(output.value().iter()).filter(|&(&bit, &x)| (bit > F::zero()) == (x > F::zero()));
                share(right.count(), target.len())
            }
            Target::Classes(labels) => {
                let last = Axis(output.shape().len() - 1);
                let right = output.value().lanes(last).into_iter().zip(labels).filter(|(lane, label)| {
                    lane.iter().enumerate().all(|(class, x)| class == **label || *x < lane[**label])
                });
                share(right.count(), labels.len())
            }
        })
    }
}

/// One vector for each class: 1 at the class, 0 elsewhere.
fn one_hot<F: Real>(
    steps: usize,
    sequences: usize,
    classes: usize,
    class: impl Fn(usize, usize) -> usize,
) -> Array3<F> {
    let mut x = Array3::zeros((steps, sequences, classes));
    for t in 0..steps {
        (0..sequences).for_each(|n| x[[t, n, class(t, n)]] = F::one());
    }
    x
}

/// `x` if it is at least so large.
fn at_least(least: usize, task: &'static str, name: &'static str, x: usize, expected: &'static str) -> Result<usize> {
    crate::Error::at_least(least, task, name, x, expected).map(|()| x)
}
