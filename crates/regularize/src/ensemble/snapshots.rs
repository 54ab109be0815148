//! Many models from one training run.

use super::Ensemble;
use super::combine::average;
use crate::error::hold;
use crate::{Error, Result};
use gradus_autograd::Real;
use gradus_nn_layers::{Module, StateDict};
use ndarray::Array2;

/// Snapshot ensemble: keeps the weights at each minimum of a cyclic schedule, and predicts by the mean over them.
///
/// ```text
/// cycle i ends after T, T + T g, T + T g + T g², … steps      T: period, g: growth
/// y = Σₛ model(weightsₛ, x) / S
/// ```
///
/// With a rate that falls to 0 over each cycle and then jumps back (`CosineWarmRestarts` of gradus-optim, with the same steps and growth),
/// the model settles in a minimum, is thrown out and settles in another. The models differ, and the run costs what one model does.
///
/// Snapshots share the model's memory until its next step; buffers (running statistics) are kept too.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Parameter, ndarray::array};
/// use gradus_regularize::ensemble::Snapshots;
///
/// let mut model: Parameter = array![0.0].into();
/// let mut snapshots = Snapshots::new(10).growth(2); // minima after 10, 30 and 70 steps
/// for step in 0..70 {
///     model.value_mut().fill(step as f32); // what an optimizer's step does
///     snapshots.observe(step, &model)?;
/// }
/// assert_eq!(snapshots.len(), 3);
/// let mean = snapshots.predict(&mut model, |model| Ok(array![[model.value()[[0]]]]))?;
/// assert_eq!(mean, array![[(9.0 + 29.0 + 69.0) / 3.0]]);
/// # Ok::<(), gradus_regularize::Error>(())
/// ```
///
/// # References
/// G. Huang, Y. Li, G. Pleiss, Z. Liu, J. E. Hopcroft, K. Q. Weinberger, *Snapshot ensembles: train 1, get M for free*, ICLR 2017,
/// <https://arxiv.org/abs/1704.00109>
#[derive(Debug, Clone)]
pub struct Snapshots<F: Real = f32> {
    period: u64,
    growth: u64,
    states: Vec<StateDict<F>>,
}

const NAME: &str = "snapshots";

impl<F: Real> Snapshots<F> {
    /// Of cycles of so many steps.
    #[must_use]
    pub fn new(period: u64) -> Self {
        Self { period, growth: 1, states: Vec::new() }
    }

    /// Each cycle is so many times as long as the one before.
    #[must_use]
    pub fn growth(self, growth: u64) -> Self {
        Self { growth, ..self }
    }

    /// To be called after each step, counted from 0; keeps the weights if the step ends a cycle, and says whether it did.
    ///
    /// # Errors
    /// [`Error::HyperParameter`] for a period or a growth of 0.
    pub fn observe(&mut self, step: u64, model: &dyn Module<F>) -> Result<bool> {
        hold(self.period > 0, NAME, "period", 0.0, "at least 1")?;
        hold(self.growth > 0, NAME, "growth", 0.0, "at least 1")?;
        let ends = self.ends(step);
        if ends {
            self.push(model);
        }
        Ok(ends)
    }

    fn ends(&self, step: u64) -> bool {
        if self.growth == 1 {
            return step % self.period == self.period - 1;
        }
        let (mut rest, mut length) = (step, self.period);
        while rest >= length {
            rest -= length;
            length = length.saturating_mul(self.growth);
        }
        rest == length - 1
    }

    /// Keeps the model's weights, whatever the step.
    pub fn push(&mut self, model: &dyn Module<F>) {
        self.states.push(model.state_dict());
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.states.len()
    }

    /// Whether there are none yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    /// The weights kept, the oldest first.
    #[must_use]
    pub fn states(&self) -> &[StateDict<F>] {
        &self.states
    }

    /// The mean of what `output` gives with each snapshot in the model, which has its own weights again afterwards. For classes, `output`
    /// should give probabilities: the mean of logits is another thing.
    ///
    /// # Errors
    /// [`Error::HyperParameter`] if there are no snapshots; [`Error::Snapshot`] if one does not fit the model; [`Error::Learner`] with the
    /// error of `output`; [`Error::Outputs`] if its shape changes.
    pub fn predict<M: Module<F>>(
        &self,
        model: &mut M,
        mut output: impl FnMut(&M) -> gradus_nn_layers::Result<Array2<F>>,
    ) -> Result<Array2<F>> {
        self.some()?;
        let own = model.state_dict();
        let each = self.states.iter().enumerate().map(|(place, state)| {
            load(model, state, place)?;
            output(model).map_err(|source| Error::Learner { operation: NAME, place, source: Box::new(source) })
        });
        let predictions = each.collect::<Result<Vec<_>>>();
        load(model, &own, 0)?;
        let predictions = predictions?;
        average(&predictions, &vec![1.0; predictions.len()], predictions[0].nrows())
    }

    /// A model for each snapshot, as an [`Ensemble`]; `template` says what they are, its weights do not matter.
    ///
    /// # Errors
    /// [`Error::HyperParameter`] if there are no snapshots; [`Error::Snapshot`] if one does not fit the model.
    pub fn ensemble<M: Module<F> + Clone, W>(&self, template: &M, wrap: impl Fn(M) -> W) -> Result<Ensemble<W>> {
        self.some()?;
        let fill = |(place, state)| {
            let mut model = template.clone();
            load(&mut model, state, place)?;
            Ok(wrap(model))
        };
        Ensemble::new(self.states.iter().enumerate().map(fill).collect::<Result<Vec<_>>>()?)
    }

    fn some(&self) -> Result<()> {
        hold(!self.states.is_empty(), NAME, "snapshots", 0.0, "at least 1; observe the steps of a whole cycle first")
    }
}

fn load<F: Real>(model: &mut dyn Module<F>, state: &StateDict<F>, place: usize) -> Result<()> {
    model.load_state_dict(state).map_err(|source| Error::Snapshot { place, source: Box::new(source) })
}
