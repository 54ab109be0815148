//! Loops over long slices, divided among the threads of the current rayon pool.
//!
//! The pieces depend on the length alone, and no piece adds to another's numbers: the result has the same bits for any
//! number of threads. Below a length at which starting another thread costs more than it saves, and without the feature
//! `rayon`, everything runs where it is called.

#[cfg(feature = "rayon")]
use std::sync::{Mutex, PoisonError};

/// Numbers in a piece: its operands fit in the second-level cache. Miri, which interprets, meets the threads on fewer.
#[cfg(any(feature = "rayon", test))]
const PIECE: usize = if cfg!(miri) { 1 << 7 } else { 1 << 15 };

/// The length from which threads are worth their start.
#[cfg(any(feature = "rayon", test))]
const WORTH_THREADS: usize = 4 * PIECE;

/// Multiplications from which threads are worth their start: they take 50 µs.
const WORTH: usize = if cfg!(miri) { 1 << 7 } else { 1 << 22 };

/// Whether a loop over so many numbers is to be divided: it is long enough, and there are threads.
#[must_use]
pub fn is_worth(len: usize) -> bool {
    #[cfg(feature = "rayon")]
    return len >= WORTH_THREADS && rayon::current_num_threads() > 1;
    #[cfg(not(feature = "rayon"))]
    {
        let _ = len;
        false
    }
}

/// The threads of the current pool: in so many parts a job may be divided that is worth it, where the parts cost something.
#[must_use]
pub fn threads() -> usize {
    #[cfg(feature = "rayon")]
    return rayon::current_num_threads();
    #[cfg(not(feature = "rayon"))]
    1
}

/// Calls `f` with pieces of `y`, and of the slices of the same length beside it.
///
/// # Panics
/// If the lengths differ.
pub(crate) fn for_pieces<F: Send + Sync, const N: usize>(
    y: &mut [F],
    xs: [&[F]; N],
    f: impl Fn(&mut [F], [&[F]; N]) + Sync,
) {
    assert_lengths(y, &xs);
    #[cfg(feature = "rayon")]
    if is_worth(y.len()) {
        return in_pieces(y, xs, &f);
    }
    f(y, xs);
}

fn assert_lengths<F>(y: &[F], xs: &[&[F]]) {
    assert!(xs.iter().all(|x| x.len() == y.len()), "for_pieces: the lengths differ");
}

/// A loop over a piece of an array and of the `N` beside it.
#[cfg(feature = "rayon")]
type Loop<'a, F, const N: usize> = dyn Fn(&mut [F], [&[F]; N]) + Sync + 'a;

#[cfg(feature = "rayon")]
fn in_pieces<F: Send + Sync, const N: usize>(y: &mut [F], xs: [&[F]; N], f: &Loop<'_, F, N>) {
    for_each(y.chunks_mut(PIECE), &|i, y| {
        let xs = xs.map(|x| &x[i * PIECE..][..y.len()]);
        f(y, xs);
    });
}

/// Calls `f` with bands of whole rows of `y`, and of `x` beside it.
///
/// # Panics
/// If the lengths differ.
pub(crate) fn for_bands<F: Send + Sync>(len: usize, x: &[F], y: &mut [F], f: impl Fn(&[F], &mut [F]) + Sync) {
    assert_eq!(x.len(), y.len(), "for_bands: the lengths differ");
    #[cfg(feature = "rayon")]
    if is_worth(y.len()) && len < y.len() {
        let band = (PIECE / len).max(1) * len;
        return for_each(y.chunks_mut(band).zip(x.chunks(band)), &|_, (y, x)| f(x, y));
    }
    let _ = len;
    f(x, y);
}

/// Calls `f` with each of the parts of a job of `work` multiplications or as costly steps in all, on the threads of the pool
/// where that is worth it. In which order is left open.
pub fn for_each_part<T: Send>(work: usize, parts: Vec<T>, f: impl Fn(T) + Sync) {
    #[cfg(feature = "rayon")]
    if work >= WORTH && parts.len() > 1 && rayon::current_num_threads() > 1 {
        return for_each(parts.into_iter(), &|_, part| f(part));
    }
    let _ = work;
    parts.into_iter().for_each(f);
}

