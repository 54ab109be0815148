//! A log that TensorBoard shows.

use super::event::Message;
use super::{Failure, of_epoch, of_step};
use crate::{Callback, EpochRecord, MetricRecord, StepRecord};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Writes a folder that `tensorboard --logdir` shows: every step, epoch and metric as a curve, and histograms and images of your own.
///
/// Each run and each resumption writes a file of its own into the folder. It says at which step it begins, so that TensorBoard leaves out
/// what earlier files have from there on: no step is shown twice. If the file cannot be written, standard error says so once,
/// [`error`](Self::error) tells why, and training goes on.
///
/// # Examples
/// ```
/// use gradus_nn_layers::Linear;
/// use gradus_train::TensorBoard;
/// use rand::{SeedableRng, rngs::StdRng};
///
/// # let folder = std::env::temp_dir().join(format!("gradus-tensorboard-{}", std::process::id()));
/// let mut board = TensorBoard::new(&folder); // `Trainer::callback(&mut board)` follows a run
/// let layer: Linear = Linear::new(64, 10, &mut StdRng::seed_from_u64(7));
/// board.scalar("loss", 1, 0.5);
/// board.histogram("weight", 1, layer.weight.value().iter().map(|x| f64::from(*x)));
/// # #[cfg(feature = "images")]
/// board.image("first unit", 1, &[0.0, 1.0, 0.5, 0.25], 2, 2)?;
/// assert!(board.error().is_none());
/// # std::fs::remove_dir_all(folder).unwrap();
/// # Ok::<(), gradus_train::Error>(())
/// ```
#[derive(Debug)]
pub struct TensorBoard {
    folder: PathBuf,
    file: Option<File>,
    /// The first step that a file has.
    begins: u64,
    step: u64,
    failure: Failure,
}

/// Bins of a histogram.
const BINS: usize = 30;

impl TensorBoard {
    /// Writes into this folder, which is made if it is not there. A folder a run: its name is the run's in TensorBoard.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), file: None, begins: 0, step: 0, failure: Failure::default() }
    }

    /// Why the log is not whole, if it is not.
    #[must_use]
    pub fn error(&self) -> Option<&io::Error> {
        self.failure.0.as_ref()
    }

    /// A point of a curve.
    pub fn scalar(&mut self, tag: &str, step: u64, value: f64) {
        self.value(step, Message::default().bytes(1, tag.as_bytes()).f32(2, value as f32));
    }

    /// How numbers are distributed, in 30 bins of equal width. NaN and infinities do not count.
    pub fn histogram(&mut self, tag: &str, step: u64, numbers: impl IntoIterator<Item = f64>) {
        let numbers: Vec<f64> = numbers.into_iter().filter(|x| x.is_finite()).collect();
        let (low, high) = numbers.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &x| (l.min(x), h.max(x)));
        let (low, high) = if numbers.is_empty() { (0.0, 0.0) } else { (low, high) };
        // Halves first: the difference of two numbers can be too large for a number.
        let half = (high / 2.0 - low / 2.0) / BINS as f64;
        let mut counts = [0.0; BINS];
        for x in &numbers {
            let bin = ((x / 2.0 - low / 2.0) / half) as usize; // NaN, of bins without width, becomes 0
            counts[bin.min(BINS - 1)] += 1.0;
        }
        let mut ends: [f64; BINS] = std::array::from_fn(|bin| low + half * (bin + 1) as f64 + half * (bin + 1) as f64);
        ends[BINS - 1] = high;
        let histogram = Message::default()
            .f64(1, low)
            .f64(2, high)
            .f64(3, numbers.len() as f64)
            .f64(4, numbers.iter().sum())
            .f64(5, numbers.iter().map(|x| x * x).sum())
            .f64s(6, &ends)
            .f64s(7, &counts);
        self.value(step, Message::default().bytes(1, tag.as_bytes()).message(5, &histogram));
    }

    /// A grey image of `height` rows and `width` columns: the smallest number is white, the largest black.
    ///
    /// # Errors
    /// [`Error::Picture`](crate::Error::Picture) if there are more or fewer pixels.
    #[cfg(feature = "images")]
    pub fn image(&mut self, tag: &str, step: u64, pixels: &[f64], height: usize, width: usize) -> crate::Result<()> {
        let png = crate::report::Shades::new(pixels, height, width)?.png()?;
        let image = Message::default().number(1, height as u64).number(2, width as u64).number(3, 1).bytes(4, &png);
        self.value(step, Message::default().bytes(1, tag.as_bytes()).message(4, &image));
        Ok(())
    }

    fn value(&mut self, step: u64, value: Message) {
        if self.failure.0.is_some() {
            return;
        }
        let event = event(step).message(5, &Message::default().message(1, &value));
        let written = self.write(&event);
        self.failure.note(&self.folder, written);
    }

    fn write(&mut self, event: &Message) -> io::Result<()> {
        if self.file.is_none() {
            self.file = Some(self.open()?);
        }
        self.file.as_mut().map_or(Ok(()), |file| file.write_all(&event.record()))
    }

    /// A new file, whose name sorts behind those of the files before.
    fn open(&self) -> io::Result<File> {
        fs::create_dir_all(&self.folder)?;
        let now = now();
        let name = format!("events.out.tfevents.{:010}.{:09}.gradus", now.as_secs(), now.subsec_nanos());
        let mut file = OpenOptions::new().write(true).create_new(true).open(self.folder.join(name))?;
        file.write_all(&event(0).bytes(3, b"brain.Event:2").record())?;
        let start = event(self.begins).message(7, &Message::default().number(1, 1));
        file.write_all(&start.record())?;
        Ok(file)
    }
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn event(step: u64) -> Message {
    Message::default().f64(1, now().as_secs_f64()).number(2, step)
}

impl Callback for TensorBoard {
    fn start(&mut self, _: usize, _: usize) {
        *self = Self::new(std::mem::take(&mut self.folder));
    }

    fn resumed(&mut self, step: u64, _: &Path) {
        (self.begins, self.step) = (step + 1, step);
    }

    fn step(&mut self, step: &StepRecord) {
        self.step = step.step;
        of_step(step).into_iter().for_each(|(tag, value)| self.scalar(tag, step.step, value));
    }

    fn metric(&mut self, metric: &MetricRecord) {
        self.scalar(&metric.name, self.step, metric.value);
    }

    fn epoch(&mut self, epoch: &EpochRecord) {
        of_epoch(epoch).into_iter().for_each(|(tag, value)| self.scalar(tag, self.step, value));
    }
}
