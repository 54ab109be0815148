//! The calls: each operation, with whatever arguments were drawn.

use super::Arguments;
use gradus_autograd::testing::{Inputs, check_shapes};
use gradus_autograd::{
    Error, Result, Value, Var, checkpoint, choose, concatenate, explain, fused, fused_sum, gradcheck, hessian, hvp,
    jacobian, jvp, stack, vjp,
};

type X = Var<f64>;
pub(crate) type Call = fn(&Arguments, &[X; 3]) -> Result<Vec<X>>;

fn one(y: X) -> Result<Vec<X>> {
    Ok(vec![y])
}

fn each(y: Result<X>) -> Result<Vec<X>> {
    y.map(|y| vec![y])
}

#[rustfmt::skip]
pub(crate) const CALLS: &[(&str, Call)] = &[
    ("try_add", |_, [x, y, _]| each(x.try_add(y))),
    ("try_sub", |_, [x, y, _]| each(x.try_sub(y))),
    ("try_mul", |_, [x, y, _]| each(x.try_mul(y))),
    ("try_div", |_, [x, y, _]| each(x.try_div(y))),
    ("maximum", |_, [x, y, _]| each(x.maximum(y))),
    ("minimum", |_, [x, y, _]| each(x.minimum(y))),
    ("pow_var", |_, [x, y, _]| each(x.pow_var(y))),
    ("choose", |a, [x, y, _]| each(choose(&a.mask(), x, y))),
    ("masked_fill", |a, [x, ..]| each(x.masked_fill(&a.mask(), a.number))),
    ("fused", |_, [x, y, z]| each(fused([x, y, z], |[x, y, z]| x * y.tanh() + z))),
    ("fused_sum", |_, [x, y, z]| each(fused_sum([x, y, z], |[x, y, z]| x / y.exp() - z))),
    ("add_scalar", |a, [x, ..]| one(x.add_scalar(a.number))),
    ("mul_scalar", |a, [x, ..]| one(x.mul_scalar(a.number))),
    ("exp", |_, [x, ..]| one(x.exp())),
    ("ln", |_, [x, ..]| one(x.ln())),
    ("sqrt", |_, [x, ..]| one(x.sqrt())),
    ("square", |_, [x, ..]| one(x.square())),
    ("pow", |a, [x, ..]| one(x.pow(a.number))),
    ("abs", |_, [x, ..]| one(x.abs())),
    ("sin", |_, [x, ..]| one(x.sin())),
    ("cos", |_, [x, ..]| one(x.cos())),
    ("erf", |_, [x, ..]| one(x.erf())),
    ("clamp", |a, [x, ..]| one(x.clamp(a.number, a.size as f64))),
    ("tanh", |_, [x, ..]| one(x.tanh())),
    ("sigmoid", |_, [x, ..]| one(x.sigmoid())),
    ("relu", |_, [x, ..]| one(x.relu())),
    ("leaky_relu", |a, [x, ..]| one(x.leaky_relu(a.number))),
    ("elu", |a, [x, ..]| one(x.elu(a.number))),
    ("gelu", |_, [x, ..]| one(x.gelu())),
    ("gelu_tanh", |_, [x, ..]| one(x.gelu_tanh())),
    ("silu", |_, [x, ..]| one(x.silu())),
    ("softplus", |a, [x, ..]| one(x.softplus(a.number, a.size as f64))),
    ("sum", |_, [x, ..]| one(x.sum())),
    ("mean", |_, [x, ..]| one(x.mean())),
    ("sum_axes", |a, [x, ..]| each(x.sum_axes(&a.axes, a.flag))),
    ("mean_axes", |a, [x, ..]| each(x.mean_axes(&a.axes, a.flag))),
    ("prod", |a, [x, ..]| each(x.prod(&a.axes, a.flag))),
    ("logsumexp", |a, [x, ..]| each(x.logsumexp(&a.axes, a.flag))),
    ("amax", |a, [x, ..]| each(x.amax(&a.axes, a.flag))),
    ("amin", |a, [x, ..]| each(x.amin(&a.axes, a.flag))),
    ("variance", |a, [x, ..]| each(x.variance(&a.axes, a.size, a.flag))),
    ("standard_deviation", |a, [x, ..]| each(x.standard_deviation(&a.axes, a.size, a.flag))),
    ("norm", |a, [x, ..]| each(x.norm(a.number, &a.axes, a.flag))),
    ("max_axis", |a, [x, ..]| each(x.max_axis(a.axis, a.flag).map(|(y, _)| y))),
    ("min_axis", |a, [x, ..]| each(x.min_axis(a.axis, a.flag).map(|(y, _)| y))),
    ("cumsum", |a, [x, ..]| each(x.cumsum(a.axis))),
    ("softmax", |a, [x, ..]| each(x.softmax(a.axis))),
    ("log_softmax", |a, [x, ..]| each(x.log_softmax(a.axis))),
    ("matmul", |_, [x, y, _]| each(x.matmul(y))),
    ("outer", |_, [x, y, _]| each(x.outer(y))),
    ("affine", |a, [x, y, z]| each(x.affine(y, a.flag.then_some(z)))),
    ("reshape", |a, [x, ..]| each(x.reshape(if a.flag { &a.sizes } else { &a.shapes[1] }))),
    ("flatten_from", |a, [x, ..]| each(x.flatten_from(a.axis))),
    ("permute", |a, [x, ..]| each(x.permute(&a.axes))),
    ("transpose", |a, [x, ..]| each(x.transpose(a.axis, a.axes.first().copied().unwrap_or(0)))),
    ("broadcast_to", |a, [x, ..]| each(x.broadcast_to(if a.flag { &a.sizes } else { &a.shapes[1] }))),
    ("squeeze", |a, [x, ..]| each(x.squeeze(a.axis))),
    ("unsqueeze", |a, [x, ..]| each(x.unsqueeze(a.axis))),
    ("flip", |a, [x, ..]| each(x.flip(&a.axes))),
    ("pad", |a, [x, ..]| {
        let widths: Vec<(usize, usize)> = a.sizes.iter().map(|&n| (n, a.size)).collect();
        each(x.pad(&widths[..widths.len().min(x.shape().len())], a.number))
    }),
    ("concatenate", |a, [x, y, z]| each(concatenate(a.axis, &[x, y, z][..a.size.min(3)]))),
    ("stack", |a, [x, y, z]| each(stack(a.axis, &[x, y, z][..a.size.min(3)]))),
    ("slice_axis", |a, [x, ..]| each(x.slice_axis(a.axis, a.sizes.first().copied().unwrap_or(0)..a.size, a.sizes.len()))),
    ("select", |a, [x, ..]| each(x.select(a.axis, a.size))),
    ("index_select", |a, [x, ..]| each(x.index_select(a.axis, &a.sizes))),
    ("gather", |a, [x, ..]| {
        let index = a.array(1).mapv(|i| if i > 1e3 { a.size } else { i as usize });
        each(x.gather(a.axis, &index))
    }),
    ("split", |a, [x, ..]| {
        let (length, first) = (x.shape().first().copied().unwrap_or(0), a.size.min(2));
        if a.flag { x.split(0, &[first, length.wrapping_sub(first)]) } else { x.split(a.axis, &a.sizes) }
    }),
    ("tril", |a, [x, ..]| each(x.tril(a.axis))),
    ("triu", |a, [x, ..]| each(x.triu(a.axis))),
    ("checkpoint", |a, [x, y, z]| {
        each(checkpoint(&[x, y, z][..a.size.min(3)], |x| x[0].try_mul(&x[x.len() - 1])))
    }),
    // A rule and a hook that give gradients of any shape.
    ("record", |a, [x, y, _]| {
        let (value, wrong) = (Value::from(a.array(1)), Value::from(a.array(2)));
        let y = x.tape().record("own", [x, y], value, move |dy| [wrong, dy]);
        match y.backward_with(a.array(1)) {
            Err(Error::GradientShape { .. }) | Ok(_) => Ok(Vec::new()),
            Err(other) => Err(other),
        }
    }),
    ("map_gradient", |a, [x, ..]| {
        let (y, other) = (x.square(), Value::from(a.array(2)));
        y.map_gradient(move |_| other);
        one(y)
    }),
    ("backward", |_, [x, ..]| x.backward().map(|_| Vec::new())),
    ("backward_with", |a, [x, ..]| x.square().backward_with(a.array(1)).map(|_| Vec::new())),
    ("backward_steps", |_, [x, ..]| x.square().backward_steps()?.finish().map(|_| Vec::new())),
    ("explain", |_, [x, ..]| explain(&x.square()).map(|e| e.to_string()).map(|_| Vec::new())),
    // Derivatives of functions of two arrays; a NaN is a value, and no error.
    ("jvp", |a, _| {
        let towards = [a.array(2), a.array(1)];
        jvp(|x| x[0].try_mul(&x[1]), &[a.array(0), a.array(1)], &towards[..a.size.min(2)]).map(|_| Vec::new())
    }),
    ("vjp", |a, _| vjp(|x| x[0].try_mul(&x[1]), &[a.array(0), a.array(1)], a.array(2)).map(|_| Vec::new())),
    ("jacobian", |a, _| jacobian(|x| x[0].try_mul(&x[1]), &[a.array(0), a.array(1)]).map(|_| Vec::new())),
    ("hvp", |a, _| {
        let f = |x: &[Var<_>]| Ok::<_, Error>(x[0].sin().try_mul(&x[1].tanh())?.sum());
        hvp(f, &[a.array(0), a.array(1)], &[a.array(2), a.array(1)]).map(|_| Vec::new())
    }),
    ("hessian", |a, _| {
        let f = |x: &[Var<_>]| Ok::<_, Error>(if a.flag { x[0].try_mul(&x[1])?.sum() } else { x[0].try_mul(&x[1])? });
        hessian(f, &[a.array(0), a.array(1)]).map(|_| Vec::new())
    }),
    ("gradcheck", |a, _| {
        gradcheck(|x: &[X]| x[0].try_mul(&x[1]), &[a.array(0), a.array(1)]).map(|_| Vec::new())
    }),
    ("check_shapes", |a, _| {
        let inputs = Inputs::ending(&a.shapes[0]).within(a.number, 1.0).away_from(&[a.number]);
        check_shapes(&inputs, |x: &[X]| x[0].softmax(a.axis)).map(|_| Vec::new())
    }),
];
