//! Checks that any optimizer must pass, for those who write their own.
//!
//! What makes a rule a rule is its formula, and a test of that is yours to write. What is checked here holds for every formula, and training
//! relies on it: runs that repeat and resume to the bit, parameters that are left alone, hyper-parameters that are refused.

use crate::{Error, Optimizer, OptimizerState, Result, SavedSlot};
use gradus_autograd::{Gradients, Tape, Var};
use gradus_linalg::Real;
use gradus_nn_layers::{Module, Parameter, Walk, WalkMut};
use ndarray::{Array1, ArrayD, Axis, IxDyn, Slice};

/// The steps after which the loss must have fallen a hundredfold.
const STEPS: usize = 1000;

/// Checks the laws that every optimizer obeys, and returns them, each in a line that says what holds.
///
/// `make` gives a fresh optimizer of a learning rate, without weight decay; at `lr` it should be good for a quadratic whose curvatures are 2 and
/// 6, from a few units away.
///
/// | law | why |
/// | --- | --- |
/// | the loss of a convex quadratic falls below a hundredth within 1,000 steps | it is an optimizer |
/// | the same steps give the same bits | runs can be repeated |
/// | a state that is saved and restored goes on in the same bits | runs can be resumed |
/// | a state that another rule saved is refused, and nothing is changed | a file may be the wrong one |
/// | `lr` is what `set_lr` has set, and the state holds it | schedules rely on it |
/// | a learning rate of 0 moves nothing | schedules end there |
/// | parameters without a gradient, and frozen ones, keep their bits | parts of a model are trained alone |
/// | the order of parameters does not matter | the state is kept by name |
/// | arrays of no numbers and of one, without axes, transposed or with gaps, are as good as any | models have them |
/// | a learning rate that is negative, infinite or NaN is an error that names the field `lr`, before anything moves | nothing panics on input |
///
/// # Errors
/// [`Error::Law`] names the first law that does not hold, and what was found; and whatever a step returns.
///
/// # Examples
/// ```
/// use gradus_optim::testing::check_optimizer;
/// use gradus_optim::{Adam, Optimizer, Sgd};
/// let laws = check_optimizer::<f32, _>(Adam::new, 0.05)?;
/// assert_eq!(laws.len(), 10);
///
/// // A rate at which descent flies off:
/// let error = check_optimizer::<f64, _>(Sgd::new, 0.4).unwrap_err();
/// assert!(error.to_string().starts_with("optimizer: the loss of a convex quadratic falls below a hundredth within 1,000 steps"));
/// # Ok::<(), gradus_optim::Error>(())
/// ```
pub fn check_optimizer<F: Real, O: Optimizer<F>>(make: impl Fn(f64) -> O, lr: f64) -> Result<Vec<&'static str>> {
    let kit = Kit { make, lr, scalar: std::marker::PhantomData };
    let laws: [(&str, Law<'_>); 10] = [
        ("the loss of a convex quadratic falls below a hundredth within 1,000 steps", &|| kit.descends()),
        ("the same steps give the same bits", &|| kit.repeats()),
        ("a state that is saved and restored goes on in the same bits", &|| kit.resumes()),
        ("a state that another rule saved is refused, and nothing is changed", &|| kit.refuses_foreign_state()),
        ("`lr` is what `set_lr` has set, and the state holds it", &|| kit.holds_its_rate()),
        ("a learning rate of 0 moves nothing", &|| kit.rests_at_rate_zero()),
        ("parameters without a gradient, and frozen ones, keep their bits", &|| kit.leaves_alone()),
        ("the order of parameters does not matter", &|| kit.knows_parameters_by_name()),
        ("arrays of any size and layout are as good as any", &|| kit.takes_any_array()),
        ("a learning rate out of range is an error that names it, before anything moves", &|| kit.refuses_bad_rates()),
    ];
    for (law, holds) in laws {
        if let Some(found) = holds()? {
            return Err(Error::Law { law, found });
        }
    }
    Ok(laws.map(|(law, _)| law).to_vec())
}

/// What a law finds against the optimizer; nothing if it holds.
type Law<'a> = &'a dyn Fn() -> Result<Option<String>>;

