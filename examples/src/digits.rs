//! What the programs that train on digits share: the images, and the network.

use gradus::data::Mnist;
use gradus::prelude::*;
use gradus::train::Result as TrainResult;
use std::path::Path;

/// Two convolutions, a pooling after each that the image can afford, two linear layers.
#[derive(Debug, Module)]
pub struct Cnn {
    conv1: Conv2d,
    /// Images of 8 × 8 are too small for a pooling here.
    pool1: Option<MaxPool2d>,
    conv2: Conv2d,
    pool2: MaxPool2d,
    fc1: Linear,
    dropout: Dropout,
    fc2: Linear,
}

impl Cnn {
    /// For images of `side` × `side` pixels.
    pub fn new(side: usize, classes: usize, rng: &mut StdRng) -> Self {
        let pool1 = (side >= 16).then(|| MaxPool2d::new(2));
        let side = if pool1.is_some() { side / 4 } else { side / 2 };
        Self {
            conv1: Conv2d::new(1, 32, 3, rng).padding(1),
            pool1,
            conv2: Conv2d::new(32, 64, 3, rng).padding(1),
            pool2: MaxPool2d::new(2),
            fc1: Linear::new(64 * side * side, 128, rng),
            dropout: Dropout::new(0.5),
            fc2: Linear::new(128, classes, rng),
        }
    }
}

impl Layer for Cnn {
    fn forward(&self, x: &Var) -> Result<Var> {
        let x = match &self.pool1 {
            Some(pool) => self.conv1.forward_relu_pooled(x, pool)?,
            None => self.conv1.forward_relu(x)?,
        };
        let x = self.conv2.forward_relu_pooled(&x, &self.pool2)?;
        let x = self.fc1.forward(&x.flatten_from(1)?)?.relu();
        self.fc2.forward(&self.dropout.forward(&x)?)
    }
}

/// Images to train on and images to test with, each of `side` × `side` pixels.
#[derive(Debug)]
pub struct Images {
    /// Where they come from.
    pub name: String,
    /// Those to train on.
    pub train: Labelled,
    /// Those to test with.
    pub test: Labelled,
    /// Pixels.
    pub side: usize,
}

impl Images {
    /// Those of a folder of IDX files, or the embedded ones.
    ///
    /// # Errors
    /// If a file is missing or damaged.
    pub fn read(folder: Option<&Path>, rng: &mut StdRng) -> TrainResult<Self> {
        let (name, train, test, side) = match folder {
            None => {
                let (train, test) = Digits::embedded().split(0.8, rng)?;
                ("the embedded digits".to_owned(), train, test, 8)
            }
            Some(folder) => {
                let mnist = Mnist::read(folder)?;
                let held_out = if mnist.held_out { ", 2,000 test images held out" } else { "" };
                (format!("{}{held_out}", folder.display()), mnist.train, mnist.test, mnist.image_size[0])
            }
        };
        let image = [1, side, side];
        Ok(Self { name, train: train.reshape_inputs(&image)?, test: test.reshape_inputs(&image)?, side })
    }
}
