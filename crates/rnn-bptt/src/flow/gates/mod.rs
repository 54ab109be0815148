//! The gates of LSTM and GRU over a sequence.

mod heat_map;

use super::figure::Figure;
use super::{in_time, read};
use crate::bptt::Direction;
use crate::{Cell, Error, GruCell, LstmCell, LstmState, Recurrent, Result};
use gradus_autograd::{Real, Tape, Value, Var};
use gradus_nn_layers::Parameter;
use ndarray::Array3;

/// A cell with gates: numbers between 0 and 1 that say how much is let through.
pub trait Gated: Cell {
    /// Their names, as in the formulas.
    const GATES: &'static [&'static str];

    /// The values of the gates in one step, in the order of [`Gated::GATES`].
    ///
    /// # Shapes
    /// `x (N, input_size)`, each array of the state `(N, its size)`, each gate `(N, hidden_size)`
    ///
    /// # Examples
    /// ```
    /// use gradus_rnn_bptt::{Cell, GruCell, Tape, flow::Gated, ndarray::Array2};
    /// use rand::{SeedableRng, rngs::StdRng};
    /// let cell: GruCell = GruCell::new(3, 5, &mut StdRng::seed_from_u64(1));
    /// let tape = Tape::inference();
    /// let gates = cell.gates(&tape.input(Array2::ones((4, 3))), &cell.zero_state(&tape, 4))?;
    /// assert_eq!((GruCell::<f32>::GATES, gates[1].shape()), (&["r", "z"][..], &[4, 5][..]));
    /// # Ok::<(), gradus_rnn_bptt::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Cell::step`].
    fn gates(&self, x: &Var<Self::Float>, state: &Self::State) -> Result<Vec<Var<Self::Float>>>;
}

/// `i = σ(…)`, `f = σ(…)`, `o = σ(…)`, with the peepholes if the cell has them.
impl<F: Real> Gated for LstmCell<F> {
    const GATES: &'static [&'static str] = &["i", "f", "o"];

    #[track_caller]
    fn gates(&self, x: &Var<F>, state: &LstmState<F>) -> Result<Vec<Var<F>>> {
        let after = self.step(x, state)?; // which checks what it is given
        let from_input = product(x, &self.weight_ih, self.bias_ih.as_ref())?;
        let from_state = product(&state.h, &self.weight_hh, self.bias_hh.as_ref())?;
        let sums = from_input.try_add(&from_state)?.split(-1, &[self.hidden_size(); 4])?;
        // The output gate looks at the new memory, the others at the old.
        let seen = [(0, &state.c), (1, &state.c), (3, &after.c)];
        let gate = |(peephole, (gate, c)): (usize, (usize, &Var<F>))| {
            let sum: &Var<F> = &sums[gate];
            Ok(match &self.weight_ch {
                Some(p) => sum.try_add(&c.try_mul(&x.tape().parameter(p).select(0, peephole)?)?)?.sigmoid(),
                None => sum.sigmoid(),
            })
        };
        seen.into_iter().enumerate().map(gate).collect()
    }
}

/// `r = σ(…)`, `z = σ(…)`, the same in both reset conventions.
impl<F: Real> Gated for GruCell<F> {
    const GATES: &'static [&'static str] = &["r", "z"];

    #[track_caller]
    fn gates(&self, x: &Var<F>, h: &Var<F>) -> Result<Vec<Var<F>>> {
        self.step(x, h)?; // which checks what it is given
        let from_input = product(x, &self.weight_ih, self.bias_ih.as_ref())?;
        let from_state = product(h, &self.weight_hh, self.bias_hh.as_ref())?;
        let sums = from_input.try_add(&from_state)?.split(-1, &[self.output_size(); 3])?;
        Ok(sums[..2].iter().map(Var::sigmoid).collect())
    }
}

fn product<F: Real>(x: &Var<F>, weight: &Parameter<F>, bias: Option<&Parameter<F>>) -> Result<Var<F>> {
    let bias = bias.map(|bias| x.tape().parameter(bias));
    Ok(x.affine(&x.tape().parameter(weight), bias.as_ref())?)
}

/// What the gates of a recurrent layer did over a sequence: their values, means and saturation, and pictures of them.
///
/// A gate below 0.1 is *closed*, above 0.9 *open*; both are *saturated*, and little gradient gets through to the weights of a saturated
/// gate, `σ′ = σ (1 − σ) < 0.09`. A forget gate that is open lets the memory's gradient through as it is; one of 0.5 halves it at every step.
///
/// # Examples
/// ```
/// use gradus_rnn_bptt::{Lstm, Tape, flow::GateActivity, ndarray::Array3};
/// use rand::{SeedableRng, rngs::StdRng};
/// let lstm: Lstm = Lstm::new(3, 8, &mut StdRng::seed_from_u64(1));
/// let x = Tape::inference().input(Array3::ones((20, 4, 3)));
/// let activity = GateActivity::of(&lstm, &x, None)?;
/// let forget = &activity.lanes[0].gates[1];
/// assert_eq!((forget.name, forget.values.dim()), ("f", (20, 4, 8)));
/// assert!(forget.means.iter().all(|mean| (0.3..0.7).contains(mean))); // neither open nor closed: half is forgotten
/// let svg = activity.lanes[0].to_svg(0, &[0, 1, 2])?; // of the first sequence, three units
/// assert!(svg.starts_with("<svg"));
/// # Ok::<(), gradus_rnn_bptt::Error>(())
/// ```
///
/// # References
/// A. Karpathy, J. Johnson, L. Fei-Fei, *Visualizing and understanding recurrent networks*, 2015, section 4.2,
/// <https://arxiv.org/abs/1506.02078> (fractions of saturated gates)
#[derive(Debug, Clone, PartialEq)]
pub struct GateActivity {
    /// Every layer in every direction.
    pub lanes: Vec<LaneGates>,
}

