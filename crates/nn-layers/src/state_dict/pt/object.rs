//! What a pickle builds.

use super::super::element::Element;
use super::globals::Global;

/// A value on the stack or in a container. Texts are borrowed from the pickle; what can be shared or changed later is a
/// [`Node`], so that a container may hold itself and is still dropped without recursion.
#[derive(Debug, Clone, Copy)]
pub(super) enum Object<'a> {
    /// Whatever a state dict has no use for: `None`, a truth value, a float, bytes, a device.
    Other,
    Whole(i64),
    Text(&'a str),
    Global(Global<'a>),
    Node(usize),
}

/// A value with an identity, in the list of all of them.
#[derive(Debug)]
pub(super) enum Node<'a> {
    /// A list, or a set.
    List(Vec<Object<'a>>),
    Tuple(Vec<Object<'a>>),
    Dict(Vec<(Object<'a>, Object<'a>)>),
    Storage(Box<Storage<'a>>),
    Tensor(Box<Tensor<'a>>),
}

/// A type of numbers, by its name in PyTorch; `None` if a state dict cannot take it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind<'a> {
    pub(super) name: &'a str,
    pub(super) element: Option<Element>,
}

/// Memory that tensors are views of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Storage<'a> {
    /// The type of its numbers; `None` if it is counted in bytes, and the tensor knows.
    pub(super) kind: Option<Kind<'a>>,
    /// The name of the member with its bytes.
    pub(super) key: &'a str,
    /// How many numbers (or bytes) it should have.
    pub(super) length: usize,
}

/// A view of a storage, all in numbers of it.
#[derive(Debug)]
pub(super) struct Tensor<'a> {
    pub(super) storage: Storage<'a>,
    pub(super) kind: Kind<'a>,
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<usize>,
}
