//! One step: a mini-batch as the objective of an optimizer.

use crate::evaluate::largest;
use crate::trainer::Loss;
use crate::{Error, GradientRecord, Result};
use gradus_autograd::{Error as TapeError, Gradients, Leaf, Real, Tape, Value, Var};
use gradus_data::Streams;
use gradus_linalg::elementwise::sum_slice;
use gradus_linalg::parallel;
use gradus_nn_layers::{Error as LayerError, Layer, Module, Result as LayerResult};
use gradus_optim::{Error as OptimError, Evaluation, Objective, clip_global_norm};
use ndarray::{Array1, Axis, Ix2, Slice};
use rand::SeedableRng;
use rand::rngs::StdRng;

/// What one step needs, kept so that it can be evaluated again.
pub(crate) struct Batch<F: Real> {
    pub(crate) epoch: usize,
    pub(crate) step: u64,
    /// Of the random numbers that the model draws: each evaluation begins them anew.
    pub(crate) seed: u64,
    pub(crate) inputs: Value<F>,
    pub(crate) labels: Array1<usize>,
}

/// In how many parts a batch is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts {
    pub(crate) count: usize,
    pub(crate) side_by_side: bool,
}

impl Parts {
    pub(crate) fn whole() -> Self {
        Self { count: 1, side_by_side: false }
    }
}

impl<F: Real> Batch<F> {
    /// Part `i` of `count`, with random numbers of its own. Where they begin depends on the two alone, and sizes differ by at most one.
    fn part(&self, i: usize, count: usize) -> Self {
        let n = self.labels.len();
        let (start, end) = (i * n / count, (i + 1) * n / count);
        let rows = Slice::from(start..end);
        let (inputs, labels) = (self.inputs.slice_axis(Axis(0), rows), self.labels.slice_axis(Axis(0), rows));
        let seed = Streams::new(self.seed).child("part").at(i as u64).key();
        Self { epoch: self.epoch, step: self.step, seed, inputs: inputs.to_owned().into(), labels: labels.to_owned() }
    }
}

/// The loss of a model on a mini-batch: the same function of the parameters however often it is evaluated.
pub(crate) struct OnBatch<'a, F: Real> {
    pub(crate) model: &'a mut dyn Layer<F>,
    pub(crate) batch: &'a Batch<F>,
    pub(crate) loss: &'a Loss<F>,
    pub(crate) parts: Parts,
    pub(crate) clip_norm: Option<f64>,
    /// Whether the first evaluation is to look at the gradients.
    pub(crate) look_at_gradients: bool,
    /// What it saw.
    pub(crate) gradients: Vec<GradientRecord>,
    /// The share that was classified rightly at the first evaluation.
    pub(crate) accuracy: Option<f64>,
    /// What was wrong with the last evaluation, if a number was not finite.
    pub(crate) fault: Option<Error>,
}

impl<F: Real> Objective<F> for OnBatch<'_, F> {
    fn model(&mut self) -> &mut dyn Module<F> {
        self.model
    }

    fn evaluate(&mut self) -> LayerResult<Evaluation<F>> {
        self.fault = None;
        self.look().map_err(|error| {
            // The optimizer is told what a line search knows to turn back from; if it gives up, `reason` says more.
            let told = match &error {
                Error::NonFiniteLoss { loss, .. } => TapeError::NonFiniteLoss { loss: *loss, cause: None }.into(),
                Error::NonFiniteGradient { .. } => {
                    OptimError::NonFiniteNorm { operation: "training", norm: f64::NAN }.into()
                }
                _ => return plain(error),
            };
            self.fault = Some(error);
            told
        })
    }
}

impl<F: Real> OnBatch<'_, F> {
    /// Looks at every part, adds up, clips.
    fn look(&mut self) -> Result<Evaluation<F>> {
        let (model, loss, batch) = (&*self.model, self.loss, self.batch);
        let count = self.parts.count.min(batch.labels.len()).max(1);
        let look = |i| {
            if count == 1 {
                return OnPart { model, batch, loss }.look();
            }
            let part = batch.part(i, count);
            let mut seen = OnPart { model, batch: &part, loss }.look()?;
            seen.scale(part.labels.len() as f64 / batch.labels.len() as f64);
            Ok(seen)
        };
        let seen = if self.parts.side_by_side && count > 1 {
            let mut seen: Vec<_> = (0..count).map(|_| None).collect();
            let parts = seen.iter_mut().enumerate().collect();
            parallel::for_each_part(usize::MAX, parts, |(i, seen): (usize, &mut Option<_>)| *seen = Some(look(i)));
            sum(seen.into_iter().flatten())
        } else {
            sum((0..count).map(look))
        };
        let mut seen = seen?;
        if std::mem::take(&mut self.look_at_gradients) {
            self.gradients = GradientRecord::of(model, &seen.gradients, batch.epoch, batch.step);
        }
        if let Some(max_norm) = self.clip_norm {
            clip_global_norm(&mut seen.gradients, max_norm)?;
        }
        self.accuracy.get_or_insert(seen.accuracy);
        Ok(Evaluation { loss: seen.loss, gradients: seen.gradients })
    }

    /// Why a step has failed with this error.
    pub(crate) fn reason(self, error: LayerError) -> Error {
        self.fault.unwrap_or_else(|| typed(error))
    }
}

