//! The training loop.

use crate::evaluate::{evaluate, largest};
use crate::{Callback, EpochRecord, Error, History, Result, StepRecord};
use gradus_autograd::{Error as TapeError, Gradients, Leaf, Real, Tape, Value, Var};
use gradus_data::Labelled;
use gradus_linalg::elementwise::sum_slice;
use gradus_nn_layers::{Layer, Losses, Result as LayerResult, StateDict};
use gradus_optim::{Optimizer, Schedule, clip_global_norm};
use gradus_regularize::{Decision, EarlyStopping};
use ndarray::{Array1, ArrayRef1, Ix2};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use std::time::Instant;

type Loss<F> = Box<dyn Fn(&Var<F>, &ArrayRef1<usize>) -> LayerResult<Var<F>>>;

/// Trains a classifier: epochs of shuffled mini-batches, each a forward pass, a backward pass and an update.
///
/// After every epoch the model is evaluated as in use, on the test samples and on as many training samples, so that
/// the two losses can be compared: dropout and noise are in neither.
///
/// The loop itself is [`Trainer::run`]; it is short, and meant to be read.
///
/// # Examples
/// ```
/// use gradus_data::Digits;
/// use gradus_nn_layers::Linear;
/// use gradus_optim::Adam;
/// use gradus_train::Trainer;
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let mut rng = StdRng::seed_from_u64(7);
/// let (train, test) = Digits::embedded().split(0.8, &mut rng)?;
/// let mut model = Linear::new(64, 10, &mut rng);
/// let history = Trainer::new(3).batch_size(32).run(&mut model, &mut Adam::new(1e-2), &train, &test, &mut rng)?;
/// assert!(history.epochs[2].test_accuracy > 0.9);
/// # Ok::<(), gradus_train::Error>(())
/// ```
pub struct Trainer<'a, F: Real = f32> {
    epochs: usize,
    batch_size: usize,
    clip_norm: Option<f64>,
    schedule: Option<Box<dyn Schedule + 'a>>,
    early_stopping: Option<EarlyStopping<F>>,
    loss: Loss<F>,
    callbacks: Vec<&'a mut dyn Callback>,
}

impl<'a, F: Real> Trainer<'a, F> {
    /// So many passes over the training samples, in batches of 64, with the cross-entropy as loss.
    #[must_use]
    pub fn new(epochs: usize) -> Self {
        Self {
            epochs,
            batch_size: 64,
            clip_norm: None,
            schedule: None,
            early_stopping: None,
            loss: Box::new(|logits, labels| logits.cross_entropy(labels)),
            callbacks: Vec::new(),
        }
    }

