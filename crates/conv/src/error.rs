//! What can go wrong in a convolution or a pooling layer.

use crate::PaddingMode;
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

    /// Output padding of a transposed convolution that is not below its stride or its dilation.
    #[error(
        "{operation}: axis {axis}: output padding {output_padding} beside stride {stride} and dilation {dilation}: {output_padding} ≥ \
         max({stride}, {dilation}); at most {} would fit",
        stride.max(dilation).saturating_sub(1)
    )]
    OutputPadding {
        /// The operation that was asked for.
        operation: &'static str,
        /// The axis in space, from 0.
        axis: usize,
        /// The output padding along it.
        output_padding: usize,
        /// The distance between two places of the kernel.
        stride: usize,
        /// The dilation of the kernel.
        dilation: usize,
    },

    /// A transposed convolution of which padding leaves nothing.
    #[error(
        "{operation}: axis {axis}: (size − 1) · stride − before − after + dilation · (kernel − 1) + 1 + output_padding = \
         ({size} − 1) · {stride} − {} − {} + {dilation} · ({kernel_size} − 1) + 1 + {output_padding} = {result}: nothing is left; \
         {} less of padding would fit",
        padding.0, padding.1, 1_isize.saturating_sub(*result)
    )]
    NothingLeft {
        /// The operation that was asked for.
        operation: &'static str,
        /// The axis in space, from 0.
        axis: usize,
        /// The size of the input along it.
        size: usize,
        /// The distance between two places of the kernel.
        stride: usize,
        /// The padding before and after.
        padding: (usize, usize),
        /// The size of the kernel.
        kernel_size: usize,
        /// The dilation of the kernel.
        dilation: usize,
        /// The output padding.
        output_padding: usize,
        /// What comes out of the formula.
        result: isize,
    },

    /// A convolution whose matrix is not small.
    #[error(
        "{operation}: {} = {rows} rows, one for each number of the result {result:?}, {} = {columns} columns, one for each number of the \
         input {input:?}: {rows} · {columns} numbers; at most {limit} would fit, and `conv` needs no matrix",
        factors(result),
        factors(input)
    )]
    MatrixTooLarge {
        /// The operation that was asked for.
        operation: &'static str,
        /// The shape of the result, without the batch.
        result: Vec<usize>,
        /// The shape of the input, without the batch.
        input: Vec<usize>,
        /// The rows of the matrix.
        rows: usize,
        /// The columns of the matrix.
        columns: usize,
        /// The numbers that a matrix may have.
        limit: usize,
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
         all {size} of the input, and nothing has neither maximum nor average; less padding or dilation would fit"
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

    /// An input of adaptive or global pooling without numbers along an axis.
    #[error(
        "{operation}: input {found:?}: axis {axis} in space has size 0: window 0 would span ⌊0 · 0 / {out}⌋ to ⌈1 · 0 / {out}⌉, which is nothing; \
         a size of at least 1 would fit"
    )]
    EmptyAxis {
        /// The operation that was asked for.
        operation: &'static str,
        /// The axis in space, from 0.
        axis: usize,
        /// The number of windows along it.
        out: usize,
        /// The shape of the input.
        found: Vec<usize>,
    },

    /// An exponent that makes no norm.
    #[error("{operation}: p = {p}: (Σ xᵖ)^(1/p) is no norm; a finite number above 0 would fit")]
    Norm {
        /// The operation that was asked for.
        operation: &'static str,
        /// The exponent.
        p: f64,
    },

    /// An index of unpooling beyond the end of its channel.
    #[error(
        "{operation}: index {index} at {at:?}: a channel of size {size:?} has {} positions; 0 to {} would fit",
        size.iter().product::<usize>(), size.iter().product::<usize>().saturating_sub(1)
    )]
    IndexOutOfRange {
        /// The operation that was asked for.
        operation: &'static str,
        /// The index.
        index: usize,
        /// Where it stands among the indices.
        at: Vec<usize>,
        /// The size of a channel of the result.
        size: Vec<usize>,
    },

    /// An output size of unpooling that the geometry does not pool to the size of the input.
    #[error(
        "{operation}: axis {axis}: (size − 1) · stride + extent − before − after = ({size} − 1) · {stride} + {extent} − {} − {} = {smallest}{}; \
         {} to {} would fit",
        padding.0, padding.1, match given { Some(given) => format!(", and {given} is asked for"), None => String::new() },
        smallest.saturating_sub(stride - 1).max(1), smallest.saturating_add(stride - 1)
    )]
    UnpoolSize {
        /// The operation that was asked for.
        operation: &'static str,
        /// The axis in space, from 0.
        axis: usize,
        /// The size that was asked for, if one was.
        given: Option<usize>,
        /// The size of the input.
        size: usize,
        /// The distance between two windows.
        stride: usize,
        /// The padding before and after.
        padding: (usize, usize),
        /// What the dilated window spans.
        extent: usize,
        /// The size that follows from them.
        smallest: usize,
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

    /// A weight, a bias, a gradient or an array of indices of another shape than the operation needs.
    #[error("{operation}: {parameter} {found:?}: {expected}")]
    Parameter {
        /// The operation that was asked for.
        operation: &'static str,
        /// The parameter, or `dy` for a gradient.
        parameter: &'static str,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that would fit.
        expected: String,
    },

    /// Padding that would need numbers which the input does not have.
    #[error(
        "{operation}: axis {axis}: {mode} padding {} and {} of size {size}: {}", padding.0, padding.1,
        match mode {
            PaddingMode::Reflect => format!("the edge is not repeated, so at most size − 1 = {size} − 1 = {limit} would fit"),
            PaddingMode::Circular => format!("the other end has {size} numbers: at most {limit} would fit"),
            _ => "there is no number to repeat".to_owned(),
        }
    )]
    PadWidth {
        /// The operation that was asked for.
        operation: &'static str,
        /// What the padding is made of.
        mode: PaddingMode,
        /// The axis in space, from 0.
        axis: usize,
        /// The size of the input along it.
        size: usize,
        /// The padding before and after.
        padding: (usize, usize),
        /// The most that would fit on each side.
        limit: usize,
    },

    /// An output as large as the input, with a stride that leaves places out.
    #[error(
        "{operation}: stride = {stride:?} with the padding `same`: the output would be ⌊(size − 1) / stride⌋ + 1 long and not size; \
         a stride of 1 would fit, or explicit padding"
    )]
    SameStride {
        /// The operation that was asked for.
        operation: &'static str,
        /// The stride, for each axis.
        stride: Vec<usize>,
    },

    /// A factor that is not finite or not above 0.
    #[error("{operation}: factor = {factors:?}: a finite number above 0 would fit along each axis")]
    Factor {
        /// The operation that was asked for.
        operation: &'static str,
        /// The factors, for each axis.
        factors: Vec<f64>,
    },

    /// A factor so small that nothing is left.
    #[error(
        "{operation}: axis {axis}: ⌊size · factor⌋ = ⌊{size} · {factor}⌋ = 0: nothing would be left; a factor of at least 1 / {size} \
         would fit"
    )]
    EmptyOutput {
        /// The operation that was asked for.
        operation: &'static str,
        /// The axis in space, from 0.
        axis: usize,
        /// The size of the input along it.
        size: usize,
        /// The factor along it.
        factor: f64,
    },

    /// An axis in space of size 0 where numbers are needed.
    #[error(
        "{operation}: axis {axis}: the input is of size 0: there is nothing to interpolate between; at least 1 would fit"
    )]
    NothingBetween {
        /// The operation that was asked for.
        operation: &'static str,
        /// The axis in space, from 0.
        axis: usize,
    },

    /// Channels or a size that cannot be cut into equal parts.
    #[error("{operation}: {what} {found} = {of} · {} + {}: a multiple of {of} would fit", found / of.max(&1), found % of.max(&1))]
    Multiple {
        /// The operation that was asked for.
        operation: &'static str,
        /// What is to be cut.
        what: &'static str,
        /// Its number.
        found: usize,
        /// The number that should divide it.
        of: usize,
    },

    /// A matrix that does not hold the patches of an array.
    #[error(
        "{operation}: input {found:?}: it needs 3 axes, (N, C · ∏ kernel, L): rows a multiple of the {} numbers of the kernel \
         {kernel_size:?}, columns the {} places {places:?}",
        kernel_size.iter().product::<usize>(), places.iter().product::<usize>()
    )]
    Columns {
        /// The operation that was asked for.
        operation: &'static str,
        /// The shape of the input.
        found: Vec<usize>,
        /// The size of the kernel.
        kernel_size: Vec<usize>,
        /// The number of its places along each axis.
        places: Vec<usize>,
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

/// Sizes as the product that they are the factors of.
fn factors(sizes: &[usize]) -> String {
    sizes.iter().map(usize::to_string).collect::<Vec<_>>().join(" · ")
}

/// What fallible functions of this crate return.
pub type Result<T, E = Error> = std::result::Result<T, E>;
