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
//! - `strips`: a left operand that the cache holds is read where it lies, and no thread waits for another;
//! - `direct`: small or narrow products, where packing would cost more than it saves;
//! - `through`: the patches of an image as an operand that is read through a table of offsets;
//! - `foreign`: the `gemm` crate in this one's place, by a feature;
//! - `workers`, `team`: a large product divided among threads.
//!
//! This file chooses the way.

#![allow(unsafe_code)]
// registers and raw places in memory: each use states why it holds
// There, no processor is without vectors, and the portable microkernels are not reached.
#![cfg_attr(all(target_arch = "aarch64", target_feature = "neon"), allow(dead_code))]

mod blocks;
mod direct;
#[cfg(feature = "gemm")]
mod foreign;
mod kernels;
#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
mod neon;
mod output;
mod pack;
mod strips;
pub(crate) mod team;
mod through;
mod tile;
mod transpose;
mod vector;
mod workers;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use pack::Pack;
pub use through::{Gathered, Offsets, Packed};

use crate::simd::{Level, level};
use direct::{NEAR, Strided};
use kernels::{Element, Kernels};
use ndarray::{ArrayView2, ArrayViewMut2};
use output::Output;
use workers::Grid;

/// `C ← α A B + β C` of arrays: by this engine on the processor's widest vectors, or with the feature `gemm` by the crate
/// of that name.
pub(crate) fn gemm<F: Element>(alpha: F, a: ArrayView2<'_, F>, b: ArrayView2<'_, F>, beta: F, c: ArrayViewMut2<'_, F>) {
    #[cfg(feature = "gemm")]
    foreign::gemm(alpha, a, b, beta, c);
    #[cfg(not(feature = "gemm"))]
    product(level(), alpha, &a, &b.t(), beta, None, c);
}

/// `C ← α A B + β D`, with `D` of the shape of `C`.
pub(crate) fn gemm_add<F: Element>(
    alpha: F,
    a: ArrayView2<'_, F>,
    b: ArrayView2<'_, F>,
    beta: F,
    d: ArrayView2<'_, F>,
    mut c: ArrayViewMut2<'_, F>,
) {
    if cfg!(feature = "gemm") {
        c.assign(&d);
        return gemm(alpha, a, b, beta, c);
    }
    product(level(), alpha, &a, &b.t(), beta, Some(d), c);
}

/// `C ← α A B + β C` with operands that pack themselves.
pub(crate) fn gemm_packed<F: Element>(
    alpha: F,
    left: &dyn Pack<F>,
    right: &dyn Pack<F>,
    beta: F,
    c: ArrayViewMut2<'_, F>,
) {
    product(level(), alpha, left, right, beta, None, c);
}

/// `C ← α A B + β D` with `A` read through a table, and `D` of the shape of `C` or `C` itself.
pub(crate) fn gemm_gathered<F: Element>(
    alpha: F,
    a: &Gathered<'_, F>,
    b: &Packed<F>,
    beta: F,
    d: Option<ArrayView2<'_, F>>,
    mut c: ArrayViewMut2<'_, F>,
) {
    let dim = (a.lines(), b.lines());
    assert!(c.dim() == dim && d.as_ref().is_none_or(|d| d.dim() == dim), "gemm_gathered: the shapes do not fit");
    if dim.0 == 0 || dim.1 == 0 {
        return;
    }
    if a.depth() == 0 {
        return without_terms(beta, d, c);
    }
    through::product(F::kernels(level()), a, b, Output::new(alpha, beta, d.as_ref(), &mut c));
}

/// Lines of a panel of a right operand that is packed once, and what the last one is padded to a multiple of.
pub(crate) fn panel<F: Element>() -> (usize, usize) {
    let kernels = F::kernels(level());
    (kernels.columns(), kernels.lanes)
}

/// `C ← β D`, where no term is to be added.
fn without_terms<F: Element>(beta: F, d: Option<ArrayView2<'_, F>>, mut c: ArrayViewMut2<'_, F>) {
    match d {
        _ if beta.is_zero() => c.fill(F::zero()),
        Some(d) => c.zip_mut_with(&d, |c, &d| *c = beta * d),
        None => c.mapv_inplace(|x| beta * x),
    }
}

