//! What can go wrong in this crate.

use crate::ElementType;
use std::io;
use std::path::PathBuf;

/// An error of data: the message names the file or value, what was found and what would fit.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Inputs and labels differ in number.
    #[error("labelled: {inputs} inputs and {labels} labels: each input needs one label")]
    Lengths {
        /// Samples along the first axis of the inputs.
        inputs: usize,
        /// Labels given.
        labels: usize,
    },
    /// The inputs have no axis that could number the samples.
    #[error("labelled: the inputs have shape []: the first axis numbers the samples, so there must be one")]
    NoSampleAxis,
    /// A label is not smaller than the number of classes.
    #[error("labelled: label {label} at position {position}: with {classes} classes every label is below {classes}")]
    Label {
        /// Which sample, counted from 0.
        position: usize,
        /// Its label.
        label: usize,
        /// The number of classes.
        classes: usize,
    },
    /// A sample was asked for that is not there.
    #[error("{operation}: index {index} at position {position}: the data has {len} samples, counted from 0")]
    Index {
        /// The operation that was asked for.
        operation: &'static str,
        /// Where the index stands in the list of indices.
        position: usize,
        /// The index.
        index: usize,
        /// The number of samples.
        len: usize,
    },
    /// A data set was asked for a sample that is not there.
    #[error("get: sample {index}: the data has {len} samples, counted from 0")]
    Sample {
        /// The index.
        index: usize,
        /// The number of samples.
        len: usize,
    },
    /// Data sets of different lengths cannot stand side by side.
    #[error("zipped: {left} and {right} samples: each sample needs one beside it")]
    Zip {
        /// Samples of the first.
        left: usize,
        /// Samples of the second.
        right: usize,
    },
    /// A sample's numbers do not fill the shape that was asked for.
    #[error("reshape_inputs: {from:?} to {to:?}: a sample has {} numbers, the new shape {}", from.iter().product::<usize>(), count(to))]
    SampleShape {
        /// Shape of one sample.
        from: Vec<usize>,
        /// Shape asked for.
        to: Vec<usize>,
    },
    /// The fraction of a split does not lie between 0 and 1.
    #[error("split: fraction {found}: the first part's share of the samples lies between 0 and 1, both excluded")]
    Fraction {
        /// The fraction that was asked for.
        found: f64,
    },
    /// A split would leave one side without samples.
    #[error("{operation}: {first} of {len} samples to the first part: one side would be empty; {}", fitting_parts(*len))]
    EmptyPart {
        /// The operation that was asked for.
        operation: &'static str,
        /// Samples that the first part would have.
        first: usize,
        /// The number of samples.
        len: usize,
    },
    /// A mini-batch of this size cannot exist.
    #[error("batch size {found}: a mini-batch has at least 1 sample")]
    BatchSize {
        /// The size that was asked for.
        found: usize,
    },
    /// A generator's setting is out of its range.
    #[error("{operation}: {setting} {found}: it must be {expected}")]
    Setting {
        /// The generator.
        operation: &'static str,
        /// The setting.
        setting: &'static str,
        /// Its value.
        found: f64,
        /// What would fit.
        expected: &'static str,
    },
    /// Labels or weights of a loader do not fit its data set.
    #[error("loader: {found} {what} for {len} samples: each sample needs one")]
    SamplerLength {
        /// Labels or weights.
        what: &'static str,
        /// How many of them there are.
        found: usize,
        /// Samples of the data set.
        len: usize,
    },
    /// Samples cannot be drawn with these weights.
    #[error(
        "loader: weight {found} at position {position}: weights are finite, not negative, and one of them is above 0"
    )]
    Weight {
        /// Which weight, counted from 0.
        position: usize,
        /// The weight.
        found: f64,
    },
    /// Samples of different shapes cannot be put together.
    #[error(
        "collate: sample {position} of the batch has shape {other:?}, the first {first:?}: bring them to one shape, or pad sequences"
    )]
    Ragged {
        /// Which sample of the batch, counted from 0.
        position: usize,
        /// The shape of the first sample.
        first: Vec<usize>,
        /// Its shape.
        other: Vec<usize>,
    },
    /// A saved position does not belong to this loader.
    #[error(
        "loader: epoch {epoch}, batch {batch}: the position was saved by a loader with another seed, batch size, order or data set, or lies beyond the {batches} batches of an epoch"
    )]
    Position {
        /// The epoch of the position.
        epoch: u64,
        /// Its batch.
        batch: u64,
        /// Batches in an epoch of this loader.
        batches: usize,
    },
    /// The operating system refuses a background thread.
    #[error("loader: no thread for one of {workers} workers: {source}; ask for fewer")]
    Workers {
        /// Threads that were asked for.
        workers: usize,
        /// What the operating system says.
        source: io::Error,
    },

    /// A file or folder could not be read or written.
    #[error("{operation}: {}: {source}", path.display())]
    Io {
        /// What was attempted.
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A compressed file is damaged or cut short.
    #[error("read: {}: the gzip data is damaged: {source}; compress or fetch the file again", path.display())]
    Gzip {
        /// The file.
        path: PathBuf,
        /// What the decoder says.
        source: io::Error,
    },
    /// A file is something other than IDX.
    #[error("read idx: {}: begins with {found:02x?}: an IDX file begins with two zero bytes, a type code and the number of axes", path.display())]
    NotIdx {
        /// The file.
        path: PathBuf,
        /// Its first bytes, at most four.
        found: Vec<u8>,
    },
    /// The type code of an IDX file is not one of the six.
    #[error("read idx: {}: type code 0x{code:02x} is unknown; known are {}", path.display(), ElementType::list())]
    TypeCode {
        /// The file.
        path: PathBuf,
        /// The code found.
        code: u8,
    },
    /// An IDX file ends too early.
    #[error("read idx: {}: the {part} takes {expected} bytes, the file has {found} of them; it is cut short or its header is wrong", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Which part of the file: its header or its elements.
        part: &'static str,
        /// Bytes that the part takes.
        expected: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// An IDX file goes on after its last element.
    #[error("read idx: {}: the elements of shape {shape:?} take {expected} bytes, and more bytes follow", path.display())]
    TrailingBytes {
        /// The file.
        path: PathBuf,
        /// Shape in the header.
        shape: Vec<usize>,
        /// Bytes that the elements take.
        expected: u64,
    },
    /// The sizes in an IDX header are more than memory can address, or than is unpacked from a compressed file.
    #[error("read idx: {}: the header claims shape {shape:?} of {element}, more than the {limit} bytes that {}", path.display(), why_limited(*gzip))]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Shape in the header.
        shape: Vec<usize>,
        /// Type in the header.
        element: ElementType,
        /// The most that would be read, in bytes.
        limit: u64,
        /// Whether the file is compressed.
        gzip: bool,
    },
    /// An array has too many axes or too long ones for the IDX format.
    #[error("write idx: {}: shape {shape:?}: IDX has at most 255 axes of at most 4294967295 elements", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Shape of the array.
        shape: Vec<usize>,
    },

    /// An IDX file holds another type or another number of axes than its name promises.
    #[error("mnist: {}: holds {found} of shape {shape:?}; {expected}", path.display())]
    NotMnist {
        /// The file.
        path: PathBuf,
        /// Type of its elements.
        found: ElementType,
        /// Shape of its array.
        shape: Vec<usize>,
        /// What would fit.
        expected: &'static str,
    },
    /// A folder lacks a file of the data set.
    #[error("mnist: {}: no {name} and no {name}.gz; needed are t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, and for MNIST's own split the same two that begin with train", folder.display())]
    MissingFile {
        /// The folder.
        folder: PathBuf,
        /// The file looked for, without `.gz`.
        name: String,
    },
    /// A file of images and its file of labels differ in number.
    #[error("mnist: {} has {images} images, {} has {labels} labels: each image needs one label", images_path.display(), labels_path.display())]
    MnistLengths {
        /// The file of images.
        images_path: PathBuf,
        /// How many it holds.
        images: usize,
        /// The file of labels.
        labels_path: PathBuf,
        /// How many it holds.
        labels: usize,
    },
    /// A label in a file is not smaller than the number of classes.
    #[error("mnist: {}: label {label} at position {position}: with {classes} classes every label is below {classes}", path.display())]
    LabelInFile {
        /// The file of labels.
        path: PathBuf,
        /// Which label, counted from 0.
        position: usize,
        /// The label.
        label: usize,
        /// The number of classes.
        classes: usize,
    },
    /// Training and test images differ in size.
    #[error("mnist: {}: training images of {train:?} pixels, test images of {test:?}: one network needs one size", folder.display())]
    ImageSizes {
        /// The folder.
        folder: PathBuf,
        /// Rows and columns of a training image.
        train: [usize; 2],
        /// Rows and columns of a test image.
        test: [usize; 2],
    },

    /// A line of a table has too few or too many fields.
    #[error("read csv: {}, line {line}: {found} fields; there should be {expected}", path.display())]
    Fields {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// Fields found.
        found: usize,
        /// Fields that each line should have.
        expected: usize,
    },
    /// A field of a table is not the number that should stand there.
    #[error("read csv: {}, line {line}, column {column}: {found:?}: {expected} should stand here", path.display())]
    Field {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The column, counted from 1.
        column: usize,
        /// The field's text.
        found: String,
        /// What would fit.
        expected: &'static str,
    },
    /// A file that should hold a table is empty.
    #[error("read csv: {}: the file has no line; a header or a row should stand there", path.display())]
    EmptyTable {
        /// The file.
        path: PathBuf,
    },
    /// Two columns of a table have the same name.
    #[error("read csv: {}: columns {} and {} are both named {name:?}: each column needs a name of its own", path.display(), columns[0], columns[1])]
    DuplicateColumn {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
        /// The two columns, counted from 1.
        columns: [usize; 2],
    },
    /// A table has more columns than are read.
    #[error("read csv: {}: {found} columns; at most {limit} are read; is the delimiter right?", path.display())]
    Columns {
        /// The file.
        path: PathBuf,
        /// Columns of the first line.
        found: usize,
        /// The most that are read.
        limit: usize,
    },
    /// A table has no column of this name.
    #[error("table: {}: no column {name:?}; there {}", path.display(), listed(known))]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// The name that was asked for.
        name: String,
        /// The names that are there.
        known: Vec<String>,
    },
    /// A column holds text where numbers are needed.
    #[error("table: {}: column {name:?} holds text{}; numbers are needed", path.display(), first_text(*line, found))]
    NotNumbers {
        /// The file.
        path: PathBuf,
        /// The column.
        name: String,
        /// The first line that has a text there, if any has.
        line: Option<u64>,
        /// The text.
        found: String,
    },
    /// A value is missing where one is needed.
    #[error("encode: {}, line {line}, column {name}: the value is missing; leave the row out, or say what stands for it", path.display())]
    MissingValue {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// The column.
        name: String,
    },
    /// A value is none of the categories of the training data.
    #[error("encode: {}, line {line}, column {name}: {found:?} is no known category; known {}", path.display(), listed(known))]
    UnknownCategory {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// The column.
        name: String,
        /// The value.
        found: String,
        /// The categories of the training data.
        known: Vec<String>,
    },
    /// A column has no value from which a filling or categories could be learned.
    #[error("fit: {}: every value of column {name:?} is missing: there is nothing to learn from", path.display())]
    NothingToLearn {
        /// The file.
        path: PathBuf,
        /// The column.
        name: String,
    },
    /// An operation needs samples, and there are none.
    #[error("{operation}: the data have no sample; at least 1 is needed")]
    NoSamples {
        /// The operation that was asked for.
        operation: &'static str,
    },
    /// A number is NaN or infinite.
    #[error("{operation}: {found} in sample {sample}, feature {feature}, counted from 0: finite numbers are needed")]
    NotFinite {
        /// The operation that was asked for.
        operation: &'static str,
        /// Which sample, counted from 0.
        sample: usize,
        /// Which number of the sample, counted from 0.
        feature: usize,
        /// The number.
        found: f64,
    },
    /// A sample has more or fewer features than a transform was fitted to.
    #[error("standardize: {found} features in a sample, fitted to {fitted}: apply it to data of the same kind")]
    FeatureCount {
        /// Features of the data that it was fitted to.
        fitted: usize,
        /// Features of the data at hand.
        found: usize,
    },
    /// Kept means and deviations do not make a standardization.
    #[error("standardize: {}", wrong_parts(*means, *deviations, *wrong))]
    StandardizeParts {
        /// How many means there are.
        means: usize,
        /// How many deviations there are.
        deviations: usize,
        /// A feature with a mean and a deviation that cannot be.
        wrong: Option<(usize, f64, f64)>,
    },
}

