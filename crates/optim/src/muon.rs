//! Muon, and the orthogonalization that it is made of.

use crate::rule::setter;
use crate::see::{Change, number, term};
use crate::{AdamW, Optimizer, OptimizerState, Result, State, fused, hyper};
use gradus_linalg::{Real, gemm, memory};
use ndarray::{Array2, ArrayRef2, ArrayViewD, ArrayViewMutD, Ix2};

/// Muon: momentum made orthogonal, so that a matrix moves equally far in all directions.
///
/// ```text
/// θ ← (1 − lr · λ) θ                       (weight_decay λ)
/// b ← μ b + (1 − μ) g                      (momentum μ)
/// d = (1 − μ) g + μ b  with nesterov,  b  without
/// θ ← θ − lr · √max(1, rows / columns) · O(d)
/// ```
///
/// where `O(d)` is near `U Vᵀ` of `d = U Σ Vᵀ`: [`orthogonalize`] computes it.
///
/// | setting | means | default | range |
/// | --- | --- | --- | --- |
/// | `lr` | length of a step, in spectral norm | | at least 0 |
/// | `momentum` | share of the average gradient that is kept | 0.95 | at least 0, less than 1 |
/// | `nesterov` | looks one step ahead | yes | |
/// | `weight_decay` | share of the parameters that vanishes at each step, in units of `lr` | 0.1 | at least 0 |
/// | `ns_steps` | iterations of the orthogonalization | 5 | at least 1 |
///
/// Gradients of weight matrices have a few large singular values and many small ones; a step along them learns a few
/// directions and leaves the others. All singular values of `O(d)` are about 1.
///
/// Orthogonality has a meaning for matrices alone. **Every parameter that is not a matrix** (biases, scales, convolution
/// kernels with their four axes) **is updated by the AdamW that is given to [`Muon::new`]**, whose rate keeps its ratio to this
/// one's. The authors train embeddings and the last layer, which are matrices, by AdamW too: that is for
/// [`Groups`](crate::Groups) to say, by their names.
///
/// These are the formula and the defaults of PyTorch, which takes no parameters but matrices. Keller Jordan's code has
/// `b ← μ b + g`, which is the same but for the scale, and `O` does not see that. The iteration runs in the parameters' own type,
/// where the originals use bfloat16.
///
/// The state takes as much memory as the matrices, and AdamW's for the rest. A step costs `ns_steps` times three products of the
/// matrix's size, which is little beside the products of a batch.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Module, Parameter, Tape, ndarray::array};
/// use gradus_optim::{AdamW, Muon, Optimizer};
/// #[derive(Module)]
/// #[module(float = f64)]
/// struct Affine {
///     weight: Parameter<f64>,
///     bias: Parameter<f64>,
/// }
/// let mut model = Affine { weight: array![[3.0, 0.0], [0.0, 0.1]].into(), bias: array![1.0, 1.0].into() };
/// let mut muon = Muon::new(0.05, AdamW::new(0.01)).weight_decay(0.0);
/// let tape = Tape::recording();
/// let loss = tape.parameter(&model.weight).square().sum() + &tape.parameter(&model.bias).square().sum();
/// muon.step(&mut model, &loss.backward()?)?;
/// // The gradient is thirty times as long in one direction; the step is not.
/// let w = model.weight.value();
/// let ratio = (3.0 - w[[0, 0]]) / (0.1 - w[[1, 1]]);
/// assert!(ratio > 0.6 && ratio < 1.8);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// - K. Jordan, Y. Jin, V. Boza, J. You, F. Cesista, L. Newhouse, J. Bernstein, *Muon: an optimizer for hidden layers in
///   neural networks*, 2024, <https://kellerjordan.github.io/posts/muon/>
/// - J. Liu, J. Su, X. Yao et al., *Muon is scalable for LLM training*, 2025, <https://arxiv.org/abs/2502.16982>
///   (weight decay)
#[derive(Debug, Clone)]
pub struct Muon<F = f32> {
    lr: f64,
    momentum: f64,
    nesterov: bool,
    weight_decay: f64,
    ns_steps: u64,
    state: State<F>,
    others: AdamW<F>,
    /// The rate of the others, in units of `lr`.
    ratio: f64,
}

impl<F: Real> Muon<F> {
    /// Muon with this learning rate for matrices, and AdamW for everything else. Rates from 1e-3 to 2e-2 are usual; it must
    /// not be 0 here, or the ratio of the two is lost.
    #[must_use]
    pub fn new(lr: f64, others: AdamW<F>) -> Self {
        let (state, ratio) = (State::new("muon", &["momentum_buffer"]), others.lr() / lr);
        let mut muon =
            Self { lr, momentum: 0.95, nesterov: true, weight_decay: 0.1, ns_steps: 5, state, others, ratio };
        // A restored rate is computed from the ratio: so is the first one, to have the same bits.
        muon.set_lr(lr);
        muon
    }

