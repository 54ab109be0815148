//! Optimizers, clipping and schedules against PyTorch, and what PyTorch has not against optax.

use gradus_autograd::{Gradients, Leaf, Tape, Var};
use gradus_nn_layers::{Module, Parameter};
use gradus_optim::schedule::{
    CosineAnnealing, CosineWarmRestarts, Cyclic, Exponential, Linear, MultiStep, OneCycle, Polynomial, ReduceOnPlateau,
    StepDecay,
};
use gradus_optim::{
    Adadelta, Adagrad, Adam, AdamW, Adamax, ClosureOptimizer, Evaluation, Groups, Lamb, Lbfgs, Lion, Lookahead, Muon,
    NAdam, Optimizer, RAdam, Real, RmsProp, Sam, Schedule, Sgd,
};
use gradus_optim::{clip_global_norm, clip_norm, clip_value};
use gradus_testing::golden::{self, Case};
use gradus_testing::{Float, Tolerance, close, close_scalar};
use ndarray::{ArrayD, Axis, arr1};
use std::error::Error;

type Outcome = Result<(), Box<dyn Error>>;

const MISSING: &[&str] = &[];

const MISSING_LR: &[&str] = &[];

#[derive(Module)]
struct Model<F: Real> {
    w: Parameter<F>,
    b: Parameter<F>,
}

/// The optimizer that another one of the case is made of.
fn inner<F: Real>(case: &Case) -> Option<Box<dyn Optimizer<F>>> {
    let lr = case.f64("lr");
    Some(match case.str("inner") {
        "sgd" => Box::new(Sgd::new(lr).momentum(case.f64("momentum"))),
        "adam" => Box::new(Adam::new(lr).betas(case.f64s("betas")[0], case.f64s("betas")[1]).eps(case.f64("eps"))),
        _ => return None,
    })
}

/// Muon, and AdamW for what is no matrix.
fn muon<F: Real>(case: &Case) -> Muon<F> {
    let adamw = case.arg("adamw").expect("Muon's cases have AdamW's settings");
    let of = |name: &str| adamw[name].as_f64().expect("a number");
    let beta = |i: usize| adamw["betas"][i].as_f64().expect("a number");
    let adamw = AdamW::new(of("lr")).betas(beta(0), beta(1)).eps(of("eps")).weight_decay(of("weight_decay"));
    let muon = Muon::new(case.f64("lr"), adamw).momentum(case.f64("momentum"));
    let muon = muon.weight_decay(case.f64("weight_decay")).nesterov(case.bool("nesterov"));
    muon.ns_steps(case.usize("ns_steps") as u64)
}

/// The optimizer that a case describes.
fn optimizer<F: Real>(case: &Case) -> Option<Box<dyn Optimizer<F>>> {
    let lr = case.f64("lr");
    let betas = || (case.f64s("betas")[0], case.f64s("betas")[1]);
    let (eps, decay) = (|| case.f64("eps"), || case.f64("weight_decay"));
    Some(match case.op.as_str() {
        "sgd" => {
            let with_lr = |lr| {
                let sgd = Sgd::new(lr).momentum(case.f64("momentum")).dampening(case.f64("dampening"));
                let sgd = sgd.weight_decay(case.f64("weight_decay"));
                if case.bool("nesterov") { sgd.nesterov() } else { sgd }
            };
            match case.try_f64("lr_b") {
                Some(lr_b) => Box::new(Groups::new(with_lr(lr)).with(|name| name == "b", with_lr(lr_b))),
                None => Box::new(with_lr(lr)),
            }
        }
        "adam" => {
            let adam = Adam::new(lr).betas(betas().0, betas().1).eps(eps()).weight_decay(decay());
            Box::new(if case.bool("amsgrad") { adam.amsgrad() } else { adam })
        }
        "adamw" => {
            let adam = AdamW::new(lr).betas(betas().0, betas().1).eps(eps()).weight_decay(decay());
            Box::new(if case.bool("amsgrad") { adam.amsgrad() } else { adam })
        }
        "adagrad" => {
            let adagrad = Adagrad::new(lr).lr_decay(case.f64("lr_decay")).eps(eps()).weight_decay(decay());
            Box::new(adagrad.initial_accumulator_value(case.f64("initial_accumulator_value")))
        }
        "adadelta" => Box::new(Adadelta::new(lr).rho(case.f64("rho")).eps(eps()).weight_decay(decay())),
        "rmsprop" => {
            let rmsprop = RmsProp::new(lr).alpha(case.f64("alpha")).eps(eps()).weight_decay(decay());
            let rmsprop = rmsprop.momentum(case.f64("momentum"));
            Box::new(if case.bool("centered") { rmsprop.centered() } else { rmsprop })
        }
        "adamax" => Box::new(Adamax::new(lr).betas(betas().0, betas().1).eps(eps()).weight_decay(decay())),
        "nadam" => {
            let nadam = NAdam::new(lr).betas(betas().0, betas().1).eps(eps()).weight_decay(decay());
            Box::new(nadam.momentum_decay(case.f64("momentum_decay")))
        }
        "radam" => Box::new(RAdam::new(lr).betas(betas().0, betas().1).eps(eps()).weight_decay(decay())),
        "lion" => Box::new(Lion::new(lr).betas(betas().0, betas().1).weight_decay(decay())),
        "lamb" => Box::new(Lamb::new(lr).betas(betas().0, betas().1).eps(eps()).weight_decay(decay())),
        "lookahead" => Box::new(Lookahead::new(inner(case)?).k(case.usize("k") as u64).alpha(case.f64("alpha"))),
        "muon" => Box::new(muon(case)),
        _ => return None,
    })
}

