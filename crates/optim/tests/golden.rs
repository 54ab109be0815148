//! Optimizers, clipping and schedules against PyTorch.

use gradus_autograd::{Gradients, Leaf, Tape};
use gradus_nn_layers::{Module, Parameter};
use gradus_optim::schedule::{
    CosineAnnealing, CosineWarmRestarts, Cyclic, Exponential, Linear, MultiStep, OneCycle, Polynomial, ReduceOnPlateau,
    StepDecay,
};
use gradus_optim::{Adam, AdamW, Groups, Optimizer, Real, Schedule, Sgd, clip_global_norm, clip_norm, clip_value};
use gradus_testing::golden::{self, Case};
use gradus_testing::{Float, Tolerance, close, close_scalar};
use ndarray::{ArrayD, Axis, arr1};
use std::error::Error;

type Outcome = Result<(), Box<dyn Error>>;

const MISSING: &[&str] = &["adadelta", "adagrad", "adamax", "lbfgs", "lion", "nadam", "radam", "rmsprop"];

const MISSING_LR: &[&str] = &[];

#[derive(Module)]
struct Model<F: Real> {
    w: Parameter<F>,
    b: Parameter<F>,
}

/// The optimizer that a case describes.
fn optimizer<F: Real>(case: &Case) -> Option<Box<dyn Optimizer<F>>> {
    let lr = case.f64("lr");
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
            let [beta1, beta2] = case.f64s("betas")[..] else { return None };
            let adam = Adam::new(lr).betas(beta1, beta2).eps(case.f64("eps")).weight_decay(case.f64("weight_decay"));
            Box::new(if case.bool("amsgrad") { adam.amsgrad() } else { adam })
        }
        "adamw" => {
            let [beta1, beta2] = case.f64s("betas")[..] else { return None };
            let adam = AdamW::new(lr).betas(beta1, beta2).eps(case.f64("eps")).weight_decay(case.f64("weight_decay"));
            Box::new(if case.bool("amsgrad") { adam.amsgrad() } else { adam })
        }
        _ => return None,
    })
}

/// Gradients that are these arrays: those of Σ parameter · array.
fn gradients<F: Real>(pairs: &[(&Parameter<F>, ArrayD<F>)]) -> Result<Gradients<F>, Box<dyn Error>> {
    let tape = Tape::recording();
    let terms = pairs.iter().map(|(p, g)| Ok(tape.parameter(*p).try_mul(&tape.input(g.clone()))?.sum()));
    let terms: Result<Vec<_>, Box<dyn Error>> = terms.collect();
    let loss = terms?.into_iter().reduce(|a, b| a + &b).ok_or("no parameters")?;
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

/// The walk with gradients from the tape.
fn with_own_gradients(case: &Case) -> Outcome {
    let Some(mut optimizer) = optimizer::<f64>(case) else { return case.unknown() };
    let mut model = Model { w: case.input("w0").into(), b: case.input("b0").into() };
    let losses = case.output("loss");
    for step in 0..=case.usize("steps") {
        let tape = Tape::recording();
        let y = tape.input(case.input("x")).matmul(&tape.parameter(&model.w))?.try_add(&tape.parameter(&model.b))?;
        let loss = y.tanh().try_sub(&tape.input(case.input("target")))?.square().mean();
        close_scalar(loss.item().ok_or("no number")?, losses[step], Tolerance::F64, &format!("loss {step}"))?;
        if step < case.usize("steps") {
            drop(y); // its entries are on the tape; the variable itself is no longer needed
            optimizer.step(&mut model, &loss.backward()?)?;
        }
    }
    Ok(())
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
        with_golden_gradients::<f64>(case, Tolerance::F64)?;
        with_golden_gradients::<f32>(case, Tolerance::F32)?;
        with_own_gradients(case)
    });
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
