//! Many trees instead of one, and how sure a measured accuracy is.

use crate::Outcome;
use crate::generalize::seen;
use gradus::ndarray::{Array1, Array2, Ix2};
use gradus::nn_layers::init;
use gradus::prelude::Digits;
use gradus::rand::{Rng, RngExt, rngs::StdRng};
use gradus::regularize::ensemble::{AdaBoost, Bagging, Ensemble, GradientBoosting, Learner, Model, Samples};
use gradus::regularize::tree::DecisionTree;
use gradus::regularize::validation::Bootstrap;
use gradus::regularize::{ErrorParts, bias_variance};
use gradus_course::{Chapter, Kind, Plot, histogram};

/// Points to fit trees to.
const POINTS: usize = 60;
/// How far each boosted stump goes.
const RATE: f64 = 0.3;

fn draw(mut rng: &mut dyn Rng) -> gradus::nn_layers::Result<Samples<f64>> {
    let x: Array2<f64> = init::uniform((POINTS, 1), 1.0, &mut rng);
    let y = seen(&x.column(0), rng);
    Ok(Samples::values(x, y)?)
}

fn parts<L: Learner<f64>>(learner: &L, rng: &mut StdRng) -> Outcome<ErrorParts> {
    let x = Array2::from_shape_fn((100, 1), |(i, _)| -1.0 + (2 * i + 1) as f64 / 100.0);
    let mut targets = Array2::zeros((50, 100));
    targets.rows_mut().into_iter().for_each(|mut row| row.assign(&seen(&x.column(0), rng)));
    Ok(bias_variance(learner, 80, draw, &x, &targets, rng)?.mean())
}

/// What bagging does to variance, and boosting to bias.
pub(crate) fn many_trees(chapter: &mut Chapter, rng: &mut StdRng) -> Outcome {
    chapter.section("Many models instead of one");
    let samples = draw(rng)?;
    const STAGES: usize = 40;
    // F ← mean; then F ← F + ν h, where h is a stump fitted to what F leaves: y − F.
    let y = samples.y()?.to_owned();
    let mut f = Array1::from_elem(POINTS, y.sum() / POINTS as f64);
    for _ in 0..STAGES {
        let stump = DecisionTree::stump().fit(&samples.clone().with_values(&y - &f)?, rng)?;
        f.scaled_add(RATE, &stump.predict_values(samples.x())?);
    }
    let library = GradientBoosting::new(DecisionTree::stump(), STAGES).lr(RATE).fit(&samples, rng)?;
    let off = (library.predict_values(samples.x())? - f).iter().fold(0.0, |off: f64, d| off.max(d.abs()));
    chapter.check("boosting written out is GradientBoosting of the library", off < 1e-12);

    let counts = [1, 2, 4, 8, 16, 32, 64];
    let (mut lines, mut ends) = (Vec::new(), Vec::new());
    let mut table = "                          noise    bias²  variance\n".to_owned();
    for (name, boosted) in [("bagged deep trees", false), ("boosted stumps", true)] {
        let (mut bias, mut variance, mut all) = (Vec::new(), Vec::new(), Vec::new());
        for count in counts {
            let of = if boosted {
                parts(&GradientBoosting::new(DecisionTree::stump(), count).lr(RATE), rng)?
            } else {
                parts(&Bagging::new(DecisionTree::new(), count), rng)?
            };
            let at = f64::from(u32::try_from(count)?).log2();
            bias.push((at, of.bias_squared));
            variance.push((at, of.variance));
            table += &format!("{count:3} {name:18}{:9.4}{:9.4}{:10.4}\n", of.noise, of.bias_squared, of.variance);
            all.push(of);
        }
        lines.push((format!("bias², {name}"), Kind::Line, bias));
        lines.push((format!("variance, {name}"), Kind::Dashed, variance));
        ends.push([all[0], all[counts.len() - 1]]);
    }
    chapter.say(table);
    let mut plot = Plot::new(
        "Bagging averages variance away, boosting works off bias",
        "log₂ of the number of trees",
        "part of the squared error",
    )
    .logarithmic()
    .size(860, 440);
    for (name, kind, line) in lines {
        let name = name.replace(", bagged deep trees", " of bagging").replace(", boosted stumps", " of boosting");
        plot = plot.series(&name, kind, line);
    }
    chapter.figure(
        "trees",
        "Bagged deep trees begin with little bias and much variance, boosted stumps the other way round.",
        &plot.svg()?,
    )?;
    let [bagged, boosted] = [ends[0], ends[1]];
    let share = bagged[1].variance / bagged[0].variance;
    let correlation = (64.0 * share - 1.0) / 63.0;
    chapter.say(format!(
        "64 trees have {share:.2} of the variance of one: a correlation of {correlation:.2} between them"
    ));
    chapter.check("64 bagged trees have less than 0.6 of the variance of one", share < 0.6);
    chapter.check(
        "64 boosted stumps have less than a tenth of the bias² of one, and more variance",
        boosted[1].bias_squared < 0.1 * boosted[0].bias_squared && boosted[1].variance > boosted[0].variance,
    );
    Ok(())
}

