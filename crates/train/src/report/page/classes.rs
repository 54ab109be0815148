//! What was taken for what.

use super::wide;
use crate::report::Report;
use crate::report::text::{self, escape, percent, shortened};
use std::fmt::Write;

/// With more classes the cells of the confusion matrix have no room for numbers.
const SPACIOUS: usize = 30;
/// No more classes are shown: those with the most mistakes.
const SHOWN: usize = 100;
/// Names on the edge of the matrix have at most so many characters.
const EDGE: usize = 14;

/// Rows are what a sample is, columns what it is taken for; the stronger a cell, the larger its share of the row.
pub(super) fn confusion(body: &mut String, report: &Report<'_>) {
    let Some(evaluation) = report.evaluation else { return };
    let counts = &evaluation.confusion.counts;
    let name = |class| report.class_name(class);
    body.push_str(
        "<section>\n<h2>Confusion matrix</h2>\n<p>Each row is a class, each column what its samples were taken for.",
    );
    if let Some((label, predicted, n)) = evaluation.confusion.commonest_mistake() {
        let times = if n == 1 { "once".to_owned() } else { format!("{n} times") };
        let (label, predicted) = (text::name(&name(label), 40), text::name(&name(predicted), 40));
        let _ = write!(body, " The commonest mistake: {label} taken for {predicted}, {times}.");
    }
    let classes = counts.nrows();
    let mut shown: Vec<usize> = (0..classes).collect();
    if classes > SHOWN {
        let mistakes = |class: usize| counts.row(class).sum() + counts.column(class).sum() - 2 * counts[[class, class]];
        shown.sort_by_key(|&class| (usize::MAX - mistakes(class), class));
        shown.truncate(SHOWN);
        shown.sort_unstable();
        let _ = write!(body, " Of the {classes} classes, the {SHOWN} with the most mistakes are shown.");
    }
    body.push_str("</p>\n");
    let spacious = shown.len() <= SPACIOUS;
    let mut table = format!("<table class=\"confusion{}\">\n<tr><td></td>", if spacious { "" } else { " dense" });
    for &class in &shown {
        let _ = write!(table, "<th scope=\"col\">{}</th>", escape(&shortened(&name(class), EDGE)));
    }
    table.push_str("</tr>\n");
    for &label in &shown {
        let total = counts.row(label).sum().max(1) as f64;
        let _ = write!(table, "<tr><th scope=\"row\">{}</th>", escape(&shortened(&name(label), EDGE)));
        for &predicted in &shown {
            let n = counts[[label, predicted]];
            if n == 0 {
                table.push_str(if spacious { "<td class=\"none\">·</td>" } else { "<td></td>" });
                continue;
            }
            let (kind, share) = (if label == predicted { "right" } else { "wrong" }, n as f64 / total);
            // Mistakes are few: their colour is stretched, or none would be seen.
            let strength = if label == predicted { 0.5 * share } else { (share * 4.0).clamp(0.08, 0.5) };
            let number = if spacious { n.to_string() } else { String::new() };
            let title = if spacious {
                String::new()
            } else {
                format!(" title=\"{} taken for {}: {n}\"", escape(&name(label)), escape(&name(predicted)))
            };
            let strength = if spacious { strength } else { (2.0 * strength).min(1.0) };
            let _ = write!(table, "<td class=\"{kind}\" style=\"--strength:{strength:.2}\"{title}>{number}</td>");
        }
        table.push_str("</tr>\n");
    }
    table.push_str("</table>\n");
    body.push_str(&wide("Confusion matrix", &table));
    by_class(body, report);
    body.push_str("</section>\n");
}

fn by_class(body: &mut String, report: &Report<'_>) {
    let Some(evaluation) = report.evaluation else { return };
    let confusion = &evaluation.confusion;
    let (precision, recall, f1) = (confusion.precision(), confusion.recall(), confusion.f1());
    let mut table = String::from(
        "<table>\n<tr><th scope=\"col\" class=\"text\">class</th><th scope=\"col\">samples</th><th scope=\"col\">precision</th>\
         <th scope=\"col\">recall</th><th scope=\"col\">F1</th></tr>\n",
    );
    for (class, row) in confusion.counts.rows().into_iter().enumerate() {
        let scores = [&precision, &recall, &f1].map(|scores| percent(scores.by_class[class]));
        let _ = writeln!(
            table,
            "<tr><th scope=\"row\" class=\"text\">{}</th><td>{}</td><td>{}</td></tr>",
            escape(&report.class_name(class)),
            row.sum(),
            scores.join("</td><td>")
        );
    }
    table.push_str("</table>\n");
    let table = wide("Precision and recall by class", &table);
    let _ = write!(body, "<details><summary>Precision and recall by class</summary>\n{table}</details>\n");
}

pub(super) fn mistakes(body: &mut String, report: &Report<'_>) {
    let Some(evaluation) = report.evaluation else { return };
    if report.mistakes.is_empty() {
        return;
    }
    let _ = write!(
        body,
        "<section>\n<h2>The worst mistakes</h2>\n<p>{} of the {} mistakes, the most confident first.</p>\n<div class=\"mistakes\">\n",
        report.mistakes.len(),
        evaluation.mistakes.len()
    );
    for mistake in &report.mistakes {
        let (label, predicted) = (report.class_name(mistake.label), report.class_name(mistake.predicted));
        let (label, predicted) = (text::name(&label, 40), text::name(&predicted, 40));
        let _ = writeln!(
            body,
            "<figure>{}<figcaption><b>{label}</b> taken for <b>{predicted}</b><br>{:.1} % sure</figcaption></figure>",
            mistake.picture.svg(&format!("a sample of class {}", escape(&report.class_name(mistake.label)))),
            100.0 * mistake.confidence
        );
    }
    body.push_str("</div>\n</section>\n");
}
