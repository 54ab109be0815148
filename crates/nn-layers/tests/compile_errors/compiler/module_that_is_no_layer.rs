use gradus_nn_layers::{Linear, Module, Sequential};

#[derive(Module)]
struct Mlp {
    hidden: Linear,
}

fn stacked(mlp: Mlp) -> Sequential {
    Sequential::new().push(mlp)
}

fn main() {}