    setter! {
        /// With this share of the average gradient kept from step to step.
        momentum(momentum)
    }

    /// With Nesterov's look ahead, or without.
    #[must_use]
    pub fn nesterov(self, nesterov: bool) -> Self {
        Self { nesterov, ..self }
    }

    setter! {
        /// With matrices shrunk by `lr · weight_decay` of themselves at each step.
        weight_decay(weight_decay)
    }

    /// With so many iterations of the orthogonalization.
    #[must_use]
    pub fn ns_steps(self, ns_steps: u64) -> Self {
        Self { ns_steps, ..self }
    }
}

impl<F: Real> Optimizer<F> for Muon<F> {
    fn update(&mut self, name: &str, param: ArrayViewMutD<'_, F>, grad: ArrayViewD<'_, F>) -> Result<()> {
        let &[rows, columns] = param.shape() else { return self.others.update(name, param, grad) };
        let slot = self.state.at(name, param.shape())?;
        slot.steps = slot.steps.saturating_add(1);
        let (momentum, take) = (F::from_f64(self.momentum), F::from_f64(1.0 - self.momentum));
        let mut direction = memory::array::<F, _>((rows, columns)).into_dyn();
        let buffer = slot.arrays();
        if self.nesterov {
            fused(
                direction.view_mut(),
                grad,
                buffer,
                #[inline(always)]
                |d, g, [b]| {
                    *b = momentum * *b + take * g;
                    *d = take * g + momentum * *b;
                },
            );
        } else {
            fused(
                direction.view_mut(),
                grad,
                buffer,
                #[inline(always)]
                |d, g, [b]| {
                    *b = momentum * *b + take * g;
                    *d = *b;
                },
            );
        }
        let direction = direction.into_dimensionality::<Ix2>().expect("it was made a matrix");
        let step = newton_schulz(direction, self.ns_steps);
        let long = (rows as f64 / columns.max(1) as f64).max(1.0).sqrt();
        let (lr, shrink) = (F::from_f64(self.lr * long), F::from_f64(1.0 - self.lr * self.weight_decay));
        fused(
            param,
            step.view().into_dyn(),
            &mut [],
            #[inline(always)]
            |p, d, []| *p = shrink * *p - lr * d,
        );
        memory::give_array(step);
        Ok(())
    }

    fn lr(&self) -> f64 {
        self.lr
    }

    fn set_lr(&mut self, lr: f64) {
        self.lr = lr;
        self.others.set_lr(lr * self.ratio);
    }

    /// Its own, and β₁ of AdamW.
    fn set_momentum(&mut self, momentum: f64) -> Result<()> {
        self.momentum = momentum;
        self.others.set_momentum(momentum)
    }

    fn validate(&self) -> Result<()> {
        hyper::not_negative("muon", "lr", self.lr)?;
        hyper::below_one("muon", "momentum", self.momentum)?;
        hyper::not_negative("muon", "weight_decay", self.weight_decay)?;
        hyper::steps("muon", "ns_steps", self.ns_steps)?;
        self.others.validate()
    }

    /// The matrix `O(d)` is of all elements; of one it shows what the step has made of it.
    fn explain(&self, change: &Change) -> Vec<String> {
        let Self { lr, momentum, nesterov, weight_decay, .. } = *self;
        let &[i, j] = &change.index[..] else {
            return self.others.explain(&Change { lr: self.others.lr(), ..change.clone() });
        };
        let shape = self.state.get(&change.parameter).and_then(|slot| slot.shape());
        let Some(&[rows, columns]) = shape else { return change.plain() };
        let (mut lines, g) = change.gradient_with(0.0);
        let (shrunk, theta) = change.shrunk(lr, weight_decay);
        lines.extend(shrunk);
        let (line, b) = change.average("momentum_buffer", ["b", "μ", "g"], momentum, g);
        lines.push(line);
        let mut d = "b";
        if nesterov {
            let sum = format!("{} · {} + {} · {}", number(1.0 - momentum), term(g), number(momentum), term(b));
            lines.push(format!("d = (1 − μ) g + μ b = {sum} = {}", number((1.0 - momentum) * g + momentum * b)));
            d = "d";
        }
        let long = (rows as f64 / columns.max(1) as f64).max(1.0).sqrt();
        let o = (theta - change.after) / (lr * long);
        let element = if lr == 0.0 {
            format!("O({d})") // any
        } else {
            lines.push(format!("O({d}), near U Vᵀ where {d} = U Σ Vᵀ, is {} at [{i}, {j}]", number(o)));
            term(o)
        };
        let symbol = format!("√max(1, rows / columns) · O({d})");
        lines.push(change.along(theta, lr, [&symbol, &format!("√max(1, {rows} / {columns}) · {element}")]));
        lines
    }

