//! All that a training run needs to go on where it was.

mod codec;
mod error;
mod folder;
mod plan;
mod sent;
pub(crate) mod session;
mod storage;

pub use error::CheckpointError;
pub use folder::{CheckpointFolder, Found, OpenFolder};
pub use plan::Every;
pub(crate) use plan::Plan;
pub use storage::{Disk, Storage, StorageFile};

use crate::{EpochRecord, GradientRecord, History, MetricRecord, Result};
use codec::{Reader, Writer};
use gradus_autograd::Real;
use gradus_nn_layers::{StateDict, Verdict};
use gradus_optim::{OptimizerState, SavedSlot};
use std::path::Path;

/// A training run between two steps: the model, the optimizer, how far it is, where its random numbers come from, what
/// happened so far, and the best of it.
///
/// [`Trainer::checkpoint`](crate::Trainer::checkpoint) writes these, and [`Trainer::resume`](crate::Trainer::resume) goes on from them;
/// a loop of your own can do the same with a [`CheckpointFolder`].
///
/// # The file
/// Sections with a name, a length and a CRC-32 each, behind a header with the version of the format: every byte is checked before one
/// is believed, and a file asks for no more memory than a small multiple of its size. All numbers are little-endian.
///
/// ```text
/// file     "GRADUSCP"  version u32  number of sections u32  crc u32 of these 16 bytes  sections
/// section  name text   length u64   bytes                   crc u32 of name, length and bytes
/// ```
///
/// Numbers of type `f32` and `f64` keep every bit. Of any other type the file holds the part that an `f64` can hold, as a
/// [`StateDict`] does.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Linear, Module};
/// use gradus_optim::{Adam, Optimizer};
/// use gradus_train::{Checkpoint, History, Position};
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let mut model: Linear = Linear::new(4, 2, &mut StdRng::seed_from_u64(7));
/// let adam = Adam::new(1e-3);
/// let checkpoint = Checkpoint {
///     model: model.state_dict(),
///     optimizer: adam.state(),
///     position: Position { epoch: 3, step: 250, batch: 10, batch_size: 64, samples: 7680, test_samples: 1000 },
///     seed: 7,
///     history: History::default(),
///     seconds: 12.5,
///     best: None,
///     loader: None,
/// };
/// let read = Checkpoint::from_bytes(&checkpoint.to_bytes())?; // or `save` and `load`
/// model.load_state_dict(&read.model)?;
/// assert_eq!(read.position.step, 250);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Checkpoint<F: Real = f32> {
    /// Parameters and buffers.
    pub model: StateDict<F>,
    /// The learning rate, and what the optimizer remembers of each parameter.
    pub optimizer: OptimizerState<F>,
    /// How far training is. A schedule is a function of the step, so that this is its place, too.
    pub position: Position,
    /// What all random numbers of the run are derived from, by purpose and by epoch or step: the position says which come next.
    pub seed: u64,
    /// The epochs so far.
    pub history: History,
    /// Seconds of training so far.
    pub seconds: f64,
    /// The best epoch so far, where early stopping keeps it.
    pub best: Option<BestSoFar<F>>,
    /// What tells the loader that feeds the run from others, if one does.
    pub loader: Option<u64>,
}

/// How far a training run is, and in what steps it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The epoch that is being trained, from 1; one more than there are when all have been.
    pub epoch: usize,
    /// The steps done, counted over all epochs.
    pub step: u64,
    /// The steps done in this epoch.
    pub batch: usize,
    /// Samples a step.
    pub batch_size: usize,
    /// The number of training samples.
    pub samples: usize,
    /// The number of test samples.
    pub test_samples: usize,
}

/// The best epoch so far.
#[derive(Debug, Clone)]
pub struct BestSoFar<F: Real = f32> {
    /// The epoch, from 1.
    pub epoch: usize,
    /// Its metric.
    pub metric: f64,
    /// The model's parameters and buffers at its end.
    pub weights: StateDict<F>,
}

/// The names of the sections, in their order. Files without the last three have nothing to say there, or are older than they.
const SECTIONS: [&str; 9] =
    ["model", "optimizer", "position", "streams", "history", "best", "metrics", "loader", "gradients"];

