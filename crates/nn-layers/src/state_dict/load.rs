//! Putting a state dict into a model: all of it or what fits, and a report of what does not.

use super::StateDict;
use crate::{Error, Item, ItemMut, Module, Result};
use gradus_autograd::Real;
use std::fmt;

/// How a state dict fits a model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct LoadReport {
    /// Names that both have, with the same shape.
    pub matched: Vec<String>,
    /// Names that only the model has.
    pub missing: Vec<Unmatched>,
    /// Names that only the state dict has.
    pub unexpected: Vec<Unmatched>,
    /// Names that both have, with different shapes.
    pub shape_differs: Vec<ShapeDiffers>,
}

/// A name that only one side has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmatched {
    /// The name.
    pub name: String,
    /// The unmatched name of the other side that is most like it, if one is like it at all.
    pub nearest: Option<String>,
}

/// A name that has another shape on either side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShapeDiffers {
    /// The name.
    pub name: String,
    /// The shape in the model.
    pub model: Vec<usize>,
    /// The shape in the state dict.
    pub dict: Vec<usize>,
}

impl LoadReport {
    fn new<F: Real>(model: &(impl Module<F> + ?Sized), dict: &StateDict<F>) -> Self {
        let (mut report, mut missing) = (Self::default(), Vec::new());
        let mut known = std::collections::HashSet::new();
        model.visit(&mut |name, item| {
            let shape = match item {
                Item::Parameter(parameter) => parameter.shape(),
                Item::Buffer(buffer) => buffer.shape(),
            };
            match dict.get(name) {
                None => missing.push(name.to_owned()),
                Some(array) if array.shape() == shape => report.matched.push(name.to_owned()),
                Some(array) => {
                    let (model, dict) = (shape.to_vec(), array.shape().to_vec());
                    report.shape_differs.push(ShapeDiffers { name: name.to_owned(), model, dict });
                }
            }
            known.insert(name.to_owned());
        });
        let unexpected: Vec<String> = dict.names().filter(|name| !known.contains(*name)).map(str::to_owned).collect();
        let nearest = |names: &[String], others: &[String]| {
            let nearest = |(i, name): (usize, &String)| Unmatched {
                name: name.clone(),
                nearest: if i < SHOWN { nearest(name, others) } else { None },
            };
            names.iter().enumerate().map(nearest).collect()
        };
        report.missing = nearest(&missing, &unexpected);
        report.unexpected = nearest(&unexpected, &missing);
        report
    }

    /// Whether the state dict is exactly this model's: nothing missing, nothing unexpected, no shape that differs.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty() && self.shape_differs.is_empty()
    }
}

/// How many names of a kind a message shows, and for how many the nearest name is looked up.
const SHOWN: usize = 8;

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let in_model = self.matched.len() + self.missing.len() + self.shape_differs.len();
        write!(f, "{} of the model's {in_model} arrays match", self.matched.len())?;
        let unmatched = |Unmatched { name, nearest }: &Unmatched| match nearest {
            Some(nearest) => format!("{name} (like {nearest}?)"),
            None => name.clone(),
        };
        list(f, "missing", &self.missing, unmatched)?;
        list(f, "unexpected", &self.unexpected, unmatched)?;
        list(f, "another shape", &self.shape_differs, |ShapeDiffers { name, model, dict }| {
            format!("{name} (model {model:?}, state dict {dict:?})")
        })
    }
}

fn list<T>(f: &mut fmt::Formatter<'_>, what: &str, items: &[T], text: impl Fn(&T) -> String) -> fmt::Result {
    if items.is_empty() {
        return Ok(());
    }
    let shown: Vec<_> = items.iter().take(SHOWN).map(text).collect();
    write!(f, "; {what}: {}", shown.join(", "))?;
    match items.len() - shown.len() {
        0 => Ok(()),
        more => write!(f, " and {more} more"),
    }
}

/// All or nothing.
pub(crate) fn load_strict<F: Real>(model: &mut (impl Module<F> + ?Sized), dict: &StateDict<F>) -> Result<()> {
    let report = LoadReport::new(model, dict);
    if !report.is_complete() {
        return Err(Error::StateDict(report));
    }
    put(model, dict);
    Ok(())
}

/// What fits.
pub(crate) fn load_matching<F: Real>(model: &mut (impl Module<F> + ?Sized), dict: &StateDict<F>) -> LoadReport {
    let report = LoadReport::new(model, dict);
    put(model, dict);
    report
}

/// Gives the model every array whose name and shape it has.
fn put<F: Real>(model: &mut (impl Module<F> + ?Sized), dict: &StateDict<F>) {
    model.visit_mut(&mut |name, item| {
        let value = match item {
            ItemMut::Parameter(parameter) => parameter.value_mut(),
            ItemMut::Buffer(buffer) => buffer.value_mut(),
        };
        if let Some(array) = dict.get(name)
            && array.shape() == value.shape()
        {
            *value = array.clone().into_standard_layout().to_shared();
        }
    });
}

/// The name that is most like this one, if less than half of it has to be changed.
fn nearest(name: &str, others: &[String]) -> Option<String> {
    /// A file may hold very many names, and very long ones.
    const MOST: (usize, usize) = (1000, 200);
    let likely = others.iter().take(MOST.0).filter(|other| name.len().max(other.len()) <= MOST.1);
    let (distance, other) = likely.map(|other| (edit_distance(name, other), other)).min()?;
    (2 * distance < name.len().max(other.len())).then(|| other.clone())
}

/// The least number of bytes to insert, delete or replace that makes one string the other.
///
/// V. I. Levenshtein, *Binary codes capable of correcting deletions, insertions and reversals*, 1966.
fn edit_distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edit_distances() {
        for (a, b, distance) in
            [("", "", 0), ("", "abc", 3), ("kitten", "sitting", 3), ("fc.weight", "fc1.weight", 1), ("ab", "ba", 2)]
        {
            assert_eq!((edit_distance(a, b), edit_distance(b, a)), (distance, distance), "{a} {b}");
        }
    }

    #[test]
    fn the_nearest_name_is_like_the_name() {
        let others = ["fc2.weight".to_owned(), "fc1.weight".into(), "zzz".into()];
        assert_eq!(nearest("fc1.weigth", &others), Some("fc1.weight".into()));
        assert_eq!(nearest("norm.running_mean", &others), None);
        assert_eq!(nearest("x", &[]), None);
    }
}
