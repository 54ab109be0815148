//! One run of a trainer: where it is, where its random numbers come from, and when it saves itself.

use super::{BestSoFar, Checkpoint, CheckpointFolder, Every, Found, OpenFolder, Plan, Position, sent};
use crate::agree::{from_first, together};
use crate::{Error, History, Ranks, Result};
use gradus_autograd::Real;
use gradus_data::Streams;
use gradus_nn_layers::Layer;
use gradus_optim::ClosureOptimizer;
use gradus_regularize::EarlyStopping;
use rand::rngs::StdRng;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

const AS_BEFORE: &str = "early stopping must be set as it was when the run began";

/// A metric: its place among those that are followed, and its name.
pub(crate) type Watched = (usize, String);

/// A training run in progress.
pub(crate) struct Session<'a, F: Real> {
    pub(crate) position: Position,
    pub(crate) history: History,
    /// As the trainer has it, and what it has observed in this run.
    pub(crate) early_stopping: Option<EarlyStopping<F>>,
    /// The metric that early stopping watches; the test loss if there is none.
    watched: Option<Watched>,
    /// The checkpoint that the run goes on from.
    pub(crate) resumed: Option<PathBuf>,
    /// What tells the loader that feeds the run from others.
    loader: Option<u64>,
    seed: u64,
    /// When it is saved, if it is.
    every: Option<Every>,
    /// Where to; on rank 0 alone, if there are ranks.
    folder: Option<OpenFolder<'a>>,
    stop: Option<&'a AtomicBool>,
    /// Whether the ranks have been asked to stop, as all of them know it.
    agreed: Option<bool>,
    /// The last checkpoint, and its step.
    saved: Option<(u64, PathBuf)>,
    /// Seconds before this process.
    before: f64,
    clock: Instant,
}

/// Between which steps a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Two of one epoch.
    Step,
    /// The last of an epoch, which has been evaluated, and the first of the next.
    Epoch,
    /// None follows.
    End,
}

impl<'a, F: Real> Session<'a, F> {
    /// Begins at the start, or where the newest checkpoint is.
    pub(crate) fn begin(
        plan: &'a Plan<'_>,
        (start, loader): (Position, Option<u64>),
        seed: u64,
        (early_stopping, watched): (Option<EarlyStopping<F>>, Option<Watched>),
        (model, optimizer): (&mut dyn Layer<F>, &mut dyn ClosureOptimizer<F>),
        ranks: Option<&mut dyn Ranks<F>>,
    ) -> Result<Self> {
        let mut session = Self {
            position: start,
            history: History { samples: start.samples, ..History::default() },
            early_stopping,
            watched,
            resumed: None,
            loader,
            seed,
            every: plan.every(),
            folder: None,
            stop: plan.stop,
            agreed: ranks.is_some().then_some(false),
            saved: None,
            before: 0.0,
            clock: Instant::now(),
        };
        let Some((folder, _)) = &plan.folder else { return Ok(session) };
        let Some(ranks) = ranks else {
            if let Some(found) = session.open(folder, plan.resume)? {
                session.take_over(found.checkpoint, found.path, model, optimizer)?;
            }
            return Ok(session);
        };
        let bytes = from_first(ranks, || Ok(session.open(folder, plan.resume)?.map_or_else(Vec::new, sent::to_bytes)))?;
        let taken = sent::from_bytes(&bytes).and_then(|found| match found {
            Some((checkpoint, path)) => session.take_over(checkpoint, path, model, optimizer),
            None => Ok(()),
        });
        together(Some(ranks), taken)?;
        Ok(session)
    }

    /// Takes the folder for this run, and looks for what it is to go on from.
    fn open(&mut self, folder: &'a CheckpointFolder, resume: bool) -> Result<Option<Found<F>>> {
        let open = folder.open()?;
        let mut newest = None;
        if resume {
            newest = open.newest()?;
        } else if let Some((step, _)) = folder.checkpoints()?.pop() {
            return Err(Error::FolderTaken { folder: open.path().to_owned(), step });
        }
        if let Some(Found { path, damaged, .. }) = &newest {
            // Never silently: callbacks may be none, or deaf.
            damaged.iter().for_each(|error| eprintln!("{error}; going on from {}", path.display()));
        }
        self.folder = Some(open);
        Ok(newest)
    }

    /// Puts a checkpoint into everything; if it does not fit, model and optimizer stay as they are.
    fn take_over(
        &mut self,
        checkpoint: Checkpoint<F>,
        path: PathBuf,
        model: &mut dyn Layer<F>,
        optimizer: &mut dyn ClosureOptimizer<F>,
    ) -> Result<()> {
        let there = checkpoint.position;
        let Position { batch_size, samples, test_samples, .. } = self.position;
        for (what, saved, now) in [
            ("batch size", there.batch_size, batch_size),
            ("number of training samples", there.samples, samples),
            ("number of test samples", there.test_samples, test_samples),
        ] {
            if saved != now {
                return Err(Error::OtherRun { path, what, saved: saved.to_string(), now: now.to_string() });
            }
        }
        if checkpoint.loader != self.loader {
            let text =
                |loader: Option<u64>| loader.map_or_else(|| "none".to_owned(), |key| format!("number {key:016x}"));
            let (what, saved, now) = ("loader (its seed, order and sizes)", text(checkpoint.loader), text(self.loader));
            return Err(Error::OtherRun { path, what, saved, now });
        }
        let before = model.state_dict();
        let fitted = self.fit(&checkpoint, model, optimizer);
        if let Err(source) = fitted {
            model.load_state_dict(&before)?;
            return Err(Error::Resume { path, source: Box::new(source) });
        }
        self.position = there;
        self.seed = checkpoint.seed;
        self.history = checkpoint.history;
        self.before = checkpoint.seconds;
        self.saved = Some((there.step, path.clone()));
        self.resumed = Some(path);
        Ok(())
    }

