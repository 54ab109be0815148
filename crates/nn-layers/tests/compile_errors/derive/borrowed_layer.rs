use gradus_nn_layers::{Linear, Module};

#[derive(Module)]
struct Tied<'a> {
    shared: &'a Linear,
}

fn main() {}
