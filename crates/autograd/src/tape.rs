//! The list of what was computed.

use crate::backward::Slots;
use crate::{Error, Leaf, LeafId, Result, Value, Var};
use gradus_linalg::Real;
use ndarray::IxDyn;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::cell::RefCell;
use std::fmt;
use std::panic::Location;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A Wengert list: the operations of a computation in the order in which they ran.
///
/// Each entry keeps a closure that maps the cotangent of its output to those of its inputs, and whatever values that
/// closure needs. [`Var::backward`] walks the list once, from the end. A tape is for one forward and one backward
/// pass; it dies with its last variable. Cloning a tape gives another handle to the same list.
///
/// There are three kinds:
///
/// | made by | records | layers behave as in |
/// | --- | --- | --- |
/// | [`Tape::training`] | yes | training: dropout drops, statistics are of the batch |
/// | [`Tape::recording`] | yes | use: no randomness |
/// | [`Tape::inference`] | no | use |
///
/// # Examples
/// ```
/// use gradus_autograd::{Tape, ndarray::array};
/// let tape = Tape::recording();
/// let (w, x) = (tape.variable(array![2.0, -1.0]), tape.input(array![3.0, 5.0]));
/// let loss = (&w * &x).tanh().sum();
/// assert_eq!(tape.len(), 4); // the variable and three operations; data is no entry
/// let gradients = loss.backward()?;
/// assert!(gradients.get(&w).is_some() && gradients.get(&x).is_none());
/// # Ok::<(), gradus_autograd::Error>(())
/// ```
///
/// # References
/// R. E. Wengert, *A simple automatic derivative evaluation program*, Communications of the ACM 7(8), 1964.
pub struct Tape<F: Real = f32> {
    pub(crate) list: Rc<RefCell<List<F>>>,
}

/// A place on the list.
pub(crate) type Node = u32;

pub(crate) struct List<F: Real> {
    /// Tells this tape from others, also after it is gone.
    pub(crate) id: u64,
    pub(crate) recording: bool,
    training: Option<Stream>,
    pub(crate) spent: bool,
    pub(crate) entries: Vec<Entry<F>>,
    /// The inputs of all entries, one after the other.
    pub(crate) inputs: Vec<Option<Node>>,
    /// Parameters that are on the list, sorted.
    pub(crate) bound: Vec<(LeafId, Node)>,
    pub(crate) updates: Vec<(LeafId, Value<F>)>,
    pub(crate) watching: bool,
    non_finite: Option<NonFinite>,
    /// A mistake that could not be reported where it was made; `backward` does.
    pub(crate) fault: Option<Error>,
}

/// The random numbers of a training pass, seeded when first needed.
enum Stream {
    Seed(u64),
    Running(Box<StdRng>),
    /// In the hands of the closure given to [`Tape::random`].
    Lent,
}

pub(crate) struct Entry<F: Real> {
    pub(crate) operation: &'static str,
    pub(crate) location: &'static Location<'static>,
    pub(crate) shape: IxDyn,
    /// Where its inputs begin in the list of inputs, and how many they are.
    pub(crate) inputs: (u32, u32),
    pub(crate) backward: Backward<F>,
    pub(crate) retain: bool,
}

