//! Down when nothing gets better.

use crate::{Error, Result, hyper};

/// Which metric is better.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Mode {
    Min,
    Max,
}

/// What the threshold is a share of.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Threshold {
    Relative(f64),
    Absolute(f64),
}

/// A learning rate that is reduced when a metric has stopped getting better; PyTorch's `ReduceLROnPlateau`.
///
/// ```text
/// better:  metric < best · (1 − threshold)      (relative, the lower the better)
///          metric < best − threshold            (absolute);  with > and + for the higher the better
/// bad  ← 0 if better or cooling down,  bad + 1 otherwise
/// if bad > patience:  lr ← max(lr · factor, min_lr),  bad ← 0, and cool down for so many metrics
/// ```
///
/// It depends on what has been seen, so it is no [`Schedule`](crate::Schedule); [`state`](Self::state) and
/// [`restore`](Self::restore) carry it over an interruption.
///
/// | setting | means | default | range |
/// | --- | --- | --- | --- |
/// | `lr` | the first rate | | at least 0 |
/// | `max` | the higher the metric the better | no | |
/// | `factor` | what a reduction multiplies by | 0.1 | at least 0, less than 1 |
/// | `patience` | metrics without progress that are borne | 10 | |
/// | `threshold`, `absolute_threshold` | what counts as progress | 10⁻⁴, relative | at least 0 |
/// | `cooldown` | metrics after a reduction that count for nothing | 0 | |
/// | `min_lr` | the lowest rate | 0 | at least 0 |
/// | `eps` | a smaller reduction is not made | 10⁻⁸ | at least 0 |
///
/// # Examples
/// ```
/// use gradus_optim::schedule::ReduceOnPlateau;
/// let mut plateau = ReduceOnPlateau::new(0.8).factor(0.5).patience(1);
/// let rates = [1.0, 0.9, 0.9, 0.9, 0.9].map(|loss| plateau.observe(loss).unwrap());
/// assert_eq!(rates, [0.8, 0.8, 0.8, 0.4, 0.4]); // borne once, reduced the second time
///
/// let mut resumed = ReduceOnPlateau::new(0.8).factor(0.5).patience(1);
/// resumed.restore(plateau.state())?;
/// assert_eq!(resumed.observe(0.9)?, 0.2);
/// # Ok::<(), gradus_optim::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ReduceOnPlateau {
    mode: Mode,
    factor: f64,
    patience: u64,
    threshold: Threshold,
    cooldown: u64,
    min_lr: f64,
    eps: f64,
    state: PlateauState,
}

/// What a [`ReduceOnPlateau`] remembers, as plain data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlateauState {
    /// The learning rate in force.
    pub lr: f64,
    /// The best metric so far; none before the first.
    pub best: Option<f64>,
    /// Metrics since that one.
    pub bad: u64,
    /// Metrics that still count for nothing.
    pub cooling: u64,
}

impl ReduceOnPlateau {
    /// `lr` at first, and a tenth of it after more than ten metrics in a row that are not lower.
    #[must_use]
    pub fn new(lr: f64) -> Self {
        Self {
            mode: Mode::Min,
            factor: 0.1,
            patience: 10,
            threshold: Threshold::Relative(1e-4),
            cooldown: 0,
            min_lr: 0.0,
            eps: 1e-8,
            state: PlateauState { lr, best: None, bad: 0, cooling: 0 },
        }
    }

    /// For a metric that is the better the higher it is.
    #[must_use]
    pub fn max(self) -> Self {
        Self { mode: Mode::Max, ..self }
    }

    /// With reductions by this factor.
    #[must_use]
    pub fn factor(self, factor: f64) -> Self {
        Self { factor, ..self }
    }

    /// With so many metrics without progress before a reduction.
    #[must_use]
    pub fn patience(self, patience: u64) -> Self {
        Self { patience, ..self }
    }

