//! What a check found.

use crate::{Error, Result};
use std::fmt;

/// What a gradient check found.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Report {
    /// How many derivatives were compared.
    pub checked: usize,
    /// The largest error, relative to `1 + the larger of the two`.
    pub worst_error: f64,
    /// The derivative with the largest error, if any had one.
    pub worst: Option<Derivative>,
}

/// One derivative, from both sides.
#[derive(Debug, Clone, PartialEq)]
pub struct Derivative {
    /// Which input, from 0, and which of its elements; `None` for the derivative along a direction.
    pub place: Option<(usize, Vec<usize>)>,
    /// What the backward pass computed.
    pub analytic: f64,
    /// What the judge says.
    pub numeric: f64,
}

impl Derivative {
    /// How far the two are apart.
    #[must_use]
    pub fn absolute_error(&self) -> f64 {
        (self.analytic - self.numeric).abs()
    }

    /// How far the two are apart, relative to the larger; 0 if both are 0.
    #[must_use]
    pub fn relative_error(&self) -> f64 {
        let size = self.analytic.abs().max(self.numeric.abs());
        if size == 0.0 { 0.0 } else { self.absolute_error() / size }
    }

    /// How many numbers of `f64` lie from one to the other.
    #[must_use]
    pub fn ulp(&self) -> f64 {
        // Of floats of one sign the bits, as whole numbers, are in order.
        let place = |x: f64| {
            let magnitude = (x.abs().to_bits()) as f64;
            if x < 0.0 { -magnitude } else { magnitude }
        };
        if self.absolute_error().is_nan() {
            return f64::NAN;
        }
        if (self.analytic < 0.0) == (self.numeric < 0.0) {
            return self.analytic.abs().to_bits().abs_diff(self.numeric.abs().to_bits()) as f64;
        }
        (place(self.analytic) - place(self.numeric)).abs()
    }

    /// What the checks compare with what they allow.
    fn error(&self) -> f64 {
        self.absolute_error() / (1.0 + self.analytic.abs().max(self.numeric.abs()))
    }
}

impl fmt::Display for Derivative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some((input, index)) => write!(f, "input {input} at {index:?}")?,
            None => f.write_str("along a direction")?,
        }
        write!(
            f,
            ": backward says {:e}, the judge {:e}: {:.1e} absolute, {:.1e} relative, {} ulp",
            self.analytic,
            self.numeric,
            self.absolute_error(),
            self.relative_error(),
            self.ulp()
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} derivatives", self.checked)?;
        match &self.worst {
            Some(worst) => write!(f, "; worst: {worst}"),
            None => f.write_str(", each equal"),
        }
    }
}

impl Report {
    /// Both findings as one.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let checked = self.checked + other.checked;
        let worse = if other.worst_error > self.worst_error { other } else { self };
        Self { checked, ..worse }
    }
}

/// Derivatives on their way into a report.
pub(super) struct Comparison {
    judge: &'static str,
    allowed: f64,
    report: Report,
}

impl Comparison {
    pub(super) fn new(judge: &'static str, allowed: f64) -> Self {
        Self { judge, allowed, report: Report::default() }
    }

    pub(super) fn add(&mut self, place: Option<(usize, &[usize])>, analytic: f64, numeric: f64) {
        self.report.checked += 1;
        let derivative = Derivative { place: None, analytic, numeric };
        // Two equal infinities agree.
        let error = if analytic == numeric { 0.0 } else { derivative.error() };
        if error > self.report.worst_error || error.is_nan() && !self.report.worst_error.is_nan() {
            let place = place.map(|(input, index)| (input, index.to_vec()));
            self.report.worst_error = error;
            self.report.worst = Some(Derivative { place, ..derivative });
        }
    }

    pub(super) fn finish(self) -> Result<Report> {
        let (error, allowed, judge) = (self.report.worst_error, self.allowed, self.judge);
        match self.report.worst {
            Some(worst) if error > allowed || error.is_nan() => {
                let (ulp, Derivative { place, analytic, numeric }) = (worst.ulp(), worst);
                Err(match place {
                    Some((input, index)) => {
                        Error::Gradcheck { input, index, analytic, numeric, error, allowed, ulp, judge }
                    }
                    None => Error::GradcheckDirection { analytic, numeric, error, allowed, ulp, judge },
                })
            }
            _ => Ok(self.report),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_in_three_measures() {
        let derivative = |analytic, numeric| Derivative { place: None, analytic, numeric };
        let close = derivative(2.0, 2.0 + 4.0 * f64::EPSILON);
        assert_eq!((close.ulp(), close.absolute_error()), (2.0, 4.0 * f64::EPSILON));
        assert_eq!(derivative(-4.0, -2.0).relative_error(), 0.5);
        assert_eq!(derivative(0.0, -0.0).ulp(), 0.0);
        assert_eq!(derivative(f64::from_bits(3), -f64::from_bits(2)).ulp(), 5.0);
        assert!(derivative(f64::NAN, 1.0).ulp().is_nan());
    }

    #[test]
    fn a_fault_is_not_hidden_by_a_larger_number_of_good_ones() {
        let mut comparison = Comparison::new("the judge", 1e-7);
        comparison.add(Some((0, &[0])), 1.0, 1.0);
        comparison.add(Some((0, &[1])), f64::NAN, 1.0);
        comparison.add(Some((1, &[2])), 1.0, 2.0);
        let error = comparison.finish().unwrap_err();
        assert!(matches!(error, Error::Gradcheck { input: 0, ref index, .. } if index == &[1]), "{error}");
    }
}
