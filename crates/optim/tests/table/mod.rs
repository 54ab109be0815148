//! Every optimizer of the crate, and a model for them.

use gradus_autograd::{Gradients, Tape};
use gradus_nn_layers::{Module, Parameter};
use gradus_optim::{
    Adadelta, Adagrad, Adam, AdamW, Adamax, ClosureOptimizer, Error, Evaluation, Groups, Lamb, Lbfgs, Lion, Lookahead,
    Muon, NAdam, Optimizer, OptimizerState, RAdam, RmsProp, Rprop, Sam, Sgd,
};
use ndarray::{ArrayViewD, ArrayViewMutD, array};

pub(crate) type Make = fn(f64) -> Rule;

/// An optimizer of either seam.
pub(crate) enum Rule {
    Given(Box<dyn Optimizer<f64>>),
    Asking(Box<dyn ClosureOptimizer<f64>>),
}

fn given(optimizer: impl Optimizer<f64> + 'static) -> Rule {
    Rule::Given(Box::new(optimizer))
}

fn asking(optimizer: impl ClosureOptimizer<f64> + 'static) -> Rule {
    Rule::Asking(Box::new(optimizer))
}

/// The same method of either.
macro_rules! either {
    ($rule:expr, $optimizer:ident => $call:expr) => {
        match $rule {
            Rule::Given($optimizer) => $call,
            Rule::Asking($optimizer) => $call,
        }
    };
}

impl Rule {
    pub(crate) fn run(&mut self, model: &mut Model, steps: usize) {
        match self {
            Self::Given(optimizer) => run(&mut **optimizer, model, steps),
            Self::Asking(optimizer) => (0..steps).for_each(|_| {
                let evaluate = |model: &Model| {
                    let (gradients, loss) = model.quadratic();
                    Ok(Evaluation { loss, gradients })
                };
                optimizer.step_with(model, evaluate).unwrap();
            }),
        }
    }

    /// A step with gradients that were computed before.
    pub(crate) fn step<M: Module<f64>>(&mut self, model: &mut M, gradients: &Gradients<f64>) -> Result<(), Error> {
        match self {
            Self::Given(optimizer) => optimizer.step(model, gradients),
            Self::Asking(optimizer) => {
                // The loss that has this gradient everywhere.
                let evaluate = |model: &M| {
                    let product = |p: &Parameter<f64>| match gradients.get(p) {
                        Some(g) => p.value().iter().zip(g.iter()).map(|(p, g)| p * g).sum(),
                        None => 0.0,
                    };
                    let loss = model.parameters().into_iter().map(|(_, p)| product(p)).sum();
                    Ok(Evaluation { loss, gradients: gradients.clone() })
                };
                let outcome = optimizer.step_with(model, evaluate);
                outcome.map(drop).map_err(|error| error.source_as::<Error>().unwrap().clone())
            }
        }
    }

    pub(crate) fn set_lr(&mut self, lr: f64) {
        either!(self, optimizer => optimizer.set_lr(lr));
    }

    pub(crate) fn state(&self) -> OptimizerState<f64> {
        either!(self, optimizer => optimizer.state())
    }

    pub(crate) fn restore(&mut self, state: OptimizerState<f64>) -> Result<(), Error> {
        either!(self, optimizer => optimizer.restore(state))
    }
}

