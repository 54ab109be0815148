//! What a layer's `forward` can fail with, wherever the layer comes from.

mod fix;
mod in_layer;

use crate::LoadReport;
use gradus_linalg::FamilyError;
use in_layer::what_and_given;
use std::path::PathBuf;

/// An error of a layer, a loss or a state dict.
///
/// This is what [`Layer::forward`](crate::Layer::forward) returns, so it can carry any other crate's error: whatever
/// implements [`FamilyError`] converts into [`Error::Source`] with `?`.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Error, Result, Tape, ndarray::array};
/// fn f() -> Result<()> {
///     let tape = Tape::<f32>::recording();
///     tape.input(array![1.0]).matmul(&tape.input(array![1.0, 2.0]))?;
///     Ok(())
/// }
/// assert!(f().unwrap_err().to_string().contains("inner dimensions differ"));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An error of another crate.
    #[error(transparent)]
    Source(Box<dyn std::error::Error + Send + Sync>),

    /// An input whose last axis is not as long as a layer's number of input features.
    #[error("{layer}: input {input:?}: {}; this layer takes {expected} features on the last axis, (…, {expected}){}", match input.last() {
        Some(found) => format!("its last axis is {found} long"),
        None => "it has no axes".to_owned(),
    }, fix::features(layer, *expected, input))]
    Features {
        /// The layer.
        layer: &'static str,
        /// The features that it takes.
        expected: usize,
        /// The shape of the input.
        input: Vec<usize>,
    },

    /// A parameter with another number of axes than its layer needs.
    #[error("{layer}: {parameter} of shape {found:?}: it has {} axes; {expected} would fit", found.len())]
    ParameterRank {
        /// The layer.
        layer: &'static str,
        /// The parameter.
        parameter: &'static str,
        /// Its shape.
        found: Vec<usize>,
        /// The axes that it should have.
        expected: &'static str,
    },

    /// A parameter whose shape does not fit the layer's other parameters.
    #[error("{layer}: {parameter} of shape {found:?}: the other parameters ask for {expected:?}")]
    ParameterShape {
        /// The layer.
        layer: &'static str,
        /// The parameter.
        parameter: &'static str,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that would fit.
        expected: Vec<usize>,
    },

    /// An index outside a table.
    #[error("{layer}: index {index} at {position:?}: the table has {rows} rows, so indices lie below {rows}")]
    Index {
        /// The layer.
        layer: &'static str,
        /// The index.
        index: usize,
        /// Where it stands among the indices.
        position: Vec<usize>,
        /// The number of rows.
        rows: usize,
    },

    /// A prediction and a target of different shapes.
    #[error("{loss}: prediction {prediction:?}, target {target:?}: the shapes differ; nothing is broadcast in a loss")]
    Target {
        /// The loss.
        loss: &'static str,
        /// The shape of the prediction.
        prediction: Vec<usize>,
        /// The shape of the target.
        target: Vec<usize>,
    },

    /// Labels whose shape does not fit the logits'.
    #[error("{loss}: logits {logits:?}, labels {labels:?}: labels of shape {expected:?} would fit")]
    LabelShape {
        /// The loss.
        loss: &'static str,
        /// The shape of the logits.
        logits: Vec<usize>,
        /// The shape of the labels.
        labels: Vec<usize>,
        /// The shape that would fit: the logits' without the class axis.
        expected: Vec<usize>,
    },

    /// A label that is no class.
    #[error("{loss}: label {label} at {position:?}: there are {classes} classes, so labels lie below {classes}")]
    LabelOutOfRange {
        /// The loss.
        loss: &'static str,
        /// The label.
        label: usize,
        /// Where it stands among the labels.
        position: Vec<usize>,
        /// The number of classes.
        classes: usize,
    },

    /// A loss of nothing: a batch of zero, no classes, or no class axis.
    #[error("{loss}: input of shape {shape:?}: it holds nothing to compute a loss of; give at least one sample")]
    EmptyBatch {
        /// The loss.
        loss: &'static str,
        /// The shape of the input.
        shape: Vec<usize>,
    },

    /// A mean over samples none of which counts.
    #[error(
        "{loss}: mean over {samples} samples: every label is ignored or of weight 0; keep one that counts, or use the sum"
    )]
    NothingCounts {
        /// The loss.
        loss: &'static str,
        /// The number of samples.
        samples: usize,
    },

    /// Class weights that are not one for each class.
    #[error("{loss}: {found} class weights for {classes} classes: give one weight for each class")]
    WeightLength {
        /// The loss.
        loss: &'static str,
        /// The number of weights.
        found: usize,
        /// The number of classes.
        classes: usize,
    },

    /// A hyper-parameter outside its range.
    #[error("{operation}: {name} = {value}: {expected}")]
    HyperParameter {
        /// The loss, layer or initializer.
        operation: &'static str,
        /// The hyper-parameter.
        name: &'static str,
        /// Its value.
        value: f64,
        /// What would fit.
        expected: &'static str,
    },

    /// An input whose last axes are not those over which a layer normalizes.
    #[error(
        "{layer}: input {input:?}: this layer normalizes over {expected:?}; the last axes should be these{}",
        fix::normalized(layer, expected, input)
    )]
    NormalizedShape {
        /// The layer.
        layer: &'static str,
        /// The lengths of the axes that it normalizes over.
        expected: Vec<usize>,
        /// The shape of the input.
        input: Vec<usize>,
    },

    /// An input without a layer's channels on its second axis.
    #[error(
        "{layer}: input {input:?}: this layer takes {channels} channels on the second axis, and at least {least} axes{}",
        fix::channels(layer, *channels, *least, input)
    )]
    Channels {
        /// The layer.
        layer: &'static str,
        /// The channels that it takes.
        channels: usize,
        /// The fewest axes that fit.
        least: usize,
        /// The shape of the input.
        input: Vec<usize>,
    },

    /// Things that cannot be divided evenly.
    #[error("{layer}: {count} {what} in {parts} {into}: {}", match parts {
        0 => "at least one is needed".to_owned(),
        parts => format!("they cannot be divided evenly; a multiple of {parts} {what} would fit"),
    })]
    Uneven {
        /// The layer.
        layer: &'static str,
        /// What is to be divided.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// Into what.
        into: &'static str,
        /// Into how many.
        parts: usize,
    },

    /// Two arrays whose shapes do not belong together.
    #[error("{layer}: shapes {left:?} and {right:?}: {expected}")]
    Shapes {
        /// The layer or loss.
        layer: &'static str,
        /// The shape of the first.
        left: Vec<usize>,
        /// The shape of the second.
        right: Vec<usize>,
        /// What would fit.
        expected: &'static str,
    },

    /// Queries, keys and values that do not belong together.
    #[error("{layer}: query {query:?}, key {key:?}, value {value:?}: {expected}")]
    Attention {
        /// The layer.
        layer: &'static str,
        /// The shape of the queries.
        query: Box<[usize]>,
        /// The shape of the keys.
        key: Box<[usize]>,
        /// The shape of the values.
        value: Box<[usize]>,
        /// What would fit.
        expected: &'static str,
    },

    /// A mask of another shape than the scores of an attention.
    #[error("{layer}: mask of shape {mask:?}: it does not broadcast to the scores, {scores:?}")]
    Mask {
        /// The layer.
        layer: &'static str,
        /// The shape of the mask.
        mask: Vec<usize>,
        /// The shape of the scores.
        scores: Vec<usize>,
    },

    /// A target, or another number that a loss is given, without a meaning for it.
    #[error("{loss}: {what} {value} at {position:?}: {expected}")]
    TargetValue {
        /// The loss.
        loss: &'static str,
        /// What the number is.
        what: &'static str,
        /// The number.
        value: f64,
        /// Where it stands.
        position: Vec<usize>,
        /// What would fit.
        expected: &'static str,
    },

    /// A shape that has no fan-in and fan-out.
    #[error("fans: weight of shape {shape:?}: fan-in and fan-out need at least two axes, (out, in, kernel…)")]
    Fans {
        /// The shape.
        shape: Vec<usize>,
    },

    /// A gradient check found a wrong derivative of a parameter.
    #[error("gradcheck: {parameter} at {index:?}: backward says {analytic:e}, differences say {numeric:e}")]
    Gradcheck {
        /// The parameter's name.
        parameter: String,
        /// Which of its elements.
        index: Vec<usize>,
        /// What the backward pass computed.
        analytic: f64,
        /// What central differences give.
        numeric: f64,
    },

    /// A name, or a pattern for names, that no parameter has.
    #[error("{operation}: `{name}`: no parameter is called so; {}", listed(names))]
    NoParameter {
        /// What was asked.
        operation: &'static str,
        /// The name or pattern.
        name: String,
        /// The names that there are.
        names: Vec<String>,
    },

    /// A shape that an initializer or a report cannot do anything with.
    #[error("{operation}: shape {shape:?}: {expected}")]
    UnfitShape {
        /// The initializer or report.
        operation: &'static str,
        /// The shape.
        shape: Vec<usize>,
        /// What would fit.
        expected: &'static str,
    },

    /// An error of a layer inside a model. What the layer's own message says already, its kind and the shape of its input, is
    /// not said twice.
    #[error("layer `{path}`{}: {source}", what_and_given(kind, input, source))]
    InLayer {
        /// The names on the way to the layer, joined by dots, as in a state dict.
        path: String,
        /// What the layer is: [`Layer::kind`](crate::Layer::kind).
        kind: &'static str,
        /// The shape of its input.
        input: Vec<usize>,
        /// What it objects to.
        source: Box<Error>,
    },

    /// A state dict of another model.
    #[error("load_state_dict: {0}")]
    StateDict(LoadReport),

    /// A file that could not be read or written.
    #[error("{operation}: {}: {source}", path.display())]
    File {
        /// What was tried.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },

    /// A file with bad contents.
    #[error("{}: {source}", path.display())]
    InFile {
        /// The file.
        path: PathBuf,
        /// What is wrong inside.
        source: Box<Error>,
    },

    /// Bytes that are no safetensors file: truncated, with a header that does not fit them, or something else.
    #[error("safetensors: {bytes} bytes: {reason}; is the file complete, and a safetensors file?")]
    Safetensors {
        /// The number of bytes.
        bytes: usize,
        /// What the format's rules object to.
        reason: String,
    },

    /// A tensor that cannot be read as floating-point numbers.
    #[error("{format}: tensor `{name}` of type {dtype} and shape {shape:?}: {expected}")]
    Tensor {
        /// The format of the file.
        format: &'static str,
        /// The tensor.
        name: String,
        /// The type of its elements.
        dtype: String,
        /// Its shape.
        shape: Box<[usize]>,
        /// What would fit.
        expected: &'static str,
    },

    /// Two arrays of one name, in a file or after renaming.
    #[error("state dict: two arrays are named `{name}`; give each a name of its own")]
    SameName {
        /// The name.
        name: String,
    },

    /// Bytes that are no zip archive, or not all of one.
    #[cfg(feature = "interop")]
    #[error("zip: {bytes} bytes: {reason}; is the file complete, and an .npz or .pt file?")]
    Archive {
        /// The number of bytes.
        bytes: usize,
        /// What is wrong with them.
        reason: &'static str,
    },

    /// A member of a zip archive that cannot be read or written.
    #[cfg(feature = "interop")]
    #[error("zip: member `{name}`: {reason}")]
    Member {
        /// The member.
        name: String,
        /// What is wrong with it.
        reason: String,
    },

    /// A member of an `.npz` file that is no `.npy` file.
    #[cfg(feature = "interop")]
    #[error("npz: `{name}`: {reason}")]
    Npy {
        /// The member, without its ending.
        name: String,
        /// What is wrong with it.
        reason: String,
    },

    /// A file that `torch.save` wrote before PyTorch 1.6, or with `_use_new_zipfile_serialization=False`.
    #[cfg(feature = "interop")]
    #[error(
        "pt: this is a file of torch.save as before PyTorch 1.6, which is no zip archive; load it in PyTorch and save it again"
    )]
    LegacyPt,

    /// A `data.pkl` that asks for a class or function which no state dict needs.
    #[cfg(feature = "interop")]
    #[error(
        "pt: data.pkl asks for `{name}`: only tensors in plain containers are read, and nothing is run; \
         torch.save(model.state_dict(), path) writes such a file"
    )]
    Global {
        /// Its module and name.
        name: String,
    },

    /// A `data.pkl` that is no pickle of tensors in plain containers.
    #[cfg(feature = "interop")]
    #[error("pt: data.pkl, byte {offset}: {reason}")]
    Pickle {
        /// Where in `data.pkl`.
        offset: usize,
        /// What is wrong there.
        reason: String,
    },

    /// Tensors of a `.pt` file that have no names to go by.
    #[cfg(feature = "interop")]
    #[error("pt: at `{path}`: {reason}")]
    Nesting {
        /// The keys on the way there, joined by dots.
        path: String,
        /// What is wrong there.
        reason: &'static str,
    },

    /// A file that would take far more memory than its size makes likely.
    #[cfg(feature = "interop")]
    #[error(
        "`{name}`: {needed} bytes more, after {spent}: a file of {file} bytes may unpack to {limit}; if it is no zip bomb, \
         write it without compression, and expanded tensors as clones"
    )]
    TooLarge {
        /// What asks for them.
        name: String,
        /// The bytes that it asks for.
        needed: u64,
        /// What the file has asked for before.
        spent: usize,
        /// The most that a file of its size may ask for.
        limit: usize,
        /// The size of the file.
        file: usize,
    },
}

/// The first names of a list, for a message.
fn listed(names: &[String]) -> String {
    const MOST: usize = 8;
    let quoted: Vec<_> = names.iter().take(MOST).map(|name| format!("`{name}`")).collect();
    match names.len() {
        0 => "there are no parameters".to_owned(),
        n if n > MOST => format!("there are {} and {} more", quoted.join(", "), n - MOST),
        _ => format!("there are {}", quoted.join(", ")),
    }
}

impl<E: FamilyError> From<E> for Error {
    fn from(error: E) -> Self {
        Self::Source(Box::new(error))
    }
}

/// What layers return.
pub type Result<T, E = Error> = std::result::Result<T, E>;
