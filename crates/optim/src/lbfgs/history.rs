//! The curvature that L-BFGS has seen, and the direction that follows from it.

use super::flat::{add, dot, scaled};
use crate::{OptimizerState, Result, SavedSlot};
use gradus_linalg::Real;
use ndarray::{ArrayD, IxDyn};
use std::collections::VecDeque;

/// The slot that L-BFGS saves is of all parameters as one vector.
pub(super) const WHOLE: &str = "*";
const NAMES: [&str; 5] = ["d", "t", "prev_flat_grad", "old_dirs", "old_stps"];

/// What is remembered from one iteration to the next.
#[derive(Debug, Clone, Default)]
pub(super) struct History<F> {
    /// Iterations so far.
    pub(super) iterations: u64,
    /// The last direction, and how far the last iteration went along it.
    pub(super) direction: Vec<F>,
    pub(super) t: F,
    /// The gradient from which it went.
    pub(super) gradient: Vec<F>,
    pairs: VecDeque<Pair<F>>,
}

/// A step, and how the gradient changed along it.
#[derive(Debug, Clone)]
struct Pair<F> {
    y: Vec<F>,
    s: Vec<F>,
    /// `1 / y·s`.
    rho: f64,
}

impl<F: Real> Pair<F> {
    fn new(y: Vec<F>, s: Vec<F>) -> Self {
        let rho = 1.0 / dot(&y, &s);
        Self { y, s, rho }
    }
}

impl<F: Real> History<F> {
    /// Takes in the iteration that led to this gradient. Where the slope did not rise along the step, no positive definite
    /// matrix explains it: it is left out.
    pub(super) fn learn(&mut self, gradient: &[F], size: usize) {
        let y: Vec<F> = gradient.iter().zip(&self.gradient).map(|(&new, &old)| new - old).collect();
        let s = scaled(self.t.to_f64(), &self.direction);
        if dot(&y, &s) > 1e-10 {
            while self.pairs.len() >= size {
                self.pairs.pop_front();
            }
            self.pairs.push_back(Pair::new(y, s));
        }
    }

    /// `−H g`, by two loops over the pairs: the matrix `H` is never built.
    pub(super) fn descent(&self, gradient: &[F]) -> Vec<F> {
        let mut q = scaled(-1.0, gradient);
        let mut alphas = Vec::with_capacity(self.pairs.len());
        for pair in self.pairs.iter().rev() {
            let alpha = dot(&pair.s, &q) * pair.rho;
            add(&mut q, -alpha, &pair.y);
            alphas.push(alpha);
        }
        // The last pair says how steep the loss is about here.
        let scale = self.pairs.back().map_or(1.0, |pair| 1.0 / (pair.rho * dot(&pair.y, &pair.y)));
        let mut r = scaled(scale, &q);
        for (pair, alpha) in self.pairs.iter().zip(alphas.into_iter().rev()) {
            let beta = dot(&pair.y, &r) * pair.rho;
            add(&mut r, alpha - beta, &pair.s);
        }
        r
    }

    pub(super) fn save(&self, lr: f64) -> OptimizerState<F> {
        if self.iterations == 0 {
            return OptimizerState { lr, slots: Vec::new() };
        }
        let n = self.direction.len();
        let array = |shape: &[usize], numbers: Vec<F>| {
            ArrayD::from_shape_vec(IxDyn(shape), numbers).expect("there are as many numbers as the shape says")
        };
        let all = |part: fn(&Pair<F>) -> &Vec<F>| {
            array(&[self.pairs.len(), n], self.pairs.iter().flat_map(|pair| part(pair).iter().copied()).collect())
        };
        let arrays = [
            array(&[n], self.direction.clone()),
            array(&[], vec![self.t]),
            array(&[n], self.gradient.clone()),
            all(|pair| &pair.y),
            all(|pair| &pair.s),
        ];
        let arrays = NAMES.map(str::to_owned).into_iter().zip(arrays).collect();
        let (parameter, rule) = (WHOLE.to_owned(), "lbfgs".to_owned());
        OptimizerState { lr, slots: vec![SavedSlot { parameter, rule, steps: self.iterations, arrays }] }
    }

    /// The history that was saved in these slots.
    pub(super) fn load(slots: &[SavedSlot<F>]) -> Result<Self> {
        let Some(slot) = slots.first() else { return Ok(Self::default()) };
        let expected = || NAMES.map(str::to_owned).to_vec();
        if let Some(further) = slots.get(1) {
            return Err(further.refuse("lbfgs", expected()));
        }
        let named = slot.rule == "lbfgs" && slot.arrays.iter().map(|(name, _)| name.as_str()).eq(NAMES);
        let [(_, d), (_, t), (_, gradient), (_, y), (_, s)] = &slot.arrays[..] else {
            return Err(slot.refuse("lbfgs", expected()));
        };
        let (n, pairs) = (d.len(), y.shape().first().copied().unwrap_or(0));
        let shapes = [d, t, gradient, y, s].map(ArrayD::shape);
        let fitting: [&[usize]; 5] = [&[n], &[], &[n], &[pairs, n], &[pairs, n]];
        if !named || shapes != fitting {
            return Err(slot.refuse("lbfgs", expected()));
        }
        let lines = |array: &ArrayD<F>| -> Vec<Vec<F>> {
            let mut numbers = array.iter().copied();
            (0..pairs).map(|_| numbers.by_ref().take(n).collect()).collect()
        };
        Ok(Self {
            iterations: slot.steps,
            direction: d.iter().copied().collect(),
            t: t.first().copied().unwrap_or_default(),
            gradient: gradient.iter().copied().collect(),
            pairs: lines(y).into_iter().zip(lines(s)).map(|(y, s)| Pair::new(y, s)).collect(),
        })
    }
}
