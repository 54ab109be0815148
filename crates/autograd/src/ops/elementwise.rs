//! Functions of one number, applied to each element.
//!
//! Closures of many steps say `#[inline(always)]`, here and beside: one that is not inlined into the loop is not vectorized,
//! and each of its fused multiply-adds is a call of the library.

use super::arith::mapped;
use crate::{Value, Var};
use gradus_linalg::{Real, elementwise};

impl<F: Real> Var<F> {
    /// `y = f(x)` with `dx = df(dy, x)`: the rule needs the input.
    #[track_caller]
    pub(super) fn with_input(
        &self,
        name: &'static str,
        f: impl Fn(F) -> F + Sync,
        df: impl Fn(F, F) -> F + Sync + 'static,
    ) -> Self {
        let y = mapped(self.value(), f);
        let x = self.value().clone();
        self.tape().record(name, [self], y, move |mut dy| {
            elementwise::update(&mut dy, &x, df);
            [dy]
        })
    }

    /// `y = f(x)` with `dx = df(dy, y)`: the rule needs the output alone, so that the input's memory is free.
    #[track_caller]
    pub(super) fn with_output(
        &self,
        name: &'static str,
        f: impl Fn(F) -> F + Sync,
        df: impl Fn(F, F) -> F + Sync + 'static,
    ) -> Self {
        self.with_computed(name, mapped(self.value(), f), df)
    }

    /// `y` with `dx = df(dy, y)`.
    #[track_caller]
    fn with_computed(&self, name: &'static str, y: Value<F>, df: impl Fn(F, F) -> F + Sync + 'static) -> Self {
        let saved = y.clone();
        self.tape().record(name, [self], y, move |mut dy| {
            elementwise::update(&mut dy, &saved, df);
            [dy]
        })
    }

    /// Exponential function.
    ///
    /// ```text
    /// y = eˣ        dx = dy · y
    /// ```
    #[track_caller]
    #[must_use]
    pub fn exp(&self) -> Self {
        let mut y = Value::unspecified(self.value().raw_dim());
        elementwise::exp_into(self.value(), &mut y);
        self.with_computed("exp", y, |dy, y| dy * y)
    }

    /// Natural logarithm; of a negative number NaN, of zero −∞.
    ///
    /// ```text
    /// y = ln x        dx = dy / x
    /// ```
    #[track_caller]
    #[must_use]
    pub fn ln(&self) -> Self {
        self.with_input("ln", F::ln, |dy, x| dy / x)
    }

    /// Square root; of a negative number NaN. The slope at 0 is infinite.
    ///
    /// ```text
    /// y = √x        dx = dy / 2y
    /// ```
    #[track_caller]
    #[must_use]
    pub fn sqrt(&self) -> Self {
        let half = F::from_f64(0.5);
        self.with_output("sqrt", F::sqrt, move |dy, y| half * dy / y)
    }

    /// Square.
    ///
    /// ```text
    /// y = x²        dx = 2 x · dy
    /// ```
    #[track_caller]
    #[must_use]
    pub fn square(&self) -> Self {
        let two = F::from_f64(2.0);
        self.with_input("square", |x| x * x, move |dy, x| two * dy * x)
    }

    /// Power with a fixed exponent.
    ///
    /// ```text
    /// y = xᵖ        dx = p xᵖ⁻¹ · dy,  and 0 for p = 0
    /// ```
    ///
    /// A whole exponent takes negative numbers; any other gives NaN for them.
    ///
    /// # Examples
    /// ```
    /// use gradus_autograd::{Tape, ndarray::array};
    /// let x = Tape::recording().variable(array![-2.0, 3.0]);
    /// let gradients = x.pow(3.0).sum().backward()?; // 3 x²
    /// assert_eq!(gradients.get(&x).unwrap(), &array![12.0, 27.0].into_dyn());
    /// # Ok::<(), gradus_autograd::Error>(())
    /// ```
    #[track_caller]
    #[must_use]
    pub fn pow(&self, exponent: f64) -> Self {
        if exponent == 2.0 {
            return self.square();
        }
        let p = F::from_f64(exponent);
        // A product of x with itself is faster than a logarithm and an exponential, and as exact while it is short.
        if exponent.fract() == 0.0 && exponent.abs() <= 16.0 {
            let n = exponent as i32;
            let slope = move |dy: F, x: F| if n == 0 { F::zero() } else { p * x.powi(n - 1) * dy };
            return self.with_input("pow", |x| x.powi(n), slope);
        }
        self.with_input(
            "pow",
            #[inline(always)]
            move |x: F| x.powf(p),
            #[inline(always)]
            move |dy, x| p * x.powf(p - F::one()) * dy,
        )
    }

