//! What the files of the rules have in common, so that each is its formula and little more.

/// What a rule with the fields `lr` and `state` has beside its update and its check.
macro_rules! rule_methods {
    () => {
        fn lr(&self) -> f64 {
            self.lr
        }
        fn set_lr(&mut self, lr: f64) {
            self.lr = lr;
        }
        fn state(&self) -> OptimizerState<F> {
            OptimizerState { lr: self.lr, slots: self.state.save() }
        }
        fn restore(&mut self, state: OptimizerState<F>) -> Result<()> {
            self.state.load(state.slots)?;
            self.lr = state.lr;
            Ok(())
        }
    };
}
/// The method of [`Optimizer`](crate::Optimizer) by which a schedule moves the momentum, which this field is.
macro_rules! momentum_is {
    ($field:ident) => {
        fn set_momentum(&mut self, momentum: f64) -> Result<()> {
            self.$field = momentum;
            Ok(())
        }
    };
}

/// A method that sets fields of its arguments' names.
macro_rules! setter {
    ($(#[doc = $doc:literal])+ $name:ident($($field:ident),+)) => {
        $(#[doc = $doc])+
        #[must_use]
        pub fn $name(self, $($field: f64),+) -> Self {
            Self { $($field,)+ ..self }
        }
    };
}

pub(crate) use {momentum_is, rule_methods, setter};
