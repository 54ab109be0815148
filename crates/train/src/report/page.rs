//! The page itself.

use super::Report;
use super::chart::Chart;
use std::fmt::Write;

const STYLE: &str = include_str!("style.css");

/// The whole page: it needs no other file and no network.
pub(super) fn page(report: &Report<'_>, charts: &[Chart]) -> String {
    let title = escape(&report.title);
    let mut body = format!("<h1>{title}</h1>\n");
    result(&mut body, report);
    body.push_str("<section class=\"charts\">\n");
    for chart in charts {
        let _ = writeln!(body, "<figure>{}<figcaption>{}</figcaption></figure>", inline(&chart.svg), chart.caption);
    }
    body.push_str("</section>\n");
    confusion(&mut body, report);
    mistakes(&mut body, report);
    epochs(&mut body, report);
    model(&mut body, report);
    settings(&mut body, report);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )
}

fn result(body: &mut String, report: &Report<'_>) {
    let kept = report.history.kept();
    let accuracy = report.evaluation.map(|e| e.accuracy).or(kept.map(|record| record.test_accuracy));
    let loss = report.evaluation.map(|e| e.loss).or(kept.map(|record| record.test_loss));
    body.push_str("<p class=\"result\">");
    if let (Some(accuracy), Some(loss)) = (accuracy, loss) {
        let _ = write!(
            body,
            "<span><b>{:.2} %</b> test accuracy</span><span><b>{loss:.4}</b> test loss</span>",
            100.0 * accuracy
        );
    }
    if let Some(record) = kept {
        let _ = write!(body, "<span><b>{:+.4}</b> generalization gap", record.gap());
        if let Some(finding) = report.history.finding() {
            let _ = write!(body, ": {finding}");
        }
        body.push_str("</span>");
        let _ = write!(body, "<span><b>{}</b> epochs</span>", report.history.epochs.len());
    }
    if let Some(last) = report.history.epochs.last() {
        let _ = write!(body, "<span><b>{:.1} s</b> training</span>", last.seconds);
    }
    body.push_str("</p>\n");
}

/// Rows are what a sample is, columns what it is taken for; the stronger a cell, the larger its share of the row.
fn confusion(body: &mut String, report: &Report<'_>) {
    let Some(evaluation) = report.evaluation else { return };
    let counts = &evaluation.confusion.counts;
    body.push_str("<h2>Confusion matrix</h2>\n<p>Each row is a class, each column what its samples were taken for.");
    if let Some((label, predicted, n)) = evaluation.confusion.commonest_mistake() {
        let times = if n == 1 { "once".to_owned() } else { format!("{n} times") };
        let _ = write!(body, " The commonest mistake: {label} taken for {predicted}, {times}.");
    }
    body.push_str("</p>\n<div class=\"wide\"><table class=\"confusion\">\n<tr><th></th>");
    for class in 0..counts.ncols() {
        let _ = write!(body, "<th>{class}</th>");
    }
    body.push_str("</tr>\n");
    for (label, row) in counts.rows().into_iter().enumerate() {
        let total = row.sum().max(1) as f64;
        let _ = write!(body, "<tr><th>{label}</th>");
        for (predicted, &n) in row.iter().enumerate() {
            let kind = if label == predicted { "right" } else { "wrong" };
            // Mistakes are few: their colour is stretched, or none would be seen.
            let share = n as f64 / total;
            let strength = if label == predicted { 0.75 * share } else { (share * 5.0).min(0.85) };
            let shown = if n == 0 { "·".to_owned() } else { n.to_string() };
            let class = if n == 0 { "none" } else { kind };
            let _ = write!(body, "<td class=\"{class}\" style=\"--strength:{strength:.3}\">{shown}</td>");
        }
        body.push_str("</tr>\n");
    }
    body.push_str("</table></div>\n");
}

