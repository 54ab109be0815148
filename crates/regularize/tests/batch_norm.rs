//! What batch normalization promises.

#![allow(clippy::unwrap_used)] // also in the helpers of the tests

use gradus_autograd::{Real, Tape, Value, Var, gradcheck};
use gradus_conv::Conv2d;
use gradus_nn_layers::{Buffer, Layer, Linear, Module, Parameter, sequential, summary};
use gradus_optim::{Optimizer, Sgd};
use gradus_regularize::{BatchNorm, BatchNorm1d, BatchNorm2d, BatchNorm3d, Error};
use gradus_testing::{Tolerance, assert_close, refuses};
use ndarray::{Array1, Array2, Array4, ArrayD, IxDyn, array};
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

fn training<F: Real>() -> Tape<F> {
    Tape::training(&mut StdRng::seed_from_u64(7))
}

fn random<F: Real>(shape: &[usize], seed: u64) -> ArrayD<F> {
    let mut rng = StdRng::seed_from_u64(seed);
    ArrayD::from_shape_fn(IxDyn(shape), |_| F::from_f64(rng.random_range(-1.0..1.0)))
}

/// A layer of which nothing is as it starts.
fn used<const R: usize, F: Real>(channels: usize) -> BatchNorm<R, F> {
    BatchNorm {
        weight: Some(random(&[channels], 1).into()),
        bias: Some(random(&[channels], 2).into()),
        running_mean: Some(random(&[channels], 3).into()),
        running_var: Some(random(&[channels], 4).mapv(|v: F| v * v + F::one()).into()),
        num_batches_tracked: Some(Buffer::new(F::from_f64(3.0))),
        ..BatchNorm::new(channels)
    }
}

/// Channels side by side in the lanes; rows shorter and longer than these and than a block, and no multiples of them.
const SHAPES: [&[usize]; 10] = [
    &[2, 1],
    &[5, 3],
    &[70, 40],
    &[2, 4, 3],
    &[3, 7, 9],
    &[2, 2, 33],
    &[3, 2, 5, 50],
    &[2, 3, 45, 47],
    &[150, 2, 4, 5],
    &[1, 2, 2, 3, 2],
];

#[derive(Debug, Clone, Copy)]
enum Kind {
    Plain,
    Relu,
    AddRelu,
}

const KINDS: [Kind; 3] = [Kind::Plain, Kind::Relu, Kind::AddRelu];

impl Kind {
    fn run<const R: usize, F: Real>(self, layer: &BatchNorm<R, F>, x: &Var<F>, past: &Var<F>) -> Var<F> {
        match self {
            Self::Plain => layer.forward(x),
            Self::Relu => layer.forward_relu(x),
            Self::AddRelu => layer.forward_add_relu(x, past),
        }
        .unwrap()
    }

    /// The same out of other operations.
    fn composed<const R: usize, F: Real>(self, layer: &BatchNorm<R, F>, x: &Var<F>, past: &Var<F>) -> Var<F> {
        let tape = x.tape();
        let axes: Vec<isize> = (0..x.shape().len() as isize).filter(|&axis| axis != 1).collect();
        let across = |v: Var<F>| {
            let mut shape = vec![1; x.shape().len()];
            shape[1] = layer.num_features;
            v.reshape(&shape).unwrap()
        };
        let held = |b: &Option<Buffer<F>>| across(tape.input(b.as_ref().unwrap().value().clone()));
        let (mean, var) = if tape.is_training() {
            (x.mean_axes(&axes, true).unwrap(), x.variance(&axes, 0, true).unwrap())
        } else {
            (held(&layer.running_mean), held(&layer.running_var))
        };
        let z = x.try_sub(&mean).unwrap().try_div(&(var + F::from_f64(layer.eps)).sqrt()).unwrap();
        let [weight, bias] = [&layer.weight, &layer.bias].map(|p| across(tape.parameter(p.as_ref().unwrap())));
        let y = z.try_mul(&weight).unwrap().try_add(&bias).unwrap();
        match self {
            Self::Plain => y,
            Self::Relu => y.relu(),
            Self::AddRelu => (y + past).relu(),
        }
    }
}

