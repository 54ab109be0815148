//! Vanishing, exploding or healthy, and how far back the gradient goes.

use crate::Result;
use gradus_linalg::{Real, l2_norm};
use ndarray::Array2;
use std::cmp::Ordering;
use std::fmt;

/// Below this share of itself a gradient is lost among those of nearer steps; above its inverse it drowns them.
const LOST: f64 = 0.01;
/// Pairs of points grow with the square; so many points of a longer curve are looked at.
const POINTS: usize = 512;

/// What becomes of a gradient on its way back through time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It falls below 1 % within the sequence and stays there: what is farther back is not learned.
    Vanishing,
    /// It grows a hundredfold within the sequence: a step of the optimizer is ruled by noise from afar, and may destroy the model.
    Exploding,
    /// It comes to the beginning of the sequence between 1 % and a hundred times of what it was.
    Healthy,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Vanishing => "vanishing",
            Self::Exploding => "exploding",
            Self::Healthy => "healthy",
        })
    }
}

/// The verdict on a lane, and the numbers behind it.
///
/// It is taken from the gains `gₖ = ‖J_T ⋯ J_T₋ₖ₊₁‖_F / √S`, `k = 0 … T`, of the product of Jacobians, and not from `‖∂L/∂hₜ‖`, which a
/// loss at every step renews at every step.
///
/// | verdict | if |
/// | --- | --- |
/// | [`Exploding`](Verdict::Exploding) | `gₖ ≥ 100` for some `k ≤ T`; the horizon is the first |
/// | [`Vanishing`](Verdict::Vanishing) | `gₖ ≤ 0.01` for all `k` from the horizon to `T` |
/// | [`Healthy`](Verdict::Healthy) | otherwise; the horizon is extrapolated, and lies past the beginning |
///
/// So it is a verdict for sequences of this length: a factor of 0.97 a step is healthy over 50 steps and vanishing over 200.
///
/// The factor a step is robust against single steps that stand out: `ln factor` is the median of the slopes between all pairs of points
/// `(k, ln gₖ)` (Theil–Sen).
///
/// # References
/// P. K. Sen, *Estimates of the regression coefficient based on Kendall's tau*, Journal of the American Statistical Association 63,
/// 1968, <https://doi.org/10.1080/01621459.1968.10480934>
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Diagnosis {
    /// What becomes of the gradient over the length of the sequence.
    pub verdict: Verdict,
    /// The number of steps back to 1 % of the gradient, or to its hundredfold if it grows; infinite if it neither falls nor grows.
    pub horizon: f64,
    /// By how much one step back multiplies the gradient, in the median.
    pub factor: f64,
    /// The number of steps in which it halves, or doubles, at that factor: `|ln 2 / ln factor|`.
    pub half_life: f64,
    /// The number `T` of steps that were looked at.
    pub steps: usize,
}

impl Diagnosis {
    /// From the logarithms of the gains `g₀ … g_T`, those of a [`Lane`](super::Lane) or of products of your own.
    ///
    /// # Examples
    /// ```
    /// use gradus_rnn_bptt::flow::{Diagnosis, Verdict};
    /// let halved: Vec<f64> = (0..=20).map(|k| f64::from(k) * 0.5_f64.ln()).collect();
    /// let diagnosis = Diagnosis::of(&halved);
    /// assert_eq!((diagnosis.verdict, diagnosis.horizon), (Verdict::Vanishing, 7.0)); // 0.5⁷ < 1 % < 0.5⁶
    /// assert_eq!(
    ///     diagnosis.to_string(),
    ///     "vanishing: factor 0.5000 a step back, halved in 1.0 steps; at 1 % after 7 of 20 steps"
    /// );
    /// ```
    #[must_use]
    #[inline] // compiled where it is used: CONTRIBUTING, "What few programs call"
    pub fn of(ln_gains: &[f64]) -> Self {
        let steps = ln_gains.len().saturating_sub(1);
        let slope = slope(ln_gains);
        let extrapolated = LOST.ln().abs() / slope.abs();
        let exploded = ln_gains.iter().position(|&ln| ln >= -LOST.ln());
        let lost = ln_gains.iter().rposition(|&ln| ln > LOST.ln() || ln.is_nan()).map_or(0, |last| last + 1);
        let (verdict, horizon) = match exploded {
            Some(k) => (Verdict::Exploding, k as f64),
            None if lost < ln_gains.len() => (Verdict::Vanishing, lost as f64),
            None => (Verdict::Healthy, extrapolated.max(steps as f64)),
        };
        Self { verdict, horizon, factor: slope.exp(), half_life: 2.0_f64.ln() / slope.abs(), steps }
    }

    /// Exploding, vanishing, healthy; then the shorter horizon.
    pub(super) fn worse_first(&self, other: &Self) -> Ordering {
        let rank = |verdict| match verdict {
            Verdict::Exploding => 0,
            Verdict::Vanishing => 1,
            Verdict::Healthy => 2,
        };
        rank(self.verdict).cmp(&rank(other.verdict)).then(self.horizon.total_cmp(&other.horizon))
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verdict, horizon, factor, half_life, steps } = *self;
        write!(f, "{verdict}: factor {factor:.4} a step back")?;
        if half_life.is_finite() && half_life < 1e6 {
            write!(f, ", {} in {half_life:.1} steps", if factor < 1.0 { "halved" } else { "doubled" })?;
        }
        let reached = if verdict == Verdict::Exploding || factor > 1.0 { "100 times" } else { "1 %" };
        match verdict {
            Verdict::Healthy if horizon < 1e6 => write!(f, "; at {reached} after about {horizon:.0} of {steps} steps"),
            Verdict::Healthy => write!(f, "; all {steps} steps are reached"),
            _ => write!(f, "; at {reached} after {horizon:.0} of {steps} steps"),
        }
    }
}

