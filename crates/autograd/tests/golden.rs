//! Every operation and its gradients against PyTorch, in both precisions.

use gradus_autograd::ndarray::ArrayD;
use gradus_autograd::{Real, Tape, Var, choose, concatenate, stack};
use gradus_testing::golden::{self, Case};
use gradus_testing::{Float, close, equal};
use std::any::type_name;
use std::error::Error;

type Outcome<T> = Result<T, Box<dyn Error>>;

trait Scalar: Real + Float {}
impl Scalar for f32 {}
impl Scalar for f64 {}

/// What an operation of a family makes of the case's float inputs, in the order of the index.
trait Family {
    fn apply<F: Scalar>(case: &Case, inputs: &[Var<F>]) -> Outcome<Vec<Var<F>>>;
}

fn check<T: Family>(family: &str, missing: &[&str]) {
    golden::check(family, missing, |case| {
        agree::<T, f64>(case)?;
        if inputs_survive_rounding(case) { agree::<T, f32>(case) } else { Ok(()) }
    });
}

/// Whether the case asks anything of `f32`. Numbers of unit spread around a million are other numbers when rounded, and
/// 1e-300 is 0.
fn inputs_survive_rounding(case: &Case) -> bool {
    case.input_names().filter(|name| case.kind(name) == "f64").all(|name| {
        let x = case.input(name);
        let mean = x.mean().unwrap_or(0.0);
        let spread = x.iter().map(|x| (x - mean).abs()).fold(0.0, f64::max);
        x.iter().all(|&x| {
            let error = (x - f64::from(x as f32)).abs();
            error <= 1e-6 * spread.max(x.abs().min(1.0)) && (x == 0.0 || x as f32 != 0.0)
        })
    })
}

/// How much larger the numbers of an input are than what they differ by: 1 for most, 1e6 at most.
fn condition(case: &Case) -> f64 {
    let each = case.input_names().filter(|name| case.kind(name) == "f64").map(|name| {
        let x = case.input(name);
        let (low, high) = x.iter().fold((f64::INFINITY, -f64::INFINITY), |(low, high), &x| (low.min(x), high.max(x)));
        low.abs().max(high.abs()) / (high - low)
    });
    each.filter(|condition| condition.is_finite()).fold(1.0, f64::max).min(1e6)
}

fn agree<T: Family, F: Scalar>(case: &Case) -> Outcome<()> {
    compare::<T, F>(case).map_err(|error| format!("{}: {error}", type_name::<F>()).into())
}

fn compare<T: Family, F: Scalar>(case: &Case) -> Outcome<()> {
    // Inputs are of unit spread: where results are differences of such numbers, that is the scale of their error in f32.
    let tolerance = F::TOLERANCE.at_scale(1.0).at_condition(condition(case));
    let tape = Tape::recording();
    let floats: Vec<&str> = case.input_names().filter(|name| case.kind(name) == "f64").collect();
    let inputs: Vec<Var<F>> = floats
        .iter()
        .map(|name| {
            let x = case.input_as::<F>(name);
            if case.grad(name).is_some() { tape.variable(x) } else { tape.input(x) }
        })
        .collect();
    let outputs = T::apply(case, &inputs)?;
    let names: Vec<&str> = case.output_names().filter(|name| case.kind(name) == "f64").collect();
    if outputs.len() != names.len() {
        return Err(format!("{} outputs, expected {names:?}", outputs.len()).into());
    }
    for (name, y) in names.iter().zip(&outputs) {
        close(y.value(), &case.output(name), tolerance, name)?;
    }
    let gradients = match (&outputs[..], &names[..]) {
        ([y], [name]) => y.backward_with(case.cotangent_as::<F>(name))?,
        _ => {
            let mut loss = tape.input(F::zero());
            for (y, name) in outputs.iter().zip(names) {
                loss = loss + (y * &tape.input(case.cotangent_as::<F>(name))).sum();
            }
            loss.backward()?
        }
    };
    for (name, x) in floats.iter().zip(&inputs) {
        if let Some(expected) = case.grad(name) {
            let got = gradients.get(x).ok_or_else(|| format!("no gradient of {name}"))?;
            close(got, &expected, tolerance, &format!("d{name}"))?;
        }
    }
    Ok(())
}

