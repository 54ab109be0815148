//! Pictures and maps: what they show, and what they refuse.

use gradus_conv::models::LeNet5;
use gradus_conv::ndarray::{Array1, Array2, Array3, Array4, ArrayD, IxDyn, array};
use gradus_conv::picture::{Panel, Scale, svg};
use gradus_conv::{Conv2d, Geometry, Occlusion, Real, occlusion, saliency};
use gradus_nn_layers::{Apply, Flatten, Linear, Sequential, sequential};
use gradus_testing::{Float, Tolerance, assert_close};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

fn rng() -> StdRng {
    StdRng::seed_from_u64(3)
}

/// Scores of 3 classes for images of 2 channels and 3 × 4 pixels.
fn linear<F: Real>(rng: &mut StdRng) -> (Sequential<F>, Array4<F>) {
    let weight = Array4::from_shape_simple_fn((3, 2, 3, 4), || F::from_f64(rng.random::<f64>() - 0.5));
    let flat = weight.to_shape((3, 24)).expect("24 numbers for each class").to_owned();
    let layer = Linear::from_parts(flat, Some(Array1::ones(3).into())).expect("the bias fits");
    (sequential![Flatten, layer], weight)
}

fn maps_of_a_linear_model_are_its_weights<F: Real + Float>(tolerance: Tolerance) {
    let rng = &mut rng();
    let (model, weight) = linear::<F>(rng);
    let image: Array3<F> = Array3::from_shape_simple_fn((2, 3, 4), || Real::from_f64(rng.random::<f64>()));
    let image64 = |at: (usize, usize, usize)| Real::to_f64(image[at]);
    for class in 0..3 {
        let w = |c: usize, i: usize, j: usize| Real::to_f64(weight[[class, c, i, j]]);
        let slopes = ArrayD::from_shape_fn(IxDyn(&[3, 4]), |at| w(0, at[0], at[1]).abs().max(w(1, at[0], at[1]).abs()));
        assert_close(&saliency(&model, &image, class).expect("a class"), &slopes, tolerance, "saliency");

        // A patch of 3 × 2 that overhangs by 1, in batches that do not divide the places.
        let geometry = Geometry::new((3, 2)).stride((2, 1)).padding((1, 0));
        let how = Occlusion::new(geometry).fill(0.25).batch_size(4);
        let drops = ArrayD::from_shape_fn(IxDyn(&[2, 3]), |place| {
            let mut drop = 0.0;
            for (i, j) in (0..3).flat_map(|i| (0..4).map(move |j| (i, j))) {
                let rows = (2 * place[0]).saturating_sub(1)..2 * place[0] + 2;
                if rows.contains(&i) && (place[1]..place[1] + 2).contains(&j) {
                    drop += (0..2).map(|c| w(c, i, j) * (image64((c, i, j)) - 0.25)).sum::<f64>();
                }
            }
            drop
        });
        assert_close(&occlusion(&model, &image, class, &how).expect("a class"), &drops, tolerance, "occlusion");
    }
}

#[test]
fn maps_of_a_linear_model() {
    maps_of_a_linear_model_are_its_weights::<f64>(Tolerance::F64);
    maps_of_a_linear_model_are_its_weights::<f32>(Tolerance::F32);
}

#[test]
fn a_dilated_patch_has_holes() {
    let linear: Linear<f64> = Linear::from_parts(array![[1.0, 10.0, 100.0, 1000.0]], None).unwrap();
    let model: Sequential<f64> = sequential![Flatten, linear];
    let how = Occlusion::<1>::new(Geometry::new(2).dilation(2));
    let map = occlusion(&model, &Array2::ones((1, 4)), 0, &how).unwrap();
    assert_eq!(map, array![101.0, 1010.0].into_dyn());
}

#[test]
fn maps_are_as_large_as_the_image_in_any_rank() {
    let model = Apply::new(|x| Ok(x.flatten_from(1)?.square()));
    let image = Array4::<f64>::ones((1, 3, 1, 2));
    assert_eq!(saliency(&model, &image, 5).unwrap()[[2, 0, 1]], 2.0);
    let how = Occlusion::<3>::new(Geometry::new(1));
    let map = occlusion(&model, &image, 5, &how).unwrap();
    assert_eq!((map.shape(), map[[2, 0, 1]], map.sum()), (&[3, 1, 2][..], 1.0, 1.0));
}

#[test]
fn a_model_that_does_not_look_has_no_saliency() {
    let model = Apply::new(|x: &gradus_conv::Var<f64>| Ok(x.tape().input(Array2::ones((x.shape()[0], 3)))));
    let image = Array3::ones((1, 2, 2));
    assert_eq!(saliency(&model, &image, 0).unwrap(), Array2::<f64>::zeros((2, 2)).into_dyn());
    assert_eq!(occlusion(&model, &image, 0, &Occlusion::<2>::new(Geometry::new(1))).unwrap().sum(), 0.0);
}

