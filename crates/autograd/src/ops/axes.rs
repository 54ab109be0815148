//! Axes as people name them, negative ones counted from the end.

use crate::{Error, Result};

/// The axis counted from 0.
pub(super) fn axis(operation: &'static str, axis: isize, shape: &[usize]) -> Result<usize> {
    let rank = shape.len() as isize;
    let counted = if axis < 0 { axis + rank } else { axis };
    if (0..rank).contains(&counted) {
        Ok(counted as usize)
    } else {
        Err(Error::Axis { operation, axis, shape: shape.to_vec() })
    }
}

/// The axes counted from 0, sorted; each at most once.
pub(super) fn axes(operation: &'static str, axes: &[isize], shape: &[usize]) -> Result<Vec<usize>> {
    let mut counted = axes.iter().map(|&a| axis(operation, a, shape)).collect::<Result<Vec<_>>>()?;
    counted.sort_unstable();
    if counted.windows(2).any(|pair| pair[0] == pair[1]) {
        let expected = "each axis may be named at most once";
        return Err(Error::Axes { operation, axes: axes.to_vec(), shape: shape.to_vec(), expected });
    }
    Ok(counted)
}
