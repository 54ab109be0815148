//! The plain mean.

use super::{Average, put};
use crate::{Error, Result};
use gradus_autograd::Real;
use gradus_nn_layers::{Module, StateDict};

/// Stochastic weight averaging: the mean of the models that it is shown.
///
/// ```text
/// aₙ = aₙ₋₁ + (wₙ − aₙ₋₁) / n
/// ```
///
/// Shown the models at the ends of epochs or of cycles of a learning rate that stays high, the mean lies in the middle of a flat
/// valley whose edge each of them has found, and generalizes better than any (Izmailov et al.). Parameters are averaged;
/// buffers are those of the newest model, as in `torch.optim.swa_utils.AveragedModel`. With batch normalization, run
/// [`update_batch_norm`](crate::update_batch_norm) on the averaged model.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Parameter, ndarray::array};
/// use gradus_regularize::Swa;
///
/// let mut model: Parameter<f64> = array![0.0].into();
/// let mut swa = Swa::new();
/// for end_of_cycle in [1.0, 2.0, 6.0] {
///     model.value_mut().fill(end_of_cycle); // what training does
///     swa.update(&model)?;
/// }
/// swa.apply_to(&mut model)?;
/// assert_eq!(model.value(), &array![3.0].into_dyn());
/// # Ok::<(), gradus_regularize::Error>(())
/// ```
///
/// # References
/// P. Izmailov, D. Podoprikhin, T. Garipov, D. Vetrov, A. Wilson, *Averaging weights leads to wider optima and better generalization*, UAI 2018,
/// <https://arxiv.org/abs/1803.05407>
#[derive(Debug, Clone)]
pub struct Swa<F: Real = f32> {
    models: u64,
    average: Option<Average<F>>,
}

impl<F: Real> Default for Swa<F> {
    fn default() -> Self {
        Self::new()
    }
}

impl<F: Real> Swa<F> {
    /// No model yet.
    #[must_use]
    pub fn new() -> Self {
        Self { models: 0, average: None }
    }

    /// Takes the model in.
    ///
    /// # Errors
    /// [`Error::OtherModel`]; the average is then as it was.
    pub fn update(&mut self, model: &dyn Module<F>) -> Result<()> {
        match &mut self.average {
            Some(average) => average.move_towards("swa", model, 1.0 / (self.models + 1) as f64)?,
            None => self.average = Some(Average::new(model)),
        }
        self.models += 1;
        Ok(())
    }

    /// The number of models in the mean.
    #[must_use]
    pub fn models(&self) -> u64 {
        self.models
    }

    /// The mean, under the model's names.
    ///
    /// # Errors
    /// [`Error::NothingAveraged`].
    pub fn state_dict(&self) -> Result<StateDict<F>> {
        let average = self.average.as_ref().ok_or(Error::NothingAveraged { operation: "swa" })?;
        Ok(average.state(Clone::clone))
    }

    /// Gives a model the mean as its weights.
    ///
    /// # Errors
    /// [`Error::NothingAveraged`], and [`Error::OtherModel`]; the model is then as it was.
    pub fn apply_to(&self, model: &mut dyn Module<F>) -> Result<()> {
        put("swa", model, &self.state_dict()?)
    }
}
