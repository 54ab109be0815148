//! Sequences of symbols, each of which reads a row of a table.
//!
//! With `E` the table and `sₜ` the symbol at `t`, the input is `xₜ = E[sₜ]`, and there are no more different inputs than symbols:
//!
//! ```text
//! Wᵢₕ xₜ = P[sₜ],  P = E Wᵢₕᵀ                one row of P for each symbol
//! ∂L/∂Wᵢₕ = Σₜ δₜ xₜᵀ = Dᵀ E                D[v] = Σ δₜ over the places where sₜ = v
//! ∂L/∂E  = D Wᵢₕ                            ∂L/∂b = Σᵥ D[v]
//! ```
//!
//! The three products with the input, forward and backward, have a row for each symbol and not for each place of each sequence: of a text of
//! 65 characters, read in pieces of 32 times 64, a thirtieth of the work. What is left for a place is to look a row up, and to add a row.

use crate::{Error, Result, Sweep};
use gradus_autograd::{Real, Var};
use gradus_linalg::parallel::for_each_part;
use gradus_linalg::simd::vectorized;
use ndarray::{ArrayView2, ArrayViewMut2, Axis};

/// The symbol at each place, places in the order of a sweep's arrays.
#[derive(Debug)]
pub(super) struct Symbols {
    pub(super) numbers: Box<[usize]>,
    /// The rows of the table.
    pub(super) known: usize,
}

impl Symbols {
    /// Those that a sweep reads, if it reads symbols.
    pub(super) fn of<F: Real>(operation: &'static str, table: &Var<F>, how: &Sweep<'_, F>) -> Result<Option<Self>> {
        let Some(symbols) = how.symbols else { return Ok(None) };
        let known = check_symbols(operation, table.shape(), symbols)?;
        Ok(Some(Self { numbers: symbols.iter().copied().collect(), known }))
    }
}

/// The number of rows of a table that has one for each of these symbols.
pub(crate) fn check_symbols(operation: &'static str, table: &[usize], symbols: ArrayView2<'_, usize>) -> Result<usize> {
    let &[known, _] = table else {
        let (found, expected) = (table.to_vec(), "(symbols, input_size)");
        return Err(Error::InputRank { operation, found, expected });
    };
    match symbols.indexed_iter().find(|&(_, &symbol)| symbol >= known) {
        Some(((time, sequence), &symbol)) => Err(Error::Symbol { operation, symbol, time, sequence, known }),
        None => Ok(known),
    }
}

/// `D[v] += δ` for each place, `v` being its symbol. Threads share the columns: each sum has its terms in the order of the places.
pub(super) fn add_by_symbol<F: Real>(sums: ArrayViewMut2<'_, F>, da: ArrayView2<'_, F>, symbols: &[usize]) {
    /// Columns of which the sums of some dozens of symbols stay in the first-level cache.
    const COLUMNS: usize = 256;
    let mut sums = sums;
    let parts = sums.axis_chunks_iter_mut(Axis(1), COLUMNS).zip(da.axis_chunks_iter(Axis(1), COLUMNS));
    for_each_part(da.len(), parts.collect(), |(mut sums, da): (ArrayViewMut2<'_, F>, ArrayView2<'_, F>)| {
        for (da, &symbol) in da.rows().into_iter().zip(symbols) {
            let (mut sum, contiguous) = (sums.row_mut(symbol), "rows of row-major arrays");
            let (sum, da) = (sum.as_slice_mut().expect(contiguous), da.to_slice().expect(contiguous));
            vectorized(
                #[inline(always)]
                || sum.iter_mut().zip(da).for_each(|(sum, &da)| *sum += da),
            );
        }
    });
}
