//! Polynomials of rising degree: what is learnt, what is only remembered, and the parts of an error.

use crate::Outcome;
use gradus::linalg::gram_schmidt;
use gradus::ndarray::{Array1, Array2, ArrayRef1, ArrayRef2, Axis, concatenate};
use gradus::nn_layers::{Result, init};
use gradus::rand::{Rng, RngExt, rngs::StdRng};
use gradus::regularize::bias_variance;
use gradus::regularize::ensemble::{Model, Samples};
use gradus::regularize::validation::{cross_validate, shuffled_k_fold};
use gradus_course::{Chapter, Kind, Plot};

/// The deviation of the noise.
const NOISE: f64 = 0.3;
/// The highest degree.
const MOST: usize = 14;
/// Points to fit to.
const POINTS: usize = 20;

/// What is to be learnt.
fn truth(x: f64) -> f64 {
    (4.0 * x).sin()
}

/// The truth at these places, and noise.
pub(crate) fn seen(x: &ArrayRef1<f64>, mut rng: &mut dyn Rng) -> Array1<f64> {
    x.mapv(truth) + init::normal::<f64, _>(x.len(), 0.0, NOISE, &mut rng)
}

/// Points between −1 and 1, one somewhere in each of so many equal parts.
fn draw(points: usize, rng: &mut StdRng) -> (Array1<f64>, Array1<f64>) {
    let x: Array1<f64> = (0..points).map(|i| -1.0 + 2.0 * (i as f64 + rng.random::<f64>()) / points as f64).collect();
    let y = seen(&x, rng);
    (x, y)
}

/// A polynomial, as a sum of Legendre's: they span what `1, x, x², …` do, and are nearly orthogonal.
struct Polynomial(Array1<f64>);

/// A column for each of Legendre's polynomials: `(k + 1) Pₖ₊₁ = (2k + 1) x Pₖ − k Pₖ₋₁`.
fn legendre(x: &ArrayRef1<f64>, degree: usize) -> Array2<f64> {
    let mut p = Array2::ones((x.len(), degree + 1));
    for (mut row, &x) in p.rows_mut().into_iter().zip(x) {
        for k in 0..degree {
            let (order, below) = (k as f64, if k == 0 { 0.0 } else { row[k - 1] });
            row[k + 1] = ((2.0 * order + 1.0) * x * row[k] - order * below) / (order + 1.0);
        }
    }
    p
}

impl Polynomial {
    /// Least squares: with `X = QR`, the columns of `Q` orthonormal, `R c = Qᵀ y`.
    fn fit(x: &ArrayRef1<f64>, y: &ArrayRef1<f64>, degree: usize) -> Result<Self> {
        let columns = legendre(x, degree);
        let q = gram_schmidt(&columns)?;
        let (r, mut c) = (q.t().dot(&columns), q.t().dot(y));
        for i in (0..=degree).rev() {
            let known: f64 = (i + 1..=degree).map(|j| r[[i, j]] * c[j]).sum();
            c[i] = (c[i] - known) / r[[i, i]];
        }
        Ok(Self(c))
    }

    fn at(&self, x: &ArrayRef1<f64>) -> Array1<f64> {
        legendre(x, self.0.len() - 1).dot(&self.0)
    }

    /// The mean squared error.
    fn error(&self, x: &ArrayRef1<f64>, y: &ArrayRef1<f64>) -> f64 {
        (self.at(x) - y).pow2().sum() / y.len() as f64
    }
}

impl Model<f64> for Polynomial {
    fn predict(&self, x: &ArrayRef2<f64>) -> Result<Array2<f64>> {
        Ok(self.at(&x.column(0)).insert_axis(Axis(1)))
    }
}

fn least(errors: &[f64]) -> usize {
    (0..errors.len()).fold(0, |best, k| if errors[k] < errors[best] { k } else { best })
}

/// The errors of all degrees: on the points fitted to, on as many others, on many others, and of five-fold cross-validation.
struct Errors {
    train: Vec<f64>,
    validation: Vec<f64>,
    test: Vec<f64>,
    folds: Vec<f64>,
    /// The test error after a fit to all the points that cross-validation had.
    refitted: Vec<f64>,
}

type Points = (Array1<f64>, Array1<f64>);

