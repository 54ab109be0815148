//! The same code, compiled for each kind of processor and chosen when it runs.

use std::sync::OnceLock;

/// Runs `f` compiled for the widest vectors that this processor has.
///
/// `f` is inlined into a function that is allowed AVX-512 or AVX2 instructions, so that the loops inside it are
/// vectorized for them. Nothing else changes: no multiplication and addition are fused that the source does not fuse,
/// so the result has the same bits on every processor. Mark closures and functions called inside `#[inline(always)]`: one
/// that the compiler leaves outside is not vectorized, and [`Real`](crate::Real)'s functions in it take fifty times as long.
#[inline]
pub fn vectorized<R>(f: impl FnOnce() -> R) -> R {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
        fn avx512<R>(f: impl FnOnce() -> R) -> R {
            f()
        }
        #[target_feature(enable = "avx2,fma")]
        fn avx2<R>(f: impl FnOnce() -> R) -> R {
            f()
        }
        match level() {
            // SAFETY: `level` has seen that the processor has these features.
            #[allow(unsafe_code)]
            Level::Avx512 => return unsafe { avx512(f) },
            // SAFETY: as above.
            #[allow(unsafe_code)]
            Level::Avx2 => return unsafe { avx2(f) },
            Level::Portable => {}
        }
    }
    f()
}

/// What the processor can do, as far as the kernels tell processors apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Vectors of 512 bits.
    Avx512,
    /// Vectors of 256 bits and fused multiply-add.
    Avx2,
    /// Whatever the compiler's default target has.
    Portable,
}

/// The level of this processor.
#[inline]
#[must_use]
pub fn level() -> Level {
    /// One word instead of one for each feature: this is asked before every loop.
    static LEVEL: OnceLock<Level> = OnceLock::new();
    *LEVEL.get_or_init(detect)
}

fn detect() -> Level {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        if avx2
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
        {
            return Level::Avx512;
        }
        if avx2 {
            return Level::Avx2;
        }
    }
    Level::Portable
}
