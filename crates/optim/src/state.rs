//! What an optimizer remembers of each parameter from one step to the next.

use crate::{Error, Result};
use gradus_linalg::Real;
use gradus_linalg::parallel;
use gradus_linalg::simd::vectorized;
use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD, IxDyn};

/// What a rule remembers of one parameter: how many steps it took, arrays of the parameter's shape, and single numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Slot<F> {
    /// The updates of this parameter so far.
    pub steps: u64,
    arrays: Vec<ArrayD<F>>,
    numbers: Vec<F>,
}

impl<F: Real> Slot<F> {
    /// The arrays, in the order of their names; zeros at first.
    ///
    /// # Panics
    /// If `K` is not the number of names that the [`State`] was made with.
    pub fn arrays<const K: usize>(&mut self) -> &mut [ArrayD<F>; K] {
        self.arrays.as_mut_slice().try_into().expect("the rule asks for as many arrays as it has named")
    }

    /// The single numbers, in the order of [`State::with_numbers`].
    ///
    /// # Panics
    /// If `K` is not how many numbers the [`State`] was made with.
    pub fn numbers<const K: usize>(&mut self) -> &mut [F; K] {
        self.numbers.as_mut_slice().try_into().expect("the rule asks for as many numbers as it has named")
    }

    /// The parameter's shape, if there is an array.
    pub(crate) fn shape(&self) -> Option<&[usize]> {
        self.arrays.first().map(|array| array.shape())
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
    /// The names of the single numbers, and what each is before the first step.
    numbers: &'static [(&'static str, f64)],
    slots: ByName<Slot<F>>,
}

impl<F: Real> State<F> {
    /// Nothing yet. `rule` is the optimizer's name, `names` those of the arrays that it needs for each parameter.
    #[must_use]
    pub fn new(rule: &'static str, names: &'static [&'static str]) -> Self {
        Self { rule, names, numbers: &[], slots: ByName::default() }
    }

    /// With single numbers beside the arrays of each parameter: their names, and what each is before the first step.
    /// They are saved as arrays without axes.
    ///
    /// # Examples
    /// ```
    /// use gradus_optim::State;
    /// let mut state = State::<f32>::new("mine", &["average"]).with_numbers(&[("decay_product", 1.0)]);
    /// let [product] = state.at("weight", &[2, 3])?.numbers();
    /// *product *= 0.5;
    /// let saved = state.save();
    /// assert_eq!((saved[0].arrays[1].0.as_str(), saved[0].arrays[1].1[[]]), ("decay_product", 0.5));
    /// # Ok::<(), gradus_optim::Error>(())
    /// ```
    #[must_use]
    pub fn with_numbers(self, numbers: &'static [(&'static str, f64)]) -> Self {
        Self { numbers, ..self }
    }

    /// The slot of a parameter, with arrays of its shape; of zeros if the parameter is new.
    ///
    /// # Errors
    /// [`Error::StateShape`] if the parameter had another shape before.
    pub fn at(&mut self, name: &str, shape: &[usize]) -> Result<&mut Slot<F>> {
        let (names, numbers) = (self.names, self.numbers);
        let slot = self.slots.find_or(name, || Slot {
            steps: 0,
            arrays: names.iter().map(|_| ArrayD::zeros(IxDyn(shape))).collect(),
            numbers: numbers.iter().map(|&(_, start)| F::from_f64(start)).collect(),
        });
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

    /// The slot of a parameter, if it was met before.
    pub(crate) fn get(&self, name: &str) -> Option<&Slot<F>> {
        self.slots.entries.iter().find(|(own, _)| own == name).map(|(_, slot)| slot)
    }

    /// A copy of every slot, in the order in which the parameters were first met.
    #[must_use]
    pub fn save(&self) -> Vec<SavedSlot<F>> {
        let saved = self.slots.entries.iter().map(|(name, slot)| {
            let numbers = slot.numbers.iter().map(|&number| ArrayD::from_elem(IxDyn(&[]), number));
            let arrays = slot.arrays.iter().cloned().chain(numbers);
            SavedSlot {
                parameter: name.clone(),
                rule: self.rule.to_owned(),
                steps: slot.steps,
                arrays: self.all_names().map(str::to_owned).zip(arrays).collect(),
            }
        });
        saved.collect()
    }

    /// Takes over what [`State::save`] returned, and forgets what was here.
    ///
    /// # Errors
    /// [`Error::StateArrays`] if another rule saved it, or this one under settings that need other arrays; nothing is
    /// changed then.
    pub fn load(&mut self, saved: Vec<SavedSlot<F>>) -> Result<()> {
        saved.iter().try_for_each(|slot| self.check(slot))?;
        let arrays_of_each = self.names.len();
        let entries = saved.into_iter().map(|saved| {
            let mut arrays: Vec<_> = saved.arrays.into_iter().map(|(_, array)| row_major(array)).collect();
            let numbers = arrays.split_off(arrays_of_each).into_iter().flatten().collect();
            (saved.parameter, Slot { steps: saved.steps, arrays, numbers })
        });
        self.slots = ByName { entries: entries.collect(), next: 0 };
        Ok(())
    }

    /// Whether this rule, under these settings, has saved a slot.
    pub(crate) fn check(&self, slot: &SavedSlot<F>) -> Result<()> {
        let fits = slot.arrays.iter().map(|(name, _)| name.as_str()).eq(self.all_names());
        if slot.rule == self.rule
            && fits
            && slot.arrays[self.names.len()..].iter().all(|(_, number)| number.ndim() == 0)
        {
            return Ok(());
        }
        let expected = self.all_names().map(str::to_owned).collect();
        Err(slot.refuse(self.rule, expected))
    }

    /// The names under which the arrays and the numbers are saved.
    fn all_names(&self) -> impl Iterator<Item = &'static str> {
        self.names.iter().copied().chain(self.numbers.iter().map(|&(name, _)| name))
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
    /// The parameter's name; `*` for what is remembered of all of them as one vector.
    pub parameter: String,
    /// The rule that remembers it.
    pub rule: String,
    /// The updates of the parameter so far.
    pub steps: u64,
    /// Arrays of the parameter's shape, and single numbers as arrays without axes, under PyTorch's names where it has one
    /// for them.
    pub arrays: Vec<(String, ArrayD<F>)>,
}

impl<F> SavedSlot<F> {
    /// The error of a rule that did not write this slot. What stands under a name it expects has the wrong shape: a
    /// single number would fit.
    pub(crate) fn refuse(&self, rule: &'static str, expected: Vec<String>) -> Error {
        let same = self.rule == rule && self.arrays.iter().map(|(name, _)| name).eq(&expected);
        let shown = |(name, array): &(String, ArrayD<F>)| {
            if same { format!("{name} of shape {:?}", array.shape()) } else { name.clone() }
        };
        Error::StateArrays {
            rule,
            name: self.parameter.clone(),
            found: self.arrays.iter().map(shown).collect(),
            expected,
            found_rule: self.rule.clone(),
        }
    }
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
                slot.steps = slot.steps.saturating_add(1);
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