fn right(model: &dyn Model<f64>, x: &Array2<f64>, labels: &[usize]) -> Outcome<Vec<f64>> {
    let classes = model.predict_classes(x)?;
    Ok(classes.iter().zip(labels).map(|(class, label)| f64::from(u8::from(class == label))).collect())
}

fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}

/// A tree, a forest and boosted trees on the digits; and how sure the numbers are.
pub(crate) fn digits(chapter: &mut Chapter, rng: &mut StdRng) -> Outcome {
    chapter.section("Trees that read digits, and how sure their accuracy is");
    const TREES: usize = 60;
    let (train, test) = Digits::embedded().map_inputs(f64::from).split(0.8, rng)?;
    let (x_test, labels_test, _) = test.into_parts();
    let (x_test, labels_test) = (x_test.into_dimensionality::<Ix2>()?, labels_test.to_vec());
    let (x, labels, classes) = train.into_parts();
    let samples = Samples::classes(x.into_dimensionality::<Ix2>()?, labels, classes)?;

    let tree = right(&DecisionTree::new().fit(&samples, rng)?, &x_test, &labels_test)?;
    let bagged = Bagging::new(DecisionTree::new().max_features(8), TREES).fit(&samples, rng)?;
    let boosted = AdaBoost::new(DecisionTree::new().max_depth(6), TREES).fit(&samples, rng)?;
    let mut bag = Vec::new();
    for count in 1..=TREES {
        let some = Ensemble::new(bagged.ensemble().models()[..count].to_vec())?;
        bag.push((count as f64, 100.0 * (1.0 - mean(&right(&some, &x_test, &labels_test)?))));
    }
    let mut boost = Vec::new();
    for (count, scores) in boosted.staged_predict(&x_test).enumerate() {
        let scores = scores?;
        let wrong = right(&move |_: &gradus::ndarray::ArrayRef2<f64>| Ok(scores.clone()), &x_test, &labels_test)?;
        boost.push(((count + 1) as f64, 100.0 * (1.0 - mean(&wrong))));
    }
    let alone = 100.0 * (1.0 - mean(&tree));
    let plot = Plot::new("Digits that trees read wrongly", "number of trees", "per cent of the test digits")
        .series("one tree", Kind::Dashed, [(1.0, alone), (TREES as f64, alone)])
        .series("a forest, bagged", Kind::Line, bag)
        .series("boosted, depth 6", Kind::Line, boost);
    chapter.figure(
        "forest",
        "Sixty trees that look at the data in different ways make a fraction of the errors of one.",
        &plot.svg()?,
    )?;
    let (forest, boosted) = (right(&bagged, &x_test, &labels_test)?, right(&boosted, &x_test, &labels_test)?);
    let out_of_bag = bagged.out_of_bag().score().ok_or("sixty trees leave out every row")?;
    chapter.say(format!(
        "one tree reads {:.1} % of the test digits, the forest {:.1} % (out of bag {:.1} %), boosting {:.1} %",
        100.0 * mean(&tree),
        100.0 * mean(&forest),
        100.0 * out_of_bag,
        100.0 * mean(&boosted)
    ));
    let errors = [&tree, &forest, &boosted].map(|right| 1.0 - mean(right));
    chapter.check(
        "forest and boosting make less than half the errors of a tree",
        errors[1].max(errors[2]) < 0.5 * errors[0],
    );
    chapter.check(
        "out of bag, the forest's accuracy is within 0.04 of that on the test digits",
        (out_of_bag - mean(&forest)).abs() < 0.04,
    );

    let n = labels_test.len();
    let of = |right: &[f64], rng: &mut StdRng| {
        Bootstrap::draw(n, 4000, rng, |rows| -> Outcome<f64> {
            Ok(100.0 * rows.iter().map(|&i| right[i]).sum::<f64>() / n as f64)
        })
    };
    let mut plot = Plot::new(
        "Accuracies of 4,000 resamples of the test digits",
        "per cent of digits read rightly",
        "share of the resamples",
    );
    let (mut lines, mut ratios) = (String::new(), Vec::new());
    for (name, right) in [("one tree", &tree), ("the forest", &forest), ("boosted", &boosted)] {
        let bootstrap = of(right, rng)?;
        let (low, high) = bootstrap.percentile(0.95)?;
        let error = bootstrap.standard_error().unwrap_or(f64::NAN);
        let p = mean(right);
        let formula = 100.0 * (p * (1.0 - p) / n as f64).sqrt();
        lines += &format!(
            "{name:10}  {:.1} %, 95 % between {low:.1} and {high:.1}; standard error {error:.2}, by √(p(1−p)/n) {formula:.2}\n",
            100.0 * p
        );
        ratios.push(error / formula);
        // A bin for each number of digits that can be right, about its middle.
        let digit = 100.0 / n as f64;
        let from = (0.75 * n as f64).floor() - 0.5;
        let outline =
            histogram(bootstrap.replicates(), from * digit..100.0 + 0.5 * digit, n + 1 - (from + 0.5) as usize);
        let seen: Vec<_> = outline.into_iter().filter(|&(x, _)| x > 75.0).collect();
        plot = plot.series(name, Kind::Line, seen);
    }
    chapter.say(lines);
    chapter.figure(
        "bootstrap",
        "Had other digits been drawn to test with, the accuracies would have been others: so much so.",
        &plot.svg()?,
    )?;
    chapter.check(
        "the bootstrap's standard error is √(p(1−p)/n), within a tenth",
        ratios.iter().all(|ratio| (ratio - 1.0).abs() < 0.1),
    );
    let difference: Vec<f64> = forest.iter().zip(&tree).map(|(forest, tree)| forest - tree).collect();
    let (low, high) = of(&difference, rng)?.percentile(0.95)?;
    chapter.say(format!("forest − tree, digit by digit: 95 % between {low:.1} and {high:.1} per cent"));
    chapter.check("the forest is better than the tree, with 95 % confidence", low > 0.0);
    Ok(())
}

