//! A backward pass as mathematics, before it is run.

use crate::formulas::{Formula, broadcasts, formula};
use crate::tape::{Backward, List, Node};
use crate::{Error, Gradients, LeafId, Result, Steps, Var};
use gradus_linalg::Real;
use ndarray::Dimension;
use std::panic::Location;

/// A backward pass in formulas: for each entry of the tape, from the loss backwards, the value it computed, the line of
/// code that did, and for each of its inputs the chain rule's factor with the shapes.
///
/// `Display` gives plain text; [`Explanation::latex`], [`Explanation::mermaid`] and [`Explanation::dot`] the same for
/// a document, a web page and Graphviz. The same computation gives the same text in every run.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    pub(crate) root: usize,
    /// Whether the walk begins with 1 rather than with a cotangent that is given.
    pub(crate) scalar: bool,
    /// Entries of the tape through which no gradient flows.
    pub(crate) idle: usize,
    /// The entries, from the root backwards.
    pub(crate) parts: Vec<Part>,
    names: Vec<(usize, String)>,
    formulas: Vec<(&'static str, Formula)>,
    /// Whether the numbers of a run stand beside the formulas.
    pub(crate) numbers: bool,
}

/// One operation or variable of an explanation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Part {
    /// Its places on the tape, one for each result, and their shapes.
    pub(crate) nodes: Vec<usize>,
    pub(crate) shapes: Vec<Vec<usize>>,
    pub(crate) operation: &'static str,
    pub(crate) location: &'static Location<'static>,
    pub(crate) leaf: Option<Option<LeafId>>,
    pub(crate) inputs: Vec<Option<Input>>,
    pub(crate) hooks: usize,
    /// Of a run: the gradient of each result, complete.
    pub(crate) numbers: Vec<Option<String>>,
}

/// An input of an operation through which the gradient flows on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Input {
    pub(crate) node: usize,
    pub(crate) shape: Vec<usize>,
    /// Whether nothing has been added to its gradient before.
    pub(crate) first: bool,
    /// Of a run: its gradient after this step.
    pub(crate) number: Option<String>,
}

impl<F: Real> Var<F> {
    /// The backward pass from here in formulas. Nothing is run, and the tape stays as it is.
    ///
    /// # Examples
    /// ```
    /// use gradus_autograd::{Tape, ndarray::array};
    /// let tape = Tape::recording();
    /// let (w, x) = (tape.variable(array![2.0, -1.0]), tape.input(array![3.0, 5.0]));
    /// let loss = (&w * &x).tanh().sum();
    /// let explanation = loss.explain()?.named(&w, "w");
    /// let text = explanation.to_string();
    /// assert!(text.contains("∂L/∂v1 = ∂L/∂v2 ⊙ (1 − v2²)"), "{text}");
    /// assert!(text.contains("∂L/∂w = ∂L/∂v1 ⊙ data"), "{text}");
    /// assert!(loss.backward().is_ok());
    /// # Ok::<(), gradus_autograd::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NotRecorded`], and [`Error::Spent`] after `backward`.
    pub fn explain(&self) -> Result<Explanation> {
        let list = self.tape.list.borrow();
        if list.spent {
            return Err(Error::Spent);
        }
        let root = self.node.ok_or(Error::NotRecorded)? as usize;
        let parts = parts(&list, root);
        let idle = list.entries.len() - parts.iter().map(|part| part.nodes.len()).sum::<usize>();
        let scalar = self.value.len() == 1;
        Ok(Explanation { root, scalar, idle, parts, names: Vec::new(), formulas: Vec::new(), numbers: false })
    }

    /// Runs the backward pass of a number, and writes the gradients beside the formulas: small arrays whole, of large
    /// ones the range and the norm.
    ///
    /// # Errors
    /// As [`Var::backward`].
    pub fn explain_with_numbers(&self) -> Result<(Explanation, Gradients<F>)> {
        let mut steps = self.backward_steps()?;
        for step in &mut steps {
            step?;
        }
        let Steps { explanation, .. } = &mut steps;
        let mut explanation = explanation.clone();
        explanation.numbers = true;
        Ok((explanation, steps.finish()?))
    }
}

