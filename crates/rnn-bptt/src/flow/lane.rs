//! One layer in one direction: its gradients at every step.

use super::spectrum::norm;
use super::step::{Pulled, jacobian, pull, row, side_by_side};
use super::{Diagnosis, Jacobians, verdict};
use crate::bptt::Direction;
use crate::{Cell, Error, Result, State};
use gradus_autograd::{Leaf, Real, Tape, Value, Var};
use ndarray::{Array2, Array3, ArrayD, Axis};

/// One layer in one direction, and the gradient at each of its steps. `t` is the place in the sequence in both directions.
#[derive(Debug, Clone)]
pub struct Lane<C: Cell> {
    /// The ending of its parameters' names: `l0`, `l0_reverse`, `l1` …
    pub name: String,
    /// The layer, from 0.
    pub layer: usize,
    /// The way in which it reads the sequence.
    pub direction: Direction,
    /// The gradient with respect to each array of the state: `h`; of an LSTM `h` and `c`.
    pub states: Vec<StateGradient<C::Float>>,
    /// `‖λₜ‖`, the gradient with respect to the whole state that is handed to the next step, all its arrays as one.
    pub norms: Vec<f64>,
    /// The norm of what comes to `λₜ` from the step that reads `sₜ`: `‖Jᵀ λ‖`. 0 where none does. The rest is the direct
    /// part, from an output that the loss or the next layer reads.
    pub carried: Vec<f64>,
    /// Each parameter's gradient, step by step.
    pub shares: Vec<WeightShares<C::Float>>,
    /// The sequence of the batch that [`Lane::ln_gains`] are of.
    pub sequence: usize,
    /// `ln gₖ`, by the number `k` of steps back from the last that it reads, from 0 to `T`, where the first state is: the gain of
    /// the product of Jacobians, see [`Diagnosis`].
    pub ln_gains: Vec<f64>,
    /// Takes single steps again. Its parameters are no others than the layer's, under other identities.
    cell: C,
    /// `(T, N, I)`
    input: Value<C::Float>,
    /// The state that each step reads.
    before: Vec<Vec<Value<C::Float>>>,
    /// `λₜ`, `(T, N, S)`
    gradient: Array3<C::Float>,
}

/// The gradient with respect to one array of the state, as `retain_gradient` would show it on the tape of the unrolled network.
///
/// An array that others of the same step are computed from acts through these, too: `cₜ` of an LSTM through `hₜ`. The `λₜ` of
/// [`Lane::norms`] has that path in its `h`, so that it is the Jacobian's transpose that takes it one step back.
#[derive(Debug, Clone)]
pub struct StateGradient<F: Real> {
    /// Its name: `h`, then `c`.
    pub name: String,
    /// `∂L/∂hₜ` at every step, `(T, N, H)`.
    pub gradients: Array3<F>,
    /// `‖∂L/∂hₜ‖` over the whole batch.
    pub norms: Vec<f64>,
}

/// A parameter's gradient as the sum that it is, `∂L/∂W = Σₜ (∂L/∂W)ₜ`.
#[derive(Debug, Clone)]
pub struct WeightShares<F: Real> {
    /// The parameter, by its name in the layer: `weight_hh_l0`.
    pub name: String,
    /// The sum over all steps, which is the ordinary gradient.
    pub total: ArrayD<F>,
    /// The norm of each step's share.
    pub norms: Vec<f64>,
    /// The cosine of the angle between each share and the sum: 1 where they point the same way, negative where the step
    /// pulls against the others. 0 where one of the two is zero.
    pub cosines: Vec<f64>,
}

/// A layer that has read the sequence and waits for the gradient.
pub(super) struct Read<C: Cell> {
    pub(super) name: String,
    pub(super) layer: usize,
    pub(super) direction: Direction,
    cell: C,
    input: Value<C::Float>,
    before: Vec<Vec<Value<C::Float>>>,
    /// `(T, N, H)`
    pub(super) output: Array3<C::Float>,
}

