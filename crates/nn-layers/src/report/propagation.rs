//! How signals go through a model before it is trained.

use super::description::fits_into_memory;
use super::entries::entries;
use super::{Verdict, table};
use crate::{Error, Layer, Result, init};
use gradus_autograd::{Real, Tape, Value, Var};
use ndarray::ArrayD;
use rand::Rng;
use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

/// Mean and variance of many numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    /// Their mean.
    pub mean: f64,
    /// Their variance, the mean of the squared distances from the mean.
    pub variance: f64,
}

impl Moments {
    /// Of these numbers, in one pass that loses no digits (B. P. Welford, 1962, <https://doi.org/10.2307/1266577>);
    /// NaN of none.
    pub(super) fn of<F: Real>(numbers: impl Iterator<Item = F>) -> Self {
        let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0);
        for x in numbers {
            let x = x.to_f64();
            count += 1.0;
            let distance = x - mean;
            mean += distance / count;
            squares += distance * (x - mean);
        }
        if count == 0.0 {
            Self { mean: f64::NAN, variance: f64::NAN }
        } else {
            Self { mean, variance: squares / count }
        }
    }

    /// The root of the mean square: how large the numbers are.
    #[must_use]
    pub fn rms(&self) -> f64 {
        (self.mean * self.mean + self.variance).sqrt()
    }

    /// What numbers that began with a root mean square of 1 have become.
    fn verdict(&self) -> Verdict {
        let rms = self.rms();
        if !rms.is_finite() {
            Verdict::NotFinite
        } else if rms > FACTOR {
            Verdict::Exploding
        } else if rms < 1.0 / FACTOR {
            Verdict::Vanishing
        } else {
            Verdict::Healthy
        }
    }
}

/// How much larger or smaller than the noise that went in a signal may become and still be healthy.
const FACTOR: f64 = 100.0;

/// How noise came through a model, forward and backward: see [`signal_propagation`].
///
/// `Display` prints a table.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Propagation {
    /// The activations and gradients, from the input to the output.
    pub rows: Vec<Signal>,
}

/// What came out of one layer or operation, and the gradient that came back to there.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Signal {
    /// The layer's path, `input`, or the operation with its line.
    pub name: String,
    /// Of the output, of all results if an operation has several; `None` where the model has put an observer of its
    /// own on the tape.
    pub activation: Option<Moments>,
    /// Of the gradient with respect to the output; `None` where none flows.
    pub gradient: Option<Moments>,
    /// Whether this is an operation inside a layer.
    is_inner: bool,
}

impl Signal {
    /// The worse of what is to be said of the activations and of the gradients.
    ///
    /// ```text
    /// not finite    a NaN or an infinity
    /// exploding     root mean square above 100
    /// vanishing     root mean square below 1/100, or no gradient
    /// ```
    ///
    /// An operation inside a layer may compute an infinity of which the next makes a finite number, as masks of `−∞`
    /// before a softmax do. Where it is a fault, a gradient or the output is not finite either, and these are judged.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let gradient = self.gradient.map_or(Verdict::Vanishing, |gradient| gradient.verdict());
        let activation = match self.activation.map(|activation| activation.verdict()) {
            Some(Verdict::NotFinite) if self.is_inner => Verdict::Healthy,
            activation => activation.unwrap_or_default(),
        };
        worse(activation, gradient)
    }
}

/// A number that is none goes before one that is large, and that before one that is small.
fn worse(a: Verdict, b: Verdict) -> Verdict {
    let order = [Verdict::NotFinite, Verdict::Exploding, Verdict::Vanishing];
    order.into_iter().find(|verdict| a == *verdict || b == *verdict).unwrap_or(Verdict::Healthy)
}

impl Propagation {
    /// The worst verdict of all rows: [`Verdict::Healthy`], [`Verdict::Vanishing`], [`Verdict::Exploding`] or
    /// [`Verdict::NotFinite`].
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.rows.iter().map(Signal::verdict).fold(Verdict::Healthy, worse)
    }
}