/// The backward pass from a loss in formulas: [`Var::explain`] as a function.
///
/// # Errors
/// [`Error::NotRecorded`], and [`Error::Spent`] after `backward`.
pub fn explain<F: Real>(loss: &Var<F>) -> Result<Explanation> {
    loss.explain()
}

/// What lies on a way from the root to a leaf, from the root backwards.
fn parts<F: Real>(list: &List<F>, root: usize) -> Vec<Part> {
    let mut wanted = vec![false; list.entries.len()];
    let mut reached = vec![false; list.entries.len()];
    (wanted[root], reached[root]) = (true, true);
    let mut parts = Vec::new();
    for node in (0..list.entries.len()).rev() {
        let entry = &list.entries[node];
        let outputs = match entry.backward {
            Backward::Further => continue, // it stands with the first output
            Backward::Many(outputs, _) => outputs as usize,
            Backward::One(_) | Backward::Leaf(_) => 1,
        };
        let nodes: Vec<usize> = (node..node + outputs).collect();
        if !nodes.iter().any(|&node| wanted[node]) {
            continue;
        }
        let (start, len) = (entry.inputs.0 as usize, entry.inputs.1 as usize);
        let inputs = list.inputs[start..start + len].iter().map(|input: &Option<Node>| {
            let node = (*input)? as usize;
            wanted[node] = true;
            let first = !std::mem::replace(&mut reached[node], true);
            Some(Input { node, shape: list.entries[node].shape.slice().to_vec(), first, number: None })
        });
        parts.push(Part {
            inputs: inputs.collect(),
            shapes: nodes.iter().map(|&node| list.entries[node].shape.slice().to_vec()).collect(),
            operation: entry.operation,
            location: entry.location,
            leaf: if let Backward::Leaf(id) = entry.backward { Some(id) } else { None },
            hooks: list.hooks.iter().filter(|&&(hooked, _)| nodes.contains(&(hooked as usize))).count(),
            numbers: vec![None; nodes.len()],
            nodes,
        });
    }
    parts
}

/// A way to write formulas.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Style {
    Text,
    Latex,
}

impl Explanation {
    /// Gives a variable a name; the others are called by their places on the tape, `v0`, `v1` and so on.
    #[must_use]
    pub fn named<F: Real>(mut self, variable: &Var<F>, name: impl Into<String>) -> Self {
        if let Some(node) = variable.node {
            self.names.insert(0, (node as usize, name.into()));
        }
        self
    }

    /// Gives a parameter a name.
    #[must_use]
    pub fn named_leaf(mut self, leaf: LeafId, name: impl Into<String>) -> Self {
        if let Some(part) = self.parts.iter().find(|part| part.leaf == Some(Some(leaf))) {
            self.names.insert(0, (part.nodes[0], name.into()));
        }
        self
    }

    /// Says how an operation of your own, or one of another crate, is to be written.
    #[must_use]
    pub fn with_formula(mut self, operation: &'static str, formula: Formula) -> Self {
        self.formulas.insert(0, (operation, formula));
        self
    }

    /// Whether the numbers of a run stand beside the formulas.
    #[must_use]
    pub fn has_numbers(&self) -> bool {
        self.numbers
    }

    /// What a place on the tape is called.
    pub(crate) fn name(&self, node: usize, style: Style) -> String {
        let given = self.names.iter().find(|(named, _)| *named == node).map(|(_, name)| name);
        match (given, style) {
            (None, Style::Text) => format!("v{node}"),
            (None, Style::Latex) => format!("v_{{{node}}}"),
            (Some(name), Style::Text) => name.clone(),
            (Some(name), Style::Latex) if name.chars().count() == 1 => latex_text(name),
            (Some(name), Style::Latex) => format!(r"\mathit{{{}}}", latex_text(name)),
        }
    }

    /// The gradient of a place on the tape.
    pub(crate) fn gradient(&self, node: usize, style: Style) -> String {
        let name = self.name(node, style);
        match style {
            Style::Text => format!("∂L/∂{name}"),
            Style::Latex => format!(r"\frac{{\partial L}}{{\partial {name}}}"),
        }
    }

