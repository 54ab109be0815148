//! A log as text, a line at a time.

use super::{Failure, Scalar, of_epoch, of_step};
use crate::{Callback, EpochRecord, MetricRecord, StepRecord};
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Writes every step, epoch and metric to a file, as JSON Lines or as CSV.
///
/// ```text
/// {"step":3,"epoch":1,"batch_loss":0.53,"batch_accuracy":0.81,"lr":0.01}   step,epoch,name,value
/// {"step":45,"epoch":1,"F1 (macro)":0.91}                                  3,1,batch_loss,0.53
/// {"step":45,"epoch":1,"train_loss":0.4, … ,"seconds":0.2}                 3,1,batch_accuracy,0.81  …
/// ```
///
/// Numbers have as many digits as it takes to read the same back. A number that is not finite is `null` in JSON, which has no other name for it,
/// and `NaN`, `inf` or `-inf` in CSV.
///
/// Each record is in the file when the next step begins. A run that begins anew begins the file anew. A run that resumes after a step
/// first takes away what the file has of later ones, which a run that was killed had done and not saved, and half a last line:
/// no step is in it twice. If the file cannot be written, standard error says so once, [`error`](Self::error) tells why, and training goes on.
///
/// # Examples
/// ```
/// use gradus_data::Digits;
/// use gradus_nn_layers::Linear;
/// use gradus_optim::Adam;
/// use gradus_train::{Log, Trainer};
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let path = std::env::temp_dir().join(format!("gradus-log-{}.jsonl", std::process::id()));
/// let (mut log, mut rng) = (Log::json_lines(&path), StdRng::seed_from_u64(7));
/// let (train, test) = Digits::embedded().split(0.8, &mut rng)?;
/// let mut model = Linear::new(64, 10, &mut rng);
/// Trainer::new(1).callback(&mut log).run(&mut model, &mut Adam::new(1e-2), &train, &test, &mut rng)?;
/// assert!(std::fs::read_to_string(&path).unwrap().starts_with(r#"{"step":1,"epoch":1,"batch_loss":"#));
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), gradus_train::Error>(())
/// ```
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    format: Format,
    file: Option<File>,
    step: u64,
    failure: Failure,
}

#[derive(Debug, Clone, Copy)]
enum Format {
    JsonLines,
    Csv,
}

const HEADER: &str = "step,epoch,name,value";

impl Log {
    /// One JSON object a line: one for a step, one for an epoch and one for a metric.
    #[must_use]
    pub fn json_lines(path: impl Into<PathBuf>) -> Self {
        Self::new(path.into(), Format::JsonLines)
    }

    /// A row for each number, behind a header: the form that any metric fits in.
    #[must_use]
    pub fn csv(path: impl Into<PathBuf>) -> Self {
        Self::new(path.into(), Format::Csv)
    }

    fn new(path: PathBuf, format: Format) -> Self {
        Self { path, format, file: None, step: 0, failure: Failure::default() }
    }

    /// Why the log is not whole, if it is not.
    #[must_use]
    pub fn error(&self) -> Option<&io::Error> {
        self.failure.0.as_ref()
    }

    fn record(&mut self, epoch: usize, scalars: &[(&str, f64)]) {
        if self.failure.0.is_some() {
            return;
        }
        let written = self.write(epoch, scalars);
        self.failure.note(&self.path, written);
    }

    /// One write for each record: whoever reads along sees whole lines.
    fn write(&mut self, epoch: usize, scalars: &[(&str, f64)]) -> io::Result<()> {
        let mut lines = String::new();
        if self.file.is_none() {
            self.file = Some(create(&self.path)?);
            if matches!(self.format, Format::Csv) {
                let _ = writeln!(lines, "{HEADER}");
            }
        }
        self.format.put(&mut lines, self.step, epoch, scalars);
        self.file.as_mut().map_or(Ok(()), |file| file.write_all(lines.as_bytes()))
    }

