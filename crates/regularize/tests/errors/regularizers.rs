//! The regularizers and their kin.

use gradus_autograd::Tape;
use gradus_nn_layers::{Layer, Linear, Parameter, Tanh, sequential};
use gradus_regularize::augment::{Crop, CutMix, Elastic, Erase, Mixup, Normalize, Rotate, Scale, Transform, each};
use gradus_regularize::calibration::{Bins, Reliability, Temperature, classwise_error};
use gradus_regularize::noise::{GaussianNoise, WeightNoise, flip_labels};
use gradus_regularize::{
    Ablation, AlphaDropout, BatchNorm1d, Constraint, DropConnect, Dropout2d, Ema, Error, McDropout, SpectralNorm,
    StochasticDepth, Swa, WeightNorm, penalty, update_batch_norm,
};
use gradus_testing::refuses;
use ndarray::{Array1, Array2, Array3, Array4, array};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

fn rng() -> StdRng {
    StdRng::seed_from_u64(7)
}

fn linear() -> Linear<f64> {
    Linear::new(2, 3, &mut rng())
}

/// This crate's error of a layer's forward pass in training.
fn forward(layer: &dyn Layer<f64>, x: ndarray::ArrayD<f64>) -> Result<(), Error> {
    ours(layer.forward(&Tape::training(&mut rng()).input(x)).map(drop))
}

fn ours(result: gradus_nn_layers::Result<()>) -> Result<(), Error> {
    let Err(error) = result else { return Ok(()) };
    match error {
        gradus_nn_layers::Error::Source(source) => Err(*source.downcast::<Error>().unwrap()),
        other => panic!("{other}"),
    }
}

