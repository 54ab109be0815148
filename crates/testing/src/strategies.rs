//! proptest strategies for shapes, arrays and layouts.
//!
//! Values are always `f64`: laws are checked in double precision.

use std::ops::{Range, RangeInclusive};

use ndarray::{Array2, ArrayD, Axis, IxDyn, Slice};
use proptest::collection::vec;
use proptest::prelude::*;

/// No array of these strategies has more elements.
pub const MAX_ELEMENTS: usize = 96;

/// The highest rank of [`shape`].
pub const MAX_RANK: usize = 4;

/// Shapes of rank 0 to 4 with sizes 0 to 5, 0 seldom and 1 often, of at most [`MAX_ELEMENTS`] elements.
///
/// # Examples
///
/// ```
/// use gradus_testing::strategies::{MAX_ELEMENTS, shape};
/// use proptest::prelude::*;
///
/// proptest!(|(shape in shape())| {
///     prop_assert!(shape.iter().product::<usize>() <= MAX_ELEMENTS);
/// });
/// ```
pub fn shape() -> impl Strategy<Value = Vec<usize>> {
    shape_of_rank(0..=MAX_RANK)
}

/// As [`shape`], of the given ranks.
pub fn shape_of_rank(rank: RangeInclusive<usize>) -> impl Strategy<Value = Vec<usize>> {
    let size = prop_oneof![1 => Just(0_usize), 4 => Just(1), 12 => 2..=5_usize];
    vec(size, rank).prop_map(bounded)
}

/// As [`shape`], but with no size 0, for operations that have no value for nothing (a maximum, a mean).
pub fn nonempty_shape() -> impl Strategy<Value = Vec<usize>> {
    nonempty_shape_of_rank(0..=MAX_RANK)
}

/// As [`nonempty_shape`], of the given ranks.
pub fn nonempty_shape_of_rank(rank: RangeInclusive<usize>) -> impl Strategy<Value = Vec<usize>> {
    let size = prop_oneof![1 => Just(1_usize), 3 => 2..=5_usize];
    vec(size, rank).prop_map(bounded)
}

/// A shape and one of its axes.
pub fn shape_and_axis() -> impl Strategy<Value = (Vec<usize>, usize)> {
    nonempty_shape_of_rank(1..=MAX_RANK).prop_flat_map(|shape| {
        let rank = shape.len();
        (Just(shape), 0..rank)
    })
}

/// Two shapes that broadcast together: some sizes of either are 1, and some leading axes are left out.
pub fn broadcast_shapes() -> impl Strategy<Value = (Vec<usize>, Vec<usize>)> {
    let part = || (vec(prop::bool::weighted(0.3), MAX_RANK), 0..=MAX_RANK);
    (shape(), part(), part()).prop_map(|(full, a, b)| {
        let narrow = |(ones, skip): (Vec<bool>, usize)| -> Vec<usize> {
            let sizes = full.iter().zip(ones).map(|(&size, one)| if one { 1 } else { size });
            sizes.skip(skip.min(full.len())).collect()
        };
        // Leading axes are left out on one side only, or the full rank would be rare.
        if a.1 % 2 == 0 { (narrow((a.0, 0)), narrow(b)) } else { (narrow(a), narrow((b.0, 0))) }
    })
}

/// Sizes `(m, k, n)` of a product of an (m, k) by a (k, n) matrix, 0 and 1 among them, and none above `largest`, which is at least 1.
pub fn product_sizes(largest: usize) -> impl Strategy<Value = (usize, usize, usize)> {
    let size = move || prop_oneof![1 => Just(0_usize), 2 => Just(1), 12 => 1..=largest];
    (size(), size(), size())
}

/// Arrays of this shape with values in the range.
pub fn array(shape: &[usize], values: Range<f64>) -> impl Strategy<Value = ArrayD<f64>> + use<> {
    filled(shape, values)
}

/// Arrays of this shape with values in the range, none closer than 1e-3 to zero, where `relu`, `abs` and their like have a kink.
pub fn away_from_zero(shape: &[usize], values: Range<f64>) -> impl Strategy<Value = ArrayD<f64>> + use<> {
    away_from(shape, values, &[0.0])
}

