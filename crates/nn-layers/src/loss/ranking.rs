//! Losses that compare pairs and triples: what should be near, and what far.

use super::pointwise::pointwise;
use super::{Reduction, finite, not_negative, positive, reduce, reduction_option};
use crate::{Error, Result};
use gradus_autograd::{Real, Var};
use ndarray::Dimension;

/// Triplet margin loss: an anchor should be nearer to what is like it than to what is not, by a margin.
///
/// ```text
/// ℓ = max(0, d(a, p) − d(a, n) + margin),    d(x, y) = (Σ |x − y + ε|^P)^(1/P) over the last axis
/// swapped:  d(a, n) ← min(d(a, n), d(p, n))
/// ```
///
/// # Shapes
/// Anchor, positive and negative: `(N, D)`, or any others with the features on the last axis; losses `(N)`.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Tape, TripletMargin, ndarray::array};
/// let tape = Tape::<f64>::recording();
/// let (a, p, n) = (tape.variable(array![[0.0]]), tape.variable(array![[1.0]]), tape.variable(array![[-1.5]]));
/// let loss = TripletMargin::new().eps(0.0).loss(&a, &p, &n)?;
/// assert_eq!(loss.item(), Some(0.5)); // 1 − 1.5 + 1
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// V. Balntas et al., *Learning local feature descriptors with triplets and shallow convolutional neural networks*, 2016;
/// F. Schroff, D. Kalenichenko, J. Philbin, *FaceNet*, 2015, <https://arxiv.org/abs/1503.03832>
#[derive(Debug, Clone, PartialEq)]
pub struct TripletMargin {
    reduction: Reduction,
    margin: f64,
    power: f64,
    eps: f64,
    swap: bool,
}

reduction_option!(TripletMargin);

impl Default for TripletMargin {
    fn default() -> Self {
        Self { reduction: Reduction::default(), margin: 1.0, power: 2.0, eps: 1e-6, swap: false }
    }
}

impl TripletMargin {
    /// The mean, with a margin of 1 and the Euclidean distance.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The margin, above 0; 1 by default.
    #[must_use]
    pub fn margin(mut self, margin: f64) -> Self {
        self.margin = margin;
        self
    }

    /// The exponent `P` of the distance, above 0, also infinite; 2 by default.
    #[must_use]
    pub fn power(mut self, power: f64) -> Self {
        self.power = power;
        self
    }

    /// What is added to each difference, at least 0; 10⁻⁶ by default, as in PyTorch.
    #[must_use]
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }

    /// The nearer of anchor and positive is compared with the negative.
    #[must_use]
    pub fn swap(mut self) -> Self {
        self.swap = true;
        self
    }

    /// The loss of these triples.
    ///
    /// # Errors
    /// [`Error::Shapes`] if the shapes differ, [`Error::EmptyBatch`], [`Error::HyperParameter`].
    #[track_caller]
    pub fn loss<F: Real>(&self, anchor: &Var<F>, positive: &Var<F>, negative: &Var<F>) -> Result<Var<F>> {
        const NAME: &str = "triplet_margin";
        let margin = F::from_f64(self::positive(NAME, "margin", self.margin)?);
        let eps = F::from_f64(not_negative(NAME, "eps", self.eps)?);
        if self.power != f64::INFINITY {
            self::positive(NAME, "power", self.power)?;
        }
        same_shape(NAME, anchor, positive)?;
        same_shape(NAME, anchor, negative)?;
        let distance = |x: &Var<F>, y: &Var<F>| x.try_sub(y)?.add_scalar(eps).norm(self.power, &[-1], false);
        let near = distance(anchor, positive)?;
        let mut far = distance(anchor, negative)?;
        if self.swap {
            far = far.minimum(&distance(positive, negative)?)?;
        }
        Ok(reduce((near - far).add_scalar(margin).relu(), self.reduction))
    }
}

/// Margin ranking loss: of two scores, the one that the target names should exceed the other by a margin.
///
/// ```text
/// ℓ = max(0, margin − t (x₁ − x₂))        dx₁ = −t · dℓ where the margin is missed, else 0;  dx₂ = −dx₁
/// ```
///
/// The target is 1 where the first should be the larger, −1 where the second.
///
/// # Shapes
/// All three have the same shape.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{MarginRanking, Tape, ndarray::array};
/// let tape = Tape::<f64>::recording();
/// let (x1, x2, t) = (tape.variable(array![3.0, 1.0]), tape.variable(array![1.0, 2.0]), tape.input(array![1.0, 1.0]));
/// assert_eq!(MarginRanking::new().loss(&x1, &x2, &t)?.item(), Some(0.5)); // (0 + 1) / 2
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// R. Herbrich, T. Graepel, K. Obermayer, *Support vector learning for ordinal regression*, 1999
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MarginRanking {
    reduction: Reduction,
    margin: f64,
}

reduction_option!(MarginRanking);

impl MarginRanking {
    /// The mean, with a margin of 0.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The margin; 0 by default.
    #[must_use]
    pub fn margin(mut self, margin: f64) -> Self {
        self.margin = margin;
        self
    }

