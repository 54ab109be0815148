//! The microkernels of each instruction set, in tables: a tile of any height and width has one compiled for it.
//!
//! An edge of the product is then computed by a smaller tile instead of a large one that is mostly padding.

#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
use super::neon::{F32x4, F64x2};
use super::tile::{Dots, IN_PLACE, PACKED, THROUGH, Tile, dots, tile};
use super::vector::{Portable, Vector};
#[cfg(target_arch = "x86_64")]
use super::x86::{F32x8, F32x16, F64x4, F64x8};
use crate::simd::Level;

pub(crate) type TileFn<F> = unsafe fn(&Tile<F>);
pub(crate) type DotsFn<F> = unsafe fn(&Dots<F>);

/// The microkernels for one scalar on one instruction set.
#[derive(Debug)]
pub(crate) struct Kernels<F: 'static> {
    /// Numbers in a vector.
    pub(crate) lanes: usize,
    /// `packed[w][r − 1]`: tiles of `r` rows by `w + 1` vectors, for packed operands.
    packed: [&'static [TileFn<F>]; 2],
    /// `through[w][r − 1]`: the same for a left operand that is read through a table.
    through: [&'static [TileFn<F>]; 2],
    /// `direct[w][r − 1]`: tiles of `r` rows by 1, 2 or 4 vectors, for operands as they lie in memory.
    direct: [&'static [TileFn<F>]; 3],
    /// `dots[r − 1][c − 1]`: tiles of `r` by `c` inner products.
    dots: [&'static [DotsFn<F>]; 4],
}

impl<F> Kernels<F> {
    /// Most rows of a packed tile.
    pub(crate) fn rows(&self) -> usize {
        self.packed[1].len()
    }

    /// Most columns of a packed tile.
    pub(crate) fn columns(&self) -> usize {
        2 * self.lanes
    }

    pub(crate) fn packed(&self, rows: usize, vectors: usize) -> TileFn<F> {
        self.packed[vectors - 1][rows - 1]
    }

    /// Most rows of a tile whose left operand is read through a table.
    pub(crate) fn rows_through(&self) -> usize {
        self.through[1].len()
    }

    pub(crate) fn through(&self, rows: usize, vectors: usize) -> TileFn<F> {
        self.through[vectors - 1][rows - 1]
    }

    /// The widest tile, in vectors, for `rows` rows and at least as many columns as its vectors begin.
    pub(crate) fn direct_vectors(&self, rows: usize, columns: usize) -> usize {
        if columns <= self.lanes {
            1
        } else if columns <= 3 * self.lanes || rows > self.direct[2].len() {
            2
        } else {
            4
        }
    }

    pub(crate) fn direct(&self, rows: usize, vectors: usize) -> TileFn<F> {
        self.direct[vectors / 2][rows - 1]
    }

    /// Most rows and columns of a tile of inner products.
    pub(crate) fn dots_limits(&self) -> (usize, usize) {
        (self.dots.len(), self.dots[0].len())
    }

    pub(crate) fn dots(&self, rows: usize, columns: usize) -> DotsFn<F> {
        self.dots[rows - 1][columns - 1]
    }
}

/// A scalar that has microkernels.
pub(crate) trait Element: crate::Real {
    fn kernels(level: Level) -> &'static Kernels<Self>;
}

/// One instruction set: a module in which [`tile`] and [`dots`] are compiled with its features enabled, and their tables.
macro_rules! instruction_set {
    (
        $module:ident, [$($feature:literal)?], $f32:ty, $f64:ty,
        rows [$($r:literal)*], through [$($t:literal)*], wide [$($w:literal)*], dots [$($d:tt)*]
    ) => {
        mod $module {
            use super::*;

            // The compiler cannot name a constant generic parameter in a table: one entry for each is written out.
            $(#[target_feature(enable = $feature)])?
            unsafe fn tile_here<V: Vector, const R: usize, const W: usize, const READ: u8>(job: &Tile<V::Scalar>) {
                // SAFETY: the same contract; the features of `V` are enabled here.
                unsafe { tile::<V, R, W, READ>(job) }
            }

            $(#[target_feature(enable = $feature)])?
            unsafe fn dots_here<V: Vector, const R: usize, const C: usize>(job: &Dots<V::Scalar>) {
                // SAFETY: the same contract; the features of `V` are enabled here.
                unsafe { dots::<V, R, C>(job) }
            }

            pub(super) static F32: Kernels<f32> = instruction_set!(@table $f32, [$($r)*], [$($t)*], [$($w)*], [$($d)*]);
            pub(super) static F64: Kernels<f64> = instruction_set!(@table $f64, [$($r)*], [$($t)*], [$($w)*], [$($d)*]);
        }
    };
    (@table $v:ty, [$($r:literal)*], [$($t:literal)*], [$($w:literal)*], [$([$row:literal: $($c:literal)*])*]) => {
        Kernels {
            lanes: <$v as Vector>::LANES,
            packed: [&[$(tile_here::<$v, $r, 1, PACKED>),*], &[$(tile_here::<$v, $r, 2, PACKED>),*]],
            through: [&[$(tile_here::<$v, $t, 1, THROUGH>),*], &[$(tile_here::<$v, $t, 2, THROUGH>),*]],
            direct: [
                &[$(tile_here::<$v, $r, 1, IN_PLACE>),*],
                &[$(tile_here::<$v, $r, 2, IN_PLACE>),*],
                &[$(tile_here::<$v, $w, 4, IN_PLACE>),*],
            ],
            dots: [$(&[$(dots_here::<$v, $row, $c>),*]),*],
        }
    };
}

// 32 registers: 24 for a tile of 12 × 2 vectors, or of 6 × 4. Through a table, the compiler loads all numbers of a step before
// it multiplies them: from 11 × 2 on it has no registers left, and takes twice as long.
#[cfg(target_arch = "x86_64")]
instruction_set!(
    avx512, ["avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"], F32x16, F64x8,
    rows [1 2 3 4 5 6 7 8 9 10 11 12], through [1 2 3 4 5 6 7 8 9 10], wide [1 2 3 4 5 6],
    dots [[1: 1 2 3 4] [2: 1 2 3 4] [3: 1 2 3 4] [4: 1 2 3 4]]
);

// 16 registers: 12 for a tile of 6 × 2 vectors, or of 3 × 4.
#[cfg(target_arch = "x86_64")]
instruction_set!(
    avx2, ["avx2,fma"], F32x8, F64x4,
    rows [1 2 3 4 5 6], through [1 2 3 4 5 6], wide [1 2 3],
    dots [[1: 1 2] [2: 1 2] [3: 1 2] [4: 1 2]]
);

// 32 registers: 16 for a tile of 8 × 2 vectors, or of 4 × 4.
#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
instruction_set!(
    neon, ["neon"], F32x4, F64x2,
    rows [1 2 3 4 5 6 7 8], through [1 2 3 4 5 6 7 8], wide [1 2 3 4],
    dots [[1: 1 2] [2: 1 2] [3: 1 2] [4: 1 2]]
);

// Vectors of 16 bytes, which every target of today has at least 16 of.
instruction_set!(
    portable, [], Portable<f32, 4>, Portable<f64, 2>,
    rows [1 2 3 4 5 6], through [1 2 3 4 5 6], wide [1 2 3],
    dots [[1: 1 2] [2: 1 2] [3: 1 2] [4: 1 2]]
);

macro_rules! element {
    ($float:ty, $table:ident) => {
        impl Element for $float {
            fn kernels(level: Level) -> &'static Kernels<Self> {
                match level {
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx512 => &avx512::$table,
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx2 => &avx2::$table,
                    // The one level there is on this target.
                    #[cfg(all(target_arch = "aarch64", target_feature = "neon", not(miri)))]
                    _ => &neon::$table,
                    #[cfg(not(all(target_arch = "aarch64", target_feature = "neon", not(miri))))]
                    _ => &portable::$table,
                }
            }
        }
    };
}

element!(f32, F32);
element!(f64, F64);
