//! One look at the gradients of a step.
//!
//! What is said of them is what [`health`](gradus_nn_layers::health) says, with its bounds, and a test holds the two together. This one
//! reads the numbers once and with vectors, for it runs within training.

use super::GradientRecord;
use gradus_autograd::{Gradients, Real, Value};
use gradus_linalg::simd::vectorized;
use gradus_nn_layers::{Module, Parameter, Verdict};

/// Root mean square of a gradient, relative to the largest of the model's, below which it vanishes.
const VANISHING: f64 = 1e-4;
/// `‖g‖ / ‖w‖` above which it explodes.
const EXPLODING: f64 = 100.0;
/// Share of a unit's gradient in the largest one's below which it is saturated.
const FAINT: f64 = 1e-3;
/// Share of such units, or of dead ones, from which on it is the parameter's verdict.
const MANY: f64 = 0.5;

pub(super) fn look<F: Real>(
    model: &(impl Module<F> + ?Sized),
    gradients: &Gradients<F>,
    epoch: usize,
    step: u64,
) -> Vec<GradientRecord> {
    let trained = model.parameters().into_iter().filter(|(_, parameter)| parameter.is_trainable());
    let seen: Vec<_> = trained.map(|(name, parameter)| (name, Seen::of(parameter, gradients.get(parameter)))).collect();
    let largest = seen.iter().map(|(_, seen)| seen.rms()).filter(|rms| rms.is_finite()).fold(0.0, f64::max);
    let record = |(parameter, seen): (String, Seen)| GradientRecord {
        epoch,
        step,
        parameter,
        numbers: seen.numbers,
        norm: seen.squares.sqrt(),
        weight_norm: seen.weight_squares.sqrt(),
        zeros: seen.zeros / seen.numbers.max(1) as f64,
        not_finite: seen.not_finite as f64 / seen.numbers.max(1) as f64,
        verdict: seen.verdict(largest),
    };
    seen.into_iter().map(record).collect()
}

/// What a look at one parameter shows.
struct Seen {
    numbers: usize,
    squares: f64,
    zeros: f64,
    not_finite: usize,
    weight_squares: f64,
    /// The shares of dead and of saturated units, of a parameter that has units.
    units: Option<[f64; 2]>,
}

impl Seen {
    fn of<F: Real>(parameter: &Parameter<F>, gradient: Option<&Value<F>>) -> Self {
        let (weights, numbers) = (parameter.value(), parameter.value().len());
        let weights = weights.as_standard_layout();
        let weight_squares = squares(weights.as_slice().expect("the standard layout is a slice"));
        let Some(gradient) = gradient else {
            return Self { numbers, squares: 0.0, zeros: numbers as f64, not_finite: 0, weight_squares, units: None };
        };
        let has_units = gradient.ndim() >= 2 && numbers > 0;
        let units = sums(gradient, if has_units { gradient.shape()[0] } else { 1 });
        let [squares, zeros] = units.iter().fold([0.0; 2], |[a, b], [c, d]| [a + c, b + d]);
        let not_finite = if squares.is_finite() { 0 } else { gradient.iter().filter(|g| !g.is_finite()).count() };
        let faint = FAINT * FAINT * units.iter().fold(0.0_f64, |most, [squares, _]| most.max(*squares));
        let share = |fits: &dyn Fn(f64) -> bool| {
            units.iter().filter(|[squares, _]| fits(*squares)).count() as f64 / units.len() as f64
        };
        let units =
            has_units.then(|| [share(&|squares| squares == 0.0), share(&|squares| squares > 0.0 && squares < faint)]);
        Self { numbers, squares, zeros, not_finite, weight_squares, units }
    }

    /// The root mean square of the gradient.
    fn rms(&self) -> f64 {
        (self.squares / self.numbers.max(1) as f64).sqrt()
    }

    fn verdict(&self, largest_rms: f64) -> Verdict {
        let exploding = EXPLODING * EXPLODING * self.weight_squares;
        match self.units {
            _ if !self.squares.is_finite() || !self.weight_squares.is_finite() => Verdict::NotFinite,
            _ if self.zeros == self.numbers as f64 => Verdict::Missing,
            Some([dead, _]) if dead >= MANY => Verdict::Dead,
            Some(_) if self.weight_squares > 0.0 && self.squares > exploding => Verdict::Exploding,
            _ if self.rms() < VANISHING * largest_rms => Verdict::Vanishing,
            Some([_, saturated]) if saturated >= MANY => Verdict::Saturated,
            _ => Verdict::Healthy,
        }
    }
}

/// Of each of so many equal parts of an array, in row-major order, the sum of squares and the number of zeros.
fn sums<F: Real>(array: &Value<F>, parts: usize) -> Vec<[f64; 2]> {
    if array.is_empty() {
        return vec![[0.0; 2]; parts.max(1)];
    }
    let standard = array.as_standard_layout();
    let numbers = standard.as_slice().expect("the standard layout is a slice");
    let mut sums = Vec::with_capacity(parts);
    for part in numbers.chunks(numbers.len() / parts) {
        sums.push([squares(part), part.iter().filter(|x| x.is_zero()).count() as f64]);
    }
    sums
}

/// The sum of squares, in `f64`, so that those of `f32` neither overflow nor are lost.
fn squares<F: Real>(numbers: &[F]) -> f64 {
    vectorized(
        #[inline(always)]
        || {
            let mut lanes = [0.0; 16];
            let chunks = numbers.chunks_exact(16);
            let rest = chunks.remainder();
            for chunk in chunks {
                for (lane, x) in lanes.iter_mut().zip(chunk) {
                    *lane += x.to_f64() * x.to_f64();
                }
            }
            for (lane, x) in lanes.iter_mut().zip(rest) {
                *lane += x.to_f64() * x.to_f64();
            }
            lanes.iter().sum()
        },
    )
}
