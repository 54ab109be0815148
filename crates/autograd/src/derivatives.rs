//! Derivatives of a function as a whole: products with its Jacobian, the Jacobian, products with its Hessian, the
//! Hessian.

use crate::{Dual, Error, Result, Tape, Value, Var};
use gradus_linalg::Real;
use ndarray::{ArrayD, Axis, Dimension, IxDyn, Zip};

/// The value of `f` at `x`, and how it changes when `x` moves along `direction`: the Jacobian times the direction.
///
/// ```text
/// y = f(x)        dy = J v,  J = ∂y/∂x
/// ```
///
/// One forward pass over [`Dual`] numbers, whatever the number of inputs; nothing is recorded.
///
/// # Shapes
/// - `direction`: one array for each input, of its shape
/// - both results: the shape of `f(x)`
///
/// # Errors
/// [`Error::Shapes`] or [`Error::Inputs`] if the direction does not fit; [`Error::Function`] if `f` fails.
///
/// # Examples
/// ```
/// use gradus_autograd::{Error, jvp, ndarray::array};
/// let x = [array![3.0, 4.0].into_dyn()];
/// let towards = [array![1.0, 0.0].into_dyn()];
/// let (y, dy) = jvp(|x| Ok::<_, Error>(x[0].square()), &x, &towards)?;
/// assert_eq!((y, dy), (array![9.0, 16.0].into_dyn(), array![6.0, 0.0].into_dyn()));
/// # Ok::<(), Error>(())
/// ```
///
/// # References
/// A. Griewank, A. Walther, *Evaluating Derivatives*, 2nd ed., 2008, section 3.1.
pub fn jvp<F: Real, E>(
    f: impl Fn(&[Var<Dual<F>>]) -> Result<Var<Dual<F>>, E>,
    x: &[ArrayD<F>],
    direction: &[ArrayD<F>],
) -> Result<(ArrayD<F>, ArrayD<F>)>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let tape = Tape::inference();
    let inputs: Vec<_> = along("jvp", x, direction)?.into_iter().map(|x| tape.input(x)).collect();
    let y = call(&f, &inputs)?;
    Ok((y.value().mapv(Dual::value), y.value().mapv(Dual::derivative)))
}

/// The value of `f` at `x`, and the cotangent of its result carried back to the inputs: the transposed Jacobian times
/// the cotangent.
///
/// ```text
/// y = f(x)        dx = Jᵀ dy,  J = ∂y/∂x
/// ```
///
/// One pass forward and one backward, whatever the number of inputs. Of an input that the result does not depend on
/// it is zero.
///
/// # Shapes
/// - `cotangent`: the shape of `f(x)`
/// - the second result: one array for each input, of its shape
///
/// # Errors
/// [`Error::Shapes`] if the cotangent does not fit; [`Error::Function`] if `f` fails.
///
/// # Examples
/// ```
/// use gradus_autograd::{Error, ndarray::array, vjp};
/// let x = [array![1.0, 2.0].into_dyn(), array![3.0, 5.0].into_dyn()];
/// let (y, dx) = vjp(|x| x[0].try_mul(&x[1]), &x, array![1.0, 10.0].into_dyn())?;
/// assert_eq!(y, array![3.0, 10.0].into_dyn());
/// assert_eq!(dx, [array![3.0, 50.0].into_dyn(), array![1.0, 20.0].into_dyn()]);
/// # Ok::<(), Error>(())
/// ```
///
/// # References
/// A. Griewank, A. Walther, *Evaluating Derivatives*, 2nd ed., 2008, section 3.2.
pub fn vjp<F: Real, E>(
    f: impl Fn(&[Var<F>]) -> Result<Var<F>, E>,
    x: &[ArrayD<F>],
    cotangent: ArrayD<F>,
) -> Result<(ArrayD<F>, Vec<ArrayD<F>>)>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let tape = Tape::recording();
    let inputs: Vec<_> = x.iter().map(|x| tape.variable(x.clone())).collect();
    let y = call(&f, &inputs)?;
    let value = y.value().clone().into_array();
    let gradients = pull_back(&y, cotangent, &inputs)?;
    Ok((value, gradients.into_iter().map(Value::into_array).collect()))
}

