//! The regions of models whose regions are known, and the picture of them.

use gradus_nn_layers::ndarray::{Array1, Array2, array};
use gradus_nn_layers::{Apply, Error, Flatten, Layer, Linear, Real, Sequential, Var, decision_regions, sequential};
use gradus_testing::refuses;

fn square<F: Real>() -> Array2<F> {
    array![[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]].mapv(F::from_f64)
}

/// `x + y > ½`
fn line<F: Real>() -> Linear<F> {
    let weight = array![[2.0, 2.0]].mapv(F::from_f64);
    Linear::from_parts(weight, Some(Array1::from_elem(1, F::from_f64(-1.0)).into())).unwrap()
}

/// What the picture is made of: the colour of each region with the area of its cells, in pixels.
fn areas(svg: &str) -> Vec<(String, usize)> {
    let paths = svg.lines().filter(|line| line.contains("fill-opacity"));
    let area = |line: &str| {
        let (path, rest) = line.split_once("d=\"").unwrap().1.split_once('"').unwrap();
        let colour = rest.split('"').nth(1).unwrap().to_owned();
        let runs = path.split('h').skip(1).filter_map(|run| run.split('v').next().unwrap().parse::<usize>().ok());
        (colour, runs.map(|width| 2 * width).sum())
    };
    paths.map(area).collect()
}

fn a_line_halves<F: Real>() {
    let labels = array![0, 1, 1, 0];
    let regions = decision_regions(&line::<F>(), &square(), &labels).unwrap();
    assert_eq!((regions.classes, regions.mistakes()), (2, vec![3]));
    assert_eq!(regions.predicted, [Some(0), Some(1), Some(1), Some(1)]);
    // The square around the points reaches a quarter of their range beyond them.
    assert!((regions.x[0] - (-0.25 + 1.5 / 480.0)).abs() < 1e-12 && regions.x.len() == regions.y.len());
    for ((i, j), class) in regions.regions.indexed_iter() {
        let sum = regions.x[j] + regions.y[i];
        assert!((sum - 0.5).abs() < 1e-6 || *class == Some(usize::from(sum > 0.5)), "{sum} {class:?}");
    }
    let svg = regions.svg("a < b & c");
    assert!(svg.contains("<title>a &lt; b &amp; c</title>"), "{svg}");
    assert_eq!((svg.matches("<svg").count(), svg.matches("</svg>").count()), (1, 1));
    assert_eq!(svg.matches("<g").count(), svg.matches("</g>").count());
    // Every cell is in one region; the corner below the line is x + y < 1 of a square of 1.5 by 1.5.
    let areas = areas(&svg);
    assert_eq!(areas.iter().map(|(_, area)| area).sum::<usize>(), 480 * 480);
    let corner = areas[0].1 as f64 / (480.0 * 480.0);
    assert!((corner - 0.5 / 2.25).abs() < 0.01, "{corner}");
    // One sample is crossed out, and the legend says what that means.
    assert_eq!(svg.matches("M-11,-11L11,11").count(), 2);
    let right = decision_regions(&line::<F>(), &square(), &array![0, 1, 1, 1]).unwrap().svg("");
    assert!(!right.contains("M-11,-11L11,11") && !right.contains(">wrong<"));
}

#[test]
fn a_line_halves_the_plane() {
    a_line_halves::<f32>();
    a_line_halves::<f64>();
}

#[test]
fn a_mark_stands_where_its_sample_is() {
    let svg = decision_regions(&line::<f64>(), &square(), &array![0, 1, 1, 1]).unwrap().svg("");
    // (0, 0) and (1, 1) in a frame of 480 pixels from −0.25 to 1.25.
    for at in ["translate(80.0 400.0)", "translate(400.0 80.0)"] {
        assert!(svg.contains(at), "{at}: {svg}");
    }
}

