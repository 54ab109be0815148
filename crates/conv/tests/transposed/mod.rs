//! Transposed convolution, the gradients of a convolution as the convolutions that they are, and its other forms.

mod forms;
mod gradients;
mod laws;
mod layer;
mod settings;
