//! The names of the tensors in nested containers: the keys on the way to them, joined by dots.

use super::super::budget::Budget;
use super::object::{Node, Object, Tensor};
use crate::{Error, Result};
use std::fmt::Write;

/// Every tensor below the root with its name. `most` bounds how many values are visited: a container that is held twice
/// counts twice, and a short pickle may hold itself twice, thirty times over.
pub(super) fn names<'n, 'a>(
    root: Object<'a>,
    nodes: &'n [Node<'a>],
    most: usize,
    budget: &mut Budget,
) -> Result<Vec<(String, &'n Tensor<'a>)>> {
    let mut walk = Walk { nodes, path: String::new(), open: Vec::new(), left: most, budget, found: Vec::new() };
    walk.visit(root, true)?;
    Ok(walk.found)
}

/// How deep containers may be nested. It bounds the recursion, too.
const DEEPEST: usize = 64;

struct Walk<'n, 'a, 'b> {
    nodes: &'n [Node<'a>],
    path: String,
    /// The containers that the walk is in.
    open: Vec<usize>,
    left: usize,
    budget: &'b mut Budget,
    found: Vec<(String, &'n Tensor<'a>)>,
}

impl<'n, 'a> Walk<'n, 'a, '_> {
    /// `named` is whether every key up to here can be part of a name.
    fn visit(&mut self, object: Object<'a>, named: bool) -> Result<()> {
        let Object::Node(node) = object else { return Ok(()) };
        let children: &mut dyn Iterator<Item = (Object<'a>, Object<'a>)> = match &self.nodes[node] {
            Node::Tensor(tensor) if named => {
                self.budget.spend("names", (self.path.len() + size_of::<(String, &Tensor<'_>)>()) as u64)?;
                self.found.push((self.path.clone(), tensor));
                return Ok(());
            }
            Node::Tensor(_) => return Err(self.fault("a tensor under a key that is neither text nor a whole number")),
            Node::Storage(_) => return Ok(()),
            Node::List(items) | Node::Tuple(items) => {
                &mut items.iter().enumerate().map(|(i, &item)| (Object::Whole(i as i64), item))
            }
            Node::Dict(pairs) => &mut pairs.iter().copied(),
        };
        if self.open.contains(&node) {
            return Err(self.fault("a container that holds itself"));
        }
        if self.open.len() == DEEPEST {
            return Err(self.fault("containers are nested deeper than 64"));
        }
        self.open.push(node);
        for (key, value) in children {
            self.left = self.left.checked_sub(1).ok_or_else(|| self.fault("the same containers are held too often"))?;
            if !matches!(value, Object::Node(_)) {
                continue;
            }
            // A long key may be held very often, too.
            self.budget.spend("names", if let Object::Text(key) = key { key.len() as u64 } else { 0 })?;
            let length = self.path.len();
            let dot = if self.open.len() == 1 { "" } else { "." };
            let written = match key {
                Object::Text(key) => write!(self.path, "{dot}{key}"),
                Object::Whole(key) => write!(self.path, "{dot}{key}"),
                _ => write!(self.path, "{dot}?"),
            };
            written.expect("writing to a string cannot fail");
            self.visit(value, named && matches!(key, Object::Text(_) | Object::Whole(_)))?;
            self.path.truncate(length);
        }
        self.open.pop();
        Ok(())
    }

    fn fault(&self, reason: &'static str) -> Error {
        const SHOWN: usize = 200;
        Error::Nesting { path: self.path.chars().take(SHOWN).collect(), reason }
    }
}
