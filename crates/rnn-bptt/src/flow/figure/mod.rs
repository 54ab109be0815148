//! Curves over steps, as SVG and for the terminal.

mod axis;
mod svg;
mod terminal;

use super::{GradientFlow, Jacobians, Lane};
use crate::Cell;
use axis::Axis;
use ndarray::ArrayView1;
pub(super) use svg::{LEFT, Page};

/// A picture of curves over the steps of a sequence: of one flow, [`GradientFlow::figure`], or of several that are to be compared.
///
/// [`Figure::to_svg`] is SVG text to be written to a file and opened in a browser; it is readable on light and on dark ground.
/// [`Figure::to_text`] is a plot in Braille dots for a terminal of 80 columns.
///
/// # Examples
/// ```
/// use gradus_rnn_bptt::{Gru, Lstm, Rnn, Tape, flow::{Figure, GradientFlow}, ndarray::Array3};
/// use rand::{SeedableRng, rngs::StdRng};
/// # fn main() -> gradus_nn_layers::Result<()> {
/// let mut rng = StdRng::seed_from_u64(1);
/// let (rnn, lstm, gru) = (Rnn::new(2, 8, &mut rng), Lstm::new(2, 8, &mut rng), Gru::new(2, 8, &mut rng));
/// let x = Tape::<f32>::inference().input(Array3::ones((20, 4, 2)));
/// let figure = Figure::gradients("many-to-one, 20 steps")
///     .with("RNN", &GradientFlow::of(&rnn, &x, None, |y, _| Ok(y.select(0, 19)?.square().mean()))?)
///     .with("LSTM", &GradientFlow::of(&lstm, &x, None, |y, _| Ok(y.select(0, 19)?.square().mean()))?)
///     .with("GRU", &GradientFlow::of(&gru, &x, None, |y, _| Ok(y.select(0, 19)?.square().mean()))?);
/// assert_eq!(figure.to_svg().matches("<path class=\"curve").count(), 3);
/// assert!(figure.to_text().lines().all(|line| line.chars().count() <= 80));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    title: String,
    x_label: &'static str,
    y_label: &'static str,
    what: What,
    curves: Vec<Curve>,
}

/// A line of a [`Figure`].
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Its name in the legend.
    pub name: String,
    /// The value at each step, from 0; on a logarithmic axis its decimal logarithm, so that none is too small. What is not finite leaves a
    /// gap.
    pub values: Vec<f64>,
    /// Which colour, and which dashes.
    pen: [usize; 2],
}

/// What the curves are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Gradients,
    Gains,
    Shares,
}

impl Figure {
    /// For `‖∂L/∂sₜ‖`, the gradient with respect to the whole state, on a logarithmic axis.
    #[must_use]
    pub fn gradients(title: &str) -> Self {
        Self::new(title, "step t", "‖∂L/∂sₜ‖", What::Gradients)
    }

    /// For the gain `gₖ` of the product of Jacobians over `k` steps back, on a logarithmic axis.
    #[must_use]
    pub fn gains(title: &str) -> Self {
        Self::new(title, "steps back k", "gain of the Jacobians' product", What::Gains)
    }

    /// For fractions, on an axis from 0 to 1.
    pub(super) fn shares(title: &str, y_label: &'static str) -> Self {
        Self::new(title, "step t", y_label, What::Shares)
    }

    fn new(title: &str, x_label: &'static str, y_label: &'static str, what: What) -> Self {
        Self { title: title.to_owned(), x_label, y_label, what, curves: Vec::new() }
    }

    /// With a curve of another flow: of the last layer, in the forward direction.
    #[must_use]
    pub fn with<C: Cell>(self, name: &str, flow: &GradientFlow<C>) -> Self {
        let last = flow.lanes.iter().map(|lane| lane.layer).max();
        match flow.lanes.iter().find(|lane| Some(lane.layer) == last) {
            Some(lane) => self.with_lane(name, lane),
            None => self,
        }
    }

