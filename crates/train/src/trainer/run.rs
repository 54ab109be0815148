//! The loop.

use super::Trainer;
use crate::agree::together;
use crate::checkpoint::session::{Moment, Session};
use crate::checkpoint::{Plan, Position};
use crate::evaluate::evaluate_rows;
use crate::metrics::Predictions;
use crate::ranks::{self, reborrow};
use crate::step::{Batch, OnBatch, give_up};
use crate::{
    Callback, EpochRecord, Error, Evaluation, Every, GradientRecord, History, MetricRecord, Part, PartBatches, Result,
    Rows, Source, Start, StepRecord,
};
use gradus_autograd::Real;
use gradus_data::Labelled;
use gradus_nn_layers::{Layer, StateDict};
use gradus_optim::{AsClosure, ClosureOptimizer};
use gradus_regularize::Decision;
use ndarray::Array1;
use rand::Rng;
use rand::seq::SliceRandom;

impl<'a, F: Real> Trainer<'a, F> {
    /// Trains the model, by an [`Optimizer`](gradus_optim::Optimizer) or a [`ClosureOptimizer`]; see
    /// [above](Trainer#optimizers). `Kind` is the compiler's to find.
    ///
    /// `train` is a [`Labelled`] set, or a [`Loader`](gradus_data::Loader), which brings its own batch size, order, transforms and threads:
    /// see [`Source`].
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
        train: &impl Source<F>,
        test: &Labelled<F>,
        rng: &mut impl Rng,
    ) -> Result<History> {
        let mut optimizer = optimizer.as_closure();
        let checked = self.check(&optimizer, train, test);
        self.together(checked)?;
        let plan = std::mem::take(&mut self.plan);
        // On the other ranks there is nobody to tell.
        let told = self.part().index == 0;
        let callbacks = if told { Vec::new() } else { std::mem::take(&mut self.callbacks) };
        let result = self.planned(&plan, model, &mut optimizer, (train, test), rng.next_u64());
        self.plan = plan;
        if !told {
            self.callbacks = callbacks;
        }
        result
    }

    /// What this rank has of every batch.
    fn part(&self) -> Part {
        self.ranks.as_ref().map_or(Part { index: 0, count: 1 }, |r| Part { index: r.rank(), count: r.size() })
    }

    /// A result that every rank has one of, or none has.
    fn together<T>(&mut self, own: Result<T>) -> Result<T> {
        together(reborrow(&mut self.ranks), own)
    }

    /// Makes sure that the ranks fit together.
    fn meet(
        &mut self,
        plan: &Plan<'_>,
        model: &mut dyn Layer<F>,
        (train, test): (&dyn Source<F>, &Labelled<F>),
        seed: u64,
    ) -> Result<()> {
        let Some(ranks) = reborrow(&mut self.ranks) else { return Ok(()) };
        let sums = train.checksum().and_then(|data| Ok((data, test.checksum()?)));
        let (data, test_data) = together(Some(&mut *ranks), sums)?;
        let (samples, test_samples) = (train.samples(), test.len());
        let (batch_size, epochs, checkpoint) = (train.batch_size(self.batch_size), self.epochs, plan.every());
        ranks.begin(model, &Start { seed, samples, test_samples, batch_size, epochs, data, test_data, checkpoint })
    }

    /// Runs from the start or from a checkpoint.
    fn planned(
        &mut self,
        plan: &Plan<'_>,
        model: &mut dyn Layer<F>,
        optimizer: &mut dyn ClosureOptimizer<F>,
        (train, test): (&dyn Source<F>, &Labelled<F>),
        seed: u64,
    ) -> Result<History> {
        self.meet(plan, model, (train, test), seed)?;
        let (batch_size, samples, test_samples) = (train.batch_size(self.batch_size), train.samples(), test.len());
        let start = Position { epoch: 1, step: 0, batch: 0, batch_size, samples, test_samples };
        let fingerprint = train.fingerprint();
        let start = (start, self.together(fingerprint)?);
        let watched = self.watched.map(|place| (place, self.metrics[place].name()));
        let early_stopping = (self.early_stopping.clone(), watched);
        let ranks = reborrow(&mut self.ranks);
        let mut session = Session::begin(plan, start, seed, early_stopping, (model, optimizer), ranks)?;
        let seen = sample_of(train, test, &mut session.rng("comparison", 0));
        let seen = self.together(seen)?;
        self.tell(
            |callback, (epochs, steps)| callback.start(epochs, steps),
            (self.epochs, train.steps(self.batch_size)),
        );
        if let Some(path) = &session.resumed {
            self.tell(|callback, (step, path)| callback.resumed(step, path), (session.position.step, path.as_path()));
        }
        let result = self.epochs(&mut session, model, optimizer, train, [&seen, test]);
        self.tell(|callback, ()| callback.finish(), ());
        result
    }

    fn epochs(
        &mut self,
        session: &mut Session<'_, F>,
        model: &mut dyn Layer<F>,
        optimizer: &mut dyn ClosureOptimizer<F>,
        train: &dyn Source<F>,
        [seen, test]: [&Labelled<F>; 2],
    ) -> Result<History> {
        let name = match session.resumed {
            Some(_) => format!("the checkpoint of step {}", session.position.step),
            None => "the start".to_owned(),
        };
        let mut good = Good { weights: model.state_dict(), name };
        let steps = train.steps(self.batch_size);
        let (part, size) = (self.part(), self.batch_size);
        let batches = |session: &Session<'_, F>| {
            let Position { epoch, batch, .. } = session.position;
            let rng = session.rng("shuffle", epoch as u64);
            let whole = |(inputs, labels): (_, Array1<usize>)| Rows { inputs, batch: labels.len(), labels };
            if part.count > 1 {
                return train.part_batches(epoch, batch, size, rng, part);
            }
            Ok(Box::new(train.batches(epoch, batch, size, rng)?.map(move |batch| Ok(whole(batch?))))
                as PartBatches<'_, F>)
        };
        let first = batches(session);
        let mut coming = self.together(first)?;
        while session.position.epoch <= self.epochs && !session.history.stopped_early {
            let epoch = session.position.epoch;
            for batch in coming.by_ref() {
                let rows = match batch {
                    Err(error) => return Err(good.restore(model, give_up(reborrow(&mut self.ranks), error))),
                    Ok(rows) => rows,
                };
                session.position.step += 1;
                session.position.batch += 1;
                let step = session.position.step;
                if let Some(schedule) = &self.schedule {
                    optimizer.follow(schedule.as_ref(), step - 1)?;
                }
                let batch = Batch::of(rows, part, (epoch, step), session.stream("model", step));
                let ends = (session.position.batch == steps).then_some(epoch);
                let look_at_gradients = self.gradient_health.is_some_and(|every| every.is_due(step, ends));
                let asked = || session.is_asked_to_stop();
                let (record, gradients, stop) = match self.step(model, optimizer, &batch, look_at_gradients, &asked) {
                    Err(fault) => return Err(good.restore(model, fault)),
                    Ok(done) => done,
                };
                session.agree_to_stop(stop);
                gradients.iter().for_each(|record| self.tell(|callback, record| callback.gradient(record), record));
                session.history.gradients.extend(gradients);
                self.tell(|callback, record| callback.step(&record), record);
                if session.position.batch < steps {
                    self.save_if_due(session, Moment::Step, model, optimizer)?;
                    session.go_on()?;
                }
            }
            session.position.epoch = epoch + 1;
            session.position.batch = 0;
            // Now, so that a loader's threads work while the model is evaluated.
            let next = batches(session);
            coming = self.together(next)?;
            let on_seen = evaluate_rows(model, seen, None, reborrow(&mut self.ranks))?;
            let (on_test, metrics) = self.on_test(epoch, model, test)?;
            let record = EpochRecord {
                epoch,
                train_loss: on_seen.loss,
                train_accuracy: on_seen.accuracy,
                test_loss: on_test.loss,
                test_accuracy: on_test.accuracy,
                lr: optimizer.lr(),
                seconds: session.seconds(),
            };
            let watched = self.watched.map_or(record.test_loss, |place| metrics[place].value);
            session.history.epochs.push(record);
            session.history.kept_epoch = epoch;
            metrics.iter().for_each(|record| self.tell(|callback, record| callback.metric(record), record));
            session.history.metrics.extend(metrics);
            self.tell(|callback, record| callback.epoch(&record), record);
            good = Good { weights: model.state_dict(), name: format!("the end of epoch {epoch}") };
            if let Some(early_stopping) = &mut session.early_stopping
                && early_stopping.observe(epoch, watched, model)? == Decision::Stop
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

    /// How good the model is on the test samples, by the loss and by every metric.
    fn on_test(
        &mut self,
        epoch: usize,
        model: &dyn Layer<F>,
        test: &Labelled<F>,
    ) -> Result<(Evaluation, Vec<MetricRecord>)> {
        let ranks = reborrow(&mut self.ranks);
        if self.metrics.is_empty() {
            return Ok((evaluate_rows(model, test, None, ranks)?, Vec::new()));
        }
        let mut rows = Vec::new();
        let evaluation = evaluate_rows(model, test, Some(&mut rows), ranks)?;
        let predictions = Predictions::of_rows(rows, test)?;
        let records = self.metrics.iter().map(|metric| {
            let (name, value) = (metric.name(), metric.measure(&predictions)?);
            Ok(MetricRecord { epoch, name, value })
        });
        Ok((evaluation, records.collect::<Result<_>>()?))
    }

    fn save_if_due(
        &mut self,
        session: &mut Session<'_, F>,
        moment: Moment,
        model: &dyn Layer<F>,
        optimizer: &dyn ClosureOptimizer<F>,
    ) -> Result<()> {
        if let Some(path) = session.save_if_due(moment, model, optimizer, reborrow(&mut self.ranks))? {
            self.tell(|callback, (step, path)| callback.saved(step, path), (session.position.step, path.as_path()));
        }
        Ok(())
    }

    /// One step: the optimizer evaluates the batch, as often as its rule wants, and updates the model. Also whether a rank is
    /// asked to stop.
    fn step(
        &mut self,
        model: &mut dyn Layer<F>,
        optimizer: &mut dyn ClosureOptimizer<F>,
        batch: &Batch<F>,
        look_at_gradients: bool,
        asked: &dyn Fn() -> bool,
    ) -> Result<(StepRecord, Vec<GradientRecord>, bool)> {
        let mut objective = OnBatch {
            model,
            batch,
            loss: &self.loss,
            parts: self.parts,
            clip_norm: self.clip_norm,
            look_at_gradients,
            gradients: Vec::new(),
            accuracy: None,
            fault: None,
            ranks: reborrow(&mut self.ranks),
            asked,
            stop: false,
        };
        match optimizer.step_on(&mut objective) {
            Ok(loss) => {
                let (accuracy, lr) = (objective.accuracy.unwrap_or(f64::NAN), optimizer.lr());
                let record = StepRecord { epoch: batch.epoch, step: batch.step, loss, accuracy, lr };
                Ok((record, objective.gradients, objective.stop))
            }
            Err(error) => Err(objective.reason(error)),
        }
    }

    /// Refuses what cannot work, before the first batch.
    fn check(&self, optimizer: &dyn ClosureOptimizer<F>, train: &dyn Source<F>, test: &Labelled<F>) -> Result<()> {
        gradus_data::BatchSize::new(self.batch_size)?;
        self.plan.validate()?;
        optimizer.validate()?;
        if let Some(schedule) = &self.schedule {
            schedule.validate()?;
        }
        if let Some(early_stopping) = &self.early_stopping {
            early_stopping.validate()?;
        }
        for (set, len) in [("training", train.steps(self.batch_size)), ("test", test.len())] {
            if len == 0 {
                return Err(Error::NoSamples { operation: "training", set });
            }
        }
        if let Some(ranks) = &self.ranks {
            ranks::check(&**ranks, train.samples())?;
        }
        if self.parts.count == 0 {
            let (setting, expected) = ("the number of parts of a batch", "must be at least 1");
            return Err(Error::Setting { setting, value: "0".to_owned(), expected });
        }
        if let Some(Every::Steps(0) | Every::Epochs(0)) = self.gradient_health {
            let expected = "must be at least every step or every epoch";
            return Err(Error::Setting { setting: "gradient_health", value: "every 0".to_owned(), expected });
        }
        if !self.metrics.is_empty() {
            let predictions = Predictions::uniform(test)?;
            self.metrics.iter().try_for_each(|metric| metric.measure(&predictions).map(drop))?;
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
        match &mut fault {
            Error::NonFiniteLoss { kept, .. } | Error::NonFiniteGradient { kept, .. } => *kept = self.name,
            Error::OtherRank { kept, .. } => *kept = Some(self.name),
            _ => return fault,
        }
        if let Err(error) = model.load_state_dict(&self.weights) {
            return error.into();
        }
        fault
    }
}

/// Training samples, drawn once, to compare with as many test samples.
fn sample_of<F: Real>(train: &dyn Source<F>, test: &Labelled<F>, rng: &mut impl Rng) -> Result<Labelled<F>> {
    let mut places: Vec<usize> = (0..train.samples()).collect();
    places.shuffle(rng);
    places.truncate(test.len());
    train.select(&places, test.classes())
}
