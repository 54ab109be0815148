//! How the gradient of each parameter is.

use super::{Verdict, table};
use crate::{Module, Parameter};
use gradus_autograd::{Flow, Gradients, Real};
use ndarray::Axis;
use std::fmt;

/// The gradients of one backward pass beside the parameters: see [`health`].
///
/// `Display` prints a table.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Health {
    /// One row for each parameter, in the model's order.
    pub rows: Vec<ParameterHealth>,
}

/// The numbers of one parameter and its gradient.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ParameterHealth {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// The Euclidean norm of the weights, `‖w‖`.
    pub weight_norm: f64,
    /// Whether the gradient arrived, and if not, why.
    pub flow: Flow,
    /// The Euclidean norm of the gradient, `‖g‖`; `None` if none arrived.
    pub gradient_norm: Option<f64>,
    /// `‖g‖ / ‖w‖`; `None` without a gradient, and for weights of zero.
    pub ratio: Option<f64>,
    /// The share of the gradient's elements that are exactly 0.
    pub zeros: Option<f64>,
    /// Of a parameter with two axes or more, the share of units (places on the first axis) whose gradient is exactly 0.
    pub dead: Option<f64>,
    /// Of such a parameter, the share of units whose gradient is not 0, but less than a thousandth of the largest unit's.
    pub saturated: Option<f64>,
    /// `‖Δw‖ / ‖w‖` of an update, once [`Health::with_update`] has looked at one.
    pub update_ratio: Option<f64>,
    /// What these numbers say.
    pub verdict: Verdict,
}

/// Root mean square of a gradient, relative to the largest of the model's, below which it vanishes.
const VANISHING: f64 = 1e-4;
/// `‖g‖ / ‖w‖` above which it explodes: a plain step of rate 0.01 would put other weights in place of these.
const EXPLODING: f64 = 100.0;
/// Share of a unit's gradient in the largest one's below which it is saturated.
const FAINT: f64 = 1e-3;
/// Share of such units, or of dead ones, from which on it is the parameter's verdict.
const MANY: f64 = 0.5;
/// `‖Δw‖ / ‖w‖` outside of which an update is small or large; about 10⁻³ is usual.
const UPDATE: (f64, f64) = (1e-5, 1e-1);

/// Looks at the gradient of every parameter: its norm beside the weights', how much of it is 0, and which units it
/// does not reach.
///
/// ```text
/// no gradient  none arrived, or zeros only                       not finite   a NaN or infinity in weight or gradient
/// dead units   half of the units or more have a gradient of 0    saturated    … less than 10⁻³ of the largest unit's
/// exploding    ‖g‖ / ‖w‖ > 100                                   vanishing    rms g < 10⁻⁴ · the largest rms g in the model
/// ```
///
/// Units are the places on a weight's first axis: outputs of a layer, channels of a convolution. ReLU units that are
/// never active are dead, for no gradient will ever revive them; sigmoid and tanh units at their flat ends are
/// saturated. In one batch both are only signs of it: a row of an embedding that is not looked up looks dead, too.
/// Parameters with fewer than two axes have no units and are spared the verdicts on these and on `‖g‖ / ‖w‖`.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Layer, Linear, Relu, Sequential, Tape, Verdict, health, ndarray::array, sequential};
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let mut rng = StdRng::seed_from_u64(7);
/// // A bias so negative that no unit is ever active.
/// let hidden = Linear::from_parts(array![[1.0, 2.0], [0.5, 1.0]], Some(array![-100.0, -100.0].into()))?;
/// let model: Sequential<f64> = sequential![hidden, Relu, Linear::new(2, 1, &mut rng)];
/// let y = model.forward(&Tape::recording().input(array![[1.0, -1.0], [0.5, 2.0]]))?;
/// let report = health(&model, &y.square().sum().backward()?);
/// println!("{report}");
/// assert_eq!(report.rows[0].verdict, Verdict::Missing); // all of 0.weight's gradient is 0
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// - X. Glorot, Y. Bengio, *Understanding the difficulty of training deep feedforward neural networks*, 2010,
///   <https://proceedings.mlr.press/v9/glorot10a.html>, on saturation
/// - A. Karpathy, *CS231n*, <https://cs231n.github.io/neural-networks-3/#ratio>, on the ratio of updates to weights
#[must_use]
pub fn health<F: Real>(model: &(impl Module<F> + ?Sized), gradients: &Gradients<F>) -> Health {
    let parameters = model.parameters();
    let rms = |(_, parameter): &(String, &Parameter<F>)| {
        let gradient = gradients.get(*parameter)?;
        Some(norm(gradient.iter()) / (gradient.len().max(1) as f64).sqrt())
    };
    let largest = parameters.iter().filter_map(rms).filter(|rms| rms.is_finite()).fold(0.0, f64::max);
    let flows = gradients.report(parameters.iter().map(|(name, parameter)| (name.as_str(), *parameter)));
    let rows = parameters.iter().zip(flows.rows).map(|((_, parameter), (name, flow))| {
        let mut row = row(name, parameter, flow, gradients);
        row.judge(parameter, largest);
        row
    });
    Health { rows: rows.collect() }
}