    fn state(&self) -> OptimizerState<F> {
        let mut slots = self.state.save();
        slots.extend(self.others.state().slots);
        OptimizerState { lr: self.lr, slots }
    }

    fn restore(&mut self, state: OptimizerState<F>) -> Result<()> {
        let (others, own): (Vec<_>, Vec<_>) = state.slots.into_iter().partition(|slot| slot.rule == "adamw");
        own.iter().try_for_each(|slot| self.state.check(slot))?;
        self.others.restore(OptimizerState { lr: state.lr * self.ratio, slots: others })?;
        self.state.load(own)?;
        self.lr = state.lr;
        Ok(())
    }
}

/// The orthogonal matrix nearest to a given one, roughly: its singular vectors, with singular values of about 1.
///
/// ```text
/// X ← X / ‖X‖
/// X ← a X + (b X Xᵀ + c (X Xᵀ)²) X         steps times; (a, b, c) = (3.4445, −4.7750, 2.0315)
/// ```
///
/// The iteration leaves the singular vectors as they are and takes each singular value `σ` to `a σ + b σ³ + c σ⁵`. The
/// coefficients make small ones grow fast, at the price of not settling: after 5 steps, values that were at least 1 % of the norm are
/// between 0.68 and 1.14, which serves descent as well as 1. Zeros stay zero. Products are all that it needs, where
/// a decomposition would cost many times as much. It multiplies by the smaller of `X Xᵀ` and `Xᵀ X`.
///
/// # Shapes
/// `X (m, n)`, result `(m, n)`
///
/// # Errors
/// [`Error::HyperParameter`](crate::Error::HyperParameter) if `steps` is 0.
///
/// # Examples
/// ```
/// use gradus_optim::{ndarray::array, orthogonalize};
/// let o = orthogonalize(&array![[5.0, 0.0], [0.0, -1.0]], 5)?;
/// assert!((o[[0, 0]] - 1.0_f64).abs() < 0.32 && (o[[1, 1]] + 1.0).abs() < 0.32 && o[[0, 1]] == 0.0);
/// # Ok::<(), gradus_optim::Error>(())
/// ```
///
/// # References
/// K. Jordan et al., *Muon: an optimizer for hidden layers in neural networks*, 2024,
/// <https://kellerjordan.github.io/posts/muon/>
pub fn orthogonalize<F: Real>(matrix: &ArrayRef2<F>, steps: u64) -> Result<Array2<F>> {
    hyper::steps("orthogonalize", "steps", steps)?;
    Ok(newton_schulz(matrix.to_owned(), steps))
}

/// [`orthogonalize`], in the memory of its argument and one more of its size.
fn newton_schulz<F: Real>(mut x: Array2<F>, steps: u64) -> Array2<F> {
    let [a, b, c] = [3.4445, -4.7750, 2.0315].map(F::from_f64);
    // In f64, where the squares of f32 neither overflow nor vanish; a matrix of zeros stays one.
    let norm = x.iter().map(|x| x.to_f64() * x.to_f64()).sum::<f64>().sqrt();
    let norm = Real::maximum(norm, 1e-7);
    x.mapv_inplace(|x| F::from_f64(x.to_f64() / norm));
    let (rows, columns) = x.dim();
    let side = rows.min(columns);
    let (mut gram, mut poly) = (memory::array::<F, _>((side, side)), memory::array::<F, _>((side, side)));
    let mut next = memory::array::<F, _>((rows, columns));
    let (zero, one, fits) = (F::ZERO, F::one(), "the shapes were made to fit");
    for _ in 0..steps {
        let wide = rows <= columns;
        let (left, right) = if wide { (x.view(), x.t()) } else { (x.t(), x.view()) };
        gemm(one, &left, &right, zero, &mut gram).expect(fits);
        poly.assign(&gram);
        gemm(c, &gram, &gram, b, &mut poly).expect(fits);
        next.assign(&x);
        let (left, right) = if wide { (&poly, &x) } else { (&x, &poly) };
        gemm(one, left, right, a, &mut next).expect(fits);
        std::mem::swap(&mut x, &mut next);
    }
    for spare in [gram, poly, next] {
        memory::give_array(spare);
    }
    x
}
