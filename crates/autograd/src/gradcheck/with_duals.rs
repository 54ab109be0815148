//! Checks that run the function over dual numbers.

use super::{Comparison, EXACT_TOLERANCE, Report, TOLERANCE, direction, gradients, moved, outputs, weight};
use crate::derivatives::{call, nudged};
use crate::{Dual, Function, Result, Var};
use ndarray::{ArrayD, Dimension, Zip};

/// Compares the gradients of a function with forward mode, element by element.
///
/// ```text
/// ∂L/∂xᵢ = L'(x + ε eᵢ),  ε² = 0        L = Σ y · c
/// ```
///
/// [`Dual`] numbers have no step and lose nothing, so that the two must agree to [`EXACT_TOLERANCE`]: errors show that
/// differences would hide. At a kink forward mode takes the slope of one branch: keep away from those here too.
///
/// # Errors
/// [`Error::Gradcheck`](crate::Error::Gradcheck) names the worst derivative; [`Error::Function`](crate::Error::Function)
/// if the function fails.
///
/// # Examples
/// ```
/// use gradus_autograd::{function, gradcheck, ndarray::array};
/// let report = gradcheck::exact(&function!(|x| x.gelu()), &[array![-1.5, 0.0, 3.0].into_dyn()])?;
/// assert!(report.worst_error < 1e-14);
/// # Ok::<(), gradus_autograd::Error>(())
/// ```
///
/// # References
/// A. Griewank, A. Walther, *Evaluating Derivatives*, 2nd ed., 2008, chapter 3.
#[cfg_attr(not(debug_assertions), inline)] // compiled where it is used: CONTRIBUTING, "What few programs call"
pub fn exact(f: &Function<'_>, inputs: &[ArrayD<f64>]) -> Result<Report> {
    let gradients = gradients(&|x| plainly(f, x), inputs)?;
    let constants: Vec<_> = inputs.iter().map(|x| x.mapv(Dual::constant)).collect();
    let mut comparison = Comparison::new("dual numbers", EXACT_TOLERANCE);
    for (input, analytic) in gradients.iter().enumerate() {
        for (place, (index, &analytic)) in analytic.indexed_iter().enumerate() {
            let y = outputs(&|x| with_duals(f, x), &nudged(constants.clone(), input, place))?;
            let forward: f64 = y.iter().enumerate().map(|(i, y)| weight(i) * y.derivative()).sum();
            comparison.add(Some((input, index.slice())), analytic, forward);
        }
    }
    comparison.finish()
}

/// Compares second derivatives along one random direction: the tape over [`Dual`] numbers, as [`hvp`](crate::hvp())
/// has it, with central differences of gradients.
///
/// ```text
/// H v ≈ (g(x + h v) − g(x − h v)) / 2h        g = ∂(Σ y · c)/∂x,  h = ∛ε
/// ```
///
/// For smooth functions; where a gradient jumps there is no second derivative.
///
/// # Errors
/// [`Error::Gradcheck`](crate::Error::Gradcheck) names the element of `H v` with the largest error, if that exceeds
/// [`TOLERANCE`]; [`Error::Function`](crate::Error::Function) if the function fails.
///
/// # Examples
/// ```
/// use gradus_autograd::{function, gradcheck, ndarray::array};
/// let report = gradcheck::second_order(&function!(|x| x.log_softmax(0)), &[array![0.1, -0.7, 2.0].into_dyn()])?;
/// assert_eq!(report.checked, 3);
/// # Ok::<(), gradus_autograd::Error>(())
/// ```
///
/// # References
/// B. A. Pearlmutter, *Fast exact multiplication by the Hessian*, Neural Computation 6(1), 1994.
#[cfg_attr(not(debug_assertions), inline)]
pub fn second_order(f: &Function<'_>, inputs: &[ArrayD<f64>]) -> Result<Report> {
    let along = direction(inputs);
    let dual: Vec<_> =
        inputs.iter().zip(&along).map(|(x, v)| Zip::from(x).and(v).map_collect(|&x, &v| Dual::new(x, v))).collect();
    let products = gradients(&|x| with_duals(f, x), &dual)?;
    let step = f64::EPSILON.cbrt();
    let at = |by: f64| gradients(&|x| plainly(f, x), &moved(inputs, &along, by));
    let (up, down) = (at(step)?, at(-step)?);
    let mut comparison = Comparison::new("differences of gradients", TOLERANCE);
    for (input, product) in products.iter().enumerate() {
        for (index, product) in product.indexed_iter() {
            let numeric = (up[input][&index] - down[input][&index]) / (2.0 * step);
            comparison.add(Some((input, index.slice())), product.derivative(), numeric);
        }
    }
    comparison.finish()
}

/// The function over plain numbers, its error marked as one of the function.
#[cfg_attr(not(debug_assertions), inline)]
fn plainly(f: &Function<'_>, x: &[Var<f64>]) -> Result<Var<f64>> {
    call(&|x: &[_]| f.call(x), x)
}

/// The function over dual numbers, its error marked likewise.
#[cfg_attr(not(debug_assertions), inline)]
fn with_duals(f: &Function<'_>, x: &[Var<Dual<f64>>]) -> Result<Var<Dual<f64>>> {
    call(&|x: &[_]| f.call_dual(x), x)
}
