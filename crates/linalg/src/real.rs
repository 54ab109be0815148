//! The scalar that everything in the family computes with.

use crate::functions;
use crate::memory::Spare;
use crate::{Gathered, Pack, Packed};
use ndarray::{ArrayView2, ArrayViewMut2};
use num_traits::{Num, NumAssign};
use std::cell::RefCell;
use std::fmt::{Debug, Display};
use std::iter::Sum;
use std::ops::Neg;
use std::thread::LocalKey;

/// A real number: `f32`, `f64`, or anything that calculates like one (a dual number, say).
///
/// The required methods are the handful of functions that neural networks are made of. The provided ones work for any
/// implementation; `f32` and `f64` replace those that matter for speed by vectorized kernels.
pub trait Real:
    Copy + Default + Debug + Display + PartialOrd + Num + NumAssign + Neg<Output = Self> + Sum + Send + Sync + 'static
{
    /// Zero, as a constant.
    const ZERO: Self;
    /// The distance from 1 to the next larger number.
    const EPSILON: Self;
    /// Positive infinity.
    const INFINITY: Self;

    /// The nearest number of this type.
    fn from_f64(x: f64) -> Self;
    /// The number as `f64`; a dual number gives its real part.
    fn to_f64(self) -> f64;

    /// `eˣ`.
    #[must_use]
    fn exp(self) -> Self;
    /// `eˣ − 1`, exact also near 0.
    #[must_use]
    fn exp_m1(self) -> Self;
    /// Natural logarithm.
    #[must_use]
    fn ln(self) -> Self;
    /// `ln(1 + x)`, exact also near 0.
    #[must_use]
    fn ln_1p(self) -> Self;
    /// Square root.
    #[must_use]
    fn sqrt(self) -> Self;
    /// Sine.
    #[must_use]
    fn sin(self) -> Self;
    /// Cosine.
    #[must_use]
    fn cos(self) -> Self;
    /// Hyperbolic tangent.
    #[must_use]
    fn tanh(self) -> Self;
    /// Arc cosine.
    #[must_use]
    fn acos(self) -> Self;
    /// `xⁿ` for a whole exponent.
    #[must_use]
    fn powi(self, n: i32) -> Self;
    /// `xᵖ`.
    #[must_use]
    fn powf(self, p: Self) -> Self;
    /// Absolute value.
    #[must_use]
    fn abs(self) -> Self;
    /// Neither infinite nor NaN.
    fn is_finite(self) -> bool;

    /// Not a number.
    #[inline(always)]
    fn is_nan(self) -> bool {
        #[allow(clippy::eq_op)] // NaN alone differs from itself
        let nan = self != self;
        nan
    }

    /// `y ← eˣ`, number by number and in the same bits as [`Real::exp`]; to be called inside
    /// [`vectorized`](crate::simd::vectorized).
    #[inline(always)]
    fn exp_each(x: &[Self], y: &mut [Self]) {
        x.iter().zip(y).for_each(|(&x, y)| *y = x.exp());
    }

    /// The larger of two numbers; NaN if either is NaN, so that a fault cannot hide.
    #[must_use]
    #[inline(always)]
    fn maximum(self, other: Self) -> Self {
        if self > other || self.is_nan() { self } else { other }
    }

    /// The smaller of two numbers; NaN if either is NaN.
    #[must_use]
    #[inline(always)]
    fn minimum(self, other: Self) -> Self {
        if self < other || self.is_nan() { self } else { other }
    }

    /// Logistic sigmoid `1 / (1 + e⁻ˣ)`, without overflow at either end.
    #[must_use]
    fn sigmoid(self) -> Self {
        let e = (-self.abs()).exp(); // at most 1
        let s = Self::one() / (Self::one() + e);
        if self < Self::zero() { e * s } else { s }
    }

    /// Error function `2/√π ∫₀ˣ e^(−t²) dt`.
    #[must_use]
    fn erf(self) -> Self {
        functions::erf(self)
    }

    /// Complement of the error function, `1 − erf x`, exact also where it is tiny.
    #[must_use]
    fn erfc(self) -> Self {
        functions::erfc(self)
    }

    /// `C ← α A B + β C`, the product engine. Shapes have been checked; with β = 0 the old values of `C` are not read.
    fn gemm(alpha: Self, a: ArrayView2<'_, Self>, b: ArrayView2<'_, Self>, beta: Self, c: ArrayViewMut2<'_, Self>) {
        crate::product::plain(alpha, a, b, beta, c);
    }

    /// `C ← α A B + β D`, with `D` of the shape of `C`. Shapes have been checked; with β = 0, `D` is not read.
    fn gemm_add(
        alpha: Self,
        a: ArrayView2<'_, Self>,
        b: ArrayView2<'_, Self>,
        beta: Self,
        d: ArrayView2<'_, Self>,
        mut c: ArrayViewMut2<'_, Self>,
    ) {
        c.assign(&d);
        Self::gemm(alpha, a, b, beta, c);
    }

    /// `C ← α A B + β C` with operands that pack themselves. Shapes have been checked.
    fn gemm_packed(alpha: Self, left: &dyn Pack<Self>, right: &dyn Pack<Self>, beta: Self, c: ArrayViewMut2<'_, Self>) {
        crate::product::unpacked(alpha, left, right, beta, c);
    }

    /// `C ← α A B + β D` with `A` read through a table and `B` packed; `D` has the shape of `C`, or is `C` if none is given.
    /// Shapes have been checked; with β = 0, `D` is not read.
    fn gemm_gathered(
        alpha: Self,
        a: &Gathered<'_, Self>,
        b: &Packed<Self>,
        beta: Self,
        d: Option<ArrayView2<'_, Self>>,
        c: ArrayViewMut2<'_, Self>,
    ) {
        crate::product::gathered(alpha, a, b, beta, d, c);
    }

    /// Lines of a panel of an operand that is packed once, and what the last one is padded to a multiple of.
    #[doc(hidden)]
    #[must_use]
    fn panel() -> (usize, usize) {
        (1, 1)
    }

    /// This thread's spare buffers, if the type keeps any: see [`memory`](crate::memory).
    #[doc(hidden)]
    #[must_use]
    fn spare() -> Option<&'static LocalKey<RefCell<Spare<Self>>>> {
        None
    }
}

