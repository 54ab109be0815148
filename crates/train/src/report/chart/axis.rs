//! An axis: where a number stands on it, and its ticks.

use crate::report::text::number;

/// From `low` to `high`, in equal steps or in equal ratios.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    log: bool,
}

/// Beyond it differences overflow; no curve that is worth looking at goes there.
const FAR: f64 = 1e300;

impl Axis {
    /// Whole numbers from 1 on, epochs say.
    pub(super) fn counting(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = range(values).unwrap_or((1.0, 1.0));
        if low < high { Self { low, high, log: false } } else { Self { low: low - 0.5, high: high + 0.5, log: false } }
    }

    /// All finite values, with a little room.
    pub(super) fn linear(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = range(values).unwrap_or((0.0, 1.0));
        let room = if high > low { 0.05 * (high - low) } else { 0.5 * high.abs().max(1e-3) };
        Self { low: low - room, high: high + room, log: false }
    }

    /// All positive values, with a little room; `None` if there are none.
    pub(super) fn logarithmic(values: impl Iterator<Item = f64>) -> Option<Self> {
        let (low, high) = range(values.filter(|&x| x > 0.0))?;
        // Subnormal numbers would divide by zero below.
        let low = low.max(1e-300);
        let room = (high / low).powf(0.05).clamp(1.1, 10.0);
        Some(Self { low: low / room, high: high.max(low) * room, log: true })
    }

    /// 0 at the low end, 1 at the high one; `None` for what has no place on it.
    pub(super) fn share(&self, x: f64) -> Option<f64> {
        if !x.is_finite() || (self.log && x <= 0.0) {
            return None;
        }
        let share = if self.log {
            (x.clamp(1e-300, FAR).ln() - self.low.ln()) / (self.high.ln() - self.low.ln())
        } else {
            (x.clamp(-FAR, FAR) - self.low) / (self.high - self.low)
        };
        Some(share)
    }

    /// Round numbers on the axis: their places and how they are written. `at_most` some of them; whole numbers alone if asked.
    pub(super) fn ticks(&self, at_most: usize, whole: bool) -> Vec<(f64, String)> {
        let numbers = if self.log { self.powers(at_most) } else { self.multiples(at_most, whole) };
        let inside = |share: &f64| (-1e-9..=1.0 + 1e-9).contains(share);
        numbers.into_iter().filter_map(|x| Some((self.share(x).filter(inside)?, number(x)))).collect()
    }

    /// Multiples of 1, 2 or 5 times a power of ten.
    fn multiples(&self, at_most: usize, whole: bool) -> Vec<f64> {
        let rough = (self.high - self.low) / at_most as f64;
        let power = 10_f64.powf(rough.log10().floor());
        let step = power * [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= rough).unwrap_or(10.0);
        let step = if whole { step.max(1.0) } else { step };
        let first = (self.low / step - 1e-9).ceil();
        let multiples = (0..=at_most).map(|i| (first + i as f64) * step).take_while(|x| *x <= self.high);
        // Zero is 0, not what rounding has made of it.
        multiples.map(|x| if x.abs() < 1e-9 * step { 0.0 } else { x }).collect()
    }

    /// Powers of ten, or some of them; with their 2- and 5-fold where the axis is short.
    fn powers(&self, at_most: usize) -> Vec<f64> {
        let (first, last) = (self.low.log10().floor() as i32, self.high.log10().ceil() as i32);
        let factors: &[f64] = match last - first {
            ..=2 => &[1.0, 2.0, 3.0, 5.0, 7.0],
            3 => &[1.0, 2.0, 5.0],
            _ => &[1.0],
        };
        let numbers = (first..=last).flat_map(|power| factors.iter().map(move |factor| factor * 10_f64.powi(power)));
        let mut inside: Vec<f64> = numbers.filter(|x| (self.low..=self.high).contains(x)).collect();
        if factors.len() == 1 {
            let every = inside.len().div_ceil(at_most.max(1)).max(1);
            inside = inside.into_iter().step_by(every).collect();
        }
        // A range within a factor of two or so has no such number in it, or one.
        if inside.len() >= 2 { inside } else { self.multiples(at_most.min(4), false) }
    }
}

/// The least and the largest finite value.
fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let finite = values.filter(|x| x.is_finite()).map(|x| x.clamp(-FAR, FAR));
    finite.fold(None, |range, x| {
        let (low, high) = range.unwrap_or((x, x));
        Some((low.min(x), high.max(x)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: Axis, whole: bool) -> Vec<String> {
        axis.ticks(6, whole).into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(labels(Axis { low: 0.0, high: 1.0, log: false }, false), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
        assert_eq!(labels(Axis { low: -0.1, high: 0.1, log: false }, false), ["-0.1", "-0.05", "0", "0.05", "0.1"]);
        assert_eq!(labels(Axis::counting([1.0, 30.0].into_iter()), true), ["5", "10", "15", "20", "25", "30"]);
        assert_eq!(labels(Axis::counting([1.0].into_iter()), true), ["1"]);
        assert_eq!(labels(Axis::counting([1.0, 2.0].into_iter()), true), ["1", "2"]);
        let log = |values: [f64; 2]| labels(Axis::logarithmic(values.into_iter()).unwrap(), false);
        assert_eq!(log([1e-6, 1e-2]), ["1e-6", "1e-5", "0.0001", "0.001", "0.01"]);
        assert_eq!(log([0.02, 0.9]), ["0.02", "0.05", "0.1", "0.2", "0.5", "1"]);
        assert!(log([0.5, 0.51]).len() >= 2);
    }

    #[test]
    fn there_is_always_a_range_and_ticks() {
        let huge = [-f64::MAX, f64::MAX];
        let cases = [&[][..], &[2.0], &[f64::NAN, f64::INFINITY], &[0.0, 0.0], &huge, &[1e-310, 1e300], &[5e-324]];
        for values in cases {
            let axes = [Axis::linear, Axis::counting].map(|axis: fn(_) -> Axis| axis(values.iter().copied()));
            for axis in axes.into_iter().chain(Axis::logarithmic(values.iter().copied())) {
                assert!(axis.low < axis.high && axis.high.is_finite(), "{values:?}: {axis:?}");
                assert!(axis.ticks(6, false).len() < 16, "{values:?}");
                let shares = values.iter().filter_map(|&x| axis.share(x));
                shares.for_each(|share| assert!((-1e-6..=1.0 + 1e-6).contains(&share), "{values:?}: {share}"));
            }
        }
    }
}
