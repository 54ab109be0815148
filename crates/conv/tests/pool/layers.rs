//! The layers: shapes of every rank, summaries, gradients at kinks, batches of nothing.

use gradus_conv::ndarray::{Array4, ArrayD, array};
use gradus_conv::{
    AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveAvgPool3d, AdaptiveMaxPool1d, AdaptiveMaxPool2d, AdaptiveMaxPool3d,
    AvgPool1d, AvgPool2d, AvgPool3d, Geometry, GlobalAvgPool, GlobalMaxPool, Layer, LpPool1d, LpPool2d, LpPool3d,
    MaxPool1d, MaxPool2d, MaxPool3d, MaxUnpool3d, Tape, lp_pool, max_pool, max_unpool,
};
use gradus_nn_layers::{Sequential, summary};

/// A layer, the shape of its input and of its output, and its multiply–adds.
type Expectation = (Box<dyn Layer>, Vec<usize>, Vec<usize>, u64);

fn layers() -> Vec<Expectation> {
    let (one, two, three) = (vec![2, 3, 9], vec![2, 3, 9, 8], vec![2, 3, 9, 8, 7]);
    let layer = |layer: Box<dyn Layer>, input: &[usize], output: &[usize], terms| {
        (layer, input.to_vec(), [&[2, 3], output].concat(), terms)
    };
    vec![
        layer(Box::new(MaxPool1d::new(2)), &one, &[4], 0),
        layer(Box::new(MaxPool2d::new((2, 3)).ceil_mode()), &two, &[5, 3], 0),
        layer(Box::new(MaxPool3d::new(2).stride(1)), &three, &[8, 7, 6], 0),
        layer(Box::new(AvgPool1d::new(3).padding(1)), &one, &[3], 6 * 8), // 2 + 3 + 3
        layer(Box::new(AvgPool2d::new(2)), &two, &[4, 4], 6 * 64),
        layer(Box::new(AvgPool3d::new(2).ceil_mode()), &three, &[5, 4, 4], 6 * 9 * 8 * 7),
        layer(Box::new(AdaptiveAvgPool1d::new(2)), &one, &[2], 6 * 10), // 0…5 and 4…9
        layer(Box::new(AdaptiveAvgPool2d::new((1, 4))), &two, &[1, 4], 6 * 72),
        layer(Box::new(AdaptiveAvgPool3d::new(1)), &three, &[1, 1, 1], 6 * 9 * 8 * 7),
        layer(Box::new(AdaptiveMaxPool1d::new(20)), &one, &[20], 0),
        layer(Box::new(AdaptiveMaxPool2d::new(3)), &two, &[3, 3], 0),
        layer(Box::new(AdaptiveMaxPool3d::new((2, 3, 7))), &three, &[2, 3, 7], 0),
        layer(Box::new(LpPool1d::new(2.0, 3).stride(2)), &one, &[4], 6 * 12),
        layer(Box::new(LpPool2d::new(1.0, 2)), &two, &[4, 4], 6 * 64),
        layer(Box::new(LpPool3d::new(3.0, 2).ceil_mode()), &three, &[5, 4, 4], 6 * 9 * 8 * 7),
        layer(Box::new(GlobalAvgPool::new(false)), &one, &[], 6 * 9),
        layer(Box::new(GlobalAvgPool::new(true)), &two, &[1, 1], 6 * 72),
        layer(Box::new(GlobalMaxPool::new(false)), &three, &[], 0),
        layer(Box::new(GlobalMaxPool::new(true)), &three, &[1, 1, 1], 0),
    ]
}

#[test]
fn every_layer_makes_and_describes_its_shape() {
    for (layer, input, output, multiply_adds) in layers() {
        let description = layer.describe(&input).unwrap();
        let kind = &description.kind;
        assert_eq!(
            layer.forward(&Tape::inference().input(ArrayD::zeros(&input[..]))).unwrap().shape(),
            output,
            "{kind}"
        );
        assert_eq!(description.output, output, "{kind}");
        assert_eq!((description.parameters, description.dry_run), (0, false), "{kind}");
        assert_eq!(description.multiply_adds, Some(multiply_adds), "{kind}");
        assert_eq!(description.activation_bytes, 4 * output.iter().product::<usize>() as u64, "{kind}");
        assert_eq!(layer.describe(&[0; 9]).unwrap_err().to_string(), {
            let x = Tape::inference().input(ArrayD::zeros(&[0; 9][..]));
            layer.forward(&x).unwrap_err().to_string()
        });
    }
}