/// Calls `f(number, part)` with each part, on the threads of the pool.
///
/// rayon's own loops are compiled again for each closure that they are given. Here they are given one, once, that calls `f`
/// through a pointer: a call for a part costs nothing, and a build takes much less time.
#[cfg(feature = "rayon")]
fn for_each<T: Send>(parts: impl Iterator<Item = T>, f: &(dyn Fn(usize, T) + Sync)) {
    let parts: Vec<Mutex<Option<T>>> = parts.map(|part| Mutex::new(Some(part))).collect();
    for_each_number(parts.len(), &|number| {
        // Nobody panics with the lock in hand: it is let go before `f` is called.
        let part = parts[number].lock().unwrap_or_else(PoisonError::into_inner).take();
        f(number, part.expect("each number is met once"));
    });
}

#[cfg(feature = "rayon")]
fn for_each_number(count: usize, f: &(dyn Fn(usize) + Sync)) {
    use rayon::prelude::*;
    (0..count).into_par_iter().for_each(f);
}

/// Calls `f(own, phase, chunk)` once for each of `chunks` chunks of each of `phases` phases, on the threads of the pool where a job of
/// `work` multiplications or as costly steps in all is worth it. A phase begins when all of the one before is done, which its chunks see.
///
/// For steps that wait for one another and are each the work of a few microseconds: threads are called once, and then take chunks by
/// counting. Each has something of its own, that `own` makes, from its first chunk to its last. In which order the chunks of a phase are
/// done, and by whom, is left open: a chunk whose numbers depend on the phases before alone has the same bits on any number of threads.
///
/// # Panics
/// If a chunk does; what is left is not done then.
///
/// # Examples
/// Sums of neighbours, ten times over: each chunk writes a place of its own, and reads what the phase before has left.
/// ```
/// use gradus_linalg::parallel::in_phases;
/// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
/// let rows: Vec<Vec<AtomicU64>> = (0..11).map(|_| (0..4).map(AtomicU64::new).collect()).collect();
/// in_phases(1 << 30, (10, 4), || (), |(), phase, chunk| {
///     let before = |place: usize| rows[phase][place % 4].load(Relaxed);
///     rows[phase + 1][chunk].store(before(chunk) + before(chunk + 1), Relaxed);
/// });
/// assert_eq!(rows[10].iter().map(|sum| sum.load(Relaxed)).sum::<u64>(), 6 << 10);
/// ```
pub fn in_phases<S>(
    work: usize,
    (phases, chunks): (usize, usize),
    own: impl Fn() -> S + Sync,
    f: impl Fn(&mut S, usize, usize) + Sync,
) {
    let threads = if work >= WORTH { threads().min(chunks) } else { 1 };
    crate::engine::team::in_phases_with(threads, std::iter::repeat_n(chunks, phases), own, f);
}

/// Both results, the two computed side by side where `len` numbers make it worth a thread. A loop that halves itself so,
/// at places that depend on its length alone, has the same bits for any number of threads.
pub fn join<R: Send>(len: usize, a: impl FnOnce() -> R + Send, b: impl FnOnce() -> R + Send) -> (R, R) {
    #[cfg(feature = "rayon")]
    if is_worth(len) {
        let (mut a, mut b, mut results) = (Some(a), Some(b), (None, None));
        join_both(&mut || results.0 = a.take().map(|a| a()), &mut || results.1 = b.take().map(|b| b()));
        let both = results.0.zip(results.1);
        return both.expect("both have been called");
    }
    let _ = len;
    (a(), b())
}

/// [`rayon::join`], compiled once.
#[cfg(feature = "rayon")]
fn join_both(a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send)) {
    rayon::join(a, b);
}

