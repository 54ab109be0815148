//! Where the numbers of an image lie once it has been continued by its padding, and where a window finds them there.

use crate::geometry::Axis;
use gradus_linalg::{Pack, Real, memory};
use ndarray::ArrayView2;

/// The planes of an image, each with a margin of zeros around it.
#[derive(Debug, Clone)]
pub(super) struct Margins {
    /// Along each axis: zeros before, the numbers of the plane, and how long all of it is.
    axes: Vec<(usize, usize, usize)>,
    /// From a number to its neighbour along each axis.
    strides: Vec<usize>,
    /// From a plane to the next.
    pub(super) plane: usize,
}

impl Margins {
    /// Of each axis, the zeros before, the size, and the length with what comes after.
    pub(super) fn new(axes: Vec<(usize, usize, usize)>) -> Self {
        let mut strides = vec![1; axes.len()];
        for i in (1..axes.len()).rev() {
            strides[i - 1] = strides[i] * axes[i].2;
        }
        let plane = axes.iter().map(|axis| axis.2).product();
        Self { axes, strides, plane }
    }

    /// Whether there is no margin: the image may be read where it lies.
    pub(super) fn is_none(&self) -> bool {
        self.axes.iter().all(|&(before, size, len)| before == 0 && size == len)
    }

    /// The place of a position, which may lie in the margin.
    pub(super) fn place(&self, position: impl IntoIterator<Item = usize>) -> usize {
        position.into_iter().zip(&self.strides).map(|(i, stride)| i * stride).sum()
    }

    /// The place of a number of the plane, given by its number there.
    pub(super) fn inside(&self, mut number: usize) -> usize {
        let mut place = 0;
        for (&(before, size, _), stride) in self.axes.iter().zip(&self.strides).rev() {
            place += (before + number % size) * stride;
            number /= size;
        }
        place
    }

    /// Copies planes into memory whose margins are zeros already.
    pub(super) fn copy<F: Real>(&self, planes: &[F], to: &mut [F]) {
        let size: usize = self.axes.iter().map(|axis| axis.1).product();
        if size == 0 {
            return;
        }
        for (from, to) in planes.chunks_exact(size).zip(to.chunks_exact_mut(self.plane)) {
            self.copy_along(0, from, to);
        }
    }

    fn copy_along<F: Real>(&self, axis: usize, from: &[F], to: &mut [F]) {
        let Some(&(before, size, _)) = self.axes.get(axis) else { return to[..1].copy_from_slice(from) };
        let inner = from.len() / size;
        match self.axes.len() - axis {
            1 => to[before..][..size].copy_from_slice(from),
            2 => {
                let (column, width, stride) = (self.axes[axis + 1].0, self.axes[axis + 1].1, self.strides[axis]);
                let rows = ArrayView2::from_shape((size, width), from).expect("a plane has its rows");
                let to = &mut to[before * stride + column..];
                // All rows but the last, which need not be followed by a margin, as lines of a panel.
                let whole = size - 1;
                rows.t().pack(0..width, 0..whole, stride, &mut to[..whole * stride]);
                to[whole * stride..][..width].copy_from_slice(&from[whole * width..]);
            }
            _ => {
                let stride = self.strides[axis];
                for (from, to) in from.chunks_exact(inner).zip(to[before * stride..].chunks_exact_mut(stride)) {
                    self.copy_along(axis + 1, from, to);
                }
            }
        }
    }
}

/// All positions of a box, the last axis fastest.
pub(super) fn positions(sizes: &[usize]) -> impl Iterator<Item = Vec<usize>> + use<> {
    let sizes = sizes.to_vec();
    let count: usize = sizes.iter().product();
    (0..count).map(move |mut number| {
        let mut position = vec![0; sizes.len()];
        for (i, &size) in position.iter_mut().zip(&sizes).rev() {
            *i = number % size;
            number /= size;
        }
        position
    })
}

/// The sizes of a quantity along each axis.
pub(super) fn each(axes: &[Axis], size: impl Fn(&Axis) -> usize) -> Vec<usize> {
    axes.iter().map(size).collect()
}

/// The taps that see the positions of a remainder by the stride, and how far the place that sees one lies behind that of the
/// position's quotient, in the output's gradient with its margin.
pub(super) fn seeing<'a>(
    axes: &'a [Axis],
    remainder: &'a [usize],
    output: &'a Margins,
) -> impl Iterator<Item = (usize, usize)> + 'a {
    positions(&each(axes, |axis| axis.kernel_size)).enumerate().filter_map(|(number, tap)| {
        let shift = |(i, axis): (usize, &Axis)| axis.seen_from(remainder[i], tap[i]);
        let shift = axes.iter().enumerate().map(shift).collect::<Option<Vec<_>>>()?;
        Some((number, output.place(shift)))
    })
}

/// Along one axis, the margin of the output's gradient: from which places positions of the input are seen, also from those
/// where there is none.
pub(super) fn seen_from(axis: &Axis) -> (usize, usize, usize) {
    let before = axis.seen_before();
    let last = (axis.size.max(1) - 1 + axis.before) / axis.stride + before + 1;
    (before, axis.out, last.max(before + axis.out))
}

/// Memory for the planes of an image with their margin, which is cleared once.
pub(super) struct Room<F>(pub(super) Vec<F>);

impl<F: Real> Room<F> {
    pub(super) fn new(margins: &Margins, planes: usize) -> Self {
        if margins.is_none() {
            return Self(Vec::new());
        }
        let mut room = memory::take(planes * margins.plane);
        room.fill(F::zero());
        Self(room)
    }

    /// As [`new`](Self::new), and also where there is no margin if so wanted.
    pub(super) fn always(margins: &Margins, planes: usize, wanted: bool) -> Self {
        if !(wanted && margins.is_none()) {
            return Self::new(margins, planes);
        }
        let mut room = memory::take(planes * margins.plane);
        room.fill(F::zero());
        Self(room)
    }

    /// The planes with their margin: a copy, or themselves if there is none.
    pub(super) fn of<'a>(&'a mut self, margins: &Margins, planes: &'a [F]) -> &'a [F] {
        if margins.is_none() {
            return planes;
        }
        margins.copy(planes, &mut self.0);
        &self.0
    }

    pub(super) fn give(self) {
        memory::give(self.0);
    }
}