pub(crate) type BackwardOne<F> = Box<dyn FnOnce(Value<F>, &mut Slots<'_, F>)>;
pub(crate) type BackwardMany<F> = Box<dyn FnOnce(Vec<Option<Value<F>>>, &mut Slots<'_, F>)>;

pub(crate) enum Backward<F: Real> {
    /// A parameter or a variable: its gradient is kept.
    Leaf(Option<LeafId>),
    /// An operation with one output.
    One(BackwardOne<F>),
    /// The first of several outputs; the others follow it on the list.
    Many(u32, BackwardMany<F>),
    /// An output after the first.
    Further,
}

/// The first operation of a watched tape whose result was not finite.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{operation} ({location}) produced {value} at {index:?} of {shape:?}")]
pub struct NonFinite {
    /// The operation.
    pub operation: &'static str,
    /// The line that called it.
    pub location: &'static Location<'static>,
    /// The shape of its result.
    pub shape: Vec<usize>,
    /// The first place, in row-major order, that is not finite.
    pub index: Vec<usize>,
    /// What stands there.
    pub value: f64,
}

impl<F: Real> Tape<F> {
    fn new(recording: bool, training: Option<Stream>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let list = List {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            recording,
            training,
            spent: false,
            entries: Vec::new(),
            inputs: Vec::new(),
            bound: Vec::new(),
            updates: Vec::new(),
            watching: false,
            non_finite: None,
            fault: None,
        };
        Self { list: Rc::new(RefCell::new(list)) }
    }

    /// A tape for a training step. It draws one seed from `rng`; dropout and noise draw from a stream of that seed,
    /// so that a step's randomness does not depend on how much of it is used.
    pub fn training(rng: &mut (impl Rng + ?Sized)) -> Self {
        Self::new(true, Some(Stream::Seed(rng.next_u64())))
    }

    /// A tape that records, for gradients without training: layers behave as in use.
    #[must_use]
    pub fn recording() -> Self {
        Self::new(true, None)
    }

    /// A tape that records nothing: values are freed as soon as their variables are.
    #[must_use]
    pub fn inference() -> Self {
        Self::new(false, None)
    }

    /// Whether layers that differ between training and use are to behave as in training.
    #[must_use]
    pub fn is_training(&self) -> bool {
        self.list.borrow().training.is_some()
    }

    /// Whether operations are recorded.
    #[must_use]
    pub fn is_recording(&self) -> bool {
        self.list.borrow().recording
    }

    /// The number of entries on the list: every variable, parameter and operation through which a gradient flows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.borrow().entries.len()
    }

    /// Whether nothing is recorded, or no longer.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Gives the random stream of a training pass to `draw`; `None` on other tapes, and inside `draw` itself.
    ///
    /// # Examples
    /// ```
    /// use gradus_autograd::Tape;
    /// use rand::{RngExt, SeedableRng, rngs::StdRng};
    /// let tape = Tape::<f32>::training(&mut StdRng::seed_from_u64(1));
    /// let kept = tape.random(|rng| rng.random_bool(0.9));
    /// assert!(kept.is_some());
    /// assert_eq!(Tape::<f32>::inference().random(|rng| rng.random_bool(0.9)), None);
    /// ```
    pub fn random<R>(&self, draw: impl FnOnce(&mut StdRng) -> R) -> Option<R> {
        // The list is not held while `draw` runs: it may use the tape.
        let lent = std::mem::replace(self.list.borrow_mut().training.as_mut()?, Stream::Lent);
        let mut rng = match lent {
            Stream::Seed(seed) => Box::new(StdRng::seed_from_u64(seed)),
            Stream::Running(rng) => rng,
            Stream::Lent => return None,
        };
        let drawn = draw(&mut rng);
        self.list.borrow_mut().training = Some(Stream::Running(rng));
        Some(drawn)
    }

    /// Puts a constant on the tape: data, of which no gradient is wanted.
    #[track_caller]
    pub fn input(&self, value: impl Into<Value<F>>) -> Var<F> {
        let value = value.into();
        self.watch("input", Location::caller(), &value);
        Var { value, tape: self.clone(), node: None }
    }

    /// Puts a variable on the tape: a value of which the gradient is wanted.
    #[track_caller]
    pub fn variable(&self, value: impl Into<Value<F>>) -> Var<F> {
        let value = value.into();
        let node = self.push_leaf(None, &value, Location::caller());
        Var { value, tape: self.clone(), node }
    }

    /// Puts a parameter on the tape. The same parameter twice is the same variable, so that its gradient is the sum
    /// over all its uses. Its memory is shared, neither borrowed nor copied.
    #[track_caller]
    pub fn parameter(&self, leaf: &(impl Leaf<Scalar = F> + ?Sized)) -> Var<F> {
        let (id, value, location) = (leaf.id(), leaf.value().clone(), Location::caller());
        if !(leaf.needs_gradient() && self.is_recording()) {
            self.watch("parameter", location, &value);
            return Var { value, tape: self.clone(), node: None };
        }
        let place = self.list.borrow().bound.binary_search_by_key(&id, |&(id, _)| id);
        let node = match place {
            Ok(place) => Some(self.list.borrow().bound[place].1),
            Err(place) => {
                let node = self.push_leaf(Some(id), &value, location);
                if let Some(node) = node {
                    self.list.borrow_mut().bound.insert(place, (id, node));
                }
                node
            }
        };
        Var { value, tape: self.clone(), node }
    }

    /// Notes a new value for something that is not trained but follows the training, such as a running mean. It
    /// travels with the gradients, and the optimizer's step puts it in place: a forward pass changes nothing.
    pub fn update(&self, leaf: LeafId, value: impl Into<Value<F>>) {
        self.list.borrow_mut().updates.push((leaf, value.into()));
    }

    /// From now on, looks at everything put on the tape and at the result of every operation, and remembers the first
    /// that is not finite: see [`Tape::non_finite`]. `backward` looks at the gradients, too, and returns
    /// [`Error::NonFiniteGradient`] for the first that is not finite. Costs one pass over each array.
    ///
    /// # Examples
    /// ```
    /// use gradus_autograd::{Tape, ndarray::array};
    /// let tape = Tape::<f64>::recording().watch_finite();
    /// let x = tape.variable(array![1.0, -1.0]);
    /// let error = x.ln().sum().backward().unwrap_err();
    /// assert!(error.to_string().starts_with("backward: the loss is NaN; ln ("), "{error}");
    /// ```
    #[must_use]
    pub fn watch_finite(self) -> Self {
        self.list.borrow_mut().watching = true;
        self
    }

    /// The first operation since [`Tape::watch_finite`] whose result was not finite; `input`, `variable` or `parameter`
    /// if the numbers came so from outside.
    #[must_use]
    pub fn non_finite(&self) -> Option<NonFinite> {
        self.list.borrow().non_finite.clone()
    }

    /// Whether two handles are of the same tape.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.list, &other.list)
    }

    pub(crate) fn retain(&self, node: Node) {
        if let Some(entry) = self.list.borrow_mut().entries.get_mut(node as usize) {
            entry.retain = true;
        }
    }

    fn push_leaf(&self, id: Option<LeafId>, value: &Value<F>, location: &'static Location<'static>) -> Option<Node> {
        let operation = if id.is_some() { "parameter" } else { "variable" };
        self.watch(operation, location, value);
        let mut list = self.list.borrow_mut();
        list.recording.then(|| {
            list.push(Entry {
                operation,
                location,
                shape: value.raw_dim(),
                inputs: (0, 0),
                backward: Backward::Leaf(id),
                retain: false,
            })
        })
    }

    /// Looks at a value on a tape that watches.
    pub(crate) fn watch(&self, operation: &'static str, location: &'static Location<'static>, value: &Value<F>) {
        let mut list = self.list.borrow_mut();
        if !list.watching || list.non_finite.is_some() {
            return;
        }
        if let Some((index, x)) = value.indexed_iter().find(|(_, x)| !x.is_finite()) {
            let (shape, index) = (value.shape().to_vec(), ndarray::Dimension::slice(&index).to_vec());
            list.non_finite = Some(NonFinite { operation, location, shape, index, value: x.to_f64() });
        }
    }
}

impl<F: Real> List<F> {
    pub(crate) fn push(&mut self, entry: Entry<F>) -> Node {
        let node = Node::try_from(self.entries.len()).expect("memory ends before a list of 2³² entries");
        self.entries.push(entry);
        node
    }
}

/// Refuses operands of different tapes.
pub(crate) fn same_tape<F: Real>(operation: &'static str, a: &Var<F>, b: &Var<F>) -> Result<()> {
    if a.tape.is(&b.tape) { Ok(()) } else { Err(Error::ForeignVar { operation }) }
}

impl<F: Real> Clone for Tape<F> {
    fn clone(&self) -> Self {
        Self { list: Rc::clone(&self.list) }
    }
}

impl<F: Real> fmt::Debug for Tape<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = self.list.borrow();
        let operations: Vec<_> = list.entries.iter().map(|entry| entry.operation).collect();
        f.debug_struct("Tape").field("recording", &list.recording).field("entries", &operations).finish_non_exhaustive()
    }
}
