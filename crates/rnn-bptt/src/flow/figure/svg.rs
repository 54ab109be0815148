//! A figure as SVG text.

use super::Figure;
use std::fmt::{Arguments, Write};

/// The frame, and what stands around it, in pixels.
const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 360.0;
pub(in super::super) const LEFT: f64 = 76.0;
const TOP: f64 = 44.0;
const BELOW: f64 = 54.0;
const RIGHT: f64 = 20.0;

/// Colours that eyes of all kinds tell apart, and that stand out from white and from black (after M. Okabe, K. Ito, *Color universal
/// design*, 2008).
pub(super) const COLOURS: [&str; 6] = ["#1f83c4", "#d9660b", "#0a9b74", "#c56fa0", "#b8900a", "#8a7bd8"];
/// The second time around, a colour comes with dashes.
const DASHES: [&str; 3] = ["", " stroke-dasharray=\"8 4\"", " stroke-dasharray=\"2 3\""];

/// The outer parts of a picture: size, title, ground, and what is written on it.
pub(in super::super) struct Page {
    svg: String,
}

impl Page {
    #[inline] // compiled where it is used: CONTRIBUTING, "What few programs call"
    pub(in super::super) fn new(width: f64, height: f64, title: &str) -> Self {
        let title = escape(title);
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
             <title>{title}</title>\n\
             <style>\n.ground{{fill:#ffffff}} text{{fill:#222222}} .grid{{stroke:#e6e6e6}} .frame{{stroke:#555555}}\n\
             @media (prefers-color-scheme: dark){{.ground{{fill:#16181c}} text{{fill:#dddddd}} .grid{{stroke:#33363c}} \
             .frame{{stroke:#9a9a9a}}}}\n</style>\n\
             <rect class=\"ground\" width=\"100%\" height=\"100%\"/>\n\
             <text x=\"{LEFT}\" y=\"26\" font-size=\"16\">{title}</text>\n"
        );
        Self { svg }
    }

    #[inline]
    pub(in super::super) fn put(&mut self, element: Arguments<'_>) {
        writeln!(self.svg, "{element}").expect("a string takes all that is written");
    }

    /// Text at a point, `start`, `middle` or `end` there.
    #[inline]
    pub(in super::super) fn text(&mut self, (x, y): (f64, f64), anchor: &str, text: &str) {
        let text = escape(text);
        self.put(format_args!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"));
    }

    /// Text that reads upwards.
    #[inline]
    pub(in super::super) fn upwards(&mut self, (x, y): (f64, f64), text: &str) {
        let text = escape(text);
        self.put(format_args!(
            "<text transform=\"translate({x:.1} {y:.1}) rotate(-90)\" text-anchor=\"middle\">{text}</text>"
        ));
    }

    #[inline]
    pub(in super::super) fn frame(&mut self, (x, y): (f64, f64), (width, height): (f64, f64)) {
        self.put(format_args!(
            "<rect class=\"frame\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"none\"/>"
        ));
    }

    #[inline]
    pub(in super::super) fn finish(mut self) -> String {
        self.svg.push_str("</svg>\n");
        self.svg
    }
}

impl Figure {
    /// The figure as SVG text: a frame with ticks, the curves, a legend.
    #[must_use]
    #[inline]
    pub fn to_svg(&self) -> String {
        let (x, y) = self.axes();
        let longest = self.curves.iter().map(|curve| curve.name.chars().count()).max();
        let beside = longest.map_or(0.0, |characters| 56.0 + 7.5 * characters as f64);
        let (right, bottom) = (LEFT + WIDTH, TOP + HEIGHT);
        let mut page = Page::new(right + RIGHT + beside, bottom + BELOW, &self.title);
        for (share, label) in x.ticks(10) {
            let at = LEFT + share * WIDTH;
            page.put(format_args!("<path class=\"grid\" d=\"M{at:.1},{TOP}V{bottom}\"/>"));
            page.text((at, bottom + 18.0), "middle", &label);
        }
        for (share, label) in y.ticks(8) {
            let at = bottom - share * HEIGHT;
            page.put(format_args!("<path class=\"grid\" d=\"M{LEFT},{at:.1}H{right}\"/>"));
            page.text((LEFT - 7.0, at + 4.5), "end", &label);
        }
        page.frame((LEFT, TOP), (WIDTH, HEIGHT));
        page.text((LEFT + WIDTH / 2.0, bottom + 42.0), "middle", self.x_label);
        page.upwards((18.0, TOP + HEIGHT / 2.0), self.y_label);
        for (number, curve) in self.curves.iter().enumerate() {
            let pen = format!(
                "fill=\"none\" stroke=\"{}\" stroke-width=\"2\" stroke-linejoin=\"round\" stroke-linecap=\"round\"{}",
                COLOURS[curve.pen[0] % COLOURS.len()],
                DASHES[curve.pen[1] % DASHES.len()]
            );
            let mut path = String::new();
            let mut down = false;
            for (step, &value) in curve.values.iter().enumerate() {
                if value.is_finite() {
                    let (px, py) = (LEFT + x.share(step as f64) * WIDTH, bottom - y.share(value) * HEIGHT);
                    let pen = if down { 'L' } else { 'M' };
                    write!(path, "{pen}{px:.1},{py:.1}").expect("a string takes all that is written");
                    // A point between two gaps is seen, too.
                    if !down {
                        path.push_str("h0");
                    }
                }
                down = value.is_finite();
            }
            page.put(format_args!("<path class=\"curve\" d=\"{path}\" {pen}/>"));
            let (at, height) = (right + 16.0, TOP + 12.0 + 22.0 * number as f64);
            page.put(format_args!("<path d=\"M{at},{height}h26\" {pen}/>"));
            page.text((at + 34.0, height + 4.5), "start", &curve.name);
        }
        page.finish()
    }
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
        let values = vec![0.0, 0.5, f64::NAN, 1.0, 1.0];
        let svg = Figure::shares("a < b", "share").curve("r & d", values).to_svg();
        assert!(svg.contains("M76.0,404.0h0L216.0,224.0M496.0,44.0h0L636.0,44.0"), "{svg}");
        assert!(svg.contains("a &lt; b") && svg.contains("r &amp; d"));
        assert_eq!(svg.matches("class=\"curve\"").count(), 1);
        let empty = Figure::gradients("").to_svg();
        assert!(empty.ends_with("</svg>\n") && !empty.contains("NaN") && !empty.contains("inf"));
    }

    #[test]
    fn the_first_curves_look_different() {
        let figure = (0..18).fold(Figure::shares("", ""), |figure, i| figure.curve(&format!("c{i}"), vec![0.0]));
        let svg = figure.to_svg();
        let mut pens: Vec<_> = svg.lines().filter(|line| line.contains("class=\"curve\"")).collect();
        pens.sort_unstable();
        pens.dedup();
        assert_eq!(pens.len(), 18);
    }
}
