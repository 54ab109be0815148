//! Several runs on one page.

use super::chart::{self, Chart, Curve};
use super::page::{html, listed, scale, settings_of, wide};
use super::text::{self, decimal, duration, escape, number, percent, signed};
use super::{Report, make_folder, versions, write};
use crate::{EpochRecord, History, Result};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Builds `comparison.html`, one page that needs nothing else: the curves of several runs over each other, their results in a table,
/// and their settings, those that differ first.
///
/// A run is a [`Report`], of which the title, the history, the evaluation, the settings and the number of parameters are shown.
/// Runs differ in colour and in the shape of their marks, and from the seventh on in dashes.
///
/// # Examples
/// ```
/// use gradus_data::Digits;
/// use gradus_nn_layers::Linear;
/// use gradus_optim::Adam;
/// use gradus_train::{Comparison, Report, Trainer};
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let (train, test) = Digits::embedded().split_at(500)?;
/// let run = |lr| {
///     let mut rng = StdRng::seed_from_u64(7);
///     Trainer::new(2).run(&mut Linear::new(64, 10, &mut rng), &mut Adam::new(lr), &train, &test, &mut rng)
/// };
/// let (slow, fast) = (run(1e-3)?, run(1e-2)?);
/// # let folder = std::env::temp_dir().join(format!("gradus-comparison-{}", std::process::id()));
/// let page = Comparison::new("Learning rates")
///     .run(Report::new("slow", &slow).setting("rate", 1e-3).setting("seed", 7))
///     .run(Report::new("fast", &fast).setting("rate", 1e-2).setting("seed", 7))
///     .write(&folder)?;
/// assert!(std::fs::read_to_string(page)?.contains("Learning rates"));
/// # std::fs::remove_dir_all(folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Comparison<'a> {
    title: String,
    runs: Vec<Report<'a>>,
}