/// Sends noise through a model, forward and back, and says what becomes of its mean and variance with depth.
///
/// ```text
/// x ~ N(0, 1) in,  ∂L/∂y ~ N(0, 1) back
/// ```
///
/// Before training, a model should hand on both about as large as they came: where the variance falls by a factor at
/// each layer, nothing is learned far from the output, and where it grows, the first step leads anywhere. There is
/// one row for each layer of a [`Sequential`](crate::Sequential), and of any model that says what its
/// [`stages`](Layer::stages) are, at any depth. For a model that does not, there is one for each operation on the
/// tape through which the gradient comes back: which operation, on which line, of which layer.
///
/// Layers behave as in training; the model is not changed.
///
/// # Shapes
/// - `input`: that of a batch, `(N, …)`; some hundred elements for each layer's output make the variances reliable
///
/// # Errors
/// [`Error::UnfitShape`] for an input without elements, or with more than there can be; [`Error::InLayer`] names the
/// stage that fails; whatever else the forward and backward passes return.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Linear, Sequential, Tanh, Verdict, init, signal_propagation};
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let mut rng = StdRng::seed_from_u64(7);
/// let mut model: Sequential = Sequential::new();
/// for _ in 0..10 {
///     let weight = init::normal((64, 64), 0.0, 0.01, &mut rng); // too small: 1/√64 is 0.125
///     model = model.push(Linear::from_parts(weight, None)?).push(Tanh);
/// }
/// let report = signal_propagation(&model, &[100, 64], &mut rng)?;
/// println!("{report}");
/// assert_eq!(report.verdict(), Verdict::Vanishing);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// - X. Glorot, Y. Bengio, *Understanding the difficulty of training deep feedforward neural networks*, 2010,
///   <https://proceedings.mlr.press/v9/glorot10a.html>
/// - S. S. Schoenholz, J. Gilmer, S. Ganguli, J. Sohl-Dickstein, *Deep information propagation*, 2017,
///   <https://arxiv.org/abs/1611.01232>
pub fn signal_propagation<F: Real>(
    model: &(impl Layer<F> + ?Sized),
    input: &[usize],
    rng: &mut (impl Rng + ?Sized),
) -> Result<Propagation> {
    if input.contains(&0) {
        let (shape, expected) = (input.to_vec(), "at least one element would fit");
        return Err(Error::UnfitShape { operation: "signal_propagation", shape, expected });
    }
    fits_into_memory::<F>("signal_propagation", input)?;
    let noise = |shape: &[usize], rng: &mut _| -> ArrayD<F> { init::normal(shape, 0.0, 1.0, rng) };
    let x = noise(input, rng);
    let stages = model.stages();
    let is_opaque = stages.is_empty();
    let mut tape = Tape::training(rng);
    let values = Rc::new(RefCell::new(Vec::new())); // of each entry of the tape, by its place
    if is_opaque {
        let values = Rc::clone(&values);
        tape = tape.observed(move |new| values.borrow_mut().push(new.value.clone()));
    }
    let x = tape.variable(x);
    let mut passed = vec![("input".to_owned(), x.clone())];
    let y = if is_opaque {
        let y = model.forward(&x)?;
        passed.push(("output".to_owned(), y.clone()));
        y
    } else {
        let mut y = x;
        for (name, stage) in stages {
            y = through(name.to_owned(), stage, &y, &mut passed)?;
        }
        y
    };
    passed.iter().for_each(|(_, output)| output.retain_gradient());
    let (entries, gradients) = entries(model, &y, noise(y.shape(), rng))?;
    let moments = |value: &Value<F>| Moments::of(value.iter().copied());
    let mut rows: Vec<Signal> = passed
        .into_iter()
        .map(|(name, output)| Signal {
            name,
            activation: Some(moments(output.value())),
            gradient: gradients.as_ref().and_then(|gradients| gradients.get(&output)).map(moments),
            is_inner: false,
        })
        .collect();
    if is_opaque {
        let values = values.borrow();
        let inner = entries.into_iter().map(|entry| {
            let path = entry.path();
            let of = if path.is_empty() { String::new() } else { format!("{path}: ") };
            let name = format!("{of}{} at {}", entry.operation, entry.location);
            let results = values.get(entry.places);
            let activation = results.map(|values| Moments::of(values.iter().flat_map(|value| value.iter().copied())));
            Signal { name, activation, gradient: Some(entry.gradient), is_inner: true }
        });
        rows.splice(1..1, inner);
    }
    Ok(Propagation { rows })
}

/// The output of a layer; notes it, or those of the layer's own stages.
fn through<F: Real>(
    path: String,
    layer: &dyn Layer<F>,
    x: &Var<F>,
    passed: &mut Vec<(String, Var<F>)>,
) -> Result<Var<F>> {
    let stages = layer.stages();
    if stages.is_empty() {
        let y = layer.forward_at(&path, x)?;
        passed.push((path, y.clone()));
        return Ok(y);
    }
    stages.into_iter().try_fold(x.clone(), |x, (name, stage)| through(format!("{path}.{name}"), stage, &x, passed))
}

impl fmt::Display for Propagation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = ["", "activation mean", "variance", "gradient mean", "variance", "verdict"].map(str::to_owned);
        let rows = self.rows.iter().map(|row| {
            let [activation, gradient] = [row.activation, row.gradient].map(|moments| {
                [moments.map(|m| m.mean), moments.map(|m| m.variance)]
                    .map(|x| table::or_dash(x, |x| format!("{x:.2e}")))
            });
            let ([a, b], [c, d]) = (activation, gradient);
            [row.name.clone(), a, b, c, d, row.verdict().to_string()]
        });
        let table: Vec<_> = std::iter::once(header).chain(rows).collect();
        table::write(f, &table)?;
        writeln!(f, "{}", self.verdict())
    }
}
