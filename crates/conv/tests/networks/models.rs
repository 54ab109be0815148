//! LeNet-5, VGG and residual networks.

use super::{input_message, names, norm, random, rng};
use gradus_conv::blocks::Shortcut;
use gradus_conv::models::{LeNet5, ResNet, Stage, Vgg};
use gradus_conv::ndarray::{ArrayD, IxDyn};
use gradus_conv::{Conv2d, Error, Layer, Module, Real, Tape, costs, output_sizes, receptive_fields};
use gradus_nn_layers::{GroupNorm, Identity, summary};
use gradus_testing::Float;
use rand::rngs::StdRng;

#[test]
fn lenet5_has_the_parameters_of_its_table() {
    let model: LeNet5 = LeNet5::new(10, &mut rng());
    let of = |prefix: &str| -> usize {
        model.parameters().iter().filter(|(name, _)| name.starts_with(prefix)).map(|(_, p)| p.value().len()).sum()
    };
    let found = ["conv1", "conv2", "fc1", "fc2", "fc3"].map(of);
    assert_eq!(found, [156, 2_416, 48_120, 10_164, 850]);
    assert_eq!(model.count_parameters(), 61_706);
    // The paper's 60,000: C3 sees 60 of 96 pairs of channels, the means have factors and biases, the output has no parameters.
    assert_eq!(156 + (6 + 6) + (60 * 25 + 16) + (16 + 16) + 48_120 + 10_164, 60_000);
    let fields = receptive_fields(&model.geometries()).unwrap();
    assert_eq!(fields.rows[4].size, [32, 32]); // the whole image
    assert_eq!(output_sizes(&model.geometries(), [32, 32]).unwrap(), [[28; 2], [14; 2], [10; 2], [5; 2], [1; 2]]);
    assert_eq!(input_message(&model, &[2, 1, 28, 28]), "lenet5: input [2, 1, 28, 28]: (N, 1, 32, 32) would fit");
    input_message(&model, &[2, 1, 32]);
    input_message(&model, &[2, 3, 32, 32]);
}

#[test]
fn vgg_has_the_parameters_that_it_says() {
    let model: Vgg = Vgg::small(10, &mut rng());
    assert_eq!(model.count_parameters(), 550_570);
    assert_eq!(names(&model)[..3], ["features.0.weight", "features.0.bias", "features.2.weight"]);
    assert_eq!(
        names(&model)[12..],
        ["classifier.0.weight", "classifier.0.bias", "classifier.2.weight", "classifier.2.bias"]
    );
    assert_eq!(output_sizes(&model.geometries(), [32, 32]).unwrap().last(), Some(&[4, 4]));
    assert_eq!(input_message(&model, &[2, 3, 28, 28]), "vgg: input [2, 3, 28, 28]: (N, 3, 32, 32) would fit");
    // Configuration A: the convolutions of the 133 M, without drawing the linear layers' 123 M.
    let features: Vgg = Vgg::new(3, [32, 32], Vgg::CONFIGURATION_A, &[], &mut rng()).unwrap();
    assert_eq!(features.count_parameters(), 9_220_480);
    let linear = |inputs: usize, outputs: usize| inputs * outputs + outputs;
    let linear = linear(512 * 7 * 7, 4096) + linear(4096, 4096) + linear(4096, 1000);
    assert_eq!(features.count_parameters() + linear, 132_863_336);
    assert!(matches!(Vgg::<f32>::new(3, [32, 32], &[], &[10], &mut rng()), Err(Error::EmptyStack { .. })));
    let error = Vgg::<f32>::new(3, [4, 4], Vgg::SMALL, &[10], &mut rng()).unwrap_err().to_string();
    assert!(error.starts_with("output sizes: layer 8, features.14, is given [1, 1]"), "{error}");
}

