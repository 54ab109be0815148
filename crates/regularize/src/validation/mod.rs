//! How a model does on data that it has not seen, and how sure one can be of it.
//!
//! A split is two lists of indices, so that it fits data of any kind; what is fitted and scored is a closure. [`cross_validate`]
//! runs it over every split.
//!
//! | split | for |
//! | --- | --- |
//! | [`hold_out`], [`stratified_hold_out`] | much data: one part is enough to test on |
//! | [`k_fold`], [`shuffled_k_fold`] | less data: each sample is tested on once |
//! | [`stratified_k_fold`], [`shuffled_stratified_k_fold`] | classes of unequal size |
//! | [`repeated_k_fold`], [`repeated_stratified_k_fold`] | little data: the luck of one shuffle averages out |
//! | [`group_k_fold`] | samples that belong together (of one patient, one speaker) |
//! | [`leave_one_out`] | very little data, models that are cheap to fit |
//! | [`TimeSeriesSplit`] | data in time: no training on the future |
//! | [`nested`] | choosing a setting and judging the choice, on different data |
//!
//! ```
//! use gradus_regularize::{Error, validation::{cross_validate, k_fold}};
//! let y = [1.0, 3.0, 2.0, 4.0, 5.0, 3.0];
//! let errors = cross_validate(&k_fold(y.len(), 3)?, |split| {
//!     let mean = split.train.iter().map(|&i| y[i]).sum::<f64>() / split.train.len() as f64;
//!     Ok::<_, Error>(split.test.iter().map(|&i| (y[i] - mean).powi(2)).sum::<f64>() / split.test.len() as f64)
//! })?;
//! assert_eq!(errors.values(), [3.25, 1.0, 3.25]);
//! # Ok::<(), Error>(())
//! ```
//!
//! [`Bootstrap`] gives confidence intervals for any metric; [`resample`] also names the samples left out of the bag.
//!
//! A [`learning_curve`] shows what more data would bring, a [`validation_curve`] what another setting would.
//!
//! Where nothing is drawn at random the indices are those of scikit-learn's classes of the same names. Where something is, it
//! comes from the caller's generator: the same seed, the same splits.
//!
//! # References
//! - M. Stone, *Cross-validatory choice and assessment of statistical predictions*, JRSS B 36(2), 1974,
//!   <https://doi.org/10.1111/j.2517-6161.1974.tb00994.x>
//! - R. Kohavi, *A study of cross-validation and bootstrap for accuracy estimation and model selection*, IJCAI 1995,
//!   <https://www.ijcai.org/Proceedings/95-2/Papers/016.pdf>

mod bootstrap;
mod cross;
mod curve;
mod group;
mod hold_out;
mod k_fold;
mod nested;
mod split;
mod stratified;
mod time_series;

pub use bootstrap::{Bootstrap, Resample, resample};
pub use cross::{Scores, cross_validate};
pub use curve::{CurvePoint, ErrorCurve, learning_curve, validation_curve};
pub use group::group_k_fold;
pub use hold_out::{hold_out, stratified_hold_out};
pub use k_fold::{k_fold, leave_one_out, repeated_k_fold, shuffled_k_fold};
pub use nested::{Choice, NestedSplit, nested, nested_cross_validate};
pub use split::Split;
pub use stratified::{repeated_stratified_k_fold, shuffled_stratified_k_fold, stratified_k_fold};
pub use time_series::TimeSeriesSplit;
