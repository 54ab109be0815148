//! The way down: steps, valleys, noise, and the rules from gradient descent to Adam, written out.

use crate::Outcome;
use gradus::autograd::{Real, Var};
use gradus::linalg::{Norm, distance, l2_norm};
use gradus::ndarray::{Array1, Array2, Axis, Ix2, array};
use gradus::nn_layers::{Result, init};
use gradus::optim::see::{Trajectories, surface};
use gradus::optim::{Adagrad, RmsProp};
use gradus::prelude::{Adam, Digits, Optimizer, Sgd};
use gradus::rand::{RngExt, rngs::StdRng};
use gradus_course::{Chapter, Kind, Plot};

/// The rules of the race.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Rule {
    Descent,
    Momentum,
    Nesterov,
    AdaGrad,
    RmsProp,
    Adam,
}

pub(crate) const RULES: [(Rule, &str); 6] = [
    (Rule::Descent, "gradient descent"),
    (Rule::Momentum, "momentum"),
    (Rule::Nesterov, "Nesterov"),
    (Rule::AdaGrad, "AdaGrad"),
    (Rule::RmsProp, "RMSProp"),
    (Rule::Adam, "Adam"),
];

/// What is kept of the velocity; of the squares by RMSProp, as in the lecture; and of the squares by Adam, as in the paper.
const KEEP: f64 = 0.9;
const RMS: f64 = 0.9;
const SQUARES: f64 = 0.999;
const EPS: f64 = 1e-8;

/// The rule as the library has it.
pub(crate) fn library<F: Real>(rule: Rule, lr: f64) -> Box<dyn Optimizer<F>> {
    match rule {
        Rule::Descent => Box::new(Sgd::new(lr)),
        Rule::Momentum => Box::new(Sgd::new(lr).momentum(KEEP)),
        Rule::Nesterov => Box::new(Sgd::new(lr).momentum(KEEP).nesterov()),
        Rule::AdaGrad => Box::new(Adagrad::new(lr).eps(EPS)),
        Rule::RmsProp => Box::new(RmsProp::new(lr).alpha(RMS)),
        Rule::Adam => Box::new(Adam::new(lr).betas(KEEP, SQUARES)),
    }
}

/// The rule written out: what it remembers of the gradients (`m`) and of their squares (`s`).
struct ByHand {
    rule: Rule,
    lr: f64,
    m: Array1<f64>,
    s: Array1<f64>,
    t: i32,
}

impl ByHand {
    fn new(rule: Rule, lr: f64) -> Self {
        Self { rule, lr, m: Array1::zeros(2), s: Array1::zeros(2), t: 0 }
    }

    fn step(&mut self, w: &mut Array1<f64>, g: &Array1<f64>) {
        let Self { lr, m, s, .. } = self;
        let g2 = g * g;
        self.t += 1;
        let step = match self.rule {
            Rule::Descent => g.clone(),
            Rule::Momentum => {
                *m = KEEP * &*m + g;
                m.clone()
            }
            Rule::Nesterov => {
                *m = KEEP * &*m + g;
                g + KEEP * &*m
            }
            Rule::AdaGrad => {
                *s += &g2;
                g / (s.sqrt() + EPS)
            }
            Rule::RmsProp => {
                *s = RMS * &*s + (1.0 - RMS) * g2;
                g / (s.sqrt() + EPS)
            }
            Rule::Adam => {
                *m = KEEP * &*m + (1.0 - KEEP) * g;
                *s = SQUARES * &*s + (1.0 - SQUARES) * g2;
                let (m, s) = (&*m / (1.0 - KEEP.powi(self.t)), &*s / (1.0 - SQUARES.powi(self.t)));
                m / (s.sqrt() + EPS)
            }
        };
        w.scaled_add(-*lr, &step);
    }
}

