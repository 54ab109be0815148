//! What must be the same on every rank before the first step.

use super::Settings;
use crate::{Communicator, Error, Result};
use gradus_autograd::{Leaf, LeafId, Real, Value};
use gradus_nn_layers::{Item, ItemMut, Module};
use gradus_train::Start;
use std::collections::HashSet;

/// A parameter or buffer: its name, its shape, and whether it is trained.
#[derive(Debug, Clone, PartialEq)]
struct Entry {
    name: String,
    shape: Vec<usize>,
    kind: &'static str,
}

impl Entry {
    fn text(&self) -> String {
        format!("{} {:?}, {}", self.name, self.shape, self.kind)
    }
}

fn entries<F: Real>(model: &dyn Module<F>) -> Vec<Entry> {
    let mut entries = Vec::new();
    model.visit(&mut |name, item| {
        let (shape, kind) = match item {
            Item::Parameter(parameter) if parameter.is_trainable() => (parameter.shape(), "trained"),
            Item::Parameter(parameter) => (parameter.shape(), "frozen"),
            Item::Buffer(buffer) => (buffer.shape(), "buffer"),
        };
        entries.push(Entry { name: name.to_owned(), shape: shape.to_vec(), kind });
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
    lines.extend(entries(model).iter().map(|entry| ("parameter", entry.text())));
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
        // The last, for a program that differs in anything else has often drawn other random numbers before it.
        ("seed", seed.to_string()),
    ]);
    let own: Vec<String> = lines.iter().map(|(what, text)| format!("{what}\n{text}")).collect();
    let all = communicator.all_gather(own.join("\n").into_bytes())?;
    let all: Vec<Vec<String>> = all.iter().map(|bytes| pairs(&String::from_utf8_lossy(bytes))).collect();
    let Some((first, others)) = all.split_first() else { return Ok(()) };
    for (rank, other) in others.iter().enumerate() {
        let longest = first.len().max(other.len());
        let at =
            |lines: &[String], i: usize| lines.get(i).cloned().unwrap_or_else(|| "parameter\nnone more".to_owned());
        let different = (0..longest).map(|i| (at(first, i), at(other, i))).find(|(first, other)| first != other);
        if let Some((first, other)) = different {
            let (what, on_first) = first.split_once('\n').unwrap_or_default();
            let (_, on_rank) = other.split_once('\n').unwrap_or_default();
            return Err(Error::OtherRun {
                rank: rank + 1,
                what: what.to_owned(),
                on_first: on_first.to_owned(),
                on_rank: on_rank.to_owned(),
            });
        }
    }
    Ok(())
}

/// Lines that were joined, two to a pair.
fn pairs(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.split('\n').collect();
    lines.chunks(2).map(|pair| pair.join("\n")).collect()
}

/// Puts rank 0's parameters and buffers into every rank's model, and makes sure that they are the same everywhere.
pub(super) fn same_values<F: Real>(communicator: &dyn Communicator, model: &mut dyn Module<F>) -> Result<()> {
    let bytes = communicator.broadcast(0, bytes_of(model))?;
    let mut at = bytes.chunks_exact(size_of::<f64>());
    model.visit_mut(&mut |_, item| {
        let values = match item {
            ItemMut::Parameter(parameter) => parameter.value_mut(),
            ItemMut::Buffer(buffer) => buffer.value_mut(),
        };
        for (x, bytes) in values.iter_mut().zip(&mut at) {
            *x = F::from_f64(f64::from_le_bytes(bytes.try_into().expect("chunks of 8 bytes")));
        }
    });
    let mut names = Vec::new();
    let mut sums: Vec<u8> = Vec::new();
    model.visit(&mut |name, item| {
        names.push(name.to_owned());
        sums.extend(checksum(value(&item)).to_le_bytes());
    });
    let all = communicator.all_gather(sums)?;
    let Some((first, others)) = all.split_first() else { return Ok(()) };
    for (rank, other) in others.iter().enumerate() {
        let mut different =
            first.chunks(4).zip(other.chunks(4)).zip(&names).filter(|((first, other), _)| first != other);
        if let Some((_, parameter)) = different.next() {
            return Err(Error::OtherValues { rank: rank + 1, parameter: parameter.clone() });
        }
    }
    Ok(())
}

fn value<'m, F: Real>(item: &Item<'m, F>) -> &'m Value<F> {
    match item {
        Item::Parameter(parameter) => parameter.value(),
        Item::Buffer(buffer) => buffer.value(),
    }
}

/// Every number of the model, exactly: an `f64` holds them all.
fn bytes_of<F: Real>(model: &dyn Module<F>) -> Vec<u8> {
    let mut bytes = Vec::new();
    model.visit(&mut |_, item| bytes.extend(value(&item).iter().flat_map(|x| x.to_f64().to_le_bytes())));
    bytes
}

fn checksum<F: Real>(value: &Value<F>) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    value.iter().for_each(|x| hasher.update(&x.to_f64().to_le_bytes()));
    hasher.finalize()
}
