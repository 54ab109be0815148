//! How a fast matrix product works.
//!
//! A product of `N × N` matrices makes `N³` multiplications of `N²` numbers. A processor core multiplies and adds 32
//! pairs of `f32` in the time in which it fetches a few bytes from main memory; so a fast product is one that uses each
//! number it has fetched many times, at each level of the memory. From the inside out:
//!
//! - `vector`, `x86`, `neon`: a register and what can be done with it, for each instruction set;
//! - `tile`: the microkernel, a tile of `C` that stays in registers during the sum;
//! - `kernels`: tiles of every height and width for each instruction set, chosen when the program runs;
//! - `pack`, `transpose`: operands copied into the order in which tiles read them;
//! - `blocks`: the loops around the tile, which keep blocks of packed operands in the caches;
//! - `direct`: small or narrow products, where packing would cost more than it saves;
//! - `workers`: the same loops divided among threads.
//!
//! This file chooses the way.

#![allow(unsafe_code)] // registers and raw places in memory: each use states why it holds

mod blocks;
mod direct;
mod kernels;
mod output;
mod pack;
mod tile;
mod transpose;
mod vector;
mod workers;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use pack::Pack;

use crate::simd::{Level, level};
use direct::Strided;
use kernels::{Element, Kernels};
use ndarray::{ArrayView2, ArrayViewMut2};
use output::Output;
use workers::Workers;

/// `C ← α A B + β C` on this processor's widest vectors.
pub(crate) fn gemm<F: Element>(alpha: F, a: ArrayView2<'_, F>, b: ArrayView2<'_, F>, beta: F, c: ArrayViewMut2<'_, F>) {
    product(level(), alpha, &a, &b.t(), beta, c);
}

/// `C ← α A B + β C` with operands that pack themselves.
pub(crate) fn gemm_packed<F: Element>(
    alpha: F,
    left: &dyn Pack<F>,
    right: &dyn Pack<F>,
    beta: F,
    c: ArrayViewMut2<'_, F>,
) {
    product(level(), alpha, left, right, beta, c);
}

/// The product with the microkernels of a level that the processor has; the shapes have been checked.
fn product<F: Element>(
    level: Level,
    alpha: F,
    left: &dyn Pack<F>,
    right: &dyn Pack<F>,
    beta: F,
    mut c: ArrayViewMut2<'_, F>,
) {
    let (m, n, k) = (left.lines(), right.lines(), left.depth());
    assert!(c.dim() == (m, n) && right.depth() == k, "gemm: the shapes do not fit");
    if m == 0 || n == 0 {
        return;
    }
    if k == 0 {
        return if beta == F::zero() { c.fill(F::zero()) } else { c.mapv_inplace(|x| beta * x) };
    }
    let kernels = F::kernels(level);
    let workers = Workers::new(m * n * k);
    let c = Output::new(alpha, beta, &mut c);
    // Tiles write rows. Where it is the columns of C that are contiguous, Cᵀ = Bᵀ Aᵀ has rows.
    let (left, right, c) = if c.column != 1 && c.row == 1 { (right, left, c.transposed()) } else { (left, right, c) };
    if let Some((a, b)) = left.as_array().zip(right.as_array()) {
        let (a, b) = (Strided::new(&a), Strided::new(&b));
        match Way::choose(kernels, &a, &b) {
            Way::Dots => direct::dots(kernels, workers, a, b, c),
            Way::Tiles => direct::tiles(kernels, workers, a, b, c),
            Way::TransposedTiles => direct::tiles(kernels, workers, b, a, c.transposed()),
            Way::PackRight => direct::tiles_of_packed(kernels, workers, a, right, c),
            Way::PackLeft => direct::tiles_of_packed(kernels, workers, b, left, c.transposed()),
            Way::PackBoth => blocks::product(kernels, workers, left, right, c),
        }
    } else {
        blocks::product(kernels, workers, left, right, c);
    }
}

/// A way to multiply. Packing a number costs as much as multiplying it a few times, and it is multiplied as often as the
/// other operand has lines: packing pays for large products, and for small operands that meet a large one.
#[derive(Debug)]
enum Way {
    /// Inner products of contiguous lines.
    Dots,
    /// Tiles of operands where they lie; they need contiguous rows of `B`.
    Tiles,
    /// Tiles of `Cᵀ = Bᵀ Aᵀ`, which need contiguous columns of `A`.
    TransposedTiles,
    /// Tiles, with `B` packed and `A` where it lies.
    PackRight,
    /// Tiles of `Cᵀ = Bᵀ Aᵀ`, with `A` packed and `B` where it lies.
    PackLeft,
    /// Tiles of packed blocks.
    PackBoth,
}

impl Way {
    // The limits below are where the ways were measured to change places.
    fn choose<F: Element>(kernels: &Kernels<F>, a: &Strided<F>, b: &Strided<F>) -> Self {
        let (m, n, k) = (a.lines, b.lines, a.depth);
        // Read in place, few lines do not wear out the other operand's caches and pages.
        let in_place = |lines: &Strided<F>, opposite: usize| {
            lines.lines_touch() && (opposite <= FEW || lines.lines * k <= NEAR)
        };
        let (tiles, transposed) = (in_place(b, m), in_place(a, n));
        let along = a.line_is_contiguous() && b.line_is_contiguous();
        if along && m.min(n) <= 8 && k >= 4 * kernels.lanes {
            Self::Dots
        } else if tiles && !(transposed && n < kernels.lanes && n < m) {
            Self::Tiles
        } else if transposed {
            Self::TransposedTiles
        } else if n <= m && (n <= NARROW || n * k <= NEAR) {
            Self::PackRight
        } else if m <= NARROW || m * k <= NEAR {
            Self::PackLeft
        } else {
            Self::PackBoth
        }
    }
}

/// Numbers that the nearest cache holds with room to spare.
const NEAR: usize = 4096;
/// Lines for which the operand opposite is not worth packing if its own lines touch.
const FEW: usize = 256;
/// Lines for which the operand opposite is not worth packing in any case.
const NARROW: usize = 32;

#[cfg(test)]
mod tests;
