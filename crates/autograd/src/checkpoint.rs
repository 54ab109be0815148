//! Values computed again instead of kept.

use crate::backward::{Slots, Walk};
use crate::tape::{Backward, Node, Stream, same_tape};
use crate::{Error, LeafId, Result, Tape, Value, Var};
use gradus_linalg::Real;
use std::panic::Location;

/// Runs a block of a computation without keeping what its backward step needs; `backward` runs it again for that.
///
/// ```text
/// y = block(x)        dx: the block is recorded from x, walked from dy, and forgotten
/// ```
///
/// The memory of a chain of `n` operations in blocks of `√n` grows as `√n` instead of `n`, at the price of a second
/// forward pass. Nothing else changes: values and gradients have the same bits as without it, parameters that the block
/// puts on the tape of its inputs receive their gradients, and dropout drops the same places again. Blocks may stand
/// within blocks. On a tape that records nothing, the block is simply run.
///
/// The block is kept until `backward` has run, so that it owns what it uses: an [`Rc`](std::rc::Rc) of a layer, say. It
/// takes the tape from its inputs, and must not bring variables along from outside: these would be constants, of a
/// foreign tape.
///
/// # Errors
/// What the block returns; [`Error::Empty`] without inputs, [`Error::ForeignVar`] if variables of different tapes meet.
/// If the block fails when it runs again, `backward` returns [`Error::Checkpoint`].
///
/// # Examples
/// ```
/// use gradus_autograd::{Error, Tape, checkpoint, ndarray::array};
/// let tape = Tape::recording();
/// let x = tape.variable(array![0.5, 1.0]);
/// let y = checkpoint(&[&x], |x| Ok::<_, Error>(x[0].exp().sin().exp()))?;
/// assert_eq!(tape.len(), 2); // the variable and the block
/// let gradients = y.sum().backward()?;
/// let e = 1f64.exp();
/// assert_eq!(gradients.get(&x).unwrap()[[1]], e.sin().exp() * e.cos() * e);
/// # Ok::<(), Error>(())
/// ```
///
/// # References
/// A. Griewank, A. Walther, *Algorithm 799: revolve*, ACM Transactions on Mathematical Software 26(1), 2000;
/// T. Chen, B. Xu, C. Zhang, C. Guestrin, *Training deep nets with sublinear memory cost*, 2016,
/// <https://arxiv.org/abs/1604.06174>
#[track_caller]
pub fn checkpoint<F, E>(
    inputs: &[&Var<F>],
    block: impl Fn(&[Var<F>]) -> Result<Var<F>, E> + 'static,
) -> Result<Var<F>, E>
where
    F: Real,
    E: From<Error> + std::error::Error + Send + Sync + 'static,
{
    let operation = "checkpoint";
    let Some((first, others)) = inputs.split_first() else { return Err(Error::Empty { operation }.into()) };
    for other in others {
        same_tape(operation, first, other)?;
    }
    let outer = first.tape();
    if !outer.is_recording() {
        let inputs: Vec<_> = inputs.iter().map(|&x| x.clone()).collect();
        return block(&inputs);
    }

    let start = outer.list.borrow().training;
    let watching = outer.list.borrow().watching;
    let inner = Tape::within(false, start, watching);
    let values: Vec<Value<F>> = inputs.iter().map(|x| x.value().clone()).collect();
    let y = block(&values.iter().map(|x| inner.input(x.clone())).collect::<Vec<_>>())?;
    if !y.tape().is(&inner) {
        return Err(Error::ForeignVar { operation }.into());
    }
    let (y, leaves) = (y.value().clone(), outer.adopt(&inner));

    let location = Location::caller();
    let mut nodes: Vec<Option<Node>> = inputs.iter().map(|x| x.node).collect();
    for (id, value) in &leaves {
        nodes.push(outer.bind(*id, value, location));
    }
    let again = Again {
        nodes: nodes[..values.len()].to_vec(),
        bound: nodes[..values.len()].iter().map(|&node| outer.leaf_at(node)).collect(),
        inputs: values,
        leaves: leaves.into_iter().map(|(id, _)| id).collect(),
        start,
        watching,
    };
    outer.note_operands(&inputs.iter().map(|x| x.value()).collect::<Vec<_>>());
    outer.watch(operation, location, &y);
    let rule = move |dy, slots: &mut Slots<'_, F>| {
        if let Err(error) = again.run(&|x| Ok(block(x)?), dy, slots) {
            slots.fail(error);
        }
    };
    let node = outer.push(operation, location, &y, &nodes, || Backward::One(Box::new(rule)));
    Ok(Var { value: y, tape: outer.clone(), node })
}

/// A block, whatever its type: what runs it again is compiled once.
type Block<'b, F> = dyn Fn(&[Var<F>]) -> Result<Var<F>, Box<dyn std::error::Error + Send + Sync>> + 'b;

