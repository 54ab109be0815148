//! Frames with curves, beside each other, as SVG text.

const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 250.0;
const LEFT: f64 = 60.0;
const TOP: f64 = 34.0;
/// From one frame to the next.
const NEXT: f64 = WIDTH + LEFT + 14.0;

/// Colours that eyes of all kinds tell apart (M. Okabe, K. Ito, *Color universal design*, 2008).
const COLOURS: [&str; 8] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#333333", "#999999"];

/// An axis: its name, where it begins and ends, the numbers at it and their texts. A logarithmic one is the logarithms'
/// axis.
pub(crate) struct Axis {
    pub(crate) name: &'static str,
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) ticks: Vec<(f64, String)>,
}

impl Axis {
    fn share(&self, value: f64) -> f64 {
        (value - self.from) / (self.to - self.from)
    }
}

/// Frames with axes in common, and a legend of curves below.
pub(crate) struct Chart {
    x: Axis,
    y: Axis,
    body: String,
    frames: usize,
    legend: Vec<String>,
}

impl Chart {
    pub(crate) fn new(x: Axis, y: Axis) -> Self {
        Self { x, y, body: String::new(), frames: 0, legend: Vec::new() }
    }

    /// Begins the next frame.
    pub(crate) fn frame(&mut self, title: &str) {
        let left = LEFT + self.frames as f64 * NEXT;
        self.frames += 1;
        let (middle, bottom) = (left + WIDTH / 2.0, TOP + HEIGHT);
        let mut body = format!(
            "<rect x=\"{left}\" y=\"{TOP}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"none\" stroke=\"#999\"/>\n\
             <text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\" font-weight=\"bold\">{title}</text>\n\
             <text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n",
            TOP - 12.0,
            bottom + 36.0,
            self.x.name
        );
        for (value, text) in &self.x.ticks {
            let x = left + WIDTH * self.x.share(*value);
            let y = bottom + 17.0;
            body += &format!(
                "<path d=\"M{x:.1},{TOP}v{HEIGHT}\" stroke=\"#e4e4e4\"/>\n\
                 <text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">{text}</text>\n"
            );
        }
        for (value, text) in &self.y.ticks {
            let y = bottom - HEIGHT * self.y.share(*value);
            let (x, below) = (left - 6.0, y + 4.0);
            body += &format!(
                "<path d=\"M{left},{y:.1}h{WIDTH}\" stroke=\"#e4e4e4\"/>\n\
                 <text x=\"{x}\" y=\"{below:.1}\" text-anchor=\"end\">{text}</text>\n"
            );
        }
        self.body += &body;
    }

    fn place(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let left = LEFT + self.frames.saturating_sub(1) as f64 * NEXT;
        (left + WIDTH * self.x.share(x), TOP + HEIGHT * (1.0 - self.y.share(y)))
    }

    /// The colour of a name, which stands in the legend once.
    fn colour(&mut self, name: &str) -> &'static str {
        let number = self.legend.iter().position(|known| known == name).unwrap_or_else(|| {
            self.legend.push(name.to_owned());
            self.legend.len() - 1
        });
        COLOURS[number % COLOURS.len()]
    }

    /// A line through points of the current frame.
    pub(crate) fn curve(&mut self, name: &str, points: &[(f64, f64)]) {
        let colour = self.colour(name);
        let mut path = String::new();
        for point in points {
            let (x, y) = self.place(*point);
            path += &format!("{}{x:.1},{y:.1}", if path.is_empty() { "M" } else { "L" });
        }
        self.body += &format!("<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\n");
    }

    /// Discs at points of the current frame.
    pub(crate) fn dots(&mut self, name: &str, points: &[(f64, f64)]) {
        let colour = self.colour(name);
        for point in points {
            let (x, y) = self.place(*point);
            self.body += &format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.5\" fill=\"{colour}\"/>\n");
        }
    }

    /// The picture.
    pub(crate) fn svg(&self) -> String {
        let width = self.frames as f64 * NEXT + 16.0;
        let (legend, columns) = (TOP + HEIGHT + 62.0, (width / 250.0).max(1.0) as usize);
        let height = legend + 18.0 * self.legend.len().div_ceil(columns) as f64;
        let middle = TOP + HEIGHT / 2.0;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{}\
             <text transform=\"translate(14,{middle}) rotate(-90)\" text-anchor=\"middle\">{}</text>\n",
            self.body, self.y.name
        );
        for (number, name) in self.legend.iter().enumerate() {
            let (x, y) = (LEFT + 250.0 * (number % columns) as f64, legend + 18.0 * (number / columns) as f64);
            let colour = COLOURS[number % COLOURS.len()];
            svg += &format!(
                "<path d=\"M{x},{y}h24\" stroke=\"{colour}\" stroke-width=\"3\"/>\n<text x=\"{}\" y=\"{}\">{name}</text>\n",
                x + 30.0,
                y + 4.0
            );
        }
        svg + "</svg>\n"
    }
}