fn row<F: Real>(name: String, parameter: &Parameter<F>, flow: Flow, gradients: &Gradients<F>) -> ParameterHealth {
    let weight_norm = norm(parameter.value().iter());
    let gradient = gradients.get(parameter);
    let gradient_norm = gradient.map(|gradient| norm(gradient.iter()));
    let share = |part: usize, of: usize| (of > 0).then(|| part as f64 / of as f64);
    let zeros = gradient.and_then(|g| share(g.iter().filter(|g| g.is_zero()).count(), g.len()));
    let units: Option<Vec<f64>> = gradient
        .filter(|g| g.ndim() >= 2 && !g.is_empty())
        .map(|gradient| gradient.axis_iter(Axis(0)).map(|unit| norm(unit.iter())).collect());
    let of_units = |fits: &dyn Fn(f64) -> bool| {
        let units = units.as_ref()?;
        share(units.iter().filter(|unit| fits(**unit)).count(), units.len())
    };
    let most = units.iter().flatten().copied().fold(0.0, f64::max);
    ParameterHealth {
        name,
        shape: parameter.shape().to_vec(),
        weight_norm,
        flow,
        gradient_norm,
        ratio: gradient_norm.filter(|_| weight_norm > 0.0).map(|norm| norm / weight_norm),
        zeros,
        dead: of_units(&|unit| unit == 0.0),
        saturated: of_units(&|unit| unit > 0.0 && unit < FAINT * most),
        update_ratio: None,
        verdict: Verdict::Healthy,
    }
}

/// In `f64`, so that squares of `f32` neither overflow nor are lost.
fn norm<'a, F: Real>(numbers: impl Iterator<Item = &'a F>) -> f64 {
    numbers.map(|x| x.to_f64() * x.to_f64()).sum::<f64>().sqrt()
}

impl ParameterHealth {
    fn judge<F: Real>(&mut self, parameter: &Parameter<F>, largest_rms: f64) {
        let many = |share: Option<f64>| share.is_some_and(|share| share >= MANY);
        let has_units = self.shape.len() >= 2;
        let len = (parameter.value().len().max(1) as f64).sqrt();
        self.verdict = if !self.weight_norm.is_finite() || self.gradient_norm.is_some_and(|norm| !norm.is_finite()) {
            Verdict::NotFinite
        } else if self.flow == Flow::Frozen {
            Verdict::Frozen
        } else if !self.flow.is_well() {
            Verdict::Missing
        } else if many(self.dead) {
            Verdict::Dead
        } else if has_units && self.ratio.is_some_and(|ratio| ratio > EXPLODING) {
            Verdict::Exploding
        } else if self.gradient_norm.is_some_and(|norm| norm / len < VANISHING * largest_rms) {
            Verdict::Vanishing
        } else if many(self.saturated) {
            Verdict::Saturated
        } else {
            Verdict::Healthy
        };
    }
}

