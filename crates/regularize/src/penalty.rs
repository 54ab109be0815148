//! Penalties on the parameters, as functions of a model that add to the loss.
//!
//! ```
//! use gradus_nn_layers::{Layer, Linear, Tape, ndarray::array};
//! use gradus_regularize::penalty;
//! use rand::{SeedableRng, rngs::StdRng};
//!
//! let model: Linear = Linear::new(2, 1, &mut StdRng::seed_from_u64(7));
//! let tape = Tape::recording();
//! let loss = model.forward(&tape.input(array![[1.0, 2.0]]))?.square().mean();
//! let loss = loss + &penalty::l2(&tape, &model, penalty::all_but_biases, 1e-4)?;
//! # let _ = loss.backward()?;
//! # Ok::<(), gradus_nn_layers::Error>(())
//! ```
//!
//! # Penalty or decay
//!
//! The gradient of [`l2`] is `λ w`: a pull towards 0. With plain gradient descent a step then multiplies each weight by
//! `1 − lr · λ`, which is weight decay; penalty and decay are the same. With an optimizer that rescales gradients they are
//! not: Adam divides `λ w` by the size of past gradients, and weights with large gradients hardly decay. Decay that
//! leaves the gradient alone is *decoupled*; it lives in the optimizer, `gradus_optim::AdamW`.
//!
//! Under Adam, and of weights whose gradients are noise of size `s` alone, the penalty's pull is about `λ w / s`: a hundred times the noise,
//! a hundredth of the decay. The example `ablation` measures and draws it.
//!
//! # References
//! - A. E. Hoerl, R. W. Kennard, *Ridge regression*, Technometrics 12(1), 1970 (L2)
//! - H. Zou, T. Hastie, *Regularization and variable selection via the elastic net*, JRSS B 67(2), 2005,
//!   <https://doi.org/10.1111/j.1467-9868.2005.00503.x>
//! - R. Tibshirani, *Regression shrinkage and selection via the lasso*, JRSS B 58(1), 1996 (L1)
//! - I. Loshchilov, F. Hutter, *Decoupled weight decay regularization*, ICLR 2019, <https://arxiv.org/abs/1711.05101>

use crate::error::hold;
use crate::{Error, Result};
use gradus_autograd::{Real, Tape, Value, Var};
use gradus_linalg::elementwise::{map, sum_slice, update};
use gradus_nn_layers::{Item, Module};

/// Half the strength times the sum of the squares of every trainable parameter whose name `which` picks.
///
/// ```text
/// y  = λ/2 · Σ w²
/// dw = dy · λ w
/// ```
///
/// The factor ½ makes `λ` the same as the `weight_decay` of optimizers. One entry of the tape, whatever the number of
/// parameters.
///
/// # Errors
/// [`Error::HyperParameter`] if the strength is negative or not finite; [`Error::NothingPicked`].
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Parameter, Tape, ndarray::array};
/// use gradus_regularize::penalty;
/// let w: Parameter<f64> = array![3.0, -4.0].into();
/// let tape = Tape::recording();
/// let y = penalty::l2(&tape, &w, |_: &str| true, 0.2)?;
/// assert_eq!(y.item(), Some(2.5));
/// assert_eq!(y.backward()?.get(&w).unwrap(), &array![0.2 * 3.0, 0.2 * -4.0]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
#[track_caller]
pub fn l2<F: Real>(
    tape: &Tape<F>,
    model: &dyn Module<F>,
    which: impl Fn(&str) -> bool,
    strength: f64,
) -> Result<Var<F>> {
    let picked = pick("l2 penalty", tape, model, which)?;
    l2_of(tape, &picked.iter().collect::<Vec<_>>(), strength)
}

/// The strength times the sum of the absolute values of every trainable parameter whose name `which` picks.
///
/// ```text
/// y  = λ · Σ |w|
/// dw = dy · λ sign(w)      sign(0) = 0
/// ```
///
/// It pulls small weights all the way to 0 (or around it, by steps of `lr · λ`).
///
/// # Errors
/// As [`l2`].
#[track_caller]
pub fn l1<F: Real>(
    tape: &Tape<F>,
    model: &dyn Module<F>,
    which: impl Fn(&str) -> bool,
    strength: f64,
) -> Result<Var<F>> {
    let picked = pick("l1 penalty", tape, model, which)?;
    l1_of(tape, &picked.iter().collect::<Vec<_>>(), strength)
}