impl gradus_linalg::FamilyError for Error {}

/// What fallible functions of this crate return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The product of a shape that nobody has checked yet.
fn count(shape: &[usize]) -> String {
    let product = shape.iter().try_fold(1_usize, |product, &n| product.checked_mul(n));
    product.map_or_else(|| "more than can be counted".into(), |n| n.to_string())
}

fn fitting_parts(len: usize) -> String {
    match len {
        0 | 1 => "a split takes at least 2 samples".into(),
        _ => format!("1 to {} would fit", len - 1),
    }
}

fn why_limited(gzip: bool) -> &'static str {
    if gzip {
        "are unpacked from a gzip file; unpack it first, a plain file may be larger"
    } else {
        "memory can address"
    }
}

/// `is "a"`, `are "a", "b"`, and no more than ten of them.
fn listed(names: &[String]) -> String {
    const MOST: usize = 10;
    let verb = if names.len() == 1 { "is" } else { "are" };
    let shown: Vec<String> = names.iter().take(MOST).map(|name| format!("{name:?}")).collect();
    match names.len() {
        0 => "are none".into(),
        1..=MOST => format!("{verb} {}", shown.join(", ")),
        n => format!("{verb} {} and {} more", shown.join(", "), n - MOST),
    }
}

fn first_text(line: Option<u64>, found: &str) -> String {
    line.map_or_else(String::new, |line| format!(", first {found:?} in line {line}"))
}

fn wrong_parts(means: usize, deviations: usize, wrong: Option<(usize, f64, f64)>) -> String {
    match wrong {
        _ if means != deviations => {
            format!("{means} means and {deviations} deviations: each feature needs one of both")
        }
        Some((feature, mean, deviation)) => format!(
            "feature {feature} has mean {mean} and deviation {deviation}: means are finite, deviations finite and above 0"
        ),
        None => "the means and deviations do not fit".into(),
    }
}
