//! The models of the contract. Their fields have the contract's names, which are those of the numbers to draw.

use gradus::conv::global_avg_pool;
use gradus::ndarray::Array2;
use gradus::nn_layers::Embedding;
use gradus::prelude::*;
use gradus::rnn_bptt::{Cell, GruCell, LstmCell, Recurrent};

/// Linear 2→16, tanh, Linear 16→16, tanh, Linear 16→1.
#[derive(Debug, Module)]
pub struct Scalar {
    fc1: Linear,
    fc2: Linear,
    fc3: Linear,
}

impl Scalar {
    /// With initial weights, to be replaced.
    pub fn new(rng: &mut StdRng) -> Self {
        Self { fc1: Linear::new(2, 16, rng), fc2: Linear::new(16, 16, rng), fc3: Linear::new(16, 1, rng) }
    }
}

impl Layer for Scalar {
    fn forward(&self, x: &Var) -> Result<Var> {
        let x = self.fc1.forward(x)?.tanh();
        self.fc3.forward(&self.fc2.forward(&x)?.tanh())
    }
}

/// Linear 100→1.
#[derive(Debug, Module)]
pub struct LinearRegression {
    fc1: Linear,
}

impl LinearRegression {
    /// With initial weights, to be replaced.
    pub fn new(rng: &mut StdRng) -> Self {
        Self { fc1: Linear::new(100, 1, rng) }
    }
}

impl Layer for LinearRegression {
    fn forward(&self, x: &Var) -> Result<Var> {
        self.fc1.forward(x)
    }
}

/// Linear 784→512, ReLU, Linear 512→256, ReLU, Linear 256→10.
#[derive(Debug, Module)]
pub struct Mlp {
    fc1: Linear,
    fc2: Linear,
    fc3: Linear,
}

impl Mlp {
    /// With initial weights, to be replaced.
    pub fn new(rng: &mut StdRng) -> Self {
        Self { fc1: Linear::new(784, 512, rng), fc2: Linear::new(512, 256, rng), fc3: Linear::new(256, 10, rng) }
    }
}

impl Layer for Mlp {
    fn forward(&self, x: &Var) -> Result<Var> {
        let x = self.fc1.forward(x)?.relu();
        self.fc3.forward(&self.fc2.forward(&x)?.relu())
    }
}

/// Two convolutions, each with ReLU and pooling, and two linear layers.
#[derive(Debug, Module)]
pub struct Cnn {
    conv1: Conv2d,
    conv2: Conv2d,
    pool: MaxPool2d,
    fc1: Linear,
    fc2: Linear,
}

impl Cnn {
    /// With initial weights, to be replaced.
    pub fn new(rng: &mut StdRng) -> Self {
        Self {
            conv1: Conv2d::new(1, 32, 3, rng).padding(1),
            conv2: Conv2d::new(32, 64, 3, rng).padding(1),
            pool: MaxPool2d::new(2),
            fc1: Linear::new(3136, 128, rng),
            fc2: Linear::new(128, 10, rng),
        }
    }
}

impl Layer for Cnn {
    fn forward(&self, x: &Var) -> Result<Var> {
        let x = self.conv1.forward_relu_pooled(x, &self.pool)?;
        let x = self.conv2.forward_relu_pooled(&x, &self.pool)?;
        self.fc2.forward(&self.fc1.forward(&x.flatten_from(1)?)?.relu())
    }
}

/// A convolution with normalization, two residual blocks, the average of each channel, and a linear layer.
#[derive(Debug, Module)]
pub struct ResNet {
    conv: Conv2d,
    bn: BatchNorm2d,
    block1: Block,
    block2: Block,
    fc: Linear,
}

impl ResNet {
    /// With initial weights, to be replaced.
    pub fn new(rng: &mut StdRng) -> Self {
        Self {
            conv: convolution(3, 32, 3, rng),
            bn: BatchNorm2d::new(32),
            block1: Block::new(32, 32, 1, rng),
            block2: Block::new(32, 64, 2, rng),
            fc: Linear::new(64, 10, rng),
        }
    }
}