/// Every optimizer of the crate, with a learning rate that suits it on the quadratic below.
pub(crate) const ALL: &[(&str, f64, Make)] = &[
    ("sgd", 0.1, |lr| given(Sgd::new(lr))),
    ("sgd, momentum", 0.03, |lr| given(Sgd::new(lr).momentum(0.9))),
    ("sgd, dampening", 0.03, |lr| given(Sgd::new(lr).momentum(0.9).dampening(0.5))),
    ("sgd, nesterov", 0.03, |lr| given(Sgd::new(lr).momentum(0.9).nesterov())),
    ("adam", 0.05, |lr| given(Adam::new(lr).betas(0.9, 0.99))),
    ("adam, amsgrad", 0.05, |lr| given(Adam::new(lr).betas(0.9, 0.99).amsgrad())),
    ("adamw", 0.05, |lr| given(AdamW::new(lr).betas(0.9, 0.99).weight_decay(0.0))),
    ("adagrad", 0.5, |lr| given(Adagrad::new(lr))),
    ("adagrad, lr_decay", 1.0, |lr| given(Adagrad::new(lr).lr_decay(1e-3).initial_accumulator_value(0.1))),
    ("adadelta", 1.0, |lr| given(Adadelta::new(lr).rho(0.95).eps(1e-3))),
    ("rmsprop", 0.03, |lr| given(RmsProp::new(lr))),
    ("rmsprop, momentum", 0.005, |lr| given(RmsProp::new(lr).momentum(0.9))),
    ("rmsprop, centered", 0.03, |lr| given(RmsProp::new(lr).centered().eps(0.1))),
    ("rmsprop, both", 0.003, |lr| given(RmsProp::new(lr).centered().momentum(0.9).eps(0.1))),
    ("adamax", 0.05, |lr| given(Adamax::new(lr))),
    ("nadam", 0.05, |lr| given(NAdam::new(lr).betas(0.9, 0.99))),
    ("nadam, decoupled", 0.05, |lr| given(NAdam::new(lr).betas(0.9, 0.99).decoupled_weight_decay())),
    ("radam", 0.05, |lr| given(RAdam::new(lr).betas(0.9, 0.99))),
    ("radam, decoupled", 0.05, |lr| given(RAdam::new(lr).betas(0.9, 0.99).decoupled_weight_decay())),
    ("rprop", 0.05, |lr| given(Rprop::new(lr).step_sizes(1e-9, 1.0))),
    ("lion", 0.02, |lr| given(Lion::new(lr))),
    ("lamb", 0.02, |lr| given(Lamb::new(lr).betas(0.9, 0.99))),
    ("muon", 0.05, |lr| given(Muon::new(lr, AdamW::new(lr).weight_decay(0.0)).weight_decay(0.0))),
    ("muon, plain", 0.05, |lr| {
        let muon = Muon::new(lr, AdamW::new(2.0 * lr).weight_decay(0.0)).weight_decay(0.0);
        given(muon.nesterov(false).momentum(0.9).ns_steps(3))
    }),
    ("lookahead", 0.05, |lr| given(Lookahead::new(Adam::new(lr).betas(0.9, 0.99)).k(3))),
    ("lookahead twice", 0.05, |lr| {
        let muon = Muon::new(lr, AdamW::new(2.0 * lr).weight_decay(0.0)).weight_decay(0.0);
        given(Lookahead::new(Lookahead::new(muon).k(2).alpha(0.8)).k(3).alpha(0.7))
    }),
    ("sam", 0.05, |lr| asking(Sam::new(Adam::new(lr).betas(0.9, 0.99), 0.05))),
    ("sam, adaptive", 0.03, |lr| asking(Sam::new(RmsProp::new(lr).momentum(0.5), 0.1).adaptive())),
    ("lbfgs", 0.5, |lr| asking(Lbfgs::new(lr).max_iter(2).history_size(3))),
    ("lbfgs, strong wolfe", 1.0, |lr| asking(Lbfgs::new(lr).max_iter(3).strong_wolfe())),
    ("groups of wrappers", 0.05, |lr| {
        let lookahead = Lookahead::new(RAdam::new(lr).betas(0.9, 0.99)).k(2);
        let muon = Muon::new(1.3 * lr, AdamW::new(lr / 0.7).weight_decay(0.0)).weight_decay(0.0);
        given(Groups::new(lookahead).with(|name| name == "w", Lookahead::new(muon).alpha(0.9)))
    }),
    ("groups", 0.05, |lr| given(Groups::new(Adam::new(lr)).with(|name| name == "b", Sgd::new(2.0 * lr)))),
];

#[derive(Module)]
#[module(float = f64)]
pub(crate) struct Model {
    pub(crate) w: Parameter<f64>,
    pub(crate) b: Parameter<f64>,
}

impl Model {
    pub(crate) fn new() -> Self {
        Self { w: array![[3.0, -2.0], [1.0, 0.5]].into(), b: array![-4.0, 2.0].into() }
    }

    /// The gradients of `Σ (w − 1)² · (1, 3) + Σ (b − 2)²`, and the loss.
    pub(crate) fn quadratic(&self) -> (Gradients<f64>, f64) {
        let tape = Tape::recording();
        let w = tape.parameter(&self.w).add_scalar(-1.0).square();
        let w = w.try_mul(&tape.input(array![1.0, 3.0])).unwrap().sum();
        let loss = w + &tape.parameter(&self.b).add_scalar(-2.0).square().sum();
        let value = loss.item().unwrap();
        (loss.backward().unwrap(), value)
    }

    pub(crate) fn bits(&self) -> Vec<u64> {
        self.parameters().iter().flat_map(|(_, p)| p.value().iter().map(|x| x.to_bits()).collect::<Vec<_>>()).collect()
    }
}

pub(crate) fn run(optimizer: &mut dyn Optimizer<f64>, model: &mut Model, steps: usize) {
    for _ in 0..steps {
        let gradients = model.quadratic().0;
        optimizer.step(model, &gradients).unwrap();
    }
}

/// The least that an optimizer must have.
pub(crate) struct Custom;

impl Optimizer<f64> for Custom {
    fn update(
        &mut self,
        _: &str,
        mut param: ArrayViewMutD<'_, f64>,
        grad: ArrayViewD<'_, f64>,
    ) -> gradus_optim::Result<()> {
        param.scaled_add(-0.1, &grad);
        Ok(())
    }
    fn lr(&self) -> f64 {
        0.1
    }
    fn set_lr(&mut self, _: f64) {}
}
