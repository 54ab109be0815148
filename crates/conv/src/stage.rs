//! A convolutional layer together with what mostly follows it.

use crate::conv::Operands;
use crate::correlation::{conv_relu, conv_relu_max_pool};
use crate::{Conv, MaxPool};
use gradus_autograd::{Real, Var};

impl<const R: usize, F: Real> Conv<R, F> {
    /// Convolution, then ReLU, as one entry of the tape: see [`conv_relu`](crate::conv_relu).
    ///
    /// # Errors
    /// As [`conv`](crate::conv).
    ///
    /// # Examples
    /// ```
    /// use gradus_conv::{Conv2d, Layer, Tape, ndarray::Array4};
    /// use rand::{SeedableRng, rngs::StdRng};
    /// let layer: Conv2d = Conv2d::new(3, 8, 3, &mut StdRng::seed_from_u64(7)).padding(1);
    /// let x = Tape::inference().input(Array4::ones((2, 3, 8, 8)));
    /// assert_eq!(layer.forward_relu(&x)?.value(), layer.forward(&x)?.relu().value());
    /// # Ok::<(), gradus_nn_layers::Error>(())
    /// ```
    #[track_caller]
    pub fn forward_relu(&self, x: &Var<F>) -> gradus_nn_layers::Result<Var<F>> {
        let Operands { x, weight, bias, geometry } = self.operands(x)?;
        Ok(conv_relu(&x, &weight, bias.as_ref(), &geometry, self.groups)?)
    }

    /// Convolution, ReLU and max pooling as one entry of the tape: see [`conv_relu_max_pool`](crate::conv_relu_max_pool).
    ///
    /// # Errors
    /// As [`conv`](crate::conv) and [`max_pool`](crate::max_pool).
    ///
    /// # Examples
    /// ```
    /// use gradus_conv::{Conv2d, Layer, MaxPool2d, Tape, ndarray::Array4};
    /// use rand::{SeedableRng, rngs::StdRng};
    /// let (layer, pool): (Conv2d, _) = (Conv2d::new(3, 8, 3, &mut StdRng::seed_from_u64(7)).padding(1), MaxPool2d::new(2));
    /// let x = Tape::inference().input(Array4::ones((2, 3, 8, 8)));
    /// assert_eq!(layer.forward_relu_pooled(&x, &pool)?.value(), pool.forward(&layer.forward(&x)?.relu())?.value());
    /// # Ok::<(), gradus_nn_layers::Error>(())
    /// ```
    #[track_caller]
    pub fn forward_relu_pooled(&self, x: &Var<F>, pool: &MaxPool<R>) -> gradus_nn_layers::Result<Var<F>> {
        let Operands { x, weight, bias, geometry } = self.operands(x)?;
        Ok(conv_relu_max_pool(&x, &weight, bias.as_ref(), &geometry, self.groups, &pool.geometry)?)
    }
}
