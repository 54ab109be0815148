//! Axes, curves, contour lines and a legend as SVG text: as much of plotting as this crate draws.

mod axis;
mod contour;
mod number;

pub(crate) use axis::Axis;
pub use contour::contour;
use contour::{joined, levels};
pub(crate) use number::significant;

use crate::Result;
use ndarray::Array2;
use std::fmt::Write;

/// Height of the frame, and its width unless it is square, in pixels.
const HEIGHT: f64 = 400.0;
const WIDTH: f64 = 560.0;
/// What stands around the frame: labels and ticks to the left and below, the title above.
const LEFT: f64 = 78.0;
const TOP: f64 = 40.0;
const BELOW: f64 = 56.0;
const RIGHT: f64 = 20.0;

/// Colours that eyes of all kinds tell apart (M. Okabe, K. Ito, *Color universal design*, 2008, without the yellow).
const COLOURS: [&str; 7] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#333333"];
/// The second time around, a colour comes with dashes.
const DASHES: [&str; 3] = ["", "7 4", "2 3"];

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pen {
    colour: &'static str,
    dashes: &'static str,
    width: f64,
}

impl Pen {
    /// A pen for the curve of this number, unlike those before it.
    #[inline] // compiled where it is used: CONTRIBUTING, "What few programs call"
    pub(crate) fn of(number: usize) -> Self {
        let dashes = DASHES[number / COLOURS.len() % DASHES.len()];
        Self { colour: COLOURS[number % COLOURS.len()], dashes, width: 2.0 }
    }

    /// For a line that marks a place: grey and dashed.
    #[inline]
    pub(crate) fn mark() -> Self {
        Self { colour: "#888888", dashes: "5 4", width: 1.5 }
    }

    /// For what lies behind another curve.
    #[inline]
    pub(crate) fn faint(self) -> Self {
        Self { colour: "#bbbbbb", width: 1.0, ..self }
    }
}

impl std::fmt::Display for Pen {
    #[inline]
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, r#"fill="none" stroke="{}" stroke-width="{}" stroke-linejoin="round""#, self.colour, self.width)?;
        if self.dashes.is_empty() { Ok(()) } else { write!(f, r#" stroke-dasharray="{}""#, self.dashes) }
    }
}

/// A frame with two axes, and what has been drawn in it.
pub(crate) struct Plot {
    title: String,
    x: Axis,
    y: Axis,
    width: f64,
    body: String,
    /// Names, and what stands before them, drawn from (0, 0) to the right, 26 wide.
    legend: Vec<(String, String)>,
    /// The lowest and the highest contour line, which stand last in the legend.
    heights: Vec<(String, String)>,
}

impl Plot {
    #[inline]
    pub(crate) fn new(title: &str, x: Axis, y: Axis) -> Self {
        Self {
            title: title.to_owned(),
            x,
            y,
            width: WIDTH,
            body: String::new(),
            legend: Vec::new(),
            heights: Vec::new(),
        }
    }

    /// A frame as wide as high, for two axes of the same kind.
    #[inline]
    pub(crate) fn square(title: &str, x: Axis, y: Axis) -> Self {
        Self { width: HEIGHT, ..Self::new(title, x, y) }
    }

    /// Pixels of a point; none where it cannot be shown.
    #[inline]
    fn place(&self, [x, y]: [f64; 2]) -> Option<(f64, f64)> {
        let (x, y) = (self.x.share(x)?, self.y.share(y)?);
        Some((LEFT + x * self.width, TOP + (1.0 - y) * HEIGHT))
    }

    /// The points as a path, which ends and begins again where one cannot be shown.
    #[inline]
    fn trace(&self, path: &mut String, points: impl IntoIterator<Item = [f64; 2]>) {
        let mut down = false;
        for point in points {
            let place = self.place(point);
            if let Some((x, y)) = place {
                put(path, format_args!("{}{x:.1},{y:.1}", if down { "L" } else { "M" }));
            }
            down = place.is_some();
        }
    }

