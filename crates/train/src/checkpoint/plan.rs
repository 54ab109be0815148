//! When a trainer saves, and what it does with what is there.

use super::CheckpointFolder;
use crate::{Error, Result, Trainer};
use gradus_autograd::Real;
use std::sync::atomic::AtomicBool;

/// How often something is done: [`Trainer::checkpoint`], [`Trainer::gradient_health`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Every {
    /// After so many steps, counted over all epochs.
    Steps(u64),
    /// After so many epochs.
    Epochs(usize),
}

impl Every {
    pub(crate) fn is_due(self, step: u64, epoch_ended: Option<usize>) -> bool {
        match self {
            Self::Steps(n) => step.is_multiple_of(n),
            Self::Epochs(n) => epoch_ended.is_some_and(|epoch| epoch.is_multiple_of(n)),
        }
    }
}

/// What a trainer was told of checkpoints.
#[derive(Debug, Default)]
pub(crate) struct Plan<'a> {
    pub(super) folder: Option<(CheckpointFolder, Every)>,
    pub(super) resume: bool,
    pub(super) stop: Option<&'a AtomicBool>,
}

impl Plan<'_> {
    /// When it saves, if it does.
    pub(crate) fn every(&self) -> Option<Every> {
        self.folder.as_ref().map(|(_, every)| *every)
    }

    pub(crate) fn validate(&self) -> Result<()> {
        match &self.folder {
            Some((_, Every::Steps(0) | Every::Epochs(0))) => {
                let expected = "must be at least every step or every epoch";
                Err(Error::Setting { setting: "checkpoint", value: "every 0".to_owned(), expected })
            }
            Some((folder, _)) => folder.validate(),
            None if self.resume => {
                let expected = "needs a folder to resume from: call checkpoint(folder, every), too";
                Err(Error::Setting { setting: "resume", value: "asked for".to_owned(), expected })
            }
            None => Ok(()),
        }
    }
}

impl<'a, F: Real> Trainer<'a, F> {
    /// Saves the whole run in a folder of its own, so often: model, optimizer, place in the schedule, random streams, place in the
    /// epoch, history, and the best so far. See [`CheckpointFolder`] for what is kept, and what is promised. Every epoch whose test loss is the
    /// lowest so far ends with a checkpoint, whatever `every` says, and so does training.
    ///
    /// A folder that has checkpoints already is refused without [`resume`](Trainer::resume), and one that another run uses always.
    /// If a checkpoint cannot be written, training ends with an error, and the ones before are as they were.
    ///
    /// # Examples
    /// Stopped after three epochs, and continued to the fifth, in the bits of five without a pause:
    /// ```
    /// use gradus_data::Digits;
    /// use gradus_nn_layers::Linear;
    /// use gradus_optim::Adam;
    /// use gradus_train::{Every, Trainer};
    /// use rand::{SeedableRng, rngs::StdRng};
    ///
    /// # let folder = std::env::temp_dir().join(format!("gradus-train-resume-{}", std::process::id()));
    /// let run = |epochs, saved: bool| {
    ///     let mut rng = StdRng::seed_from_u64(7);
    ///     let (train, test) = Digits::embedded().split(0.8, &mut rng)?;
    ///     let (mut model, mut adam) = (Linear::new(64, 10, &mut rng), Adam::new(1e-2));
    ///     let mut trainer = Trainer::new(epochs);
    ///     if saved {
    ///         trainer = trainer.checkpoint(&folder, Every::Steps(10)).resume();
    ///     }
    ///     trainer.run(&mut model, &mut adam, &train, &test, &mut rng)?;
    ///     Ok::<_, gradus_train::Error>(model)
    /// };
    /// run(3, true)?;
    /// assert!(run(5, true)?.weight.value() == run(5, false)?.weight.value());
    /// # std::fs::remove_dir_all(&folder).unwrap();
    /// # Ok::<(), gradus_train::Error>(())
    /// ```
    #[must_use]
    pub fn checkpoint(mut self, folder: impl Into<CheckpointFolder>, every: Every) -> Self {
        self.plan.folder = Some((folder.into(), every));
        self
    }

    /// Goes on from the newest checkpoint in the folder that is whole; begins anew if there is none at all.
    ///
    /// The steps that follow have the same bits as if training had never stopped, also from the middle of an epoch. That
    /// takes the same data, settings and version of the program; what can be checked of them is: the model's names and shapes, the optimizer's
    /// rule, the batch size and the numbers of samples. The number of epochs may grow. Of `rng` one number is drawn, as for any run;
    /// the seed that counts is the saved one.
    ///
    /// A newest checkpoint that is damaged is put aside and the one before it taken, and standard error says so. If none is whole
    /// that is an error: training never begins anew by itself where there was something.
    /// [`Callback::resumed`](crate::Callback::resumed) and [`Callback::saved`](crate::Callback::saved) tell which files they are.
    ///
    /// Callbacks that keep something of their own (a log, a plot) begin at the step that is resumed. If a loss becomes
    /// NaN before the first epoch after it ends, the weights that are kept are those of the checkpoint.
    #[must_use]
    pub fn resume(mut self) -> Self {
        self.plan.resume = true;
        self
    }

    /// Stops when the flag is set: finishes the step, saves, and ends with [`Error::Interrupted`], which says how to go on.
    ///
    /// This is for Ctrl-C: with the feature `ctrlc`, `stop_when(stop_on_ctrl_c()?)`. A program whose handler does more sets a flag of its own:
    ///
    /// ```
    /// use gradus_train::Trainer;
    /// use std::sync::atomic::AtomicBool;
    ///
    /// static STOP: AtomicBool = AtomicBool::new(false);
    /// let trainer: Trainer = Trainer::new(20).stop_when(&STOP);
    /// ```
    #[must_use]
    pub fn stop_when(mut self, flag: &'a AtomicBool) -> Self {
        self.plan.stop = Some(flag);
        self
    }
}