    fn formula(&self, operation: &str) -> Option<Formula> {
        let own = self.formulas.iter().find(|(name, _)| *name == operation).map(|&(_, formula)| formula);
        own.or_else(|| formula(operation))
    }

    /// The right-hand side of `y = …`.
    pub(crate) fn value(&self, part: &Part, style: Style) -> String {
        if part.leaf.is_some() {
            return match style {
                Style::Text => part.operation.to_owned(),
                Style::Latex => format!(r"\text{{{}}}", latex_text(part.operation)),
            };
        }
        match (self.formula(part.operation), style) {
            (Some(formula), Style::Text) => self.filled(formula.text, part, 0, style),
            (Some(formula), Style::Latex) => self.filled(formula.latex, part, 0, style),
            (None, _) => {
                let inputs: Vec<_> = (0..part.inputs.len()).map(|i| self.input(part, i, style)).collect();
                let operation = match style {
                    Style::Text => part.operation.to_owned(),
                    Style::Latex => format!(r"\operatorname{{{}}}", latex_text(part.operation)),
                };
                format!("{operation}({})", inputs.join(", "))
            }
        }
    }

    /// The right-hand side of `∂L/∂x = …` for one input.
    pub(crate) fn factor(&self, part: &Part, input: usize, style: Style) -> String {
        let formula = self.formula(part.operation);
        let rule = formula.and_then(|f| f.gradients.get(input).or(f.gradients.last()));
        let Some(&(text, latex)) = rule else { return self.generic(part, input, style) };
        let factor = self.filled(if style == Style::Text { text } else { latex }, part, input, style);
        let smaller = part.inputs[input].as_ref().is_some_and(|input| input.shape != part.shapes[0]);
        match (broadcasts(part.operation) && smaller, style) {
            (false, _) => factor,
            (true, Style::Text) => format!("Σ ({factor}) over the repeats"),
            (true, Style::Latex) => format!(r"\sum_{{\text{{repeats}}}} \left({factor}\right)"),
        }
    }

    /// The chain rule for an operation of which nothing more is known.
    fn generic(&self, part: &Part, input: usize, style: Style) -> String {
        let x = self.input(part, input, style);
        let term = |&node: &usize| {
            let (y, g) = (self.name(node, style), self.gradient(node, style));
            match style {
                Style::Text => format!("(∂{y}/∂{x})ᵀ {g}"),
                Style::Latex => format!(r"\left(\frac{{\partial {y}}}{{\partial {x}}}\right)^{{\!\top}} {g}"),
            }
        };
        part.nodes.iter().map(term).collect::<Vec<_>>().join(" + ")
    }

    pub(crate) fn input(&self, part: &Part, input: usize, style: Style) -> String {
        match (part.inputs.get(input).and_then(Option::as_ref), style) {
            (Some(input), _) => self.name(input.node, style),
            (None, Style::Text) if input < part.inputs.len() => "data".to_owned(),
            (None, Style::Latex) if input < part.inputs.len() => r"\mathrm{data}".to_owned(),
            (None, _) => "0".to_owned(), // an input that is left out, such as a bias
        }
    }

    fn filled(&self, template: &str, part: &Part, own: usize, style: Style) -> String {
        let mut filled = String::new();
        let mut rest = template;
        while let Some(place) = rest.find('@') {
            filled.push_str(&rest[..place]);
            let symbol = &rest[place + 1..];
            filled.push_str(&match symbol.chars().next() {
                Some('y') => self.name(part.nodes[0], style),
                Some('g') => self.gradient(part.nodes[0], style),
                Some('b') => self.input(part, 1, style),
                Some('c') => self.input(part, 2, style),
                Some('x') => self.input(part, own, style),
                _ => self.input(part, 0, style),
            });
            rest = symbol.get(1..).unwrap_or("");
        }
        filled + rest
    }
}

/// Text for LaTeX, its special characters escaped.
pub(crate) fn latex_text(text: &str) -> String {
    let escaped = |c: char| match c {
        '_' | '&' | '%' | '#' | '$' | '{' | '}' => format!("\\{c}"),
        '\\' => r"\backslash ".to_owned(),
        '^' | '~' => format!(r"\{c}{{}}"),
        _ => c.to_string(),
    };
    text.chars().map(escaped).collect()
}