fn mistakes(body: &mut String, report: &Report<'_>) {
    let Some(evaluation) = report.evaluation else { return };
    if report.mistakes.is_empty() {
        return;
    }
    let _ = write!(
        body,
        "<h2>The worst mistakes</h2>\n<p>{} of the {} mistakes, the most confident first.</p>\n<div class=\"mistakes\">\n",
        report.mistakes.len(),
        evaluation.mistakes.len()
    );
    for mistake in &report.mistakes {
        let _ = writeln!(
            body,
            "<figure><img src=\"{}\" alt=\"a sample of class {}\"><figcaption><b>{}</b> taken for <b>{}</b><br>{:.1} % sure</figcaption></figure>",
            mistake.picture,
            mistake.label,
            mistake.label,
            mistake.predicted,
            100.0 * mistake.confidence
        );
    }
    body.push_str("</div>\n");
}

fn epochs(body: &mut String, report: &Report<'_>) {
    let history = report.history;
    body.push_str(
        "<h2>Epochs</h2>\n<div class=\"wide\"><table>\n<tr><th>epoch</th><th>train loss</th><th>test loss</th><th>gap</th>\
         <th>train accuracy</th><th>test accuracy</th><th>learning rate</th><th>seconds</th></tr>\n",
    );
    for r in &history.epochs {
        let _ = writeln!(
            body,
            "<tr{}><td>{}</td><td>{:.4}</td><td>{:.4}</td><td>{:+.4}</td><td>{:.2} %</td><td>{:.2} %</td><td>{}</td><td>{:.1}</td></tr>",
            if r.epoch == history.kept_epoch { " class=\"kept\"" } else { "" },
            r.epoch,
            r.train_loss,
            r.test_loss,
            r.gap(),
            100.0 * r.train_accuracy,
            100.0 * r.test_accuracy,
            short(r.lr),
            r.seconds
        );
    }
    body.push_str("</table></div>\n<p>The epoch in bold is the one whose weights were kept. Losses and accuracies are those of the model as in use, on the test samples and on as many training samples.</p>\n");
}

fn model(body: &mut String, report: &Report<'_>) {
    if report.model.is_empty() {
        return;
    }
    let count = |shape: &[usize]| shape.iter().product::<usize>();
    let total: usize = report.model.iter().map(|(_, shape)| count(shape)).sum();
    let _ = writeln!(body, "<h2>Model</h2>\n<p><b>{}</b> parameters.</p>\n<div class=\"wide\"><table>", grouped(total));
    body.push_str("<tr><th class=\"text\">parameter</th><th>shape</th><th>numbers</th></tr>\n");
    for (name, shape) in &report.model {
        let sides: Vec<_> = shape.iter().map(usize::to_string).collect();
        let (name, sides, n) = (escape(name), sides.join(" × "), grouped(count(shape)));
        let _ = writeln!(body, "<tr><td class=\"text\">{name}</td><td>{sides}</td><td>{n}</td></tr>");
    }
    body.push_str("</table></div>\n");
}

fn settings(body: &mut String, report: &Report<'_>) {
    if report.settings.is_empty() {
        return;
    }
    body.push_str("<h2>Settings</h2>\n<div class=\"wide\"><table>\n");
    for (name, value) in &report.settings {
        let _ = writeln!(
            body,
            "<tr><td class=\"text\">{}</td><td class=\"text\">{}</td></tr>",
            escape(name),
            escape(value)
        );
    }
    body.push_str("</table></div>\n");
}

/// The drawing without what only a file of its own needs; it shrinks with the page.
fn inline(svg: &str) -> String {
    let drawing = svg.find("<svg").map_or(svg, |start| &svg[start..]);
    drawing.replacen("<svg width=", "<svg role=\"img\" data-width=", 1).replacen("height=", "data-height=", 1)
}

fn short(x: f64) -> String {
    if x == 0.0 || (1e-3..1e4).contains(&x.abs()) { format!("{x:.4}") } else { format!("{x:.1e}") }
}

/// 1234567 as 1,234,567.
fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_text_is_escaped() {
        assert_eq!(["7", "999", "1,000", "1,234,567"], [7, 999, 1000, 1_234_567].map(grouped).each_ref().map(|s| &**s));
        assert_eq!(escape("a<b & \"c\">"), "a&lt;b &amp; &quot;c&quot;&gt;");
    }
}
