//! A small source of random shapes, numbers and memory layouts.

use ndarray::{ArrayD, Axis, IxDyn, Slice};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// No array has more elements.
const MAX_ELEMENTS: usize = 48;

/// A source of random shapes and arrays; the same seed gives the same ones.
///
/// # Examples
/// ```
/// use gradus_autograd::testing::Draw;
/// let mut draw = Draw::new(7);
/// let shape = draw.shape(1..=3, 0);
/// let x = draw.array(&shape, -2.0, 2.0);
/// let axis = draw.below(x.ndim());
/// assert!(axis < 3 && x.iter().all(|x| x.abs() <= 2.0));
/// ```
#[derive(Debug)]
pub struct Draw {
    rng: StdRng,
}

impl Draw {
    /// A new source.
    #[must_use]
    #[cfg_attr(not(debug_assertions), inline)] // compiled where it is used: CONTRIBUTING, "What few programs call"
    pub fn new(seed: u64) -> Self {
        Self { rng: StdRng::seed_from_u64(seed) }
    }

    /// A whole number below `n`; 0 if there is none.
    #[cfg_attr(not(debug_assertions), inline)]
    pub fn below(&mut self, n: usize) -> usize {
        if n == 0 { 0 } else { self.rng.random_range(0..n) }
    }

    /// True once in `n` times.
    #[cfg_attr(not(debug_assertions), inline)]
    pub fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// A number between `low` and `high`.
    #[cfg_attr(not(debug_assertions), inline)]
    pub fn number(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.rng.random::<f64>()
    }

    /// A size from `smallest` to 5, 1 and 0 more often than their share.
    #[cfg_attr(not(debug_assertions), inline)]
    pub fn size(&mut self, smallest: usize) -> usize {
        if smallest == 0 && self.once_in(12) {
            0
        } else if smallest <= 1 && self.once_in(4) {
            1
        } else {
            smallest.max(2) + self.below(4)
        }
    }

    /// A shape of one of these ranks, with sizes from `smallest` up, of few elements.
    #[cfg_attr(not(debug_assertions), inline)]
    pub fn shape(&mut self, ranks: std::ops::RangeInclusive<usize>, smallest: usize) -> Vec<usize> {
        let rank = ranks.start() + self.below(ranks.end() + 1 - ranks.start());
        let mut shape: Vec<usize> = (0..rank).map(|_| self.size(smallest)).collect();
        for axis in (0..rank).rev() {
            while shape[axis] > smallest.max(1) && shape.iter().product::<usize>() > MAX_ELEMENTS {
                shape[axis] -= 1;
            }
        }
        shape
    }

    /// A shape that broadcasts to this one: some leading axes left out, some of length 1.
    #[cfg_attr(not(debug_assertions), inline)]
    pub fn narrowed(&mut self, full: &[usize]) -> Vec<usize> {
        let left_out = if self.once_in(3) { self.below(full.len() + 1) } else { 0 };
        full[left_out..].iter().map(|&n| if self.once_in(4) { 1 } else { n }).collect()
    }

    /// An array of numbers between `low` and `high`, in any layout.
    #[cfg_attr(not(debug_assertions), inline)]
    pub fn array(&mut self, shape: &[usize], low: f64, high: f64) -> ArrayD<f64> {
        let x = ArrayD::from_shape_simple_fn(IxDyn(shape), || self.number(low, high));
        self.laid_out(&x)
    }

    /// An array of numbers of which no two, nor their magnitudes, are closer than 0.01, none of them closer to 0, in
    /// any layout.
    #[cfg_attr(not(debug_assertions), inline)]
    pub fn distinct(&mut self, shape: &[usize]) -> ArrayD<f64> {
        let n: usize = shape.iter().product();
        let mut numbers: Vec<f64> = (0..n).map(|i| 0.3 + 0.05 * i as f64 + self.number(0.0, 0.03)).collect();
        for i in (1..n).rev() {
            numbers.swap(i, self.below(i + 1));
        }
        numbers.iter_mut().for_each(|x| *x = if self.once_in(2) { -*x } else { *x });
        let x = ArrayD::from_shape_vec(IxDyn(shape), numbers).expect("one number for each element");
        self.laid_out(&x)
    }

    /// The same numbers in another memory layout: axes in another order, gaps between elements, axes walked backwards.
    #[cfg_attr(not(debug_assertions), inline)]
    pub fn laid_out(&mut self, x: &ArrayD<f64>) -> ArrayD<f64> {
        let rank = x.ndim();
        let mut order: Vec<usize> = (0..rank).collect();
        if self.once_in(2) {
            for i in (1..rank).rev() {
                order.swap(i, self.below(i + 1));
            }
        }
        let steps: Vec<isize> = (0..rank).map(|_| [1, 1, 1, -1, 2, -2][self.below(6)]).collect();
        let memory: Vec<usize> = order.iter().map(|&axis| x.shape()[axis] * steps[axis].unsigned_abs()).collect();
        let mut back = vec![0; rank];
        order.iter().enumerate().for_each(|(place, &axis)| back[axis] = place);
        // An operation that strays into the gaps meets a NaN.
        let mut array = ArrayD::from_elem(IxDyn(&memory), f64::NAN).permuted_axes(IxDyn(&back));
        for (axis, &step) in steps.iter().enumerate() {
            array.slice_axis_inplace(Axis(axis), Slice::new(0, None, step));
        }
        array.assign(x);
        array
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "too slow")]
    fn the_rare_ones_come() {
        let mut draw = Draw::new(1);
        let arrays: Vec<_> = (0..200)
            .map(|_| {
                let shape = draw.shape(0..=4, 0);
                draw.distinct(&shape)
            })
            .collect();
        let comes = |what: &str, is: &dyn Fn(&ArrayD<f64>) -> bool| assert!(arrays.iter().any(is), "{what}");
        comes("no axis", &|x| x.ndim() == 0);
        comes("four axes", &|x| x.ndim() == 4);
        comes("no element", &|x| x.is_empty());
        comes("one element", &|x| x.ndim() > 0 && x.len() == 1);
        comes("transposed", &|x| x.ndim() == 2 && x.len() > 5 && x.t().is_standard_layout());
        comes("backwards", &|x| x.strides().iter().any(|&s| s < 0));
        comes("gaps", &|x| x.ndim() > 0 && !x.is_empty() && x.strides().iter().all(|s| s.abs() > 1));
        assert!(arrays.iter().all(|x| x.len() <= MAX_ELEMENTS && x.iter().all(|x| !x.is_nan())));
        let narrowed: Vec<_> = (0..50).map(|_| draw.narrowed(&[3, 4])).collect();
        assert!([vec![3, 4], vec![1, 4], vec![4], vec![]].iter().all(|shape| narrowed.contains(shape)));
    }
}
