//! What a backward pass returns.

use crate::tape::Node;
use crate::{Leaf, LeafId, Value, Var};
use gradus_linalg::{Real, elementwise};
use std::panic::Location;

/// The gradients of one backward pass: plain arrays, to be looked up, added, scaled, clipped, sent elsewhere.
///
/// They are not hidden on the parameters: nothing has to be zeroed between steps, and gradients of several batches
/// add up only where a `+` says so. The order of the gradients is that in which the parameters were
/// made, in every run.
///
/// Beside them travel the values that follow the training without being trained (running means, say), noted by
/// [`Tape::update`](crate::Tape::update); an optimizer's step puts them in place.
///
/// # Examples
/// ```
/// use gradus_autograd::{Tape, ndarray::array};
/// let tape = Tape::recording();
/// let x = tape.variable(array![3.0, -4.0]);
/// let mut gradients = x.square().sum().backward()?;
/// assert_eq!(gradients.get(&x).unwrap(), &array![6.0, -8.0].into_dyn());
/// gradients.scale(0.5);
/// assert_eq!(gradients.get(&x).unwrap(), &array![3.0, -4.0].into_dyn());
/// # Ok::<(), gradus_autograd::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Gradients<F: Real = f32> {
    tape: u64,
    leaves: Vec<(LeafId, Value<F>)>,
    nodes: Vec<(Node, Value<F>)>,
    updates: Vec<(LeafId, Value<F>)>,
    /// Parameters that were on the tape and received nothing, with the line that cut them off, if one did.
    pub(crate) lost: Vec<(LeafId, Option<&'static Location<'static>>)>,
}

impl<F: Real> Gradients<F> {
    pub(crate) fn new(tape: u64, leaves: usize, updates: Vec<(LeafId, Value<F>)>) -> Self {
        Self { tape, leaves: Vec::with_capacity(leaves), nodes: Vec::new(), updates, lost: Vec::new() }
    }

    pub(crate) fn keep_leaf(&mut self, id: LeafId, gradient: Value<F>) {
        self.leaves.push((id, gradient));
    }

    pub(crate) fn keep_node(&mut self, node: Node, gradient: Value<F>) {
        self.nodes.push((node, gradient));
    }

    pub(crate) fn keep_lost(&mut self, id: LeafId, cut: Option<&'static Location<'static>>) {
        self.lost.push((id, cut));
    }

    /// Takes out the gradient of a variable of the walked tape.
    pub(crate) fn take_node(&mut self, node: Node) -> Option<Value<F>> {
        let place = self.nodes.iter().position(|&(kept, _)| kept == node)?;
        Some(self.nodes.swap_remove(place).1)
    }

    /// Takes out the gradient of a parameter.
    pub(crate) fn take_leaf(&mut self, id: LeafId) -> Option<Value<F>> {
        let place = self.leaves.iter().position(|&(kept, _)| kept == id)?;
        Some(self.leaves.swap_remove(place).1)
    }

    pub(crate) fn sort(&mut self) {
        self.leaves.sort_by_key(|&(id, _)| id);
        self.nodes.sort_by_key(|&(node, _)| node);
    }

    /// The gradient with respect to a parameter or a [`Var`]; `None` if nothing flowed there.
    ///
    /// Of a `Var`, the gradient is kept if it was made by [`Tape::variable`](crate::Tape::variable), is a bound
    /// parameter, or was marked by [`Var::retain_gradient`].
    #[must_use]
    pub fn get<K: Key<F> + ?Sized>(&self, key: &K) -> Option<&Value<F>> {
        key.find(self)
    }

    /// The gradient with respect to the leaf of this identity.
    #[must_use]
    pub fn get_id(&self, id: LeafId) -> Option<&Value<F>> {
        let place = self.leaves.binary_search_by_key(&id, |&(id, _)| id).ok()?;
        Some(&self.leaves[place].1)
    }

    /// The new value noted for what is not trained; the last one if there were several.
    #[must_use]
    pub fn update_of(&self, id: LeafId) -> Option<&Value<F>> {
        self.updates.iter().rev().find(|(leaf, _)| *leaf == id).map(|(_, value)| value)
    }

    /// Every parameter's gradient with the parameter's identity, in the order in which the parameters were made.
    pub fn iter(&self) -> impl Iterator<Item = (LeafId, &Value<F>)> {
        self.leaves.iter().map(|(id, gradient)| (*id, gradient))
    }

    /// As [`Gradients::iter`], to be changed in place.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (LeafId, &mut Value<F>)> {
        self.leaves.iter_mut().map(|(id, gradient)| (*id, gradient))
    }

    /// The number of parameters that received a gradient.
    #[must_use]
    pub fn len(&self) -> usize {
        self.leaves.len()
    }

    /// Whether no parameter received a gradient.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.leaves.is_empty()
    }

    /// Multiplies every gradient by a number.
    pub fn scale(&mut self, factor: f64) {
        let factor = F::from_f64(factor);
        for gradient in self.leaves.iter_mut().map(|(_, g)| g).chain(self.nodes.iter_mut().map(|(_, g)| g)) {
            elementwise::map_in_place(gradient, |g| g * factor);
        }
    }

    /// The Euclidean norm of all parameters' gradients taken as one vector.
    #[must_use]
    pub fn norm(&self) -> f64 {
        // Squares of f32 are summed in f64, so that neither overflows nor is lost.
        let squares =
            self.leaves.iter().map(|(_, gradient)| gradient.iter().map(|g| g.to_f64() * g.to_f64()).sum::<f64>());
        squares.sum::<f64>().sqrt()
    }
}

/// What a gradient can be looked up by: a [`Leaf`] or a [`Var`].
pub trait Key<F: Real> {
    #[doc(hidden)]
    fn find<'g>(&self, gradients: &'g Gradients<F>) -> Option<&'g Value<F>>;
}

impl<L: Leaf> Key<L::Scalar> for L {
    fn find<'g>(&self, gradients: &'g Gradients<L::Scalar>) -> Option<&'g Value<L::Scalar>> {
        gradients.get_id(self.id())
    }
}

impl<F: Real> Key<F> for Var<F> {
    fn find<'g>(&self, gradients: &'g Gradients<F>) -> Option<&'g Value<F>> {
        let (list, node) = (self.tape.list.borrow(), self.node?);
        if list.id != gradients.tape {
            return None;
        }
        match gradients.nodes.binary_search_by_key(&node, |&(node, _)| node) {
            Ok(place) => Some(&gradients.nodes[place].1),
            Err(_) => gradients.get_id(list.bound.iter().find(|&&(_, bound)| bound == node)?.0),
        }
    }
}

/// # Panics
/// If a parameter had another shape in the other pass.
impl<F: Real> std::ops::Add for Gradients<F> {
    type Output = Self;

    /// The sum with the gradients of another pass, parameter by parameter: of a further micro-batch, of another
    /// worker. The other's noted updates follow this one's. Gradients of variables belong to one tape: this one's
    /// stay, the other's go.
    fn add(mut self, other: Self) -> Self {
        for (id, gradient) in other.leaves {
            match self.leaves.binary_search_by_key(&id, |&(id, _)| id) {
                Ok(place) => elementwise::update(&mut self.leaves[place].1, &gradient, |a, b| a + b),
                Err(place) => self.leaves.insert(place, (id, gradient)),
            }
        }
        self.updates.extend(other.updates);
        self.lost.extend(other.lost);
        self
    }
}
