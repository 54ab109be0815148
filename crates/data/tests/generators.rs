//! Generators: their formulas, their noise, their seeds.

#![allow(clippy::unwrap_used)] // the helpers are tests, too

use gradus_data::{Gaussian, Generate, Labelled, Result};
use rand::SeedableRng;
use rand::rngs::StdRng;

fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

fn points(data: &Labelled<f64>) -> Vec<(f64, f64, usize)> {
    data.inputs().outer_iter().zip(data.labels()).map(|(x, &label)| (x[0], x[1], label)).collect()
}

fn all(n: usize, noise: f64, seed: u64) -> [Result<Labelled<f64>>; 5] {
    let rng = &mut rng(seed);
    [
        Generate::blobs(n, &[[0., 0.], [5., 5.], [9., 0.]], noise, rng),
        Generate::moons(n, noise, rng),
        Generate::circles(n, 0.5, noise, rng),
        Generate::spirals(n, 3, 1.5, noise, rng),
        Generate::xor(n, noise, rng),
    ]
}

#[test]
fn without_noise_the_formulas_hold() {
    let [blobs, moons, circles, spirals, xor] = all(60, 0.0, 1).map(|data| points(&data.unwrap()));
    assert!(blobs.iter().all(|&(x, y, c)| [x, y] == [[0., 0.], [5., 5.], [9., 0.]][c]));
    for (x, y, c) in moons {
        let (x, y) = if c == 0 { (x, y) } else { (1.0 - x, 0.5 - y) };
        assert!((x.hypot(y) - 1.0).abs() < 1e-12 && y >= 0.0);
    }
    assert!(circles.iter().all(|&(x, y, c)| (x.hypot(y) - [1.0, 0.5][c]).abs() < 1e-12));
    for (x, y, c) in spirals {
        let turns = y.atan2(x) / std::f64::consts::TAU - 1.5 * x.hypot(y) - c as f64 / 3.0;
        assert!((turns - turns.round()).abs() < 1e-9);
    }
    assert!(xor.iter().all(|&(x, y, c)| (x * y < 0.0) == (c == 1) && x.abs() <= 1.0 && y.abs() <= 1.0));
}

#[test]
fn seeds_sizes_and_classes() {
    for (a, b) in all(50, 0.3, 1).into_iter().zip(all(50, 0.3, 1)) {
        assert_eq!(a.unwrap(), b.unwrap());
    }
    for (a, b) in all(50, 0.3, 1).into_iter().zip(all(50, 0.3, 2)) {
        assert_ne!(a.unwrap(), b.unwrap());
    }
    for data in all(50, 0.3, 1) {
        let data = data.unwrap();
        let count = |class| data.labels().iter().filter(|&&label| label == class).count();
        assert!((0..data.classes()).all(|class| count(class).abs_diff(50 / data.classes()) <= 1));
        assert!(data.inputs().iter().all(|x| x.is_finite()));
    }
    for n in [0, 1] {
        assert!(all(n, 0.1, 1).into_iter().all(|data| data.unwrap().inputs().shape() == [n, 2]));
    }
}

#[test]
fn noise_has_its_deviation_and_mixtures_their_moments() {
    let n = 4000;
    let component = Gaussian { weight: 1e300, mean: [2., -1.], covariance: [4., 1.2, 1.] };
    let rare = Gaussian { weight: 3e300, mean: [0., 0.], covariance: [0., 0., 0.25] };
    let never = Gaussian { weight: 0.0, ..component };
    let data = points(&Generate::mixture(n, &[component, rare, never], &mut rng(3)).unwrap());
    let mine: Vec<_> = data.iter().filter(|(.., c)| *c == 0).collect();
    let m = mine.len() as f64;
    assert!((m / n as f64 - 0.25).abs() < 0.03 && data.iter().all(|(.., c)| *c < 2));
    let mean = |f: &dyn Fn(f64, f64) -> f64| mine.iter().map(|&&(x, y, _)| f(x, y)).sum::<f64>() / m;
    assert!((mean(&|x, _| x) - 2.0).abs() < 0.25 && (mean(&|_, y| y) + 1.0).abs() < 0.13);
    assert!((mean(&|x, _| (x - 2.0).powi(2)) - 4.0).abs() < 0.7);
    assert!((mean(&|x, y| (x - 2.0) * (y + 1.0)) - 1.2).abs() < 0.3);
    assert!((mean(&|_, y| (y + 1.0).powi(2)) - 1.0).abs() < 0.2);

    let (x, y) = Generate::curve::<f64>(n, -1.0..3.0, 0.5, &mut rng(4), |x| x * x).unwrap();
    let squares: f64 = y.iter().zip(&x).map(|(y, x)| (y - x * x).powi(2)).sum();
    assert!((squares / n as f64 - 0.25).abs() < 0.03 && x.iter().all(|x| (-1.0..3.0).contains(x)));
}

#[test]
fn settings_that_cannot_be() {
    let message = |result: Result<Labelled<f64>>| result.unwrap_err().to_string();
    let rng = &mut rng(0);
    assert_eq!(message(Generate::moons(5, -1.0, rng)), "moons: noise -1: it must be finite and not negative");
    assert_eq!(message(Generate::blobs(5, &[], 0.0, rng)), "blobs: number of centres 0: it must be at least 1");
    assert_eq!(
        message(Generate::circles(5, 1.0, 0.0, rng)),
        "circles: factor 1: it must be between 0 and 1, both excluded"
    );
    assert!(Generate::spirals::<f32>(5, 0, 1.0, 0.0, rng).is_err());
    assert!(Generate::spirals::<f32>(5, 2, f64::NAN, 0.0, rng).is_err());
    let component = Gaussian { weight: 1.0, mean: [0.; 2], covariance: [1., 2., 1.] };
    assert_eq!(
        message(Generate::mixture(5, &[component], rng)),
        "mixture: covariance 2: it must be at most the product of both deviations"
    );
    assert!(Generate::mixture::<f32>(5, &[], rng).is_err());
    assert!(
        Generate::mixture::<f32>(5, &[Gaussian { weight: 0.0, covariance: [1., 0., 1.], ..component }], rng).is_err()
    );
    assert!(Generate::curve::<f32>(5, 1.0..1.0, 0.0, rng, |x| x).is_err());
}
