//! Dropout.

use crate::error::hold;
use gradus_autograd::{Real, Value, Var};
use gradus_linalg::simd::vectorized;
use gradus_nn_layers::{Layer, Module, Result, Walk, WalkMut};
use rand::Rng;

/// Dropout: in training, sets each number to 0 with probability `p` and divides the others by `1 − p`.
///
/// ```text
/// in training:  y = x · mᵢ / (1 − p)     mᵢ = 0 with probability p, else 1
///               dx = dy · mᵢ / (1 − p)   with the same m
/// otherwise:    y = x
/// ```
///
/// This is the inverted form: the expectation of `y` is `x`, so that nothing has to be scaled in use. Whether it is
/// training, the layer reads off the tape of its input. For a prediction with uncertainty (Monte Carlo dropout), predict
/// several times on training tapes.
///
/// What is dropped is 0, whatever it was, infinite or NaN too.
///
/// The mask is never stored: one seed is drawn from the tape's random stream, and forward and backward make the same mask
/// from it.
///
/// # Shapes
/// - input: any
/// - output: the input's
///
/// # Errors
/// `forward` returns [`Error::HyperParameter`](crate::Error::HyperParameter) if `p` is not at least 0 and less than 1.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Layer, Tape, ndarray::Array1};
/// use gradus_regularize::Dropout;
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let dropout = Dropout::new(0.25);
/// let x = Array1::from_elem(1000, 3.0_f32);
/// let y = dropout.forward(&Tape::training(&mut StdRng::seed_from_u64(7)).input(x.clone()))?;
/// assert!(y.value().iter().all(|&y| y == 0.0 || y == 4.0));
/// let same = dropout.forward(&Tape::inference().input(x.clone()))?;
/// assert_eq!(same.value(), &x);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever, R. Salakhutdinov, *Dropout: a simple way to prevent neural
/// networks from overfitting*, JMLR 15, 2014, <https://jmlr.org/papers/v15/srivastava14a.html>
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropout {
    /// The probability with which a number is dropped: at least 0, less than 1.
    pub p: f64,
}

impl Dropout {
    /// Drops with probability `p`.
    #[must_use]
    pub fn new(p: f64) -> Self {
        Self { p }
    }
}

impl<F: Real> Module<F> for Dropout {
    fn walk<'module>(&'module self, _: &mut Walk<'module, '_, F>) {}
    fn walk_mut<'module>(&'module mut self, _: &mut WalkMut<'module, '_, F>) {}
}

impl<F: Real> Layer<F> for Dropout {
    #[track_caller]
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        hold((0.0..1.0).contains(&self.p), "dropout", "p", self.p, "at least 0 and less than 1")?;
        if self.p == 0.0 {
            return Ok(x.clone());
        }
        let Some(seed) = x.tape().random(|rng| rng.next_u64()) else {
            return Ok(x.clone());
        };
        let mask = Mask::new(seed, self.p);
        let y = mask.applied(x.value());
        Ok(x.tape().record("dropout", [x], y, move |mut dy| {
            mask.apply(&mut dy);
            [dy]
        }))
    }
}

/// A random choice of places, and the factor for those that are kept.
///
/// The i-th place is decided by the i-th number of the SplitMix64 generator, which can be computed without those before
/// it: a loop over all places has no chain of dependencies, and compiles to vectors.
///
/// # References
/// G. Steele, D. Lea, C. Flood, *Fast splittable pseudorandom number generators*, OOPSLA 2014
#[derive(Clone, Copy)]
struct Mask {
    seed: u64,
    /// Numbers below it are dropped.
    threshold: u64,
    factor: f64,
}

impl Mask {
    fn new(seed: u64, p: f64) -> Self {
        /// 2⁶⁴, how many values a number of the generator can have.
        const VALUES: f64 = 18_446_744_073_709_551_616.0;
        Self { seed, threshold: (p * VALUES) as u64, factor: 1.0 / (1.0 - p) }
    }

    #[inline(always)]
    fn keeps(&self, place: usize) -> bool {
        let z = self.seed.wrapping_add((place as u64).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) >= self.threshold
    }

    fn applied<F: Real>(self, x: &Value<F>) -> Value<F> {
        let mut y = Value::unspecified(x.raw_dim());
        let (factor, ys) = (F::from_f64(self.factor), y.as_slice_mut().expect("fresh memory is row-major"));
        match x.as_slice() {
            Some(xs) => vectorized(
                #[inline(always)]
                move || {
                    for (place, (y, &x)) in ys.iter_mut().zip(xs).enumerate() {
                        *y = if self.keeps(place) { x * factor } else { F::zero() };
                    }
                },
            ),
            None => {
                for (place, (y, &x)) in ys.iter_mut().zip(x.iter()).enumerate() {
                    *y = if self.keeps(place) { x * factor } else { F::zero() };
                }
            }
        }
        y
    }

    fn apply<F: Real>(self, x: &mut Value<F>) {
        let factor = F::from_f64(self.factor);
        let choose = move |(place, x): (usize, &mut F)| *x = if self.keeps(place) { *x * factor } else { F::zero() };
        match x.as_slice_mut() {
            Some(xs) => vectorized(
                #[inline(always)]
                move || {
                    for (place, x) in xs.iter_mut().enumerate() {
                        *x = if self.keeps(place) { *x * factor } else { F::zero() };
                    }
                },
            ),
            None => x.iter_mut().enumerate().for_each(choose),
        }
    }
}
