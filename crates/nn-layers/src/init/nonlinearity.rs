//! What an activation takes away from the variance.

/// What comes after the weights, for the [`gain`](Nonlinearity::gain) that makes up for it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[non_exhaustive]
pub enum Nonlinearity {
    /// Nothing, or another linear layer or convolution.
    #[default]
    Linear,
    /// Logistic sigmoid.
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
    /// Rectified linear unit.
    Relu,
    /// Rectified linear unit that lets through a share of what is negative.
    LeakyRelu {
        /// The share; PyTorch's default is 0.01.
        slope: f64,
    },
    /// Scaled exponential linear unit.
    Selu,
}

impl Nonlinearity {
    /// The factor by which the weights' standard deviation is raised.
    ///
    /// ```text
    /// linear, sigmoid 1      tanh 5/3      relu √2      leaky relu √(2 / (1 + slope²))      selu 3/4
    /// ```
    ///
    /// These are PyTorch's (`calculate_gain`). That of tanh and of selu are rules of thumb; the others follow from the
    /// share of the variance that the function keeps.
    #[must_use]
    pub fn gain(self) -> f64 {
        match self {
            Self::Linear | Self::Sigmoid => 1.0,
            Self::Tanh => 5.0 / 3.0,
            Self::Relu => std::f64::consts::SQRT_2,
            Self::LeakyRelu { slope } => (2.0 / (1.0 + slope * slope)).sqrt(),
            Self::Selu => 0.75,
        }
    }
}