/// Every derivative of `f` at `x`: one block for each input.
///
/// ```text
/// Jᵢ[a, b] = ∂y[a] / ∂xᵢ[b]
/// ```
///
/// By whichever takes fewer passes: forward over [`Dual`] numbers, one pass for each number of the inputs, or back, one
/// for each number of the result.
///
/// # Shapes
/// - block `i`: the shape of `f(x)`, then that of `x[i]`
///
/// # Errors
/// [`Error::Function`] if `f` fails.
///
/// # Examples
/// ```
/// use gradus_autograd::{Error, jacobian, ndarray::array};
/// let x = [array![2.0, 3.0].into_dyn()];
/// let j = jacobian(|x| x[0].cumsum(0), &x)?;
/// assert_eq!(j[0], array![[1.0, 0.0], [1.0, 1.0]].into_dyn());
/// # Ok::<(), Error>(())
/// ```
pub fn jacobian<F: Real, E>(
    f: impl Fn(&[Var<Dual<F>>]) -> Result<Var<Dual<F>>, E>,
    x: &[ArrayD<F>],
) -> Result<Vec<ArrayD<F>>>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let constants = || x.iter().map(|x| x.mapv(Dual::constant));
    let tape = Tape::inference();
    let y = call(&f, &constants().map(|x| tape.input(x)).collect::<Vec<_>>())?;
    let shape = y.shape().to_vec();
    let outputs = y.value().len();
    if outputs > x.iter().map(|x| x.len()).sum() {
        return columns(x, &shape, |at| {
            let tape = Tape::inference();
            let y = call(&f, &at.into_iter().map(|x| tape.input(x)).collect::<Vec<_>>())?;
            Ok(y.value().mapv(Dual::derivative))
        });
    }
    let mut blocks: Vec<ArrayD<F>> =
        x.iter().map(|x| ArrayD::zeros(IxDyn(&[&[outputs], x.shape()].concat()))).collect();
    for row in 0..outputs {
        let tape = Tape::recording();
        let inputs: Vec<_> = constants().map(|x| tape.variable(x)).collect();
        let y = call(&f, &inputs)?;
        let mut cotangent = ArrayD::zeros(y.shape());
        if let Some(one) = cotangent.iter_mut().nth(row) {
            *one = Dual::constant(F::one());
        }
        for (block, dx) in blocks.iter_mut().zip(pull_back(&y, cotangent, &inputs)?) {
            block.index_axis_mut(Axis(0), row).zip_mut_with(&*dx, |slot, dx| *slot = dx.value());
        }
    }
    Ok(blocks.into_iter().zip(x).map(|(block, x)| reshaped(block, &[&shape, x.shape()].concat())).collect())
}

/// The gradient of `f` at `x`, and how it changes when `x` moves along `direction`: the Hessian times the direction.
///
/// ```text
/// g = ∂L/∂x        dg = H v,  H = ∂²L/∂x²
/// ```
///
/// The tape over [`Dual`] numbers: forward over reverse. It costs a few times as much as the gradient, whatever the
/// number of inputs, and no Hessian is ever built.
///
/// # Shapes
/// - `direction` and both results: one array for each input, of its shape
///
/// # Errors
/// [`Error::Shapes`] or [`Error::Inputs`] if the direction does not fit; [`Error::NotScalar`] if `f(x)` is not a
/// number; [`Error::NonFiniteLoss`] if it is not finite; [`Error::Function`] if `f` fails.
///
/// # Examples
/// ```
/// use gradus_autograd::{Error, hvp, ndarray::array};
/// let x = [array![1.0, 2.0].into_dyn()];
/// let v = [array![1.0, -1.0].into_dyn()];
/// let (gradient, curvature) = hvp(|x| Ok::<_, Error>(x[0].pow(3.0).sum()), &x, &v)?;
/// assert_eq!(gradient, [array![3.0, 12.0].into_dyn()]); // 3 x²
/// assert_eq!(curvature, [array![6.0, -12.0].into_dyn()]); // 6 x v
/// # Ok::<(), Error>(())
/// ```
///
/// # References
/// B. A. Pearlmutter, *Fast exact multiplication by the Hessian*, Neural Computation 6(1), 1994;
/// A. Griewank, A. Walther, *Evaluating Derivatives*, 2nd ed., 2008, chapter 5.
#[allow(clippy::type_complexity)] // two lists of arrays
pub fn hvp<F: Real, E>(
    f: impl Fn(&[Var<Dual<F>>]) -> Result<Var<Dual<F>>, E>,
    x: &[ArrayD<F>],
    direction: &[ArrayD<F>],
) -> Result<(Vec<ArrayD<F>>, Vec<ArrayD<F>>)>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let gradients = dual_gradients(&f, along("hvp", x, direction)?)?;
    Ok(gradients.iter().map(|g| (g.mapv(Dual::value), g.mapv(Dual::derivative))).unzip())
}

