//! Data sets made of formulas: small, two-dimensional, and with a known answer.

use crate::{Error, Labelled, Result};
use gradus_linalg::Real;
use gradus_linalg::ndarray::{Array1, Array2};
use rand::{Rng, RngExt};
use std::f64::consts::{PI, TAU};

/// Generators of data sets: `n` samples of two numbers with the class of each, from the generator that is handed in.
///
/// Classes follow one another, `0, 1, …, 0, 1, …`, so that their sizes differ by at most one; [`split`](Labelled::split) and the loaders
/// shuffle. Noise is Gaussian with the standard deviation that is given.
///
/// # Shapes
/// - inputs: `(n, 2)`, labels: `(n,)`
///
/// # Examples
/// ```
/// use gradus_data::{Generate, Labelled};
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let mut rng = StdRng::seed_from_u64(7);
/// let moons: Labelled = Generate::moons(200, 0.1, &mut rng)?;
/// assert_eq!((moons.inputs().shape(), moons.classes()), (&[200, 2][..], 2));
/// # Ok::<(), gradus_data::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Generate;

impl Generate {
    /// Round Gaussian clusters, one for each centre.
    ///
    /// # Errors
    /// [`Error::Setting`] if there is no centre, or if a number is not finite or the noise negative.
    pub fn blobs<F: Real>(
        n: usize,
        centres: &[[f64; 2]],
        noise: f64,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Labelled<F>> {
        check("blobs", "number of centres", centres.len() as f64, !centres.is_empty(), "at least 1")?;
        for &x in centres.as_flattened() {
            check("blobs", "coordinate of a centre", x, x.is_finite(), "finite")?;
        }
        noisy("blobs", n, centres.len(), noise, rng, |class, _, _| centres[class])
    }

    /// Two interleaved half circles of radius 1, as in scikit-learn.
    ///
    /// ```text
    /// class 0: (cos t, sin t)        class 1: (1 − cos t, ½ − sin t)        t uniform in 0 … π
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] if the noise is negative or not finite.
    pub fn moons<F: Real>(n: usize, noise: f64, rng: &mut (impl Rng + ?Sized)) -> Result<Labelled<F>> {
        noisy("moons", n, 2, noise, rng, |class, u, _| {
            let (sin, cos) = (PI * u).sin_cos();
            if class == 0 { [cos, sin] } else { [1.0 - cos, 0.5 - sin] }
        })
    }

    /// A circle of radius 1, class 0, around one of radius `factor`, class 1.
    ///
    /// # Errors
    /// [`Error::Setting`] if the factor is not between 0 and 1, or the noise negative or not finite.
    pub fn circles<F: Real>(n: usize, factor: f64, noise: f64, rng: &mut (impl Rng + ?Sized)) -> Result<Labelled<F>> {
        check("circles", "factor", factor, factor > 0.0 && factor < 1.0, "between 0 and 1, both excluded")?;
        noisy("circles", n, 2, noise, rng, |class, u, _| {
            let (sin, cos) = (TAU * u).sin_cos();
            let radius = if class == 0 { 1.0 } else { factor };
            [radius * cos, radius * sin]
        })
    }

    /// Spiral arms around the origin, one for each class, of radius up to 1.
    ///
    /// ```text
    /// arm c of C:  r = t,  φ = 2π (turns · t + c / C)        t uniform in 0 … 1
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] if there is no class, the turns are not finite, or the noise negative or not finite.
    ///
    /// # References
    /// K. J. Lang and M. J. Witbrock, *Learning to Tell Two Spirals Apart*, Connectionist Models Summer School, 1988
    pub fn spirals<F: Real>(
        n: usize,
        classes: usize,
        turns: f64,
        noise: f64,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Labelled<F>> {
        check("spirals", "number of classes", classes as f64, classes > 0, "at least 1")?;
        check("spirals", "number of turns", turns, turns.is_finite(), "finite")?;
        noisy("spirals", n, classes, noise, rng, |class, t, _| {
            let (sin, cos) = (TAU * (turns * t + class as f64 / classes as f64)).sin_cos();
            [t * cos, t * sin]
        })
    }

    /// The square from −1 to 1: class 1 where the two signs differ, class 0 where they agree. Labels are those before the noise.
    ///
    /// # Errors
    /// [`Error::Setting`] if the noise is negative or not finite.
    ///
    /// # References
    /// M. Minsky and S. Papert, *Perceptrons*, MIT Press, 1969
    pub fn xor<F: Real>(n: usize, noise: f64, rng: &mut (impl Rng + ?Sized)) -> Result<Labelled<F>> {
        noisy("xor", n, 2, noise, rng, |class, u, v| {
            // u gives size and sign of x, v the size of y, the class its sign.
            let x = 2.0 * u - 1.0;
            let sign = if (x > 0.0) == (class == 0) { 1.0 } else { -1.0 };
            [x, sign * v]
        })
    }

    /// A mixture of Gaussians with any covariances, labelled by the component.
    ///
    /// # Errors
    /// [`Error::Setting`] if there is no component, a weight is negative or none above 0, a number is not finite, or a
    /// covariance not positive semi-definite.
    pub fn mixture<F: Real>(n: usize, components: &[Gaussian], rng: &mut (impl Rng + ?Sized)) -> Result<Labelled<F>> {
        let name = "mixture";
        check(name, "number of components", components.len() as f64, !components.is_empty(), "at least 1")?;
        for component in components {
            component.check()?;
        }
        let largest = components.iter().map(|component| component.weight).fold(0.0, f64::max);
        check(name, "largest weight", largest, largest > 0.0, "above 0")?;
        let total: f64 = components.iter().map(|component| component.weight / largest).sum();
        let mut labels = Vec::with_capacity(n);
        let mut inputs = Array2::zeros((n, 2));
        for mut row in inputs.rows_mut() {
            let mut rest = rng.random::<f64>() * total;
            let fits = |component: &Gaussian| {
                rest -= component.weight / largest;
                rest < 0.0
            };
            // Rounding can leave a rest behind the last one: it goes to the last that has any weight.
            let last = components.iter().rposition(|component| component.weight > 0.0).unwrap_or(0);
            let class = components.iter().position(fits).unwrap_or(last);
            let [x, y] = components[class].sample(gauss(rng));
            (row[0], row[1]) = (F::from_f64(x), F::from_f64(y));
            labels.push(class);
        }
        Labelled::new(inputs, labels, components.len())
    }

    /// Points of a curve with noise: `x` uniform between `from` and `to`, `y = f(x) + noise · N(0, 1)`; inputs `(n, 1)`, targets `(n,)`.
    ///
    /// ```
    /// use gradus_data::Generate;
    /// use rand::{SeedableRng, rngs::StdRng};
    ///
    /// let (x, y) = Generate::curve::<f64>(50, 0.0..6.0, 0.0, &mut StdRng::seed_from_u64(7), f64::sin)?;
    /// assert!((0..50).all(|i| y[i] == x[[i, 0]].sin()));
    /// # Ok::<(), gradus_data::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] if the range is empty or not finite, or the noise negative or not finite.
    pub fn curve<F: Real>(
        n: usize,
        range: std::ops::Range<f64>,
        noise: f64,
        rng: &mut (impl Rng + ?Sized),
        f: impl Fn(f64) -> f64,
    ) -> Result<(Array2<F>, Array1<F>)> {
        let width = range.end - range.start;
        check("curve", "width of the range", width, width.is_finite() && width > 0.0, "finite and above 0")?;
        check("curve", "noise", noise, noise.is_finite() && noise >= 0.0, "finite and not negative")?;
        let (mut x, mut y) = (Array2::zeros((n, 1)), Array1::zeros(n));
        for (x, y) in x.iter_mut().zip(&mut y) {
            let at = range.start + width * rng.random::<f64>();
            (*x, *y) = (F::from_f64(at), F::from_f64(f(at) + noise * gauss(rng)[0]));
        }
        Ok((x, y))
    }
}

