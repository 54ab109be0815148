//! A convolution fused with what follows it, against the operations one by one.

use gradus_autograd::gradcheck;
use gradus_conv::ndarray::{ArrayD, IxDyn};
use gradus_conv::{Geometry, Tape, Var, conv, conv_relu, conv_relu_max_pool, max_pool};
use gradus_testing::{Tolerance, close, strategies};
use proptest::prelude::*;

/// Input, weight and bias, the padding, and the window of the pooling.
type Stage = ([ArrayD<f64>; 3], usize, [usize; 2]);

fn stages() -> impl Strategy<Value = Stage> {
    let sizes = (1..=3_usize, 1..=2_usize, 1..=3_usize, 4..=9_usize, 4..=9_usize);
    (sizes, 0..=1_usize, 1..=3_usize, 1..=3_usize).prop_flat_map(
        |((images, inputs, outputs, rows, columns), padding, h, w)| {
            let x = strategies::well_separated(&[images, inputs, rows, columns]);
            let weight = strategies::well_separated(&[outputs, inputs, 3, 2]);
            let operands = (x, weight, strategies::array(&[outputs], -1.0..1.0));
            (operands, Just(padding), Just([h, w]))
                .prop_map(|((x, weight, bias), padding, window)| ([x, weight, bias], padding, window))
        },
    )
}

fn gradients(
    operands: &[ArrayD<f64>],
    stage: impl Fn(&[Var<f64>]) -> gradus_conv::Result<Var<f64>>,
) -> Vec<ArrayD<f64>> {
    let tape = Tape::recording();
    let operands: Vec<_> = operands.iter().map(|x| tape.variable(x.clone())).collect();
    let y = stage(&operands).unwrap();
    let mut i = 0.0;
    let dy = ArrayD::from_shape_simple_fn(IxDyn(y.shape()), || {
        i += 1.0;
        f64::sin(i)
    });
    let values = (***y.value()).to_owned();
    let gradients = y.backward_with(dy).unwrap();
    let of = |x: &Var<f64>| (***gradients.get(x).unwrap()).to_owned();
    [values].into_iter().chain(operands.iter().map(of)).collect()
}

proptest! {
    #![proptest_config(gradus_testing::proptest_cases(1000))]

    #[test]
    fn fused_is_one_by_one((operands, padding, window) in stages()) {
        let geometry = Geometry::<2>::new((3, 2)).padding(padding);
        let pool = Geometry::<2>::new(window).stride(window);
        let plain = |x: &[Var<f64>]| conv(&x[0], &x[1], Some(&x[2]), &geometry, 1);
        let fused = gradients(&operands, |x| conv_relu(&x[0], &x[1], Some(&x[2]), &geometry, 1));
        let apart = gradients(&operands, |x| Ok(plain(x)?.relu()));
        for (fused, apart) in fused.iter().zip(&apart) {
            close(fused, apart, Tolerance::F64, "conv_relu").unwrap();
        }
        if operands[0].shape()[2..].iter().any(|&n| n < 5) {
            return Ok(()); // no window may find room
        }
        let fused = gradients(&operands, |x| conv_relu_max_pool(&x[0], &x[1], Some(&x[2]), &geometry, 1, &pool));
        let apart = gradients(&operands, |x| max_pool(&plain(x)?.relu(), &pool));
        for (fused, apart) in fused.iter().zip(&apart) {
            close(fused, apart, Tolerance::F64, "conv_relu_max_pool").unwrap();
        }
    }

}

proptest! {
    // Two passes for every number.
    #![proptest_config(gradus_testing::proptest_cases(100))]

    #[test]
    fn a_stage_has_the_right_gradients((operands, padding, window) in stages()) {
        let geometry = Geometry::<2>::new((3, 2)).padding(padding);
        let pool = Geometry::<2>::new(window).stride(window);
        let Ok(_) = Geometry::output_size(&pool, geometry.output_size([operands[0].shape()[2], operands[0].shape()[3]]).unwrap()) else {
            return Ok(());
        };
        // Far enough from the kink of ReLU and from ties, as well separated operands mostly are.
        let sums = Tape::inference();
        let [x, weight, bias] = &operands;
        let y = conv(&sums.input(x.clone()), &sums.input(weight.clone()), Some(&sums.input(bias.clone())), &geometry, 1).unwrap();
        let mut numbers: Vec<f64> = y.value().iter().copied().chain([0.0]).collect();
        numbers.sort_by(f64::total_cmp);
        if numbers.windows(2).any(|pair| pair[1] - pair[0] < 2e-4) {
            return Ok(());
        }
        gradcheck(|x| conv_relu_max_pool(&x[0], &x[1], Some(&x[2]), &geometry, 1, &pool), &operands).unwrap();
    }
}

#[test]
fn nan_and_ties_are_as_one_by_one() {
    let identity = ArrayD::from_elem(IxDyn(&[1, 1, 1, 1]), 1.0);
    let x = [[1.0, 1.0, -1.0, f64::NAN, 0.0, -0.0], [1.0, 1.0, -2.0, 3.0, 0.0, 0.0]];
    let x = ArrayD::from_shape_fn(IxDyn(&[1, 1, 2, 6]), |at| x[at[2]][at[3]]);
    let (geometry, pool) = (Geometry::<2>::new(1), Geometry::<2>::new(2).stride(2));
    let tape = Tape::recording();
    let (v, w) = (tape.variable(x), tape.input(identity));
    let fused = conv_relu_max_pool(&v, &w, None, &geometry, 1, &pool).unwrap();
    assert_eq!(fused.value()[[0, 0, 0, 0]], 1.0);
    assert!(fused.value()[[0, 0, 0, 1]].is_nan());
    let gradient = fused.backward_with(ArrayD::ones(IxDyn(&[1, 1, 1, 3]))).unwrap();
    let gradient = gradient.get(&v).unwrap();
    assert_eq!(gradient.iter().copied().collect::<Vec<_>>()[..2], [1.0, 0.0]); // the first of equals
    assert_eq!(gradient.sum(), 1.0); // none of zeros, nor of NaN, which ReLU does not pass on
}
