//! Lines of equal height over a grid, by marching squares.

use crate::{Error, Result};
use ndarray::Array2;
use std::collections::{HashMap, VecDeque};

/// Where a function has this value, from its values on a grid: segments of lines, in no order.
///
/// ```text
/// on an edge from a to b with values f(a) < level ≤ f(b):   p = a + (b − a) · (level − f(a)) / (f(b) − f(a))
/// ```
///
/// Each cell of the grid joins the points on its edges. Where the line passes all four, the mean of the corners says which
/// two belong together. Cells with a corner that is not finite are left out.
///
/// # Shapes
/// - `z`: `[y.len(), x.len()]`, the value at `(x[j], y[i])` in row `i` and column `j`
///
/// # Errors
/// [`Error::Grid`] if `z` has another shape.
///
/// # Examples
/// ```
/// use gradus_optim::{ndarray::Array2, see::contour};
/// let axis: Vec<f64> = (-10..=10).map(|i| f64::from(i) / 10.0).collect();
/// let z = Array2::from_shape_fn((21, 21), |(i, j)| axis[j].powi(2) + axis[i].powi(2));
/// let circle = contour(&axis, &axis, &z, 0.49)?;
/// assert!(circle.iter().flatten().all(|[x, y]| (x.hypot(*y) - 0.7).abs() < 0.01));
/// # Ok::<(), gradus_optim::Error>(())
/// ```
///
/// # References
/// W. E. Lorensen, H. E. Cline, *Marching cubes*, SIGGRAPH 1987, <https://doi.org/10.1145/37402.37422>, in two dimensions.
#[inline] // compiled where it is used: CONTRIBUTING, "What few programs call"
pub fn contour(x: &[f64], y: &[f64], z: &Array2<f64>, level: f64) -> Result<Vec<[[f64; 2]; 2]>> {
    if z.dim() != (y.len(), x.len()) {
        return Err(Error::Grid { values: z.shape().to_vec(), expected: vec![y.len(), x.len()] });
    }
    let mut segments = Vec::new();
    for i in 1..y.len() {
        for j in 1..x.len() {
            let corners = [(i - 1, j - 1), (i - 1, j), (i, j), (i, j - 1)];
            let heights = corners.map(|corner| z[corner]);
            if heights.iter().any(|height| !height.is_finite()) {
                continue;
            }
            let points = corners.map(|(i, j)| [x[j], y[i]]);
            let crossings: Vec<[f64; 2]> = (0..4).filter_map(|e| crossing(e, &points, &heights, level)).collect();
            match crossings[..] {
                [a, b] => segments.push([a, b]),
                [a, b, c, d] => {
                    let middle = heights.iter().sum::<f64>() / 4.0;
                    // The first corner's region goes through the middle, or is cut off there.
                    let through = (middle >= level) == (heights[0] >= level);
                    segments.extend(if through { [[a, b], [c, d]] } else { [[a, d], [b, c]] });
                }
                _ => {}
            }
        }
    }
    Ok(segments)
}

/// Where the line crosses this edge of a cell, if it does.
#[inline]
fn crossing(edge: usize, points: &[[f64; 2]; 4], heights: &[f64; 4], level: f64) -> Option<[f64; 2]> {
    let ends = (edge, (edge + 1) % 4);
    // Always upwards, so that both cells at an edge find the same point to the bit.
    let (from, to) = if heights[ends.0] < heights[ends.1] { ends } else { (ends.1, ends.0) };
    let (low, high) = (heights[from], heights[to]);
    if (low >= level) == (high >= level) {
        return None;
    }
    let share = (level - low) / (high - low);
    Some([0, 1].map(|c| points[from][c] + (points[to][c] - points[from][c]) * share))
}

/// Segments that share an end as one line, from an end to the other or around.
#[inline]
pub(crate) fn joined(segments: &[[[f64; 2]; 2]]) -> Vec<Vec<[f64; 2]>> {
    let key = |point: [f64; 2]| point.map(f64::to_bits);
    let mut at: HashMap<[u64; 2], Vec<usize>> = HashMap::new();
    for (i, segment) in segments.iter().enumerate() {
        segment.iter().for_each(|&end| at.entry(key(end)).or_default().push(i));
    }
    let mut free = vec![true; segments.len()];
    let follow = |free: &mut Vec<bool>, end: [f64; 2]| {
        let next = at.get(&key(end))?.iter().copied().find(|&i| free[i])?;
        free[next] = false;
        let [a, b] = segments[next];
        Some(if key(a) == key(end) { b } else { a })
    };
    let mut lines = Vec::new();
    for (i, &[a, b]) in segments.iter().enumerate() {
        if !std::mem::take(&mut free[i]) {
            continue;
        }
        let mut line = VecDeque::from([a, b]);
        while let Some(point) = line.back().and_then(|&end| follow(&mut free, end)) {
            line.push_back(point);
        }
        while let Some(point) = line.front().and_then(|&end| follow(&mut free, end)) {
            line.push_front(point);
        }
        lines.push(line.into());
    }
    lines
}

