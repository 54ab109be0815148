//! What sequences are turned into: recurrent layers with a head, in the three usual shapes.
//!
//! | reads | says | |
//! | --- | --- | --- |
//! | a sequence | one thing at its end | [`ManyToOne`] |
//! | a sequence | one thing at every step | [`ManyToMany`] |
//! | a beginning | how it goes on | [`OneToMany`]; of tokens [`Generate`](crate::generate::Generate) |
//! | a sequence | another sequence | [`seq2seq`](crate::seq2seq) |

use crate::{Cell, Error, Recurrent};
use gradus_autograd::{Var, concatenate};
use gradus_nn_layers::{Layer, Linear, Module, Result};
use rand::Rng;

/// A sequence in, one output at its end: a class, a number.
///
/// ```text
/// y = W h_T + b
/// ```
///
/// In two directions `h_T` is both final states side by side.
///
/// # Shapes
/// input `(T, N, input_size)`, or batch first if the layers are; output `(N, outputs)`
///
/// # Examples
/// ```
/// use gradus_rnn_bptt::{Layer, Recurrent, RnnCell, Tape, drivers::ManyToOne, ndarray::Array3};
/// use rand::{SeedableRng, rngs::StdRng};
/// let mut rng = StdRng::seed_from_u64(1);
/// let recurrent = Recurrent::of(RnnCell::<f32>::new(3, 8, &mut rng)).bidirectional(&mut rng);
/// let classifier = ManyToOne::new(recurrent, 10, &mut rng)?;
/// assert_eq!(classifier.forward(&Tape::inference().input(Array3::ones((20, 4, 3))))?.shape(), [4, 10]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
#[derive(Debug, Clone, Module)]
#[module(float = C::Float)]
pub struct ManyToOne<C: Cell> {
    /// The layers that read.
    pub recurrent: Recurrent<C>,
    /// The layer that says, `W` and `b`.
    pub head: Linear<C::Float>,
}

/// A sequence in, one output at every step.
///
/// ```text
/// yₜ = W hₜ + b
/// ```
///
/// # Shapes
/// input `(T, N, input_size)`, output `(T, N, outputs)`; or both batch first if the layers are
///
/// # Examples
/// ```
/// use gradus_rnn_bptt::{Layer, Recurrent, RnnCell, Tape, drivers::ManyToMany, ndarray::Array3};
/// use rand::{SeedableRng, rngs::StdRng};
/// let mut rng = StdRng::seed_from_u64(1);
/// let tagger = ManyToMany::new(Recurrent::of(RnnCell::<f32>::new(3, 8, &mut rng)), 5, &mut rng)?;
/// assert_eq!(tagger.forward(&Tape::inference().input(Array3::ones((20, 4, 3))))?.shape(), [20, 4, 5]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
#[derive(Debug, Clone, Module)]
#[module(float = C::Float)]
pub struct ManyToMany<C: Cell> {
    /// The layers that read.
    pub recurrent: Recurrent<C>,
    /// The layer that says, `W` and `b`.
    pub head: Linear<C::Float>,
}

/// A beginning in, its continuation out: each output is the next input.
///
/// ```text
/// yₜ = W hₜ + b,  xₜ₊₁ = yₜ
/// ```
///
/// The gradient flows back through what is fed back, too.
///
/// # Shapes
/// beginning `(T, N, size)` with `T` of at least 1, continuation `(steps, N, size)`, time first whatever the layers'
/// own order
///
/// # Examples
/// ```
/// use gradus_rnn_bptt::{Recurrent, RnnCell, Tape, drivers::OneToMany, ndarray::Array3};
/// use rand::{SeedableRng, rngs::StdRng};
/// let mut rng = StdRng::seed_from_u64(1);
/// let model = OneToMany::new(Recurrent::of(RnnCell::<f32>::new(2, 8, &mut rng)), &mut rng)?;
/// let one = Tape::inference().input(Array3::ones((1, 4, 2)));
/// assert_eq!(model.forward(&one, 30)?.shape(), [30, 4, 2]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
#[derive(Debug, Clone, Module)]
#[module(float = C::Float)]
pub struct OneToMany<C: Cell> {
    /// The layers that read, in one direction.
    pub recurrent: Recurrent<C>,
    /// The layer that says what is read next, `W` and `b`.
    pub head: Linear<C::Float>,
}

