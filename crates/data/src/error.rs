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
    /// A file of an array ends too early.
    #[error("read {format}: {}: the {part} takes {expected} bytes, the file has {found} of them; it is cut short or its header is wrong", path.display())]
    Truncated {
        /// The format.
        format: &'static str,
        /// The file.
        path: PathBuf,
        /// Which part of the file: its header or its elements.
        part: &'static str,
        /// Bytes that the part takes.
        expected: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// A file goes on after the last element of its array.
    #[error("read {format}: {}: the elements of shape {shape:?} take {expected} bytes, and more bytes follow", path.display())]
    TrailingBytes {
        /// The format.
        format: &'static str,
        /// The file.
        path: PathBuf,
        /// Shape in the header.
        shape: Vec<usize>,
        /// Bytes that the elements take.
        expected: u64,
    },
    /// The sizes in a header are more than memory can address, or than is unpacked from a compressed file.
    #[error("read {format}: {}: the header claims shape {shape:?} of {element}, more than the {limit} bytes that {}", path.display(), why_limited(*compressed))]
    TooLarge {
        /// The format.
        format: &'static str,
        /// The file.
        path: PathBuf,
        /// Shape in the header.
        shape: Vec<usize>,
        /// Type in the header.
        element: &'static str,
        /// The most that would be read, in bytes.
        limit: u64,
        /// Whether the file is compressed.
        compressed: bool,
    },
    /// An array has too many axes or too long ones for the format.
    #[error("write: {}: shape {shape:?}: {limit}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Shape of the array.
        shape: Vec<usize>,
        /// What the format has room for.
        limit: &'static str,
    },

    /// A file is something other than NPY.
    #[error("read npy: {}: begins with {found:02x?}: an NPY file begins with the byte 93, \"NUMPY\" and a version", path.display())]
    NotNpy {
        /// The file.
        path: PathBuf,
        /// Its first bytes, at most six.
        found: Vec<u8>,
    },
    /// An NPY file is of a version that is not known.
    #[error("read npy: {}: version {major}; known are 1, 2 and 3", path.display())]
    NpyVersion {
        /// The file.
        path: PathBuf,
        /// Its version.
        major: u8,
    },
    /// The header of an NPY file is not what it should be.
    #[error("read npy: {}: {reason}; a header is {{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }}", path.display())]
    NpyHeader {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The elements of an NPY file are no numbers that are read.
    #[error("read npy: {}: elements of type {descr}; read are bool and integers and floats of 1, 2, 4 and 8 bytes but for f2, as `array.astype('f4')` gives", path.display())]
    NpyType {
        /// The file.
        path: PathBuf,
        /// NumPy's name of the type.
        descr: String,
    },
    /// A zip archive or a member of it is damaged.
    #[error("read npz: {}: {source}", path.display())]
    Archive {
        /// The archive, and the member's name behind it.
        path: PathBuf,
        /// What the decoder says.
        source: io::Error,
    },
    /// An archive has no array of this name.
    #[error("npz: no array {name:?}; there {}", listed(known))]
    NoArray {
        /// The name that was asked for.
        name: String,
        /// The names that are there.
        known: Vec<String>,
    },
    /// A number that should be a label cannot be one.
    #[error("labels: {found} at position {position}: a label is a whole number from 0")]
    NotLabel {
        /// Which number, counted from 0.
        position: usize,
        /// The number.
        found: f64,
    },
    /// A file cannot be read in windows.
    #[error("windows: {}: {reason}", path.display())]
    NoWindows {
        /// The file.
        path: PathBuf,
        /// Why not, and what would fit.
        reason: &'static str,
    },
    /// A file holds numbers of another type than was asked for.
    #[error("windows: {}: holds {found}; {expected} was asked for", path.display())]
    OtherElement {
        /// The file.
        path: PathBuf,
        /// The type of its numbers.
        found: &'static str,
        /// The type that was asked for.
        expected: &'static str,
    },
    /// A file of raw numbers is no whole number of samples.
    #[error("windows: {}: {bytes} bytes: a sample takes {sample} bytes, and {} are left over", path.display(), bytes % sample)]
    PartialSample {
        /// The file.
        path: PathBuf,
        /// Bytes of the file.
        bytes: u64,
        /// Bytes of a sample.
        sample: u64,
    },
    /// A text is too short for a single window.
    #[error("windows: a text of {tokens} tokens: a window of {length} and the token behind it take {}", length.saturating_add(1))]
    ShortText {
        /// Tokens of the text.
        tokens: usize,
        /// Tokens of a window.
        length: usize,
    },
    /// A token is not smaller than the number of kinds of tokens.
    #[error("text: token {token} at position {position}: with {kinds} kinds every token is below {kinds}")]
    Token {
        /// Where it stands, counted from 0.
        position: usize,
        /// The token.
        token: usize,
        /// The number of kinds.
        kinds: usize,
    },
    /// A character or token that the vocabulary does not have, or a text that gives no vocabulary.
    #[cfg(feature = "text")]
    #[error(transparent)]
    Vocabulary(Box<gradus_rnn_bptt::Error>),
    /// A folder is no folder of images by class.
    #[error("images: {}: {reason}", folder.display())]
    NotImageFolder {
        /// The folder.
        folder: PathBuf,
        /// What is missing.
        reason: &'static str,
    },
    /// An image cannot be decoded.
    #[error("images: {}: {reason}", path.display())]
    Image {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// An image has another size than the data set.
    #[error("images: {}: {found:?} rows and columns, others {expected:?}; `resized` brings all to one size", path.display())]
    ImageSize {
        /// The file.
        path: PathBuf,
        /// Its rows and columns.
        found: [usize; 2],
        /// Those of the first image.
        expected: [usize; 2],
    },
    /// A file of CIFAR-10 is no whole number of images.
    #[error("cifar10: {}: {bytes} bytes: an image and its label take 3073, and a file holds at least one", path.display())]
    NotCifar {
        /// The file.
        path: PathBuf,
        /// Its bytes.
        bytes: usize,
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
    #[error("{operation}: {}: label {label} at position {position}: with {classes} classes every label is below {classes}", path.display())]
    LabelInFile {
        /// The data set.
        operation: &'static str,
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

impl Error {
    /// A number as a label.
    pub(crate) fn check_label(position: usize, found: f64) -> Result<usize> {
        // Above 2⁵³ not every whole number is a float.
        let fits = (0.0..=9_007_199_254_740_992.0).contains(&found) && found.fract() == 0.0;
        if fits { Ok(found as usize) } else { Err(Self::NotLabel { position, found }) }
    }
}

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

fn why_limited(compressed: bool) -> &'static str {
    if compressed {
        "are unpacked from a compressed file; unpack it first, a plain file may be larger"
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

#[cfg(feature = "text")]
impl From<gradus_rnn_bptt::Error> for Error {
    fn from(error: gradus_rnn_bptt::Error) -> Self {
        // It is larger than all others here, and every result would be as large.
        Self::Vocabulary(Box::new(error))
    }
}