/// Result and gradients against those of the formula, for one shape in all its kinds.
fn agrees<const R: usize>(shape: &[usize]) {
    let layer: BatchNorm<R, f64> = used(shape[1]);
    for (kind, is_training) in KINDS.into_iter().flat_map(|kind| [(kind, true), (kind, false)]) {
        let pass = |composed: bool| {
            let tape = if is_training { training() } else { Tape::recording() };
            let [x, past] = [5, 6].map(|seed| tape.variable(random(shape, seed)));
            let y = if composed { kind.composed(&layer, &x, &past) } else { kind.run(&layer, &x, &past) };
            let gradients = y.backward_with(random(shape, 8)).unwrap();
            let of = |p: &Option<Parameter<f64>>| gradients.get(p.as_ref().unwrap()).cloned();
            let found = [Some(y.value().clone()), gradients.get(&x).cloned(), gradients.get(&past).cloned()];
            [found, [of(&layer.weight), of(&layer.bias), None]].concat()
        };
        let names = ["y", "dx", "dshortcut", "dw", "db", "nothing"];
        for (name, (found, expected)) in names.into_iter().zip(pass(false).into_iter().zip(pass(true))) {
            let what = format!("{name} of {kind:?} of {shape:?}, training {is_training}");
            assert_eq!(found.is_some(), expected.is_some(), "{what}");
            if let (Some(found), Some(expected)) = (found, expected) {
                assert_close(&**found, &**expected, Tolerance::F64, &what);
            }
        }
    }
}

#[test]
fn results_and_gradients_are_those_of_the_formula() {
    for shape in SHAPES {
        match shape.len() {
            2 | 3 => agrees::<1>(shape),
            4 => agrees::<2>(shape),
            _ => agrees::<3>(shape),
        }
    }
}

/// Differences cannot tell a training tape; a layer without running statistics uses those of the batch on every tape.
#[test]
fn gradients_agree_with_differences() {
    let inputs = [random(&[2, 2, 3, 4], 1), random(&[2, 2, 3, 4], 2)];
    for (kind, of_batch) in KINDS.into_iter().flat_map(|kind| [(kind, true), (kind, false)]) {
        let layer: BatchNorm2d<f64> = used(2);
        let layer = if of_batch { layer.without_running_stats() } else { layer };
        gradcheck(|v: &[Var<f64>]| Ok::<_, gradus_autograd::Error>(kind.run(&layer, &v[0], &v[1])), &inputs).unwrap();
    }
}

#[test]
fn fused_forms_have_the_bits_of_the_separate_operations() {
    for (tape, shape) in [(training(), [3, 5, 7, 9]), (Tape::inference(), [70, 40, 1, 2])] {
        let layer: BatchNorm2d = used(shape[1]);
        let [x, past] = [1, 2].map(|seed| tape.input(random(&shape, seed)));
        let y = layer.forward(&x).unwrap();
        assert_eq!(layer.forward_relu(&x).unwrap().value(), y.relu().value());
        assert_eq!(layer.forward_add_relu(&x, &past).unwrap().value(), (&y + &past).relu().value());
    }
}

#[test]
fn a_gradient_that_nobody_wants_is_left_out() {
    let layer: BatchNorm2d<f64> = used(2);
    let shape = [2, 2, 3, 3];
    let pass = |wants_x: bool, wants_past: bool| {
        let tape = training();
        let put = |wanted, value| if wanted { tape.variable(value) } else { tape.input(value) };
        let (x, past) = (put(wants_x, random(&shape, 1)), put(wants_past, random(&shape, 2)));
        let gradients = layer.forward_add_relu(&x, &past).unwrap().backward_with(random(&shape, 3)).unwrap();
        [
            gradients.get(&x).cloned(),
            gradients.get(&past).cloned(),
            gradients.get(layer.weight.as_ref().unwrap()).cloned(),
        ]
    };
    let all = pass(true, true);
    for (wants_x, wants_past) in [(true, false), (false, true), (false, false)] {
        let some = pass(wants_x, wants_past);
        assert_eq!(some[0], all[0].clone().filter(|_| wants_x));
        assert_eq!(some[1], all[1].clone().filter(|_| wants_past));
        assert_eq!(some[2], all[2]);
    }
}

