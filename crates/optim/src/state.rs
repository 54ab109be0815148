//! What an optimizer remembers of each parameter from one step to the next.

use crate::{Error, Result};
use gradus_linalg::Real;
use gradus_linalg::parallel;
use gradus_linalg::simd::vectorized;
use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD, IxDyn};

/// What a rule remembers of one parameter: how many steps it took, and arrays of the parameter's shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Slot<F> {
    /// The updates of this parameter so far.
    pub steps: u64,
    arrays: Vec<ArrayD<F>>,
}

impl<F: Real> Slot<F> {
    /// The arrays, in the order of their names; zeros at first.
    ///
    /// # Panics
    /// If `K` is not the number of names that the [`State`] was made with.
    pub fn arrays<const K: usize>(&mut self) -> &mut [ArrayD<F>; K] {
        self.arrays.as_mut_slice().try_into().expect("the rule asks for as many arrays as it has named")
    }
}

/// The memory of an optimizer: a [`Slot`] for each parameter, found by the parameter's name.
///
/// Parameters come in the same order at every step, so that the next slot is nearly always the one asked for: one
/// comparison of names, and nothing is hashed.
///
/// # Examples
/// Momentum, in five lines:
/// ```
/// use gradus_optim::{Result, State, fused, ndarray::{ArrayViewD, ArrayViewMutD}};
/// fn update(state: &mut State, name: &str, param: ArrayViewMutD<'_, f32>, grad: ArrayViewD<'_, f32>) -> Result<()> {
///     let slot = state.at(name, param.shape())?;
///     fused(param, grad, slot.arrays(), |p, g, [velocity]| {
///         *velocity = 0.9 * *velocity + g;
///         *p -= 0.1 * *velocity;
///     });
///     Ok(())
/// }
/// let mut state = State::new("heavy ball", &["velocity"]);
/// # let mut w = gradus_optim::ndarray::arr1(&[1.0]).into_dyn();
/// # let g = w.clone();
/// update(&mut state, "weight", w.view_mut(), g.view())?;
/// assert_eq!(state.save()[0].arrays[0].0, "velocity");
/// # Ok::<(), gradus_optim::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct State<F = f32> {
    rule: &'static str,
    names: &'static [&'static str],
    slots: ByName<Slot<F>>,
}

impl<F: Real> State<F> {
    /// Nothing yet. `rule` is the optimizer's name, `names` those of the arrays that it needs for each parameter.
    #[must_use]
    pub fn new(rule: &'static str, names: &'static [&'static str]) -> Self {
        Self { rule, names, slots: ByName::default() }
    }

    /// The slot of a parameter, with arrays of its shape; of zeros if the parameter is new.
    ///
    /// # Errors
    /// [`Error::StateShape`] if the parameter had another shape before.
    pub fn at(&mut self, name: &str, shape: &[usize]) -> Result<&mut Slot<F>> {
        let names = self.names;
        let slot = self
            .slots
            .find_or(name, || Slot { steps: 0, arrays: names.iter().map(|_| ArrayD::zeros(IxDyn(shape))).collect() });
        match slot.arrays.iter().find(|array| array.shape() != shape) {
            None => Ok(slot),
            Some(array) => Err(Error::StateShape {
                rule: self.rule,
                name: name.to_owned(),
                parameter: shape.to_vec(),
                state: array.shape().to_vec(),
            }),
        }
    }

    /// A copy of every slot, in the order in which the parameters were first met.
    #[must_use]
    pub fn save(&self) -> Vec<SavedSlot<F>> {
        let saved = self.slots.entries.iter().map(|(name, slot)| SavedSlot {
            parameter: name.clone(),
            rule: self.rule.to_owned(),
            steps: slot.steps,
            arrays: self.names.iter().map(|&name| name.to_owned()).zip(slot.arrays.iter().cloned()).collect(),
        });
        saved.collect()
    }

    /// Takes over what [`State::save`] returned, and forgets what was here.
    ///
    /// # Errors
    /// [`Error::StateArrays`] if another rule saved it, or this one under settings that need other arrays; nothing is
    /// changed then.
    pub fn load(&mut self, saved: Vec<SavedSlot<F>>) -> Result<()> {
        for slot in &saved {
            if slot.rule != self.rule || !slot.arrays.iter().map(|(name, _)| name).eq(self.names) {
                return Err(Error::StateArrays {
                    rule: self.rule,
                    name: slot.parameter.clone(),
                    expected: self.names.iter().map(|&name| name.to_owned()).collect(),
                    found_rule: slot.rule.clone(),
                    found: slot.arrays.iter().map(|(name, _)| name.clone()).collect(),
                });
            }
        }
        let entries = saved.into_iter().map(|saved| {
            let arrays = saved.arrays.into_iter().map(|(_, array)| row_major(array)).collect();
            (saved.parameter, Slot { steps: saved.steps, arrays })
        });
        self.slots = ByName { entries: entries.collect(), next: 0 };
        Ok(())
    }
}

/// An optimizer's state as plain data, to be kept, written to a file, restored.
#[derive(Debug, Clone, PartialEq)]
pub struct OptimizerState<F = f32> {
    /// The learning rate in force.
    pub lr: f64,
    /// What is remembered of each parameter, in the order in which the parameters were first met.
    pub slots: Vec<SavedSlot<F>>,
}

/// What is remembered of one parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedSlot<F = f32> {
    /// The parameter's name.
    pub parameter: String,
    /// The rule that remembers it.
    pub rule: String,
    /// The updates of the parameter so far.
    pub steps: u64,
    /// Arrays of the parameter's shape, under PyTorch's names where it has one for them.
    pub arrays: Vec<(String, ArrayD<F>)>,
}

