//! The formulas with numbers put in come to what the rules did.

mod arithmetic;

use crate::table::{ALL, Model, Rule, run};
use arithmetic::{Rounded, evaluate, rounded};
use gradus_nn_layers::Module;
use gradus_optim::see::Explained;
use gradus_optim::{
    Adadelta, Adagrad, Adam, AdamW, Adamax, Lamb, Lion, Lookahead, Muon, NAdam, Optimizer, RAdam, RmsProp, Rprop, Sgd,
};

type Boxed = Box<dyn Optimizer<f64>>;

/// The same rules under settings that add lines of their own.
fn more() -> Vec<(&'static str, Boxed)> {
    let muon = || Muon::new(0.05, AdamW::new(0.02));
    vec![
        ("adam, decay", Box::new(Adam::new(0.05).weight_decay(0.1))),
        ("adamw, decay", Box::new(AdamW::new(0.05).weight_decay(0.1).amsgrad())),
        ("adagrad, decay", Box::new(Adagrad::new(0.5).weight_decay(0.1).lr_decay(0.1))),
        ("adadelta, decay", Box::new(Adadelta::new(1.0).weight_decay(0.1))),
        ("rmsprop, decay", Box::new(RmsProp::new(0.01).weight_decay(0.1).centered().momentum(0.5).eps(0.1))),
        ("adamax, decay", Box::new(Adamax::new(0.05).weight_decay(0.1))),
        ("nadam, decay", Box::new(NAdam::new(0.05).weight_decay(0.1))),
        ("nadam, decoupled", Box::new(NAdam::new(0.05).weight_decay(0.1).decoupled_weight_decay())),
        ("radam, decay", Box::new(RAdam::new(0.05).weight_decay(0.1))),
        ("radam, decoupled", Box::new(RAdam::new(0.05).weight_decay(0.1).decoupled_weight_decay())),
        ("rprop, held", Box::new(Rprop::new(0.9).step_sizes(0.5, 1.0))),
        ("rprop, at rest", Box::new(Rprop::new(0.0))),
        ("lion, decay", Box::new(Lion::new(0.05).weight_decay(0.1))),
        ("lamb, decay", Box::new(Lamb::new(0.02).weight_decay(0.1))),
        ("muon, decay", Box::new(muon().weight_decay(0.2))),
        ("slow only", Box::new(Lookahead::new(Adam::new(0.05)).k(2).alpha(0.0))),
        ("every step", Box::new(Lookahead::new(Sgd::new(0.03)).k(1).alpha(0.7))),
        ("lookahead thrice", Box::new(Lookahead::new(Lookahead::new(Lookahead::new(muon()).k(1)).k(2)).k(3))),
    ]
}

fn all() -> Vec<(&'static str, Boxed)> {
    let given = ALL.iter().filter_map(|&(name, lr, make)| match make(lr) {
        Rule::Given(optimizer) => Some((name, optimizer)),
        Rule::Asking(_) => None,
    });
    given.chain(more()).collect()
}

fn value(model: &Model, parameter: &str, index: &[usize]) -> f64 {
    model.parameters().into_iter().find(|(name, _)| name == parameter).unwrap().1.value()[index]
}

fn assert_close(Rounded(value, error): Rounded, expected: f64, says: &str) {
    let Rounded(_, own) = rounded(expected);
    assert!((value - expected).abs() <= error + own + 1e-12, "{says}: {value} ± {error}, not {expected}");
}

#[test]
fn every_rule_explains_its_steps() {
    let elements: [(&str, &[usize]); 6] =
        [("w", &[0, 0]), ("w", &[0, 1]), ("w", &[1, 0]), ("w", &[1, 1]), ("b", &[0]), ("b", &[1])];
    for (parameter, index) in elements {
        for (rule, optimizer) in all() {
            let mut explained = Explained::new(optimizer).element(parameter, index);
            let mut model = Model::new();
            for step in 0..12 {
                run(&mut explained, &mut model, 1);
                let explanation = explained.explanations().last().unwrap();
                let says = format!("{rule}, {parameter}{index:?}, step {step}: {:#?}", explanation.lines);
                assert_ne!(explanation.lines, explanation.change.plain(), "{says}");
                // Each line comes to what it says. Any ratio fits a direction of 0, any fast weight a share of 0.
                for line in &explanation.lines {
                    let mut parts = line.rsplitn(3, " = ");
                    let (result, sum) = (parts.next().unwrap(), parts.next().unwrap_or_default());
                    if parts.next().is_some() {
                        let sum = sum.replace("r · 0", "1 · 0").replace("(θ −", "(1 −");
                        let sum = evaluate(&sum).unwrap_or_else(|| panic!("not numbers alone: {line}\n{says}"));
                        assert_close(sum, result.parse().unwrap(), &format!("{line}\n{says}"));
                    }
                }
                let last = explanation.lines.last().unwrap().rsplit_once(" = ").unwrap().1;
                assert_close(rounded(last.parse().unwrap()), value(&model, parameter, index), &says);
            }
        }
    }
}

/// The lines of the third step of an element that begins at 1, with gradients 2, 1 and −1.
fn third(optimizer: impl Optimizer<f64>) -> Vec<String> {
    let mut explained = Explained::new(optimizer).element("w", &[0]);
    let mut p = ndarray::arr1(&[1.0]).into_dyn();
    for g in [2.0, 1.0, -1.0] {
        explained.update("w", p.view_mut(), ndarray::arr1(&[g]).into_dyn().view()).unwrap();
    }
    explained.explanations()[2].lines.clone()
}

#[test]
fn lines_by_hand() {
    assert_eq!(
        third(Rprop::new(0.25).etas(0.5, 2.0)),
        ["g = -1", "s ← s · η⁻ = 0.5 · 0.5 = 0.25", "g ← 0", "θ ← θ − sign(g) · s = 0.25 − sign(0) · 0.25 = 0.25"]
    );
    assert_eq!(
        third(Lookahead::new(Sgd::new(0.25)).k(3)),
        ["g = -1", "θ ← θ − lr · g = 0.25 − 0.25 · (-1) = 0.5", "θ ← φ ← φ + α (θ − φ) = 1 + 0.5 · (0.5 − 1) = 0.75",]
    );
    assert_eq!(third(Lookahead::new(Sgd::new(0.25)).k(2)).len(), 2);
    assert_eq!(
        third(Adagrad::new(1.5).eps(0.0).initial_accumulator_value(3.0)),
        [
            "g = -1",
            "s ← s + g² = 8 + (-1)² = 9",
            "θ ← θ − lr · g / (√s + ε) = (-0.664224) − 1.5 · (-1) / (√9 + 0) = -0.164224"
        ]
    );
}
