//! The layers as a user meets them: names, errors, ties, images in one product and by themselves.

use gradus_conv::ndarray::{Array4, ArrayD, ArrayRef, Axis, IxDyn, array};
use gradus_conv::{Conv1d, Conv2d, Conv3d, Error, Geometry, Layer, MaxPool2d, Module, Tape, Var, conv, max_pool};
use gradus_testing::{Tolerance, assert_close};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

fn rng() -> StdRng {
    StdRng::seed_from_u64(3)
}

fn random(shape: &[usize], rng: &mut StdRng) -> ArrayD<f64> {
    ArrayD::from_shape_simple_fn(shape, || rng.random::<f64>() - 0.5)
}

fn message(layer: &impl Layer, shape: &[usize]) -> String {
    layer.forward(&Tape::inference().input(ArrayD::zeros(shape))).expect_err("the layer should refuse").to_string()
}

#[test]
fn parameters_have_pytorchs_names_and_shapes() {
    let layer: Conv2d = Conv2d::new(3, 8, (5, 3), &mut rng());
    let shapes: Vec<_> = layer.parameters().into_iter().map(|(name, p)| (name, p.shape().to_vec())).collect();
    assert_eq!(shapes, [("weight".to_owned(), vec![8, 3, 5, 3]), ("bias".to_owned(), vec![8])]);
    let bound = 1.0 / 45_f32.sqrt();
    assert!(layer.parameters().iter().all(|(_, p)| p.value().iter().all(|w| w.abs() <= bound)));
    assert!(layer.parameters().iter().any(|(_, p)| p.value().iter().any(|w| w.abs() > 0.9 * bound)));
    assert_eq!(layer.without_bias().count_parameters(), 360);
}

#[test]
fn every_rank_is_a_layer() {
    let tape = Tape::<f32>::inference();
    let forward =
        |layer: &dyn Layer, shape: &[usize]| layer.forward(&tape.input(ArrayD::zeros(shape))).unwrap().shape().to_vec();
    assert_eq!(forward(&Conv1d::new(2, 4, 3, &mut rng()), &[5, 2, 9]), [5, 4, 7]);
    assert_eq!(forward(&Conv2d::new(2, 4, 3, &mut rng()).padding(1), &[5, 2, 9, 8]), [5, 4, 9, 8]);
    assert_eq!(forward(&Conv3d::new(2, 4, (1, 2, 3), &mut rng()), &[5, 2, 9, 8, 7]), [5, 4, 9, 7, 5]);
}

#[test]
fn a_convolution_by_hand() {
    let tape = Tape::<f64>::recording();
    let x = tape.variable(array![[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]]]);
    let weight = tape.variable(array![[[[1.0, 0.0], [0.0, -1.0]]]]);
    let bias = tape.variable(array![10.0]);
    let y = conv(&x, &weight, Some(&bias), &Geometry::<2>::new(2), 1).unwrap();
    assert_eq!(y.value(), &array![[[[6.0, 6.0], [6.0, 6.0]]]]); // 1 − 5 + 10, 2 − 6 + 10, …
    let gradients = y.backward_with(array![[[[1.0, 0.0], [0.0, 2.0]]]].into_dyn()).unwrap();
    assert_eq!(gradients.get(&x).unwrap(), &array![[[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, -2.0]]]]);
    assert_eq!(gradients.get(&weight).unwrap(), &array![[[[11.0, 14.0], [20.0, 23.0]]]]); // 1 + 2 · 5, 2 + 2 · 6, …
    assert_eq!(gradients.get(&bias).unwrap(), &array![3.0]);
}

