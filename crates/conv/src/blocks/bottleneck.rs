//! A narrow 3 × 3 convolution between two 1 × 1 ones, with a path that goes by them.

use super::conv;
use super::shortcut::{Downsample, Shortcut, describe, join};
use crate::Conv2d;
use gradus_autograd::{Real, Var};
use gradus_nn_layers::{Description, Layer, Module, Relu, Result};
use rand::Rng;

/// The bottleneck residual block: a 1 × 1 convolution to few channels, a 3 × 3 convolution of them, a 1 × 1 convolution back to
/// four times as many.
///
/// ```text
/// f(x) = norm₃(conv₃(relu(norm₂(conv₂(relu(norm₁(conv₁(x))))))))
/// y    = relu(s(x) + f(x)),    s the identity, or `downsample` where stride or channels change
/// ```
///
/// The stride is that of the 3 × 3 convolution, as in torchvision; the paper has it in the first one, which throws away three
/// of four pixels unseen. The parameters have torchvision's names.
///
/// # Shapes
/// - input: `(N, in_channels, H, W)`
/// - output: `(N, 4 · width, ⌈H / stride⌉, ⌈W / stride⌉)`
///
/// # Examples
/// ```
/// use gradus_conv::{Layer, Module, Tape, blocks::BottleneckBlock, ndarray::Array4};
/// use gradus_nn_layers::Identity;
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let mut rng = StdRng::seed_from_u64(7);
/// let block: BottleneckBlock<Identity> = BottleneckBlock::new(64, 16, 1, |_| Identity, &mut rng);
/// let y = block.forward(&Tape::inference().input(Array4::zeros((2, 64, 8, 8))))?;
/// assert_eq!(y.shape(), [2, 64, 8, 8]);
/// assert_eq!(block.count_parameters(), 64 * 16 + 16 * 16 * 9 + 16 * 64);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// K. He, X. Zhang, S. Ren, J. Sun, *Deep residual learning for image recognition*, 2015, <https://arxiv.org/abs/1512.03385>
#[derive(Debug, Clone, Module)]
pub struct BottleneckBlock<N, F: Real = f32> {
    /// The 1 × 1 convolution to `width` channels.
    pub conv1: Conv2d<F>,
    /// The normalization after it.
    pub bn1: N,
    /// The 3 × 3 convolution, which has the stride.
    pub conv2: Conv2d<F>,
    /// The normalization after it.
    pub bn2: N,
    /// The 1 × 1 convolution to `4 · width` channels.
    pub conv3: Conv2d<F>,
    /// The normalization after it.
    pub bn3: N,
    /// The path by them; the identity if there is none.
    pub downsample: Option<Downsample<N, F>>,
}

impl<N: Layer<F>, F: Real> BottleneckBlock<N, F> {
    /// The output has so many times the channels of the 3 × 3 convolution.
    pub const EXPANSION: usize = 4;

    /// A block whose shortcut projects where stride or channels change; `norm` makes a normalization for so many channels.
    ///
    /// # Panics
    /// If memory cannot hold the weights.
    pub fn new(
        in_channels: usize,
        width: usize,
        stride: usize,
        mut norm: impl FnMut(usize) -> N,
        rng: &mut (impl Rng + ?Sized),
    ) -> Self {
        let out_channels = width.saturating_mul(Self::EXPANSION);
        Self {
            conv1: conv((in_channels, width), 1, 1, rng),
            bn1: norm(width),
            conv2: conv((width, width), 3, stride, rng),
            bn2: norm(width),
            conv3: conv((width, out_channels), 1, 1, rng),
            bn3: norm(out_channels),
            downsample: Downsample::new(Shortcut::Project, (in_channels, out_channels), stride, norm, rng),
        }
    }
}

impl<N: Layer<F>, F: Real> Layer<F> for BottleneckBlock<N, F> {
    /// # Errors
    /// [`Error::Shapes`](gradus_nn_layers::Error::Shapes) if the two paths end in different shapes; and what the layers return.
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        let narrow = self.bn1.forward(&self.conv1.forward(x)?)?.relu();
        let seen = self.bn2.forward(&self.conv2.forward(&narrow)?)?.relu();
        let body = self.bn3.forward(&self.conv3.forward(&seen)?)?;
        join("bottleneck block", self.downsample.as_ref(), x, &body)
    }

    fn describe(&self, input: &[usize]) -> Result<Description> {
        let body: Vec<(&str, &dyn Layer<F>)> = vec![
            ("conv1", &self.conv1),
            ("bn1", &self.bn1),
            ("relu1", &Relu),
            ("conv2", &self.conv2),
            ("bn2", &self.bn2),
            ("relu2", &Relu),
            ("conv3", &self.conv3),
            ("bn3", &self.bn3),
        ];
        describe(self, "BottleneckBlock", input, body, self.downsample.as_ref())
    }
}
