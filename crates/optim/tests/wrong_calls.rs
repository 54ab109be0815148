//! No step panics, however wrong its settings, gradients and states.

use gradus_autograd::Gradients;
use gradus_nn_layers::{Parameter, Result, Tape};
use gradus_optim::{
    Adadelta, Adagrad, Adam, AdamW, Adamax, ClosureOptimizer, Evaluation, Groups, Lamb, Lbfgs, Lion, Lookahead, Muon,
    NAdam, Optimizer, RAdam, RmsProp, Rprop, Sam, Sgd, orthogonalize,
};
use gradus_testing::calls;
use ndarray::{Array2, ArrayD};
use proptest::prelude::*;
use proptest::sample::select;

#[derive(Debug, Clone)]
struct Arguments {
    /// Settings, in and outside their ranges.
    settings: [f64; 5],
    count: u64,
    flag: bool,
    /// What the parameters and gradients begin with in a list of those that are met and of those that one forgets.
    first: usize,
    shapes: [Vec<usize>; 2],
}

const NUMBERS: [f64; 12] = [1.0, -0.5, 0.0, 2.0, -1e300, 1e-300, 3.0, -0.0, 5e-324, 0.25, f64::NAN, f64::NEG_INFINITY];

impl Arguments {
    fn array(&self, shape: &[usize], offset: usize) -> ArrayD<f64> {
        let mut place = self.first + offset;
        ArrayD::from_shape_simple_fn(shape, || {
            place += 1;
            NUMBERS[place % NUMBERS.len()]
        })
    }

    fn model(&self) -> (Parameter<f64>, Parameter<f64>) {
        (Parameter::new(self.array(&self.shapes[0], 0)), Parameter::new(self.array(&self.shapes[1], 3)))
    }

    fn gradients(&self, (a, b): &(Parameter<f64>, Parameter<f64>)) -> Result<Gradients<f64>> {
        let tape = Tape::recording();
        let product = |p: &Parameter<f64>, offset| {
            let g = tape.input(self.array(p.value().shape(), offset));
            Ok::<_, gradus_nn_layers::Error>(tape.parameter(p).try_mul(&g)?.sum())
        };
        let loss = product(a, 5)? + &product(b, 7)?;
        Ok(loss.backward_with(ArrayD::ones(vec![]))?)
    }
}

fn arguments() -> impl Strategy<Value = Arguments> {
    let setting = select(vec![0.1, 0.5, 0.9, 0.0, 1.0, 0.01, 0.1, 0.5, 0.3, 1e-8, -0.1, f64::NAN, f64::INFINITY]);
    let shape = prop::collection::vec(0_usize..4, 0..4);
    let settings = prop::array::uniform5(setting);
    (settings, 0_u64..5, any::<bool>(), 0_usize..12, [shape.clone(), shape])
        .prop_map(|(settings, count, flag, first, shapes)| Arguments { settings, count, flag, first, shapes })
}

/// Steps with a model, then with another; and the state there and back.
fn given(a: &Arguments, mut rule: impl Optimizer<f64>) -> Result<()> {
    let mut model = a.model();
    for _ in 0..3 {
        let gradients = a.gradients(&model)?;
        rule.step(&mut model, &gradients)?;
    }
    rule.restore(rule.state())?;
    let gradients = a.gradients(&model)?;
    // Without the check that a step begins with, and with another array under the name.
    let (p, other) = (a.array(&a.shapes[1], 1), a.array(&a.shapes[1], 2));
    let _ = rule.update("0", p.clone().view_mut(), other.view());
    let mut swapped = (model.1, model.0);
    Ok(rule.step(&mut swapped, &gradients)?)
}

fn asking(a: &Arguments, mut rule: impl ClosureOptimizer<f64>) -> Result<()> {
    let mut model = a.model();
    for _ in 0..3 {
        rule.step_with(&mut model, |model| Ok(Evaluation { loss: a.settings[4], gradients: a.gradients(model)? }))?;
    }
    rule.restore(rule.state())?;
    let mut swapped = (model.1, model.0);
    let outcome =
        rule.step_with(&mut swapped, |model| Ok(Evaluation { loss: a.settings[4], gradients: a.gradients(model)? }));
    outcome.map(drop)
}

