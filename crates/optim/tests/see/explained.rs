//! Steps in numbers.

use super::{Net, bits, quadratic};
use gradus_nn_layers::{Gradients, Module, Parameter};
use gradus_optim::see::{Change, Explained};
use gradus_optim::{Adam, AdamW, Error, Groups, Optimizer, Sgd, fused};
use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD, IxDyn, arr1, array};

/// An optimizer that explains nothing.
struct Plain;

impl Optimizer<f64> for Plain {
    fn update(&mut self, _: &str, p: ArrayViewMutD<'_, f64>, g: ArrayViewD<'_, f64>) -> gradus_optim::Result<()> {
        fused(p, g, &mut [], |p, g, []| *p -= 0.5 * g);
        Ok(())
    }
    fn lr(&self) -> f64 {
        0.25
    }
    fn set_lr(&mut self, _: f64) {}
}

/// The lines of some steps with gradients 2 and 1, from θ = 1.
fn lines(optimizer: impl Optimizer<f64>) -> Vec<Vec<String>> {
    let mut explained = Explained::new(optimizer).element("w", &[0]);
    let mut p = arr1(&[1.0]).into_dyn();
    for g in [2.0, 1.0] {
        explained.update("w", p.view_mut(), arr1(&[g]).into_dyn().view()).unwrap();
    }
    explained.explanations().iter().map(|explanation| explanation.lines.clone()).collect()
}

#[test]
fn steps_are_explained_with_their_numbers() {
    assert_eq!(
        lines(Sgd::new(0.1)),
        [["g = 2", "θ ← θ − lr · g = 1 − 0.1 · 2 = 0.8"], ["g = 1", "θ ← θ − lr · g = 0.8 − 0.1 · 1 = 0.7"]]
    );
    assert_eq!(
        lines(Sgd::new(0.1).momentum(0.5).nesterov().weight_decay(0.5))[0],
        [
            "g ← g + λ θ = 2 + 0.5 · 1 = 2.5",
            "v ← g = 2.5",
            "d = g + μ v = 2.5 + 0.5 · 2.5 = 3.75",
            "θ ← θ − lr · d = 1 − 0.1 · 3.75 = 0.625",
        ]
    );
    assert_eq!(
        lines(Sgd::new(0.1).momentum(0.5).dampening(0.5))[1][1],
        "v ← μ v + (1 − τ) g = 0.5 · 2 + 0.5 · 1 = 1.5"
    );
    let adam = lines(Adam::new(0.1).betas(0.5, 0.5).eps(0.0));
    assert_eq!(
        adam[1],
        [
            "g = 1",
            "m ← β₁ m + (1 − β₁) g = 0.5 · 1 + 0.5 · 1 = 1",
            "v ← β₂ v + (1 − β₂) g² = 0.5 · 2 + 0.5 · 1² = 1.5",
            "m̂ = m / (1 − β₁^2) = 1 / 0.75 = 1.33333",
            "v̂ = v / (1 − β₂^2) = 1.5 / 0.75 = 2",
            "θ ← θ − lr · m̂ / (√v̂ + ε) = 0.9 − 0.1 · 1.33333 / (√2 + 0) = 0.805719",
        ]
    );
    let amsgrad = lines(Adam::new(0.1).betas(0.5, 0.5).amsgrad());
    assert_eq!(amsgrad[1][3], "v ← max(2, 1.5) = 2");
    let adamw = lines(AdamW::new(0.1).weight_decay(0.5));
    assert_eq!(adamw[0][1], "θ ← (1 − lr · λ) θ = (1 − 0.1 · 0.5) · 1 = 0.95");
    assert!(adamw[0].last().unwrap().starts_with("θ ← θ − lr · m̂ / (√v̂ + ε) = 0.95 − 0.1 · 2 / (√4 + 1e-8) = 0.85"));
    assert_eq!(lines(Plain)[0], ["g = 2, lr = 0.25", "θ: 1 → 0, by -1 = -2 · lr · g"]);
    // A group explains by its own rule, with its own rate.
    let groups = Groups::new(Adam::new(0.1)).with(|name| name == "w", Sgd::new(0.2));
    assert_eq!(lines(groups)[0], ["g = 2", "θ ← θ − lr · g = 1 − 0.2 · 2 = 0.6"]);
    assert_eq!(lines(Box::new(Sgd::new(0.1)) as Box<dyn Optimizer<f64>>)[0].len(), 2);
}

