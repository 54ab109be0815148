//! The fast Fourier transform, of real numbers over any number of axes.
//!
//! # One axis
//!
//! The discrete Fourier transform of `n` numbers is
//!
//! ```text
//! X[f] = Σ_j x[j] ω^(f j)        ω = e^(−2πi/n)        and back        x[j] = 1/n Σ_f X[f] ω^(−f j)
//! ```
//!
//! `n²` products as it stands. Cooley and Tukey take the numbers of even index, and those of odd index, apart. Their two transforms, `E` and `O`,
//! of `n/2` numbers, give the whole one by `n/2` *butterflies*, and these two are made in the same way from halves of theirs:
//!
//! ```text
//! X[f]       = E[f] + ω^f O[f]          E[f] ──●───── X[f]
//! X[f + n/2] = E[f] − ω^f O[f]                  ╲╱
//!                                               ╱╲
//!                                       O[f]·ω^f ●─── X[f + n/2]
//! ```
//!
//! `log₂ n` steps of `n/2` butterflies. Without recursion: when all halves have been taken apart, number `j` stands where the bits of `j` reversed say;
//! so the numbers are put there first, and the steps run from pairs to the whole, in place.
//!
//! # Real numbers
//!
//! Of real numbers, `X[n − f]` is the conjugate of `X[f]`: half of the result says all. And half of the work does: the even numbers are taken for real
//! parts and the odd ones for imaginary parts of `m = n/2` complex numbers, with the transform `Z`. As both are real, `E` and `O` can be told apart
//! in it, and one step of butterflies more gives `X`:
//!
//! ```text
//! E[f] = (Z[f] + conj Z[m − f]) / 2        O[f] = (Z[f] − conj Z[m − f]) / 2i        X[f] = E[f] + ω^f O[f],   f = 0 … m
//! ```
//!
//! # Several axes, many signals
//!
//! Over several axes the transform is that along one after the other. What is halved is the first, and while that is transformed, columns of zeros
//! may stay as they are; on the way back, where it is the last, columns that nobody wants. The channels are the last axis of the array, along
//! which nothing is transformed: a butterfly is then two rows of numbers, and its arithmetic runs along them in the vectors of the processor.
//!
//! # References
//! J. Cooley, J. Tukey, *An algorithm for the machine calculation of complex Fourier series*, 1965,
//! <https://doi.org/10.1090/S0025-5718-1965-0178586-1>; W. Press et al., *Numerical recipes*, 3rd edition, 2007, section 12.3 (real numbers).

use gradus_linalg::simd::vectorized;
use gradus_linalg::{Real, memory};
use std::f64::consts::PI;

/// Complex numbers, `(frequencies, lanes)` in row-major order: real parts and imaginary parts.
pub(super) struct Spectrum<F> {
    pub(super) re: Vec<F>,
    pub(super) im: Vec<F>,
}

impl<F: Real> Spectrum<F> {
    /// Gives the memory back, for the next spectrum.
    pub(super) fn give(self) {
        memory::give(self.re);
        memory::give(self.im);
    }
}

/// The transform of arrays `(sizes…, lanes)`, each size a power of two.
pub(super) struct Transform<F> {
    /// What half of the first size says, and the other axes.
    half: Powers<F>,
    others: Vec<Powers<F>>,
    /// `ω^f` of the first size, for f = 0 … half of it.
    whole: Vec<(F, F)>,
}

impl<F: Real> Transform<F> {
    /// For these sizes: at least one, each a power of two, the first at least 2.
    pub(super) fn new(sizes: &[usize]) -> Self {
        let half = sizes[0] / 2;
        let whole = (0..=half).map(|f| root(f, sizes[0])).collect();
        Self { half: Powers::new(half), others: sizes[1..].iter().map(|&n| Powers::new(n)).collect(), whole }
    }

    /// The numbers of the signal in one lane.
    pub(super) fn numbers(&self) -> usize {
        2 * self.half.size * self.others.iter().map(|axis| axis.size).product::<usize>()
    }

