use gradus_nn_layers::{Linear, Module};

#[derive(Module)]
struct Mlp {
    hidden: Linear,
    #[module(rename = "hidden")]
    out: Linear,
}

fn main() {}