impl<F: Real> Checkpoint<F> {
    /// The checkpoint in the format of its files.
    ///
    /// # Panics
    /// If there are 2³² parameters or a name has 2³² bytes, which no memory holds.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let written = self.write(&mut |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        });
        written.expect("a vector takes all that is written to it");
        bytes
    }

    /// Gives the bytes away piece by piece, so that no more than one section is in memory twice.
    fn write(&self, to: &mut dyn FnMut(&[u8]) -> std::io::Result<()>) -> std::io::Result<()> {
        let there = |name: &&str| match *name {
            "metrics" => !self.history.metrics.is_empty(),
            "loader" => self.loader.is_some(),
            "gradients" => !self.history.gradients.is_empty(),
            _ => true,
        };
        let sections: Vec<_> = SECTIONS.into_iter().filter(there).collect();
        to(&codec::header(sections.len() as u32))?;
        for name in sections {
            let mut section = Writer::default();
            match name {
                "model" => put_state_dict(&mut section, &self.model),
                "optimizer" => put_optimizer(&mut section, &self.optimizer),
                "position" => put_position(&mut section, &self.position),
                "streams" => section.u64(self.seed),
                "history" => put_history(&mut section, &self.history, self.seconds),
                "best" => put_best(&mut section, self.best.as_ref()),
                "metrics" => put_metrics(&mut section, &self.history.metrics),
                "gradients" => put_gradients(&mut section, &self.history.gradients),
                _ => section.u64(self.loader.unwrap_or_default()),
            }
            let (before, behind) = codec::frame(name, &section);
            to(&before)?;
            to(section.bytes())?;
            to(&behind)?;
        }
        Ok(())
    }

    /// Reads what [`to_bytes`](Self::to_bytes) returned, by this version of the crate or one before it.
    ///
    /// # Errors
    /// [`CheckpointError`], for bytes that are not wholly what they should be.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let sections = codec::sections(bytes)?;
        if let Some((name, reader)) = sections.iter().find(|(name, _)| !SECTIONS.contains(name)) {
            return Err(reader.fault(format!("no section of a checkpoint is named {name:?}")));
        }
        if let Some((i, (_, reader))) =
            sections.iter().enumerate().find(|&(i, (name, _))| sections[..i].iter().any(|(before, _)| before == name))
        {
            return Err(reader.fault(format!("it is there twice, the second time as section {}", i + 1)));
        }
        let find = |section: &str| sections.iter().find(|(name, _)| *name == section).map(|(_, reader)| reader.clone());
        let whole = |section: &'static str| find(section).ok_or(CheckpointError::Missing { section });
        let (mut history, seconds) = read(whole("history")?, get_history)?;
        if let Some(section) = find("metrics") {
            history.metrics = read(section, get_metrics)?;
        }
        if let Some(section) = find("gradients") {
            history.gradients = read(section, get_gradients)?;
        }
        let position = read(whole("position")?, get_position)?;
        history.samples = position.samples;
        Ok(Self {
            model: read(whole("model")?, get_state_dict)?,
            optimizer: read(whole("optimizer")?, get_optimizer)?,
            position,
            seed: read(whole("streams")?, Reader::u64)?,
            history,
            seconds,
            best: read(whole("best")?, get_best)?,
            loader: find("loader").map(|section| read(section, Reader::u64)).transpose()?,
        })
    }

    /// Writes a file: under another name in the same folder, brought to disk, and then renamed. Whatever happens, the path
    /// holds the old contents or the new ones, whole.
    ///
    /// # Errors
    /// [`Error::CheckpointIo`](crate::Error::CheckpointIo), which names the file.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        folder::put(&Disk, path.as_ref(), self)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::CheckpointIo`](crate::Error::CheckpointIo) if it cannot be read, [`Error::Checkpoint`](crate::Error::Checkpoint) if it is not what it should be; both name it.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        folder::get(&Disk, path.as_ref())
    }
}

/// Reads a section to its end.
fn read<'a, T>(
    mut section: Reader<'a>,
    get: impl FnOnce(&mut Reader<'a>) -> Result<T, CheckpointError>,
) -> Result<T, CheckpointError> {
    let value = get(&mut section)?;
    section.end()?;
    Ok(value)
}

fn put_state_dict<F: Real>(section: &mut Writer, dict: &StateDict<F>) {
    section.count(dict.len());
    dict.iter().for_each(|(name, array)| section.array(name, array));
}

fn get_state_dict<F: Real>(section: &mut Reader<'_>) -> Result<StateDict<F>, CheckpointError> {
    let mut dict = StateDict::new();
    for (name, array) in section.list(Reader::array)? {
        if dict.get(&name).is_some() {
            return Err(section.fault(format!("{name} is there twice")));
        }
        dict.insert(name, array);
    }
    Ok(dict)
}

fn put_optimizer<F: Real>(section: &mut Writer, state: &OptimizerState<F>) {
    section.f64(state.lr);
    section.count(state.slots.len());
    for slot in &state.slots {
        section.text(&slot.parameter);
        section.text(&slot.rule);
        section.u64(slot.steps);
        section.count(slot.arrays.len());
        slot.arrays.iter().for_each(|(name, array)| section.array(name, array));
    }
}

fn get_optimizer<F: Real>(section: &mut Reader<'_>) -> Result<OptimizerState<F>, CheckpointError> {
    let lr = section.f64()?;
    let slots = section.list(|section| {
        let (parameter, rule) = (section.text()?.to_owned(), section.text()?.to_owned());
        Ok(SavedSlot { parameter, rule, steps: section.u64()?, arrays: section.list(Reader::array)? })
    })?;
    Ok(OptimizerState { lr, slots })
}

