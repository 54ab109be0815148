//! The linear maps of the method, along a line and along both axes of a tile.

use gradus_autograd::Real;

/// Channels that a map works on at a time.
pub(super) const LANES: usize = 16;

/// The map of lines on the tiles of some channels.
#[inline(always)]
pub(super) fn in_lanes<'a, F: Real, const N: usize, const M: usize>(
    line: impl Fn([F; N]) -> [F; M],
    from: impl Fn(usize, usize) -> &'a [F; LANES],
) -> [[[F; LANES]; M]; M] {
    let none = [F::zero(); LANES];
    let mut rows = [[&none; N]; N];
    for (a, row) in rows.iter_mut().enumerate() {
        for (b, lanes) in row.iter_mut().enumerate() {
            *lanes = from(a, b);
        }
    }
    let mut mapped = [[[F::zero(); LANES]; M]; M];
    // A loop over the lanes around all of the map, not one in each of its steps: so it is sure to become one of vectors.
    for lane in 0..LANES {
        let mut tile = [[F::zero(); N]; N];
        for a in 0..N {
            for b in 0..N {
                tile[a][b] = rows[a][b][lane];
            }
        }
        let tile = both(&line, tile);
        for a in 0..M {
            for b in 0..M {
                mapped[a][b][lane] = tile[a][b];
            }
        }
    }
    mapped
}

/// A map of lines, along the columns of a tile and then along its rows.
#[inline(always)]
pub(super) fn both<F: Real, const N: usize, const M: usize>(
    line: impl Fn([F; N]) -> [F; M],
    tile: [[F; N]; N],
) -> [[F; M]; M] {
    let mut rows = [[F::zero(); N]; M];
    for b in 0..N {
        let mut column = [F::zero(); N];
        for a in 0..N {
            column[a] = tile[a][b];
        }
        let column = line(column);
        for a in 0..M {
            rows[a][b] = column[a];
        }
    }
    let mut mapped = [[F::zero(); M]; M];
    for a in 0..M {
        mapped[a] = line(rows[a]);
    }
    mapped
}

/// `Bᵀ`
#[inline(always)]
pub(super) fn window<F: Real>([a, b, c, d]: [F; 4]) -> [F; 4] {
    [a - c, b + c, c - b, b - d]
}

/// `Aᵀ`
#[inline(always)]
pub(super) fn result<F: Real>([a, b, c, d]: [F; 4]) -> [F; 2] {
    [a + b + c, b - c - d]
}

/// `A`
#[inline(always)]
pub(super) fn spread<F: Real>([a, b]: [F; 2]) -> [F; 4] {
    [a, a + b, a - b, -b]
}

/// `G`
#[inline(always)]
pub(super) fn kernel<F: Real>([a, b, c]: [F; 3]) -> [F; 4] {
    let (half, ends) = (F::from_f64(0.5), a + c);
    [a, half * (ends + b), half * (ends - b), c]
}

/// `Gᵀ`
#[inline(always)]
pub(super) fn kernel_back<F: Real>([a, b, c, d]: [F; 4]) -> [F; 3] {
    let half = F::from_f64(0.5);
    let (sum, difference) = (half * (b + c), half * (b - c));
    [a + sum, difference, sum + d]
}
