//! The walk from the loss back to the parameters.

use crate::tape::{Backward, Entry, Node};
use crate::{Error, Gradients, Result, Value, Var};
use gradus_linalg::{Real, elementwise};
use ndarray::{ArrayViewMutD, Dimension};

impl<F: Real> Var<F> {
    /// The gradients of this number with respect to every parameter and variable that it was computed from.
    ///
    /// ```text
    /// ∂L/∂x = Σ over the operations y that use x:  (∂y/∂x)ᵀ ∂L/∂y
    /// ```
    ///
    /// Walks the tape once, from the end, and lets go of everything on it: the memory of values and parameters is
    /// free to be used again when this returns. There is no recursion.
    ///
    /// # Errors
    /// [`Error::NotScalar`], [`Error::NotRecorded`], [`Error::Spent`] on a second call, [`Error::NonFiniteLoss`],
    /// [`Error::ForeignVar`] if variables of different tapes met in a recorded operation, [`Error::GradientShape`] if
    /// an operation's rule is wrong, and [`Error::NonFiniteGradient`] on a tape that watches.
    ///
    /// # References
    /// S. Linnainmaa, *Taylor expansion of the accumulated rounding error*, BIT 16, 1976;
    /// D. E. Rumelhart, G. E. Hinton, R. J. Williams, *Learning representations by back-propagating errors*, 1986.
    pub fn backward(&self) -> Result<Gradients<F>> {
        let Some(loss) = self.item() else {
            return Err(Error::NotScalar { shape: self.shape().to_vec() });
        };
        if !loss.is_finite() {
            return Err(Error::NonFiniteLoss { loss: loss.to_f64(), cause: self.tape.non_finite() });
        }
        self.backward_with(Value::full(self.value.raw_dim(), F::one()))
    }

    /// The gradients of `Σ y · cotangent`, for a `y` of any shape: the product of the cotangent with the Jacobian.
    ///
    /// # Examples
    /// ```
    /// use gradus_autograd::{Tape, ndarray::array};
    /// let x = Tape::recording().variable(array![1.0, 2.0]);
    /// let gradients = x.square().backward_with(array![1.0, 10.0])?;
    /// assert_eq!(gradients.get(&x).unwrap(), &array![2.0, 40.0].into_dyn());
    /// # Ok::<(), gradus_autograd::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Var::backward`] but for the two that are about a loss, and [`Error::Shapes`] if the cotangent has another shape than the variable.
    pub fn backward_with(&self, cotangent: impl Into<Value<F>>) -> Result<Gradients<F>> {
        let cotangent = cotangent.into();
        if cotangent.shape() != self.shape() {
            let (left, right) = (self.shape().to_vec(), cotangent.shape().to_vec());
            let expected = "the cotangent has the shape of the variable";
            return Err(Error::Shapes { operation: "backward", left, right, expected });
        }
        let mut list = self.tape.list.borrow_mut();
        if list.spent {
            return Err(Error::Spent);
        }
        let root = self.node.ok_or(Error::NotRecorded)?;
        (list.spent, list.recording) = (true, false);
        let entries = std::mem::take(&mut list.entries);
        let inputs = std::mem::take(&mut list.inputs);
        let updates = std::mem::take(&mut list.updates);
        let (tape, watching, fault) = (list.id, list.watching, list.fault.take());
        drop(list); // the rules run without a hold on the tape
        match fault {
            Some(fault) => Err(fault),
            None => walk(entries, &inputs, root, cotangent, watching, Gradients::new(tape, updates)),
        }
    }
}

fn walk<F: Real>(
    mut entries: Vec<Entry<F>>,
    inputs: &[Option<Node>],
    root: Node,
    cotangent: Value<F>,
    watching: bool,
    mut gradients: Gradients<F>,
) -> Result<Gradients<F>> {
    let mut cotangents: Vec<Option<Value<F>>> = Vec::new();
    // The root may be an output after the first of its operation, whose rule stands at the first.
    entries.truncate(root as usize + 1);
    cotangents.resize_with(entries.len(), || None);
    cotangents[root as usize] = Some(cotangent);

    while let Some(entry) = entries.pop() {
        let node = entries.len();
        if entry.retain
            && let Some(dy) = &cotangents[node]
        {
            gradients.keep_node(node as Node, dy.clone());
        }
        let (before, from_here) = cotangents.split_at_mut(node);
        let own = inputs.get(entry.inputs.0 as usize..(entry.inputs.0 + entry.inputs.1) as usize).unwrap_or(&[]);
        let mut slots =
            Slots { cotangents: before, entries: &entries, inputs: own, entry: &EntryName::of(&entry), fault: None };
        match entry.backward {
            Backward::Leaf(id) => {
                if let Some(gradient) = from_here[0].take() {
                    match id {
                        Some(id) => gradients.keep_leaf(id, gradient),
                        None => gradients.keep_node(node as Node, gradient),
                    }
                }
            }
            Backward::One(rule) => {
                if let Some(dy) = from_here[0].take() {
                    rule(dy, &mut slots);
                }
            }
            Backward::Many(outputs, rule) => {
                let mut dys: Vec<_> = from_here.iter_mut().take(outputs as usize).map(Option::take).collect();
                dys.resize_with(outputs as usize, || None);
                if dys.iter().any(Option::is_some) {
                    rule(dys, &mut slots);
                }
            }
            Backward::Further => continue, // its cotangent waits for the first output's rule
        }
        if watching {
            slots.watch();
        }
        if let Some(fault) = slots.fault {
            return Err(fault);
        }
    }
    gradients.sort();
    Ok(gradients)
}

