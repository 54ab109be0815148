//! Gradient health: a heat map of layers by epochs, and what it says.

use super::wide;
use crate::report::health::{Cell, Grid};
use crate::report::text::{self, escape, number, percent};
use crate::{GradientFinding, GradientRecord, History};
use gradus_nn_layers::Verdict;
use std::fmt::Write;

/// What a heat map shows.
struct Map {
    id: &'static str,
    label: &'static str,
    value: fn(&Cell) -> f64,
    log: bool,
}

const MAPS: [Map; 3] = [
    Map { id: "norm", label: "norm ‖g‖", value: |cell| cell.norm, log: true },
    Map { id: "ratio", label: "relative ‖g‖ / ‖w‖", value: |cell| cell.ratio, log: true },
    Map { id: "zeros", label: "share of zeros", value: |cell| cell.zeros, log: false },
];

/// Of dark blue to yellow, in equal steps of lightness, which all eyes see in the same order (S. van der Walt, N. Smith, *viridis*, 2015).
const COLOURS: [[f64; 3]; 9] = [
    [68.0, 1.0, 84.0],
    [71.0, 44.0, 122.0],
    [59.0, 81.0, 139.0],
    [44.0, 113.0, 142.0],
    [33.0, 144.0, 141.0],
    [39.0, 173.0, 129.0],
    [92.0, 200.0, 99.0],
    [170.0, 220.0, 50.0],
    [253.0, 231.0, 37.0],
];

pub(super) fn section(body: &mut String, history: &History) {
    let grid = Grid::of(history);
    if grid.layers.is_empty() {
        return;
    }
    let findings = history.gradient_findings();
    body.push_str("<section class=\"health\">\n<h2>Gradient health</h2>\n");
    let _ = writeln!(body, "<p>{}</p>", in_words(&findings, history));
    for (i, Map { id, .. }) in MAPS.iter().enumerate() {
        let checked = if i == 0 { " checked" } else { "" };
        let _ = write!(body, "<input type=\"radio\" name=\"health\" id=\"health-{id}\"{checked}>");
    }
    for Map { id, label, .. } in &MAPS {
        let _ = write!(body, "\n<label for=\"health-{id}\">{label}</label>");
    }
    body.push('\n');
    MAPS.iter().for_each(|map| heat(body, map, &grid, &findings));
    parameters(body, history);
    body.push_str("</section>\n");
}

/// The verdicts on the layers that are not well, or that there are none, as sentences.
fn in_words(findings: &[GradientFinding], history: &History) -> String {
    let unwell: Vec<_> = findings.iter().filter(|finding| !finding.verdict.is_well()).collect();
    if unwell.is_empty() {
        let all =
            if findings.len() == 1 { "The layer is".to_owned() } else { format!("All {} layers are", findings.len()) };
        let before = history.gradients.iter().rev().find(|record| !record.verdict.is_well());
        let before = before.map_or_else(String::new, |record| {
            format!(
                " The last that was not: {}, in epoch {} ({}).",
                escape(record.layer()),
                record.epoch,
                record.verdict
            )
        });
        return format!("{all} <b>healthy</b>: gradients neither vanish nor explode, and few units are dead.{before}");
    }
    // Layers with the same verdict since the same epoch share a sentence.
    let mut groups: Vec<(Verdict, usize, Vec<String>)> = Vec::new();
    for finding in unwell {
        let name = text::name(&finding.layer, 80);
        match groups.iter_mut().find(|group| (group.0, group.1) == (finding.verdict, finding.since)) {
            Some((.., names)) => names.push(name),
            None => groups.push((finding.verdict, finding.since, vec![name])),
        }
    }
    let sentences = groups.into_iter().map(|(verdict, since, names)| {
        let more = if names.len() > NAMED { format!(" and {} more", names.len() - NAMED) } else { String::new() };
        let names = names[..names.len().min(NAMED)].join("</b>, <b>");
        format!("<b>{names}</b>{more}: <b>{verdict}</b> since epoch {since}: {}.", meaning(verdict))
    });
    sentences.collect::<Vec<_>>().join("<br>")
}

/// So many layers a sentence names.
const NAMED: usize = 6;

