//! A register full of numbers: what a microkernel is written in.
//!
//! The microkernels know no instruction set. They are generic over a [`Vector`], and each instruction set is one
//! implementation of it: [`Portable`] here, AVX-512 and AVX2 in `x86`, NEON in `neon`.

use crate::Real;

/// A processor's vector register, or something that looks like one.
///
/// # Safety of the methods
/// All are `unsafe` for one common reason: the processor must have the instructions that the type stands for. Those
/// that take a pointer need as many readable (or writable) elements there as they touch.
#[allow(clippy::missing_safety_doc)] // said once, above
pub(crate) trait Vector: Copy {
    type Scalar: Real;
    /// How many numbers there are in one register.
    const LANES: usize;

    /// The same number in every lane.
    unsafe fn splat(x: Self::Scalar) -> Self;
    /// Reads `LANES` numbers.
    unsafe fn load(from: *const Self::Scalar) -> Self;
    /// Reads `n < LANES` numbers, or `LANES` of them, and touches no memory beyond; the other lanes become 0.
    unsafe fn load_first(from: *const Self::Scalar, n: usize) -> Self;
    /// Writes `LANES` numbers.
    unsafe fn store(self, to: *mut Self::Scalar);
    /// Writes the first `n ≤ LANES` numbers and touches no memory beyond.
    unsafe fn store_first(self, to: *mut Self::Scalar, n: usize);
    /// `self · b`
    unsafe fn mul(self, b: Self) -> Self;
    /// `self · b + c`, rounded once where the processor can.
    unsafe fn mul_add(self, b: Self, c: Self) -> Self;
    /// The sum of the lanes.
    unsafe fn sum(self) -> Self::Scalar;
}

/// An array that the compiler turns into whatever registers the target has.
#[derive(Clone, Copy)]
pub(crate) struct Portable<F, const N: usize>([F; N]);

impl<F: Real, const N: usize> Vector for Portable<F, N> {
    type Scalar = F;
    const LANES: usize = N;

    #[inline(always)]
    unsafe fn splat(x: F) -> Self {
        Self([x; N])
    }
    #[inline(always)]
    unsafe fn load(from: *const F) -> Self {
        // SAFETY: the caller vouches for N readable elements; an array of them needs no more alignment than one.
        Self(unsafe { from.cast::<[F; N]>().read() })
    }
    #[inline(always)]
    unsafe fn load_first(from: *const F, n: usize) -> Self {
        // SAFETY: only the first n elements are read, for which the caller vouches.
        Self(std::array::from_fn(|i| if i < n { unsafe { from.add(i).read() } } else { F::zero() }))
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut F) {
        // SAFETY: the caller vouches for N writable elements.
        unsafe { to.cast::<[F; N]>().write(self.0) }
    }
    #[inline(always)]
    unsafe fn store_first(self, to: *mut F, n: usize) {
        for (i, &x) in self.0.iter().enumerate().take(n) {
            // SAFETY: only the first n elements are written, for which the caller vouches.
            unsafe { to.add(i).write(x) }
        }
    }
    #[inline(always)]
    unsafe fn mul(self, b: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] * b.0[i]))
    }
    #[inline(always)]
    unsafe fn mul_add(self, b: Self, c: Self) -> Self {
        // Two roundings: without an instruction for it, a fused multiply-add is a slow library call.
        Self(std::array::from_fn(|i| self.0[i] * b.0[i] + c.0[i]))
    }
    #[inline(always)]
    unsafe fn sum(self) -> F {
        self.0.iter().fold(F::zero(), |sum, &x| sum + x)
    }
}
