//! Chapter 1 of the course: vectors, norms, distances, projections, and linear regression, in closed form and by gradient descent.
//!
//! `cargo run --release --example 01-vectors`; the text is `gradus::guide::vectors`.

use clap::Parser;
use gradus::linalg::{
    Norm, angle, cosine_similarity, distance, dot, gram_schmidt, l2_norm, matvec, norm, picture, project,
};
use gradus::ndarray::{Array1, Array2, ArrayRef1, ArrayRef2, array};
use gradus::rand::{RngExt, SeedableRng, rngs::StdRng};
use gradus_course::{Chapter, Kind, Plot};
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

/// Vectors, norms, distances, projections, and linear regression, in closed form and by gradient descent.
#[derive(Parser)]
struct Options {
    /// The folder for the pictures and the page that shows them
    #[arg(value_name = "DIR", default_value = "target/gradus/01-vectors")]
    out: PathBuf,
    /// Where every random number comes from
    #[arg(long, default_value_t = 7)]
    seed: u64,
}

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    gradus_examples::run(|options: Options| vectors(&options).map_err(|error| error.to_string()))
}

fn vectors(options: &Options) -> Outcome {
    let mut chapter = Chapter::new("01", "Vectors, norms, distances and linear regression", &options.out);
    let mut rng = StdRng::seed_from_u64(options.seed);
    norms(&mut chapter, &mut rng)?;
    directions(&mut chapter, &mut rng)?;
    let data = Data::draw(&mut rng);
    let exact = closed_form(&mut chapter, &data)?;
    descent(&mut chapter, &data, &exact)?;
    stochastic(&mut chapter, &data, &exact, &mut rng)?;
    Ok(chapter.finish()?)
}

fn random(len: usize, rng: &mut StdRng) -> Array1<f64> {
    (0..len).map(|_| rng.random_range(-1.0..1.0)).collect()
}

/// How long is a vector?
fn norms(chapter: &mut Chapter, rng: &mut StdRng) -> Outcome {
    chapter.section("How long is a vector?");
    let x = array![3.0, -4.0, 0.0];
    let kinds = [("L0", Norm::L0), ("L1", Norm::L1), ("L2", Norm::L2), ("max", Norm::Max)];
    let lengths: Result<Vec<_>, _> =
        kinds.iter().map(|&(name, kind)| Ok(format!("{name} {}", norm(&x, kind)?))).collect();
    let lengths: Vec<String> = lengths.map_err(|error: gradus::linalg::Error| error)?;
    chapter.say(format!("x = {x}: {}", lengths.join(", ")));
    let balls = picture::norm_balls(&[Norm::Lp(0.5), Norm::L1, Norm::L2, Norm::Max])?;
    chapter.figure(
        "norm-balls",
        "All vectors of length 1, by four norms. Only from p = 1 on are they the border of a convex set.",
        &balls,
    )?;

    let mut holds = true;
    for _ in 0..1000 {
        let (x, y) = (random(5, rng), random(5, rng));
        for kind in [Norm::L1, Norm::L2, Norm::Lp(3.0), Norm::Max] {
            holds &= norm(&(&x + &y), kind)? <= norm(&x, kind)? + norm(&y, kind)? + 1e-12;
        }
    }
    chapter.check("‖x + y‖ ≤ ‖x‖ + ‖y‖ for 1,000 random pairs and four norms", holds);
    Ok(())
}

