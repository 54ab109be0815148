//! gradus-nn-layers-derive