#[test]
fn layers() {
    let x = || array![[1.0, 2.0]].into_dyn();
    refuses!(forward(&Dropout2d::new(0.5), x()), Error::InputAxes { .. }, @"dropout2d: input [1, 2]: it takes (N, C, H, W) or (C, H, W)");
    refuses!(forward(&Dropout2d::new(1.0), x()), Error::HyperParameter { .. }, @"dropout2d: p 1: must be at least 0 and less than 1");
    refuses!(forward(&AlphaDropout::new(-0.5), x()), Error::HyperParameter { .. }, @"alpha_dropout: p -0.5: must be at least 0 and less than 1");
    refuses!(forward(&StochasticDepth::new(Tanh, 1.5), x()), Error::HyperParameter { .. }, @"stochastic_depth: p 1.5: must be at least 0 and less than 1");
    refuses!(forward(&DropConnect::new(linear(), f64::NAN), x()), Error::HyperParameter { .. }, @"drop_connect: p NaN: must be at least 0 and less than 1");
    refuses!(forward(&DropConnect::new(linear(), 0.5).of("wieght"), x()), Error::NothingPicked { .. }, @r#"drop_connect: none of the model's trainable parameters was picked; their names are ["weight", "bias"]"#);
    refuses!(forward(&DropConnect::new(BatchNorm1d::new(2), 0.5), x()), Error::LayerWithBuffers { .. }, @"drop_connect: the layer has the buffer `running_mean`: it takes layers without buffers; put it around those inside");
    refuses!(forward(&GaussianNoise::new(-1.0), x()), Error::HyperParameter { .. }, @"gaussian_noise: std -1: must be finite and not negative");
    refuses!(forward(&WeightNoise::new(linear(), f64::INFINITY), x()), Error::HyperParameter { .. }, @"weight_noise: std inf: must be finite and not negative");
    let along = |axis| ours(WeightNorm::along(linear(), "weight", Some(axis)).map(drop));
    refuses!(along(2), Error::HyperParameter { .. }, @"weight_norm: axis 2: must be an axis of the weight, counted from 0");
    let mut spectral = SpectralNorm::new(linear(), "weight", &mut rng()).unwrap();
    spectral.u = array![1.0].into();
    refuses!(forward(&spectral, x()), Error::ParameterShape { .. }, @"spectral_norm: _u [1]: must be [3]");
    spectral.power_iterations = 0;
    refuses!(forward(&spectral, x()), Error::HyperParameter { .. }, @"spectral_norm: power_iterations 0: must be at least 1");
    let error = linear_error();
    assert!(error.contains("this layer takes 2 features"), "{error}");
}

/// What the layer inside objects to is told as it tells it.
fn linear_error() -> String {
    let layer = WeightNorm::new(linear(), "weight").unwrap();
    layer.forward(&Tape::inference().input(array![[1.0, 2.0, 3.0]])).unwrap_err().to_string()
}

#[test]
fn uncertainty() {
    let x = || array![[1.0, 2.0]];
    let few = |passes| ours(McDropout::new(passes).predict(&linear(), x(), &mut rng()).map(drop));
    refuses!(few(1), Error::HyperParameter { .. }, @"mc_dropout: passes 1: must be at least 2");
    let model = sequential![linear(), BatchNorm1d::new(3)];
    refuses!(ours(McDropout::new(2).predict(&model, x(), &mut rng()).map(drop)), Error::RunningStatistics { .. }, @"mc_dropout: the model has running statistics, `1.running_mean`: fold batch normalization into the layers before it");
    let one = McDropout::new(2).classify(&Tanh, array![1.0], &mut rng());
    refuses!(ours(one.map(drop)), Error::InputAxes { .. }, @"mc_dropout: input [1]: it takes a model whose outputs are logits (N, K)");
}

#[test]
fn parameters() {
    let mut w: Parameter<f64> = array![1.0].into();
    refuses!(Constraint::L1Ball(-1.0).project(&mut w, |_| true), Error::HyperParameter { .. }, @"constraint: radius -1: must be finite and not negative");
    refuses!(Constraint::NonNegative.project(&mut linear(), |_| false), Error::NothingPicked { .. }, @r#"constraint: none of the model's trainable parameters was picked; their names are ["weight", "bias"]"#);
    let tape = Tape::recording();
    refuses!(penalty::elastic_net(&tape, &w, |_| true, 1.0, 2.0), Error::HyperParameter { .. }, @"elastic-net penalty: l1_share 2: must be between 0 and 1");
    let (mut ema, mut swa) = (Ema::new(0.5), Swa::new());
    refuses!(swa.state_dict(), Error::NothingAveraged { .. }, @"swa: nothing has been averaged yet; at least one call of `update` would fit");
    swa.update(&linear()).unwrap();
    refuses!(swa.update(&Linear::without_bias(2, 3, &mut rng())), Error::OtherModel { .. }, @"swa: the model is another one than was averaged: `bias` is missing on one side or has another shape");
    ema.update(&w).unwrap();
    refuses!(ema.apply_to(&mut linear()), Error::OtherModel { .. }, @"ema: the model is another one than was averaged: `weight` is missing on one side or has another shape");
    refuses!(Ema::<f64>::new(1.0).update(&w), Error::HyperParameter { .. }, @"ema: decay 1: must be at least 0 and less than 1");
    let none = update_batch_norm(&mut BatchNorm1d::<f64>::new(2), Vec::<Array2<f64>>::new(), &mut rng());
    refuses!(ours(none), Error::Nothing { .. }, @"update_batch_norm: no batches: at least one would fit");
    refuses!(flip_labels(&array![0], 1, 0.5, &mut rng()), Error::HyperParameter { .. }, @"flip_labels: classes 1: must be at least 2");
    refuses!(flip_labels(&array![0, 5], 3, 0.5, &mut rng()), Error::Label { .. }, @"flip_labels: label 5 at 1: classes go from 0 to 2");
}

#[test]
fn augmentation() {
    let image = Array3::<f64>::ones((2, 4, 4));
    let apply = |transform: &dyn Transform<f64, ndarray::Ix3>| transform.apply(image.view(), &mut rng());
    refuses!(apply(&Rotate::new(f64::NAN)), Error::HyperParameter { .. }, @"rotate: degrees NaN: must be finite and not negative");
    refuses!(apply(&Scale::new(0.0, 1.0)), Error::HyperParameter { .. }, @"scale: low 0: must be finite and above 0");
    refuses!(apply(&Scale::new(2.0, 1.0)), Error::HyperParameter { .. }, @"scale: high 1: must be finite and at least low");
    refuses!(apply(&Elastic::new(1.0, 1e9)), Error::HyperParameter { .. }, @"elastic: sigma 1000000000: must be between 0 and 1000");
    refuses!(apply(&Erase { share: [0.5, 0.2], ..Erase::new(1.0) }), Error::HyperParameter { .. }, @"erase: largest share 0.2: must be between the smallest and 1");
    refuses!(apply(&Crop::new(5, 4)), Error::Lengths { .. }, @"crop: [5, 4] and [4, 4]: the part must not be larger than the padded image");
    refuses!(apply(&Normalize::new(&[0.0], &[1.0]).unwrap()), Error::Lengths { .. }, @"normalize: [2, 4, 4] and [1]: the image must have a channel for each mean");
    refuses!(Normalize::new(&[0.0], &[0.0]), Error::HyperParameter { .. }, @"normalize: std 0: must be finite and above 0");
    refuses!(Normalize::new(&[0.0], &[]), Error::Lengths { .. }, @"normalize: [1] and [0]: each channel needs a mean and a deviation");
    let (x, targets) = (Array4::<f64>::ones((2, 1, 3, 3)), Array2::<f64>::ones((3, 2)));
    refuses!(Mixup::new(1.0).apply(x.view(), targets.view(), &mut rng()), Error::Lengths { .. }, @"mixup: [2, 1, 3, 3] and [3, 2]: each sample needs a row of targets");
    refuses!(CutMix::new(0.0).apply(x.view(), Array2::ones((2, 2)).view(), &mut rng()), Error::HyperParameter { .. }, @"cutmix: alpha 0: must be finite and above 0");
    /// Cuts a part off whose size is drawn.
    struct Shorten;
    impl Transform<f64, ndarray::Ix1> for Shorten {
        fn apply(&self, x: ndarray::ArrayView1<'_, f64>, rng: &mut dyn rand::Rng) -> Result<Array1<f64>, Error> {
            Ok(x.iter().copied().take(rng.random_range(1..4)).collect())
        }
    }
    refuses!(each(&Shorten, Array2::ones((4, 3)).view(), |i| StdRng::seed_from_u64(i as u64)), Error::Lengths { .. }, @"each: [3] and [1]: the samples of a batch must come out in one shape");
}

#[test]
fn calibration() {
    let p = array![[0.5, 0.5], [0.2, 0.8]];
    refuses!(Reliability::of(&p, &array![0], Bins::EqualWidth(5)), Error::Lengths { .. }, @"reliability: [2, 2] and [1]: each row (N, K) needs a label (N,)");
    refuses!(Reliability::of(&p, &array![0, 2], Bins::EqualWidth(5)), Error::Label { .. }, @"reliability: label 2 at 1: classes go from 0 to 1");
    refuses!(Reliability::of(&p, &array![0, 1], Bins::EqualMass(0)), Error::HyperParameter { .. }, @"reliability: bins 0: must be between 1 and 1,000,000");
    refuses!(Reliability::of_confidences([], Bins::EqualMass(1)), Error::Nothing { .. }, @"reliability: no samples: at least one would fit");
    refuses!(classwise_error(&array![[3.0, -1.0]], &array![0], Bins::EqualMass(1)), Error::Element { .. }, @"classwise_error: probability 3 at [0, 0]: must be between 0 and 1; softmax makes such of logits");
    refuses!(Temperature::fit(&array![[0.0, f64::INFINITY]], &array![0]), Error::Element { .. }, @"temperature: logit inf at [0, 1]: must be finite");
    refuses!(Temperature { value: 0.0 }.scale(&p), Error::HyperParameter { .. }, @"temperature: value 0: must be finite and above 0");
    let ablation = Ablation::new("base", ());
    refuses!(ablation.run(&[], |(), _| Ok::<_, Error>(0.0)), Error::Nothing { .. }, @"ablation: no seeds: at least one would fit");
    refuses!(ablation.run(&[5], |(), _| Ok::<_, Error>(f64::NAN)), Error::Score { .. }, @"ablation: score NaN of seed 0: must be a finite number");
}