impl<'a> Comparison<'a> {
    /// A comparison of no runs yet.
    #[must_use]
    #[inline] // compiled where it is used: CONTRIBUTING, "What few programs call"
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), runs: Vec::new() }
    }

    /// Adds a run; its title is the run's name.
    #[must_use]
    #[inline]
    pub fn run(mut self, run: Report<'a>) -> Self {
        self.runs.push(run);
        self
    }

    /// Writes the page into a folder, which is made if it is not there; returns its path.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) names the file that could not be written.
    #[inline]
    pub fn write(&self, folder: impl AsRef<Path>) -> Result<PathBuf> {
        make_folder(folder.as_ref())?;
        let page = folder.as_ref().join("comparison.html");
        write(&page, &self.page())?;
        Ok(page)
    }

    #[inline]
    fn page(&self) -> String {
        let mut body = format!("<h1>{}</h1>\n", escape(&self.title));
        let runs = self.runs.len();
        let _ = writeln!(body, "<p>{runs} run{}.</p>", if runs == 1 { "" } else { "s" });
        if runs > 0 {
            self.results(&mut body);
            body.push_str("<section aria-labelledby=\"curves\">\n<h2 id=\"curves\">Curves</h2>\n<ul class=\"runs\">\n");
            for (look, run) in self.runs.iter().enumerate() {
                let _ = writeln!(body, "<li>{}{}</li>", swatch(look), escape(&run.title));
            }
            body.push_str("</ul>\n");
            let figures = self.charts().iter().map(|chart| chart.figure(false)).collect::<String>();
            body.push_str(&scale(&figures));
            body.push_str("</section>\n");
            self.settings(&mut body);
        }
        listed(&mut body, "Made with", &versions::versions());
        html(&self.title, &body)
    }

    #[inline]
    fn charts(&self) -> Vec<Chart> {
        let all = |f: fn(&EpochRecord) -> f64| -> Vec<Curve> {
            let runs = self.runs.iter().enumerate();
            runs.map(|(look, run)| chart::curve(run.title.as_str(), look, run.history, f)).collect()
        };
        let mut charts = vec![
            Chart::new("", "Test loss", "loss", all(|record| record.test_loss), true),
            Chart::of_shares("", "Test accuracy", all(|record| record.test_accuracy))
                .captioned("On the log scale, the share classified wrongly."),
            Chart::new("", "Train loss", "loss", all(|record| record.train_loss), true),
            Chart::new("", "Generalization gap", "loss", all(EpochRecord::gap), true)
                .captioned("Test loss − train loss."),
            Chart::new("", "Learning rate", "rate", all(|record| record.lr), true),
        ];
        for name in self.metrics() {
            let runs = self.runs.iter().enumerate();
            let curves = runs.map(|(look, run)| chart::metric(name, run.title.as_str(), look, run.history));
            let curves = curves.filter(|curve| !curve.points.is_empty()).collect();
            charts.push(Chart::new("", name, "", curves, true));
        }
        charts
    }

    /// The metrics of all runs, without doubles.
    #[inline]
    fn metrics(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for name in self.runs.iter().flat_map(|run| run.history.metric_names()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// A row for each run; the best number of a column stands out.
    #[inline]
    fn results(&self, body: &mut String) {
        let columns = self.columns();
        let mut table = String::from("<table class=\"results\">\n<thead><tr><th scope=\"col\" class=\"text\">run</th>");
        for column in &columns {
            let _ = write!(table, "<th scope=\"col\" class=\"name\">{}</th>", text::name(&column.name, 40));
        }
        table.push_str("</tr></thead>\n<tbody>\n");
        let best: Vec<Option<f64>> = columns.iter().map(|column| column.best(&self.runs)).collect();
        for (look, run) in self.runs.iter().enumerate() {
            let name = text::name(&run.title, 60);
            let _ = write!(table, "<tr><th scope=\"row\" class=\"text name\">{}{name}</th>", swatch(look));
            for (column, best) in columns.iter().zip(&best) {
                let value = (column.value)(run);
                let written = value.map_or_else(|| "–".to_owned(), |value| (column.written)(run, value));
                let class =
                    if self.runs.len() > 1 && value.is_some() && value == *best { " class=\"best\"" } else { "" };
                let _ = write!(table, "<td{class}>{written}</td>");
            }
            table.push_str("</tr>\n");
        }
        table.push_str("</tbody>\n</table>\n");
        let table = wide("Results", &table);
        let _ = write!(
            body,
            "<section>\n<h2>Results</h2>\n{table}<p>Of the weights that were kept, on the test samples, unless it says otherwise. The best of a \
             column is in bold.</p>\n</section>\n"
        );
    }

    #[inline]
    fn columns(&self) -> Vec<Column<'_>> {
        let column = |name: &str, wish, value: Value<'static>, written: Written| Column {
            name: name.to_owned(),
            wish,
            value,
            written,
        };
        let mut columns = vec![
            column(
                "test accuracy",
                Some(Wish::Large),
                Box::new(|run| {
                    let kept = run.history.kept().map(|record| record.test_accuracy);
                    run.evaluation.map(|e| e.accuracy).or(kept)
                }),
                |_, x| percent(x),
            ),
            column(
                "test loss",
                Some(Wish::Small),
                Box::new(|run| {
                    let kept = run.history.kept().map(|record| record.test_loss);
                    run.evaluation.map(|e| e.loss).or(kept)
                }),
                |_, x| decimal(x),
            ),
            column(
                "lowest test loss",
                Some(Wish::Small),
                Box::new(|run| best_epoch(run.history).map(|record| record.test_loss)),
                |run, x| {
                    let epoch = best_epoch(run.history).map_or(0, |record| record.epoch);
                    format!("{} (epoch {epoch})", decimal(x))
                },
            ),
            column("gap", None, Box::new(|run| run.history.kept().map(EpochRecord::gap)), |_, x| signed(x)),
            column("verdict", None, Box::new(|run| run.history.finding().map(|_| 0.0)), |run, _| {
                run.history.finding().map_or_else(String::new, |finding| finding.to_string())
            }),
        ];
        for name in self.metrics() {
            let value: Value<'_> = Box::new(move |run| run.history.metric(name, run.history.kept_epoch));
            // Whether a large one is good is the metric's secret.
            columns.push(Column { name: name.to_owned(), wish: None, value, written: |_, x| number(x) });
        }
        columns.extend([
            column("epochs", None, Box::new(|run| Some(run.history.epochs.len() as f64)), |_, x| format!("{x}")),
            column(
                "wall time",
                Some(Wish::Small),
                Box::new(|run| run.history.epochs.last().map(|record| record.seconds)),
                |_, x| duration(x),
            ),
            column("samples a second", Some(Wish::Large), Box::new(|run| run.history.samples_per_second()), |_, x| {
                number(x)
            }),
        ]);
        columns
    }

    /// The settings that differ, and those that do not folded away below.
    #[inline]
    fn settings(&self, body: &mut String) {
        let rows = settings_of(&self.runs);
        if rows.is_empty() {
            return;
        }
        let differs = |row: &&(String, Vec<Option<String>>)| row.1.iter().any(|value| *value != row.1[0]);
        let (differing, same): (Vec<_>, Vec<_>) = rows.iter().partition(differs);
        body.push_str("<section>\n<h2>Settings</h2>\n");
        if differing.is_empty() {
            body.push_str("<p>All runs have the same settings.</p>\n");
        } else {
            let mut table =
                String::from("<table class=\"differing\">\n<thead><tr><th scope=\"col\" class=\"text\">differs</th>");
            for (look, run) in self.runs.iter().enumerate() {
                let _ = write!(
                    table,
                    "<th scope=\"col\" class=\"text name\">{}{}</th>",
                    swatch(look),
                    text::name(&run.title, 40)
                );
            }
            table.push_str("</tr></thead>\n<tbody>\n");
            for (name, values) in differing {
                let _ = write!(table, "<tr><th scope=\"row\" class=\"text name\">{}</th>", escape(name));
                for value in values {
                    let value = value.as_deref().map_or_else(|| "–".to_owned(), escape);
                    let _ = write!(table, "<td class=\"text name\"><mark>{value}</mark></td>");
                }
                table.push_str("</tr>\n");
            }
            body.push_str(&wide("Settings that differ", &(table + "</tbody>\n</table>\n")));
        }
        if !same.is_empty() {
            let mut table = String::from("<table>\n");
            for (name, values) in same {
                let (name, value) = (escape(name), values[0].as_deref().map_or_else(String::new, escape));
                let _ = writeln!(
                    table,
                    "<tr><th scope=\"row\" class=\"text name\">{name}</th><td class=\"text name\">{value}</td></tr>"
                );
            }
            let table = wide("Settings that all runs share", &(table + "</table>\n"));
            let _ = write!(body, "<details><summary>Settings that all runs share</summary>\n{table}</details>\n");
        }
        body.push_str("</section>\n");
    }
}

