//! Batch normalization.

mod backward;
mod channels;
mod fold;
mod forward;
mod lanes;
mod record;

use crate::error::hold;
use crate::{Error, Result};
use channels::{Channels, Moments, SLICE};
use gradus_autograd::{Real, Tape, Value, Var};
use gradus_nn_layers::{Buffer, Description, Layer, Module, Parameter, init};
use record::{Statistics, Then};

/// Batch normalization over `R` axes in space: each channel brought to mean 0 and variance 1 over the whole batch, then scaled and
/// shifted.
///
/// ```text
/// y = w_c (x − m_c) / √(v_c + ε) + b_c
///
/// in training:  m, v = mean and variance of the batch's n numbers of a channel, v divided by n
///               running_mean ← (1 − momentum) running_mean + momentum · m
///               running_var  ← (1 − momentum) running_var  + momentum · v n / (n − 1)
/// otherwise:    m, v = running_mean, running_var
///
/// z = (x − m) / √(v + ε)
/// in training:  dx = w (dy − mean dy − z mean(dy z)) / √(v + ε)
/// otherwise:    dx = w dy / √(v + ε)
/// dw_c = Σ dy z,  db_c = Σ dy   over all of the channel
/// ```
///
/// Whether it is training, the layer reads off the tape of its input. A forward pass changes nothing: the new running statistics
/// are noted on the tape ([`Tape::update`]), travel with the gradients, and the optimizer's step puts them in place. A layer
/// that runs twice on one tape notes twice, and the later counts. A running statistic that is NaN is unknown: the batch's takes its place.
///
/// Forward and backward are one entry; the variance is computed in two passes. Result and gradients have the same bits for any number of
/// threads. [`forward_relu`](Self::forward_relu) and [`forward_add_relu`](Self::forward_add_relu) take what follows in a
/// residual network into the same entry; [`fold_into`](Self::fold_into) takes the layer out of a network that is trained.
///
/// | setting | means | default | range |
/// | --- | --- | --- | --- |
/// | `eps` | what is added to the variance | 1e-5 | at least 0 |
/// | `momentum` | the share of the newest batch in the running statistics; `None`: all batches count alike | 0.1 | 0 to 1 |
///
/// Names and defaults are PyTorch's. So is the direction of the momentum: a large one forgets fast.
///
/// # Shapes
/// - input: `(N, C, …)` with `R` axes after the channels and `C = num_features`; [`BatchNorm1d`] takes `(N, C)` too
/// - output: as the input
///
/// # Errors
/// `forward` returns [`Error::InputShape`]; [`Error::OneValue`] in training for a batch with less than two values for each channel,
/// which has no variance; [`Error::ParameterShape`] and [`Error::HyperParameter`].
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Layer, Tape, ndarray::array};
/// use gradus_regularize::BatchNorm1d;
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let layer: BatchNorm1d<f64> = BatchNorm1d::new(2).eps(0.0);
/// let tape = Tape::training(&mut StdRng::seed_from_u64(7));
/// let y = layer.forward(&tape.input(array![[1.0, 10.0], [3.0, -10.0]]))?;
/// assert_eq!(y.value(), &array![[-1.0, 1.0], [1.0, -1.0]]);
///
/// let gradients = y.sum().backward()?; // the mean of the batch is (2, 0)
/// let mean = layer.running_mean.as_ref().expect("it is tracked");
/// assert_eq!(gradients.update_of(mean.id()), Some(&array![0.1 * 2.0, 0.0].into()));
/// assert_eq!(mean.value(), &array![0.0, 0.0]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// S. Ioffe, C. Szegedy, *Batch normalization: accelerating deep network training by reducing internal covariate shift*, 2015,
/// <https://arxiv.org/abs/1502.03167>
#[derive(Debug, Clone, Module)]
pub struct BatchNorm<const R: usize, F: Real = f32> {
    /// Scale `w`, `(num_features,)`; starts as ones.
    pub weight: Option<Parameter<F>>,
    /// Shift `b`, `(num_features,)`; starts as zeros.
    pub bias: Option<Parameter<F>>,
    /// The mean of each channel over the batches so far, `(num_features,)`; starts as zeros.
    pub running_mean: Option<Buffer<F>>,
    /// The variance of each channel over the batches so far, `(num_features,)`; starts as ones.
    pub running_var: Option<Buffer<F>>,
    /// How many batches were seen in training, one number without axes. An `f32` counts to 2²⁴; the count matters
    /// only without a momentum.
    pub num_batches_tracked: Option<Buffer<F>>,
    /// The number of channels.
    pub num_features: usize,
    /// What is added to the variance.
    pub eps: f64,
    /// The share of the newest batch in the running statistics; without one, every batch has the same.
    pub momentum: Option<f64>,
}

