//! Two convolutions with a path that goes by them.

use super::conv;
use super::shortcut::{Downsample, Shortcut, describe, join};
use crate::Conv2d;
use gradus_autograd::{Real, Var};
use gradus_nn_layers::{Description, Layer, Module, Relu, Result};
use rand::Rng;

/// The basic residual block: two 3 × 3 convolutions, and the input added to what they make of it.
///
/// ```text
/// f(x) = norm₂(conv₂(relu(norm₁(conv₁(x)))))
/// y    = relu(s(x) + f(x)),    s the identity, or `downsample` where stride or channels change
/// ```
///
/// The stride is that of the first convolution and of the shortcut. Convolutions have no bias: the normalization would take it away
/// again, and its own shift does its work. The parameters have torchvision's names.
///
/// # Shapes
/// - input: `(N, in_channels, H, W)`
/// - output: `(N, out_channels, ⌈H / stride⌉, ⌈W / stride⌉)`
///
/// # Examples
/// ```
/// use gradus_conv::{Layer, Module, Tape, blocks::BasicBlock, ndarray::Array4};
/// use gradus_nn_layers::GroupNorm;
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let mut rng = StdRng::seed_from_u64(7);
/// let norm = |channels| GroupNorm::new(4, channels).expect("16 and 32 are multiples of 4");
/// let block: BasicBlock<GroupNorm> = BasicBlock::new(16, 32, 2, norm, &mut rng);
/// let y = block.forward(&Tape::inference().input(Array4::zeros((8, 16, 32, 32))))?;
/// assert_eq!(y.shape(), [8, 32, 16, 16]);
/// let names: Vec<_> = block.parameters().into_iter().map(|(name, _)| name).collect();
/// assert_eq!(names[..3], ["conv1.weight", "bn1.weight", "bn1.bias"]);
/// assert_eq!(names[6..], ["downsample.0.weight", "downsample.1.weight", "downsample.1.bias"]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// K. He, X. Zhang, S. Ren, J. Sun, *Deep residual learning for image recognition*, 2015, <https://arxiv.org/abs/1512.03385>
#[derive(Debug, Clone, Module)]
pub struct BasicBlock<N, F: Real = f32> {
    /// The first convolution, 3 × 3, which has the stride.
    pub conv1: Conv2d<F>,
    /// The normalization after it.
    pub bn1: N,
    /// The second convolution, 3 × 3.
    pub conv2: Conv2d<F>,
    /// The normalization after it.
    pub bn2: N,
    /// The path by them; the identity if there is none.
    pub downsample: Option<Downsample<N, F>>,
}

impl<N: Layer<F>, F: Real> BasicBlock<N, F> {
    /// A block whose shortcut projects where stride or channels change; `norm` makes a normalization for so many channels.
    ///
    /// # Panics
    /// If memory cannot hold the weights.
    pub fn new(
        in_channels: usize,
        out_channels: usize,
        stride: usize,
        norm: impl FnMut(usize) -> N,
        rng: &mut (impl Rng + ?Sized),
    ) -> Self {
        Self::with_shortcut(in_channels, out_channels, stride, Shortcut::Project, norm, rng)
    }

    /// As [`BasicBlock::new`], with this shortcut where stride or channels change.
    ///
    /// # Panics
    /// As [`BasicBlock::new`].
    pub fn with_shortcut(
        in_channels: usize,
        out_channels: usize,
        stride: usize,
        shortcut: Shortcut,
        mut norm: impl FnMut(usize) -> N,
        rng: &mut (impl Rng + ?Sized),
    ) -> Self {
        Self {
            conv1: conv((in_channels, out_channels), 3, stride, rng),
            bn1: norm(out_channels),
            conv2: conv((out_channels, out_channels), 3, 1, rng),
            bn2: norm(out_channels),
            downsample: Downsample::new(shortcut, (in_channels, out_channels), stride, norm, rng),
        }
    }
}

impl<N: Layer<F>, F: Real> Layer<F> for BasicBlock<N, F> {
    /// # Errors
    /// [`Error::Shapes`](gradus_nn_layers::Error::Shapes) if the two paths end in different shapes; and what the layers return.
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        let hidden = self.bn1.forward(&self.conv1.forward(x)?)?.relu();
        let body = self.bn2.forward(&self.conv2.forward(&hidden)?)?;
        join("basic block", self.downsample.as_ref(), x, &body)
    }

    fn describe(&self, input: &[usize]) -> Result<Description> {
        let body: Vec<(&str, &dyn Layer<F>)> = vec![
            ("conv1", &self.conv1),
            ("bn1", &self.bn1),
            ("relu", &Relu),
            ("conv2", &self.conv2),
            ("bn2", &self.bn2),
        ];
        describe(self, "BasicBlock", input, body, self.downsample.as_ref())
    }
}
