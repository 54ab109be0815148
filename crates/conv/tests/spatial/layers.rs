//! The layers as a user meets them: settings, names, descriptions, empty batches.

use gradus_conv::ndarray::{ArrayD, IxDyn, array};
use gradus_conv::{
    Conv1d, Conv2d, Conv3d, Fold, Geometry, Interpolation, Layer, Module, Pad2d, Padding, PaddingMode, PixelShuffle,
    PixelUnshuffle, Result, Tape, Target, Unfold, Upsample1d, Upsample2d, Upsample3d, Var, fold, pad, pixel_shuffle,
    pixel_unshuffle, unfold, upsample,
};
use gradus_nn_layers::{Description, Sequential, summary};
use rand::SeedableRng;
use rand::rngs::StdRng;

fn rng() -> StdRng {
    StdRng::seed_from_u64(5)
}

fn zeros(shape: &[usize]) -> ArrayD<f32> {
    ArrayD::zeros(IxDyn(shape))
}

#[test]
fn padding_can_be_said_in_every_way() {
    let layer = || -> Conv2d { Conv2d::new(1, 1, (3, 4), &mut rng()) };
    assert_eq!(layer().padding(2).geometry.padding, [(2, 2), (2, 2)]);
    assert_eq!(layer().padding((1, 2)).geometry.padding, [(1, 1), (2, 2)]);
    assert_eq!(layer().padding([1, 2]).geometry.padding, [(1, 1), (2, 2)]);
    assert_eq!(layer().padding([(0, 1), (2, 3)]).geometry.padding, [(0, 1), (2, 3)]);
    assert_eq!(layer().padding(2).padding(Padding::Valid).geometry.padding, [(0, 0), (0, 0)]);
    assert_eq!(layer().padding(Padding::Same).geometry.padding, [(1, 1), (1, 2)]);
    // The same padding follows the dilation, whichever comes first, until another is set.
    assert_eq!(layer().padding(Padding::Same).dilation(2).geometry.padding, [(2, 2), (3, 3)]);
    assert_eq!(layer().dilation(2).padding(Padding::Same).geometry.padding, [(2, 2), (3, 3)]);
    assert_eq!(layer().padding(Padding::Same).padding(1).dilation(2).stride(2).geometry.padding, [(1, 1), (1, 1)]);
    let volume: Conv3d = Conv3d::new(1, 1, 3, &mut rng()).padding((0, 1, 2));
    assert_eq!(volume.geometry.padding, [(0, 0), (1, 1), (2, 2)]);
}

/// The names and shapes of the state dict do not depend on the padding.
#[test]
fn settings_are_no_parameters() {
    let layer: Conv1d = Conv1d::new(2, 3, 5, &mut rng()).padding(Padding::Same).padding_mode(PaddingMode::Circular);
    let shapes: Vec<_> = layer.parameters().into_iter().map(|(name, p)| (name, p.shape().to_vec())).collect();
    assert_eq!(shapes, [("weight".to_owned(), vec![3, 2, 5]), ("bias".to_owned(), vec![3])]);
    let layers: [&dyn Layer; 4] = [
        &Upsample2d::by(2.0),
        &PixelShuffle::new(2),
        &Pad2d::new([(1, 1); 2], PaddingMode::Zeros),
        &Unfold { geometry: Geometry::<2>::new(2) },
    ];
    assert!(layers.iter().all(|layer| layer.count_parameters() == 0));
}

/// What a layer says of itself is what it does; groups and padding count.
#[test]
fn descriptions_agree_with_what_is_done() {
    let described = |layer: &dyn Layer, shape: &[usize]| -> Description {
        let description = layer.describe(shape).unwrap();
        let y = layer.forward(&Tape::inference().input(zeros(shape))).unwrap();
        assert_eq!(description.output, y.shape(), "{description:?}");
        assert!(!description.dry_run);
        description
    };
    let conv: Conv2d =
        Conv2d::new(4, 6, 3, &mut rng()).stride(2).padding([(1, 0), (2, 1)]).groups(2, &mut rng()).unwrap();
    let found = described(&conv, &[5, 4, 8, 7]);
    assert_eq!((found.kind.as_str(), found.output.as_slice()), ("Conv2d", &[5, 6, 4, 4][..]));
    assert_eq!((found.parameters, found.multiply_adds), (6 * 2 * 9 + 6, Some(5 * 6 * 16 * 2 * 9)));
    assert_eq!(found.activation_bytes, 5 * 6 * 16 * 4);
    // A mode other than zeros makes a padded copy.
    let found = described(&conv.padding_mode(PaddingMode::Reflect), &[5, 4, 8, 7]);
    assert_eq!(found.activation_bytes, (5 * 6 * 16 + 5 * 4 * 9 * 10) * 4);

    let found = described(&Upsample2d::by(2.0), &[1, 3, 4, 5]);
    assert_eq!((found.kind.as_str(), found.multiply_adds), ("Upsample2d", Some(0)));
    let found = described(&Upsample2d::by(2.0).linear(), &[1, 3, 4, 5]);
    assert_eq!(found.multiply_adds, Some(3 * 2 * (4 * 10 + 8 * 10))); // along the last axis, then along the first
    let found = described(&Upsample1d::to(3).cubic().align_corners(), &[2, 3, 5]);
    assert_eq!(found.multiply_adds, Some(2 * 3 * 3 * 4));
    let found = described(&Upsample3d::to((3, 4, 5)).linear(), &[2, 3, 3, 4, 5]);
    assert_eq!(found.multiply_adds, Some(0)); // the same size
    described(&Pad2d::new([(1, 2), (0, 3)], PaddingMode::Replicate), &[2, 3, 4, 5]);
    described(&PixelShuffle::new(2), &[2, 8, 3, 4]);
    described(&PixelUnshuffle::new(2), &[2, 8, 4, 6]);
    let found = described(&Unfold { geometry: Geometry::<2>::new(3).padding(1) }, &[2, 3, 4, 5]);
    assert_eq!(found.activation_bytes, 9 * 2 * 3 * 20 * 4);
    described(&Fold { output_size: [4, 5], geometry: Geometry::<2>::new(3).padding(1) }, &[2, 27, 20]);
}

