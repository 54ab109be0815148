//! The models of the contract. Their fields have the contract's names, which are those of the numbers to draw.

use gradus::prelude::*;

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
