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
    args: Map<String, Value>,
    inputs: Vec<String>,
    outputs: Vec<String>,
    cotangents: BTreeMap<String, String>,
    grads: BTreeMap<String, String>,
    tensors: BTreeMap<String, Tensor>,
}

/// # Tensors
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

    fn tensor(&self, name: &str) -> &Tensor {
        self.tensors.get(name).unwrap_or_else(|| self.absent("tensor", name, self.tensors.keys()))
    }

    fn floats<F: Float>(&self, name: &str) -> ArrayD<F> {
        self.tensor(name).floats().unwrap_or_else(|kind| panic!("{}: `{name}` is {kind}, not float", self.name))
    }

    fn absent<'a>(&self, kind: &str, name: &str, there: impl IntoIterator<Item = &'a String>) -> ! {
        let there: Vec<&str> = there.into_iter().map(String::as_str).collect();
        panic!("{}: no {kind} `{name}`; there are {there:?}", self.name)
    }
}

/// # Arguments
///
/// An argument that is `null` counts as not given, except for [`axes`](Case::axes).
impl Case {
    /// An argument as it stands in the index; `None` if it is not given or `null`.
    #[must_use]
    pub fn arg(&self, name: &str) -> Option<&Value> {
        self.args.get(name).filter(|value| !value.is_null())
    }

    /// A number; `inf`, `-inf` and numbers in strings are understood.
    #[must_use]
    pub fn f64(&self, name: &str) -> f64 {
        self.given(name, self.try_f64(name))
    }

    /// A number that need not be given.
    #[must_use]
    pub fn try_f64(&self, name: &str) -> Option<f64> {
        self.typed(name, "a number", as_f64)
    }

    /// A count.
    #[must_use]
    pub fn usize(&self, name: &str) -> usize {
        self.given(name, self.try_usize(name))
    }

    /// A count that need not be given.
    #[must_use]
    pub fn try_usize(&self, name: &str) -> Option<usize> {
        self.typed(name, "a count", as_usize)
    }

    /// An integer: an axis, an index.
    #[must_use]
    pub fn isize(&self, name: &str) -> isize {
        self.given(name, self.try_isize(name))
    }

    /// An integer that need not be given.
    #[must_use]
    pub fn try_isize(&self, name: &str) -> Option<isize> {
        self.typed(name, "an integer", as_isize)
    }

    /// A truth value.
    #[must_use]
    pub fn bool(&self, name: &str) -> bool {
        self.given(name, self.try_bool(name))
    }

    /// A truth value that need not be given.
    #[must_use]
    pub fn try_bool(&self, name: &str) -> Option<bool> {
        self.typed(name, "a truth value", Value::as_bool)
    }

    /// A word.
    #[must_use]
    pub fn str(&self, name: &str) -> &str {
        self.given(name, self.try_str(name))
    }

    /// A word that need not be given.
    #[must_use]
    pub fn try_str(&self, name: &str) -> Option<&str> {
        self.typed(name, "a string", Value::as_str)
    }

    /// A list of numbers, such as `betas`.
    #[must_use]
    pub fn f64s(&self, name: &str) -> Vec<f64> {
        self.given(name, self.typed(name, "a list of numbers", |value| list(value, as_f64)))
    }

    /// A list of counts, such as `stride`; a single count is a list of one.
    #[must_use]
    pub fn usizes(&self, name: &str) -> Vec<usize> {
        self.given(name, self.try_usizes(name))
    }

    /// A list of counts that need not be given.
    #[must_use]
    pub fn try_usizes(&self, name: &str) -> Option<Vec<usize>> {
        self.typed(name, "a list of counts", |value| list(value, as_usize))
    }

    /// A list of integers; a single integer is a list of one.
    #[must_use]
    pub fn isizes(&self, name: &str) -> Vec<isize> {
        self.given(name, self.try_isizes(name))
    }

    /// A list of integers that need not be given.
    #[must_use]
    pub fn try_isizes(&self, name: &str) -> Option<Vec<isize>> {
        self.typed(name, "a list of integers", |value| list(value, as_isize))
    }

