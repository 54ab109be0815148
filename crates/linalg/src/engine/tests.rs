//! Every microkernel, forced in turn, against the definition of the product.

use super::*;
use ndarray::{Array2, ArrayViewMut2, Axis, Slice, s};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// A small generator of its own: this crate is at the far left of the chain, and these tests need no more.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn below(&mut self, n: usize) -> usize {
        self.next() as usize % n
    }

    /// Uniform in [−1, 1).
    fn number(&mut self) -> f64 {
        self.next() as f64 / f64::from(1 << 30) - 1.0
    }

    fn matrix<F: Element>(&mut self, rows: usize, columns: usize) -> Array2<F> {
        Array2::from_shape_fn((rows, columns), |_| F::from_f64(self.number()))
    }

    fn scale<F: Element>(&mut self) -> F {
        match self.below(3) {
            0 => F::zero(),
            1 => F::one(),
            _ => F::from_f64(self.number()),
        }
    }
}

/// A matrix in an unusual place: some axis order, steps and directions within a larger array.
struct Placed<F> {
    whole: Array2<F>,
    steps: (isize, isize),
    transposed: bool,
}

impl<F: Element> Placed<F> {
    fn new(random: &mut Random, rows: usize, columns: usize) -> Self {
        let transposed = random.below(2) == 1;
        let (outer, inner) = if transposed { (columns, rows) } else { (rows, columns) };
        let mut step = || -> isize {
            match random.below(8) {
                0 => 2,
                1 => -1,
                2 => -3,
                _ => 1,
            }
        };
        let steps = (step(), step());
        let whole = random.matrix(outer * steps.0.unsigned_abs(), inner * steps.1.unsigned_abs());
        Self { whole, steps, transposed }
    }

    fn view_mut(&mut self) -> ArrayViewMut2<'_, F> {
        let mut view = self.whole.view_mut();
        view.slice_axis_inplace(Axis(0), Slice::from(..).step_by(self.steps.0));
        view.slice_axis_inplace(Axis(1), Slice::from(..).step_by(self.steps.1));
        if self.transposed { view.reversed_axes() } else { view }
    }
}

/// The definition, summed in `f64`.
fn expected<F: Element>(alpha: F, a: &Array2<F>, b: &Array2<F>, beta: F, c: &Array2<F>) -> Array2<f64> {
    Array2::from_shape_fn(c.dim(), |(i, j)| {
        let sum: f64 = (0..a.ncols()).map(|p| a[[i, p]].to_f64() * b[[p, j]].to_f64()).sum();
        let kept = if beta == F::zero() { 0.0 } else { beta.to_f64() * c[[i, j]].to_f64() };
        alpha.to_f64() * sum + kept
    })
}

fn levels() -> Vec<Level> {
    match level() {
        Level::Avx512 => vec![Level::Avx512, Level::Avx2, Level::Portable],
        Level::Avx2 => vec![Level::Avx2, Level::Portable],
        Level::Portable => vec![Level::Portable],
    }
}

/// An operand that hides that it is an array, so that it must be packed.
struct Hidden<'a, F>(ArrayView2<'a, F>);

impl<F: Element> Pack<F> for Hidden<'_, F> {
    fn lines(&self) -> usize {
        self.0.nrows()
    }
    fn depth(&self) -> usize {
        self.0.ncols()
    }
    fn pack(&self, lines: std::ops::Range<usize>, depth: std::ops::Range<usize>, stride: usize, panel: &mut [F]) {
        assert!(lines.end <= self.lines() && depth.end <= self.depth() && panel.len() == depth.len() * stride);
        self.0.pack(lines, depth, stride, panel);
    }
}