#[test]
fn maps_refuse_what_does_not_fit() {
    let model: LeNet5 = LeNet5::new(10, &mut rng());
    let image = Array3::zeros((1, 32, 32));
    let how = Occlusion::new(Geometry::<2>::new(8).stride(8));
    let refused = |class: usize, how: &Occlusion| occlusion(&model, &image, class, how).unwrap_err().to_string();
    let message = "class 10: the model has scores for 10 classes, numbered from 0";
    assert_eq!(saliency(&model, &image, 10).unwrap_err().to_string(), format!("saliency: {message}"));
    assert_eq!(refused(10, &how), format!("occlusion: {message}"));
    assert!(refused(0, &how.batch_size(0)).starts_with("occlusion: batch_size = [0]"));
    assert!(refused(0, &Occlusion::new(Geometry::new(33))).contains("33 > 32"));
    assert!(refused(0, &Occlusion::new(Geometry::new(1).padding(1 << 40))).contains("more than memory can hold"));
    assert_eq!(
        saliency(&model, &Array1::zeros(3), 0).unwrap_err().to_string(),
        "saliency: input [3]: one image (C, …), with an axis in space and no size of 0, would fit"
    );
    assert!(saliency(&model, &Array3::zeros((1, 0, 3)), 0).is_err());
    assert_eq!(
        occlusion(&model, &Array2::zeros((1, 3)), 0, &how).unwrap_err().to_string(),
        "occlusion: input [1, 3]: one image (C, …) with 2 axes in space would fit"
    );
    assert!(saliency(&model, &Array3::zeros((1, 28, 28)), 0).unwrap_err().to_string().starts_with("lenet5"));
    let maps: Conv2d = Conv2d::new(1, 2, 3, &mut rng());
    assert_eq!(
        saliency(&maps, &image, 0).unwrap_err().to_string(),
        "saliency: the model gives [1, 2, 30, 30] for 1 image(s); scores (1, classes) would fit"
    );
}

fn count(picture: &str, what: &str) -> usize {
    picture.matches(what).count()
}

#[test]
fn kernels_stand_in_rows_of_their_input_channels() {
    let weight = Array4::<f64>::from_shape_fn((3, 2, 1, 2), |(o, i, _, k)| (o + 2 * i + k) as f64 - 1.0);
    let picture = svg("k", &[Panel::kernels("a < b", &weight).unwrap()]).unwrap();
    assert!(picture.starts_with("<svg") && picture.contains("a &lt; b"));
    assert_eq!(count(&picture, "<svg"), count(&picture, "</svg>"));
    assert_eq!(count(&picture, "<g transform="), 6);
    for label in [">0.0<", ">2.1<"] {
        assert_eq!(count(&picture, label), 1, "{label}");
    }
    // The largest, 4, is the end of the scale, and −4 its other one; 0 is white, which is not drawn.
    for tick in [">4.00<", ">−4.00<", ">0<"] {
        assert_eq!(count(&picture, tick), 1, "{tick}");
    }
    assert!(picture.contains("#5f001a"));
}

#[test]
fn feature_maps_begin_at_zero_unless_they_are_signed() {
    let maps = array![[[0.0, 2.0]], [[1.0, 1.0]]];
    let picture = svg("", &[Panel::feature_maps("", &maps).unwrap()]).unwrap();
    assert!(picture.contains("#5a000a") && picture.contains(">2.00<") && !picture.contains('−'));
    let signed = svg("", &[Panel::feature_maps("", &(maps - 1.0)).unwrap()]).unwrap();
    assert!(signed.contains("#05285a") && signed.contains(">−1.00<"));
    assert_eq!(Scale::of(&array![f64::NAN, 1.0]), Scale::Sequential);
}

#[test]
fn what_is_not_finite_is_marked() {
    let panel = Panel::heat_map("", &array![[1.0, f64::NAN, f64::INFINITY]]).unwrap();
    let picture = svg("", &[panel]).unwrap();
    assert_eq!(count(&picture, "#00b050"), 2); // the two beside each other, and the one in the legend
    assert!(picture.contains("not finite") && picture.contains(">1.00<"));
    let zero = svg("", &[Panel::heat_map("", &Array2::<f32>::zeros((2, 2))).unwrap()]).unwrap();
    assert!(zero.contains(">0<"));
    let below = Panel::new("", Scale::Ink).tile("", &array![[-1.0, 3.0]]).unwrap();
    assert!(svg("", &[below]).unwrap().contains("≤ 0"));
}

#[test]
fn an_image_marks_its_heat_map() {
    let (map, image) = (array![[1.0, 0.5], [0.0, 0.25]], array![[0.0, 1.0], [1.0, -1.0]]);
    let panel = Panel::new("", Scale::Sequential).tile_with_marks("3", &map, &image).unwrap().columns(0);
    assert_eq!(count(&svg("", &[panel]).unwrap(), "<circle"), 2);
}

#[test]
fn pictures_of_nothing_are_refused() {
    let none = svg("t", &[]).unwrap_err().to_string();
    assert_eq!(none, "picture: t: [0]: at least one panel would fit");
    assert!(svg("t", &[Panel::new("p", Scale::Ink)]).unwrap_err().to_string().contains("p: [0]: at least one tile"));
    assert_eq!(
        Panel::kernels("p", &Array3::<f32>::zeros((1, 2, 3))).unwrap_err().to_string(),
        "picture: p: [1, 2, 3]: a weight (out_channels, in_channels, height, width), at least one number, would fit"
    );
    assert!(Panel::kernels("p", &Array1::<f32>::zeros(1)).is_err());
    assert!(Panel::kernels("p", &Array4::<f32>::zeros((1, 0, 3, 3))).is_err());
    assert!(Panel::feature_maps("p", &Array2::<f32>::zeros((1, 2))).is_err());
    assert!(Panel::feature_maps("p", &Array3::<f32>::zeros((2, 0, 2))).is_err());
    assert!(Panel::ink("p", &Array2::<f32>::zeros((0, 2))).is_err());
    assert!(Panel::heat_map("p", &Array3::<f32>::zeros((1, 2, 2))).is_err());
    assert!(Panel::new("p", Scale::Ink).tile_with_marks("", &array![[1.0]], &array![1.0]).is_err());
}
