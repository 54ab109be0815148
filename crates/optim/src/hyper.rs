//! Is a hyper-parameter in its range?

use crate::{Error, Result};

pub(crate) fn not_negative(rule: &'static str, field: &'static str, value: f64) -> Result<()> {
    hold(value.is_finite() && value >= 0.0, rule, field, value, "finite and not negative")
}

/// A share that is kept from one step to the next: kept whole, it would never forget.
pub(crate) fn below_one(rule: &'static str, field: &'static str, value: f64) -> Result<()> {
    hold((0.0..1.0).contains(&value), rule, field, value, "at least 0 and less than 1")
}

pub(crate) fn up_to_one(rule: &'static str, field: &'static str, value: f64) -> Result<()> {
    hold((0.0..=1.0).contains(&value), rule, field, value, "between 0 and 1")
}

/// A factor that something is divided by.
pub(crate) fn positive(rule: &'static str, field: &'static str, value: f64) -> Result<()> {
    hold(value.is_finite() && value > 0.0, rule, field, value, "finite and above 0")
}

/// A number of steps that something is divided by.
pub(crate) fn steps(rule: &'static str, field: &'static str, value: u64) -> Result<()> {
    hold(value > 0, rule, field, value as f64, "at least 1")
}

pub(crate) fn hold(
    holds: bool,
    rule: &'static str,
    field: &'static str,
    value: f64,
    expected: &'static str,
) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::HyperParameter { rule, field, value, expected }) }
}
