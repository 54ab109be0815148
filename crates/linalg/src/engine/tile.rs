//! The microkernel: one tile of the product, held in registers while the sum over `k` runs.
//!
//! A tile of `C`, `ROWS` rows by `WIDTH` vectors, stays in registers. Each step of the sum loads `WIDTH` vectors from a
//! row of `B` and broadcasts `ROWS` numbers from a column of `A`: `ROWS + WIDTH` loads feed `ROWS · WIDTH` fused
//! multiply-adds. The larger the tile, the less the loads weigh; the number of registers sets the limit.
//!
//! ```text
//!                 B  step p:   [ b₀ … ]  [ b₁ … ]
//!  A  step p:  a₀            ⎡  c₀₀       c₀₁  ⎤
//!              a₁            ⎢  c₁₀       c₁₁  ⎥     cᵢⱼ ← aᵢ · bⱼ + cᵢⱼ
//!              ⋮             ⎣   ⋮         ⋮   ⎦
//! ```
//!
//! # References
//! Goto & van de Geijn, *Anatomy of High-Performance Matrix Multiplication*, 2008, <https://doi.org/10.1145/1356052.1356053>;
//! Van Zee & van de Geijn, *BLIS: A Framework for Rapidly Instantiating BLAS Functionality*, 2015, <https://doi.org/10.1145/2764454>

use super::vector::Vector;
use crate::Real;
use num_traits::Zero;

/// What one call of the microkernel works on. Strides are counted in elements.
#[derive(Clone, Copy)]
pub(crate) struct Tile<F> {
    /// Length of the sum.
    pub(crate) depth: usize,
    /// The first number of `A`.
    pub(crate) a: *const F,
    /// From a row of `A` to the next, and from a column to the next (packed: 1 and the number of rows).
    pub(crate) a_row: isize,
    pub(crate) a_step: isize,
    /// Where each column of `A` begins, counted from `a`, if it is read through a table.
    pub(crate) offsets: *const usize,
    /// The first number of `B`, whose rows are contiguous.
    pub(crate) b: *const F,
    /// From a row of `B` to the next.
    pub(crate) b_step: isize,
    /// The first number of `C`, whose rows are contiguous.
    pub(crate) c: *mut F,
    /// From a row of `C` to the next.
    pub(crate) c_row: isize,
    /// What β multiplies, whose rows are contiguous: `C` itself, or a matrix `D` of its shape.
    pub(crate) d: *const F,
    /// From a row of `D` to the next.
    pub(crate) d_row: isize,
    /// How many columns the tile really has; only its last vector may be partly filled.
    pub(crate) columns: usize,
    pub(crate) alpha: F,
    pub(crate) beta: F,
}

impl<F: Real> Tile<F> {
    /// A tile of nothing, to be filled in.
    pub(crate) fn new() -> Self {
        let (a, b, c, d) = (std::ptr::null(), std::ptr::null(), std::ptr::null_mut(), std::ptr::null());
        let (alpha, beta) = (F::one(), F::zero());
        let offsets = std::ptr::null();
        Self {
            depth: 0,
            a,
            a_row: 0,
            a_step: 0,
            offsets,
            b,
            b_step: 0,
            c,
            c_row: 0,
            d,
            d_row: 0,
            columns: 0,
            alpha,
            beta,
        }
    }
}

/// Both operands as they lie in memory, by their strides.
pub(crate) const IN_PLACE: u8 = 0;
/// Both operands packed. `A` is a panel in which the `ROWS` numbers of a step lie side by side, and `B` one whose rows are
/// padded to whole vectors: the loop has neither strides nor masks.
pub(crate) const PACKED: u8 = 1;
/// `B` packed, and `A` read through a table of offsets, one for each step of the sum.
pub(crate) const THROUGH: u8 = 2;