    /// A list of lists of integers, such as `ranges` (start, end, step) and `widths` (before, after).
    #[must_use]
    pub fn table(&self, name: &str) -> Vec<Vec<isize>> {
        self.given(
            name,
            self.typed(name, "a list of lists of integers", |value| {
                value.as_array()?.iter().map(|row| list(row, as_isize)).collect()
            }),
        )
    }

    /// The axes to reduce over; `None`, which is `null` in the index, are all axes.
    #[must_use]
    pub fn axes(&self, name: &str) -> Option<Vec<isize>> {
        if !self.args.contains_key(name) {
            self.absent("argument", name, self.args.keys())
        }
        self.try_isizes(name)
    }

    /// The failure to return for an operation that the test does not know; see [`check`](super::check).
    ///
    /// # Errors
    /// Always.
    pub fn unknown(&self) -> Result<(), Box<dyn Error>> {
        Err(format!("the operation `{}` is not handled", self.op).into())
    }

    fn given<T>(&self, name: &str, value: Option<T>) -> T {
        value.unwrap_or_else(|| self.absent("argument", name, self.args.keys()))
    }

    fn typed<'a, T>(&'a self, name: &str, kind: &str, read: impl Fn(&'a Value) -> Option<T>) -> Option<T> {
        self.arg(name).map(|value| {
            read(value).unwrap_or_else(|| panic!("{}: the argument `{name}` is {value}, not {kind}", self.name))
        })
    }
}

fn as_f64(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

fn as_usize(value: &Value) -> Option<usize> {
    value.as_u64().and_then(|n| usize::try_from(n).ok())
}

fn as_isize(value: &Value) -> Option<isize> {
    value.as_i64().and_then(|n| isize::try_from(n).ok())
}

fn list<T>(value: &Value, read: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    match value {
        Value::Array(items) => items.iter().map(read).collect(),
        single => read(single).map(|item| vec![item]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn case() -> Case {
        let args = json!({
            "alpha": 1.5, "ord": "-inf", "lp": "3", "bias": true, "mode": "max", "stride": [2, 1], "axis": -1,
            "axes": null, "ranges": [[-2, 4, 1], [0, -1, 1]], "param": null,
        });
        let entry =
            json!({"case": "c", "op": "o", "args": args, "inputs": ["x", "i"], "outputs": ["y"], "grads": {"x": "dx"}});
        let x = ndarray::arr1(&[0.1]).into_dyn();
        let index = ndarray::arr1(&[2, -1]).into_dyn();
        let own = [("x", Tensor::F64(x.clone())), ("dx", Tensor::F64(x)), ("i", Tensor::I64(index))];
        let own = own.into_iter().map(|(name, tensor)| (name.to_owned(), tensor)).collect();
        Case::new(&entry, &mut BTreeMap::from([("c".to_owned(), own)]))
    }

    #[test]
    fn arguments_have_types() {
        let case = case();
        assert_eq!(case.f64("alpha"), 1.5);
        assert_eq!((case.f64("ord"), case.f64("lp")), (f64::NEG_INFINITY, 3.0));
        assert!(case.bool("bias"));
        assert_eq!(case.str("mode"), "max");
        assert_eq!(case.usizes("stride"), [2, 1]);
        assert_eq!((case.isize("axis"), case.isizes("axis")), (-1, vec![-1]));
        assert_eq!((case.axes("axes"), case.axes("axis")), (None, Some(vec![-1])));
        assert_eq!(case.table("ranges"), [[-2, 4, 1], [0, -1, 1]]);
        assert_eq!((case.try_f64("param"), case.try_f64("nonesuch")), (None, None));
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
    #[should_panic(expected = "c: the argument `axis` is -1, not a count")]
    fn a_wrong_argument_is_named() {
        let _ = case().try_usize("axis");
    }

    #[test]
    #[should_panic(expected = "c: `i` has -1 among its classes")]
    fn a_negative_class_is_named() {
        let _ = case().classes("i");
    }
}