/// The median of the slopes between all pairs of points `(k, yₖ)`. A curve that falls to nothing at once has slope `−∞`.
fn slope(y: &[f64]) -> f64 {
    let every = y.len().div_ceil(POINTS).max(1);
    let points: Vec<_> =
        y.iter().enumerate().step_by(every).filter(|(_, y)| y.is_finite()).map(|(k, &y)| (k as f64, y)).collect();
    let mut slopes: Vec<f64> = Vec::with_capacity(points.len() * points.len() / 2);
    for (i, (k, y)) in points.iter().enumerate() {
        slopes.extend(points[..i].iter().map(|(earlier, before)| (y - before) / (k - earlier)));
    }
    if slopes.is_empty() {
        return if y.len() > 1 { f64::NEG_INFINITY } else { 0.0 };
    }
    let middle = slopes.len() / 2;
    let (below, &mut median, _) = slopes.select_nth_unstable_by(middle, f64::total_cmp);
    let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if slopes.len().is_multiple_of(2) { 0.5 * (median + lower) } else { median }
}

/// `ln gₖ` for `k = 0 …` of the product of these Jacobians, each multiplied on the right. The product is kept at norm 1, and the logarithms
/// of what it is divided by are added up.
pub(super) fn ln_gains(size: usize, jacobians: impl Iterator<Item = Result<Array2<f64>>>) -> Result<Vec<f64>> {
    let (mut product, mut next) = (Array2::<f64>::eye(size), Array2::zeros((size, size)));
    let mut ln = 0.0;
    let mut all = vec![0.0];
    for jacobian in jacobians {
        f64::gemm(1.0, product.view(), jacobian?.view(), 0.0, next.view_mut());
        std::mem::swap(&mut product, &mut next);
        let length = l2_norm(&product) / (size as f64).sqrt();
        ln += length.ln();
        if length > 0.0 {
            product /= length;
        }
        all.push(ln);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn powers(factor: f64, steps: usize) -> Vec<f64> {
        (0..=steps).map(|k| k as f64 * factor.ln()).collect()
    }

    #[test]
    fn thresholds() {
        let half = Diagnosis::of(&powers(0.5, 10));
        assert_eq!((half.verdict, half.horizon, half.steps), (Verdict::Vanishing, 7.0, 10)); // 0.5⁷ < 0.01 < 0.5⁶
        assert!((half.factor - 0.5).abs() < 1e-14 && (half.half_life - 1.0).abs() < 1e-14);
        let short = Diagnosis::of(&powers(0.5, 6));
        assert_eq!(short.verdict, Verdict::Healthy);
        assert!((short.horizon - 0.01_f64.ln() / 0.5_f64.ln()).abs() < 1e-12);
        let more = Diagnosis::of(&powers(1.5, 12));
        assert_eq!((more.verdict, more.horizon), (Verdict::Exploding, 12.0)); // 1.5¹² > 100 > 1.5¹¹
        assert_eq!(Diagnosis::of(&powers(1.5, 11)).verdict, Verdict::Healthy);
        let same = Diagnosis::of(&powers(1.0, 1000));
        assert_eq!((same.verdict, same.factor, same.horizon), (Verdict::Healthy, 1.0, f64::INFINITY));
        assert_eq!((Diagnosis::of(&[]).verdict, Diagnosis::of(&[0.0]).verdict), (Verdict::Healthy, Verdict::Healthy));
    }

    #[test]
    fn one_step_that_stands_out_does_not_change_the_factor() {
        let mut gains = powers(0.99, 40);
        gains[17] -= 3.0;
        let found = Diagnosis::of(&gains);
        assert_eq!(found.verdict, Verdict::Healthy);
        assert!((found.factor - 0.99).abs() < 1e-3, "{}", found.factor);
        // But where everything is cut off, nothing comes through.
        gains[17..].iter_mut().for_each(|ln| *ln -= 20.0);
        let found = Diagnosis::of(&gains);
        assert_eq!((found.verdict, found.horizon), (Verdict::Vanishing, 17.0));
    }

    #[test]
    fn a_product_of_zero_vanishes() {
        let inf = f64::NEG_INFINITY;
        let found = Diagnosis::of(&[0.0, inf, inf]);
        assert_eq!((found.verdict, found.horizon, found.factor), (Verdict::Vanishing, 1.0, 0.0));
        assert_eq!(found.half_life, 0.0);
    }

    #[test]
    fn it_reads_as_a_sentence() {
        let said = |factor, steps| Diagnosis::of(&powers(factor, steps)).to_string();
        assert_eq!(
            said(0.5, 10),
            "vanishing: factor 0.5000 a step back, halved in 1.0 steps; at 1 % after 7 of 10 steps"
        );
        assert_eq!(
            said(1.5, 20),
            "exploding: factor 1.5000 a step back, doubled in 1.7 steps; at 100 times after 12 of 20 steps"
        );
        assert_eq!(said(1.0, 20), "healthy: factor 1.0000 a step back; all 20 steps are reached");
        assert_eq!(
            said(0.97, 20),
            "healthy: factor 0.9700 a step back, halved in 22.8 steps; at 1 % after about 151 of 20 steps"
        );
    }
}
