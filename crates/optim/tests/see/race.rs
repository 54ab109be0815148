//! Races, trajectories and contour lines.

use super::{Net, quadratic};
use gradus_nn_layers::{Parameter, Var};
use gradus_optim::race::Race;
use gradus_optim::see::{Trajectories, contour, surface};
use gradus_optim::{Adam, Groups, Sgd};
use ndarray::{Array2, array};

#[test]
fn contours_of_a_circle_are_circles() {
    let axis: Vec<f64> = (-100..=100).map(|i| f64::from(i) / 50.0).collect();
    let z = Array2::from_shape_fn((201, 201), |(i, j)| axis[j].powi(2) + axis[i].powi(2));
    for radius in [0.3_f64, 1.0, 1.7] {
        let lines = contour(&axis, &axis, &z, radius * radius).unwrap();
        assert!(lines.iter().flatten().all(|[x, y]| (x.hypot(*y) - radius).abs() < 0.0005));
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
    assert!(svg.contains(">start<") && svg.contains(">height "), "{svg}");

    // Beale's minimum, at (3, 0.5), lies outside what holds the start: the picture grows, and shows the end.
    let beale = Trajectories::new("Beale", surface::beale, [1.0, 1.5], 300).walk("adam", Adam::new(0.05)).unwrap();
    assert!(beale.walks()[0].end()[0] > 1.3 * 1.5);
    let discs = |svg: String| -> Vec<f64> {
        let after = |text: &str| text[..text.find('"').unwrap()].parse().unwrap();
        svg.split("<circle cx=\"").skip(1).map(after).collect()
    };
    let (left, right) = (78.0, 478.0); // of the frame
    assert!(discs(beale.to_svg().unwrap()).iter().take(2).all(|x| (left..right).contains(x)));
    let narrow = beale.window([-1.95, 1.95], [-1.95, 1.95]);
    assert!(discs(narrow.to_svg().unwrap()).iter().take(2).any(|x| !(left..right).contains(x)));

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