/// So many steps down `½ wᵀHw`, whose gradient is `H w`.
fn walk(rule: Rule, lr: f64, h: &Array2<f64>, start: [f64; 2], steps: usize) -> Vec<Array1<f64>> {
    let (mut by_hand, mut path) = (ByHand::new(rule, lr), vec![Array1::from_iter(start)]);
    for step in 0..steps {
        let mut w = path[step].clone();
        let gradient = h.dot(&w);
        by_hand.step(&mut w, &gradient);
        path.push(w);
    }
    path
}

/// The factor by which a step shrinks the distance, for all steps.
pub(crate) fn step_size(chapter: &mut Chapter) -> Outcome {
    chapter.section("How long may a step be?");
    let mut plot = Plot::new("What one step leaves of the distance", "step × largest curvature", "factor per step")
        .ranges(0.0..2.2, 0.0..1.45)
        .series("no progress", Kind::Dashed, [(0.0, 1.0), (2.2, 1.0)]);
    let (mut off, mut bounds, mut measured) = (0.0_f64, Vec::new(), Vec::new());
    for condition in [1.5, 4.0, 25.0] {
        let h = array![[1.0 / condition, 0.0], [0.0, 1.0]];
        let mut theory = Vec::new();
        for k in 1..=110 {
            let lr = 0.02 * f64::from(k);
            let by_formula = (1.0 - lr).abs().max((1.0 - lr / condition).abs());
            theory.push((lr, by_formula));
            if k % 10 == 5 {
                // Late steps: the direction that shrinks least has outlived the other.
                let path = walk(Rule::Descent, lr, &h, [1.0, 1.0], 120);
                let factor = (l2_norm(&path[120]) / l2_norm(&path[100])).powf(1.0 / 20.0);
                measured.push((lr, factor));
                off = off.max((factor - by_formula).abs());
            }
        }
        plot = plot.series(&format!("κ = {condition}"), Kind::Line, theory);
        let left = |lr| l2_norm(&walk(Rule::Descent, lr, &h, [1.0, 1.0], 2000)[2000]);
        bounds.push((left(1.99), left(2.01)));
    }
    plot = plot.series("measured", Kind::Points, measured);
    chapter.figure(
        "step-size",
        "Beyond 2/L every condition diverges; the best step is where both directions shrink equally.",
        &plot.svg()?,
    )?;
    chapter.check("measured, a step leaves max |1 − ηλ|, to 0.001", off < 1e-3);
    chapter.check(
        "steps of 1.99/L arrive, steps of 2.01/L run away",
        bounds.iter().all(|&(below, beyond)| below < 1e-2 && beyond > 1e6),
    );
    Ok(())
}

/// Steps until a millionth of the distance is left, on a bowl of 20 curvatures from 1 to `condition`.
fn steps_needed(condition: f64, lr: f64, momentum: f64, nesterov: bool) -> u32 {
    let curvatures = Array1::from_shape_fn(20, |i| condition.powf(i as f64 / 19.0));
    let (mut w, mut v) = (Array1::<f64>::ones(20), Array1::<f64>::zeros(20));
    let enough = 1e-6 * l2_norm(&w);
    let mut steps = 0;
    while l2_norm(&w) > enough && steps < 1_000_000 {
        let g = &curvatures * &w;
        v = momentum * v + &g;
        if nesterov {
            w.scaled_add(-lr, &(g + momentum * &v));
        } else {
            w.scaled_add(-lr, &v);
        }
        steps += 1;
    }
    steps
}

