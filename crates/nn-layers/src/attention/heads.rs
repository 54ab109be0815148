//! Where the matrices of each head lie, and the walk over them. Nothing is copied: heads are views.

use gradus_autograd::Real;
use gradus_linalg::parallel;
use ndarray::{ArrayBase, ArrayView2, ArrayViewD, ArrayViewMut2, ArrayViewMutD, Axis, IxDyn, RawData};

/// How the inputs of an attention lie in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// `(…, L, E)`, `(…, S, E)` and `(…, S, V)`, in any strides.
    Matrices,
    /// The same with the features of so many heads side by side: `(…, L, H·E)` and so on, row-major.
    Heads(usize),
    /// Queries, keys and values of so many heads side by side in one array: `(…, L, 3·H·E)`, row-major.
    Packed(usize),
}

impl Layout {
    /// Queries, keys and values with the positions and features of one head on the last two axes.
    pub(super) fn split<S: RawData>(self, arrays: Vec<ArrayBase<S, IxDyn>>) -> Vec<ArrayBase<S, IxDyn>>
    where
        ArrayBase<S, IxDyn>: Halves,
    {
        match self {
            Self::Matrices => arrays,
            Self::Heads(_) => arrays.into_iter().map(|x| self.output(x)).collect(),
            Self::Packed(heads) => {
                let packed = arrays.into_iter().flat_map(|x| {
                    let x = unfolded(x, &[3, heads]);
                    let axis = x.ndim() - 3;
                    let (q, others) = x.halves(Axis(axis), 1);
                    let (k, v) = others.halves(Axis(axis), 1);
                    [q, k, v].map(|x| heads_first(x.index_axis_move(Axis(axis), 0)))
                });
                packed.collect()
            }
        }
    }

    /// The output with the positions and features of one head on the last two axes.
    pub(super) fn output<S: RawData>(self, y: ArrayBase<S, IxDyn>) -> ArrayBase<S, IxDyn> {
        match self {
            Self::Matrices => y,
            Self::Heads(heads) | Self::Packed(heads) => heads_first(unfolded(y, &[heads])),
        }
    }
}

/// `(…, a·b·n)` as `(…, a, b, n)`, of a row-major array.
fn unfolded<S: RawData>(x: ArrayBase<S, IxDyn>, parts: &[usize]) -> ArrayBase<S, IxDyn> {
    let mut shape = x.shape().to_vec();
    let last = shape.pop().unwrap_or(0);
    shape.extend(parts);
    shape.push(last / parts.iter().product::<usize>().max(1));
    x.into_shape_with_order(shape).expect("row-major, and the parts have been checked to divide the last axis")
}

/// `(…, L, H, E)` as `(…, H, L, E)`.
fn heads_first<S: RawData>(mut x: ArrayBase<S, IxDyn>) -> ArrayBase<S, IxDyn> {
    let rank = x.ndim();
    x.swap_axes(rank - 3, rank - 2);
    x
}

/// A view that can be cut in two.
pub(super) trait Halves: Sized {
    /// What lies before this place of the axis, and the rest.
    fn halves(self, axis: Axis, at: usize) -> (Self, Self);
}

impl<T> Halves for ArrayViewD<'_, T> {
    fn halves(self, axis: Axis, at: usize) -> (Self, Self) {
        self.split_at(axis, at)
    }
}

impl<T> Halves for ArrayViewMutD<'_, T> {
    fn halves(self, axis: Axis, at: usize) -> (Self, Self) {
        self.split_at(axis, at)
    }
}

/// Arrays with the same axes before the last two, all heads of them or some.
pub(super) struct Heads<'a, F> {
    pub(super) reads: Vec<ArrayViewD<'a, F>>,
    pub(super) masks: Vec<ArrayViewD<'a, bool>>,
    pub(super) writes: Vec<ArrayViewMutD<'a, F>>,
}

impl<'a, F: Real> Heads<'a, F> {
    /// Calls `f` with the matrices of each head, divided among threads if `work` for each head adds up to enough.
    ///
    /// A head writes where no other does: the result does not depend on who computes which.
    pub(super) fn for_each(
        mut self,
        work: usize,
        f: &(impl Fn(Vec<ArrayView2<'a, F>>, Vec<ArrayView2<'a, bool>>, Vec<ArrayViewMut2<'a, F>>) + Sync),
    ) {
        let shape = self.reads.first().map_or(&[][..], |x| x.shape());
        let batch = &shape[..shape.len().saturating_sub(2)];
        let heads: usize = batch.iter().product();
        match batch.iter().position(|&len| len > 1) {
            _ if heads == 0 => {}
            Some(axis) => {
                let half = batch[axis] / 2;
                let (reads, reads_high) = cut(self.reads, axis, half);
                let (masks, masks_high) = cut(self.masks, axis, half);
                let (writes, writes_high) = cut(self.writes, axis, half);
                let high = Self { reads: reads_high, masks: masks_high, writes: writes_high };
                self = Self { reads, masks, writes };
                parallel::join(heads.saturating_mul(work), || self.for_each(work, f), || high.for_each(work, f));
            }
            None => f(matrices(self.reads), matrices(self.masks), matrices(self.writes)),
        }
    }
}

fn cut<V: Halves>(views: Vec<V>, axis: usize, at: usize) -> (Vec<V>, Vec<V>) {
    views.into_iter().map(|view| view.halves(Axis(axis), at)).unzip()
}

/// The last two axes of views with one head.
fn matrices<S: RawData>(views: Vec<ArrayBase<S, IxDyn>>) -> Vec<ArrayBase<S, ndarray::Ix2>> {
    let matrix = |mut view: ArrayBase<S, IxDyn>| {
        while view.ndim() > 2 {
            view = view.index_axis_move(Axis(0), 0);
        }
        view.into_dimensionality().expect("two axes are left")
    };
    views.into_iter().map(matrix).collect()
}