impl Layer for ResNet {
    fn forward(&self, x: &Var) -> Result<Var> {
        let x = self.bn.forward_relu(&self.conv.forward(x)?)?;
        let x = self.block2.forward(&self.block1.forward(&x)?)?;
        self.fc.forward(&global_avg_pool(&x, false)?)
    }
}

/// A basic residual block, whose projection, if it has one, is not normalized.
#[derive(Debug, Module)]
struct Block {
    conv1: Conv2d,
    bn1: BatchNorm2d,
    conv2: Conv2d,
    bn2: BatchNorm2d,
    proj: Option<Conv2d>,
}

impl Block {
    fn new(inputs: usize, outputs: usize, stride: usize, rng: &mut StdRng) -> Self {
        Self {
            conv1: convolution(inputs, outputs, 3, rng).stride(stride),
            bn1: BatchNorm2d::new(outputs),
            conv2: convolution(outputs, outputs, 3, rng),
            bn2: BatchNorm2d::new(outputs),
            proj: (stride > 1).then(|| convolution(inputs, outputs, 1, rng).stride(stride)),
        }
    }
}

impl Layer for Block {
    fn forward(&self, x: &Var) -> Result<Var> {
        let hidden = self.bn1.forward_relu(&self.conv1.forward(x)?)?;
        self.bn2.forward_add_relu(&self.conv2.forward(&hidden)?, &self.proj.forward(x)?)
    }
}

fn convolution(inputs: usize, outputs: usize, kernel: usize, rng: &mut StdRng) -> Conv2d {
    Conv2d::new(inputs, outputs, kernel, rng).padding(kernel / 2).without_bias()
}

/// A tanh RNN 28→128 over the rows of an image, Linear 128→10 on the last hidden state.
#[derive(Debug, Module)]
pub struct RowReader {
    rnn: Rnn,
    head: Linear,
}

impl RowReader {
    /// With initial weights, to be replaced.
    pub fn new(rng: &mut StdRng) -> Self {
        Self { rnn: Rnn::new(28, 128, rng).batch_first(), head: Linear::new(128, 10, rng) }
    }
}

impl Layer for RowReader {
    fn forward(&self, x: &Var) -> Result<Var> {
        self.head.forward(&self.rnn.last(x)?)
    }
}

/// Embedding 65→64, a recurrent layer 64→256, Linear 256→65 on every step: a language model over characters. The layer reads the
/// characters through the embedding, `forward_symbols`, as `CharModel` does: the input's products are computed for 65 characters.
#[derive(Debug, Module)]
#[module(float = f32)]
pub struct Language<C: Cell<Float = f32>> {
    embed: Embedding,
    rnn: Recurrent<C>,
    head: Linear,
}

impl Language<LstmCell> {
    /// With an LSTM and initial weights, to be replaced.
    pub fn lstm(rng: &mut StdRng) -> Self {
        Self::of(LstmCell::new(64, 256, rng), rng)
    }
}

impl Language<GruCell> {
    /// With a GRU and initial weights, to be replaced.
    pub fn gru(rng: &mut StdRng) -> Self {
        Self::of(GruCell::new(64, 256, rng), rng)
    }
}

impl<C: Cell<Float = f32>> Language<C> {
    fn of(cell: C, rng: &mut StdRng) -> Self {
        let rnn = Recurrent::of(cell).batch_first();
        Self { embed: Embedding::new(65, 64, rng), rnn, head: Linear::new(256, 65, rng) }
    }

    /// The logits of every step, `(N, T, 65)`, of tokens `(N, T)`.
    ///
    /// # Errors
    /// None, of tokens below 65.
    pub fn forward(&self, tape: &Tape, tokens: &Array2<usize>) -> Result<Var> {
        let (h, _) = self.rnn.forward_symbols(tape, &self.embed, tokens, None, None)?;
        self.head.forward(&h)
    }
}

/// A tanh RNN 32→128 by itself.
#[derive(Debug, Module)]
pub struct Bptt {
    /// The layer.
    pub rnn: Rnn,
}

impl Bptt {
    /// With initial weights, to be replaced.
    pub fn new(rng: &mut StdRng) -> Self {
        Self { rnn: Rnn::new(32, 128, rng).batch_first() }
    }
}
