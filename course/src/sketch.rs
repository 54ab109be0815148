//! Pictures put together from rectangles, lines and letters, as SVG.

use std::fmt::Write;

/// A picture with its own coordinates: pixels, from the top left corner.
///
/// # Examples
/// ```
/// use gradus_course::{Sketch, diverging};
/// let mut sketch = Sketch::new(120.0, 60.0);
/// sketch.rectangle((10.0, 10.0), (40.0, 40.0), &diverging(-0.5), "#888");
/// sketch.arrow((50.0, 30.0), (100.0, 30.0), "#444");
/// sketch.text((30.0, 35.0), 14.0, "middle", "x < 1");
/// assert!(sketch.svg().contains("x &lt; 1"));
/// ```
#[derive(Debug, Clone)]
pub struct Sketch {
    size: (f64, f64),
    body: String,
}

impl Sketch {
    /// An empty picture of this width and height.
    #[must_use]
    pub fn new(width: f64, height: f64) -> Self {
        Self { size: (width, height), body: String::new() }
    }

    /// A rectangle from its top left corner, with its width and height; `none` leaves it without filling, or without a border.
    pub fn rectangle(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), fill: &str, stroke: &str) {
        self.push(format_args!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{fill}\" stroke=\"{stroke}\"/>\n"
        ));
    }

    /// Numbers between −1 and 1 as squares in the colours of [`diverging`], a row below the other, from the top left corner.
    pub fn tiles(&mut self, (x, y): (f64, f64), side: f64, rows: &[Vec<f64>]) {
        for (i, row) in rows.iter().enumerate() {
            for (j, &number) in row.iter().enumerate() {
                let (left, top, side) = (x + j as f64 * side, y + i as f64 * side, side - 1.0);
                let fill = diverging(number);
                self.push(format_args!("<path d=\"M{left} {top}h{side}v{side}h-{side}z\" fill=\"{fill}\"/>\n"));
            }
        }
    }

    /// A circle around a point.
    pub fn circle(&mut self, (x, y): (f64, f64), radius: f64, fill: &str, stroke: &str) {
        self.push(format_args!(
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\" fill=\"{fill}\" stroke=\"{stroke}\"/>\n"
        ));
    }

    /// A line between two points.
    pub fn line(&mut self, (x, y): (f64, f64), (to_x, to_y): (f64, f64), stroke: &str, width: f64) {
        self.push(format_args!(
            "<line x1=\"{x:.1}\" y1=\"{y:.1}\" x2=\"{to_x:.1}\" y2=\"{to_y:.1}\" stroke=\"{stroke}\" stroke-width=\"{width}\"/>\n"
        ));
    }

    /// A line with a head at its end.
    pub fn arrow(&mut self, from: (f64, f64), to: (f64, f64), stroke: &str) {
        const HEAD: f64 = 8.0;
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = dx.hypot(dy).max(1e-9);
        let (dx, dy) = (dx / length * HEAD, dy / length * HEAD);
        let base = (to.0 - dx, to.1 - dy);
        self.line(from, base, stroke, 1.5);
        let [left, right] = [0.5, -0.5].map(|side| (base.0 - side * dy, base.1 + side * dx));
        self.push(format_args!(
            "<polygon points=\"{:.1},{:.1} {:.1},{:.1} {:.1},{:.1}\" fill=\"{stroke}\"/>\n",
            to.0, to.1, left.0, left.1, right.0, right.1
        ));
    }

    /// Letters of this size on a base line; the anchor, `start`, `middle` or `end`, is what of them stands at the point.
    pub fn text(&mut self, (x, y): (f64, f64), size: f64, anchor: &str, text: &str) {
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        self.push(format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" font-family=\"sans-serif\" font-size=\"{size}\" text-anchor=\"{anchor}\" \
             fill=\"#222\">{text}</text>\n"
        ));
    }

    /// The picture, on white.
    #[must_use]
    pub fn svg(&self) -> String {
        let (width, height) = self.size;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n{}</svg>\n",
            self.body
        )
    }

    fn push(&mut self, element: std::fmt::Arguments<'_>) {
        self.body.write_fmt(element).expect("a string takes all that is written");
    }
}

/// The colour of a number between −1, blue, and 1, red; 0 is white.
#[must_use]
pub fn diverging(number: f64) -> String {
    let ends = if number < 0.0 { [33.0, 102.0, 172.0] } else { [178.0, 24.0, 43.0] };
    let share = number.abs().min(1.0);
    let [red, green, blue] = ends.map(|end| (255.0 + share * (end - 255.0)).round() as u8);
    format!("#{red:02x}{green:02x}{blue:02x}")
}