/// An optimizer to be made, with the scalar it is for.
struct Kit<F, M> {
    make: M,
    lr: f64,
    scalar: std::marker::PhantomData<F>,
}

impl<F: Real, O: Optimizer<F>, M: Fn(f64) -> O> Kit<F, M> {
    fn fresh(&self) -> O {
        (self.make)(self.lr)
    }

    fn descends(&self) -> Result<Option<String>> {
        let (mut optimizer, mut model) = (self.fresh(), Model::<F>::new());
        let first = model.loss();
        let mut last = first;
        for step in 1..=STEPS {
            model.walk_down(&mut optimizer, 1)?;
            last = model.loss();
            if last < 0.01 * first {
                return Ok(None);
            }
            if last.is_nan() {
                return Ok(Some(format!("after {step} steps at a rate of {} it is NaN", self.lr)));
            }
        }
        Ok(Some(format!("at a rate of {} it went from {first} to {last}", self.lr)))
    }

    fn repeats(&self) -> Result<Option<String>> {
        let [once, again] = [(); 2].map(|()| -> Result<Vec<u64>> {
            let (mut optimizer, mut model) = (self.fresh(), Model::<F>::new());
            model.walk_down(&mut optimizer, 20)?;
            Ok(model.bits())
        });
        Ok((once? != again?).then(|| "two fresh optimizers came to different places after 20 steps".to_owned()))
    }

    fn resumes(&self) -> Result<Option<String>> {
        for before in [1, 2, 7] {
            let (mut optimizer, mut model) = (self.fresh(), Model::<F>::new());
            model.walk_down(&mut optimizer, before)?;
            let (state, mut copy) = (optimizer.state(), model.copy());
            let mut restored = self.fresh();
            restored.restore(state.clone())?;
            if restored.state() != state {
                return Ok(Some(format!("after {before} steps, the state is another one once it is restored")));
            }
            for after in 1..=12 {
                model.walk_down(&mut optimizer, 1)?;
                copy.walk_down(&mut restored, 1)?;
                if model.bits() != copy.bits() {
                    return Ok(Some(format!("saved after {before} steps, the bits part {after} steps later")));
                }
            }
        }
        Ok(None)
    }

    fn refuses_foreign_state(&self) -> Result<Option<String>> {
        let (mut optimizer, mut model) = (self.fresh(), Model::<F>::new());
        model.walk_down(&mut optimizer, 2)?;
        let before = optimizer.state();
        let slot = SavedSlot {
            parameter: "w".to_owned(),
            rule: "no rule of this name".to_owned(),
            steps: 1,
            arrays: vec![("no array of this name".to_owned(), ArrayD::zeros(IxDyn(&[2, 2])))],
        };
        let outcome = optimizer.restore(OptimizerState { lr: 2.0 * self.lr, slots: vec![slot] });
        Ok(match outcome {
            Ok(()) => Some("it took over a state of no rule that there is".to_owned()),
            Err(_) if optimizer.state() != before => Some("it was refused, and the state has changed".to_owned()),
            Err(_) => None,
        })
    }

    fn holds_its_rate(&self) -> Result<Option<String>> {
        let mut optimizer = self.fresh();
        for lr in [self.lr, 0.5 * self.lr] {
            optimizer.set_lr(lr);
            let (said, saved) = (optimizer.lr(), optimizer.state().lr);
            if said != lr || saved != lr {
                return Ok(Some(format!("set to {lr}, lr() is {said}, that of the state {saved}")));
            }
            let mut restored = self.fresh();
            restored.restore(optimizer.state())?;
            if restored.lr() != lr {
                return Ok(Some(format!("restored from a state of rate {lr}, lr() is {}", restored.lr())));
            }
        }
        Ok(None)
    }

    fn rests_at_rate_zero(&self) -> Result<Option<String>> {
        let (mut optimizer, mut model) = (self.fresh(), Model::<F>::new());
        optimizer.set_lr(0.0);
        let before = model.bits();
        model.walk_down(&mut optimizer, 3)?;
        Ok((model.bits() != before).then(|| "parameters have moved in 3 steps".to_owned()))
    }

