//! Averages of a model's weights over the course of training.
//!
//! The last steps of stochastic training wander around in a valley; their mean lies nearer to its floor. [`Ema`] forgets the past
//! exponentially and costs nothing to follow; [`Swa`] is the plain mean, of the models at the ends of cycles or epochs.
//!
//! A model with batch normalization has statistics that belong to other weights: [`update_batch_norm`] takes them anew.

mod ema;
mod statistics;
mod swa;

pub use ema::Ema;
pub use statistics::update_batch_norm;
pub use swa::Swa;

use crate::{Error, Result};
use gradus_autograd::{Real, Value};
use gradus_nn_layers::{Item, Module, StateDict};
use ndarray::ArrayD;

/// Parameters by name, as they are averaged, and the buffers of the newest model.
#[derive(Debug, Clone)]
struct Average<F: Real> {
    parameters: Vec<(String, ArrayD<F>)>,
    buffers: StateDict<F>,
}

impl<F: Real> Average<F> {
    fn new(model: &dyn Module<F>) -> Self {
        let mut average = Self { parameters: Vec::new(), buffers: StateDict::new() };
        model.visit(&mut |name, item| match item {
            Item::Parameter(parameter) => {
                average.parameters.push((name.to_owned(), parameter.value().clone().into_array()));
            }
            Item::Buffer(buffer) => {
                average.buffers.insert(name, buffer.value().clone());
            }
        });
        average
    }

    /// `average ← average + share (model − average)`, and the buffers of the model.
    fn move_towards(&mut self, operation: &'static str, model: &dyn Module<F>, share: f64) -> Result<()> {
        // A model with other parameters is found before anything is changed.
        model_fits(operation, model, &self.state(|w| w.clone()))?;
        let share = F::from_f64(share);
        let mut parameters = self.parameters.iter_mut();
        let buffers = &mut self.buffers;
        model.visit(&mut |name, item| match item {
            Item::Parameter(parameter) => {
                if let Some((_, average)) = parameters.next() {
                    average.zip_mut_with(parameter.value(), |a, &w| *a += share * (w - *a));
                }
            }
            Item::Buffer(buffer) => {
                buffers.insert(name, buffer.value().clone());
            }
        });
        Ok(())
    }

    fn state(&self, of: impl Fn(&ArrayD<F>) -> ArrayD<F>) -> StateDict<F> {
        let mut state = self.buffers.clone();
        for (name, average) in &self.parameters {
            state.insert(name.as_str(), of(average));
        }
        state
    }
}

/// Refuses a model whose names or shapes are others than those of a state.
fn model_fits<F: Real>(operation: &'static str, model: &dyn Module<F>, state: &StateDict<F>) -> Result<()> {
    let own = model.state_dict();
    let fits = |(name, value): &(&str, &Value<F>)| state.get(name).is_some_and(|other| other.shape() == value.shape());
    let odd = own.iter().find(|entry| !fits(entry)).map(|(name, _)| name);
    match odd.or_else(|| state.names().find(|name| own.get(name).is_none())) {
        Some(name) => Err(Error::OtherModel { operation, name: name.to_owned() }),
        None => Ok(()),
    }
}

/// Gives a model the values of a state, once it fits.
fn put<F: Real>(operation: &'static str, model: &mut dyn Module<F>, state: &StateDict<F>) -> Result<()> {
    model_fits(operation, model, state)?;
    let _ = model.load_matching(state);
    Ok(())
}
