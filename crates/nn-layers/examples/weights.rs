//! Weights between libraries: shows what a file holds, and writes it in another format.
//!
//! ```text
//! cargo run --release -p gradus-nn-layers --features interop --example weights -- show model.pt
//! cargo run --release -p gradus-nn-layers --features interop --example weights -- convert checkpoint.pt model.safetensors model
//! cargo run --release -p gradus-nn-layers --features interop --example weights -- pass sequential in.safetensors out.npz
//! cargo run --release -p gradus-nn-layers --features interop --example weights -- new sequential out.safetensors
//! ```
//!
//! The ending of a name says its format: `.safetensors`, `.npz`, or `.pt` and `.pth`, which can be read only. `pass` puts
//! the weights into a model, strictly, and writes what the model then holds; `new` writes those of a fresh model.

use gradus_nn_layers::{Embedding, Error, Linear, Module, Sequential, StateDict, Tanh, sequential};
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "weights show FILE\n\
    weights convert FROM TO [PART]\n\
    weights pass MODEL FROM TO\n\
    weights new MODEL TO\n\
    FILE, FROM: .safetensors, .npz, .pt, .pth; TO: .safetensors, .npz; MODEL: linear, embedding, sequential";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(error)) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
        None => {
            eprintln!("{USAGE}");
            ExitCode::FAILURE
        }
    }
}

/// `None` if the arguments make no sense.
fn run(arguments: &[&str]) -> Option<Result<(), Error>> {
    match *arguments {
        ["show", file] => Some(load(file)?.map(|dict| {
            for (name, array) in dict.iter() {
                println!("{name} {:?}", array.shape());
            }
        })),
        ["convert", from, to] => save(load(from)?, to),
        ["convert", from, to, part] => save(load(from)?.map(|dict| dict.part(part)), to),
        ["pass", name, from, to] => {
            let (mut model, dict) = (model(name)?, load(from)?);
            save(dict.and_then(|dict| model.load_state_dict(&dict)).map(|()| model.state_dict()), to)
        }
        ["new", name, to] => save(Ok(model(name)?.state_dict()), to),
        _ => None,
    }
}

fn ending(path: &str) -> Option<&str> {
    Path::new(path).extension()?.to_str()
}

fn load(path: &str) -> Option<Result<StateDict, Error>> {
    match ending(path)? {
        "safetensors" => Some(StateDict::load(path)),
        "npz" => Some(StateDict::load_npz(path)),
        "pt" | "pth" => Some(StateDict::load_pt(path)),
        _ => None,
    }
}

fn save(dict: Result<StateDict, Error>, path: &str) -> Option<Result<(), Error>> {
    match ending(path)? {
        "safetensors" => Some(dict.and_then(|dict| dict.save(path))),
        "npz" => Some(dict.and_then(|dict| dict.save_npz(path))),
        _ => None,
    }
}

/// Models that are easily made in PyTorch, too.
fn model(name: &str) -> Option<Box<dyn Module>> {
    let mut rng = StdRng::seed_from_u64(7);
    Some(match name {
        "linear" => Box::new(Linear::<f32>::new(5, 3, &mut rng)),
        "embedding" => Box::new(Embedding::<f32>::new(10, 4, &mut rng)),
        "sequential" => {
            let model: Sequential =
                sequential![Linear::new(6, 8, &mut rng), Tanh, Linear::without_bias(8, 2, &mut rng)];
            Box::new(model)
        }
        _ => return None,
    })
}
