//! What is shown of an optimization, against answers that are known.

#![allow(clippy::unwrap_used)] // also in the helpers of the tests

use gradus_autograd::{Dual, Leaf};
use gradus_linalg::Real;
use gradus_nn_layers::{Buffer, Gradients, Module, Parameter, Result, Tape, Var};
use gradus_optim::race::Race;
use gradus_optim::see::{
    Change, Direction, Explained, RangeTest, Sharpness, Trajectories, contour, plane, slice, surface,
};
use gradus_optim::{Adam, AdamW, Clipper, Error, Groups, Optimizer, Sgd, decays, fused, without_decay};
use ndarray::{Array2, ArrayD, ArrayViewD, ArrayViewMutD, IxDyn, arr1, array};

/// A network of one hidden layer, with a buffer and a frozen parameter, over any number type.
#[derive(Module, Clone)]
struct Net<F: Real> {
    hidden: Parameter<F>,
    bias: Parameter<F>,
    out: Parameter<F>,
    scale: Parameter<F>,
    mean: Buffer<F>,
}

fn numbers<F: Real>(shape: &[usize], phase: f64) -> ArrayD<F> {
    let mut i = phase;
    ArrayD::from_shape_simple_fn(IxDyn(shape), || {
        i += 1.0;
        F::from_f64((i * 1.3).sin())
    })
}

impl<F: Real> Net<F> {
    fn new() -> Self {
        let mut scale: Parameter<F> = numbers(&[1], 0.4).into();
        scale.set_trainable(false);
        Self {
            hidden: numbers(&[3, 4], 0.0).into(),
            bias: numbers(&[4], 0.1).into(),
            out: numbers(&[4, 2], 0.2).into(),
            scale,
            mean: numbers(&[2], 0.3).into(),
        }
    }

    fn loss(&self, step: u64) -> Result<Var<F>> {
        let tape = Tape::recording();
        let x = tape.input(numbers::<F>(&[5, 3], step as f64));
        let hidden = x.matmul(&tape.parameter(&self.hidden))?.try_add(&tape.parameter(&self.bias))?.tanh();
        let y = hidden.matmul(&tape.parameter(&self.out))?.try_mul(&tape.parameter(&self.scale))?;
        tape.update(self.mean.id(), numbers::<F>(&[2], step as f64));
        Ok(y.try_sub(&tape.input(numbers::<F>(&[5, 2], 7.0)))?.square().mean())
    }
}

/// Every bit of parameters and buffers.
fn bits<F: Real>(model: &dyn Module<F>) -> Vec<u64> {
    let parameters = model.parameters().into_iter().flat_map(|(_, p)| p.value().iter().map(|x| x.to_f64().to_bits()));
    let buffers = model.buffers().into_iter().flat_map(|(_, b)| b.value().iter().map(|x| x.to_f64().to_bits()));
    parameters.chain(buffers).collect()
}

/// `Σ aᵢ wᵢ² / 2`: the Hessian is the diagonal `a`.
fn quadratic<F: Real>(w: &Parameter<F>, a: &[f64]) -> Result<Var<F>> {
    let tape = Tape::recording();
    let a = tape.input(arr1(a).mapv(|a| F::from_f64(0.5 * a)));
    Ok(tape.parameter(w).square().try_mul(&a)?.sum())
}

fn range_test<F: Real>() {
    let mut w: Parameter<F> = array![1.0, -2.0, 0.5].mapv(F::from_f64).into();
    let before = bits(&w);
    for highest in [4.0, 40.0, 400.0] {
        let loss = |w: &Parameter<F>, _| quadratic(w, &[1.0, 0.5, highest]);
        let curve = RangeTest::new(1e-6, 100.0).steps(200).run(&mut w, Sgd::new(1.0), loss).unwrap();
        let rate = curve.suggestion().unwrap();
        assert!(rate < 2.0 / highest && rate > 0.001 / highest, "{rate} for {highest}");
        assert!(curve.diverged() && curve.losses().len() < 200);
        assert_eq!(bits(&w), before);
        assert!(curve.to_svg().contains("falls fastest"));
    }
}

#[test]
fn the_range_test_finds_a_rate_that_does_not_diverge() {
    range_test::<f64>();
    range_test::<f32>();
}