/// What an error says of an entry.
struct EntryName {
    operation: &'static str,
    location: &'static std::panic::Location<'static>,
}

impl EntryName {
    fn of<F: Real>(entry: &Entry<F>) -> Self {
        Self { operation: entry.operation, location: entry.location }
    }
}

/// Where an operation's rule puts the gradients of its inputs, numbered from 0 in the order of recording.
///
/// A slot adds up: the gradient of a value that was used several times is the sum over its uses.
pub struct Slots<'a, F: Real> {
    cotangents: &'a mut [Option<Value<F>>],
    entries: &'a [Entry<F>],
    inputs: &'a [Option<Node>],
    entry: &'a EntryName,
    fault: Option<Error>,
}

impl<F: Real> Slots<'_, F> {
    /// Whether the gradient of this input is wanted; what is not wanted need not be computed.
    #[must_use]
    pub fn needs(&self, input: usize) -> bool {
        self.node(input).is_some()
    }

    /// Adds a gradient.
    pub fn add(&mut self, input: usize, gradient: impl Into<Value<F>>) {
        let Some(node) = self.node(input) else { return };
        let gradient = gradient.into();
        let expected = self.entries[node].shape.slice();
        if gradient.shape() != expected {
            let EntryName { operation, location } = *self.entry;
            let (expected, found) = (expected.to_vec(), gradient.shape().to_vec());
            self.fault.get_or_insert(Error::GradientShape { operation, location, input, expected, found });
            return;
        }
        match &mut self.cotangents[node] {
            Some(sum) => add_to(sum, gradient),
            empty => *empty = Some(gradient.into_standard_layout()), // so that `accumulate` may reshape it
        }
    }

    /// Lets `add` write the gradient into memory of the input's shape: `buffer ← gradient + beta · buffer`, with
    /// `beta` 0 the first time (the buffer then holds unspecified numbers, which must not be read) and 1 afterwards.
    pub fn accumulate(&mut self, input: usize, add: impl FnOnce(ArrayViewMutD<'_, F>, F)) {
        let Some(node) = self.node(input) else { return };
        match &mut self.cotangents[node] {
            Some(sum) => add(sum.view_mut(), F::one()),
            empty => {
                let mut buffer = Value::unspecified(self.entries[node].shape.clone());
                add(buffer.view_mut(), F::zero());
                *empty = Some(buffer);
            }
        }
    }

    fn node(&self, input: usize) -> Option<usize> {
        self.inputs.get(input).copied().flatten().map(|node| node as usize)
    }

    /// Finds the first gradient of this operation's inputs that is not finite.
    fn watch(&mut self) {
        let EntryName { operation, location } = *self.entry;
        for input in 0..self.inputs.len() {
            let gradient = self.node(input).and_then(|node| self.cotangents[node].as_ref());
            let bad = gradient.and_then(|gradient| gradient.indexed_iter().find(|(_, x)| !x.is_finite()));
            if let Some((index, &x)) = bad {
                let (index, value) = (index.slice().to_vec(), x.to_f64());
                self.fault.get_or_insert(Error::NonFiniteGradient { operation, location, input, index, value });
            }
        }
    }
}

/// `sum ← sum + gradient`, row-major, in the memory of whichever nobody else holds.
fn add_to<F: Real>(sum: &mut Value<F>, gradient: Value<F>) {
    if sum.is_unique() || !gradient.is_unique() {
        elementwise::update(sum, &gradient, |a, b| a + b);
    } else {
        let mut gradient = gradient.into_standard_layout();
        elementwise::update(&mut gradient, sum, |b, a| a + b);
        *sum = gradient;
    }
}

impl<F: Real> std::fmt::Debug for Slots<'_, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slots").field("inputs", &self.inputs).finish_non_exhaustive()
    }
}
