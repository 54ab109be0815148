//! Values that the recurrent weights and the gates start from.

use super::Recurrent;
use crate::{Cell, Error, LayerNormCell, LstmCell, Result};
use gradus_autograd::Real;
use gradus_nn_layers::init;
use ndarray::{ArrayViewMutD, Axis};
use rand::{Rng, RngExt};

impl<C: Cell> Recurrent<C> {
    /// Draws the recurrent weights of all cells anew as rotations: each gate's block of `weight_hh`, which is square, is orthogonal
    /// by itself.
    ///
    /// The product of Jacobians through which a gradient goes back in time then has no factor but the nonlinearity's derivative
    /// that shrinks or stretches it: it neither vanishes nor explodes with the spectrum of `Wₕₕ`, at the start of training. Of an LSTM with
    /// a projection each block has orthonormal columns.
    ///
    /// # Examples
    /// ```
    /// use gradus_rnn_bptt::{Lstm, ndarray::{Array2, Axis, Ix2}};
    /// use rand::{SeedableRng, rngs::StdRng};
    /// let mut rng = StdRng::seed_from_u64(1);
    /// let lstm: Lstm<f64> = Lstm::new(3, 8, &mut rng).orthogonal_recurrent(&mut rng);
    /// for gate in lstm.cells[0].weight_hh.value().axis_chunks_iter(Axis(0), 8) {
    ///     let gate = gate.into_dimensionality::<Ix2>().unwrap();
    ///     assert!((gate.dot(&gate.t()) - Array2::<f64>::eye(8)).iter().all(|x| x.abs() < 1e-12));
    /// }
    /// ```
    ///
    /// # References
    /// A. M. Saxe, J. L. McClelland, S. Ganguli, *Exact solutions to the nonlinear dynamics of learning in deep linear neural
    /// networks*, 2014, <https://arxiv.org/abs/1312.6120>; for gates, E. Vorontsov et al., *On orthogonality and learning
    /// recurrent networks with long term dependencies*, 2017, <https://arxiv.org/abs/1702.00071>.
    #[must_use]
    pub fn orthogonal_recurrent(self, rng: &mut (impl Rng + ?Sized)) -> Self {
        self.each_recurrent_block(|mut block| {
            let shape = block.raw_dim();
            block
                .assign(&init::orthogonal(shape, 1.0, rng).expect("a block of a matrix has two axes, and 1 is finite"));
        })
    }

    /// Sets the recurrent weights of all cells to the identity, and their biases to 0: an Elman network with ReLU that starts so, the
    /// IRNN, adds up its inputs and keeps them, and its gradients, for as long as it is not taught otherwise.
    ///
    /// Of a cell with gates each gate's block is the identity.
    ///
    /// # Examples
    /// ```
    /// use gradus_rnn_bptt::{Rnn, ndarray::Array2};
    /// use rand::{SeedableRng, rngs::StdRng};
    /// let irnn: Rnn = Rnn::new(3, 8, &mut StdRng::seed_from_u64(1)).relu().identity_recurrent();
    /// assert_eq!(irnn.cells[0].weight_hh.value(), &Array2::eye(8));
    /// ```
    ///
    /// # References
    /// Q. V. Le, N. Jaitly, G. E. Hinton, *A simple way to initialize recurrent networks of rectified linear units*, 2015,
    /// <https://arxiv.org/abs/1504.00941>
    #[must_use]
    pub fn identity_recurrent(self) -> Self {
        let mut layer = self.each_recurrent_block(|mut block| {
            let one = C::Float::from_f64(1.0);
            block.fill(C::Float::from_f64(0.0));
            block.diag_mut().fill(one);
        });
        for cell in &mut layer.cells {
            cell.map_parameters(&mut |name, parameter| {
                if name.starts_with("bias") {
                    parameter.value_mut().fill(C::Float::from_f64(0.0));
                }
            });
        }
        layer
    }