#[test]
fn one_thread_and_two_give_the_same_bits() {
    let passes = [1, 2].map(|threads| {
        let pool = rayon_pool(threads);
        pool.install(|| {
            let layer: BatchNorm2d = used(9);
            let tape = training();
            let shape = [8, 9, 64, 64];
            let [x, past] = [1, 2].map(|seed| tape.variable(random(&shape, seed)));
            let y = layer.forward_add_relu(&x, &past).unwrap();
            let gradients = y.backward_with(random(&shape, 3)).unwrap();
            let mut found = vec![y.value().clone()];
            found.extend([&x, &past].map(|v| gradients.get(v).unwrap().clone()));
            found.extend(gradients.iter().map(|(_, gradient)| gradient.clone()));
            found.extend(layer.buffers().iter().map(|(_, buffer)| gradients.update_of(buffer.id()).unwrap().clone()));
            found.into_iter().map(Value::into_array).collect::<Vec<_>>()
        })
    });
    assert_eq!(passes[0].len(), 8);
    assert_eq!(passes[0], passes[1]);
}

fn rayon_pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
}

/// Numbers around 10⁴ whose spread is 1: an `f32` has three digits behind the point there.
#[test]
fn far_from_zero_no_digits_are_lost() {
    let near: ArrayD<f32> = random::<f32>(&[16, 2, 40, 40], 1).mapv(|x| (x * 1024.0).round() / 1024.0);
    let far = near.mapv(|x| x + 8192.0); // exact
    let layer: BatchNorm2d = BatchNorm2d::new(2);
    let pass = |x: ArrayD<f32>| {
        let tape = training();
        let x = tape.variable(x);
        let y = layer.forward(&x).unwrap();
        let gradients = y.backward_with(random(&[16, 2, 40, 40], 2)).unwrap();
        (y.value().clone(), gradients.get(&x).unwrap().clone())
    };
    let ((y, dx), (far_y, far_dx)) = (pass(near), pass(far));
    let double = |v: Value<f32>| v.mapv(f64::from);
    assert_close(&*double(far_y), &*double(y), Tolerance::F32, "y");
    assert_close(&*double(far_dx), &*double(dx), Tolerance::F32, "dx");
}

#[test]
fn numbers_that_are_all_alike_become_the_shift() {
    let layer: BatchNorm1d = used(3);
    let y = layer.forward(&training().input(Array2::from_elem((7, 3), 0.1))).unwrap();
    for row in y.value().outer_iter() {
        for (y, b) in row.iter().zip(layer.bias.as_ref().unwrap().value().iter()) {
            assert!((y - b).abs() < 1e-4, "{y} for {b}");
        }
    }
}

/// Two steps by hand: momentum 0.1, unbiased variance.
#[test]
fn the_optimizers_step_puts_the_running_statistics_in_place() {
    let mut layer: BatchNorm1d<f64> = BatchNorm1d::new(1);
    let names: Vec<_> = layer.state_dict().iter().map(|(name, _)| name.to_owned()).collect();
    assert_eq!(names, ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]);
    let mut sgd = Sgd::new(0.0);
    for (batch, mean, var) in [([1.0, 3.0], 0.2, 0.9 + 0.2), ([5.0, 9.0], 0.18 + 0.7, 0.99 + 0.8)] {
        let y = layer.forward(&training().input(array![[batch[0]], [batch[1]]])).unwrap();
        let gradients = y.sum().backward().unwrap();
        sgd.step(&mut layer, &gradients).unwrap();
        let held = |b: &Option<Buffer<f64>>| b.as_ref().unwrap().value().sum();
        assert!((held(&layer.running_mean) - mean).abs() < 1e-12);
        assert!((held(&layer.running_var) - var).abs() < 1e-12);
    }
    assert_eq!(layer.num_batches_tracked.unwrap().value().sum(), 2.0);
}

