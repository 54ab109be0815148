//! One case: an operation's arguments, inputs, outputs and gradients.

use std::collections::BTreeMap;
use std::error::Error;

use ndarray::ArrayD;
use serde_json::{Map, Value};

use super::Tensor;
use crate::Float;

/// One case of the golden data.
///
/// Methods that take a name panic, and say what the case has instead, if nothing of that name and type is there; inside
/// [`check`](super::check) such a panic is reported as a failure of that case. Their `try_` forms return `None` where nothing of the name is there,
/// and still panic if its type is another.
#[derive(Debug, Clone)]
pub struct Case {
    /// The case's own name, unique in the set.
    pub name: String,
    /// The operation's name, as in PyTorch.
    pub op: String,
    pub(super) args: Map<String, Value>,
    inputs: Vec<String>,
    outputs: Vec<String>,
    cotangents: BTreeMap<String, String>,
    grads: BTreeMap<String, String>,
    tensors: BTreeMap<String, Tensor>,
}

impl Case {
    /// Joins a line of the index and the tensors under its name, which it takes out of the map.
    pub(super) fn new(entry: &Value, tensors: &mut BTreeMap<String, BTreeMap<String, Tensor>>) -> Self {
        let text = |key: &str| {
            entry[key].as_str().unwrap_or_else(|| panic!("index: `{key}` is no string in {entry}")).to_owned()
        };
        let list = |key: &str| -> Vec<String> {
            let items = entry[key].as_array().into_iter().flatten();
            items.map(|item| item.as_str().expect("names are strings").to_owned()).collect()
        };
        let map = |key: &str| -> BTreeMap<String, String> {
            let items = entry[key].as_object().into_iter().flatten();
            items.map(|(k, v)| (k.clone(), v.as_str().expect("names are strings").to_owned())).collect()
        };
        let name = text("case");
        Self {
            op: text("op"),
            args: entry["args"].as_object().cloned().unwrap_or_default(),
            inputs: list("inputs"),
            outputs: list("outputs"),
            cotangents: map("cotangents"),
            grads: map("grads"),
            tensors: tensors.remove(&name).unwrap_or_default(),
            name,
        }
    }

    /// The names of the inputs, in the index's order.
    pub fn input_names(&self) -> impl Iterator<Item = &str> {
        self.inputs.iter().map(String::as_str)
    }

    /// The names of the outputs, in the index's order.
    pub fn output_names(&self) -> impl Iterator<Item = &str> {
        self.outputs.iter().map(String::as_str)
    }

    /// Whether the case gives an input of this name.
    #[must_use]
    pub fn has_input(&self, name: &str) -> bool {
        self.inputs.iter().any(|input| input == name)
    }

    /// Whether the case has an output of this name.
    #[must_use]
    pub fn has_output(&self, name: &str) -> bool {
        self.outputs.iter().any(|output| output == name)
    }