#[test]
fn a_summary_lists_them() {
    let mut rng = rng();
    let model: Sequential = Sequential::new()
        .push(Conv2d::new(3, 8, 3, &mut rng).padding(Padding::Same))
        .push(PixelShuffle::new(2))
        .push(Upsample2d::to((9, 9)).linear());
    let summary = summary(&model, &[4, 3, 6, 6]).unwrap();
    let kinds: Vec<_> = summary.rows.iter().map(|row| row.description.kind.as_str()).collect();
    assert_eq!(kinds, ["Conv2d", "PixelShuffle", "Upsample2d"]);
    assert_eq!(summary.total.output, [4, 2, 9, 9]);
    assert!(!summary.total.dry_run);
}

/// `describe` refuses what `forward` refuses.
#[test]
fn descriptions_refuse_what_does_not_fit() {
    let refused = |layer: &dyn Layer, shape: &[usize]| {
        let said = layer.describe(shape).expect_err("the layer should refuse").to_string();
        let done = layer.forward(&Tape::inference().input(zeros(shape))).expect_err("the layer should refuse");
        assert_eq!(said, done.to_string());
    };
    let conv = || -> Conv2d { Conv2d::new(3, 4, 3, &mut rng()) };
    refused(&conv(), &[2, 4, 5, 5]);
    refused(&conv(), &[2, 3, 5]);
    refused(&conv(), &[2, 3, 2, 5]);
    refused(&conv().padding(Padding::Same).stride(2), &[2, 3, 5, 5]);
    refused(&conv().padding(5).padding_mode(PaddingMode::Reflect), &[2, 3, 5, 5]);
    refused(&Upsample2d::by(0.0), &[2, 3, 5, 5]);
    refused(&PixelShuffle::new(2), &[2, 3, 5, 5]);
    refused(&PixelUnshuffle::new(2), &[2, 3, 5, 5]);
    refused(&Unfold { geometry: Geometry::<2>::new(6) }, &[2, 3, 5, 5]);
    refused(&Fold { output_size: [4, 5], geometry: Geometry::<2>::new(3) }, &[2, 9, 5]);
}

#[test]
fn a_batch_of_none_comes_back_as_none() {
    let window = Geometry::<2>::new(2);
    let far = 1 << 56; // nothing of that length is listed
    let linear = Interpolation::Linear { align_corners: true };
    type Operation<'a> = &'a dyn Fn(&Var) -> Result<Var>;
    let operations: [Operation<'_>; 7] = [
        &|x| pad(x, [(1, 1), (2, 0)], PaddingMode::Circular),
        &|x| pad(x, [(far, 0), (0, 0)], PaddingMode::Zeros),
        &|x| upsample(x, Target::size((far, 1)), linear),
        &|x| pixel_shuffle(x, 2),
        &|x| pixel_unshuffle(&pad(x, [(1, 0), (0, 1)], PaddingMode::Replicate)?, 2),
        &|x| unfold(x, &window),
        &|x| fold(&unfold(x, &window)?, [3, 5], &window),
    ];
    for operation in operations {
        let x = Tape::recording().variable(zeros(&[0, 4, 3, 5]));
        let y = operation(&x).unwrap();
        assert!(y.value().is_empty());
        assert_eq!(y.sum().backward().unwrap().get(&x).unwrap().shape(), [0, 4, 3, 5]);
    }
    // An axis without numbers becomes one of zeros.
    let y = pad(&Tape::inference().input(zeros(&[1, 1, 0])), [(1, 2)], PaddingMode::Zeros).unwrap();
    assert_eq!(y.value(), &array![[[0.0_f32, 0.0, 0.0]]]);
}

/// Copies are copies: not a number stays one, and does not spread.
#[test]
fn not_a_number_stays_where_it_is() {
    let x = Tape::<f64>::inference().input(array![[[f64::NAN, 1.0, f64::INFINITY]]]);
    let y = pad(&x, [(1, 1)], PaddingMode::Zeros).unwrap();
    assert_eq!((y.value()[[0, 0, 0]], y.value()[[0, 0, 2]], y.value()[[0, 0, 4]]), (0.0, 1.0, 0.0));
    let y = upsample(&x, Target::<1>::factor(2.0), Interpolation::Nearest).unwrap();
    let values: Vec<f64> = y.value().iter().copied().collect();
    assert!(values[0].is_nan() && values[1].is_nan());
    assert_eq!(values[2..], [1.0, 1.0, f64::INFINITY, f64::INFINITY]);
}

#[test]
fn whole_factors_repeat_each_number_as_often() {
    // 49 · (1/49) is less than 1 in floating point.
    let x = Tape::<f64>::inference().input(ArrayD::from_shape_fn(IxDyn(&[1, 1, 50]), |index| index[2] as f64));
    let y = upsample(&x, Target::<1>::factor(49.0), Interpolation::Nearest).unwrap();
    assert!(y.value().iter().enumerate().all(|(o, &y)| y == (o / 49) as f64));
}