/// The gates of one layer in one direction.
#[derive(Debug, Clone, PartialEq)]
pub struct LaneGates {
    /// The ending of its parameters' names: `l0`, `l0_reverse` …
    pub name: String,
    /// The way in which it reads the sequence.
    pub direction: Direction,
    /// The gates, in the order of [`Gated::GATES`].
    pub gates: Vec<Gate>,
}

/// One kind of gate over a batch of sequences.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    /// Its name in the formulas.
    pub name: &'static str,
    /// Its values, `(T, N, hidden_size)`.
    pub values: Array3<f64>,
    /// The mean over all sequences and units at each step.
    pub means: Vec<f64>,
    /// The fraction of all sequences and units below 0.1, at each step.
    pub closed: Vec<f64>,
    /// The fraction above 0.9, at each step.
    pub open: Vec<f64>,
}

impl Gate {
    /// The fraction that is saturated, closed or open, at each step.
    #[must_use]
    pub fn saturated(&self) -> Vec<f64> {
        self.closed.iter().zip(&self.open).map(|(closed, open)| closed + open).collect()
    }

    fn new(name: &'static str, values: Array3<f64>) -> Self {
        let over = |count: &dyn Fn(f64) -> f64| -> Vec<f64> {
            let mean =
                |step: ndarray::ArrayView2<'_, f64>| step.iter().map(|&x| count(x)).sum::<f64>() / step.len() as f64;
            values.outer_iter().map(mean).collect()
        };
        let (means, closed) = (over(&|x| x), over(&|x| f64::from(u8::from(x < 0.1))));
        let open = over(&|x| f64::from(u8::from(x > 0.9)));
        Self { name, values, means, closed, open }
    }
}

impl GateActivity {
    /// Runs the layer over a sequence, from this state or from zero, and notes its gates.
    ///
    /// # Shapes
    /// As [`Recurrent::forward_with`].
    ///
    /// # Errors
    /// As [`Recurrent::forward_with`]; [`Error::FlowSequence`] for a batch without sequences.
    pub fn of<C: Gated>(recurrent: &Recurrent<C>, x: &Var<C::Float>, state: Option<&C::State>) -> Result<Self> {
        let tape = Tape::inference();
        let given = state.map(|state| crate::State::carry(state, &tape));
        let (output, _) = recurrent.forward_with(&tape.input(x.value().clone()), given.as_ref())?;
        let steps = in_time(output.value().clone(), recurrent.batch_first);
        if steps.dim().1 == 0 {
            return Err(Error::FlowSequence { operation: "gate_activity", sequence: 0, batch: 0 });
        }
        let lanes = read(recurrent, x, given.as_ref())?.into_iter().map(|read| {
            let mut gates: Vec<Vec<Value<C::Float>>> = vec![Vec::new(); C::GATES.len()];
            for t in 0..steps.dim().0 {
                let of_step = read.at(t, |cell, x, state| cell.gates(x, state))?;
                gates.iter_mut().zip(of_step).for_each(|(gate, now)| gate.push(now.value().clone()));
            }
            let gates = C::GATES.iter().zip(gates).map(|(name, values)| Gate::new(name, stacked(&values))).collect();
            Ok(LaneGates { name: read.name, direction: read.direction, gates })
        });
        Ok(Self { lanes: lanes.collect::<Result<_>>()? })
    }
}

/// Arrays `(N, H)` of all steps as one.
fn stacked<F: Real>(steps: &[Value<F>]) -> Array3<f64> {
    let shape = steps.first().map_or(&[0, 0][..], |step| step.shape());
    let mut all = Array3::zeros((steps.len(), shape[0], shape[1]));
    for (mut all, step) in all.outer_iter_mut().zip(steps) {
        all.iter_mut().zip(step.iter()).for_each(|(to, from)| *to = from.to_f64());
    }
    all
}

impl LaneGates {
    /// The mean and the saturated fraction of each gate over time, as a picture.
    #[must_use]
    pub fn figure(&self) -> Figure {
        let title = format!("gates of {}", self.name);
        let figure = Figure::shares(&title, "mean (solid), fraction saturated (dashed)");
        self.gates.iter().enumerate().fold(figure, |figure, (place, gate)| {
            let figure = figure.drawn(&format!("{} mean", gate.name), gate.means.clone(), [place, 0]);
            figure.drawn(&format!("{} saturated", gate.name), gate.saturated(), [place, 1])
        })
    }
}