    /// The element type of an input or output: `f64`, `f32`, `i64` or `BOOL`.
    #[must_use]
    pub fn kind(&self, name: &str) -> &'static str {
        self.tensor(name).kind()
    }

    /// An input, in `f64`.
    #[must_use]
    pub fn input(&self, name: &str) -> ArrayD<f64> {
        self.input_as(name)
    }

    /// An input that need not be given, in `f64`.
    #[must_use]
    pub fn try_input(&self, name: &str) -> Option<ArrayD<f64>> {
        self.try_input_as(name)
    }

    /// An input, rounded to `F`.
    #[must_use]
    pub fn input_as<F: Float>(&self, name: &str) -> ArrayD<F> {
        self.try_input_as(name).unwrap_or_else(|| self.absent("input", name, &self.inputs))
    }

    /// An input that need not be given, rounded to `F`.
    #[must_use]
    pub fn try_input_as<F: Float>(&self, name: &str) -> Option<ArrayD<F>> {
        self.has_input(name).then(|| self.floats(name))
    }

    /// An output, in `f64`.
    #[must_use]
    pub fn output(&self, name: &str) -> ArrayD<f64> {
        self.output_as(name)
    }

    /// An output that need not be there, in `f64`.
    #[must_use]
    pub fn try_output(&self, name: &str) -> Option<ArrayD<f64>> {
        self.has_output(name).then(|| self.floats(name))
    }

    /// An output, rounded to `F`.
    #[must_use]
    pub fn output_as<F: Float>(&self, name: &str) -> ArrayD<F> {
        if !self.has_output(name) {
            self.absent("output", name, &self.outputs)
        }
        self.floats(name)
    }

    /// The gradient that flows in at an output, in `f64`.
    #[must_use]
    pub fn cotangent(&self, output: &str) -> ArrayD<f64> {
        self.cotangent_as(output)
    }

    /// The gradient that flows in at an output, in `f64`; `None` if the output does not count.
    #[must_use]
    pub fn try_cotangent(&self, output: &str) -> Option<ArrayD<f64>> {
        self.try_cotangent_as(output)
    }

    /// The gradient that flows in at an output, rounded to `F`.
    #[must_use]
    pub fn cotangent_as<F: Float>(&self, output: &str) -> ArrayD<F> {
        self.try_cotangent_as(output).unwrap_or_else(|| self.absent("cotangent of", output, self.cotangents.keys()))
    }

    /// The gradient that flows in at an output, rounded to `F`; `None` if the output does not count.
    #[must_use]
    pub fn try_cotangent_as<F: Float>(&self, output: &str) -> Option<ArrayD<F>> {
        self.cotangents.get(output).map(|name| self.floats(name))
    }

    /// The gradient that must flow out at an input, in `f64`; `None` if it gets none.
    #[must_use]
    pub fn grad(&self, input: &str) -> Option<ArrayD<f64>> {
        self.grad_as(input)
    }

    /// The gradient that must flow out at an input, rounded to `F`; `None` if it gets none.
    #[must_use]
    pub fn grad_as<F: Float>(&self, input: &str) -> Option<ArrayD<F>> {
        self.grads.get(input).map(|name| self.floats(name))
    }

    /// Integers among the inputs or outputs: indices, targets, lengths, positions.
    #[must_use]
    pub fn ints(&self, name: &str) -> ArrayD<i64> {
        match self.tensor(name) {
            Tensor::I64(array) => array.clone(),
            other => panic!("{}: `{name}` is {}, not i64", self.name, other.kind()),
        }
    }

    /// Integers that cannot be negative: class numbers, lengths.
    #[must_use]
    pub fn classes(&self, name: &str) -> ArrayD<usize> {
        self.ints(name).mapv(|class| {
            usize::try_from(class).unwrap_or_else(|_| panic!("{}: `{name}` has {class} among its classes", self.name))
        })
    }

    /// Truth values among the inputs or outputs.
    #[must_use]
    pub fn bools(&self, name: &str) -> ArrayD<bool> {
        match self.tensor(name) {
            Tensor::Bool(array) => array.clone(),
            other => panic!("{}: `{name}` is {}, not BOOL", self.name, other.kind()),
        }
    }

    /// The failure to return for an operation that the test does not know; see [`check`](super::check).
    ///
    /// # Errors
    /// Always.
    pub fn unknown(&self) -> Result<(), Box<dyn Error>> {
        Err(format!("the operation `{}` is not handled", self.op).into())
    }

    fn tensor(&self, name: &str) -> &Tensor {
        self.tensors.get(name).unwrap_or_else(|| self.absent("tensor", name, self.tensors.keys()))
    }

    fn floats<F: Float>(&self, name: &str) -> ArrayD<F> {
        self.tensor(name).floats().unwrap_or_else(|kind| panic!("{}: `{name}` is {kind}, not float", self.name))
    }

    pub(super) fn absent<'a>(&self, kind: &str, name: &str, there: impl IntoIterator<Item = &'a String>) -> ! {
        let there: Vec<&str> = there.into_iter().map(String::as_str).collect();
        panic!("{}: no {kind} `{name}`; there are {there:?}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn case() -> Case {
        let entry = json!({"case": "c", "op": "o", "inputs": ["x", "i"], "outputs": ["y"], "grads": {"x": "dx"}});
        let x = ndarray::arr1(&[0.1]).into_dyn();
        let index = ndarray::arr1(&[2, -1]).into_dyn();
        let own = [("x", Tensor::F64(x.clone())), ("dx", Tensor::F64(x)), ("i", Tensor::I64(index))];
        let own = own.into_iter().map(|(name, tensor)| (name.to_owned(), tensor)).collect();
        Case::new(&entry, &mut BTreeMap::from([("c".to_owned(), own)]))
    }

    #[test]
    fn tensors_are_found_by_role() {
        let case = case();
        assert_eq!(case.input("x")[[0]], 0.1);
        assert_eq!(case.input_as::<f32>("x")[[0]], 0.1_f32);
        assert!(case.grad("x").is_some());
        assert!(case.grad("i").is_none());
        assert!(case.try_input("bias").is_none());
        assert!(case.try_cotangent("y").is_none());
        assert_eq!(case.ints("i").into_raw_vec_and_offset().0, [2, -1]);
    }

    #[test]
    #[should_panic(expected = "c: no input `w`; there are [\"x\", \"i\"]")]
    fn an_absent_input_is_named() {
        let _ = case().input("w");
    }

    #[test]
    #[should_panic(expected = "c: `i` is i64, not float")]
    fn a_wrong_type_is_named() {
        let _ = case().input("i");
    }

    #[test]
    #[should_panic(expected = "c: `i` has -1 among its classes")]
    fn a_negative_class_is_named() {
        let _ = case().classes("i");
    }
}
