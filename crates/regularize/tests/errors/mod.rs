//! What does not fit is a typed error whose message says what was asked, what is wrong and what would fit. Each message
//! stands beside a call that gives it.

mod ensemble;
mod validation;
