//! VGG: nothing but 3 × 3 convolutions and halvings.

use super::check_input;
use crate::{Conv2d, Error, Geometry, MaxPool2d, output_sizes};
use gradus_autograd::{Real, Var};
use gradus_nn_layers::{Description, Flatten, Layer, Linear, Module, Relu, Result, Sequential};
use rand::Rng;

/// A VGG network: stages of 3 × 3 convolutions with a rectifier after each, a max pooling of 2 × 2 after each stage, linear
/// layers at the end.
///
/// Two 3 × 3 convolutions one after the other see 5 × 5 pixels, as one 5 × 5 convolution does, with 18 instead of 25 weights for
/// each pair of channels and a rectifier between them: that is the paper's point. The parameters of the convolutions have
/// torchvision's names, `features.0.weight` …; the linear layers are numbered as there but for the dropout between them,
/// `classifier.0.weight`, `classifier.2.weight` …
///
/// # Shapes
/// - input: `(N, in_channels, H, W)`, of the size that the model was made for
/// - output: `(N, classes)`
///
/// # Examples
/// ```
/// use gradus_conv::{Layer, Module, Tape, models::Vgg, ndarray::Array4};
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let model: Vgg = Vgg::small(10, &mut StdRng::seed_from_u64(7));
/// assert_eq!(model.count_parameters(), 550_570);
/// let scores = model.forward(&Tape::inference().input(Array4::zeros((1, 3, 32, 32))))?;
/// assert_eq!(scores.shape(), [1, 10]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// K. Simonyan, A. Zisserman, *Very deep convolutional networks for large-scale image recognition*, 2014,
/// <https://arxiv.org/abs/1409.1556>
#[derive(Debug, Module)]
pub struct Vgg<F: Real = f32> {
    /// The convolutions, rectifiers and poolings.
    pub features: Sequential<F>,
    /// The linear layers, with rectifiers between them.
    pub classifier: Sequential<F>,
    #[module(skip)]
    geometries: Vec<(String, Geometry<2>)>,
    #[module(skip)]
    in_channels: usize,
    #[module(skip)]
    size: [usize; 2],
}

impl Vgg {
    /// The stages of the paper's configuration A, VGG-11. With images of 224 × 224 pixels and linear layers of 4,096, 4,096 and 1,000
    /// outputs it has 132,863,336 parameters, the paper's 133 M, of which 9,220,480 are in the convolutions.
    pub const CONFIGURATION_A: &[&[usize]] = &[&[64], &[128], &[256, 256], &[512, 512], &[512, 512]];
    /// The stages of [`Vgg::small`]: half as wide as the paper's first three.
    pub const SMALL: &[&[usize]] = &[&[32, 32], &[64, 64], &[128, 128]];
}

impl<F: Real> Vgg<F> {
    /// Six convolutions and two linear layers for color images of 32 × 32 pixels.
    ///
    /// ```text
    /// 32 32 ↓  64 64 ↓  128 128 ↓  128 · 4 · 4 → 128 → classes
    /// ```
    pub fn small(classes: usize, rng: &mut (impl Rng + ?Sized)) -> Self {
        Self::new(3, [32, 32], Vgg::SMALL, &[128, classes], rng).expect("32 pixels can be halved three times")
    }

    /// A network with a convolution for each number of `stages`, its output channels, and a linear layer for each of `outputs`, the
    /// last of them the number of classes.
    ///
    /// # Errors
    /// [`Error::EmptyStack`] without stages; [`Error::InStack`] if the images are too small for so many halvings.
    ///
    /// # Panics
    /// If memory cannot hold the weights.
    ///
    /// # Examples
    /// ```
    /// use gradus_conv::{Module, models::Vgg};
    /// use rand::{SeedableRng, rngs::StdRng};
    /// let mut rng = StdRng::seed_from_u64(7);
    /// let model: Vgg = Vgg::new(1, [8, 8], &[&[16], &[32]], &[10], &mut rng)?;
    /// assert_eq!(model.count_parameters(), 16 * 9 + 16 + 32 * 16 * 9 + 32 + 10 * 32 * 2 * 2 + 10);
    /// assert!(Vgg::<f32>::new(1, [2, 2], &[&[16], &[32]], &[10], &mut rng).unwrap_err().to_string().contains("features.5"));
    /// # Ok::<(), gradus_conv::Error>(())
    /// ```
    pub fn new(
        in_channels: usize,
        size: [usize; 2],
        stages: &[&[usize]],
        outputs: &[usize],
        rng: &mut (impl Rng + ?Sized),
    ) -> crate::Result<Self> {
        let (conv, pool) = (Geometry::new(3).padding(1), Geometry::new(2).stride(2));
        let mut geometries = Vec::new();
        let mut place = 0; // in `features`
        for stage in stages {
            for _ in *stage {
                geometries.push((format!("features.{place}"), conv));
                place += 2; // the rectifier is a layer, too
            }
            geometries.push((format!("features.{place}"), pool));
            place += 1;
        }
        // Before anything is drawn.
        let last = output_sizes(&geometries, size)?.last().copied().unwrap_or(size);

        let (mut features, mut classifier) = (Sequential::new(), Sequential::new());
        let mut channels = in_channels;
        for stage in stages {
            for &width in *stage {
                features = features.push(Conv2d::new(channels, width, 3, rng).padding(1)).push(Relu);
                channels = width;
            }
            features = features.push(MaxPool2d::new(2));
        }
        let mut inputs = last.iter().fold(channels, |n, &len| n.saturating_mul(len));
        for (place, &outputs_here) in outputs.iter().enumerate() {
            if place > 0 {
                classifier = classifier.push(Relu);
            }
            classifier = classifier.push(Linear::new(inputs, outputs_here, rng));
            inputs = outputs_here;
        }
        Ok(Self { features, classifier, geometries, in_channels, size })
    }

    /// The layers that change the size of an image, or what a pixel sees.
    #[must_use]
    pub fn geometries(&self) -> Vec<(String, Geometry<2>)> {
        self.geometries.clone()
    }

    fn check(&self, input: &[usize]) -> Result<(), Error> {
        check_input("vgg", input, self.in_channels, Some(self.size))
    }
}

impl<F: Real> Layer<F> for Vgg<F> {
    /// # Errors
    /// [`Error::Input`] for images of another size than the model was made for; and what the layers return.
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        self.check(x.shape())?;
        self.classifier.forward(&self.features.forward(x)?.flatten_from(1)?)
    }

    fn describe(&self, input: &[usize]) -> Result<Description> {
        self.check(input)?;
        Description::in_sequence(self, "Vgg", input, self.stages())
    }

    fn stages(&self) -> Vec<(&str, &dyn Layer<F>)> {
        vec![("features", &self.features), ("flatten", &Flatten), ("classifier", &self.classifier)]
    }
}
