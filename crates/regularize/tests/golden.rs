//! What PyTorch computes, family by family.

use gradus_testing::golden;

#[test]
fn norm() {
    golden::none_yet("norm", &["batch_norm1d", "batch_norm2d"]);
}