fn put_position(section: &mut Writer, position: &Position) {
    let &Position { epoch, step, batch, batch_size, samples, test_samples } = position;
    for x in [epoch as u64, step, batch as u64, batch_size as u64, samples as u64, test_samples as u64] {
        section.u64(x);
    }
}

fn get_position(section: &mut Reader<'_>) -> Result<Position, CheckpointError> {
    Ok(Position {
        epoch: section.usize()?,
        step: section.u64()?,
        batch: section.usize()?,
        batch_size: section.usize()?,
        samples: section.usize()?,
        test_samples: section.usize()?,
    })
}

fn put_history(section: &mut Writer, history: &History, seconds: f64) {
    section.f64(seconds);
    section.u64(history.kept_epoch as u64);
    section.u8(history.stopped_early.into());
    section.count(history.epochs.len());
    for record in &history.epochs {
        section.u64(record.epoch as u64);
        let &EpochRecord { train_loss, train_accuracy, test_loss, test_accuracy, lr, seconds, .. } = record;
        [train_loss, train_accuracy, test_loss, test_accuracy, lr, seconds].into_iter().for_each(|x| section.f64(x));
    }
}

fn get_history(section: &mut Reader<'_>) -> Result<(History, f64), CheckpointError> {
    let seconds = section.f64()?;
    let (kept_epoch, stopped_early) = (section.usize()?, section.bool()?);
    let epochs = section.list(|section| {
        Ok(EpochRecord {
            epoch: section.usize()?,
            train_loss: section.f64()?,
            train_accuracy: section.f64()?,
            test_loss: section.f64()?,
            test_accuracy: section.f64()?,
            lr: section.f64()?,
            seconds: section.f64()?,
        })
    })?;
    Ok((History { epochs, kept_epoch, stopped_early, ..History::default() }, seconds))
}

fn put_metrics(section: &mut Writer, metrics: &[MetricRecord]) {
    section.count(metrics.len());
    for record in metrics {
        section.u64(record.epoch as u64);
        section.text(&record.name);
        section.f64(record.value);
    }
}

fn get_metrics(section: &mut Reader<'_>) -> Result<Vec<MetricRecord>, CheckpointError> {
    let metrics = section.list(|section| {
        Ok(MetricRecord { epoch: section.usize()?, name: section.text()?.to_owned(), value: section.f64()? })
    })?;
    // A file without metrics has no such section: what is read is what would be written.
    if metrics.is_empty() { Err(section.fault("it is empty".to_owned())) } else { Ok(metrics) }
}

/// The verdicts on gradients, by the names that files have for them.
const VERDICTS: [Verdict; 10] = [
    Verdict::Healthy,
    Verdict::Frozen,
    Verdict::Vanishing,
    Verdict::Exploding,
    Verdict::NotFinite,
    Verdict::Missing,
    Verdict::Dead,
    Verdict::Saturated,
    Verdict::SmallUpdate,
    Verdict::LargeUpdate,
];

fn put_gradients(section: &mut Writer, gradients: &[GradientRecord]) {
    section.count(gradients.len());
    for record in gradients {
        section.u64(record.epoch as u64);
        section.u64(record.step);
        section.text(&record.parameter);
        section.u64(record.numbers as u64);
        let &GradientRecord { norm, weight_norm, zeros, not_finite, .. } = record;
        [norm, weight_norm, zeros, not_finite].into_iter().for_each(|x| section.f64(x));
        section.text(&record.verdict.to_string());
    }
}

fn get_gradients(section: &mut Reader<'_>) -> Result<Vec<GradientRecord>, CheckpointError> {
    let gradients = section.list(|section| {
        Ok(GradientRecord {
            epoch: section.usize()?,
            step: section.u64()?,
            parameter: section.text()?.to_owned(),
            numbers: section.usize()?,
            norm: section.f64()?,
            weight_norm: section.f64()?,
            zeros: section.f64()?,
            not_finite: section.f64()?,
            verdict: {
                let found = section.text()?;
                let verdict = VERDICTS.into_iter().find(|verdict| verdict.to_string() == found);
                verdict.ok_or_else(|| section.fault(format!("{found:?} is no verdict on a gradient")))?
            },
        })
    })?;
    if gradients.is_empty() { Err(section.fault("it is empty".to_owned())) } else { Ok(gradients) }
}

fn put_best<F: Real>(section: &mut Writer, best: Option<&BestSoFar<F>>) {
    section.u8(best.is_some().into());
    if let Some(best) = best {
        section.u64(best.epoch as u64);
        section.f64(best.metric);
        put_state_dict(section, &best.weights);
    }
}

fn get_best<F: Real>(section: &mut Reader<'_>) -> Result<Option<BestSoFar<F>>, CheckpointError> {
    if !section.bool()? {
        return Ok(None);
    }
    Ok(Some(BestSoFar { epoch: section.usize()?, metric: section.f64()?, weights: get_state_dict(section)? }))
}
