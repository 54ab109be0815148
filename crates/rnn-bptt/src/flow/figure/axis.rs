//! An axis: where a number stands on it, and its ticks.

/// From `low` to `high`; in the case of decades these are exponents of 10.
pub(super) struct Axis {
    low: f64,
    high: f64,
    decades: bool,
}

impl Axis {
    /// Steps from 0 to the last.
    #[inline] // compiled where it is used: CONTRIBUTING, "What few programs call"
    pub(super) fn steps(last: usize) -> Self {
        Self { low: 0.0, high: last.max(1) as f64, decades: false }
    }

    /// Fractions.
    #[inline]
    pub(super) fn unit() -> Self {
        Self { low: 0.0, high: 1.0, decades: false }
    }

    /// All finite exponents, with a margin.
    #[inline]
    pub(super) fn decades(exponents: impl Iterator<Item = f64>) -> Self {
        let finite = exponents.filter(|exponent| exponent.is_finite());
        let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
        let (low, high) = if low <= high { (low, high) } else { (-1.0, 0.0) };
        // Rounding is not a change: a curve that stays where it is is a flat line in the middle.
        let (low, high) = if high - low < 0.4 { (low - 0.5, high + 0.5) } else { (low, high) };
        let margin = 0.04 * (high - low);
        Self { low: low - margin, high: high + margin, decades: true }
    }

    /// 0 at the low end, 1 at the high one.
    #[inline]
    pub(super) fn share(&self, x: f64) -> f64 {
        (x - self.low) / (self.high - self.low)
    }

    /// Round numbers on the axis, with their places and how they are written; at most about `most`.
    #[inline]
    pub(super) fn ticks(&self, most: usize) -> Vec<(f64, String)> {
        let least = (self.high - self.low) / most.max(1) as f64;
        if self.decades && self.high - self.low < 3.0 {
            return self.within_decades();
        }
        let power = 10_f64.powf(least.log10().floor());
        let mut step = power * [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| factor * power >= least).unwrap_or(10.0);
        if self.decades {
            step = step.ceil().max(1.0);
        }
        let first = (self.low / step).ceil();
        let numbers = (0..=most + 1).map(|i| (first + i as f64) * step).take_while(|x| *x <= self.high + 1e-9);
        let written = |x: f64| if self.decades { power_of_ten(x as i64) } else { plain(x) };
        numbers.map(|x| (self.share(x), written(x))).collect()
    }

    /// 1, 2 and 5 times powers of ten, where there are few of these.
    #[inline]
    fn within_decades(&self) -> Vec<(f64, String)> {
        let decades = self.low.floor() as i32..=self.high.ceil() as i32;
        let numbers = decades.flat_map(|decade| [1.0, 2.0, 5.0].map(|factor| (factor, decade)));
        let placed =
            numbers.map(|(factor, decade)| (self.share(f64::from(decade) + f64::log10(factor)), factor, decade));
        let inside = placed.filter(|(share, ..)| (0.0..=1.0).contains(share));
        inside
            .map(|(share, factor, decade)| {
                let small = (-3..=3).contains(&decade);
                let power = power_of_ten(i64::from(decade));
                let label = if small { plain(factor * 10_f64.powi(decade)) } else { format!("{factor}·{power}") };
                (share, label)
            })
            .collect()
    }
}

#[inline]
fn plain(x: f64) -> String {
    let written = format!("{x:.6}");
    let written = written.trim_end_matches('0').trim_end_matches('.');
    if written == "-0" { "0".to_owned() } else { written.to_owned() }
}

/// `10⁻⁵`
#[inline]
fn power_of_ten(exponent: i64) -> String {
    match exponent {
        0 => "1".to_owned(),
        1 => "10".to_owned(),
        _ => {
            let raised = |c: char| match c {
                '-' => '⁻',
                '1' => '¹',
                '2' => '²',
                '3' => '³',
                digit => char::from_u32(0x2070 + digit.to_digit(10).unwrap_or(0)).unwrap_or(digit),
            };
            format!("10{}", exponent.to_string().chars().map(raised).collect::<String>())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis, most: usize) -> Vec<String> {
        axis.ticks(most).into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(labels(&Axis::steps(49), 10), ["0", "5", "10", "15", "20", "25", "30", "35", "40", "45"]);
        assert_eq!(labels(&Axis::unit(), 5), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
        assert_eq!(labels(&Axis::decades([-4.0, 1.0].into_iter()), 8), ["10⁻⁴", "10⁻³", "10⁻²", "10⁻¹", "1", "10"]);
        assert_eq!(labels(&Axis::decades([-0.2, 0.5].into_iter()), 8), ["1", "2"]);
        assert_eq!(labels(&Axis::decades([0.0, 0.0].into_iter()), 8), ["0.5", "1", "2"]);
        assert_eq!(labels(&Axis::decades([-290.0, 2.0].into_iter()), 6), ["10⁻³⁰⁰", "10⁻²⁰⁰", "10⁻¹⁰⁰", "1"]);
        assert_eq!(power_of_ten(-6789), "10⁻⁶⁷⁸⁹");
    }

    #[test]
    fn there_is_always_a_range() {
        for values in [&[][..], &[f64::NAN], &[f64::NEG_INFINITY, 3.0], &[1e300, -1e300]] {
            let axis = Axis::decades(values.iter().copied());
            assert!(axis.low < axis.high && axis.ticks(8).len() < 12, "{values:?}");
        }
        assert_eq!(Axis::steps(0).share(0.0), 0.0);
    }
}
