//! Curves as SVG text. Colours are classes, so that a page's style, or the file's own, makes them fit for light and dark.

use super::{Curve, View};
use crate::report::chart::axis::Axis;
use crate::report::text::{escape, number, shortened};
use std::fmt::Write;

const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 270.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 380.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 228.0;

/// So many colours there are, and shapes of marks; curves beyond have dashes.
pub(crate) const COLOURS: usize = 6;

/// As many points as a curve can show; of longer ones the extremes of equal parts are drawn.
const POINTS: usize = 600;
/// One of up to three curves with no more points has a mark, with its number, on each.
const MARKS: usize = 40;

/// The picture. The legend is left out where the page has one for all charts.
pub(super) fn svg(view: &View, title: &str, legend: bool) -> String {
    let points = || view.curves.iter().flat_map(|curve| curve.points.iter().copied());
    let x = Axis::counting(points().map(|[x, _]| x));
    let values = points().map(|[_, y]| y);
    let y = if view.log { Axis::logarithmic(values) } else { Some(Axis::linear(values)) };
    let mut svg = String::new();
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">\n\
         <title>{}</title>\n<desc>{}</desc>\n<text class=\"t\" x=\"4\" y=\"16\">{}</text>\n",
        escape(title),
        escape(&described(view)),
        escape(&view.unit)
    );
    if legend {
        put_legend(&mut svg, &view.curves);
    }
    for (share, label) in x.ticks(6, true).into_iter().filter(|_| points().next().is_some()) {
        let at = LEFT + share * (RIGHT - LEFT);
        let _ = writeln!(
            svg,
            "<path class=\"g\" d=\"M{at:.1} {TOP}V{BOTTOM}\"/><text class=\"t\" x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>",
            BOTTOM + 18.0
        );
    }
    let Some(y) = y.filter(|_| points().any(|[_, y]| y.is_finite())) else {
        let what = if view.log { "nothing above 0 to show" } else { "no numbers to show" };
        let (at_x, at_y) = ((LEFT + RIGHT) / 2.0, (TOP + BOTTOM) / 2.0);
        let _ =
            write!(svg, "<text class=\"t\" x=\"{at_x}\" y=\"{at_y}\" text-anchor=\"middle\">{what}</text>\n</svg>\n");
        return svg;
    };
    for (share, label) in y.ticks(6, false) {
        let at = BOTTOM - share * (BOTTOM - TOP);
        let _ = writeln!(
            svg,
            "<path class=\"g\" d=\"M{LEFT} {at:.1}H{RIGHT}\"/><text class=\"t\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
            LEFT - 6.0,
            at + 5.0
        );
    }
    let _ = writeln!(
        svg,
        "<path class=\"a\" d=\"M{LEFT} {TOP}V{BOTTOM}H{RIGHT}\"/><text class=\"t\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
        (LEFT + RIGHT) / 2.0,
        HEIGHT - 6.0,
        escape(view.x)
    );
    for curve in &view.curves {
        let place = |[px, py]: [f64; 2]| {
            let (px, py) = (x.share(px)?, y.share(py)?);
            Some((LEFT + px * (RIGHT - LEFT), BOTTOM - py * (BOTTOM - TOP)))
        };
        put_curve(&mut svg, curve, view.curves.len() <= 3, place);
    }
    svg.push_str("</svg>\n");
    svg
}

/// In words, for those who do not see it.
fn described(view: &View) -> String {
    let mut words = format!("{}, by {}.", view.unit, view.x);
    for Curve { name, points, .. } in view.curves.iter().take(12) {
        if let (Some([_, first]), Some([at, last])) = (points.first(), points.last()) {
            let _ = write!(words, " {name}: from {} to {} at {} {at}.", number(*first), number(*last), view.x);
        }
    }
    words
}

fn put_legend(svg: &mut String, curves: &[Curve]) {
    let mut left = LEFT;
    for curve in curves {
        let name = shortened(&curve.name, 24);
        let (line, mark) = (line_class(curve.look), mark_at((left + 11.0, 32.0), curve.look));
        let _ = writeln!(
            svg,
            "<path class=\"{line}\" d=\"M{left:.1} 32h22\"/><path class=\"{}\" d=\"{mark}\"/><text class=\"t\" x=\"{:.1}\" y=\"37\">{}</text>",
            mark_class(curve.look),
            left + 27.0,
            escape(&name)
        );
        left += 46.0 + 8.0 * name.chars().count() as f64;
    }
}