#[test]
fn a_range_test_in_which_nothing_falls_suggests_nothing() {
    let mut w: Parameter<f64> = array![0.0].into();
    let curve = RangeTest::new(0.1, 1.0).steps(5).run(&mut w, Sgd::new(1.0), |w, _| quadratic(w, &[1.0])).unwrap();
    assert_eq!((curve.suggestion(), curve.diverged(), curve.rates().len()), (None, false, 5));
    assert!((curve.rates()[4] - 1.0).abs() < 1e-12);
    let _ = curve.to_svg();
}

#[test]
fn looking_changes_no_bit_also_when_it_fails() {
    let mut net = Net::<f32>::new();
    let before = bits(&net);
    let curve = RangeTest::new(1e-4, 10.0).run(&mut net, Adam::new(0.1), Net::loss).unwrap();
    assert!(curve.losses().len() > 10);
    assert_eq!(bits(&net), before);

    let (d, e) = (Direction::filter_normalized(&net, 1), Direction::filter_normalized(&net, 2));
    let here = f64::from(net.loss(0).unwrap().item().unwrap());
    let line = slice(&mut net, &d, 1.0, 9, |net| net.loss(0)).unwrap();
    assert_eq!((line.at[4], line.losses[4]), (0.0, here));
    let area = plane(&mut net, [&d, &e], 1.0, 9, |net| net.loss(0)).unwrap();
    assert_eq!(area.losses[[4, 4]], here);
    assert_eq!(area.losses.row(4).to_vec(), line.losses); // the second direction at 0
    assert_ne!(area.losses[[0, 4]], here);
    assert_eq!(bits(&net), before);

    let failing =
        |net: &Net<f32>, step: u64| if step < 3 { net.loss(step) } else { Err(Error::Metric { metric: 0.0 }.into()) };
    assert!(RangeTest::new(1e-4, 10.0).run(&mut net, Adam::new(0.1), failing).is_err());
    assert_eq!(bits(&net), before);
    assert!(slice(&mut net, &d, 1.0, 9, |net| failing(net, 5)).is_err());
    assert_eq!(bits(&net), before);
}

#[test]
fn directions_are_in_units_of_the_filters() {
    let net = Net::<f64>::new();
    let d = Direction::filter_normalized(&net, 3);
    let names: Vec<_> = d.parts().iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["hidden", "bias", "out"]); // not the frozen one
    assert!(d.parts()[1].1.iter().all(|&d| d == 0.0));
    for (i, row) in d.parts()[0].1.outer_iter().enumerate() {
        let norm = |x: ndarray::ArrayViewD<'_, f64>| x.iter().map(|x| x * x).sum::<f64>().sqrt();
        let wanted = norm(net.hidden.value().index_axis(ndarray::Axis(0), i));
        assert!((norm(row) - wanted).abs() < 1e-12);
    }
    assert_eq!(d, Direction::filter_normalized(&net, 3));
    assert_ne!(d, Direction::filter_normalized(&net, 4));
}

#[test]
fn a_direction_towards_another_model_arrives_there() {
    let mut net = Net::<f64>::new();
    let mut other = net.clone();
    other.hidden.value_mut().mapv_inplace(|x| x * 0.5);
    other.bias.value_mut().fill(0.25);
    let there = other.loss(0).unwrap().item().unwrap();
    let d = Direction::towards(&net, &other.state_dict()).unwrap();
    let line = slice(&mut net, &d, 1.0, 3, |net| net.loss(0)).unwrap();
    assert!((line.losses[2] - there).abs() < 1e-14);

    let w: Parameter<f64> = array![1.0].into();
    let error = Direction::towards(&net, &w.state_dict()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "hidden: the one has shape [3, 4], the other lacks it; are they of the same kind of model?"
    );
    let mut smaller: Parameter<f64> = array![[1.0]].into();
    let d = Direction::filter_normalized(&Parameter::<f64>::from(array![[1.0, 2.0]]), 0);
    let error = slice(&mut smaller, &d, 1.0, 3, |w| quadratic(w, &[1.0])).unwrap_err();
    assert!(error.to_string().contains("shape [1, 1], the other [1, 2]"), "{error}");
    assert_eq!(smaller.value(), &array![[1.0]]);
}