#[test]
fn a_change_in_plain_numbers() {
    let mut explained = Explained::new(Sgd::new(0.1).momentum(0.5)).element("w", &[0]);
    let mut p = arr1(&[1.0]).into_dyn();
    explained.update("w", p.view_mut(), arr1(&[2.0]).into_dyn().view()).unwrap();
    let change: &Change = &explained.explanations()[0].change;
    assert_eq!(change.plain(), ["g = 2, lr = 0.1", "momentum_buffer: 0 → 2", "θ: 1 → 0.8, by -0.2 = -1 · lr · g"]);
    assert!(explained.explanations()[0].to_string().starts_with("w[0], step 1\n    g = 2\n"));
}

fn step_of(net: &Net<f64>) -> Gradients<f64> {
    net.loss(0).unwrap().backward().unwrap()
}

#[test]
fn watching_changes_no_bit() {
    let make = || Groups::new(Adam::new(0.05)).with(|name| name == "bias", Sgd::new(0.1).momentum(0.9));
    let (mut plain, mut watched) = (Net::new(), Net::new());
    let (mut inner, mut explained) = (make(), Explained::new(make()).element("out", &[1, 1]));
    for _ in 0..5 {
        let gradients = step_of(&plain);
        inner.step(&mut plain, &gradients).unwrap();
        let gradients = step_of(&watched);
        explained.step(&mut watched, &gradients).unwrap();
    }
    assert_eq!(bits(&plain), bits(&watched));
    assert_eq!(inner.state(), explained.state());
    assert_eq!(explained.explanations().len(), 5);
    assert_eq!(explained.log().rows().len(), 15);
    assert_eq!(explained.log().last().iter().map(|row| row.step).collect::<Vec<_>>(), [4, 4, 4]);
    let svg = explained.log().to_svg();
    assert!(svg.contains("hidden") && !svg.contains("NaN"));
    assert!(
        explained.log().to_string().starts_with("| parameter | step | update / weight | effective lr | cosine |\n")
    );

    let mut outside = Explained::new(make()).element("out", &[4, 0]);
    let error = outside.step(&mut watched, &step_of(&plain.clone())).unwrap_err();
    assert!(matches!(error, Error::NoGradient { .. }));
    let gradients = step_of(&watched);
    let error = outside.step(&mut watched, &gradients).unwrap_err();
    assert_eq!(error.to_string(), "explained: out: no element [4, 0] in shape [4, 2]");
}

#[test]
fn length_and_direction_of_plain_descent() {
    let mut sgd = Explained::new(Sgd::new(0.125));
    let mut w: Parameter<f64> = array![3.0, 4.0].into();
    let gradients = quadratic(&w, &[2.0, 2.0]).unwrap().backward().unwrap();
    sgd.step(&mut w, &gradients).unwrap();
    let row = &sgd.log().rows()[0];
    for (got, expected) in [(row.ratio, 0.25), (row.effective_lr, 0.125), (row.cosine, 1.0)] {
        assert!((got - expected).abs() < 1e-12, "{row:?}");
    }
    // A step of nothing divides by nothing.
    let mut none = Explained::<_, f64>::new(Sgd::new(0.0));
    none.update("w", ArrayD::zeros(IxDyn(&[0])).view_mut(), ArrayD::zeros(IxDyn(&[0])).view()).unwrap();
    assert_eq!((none.log().rows()[0].ratio, none.log().rows()[0].cosine), (0.0, 0.0));
}

/// An optimizer whose step is more than its updates: it takes every step twice.
struct Twice(Sgd<f64>);

impl Optimizer<f64> for Twice {
    fn update(&mut self, name: &str, p: ArrayViewMutD<'_, f64>, g: ArrayViewD<'_, f64>) -> gradus_optim::Result<()> {
        self.0.update(name, p, g)
    }
    fn step(&mut self, model: &mut dyn Module<f64>, grads: &Gradients<f64>) -> gradus_optim::Result<()> {
        self.0.step(model, grads)?;
        self.0.step(model, grads)
    }
    fn lr(&self) -> f64 {
        Optimizer::<f64>::lr(&self.0)
    }
    fn set_lr(&mut self, lr: f64) {
        self.0.set_lr(lr);
    }
}

#[test]
fn a_step_of_its_own_is_watched_as_a_whole() {
    let mut w: Parameter<f64> = array![1.0].into();
    let mut twice = Explained::new(Twice(Sgd::new(0.25))).element("", &[0]);
    for _ in 0..2 {
        let gradients = quadratic(&w, &[1.0]).unwrap().backward().unwrap();
        twice.step(&mut w, &gradients).unwrap();
    }
    assert_eq!(w.value(), &array![0.25]);
    assert_eq!(twice.explanations()[1].lines, ["g = 0.5, lr = 0.25", "θ: 0.5 → 0.25, by -0.25 = -2 · lr · g"]);
    assert_eq!(twice.explanations()[1].change.steps, 2);
    assert_eq!(twice.log().rows()[1].effective_lr, 0.5);
}
