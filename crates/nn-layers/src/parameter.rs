//! What a model owns: arrays to be trained, and arrays that follow the training.

use gradus_autograd::{Leaf, LeafId, Real, Value};
use ndarray::{ArcArray, Array, Dimension, IxDyn};
use std::fmt;

/// An array that training changes, with an identity by which its gradient is found.
///
/// A plain array, behind no lock and no cell: models are `Send + Sync`. A clone is another parameter, which trains on
/// its own; until one of the two changes, they share memory.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Parameter, Tape, ndarray::array};
/// let w: Parameter<f64> = array![1.0, 2.0].into();
/// let loss = Tape::recording().parameter(&w).square().sum();
/// assert_eq!(loss.backward()?.get(&w).unwrap(), &array![2.0, 4.0]);
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
pub struct Parameter<F: Real = f32> {
    id: LeafId,
    value: Value<F>,
    trainable: bool,
}

impl<F: Real> Parameter<F> {
    /// A trainable parameter of this value.
    pub fn new(value: impl Into<Value<F>>) -> Self {
        Self { id: LeafId::fresh(), value: value.into(), trainable: true }
    }

    /// Whether it is trained; a frozen parameter gets no gradient.
    #[must_use]
    pub fn is_trainable(&self) -> bool {
        self.trainable
    }

    /// Freezes it (`false`) or thaws it (`true`).
    pub fn set_trainable(&mut self, trainable: bool) {
        self.trainable = trainable;
    }
}

impl<F: Real> Leaf for Parameter<F> {
    type Scalar = F;

    fn id(&self) -> LeafId {
        self.id
    }

    fn value(&self) -> &Value<F> {
        &self.value
    }

    fn needs_gradient(&self) -> bool {
        self.trainable
    }
}

/// An array that belongs to a model's state without being trained: a running mean, say.
///
/// A forward pass changes nothing: it notes the new value on the tape with
/// [`Tape::update`](gradus_autograd::Tape::update), and the optimizer's step puts it in place.
pub struct Buffer<F: Real = f32> {
    id: LeafId,
    value: Value<F>,
}

impl<F: Real> Buffer<F> {
    /// A buffer of this value.
    pub fn new(value: impl Into<Value<F>>) -> Self {
        Self { id: LeafId::fresh(), value: value.into() }
    }

    /// Who it is, for [`Tape::update`](gradus_autograd::Tape::update).
    #[must_use]
    pub fn id(&self) -> LeafId {
        self.id
    }
}

/// What parameters and buffers have in common.
macro_rules! common {
    ($type:ident) => {
        impl<F: Real> $type<F> {
            /// What it holds.
            #[must_use]
            pub fn value(&self) -> &Value<F> {
                &self.value
            }

            /// What it holds, to be changed. Changing elements in place copies nothing, unless a tape or a clone of the model
            /// still shares the memory.
            #[must_use]
            pub fn value_mut(&mut self) -> &mut ArcArray<F, IxDyn> {
                &mut self.value
            }

            /// Its shape.
            #[must_use]
            pub fn shape(&self) -> &[usize] {
                self.value.shape()
            }
        }

        impl<F: Real, D: Dimension> From<Array<F, D>> for $type<F> {
            fn from(array: Array<F, D>) -> Self {
                Self::new(array)
            }
        }

        impl<F: Real> fmt::Debug for $type<F> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{} {:?}", stringify!($type), self.value.shape())
            }
        }
    };
}

common!(Parameter);
common!(Buffer);

impl<F: Real> Clone for Parameter<F> {
    /// The same value under a new identity.
    fn clone(&self) -> Self {
        Self { id: LeafId::fresh(), value: self.value.clone(), trainable: self.trainable }
    }
}

impl<F: Real> Clone for Buffer<F> {
    /// The same value under a new identity.
    fn clone(&self) -> Self {
        Self { id: LeafId::fresh(), value: self.value.clone() }
    }
}
