//! A figure in Braille dots.

use super::Figure;
use std::fmt::Write;

/// Characters of the plot, each of 2 by 4 dots.
const COLUMNS: usize = 68;
const ROWS: usize = 16;
/// The width of the labels to the left.
const LABEL: usize = 9;

impl Figure {
    /// The figure as lines of text, at most 80 characters wide, curves in Braille dots. Where there are several, each bears its letter of
    /// the legend here and there.
    #[must_use]
    #[inline] // compiled where it is used: CONTRIBUTING, "What few programs call"
    pub fn to_text(&self) -> String {
        let (x, y) = self.axes();
        let (width, height) = (2 * COLUMNS - 1, 4 * ROWS - 1);
        let place = |step: usize, value: f64| {
            let row = ((1.0 - y.share(value)) * height as f64).round() as usize;
            ((x.share(step as f64) * width as f64).round() as usize, row.min(height))
        };
        let mut canvas = Canvas::default();
        let mut letters = Vec::new();
        for (number, curve) in self.curves.iter().enumerate() {
            let mut before = None;
            for (step, &value) in curve.values.iter().enumerate() {
                let dot = value.is_finite().then(|| place(step, value));
                if let Some(to) = dot {
                    canvas.line(before.unwrap_or(to), to);
                }
                before = dot;
            }
            // A letter in each quarter, beside those of the others.
            let seen: Vec<_> = curve.values.iter().enumerate().filter(|(_, value)| value.is_finite()).collect();
            for quarter in 0..4 {
                let share = (quarter as f64 + (number as f64 + 0.5) / self.curves.len() as f64) / 4.0;
                if let Some(&(step, &value)) = seen.get((share * seen.len() as f64) as usize) {
                    let (column, row) = place(step, value);
                    letters.push((column / 2, row / 4, letter(number)));
                }
            }
        }
        let mut cells = canvas.cells();
        if self.curves.len() > 1 {
            letters.into_iter().for_each(|(column, row, letter)| cells[row][column] = letter);
        }

        let mut text = String::new();
        let mut put = |line: &str| writeln!(text, "{}", line.trim_end()).expect("a string takes all that is written");
        put(&clipped(&format!("{}: {}", self.title, self.y_label)));
        let mut labels = vec![String::new(); ROWS];
        for (share, label) in y.ticks(8) {
            labels[(((1.0 - share) * height as f64).round() as usize / 4).min(ROWS - 1)] = label;
        }
        for (label, cells) in labels.into_iter().zip(cells) {
            let edge = if label.is_empty() { '│' } else { '┤' };
            put(&format!("{label:>LABEL$} {edge}{}", cells.into_iter().collect::<String>()));
        }
        put(&format!("{:>LABEL$} └{}", "", "─".repeat(COLUMNS)));
        let mut below = vec![' '; COLUMNS + 1];
        for (share, label) in x.ticks(8) {
            let middle = (share * (COLUMNS - 1) as f64).round() as usize;
            let start = middle.saturating_sub(label.len() / 2).min(COLUMNS - label.len().min(COLUMNS));
            label.chars().zip(&mut below[start..]).for_each(|(c, cell)| *cell = c);
        }
        put(&format!("{:>LABEL$}  {}", "", below.into_iter().collect::<String>()));
        put(&format!("{:>LABEL$}  {:^COLUMNS$}", "", self.x_label));
        if self.curves.len() > 1 {
            for (number, curve) in self.curves.iter().enumerate() {
                put(&clipped(&format!("{:>LABEL$}  {} {}", "", letter(number), curve.name)));
            }
        }
        text
    }
}

#[inline]
fn letter(number: usize) -> char {
    char::from(b'a' + (number % 26) as u8)
}

#[inline]
fn clipped(line: &str) -> String {
    line.chars().take(80).collect()
}

/// Dots, four rows and two columns to a character.
struct Canvas {
    dots: Vec<[bool; 2 * COLUMNS]>,
}

impl Default for Canvas {
    #[inline]
    fn default() -> Self {
        Self { dots: vec![[false; 2 * COLUMNS]; 4 * ROWS] }
    }
}

impl Canvas {
    /// All dots on the way from one to another.
    #[inline]
    fn line(&mut self, (x0, y0): (usize, usize), (x1, y1): (usize, usize)) {
        let count = x0.abs_diff(x1).max(y0.abs_diff(y1)).max(1);
        let between = |a: usize, b: usize, i: usize| {
            (a as f64 + (b as f64 - a as f64) * i as f64 / count as f64).round() as usize
        };
        for i in 0..=count {
            self.dots[between(y0, y1, i)][between(x0, x1, i)] = true;
        }
    }

    #[inline]
    fn cells(&self) -> Vec<Vec<char>> {
        // The bits of the Braille block, row by row.
        const BITS: [[u32; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
        let cell = |row: usize, column: usize| {
            let mut bits = 0;
            for (dy, pair) in BITS.iter().enumerate() {
                for (dx, bit) in pair.iter().enumerate() {
                    bits |= if self.dots[4 * row + dy][2 * column + dx] { *bit } else { 0 };
                }
            }
            if bits == 0 { ' ' } else { char::from_u32(0x2800 + bits).unwrap_or(' ') }
        };
        (0..ROWS).map(|row| (0..COLUMNS).map(|column| cell(row, column)).collect()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_and_width() {
        let text = Figure::shares("rise", "share").curve("one", vec![0.0, 1.0]).to_text();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 1 + ROWS + 3);
        assert_eq!(lines[0], "rise: share");
        let dots = |c: char| ('\u{2801}'..='\u{28ff}').contains(&c);
        assert!(lines[1].starts_with("        1 ┤") && lines[1].ends_with(dots), "{text}");
        assert!(lines[ROWS].starts_with("        0 ┤"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }

    #[test]
    fn several_curves_have_letters() {
        let figure = Figure::gradients("two")
            .curve("falls", vec![0.0, -1.0, -2.0])
            .curve("gap", vec![f64::NAN, 0.0, f64::NEG_INFINITY]);
        let text = figure.to_text();
        assert!(text.contains("a falls") && text.contains("b gap"), "{text}");
        assert!(text.lines().nth(1).unwrap().contains('a'), "{text}");
        let none = Figure::gradients("none").to_text();
        assert!(none.lines().count() > ROWS);
    }
}