    /// The loss of these pairs.
    ///
    /// # Errors
    /// [`Error::Shapes`] or [`Error::Target`] if the shapes differ, [`Error::EmptyBatch`], [`Error::HyperParameter`].
    #[track_caller]
    pub fn loss<F: Real>(&self, x1: &Var<F>, x2: &Var<F>, target: &Var<F>) -> Result<Var<F>> {
        const NAME: &str = "margin_ranking";
        let (margin, zero) = (F::from_f64(finite(NAME, "margin", self.margin)?), F::zero());
        same_shape(NAME, x1, x2)?;
        pointwise(
            NAME,
            &x1.try_sub(x2)?,
            target,
            self.reduction,
            #[inline(always)]
            move |_, d, t| (margin - t * d).maximum(zero),
            #[inline(always)]
            move |_, d, t| if margin - t * d > zero { (-t, -d) } else { (zero, zero) },
        )
    }
}

/// Cosine embedding loss: vectors that belong together should point the same way, others should not.
///
/// ```text
/// ℓ = 1 − cos(x₁, x₂) where t = 1,  max(0, cos(x₁, x₂) − margin) where t = −1
/// cos(x, y) = Σ x y / √((Σ x² + ε) (Σ y² + ε)) over the last axis,  ε = 10⁻¹²
/// ```
///
/// # Shapes
/// Inputs `(N, D)`, target `(N)`; or inputs `(D)` and one target of no axes; losses as the target.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{CosineEmbedding, Tape, ndarray::array};
/// let tape = Tape::<f64>::recording();
/// let (x1, x2) = (tape.variable(array![[2.0, 0.0], [0.0, 1.0]]), tape.variable(array![[0.0, 1.0], [0.0, 3.0]]));
/// let loss = CosineEmbedding::new().loss(&x1, &x2, &tape.input(array![1.0, -1.0]))?;
/// assert!((loss.item().unwrap() - 1.0).abs() < 1e-10); // (1 − 0 + 1) / 2
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// J. Bromley et al., *Signature verification using a "siamese" time delay neural network*, 1993
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CosineEmbedding {
    reduction: Reduction,
    margin: f64,
}

reduction_option!(CosineEmbedding);

impl CosineEmbedding {
    /// The mean, with a margin of 0.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The cosine above which vectors that do not belong together cost something, from −1 to 1; 0 by default.
    #[must_use]
    pub fn margin(mut self, margin: f64) -> Self {
        self.margin = margin;
        self
    }

    /// The loss of these pairs.
    ///
    /// # Errors
    /// [`Error::Shapes`] if the inputs' shapes differ, [`Error::Target`] if the target's does not fit them,
    /// [`Error::TargetValue`] if a target is neither 1 nor −1, [`Error::EmptyBatch`], [`Error::HyperParameter`].
    #[track_caller]
    pub fn loss<F: Real>(&self, x1: &Var<F>, x2: &Var<F>, target: &Var<F>) -> Result<Var<F>> {
        const NAME: &str = "cosine_embedding";
        let (zero, one, eps) = (F::zero(), F::one(), F::from_f64(1e-12));
        if !(-1.0..=1.0).contains(&self.margin) {
            let (name, value, expected) = ("margin", self.margin, "a cosine, from -1 to 1, would fit");
            return Err(Error::HyperParameter { operation: NAME, name, value, expected });
        }
        let margin = F::from_f64(self.margin);
        same_shape(NAME, x1, x2)?;
        if let Some((position, t)) = target.value().indexed_iter().find(|(_, t)| **t != one && **t != -one) {
            let (position, value) = (position.slice().to_vec(), t.to_f64());
            let (what, expected) = ("target", "targets are 1, for a pair that belongs together, or -1");
            return Err(Error::TargetValue { loss: NAME, what, value, position, expected });
        }
        let sum = |x: &Var<F>| x.sum_axes(&[-1], false);
        let norms = sum(&x1.square())?.add_scalar(eps).try_mul(&sum(&x2.square())?.add_scalar(eps))?.sqrt();
        let cosine = sum(&x1.try_mul(x2)?)?.try_div(&norms)?;
        pointwise(
            NAME,
            &cosine,
            target,
            self.reduction,
            #[inline(always)]
            move |_, c, t| if t > zero { one - c } else { (c - margin).maximum(zero) },
            #[inline(always)]
            move |_, c, t| {
                let slope = if t > zero {
                    -one
                } else if c > margin {
                    one
                } else {
                    zero
                };
                (slope, zero)
            },
        )
    }
}

/// Refuses inputs of different shapes, and those that hold nothing.
fn same_shape<F: Real>(layer: &'static str, left: &Var<F>, right: &Var<F>) -> Result<()> {
    if left.shape() != right.shape() {
        let (left, right) = (left.shape().to_vec(), right.shape().to_vec());
        return Err(Error::Shapes {
            layer,
            left,
            right,
            expected: "they must be the same; nothing is broadcast in a loss",
        });
    }
    if left.value().is_empty() {
        return Err(Error::EmptyBatch { loss: layer, shape: left.shape().to_vec() });
    }
    Ok(())
}
