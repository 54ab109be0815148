//! The functions to fill in, one in each file, in the order of the course.

pub mod e01_l2_norm;
pub mod e02_lp_norm;
pub mod e03_regression_gradient;
pub mod e04_gradient_step;
pub mod e05_softmax_backward;
pub mod e06_cross_entropy_gradient;
pub mod e07_linear_backward;
pub mod e08_convolution;
pub mod e09_convolution_backward;
pub mod e10_rnn_forward;
pub mod e11_bptt;
pub mod e12_attention;
pub mod e13_adam;
pub mod e14_dropout;