#[test]
fn settings_of_looking_are_checked() {
    let mut w: Parameter<f64> = array![1.0].into();
    let d = Direction::filter_normalized(&w, 0);
    let loss = |w: &Parameter<f64>| quadratic(w, &[1.0]);
    let message = |error: gradus_nn_layers::Error| error.to_string();
    assert_eq!(message(slice(&mut w, &d, 0.0, 5, loss).unwrap_err()), "slice: reach 0: must be finite and above 0");
    assert_eq!(message(plane(&mut w, [&d, &d], 1.0, 1, loss).unwrap_err()), "plane: points 1: must be at least 2");
    let mut range = |test: RangeTest| message(test.run(&mut w, Sgd::new(0.1), |w, _| loss(w)).unwrap_err());
    assert_eq!(range(RangeTest::new(0.0, 1.0)), "range test: min_lr 0: must be finite and above 0");
    assert_eq!(range(RangeTest::new(1.0, 0.5)), "range test: max_lr 0.5: must be finite and above min_lr");
    assert_eq!(range(RangeTest::new(0.1, 1.0).steps(2)), "range test: steps 2: must be at least 3");
    assert_eq!(range(RangeTest::new(0.1, 1.0).stop_at(1.0)), "range test: diverged 1: must be above 1");
    let error = Race::<f64>::new(0).run(|| Parameter::from(array![1.0]), |w, _| quadratic(w, &[1.0])).unwrap_err();
    assert_eq!(message(error), "race: steps 0: must be at least 1");
    let error = Trajectories::new("", surface::saddle, [1.0, 1.0], 3).window([1.0, 1.0], [0.0, 1.0]).to_svg();
    assert!(message(error.unwrap_err()).starts_with("trajectories: window x 1: must be"));
}

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

#[test]
fn contours_of_a_circle_are_circles() {
    let axis: Vec<f64> = (-40..=40).map(|i| f64::from(i) / 20.0).collect();
    let z = Array2::from_shape_fn((81, 81), |(i, j)| axis[j].powi(2) + axis[i].powi(2));
    for radius in [0.3_f64, 1.0, 1.7] {
        let lines = contour(&axis, &axis, &z, radius * radius).unwrap();
        assert!(lines.iter().flatten().all(|[x, y]| (x.hypot(*y) - radius).abs() < 0.003));
        let length: f64 = lines.iter().map(|[a, b]| (a[0] - b[0]).hypot(a[1] - b[1])).sum();
        assert!((length / radius - std::f64::consts::TAU).abs() < 0.02, "{radius}: {length}"); // closed, once around
    }
}

fn race() -> Race<f32> {
    Race::new(40)
        .entrant("sgd", Sgd::new(0.2))
        .entrant("adam", Adam::new(0.05))
        .entrant("wild", Sgd::new(1e6))
        .entrant("groups", Groups::new(Adam::new(0.05)).with(|name| name == "bias", Sgd::new(0.1)))
        .target(0.4)
}

#[test]
fn a_race_is_the_same_bits_twice() {
    let run = || race().run(Net::new, Net::loss).unwrap();
    let (first, second) = (run(), run());
    for (a, b) in first.finishes().iter().zip(second.finishes()) {
        let bits = |losses: &[f64]| losses.iter().map(|loss| loss.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&a.losses), bits(&b.losses), "{}", a.name);
        assert_eq!(a.losses[0], first.finishes()[0].losses[0]); // all from one start
    }
    assert_eq!(first.to_svg(), second.to_svg());
    // Alone, an optimizer does as in company.
    let alone = Race::<f32>::new(40).entrant("adam", Adam::new(0.05)).run(Net::new, Net::loss).unwrap();
    assert_eq!(alone.finishes()[0].losses, first.finishes()[1].losses);
}

#[test]
fn the_table_of_a_race() {
    let start = || Parameter::<f64>::from(array![1.0]);
    let results = Race::new(4)
        .entrant("half", Sgd::new(0.5))
        .entrant("none", Sgd::new(0.0))
        .entrant("out", Sgd::new(1e200))
        .target(0.01)
        .run(start, |w, _| quadratic(w, &[1.0]))
        .unwrap();
    let [half, none, out] = results.finishes() else { panic!() };
    // w: 1, 1/2, 1/4, 1/8, 1/16
    assert_eq!(half.losses, [0.5, 0.125, 0.03125, 0.0078125, 0.001953125]);
    assert_eq!((half.steps_to_target, none.steps_to_target), (Some(3), None));
    assert!(out.diverged && out.losses.len() == 2 && out.best_loss() == 0.5);
    assert_eq!(results.best().unwrap().name, "half");
    let table = results.to_string();
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("| optimizer | final loss | best loss | steps to 0.01 | time per step |"), "{table}");
    assert!(lines[2].starts_with("| half      |   0.001953 |  0.001953 |             3 |"), "{table}");
    assert!(lines[4].starts_with("| out       |   diverged |       0.5 |             – |"), "{table}");

    let empty = Race::<f64>::new(1).run(start, |w, _| quadratic(w, &[1.0])).unwrap();
    assert!(empty.best().is_none() && empty.to_svg().ends_with("</svg>\n") && empty.to_string().lines().count() == 2);
}