/// What is seen of a part of a batch, or of all of it.
struct Seen<F: Real> {
    loss: f64,
    accuracy: f64,
    gradients: Gradients<F>,
}

impl<F: Real> Seen<F> {
    fn scale(&mut self, share: f64) {
        self.loss *= share;
        self.accuracy *= share;
        self.gradients.scale(share);
    }
}

/// Adds up in order, whichever part was done first.
fn sum<F: Real>(mut parts: impl Iterator<Item = Result<Seen<F>>>) -> Result<Seen<F>> {
    let first = parts.next().expect("a batch has a part")?;
    parts.try_fold(first, |sum, part| {
        let part = part?;
        Ok(Seen {
            loss: sum.loss + part.loss,
            accuracy: sum.accuracy + part.accuracy,
            gradients: sum.gradients + part.gradients,
        })
    })
}

/// A forward and a backward pass over a part of a batch.
struct OnPart<'a, F: Real> {
    model: &'a dyn Layer<F>,
    batch: &'a Batch<F>,
    loss: &'a Loss<F>,
}

impl<F: Real> OnPart<'_, F> {
    fn look(&self) -> Result<Seen<F>> {
        let (logits, loss) = self.forward(Tape::training(&mut self.rng()))?;
        let gradients = match loss.backward() {
            Err(TapeError::NonFiniteLoss { loss, .. }) => return Err(self.blame(loss)?),
            gradients => gradients?,
        };
        let loss = loss.item().map_or(f64::NAN, Real::to_f64);
        if let Some(parameter) = first_not_finite(self.model, &gradients) {
            let (epoch, step, kept) = (self.batch.epoch, self.batch.step, String::new());
            let cause = self.again()?.1.backward().err().map(Box::new);
            return Err(Error::NonFiniteGradient { epoch, step, loss, parameter, cause, kept });
        }
        Ok(Seen { loss, accuracy: share_right(&logits, &self.batch.labels), gradients })
    }

    fn forward(&self, tape: Tape<F>) -> Result<(Var<F>, Var<F>)> {
        let logits = self.model.forward(&tape.input(self.batch.inputs.clone()))?;
        let loss = (self.loss)(&logits, &self.batch.labels)?;
        Ok((logits, loss))
    }

    fn rng(&self) -> StdRng {
        StdRng::seed_from_u64(self.batch.seed)
    }

    /// Names the operation that made a loss NaN or infinite.
    fn blame(&self, loss: f64) -> Result<Error> {
        let (tape, _) = self.again()?;
        let (epoch, step, kept) = (self.batch.epoch, self.batch.step, String::new());
        Ok(Error::NonFiniteLoss { epoch, step, loss, cause: tape.non_finite().map(Box::new), kept })
    }

    /// Runs a forward pass that went wrong once more, with the same randomness, on a tape that looks at every operation.
    fn again(&self) -> Result<(Tape<F>, Var<F>)> {
        let tape = Tape::training(&mut self.rng()).watch_finite();
        let (_, loss) = self.forward(tape.clone())?;
        Ok((tape, loss))
    }
}

/// An error of an evaluation, as an optimizer passes it on.
fn plain(error: Error) -> LayerError {
    match error {
        Error::Model(error) => error,
        Error::Autograd(error) => error.into(),
        Error::Optim(error) => error.into(),
        other => other.into(),
    }
}

/// An error that an optimizer has passed on, as one of training.
fn typed(error: LayerError) -> Error {
    let source = match error {
        LayerError::Source(source) => source,
        other => return other.into(),
    };
    let source = match source.downcast::<OptimError>() {
        Ok(error) => return Error::Optim(*error),
        Err(source) => source,
    };
    match source.downcast::<TapeError>() {
        Ok(error) => Error::Autograd(*error),
        Err(source) => Error::Model(LayerError::Source(source)),
    }
}

/// The name of the first parameter whose gradient is not finite.
fn first_not_finite<F: Real>(model: &dyn Layer<F>, gradients: &Gradients<F>) -> Option<String> {
    let not_finite = |gradient: &Value<F>| {
        // The sum tells at the speed of memory; only a sum that overflowed makes it worth looking closer.
        let sum = gradient.as_slice().map_or_else(|| gradient.sum(), sum_slice);
        !sum.is_finite() && gradient.iter().any(|x| !x.is_finite())
    };
    let (id, _) = gradients.iter().find(|(_, gradient)| not_finite(gradient))?;
    let named = model.parameters().into_iter().find(|(_, parameter)| parameter.id() == id);
    Some(named.map_or_else(|| "a parameter outside the model".to_owned(), |(name, _)| name))
}

/// The share of rows whose largest logit stands at the label.
fn share_right<F: Real>(logits: &Var<F>, labels: &Array1<usize>) -> f64 {
    let Ok(rows) = logits.value().view().into_dimensionality::<Ix2>() else { return f64::NAN };
    let right = rows.rows().into_iter().zip(labels).filter(|(row, label)| largest(row.iter().copied()) == **label);
    right.count() as f64 / labels.len() as f64
}