/// The optimizer that a case describes, of those that ask for the loss.
fn closure_optimizer<F: Real>(case: &Case) -> Option<Box<dyn ClosureOptimizer<F>>> {
    let count = |name: &str| case.usize(name) as u64;
    Some(match case.op.as_str() {
        "lbfgs" => {
            let lbfgs = Lbfgs::new(case.f64("lr")).max_iter(count("max_iter")).max_eval(count("max_eval"));
            let lbfgs = lbfgs.tolerance_grad(case.f64("tolerance_grad"));
            let lbfgs = lbfgs.tolerance_change(case.f64("tolerance_change")).history_size(count("history_size"));
            Box::new(if case.try_str("line_search_fn").is_some() { lbfgs.strong_wolfe() } else { lbfgs })
        }
        "sam" => Box::new(Sam::new(inner(case)?, case.f64("rho"))),
        _ => return None,
    })
}

/// Gradients that are these arrays: those of Σ parameter · array.
fn gradients<F: Real>(pairs: &[(&Parameter<F>, ArrayD<F>)]) -> gradus_nn_layers::Result<Gradients<F>> {
    let tape = Tape::recording();
    let mut loss = tape.input(ArrayD::zeros(vec![]));
    for (p, g) in pairs {
        loss = loss + &tape.parameter(*p).try_mul(&tape.input(g.clone()))?.sum();
    }
    Ok(loss.backward_with(ArrayD::from_elem(vec![], F::one()))?)
}

/// The walk that the golden gradients lead to.
fn with_golden_gradients<F: Real + Float>(case: &Case, tolerance: Tolerance) -> Outcome {
    let Some(mut optimizer) = optimizer::<F>(case) else { return case.unknown() };
    let mut model = Model { w: case.input_as::<F>("w0").into(), b: case.input_as::<F>("b0").into() };
    let (gw, gb) = (case.output_as::<F>("gw"), case.output_as::<F>("gb"));
    let (w, b) = (case.output("w"), case.output("b"));
    for step in 0..case.usize("steps") {
        let at = |all: &ArrayD<F>| all.index_axis(Axis(0), step).to_owned();
        let grads = gradients(&[(&model.w, at(&gw)), (&model.b, at(&gb))])?;
        optimizer.step(&mut model, &grads)?;
        close(&**model.w.value(), &w.index_axis(Axis(0), step + 1), tolerance, &format!("w after step {step}"))?;
        close(&**model.b.value(), &b.index_axis(Axis(0), step + 1), tolerance, &format!("b after step {step}"))?;
    }
    Ok(())
}

/// The loss that the optimizers of the cases walk down.
fn loss<F: Real + Float>(case: &Case, model: &Model<F>) -> gradus_nn_layers::Result<Var<F>> {
    let tape = Tape::recording();
    let x = tape.input(case.input_as::<F>("x"));
    let y = x.matmul(&tape.parameter(&model.w))?.try_add(&tape.parameter(&model.b))?;
    Ok(y.tanh().try_sub(&tape.input(case.input_as::<F>("target")))?.square().mean())
}

/// The walk with gradients from the tape.
fn with_own_gradients(case: &Case) -> Outcome {
    let Some(mut optimizer) = optimizer::<f64>(case) else { return case.unknown() };
    let mut model = Model { w: case.input("w0").into(), b: case.input("b0").into() };
    let losses = case.output("loss");
    for step in 0..=case.usize("steps") {
        let loss = loss(case, &model)?;
        close_scalar(loss.item().ok_or("no number")?, losses[step], Tolerance::F64, &format!("loss {step}"))?;
        if step < case.usize("steps") {
            optimizer.step(&mut model, &loss.backward()?)?;
        }
    }
    Ok(())
}

