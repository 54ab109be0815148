//! What does not fit is a typed error whose message says what was asked, what is wrong and what would fit. Each message
//! stands beside a call that gives it.

mod ensemble;
mod generalization;
mod regularizers;
mod validation;

use gradus_regularize::Error;

/// The error of this crate in another's.
pub(crate) fn own<T>(result: Result<T, gradus_nn_layers::Error>) -> Result<T, &'static Error> {
    result.map_err(|error| {
        let error = Box::leak(Box::new(error));
        error.source_as::<Error>().unwrap_or_else(|| panic!("{error}"))
    })
}
