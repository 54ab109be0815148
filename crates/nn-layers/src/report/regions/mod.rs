//! Which class a model of two inputs gives to each point of the plane.

mod svg;

use crate::{Error, Layer, Result};
use gradus_autograd::{Real, Tape};
use ndarray::{Array2, ArrayRef1, ArrayRef2, ArrayView1, Axis, Slice};

const NAME: &str = "decision_regions";
/// Cells of the grid along each axis.
const CELLS: usize = 240;
/// Points that a model is given at once.
const BATCH: usize = 4096;
/// Farther out, `f32` has no room for what lies around the samples.
const FARTHEST: f64 = 1e30;

/// What class a model gives to each point of a part of the plane, and to the samples that lie there: see [`decision_regions`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct DecisionRegions {
    /// The first coordinates of the middles of the cells.
    pub x: Vec<f64>,
    /// The second coordinates.
    pub y: Vec<f64>,
    /// The class at `(x[j], y[i])` in row `i` and column `j`; none where the model's output is not a number.
    pub regions: Array2<Option<usize>>,
    /// How many classes the model knows.
    pub classes: usize,
    /// The samples.
    pub points: Vec<[f64; 2]>,
    /// Their classes.
    pub labels: Vec<usize>,
    /// The classes that the model gives them.
    pub predicted: Vec<Option<usize>>,
}

/// Runs a model of two inputs on a grid over the samples and around them.
///
/// ```text
/// class(p) = argmaxₖ f(p)ₖ,    or 1 where f(p) > 0, else 0, if the model has one output
/// ```
///
/// The part of the plane is a square around the samples, wider than they reach by a quarter on each side.
/// [`DecisionRegions::svg`] draws it.
///
/// # Shapes
/// - `points`: `(N, 2)`, at least one
/// - `labels`: `(N)`
/// - the model: from `(N, 2)` to `(N, classes)`, or to `(N, 1)` or `(N)` for two classes
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Linear, decision_regions, ndarray::array};
/// let line: Linear = Linear::from_parts(array![[2.0, 2.0]], Some(array![-1.0].into()))?;
/// let points = array![[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
/// let regions = decision_regions(&line, &points, &array![0, 1, 1, 0])?; // exclusive or
/// assert_eq!(regions.mistakes(), [3]);
/// assert!(regions.svg("one line").starts_with("<svg"));
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # Errors
/// [`Error::UnfitShape`] for points that have not two coordinates, or outputs of another shape; [`Error::LabelShape`] or
/// [`Error::LabelOutOfRange`] for labels that do not fit; [`Error::EmptyBatch`] if there are no points; [`Error::TargetValue`] for a
/// coordinate that is not a number or beyond 1e30; and what the model returns.
pub fn decision_regions<F: Real>(
    model: &(impl Layer<F> + ?Sized),
    points: &ArrayRef2<F>,
    labels: &ArrayRef1<usize>,
) -> Result<DecisionRegions> {
    let places = checked(points, labels)?;
    let (classes, predicted) = classify(model, points)?;
    if let Some((place, &label)) = labels.iter().enumerate().find(|(_, label)| **label >= classes) {
        return Err(Error::LabelOutOfRange { loss: NAME, label, position: vec![place], classes });
    }
    let [x, y] = axes(&places);
    let grid = Array2::from_shape_fn((CELLS * CELLS, 2), |(cell, c)| {
        F::from_f64(if c == 0 { x[cell % CELLS] } else { y[cell / CELLS] })
    });
    let (_, regions) = classify(model, &grid)?;
    let regions = Array2::from_shape_vec((CELLS, CELLS), regions).expect("a class for each cell");
    Ok(DecisionRegions { x, y, regions, classes, points: places, labels: labels.to_vec(), predicted })
}

impl DecisionRegions {
    /// The places of the samples to which the model gives another class than they have.
    #[must_use]
    pub fn mistakes(&self) -> Vec<usize> {
        let pairs = self.predicted.iter().zip(&self.labels).enumerate();
        pairs.filter(|(_, (predicted, label))| **predicted != Some(**label)).map(|(place, _)| place).collect()
    }
}

