//! Loops over a plane's rows in blocks of a length that the compiler knows: so short rows, too, are whole vectors.

use gradus_autograd::Real;

/// Neighbours of a row of places: where they read, and where they are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    pub(super) from: usize,
    pub(super) to: usize,
}

/// The length of the blocks of rows of so many places.
pub(super) fn length(width: usize) -> usize {
    match width {
        0..=4 => 4,
        5..=8 => 8,
        _ => 16,
    }
}

/// Calls `$body` with the constant `$LEN` that a length of blocks is.
macro_rules! of_length {
    ($len:expr, $LEN:ident => $body:expr) => {
        match $len {
            16 => {
                const $LEN: usize = 16;
                $body
            }
            8 => {
                const $LEN: usize = 8;
                $body
            }
            _ => {
                const $LEN: usize = 4;
                $body
            }
        }
    };
}
pub(super) use of_length;

/// The blocks of a row that together write each of its places. The last one overlaps the one before it; of a row shorter than a block,
/// it reaches over the row's end.
pub(super) fn covering(width: usize, len: usize, row: Block) -> impl Iterator<Item = Block> {
    (0..width.div_ceil(len)).map(move |block| {
        let at = (block * len).min(width.saturating_sub(len));
        Block { from: row.from + at, to: row.to + at }
    })
}

/// `y[to + i] = bias + Σ w[k] x[from + taps[k] + i]`. What blocks write beyond their row, later blocks overwrite, or it lies behind the end
/// of `y` and is left out. To be called inside `vectorized`.
#[inline(always)]
pub(super) fn correlate<const LEN: usize, F: Real>(
    x: &[F],
    blocks: &[Block],
    (taps, w): (&[usize], &[F]),
    bias: F,
    y: &mut [F],
) {
    let whole = blocks.iter().rev().skip_while(|block| block.to + LEN > y.len()).count();
    let (several, _) = blocks[..whole].as_chunks::<4>();
    for blocks in several {
        let to = blocks.map(
            #[inline(always)]
            |block| block.to,
        );
        four_sums::<LEN, F>(x, blocks, (taps, w), bias, y, to);
    }
    for rest in blocks[4 * several.len()..].chunks(4) {
        // Sums of blocks that are too few or reach over the end are written elsewhere first.
        let mut sums = [[F::zero(); LEN]; 4];
        let four = [0, 1, 2, 3].map(
            #[inline(always)]
            |i| rest[i.min(rest.len() - 1)],
        );
        four_sums::<LEN, F>(x, &four, (taps, w), bias, sums.as_flattened_mut(), [0, LEN, 2 * LEN, 3 * LEN]);
        for (block, sums) in rest.iter().zip(&sums) {
            put(sums, y, block.to);
        }
    }
}

/// Four blocks at a time: the weight of a tap is loaded once for all of them. Sums with names of their own stay in registers.
#[inline(always)]
fn four_sums<const LEN: usize, F: Real>(
    x: &[F],
    blocks: &[Block; 4],
    (taps, w): (&[usize], &[F]),
    bias: F,
    y: &mut [F],
    to: [usize; 4],
) {
    let [mut a, mut b, mut c, mut d] = [[bias; LEN]; 4];
    for (&tap, &w) in taps.iter().zip(w) {
        let w = [w; LEN];
        a = plus(a, &w, part(x, blocks[0].from + tap));
        b = plus(b, &w, part(x, blocks[1].from + tap));
        c = plus(c, &w, part(x, blocks[2].from + tap));
        d = plus(d, &w, part(x, blocks[3].from + tap));
    }
    write(&a, y, to[0]);
    write(&b, y, to[1]);
    write(&c, y, to[2]);
    write(&d, y, to[3]);
}

/// Writes a block for which there is room.
#[inline(always)]
fn write<const LEN: usize, F: Real>(block: &[F; LEN], y: &mut [F], to: usize) {
    *y[to..].first_chunk_mut().expect("the block has been found to fit") = *block;
}

/// `sum + a b`.
#[inline(always)]
fn plus<const LEN: usize, F: Real>(mut sum: [F; LEN], a: &[F; LEN], b: &[F; LEN]) -> [F; LEN] {
    for i in 0..LEN {
        sum[i] += a[i] * b[i];
    }
    sum
}

/// The sums of some taps over a plane, which stay in registers since each has a name; then they are added to those before.
macro_rules! products_of {
    ($x:expr, $dy:expr, $blocks:expr, $taps:expr, $sums:expr, $($sum:ident $k:literal)+) => {{
        let (taps, sums): (&[usize; [$($k),+].len()], &mut [[F; LEN]; [$($k),+].len()]) = ($taps, $sums);
        $(let mut $sum = [F::zero(); LEN];)+
        for block in $blocks {
            let dy = part($dy, block.to);
            $($sum = plus($sum, dy, part($x, block.from + taps[$k]));)+
        }
        $(
            for i in 0..LEN {
                sums[$k][i] += $sum[i];
            }
        )+
    }};
}