/// Batch normalization of vectors `(N, C)` and sequences `(N, C, L)`.
pub type BatchNorm1d<F = f32> = BatchNorm<1, F>;
/// Batch normalization of images `(N, C, H, W)`.
pub type BatchNorm2d<F = f32> = BatchNorm<2, F>;
/// Batch normalization of volumes `(N, C, D, H, W)`.
pub type BatchNorm3d<F = f32> = BatchNorm<3, F>;

/// The name of the operation, that of it with a ReLU, and that of it with a shortcut and a ReLU.
const NAMES: [[&str; 3]; 4] = [
    ["batch_norm", "batch_norm_relu", "batch_norm_add_relu"],
    ["batch_norm1d", "batch_norm1d_relu", "batch_norm1d_add_relu"],
    ["batch_norm2d", "batch_norm2d_relu", "batch_norm2d_add_relu"],
    ["batch_norm3d", "batch_norm3d_relu", "batch_norm3d_add_relu"],
];

const fn names<const R: usize>() -> [&'static str; 3] {
    NAMES[if R < NAMES.len() { R } else { 0 }]
}

const fn operation<const R: usize>() -> &'static str {
    names::<R>()[0]
}

impl<const R: usize, F: Real> BatchNorm<R, F> {
    /// For so many channels, with scale, shift and running statistics.
    #[must_use]
    pub fn new(num_features: usize) -> Self {
        let [ones, zeros] = [init::ones::<F, _>(num_features), init::zeros::<F, _>(num_features)];
        Self {
            weight: Some(ones.clone().into()),
            bias: Some(zeros.clone().into()),
            running_mean: Some(zeros.into()),
            running_var: Some(ones.into()),
            num_batches_tracked: Some(Buffer::new(F::zero())),
            num_features,
            eps: 1e-5,
            momentum: Some(0.1),
        }
    }

    /// The same with neither scale nor shift: there is nothing to train. PyTorch's `affine=False`.
    #[must_use]
    pub fn without_affine(self) -> Self {
        Self { weight: None, bias: None, ..self }
    }

    /// The same without running statistics: those of the batch are used outside training too. PyTorch's
    /// `track_running_stats=False`.
    #[must_use]
    pub fn without_running_stats(self) -> Self {
        Self { running_mean: None, running_var: None, num_batches_tracked: None, ..self }
    }

    /// The same with this `eps`, at least 0.
    #[must_use]
    pub fn eps(self, eps: f64) -> Self {
        Self { eps, ..self }
    }

    /// The same with this momentum, 0 to 1; `None` takes the mean over all batches.
    ///
    /// # Examples
    /// ```
    /// use gradus_regularize::BatchNorm2d;
    /// let layer: BatchNorm2d = BatchNorm2d::new(16).momentum(0.01);
    /// assert_eq!(layer.momentum, Some(0.01));
    /// assert_eq!(layer.momentum(None).momentum, None);
    /// ```
    #[must_use]
    pub fn momentum(self, momentum: impl Into<Option<f64>>) -> Self {
        Self { momentum: momentum.into(), ..self }
    }