/// `C ← α A B + β D` on one tile; `D` may be `C`. `READ` is how the operands are read.
///
/// # Safety
/// The processor has the instructions of `V`. `tile.a` and `tile.b` can be read (and `tile.d`, unless `beta` is 0), `tile.c`
/// written at all the places that the strides, or the `depth` offsets, lead to; the last vector of a row is touched only as far
/// as `columns` says, save in a padded panel. Nobody else writes to this tile of `C`.
#[inline(always)]
pub(crate) unsafe fn tile<V: Vector, const ROWS: usize, const WIDTH: usize, const READ: u8>(tile: &Tile<V::Scalar>) {
    let last = tile.columns - (WIDTH - 1) * V::LANES; // columns in the last vector
    // SAFETY: the caller vouches for the instructions and for every place read and written.
    unsafe {
        let mut sums = [[V::splat(V::Scalar::zero()); WIDTH]; ROWS];
        let mut at = At { a: tile.a, offset: tile.offsets, b: tile.b };
        // Counting takes turns from the multipliers: of packed operands, two steps are counted as one. Of others it saves little, since
        // each of their rows is counted for itself; and more steps at once take the compiler as much longer as they are more.
        let unroll = const { if READ == PACKED { 2 } else { 1 } };
        for _ in 0..tile.depth / unroll {
            for _ in 0..unroll {
                outer::<V, ROWS, WIDTH, READ>(&mut sums, tile, &mut at);
            }
        }
        for _ in 0..tile.depth % unroll {
            outer::<V, ROWS, WIDTH, READ>(&mut sums, tile, &mut at);
        }
        let alpha = V::splat(tile.alpha);
        let (keep, beta) = (!tile.beta.is_zero(), V::splat(tile.beta));
        let whole = last == V::LANES;
        for (i, sums) in sums.iter().enumerate() {
            let row = tile.c.wrapping_offset(i as isize * tile.c_row);
            let d_row = tile.d.wrapping_offset(i as isize * tile.d_row);
            for (j, &sum) in sums.iter().enumerate() {
                let (to, d) = (row.wrapping_add(j * V::LANES), d_row.wrapping_add(j * V::LANES));
                if j + 1 < WIDTH || whole {
                    let c = if keep { alpha.mul_add(sum, beta.mul(V::load(d))) } else { alpha.mul(sum) };
                    c.store(to);
                } else {
                    let c = if keep { alpha.mul_add(sum, beta.mul(V::load_first(d, last))) } else { alpha.mul(sum) };
                    c.store_first(to, last);
                }
            }
        }
    }
}

/// Where a step of the sum reads.
struct At<F> {
    a: *const F,
    offset: *const usize,
    b: *const F,
}

/// Adds one term to each sum, the outer product of a column of `A` and a row of `B`, and moves on to the next.
///
/// # Safety
/// As for [`tile`], at this step.
#[inline(always)]
unsafe fn outer<V: Vector, const ROWS: usize, const WIDTH: usize, const READ: u8>(
    sums: &mut [[V; WIDTH]; ROWS],
    tile: &Tile<V::Scalar>,
    at: &mut At<V::Scalar>,
) {
    let last = tile.columns - (WIDTH - 1) * V::LANES;
    // SAFETY: the caller vouches for the instructions and for every place read.
    unsafe {
        let mut row = [V::splat(V::Scalar::zero()); WIDTH];
        for (j, x) in row.iter_mut().enumerate() {
            let from = at.b.wrapping_add(j * V::LANES);
            *x = if READ != IN_PLACE || j + 1 < WIDTH { V::load(from) } else { V::load_first(from, last) };
        }
        let column = if READ == THROUGH { at.a.wrapping_add(*at.offset) } else { at.a };
        for (i, sums) in sums.iter_mut().enumerate() {
            let from =
                if READ == PACKED { column.wrapping_add(i) } else { column.wrapping_offset(i as isize * tile.a_row) };
            let x = V::splat(*from);
            for (sum, b) in sums.iter_mut().zip(row) {
                *sum = x.mul_add(b, *sum);
            }
        }
    }
    // The last step leads beyond the end: `wrapping`, and never read.
    match READ {
        THROUGH => at.offset = at.offset.wrapping_add(1),
        PACKED => at.a = at.a.wrapping_add(ROWS),
        _ => at.a = at.a.wrapping_offset(tile.a_step),
    }
    at.b = at.b.wrapping_offset(if READ == IN_PLACE { tile.b_step } else { (WIDTH * V::LANES) as isize });
}