/// The walk of an optimizer that asks for gradients itself.
fn with_closure<F: Real + Float>(
    case: &Case,
    tolerance: Tolerance,
    mut evaluate: impl FnMut(&Model<F>) -> gradus_nn_layers::Result<Evaluation<F>>,
) -> Outcome {
    let Some(mut optimizer) = closure_optimizer::<F>(case) else { return case.unknown() };
    let mut model = Model { w: case.input_as::<F>("w0").into(), b: case.input_as::<F>("b0").into() };
    let (w, b, losses) = (case.output("w"), case.output("b"), case.output("loss"));
    for step in 0..case.usize("steps") {
        let loss = optimizer.step_with(&mut model, &mut evaluate)?;
        close_scalar(loss, losses[step], tolerance, &format!("loss {step}"))?;
        close(&**model.w.value(), &w.index_axis(Axis(0), step + 1), tolerance, &format!("w after step {step}"))?;
        close(&**model.b.value(), &b.index_axis(Axis(0), step + 1), tolerance, &format!("b after step {step}"))?;
    }
    Ok(())
}

/// In `f64` with evaluations of its own; in `f32` with the same ones, as the other optimizers have the golden gradients:
/// L-BFGS learns from differences of gradients, in which the rounding of a forward pass in `f32` would be most of what is
/// left near the minimum.
fn asking(case: &Case) -> Outcome {
    let mut evaluations = Vec::new();
    with_closure::<f64>(case, Tolerance::F64, |model| {
        let evaluation = Evaluation::of(&loss(case, model)?)?;
        let gradient = |parameter| evaluation.gradients.get(parameter).map(|g| g.mapv(|g| g as f32));
        evaluations.push((evaluation.loss, gradient(&model.w), gradient(&model.b)));
        Ok(evaluation)
    })?;
    let mut evaluations = evaluations.into_iter();
    with_closure::<f32>(case, Tolerance::F32, |model| {
        let (loss, Some(w), Some(b)) = evaluations.next().expect("as many evaluations") else { panic!("no gradient") };
        Ok(Evaluation { loss, gradients: gradients(&[(&model.w, w), (&model.b, b)])? })
    })?;
    if evaluations.next().is_some() { Err("fewer evaluations in f32".into()) } else { Ok(()) }
}

fn clipping<F: Real + Float>(case: &Case, tolerance: Tolerance) -> Outcome {
    let names = ["a", "b", "c"];
    let leaves: Vec<Parameter<F>> = names.iter().map(|name| Parameter::new(case.input_as::<F>(name))).collect();
    let pairs: Vec<_> = names.iter().zip(&leaves).map(|(name, leaf)| (leaf, case.input_as::<F>(name))).collect();
    let mut grads = gradients(&pairs)?;
    if case.op == "clip_grad_value" {
        clip_value(&mut grads, case.f64("clip_value"))?;
    } else {
        let p = case.f64("norm_type");
        let max_norm = case.f64("max_norm");
        let norm = clip_norm(&mut grads.clone(), max_norm, p)?;
        close_scalar(norm, case.output("total_norm")[[]], tolerance, "total_norm")?;
        if p == 2.0 {
            clip_global_norm(&mut grads, max_norm)?;
        } else {
            clip_norm(&mut grads, max_norm, p)?;
        }
    }
    for (name, leaf) in names.iter().zip(&leaves) {
        let clipped = grads.get_id(leaf.id()).ok_or("no gradient")?;
        close(&**clipped, &case.output(&format!("{name}_clipped")), tolerance, name)?;
    }
    Ok(())
}

#[test]
fn optim() {
    golden::check("optim", MISSING, |case| {
        if case.op.starts_with("clip_grad") {
            clipping::<f64>(case, Tolerance::F64)?;
            return clipping::<f32>(case, Tolerance::F32);
        }
        walk(case)
    });
}

#[test]
fn optim_muon() {
    golden::check_if_there("optim_muon", MISSING, walk);
}

#[test]
fn optim_optax() {
    golden::check_if_there("optim_optax", MISSING, walk);
}

/// The walk in both types; with the tape's gradients, where the optimizer is given them, a second time.
fn walk(case: &Case) -> Outcome {
    if closure_optimizer::<f64>(case).is_some() {
        return asking(case);
    }
    with_golden_gradients::<f64>(case, Tolerance::F64)?;
    with_golden_gradients::<f32>(case, Tolerance::F32)?;
    with_own_gradients(case)
}