/// The product with the microkernels of a level that the processor has; the shapes have been checked.
fn product<F: Element>(
    level: Level,
    alpha: F,
    left: &dyn Pack<F>,
    right: &dyn Pack<F>,
    beta: F,
    d: Option<ArrayView2<'_, F>>,
    mut c: ArrayViewMut2<'_, F>,
) {
    // What an operand says of itself is asked once, here: anybody may implement `Pack`, and nothing that is read or written
    // below may lie outside because an answer has changed.
    let ((m, n), k) = (c.dim(), left.depth());
    assert!(left.lines() == m && right.lines() == n && right.depth() == k, "gemm: the shapes do not fit");
    assert!(d.as_ref().is_none_or(|d| d.dim() == (m, n)), "gemm: the shapes do not fit");
    if m == 0 || n == 0 {
        return;
    }
    if k == 0 {
        return without_terms(beta, d, c);
    }
    let kernels = F::kernels(level);
    let c = Output::new(alpha, beta, d.as_ref(), &mut c);
    // Tiles write rows. Where it is the columns of C that are contiguous, Cᵀ = Bᵀ Aᵀ has rows.
    let turn = c.column != 1 && c.row == 1;
    let (left, right, m, n, c) = if turn { (right, left, n, m, c.transposed()) } else { (left, right, m, n, c) };
    let Some((a, b)) = left.as_array().zip(right.as_array()) else {
        return blocks::product(kernels, left, right, (m, n, k), c);
    };
    assert!(a.dim() == (m, k) && b.dim() == (n, k), "gemm: an operand's array is not of the operand's shape");
    let (a, b) = (Strided::new(&a), Strided::new(&b));
    let (way, transpose) = Way::choose(kernels, &a, &b);
    let (left, right, a, b, c) = if transpose { (right, left, b, a, c.transposed()) } else { (left, right, a, b, c) };
    let grid = Grid::new(a.lines, b.lines, k, (kernels.rows(), kernels.columns()));
    match way {
        Way::Dots => grid.for_each(|rows, columns| {
            direct::dots(kernels, a.part(&rows), b.part(&columns), c.part(rows.start, columns.start));
        }),
        Way::Tiles => grid.for_each(|rows, columns| {
            direct::tiles(kernels, a.part(&rows), b.part(&columns), c.part(rows.start, columns.start));
        }),
        Way::PackRight => grid.for_each(|rows, columns| {
            let c = c.part(rows.start, columns.start);
            direct::tiles_of_packed(kernels, a.part(&rows), (right, columns), c);
        }),
        Way::Strips => strips::product(kernels, a, right, b.lines, c),
        Way::PackBoth => blocks::product(kernels, left, right, (a.lines, b.lines, k), c),
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
    /// Tiles, with `B` packed and `A` where it lies.
    PackRight,
    /// Tiles of `A` where it lies, with panels of `B` that are packed one by one.
    Strips,
    /// Tiles of packed blocks.
    PackBoth,
}

impl Way {
    /// The way, and whether to go it with `Cᵀ = Bᵀ Aᵀ` instead.
    ///
    /// The limits are where the ways were measured to change places, on one core with 32 KiB and 1 MiB of caches.
    fn choose<F: Element>(kernels: &Kernels<F>, a: &Strided<F>, b: &Strided<F>) -> (Self, bool) {
        let (m, n, k) = (a.lines, b.lines, a.depth);
        let (tiles, transposed) = (in_place(b, m), in_place(a, n));
        if a.line_is_contiguous() && b.line_is_contiguous() && dots(kernels.lanes, m.min(n), k) {
            (Self::Dots, false)
        } else if a.lines_touch() && b.lines_touch() && m.min(n) >= 256 {
            // Many tiles would each read far-apart rows of both.
            (Self::PackBoth, false)
        } else if tiles && !(transposed && n < kernels.lanes && n < m) {
            (Self::Tiles, false)
        } else if transposed {
            (Self::Tiles, true)
        } else if (n <= m && n <= 64) || n * k <= NEAR {
            (Self::PackRight, false)
        } else if m <= 32 || (m <= 64 && k >= 256 && b.line_is_contiguous()) {
            (Self::PackRight, true)
        } else if strips::suits(a, b) {
            (Self::Strips, false)
        } else {
            (Self::PackBoth, false)
        }
    }
}

/// Whether vectors should be read across the lines of an operand where it lies, for so many lines `opposite`.
///
/// In place, a tile reads a few numbers from each of many rows that lie far apart, perhaps each on a page of its own:
/// the fewer tiles do that, and the less there is in all, the better.
fn in_place<F>(operand: &Strided<F>, opposite: usize) -> bool {
    let len = operand.lines * operand.depth;
    let few = match operand.depth {
        _ if len <= NEAR || operand.lines <= 64 => usize::MAX,
        _ if len <= 1 << 19 => 256,
        ..=1024 => 32,
        _ => 24,
    };
    operand.lines_touch() && opposite <= few
}

/// Whether inner products are best for contiguous lines, `few` on one side.
///
/// Adding up the lanes of an inner product at its end costs as much as some steps of its sum; against that stands the
/// packing, and the part of each vector that stays empty if the lines of the smaller operand lie across it.
fn dots(lanes: usize, few: usize, depth: usize) -> bool {
    let filled = few as f64 / few.next_multiple_of(lanes) as f64;
    (few <= lanes / 2 && depth >= 4 * lanes) || (few <= 3 * lanes && depth >= 12 * lanes && filled < 0.85) || few == 1
}

#[cfg(test)]
mod tests;
