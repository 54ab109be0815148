//! The array that variables share.

use crate::peak::{is_metering, note_gone, note_new};
use gradus_linalg::{Real, memory};
use ndarray::{ArcArray, Array, ArrayD, Dimension, IntoDimension, IxDyn};
use std::cell::Cell;
use std::fmt;
use std::ops::{Deref, DerefMut};

/// A shared n-dimensional array whose memory is used again.
///
/// Cloning shares. It is an [`ArcArray`] in all but one respect: the last owner to go gives the memory to
/// [`memory`] instead of to the allocator. All of `ndarray`'s methods are there through `Deref`; one that mutates
/// copies first if the memory is shared.
///
/// # Examples
/// ```
/// use gradus_autograd::{Value, ndarray::array};
/// let x: Value<f64> = array![1.0, 2.0].into();
/// let mut y = x.clone();
/// y[[0]] = 5.0; // the memory is shared: y becomes a copy
/// assert_eq!((x[[0]], y[[0]]), (1.0, 5.0));
/// ```
pub struct Value<F: Real = f32> {
    array: Option<ArcArray<F, IxDyn>>,
    /// Whether the array is all there is of its memory: then it may be kept as it is.
    whole: bool,
}

const PRESENT: &str = "only drop takes the array out";

impl<F: Real> Value<F> {
    /// A number, as an array without axes.
    #[must_use]
    pub fn scalar(x: F) -> Self {
        Self::full(IxDyn(&[]), x)
    }

    /// An array of one number repeated.
    ///
    /// # Panics
    /// If the number of elements overflows.
    #[must_use]
    pub fn full(shape: impl IntoDimension, x: F) -> Self {
        let mut value = Self::unspecified(shape);
        if let Some(numbers) = value.as_slice_mut() {
            numbers.fill(x);
        }
        value
    }

    /// An array of zeros.
    ///
    /// # Panics
    /// If the number of elements overflows.
    #[must_use]
    pub fn zeros(shape: impl IntoDimension) -> Self {
        Self::full(shape, F::zero())
    }

    /// Recycled memory in row-major order, its numbers unspecified: write each before you read it.
    ///
    /// # Panics
    /// If the number of elements overflows.
    #[must_use]
    pub fn unspecified(shape: impl IntoDimension) -> Self {
        let array = memory::shared(shape.into_dimension().into_dyn());
        if is_metering() {
            note_new(&array, true);
        }
        Self { array: Some(array), whole: true }
    }

    /// The array itself if nobody else shares it, otherwise the value back.
    ///
    /// # Errors
    /// The value, unchanged, if its memory is shared.
    pub fn try_into_array(mut self) -> Result<ArrayD<F>, Self> {
        let whole = self.whole;
        let array = self.array.take().expect(PRESENT);
        let array = array.try_into_owned_nocopy().map_err(|shared| Self { array: Some(shared), whole })?;
        if is_metering() {
            note_gone(&array);
        }
        Ok(array)
    }

    /// The array itself, copied only if somebody else shares it.
    #[must_use]
    pub fn into_array(self) -> ArrayD<F> {
        self.try_into_array().unwrap_or_else(|shared| {
            let mut copy = memory::array(shared.raw_dim());
            copy.assign(&**shared);
            copy
        })
    }

    /// The same memory under another shape of as many elements; copies only where the strides demand it.
    ///
    /// # Panics
    /// If the number of elements differs.
    #[must_use]
    pub(crate) fn reshaped(self, shape: &[usize]) -> Self {
        if self.shape() == shape && self.is_standard_layout() {
            return self;
        }
        let mut value = self.into_standard_layout();
        let array = value.array.take().expect(PRESENT);
        let array = array.into_shape_with_order(IxDyn(shape)).expect("the caller has compared the sizes");
        Self { array: Some(array), whole: value.whole }
    }