/// Distance, angle, projection.
fn directions(chapter: &mut Chapter, rng: &mut StdRng) -> Outcome {
    chapter.section("How far apart, and in which direction?");
    let (a, b): (Array1<f64>, Array1<f64>) = (array![1.0, 2.0], array![3.0, 1.0]);
    chapter.say(format!(
        "a = {a}, b = {b}: distance {:.3}, cosine {:.3}, angle {:.1}°",
        distance(&a, &b, Norm::L2)?,
        cosine_similarity(&a, &b)?,
        angle(&a, &b)?.to_degrees()
    ));
    chapter.figure(
        "projection",
        "The part of x along a line, and the rest, which is orthogonal to it.",
        &picture::projection(&a, &b)?,
    )?;
    let rest = &a - &project(&a, &b)?;
    chapter.check("what a projection leaves is orthogonal to the line", dot(&rest, &b)?.abs() < 1e-12);

    let mut holds = true;
    for _ in 0..1000 {
        let (x, y) = (random(5, rng), random(5, rng));
        holds &= dot(&x, &y)?.abs() <= l2_norm(&x) * l2_norm(&y) + 1e-12;
    }
    chapter.check("|x·y| ≤ ‖x‖ ‖y‖ for 1,000 random pairs", holds);

    let columns = Array2::from_shape_fn((5, 3), |_| rng.random_range(-1.0..1.0));
    let q = gram_schmidt(&columns)?;
    let off = (q.t().dot(&q) - Array2::<f64>::eye(3)).mapv(f64::abs);
    chapter.check("Gram–Schmidt makes QᵀQ the identity", off.iter().all(|&off| off < 1e-12));
    Ok(())
}

/// Points near a line.
struct Data {
    /// A column of ones and one of numbers.
    x: Array2<f64>,
    y: Array1<f64>,
}

impl Data {
    fn draw(rng: &mut StdRng) -> Self {
        const POINTS: usize = 40;
        let at = random(POINTS, rng).mapv(|x| 2.0 * x);
        // Twelve uniform numbers have about a normal sum: the noise, of deviation 0.5.
        let noise = Array1::from_shape_simple_fn(POINTS, || 0.25 * random(12, rng).sum());
        let y = at.mapv(|x| 1.0 + 2.0 * x) + noise;
        Self { x: Array2::from_shape_fn((POINTS, 2), |(i, j)| if j == 0 { 1.0 } else { at[i] }), y }
    }

    /// `1/(2n) ‖X w − y‖²`
    fn loss(&self, w: &ArrayRef1<f64>) -> Outcome<f64> {
        let errors = matvec(&self.x, w)? - &self.y;
        Ok(0.5 * dot(&errors, &errors)? / self.y.len() as f64)
    }

    fn points(&self) -> impl Iterator<Item = (f64, f64)> {
        self.x.column(1).to_vec().into_iter().zip(self.y.to_vec())
    }
}

/// `1/n Xᵀ (X w − y)`
fn gradient(x: &ArrayRef2<f64>, y: &ArrayRef1<f64>, w: &ArrayRef1<f64>) -> Outcome<Array1<f64>> {
    Ok(matvec(&x.t(), &(matvec(x, w)? - y))? / y.len() as f64)
}

/// `w = (XᵀX)⁻¹ Xᵀy`, the inverse of a matrix of two rows written out.
fn closed_form(chapter: &mut Chapter, data: &Data) -> Outcome<Array1<f64>> {
    chapter.section("The line through points, in closed form");
    let (gram, right) = (data.x.t().dot(&data.x), data.x.t().dot(&data.y));
    let [a, b, c, d] = [gram[[0, 0]], gram[[0, 1]], gram[[1, 0]], gram[[1, 1]]];
    let w = array![d * right[0] - b * right[1], a * right[1] - c * right[0]] / (a * d - b * c);
    chapter.say(format!("y ≈ {:.3} + {:.3} x; the points were drawn around 1 + 2 x", w[0], w[1]));
    let line = [-2.0, 2.0].map(|x| (x, w[0] + w[1] * x));
    let plot = Plot::new("Least squares", "x", "y")
        .series("points", Kind::Points, data.points())
        .series("fitted", Kind::Line, line)
        .series("drawn around", Kind::Dashed, [-2.0, 2.0].map(|x| (x, 1.0 + 2.0 * x)));
    chapter.figure(
        "least-squares",
        "The line for which the squares of the vertical distances have the least sum.",
        &plot.svg()?,
    )?;
    let rest = &data.y - &matvec(&data.x, &w)?;
    let along = matvec(&data.x.t(), &rest)?;
    chapter.check("the residual is orthogonal to every column of X: the fit is a projection", l2_norm(&along) < 1e-9);
    Ok(w)
}