#[test]
fn trajectories_go_downhill_and_end_where_numbers_do() {
    let paths = Trajectories::new("rosenbrock", surface::rosenbrock, [-1.0, 1.0], 3000)
        .walk("adam", Adam::new(0.02))
        .unwrap()
        .walk("wild", Sgd::new(1.0))
        .unwrap();
    let [adam, wild] = paths.walks() else { panic!() };
    assert_eq!((adam.points[0], adam.values[0]), ([-1.0, 1.0], 4.0));
    let [x, y] = adam.end();
    assert!((x - 1.0).abs() < 0.01 && (y - 1.0).abs() < 0.02, "{x} {y}");
    assert_eq!(adam.points.len(), 3001);
    assert!(wild.points.len() < 20 && wild.values.iter().all(|value| value.is_finite()));
    let svg = paths.to_svg().unwrap();
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");

    // From the ridge of the saddle nothing moves; beside it everyone leaves.
    let ridge = Trajectories::new("saddle", surface::saddle, [1.0, 0.0], 200).walk("sgd", Sgd::new(0.1)).unwrap();
    assert!(ridge.walks()[0].end().iter().all(|c| c.abs() < 1e-9));
    let beside = Trajectories::new("saddle", surface::saddle, [1.0, 1e-3], 60).walk("sgd", Sgd::new(0.1)).unwrap();
    assert!(beside.walks()[0].end()[1] > 10.0);
    let beale = Trajectories::new("beale", surface::beale, [3.0, 0.5], 1).walk("sgd", Sgd::new(0.1)).unwrap();
    assert!(beale.walks()[0].values[0] < 1e-20); // its minimum
    // A function that is not of elements cannot be drawn, and says so.
    let sum = |x: &Var<f64>, y: &Var<f64>| Ok(x.try_add(y)?.sum());
    let error = Trajectories::new("sum", sum, [0.0, 0.0], 1).to_svg().unwrap_err();
    assert!(error.to_string().starts_with("contour: values []"), "{error}");
}

/// An optimizer that explains nothing.
struct Plain;

impl Optimizer<f64> for Plain {
    fn update(&mut self, _: &str, p: ArrayViewMutD<'_, f64>, g: ArrayViewD<'_, f64>) -> gradus_optim::Result<()> {
        fused(p, g, &mut [], |p, g, []| *p -= 0.5 * g);
        Ok(())
    }
    fn lr(&self) -> f64 {
        0.25
    }
    fn set_lr(&mut self, _: f64) {}
}

/// The lines of some steps with gradients 2 and 1, from θ = 1.
fn lines(optimizer: impl Optimizer<f64>) -> Vec<Vec<String>> {
    let mut explained = Explained::new(optimizer).element("w", &[0]);
    let mut p = arr1(&[1.0]).into_dyn();
    for g in [2.0, 1.0] {
        explained.update("w", p.view_mut(), arr1(&[g]).into_dyn().view()).unwrap();
    }
    explained.explanations().iter().map(|explanation| explanation.lines.clone()).collect()
}

