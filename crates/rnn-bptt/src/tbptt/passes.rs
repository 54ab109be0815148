//! One backward pass after the other.

use super::Tbptt;
use crate::state::compact;
use crate::{ClipLog, Error, State};
use gradus_autograd::{Gradients, Real, Tape, Var};
use gradus_nn_layers::Result;
use std::collections::VecDeque;
use std::ops::Range;

/// What truncated back-propagation has come to on its way through a sequence: made by [`Tbptt::from_zero`] or [`Tbptt::from_state`],
/// driven by [`Passes::advance`].
///
/// Of the steps behind it keeps states alone, one for each pass that the next window reaches back over: `k2/k1`, rounded
/// up, and one more. Kept states share no memory with the arrays that they were cut from.
#[derive(Debug)]
pub struct Passes<'a, S: State> {
    tbptt: Tbptt,
    steps: usize,
    done: usize,
    /// States with the number of steps before them, oldest first; `None` is zero.
    kept: VecDeque<(usize, Option<S>)>,
    clip: Option<&'a mut ClipLog>,
}

/// What one backward pass found.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Pass<F: Real = f32> {
    /// The loss of the counted steps, as the closure computed it.
    pub loss: F,
    /// Its gradients, clipped if [`Passes::clipped`] says so: what the optimizer takes.
    pub gradients: Gradients<F>,
    /// The steps through which the gradient flowed, the last `k2`.
    pub window: Range<usize>,
    /// The steps among them of which the loss is, the newest `k1`.
    pub counted: Range<usize>,
    /// The state with which the window began.
    pub start: Start,
}

/// How a window began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Start {
    /// With a state of zeros, at the beginning of the sequence.
    Zero,
    /// With a state that was carried there, or given, as a constant.
    Carried,
}

impl<'a, S: State> Passes<'a, S> {
    pub(super) fn new(tbptt: Tbptt, steps: usize, state: Option<&S>) -> Self {
        Self { tbptt, steps, done: 0, kept: VecDeque::from([(0, state.map(cut_out))]), clip: None }
    }

    /// Clips the gradients of every pass, and writes it down.
    #[must_use]
    pub fn clipped(self, log: &'a mut ClipLog) -> Self {
        Self { clip: Some(log), ..self }
    }

    /// The steps that are done.
    #[must_use]
    pub fn done(&self) -> usize {
        self.done
    }

    /// The steps of the sequence.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// The state after the steps that are done; `None` is zero. With it another run can go on.
    #[must_use]
    pub fn state(&self) -> Option<&S> {
        self.kept.back()?.1.as_ref()
    }

    /// The next pass; `None` when the sequence is done.
    ///
    /// - `tape` makes the tape of a pass: `|| Tape::training(&mut rng)`. It is asked again for steps that are run for their state
    ///   alone, so that dropout is the same kind of noise in all of them.
    /// - `run` computes a range of steps, from a state or from zero: the outputs and the state after them. It is called once
    ///   or several times, for ranges that follow each other; its layers must read forward.
    /// - `loss` is that of the outputs of the range. If it is a mean, it is one over the counted steps.
    ///
    /// After an error the run is where it was before the call.
    ///
    /// # Errors
    /// Those of the closures and of [`Var::backward`], those of [`ClipLog::clip`], and [`Error::NoSteps`] for a sequence without
    /// steps.
    pub fn advance(
        &mut self,
        mut tape: impl FnMut() -> Tape<S::Float>,
        mut run: impl FnMut(&Tape<S::Float>, Range<usize>, Option<&S>) -> Result<(Var<S::Float>, S)>,
        loss: impl FnOnce(&Var<S::Float>, Range<usize>) -> Result<Var<S::Float>>,
    ) -> Result<Option<Pass<S::Float>>> {
        if self.steps == 0 {
            return Err(Error::NoSteps { operation: "tbptt", found: vec![0] }.into());
        }
        if self.done == self.steps {
            return Ok(None);
        }
        let Tbptt { k1, k2 } = self.tbptt;
        let end = self.done.saturating_add(k1).min(self.steps);
        let begin = end.saturating_sub(k2);
        let window = begin..end;
        let counted = self.done.max(begin)..end;

        // From the last state at or before the window; what lies between is run for its state alone.
        let oldest =
            self.kept.iter().rposition(|&(at, _)| at <= begin).expect("a state is kept until a later one will do");
        let (mut at, mut state) = self.kept[oldest].clone();
        while at < begin {
            let to = at.saturating_add(k2).min(begin);
            let tape = tape();
            let (_, after) = run(&tape, at..to, state.map(|state| state.carry(&tape)).as_ref())?;
            (at, state) = (to, Some(cut_out(&after)));
        }
        let start = if state.is_some() { Start::Carried } else { Start::Zero };

        let tape = tape();
        let mut state = state.map(|state| state.carry(&tape));
        if begin < counted.start {
            let (_, after) = run(&tape, begin..counted.start, state.as_ref())?;
            state = Some(after);
        }
        let (outputs, after) = run(&tape, counted.clone(), state.as_ref())?;
        let loss = loss(&outputs, counted.clone())?;
        let after = cut_out(&after);
        drop((outputs, state)); // what backward frees, it can use again
        let mut gradients = loss.backward().map_err(Error::from)?;
        if let Some(log) = &mut self.clip {
            log.clip(&mut gradients)?;
        }
        let loss = loss.item().expect("a loss that was walked back is one number");

        self.done = end;
        self.kept.push_back((end, Some(after)));
        let next = (end.saturating_add(k1).min(self.steps)).saturating_sub(k2);
        while self.kept.get(1).is_some_and(|&(at, _)| at <= next) {
            self.kept.pop_front();
        }
        Ok(Some(Pass { loss, gradients, window, counted, start }))
    }
}

/// The state's values on a tape of their own, in memory of their own.
fn cut_out<S: State>(state: &S) -> S {
    let tape = Tape::inference();
    state.mapped(|part| tape.input(compact(part.value())))
}
