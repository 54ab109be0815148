//! Laws of single optimizers.

#![allow(clippy::unwrap_used)] // also in the helpers of the tests

use gradus_linalg::matmul;
use gradus_nn_layers::{Module, Parameter, Tape};
use gradus_optim::{
    Adadelta, Adagrad, Adam, AdamW, Adamax, Error, Lamb, Lion, Lookahead, Muon, NAdam, Optimizer, RAdam, RmsProp,
    Rprop, Sgd, orthogonalize,
};
use gradus_testing::Tolerance;
use ndarray::{Array2, arr1, array};
use proptest::prelude::*;

/// The walk of one parameter, with gradients computed at the points that it reaches.
fn walk(mut rule: impl Optimizer<f64>, start: &[f64], gradient: impl Fn(&[f64]) -> Vec<f64>) -> Vec<f64> {
    let mut p = arr1(start).into_dyn();
    for _ in 0..8 {
        let g = arr1(&gradient(p.as_slice().unwrap())).into_dyn();
        rule.update("p", p.view_mut(), g.view()).unwrap();
    }
    p.into_iter().collect()
}

/// The gradient of `Σ aᵢ xᵢ²/2 + cos xᵢ`.
fn gradient(a: &[f64], x: &[f64]) -> Vec<f64> {
    x.iter().zip(a).map(|(x, a)| a * x - x.sin()).collect()
}

fn close(a: &[f64], b: &[f64]) -> Result<(), TestCaseError> {
    gradus_testing::close(&arr1(a), &arr1(b), Tolerance::F64, "x").map_err(TestCaseError::fail)
}

prop_compose! {
    fn problem()(n in 1_usize..6)(
        x in prop::collection::vec(-3.0..3.0, n),
        a in prop::collection::vec(0.1..2.0, n),
        lr in 0.001..0.3,
        decay in 0.01..0.5,
    ) -> (Vec<f64>, Vec<f64>, f64, f64) {
        (x, a, lr, decay)
    }
}

