//! The table: names in the sources and on the tape, golden operations, and how to draw a case.

use gradus_autograd::ndarray::{ArrayD, IxDyn};
use gradus_autograd::testing::{Draw, Inputs};
use gradus_autograd::{Function, choose, concatenate, function, fused, fused_sum, stack};

/// A function and where to try it.
type Case = (Function<'static>, Vec<ArrayD<f64>>);

/// What the inputs of an operation are.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// Arrays of any shape.
    Any,
    /// Arrays of any shape with an element in it.
    Nonempty,
    /// Two arrays that broadcast.
    Broadcast,
    /// Arrays with one axis.
    Vectors,
}

pub(crate) struct Operation {
    /// Methods, functions, and names on the tape.
    pub(crate) names: &'static str,
    /// `family/operation` of PyTorch's numbers.
    pub(crate) golden: &'static str,
    pub(crate) kind: Kind,
    pub(crate) case: fn(&mut Draw) -> Case,
}

const fn row(names: &'static str, golden: &'static str, kind: Kind, case: fn(&mut Draw) -> Case) -> Operation {
    Operation { names, golden, kind, case }
}

use Kind::{Any, Broadcast, Nonempty, Vectors};

#[rustfmt::skip]
pub(crate) const TABLE: &[Operation] = &[
    // Two numbers
    row("try_add add", "elementwise/add", Broadcast, |d| (function!(|a, b| a.try_add(b)), pair(d, -2.0, 2.0))),
    row("try_sub sub", "elementwise/sub", Broadcast, |d| (function!(|a, b| a.try_sub(b)), pair(d, -2.0, 2.0))),
    row("try_mul mul", "elementwise/mul", Broadcast, |d| (function!(|a, b| a.try_mul(b)), pair(d, -2.0, 2.0))),
    row("try_div div", "elementwise/div", Broadcast, |d| (function!(|a, b| a.try_div(b)), pair(d, 0.4, 2.0))),
    row("maximum", "elementwise/maximum", Broadcast, |d| (function!(|a, b| a.maximum(b)), apart(d))),
    row("minimum", "elementwise/minimum", Broadcast, |d| (function!(|a, b| a.minimum(b)), apart(d))),
    row("pow_var", "elementwise/pow_tensor", Broadcast, |d| (function!(|a, b| a.pow_var(b)), pair(d, 0.3, 2.0))),
    row("choose", "elementwise/where", Broadcast, |d| {
        let x = pair(d, -2.0, 2.0);
        let like = d.below(2);
        let c = mask(d, x[like].shape());
        (function!(move |a, b| choose(c, a, b)), x)
    }),
    row("fused", "elementwise/mul", Broadcast, |d| {
        (function!(|a, b| fused([a, b], |[a, b]| a.tanh() * b.sigmoid() + (-a.square()).exp())), pair(d, -2.0, 2.0))
    }),
    row("fused_sum", "reduce/sum", Broadcast, |d| {
        (function!(|a, b| fused_sum([a, b], |[a, b]| a.tanh() * b.sigmoid() + (-a.square()).exp())), pair(d, -2.0, 2.0))
    }),
    // A number and a constant
    row("add_scalar", "elementwise/add", Any, |d| (function!(|x| x.add_scalar(F::from(0.3))), any(d))),
    row("sub_scalar", "elementwise/sub", Any, |d| (function!(|x| x - F::from(0.3)), any(d))),
    row("mul_scalar", "elementwise/mul", Any, |d| (function!(|x| x.mul_scalar(F::from(-0.7))), any(d))),
    row("div_scalar", "elementwise/div", Any, |d| (function!(|x| x / F::from(-0.7)), any(d))),
    // One number
    row("neg", "elementwise/neg", Any, |d| (function!(|x| -x), any(d))),
    row("exp", "elementwise/exp", Any, |d| (function!(|x| x.exp()), any(d))),
    row("ln", "elementwise/log", Any, |d| (function!(|x| x.ln()), within(d, 0.2, 4.0))),
    row("sqrt", "elementwise/sqrt", Any, |d| (function!(|x| x.sqrt()), within(d, 0.2, 4.0))),
    row("square", "elementwise/square", Any, |d| (function!(|x| x.square()), any(d))),
    row("pow", "elementwise/pow", Any, |d| {
        let p = [0.0, 1.0, 2.0, 3.0, -2.0, 0.7, -0.5, 21.0][d.below(8)];
        (function!(move |x| x.pow(p)), within(d, 0.4, 1.1))
    }),
    row("abs", "elementwise/abs", Any, |d| (function!(|x| x.abs()), off(d, &[0.0]))),
    row("sin", "elementwise/sin", Any, |d| (function!(|x| x.sin()), within(d, -9.0, 9.0))),
    row("cos", "elementwise/cos", Any, |d| (function!(|x| x.cos()), within(d, -9.0, 9.0))),
    row("erf", "elementwise/gelu", Any, |d| (function!(|x| x.erf()), within(d, -5.0, 5.0))),
    row("clamp", "elementwise/clamp", Any, |d| (function!(|x| x.clamp(-1.0, 0.5)), off(d, &[-1.0, 0.5]))),
    row("tanh", "elementwise/tanh", Any, |d| (function!(|x| x.tanh()), within(d, -4.0, 4.0))),
    row("sigmoid", "elementwise/sigmoid", Any, |d| (function!(|x| x.sigmoid()), within(d, -9.0, 9.0))),
    row("relu", "elementwise/relu", Any, |d| (function!(|x| x.relu()), off(d, &[0.0]))),
    row("leaky_relu", "elementwise/leaky_relu", Any, |d| (function!(|x| x.leaky_relu(0.1)), off(d, &[0.0]))),
    row("elu", "elementwise/elu", Any, |d| (function!(|x| x.elu(0.7)), off(d, &[0.0]))),
    row("gelu", "elementwise/gelu", Any, |d| (function!(|x| x.gelu()), within(d, -7.0, 7.0))),
    row("gelu_tanh", "elementwise/gelu", Any, |d| (function!(|x| x.gelu_tanh()), within(d, -7.0, 7.0))),
    row("silu", "elementwise/silu", Any, |d| (function!(|x| x.silu()), within(d, -9.0, 9.0))),
    row("softplus", "elementwise/softplus", Any, |d| (function!(|x| x.softplus(1.5, 20.0)), within(d, -9.0, 9.0))),
    // Reductions
    row("sum", "reduce/sum", Any, |d| (function!(|x| x.sum()), any(d))),
    row("mean", "reduce/mean", Any, |d| (function!(|x| x.mean()), any(d))),
    row("sum_axes", "reduce/sum", Any, |d| over(d, 0, |axes, keep| function!(move |x| x.sum_axes(axes, keep)))),
    row("mean_axes", "reduce/mean", Any, |d| over(d, 0, |axes, keep| function!(move |x| x.mean_axes(axes, keep)))),
    row("prod", "reduce/prod", Any, |d| over(d, 0, |axes, keep| function!(move |x| x.prod(axes, keep)))),
    row("logsumexp", "reduce/logsumexp", Any, |d| over(d, 0, |axes, keep| function!(move |x| x.logsumexp(axes, keep)))),
    row("amax", "reduce/amax", Nonempty, |d| over(d, 1, |axes, keep| function!(move |x| x.amax(axes, keep)))),
    row("amin", "reduce/amin", Nonempty, |d| over(d, 1, |axes, keep| function!(move |x| x.amin(axes, keep)))),
    row("variance", "reduce/var", Any, |d| over(d, 0, |axes, keep| function!(move |x| x.variance(axes, 0, keep)))),
    row("standard_deviation", "reduce/std", Any, |d| {
        over(d, 0, |axes, keep| function!(move |x| x.standard_deviation(axes, 0, keep)))
    }),
    row("norm", "reduce/norm", Any, |d| {
        let p = [1.0, 2.0, 3.5, 0.5][d.below(4)];
        let infinite = [f64::INFINITY, f64::NEG_INFINITY][d.below(2)];
        if d.once_in(3) {
            let (x, axes, keep) = reduced(d, 1);
            return (function!(move |x| x.norm(infinite, axes, keep)), vec![x]);
        }
        let (x, axes, keep) = reduced(d, 0);
        (function!(move |x| x.norm(p, axes, keep)), vec![x])
    }),
    row("max_axis", "reduce/max", Nonempty, |d| along(d, 1, |axis| function!(move |x| x.max_axis(axis, true)?.0))),
    row("min_axis", "reduce/min", Nonempty, |d| along(d, 1, |axis| function!(move |x| x.min_axis(axis, false)?.0))),
    row("cumsum", "reduce/cumsum", Any, |d| along(d, 0, |axis| function!(move |x| x.cumsum(axis)))),
    row("softmax", "softmax/softmax", Any, |d| along(d, 0, |axis| function!(move |x| x.softmax(axis)))),
    row("log_softmax", "softmax/log_softmax", Any, |d| along(d, 0, |axis| function!(move |x| x.log_softmax(axis)))),
    // Products
    row("matmul", "matmul/matmul", Any, |d| {
        let words = ["nk km", "nk km", "k km", "nk k", "k k", "bnk km", "bnk bkm", "nk bkm", "cbnk bkm"][d.below(9)];
        (function!(|a, b| a.matmul(b)), Inputs::sized(words).draw(d))
    }),
    row("outer", "matmul/outer", Vectors, |d| (function!(|a, b| a.outer(b)), Inputs::sized("a b").draw(d))),
    row("affine", "linear/linear", Any, |d| {
        let inputs = Inputs::sized(["nk mk m", "k mk m", "bnk mk m"][d.below(3)]).draw(d);
        if d.once_in(3) {
            return (function!(|x, w| x.affine(w, None)), inputs[..2].to_vec());
        }
        (function!(|x, w, b| x.affine(w, Some(b))), inputs)
    }),
    // Shapes
    row("reshape", "shape/reshape", Any, |d| {
        let x = any(d);
        let reversed: &'static [usize] = x[0].shape().iter().rev().copied().collect::<Vec<_>>().leak();
        (function!(move |x| x.reshape(reversed)), x)
    }),
    row("flatten_from", "shape/reshape", Any, |d| along(d, 0, |axis| function!(move |x| x.flatten_from(axis)))),
    row("permute", "shape/transpose", Any, |d| along(d, 0, |axis| function!(move |x| {
        let rank = x.shape().len() as isize;
        x.permute(&(0..rank).map(|i| (i + axis) % rank).collect::<Vec<_>>())
    }))),
    row("transpose", "shape/transpose", Any, |d| along(d, 0, |axis| function!(move |x| x.transpose(axis, 0)))),
    row("broadcast_to", "shape/broadcast_to", Any, |d| {
        let full: &'static [usize] = d.shape(0..=4, 0).leak();
        let narrow = d.narrowed(full);
        (function!(move |x| x.broadcast_to(full)), vec![d.array(&narrow, -2.0, 2.0)])
    }),
    row("squeeze", "shape/squeeze", Any, |d| {
        let mut shape = d.shape(0..=3, 0);
        let axis = d.below(shape.len() + 1);
        shape.insert(axis, 1);
        (function!(move |x| x.squeeze(axis as isize)), vec![d.array(&shape, -2.0, 2.0)])
    }),
    row("unsqueeze", "shape/unsqueeze", Any, |d| along(d, 0, |axis| function!(move |x| x.unsqueeze(axis)))),
    row("flip", "shape/flip", Any, |d| along(d, 0, |axis| function!(move |x| x.flip(&[axis])))),
    row("pad", "shape/pad", Any, |d| {
        let x = any(d);
        let widths: &'static [(usize, usize)] =
            x[0].shape().iter().map(|_| (d.below(2), d.below(2))).collect::<Vec<_>>().leak();
        (function!(move |x| x.pad(widths, 0.5)), x)
    }),
    row("concatenate", "shape/concat", Any, |d| along(d, 0, |axis| function!(move |x| concatenate(axis, &[x, &x.exp(), x])))),
    row("stack", "shape/stack", Any, |d| along(d, 0, |axis| function!(move |x| stack(axis, &[x, &x.exp(), x])))),
    // Parts
    row("slice_axis slice", "shape/slice", Any, |d| {
        let (x, axis) = axis_of(d, 0);
        let end = d.below(x.shape()[axis] + 1);
        let (start, step) = (d.below(end + 1), 1 + d.below(3));
        (function!(move |x| x.slice_axis(axis as isize, start..end, step)), vec![x])
    }),
    row("select", "shape/select", Nonempty, |d| {
        let (x, axis) = axis_of(d, 1);
        let place = d.below(x.shape()[axis]);
        (function!(move |x| x.select(axis as isize, place)), vec![x])
    }),
    row("index_select", "shape/index_select", Nonempty, |d| {
        let (x, axis) = axis_of(d, 1);
        let places: &'static [usize] = (0..d.below(5)).map(|_| d.below(x.shape()[axis])).collect::<Vec<_>>().leak();
        (function!(move |x| x.index_select(axis as isize, places)), vec![x])
    }),
    row("gather", "shape/gather", Nonempty, |d| {
        let (x, axis) = axis_of(d, 1);
        let mut shape = x.shape().to_vec();
        shape[0] -= d.below(shape[0]);
        shape[axis] = d.below(4);
        let length = x.shape()[axis];
        let index: &'static ArrayD<usize> =
            Box::leak(Box::new(ArrayD::from_shape_simple_fn(IxDyn(&shape), || d.below(length))));
        (function!(move |x| x.gather(axis as isize, index)), vec![x])
    }),
    row("split", "shape/split", Any, |d| {
        let (x, axis) = axis_of(d, 0);
        let first = d.below(x.shape()[axis] + 1);
        let sizes = [first, x.shape()[axis] - first];
        (function!(move |x| {
            let parts = x.split(axis as isize, &sizes)?;
            concatenate(axis as isize, &[&parts[1], &parts[0].exp(), &parts[1]])
        }), vec![x])
    }),
    row("tril", "shape/tril", Any, |d| {
        let (shape, diagonal) = (d.shape(2..=4, 0), d.below(5) as isize - 2);
        (function!(move |x| x.tril(diagonal)), vec![d.array(&shape, -2.0, 2.0)])
    }),
    row("triu", "shape/triu", Any, |d| {
        let (shape, diagonal) = (d.shape(2..=4, 0), d.below(5) as isize - 2);
        (function!(move |x| x.triu(diagonal)), vec![d.array(&shape, -2.0, 2.0)])
    }),
    row("masked_fill", "shape/masked_fill", Any, |d| {
        let x = any(d);
        let narrow = d.narrowed(x[0].shape());
        let c = mask(d, &narrow);
        (function!(move |x| x.masked_fill(c, -0.5)), x)
    }),
];