    /// The spectrum of real signals, one in each lane, of which there is one at least. Along the second axis there are zeros
    /// from `columns` on.
    pub(super) fn forward(&self, signal: &[F], lanes: usize, columns: usize) -> Spectrum<F> {
        let (m, live) = (self.half.size, self.live(lanes, columns));
        let row = signal.len() / (2 * m);
        let (mut re, mut im) = (memory::take((m + 1) * row), memory::take((m + 1) * row));
        let parts = re.chunks_exact_mut(row).zip(im.chunks_exact_mut(row));
        for (pair, (re, im)) in signal.chunks_exact(2 * row).zip(parts) {
            re.copy_from_slice(&pair[..row]);
            im.copy_from_slice(&pair[row..]);
        }
        self.half.transform(&mut re, &mut im, row, live);
        // Z[m] is Z[0]: the formula then holds for f = 0 and f = m, too.
        re.copy_within(..row, m * row);
        im.copy_within(..row, m * row);
        self.each_pair(
            &mut re,
            &mut im,
            [row, live],
            #[inline(always)]
            |z, mirror, (c, s)| {
                let (even, odd) = apart(z, mirror);
                (even.0 + odd.0 * c - odd.1 * s, even.1 + odd.0 * s + odd.1 * c)
            },
        );
        self.along_others(&mut re, &mut im, lanes);
        Spectrum { re, im }
    }

    /// The signals of a spectrum, each times [`Transform::numbers`]: the sum without the factor of the way back. Along the second axis
    /// what stands from `columns` on is not wanted, and unspecified.
    pub(super) fn back(&self, spectrum: Spectrum<F>, lanes: usize, columns: usize) -> Vec<F> {
        let Spectrum { mut re, mut im } = spectrum;
        // Exchanging real and imaginary parts before and after turns ω into its conjugate.
        self.along_others(&mut im, &mut re, lanes);
        let (m, live) = (self.half.size, self.live(lanes, columns));
        let row = re.len() / (m + 1);
        // Z = E + iO, where E and O are told apart in X as they were in Z, but for the factor ω^f of O.
        self.each_pair(
            &mut re,
            &mut im,
            [row, live],
            #[inline(always)]
            |x, mirror, (c, s)| {
                let (even, turned) = ((x.0 + mirror.0, x.1 - mirror.1), (x.0 - mirror.0, x.1 + mirror.1));
                let odd = (turned.0 * c + turned.1 * s, turned.1 * c - turned.0 * s);
                (even.0 - odd.1, even.1 + odd.0)
            },
        );
        self.half.transform(&mut im[..m * row], &mut re[..m * row], row, live);
        let mut signal = memory::take(2 * m * row);
        for (pair, (even, odd)) in signal.chunks_exact_mut(2 * row).zip(re.chunks_exact(row).zip(im.chunks_exact(row)))
        {
            pair[..row].copy_from_slice(even);
            pair[row..].copy_from_slice(odd);
        }
        Spectrum { re, im }.give();
        signal
    }

    /// How many numbers of each row of the first axis so many columns of the second are.
    fn live(&self, lanes: usize, columns: usize) -> usize {
        let Some((second, others)) = self.others.split_first() else { return lanes };
        columns.min(second.size) * others.iter().map(|axis| axis.size).product::<usize>() * lanes
    }

    /// Replaces each number at `f`, and that at `m − f`, by `step` of it, of the other one, and of `ω^f`.
    fn each_pair(
        &self,
        re: &mut [F],
        im: &mut [F],
        [row, live]: [usize; 2],
        step: impl Fn((F, F), (F, F), (F, F)) -> (F, F) + Copy,
    ) {
        let m = self.half.size;
        for f in 0..=m / 2 {
            let (turn, mirrored) = (self.whole[f], self.whole[m - f]);
            if f == m - f {
                let rows = f * row..f * row + live;
                for (re, im) in re[rows.clone()].iter_mut().zip(&mut im[rows]) {
                    (*re, *im) = step((*re, *im), (*re, *im), turn);
                }
                continue;
            }
            let (re_low, re_high) = two_rows(re, f, m - f, row, live);
            let (im_low, im_high) = two_rows(im, f, m - f, row, live);
            vectorized(
                #[inline(always)]
                || {
                    let low = re_low.iter_mut().zip(im_low);
                    for ((re, im), (re_high, im_high)) in low.zip(re_high.iter_mut().zip(im_high)) {
                        let (a, b) = ((*re, *im), (*re_high, *im_high));
                        (*re, *im) = step(a, b, turn);
                        (*re_high, *im_high) = step(b, a, mirrored);
                    }
                },
            );
        }
    }

