//! Samples mixed with others of their batch, and their labels with them.

use super::window;
use crate::error::hold;
use crate::{Error, Result};
use gradus_linalg::Real;
use ndarray::{Array, Array2, ArrayView, ArrayView2, ArrayView4, Axis, Dimension, RemoveAxis};
use rand::{Rng, RngExt, seq::SliceRandom};
use rand_distr::Beta;

/// Mixup: blends each sample of a batch with another, and their targets in the same proportion.
///
/// ```text
/// x'ᵢ = λ xᵢ + (1 − λ) xⱼ,  t'ᵢ = λ tᵢ + (1 − λ) tⱼ        λ of Beta(α, α), one for the batch;  j = π(i), a random permutation
/// ```
///
/// Between two samples the network is asked to go straight from the one answer to the other. Targets are distributions over the
/// classes: from labels, [`smooth_labels`](crate::smooth_labels) with `eps` 0 or more makes them;
/// [`CrossEntropy::loss_soft`](gradus_nn_layers::CrossEntropy::loss_soft) takes them.
///
/// # Examples
/// ```
/// use gradus_nn_layers::ndarray::array;
/// use gradus_regularize::{augment::Mixup, smooth_labels};
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let (x, targets) = (array![[0.0], [1.0]], smooth_labels::<f64>(&array![0, 1], 2, 0.0)?);
/// let (x, targets) = Mixup::new(0.4).apply(x.view(), targets.view(), &mut StdRng::seed_from_u64(7))?;
/// assert!(x.rows().into_iter().zip(targets.rows()).all(|(x, t)| (x[0] - t[1]).abs() < 1e-12));
/// # Ok::<(), gradus_regularize::Error>(())
/// ```
///
/// # References
/// H. Zhang, M. Cisse, Y. Dauphin, D. Lopez-Paz, *mixup: beyond empirical risk minimization*, ICLR 2018,
/// <https://arxiv.org/abs/1710.09412>
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mixup {
    /// The parameter `α` of the Beta distribution, above 0: small, and λ is mostly near 0 or 1; 1, and it is uniform.
    pub alpha: f64,
}

impl Mixup {
    /// With this parameter of the Beta distribution; Zhang et al. take 0.1 to 0.4.
    #[must_use]
    pub fn new(alpha: f64) -> Self {
        Self { alpha }
    }

    /// The batch and its targets, mixed.
    ///
    /// # Shapes
    /// - x: `(N, …)`
    /// - targets: `(N, K)`
    ///
    /// # Errors
    /// [`Error::Lengths`] if there is not one row of targets for each sample; [`Error::HyperParameter`] if `alpha` is not above 0 and
    /// finite.
    pub fn apply<F: Real, D: Dimension + RemoveAxis>(
        &self,
        x: ArrayView<'_, F, D>,
        targets: ArrayView2<'_, F>,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<(Array<F, D>, Array2<F>)> {
        check("mixup", x.shape(), &targets)?;
        let share = draw("mixup", self.alpha, rng)?;
        let partners = permutation(x.len_of(Axis(0)), rng);
        Ok((blend(x, &partners, share), blend(targets, &partners, share)))
    }
}

/// CutMix: puts a rectangle of another image of the batch into each, and mixes their targets by the areas.
///
/// ```text
/// x'ᵢ = xᵢ outside the rectangle, xⱼ inside;  t'ᵢ = λ tᵢ + (1 − λ) tⱼ        λ the share of the area outside
/// height = H √(1 − λ₀),  width = W √(1 − λ₀),  λ₀ of Beta(α, α), the centre uniform, cut off at the edges
/// ```
///
/// Rectangle and λ are one for the batch, the partners a random permutation. No pixel is one that no image has, which sets it apart from
/// [`Mixup`]; and none is lost, which sets it apart from [`Erase`](super::Erase).
///
/// # References
/// S. Yun, D. Han, S. J. Oh, S. Chun, J. Choe, Y. Yoo, *CutMix*, ICCV 2019, <https://arxiv.org/abs/1905.04899>
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CutMix {
    /// The parameter `α` of the Beta distribution, above 0.
    pub alpha: f64,
}

impl CutMix {
    /// With this parameter of the Beta distribution; Yun et al. take 1.
    #[must_use]
    pub fn new(alpha: f64) -> Self {
        Self { alpha }
    }

    /// The batch and its targets, mixed.
    ///
    /// # Shapes
    /// - x: images `(N, C, H, W)`
    /// - targets: `(N, K)`
    ///
    /// # Errors
    /// As [`Mixup::apply`].
    pub fn apply<F: Real>(
        &self,
        x: ArrayView4<'_, F>,
        targets: ArrayView2<'_, F>,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<(ndarray::Array4<F>, Array2<F>)> {
        check("cutmix", x.shape(), &targets)?;
        let share = draw("cutmix", self.alpha, rng)?;
        let (samples, _, rows, columns) = x.dim();
        let partners = permutation(samples, rng);
        let side = (1.0 - share).sqrt();
        let mut range = |size: usize| {
            let half = (size as f64 * side / 2.0).round() as usize;
            let middle = rng.random_range(0..=size);
            middle.saturating_sub(half)..(middle + half).min(size)
        };
        let (down, across) = (range(rows), range(columns));
        let mut mixed = x.to_owned();
        for (mut image, &partner) in mixed.axis_iter_mut(Axis(0)).zip(&partners) {
            let other = x.index_axis(Axis(0), partner);
            image.slice_each_axis_mut(window(&down, &across)).assign(&other.slice_each_axis(window(&down, &across)));
        }
        let inside = (down.len() * across.len()) as f64;
        let outside = if rows * columns == 0 { 1.0 } else { 1.0 - inside / (rows * columns) as f64 };
        Ok((mixed, blend(targets, &partners, outside)))
    }
}

fn check<F: Real>(operation: &'static str, x: &[usize], targets: &ArrayView2<'_, F>) -> Result<()> {
    if x.first() == Some(&targets.nrows()) {
        return Ok(());
    }
    let (left, right) = (x.to_vec(), targets.shape().to_vec());
    Err(Error::Lengths { operation, left, right, expected: "each sample needs a row of targets" })
}

/// λ of Beta(α, α).
fn draw(operation: &'static str, alpha: f64, rng: &mut (impl Rng + ?Sized)) -> Result<f64> {
    hold(alpha.is_finite() && alpha > 0.0, operation, "alpha", alpha, "finite and above 0")?;
    let Ok(beta) = Beta::new(alpha, alpha) else {
        return Err(Error::HyperParameter { operation, field: "alpha", value: alpha, expected: "finite and above 0" });
    };
    let share: f64 = rng.sample(beta);
    // A parameter so small that both of its powers underflow leaves nothing to divide: it means 0 or 1.
    Ok(if share.is_finite() { share.clamp(0.0, 1.0) } else { 1.0 })
}

fn permutation(n: usize, rng: &mut (impl Rng + ?Sized)) -> Vec<usize> {
    let mut partners: Vec<usize> = (0..n).collect();
    partners.shuffle(rng);
    partners
}

/// `share` of each row, and the rest of its partner.
fn blend<F: Real, D: Dimension + RemoveAxis>(x: ArrayView<'_, F, D>, partners: &[usize], share: f64) -> Array<F, D> {
    let (own, other) = (F::from_f64(share), F::from_f64(1.0 - share));
    let mut mixed = x.to_owned();
    for (mut row, &partner) in mixed.axis_iter_mut(Axis(0)).zip(partners) {
        row.zip_mut_with(&x.index_axis(Axis(0), partner), |x, &y| *x = own * *x + other * y);
    }
    mixed
}
