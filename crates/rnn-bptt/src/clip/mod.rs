//! Clipping inside the loop, with a log.

mod norms;

use crate::{Error, Result};
use gradus_autograd::{Gradients, Real};
use norms::Norms;
use std::fmt;

/// Scales all gradients together so that their Euclidean norm, taken as one vector, is at most a bound, and writes down
/// how long they were.
///
/// ```text
/// g ← g · min(1, max_norm / (‖g‖ + 1e-6))
/// ```
///
/// The gradient of a recurrent network lies low for thousands of steps and then is a thousand times as long, where the product of
/// Jacobians explodes; cut to a bound, such a step does no harm. The log tells whether the bound is right: it should cut
/// the few that explode. One that cuts every other step has become the learning rate, one that never cuts may be left out. A bound
/// somewhat above the median of the norms is a common choice.
///
/// The log is bounded in memory however many steps there are. Counts, the smallest and the largest norm are exact, quantiles within
/// 1.1 % (norms are counted in ranges whose limits are a factor of `2^(1/32)` apart, as in a `DDSketch`). The 1e-6 is PyTorch's.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Parameter, ndarray::array};
/// use gradus_rnn_bptt::{ClipLog, Tape};
/// let w: Parameter<f64> = array![1.5, 2.0].into();
/// let mut log = ClipLog::new(10.0)?;
/// for scale in [1.0, 2.0, 3.0] {
///     let loss = Tape::recording().parameter(&w).square().sum() * scale;
///     let mut gradients = loss.backward()?;
///     let norm = log.clip(&mut gradients)?; // of the gradient as it was
///     assert!((norm - 5.0 * scale).abs() < 1e-12 && gradients.norm() < 10.0 + 1e-9);
/// }
/// assert_eq!((log.clipped(), log.steps(), log.largest()), (1, 3, 15.0));
/// assert!((log.median().unwrap() - 10.0).abs() < 0.11);
/// assert!(log.to_string().starts_with("clipped 1 of 3 steps (33.3 %) to norm 10"));
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
///
/// # References
/// R. Pascanu, T. Mikolov, Y. Bengio, *On the difficulty of training recurrent neural networks*, ICML 2013, Algorithm 1,
/// <https://arxiv.org/abs/1211.5063>; C. Masson, J. E. Rim, H. K. Lee, *DDSketch: a fast and fully-mergeable quantile
/// sketch with relative-error guarantees*, PVLDB 12(12), 2019, <https://arxiv.org/abs/1908.10693> (the quantiles).
#[derive(Debug, Clone, PartialEq)]
pub struct ClipLog {
    max_norm: f64,
    clipped: u64,
    norms: Norms,
}

impl ClipLog {
    /// A bound on the norm; [`f64::INFINITY`] clips nothing and writes down all the same.
    ///
    /// # Errors
    /// [`Error::ClipBound`] if it is not above 0.
    pub fn new(max_norm: f64) -> Result<Self> {
        if max_norm > 0.0 {
            Ok(Self { max_norm, clipped: 0, norms: Norms::default() })
        } else {
            Err(Error::ClipBound { max_norm })
        }
    }

    /// Clips the gradients of one step, and returns their norm before.
    ///
    /// # Errors
    /// [`Error::ClipNorm`] if the norm is not finite; the gradients are as they were then, and the step is not counted.
    pub fn clip<F: Real>(&mut self, gradients: &mut Gradients<F>) -> Result<f64> {
        let norm = gradients.norm();
        if !norm.is_finite() {
            return Err(Error::ClipNorm { norm, step: self.steps() + 1 });
        }
        self.norms.add(norm);
        self.clipped += u64::from(norm > self.max_norm);
        let factor = self.max_norm / (norm + 1e-6);
        if factor < 1.0 {
            gradients.scale(factor);
        }
        Ok(norm)
    }

    /// The bound.
    #[must_use]
    pub fn max_norm(&self) -> f64 {
        self.max_norm
    }

    /// The steps so far.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.norms.count()
    }

    /// The steps among them whose gradients were longer than the bound.
    #[must_use]
    pub fn clipped(&self) -> u64 {
        self.clipped
    }

    /// The share of the steps that were clipped; 0 before the first.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.clipped as f64 / self.steps().max(1) as f64
    }

    /// The largest norm before clipping; 0 before the first step.
    #[must_use]
    pub fn largest(&self) -> f64 {
        self.norms.largest()
    }

    /// The median of the norms before clipping, within 1.1 %; none before the first step.
    #[must_use]
    pub fn median(&self) -> Option<f64> {
        self.quantile(0.5)
    }

    /// The norm that a share `q` of the steps does not exceed, within 1.1 %: the one at rank `⌊q (n − 1)⌋` from below. None before the
    /// first step, and for a `q` outside 0 to 1.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<f64> {
        self.norms.quantile(q)
    }

    /// How many norms were in which power of two: the lower limit of a range, from which it reaches to its double, and the number
    /// of steps in it, from the shortest to the longest with none left out. Norms below 2⁻⁵⁰ stand in a first range from 0.
    #[must_use]
    pub fn histogram(&self) -> Vec<(f64, u64)> {
        self.norms.by_powers_of_two()
    }
}

