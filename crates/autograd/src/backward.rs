//! The walk from the loss back to the parameters.

use crate::hooks::{self, Hook};
use crate::peak::{Pass, is_metering, note_operation};
use crate::tape::{Backward, Entry, Node};
use crate::watch::Operand;
use crate::{Error, Gradients, LeafId, Result, Value, Var};
use gradus_linalg::{Real, elementwise};
use ndarray::{ArrayViewMutD, Dimension};
use std::panic::Location;

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
    /// an operation's rule is wrong, [`Error::HookShape`] if a hook is, [`Error::Checkpoint`] if a block that is to run
    /// again fails, and [`Error::NonFiniteGradient`] on a tape that watches.
    ///
    /// # References
    /// S. Linnainmaa, *Taylor expansion of the accumulated rounding error*, BIT 16, 1976;
    /// D. E. Rumelhart, G. E. Hinton, R. J. Williams, *Learning representations by back-propagating errors*, 1986.
    pub fn backward(&self) -> Result<Gradients<F>> {
        self.backward_with(self.seed()?)
    }

    /// The gradient with which the walk from a loss begins: 1.
    pub(crate) fn seed(&self) -> Result<Value<F>> {
        let Some(loss) = self.item() else {
            return Err(Error::NotScalar { shape: self.shape().to_vec() });
        };
        if !loss.is_finite() {
            return Err(Error::NonFiniteLoss { loss: loss.to_f64(), cause: self.tape.non_finite() });
        }
        Ok(Value::full(self.value.raw_dim(), F::one()))
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
            let expected = "the cotangent must have the shape of the variable";
            return Err(Error::Shapes { operation: "backward", left, right, expected });
        }
        let mut walk = Walk::begin(self, cotangent, Vec::new())?;
        while walk.step()? {}
        Ok(walk.finish())
    }

    /// As [`Var::backward`], and has `ready` look at the gradient of each parameter as soon as it is complete, while the walk goes on:
    /// to send it elsewhere beside what is still to be computed, or to look on.
    ///
    /// Gradients come in the order in which the walk meets their parameters, which is the reverse of that in which the forward pass first used
    /// them: those of the last layers first. It is the same in every run of the same model. A parameter that nothing flowed to is not told of.
    ///
    /// # Errors
    /// As [`Var::backward`]. What `ready` has been told before the error is as it was.
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
    /// let first = Weight(LeafId::fresh(), array![2.0].into());
    /// let last = Weight(LeafId::fresh(), array![3.0].into());
    /// let tape = Tape::recording();
    /// let hidden = &tape.input(array![1.0]) * &tape.parameter(&first);
    /// let loss = (&hidden * &tape.parameter(&last)).sum();
    /// let mut order = Vec::new();
    /// let gradients = loss.backward_each(|id, gradient| order.push((id, gradient.sum())))?;
    /// assert_eq!(order, [(last.0, 2.0), (first.0, 3.0)]);
    /// assert_eq!(gradients.get(&first).unwrap(), &array![3.0].into_dyn());
    /// # Ok::<(), gradus_autograd::Error>(())
    /// ```
    ///
    /// # References
    /// S. Li and others, *PyTorch Distributed: Experiences on Accelerating Data Parallel Training*, VLDB 2020, section 3.2,
    /// <https://doi.org/10.14778/3415478.3415530>
    pub fn backward_each(&self, mut ready: impl FnMut(LeafId, &Value<F>)) -> Result<Gradients<F>> {
        let mut walk = Walk::begin(self, self.seed()?, Vec::new())?;
        let mut told = 0;
        while walk.step()? {
            walk.gradients.iter().skip(told).for_each(|(id, gradient)| ready(id, gradient));
            told = walk.gradients.len();
        }
        Ok(walk.finish())
    }
}

/// A walk on its way from the end of the list to its beginning.
pub(crate) struct Walk<F: Real> {
    pub(crate) entries: Vec<Entry<F>>,
    inputs: Vec<Option<Node>>,
    /// The gradient of each value, as far as it has been added up.
    pub(crate) cotangents: Vec<Option<Value<F>>>,
    hooks: Vec<(Node, Hook<F>)>,
    watching: bool,
    kept: Vec<(Node, Vec<Value<F>>)>,
    /// For each value, the line that cut it off, if one did.
    cuts: Vec<Option<&'static Location<'static>>>,
    gradients: Gradients<F>,
}