fn checked<F: Real>(points: &ArrayRef2<F>, labels: &ArrayRef1<usize>) -> Result<Vec<[f64; 2]>> {
    let (count, coordinates) = points.dim();
    if coordinates != 2 {
        let (shape, expected) = (points.shape().to_vec(), "points of the plane, (N, 2), would fit");
        return Err(Error::UnfitShape { operation: NAME, shape, expected });
    }
    if labels.len() != count {
        let (logits, labels, expected) = (points.shape().to_vec(), labels.shape().to_vec(), vec![count]);
        return Err(Error::LabelShape { loss: NAME, logits, labels, expected });
    }
    if count == 0 {
        return Err(Error::EmptyBatch { loss: NAME, shape: points.shape().to_vec() });
    }
    if let Some(((i, j), value)) =
        points.indexed_iter().find(|(_, value)| value.is_nan() || value.to_f64().abs() > FARTHEST)
    {
        let (value, position, expected) = (value.to_f64(), vec![i, j], "a number within 1e30 of 0 would fit");
        return Err(Error::TargetValue { loss: NAME, what: "coordinate", value, position, expected });
    }
    Ok(points.rows().into_iter().map(|row| [row[0].to_f64(), row[1].to_f64()]).collect())
}

/// The number of classes, and the class of each point.
fn classify<F: Real>(model: &(impl Layer<F> + ?Sized), points: &ArrayRef2<F>) -> Result<(usize, Vec<Option<usize>>)> {
    let (mut classes, mut found) = (2, Vec::with_capacity(points.nrows()));
    for first in (0..points.nrows()).step_by(BATCH) {
        let batch = points.slice_axis(Axis(0), Slice::from(first..points.nrows().min(first + BATCH))).to_owned();
        let count = batch.nrows();
        let outputs = model.forward(&Tape::inference().input(batch))?;
        let width = match *outputs.shape() {
            [n] if n == count => 1,
            [n, width] if n == count && width > 0 => width,
            _ => {
                let expected = "a model that gives (N, classes), or (N, 1) or (N) for two classes, would fit";
                return Err(Error::UnfitShape { operation: NAME, shape: outputs.shape().to_vec(), expected });
            }
        };
        classes = width.max(2);
        let rows = outputs.value().to_shape((count, width)).expect("the shape is that of the output");
        found.extend(rows.axis_iter(Axis(0)).map(|row| class_of(&row)));
    }
    Ok((classes, found))
}

/// The class of the largest output, the first of several; of a single output, whether it is above 0.
fn class_of<F: Real>(outputs: &ArrayView1<'_, F>) -> Option<usize> {
    if outputs.iter().any(|y| y.is_nan()) {
        return None;
    }
    if let [y] = outputs.to_vec()[..] {
        return Some(usize::from(y > F::zero()));
    }
    outputs.iter().enumerate().reduce(|best, next| if next.1 > best.1 { next } else { best }).map(|(class, _)| class)
}

/// The middles of the cells along each axis.
fn axes(points: &[[f64; 2]]) -> [Vec<f64>; 2] {
    let range = |c: usize| {
        let coordinates = points.iter().map(|point| point[c]);
        coordinates.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)))
    };
    let ranges = [range(0), range(1)];
    let span = ranges.iter().fold(0.0_f64, |most, (low, high)| most.max(high - low));
    let farthest = ranges.iter().fold(0.0_f64, |most, (low, high)| most.max(low.abs()).max(high.abs()));
    // No narrower than that neighbouring cells are different numbers.
    let reach = (if span > 0.0 { 0.75 * span } else { 1.0 }).max(1e-9 * farthest).max(1.0 / FARTHEST);
    ranges.map(|(low, high)| {
        let middle = (low + high) / 2.0;
        (0..CELLS).map(|i| middle + ((i as f64 + 0.5) / CELLS as f64 * 2.0 - 1.0) * reach).collect()
    })
}
