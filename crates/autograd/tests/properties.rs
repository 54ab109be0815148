//! Laws: every operation against central differences, every linear one against its adjoint, on shapes and memory
//! layouts that one forgets.

use gradus_autograd::ndarray::{ArrayD, IxDyn, ShapeBuilder};
use gradus_autograd::{Error, Result, Tape, Var, choose, concatenate, gradcheck, stack};
use gradus_testing::strategies::{
    any_layout, array, away_from, broadcast_shapes, nonempty_shape, product_sizes, shape, shape_and_axis,
    shape_of_rank, strided, well_separated,
};
use gradus_testing::{Tolerance, close};
use proptest::prelude::*;
use proptest::sample::{Index, subsequence};
use proptest::test_runner::TestRunner;

type Law = std::result::Result<(), TestCaseError>;
type X = Var<f64>;

/// Runs a law on many drawn inputs, and names the operation when it fails.
fn hold<S: Strategy>(name: &str, cases: u32, inputs: S, law: impl Fn(S::Value) -> Law) {
    let config = ProptestConfig { failure_persistence: None, ..gradus_testing::proptest_cases(cases) };
    if let Err(error) = TestRunner::new(config).run(&inputs, law) {
        panic!("{name}: {error}");
    }
}

/// The gradients of `f` agree with differences, and so does its value with that for inputs laid out row-major.
fn smooth(inputs: &[ArrayD<f64>], f: impl Fn(&[X]) -> Result<X>) -> Law {
    let fail = |error: Error| TestCaseError::fail(error.to_string());
    let on = |inputs: Vec<ArrayD<f64>>| {
        let tape = Tape::inference();
        f(&inputs.into_iter().map(|x| tape.input(x)).collect::<Vec<_>>())
    };
    let as_given = on(inputs.to_vec()).map_err(fail)?;
    let row_major = on(inputs.iter().map(|x| x.as_standard_layout().into_owned()).collect()).map_err(fail)?;
    close(as_given.value(), row_major.value(), Tolerance::F64, "row-major").map_err(TestCaseError::fail)?;
    gradcheck(f, inputs).map_err(fail)?;
    Ok(())
}

/// `⟨A x, c⟩ = ⟨x, Aᵀ c⟩`, where backward computes `Aᵀ c`, and what [`smooth`] asks.
fn linear(x: &ArrayD<f64>, f: impl Fn(&X) -> Result<X>) -> Law {
    let fail = |error: Error| TestCaseError::fail(error.to_string());
    let tape = Tape::recording();
    let v = tape.variable(x.clone());
    let y = f(&v).map_err(fail)?;
    // A cotangent in the other memory order, as a permuted gradient comes.
    let mut c = ArrayD::zeros(IxDyn(y.shape()).f());
    c.iter_mut().enumerate().for_each(|(i, c)| *c = ((i * 7 + 3) % 11) as f64 - 4.5);
    let left: f64 = y.value().iter().zip(&c).map(|(y, c)| y * c).sum();
    let gradients = y.backward_with(c).map_err(fail)?;
    let dx = gradients.get(&v).ok_or_else(|| TestCaseError::fail("no gradient"))?;
    prop_assert_eq!(dx.shape(), x.shape());
    let right: f64 = x.iter().zip(dx.iter()).map(|(x, dx)| x * dx).sum();
    prop_assert!((left - right).abs() <= 1e-10 * (1.0 + left.abs()), "<Ax, c> = {left}, <x, A'c> = {right}");
    // Twice, so that gradients are accumulated.
    smooth(std::slice::from_ref(x), |x| Ok(f(&x[0])?.sin() + f(&x[0])?))
}

/// A function of each element: its name, itself, where it is tried, and where it has kinks.
type Unary = (&'static str, fn(&X) -> X, (f64, f64), &'static [f64]);

