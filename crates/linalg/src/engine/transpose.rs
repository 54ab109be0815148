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
        blocks!(32 16 12 8 4);
        if done < lines && lines >= 4 {
            // Numbers that are there already are written once more: a run of four for one, two or three.
            runs::<F, 4>(from.add(lines - 4), step, to.add(lines - 4), stride, depth);
            done = lines;
        }
        blocks!(1);
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
        if TypeId::of::<F>() == TypeId::of::<f32>() {
            done = x86::f32_lines(from.cast(), line, to.cast(), stride, lines, depth);
        } else if TypeId::of::<F>() == TypeId::of::<f64>() {
            done = x86::f64_lines(from.cast(), line, to.cast(), stride, lines, depth);
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

/// As [`transpose`], where there is room to read: up to 16 lines, whole groups of four at a time, of which those beyond
/// `lines` hold anything and go nowhere.
///
/// # Safety
/// As for [`transpose`], with as many lines to read as the next multiple of 4 says.
#[inline]
pub(super) unsafe fn transpose_room<F: Real>(
    from: *const F,
    line: isize,
    to: *mut F,
    stride: isize,
    lines: usize,
    depth: usize,
) {
    // SAFETY: the caller's contract; a cast happens only between equal types.
    unsafe {
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        if TypeId::of::<F>() == TypeId::of::<f32>() && x86::f32_room(from.cast(), line, to.cast(), stride, lines, depth)
        {
            return;
        }
        transpose(from, line, to, stride, lines, depth);
    }
}

/// Transposes of a few terms of many lines in registers.
///
/// A register takes the same terms of every fourth line (of `f64`: every second), 16 bytes of each. Such pieces are then
/// turned over in all of their places at once, and each result is what several lines have at one term, in order:
///
/// ```text
/// [l0 p0…p3 | l4 p0…p3 | …]              [l0…l3 at p0 | l4…l7 at p0 | …]
/// [l1 p0…p3 | l5 p0…p3 | …]     ───►     [l0…l3 at p1 | l4…l7 at p1 | …]
/// [l2 p0…p3 | l6 p0…p3 | …]              [l0…l3 at p2 | l4…l7 at p2 | …]
/// [l3 p0…p3 | l7 p0…p3 | …]              [l0…l3 at p3 | l4…l7 at p3 | …]
/// ```
#[cfg(all(target_arch = "x86_64", not(miri)))]
mod x86 {
    use crate::simd::{Level, level};
    use std::arch::x86_64::*;

    /// Transposes of `LINES` lines with one instruction set; see the module.
    macro_rules! lines {
        (
            $name:ident, $feature:literal, $float:ty; $terms:literal terms at a time,
            gather |$at:ident| $gather:expr, turn |$rows:ident| $turn:expr,
            store |$to:ident, $x:ident, $lines:ident| $store:expr
        ) => {
            /// # Safety
            /// The processor has the feature; `LINES` lines of `depth` numbers each to read, and as many numbers at each of
            /// `depth` steps to write, or `lines` of them, where the instruction set can write some of a register.
            #[target_feature(enable = $feature)]
            unsafe fn $name<const LINES: usize>(
                $lines: usize,
                from: *const $float,
                line: isize,
                to: *mut $float,
                stride: isize,
                depth: usize,
            ) {
                let whole = depth / $terms * $terms;
                // SAFETY: lines below `LINES` and steps below `depth`, by the caller's contract.
                unsafe {
                    for p in (0..whole).step_by($terms) {
                        let $rows: [_; $terms] = std::array::from_fn(|first| {
                            let $at = |i: usize| from.offset((first + $terms * i) as isize * line).add(p);
                            $gather
                        });
                        for (q, $x) in $turn.into_iter().enumerate() {
                            let $to = to.offset((p + q) as isize * stride);
                            $store
                        }
                    }
                    for p in whole..depth {
                        for i in 0..$lines {
                            *to.offset(p as isize * stride).add(i) = *from.offset(i as isize * line).add(p);
                        }
                    }
                }
            }
        };
    }

    lines!(
        f32_avx512, "avx512f", f32; 4 terms at a time,
        gather |at| {
            let mut x = _mm512_castps128_ps512(_mm_loadu_ps(at(0)));
            if LINES > 4 { x = _mm512_insertf32x4::<1>(x, _mm_loadu_ps(at(1))); }
            if LINES > 8 { x = _mm512_insertf32x4::<2>(x, _mm_loadu_ps(at(2))); }
            if LINES > 12 { x = _mm512_insertf32x4::<3>(x, _mm_loadu_ps(at(3))); }
            x
        },
        turn |x| {
            let (t0, t1) = (_mm512_unpacklo_ps(x[0], x[1]), _mm512_unpackhi_ps(x[0], x[1]));
            let (t2, t3) = (_mm512_unpacklo_ps(x[2], x[3]), _mm512_unpackhi_ps(x[2], x[3]));
            [
                _mm512_shuffle_ps::<0x44>(t0, t2), _mm512_shuffle_ps::<0xEE>(t0, t2),
                _mm512_shuffle_ps::<0x44>(t1, t3), _mm512_shuffle_ps::<0xEE>(t1, t3),
            ]
        },
        store |to, x, lines| _mm512_mask_storeu_ps(to, ((1_u32 << lines) - 1) as __mmask16, x)
    );

    lines!(
        f32_avx, "avx", f32; 4 terms at a time,
        gather |at| {
            let mut x = _mm256_castps128_ps256(_mm_loadu_ps(at(0)));
            if LINES > 4 { x = _mm256_insertf128_ps::<1>(x, _mm_loadu_ps(at(1))); }
            x
        },
        turn |x| {
            let (t0, t1) = (_mm256_unpacklo_ps(x[0], x[1]), _mm256_unpackhi_ps(x[0], x[1]));
            let (t2, t3) = (_mm256_unpacklo_ps(x[2], x[3]), _mm256_unpackhi_ps(x[2], x[3]));
            [
                _mm256_shuffle_ps::<0x44>(t0, t2), _mm256_shuffle_ps::<0xEE>(t0, t2),
                _mm256_shuffle_ps::<0x44>(t1, t3), _mm256_shuffle_ps::<0xEE>(t1, t3),
            ]
        },
        store |to, x, lines| if LINES > 4 { _mm256_storeu_ps(to, x) } else { _mm_storeu_ps(to, _mm256_castps256_ps128(x)) }
    );

    lines!(
        f64_avx512, "avx512f,avx512dq", f64; 2 terms at a time,
        gather |at| {
            let mut x = _mm512_castpd128_pd512(_mm_loadu_pd(at(0)));
            if LINES > 2 { x = _mm512_insertf64x2::<1>(x, _mm_loadu_pd(at(1))); }
            if LINES > 4 { x = _mm512_insertf64x2::<2>(x, _mm_loadu_pd(at(2))); }
            if LINES > 6 { x = _mm512_insertf64x2::<3>(x, _mm_loadu_pd(at(3))); }
            x
        },
        turn |x| [_mm512_unpacklo_pd(x[0], x[1]), _mm512_unpackhi_pd(x[0], x[1])],
        store |to, x, lines| _mm512_mask_storeu_pd(to, ((1_u32 << lines) - 1) as __mmask8, x)
    );

    lines!(
        f64_avx, "avx", f64; 2 terms at a time,
        gather |at| {
            let mut x = _mm256_castpd128_pd256(_mm_loadu_pd(at(0)));
            if LINES > 2 { x = _mm256_insertf128_pd::<1>(x, _mm_loadu_pd(at(1))); }
            x
        },
        turn |x| [_mm256_unpacklo_pd(x[0], x[1]), _mm256_unpackhi_pd(x[0], x[1])],
        store |to, x, lines| if LINES > 2 { _mm256_storeu_pd(to, x) } else { _mm_storeu_pd(to, _mm256_castpd256_pd128(x)) }
    );

    /// Transposes as many of the lines as come in blocks of these sizes, and says how many.
    macro_rules! blocks {
        ($name:ident, $float:ty: $($level:pat => $function:ident [$($lines:literal)*]),*) => {
            /// # Safety
            /// `depth` numbers of each line to read, `lines` numbers at each of `depth` steps to write.
            pub(super) unsafe fn $name(
                from: *const $float,
                line: isize,
                to: *mut $float,
                stride: isize,
                lines: usize,
                depth: usize,
            ) -> usize {
                let mut done = 0;
                match level() {
                    $($level => {
                        $(while lines - done >= $lines {
                            let (from, to) = (from.wrapping_offset(done as isize * line), to.wrapping_add(done));
                            // SAFETY: some of the caller's lines; the level says what the processor has.
                            unsafe { $function::<$lines>($lines, from, line, to, stride, depth) };
                            done += $lines;
                        })*
                    })*
                    Level::Portable => {}
                }
                done
            }
        };
    }

    blocks!(f32_lines, f32: Level::Avx512 => f32_avx512 [16 12 8 4], Level::Avx2 => f32_avx [8 4]);
    blocks!(f64_lines, f64: Level::Avx512 => f64_avx512 [8 6 4 2], Level::Avx2 => f64_avx [4 2]);

    /// Transposes up to 16 lines at once, reading whole groups of four, or nothing where the instruction set cannot.
    ///
    /// # Safety
    /// `depth` numbers of each line of the groups to read, `lines` numbers at each of `depth` steps to write.
    pub(super) unsafe fn f32_room(
        from: *const f32,
        line: isize,
        to: *mut f32,
        stride: isize,
        lines: usize,
        depth: usize,
    ) -> bool {
        if level() != Level::Avx512 {
            return false;
        }
        // SAFETY: the caller's lines; the level says what the processor has.
        unsafe {
            match lines {
                0 => {}
                1..=4 => f32_avx512::<4>(lines, from, line, to, stride, depth),
                5..=8 => f32_avx512::<8>(lines, from, line, to, stride, depth),
                9..=12 => f32_avx512::<12>(lines, from, line, to, stride, depth),
                13..=16 => f32_avx512::<16>(lines, from, line, to, stride, depth),
                _ => return false,
            }
        }
        true
    }
}
