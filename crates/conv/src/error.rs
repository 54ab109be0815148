//! What can go wrong in a convolution or a pooling layer.

use gradus_linalg::FamilyError;

/// An error of this crate; the message shows the arithmetic that does not come out, and what would fit.
///
/// # Examples
/// ```
/// use gradus_conv::Geometry;
/// assert_eq!(
///     Geometry::<2>::new(5).padding((2, 0)).output_size([28, 3]).unwrap_err().to_string(),
///     "output size: axis 1: the kernel spans dilation · (kernel − 1) + 1 = 1 · (5 − 1) + 1 = 5, the padded input \
///      0 + 3 + 0 = 3: 5 > 3; it lacks 2 of padding, or of size"
/// );
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An operation on the tape failed.
    #[error(transparent)]
    Autograd(#[from] gradus_autograd::Error),

    /// An input with too few or too many axes.
    #[error("{operation}: input {found:?} has {} axes; it needs {}, (N, C, …): batch, channels, and {rank} in space", found.len(), rank + 2)]
    Rank {
        /// The operation that was asked for.
        operation: &'static str,
        /// The shape of the input.
        found: Vec<usize>,
        /// The number of axes in space.
        rank: usize,
    },

    /// A size, stride, dilation or number of groups that is 0.
    #[error("{operation}: {name} = {value:?}: 0 is no {name}; at least 1 would fit")]
    Zero {
        /// The operation that was asked for.
        operation: &'static str,
        /// The setting.
        name: &'static str,
        /// Its value, for each axis.
        value: Vec<usize>,
    },

    /// A kernel that is larger than the padded input.
    #[error(
        "{operation}: axis {axis}: the kernel spans dilation · (kernel − 1) + 1 = {dilation} · ({kernel_size} − 1) + 1 = {extent}, \
         the padded input {} + {size} + {} = {padded}: {extent} > {padded}; it lacks {} of padding, or of size",
        padding.0, padding.1, extent.saturating_sub(*padded)
    )]
    KernelTooLarge {
        /// The operation that was asked for.
        operation: &'static str,
        /// The axis in space, from 0.
        axis: usize,
        /// The size of the input along it.
        size: usize,
        /// The padding before and after.
        padding: (usize, usize),
        /// The size of the padded input.
        padded: usize,
        /// The size of the kernel.
        kernel_size: usize,
        /// The dilation of the kernel.
        dilation: usize,
        /// What the dilated kernel spans.
        extent: usize,
    },

    /// Padding of a pooling layer that is more than half of its window.
    #[error(
        "{operation}: axis {axis}: padding {} and {} beside a window that spans {extent}: at most half of it, {}, would fit",
        padding.0, padding.1, extent / 2
    )]
    PoolPadding {
        /// The operation that was asked for.
        operation: &'static str,
        /// The axis in space, from 0.
        axis: usize,
        /// The padding before and after.
        padding: (usize, usize),
        /// What the dilated window spans.
        extent: usize,
    },

    /// A pooling window that holds nothing but padding.
    #[error(
        "{operation}: axis {axis}: window {window} begins at {window} · {stride} − {before} and steps by {dilation}: it misses \
         all {size} of the input, and nothing has no maximum; less padding or dilation would fit"
    )]
    EmptyWindow {
        /// The operation that was asked for.
        operation: &'static str,
        /// The axis in space, from 0.
        axis: usize,
        /// Which window along this axis, from 0.
        window: usize,
        /// The distance between two windows.
        stride: usize,
        /// The padding before the input.
        before: usize,
        /// The distance between two numbers of the window.
        dilation: usize,
        /// The size of the input along this axis.
        size: usize,
    },

    /// An input with another number of channels than the weight takes.
    #[error(
        "{operation}: input {input:?}, weight {weight:?}: the input has {} channels, the weight takes groups · {} = {groups} · {} = {}",
        input.get(1).unwrap_or(&0), weight.get(1).unwrap_or(&0), weight.get(1).unwrap_or(&0),
        groups.saturating_mul(*weight.get(1).unwrap_or(&0))
    )]
    Channels {
        /// The operation that was asked for.
        operation: &'static str,
        /// The shape of the input.
        input: Vec<usize>,
        /// The shape of the weight.
        weight: Vec<usize>,
        /// The number of groups.
        groups: usize,
    },

    /// A number of channels that the groups do not divide.
    #[error("{operation}: {channels} {name} in {groups} groups: {channels} = {groups} · {} + {}; a multiple of {groups} would fit", channels / groups.max(&1), channels % groups.max(&1))]
    Groups {
        /// The operation that was asked for.
        operation: &'static str,
        /// Which channels.
        name: &'static str,
        /// Their number.
        channels: usize,
        /// The number of groups.
        groups: usize,
    },

    /// A weight or bias of another shape than the operation needs.
    #[error("{operation}: {parameter} {found:?}: {expected}")]
    Parameter {
        /// The operation that was asked for.
        operation: &'static str,
        /// The parameter.
        parameter: &'static str,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that would fit.
        expected: String,
    },

    /// A size that memory cannot hold or a number cannot count.
    #[error("{operation}: {what} {sizes:?}: more than memory can hold")]
    TooLarge {
        /// The operation that was asked for.
        operation: &'static str,
        /// What is too large.
        what: &'static str,
        /// The factors, or terms, of its size.
        sizes: Vec<usize>,
    },

    /// A stack without layers.
    #[error("{operation}: a stack of no layers: it has no output; at least one layer would fit")]
    EmptyStack {
        /// The operation that was asked for.
        operation: &'static str,
    },

    /// A layer of a stack that what comes out of the layer before does not fit.
    #[error(
        "{operation}: layer {index}, {layer}, is given {input:?}: {}",
        source.to_string().trim_start_matches(&format!("{operation}: "))
    )]
    InStack {
        /// The operation that was asked for.
        operation: &'static str,
        /// Which layer, from 0.
        index: usize,
        /// Its name.
        layer: String,
        /// The sizes that it is given, along each axis.
        input: Vec<usize>,
        /// What does not fit.
        source: Box<Error>,
    },

    /// An array of another shape than a model or a function takes.
    #[error("{operation}: input {found:?}: {expected} would fit")]
    Input {
        /// The model, or the operation that was asked for.
        operation: &'static str,
        /// The shape of the array.
        found: Vec<usize>,
        /// What would fit.
        expected: String,
    },

    /// The output of a model that holds no score for each class.
    #[error("{operation}: the model gives {found:?} for {images} image(s); scores ({images}, classes) would fit")]
    Scores {
        /// The operation that was asked for.
        operation: &'static str,
        /// The shape of the model's output.
        found: Vec<usize>,
        /// The number of images that it was given.
        images: usize,
    },

    /// A class that a model has no score for.
    #[error("{operation}: class {class}: the model has scores for {classes} classes, numbered from 0")]
    Class {
        /// The operation that was asked for.
        operation: &'static str,
        /// The class.
        class: usize,
        /// The number of classes.
        classes: usize,
    },

    /// A picture of nothing, or of arrays that make none.
    #[error("picture: {panel}: {found:?}: {expected} would fit")]
    Picture {
        /// Which picture.
        panel: String,
        /// The shape of the array, or the number of panels.
        found: Vec<usize>,
        /// What would fit.
        expected: &'static str,
    },
}

impl FamilyError for Error {}

/// What fallible functions of this crate return.
pub type Result<T, E = Error> = std::result::Result<T, E>;