    /// Keeps what the file has up to a step, and opens it to go on.
    fn cut(&mut self, step: u64) -> io::Result<()> {
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let mut kept = 0;
        for line in text.split_inclusive(|&byte| byte == b'\n') {
            if line.last() != Some(&b'\n') || self.format.step(line).is_some_and(|of_line| of_line > step) {
                break;
            }
            kept += line.len();
        }
        if kept == 0 {
            return Ok(()); // It begins anew, with its header.
        }
        let file = OpenOptions::new().append(true).open(&self.path)?;
        file.set_len(kept as u64)?;
        self.file = Some(file);
        Ok(())
    }
}

fn create(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    File::create(path)
}

impl Format {
    fn put(self, lines: &mut String, step: u64, epoch: usize, scalars: &[(&str, f64)]) {
        match self {
            Self::JsonLines => {
                let _ = write!(lines, "{{\"step\":{step},\"epoch\":{epoch}");
                for (name, value) in scalars {
                    let _ = write!(lines, ",{}:", json_text(name));
                    let _ = if value.is_finite() { write!(lines, "{value:?}") } else { write!(lines, "null") };
                }
                lines.push_str("}\n");
            }
            Self::Csv => {
                for (name, value) in scalars {
                    let _ = writeln!(lines, "{step},{epoch},{},{value:?}", csv_text(name));
                }
            }
        }
    }

    /// The step of a line that this wrote; none of the header and of what others wrote.
    fn step(self, line: &[u8]) -> Option<u64> {
        let line = std::str::from_utf8(line).ok()?;
        let number = match self {
            Self::JsonLines => line.strip_prefix("{\"step\":")?,
            Self::Csv => line,
        };
        number.split(',').next()?.parse().ok()
    }
}

fn json_text(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if u32::from(c) < 0x20 => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Quoted where it must be (RFC 4180). A line stays a line: its breaks become spaces.
fn csv_text(text: &str) -> String {
    let text = text.replace(['\n', '\r'], " ");
    if text.contains([',', '"']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

impl Callback for Log {
    fn start(&mut self, _: usize, _: usize) {
        (self.file, self.step, self.failure) = (None, 0, Failure::default());
    }

    fn resumed(&mut self, step: u64, _: &Path) {
        self.step = step;
        let cut = self.cut(step);
        self.failure.note(&self.path, cut);
    }

    fn step(&mut self, step: &StepRecord) {
        self.step = step.step;
        self.record(step.epoch, &of_step(step));
    }

    fn metric(&mut self, metric: &MetricRecord) {
        self.record(metric.epoch, &[(&metric.name, metric.value)]);
    }

    fn epoch(&mut self, epoch: &EpochRecord) {
        let scalars: [Scalar; 5] = of_epoch(epoch);
        self.record(epoch.epoch, &scalars);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_of_any_kind_stay_on_their_line() {
        let scalars = [("a \"b\", c\n", f64::NAN), ("d", f64::NEG_INFINITY), ("e", 1e-310), ("f", 1e16), ("g", -0.0)];
        let [mut json, mut csv] = [const { String::new() }; 2];
        Format::JsonLines.put(&mut json, 7, 2, &scalars);
        Format::Csv.put(&mut csv, 7, 2, &scalars);
        assert_eq!(
            json,
            "{\"step\":7,\"epoch\":2,\"a \\\"b\\\", c\\u000a\":null,\"d\":null,\"e\":1e-310,\"f\":1e16,\"g\":-0.0}\n"
        );
        assert_eq!(csv, "7,2,\"a \"\"b\"\", c \",NaN\n7,2,d,-inf\n7,2,e,1e-310\n7,2,f,1e16\n7,2,g,-0.0\n");
        assert_eq!(Format::JsonLines.step(json.as_bytes()), Some(7));
        assert_eq!(Format::Csv.step(csv.as_bytes()), Some(7));
        assert_eq!(Format::Csv.step(HEADER.as_bytes()), None);
    }
}