proptest! {
    #![proptest_config(gradus_testing::proptest_cases(50))]

    /// Under plain descent a penalty, its gradient and shrinking parameters are the same.
    #[test]
    fn a_penalty_is_weight_decay_and_shrinks((x, a, lr, decay) in problem()) {
        let ours = walk(Sgd::new(lr).weight_decay(decay), &x, |x| gradient(&a, x));
        let mut theta = x;
        for _ in 0..8 {
            let g = gradient(&a, &theta);
            theta.iter_mut().zip(g).for_each(|(theta, g)| *theta = (1.0 - lr * decay) * *theta - lr * g);
        }
        close(&ours, &theta)?;
    }

    /// Wherever weight decay is a penalty, its gradient can come from the loss as well.
    #[test]
    fn weight_decay_is_the_gradient_of_a_penalty((x, a, lr, decay) in problem()) {
        let with_penalty = |x: &[f64]| -> Vec<f64> {
            gradient(&a, x).iter().zip(x).map(|(g, x)| g + decay * x).collect()
        };
        let plain = |x: &[f64]| gradient(&a, x);
        macro_rules! agree {
            ($($rule:expr),+) => {
                $(close(&walk($rule, &x, with_penalty), &walk($rule.weight_decay(decay), &x, plain))?;)+
            };
        }
        agree!(
            Adagrad::new(lr),
            Adadelta::new(lr),
            RmsProp::new(lr),
            RmsProp::new(lr).momentum(0.9),
            RmsProp::new(lr).centered().eps(1e-3),
            Adamax::new(lr),
            NAdam::new(lr),
            RAdam::new(lr)
        );
    }

    /// Decoupled, decay does not go through the gradient: of a loss that is flat, only it is left.
    #[test]
    fn decoupled_decay_shrinks_by_the_rate((x, _, lr, decay) in problem()) {
        let flat = |x: &[f64]| vec![0.0; x.len()];
        let expected: Vec<f64> = x.iter().map(|x| x * (1.0 - lr * decay).powi(8)).collect();
        close(&walk(NAdam::new(lr).weight_decay(decay).decoupled_weight_decay(), &x, flat), &expected)?;
        close(&walk(RAdam::new(lr).weight_decay(decay).decoupled_weight_decay(), &x, flat), &expected)?;
        close(&walk(Lion::new(lr).weight_decay(decay), &x, flat), &expected)?;
    }

    #[test]
    fn rmsprop_without_momentum_is_rmsprop((x, a, lr, _) in problem()) {
        let plain = walk(RmsProp::new(lr), &x, |x| gradient(&a, x));
        prop_assert_eq!(&plain, &walk(RmsProp::new(lr).momentum(0.0), &x, |x| gradient(&a, x)));
        close(&plain, &walk(RmsProp::new(lr).momentum(1e-300), &x, |x| gradient(&a, x)))?;
    }

    /// One that divides by the size of its gradients does not see how large they are; without ε, not at all.
    #[test]
    fn adaptive_rules_are_blind_to_the_scale_of_the_loss((x, a, lr, _) in problem()) {
        let larger = |x: &[f64]| -> Vec<f64> { gradient(&a, x).iter().map(|g| g * 1024.0).collect() };
        macro_rules! agree {
            ($($rule:expr),+) => { $(close(&walk($rule, &x, |x| gradient(&a, x)), &walk($rule, &x, larger))?;)+ };
        }
        agree!(
            Adagrad::new(lr).eps(0.0),
            RmsProp::new(lr).eps(0.0),
            Adamax::new(lr).eps(0.0),
            NAdam::new(lr).eps(0.0),
            Lamb::new(lr).eps(0.0),
            Lion::new(lr)
        );
    }

    /// Rprop sees signs alone, even where a product of two gradients would vanish or overflow.
    #[test]
    fn rprop_does_not_see_the_scale((x, a, lr, _) in problem(), scale in prop::sample::select(vec![1e-200, 0.3, 1e200])) {
        let plain = walk(Rprop::new(lr), &x, |x| gradient(&a, x));
        let scaled = walk(Rprop::new(lr), &x, |x| gradient(&a, x).iter().map(|g| g * scale).collect());
        prop_assert_eq!(plain, scaled);
    }

    #[test]
    fn each_step_of_lion_is_as_long_as_the_rate((x, a, lr, _) in problem()) {
        let (mut lion, mut p) = (Lion::new(lr), arr1(&x).into_dyn());
        for _ in 0..8 {
            let before = p.clone();
            let g = arr1(&gradient(&a, p.as_slice().unwrap())).into_dyn();
            lion.update("p", p.view_mut(), g.view()).unwrap();
            for (before, after) in before.iter().zip(&p) {
                prop_assert!(((before - after).abs() - lr).abs() < 1e-14);
            }
        }
    }

    #[test]
    fn a_step_of_lamb_is_a_share_of_the_parameters((x, a, lr, decay) in problem()) {
        let (mut lamb, mut p) = (Lamb::new(lr).weight_decay(decay), arr1(&x).into_dyn());
        for _ in 0..8 {
            let before = p.clone();
            let g = arr1(&gradient(&a, p.as_slice().unwrap())).into_dyn();
            lamb.update("p", p.view_mut(), g.view()).unwrap();
            let norm = |x: &ndarray::ArrayD<f64>| x.iter().map(|x| x * x).sum::<f64>().sqrt();
            let (step, expected) = (norm(&(&before - &p)), lr * norm(&before));
            prop_assert!((step - expected).abs() < 1e-10 * (1.0 + norm(&before)), "{step} {expected}");
        }
    }

    /// The singular values of what Muon walks along are about 1, whatever those of the gradient are.
    #[test]
    fn the_step_of_muon_is_nearly_orthogonal(
        (rows, columns) in (1_usize..7, 1_usize..7),
        scale in prop::sample::select(vec![1e-6, 1.0, 1e6]),
        seed in prop::collection::vec(-1.0..1.0_f64, 36),
    ) {
        // Diagonally dominant: no singular value is less than a hundredth of the norm.
        let g = Array2::from_shape_fn((rows, columns), |(i, j)| {
            scale * (seed[6 * i + j] / 8.0 + if i == j { 2.0 } else { 0.0 })
        });
        let mut w = Parameter::<f64>::new(Array2::zeros((rows, columns)));
        let gradients = Tape::recording().parameter(&w).backward_with(g.clone()).unwrap();
        Muon::new(1.0, AdamW::new(1.0)).step(&mut w, &gradients).unwrap();
        let long = (rows as f64 / columns as f64).max(1.0).sqrt();
        let step = w.value().mapv(|w| -w / long).into_dimensionality().unwrap();
        near_one(&step)?;
        near_one(&orthogonalize(&g, 5).unwrap())?;
        let single = orthogonalize(&g.mapv(|g| g as f32), 5).unwrap();
        near_one(&single.mapv(f64::from))?;
    }

    /// At α = 1 the slow weights are the fast ones; at 0 every k steps lead back to the start.
    #[test]
    fn lookahead_between_its_ends((x, a, lr, _) in problem()) {
        let inner = || Sgd::new(lr).momentum(0.9).nesterov();
        let plain = walk(inner(), &x, |x| gradient(&a, x));
        prop_assert_eq!(&plain, &walk(Lookahead::new(inner()).k(3).alpha(1.0), &x, |x| gradient(&a, x)));
        prop_assert_eq!(&plain, &walk(Lookahead::new(inner()).k(9), &x, |x| gradient(&a, x)));
        close(&walk(Lookahead::new(inner()).k(4).alpha(0.0), &x, |x| gradient(&a, x)), &x)?;
    }

    /// Steps of the inner rule between two slow ones, by the formula.
    #[test]
    fn lookahead_goes_a_share_of_the_way((x, a, lr, _) in problem(), alpha in 0.0..1.0_f64) {
        let ours = walk(Lookahead::new(Sgd::new(lr)).k(4).alpha(alpha), &x, |x| gradient(&a, x));
        let mut slow = x;
        for _ in 0..2 {
            let mut fast = slow.clone();
            for _ in 0..4 {
                let g = gradient(&a, &fast);
                fast.iter_mut().zip(g).for_each(|(fast, g)| *fast -= lr * g);
            }
            slow.iter_mut().zip(fast).for_each(|(slow, fast)| *slow += alpha * (fast - *slow));
        }
        close(&ours, &slow)?;
    }
}

