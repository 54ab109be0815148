//! Weights that do nothing at first, and weights that are mostly 0.

use super::check;
use crate::{Error, Result};
use gradus_autograd::Real;
use ndarray::{Array, Array2, Dimension, IntoDimension};
use rand::seq::SliceRandom;
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

/// The identity as a weight `(out, in)`: 1 where the row is the column, else 0. A linear layer of it hands on as many
/// features as fit.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{init, ndarray::{Array2, array}};
/// let w: Array2<f64> = init::eye((2, 3));
/// assert_eq!(w, array![[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]);
/// ```
///
/// # References
/// Q. V. Le, N. Jaitly, G. E. Hinton, *A simple way to initialize recurrent networks of rectified linear units*, 2015,
/// <https://arxiv.org/abs/1504.00941>
#[must_use]
pub fn eye<F: Real>(shape: (usize, usize)) -> Array2<F> {
    Array2::from_shape_fn(shape, |(row, column)| if row == column { F::one() } else { F::zero() })
}

/// The identity as the weight of a convolution `(out, in / groups, kernel…)`: 1 in the middle of the kernel that
/// leads from a channel to itself, else 0.
///
/// ```text
/// w[g · out/groups + d, d, ⌊k₁/2⌋, ⌊k₂/2⌋ …] = 1    for d < min(out/groups, in/groups) in each group g
/// ```
///
/// With a padding that keeps the size, the layer hands on as many channels of each group as fit.
///
/// # Errors
/// [`Error::UnfitShape`] for fewer than three axes, and for a number of channels out that the groups do not divide;
/// [`Error::HyperParameter`] for no groups.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{init, ndarray::{Array3, array}};
/// let w: Array3<f64> = init::dirac((2, 2, 3), 1)?;
/// assert_eq!(w, array![[[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]], [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// S. Zagoruyko, N. Komodakis, *DiracNets: training very deep neural networks without skip-connections*, 2017,
/// <https://arxiv.org/abs/1706.00388>
pub fn dirac<F: Real, D: Dimension>(shape: impl IntoDimension<Dim = D>, groups: usize) -> Result<Array<F, D>> {
    let shape = shape.into_dimension();
    let unfit = |expected| Error::UnfitShape { operation: "dirac", shape: shape.slice().to_vec(), expected };
    let &[out, input, ref kernel @ ..] = shape.slice() else {
        return Err(unfit("at least three axes, (out, in, kernel…), would fit"));
    };
    if kernel.is_empty() {
        return Err(unfit("at least three axes, (out, in, kernel…), would fit"));
    }
    check("dirac", "groups", groups as f64, groups > 0, "at least one group would fit")?;
    if out % groups != 0 {
        return Err(unfit("a number of channels out, the first axis, that the groups divide would fit"));
    }
    let mut weight = Array::zeros(shape.clone());
    let mut index = D::zeros(shape.ndim());
    for (place, &positions) in kernel.iter().enumerate() {
        if positions == 0 {
            return Ok(weight); // no middle
        }
        index[2 + place] = positions / 2;
    }
    let per_group = out / groups;
    for row in (0..out).filter(|row| row % per_group < input) {
        (index[0], index[1]) = (row, row % per_group);
        weight[index.clone()] = F::one();
    }
    Ok(weight)
}

/// Weights `(out, in)` of which each column has `⌈sparsity · out⌉` zeros, at places drawn at random; the others are
/// of the normal distribution of mean 0 and this deviation.
///
/// Each input then reaches a few outputs only, with weights that can be large without saturating these.
///
/// # Errors
/// [`Error::HyperParameter`] if the sparsity is no share from 0 to 1, or the deviation negative or not finite.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{init, ndarray::Array2};
/// use rand::{SeedableRng, rngs::StdRng};
/// let w: Array2<f64> = init::sparse((10, 4), 0.75, 0.01, &mut StdRng::seed_from_u64(7))?;
/// for column in w.columns() {
///     assert_eq!(column.iter().filter(|w| **w == 0.0).count(), 8); // ⌈7.5⌉
/// }
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// J. Martens, *Deep learning via Hessian-free optimization*, 2010, <https://icml.cc/Conferences/2010/papers/458.pdf>
pub fn sparse<F: Real>(
    shape: (usize, usize),
    sparsity: f64,
    std: f64,
    rng: &mut (impl Rng + ?Sized),
) -> Result<Array2<F>> {
    check("sparse", "sparsity", sparsity, (0.0..=1.0).contains(&sparsity), "a share from 0 to 1 would fit")?;
    check("sparse", "std", std, std >= 0.0 && std.is_finite(), "a finite number of at least 0 would fit")?;
    let mut weight = Array2::from_shape_simple_fn(shape, || F::from_f64(std * rng.sample::<f64, _>(StandardNormal)));
    let zeros = (sparsity * shape.0 as f64).ceil() as usize;
    let mut rows: Vec<usize> = (0..shape.0).collect();
    for mut column in weight.columns_mut() {
        let (chosen, _) = rows.partial_shuffle(rng, zeros);
        chosen.iter().for_each(|&row| column[row] = F::zero());
    }
    Ok(weight)
}
