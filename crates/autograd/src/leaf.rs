//! What a gradient can be taken with respect to: a leaf of the computation.

use crate::Value;
use gradus_linalg::Real;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};

/// The identity of a leaf: equal only to itself, in the whole program.
///
/// Identities grow in the order in which they are drawn, so that whatever is sorted by them has an order that does
/// not change from run to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeafId(NonZeroU64);

impl LeafId {
    /// An identity that nothing else has.
    #[must_use]
    pub fn fresh() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(NonZeroU64::new(id).expect("a program does not draw 2⁶⁴ identities"))
    }
}

/// A value with an identity: a parameter of a model, or anything else that outlives a tape and wants a gradient.
///
/// [`Tape::parameter`](crate::Tape::parameter) puts it on a tape, and [`Gradients`](crate::Gradients) are looked up
/// by it.
///
/// # Examples
/// ```
/// use gradus_autograd::{Leaf, LeafId, Tape, Value, ndarray::array};
/// struct Weight(LeafId, Value<f64>);
/// impl Leaf for Weight {
///     type Scalar = f64;
///     fn id(&self) -> LeafId {
///         self.0
///     }
///     fn value(&self) -> &Value<f64> {
///         &self.1
///     }
/// }
/// let mut w = Weight(LeafId::fresh(), array![1.0, 2.0].into());
/// let gradients = Tape::recording().parameter(&w).square().sum().backward()?;
/// let downhill = gradients.get(&w).unwrap().mapv(|g| -0.5 * g);
/// *w.1 += &downhill; // in place: the tape has let go
/// assert_eq!(w.1, array![0.0, 0.0]);
/// # Ok::<(), gradus_autograd::Error>(())
/// ```
pub trait Leaf {
    /// Its number type.
    type Scalar: Real;

    /// Who it is. A copy that is to be trained on its own has another identity.
    fn id(&self) -> LeafId;

    /// What it holds. A tape shares this memory and gives it up when `backward` has run.
    fn value(&self) -> &Value<Self::Scalar>;

    /// Whether a gradient is wanted; a frozen parameter says no.
    fn needs_gradient(&self) -> bool {
        true
    }
}