#[test]
fn the_largest_output_wins() {
    // Three classes: the nearest of three corners, as a linear model.
    let corners =
        Linear::<f32>::from_parts(array![[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]], Some(array![0.0, -1.0, -1.0].into()))
            .unwrap();
    let regions = decision_regions(&corners, &square(), &array![0, 2, 1, 1]).unwrap();
    assert_eq!((regions.classes, regions.mistakes()), (3, vec![]));
    assert_eq!(areas(&regions.svg("three")).len(), 3);

    // One output without an axis of its own, and what is not a number is no class.
    let root = Apply::new(|x: &Var| Ok(x.sum_axes(&[-1], false)?.ln()));
    let regions = decision_regions(&root, &array![[-1.0, 0.0], [2.0, 2.0]], &array![0, 1]).unwrap();
    assert_eq!((regions.predicted.clone(), regions.mistakes()), (vec![None, Some(1)], vec![0]));
    let drawn: usize = areas(&regions.svg("root")).iter().map(|(_, area)| area).sum();
    assert!(drawn > 480 * 480 / 2 && drawn < 480 * 480);
}

#[test]
fn samples_may_lie_anywhere() {
    for points in [
        array![[0.0, 0.0]],
        array![[5.0, -3.0], [5.0, -3.0]],
        array![[9e29, -9e29], [-9e29, 9e29]],
        array![[1e12, 0.0], [1e12 + 1e-3, 0.0]],
        array![[1e-300, 0.0], [0.0, 0.0]],
        array![[0.0, 0.0], [1e-3, 7e4]],
    ] {
        let labels = Array1::zeros(points.nrows());
        let svg = decision_regions(&line::<f64>(), &points, &labels).unwrap().svg("anywhere");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{points}");
        let svg = decision_regions(&line::<f32>(), &points.mapv(|x| x as f32), &labels).unwrap().svg("anywhere");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{points}");
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let of =
        |model: &dyn Layer<f64>, points: &Array2<f64>, labels: &Array1<usize>| decision_regions(model, points, labels);
    refuses!(
        of(&line(), &Array2::zeros((4, 3)), &array![0, 0, 0, 1]),
        Error::UnfitShape { .. },
        @"decision_regions: shape [4, 3]: points of the plane, (N, 2), would fit"
    );
    refuses!(
        of(&line(), &square(), &array![0]),
        Error::LabelShape { .. },
        @"decision_regions: logits [4, 2], labels [1]: labels of shape [4] would fit"
    );
    refuses!(
        of(&line(), &Array2::zeros((0, 2)), &Array1::zeros(0)),
        Error::EmptyBatch { .. },
        @"decision_regions: input of shape [0, 2]: it holds nothing to compute a loss of; give at least one sample"
    );
    refuses!(
        of(&line(), &array![[0.0, f64::INFINITY]], &array![0]),
        Error::TargetValue { .. },
        @"decision_regions: coordinate inf at [0, 1]: a number within 1e30 of 0 would fit"
    );
    refuses!(
        of(&line(), &square(), &array![0, 1, 2, 0]),
        Error::LabelOutOfRange { .. },
        @"decision_regions: label 2 at [2]: there are 2 classes, so labels lie below 2"
    );
    let sum = Apply::new(|x: &Var<f64>| Ok(x.sum()));
    refuses!(
        of(&sum, &square(), &array![0, 1, 1, 0]),
        Error::UnfitShape { .. },
        @"decision_regions: shape []: a model that gives (N, classes), or (N, 1) or (N) for two classes, would fit"
    );
    let three: Sequential<f64> = sequential![Flatten, Linear::from_parts(array![[1.0, 1.0, 1.0]], None).unwrap()];
    refuses!(
        of(&three, &square(), &array![0, 1, 1, 0]),
        Error::InLayer { .. },
        @"layer `1`: linear: input [4, 2]: its last axis is 2 long; this layer takes 3 features on the last axis, (…, 3); Linear::new(2, …) would take it"
    );
}
