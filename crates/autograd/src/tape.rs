//! The list of what was computed.

use crate::backward::Slots;
use crate::hooks::Hook;
use crate::observe::Observer;
use crate::watch::NonFinite;
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
    pub(crate) training: Option<Stream>,
    pub(crate) spent: bool,
    pub(crate) entries: Vec<Entry<F>>,
    /// The inputs of all entries, one after the other.
    pub(crate) inputs: Vec<Option<Node>>,
    /// Parameters that are on the list, sorted.
    pub(crate) bound: Vec<(LeafId, Node)>,
    pub(crate) updates: Vec<(LeafId, Value<F>)>,
    /// What is to be done with gradients when they are complete, by the place of the value.
    pub(crate) hooks: Vec<(Node, Hook<F>)>,
    /// What is to see the values of new entries.
    pub(crate) observer: Option<Observer<F>>,
    /// Where a value was cut off from its past, and by which line.
    pub(crate) detached: Vec<(Node, &'static Location<'static>)>,
    /// On a tape that runs a block without recording it: the parameters that it used.
    pub(crate) noted: Option<Vec<(LeafId, Value<F>)>>,
    pub(crate) watching: bool,
    pub(crate) non_finite: Option<NonFinite>,
    /// On a tape that watches: the operands of the operation that is about to be recorded.
    pub(crate) operands: Vec<Value<F>>,
    /// On a tape that watches: the operands of each operation on the list.
    pub(crate) kept: Vec<(Node, Vec<Value<F>>)>,
    /// A mistake that could not be reported where it was made; `backward` does.
    pub(crate) fault: Option<Error>,
}

/// The random numbers of a training pass: each use has a stream of its own, numbered. A block that runs again can so
/// be given the same numbers again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stream {
    seed: u64,
    uses: u64,
    /// In the hands of the closure given to [`Tape::random`].
    lent: bool,
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

impl<F: Real> Tape<F> {
    pub(crate) fn new(recording: bool, training: Option<Stream>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let list = List {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            recording,
            training,
            spent: false,
            // Enough for a small network: to grow by and by would cost it more than its arithmetic.
            entries: Vec::with_capacity(if recording { 32 } else { 0 }),
            inputs: Vec::with_capacity(if recording { 64 } else { 0 }),
            bound: Vec::with_capacity(if recording { 16 } else { 0 }),
            updates: Vec::new(),
            hooks: Vec::new(),
            observer: None,
            detached: Vec::new(),
            noted: None,
            watching: false,
            non_finite: None,
            operands: Vec::new(),
            kept: Vec::new(),
            fault: None,
        };
        Self { list: Rc::new(RefCell::new(list)) }
    }

    /// A tape for a training step. It draws one seed from `rng`; dropout and noise draw from streams of that seed,
    /// so that a step's randomness does not depend on how much of it is used.
    pub fn training(rng: &mut (impl Rng + ?Sized)) -> Self {
        Self::new(true, Some(Stream { seed: rng.next_u64(), uses: 0, lent: false }))
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

    /// Gives a random stream to `draw`, in a training pass; `None` on other tapes, and inside `draw` itself. The streams
    /// of one tape follow from its seed and the order of the calls.
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
        let stream = {
            let mut list = self.list.borrow_mut();
            let stream = list.training.as_mut().filter(|stream| !stream.lent)?;
            std::mem::replace(stream, Stream { lent: true, uses: stream.uses + 1, ..*stream })
        };
        // The list is not held while `draw` runs: it may use the tape. Seeds a golden ratio apart are spread over all
        // numbers, and the generator mixes their bits.
        let mut rng = StdRng::seed_from_u64(stream.seed.wrapping_add(stream.uses.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        let drawn = draw(&mut rng);
        if let Some(stream) = &mut self.list.borrow_mut().training {
            stream.lent = false;
        }
        Some(drawn)
    }

    /// Puts a constant on the tape: data, of which no gradient is wanted.
    #[track_caller]
    pub fn input(&self, value: impl Into<Value<F>>) -> Var<F> {
        let value = value.into();
        self.watch_leaf("input", Location::caller(), &value);
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
            self.watch_leaf("parameter", location, &value);
            if leaf.needs_gradient()
                && let Some(noted) = &mut self.list.borrow_mut().noted
            {
                noted.push((id, value.clone()));
            }
            return Var { value, tape: self.clone(), node: None };
        }
        let node = self.bind(id, &value, location);
        Var { value, tape: self.clone(), node }
    }

    /// The place of a parameter on a tape that records.
    pub(crate) fn bind(&self, id: LeafId, value: &Value<F>, location: &'static Location<'static>) -> Option<Node> {
        let place = self.list.borrow().bound.binary_search_by_key(&id, |&(id, _)| id);
        match place {
            Ok(place) => Some(self.list.borrow().bound[place].1),
            Err(place) => {
                let node = self.push_leaf(Some(id), value, location);
                if let Some(node) = node {
                    self.list.borrow_mut().bound.insert(place, (id, node));
                }
                node
            }
        }
    }

    /// Notes a new value for something that is not trained but follows the training, such as a running mean. It
    /// travels with the gradients, and the optimizer's step puts it in place: a forward pass changes nothing.
    pub fn update(&self, leaf: LeafId, value: impl Into<Value<F>>) {
        self.list.borrow_mut().updates.push((leaf, value.into()));
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
        self.watch_leaf(operation, location, value);
        let mut list = self.list.borrow_mut();
        if !list.recording {
            return None;
        }
        let node = list.push(Entry {
            operation,
            location,
            shape: value.raw_dim(),
            inputs: (0, 0),
            backward: Backward::Leaf(id),
            retain: false,
        });
        if list.observer.is_some() {
            drop(list);
            self.show(node, operation, location, value);
        }
        Some(node)
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
