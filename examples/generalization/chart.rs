//! Curves and bars of errors, as SVG, each with its name at its end.

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, ValueFormatter};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::ops::Range;

const COLOURS: [RGBColor; 4] =
    [RGBColor(0x00, 0x72, 0xb2), RGBColor(0xd5, 0x5e, 0x00), RGBColor(0x00, 0x8a, 0x64), RGBColor(0x66, 0x66, 0x66)];
const SIZE: (u32, u32) = (820, 480);
/// Room for names, to the right.
const NAMES: u32 = 170;
/// Between the lines of two names.
const LINE: i32 = 18;

/// How the points are drawn.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Shape {
    Line,
    Dashed,
    /// From 0 up, over those that came before.
    Bars,
}

/// A name, a colour by its number, and an error at each place.
pub(crate) struct Curve {
    pub(crate) name: String,
    pub(crate) colour: usize,
    pub(crate) shape: Shape,
    pub(crate) points: Vec<(f64, f64)>,
}

/// An axis from its first tick to its last, and a little further.
#[derive(Clone)]
pub(crate) struct Axis {
    pub(crate) name: &'static str,
    pub(crate) logarithmic: bool,
    /// From the least on.
    pub(crate) ticks: Vec<(f64, String)>,
    /// How much further it goes at both ends, as a share.
    pub(crate) further: f64,
}

impl Axis {
    fn place(&self, x: f64) -> f64 {
        if self.logarithmic { x.max(f64::MIN_POSITIVE).log10() } else { x }
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, x: &f64, (from, to): (i32, i32)) -> i32 {
        let Range { start, end } = self.range();
        let [x, low, high] = [*x, start, end].map(|x| self.place(x));
        let share = ((x - low) / (high - low)).clamp(-self.further, 1.0 + self.further);
        let share = (share + self.further) / (1.0 + 2.0 * self.further);
        from + (share * f64::from(to - from)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        let ticks = if hint.weight().allow_light_points() { &[] } else { &*self.ticks };
        ticks.iter().map(|tick| tick.0).collect()
    }

    fn range(&self) -> Range<f64> {
        let end = |tick: Option<&(f64, String)>| tick.map_or(0.0, |tick| tick.0);
        end(self.ticks.first())..end(self.ticks.last())
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, x: &f64) -> String {
        self.ticks.iter().find(|tick| tick.0 == *x).map_or_else(String::new, |tick| tick.1.clone())
    }
}

/// Draws the curves; `mark` names a place on the horizontal axis.
pub(crate) fn draw(
    title: &str,
    [x, y]: [Axis; 2],
    curves: &[Curve],
    mark: Option<(f64, &str)>,
) -> Result<String, Box<dyn std::error::Error>> {
    let mut svg = String::new();
    let Range { start: low, end: high } = y.range();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&root)
            .caption(title, ("sans-serif", 20))
            .margin(16)
            .margin_right(NAMES)
            .x_label_area_size(48)
            .y_label_area_size(72)
            .build_cartesian_2d(x.clone(), y.clone())?;
        chart
            .configure_mesh()
            .bold_line_style(RGBColor(0xe4, 0xe4, 0xe4))
            .axis_style(RGBColor(0x88, 0x88, 0x88))
            .label_style(("sans-serif", 14))
            .axis_desc_style(("sans-serif", 16))
            .x_desc(x.name)
            .y_desc(y.name)
            .draw()?;
        if let Some((at, name)) = mark {
            chart.draw_series(LineSeries::new([(at, low), (at, high)], COLOURS[3].stroke_width(1)))?;
            let (at, top) = chart.backend_coord(&(at, high));
            root.draw(&Text::new(name, (at + 6, top + 4), ("sans-serif", 14).into_font().color(&COLOURS[3])))?;
        }
        let mut names = Vec::new();
        for (place, curve) in curves.iter().enumerate() {
            let colour = COLOURS[curve.colour % COLOURS.len()];
            // What is less than the first tick is drawn there.
            let points = curve.points.iter().map(|&(at, error)| (at, error.clamp(low, high)));
            match curve.shape {
                Shape::Line => {
                    let line = LineSeries::new(points, colour.stroke_width(2).filled());
                    chart.draw_series(line.point_size(3))?;
                }
                Shape::Dashed => {
                    let line = DashedLineSeries::new(points, 7, 5, colour.stroke_width(2));
                    chart.draw_series(line)?;
                }
                Shape::Bars => {
                    let bar = |(x, y)| Rectangle::new([(x - 0.36, low), (x + 0.36, y)], colour.filled());
                    chart.draw_series(points.map(bar))?;
                }
            }
            let end = |curve: &Curve| curve.points.last().map_or(low, |end| end.1.clamp(low, high));
            // A bar's name stands at what the next bar leaves to be seen of it.
            let next = curves.get(place + 1).map_or(low, end);
            let at = if curve.shape == Shape::Bars { (end(curve) + next) / 2.0 } else { end(curve) };
            names.push((chart.backend_coord(&(f64::INFINITY, at)), &curve.name, colour));
        }
        // From the top down, each below the one before it; then up again, none below the frame.
        names.sort_by_key(|name| name.0.1);
        let mut free = i32::MIN;
        for ((_, y), ..) in &mut names {
            *y = (*y).max(free);
            free = *y + LINE;
        }
        let mut free = chart.backend_coord(&(f64::INFINITY, low)).1;
        for ((x, y), name, colour) in names.into_iter().rev() {
            let y = y.min(free);
            free = y - LINE;
            let style = ("sans-serif", 15).into_font().color(&colour).pos(Pos::new(HPos::Left, VPos::Center));
            root.draw(&Text::new(name.as_str(), (x + 8, y), style))?;
        }
        root.present()?;
    }
    Ok(svg)
}
