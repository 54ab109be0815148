//! The arguments of a case, by name and type.

use serde_json::Value;

use super::Case;

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
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    fn case() -> Case {
        let args = json!({
            "alpha": 1.5, "ord": "-inf", "lp": "3", "bias": true, "mode": "max", "stride": [2, 1], "axis": -1,
            "axes": null, "ranges": [[-2, 4, 1], [0, -1, 1]], "param": null,
        });
        Case::new(&json!({"case": "c", "op": "o", "args": args}), &mut BTreeMap::new())
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
    #[should_panic(expected = "c: the argument `axis` is -1, not a count")]
    fn a_wrong_argument_is_named() {
        let _ = case().try_usize("axis");
    }
}
