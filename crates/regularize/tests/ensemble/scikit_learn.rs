//! Agreement with scikit-learn, on data without equally good splits; `tests/fixtures/scikit_learn.py` wrote the numbers.

use gradus_regularize::ensemble::{AdaBoost, Bagging, GradientBoosting, Learner, Model, Samples};
use gradus_regularize::tree::{DecisionTree, Impurity};
use ndarray::{Array1, Array2};
use rand::{SeedableRng, rngs::StdRng};
use std::collections::HashMap;

struct Fixtures(HashMap<&'static str, Vec<&'static str>>);

impl Fixtures {
    fn load() -> Self {
        let lines = include_str!("../fixtures/scikit_learn.txt").lines();
        Self(lines.filter_map(|line| line.split_once(' ')).map(|(k, v)| (k, v.split(' ').collect())).collect())
    }

    fn words(&self, name: &str) -> &[&str] {
        self.0.get(name).unwrap_or_else(|| panic!("no fixture {name}"))
    }

    fn numbers(&self, name: &str) -> Vec<f64> {
        self.words(name).iter().map(|word| word.parse().unwrap()).collect()
    }

    fn number(&self, name: &str) -> f64 {
        self.numbers(name)[0]
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    fn rows(&self, name: &str) -> Array2<f64> {
        let numbers = self.numbers(name);
        Array2::from_shape_vec((numbers.len() / 3, 3), numbers).unwrap()
    }

    fn samples(&self, case: &str) -> Samples<f64> {
        let (x, target) = (self.rows("x"), self.words(&format!("{case}.target"))[0]);
        let y = Array1::from(self.numbers(target));
        let labels = y.mapv(|y| y as usize);
        let samples = match target {
            "value" => Samples::values(x, y),
            "two" => Samples::classes(x, labels, 2),
            _ => Samples::classes(x, labels, 3),
        }
        .unwrap();
        if self.number(&format!("{case}.weighted")) == 0.0 {
            return samples;
        }
        samples.weighted(Array1::from(self.numbers("weights"))).unwrap()
    }
}

fn same(found: impl IntoIterator<Item = f64>, expected: &[f64], what: &str) {
    let found: Vec<f64> = found.into_iter().collect();
    assert_eq!(found.len(), expected.len(), "{what}");
    for (place, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= 1e-11 + 1e-10 * b.abs(), "{what} at {place}: {a}, scikit-learn {b}");
    }
}

#[test]
fn trees() {
    let f = Fixtures::load();
    for case in (0..).map(|i| format!("trees.{i}")).take_while(|case| f.has(&format!("{case}.target"))) {
        let at = |name: &str| f.number(&format!("{case}.{name}")) as usize;
        let impurity =
            if f.words(&format!("{case}.criterion"))[0] == "entropy" { Impurity::Entropy } else { Impurity::Gini };
        let settings =
            DecisionTree::new().max_depth(at("max_depth")).min_samples_leaf(at("min_samples_leaf")).impurity(impurity);
        let tree = settings.fit(&f.samples(&case), &mut StdRng::seed_from_u64(1)).unwrap();
        let expected = |name: &str| f.numbers(&format!("{case}.{name}"));
        let nodes = tree.nodes();
        let of = |get: &dyn Fn(&gradus_regularize::tree::Split<f64>) -> f64, leaf: f64| -> Vec<f64> {
            nodes.iter().map(|node| node.split.as_ref().map_or(leaf, get)).collect()
        };
        same(of(&|split| split.feature as f64, -1.0), &expected("feature"), "feature");
        same(of(&|split| split.threshold, 0.0), &expected("threshold"), "threshold");
        same(of(&|split| split.left as f64, -1.0), &expected("left"), "left");
        same(of(&|split| split.right as f64, -1.0), &expected("right"), "right");
        same(nodes.iter().map(|node| node.samples as f64), &expected("samples"), "samples");
        // scikit-learn's entropy is in bits.
        let unit = if impurity == Impurity::Entropy { std::f64::consts::LN_2 } else { 1.0 };
        same(nodes.iter().map(|node| node.impurity / unit), &expected("impurity"), "impurity");
        same(nodes.iter().flat_map(|node| node.value.clone()), &expected("value"), "value");
        same(tree.predict(&f.rows("unseen")).unwrap(), &expected("predictions"), "predictions");
    }
}

#[test]
fn adaboost() {
    let f = Fixtures::load();
    for case in (0..3).map(|i| format!("adaboost.{i}")) {
        let learners = f.number(&format!("{case}.learners")) as usize;
        let boost = AdaBoost::new(DecisionTree::stump(), learners).lr(f.number(&format!("{case}.lr")));
        let model = boost.fit(&f.samples(&case), &mut StdRng::seed_from_u64(1)).unwrap();
        let unseen = f.rows("unseen");
        same(model.errors().to_vec(), &f.numbers(&format!("{case}.errors")), "errors");
        same(model.say().to_vec(), &f.numbers(&format!("{case}.say")), "say");
        let staged = model.staged_predict(&unseen).take(3).flat_map(Result::unwrap);
        same(staged, &f.numbers(&format!("{case}.staged")), "staged");
        same(model.predict(&unseen).unwrap(), &f.numbers(&format!("{case}.predictions")), "predictions");
    }
}

#[test]
fn gradient_boosting() {
    let f = Fixtures::load();
    for case in (0..4).map(|i| format!("gradient.{i}")) {
        let at = |name: &str| f.number(&format!("{case}.{name}"));
        let tree = DecisionTree::new().max_depth(at("depth") as usize);
        let boost = GradientBoosting::new(tree, at("stages") as usize).lr(at("lr"));
        let model = boost.fit(&f.samples(&case), &mut StdRng::seed_from_u64(1)).unwrap();
        let unseen = f.rows("unseen");
        let staged = model.staged_predict(&unseen).take(3).flat_map(Result::unwrap);
        same(staged, &f.numbers(&format!("{case}.staged")), "staged");
        same(model.predict(&unseen).unwrap(), &f.numbers(&format!("{case}.predictions")), "predictions");
    }
}

/// On the rows that scikit-learn drew.
#[test]
fn bagging() {
    let f = Fixtures::load();
    for case in (0..3).map(|i| format!("bagging.{i}")) {
        let samples = f.samples(&case);
        let drawn: Vec<usize> = f.numbers(&format!("{case}.drawn")).into_iter().map(|row| row as usize).collect();
        let drawn: Vec<Vec<usize>> = drawn.chunks(samples.len()).map(<[usize]>::to_vec).collect();
        let tree = DecisionTree::new().max_depth(f.number(&format!("{case}.depth")) as usize);
        let model = Bagging::new(tree, 1).fit_drawn(&samples, &drawn, &mut StdRng::seed_from_u64(1)).unwrap();
        assert_eq!(model.ensemble().models().len(), drawn.len());
        same(model.predict(&f.rows("unseen")).unwrap(), &f.numbers(&format!("{case}.predictions")), "predictions");
        let held_out = model.out_of_bag();
        same(held_out.predictions().iter().copied(), &f.numbers(&format!("{case}.held_out")), "out of bag");
        same(held_out.score(), &f.numbers(&format!("{case}.score")), "score");
    }
}