impl<C: Cell> Read<C> {
    /// Step after step from this state. The shapes have been checked.
    pub(super) fn new(
        (name, layer, direction): (String, usize, Direction),
        cell: &C,
        input: Array3<C::Float>,
        state: Option<Vec<Value<C::Float>>>,
    ) -> Result<Self> {
        let tape = Tape::inference();
        let (steps, batch, _) = input.dim();
        let mut state = match state {
            Some(parts) => parts.into_iter().map(|part| tape.input(part)).collect(),
            None => cell.zero_state(&tape, batch).parts().into_iter().cloned().collect::<Vec<_>>(),
        };
        let mut before = vec![Vec::new(); steps];
        let mut output = Array3::zeros((steps, batch, cell.output_size()));
        for t in times(steps, direction) {
            before[t] = state.iter().map(|part| part.value().clone()).collect();
            let x = tape.input(input.index_axis(Axis(0), t).to_owned());
            let read = C::State::from_parts(state).expect("a state was taken apart and is put together");
            let after = cell.step(&x, &read)?;
            output.index_axis_mut(Axis(0), t).into_dyn().assign(&**after.hidden().value());
            state = after.parts().into_iter().cloned().collect();
        }
        Ok(Self { name, layer, direction, cell: cell.clone(), input: input.into(), before, output })
    }

    /// Looks at a step with what it reads.
    pub(super) fn at<R>(&self, t: usize, look: impl FnOnce(&C, &Var<C::Float>, &C::State) -> Result<R>) -> Result<R> {
        let tape = Tape::inference();
        let x = tape.input(self.input.index_axis(Axis(0), t).to_owned());
        let parts = self.before[t].iter().map(|part| tape.input(part.clone())).collect();
        look(&self.cell, &x, &C::State::from_parts(parts).expect("a state was taken apart and is put together"))
    }

    /// Back-propagation through time, from the direct parts of the gradient with respect to the outputs, `(T, N, H)`, and that with
    /// respect to the state after the last step, `(N, S)`. Returns `∂L/∂x` beside the lane.
    pub(super) fn back(self, direct: &Array3<C::Float>, last: Array2<C::Float>) -> Result<(Lane<C>, Array3<C::Float>)> {
        let (steps, batch, hidden) = direct.dim();
        let size = last.ncols();
        let mut lane = Lane {
            name: self.name,
            layer: self.layer,
            direction: self.direction,
            states: Vec::new(),
            norms: vec![0.0; steps],
            carried: vec![0.0; steps],
            shares: Vec::new(),
            sequence: 0,
            ln_gains: Vec::new(),
            cell: self.cell,
            input: self.input,
            before: self.before,
            gradient: Array3::zeros((steps, batch, size)),
        };
        let mut dx = Array3::zeros((steps, batch, lane.cell.input_size()));
        let named: Vec<_> =
            lane.cell.parameters().into_iter().map(|(name, parameter)| (name, parameter.id())).collect();
        let mut totals: Vec<_> =
            lane.cell.parameters().iter().map(|(_, w)| ArrayD::zeros(w.value().raw_dim())).collect();
        let trained: Vec<_> = lane.cell.parameters().iter().map(|(_, w)| w.is_trainable()).collect();
        let sizes = lane.cell.state_sizes();
        let mut states: Vec<_> = sizes.iter().map(|&size| Array3::zeros((steps, batch, size))).collect();
        let mut arriving = last;
        let mut is_last = true;
        for t in times(steps, lane.direction).rev() {
            // What the loss takes from the last state is no step's; it counts as direct.
            lane.carried[t] = if std::mem::take(&mut is_last) { 0.0 } else { norm(numbers(arriving.iter())) };
            let mut now = arriving;
            let mut read = now.slice_axis_mut(Axis(1), (..hidden).into());
            read.zip_mut_with(&direct.index_axis(Axis(0), t), |now, &direct| *now += direct);
            lane.norms[t] = norm(numbers(now.iter()));
            lane.gradient.index_axis_mut(Axis(0), t).assign(&now);
            let Pulled { x, before, parts, parameters } = lane.pull(t)?;
            for (all, part) in states.iter_mut().zip(&parts) {
                all.index_axis_mut(Axis(0), t).assign(part);
            }
            dx.index_axis_mut(Axis(0), t).assign(&x);
            for ((_, id), total) in named.iter().zip(&mut totals) {
                if let Some(share) = parameters.as_ref().and_then(|gradients| gradients.get_id(*id)) {
                    total.zip_mut_with(&**share, |total, &share| *total += share);
                }
            }
            arriving = before;
        }

        let state = |(place, gradients): (usize, Array3<C::Float>)| {
            let norms = gradients.outer_iter().map(|g| norm(numbers(g.iter()))).collect();
            let name = ["h", "c"].get(place).map_or_else(|| format!("s{place}"), |name| (*name).to_owned());
            StateGradient { name, gradients, norms }
        };
        lane.states = states.into_iter().enumerate().map(state).collect();
        lane.share_out(
            named
                .into_iter()
                .map(|(name, _)| name)
                .zip(totals)
                .zip(trained)
                .filter_map(|((name, total), trained)| trained.then_some((name, total))),
        )?;
        Ok((lane, dx))
    }
}

