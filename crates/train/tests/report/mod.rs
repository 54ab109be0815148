//! What a report shows, whatever it is given.

#[cfg(unix)]
mod browser;
mod gradients;
#[cfg(unix)]
mod looks;

use crate::checkpoints::Temporary;
use gradus_data::Labelled;
use gradus_nn_layers::{Linear, Relu, Sequential, Verdict, summary};
use gradus_train::{
    Comparison, ConfusionMatrix, EpochRecord, Error, Evaluation, GradientRecord, History, MetricRecord, Mistake, Report,
};
use ndarray::{Array2, Array4};
use rand::{SeedableRng, rngs::StdRng};
use std::fs;

/// A run of so many epochs that over-fits in the end, with gradients of `layers` layers, the first of which vanish.
fn history(epochs: usize, layers: usize) -> History {
    let t = |epoch: usize| epoch as f64 / epochs.max(20) as f64 * 20.0;
    let record = |epoch| EpochRecord {
        epoch,
        train_loss: 0.8 * (-0.3 * t(epoch)).exp() + 0.001,
        train_accuracy: 1.0 - 0.3 * (-0.3 * t(epoch)).exp(),
        test_loss: 0.8 * (-0.3 * t(epoch)).exp() + 0.05 + 0.0002 * t(epoch).powi(2),
        test_accuracy: 0.97 - 0.3 * (-0.3 * t(epoch)).exp(),
        lr: 0.002 * (1.0 + (t(epoch) / 20.0 * std::f64::consts::PI).cos()) / 2.0,
        seconds: 0.25 * epoch as f64,
    };
    let metric =
        |epoch| MetricRecord { epoch, name: "F1 (macro)".to_owned(), value: record(epoch).test_accuracy - 0.01 };
    let gradient = |epoch, layer: usize, name: &str, numbers| {
        let norm = (0.4 - 0.05 * t(epoch)).exp() * 10_f64.powf(-0.9 * (layers - 1 - layer) as f64);
        let parameter = format!("block{layer}.{name}");
        let verdict = if layers - layer > 5 { Verdict::Vanishing } else { Verdict::Healthy };
        let zeros = if layer.is_multiple_of(3) { 0.0 } else { 0.1 * (layer % 7) as f64 };
        GradientRecord {
            epoch,
            step: 10 * epoch as u64,
            parameter,
            numbers,
            norm,
            weight_norm: 3.0,
            zeros,
            not_finite: 0.0,
            verdict,
        }
    };
    History {
        epochs: (1..=epochs).map(record).collect(),
        metrics: (1..=epochs).map(metric).collect(),
        gradients: (1..=epochs)
            .flat_map(|epoch| {
                (0..layers)
                    .flat_map(move |layer| [gradient(epoch, layer, "weight", 64), gradient(epoch, layer, "bias", 8)])
            })
            .collect(),
        samples: 1437,
        kept_epoch: epochs,
        stopped_early: false,
    }
}

/// What a classifier of so many classes makes of its samples: mistakes here and there.
fn evaluation(classes: usize, mistakes: usize) -> Evaluation {
    let mut counts = Array2::from_diag_elem(classes, 30);
    let wrong = |i: usize| (i * 7 % classes, (i * 7 + 1 + i % (classes - 1).max(1)) % classes);
    (0..mistakes).for_each(|i| counts[wrong(i)] += 1 + i % 3);
    let mistake =
        |i| Mistake { sample: i, label: wrong(i).0, predicted: wrong(i).1, confidence: 0.99 - 0.01 * i as f64 };
    let confusion = ConfusionMatrix { counts };
    Evaluation {
        loss: 0.123,
        accuracy: confusion.accuracy(),
        mistakes: (0..mistakes).map(mistake).collect(),
        confusion,
    }
}

/// Images of 8 × 8 with something on them.
fn images(n: usize, classes: usize) -> Labelled<f32> {
    let pixel = |(i, _, y, x): (usize, usize, usize, usize)| {
        ((x as f32 - 3.5).hypot(y as f32 - 3.5) - 2.0 - (i % 3) as f32).abs()
    };
    Labelled::new(Array4::from_shape_fn((n, 1, 8, 8), pixel), (0..n).map(|i| i % classes).collect::<Vec<_>>(), classes)
        .unwrap()
}

const LONG: &str = "an extraordinarily_long_name_without_any_place_to_break_it_anywhere_";

/// 200 letters.
fn long() -> String {
    LONG.repeat(3)[..200].to_owned()
}

