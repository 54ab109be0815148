//! Laws of convolution and pooling over random geometries.

use gradus_autograd::gradcheck;
use gradus_conv::ndarray::{ArrayD, IxDyn};
use gradus_conv::{Geometry, Tape, Value, Var, conv, max_pool};
use gradus_testing::{Tolerance, close, strategies};
use proptest::prelude::*;

/// A window over two axes, and an input that has a place for it.
#[derive(Debug, Clone)]
struct Setting {
    geometry: Geometry<2>,
    size: [usize; 2],
}

fn settings() -> impl Strategy<Value = Setting> {
    let axis = (1..=4_usize, 1..=3_usize, (0..=2_usize, 0..=2_usize), 1..=3_usize, 0..=6_usize);
    (axis.clone(), axis, any::<bool>()).prop_map(|(a, b, same)| {
        let each = [a, b];
        let mut geometry = Geometry::new(each.map(|axis| axis.0)).stride(each.map(|axis| axis.1));
        geometry = geometry.dilation(each.map(|axis| axis.3));
        geometry.padding = each.map(|axis| axis.2);
        if same {
            // The commonest of all: steps of 1, and as large a result as the input.
            geometry = geometry.stride(1).dilation(1);
            geometry.padding = geometry.kernel_size.map(|kernel| ((kernel - 1) / 2, kernel / 2));
        }
        let size = std::array::from_fn(|i| {
            let extent = geometry.dilation[i] * (geometry.kernel_size[i] - 1) + 1;
            let (before, after) = geometry.padding[i];
            (extent + each[i].4).saturating_sub(before + after).max(1)
        });
        Setting { geometry, size }
    })
}

/// A convolution with its operands.
#[derive(Debug, Clone)]
struct Convolution {
    geometry: Geometry<2>,
    groups: usize,
    x: ArrayD<f64>,
    weight: ArrayD<f64>,
    bias: Option<ArrayD<f64>>,
}

fn convolutions() -> impl Strategy<Value = Convolution> {
    let sizes = (1..=3_usize, 1..=2_usize, 1..=2_usize, 1..=2_usize, any::<bool>());
    (settings(), sizes).prop_flat_map(|(Setting { geometry, size }, (images, groups, inputs, outputs, bias))| {
        let x = strategies::array(&[images, groups * inputs, size[0], size[1]], -1.0..1.0);
        let [kh, kw] = geometry.kernel_size;
        let weight = strategies::array(&[groups * outputs, inputs, kh, kw], -1.0..1.0);
        let bias_values = strategies::array(&[groups * outputs], -1.0..1.0);
        let layouts = x.prop_flat_map(strategies::any_layout);
        (layouts, weight.prop_flat_map(strategies::any_layout), bias_values)
            .prop_map(move |(x, weight, b)| Convolution { geometry, groups, x, weight, bias: bias.then_some(b) })
    })
}

impl Convolution {
    fn operands(&self) -> Vec<ArrayD<f64>> {
        [&self.x, &self.weight].into_iter().chain(&self.bias).cloned().collect()
    }

    fn apply(&self, operands: &[Var<f64>]) -> gradus_conv::Result<Var<f64>> {
        conv(&operands[0], &operands[1], operands.get(2), &self.geometry, self.groups)
    }
}

/// The definition, loop by loop.
fn nested_loops(c: &Convolution) -> ArrayD<f64> {
    let Convolution { geometry, x, weight, .. } = c;
    let (inputs, outputs) = (weight.shape()[1], weight.shape()[0] / c.groups);
    let out = geometry.output_size([x.shape()[2], x.shape()[3]]).expect("the settings fit");
    let mut y = ArrayD::zeros(IxDyn(&[x.shape()[0], weight.shape()[0], out[0], out[1]]));
    for (at, y) in y.indexed_iter_mut() {
        let (n, o, p) = (at[0], at[1], [at[2], at[3]]);
        *y = c.bias.as_ref().map_or(0.0, |bias| bias[[o]]);
        for channel in 0..inputs {
            for kh in 0..geometry.kernel_size[0] {
                for kw in 0..geometry.kernel_size[1] {
                    let position = |axis: usize, k: usize| {
                        let ahead = p[axis] * geometry.stride[axis] + k * geometry.dilation[axis];
                        ahead.checked_sub(geometry.padding[axis].0).filter(|&i| i < x.shape()[2 + axis])
                    };
                    if let (Some(h), Some(w)) = (position(0, kh), position(1, kw)) {
                        *y += weight[[o, channel, kh, kw]] * x[[n, o / outputs * inputs + channel, h, w]];
                    }
                }
            }
        }
    }
    y
}

fn inner(a: &Value<f64>, b: &Value<f64>) -> f64 {
    a.iter().zip(b.iter()).map(|(a, b)| a * b).sum()
}

/// Result and gradients, on so many threads.
fn computed(c: &Convolution, threads: usize) -> Vec<ArrayD<f64>> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a small pool");
    pool.install(|| {
        let tape = Tape::recording();
        let operands: Vec<_> = c.operands().into_iter().map(|x| tape.variable(x)).collect();
        let y = c.apply(&operands).unwrap();
        let dy =
            ArrayD::from_shape_fn(IxDyn(y.shape()), |at| f64::sin((at[0] + 3 * at[1] + 5 * at[2] + 7 * at[3]) as f64));
        let value = (***y.value()).to_owned();
        let gradients = y.backward_with(dy).unwrap();
        let of = |x: &Var<f64>| (***gradients.get(x).unwrap()).to_owned();
        [value].into_iter().chain(operands.iter().map(of)).collect()
    })
}

