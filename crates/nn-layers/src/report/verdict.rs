//! What a report makes of its numbers.

use std::fmt;

/// What a report makes of the numbers of one layer or parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Verdict {
    /// Nothing stands out.
    #[default]
    Healthy,
    /// Frozen: no gradient is wanted.
    Frozen,
    /// So small that little is learned from it.
    Vanishing,
    /// So large that a step leads far away.
    Exploding,
    /// A NaN or an infinity.
    NotFinite,
    /// A gradient that should have arrived did not, or it is zero everywhere.
    Missing,
    /// At least half of the units get a gradient of zero.
    Dead,
    /// At least half of the units get next to none of the gradient, as those do whose activation function is at its
    /// flat end.
    Saturated,
    /// An update of less than 10⁻⁵ of the weights.
    SmallUpdate,
    /// An update of more than a tenth of the weights.
    LargeUpdate,
}

impl Verdict {
    /// Whether there is nothing to look into.
    #[must_use]
    pub fn is_well(self) -> bool {
        matches!(self, Self::Healthy | Self::Frozen)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Healthy => "healthy",
            Self::Frozen => "frozen",
            Self::Vanishing => "vanishing",
            Self::Exploding => "exploding",
            Self::NotFinite => "not finite",
            Self::Missing => "no gradient",
            Self::Dead => "dead units",
            Self::Saturated => "saturated",
            Self::SmallUpdate => "small update",
            Self::LargeUpdate => "large update",
        })
    }
}