/// What one call of the dot kernel works on: rows of `A` and columns of `B` that are both contiguous.
#[derive(Clone, Copy)]
pub(crate) struct Dots<F> {
    /// Length of the sum.
    pub(crate) depth: usize,
    pub(crate) a: *const F,
    pub(crate) a_row: isize,
    pub(crate) b: *const F,
    pub(crate) b_column: isize,
    pub(crate) c: *mut F,
    pub(crate) c_row: isize,
    pub(crate) c_column: isize,
    pub(crate) d: *const F,
    pub(crate) d_row: isize,
    pub(crate) d_column: isize,
    pub(crate) alpha: F,
    pub(crate) beta: F,
}

/// `C ← α A B + β D` on one tile, each element as an inner product of two contiguous lines.
///
/// Here a vector runs along the sum, so nothing has to be packed; in exchange the lanes of each of the
/// `ROWS · COLUMNS` sums must be added up at the end.
///
/// # Safety
/// As for [`tile`], with `depth` contiguous numbers in each row of `A` and column of `B`.
#[inline(always)]
pub(crate) unsafe fn dots<V: Vector, const ROWS: usize, const COLUMNS: usize>(dots: &Dots<V::Scalar>) {
    // SAFETY: the caller vouches for the instructions and for every place read and written.
    unsafe {
        let mut sums = [[V::splat(V::Scalar::zero()); COLUMNS]; ROWS];
        let rest = dots.depth % V::LANES;
        let (mut a, mut b) = (dots.a, dots.b);
        for _ in 0..dots.depth / V::LANES {
            step::<V, ROWS, COLUMNS, true>(&mut sums, a, dots.a_row, b, dots.b_column, V::LANES);
            (a, b) = (a.wrapping_add(V::LANES), b.wrapping_add(V::LANES));
        }
        if rest > 0 {
            step::<V, ROWS, COLUMNS, false>(&mut sums, a, dots.a_row, b, dots.b_column, rest);
        }
        for (i, sums) in sums.iter().enumerate() {
            for (j, sum) in sums.iter().enumerate() {
                let to = dots.c.wrapping_offset(i as isize * dots.c_row + j as isize * dots.c_column);
                let d = dots.d.wrapping_offset(i as isize * dots.d_row + j as isize * dots.d_column);
                let sum = dots.alpha * sum.sum();
                to.write(if dots.beta.is_zero() { sum } else { sum + dots.beta * d.read() });
            }
        }
    }
}

/// Adds `n` terms of each sum: one vector, or with `WHOLE` false part of one.
///
/// # Safety
/// As for [`dots`], for `n` terms.
#[inline(always)]
unsafe fn step<V: Vector, const ROWS: usize, const COLUMNS: usize, const WHOLE: bool>(
    sums: &mut [[V; COLUMNS]; ROWS],
    a: *const V::Scalar,
    a_row: isize,
    b: *const V::Scalar,
    b_column: isize,
    n: usize,
) {
    // SAFETY: the caller vouches for the instructions and for every place read.
    unsafe {
        let mut columns = [V::splat(V::Scalar::zero()); COLUMNS];
        for (j, column) in columns.iter_mut().enumerate() {
            let from = b.wrapping_offset(j as isize * b_column);
            *column = if WHOLE { V::load(from) } else { V::load_first(from, n) };
        }
        for (i, sums) in sums.iter_mut().enumerate() {
            let from = a.wrapping_offset(i as isize * a_row);
            let a = if WHOLE { V::load(from) } else { V::load_first(from, n) };
            for (sum, b) in sums.iter_mut().zip(columns) {
                *sum = a.mul_add(b, *sum);
            }
        }
    }
}
