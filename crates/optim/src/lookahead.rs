//! Lookahead.

use crate::rule::setter;
use crate::see::{Change, number, term};
use crate::{Optimizer, OptimizerState, Result, State, fused, hyper};
use gradus_linalg::Real;
use ndarray::{ArrayViewD, ArrayViewMutD};

/// Lookahead: another optimizer explores, and slow weights follow it part of the way.
///
/// ```text
/// θ ← one step of the inner optimizer
/// every k steps:   φ ← φ + α (θ − φ)
///                  θ ← φ
/// ```
///
/// where `φ` begins as the first `θ`.
///
/// | setting | means | default | range |
/// | --- | --- | --- | --- |
/// | `k` | steps of the inner optimizer for one of the slow weights | 5 | at least 1 |
/// | `alpha` | share of the way that the slow weights go | 0.5 | 0 to 1 |
///
/// It goes around any optimizer, and is one itself: rate, schedule and state are the inner one's, to which it adds. The
/// pull back averages out what the inner steps swing to and fro, so that the inner rate may be larger.
///
/// What the inner optimizer remembers (momentum, moments) stays at each synchronization, as by default in the authors'
/// code. Between two of them the model holds the fast weights; the paper evaluates the slow ones, so evaluate after a
/// multiple of `k` steps.
///
/// The state takes as much memory as the parameters, beside the inner optimizer's; parameters are read once more every `k`
/// steps.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Parameter, Tape, ndarray::array};
/// use gradus_optim::{Lookahead, Optimizer, Sgd};
/// let mut w: Parameter<f64> = array![4.0].into();
/// let mut lookahead = Lookahead::new(Sgd::new(0.25)).k(2).alpha(0.5);
/// for expected in [2.0, 2.5] {
///     let loss = Tape::recording().parameter(&w).square().sum();
///     lookahead.step(&mut w, &loss.backward()?)?;
///     assert_eq!(w.value()[[0]], expected); // 4 → 2 → 1, and half of the way back to 4
/// }
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// M. R. Zhang, J. Lucas, G. Hinton, J. Ba, *Lookahead optimizer: k steps forward, 1 step back*, NeurIPS 2019,
/// <https://arxiv.org/abs/1907.08610>
#[derive(Debug, Clone)]
pub struct Lookahead<O, F = f32> {
    inner: O,
    k: u64,
    alpha: f64,
    state: State<F>,
}

impl<F: Real, O: Optimizer<F>> Lookahead<O, F> {
    /// Lookahead around this optimizer.
    #[must_use]
    pub fn new(inner: O) -> Self {
        Self { inner, k: 5, alpha: 0.5, state: State::new("lookahead", &["slow"]) }
    }

    /// With so many steps of the inner optimizer for one of the slow weights.
    #[must_use]
    pub fn k(self, k: u64) -> Self {
        Self { k, ..self }
    }

    setter! {
        /// With slow weights that go this share of the way.
        alpha(alpha)
    }
}

impl<F: Real, O: Optimizer<F>> Optimizer<F> for Lookahead<O, F> {
    fn update(&mut self, name: &str, mut param: ArrayViewMutD<'_, F>, grad: ArrayViewD<'_, F>) -> Result<()> {
        let slot = self.state.at(name, param.shape())?;
        if slot.steps == 0 {
            let [slow] = slot.arrays();
            slow.assign(&param);
        }
        self.inner.update(name, param.view_mut(), grad.view())?;
        slot.steps = slot.steps.saturating_add(1);
        if slot.steps.is_multiple_of(self.k) {
            // This form of φ + α (θ − φ) is exact at α = 1, and where θ has not moved.
            let back = F::from_f64(1.0 - self.alpha);
            fused(
                param,
                grad,
                slot.arrays(),
                #[inline(always)]
                |p, _, [slow]| {
                    *p += back * (*slow - *p);
                    *slow = *p;
                },
            );
        }
        Ok(())
    }

    fn lr(&self) -> f64 {
        self.inner.lr()
    }

    fn set_lr(&mut self, lr: f64) {
        self.inner.set_lr(lr);
    }

    fn set_momentum(&mut self, momentum: f64) -> Result<()> {
        self.inner.set_momentum(momentum)
    }

    fn validate(&self) -> Result<()> {
        self.inner.validate()?;
        hyper::steps("lookahead", "k", self.k)?;
        hyper::up_to_one("lookahead", "alpha", self.alpha)
    }

    /// The inner optimizer's lines; where the slow weights follow, one more.
    fn explain(&self, change: &Change) -> Vec<String> {
        let mut inside = change.clone();
        // Its own array is the last one: further ones belong to a lookahead inside.
        let place = inside.state.iter().rposition(|remembered| remembered.name == "slow");
        let slow = place.map(|place| inside.state.remove(place).before);
        let (alpha, steps) = (self.alpha, self.state.get(&change.parameter).map_or(change.steps, |slot| slot.steps));
        let Some(slow) = slow.filter(|_| steps.is_multiple_of(self.k)) else { return self.inner.explain(&inside) };
        let slow = if steps <= 1 { change.before } else { slow };
        let (mut lines, fast);
        if alpha == 0.0 {
            // What the inner step came to has left no trace.
            (lines, fast) = (change.gradient_with(0.0).0, "θ".to_owned());
        } else {
            inside.after = slow + (change.after - slow) / alpha;
            (lines, fast) = (self.inner.explain(&inside), term(inside.after));
        }
        let (old, alpha, new) = (term(slow), number(alpha), number(change.after));
        lines.push(format!("θ ← φ ← φ + α (θ − φ) = {old} + {alpha} · ({fast} − {old}) = {new}"));
        lines
    }

    fn state(&self) -> OptimizerState<F> {
        let mut state = self.inner.state();
        state.slots.extend(self.state.save());
        state
    }

    fn restore(&mut self, mut state: OptimizerState<F>) -> Result<()> {
        // Its own slots are the last ones, one for each parameter: further ones belong to a lookahead inside.
        let slots = &state.slots;
        let own = (0..slots.len()).rev().take_while(|&i| {
            slots[i].rule == "lookahead" && slots[i + 1..].iter().all(|later| later.parameter != slots[i].parameter)
        });
        let own = state.slots.split_off(slots.len() - own.count());
        own.iter().try_for_each(|slot| self.state.check(slot))?;
        self.inner.restore(state)?;
        self.state.load(own)
    }
}
