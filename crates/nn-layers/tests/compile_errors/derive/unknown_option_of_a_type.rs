use gradus_nn_layers::{Linear, Module};

#[derive(Module)]
#[module(dtype = f64)]
struct Mlp {
    hidden: Linear<f64>,
}

fn main() {}
