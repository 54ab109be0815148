use gradus_nn_layers::{Linear, Module};

struct Block {
    inner: Linear,
}

#[derive(Module)]
struct Model {
    block: Block,
}

fn main() {}