/// One random product of the given size, in all levels, packed and not.
fn check<F: Element>(random: &mut Random, m: usize, n: usize, k: usize) {
    let (mut a, mut b, mut c) =
        (Placed::<F>::new(random, m, k), Placed::<F>::new(random, k, n), Placed::<F>::new(random, m, n));
    let (alpha, beta) = (random.scale::<F>(), random.scale::<F>());
    if beta == F::zero() {
        c.view_mut().fill(F::zero() / F::zero());
    }
    // What is added: C itself, another matrix, or one row that stands for all.
    let (mut other, kind) = (Placed::<F>::new(random, m, n), random.below(3));
    let other = other.view_mut();
    let row = other.row(0).to_owned();
    let added = match kind {
        0 => None,
        1 => Some(other.view()),
        _ => row.broadcast((m, n)),
    };
    let before = c.whole.clone();
    let (a, b) = (a.view_mut(), b.view_mut());
    let kept = added.map_or_else(|| c.view_mut().to_owned(), |added| added.to_owned());
    let wanted = expected(alpha, &a.to_owned(), &b.to_owned(), beta, &kept);
    let tolerance = F::EPSILON.to_f64() * (k as f64 + 4.0);
    for level in levels() {
        for hidden in [false, true] {
            c.whole.assign(&before);
            let (left, right) = (a.view(), b.t());
            if hidden {
                product(level, alpha, &Hidden(left), &Hidden(right), beta, added, c.view_mut());
            } else {
                product(level, alpha, &left, &right, beta, added, c.view_mut());
            }
            for (at, &x) in wanted.indexed_iter() {
                let found = c.view_mut()[at].to_f64();
                assert!(
                    (found - x).abs() <= tolerance,
                    "{level:?}, hidden {hidden}, {m} × {k} × {n}, α {alpha}, β {beta}, adding {kind}, at {at:?}: {found} for {x}; \
                     strides {:?} · {:?} → {:?}",
                    a.strides(),
                    b.strides(),
                    c.view_mut().strides()
                );
            }
            // What lies between the elements of a strided C is not the product's to change.
            let mut outside = c.whole.clone();
            let c_now = c.view_mut().to_owned();
            c.whole.assign(&before);
            c.view_mut().assign(&c_now);
            outside.zip_mut_with(&c.whole, |x, &y| {
                *x = if *x == y || (x.is_nan() && y.is_nan()) { F::zero() } else { F::one() }
            });
            assert!(outside.iter().all(|&x| x == F::zero()), "{level:?}: wrote beside C");
        }
    }
}

#[test]
fn every_level_agrees_with_the_definition() {
    let mut random = Random(1);
    let (cases, most) = if cfg!(miri) { (6, 12) } else { (400, 70) };
    for case in 0..cases {
        let mut size = || 1 + random.below(most);
        let (m, n, k) = (size(), size(), size());
        if case % 2 == 0 { check::<f32>(&mut random, m, n, k) } else { check::<f64>(&mut random, m, n, k) }
    }
}

#[test]
#[cfg_attr(miri, ignore = "too slow")]
fn sizes_around_the_blocks() {
    let mut random = Random(2);
    for (m, n, k) in [
        (1, 1, 1),
        (12, 32, 384),
        (13, 33, 385),
        (11, 31, 383),
        (192, 64, 10),
        (193, 65, 769),
        (25, 2049, 3),
        (4097, 5, 2),
        (1, 300, 1000),
        (300, 1, 1000),
        (1, 1, 5000),
        (128, 10, 256),
        (10, 256, 128),
    ] {
        check::<f32>(&mut random, m, n, k);
        check::<f64>(&mut random, m, n, k);
    }
}

#[test]
fn empty_dimensions() {
    for (m, n, k) in [(0, 3, 2), (3, 0, 2), (0, 0, 0), (2, 3, 0)] {
        let (a, b) = (Array2::<f32>::ones((m, k)), Array2::<f32>::ones((k, n)));
        let mut c = Array2::from_elem((m, n), 4.0);
        gemm(1.0, a.view(), b.view(), 0.5, c.view_mut());
        assert!(c.iter().all(|&x| x == 2.0));
        c.fill(f32::NAN);
        gemm(1.0, a.view(), b.view(), 0.0, c.view_mut());
        assert!(c.iter().all(|&x| x == 0.0));
    }
}