#[test]
fn steps_are_explained_with_their_numbers() {
    assert_eq!(
        lines(Sgd::new(0.1)),
        [["g = 2", "θ ← θ − lr · g = 1 − 0.1 · 2 = 0.8"], ["g = 1", "θ ← θ − lr · g = 0.8 − 0.1 · 1 = 0.7"]]
    );
    assert_eq!(
        lines(Sgd::new(0.1).momentum(0.5).nesterov().weight_decay(0.5))[0],
        [
            "g ← g + λ θ = 2 + 0.5 · 1 = 2.5",
            "v ← g = 2.5",
            "d = g + μ v = 2.5 + 0.5 · 2.5 = 3.75",
            "θ ← θ − lr · d = 1 − 0.1 · 3.75 = 0.625",
        ]
    );
    assert_eq!(
        lines(Sgd::new(0.1).momentum(0.5).dampening(0.5))[1][1],
        "v ← μ v + (1 − τ) g = 0.5 · 2 + 0.5 · 1 = 1.5"
    );
    let adam = lines(Adam::new(0.1).betas(0.5, 0.5).eps(0.0));
    assert_eq!(
        adam[1],
        [
            "g = 1",
            "m ← β₁ m + (1 − β₁) g = 0.5 · 1 + 0.5 · 1 = 1",
            "v ← β₂ v + (1 − β₂) g² = 0.5 · 2 + 0.5 · 1² = 1.5",
            "m̂ = m / (1 − β₁^2) = 1 / 0.75 = 1.33333",
            "v̂ = v / (1 − β₂^2) = 1.5 / 0.75 = 2",
            "θ ← θ − lr · m̂ / (√v̂ + ε) = 0.9 − 0.1 · 1.33333 / (√2 + 0) = 0.805719",
        ]
    );
    let amsgrad = lines(Adam::new(0.1).betas(0.5, 0.5).amsgrad());
    assert_eq!(amsgrad[1][3], "v ← max(2, 1.5) = 2");
    let adamw = lines(AdamW::new(0.1).weight_decay(0.5));
    assert_eq!(adamw[0][1], "θ ← (1 − lr · λ) θ = (1 − 0.1 · 0.5) · 1 = 0.95");
    assert!(adamw[0].last().unwrap().starts_with("θ ← θ − lr · m̂ / (√v̂ + ε) = 0.95 − 0.1 · 2 / (√4 + 1e-8) = 0.85"));
    assert_eq!(lines(Plain)[0], ["g = 2, lr = 0.25", "θ: 1 → 0, by -1 = -2 · lr · g"]);
    // A group explains by its own rule, with its own rate.
    let groups = Groups::new(Adam::new(0.1)).with(|name| name == "w", Sgd::new(0.2));
    assert_eq!(lines(groups)[0], ["g = 2", "θ ← θ − lr · g = 1 − 0.2 · 2 = 0.6"]);
    assert_eq!(lines(Box::new(Sgd::new(0.1)) as Box<dyn Optimizer<f64>>)[0].len(), 2);
}

#[test]
fn a_change_in_plain_numbers() {
    let mut explained = Explained::new(Sgd::new(0.1).momentum(0.5)).element("w", &[0]);
    let mut p = arr1(&[1.0]).into_dyn();
    explained.update("w", p.view_mut(), arr1(&[2.0]).into_dyn().view()).unwrap();
    let change: &Change = &explained.explanations()[0].change;
    assert_eq!(change.plain(), ["g = 2, lr = 0.1", "momentum_buffer: 0 → 2", "θ: 1 → 0.8, by -0.2 = -1 · lr · g"]);
    assert!(explained.explanations()[0].to_string().starts_with("w[0], step 1\n    g = 2\n"));
}

fn step_of(net: &Net<f64>) -> Gradients<f64> {
    net.loss(0).unwrap().backward().unwrap()
}

#[test]
fn watching_changes_no_bit() {
    let make = || Groups::new(Adam::new(0.05)).with(|name| name == "bias", Sgd::new(0.1).momentum(0.9));
    let (mut plain, mut watched) = (Net::new(), Net::new());
    let (mut inner, mut explained) = (make(), Explained::new(make()).element("out", &[1, 1]));
    for _ in 0..5 {
        inner.step(&mut plain, &step_of(&plain)).unwrap();
        let gradients = step_of(&watched);
        explained.step(&mut watched, &gradients).unwrap();
    }
    assert_eq!(bits(&plain), bits(&watched));
    assert_eq!(inner.state(), explained.state());
    assert_eq!(explained.explanations().len(), 5);
    assert_eq!(explained.log().rows().len(), 15);
    assert_eq!(explained.log().last().iter().map(|row| row.step).collect::<Vec<_>>(), [4, 4, 4]);
    let svg = explained.log().to_svg();
    assert!(svg.contains("hidden") && !svg.contains("NaN"));
    assert!(
        explained.log().to_string().starts_with("| parameter | step | update / weight | effective lr | cosine |\n")
    );

    let mut outside = Explained::new(make()).element("out", &[4, 0]);
    let error = outside.step(&mut watched, &step_of(&plain.clone())).unwrap_err();
    assert!(matches!(error, Error::NoGradient { .. }));
    let gradients = step_of(&watched);
    let error = outside.step(&mut watched, &gradients).unwrap_err();
    assert_eq!(error.to_string(), "explained: out: no element [4, 0] in shape [4, 2]");
}