const UNARY: &[Unary] = &[
    ("exp", |x| x.exp(), (-3.0, 3.0), &[]),
    ("ln", |x| x.ln(), (0.2, 4.0), &[]),
    ("sqrt", |x| x.sqrt(), (0.2, 4.0), &[]),
    ("square", |x| x.square(), (-3.0, 3.0), &[]),
    ("pow 0", |x| x.pow(0.0), (-3.0, 3.0), &[]),
    ("pow 1", |x| x.pow(1.0), (-3.0, 3.0), &[]),
    ("pow 3", |x| x.pow(3.0), (-3.0, 3.0), &[]),
    ("pow −2", |x| x.pow(-2.0), (0.4, 3.0), &[]),
    ("pow 0.7", |x| x.pow(0.7), (0.2, 3.0), &[]),
    ("pow 21", |x| x.pow(21.0), (-1.1, 1.1), &[]),
    ("abs", |x| x.abs(), (-3.0, 3.0), &[0.0]),
    ("sin", |x| x.sin(), (-9.0, 9.0), &[]),
    ("cos", |x| x.cos(), (-9.0, 9.0), &[]),
    ("tanh", |x| x.tanh(), (-4.0, 4.0), &[]),
    ("sigmoid", |x| x.sigmoid(), (-9.0, 9.0), &[]),
    ("relu", |x| x.relu(), (-3.0, 3.0), &[0.0]),
    ("leaky_relu", |x| x.leaky_relu(0.1), (-3.0, 3.0), &[0.0]),
    ("elu", |x| x.elu(0.7), (-3.0, 3.0), &[0.0]),
    ("gelu", |x| x.gelu(), (-7.0, 7.0), &[]),
    ("gelu_tanh", |x| x.gelu_tanh(), (-7.0, 7.0), &[]),
    ("silu", |x| x.silu(), (-9.0, 9.0), &[]),
    ("softplus", |x| x.softplus(1.5, 20.0), (-9.0, 9.0), &[]),
    ("softplus, linear", |x| x.softplus(2.0, 1.0), (-3.0, 3.0), &[0.5]),
    ("erf", |x| x.erf(), (-5.0, 5.0), &[]),
    ("clamp", |x| x.clamp(-1.0, 0.5), (-3.0, 3.0), &[-1.0, 0.5]),
    ("add_scalar", |x| x.add_scalar(0.3), (-3.0, 3.0), &[]),
    ("mul_scalar", |x| x.mul_scalar(-0.3), (-3.0, 3.0), &[]),
    ("x + c, x − c, x c, x / c", |x| (((x + 1.0) * 3.0 - 2.0) / 7.0).sin() + x, (-3.0, 3.0), &[]),
    ("−x", |x| -x * -(x + 1.0), (-3.0, 3.0), &[]),
    ("detach", |x| x * &x.detach().mul_scalar(0.0) + x, (-3.0, 3.0), &[]),
];

#[test]
fn functions_of_one_element() {
    for &(name, f, (low, high), kinks) in UNARY {
        let inputs = shape().prop_flat_map(move |s| away_from(&s, low..high, kinks)).prop_flat_map(any_layout);
        hold(name, 60, inputs, |x| smooth(&[x], |x| Ok(f(&x[0]))));
    }
}