fn usual(folder: &Temporary) -> String {
    let (history, evaluation) = (history(30, 4), evaluation(10, 12));
    let mut rng = StdRng::seed_from_u64(1);
    let model: Sequential =
        Sequential::new().push(Linear::new(64, 32, &mut rng)).push(Relu).push(Linear::new(32, 10, &mut rng));
    let report = Report::new("Digits", &history)
        .evaluation(&evaluation)
        .draw_mistakes(&images(20, 10), 8, 8)
        .unwrap()
        .summary(summary(&model, &[1, 64]).unwrap())
        .model(&model)
        .setting("seed", 7)
        .setting("learning rate", "0.002, falling to 0 as a cosine");
    fs::read_to_string(report.write(&folder.0).unwrap()).unwrap()
}

/// Everything that a page can choke on.
fn hostile(folder: &Temporary, epochs: usize, classes: usize, layers: usize) -> String {
    let (mut history, evaluation) = (history(epochs, layers), evaluation(classes, classes));
    for (i, record) in history.epochs.iter_mut().enumerate() {
        match i % 5 {
            0 => record.train_loss = f64::NAN,
            1 => record.test_loss = f64::INFINITY,
            2 => record.test_accuracy = f64::NAN,
            3 => (record.lr, record.train_loss) = (0.0, 1e300),
            _ => record.train_loss = -1e300,
        }
    }
    history.metrics.extend((1..=epochs).map(|epoch| MetricRecord {
        epoch,
        name: format!("<script>alert('{}')</script>", long()),
        value: [f64::NAN, f64::NEG_INFINITY, 1e-310][epoch % 3],
    }));
    for (i, record) in history.gradients.iter_mut().enumerate() {
        record.parameter = format!("<i>&\"'{}{i}", record.parameter).replace("block1.", &format!("{}.", long()));
        match i % 4 {
            0 => (record.norm, record.not_finite) = (f64::NAN, 0.5),
            1 => (record.norm, record.zeros) = (0.0, 1.0),
            2 => record.weight_norm = 0.0,
            _ => {}
        }
    }
    // As few names of layers as there are layers.
    let names: Vec<_> = history.gradients.iter().take(2 * layers).map(|record| record.parameter.clone()).collect();
    history
        .gradients
        .iter_mut()
        .enumerate()
        .for_each(|(i, record)| record.parameter.clone_from(&names[i % names.len()]));
    let report = Report::new(format!("</title><script>{}", long()), &history)
        .evaluation(&evaluation)
        .class_names(
            (0..classes).map(|class| if class % 2 == 0 { format!("<b>{}", long()) } else { format!("{class}") }),
        )
        .draw_mistakes(&images(classes.max(1), classes), 8, 8)
        .unwrap()
        .setting(long(), long())
        .setting("<img src=x onerror=alert(1)>", "\"><script src=\"http://example.org/x.js\"></script>");
    fs::read_to_string(report.write(&folder.0).unwrap()).unwrap()
}

fn comparison(folder: &Temporary) -> String {
    let histories: Vec<_> = (0..8).map(|run| history(10 + 5 * run, 0)).collect();
    let name = |run: usize| if run == 7 { long() } else { format!("rate {} & <more>", 0.001 * (run + 1) as f64) };
    let runs = histories.iter().enumerate().map(|(run, history)| {
        let report = Report::new(name(run), history).setting("rate", 0.001 * (run + 1) as f64).setting("seed", 7);
        if run % 2 == 0 { report.setting("schedule", "cosine") } else { report }
    });
    let comparison = runs.fold(Comparison::new("Learning <rates>"), Comparison::run);
    fs::read_to_string(comparison.write(&folder.0).unwrap()).unwrap()
}

/// Each element that is opened is closed, in order; names and attributes have no loose ends.
fn assert_well_formed(page: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = page;
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        let tag = &rest[..rest.find('>').unwrap_or_else(|| panic!("an open tag: {}", &rest[..40.min(rest.len())]))];
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        let name = tag.trim_start_matches('/').split([' ', '\n', '/']).next().unwrap();
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed), "…{}", &rest[..rest.len().min(60)]);
        } else if !tag.ends_with('/') && !["meta", "link", "input", "img", "br", "!doctype"].contains(&name) {
            let style = matches!(name, "style");
            open.push(name);
            if style {
                rest = &rest[rest.find("</style>").unwrap()..];
            }
        }
    }
    assert!(open.is_empty(), "never closed: {open:?}");
}

