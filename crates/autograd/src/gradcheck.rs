//! Is a derivative right? Differences of the function itself are the judge, or dual numbers.
//!
//! | check | judge | passes | allowed |
//! | --- | --- | --- | --- |
//! | [`gradcheck()`] | central differences, each element by itself | 2 for each element | 1e-7 |
//! | [`fast`] | one central difference, along a random direction | 2 | 1e-7 |
//! | [`exact`] | [`Dual`](crate::Dual) numbers, each element by itself | 1 for each element | 1e-11 |
//! | [`second_order`] | differences of gradients, against the tape over dual numbers | 2 | 1e-7 |
//!
//! The other way round, [`grade`] marks a backward rule written by hand, with the tape as the judge.

mod fast;
mod grade;
mod report;
mod with_duals;

pub use fast::fast;
pub use grade::{Grade, Mark, grade};
pub use report::{Derivative, Report};
pub use with_duals::{exact, second_order};

use crate::derivatives::{call, pull_back};
use crate::{Error, Result, Tape, Value, Var};
use gradus_linalg::Real;
use ndarray::{ArrayD, Dimension};
use report::Comparison;

/// The largest error that [`gradcheck`] allows. Central differences in `f64` are right to about 1e-10.
pub const TOLERANCE: f64 = 1e-7;

/// The largest error that [`exact`] allows: nothing is lost but what rounding takes.
pub const EXACT_TOLERANCE: f64 = 1e-11;

/// Compares the gradients of `f` at `inputs` with central differences, element by element.
///
/// ```text
/// ∂L/∂xᵢ ≈ (L(x + h eᵢ) − L(x − h eᵢ)) / 2h        L = Σ y · c,  h = ∛ε · max(1, |xᵢ|)
/// ```
///
/// The weights `c` of the outputs are fixed numbers of changing size and sign, so that errors do not cancel. Keep the
/// inputs away from kinks (`relu` at 0): a difference across one is no derivative.
///
/// # Errors
/// [`Error::Gradcheck`] names the worst derivative if its error exceeds [`TOLERANCE`]; [`Error::Function`] if `f` fails.
///
/// # Examples
/// ```
/// use gradus_autograd::{Var, gradcheck, ndarray::array};
/// let inputs = [array![0.3, -1.2].into_dyn(), array![2.0, 0.5].into_dyn()];
/// let report = gradcheck(|x: &[Var<f64>]| (&x[0] * &x[1]).tanh().try_sub(&x[0]), &inputs)?;
/// assert_eq!(report.checked, 4);
/// println!("{report}"); // 4 derivatives; worst: input 1 at [0]: backward says …
/// # Ok::<(), gradus_autograd::Error>(())
/// ```
///
/// # References
/// A. Griewank, A. Walther, *Evaluating Derivatives*, 2nd ed., 2008, section 1.1 (why the step is ∛ε).
pub fn gradcheck<E>(f: impl Fn(&[Var<f64>]) -> Result<Var<f64>, E>, inputs: &[ArrayD<f64>]) -> Result<Report>
where
    E: std::error::Error + Send + Sync + 'static,
{
    against_differences(&|x| call(&f, x), inputs)
}

/// What is checked, its error made one of this crate's. Not generic over it: a check is compiled once, not with each function.
type Checked<'f, F> = dyn Fn(&[Var<F>]) -> Result<Var<F>> + 'f;

#[cfg_attr(not(debug_assertions), inline)] // compiled where it is used: CONTRIBUTING, "What few programs call"
fn against_differences(f: &Checked<'_, f64>, inputs: &[ArrayD<f64>]) -> Result<Report> {
    let gradients = gradients(f, inputs)?;
    let mut comparison = Comparison::new("differences", TOLERANCE);
    let mut shifted = inputs.to_vec();
    for (input, analytic) in gradients.iter().enumerate() {
        for (index, &analytic) in analytic.indexed_iter() {
            let x = inputs[input][&index];
            let step = f64::EPSILON.cbrt() * x.abs().max(1.0);
            let (above, below) = (x + step, x - step);
            shifted[input][&index] = above;
            let up = outputs(f, &shifted)?;
            shifted[input][&index] = below;
            let down = outputs(f, &shifted)?;
            shifted[input][&index] = x;
            let numeric = weighted_difference(&up, &down) / (above - below);
            comparison.add(Some((input, index.slice())), analytic, numeric);
        }
    }
    comparison.finish()
}

/// The value does not depend on how the numbers lie in memory.
pub(crate) fn same_in_any_layout<E>(
    f: &impl Fn(&[Var<f64>]) -> Result<Var<f64>, E>,
    inputs: &[ArrayD<f64>],
) -> Result<()>
where
    E: std::error::Error + Send + Sync + 'static,
{
    same_as_row_major(&|x| call(f, x), inputs)
}