/// Calls `f(parameter, gradient, what is remembered)` for every element, in one pass over memory.
///
/// Over row-major arrays the loop is compiled for the widest vectors of the processor, and large arrays are divided among
/// the threads of the current rayon pool: no element knows of another, so the bits are the same for any number of them.
///
/// # Panics
/// If the shapes differ.
pub fn fused<F: Real, const K: usize>(
    mut param: ArrayViewMutD<'_, F>,
    grad: ArrayViewD<'_, F>,
    arrays: &mut [ArrayD<F>; K],
    f: impl Fn(&mut F, F, [&mut F; K]) + Sync,
) {
    let same = param.shape() == grad.shape() && arrays.iter().all(|array| array.shape() == param.shape());
    assert!(same, "fused: the shapes differ");
    let mut arrays = arrays.each_mut().map(|array| array.as_slice_mut().expect("state is row-major"));
    match (param.as_slice_mut(), grad.as_slice()) {
        (Some(param), Some(grad)) => pieces(param, grad, arrays, &f),
        _ => {
            for (i, (param, &grad)) in param.iter_mut().zip(&grad).enumerate() {
                f(param, grad, arrays.each_mut().map(|array| &mut array[i]));
            }
        }
    }
}

/// Halves what is long enough for two threads, and goes through the rest.
fn pieces<F: Real, const K: usize>(
    param: &mut [F],
    grad: &[F],
    arrays: [&mut [F]; K],
    f: &(impl Fn(&mut F, F, [&mut F; K]) + Sync),
) {
    if parallel::is_worth(param.len()) {
        let middle = param.len() / 2;
        let ((param, param_rest), (grad, grad_rest)) = (param.split_at_mut(middle), grad.split_at(middle));
        let none = || std::array::from_fn::<&mut [F], K, _>(|_| Default::default());
        let (mut first, mut rest) = (none(), none());
        for (array, (first, rest)) in arrays.into_iter().zip(first.iter_mut().zip(&mut rest)) {
            (*first, *rest) = array.split_at_mut(middle);
        }
        let halves = (|| pieces(param, grad, first, f), || pieces(param_rest, grad_rest, rest, f));
        parallel::join(2 * middle, halves.0, halves.1);
        return;
    }
    vectorized(
        // Everything moves in: a length that stands behind a pointer might change with every store.
        #[inline(always)]
        move || {
            // Cut to one length, so that no index needs a check inside the loop.
            let n = param.len();
            let (param, grad, mut arrays) = (&mut param[..n], &grad[..n], arrays.map(|array| &mut array[..n]));
            for i in 0..n {
                f(&mut param[i], grad[i], arrays.each_mut().map(|array| &mut array[i]));
            }
        },
    );
}

fn row_major<F: Real>(array: ArrayD<F>) -> ArrayD<F> {
    if array.is_standard_layout() { array } else { array.as_standard_layout().into_owned() }
}

