//! What one step is: how much of the data it sees, and how often the optimizer may look.

use gradus_autograd::{Real, Tape, Var};
use gradus_data::Labelled;
use gradus_nn_layers::{Error as LayerError, Layer, Linear, Losses, Module, Relu, Result as LayerResult, Sequential};
use gradus_optim::schedule::{CosineAnnealing, OneCycle};
use gradus_optim::{
    Adam, ClosureOptimizer, Error as OptimError, Lbfgs, Objective, OneEvaluation, Optimizer, OptimizerState, Sam, Sgd,
};
use gradus_regularize::Dropout;
use gradus_train::{Callback, Error, History, StepRecord, Trainer};
use ndarray::{Array1, Array2, ArrayRef1, ArrayViewD, ArrayViewMutD, Axis, concatenate};
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Samples of three numbers in two classes that no line separates.
fn samples<F: Real>(n: usize) -> Labelled<F> {
    let mut rng = StdRng::seed_from_u64(11);
    let labels: Vec<usize> = (0..n).map(|i| i % 2).collect();
    let number = |(i, _)| F::from_f64(rng.random_range(-1.0..1.0) + 0.5 * (i % 2) as f64);
    Labelled::new(Array2::from_shape_fn((n, 3), number), labels, 2).unwrap()
}

fn network<F: Real>(rng: &mut StdRng) -> Sequential<F> {
    Sequential::new().push(Linear::new(3, 8, rng)).push(Relu).push(Dropout::new(0.4)).push(Linear::new(8, 2, rng))
}

/// The numbers of a model, one after the other.
fn numbers<F: Real>(model: &dyn Module<F>) -> Vec<f64> {
    model.parameters().iter().flat_map(|(_, p)| p.value().iter().map(|x| x.to_f64()).collect::<Vec<_>>()).collect()
}

/// What was told of the steps.
#[derive(Default)]
struct Steps(Vec<StepRecord>);

impl Callback for Steps {
    fn step(&mut self, step: &StepRecord) {
        self.0.push(*step);
    }
}

/// Three epochs with all that a trainer can be asked for: dropout, a schedule that moves the momentum, clipping.
macro_rules! trained {
    ($optimizer:expr) => {{
        let (mut rng, mut steps) = (StdRng::seed_from_u64(5), Steps::default());
        let (mut model, data) = (network(&mut rng), samples(50));
        let mut history = Trainer::new(3)
            .batch_size(16)
            .schedule(OneCycle::new(0.05, 12))
            .clip_norm(0.3)
            .callback(&mut steps)
            .run(&mut model, &mut $optimizer, &data, &data, &mut rng)
            .unwrap();
        history.epochs.iter_mut().for_each(|epoch| epoch.seconds = 0.0);
        (numbers(&model), steps.0, history)
    }};
}

#[test]
fn sam_of_radius_zero_trains_in_the_bits_of_its_base() {
    fn same(sam: (Vec<f64>, Vec<StepRecord>, History), base: (Vec<f64>, Vec<StepRecord>, History)) {
        assert_eq!(sam, base);
        assert_eq!(sam.1.len(), 12);
    }
    same(trained!(Sam::new(Adam::<f64>::new(0.05), 0.0)), trained!(Adam::<f64>::new(0.05)));
    same(trained!(Sam::new(Adam::<f32>::new(0.05), 0.0)), trained!(Adam::<f32>::new(0.05)));
    let sgd = || Sgd::<f64>::new(0.05).momentum(0.9);
    same(trained!(Sam::new(sgd(), 0.0).adaptive()), trained!(sgd()));
    assert_ne!(trained!(Sam::new(sgd(), 0.05)).0, trained!(sgd()).0);
}

#[test]
fn an_optimizer_trains_in_the_same_bits_behind_every_pointer() {
    let plain = trained!(Adam::<f64>::new(0.05));
    let mut boxed: Box<dyn Optimizer<f64>> = Box::new(Adam::new(0.05));
    assert_eq!(trained!(boxed), plain);
    boxed = Box::new(Adam::new(0.05));
    assert_eq!(trained!(*boxed), plain);
    let mut closure: Box<dyn ClosureOptimizer<f64>> = Box::new(OneEvaluation(Adam::new(0.05)));
    assert_eq!(trained!(closure), plain);
}

/// Looks at every batch three times before its step, and once from elsewhere.
struct Suspicious {
    base: Sgd<f64>,
    seen: Vec<f64>,
}

