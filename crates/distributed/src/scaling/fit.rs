//! Latency, cost of a message and bandwidth from measured all-reduces.

use super::error::{at_least_one, not_negative};
use super::{Algorithm, Error, Link};

/// One all-reduce whose time was taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measurement {
    /// How it was done.
    pub algorithm: Algorithm,
    /// Between how many ranks.
    pub ranks: usize,
    /// Of how many bytes.
    pub bytes: f64,
    /// In how many seconds.
    pub seconds: f64,
}

impl Measurement {
    /// By how much a link's prediction is off: predicted / measured − 1.
    ///
    /// # Errors
    /// [`Error::Value`] if there are no ranks, or if the time is not above 0.
    pub fn error(&self, link: &Link) -> Result<f64, Error> {
        if self.seconds > 0.0 && self.seconds.is_finite() {
            Ok(self.algorithm.seconds(self.ranks, self.bytes, link)? / self.seconds - 1.0)
        } else {
            let (of, field, value) = ("measurement", "seconds", self.seconds);
            Err(Error::Value { of, field, value, expected: "finite and above 0" })
        }
    }
}

/// A link, and how well it explains what it was fitted to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fit {
    /// The link.
    pub link: Link,
    /// The root of the mean square of [`Measurement::error`].
    pub error: f64,
    /// The largest absolute value of it.
    pub worst: f64,
}

/// The link that explains the measurements best: α, o, 1/B ≥ 0 with the least Σ (predicted / measured − 1)², so that
/// microseconds count as much as seconds.
///
/// Two ranks cannot tell the cost o of a message from the latency: each of their messages takes both. It is part of α
/// then, and o is 0.
///
/// With three unknowns one can try all choices of those that are not 0, solve for them, and keep the best that has no
/// negative value (C. Lawson, R. Hanson, *Solving least squares problems*, 1974, chapter 23, has the method for many).
///
/// # Examples
/// ```
/// use gradus_distributed::scaling::{Algorithm, Link, Measurement, fit};
/// let link = Link::new(1e-4, 1.25e9)?;
/// let measure = |bytes| {
///     let seconds = Algorithm::Ring.seconds(4, bytes, &link)?;
///     Ok(Measurement { algorithm: Algorithm::Ring, ranks: 4, bytes, seconds })
/// };
/// let found = fit(&[measure(1e3)?, measure(1e5)?, measure(1e7)?])?;
/// assert!((found.link.latency() / link.latency() - 1.0).abs() < 1e-6);
/// assert!((found.link.bandwidth() / link.bandwidth() - 1.0).abs() < 1e-6);
/// assert!(found.worst < 1e-6);
/// # Ok::<(), gradus_distributed::scaling::Error>(())
/// ```
///
/// # Errors
/// [`Error::Measurements`] if they are too few, or all of one size; [`Error::Value`] if one has no ranks, or no time
/// above 0.
pub fn fit(measurements: &[Measurement]) -> Result<Fit, Error> {
    let unexplained = Error::Measurements { measurements: measurements.len() };
    // The double tree chooses its blocks by the link: begin with one, choose, fit, choose again.
    let mut link = Link::new(1e-4, 1e9)?;
    for _ in 0..8 {
        let rows = measurements.iter().map(|one| row(one, &link)).collect::<Result<Vec<_>, _>>()?;
        let found = Link::fitted(solve(&rows).ok_or(unexplained.clone())?);
        if std::mem::replace(&mut link, found) == found {
            break;
        }
    }
    let errors = measurements.iter().map(|one| one.error(&link)).collect::<Result<Vec<_>, _>>()?;
    let error = (errors.iter().map(|error| error * error).sum::<f64>() / errors.len() as f64).sqrt();
    Ok(Fit { link, error, worst: errors.iter().fold(0.0, |worst, error| error.abs().max(worst)) })
}

/// What α, o and 1/B are multiplied by, divided by the time: the sum of the products should be 1.
fn row(one: &Measurement, link: &Link) -> Result<[f64; 3], Error> {
    at_least_one("measurement", "ranks", one.ranks)?;
    not_negative("measurement", "bytes", one.bytes)?;
    one.error(link)?;
    let terms = one.algorithm.terms(one.ranks, one.bytes, link)?;
    Ok([terms.latencies, terms.messages, terms.bytes].map(|term| term / one.seconds))
}

/// x ≥ 0 with the least |A x − 1|²; none if A does not tell latency from bandwidth.
fn solve(rows: &[[f64; 3]]) -> Option<[f64; 3]> {
    // α and 1/B before α, o and 1/B: o must earn its place.
    const CHOICES: [&[usize]; 7] = [&[0, 2], &[0, 1, 2], &[1, 2], &[0, 1], &[2], &[0], &[1]];
    let distance = |x: &[f64; 3]| -> f64 {
        rows.iter().map(|row| (row.iter().zip(x).map(|(a, x)| a * x).sum::<f64>() - 1.0).powi(2)).sum()
    };
    independent(rows, CHOICES[0])?;
    let mut best: Option<([f64; 3], f64)> = None;
    for choice in CHOICES {
        let Some(x) = independent(rows, choice).filter(|x| x.iter().all(|x| *x >= 0.0)) else { continue };
        let now = distance(&x);
        if best.as_ref().is_none_or(|(_, least)| now < least * (1.0 - 1e-9)) {
            best = Some((x, now));
        }
    }
    best.map(|(x, _)| x)
}