#[cfg_attr(not(debug_assertions), inline)]
fn same_as_row_major(f: &Checked<'_, f64>, inputs: &[ArrayD<f64>]) -> Result<()> {
    let row_major: Vec<_> = inputs.iter().map(|x| x.as_standard_layout().into_owned()).collect();
    let (as_given, expected) = (outputs(f, inputs)?, outputs(f, &row_major)?);
    let far = |a: f64, b: f64| a != b && (a - b).abs() > 1e-13 * (1.0 + a.abs().max(b.abs()));
    let wrong = as_given.indexed_iter().zip(expected.iter()).find(|((_, a), b)| far(**a, **b));
    match wrong {
        Some(((index, &given), &row_major)) => Err(Error::Layout { index: index.slice().to_vec(), given, row_major }),
        None => Ok(()),
    }
}

/// What the backward pass says: the gradients of `Σ y · c`.
fn gradients<F: Real>(f: &Checked<'_, F>, inputs: &[ArrayD<F>]) -> Result<Vec<Value<F>>> {
    let (y, weights, variables) = weighted(f, inputs)?;
    pull_back(&y, weights, &variables)
}

/// The weights `c`, and the gradients of `Σ y · c`.
fn gradients_of(f: &Checked<'_, f64>, inputs: &[ArrayD<f64>]) -> Result<(ArrayD<f64>, Vec<ArrayD<f64>>)> {
    let (y, weights, variables) = weighted(f, inputs)?;
    let gradients = pull_back(&y, weights.clone(), &variables)?;
    Ok((weights, gradients.into_iter().map(Value::into_array).collect()))
}

/// The function recorded, the weights of its outputs, and its inputs.
type Weighted<F> = (Var<F>, ArrayD<F>, Vec<Var<F>>);

fn weighted<F: Real>(f: &Checked<'_, F>, inputs: &[ArrayD<F>]) -> Result<Weighted<F>> {
    let tape = Tape::recording();
    let variables: Vec<_> = inputs.iter().map(|x| tape.variable(x.clone())).collect();
    let y = f(&variables)?;
    if !y.needs_gradient() {
        return Err(Error::NotRecorded);
    }
    let weights = (0..y.value().len()).map(|i| F::from_f64(weight(i))).collect();
    let weights = ArrayD::from_shape_vec(y.shape(), weights).expect("one weight was made for each output");
    Ok((y, weights, variables))
}

/// The function run, and nothing recorded.
fn outputs<F: Real>(f: &Checked<'_, F>, inputs: &[ArrayD<F>]) -> Result<Value<F>> {
    // A tape that records, lest the function should do something else on one that does not.
    let tape = Tape::recording();
    let variables: Vec<_> = inputs.iter().map(|x| tape.variable(x.clone())).collect();
    Ok(f(&variables)?.value().clone())
}

/// `Σ c (up − down)`: differences first, sum afterwards, so that what did not move cancels exactly.
#[cfg_attr(not(debug_assertions), inline)] // compiled where it is used: CONTRIBUTING, "What few programs call"
fn weighted_difference(up: &Value<f64>, down: &Value<f64>) -> f64 {
    up.iter().zip(down.iter()).enumerate().map(|(i, (up, down))| weight(i) * up - weight(i) * down).sum()
}

/// A weight between −1.1 and 1.1 for the i-th output: the fractional part of multiples of the golden ratio.
#[cfg_attr(not(debug_assertions), inline)]
fn weight(i: usize) -> f64 {
    let part = ((i + 1) as f64 * 0.618_033_988_749_894_9).fract();
    2.0 * part - 1.0 + if part >= 0.5 { 0.1 } else { -0.1 }
}

/// A direction in which every element moves, by 0.5 to 1 times its size, at random but the same in every run.
#[cfg_attr(not(debug_assertions), inline)]
fn direction(inputs: &[ArrayD<f64>]) -> Vec<ArrayD<f64>> {
    let mut state = 0_u64;
    let mut component = |x: &f64| {
        // SplitMix64: Steele, Lea, Flood, Fast splittable pseudorandom number generators, 2014.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        let size = 0.5 + 0.5 * (bits >> 11) as f64 / (1_u64 << 53) as f64;
        x.abs().max(1.0) * if bits & 1 == 0 { size } else { -size }
    };
    inputs.iter().map(|x| x.map(&mut component)).collect()
}

/// The inputs moved along a direction.
#[cfg_attr(not(debug_assertions), inline)]
fn moved(inputs: &[ArrayD<f64>], along: &[ArrayD<f64>], by: f64) -> Vec<ArrayD<f64>> {
    inputs.iter().zip(along).map(|(x, v)| x + &(v * by)).collect()
}