    /// Samples a step; 64 if not set.
    #[must_use]
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.batch_size = batch_size;
        self
    }

    /// Scales gradients down whose norm, taken over all parameters, exceeds this.
    #[must_use]
    pub fn clip_norm(mut self, max_norm: f64) -> Self {
        self.clip_norm = Some(max_norm);
        self
    }

    /// Sets the learning rate of each step, counted from 0.
    #[must_use]
    pub fn schedule(mut self, schedule: impl Schedule + 'a) -> Self {
        self.schedule = Some(Box::new(schedule));
        self
    }

    /// Stops when the test loss no longer falls, and gives the model the weights of its best epoch.
    #[must_use]
    pub fn early_stopping(mut self, early_stopping: EarlyStopping<F>) -> Self {
        self.early_stopping = Some(early_stopping);
        self
    }

    /// Another loss, from logits `(N, K)` and labels `(N)` to one number.
    #[must_use]
    pub fn loss(mut self, loss: impl Fn(&Var<F>, &ArrayRef1<usize>) -> LayerResult<Var<F>> + 'static) -> Self {
        self.loss = Box::new(loss);
        self
    }

    /// Lets somebody watch: [`Progress`](crate::Progress), say.
    #[must_use]
    pub fn callback(mut self, callback: &'a mut dyn Callback) -> Self {
        self.callbacks.push(callback);
        self
    }

    /// Trains the model.
    ///
    /// # Errors
    /// Settings that cannot work are refused before the first batch. A loss or a gradient that is not finite ends
    /// training with [`Error::NonFiniteLoss`] or [`Error::NonFiniteGradient`], and the model has the weights of the
    /// last epoch that ended well.
    pub fn run(
        &mut self,
        model: &mut dyn Layer<F>,
        optimizer: &mut dyn Optimizer<F>,
        train: &Labelled<F>,
        test: &Labelled<F>,
        rng: &mut impl Rng,
    ) -> Result<History> {
        self.check(optimizer, train, test)?;
        let seen = sample_of(train, test.len(), rng)?;
        self.tell(
            |callback, (epochs, steps)| callback.start(epochs, steps),
            (self.epochs, train.len().div_ceil(self.batch_size)),
        );
        let result = self.epochs(model, optimizer, [train, &seen, test], rng);
        self.tell(|callback, ()| callback.finish(), ());
        result
    }

    fn epochs(
        &mut self,
        model: &mut dyn Layer<F>,
        optimizer: &mut dyn Optimizer<F>,
        [train, seen, test]: [&Labelled<F>; 3],
        rng: &mut impl Rng,
    ) -> Result<History> {
        let start = Instant::now();
        let mut history = History::default();
        let mut good = Good { weights: model.state_dict(), name: "the start".to_owned() };
        let mut step = 0;
        for epoch in 1..=self.epochs {
            for (inputs, labels) in train.batches(self.batch_size).shuffled(rng) {
                step += 1;
                if let Some(schedule) = &self.schedule {
                    optimizer.follow(schedule.as_ref(), step - 1)?;
                }
                let pass = Pass { epoch, step, seed: rng.next_u64(), inputs: inputs.into(), labels };
                let record = match self.step(model, optimizer, &pass) {
                    Err(fault) => return Err(good.restore(model, fault)),
                    Ok(record) => record,
                };
                self.tell(|callback, record| callback.step(&record), record);
            }
            let (on_seen, on_test) = (evaluate(model, seen)?, evaluate(model, test)?);
            let record = EpochRecord {
                epoch,
                train_loss: on_seen.loss,
                train_accuracy: on_seen.accuracy,
                test_loss: on_test.loss,
                test_accuracy: on_test.accuracy,
                lr: optimizer.lr(),
                seconds: start.elapsed().as_secs_f64(),
            };
            history.epochs.push(record);
            history.kept_epoch = epoch;
            self.tell(|callback, record| callback.epoch(&record), record);
            good = Good { weights: model.state_dict(), name: format!("the end of epoch {epoch}") };
            if let Some(early_stopping) = &mut self.early_stopping
                && early_stopping.observe(epoch, record.test_loss, model)? == Decision::Stop
            {
                history.stopped_early = true;
                break;
            }
        }
        if let Some(early_stopping) = &mut self.early_stopping
            && let Some(best) = early_stopping.restore_best(model)?
        {
            history.kept_epoch = best;
        }
        Ok(history)
    }

    /// One step: forward, backward, clip, update.
    fn step(&self, model: &mut dyn Layer<F>, optimizer: &mut dyn Optimizer<F>, pass: &Pass<F>) -> Result<StepRecord> {
        let tape = Tape::training(&mut pass.rng());
        let logits = model.forward(&tape.input(pass.inputs.clone()))?;
        let loss = (self.loss)(&logits, &pass.labels)?;
        let mut gradients = match loss.backward() {
            Err(TapeError::NonFiniteLoss { loss, .. }) => return Err(self.blame(model, pass, loss)?),
            gradients => gradients?,
        };
        let loss = loss.item().map_or(f64::NAN, Real::to_f64);
        if let Some(parameter) = first_not_finite(model, &gradients) {
            let (epoch, step, kept) = (pass.epoch, pass.step, String::new());
            let cause = self.again(model, pass)?.1.backward().err().map(Box::new);
            return Err(Error::NonFiniteGradient { epoch, step, loss, parameter, cause, kept });
        }
        if let Some(max_norm) = self.clip_norm {
            clip_global_norm(&mut gradients, max_norm)?;
        }
        let accuracy = share_right(&logits, &pass.labels);
        drop(logits);
        optimizer.step(model, &gradients)?;
        Ok(StepRecord { epoch: pass.epoch, step: pass.step, loss, accuracy, lr: optimizer.lr() })
    }

    /// Names the operation that made a loss NaN or infinite.
    fn blame(&self, model: &dyn Layer<F>, pass: &Pass<F>, loss: f64) -> Result<Error> {
        let (tape, _) = self.again(model, pass)?;
        let (epoch, step, cause, kept) = (pass.epoch, pass.step, tape.non_finite().map(Box::new), String::new());
        Ok(Error::NonFiniteLoss { epoch, step, loss, cause, kept })
    }

    /// Runs a forward pass that went wrong once more, with the same randomness, on a tape that looks at every operation.
    fn again(&self, model: &dyn Layer<F>, pass: &Pass<F>) -> Result<(Tape<F>, Var<F>)> {
        let tape = Tape::training(&mut pass.rng()).watch_finite();
        let loss = (self.loss)(&model.forward(&tape.input(pass.inputs.clone()))?, &pass.labels)?;
        Ok((tape, loss))
    }

    /// Refuses what cannot work, before the first batch.
    fn check(&self, optimizer: &dyn Optimizer<F>, train: &Labelled<F>, test: &Labelled<F>) -> Result<()> {
        gradus_data::BatchSize::new(self.batch_size)?;
        optimizer.validate()?;
        if let Some(schedule) = &self.schedule {
            schedule.validate()?;
        }
        if let Some(early_stopping) = &self.early_stopping {
            early_stopping.validate()?;
        }
        for (set, data) in [("training", train), ("test", test)] {
            if data.is_empty() {
                return Err(Error::NoSamples { operation: "training", set });
            }
        }
        match self.clip_norm {
            Some(norm) if !(norm > 0.0 && norm.is_finite()) => {
                let expected = "must be positive and finite";
                Err(Error::Setting { setting: "clip_norm", value: norm.to_string(), expected })
            }
            _ => Ok(()),
        }
    }

    fn tell<T: Copy>(&mut self, what: impl Fn(&mut dyn Callback, T), value: T) {
        self.callbacks.iter_mut().for_each(|callback| what(&mut **callback, value));
    }
}