    /// A copy in recycled memory, row-major.
    fn copied(&self) -> Self {
        let mut copy = Self::unspecified(self.raw_dim());
        copy.array.as_mut().expect(PRESENT).assign(&**self);
        copy
    }

    /// The same memory under another description (a permutation of axes, a slice) made by `f`.
    #[must_use]
    pub(crate) fn view_as(mut self, f: impl FnOnce(ArcArray<F, IxDyn>) -> ArcArray<F, IxDyn>) -> Self {
        Self { array: self.array.take().map(f), whole: false }
    }

    /// The same numbers in row-major order; copies only if they are not.
    #[must_use]
    pub fn into_standard_layout(self) -> Self {
        if self.is_standard_layout() { self } else { self.copied() }
    }
}

thread_local! {
    /// Whether somebody counts what goes, and so far how many bytes came free and how many others still hold.
    static COUNT: Cell<Option<Bytes>> = const { Cell::new(None) };
}

/// What happened to the memory of values that were dropped.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bytes {
    pub(crate) freed: usize,
    pub(crate) shared: usize,
}

/// Counts the memory of the values that are dropped on this thread while `f` runs.
pub(crate) fn count_dropped(f: impl FnOnce()) -> Bytes {
    COUNT.set(Some(Bytes::default()));
    f();
    COUNT.take().unwrap_or_default()
}

impl<F: Real> Drop for Value<F> {
    fn drop(&mut self) {
        let Some(array) = self.array.take() else { return };
        if is_metering() && array.is_unique() {
            note_gone(&array);
        }
        let counting = COUNT.get();
        let array = match counting {
            None if self.whole => match memory::give_shared(array) {
                Some(array) => array,
                None => return,
            },
            _ => array,
        };
        match array.try_into_owned_nocopy() {
            Ok(array) => {
                let (buffer, _) = array.into_raw_vec_and_offset();
                if let Some(Bytes { freed, shared }) = counting {
                    COUNT.set(Some(Bytes { freed: freed + buffer.capacity() * size_of::<F>(), shared }));
                }
                memory::give(buffer);
            }
            Err(array) => {
                if let Some(Bytes { freed, shared }) = counting {
                    COUNT.set(Some(Bytes { freed, shared: shared + array.len() * size_of::<F>() }));
                }
            }
        }
    }
}

impl<F: Real> Clone for Value<F> {
    fn clone(&self) -> Self {
        Self { array: self.array.clone(), whole: self.whole }
    }
}

impl<F: Real> Deref for Value<F> {
    type Target = ArcArray<F, IxDyn>;
    fn deref(&self) -> &Self::Target {
        self.array.as_ref().expect(PRESENT)
    }
}

impl<F: Real> DerefMut for Value<F> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        // The array would copy itself into memory from the allocator, which would never be taken from the spare
        // memory and yet end there: it would grow with every step.
        if !self.is_unique() {
            *self = self.copied();
        }
        self.array.as_mut().expect(PRESENT)
    }
}

impl<F: Real> fmt::Debug for Value<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<F: Real, D: Dimension> From<Array<F, D>> for Value<F> {
    fn from(array: Array<F, D>) -> Self {
        if is_metering() {
            note_new(&array, true);
        }
        Self { array: Some(array.into_dyn().into_shared()), whole: false }
    }
}

impl<F: Real, D: Dimension> From<ArcArray<F, D>> for Value<F> {
    fn from(array: ArcArray<F, D>) -> Self {
        if is_metering() {
            note_new(&array, false);
        }
        Self { array: Some(array.into_dyn()), whole: false }
    }
}

impl<F: Real> From<F> for Value<F> {
    fn from(x: F) -> Self {
        Self::scalar(x)
    }
}

impl<F: Real> PartialEq for Value<F> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<F: Real, D: Dimension> PartialEq<Array<F, D>> for Value<F> {
    fn eq(&self, other: &Array<F, D>) -> bool {
        **self == other.view().into_dyn()
    }
}
