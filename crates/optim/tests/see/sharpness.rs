//! The Hessian's largest eigenvalue, where it is known.

use super::{Net, bits, numbers, quadratic};
use gradus_autograd::{Dual, Leaf};
use gradus_nn_layers::{Parameter, Result};
use gradus_optim::see::{Sharpness, surface};
use gradus_optim::{Optimizer, Sgd};
use ndarray::{ArrayD, arr1, array};

fn sharpness_of(a: &[f64]) -> f64 {
    let w: Parameter<f64> = arr1(&vec![0.7; a.len()]).into();
    let mut twin: Parameter<Dual<f64>> = arr1(&vec![Dual::constant(0.0); a.len()]).into();
    let search = Sharpness::new().tolerance(1e-8).products(4000);
    let found = search.of_model(&w, &mut twin, |w| quadratic(w, a)).unwrap();
    assert!(found.residual <= 1e-8 * 2.0 * a.iter().fold(0.0, |most: f64, a| most.max(a.abs())), "{found:?}");
    let length: f64 = found.vector.iter().flatten().map(|v| v * v).sum();
    assert!((length - 1.0).abs() < 1e-12);
    found.value
}

#[test]
fn sharpness_of_a_quadratic_is_its_largest_eigenvalue() {
    // Positive; a negative one of larger modulus; two of the same modulus; all negative; none; one.
    for a in [&[1.0, 7.0, 3.0][..], &[-10.0, 3.0, 1.0], &[2.0, -2.0], &[-1.0, -4.0], &[0.0, 0.0], &[5.0], &[-5.0]] {
        let largest = a.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let found = sharpness_of(a);
        assert!((found - largest).abs() < 1e-6, "{a:?}: {found}");
    }
}

#[test]
fn sharpness_of_rosenbrock_at_its_minimum() {
    // The Hessian there is [[802, −400], [−400, 200]].
    let expected = f64::midpoint(1002.0, (602.0_f64.powi(2) + 4.0 * 400.0_f64.powi(2)).sqrt());
    let one = array![1.0].into_dyn();
    let found = Sharpness::new()
        .tolerance(1e-10)
        .of(|x| Ok(surface::rosenbrock(&x[0], &x[1])?.sum()), &[one.clone(), one])
        .unwrap();
    assert!((found.value - expected).abs() < 1e-9, "{} {expected}", found.value);
    let found = Sharpness::new()
        .of(|x| Ok(surface::ravine(&x[0], &x[1])?.sum()), &[array![1.0_f32].into_dyn(), array![2.0_f32].into_dyn()])
        .unwrap();
    assert!((found.value - 25.0).abs() < 1e-3, "{}", found.value);
}

#[test]
fn sharpness_of_a_network_is_that_of_its_whole_hessian() {
    let (net, mut twin) = (Net::<f64>::new(), Net::<Dual<f64>>::new());
    twin.hidden.value_mut().fill(Dual::constant(9.0)); // does not matter
    let found = Sharpness::new().tolerance(1e-9).products(2000).of_model(&net, &mut twin, |net| net.loss(0)).unwrap();
    // The Rayleigh quotient by differences of gradients along the vector found, and no direction beats it.
    let gradients = |at: &Net<f64>| at.loss(0).unwrap().backward().unwrap();
    let product = |v: &[ArrayD<f64>]| -> f64 {
        const H: f64 = 1e-5;
        let moved = |sign: f64| {
            let mut net = net.clone();
            net.hidden.value_mut().scaled_add(sign * H, &v[0]);
            net.bias.value_mut().scaled_add(sign * H, &v[1]);
            net.out.value_mut().scaled_add(sign * H, &v[2]);
            let g = gradients(&net);
            [&net.hidden, &net.bias, &net.out].map(|p| g.get_id(p.id()).unwrap().to_owned().into_array())
        };
        let (plus, minus) = (moved(1.0), moved(-1.0));
        plus.iter().zip(&minus).zip(v).map(|((p, m), v)| ((p - m) * v).sum() / (2.0 * H)).sum()
    };
    assert!((product(&found.vector) - found.value).abs() < 1e-6 * found.value.abs());
    for seed in 0..20 {
        let mut v: Vec<ArrayD<f64>> =
            [&net.hidden, &net.bias, &net.out].iter().map(|p| numbers(p.shape(), f64::from(seed))).collect();
        let length = v.iter().flatten().map(|v| v * v).sum::<f64>().sqrt();
        v.iter_mut().for_each(|v| v.mapv_inplace(|x| x / length));
        assert!(product(&v) <= found.value + 1e-6);
    }
    let mut other: Parameter<Dual<f64>> = array![Dual::constant(0.0)].into();
    let error = Sharpness::new().of_model(&net, &mut other, |w| quadratic(w, &[1.0])).unwrap_err();
    assert!(error.to_string().contains("lacks it"), "{error}");
}

#[test]
fn sharpness_along_training() {
    let (mut net, mut twin) = (Net::<f64>::new(), Net::<Dual<f64>>::new());
    let (mut sgd, mut same) = (Sgd::new(0.1), Net::<f64>::new());
    let train = |net: &mut Net<f64>, sgd: &mut Sgd<f64>| -> Result<f64> {
        let loss = net.loss(0)?;
        let value = loss.item().unwrap();
        sgd.step(net, &loss.backward()?)?;
        Ok(value)
    };
    let curve = Sharpness::new()
        .along((&mut net, &mut twin), (10, 5), |net, _| train(net, &mut sgd), |net| net.loss(0))
        .unwrap();
    assert_eq!(curve.points.iter().map(|point| point.step).collect::<Vec<_>>(), [0, 5, 10]);
    assert!(curve.points[0].loss > curve.points[1].loss && curve.points[2].loss.is_none());
    for _ in 0..10 {
        train(&mut same, &mut Sgd::new(0.1)).unwrap();
    }
    assert_eq!(bits(&net), bits(&same)); // measuring does not disturb
    assert!(curve.to_svg(0.1).contains("2 / lr"));
    let never = Sharpness::new().along((&mut net, &mut twin), (1, 0), |_, _| Ok(0.0), |net| net.loss(0));
    assert_eq!(never.unwrap_err().to_string(), "sharpness: every 0: must be at least 1");
}
