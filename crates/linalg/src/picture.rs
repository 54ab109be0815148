//! Pictures of the plane as SVG text: unit balls of norms, a projection, the gradient of a function. Write the text to a file and
//! open it in a browser.

use crate::{Error, Norm, Result, norm, project};
use ndarray::{Array1, ArrayRef1, array};
use std::fmt::Write;

/// Pixels of the square picture.
const SIZE: f64 = 480.0;
const COLOURS: [&str; 6] = ["#1b6ca8", "#c8553d", "#2a9d5c", "#8e5bb5", "#b8860b", "#444444"];

/// A square part of the plane around the origin, and what has been drawn on it.
struct Picture {
    body: String,
    /// The largest coordinate that is shown.
    reach: f64,
}

impl Picture {
    fn new(reach: f64) -> Self {
        let mut picture = Self { body: String::new(), reach };
        for (from, to) in [([-reach, 0.0], [reach, 0.0]), ([0.0, -reach], [0.0, reach])] {
            picture.line(from, to, "#bbbbbb", "1", "");
        }
        picture
    }

    /// Pixels of a point: the second coordinate grows upwards, pixels downwards.
    fn place(&self, [x, y]: [f64; 2]) -> (f64, f64) {
        let scale = SIZE / (2.0 * self.reach);
        (SIZE / 2.0 + x * scale, SIZE / 2.0 - y * scale)
    }

    fn line(&mut self, from: [f64; 2], to: [f64; 2], colour: &str, width: &str, more: &str) {
        let ((x1, y1), (x2, y2)) = (self.place(from), self.place(to));
        self.push(format_args!(
            r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" stroke="{colour}" stroke-width="{width}"{more}/>"#
        ));
    }

    fn arrow(&mut self, from: [f64; 2], to: [f64; 2], colour: &str) {
        let [dx, dy] = [to[0] - from[0], to[1] - from[1]];
        let length = dx.hypot(dy);
        if length == 0.0 {
            return;
        }
        let head = (0.05 * self.reach).min(0.4 * length);
        let (ux, uy) = (dx / length * head, dy / length * head);
        self.line(from, to, colour, "2", "");
        self.line(to, [to[0] - ux - 0.5 * uy, to[1] - uy + 0.5 * ux], colour, "2", "");
        self.line(to, [to[0] - ux + 0.5 * uy, to[1] - uy - 0.5 * ux], colour, "2", "");
    }