fn put_curve(svg: &mut String, curve: &Curve, all_marks: bool, place: impl Fn([f64; 2]) -> Option<(f64, f64)>) {
    let mut path = String::new();
    let mut down = false;
    for at in thinned(&curve.points).into_iter().map(&place) {
        if let Some((px, py)) = at {
            let pen = if down { 'L' } else { 'M' };
            let _ = write!(path, "{pen}{px:.1} {py:.1}");
            // A point between two gaps is seen, too.
            if !down {
                path.push_str("h0");
            }
        }
        down = at.is_some();
    }
    let _ = writeln!(svg, "<path class=\"{}\" d=\"{path}\"/>", line_class(curve.look));
    // Marks on all points, or on a few, at other places for each curve.
    let all = all_marks && curve.points.len() <= MARKS;
    let every = if all { 1 } else { (curve.points.len() / 8).max(1) };
    for &point in curve.points.iter().skip(curve.look % COLOURS * every / COLOURS).step_by(every) {
        let Some(at) = place(point) else { continue };
        let _ = writeln!(
            svg,
            "<path class=\"{}\" d=\"{}\"><title>{}: {}, {}</title></path>",
            mark_class(curve.look),
            mark_at(at, curve.look),
            escape(&shortened(&curve.name, 40)),
            number(point[0]),
            number(point[1])
        );
    }
}

/// No more points than can be seen: of each part the lowest and the highest, in their order.
fn thinned(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    if points.len() <= POINTS {
        return points.to_vec();
    }
    let parts = points.chunks(points.len().div_ceil(POINTS / 2));
    let ends = parts.flat_map(|part| {
        let finite = || part.iter().enumerate().filter(|(_, [_, y])| y.is_finite());
        let low = finite().min_by(|(_, a), (_, b)| a[1].total_cmp(&b[1])).map(|(i, _)| i);
        let high = finite().max_by(|(_, a), (_, b)| a[1].total_cmp(&b[1])).map(|(i, _)| i);
        // Without a finite value the first says that there is a gap.
        let (low, high) = (low.unwrap_or(0), high.unwrap_or(0));
        [part[low.min(high)], part[low.max(high)]]
    });
    ends.collect()
}

pub(crate) fn line_class(look: usize) -> String {
    format!("l c{} d{}", look % COLOURS, look / COLOURS % 3)
}

pub(crate) fn mark_class(look: usize) -> String {
    format!("m c{}", look % COLOURS)
}

/// A mark: curves differ in shape as well as in colour.
pub(crate) fn mark_at((x, y): (f64, f64), look: usize) -> String {
    match look % COLOURS {
        0 => format!("M{:.1} {y:.1}a3 3 0 1 0 6 0a3 3 0 1 0 -6 0z", x - 3.0),
        1 => format!("M{:.1} {:.1}h5.4v5.4h-5.4z", x - 2.7, y - 2.7),
        2 => format!("M{x:.1} {:.1}l3.6 6.3h-7.2z", y - 4.0),
        3 => format!("M{x:.1} {:.1}l3.9 3.9l-3.9 3.9l-3.9 -3.9z", y - 3.9),
        4 => format!("M{x:.1} {:.1}l3.6 -6.3h-7.2z", y + 4.0),
        _ => format!("M{:.1} {:.1}h2v-2h2v2h2v2h-2v2h-2v-2h-2z", x - 3.0, y - 1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(points: Vec<[f64; 2]>, log: bool) -> View {
        let curves = vec![Curve { name: "a <b>".to_owned(), look: 7, points }];
        View { unit: "loss & more".to_owned(), x: "epoch", curves, log }
    }

    #[test]
    fn any_numbers_can_be_drawn() {
        let long = (1..=1000).map(|i| [f64::from(i), (f64::from(i) * 0.1).sin()]).collect();
        let gaps = vec![[1.0, f64::NAN], [2.0, 1.0], [3.0, f64::INFINITY], [4.0, 2.0], [5.0, -0.0]];
        for points in [vec![], vec![[1.0, f64::NAN]], vec![[1.0, 0.5]], gaps, long] {
            for log in [false, true] {
                let picture = svg(&view(points.clone(), log), "t", true);
                assert!(picture.starts_with("<svg") && picture.ends_with("</svg>\n"));
                let numbers = picture.split('>').filter(|tag| tag.contains(" d=\""));
                assert!(numbers.clone().all(|tag| !tag.contains("NaN") && !tag.contains("inf")), "{picture}");
                assert!(picture.contains("a &lt;b&gt;") && picture.contains("loss &amp; more"), "{picture}");
                assert!(picture.len() < 20_000, "{} bytes for {} points", picture.len(), points.len());
            }
        }
    }

    #[test]
    fn a_long_curve_keeps_its_extremes() {
        let mut points: Vec<[f64; 2]> = (0..100_000).map(|i| [f64::from(i), 0.0]).collect();
        (points[31_415][1], points[27_182][1]) = (7.0, -7.0);
        let thin = thinned(&points);
        assert!(thin.len() <= POINTS && thin.contains(&[31_415.0, 7.0]) && thin.contains(&[27_182.0, -7.0]));
        assert!(thin.windows(2).all(|pair| pair[0][0] <= pair[1][0]));
    }

    #[test]
    fn the_first_eighteen_curves_look_different() {
        let looks: std::collections::BTreeSet<_> = (0..18).map(line_class).collect();
        assert_eq!(looks.len(), 18);
        let marks: std::collections::BTreeSet<_> = (0..COLOURS).map(|look| mark_at((0.0, 0.0), look)).collect();
        assert_eq!(marks.len(), COLOURS);
    }
}