#[test]
fn without_a_momentum_every_batch_counts_alike() {
    let mut layer: BatchNorm1d<f64> = BatchNorm1d::new(1).momentum(None);
    let mut sgd = Sgd::new(0.0);
    for batch in [[1.0, 3.0], [5.0, 9.0], [-4.0, 4.0]] {
        let y = layer.forward(&training().input(array![[batch[0]], [batch[1]]])).unwrap();
        sgd.step(&mut layer, &y.sum().backward().unwrap()).unwrap();
    }
    assert!((layer.running_mean.unwrap().value().sum() - 3.0).abs() < 1e-12);
    assert!((layer.running_var.unwrap().value().sum() - (2.0 + 8.0 + 32.0) / 3.0).abs() < 1e-12);
}

#[test]
fn use_and_other_tapes_note_nothing() {
    let layer: BatchNorm1d<f64> = used(2);
    let y = layer.forward(&Tape::recording().variable(random(&[4, 2], 1))).unwrap();
    let gradients = y.sum().backward().unwrap();
    assert!(layer.buffers().iter().all(|(_, buffer)| gradients.update_of(buffer.id()).is_none()));
    let untracked = used::<1, f64>(2).without_running_stats();
    assert_eq!(untracked.state_dict().iter().count(), 2);
    let x: ArrayD<f64> = random(&[4, 2], 1);
    let [in_training, in_use] =
        [training(), Tape::inference()].map(|tape| untracked.forward(&tape.input(x.clone())).unwrap().value().clone());
    assert_eq!(in_training, in_use);
    let plain: BatchNorm3d = BatchNorm3d::new(2).without_affine();
    assert_eq!(plain.parameters().len(), 0);
}

#[test]
fn folding_gives_a_layer_that_does_both() {
    let rng = &mut StdRng::seed_from_u64(1);
    let tape = Tape::inference();
    let (norm, plain): (BatchNorm2d<f64>, BatchNorm2d<f64>) = (used(6), used(6).without_affine());
    for (norm, has_bias) in [(&norm, true), (&norm, false), (&plain, true)] {
        let conv: Conv2d<f64> = Conv2d::new(4, 6, 3, rng).padding(1).groups(2, rng).unwrap();
        let mut conv = if has_bias { conv } else { conv.without_bias() };
        let x = tape.input(random(&[2, 4, 5, 6], 2));
        let expected = norm.forward(&conv.forward(&x).unwrap()).unwrap();
        let (weight, bias) = norm.fold_into(&conv.weight, conv.bias.as_ref()).unwrap();
        (conv.weight, conv.bias) = (weight, Some(bias));
        assert_close(&**conv.forward(&x).unwrap().value(), &**expected.value(), Tolerance::F64, "folded convolution");
    }
    let mut linear: Linear<f64> = Linear::new(3, 5, rng);
    let norm: BatchNorm1d<f64> = used(5);
    let x = tape.input(random(&[4, 3], 3));
    let expected = norm.forward(&linear.forward(&x).unwrap()).unwrap();
    let (weight, bias) = norm.fold_into(&linear.weight, linear.bias.as_ref()).unwrap();
    (linear.weight, linear.bias) = (weight, Some(bias));
    assert_close(&**linear.forward(&x).unwrap().value(), &**expected.value(), Tolerance::F64, "folded linear layer");
}

#[test]
fn nothing_is_normalized_to_nothing_in_use() {
    for shape in [&[0, 3][..], &[4, 0], &[2, 3, 0]] {
        let tape = Tape::recording();
        let x = tape.variable(ArrayD::<f64>::zeros(IxDyn(shape)));
        let layer: BatchNorm1d<f64> = BatchNorm1d::new(shape[1]);
        let y = layer.forward_relu(&x).unwrap();
        assert_eq!(y.shape(), shape);
        let gradients = y.sum().backward().unwrap();
        assert_eq!(gradients.get(&x).unwrap().shape(), shape);
        assert_eq!(gradients.get(layer.weight.as_ref().unwrap()).unwrap(), &Array1::zeros(shape[1]).into_dyn());
    }
}

