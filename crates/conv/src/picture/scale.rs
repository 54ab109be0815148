//! From numbers to colours.

use gradus_autograd::Real;
use ndarray::{ArrayRef, Dimension};

/// How numbers become colours. 0 is always white.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scale {
    /// For numbers of both signs: blue below 0, red above it, as far on one side as on the other.
    Diverging,
    /// For numbers from 0 on: from white over orange to a dark red. Numbers below 0 are as 0.
    Sequential,
    /// For images: from white to black. Numbers below 0 are as 0.
    Ink,
}

type Rgb = [f64; 3];

const WHITE: Rgb = [255.0; 3];
/// Darker and darker, in equal steps of lightness; from the scales of C. Brewer, *ColorBrewer*, 2002.
const RED: [Rgb; 4] = [WHITE, [244.0, 165.0, 130.0], [202.0, 46.0, 52.0], [95.0, 0.0, 26.0]];
const BLUE: [Rgb; 4] = [WHITE, [146.0, 197.0, 222.0], [50.0, 118.0, 185.0], [5.0, 40.0, 90.0]];
const HEAT: [Rgb; 5] = [WHITE, [254.0, 217.0, 142.0], [252.0, 141.0, 60.0], [203.0, 45.0, 20.0], [90.0, 0.0, 10.0]];
const GREY: [Rgb; 2] = [WHITE, [0.0; 3]];

/// For what is no number.
pub(super) const NOT_FINITE: &str = "#00b050";

impl Scale {
    /// The scale that shows all of these numbers: [`Scale::Diverging`] if any is negative, else [`Scale::Sequential`].
    #[must_use]
    pub fn of<F: Real, D: Dimension>(numbers: &ArrayRef<F, D>) -> Self {
        if numbers.iter().any(|&x| x < F::zero()) { Self::Diverging } else { Self::Sequential }
    }

    /// The colour of a number, of which `most` is the largest size.
    pub(super) fn colour(self, x: f64, most: f64) -> String {
        if !x.is_finite() {
            return NOT_FINITE.to_owned();
        }
        let share = if most > 0.0 { (x / most).clamp(-1.0, 1.0) } else { 0.0 };
        let [r, g, b] = match self {
            Self::Diverging if share < 0.0 => between(&BLUE, -share),
            Self::Diverging => between(&RED, share),
            Self::Sequential => between(&HEAT, share.max(0.0)),
            Self::Ink => between(&GREY, share.max(0.0)),
        };
        format!("#{r:02x}{g:02x}{b:02x}")
    }

    /// The least share of the largest number that is shown.
    pub(super) fn least(self) -> f64 {
        if self == Self::Diverging { -1.0 } else { 0.0 }
    }
}

/// The colour at a share of the way through the stops.
fn between(stops: &[Rgb], share: f64) -> [u8; 3] {
    let along = share * (stops.len() - 1) as f64;
    let first = (along as usize).min(stops.len() - 2);
    let part = along - first as f64;
    std::array::from_fn(|i| (stops[first][i] + part * (stops[first + 1][i] - stops[first][i])).round() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_white_and_the_ends_are_dark() {
        for scale in [Scale::Diverging, Scale::Sequential, Scale::Ink] {
            assert_eq!([scale.colour(0.0, 2.0), scale.colour(0.0, 0.0)], ["#ffffff", "#ffffff"]);
        }
        assert_eq!([-2.0, 2.0].map(|x| Scale::Diverging.colour(x, 2.0)), ["#05285a", "#5f001a"]);
        assert_eq!([-2.0, 1.0, 2.0].map(|x| Scale::Ink.colour(x, 2.0)), ["#ffffff", "#808080", "#000000"]);
        assert_eq!(Scale::Sequential.colour(f64::NAN, 2.0), NOT_FINITE);
    }
}