    /// With progress meaning better by more than this share of the best.
    #[must_use]
    pub fn threshold(self, threshold: f64) -> Self {
        Self { threshold: Threshold::Relative(threshold), ..self }
    }

    /// With progress meaning better by more than this.
    #[must_use]
    pub fn absolute_threshold(self, threshold: f64) -> Self {
        Self { threshold: Threshold::Absolute(threshold), ..self }
    }

    /// With so many metrics after a reduction that count for nothing.
    #[must_use]
    pub fn cooldown(self, cooldown: u64) -> Self {
        Self { cooldown, ..self }
    }

    /// With this lowest rate.
    #[must_use]
    pub fn min_lr(self, min_lr: f64) -> Self {
        Self { min_lr, ..self }
    }

    /// With reductions of no more than this left out.
    #[must_use]
    pub fn eps(self, eps: f64) -> Self {
        Self { eps, ..self }
    }

    /// The learning rate in force.
    #[must_use]
    pub fn lr(&self) -> f64 {
        self.state.lr
    }

    /// Takes note of a metric, and returns the rate from now on.
    ///
    /// # Errors
    /// [`Error::Metric`] if it is NaN; nothing is changed then.
    pub fn observe(&mut self, metric: f64) -> Result<f64> {
        if metric.is_nan() {
            return Err(Error::Metric { metric });
        }
        let worst = if self.mode == Mode::Min { f64::INFINITY } else { f64::NEG_INFINITY };
        let better = self.is_better(metric, self.state.best.unwrap_or(worst));
        let state = &mut self.state;
        if better {
            (state.best, state.bad) = (Some(metric), 0);
        } else {
            state.bad += 1;
        }
        if state.cooling > 0 {
            (state.cooling, state.bad) = (state.cooling - 1, 0);
        }
        if state.bad > self.patience {
            let reduced = (state.lr * self.factor).max(self.min_lr);
            if state.lr - reduced > self.eps {
                state.lr = reduced;
            }
            (state.cooling, state.bad) = (self.cooldown, 0);
        }
        Ok(state.lr)
    }

    fn is_better(&self, metric: f64, best: f64) -> bool {
        match (self.mode, self.threshold) {
            (Mode::Min, Threshold::Relative(share)) => metric < best * (1.0 - share),
            (Mode::Min, Threshold::Absolute(by)) => metric < best - by,
            (Mode::Max, Threshold::Relative(share)) => metric > best * (1.0 + share),
            (Mode::Max, Threshold::Absolute(by)) => metric > best + by,
        }
    }

    /// What it remembers.
    #[must_use]
    pub fn state(&self) -> PlateauState {
        self.state
    }

    /// Puts back what [`state`](Self::state) returned. The settings are the caller's to set as they were.
    ///
    /// # Errors
    /// [`Error::HyperParameter`] for a rate that is negative or not finite, [`Error::Metric`] for a best metric that is NaN;
    /// nothing is changed then.
    pub fn restore(&mut self, state: PlateauState) -> Result<()> {
        hyper::not_negative("reduce on plateau", "lr", state.lr)?;
        match state.best {
            Some(metric) if metric.is_nan() => return Err(Error::Metric { metric }),
            _ => self.state = state,
        }
        Ok(())
    }

    /// Checks the settings, as a training loop does before the first batch.
    ///
    /// # Errors
    /// [`Error::HyperParameter`] names the field, its value and what would fit.
    pub fn validate(&self) -> Result<()> {
        const RULE: &str = "reduce on plateau";
        hyper::not_negative(RULE, "lr", self.state.lr)?;
        hyper::below_one(RULE, "factor", self.factor)?;
        let (Threshold::Relative(threshold) | Threshold::Absolute(threshold)) = self.threshold;
        hyper::not_negative(RULE, "threshold", threshold)?;
        hyper::not_negative(RULE, "min_lr", self.min_lr)?;
        hyper::not_negative(RULE, "eps", self.eps)
    }
}