#[test]
fn residual_networks_have_the_papers_parameters() {
    let rng = &mut rng();
    let count = |blocks, shortcut, rng: &mut StdRng| {
        ResNet::<GroupNorm>::new(3, 10, blocks, shortcut, norm, rng).count_parameters()
    };
    assert_eq!([count(1, Shortcut::Pad, rng), count(1, Shortcut::Project, rng)], [75_290, 78_042]);
    assert_eq!([count(3, Shortcut::Pad, rng), count(3, Shortcut::Project, rng)], [269_722, 272_474]);
    let resnet20: ResNet<GroupNorm> = ResNet::resnet20(10, norm, rng);
    assert_eq!(resnet20.count_parameters(), 269_722);
    let layers = resnet20.parameters().iter().filter(|(_, p)| p.shape().len() > 1).count();
    assert_eq!(layers, 20);
    assert_eq!(names(&resnet20)[3], "layer1.0.conv1.weight");
    assert_eq!(names(&resnet20).last().unwrap(), "fc.bias");
    let sizes = output_sizes(&resnet20.geometries(), [32, 32]).unwrap();
    assert_eq!([sizes[6], sizes[7], sizes[18]], [[32; 2], [16; 2], [8; 2]]);
    assert_eq!(receptive_fields(&resnet20.geometries()).unwrap().rows[18].size, [81, 81]);
    // About the 41 M multiply–adds that are usually quoted.
    let costs = costs(&resnet20, &[1, 3, 32, 32]).unwrap();
    assert_eq!(costs.total.multiply_adds, Some(40_551_040));
    assert_eq!(input_message(&resnet20, &[1, 1, 32, 32]), "resnet: input [1, 1, 32, 32]: (N, 3, H, W) would fit");
    let none: ResNet<Identity> = ResNet::new(1, 10, 0, Shortcut::Pad, |_| Identity, rng);
    assert_eq!(none.describe(&[2, 1, 5, 5]).unwrap().output, [2, 10]);
}

fn runs<F: Real + Float>() {
    let rng = &mut rng();
    let lenet = LeNet5::<F>::new(10, rng);
    let vgg = Vgg::<F>::new(1, [8, 8], &[&[4], &[8]], &[16, 10], rng).expect("8 pixels can be halved twice");
    let resnet8: ResNet<GroupNorm<F>, F> = ResNet::resnet8(10, norm, rng);
    let models: [(&dyn Layer<F>, [usize; 3]); 3] = [(&lenet, [1, 32, 32]), (&vgg, [1, 8, 8]), (&resnet8, [3, 8, 8])];
    for (model, [channels, height, width]) in models {
        let x = random(&[2, channels, height, width], rng).mapv(<F as Real>::from_f64);
        let tape = Tape::recording();
        let y = model.forward(&tape.input(x)).expect("the image fits");
        let description = model.describe(&[2, channels, height, width]).expect("the shape fits");
        assert_eq!((y.shape(), &description.output[..]), (&[2, 10][..], &[2, 10][..]));
        assert!(y.value().iter().all(|score| score.is_finite()));
        let gradients = y.square().sum().backward().expect("a loss");
        for (name, parameter) in model.parameters() {
            let gradient = gradients.get(parameter).unwrap_or_else(|| panic!("{name} has no gradient"));
            assert!(gradient.iter().any(|&slope| slope != F::zero()), "{name}");
        }
        let summary = summary(model, &[2, channels, height, width]).expect("the shape fits");
        assert_eq!(summary.total.parameters, model.count_parameters());
    }
}

#[test]
fn models_run_and_every_parameter_learns() {
    runs::<f32>();
    runs::<f64>();
}

#[test]
fn a_clone_is_another_model() {
    let model: ResNet<GroupNorm> = ResNet::resnet8(10, norm, &mut rng());
    let mut other = model.clone();
    other.layer1.layers_mut()[0].conv1 = Conv2d::new(16, 16, 3, &mut rng()).padding(1);
    assert_eq!(model.layer1.layers().len(), 1);
    assert_eq!(names(&other).len(), names(&model).len() + 1); // that convolution has a bias
    let identity: Stage<Conv2d> = Stage::from_iter([]);
    let x = Tape::inference().input(ArrayD::ones(IxDyn(&[2, 3])));
    assert_eq!(identity.forward(&x).unwrap().value(), x.value());
}
