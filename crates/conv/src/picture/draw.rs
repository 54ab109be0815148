//! Panels side by side as SVG text.

use super::scale::{NOT_FINITE, Scale};
use super::{Panel, Tile};
use crate::{Error, Result};
use std::fmt::Write;

/// About how wide and high the tiles of a panel are together, in pixels of the picture.
const SIDE: f64 = 360.0;
/// Space around and between.
const MARGIN: f64 = 24.0;
const GAP: f64 = 8.0;
/// The width of a title's letter, for each pixel of its size: about.
const LETTER: f64 = 0.56;
/// The height of a tile's label, and of the titles.
const LABEL: f64 = 15.0;
const TITLE: f64 = 34.0;
/// The bar of the scale, the space before it, and what stands beside it.
const BAR: f64 = 14.0;
const BESIDE: f64 = 14.0;
const TICKS: f64 = 62.0;
const STEPS: usize = 60;

/// A picture of panels side by side, each with its title above and its scale beside it, as SVG text.
///
/// # Errors
/// [`Error::Picture`] without panels, or for a panel without tiles.
#[inline] // compiled where it is used: CONTRIBUTING, "What few programs call"
pub fn svg(title: &str, panels: &[Panel]) -> Result<String> {
    if panels.is_empty() {
        return Err(Error::Picture { panel: title.to_owned(), found: vec![0], expected: "at least one panel" });
    }
    let mut body = String::new();
    let (mut x, mut height) = (MARGIN, 0_f64);
    for panel in panels {
        let layout = Layout::of(panel)?;
        layout.draw(panel, x, MARGIN + TITLE, &mut body);
        let title = panel.title.chars().count() as f64 * 14.0 * LETTER;
        x += (layout.width + BESIDE + BAR + TICKS).max(title) + MARGIN;
        height = height.max(layout.height);
    }
    let characters = title.chars().count() as f64 * 17.0 * LETTER + 2.0 * MARGIN;
    let (width, height) = (x.max(characters), 2.0 * MARGIN + 2.0 * TITLE + height);
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#222222\">\n\
         <title>{title}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{MARGIN}\" y=\"{y}\" font-size=\"17\">{title}</text>\n{body}</svg>\n",
        title = escape(title),
        y = MARGIN + 8.0,
    ))
}

/// Where the tiles of a panel stand.
struct Layout {
    columns: usize,
    /// Pixels of the picture for a pixel of a tile.
    pixel: f64,
    /// Of the largest tile, with its label and the gap after it.
    tile: (f64, f64),
    label: f64,
    width: f64,
    height: f64,
}

impl Layout {
    #[inline]
    fn of(panel: &Panel) -> Result<Self> {
        let refused = || Error::Picture { panel: panel.title.clone(), found: vec![0], expected: "at least one tile" };
        let most = |axis: usize| panel.tiles.iter().map(|tile| tile.pixels.shape()[axis]).max();
        let (rows, columns) = most(0).zip(most(1)).ok_or_else(refused)?;
        let count = panel.tiles.len();
        let square = (count as f64 * rows as f64 / columns as f64).sqrt().ceil() as usize;
        let across = panel.columns.unwrap_or(square).clamp(1, count);
        let down = count.div_ceil(across);
        let pixel = (SIDE / (across * columns).max(down * rows) as f64).floor().clamp(3.0, 36.0);
        let label = if panel.tiles.iter().all(|tile| tile.label.is_empty()) { 0.0 } else { LABEL };
        let tile = (pixel * columns as f64 + GAP, pixel * rows as f64 + GAP + label);
        let (width, height) = (across as f64 * tile.0 - GAP, down as f64 * tile.1 - GAP);
        Ok(Self { columns: across, pixel, tile, label, width, height })
    }

    #[inline]
    fn draw(&self, panel: &Panel, left: f64, top: f64, body: &mut String) {
        let pixels = || panel.tiles.iter().flat_map(|tile| tile.pixels.iter().copied());
        let size = |x: f64| if panel.scale == Scale::Diverging { x.abs() } else { x };
        let most = pixels().filter(|x| x.is_finite()).map(size).fold(0.0, f64::max);
        put(
            body,
            format_args!("<text x=\"{left}\" y=\"{}\" font-size=\"14\">{}</text>\n", top + 4.0, escape(&panel.title)),
        );
        let top = top + TITLE - 16.0;
        for (number, tile) in panel.tiles.iter().enumerate() {
            let x = left + (number % self.columns) as f64 * self.tile.0;
            let y = top + (number / self.columns) as f64 * self.tile.1;
            self.tile(panel, tile, most, [x, y], body);
        }
        let lacks = pixels().any(|x| !x.is_finite());
        let negative = pixels().any(|x| x < 0.0);
        let at = [left + self.width + BESIDE, top + self.label];
        legend(panel.scale, most, [lacks, negative], at, (self.height - self.label).clamp(72.0, 200.0), body);
    }