    fn fit(
        &mut self,
        checkpoint: &Checkpoint<F>,
        model: &mut dyn Layer<F>,
        optimizer: &mut dyn ClosureOptimizer<F>,
    ) -> Result<()> {
        // Early stopping sees all epochs again. The weights that it keeps of any but the best it gives up for the best's.
        if let Some(early_stopping) = &mut self.early_stopping {
            if let Some(best) = &checkpoint.best {
                model.load_state_dict(&best.weights)?;
            }
            for record in &checkpoint.history.epochs {
                let watched = match &self.watched {
                    None => record.test_loss,
                    Some((place, name)) => {
                        let mut saved = checkpoint.history.metrics.iter().filter(|metric| metric.epoch == record.epoch);
                        let saved = saved.nth(*place).filter(|metric| metric.name == *name);
                        saved.map(|metric| metric.value).ok_or_else(|| Error::Setting {
                            setting: "early_stopping",
                            value: format!("one on {name}, which was not followed"),
                            expected: AS_BEFORE,
                        })?
                    }
                };
                early_stopping.observe(record.epoch, watched, model)?;
            }
            let (saved, now) = (checkpoint.best.as_ref().map(|best| best.epoch), early_stopping.best_epoch());
            if saved != now {
                let expected = AS_BEFORE;
                let epoch = |best: Option<usize>| best.map_or_else(|| "none".to_owned(), |epoch| epoch.to_string());
                let value = format!("one with epoch {} as the best, and epoch {} was saved", epoch(now), epoch(saved));
                return Err(Error::Setting { setting: "early_stopping", value, expected });
            }
        }
        model.load_state_dict(&checkpoint.model)?;
        optimizer.restore(checkpoint.optimizer.clone())?;
        Ok(())
    }

    /// The seed of the random numbers for one purpose and one epoch or step.
    pub(crate) fn stream(&self, purpose: &str, index: u64) -> u64 {
        Streams::new(self.seed).child(purpose).at(index).key()
    }

    /// These random numbers.
    pub(crate) fn rng(&self, purpose: &str, index: u64) -> StdRng {
        Streams::new(self.seed).numbered(purpose, index)
    }

    pub(crate) fn seconds(&self) -> f64 {
        self.before + self.clock.elapsed().as_secs_f64()
    }

    /// Saves if it is time to, and returns the file. Of several ranks the first saves, and the others wait until it has.
    pub(crate) fn save_if_due(
        &mut self,
        moment: Moment,
        model: &dyn Layer<F>,
        optimizer: &dyn ClosureOptimizer<F>,
        ranks: Option<&mut dyn Ranks<F>>,
    ) -> Result<Option<PathBuf>> {
        let Some(every) = self.every else { return Ok(None) };
        let step = self.position.step;
        let ended = (moment != Moment::Step).then_some(self.history.epochs.len());
        let due = every.is_due(step, ended) || moment == Moment::End || self.is_stopped() || {
            // The best epoch of all so far has just ended.
            let losses = || self.history.epochs.iter().map(|record| record.test_loss);
            let last = losses().next_back();
            ended.is_some() && last.is_some_and(|last| losses().rev().skip(1).all(|before| last < before))
        };
        if !due || self.saved.as_ref().is_some_and(|(saved, _)| *saved == step) {
            return Ok(None);
        }
        let path = match ranks {
            None => self.save(model, optimizer)?,
            Some(ranks) => {
                let mut own = None;
                let path = from_first(ranks, || {
                    own = self.save(model, optimizer)?;
                    Ok(own.as_ref().map_or_else(Vec::new, |path| path.to_string_lossy().into_owned().into_bytes()))
                })?;
                Some(own.unwrap_or_else(|| String::from_utf8_lossy(&path).into_owned().into()))
            }
        };
        self.saved = path.clone().map(|path| (step, path));
        Ok(path)
    }

    fn save(&self, model: &dyn Layer<F>, optimizer: &dyn ClosureOptimizer<F>) -> Result<Option<PathBuf>> {
        let best = self.early_stopping.as_ref().and_then(|early_stopping| {
            let weights = early_stopping.best_weights()?.clone();
            Some(BestSoFar { epoch: early_stopping.best_epoch()?, metric: early_stopping.best_metric()?, weights })
        });
        let checkpoint = Checkpoint {
            model: model.state_dict(),
            optimizer: optimizer.state(),
            position: self.position,
            seed: self.seed,
            history: self.history.clone(),
            seconds: self.seconds(),
            best,
            loader: self.loader,
        };
        self.folder.as_ref().map(|folder| folder.save(&checkpoint)).transpose()
    }

    /// Ends a run that is asked to stop.
    pub(crate) fn go_on(&self) -> Result<()> {
        if !self.is_stopped() {
            return Ok(());
        }
        let Position { epoch, step, .. } = self.position;
        let checkpoint = self.saved.as_ref().map(|(_, path)| path.clone());
        Err(Error::Interrupted { epoch, step, checkpoint })
    }

    fn is_stopped(&self) -> bool {
        self.agreed.unwrap_or_else(|| self.is_asked_to_stop())
    }

    /// Whether this rank is asked to stop.
    pub(crate) fn is_asked_to_stop(&self) -> bool {
        self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
    }

    /// Notes whether any rank is: all of them learn it in the same step.
    pub(crate) fn agree_to_stop(&mut self, stop: bool) {
        self.agreed = self.agreed.map(|_| stop);
    }
}
