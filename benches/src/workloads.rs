//! The workloads of the contract.

use crate::draw::{classes, parameters, reals};
use crate::measure::Work;
use crate::models::{Bptt, Cnn, Language, Mlp};
use crate::training::{Training, item, rng, tokens};
use gradus::autograd::fused_sum;
use gradus::linalg::gemm;
use gradus::ndarray::Array2;
use gradus::prelude::*;
use gradus::rnn_bptt::LstmCell;
use std::hint::black_box;

/// Every workload whose layers exist.
pub const NAMES: &[&str] = &[
    "scalar",
    "linreg",
    "mlp",
    "cnn",
    "resnet",
    "rnn",
    "lstm",
    "gru",
    "infer_mlp_b1",
    "infer_mlp_b256",
    "infer_cnn_b1",
    "infer_cnn_b256",
    "infer_lstm_b1",
    "gemm_f32_64",
    "gemm_f32_256",
    "gemm_f32_512",
    "gemm_f32_1024",
    "gemm_f32_2048",
    "gemm_f64_256",
    "gemm_f64_1024",
    "bptt_64",
    "bptt_256",
    "bptt_1024",
    "bptt_4096",
    "softmax_ce",
    "elementwise",
];

/// Sets a workload up; `None` for a name that is not in [`NAMES`].
#[must_use]
pub fn set_up(name: &str) -> Option<Work> {
    if let Some(mut training) = Training::new(name, 0, 1) {
        return Some(Work::training(move || must(training.step())));
    }
    let parts: Vec<_> = name.split('_').collect();
    Some(match parts[..] {
        ["infer", "lstm", "b1"] => read_one(Language::lstm(&mut rng())),
        ["infer", "mlp", batch] => inference("mlp", Mlp::new(&mut rng()), &[number(batch)?, 784]),
        ["infer", "cnn", batch] => inference("cnn", Cnn::new(&mut rng()), &[number(batch)?, 1, 28, 28]),
        ["gemm", "f32", n] => product::<f32>(name, number(n)?),
        ["gemm", "f64", n] => product::<f64>(name, number(n)?),
        ["bptt", steps] => bptt(number(steps)?),
        ["softmax", "ce"] => softmax_cross_entropy(),
        ["elementwise"] => elementwise(),
        _ => return None,
    })
}

fn number(text: &str) -> Option<usize> {
    text.trim_start_matches('b').parse().ok()
}

/// A step that cannot fail has no error to report: the shapes are the program's own.
fn must<T>(result: Result<T>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

fn read_one(mut model: Language<LstmCell>) -> Work {
    parameters("lstm", &mut model);
    let x = tokens("lstm/x", 1);
    Work::output(move || must(model.forward(&Tape::inference(), &x)).value().clone())
}

fn inference<M: Layer + 'static>(name: &str, mut model: M, shape: &[usize]) -> Work {
    parameters(name, &mut model);
    let x: Value = reals(&format!("{name}/x"), shape, 1.0).into();
    Work::output(move || must(model.forward(&Tape::inference().input(x.clone()))).value().clone())
}

fn product<F: Real>(name: &str, n: usize) -> Work {
    let [a, b]: [Array2<F>; 2] = ["a", "b"].map(|key| reals(&format!("{name}/{key}"), [n, n], 1.0));
    let mut c = Array2::zeros([n, n]);
    let step = move || {
        must(gemm(F::one(), &a, &b, F::zero(), &mut c).map_err(Into::into));
        c[[0, 0]].to_f64()
    };
    Work::call(step).rated("gflops", 2e-9 * (n as f64).powi(3))
}

fn bptt(steps: usize) -> Work {
    let mut model = Bptt::new(&mut rng());
    parameters("bptt", &mut model);
    let x: Value = reals("bptt/x", [16, steps, 32], 1.0).into();
    Work::call(move || {
        must((|| {
            let tape = Tape::recording();
            let loss = model.rnn.last(&tape.input(x.clone()))?.square().mean();
            black_box(loss.backward()?);
            Ok(item(&loss))
        })())
    })
}

fn softmax_cross_entropy() -> Work {
    let logits: Value = reals("softmax_ce/x", [4096, 1000], 1.0).into();
    let y = classes("softmax_ce/y", 4096, 1000);
    Work::call(move || {
        must((|| {
            let logits = Tape::recording().variable(logits.clone());
            let loss = logits.cross_entropy(&y)?;
            black_box(loss.backward()?);
            Ok(item(&loss))
        })())
    })
}

fn elementwise() -> Work {
    let [x, y]: [Value; 2] = ["x", "y"].map(|key| reals(&format!("elementwise/{key}"), 1_000_000, 1.0).into());
    Work::call(move || {
        must((|| {
            let tape = Tape::recording();
            let (x, y) = (tape.variable(x.clone()), tape.variable(y.clone()));
            // The chain as one closure, as the documentation of `autograd` recommends: other contestants compile it.
            let loss = fused_sum(
                [&x, &y],
                #[inline(always)]
                |[x, y]| x.tanh() * y.sigmoid() + (-x.square()).exp(),
            )?;
            black_box(loss.backward()?);
            Ok(item(&loss))
        })())
    })
}
