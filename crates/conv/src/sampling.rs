//! Linear maps along single axes, each number of whose result is a sum of few numbers of the input.
//!
//! Padding by a mode copies one number to each place; interpolation adds two or four neighbours, weighted. Along one axis both are a matrix
//! with few entries in each row, so one list says it all:
//!
//! ```text
//! y[o] = Σ_t weight[o, t] · x[position[o, t]]              dx[position[o, t]] += weight[o, t] · dy[o]
//! ```
//!
//! A map over several axes is such a map along one after the other, and its adjoint the adjoints in the reverse order.

use crate::correlation::{slice, slice_mut};
use gradus_autograd::{Real, Value, Var};
use gradus_linalg::memory;
use gradus_linalg::simd::vectorized;
use ndarray::IxDyn;
use std::ops::Range;

/// The position of a number that is 0 and not of the input.
pub(crate) const NOWHERE: usize = usize::MAX;

/// A map along one axis.
pub(crate) struct Line<F> {
    /// Numbers of the input and of the result.
    size: usize,
    out: usize,
    /// How many numbers are added for each number of the result.
    terms: usize,
    positions: Vec<usize>,
    /// None for a copy, whose weights are 1.
    weights: Vec<F>,
    /// The longest part of the result that is a part of the input as it stands.
    run: Range<usize>,
}

impl<F: Real> Line<F> {
    /// Copies to each of `out` places the number at one position, or 0 from [`NOWHERE`].
    pub(crate) fn copies(size: usize, out: usize, position: impl Fn(usize) -> usize) -> Self {
        let positions: Vec<usize> = (0..out).map(position).collect();
        let (mut run, mut start) = (0..0, 0);
        for end in 1..=out {
            let goes_on = end < out && positions[end - 1] != NOWHERE && positions[end] == positions[end - 1] + 1;
            if !goes_on {
                if end - start > run.len() && positions[start] != NOWHERE {
                    run = start..end;
                }
                start = end;
            }
        }
        Self { size, out, terms: 1, positions, weights: Vec::new(), run }
    }

    /// Adds, for each of `out` places, `T` numbers with weights.
    pub(crate) fn sums<const T: usize>(size: usize, out: usize, terms: impl Fn(usize) -> [(usize, f64); T]) -> Self {
        let (positions, weights) = (0..out).flat_map(terms).map(|(at, weight)| (at, F::from_f64(weight))).unzip();
        Self { size, out, terms: T, positions, weights, run: 0..0 }
    }

    fn is_identity(&self) -> bool {
        self.size == self.out && self.run.len() == self.out
    }

    /// The position and the weight of one term; of a copy from nowhere there is none.
    #[inline(always)]
    fn term(&self, term: usize) -> Option<(usize, F)> {
        let weight = if self.weights.is_empty() { F::one() } else { self.weights[term] };
        let at = self.positions[term];
        if at == NOWHERE { None } else { Some((at, weight)) }
    }

    /// Applies the map to `outer` blocks, each of which has `inner` numbers side by side for each number along the axis.
    #[inline(always)]
    fn forward(&self, (outer, inner): (usize, usize), x: &[F], y: &mut [F]) {
        for block in 0..outer {
            let x = &x[block * self.size * inner..][..self.size * inner];
            let y = &mut y[block * self.out * inner..][..self.out * inner];
            if !self.run.is_empty() {
                let first = self.positions[self.run.start] * inner;
                let run = &mut y[self.run.start * inner..self.run.end * inner];
                run.copy_from_slice(&x[first..][..self.run.len() * inner]);
            }
            for o in (0..self.run.start).chain(self.run.end..self.out) {
                let (first, others) = (o * self.terms, o * self.terms + 1..(o + 1) * self.terms);
                if inner == 1 {
                    let mut sum = F::zero();
                    for term in first..others.end {
                        if let Some((at, weight)) = self.term(term) {
                            sum += weight * x[at];
                        }
                    }
                    y[o] = sum;
                    continue;
                }
                let y = &mut y[o * inner..][..inner];
                match self.term(first) {
                    None => y.fill(F::zero()),
                    Some((at, _)) if self.weights.is_empty() => y.copy_from_slice(&x[at * inner..][..inner]),
                    Some((at, weight)) => {
                        for (y, &x) in y.iter_mut().zip(&x[at * inner..][..inner]) {
                            *y = weight * x;
                        }
                    }
                }
                for term in others {
                    let Some((at, weight)) = self.term(term) else { continue };
                    for (y, &x) in y.iter_mut().zip(&x[at * inner..][..inner]) {
                        *y += weight * x;
                    }
                }
            }
        }
    }

