//! The convolution and its gradients, in loops.

use gradus::conv::Geometry;
use gradus::ndarray::{Array4, ArrayRef, ArrayView, Dimension, indices, s};
use gradus::rand::{Rng, RngExt};

/// How a window moves, the same along both axes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moves {
    pub(crate) stride: usize,
    pub(crate) padding: usize,
    pub(crate) dilation: usize,
}

impl Moves {
    pub(crate) const PLAIN: Self = Self { stride: 1, padding: 0, dilation: 1 };

    /// The place of the input that lies under number `k` of the window at its place `p`; none in the padding.
    pub(crate) fn under(self, p: usize, k: usize, size: usize) -> Option<usize> {
        (p * self.stride + k * self.dilation).checked_sub(self.padding).filter(|&i| i < size)
    }

    /// How many places the window has: the formula of the chapter.
    pub(crate) fn places(self, size: usize, kernel: usize) -> usize {
        (size + 2 * self.padding - (self.dilation * (kernel - 1) + 1)) / self.stride + 1
    }

    pub(crate) fn geometry(self, kernel: usize) -> Geometry<2> {
        Geometry::new(kernel).stride(self.stride).padding(self.padding).dilation(self.dilation)
    }
}

pub(crate) type Place = (usize, usize, usize, usize);

/// Every product `W · x` in the sums of a convolution, as the places `(y, W, x)` of the sum and the two factors.
///
/// ```text
/// y[n, o, p, q] = Σ_c Σ_k Σ_l W[o, c, k, l] · x[n, c, p s + k d − a, q s + l d − a]      stride s, dilation d, padding a
/// ```
pub(crate) fn products(y: Place, w: Place, x: Place, moves: Moves, mut each: impl FnMut(Place, Place, Place)) {
    for (n, o, p, q) in indices(y) {
        for (c, k, l) in indices((w.1, w.2, w.3)) {
            if let (Some(i), Some(j)) = (moves.under(p, k, x.2), moves.under(q, l, x.3)) {
                each((n, o, p, q), (o, c, k, l), (n, c, i, j));
            }
        }
    }
}

pub(crate) fn correlate(x: &Array4<f64>, w: &Array4<f64>, moves: Moves) -> Array4<f64> {
    let (of_x, of_w) = (x.dim(), w.dim());
    let mut y = Array4::zeros((of_x.0, of_w.0, moves.places(of_x.2, of_w.2), moves.places(of_x.3, of_w.3)));
    products(y.dim(), of_w, of_x, moves, |at_y, at_w, at_x| y[at_y] += w[at_w] * x[at_x]);
    y
}

/// The gradients by the input and by the weights: in each product, the derivative by one factor is the other one.
pub(crate) fn correlate_backward(x: &Array4<f64>, w: &Array4<f64>, dy: &Array4<f64>, moves: Moves) -> [Array4<f64>; 2] {
    let (mut dx, mut dw) = (Array4::zeros(x.dim()), Array4::zeros(w.dim()));
    products(dy.dim(), w.dim(), x.dim(), moves, |at_y, at_w, at_x| {
        dx[at_x] += w[at_w] * dy[at_y];
        dw[at_w] += x[at_x] * dy[at_y];
    });
    [dx, dw]
}

pub(crate) fn draw(shape: Place, rng: &mut impl Rng) -> Array4<f64> {
    Array4::from_shape_simple_fn(shape, || rng.random_range(-1.0..1.0))
}

/// The largest difference.
pub(crate) fn off<D: Dimension, E: Dimension>(a: &ArrayRef<f64, D>, b: &ArrayRef<f64, E>) -> f64 {
    assert_eq!(a.shape(), b.shape());
    a.iter().zip(b.iter()).fold(0.0, |most, (a, b)| most.max((a - b).abs()))
}

/// One image, or one kernel, from its rows.
pub(crate) fn image<const H: usize, const W: usize>(rows: [[f64; W]; H]) -> Array4<f64> {
    Array4::from_shape_fn((1, 1, H, W), |(_, _, i, j)| rows[i][j])
}

/// The only channel of the only image.
pub(crate) fn plane(image: &Array4<f64>) -> ArrayView<'_, f64, gradus::ndarray::Ix2> {
    image.slice(s![0, 0, .., ..])
}

pub(crate) const GEOMETRIES: [Moves; 4] = [
    Moves::PLAIN,
    Moves { stride: 1, padding: 1, dilation: 1 },
    Moves { stride: 2, padding: 1, dilation: 1 },
    Moves { stride: 2, padding: 3, dilation: 2 },
];
