use gradus_nn_layers::{Linear, Module, Result};

#[derive(Module)]
struct Mlp {
    hidden: Result<Linear>,
}

fn main() {}
