//! The page of one run.

mod classes;
mod frame;
mod health;
mod tables;

pub(super) use frame::{html, scale, wide};
pub(super) use tables::{listed, settings_of};

use super::chart::{self, Chart};
use super::text::{self, decimal, duration, escape, number, percent, signed};
use super::{Report, versions};
use crate::{EpochRecord, History};
use std::fmt::Write;

/// The curves of a run, each with the name of its file.
pub(super) fn charts(history: &History) -> Vec<Chart> {
    let pair = |train: fn(&EpochRecord) -> f64, test: fn(&EpochRecord) -> f64| {
        vec![chart::curve("train", 0, history, train), chart::curve("test", 1, history, test)]
    };
    let loss = pair(|record| record.train_loss, |record| record.test_loss);
    let accuracy = pair(|record| record.train_accuracy, |record| record.test_accuracy);
    let gap = vec![chart::curve("test loss − train loss", 3, history, EpochRecord::gap)];
    let rate = vec![chart::curve("learning rate", 2, history, |record| record.lr)];
    let mut charts = vec![
        Chart::new("loss.svg", "Loss", "loss", loss, true).captioned("Mean over the samples."),
        Chart::of_shares("accuracy.svg", "Accuracy", accuracy)
            .captioned("The share classified rightly; on the log scale, the share classified wrongly."),
        Chart::new("gap.svg", "Generalization gap", "loss", gap, true).captioned(gap_in_words(history)),
        Chart::new("learning-rate.svg", "Learning rate", "rate", rate, true)
            .captioned("The schedule, at the last step of each epoch."),
    ];
    for (i, name) in history.metric_names().into_iter().enumerate() {
        let curve = chart::metric(name, "test", 1, history);
        charts.push(
            Chart::new(&format!("metric-{}.svg", i + 1), name, "", vec![curve], true)
                .captioned("A chosen metric, on the test samples."),
        );
    }
    charts
}

/// The verdict on the gap, and how it came about.
fn gap_in_words(history: &History) -> String {
    let mut words = "How much worse unseen samples fare.".to_owned();
    if history.epochs.is_empty() {
        return words;
    }
    let Some(gap) = history.gap() else { return words + " No verdict: a loss is not a number." };
    let mut phases: Vec<(gradus_regularize::Verdict, usize, usize)> = Vec::new();
    for record in gap.records() {
        match phases.last_mut() {
            Some((verdict, _, to)) if *verdict == record.verdict => *to = record.losses.epoch,
            _ => phases.push((record.verdict, record.losses.epoch, record.losses.epoch)),
        }
    }
    if let Some(finding) = gap.finding() {
        let _ = write!(words, " <b>{finding}</b>.");
    }
    // A verdict that changes all the time says nothing.
    if (2..=6).contains(&phases.len()) {
        let phases = phases.into_iter().map(|(verdict, from, to)| match from == to {
            true => format!("{verdict} in epoch {from}"),
            false => format!("{verdict} in epochs {from} to {to}"),
        });
        let _ = write!(words, " Verdicts: {}.", phases.collect::<Vec<_>>().join(", "));
    }
    words
}

/// The whole page: it needs no other file, no network and no script.
pub(super) fn page(report: &Report<'_>, charts: &[Chart]) -> String {
    let mut body = format!("<h1>{}</h1>\n", escape(&report.title));
    result(&mut body, report);
    body.push_str("<section aria-labelledby=\"curves\">\n<h2 id=\"curves\">Curves</h2>\n");
    let figures = charts.iter().map(|chart| chart.figure(true)).collect::<String>();
    body.push_str(&scale(&figures));
    body.push_str("</section>\n");
    health::section(&mut body, report.history);
    classes::confusion(&mut body, report);
    classes::mistakes(&mut body, report);
    tables::epochs(&mut body, report.history);
    tables::model(&mut body, report);
    tables::settings(&mut body, report);
    listed(&mut body, "Made with", &versions::versions());
    html(&report.title, &body)
}

fn result(body: &mut String, report: &Report<'_>) {
    let history = report.history;
    let kept = history.kept();
    let mut tiles = Vec::new();
    let accuracy = report.evaluation.map(|e| e.accuracy).or(kept.map(|record| record.test_accuracy));
    let loss = report.evaluation.map(|e| e.loss).or(kept.map(|record| record.test_loss));
    tiles.extend(accuracy.map(|accuracy| (percent(accuracy), "test accuracy".to_owned())));
    tiles.extend(loss.map(|loss| (decimal(loss), "test loss".to_owned())));
    for name in history.metric_names() {
        let value = history.metric(name, history.kept_epoch);
        tiles.extend(value.map(|value| (number(value), text::name(name, 60))));
    }
    if let Some(record) = kept {
        let finding = history.finding().map_or_else(String::new, |finding| format!(": {finding}"));
        tiles.push((signed(record.gap()), format!("generalization gap{finding}")));
    }
    let epochs = history.epochs.len();
    let stopped = match (history.stopped_early, kept) {
        (true, Some(kept)) => format!(", stopped early; epoch {} kept", kept.epoch),
        _ => String::new(),
    };
    tiles.push((epochs.to_string(), format!("epoch{}{stopped}", if epochs == 1 { "" } else { "s" })));
    if let Some(last) = history.epochs.last() {
        tiles.push((duration(last.seconds), "wall time".to_owned()));
    }
    tiles.extend(history.samples_per_second().map(|rate| (number(rate), "training samples a second".to_owned())));
    body.push_str("<dl class=\"result\">");
    for (value, what) in tiles {
        let _ = write!(body, "<div><dt>{what}</dt><dd>{value}</dd></div>");
    }
    body.push_str("</dl>\n");
}