impl ClosureOptimizer<f64> for Suspicious {
    fn step_on(&mut self, objective: &mut dyn Objective<f64>) -> LayerResult<f64> {
        let first = objective.evaluate()?;
        let move_by = |objective: &mut dyn Objective<f64>, by: f64| {
            objective.model().visit_mut(&mut |_, item| {
                if let gradus_nn_layers::ItemMut::Parameter(p) = item {
                    p.value_mut().mapv_inplace(|x| x + by);
                }
            });
        };
        let again = objective.evaluate()?;
        move_by(objective, 0.5);
        assert_ne!(objective.evaluate()?.loss, first.loss);
        move_by(objective, -0.5);
        for (id, gradient) in first.gradients.iter() {
            assert_eq!(again.gradients.get_id(id), Some(gradient));
        }
        assert_eq!(again.loss, first.loss);
        self.seen.push(first.loss);
        self.base.step(objective.model(), &first.gradients)?;
        Ok(first.loss)
    }
    fn lr(&self) -> f64 {
        Optimizer::<f64>::lr(&self.base)
    }
    fn set_lr(&mut self, lr: f64) {
        Optimizer::<f64>::set_lr(&mut self.base, lr);
    }
    fn validate(&self) -> gradus_optim::Result<()> {
        Optimizer::<f64>::validate(&self.base)
    }
    fn state(&self) -> OptimizerState<f64> {
        self.base.state()
    }
    fn restore(&mut self, state: OptimizerState<f64>) -> gradus_optim::Result<()> {
        self.base.restore(state)
    }
}

#[test]
fn every_evaluation_of_a_step_sees_the_same_batch_and_masks_and_the_next_step_others() {
    let mut rng = StdRng::seed_from_u64(5);
    let (mut model, data, mut steps) = (network(&mut rng), samples(20), Steps::default());
    // At rate 0 nothing but the masks differs from step to step, each of the whole set.
    let mut optimizer = Suspicious { base: Sgd::new(0.0), seen: Vec::new() };
    let mut trainer = Trainer::new(6).full_batch().callback(&mut steps);
    trainer.run(&mut model, &mut optimizer, &data, &data, &mut rng).unwrap();
    drop(trainer);
    let told: Vec<f64> = steps.0.iter().map(|step| step.loss).collect();
    assert_eq!(told, optimizer.seen);
    let different: std::collections::BTreeSet<u64> = told.iter().map(|loss| loss.to_bits()).collect();
    assert_eq!(different.len(), 6, "{told:?}");
}

/// Mean squared distance of the outputs from one-hot labels.
fn squares<F: Real>(y: &Var<F>, labels: &ArrayRef1<usize>) -> LayerResult<Var<F>> {
    let classes = y.shape()[1];
    let target =
        Array2::from_shape_fn((labels.len(), classes), |(i, k)| if labels[i] == k { F::one() } else { F::zero() });
    y.mse(&y.tape().input(target))
}

/// `A⁻¹ B` of a positive definite `A`, by Gauss and Jordan.
fn solve(mut a: Array2<f64>, mut b: Array2<f64>) -> Array2<f64> {
    for i in 0..a.nrows() {
        let pivot = a[[i, i]];
        for k in (0..a.nrows()).filter(|&k| k != i) {
            let factor = a[[k, i]] / pivot;
            for m in [&mut a, &mut b] {
                let row = m.row(i).to_owned();
                m.row_mut(k).scaled_add(-factor, &row);
            }
        }
        for m in [&mut a, &mut b] {
            m.row_mut(i).mapv_inplace(|x| x / pivot);
        }
    }
    b
}

#[test]
fn lbfgs_finds_the_least_squares_of_the_closed_form() {
    let data = samples::<f64>(30);
    let inputs = data.inputs().to_owned().into_dimensionality::<ndarray::Ix2>().unwrap();
    let design = concatenate![Axis(1), inputs, Array2::ones((30, 1))];
    let target = Array2::from_shape_fn((30, 2), |(i, k)| f64::from(u8::from(i % 2 == k)));
    let solution = solve(design.t().dot(&design), design.t().dot(&target)); // three weights and the bias of each output

    for lbfgs in [Lbfgs::new(1.0).strong_wolfe(), Lbfgs::new(1.0).max_iter(100)] {
        let mut rng = StdRng::seed_from_u64(3);
        let (mut model, mut lbfgs) = (Linear::new(3, 2, &mut rng), lbfgs.tolerance_grad(1e-12).tolerance_change(0.0));
        let history =
            Trainer::new(3).full_batch().loss(squares).run(&mut model, &mut lbfgs, &data, &data, &mut rng).unwrap();
        assert_eq!(history.epochs.len(), 3);
        let weight = model.weight.value().view().reversed_axes();
        for ((i, k), expected) in solution.indexed_iter() {
            let found = if i < 3 { weight[[i, k]] } else { model.bias.as_ref().unwrap().value()[[k]] };
            assert!((found - expected).abs() < 1e-8, "[{i}, {k}]: {found} instead of {expected}");
        }
    }
}

