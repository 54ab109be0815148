//! The gradient's way through time, made visible.
//!
//! Between a state and a loss that is `k` steps later stands a product of `k` Jacobians. Whether a recurrent network can learn what a far
//! step has to do with a late one is decided by that product, and nothing in a loss curve shows it. [`GradientFlow`] does: as numbers, as
//! a table, as a plot for the terminal, as SVG; [`GateActivity`] shows what the gates of an LSTM or a GRU do about it.
//!
//! # What is computed
//!
//! Let `sₜ` be the whole state after step `t`: `hₜ`, or `(hₜ, cₜ)` in an LSTM. With `Jₜ = ∂sₜ/∂sₜ₋₁`, and `dyₜ` for what the
//! loss takes from the output at `t` directly,
//!
//! ```text
//! λₜ = ∂L/∂sₜ = dyₜ + Jₜ₊₁ᵀ λₜ₊₁               the gradient at each step: a direct part, and one that is carried
//! ∂L/∂W = Σₜ (∂sₜ/∂W)ᵀ λₜ                       each step's share of a weight's gradient
//! ∂s_T/∂sₜ = J_T J_T₋₁ ⋯ Jₜ₊₁                   what the far past has to go through
//! ```
//!
//! With a loss at every step `‖λₜ‖` says little about memory: `dyₜ` renews it at every step, and it stays large where nothing from later
//! steps arrives. So the verdict is about the product alone. Its measure is the root mean square of its singular values,
//!
//! ```text
//! gₖ = ‖J_T ⋯ J_T₋ₖ₊₁‖_F / √S       √(E ‖Pᵀ v‖²) for a random v of length 1:  1 for a rotation,  γᵏ for γ times one
//! ```
//!
//! The gradient *vanishes* if `gₖ` falls below 1 % within the sequence and stays there, and *explodes* if it passes 100: see
//! [`Diagnosis`].
//!
//! # References
//! - S. Hochreiter, *Untersuchungen zu dynamischen neuronalen Netzen*, diploma thesis, TU München, 1991.
//! - Y. Bengio, P. Simard, P. Frasconi, *Learning long-term dependencies with gradient descent is difficult*, IEEE Transactions on
//!   Neural Networks 5(2), 1994, <https://doi.org/10.1109/72.279181>.
//! - R. Pascanu, T. Mikolov, Y. Bengio, *On the difficulty of training recurrent neural networks*, ICML 2013,
//!   <https://arxiv.org/abs/1211.5063>.

mod advice;
mod figure;
mod gates;
mod jacobians;
mod lane;
mod spectrum;
mod step;
mod table;
mod verdict;

pub use advice::Advice;
pub use figure::{Curve, Figure};
pub use gates::{Gate, GateActivity, Gated, LaneGates};
pub use jacobians::Jacobians;
pub use lane::{Lane, StateGradient, WeightShares};
pub use verdict::{Diagnosis, Verdict};

use crate::bptt::Direction;
use crate::{Cell, Error, Recurrent, State};
use gradus_autograd::{Real, Tape, Value, Var};
use gradus_nn_layers::Result;
use lane::{Read, of_cell};
use ndarray::{Array3, Axis, Ix3, concatenate};

/// How the gradient of a loss flows back through a recurrent layer: at every step, in every layer and direction.
///
/// ```text
/// λₜ = ∂L/∂sₜ = dyₜ + Jₜ₊₁ᵀ λₜ₊₁        Jₜ = ∂sₜ/∂sₜ₋₁
/// ```
///
/// The formulas are on [the module's page](self). Each step is taken alone on a tape of its own, so that any [`Cell`] will do, and
/// memory is that of the states. It costs about three passes, and a product of Jacobians.
///
/// # Examples
/// Does a loss at the end reach the beginning of fifty steps?
/// ```
/// use gradus_rnn_bptt::{Rnn, Tape, flow::{GradientFlow, Verdict}, ndarray::Array3};
/// use rand::{SeedableRng, rngs::StdRng};
/// # fn main() -> gradus_nn_layers::Result<()> {
/// let rnn: Rnn = Rnn::new(3, 16, &mut StdRng::seed_from_u64(1));
/// let x = Tape::inference().input(Array3::ones((50, 4, 3)));
/// let flow = GradientFlow::of(&rnn, &x, None, |output, _| Ok(output.select(0, 49)?.square().mean()))?;
///
/// let norms = &flow.lanes[0].norms; // ‖∂L/∂hₜ‖
/// assert!(norms[0] < 1e-6 * norms[49]);
/// let diagnosis = flow.diagnosis();
/// assert_eq!(diagnosis.verdict, Verdict::Vanishing);
/// assert!(diagnosis.horizon < 20.0); // steps back to 1 %
/// # Ok(())
/// # }
/// ```
///
/// # References
/// Y. Bengio, P. Simard, P. Frasconi, 1994, <https://doi.org/10.1109/72.279181>; R. Pascanu, T. Mikolov, Y. Bengio, 2013,
/// <https://arxiv.org/abs/1211.5063>
#[derive(Debug, Clone)]
pub struct GradientFlow<C: Cell> {
    /// The loss.
    pub loss: f64,
    /// Every layer in every direction, in the order of [`Recurrent::cells`].
    pub lanes: Vec<Lane<C>>,
    /// `∂L/∂x`, time before batch, `(T, N, I)`.
    pub input: Array3<C::Float>,
}