/// Gradient descent with steps below and beyond the limit 2/λ.
fn descent(chapter: &mut Chapter, data: &Data, exact: &ArrayRef1<f64>) -> Outcome {
    chapter.section("The same line, downhill");
    const STEPS: usize = 60;
    // The eigenvalues of a symmetric matrix of two rows: half the trace, and a root to either side.
    let curvature = data.x.t().dot(&data.x) / data.y.len() as f64;
    let half = 0.5 * (curvature[[0, 0]] + curvature[[1, 1]]);
    let root = (0.25 * (curvature[[0, 0]] - curvature[[1, 1]]).powi(2) + curvature[[0, 1]].powi(2)).sqrt();
    let limit = 2.0 / (half + root);
    chapter.say(format!("the largest curvature is {:.3}: steps must be below {limit:.3}", half + root));
    let least = data.loss(exact)?;
    let mut plot = Plot::new("Loss above the least", "step", "loss − least").logarithmic();
    let mut ends = Vec::new();
    for share in [0.05, 0.3, 0.9, 1.02] {
        let mut w = Array1::zeros(2);
        let mut losses = vec![(0.0, data.loss(&w)? - least)];
        for step in 1..=STEPS {
            w = &w - share * limit * gradient(&data.x, &data.y, &w)?;
            losses.push((step as f64, data.loss(&w)? - least));
        }
        ends.push((share, distance(&w, exact, Norm::L2)?));
        // What rounding leaves is no more than noise on a logarithmic axis.
        plot = plot.series(
            &format!("{share} of the limit"),
            Kind::Line,
            losses.into_iter().filter(|&(_, loss)| loss > 1e-14),
        );
    }
    chapter.figure("descent", "Gradient descent with four steps. Short ones are slow, long ones leap to and fro, and beyond the limit every leap is longer than the last.", &plot.svg()?)?;
    for (share, off) in &ends {
        chapter.say(format!("{share} of the limit: after {STEPS} steps {off:.1e} from the closed form"));
    }
    chapter.check("0.3 of the limit arrives at the closed form", ends[1].1 < 1e-6);
    chapter.check("beyond the limit it does not", ends[3].1 > 1.0);
    Ok(())
}

/// One sample a step, with a constant step and with one that falls.
fn stochastic(chapter: &mut Chapter, data: &Data, exact: &ArrayRef1<f64>, rng: &mut StdRng) -> Outcome {
    chapter.section("One sample at a time");
    const STEPS: usize = 4000;
    let mut plot = Plot::new("Distance from the closed form", "step", "‖w − w*‖").logarithmic();
    let mut ends = Vec::new();
    for (name, falls) in [("constant step", false), ("falling step", true)] {
        let mut w = Array1::zeros(2);
        let (mut path, mut late) = (Vec::new(), 0.0);
        for step in 0..STEPS {
            let lr = if falls { 2.0 / (20.0 + step as f64) } else { 0.1 };
            let i = rng.random_range(0..data.y.len());
            let (x, y) = (data.x.row(i), data.y[i]);
            w = &w - lr * (dot(&x, &w)? - y) * &x;
            let off = distance(&w, exact, Norm::L2)?;
            if step % 20 == 0 {
                path.push((step as f64, off));
            }
            if step >= STEPS / 2 {
                late += off / (STEPS - STEPS / 2) as f64;
            }
        }
        plot = plot.series(name, Kind::Line, path);
        ends.push(late);
        chapter.say(format!("{name}: in the second half {late:.4} from the closed form on average"));
    }
    chapter.figure("stochastic", "Stochastic gradient descent. With a constant step it wanders around the minimum; with one that falls it settles.", &plot.svg()?)?;
    chapter.check("a falling step ends nearer than a constant one", ends[1] < 0.5 * ends[0]);
    Ok(())
}
