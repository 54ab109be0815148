//! A mean that forgets.

use super::{Average, put};
use crate::error::hold;
use crate::{Error, Result};
use gradus_autograd::Real;
use gradus_nn_layers::{Module, StateDict};

/// The exponential moving average of a model's weights.
///
/// ```text
/// a₁ = w₁,  aₜ = d aₜ₋₁ + (1 − d) wₜ
///
/// with warm-up:           d is min(d, (1 + t) / (10 + t)),  t the updates before
/// with bias correction:   a₀ = 0,  aₜ = d aₜ₋₁ + (1 − d) wₜ,  and aₜ / (1 − dᵗ) is the average
/// ```
///
/// It looks back over about `1 / (1 − d)` updates. Begun with `w₁`, it clings to that first, untrained model for as long; the warm-up
/// forgets it sooner, and the bias correction weighs all models as if the past had begun with the first.
///
/// Parameters are averaged, frozen ones too; buffers are those of the newest model, as in
/// `torch.optim.swa_utils.AveragedModel` with `get_ema_multi_avg_fn(d)`.
///
/// | setting | means | default | range |
/// | --- | --- | --- | --- |
/// | `decay` | the share `d` of the past | | at least 0, less than 1 |
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Parameter, ndarray::array};
/// use gradus_regularize::Ema;
///
/// let mut model: Parameter<f64> = array![0.0].into();
/// let (mut plain, mut corrected) = (Ema::new(0.9), Ema::new(0.9).bias_correction());
/// for step in 1..=3 {
///     model.value_mut().fill(f64::from(step)); // what training does
///     plain.update(&model)?;
///     corrected.update(&model)?;
/// }
/// let mut average = model.clone();
/// plain.apply_to(&mut average)?;
/// assert!((average.value()[[0]] - 1.29).abs() < 1e-12); // 0.9 (0.9 · 1 + 0.1 · 2) + 0.1 · 3
/// corrected.apply_to(&mut average)?;
/// assert!((average.value()[[0]] - 0.561 / 0.271).abs() < 1e-12); // (0.081 + 0.18 + 0.3) / (1 − 0.9³)
/// # Ok::<(), gradus_regularize::Error>(())
/// ```
///
/// # References
/// B. Polyak, A. Juditsky, *Acceleration of stochastic approximation by averaging*, SIAM J. Control Optim. 30(4), 1992,
/// <https://doi.org/10.1137/0330046>
#[derive(Debug, Clone)]
pub struct Ema<F: Real = f32> {
    decay: f64,
    warm_up: bool,
    bias_correction: bool,
    updates: u64,
    /// The product of the decays so far: the weight of what was there before the first update.
    forgotten: f64,
    average: Option<Average<F>>,
}

impl<F: Real> Ema<F> {
    /// An average with this share of the past.
    #[must_use]
    pub fn new(decay: f64) -> Self {
        Self { decay, warm_up: false, bias_correction: false, updates: 0, forgotten: 1.0, average: None }
    }

    /// With a smaller share of the past at the beginning.
    #[must_use]
    pub fn warm_up(self) -> Self {
        Self { warm_up: true, ..self }
    }

    /// With the past begun at 0 and the average divided by what it then lacks, as in Adam.
    #[must_use]
    pub fn bias_correction(self) -> Self {
        Self { bias_correction: true, ..self }
    }

    /// Takes the model in; to be called after each step of the optimizer.
    ///
    /// # Errors
    /// [`Error::HyperParameter`] if the decay is out of range; [`Error::OtherModel`]. The average is then as it was.
    pub fn update(&mut self, model: &dyn Module<F>) -> Result<()> {
        hold((0.0..1.0).contains(&self.decay), "ema", "decay", self.decay, "at least 0 and less than 1")?;
        let t = self.updates as f64;
        let decay = if self.warm_up { self.decay.min((1.0 + t) / (10.0 + t)) } else { self.decay };
        match &mut self.average {
            Some(average) => average.move_towards("ema", model, 1.0 - decay)?,
            None => {
                let mut average = Average::new(model);
                if self.bias_correction {
                    let share = F::from_f64(1.0 - decay);
                    average.parameters.iter_mut().for_each(|(_, w)| w.mapv_inplace(|w| share * w));
                }
                self.average = Some(average);
            }
        }
        self.updates += 1;
        self.forgotten *= decay;
        Ok(())
    }

    /// The number of updates.
    #[must_use]
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// The average, under the model's names.
    ///
    /// # Errors
    /// [`Error::NothingAveraged`].
    pub fn state_dict(&self) -> Result<StateDict<F>> {
        let average = self.average.as_ref().ok_or(Error::NothingAveraged { operation: "ema" })?;
        let factor = F::from_f64(1.0 / (1.0 - self.forgotten));
        Ok(average.state(|w| if self.bias_correction { w.mapv(|w| factor * w) } else { w.clone() }))
    }

    /// Gives a model the average as its weights: a clone, say, of the one that goes on training.
    ///
    /// # Errors
    /// [`Error::NothingAveraged`], and [`Error::OtherModel`]; the model is then as it was.
    pub fn apply_to(&self, model: &mut dyn Module<F>) -> Result<()> {
        put("ema", model, &self.state_dict()?)
    }
}