#[test]
fn a_schedule_that_an_optimizer_cannot_follow_is_refused() {
    let mut rng = StdRng::seed_from_u64(5);
    let (mut model, data) = (network::<f64>(&mut rng), samples(20));
    let mut trainer = Trainer::new(1).schedule(OneCycle::new(1.0, 10));
    let error = trainer.run(&mut model, &mut Lbfgs::new(1.0), &data, &data, &mut rng).unwrap_err();
    assert!(matches!(error, Error::Optim(OptimError::NoMomentum { .. })), "{error}");
    // One that moves the rate alone is followed.
    let (mut lbfgs, schedule) = (Lbfgs::new(1.0), CosineAnnealing::new(0.5, 10));
    Trainer::new(2).full_batch().schedule(schedule).run(&mut model, &mut lbfgs, &data, &data, &mut rng).unwrap();
    assert_eq!(lbfgs.lr(), gradus_optim::Schedule::lr(&schedule, 1));
    // Settings are looked at before the first batch.
    let error = Trainer::new(1).run(&mut model, &mut Sam::new(Sgd::new(0.1), -1.0), &data, &data, &mut rng);
    let error = error.unwrap_err();
    assert!(matches!(error, Error::Optim(OptimError::HyperParameter { field: "rho", .. })), "{error}");
}

/// `ln` of what falls below 0 at the worst point nearby, and only there.
#[derive(Module)]
#[module(float = f64)]
struct Edge(Linear<f64>);

impl Layer<f64> for Edge {
    fn forward(&self, x: &Var<f64>) -> LayerResult<Var<f64>> {
        let y = self.0.forward(x)?;
        if !y.tape().is_training() {
            return Ok(y);
        }
        Ok(y.add_scalar(0.01).ln().mul_scalar(-1.0))
    }
}

fn edge() -> Edge {
    let mut linear = Linear::new(3, 2, &mut StdRng::seed_from_u64(1));
    linear.weight.value_mut().fill(0.0);
    linear.bias.as_mut().unwrap().value_mut().fill(0.0);
    Edge(linear)
}

#[test]
fn a_loss_that_is_not_finite_where_sam_looks_is_named_there_and_spoils_nothing() {
    let (mut model, data) = (edge(), samples(20));
    let mut sam = Sam::new(Sgd::new(0.1), 1.0);
    let mut rng = StdRng::seed_from_u64(2);
    let error = Trainer::new(1).run(&mut model, &mut sam, &data, &data, &mut rng).unwrap_err();
    let message = error.to_string();
    let Error::NonFiniteLoss { epoch: 1, step: 1, cause: Some(cause), .. } = error else { panic!("{message}") };
    assert_eq!(cause.operation, "ln");
    assert!(message.contains("the start"), "{message}");
    assert_eq!(numbers(&model), [0.0; 8]);
}

#[test]
fn a_line_search_turns_back_from_there_and_training_goes_on() {
    let (mut model, data) = (edge(), samples(20));
    let mut lbfgs = Lbfgs::new(1.0).strong_wolfe().max_iter(2);
    let mut steps = Steps::default();
    let mut trainer = Trainer::new(4).full_batch().callback(&mut steps);
    trainer.run(&mut model, &mut lbfgs, &data, &data, &mut StdRng::seed_from_u64(2)).unwrap();
    drop(trainer);
    assert!(steps.0.windows(2).all(|pair| pair[1].loss <= pair[0].loss), "{:?}", steps.0);
}

