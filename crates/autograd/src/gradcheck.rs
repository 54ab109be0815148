//! Is a derivative right? Differences of the function itself are the judge.

use crate::{Error, Result, Tape, Value, Var};
use ndarray::{ArrayD, Dimension};

/// What a gradient check found.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// How many derivatives were compared.
    pub checked: usize,
    /// The largest error, relative to `1 + the larger of the two`.
    pub worst_error: f64,
}

/// The largest error that [`gradcheck`] allows. Central differences in `f64` are right to about 1e-10.
pub const TOLERANCE: f64 = 1e-7;

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
/// # Ok::<(), gradus_autograd::Error>(())
/// ```
///
/// # References
/// A. Griewank, A. Walther, *Evaluating Derivatives*, 2nd ed., 2008, section 1.1 (why the step is ∛ε).
pub fn gradcheck<E>(f: impl Fn(&[Var<f64>]) -> Result<Var<f64>, E>, inputs: &[ArrayD<f64>]) -> Result<Report>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let run = |inputs: &[ArrayD<f64>]| -> Result<Pass> {
        let tape = Tape::recording();
        let variables: Vec<_> = inputs.iter().map(|x| tape.variable(x.clone())).collect();
        let y = f(&variables).map_err(|error| Error::Function(Box::new(error)))?;
        let weights = ArrayD::from_shape_vec(y.shape(), (0..y.value().len()).map(weight).collect())
            .expect("one weight was made for each output");
        Ok(Pass { variables, y, weights })
    };
    let Pass { variables, y, weights } = run(inputs)?;
    if !y.needs_gradient() {
        return Err(Error::NotRecorded);
    }
    let gradients = y.backward_with(weights)?;

    let mut report = Report { checked: 0, worst_error: 0.0 };
    let mut worst = None;
    let mut shifted = inputs.to_vec();
    for (input, variable) in variables.iter().enumerate() {
        let analytic = gradients.get(variable).cloned().unwrap_or_else(|| Value::zeros(variable.value.raw_dim()));
        for (index, &analytic) in analytic.indexed_iter() {
            let x = inputs[input][&index];
            let step = f64::EPSILON.cbrt() * x.abs().max(1.0);
            let mut at = |x: f64| -> Result<Value<f64>> {
                shifted[input][&index] = x;
                let Pass { y, weights, .. } = run(&shifted)?;
                Ok((weights * &**y.value()).into())
            };
            let (above, below) = (at(x + step)?, at(x - step)?);
            shifted[input][&index] = x;
            // Differences first, sum afterwards: what does not depend on x cancels exactly.
            let difference: f64 = above.iter().zip(below.iter()).map(|(a, b)| a - b).sum();
            let numeric = difference / ((x + step) - (x - step));
            let error = (analytic - numeric).abs() / (1.0 + analytic.abs().max(numeric.abs()));
            report.checked += 1;
            if error > report.worst_error || error.is_nan() {
                report.worst_error = error;
                worst = Some((input, index.slice().to_vec(), analytic, numeric));
            }
        }
    }
    match worst {
        Some((input, index, analytic, numeric)) if report.worst_error > TOLERANCE || report.worst_error.is_nan() => {
            let (error, allowed) = (report.worst_error, TOLERANCE);
            Err(Error::Gradcheck { input, index, analytic, numeric, error, allowed })
        }
        _ => Ok(report),
    }
}

/// The function run once: its inputs, its output, and the weight of each number of the output.
struct Pass {
    variables: Vec<Var<f64>>,
    y: Var<f64>,
    weights: ArrayD<f64>,
}

/// A weight between −1 and 1 for the i-th output: the fractional part of multiples of the golden ratio.
fn weight(i: usize) -> f64 {
    let part = ((i + 1) as f64 * 0.618_033_988_749_894_9).fract();
    2.0 * part - 1.0 + if part >= 0.5 { 0.1 } else { -0.1 }
}
