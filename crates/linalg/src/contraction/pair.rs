//! Two operands with their axes named: the common form of `tensordot` and `einsum`.

use crate::{Error, Real, Result, memory};
use ndarray::{ArrayD, ArrayRef, ArrayViewD, ArrayViewMut3, ArrayViewMutD, Axis, CowArray, Ix3, IxDyn};

/// Sum of products over pairs of axes; the result has the left operand's other axes, then the right one's.
///
/// # Errors
/// [`Error::Axis`] for an axis that is not there, [`Error::AxisPairs`] if the lists have different lengths, name an axis twice,
/// or pair axes of different lengths.
///
/// # Examples
/// ```
/// use gradus_linalg::{tensordot, ndarray::{Array, IxDyn}};
/// let a = Array::from_elem(IxDyn(&[2, 3, 4]), 1.0);
/// let b = Array::from_elem(IxDyn(&[4, 5, 3]), 1.0);
/// let c = tensordot(&a, &b, &[1, 2], &[2, 0])?;
/// assert_eq!(c, Array::from_elem(IxDyn(&[2, 5]), 12.0));
/// # Ok::<(), gradus_linalg::Error>(())
/// ```
///
/// # References
/// NumPy's function of the same name, <https://numpy.org/doc/stable/reference/generated/numpy.tensordot.html>
pub fn tensordot<F: Real>(
    a: &ArrayRef<F, IxDyn>,
    b: &ArrayRef<F, IxDyn>,
    a_axes: &[usize],
    b_axes: &[usize],
) -> Result<ArrayD<F>> {
    let (a_labels, b_labels, c_labels, shape) = labels("tensordot", a.shape(), b.shape(), a_axes, b_axes)?;
    let mut c = memory::array(IxDyn(&shape));
    let (a, b) = (Labelled::new(a.view(), &a_labels), Labelled::new(b.view(), &b_labels));
    contract(F::one(), &a, &b, F::zero(), c.view_mut(), &c_labels);
    Ok(c)
}

/// `C ← α tensordot(A, B) + β C`; with `beta` 0 the old values of `C` are not read.
///
/// # Errors
/// As [`tensordot`]; [`Error::Destination`] if `C` has another shape than the result.
pub fn tensordot_into<F: Real>(
    alpha: F,
    a: &ArrayRef<F, IxDyn>,
    b: &ArrayRef<F, IxDyn>,
    a_axes: &[usize],
    b_axes: &[usize],
    beta: F,
    c: &mut ArrayRef<F, IxDyn>,
) -> Result<()> {
    let (a_labels, b_labels, c_labels, expected) = labels("tensordot_into", a.shape(), b.shape(), a_axes, b_axes)?;
    if c.shape() != expected {
        return Err(Error::Destination { operation: "tensordot_into", expected, found: c.shape().to_vec() });
    }
    let (a, b) = (Labelled::new(a.view(), &a_labels), Labelled::new(b.view(), &b_labels));
    contract(alpha, &a, &b, beta, c.view_mut(), &c_labels);
    Ok(())
}

type Labels = (Vec<usize>, Vec<usize>, Vec<usize>, Vec<usize>);

/// The labels of both operands and of the result, and the result's shape.
fn labels(operation: &'static str, a: &[usize], b: &[usize], a_axes: &[usize], b_axes: &[usize]) -> Result<Labels> {
    for (shape, axes) in [(a, a_axes), (b, b_axes)] {
        if let Some(&axis) = axes.iter().find(|&&axis| axis >= shape.len()) {
            return Err(Error::Axis { operation, axis, shape: shape.to_vec() });
        }
    }
    let twice = |axes: &[usize]| axes.iter().enumerate().any(|(i, axis)| axes[..i].contains(axis));
    let differ = a_axes.len() != b_axes.len() || a_axes.iter().zip(b_axes).any(|(&i, &j)| a[i] != b[j]);
    if differ || twice(a_axes) || twice(b_axes) {
        let (left, right) = (a.to_vec(), b.to_vec());
        let (left_axes, right_axes) = (a_axes.to_vec(), b_axes.to_vec());
        return Err(Error::AxisPairs { operation, left, right, left_axes, right_axes });
    }
    let a_labels: Vec<usize> = (0..a.len()).collect();
    let mut b_labels: Vec<usize> = (a.len()..a.len() + b.len()).collect();
    for (&i, &j) in a_axes.iter().zip(b_axes) {
        b_labels[j] = i;
    }
    let mut c_labels: Vec<usize> = a_labels.iter().copied().filter(|label| !b_labels.contains(label)).collect();
    let mut shape: Vec<usize> = c_labels.iter().map(|&label| a[label]).collect();
    for (j, &label) in b_labels.iter().enumerate() {
        if label >= a.len() {
            c_labels.push(label);
            shape.push(b[j]);
        }
    }
    Ok((a_labels, b_labels, c_labels, shape))
}

/// An array with a label for each axis; no label stands twice.
#[derive(Debug)]
pub(super) struct Labelled<'a, F> {
    pub(super) array: CowArray<'a, F, IxDyn>,
    pub(super) labels: Vec<usize>,
}

