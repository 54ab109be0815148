//! Dropout of whole channels.

use super::{drop_blocks, probability};
use crate::Error;
use gradus_autograd::{Real, Var};
use gradus_nn_layers::{Layer, Module, Result, Walk, WalkMut};

/// Channel dropout (spatial dropout) over `R` axes in space: in training, sets each channel of each sample to 0 with probability `p`, and
/// divides the others by `1 − p`.
///
/// ```text
/// in training:  y[n, c, …] = x[n, c, …] · m[n, c] / (1 − p)     m = 0 with probability p, else 1
/// otherwise:    y = x
/// ```
///
/// Neighbouring pixels of a feature map say nearly the same: a pixel that [`Dropout`](crate::Dropout) takes away can be guessed from those
/// beside it. To take the whole map away leaves nothing to guess from.
///
/// # Shapes
/// - input: `(N, C, …)` with `R` axes after the channels, or `(C, …)` without a batch
/// - output: the input's
///
/// # Errors
/// `forward` returns [`Error::InputAxes`] for another number of axes, and
/// [`Error::HyperParameter`] if `p` is not at least 0 and less than 1.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Layer, Tape, ndarray::{Array4, Axis}};
/// use gradus_regularize::Dropout2d;
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let tape = Tape::<f32>::training(&mut StdRng::seed_from_u64(7));
/// let y = Dropout2d::new(0.5).forward(&tape.input(Array4::ones((4, 8, 3, 3))))?;
/// let maps = y.value().clone().into_array().into_shape_with_order((4 * 8, 9)).expect("as many numbers");
/// assert!(maps.axis_iter(Axis(0)).all(|map| map.iter().all(|&y| y == map[0] && (y == 0.0 || y == 2.0))));
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// J. Tompson, R. Goroshin, A. Jain, Y. LeCun, C. Bregler, *Efficient object localization using convolutional networks*, CVPR 2015,
/// <https://arxiv.org/abs/1411.4280>
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChannelDropout<const R: usize> {
    /// The probability with which a channel is dropped: at least 0, less than 1.
    pub p: f64,
}

/// Channel dropout of sequences `(N, C, L)`.
pub type Dropout1d = ChannelDropout<1>;
/// Channel dropout of images `(N, C, H, W)`.
pub type Dropout2d = ChannelDropout<2>;
/// Channel dropout of volumes `(N, C, D, H, W)`.
pub type Dropout3d = ChannelDropout<3>;

impl<const R: usize> ChannelDropout<R> {
    const OPERATION: &'static str =
        ["channel_dropout", "dropout1d", "dropout2d", "dropout3d"][if R < 4 { R } else { 0 }];

    /// Drops channels with probability `p`.
    #[must_use]
    pub fn new(p: f64) -> Self {
        Self { p }
    }
}

impl<const R: usize, F: Real> Module<F> for ChannelDropout<R> {
    fn walk<'module>(&'module self, _: &mut Walk<'module, '_, F>) {}
    fn walk_mut<'module>(&'module mut self, _: &mut WalkMut<'module, '_, F>) {}
}

impl<const R: usize, F: Real> Layer<F> for ChannelDropout<R> {
    #[track_caller]
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        let operation = Self::OPERATION;
        probability(operation, self.p)?;
        let input = x.shape();
        if input.len() != R + 1 && input.len() != R + 2 {
            let expected = match R {
                1 => "(N, C, L) or (C, L)",
                2 => "(N, C, H, W) or (C, H, W)",
                3 => "(N, C, D, H, W) or (C, D, H, W)",
                _ => "(N, C, …) or (C, …) with another number of axes",
            };
            return Err(Error::InputAxes { operation, input: input.to_vec(), expected }.into());
        }
        let block = input[input.len() - R..].iter().product();
        Ok(drop_blocks(operation, x, self.p, block))
    }

    fn kind(&self) -> &'static str {
        ["ChannelDropout", "Dropout1d", "Dropout2d", "Dropout3d"][if R < 4 { R } else { 0 }]
    }
}