fn errors((x, y): &Points, (x_held, y_held): &Points, (x_test, y_test): &Points, rng: &mut StdRng) -> Outcome<Errors> {
    let all = concatenate![Axis(0), *x, *x_held];
    let all_y = concatenate![Axis(0), *y, *y_held];
    let splits = shuffled_k_fold(all.len(), 5, rng)?;
    let mut errors =
        Errors { train: Vec::new(), validation: Vec::new(), test: Vec::new(), folds: Vec::new(), refitted: Vec::new() };
    for degree in 0..=MOST {
        let fitted = Polynomial::fit(x, y, degree)?;
        errors.train.push(fitted.error(x, y));
        errors.validation.push(fitted.error(x_held, y_held));
        errors.test.push(fitted.error(x_test, y_test));
        let scores = cross_validate(&splits, |split| -> Outcome<f64> {
            let of = |from: &Array1<f64>, which: &[usize]| from.select(Axis(0), which);
            let fitted = Polynomial::fit(&of(&all, &split.train), &of(&all_y, &split.train), degree)?;
            Ok(fitted.error(&of(&all, &split.test), &of(&all_y, &split.test)))
        })?;
        errors.folds.push(scores.mean());
        errors.refitted.push(Polynomial::fit(&all, &all_y, degree)?.error(x_test, y_test));
    }
    Ok(errors)
}

/// Degrees from 0 to 14, and how to choose one.
pub(crate) fn polynomials(chapter: &mut Chapter, rng: &mut StdRng) -> Outcome {
    chapter.section("Under- and over-fitting");
    let (train, held, test) = (draw(POINTS, rng), draw(POINTS, rng), draw(1000, rng));
    let grid = Array1::linspace(-1.0, 1.0, 121);
    let mut plot = Plot::new("Polynomials through 20 points", "x", "y")
        .ranges(-1.05..1.05, -2.5..2.5)
        .series("points", Kind::Points, train.0.iter().copied().zip(train.1.iter().copied()))
        .series("the truth, sin 4x", Kind::Dashed, grid.iter().map(|&x| (x, truth(x))));
    for degree in [1, 5, MOST] {
        let fitted = Polynomial::fit(&train.0, &train.1, degree)?.at(&grid);
        let line = grid.iter().zip(fitted).map(|(&x, y)| (x, y.clamp(-2.5, 2.5)));
        plot = plot.series(&format!("degree {degree}"), Kind::Line, line);
    }
    chapter.figure(
        "fits",
        "A line is too stiff for the wave, degree 14 bends to every point (cut off at ±2.5), degree 5 is about right.",
        &plot.svg()?,
    )?;

    let of = errors(&train, &held, &test, rng)?;
    let mut table = "degree  training  validation  5 folds    test\n".to_owned();
    for k in 0..=MOST {
        table +=
            &format!("{k:6} {:9.4} {:11.4} {:8.4} {:7.4}\n", of.train[k], of.validation[k], of.folds[k], of.test[k]);
    }
    chapter.say(table);
    let line = |errors: &[f64]| -> Vec<_> { errors.iter().enumerate().map(|(k, &error)| (k as f64, error)).collect() };
    let plot = Plot::new("The error by the degree", "degree of the polynomial", "mean squared error")
        .logarithmic()
        .series("training", Kind::Line, line(&of.train))
        .series("validation", Kind::Line, line(&of.validation))
        .series("5-fold", Kind::Line, line(&of.folds))
        .series("test", Kind::Dashed, line(&of.test));
    chapter.figure("degree", "The training error falls and falls; the others fall, and rise again.", &plot.svg()?)?;
    chapter.check("the training error falls with every degree", of.train.is_sorted_by(|a, b| a > b));
    let chosen = least(&of.folds);
    chapter.say(format!("validation chooses degree {}, five folds choose {chosen}", least(&of.validation)));
    chapter.check(
        "the best test error is that of a degree from 3 to 10, and less than half of a line's",
        (3..=10).contains(&least(&of.test)) && of.test[least(&of.test)] < 0.5 * of.test[1],
    );

    const TIMES: usize = 300;
    let (mut sums, mut good) = ([0.0; 4], 0);
    for _ in 0..TIMES {
        let of = errors(&draw(POINTS, rng), &draw(POINTS, rng), &test, rng)?;
        let (by_validation, by_folds) = (least(&of.validation), least(&of.folds));
        let parts =
            [of.validation[by_validation], of.test[by_validation], of.test[least(&of.test)], of.refitted[by_folds]];
        sums.iter_mut().zip(parts).for_each(|(sum, part)| *sum += part / TIMES as f64);
        let chosen = of.refitted[by_folds];
        good += usize::from(chosen < 0.5 * of.refitted[1] && chosen <= of.refitted[MOST]);
    }
    let [validation, chosen, best, folds] = sums;
    chapter.say(format!(
        "over {TIMES} repetitions, of the degree that validation chooses: validation error {validation:.4}, test error {chosen:.4}\n\
         of the degree that would have been best: test error {best:.4}\n\
         of the degree that five folds choose, fitted to all {} points: test error {folds:.4}",
        2 * POINTS
    ));
    chapter.check(
        "in 95 of 100 repetitions five folds choose a degree with half the test error of a line, and none above that of degree 14",
        good as f64 >= 0.95 * TIMES as f64,
    );
    chapter.check("the least of many validation errors is too good to be true", validation < 0.95 * chosen);
    chapter.check("five folds waste less: a lower test error", folds < chosen);
    Ok(())
}