    /// A line through the points, broken where one cannot be shown; with a name, it stands in the legend.
    #[inline]
    pub(crate) fn curve(&mut self, name: Option<&str>, points: impl IntoIterator<Item = [f64; 2]>, pen: Pen) {
        let mut path = String::new();
        self.trace(&mut path, points);
        put(&mut self.body, format_args!("<path d=\"{path}\" {pen}/>\n"));
        if let Some(name) = name {
            self.legend.push((name.to_owned(), format!("<path d=\"M0,0h26\" {pen}/>")));
        }
    }

    /// A disc at a point; with a name, it stands in the legend.
    #[inline]
    pub(crate) fn dot(&mut self, name: Option<&str>, at: [f64; 2], pen: Pen) {
        let disc = |(x, y): (f64, f64)| {
            let colour = pen.colour;
            format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4.5\" fill=\"{colour}\" stroke=\"white\"/>")
        };
        if let Some(place) = self.place(at) {
            put(&mut self.body, format_args!("{}\n", disc(place)));
            if let Some(name) = name {
                self.legend.push((name.to_owned(), disc((13.0, 0.0))));
            }
        }
    }

    /// Lines of equal height, low ones dark, over a grid whose rows are those of `y`. The legend has the heights of the lowest and the
    /// highest.
    #[inline]
    pub(crate) fn contours(&mut self, x: &[f64], y: &[f64], z: &Array2<f64>) -> Result<()> {
        let levels = levels(z.iter().copied());
        for (i, &level) in levels.iter().enumerate() {
            let mut path = String::new();
            for line in joined(&contour(x, y, z, level)?) {
                self.trace(&mut path, line);
            }
            let grey = 130 + 90 * i / levels.len();
            let line = |path: &str| {
                let (blue, height) = (grey + 20, significant(level, 4));
                format!(
                    "<path d=\"{path}\" fill=\"none\" stroke=\"rgb({grey},{grey},{blue})\" stroke-width=\"1\"><title>{height}</title></path>"
                )
            };
            put(&mut self.body, format_args!("{}\n", line(&path)));
            if i == 0 || i + 1 == levels.len() {
                self.heights.push((format!("height {}", significant(level, 2)), line("M0,0.5h26")));
            }
        }
        Ok(())
    }