    /// The adjoint, added to `dx`.
    #[inline(always)]
    fn backward(&self, (outer, inner): (usize, usize), dy: &[F], dx: &mut [F]) {
        for block in 0..outer {
            let dy = &dy[block * self.out * inner..][..self.out * inner];
            let dx = &mut dx[block * self.size * inner..][..self.size * inner];
            if !self.run.is_empty() {
                let dx = &mut dx[self.positions[self.run.start] * inner..][..self.run.len() * inner];
                for (dx, &dy) in dx.iter_mut().zip(&dy[self.run.start * inner..]) {
                    *dx += dy;
                }
            }
            for o in (0..self.run.start).chain(self.run.end..self.out) {
                let dy = &dy[o * inner..][..inner];
                for term in o * self.terms..(o + 1) * self.terms {
                    let Some((at, weight)) = self.term(term) else { continue };
                    for (dx, &dy) in dx[at * inner..][..inner].iter_mut().zip(dy) {
                        *dx += weight * dy;
                    }
                }
            }
        }
    }
}

/// A map along the last axes of an array, one after the other.
pub(crate) struct Sampling<F> {
    /// The product of the sizes of the axes before.
    lead: usize,
    lines: Vec<Line<F>>,
    /// The axes along which something changes. Those that become shorter come first: nothing in between is then larger than
    /// what comes in and what goes out.
    order: Vec<usize>,
}

impl<F: Real> Sampling<F> {
    pub(crate) fn new(lead: usize, lines: Vec<Line<F>>) -> Self {
        let mut order = shrinking_first(lines.iter().map(|line| (line.size, line.out)));
        order.retain(|&axis| !lines[axis].is_identity());
        Self { lead, lines, order }
    }

    /// Records the map as an operation on the tape.
    #[track_caller]
    pub(crate) fn record(self, operation: &'static str, x: &Var<F>, shape: &[usize]) -> Var<F> {
        let x_value = x.value().clone().into_standard_layout();
        let mut y = Value::unspecified(IxDyn(shape));
        let sizes = self.lines.iter().map(|line| line.size).collect();
        self.pass(self.order.iter(), sizes, slice(&x_value), slice_mut(&mut y), Direction::Forward);
        x.tape().record_into(operation, [x], y, move |dy, slots| {
            let dy = dy.into_standard_layout();
            slots.accumulate(0, |dx, beta| {
                let dx = dx.into_slice().expect("gradients are row-major");
                if beta == F::zero() {
                    dx.fill(F::zero());
                }
                let sizes = self.lines.iter().map(|line| line.out).collect();
                self.pass(self.order.iter().rev(), sizes, slice(&dy), dx, Direction::Backward);
            });
        })
    }