    /// Checks the settings and the shapes of what the layer holds; `forward` does so too.
    ///
    /// # Errors
    /// [`Error::HyperParameter`] or [`Error::ParameterShape`], with the value or the shape.
    pub fn validate(&self) -> Result<()> {
        let operation = operation::<R>();
        hold(self.eps >= 0.0 && self.eps.is_finite(), operation, "eps", self.eps, "finite and at least 0")?;
        let momentum = self.momentum.unwrap_or(0.0);
        hold((0.0..=1.0).contains(&momentum), operation, "momentum", momentum, "between 0 and 1")?;
        let (each, one) = (&[self.num_features][..], &[][..]);
        let shapes = [
            ("weight", self.weight.as_ref().map(Parameter::shape), each),
            ("bias", self.bias.as_ref().map(Parameter::shape), each),
            ("running_mean", self.running_mean.as_ref().map(Buffer::shape), each),
            ("running_var", self.running_var.as_ref().map(Buffer::shape), each),
            ("num_batches_tracked", self.num_batches_tracked.as_ref().map(Buffer::shape), one),
        ];
        for (parameter, found, expected) in shapes {
            if let Some(found) = found.filter(|found| *found != expected) {
                let (found, expected) = (found.to_vec(), expected.to_vec());
                return Err(Error::ParameterShape { operation, parameter, found, expected });
            }
        }
        Ok(())
    }

    /// Normalization, then ReLU, as one entry of the tape: as `forward(x)?.relu()`, in less time and memory.
    ///
    /// ```text
    /// y = max(w_c z + b_c, 0)        g = dy where y > 0, else 0, in place of dy
    /// ```
    ///
    /// # Errors
    /// As `forward`.
    ///
    /// # Examples
    /// ```
    /// use gradus_nn_layers::{Layer, Tape, ndarray::array};
    /// use gradus_regularize::BatchNorm1d;
    /// let layer: BatchNorm1d = BatchNorm1d::new(2);
    /// let x = Tape::inference().input(array![[1.0, -1.0], [-3.0, 2.0]]);
    /// assert_eq!(layer.forward_relu(&x)?.value(), layer.forward(&x)?.relu().value());
    /// # Ok::<(), gradus_nn_layers::Error>(())
    /// ```
    #[track_caller]
    pub fn forward_relu(&self, x: &Var<F>) -> gradus_nn_layers::Result<Var<F>> {
        Ok(self.run(x, Then::Relu)?)
    }

    /// Normalization, sum with a shortcut, then ReLU, as one entry of the tape: the end of a residual block.
    ///
    /// ```text
    /// y = max(w_c z + b_c + shortcut, 0)        g = dy where y > 0, else 0, in place of dy;  dshortcut = g
    /// ```
    ///
    /// # Shapes
    /// - input and shortcut: the same, `(N, C, …)`
    /// - output: as the input
    ///
    /// # Errors
    /// As `forward`, and [`Error::Shortcut`] for a shortcut of another shape.
    ///
    /// # Examples
    /// ```
    /// use gradus_nn_layers::{Layer, Tape, ndarray::array};
    /// use gradus_regularize::BatchNorm1d;
    /// let layer: BatchNorm1d = BatchNorm1d::new(2);
    /// let tape = Tape::inference();
    /// let (x, past) = (tape.input(array![[1.0, -1.0], [-3.0, 2.0]]), tape.input(array![[0.5, 0.5], [9.0, -9.0]]));
    /// let separate = (layer.forward(&x)? + &past).relu();
    /// assert_eq!(layer.forward_add_relu(&x, &past)?.value(), separate.value());
    /// # Ok::<(), gradus_nn_layers::Error>(())
    /// ```
    #[track_caller]
    pub fn forward_add_relu(&self, x: &Var<F>, shortcut: &Var<F>) -> gradus_nn_layers::Result<Var<F>> {
        if x.shape() != shortcut.shape() {
            let (operation, input) = (names::<R>()[2], x.shape().to_vec());
            return Err(Error::Shortcut { operation, input, shortcut: shortcut.shape().to_vec() }.into());
        }
        Ok(self.run(x, Then::AddRelu(shortcut))?)
    }

