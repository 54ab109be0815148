//! Layers one after the other: the sizes that come out of each, and how much of the input each output sees.

use crate::{Error, Geometry, Result, table};
use std::fmt;
use std::ops::Range;

/// What one layer of a stack sees of the stack's input: see [`receptive_fields`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceptiveField<const R: usize> {
    /// The layer's name.
    pub layer: String,
    /// How the layer's window moves over the output of the layer before.
    pub geometry: Geometry<R>,
    /// How many positions of the input an output depends on at most, from the first to the last.
    pub size: [usize; R],
    /// How far the field moves from one output to the next: the product of the strides so far.
    pub jump: [usize; R],
    /// The first position of the field of output 0: negative where it lies in the padding.
    pub offset: [isize; R],
}

impl<const R: usize> ReceptiveField<R> {
    /// The positions of an input of this size that the output at `place` sees: its field without the padding.
    ///
    /// Empty along an axis on which it sees nothing but padding.
    ///
    /// # Examples
    /// ```
    /// use gradus_conv::{Geometry, receptive_fields};
    /// let stack = [("conv", Geometry::<1>::new(3).padding(1)), ("pool", Geometry::new(2).stride(2))];
    /// let pool = &receptive_fields(&stack)?.rows[1];
    /// assert_eq!(pool.inside([0], [10]), [0..3]); // −1 … 2, of which −1 is padding
    /// assert_eq!(pool.inside([2], [10]), [3..7]);
    /// # Ok::<(), gradus_conv::Error>(())
    /// ```
    #[must_use]
    pub fn inside(&self, place: [usize; R], input_size: [usize; R]) -> [Range<usize>; R] {
        std::array::from_fn(|axis| {
            // 128 bits hold the product of two sizes, and its sums.
            let start = place[axis] as i128 * self.jump[axis] as i128 + self.offset[axis] as i128;
            let clamped = |at: i128| at.clamp(0, input_size[axis] as i128) as usize;
            clamped(start)..clamped(start + self.size[axis] as i128)
        })
    }

    /// The middle of the field of output 0, in positions of the input; that of output `p` lies `p · jump` further.
    ///
    /// # Examples
    /// ```
    /// use gradus_conv::{Geometry, receptive_fields};
    /// let fields = receptive_fields(&[("conv", Geometry::<2>::new(3).stride(2).padding(1))])?;
    /// assert_eq!(fields.rows[0].centre(), [0.0, 0.0]);
    /// # Ok::<(), gradus_conv::Error>(())
    /// ```
    #[must_use]
    pub fn centre(&self) -> [f64; R] {
        std::array::from_fn(|axis| self.offset[axis] as f64 + (self.size[axis] as f64 - 1.0) / 2.0)
    }
}

/// The receptive fields of a stack's layers; `Display` prints an aligned table.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceptiveFields<const R: usize> {
    /// One for each layer, in order.
    pub rows: Vec<ReceptiveField<R>>,
}

/// How much of the input the outputs of each layer of a stack see, where and how densely.
///
/// Layer `l` has a kernel `k`, stride `s`, dilation `d` and padding `p` (before the input). Along each axis, with
/// size 1, jump 1 and offset 0 of the input itself,
///
/// ```text
/// size_l   = size_{l−1} + d_l · (k_l − 1) · jump_{l−1}
/// offset_l = offset_{l−1} − p_l · jump_{l−1}
/// jump_l   = s_l · jump_{l−1}
/// ```
///
/// Output `o` of the layer sees the positions from `offset + o · jump` on, `size` of them. Elementwise layers change
/// nothing and need not be named; of two paths that meet, as in a residual block, the one with the larger kernels
/// counts. With dilation or strides larger than kernels the field has holes, which are counted.
///
/// # Examples
/// The feature extractor of LeNet-5 sees 16 × 16 of 32 × 32 pixels, every 4:
/// ```
/// use gradus_conv::{Geometry, receptive_fields};
/// let (conv, pool) = (Geometry::<2>::new(5), Geometry::new(2).stride(2));
/// let fields = receptive_fields(&[("C1", conv), ("S2", pool), ("C3", conv), ("S4", pool)])?;
/// println!("{fields}");
/// assert_eq!((fields.rows[3].size, fields.rows[3].jump), ([16, 16], [4, 4]));
/// # Ok::<(), gradus_conv::Error>(())
/// ```
/// It prints
/// ```text
/// layer  kernel  stride  dilation  field  jump  offset  centre
/// C1          5       1         1      5     1       0       2
/// S2          2       2         1      6     2       0     2.5
/// C3          5       1         1     14     2       0     6.5
/// S4          2       2         1     16     4       0     7.5
/// ```
///
/// # Errors
/// [`Error::EmptyStack`]; [`Error::InStack`] names the layer at which a size is 0 or a sum overflows.
///
/// # References
/// A. Araujo, W. Norris, J. Sim, *Computing receptive fields of convolutional neural networks*, 2019,
/// <https://distill.pub/2019/computing-receptive-fields/>
pub fn receptive_fields<const R: usize>(stack: &[(impl AsRef<str>, Geometry<R>)]) -> Result<ReceptiveFields<R>> {
    const OPERATION: &str = "receptive fields";
    check_not_empty(OPERATION, stack)?;
    let (mut size, mut jump, mut offset) = ([1; R], [1; R], [0; R]);
    let mut rows = Vec::with_capacity(stack.len());
    for (index, (name, geometry)) in stack.iter().enumerate() {
        for axis in 0..R {
            let in_stack = |error| in_stack(OPERATION, index, name.as_ref(), size.to_vec(), error);
            geometry.check(OPERATION).map_err(in_stack)?;
            let next = next(geometry, axis, size[axis], jump[axis], offset[axis]).map_err(in_stack)?;
            (size[axis], jump[axis], offset[axis]) = next;
        }
        rows.push(ReceptiveField { layer: name.as_ref().to_owned(), geometry: *geometry, size, jump, offset });
    }
    Ok(ReceptiveFields { rows })
}

