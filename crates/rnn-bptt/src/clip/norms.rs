//! Quantiles of any number of positive numbers in bounded memory.

use std::collections::BTreeMap;

/// Ranges in one power of two.
const FINE: i32 = 32;
/// The powers of two, of either sign, beyond which numbers are not told apart: 3,200 ranges at most.
const REACH: i32 = 50;

/// How often a number fell into which range, `k/32 ≤ log₂ x < (k + 1)/32`. The middle of a range is at most 1.1 % from
/// every number in it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Norms {
    ranges: BTreeMap<i32, u64>,
    count: u64,
    smallest: f64,
    largest: f64,
}

impl Norms {
    pub(super) fn add(&mut self, norm: f64) {
        self.smallest = if self.count == 0 { norm } else { self.smallest.min(norm) };
        self.largest = self.largest.max(norm);
        self.count += 1;
        let place = (norm.log2() * f64::from(FINE)).floor(); // of 0 without end, which the conversion cuts off
        *self.ranges.entry((place as i32).clamp(-REACH * FINE - 1, REACH * FINE)).or_default() += 1;
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn largest(&self) -> f64 {
        self.largest
    }

    pub(super) fn quantile(&self, q: f64) -> Option<f64> {
        if self.count == 0 || !(0.0..=1.0).contains(&q) {
            return None;
        }
        let mut rank = (q * (self.count - 1) as f64) as u64;
        for (&range, &count) in &self.ranges {
            if rank < count {
                let (low, high) = (limit(range), limit(range + 1));
                // The middle in ratio, 2 low high / (low + high); the ends of all numbers are known exactly.
                return Some((2.0 * low * high / (low + high)).clamp(self.smallest, self.largest));
            }
            rank -= count;
        }
        Some(self.largest)
    }

    pub(super) fn by_powers_of_two(&self) -> Vec<(f64, u64)> {
        let mut powers = BTreeMap::new();
        for (&range, &count) in &self.ranges {
            *powers.entry(range.div_euclid(FINE)).or_default() += count;
        }
        let (Some((&first, _)), Some((&last, _))) = (powers.first_key_value(), powers.last_key_value()) else {
            return Vec::new();
        };
        let low = |power| if power < -REACH { 0.0 } else { f64::from(power).exp2() };
        let tiny = powers.get(&(-REACH - 1)).map(|&count| (0.0, count));
        // From the first that is no tiny one: between 0 and the others there would be a bar for every power.
        let first = if tiny.is_some() { powers.keys().nth(1).copied().unwrap_or(last + 1) } else { first };
        tiny.into_iter()
            .chain((first..=last).map(|power| (low(power), powers.get(&power).copied().unwrap_or(0))))
            .collect()
    }
}

/// The lower limit of a range.
fn limit(range: i32) -> f64 {
    (f64::from(range) / f64::from(FINE)).exp2()
}
