//! The scalar to which the engine belongs: an `f32` in all but its products.

use crate::engine;
use gradus::linalg::num_traits::{Num, One, Zero};
use gradus::ndarray::{ArrayView2, ArrayViewMut2};
use gradus::prelude::Real;
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Rem, RemAssign, Sub, SubAssign};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// How many products the engine was asked for.
pub(crate) static PRODUCTS: AtomicUsize = AtomicUsize::new(0);

/// An `f32` whose matrices are multiplied by [`engine::product`].
#[derive(Clone, Copy, Default, Debug, PartialEq, PartialOrd)]
#[repr(transparent)]
pub(crate) struct Own(f32);

/// Functions of one number, as `f32` has them.
macro_rules! as_f32 {
    ($($function:ident),+) => {$(
        #[inline(always)]
        fn $function(self) -> Self {
            Self(Real::$function(self.0))
        }
    )+};
}

impl Real for Own {
    const ZERO: Self = Self(0.0);
    const EPSILON: Self = Self(f32::EPSILON);
    const INFINITY: Self = Self(f32::INFINITY);

    /// The seam. Everything above, from `Linear` to the losses, multiplies by it and knows no other.
    fn gemm(alpha: Self, a: ArrayView2<'_, Self>, b: ArrayView2<'_, Self>, beta: Self, c: ArrayViewMut2<'_, Self>) {
        PRODUCTS.fetch_add(1, Relaxed);
        engine::product(alpha, a, b, beta, c);
    }

    #[inline(always)]
    fn from_f64(x: f64) -> Self {
        Self(x as f32)
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self.0)
    }
    #[inline(always)]
    fn powi(self, n: i32) -> Self {
        Self(self.0.powi(n))
    }
    #[inline(always)]
    fn powf(self, p: Self) -> Self {
        Self(Real::powf(self.0, p.0))
    }
    #[inline(always)]
    fn is_finite(self) -> bool {
        self.0.is_finite()
    }
    as_f32!(exp, exp_m1, ln, ln_1p, sqrt, sin, cos, tanh, acos, abs, sigmoid, erf, erfc);
}

/// Arithmetic, as `f32` has it.
macro_rules! arithmetic {
    ($($trait:ident, $method:ident, $assign:ident, $assign_method:ident);+) => {$(
        impl $trait for Own {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                Self(self.0.$method(other.0))
            }
        }
        impl $assign for Own {
            #[inline(always)]
            fn $assign_method(&mut self, other: Self) {
                self.0.$assign_method(other.0);
            }
        }
    )+};
}
arithmetic!(
    Add, add, AddAssign, add_assign; Sub, sub, SubAssign, sub_assign; Mul, mul, MulAssign, mul_assign;
    Div, div, DivAssign, div_assign; Rem, rem, RemAssign, rem_assign
);

impl Neg for Own {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl Sum for Own {
    fn sum<I: Iterator<Item = Self>>(numbers: I) -> Self {
        Self(numbers.map(|x| x.0).sum())
    }
}

impl Zero for Own {
    #[inline(always)]
    fn zero() -> Self {
        Self(0.0)
    }
    #[inline(always)]
    fn is_zero(&self) -> bool {
        self.0 == 0.0
    }
}

impl One for Own {
    #[inline(always)]
    fn one() -> Self {
        Self(1.0)
    }
}

impl Num for Own {
    type FromStrRadixErr = <f32 as Num>::FromStrRadixErr;
    fn from_str_radix(text: &str, radix: u32) -> Result<Self, Self::FromStrRadixErr> {
        f32::from_str_radix(text, radix).map(Self)
    }
}

impl fmt::Display for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
