//! One direction instead of all.

use super::{Checked, Comparison, Report, TOLERANCE, direction, gradients, moved, outputs, weighted_difference};
use crate::derivatives::call;
use crate::{Result, Var};
use ndarray::ArrayD;

/// Compares the derivative of `f` along one random direction with a central difference.
///
/// ```text
/// ⟨∂L/∂x, v⟩ ≈ (L(x + h v) − L(x − h v)) / 2h        L = Σ y · c,  h = ∛ε,  |vᵢ| = ½ … 1 times max(1, |xᵢ|)
/// ```
///
/// Two passes, whatever the number of inputs; a wrong derivative shows, since the direction moves every element, but
/// which one it is only [`gradcheck`](super::gradcheck()) can say. The direction is the same in every run.
///
/// # Errors
/// [`Error::GradcheckDirection`](crate::Error::GradcheckDirection) if the error exceeds [`TOLERANCE`];
/// [`Error::Function`](crate::Error::Function) if `f` fails.
///
/// # Examples
/// ```
/// use gradus_autograd::{Var, gradcheck, ndarray::Array};
/// let x = Array::linspace(-3.0, 3.0, 1000).into_dyn();
/// let report = gradcheck::fast(|x: &[Var<f64>]| x[0].softmax(0), &[x])?;
/// assert_eq!(report.checked, 1);
/// # Ok::<(), gradus_autograd::Error>(())
/// ```
pub fn fast<E>(f: impl Fn(&[Var<f64>]) -> Result<Var<f64>, E>, inputs: &[ArrayD<f64>]) -> Result<Report>
where
    E: std::error::Error + Send + Sync + 'static,
{
    along_a_direction(&|x| call(&f, x), inputs)
}

#[cfg_attr(not(debug_assertions), inline)] // compiled where it is used: CONTRIBUTING, "What few programs call"
fn along_a_direction(f: &Checked<'_, f64>, inputs: &[ArrayD<f64>]) -> Result<Report> {
    let gradients = gradients(f, inputs)?;
    if inputs.iter().all(ArrayD::is_empty) {
        return Ok(Report::default()); // nothing can move, also where the value is NaN
    }
    let along = direction(inputs);
    let products = gradients.iter().zip(&along).map(|(g, v)| g.iter().zip(v).map(|(g, v)| g * v).sum::<f64>());
    let analytic = products.sum::<f64>();
    let step = f64::EPSILON.cbrt();
    let (up, down) = (outputs(f, &moved(inputs, &along, step))?, outputs(f, &moved(inputs, &along, -step))?);
    let mut comparison = Comparison::new("a difference", TOLERANCE);
    comparison.add(None, analytic, weighted_difference(&up, &down) / (2.0 * step));
    comparison.finish()
}