    fn leaves_alone(&self) -> Result<Option<String>> {
        let (mut optimizer, mut model) = (self.fresh(), Model::<F>::new());
        model.walk_down(&mut optimizer, 2)?; // there is momentum by now
        let before = model.bits_of("b");
        let of_w = gradients(model.terms(&Tape::recording()).swap_remove(0));
        optimizer.step(&mut model, &of_w)?;
        if model.bits_of("b") != before {
            return Ok(Some("a parameter moved in a step whose gradients were those of another".to_owned()));
        }
        model.parameter_mut("b").set_trainable(false);
        model.walk_down(&mut optimizer, 1)?;
        Ok((model.bits_of("b") != before).then(|| "a frozen parameter moved".to_owned()))
    }

    fn knows_parameters_by_name(&self) -> Result<Option<String>> {
        let ((mut one, mut model), (mut other, mut turned)) =
            ((self.fresh(), Model::<F>::new()), (self.fresh(), Model::<F>::new()));
        turned.parameters.reverse();
        for step in 0..8 {
            model.walk_down(&mut one, 1)?;
            turned.walk_down(&mut other, 1)?;
            turned.parameters.reverse(); // also from one step to the next
            for name in ["w", "b"] {
                if model.bits_of(name) != turned.bits_of(name) {
                    return Ok(Some(format!(
                        "in step {step}, {name} went elsewhere in a model that lists it elsewhere"
                    )));
                }
            }
        }
        Ok(None)
    }

    fn takes_any_array(&self) -> Result<Option<String>> {
        for shape in [&[0][..], &[3, 0], &[], &[1], &[1, 1, 1]] {
            let [mut param, grad] = [(); 2].map(|()| ArrayD::from_elem(IxDyn(shape), F::one()));
            let mut optimizer = self.fresh();
            for _ in 0..3 {
                optimizer.update("array", param.view_mut(), grad.view())?;
            }
            if param.iter().any(|&x| x.is_nan() || x >= F::one()) {
                return Ok(Some(format!("of shape {shape:?}, a parameter did not go down a slope of 1")));
            }
        }
        let numbers = |n: usize, of: fn(f64) -> f64| Array1::from_shape_fn(n, |i| F::from_f64(of(i as f64)));
        let (start, slope) = (numbers(12, |i| 1.0 + 0.3 * i), numbers(12, |i| (1.7 * i).sin() + 0.1));
        let shaped = |x: &Array1<F>| x.clone().into_shape_with_order(IxDyn(&[3, 4])).expect("12 numbers are 3 · 4");
        let mut plain = shaped(&start);
        let gradient = shaped(&slope);
        // The same in columns, and every second of twice as many, backwards.
        let mut columns = ArrayD::zeros(IxDyn(&[4, 3])).reversed_axes();
        columns.assign(&plain);
        let mut whole = ArrayD::from_elem(IxDyn(&[3, 8]), F::zero());
        let mut gaps = whole.view_mut();
        gaps.slice_axis_inplace(Axis(1), Slice::new(0, None, -2));
        gaps.assign(&plain);
        let mut optimizers = [(); 3].map(|()| self.fresh());
        for _ in 0..3 {
            let [a, b, c] = &mut optimizers;
            a.update("array", plain.view_mut(), gradient.view())?;
            b.update("array", columns.view_mut(), gradient.view())?;
            c.update("array", gaps.view_mut(), gradient.view())?;
        }
        let far = |x: F, y: F| (x - y).abs().to_f64() > 100.0 * F::EPSILON.to_f64() * (1.0 + y.abs().to_f64());
        for (name, other) in [("in columns", columns.view()), ("with gaps, backwards", gaps.view())] {
            if other.iter().zip(&plain).any(|(&x, &y)| far(x, y)) {
                return Ok(Some(format!("a parameter that lies {name} came out otherwise than one that lies in rows")));
            }
        }
        Ok(None)
    }

