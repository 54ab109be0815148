//! Epochs, model and settings, row by row.

use super::wide;
use crate::History;
use crate::report::Report;
use crate::report::text::{self, decimal, escape, grouped, number, percent, shape, signed};
use std::fmt::Write;

pub(super) fn epochs(body: &mut String, history: &History) {
    let metrics = history.metric_names();
    let mut table = String::from(
        "<table>\n<thead><tr><th scope=\"col\">epoch</th><th scope=\"col\">train loss</th><th scope=\"col\">test loss</th>\
         <th scope=\"col\">gap</th><th scope=\"col\">verdict</th><th scope=\"col\">train accuracy</th><th scope=\"col\">test accuracy</th>",
    );
    for name in &metrics {
        let _ = write!(table, "<th scope=\"col\" class=\"name\">{}</th>", text::name(name, 40));
    }
    table.push_str("<th scope=\"col\">learning rate</th><th scope=\"col\">seconds</th></tr></thead>\n<tbody>\n");
    let gap = history.gap();
    // The records are in the order of the epochs; each metric's as well.
    let values: Vec<Vec<(usize, f64)>> = metrics
        .iter()
        .map(|name| history.metrics.iter().filter(|m| m.name == **name).map(|m| (m.epoch, m.value)).collect())
        .collect();
    for (i, r) in history.epochs.iter().enumerate() {
        let verdict = gap.as_ref().map_or_else(|| "–".to_owned(), |gap| gap.records()[i].verdict.to_string());
        let _ = write!(
            table,
            "<tr{}><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{verdict}</td><td>{}</td><td>{}</td>",
            if r.epoch == history.kept_epoch { " class=\"kept\"" } else { "" },
            r.epoch,
            decimal(r.train_loss),
            decimal(r.test_loss),
            signed(r.gap()),
            percent(r.train_accuracy),
            percent(r.test_accuracy),
        );
        for of_metric in &values {
            let place = of_metric.binary_search_by_key(&r.epoch, |&(epoch, _)| epoch);
            let value = place.map_or_else(|_| "–".to_owned(), |place| number(of_metric[place].1));
            let _ = write!(table, "<td>{value}</td>");
        }
        let _ = writeln!(table, "<td>{}</td><td>{:.1}</td></tr>", number(r.lr), r.seconds);
    }
    table.push_str("</tbody>\n</table>\n");
    body.push_str("<section>\n<h2>Epochs</h2>\n");
    if history.epochs.is_empty() {
        body.push_str("<p>No epoch has ended.</p>\n</section>\n");
        return;
    }
    body.push_str(&wide("Epochs", &table).replacen("\"wide\"", "\"wide tall\"", 1));
    body.push_str(
        "<p>The epoch in bold is the one whose weights were kept. Losses and accuracies are those of the model as in use, on the test \
         samples and on as many training samples.</p>\n</section>\n",
    );
}

pub(super) fn model(body: &mut String, report: &Report<'_>) {
    if report.model.is_empty() && report.summary.is_none() {
        return;
    }
    body.push_str("<section>\n<h2>Model</h2>\n");
    if let Some(summary) = &report.summary {
        let operations =
            summary.total.multiply_adds.map_or_else(String::new, |n| format!(", {} multiply–adds", grouped(n)));
        let _ = writeln!(
            body,
            "<p><b>{}</b> parameters; for an input of {}{operations} and {} bytes of activations.</p>",
            grouped(summary.total.parameters as u64),
            shape(&summary.input),
            grouped(summary.total.activation_bytes)
        );
        let mut table = String::from(
            "<table>\n<tr><th scope=\"col\" class=\"text\">layer</th><th scope=\"col\" class=\"text\">kind</th><th scope=\"col\">output</th>\
             <th scope=\"col\">parameters</th><th scope=\"col\">multiply–adds</th><th scope=\"col\">bytes</th></tr>\n",
        );
        for row in &summary.rows {
            let d = &row.description;
            let _ = writeln!(
                table,
                "<tr><th scope=\"row\" class=\"text name\">{}</th><td class=\"text\">{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                escape(&row.path),
                escape(&d.kind),
                shape(&d.output),
                grouped(d.parameters as u64),
                d.multiply_adds.map_or_else(|| "–".to_owned(), grouped),
                grouped(d.activation_bytes)
            );
        }
        body.push_str(&wide("Layers", &(table + "</table>\n")));
    }
    if !report.model.is_empty() {
        let mut table = String::from(
            "<table>\n<tr><th scope=\"col\" class=\"text\">parameter</th><th scope=\"col\">shape</th><th scope=\"col\">numbers</th></tr>\n",
        );
        for (name, sides) in &report.model {
            let n = grouped(sides.iter().product::<usize>() as u64);
            let (name, sides) = (escape(name), shape(sides));
            let _ = writeln!(
                table,
                "<tr><th scope=\"row\" class=\"text name\">{name}</th><td>{sides}</td><td>{n}</td></tr>"
            );
        }
        let table = wide("Parameters", &(table + "</table>\n"));
        let total = grouped(report.parameters() as u64);
        let _ = match report.summary {
            None => write!(body, "<p><b>{total}</b> parameters:</p>\n{table}"),
            Some(_) => write!(body, "<details><summary>Parameters by name</summary>\n{table}</details>\n"),
        };
    }
    body.push_str("</section>\n");
}

pub(super) fn settings(body: &mut String, report: &Report<'_>) {
    if !report.settings.is_empty() {
        listed(body, "Settings", &report.settings);
    }
}

/// Names and values, one below the other.
pub(in crate::report) fn listed<N: AsRef<str>>(body: &mut String, heading: &str, pairs: &[(N, String)]) {
    let mut table = String::from("<table>\n");
    for (name, value) in pairs {
        let (name, value) = (escape(name.as_ref()), escape(value));
        let _ = writeln!(
            table,
            "<tr><th scope=\"row\" class=\"text name\">{name}</th><td class=\"text name\">{value}</td></tr>"
        );
    }
    let table = wide(heading, &(table + "</table>\n"));
    let _ = write!(body, "<section>\n<h2>{heading}</h2>\n{table}</section>\n");
}

/// The settings of several runs beside each other: each name with a value, or none, for each run.
pub(in crate::report) fn settings_of(runs: &[Report<'_>]) -> Vec<(String, Vec<Option<String>>)> {
    let mut rows: Vec<(String, Vec<Option<String>>)> = Vec::new();
    for (run, report) in runs.iter().enumerate() {
        let parameters =
            (report.parameters() > 0).then(|| ("parameters".to_owned(), grouped(report.parameters() as u64)));
        for (name, value) in report.settings.iter().chain(parameters.iter()) {
            let place = rows.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
                rows.push((name.clone(), vec![None; runs.len()]));
                rows.len() - 1
            });
            rows[place].1[run] = Some(value.clone());
        }
    }
    rows
}
