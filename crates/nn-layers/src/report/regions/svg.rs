//! Regions as SVG text: each class has a colour and a shape, a sample in the wrong region is crossed out.

use super::{CELLS, DecisionRegions};
use std::fmt::Write;

/// Pixels of a cell, of the frame, and of what stands around it.
const CELL: usize = 2;
const SIDE: f64 = (CELL * CELLS) as f64;
const LEFT: f64 = 52.0;
const TOP: f64 = 44.0;
const BELOW: f64 = 74.0;
const RIGHT: f64 = 20.0;

/// Colours that eyes of all kinds tell apart (M. Okabe, K. Ito, *Color universal design*, 2008).
const COLOURS: [&str; 7] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#555555"];
/// Marks of samples around (0, 0): a disc, a square, a triangle, a diamond.
const MARKS: [&str; 4] =
    ["M-7,0a7,7 0 1,0 14,0a7,7 0 1,0 -14,0Z", "M-6.5,-6.5h13v13h-13Z", "M0,-8L8,6H-8Z", "M0,-9L9,0L0,9L-9,0Z"];
const CROSS: &str = "M-11,-11L11,11M-11,11L11,-11";

impl DecisionRegions {
    /// The picture as SVG text, to be written to a file and opened in a browser.
    ///
    /// Each region is pale in its class's colour, a dark line is between them. A sample has the colour and the shape of its own
    /// class; where the model gives it another, it is crossed out.
    #[must_use]
    #[inline] // compiled where it is used: CONTRIBUTING, "What few programs call"
    pub fn svg(&self, title: &str) -> String {
        let (width, height) = (LEFT + SIDE + RIGHT, TOP + SIDE + BELOW);
        let mut svg = String::new();
        put(
            &mut svg,
            format_args!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
                 font-family=\"sans-serif\" font-size=\"13\" fill=\"#222222\">\n<title>{title}</title>\n\
                 <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
                 <text x=\"{LEFT}\" y=\"28\" font-size=\"16\">{title}</text>\n\
                 <g transform=\"translate({LEFT} {TOP})\">\n",
                title = escape(title)
            ),
        );
        for class in 0..self.classes {
            let (path, colour) = (self.region(class), colour(class));
            put(
                &mut svg,
                format_args!(
                    "<path d=\"{path}\" fill=\"{colour}\" fill-opacity=\"0.28\" shape-rendering=\"crispEdges\"/>\n"
                ),
            );
        }
        let path = self.boundary();
        put(
            &mut svg,
            format_args!(
                "<path d=\"{path}\" fill=\"none\" stroke=\"#222222\" stroke-width=\"2\" stroke-linecap=\"square\"/>\n"
            ),
        );
        self.ticks(&mut svg);
        // Large where there is room, small where there are many.
        let scale = (6.0 / (self.points.len() as f64).sqrt()).clamp(0.5, 1.5);
        for (point, (&label, predicted)) in self.points.iter().zip(self.labels.iter().zip(&self.predicted)) {
            let at = [share(&self.x, point[0]) * SIDE, (1.0 - share(&self.y, point[1])) * SIDE];
            mark(&mut svg, at, scale, label, *predicted != Some(label));
        }
        put(&mut svg, format_args!("<rect width=\"{SIDE}\" height=\"{SIDE}\" fill=\"none\" stroke=\"#444444\"/>\n"));
        self.legend(&mut svg);
        svg.push_str("</g>\n</svg>\n");
        svg
    }

    /// The cells of a class, row by row, those side by side as one.
    #[inline]
    fn region(&self, class: usize) -> String {
        let mut path = String::new();
        for (i, row) in self.regions.rows().into_iter().enumerate() {
            let mut j = 0;
            while j < CELLS {
                let run = row.iter().skip(j).take_while(|cell| **cell == Some(class)).count();
                if run > 0 {
                    let (x, y, width) = (CELL * j, CELL * (CELLS - 1 - i), CELL * run);
                    put(&mut path, format_args!("M{x},{y}h{width}v{CELL}h-{width}Z"));
                }
                j += run.max(1);
            }
        }
        path
    }

    /// The edges between cells of different classes.
    #[inline]
    fn boundary(&self) -> String {
        let mut path = String::new();
        for ((i, j), class) in self.regions.indexed_iter() {
            let (x, y) = (CELL * j, CELL * (CELLS - 1 - i));
            if j > 0 && self.regions[(i, j - 1)] != *class {
                put(&mut path, format_args!("M{x},{y}v{CELL}"));
            }
            if i > 0 && self.regions[(i - 1, j)] != *class {
                put(&mut path, format_args!("M{x},{}h{CELL}", y + CELL));
            }
        }
        path
    }

    /// Round numbers along both axes.
    #[inline]
    fn ticks(&self, svg: &mut String) {
        for (tick, label) in ticks(&self.x) {
            let (x, y) = (share(&self.x, tick) * SIDE, SIDE + 18.0);
            put(
                svg,
                format_args!(
                    "<path d=\"M{x:.1},{SIDE}v5\" stroke=\"#444444\"/><text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">{label}</text>\n"
                ),
            );
        }
        for (tick, label) in ticks(&self.y) {
            let y = (1.0 - share(&self.y, tick)) * SIDE;
            put(
                svg,
                format_args!(
                    "<path d=\"M0,{y:.1}h-5\" stroke=\"#444444\"/><text x=\"-9\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>\n",
                    y + 4.5
                ),
            );
        }
    }

    /// Which mark is which class, below the frame, as far as there is room.
    #[inline]
    fn legend(&self, svg: &mut String) {
        let y = SIDE + 48.0;
        let wrong = !self.mistakes().is_empty();
        let columns = ((SIDE / 92.0) as usize) - usize::from(wrong);
        for class in 0..self.classes.min(columns) {
            let x = 12.0 + 92.0 * class as f64;
            mark(svg, [x, y], 1.0, class, false);
            put(svg, format_args!("<text x=\"{}\" y=\"{}\">class {class}</text>\n", x + 16.0, y + 4.5));
        }
        if wrong {
            let x = SIDE - 70.0;
            put(
                svg,
                format_args!(
                    "<path transform=\"translate({x} {y})\" d=\"{CROSS}\" stroke=\"black\" stroke-width=\"3\"/>"
                ),
            );
            put(svg, format_args!("<text x=\"{}\" y=\"{}\">wrong</text>\n", x + 20.0, y + 4.5));
        }
    }
}