impl<C: Cell> ManyToOne<C> {
    /// A head of so many outputs on these layers. Draws it as [`Linear::new`] does.
    ///
    /// # Errors
    /// [`Error::Layers`] for no layers.
    pub fn new(recurrent: Recurrent<C>, outputs: usize, rng: &mut (impl Rng + ?Sized)) -> Result<Self> {
        let (_, width) = recurrent.widths("many to one")?;
        Ok(Self { recurrent, head: Linear::new(width, outputs, rng) })
    }
}

impl<C: Cell> Layer<C::Float> for ManyToOne<C> {
    fn forward(&self, x: &Var<C::Float>) -> Result<Var<C::Float>> {
        self.head.forward(&self.recurrent.last(x)?)
    }
}

impl<C: Cell> ManyToMany<C> {
    /// A head of so many outputs on these layers. Draws it as [`Linear::new`] does.
    ///
    /// # Errors
    /// [`Error::Layers`] for no layers.
    pub fn new(recurrent: Recurrent<C>, outputs: usize, rng: &mut (impl Rng + ?Sized)) -> Result<Self> {
        let (_, width) = recurrent.widths("many to many")?;
        Ok(Self { recurrent, head: Linear::new(width, outputs, rng) })
    }

    /// The outputs, and the state to go on from.
    ///
    /// # Errors
    /// As [`Recurrent::forward_with`].
    #[track_caller]
    pub fn forward_with(&self, x: &Var<C::Float>, state: Option<&C::State>) -> Result<(Var<C::Float>, C::State)> {
        let (h, state) = self.recurrent.forward_with(x, state)?;
        Ok((self.head.forward(&h)?, state))
    }
}

impl<C: Cell> Layer<C::Float> for ManyToMany<C> {
    fn forward(&self, x: &Var<C::Float>) -> Result<Var<C::Float>> {
        Ok(self.forward_with(x, None)?.0)
    }
}

impl<C: Cell> OneToMany<C> {
    /// A head on these layers, as wide as their input. Draws it as [`Linear::new`] does.
    ///
    /// # Errors
    /// [`Error::TwoDirections`] for layers in two directions, [`Error::Layers`] for none.
    pub fn new(recurrent: Recurrent<C>, rng: &mut (impl Rng + ?Sized)) -> Result<Self> {
        let (input, output) = recurrent.causal("one to many")?;
        Ok(Self { recurrent, head: Linear::new(output, input, rng) })
    }

    /// Reads the beginning and goes on by itself for so many steps.
    ///
    /// # Errors
    /// [`Error::Setting`] for 0 steps, and as [`Recurrent::forward_with`].
    #[track_caller]
    pub fn forward(&self, beginning: &Var<C::Float>, steps: usize) -> Result<Var<C::Float>> {
        Error::at_least(1, "one to many", "steps", steps, "at least 1 step would fit")?;
        let (h, mut state) = self.recurrent.forward_in_time(beginning, None, None)?;
        let last = beginning.shape()[0] - 1;
        let mut outputs = vec![self.head.forward(&h.slice_axis(0, last..last + 1, 1)?)?];
        while outputs.len() < steps {
            let (h, after) = self.recurrent.forward_in_time(&outputs[outputs.len() - 1], None, Some(&state))?;
            outputs.push(self.head.forward(&h)?);
            state = after;
        }
        Ok(concatenate(0, &outputs.iter().collect::<Vec<_>>())?)
    }
}