/// Images that share a product must not see each other, and neither must those of which too few are left for a full one.
#[test]
fn a_batch_is_its_images_one_by_one() {
    let mut rng = rng();
    for (size, padding) in [(4, 1), (9, 0), (30, 1)] {
        let x = random(&[131, 2, size, size], &mut rng);
        let (w, b) = (random(&[3, 2, 3, 3], &mut rng), random(&[3], &mut rng));
        let geometry = Geometry::<2>::new(3).padding(padding);
        let run = |x: ArrayD<f64>| {
            let tape = Tape::recording();
            let operands = [x, w.clone(), b.clone()].map(|x| tape.variable(x));
            let y = conv(&operands[0], &operands[1], Some(&operands[2]), &geometry, 1).unwrap();
            let value = y.value().clone();
            let gradients = y.square().sum().backward().unwrap();
            let gradient = |v: &Var<f64>| gradients.get(v).unwrap().clone();
            (value, operands.each_ref().map(gradient))
        };
        let (y, [dx, dw, db]) = run(x.clone());
        let (mut dw_sum, mut db_sum) = (ArrayD::<f64>::zeros(dw.shape()), ArrayD::<f64>::zeros(db.shape()));
        for image in 0..131 {
            let one = |x: &ArrayRef<f64, IxDyn>| x.select(Axis(0), &[image]);
            let (y_one, [dx_one, dw_one, db_one]) = run(one(&x));
            assert_close(&one(&y), &**y_one, Tolerance::F64, "y");
            assert_close(&one(&dx), &**dx_one, Tolerance::F64, "dx");
            dw_sum.zip_mut_with(&dw_one, |sum, dw| *sum += dw);
            db_sum.zip_mut_with(&db_one, |sum, db| *sum += db);
        }
        assert_close(&**dw, &dw_sum, Tolerance::F64, "dw");
        assert_close(&**db, &db_sum, Tolerance::F64, "db");
    }
}

#[test]
fn a_batch_of_none_has_a_gradient_of_zero() {
    let tape = Tape::<f64>::recording();
    let (x, w) = (tape.variable(Array4::zeros((0, 2, 5, 5))), tape.variable(Array4::ones((3, 2, 3, 3))));
    let y = conv(&x, &w, None, &Geometry::<2>::new(3), 1).unwrap();
    assert_eq!(y.shape(), [0, 3, 3, 3]);
    assert_eq!(y.sum().backward().unwrap().get(&w).unwrap(), &Array4::zeros((3, 2, 3, 3)));
}

