//! The layer as a user meets it.

use gradus_conv::ndarray::{Array4, ArrayD, array};
use gradus_conv::{
    ConvTranspose1d, ConvTranspose2d, ConvTranspose3d, Error, Geometry, Layer, Module, Tape, Var, conv_transpose,
};
use gradus_nn_layers::summary;
use gradus_testing::refuses;
use rand::SeedableRng;
use rand::rngs::StdRng;

fn rng() -> StdRng {
    StdRng::seed_from_u64(3)
}

fn layer() -> ConvTranspose2d {
    ConvTranspose2d::new(4, 6, 3, &mut rng())
}

/// What the operation itself says of an input of zeros.
fn apply(layer: &ConvTranspose2d, shape: &[usize]) -> Result<Var, Error> {
    let tape = Tape::inference();
    let (weight, bias) = (tape.parameter(&layer.weight), layer.bias.as_ref().map(|bias| tape.parameter(bias)));
    let x = tape.input(ArrayD::zeros(shape));
    conv_transpose(&x, &weight, bias.as_ref(), &layer.geometry, layer.output_padding, layer.groups)
}

#[test]
fn parameters_have_pytorchs_names_shapes_and_bounds() {
    let layer: ConvTranspose2d = ConvTranspose2d::new(4, 6, (5, 3), &mut rng()).groups(2, &mut rng()).unwrap();
    let shapes: Vec<_> = layer.parameters().into_iter().map(|(name, p)| (name, p.shape().to_vec())).collect();
    assert_eq!(shapes, [("weight".to_owned(), vec![4, 3, 5, 3]), ("bias".to_owned(), vec![6])]);
    assert_eq!((layer.in_channels(), layer.out_channels(), layer.groups), (4, 6, 2));
    // PyTorch's fan-in is the second axis of the weight times its kernel.
    let bound = 1.0 / 45_f32.sqrt();
    assert!(layer.parameters().iter().all(|(_, p)| p.value().iter().all(|w| w.abs() <= bound)));
    assert!(layer.weight.value().iter().any(|w| w.abs() > 0.9 * bound));
    assert_eq!(layer.without_bias().count_parameters(), 180);
}

#[test]
fn every_rank_is_a_layer_and_says_what_it_does() {
    fn check(layer: &dyn Layer, input: &[usize], output: &[usize], kind: &str, multiply_adds: u64) {
        let x = Tape::inference().input(ArrayD::zeros(input));
        assert_eq!(layer.forward(&x).unwrap().shape(), output);
        let description = layer.describe(input).unwrap();
        assert_eq!((description.kind.as_str(), &description.output[..]), (kind, output));
        assert_eq!((description.multiply_adds, description.dry_run), (Some(multiply_adds), false));
    }
    let one = ConvTranspose1d::new(2, 4, 3, &mut rng()).stride(2).padding(1).output_padding(1);
    check(&one, &[5, 2, 9], &[5, 4, 18], "ConvTranspose1d", 5 * 2 * 9 * 4 * 3);
    let two = ConvTranspose2d::new(2, 4, (3, 2), &mut rng()).groups(2, &mut rng()).unwrap();
    check(&two, &[5, 2, 9, 8], &[5, 4, 11, 9], "ConvTranspose2d", 5 * 2 * 72 * 2 * 6);
    let three = ConvTranspose3d::new(2, 4, (1, 2, 3), &mut rng()).dilation(2).without_bias();
    check(&three, &[1, 2, 3, 2, 1], &[1, 4, 3, 4, 5], "ConvTranspose3d", 2 * 6 * 4 * 6);
    let summary = summary(&layer(), &[1, 4, 8, 8]).unwrap();
    assert_eq!((summary.total.parameters, summary.total.multiply_adds), (4 * 6 * 9 + 6, Some(4 * 64 * 6 * 9)));
    assert!(layer().describe(&[1, 3, 8, 8]).is_err());
}

#[test]
fn a_transposed_convolution_by_hand() {
    let tape = Tape::<f64>::recording();
    let x = tape.variable(array![[[[1.0, 2.0]]]]);
    let weight = tape.variable(array![[[[1.0, 10.0], [100.0, 1000.0]]]]);
    let bias = tape.variable(array![0.5]);
    let y = conv_transpose(&x, &weight, Some(&bias), &Geometry::<2>::new(2), 0, 1).unwrap();
    assert_eq!(y.value(), &array![[[[1.5, 12.5, 20.5], [100.5, 1200.5, 2000.5]]]]);
    let gradients = y.backward_with(array![[[[1.0, 0.0, 0.0], [0.0, 0.0, 2.0]]]].into_dyn()).unwrap();
    assert_eq!(gradients.get(&x).unwrap(), &array![[[[1.0, 2000.0]]]]);
    assert_eq!(gradients.get(&weight).unwrap(), &array![[[[1.0, 0.0], [0.0, 4.0]]]]);
    assert_eq!(gradients.get(&bias).unwrap(), &array![3.0]);
}