/// What it takes to run a block again.
struct Again<F: Real> {
    inputs: Vec<Value<F>>,
    /// The places of the inputs on the outer tape.
    nodes: Vec<Option<Node>>,
    /// Those of the inputs that are parameters themselves.
    bound: Vec<Option<LeafId>>,
    leaves: Vec<LeafId>,
    start: Option<Stream>,
    watching: bool,
}

impl<F: Real> Again<F> {
    fn run(self, block: &Block<'_, F>, dy: Value<F>, slots: &mut Slots<'_, F>) -> Result<()> {
        let location = slots.location();
        let tape = Tape::within(true, self.start, self.watching);
        let mut variables: Vec<Var<F>> = Vec::with_capacity(self.inputs.len());
        for (i, value) in self.inputs.into_iter().enumerate() {
            // The same variable given twice is one variable here too.
            let same = (0..i).find(|&earlier| self.nodes[i].is_some() && self.nodes[earlier] == self.nodes[i]);
            let variable = match same {
                Some(earlier) => variables[earlier].clone(),
                None if self.nodes[i].is_some() => tape.variable(value),
                None => tape.input(value),
            };
            if let (Some(id), Some(node)) = (self.bound[i], variable.node) {
                tape.bind_to(id, node);
            }
            variables.push(variable);
        }
        let y = block(&variables).map_err(|source| Error::Checkpoint { location, source })?;
        if y.shape() != dy.shape() {
            let (expected, found) = (dy.shape().to_vec(), y.shape().to_vec());
            return Err(Error::CheckpointShape { location, expected, found });
        }
        let Some(root) = y.node else { return Ok(()) }; // the result depends on nothing that wants a gradient

        // The gradients so far go in, so that every sum is built in the order that it has without a checkpoint.
        let mut seeds = Vec::new();
        let mut places = Vec::new();
        for (i, variable) in variables.iter().enumerate() {
            places.push((i, variable.node));
        }
        for (j, &id) in self.leaves.iter().enumerate() {
            places.push((variables.len() + j, tape.place_of(id)));
        }
        places.retain(|&(_, node)| node.is_some_and(|node| node <= root));
        for &(slot, node) in &places {
            // What the block hands through as its result is added at the end.
            if let Some(node) = node.filter(|&node| node != root)
                && let Some(sum) = slots.take(slot)
            {
                seeds.push((node, sum));
            }
        }
        let ids: Vec<Option<LeafId>> = places.iter().map(|&(_, node)| tape.leaf_at(node)).collect();
        drop(variables);
        let mut walk = Walk::begin(&y, dy, seeds)?;
        drop(y);
        while walk.step()? {}
        let mut gradients = walk.finish();
        for ((slot, node), id) in places.into_iter().zip(ids) {
            let of_variable = node.and_then(|node| gradients.take_node(node));
            if let Some(gradient) = of_variable.or_else(|| gradients.take_leaf(id?)) {
                slots.add(slot, gradient);
            }
        }
        Ok(())
    }
}

impl<F: Real> Tape<F> {
    /// A tape for a block of a computation on another.
    fn within(recording: bool, start: Option<Stream>, watching: bool) -> Self {
        let tape = Self::new(recording, start);
        {
            let mut list = tape.list.borrow_mut();
            list.watching = watching;
            list.noted = (!recording).then(Vec::new);
        }
        tape
    }

    /// Takes over what a block that ran on a tape of its own has left, and returns the parameters that it used.
    fn adopt(&self, inner: &Self) -> Vec<(LeafId, Value<F>)> {
        let (mut list, mut inner) = (self.list.borrow_mut(), inner.list.borrow_mut());
        list.training = inner.training;
        list.updates.append(&mut inner.updates);
        if list.non_finite.is_none() {
            list.non_finite = inner.non_finite.take();
        }
        let mut leaves = inner.noted.take().unwrap_or_default();
        leaves.sort_by_key(|&(id, _)| id);
        leaves.dedup_by_key(|&mut (id, _)| id);
        leaves
    }

    fn leaf_at(&self, node: Option<Node>) -> Option<LeafId> {
        match self.list.borrow().entries.get(node? as usize)?.backward {
            Backward::Leaf(id) => id,
            _ => None,
        }
    }

    fn place_of(&self, id: LeafId) -> Option<Node> {
        self.list.borrow().bound.iter().find(|&&(bound, _)| bound == id).map(|&(_, node)| node)
    }

    /// Has a parameter stand where a variable already does.
    fn bind_to(&self, id: LeafId, node: Node) {
        let mut list = self.list.borrow_mut();
        if let Err(place) = list.bound.binary_search_by_key(&id, |&(id, _)| id) {
            list.bound.insert(place, (id, node));
        }
    }
}
