//! An axis: where a number stands on it, and its ticks.

use super::significant;

/// From `low` to `high`, in equal steps or in equal ratios.
pub(crate) struct Axis {
    label: String,
    low: f64,
    high: f64,
    /// Equal ratios are equally long.
    log: bool,
}

impl Axis {
    /// Exactly this range; a little more where it is empty.
    #[inline] // compiled where it is used: CONTRIBUTING, "What few programs call"
    pub(crate) fn exact(label: &str, low: f64, high: f64) -> Self {
        let (low, high) = if low.is_finite() && high.is_finite() { (low, high) } else { (0.0, 1.0) };
        let (low, high) = if low < high { (low, high) } else { (low - 0.5, low + 0.5) };
        Self { label: label.to_owned(), low, high, log: false }
    }

    /// All finite values, with a margin.
    #[inline]
    pub(crate) fn linear(label: &str, values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = range(values);
        let margin = 0.04 * (high - low);
        Self::exact(label, low - margin, high + margin)
    }

    /// All positive values, with a margin.
    #[inline]
    pub(crate) fn logarithmic(label: &str, values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = range(values.filter(|&value| value > 0.0));
        if !(low > 0.0 && high.is_finite()) {
            return Self { label: label.to_owned(), low: 0.1, high: 1.0, log: true };
        }
        let margin = (high / low).powf(0.04).max(1.02);
        Self { label: label.to_owned(), low: low / margin, high: high * margin, log: true }
    }

    /// Logarithmic if all values are positive and some are many times as large as others.
    #[inline]
    pub(crate) fn automatic(label: &str, values: impl Iterator<Item = f64> + Clone) -> Self {
        let (low, high) = range(values.clone());
        if low > 0.0 && high > 50.0 * low { Self::logarithmic(label, values) } else { Self::linear(label, values) }
    }

    #[inline]
    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// 0 at the low end, 1 at the high one; none where the number does not belong on the axis. What lies far outside is
    /// drawn nearer, since pixels in their billions confuse those who read the picture.
    #[inline]
    pub(crate) fn share(&self, value: f64) -> Option<f64> {
        let share = if self.log {
            (value / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        let belongs = value > 0.0 || !self.log;
        (belongs && !share.is_nan()).then(|| share.clamp(-8.0, 9.0))
    }

    /// Round numbers on the axis: their places and how they are written.
    #[inline]
    pub(crate) fn ticks(&self) -> Vec<(f64, String)> {
        let numbers = if self.log { self.powers() } else { self.multiples() };
        let inside = |share: &f64| (-1e-9..=1.0 + 1e-9).contains(share);
        let placed = numbers.into_iter().filter_map(|number| Some((self.share(number).filter(inside)?, number)));
        placed.map(|(share, number)| (share, significant(number, 6))).collect()
    }

    /// Five to ten multiples of 1, 2 or 5 times a power of ten.
    #[inline]
    fn multiples(&self) -> Vec<f64> {
        let rough = (self.high - self.low) / 6.0;
        let power = 10_f64.powf(rough.log10().floor());
        let step = power * [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| factor * power >= rough).unwrap_or(10.0);
        let first = (self.low / step).ceil();
        (0..20).map(|i| (first + f64::from(i)) * step).take_while(|&tick| tick <= self.high).collect()
    }

    /// Powers of ten, at most nine; with their 2- and 5-fold where the axis is short.
    #[inline]
    fn powers(&self) -> Vec<f64> {
        let (first, last) = (self.low.log10().floor() as i32, self.high.log10().ceil() as i32);
        let factors: &[f64] = if last - first <= 3 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let every = usize::try_from((last - first) / 9 + 1).unwrap_or(1);
        let powers = (first..=last).step_by(every);
        powers.flat_map(|power| factors.iter().map(move |factor| factor * 10_f64.powi(power))).collect()
    }
}

/// The least and the largest finite value.
#[inline]
fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let finite = values.filter(|value| value.is_finite());
    finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<String> {
        axis.ticks().into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(labels(&Axis::exact("", 0.0, 1.0)), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
        assert_eq!(labels(&Axis::exact("", -3.0, 3.0)), ["-3", "-2", "-1", "0", "1", "2", "3"]);
        assert_eq!(labels(&Axis::logarithmic("", [1e-6, 1.0].into_iter())).len(), 7);
    }

    #[test]
    fn there_is_always_a_range() {
        for values in [&[][..], &[2.0], &[f64::NAN, f64::INFINITY], &[0.0, 0.0], &[-1.0, 1e300]] {
            for make in [Axis::linear, Axis::logarithmic, Axis::automatic] as [fn(&str, _) -> Axis; 3] {
                let axis = make("", values.iter().copied());
                assert!(axis.low < axis.high && axis.high.is_finite(), "{values:?}");
                assert!(!axis.ticks().is_empty() || !axis.log, "{values:?}");
            }
        }
    }
}
