//! The range test, slices of the loss, directions: the model stays as it was.

use super::{Net, bits, quadratic};
use gradus_linalg::Real;
use gradus_nn_layers::{Module, Parameter};
use gradus_optim::race::Race;
use gradus_optim::see::{Direction, RangeTest, Trajectories, plane, slice, surface};
use gradus_optim::{Adam, Error, Sgd};
use ndarray::array;

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
