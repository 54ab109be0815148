//! Functions of the plane on which rules show their character.
//!
//! Each is made of operations of the tape, so that its gradient needs no formula, and works element by element: given arrays it
//! returns an array, which is how contour lines are drawn.

use gradus_autograd::{Real, Var};
use gradus_nn_layers::Result;

fn number<F: Real>(x: f64) -> F {
    F::from_f64(x)
}

/// A ravine, 25 times as steep across as along. Its minimum is 0 at (0, 0).
///
/// ```text
/// f(x, y) = (x² + 25 y²) / 2
/// ```
///
/// Plain descent swings across and creeps along; momentum evens that out. The Hessian's eigenvalues are 1 and 25: descent diverges
/// above a rate of 2/25.
///
/// # Errors
/// If the shapes of `x` and `y` do not fit each other.
pub fn ravine<F: Real>(x: &Var<F>, y: &Var<F>) -> Result<Var<F>> {
    Ok(x.square().try_add(&y.square().mul_scalar(number(25.0)))?.mul_scalar(number(0.5)))
}

/// A saddle that turns downwards without end along `y`. At (0, 0) the gradient is 0.
///
/// ```text
/// f(x, y) = x² − y²
/// ```
///
/// From a place beside the ridge, rules that scale by the gradient's size leave it soonest.
///
/// # Errors
/// If the shapes of `x` and `y` do not fit each other.
pub fn saddle<F: Real>(x: &Var<F>, y: &Var<F>) -> Result<Var<F>> {
    Ok(x.square().try_sub(&y.square())?)
}

/// Rosenbrock's bent valley, whose flat floor leads to the minimum of 0 at (1, 1).
///
/// ```text
/// f(x, y) = (1 − x)² + 100 (y − x²)²
/// ```
///
/// # Errors
/// If the shapes of `x` and `y` do not fit each other.
///
/// # References
/// H. H. Rosenbrock, *An automatic method for finding the greatest or least value of a function*, The Computer Journal 3(3), 1960
pub fn rosenbrock<F: Real>(x: &Var<F>, y: &Var<F>) -> Result<Var<F>> {
    let aside = y.try_sub(&x.square())?.square().mul_scalar(number(100.0));
    Ok(x.add_scalar(number(-1.0)).square().try_add(&aside)?)
}

/// Beale's function: plains with walls at the corners, and a minimum of 0 at (3, 1/2).
///
/// ```text
/// f(x, y) = (1.5 − x + x y)² + (2.25 − x + x y²)² + (2.625 − x + x y³)²
/// ```
///
/// # Errors
/// If the shapes of `x` and `y` do not fit each other.
///
/// # References
/// E. M. L. Beale, *On an iterative method of finding a local minimum of a function of more than one variable*, 1958
pub fn beale<F: Real>(x: &Var<F>, y: &Var<F>) -> Result<Var<F>> {
    let term = |constant: f64, power: &Var<F>| -> Result<Var<F>> {
        Ok(x.try_mul(power)?.try_sub(x)?.add_scalar(number(constant)).square())
    };
    let squared = y.square();
    let cubed = squared.try_mul(y)?;
    Ok(term(1.5, y)?.try_add(&term(2.25, &squared)?)?.try_add(&term(2.625, &cubed)?)?)
}