fn near_one(step: &Array2<f64>) -> Result<(), TestCaseError> {
    let (rows, columns) = step.dim();
    let square = if rows <= columns { matmul(step, &step.t()) } else { matmul(&step.t(), step) }.unwrap();
    let largest = largest_eigenvalue(square.clone()).sqrt();
    // The smallest of S is 2 less the largest of 2 I − S.
    let smallest = (2.0 - largest_eigenvalue(Array2::eye(square.nrows()) * 2.0 - &square)).sqrt();
    prop_assert!(smallest > 0.67 && largest < 1.15, "{smallest} {largest}");
    Ok(())
}

/// Of a symmetric matrix without negative ones, and at most a thousandth too large: `‖S^1024‖^(1/1024)`. Power iteration would
/// be slow, since these are all nearly the same.
fn largest_eigenvalue(mut s: Array2<f64>) -> f64 {
    let mut ln = 0.0; // of what has been taken out, so that nothing overflows or vanishes
    for _ in 0..10 {
        s = matmul(&s, &s).unwrap();
        let norm = s.iter().map(|s| s * s).sum::<f64>().sqrt();
        s /= norm;
        ln = 2.0 * ln + norm.ln();
    }
    (ln / 1024.0).exp()
}

#[test]
fn muon_leaves_everything_but_matrices_to_adamw() {
    #[derive(Module)]
    #[module(float = f64)]
    struct Mixed {
        kernel: Parameter<f64>,
        bias: Parameter<f64>,
        matrix: Parameter<f64>,
    }
    let mut model = Mixed {
        kernel: Parameter::new(ndarray::Array4::from_elem((1, 2, 1, 1), 0.5)),
        bias: array![1.0, -1.0].into(),
        matrix: array![[1.0, 2.0]].into(),
    };
    let mut plain = Mixed { kernel: model.kernel.clone(), bias: model.bias.clone(), matrix: model.matrix.clone() };
    let gradients = |model: &Mixed| {
        let tape = Tape::recording();
        let squares = [&model.kernel, &model.bias, &model.matrix].map(|p| tape.parameter(p).square().sum());
        squares.into_iter().reduce(|a, b| a + &b).unwrap().backward().unwrap()
    };
    let adamw = || AdamW::new(0.1).weight_decay(0.3);
    let (mut muon, mut alone) = (Muon::new(0.02, adamw()), adamw());
    for _ in 0..3 {
        let (ours, theirs) = (gradients(&model), gradients(&plain));
        muon.step(&mut model, &ours).unwrap();
        alone.step(&mut plain, &theirs).unwrap();
    }
    assert_eq!((model.kernel.value(), model.bias.value()), (plain.kernel.value(), plain.bias.value()));
    assert_ne!(model.matrix.value(), plain.matrix.value());
    let rules: Vec<_> = muon.state().slots.into_iter().map(|slot| (slot.parameter, slot.rule)).collect();
    let expected = [("matrix", "muon"), ("kernel", "adamw"), ("bias", "adamw")];
    assert_eq!(rules, expected.map(|(parameter, rule)| (parameter.to_owned(), rule.to_owned())));
}