    #[track_caller]
    fn run(&self, x: &Var<F>, then: Then<'_, F>) -> Result<Var<F>> {
        self.validate()?;
        self.check(x.shape())?;
        let (tape, eps) = (x.tape(), F::from_f64(self.eps));
        let names = names::<R>();
        let operation = match then {
            Then::Nothing => names[0],
            Then::Relu => names[1],
            Then::AddRelu(_) => names[2],
        };
        let [weight, bias] = [&self.weight, &self.bias].map(|p| p.as_ref().map(|p| tape.parameter(p)));
        let affine = [weight.as_ref(), bias.as_ref()];
        if let (Some(mean), Some(var), false) = (&self.running_mean, &self.running_var, tape.is_training()) {
            let statistics = Statistics::Given { mean: mean.value(), var: var.value() };
            return Ok(record::record(operation, x, affine, &statistics, eps, then).0);
        }
        if Channels::of(x.shape()).values() < 2 {
            return Err(Error::OneValue { operation, input: x.shape().to_vec(), training: tape.is_training() });
        }
        let (y, moments) = record::record(operation, x, affine, &Statistics::OfBatch, eps, then);
        if tape.is_training() {
            self.track(tape, &moments);
        }
        Ok(y)
    }

    /// Notes the new running statistics.
    fn track(&self, tape: &Tape<F>, moments: &Value<F>) {
        let batches = self.num_batches_tracked.as_ref().map(|batches| (batches, batches.value().sum() + F::one()));
        if let Some((buffer, batches)) = &batches {
            tape.update(buffer.id(), Value::scalar(*batches));
        }
        let share = match (self.momentum, batches) {
            (Some(momentum), _) => F::from_f64(momentum),
            (None, Some((_, batches))) => F::one() / batches,
            (None, None) => return, // nothing tells how many batches there were
        };
        let moments = || moments.as_slice().expect(SLICE).chunks_exact(Moments::<F>::SIZE).map(Moments::read);
        let note = |buffer: &Option<Buffer<F>>, newest: &mut dyn Iterator<Item = F>| {
            let Some(buffer) = buffer else { return };
            let mut value = Value::unspecified([self.num_features]);
            for (value, (&old, newest)) in value.iter_mut().zip(buffer.value().iter().zip(newest)) {
                // What is not known yet counts for nothing: so `update_batch_norm` learns what the batch's own statistics are.
                *value = if old.is_nan() { newest } else { (F::one() - share) * old + share * newest };
            }
            tape.update(buffer.id(), value);
        };
        note(&self.running_mean, &mut moments().map(|of: Moments<F>| of.center + of.rest));
        note(&self.running_var, &mut moments().map(|of: Moments<F>| of.unbiased));
    }

    fn check(&self, input: &[usize]) -> Result<()> {
        let rank = input.len() == R + 2 || R == 1 && input.len() == 2;
        if rank && input.get(1) == Some(&self.num_features) {
            return Ok(());
        }
        let expected = match R {
            1 => "(N, C) or (N, C, L)",
            2 => "(N, C, H, W)",
            3 => "(N, C, D, H, W)",
            _ => "(N, C, …) with another number of axes",
        };
        let (operation, channels) = (operation::<R>(), self.num_features);
        Err(Error::InputShape { operation, input: input.to_vec(), expected, channels })
    }
}

impl<const R: usize, F: Real> Layer<F> for BatchNorm<R, F> {
    #[track_caller]
    fn forward(&self, x: &Var<F>) -> gradus_nn_layers::Result<Var<F>> {
        Ok(self.run(x, Then::Nothing)?)
    }

    fn kind(&self) -> &'static str {
        ["BatchNorm", "BatchNorm1d", "BatchNorm2d", "BatchNorm3d"][if R < NAMES.len() { R } else { 0 }]
    }

    fn describe(&self, input: &[usize]) -> gradus_nn_layers::Result<Description> {
        self.validate()?;
        self.check(input)?;
        Ok(Description::of(self, self.kind(), input))
    }
}
