//! Inputs `(N, C, …)`: images and channels, and what lies in space.

use crate::{Error, Result};
use gradus_autograd::Real;
use gradus_nn_layers::{Description, Module};

/// The channels of all images as one list of arrays in space.
pub(crate) struct Planes<'a> {
    /// How many there are, `N · C`.
    pub(crate) number: usize,
    /// The size of each.
    pub(crate) size: &'a [usize],
}

impl<'a> Planes<'a> {
    pub(crate) fn of(operation: &'static str, shape: &'a [usize], rank: usize) -> Result<Self> {
        match shape {
            &[images, channels, ref size @ ..] if size.len() == rank => {
                // Shapes that are only described may be too large: what follows finds out.
                Ok(Self { number: images.saturating_mul(channels), size })
            }
            _ => Err(Error::Rank { operation, found: shape.to_vec(), rank }),
        }
    }
}

/// A layer without multiply–adds, called `Pad2d` and the like.
pub(crate) fn describe<F: Real>(
    layer: &(impl Module<F> + ?Sized),
    kind: &str,
    rank: usize,
    output: &[usize],
) -> Description {
    Description::of(layer, format!("{kind}{rank}d"), output)
}

/// Layers that own no arrays.
macro_rules! no_parameters {
    ($([$($generics:tt)*] $layer:ty),+) => {
        $(impl<F: gradus_autograd::Real, $($generics)*> gradus_nn_layers::Module<F> for $layer {
            fn walk<'module>(&'module self, _: &mut gradus_nn_layers::Walk<'module, '_, F>) {}
            fn walk_mut<'module>(&'module mut self, _: &mut gradus_nn_layers::WalkMut<'module, '_, F>) {}
        })+
    };
}
pub(crate) use no_parameters;