#[inline]
fn colour(class: usize) -> &'static str {
    COLOURS[class % COLOURS.len()]
}

/// A sample of a class; crossed out if the model is wrong about it.
#[inline]
fn mark(svg: &mut String, [x, y]: [f64; 2], scale: f64, class: usize, wrong: bool) {
    let (path, colour) = (MARKS[class % MARKS.len()], colour(class));
    put(
        svg,
        format_args!(
            "<g transform=\"translate({x:.1} {y:.1}) scale({scale:.2})\"><path d=\"{path}\" fill=\"{colour}\" stroke=\"white\" stroke-width=\"1.5\"/>"
        ),
    );
    if wrong {
        put(svg, format_args!("<path d=\"{CROSS}\" stroke=\"black\" stroke-width=\"2.5\" fill=\"none\"/>"));
    }
    svg.push_str("</g>\n");
}

/// Where a coordinate lies in the frame: 0 at its low edge, 1 at the high one.
#[inline]
fn share(middles: &[f64], coordinate: f64) -> f64 {
    let (low, high) = (middles[0], middles[CELLS - 1]);
    ((coordinate - low) / (high - low) * (CELLS - 1) as f64 + 0.5) / CELLS as f64
}

/// Multiples of 1, 2 or 5 times a power of ten within the frame, three to eight of them.
#[inline]
fn ticks(middles: &[f64]) -> Vec<(f64, String)> {
    let (low, high) = (middles[0], middles[CELLS - 1]);
    let rough = (high - low) / 6.0;
    let power = 10_f64.powf(rough.log10().floor());
    let step = power * [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| factor * power >= rough).unwrap_or(10.0);
    let decimals = usize::try_from(-(step.log10() + 1e-9).floor() as i64).unwrap_or(0);
    let first = (low / step).ceil();
    let multiples = (0..10).map(|i| (first + f64::from(i)) * step).take_while(|tick| *tick <= high);
    let written = |tick: f64| {
        if decimals > 6 || tick.abs() >= 1e6 { format!("{tick:.2e}") } else { format!("{:.decimals$}", tick + 0.0) }
    };
    multiples.map(|tick| (tick, written(tick))).collect()
}

#[inline]
fn put(text: &mut String, what: std::fmt::Arguments<'_>) {
    text.write_fmt(what).expect("a string takes all that is written");
}

/// Text as XML wants it.
#[inline]
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
