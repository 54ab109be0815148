//! Activation functions that the tape does not bring, each one entry with its forward and backward side by side.

use gradus_autograd::{Real, Var};
use gradus_linalg::elementwise;

/// The constants of [`Activations::selu`]: with them, mean 0 and variance 1 are a fixed point of a wide network.
const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;
const SELU_SCALE: f64 = 1.050_700_987_355_480_5;

/// Activation functions as methods of a variable, beside those that [`Var`] has itself (`relu`, `leaky_relu`, `elu`, `gelu`,
/// `silu`, `softplus`, `sigmoid`, `tanh`).
///
/// At a kink the slope is PyTorch's.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Activations, Tape, ndarray::array};
/// let x = Tape::<f64>::recording().variable(array![-4.0, 0.0, 1.0]);
/// assert_eq!(x.softsign().value(), &array![-0.8, 0.0, 0.5]);
/// let gradients = x.hardswish().sum().backward()?; // (2 x + 3) / 6 between −3 and 3
/// assert_eq!(gradients.get(&x).unwrap(), &array![0.0, 0.5, 5.0 / 6.0]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
pub trait Activations<F: Real>: Sized {
    /// Scaled exponential linear unit, with which a deep network keeps its activations near mean 0 and variance 1.
    ///
    /// ```text
    /// y = λ x where x > 0, else λ α (eˣ − 1)        dx = λ · dy where x > 0, else λ α eˣ · dy
    /// λ = 1.0507…, α = 1.6733…
    /// ```
    ///
    /// # References
    /// G. Klambauer et al., *Self-normalizing neural networks*, 2017, <https://arxiv.org/abs/1706.02515>
    #[must_use]
    fn selu(&self) -> Self;

    /// Continuously differentiable exponential linear unit: the slope at 0 is 1 whatever `alpha` is.
    ///
    /// ```text
    /// y = x where x > 0, else α (e^(x/α) − 1)        dx = dy where x > 0, else e^(x/α) · dy
    /// ```
    ///
    /// `alpha` is positive, commonly 1.
    ///
    /// # References
    /// J. T. Barron, *Continuously differentiable exponential linear units*, 2017, <https://arxiv.org/abs/1704.07483>
    #[must_use]
    fn celu(&self, alpha: f64) -> Self;

    /// A smooth unit that dips below 0 on the left.
    ///
    /// ```text
    /// y = x t,  t = tanh(ln(1 + eˣ))        dx = (t + x (1 − t²) σ(x)) · dy
    /// ```
    ///
    /// # References
    /// D. Misra, *Mish: a self regularized non-monotonic activation function*, 2019, <https://arxiv.org/abs/1908.08681>
    #[must_use]
    fn mish(&self) -> Self;

    /// The sigmoid in three straight pieces.
    ///
    /// ```text
    /// y = min(max(x + 3, 0), 6) / 6        dx = dy / 6 where −3 < x < 3, else 0
    /// ```
    ///
    /// # References
    /// M. Courbariaux, Y. Bengio, J.-P. David, *BinaryConnect*, 2015, <https://arxiv.org/abs/1511.00363>
    #[must_use]
    fn hardsigmoid(&self) -> Self;

    /// x times its [`hardsigmoid`](Self::hardsigmoid): [`silu`](Var::silu) without an exponential.
    ///
    /// ```text
    /// y = x min(max(x + 3, 0), 6) / 6        dx = 0 where x ≤ −3, (2 x + 3) / 6 · dy where x < 3, else dy
    /// ```
    ///
    /// # References
    /// A. Howard et al., *Searching for MobileNetV3*, 2019, <https://arxiv.org/abs/1905.02244>
    #[must_use]
    fn hardswish(&self) -> Self;

    /// [`relu`](Var::relu) with a ceiling at 6, so that few bits can hold the result.
    ///
    /// ```text
    /// y = min(max(x, 0), 6)        dx = dy where 0 < x < 6, else 0
    /// ```
    ///
    /// # References
    /// A. Krizhevsky, *Convolutional deep belief networks on CIFAR-10*, 2010
    #[must_use]
    fn relu6(&self) -> Self;

    /// A slower hyperbolic tangent.
    ///
    /// ```text
    /// y = x / (1 + |x|)        dx = dy / (1 + |x|)²
    /// ```
    ///
    /// # References
    /// J. Bergstra et al., *Quadratic polynomials learn better image features*, 2009
    #[must_use]
    fn softsign(&self) -> Self;

    /// What the hyperbolic tangent leaves of x.
    ///
    /// ```text
    /// y = x − tanh x        dx = tanh² x · dy
    /// ```
    #[must_use]
    fn tanhshrink(&self) -> Self;

    /// x, and 0 where it is small.
    ///
    /// ```text
    /// y = x where |x| > λ, else 0        dx = dy where |x| > λ, else 0
    /// ```
    ///
    /// `lambda` is at least 0, commonly 0.5.
    #[must_use]
    fn hardshrink(&self, lambda: f64) -> Self;

    /// x brought nearer to 0, and 0 where it is small.
    ///
    /// ```text
    /// y = x − λ sign(x) where |x| > λ, else 0        dx = dy where |x| > λ, else 0
    /// ```
    ///
    /// `lambda` is at least 0, commonly 0.5.
    #[must_use]
    fn softshrink(&self, lambda: f64) -> Self;

