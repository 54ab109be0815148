//! A number that carries its slopes along several inputs.

use gradus_linalg::Real;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// A value and its slopes along `N` inputs: what the closure of [`fused`](crate::fused()) computes with.
///
/// ```text
/// x = (a; ∂a/∂x₁ … ∂a/∂x_N)        f(x) = (f(a); f'(a) ∂a/∂x₁ … f'(a) ∂a/∂x_N)
/// ```
///
/// Operators work between jets, and between a jet and a number on its right. Where only the value is used, the compiler
/// leaves the slopes out.
///
/// # Examples
/// ```
/// use gradus_autograd::Jet;
/// let [x, y] = Jet::variables([3.0_f64, 2.0]);
/// let z = x * x * y + y;
/// assert_eq!((z.value, z.slopes), (20.0, [12.0, 10.0]));
/// ```
///
/// # References
/// A. Griewank, A. Walther, *Evaluating Derivatives*, 2nd ed., 2008, section 3.2 (vector forward mode).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Jet<F, const N: usize> {
    /// The number.
    pub value: F,
    /// Its derivative with respect to each input.
    pub slopes: [F; N],
}

// Plain loops over the slopes, here and below: they unroll, and the loop around them is vectorized.
#[allow(clippy::needless_range_loop)]
impl<F: Real, const N: usize> Jet<F, N> {
    /// A number that depends on no input.
    #[inline(always)]
    #[must_use]
    pub fn constant(value: F) -> Self {
        Self { value, slopes: [F::zero(); N] }
    }

    /// The inputs themselves: each has slope 1 along itself.
    #[inline(always)]
    #[must_use]
    pub fn variables(values: [F; N]) -> [Self; N] {
        let mut inputs = [Self::constant(F::zero()); N];
        for k in 0..N {
            inputs[k].value = values[k];
            inputs[k].slopes[k] = F::one();
        }
        inputs
    }

    /// The chain rule. What does not depend on an input has slope 0 there also where the outer slope is not finite.
    #[inline(always)]
    fn chain(self, value: F, slope: F) -> Self {
        let mut slopes = self.slopes;
        for d in &mut slopes {
            *d = if *d == F::zero() { *d } else { slope * *d };
        }
        Self { value, slopes }
    }

    /// `eˣ`.
    #[inline(always)]
    #[must_use]
    pub fn exp(self) -> Self {
        let y = self.value.exp();
        self.chain(y, y)
    }

    /// Natural logarithm.
    #[inline(always)]
    #[must_use]
    pub fn ln(self) -> Self {
        self.chain(self.value.ln(), F::one() / self.value)
    }

    /// Square root.
    #[inline(always)]
    #[must_use]
    pub fn sqrt(self) -> Self {
        let y = self.value.sqrt();
        self.chain(y, F::one() / (y + y))
    }

    /// `x²`.
    #[inline(always)]
    #[must_use]
    pub fn square(self) -> Self {
        self.chain(self.value * self.value, self.value + self.value)
    }

    /// Sine.
    #[inline(always)]
    #[must_use]
    pub fn sin(self) -> Self {
        self.chain(self.value.sin(), self.value.cos())
    }

    /// Cosine.
    #[inline(always)]
    #[must_use]
    pub fn cos(self) -> Self {
        self.chain(self.value.cos(), -self.value.sin())
    }

    /// Hyperbolic tangent.
    #[inline(always)]
    #[must_use]
    pub fn tanh(self) -> Self {
        let y = self.value.tanh();
        self.chain(y, F::one() - y * y)
    }

    /// Logistic sigmoid.
    #[inline(always)]
    #[must_use]
    pub fn sigmoid(self) -> Self {
        let y = self.value.sigmoid();
        self.chain(y, y * (F::one() - y))
    }

    /// The larger of it and 0; the slope at 0 is 0.
    #[inline(always)]
    #[must_use]
    pub fn relu(self) -> Self {
        let (x, zero) = (self.value, F::zero());
        self.chain(if x < zero { zero } else { x }, if x > zero { F::one() } else { zero })
    }

    /// Absolute value; the slope at 0 is 0.
    #[inline(always)]
    #[must_use]
    pub fn abs(self) -> Self {
        let (x, zero, one) = (self.value, F::zero(), F::one());
        let sign = if x > zero {
            one
        } else if x < zero {
            -one
        } else {
            x * zero
        }; // NaN of NaN
        self.chain(x.abs(), sign)
    }

    /// `xⁿ` for a whole exponent.
    #[inline(always)]
    #[must_use]
    pub fn powi(self, n: i32) -> Self {
        let slope = if n == 0 { F::zero() } else { F::from_f64(f64::from(n)) * self.value.powi(n.saturating_sub(1)) };
        self.chain(self.value.powi(n), slope)
    }
}

impl<F: Real, const N: usize> Add for Jet<F, N> {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        let mut slopes = self.slopes;
        for (slope, other) in slopes.iter_mut().zip(other.slopes) {
            *slope += other;
        }
        Self { value: self.value + other.value, slopes }
    }
}

impl<F: Real, const N: usize> Sub for Jet<F, N> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl<F: Real, const N: usize> Mul for Jet<F, N> {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        let (value, left, right) = (self.value * other.value, self * other.value, other * self.value);
        Self { value, slopes: (left + right).slopes }
    }
}

impl<F: Real, const N: usize> Div for Jet<F, N> {
    type Output = Self;
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        let y = self.value / other.value;
        let (by_numerator, by_denominator) = (self / other.value, other.chain(y, y / other.value));
        Self { value: y, slopes: (by_numerator - by_denominator).slopes }
    }
}

impl<F: Real, const N: usize> Neg for Jet<F, N> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        let mut slopes = self.slopes;
        for d in &mut slopes {
            *d = -*d;
        }
        Self { value: -self.value, slopes }
    }
}

impl<F: Real, const N: usize> Add<F> for Jet<F, N> {
    type Output = Self;
    #[inline(always)]
    fn add(self, c: F) -> Self {
        Self { value: self.value + c, ..self }
    }
}

impl<F: Real, const N: usize> Sub<F> for Jet<F, N> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, c: F) -> Self {
        Self { value: self.value - c, ..self }
    }
}

impl<F: Real, const N: usize> Mul<F> for Jet<F, N> {
    type Output = Self;
    #[inline(always)]
    fn mul(self, c: F) -> Self {
        self.chain(self.value * c, c)
    }
}

impl<F: Real, const N: usize> Div<F> for Jet<F, N> {
    type Output = Self;
    #[inline(always)]
    fn div(self, c: F) -> Self {
        let mut slopes = self.slopes;
        for d in &mut slopes {
            *d = if *d == F::zero() { *d } else { *d / c };
        }
        Self { value: self.value / c, slopes }
    }
}
