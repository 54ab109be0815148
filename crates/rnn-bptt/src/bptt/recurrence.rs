//! The product that each step waits for, of a state with weights that are the same at every step.

use gradus_autograd::Real;
use gradus_linalg::{Gathered, Offsets, Packed};
use ndarray::{ArrayView2, ArrayViewMut2, ShapeBuilder};

/// Weights `W` for many products `C ← A Wᵀ + D`, one for each step.
///
/// They are packed once for all steps; `A`, the state that the step before has just left in the cache, is read where it lies. A row
/// of `C` has the same bits whatever rows are computed with it.
pub(super) struct Recurrence<'a, F: Real> {
    weights: ArrayView2<'a, F>,
    packed: Option<Packed<F>>,
    offsets: Offsets,
}

/// Rows of a left operand: row `i` begins at `first + i · line`.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a, F> {
    pub(super) data: &'a [F],
    pub(super) first: usize,
    pub(super) line: usize,
}

/// What a product is added to.
pub(super) enum Onto<'a, F> {
    Nothing,
    /// What stands in `C`.
    Itself,
    Other(ArrayView2<'a, F>),
}

impl<'a, F: Real> Recurrence<'a, F> {
    /// For so many steps of so many sequences. The columns of `W` are what is summed over.
    pub(super) fn new(weights: ArrayView2<'a, F>, steps: usize, batch: usize) -> Self {
        /// Products from which packing is worth its time, which is that of some of them: of fewer if they are larger.
        const STEPS: [usize; 2] = [16, 3];
        let packed = (steps >= STEPS[usize::from(batch > 1)]).then(|| Packed::new(&weights));
        let offsets = Offsets::new((0..if packed.is_some() { weights.ncols() } else { 0 }).collect::<Vec<_>>());
        Self { weights, packed, offsets }
    }

    /// Whether different rows may be left to different threads, each with products of its own.
    pub(super) fn divides(&self) -> bool {
        self.packed.is_some()
    }

    /// `C ← A Wᵀ + D`, of as many rows as `C` has.
    pub(super) fn apply(&self, a: Rows<'_, F>, onto: Onto<'_, F>, mut c: ArrayViewMut2<'_, F>) {
        let (rows, depth) = (c.nrows(), self.weights.ncols());
        let beta = if matches!(onto, Onto::Nothing) { F::zero() } else { F::one() };
        if rows == 0 || depth == 0 {
            match onto {
                Onto::Nothing => c.fill(F::zero()),
                Onto::Itself => {}
                Onto::Other(d) => c.assign(&d),
            }
            return;
        }
        let starts = [a.first];
        let gathered = self
            .packed
            .as_ref()
            .and_then(|packed| Some((Gathered::new(a.data, &starts, (rows, a.line), &self.offsets)?, packed)));
        match (gathered, onto) {
            (Some((a, packed)), Onto::Other(d)) => F::gemm_gathered(F::one(), &a, packed, beta, Some(d), c),
            (Some((a, packed)), _) => F::gemm_gathered(F::one(), &a, packed, beta, None, c),
            (None, onto) => {
                let shape = (rows, depth).strides((a.line, 1));
                let a = ArrayView2::from_shape(shape, &a.data[a.first..]).expect("the rows lie within the slice");
                match onto {
                    Onto::Other(d) => F::gemm_add(F::one(), a, self.weights.t(), beta, d, c),
                    _ => F::gemm(F::one(), a, self.weights.t(), beta, c),
                }
            }
        }
    }
}