type Call = fn(&Arguments) -> Result<()>;

#[rustfmt::skip]
const CALLS: &[(&str, Call)] = &[
    ("Sgd", |a| { let [lr, m, d, w, _] = a.settings; given(a, Sgd::new(lr).momentum(m).dampening(d).weight_decay(w)) }),
    ("Adam", |a| { let [lr, b, c, e, w] = a.settings; given(a, Adam::new(lr).betas(b, c).eps(e).weight_decay(w)) }),
    ("AdamW", |a| { let [lr, b, c, e, w] = a.settings; given(a, AdamW::new(lr).betas(b, c).eps(e).weight_decay(w).amsgrad()) }),
    ("Adagrad", |a| { let [lr, d, i, e, w] = a.settings; given(a, Adagrad::new(lr).lr_decay(d).initial_accumulator_value(i).eps(e).weight_decay(w)) }),
    ("Adadelta", |a| { let [lr, r, e, w, _] = a.settings; given(a, Adadelta::new(lr).rho(r).eps(e).weight_decay(w)) }),
    ("RmsProp", |a| { let [lr, al, e, m, w] = a.settings; let rule = RmsProp::new(lr).alpha(al).eps(e).momentum(m).weight_decay(w); given(a, if a.flag { rule.centered() } else { rule }) }),
    ("Adamax", |a| { let [lr, b, c, e, w] = a.settings; given(a, Adamax::new(lr).betas(b, c).eps(e).weight_decay(w)) }),
    ("NAdam", |a| { let [lr, b, c, m, w] = a.settings; let rule = NAdam::new(lr).betas(b, c).momentum_decay(m).weight_decay(w); given(a, if a.flag { rule.decoupled_weight_decay() } else { rule }) }),
    ("RAdam", |a| { let [lr, b, c, e, w] = a.settings; let rule = RAdam::new(lr).betas(b, c).eps(e).weight_decay(w); given(a, if a.flag { rule.decoupled_weight_decay() } else { rule }) }),
    ("Rprop", |a| { let [lr, m, p, l, h] = a.settings; given(a, Rprop::new(lr).etas(m, 1.0 + p).step_sizes(l, h)) }),
    ("Lion", |a| { let [lr, b, c, w, _] = a.settings; given(a, Lion::new(lr).betas(b, c).weight_decay(w)) }),
    ("Lamb", |a| { let [lr, b, c, e, w] = a.settings; given(a, Lamb::new(lr).betas(b, c).eps(e).weight_decay(w)) }),
    ("Muon", |a| { let [lr, m, w, l, e] = a.settings; given(a, Muon::new(lr, AdamW::new(l).eps(e)).momentum(m).weight_decay(w).nesterov(a.flag).ns_steps(a.count)) }),
    ("Lookahead", |a| { let [lr, m, al, _, _] = a.settings; given(a, Lookahead::new(Sgd::new(lr).momentum(m)).k(a.count).alpha(al)) }),
    ("Groups", |a| { let [lr, l, b, ..] = a.settings; given(a, Groups::new(Adam::new(lr)).with(|name| name == "0", RAdam::new(l).betas(b, b))) }),
    ("Sam", |a| { let [lr, rho, ..] = a.settings; let sam = Sam::new(Adam::new(lr), rho); asking(a, if a.flag { sam.adaptive() } else { sam }) }),
    ("Lbfgs", |a| { let [lr, g, c, ..] = a.settings; let rule = Lbfgs::new(lr).tolerance_grad(g).tolerance_change(c).max_iter(a.count).history_size(a.count); asking(a, if a.flag { rule.strong_wolfe() } else { rule.max_eval(a.count) }) }),
    ("orthogonalize", |a| {
        let [rows, columns] = [0, 1].map(|axis| a.shapes[axis].first().copied().unwrap_or(1));
        let matrix: Array2<f64> = a.array(&[rows, columns], 0).into_dimensionality().expect("two axes");
        orthogonalize(&matrix, a.count).map(drop)?;
        Ok(())
    }),
];

#[test]
fn no_step_panics() {
    for (name, call) in CALLS {
        calls::never_panic(name, arguments(), call);
    }
}