fn meaning(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Vanishing => {
            "the numbers of the gradient are less than a ten-thousandth of those of the model's largest; little is learned"
        }
        Verdict::Exploding => {
            "the gradient is more than a hundred times as long as the weights; clipping or a lower rate helps"
        }
        Verdict::Dead => {
            "at least half of the units receive no gradient; ReLU units that are never active learn no more"
        }
        Verdict::Saturated => "at least half of the units receive next to no gradient",
        Verdict::Missing => "no gradient arrives, and nothing is learned",
        Verdict::NotFinite => "a number is NaN or infinite",
        _ => "the table below has the numbers",
    }
}

fn heat(body: &mut String, map: &Map, grid: &Grid, findings: &[GradientFinding]) {
    let (low, high) = range(map, grid);
    let share = |x: f64| if map.log { (x / low).ln() / (high / low).ln() } else { (x - low) / (high - low) };
    let columns = grid.epochs.len();
    let titled = columns * grid.layers.len() <= 2000;
    let mut table = format!(
        "<table>\n<thead><tr><th scope=\"col\" class=\"text\">layer</th><th scope=\"col\" class=\"strip\"><span>epoch {}</span><span>{}</span></th>\
         <th scope=\"col\">last</th><th scope=\"col\" class=\"text\">verdict</th></tr></thead>\n<tbody>\n",
        grid.epochs.first().map_or(1, |&(first, _)| first),
        grid.epochs.last().map_or(1, |&(_, last)| last),
    );
    for (layer, cells) in grid.layers.iter().zip(&grid.cells) {
        let name = escape(layer);
        let written = |cell: &Cell| if map.log { number((map.value)(cell)) } else { percent((map.value)(cell)) };
        let seen = || cells.iter().zip(&grid.epochs).filter_map(|(cell, epochs)| Some((cell.as_ref()?, epochs)));
        let described = match (seen().next(), seen().next_back()) {
            (Some((first, a)), Some((last, b))) => {
                format!("{name}: {} in epoch {}, {} in epoch {}", written(first), a.0, written(last), b.1)
            }
            _ => name.clone(),
        };
        let shown = text::name(layer, 60);
        let _ = write!(
            table,
            "<tr><th scope=\"row\" class=\"text name\">{shown}</th><td class=\"strip\"><svg viewBox=\"0 0 {columns} 1\" preserveAspectRatio=\"none\" \
             role=\"img\" aria-label=\"{described}\">",
        );
        for (column, cell) in cells.iter().enumerate() {
            let Some(cell) = cell else { continue };
            let value = (map.value)(cell);
            let paint = if cell.not_finite || value.is_nan() {
                " class=\"bad\"".to_owned()
            } else if map.log && value == 0.0 {
                " class=\"zero\"".to_owned()
            } else {
                format!(" fill=\"{}\"", colour(share(value)))
            };
            let (first, last) = grid.epochs[column];
            let epochs = if first == last { format!("epoch {first}") } else { format!("epochs {first} to {last}") };
            let title = if titled { format!("<title>{epochs}: {}</title>", written(cell)) } else { String::new() };
            // A little wider than its column, so that no gap shows between two.
            let _ = write!(table, "<rect x=\"{column}\" width=\"1.02\" height=\"1\"{paint}>{title}</rect>");
        }
        let last = seen().next_back().map_or_else(|| "–".to_owned(), |(cell, _)| written(cell));
        let verdict = findings.iter().find(|finding| finding.layer == *layer).map(|finding| finding.verdict);
        let unwell = if verdict.is_some_and(|verdict| !verdict.is_well()) { " unwell" } else { "" };
        let verdict = verdict.map_or_else(String::new, |verdict| verdict.to_string());
        let _ = writeln!(table, "</svg></td><td>{last}</td><td class=\"text{unwell}\">{verdict}</td></tr>");
    }
    table.push_str("</tbody>\n</table>\n");
    let _ = write!(
        body,
        "<div class=\"map {}\">\n{}{}</div>\n",
        map.id,
        wide("Gradients of layers by epoch", &table),
        legend(map, low, high)
    );
}

/// The colours, with the numbers that they stand for.
fn legend(map: &Map, low: f64, high: f64) -> String {
    let stops: Vec<_> = (0..=8).map(|i| colour(f64::from(i) / 8.0)).collect();
    let at = |share: f64| if map.log { low * (high / low).powf(share) } else { low + share * (high - low) };
    let ticks = [0.0, 0.25, 0.5, 0.75, 1.0].map(|share| {
        let written = if map.log { format!("{:.0e}", at(share)) } else { format!("{:.0} %", 100.0 * at(share)) };
        format!("<span>{written}</span>")
    });
    let scale = if map.log { "logarithmic colours" } else { "linear colours" };
    let zero = if map.log { "<span class=\"key\"><i class=\"zero\"></i>zero</span>" } else { "" };
    format!(
        "<div class=\"legend\"><div class=\"bar\" style=\"background:linear-gradient(to right,{})\"></div>\n<div class=\"ticks\">{}</div>\n\
         <p>{}, {scale} {zero}<span class=\"key\"><i class=\"bad\"></i>not finite</span></p></div>\n",
        stops.join(","),
        ticks.concat(),
        map.label
    )
}

