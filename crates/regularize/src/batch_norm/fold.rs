//! Batch normalization folded into the layer before it.

use super::{BatchNorm, operation};
use crate::{Error, Result};
use gradus_linalg::Real;
use gradus_nn_layers::Parameter;
use ndarray::Axis;

impl<const R: usize, F: Real> BatchNorm<R, F> {
    /// The weight and bias of a convolution or linear layer that does, in inference, what the layer before and this one do
    /// one after the other.
    ///
    /// ```text
    /// W'ₒ = sₒ Wₒ,  b'ₒ = sₒ (bₒ − running_meanₒ) + βₒ,    sₒ = wₒ / √(running_varₒ + ε)
    /// ```
    ///
    /// With given statistics a normalization is a line for each channel, and a line after a linear map is a linear map. Fold what has been
    /// trained: the folded layer normalizes nothing.
    ///
    /// # Shapes
    /// - weight: `(num_features, …)`, its first axis being that of the outputs; a transposed convolution has these elsewhere
    /// - bias: `(num_features,)`
    ///
    /// # Errors
    /// [`Error::NoStatistics`] without running statistics; [`Error::ParameterShape`]; [`Error::HyperParameter`].
    ///
    /// # Examples
    /// ```
    /// use gradus_nn_layers::{Layer, Linear, Tape, ndarray::array};
    /// use gradus_regularize::BatchNorm1d;
    ///
    /// let mut linear: Linear = Linear::from_parts(array![[1.0, 2.0], [3.0, 4.0]], Some(array![1.0, -1.0].into()))?;
    /// let mut norm: BatchNorm1d = BatchNorm1d::new(2).eps(0.0);
    /// norm.running_mean = Some(array![2.0, 0.0].into());
    /// norm.running_var = Some(array![4.0, 0.25].into());
    /// let x = Tape::inference().input(array![[1.0, 1.0]]);
    /// let y = norm.forward(&linear.forward(&x)?)?;
    /// let (weight, bias) = norm.fold_into(&linear.weight, linear.bias.as_ref())?;
    /// (linear.weight, linear.bias) = (weight, Some(bias));
    /// assert_eq!(linear.forward(&x)?.value(), y.value());
    /// # Ok::<(), gradus_nn_layers::Error>(())
    /// ```
    pub fn fold_into(
        &self,
        weight: &Parameter<F>,
        bias: Option<&Parameter<F>>,
    ) -> Result<(Parameter<F>, Parameter<F>)> {
        self.validate()?;
        let channels = self.num_features;
        let (Some(mean), Some(var)) = (&self.running_mean, &self.running_var) else {
            return Err(Error::NoStatistics { operation: operation::<R>() });
        };
        let refuse = |parameter, found: &[usize]| Error::ParameterShape {
            operation: "fold_into",
            parameter,
            found: found.to_vec(),
            expected: vec![channels],
        };
        if weight.shape().first() != Some(&channels) {
            return Err(refuse("outputs of the weight", weight.shape().get(..1).unwrap_or(&[])));
        }
        if let Some(bias) = bias.filter(|bias| bias.shape() != [channels]) {
            return Err(refuse("bias", bias.shape()));
        }
        let (mut folded, mut shifts) = (weight.value().clone().into_array(), Vec::with_capacity(channels));
        for (channel, mut weight) in folded.axis_iter_mut(Axis(0)).enumerate() {
            let own =
                |parameter: &Option<Parameter<F>>, none| parameter.as_ref().map_or(none, |p| p.value()[[channel]]);
            let slope = own(&self.weight, F::one()) / (var.value()[[channel]] + F::from_f64(self.eps)).sqrt();
            let before = bias.map_or(F::zero(), |bias| bias.value()[[channel]]);
            weight.mapv_inplace(|w| w * slope);
            shifts.push((before - mean.value()[[channel]]) * slope + own(&self.bias, F::zero()));
        }
        Ok((Parameter::new(folded), Parameter::new(ndarray::Array1::from(shifts))))
    }
}