/// No element can load or run anything.
fn assert_self_contained(page: &str) {
    for forbidden in ["<script", "<iframe", "<object", "<img src=x", "@import", "url(", "<link rel=\"stylesheet"] {
        assert!(!page.contains(forbidden), "{forbidden} is in the page");
    }
    let namespace = page.matches("xmlns=\"http://www.w3.org/2000/svg\"").count();
    assert_eq!(page.matches("\"http").count(), namespace, "something is referred to");
    let numbers = page.split(" d=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    numbers.into_iter().for_each(|path| assert!(!path.contains("NaN") && !path.contains("inf"), "{path}"));
}

#[test]
fn the_usual_page_says_it_all() {
    let folder = Temporary::new();
    let page = usual(&folder);
    assert_well_formed(&page);
    assert_self_contained(&page);
    for part in [
        "<h1>Digits</h1>",
        "generalization gap: over-fit since epoch",
        "<b>over-fit since epoch",
        "F1 (macro)",
        "training samples a second",
        "Learning rate",
        "All 4 layers are <b>healthy</b>",
        "Confusion matrix",
        "Precision and recall by class",
        "The worst mistakes",
        "shape-rendering=\"crispEdges\"",
        "multiply–adds",
        "0.weight",
        "falling to 0 as a cosine",
        "Made with",
        std::env::consts::ARCH,
        "rustc ",
    ] {
        assert!(page.contains(part), "{part} is not in the report");
    }
    // Loss, accuracy, gap, rate and a metric, on two scales each; a strip for each of four layers in each of three maps. Samples are drawn, too.
    let samples = page.matches("aria-label=\"a sample of class ").count();
    assert_eq!(page.matches("<svg").count() - samples, 2 * 5 + 3 * 4);
    for svg in ["loss.svg", "accuracy.svg", "gap.svg", "learning-rate.svg", "metric-1.svg"] {
        let svg = fs::read_to_string(folder.0.join(svg)).unwrap();
        assert!(svg.contains("<style>") && svg.contains("</title>\n<desc>"), "{svg}");
        assert_well_formed(&svg);
    }
}

#[test]
fn whatever_comes_from_outside_the_page_stays_right() {
    let folder = Temporary::new();
    for (epochs, classes, layers) in [(1000, 100, 60), (1, 2, 1), (40, 1, 3), (7, 230, 2)] {
        let page = hostile(&folder, epochs, classes, layers);
        assert_well_formed(&page);
        assert_self_contained(&page);
        assert!(page.len() < 4_000_000, "{} bytes", page.len());
        assert!(page.contains("&lt;script&gt;") && page.contains("not finite"));
    }
    let empty = History::default();
    let page = fs::read_to_string(Report::new("", &empty).write(&folder.0).unwrap()).unwrap();
    assert_well_formed(&page);
    assert!(page.contains("No epoch has ended") && !page.contains("Gradient health"), "{page}");
}

#[test]
fn layers_that_are_not_well_are_named() {
    let (folder, history) = (Temporary::new(), history(10, 8));
    let findings = history.gradient_findings();
    assert_eq!(findings.len(), 8);
    assert_eq!((findings[0].layer.as_str(), findings[0].verdict, findings[0].since), ("block0", Verdict::Vanishing, 1));
    assert_eq!((findings[7].layer.as_str(), findings[7].verdict), ("block7", Verdict::Healthy));
    let page = fs::read_to_string(Report::new("x", &history).write(&folder.0).unwrap()).unwrap();
    assert!(
        page.contains("<b>block0</b>, <b>block1</b>, <b>block2</b>: <b>vanishing</b> since epoch 1: ")
            && !page.contains("<b>block3</b>"),
        "{page}"
    );
}

#[test]
fn runs_stand_beside_each_other() {
    let folder = Temporary::new();
    let page = comparison(&folder);
    assert_well_formed(&page);
    assert_self_contained(&page);
    for part in [
        "Learning &lt;rates&gt;",
        "rate 0.001 &amp; &lt;more&gt;",
        "<mark>0.001</mark>",
        "<mark>cosine</mark>",
        "<mark>–</mark>",
    ] {
        assert!(page.contains(part), "{part} is not in the comparison");
    }
    // The seed is the same for all, and stands below those that differ.
    let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text} is not there"));
    assert!(
        place("<mark>0.001</mark>") < place("Settings that all runs share")
            && place("all runs share") < place(">seed<")
    );
    assert!(page.contains("class=\"best\""));
    let (none, one) = (Comparison::new("none"), Comparison::new("one"));
    let empty = History::default();
    for comparison in [none, one.run(Report::new("a run without an epoch", &empty))] {
        let page = fs::read_to_string(comparison.write(&folder.0).unwrap()).unwrap();
        assert_well_formed(&page);
        assert!(!page.contains("class=\"best\""));
    }
    let error = Comparison::new("x").write(folder.0.join("comparison.html")).unwrap_err();
    assert!(matches!(&error, Error::Io { path, .. } if path.ends_with("comparison.html")), "{error}");
}
