//! `eˣ − 1` and `ln(1 + x)`, which stay exact where `eˣ` and `1 + x` are so near to 1 that their last bits are all there is.
//!
//! ```text
//! eˣ − 1        |x| < 0.35: the Taylor polynomial, whose leading term is x itself
//!               otherwise:  (p − 1) + what the rounding of p = eˣ has lost
//! ln(1 + x)     ln u + (x − (u − 1)) / u,  u = 1 + x rounded; the second term is what the rounding has lost
//! ```
//!
//! # References
//! W. Kahan's form of `ln(1 + x)`: N. J. Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., 2002, §1.14.1.

use super::exp::{exp_parts_f32, exp_parts_f64};
use super::ln::{ln_f32, ln_f64};
use super::polynomial;

macro_rules! near_one {
    ($exp_m1:ident, $ln_1p:ident, $float:ident, $exp_parts:ident, $ln:ident, [$($c:expr),+]) => {
        /// `eˣ − 1`, within 2 ulp.
        #[inline(always)]
        pub(crate) fn $exp_m1(x: $float) -> $float {
            let taylor = x + x * x * polynomial!(x, $($c),+);
            let (power, lost) = $exp_parts(x);
            let far = (power - 1.0) + if power < $float::INFINITY { lost } else { 0.0 };
            let y = if x.abs() < 0.35 { taylor } else { far };
            if x == 0.0 { x } else { y } // keeps the sign of −0
        }

        /// `ln(1 + x)`, within 2 ulp; −∞ of −1, NaN below.
        #[inline(always)]
        pub(crate) fn $ln_1p(x: $float) -> $float {
            let u = 1.0 + x;
            let rest = (x - (u - 1.0)) / u;
            let y = $ln(u) + if u > 0.0 && u < $float::INFINITY { rest } else { 0.0 };
            if x == 0.0 { x } else { y }
        }
    };
}

near_one!(
    exp_m1_f32,
    ln_1p_f32,
    f32,
    exp_parts_f32,
    ln_f32,
    [0.5, 1.0 / 6.0, 1.0 / 24.0, 1.0 / 120.0, 1.0 / 720.0, 1.0 / 5040.0, 1.0 / 40_320.0]
);
near_one!(
    exp_m1_f64,
    ln_1p_f64,
    f64,
    exp_parts_f64,
    ln_f64,
    [
        0.5,
        1.0 / 6.0,
        1.0 / 24.0,
        1.0 / 120.0,
        1.0 / 720.0,
        1.0 / 5_040.0,
        1.0 / 40_320.0,
        1.0 / 362_880.0,
        1.0 / 3_628_800.0,
        1.0 / 39_916_800.0,
        1.0 / 479_001_600.0,
        1.0 / 6_227_020_800.0,
        1.0 / 87_178_291_200.0,
        1.0 / 1_307_674_368_000.0
    ]
);