    /// Goes along the axes. `sizes` are those of `x`; backward, the result is added to `y`.
    fn pass<'a>(
        &self,
        order: impl DoubleEndedIterator<Item = &'a usize>,
        mut sizes: Vec<usize>,
        x: &[F],
        y: &mut [F],
        direction: Direction,
    ) {
        let mut order = order.copied();
        let Some(last) = order.next_back() else {
            return match direction {
                Direction::Forward => y.copy_from_slice(x),
                Direction::Backward => y.iter_mut().zip(x).for_each(|(y, &x)| *y += x),
            };
        };
        let mut between: Option<Vec<F>> = None;
        for axis in order {
            let (blocks, len) = self.advance(axis, &mut sizes, direction);
            let mut to = memory::take(len);
            if direction == Direction::Backward {
                to.fill(F::zero());
            }
            self.step(axis, blocks, between.as_deref().unwrap_or(x), &mut to, direction);
            between.replace(to).into_iter().for_each(memory::give);
        }
        let (blocks, _) = self.advance(last, &mut sizes, direction);
        self.step(last, blocks, between.as_deref().unwrap_or(x), y, direction);
        between.into_iter().for_each(memory::give);
    }

    /// The blocks before an axis and the numbers inside, and how many numbers there are after it.
    fn advance(&self, axis: usize, sizes: &mut [usize], direction: Direction) -> ((usize, usize), usize) {
        let line = &self.lines[axis];
        sizes[axis] = if direction == Direction::Forward { line.out } else { line.size };
        let outer = self.lead * sizes[..axis].iter().product::<usize>();
        let inner = sizes[axis + 1..].iter().product::<usize>();
        ((outer, inner), outer * sizes[axis] * inner)
    }

    fn step(&self, axis: usize, blocks: (usize, usize), x: &[F], y: &mut [F], direction: Direction) {
        let line = &self.lines[axis];
        vectorized(
            #[inline(always)]
            || match direction {
                Direction::Forward => line.forward(blocks, x, y),
                Direction::Backward => line.backward(blocks, x, y),
            },
        );
    }
}

/// Axes of these sizes before and after, those that become shorter first; of equal ones the last, whose numbers lie side by side.
fn shrinking_first(sizes: impl Iterator<Item = (usize, usize)>) -> Vec<usize> {
    let sizes: Vec<(usize, usize)> = sizes.collect();
    let mut order: Vec<usize> = (0..sizes.len()).rev().collect();
    let growth = |a: usize, b: usize| sizes[a].1 as u128 * sizes[b].0 as u128;
    order.sort_by(|&a, &b| growth(a, b).cmp(&growth(b, a)));
    order
}

/// Products and sums of a map along axes with these sizes before and after and so many terms, copies having none.
pub(crate) fn multiply_adds(lead: usize, axes: &[(usize, usize, u64)]) -> u64 {
    let mut sizes: Vec<usize> = axes.iter().map(|axis| axis.0).collect();
    let mut sum = 0_u64;
    for axis in shrinking_first(axes.iter().map(|&(size, out, _)| (size, out))) {
        sizes[axis] = axes[axis].1;
        let volume = sizes.iter().fold(lead as u64, |n, &size| n.saturating_mul(size as u64));
        sum = sum.saturating_add(volume.saturating_mul(axes[axis].2));
    }
    sum
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Forward,
    Backward,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_run_is_found() {
        let run = |positions: &[usize]| Line::<f64>::copies(9, positions.len(), |o| positions[o]).run;
        assert_eq!(run(&[2, 1, 0, 1, 2, 3, 2, 1]), 2..6);
        assert_eq!(run(&[NOWHERE, NOWHERE, 0, 1, NOWHERE]), 2..4);
        assert_eq!(run(&[NOWHERE, NOWHERE]), 0..0);
        assert_eq!(run(&[]), 0..0);
        assert_eq!(run(&[4]), 0..1);
    }

    #[test]
    fn what_shrinks_comes_first() {
        let line = |size: usize, out: usize| Line::<f64>::copies(size, out, |_| 0);
        assert_eq!(Sampling::new(1, vec![line(1, 9), line(9, 1), line(5, 6)]).order, [1, 2, 0]);
        assert_eq!(Sampling::new(1, vec![line(2, 4), line(3, 6)]).order, [1, 0]);
    }
}