macro_rules! impl_real {
    (
        $float:ident, $exp:ident, $exp_each:ident, $exp_m1:ident, $ln:ident, $ln_1p:ident, $sin:ident, $cos:ident, $tanh:ident,
        $sigmoid:ident, $erf:ident, $erfc:ident, $powf:path
    ) => {
        impl Real for $float {
            const ZERO: Self = 0.0;
            const EPSILON: Self = $float::EPSILON;
            const INFINITY: Self = $float::INFINITY;

            #[inline(always)]
            fn from_f64(x: f64) -> Self {
                x as $float
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn exp(self) -> Self {
                functions::$exp(self)
            }
            #[inline(always)]
            fn exp_each(x: &[Self], y: &mut [Self]) {
                functions::$exp_each(x, y);
            }
            #[inline(always)]
            fn exp_m1(self) -> Self {
                functions::$exp_m1(self)
            }
            #[inline(always)]
            fn ln(self) -> Self {
                functions::$ln(self)
            }
            #[inline(always)]
            fn ln_1p(self) -> Self {
                functions::$ln_1p(self)
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                $float::sqrt(self)
            }
            #[inline(always)]
            fn sin(self) -> Self {
                functions::$sin(self)
            }
            #[inline(always)]
            fn cos(self) -> Self {
                functions::$cos(self)
            }
            #[inline(always)]
            fn tanh(self) -> Self {
                functions::$tanh(self)
            }
            #[inline(always)]
            fn sigmoid(self) -> Self {
                functions::$sigmoid(self)
            }
            #[inline(always)]
            fn erf(self) -> Self {
                functions::$erf(self)
            }
            #[inline(always)]
            fn erfc(self) -> Self {
                functions::$erfc(self)
            }
            #[inline]
            fn acos(self) -> Self {
                $float::acos(self)
            }
            #[inline]
            fn powi(self, n: i32) -> Self {
                $float::powi(self, n)
            }
            #[inline(always)]
            fn powf(self, p: Self) -> Self {
                $powf(self, p)
            }
            #[inline(always)]
            fn abs(self) -> Self {
                $float::abs(self)
            }
            #[inline(always)]
            fn is_finite(self) -> bool {
                $float::is_finite(self)
            }

            fn gemm(
                alpha: Self,
                a: ArrayView2<'_, Self>,
                b: ArrayView2<'_, Self>,
                beta: Self,
                c: ArrayViewMut2<'_, Self>,
            ) {
                crate::engine::gemm(alpha, a, b, beta, c);
            }

            fn gemm_add(
                alpha: Self,
                a: ArrayView2<'_, Self>,
                b: ArrayView2<'_, Self>,
                beta: Self,
                d: ArrayView2<'_, Self>,
                c: ArrayViewMut2<'_, Self>,
            ) {
                crate::engine::gemm_add(alpha, a, b, beta, d, c);
            }

            fn gemm_packed(
                alpha: Self,
                left: &dyn Pack<Self>,
                right: &dyn Pack<Self>,
                beta: Self,
                c: ArrayViewMut2<'_, Self>,
            ) {
                crate::engine::gemm_packed(alpha, left, right, beta, c);
            }

            fn gemm_gathered(
                alpha: Self,
                a: &Gathered<'_, Self>,
                b: &Packed<Self>,
                beta: Self,
                d: Option<ArrayView2<'_, Self>>,
                c: ArrayViewMut2<'_, Self>,
            ) {
                crate::engine::gemm_gathered(alpha, a, b, beta, d, c);
            }

            fn panel() -> (usize, usize) {
                crate::engine::panel::<Self>()
            }

            fn spare() -> Option<&'static LocalKey<RefCell<Spare<Self>>>> {
                thread_local!(static SPARE: RefCell<Spare<$float>> = const { RefCell::new(Spare::new()) });
                Some(&SPARE)
            }
        }
    };
}

impl_real!(
    f32,
    exp_f32,
    exp_each_f32,
    exp_m1_f32,
    ln_f32,
    ln_1p_f32,
    sin_f32,
    cos_f32,
    tanh_f32,
    sigmoid_f32,
    erf_f32,
    erfc_f32,
    functions::powf_f32
);
impl_real!(
    f64,
    exp_f64,
    exp_each_f64,
    exp_m1_f64,
    ln_f64,
    ln_1p_f64,
    sin_f64,
    cos_f64,
    tanh_f64,
    sigmoid_f64,
    erf_f64,
    erfc_f64,
    f64::powf
);