/// Heights at which lines tell much: quantiles of the values, denser at the low end, where minima are.
#[inline]
pub(crate) fn levels(values: impl Iterator<Item = f64>) -> Vec<f64> {
    const LINES: usize = 18;
    let mut sorted: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1) as f64;
    let quantile = |k: usize| sorted.get((last * (k as f64 / (LINES + 1) as f64).powf(1.3)) as usize).copied();
    let mut levels: Vec<f64> = (1..=LINES).filter_map(quantile).collect();
    levels.dedup();
    levels
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_plane_has_straight_contours() {
        let z = array![[0.0, 1.0, 2.0], [0.0, 1.0, 2.0]];
        let found = contour(&[0.0, 1.0, 2.0], &[0.0, 1.0], &z, 0.25).unwrap();
        assert_eq!(found, [[[0.25, 0.0], [0.25, 1.0]]]);
    }

    #[test]
    fn the_middle_of_a_saddle_decides() {
        let (x, y) = ([0.0, 1.0], [0.0, 1.0]);
        // High in the first and third corner: below the mean they are one region, above it two.
        let z = array![[1.0, 0.0], [0.0, 1.0]];
        let around = |level: f64, corner: [f64; 2]| {
            let near = |p: &[f64; 2]| (p[0] - corner[0]).hypot(p[1] - corner[1]) < 0.5;
            contour(&x, &y, &z, level).unwrap().iter().filter(|s| s.iter().all(near)).count()
        };
        assert_eq!((around(0.4, [1.0, 0.0]), around(0.4, [0.0, 0.0])), (1, 0));
        assert_eq!((around(0.6, [1.0, 0.0]), around(0.6, [0.0, 0.0])), (0, 1));
    }

    #[test]
    fn segments_join_to_whole_lines() {
        let axis: Vec<f64> = (-20..=20).map(|i| f64::from(i) / 10.0).collect();
        let bowls = |centres: &[f64]| {
            let far = |x: f64, y: f64| centres.iter().map(|c| (x - c).hypot(y)).fold(f64::MAX, f64::min);
            let z = Array2::from_shape_fn((41, 41), |(i, j)| far(axis[j], axis[i]));
            let segments = contour(&axis, &axis, &z, 0.73).unwrap();
            let lines = joined(&segments);
            assert_eq!(lines.iter().map(|line| line.len() - 1).sum::<usize>(), segments.len());
            assert!(lines.iter().all(|line| line.first() == line.last())); // closed
            lines.len()
        };
        assert_eq!((bowls(&[0.0]), bowls(&[-1.0, 1.0])), (1, 2));
        let z = array![[0.0, 1.0], [0.0, 1.0], [0.0, 1.0]];
        let open = joined(&contour(&[0.0, 1.0], &[0.0, 1.0, 2.0], &z, 0.5).unwrap());
        assert_eq!(open, [[[0.5, 0.0], [0.5, 1.0], [0.5, 2.0]]]);
        assert!(joined(&[]).is_empty());
    }

    #[test]
    fn what_is_not_there_has_no_contours() {
        assert!(contour(&[], &[], &Array2::zeros((0, 0)), 1.0).unwrap().is_empty());
        assert!(contour(&[0.0], &[0.0], &Array2::zeros((1, 1)), 0.0).unwrap().is_empty());
        assert!(contour(&[0.0, 1.0], &[0.0, 1.0], &array![[0.0, f64::NAN], [1.0, 1.0]], 0.5).unwrap().is_empty());
        let message = contour(&[0.0], &[0.0, 1.0], &Array2::zeros((1, 2)), 0.0).unwrap_err().to_string();
        assert_eq!(
            message,
            "contour: values [1, 2] over a grid: must be [2, 1], a row for each y and a column for each x"
        );
    }
}
