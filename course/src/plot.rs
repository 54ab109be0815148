//! Lines and points over two axes, as SVG.

use plotters::coord::combinators::IntoLogRange;
use plotters::coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::error::Error;
use std::ops::Range;

/// Colours that most people tell apart, also the colour-blind (Okabe and Ito).
const COLOURS: [RGBColor; 7] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0xe6, 0x9f, 0x00),
    RGBColor(0x56, 0xb4, 0xe9),
    RGBColor(0x44, 0x44, 0x44),
];

/// How a series is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Points in their order, joined.
    Line,
    /// The same, dashed.
    Dashed,
    /// Points, not joined.
    Points,
}

/// Points with a name, and how they are drawn.
type Series<Name> = (Name, Kind, Vec<(f64, f64)>);

/// Series of points over two axes, with a legend.
///
/// # Examples
/// ```
/// use gradus_course::{Kind, Plot};
/// let svg = Plot::new("Squares", "x", "x²").series("x²", Kind::Line, (0..9).map(|x| (f64::from(x), f64::from(x * x)))).svg()?;
/// assert!(svg.contains("Squares"));
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone)]
pub struct Plot {
    title: String,
    axes: [String; 2],
    logarithmic: bool,
    size: (u32, u32),
    ranges: [Option<Range<f64>>; 2],
    series: Vec<Series<String>>,
}

impl Plot {
    /// An empty plot with names for its axes.
    #[must_use]
    pub fn new(title: &str, x: &str, y: &str) -> Self {
        Self {
            title: title.to_owned(),
            axes: [x.to_owned(), y.to_owned()],
            logarithmic: false,
            size: (760, 440),
            ranges: [None, None],
            series: Vec::new(),
        }
    }

    /// The vertical axis in powers of ten. Numbers that are not positive are left out.
    #[must_use]
    pub fn logarithmic(mut self) -> Self {
        self.logarithmic = true;
        self
    }

    /// Pixels.
    #[must_use]
    pub fn size(mut self, width: u32, height: u32) -> Self {
        self.size = (width, height);
        self
    }

    /// The part of the plane that is shown; by default what the series need.
    #[must_use]
    pub fn ranges(mut self, x: Range<f64>, y: Range<f64>) -> Self {
        self.ranges = [Some(x), Some(y)];
        self
    }

    /// A further series; an empty name keeps it out of the legend.
    #[must_use]
    pub fn series(mut self, name: &str, kind: Kind, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        self.series.push((name.to_owned(), kind, points.into_iter().collect()));
        self
    }

    /// The picture.
    ///
    /// # Errors
    /// One line, if there is nothing to be shown.
    pub fn svg(&self) -> Result<String, String> {
        let shown = |&&(x, y): &&(f64, f64)| x.is_finite() && y.is_finite() && (!self.logarithmic || y > 0.0);
        let series = self.series.iter();
        let series: Vec<Series<&str>> = series
            .map(|(name, kind, points)| (name.as_str(), *kind, points.iter().filter(shown).copied().collect()))
            .collect();
        let points = || series.iter().flat_map(|(_, _, points)| points);
        let [x, y] = [points().map(|point| point.0).collect(), points().map(|point| point.1).collect()];
        let [x_range, y_range] = &self.ranges;
        let x = range(x_range, x, false).ok_or("nothing to plot")?;
        let y = range(y_range, y, self.logarithmic).ok_or("nothing to plot")?;
        let drawn = if self.logarithmic { self.draw(x, y.log_scale(), &series) } else { self.draw(x, y, &series) };
        drawn.map_err(|error| error.to_string())
    }

    fn draw<Y>(&self, x: Range<f64>, y: Y, series: &[Series<&str>]) -> Result<String, Box<dyn Error>>
    where
        Y: AsRangedCoord<Value = f64>,
        Y::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
    {
        /// Room for the names, to the right.
        const NAMES: u32 = 170;
        let names: Vec<_> = series.iter().map(|series| series.0).collect();
        let room = if names.iter().all(|name| name.is_empty()) { 14 } else { NAMES };
        let mut svg = String::new();
        {
            let root = SVGBackend::with_string(&mut svg, self.size).into_drawing_area();
            root.fill(&WHITE)?;
            let mut chart = ChartBuilder::on(&root)
                .caption(&self.title, ("sans-serif", 20))
                .margin(14)
                .margin_right(room)
                .x_label_area_size(48)
                .y_label_area_size(72)
                .build_cartesian_2d(x, y)?;
            chart
                .configure_mesh()
                .light_line_style(WHITE)
                .bold_line_style(RGBColor(0xe4, 0xe4, 0xe4))
                .axis_style(RGBColor(0x88, 0x88, 0x88))
                .label_style(("sans-serif", 14))
                .axis_desc_style(("sans-serif", 16))
                .x_labels(8)
                .y_labels(8)
                .x_label_formatter(&|x| short(*x))
                .y_label_formatter(&|y| short(*y))
                .x_desc(&self.axes[0])
                .y_desc(&self.axes[1])
                .draw()?;
            let (left, mut top) = ((self.size.0 - room) as i32 + 12, 60);
            for (place, (name, kind, points)) in series.iter().enumerate() {
                let (colour, points) = (COLOURS[place % COLOURS.len()], points.iter().copied());
                let style = colour.stroke_width(2);
                match kind {
                    Kind::Line => chart.draw_series(LineSeries::new(points, style))?,
                    Kind::Dashed => chart.draw_series(DashedLineSeries::new(points, 7, 5, style))?,
                    Kind::Points => chart.draw_series(points.map(|point| Circle::new(point, 3, colour.filled())))?,
                };
                if name.is_empty() {
                    continue;
                }
                let dashes = match kind {
                    Kind::Line => vec![(0, 22)],
                    Kind::Dashed => vec![(0, 8), (14, 22)],
                    Kind::Points => Vec::new(),
                };
                for (from, to) in dashes {
                    root.draw(&PathElement::new([(left + from, top), (left + to, top)], style))?;
                }
                if *kind == Kind::Points {
                    root.draw(&Circle::new((left + 11, top), 3, colour.filled()))?;
                }
                let text = ("sans-serif", 14).into_font().color(&BLACK).pos(Pos::new(HPos::Left, VPos::Center));
                root.draw(&Text::new(*name, (left + 28, top), text))?;
                top += 22;
            }
            root.present()?;
        }
        Ok(svg)
    }
}

/// What is asked for, or what the numbers need and a twentieth more at each end.
fn range(asked: &Option<Range<f64>>, numbers: Vec<f64>, logarithmic: bool) -> Option<Range<f64>> {
    if let Some(range) = asked {
        return Some(range.clone());
    }
    let least = numbers.iter().copied().reduce(f64::min)?;
    let most = numbers.iter().copied().reduce(f64::max)?;
    if logarithmic {
        return Some(least / 1.2..most * 1.2);
    }
    let more = if most > least { 0.05 * (most - least) } else { 0.5 };
    Some(least - more..most + more)
}

/// A number as short as it can be told apart: `0.5`, `20`, `1e-7`.
fn short(number: f64) -> String {
    let size = number.abs();
    if size != 0.0 && !(1e-3..1e6).contains(&size) {
        return format!("{:e}", format!("{number:.3e}").parse::<f64>().unwrap_or(number));
    }
    let text = format!("{number:.4}");
    text.trim_end_matches('0').trim_end_matches('.').replace('-', "−")
}