/// How often a 95 % interval holds the truth.
pub(crate) fn coverage(chapter: &mut Chapter, rng: &mut StdRng) -> Outcome {
    chapter.section("Does the interval hold what it promises?");
    const TRIALS: usize = 400;
    let mut table = "samples   interval holds the true mean\n".to_owned();
    let mut shares = Vec::new();
    for n in [5, 20, 80] {
        let mut held = 0;
        for _ in 0..TRIALS {
            // Waiting times: −ln u of a uniform u has mean 1.
            let times: Vec<f64> = (0..n).map(|_| -(1.0 - rng.random::<f64>()).ln()).collect();
            let of = |rows: &[usize]| -> Outcome<f64> { Ok(rows.iter().map(|&i| times[i]).sum::<f64>() / n as f64) };
            let (low, high) = Bootstrap::draw(n, 400, rng, of)?.percentile(0.95)?;
            held += usize::from(low <= 1.0 && 1.0 <= high);
        }
        let share = held as f64 / TRIALS as f64;
        table += &format!("{n:7}   {:.1} %\n", 100.0 * share);
        shares.push(share);
    }
    chapter.say(table);
    chapter.check(
        "with 80 samples it does in 90 to 98 of 100 trials, with 5 in less than 90",
        (0.9..0.98).contains(&shares[2]) && shares[0] < 0.9,
    );
    Ok(())
}