/// From the smallest to the largest number that has a colour: whole powers of ten, or from none to all.
fn range(map: &Map, grid: &Grid) -> (f64, f64) {
    if !map.log {
        return (0.0, 1.0);
    }
    let values = grid.cells.iter().flatten().flatten().map(map.value).filter(|x| *x > 0.0 && x.is_finite());
    let (low, high) = values.fold((f64::INFINITY, 0.0_f64), |(low, high), x| (low.min(x), high.max(x)));
    if low > high {
        return (0.1, 1.0);
    }
    let power = |exponent: f64| 10_f64.powi(exponent.clamp(-300.0, 300.0) as i32);
    let (low, high) = (power(low.log10().floor()), power(high.log10().ceil()));
    if low < high { (low, high) } else { (low / 10.0, high) }
}

fn colour(share: f64) -> String {
    let place = share.clamp(0.0, 1.0) * (COLOURS.len() - 1) as f64;
    let below = (place as usize).min(COLOURS.len() - 2);
    let between = place - below as f64;
    let [r, g, b] = std::array::from_fn(|i| {
        (COLOURS[below][i] + between * (COLOURS[below + 1][i] - COLOURS[below][i])).round() as u8
    });
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// The last look, parameter by parameter.
fn parameters(body: &mut String, history: &History) {
    let Some(last) = history.gradients.last() else { return };
    let mut table = String::from(
        "<table>\n<tr><th scope=\"col\" class=\"text\">parameter</th><th scope=\"col\">‖g‖</th><th scope=\"col\">‖w‖</th>\
         <th scope=\"col\">‖g‖ / ‖w‖</th><th scope=\"col\">zeros</th><th scope=\"col\">not finite</th><th scope=\"col\" class=\"text\">verdict</th></tr>\n",
    );
    for record in history.gradients.iter().filter(|record| record.step == last.step) {
        let GradientRecord { norm, weight_norm, zeros, not_finite, verdict, .. } = record;
        let numbers = [*norm, *weight_norm, record.ratio()].map(number).join("</td><td>");
        let shares = [*zeros, *not_finite].map(percent).join("</td><td>");
        let unwell = if verdict.is_well() { "" } else { " unwell" };
        let _ = writeln!(
            table,
            "<tr><th scope=\"row\" class=\"text name\">{}</th><td>{numbers}</td><td>{shares}</td><td class=\"text{unwell}\">{verdict}</td></tr>",
            escape(&record.parameter)
        );
    }
    let table = wide("Gradients by parameter", &(table + "</table>\n"));
    let _ = write!(
        body,
        "<details><summary>By parameter, at step {} (epoch {})</summary>\n{table}</details>\n",
        last.step, last.epoch
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_go_from_dark_to_light() {
        assert_eq!([colour(-1.0), colour(0.0), colour(2.0)], ["#440154", "#440154", "#fde725"]);
        assert_eq!(colour(1.0 / 16.0), "#461767");
    }

    #[test]
    fn the_legend_begins_and_ends_with_powers_of_ten() {
        let cell = |norm| Some(Cell { norm, ratio: f64::NAN, zeros: 0.0, not_finite: false });
        let grid =
            |norms: &[f64]| Grid { cells: vec![norms.iter().map(|&norm| cell(norm)).collect()], ..Grid::default() };
        assert_eq!(range(&MAPS[0], &grid(&[0.0, 0.02, 3.0, f64::INFINITY])), (0.01, 10.0));
        assert_eq!(range(&MAPS[0], &grid(&[10.0])), (1.0, 10.0));
        assert_eq!(range(&MAPS[0], &grid(&[0.0])), (0.1, 1.0));
        assert_eq!(range(&MAPS[1], &grid(&[1.0])), (0.1, 1.0));
        let (low, high) = range(&MAPS[0], &grid(&[5e-324, f64::MAX]));
        assert!(low > 0.0 && high.is_finite());
    }
}
