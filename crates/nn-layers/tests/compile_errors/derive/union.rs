use gradus_nn_layers::Module;

#[derive(Module)]
union Either {
    weight: f32,
    index: u32,
}

fn main() {}