    /// The whole picture.
    #[inline]
    pub(crate) fn finish(self) -> String {
        let legend: Vec<_> = self.legend.iter().chain(&self.heights).collect();
        let longest = legend.iter().map(|(name, _)| name.chars().count()).max();
        let beside = longest.map_or(0.0, |characters| 54.0 + 7.5 * characters as f64);
        let (width, height) = (LEFT + self.width + RIGHT + beside, TOP + HEIGHT + BELOW);
        let (right, bottom) = (LEFT + self.width, TOP + HEIGHT);
        let mut svg = String::new();
        put(
            &mut svg,
            format_args!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
                 viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"13\" fill=\"#222222\">\n\
                 <title>{title}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
                 <text x=\"{LEFT}\" y=\"24\" font-size=\"16\">{title}</text>\n",
                title = escape(&self.title)
            ),
        );
        for (share, label) in self.x.ticks() {
            let x = LEFT + share * self.width;
            put(
                &mut svg,
                format_args!(
                    "<path d=\"M{x:.1},{TOP}V{bottom}\" stroke=\"#eeeeee\"/>\
                     <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>\n",
                    bottom + 18.0
                ),
            );
        }
        for (share, label) in self.y.ticks() {
            let y = TOP + (1.0 - share) * HEIGHT;
            put(
                &mut svg,
                format_args!(
                    "<path d=\"M{LEFT},{y:.1}H{right}\" stroke=\"#eeeeee\"/>\
                     <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>\n",
                    LEFT - 7.0,
                    y + 4.5
                ),
            );
        }
        let (middle_x, middle_y) = (LEFT + self.width / 2.0, TOP + HEIGHT / 2.0);
        // An inner svg element cuts off what leaves the frame, and needs no name to do so.
        put(
            &mut svg,
            format_args!(
                "<svg x=\"{LEFT}\" y=\"{TOP}\" width=\"{w}\" height=\"{HEIGHT}\" viewBox=\"{LEFT} {TOP} {w} {HEIGHT}\" \
                 overflow=\"hidden\">\n{body}</svg>\n\
                 <rect x=\"{LEFT}\" y=\"{TOP}\" width=\"{w}\" height=\"{HEIGHT}\" fill=\"none\" stroke=\"#444444\"/>\n\
                 <text x=\"{middle_x}\" y=\"{below}\" text-anchor=\"middle\">{x}</text>\n\
                 <text transform=\"translate(18 {middle_y}) rotate(-90)\" text-anchor=\"middle\">{y}</text>\n",
                w = self.width,
                body = self.body,
                below = bottom + 42.0,
                x = escape(self.x.label()),
                y = escape(self.y.label()),
            ),
        );
        for (i, (name, mark)) in legend.into_iter().enumerate() {
            let (x, y) = (right + 16.0, TOP + 12.0 + 22.0 * i as f64);
            put(
                &mut svg,
                format_args!(
                    "<g transform=\"translate({x} {y})\">{mark}</g><text x=\"{}\" y=\"{}\">{}</text>\n",
                    x + 34.0,
                    y + 4.5,
                    escape(name)
                ),
            );
        }
        svg.push_str("</svg>\n");
        svg
    }
}

#[inline]
fn put(text: &mut String, what: std::fmt::Arguments<'_>) {
    text.write_fmt(what).expect("a string takes all that is written");
}

/// Text as XML wants it: names come from outside.
#[inline]
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_stand_where_they_should() {
        let mut plot = Plot::square("a < b", Axis::exact("x", 0.0, 1.0), Axis::exact("y", 0.0, 1.0));
        let gap = [[0.0, 0.0], [1.0, 1.0], [f64::NAN, 0.5], [0.5, 0.0]];
        plot.curve(Some("r & d"), gap, Pen::of(0));
        let svg = plot.finish();
        assert!(svg.contains("M78.0,440.0L478.0,40.0M278.0,440.0"), "{svg}");
        assert!(svg.contains("a &lt; b") && svg.contains("r &amp; d"), "{svg}");
        assert_eq!(svg.matches("<svg").count(), svg.matches("</svg>").count());
    }

    #[test]
    fn the_legend_names_dots_and_the_heights_of_contour_lines() {
        let mut plot = Plot::square("", Axis::exact("x", 0.0, 1.0), Axis::exact("y", 0.0, 1.0));
        plot.contours(&[0.0, 0.5, 1.0], &[0.0, 1.0], &ndarray::array![[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]).unwrap();
        plot.curve(Some("path"), [[0.0, 0.0], [1.0, 1.0]], Pen::of(0));
        plot.dot(Some("start"), [0.5, 0.5], Pen::mark());
        plot.dot(None, [1.0, 1.0], Pen::of(0));
        plot.dot(Some("nowhere"), [f64::NAN, 0.5], Pen::mark());
        let svg = plot.finish();
        let place = |text: &str| svg.find(text).unwrap_or_else(|| panic!("{text} is not in {svg}"));
        assert!(place(">path<") < place(">start<") && place(">start<") < place(">height 0<"), "{svg}");
        assert!(!svg.contains("nowhere"));
        assert_eq!((svg.matches("<circle").count(), svg.matches(">height ").count()), (3, 2), "{svg}");
    }

    #[test]
    fn no_two_of_the_first_curves_look_alike() {
        for i in 0..21 {
            assert!((0..i).all(|j| Pen::of(i) != Pen::of(j)), "{i}");
        }
    }
}
