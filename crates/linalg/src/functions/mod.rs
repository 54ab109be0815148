//! Exponential and logarithm, hyperbolic tangent, sigmoid, error function, powers, sine and cosine, written so that a loop
//! over them is vectorized.
//!
//! The library's own functions are calls, one number at a time, with branches and tables. These have neither: the same
//! few additions and multiplications for every argument, with the exceptional ones (overflow, subnormals, infinities,
//! NaN) put right by selection at the end. Inlined into a loop inside [`vectorized`](crate::simd::vectorized), sixteen `f32`
//! or eight `f64` pass through at once. No multiplication and addition are fused, so the bits are the same on every
//! processor.
//!
//! The pattern is that of S. L. Moshier's Cephes library and of Sun's fdlibm: *reduce* the argument to a short interval,
//! *approximate* there by a polynomial, *reconstruct* by the function's own law.
//!
//! # References
//! W. J. Cody, W. Waite, *Software Manual for the Elementary Functions*, 1980; S. L. Moshier, *Methods and Programs for
//! Mathematical Functions*, 1989; J.-M. Muller, *Elementary Functions*, 3rd ed., 2016.

#![allow(clippy::excessive_precision)] // coefficients stand here as their sources print them

mod erf;
mod exp;
mod ln;
mod near;
mod pow;
mod sigmoid;
mod tanh;
mod trig;

pub(crate) use erf::{erf, erf_f32, erf_f64, erfc, erfc_f32, erfc_f64};
pub(crate) use exp::{exp_each_f32, exp_each_f64, exp_f32, exp_f64};
pub(crate) use ln::{ln_f32, ln_f64};
pub(crate) use near::{exp_m1_f32, exp_m1_f64, ln_1p_f32, ln_1p_f64};
pub(crate) use pow::powf_f32;
pub(crate) use sigmoid::{sigmoid_f32, sigmoid_f64};
pub(crate) use tanh::{tanh_f32, tanh_f64};
pub(crate) use trig::{cos_f32, cos_f64, sin_f32, sin_f64};

/// `a b + c`, rounded once: one instruction where [`vectorized`](crate::simd::vectorized) has compiled for AVX2, AVX-512 or
/// NEON, and the same bits, though slowly, on an x86 processor without it. Elsewhere, where no processor has it, rounded
/// twice.
macro_rules! multiply_add {
    ($a:expr, $b:expr, $c:expr) => {
        if cfg!(any(target_arch = "x86_64", target_arch = "aarch64")) { ($a).mul_add($b, $c) } else { $a * $b + $c }
    };
}
pub(crate) use multiply_add;

/// `c₀ + c₁ x + c₂ x² + …` by Estrin's scheme: neighbours are joined in pairs, `c₀ + c₁ x`, `c₂ + c₃ x`, …, which are the
/// coefficients of a polynomial in `x²` of half the length.
///
/// It takes a few multiplications more than Horner's rule; but there each step waits for the one before it, and what these
/// loops are short of is not multipliers but steps that can go on at the same time.
macro_rules! polynomial {
    (@ $x:ident [$whole:expr]) => { $whole };
    (@ $x:ident [$($joined:expr),+]) => {{
        let square = $x * $x;
        polynomial!(@ square [] $($joined),+)
    }};
    (@ $x:ident [$($joined:expr),*] $last:expr) => { polynomial!(@ $x [$($joined,)* $last]) };
    (@ $x:ident [$($joined:expr),*] $low:expr, $high:expr $(, $rest:expr)*) => {
        polynomial!(@ $x [$($joined,)* $crate::functions::multiply_add!($x, $high, $low)] $($rest),*)
    };
    ($x:expr, $($c:expr),+) => {{
        let x = $x;
        polynomial!(@ x [] $($c),+)
    }};
}
use polynomial;

/// `c₀ + c₁ x + c₂ x² + …` by Horner's rule: the fewest steps, each of which waits for the one before it.
macro_rules! horner {
    ($x:expr, $c:expr) => { $c };
    ($x:expr, $c:expr, $($rest:expr),+) => { multiply_add!($x, horner!($x, $($rest),+), $c) };
}
use horner;

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;
