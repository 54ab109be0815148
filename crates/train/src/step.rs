//! One step: a mini-batch as the objective of an optimizer.

use crate::agree::{Failure, Kind, failure};
use crate::evaluate::largest;
use crate::trainer::Loss;
use crate::{Error, GradientRecord, Part, Ranks, Result, Rows, gradients_from};
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
    /// The part that it is of the whole batch: 1, unless other ranks have the rest.
    pub(crate) share: f64,
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
    /// Rows of a batch, with the random numbers of the part that they are.
    pub(crate) fn of(rows: Rows<F>, part: Part, (epoch, step): (usize, u64), seed: u64) -> Self {
        let Rows { inputs, labels, batch } = rows;
        let seed = if part.count.min(batch) > 1 { seed_of(seed, part.index) } else { seed };
        let share = labels.len() as f64 / batch as f64;
        Self { epoch, step, seed, inputs: inputs.into(), labels, share }
    }

    /// Part `i` of `count`, with random numbers of its own. Where they begin depends on the two alone, and sizes differ by at most one.
    fn part(&self, i: usize, count: usize) -> Self {
        let rows = Slice::from(Part { index: i, count }.rows(self.labels.len()).unwrap_or(0..0));
        let (inputs, labels) = (self.inputs.slice_axis(Axis(0), rows), self.labels.slice_axis(Axis(0), rows));
        let (inputs, labels, seed) = (inputs.to_owned().into(), labels.to_owned(), seed_of(self.seed, i));
        Self { epoch: self.epoch, step: self.step, seed, inputs, labels, share: self.share }
    }
}

/// The random numbers of a part of a batch.
fn seed_of(batch: u64, part: usize) -> u64 {
    Streams::new(batch).child("part").at(part as u64).key()
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
    pub(crate) ranks: Option<&'a mut dyn Ranks<F>>,
    /// Whether this rank is asked to stop.
    pub(crate) asked: &'a dyn Fn() -> bool,
    /// Whether any rank was, when the batch was last evaluated.
    pub(crate) stop: bool,
}

impl<F: Real> Objective<F> for OnBatch<'_, F> {
    fn model(&mut self) -> &mut dyn Module<F> {
        self.model
    }

    fn evaluate(&mut self) -> LayerResult<Evaluation<F>> {
        self.fault = None;
        self.look().map_err(|Failure { error, kind }| {
            // The optimizer is told what a line search knows to turn back from; if it gives up, `reason` says more.
            let told = match kind {
                Kind::Loss(loss) => TapeError::NonFiniteLoss { loss, cause: None }.into(),
                Kind::Gradient => OptimError::NonFiniteNorm { operation: "training", norm: f64::NAN }.into(),
                Kind::Other => return plain(*error),
            };
            self.fault = Some(*error);
            told
        })
    }
}

impl<F: Real> OnBatch<'_, F> {
    /// Looks at every part, adds up, clips.
    fn look(&mut self) -> Result<Evaluation<F>, Failure> {
        let own = self.look_at_own();
        let mut seen = self.add_up(own)?;
        if std::mem::take(&mut self.look_at_gradients) {
            self.gradients = GradientRecord::of(&*self.model, &seen.gradients, self.batch.epoch, self.batch.step);
        }
        if let Some(max_norm) = self.clip_norm {
            clip_global_norm(&mut seen.gradients, max_norm)?;
        }
        self.accuracy.get_or_insert(seen.accuracy);
        Ok(Evaluation { loss: seen.loss, gradients: seen.gradients })
    }

    /// What this rank has of the batch.
    fn look_at_own(&mut self) -> Result<Seen<F>> {
        let (model, loss, batch) = (&*self.model, self.loss, self.batch);
        if batch.labels.is_empty() {
            return Seen::nothing();
        }
        let count = self.parts.count.min(batch.labels.len()).max(1);
        if count == 1 {
            let whole = OnPart { model, batch, loss };
            return match &mut self.ranks {
                None => whole.look(Var::backward),
                Some(ranks) => {
                    whole.look(|loss| loss.backward_each(|id, gradient| ranks.gradient(id, gradient, batch.share)))
                }
            };
        }
        let look = |i| {
            let part = batch.part(i, count);
            let mut seen = OnPart { model, batch: &part, loss }.look(Var::backward)?;
            seen.scale(part.labels.len() as f64 / batch.labels.len() as f64);
            Ok(seen)
        };
        if self.parts.side_by_side {
            let mut seen: Vec<_> = (0..count).map(|_| None).collect();
            let parts = seen.iter_mut().enumerate().collect();
            parallel::for_each_part(usize::MAX, parts, |(i, seen): (usize, &mut Option<_>)| *seen = Some(look(i)));
            sum(seen.into_iter().flatten())
        } else {
            sum((0..count).map(look))
        }
    }

    /// What all ranks have of the batch. Those at fault and those without rows take part, or the others would wait for them.
    fn add_up(&mut self, own: Result<Seen<F>>) -> Result<Seen<F>, Failure> {
        let Some(ranks) = &mut self.ranks else { return Ok(own?) };
        let (seen, share, fault) = match own {
            Ok(seen) => (seen, self.batch.share, None),
            Err(error) => (Seen::nothing()?, 0.0, Some(error)),
        };
        let Seen { mut gradients, loss, accuracy } = seen;
        let mark = |is: bool| f64::from(u8::from(is));
        let mut numbers = [loss * share, accuracy * share, mark((self.asked)()), mark(fault.is_some())];
        if let Err(error) = ranks.add_up(&mut gradients, share, &mut numbers) {
            return Err(fault.unwrap_or(error).into());
        }
        let [loss, accuracy, stop, faults] = numbers;
        self.stop |= stop > 0.0;
        if faults > 0.0 {
            return Err(failure(&mut **ranks, fault));
        }
        Ok(Seen { loss, accuracy, gradients })
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
    fn nothing() -> Result<Self> {
        Ok(Self { loss: 0.0, accuracy: 0.0, gradients: gradients_from([], [])? })
    }

    fn scale(&mut self, share: f64) {
        self.loss *= share;
        self.accuracy *= share;
        self.gradients.scale(share);
    }
}

/// A step that this rank cannot even begin: tells the others, who are in the midst of it, and returns why.
pub(crate) fn give_up<F: Real>(ranks: Option<&mut dyn Ranks<F>>, error: Error) -> Error {
    let Some(ranks) = ranks else { return error };
    let told =
        gradients_from([], []).and_then(|mut nothing| ranks.add_up(&mut nothing, 0.0, &mut [0.0, 0.0, 0.0, 1.0]));
    match told {
        Ok(()) => *failure(ranks, Some(error)).error,
        Err(_) => error,
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
    fn look(&self, backward: impl FnOnce(&Var<F>) -> Result<Gradients<F>, TapeError>) -> Result<Seen<F>> {
        let (logits, loss) = self.forward(Tape::training(&mut self.rng()))?;
        let gradients = match backward(&loss) {
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
    let source = match source.downcast::<TapeError>() {
        Ok(error) => return Error::Autograd(*error),
        Err(source) => source,
    };
    match source.downcast::<Error>() {
        Ok(error) => *error,
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
