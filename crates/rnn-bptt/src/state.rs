//! What a recurrent network hands from one step to the next.

use gradus_autograd::{Real, Tape, Value, Var};

/// The state of a recurrent network: one array, or several as in an LSTM.
///
/// Three things are done to a state between two pieces of a sequence, and each has its name:
/// - **zero**: begin anew, [`Recurrent::zero_state`](crate::Recurrent::zero_state) or no state at all;
/// - **carry**: go on where the last piece ended, on the tape of the next, [`State::carry`];
/// - **cut**: go on with the values, but let no gradient through, [`State::cut`].
///
/// Handed on as it is, a state lets the gradient flow back into the piece before.
///
/// # Examples
/// ```
/// use gradus_rnn_bptt::{State, Tape, ndarray::array};
/// let tape = Tape::<f64>::recording();
/// let h = tape.variable(array![1.0, 2.0]).square();
/// assert!(h.needs_gradient());
/// assert!(!h.cut().needs_gradient());
/// let next = Tape::recording();
/// assert_eq!(h.carry(&next).value(), h.value());
/// ```
pub trait State: Clone {
    /// The number type.
    type Float: Real;

    /// The arrays that it consists of; the first is the one that is the step's output.
    fn parts(&self) -> Vec<&Var<Self::Float>>;

    /// The state of these arrays, in the order of [`State::parts`]. Nothing if it is another number of them.
    fn from_parts(parts: Vec<Var<Self::Float>>) -> Option<Self>;

    /// The array that is the step's output, `h`.
    fn hidden(&self) -> &Var<Self::Float>;

    /// The same values, through which no gradient flows: back-propagation through time ends here.
    #[must_use]
    fn cut(&self) -> Self {
        self.mapped(Var::detach)
    }

    /// The same values on another tape, where the next piece of the sequence is recorded. No gradient flows from one tape
    /// to another.
    #[must_use]
    fn carry(&self, tape: &Tape<Self::Float>) -> Self {
        self.mapped(|part| tape.input(part.value().clone()))
    }

    /// The state whose arrays are a function of this one's.
    #[must_use]
    fn mapped(&self, map: impl FnMut(&Var<Self::Float>) -> Var<Self::Float>) -> Self {
        let parts = self.parts().into_iter().map(map).collect();
        Self::from_parts(parts).expect("a state is made of as many arrays as it consists of")
    }

    /// As [`State::mapped`], for a function that can fail.
    ///
    /// # Errors
    /// Those of the function.
    fn try_mapped<E>(&self, map: impl FnMut(&Var<Self::Float>) -> Result<Var<Self::Float>, E>) -> Result<Self, E> {
        let parts = self.parts().into_iter().map(map).collect::<Result<_, E>>()?;
        Ok(Self::from_parts(parts).expect("a state is made of as many arrays as it consists of"))
    }
}

/// The state of an Elman network and of a GRU: one array.
impl<F: Real> State for Var<F> {
    type Float = F;

    fn parts(&self) -> Vec<&Self> {
        vec![self]
    }

    fn from_parts(mut parts: Vec<Self>) -> Option<Self> {
        if parts.len() == 1 { parts.pop() } else { None }
    }

    fn hidden(&self) -> &Self {
        self
    }
}

/// The same numbers in memory of their own: what is kept for long must not be a row that keeps a whole array alive.
pub(crate) fn compact<F: Real>(value: &Value<F>) -> Value<F> {
    let mut copy = Value::unspecified(value.raw_dim());
    copy.assign(value);
    copy
}
