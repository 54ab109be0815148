//! How the winner of a window is remembered.

use super::windows::{Plan, Windows};

/// Which number of its window is the maximum.
///
/// A channel is folded along one axis after the other, so the name of the winner is a sum of a term for each axis.
pub(super) trait Code: Copy + Send + Sync + Default + 'static {
    /// Whether the code is the winner's position, and not only which number of its window it is.
    const POSITIONS: bool;

    /// The factor of an axis, given those inside it.
    fn unit(inner: &[Windows]) -> usize;
    /// The term of an axis.
    fn term(unit: usize, tap: usize, position: usize) -> Self;
    /// The sum of two terms.
    fn plus(self, other: Self) -> Self;
}

/// Nothing is remembered, as nobody asks for a gradient.
impl Code for () {
    const POSITIONS: bool = false;

    fn unit(_: &[Windows]) -> usize {
        0
    }
    #[inline(always)]
    fn term(_: usize, _: usize, _: usize) -> Self {}
    #[inline(always)]
    fn plus(self, (): ()) -> Self {}
}

/// The number of the window, in row-major order, if a window has at most 256.
impl Code for u8 {
    const POSITIONS: bool = false;

    fn unit(inner: &[Windows]) -> usize {
        Plan::volume(inner, |axis| axis.taps)
    }
    #[inline(always)]
    fn term(unit: usize, tap: usize, _: usize) -> Self {
        (unit * tap) as u8
    }
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }
}

/// The position in the channel, in row-major order.
impl Code for u32 {
    const POSITIONS: bool = true;

    fn unit(inner: &[Windows]) -> usize {
        Plan::volume(inner, |axis| axis.size)
    }
    #[inline(always)]
    fn term(unit: usize, _: usize, position: usize) -> Self {
        (unit as u32).wrapping_mul(position as u32)
    }
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }
}
