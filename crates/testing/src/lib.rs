//! gradus-testing