/// What one step needs, kept so that it can be run again.
struct Pass<F: Real> {
    epoch: usize,
    step: u64,
    seed: u64,
    inputs: Value<F>,
    labels: Array1<usize>,
}

impl<F: Real> Pass<F> {
    fn rng(&self) -> StdRng {
        StdRng::seed_from_u64(self.seed)
    }
}

/// The last weights that are known to be good. They share the model's memory until it changes.
struct Good<F: Real> {
    weights: StateDict<F>,
    name: String,
}

impl<F: Real> Good<F> {
    /// Gives them back to the model after a fault that spoiled the training, and says so in the error.
    fn restore(self, model: &mut dyn Layer<F>, mut fault: Error) -> Error {
        if let Error::NonFiniteLoss { kept, .. } | Error::NonFiniteGradient { kept, .. } = &mut fault {
            *kept = self.name;
            if let Err(error) = model.load_state_dict(&self.weights) {
                return error.into();
            }
        }
        fault
    }
}

/// So many training samples, drawn once, to compare with as many test samples.
fn sample_of<F: Real>(train: &Labelled<F>, samples: usize, rng: &mut impl Rng) -> Result<Labelled<F>> {
    let mut places: Vec<usize> = (0..train.len()).collect();
    places.shuffle(rng);
    places.truncate(samples);
    Ok(train.select(&places)?)
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

impl<F: Real> std::fmt::Debug for Trainer<'_, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trainer")
            .field("epochs", &self.epochs)
            .field("batch_size", &self.batch_size)
            .field("clip_norm", &self.clip_norm)
            .finish_non_exhaustive()
    }
}
