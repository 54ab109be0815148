//! Products drawn at random, in unusual places of memory.

use crate::{Error, Pack, Real};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, Slice};
use std::ops::Range;

/// A small generator of its own: this crate is at the far left of the chain, and these checks need no more.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new() -> Self {
        Self(7)
    }

    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }

    /// In [−1, 1).
    fn number(&mut self) -> f64 {
        self.below(1 << 20) as f64 / f64::from(1 << 19) - 1.0
    }

    /// From 0 to 40, the small ones more often.
    pub(super) fn size(&mut self) -> usize {
        if self.below(3) == 0 { self.below(4) } else { 1 + self.below(40) }
    }

    /// A factor: 0, 1, −1 or any.
    pub(super) fn scale<F: Real>(&mut self) -> F {
        match self.below(6) {
            0 | 1 => F::zero(),
            2 => F::one(),
            3 => -F::one(),
            _ => F::from_f64(self.number()),
        }
    }
}

/// A matrix in an unusual place: some axis order, steps and directions within a larger array.
#[derive(Clone)]
pub(super) struct Placed<F> {
    whole: Array2<F>,
    steps: [isize; 2],
    transposed: bool,
}

impl<F: Real> Placed<F> {
    fn new(random: &mut Random, rows: usize, columns: usize) -> Self {
        let transposed = random.below(2) == 1;
        let sizes = if transposed { [columns, rows] } else { [rows, columns] };
        let steps = [(); 2].map(|()| [1, 1, 1, 1, 1, 2, -1, -3][random.below(8)]);
        let [outer, inner] = [0, 1].map(|axis| sizes[axis] * isize::unsigned_abs(steps[axis]));
        let whole = Array2::from_shape_simple_fn((outer, inner), || F::from_f64(random.number()));
        Self { whole, steps, transposed }
    }

    pub(super) fn view(&self) -> ArrayView2<'_, F> {
        let mut view = self.whole.view();
        for (axis, step) in self.steps.into_iter().enumerate() {
            view.slice_axis_inplace(Axis(axis), Slice::from(..).step_by(step));
        }
        if self.transposed { view.reversed_axes() } else { view }
    }

    pub(super) fn view_mut(&mut self) -> ArrayViewMut2<'_, F> {
        let mut view = self.whole.view_mut();
        for (axis, step) in self.steps.into_iter().enumerate() {
            view.slice_axis_inplace(Axis(axis), Slice::from(..).step_by(step));
        }
        if self.transposed { view.reversed_axes() } else { view }
    }

    /// Whether a number beside the matrix, in the gaps, is another one than in this matrix in the same place.
    pub(super) fn gaps_differ(&self, other: &Self) -> bool {
        let mut own = self.clone();
        own.view_mut().assign(&other.view());
        own.whole != other.whole
    }
}

/// One product, `α A B + β C`.
pub(super) struct Case<F> {
    pub(super) alpha: F,
    pub(super) a: Placed<F>,
    pub(super) b: Placed<F>,
    pub(super) beta: F,
    pub(super) c: Placed<F>,
}

impl<F: Real> Case<F> {
    pub(super) fn new(random: &mut Random, [m, n, k]: [usize; 3], beta: F) -> Self {
        let [a, b, c] = [[m, k], [k, n], [m, n]].map(|[rows, columns]| Placed::new(random, rows, columns));
        Self { alpha: random.scale(), a, b, beta, c }
    }

    /// The number of products in a sum.
    pub(super) fn depth(&self) -> usize {
        self.a.view().ncols()
    }

    /// The result summed in `f64`, and the same sum of magnitudes.
    pub(super) fn exact(&self) -> (Array2<f64>, Array2<f64>) {
        let of = |magnitude: fn(f64) -> f64| {
            let number = |x: &F| magnitude(x.to_f64());
            let (a, b, c) = (self.a.view().map(number), self.b.view().map(number), self.c.view().map(number));
            Array2::from_shape_fn(c.dim(), |(i, j)| {
                let sum: f64 = a.row(i).iter().zip(b.column(j)).map(|(a, b)| a * b).sum();
                number(&self.alpha) * sum + number(&self.beta) * c[[i, j]]
            })
        };
        (of(|x| x), of(f64::abs))
    }

    pub(super) fn fails(&self, operation: &'static str, problem: String) -> Error {
        let matrix = |m: ArrayView2<'_, F>| (m.shape().to_vec(), m.strides().to_vec());
        let [left, right, result] = [&self.a, &self.b, &self.c].map(|placed| matrix(placed.view()));
        let strides = vec![left.1, right.1, result.1];
        let (alpha, beta, left, right) = (self.alpha.to_f64(), self.beta.to_f64(), left.0, right.0);
        let product = format!("{left:?} · {right:?}, α = {alpha}, β = {beta}, strides {strides:?} of A, B, C");
        Error::Engine { operation, product, problem }
    }
}

/// An operand that hides that it is an array, so that it must be packed.
pub(super) struct Hidden<'a, F>(pub(super) ArrayView2<'a, F>);

impl<F: Real> Pack<F> for Hidden<'_, F> {
    fn lines(&self) -> usize {
        self.0.nrows()
    }
    fn depth(&self) -> usize {
        self.0.ncols()
    }
    fn pack(&self, lines: Range<usize>, depth: Range<usize>, stride: usize, panel: &mut [F]) {
        self.0.pack(lines, depth, stride, panel);
    }
}
