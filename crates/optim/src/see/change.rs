//! One element of one parameter before and after a step.

use crate::plot::significant;

/// What one step did to one number: everything that a rule needs to show its formula with the numbers put in.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The parameter's name.
    pub parameter: String,
    /// Where the element stands in it.
    pub index: Vec<usize>,
    /// The updates of this parameter, this one included, as the optimizer has counted them; if it remembers nothing of the
    /// parameter, those that were watched.
    pub steps: u64,
    /// The learning rate.
    pub lr: f64,
    /// The element before.
    pub before: f64,
    /// Its gradient.
    pub gradient: f64,
    /// The element after.
    pub after: f64,
    /// What the optimizer remembers of the element, and of the parameter as a whole; what an optimizer inside another one
    /// remembers comes first.
    pub state: Vec<Remembered>,
}

/// A number that an optimizer remembers.
#[derive(Debug, Clone, PartialEq)]
pub struct Remembered {
    /// The array's name.
    pub name: String,
    /// The number before; 0 where there was none.
    pub before: f64,
    /// The number after.
    pub after: f64,
}

impl Change {
    /// The number remembered under this name, before the step and after; zeros if there is none.
    #[must_use]
    pub fn remembered(&self, name: &str) -> (f64, f64) {
        let found = self.state.iter().find(|remembered| remembered.name == name);
        found.map_or((0.0, 0.0), |remembered| (remembered.before, remembered.after))
    }

    /// The gradient with the penalty's share, as it enters a rule, and the line that says so.
    pub(crate) fn gradient_with(&self, penalty: f64) -> (Vec<String>, f64) {
        let g = self.gradient + penalty * self.before;
        if penalty == 0.0 {
            return (vec![format!("g = {}", number(g))], g);
        }
        let (own, theta) = (term(self.gradient), term(self.before));
        (vec![format!("g ← g + λ θ = {own} + {} · {theta} = {}", number(penalty), number(g))], g)
    }

    /// The step in numbers without the rule's formula, which is all that can be said of a rule that does not explain itself.
    #[must_use]
    pub fn plain(&self) -> Vec<String> {
        let (g, lr) = (number(self.gradient), number(self.lr));
        let mut lines = vec![format!("g = {g}, lr = {lr}")];
        for Remembered { name, before, after } in &self.state {
            lines.push(format!("{name}: {} → {}", number(*before), number(*after)));
        }
        let moved = self.after - self.before;
        let mut last = format!("θ: {} → {}, by {}", number(self.before), number(self.after), number(moved));
        if self.gradient != 0.0 && self.lr != 0.0 {
            last.push_str(&format!(" = {} · lr · g", number(moved / (self.lr * self.gradient))));
        }
        lines.push(last);
        lines
    }
}

/// Six digits: enough to follow the sum with a pocket calculator.
pub(crate) fn number(x: f64) -> String {
    significant(x, 6)
}

/// For a place in a formula where a minus sign would be read as an operator.
pub(crate) fn term(x: f64) -> String {
    if x < 0.0 { format!("({})", number(x)) } else { number(x) }
}
