//! What a layer's `forward` can fail with, wherever the layer comes from.

use crate::LoadReport;
use gradus_linalg::FamilyError;
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
    #[error("{layer}: input {input:?}: {}; this layer takes {expected} features on the last axis", match input.last() {
        Some(found) => format!("its last axis is {found} long"),
        None => "it has no axes".to_owned(),
    })]
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
        shape: Vec<usize>,
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

impl Error {
    /// The error of another crate that this carries, if it is of type `E`.
    #[must_use]
    pub fn source_as<E: FamilyError>(&self) -> Option<&E> {
        match self {
            Self::Source(source) => source.downcast_ref(),
            _ => None,
        }
    }
}

impl<E: FamilyError> From<E> for Error {
    fn from(error: E) -> Self {
        Self::Source(Box::new(error))
    }
}

/// What layers return.
pub type Result<T, E = Error> = std::result::Result<T, E>;
