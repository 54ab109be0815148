//! Packing a strided view: a copy if its lines lie side by side, a transpose in registers if each line is contiguous.

use crate::Real;
use ndarray::ArrayView2;
#[cfg(all(target_arch = "x86_64", not(miri)))]
use std::any::TypeId;

/// Writes element `(i, p)` of the view to `panel[p · stride + i]`.
///
/// # Panics
/// If the lines do not fit the stride, or the panel is too short.
pub(crate) fn pack<F: Real>(view: ArrayView2<'_, F>, stride: usize, panel: &mut [F]) {
    let (lines, depth) = view.dim();
    assert!(lines <= stride && depth * stride <= panel.len(), "pack: the panel is too small");
    let (line, step) = (view.strides()[0], view.strides()[1]);
    let (from, to) = (view.as_ptr(), panel.as_mut_ptr());
    if line == 1 || lines == 1 {
        // SAFETY: `from` with its strides covers the view, `to` the panel, whose length has been checked.
        unsafe { copy(from, step, to, stride as isize, lines, depth) }
    } else if step == 1 {
        // SAFETY: as above.
        unsafe { transpose(from, line, to, stride as isize, lines, depth) }
    } else {
        for (p, column) in view.columns().into_iter().enumerate() {
            for (to, &x) in panel[p * stride..].iter_mut().zip(column) {
                *to = x;
            }
        }
    }
}

/// Lines that lie side by side: each step is one contiguous run.
///
/// # Safety
/// `lines` contiguous numbers at each of `depth` steps from `from` can be read, and written from `to`.
unsafe fn copy<F: Real>(from: *const F, step: isize, to: *mut F, stride: isize, lines: usize, depth: usize) {
    /// A run whose length the compiler knows becomes a few moves of whole registers, not a call of `memcpy`.
    #[inline(always)]
    unsafe fn runs<F: Real, const N: usize>(from: *const F, step: isize, to: *mut F, stride: isize, depth: usize) {
        for p in 0..depth {
            // SAFETY: step p of the caller's contract.
            unsafe {
                to.offset(p as isize * stride)
                    .cast::<[F; N]>()
                    .write(from.offset(p as isize * step).cast::<[F; N]>().read())
            }
        }
    }
    let mut done = 0;
    // SAFETY: the runs are parts of the caller's lines.
    unsafe {
        macro_rules! blocks {
            ($($n:literal)*) => {
                $(while lines - done >= $n {
                    runs::<F, $n>(from.add(done), step, to.add(done), stride, depth);
                    done += $n;
                })*
            };
        }
        blocks!(32 16 12 8 4 1);
    }
}

/// Contiguous lines: blocks are turned over in registers, so that both sides are read and written by whole vectors.
///
/// # Safety
/// `depth` contiguous numbers of each line from `from` can be read; `lines` numbers at each step from `to` written.
pub(super) unsafe fn transpose<F: Real>(
    from: *const F,
    line: isize,
    to: *mut F,
    stride: isize,
    lines: usize,
    depth: usize,
) {
    let mut done = 0;
    // SAFETY: the blocks are parts of the caller's lines; a cast happens only between equal types.
    unsafe {
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        if crate::simd::level() != crate::simd::Level::Portable {
            let at = |i: usize| from.offset(i as isize * line);
            if TypeId::of::<F>() == TypeId::of::<f32>() {
                while lines - done >= 8 {
                    x86::f32_8_lines(at(done).cast(), line, to.add(done).cast(), stride, depth);
                    done += 8;
                }
                while lines - done >= 4 {
                    x86::f32_4_lines(at(done).cast(), line, to.add(done).cast(), stride, depth);
                    done += 4;
                }
            } else if TypeId::of::<F>() == TypeId::of::<f64>() {
                while lines - done >= 4 {
                    x86::f64_4_lines(at(done).cast(), line, to.add(done).cast(), stride, depth);
                    done += 4;
                }
            }
        }
        while lines - done >= 4 {
            for p in 0..depth {
                let at = |i: usize| *from.offset((done + i) as isize * line + p as isize);
                to.offset(p as isize * stride).add(done).cast::<[F; 4]>().write([at(0), at(1), at(2), at(3)]);
            }
            done += 4;
        }
        for i in done..lines {
            for p in 0..depth {
                *to.offset(p as isize * stride).add(i) = *from.offset(i as isize * line + p as isize);
            }
        }
    }
}

/// Transposes of 8 × 8 and 4 × 4 numbers in AVX registers: pairs are interleaved, then pairs of pairs, then halves.
#[cfg(all(target_arch = "x86_64", not(miri)))]
mod x86 {
    use std::arch::x86_64::*;