#[test]
fn what_is_not_finite_does_not_hide_and_stays_in_its_channel() {
    for bad in [f64::NAN, f64::INFINITY] {
        let y = BatchNorm1d::<f64>::new(2).forward_relu(&training().input(array![[1.0, bad], [3.0, 2.0]])).unwrap();
        assert!(y.value().column_all(1).all(f64::is_nan) && y.value().column_all(0).all(f64::is_finite));
    }
}

trait Columns {
    fn column_all(&self, column: usize) -> impl Iterator<Item = f64>;
}

impl Columns for Value<f64> {
    fn column_all(&self, column: usize) -> impl Iterator<Item = f64> {
        self.outer_iter().map(move |row| row[[column]]).collect::<Vec<_>>().into_iter()
    }
}

#[test]
fn a_summary_names_it() {
    let rng = &mut StdRng::seed_from_u64(1);
    let model: gradus_nn_layers::Sequential =
        sequential![Conv2d::new(3, 8, 3, rng).without_bias(), BatchNorm2d::new(8)];
    let summary = summary(&model, &[4, 3, 6, 6]).unwrap();
    let norm = &summary.total.parts[1].1;
    assert_eq!((norm.kind.as_str(), &norm.output[..], norm.parameters), ("BatchNorm2d", &[4, 8, 4, 4][..], 16));
    assert!(!norm.dry_run);
    assert_eq!(norm.activation_bytes, 4 * 4 * 8 * 4 * 4);
}

fn refusal<T>(result: gradus_nn_layers::Result<T>) -> Result<T, Error> {
    result.map_err(|error| match error {
        gradus_nn_layers::Error::Source(source) => *source.downcast().unwrap(),
        other => panic!("{other:?}"),
    })
}

#[test]
fn what_does_not_fit_is_refused() {
    let layer: BatchNorm2d = BatchNorm2d::new(3);
    let run =
        |layer: &BatchNorm2d, tape: &Tape, shape: [usize; 4]| refusal(layer.forward(&tape.input(Array4::zeros(shape))));
    let tape = training();
    refuses!(run(&layer, &tape, [8, 4, 5, 5]), Error::InputShape { .. }, @"batch_norm2d: input [8, 4, 5, 5]: it takes (N, C, H, W), with C = 3 channels on the second axis");
    refuses!(refusal(layer.forward(&tape.input(Array2::zeros((8, 3))))), Error::InputShape { .. }, @"batch_norm2d: input [8, 3]: it takes (N, C, H, W), with C = 3 channels on the second axis");
    refuses!(run(&layer, &tape, [1, 3, 1, 1]), Error::OneValue { .. }, @"batch_norm2d: input [1, 3, 1, 1]: one value for each channel, which has no variance; a larger batch would fit, or a tape that is not for training");
    refuses!(run(&layer, &tape, [0, 3, 2, 2]), Error::OneValue { .. }, @"batch_norm2d: input [0, 3, 2, 2]: no value for each channel, which has no variance; a larger batch would fit, or a tape that is not for training");
    let untracked: BatchNorm2d = BatchNorm2d::new(3).without_running_stats();
    refuses!(run(&untracked, &Tape::inference(), [1, 3, 1, 1]), Error::OneValue { .. }, @"batch_norm2d: input [1, 3, 1, 1]: one value for each channel, which has no variance; a larger batch would fit, or a layer with running statistics");
    let [x, past] = [[2, 3, 4, 4], [2, 3, 2, 2]].map(|shape| tape.input(Array4::zeros(shape)));
    refuses!(refusal(layer.forward_add_relu(&x, &past)), Error::Shortcut { .. }, @"batch_norm2d_add_relu: input [2, 3, 4, 4], shortcut [2, 3, 2, 2]: they must have the same shape; project the shortcut");
    let wrong: BatchNorm2d = BatchNorm { weight: Some(Array1::ones(4).into()), ..BatchNorm2d::new(3) };
    refuses!(run(&wrong, &tape, [2, 3, 4, 4]), Error::ParameterShape { .. }, @"batch_norm2d: weight [4]: must be [3]");
    refuses!(run(&BatchNorm2d::new(3).eps(-1.0), &tape, [2, 3, 4, 4]), Error::HyperParameter { .. }, @"batch_norm2d: eps -1: must be finite and at least 0");
    refuses!(run(&BatchNorm2d::new(3).momentum(1.5), &tape, [2, 3, 4, 4]), Error::HyperParameter { .. }, @"batch_norm2d: momentum 1.5: must be between 0 and 1");
    let weight = Parameter::new(Array4::zeros([4, 2, 3, 3]));
    refuses!(layer.fold_into(&weight, None), Error::ParameterShape { .. }, @"fold_into: outputs of the weight [4]: must be [3]");
    let (weight, bias) = (Parameter::new(Array4::zeros([3, 2, 3, 3])), Parameter::new(Array1::zeros(2)));
    refuses!(layer.fold_into(&weight, Some(&bias)), Error::ParameterShape { .. }, @"fold_into: bias [2]: must be [3]");
    refuses!(untracked.fold_into(&weight, None), Error::NoStatistics { .. }, @"batch_norm2d: fold_into: the layer has no running statistics to fold; train it with them");
    assert!(layer.describe(&[2, 4, 4, 4]).is_err());
}

