//! The door through which every operation comes onto the tape.

use crate::backward::Slots;
use crate::tape::{Backward, Entry, Node};
use crate::{Error, Tape, Value, Var};
use gradus_linalg::Real;
use std::panic::Location;

impl<F: Real> Tape<F> {
    /// Records an operation: its name, its inputs, its result, and the rule that maps the cotangent `dy` of the
    /// result to the gradients of the inputs.
    ///
    /// This is the door that the built-in operations use, and yours. The rule takes `dy` by value, so that it may
    /// turn it into a gradient in its own memory; it may return `None` for an input that needs none. What it needs
    /// of the values it captures: take [`Value`]s, which share memory, and not variables, which would keep the tape
    /// alive. It is dropped unrun where no gradient is wanted.
    ///
    /// # Examples
    /// Softsign, `y = x / (1 + |x|)`, with `dx = dy / (1 + |x|)²`:
    /// ```
    /// use gradus_autograd::{Tape, Var, ndarray::array};
    /// fn softsign(x: &Var<f64>) -> Var<f64> {
    ///     let y = x.value().mapv(|x| x / (1.0 + x.abs()));
    ///     let saved = x.value().clone();
    ///     x.tape().record("softsign", [x], y, move |mut dy| {
    ///         dy.zip_mut_with(&saved, |dy, x| *dy /= (1.0 + x.abs()).powi(2));
    ///         [dy]
    ///     })
    /// }
    /// let tape = Tape::recording();
    /// let x = tape.variable(array![1.0, -3.0]);
    /// let gradients = softsign(&x).sum().backward()?;
    /// assert_eq!(gradients.get(&x).unwrap(), &array![0.25, 0.0625].into_dyn());
    /// # Ok::<(), gradus_autograd::Error>(())
    /// ```
    #[track_caller]
    pub fn record<const N: usize, G: Into<Option<Value<F>>>>(
        &self,
        operation: &'static str,
        inputs: [&Var<F>; N],
        value: impl Into<Value<F>>,
        backward: impl FnOnce(Value<F>) -> [G; N] + 'static,
    ) -> Var<F> {
        self.record_into(operation, inputs, value, move |dy, slots| {
            for (input, gradient) in backward(dy).into_iter().enumerate() {
                if let Some(gradient) = gradient.into() {
                    slots.add(input, gradient);
                }
            }
        })
    }