/// `sums[k] ← sums[k] + Σ dy[to + i] x[from + taps[k] + i]`, lane by lane. To be called inside `vectorized`.
#[inline(always)]
pub(super) fn products<const LEN: usize, F: Real>(
    x: &[F],
    dy: &[F],
    blocks: &[Block],
    taps: &[usize],
    sums: &mut [[F; LEN]],
) {
    let (nines, rest) = taps.as_chunks::<9>();
    let (threes, ones) = rest.as_chunks::<3>();
    let (of_nines, rest) = sums.split_at_mut(9 * nines.len());
    let (of_threes, of_ones) = rest.split_at_mut(3 * threes.len());
    for (taps, sums) in nines.iter().zip(of_nines.as_chunks_mut().0) {
        products_of!(x, dy, blocks, taps, sums, a 0 b 1 c 2 d 3 e 4 f 5 g 6 h 7 i 8);
    }
    for (taps, sums) in threes.iter().zip(of_threes.as_chunks_mut().0) {
        products_of!(x, dy, blocks, taps, sums, a 0 b 1 c 2);
    }
    for (taps, sums) in ones.as_chunks().0.iter().zip(of_ones.as_chunks_mut().0) {
        products_of!(x, dy, blocks, taps, sums, a 0);
    }
}

/// The sum of some lanes, by halves.
#[inline(always)]
pub(super) fn fold<const LEN: usize, F: Real>(mut lanes: [F; LEN]) -> F {
    let mut half = LEN / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] += lanes[i + half];
        }
        half /= 2;
    }
    lanes[0]
}

/// Copies rows of `width` numbers into a plane with a margin of zeros. To be called inside `vectorized`.
#[inline(always)]
pub(super) fn copy<const LEN: usize, F: Real>(from: &[F], blocks: &[Block], width: usize, plane: &mut [F]) {
    for block in blocks {
        let row = &from[block.from..];
        match row.first_chunk::<LEN>() {
            Some(row) => put(row, plane, block.to),
            None => plane[block.to..][..row.len()].copy_from_slice(row),
        }
        if width < LEN {
            // What follows in memory has been copied, too, and belongs to the margin or to the next row.
            put(&[F::zero(); LEN], plane, block.to + width);
        }
    }
}

/// Splits a plane into `stride` of them: every `stride`-th number, from each beginning. To be called inside `vectorized`.
#[inline(always)]
pub(super) fn split<F: Real>(plane: &[F], stride: usize, to: &mut [F]) {
    let len = plane.len() / stride;
    if stride == 2 {
        let (even, odd) = to.split_at_mut(len);
        for ((pair, even), odd) in plane.as_chunks::<2>().0.iter().zip(even).zip(odd) {
            (*even, *odd) = (pair[0], pair[1]);
        }
        return;
    }
    for (first, to) in to.chunks_exact_mut(len).enumerate() {
        for (i, to) in to.iter_mut().enumerate() {
            *to = plane[first + i * stride];
        }
    }
}

/// The rows of some planes, `pitch` apart, one number of each plane after the other: `y[row, q · stride + r] = planes[r, row, q]`. To be called
/// inside `vectorized`.
#[inline(always)]
pub(super) fn interleave<const LEN: usize, F: Real>(
    planes: &[F],
    pitch: usize,
    (stride, size): (usize, usize),
    y: &mut [F],
) {
    let rows = y.len() / size;
    let len = rows * pitch;
    if stride == 2 && size > 1 {
        let (even, odd) = planes.split_at(len);
        for row in 0..rows {
            for Block { from, to } in covering(size.div_ceil(2), LEN, Block { from: row * pitch, to: 0 }) {
                let (even, odd) = (part::<LEN, F>(even, from), part::<LEN, F>(odd, from));
                let to = row * size + 2 * to;
                let mut pairs = [[F::zero(); 2]; LEN];
                for i in 0..LEN {
                    pairs[i] = [even[i], odd[i]];
                }
                match y[to..].as_chunks_mut::<2>().0.first_chunk_mut::<LEN>() {
                    Some(y) => *y = pairs,
                    None => y[to..].iter_mut().zip(pairs.as_flattened()).for_each(
                        #[inline(always)]
                        |(y, &x)| *y = x,
                    ),
                }
            }
        }
        return;
    }
    for (first, plane) in planes.chunks_exact(len).enumerate() {
        for (y, from) in y.chunks_exact_mut(size).zip(plane.chunks_exact(pitch)) {
            for (i, &x) in from.iter().enumerate().take((size - first).div_ceil(stride)) {
                y[first + i * stride] = x;
            }
        }
    }
}

/// Writes a block, as far as there is room for it.
#[inline(always)]
fn put<const LEN: usize, F: Real>(block: &[F; LEN], y: &mut [F], to: usize) {
    let y = &mut y[to..];
    match y.first_chunk_mut() {
        Some(y) => *y = *block,
        None => y.iter_mut().zip(block).for_each(
            #[inline(always)]
            |(y, &x)| *y = x,
        ),
    }
}

/// `LEN` numbers from a place on.
#[inline(always)]
fn part<const LEN: usize, F>(x: &[F], at: usize) -> &[F; LEN] {
    x[at..].first_chunk().expect("rows are continued to whole blocks")
}