proptest! {
    /// What the batch norm of a channel is does not depend on the channel's level and spread.
    #[test]
    fn level_and_spread_do_not_matter(
        (n, c, size) in (2_usize..6, 1_usize..5, 1_usize..40),
        seed: u64,
        level in -10.0..10.0,
        spread in 0.1..10.0,
    ) {
        let x: ArrayD<f64> = random(&[n, c, size], seed);
        let layer: BatchNorm1d<f64> = BatchNorm1d::new(c).eps(0.0);
        let pass = |x: ArrayD<f64>| layer.forward(&training().input(x)).unwrap().value().clone();
        let (y, moved) = (pass(x.clone()), pass(x.mapv(|x| spread * x + level)));
        prop_assert!(y.iter().zip(moved.iter()).all(|(y, moved)| (y - moved).abs() < 1e-9));
        // Mean 0, variance 1, and a gradient that sums to 0 against 1 and against y.
        for channel in y.axis_iter(ndarray::Axis(1)) {
            let n = channel.len() as f64;
            prop_assert!(channel.sum().abs() < 1e-9 * n);
            prop_assert!((channel.mapv(|y| y * y).sum() - n).abs() < 1e-9 * n);
        }
    }

    /// In memory in any order, as long as it is the same numbers.
    #[test]
    fn the_layout_in_memory_does_not_matter(n in 2_usize..5, c in 1_usize..5, size in 1_usize..9, seed: u64) {
        let x: ArrayD<f64> = random(&[size, n, c], seed);
        let layer: BatchNorm1d<f64> = used(c);
        let run = |x: ArrayD<f64>, permuted: bool| {
            let tape = training();
            let x = tape.variable(x);
            let y = if permuted { layer.forward_relu(&x.permute(&[1, 2, 0]).unwrap()) } else { layer.forward_relu(&x) };
            let y = y.unwrap();
            (y.value().clone(), y.square().sum().backward().unwrap().get(&x).unwrap().clone())
        };
        let (y, dx) = run(x.clone(), true);
        let (other_y, other_dx) = run(x.permuted_axes(IxDyn(&[1, 2, 0])).as_standard_layout().into_owned(), false);
        prop_assert_eq!(y, other_y);
        prop_assert_eq!(dx.view().permuted_axes(IxDyn(&[1, 2, 0])), other_dx.view());
    }
}