/// The recurrence, along one axis.
fn next<const R: usize>(
    geometry: &Geometry<R>,
    axis: usize,
    size: usize,
    jump: usize,
    offset: isize,
) -> Result<(usize, usize, isize)> {
    let (kernel_size, dilation) = (geometry.kernel_size[axis], geometry.dilation[axis]);
    let (stride, before) = (geometry.stride[axis], geometry.padding[axis].0);
    let overflow =
        |what, sizes: &[usize]| Error::TooLarge { operation: "receptive fields", what, sizes: sizes.to_vec() };
    let more = dilation.checked_mul(kernel_size - 1).and_then(|span| span.checked_mul(jump));
    let grown = more.and_then(|more| size.checked_add(more));
    let shift = before.checked_mul(jump).and_then(|shift| isize::try_from(shift).ok());
    Ok((
        grown.ok_or_else(|| overflow("field of dilation, kernel, jump, size", &[dilation, kernel_size, jump, size]))?,
        jump.checked_mul(stride).ok_or_else(|| overflow("jump, the product of", &[jump, stride]))?,
        shift.and_then(|shift| offset.checked_sub(shift)).ok_or_else(|| overflow("offset by", &[before, jump]))?,
    ))
}

/// The size of the output of each layer of a stack, along each axis.
///
/// # Examples
/// ```
/// use gradus_conv::{Geometry, output_sizes};
/// let (conv, pool) = (Geometry::<2>::new(3), Geometry::new(2).stride(2));
/// let stack = [("conv1", conv), ("pool1", pool), ("conv2", conv), ("pool2", pool)];
/// assert_eq!(output_sizes(&stack, [28, 28])?, [[26, 26], [13, 13], [11, 11], [5, 5]]);
/// assert_eq!(
///     output_sizes(&stack, [28, 6]).unwrap_err().to_string(),
///     "output sizes: layer 2, conv2, is given [13, 2]: axis 1: the kernel spans \
///      dilation · (kernel − 1) + 1 = 1 · (3 − 1) + 1 = 3, the padded input 0 + 2 + 0 = 2: 3 > 2; it lacks 1 of padding, or of size"
/// );
/// # Ok::<(), gradus_conv::Error>(())
/// ```
///
/// # Errors
/// [`Error::EmptyStack`]; [`Error::InStack`] names the layer at which it fails, with the error of
/// [`Geometry::output_size`].
pub fn output_sizes<const R: usize>(
    stack: &[(impl AsRef<str>, Geometry<R>)],
    input_size: [usize; R],
) -> Result<Vec<[usize; R]>> {
    const OPERATION: &str = "output sizes";
    check_not_empty(OPERATION, stack)?;
    let mut size = input_size;
    let sizes = stack.iter().enumerate().map(|(index, (name, geometry))| {
        let axes = geometry.axes(OPERATION, &size);
        let axes = axes.map_err(|error| in_stack(OPERATION, index, name.as_ref(), size.to_vec(), error))?;
        size = std::array::from_fn(|axis| axes[axis].out);
        Ok(size)
    });
    sizes.collect()
}

fn check_not_empty<T>(operation: &'static str, stack: &[T]) -> Result<()> {
    if stack.is_empty() { Err(Error::EmptyStack { operation }) } else { Ok(()) }
}

fn in_stack(operation: &'static str, index: usize, layer: &str, input: Vec<usize>, error: Error) -> Error {
    Error::InStack { operation, index, layer: layer.to_owned(), input, source: Box::new(error) }
}

impl<const R: usize> fmt::Display for ReceptiveFields<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines =
            vec![table::row(["layer", "kernel", "stride", "dilation", "field", "jump", "offset", "centre"])];
        lines.extend(self.rows.iter().map(|row| {
            let Geometry { kernel_size, stride, dilation, .. } = &row.geometry;
            let sizes =
                [kernel_size, stride, dilation, &row.size, &row.jump].map(|sizes| table::per_axis(sizes, " × "));
            let places = [table::per_axis(&row.offset, ", "), table::per_axis(&row.centre(), ", ")];
            [row.layer.clone()].into_iter().chain(sizes).chain(places).collect()
        }));
        table::write(f, &lines)
    }
}