#[test]
fn an_output_padding_is_bias_alone_where_no_kernel_reaches() {
    let tape = Tape::<f64>::recording();
    let [x, weight, bias] = [array![[[3.0]]], array![[[2.0]]], array![[[7.0]]]].map(|array| tape.variable(array));
    let bias = bias.reshape(&[1]).unwrap();
    let wide = Geometry::<1>::new(1).stride(3);
    let y = conv_transpose(&x, &weight, Some(&bias), &wide, 2, 1).unwrap();
    assert_eq!(y.value(), &array![[[13.0, 7.0, 7.0]]]);
    // Allowed by the dilation, which a kernel of 1 has no use for.
    let y = conv_transpose(&x, &weight, Some(&bias), &Geometry::<1>::new(1).dilation(3), 2, 1).unwrap();
    assert_eq!(y.value(), &array![[[13.0, 7.0, 7.0]]]);
    assert_eq!(y.sum().backward().unwrap().get(&x).unwrap(), &array![[[2.0]]]);
}

#[test]
fn a_batch_of_none_and_channels_of_none() {
    let tape = Tape::<f64>::recording();
    let (x, w) = (tape.variable(Array4::zeros((0, 2, 5, 5))), tape.variable(Array4::ones((2, 3, 3, 3))));
    let y = conv_transpose(&x, &w, None, &Geometry::<2>::new(3), 0, 1).unwrap();
    assert_eq!(y.shape(), [0, 3, 7, 7]);
    assert_eq!(y.sum().backward().unwrap().get(&w).unwrap(), &Array4::zeros((2, 3, 3, 3)));
    let tape = Tape::<f64>::recording();
    let (x, w) = (tape.variable(Array4::zeros((2, 0, 5, 5))), tape.variable(Array4::ones((0, 3, 3, 3))));
    let b = tape.variable(array![1.0, 2.0, 3.0]);
    let y = conv_transpose(&x, &w, Some(&b), &Geometry::<2>::new(3), 0, 1).unwrap();
    assert_eq!((y.shape(), y.value()[[1, 2, 6, 6]]), (&[2, 3, 7, 7][..], 3.0));
    assert_eq!(y.sum().backward().unwrap().get(&b).unwrap(), &array![98.0, 98.0, 98.0]);
}

#[test]
fn bad_settings_and_shapes_show_the_arithmetic() {
    let shape = [2, 4, 5, 5];
    refuses!(
        apply(&layer().stride(2).output_padding((0, 2)), &shape), Error::OutputPadding { .. },
        @"conv_transpose2d: axis 1: output padding 2 beside stride 2 and dilation 1: 2 ≥ max(2, 1); at most 1 would fit"
    );
    refuses!(
        layer().dilation(3).output_padding(3).validate(), Error::OutputPadding { .. },
        @"conv_transpose2d: axis 0: output padding 3 beside stride 1 and dilation 3: 3 ≥ max(1, 3); at most 2 would fit"
    );
    refuses!(
        apply(&layer().stride(2).padding((1, 4)), &[2, 4, 5, 2]), Error::NothingLeft { .. },
        @"conv_transpose2d: axis 1: (size − 1) · stride − before − after + dilation · (kernel − 1) + 1 + output_padding = (2 − 1) · 2 − 4 − 4 + 1 · (3 − 1) + 1 + 0 = -3: nothing is left; 4 less of padding would fit"
    );
    refuses!(
        apply(&layer(), &[2, 4, 0, 5]), Error::Zero { .. },
        @"conv_transpose2d: size = [0, 5]: 0 is no size; at least 1 would fit"
    );
    refuses!(
        apply(&layer().stride((0, 1)), &shape), Error::Zero { .. },
        @"conv_transpose2d: stride = [0, 1]: 0 is no stride; at least 1 would fit"
    );
    refuses!(
        apply(&layer(), &[2, 4, 5]), Error::Rank { .. },
        @"conv_transpose2d: input [2, 4, 5] has 3 axes; it needs 4, (N, C, …): batch, channels, and 2 in space"
    );
    refuses!(
        apply(&layer(), &[2, 3, 5, 5]), Error::Parameter { .. },
        @"conv_transpose2d: weight [4, 6, 3, 3]: it takes 4 channels, the input [2, 3, 5, 5] has 3; (3, …) would fit"
    );
    refuses!(
        layer().groups(4, &mut rng()), Error::Groups { .. },
        @"conv_transpose2d: 6 output channels in 4 groups: 6 = 4 · 1 + 2; a multiple of 4 would fit"
    );
    refuses!(
        layer().groups(0, &mut rng()), Error::Zero { .. },
        @"conv_transpose2d: groups = [0]: 0 is no groups; at least 1 would fit"
    );
    let mut ungrouped = layer();
    ungrouped.groups = 3;
    refuses!(
        apply(&ungrouped, &shape), Error::Groups { .. },
        @"conv_transpose2d: 4 input channels in 3 groups: 4 = 3 · 1 + 1; a multiple of 3 would fit"
    );
}

