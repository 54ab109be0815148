//! Explanations as text, LaTeX, Mermaid and DOT.

use crate::Value;
use crate::explain::{Explanation, Part, Style, latex_text};
use gradus_linalg::Real;
use std::fmt::{self, Write};

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = self.name(self.root, Style::Text);
        let numbers = match self.numbers {
            true => "The numbers are those of a run.",
            false => "No numbers: nothing has been run.",
        };
        let entries: usize = self.parts.iter().map(|part| part.nodes.len()).sum();
        write!(f, "The backward pass from L = {root}, through {entries} entries of the tape")?;
        if self.idle > 0 {
            write!(f, " ({} more take no part)", self.idle)?;
        }
        writeln!(f, ". {numbers}")?;
        for part in &self.parts {
            writeln!(f)?;
            self.write_part(part, f)?;
        }
        Ok(())
    }
}

impl Explanation {
    pub(crate) fn write_part(&self, part: &Part, f: &mut impl Write) -> fmt::Result {
        let results: Vec<_> = part.nodes.iter().map(|&node| self.name(node, Style::Text)).collect();
        let shapes: Vec<_> = part.shapes.iter().map(|shape| format!("{shape:?}")).collect();
        let (results, value, shapes) = (results.join(", "), self.value(part, Style::Text), shapes.join(", "));
        writeln!(f, "{results} = {value}  {shapes}  {}, {}", part.operation, part.location)?;
        for (&node, number) in part.nodes.iter().zip(&part.numbers) {
            let gradient = self.gradient(node, Style::Text);
            if node == self.root {
                writeln!(f, "    {gradient} = {}", if self.scalar { "1" } else { "the given cotangent" })?;
            }
            if let Some(number) = number {
                writeln!(f, "    {gradient} is complete: {number}")?;
            }
        }
        if part.hooks > 0 {
            writeln!(f, "    {} here before it flows on", counted(part.hooks, "hook runs", "hooks run"))?;
        }
        if part.leaf.is_some() && !self.numbers {
            writeln!(f, "    {} is complete, and kept", self.gradient(part.nodes[0], Style::Text))?;
        }
        for (i, input) in part.inputs.iter().enumerate() {
            let Some(input) = input else { continue };
            let (gradient, factor) = (self.gradient(input.node, Style::Text), self.factor(part, i, Style::Text));
            let sign = if input.first { "=" } else { "+=" };
            write!(f, "    {gradient} {sign} {factor}  {:?}", input.shape)?;
            match &input.number {
                Some(number) => writeln!(f, "  → {number}")?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }

    /// The formulas as an `align*` environment of LaTeX's `amsmath`.
    #[must_use]
    pub fn latex(&self) -> String {
        let mut latex = String::from("\\begin{align*}\n");
        for part in &self.parts {
            let results: Vec<_> = part.nodes.iter().map(|&node| self.name(node, Style::Latex)).collect();
            let place = format!("{}, {}", part.operation, part.location);
            let (value, place) = (self.value(part, Style::Latex), latex_text(&place));
            let (results, shape) = (results.join(", "), space(&part.shapes[0]));
            latex += &format!("{results} &= {value} && \\in {shape} && \\text{{{place}}} \\\\\n");
            if part.nodes.contains(&self.root) {
                let seed = if self.scalar { "1" } else { r"\text{the given cotangent}" };
                latex += &format!("{} &= {seed} \\\\\n", self.gradient(self.root, Style::Latex));
            }
            for (i, input) in part.inputs.iter().enumerate() {
                let Some(input) = input else { continue };
                let (gradient, factor) = (self.gradient(input.node, Style::Latex), self.factor(part, i, Style::Latex));
                let sign = if input.first { "=" } else { r"\mathrel{+}=" };
                latex += &format!("{gradient} &{sign} {factor} && \\in {}", space(&input.shape));
                if let Some(number) = &input.number {
                    latex += &format!(" && \\text{{{}}}", latex_text(number));
                }
                latex += " \\\\\n";
            }
        }
        latex + "\\end{align*}\n"
    }

    /// The graph as a Mermaid flow chart: values as boxes, the chain rule's factors on the arrows, which point the way
    /// of the computation.
    #[must_use]
    pub fn mermaid(&self) -> String {
        let escaped = |text: &str| text.replace('"', "#quot;").replace('<', "#lt;").replace('>', "#gt;");
        let mut chart = String::from("flowchart BT\n");
        for part in &self.parts {
            let (title, place) = (escaped(&self.title(part)), escaped(&part.location.to_string()));
            let (open, close) = if part.leaf.is_some() { ("([", "])") } else { ("[", "]") };
            chart += &format!("    v{}{open}\"{title}<br>{place}\"{close}\n", part.nodes[0]);
        }
        for (from, to, factor) in self.edges() {
            chart += &format!("    v{from} -->|\"{}\"| v{to}\n", escaped(&factor));
        }
        chart
    }

    /// The graph in Graphviz' DOT language: values as boxes, the chain rule's factors on the arrows, which point the way
    /// of the computation.
    #[must_use]
    pub fn dot(&self) -> String {
        let escaped = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        let mut graph = String::from("digraph backward {\n    rankdir=BT;\n    node [shape=box];\n");
        for part in &self.parts {
            let (title, place) = (escaped(&self.title(part)), escaped(&part.location.to_string()));
            let style = if part.leaf.is_some() { ", style=rounded" } else { "" };
            graph += &format!("    v{} [label=\"{title}\\n{place}\"{style}];\n", part.nodes[0]);
        }
        for (from, to, factor) in self.edges() {
            graph += &format!("    v{from} -> v{to} [label=\"{}\"];\n", escaped(&factor));
        }
        graph + "}\n"
    }

    fn title(&self, part: &Part) -> String {
        let results: Vec<_> = part.nodes.iter().map(|&node| self.name(node, Style::Text)).collect();
        format!("{} = {} {:?}", results.join(", "), self.value(part, Style::Text), part.shapes[0])
    }

    /// From an input to the operation that uses it, with the factor.
    fn edges(&self) -> Vec<(usize, usize, String)> {
        let first = |node: usize| {
            let part = self.parts.iter().find(|part| part.nodes.contains(&node));
            part.map_or(node, |part| part.nodes[0]) // a box stands for all results of an operation
        };
        let mut edges = Vec::new();
        for part in &self.parts {
            for (i, input) in part.inputs.iter().enumerate() {
                if let Some(input) = input {
                    let sign = if input.first { "=" } else { "+=" };
                    let gradient = self.gradient(input.node, Style::Text);
                    let factor = format!("{gradient} {sign} {}", self.factor(part, i, Style::Text));
                    edges.push((first(input.node), part.nodes[0], factor));
                }
            }
        }
        edges
    }
}

fn space(shape: &[usize]) -> String {
    if shape.is_empty() {
        return r"\mathbb{R}".to_owned();
    }
    let lengths: Vec<_> = shape.iter().map(ToString::to_string).collect();
    format!(r"\mathbb{{R}}^{{{}}}", lengths.join(r" \times "))
}

fn counted(n: usize, one: &str, more: &str) -> String {
    if n == 1 { format!("one {one}") } else { format!("{n} {more}") }
}

/// The most elements that are written out.
const WHOLE: usize = 12;

/// An array in one line: whole if it is small, otherwise its range and norm.
pub(crate) fn abbreviated<F: Real>(value: &Value<F>) -> String {
    if value.len() <= WHOLE {
        let mut line = String::new();
        write_whole(&value.view(), &mut line);
        return line;
    }
    let numbers = || value.iter().map(|x| x.to_f64());
    let (low, high) = numbers().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(x), h.max(x)));
    let norm = numbers().map(|x| x * x).sum::<f64>().sqrt();
    let unfinished = numbers().filter(|x| !x.is_finite()).count();
    let rest = if unfinished > 0 { format!(", {unfinished} not finite") } else { String::new() };
    format!("{} numbers from {} to {}, norm {}{rest}", value.len(), digits(low), digits(high), digits(norm))
}

fn write_whole<F: Real>(array: &ndarray::ArrayViewD<'_, F>, line: &mut String) {
    if array.ndim() == 0 {
        line.push_str(&digits(array.first().map_or(f64::NAN, |x| x.to_f64())));
        return;
    }
    line.push('[');
    for (i, part) in array.outer_iter().enumerate() {
        if i > 0 {
            line.push_str(", ");
        }
        write_whole(&part, line);
    }
    line.push(']');
}

/// A number to six digits.
fn digits(x: f64) -> String {
    let rounded: f64 = format!("{x:.5e}").parse().unwrap_or(x);
    let size = rounded.abs();
    if size != 0.0 && size.is_finite() && !(1e-4..1e7).contains(&size) {
        format!("{rounded:e}")
    } else {
        format!("{rounded}")
    }
}
