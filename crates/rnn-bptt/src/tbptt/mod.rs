//! Truncated back-propagation through time.

mod passes;

pub use passes::{Pass, Passes, Start};

use crate::{Error, Result, State};

/// Truncated back-propagation through time: every `k1` steps a backward pass through the last `k2` steps.
///
/// ```text
/// at n = k1, 2 k1, …:    g = ∂/∂θ  Σ Lₜ(θ, s_b),   s_b constant        a pass
///                                  t
/// window   b < t ≤ n,    b = max(0, n − k2)          through these steps the gradient flows
/// counted  c < t ≤ n,    c = max(b, n − k1)          of these steps is the loss
/// ```
///
/// A sequence may be as long as it likes: a pass records `k2` steps, and memory is bounded by these. The price is that no
/// gradient reaches further back: a dependency longer than `k2` steps can only be learned through a state that happens to
/// carry it.
///
/// - **`k1 = k2`**, [`Tbptt::in_pieces`]: the sequence in pieces, each of them computed once. The loss at the beginning of a
///   piece is that of a network with next to no past to learn from.
/// - **`k1 < k2`**: every step's loss reaches back at least `k2 − k1 + 1` steps. The windows overlap: each pass runs its `k2` steps
///   again with the weights of today, from the state that the network was in at its beginning, and counts the loss of the newest
///   `k1`. It costs `k2/k1` times as much. Where `b` is between two passes, the steps from the pass before to `b` are run
///   once more, forward alone.
/// - **`k2 < k1`**: the steps that are in no window are run for the state alone, in runs of `k2`. Their losses have no part in
///   any gradient and are not computed: the loss of step `t` is used if it is among the last `k2` before a pass.
/// - **`k1 ≥ T` and `k2 ≥ T`** is back-propagation through time untruncated, with the same bits; with `k1 < T ≤ k2` and weights that
///   stay, the sum over all passes is the whole gradient.
///
/// In the notation of Williams and Peng this is `BPTT(h; h′)` with `h = k2` and `h′ = k1`, in that of Sutskever's thesis, from
/// which the names are, "every `k1` steps, run BPTT for `k2` steps". They store the activations of the window
/// as they were computed; here the window is computed again where windows overlap, so that its gradient is one of the present weights.
///
/// What happens to the state is said by name and never by default. A run begins from **zero**, [`Tbptt::from_zero`], or
/// from a state that is given, [`Tbptt::from_state`]. From pass to pass the state is **carried**, [`State::carry`]: its
/// values go on, on the next tape, which **cuts** the graph. It is never reset. [`Pass::start`] says how a pass began.
///
/// # Examples
/// A language model's training: embedding, recurrent layer and head, with any optimizer.
/// ```
/// use gradus_nn_layers::{Embedding, Linear, Losses};
/// use gradus_rnn_bptt::{Layer, Module, Rnn, Tape, Tbptt, ndarray::{Array2, s}};
/// use rand::{SeedableRng, rngs::StdRng};
///
/// #[derive(Module)]
/// struct Model {
///     embedding: Embedding,
///     rnn: Rnn,
///     head: Linear,
/// }
///
/// # fn main() -> gradus_nn_layers::Result<()> {
/// let mut rng = StdRng::seed_from_u64(1);
/// let mut model = Model {
///     embedding: Embedding::new(5, 4, &mut rng),
///     rnn: Rnn::new(4, 8, &mut rng),
///     head: Linear::new(8, 5, &mut rng),
/// };
/// let text = Array2::from_shape_fn((101, 2), |(t, n)| (t + n) % 5); // 2 sequences; the target is the next symbol
///
/// let mut passes = Tbptt::new(10, 20)?.from_zero(100);
/// let mut counted = 0;
/// while let Some(pass) = passes.advance(
///     || Tape::training(&mut rng),
///     |tape, steps, state| {
///         let x = model.embedding.forward(tape, &text.slice(s![steps, ..]))?;
///         Ok(model.rnn.forward_with(&x, state)?)
///     },
///     |outputs, steps| {
///         let targets = text.slice(s![steps.start + 1..steps.end + 1, ..]);
///         model.head.forward(outputs)?.transpose(1, 2)?.cross_entropy(&targets) // classes on axis 1
///     },
/// )? {
///     // optimizer.step(&mut model, &pass.gradients)?;
///     # use gradus_nn_layers::ItemMut;
///     model.visit_mut(&mut |_, item| {
///         if let ItemMut::Parameter(parameter) = item
///             && let Some(gradient) = pass.gradients.get(parameter)
///         {
///             parameter.value_mut().scaled_add(-0.1, gradient);
///         }
///     });
///     counted += pass.counted.len();
/// }
/// assert_eq!(counted, 100);
/// # Ok(())
/// # }
/// ```
///
/// # References
/// R. J. Williams, J. Peng, *An efficient gradient-based algorithm for on-line training of recurrent network trajectories*, Neural
/// Computation 2(4), 1990, <https://doi.org/10.1162/neco.1990.2.4.490>; I. Sutskever, *Training recurrent neural networks*,
/// PhD thesis, University of Toronto, 2013, section 2.8.6, <https://www.cs.utoronto.ca/~ilya/pubs/ilya_sutskever_phd_thesis.pdf>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tbptt {
    k1: usize,
    k2: usize,
}

impl Tbptt {
    /// A backward pass every `k1` steps, through the last `k2` steps.
    ///
    /// # Errors
    /// [`Error::Truncation`] if one of them is 0.
    ///
    /// # Examples
    /// ```
    /// use gradus_rnn_bptt::Tbptt;
    /// assert_eq!(
    ///     Tbptt::new(16, 0).unwrap_err().to_string(),
    ///     "tbptt: k1 = 16, k2 = 0: a backward pass comes every k1 steps and goes through the last k2; each is at least 1"
    /// );
    /// ```
    pub fn new(k1: usize, k2: usize) -> Result<Self> {
        if k1 == 0 || k2 == 0 { Err(Error::Truncation { k1, k2 }) } else { Ok(Self { k1, k2 }) }
    }

    /// Pieces of `k` steps: `k1 = k2 = k`.
    ///
    /// # Errors
    /// [`Error::Truncation`] if it is 0.
    pub fn in_pieces(k: usize) -> Result<Self> {
        Self::new(k, k)
    }

    /// The number of steps from one backward pass to the next.
    #[must_use]
    pub fn k1(&self) -> usize {
        self.k1
    }

    /// The number of steps that a backward pass goes through.
    #[must_use]
    pub fn k2(&self) -> usize {
        self.k2
    }

    /// The passes over a sequence of so many steps, from a state of zeros.
    #[must_use]
    pub fn from_zero<'a, S: State>(self, steps: usize) -> Passes<'a, S> {
        Passes::new(self, steps, None)
    }

    /// The passes over a sequence of so many steps, from this state: of [`Passes::state`] where another run ended, say.
    #[must_use]
    pub fn from_state<'a, S: State>(self, steps: usize, state: &S) -> Passes<'a, S> {
        Passes::new(self, steps, Some(state))
    }
}