    /// Logarithm of the sigmoid, also where that underflows.
    ///
    /// ```text
    /// y = −ln(1 + e⁻ˣ) = min(x, 0) − ln(1 + e^(−|x|))        dx = σ(−x) · dy
    /// ```
    #[must_use]
    fn log_sigmoid(&self) -> Self;
}

impl<F: Real> Activations<F> for Var<F> {
    #[track_caller]
    fn selu(&self) -> Self {
        let (zero, right, left) = (F::zero(), F::from_f64(SELU_SCALE), F::from_f64(SELU_SCALE * SELU_ALPHA));
        entry(
            "selu",
            self,
            #[inline(always)]
            move |x| if x > zero { right * x } else { left * x.exp_m1() },
            #[inline(always)]
            move |dy, x| if x > zero { right * dy } else { left * x.exp() * dy },
        )
    }

    #[track_caller]
    fn celu(&self, alpha: f64) -> Self {
        let (zero, alpha) = (F::zero(), F::from_f64(alpha));
        entry(
            "celu",
            self,
            #[inline(always)]
            move |x| if x > zero { x } else { alpha * (x / alpha).exp_m1() },
            #[inline(always)]
            move |dy, x| if x > zero { dy } else { (x / alpha).exp() * dy },
        )
    }

    #[track_caller]
    fn mish(&self) -> Self {
        let one = F::one();
        entry(
            "mish",
            self,
            #[inline(always)]
            |x| times(x, softplus(x).tanh()),
            #[inline(always)]
            move |dy, x| {
                let t = softplus(x).tanh();
                (t + times(x, (one - t) * (one + t) * x.sigmoid())) * dy
            },
        )
    }

    #[track_caller]
    fn hardsigmoid(&self) -> Self {
        let [zero, three, six] = [0.0, 3.0, 6.0].map(F::from_f64);
        entry(
            "hardsigmoid",
            self,
            #[inline(always)]
            move |x| (x + three).maximum(zero).minimum(six) / six,
            #[inline(always)]
            move |dy, x| if -three < x && x < three { dy / six } else { zero },
        )
    }

    #[track_caller]
    fn hardswish(&self) -> Self {
        let [zero, two, three, six] = [0.0, 2.0, 3.0, 6.0].map(F::from_f64);
        entry(
            "hardswish",
            self,
            #[inline(always)]
            move |x| times(x, (x + three).maximum(zero).minimum(six) / six),
            #[inline(always)]
            move |dy, x| {
                if x <= -three {
                    zero
                } else if x < three {
                    (two * x + three) / six * dy
                } else {
                    dy
                }
            },
        )
    }

    #[track_caller]
    fn relu6(&self) -> Self {
        self.clamp(0.0, 6.0)
    }

    #[track_caller]
    fn softsign(&self) -> Self {
        let one = F::one();
        entry(
            "softsign",
            self,
            #[inline(always)]
            move |x| x / (one + x.abs()),
            #[inline(always)]
            move |dy, x| dy / ((one + x.abs()) * (one + x.abs())),
        )
    }

    #[track_caller]
    fn tanhshrink(&self) -> Self {
        entry(
            "tanhshrink",
            self,
            #[inline(always)]
            |x| x - x.tanh(),
            #[inline(always)]
            |dy, x| x.tanh() * x.tanh() * dy,
        )
    }

    #[track_caller]
    fn hardshrink(&self, lambda: f64) -> Self {
        let (zero, lambda) = (F::zero(), F::from_f64(lambda));
        entry(
            "hardshrink",
            self,
            #[inline(always)]
            move |x| if x.abs() <= lambda { zero } else { x },
            #[inline(always)]
            move |dy, x| if x.abs() <= lambda { zero } else { dy },
        )
    }

    #[track_caller]
    fn softshrink(&self, lambda: f64) -> Self {
        let (zero, lambda) = (F::zero(), F::from_f64(lambda));
        entry(
            "softshrink",
            self,
            #[inline(always)]
            move |x| {
                if x.abs() <= lambda {
                    zero
                } else if x > zero {
                    x - lambda
                } else {
                    x + lambda // NaN as well
                }
            },
            #[inline(always)]
            move |dy, x| if x.abs() <= lambda { zero } else { dy },
        )
    }

    #[track_caller]
    fn log_sigmoid(&self) -> Self {
        entry(
            "log_sigmoid",
            self,
            #[inline(always)]
            |x| -softplus(-x),
            #[inline(always)]
            |dy, x| (-x).sigmoid() * dy,
        )
    }
}

/// Records `y = f(x)` with `dx = df(dy, x)`, element by element.
#[track_caller]
fn entry<F: Real>(
    name: &'static str,
    x: &Var<F>,
    f: impl Fn(F) -> F + Sync,
    df: impl Fn(F, F) -> F + Sync + 'static,
) -> Var<F> {
    let y = elementwise::map(x.value(), f);
    let saved = x.value().clone();
    x.tape().record(name, [x], y, move |mut dy| {
        elementwise::update(&mut dy, &saved, df);
        [dy]
    })
}

/// `ln(1 + eˣ)` without overflow.
#[inline(always)]
fn softplus<F: Real>(x: F) -> F {
    x.maximum(F::zero()) + (-x.abs()).exp().ln_1p()
}

/// `x · factor`, and 0 where the factor has vanished, also if x is infinite.
#[inline(always)]
fn times<F: Real>(x: F, factor: F) -> F {
    if factor == F::zero() { factor } else { x * factor }
}