#[test]
fn ties_go_to_the_first_and_nan_is_passed_on() {
    let tape = Tape::<f64>::recording();
    let (nan, low) = (f64::NAN, f64::NEG_INFINITY);
    let x =
        tape.variable(array![[[[7.0, 7.0, 1.0, nan, low, low, 1.0, 5.0], [7.0, 7.0, 2.0, 9.0, low, low, 5.0, 1.0]]]]);
    let y = max_pool(&x, &Geometry::<2>::new(2).stride(2)).unwrap();
    let values: Vec<f64> = y.value().iter().copied().collect();
    assert_eq!((values[0], values[2], values[3]), (7.0, low, 5.0));
    assert!(values[1].is_nan());
    let gradients = y.backward_with(array![[[[1.0, 2.0, 3.0, 4.0]]]].into_dyn()).unwrap();
    let expected = array![[[[1.0, 0.0, 0.0, 2.0, 3.0, 0.0, 0.0, 4.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]]];
    assert_eq!(gradients.get(&x).unwrap(), &expected);
}

#[test]
fn bad_settings_and_shapes_show_the_arithmetic() {
    let layer = || -> Conv2d { Conv2d::new(3, 8, 3, &mut rng()) };
    let shape = [2, 3, 8, 8];
    assert_eq!(
        message(&layer().stride((1, 0)), &shape),
        "conv2d: stride = [1, 0]: 0 is no stride; at least 1 would fit"
    );
    assert_eq!(
        message(&layer().dilation(0), &shape),
        "conv2d: dilation = [0, 0]: 0 is no dilation; at least 1 would fit"
    );
    let empty: Conv2d = Conv2d::new(3, 8, 0, &mut rng());
    assert_eq!(message(&empty, &shape), "conv2d: kernel_size = [0, 0]: 0 is no kernel_size; at least 1 would fit");
    assert_eq!(
        message(&layer().padding(1).dilation(5), &[2, 3, 9, 8]),
        "conv2d: axis 1: the kernel spans dilation · (kernel − 1) + 1 = 5 · (3 − 1) + 1 = 11, the padded input 1 + 8 + 1 = 10: \
         11 > 10; it lacks 1 of padding, or of size"
    );
    assert_eq!(
        message(&layer(), &[3, 8, 8]),
        "conv2d: input [3, 8, 8] has 3 axes; it needs 4, (N, C, …): batch, channels, and 2 in space"
    );
    assert_eq!(
        message(&layer(), &[2, 4, 8, 8]),
        "conv2d: input [2, 4, 8, 8], weight [8, 3, 3, 3]: the input has 4 channels, the weight takes groups · 3 = 1 · 3 = 3"
    );
    assert_eq!(
        layer().groups(3, &mut rng()).unwrap_err().to_string(),
        "conv2d: 8 output channels in 3 groups: 8 = 3 · 2 + 2; a multiple of 3 would fit"
    );
    assert!(matches!(layer().groups(0, &mut rng()), Err(Error::Zero { name: "groups", .. })));
    assert_eq!(
        message(&MaxPool2d::new(2).padding((1, 2)), &shape),
        "max_pool2d: axis 1: padding 2 and 2 beside a window that spans 2: at most half of it, 1, would fit"
    );
    assert!(message(&MaxPool2d::new(2).padding(1).dilation(3), &[2, 3, 2, 2]).contains("misses all 2 of the input"));
    assert!(message(&MaxPool2d::new(2), &[2, 3, 0, 8]).contains("axis 0"));
    assert!(message(&layer().padding(usize::MAX), &shape).contains("more than memory can hold"));
    assert!(message(&layer().padding(usize::MAX / 8), &shape).contains("more than memory can hold"));
}

#[test]
fn parameters_that_do_not_fit_are_refused() {
    let refused = |weight: &[usize], bias: Option<usize>, groups| {
        let bias = bias.map(|n| ArrayD::zeros(vec![n]).into());
        Conv2d::<f32>::from_parts(ArrayD::zeros(weight), bias, groups).unwrap_err().to_string()
    };
    assert!(refused(&[8, 3, 3], None, 1).starts_with("conv2d: weight [8, 3, 3]: it needs 4 axes"));
    assert!(refused(&[8, 3, 3, 3], Some(7), 1).ends_with("the weight has 8 output channels; [8] would fit"));
    assert!(refused(&[8, 3, 3, 3], None, 3).starts_with("conv2d: 8 output channels in 3 groups"));
    let mut layer: Conv2d = Conv2d::new(3, 8, 3, &mut rng());
    layer.geometry.kernel_size = [3, 4];
    assert!(message(&layer, &[2, 3, 8, 8]).contains("the kernel is of size [3, 4]"));
    layer.geometry.kernel_size = [3, 3];
    layer.groups = 2;
    assert_eq!(layer.in_channels(), 6);
    assert!(message(&layer, &[2, 3, 8, 8]).starts_with("conv2d: 3 input channels in 2 groups"));
}

#[test]
fn variables_of_different_tapes_are_refused() {
    let (one, other) = (Tape::<f64>::recording(), Tape::<f64>::recording());
    let (x, w) = (one.variable(Array4::zeros((1, 1, 3, 3))), other.variable(Array4::zeros((1, 1, 3, 3))));
    let error = conv(&x, &w, None, &Geometry::<2>::new(3), 1).unwrap_err();
    assert!(matches!(error, Error::Autograd(gradus_autograd::Error::ForeignVar { operation: "conv2d" })));
}

/// In a second step every large buffer is found again, so that the memory in use does not grow.
#[test]
fn values_of_a_step_are_where_those_of_the_step_before_were() {
    let layer: Conv2d = Conv2d::new(2, 4, 3, &mut rng()).padding(1);
    let x = Tape::<f32>::inference().input(Array4::ones((8, 2, 20, 20))).value().clone();
    let step = || {
        let y = layer.forward(&Tape::recording().variable(x.clone())).unwrap();
        let place = y.value().as_ptr();
        drop(y.square().sum().backward().unwrap());
        place
    };
    step();
    assert_eq!(step(), step());
}
