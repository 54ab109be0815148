//! What the pictures of this crate have in common: a frame with axes, bars and lines in it, names beside it.

use std::fmt::{Arguments, Write};

const LEFT: f64 = 64.0;
const TOP: f64 = 44.0;
const BELOW: f64 = 56.0;

/// Colours that eyes of all kinds tell apart (after M. Okabe, K. Ito, *Color universal design*, 2008).
pub(crate) const RIGHT_COLOUR: &str = "#1f83c4";
pub(crate) const WRONG_COLOUR: &str = "#d9660b";
pub(crate) const SHY_COLOUR: &str = "#7fbfa5";

/// A picture whose frame spans 0 to 1 in both directions.
pub(crate) struct Page {
    svg: String,
    left: f64,
    size: [f64; 2],
}

impl Page {
    /// A frame of this size, with room for names to the right of it.
    pub(crate) fn new(title: &str, size: [f64; 2], beside: f64) -> Self {
        Self::with_margin(title, size, LEFT, beside)
    }

    /// Also with as much room to the left.
    pub(crate) fn with_margin(title: &str, size: [f64; 2], left: f64, beside: f64) -> Self {
        let (width, height, title) = (left + size[0] + 24.0 + beside, TOP + size[1] + BELOW, escape(title));
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             font-family=\"sans-serif\" font-size=\"13\" fill=\"#222222\">\n<title>{title}</title>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n<text x=\"16\" y=\"26\" font-size=\"16\">{title}</text>\n"
        );
        Self { svg, left, size }
    }

    /// Pixels of a point of the frame.
    fn place(&self, [x, y]: [f64; 2]) -> (f64, f64) {
        (self.left + x * self.size[0], TOP + (1.0 - y) * self.size[1])
    }

    fn put(&mut self, element: Arguments<'_>) {
        writeln!(self.svg, "{element}").expect("a string takes all that is written");
    }

    /// Frame, labels and ticks: on the horizontal axis, and on the vertical one too if both are alike.
    pub(crate) fn axes(&mut self, [x, y]: [&str; 2], ticks: &[(f64, String)], both: bool) {
        let ((left, bottom), (right, top)) = (self.place([0.0, 0.0]), self.place([1.0, 1.0]));
        for (tick, label) in ticks {
            let (at_x, at_y) = self.place([*tick, *tick]);
            self.put(format_args!("<path d=\"M{at_x:.1},{top}V{bottom}\" stroke=\"#e6e6e6\"/>"));
            self.text((at_x, bottom + 18.0), "middle", label);
            if both {
                self.put(format_args!("<path d=\"M{left},{at_y:.1}H{right}\" stroke=\"#e6e6e6\"/>"));
                self.text((left - 7.0, at_y + 4.5), "end", label);
            }
        }
        let [width, height] = self.size;
        self.put(format_args!(
            "<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" fill=\"none\" stroke=\"#555555\"/>"
        ));
        self.text(((left + right) / 2.0, bottom + 42.0), "middle", x);
        let (at, y) = ((top + bottom) / 2.0, escape(y));
        self.put(format_args!("<text transform=\"translate(20 {at}) rotate(-90)\" text-anchor=\"middle\">{y}</text>"));
    }

    /// A bar between two corners, which says something to who points at it.
    pub(crate) fn bar(&mut self, from: [f64; 2], to: [f64; 2], colour: &str, opacity: f64, says: &str) {
        let ((x, bottom), (right, y)) = (self.place(from), self.place(to));
        let (width, height, says) = ((right - x).max(0.5), (bottom - y).max(0.0), escape(says));
        self.put(format_args!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{colour}\" \
             fill-opacity=\"{opacity}\"><title>{says}</title></rect>"
        ));
    }

    /// A line, dashed or not.
    pub(crate) fn line(&mut self, from: [f64; 2], to: [f64; 2], dashed: bool) {
        let ((x1, y1), (x2, y2)) = (self.place(from), self.place(to));
        let dashes = if dashed { " stroke-dasharray=\"6 4\"" } else { "" };
        self.put(format_args!(
            "<path d=\"M{x1:.1},{y1:.1}L{x2:.1},{y2:.1}\" stroke=\"#222222\" stroke-width=\"1.5\"{dashes}/>"
        ));
    }

    /// A dot, for a single measurement.
    pub(crate) fn dot(&mut self, at: [f64; 2]) {
        let (x, y) = self.place(at);
        self.put(format_args!(
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.5\" fill=\"#222222\" fill-opacity=\"0.55\"/>"
        ));
    }

    /// Text just above a point of the frame.
    pub(crate) fn above(&mut self, at: [f64; 2], text: &str) {
        let (x, y) = self.place(at);
        self.text((x, y - 4.0), "middle", text);
    }

    /// A name to the left of the frame, at this height.
    pub(crate) fn name(&mut self, y: f64, name: &str) {
        let (x, y) = self.place([0.0, y]);
        self.text((x - 8.0, y + 4.5), "end", name);
    }

    /// Text to the right of the frame, at this height.
    pub(crate) fn value(&mut self, y: f64, text: &str) {
        let (x, y) = self.place([1.0, y]);
        self.text((x + 10.0, y + 4.5), "start", text);
    }

    /// What a colour stands for, in this line beside the frame.
    pub(crate) fn legend(&mut self, line: usize, colour: &str, name: &str) {
        let (x, y) = self.beside(line);
        self.put(format_args!(
            "<rect x=\"{x}\" y=\"{}\" width=\"14\" height=\"10\" fill=\"{colour}\" fill-opacity=\"0.8\"/>",
            y - 9.0
        ));
        self.text((x + 20.0, y), "start", name);
    }

    /// A remark in this line beside the frame.
    pub(crate) fn note(&mut self, line: usize, text: &str) {
        let at = self.beside(line);
        self.text(at, "start", text);
    }

    fn beside(&self, line: usize) -> (f64, f64) {
        let (x, y) = self.place([1.0, 1.0]);
        (x + 14.0, y + 14.0 + 22.0 * line as f64)
    }

    fn text(&mut self, (x, y): (f64, f64), anchor: &str, text: &str) {
        let text = escape(text);
        self.put(format_args!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"));
    }

    pub(crate) fn finish(mut self) -> String {
        self.svg.push_str("</svg>\n");
        self.svg
    }
}

/// Round numbers among these two, three to seven of them where there is room between them.
pub(crate) fn ticks(low: f64, high: f64) -> Vec<f64> {
    let power = 10_f64.powf(((high - low) / 3.0).log10().floor());
    let fits = |step: &f64| (high / step).floor() - (low / step).ceil() >= 2.0;
    let step = [5.0, 2.0, 1.0].map(|times| times * power).into_iter().find(fits).unwrap_or(power);
    ((low / step).ceil() as i64..=(high / step).floor() as i64).map(|i| i as f64 * step).collect()
}

/// Text as XML wants it: names come from outside.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
