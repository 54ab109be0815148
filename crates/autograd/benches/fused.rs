//! A chain of operations on a million elements, forward and backward: one by one, and fused. Prints the least of many runs.

use gradus_autograd::{Tape, Value, Var, fused};
use std::hint::black_box;
use std::time::{Duration, Instant};

fn one_by_one(x: &Var, y: &Var) -> Var {
    x.tanh() * y.sigmoid() + (-x.square()).exp()
}

fn in_one_pass(x: &Var, y: &Var) -> Var {
    let chain = fused(
        [x, y],
        #[inline(always)]
        |[x, y]| x.tanh() * y.sigmoid() + (-x.square()).exp(),
    );
    chain.unwrap_or_else(|error| panic!("{error}"))
}

fn main() {
    let numbers = |scale: f32| {
        Value::from(
            (0..1_000_000)
                .map(|i| scale * ((i * 7919) % 1009) as f32 / 504.5 - scale)
                .collect::<gradus_autograd::ndarray::Array1<f32>>(),
        )
    };
    let (x, y) = (numbers(1.0), numbers(2.0));
    for (name, f) in [("one by one", one_by_one as fn(&Var, &Var) -> Var), ("fused", in_one_pass)] {
        let mut least = Duration::MAX;
        for _ in 0..200 {
            let start = Instant::now();
            let tape = Tape::recording();
            let (x, y) = (tape.variable(x.clone()), tape.variable(y.clone()));
            black_box(f(&x, &y).sum().backward().unwrap_or_else(|error| panic!("{error}")));
            least = least.min(start.elapsed());
        }
        println!("{name}: {:.2} ms", least.as_secs_f64() * 1e3);
    }
    let mut least = Duration::MAX;
    for _ in 0..1000 {
        let tape = Tape::recording();
        let mut y = tape.variable(1.0_f32);
        let start = Instant::now();
        for _ in 0..1000 {
            y = y.tanh();
        }
        least = least.min(start.elapsed() / 1000);
        black_box(&y);
    }
    println!("recording one operation on a number: {} ns", least.as_nanos());
}
