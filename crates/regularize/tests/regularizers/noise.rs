//! Noise on inputs, weights, gradients and labels.

use super::{linear, rng, training};
use gradus_autograd::Tape;
use gradus_nn_layers::{Layer, Module};
use gradus_regularize::noise::{GaussianNoise, WeightNoise, add_to_gradients, annealed, flip_labels};
use ndarray::{Array1, Array2, array};

const WIDE: f64 = 6.0;

#[test]
fn input_noise_has_its_deviation_and_lets_gradients_through() {
    const N: usize = 20_000;
    let tape = training(1);
    let x = tape.variable(Array1::<f64>::from_elem(N, 5.0));
    let y = GaussianNoise::new(0.3).forward(&x).unwrap();
    let off = y.value().mapv(|y| y - 5.0);
    let (n, mean) = (N as f64, off.sum() / N as f64);
    let variance = off.iter().map(|e| e * e).sum::<f64>() / n;
    assert!(mean.abs() < WIDE * 0.3 / n.sqrt() && (variance / 0.09 - 1.0).abs() < WIDE * (2.0 / n).sqrt());
    assert!(y.sum().backward().unwrap().get(&x).unwrap().iter().all(|&dx| dx == 1.0));
    for tape in [Tape::<f64>::inference(), Tape::recording()] {
        let x = tape.input(array![1.0]);
        assert_eq!(GaussianNoise::new(3.0).forward(&x).unwrap().value(), x.value());
    }
}

#[test]
fn weight_noise_is_of_the_weights_alone() {
    let layer = WeightNoise::new(linear(3, 2, 1), 0.1);
    let zero = |seed| layer.forward(&training(seed).input(Array2::zeros((1, 3)))).unwrap().value().clone();
    assert_eq!(zero(1), zero(2)); // the bias stays
    let one = |seed| layer.forward(&training(seed).input(Array2::ones((1, 3)))).unwrap().value().clone();
    assert_eq!(one(1), one(1));
    assert_ne!(one(1), one(2));
    let by_name = WeightNoise::new(linear(3, 2, 1), 0.1).of("bias");
    assert_ne!(by_name.forward(&training(1).input(Array2::zeros((1, 3)))).unwrap().value(), &zero(1));
    // The gradient is that at the noisy weight: of a linear layer, as without noise.
    let tape = training(4);
    let y = layer.forward(&tape.input(array![[1.0, 2.0, 3.0]])).unwrap();
    let gradients = y.sum().backward().unwrap();
    assert_eq!(gradients.get(&layer.layer.weight).unwrap(), &array![[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]].into_dyn());
    assert_eq!(Module::<f64>::parameters(&layer).len(), 2);
}

#[test]
fn gradient_noise_follows_the_seed_and_dies_away() {
    let layer = linear(30, 40, 1);
    let noisy = |seed, std| {
        let mut gradients =
            layer.forward(&Tape::recording().input(Array2::zeros((1, 30)))).unwrap().sum().backward().unwrap();
        add_to_gradients(&mut gradients, std, &mut rng(seed)).unwrap();
        gradients.get(&layer.weight).unwrap().clone()
    };
    assert_eq!(noisy(1, 0.5), noisy(1, 0.5));
    assert_ne!(noisy(1, 0.5), noisy(2, 0.5));
    let variance = noisy(1, 0.5).iter().map(|g: &f64| g * g).sum::<f64>() / 1200.0;
    assert!((variance / 0.25 - 1.0).abs() < WIDE * (2.0_f64 / 1200.0).sqrt());
    assert!((annealed(0.3, 0.55, 0) - 0.3_f64.sqrt()).abs() < 1e-15);
    assert!((annealed(1.0, 1.0, 99) - 0.1).abs() < 1e-15);
}

#[test]
fn labels_flip_as_often_as_they_should_and_evenly() {
    const N: usize = 30_000;
    let labels = Array1::from_elem(N, 2);
    let flipped = flip_labels(&labels, 4, 0.3, &mut rng(1)).unwrap();
    let n = N as f64;
    for class in 0..4 {
        let share = if class == 2 { 0.7 } else { 0.1 };
        let count = flipped.iter().filter(|&&label| label == class).count() as f64;
        assert!((count - n * share).abs() < WIDE * (n * share * (1.0 - share)).sqrt(), "{class}: {count}");
    }
    assert_eq!(flip_labels(&labels, 3, 0.0, &mut rng(1)).unwrap(), labels);
    assert!(flip_labels(&array![], 0, 0.0, &mut rng(1)).unwrap().is_empty());
}
