use gradus_nn_layers::{Linear, Module};

#[derive(Module)]
struct Mlp {
    #[module(frozen)]
    hidden: Linear,
}

fn main() {}
