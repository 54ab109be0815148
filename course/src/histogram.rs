//! How often numbers occur.

use std::ops::Range;

/// The outline of a histogram with so many bins: points to be joined, the share of the numbers that lies in each bin. Numbers outside the range are
/// in no bin, but count for the shares.
///
/// # Examples
/// ```
/// let outline = gradus_course::histogram(&[0.1, 0.2, 0.7], 0.0..1.0, 2);
/// assert_eq!(outline[1], (0.0, 2.0 / 3.0)); // up at the left end of the first bin,
/// assert_eq!(outline[2], (0.5, 2.0 / 3.0)); // along its top,
/// assert_eq!(outline[3], (0.5, 1.0 / 3.0)); // and down to the second.
/// ```
#[must_use]
pub fn histogram(numbers: &[f64], range: Range<f64>, bins: usize) -> Vec<(f64, f64)> {
    let width = (range.end - range.start) / bins as f64;
    let mut shares = vec![0.0; bins];
    for number in numbers.iter().filter(|number| range.contains(number)) {
        let bin = ((number - range.start) / width) as usize;
        shares[bin.min(bins - 1)] += 1.0 / numbers.len() as f64;
    }
    let mut outline = vec![(range.start, 0.0)];
    for (bin, share) in shares.into_iter().enumerate() {
        let left = range.start + bin as f64 * width;
        outline.extend([(left, share), (left + width, share)]);
    }
    outline.push((range.end, 0.0));
    outline
}