/// Of so many images and channels that sums are packed in several panels, summed in several goes, and shared out to threads.
fn large() -> impl Strategy<Value = Convolution> {
    let sizes = (1..=9_usize, 1..=40_usize, 1..=40_usize, 1..=20_usize, 1..=20_usize);
    (sizes, 1..=2_usize, any::<u8>()).prop_map(|((images, inputs, outputs, rows, columns), stride, seed)| {
        let mut number = f64::from(seed);
        let mut next = || {
            number = (number * 1.618_033_988_75 + 0.1).fract();
            number - 0.5
        };
        let x = ArrayD::from_shape_simple_fn(IxDyn(&[images, inputs, rows, columns]), &mut next);
        let weight = ArrayD::from_shape_simple_fn(IxDyn(&[outputs, inputs, 3, 3]), &mut next);
        let bias = Some(ArrayD::from_shape_simple_fn(IxDyn(&[outputs]), next));
        Convolution { geometry: Geometry::new(3).padding(1).stride(stride), groups: 1, x, weight, bias }
    })
}

proptest! {
    #![proptest_config(gradus_testing::proptest_cases(6))]

    #[test]
    fn large_convolutions_are_their_definition_whatever_the_number_of_threads(c in large()) {
        let alone = computed(&c, 1);
        close(&alone[0], &nested_loops(&c), Tolerance::F64, "y").unwrap();
        for threads in [2, 3] {
            prop_assert_eq!(&computed(&c, threads), &alone);
        }
    }
}

proptest! {
    #![proptest_config(gradus_testing::proptest_cases(1000))]

    #[test]
    fn convolution_is_its_definition(c in convolutions()) {
        let tape = Tape::inference();
        let operands: Vec<_> = c.operands().into_iter().map(|x| tape.input(x)).collect();
        let y = c.apply(&operands).unwrap();
        close(&**y.value(), &nested_loops(&c), Tolerance::F64, "y").unwrap();
    }
}

proptest! {

    /// ⟨conv x, y⟩ = ⟨x, convᵀ y⟩, and the same in the weight, of which convolution is as linear a function.
    #[test]
    fn backward_is_the_adjoint(c in convolutions(), seed in 1..1000_usize) {
        let c = Convolution { bias: None, ..c };
        let tape = Tape::recording();
        let operands: Vec<_> = c.operands().into_iter().map(|x| tape.variable(x)).collect();
        let y = c.apply(&operands).unwrap();
        let mut i = 0;
        let dy: Value<f64> = ArrayD::from_shape_simple_fn(y.shape(), || { i += seed; (i as f64).sin() }).into();
        let forward = inner(y.value(), &dy);
        let scale = y.value().iter().zip(dy.iter()).map(|(a, b)| (a * b).abs()).sum::<f64>().max(1.0);
        let gradients = y.backward_with(dy).unwrap();
        for (operand, name) in operands.iter().zip(["x", "weight"]) {
            let adjoint = inner(operand.value(), gradients.get(operand).unwrap());
            prop_assert!((forward - adjoint).abs() <= 1e-12 * scale, "{}: {} and {}", name, forward, adjoint);
        }
    }
}

proptest! {
    // Two passes for every number.
    #![proptest_config(gradus_testing::proptest_cases(100))]

    #[test]
    fn convolution_has_the_right_gradients(c in convolutions()) {
        gradcheck(|operands| c.apply(operands), &c.operands()).unwrap();
    }
}

proptest! {
    // Two convolutions a pass, and two passes for every number.
    #![proptest_config(gradus_testing::proptest_cases(24))]

    /// Gradients add up in memory that is there already.
    #[test]
    fn a_weight_used_twice_has_the_sum_of_both_gradients(c in convolutions()) {
        let square = |operands: &[Var<f64>]| -> gradus_conv::Result<Var<f64>> {
            Ok(&c.apply(operands)? * &c.apply(operands)?)
        };
        gradcheck(square, &c.operands()).unwrap();
    }
}

proptest! {
    #![proptest_config(gradus_testing::proptest_cases(100))]

    #[test]
    fn pooling_is_its_definition_and_has_the_right_gradient(
        (setting, x) in settings().prop_flat_map(|setting| {
            let shape = [2, 2, setting.size[0], setting.size[1]];
            (Just(setting), strategies::well_separated(&shape).prop_flat_map(strategies::any_layout))
        }),
        ceil_mode in any::<bool>(),
    ) {
        let geometry = Geometry { ceil_mode, ..setting.geometry };
        let tape = Tape::inference();
        let Ok(y) = max_pool(&tape.input(x.clone()), &geometry) else { return Err(TestCaseError::reject("padding")) };
        for (at, &y) in y.value().indexed_iter() {
            let mut largest = f64::NEG_INFINITY;
            for kh in 0..geometry.kernel_size[0] {
                for kw in 0..geometry.kernel_size[1] {
                    let position = |axis: usize, k: usize| {
                        let ahead = at[2 + axis] * geometry.stride[axis] + k * geometry.dilation[axis];
                        ahead.checked_sub(geometry.padding[axis].0).filter(|&i| i < x.shape()[2 + axis])
                    };
                    if let (Some(h), Some(w)) = (position(0, kh), position(1, kw)) {
                        largest = largest.max(x[[at[0], at[1], h, w]]);
                    }
                }
            }
            prop_assert_eq!(y, largest);
        }
        gradcheck(|x| max_pool(&x[0], &geometry), &[x]).unwrap();
    }
}
