//! Numbers that carry their derivative along.

use gradus_linalg::Real;
use ndarray::{Array2, ArrayView2, ArrayViewMut2};
use num_traits::{Num, One, Zero};
use std::cmp::Ordering;
use std::f64::consts::FRAC_2_SQRT_PI;
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Rem, RemAssign, Sub, SubAssign};

/// A dual number: a value, and its derivative along one direction.
///
/// ```text
/// x = a + a' ε,  ε² = 0        f(x) = f(a) + f'(a) a' ε
/// ```
///
/// Any function written for a [`Real`] computes its derivative when it is given duals: forward mode. There is no step
/// size and nothing cancels, so the derivative is as exact as the value. The whole tape runs over duals too, and then
/// yields derivatives of gradients: see [`hvp`](crate::hvp()) and [`hessian`](crate::hessian()). Duals of duals carry second derivatives.
///
/// Comparisons, [`Real::is_finite`] and [`Real::to_f64`] see the value alone, so that a branch is taken as it would be
/// without the derivative. The slope at a kink is that of the branch taken; that of [`Real::abs`] at 0 is 0. A number
/// that does not change has derivative 0 under any function, also where its slope is infinite or not defined: `√0` of a constant is a constant.
///
/// # Examples
/// ```
/// use gradus_autograd::{Dual, Real};
/// let x = Dual::variable(2.0_f64);
/// let y = x * x * x + x.ln();
/// assert_eq!(y.derivative(), 3.0 * 4.0 + 1.0 / 2.0);
///
/// // d²/dx² x³ = 6x, by duals of duals
/// let x = Dual::new(Dual::variable(2.0), Dual::constant(1.0));
/// assert_eq!(x.powi(3).derivative().derivative(), 12.0);
/// ```
///
/// # References
/// A. Griewank, A. Walther, *Evaluating Derivatives*, 2nd ed., 2008, chapter 3 (forward mode);
/// R. E. Wengert, *A simple automatic derivative evaluation program*, Communications of the ACM 7(8), 1964.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dual<F = f64> {
    value: F,
    derivative: F,
}

impl<F: Real> Dual<F> {
    /// A value and its derivative.
    #[must_use]
    pub fn new(value: F, derivative: F) -> Self {
        Self { value, derivative }
    }

    /// A number that does not change.
    #[must_use]
    pub fn constant(value: F) -> Self {
        Self::new(value, F::zero())
    }

    /// The variable itself: its derivative is 1.
    #[must_use]
    pub fn variable(value: F) -> Self {
        Self::new(value, F::one())
    }

    /// The number.
    #[must_use]
    pub fn value(self) -> F {
        self.value
    }

    /// How it changes along the direction.
    #[must_use]
    pub fn derivative(self) -> F {
        self.derivative
    }

    /// The chain rule.
    #[inline]
    fn chain(self, value: F, slope: F) -> Self {
        Self::new(value, along(slope, self.derivative))
    }
}

/// `slope · derivative`; what does not change has derivative 0 also where the slope is not finite.
#[inline]
fn along<F: Real>(slope: F, derivative: F) -> F {
    if derivative == F::zero() && !slope.is_finite() { derivative } else { slope * derivative }
}

/// The slope of the error function, `2/√π e^(−x²)`.
fn bell<F: Real>(x: F) -> F {
    F::from_f64(FRAC_2_SQRT_PI) * (-(x * x)).exp()
}

impl<F: Real> Real for Dual<F> {
    const ZERO: Self = Self { value: F::ZERO, derivative: F::ZERO };
    const EPSILON: Self = Self { value: F::EPSILON, derivative: F::ZERO };
    const INFINITY: Self = Self { value: F::INFINITY, derivative: F::ZERO };

    fn from_f64(x: f64) -> Self {
        Self::constant(F::from_f64(x))
    }
    fn to_f64(self) -> f64 {
        self.value.to_f64()
    }
    fn exp(self) -> Self {
        let y = self.value.exp();
        self.chain(y, y)
    }
    fn exp_m1(self) -> Self {
        self.chain(self.value.exp_m1(), self.value.exp())
    }
    fn ln(self) -> Self {
        self.chain(self.value.ln(), F::one() / self.value)
    }
    fn ln_1p(self) -> Self {
        self.chain(self.value.ln_1p(), F::one() / (F::one() + self.value))
    }
    fn sqrt(self) -> Self {
        let y = self.value.sqrt();
        self.chain(y, F::one() / (y + y))
    }
    fn sin(self) -> Self {
        self.chain(self.value.sin(), self.value.cos())
    }
    fn cos(self) -> Self {
        self.chain(self.value.cos(), -self.value.sin())
    }
    fn tanh(self) -> Self {
        let y = self.value.tanh();
        self.chain(y, (F::one() - y) * (F::one() + y))
    }
    fn sigmoid(self) -> Self {
        let y = self.value.sigmoid();
        self.chain(y, y * (-self.value).sigmoid())
    }
    fn acos(self) -> Self {
        let x = self.value;
        self.chain(x.acos(), -F::one() / ((F::one() - x) * (F::one() + x)).sqrt())
    }
    fn powi(self, n: i32) -> Self {
        let slope = if n == 0 { F::zero() } else { F::from_f64(f64::from(n)) * self.value.powi(n.saturating_sub(1)) };
        self.chain(self.value.powi(n), slope)
    }
    fn powf(self, p: Self) -> Self {
        let (x, zero) = (self.value, F::zero());
        let y = x.powf(p.value);
        // At 0⁰ the limits of both slopes depend on the way there; 0 is what a constant has.
        let by_base = if x == zero && p.value == zero { zero } else { p.value * x.powf(p.value - F::one()) };
        let by_exponent = if x == zero && p.value >= zero { zero } else { y * x.ln() };
        Self::new(y, along(by_base, self.derivative) + along(by_exponent, p.derivative))
    }
    fn erf(self) -> Self {
        self.chain(self.value.erf(), bell(self.value))
    }
    fn erfc(self) -> Self {
        self.chain(self.value.erfc(), -bell(self.value))
    }
    fn abs(self) -> Self {
        let (x, zero) = (self.value, F::zero());
        let derivative = if x > zero {
            self.derivative
        } else if x < zero {
            -self.derivative
        } else {
            x.abs() * self.derivative // 0, and NaN of NaN
        };
        Self::new(x.abs(), derivative)
    }
    fn is_finite(self) -> bool {
        self.value.is_finite()
    }

