//! Mean and deviation of scores.

pub(crate) fn mean(x: impl IntoIterator<Item = f64>) -> f64 {
    let (sum, count) = x.into_iter().fold((0.0, 0_usize), |(sum, count), x| (sum + x, count + 1));
    sum / count as f64
}

/// The standard deviation over `n − 1`; a single number shows nothing of that.
pub(crate) fn deviation(x: &[f64]) -> Option<f64> {
    let mean = mean(x.iter().copied());
    let squares: f64 = x.iter().map(|x| (x - mean).powi(2)).sum();
    (x.len() > 1).then(|| (squares / (x.len() - 1) as f64).sqrt())
}