#[test]
fn a_gradient_of_zeros_moves_no_matrix() {
    assert_eq!(orthogonalize(&Array2::<f32>::zeros((3, 2)), 5).unwrap(), Array2::<f32>::zeros((3, 2)));
    assert_eq!(orthogonalize(&Array2::<f32>::zeros((0, 2)), 5).unwrap().dim(), (0, 2));
    let message = orthogonalize(&Array2::<f32>::zeros((3, 2)), 0).unwrap_err().to_string();
    assert_eq!(message, "orthogonalize: steps 0: must be at least 1");
}

/// Its first steps are those of momentum with the correction, for as long as the second moment cannot be trusted.
#[test]
fn radam_begins_without_the_second_moment() {
    let (mut radam, mut p) = (RAdam::new(0.1), arr1(&[1.0_f64]).into_dyn());
    for step in 1..=6 {
        let before = p[[0]];
        radam.update("p", p.view_mut(), arr1(&[3.0]).into_dyn().view()).unwrap();
        // All gradients are the same, and so is their average.
        let plain = (before - p[[0]] - 0.1 * 3.0).abs() < 1e-12;
        assert_eq!(plain, step <= 5, "step {step}");
    }
}

#[test]
fn a_gradient_that_is_nan_is_not_hidden_by_a_sign() {
    for mut rule in [Box::new(Lion::new(0.1)) as Box<dyn Optimizer<f64>>, Box::new(Rprop::new(0.1))] {
        let mut p = arr1(&[1.0]).into_dyn();
        rule.update("p", p.view_mut(), arr1(&[f64::NAN]).into_dyn().view()).unwrap();
        assert!(p[[0]].is_nan());
    }
}

#[test]
fn hyper_parameters_are_named_with_value_and_range() {
    let adamw = || AdamW::new(0.1);
    let refused: Vec<(Box<dyn Optimizer<f64>>, &str)> = vec![
        (Box::new(Adagrad::new(-1.0)), "adagrad: lr -1: must be finite and not negative"),
        (Box::new(Adagrad::new(0.1).lr_decay(-1.0)), "adagrad: lr_decay -1: must be finite and not negative"),
        (
            Box::new(Adagrad::new(0.1).initial_accumulator_value(f64::NAN)),
            "adagrad: initial_accumulator_value NaN: must be finite and not negative",
        ),
        (Box::new(Adagrad::new(0.1).eps(-1.0)), "adagrad: eps -1: must be finite and not negative"),
        (Box::new(Adadelta::new(1.0).rho(1.0)), "adadelta: rho 1: must be at least 0 and less than 1"),
        (Box::new(Adadelta::new(1.0).weight_decay(-1.0)), "adadelta: weight_decay -1: must be finite and not negative"),
        (Box::new(RmsProp::new(0.1).alpha(1.5)), "rmsprop: alpha 1.5: must be at least 0 and less than 1"),
        (Box::new(RmsProp::new(0.1).momentum(-0.5)), "rmsprop: momentum -0.5: must be at least 0 and less than 1"),
        (Box::new(Adamax::new(0.1).betas(0.9, 1.0)), "adamax: beta2 1: must be at least 0 and less than 1"),
        (Box::new(NAdam::new(0.1).momentum_decay(-1.0)), "nadam: momentum_decay -1: must be finite and not negative"),
        (Box::new(NAdam::new(0.1).betas(-1.0, 0.9)), "nadam: beta1 -1: must be at least 0 and less than 1"),
        (Box::new(RAdam::new(0.1).eps(f64::INFINITY)), "radam: eps inf: must be finite and not negative"),
        (Box::new(Rprop::new(0.1).etas(0.0, 1.2)), "rprop: eta_minus 0: must be above 0 and less than 1"),
        (Box::new(Rprop::new(0.1).etas(0.5, 1.0)), "rprop: eta_plus 1: must be finite and above 1"),
        (Box::new(Rprop::new(0.1).step_sizes(2.0, 1.0)), "rprop: step_min 2: must be at least 0 and at most step_max"),
        (Box::new(Rprop::new(0.1).step_sizes(0.0, f64::NAN)), "rprop: step_max NaN: must be finite and not negative"),
        (Box::new(Lion::new(0.1).betas(0.9, 1.0)), "lion: beta2 1: must be at least 0 and less than 1"),
        (Box::new(Lamb::new(0.1).weight_decay(-0.1)), "lamb: weight_decay -0.1: must be finite and not negative"),
        (Box::new(Muon::new(0.1, adamw()).momentum(1.0)), "muon: momentum 1: must be at least 0 and less than 1"),
        (Box::new(Muon::new(0.1, adamw()).ns_steps(0)), "muon: ns_steps 0: must be at least 1"),
        (Box::new(Muon::new(0.1, adamw().eps(-1.0))), "adamw: eps -1: must be finite and not negative"),
        (Box::new(Lookahead::new(Adam::new(0.1)).k(0)), "lookahead: k 0: must be at least 1"),
        (Box::new(Lookahead::new(Adam::new(0.1)).alpha(1.5)), "lookahead: alpha 1.5: must be between 0 and 1"),
        (Box::new(Lookahead::new(Adam::new(-0.1))), "adam: lr -0.1: must be finite and not negative"),
    ];
    for (mut rule, expected) in refused {
        let mut w: Parameter<f64> = array![1.0].into();
        let gradients = Tape::recording().parameter(&w).sum().backward().unwrap();
        assert_eq!(rule.step(&mut w, &gradients).unwrap_err().to_string(), expected);
        assert_eq!(w.value(), &array![1.0]);
    }
}

