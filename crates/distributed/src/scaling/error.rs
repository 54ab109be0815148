//! What can be wrong with the numbers that a prediction is asked for.

/// An error of the scaling model: the message names the value and what would fit.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A value outside its range.
    #[error("{of}: {field} {value}: must be {expected}")]
    Value {
        /// What was made of it.
        of: &'static str,
        /// The value's name.
        field: &'static str,
        /// The value.
        value: f64,
        /// What would fit.
        expected: &'static str,
    },

    /// Nothing can be fitted to so few different measurements.
    #[error(
        "fit: {measurements} measurements: they do not tell latency from bandwidth; give two sizes at least, of 2 ranks or more"
    )]
    Measurements {
        /// How many there were.
        measurements: usize,
    },
}

/// The value, if it is a number of at least 0.
pub(super) fn not_negative(of: &'static str, field: &'static str, value: f64) -> Result<f64, Error> {
    let fits = value.is_finite() && value >= 0.0;
    if fits { Ok(value) } else { Err(Error::Value { of, field, value, expected: "finite, and 0 or more" }) }
}

/// The count, if there is one at all.
pub(super) fn at_least_one(of: &'static str, field: &'static str, count: usize) -> Result<usize, Error> {
    if count > 0 { Ok(count) } else { Err(Error::Value { of, field, value: 0.0, expected: "1 or more" }) }
}