impl<'a, F: Real> Labelled<'a, F> {
    pub(super) fn new(array: ArrayViewD<'a, F>, labels: &[usize]) -> Self {
        debug_assert_eq!(array.ndim(), labels.len());
        Self { array: array.into(), labels: labels.to_vec() }
    }

    pub(super) fn length(&self, label: usize) -> Option<usize> {
        self.labels.iter().position(|&own| own == label).map(|axis| self.array.shape()[axis])
    }

    /// The array with its axes gathered in three groups, each counted as one axis.
    fn grouped(&self, groups: [&[usize]; 3]) -> CowArray<'_, F, Ix3> {
        let order = self.order(groups);
        let view = self.array.view().permuted_axes(IxDyn(&order));
        if groups.iter().all(|group| group.len() <= 1) {
            // Axes of length 1 need no memory: whatever the strides, nothing is copied.
            let mut view = view;
            for (axis, group) in groups.iter().enumerate() {
                if group.is_empty() {
                    view = view.insert_axis(Axis(axis));
                }
            }
            return view.into_dimensionality().expect("each group is one axis now").into();
        }
        let shape = groups.map(|group| group.iter().map(|&label| self.length(label).unwrap_or(1)).product());
        match view.into_shape_with_order(shape) {
            Ok(view) => view.into(),
            Err(_) => {
                let copy = self.array.view().permuted_axes(IxDyn(&order)).as_standard_layout().into_owned();
                copy.into_shape_with_order(shape).expect("the groups hold all axes of a row-major array").into()
            }
        }
    }

    fn order(&self, groups: [&[usize]; 3]) -> Vec<usize> {
        let place = |label: &usize| self.labels.iter().position(|own| own == label).expect("the label is an axis's");
        groups.iter().flat_map(|group| group.iter().map(place)).collect()
    }
}

/// `C ← α Σ A B + β C`: labels of both operands that `C` has, too, run along a batch; those that it has not are summed over.
/// Every label of `C` is one of an operand, and a label that one operand alone has is one of `C`.
pub(super) fn contract<F: Real>(
    alpha: F,
    a: &Labelled<'_, F>,
    b: &Labelled<'_, F>,
    beta: F,
    mut c: ArrayViewMutD<'_, F>,
    c_labels: &[usize],
) {
    let pick = |labels: &[usize], test: &dyn Fn(usize) -> bool| -> Vec<usize> {
        labels.iter().copied().filter(|&label| test(label)).collect()
    };
    // In the order of the result, so that it is more often written where it belongs.
    let batch = pick(c_labels, &|label| a.labels.contains(&label) && b.labels.contains(&label));
    let left = pick(c_labels, &|label| a.labels.contains(&label) && !b.labels.contains(&label));
    let right = pick(c_labels, &|label| !a.labels.contains(&label));
    let summed = pick(&a.labels, &|label| !c_labels.contains(&label));
    let (a, b) = (a.grouped([&batch, &left, &summed]), b.grouped([&batch, &summed, &right]));

    let place = |label: &usize| c_labels.iter().position(|own| own == label).expect("the label is an axis's");
    let order: Vec<usize> = batch.iter().chain(&left).chain(&right).map(place).collect();
    let shape = (a.shape()[0], a.shape()[1], b.shape()[2]);
    let sorted = c.view_mut().permuted_axes(IxDyn(&order));
    let target: Option<ArrayViewMut3<'_, F>> = if batch.len() <= 1 && left.len() <= 1 && right.len() <= 1 {
        let mut sorted = sorted;
        for (axis, group) in [&batch, &left, &right].into_iter().enumerate() {
            if group.is_empty() {
                sorted = sorted.insert_axis(Axis(axis));
            }
        }
        sorted.into_dimensionality().ok()
    } else {
        sorted.into_shape_with_order(shape).ok()
    };
    if let Some(mut target) = target {
        for i in 0..shape.0 {
            let (a, b) = (a.index_axis(Axis(0), i), b.index_axis(Axis(0), i));
            F::gemm(alpha, a, b, beta, target.index_axis_mut(Axis(0), i));
        }
        return;
    }
    // The result's axes lie in another order than a product's: it is made apart and put in its place.
    let mut product = memory::array(shape);
    for i in 0..shape.0 {
        let (a, b) = (a.index_axis(Axis(0), i), b.index_axis(Axis(0), i));
        F::gemm(alpha, a, b, F::zero(), product.index_axis_mut(Axis(0), i));
    }
    let lengths: Vec<usize> = order.iter().map(|&axis| c.shape()[axis]).collect();
    let product = product.into_shape_with_order(IxDyn(&lengths)).expect("fresh memory is row-major");
    let mut sorted = c.view_mut().permuted_axes(IxDyn(&order));
    if beta == F::zero() {
        sorted.assign(&product);
    } else {
        sorted.zip_mut_with(&product, |c, &x| *c = x + beta * *c);
    }
}