    #[inline]
    fn tile(&self, panel: &Panel, tile: &Tile, most: f64, [x, y]: [f64; 2], body: &mut String) {
        let (rows, columns) = tile.pixels.dim();
        let (width, height) = (columns as f64 * self.pixel, rows as f64 * self.pixel);
        if !tile.label.is_empty() {
            let (x, y) = (x + width / 2.0, y + 11.0);
            let label = escape(&tile.label);
            put(
                body,
                format_args!("<text x=\"{x}\" y=\"{y}\" font-size=\"11\" text-anchor=\"middle\">{label}</text>\n"),
            );
        }
        let y = y + self.label;
        put(body, format_args!("<g transform=\"translate({x} {y})\" shape-rendering=\"crispEdges\">\n"));
        put(body, format_args!("<rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n"));
        for (row, numbers) in tile.pixels.outer_iter().enumerate() {
            let colours: Vec<String> = numbers.iter().map(|&x| panel.scale.colour(x, most)).collect();
            // Neighbours of one colour are one rectangle, and white ones none.
            let mut column = 0;
            for run in colours.chunk_by(|a, b| a == b) {
                if run[0] != "#ffffff" {
                    put(
                        body,
                        format_args!(
                            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\"/>\n",
                            column as f64 * self.pixel,
                            row as f64 * self.pixel,
                            run.len() as f64 * self.pixel,
                            self.pixel,
                            run[0]
                        ),
                    );
                }
                column += run.len();
            }
        }
        put(
            body,
            format_args!("<rect width=\"{width}\" height=\"{height}\" fill=\"none\" stroke=\"#999999\"/>\n</g>\n"),
        );
        if let Some(marks) = &tile.marks {
            self.marks(marks, (rows, columns), [x, y], body);
        }
    }

    /// Dots for the pixels of an image, which may be of another size than the tile.
    #[inline]
    fn marks(
        &self,
        marks: &ndarray::Array2<f64>,
        (rows, columns): (usize, usize),
        [x, y]: [f64; 2],
        body: &mut String,
    ) {
        let largest = marks.iter().copied().filter(|x| x.is_finite()).fold(0.0, f64::max);
        let (wide, high) = (columns as f64 / marks.ncols() as f64, rows as f64 / marks.nrows() as f64);
        let reach = 0.22 * self.pixel * wide.min(high);
        for ((row, column), &ink) in marks.indexed_iter() {
            let radius = if largest > 0.0 { reach * (ink / largest).clamp(0.0, 1.0).sqrt() } else { 0.0 };
            if radius >= 0.5 {
                let (x, y) =
                    (x + (column as f64 + 0.5) * wide * self.pixel, y + (row as f64 + 0.5) * high * self.pixel);
                put(
                    body,
                    format_args!(
                        "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\" fill=\"#111111\" stroke=\"white\" stroke-width=\"0.7\"/>\n"
                    ),
                );
            }
        }
    }
}

/// The scale as a bar with its ends and its zero, which has a line through the bar.
#[inline]
fn legend(scale: Scale, most: f64, [lacks, negative]: [bool; 2], [x, y]: [f64; 2], height: f64, body: &mut String) {
    let least = scale.least();
    let step = height / STEPS as f64;
    put(body, format_args!("<g shape-rendering=\"crispEdges\">\n"));
    for i in 0..STEPS {
        let share = 1.0 - (i as f64 + 0.5) / STEPS as f64 * (1.0 - least);
        let colour = scale.colour(share, 1.0);
        let y = y + i as f64 * step;
        put(
            body,
            format_args!(
                "<rect x=\"{x}\" y=\"{y:.2}\" width=\"{BAR}\" height=\"{:.2}\" fill=\"{colour}\"/>\n",
                step + 0.5
            ),
        );
    }
    put(
        body,
        format_args!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{BAR}\" height=\"{height}\" fill=\"none\" stroke=\"#999999\"/>\n</g>\n"
        ),
    );
    let mut tick = |share: f64, label: &str, mark: &str| {
        let at = y + (1.0 - share) / (1.0 - least) * height;
        let (line, text) = (x - 3.0, x + BAR + 8.0);
        put(body, format_args!("<path d=\"M{line},{at:.1}h{}\" stroke=\"#222222\"{mark}/>\n", BAR + 8.0));
        put(body, format_args!("<text x=\"{text}\" y=\"{:.1}\">{label}</text>\n", at + 4.0));
    };
    let bold = " stroke-width=\"2\"";
    if most > 0.0 {
        tick(1.0, &significant(most), "");
        if scale == Scale::Diverging {
            tick(-1.0, &significant(-most), "");
        }
    }
    tick(0.0, if negative && scale != Scale::Diverging { "≤ 0" } else { "0" }, bold);
    if lacks {
        let y = y + height + 14.0;
        put(body, format_args!("<rect x=\"{x}\" y=\"{y}\" width=\"{BAR}\" height=\"{BAR}\" fill=\"{NOT_FINITE}\"/>\n"));
        put(body, format_args!("<text x=\"{}\" y=\"{:.1}\">not finite</text>\n", x + BAR + 8.0, y + 11.0));
    }
}

/// With three significant digits.
#[inline]
fn significant(x: f64) -> String {
    let exponent = x.abs().log10().floor();
    if (-3.0..5.0).contains(&exponent) {
        let decimals = (2.0 - exponent).max(0.0) as usize;
        return format!("{x:.decimals$}").replace('-', "−");
    }
    format!("{x:.1e}").replace('-', "−")
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
    fn numbers_have_three_digits() {
        let found = [0.123_456, -1.5, 12.34, 999.9, 1234.0, 1e-7].map(significant);
        assert_eq!(found, ["0.123", "−1.50", "12.3", "1000", "1234", "1.0e−7"]);
    }
}