    fn text(&mut self, at: [f64; 2], colour: &str, text: &str) {
        let (x, y) = self.place(at);
        self.push(format_args!(r#"<text x="{:.1}" y="{:.1}" fill="{colour}">{text}</text>"#, x + 6.0, y - 6.0));
    }

    fn closed(&mut self, points: &[[f64; 2]], colour: &str) {
        let mut path = String::new();
        for &point in points {
            let (x, y) = self.place(point);
            path.push_str(if path.is_empty() { "M" } else { "L" });
            write!(path, "{x:.1},{y:.1}").expect("a string takes all that is written");
        }
        self.push(format_args!(r#"<path d="{path}Z" fill="none" stroke="{colour}" stroke-width="2"/>"#));
    }

    fn push(&mut self, element: std::fmt::Arguments<'_>) {
        writeln!(self.body, "{element}").expect("a string takes all that is written");
    }

    fn finish(self, title: &str) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{SIZE}\" height=\"{SIZE}\" viewBox=\"0 0 {SIZE} {SIZE}\" \
             font-family=\"sans-serif\" font-size=\"15\">\n<title>{title}</title>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{}</svg>\n",
            self.body
        )
    }
}

/// The unit balls of norms in the plane: all vectors of norm 1, a closed line for each norm.
///
/// The ball of L1 has its corners on the axes, where coordinates are 0; that of L2 is round; that of the maximum norm is a square.
/// Below p = 1 it bends inwards. `Norm::L0` and `Norm::Min` have no such line: their "balls" reach to infinity and are cut off
/// at the frame.
///
/// # Errors
/// [`Error::Order`] as in [`norm`].
///
/// # Examples
/// ```
/// use gradus_linalg::{Norm, picture::norm_balls};
/// let svg = norm_balls(&[Norm::Lp(0.5), Norm::L1, Norm::L2, Norm::Max])?;
/// assert!(svg.starts_with("<svg") && svg.matches("<path").count() == 4);
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
pub fn norm_balls(norms: &[Norm]) -> Result<String> {
    const REACH: f64 = 1.5;
    const POINTS: usize = 720;
    let mut picture = Picture::new(REACH);
    for (i, &which) in norms.iter().enumerate() {
        let colour = COLOURS[i % COLOURS.len()];
        let mut points = Vec::with_capacity(POINTS);
        for k in 0..POINTS {
            let (y, x) = (k as f64 / POINTS as f64 * std::f64::consts::TAU).sin_cos();
            // Directions along the axes are met exactly, so that corners there are sharp.
            let direction = array![x, y].mapv(|c: f64| if c.abs() < 1e-12 { 0.0 } else { c });
            let length = norm(&direction, which)?;
            let frame = REACH / x.abs().max(y.abs());
            let radius = match which {
                // The number of coordinates does not shrink with the vector: along an axis it is 1 all the way.
                Norm::L0 => {
                    if length <= 1.0 {
                        frame
                    } else {
                        0.0
                    }
                }
                _ => (1.0 / length).min(frame),
            };
            points.push([radius * direction[0], radius * direction[1]]);
        }
        picture.closed(&points, colour);
        let name = match which {
            Norm::L0 => "L0".to_owned(),
            Norm::L1 => "p = 1".to_owned(),
            Norm::L2 => "p = 2".to_owned(),
            Norm::Lp(p) => format!("p = {p}"),
            Norm::Max => "p = ∞".to_owned(),
            Norm::Min => "p = −∞".to_owned(),
        };
        picture.text([-REACH, REACH - 0.09 * (i as f64 + 1.8)], colour, &name); // below the edge
    }
    Ok(picture.finish("unit balls of norms"))
}

/// The projection of a vector of the plane onto the line along another, with the rest that is orthogonal to it.
///
/// # Errors
/// [`Error::NotPlane`] for vectors that have not two elements, [`Error::ZeroVector`] if `onto` is zero.
///
/// # Examples
/// ```
/// use gradus_linalg::{ndarray::array, picture::projection};
/// let svg = projection(&array![1.0, 2.0], &array![3.0, 1.0])?;
/// assert!(svg.contains("onto"));
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
pub fn projection(x: &ArrayRef1<f64>, onto: &ArrayRef1<f64>) -> Result<String> {
    let (x_plane, onto_plane) = (plane("projection", x)?, plane("projection", onto)?);
    let p: Array1<f64> = project(x, onto)?;
    let p = plane("projection", &p)?;
    let reach = 1.2 * x_plane.into_iter().chain(onto_plane).fold(f64::MIN_POSITIVE, |most, c| most.max(c.abs()));
    let mut picture = Picture::new(reach);
    let long = 2.0 * reach / onto_plane[0].hypot(onto_plane[1]);
    let end = onto_plane.map(|c| c * long);
    picture.line(end.map(|c| -c), end, "#999999", "1", r#" stroke-dasharray="6 4""#);
    picture.arrow([0.0, 0.0], onto_plane, COLOURS[2]);
    picture.text(onto_plane, COLOURS[2], "onto");
    picture.arrow([0.0, 0.0], x_plane, COLOURS[0]);
    picture.text(x_plane, COLOURS[0], "x");
    picture.line(x_plane, p, COLOURS[1], "2", r#" stroke-dasharray="3 3""#);
    picture.arrow([0.0, 0.0], p, COLOURS[1]);
    picture.text(p, COLOURS[1], "projection");
    Ok(picture.finish("projection onto a line"))
}

/// Arrows along the negative gradient of a function of the plane, the way that gradient descent goes, from a grid of points up to
/// `reach` from the origin. The longest is as long as the grid is wide.
///
/// # Examples
/// ```
/// use gradus_linalg::picture::gradient_arrows;
/// let svg = gradient_arrows(2.0, |[x, y]| [2.0 * x, 20.0 * y]); // of x² + 10 y²: steep across the valley
/// assert!(svg.matches("<line").count() > 300);
/// ```
#[must_use]
pub fn gradient_arrows(reach: f64, gradient: impl Fn([f64; 2]) -> [f64; 2]) -> String {
    const STEPS: usize = 11;
    let width = 2.0 * reach / STEPS as f64;
    let coordinate = |i: usize| (i as f64 + 0.5) * width - reach;
    let points = (0..STEPS * STEPS).map(|k| [coordinate(k % STEPS), coordinate(k / STEPS)]);
    let arrows: Vec<_> = points.map(|at| (at, gradient(at))).collect();
    let longest = arrows.iter().fold(f64::MIN_POSITIVE, |most, (_, g)| most.max(g[0].hypot(g[1])));
    let mut picture = Picture::new(reach);
    for (at, g) in arrows {
        let to = [at[0] - width * g[0] / longest, at[1] - width * g[1] / longest];
        picture.arrow(at, to, COLOURS[0]);
    }
    picture.finish("gradient descent")
}

fn plane(operation: &'static str, x: &ArrayRef1<f64>) -> Result<[f64; 2]> {
    match (x.len(), x.first(), x.last()) {
        (2, Some(&x), Some(&y)) => Ok([x, y]),
        (found, ..) => Err(Error::NotPlane { operation, found }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "too slow")]
    fn corners_lie_where_they_should() {
        let svg = norm_balls(&[Norm::L1]).unwrap();
        // (1, 0), (0, 1) in pixels of 160 a unit.
        assert!(svg.contains("M400.0,240.0L") && svg.contains("L240.0,80.0L"), "{svg}");
        let svg = projection(&array![2.0, 3.0], &array![5.0, 0.0]).unwrap();
        assert!(svg.contains(r#"<line x1="320.0" y1="120.0" x2="320.0" y2="240.0""#), "{svg}"); // the dashed rest
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let message = projection(&array![1.0, 2.0, 3.0], &array![1.0, 0.0]).unwrap_err().to_string();
        assert_eq!(message, "projection: a vector with 3 elements; must have 2, those of the plane");
        assert!(norm_balls(&[Norm::Lp(-1.0)]).is_err());
    }
}
