//! Up and down once.

use super::Schedule;
use crate::{Result, hyper};

/// One cycle: the rate rises to a peak and falls far below where it began, while the momentum goes the other way.
///
/// ```text
/// from max_lr / div_factor  up to max_lr             by step pct_start · steps − 1
///                           down to max_lr / (div_factor · final_div_factor)  at step steps − 1
/// cosine:  lr = end + (start − end) · (1 + cos(π p)) / 2        linear:  lr = start + (end − start) · p
/// p: the share of the phase that is over
/// ```
///
/// With `three_phase` the rate falls to its first value as fast as it rose, and to its last in what is left. The momentum
/// is the higher one at the beginning, the lower one at the peak, the higher one at the end.
///
/// | setting | means | default | range |
/// | --- | --- | --- | --- |
/// | `max_lr` | the peak | | at least 0 |
/// | `steps` | length of the whole | | at least 1 |
/// | `pct_start` | share of the steps in which the rate rises | 0.3 | 0 to 1 |
/// | `div_factor` | the peak in units of the first rate | 25 | above 0 |
/// | `final_div_factor` | the first rate in units of the last | 10⁴ | above 0 |
/// | `momenta` | the lower and the higher one | 0.85, 0.95 | at least 0, less than 1 |
/// | `linear` | straight lines in place of cosines | no | |
/// | `three_phase` | see above | no | |
///
/// Numbers and defaults are those of PyTorch's `OneCycleLR`, which fails past the last step; here the last rate stays.
/// The peak is often taken from a range test.
///
/// # Examples
/// ```
/// use gradus_optim::schedule::{OneCycle, Schedule};
/// let schedule = OneCycle::new(0.5, 100);
/// assert!((schedule.lr(0) - 0.02).abs() < 1e-12 && schedule.lr(29) == 0.5 && schedule.lr(99) < 1e-5);
/// assert_eq!([0, 29, 99].map(|step| schedule.momentum(step).unwrap()), [0.95, 0.85, 0.95]);
/// ```
///
/// # References
/// L. N. Smith, N. Topin, *Super-convergence: very fast training of neural networks using large learning rates*, 2017,
/// <https://arxiv.org/abs/1708.07120>
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OneCycle {
    max_lr: f64,
    steps: u64,
    pct_start: f64,
    div_factor: f64,
    final_div_factor: f64,
    momentum: Option<(f64, f64)>,
    linear: bool,
    three_phase: bool,
}

impl OneCycle {
    /// Up to `max_lr` and down again in so many steps.
    #[must_use]
    pub fn new(max_lr: f64, steps: u64) -> Self {
        Self {
            max_lr,
            steps,
            pct_start: 0.3,
            div_factor: 25.0,
            final_div_factor: 1e4,
            momentum: Some((0.85, 0.95)),
            linear: false,
            three_phase: false,
        }
    }

    /// With this share of the steps for the rise.
    #[must_use]
    pub fn pct_start(self, pct_start: f64) -> Self {
        Self { pct_start, ..self }
    }

    /// With a first rate of `max_lr / div_factor`.
    #[must_use]
    pub fn div_factor(self, div_factor: f64) -> Self {
        Self { div_factor, ..self }
    }

    /// With a last rate of the first one divided by this.
    #[must_use]
    pub fn final_div_factor(self, final_div_factor: f64) -> Self {
        Self { final_div_factor, ..self }
    }

    /// With the momentum between these two, the lower one at the peak of the rate.
    #[must_use]
    pub fn momenta(self, base_momentum: f64, max_momentum: f64) -> Self {
        Self { momentum: Some((base_momentum, max_momentum)), ..self }
    }

    /// With the momentum left alone.
    #[must_use]
    pub fn without_momentum(self) -> Self {
        Self { momentum: None, ..self }
    }

    /// In straight lines.
    #[must_use]
    pub fn linear(self) -> Self {
        Self { linear: true, ..self }
    }

    /// Down in two phases: to the first rate as fast as the rise, then to the last one.
    #[must_use]
    pub fn three_phase(self) -> Self {
        Self { three_phase: true, ..self }
    }

    /// Along the phases, from each of `values` to the next.
    fn at(&self, step: u64, values: [f64; 4]) -> f64 {
        let (rise, last) = (self.pct_start * self.steps as f64, self.steps as f64 - 1.0);
        let ends = if self.three_phase { [rise - 1.0, 2.0 * rise - 2.0, last] } else { [rise - 1.0, last, last] };
        let step = step as f64;
        let phase = ends.iter().position(|&end| step <= end);
        let Some(phase) = phase else { return values[3] };
        let begin = if phase == 0 { 0.0 } else { ends[phase - 1] };
        let (from, to) = (values[phase], values[phase + 1]);
        let over = if ends[phase] > begin { (step - begin) / (ends[phase] - begin) } else { 1.0 };
        if self.linear {
            from + (to - from) * over
        } else {
            to + (from - to) / 2.0 * (1.0 + (std::f64::consts::PI * over).cos())
        }
    }
}

impl Schedule for OneCycle {
    fn lr(&self, step: u64) -> f64 {
        let first = self.max_lr / self.div_factor;
        let last = first / self.final_div_factor;
        self.at(step, [first, self.max_lr, if self.three_phase { first } else { last }, last])
    }

    fn momentum(&self, step: u64) -> Option<f64> {
        self.momentum.map(|(low, high)| self.at(step, [high, low, high, high]))
    }

    fn validate(&self) -> Result<()> {
        hyper::not_negative("one cycle", "max_lr", self.max_lr)?;
        hyper::steps("one cycle", "steps", self.steps)?;
        hyper::up_to_one("one cycle", "pct_start", self.pct_start)?;
        hyper::positive("one cycle", "div_factor", self.div_factor)?;
        hyper::positive("one cycle", "final_div_factor", self.final_div_factor)?;
        let (low, high) = self.momentum.unwrap_or((0.0, 0.0));
        hyper::below_one("one cycle", "base_momentum", low)?;
        hyper::below_one("one cycle", "max_momentum", high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let cycle = OneCycle::new(1.0, 11).pct_start(0.5).div_factor(2.0).final_div_factor(5.0).linear();
        // The rise takes 4.5 steps, the fall 5.5.
        for (step, expected) in [(0, 0.5), (4, 0.5 + 0.5 * 4.0 / 4.5), (10, 0.1), (1000, 0.1)] {
            assert!((cycle.lr(step) - expected).abs() < 1e-12, "{step}: {}", cycle.lr(step));
        }
        assert_eq!(cycle.without_momentum().momentum(3), None);
    }

    #[test]
    fn the_shortest_cycles_are_finite() {
        for steps in [1, 2, 3] {
            for share in [0.0, 0.34, 0.5, 1.0] {
                for cycle in [OneCycle::new(1.0, steps).pct_start(share), OneCycle::new(1.0, steps).three_phase()] {
                    assert!((0..5).all(|step| (0.0..=1.0).contains(&cycle.lr(step))), "{cycle:?}");
                }
            }
        }
    }
}
