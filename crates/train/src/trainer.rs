//! The training loop.

use crate::checkpoint::session::{Moment, Session};
use crate::checkpoint::{Plan, Position};
use crate::step::{Batch, OnBatch};
use crate::{Callback, EpochRecord, Error, History, Result, StepRecord, evaluate};
use gradus_autograd::{Real, Var};
use gradus_data::Labelled;
use gradus_nn_layers::{Layer, Losses, Result as LayerResult, StateDict};
use gradus_optim::{AsClosure, ClosureOptimizer, Schedule};
use gradus_regularize::{Decision, EarlyStopping};
use ndarray::ArrayRef1;
use rand::Rng;
use rand::seq::SliceRandom;

pub(crate) type Loss<F> = Box<dyn Fn(&Var<F>, &ArrayRef1<usize>) -> LayerResult<Var<F>>>;

/// Trains a classifier: epochs of shuffled mini-batches, each a forward pass, a backward pass and an update.
///
/// # Batch, stochastic and mini-batch
/// How much of the training set one step sees is all that they differ in, so they are one loop here, and
/// [`batch_size`](Trainer::batch_size) turns one into the other. Of `n` samples with the losses `L₁ … Lₙ`, an epoch takes
///
/// ```text
/// θ ← θ − lr · ∇ 1/|B| Σ Lᵢ, i ∈ B          for each of the ⌈n / batch_size⌉ parts B of a random order of all n
/// ```
///
/// | | `batch_size` | steps an epoch | the gradient of a step |
/// | --- | --- | --- | --- |
/// | batch gradient descent | [`full_batch`](Trainer::full_batch): `n` or more | 1 | that of the whole set |
/// | mini-batch | between | `⌈n / batch_size⌉` | an estimate, the better the larger the batch |
/// | stochastic gradient descent | 1 | `n` | that of one sample: right on average alone |
///
/// An epoch costs about the same in all three. Many small steps get near the minimum sooner and cannot settle in it unless the rate
/// falls; one large step is exact, and what [`Lbfgs`](gradus_optim::Lbfgs) and [`Rprop`](gradus_optim::Rprop) need. Whatever the
/// size, every sample counts once an epoch (the mean over `n` is the same if the size divides it; if not, the samples of the last,
/// smaller batch count for more).
///
/// ```
/// use gradus_data::Digits;
/// use gradus_nn_layers::Linear;
/// use gradus_optim::Sgd;
/// use gradus_train::{Callback, StepRecord, Trainer};
/// use rand::{SeedableRng, rngs::StdRng};
///
/// #[derive(Default)]
/// struct Steps(u64);
/// impl Callback for Steps {
///     fn step(&mut self, step: &StepRecord) {
///         self.0 = step.step;
///     }
/// }
///
/// let (train, test) = Digits::embedded().split_at(1000)?;
/// for (batch_size, expected) in [(train.len(), 1), (50, 20), (1, 1000)] {
///     let mut rng = StdRng::seed_from_u64(7);
///     let (mut model, mut steps) = (Linear::new(64, 10, &mut rng), Steps::default());
///     let mut trainer = Trainer::new(1).batch_size(batch_size).callback(&mut steps);
///     let history = trainer.run(&mut model, &mut Sgd::new(0.05), &train, &test, &mut rng)?;
///     println!("{batch_size:>4} samples a step: loss {:.3} after one epoch", history.epochs[0].test_loss);
///     drop(trainer);
///     assert_eq!(steps.0, expected);
/// }
/// # Ok::<(), gradus_train::Error>(())
/// ```
///
/// # Optimizers
/// [`run`](Trainer::run) takes both kinds: an [`Optimizer`](gradus_optim::Optimizer), which is given the gradient of the batch, and a
/// [`ClosureOptimizer`] (SAM, L-BFGS), which evaluates the batch as often as it likes. All evaluations of one step see **the same
/// mini-batch and the same random numbers**, so the same dropout masks and the same noise: within a step the loss is one function of
/// the parameters, and a difference of two gradients tells of the parameters alone. The next step draws anew. What the callbacks are
/// told of a step is the loss at which it began.
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
    pub(crate) plan: Plan<'a>,
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
            plan: Plan::default(),
        }
    }

    /// Samples a step; 64 if not set. 1 is stochastic gradient descent, all samples or more are batch gradient descent: see
    /// [above](Trainer#batch-stochastic-and-mini-batch).
    #[must_use]
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.batch_size = batch_size;
        self
    }

    /// All training samples in one step, however many: batch gradient descent, an epoch of which is one step.
    ///
    /// # Examples
    /// L-BFGS, which takes noise of mini-batches for curvature:
    /// ```
    /// use gradus_data::Digits;
    /// use gradus_nn_layers::Linear;
    /// use gradus_optim::Lbfgs;
    /// use gradus_train::Trainer;
    /// use rand::{SeedableRng, rngs::StdRng};
    ///
    /// let mut rng = StdRng::seed_from_u64(7);
    /// let (train, test) = Digits::embedded().split(0.8, &mut rng)?;
    /// let (mut model, mut lbfgs) = (Linear::new(64, 10, &mut rng), Lbfgs::new(1.0).strong_wolfe());
    /// let history = Trainer::new(2).full_batch().run(&mut model, &mut lbfgs, &train, &test, &mut rng)?;
    /// assert!(history.epochs[1].test_accuracy > 0.9); // after two steps, of up to 20 iterations each
    /// # Ok::<(), gradus_train::Error>(())
    /// ```
    #[must_use]
    pub fn full_batch(self) -> Self {
        self.batch_size(usize::MAX)
    }

    /// Scales gradients down whose norm, taken over all parameters, exceeds this.
    ///
    /// A [`ClosureOptimizer`] is given every gradient of a step clipped. SAM's way up does not depend on a gradient's length, so that it
    /// is the base optimizer's gradient that is clipped. L-BFGS reads curvature off differences of gradients, which clipping
    /// falsifies: with it, leave this out; its line search bounds the steps.
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

    /// Trains the model, by an [`Optimizer`](gradus_optim::Optimizer) or a [`ClosureOptimizer`]; see
    /// [above](Trainer#optimizers). `Kind` is the compiler's to find.
    ///
    /// # Examples
    /// The same line for both kinds:
    /// ```
    /// use gradus_data::Digits;
    /// use gradus_nn_layers::Linear;
    /// use gradus_optim::{Sam, Sgd};
    /// use gradus_train::Trainer;
    /// use rand::{SeedableRng, rngs::StdRng};
    ///
    /// let mut rng = StdRng::seed_from_u64(7);
    /// let (train, test) = Digits::embedded().split(0.8, &mut rng)?;
    /// let (mut plain, mut flat) = (Linear::new(64, 10, &mut rng), Linear::new(64, 10, &mut rng));
    /// let sgd = || Sgd::new(0.1).momentum(0.9);
    /// Trainer::new(2).run(&mut plain, &mut sgd(), &train, &test, &mut rng)?;
    /// let history = Trainer::new(2).run(&mut flat, &mut Sam::new(sgd(), 0.05), &train, &test, &mut rng)?;
    /// assert!(history.epochs[1].test_accuracy > 0.9);
    /// # Ok::<(), gradus_train::Error>(())
    /// ```
    ///
    /// # Errors
    /// Settings that cannot work are refused before the first batch. A loss or a gradient that is not finite ends
    /// training with [`Error::NonFiniteLoss`] or [`Error::NonFiniteGradient`], and the model has the weights of the
    /// last epoch that ended well.
    pub fn run<Kind>(
        &mut self,
        model: &mut dyn Layer<F>,
        optimizer: &mut (impl AsClosure<F, Kind> + ?Sized),
        train: &Labelled<F>,
        test: &Labelled<F>,
        rng: &mut impl Rng,
    ) -> Result<History> {
        let mut optimizer = optimizer.as_closure();
        self.check(&optimizer, train, test)?;
        let plan = std::mem::take(&mut self.plan);
        let result = self.planned(&plan, model, &mut optimizer, [train, test], rng.next_u64());
        self.plan = plan;
        result
    }

    /// Runs from the start or from a checkpoint.
    fn planned(
        &mut self,
        plan: &Plan<'_>,
        model: &mut dyn Layer<F>,
        optimizer: &mut dyn ClosureOptimizer<F>,
        [train, test]: [&Labelled<F>; 2],
        seed: u64,
    ) -> Result<History> {
        let (batch_size, samples, test_samples) = (self.batch_size, train.len(), test.len());
        let start = Position { epoch: 1, step: 0, batch: 0, batch_size, samples, test_samples };
        let mut session = Session::begin(plan, start, seed, self.early_stopping.clone(), model, optimizer)?;
        let seen = sample_of(train, test.len(), &mut session.rng("comparison", 0))?;
        self.tell(
            |callback, (epochs, steps)| callback.start(epochs, steps),
            (self.epochs, train.len().div_ceil(self.batch_size)),
        );
        if let Some(path) = &session.resumed {
            self.tell(|callback, (step, path)| callback.resumed(step, path), (session.position.step, path.as_path()));
        }
        let result = self.epochs(&mut session, model, optimizer, [train, &seen, test]);
        self.tell(|callback, ()| callback.finish(), ());
        result
    }

    fn epochs(
        &mut self,
        session: &mut Session<'_, F>,
        model: &mut dyn Layer<F>,
        optimizer: &mut dyn ClosureOptimizer<F>,
        [train, seen, test]: [&Labelled<F>; 3],
    ) -> Result<History> {
        let name = match session.resumed {
            Some(_) => format!("the checkpoint of step {}", session.position.step),
            None => "the start".to_owned(),
        };
        let mut good = Good { weights: model.state_dict(), name };
        let steps = train.len().div_ceil(self.batch_size);
        while session.position.epoch <= self.epochs && !session.history.stopped_early {
            let epoch = session.position.epoch;
            let batches = train.batches(self.batch_size).shuffled(&mut session.rng("shuffle", epoch as u64));
            for (inputs, labels) in batches.skip(session.position.batch) {
                session.position.step += 1;
                session.position.batch += 1;
                let step = session.position.step;
                if let Some(schedule) = &self.schedule {
                    optimizer.follow(schedule.as_ref(), step - 1)?;
                }
                let batch = Batch { epoch, step, seed: session.stream("model", step), inputs: inputs.into(), labels };
                let record = match self.step(model, optimizer, &batch) {
                    Err(fault) => return Err(good.restore(model, fault)),
                    Ok(record) => record,
                };
                self.tell(|callback, record| callback.step(&record), record);
                if session.position.batch < steps {
                    self.save_if_due(session, Moment::Step, model, optimizer)?;
                    session.go_on()?;
                }
            }
            let (on_seen, on_test) = (evaluate(model, seen)?, evaluate(model, test)?);
            let record = EpochRecord {
                epoch,
                train_loss: on_seen.loss,
                train_accuracy: on_seen.accuracy,
                test_loss: on_test.loss,
                test_accuracy: on_test.accuracy,
                lr: optimizer.lr(),
                seconds: session.seconds(),
            };
            session.history.epochs.push(record);
            session.history.kept_epoch = epoch;
            session.position.epoch = epoch + 1;
            session.position.batch = 0;
            self.tell(|callback, record| callback.epoch(&record), record);
            good = Good { weights: model.state_dict(), name: format!("the end of epoch {epoch}") };
            if let Some(early_stopping) = &mut session.early_stopping
                && early_stopping.observe(epoch, record.test_loss, model)? == Decision::Stop
            {
                session.history.stopped_early = true;
            }
            let ends = epoch == self.epochs || session.history.stopped_early;
            self.save_if_due(session, if ends { Moment::End } else { Moment::Epoch }, model, optimizer)?;
            if !ends {
                session.go_on()?;
            }
        }
        let mut history = session.history.clone();
        if let Some(early_stopping) = &session.early_stopping
            && let Some(best) = early_stopping.restore_best(model)?
        {
            history.kept_epoch = best;
        }
        Ok(history)
    }

    fn save_if_due(
        &mut self,
        session: &mut Session<'_, F>,
        moment: Moment,
        model: &dyn Layer<F>,
        optimizer: &dyn ClosureOptimizer<F>,
    ) -> Result<()> {
        if let Some(path) = session.save_if_due(moment, model, optimizer)? {
            self.tell(|callback, (step, path)| callback.saved(step, path), (session.position.step, path.as_path()));
        }
        Ok(())
    }

    /// One step: the optimizer evaluates the batch, as often as its rule wants, and updates the model.
    fn step(
        &self,
        model: &mut dyn Layer<F>,
        optimizer: &mut dyn ClosureOptimizer<F>,
        batch: &Batch<F>,
    ) -> Result<StepRecord> {
        let (loss, clip_norm) = (&self.loss, self.clip_norm);
        let mut objective = OnBatch { model, batch, loss, clip_norm, accuracy: None, fault: None };
        match optimizer.step_on(&mut objective) {
            Ok(loss) => {
                let (accuracy, lr) = (objective.accuracy.unwrap_or(f64::NAN), optimizer.lr());
                Ok(StepRecord { epoch: batch.epoch, step: batch.step, loss, accuracy, lr })
            }
            Err(error) => Err(objective.reason(error)),
        }
    }

    /// Refuses what cannot work, before the first batch.
    fn check(&self, optimizer: &dyn ClosureOptimizer<F>, train: &Labelled<F>, test: &Labelled<F>) -> Result<()> {
        gradus_data::BatchSize::new(self.batch_size)?;
        self.plan.validate()?;
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

impl<F: Real> std::fmt::Debug for Trainer<'_, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trainer")
            .field("epochs", &self.epochs)
            .field("batch_size", &self.batch_size)
            .field("clip_norm", &self.clip_norm)
            .finish_non_exhaustive()
    }
}