    fn along_others(&self, re: &mut [F], im: &mut [F], lanes: usize) {
        let mut inner = lanes;
        for axis in self.others.iter().rev() {
            let block = axis.size * inner;
            for (re, im) in re.chunks_exact_mut(block).zip(im.chunks_exact_mut(block)) {
                axis.transform(re, im, inner, inner);
            }
            inner = block;
        }
    }
}

/// `E` and `O` of the text above: the transforms of what stood in the real and in the imaginary parts.
#[inline(always)]
fn apart<F: Real>(z: (F, F), mirror: (F, F)) -> ((F, F), (F, F)) {
    let half = F::one() / (F::one() + F::one());
    let even = ((z.0 + mirror.0) * half, (z.1 - mirror.1) * half);
    let odd = ((z.1 + mirror.1) * half, (mirror.0 - z.0) * half); // divided by i: (a + bi) / i = b − ai
    (even, odd)
}

/// The complex transform of one size, and what it needs of sines and cosines.
struct Powers<F> {
    size: usize,
    /// `ω^f` for f = 0 … n/2 − 1.
    roots: Vec<(F, F)>,
}

impl<F: Real> Powers<F> {
    fn new(size: usize) -> Self {
        Self { size, roots: (0..size / 2).map(|f| root(f, size)).collect() }
    }

    /// In place, along the rows of an array `(size, row)`, of the first `live` numbers of each.
    fn transform(&self, re: &mut [F], im: &mut [F], row: usize, live: usize) {
        let n = self.size;
        if n < 2 {
            return;
        }
        let unused = usize::BITS - n.trailing_zeros();
        for j in 0..n {
            let reversed = j.reverse_bits() >> unused;
            if j < reversed {
                for part in [&mut *re, &mut *im] {
                    let (a, b) = two_rows(part, j, reversed, row, live);
                    a.swap_with_slice(b);
                }
            }
        }
        let mut half = 1;
        while half < n {
            for start in (0..n).step_by(2 * half) {
                for f in 0..half {
                    let root = self.roots[f * (n / (2 * half))];
                    let (even, odd) = (start + f, start + f + half);
                    butterfly(two_rows(re, even, odd, row, live), two_rows(im, even, odd, row, live), root);
                }
            }
            half *= 2;
        }
    }
}

/// `(E, O) ← (E + ω O, E − ω O)`, along two rows: the first pair holds the real parts of `E` and `O`, the second the imaginary ones.
fn butterfly<F: Real>(re: (&mut [F], &mut [F]), im: (&mut [F], &mut [F]), (c, s): (F, F)) {
    vectorized(
        #[inline(always)]
        || {
            let (even, odd) = (re.0.iter_mut().zip(im.0), re.1.iter_mut().zip(im.1));
            for ((even_re, even_im), (odd_re, odd_im)) in even.zip(odd) {
                let turned = (*odd_re * c - *odd_im * s, *odd_re * s + *odd_im * c);
                (*odd_re, *odd_im) = (*even_re - turned.0, *even_im - turned.1);
                (*even_re, *even_im) = (*even_re + turned.0, *even_im + turned.1);
            }
        },
    );
}

/// The first `live` numbers of row `a` and of row `b`, which comes later.
fn two_rows<F>(x: &mut [F], a: usize, b: usize, row: usize, live: usize) -> (&mut [F], &mut [F]) {
    let (low, high) = x.split_at_mut(b * row);
    (&mut low[a * row..][..live], &mut high[..live])
}