impl<F: Real> Walk<F> {
    /// Takes the list from the tape. `seeds` are further gradients that are there from the start.
    pub(crate) fn begin(root: &Var<F>, cotangent: Value<F>, seeds: Vec<(Node, Value<F>)>) -> Result<Self> {
        let mut list = root.tape.list.borrow_mut();
        if list.spent {
            return Err(Error::Spent);
        }
        let root = root.node.ok_or(Error::NotRecorded)?;
        (list.spent, list.recording) = (true, false);
        let mut gradients = Gradients::new(list.id, list.bound.len(), std::mem::take(&mut list.updates));
        for &(id, node) in &list.bound {
            if node > root {
                gradients.keep_lost(id, None);
            }
        }
        let mut walk = Self {
            entries: std::mem::take(&mut list.entries),
            inputs: std::mem::take(&mut list.inputs),
            cotangents: Vec::new(),
            hooks: hooks::sorted(std::mem::take(&mut list.hooks)),
            watching: list.watching,
            kept: std::mem::take(&mut list.kept),
            cuts: Vec::new(),
            gradients,
        };
        let (detached, observer) = (std::mem::take(&mut list.detached), list.observer.take());
        let fault = list.fault.take();
        drop(list); // the rules run without a hold on the tape, and so does what is dropped here
        drop(observer);
        if let Some(fault) = fault {
            return Err(fault);
        }
        if !detached.is_empty() {
            walk.cuts = walk.behind(detached);
        }
        // The root may be an output after the first of its operation, whose rule stands at the first.
        walk.entries.truncate(root as usize + 1);
        while walk.hooks.last().is_some_and(|&(node, _)| node > root) {
            walk.hooks.pop();
        }
        walk.cotangents.resize_with(walk.entries.len(), || None);
        walk.cotangents[root as usize] = Some(cotangent);
        for (node, seed) in seeds {
            walk.cotangents[node as usize] = Some(seed);
        }
        Ok(walk)
    }

    /// Everything from which something was computed that was then cut off.
    fn behind(&self, detached: Vec<(Node, &'static Location<'static>)>) -> Vec<Option<&'static Location<'static>>> {
        let mut cuts = vec![None; self.entries.len()];
        for (node, location) in detached {
            cuts[node as usize].get_or_insert(location);
        }
        for (node, entry) in self.entries.iter().enumerate().rev() {
            if let Some(location) = cuts[node] {
                for input in self.inputs_of(entry).iter().flatten() {
                    cuts[*input as usize].get_or_insert(location);
                }
            }
        }
        cuts
    }

    fn inputs_of(&self, entry: &Entry<F>) -> &[Option<Node>] {
        self.inputs.get(entry.inputs.0 as usize..(entry.inputs.0 + entry.inputs.1) as usize).unwrap_or(&[])
    }

    /// Whether the entry that comes next has anything to do.
    pub(crate) fn is_idle(&self) -> bool {
        let Some(entry) = self.entries.last() else { return true };
        let node = self.entries.len() - 1;
        match entry.backward {
            Backward::Further => true,
            Backward::Many(outputs, _) => self.cotangents[node..].iter().take(outputs as usize).all(Option::is_none),
            Backward::One(_) | Backward::Leaf(_) => self.cotangents[node].is_none(),
        }
    }

    /// Runs the hooks of a value whose gradient is complete.
    pub(crate) fn run_hooks(&mut self) -> Result<()> {
        let Some(entry) = self.entries.last() else { return Ok(()) };
        let node = self.entries.len() - 1;
        while let Some((_, hook)) = self.hooks.pop_if(|(hooked, _)| *hooked as usize == node) {
            let Some(dy) = self.cotangents[node].take() else { continue };
            self.cotangents[node] = Some(match hook {
                Hook::Observe(observe) => {
                    observe(&dy);
                    dy
                }
                Hook::Replace(replace) => {
                    let expected = entry.shape.slice();
                    let dy = replace(dy);
                    if dy.shape() != expected {
                        let (operation, location) = (entry.operation, entry.location);
                        let (expected, found) = (expected.to_vec(), dy.shape().to_vec());
                        return Err(Error::HookShape { operation, location, expected, found });
                    }
                    dy.into_standard_layout() // so that `accumulate` may reshape it
                }
            });
        }
        Ok(())
    }