impl<C: Cell> GradientFlow<C> {
    /// Runs the layer over a sequence, from this state or from zero, and follows the gradient of a loss of its output and its last state
    /// back. Gains and verdict are those of the batch's first sequence; [`GradientFlow::judged_by`] takes another.
    ///
    /// The values of `x` and of the state are read; nothing is put on their tape. The loss is computed on a tape of its own,
    /// `output.tape()`, and what else it needs (a target, a head's parameters) goes there. The layer is run as in
    /// evaluation: without dropout.
    ///
    /// # Shapes
    /// As [`Recurrent::forward_with`], for `x` and state, and for what the loss is given.
    ///
    /// # Errors
    /// As [`Recurrent::forward_with`], and those of the loss; [`Error::FlowSequence`] for a batch without sequences,
    /// [`Error::FlowState`] for a state without features; [`gradus_autograd::Error::NonFiniteLoss`] and
    /// [`NotScalar`](gradus_autograd::Error::NotScalar).
    pub fn of(
        recurrent: &Recurrent<C>,
        x: &Var<C::Float>,
        state: Option<&C::State>,
        loss: impl FnOnce(&Var<C::Float>, &C::State) -> Result<Var<C::Float>>,
    ) -> Result<Self> {
        // The layer itself checks what it is given, and its output is what the loss sees.
        let tape = Tape::inference();
        let given = state.map(|state| state.carry(&tape));
        let (output, last) = recurrent.forward_with(&tape.input(x.value().clone()), given.as_ref())?;
        let batch = last.hidden().shape().get(1).copied().unwrap_or(0);
        if batch == 0 {
            return Err(Error::FlowSequence { operation: "gradient_flow", sequence: 0, batch }.into());
        }
        if recurrent.cells.iter().any(|cell| cell.state_sizes().iter().sum::<usize>() == 0) {
            return Err(Error::FlowState { operation: "gradient_flow" }.into());
        }

        let tape = Tape::recording();
        let variable = |value: &Var<C::Float>| tape.variable(value.value().clone());
        let (output, last) = (variable(&output), last.mapped(variable));
        let loss = loss(&output, &last)?;
        let value = loss.item().map_or(f64::NAN, Real::to_f64);
        let gradients = loss.backward()?;
        let gradient = |variable: &Var<C::Float>| match gradients.get(variable) {
            Some(gradient) => gradient.clone(),
            None => Value::zeros(variable.value().raw_dim()),
        };
        let d_last: Vec<_> = last.parts().into_iter().map(gradient).collect();

        let read = read(recurrent, x, given.as_ref())?;
        let mut dy = in_time(gradient(&output), recurrent.batch_first);
        let mut lanes = Vec::with_capacity(read.len());
        let mut of_layer = Vec::new();
        for (place, read) in read.into_iter().enumerate().rev() {
            let width = read.output.dim().2;
            let start = place % recurrent.directions() * width;
            let direct = dy.slice_axis(Axis(2), (start..start + width).into()).to_owned();
            let (lane, dx) = read.back(&direct, of_cell(&d_last, place))?;
            of_layer.push(dx);
            lanes.push(lane);
            if place % recurrent.directions() == 0 {
                // Both directions read the same input.
                dy = std::mem::take(&mut of_layer).into_iter().reduce(|a, b| a + b).unwrap_or(dy);
            }
        }
        lanes.reverse();
        Ok(Self { loss: value, lanes, input: dy }.judged_by(0)?)
    }

    /// With the gains, and so the verdict, of another sequence of the batch.
    ///
    /// # Errors
    /// [`Error::FlowSequence`] for a sequence that the batch does not have.
    pub fn judged_by(mut self, sequence: usize) -> crate::Result<Self> {
        self.lanes.iter_mut().try_for_each(|lane| lane.judge(sequence))?;
        Ok(self)
    }

    /// The diagnosis of the lane that is worst off: one that explodes before one that vanishes, and of these the one with the
    /// shortest horizon.
    #[must_use]
    pub fn diagnosis(&self) -> Diagnosis {
        let all = self.lanes.iter().map(Lane::diagnosis);
        all.min_by(Diagnosis::worse_first).unwrap_or_else(|| Diagnosis::of(&[]))
    }

    /// What to do about the diagnosis, in the order in which to try.
    #[must_use]
    pub fn advice(&self) -> Vec<Advice> {
        Advice::for_cell(C::NAME, &self.diagnosis())
    }

    /// The number `T` of steps.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.lanes.first().map_or(0, Lane::steps)
    }
}

/// All layers over the sequence, step by step.
fn read<C: Cell>(recurrent: &Recurrent<C>, x: &Var<C::Float>, state: Option<&C::State>) -> crate::Result<Vec<Read<C>>> {
    let mut sequence = in_time(x.value().clone(), recurrent.batch_first);
    let mut all: Vec<Read<C>> = Vec::with_capacity(recurrent.cells.len());
    for (layer, cells) in recurrent.cells.chunks(recurrent.directions()).enumerate() {
        for (cell, direction) in cells.iter().zip([Direction::Forward, Direction::Reverse]) {
            let place = all.len();
            let own = |part: &Var<C::Float>| step::row(part.value(), place);
            let state = state.map(|state| state.parts().into_iter().map(own).collect());
            all.push(Read::new((recurrent.ending(place), layer, direction), cell, sequence.clone(), state)?);
        }
        let outputs: Vec<_> = all[all.len() - cells.len()..].iter().map(|read| read.output.view()).collect();
        sequence = concatenate(Axis(2), &outputs).expect("outputs of one layer are of the same sequence");
    }
    Ok(all)
}

/// Time before batch, `(T, N, …)`.
fn in_time<F: Real>(value: Value<F>, batch_first: bool) -> Array3<F> {
    let mut array = value.into_array().into_dimensionality::<Ix3>().expect("the layer has checked the axes");
    if batch_first {
        array.swap_axes(0, 1);
    }
    array
}