type Value<'a> = Box<dyn Fn(&Report<'_>) -> Option<f64> + 'a>;
type Written = fn(&Report<'_>, f64) -> String;

/// A column of the results.
struct Column<'a> {
    name: String,
    wish: Option<Wish>,
    value: Value<'a>,
    written: Written,
}

/// What is good.
#[derive(Clone, Copy)]
enum Wish {
    Large,
    Small,
}

impl Column<'_> {
    /// The best number of all runs, where it is known what is good.
    #[inline]
    fn best(&self, runs: &[Report<'_>]) -> Option<f64> {
        let values = runs.iter().filter_map(|run| (self.value)(run)).filter(|x| !x.is_nan());
        match self.wish? {
            Wish::Large => values.max_by(f64::total_cmp),
            Wish::Small => values.min_by(f64::total_cmp),
        }
    }
}

/// The epoch with the lowest test loss.
#[inline]
fn best_epoch(history: &History) -> Option<&EpochRecord> {
    let numbers = history.epochs.iter().filter(|record| !record.test_loss.is_nan());
    numbers.min_by(|a, b| a.test_loss.total_cmp(&b.test_loss))
}

/// How the curve of a run looks.
#[inline]
fn swatch(look: usize) -> String {
    format!(
        "<svg class=\"swatch\" viewBox=\"0 0 30 14\" aria-hidden=\"true\"><path class=\"{}\" d=\"M2 7h26\"/><path class=\"{}\" d=\"{}\"/></svg>",
        chart::line_class(look),
        chart::mark_class(look),
        chart::mark_at((15.0, 7.0), look)
    )
}