/// The elastic net: a mixture of both penalties on every trainable parameter whose name `which` picks.
///
/// ```text
/// y  = λ (ρ Σ |w| + (1 − ρ)/2 · Σ w²)
/// dw = dy · λ (ρ sign(w) + (1 − ρ) w)
/// ```
///
/// The share `ρ`, from 0 (L2) to 1 (L1), is scikit-learn's `l1_ratio`. L1 alone keeps one of several weights that do
/// the same and drops the others; the share of L2 keeps them together.
///
/// # Errors
/// As [`l2`], and [`Error::HyperParameter`] if the share is not between 0 and 1.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Parameter, Tape, ndarray::array};
/// use gradus_regularize::penalty;
/// let w: Parameter<f64> = array![3.0, -4.0].into();
/// let tape = Tape::recording();
/// let y = penalty::elastic_net(&tape, &w, |_: &str| true, 0.5, 0.25)?;
/// assert_eq!(y.item(), Some(0.5 * (0.25 * 7.0 + 0.75 / 2.0 * 25.0)));
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
#[track_caller]
pub fn elastic_net<F: Real>(
    tape: &Tape<F>,
    model: &dyn Module<F>,
    which: impl Fn(&str) -> bool,
    strength: f64,
    l1_share: f64,
) -> Result<Var<F>> {
    const OPERATION: &str = "elastic-net penalty";
    check(OPERATION, strength)?;
    hold((0.0..=1.0).contains(&l1_share), OPERATION, "l1_share", l1_share, "between 0 and 1")?;
    let picked = pick(OPERATION, tape, model, which)?;
    let (l1, l2) = (F::from_f64(l1_share), F::from_f64(1.0 - l1_share));
    let half = F::from_f64(0.5);
    let term = move |w: F| l1 * w.abs() + half * l2 * w * w;
    let slope = move |w: F| l1 * sign(w) + l2 * w;
    Ok(record(OPERATION, tape, &picked.iter().collect::<Vec<_>>(), strength, term, strength, slope))
}

/// Half the strength times the sum of the squares of any variables: activations, say. 0 if there are none.
///
/// # Errors
/// [`Error::HyperParameter`] if the strength is negative or not finite.
#[track_caller]
pub fn l2_of<F: Real>(tape: &Tape<F>, variables: &[&Var<F>], strength: f64) -> Result<Var<F>> {
    check("l2 penalty", strength)?;
    Ok(record("l2 penalty", tape, variables, strength / 2.0, |w| w * w, strength, |w| w))
}

/// The strength times the sum of the absolute values of any variables. 0 if there are none.
///
/// # Errors
/// [`Error::HyperParameter`] if the strength is negative or not finite.
#[track_caller]
pub fn l1_of<F: Real>(tape: &Tape<F>, variables: &[&Var<F>], strength: f64) -> Result<Var<F>> {
    check("l1 penalty", strength)?;
    Ok(record("l1 penalty", tape, variables, strength, Real::abs, strength, sign))
}

/// Picks every parameter but biases: those whose last name does not begin with `bias`. A bias moves the output as a whole;
/// to pull it towards 0 prevents no over-fitting.
#[must_use]
pub fn all_but_biases(name: &str) -> bool {
    !name.rsplit('.').next().unwrap_or(name).starts_with("bias")
}

fn sign<F: Real>(w: F) -> F {
    match w.partial_cmp(&F::zero()) {
        Some(std::cmp::Ordering::Greater) => F::one(),
        Some(std::cmp::Ordering::Less) => -F::one(),
        _ => w * F::zero(), // 0, or NaN
    }
}

fn check(operation: &'static str, strength: f64) -> Result<()> {
    hold(strength.is_finite() && strength >= 0.0, operation, "strength", strength, "finite and not negative")
}

/// The picked parameters, on the tape.
#[track_caller]
fn pick<F: Real>(
    operation: &'static str,
    tape: &Tape<F>,
    model: &dyn Module<F>,
    which: impl Fn(&str) -> bool,
) -> Result<Vec<Var<F>>> {
    let (mut picked, mut names) = (Vec::new(), Vec::new());
    model.visit(&mut |name, item| match item {
        Item::Parameter(parameter) if parameter.is_trainable() => {
            if which(name) {
                picked.push(parameter);
            } else if picked.is_empty() {
                names.push(name.to_owned());
            }
        }
        _ => {}
    });
    if picked.is_empty() {
        return Err(Error::NothingPicked { operation, names });
    }
    Ok(picked.into_iter().map(|parameter| tape.parameter(parameter)).collect())
}

/// Records `factor · Σ term(w)`, whose derivative is `slope_factor · slope(w)`.
#[track_caller]
fn record<F: Real>(
    operation: &'static str,
    tape: &Tape<F>,
    variables: &[&Var<F>],
    factor: f64,
    term: impl Fn(F) -> F + Sync,
    slope_factor: f64,
    slope: impl Fn(F) -> F + Sync + 'static,
) -> Var<F> {
    let sums = variables.iter().map(|w| {
        let terms = map(&***w.value(), &term);
        sum_slice(terms.as_slice().expect("fresh memory is row-major"))
    });
    let value = Value::scalar(F::from_f64(factor) * sums.sum::<F>());
    let saved: Vec<Value<F>> = variables.iter().map(|w| w.value().clone()).collect();
    let slope_factor = F::from_f64(slope_factor);
    let mut y = tape.record_many(operation, variables, vec![value], move |dy, slots| {
        let Some(dy) = dy.into_iter().flatten().next().and_then(|dy| dy.first().copied()) else { return };
        let factor = dy * slope_factor;
        for (input, w) in saved.iter().enumerate().filter(|_| factor != F::zero()) {
            slots.accumulate(input, |mut sum, beta| {
                if beta == F::zero() {
                    update(&mut sum, w, |_, w| factor * slope(w));
                } else {
                    update(&mut sum, w, |sum, w| sum + factor * slope(w));
                }
            });
        }
    });
    y.pop().expect("one value was recorded")
}