#[test]
fn sizes_that_overflow_are_refused_before_anything_is_allocated() {
    let shape = [2, 4, 5, 5];
    refuses!(
        apply(&layer().stride(usize::MAX / 2), &shape), Error::TooLarge { .. },
        @"conv_transpose2d: size, stride, kernel, dilation and output padding [5, 9223372036854775807, 3, 1, 0]: more than memory can hold"
    );
    refuses!(
        apply(&layer().dilation(usize::MAX / 64), &shape), Error::TooLarge { .. },
        @"conv_transpose2d: result of shape [2, 6, 576460752303423491, 576460752303423491]: more than memory can hold"
    );
    let point: ConvTranspose2d = ConvTranspose2d::new(4, 1, 1, &mut rng());
    refuses!(
        apply(&point.dilation((1, 1 << 60)).output_padding((0, (1 << 60) - 1)).padding((0, 1 << 59)), &shape), Error::TooLarge { .. },
        @"conv_transpose2d: input with zeros for the output padding, of shape [2, 4, 5, 1152921504606846980]: more than memory can hold"
    );
    assert!(Geometry::<1>::new(1).stride(usize::MAX).transposed_output_size([2], usize::MAX - 1).is_err());
    assert!(Geometry::<1>::new(usize::MAX).dilation(usize::MAX).transposed_output_size([1], 0).is_err());
    assert_eq!(Geometry::<1>::new(usize::MAX).padding(usize::MAX / 2).transposed_output_size([1], 0).unwrap(), [1]);
}

#[test]
fn parameters_that_do_not_fit_are_refused() {
    let from_parts = |weight: &[usize], bias: Option<usize>, groups| {
        let bias = bias.map(|n| ArrayD::zeros(vec![n]).into());
        ConvTranspose2d::<f32>::from_parts(ArrayD::zeros(weight), bias, groups)
    };
    refuses!(
        from_parts(&[8, 3, 3], None, 1), Error::Parameter { .. },
        @"conv_transpose2d: weight [8, 3, 3]: it needs 4 axes, (in_channels, out_channels / groups, …)"
    );
    refuses!(
        from_parts(&[8, 3, 3, 3], Some(3), 2), Error::Parameter { .. },
        @"conv_transpose2d: bias [3]: the weight has 3 · 2 = 6 output channels; [6] would fit"
    );
    let mut layer = layer();
    layer.geometry.kernel_size = [3, 4];
    refuses!(
        layer.validate(), Error::Parameter { .. },
        @"conv_transpose2d: weight [4, 6, 3, 3]: the kernel is of size [3, 4]; the axes after the second would have it"
    );
    layer.geometry.kernel_size = [3, 3];
    layer.groups = usize::MAX;
    assert!(layer.validate().is_err());
}

#[test]
fn variables_of_different_tapes_are_refused() {
    let (one, other) = (Tape::<f64>::recording(), Tape::<f64>::recording());
    let (x, w) = (one.variable(Array4::zeros((1, 1, 3, 3))), other.variable(Array4::zeros((1, 1, 3, 3))));
    let error = conv_transpose(&x, &w, None, &Geometry::<2>::new(3), 0, 1).unwrap_err();
    assert!(matches!(error, Error::Autograd(gradus_autograd::Error::ForeignVar { operation: "conv_transpose2d" })));
}