    fn refuses_bad_rates(&self) -> Result<Option<String>> {
        for lr in [-1.0, f64::NAN, f64::INFINITY] {
            let mut optimizer = self.fresh();
            optimizer.set_lr(lr);
            let mut model = Model::<F>::new();
            let (before, gradients) = (model.bits(), model.gradients());
            let outcomes = [optimizer.validate(), optimizer.step(&mut model, &gradients)];
            if model.bits() != before {
                return Ok(Some(format!("at a rate of {lr}, parameters have moved")));
            }
            for (method, outcome) in ["validate", "step"].into_iter().zip(outcomes) {
                match outcome {
                    Err(Error::HyperParameter { field: "lr", .. }) => {}
                    Err(error) => return Ok(Some(format!("at a rate of {lr}, {method} returns: {error}"))),
                    Ok(()) => return Ok(Some(format!("at a rate of {lr}, {method} returns no error"))),
                }
            }
        }
        Ok(None)
    }
}

/// A matrix and a vector, listed in an order that can be changed.
struct Model<F: Real> {
    parameters: Vec<(&'static str, Parameter<F>)>,
}

impl<F: Real> Model<F> {
    fn new() -> Self {
        let of = |shape: &[usize], numbers: &[f64]| {
            let numbers = numbers.iter().map(|&x| F::from_f64(x)).collect();
            ArrayD::from_shape_vec(IxDyn(shape), numbers).expect("as many numbers as the shape says").into()
        };
        Self { parameters: vec![("w", of(&[2, 2], &[3.0, -2.0, 1.5, 0.5])), ("b", of(&[2], &[-4.0, 4.5]))] }
    }

    fn copy(&self) -> Self {
        Self { parameters: self.parameters.clone() }
    }

    fn parameter(&self, name: &str) -> &Parameter<F> {
        let found = self.parameters.iter().find(|(own, _)| *own == name);
        &found.expect("the model has the parameters that it was made with").1
    }

    fn parameter_mut(&mut self, name: &str) -> &mut Parameter<F> {
        let found = self.parameters.iter_mut().find(|(own, _)| *own == name);
        &mut found.expect("the model has the parameters that it was made with").1
    }

    /// `Σ (w − 1)²` and `3 Σ (b − 2)²`.
    fn terms(&self, tape: &Tape<F>) -> Vec<Var<F>> {
        let of = |name, to: f64| tape.parameter(self.parameter(name)).add_scalar(F::from_f64(-to)).square().sum();
        vec![of("w", 1.0), of("b", 2.0).mul_scalar(F::from_f64(3.0))]
    }

    /// The sum of both.
    fn sum(&self, tape: &Tape<F>) -> Var<F> {
        let mut terms = self.terms(tape);
        let last = terms.swap_remove(1);
        terms.swap_remove(0) + &last
    }

    fn loss(&self) -> f64 {
        self.sum(&Tape::inference()).value().iter().map(|x| x.to_f64()).sum()
    }

    fn gradients(&self) -> Gradients<F> {
        gradients(self.sum(&Tape::recording()))
    }

    fn walk_down(&mut self, optimizer: &mut impl Optimizer<F>, steps: usize) -> Result<()> {
        (0..steps).try_for_each(|_| {
            let gradients = self.gradients();
            optimizer.step(self, &gradients)
        })
    }

    fn bits(&self) -> Vec<u64> {
        self.parameters.iter().flat_map(|(name, _)| self.bits_of(name)).collect()
    }

    fn bits_of(&self, name: &str) -> Vec<u64> {
        self.parameter(name).value().iter().map(|x| x.to_f64().to_bits()).collect()
    }
}

fn gradients<F: Real>(loss: Var<F>) -> Gradients<F> {
    loss.backward().expect("a number that was recorded on a fresh tape")
}

impl<F: Real> Module<F> for Model<F> {
    fn walk<'module>(&'module self, walk: &mut Walk<'module, '_, F>) {
        self.parameters.iter().for_each(|(name, parameter)| walk.child(name, parameter));
    }
    fn walk_mut<'module>(&'module mut self, walk: &mut WalkMut<'module, '_, F>) {
        self.parameters.iter_mut().for_each(|(name, parameter)| walk.child(name, parameter));
    }
}