/// Steps by the condition number, without and with momentum.
pub(crate) fn condition(chapter: &mut Chapter) -> Outcome {
    chapter.section("The condition number, and what momentum does to it");
    let mut lines = [const { Vec::new() }; 3];
    let mut table = "condition  descent  momentum  Nesterov\n".to_owned();
    let mut last = [0; 3];
    for k in 1..=8 {
        let condition = 10_f64.powf(0.5 * f64::from(k));
        let root = condition.sqrt();
        let beta = (root - 1.0) / (root + 1.0);
        last = [
            steps_needed(condition, 2.0 / (condition + 1.0), 0.0, false),
            steps_needed(condition, 4.0 / (root + 1.0).powi(2), beta * beta, false),
            steps_needed(condition, 1.0 / condition, beta, true),
        ];
        let [descent, momentum, nesterov] = last;
        table += &format!("{condition:9.0} {descent:8} {momentum:9} {nesterov:9}\n");
        lines.iter_mut().zip(last).for_each(|(line, steps)| line.push((condition.log10(), f64::from(steps))));
    }
    chapter.say(table);
    let theory = |power: f64| {
        (0..=14).map(move |k| 0.5 + 0.25 * f64::from(k)).map(move |k| (k, 10_f64.powf(k * power) * 0.5 * 1e6_f64.ln()))
    };
    let [descent, momentum, nesterov] = lines;
    let plot = Plot::new("Steps until a millionth of the distance is left", "log₁₀ of the condition number κ", "steps")
        .logarithmic()
        .series("gradient descent", Kind::Points, descent)
        .series("momentum", Kind::Points, momentum)
        .series("Nesterov", Kind::Points, nesterov)
        .series("½ κ ln 10⁶", Kind::Dashed, theory(1.0))
        .series("½ √κ ln 10⁶", Kind::Dashed, theory(0.5));
    chapter.figure(
        "condition",
        "Descent needs steps in proportion to the condition number, momentum to its root.",
        &plot.svg()?,
    )?;
    let expected = 0.5 * 1e4 * 1e6_f64.ln();
    chapter.check(
        "descent needs ½ κ ln 10⁶ steps at κ = 10,000, within a fifth",
        (f64::from(last[0]) / expected - 1.0).abs() < 0.2,
    );
    chapter.check("momentum and Nesterov need less than a twentieth of that", 20 * last[1].max(last[2]) < last[0]);
    Ok(())
}

/// `ravine`, turned by an eighth of a circle: its axes are no longer those of the weights.
fn turned(x: &Var<f64>, y: &Var<f64>) -> Result<Var<f64>> {
    let half = 0.5_f64.sqrt();
    surface::ravine(&x.try_add(y)?.mul_scalar(half), &y.try_sub(x)?.mul_scalar(half))
}

/// The start of all walks in the valley, and the same place in the turned one.
const START: [f64; 2] = [-4.0, 1.2];
const TURNED_START: [f64; 2] =
    [(START[0] - START[1]) * std::f64::consts::FRAC_1_SQRT_2, (START[0] + START[1]) * std::f64::consts::FRAC_1_SQRT_2];

/// The rules by hand and those of the library walk the same way.
pub(crate) fn beside_the_library(chapter: &mut Chapter) -> Outcome {
    chapter.section("Six rules, written out");
    let h = array![[13.0, -12.0], [-12.0, 13.0]];
    let mut worst = 0.0_f64;
    for (rule, name) in RULES {
        let by_hand = walk(rule, 0.02, &h, TURNED_START, 100);
        let paths = Trajectories::new("", turned, TURNED_START, 100).walk(name, library(rule, 0.02))?;
        for (a, b) in by_hand.iter().zip(&paths.walks()[0].points) {
            worst = worst.max(distance(a, &Array1::from_iter(*b), Norm::Max)?);
        }
    }
    chapter.check("a hundred steps of each rule are those of the library, to 10 digits", worst < 1e-10);
    Ok(())
}

