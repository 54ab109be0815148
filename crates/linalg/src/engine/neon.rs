//! The vector registers of 64-bit ARM processors: NEON (32 registers of 16 bytes).
//!
//! Every such processor has NEON, so nothing is looked up when the program runs. There are no masks: part of a vector is read and
//! written through a short array. The tests have been run on an emulated processor, so what is here is right; how fast it is,
//! and whether tiles of another size would be faster, has not been measured.

use super::vector::Vector;
use std::arch::aarch64::*;

macro_rules! vector {
    (
        $(#[$doc:meta])* $name:ident($register:ty) = [$float:ty; $lanes:literal],
        splat $splat:ident, load $load:ident, store $store:ident, mul $mul:ident, fma $fma:ident, sum $sum:ident
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(crate) struct $name($register);

        // SAFETY (of every block below): the target has NEON, and the caller of a `Vector` method vouches for the memory that the
        // instruction touches.
        #[allow(clippy::undocumented_unsafe_blocks, unused_unsafe)]
        impl Vector for $name {
            type Scalar = $float;
            const LANES: usize = $lanes;

            #[inline(always)]
            unsafe fn splat(x: $float) -> Self {
                Self(unsafe { $splat(x) })
            }
            #[inline(always)]
            unsafe fn load(from: *const $float) -> Self {
                Self(unsafe { $load(from) })
            }
            #[inline(always)]
            unsafe fn load_first(from: *const $float, n: usize) -> Self {
                let mut lanes: [$float; $lanes] = [0.0; $lanes];
                for (i, lane) in lanes.iter_mut().enumerate().take(n) {
                    *lane = unsafe { from.add(i).read() };
                }
                Self(unsafe { $load(lanes.as_ptr()) })
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut $float) {
                unsafe { $store(to, self.0) }
            }
            #[inline(always)]
            unsafe fn store_first(self, to: *mut $float, n: usize) {
                let mut lanes: [$float; $lanes] = [0.0; $lanes];
                unsafe { $store(lanes.as_mut_ptr(), self.0) };
                for (i, &lane) in lanes.iter().enumerate().take(n) {
                    unsafe { to.add(i).write(lane) };
                }
            }
            #[inline(always)]
            unsafe fn mul(self, b: Self) -> Self {
                Self(unsafe { $mul(self.0, b.0) })
            }
            #[inline(always)]
            unsafe fn mul_add(self, b: Self, c: Self) -> Self {
                // The instruction's first operand is the one that is added to.
                Self(unsafe { $fma(c.0, self.0, b.0) })
            }
            #[inline(always)]
            unsafe fn sum(self) -> $float {
                unsafe { $sum(self.0) }
            }
        }
    };
}

vector! {
    /// 4 numbers of 32 bits.
    F32x4(float32x4_t) = [f32; 4],
    splat vdupq_n_f32, load vld1q_f32, store vst1q_f32, mul vmulq_f32, fma vfmaq_f32, sum vaddvq_f32
}

vector! {
    /// 2 numbers of 64 bits.
    F64x2(float64x2_t) = [f64; 2],
    splat vdupq_n_f64, load vld1q_f64, store vst1q_f64, mul vmulq_f64, fma vfmaq_f64, sum vaddvq_f64
}