#[test]
fn an_error_of_the_model_stays_what_it_is() {
    let mut rng = StdRng::seed_from_u64(2);
    let (mut model, data) = (Linear::<f64>::new(7, 2, &mut rng), samples(20));
    let plain = Trainer::new(1).run(&mut model, &mut Sgd::new(0.1), &data, &data, &mut rng).unwrap_err();
    assert!(matches!(plain, Error::Model(LayerError::Features { .. })), "{plain:?}");
    let sam = Trainer::new(1).run(&mut model, &mut Sam::new(Sgd::new(0.1), 0.1), &data, &data, &mut rng).unwrap_err();
    assert_eq!(sam.to_string(), plain.to_string());
}

/// Plain descent that keeps the gradients it was given, all parameters as one vector.
struct Recording {
    lr: f64,
    steps: Vec<Vec<f64>>,
    first: String,
}

impl<F: Real> Optimizer<F> for Recording {
    fn update(
        &mut self,
        name: &str,
        mut param: ArrayViewMutD<'_, F>,
        grad: ArrayViewD<'_, F>,
    ) -> gradus_optim::Result<()> {
        if self.first.is_empty() || self.first == name {
            name.clone_into(&mut self.first);
            self.steps.push(Vec::new());
        }
        self.steps.last_mut().unwrap().extend(grad.iter().map(|g| g.to_f64()));
        param.scaled_add(F::from_f64(-self.lr), &grad);
        Ok(())
    }
    fn lr(&self) -> f64 {
        self.lr
    }
    fn set_lr(&mut self, lr: f64) {
        self.lr = lr;
    }
}

/// One epoch in batches of this size: the weights before and after, and the gradients of its steps.
fn epoch(n: usize, batch_size: usize, lr: f64) -> (Vec<f64>, Vec<f64>, Vec<Vec<f64>>) {
    let mut rng = StdRng::seed_from_u64(9);
    let (mut model, data) = (Linear::<f64>::new(3, 2, &mut rng), samples(n));
    let (before, mut sgd) = (numbers(&model), Recording { lr, steps: Vec::new(), first: String::new() });
    Trainer::new(1).batch_size(batch_size).run(&mut model, &mut sgd, &data, &data, &mut rng).unwrap();
    (before, numbers(&model), sgd.steps)
}

/// The gradient of the mean loss of all samples.
fn whole_gradient(n: usize) -> Array1<f64> {
    let model = Linear::<f64>::new(3, 2, &mut StdRng::seed_from_u64(9));
    let data = samples::<f64>(n);
    let (inputs, labels) = data.batches(n).next().unwrap();
    let y = model.forward(&Tape::recording().input(inputs)).unwrap();
    let gradients = y.cross_entropy(&labels).unwrap().backward().unwrap();
    let of = |(_, p): &(String, &gradus_nn_layers::Parameter<f64>)| {
        gradients.get(*p).unwrap().iter().copied().collect::<Vec<_>>()
    };
    model.parameters().iter().flat_map(of).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Batch GD is one step with the mean gradient of all samples; stochastic is `n` steps of one sample each, whose mean that
    /// gradient is while the weights stand still; every size between takes `⌈n / size⌉` steps that weigh by their samples.
    #[test]
    fn the_batch_size_alone_turns_batch_into_stochastic_descent(n in 1_usize..14, size in 1_usize..16) {
        let whole = whole_gradient(n);
        for size in [size, 1, n, usize::MAX] {
            let (before, after, steps) = epoch(n, size, 0.0);
            prop_assert_eq!(steps.len(), n.div_ceil(size));
            prop_assert_eq!(&before, &after);
            let mut mean = Array1::<f64>::zeros(whole.len());
            for (i, gradient) in steps.iter().enumerate() {
                let samples = size.min(n - i * size.min(n));
                mean.scaled_add(samples as f64 / n as f64, &Array1::from_vec(gradient.clone()));
            }
            for (mean, whole) in mean.iter().zip(&whole) {
                prop_assert!((mean - whole).abs() < 1e-12, "{} in batches of {}: {} and {}", n, size, mean, whole);
            }
            // With a rate, the epoch ends where the sum of its steps leads.
            let (before, after, steps) = epoch(n, size, 0.3);
            for (i, (before, after)) in before.iter().zip(&after).enumerate() {
                let walked: f64 = steps.iter().map(|gradient| 0.3 * gradient[i]).sum();
                prop_assert!((before - walked - after).abs() < 1e-12);
            }
            if size >= n {
                let one: Vec<f64> = before.iter().zip(&whole).map(|(w, g)| w - 0.3 * g).collect();
                prop_assert!(one.iter().zip(&after).all(|(one, after)| (one - after).abs() < 1e-12));
            }
        }
    }
}
