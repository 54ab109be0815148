use gradus_nn_layers::{Linear, Module};

#[derive(Module)]
struct Mlp {
    #[module(rename = "encoder.hidden")]
    hidden: Linear,
}

fn main() {}
