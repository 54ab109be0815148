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
    let in_place = left.as_array().zip(right.as_array());
    if let Some((a, b)) = in_place {
        let (a, b) = (Strided::new(&a), Strided::new(&b));
        match without_packing(kernels, &a, &b) {
            Some(Way::Dots) => return direct::dots(kernels, workers, a, b, c),
            Some(Way::Tiles) => return direct::tiles(kernels, workers, a, b, c),
            Some(Way::TilesOfTranspose) => return direct::tiles(kernels, workers, b, a, c.transposed()),
            None => {}
        }
    }
    blocks::product(kernels, workers, left, right, c);
}

/// A way to multiply operands where they lie.
enum Way {
    /// Inner products of contiguous lines.
    Dots,
    /// Tiles, which need contiguous rows of `B`.
    Tiles,
    /// Tiles of `Cᵀ = Bᵀ Aᵀ`, which need contiguous columns of `A`.
    TilesOfTranspose,
}

/// Numbers that the nearest cache holds with room to spare.
const NEAR: usize = 4096;

/// The best way without packing, if there is one that packing would not beat.
fn without_packing<F: Element>(kernels: &Kernels<F>, a: &Strided<F>, b: &Strided<F>) -> Option<Way> {
    let (m, n, k) = (a.lines, b.lines, a.depth);
    // Packing a number costs as much as multiplying it a few times, and each is multiplied by every line opposite.
    let few = 2 * kernels.rows();
    let worth = |lines: usize, opposite: usize| opposite <= few || lines * k <= NEAR;
    // Adding up the lanes of an inner product costs as much as a few steps of the sum.
    let dots = a.line_is_contiguous() && b.line_is_contiguous() && (m.min(n) <= 4.max(k / 32) || m * n * k <= NEAR);
    let (tiles, transposed) = (b.lines_touch() && worth(n, m), a.lines_touch() && worth(m, n));
    if dots {
        Some(Way::Dots)
    } else if tiles && !(transposed && n < kernels.lanes && n < m) {
        Some(Way::Tiles)
    } else if transposed {
        Some(Way::TilesOfTranspose)
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