#[test]
fn a_summary_shows_them() {
    let model: Sequential = Sequential::new().push(MaxPool2d::new(2)).push(GlobalAvgPool::new(false));
    let summary = summary(&model, &[4, 8, 6, 6]).unwrap();
    assert_eq!(summary.total.output, [4, 8]);
    assert_eq!(summary.total.multiply_adds, Some(4 * 8 * 9));
    let text = summary.to_string();
    assert!(text.contains("MaxPool2d") && text.contains("GlobalAvgPool"), "{text}");
}

#[test]
fn a_batch_of_none_is_pooled_to_none() {
    for (layer, input, output, _) in layers() {
        for (n, c) in [(0, 3), (2, 0)] {
            let tape = Tape::recording();
            let x = tape.variable(ArrayD::zeros([&[n, c], &input[2..]].concat()));
            let y = layer.forward(&x).unwrap();
            assert_eq!(y.shape(), [&[n, c], &output[2..]].concat());
            assert_eq!(y.sum().backward().unwrap().get(&x).unwrap().shape(), x.shape());
        }
    }
}

/// PyTorch's rule: of several NaN in a window, the last one is the maximum.
#[test]
fn the_last_nan_has_the_gradient() {
    let nan = f64::NAN;
    let tape = Tape::recording();
    let x = tape.variable(array![[[[1.0, nan], [nan, 2.0]]]]);
    let y = max_pool(&x, &Geometry::<2>::new(2)).unwrap();
    let gradients = y.backward_with(array![[[[1.0]]]].into_dyn()).unwrap();
    assert_eq!(gradients.get(&x).unwrap(), &array![[[[0.0, 0.0], [1.0, 0.0]]]]);
}

#[test]
fn a_norm_of_zero_has_a_gradient_of_zero() {
    for p in [1.0, 1.5, 2.0, 3.0] {
        let tape = Tape::<f64>::recording();
        let x = tape.variable(array![[[0.0, 0.0, 3.0, 0.0]]]);
        let y = lp_pool(&x, p, &Geometry::<1>::new(2).stride(2)).unwrap();
        let gradients = y.sum().backward().unwrap();
        let other = if p == 1.0 { 1.0 } else { 0.0 };
        let dx: Vec<f64> = gradients.get(&x).unwrap().iter().copied().collect();
        assert_eq!((dx[0], dx[1], dx[3]), (0.0, 0.0, other), "p = {p}");
        assert!((dx[2] - 1.0).abs() < 1e-15, "p = {p}");
    }
}

/// The last number of an index stands, and each gets the gradient.
#[test]
fn unpooling_of_equal_indices() {
    let tape = Tape::<f64>::recording();
    let x = tape.variable(array![[[1.0, 2.0]]]);
    let y = max_unpool(&x, &array![[[1, 1]]], &Geometry::<1>::new(2).stride(1), None).unwrap();
    assert_eq!(y.value(), &array![[[0.0, 2.0, 0.0]]]);
    let gradients = y.backward_with(array![[[5.0, 7.0, 9.0]]].into_dyn()).unwrap();
    assert_eq!(gradients.get(&x).unwrap(), &array![[[7.0, 7.0]]]);
}

#[test]
fn volumes_are_unpooled() {
    let x = Tape::<f32>::inference().input(ArrayD::ones(&[1, 2, 4, 4, 5][..]));
    let (y, indices) = MaxPool3d::new(2).forward_with_indices(&x).unwrap();
    let back = MaxUnpool3d::new(2).forward_to(&y, &indices, (4, 4, 5)).unwrap();
    assert_eq!((back.shape(), back.value().sum()), (&[1, 2, 4, 4, 5][..], 2.0 * 8.0));
    let none = Tape::<f32>::inference().input(Array4::zeros((0, 1, 2, 2)));
    let (y, indices) = MaxPool2d::new(2).forward_with_indices(&none).unwrap();
    assert_eq!(gradus_conv::MaxUnpool2d::new(2).forward(&y, &indices).unwrap().shape(), [0, 1, 2, 2]);
}