impl Health {
    /// The same with what an update did: `‖Δw‖ / ‖w‖`, `Δw` being the difference between the model after and before it.
    ///
    /// A clone made before the update shares memory until then, and is the model before. Of parameters with two axes
    /// or more that are otherwise healthy, the verdict is [`Verdict::SmallUpdate`] below 10⁻⁵ and
    /// [`Verdict::LargeUpdate`] above 10⁻¹; about 10⁻³ is usual.
    ///
    /// # Examples
    /// ```
    /// use gradus_nn_layers::{Layer, Linear, Tape, Verdict, health, ndarray::array};
    /// let mut layer: Linear<f64> = Linear::from_parts(array![[3.0, 4.0]], None)?;
    /// let y = layer.forward(&Tape::recording().input(array![1.0, 1.0]))?;
    /// let gradients = y.sum().backward()?;
    /// let before = layer.clone();
    /// layer.weight.value_mut()[[0, 0]] += 0.05;
    /// let report = health(&layer, &gradients).with_update(&before, &layer);
    /// assert!((report.rows[0].update_ratio.unwrap() - 0.01).abs() < 1e-12);
    /// assert_eq!(report.rows[0].verdict, Verdict::Healthy);
    /// # Ok::<(), gradus_nn_layers::Error>(())
    /// ```
    #[must_use]
    pub fn with_update<F: Real>(
        mut self,
        before: &(impl Module<F> + ?Sized),
        after: &(impl Module<F> + ?Sized),
    ) -> Self {
        let (before, after) = (before.parameters(), after.parameters());
        for row in &mut self.rows {
            let of = |parameters: &[(String, &Parameter<F>)]| {
                Some(parameters.iter().find(|(name, _)| *name == row.name)?.1.value().clone())
            };
            let (Some(before), Some(after)) = (of(&before), of(&after)) else { continue };
            let weights = norm(before.iter());
            if before.shape() != after.shape() || weights == 0.0 {
                continue;
            }
            let squares = before.iter().zip(after.iter()).map(|(b, a)| (a.to_f64() - b.to_f64()).powi(2));
            let ratio = squares.sum::<f64>().sqrt() / weights;
            row.update_ratio = Some(ratio);
            if row.verdict == Verdict::Healthy && row.shape.len() >= 2 {
                row.verdict = if !ratio.is_finite() {
                    Verdict::NotFinite
                } else if ratio > UPDATE.1 {
                    Verdict::LargeUpdate
                } else if ratio < UPDATE.0 {
                    Verdict::SmallUpdate
                } else {
                    Verdict::Healthy
                };
            }
        }
        self
    }

    /// The parameters that are to be looked into.
    pub fn unwell(&self) -> impl Iterator<Item = &ParameterHealth> {
        self.rows.iter().filter(|row| !row.verdict.is_well())
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header =
            ["parameter", "shape", "‖w‖", "‖g‖", "‖g‖/‖w‖", "zeros", "dead", "saturated", "‖Δw‖/‖w‖", "verdict"];
        let number = |x: Option<f64>| table::or_dash(x, |x| format!("{x:.2e}"));
        let share = |x: Option<f64>| table::or_dash(x, |x| format!("{:.1} %", 100.0 * x));
        let mut lines = vec![header.map(str::to_owned)];
        for row in &self.rows {
            lines.push([
                row.name.clone(),
                format!("{:?}", row.shape),
                number(Some(row.weight_norm)),
                number(row.gradient_norm),
                number(row.ratio),
                share(row.zeros),
                share(row.dead),
                share(row.saturated),
                number(row.update_ratio),
                row.verdict.to_string(),
            ]);
        }
        table::write(f, &lines)?;
        let missing = self.rows.iter().filter(|row| row.verdict == Verdict::Missing);
        missing.into_iter().try_for_each(|row| writeln!(f, "{}: {}", row.name, row.flow))
    }
}
