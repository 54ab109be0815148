//! Running a layer with other numbers in the place of its parameters, through which gradients flow.

use crate::{Error, penalty};
use gradus_autograd::{Leaf, LeafId, Real, Tape, Var};
use gradus_nn_layers::{Glob, ItemMut, Layer, Parameter, Result};

/// [`forward_with`] `change(w)` in the place of each parameter whose name the pattern matches; without a pattern, of every one but
/// biases.
///
/// # Errors
/// As [`forward_with`], and [`Error::NothingPicked`].
#[track_caller]
pub(crate) fn forward_with_picked<F: Real, L: Layer<F> + Clone>(
    operation: &'static str,
    layer: &L,
    which: Option<&Glob>,
    x: &Var<F>,
    change: &dyn Fn(&Var<F>) -> Result<Var<F>>,
) -> Result<Var<F>> {
    let mut picked = false;
    let y = forward_with(operation, layer, x, &mut |name, w| {
        if !which.map_or_else(|| penalty::all_but_biases(name), |glob| glob.matches(name)) {
            return Ok(w.clone());
        }
        picked = true;
        change(w)
    })?;
    if !picked {
        let names = layer.parameters().into_iter().map(|(name, _)| name).collect();
        return Err(Error::NothingPicked { operation, names }.into());
    }
    Ok(y)
}

/// What takes the place of the parameter of this name.
type Change<'a, F> = dyn FnMut(&str, &Var<F>) -> Result<Var<F>> + 'a;

/// The layer's output for `x` with `change(name, w)` in the place of each parameter `w`.
///
/// ```text
/// y = f(x; w̃),  w̃ = change(w)        dx = (∂f/∂x)ᵀ dy,  dw̃ = (∂f/∂w̃)ᵀ dy
/// ```
///
/// A copy of the layer, which shares the memory of what is not changed, runs on a tape of its own. On the tape of `x` this is one entry
/// from `x` and all `w̃` to `y`, whose rule walks the other tape.
///
/// # Errors
/// What the layer or `change` returns; [`Error::LayerWithBuffers`], for what a copy notes about its buffers would be lost.
#[track_caller]
pub(crate) fn forward_with<F: Real, L: Layer<F> + Clone>(
    operation: &'static str,
    layer: &L,
    x: &Var<F>,
    change: &mut Change<'_, F>,
) -> Result<Var<F>> {
    if let Some((buffer, _)) = layer.buffers().into_iter().next() {
        return Err(Error::LayerWithBuffers { operation, buffer }.into());
    }
    let tape = x.tape();
    let changed = layer.parameters().into_iter().map(|(name, parameter)| change(&name, &tape.parameter(parameter)));
    let changed: Vec<Var<F>> = changed.collect::<Result<_>>()?;

    let (mut copy, mut ids): (L, Vec<LeafId>) = (layer.clone(), Vec::with_capacity(changed.len()));
    let mut next = changed.iter();
    copy.visit_mut(&mut |_, item| {
        if let (ItemMut::Parameter(parameter), Some(w)) = (item, next.next()) {
            *parameter = Parameter::new(w.value().clone());
            parameter.set_trainable(w.needs_gradient());
            ids.push(parameter.id());
        }
    });

    let inner = match tape.random(|rng| Tape::training(rng)) {
        Some(training) => training,
        None if tape.is_recording() => Tape::recording(),
        None => Tape::inference(),
    };
    let value = x.value().clone();
    let input = if x.needs_gradient() { inner.variable(value) } else { inner.input(value) };
    let y = copy.forward(&input)?;

    let inputs: Vec<&Var<F>> = std::iter::once(x).chain(&changed).collect();
    let value = y.value().clone();
    let mut recorded = tape.record_many(operation, &inputs, vec![value], move |dys, slots| {
        let Some(dy) = dys.into_iter().flatten().next() else { return };
        // An error says that the output depends on nothing that wants a gradient: then there is none.
        let Ok(gradients) = y.backward_with(dy) else { return };
        let of_input = gradients.get(&input).cloned();
        let of_parameters: Vec<_> = ids.iter().map(|&id| gradients.get_id(id).cloned()).collect();
        drop(gradients); // so that nothing else shares the memory
        for (place, gradient) in std::iter::once(of_input).chain(of_parameters).enumerate() {
            if let Some(gradient) = gradient {
                slots.add(place, gradient);
            }
        }
    });
    Ok(recorded.pop().expect("one value was recorded"))
}
