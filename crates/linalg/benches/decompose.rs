//! Milliseconds of each factorization, and of what is made of it, on random matrices.
//!
//! ```text
//! cargo bench -p gradus-linalg --features decompose --bench decompose -- [--f32] [PART OF A NAME]
//! ```
//!
//! Each line is the median of rounds in which all take turns, so that a disturbance of the machine falls on all alike.
//! All work is on one thread; pin it to a core (`taskset -c 0`).

use gradus_linalg::ndarray::{Array1, Array2};
use gradus_linalg::{
    Factorize, LeastSquares, cholesky, eigenvalues, inverse, lstsq, matmul, qr, singular_values, solve, svd,
    symmetric_eigen,
};
use std::hint::black_box;
use std::time::Instant;

type Call = Box<dyn Fn()>;

struct Contestant {
    name: String,
    call: Call,
    seconds: Vec<f64>,
}

impl Contestant {
    /// Times about ten milliseconds of calls, at least one, and keeps the time of one.
    fn round(&mut self) {
        let (start, mut calls) = (Instant::now(), 0);
        while calls == 0 || start.elapsed().as_secs_f64() < 0.01 {
            (self.call)();
            calls += 1;
        }
        self.seconds.push(start.elapsed().as_secs_f64() / f64::from(calls));
    }

    fn median(&mut self) -> f64 {
        self.seconds.sort_by(f64::total_cmp);
        self.seconds[self.seconds.len() / 2]
    }
}

/// Numbers from −1/2 to 1/2 without a pattern.
fn matrix<F: Factorize>(rows: usize, columns: usize) -> Array2<F> {
    let mut state = 1_u64;
    Array2::from_shape_simple_fn((rows, columns), || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        F::from_f64((state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5)
    })
}

fn contestants<F: Factorize>(n: usize) -> Vec<Contestant> {
    let a = matrix::<F>(n, n);
    let b = Array1::from_elem(n, F::one());
    let symmetric = &a + &a.t();
    let definite = matmul(&a, &a.t()).expect("square") + Array2::<F>::eye(n);
    let tall = matrix::<F>(4 * n, n);
    let targets = Array1::from_elem(4 * n, F::one());
    let least_squares = |method| {
        let (a, b) = (tall.clone(), targets.clone());
        move || drop(black_box(lstsq(&a, &b, method).expect("of full rank")))
    };
    // One line for each: a matrix of its own, and what is done with it.
    let on = |a: &Array2<F>, call: fn(&Array2<F>)| {
        let a = a.clone();
        Box::new(move || call(&a)) as Call
    };
    let all: Vec<(&str, Call)> = vec![
        ("solve", {
            let a = a.clone();
            Box::new(move || drop(black_box(solve(&a, &b).expect("not singular"))))
        }),
        ("inverse", on(&a, |a| drop(black_box(inverse(a).expect("not singular"))))),
        ("cholesky", on(&definite, |a| drop(black_box(cholesky(a).expect("definite").l())))),
        (
            "qr",
            on(&a, |a| {
                let f = qr(a).expect("finite");
                drop(black_box((f.q(), f.r())));
            }),
        ),
        ("symmetric_eigen", on(&symmetric, |a| drop(black_box(symmetric_eigen(a).expect("it converges"))))),
        ("eigenvalues", on(&a, |a| drop(black_box(eigenvalues(a).expect("it converges"))))),
        ("svd", on(&a, |a| drop(black_box(svd(a).expect("it converges"))))),
        ("singular_values", on(&a, |a| drop(black_box(singular_values(a).expect("it converges"))))),
        ("lstsq normal equations, 4n rows", Box::new(least_squares(LeastSquares::NormalEquations))),
        ("lstsq qr, 4n rows", Box::new(least_squares(LeastSquares::Qr))),
        ("lstsq svd, 4n rows", Box::new(least_squares(LeastSquares::Svd { rcond: None }))),
    ];
    all.into_iter()
        .map(|(name, call)| Contestant { name: format!("{name} n={n}"), call, seconds: Vec::new() })
        .collect()
}

fn run<F: Factorize>(filter: &str) {
    let mut all: Vec<_> =
        [100, 500].into_iter().flat_map(contestants::<F>).filter(|c| c.name.contains(filter)).collect();
    for _ in 0..9 {
        all.iter_mut().for_each(Contestant::round);
    }
    for contestant in &mut all {
        let milliseconds = contestant.median() * 1e3;
        println!("{:<40} {milliseconds:10.3} ms", contestant.name);
    }
}

fn main() {
    let (mut single, mut filter) = (false, String::new());
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--bench" => {} // from cargo
            "--f32" => single = true,
            _ => filter = argument,
        }
    }
    if single { run::<f32>(&filter) } else { run::<f64>(&filter) }
}