struct Elementwise;

impl Family for Elementwise {
    fn apply<F: Scalar>(case: &Case, inputs: &[Var<F>]) -> Outcome<Vec<Var<F>>> {
        let x = &inputs[0];
        let y = || &inputs[1];
        Ok(vec![match case.op.as_str() {
            "add" => x.try_add(y())?,
            "sub" => x.try_sub(y())?,
            "mul" => x.try_mul(y())?,
            "div" => x.try_div(y())?,
            "maximum" => x.maximum(y())?,
            "minimum" => x.minimum(y())?,
            "pow_tensor" => x.pow_var(y())?,
            "where" => choose(&case.bools("condition"), x, y())?,
            "pow" => x.pow(case.f64("exponent")),
            "exp" => x.exp(),
            "log" => x.ln(),
            "sqrt" => x.sqrt(),
            "neg" => -x,
            "abs" => x.abs(),
            "square" => x.square(),
            "sin" => x.sin(),
            "cos" => x.cos(),
            "tanh" => x.tanh(),
            "sigmoid" => x.sigmoid(),
            "relu" => x.relu(),
            "leaky_relu" => x.leaky_relu(case.f64("negative_slope")),
            "elu" => x.elu(case.f64("alpha")),
            "gelu" if case.str("approximate") == "tanh" => x.gelu_tanh(),
            "gelu" => x.gelu(),
            "silu" => x.silu(),
            "softplus" => x.softplus(case.f64("beta"), case.f64("threshold")),
            "clamp" => {
                let (low, high) = (case.try_f64("min"), case.try_f64("max"));
                x.clamp(low.unwrap_or(f64::NEG_INFINITY), high.unwrap_or(f64::INFINITY))
            }
            _ => return unknown(case),
        }])
    }
}

struct Reduce;

impl Family for Reduce {
    fn apply<F: Scalar>(case: &Case, inputs: &[Var<F>]) -> Outcome<Vec<Var<F>>> {
        let x = &inputs[0];
        let keep = case.try_bool("keepdim").unwrap_or(false);
        let axes = || case.axes("axes").unwrap_or_else(|| (0..x.shape().len() as isize).collect());
        Ok(vec![match case.op.as_str() {
            "sum" if case.axes("axes").is_none() && !keep => x.sum(),
            "sum" => x.sum_axes(&axes(), keep)?,
            "mean" if case.axes("axes").is_none() && !keep => x.mean(),
            "mean" => x.mean_axes(&axes(), keep)?,
            "amax" => x.amax(&axes(), keep)?,
            "amin" => x.amin(&axes(), keep)?,
            "logsumexp" => x.logsumexp(&axes(), keep)?,
            "var" => x.variance(&axes(), case.usize("correction"), keep)?,
            "std" => x.standard_deviation(&axes(), case.usize("correction"), keep)?,
            "norm" => x.norm(case.f64("p"), &axes(), keep)?,
            "prod" => x.prod(&axes(), keep)?,
            "cumsum" => x.cumsum(case.isize("axis"))?,
            "max" => places(case, x.max_axis(case.isize("axis"), keep)?)?,
            "min" => places(case, x.min_axis(case.isize("axis"), keep)?)?,
            _ => return unknown(case),
        }])
    }
}

struct Matmul;

impl Family for Matmul {
    fn apply<F: Scalar>(case: &Case, inputs: &[Var<F>]) -> Outcome<Vec<Var<F>>> {
        let operand = |i: usize, argument| -> Outcome<Var<F>> {
            let transposed = case.try_bool(argument).unwrap_or(false);
            Ok(if transposed { inputs[i].transpose(-2, -1)? } else { inputs[i].clone() })
        };
        let (a, b) = (operand(0, "transpose_a")?, operand(1, "transpose_b")?);
        Ok(vec![match case.op.as_str() {
            "matmul" => a.matmul(&b)?,
            "outer" => a.outer(&b)?,
            _ => return unknown(case),
        }])
    }
}