impl<C: Cell> Lane<C> {
    /// The number `T` of steps.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.norms.len()
    }

    /// What each step adds to the gradients of the parameters, `(∂L/∂W)ₜ` for each that is trained, by their names in the layer: computed
    /// again from `λₜ`, since all of them together would be `T` times as large as the model.
    ///
    /// # Examples
    /// ```
    /// use gradus_rnn_bptt::{Rnn, Tape, flow::GradientFlow, ndarray::{Array3, ArrayD}};
    /// use rand::{SeedableRng, rngs::StdRng};
    /// # fn main() -> gradus_nn_layers::Result<()> {
    /// let rnn: Rnn<f64> = Rnn::new(2, 3, &mut StdRng::seed_from_u64(1));
    /// let x = Tape::inference().input(Array3::ones((5, 4, 2)));
    /// let flow = GradientFlow::of(&rnn, &x, None, |output, _| Ok(output.square().mean()))?;
    /// let lane = &flow.lanes[0];
    /// let mut sum = ArrayD::zeros(vec![3, 3]);
    /// for t in 0..5 {
    ///     let (name, share) = &lane.share(t)?[1];
    ///     assert_eq!(name, "weight_hh_l0");
    ///     sum += share;
    /// }
    /// assert!((sum - &lane.shares[1].total).iter().all(|rest| rest.abs() < 1e-15));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::FlowStep`] for a step that the sequence does not have.
    pub fn share(&self, t: usize) -> Result<Vec<(String, ArrayD<C::Float>)>> {
        if t >= self.steps() {
            return Err(Error::FlowStep { operation: "share", step: t, steps: self.steps() });
        }
        let parameters = self.pull(t)?.parameters;
        let trained = self.cell.parameters().into_iter().filter(|(_, parameter)| parameter.is_trainable());
        let of_step = trained.map(|(name, parameter)| {
            let share = parameters.as_ref().and_then(|gradients| gradients.get(parameter));
            let zeros = || ArrayD::zeros(parameter.value().raw_dim());
            (format!("{name}_{}", self.name), share.map_or_else(zeros, |share| share.clone().into_array()))
        });
        Ok(of_step.collect())
    }

    /// The Jacobians of all steps for one sequence of the batch.
    ///
    /// # Errors
    /// [`Error::FlowSequence`] for a sequence that the batch does not have.
    pub fn jacobians(&self, sequence: usize) -> Result<Jacobians> {
        let frozen = self.frozen(sequence)?;
        let matrices = (0..self.steps()).map(|t| self.jacobian(&frozen, t, sequence)).collect::<Result<_>>()?;
        Ok(Jacobians { sequence, direction: self.direction, matrices })
    }

    /// What the gains say of this lane.
    #[must_use]
    pub fn diagnosis(&self) -> Diagnosis {
        Diagnosis::of(&self.ln_gains)
    }

    /// The steps in the order in which the cell reads them.
    pub(super) fn times(&self) -> impl DoubleEndedIterator<Item = usize> + use<C> {
        times(self.steps(), self.direction)
    }

    /// Computes the gains for this sequence.
    pub(super) fn judge(&mut self, sequence: usize) -> Result<()> {
        let frozen = self.frozen(sequence)?;
        let jacobians = self.times().rev().map(|t| self.jacobian(&frozen, t, sequence));
        self.ln_gains = verdict::ln_gains(self.gradient.dim().2, jacobians)?;
        self.sequence = sequence;
        Ok(())
    }

    /// The cell without a wish for its parameters' gradients.
    fn frozen(&self, sequence: usize) -> Result<C> {
        let batch = self.gradient.dim().1;
        if sequence >= batch {
            return Err(Error::FlowSequence { operation: "jacobians", sequence, batch });
        }
        let mut cell = self.cell.clone();
        cell.set_trainable(false, &|_| true);
        Ok(cell)
    }

    fn jacobian(&self, cell: &C, t: usize, sequence: usize) -> Result<Array2<f64>> {
        let x = Value::from(self.input.index_axis(Axis(0), t).index_axis(Axis(0), sequence).to_owned());
        let before: Vec<_> = self.before[t].iter().map(|part| row(part, sequence)).collect();
        jacobian(cell, &x, &before)
    }

    /// What `λₜ` becomes of the step that ends in `sₜ`.
    fn pull(&self, t: usize) -> Result<Pulled<C::Float>> {
        let x = self.input.index_axis(Axis(0), t).to_owned().into();
        pull(&self.cell, x, self.before[t].clone(), self.gradient.index_axis(Axis(0), t).to_owned())
    }

    /// Compares each step's share with the sum.
    fn share_out(&mut self, totals: impl Iterator<Item = (String, ArrayD<C::Float>)>) -> Result<()> {
        self.shares = totals
            .map(|(name, total)| WeightShares {
                name: format!("{name}_{}", self.name),
                total,
                norms: Vec::new(),
                cosines: Vec::new(),
            })
            .collect();
        for t in 0..self.steps() {
            let of_step = self.share(t)?;
            for (shares, (_, share)) in self.shares.iter_mut().zip(of_step) {
                let (length, whole) = (norm(numbers(share.iter())), norm(numbers(shares.total.iter())));
                let cosine = |(a, b): (f64, f64)| (a / length) * (b / whole);
                let both = numbers(share.iter()).zip(numbers(shares.total.iter()));
                let defined = length > 0.0 && whole > 0.0;
                shares.cosines.push(if defined { both.map(cosine).sum() } else { 0.0 });
                shares.norms.push(length);
            }
        }
        Ok(())
    }
}

/// The steps in the order in which they are read.
fn times(steps: usize, direction: Direction) -> impl DoubleEndedIterator<Item = usize> {
    (0..steps).map(move |k| match direction {
        Direction::Forward => k,
        Direction::Reverse => steps - 1 - k,
    })
}

fn numbers<'a, F: Real>(numbers: impl Iterator<Item = &'a F> + Clone) -> impl Iterator<Item = f64> + Clone {
    numbers.map(|x| x.to_f64())
}

/// The gradient with respect to the arrays of the states of all cells, `(L·D, N, size)` each, for one cell.
pub(super) fn of_cell<F: Real>(parts: &[Value<F>], cell: usize) -> Array2<F> {
    let of_cell: Vec<_> = parts.iter().map(|part| row(part, cell)).collect();
    side_by_side(&of_cell)
}
