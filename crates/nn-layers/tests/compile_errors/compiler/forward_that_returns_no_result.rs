use gradus_nn_layers::{Layer, Linear, Module, Var};

#[derive(Module)]
struct Mlp {
    hidden: Linear,
}

impl Layer for Mlp {
    fn forward(&self, x: &Var) -> Var {
        x.relu()
    }
}

fn main() {}