/// The error of all models and targets at each point, taken apart, and averaged over the points.
fn parts(models: &ArrayRef2<f64>, targets: &ArrayRef2<f64>) -> [f64; 4] {
    let (rounds, points) = models.dim();
    let mut sums = [0.0; 4];
    for (h, y) in models.columns().into_iter().zip(targets.columns()) {
        let (h_mean, y_mean) = (h.sum() / h.len() as f64, y.sum() / y.len() as f64);
        let pairs = h.iter().flat_map(|h| y.iter().map(move |y| (y - h).powi(2)));
        sums[0] += pairs.sum::<f64>() / (rounds * y.len()) as f64;
        sums[1] += (&y - y_mean).pow2().sum() / y.len() as f64;
        sums[2] += (y_mean - h_mean).powi(2);
        sums[3] += (&h - h_mean).pow2().sum() / h.len() as f64;
    }
    sums.map(|sum| sum / points as f64)
}

/// Fits to a thousand draws of the noise.
pub(crate) fn bias_and_variance(chapter: &mut Chapter, rng: &mut StdRng) -> Outcome {
    chapter.section("Noise, bias and variance");
    const ROUNDS: usize = 2000;
    const TARGETS: usize = 200;
    let x: Array1<f64> = (0..POINTS).map(|i| -1.0 + (2 * i + 1) as f64 / POINTS as f64).collect();
    let draws: Vec<Array1<f64>> = (0..ROUNDS).map(|_| seen(&x, rng)).collect();
    let mut targets = Array2::zeros((TARGETS, POINTS));
    targets.rows_mut().into_iter().for_each(|mut row| row.assign(&seen(&x, rng)));
    let mut lines = [const { Vec::new() }; 4];
    let (mut table, mut all) = ("degree    error    noise    bias²  variance   σ²(d+1)/n\n".to_owned(), Vec::new());
    let (mut adds_up, mut by_formula) = (0.0_f64, 0.0_f64);
    for degree in 0..=MOST {
        let mut models = Array2::zeros((ROUNDS, POINTS));
        for (y, mut row) in draws.iter().zip(models.rows_mut()) {
            row.assign(&Polynomial::fit(&x, y, degree)?.at(&x));
        }
        let [error, noise, bias, variance] = parts(&models, &targets);
        let formula = NOISE * NOISE * (degree + 1) as f64 / POINTS as f64;
        table += &format!("{degree:6} {error:8.4} {noise:8.4} {bias:8.4} {variance:9.4} {formula:11.4}\n");
        adds_up = adds_up.max((error - noise - bias - variance).abs());
        by_formula = by_formula.max((variance / formula - 1.0).abs());
        lines.iter_mut().zip([error, noise, bias, variance]).for_each(|(line, part)| line.push((degree as f64, part)));
        all.push([error, noise, bias, variance]);
    }
    chapter.say(table);
    let mut plot =
        Plot::new("What the error is made of", "degree of the polynomial", "mean squared error").logarithmic();
    let names = [("error", Kind::Line), ("noise", Kind::Dashed), ("bias²", Kind::Line), ("variance", Kind::Line)];
    for ((name, kind), line) in names.into_iter().zip(lines) {
        plot = plot.series(name, kind, line);
    }
    chapter.figure(
        "parts",
        "Bias falls with the degree, variance rises, and the noise stays: the error is their sum.",
        &plot.svg()?,
    )?;
    chapter.check("noise + bias² + variance are the error, to rounding", adds_up < 1e-12);
    chapter.check("the variance is σ²(d + 1)/n, within 15 %", by_formula < 0.15);

    const DEGREE: usize = 5;
    let table = x.clone().insert_axis(Axis(1));
    let mut next = draws.iter();
    let learner =
        |samples: &Samples<f64>, _: &mut dyn Rng| Polynomial::fit(&samples.x().column(0), samples.y()?, DEGREE);
    let draw = |_: &mut dyn Rng| {
        let y = next.next().map_or_else(|| Array1::zeros(POINTS), Array1::clone);
        Ok(Samples::values(table.clone(), y)?)
    };
    let library = bias_variance(&learner, ROUNDS, draw, &table, &targets, rng)?.mean();
    let library = [library.error, library.noise, library.bias_squared, library.variance];
    let off = library.iter().zip(all[DEGREE]).fold(0.0, |off: f64, (a, b)| off.max((a - b).abs()));
    chapter.check("regularize::bias_variance finds the same parts", off < 1e-12);
    Ok(())
}