struct Shape;

impl Family for Shape {
    fn apply<F: Scalar>(case: &Case, inputs: &[Var<F>]) -> Outcome<Vec<Var<F>>> {
        let x = &inputs[0];
        let all: Vec<&Var<F>> = inputs.iter().collect();
        Ok(vec![match case.op.as_str() {
            "transpose" => x.permute(&case.isizes("axes"))?,
            "reshape" if case.try_bool("transpose_first") == Some(true) => {
                x.transpose(0, 1)?.reshape(&case.usizes("shape"))?
            }
            "reshape" => x.reshape(&case.usizes("shape"))?,
            "broadcast_to" => x.broadcast_to(&case.usizes("shape"))?,
            "slice" => {
                let mut y = x.clone();
                for (axis, range) in case.table("ranges").iter().enumerate() {
                    let [start, end] = [range[0], range[1]].map(|i| counted(i, x.shape()[axis]));
                    y = y.slice_axis(axis as isize, start..end, range[2].try_into()?)?;
                }
                y
            }
            "select" => {
                let axis = case.isize("axis");
                let length = x.shape()[counted(axis, x.shape().len())];
                x.select(axis, counted(case.isize("index"), length))?
            }
            "concat" => concatenate(case.isize("axis"), &all)?,
            "stack" => stack(case.isize("axis"), &all)?,
            "index_select" => x.index_select(case.isize("axis"), &case.classes("index").into_raw_vec_and_offset().0)?,
            "gather" => x.gather(case.isize("axis"), &case.classes("index"))?,
            "flip" => x.flip(&case.isizes("axes"))?,
            "split" => return Ok(x.split(case.isize("axis"), &case.usizes("sizes"))?),
            "pad" => {
                let widths: Result<Vec<_>, std::num::TryFromIntError> =
                    case.table("widths").iter().map(|w| Ok((w[0].try_into()?, w[1].try_into()?))).collect();
                x.pad(&widths?, case.f64("value"))?
            }
            "masked_fill" => x.masked_fill(&case.bools("mask"), case.f64("value"))?,
            "tril" => x.tril(case.isize("diagonal"))?,
            "triu" => x.triu(case.isize("diagonal"))?,
            "squeeze" => x.squeeze(case.isize("axis"))?,
            "unsqueeze" => x.unsqueeze(case.isize("axis"))?,
            _ => return unknown(case),
        }])
    }
}

struct Softmax;

impl Family for Softmax {
    fn apply<F: Scalar>(case: &Case, inputs: &[Var<F>]) -> Outcome<Vec<Var<F>>> {
        Ok(vec![match case.op.as_str() {
            "softmax" => inputs[0].softmax(case.isize("axis"))?,
            "log_softmax" => inputs[0].log_softmax(case.isize("axis"))?,
            _ => return unknown(case),
        }])
    }
}

fn unknown<T>(case: &Case) -> Outcome<T> {
    case.unknown()?;
    Err("an unknown operation is an error".into())
}

/// A maximum whose place must be right, too.
fn places<F: Scalar>(case: &Case, (y, index): (Var<F>, ArrayD<usize>)) -> Outcome<Var<F>> {
    equal(&index, &case.classes("index"), "index")?;
    Ok(y)
}

/// An index or axis that counts from the end if it is negative.
fn counted(index: isize, length: usize) -> usize {
    if index < 0 { length - index.unsigned_abs() } else { index.unsigned_abs() }
}

#[test]
fn elementwise() {
    check::<Elementwise>("elementwise", &[]);
}

#[test]
fn reduce() {
    check::<Reduce>("reduce", &[]);
}

#[test]
fn matmul() {
    check::<Matmul>("matmul", &[]);
}

#[test]
fn shape() {
    check::<Shape>("shape", &[]);
}

#[test]
fn softmax() {
    check::<Softmax>("softmax", &[]);
}