/// The rate up to 1, from a grid, with which a rule is soonest down for good, and the steps that it takes.
fn soonest(rule: Rule, h: &Array2<f64>, start: [f64; 2]) -> (f64, usize) {
    const STEPS: usize = 2000;
    let height = |w: &Array1<f64>| 0.5 * w.dot(&h.dot(w));
    let rates = (-32..=0).map(|k| 2_f64.powf(0.25 * f64::from(k)));
    let steps = rates.map(|lr| {
        let path = walk(rule, lr, h, start, STEPS);
        let enough = 1e-3 * height(&path[0]);
        let high = |w: &Array1<f64>| !height(w).is_finite() || height(w) > enough;
        (lr, path.iter().rposition(high).map_or(0, |last| last + 1))
    });
    steps.fold((0.0, usize::MAX), |best, found| if found.1 < best.1 { found } else { best })
}

/// With every second point of its contour lines: a smaller file that looks the same.
fn thinner(svg: &str) -> String {
    let line = |line: &str| {
        let Some((path, style)) = line.strip_prefix("<path d=\"M").and_then(|rest| rest.split_once('"')) else {
            return line.to_owned();
        };
        if path.len() < 1000 || !style.contains("rgb(") {
            return line.to_owned();
        }
        let pieces = path.split('M').map(|piece| {
            let points: Vec<&str> = piece.split('L').collect();
            let kept = points.iter().enumerate().filter(|(place, _)| place % 2 == 0 || place + 1 == points.len());
            kept.map(|(_, point)| *point).collect::<Vec<_>>().join("L")
        });
        format!("<path d=\"M{}\"{style}", pieces.collect::<Vec<_>>().join("M"))
    };
    svg.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// A valley along the axes, and the same across them.
pub(crate) fn valleys(chapter: &mut Chapter) -> Outcome {
    chapter.section("A race down two valleys");
    let (straight, across) = (array![[1.0, 0.0], [0.0, 25.0]], array![[13.0, -12.0], [-12.0, 13.0]]);
    let mut table =
        "                    along the axes    turned by 45°\n                      rate   steps      rate   steps\n"
            .to_owned();
    let mut found = Vec::new();
    for (rule, name) in RULES {
        let (a, b) = (soonest(rule, &straight, START), soonest(rule, &across, TURNED_START));
        table += &format!("{name:18} {:7.3} {:7} {:9.3} {:7}\n", a.0, a.1, b.0, b.1);
        found.push((a, b));
    }
    chapter.say(table);
    let mut along = Trajectories::new("A valley along the axes, 25 times as steep across", surface::ravine, START, 100)
        .window([-4.4, 1.6], [-1.8, 1.8]);
    let mut other =
        Trajectories::new("The same valley, turned", turned, TURNED_START, 100).window([-4.2, 1.2], [-4.2, 1.2]);
    for ((rule, name), (a, b)) in RULES.into_iter().zip(&found) {
        along = along.walk(name, library(rule, a.0))?;
        other = other.walk(name, library(rule, b.0))?;
    }
    chapter.figure(
        "valley",
        "Each rule with its best rate. Those that scale each weight's step by its own gradients go straight down.",
        &thinner(&along.to_svg()?),
    )?;
    chapter.figure(
        "turned-valley",
        "Turned, the valley looks the same to descent and momentum. Scaling by weight no longer helps.",
        &thinner(&other.to_svg()?),
    )?;
    let steps = |rule: Rule| RULES.iter().position(|of| of.0 == rule).map_or(((0.0, 0), (0.0, 0)), |k| found[k]);
    let (descent, momentum, adagrad) = (steps(Rule::Descent), steps(Rule::Momentum), steps(Rule::AdaGrad));
    chapter.check(
        "turning changes nothing for descent and momentum",
        descent.0.1 == descent.1.1 && momentum.0.1 == momentum.1.1,
    );
    chapter.check(
        "along the axes AdaGrad needs fewer steps than descent, and less than half of what it needs across them",
        adagrad.0.1 < descent.0.1 && 2 * adagrad.0.1 < adagrad.1.1,
    );
    Ok(())
}

/// The noise of a gradient from few samples, and where it lets descent end.
pub(crate) fn noise(chapter: &mut Chapter, rng: &mut StdRng) -> Outcome {
    chapter.section("The noise of few samples");
    const BATCHES: usize = 400;
    let (x, labels, classes) = Digits::embedded().map_inputs(f64::from).into_parts();
    let x = x.into_dimensionality::<Ix2>()?;
    let n = labels.len();
    // Softmax regression with weights of 0: each class has a probability of a tenth, and sample i's gradient is xᵢ (p − onehot)ᵀ.
    let errors = Array2::from_shape_fn((n, classes), |(i, k)| 0.1 - f64::from(u8::from(labels[i] == k)));
    let gradient = x.t().dot(&errors) / n as f64;
    let squares: f64 = (0..n).map(|i| x.row(i).pow2().sum() * errors.row(i).pow2().sum()).sum();
    let variance = squares / n as f64 - gradient.pow2().sum();
    let mut table = format!(
        "‖g‖² = {:.4}, one sample's noise tr Σ = {variance:.4}\nbatch    noise    tr Σ/B\n",
        gradient.pow2().sum()
    );
    let mut ratios = Vec::new();
    for size in [1, 4, 16, 64, 256] {
        let mut sum = 0.0;
        for _ in 0..BATCHES {
            let rows: Vec<usize> = (0..size).map(|_| rng.random_range(0..n)).collect();
            let of_batch = x.select(Axis(0), &rows).t().dot(&errors.select(Axis(0), &rows)) / size as f64;
            sum += (of_batch - &gradient).pow2().sum() / BATCHES as f64;
        }
        table += &format!("{size:5} {sum:8.5} {:9.5}\n", variance / size as f64);
        ratios.push(sum * size as f64 / variance);
    }
    chapter.say(table);
    chapter.check(
        "the noise of a batch's gradient is tr Σ/B, within a tenth",
        ratios.iter().all(|ratio| (ratio - 1.0).abs() < 0.1),
    );

    // L = w²/2, and a gradient with noise of deviation 1: w ← w − η (w + ξ), in two thousand runs at once.
    const RUNS: usize = 2000;
    const STEPS: usize = 400;
    let mut plot = Plot::new("Where a constant step ends: E w² over 2,000 runs", "step", "E w²").logarithmic();
    let mut off = 0.0_f64;
    let mut ends = Vec::new();
    for rate in [Some(0.5), Some(0.1), Some(0.02), None] {
        let mut w = Array1::from_elem(RUNS, 3.0);
        let mut line = vec![(0.0, 9.0)];
        let mut late = 0.0;
        for step in 0..STEPS {
            let lr = rate.unwrap_or(1.0 / (2.0 + step as f64));
            let noise: Array1<f64> = init::normal(RUNS, 0.0, 1.0, rng);
            w = &w - &(lr * (&w + &noise));
            let square = w.pow2().sum() / RUNS as f64;
            if step % 4 == 3 {
                line.push(((step + 1) as f64, square));
            }
            late += if step >= STEPS / 2 { square / (STEPS / 2) as f64 } else { 0.0 };
        }
        let name = rate.map_or_else(|| "η = 1/(t + 2)".to_owned(), |lr| format!("η = {lr}"));
        ends.push(line[line.len() - 1].1);
        plot = plot.series(&name, Kind::Line, line);
        if let Some(lr) = rate {
            let floor = lr / (2.0 - lr);
            chapter.say(format!("η = {lr}: E w² ends at {late:.4}, by the formula {floor:.4}"));
            off = off.max((late / floor - 1.0).abs());
        }
    }
    chapter.figure(
        "noise-floor",
        "A constant step comes down to a floor, the lower the shorter the step; a falling one goes on.",
        &plot.svg()?,
    )?;
    chapter.check("the floor is ησ²/(λ(2 − ηλ)), within a tenth", off < 0.1);
    chapter.check("a step that falls as 1/t ends below all constant ones", ends[..3].iter().all(|&end| ends[3] < end));
    Ok(())
}