    /// Takes the last entry off the list and runs its rule; `false` at the beginning of the list.
    pub(crate) fn step(&mut self) -> Result<bool> {
        if !self.hooks.is_empty() {
            self.run_hooks()?;
        }
        let Some(entry) = self.entries.pop() else { return Ok(false) };
        let node = self.entries.len();
        if entry.retain
            && let Some(dy) = &self.cotangents[node]
        {
            self.gradients.keep_node(node as Node, dy.clone());
        }
        let watched = self.watching.then(|| self.watched(node));
        let (before, from_here) = self.cotangents.split_at_mut(node);
        let own = self.inputs.get(entry.inputs.0 as usize..(entry.inputs.0 + entry.inputs.1) as usize).unwrap_or(&[]);
        let (entries, name) = (&self.entries[..], &EntryName::of(&entry));
        let mut slots = Slots { cotangents: before, entries, inputs: own, entry: name, fault: None };
        match entry.backward {
            Backward::Leaf(id) => match (from_here[0].take(), id) {
                (Some(gradient), Some(id)) => self.gradients.keep_leaf(id, gradient),
                (Some(gradient), None) => self.gradients.keep_node(node as Node, gradient),
                (None, Some(id)) => self.gradients.keep_lost(id, self.cuts.get(node).copied().flatten()),
                (None, None) => {}
            },
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
            Backward::Further => return Ok(true), // its cotangent waits for the first output's rule
        }
        if is_metering() {
            note_operation(Pass::Backward, entry.operation, entry.location);
        }
        if let Some(watched) = watched {
            slots.watch(&watched);
        }
        slots.fault.map_or(Ok(true), Err)
    }

    fn watched(&mut self, node: usize) -> Watched<F> {
        let (_, operands) = self.kept.pop_if(|(kept, _)| *kept as usize >= node).unwrap_or_default();
        Watched { upstream: self.cotangents[node..].iter().flatten().cloned().collect(), operands }
    }

    pub(crate) fn finish(self) -> Gradients<F> {
        let mut gradients = self.gradients;
        gradients.sort();
        gradients
    }
}

/// What a report on a gradient that is not finite says of an entry.
struct Watched<F: Real> {
    /// The gradients of its results.
    upstream: Vec<Value<F>>,
    operands: Vec<Value<F>>,
}

/// What an error says of an entry.
struct EntryName {
    operation: &'static str,
    location: &'static Location<'static>,
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

    /// The gradient that an input has received so far, out of the slot.
    pub(crate) fn take(&mut self, input: usize) -> Option<Value<F>> {
        self.cotangents[self.node(input)?].take()
    }

    /// Makes the walk end with an error.
    pub(crate) fn fail(&mut self, error: Error) {
        self.fault.get_or_insert(error);
    }

    /// The place of the operation on its list.
    pub(crate) fn location(&self) -> &'static Location<'static> {
        self.entry.location
    }

    fn node(&self, input: usize) -> Option<usize> {
        self.inputs.get(input).copied().flatten().map(|node| node as usize)
    }

    /// Finds the first gradient of this operation's inputs that is not finite.
    fn watch(&mut self, watched: &Watched<F>) {
        let EntryName { operation, location } = *self.entry;
        for input in 0..self.inputs.len() {
            let gradient = self.node(input).and_then(|node| self.cotangents[node].as_ref());
            let bad = gradient.and_then(|gradient| gradient.indexed_iter().find(|(_, x)| !x.is_finite()));
            if let Some((index, &x)) = bad {
                let shape = gradient.map_or(&[][..], |gradient| gradient.shape());
                let at = |values: &[Value<F>]| values.iter().map(|v| Operand::at(v, shape, index.slice())).collect();
                let (upstream, operands) = (at(&watched.upstream), at(&watched.operands));
                let (index, value) = (index.slice().to_vec(), x.to_f64());
                let error = Error::NonFiniteGradient { operation, location, input, index, value, upstream, operands };
                self.fault.get_or_insert(error);
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

impl<F: Real> std::fmt::Debug for Walk<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Walk").field("left", &self.entries.len()).finish_non_exhaustive()
    }
}
