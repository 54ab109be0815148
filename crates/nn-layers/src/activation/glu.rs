//! Gated linear unit.

use crate::{Error, Layer, Module, Result, Walk, WalkMut};
use gradus_autograd::{Real, Value, Var};
use gradus_linalg::simd;

/// Gated linear unit: one half of an axis, let through as far as the other half says.
///
/// ```text
/// y = a σ(b),  (a, b) = halves of x along the axis        da = σ(b) · dy,  db = a σ(b) (1 − σ(b)) · dy
/// ```
///
/// # Shapes
/// - input: any with an even number along the axis
/// - output: half as long along it
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Glu, Layer, Tape, ndarray::array};
/// let y = Glu::default().forward(&Tape::inference().input(array![[4.0_f32, 6.0, 0.0, 0.0]]))?;
/// assert_eq!(y.value(), &array![[2.0, 3.0]]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// Y. N. Dauphin et al., *Language modeling with gated convolutional networks*, 2017, <https://arxiv.org/abs/1612.08083>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glu {
    /// The axis that is halved, from the end if below 0; the last by default.
    pub axis: isize,
}

impl Default for Glu {
    fn default() -> Self {
        Self { axis: -1 }
    }
}

#[diagnostic::do_not_recommend]
impl<F: Real> Module<F> for Glu {
    fn walk<'module>(&'module self, _: &mut Walk<'module, '_, F>) {}
    fn walk_mut<'module>(&'module mut self, _: &mut WalkMut<'module, '_, F>) {}
}

const NAME: &str = "glu";
const SLICE: &str = "a standard layout is a slice";

impl<F: Real> Layer<F> for Glu {
    /// # Errors
    /// [`Error::Uneven`] if the axis has an odd length, [`Error::Source`] if it is not there.
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        let rank = x.shape().len();
        let axis = if self.axis < 0 { self.axis.saturating_add_unsigned(rank) } else { self.axis };
        let Some((axis, &count)) = usize::try_from(axis).ok().and_then(|axis| Some((axis, x.shape().get(axis)?)))
        else {
            return Err(
                gradus_autograd::Error::Axis { operation: NAME, axis: self.axis, shape: x.shape().to_vec() }.into()
            );
        };
        if !count.is_multiple_of(2) {
            return Err(Error::Uneven { layer: NAME, what: "numbers", count, into: "halves", parts: 2 });
        }
        let half = count / 2 * x.shape()[axis + 1..].iter().product::<usize>();
        let mut shape = x.shape().to_vec();
        shape[axis] = count / 2;
        let xs = x.value().clone().into_standard_layout();
        let mut y = Value::unspecified(&shape[..]);
        let one = F::one();
        if half > 0 {
            let (from, to) = (xs.as_slice().expect(SLICE), y.as_slice_mut().expect(SLICE));
            for (x, y) in from.chunks_exact(2 * half).zip(to.chunks_exact_mut(half)) {
                let (a, b) = x.split_at(half);
                simd::vectorized(
                    #[inline(always)]
                    || y.iter_mut().zip(a).zip(b).for_each(|((y, &a), &b)| *y = a * b.sigmoid()),
                );
            }
        }
        Ok(x.tape().record(NAME, [x], y, move |dy| {
            let mut dx = Value::unspecified(xs.raw_dim());
            if half > 0 {
                let dy = dy.into_standard_layout();
                let (from, to) = (xs.as_slice().expect(SLICE), dx.as_slice_mut().expect(SLICE));
                let pieces = from.chunks_exact(2 * half).zip(to.chunks_exact_mut(2 * half));
                for ((x, dx), dy) in pieces.zip(dy.as_slice().expect(SLICE).chunks_exact(half)) {
                    let ((a, b), (da, db)) = (x.split_at(half), dx.split_at_mut(half));
                    simd::vectorized(
                        #[inline(always)]
                        || {
                            let slopes = da.iter_mut().zip(db);
                            for ((&a, &b), (&dy, (da, db))) in a.iter().zip(b).zip(dy.iter().zip(slopes)) {
                                let s = b.sigmoid();
                                *da = s * dy;
                                *db = a * s * (one - s) * dy;
                            }
                        },
                    );
                }
            }
            [dx]
        }))
    }
}