    /// Absolute value; the subgradient at 0 is 0.
    ///
    /// ```text
    /// y = |x|        dx = sign(x) · dy,  sign(0) = 0
    /// ```
    #[track_caller]
    #[must_use]
    pub fn abs(&self) -> Self {
        let zero = F::zero();
        self.with_input("abs", F::abs, move |dy, x| {
            if x > zero {
                dy
            } else if x < zero {
                -dy
            } else {
                x * zero // NaN stays NaN
            }
        })
    }

    /// Sine.
    ///
    /// ```text
    /// y = sin x        dx = cos x · dy
    /// ```
    #[track_caller]
    #[must_use]
    pub fn sin(&self) -> Self {
        self.with_input("sin", F::sin, |dy, x| dy * x.cos())
    }

    /// Cosine.
    ///
    /// ```text
    /// y = cos x        dx = −sin x · dy
    /// ```
    #[track_caller]
    #[must_use]
    pub fn cos(&self) -> Self {
        self.with_input("cos", F::cos, |dy, x| -dy * x.sin())
    }

    /// Hyperbolic tangent.
    ///
    /// ```text
    /// y = tanh x        dx = (1 − y²) · dy
    /// ```
    #[track_caller]
    #[must_use]
    pub fn tanh(&self) -> Self {
        self.with_output("tanh", F::tanh, |dy, y| dy * (F::one() - y * y))
    }

    /// Logistic sigmoid, without overflow at either end.
    ///
    /// ```text
    /// y = 1 / (1 + e⁻ˣ)        dx = y (1 − y) · dy
    /// ```
    #[track_caller]
    #[must_use]
    pub fn sigmoid(&self) -> Self {
        self.with_output("sigmoid", F::sigmoid, |dy, y| dy * y * (F::one() - y))
    }

    /// Rectified linear unit; the subgradient at 0 is 0, as in PyTorch.
    ///
    /// ```text
    /// y = max(x, 0)        dx = dy where x > 0, else 0
    /// ```
    #[track_caller]
    #[must_use]
    pub fn relu(&self) -> Self {
        // NaN fails the comparison `x < 0` and stays.
        let zero = F::zero();
        self.with_output(
            "relu",
            move |x| if x < zero { zero } else { x },
            move |dy, y| if y > zero { dy } else { zero },
        )
    }
    /// The numbers brought into a range; infinities leave it open. NaN stays NaN.
    ///
    /// ```text
    /// y = min(max(x, low), high)        dx = dy where low < x < high, else 0
    /// ```
    ///
    /// At the ends of the range the slope is 0, as in PyTorch. If `low` is above `high`, everything becomes `high`.
    ///
    /// # Examples
    /// ```
    /// use gradus_autograd::{Tape, ndarray::array};
    /// let x = Tape::recording().variable(array![-2.0, 0.5, 3.0]);
    /// assert_eq!(x.clamp(-1.0, 1.0).value(), &array![-1.0, 0.5, 1.0].into_dyn());
    /// assert_eq!(x.clamp(0.0, f64::INFINITY).value(), &array![0.0, 0.5, 3.0].into_dyn());
    /// ```
    #[track_caller]
    #[must_use]
    pub fn clamp(&self, low: f64, high: f64) -> Self {
        let (zero, low, high) = (F::zero(), F::from_f64(low), F::from_f64(high));
        let f = move |x: F| x.maximum(low).minimum(high);
        self.with_input("clamp", f, move |dy, x| if low < x && x < high { dy } else { zero })
    }
}
