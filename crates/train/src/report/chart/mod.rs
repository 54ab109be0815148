//! Curves over the epochs.

mod axis;
mod draw;

pub(super) use draw::{line_class, mark_at, mark_class};

use crate::{EpochRecord, History};

/// One quantity, drawn on a linear and, where that says something, on a logarithmic scale.
#[derive(Debug)]
pub(super) struct Chart {
    /// The name of its file.
    pub(super) file: String,
    pub(super) title: String,
    /// What it shows, as HTML.
    pub(super) caption: String,
    pub(super) linear: View,
    pub(super) log: Option<View>,
}

/// Curves on one pair of axes.
#[derive(Debug)]
pub(super) struct View {
    /// What stands above the vertical axis.
    pub(super) unit: String,
    /// What stands below the horizontal one.
    pub(super) x: &'static str,
    pub(super) curves: Vec<Curve>,
    pub(super) log: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Curve {
    pub(super) name: String,
    /// The number of its colour, mark and dashes.
    pub(super) look: usize,
    pub(super) points: Vec<[f64; 2]>,
}

impl Chart {
    /// A chart whose logarithmic view, if any, shows the same curves.
    pub(super) fn new(file: &str, title: &str, unit: &str, curves: Vec<Curve>, log: bool) -> Self {
        let view = |curves, log| View { unit: unit.to_owned(), x: "epoch", curves, log };
        let log = log.then(|| view(curves.clone(), true));
        Self {
            file: file.to_owned(),
            title: title.to_owned(),
            caption: String::new(),
            linear: view(curves, false),
            log,
        }
    }

    /// Accuracies from 0 to 1: on the logarithmic scale the errors stand, which is where the differences of good models are.
    pub(super) fn of_shares(file: &str, title: &str, curves: Vec<Curve>) -> Self {
        let mapped = |f: fn(f64) -> f64| -> Vec<Curve> {
            let points = |curve: &Curve| curve.points.iter().map(|&[x, y]| [x, f(y)]).collect();
            curves.iter().map(|curve| Curve { points: points(curve), ..curve.clone() }).collect()
        };
        let linear = mapped(|share| 100.0 * share);
        let errors = mapped(|share| 100.0 * (1.0 - share));
        Self {
            log: Some(View { unit: "% wrong".to_owned(), x: "epoch", curves: errors, log: true }),
            ..Self::new(file, title, "% right", linear, false)
        }
    }

    pub(super) fn captioned(self, caption: impl Into<String>) -> Self {
        Self { caption: caption.into(), ..self }
    }

    /// The curves as a file of their own.
    pub(super) fn file(&self) -> String {
        let svg = draw::svg(&self.linear, &self.title, true);
        let style =
            concat!("<style>\n", include_str!("../chart.css"), "svg{background:var(--ground)}</style>\n<title>");
        svg.replacen("<title>", style, 1)
    }

    /// The curves as a part of a page, whose radio buttons show one of the two views.
    pub(super) fn figure(&self, legend: bool) -> String {
        let linear = draw::svg(&self.linear, &self.title, legend);
        let views = match &self.log {
            None => linear,
            Some(log) => {
                let log = draw::svg(log, &self.title, legend);
                format!("<div class=\"linear\">{linear}</div><div class=\"log\">{log}</div>")
            }
        };
        let heading = crate::report::text::escape(&self.title);
        format!(
            "<figure>\n<h3>{heading}</h3>\n{views}<figcaption>{caption}</figcaption>\n</figure>\n",
            caption = self.caption
        )
    }
}

/// A number of each epoch as a curve.
pub(super) fn curve(name: impl Into<String>, look: usize, history: &History, f: impl Fn(&EpochRecord) -> f64) -> Curve {
    let points = history.epochs.iter().map(|record| [record.epoch as f64, f(record)]).collect();
    Curve { name: name.into(), look, points }
}

/// A metric as a curve.
pub(super) fn metric(name: &str, label: impl Into<String>, look: usize, history: &History) -> Curve {
    let records = history.metrics.iter().filter(|record| record.name == name);
    Curve { name: label.into(), look, points: records.map(|record| [record.epoch as f64, record.value]).collect() }
}