#[test]
fn functions_of_two_elements() {
    type Binary = (&'static str, fn(&X, &X) -> Result<X>, fn(f64) -> f64, fn(f64) -> f64);
    let plain = |x: f64| x;
    let positive = |x: f64| x.abs() + 0.3;
    // The two never come close to each other, where the larger changes.
    let tenths = |x: f64| (x * 10.0).round() / 10.0;
    let between = |x: f64| (x * 10.0).round() / 10.0 + 0.05;
    let operations: [Binary; 12] = [
        ("add", |a, b| a.try_add(b), plain, plain),
        ("sub", |a, b| a.try_sub(b), plain, plain),
        ("mul", |a, b| a.try_mul(b), plain, plain),
        ("div", |a, b| a.try_div(b), plain, positive),
        ("maximum", |a, b| a.maximum(b), tenths, between),
        ("minimum", |a, b| a.minimum(b), tenths, between),
        ("pow_var", |a, b| a.pow_var(b), positive, plain),
        ("+", |a, b| Ok(a.exp() + b.exp() + b), plain, plain),
        ("−", |a, b| Ok(a.exp() - b.exp() - a), plain, plain),
        ("·", |a, b| Ok(a * b.exp() * b), plain, plain),
        ("/", |a, b| Ok(a.exp() / b / b), plain, positive),
        ("a constant", |a, b| Ok(a * &b.detach().mul_scalar(0.0) + b * 2.0), plain, plain),
    ];
    for (name, f, on_a, on_b) in operations {
        let inputs = broadcast_shapes().prop_flat_map(|(a, b)| (strided(&a, -2.0..2.0), strided(&b, -2.0..2.0)));
        hold(name, 60, inputs, |(mut a, mut b)| {
            a.mapv_inplace(on_a);
            b.mapv_inplace(on_b);
            smooth(&[a, b], |x| f(&x[0], &x[1]))
        });
    }
}

#[test]
fn one_variable_as_both_operands() {
    hold("both", 60, shape().prop_flat_map(|s| strided(&s, 0.3..2.0)), |x| {
        smooth(&[x], |x| {
            let x = &x[0];
            Ok(x * x + x / x + x.try_sub(x)? + x.pow_var(x)? + (x + x))
        })
    });
}

#[test]
fn reductions() {
    type Reduction = (&'static str, fn(&X, &[isize], bool) -> Result<X>);
    let operations: [Reduction; 15] = [
        ("sum", |x, _, _| Ok(x.sum())),
        ("mean", |x, _, _| Ok(x.mean())),
        ("sum_axes", |x, axes, keep| x.sum_axes(axes, keep)),
        ("mean_axes", |x, axes, keep| x.mean_axes(axes, keep)),
        ("amax", |x, axes, keep| x.amax(axes, keep)),
        ("amin", |x, axes, keep| x.amin(axes, keep)),
        ("logsumexp", |x, axes, keep| x.logsumexp(axes, keep)),
        ("variance", |x, axes, keep| x.variance(axes, 0, keep)),
        ("standard_deviation", |x, axes, keep| x.standard_deviation(axes, 0, keep)),
        ("prod", |x, axes, keep| x.prod(axes, keep)),
        ("norm 1", |x, axes, keep| x.norm(1.0, axes, keep)),
        ("norm 2", |x, axes, keep| x.norm(2.0, axes, keep)),
        ("norm 3.5", |x, axes, keep| x.norm(3.5, axes, keep)),
        ("norm ∞", |x, axes, keep| x.norm(f64::INFINITY, axes, keep)),
        ("norm −∞", |x, axes, keep| x.norm(f64::NEG_INFINITY, axes, keep)),
    ];
    let inputs = || {
        let values = nonempty_shape().prop_flat_map(|s| well_separated(&s)).prop_flat_map(any_layout);
        values.prop_flat_map(|x| {
            let every: Vec<isize> = (0..x.ndim() as isize).collect();
            let rank = every.len();
            (Just(x), subsequence(every, 0..=rank), any::<bool>(), any::<bool>())
        })
    };
    for (name, f) in operations {
        hold(name, 60, inputs(), |(x, mut axes, keep, from_end)| {
            if from_end {
                axes.iter_mut().for_each(|axis| *axis -= x.ndim() as isize);
            }
            // Away from 0, where norms have a kink, and of either sign; magnitudes stay apart, for the norms of largest ones.
            let low = x.iter().copied().fold(f64::INFINITY, f64::min);
            let negative = |x: f64| (x * 1e4).floor() % 2.0 == 0.0;
            let x = x.mapv(|x| (x - low + 0.5) * if negative(x) { -1.0 } else { 1.0 });
            smooth(&[x], |x| f(&x[0], &axes, keep))
        });
    }
}

#[test]
fn reductions_of_nothing() {
    hold("nothing", 60, shape(), |shape| {
        let x = Tape::<f64>::recording().variable(ArrayD::zeros(IxDyn(&shape)));
        let all: Vec<isize> = (0..shape.len() as isize).collect();
        let empty = shape.contains(&0);
        prop_assert_eq!(x.sum().item(), Some(0.0));
        prop_assert_eq!(x.mean().item().map(f64::is_nan), Some(empty));
        prop_assert_eq!(x.prod(&all, false)?.item(), Some(f64::from(u8::from(empty))));
        prop_assert_eq!(x.norm(2.0, &all, false)?.item(), Some(0.0));
        prop_assert_eq!(x.logsumexp(&all, false)?.item() == Some(f64::NEG_INFINITY), empty);
        prop_assert_eq!(x.amax(&all, false).is_err(), empty);
        for axis in all {
            let lane = shape[axis as usize];
            prop_assert_eq!(
                x.max_axis(axis, true).is_err(),
                lane == 0 && shape.iter().filter(|&&n| n == 0).count() == 1
            );
            let y = x.softmax(axis)? + x.log_softmax(axis)? + x.cumsum(axis)?;
            prop_assert_eq!(y.shape(), &shape[..]);
        }
        let y = x.exp().sum();
        prop_assert_eq!(y.backward()?.get(&x).map(|dx| dx.shape().to_vec()), Some(shape));
        Ok(())
    });
}

#[test]
fn along_an_axis() {
    type Along = (&'static str, fn(&X, isize) -> Result<X>);
    let operations: [Along; 8] = [
        ("softmax", |x, axis| x.softmax(axis)),
        ("log_softmax", |x, axis| x.log_softmax(axis)),
        ("cumsum", |x, axis| x.cumsum(axis)),
        ("max_axis", |x, axis| Ok(x.max_axis(axis, false)?.0)),
        ("min_axis", |x, axis| Ok(x.min_axis(axis, true)?.0)),
        ("variance", |x, axis| x.concat_self(axis)?.variance(&[axis], 1, false)),
        ("standard_deviation", |x, axis| x.concat_self(axis)?.standard_deviation(&[axis], 1, true)),
        ("norm 0.5", |x, axis| x.exp().norm(0.5, &[axis], false)),
    ];
    for (name, f) in operations {
        let inputs =
            shape_and_axis().prop_flat_map(|(s, axis)| (well_separated(&s).prop_flat_map(any_layout), Just(axis)));
        hold(name, 60, inputs, |(x, axis)| smooth(&[x], |x| f(&x[0], axis as isize)));
    }
}

/// Twice the array along an axis, the second time other numbers: a variance needs two.
trait ConcatSelf: Sized {
    fn concat_self(&self, axis: isize) -> Result<Self>;
}

impl ConcatSelf for X {
    fn concat_self(&self, axis: isize) -> Result<Self> {
        concatenate(axis, &[self, &(self * 0.5 + 0.1)])
    }
}

#[test]
fn products() {
    let sizes = (product_sizes(5), broadcast_batches());
    let inputs = sizes.prop_flat_map(|((m, k, n), (a, b))| {
        (strided(&[&a[..], &[m, k]].concat(), -1.0..1.0), strided(&[&b[..], &[k, n]].concat(), -1.0..1.0))
    });
    hold("matmul", 80, inputs, |(a, b)| // Each operand twice, so that gradients are accumulated.
        smooth(&[a, b], |x| Ok(x[0].matmul(&x[1])?.tanh() + x[0].matmul(&x[1])?)));

    let inputs = || {
        product_sizes(5).prop_flat_map(|(m, k, n)| {
            (strided(&[m, k], -1.0..1.0), strided(&[k], -1.0..1.0), strided(&[n], -1.0..1.0))
        })
    };
    hold("vectors", 60, inputs(), |(a, v, u)| {
        smooth(&[a, v, u], |x| {
            let (a, v, u) = (&x[0], &x[1], &x[2]);
            // (A v) and (v Aᵀ) are the same; v · v is a number; the last is an outer product.
            Ok(a.matmul(v)?.sum()
                + v.matmul(&a.transpose(0, 1)?)?.square().sum()
                + v.matmul(v)?
                + v.outer(u)?.exp().sum())
        })
    });
    hold(
        "stacks and a vector",
        60,
        (shape_of_rank(0..=2), product_sizes(4)).prop_flat_map(|(s, (m, k, _))| {
            (strided(&[&s[..], &[m, k]].concat(), -1.0..1.0), strided(&[k], -1.0..1.0))
        }),
        |(a, v)| {
            smooth(&[a, v], |x| Ok(x[0].matmul(&x[1])?.sum() + x[1].matmul(&x[0].transpose(-1, -2)?)?.square().sum()))
        },
    );
}

/// Batch axes of the two operands of a product, few enough.
fn broadcast_batches() -> impl Strategy<Value = (Vec<usize>, Vec<usize>)> {
    let small = |s: Vec<usize>| s.into_iter().take(2).map(|n| n.min(3)).collect::<Vec<_>>();
    shape_of_rank(0..=2).prop_flat_map(move |full| {
        let full = small(full);
        let part = move |full: &[usize], ones: u8, skip: usize| -> Vec<usize> {
            let one = |(i, &n): (usize, &usize)| if ones >> i & 1 == 1 { 1 } else { n };
            full.iter().enumerate().map(one).skip(skip).collect()
        };
        (0..4_u8, 0..4_u8, 0..=2_usize).prop_map(move |(a, b, skip)| (part(&full, a, 0), part(&full, b, skip)))
    })
}

#[test]
fn affine_maps() {
    let inputs = (shape_of_rank(0..=2), product_sizes(5)).prop_flat_map(|(s, (_, k, n))| {
        (strided(&[&s[..], &[k]].concat(), -1.0..1.0), strided(&[n, k], -1.0..1.0), strided(&[n], -1.0..1.0))
    });
    hold("affine", 80, inputs, |(x, w, b)| {
        let y = |tape: Tape<f64>| -> Result<(X, X)> {
            let [x, w, b] = [&x, &w, &b].map(|x| tape.input(x.clone()));
            Ok((x.affine(&w, Some(&b))?, x.matmul(&w.transpose(0, 1)?)? + b))
        };
        let (one_entry, two_entries) = y(Tape::inference())?;
        close(one_entry.value(), two_entries.value(), Tolerance::F64, "x Wᵀ + b").map_err(TestCaseError::fail)?;
        // Every operand twice, so that gradients are accumulated.
        smooth(&[x.clone(), w.clone(), b.clone()], |v| {
            Ok(v[0].affine(&v[1], Some(&v[2]))?.tanh() + v[0].affine(&v[1], None)? + v[0].affine(&v[1], Some(&v[2]))?)
        })
    });
}

#[test]
fn rearrangements() {
    let inputs = || {
        (shape_and_axis(), any::<[Index; 3]>())
            .prop_flat_map(|((s, axis), draw)| (strided(&s, -2.0..2.0), Just(axis), Just(draw)))
    };
    type Draw<'a> = &'a [Index; 3];
    type Rearrangement = (&'static str, fn(&X, isize, Draw) -> Result<X>);
    let operations: [Rearrangement; 18] = [
        ("reshape", |x, _, _| x.reshape(&[x.value().len()])),
        ("flatten_from", |x, axis, _| x.flatten_from(axis)),
        ("permute", |x, axis, _| x.permute(&rotated(x, axis))),
        ("transpose", |x, axis, _| x.transpose(axis, 0)),
        ("unsqueeze", |x, axis, _| x.unsqueeze(axis)?.unsqueeze(-1)),
        ("squeeze", |x, axis, _| x.unsqueeze(axis)?.squeeze(axis)),
        ("broadcast_to", |x, axis, _| {
            let wide = x.unsqueeze(axis)?;
            let mut shape = [&[2], wide.shape()].concat();
            shape[axis as usize + 1] = 3;
            wide.broadcast_to(&shape)
        }),
        ("flip", |x, axis, _| x.flip(&if axis == 0 { vec![0] } else { vec![0, axis] })),
        ("pad", |x, axis, draw| {
            let mut widths = vec![(0, 0); x.shape().len()];
            widths[axis as usize] = (draw[0].index(3), draw[1].index(3));
            x.pad(&widths, 0.0)
        }),
        ("slice_axis", |x, axis, draw| {
            let end = draw[0].index(x.shape()[axis as usize] + 1);
            x.slice_axis(axis, draw[1].index(end + 1)..end, draw[2].index(3) + 1)
        }),
        ("slice_axis, by a long step", |x, axis, _| x.slice_axis(axis, 0..x.shape()[axis as usize], usize::MAX)),
        ("select", |x, axis, draw| x.select(axis, draw[0].index(x.shape()[axis as usize]))),
        ("index_select", |x, axis, draw| x.index_select(axis, &draw.map(|draw| draw.index(x.shape()[axis as usize])))),
        ("gather", |x, axis, draw| {
            let mut shape = x.shape().to_vec();
            shape[0] -= draw[0].index(shape[0]);
            shape[axis as usize] = draw[1].index(4);
            let length = x.shape()[axis as usize];
            x.gather(axis, &ArrayD::from_shape_fn(IxDyn(&shape), |at| (at[axis as usize] * 2 + at[0]) % length))
        }),
        ("split", |x, axis, draw| {
            let length = x.shape()[axis as usize];
            let first = draw[0].index(length + 1);
            let parts = x.split(axis, &[first, length - first])?;
            concatenate(axis, &[&parts[1], &(&parts[0] * 2.0), &parts[1]])
        }),
        ("stack", |x, axis, _| stack(axis, &[x, &(x * 2.0), x])),
        ("tril", |x, _, draw| x.unsqueeze(0)?.tril(draw[0].index(5) as isize - 2)),
        ("triu", |x, _, draw| x.unsqueeze(-1)?.triu(draw[0].index(5) as isize - 2)),
    ];
    for (name, f) in operations {
        hold(name, 60, inputs(), |(x, axis, draw)| linear(&x, |x| f(x, axis as isize, &draw)));
    }
}

/// The axes from `axis` on, then those before it.
fn rotated(x: &X, axis: isize) -> Vec<isize> {
    let rank = x.shape().len() as isize;
    (0..rank).map(|i| (i + axis) % rank).collect()
}

#[test]
fn shapes_without_elements_rearrange() {
    hold("empty", 80, shape_of_rank(1..=4), |shape| {
        let x = ArrayD::from_elem(IxDyn(&shape), 1.5);
        linear(&x, |x| {
            let rank = x.shape().len();
            let y = x.reshape(&[x.value().len(), 1])?.squeeze(1)?.reshape(x.shape())?;
            let y = concatenate(-1, &[&y, x])?.flip(&[0])?.unsqueeze(0)?.tril(1)?.select(0, 0)?;
            let y = y.pad(&vec![(1, 0); rank], 0.0)?.slice_axis(0, 0..1, 1)?;
            y.index_select(-1, &[0, 0])?.flatten_from(0)
        })
    });
}

#[test]
fn masks() {
    let inputs = broadcast_shapes().prop_flat_map(|(a, b)| {
        let mask = prop::collection::vec(any::<bool>(), b.iter().product::<usize>());
        (strided(&a, -2.0..2.0), strided(&b, -2.0..2.0), mask)
    });
    hold("choose", 80, inputs, |(a, b, mask)| {
        let mask = ArrayD::from_shape_vec(b.raw_dim(), mask).expect("one for each");
        smooth(&[a.clone(), b.clone()], |x| choose(&mask, &x[0].exp(), &x[1]))?;
        // A mask fits the sum, into whose shape it broadcasts.
        smooth(&[a, b], |x| (&x[0] + &x[1]).masked_fill(&mask, -0.5))
    });
}

#[test]
fn a_tie_shares_the_gradient_and_loses_none() {
    hold("ties", 80, shape_and_axis().prop_flat_map(|(s, axis)| (array(&s, -1.4..1.4), Just(axis))), |(x, axis)| {
        let x = x.mapv(f64::round); // −1, 0 and 1: many are equal
        let sums = |f: &dyn Fn(&X) -> Result<X>| -> Result<(f64, f64)> {
            let v = Tape::recording().variable(x.clone());
            let y = f(&v)?;
            let dx = y.sum().backward()?;
            Ok((dx.get(&v).map_or(0.0, |dx| dx.sum()), y.value().len() as f64))
        };
        let axis = axis as isize;
        for f in [
            &(|x: &X| x.amax(&[axis], false)) as &dyn Fn(&X) -> Result<X>,
            &|x| x.amin(&[axis], false),
            &|x| Ok(x.max_axis(axis, false)?.0),
            &|x| Ok(x.min_axis(axis, false)?.0),
            &|x| x.maximum(&x.flip(&[axis])?),
            &|x| x.minimum(x),
        ] {
            let (total, outputs) = sums(f)?;
            prop_assert!((total - outputs).abs() < 1e-12, "{total} of {outputs}");
        }
        Ok(())
    });
}

#[test]
fn an_owned_operand_lends_its_memory() {
    hold("memory", 60, nonempty_shape().prop_flat_map(|s| (array(&s, 0.5..2.0), array(&s, 0.5..2.0))), |(a, b)| {
        let tape = Tape::recording();
        let (a, b) = (tape.variable(a), tape.input(b));
        for operation in [
            (|a, b| a + b) as fn(X, &X) -> X,
            |a, b| a - b,
            |a, b| a * b,
            |a, b| a / b,
            |a, _| a + 1.0,
            |a, _| a - 1.0,
            |a, _| a * 3.0,
            |a, _| a / 3.0,
            |a, _| -a,
        ] {
            let owned = &a + &b;
            let memory = owned.value().as_ptr();
            prop_assert_eq!(operation(owned, &b).value().as_ptr(), memory);
        }
        // What an entry saved, or somebody else holds, is left alone.
        let kept = &a + &b;
        let copy = kept.value().to_owned();
        let _ = kept.clone() + &b;
        let _ = kept.exp() * 2.0;
        prop_assert_eq!(kept.value(), &copy);
        Ok(())
    });
}
