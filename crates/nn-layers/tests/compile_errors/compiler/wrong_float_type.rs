use gradus_nn_layers::{Linear, Module};

#[derive(Module)]
struct Mlp {
    hidden: Linear<f64>,
}

fn main() {}