/// Arrays of this shape with values in the range, none closer than 1e-3 to any of the kinks.
///
/// A central difference that steps over a kink measures neither side's slope.
pub fn away_from(shape: &[usize], values: Range<f64>, kinks: &[f64]) -> impl Strategy<Value = ArrayD<f64>> + use<> {
    let kinks = kinks.to_vec();
    let value =
        values.prop_filter("too close to a kink", move |x: &f64| kinks.iter().all(|kink| (x - kink).abs() > 1e-3));
    filled(shape, value)
}

/// Arrays of this shape whose values all differ by 0.01 or more, in random order, for maxima and sorting.
pub fn well_separated(shape: &[usize]) -> impl Strategy<Value = ArrayD<f64>> + use<> {
    let shape = shape.to_vec();
    let count = shape.iter().product::<usize>();
    let ranks: Vec<usize> = (0..count).collect();
    (Just(ranks).prop_shuffle(), vec(0.0..0.04_f64, count)).prop_map(move |(ranks, jitter)| {
        let middle = count as f64 / 2.0;
        let values = ranks.iter().zip(jitter).map(|(&rank, jitter)| (rank as f64 - middle) * 0.05 + jitter).collect();
        ArrayD::from_shape_vec(IxDyn(&shape), values).expect("one value for each element")
    })
}

/// The same values in another layout: axes permuted in memory, gaps between elements, axes that run backwards.
pub fn any_layout(values: ArrayD<f64>) -> impl Strategy<Value = ArrayD<f64>> {
    let rank = values.ndim();
    let order: Vec<usize> = (0..rank).collect();
    let step = prop_oneof![3 => Just(1_isize), 1 => Just(-1), 1 => Just(2), 1 => Just(-2)];
    (Just(order).prop_shuffle(), vec(step, rank)).prop_map(move |(order, steps)| with_layout(&values, &order, &steps))
}

/// Arrays of this shape with values in the range, in [`any_layout`].
pub fn strided(shape: &[usize], values: Range<f64>) -> impl Strategy<Value = ArrayD<f64>> + use<> {
    array(shape, values).prop_flat_map(any_layout)
}

/// Matrices with values in −1 to 1, in [`any_layout`].
pub fn matrix(rows: usize, columns: usize) -> impl Strategy<Value = Array2<f64>> {
    strided(&[rows, columns], -1.0..1.0).prop_map(|m| m.into_dimensionality().expect("the shape has two sizes"))
}

/// Makes sizes smaller, from the last axis on, until the elements are few enough; so few that a size 0 may become 1 in
/// broadcasting.
fn bounded(mut shape: Vec<usize>) -> Vec<usize> {
    for axis in (0..shape.len()).rev() {
        while shape[axis] > 1 && shape.iter().map(|&size| size.max(1)).product::<usize>() > MAX_ELEMENTS {
            shape[axis] -= 1;
        }
    }
    shape
}

fn filled<S: Strategy<Value = f64>>(shape: &[usize], value: S) -> impl Strategy<Value = ArrayD<f64>> + use<S> {
    let shape = shape.to_vec();
    vec(value, shape.iter().product::<usize>())
        .prop_map(move |values| ArrayD::from_shape_vec(IxDyn(&shape), values).expect("one value for each element"))
}

/// Copies the values into memory where axis `order[0]` varies slowest and axis `i` is walked in steps of `steps[i]`.
fn with_layout(values: &ArrayD<f64>, order: &[usize], steps: &[isize]) -> ArrayD<f64> {
    let stored = |axis: usize| values.shape()[axis] * steps[axis].unsigned_abs();
    let memory: Vec<usize> = order.iter().map(|&axis| stored(axis)).collect();
    let mut back = vec![0; order.len()];
    for (place, &axis) in order.iter().enumerate() {
        back[axis] = place;
    }
    // A kernel that strays into the gaps meets a NaN.
    let mut array = ArrayD::from_elem(IxDyn(&memory), f64::NAN).permuted_axes(IxDyn(&back));
    for (axis, &step) in steps.iter().enumerate() {
        array.slice_axis_inplace(Axis(axis), Slice::new(0, None, step));
    }
    array.assign(values);
    array
}