    /// # Safety
    /// AVX; 8 lines of `depth` numbers each to read, 8 numbers at each of `depth` steps to write.
    #[target_feature(enable = "avx")]
    pub(super) unsafe fn f32_8_lines(from: *const f32, line: isize, to: *mut f32, stride: isize, depth: usize) {
        let whole = depth / 8 * 8;
        // SAFETY: lines 0 to 7 and steps below `depth`, by the caller's contract.
        unsafe {
            for p in (0..whole).step_by(8) {
                let load = |i: isize| _mm256_loadu_ps(from.offset(i * line).add(p));
                let (r0, r1, r2, r3) = (load(0), load(1), load(2), load(3));
                let (r4, r5, r6, r7) = (load(4), load(5), load(6), load(7));
                let (t0, t1) = (_mm256_unpacklo_ps(r0, r1), _mm256_unpackhi_ps(r0, r1));
                let (t2, t3) = (_mm256_unpacklo_ps(r2, r3), _mm256_unpackhi_ps(r2, r3));
                let (t4, t5) = (_mm256_unpacklo_ps(r4, r5), _mm256_unpackhi_ps(r4, r5));
                let (t6, t7) = (_mm256_unpacklo_ps(r6, r7), _mm256_unpackhi_ps(r6, r7));
                let (u0, u1) = (_mm256_shuffle_ps::<0x44>(t0, t2), _mm256_shuffle_ps::<0xEE>(t0, t2));
                let (u2, u3) = (_mm256_shuffle_ps::<0x44>(t1, t3), _mm256_shuffle_ps::<0xEE>(t1, t3));
                let (u4, u5) = (_mm256_shuffle_ps::<0x44>(t4, t6), _mm256_shuffle_ps::<0xEE>(t4, t6));
                let (u6, u7) = (_mm256_shuffle_ps::<0x44>(t5, t7), _mm256_shuffle_ps::<0xEE>(t5, t7));
                let store = |i: usize, x| _mm256_storeu_ps(to.offset((p + i) as isize * stride), x);
                store(0, _mm256_permute2f128_ps::<0x20>(u0, u4));
                store(1, _mm256_permute2f128_ps::<0x20>(u1, u5));
                store(2, _mm256_permute2f128_ps::<0x20>(u2, u6));
                store(3, _mm256_permute2f128_ps::<0x20>(u3, u7));
                store(4, _mm256_permute2f128_ps::<0x31>(u0, u4));
                store(5, _mm256_permute2f128_ps::<0x31>(u1, u5));
                store(6, _mm256_permute2f128_ps::<0x31>(u2, u6));
                store(7, _mm256_permute2f128_ps::<0x31>(u3, u7));
            }
            rest(from, line, to, stride, 8, whole..depth);
        }
    }

    /// # Safety
    /// AVX; 4 lines of `depth` numbers each to read, 4 numbers at each of `depth` steps to write.
    #[target_feature(enable = "avx")]
    pub(super) unsafe fn f32_4_lines(from: *const f32, line: isize, to: *mut f32, stride: isize, depth: usize) {
        let whole = depth / 4 * 4;
        // SAFETY: lines 0 to 3 and steps below `depth`, by the caller's contract.
        unsafe {
            for p in (0..whole).step_by(4) {
                let load = |i: isize| _mm_loadu_ps(from.offset(i * line).add(p));
                let (r0, r1, r2, r3) = (load(0), load(1), load(2), load(3));
                let (t0, t1) = (_mm_unpacklo_ps(r0, r1), _mm_unpackhi_ps(r0, r1));
                let (t2, t3) = (_mm_unpacklo_ps(r2, r3), _mm_unpackhi_ps(r2, r3));
                let store = |i: usize, x| _mm_storeu_ps(to.offset((p + i) as isize * stride), x);
                store(0, _mm_movelh_ps(t0, t2));
                store(1, _mm_movehl_ps(t2, t0));
                store(2, _mm_movelh_ps(t1, t3));
                store(3, _mm_movehl_ps(t3, t1));
            }
            rest(from, line, to, stride, 4, whole..depth);
        }
    }

    /// # Safety
    /// AVX; 4 lines of `depth` numbers each to read, 4 numbers at each of `depth` steps to write.
    #[target_feature(enable = "avx")]
    pub(super) unsafe fn f64_4_lines(from: *const f64, line: isize, to: *mut f64, stride: isize, depth: usize) {
        let whole = depth / 4 * 4;
        // SAFETY: lines 0 to 3 and steps below `depth`, by the caller's contract.
        unsafe {
            for p in (0..whole).step_by(4) {
                let load = |i: isize| _mm256_loadu_pd(from.offset(i * line).add(p));
                let (r0, r1, r2, r3) = (load(0), load(1), load(2), load(3));
                let (t0, t1) = (_mm256_unpacklo_pd(r0, r1), _mm256_unpackhi_pd(r0, r1));
                let (t2, t3) = (_mm256_unpacklo_pd(r2, r3), _mm256_unpackhi_pd(r2, r3));
                let store = |i: usize, x| _mm256_storeu_pd(to.offset((p + i) as isize * stride), x);
                store(0, _mm256_permute2f128_pd::<0x20>(t0, t2));
                store(1, _mm256_permute2f128_pd::<0x20>(t1, t3));
                store(2, _mm256_permute2f128_pd::<0x31>(t0, t2));
                store(3, _mm256_permute2f128_pd::<0x31>(t1, t3));
            }
            rest(from, line, to, stride, 4, whole..depth);
        }
    }

    /// The last steps, one number at a time.
    ///
    /// # Safety
    /// Lines and steps as for the functions above.
    unsafe fn rest<F: Copy>(
        from: *const F,
        line: isize,
        to: *mut F,
        stride: isize,
        lines: usize,
        steps: std::ops::Range<usize>,
    ) {
        for p in steps {
            for i in 0..lines {
                // SAFETY: within the caller's lines and steps.
                unsafe { *to.offset(p as isize * stride).add(i) = *from.offset(i as isize * line).add(p) };
            }
        }
    }
}
