use gradus_nn_layers::{Linear, Module};

#[derive(Module)]
struct Timed {
    hidden: Linear,
    since: std::time::Instant,
}

fn main() {}
