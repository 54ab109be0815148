//! Parameter groups: different rules for different parameters.

use crate::see::Change;
use crate::state::ByName;
use crate::{Optimizer, OptimizerState, Result};
use gradus_linalg::Real;
use ndarray::{ArrayViewD, ArrayViewMutD};
use std::fmt;

/// An optimizer made of optimizers: each parameter belongs to the first group whose predicate takes its name, or to the
/// rest.
///
/// Groups may differ in their settings or in the rule itself. [`set_lr`](Optimizer::set_lr) sets the rate of the rest;
/// every group's rate keeps the ratio to it that it had when the group was added (so the rest's must not be 0 then).
///
/// # Examples
/// No decay on biases, and a tenth of the learning rate in the part that was trained before:
/// ```
/// use gradus_nn_layers::{Module, Parameter, ndarray::array};
/// use gradus_optim::{AdamW, Groups, Optimizer};
///
/// let mut optimizer = Groups::<f32>::new(AdamW::new(1e-3))
///     .with(|name| name.ends_with("bias"), AdamW::new(1e-3).weight_decay(0.0))
///     .with(|name| name.starts_with("backbone."), AdamW::new(1e-4));
/// optimizer.set_lr(5e-4); // the backbone's is now 5e-5
/// assert_eq!(optimizer.lr(), 5e-4);
/// ```
pub struct Groups<F: Real = f32> {
    rest: Box<dyn Optimizer<F>>,
    groups: Vec<Group<F>>,
    /// Which group each parameter belongs to; `None` for the rest.
    places: ByName<Option<usize>>,
}

struct Group<F: Real> {
    takes: Box<dyn Fn(&str) -> bool + Send>,
    optimizer: Box<dyn Optimizer<F>>,
    /// Its learning rate, in units of the rest's.
    ratio: f64,
}

impl<F: Real> Groups<F> {
    /// One group: everything.
    #[must_use]
    pub fn new(rest: impl Optimizer<F> + 'static) -> Self {
        Self { rest: Box::new(rest), groups: Vec::new(), places: ByName::default() }
    }

    /// With a further group, which takes the parameters whose names `takes` picks and no earlier group does.
    #[must_use]
    pub fn with(
        mut self,
        takes: impl Fn(&str) -> bool + Send + 'static,
        mut optimizer: impl Optimizer<F> + 'static,
    ) -> Self {
        let ratio = optimizer.lr() / self.rest.lr();
        // A restored rate is computed from the ratio: so is the first one, to have the same bits.
        optimizer.set_lr(self.rest.lr() * ratio);
        self.groups.push(Group { takes: Box::new(takes), optimizer: Box::new(optimizer), ratio });
        self.places = ByName::default();
        self
    }

    fn place(groups: &[Group<F>], name: &str) -> Option<usize> {
        groups.iter().position(|group| (group.takes)(name))
    }

    fn put(&mut self, state: OptimizerState<F>) -> Result<()> {
        let mut shares: Vec<Vec<_>> = self.groups.iter().map(|_| Vec::new()).collect();
        let mut rest = Vec::new();
        for slot in state.slots {
            match Self::place(&self.groups, &slot.parameter) {
                Some(place) => shares[place].push(slot),
                None => rest.push(slot),
            }
        }
        self.rest.restore(OptimizerState { lr: state.lr, slots: rest })?;
        for (group, slots) in self.groups.iter_mut().zip(shares) {
            group.optimizer.restore(OptimizerState { lr: state.lr * group.ratio, slots })?;
        }
        Ok(())
    }
}

impl<F: Real> Optimizer<F> for Groups<F> {
    fn update(&mut self, name: &str, param: ArrayViewMutD<'_, F>, grad: ArrayViewD<'_, F>) -> Result<()> {
        match *self.places.find_or(name, || Self::place(&self.groups, name)) {
            Some(place) => self.groups[place].optimizer.update(name, param, grad),
            None => self.rest.update(name, param, grad),
        }
    }

    fn lr(&self) -> f64 {
        self.rest.lr()
    }

    fn set_lr(&mut self, lr: f64) {
        self.rest.set_lr(lr);
        for group in &mut self.groups {
            group.optimizer.set_lr(lr * group.ratio);
        }
    }

    /// In every group that has one, and in the rest.
    fn set_momentum(&mut self, momentum: f64) -> Result<()> {
        let mut outcome = self.rest.set_momentum(momentum);
        for group in &mut self.groups {
            outcome = outcome.or(group.optimizer.set_momentum(momentum));
        }
        outcome
    }

    fn validate(&self) -> Result<()> {
        self.rest.validate()?;
        self.groups.iter().try_for_each(|group| group.optimizer.validate())
    }

    fn explain(&self, change: &Change) -> Vec<String> {
        match Self::place(&self.groups, &change.parameter) {
            Some(place) => {
                let optimizer = &self.groups[place].optimizer;
                optimizer.explain(&Change { lr: optimizer.lr(), ..change.clone() })
            }
            None => self.rest.explain(change),
        }
    }

    fn state(&self) -> OptimizerState<F> {
        let mut state = self.rest.state();
        for group in &self.groups {
            state.slots.extend(group.optimizer.state().slots);
        }
        state
    }

    fn restore(&mut self, state: OptimizerState<F>) -> Result<()> {
        let before = self.state();
        self.put(state).inspect_err(|_| {
            self.put(before).expect("what a group has saved fits that group");
        })
    }
}

impl<F: Real> fmt::Debug for Groups<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ratios: Vec<_> = self.groups.iter().map(|group| group.ratio).collect();
        f.debug_struct("Groups").field("lr", &self.rest.lr()).field("ratios", &ratios).finish_non_exhaustive()
    }
}