#[test]
fn lr() {
    golden::check("lr", MISSING_LR, |case| {
        let base = case.f64("base_lr");
        let count = |name: &str| case.usize(name) as u64;
        let schedule: Box<dyn Schedule> = match case.op.as_str() {
            "step_lr" => Box::new(StepDecay::new(base, count("step_size"), case.f64("gamma"))),
            "exponential_lr" => Box::new(Exponential::new(base, case.f64("gamma"))),
            "cosine_annealing_lr" => Box::new(CosineAnnealing::new(base, count("T_max")).floor(case.f64("eta_min"))),
            "linear_lr" => {
                let (start, end) = (base * case.f64("start_factor"), base * case.f64("end_factor"));
                Box::new(Linear::new(start, end, count("total_iters")))
            }
            "sequential_lr" => {
                let (rise, steps) = (count("warm_up"), count("steps"));
                let cosine = CosineAnnealing::new(base, steps - rise).floor(case.f64("eta_min"));
                Box::new(Linear::new(base * case.f64("start_factor"), base, rise).then(rise, cosine))
            }
            "multi_step_lr" => {
                let milestones: Vec<u64> = case.usizes("milestones").into_iter().map(|step| step as u64).collect();
                Box::new(MultiStep::new(base, milestones, case.f64("gamma")))
            }
            "polynomial_lr" => Box::new(Polynomial::new(base, count("total_iters"), case.f64("power"))),
            "cosine_annealing_warm_restarts" => {
                let restarts = CosineWarmRestarts::new(base, count("T_0")).growth(count("T_mult"));
                Box::new(restarts.floor(case.f64("eta_min")))
            }
            "one_cycle_lr" => Box::new(one_cycle(case)),
            "cyclic_lr" => Box::new(cyclic(case)),
            "reduce_lr_on_plateau" => return plateau(case),
            _ => return case.unknown(),
        };
        schedule.validate()?;
        let rates: Vec<f64> = (0..count("steps")).map(|step| schedule.lr(step)).collect();
        close(&arr1(&rates), &case.output("lr"), Tolerance::F64, "lr")?;
        if let Some(expected) = case.try_output("momentum") {
            let momenta: Option<Vec<f64>> = (0..count("steps")).map(|step| schedule.momentum(step)).collect();
            close(&arr1(&momenta.ok_or("no momentum")?), &expected, Tolerance::F64, "momentum")?;
        }
        Ok(())
    });
}

fn one_cycle(case: &Case) -> OneCycle {
    let cycle = OneCycle::new(case.f64("max_lr"), case.usize("total_steps") as u64)
        .pct_start(case.f64("pct_start"))
        .div_factor(case.f64("div_factor"))
        .final_div_factor(case.f64("final_div_factor"))
        .momenta(case.f64("base_momentum"), case.f64("max_momentum"));
    let cycle = if case.bool("three_phase") { cycle.three_phase() } else { cycle };
    if case.str("anneal_strategy") == "linear" { cycle.linear() } else { cycle }
}

fn cyclic(case: &Case) -> Cyclic {
    let cyclic = Cyclic::new(case.f64("base_lr"), case.f64("max_lr"), case.usize("step_size_up") as u64)
        .step_size_down(case.usize("step_size_down") as u64)
        .without_momentum();
    match case.str("mode") {
        "triangular2" => cyclic.triangular2(),
        "exp_range" => cyclic.exp_range(case.f64("gamma")),
        _ => cyclic,
    }
}

/// The rates that the golden metric leads to, interrupted in the middle.
fn plateau(case: &Case) -> Outcome {
    let make = || {
        let plateau = ReduceOnPlateau::new(case.f64("base_lr"))
            .factor(case.f64("factor"))
            .patience(case.usize("patience") as u64)
            .cooldown(case.usize("cooldown") as u64)
            .min_lr(case.f64("min_lr"))
            .eps(case.f64("eps"));
        let plateau = if case.str("mode") == "max" { plateau.max() } else { plateau };
        let threshold = case.f64("threshold");
        if case.str("threshold_mode") == "abs" {
            plateau.absolute_threshold(threshold)
        } else {
            plateau.threshold(threshold)
        }
    };
    let mut plateau = make();
    plateau.validate()?;
    let mut rates = Vec::new();
    for (step, &metric) in case.input("metric").iter().enumerate() {
        rates.push(plateau.lr());
        if step == case.usize("steps") / 2 {
            let state = plateau.state();
            plateau = make();
            plateau.restore(state)?;
        }
        plateau.observe(metric)?;
    }
    Ok(close(&arr1(&rates), &case.output("lr"), Tolerance::F64, "lr")?)
}
