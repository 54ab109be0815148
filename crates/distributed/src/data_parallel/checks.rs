//! What must be the same on every rank before the first step.

use super::{Settings, buckets};
use crate::{Communicator, Error, Numbers, Result};
use gradus_autograd::{Leaf, LeafId, Real, Value};
use gradus_nn_layers::{Item, Module, StateDict};
use gradus_train::{Result as TrainResult, Start};
use std::collections::HashSet;

/// Every parameter and buffer in words: its name, its shape, and whether it is trained.
fn entries<F: Real>(model: &dyn Module<F>) -> Vec<String> {
    let mut entries = Vec::new();
    model.visit(&mut |name, item| {
        let (shape, kind) = match item {
            Item::Parameter(parameter) if parameter.is_trainable() => (parameter.shape(), "trained"),
            Item::Parameter(parameter) => (parameter.shape(), "frozen"),
            Item::Buffer(buffer) => (buffer.shape(), "buffer"),
        };
        // A name is text of the program's: what ends a line here must not stand in it.
        entries.push(format!("{} {shape:?}, {kind}", name.escape_debug()));
    });
    entries
}

/// The trained parameters, each once, in the model's order.
pub(super) fn trained<F: Real>(model: &dyn Module<F>) -> Vec<(LeafId, Vec<usize>)> {
    let mut seen = HashSet::new();
    let parameters = model.parameters().into_iter().map(|(_, parameter)| parameter);
    parameters
        .filter(|parameter| parameter.is_trainable() && seen.insert(parameter.id()))
        .map(|parameter| (parameter.id(), parameter.shape().to_vec()))
        .collect()
}

/// The buffers, each once, in the model's order.
pub(super) fn buffers<F: Real>(model: &dyn Module<F>) -> Vec<(LeafId, Vec<usize>)> {
    let mut seen = HashSet::new();
    let buffers = model.buffers().into_iter().map(|(_, buffer)| buffer);
    buffers.filter(|buffer| seen.insert(buffer.id())).map(|buffer| (buffer.id(), buffer.shape().to_vec())).collect()
}

/// Refuses ranks that differ in settings, data or model, and says which differs in what.
pub(super) fn same_run<F: Real>(
    communicator: &dyn Communicator,
    model: &dyn Module<F>,
    start: &Start,
    settings: &Settings,
) -> Result<()> {
    let Start { seed, samples, test_samples, batch_size, epochs, data, test_data, checkpoint } = start;
    let mut lines: Vec<(&str, String)> = vec![
        ("version of gradus-distributed", env!("CARGO_PKG_VERSION").to_owned()),
        ("number type", std::any::type_name::<F>().to_owned()),
    ];
    lines.extend(entries(model).into_iter().map(|entry| ("parameter", entry)));
    lines.extend([
        ("parameter", "none more".to_owned()),
        ("number of training samples", samples.to_string()),
        ("number of test samples", test_samples.to_string()),
        ("checksum of the training samples", format!("{data:016x}")),
        ("checksum of the test samples", format!("{test_data:016x}")),
        ("batch size", batch_size.to_string()),
        ("number of epochs", epochs.to_string()),
        ("plan of checkpoints", format!("{checkpoint:?}")),
        ("bucket size", format!("{} bytes", settings.bucket_bytes)),
        ("compression", settings.compression.to_string()),
        // The last, for a program that differs in anything else has often drawn other random numbers before it.
        ("seed", seed.to_string()),
    ]);
    let own: Vec<String> = lines.iter().map(|(what, text)| format!("{what}: {text}")).collect();
    let all = communicator.all_gather(own.join("\n").into_bytes())?;
    let all: Vec<_> = all.iter().map(|bytes| String::from_utf8_lossy(bytes)).collect();
    for (rank, other) in all.iter().enumerate().skip(1) {
        let different = all[0].lines().zip(other.lines()).find(|(first, other)| first != other);
        if let Some((first, other)) = different {
            let (what, on_first) = first.split_once(": ").unwrap_or_default();
            let (_, on_rank) = other.split_once(": ").unwrap_or_default();
            let [what, on_first, on_rank] = [what, on_first, on_rank].map(str::to_owned);
            return Err(Error::OtherRun { rank, what, on_first, on_rank });
        }
    }
    Ok(())
}

/// Puts rank 0's parameters and buffers into every rank's model, and makes sure that they are the same everywhere.
pub(super) fn same_values<F: Real>(communicator: &dyn Communicator, model: &mut dyn Module<F>) -> TrainResult<()> {
    let own = model.state_dict();
    let mut numbers = Numbers::with_capacity::<F>(own.iter().map(|(_, value)| value.len()).sum())?;
    own.iter().try_for_each(|(_, value)| buckets::append(&mut numbers, value, F::one()))?;
    let numbers = Numbers { bytes: communicator.broadcast(0, numbers.bytes)?, ..numbers };
    let (mut sent, mut at) = (StateDict::new(), 0);
    for (name, value) in own.iter() {
        sent.insert(name, buckets::array(&numbers, at, value.shape())?);
        at += value.len();
    }
    model.load_state_dict(&sent)?;

    let loaded = model.state_dict();
    let sums = loaded.iter().flat_map(|(_, value)| checksum(value).to_le_bytes()).collect();
    let all = communicator.all_gather(sums)?;
    for (rank, other) in all.iter().enumerate().skip(1) {
        let pairs = all[0].chunks(size_of::<u32>()).zip(other.chunks(size_of::<u32>()));
        if let Some((_, parameter)) = pairs.zip(loaded.names()).find(|((first, other), _)| first != other) {
            return Err(Error::OtherValues { rank, parameter: parameter.to_owned() }.into());
        }
    }
    Ok(())
}

fn checksum<F: Real>(value: &Value<F>) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    value.iter().for_each(|x| hasher.update(&x.to_f64().to_le_bytes()));
    hasher.finalize()
}