/// `e^(−2πi f/n)`, as the nearest numbers of the type.
fn root<F: Real>(f: usize, n: usize) -> (F, F) {
    let (sin, cos) = (-2.0 * PI * f as f64 / n as f64).sin_cos();
    (F::from_f64(cos), F::from_f64(sin))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signal(n: usize) -> Vec<f64> {
        (0..n).map(|j| ((j * j + 3 * j) as f64 * 0.37).sin()).collect()
    }

    #[test]
    fn the_transform_is_its_definition() {
        for n in [2, 4, 8, 32] {
            let x = signal(n);
            let spectrum = Transform::new(&[n]).forward(&x, 1, 1);
            for f in 0..=n / 2 {
                let term = |part: fn((f64, f64)) -> f64| -> f64 {
                    x.iter().enumerate().map(|(j, x)| x * part(root(f * j % n, n))).sum()
                };
                assert!((spectrum.re[f] - term(|root| root.0)).abs() < 1e-12, "{n}: {f}");
                assert!((spectrum.im[f] - term(|root| root.1)).abs() < 1e-12, "{n}: {f}");
            }
        }
    }

    #[test]
    fn the_transform_over_axes_is_its_definition_in_every_lane() {
        let (sizes, lanes) = ([4, 2, 8], 3);
        let transform = Transform::new(&sizes);
        let x = signal(4 * 2 * 8 * lanes);
        let spectrum = transform.forward(&x, lanes, usize::MAX);
        assert_eq!(spectrum.re.len(), (4 / 2 + 1) * 2 * 8 * lanes);
        for (at, (&re, &im)) in spectrum.re.iter().zip(&spectrum.im).enumerate() {
            let (lane, f) = (at % lanes, [at / lanes / 16, at / lanes / 8 % 2, at / lanes % 8]);
            let mut sum = (0.0, 0.0);
            for j in 0..64 {
                let place = [j / 16, j / 8 % 2, j % 8];
                let turns: f64 = (0..3).map(|axis| (f[axis] * place[axis]) as f64 / sizes[axis] as f64).sum();
                let (sin, cos) = (-2.0 * PI * turns).sin_cos();
                let x = x[j * lanes + lane];
                sum = (sum.0 + x * cos, sum.1 + x * sin);
            }
            assert!((re - sum.0).abs() < 1e-11 && (im - sum.1).abs() < 1e-11, "{f:?}, lane {lane}");
        }
    }

    #[test]
    fn the_way_back_leads_back() {
        for sizes in [&[2][..], &[16], &[2, 1], &[4, 8], &[2, 4, 2], &[8, 1, 4]] {
            let (transform, lanes) = (Transform::new(sizes), 2);
            let x = signal(transform.numbers() * lanes);
            let back = transform.back(transform.forward(&x, lanes, usize::MAX), lanes, usize::MAX);
            for (x, back) in x.iter().zip(&back) {
                assert!((x - back / transform.numbers() as f64).abs() < 1e-13, "{sizes:?}");
            }
        }
    }

    #[test]
    fn columns_of_zeros_and_columns_that_nobody_wants_change_nothing() {
        let (transform, lanes, columns) = (Transform::new(&[4, 8, 2]), 3, 3);
        let place = |at: usize| at / (2 * lanes) % 8;
        let mut x = signal(transform.numbers() * lanes);
        x.iter_mut().enumerate().filter(|(at, _)| place(*at) >= columns).for_each(|(_, x)| *x = 0.0);
        let (all, live) = (transform.forward(&x, lanes, 8), transform.forward(&x, lanes, columns));
        assert_eq!((&all.re, &all.im), (&live.re, &live.im));
        let (all, wanted) = (transform.back(all, lanes, 8), transform.back(live, lanes, columns));
        let same = all.iter().zip(&wanted).enumerate().filter(|(at, _)| place(*at) < columns);
        same.for_each(|(at, (all, wanted))| assert_eq!(all, wanted, "{at}"));
    }
}