fn any(d: &mut Draw) -> Vec<ArrayD<f64>> {
    Inputs::any().draw(d)
}

fn within(d: &mut Draw, low: f64, high: f64) -> Vec<ArrayD<f64>> {
    Inputs::any().within(low, high).draw(d)
}

fn off(d: &mut Draw, kinks: &[f64]) -> Vec<ArrayD<f64>> {
    Inputs::any().away_from(kinks).draw(d)
}

fn pair(d: &mut Draw, low: f64, high: f64) -> Vec<ArrayD<f64>> {
    Inputs::broadcast(2).within(low, high).draw(d)
}

/// Two arrays of which no two numbers are close.
fn apart(d: &mut Draw) -> Vec<ArrayD<f64>> {
    let mut x = pair(d, -2.0, 2.0);
    x[0].mapv_inplace(|x| (x * 10.0).round() / 10.0);
    x[1].mapv_inplace(|x| (x * 10.0).round() / 10.0 + 0.05);
    x
}

fn mask(d: &mut Draw, shape: &[usize]) -> &'static ArrayD<bool> {
    Box::leak(Box::new(ArrayD::from_shape_simple_fn(IxDyn(shape), || d.once_in(2))))
}

/// Distinct numbers, some of the axes, and whether these are to be kept.
fn reduced(d: &mut Draw, smallest: usize) -> (ArrayD<f64>, &'static [isize], bool) {
    let shape = d.shape(0..=4, smallest);
    let rank = shape.len() as isize;
    let from_end = d.once_in(3);
    let some: Vec<isize> = (0..rank).filter(|_| d.once_in(2)).map(|i| if from_end { i - rank } else { i }).collect();
    (d.distinct(&shape), some.leak(), d.once_in(2))
}

fn over(d: &mut Draw, smallest: usize, f: fn(&'static [isize], bool) -> Function<'static>) -> Case {
    let (x, axes, keep) = reduced(d, smallest);
    (f(axes, keep), vec![x])
}

/// Distinct numbers and one of their axes.
fn axis_of(d: &mut Draw, smallest: usize) -> (ArrayD<f64>, usize) {
    let shape = d.shape(1..=4, smallest);
    let axis = d.below(shape.len());
    (d.distinct(&shape), axis)
}

fn along(d: &mut Draw, smallest: usize, f: fn(isize) -> Function<'static>) -> Case {
    let (x, axis) = axis_of(d, smallest);
    (f(axis as isize), vec![x])
}