    /// With the curve of one lane.
    #[must_use]
    pub fn with_lane<C: Cell>(self, name: &str, lane: &Lane<C>) -> Self {
        let values = match self.what {
            What::Gains => lane.ln_gains.iter().map(|ln| ln / std::f64::consts::LN_10).collect(),
            What::Gradients | What::Shares => logarithms(&lane.norms),
        };
        self.curve(name, values)
    }

    /// With a curve unlike those before it.
    pub(super) fn curve(self, name: &str, values: Vec<f64>) -> Self {
        let number = self.curves.len();
        self.drawn(name, values, [number % svg::COLOURS.len(), number / svg::COLOURS.len()])
    }

    /// With a curve in this colour, with these dashes.
    pub(super) fn drawn(mut self, name: &str, values: Vec<f64>, pen: [usize; 2]) -> Self {
        self.curves.push(Curve { name: name.to_owned(), values, pen });
        self
    }

    /// The curves.
    #[must_use]
    pub fn curves(&self) -> &[Curve] {
        &self.curves
    }

    fn is_logarithmic(&self) -> bool {
        self.what != What::Shares
    }

    /// The two axes, from what stands on them.
    #[inline] // compiled where it is used: CONTRIBUTING, "What few programs call"
    fn axes(&self) -> (Axis, Axis) {
        let longest = self.curves.iter().map(|curve| curve.values.len()).max().unwrap_or(0);
        let x = Axis::steps(longest.saturating_sub(1));
        let values = self.curves.iter().flat_map(|curve| curve.values.iter().copied());
        (x, if self.is_logarithmic() { Axis::decades(values) } else { Axis::unit() })
    }
}

impl<C: Cell> GradientFlow<C> {
    /// `‖∂L/∂hₜ‖` of every layer and direction, and of every other array of the state, as a picture.
    #[must_use]
    #[inline]
    pub fn figure(&self) -> Figure {
        let title = format!("gradient through time: {}", C::NAME);
        let mut figure = Figure { y_label: "‖∂L/∂hₜ‖", ..Figure::gradients(&title) };
        for lane in &self.lanes {
            for state in &lane.states {
                figure = figure.curve(&format!("{} {}", lane.name, state.name), logarithms(&state.norms));
            }
        }
        figure
    }

    /// [`GradientFlow::figure`] as SVG text.
    #[must_use]
    pub fn to_svg(&self) -> String {
        self.figure().to_svg()
    }

    /// [`GradientFlow::figure`] for a terminal.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.figure().to_text()
    }
}

impl Jacobians {
    /// The spectral radius and the largest singular value of every step's Jacobian, and of the product from there to the end the largest
    /// singular value and the gain, as a picture.
    #[must_use]
    #[inline]
    pub fn figure(&self) -> Figure {
        let (single, product) = (self.singular_values(), self.ln_product_singular_values());
        let first = |row: ArrayView1<'_, f64>| row.first().copied().unwrap_or(f64::NAN);
        let largest: Vec<f64> = single.outer_iter().map(first).collect();
        let in_decades = |ln: f64| ln / std::f64::consts::LN_10;
        // The root mean square of what is too small or large to be squared.
        let gain = |row: ArrayView1<'_, f64>| {
            let most = first(row);
            most + 0.5 * row.iter().map(|ln| (2.0 * (ln - most)).exp()).sum::<f64>().ln()
                - 0.5 * (row.len() as f64).ln()
        };
        let title = format!("Jacobians of sequence {}", self.sequence);
        Figure::new(&title, "step t", "size", What::Gradients)
            .curve("ρ(Jₜ)", logarithms(&self.spectral_radii()))
            .curve("σ₁(Jₜ)", logarithms(&largest))
            .curve("σ₁ of ∂s_T/∂sₜ", product.outer_iter().map(first).map(in_decades).collect())
            .curve("gain of ∂s_T/∂sₜ", product.outer_iter().map(gain).map(in_decades).collect())
    }
}

#[inline]
fn logarithms(norms: &[f64]) -> Vec<f64> {
    norms.iter().map(|norm| norm.log10()).collect()
}