#[test]
fn length_and_direction_of_plain_descent() {
    let mut sgd = Explained::new(Sgd::new(0.125));
    let mut w: Parameter<f64> = array![3.0, 4.0].into();
    let gradients = quadratic(&w, &[2.0, 2.0]).unwrap().backward().unwrap();
    sgd.step(&mut w, &gradients).unwrap();
    let row = &sgd.log().rows()[0];
    for (got, expected) in [(row.ratio, 0.25), (row.effective_lr, 0.125), (row.cosine, 1.0)] {
        assert!((got - expected).abs() < 1e-12, "{row:?}");
    }
    // A step of nothing divides by nothing.
    let mut none = Explained::<_, f64>::new(Sgd::new(0.0));
    none.update("w", ArrayD::zeros(IxDyn(&[0])).view_mut(), ArrayD::zeros(IxDyn(&[0])).view()).unwrap();
    assert_eq!((none.log().rows()[0].ratio, none.log().rows()[0].cosine), (0.0, 0.0));
}

#[test]
fn a_clipper_counts() {
    let w: Parameter<f64> = array![1.0].into();
    let mut clipper = Clipper::new(2.0);
    for (g, after) in [(1.0, 1.0), (-4.0, -2.0), (2.0, 2.0), (8.0, 2.0)] {
        let mut gradients = Tape::recording().parameter(&w).backward_with(array![g]).unwrap();
        assert_eq!(clipper.clip(&mut gradients).unwrap(), f64::abs(g));
        assert!((gradients.get(&w).unwrap()[[0]] - after).abs() < 1e-5);
    }
    assert_eq!((clipper.steps(), clipper.clipped(), clipper.share(), clipper.largest()), (4, 2, 0.5, 8.0));
    let mut bad = Tape::recording().parameter(&w).backward_with(array![f64::NAN]).unwrap();
    assert!(clipper.clip(&mut bad).is_err());
    assert_eq!(clipper.steps(), 4);
    assert_eq!(
        Clipper::new(-1.0).validate().unwrap_err().to_string(),
        "clipper: max_norm -1: must be finite and not negative"
    );
    assert_eq!(Clipper::new(1.0).share(), 0.0);
}

#[test]
fn decay_is_for_weights() {
    for (name, shape, expected) in [
        ("weight", &[2, 2][..], true),
        ("", &[2, 2], true),
        ("conv1.weight", &[8, 3, 3, 3], true),
        ("lstm.weight_hh_l0", &[8, 2], true),
        ("encoder.0.lnear.weight", &[2, 2], true),
        ("fc.bias", &[2], false),
        ("attention.bias_k", &[1, 1, 4], false),
        ("ln_1.weight", &[2, 2], false),
        ("BatchNorm.weight", &[2], false),
        ("temperature", &[], false),
    ] {
        assert_eq!(decays(name, shape), expected, "{name}");
    }
    let net = Net::<f64>::new();
    let spared = without_decay(&net);
    assert_eq!(["hidden", "bias", "out", "scale", "other"].map(spared), [false, true, false, true, false]);
}

/// Gradients of micro-batches, added and scaled, are those of the whole batch.
#[test]
fn accumulated_gradients_are_those_of_the_whole() {
    let net = Net::<f64>::new();
    let each = |step| net.loss(step).unwrap().backward().unwrap();
    let mut sum = each(0) + each(1);
    sum.scale(0.5);
    let whole = net.loss(0).unwrap().backward().unwrap();
    let other = each(1);
    for id in [net.hidden.id(), net.out.id()] {
        let mean = (&**whole.get_id(id).unwrap() + &**other.get_id(id).unwrap()) * 0.5;
        assert!(sum.get_id(id).unwrap().iter().zip(&mean).all(|(a, b)| (a - b).abs() < 1e-15));
    }
}
