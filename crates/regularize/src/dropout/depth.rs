//! Dropout of a residual branch.

use super::{drop_blocks, probability};
use gradus_autograd::{Real, Var};
use gradus_nn_layers::{Description, Layer, Module, Result, Walk, WalkMut};

/// Stochastic depth: a branch that, in training, is left out with probability `p`, and else divided by `1 − p`.
///
/// ```text
/// in training:  y = f(x) · m / (1 − p)     m = 0 with probability p, else 1; one for each sample, or for the batch
/// otherwise:    y = f(x)
/// ```
///
/// Beside a shortcut, `Residual::new(StochasticDepth::new(f, p))`, a block without its branch is the identity: each step trains a
/// network that is shallower, and use is the average over all of them. Deep blocks are left out more often than early
/// ones: [`StochasticDepth::rates`].
///
/// The parameters' names are those of the branch. The branch is computed also where it is dropped: by sample, others need it.
///
/// # Shapes
/// The branch's. By sample, the first axis of its output counts the samples.
///
/// # Errors
/// `forward` returns what the branch returns, and [`Error::HyperParameter`](crate::Error::HyperParameter) if `p` is not at least 0 and
/// less than 1.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Apply, Layer, Residual, Tape, Var, ndarray::Array2};
/// use gradus_regularize::StochasticDepth;
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let branch = StochasticDepth::new(Apply::new(|x: &Var| Ok(x * 2.0)), 0.5);
/// let block = Residual::new(branch);
/// let tape = Tape::training(&mut StdRng::seed_from_u64(7));
/// let y = block.forward(&tape.input(Array2::ones((6, 2))))?;
/// assert!(y.value().rows().into_iter().all(|row| row[0] == row[1] && (row[0] == 1.0 || row[0] == 1.0 + 2.0 / 0.5)));
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// G. Huang, Y. Sun, Z. Liu, D. Sedra, K. Weinberger, *Deep networks with stochastic depth*, ECCV 2016,
/// <https://arxiv.org/abs/1603.09382>
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StochasticDepth<L> {
    /// The branch `f`.
    pub branch: L,
    /// The probability with which it is left out: at least 0, less than 1.
    pub p: f64,
    /// What is left out together.
    pub mode: StochasticDepthMode,
}

/// What [`StochasticDepth`] leaves out together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum StochasticDepthMode {
    /// Each sample by itself: `row` of torchvision.
    #[default]
    Sample,
    /// The whole batch, as in the paper: `batch` of torchvision.
    Batch,
}

impl<L> StochasticDepth<L> {
    /// Leaves the branch out with probability `p`, for each sample by itself.
    pub fn new(branch: L, p: f64) -> Self {
        Self { branch, p, mode: StochasticDepthMode::Sample }
    }

    /// With the whole batch left out together.
    #[must_use]
    pub fn by_batch(self) -> Self {
        Self { mode: StochasticDepthMode::Batch, ..self }
    }
}

impl StochasticDepth<()> {
    /// The rates of so many blocks, one after the other, that rise linearly to that of the last.
    ///
    /// ```text
    /// pₗ = l / L · p_L        l = 1 … L
    /// ```
    ///
    /// # Examples
    /// ```
    /// use gradus_regularize::StochasticDepth;
    /// assert_eq!(StochasticDepth::rates(4, 0.5).collect::<Vec<_>>(), [0.125, 0.25, 0.375, 0.5]);
    /// ```
    pub fn rates(blocks: usize, last: f64) -> impl Iterator<Item = f64> {
        (1..=blocks).map(move |block| last * block as f64 / blocks as f64)
    }
}

impl<F: Real, L: Module<F>> Module<F> for StochasticDepth<L> {
    fn walk<'module>(&'module self, walk: &mut Walk<'module, '_, F>) {
        self.branch.walk(walk);
    }
    fn walk_mut<'module>(&'module mut self, walk: &mut WalkMut<'module, '_, F>) {
        self.branch.walk_mut(walk);
    }
}

impl<F: Real, L: Layer<F>> Layer<F> for StochasticDepth<L> {
    #[track_caller]
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        probability("stochastic_depth", self.p)?;
        let y = self.branch.forward(x)?;
        let block = match self.mode {
            StochasticDepthMode::Sample => y.shape().iter().skip(1).product(),
            StochasticDepthMode::Batch => y.shape().iter().product(),
        };
        Ok(drop_blocks("stochastic_depth", &y, self.p, block))
    }

    fn describe(&self, input: &[usize]) -> Result<Description> {
        self.branch.describe(input)
    }
}
