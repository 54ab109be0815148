use gradus_nn_layers::{Linear, Module};

#[derive(Module)]
enum Head {
    #[module(rename = "fc")]
    Classify(Linear),
    None,
}

fn main() {}