/// A component of a [`mixture`](Generate::mixture).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gaussian {
    /// How often it comes, relative to the others.
    pub weight: f64,
    /// Its mean.
    pub mean: [f64; 2],
    /// Its covariance, symmetric: variance of x, covariance, variance of y.
    pub covariance: [f64; 3],
}

impl Gaussian {
    fn check(&self) -> Result<()> {
        let Self { weight, mean, covariance: [a, b, c] } = *self;
        check("mixture", "weight", weight, weight.is_finite() && weight >= 0.0, "finite and not negative")?;
        for x in mean {
            check("mixture", "mean", x, x.is_finite(), "finite")?;
        }
        for variance in [a, c] {
            check("mixture", "variance", variance, variance.is_finite() && variance >= 0.0, "finite and not negative")?;
        }
        check("mixture", "covariance", b, b.abs() <= a.sqrt() * c.sqrt(), "at most the product of both deviations")
    }

    /// `μ + L z` with `L Lᵀ = Σ`, the Cholesky factor of two rows.
    fn sample(&self, z: [f64; 2]) -> [f64; 2] {
        let [a, b, c] = self.covariance;
        let first = a.sqrt();
        let below = if first > 0.0 { b / first } else { 0.0 };
        let second = (c - below * below).max(0.0).sqrt();
        [self.mean[0] + first * z[0], self.mean[1] + below * z[0] + second * z[1]]
    }
}

/// Samples of a point for each class and two uniform numbers, with noise.
fn noisy<F: Real>(
    operation: &'static str,
    n: usize,
    classes: usize,
    noise: f64,
    rng: &mut (impl Rng + ?Sized),
    point: impl Fn(usize, f64, f64) -> [f64; 2],
) -> Result<Labelled<F>> {
    check(operation, "noise", noise, noise.is_finite() && noise >= 0.0, "finite and not negative")?;
    let labels: Array1<usize> = (0..n).map(|i| i % classes).collect();
    let mut inputs = Array2::zeros((n, 2));
    for (mut row, &class) in inputs.rows_mut().into_iter().zip(&labels) {
        let (u, v) = (rng.random(), rng.random());
        let ([x, y], [dx, dy]) = (point(class, u, v), gauss(rng));
        (row[0], row[1]) = (F::from_f64(x + noise * dx), F::from_f64(y + noise * dy));
    }
    Labelled::new(inputs, labels, classes)
}

/// Two independent numbers of the standard normal distribution.
///
/// # References
/// G. E. P. Box and M. E. Muller, *A Note on the Generation of Random Normal Deviates*, 1958, <https://doi.org/10.1214/aoms/1177706645>
fn gauss(rng: &mut (impl Rng + ?Sized)) -> [f64; 2] {
    let (u, v): (f64, f64) = (rng.random(), rng.random());
    // 1 − u is never 0.
    let radius = (-2.0 * (1.0 - u).ln()).sqrt();
    let (sin, cos) = (TAU * v).sin_cos();
    [radius * cos, radius * sin]
}

fn check(operation: &'static str, setting: &'static str, found: f64, fits: bool, expected: &'static str) -> Result<()> {
    if fits { Ok(()) } else { Err(Error::Setting { operation, setting, found, expected }) }
}