#[test]
#[cfg(feature = "rayon")]
fn the_number_of_threads_changes_no_bit() {
    let mut random = Random(3);
    let sizes: &[(usize, usize, usize)] = if cfg!(miri) {
        &[(13, 12, 30), (30, 33, 40)] // more than `WORTH_THREADS` there, without packing and with it
    } else {
        &[
            (128, 512, 784),
            (700, 900, 1100), // its terms are packed in several goes
            (512, 784, 128),
            (33, 2100, 400),
            (1000, 10, 200),
            (100, 20, 600),
            (1, 1200, 1000),
            (900, 1, 1200),
        ]
    };
    let pools: &[usize] = if cfg!(miri) { &[2] } else { &[2, 5] };
    for &(m, n, k) in sizes {
        let (a, b) = (random.matrix::<f32>(m, k), random.matrix::<f32>(k, n));
        let b_transposed = b.t().as_standard_layout().into_owned();
        for b in [b.view(), b_transposed.t()] {
            let run = |threads: usize| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a small pool");
                let mut c = Array2::zeros((m, n));
                pool.install(|| gemm(1.0, a.view(), b, 0.0, c.view_mut()));
                c
            };
            let alone = run(1);
            for &threads in pools {
                assert_eq!(alone, run(threads));
            }
        }
    }
}

#[test]
fn strips_are_right_and_the_same_on_any_threads() {
    let mut random = Random(6);
    // Narrow last panels, bands of rows for each, and more terms than are summed at a time.
    let sizes: &[(usize, usize, usize)] =
        if cfg!(miri) { &[(98, 20, 3)] } else { &[(98, 20, 3), (100, 130, 100), (1, 40, 7), (130, 47, 1100)] };
    for (&(m, n, k), level) in sizes.iter().flat_map(|size| levels().into_iter().map(move |level| (size, level))) {
        let (a, b) = (random.matrix::<f32>(m, k), random.matrix::<f32>(n, k));
        let before = random.matrix::<f32>(m, n);
        let wanted = expected(0.5, &a, &b.t().to_owned(), 2.0, &before);
        let run = || {
            let mut c = before.clone();
            let mut view = c.view_mut();
            let output = Output::new(0.5, 2.0, None, &mut view);
            strips::product(f32::kernels(level), Strided::new(&a.view()), &b.view(), n, output);
            c
        };
        let alone = run();
        for (found, wanted) in alone.iter().zip(&wanted) {
            assert!((f64::from(*found) - wanted).abs() < 1e-7 * (k as f64 + 4.0), "{level:?}: {found} for {wanted}");
        }
        #[cfg(feature = "rayon")]
        for threads in [1, 2, 5] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a small pool");
            assert_eq!(alone, pool.install(run));
        }
    }
}

#[test]
fn a_panel_holds_each_number_in_its_place() {
    let mut random = Random(4);
    for _ in 0..if cfg!(miri) { 10 } else { 200 } {
        let (lines, depth) = (1 + random.below(40), 1 + random.below(40));
        let mut placed = Placed::<f32>::new(&mut random, lines, depth);
        let view = placed.view_mut();
        let stride = lines + random.below(3);
        let mut panel = vec![7.0; stride * depth];
        transpose::pack(view.view(), stride, &mut panel);
        let panel = Array2::from_shape_vec((depth, stride), panel).expect("one number for each place");
        assert_eq!(panel.slice(s![.., ..lines]), view.t());
        assert!(panel.slice(s![.., lines..]).iter().all(|&x| x == 7.0), "padding was written");
    }
}

/// An operand that tells the truth about itself once.
struct Fickle<'a> {
    array: ArrayView2<'a, f64>,
    asked: AtomicUsize,
}

impl<'a> Fickle<'a> {
    fn new(array: ArrayView2<'a, f64>) -> Self {
        Self { array, asked: AtomicUsize::new(0) }
    }

    /// The number; a larger one when either number has been asked for before.
    fn answer(&self, truth: usize) -> usize {
        truth + if self.asked.fetch_add(1, Relaxed) < 2 { 0 } else { 100 }
    }
}

impl Pack<f64> for Fickle<'_> {
    fn lines(&self) -> usize {
        self.answer(self.array.nrows())
    }
    fn depth(&self) -> usize {
        self.answer(self.array.ncols())
    }
    fn pack(&self, lines: std::ops::Range<usize>, depth: std::ops::Range<usize>, stride: usize, panel: &mut [f64]) {
        self.array.pack(lines, depth, stride, panel);
    }
}