    /// Changes each gate's block of the recurrent weights, `(hidden_size, output_size)`.
    fn each_recurrent_block(mut self, mut change: impl FnMut(ArrayViewMutD<'_, C::Float>)) -> Self {
        for cell in &mut self.cells {
            // The memory's size, where that is another one than the output's.
            let hidden = cell.state_sizes().last().copied().unwrap_or(0);
            cell.map_parameters(&mut |name, parameter| {
                if name == "weight_hh" && hidden > 0 && parameter.shape().len() == 2 {
                    parameter.value_mut().axis_chunks_iter_mut(Axis(0), hidden).for_each(&mut change);
                }
            });
        }
        self
    }

    /// Sets one gate's part of the biases of all cells, `(gates · hidden_size,)`: that of the first name to what is said, that of the
    /// others to 0, as they stand in the same sum.
    fn with_gate_bias(
        mut self,
        operation: &'static str,
        gate: usize,
        names: &[&str],
        mut value: impl FnMut(usize, usize) -> f64,
    ) -> Result<Self> {
        for (place, cell) in self.cells.iter_mut().enumerate() {
            let hidden = cell.state_sizes().last().copied().unwrap_or(0);
            let mut found = false;
            cell.map_parameters(&mut |name, bias| {
                if names.contains(&name) {
                    found = true;
                    let own = bias.value_mut().iter_mut().skip(gate * hidden).take(hidden);
                    for (unit, own) in own.enumerate() {
                        *own = C::Float::from_f64(if name == names[0] { value(place, unit) } else { 0.0 });
                    }
                }
            });
            if !found {
                return Err(Error::NoBias { operation, layer: C::NAME });
            }
        }
        Ok(self)
    }
}

/// A cell with the input and the forget gate of an LSTM, in this order the first two of its gates, whose biases can be set.
pub trait ForgetGate: Cell {
    /// The names of the parameters that are added to the sums of the gates.
    const BIASES: [&'static str; 2];
}

impl<F: Real> ForgetGate for LstmCell<F> {
    const BIASES: [&'static str; 2] = ["bias_ih", "bias_hh"];
}

/// The shifts of the normalized sums.
impl<F: Real> ForgetGate for LayerNormCell<LstmCell<F>> {
    const BIASES: [&'static str; 2] = ["norm_ih_bias", "norm_hh_bias"];
}

const INPUT: usize = 0;
const FORGET: usize = 1;

impl<C: ForgetGate> Recurrent<C> {
    /// Sets the bias of the forget gate of all cells to this value; 1 is usual.
    ///
    /// A gate whose sum is 1 keeps 73 % of the memory at each step, one of sum 0 half of it: with a bias of 0 a gradient is
    /// gone after some ten steps, before anything could be learned from it.
    ///
    /// There are two biases in the sum of a gate, one beside each product, as in PyTorch. The first gets the value and
    /// the other 0; to set both, as is often seen, makes a bias of twice the value. With layer normalization it is the shifts that are set.
    ///
    /// # Examples
    /// ```
    /// use gradus_rnn_bptt::Lstm;
    /// use rand::{SeedableRng, rngs::StdRng};
    /// let lstm: Lstm = Lstm::new(3, 2, &mut StdRng::seed_from_u64(1)).forget_bias(1.0)?;
    /// let biases = [&lstm.cells[0].bias_ih, &lstm.cells[0].bias_hh].map(|bias| bias.as_ref().unwrap().value());
    /// assert!((2..4).all(|f| (biases[0][[f]], biases[1][[f]]) == (1.0, 0.0)));
    /// # Ok::<(), gradus_rnn_bptt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NoBias`] if the cells have none, [`Error::StartValue`] for a value that is not finite.
    ///
    /// # References
    /// F. A. Gers, J. Schmidhuber, F. Cummins, *Learning to forget: continual prediction with LSTM*, Neural Computation 12(10),
    /// 2000, <https://doi.org/10.1162/089976600300015015>; R. Jozefowicz, W. Zaremba, I. Sutskever, *An empirical exploration of
    /// recurrent network architectures*, 2015, <https://proceedings.mlr.press/v37/jozefowicz15.html>.
    pub fn forget_bias(self, value: f64) -> Result<Self> {
        let operation = "forget_bias";
        if !value.is_finite() {
            return Err(Error::StartValue { operation, name: "value", value, expected: "a finite number would fit" });
        }
        self.with_gate_bias(operation, FORGET, &C::BIASES, |_, _| value)
    }

    /// Draws the biases of forget and input gate of all cells for dependencies of up to so many steps.
    ///
    /// ```text
    /// b_f = ln u,  b_i = −b_f,    u from U(1, longest − 1)
    /// ```
    ///
    /// A unit whose forget gate stands at `σ(ln u) = u/(u + 1)` keeps its memory for about `u + 1` steps, and one that keeps it
    /// long takes in little at each. Of the two biases of a gate the other one is set to 0, as by [`Recurrent::forget_bias`].
    ///
    /// # Examples
    /// ```
    /// use gradus_rnn_bptt::Lstm;
    /// use rand::{SeedableRng, rngs::StdRng};
    /// let mut rng = StdRng::seed_from_u64(1);
    /// let lstm: Lstm = Lstm::new(3, 2, &mut rng).chrono(50, &mut rng)?;
    /// let bias = lstm.cells[0].bias_ih.as_ref().unwrap().value();
    /// assert!((0..2).all(|i| bias[[i]] == -bias[[2 + i]] && (0.0..=49_f32.ln()).contains(&bias[[2 + i]])));
    /// # Ok::<(), gradus_rnn_bptt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NoBias`] if the cells have none, [`Error::StartValue`] for less than 2 steps.
    ///
    /// # References
    /// C. Tallec, Y. Ollivier, *Can recurrent neural networks warp time?*, 2018, <https://arxiv.org/abs/1804.11188>
    pub fn chrono(self, longest: usize, rng: &mut (impl Rng + ?Sized)) -> Result<Self> {
        let operation = "chrono";
        if longest < 2 {
            let expected = "a dependency of at least 2 steps would fit";
            return Err(Error::StartValue { operation, name: "longest", value: longest as f64, expected });
        }
        let mut draw = || rng.random_range(1.0..=(longest - 1) as f64).ln();
        let units = |cell: &C| cell.state_sizes().last().copied().unwrap_or(0);
        let drawn: Vec<Vec<f64>> = self.cells.iter().map(|cell| (0..units(cell)).map(|_| draw()).collect()).collect();
        self.with_gate_bias(operation, FORGET, &C::BIASES, |cell, unit| drawn[cell][unit])?.with_gate_bias(
            operation,
            INPUT,
            &C::BIASES,
            |cell, unit| -drawn[cell][unit],
        )
    }
}