/// Calls `f(row, a, b)` with each row of two row-major arrays, of `widths[0]` and `widths[1]` numbers a row.
///
/// # Panics
/// If an array does not hold a whole number of rows, or not as many as the other.
pub fn for_each_row<F: Send + Sync>(
    a: &mut [F],
    b: &mut [F],
    widths: [usize; 2],
    f: impl Fn(usize, &mut [F], &mut [F]) + Sync,
) {
    for_each_band(a, b, widths, |first, a, b| {
        let [a_width, b_width] = widths.map(|width| width.max(1));
        let pairs = a.chunks_exact_mut(a_width).zip(b.chunks_exact_mut(b_width));
        pairs.enumerate().for_each(|(i, (a, b))| f(first + i, a, b));
    });
}

/// Calls `f(first, a, b)` with bands of whole rows of two row-major arrays, of `widths[0]` and `widths[1]` elements a row,
/// of which `first` is the number of the first row. What a row needs beside them is made once for a band. Where there is
/// one array only, `()`s may stand for the other: they take no memory.
///
/// # Panics
/// If an array does not hold a whole number of rows, or not as many as the other.
pub fn for_each_band<A: Send, B: Send>(
    a: &mut [A],
    b: &mut [B],
    widths: [usize; 2],
    f: impl Fn(usize, &mut [A], &mut [B]) + Sync,
) {
    let [a_width, b_width] = widths.map(|width| width.max(1)); // chunks need a length, also of nothing
    let rows = a.len() / a_width;
    assert!(
        a.len() == rows * a_width && b.len() == rows * b_width,
        "for_each_band: the arrays do not hold the same rows"
    );
    #[cfg(feature = "rayon")]
    if is_worth(a.len().max(b.len())) {
        let band = (PIECE / a_width.max(b_width)).max(1);
        let pairs = a.chunks_mut(band * a_width).zip(b.chunks_mut(band * b_width));
        return for_each(pairs, &|i, (a, b)| f(i * band, a, b));
    }
    f(0, a, b);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls `f` where there are two threads, also on a machine with one core.
    fn on_two_threads<R: Send>(f: impl FnOnce() -> R + Send) -> R {
        #[cfg(feature = "rayon")]
        return rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("a small pool").install(f);
        #[cfg(not(feature = "rayon"))]
        f()
    }

    #[test]
    fn every_row_is_met_once_with_its_number() {
        for rows in [0, 1, 7, 2 * WORTH_THREADS / 50] {
            let (mut a, mut b) = (vec![0.0; rows * 50], vec![0.0; rows]);
            on_two_threads(|| {
                for_each_row(&mut a, &mut b, [50, 1], |row, a, b| {
                    a.iter_mut().for_each(|a| *a += row as f64);
                    b[0] += row as f64;
                });
            });
            assert!(a.chunks(50).zip(&b).enumerate().all(|(i, (a, &b))| b == i as f64 && a.iter().all(|&a| a == b)));
        }
    }

    #[test]
    fn bands_hold_every_row_once_also_beside_nothing() {
        for rows in [0, 1, 7, 2 * WORTH_THREADS / 50] {
            let mut a = vec![0.0; rows * 50];
            on_two_threads(|| {
                for_each_band(&mut a, &mut vec![(); rows], [50, 1], |first, a, nothing| {
                    assert_eq!(a.len(), 50 * nothing.len());
                    a.chunks_mut(50).enumerate().for_each(|(i, a)| a.iter_mut().for_each(|a| *a += (first + i) as f64));
                });
            });
            assert!(a.chunks(50).enumerate().all(|(i, a)| a.iter().all(|&a| a == i as f64)));
        }
    }

    #[test]
    fn every_piece_is_met_once() {
        for len in [0, 1, WORTH_THREADS - 1, WORTH_THREADS + PIECE / 2] {
            let x: Vec<f32> = (0..len).map(|i| i as f32).collect();
            let mut y = vec![0.0; len];
            on_two_threads(|| {
                for_pieces(&mut y, [&x], |y, [x]| y.iter_mut().zip(x).for_each(|(y, x)| *y += x + 1.0));
            });
            assert!(y.iter().zip(&x).all(|(y, x)| *y == x + 1.0));
        }
    }
}
