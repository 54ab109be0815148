//! A report of a training run that a person can look at.

mod chart;
mod comparison;
mod health;
mod image;
mod page;
mod text;
mod versions;

pub use comparison::Comparison;
pub(crate) use image::Shades;

use crate::{Error, Evaluation, History, Result};
use gradus_autograd::Real;
use gradus_data::Labelled;
use gradus_nn_layers::{Module, Summary};
use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};

/// Builds `report.html`, one page that needs nothing else, and the curves as SVG beside it.
///
/// On the page: the result with the verdict on the generalization gap; the curves of loss, accuracy, gap, learning rate and every chosen
/// metric, on a linear and a logarithmic scale; the gradients' [health](crate::Trainer::gradient_health) by layer and epoch; the confusion matrix and the
/// worst mistakes drawn as images; the epochs; the model; the settings; the versions it was made with. What was not given is left out.
///
/// The page fits phones, follows the system's dark mode, and holds all it needs: it runs no script and loads nothing. [`Comparison`]
/// puts several runs on one.
///
/// # Examples
/// ```
/// use gradus_train::{EpochRecord, History, Report};
///
/// let record = |epoch, loss| EpochRecord {
///     epoch, train_loss: loss, train_accuracy: 0.9, test_loss: loss + 0.1, test_accuracy: 0.8, lr: 0.1, seconds: 1.0,
/// };
/// let history = History { epochs: vec![record(1, 0.5), record(2, 0.2)], kept_epoch: 2, ..History::default() };
/// let folder = std::env::temp_dir().join(format!("gradus-report-{}", std::process::id()));
/// Report::new("A run", &history).setting("seed", 7).write(&folder)?;
/// assert!(std::fs::read_to_string(folder.join("report.html")).unwrap().contains("<svg"));
/// # std::fs::remove_dir_all(folder).unwrap();
/// # Ok::<(), gradus_train::Error>(())
/// ```
#[derive(Debug)]
pub struct Report<'a> {
    title: String,
    history: &'a History,
    evaluation: Option<&'a Evaluation>,
    mistakes: Vec<DrawnMistake>,
    classes: Vec<String>,
    model: Vec<(String, Vec<usize>)>,
    summary: Option<Summary>,
    settings: Vec<(String, String)>,
}

/// A mistake with its picture.
#[derive(Debug)]
struct DrawnMistake {
    picture: Shades,
    label: usize,
    predicted: usize,
    confidence: f64,
}

/// How many mistakes are drawn.
const MISTAKES: usize = 24;

impl<'a> Report<'a> {
    /// A report of this history.
    #[must_use]
    pub fn new(title: impl Into<String>, history: &'a History) -> Self {
        Self {
            title: title.into(),
            history,
            evaluation: None,
            mistakes: Vec::new(),
            classes: Vec::new(),
            model: Vec::new(),
            summary: None,
            settings: Vec::new(),
        }
    }

    /// Adds the final evaluation: the result and the confusion matrix.
    #[must_use]
    pub fn evaluation(mut self, evaluation: &'a Evaluation) -> Self {
        self.evaluation = Some(evaluation);
        self
    }

    /// Draws the evaluation's most confident mistakes as grey images of `height` rows and `width` columns; `data` is
    /// the set that was evaluated, whose samples have `height · width` numbers each.
    ///
    /// # Errors
    /// [`Error::Picture`] if the samples have another size.
    pub fn draw_mistakes<F: Real>(mut self, data: &Labelled<F>, height: usize, width: usize) -> Result<Self> {
        let worst = self.evaluation.map_or(&[][..], |evaluation| &evaluation.mistakes);
        for mistake in worst.iter().take(MISTAKES) {
            let sample = data.inputs().index_axis(ndarray::Axis(0), mistake.sample);
            let pixels: Vec<f64> = sample.iter().map(|x| x.to_f64()).collect();
            self.mistakes.push(DrawnMistake {
                picture: Shades::new(&pixels, height, width)?,
                label: mistake.label,
                predicted: mistake.predicted,
                confidence: mistake.confidence,
            });
        }
        Ok(self)
    }

    /// Names the classes, from the first on; a class without a name is called by its number.
    #[must_use]
    pub fn class_names(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.classes = names.into_iter().map(Into::into).collect();
        self
    }

    /// Adds the model's layers with what they make of an input: see [`summary`](gradus_nn_layers::summary).
    #[must_use]
    pub fn summary(mut self, summary: Summary) -> Self {
        self.summary = Some(summary);
        self
    }

    /// Adds the model: each parameter with its shape, and how many numbers there are.
    #[must_use]
    pub fn model<F: Real>(mut self, model: &(impl Module<F> + ?Sized)) -> Self {
        let parameters = model.parameters().into_iter();
        self.model = parameters.map(|(name, parameter)| (name, parameter.shape().to_vec())).collect();
        self
    }

    /// Adds a setting: the seed, the learning rate, whatever is needed to do it again.
    #[must_use]
    pub fn setting(mut self, name: impl Into<String>, value: impl Display) -> Self {
        self.settings.push((name.into(), value.to_string()));
        self
    }

    /// Writes the report into a folder, which is made if it is not there; returns the page's path.
    ///
    /// # Errors
    /// [`Error::Io`] names the file that could not be written.
    pub fn write(&self, folder: impl AsRef<Path>) -> Result<PathBuf> {
        let folder = folder.as_ref();
        make_folder(folder)?;
        let charts = page::charts(self.history);
        for chart in &charts {
            write(&folder.join(&chart.file), &chart.file())?;
        }
        let page = folder.join("report.html");
        write(&page, &page::page(self, &charts))?;
        Ok(page)
    }

    fn class_name(&self, class: usize) -> String {
        self.classes.get(class).cloned().unwrap_or_else(|| class.to_string())
    }

    /// How many numbers the model has, as far as it is known; 0 if not.
    fn parameters(&self) -> usize {
        let counted = self.model.iter().map(|(_, shape)| shape.iter().product::<usize>()).sum();
        self.summary.as_ref().map_or(counted, |summary| summary.total.parameters)
    }
}

fn make_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(|source| Error::Io { path: folder.to_owned(), source })
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(|source| Error::Io { path: path.to_owned(), source })
}