/// `Pack` is for anyone to implement, without `unsafe`: no implementation may lead to memory that is not its own.
#[test]
fn an_operand_is_asked_for_its_size_once() {
    let mut random = Random(5);
    for (m, n, k) in [(3, 4, 5), (14, 33, 7)] {
        let (a, b) = (random.matrix(m, k), random.matrix(k, n));
        let wanted = expected(1.0, &a, &b, 0.0, &Array2::zeros((m, n)));
        for level in levels() {
            let mut c = Array2::zeros((m, n));
            product(level, 1.0, &Fickle::new(a.view()), &Fickle::new(b.t()), 0.0, None, c.view_mut());
            assert!((&c - &wanted).iter().all(|x| x.abs() < 1e-14));
        }
    }
}

#[test]
#[should_panic(expected = "an operand's array is not of the operand's shape")]
fn an_operand_with_another_array_than_its_own_is_refused() {
    /// A matrix of 2 by 2 that shows one of 50 by 2.
    struct Other(Array2<f64>);
    impl Pack<f64> for Other {
        fn lines(&self) -> usize {
            2
        }
        fn depth(&self) -> usize {
            2
        }
        fn pack(&self, _: std::ops::Range<usize>, _: std::ops::Range<usize>, _: usize, _: &mut [f64]) {}
        fn as_array(&self) -> Option<ArrayView2<'_, f64>> {
            Some(self.0.view())
        }
    }
    let square = Array2::ones((2, 2));
    gemm_packed(1.0, &Other(Array2::ones((50, 2))), &square.view(), 0.0, Array2::zeros((2, 2)).view_mut());
}

/// A product with a left operand read through a table, on each level, against its definition.
fn check_gathered<F: Element>(random: &mut Random) {
    let most = if cfg!(miri) { 5 } else { 40 };
    let (runs, lines, line) = (1 + random.below(4), 1 + random.below(most), random.below(3));
    let (n, k) = (1 + random.below(2 * most), 1 + random.below(if cfg!(miri) { 9 } else { 700 }));
    let starts: Vec<usize> = (0..runs).map(|_| random.below(50)).collect();
    let offsets: Vec<usize> = (0..k).map(|_| random.below(100)).collect();
    let span = starts.iter().max().unwrap() + (lines - 1) * line + offsets.iter().max().unwrap() + 1;
    let data: Vec<F> = random.matrix(1, span).into_raw_vec_and_offset().0;
    let table = Offsets::new(offsets.clone());
    assert!(Gathered::new(&data[1..], &starts, (lines, line), &table).is_none());
    let a = Gathered::new(&data, &starts, (lines, line), &table).unwrap();
    let written =
        Array2::from_shape_fn((runs * lines, k), |(i, p)| data[starts[i / lines] + i % lines * line + offsets[p]]);
    let b = random.matrix::<F>(n, k);
    let (alpha, beta) = (random.scale(), random.scale());
    let (row, full) = (random.matrix::<F>(1, n), random.matrix::<F>(runs * lines, n));
    let (in_rows, in_columns) =
        (random.matrix::<F>(runs * lines, n), random.matrix::<F>(n, runs * lines).reversed_axes());
    for level in levels() {
        let kernels = F::kernels(level);
        let packed = Packed::in_panels(&b.view(), (kernels.columns(), kernels.lanes));
        for c in [&in_rows, &in_columns] {
            for d in [None, Some(row.broadcast(c.dim()).unwrap()), Some(full.view()), Some(in_columns.view())] {
                let mut expected = d.map_or(c.clone(), |d| d.to_owned());
                crate::product::plain(alpha, written.view(), b.t(), beta, expected.view_mut());
                let mut result = c.clone();
                through::product(kernels, &a, &packed, Output::new(alpha, beta, d.as_ref(), &mut result.view_mut()));
                let tolerance = F::EPSILON * F::from_f64(8.0 * k as f64);
                let near = |(x, y): (&F, &F)| (*x - *y).abs() <= tolerance;
                assert!(result.iter().zip(&expected).all(near), "{level:?}, {lines} lines in {runs} runs, {n} × {k}");
            }
        }
    }
}

#[test]
fn a_left_operand_is_read_through_a_table() {
    let mut random = Random(5);
    for _ in 0..if cfg!(miri) { 3 } else { 100 } {
        check_gathered::<f32>(&mut random);
        check_gathered::<f64>(&mut random);
    }
}