/// The solution of the normal equations of some columns, the others' unknowns 0; none if the columns depend on each
/// other.
fn independent(rows: &[[f64; 3]], columns: &[usize]) -> Option<[f64; 3]> {
    // Columns of length 1: bytes are millions, latencies a few.
    let length = |column: usize| rows.iter().map(|row| row[column] * row[column]).sum::<f64>().sqrt();
    let lengths = [length(0), length(1), length(2)];
    let n = columns.len();
    let mut system = vec![vec![0.0; n + 1]; n];
    for (equation, &i) in system.iter_mut().zip(columns) {
        for (entry, &j) in equation.iter_mut().zip(columns) {
            *entry = rows.iter().map(|row| row[i] * row[j]).sum::<f64>() / (lengths[i] * lengths[j]);
        }
        equation[n] = rows.iter().map(|row| row[i]).sum::<f64>() / lengths[i];
    }
    // Elimination without a search for pivots: the matrix is positive definite, or its pivots vanish.
    for pivot in 0..n {
        let (done, rest) = system.split_at_mut(pivot + 1);
        let upper = &done[pivot];
        // NaN: a column of zeros.
        if upper[pivot].is_nan() || upper[pivot] <= 1e-9 {
            return None;
        }
        for lower in rest {
            let factor = lower[pivot] / upper[pivot];
            lower.iter_mut().zip(upper).for_each(|(to, from)| *to -= factor * from);
        }
    }
    let mut x = [0.0; 3];
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|j| system[i][j] * x[columns[j]] * lengths[columns[j]]).sum();
        x[columns[i]] = (system[i][n] - known) / system[i][i] / lengths[columns[i]];
    }
    Some(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measurements(link: &Link, algorithms: &[Algorithm], ranks: &[usize]) -> Vec<Measurement> {
        let mut all = Vec::new();
        for &algorithm in algorithms {
            for &ranks in ranks {
                for bytes in [4096.0, 65536.0, 1048576.0, 16777216.0] {
                    let seconds = algorithm.seconds(ranks, bytes, link).expect("a time");
                    all.push(Measurement { algorithm, ranks, bytes, seconds });
                }
            }
        }
        all
    }

    fn near(found: f64, expected: f64) -> bool {
        (found / expected - 1.0).abs() < 1e-6
    }

    #[test]
    fn a_link_is_found_again_in_its_times() {
        let link = Link::new(3e-4, 1.25e8).and_then(|link| link.per_message(2e-5)).expect("a link");
        let found = fit(&measurements(&link, &Algorithm::ALL, &[2, 4, 8])).expect("a fit");
        assert!(found.worst < 1e-6, "{found:?}");
        assert!(near(found.link.latency(), 3e-4) && near(found.link.cost_per_message(), 2e-5), "{found:?}");
        assert!(near(found.link.bandwidth(), 1.25e8), "{found:?}");
    }

    #[test]
    fn two_ranks_have_the_cost_of_a_message_in_the_latency() {
        let link = Link::new(3e-4, 1.25e8).and_then(|link| link.per_message(2e-5)).expect("a link");
        let found = fit(&measurements(&link, &[Algorithm::Direct, Algorithm::Tree], &[2])).expect("a fit");
        assert!(near(found.link.latency(), 3.2e-4) && found.link.cost_per_message() == 0.0, "{found:?}");
    }

    #[test]
    fn nothing_is_found_below_zero() {
        // Times that fall with the size: the best bandwidth is infinite.
        let measure = |bytes, seconds| Measurement { algorithm: Algorithm::Ring, ranks: 2, bytes, seconds };
        let found = fit(&[measure(1e3, 1.1e-3), measure(1e4, 1.0e-3), measure(1e5, 0.9e-3)]).expect("a fit");
        assert_eq!(found.link.bandwidth(), f64::INFINITY);
        assert!(found.link.latency() > 0.0);
    }

    #[test]
    fn what_tells_nothing_is_refused() {
        let one = Measurement { algorithm: Algorithm::Ring, ranks: 2, bytes: 1e6, seconds: 1.0 };
        for few in [vec![], vec![one], vec![one; 5], vec![Measurement { ranks: 1, ..one }; 2]] {
            assert_eq!(fit(&few), Err(Error::Measurements { measurements: few.len() }));
        }
        let message = |one| fit(&[one]).map_err(|error| error.to_string());
        let expected = "measurement: seconds 0: must be finite and above 0";
        assert_eq!(message(Measurement { seconds: 0.0, ..one }), Err(expected.to_owned()));
        assert_eq!(message(Measurement { ranks: 0, ..one }), Err("measurement: ranks 0: must be 1 or more".to_owned()));
    }
}