/// A schedule may move β₁ of what is like Adam, and the velocity of what has one.
#[test]
fn a_momentum_can_be_set_where_there_is_one() {
    let slope = |x: &[f64]| gradient(&[1.0, 0.3], x);
    macro_rules! agree {
        ($(($made:expr, $set:expr)),+ $(,)?) => {
            $({
                let mut set = $set;
                Optimizer::<f64>::set_momentum(&mut set, 0.7).unwrap();
                assert_eq!(walk(set, &[2.0, -1.0], slope), walk($made, &[2.0, -1.0], slope));
            })+
        };
    }
    agree!(
        (Adamax::new(0.1).betas(0.7, 0.999), Adamax::new(0.1)),
        (NAdam::new(0.1).betas(0.7, 0.999), NAdam::new(0.1)),
        (RAdam::new(0.1).betas(0.7, 0.999), RAdam::new(0.1)),
        (Lamb::new(0.1).betas(0.7, 0.999), Lamb::new(0.1)),
        (Lion::new(0.1).betas(0.7, 0.99), Lion::new(0.1)),
        (RmsProp::new(0.1).momentum(0.7), RmsProp::new(0.1).momentum(0.2)),
        (RmsProp::new(0.1).centered().momentum(0.7), RmsProp::new(0.1).momentum(0.2).centered()),
        (Lookahead::new(Sgd::new(0.1).momentum(0.7)), Lookahead::new(Sgd::new(0.1).momentum(0.2))),
        (Muon::new(0.1, AdamW::new(0.1).betas(0.7, 0.999)), Muon::new(0.1, AdamW::new(0.1))),
    );
    // Down to 0 and back, the velocity stays.
    let mut rmsprop = RmsProp::<f64>::new(0.1).momentum(0.5);
    let names =
        |rule: &RmsProp<f64>| rule.state().slots[0].arrays.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    for momentum in [0.0, 0.5] {
        rmsprop.set_momentum(momentum).unwrap();
        rmsprop.update("w", arr1(&[1.0]).into_dyn().view_mut(), arr1(&[1.0]).into_dyn().view()).unwrap();
        assert_eq!(names(&rmsprop), ["square_avg", "momentum_buffer"]);
    }
    for mut rule in [Box::new(RmsProp::new(0.1)) as Box<dyn Optimizer<f64>>, Box::new(Rprop::new(0.1))] {
        assert_eq!(rule.set_momentum(0.5), Err(Error::NoMomentum { momentum: 0.5 }));
    }
}

#[test]
fn a_saved_number_must_be_one() {
    let mut nadam = NAdam::<f64>::new(0.1);
    nadam.update("w", arr1(&[1.0, 2.0]).into_dyn().view_mut(), arr1(&[1.0, 1.0]).into_dyn().view()).unwrap();
    let mut state = nadam.state();
    assert_eq!(state.slots[0].arrays[2].0, "mu_product");
    state.slots[0].arrays[2].1 = arr1(&[1.0, 2.0]).into_dyn();
    let error = nadam.restore(state).unwrap_err();
    assert!(matches!(error, Error::StateArrays { .. }));
    assert_eq!(
        error.to_string(),
        "nadam: restore: w: needs nadam with [\"exp_avg\", \"exp_avg_sq\", \"mu_product\"], found nadam with \
         [\"exp_avg of shape [2]\", \"exp_avg_sq of shape [2]\", \"mu_product of shape [2]\"]"
    );
}