/// How often it clipped, the quantiles of the norms, and a bar for each power of two.
impl fmt::Display for ClipLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (clipped, steps, share) = (self.clipped, self.steps(), 100.0 * self.share());
        write!(f, "clipped {clipped} of {steps} steps ({share:.1} %) to norm {}", self.max_norm)?;
        let quantile = |q| self.quantile(q);
        let (Some(median), Some(ninety), Some(most)) = (quantile(0.5), quantile(0.9), quantile(0.99)) else {
            return Ok(());
        };
        let largest = self.largest();
        write!(
            f,
            "\nnorms: median {median:.3e}, 90 % up to {ninety:.3e}, 99 % up to {most:.3e}, largest {largest:.3e}"
        )?;
        let histogram = self.histogram();
        let longest = histogram.iter().map(|&(_, count)| count).max().unwrap_or(1).max(1);
        for (low, count) in histogram {
            // A single step among a million still shows.
            let bar = "█".repeat((count as f64 / longest as f64 * 40.0).ceil() as usize);
            write!(f, "\n{low:>10.3e} │{bar} {count}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradus_autograd::Tape;
    use gradus_nn_layers::Parameter;
    use ndarray::{Array1, array};

    fn gradients(norm: f64) -> Gradients<f64> {
        let w: Parameter<f64> = array![0.0, 0.0].into();
        Tape::recording().parameter(&w).backward_with(array![0.6 * norm, -0.8 * norm]).unwrap()
    }

    #[test]
    fn the_long_are_scaled_and_the_short_stay() {
        let mut log = ClipLog::new(2.0).unwrap();
        for (norm, expected) in [(1.0, 1.0), (2.0, 2.0), (8.0, 2.0), (0.0, 0.0)] {
            let mut gradients = gradients(norm);
            assert!((log.clip(&mut gradients).unwrap() - norm).abs() < 1e-12);
            assert!((gradients.norm() - expected).abs() < 1e-5, "{norm}");
        }
        assert_eq!((log.steps(), log.clipped(), log.share(), log.largest()), (4, 1, 0.25, 8.0));
    }

    #[test]
    fn without_a_bound_it_only_writes_down() {
        let mut log = ClipLog::new(f64::INFINITY).unwrap();
        let mut found = gradients(1e30);
        log.clip(&mut found).unwrap();
        assert!((found.norm() / 1e30 - 1.0).abs() < 1e-12);
        assert_eq!((log.steps(), log.clipped()), (1, 0));
    }

    #[test]
    fn what_is_not_finite_is_refused_and_left() {
        let mut log = ClipLog::new(1.0).unwrap();
        log.clip(&mut gradients(3.0)).unwrap();
        let before = log.clone();
        let error = log.clip(&mut gradients(f64::INFINITY)).unwrap_err();
        assert_eq!(error.to_string(), "clip_log: the gradients' norm is inf at step 2; they are left as they were");
        assert_eq!(log, before);
        for bound in [0.0, -1.0, f64::NAN] {
            let error = ClipLog::new(bound).unwrap_err().to_string();
            let rest = "the bound is above 0; without end it clips nothing and writes down all the same";
            assert_eq!(error, format!("clip_log: max_norm = {bound}: {rest}"));
        }
    }

    #[test]
    fn quantiles_are_within_what_is_said() {
        let mut log = ClipLog::new(1.0).unwrap();
        assert_eq!((log.median(), log.histogram()), (None, vec![]));
        assert_eq!(log.to_string(), "clipped 0 of 0 steps (0.0 %) to norm 1");
        let mut norms: Vec<f64> = (0..1001_u32).map(|i| 1e-4 * 1.017_f64.powi(i as i32)).collect();
        // In another order than theirs.
        for i in 0..1001 {
            log.clip(&mut gradients(norms[i * 389 % 1001])).unwrap();
        }
        norms.sort_by(f64::total_cmp);
        for q in [0.0, 0.01, 0.25, 0.5, 0.9, 0.99, 1.0] {
            let (found, exact) = (log.quantile(q).unwrap(), norms[(q * 1000.0) as usize]);
            assert!((found / exact - 1.0).abs() < 0.011, "{q}: {found}, not {exact}");
        }
        assert_eq!((log.quantile(1.5), log.quantile(f64::NAN)), (None, None));
        assert_eq!(log.histogram().iter().map(|&(_, count)| count).sum::<u64>(), 1001);
    }

    #[test]
    fn the_log_reads_so() {
        let mut log = ClipLog::new(3.0).unwrap();
        for norm in [1.0, 1.5, 1.0, 1.25, 4.5] {
            log.clip(&mut gradients(norm)).unwrap();
        }
        assert_eq!(log.histogram(), [(1.0, 4), (2.0, 0), (4.0, 1)]);
        let lines: Vec<String> = log.to_string().lines().map(str::to_owned).collect();
        assert_eq!(lines[0], "clipped 1 of 5 steps (20.0 %) to norm 3");
        assert!(lines[1].starts_with("norms: median 1.2"), "{}", lines[1]);
        assert!(lines[1].ends_with("largest 4.500e0"), "{}", lines[1]);
        assert_eq!(lines[2], format!("   1.000e0 │{} 4", "█".repeat(40)));
        assert_eq!(lines[3], "   2.000e0 │ 0");
        assert_eq!(lines[4], format!("   4.000e0 │{} 1", "█".repeat(10)));
    }

    #[test]
    fn no_gradients_have_norm_zero() {
        let w: Parameter<f64> = Array1::zeros(0).into();
        let mut none = Tape::recording().parameter(&w).sum().backward().unwrap();
        let mut log = ClipLog::new(1.0).unwrap();
        assert_eq!(log.clip(&mut none).unwrap(), 0.0);
        assert_eq!((log.median(), log.histogram()), (Some(0.0), vec![(0.0, 1)]));
    }
}
