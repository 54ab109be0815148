//! LeNet-5.

use super::check_input;
use crate::{Conv2d, Geometry};
use gradus_autograd::{Real, Var};
use gradus_nn_layers::{Description, Flatten, Layer, Linear, Module, Result, Tanh, Walk, WalkMut};
use rand::Rng;

/// LeNet-5: two convolutions, each with a subsampling after it, and three linear layers.
///
/// ```text
/// C1  conv 5 × 5, 1 → 6, tanh          32 × 32 → 28 × 28          156 parameters
/// S2  mean of 2 × 2                    28 × 28 → 14 × 14            0
/// C3  conv 5 × 5, 6 → 16, tanh         14 × 14 → 10 × 10        2,416
/// S4  mean of 2 × 2                    10 × 10 →  5 ×  5            0
/// C5  linear 16 · 5 · 5 → 120, tanh                            48,120
/// F6  linear 120 → 84, tanh                                    10,164
///     linear 84 → 10                                              850
///                                                              61,706
/// ```
///
/// It is the variant that has become usual. The paper's has 60,000 trainable parameters; the 1,706 between them are
///
/// ```text
/// + 900    C3 sees all 6 channels of S2 everywhere; the paper leaves out 36 of the 96 pairs to break symmetry: 1,516
/// −  44    the means have no factor and bias for each channel: 12 in S2, 32 in S4
/// + 850    the output is a linear layer; the paper has the distance to fixed pictures of the ten digits
/// ```
///
/// and its activation is `1.7159 tanh(2x/3)`, applied after the subsamplings, too. C5 is a convolution in the paper; its kernel covers its input.
///
/// # Shapes
/// - input: `(N, 1, 32, 32)`; images of 28 × 28 are padded by 2, so that strokes stay away from the edge
/// - output: `(N, classes)`, scores for [`cross_entropy`](gradus_nn_layers::Losses::cross_entropy)
///
/// # Examples
/// ```
/// use gradus_conv::{Layer, Module, Tape, models::LeNet5, ndarray::Array4};
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let model: LeNet5 = LeNet5::new(10, &mut StdRng::seed_from_u64(7));
/// assert_eq!(model.count_parameters(), 61_706);
/// let scores = model.forward(&Tape::inference().input(Array4::zeros((2, 1, 32, 32))))?;
/// assert_eq!(scores.shape(), [2, 10]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, *Gradient-based learning applied to document recognition*, 1998,
/// <https://doi.org/10.1109/5.726791>
#[derive(Debug, Clone, Module)]
pub struct LeNet5<F: Real = f32> {
    /// C1.
    pub conv1: Conv2d<F>,
    /// C3.
    pub conv2: Conv2d<F>,
    /// C5.
    pub fc1: Linear<F>,
    /// F6.
    pub fc2: Linear<F>,
    /// The output.
    pub fc3: Linear<F>,
}

impl<F: Real> LeNet5<F> {
    /// A model for so many classes.
    pub fn new(classes: usize, rng: &mut (impl Rng + ?Sized)) -> Self {
        Self {
            conv1: Conv2d::new(1, 6, 5, rng),
            conv2: Conv2d::new(6, 16, 5, rng),
            fc1: Linear::new(16 * 5 * 5, 120, rng),
            fc2: Linear::new(120, 84, rng),
            fc3: Linear::new(84, classes, rng),
        }
    }

    /// The layers that change the size of an image; C5 as the convolution that it is in the paper.
    #[must_use]
    pub fn geometries(&self) -> Vec<(String, Geometry<2>)> {
        let halving = Geometry::new(2).stride(2);
        let layers = [
            ("C1", self.conv1.geometry),
            ("S2", halving),
            ("C3", self.conv2.geometry),
            ("S4", halving),
            ("C5", Geometry::new(5)),
        ];
        layers.map(|(name, geometry)| (name.to_owned(), geometry)).to_vec()
    }

    fn check(&self, input: &[usize]) -> crate::Result<()> {
        check_input("lenet5", input, self.conv1.in_channels(), Some([32, 32]))
    }
}

impl<F: Real> Layer<F> for LeNet5<F> {
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) for images of another size; and what the layers return.
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        self.check(x.shape())?;
        self.stages().into_iter().try_fold(x.clone(), |x, (_, layer)| layer.forward(&x))
    }

    fn describe(&self, input: &[usize]) -> Result<Description> {
        self.check(input)?;
        Description::in_sequence(self, "LeNet5", input, self.stages())
    }

    fn stages(&self) -> Vec<(&str, &dyn Layer<F>)> {
        vec![
            ("conv1", &self.conv1),
            ("tanh1", &Tanh),
            ("pool1", &Halving),
            ("conv2", &self.conv2),
            ("tanh2", &Tanh),
            ("pool2", &Halving),
            ("flatten", &Flatten),
            ("fc1", &self.fc1),
            ("tanh3", &Tanh),
            ("fc2", &self.fc2),
            ("tanh4", &Tanh),
            ("fc3", &self.fc3),
        ]
    }
}

/// The mean of each 2 × 2 pixels, of images with an even number of them along each axis.
#[derive(Debug, Clone, Copy)]
struct Halving;

impl<F: Real> Module<F> for Halving {
    fn walk<'module>(&'module self, _: &mut Walk<'module, '_, F>) {}
    fn walk_mut<'module>(&'module mut self, _: &mut WalkMut<'module, '_, F>) {}
}

impl Halving {
    fn halves(input: &[usize]) -> crate::Result<[usize; 4]> {
        match *input {
            [images, channels, height, width] if height % 2 == 0 && width % 2 == 0 => {
                Ok([images, channels, height / 2, width / 2])
            }
            _ => {
                let expected = "(N, C, H, W) with an even H and W".to_owned();
                Err(crate::Error::Input { operation: "mean of 2 × 2", found: input.to_vec(), expected })
            }
        }
    }
}

impl<F: Real> Layer<F> for Halving {
    fn forward(&self, x: &Var<F>) -> Result<Var<F>> {
        let [images, channels, height, width] = Self::halves(x.shape())?;
        Ok(x.reshape(&[images, channels, height, 2, width, 2])?.mean_axes(&[3, 5], false)?)
    }

    fn describe(&self, input: &[usize]) -> Result<Description> {
        Ok(Description::of::<F>(self, "Mean2x2", &Self::halves(input)?))
    }
}
