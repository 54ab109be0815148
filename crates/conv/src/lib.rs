//! gradus-conv