/// Every second derivative of `f` at `x`: a block for each pair of inputs.
///
/// ```text
/// Hᵢⱼ[a, b] = ∂²L / ∂xᵢ[a] ∂xⱼ[b]
/// ```
///
/// One pass of the tape over [`Dual`] numbers, as in [`hvp`], for each number of the inputs.
///
/// # Shapes
/// - block `[i][j]`: the shape of `x[i]`, then that of `x[j]`
///
/// # Errors
/// As [`hvp`].
///
/// # Examples
/// ```
/// use gradus_autograd::{Error, Real, Var, hessian, ndarray::array};
/// fn rosenbrock<F: Real>(x: &[Var<F>]) -> Result<Var<F>, Error> {
///     let (a, b) = (x[0].select(0, 0)?, x[0].select(0, 1)?);
///     Ok((&b - &a.square()).square() * F::from_f64(100.0) + (-a + F::one()).square())
/// }
/// let h = hessian(rosenbrock, &[array![1.0, 1.0].into_dyn()])?;
/// assert_eq!(h[0][0], array![[802.0, -400.0], [-400.0, 200.0]].into_dyn());
/// # Ok::<(), Error>(())
/// ```
pub fn hessian<F: Real, E>(
    f: impl Fn(&[Var<Dual<F>>]) -> Result<Var<Dual<F>>, E>,
    x: &[ArrayD<F>],
) -> Result<Vec<Vec<ArrayD<F>>>>
where
    E: std::error::Error + Send + Sync + 'static,
{
    // Column blocks: the second index moves. Row i of the answer takes block i of each.
    let mut by_column = Vec::with_capacity(x.len());
    let zeros = || x.iter().map(|x| x.mapv(Dual::constant)).collect::<Vec<_>>();
    for (j, moved) in x.iter().enumerate() {
        let mut blocks: Vec<ArrayD<F>> =
            x.iter().map(|x| ArrayD::zeros(IxDyn(&[x.shape(), &[moved.len()]].concat()))).collect();
        for column in 0..moved.len() {
            let gradients = dual_gradients(&f, nudged(zeros(), j, column))?;
            for (block, g) in blocks.iter_mut().zip(&gradients) {
                let last = Axis(block.ndim() - 1);
                block.index_axis_mut(last, column).zip_mut_with(&**g, |slot, g| *slot = g.derivative());
            }
        }
        let shaped = blocks.into_iter().zip(x);
        by_column.push(shaped.map(|(b, x)| reshaped(b, &[x.shape(), moved.shape()].concat())).collect::<Vec<_>>());
    }
    let mut rows: Vec<Vec<ArrayD<F>>> = x.iter().map(|_| Vec::with_capacity(x.len())).collect();
    for column in by_column {
        rows.iter_mut().zip(column).for_each(|(row, block)| row.push(block));
    }
    Ok(rows)
}

