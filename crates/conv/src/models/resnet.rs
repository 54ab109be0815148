//! Residual networks for small images.

use super::{Stage, check_input};
use crate::blocks::{BasicBlock, Shortcut, conv};
use crate::{Conv2d, Geometry};
use gradus_autograd::{Real, Var};
use gradus_nn_layers::{Description, Layer, Linear, Module, Relu, Result, Walk, WalkMut};
use rand::Rng;

/// A residual network for images of 32 × 32 pixels, of `6 n + 2` layers: a convolution, three stages of `n` basic blocks, the mean over
/// each channel, a linear layer.
///
/// ```text
/// conv1   3 × 3, 3 → 16, norm, relu               32 × 32
/// layer1  n blocks of 16 channels                 32 × 32
/// layer2  n blocks of 32 channels, stride 2       16 × 16
/// layer3  n blocks of 64 channels, stride 2        8 ×  8
/// avgpool mean over all pixels, fc 64 → classes
/// ```
///
/// `N` is the normalization: batch normalization in the paper, any layer for so many channels here. The parameters have torchvision's
/// names (`layer1.0.conv1.weight`). With a scale and a shift for each channel, `n` = 3, 3 input channels and 10 classes there are 269,722 of
/// them, the paper's 0.27 M, with [`Shortcut::Pad`], which the paper uses for these networks, and 272,474 with [`Shortcut::Project`].
///
/// # Shapes
/// - input: `(N, in_channels, H, W)`, 32 × 32 in the paper; any size that is not empty will do
/// - output: `(N, classes)`
///
/// # Examples
/// ```
/// use gradus_conv::{Layer, Module, Tape, models::ResNet, ndarray::Array4};
/// use gradus_nn_layers::GroupNorm;
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let norm = |channels| GroupNorm::new(8, channels).expect("16, 32 and 64 are multiples of 8");
/// let model: ResNet<GroupNorm> = ResNet::resnet20(10, norm, &mut StdRng::seed_from_u64(7));
/// assert_eq!(model.count_parameters(), 269_722);
/// let scores = model.forward(&Tape::inference().input(Array4::zeros((1, 3, 32, 32))))?;
/// assert_eq!(scores.shape(), [1, 10]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// K. He, X. Zhang, S. Ren, J. Sun, *Deep residual learning for image recognition*, 2015, §4.2,
/// <https://arxiv.org/abs/1512.03385>
#[derive(Debug, Clone, Module)]
pub struct ResNet<N, F: Real = f32> {
    /// The first convolution.
    pub conv1: Conv2d<F>,
    /// The normalization after it.
    pub bn1: N,
    /// Blocks of 16 channels.
    pub layer1: Stage<BasicBlock<N, F>>,
    /// Blocks of 32 channels.
    pub layer2: Stage<BasicBlock<N, F>>,
    /// Blocks of 64 channels.
    pub layer3: Stage<BasicBlock<N, F>>,
    /// From the means of the channels to the scores.
    pub fc: Linear<F>,
}

impl<N: Layer<F>, F: Real> ResNet<N, F> {
    /// ResNet-8, one block in each stage, for color images: with [`Shortcut::Pad`].
    pub fn resnet8(classes: usize, norm: impl FnMut(usize) -> N, rng: &mut (impl Rng + ?Sized)) -> Self {
        Self::new(3, classes, 1, Shortcut::Pad, norm, rng)
    }

    /// ResNet-20 of the paper, three blocks in each stage, for color images: with [`Shortcut::Pad`].
    pub fn resnet20(classes: usize, norm: impl FnMut(usize) -> N, rng: &mut (impl Rng + ?Sized)) -> Self {
        Self::new(3, classes, 3, Shortcut::Pad, norm, rng)
    }

    /// A network of `6 · blocks + 2` layers; `norm` makes a normalization for so many channels.
    pub fn new(
        in_channels: usize,
        classes: usize,
        blocks: usize,
        shortcut: Shortcut,
        mut norm: impl FnMut(usize) -> N,
        rng: &mut (impl Rng + ?Sized),
    ) -> Self {
        let conv1 = conv((in_channels, 16), 3, 1, rng);
        let bn1 = norm(16);
        let mut channels = 16;
        let [layer1, layer2, layer3] = [(16, 1), (32, 2), (64, 2)].map(|(width, stride)| {
            let mut block = |place: usize| {
                let (inputs, stride) = if place == 0 { (channels, stride) } else { (width, 1) };
                BasicBlock::with_shortcut(inputs, width, stride, shortcut, &mut norm, rng)
            };
            let stage: Stage<_> = (0..blocks).map(&mut block).collect();
            channels = if blocks == 0 { channels } else { width };
            stage
        });
        Self { conv1, bn1, layer1, layer2, layer3, fc: Linear::new(channels, classes, rng) }
    }

    fn stages_of_blocks(&self) -> [(&'static str, &Stage<BasicBlock<N, F>>); 3] {
        [("layer1", &self.layer1), ("layer2", &self.layer2), ("layer3", &self.layer3)]
    }

    /// The convolutions on the longest way through the network: those past the shortcuts.
    #[must_use]
    pub fn geometries(&self) -> Vec<(String, Geometry<2>)> {
        let mut layers = vec![("conv1".to_owned(), self.conv1.geometry)];
        for (stage, blocks) in self.stages_of_blocks() {
            for (place, block) in blocks.layers().iter().enumerate() {
                layers.push((format!("{stage}.{place}.conv1"), block.conv1.geometry));
                layers.push((format!("{stage}.{place}.conv2"), block.conv2.geometry));
            }
        }
        layers
    }

    fn check(&self, input: &[usize]) -> crate::Result<()> {
        check_input("resnet", input, self.conv1.in_channels(), None)
    }
}

impl<N: Layer<F>, F: Real> Layer<F> for ResNet<N, F> {
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) for what are no images of so many channels; and what the layers return.
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        self.check(x.shape())?;
        self.stages().into_iter().try_fold(x.clone(), |x, (_, layer)| layer.forward(&x))
    }

    fn describe(&self, input: &[usize]) -> Result<Description> {
        self.check(input)?;
        Description::in_sequence(self, "ResNet", input, self.stages())
    }

    fn stages(&self) -> Vec<(&str, &dyn Layer<F>)> {
        let mut stages: Vec<(&str, &dyn Layer<F>)> = vec![("conv1", &self.conv1), ("bn1", &self.bn1), ("relu", &Relu)];
        stages.extend(self.stages_of_blocks().map(|(name, stage)| (name, stage as &dyn Layer<F>)));
        stages.extend([("avgpool", &ChannelMean as &dyn Layer<F>), ("fc", &self.fc)]);
        stages
    }
}

/// The mean over all pixels of each channel, `(N, C, H, W)` to `(N, C)`.
#[derive(Debug, Clone, Copy)]
struct ChannelMean;

impl<F: Real> Module<F> for ChannelMean {
    fn walk<'module>(&'module self, _: &mut Walk<'module, '_, F>) {}
    fn walk_mut<'module>(&'module mut self, _: &mut WalkMut<'module, '_, F>) {}
}

impl<F: Real> Layer<F> for ChannelMean {
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        Ok(x.mean_axes(&[2, 3], false)?)
    }

    fn describe(&self, input: &[usize]) -> Result<Description> {
        Ok(Description::of::<F>(self, "ChannelMean", input.get(..2).unwrap_or(input)))
    }
}
