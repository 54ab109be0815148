//! gradus-regularize