#[cfg(test)]
mod tests {
    use proptest::strategy::ValueTree;

    use super::*;

    fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
        let rank = a.len().max(b.len());
        let size = |shape: &[usize], i: usize| (i + shape.len()).checked_sub(rank).map_or(1, |at| shape[at]);
        (0..rank)
            .map(|i| match (size(a, i), size(b, i)) {
                (x, y) if x == y => Some(x),
                (1, y) => Some(y),
                (x, 1) => Some(x),
                _ => None,
            })
            .collect()
    }

    /// Draws many values and says whether one has the property.
    fn occurs<T: std::fmt::Debug>(strategy: impl Strategy<Value = T>, property: impl Fn(&T) -> bool) -> bool {
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        (0..500).any(|_| property(&strategy.new_tree(&mut runner).expect("nothing is filtered out here").current()))
    }

    #[test]
    fn the_rare_shapes_occur() {
        for rank in 0..=MAX_RANK {
            assert!(occurs(shape(), |s| s.len() == rank));
        }
        assert!(occurs(shape(), |s| s.contains(&0)));
        assert!(occurs(shape(), |s| s.contains(&1)));
        assert!(!occurs(nonempty_shape(), |s| s.contains(&0)));
        assert!(occurs(broadcast_shapes(), |(a, b)| a.len() < b.len()));
        assert!(occurs(broadcast_shapes(), |(a, b)| a.len() > b.len()));
        assert!(occurs(broadcast_shapes(), |(a, b)| a != b && a.len() == b.len()));
        assert!(occurs(broadcast_shapes(), |(a, b)| a == b && a.len() > 1));
        assert!(occurs(product_sizes(9), |s| s.1 == 0));
    }

    #[test]
    fn the_rare_layouts_occur() {
        assert!(occurs(matrix(3, 4), |m| m.is_standard_layout()));
        assert!(occurs(matrix(3, 4), |m| m.t().is_standard_layout()));
        assert!(occurs(matrix(3, 4), |m| m.strides().iter().any(|s| *s < 0)));
        assert!(occurs(matrix(3, 4), |m| m.strides().iter().all(|s| s.abs() > 1)));
        assert!(occurs(matrix(0, 4), |m| m.dim() == (0, 4)));
    }

    proptest! {
        #[test]
        fn shapes_are_bounded(shape in shape()) {
            prop_assert!(shape.len() <= MAX_RANK);
            prop_assert!(shape.iter().product::<usize>() <= MAX_ELEMENTS);
        }

        #[test]
        fn pairs_broadcast((a, b) in broadcast_shapes()) {
            let full = broadcast(&a, &b);
            prop_assert!(full.is_some(), "{a:?} and {b:?}");
            prop_assert!(full.unwrap_or_default().iter().product::<usize>() <= MAX_ELEMENTS);
        }

        #[test]
        fn an_axis_belongs_to_its_shape((shape, axis) in shape_and_axis()) {
            prop_assert!(axis < shape.len());
        }

        #[test]
        fn kinks_are_kept_clear(x in shape().prop_flat_map(|s| away_from(&s, -2.0..2.0, &[0.0, 1.0]))) {
            prop_assert!(x.iter().all(|x| x.abs() > 1e-3 && (x - 1.0).abs() > 1e-3 && x.abs() <= 2.0));
        }

        #[test]
        fn separated_values_lie_apart(x in shape().prop_flat_map(|s| well_separated(&s))) {
            let mut sorted = x.into_raw_vec_and_offset().0;
            sorted.sort_by(f64::total_cmp);
            prop_assert!(sorted.windows(2).all(|pair| pair[1] - pair[0] > 0.0099));
        }

        #[test]
        fn a_layout_changes_no_value(
            (plain, other) in shape().prop_flat_map(|s| array(&s, -1.0..1.0)).prop_flat_map(|x| (Just(x.clone()), any_layout(x))),
        ) {
            prop_assert_eq!(&plain, &other);
            prop_assert_eq!(plain, other.clone());
        }
    }
}