    /// Three products of the underlying type's engine: `A B`, and `A' B + A B'` for the derivative.
    fn gemm(alpha: Self, a: ArrayView2<'_, Self>, b: ArrayView2<'_, Self>, beta: Self, mut c: ArrayViewMut2<'_, Self>) {
        let ([a_value, a_slope], [b_value, b_slope]) = (parts(a), parts(b));
        let (zero, one) = (F::zero(), F::one());
        let mut product = Array2::from_elem(c.raw_dim(), zero);
        let mut slope = product.clone();
        F::gemm(one, a_value.view(), b_value.view(), zero, product.view_mut());
        F::gemm(one, a_slope.view(), b_value.view(), zero, slope.view_mut());
        F::gemm(one, a_value.view(), b_slope.view(), one, slope.view_mut());
        let forget = beta.value == zero; // what stands in C is then not to be read
        for ((c, &value), &derivative) in c.iter_mut().zip(&product).zip(&slope) {
            let new = alpha * Self::new(value, derivative);
            *c = if forget { new } else { new + beta * *c };
        }
    }
}

/// The values of a matrix, and the derivatives.
fn parts<F: Real>(x: ArrayView2<'_, Dual<F>>) -> [Array2<F>; 2] {
    [x.mapv(Dual::value), x.mapv(Dual::derivative)]
}

impl<F: Real> Add for Dual<F> {
    type Output = Self;
    #[inline]
    fn add(self, other: Self) -> Self {
        Self::new(self.value + other.value, self.derivative + other.derivative)
    }
}

impl<F: Real> Sub for Dual<F> {
    type Output = Self;
    #[inline]
    fn sub(self, other: Self) -> Self {
        Self::new(self.value - other.value, self.derivative - other.derivative)
    }
}

impl<F: Real> Mul for Dual<F> {
    type Output = Self;
    #[inline]
    fn mul(self, other: Self) -> Self {
        Self::new(self.value * other.value, along(other.value, self.derivative) + along(self.value, other.derivative))
    }
}

impl<F: Real> Div for Dual<F> {
    type Output = Self;
    #[inline]
    fn div(self, other: Self) -> Self {
        let y = self.value / other.value;
        let by_numerator = along(F::one() / other.value, self.derivative);
        Self::new(y, by_numerator - along(y / other.value, other.derivative))
    }
}

/// `a − b ⌊a / b⌉`, rounded towards zero; the whole part does not change.
impl<F: Real> Rem for Dual<F> {
    type Output = Self;
    fn rem(self, other: Self) -> Self {
        let rest = self.value % other.value;
        let whole = (self.value - rest) / other.value;
        Self::new(rest, self.derivative - along(whole, other.derivative))
    }
}

impl<F: Real> Neg for Dual<F> {
    type Output = Self;
    #[inline]
    fn neg(self) -> Self {
        Self::new(-self.value, -self.derivative)
    }
}

macro_rules! assign {
    ($($trait:ident, $method:ident, $operator:tt);*) => {$(
        impl<F: Real> $trait for Dual<F> {
            #[inline]
            fn $method(&mut self, other: Self) {
                *self = *self $operator other;
            }
        }
    )*};
}
assign!(AddAssign, add_assign, +; SubAssign, sub_assign, -; MulAssign, mul_assign, *; DivAssign, div_assign, /; RemAssign, rem_assign, %);

impl<F: Real> Sum for Dual<F> {
    fn sum<I: Iterator<Item = Self>>(numbers: I) -> Self {
        numbers.fold(Self::zero(), Add::add)
    }
}

/// By value: the derivative is not compared.
impl<F: Real> PartialEq for Dual<F> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

/// By value: the derivative is not compared.
impl<F: Real> PartialOrd for Dual<F> {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.value.partial_cmp(&other.value)
    }
}

impl<F: Real> Zero for Dual<F> {
    fn zero() -> Self {
        Self::constant(F::zero())
    }
    fn is_zero(&self) -> bool {
        self.value.is_zero()
    }
}

impl<F: Real> One for Dual<F> {
    fn one() -> Self {
        Self::constant(F::one())
    }
}

impl<F: Real> Num for Dual<F> {
    type FromStrRadixErr = F::FromStrRadixErr;
    fn from_str_radix(text: &str, radix: u32) -> Result<Self, Self::FromStrRadixErr> {
        F::from_str_radix(text, radix).map(Self::constant)
    }
}

impl<F: Real> fmt::Display for Dual<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.value, f)?;
        f.write_str(" + ")?;
        fmt::Display::fmt(&self.derivative, f)?;
        f.write_str(" ε")
    }
}

impl<F: Real> From<F> for Dual<F> {
    fn from(x: F) -> Self {
        Self::constant(x)
    }
}