/// The gradients of `f` at dual inputs, which must be those of a number.
pub(crate) fn dual_gradients<F: Real, E>(
    f: &impl Fn(&[Var<Dual<F>>]) -> Result<Var<Dual<F>>, E>,
    x: Vec<ArrayD<Dual<F>>>,
) -> Result<Vec<Value<Dual<F>>>>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let tape = Tape::recording();
    let inputs: Vec<_> = x.into_iter().map(|x| tape.variable(x)).collect();
    let y = call(f, &inputs)?;
    match y.item() {
        None => Err(Error::NotScalar { shape: y.shape().to_vec() }),
        Some(loss) if !loss.is_finite() => {
            Err(Error::NonFiniteLoss { loss: loss.to_f64(), cause: y.tape().non_finite() })
        }
        Some(_) => pull_back(&y, ArrayD::from_elem(y.shape(), Dual::constant(F::one())), &inputs),
    }
}

/// The cotangent carried back to each input.
pub(crate) fn pull_back<F: Real>(y: &Var<F>, cotangent: ArrayD<F>, inputs: &[Var<F>]) -> Result<Vec<Value<F>>> {
    let zeros = |x: &Var<F>| Value::zeros(x.value.raw_dim());
    if cotangent.shape() == y.shape() && !y.needs_gradient() {
        return Ok(inputs.iter().map(zeros).collect()); // a constant
    }
    let gradients = y.backward_with(cotangent)?;
    Ok(inputs.iter().map(|x| gradients.get(x).cloned().unwrap_or_else(|| zeros(x))).collect())
}

/// The function called, its error made one of this crate's.
pub(crate) fn call<F: Real, E>(f: &impl Fn(&[Var<F>]) -> Result<Var<F>, E>, x: &[Var<F>]) -> Result<Var<F>>
where
    E: std::error::Error + Send + Sync + 'static,
{
    f(x).map_err(|error| Error::Function(Box::new(error)))
}

/// The inputs as dual numbers that move along the direction.
fn along<F: Real>(operation: &'static str, x: &[ArrayD<F>], direction: &[ArrayD<F>]) -> Result<Vec<ArrayD<Dual<F>>>> {
    if x.len() != direction.len() {
        return Err(Error::Inputs { operation, given: direction.len(), inputs: x.len() });
    }
    let each = x.iter().zip(direction).map(|(x, v)| {
        if x.shape() != v.shape() {
            let (left, right) = (x.shape().to_vec(), v.shape().to_vec());
            let expected = "the direction must have the shape of its input";
            return Err(Error::Shapes { operation, left, right, expected });
        }
        Ok(Zip::from(x).and(v).map_collect(|&x, &v| Dual::new(x, v)))
    });
    each.collect()
}

/// The inputs with one number, in row-major order, moving.
pub(crate) fn nudged<F: Real>(mut x: Vec<ArrayD<Dual<F>>>, input: usize, place: usize) -> Vec<ArrayD<Dual<F>>> {
    if let Some(number) = x.get_mut(input).and_then(|x| x.iter_mut().nth(place)) {
        *number = Dual::variable(number.value());
    }
    x
}

/// One pass for each number of the inputs; the derivatives of each pass are a column of its input's block.
fn columns<F: Real>(
    x: &[ArrayD<F>],
    shape: &[usize],
    pass: impl Fn(Vec<ArrayD<Dual<F>>>) -> Result<ArrayD<F>>,
) -> Result<Vec<ArrayD<F>>> {
    let mut blocks = Vec::with_capacity(x.len());
    for (j, moved) in x.iter().enumerate() {
        let mut block = ArrayD::zeros(IxDyn(&[shape, &[moved.len()]].concat()));
        for column in 0..moved.len() {
            let constants = x.iter().map(|x| x.mapv(Dual::constant)).collect();
            block.index_axis_mut(Axis(shape.len()), column).assign(&pass(nudged(constants, j, column))?);
        }
        blocks.push(reshaped(block, &[shape, moved.shape()].concat()));
    }
    Ok(blocks)
}

fn reshaped<F: Real>(block: ArrayD<F>, shape: &[usize]) -> ArrayD<F> {
    debug_assert_eq!(block.raw_dim().size(), shape.iter().product::<usize>());
    block.into_shape_with_order(IxDyn(shape)).expect("an axis is written as the axes it was made of")
}
