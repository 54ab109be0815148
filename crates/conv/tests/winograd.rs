//! Convolutions with so many channels and images that their sums are taken in fewer multiplications, against those of one image, of which each
//! product of the definition is taken.

use gradus_autograd::Real;
use gradus_conv::ndarray::{ArrayD, Axis, IxDyn};
use gradus_conv::{Geometry, Tape, Var, conv, conv_relu, conv_relu_max_pool};
use gradus_testing::{Tolerance, close};
use proptest::prelude::*;

#[derive(Debug, Clone)]
struct Case {
    /// Input, weight and bias.
    shapes: [Vec<usize>; 3],
    geometry: Geometry<2>,
    /// What follows: nothing, ReLU, or ReLU and pooling.
    after: usize,
    seed: f64,
}

fn cases() -> impl Strategy<Value = Case> {
    let channels = || prop::sample::select(vec![32_usize, 48, 64]);
    let padding = || (0..=2_usize, 0..=2_usize);
    let sizes = (4..=9_usize, channels(), channels(), 4..=11_usize, 4..=19_usize);
    (sizes, [padding(), padding()], 0..=2_usize, 0.0..1.0).prop_map(
        |((images, inputs, outputs, rows, columns), padding, after, seed)| {
            let mut geometry = Geometry::new(3);
            geometry.padding = padding;
            let shapes = [vec![images, inputs, rows, columns], vec![outputs, inputs, 3, 3], vec![outputs]];
            Case { shapes, geometry, after, seed }
        },
    )
}

impl Case {
    fn operands<F: Real>(&self) -> [ArrayD<F>; 3] {
        let mut number = self.seed;
        self.shapes.each_ref().map(|shape| {
            ArrayD::from_shape_simple_fn(IxDyn(shape), || {
                number = (number * 1.618_033_988_75 + 0.1).fract();
                F::from_f64(number - 0.5)
            })
        })
    }

    /// The result, the gradients of all operands, and on which side of every kink the result lies.
    fn run<F: Real>(&self, operands: &[ArrayD<F>; 3], images: std::ops::Range<usize>) -> Vec<ArrayD<F>> {
        let [x, weight, bias] = operands;
        let x = x.slice_axis(Axis(0), images.clone().into()).to_owned();
        let tape = Tape::recording();
        let operands = [x, weight.clone(), bias.clone()].map(|x| tape.variable(x));
        let [x, weight, bias] = &operands;
        let y = match self.after {
            0 => conv(x, weight, Some(bias), &self.geometry, 1),
            1 => conv_relu(x, weight, Some(bias), &self.geometry, 1),
            _ => {
                let pool = Geometry::new(2).stride(2);
                conv_relu_max_pool(x, weight, Some(bias), &self.geometry, 1, &pool)
            }
        };
        let y = y.unwrap();
        let dy = ArrayD::from_shape_fn(IxDyn(y.shape()), |at| {
            F::from_f64(f64::sin((at[0] + images.start + 3 * at[1] + 5 * at[2] + 7 * at[3]) as f64))
        });
        let value = (***y.value()).to_owned();
        let gradients = y.backward_with(dy).unwrap();
        let of = |x: &Var<F>| (***gradients.get(x).unwrap()).to_owned();
        [value].into_iter().chain(operands.iter().map(of)).collect()
    }

    /// As [`run`](Self::run), image by image.
    fn one_by_one<F: Real>(&self, operands: &[ArrayD<F>; 3]) -> Vec<ArrayD<F>> {
        let each: Vec<_> = (0..self.shapes[0][0]).map(|image| self.run(operands, image..image + 1)).collect();
        (0..4)
            .map(|number| {
                let parts: Vec<_> = each.iter().map(|results| results[number].view()).collect();
                if number < 2 {
                    return gradus_conv::ndarray::concatenate(Axis(0), &parts).unwrap();
                }
                let mut sum = parts[0].to_owned();
                parts[1..].iter().for_each(|part| sum += part);
                sum
            })
            .collect()
    }
}

const NAMES: [&str; 4] = ["y", "dx", "dw", "db"];

proptest! {
    #![proptest_config(gradus_testing::proptest_cases(24))]

    #[test]
    fn fewer_multiplications_make_the_same_numbers(case in cases()) {
        let operands = case.operands::<f64>();
        let all = case.run(&operands, 0..case.shapes[0][0]);
        for ((all, one_by_one), name) in all.iter().zip(&case.one_by_one(&operands)).zip(NAMES) {
            close(all, one_by_one, Tolerance::F64, name).unwrap();
        }
    }

    #[test]
    fn fewer_multiplications_round_no_worse(mut case in cases()) {
        case.after = 0; // a sum near a kink may fall to either side of it
        let operands = case.operands::<f32>();
        let all = case.run(&operands, 0..case.shapes[0][0]);
        for ((all, one_by_one), name) in all.iter().zip(&case.one_by_one(&operands)).zip(NAMES) {
            close(all, one_by_one, Tolerance::F32, name).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(gradus_testing::proptest_cases(12))]

    #[test]
    fn the_number_of_threads_makes_no_difference(case in cases()) {
        let operands = case.operands::<f32>();
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a small pool");
            pool.install(|| case.run(&operands, 0..case.shapes[0][0]))
        };
        let alone = on(1);
        for threads in [2, 3] {
            prop_assert_eq!(&on(threads), &alone);
        }
    }
}
