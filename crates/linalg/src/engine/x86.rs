//! The vector registers of x86-64 processors: AVX-512 (32 registers of 64 bytes) and AVX2 with FMA (16 of 32 bytes).
//!
//! Each method is one instruction. They are inlined into functions that enable the instruction set (see `kernels`);
//! called from anywhere else they would be slow, and on a processor without it undefined.

use super::vector::Vector;
use std::arch::x86_64::*;

macro_rules! vector {
    (
        $(#[$doc:meta])* $name:ident($register:ty) = [$float:ty; $lanes:literal],
        splat $splat:ident, load $load:ident, store $store:ident, mul $mul:ident, fma $fma:ident,
        load_first |$from:ident, $n:ident| $load_first:expr,
        store_first |$to:ident, $count:ident, $x:ident| $store_first:expr,
        sum |$lanes_of:ident| $sum:expr
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(crate) struct $name($register);

        // SAFETY (of every block below): the caller of a `Vector` method vouches for the instruction set, and for the
        // memory that the instruction touches; masked-out lanes are not touched.
        #[allow(clippy::undocumented_unsafe_blocks)]
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
            unsafe fn load_first($from: *const $float, $n: usize) -> Self {
                Self(unsafe { $load_first })
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut $float) {
                unsafe { $store(to, self.0) }
            }
            #[inline(always)]
            unsafe fn store_first(self, $to: *mut $float, $count: usize) {
                let $x = self.0;
                unsafe { $store_first }
            }
            #[inline(always)]
            unsafe fn mul(self, b: Self) -> Self {
                Self(unsafe { $mul(self.0, b.0) })
            }
            #[inline(always)]
            unsafe fn mul_add(self, b: Self, c: Self) -> Self {
                Self(unsafe { $fma(self.0, b.0, c.0) })
            }
            #[inline(always)]
            unsafe fn sum(self) -> $float {
                let $lanes_of = self.0;
                unsafe { $sum }
            }
        }
    };
}

/// The mask of the first `n` of 16 lanes.
#[inline(always)]
fn first16(n: usize) -> __mmask16 {
    ((1_u32 << n) - 1) as __mmask16
}

/// The mask of the first `n` of 8 lanes.
#[inline(always)]
fn first8(n: usize) -> __mmask8 {
    ((1_u32 << n) - 1) as __mmask8
}

/// A window into ones followed by zeros: starting at 8 − n, it selects the first n of 8 lanes (4 for 64-bit lanes).
static ONES_ZEROS_32: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
static ONES_ZEROS_64: [i64; 8] = [-1, -1, -1, -1, 0, 0, 0, 0];

vector! {
    /// 16 numbers of 32 bits.
    F32x16(__m512) = [f32; 16],
    splat _mm512_set1_ps, load _mm512_loadu_ps, store _mm512_storeu_ps,
    mul _mm512_mul_ps, fma _mm512_fmadd_ps,
    load_first |from, n| _mm512_maskz_loadu_ps(first16(n), from),
    store_first |to, n, x| _mm512_mask_storeu_ps(to, first16(n), x),
    sum |x| _mm512_reduce_add_ps(x)
}

vector! {
    /// 8 numbers of 64 bits.
    F64x8(__m512d) = [f64; 8],
    splat _mm512_set1_pd, load _mm512_loadu_pd, store _mm512_storeu_pd,
    mul _mm512_mul_pd, fma _mm512_fmadd_pd,
    load_first |from, n| _mm512_maskz_loadu_pd(first8(n), from),
    store_first |to, n, x| _mm512_mask_storeu_pd(to, first8(n), x),
    sum |x| _mm512_reduce_add_pd(x)
}

vector! {
    /// 8 numbers of 32 bits.
    F32x8(__m256) = [f32; 8],
    splat _mm256_set1_ps, load _mm256_loadu_ps, store _mm256_storeu_ps,
    mul _mm256_mul_ps, fma _mm256_fmadd_ps,
    load_first |from, n| {
        _mm256_maskload_ps(from, _mm256_loadu_si256(ONES_ZEROS_32.as_ptr().add(8 - n).cast()))
    },
    store_first |to, n, x| {
        _mm256_maskstore_ps(to, _mm256_loadu_si256(ONES_ZEROS_32.as_ptr().add(8 - n).cast()), x)
    },
    sum |x| {
        let half = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps::<1>(x));
        let pair = _mm_add_ps(half, _mm_movehl_ps(half, half));
        _mm_cvtss_f32(_mm_add_ss(pair, _mm_shuffle_ps::<1>(pair, pair)))
    }
}

vector! {
    /// 4 numbers of 64 bits.
    F64x4(__m256d) = [f64; 4],
    splat _mm256_set1_pd, load _mm256_loadu_pd, store _mm256_storeu_pd,
    mul _mm256_mul_pd, fma _mm256_fmadd_pd,
    load_first |from, n| {
        _mm256_maskload_pd(from, _mm256_loadu_si256(ONES_ZEROS_64.as_ptr().add(4 - n).cast()))
    },
    store_first |to, n, x| {
        _mm256_maskstore_pd(to, _mm256_loadu_si256(ONES_ZEROS_64.as_ptr().add(4 - n).cast()), x)
    },
    sum |x| {
        let half = _mm_add_pd(_mm256_castpd256_pd128(x), _mm256_extractf128_pd::<1>(x));
        _mm_cvtsd_f64(_mm_add_sd(half, _mm_unpackhi_pd(half, half)))
    }
}