    /// Like [`Tape::record`], with a rule that puts the gradients where they belong by itself: into [`Slots`], one
    /// for each input. A rule that can add to memory which is already there (a matrix product can) needs no
    /// temporary for it.
    #[track_caller]
    pub fn record_into<const N: usize>(
        &self,
        operation: &'static str,
        inputs: [&Var<F>; N],
        value: impl Into<Value<F>>,
        backward: impl FnOnce(Value<F>, &mut Slots<'_, F>) + 'static,
    ) -> Var<F> {
        let nodes = self.note_inputs(operation, inputs);
        self.record_nodes(operation, nodes, value.into(), backward)
    }

    /// What is the same for every rule, and need not be compiled again with each.
    fn note_inputs<const N: usize>(&self, operation: &'static str, inputs: [&Var<F>; N]) -> [Option<Node>; N] {
        self.note_foreign(operation, &inputs);
        self.note_operands(&inputs.map(Var::value));
        inputs.map(|v| v.node)
    }

    /// Records an operation with any number of inputs and outputs. The rule gets the cotangent of each output, or
    /// `None` for one that the loss does not depend on, and puts the gradients into [`Slots`].
    ///
    /// # Examples
    /// Sine and cosine at once, each of which the other's derivative needs:
    /// ```
    /// use gradus_autograd::{Tape, Value, ndarray::array};
    /// let tape = Tape::recording();
    /// let x = tape.variable(array![0.0, 1.0]);
    /// let (sin, cos): (Value<f64>, Value<f64>) = (x.value().mapv(f64::sin).into(), x.value().mapv(f64::cos).into());
    /// let slopes = [cos.clone(), sin.mapv(|s| -s).into()];
    /// let y = tape.record_many("sin_cos", &[&x], vec![sin, cos], move |dys, slots| {
    ///     for (dy, slope) in dys.into_iter().zip(slopes) {
    ///         if let Some(mut dy) = dy {
    ///             dy.zip_mut_with(&slope, |dy, slope| *dy *= slope);
    ///             slots.add(0, dy);
    ///         }
    ///     }
    /// });
    /// let gradients = (&y[0] + &y[1]).sum().backward()?; // cos x − sin x
    /// assert_eq!(gradients.get(&x).unwrap(), &array![1.0, 1f64.cos() - 1f64.sin()].into_dyn());
    /// # Ok::<(), gradus_autograd::Error>(())
    /// ```
    #[track_caller]
    pub fn record_many(
        &self,
        operation: &'static str,
        inputs: &[&Var<F>],
        values: Vec<Value<F>>,
        backward: impl FnOnce(Vec<Option<Value<F>>>, &mut Slots<'_, F>) + 'static,
    ) -> Vec<Var<F>> {
        self.note_foreign(operation, inputs);
        let location = Location::caller();
        if self.list.borrow().watching {
            self.note_operands(&inputs.iter().map(|v| v.value()).collect::<Vec<_>>());
        }
        let mut backward = Some(backward);
        let outputs = values.len() as u32;
        let nodes: Vec<Option<Node>> = inputs.iter().map(|v| v.node).collect();
        let variables = values.into_iter().enumerate().map(|(i, value)| {
            self.watch(operation, location, &value);
            let node = match backward.take() {
                Some(backward) if i == 0 => {
                    self.push(operation, location, &value, &nodes, || Backward::Many(outputs, Box::new(backward)))
                }
                _ => self.push(operation, location, &value, &nodes, || Backward::Further),
            };
            Var { value, tape: self.clone(), node }
        });
        variables.collect()
    }

    /// The door for operations that have consumed their operands; on a tape that watches, these have been noted.
    #[track_caller]
    pub(crate) fn record_nodes<const N: usize>(
        &self,
        operation: &'static str,
        inputs: [Option<Node>; N],
        value: Value<F>,
        backward: impl FnOnce(Value<F>, &mut Slots<'_, F>) + 'static,
    ) -> Var<F> {
        let location = Location::caller();
        self.watch(operation, location, &value);
        let node = self.push(operation, location, &value, &inputs, || Backward::One(Box::new(backward)));
        Var { value, tape: self.clone(), node }
    }

    /// Puts an operation on the list, if a gradient flows into any of its inputs.
    pub(crate) fn push(
        &self,
        operation: &'static str,
        location: &'static Location<'static>,
        value: &Value<F>,
        inputs: &[Option<Node>],
        backward: impl FnOnce() -> Backward<F>,
    ) -> Option<Node> {
        self.takes(inputs).then(|| self.put(operation, location, value, inputs, backward()))
    }

    /// Whether an operation with these inputs belongs on the list.
    fn takes(&self, inputs: &[Option<Node>]) -> bool {
        // A tape that no longer records has been walked since its inputs were made.
        inputs.iter().any(Option::is_some) && self.list.borrow().recording
    }

    fn put(
        &self,
        operation: &'static str,
        location: &'static Location<'static>,
        value: &Value<F>,
        inputs: &[Option<Node>],
        backward: Backward<F>,
    ) -> Node {
        let mut list = self.list.borrow_mut();
        let first = u32::try_from(list.inputs.len()).expect("memory ends before 2³² inputs");
        list.inputs.extend_from_slice(inputs);
        let entry = Entry {
            operation,
            location,
            shape: value.raw_dim(),
            inputs: (first, inputs.len() as u32),
            backward,
            retain: false,
        };
        let node = list.push(entry);
        if list.watching {
            let operands = std::mem::take(&mut list.operands);
            list.kept.push((node, operands));
        }
        if list.observer.is_some() {
            drop(list); // the observer may use the tape
            self.show(node, operation, location, value);
        }
        node
    }

    /// An operation that returns no `Result` cannot refuse an operand of another tape; `backward` will.
    fn note_foreign(&self, operation: &'static str, inputs: &[&Var<F>]) {
        if inputs.iter().any(|v| !v.tape.is(self)) {
            self.list.borrow_mut().fault.get_or_insert(Error::ForeignVar { operation });
        }
    }
}