/// Values by name, in the order in which the names were first met.
#[derive(Debug, Clone)]
pub(crate) struct ByName<T> {
    entries: Vec<(String, T)>,
    /// Where the next name is expected.
    next: usize,
}

impl<T> Default for ByName<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), next: 0 }
    }
}

impl<T> ByName<T> {
    pub(crate) fn find_or(&mut self, name: &str, make: impl FnOnce() -> T) -> &mut T {
        let next = if self.next < self.entries.len() { self.next } else { 0 };
        // Where some parameters had no gradient this time, the one asked for is a little further on.
        let (before, after) = self.entries.split_at(next);
        let found = |entries: &[(String, T)]| entries.iter().position(|(own, _)| own == name);
        let place = found(after).map(|place| next + place).or_else(|| found(before));
        let place = place.unwrap_or_else(|| {
            self.entries.push((name.to_owned(), make()));
            self.entries.len() - 1
        });
        self.next = place + 1;
        &mut self.entries[place].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn slots_are_found_in_any_order() {
        let mut state = State::<f64>::new("rule", &["a"]);
        for order in [["x", "y", "z"], ["x", "y", "z"], ["z", "x", "y"], ["y", "z", "x"]] {
            for name in order {
                let slot = state.at(name, &[2]).unwrap();
                slot.steps += 1;
                slot.arrays::<1>()[0] += f64::from(name.as_bytes()[0]);
            }
        }
        state.at("y", &[2]).unwrap().steps += 1; // the others had no gradient
        let saved = state.save();
        assert_eq!(
            saved.iter().map(|s| (s.parameter.as_str(), s.steps)).collect::<Vec<_>>(),
            [("x", 4), ("y", 5), ("z", 4)]
        );
        assert_eq!(saved[1].arrays, [("a".to_owned(), array![484.0, 484.0].into_dyn())]);
    }

    #[test]
    fn a_state_that_does_not_fit_is_refused_and_nothing_changes() {
        let mut state = State::<f64>::new("rule", &["a"]);
        state.at("x", &[2]).unwrap().steps = 7;
        assert_eq!(
            state.at("x", &[3]).unwrap_err().to_string(),
            "rule: x: the parameter has shape [3], the optimizer's state [2]; is it another model's?"
        );
        let mut other = State::<f64>::new("rule", &["a", "b"]);
        other.at("x", &[2]).unwrap();
        assert_eq!(
            state.load(other.save()).unwrap_err().to_string(),
            "rule: restore: x: needs rule with [\"a\"], found rule with [\"a\", \"b\"]"
        );
        assert_eq!(state.at("x", &[2]).unwrap().steps, 7);
    }

    #[test]
    fn any_layout_gives_the_same_numbers() {
        let grad = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]].into_dyn();
        let mut plain = ArrayD::<f64>::zeros(IxDyn(&[2, 3]));
        let mut turned = ArrayD::<f64>::zeros(IxDyn(&[3, 2])).reversed_axes();
        for param in [&mut plain, &mut turned] {
            let mut state = State::new("rule", &["a"]);
            for _ in 0..2 {
                let slot = state.at("x", &[2, 3]).unwrap();
                fused(param.view_mut(), grad.view(), slot.arrays(), |p, g, [a]| {
                    *a += g;
                    *p -= *a;
                });
            }
        }
        assert_eq!(plain, grad * -3.0);
        assert_eq!(plain, turned);
    }

    #[test]
    fn the_number_of_threads_changes_no_bit() {
        let update = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let grad = ArrayD::from_shape_fn(IxDyn(&[300_001]), |at| (at[0] as f32).sin());
            let (mut param, mut state) = (grad.clone(), State::<f32>::new("rule", &["a", "b"]));
            for _ in 0..2 {
                let arrays = state.at("x", &[300_001]).unwrap().arrays();
                pool.install(|| {
                    fused(param.view_mut(), grad.view(), arrays, |p, g, [a, b]| {
                        *a = 0.9 * *a + g;
                        *b = 0.99 * *b + g * g;
                        *p -= *a / (b.sqrt() + 1e-8);
                    });
                });
            }
            (param, state.save())
        };
        let alone = update(1);
        assert_eq!(update(2), alone);
        assert_eq!(update(5), alone);
    }
}
